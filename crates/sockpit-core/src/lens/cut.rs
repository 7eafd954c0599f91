//! One way in which a stream is cut: its pieces, by their places.

use std::collections::VecDeque;

use crate::flow::Labels;
use crate::time::Time;

/// The ways in which the same bytes are cut, in the order in which they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// By the calls that wrote them.
    Writes,
    /// By the packets that carried them, where those were captured.
    Packets,
    /// By the calls that read them.
    Reads,
    /// By the framing.
    Messages,
}

impl Cut {
    /// Every one, in that order.
    pub const ALL: [Self; 4] = [Self::Writes, Self::Packets, Self::Reads, Self::Messages];

    /// The word over its column.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Writes => "writes",
            Self::Packets => "packets",
            Self::Reads => "reads",
            Self::Messages => "messages",
        }
    }

    /// The word for one piece.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Writes => "write",
            Self::Packets => "packet",
            Self::Reads => "read",
            Self::Messages => "message",
        }
    }
}

/// An end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Writer,
    Reader,
}

impl End {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Writer => Self::Reader,
            Self::Reader => Self::Writer,
        }
    }
}

/// Which event told of a piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// When it happened.
    pub at: Time,
    /// The event's number.
    pub number: u64,
    /// Its session.
    pub session: u32,
    /// Its peer.
    pub peer: u32,
    /// What is noteworthy of a packet.
    pub labels: Labels,
}

/// One piece, from `start` to before `end`, in bytes of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Counted from 1 in its cut.
    // 0 in a track where pieces may still come before it.
    pub number: u64,
    /// The place of its first byte.
    pub start: u64,
    /// The place behind its last byte.
    pub end: u64,
    /// In bytes: as it is told, which for a datagram that was cut short is more than it takes here.
    pub len: u64,
    /// Which event told of it first.
    pub told: Told,
    /// How often each end saw it pass.
    passes: [u32; 2],
}

impl Piece {
    fn new(number: u64, start: u64, end: u64, told: Told) -> Self {
        Self {
            number,
            start,
            end,
            len: end.saturating_sub(start),
            told,
            passes: [0; 2],
        }
    }

    /// A packet that stands before a place, as it has none.
    pub(super) fn apart(number: u64, place: u64, len: u64, told: Told) -> Self {
        Self {
            len,
            ..Self::new(number, place, place, told)
        }
    }

    fn pass(&mut self, seen_by: End) {
        let passes = &mut self.passes[seen_by as usize];
        *passes = passes.saturating_add(1);
    }

    /// How often it was sent: both ends may have seen the same packet.
    #[must_use]
    pub fn times(&self) -> u32 {
        let [writer, reader] = self.passes;
        writer.max(reader)
    }
}

/// The pieces of one cut that are not drawn, in order and apart from each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    pieces: VecDeque<Piece>,
    count: u64,
    /// How many are drawn.
    forgotten: u64,
    covered: u64,
}

impl Track {
    /// Takes a piece; what overlaps the one before it is left to that one.
    pub(super) fn push(&mut self, start: u64, end: u64, told: Told) {
        self.count += 1;
        let start = start.max(self.covered);
        if start < end {
            self.covered = end;
            self.pieces
                .push_back(Piece::new(self.count, start, end, told));
        }
    }

    /// Takes a packet that an end saw, in any order: what was there before has passed once more, and
    /// what was not is a piece of its own. These are numbered by their places, when they are drawn.
    pub(super) fn place(
        &mut self,
        (seen_by, told): (End, Told),
        (start, end): (u64, u64),
        drawn: u64,
    ) {
        let mut from = start.max(drawn);
        let mut index = self.pieces.partition_point(|piece| piece.end <= from);
        while from < end {
            match self.pieces.get_mut(index) {
                Some(piece) if piece.start <= from => {
                    piece.pass(seen_by);
                    from = piece.end;
                }
                next => {
                    let to = next.map_or(end, |piece| piece.start.min(end));
                    self.insert(index, (seen_by, told), from, to);
                    from = to;
                }
            }
            index += 1;
        }
    }

    /// Takes the packet of a datagram, which has the length `len`, at the place of the datagram.
    pub(super) fn push_datagram(
        &mut self,
        (seen_by, told): (End, Told),
        (start, end): (u64, u64),
        len: u64,
    ) {
        let count = self.pieces.len();
        self.push(start, end, told);
        if let Some(piece) = self.pieces.get_mut(count) {
            piece.len = len;
            piece.pass(seen_by);
        }
    }

    /// Counts a piece that has no place; gives its number.
    pub(super) fn pass_over(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn insert(&mut self, index: usize, (seen_by, told): (End, Told), start: u64, end: u64) {
        self.count += 1;
        let mut piece = Piece::new(0, start, end, told);
        piece.pass(seen_by);
        self.pieces.insert(index, piece);
        self.covered = self.covered.max(end);
    }

    /// Up to where pieces follow on each other without a hole, from a place on.
    pub(super) fn unbroken(&self, from: u64) -> u64 {
        let mut end = from;
        for piece in &self.pieces {
            if piece.start > end {
                break;
            }
            end = end.max(piece.end);
        }
        end
    }

    /// The piece in which a place lies.
    pub(super) fn at(&self, place: u64) -> Option<Piece> {
        let index = self.pieces.iter().position(|piece| place < piece.end)?;
        let mut piece = *self.pieces.get(index)?;
        if piece.number == 0 {
            piece.number = self.forgotten + index as u64 + 1;
        }
        (piece.start <= place).then_some(piece)
    }

    /// The first boundary after a place.
    pub(super) fn boundary_after(&self, place: u64) -> Option<u64> {
        let piece = self.pieces.iter().find(|piece| place < piece.end)?;
        Some(if place < piece.start {
            piece.start
        } else {
            piece.end
        })
    }

    /// Drops what lies before a place.
    pub(super) fn forget(&mut self, place: u64) {
        while self.pieces.front().is_some_and(|piece| piece.end <= place) {
            self.pieces.pop_front();
            self.forgotten += 1;
        }
    }

    /// Where the last piece ends.
    pub(super) fn covered(&self) -> u64 {
        self.covered
    }

    /// How many pieces there have been.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// How many are not drawn.
    pub(super) fn waiting(&self) -> usize {
        self.pieces.len()
    }
}
