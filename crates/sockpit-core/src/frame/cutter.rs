//! Where a message ends: what the framings have in common, for the decoder.

use std::time::Duration;

use memchr::memchr;

use super::Framing;
use super::cobs;
use super::decoder::FrameError;
use super::delimited::{self, Delimiter};
use super::length::Header;
use super::slip;
use crate::time::Time;

/// Finds the ends of messages in bytes that it sees once and does not keep, and opens the messages
/// that the decoder puts together.
#[derive(Clone, Debug)]
pub(super) enum Cutter {
    Raw,
    Lines,
    Delimited(Box<Delimiter>),
    Fixed(usize),
    Length(Header),
    Slip {
        /// Whether an `END` that ended no message stands directly before the next one.
        leads: bool,
    },
    Cobs,
    Gap {
        span: Duration,
        /// When the silence is long enough to end the message under way.
        deadline: Option<Time>,
    },
}

/// What a message says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) payload: &'a [u8],
    pub(super) is_malformed: bool,
}

impl<'a> Content<'a> {
    pub(super) const fn plain(payload: &'a [u8]) -> Self {
        Self {
            payload,
            is_malformed: false,
        }
    }

    pub(super) const fn malformed(payload: &'a [u8]) -> Self {
        Self {
            payload,
            is_malformed: true,
        }
    }
}

impl Cutter {
    pub(super) fn new(framing: &Framing) -> Self {
        match framing {
            Framing::Raw => Self::Raw,
            // No text reads as an empty delimiter; it would end endless messages within no bytes.
            Framing::Delimited(needle) if needle.is_empty() => Self::Raw,
            Framing::Lines => Self::Lines,
            Framing::Delimited(needle) => Self::Delimited(Box::new(Delimiter::new(needle))),
            Framing::Fixed(len) => Self::Fixed(len.get()),
            Framing::Length(prefix) => Self::Length(Header::new(*prefix)),
            Framing::Slip => Self::Slip { leads: false },
            Framing::Cobs => Self::Cobs,
            Framing::Gap(span) => Self::Gap {
                span: span.0,
                deadline: None,
            },
        }
    }

    /// Counts the bytes at the head of `fresh` that belong to no message, while none is under way.
    pub(super) fn skip(&mut self, fresh: &[u8]) -> usize {
        match self {
            Self::Slip { leads } => {
                let count = slip::fillers(fresh);
                *leads |= count > 0;
                count
            }
            Self::Cobs => cobs::fillers(fresh),
            _ => 0,
        }
    }

    /// Takes the next bytes of the message that began at `start` and of which `buffered` bytes have
    /// come, and says how many of them belong to it if it ends here.
    pub(super) fn cut(
        &mut self,
        fresh: &[u8],
        start: u64,
        buffered: usize,
        limit: usize,
    ) -> Result<Option<usize>, FrameError> {
        Ok(match self {
            Self::Lines => memchr(b'\n', fresh).map(|at| at + 1),
            Self::Delimited(delimiter) => delimiter.cut(fresh),
            Self::Fixed(len) => Some(*len - buffered).filter(|missing| *missing <= fresh.len()),
            Self::Length(header) => return header.cut(fresh, start, limit),
            Self::Slip { .. } => slip::cut(fresh),
            Self::Cobs => cobs::cut(fresh),
            Self::Raw | Self::Gap { .. } => None,
        })
    }

    /// The payload of a whole message, all of whose bytes `wire` holds.
    pub(super) fn open<'a>(&self, wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Content<'a> {
        let payload = match self {
            Self::Lines => delimited::line(wire),
            Self::Delimited(delimiter) => &wire[..wire.len() - delimiter.len()],
            Self::Length(header) => header.open(wire),
            Self::Slip { .. } => return slip::open(wire, scratch),
            Self::Cobs => return cobs::open(wire, scratch),
            Self::Raw | Self::Fixed(_) | Self::Gap { .. } => wire,
        };
        Content::plain(payload)
    }

    /// What can be said of a message whose first bytes `wire` holds.
    pub(super) fn open_partial<'a>(&self, wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Content<'a> {
        let content = match self {
            Self::Length(header) => Content::plain(header.open(wire)),
            Self::Slip { .. } => slip::open_partial(wire, scratch),
            Self::Cobs => cobs::open_partial(wire, scratch),
            Self::Raw | Self::Lines | Self::Delimited(_) | Self::Fixed(_) | Self::Gap { .. } => {
                Content::plain(wire)
            }
        };
        // A header or half an escape alone says nothing, and must not be lost for that.
        if content.payload.is_empty() {
            Content {
                payload: wire,
                ..content
            }
        } else {
            content
        }
    }

    /// The most bytes that a message of up to `limit` bytes may have on the wire before its end is
    /// seen. With one more, the message is too long however it ends.
    pub(super) fn most_unfinished(&self, limit: usize) -> usize {
        match self {
            // A carriage return may belong to the delimiter, and so may most of the delimiter.
            Self::Lines => limit.saturating_add(1),
            Self::Delimited(delimiter) => limit.saturating_add(delimiter.len() - 1),
            // Judged as soon as the header is whole.
            Self::Length(_) => usize::MAX,
            Self::Slip { .. } => limit.saturating_mul(2),
            Self::Cobs => cobs::most_stuffed(limit),
            Self::Raw | Self::Fixed(_) | Self::Gap { .. } => limit,
        }
    }

    /// Bytes of the message under way that were skipped before it.
    pub(super) fn lead_len(&self) -> usize {
        usize::from(matches!(self, Self::Slip { leads: true }))
    }

    /// Bytes of the header under way.
    pub(super) fn header_len(&self) -> usize {
        match self {
            Self::Length(header) => header.len(),
            _ => 0,
        }
    }

    /// Makes ready for the next message.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Delimited(delimiter) => delimiter.reset(),
            Self::Length(header) => header.reset(),
            Self::Slip { leads } => *leads = false,
            Self::Gap { deadline, .. } => *deadline = None,
            Self::Raw | Self::Lines | Self::Fixed(_) | Self::Cobs => {}
        }
    }
}
