//! What is known of one direction of a conversation.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::label::Labels;
use super::segment::Segment;
use super::sequence::{is_at_most, is_before};
use super::stream::{Placed, Stream};
use super::truth;

/// What one end's SYN said about shifting its windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// No SYN was seen.
    #[default]
    Unknown,
    /// Not shifted, as one of the ends does not know how.
    Unused,
    /// By so many bits.
    Shift(u8),
}

impl Scale {
    /// The bits by which a window is shifted as far as is known.
    #[must_use]
    pub const fn shift(self) -> u8 {
        match self {
            Self::Shift(bits) => bits,
            Self::Unknown | Self::Unused => 0,
        }
    }
}

/// A segment that takes up sequence space and is not acknowledged yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unacked {
    pub(super) seq: u32,
    pub(super) end: u32,
    pub(super) at: u64,
    pub(super) frame: u64,
}

/// Segments that are remembered as unacknowledged in one direction.
pub(super) const MOST_UNACKED: usize = 10_000;

/// One direction of a conversation.
///
/// A sequence number 0 stands for one that is not known, where the rules have it so.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// From which relative numbers count: the initial sequence number, or what stands for it.
    pub(super) base: Option<u32>,
    /// The first sequence number after everything that was seen.
    pub(super) next: u32,
    /// When `next` last grew.
    pub(super) next_at: u64,
    /// By which frame.
    pub(super) next_frame: u64,
    /// The first sequence number after what was seen without a hole.
    pub(super) contiguous: u32,
    /// The acknowledgement number of the last segment.
    pub(super) last_ack: u32,
    /// When the last segment was seen.
    pub(super) last_at: u64,
    /// The labels of the last segment.
    pub(super) last_labels: Labels,
    /// The window of the last segment, as in its header.
    pub(super) window: Option<u16>,
    pub(super) scale: Scale,
    /// From its SYN until its first acknowledgement, whose window is not shifted yet.
    pub(super) is_first_window: bool,
    /// Duplicate acknowledgements in a row; see also rule 10 of `wireshark`.
    pub(super) duplicates: u32,
    /// The frame that acknowledged for the first time what the last one did.
    pub(super) original: u64,
    /// Oldest first.
    pub(super) unacked: VecDeque<Unacked>,
    /// Whether `unacked` is in the order of sequence numbers too, without overlaps.
    pub(super) is_sorted: bool,
    /// Bytes that its last segment acknowledged selectively.
    pub(super) sacked: u32,
    /// Whether something was missing since the other direction spoke last.
    pub(super) has_hole: bool,
    /// Bytes of payload since the last PSH.
    pub(super) pushed: u32,
    /// Whether the last segment with payload had PSH.
    pub(super) was_push: bool,
    /// Whether a FIN was seen.
    pub(super) has_ended: bool,
    /// The largest segment that this end takes, as its SYN said.
    pub(super) mss: Option<u16>,
    /// The analyser's count of reported drops when this direction's last segment came.
    pub(super) drops: u64,
    pub(super) stream: Stream,
    pub(super) placed: VecDeque<Placed>,
    pub(super) truth: truth::Half,
}

/// What an acknowledgement answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acks {
    /// The frame of the segment that ends where the acknowledgement does.
    pub frame: u64,
    /// In nanoseconds since that segment; negative where the capture's clock ran back.
    #[serde(rename = "rtt_ns")]
    pub rtt: i64,
}

impl Half {
    /// Forgets what `ack` acknowledges; gives what it answers exactly.
    pub(super) fn acknowledge(&mut self, ack: u32, now: u64) -> Option<Acks> {
        let mut acks = None;
        if self.is_sorted {
            while let Some(first) = self.unacked.front_mut() {
                if first.take(ack, now, &mut acks) {
                    self.unacked.pop_front();
                } else {
                    break;
                }
            }
        } else {
            self.unacked
                .retain_mut(|one| !one.take(ack, now, &mut acks));
        }
        self.is_sorted |= self.unacked.is_empty();
        acks
    }

    /// From the first unacknowledged byte to the last, less what was acknowledged selectively;
    /// `None` where that makes no sense. `segment` was remembered just before.
    ///
    /// Relative numbers are compared, which do not begin anew: what lies before the initial
    /// sequence number lies far behind everything else.
    pub(super) fn in_flight(&self, segment: &Segment<'_>, sacked: u32) -> Option<u32> {
        let base = self.base.unwrap_or(0);
        let relative = |one: &Unacked| (one.seq.wrapping_sub(base), one.end.wrapping_sub(base));
        let (front, back) = (self.unacked.front()?, self.unacked.back()?);
        let (mut first, mut last) = (relative(front).0, relative(back).1);
        if !self.is_sorted || last < first {
            (first, last) = self
                .unacked
                .iter()
                .map(relative)
                .fold((u32::MAX, 0), |(first, last), (seq, end)| {
                    (first.min(seq), last.max(end))
                });
        }
        let marks = segment.span().wrapping_sub(segment.len);
        let span = last.wrapping_sub(first);
        let bytes = span.wrapping_sub(marks).wrapping_sub(sacked);
        (0 < bytes.cast_signed()).then_some(bytes)
    }

    pub(super) fn remember(&mut self, segment: &Segment<'_>) {
        if self.unacked.len() < MOST_UNACKED {
            let back = self.unacked.back();
            self.is_sorted =
                back.is_none_or(|back| self.is_sorted && is_at_most(back.end, segment.seq));
            self.unacked.push_back(Unacked {
                seq: segment.seq,
                end: segment.end(),
                at: segment.at,
                frame: segment.frame,
            });
        }
    }

    /// What it takes beside itself, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.unacked.capacity() * size_of::<Unacked>()
            + self.placed.capacity() * size_of::<Placed>()
            + self.truth.cost()
            + self.stream.held()
    }
}

impl Unacked {
    /// Gives up what `ack` acknowledges; says whether that is all of it.
    fn take(&mut self, ack: u32, now: u64, acks: &mut Option<Acks>) -> bool {
        if self.end == ack {
            acks.get_or_insert(Acks {
                frame: self.frame,
                rtt: since(now, self.at),
            });
        }
        if is_before(self.seq, ack) && is_before(ack, self.end) {
            self.seq = ack;
        }
        is_at_most(self.end, ack)
    }
}

/// The nanoseconds from `then` to `now`; negative where `now` is the earlier.
pub(super) const fn since(now: u64, then: u64) -> i64 {
    now.wrapping_sub(then).cast_signed()
}
