//! The bytes that one end sent, put in order again by their place in the stream.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bytes::Bytes;

use super::sequence::is_before;

/// What comes next in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes, in the order in which they were sent.
    Bytes {
        /// Of the first byte, in the stream.
        offset: u64,
        /// At least one.
        bytes: Bytes,
    },
    /// Bytes that were sent and are not here.
    Gap(Gap),
    /// The sender said that there is no more.
    End {
        /// How long the stream was, in bytes.
        offset: u64,
    },
}

/// Bytes that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Of the first missing byte, in the stream.
    pub offset: u64,
    /// How many are missing.
    pub len: u64,
    /// Why.
    pub cause: GapCause,
}

/// Why bytes are missing from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// The capture reported that it lost packets then.
    Dropped,
    /// The capture does not hold them, and does not say why.
    NotCaptured,
    /// The capture keeps only the beginnings of packets.
    Cut,
    /// There was no room for them: nobody took the bytes, or too many lay behind the hole.
    NoRoom,
}

impl fmt::Display for Gap {
    /// Such as `1460 bytes missing at offset 2920: lost by the capture`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, len, cause } = self;
        let noun = if *len == 1 { "byte" } else { "bytes" };
        write!(f, "{len} {noun} missing at offset {offset}: {cause}")
    }
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => "lost by the capture",
            Self::NotCaptured => "not captured",
            Self::Cut => "cut off by the capture",
            Self::NoRoom => "no room to keep them",
        })
    }
}

/// Where in its stream a segment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Of its first byte, in the stream.
    pub offset: u64,
    /// In bytes.
    pub len: u32,
    /// The number of its frame.
    pub frame: u64,
    /// When it was seen, in nanoseconds.
    pub at: u64,
}

/// What a segment brings to a stream.
pub(super) struct Arrival<'a> {
    /// Of its first byte, in the stream.
    pub(super) offset: u64,
    /// In bytes, as the headers say.
    pub(super) len: u32,
    /// As far as it was captured.
    pub(super) payload: &'a [u8],
    /// Whether the capture lost packets since the last segment of this stream.
    pub(super) is_after_drop: bool,
}

/// One direction of a conversation.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The sequence number of offset 0.
    origin: Option<u32>,
    /// Up to where pieces have been made ready.
    next: u64,
    ready: VecDeque<Piece>,
    /// What lies behind a hole, by offset; nothing overlaps, all of it behind `next`.
    parked: BTreeMap<u64, Parked>,
    /// How long the stream is, once its end was seen.
    end: Option<u64>,
    is_ended: bool,
    /// What `ready` and `parked` take, in bytes.
    held: usize,
}

#[derive(Debug)]
struct Parked {
    kind: ParkedKind,
    is_after_drop: bool,
}

#[derive(Debug)]
enum ParkedKind {
    Bytes(Bytes),
    /// So many bytes were cut off here.
    Cut(u64),
}

/// What a piece costs beside its bytes.
const PIECE_COST: usize = 96;

impl Stream {
    /// Makes `seq` the sequence number of offset 0, unless there is one.
    pub(super) fn begin(&mut self, seq: u32) {
        self.origin.get_or_insert(seq);
    }

    /// Makes `seq` the sequence number of the place that the stream has got to, past every hole: its
    /// sender begins to count anew.
    pub(super) fn begin_anew(&mut self, seq: u32, limit: usize) {
        self.finish(limit);
        self.end = None;
        self.is_ended = false;
        self.origin = Some(seq.wrapping_sub(self.next as u32));
    }

    /// The place of `seq` in the stream; `None` before its beginning.
    ///
    /// It is taken to be less than 2³¹ away from where the stream has got to.
    pub(super) fn offset(&self, seq: u32) -> Option<u64> {
        // The stream has got to `next`, whose low 32 bits are those of the sequence space.
        let here = self.origin?.wrapping_add(self.next as u32);
        let away = seq.wrapping_sub(here);
        if is_before(seq, here) {
            self.next.checked_sub(u64::from(away.wrapping_neg()))
        } else {
            self.next.checked_add(u64::from(away))
        }
    }

    /// Takes a segment's bytes; what is known already stays as it came first.
    pub(super) fn insert(&mut self, arrival: &Arrival<'_>, limit: usize) {
        let Arrival {
            offset,
            len,
            payload,
            is_after_drop,
        } = *arrival;
        let end = offset.saturating_add(u64::from(len));
        let payload = payload.get(..len as usize).unwrap_or(payload);
        let captured = offset.saturating_add(payload.len() as u64);
        if end <= self.next {
            return;
        }
        if offset <= self.next && self.parked.is_empty() && captured == end {
            let known = (self.next - offset) as usize;
            self.make_ready(payload.get(known..).unwrap_or_default(), limit);
            self.finish_if_whole();
            return;
        }
        let mut here = offset.max(self.next);
        while here < end {
            if let Some(known) = self.parked_end(here) {
                here = known;
                continue;
            }
            let mut stop = self
                .parked
                .range(here..)
                .next()
                .map_or(end, |(start, _)| end.min(*start));
            let kind = if here < captured {
                stop = stop.min(captured);
                let range = (here - offset) as usize..(stop - offset) as usize;
                let bytes = payload.get(range).unwrap_or_default();
                self.held += bytes.len();
                ParkedKind::Bytes(Bytes::copy_from_slice(bytes))
            } else {
                ParkedKind::Cut(stop - here)
            };
            self.held += PIECE_COST;
            let parked = Parked {
                kind,
                is_after_drop,
            };
            self.parked.insert(here, parked);
            here = stop;
        }
        self.join(limit);
        while limit < self.held && self.jump(u64::MAX, Some(GapCause::NoRoom), limit) {
            self.join(limit);
        }
        self.finish_if_whole();
    }

    /// Learns that the stream ends at `offset`.
    pub(super) fn end_at(&mut self, offset: u64) {
        self.end.get_or_insert(offset);
        self.finish_if_whole();
    }

    /// Goes on behind `offset` without giving out what is before it.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.next = self.next.max(offset);
    }

    /// Learns that the other end has everything before `offset`: what is missing will not come.
    pub(super) fn acknowledge(&mut self, offset: u64, limit: usize) {
        while self.jump(offset, None, limit) {
            self.join(limit);
        }
        self.finish_if_whole();
    }

    /// Learns that nothing more will come: jumps over every hole.
    pub(super) fn finish(&mut self, limit: usize) {
        self.acknowledge(u64::MAX, limit);
        if let Some(end) = self.end.filter(|end| self.next < *end) {
            self.gap(end - self.next, GapCause::NotCaptured, limit);
            self.finish_if_whole();
        }
    }

    /// The next piece, if it is known what it is.
    pub(super) fn poll(&mut self) -> Option<Piece> {
        let piece = self.ready.pop_front()?;
        self.held -= PIECE_COST;
        if let Piece::Bytes { bytes, .. } = &piece {
            self.held -= bytes.len();
        }
        Some(piece)
    }

    /// What it takes, in bytes.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Where the parked piece that holds `here` ends.
    fn parked_end(&self, here: u64) -> Option<u64> {
        let (start, parked) = self.parked.range(..=here).next_back()?;
        let end = start.saturating_add(parked.len());
        (here < end).then_some(end)
    }

    /// Makes ready what has become contiguous.
    fn join(&mut self, limit: usize) {
        while let Some(entry) = self.parked.first_entry() {
            if *entry.key() != self.next {
                return;
            }
            self.held -= PIECE_COST;
            match entry.remove().kind {
                ParkedKind::Bytes(bytes) => {
                    self.held -= bytes.len();
                    self.make_ready_bytes(bytes, limit);
                }
                ParkedKind::Cut(len) => self.gap(len, GapCause::Cut, limit),
            }
        }
    }

    /// Jumps over the hole at `next`, if there is one that ends by `known`.
    fn jump(&mut self, known: u64, cause: Option<GapCause>, limit: usize) -> bool {
        let Some((start, parked)) = self.parked.first_key_value() else {
            return false;
        };
        if known < *start {
            return false;
        }
        let cause = if parked.is_after_drop {
            GapCause::Dropped
        } else {
            cause.unwrap_or(GapCause::NotCaptured)
        };
        self.gap(start - self.next, cause, limit);
        true
    }

    fn make_ready(&mut self, bytes: &[u8], limit: usize) {
        if limit < self.held + bytes.len() + PIECE_COST {
            self.gap(bytes.len() as u64, GapCause::NoRoom, limit);
        } else {
            self.make_ready_bytes(Bytes::copy_from_slice(bytes), limit);
        }
    }

    fn make_ready_bytes(&mut self, bytes: Bytes, limit: usize) {
        if limit < self.held + bytes.len() + PIECE_COST {
            self.gap(bytes.len() as u64, GapCause::NoRoom, limit);
            return;
        }
        self.held += bytes.len() + PIECE_COST;
        let offset = self.next;
        self.next = self.next.saturating_add(bytes.len() as u64);
        self.ready.push_back(Piece::Bytes { offset, bytes });
    }

    /// Makes `len` missing bytes ready, as a part of the gap before it where the cause is the same.
    ///
    /// Without room for one more piece the cause of the earlier one stands for both.
    fn gap(&mut self, len: u64, cause: GapCause, limit: usize) {
        if len == 0 {
            return;
        }
        let offset = self.next;
        self.next = self.next.saturating_add(len);
        let is_full = limit < self.held + PIECE_COST;
        match self.ready.back_mut() {
            Some(Piece::Gap(gap)) if gap.cause == cause || is_full => {
                gap.len = gap.len.saturating_add(len);
            }
            _ => {
                self.held += PIECE_COST;
                self.ready.push_back(Piece::Gap(Gap { offset, len, cause }));
            }
        }
    }

    fn finish_if_whole(&mut self) {
        if !self.is_ended && self.end.is_some_and(|end| end <= self.next) {
            self.is_ended = true;
            self.held += PIECE_COST;
            self.ready.push_back(Piece::End { offset: self.next });
        }
    }
}

impl Parked {
    fn len(&self) -> u64 {
        match &self.kind {
            ParkedKind::Bytes(bytes) => bytes.len() as u64,
            ParkedKind::Cut(len) => *len,
        }
    }
}

#[cfg(test)]
mod tests;
