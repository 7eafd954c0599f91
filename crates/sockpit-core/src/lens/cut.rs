//! One way in which a stream is cut: its pieces, by their places.

use std::collections::VecDeque;

/// The ways in which the same bytes are cut, in the order in which they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// By the calls that wrote them.
    Writes,
    /// By the calls that read them.
    Reads,
    /// By the framing.
    Messages,
}

impl Cut {
    pub(super) const ALL: [Self; 3] = [Self::Writes, Self::Reads, Self::Messages];

    /// The word over its column.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Writes => "writes",
            Self::Reads => "reads",
            Self::Messages => "messages",
        }
    }

    /// The word for one piece.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Writes => "write",
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

/// One piece, from `start` to before `end`, in bytes of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// The pieces of one cut that are not drawn, in order and apart from each other.
#[derive(Debug, Default)]
pub(super) struct Track {
    pieces: VecDeque<Piece>,
    count: u64,
    covered: u64,
}

impl Track {
    /// Takes a piece; what overlaps the one before it is left to that one.
    pub(super) fn push(&mut self, start: u64, end: u64) {
        self.count += 1;
        let start = start.max(self.covered);
        if start < end {
            self.covered = end;
            self.pieces.push_back(Piece {
                number: self.count,
                start,
                end,
            });
        }
    }

    /// The piece in which a place lies.
    pub(super) fn at(&self, place: u64) -> Option<Piece> {
        let piece = *self.pieces.iter().find(|piece| place < piece.end)?;
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
