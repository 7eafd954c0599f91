//! What the history keeps of one event.

use std::fmt;

use crate::event::{Direction, Event, What};
use crate::time::Time;

/// The sort of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A message.
    Frame,
    /// Bytes as one read or write gave them.
    Chunk,
    /// A packet.
    Packet,
    /// A peer is there.
    Opened,
    /// The conversation, or the session, is over.
    Closed,
    /// A server took its address.
    Listening,
    /// Something went wrong.
    Fault,
    /// The history itself missed events.
    Gap,
    /// What an application has to say.
    Note,
    /// A message whose beginning was evicted while it was under way.
    Gone,
}

impl Kind {
    /// Its word: that of the event in a record, or `gone`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Chunk => "chunk",
            Self::Packet => "packet",
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Listening => "listening",
            Self::Fault => "fault",
            Self::Gap => "gap",
            Self::Note => "note",
            Self::Gone => "gone",
        }
    }

    pub(super) const fn of(what: &What) -> Self {
        match what {
            What::Listening { .. } => Self::Listening,
            What::Opened { .. } => Self::Opened,
            What::Chunk { .. } => Self::Chunk,
            What::Frame { .. } => Self::Frame,
            What::Packet { .. } => Self::Packet,
            What::Closed { .. } => Self::Closed,
            What::Fault { .. } => Self::Fault,
            What::Gap { .. } => Self::Gap,
            What::Note { .. } => Self::Note,
        }
    }

    /// Whether it is bytes that somebody said.
    #[must_use]
    pub const fn is_said(self) -> bool {
        matches!(self, Self::Frame | Self::Chunk)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One direction of a conversation: session, peer and direction.
pub(super) type Way = (u32, u32, Direction);

/// One event, in few bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) time: Time,
    /// Of a chunk: the place of its first byte in its stream. Of others: which of the kept events it
    /// is.
    pub(super) offset: u64,
    /// Where its bytes are in the store: those of a chunk, or of a packet.
    pub(super) place: u64,
    pub(super) len: u32,
    /// The length of a truncated datagram; [`WHOLE`] of others.
    pub(super) full_len: u32,
    pub(super) session: u32,
    pub(super) peer: u32,
    /// How many entries further on the next chunk of the same direction is; 0 where that is not
    /// known.
    pub(super) next: u32,
    pub(super) kind: Kind,
    pub(super) direction: Option<Direction>,
}

/// What an entry has as its full length that was not truncated.
pub(super) const WHOLE: u32 = u32::MAX;

/// In bytes: a longer chunk becomes several entries.
pub(super) const LONGEST: usize = 1 << 30;

impl Entry {
    /// An entry without bytes.
    pub(super) fn of(event: &Event) -> Self {
        Self {
            number: event.number,
            time: event.time,
            offset: 0,
            place: 0,
            len: 0,
            full_len: WHOLE,
            session: event.session,
            peer: event.peer,
            next: 0,
            kind: Kind::of(&event.what),
            direction: None,
        }
    }

    pub(super) fn is_chunk(&self) -> bool {
        self.kind == Kind::Chunk
    }

    pub(super) fn way(&self) -> Way {
        let direction = self.direction.unwrap_or(Direction::In);
        (self.session, self.peer, direction)
    }

    /// Place after its last byte in its stream.
    pub(super) const fn end(&self) -> u64 {
        self.offset.saturating_add(self.len as u64)
    }

    pub(super) fn full_len(&self) -> Option<usize> {
        (self.full_len != WHOLE).then_some(self.full_len as usize)
    }
}
