//! One step of a ladder, ready to be drawn in whichever way: no text here is raw.

use super::state::{Moves, Side};
use crate::flow::Severity;

/// Something that happened in a conversation.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The number of its conversation.
    pub(super) conversation: u64,
    /// In nanoseconds since the first step of the conversation; a capture's clock may run back.
    pub(super) since_first: i64,
    /// In nanoseconds since the packet before.
    pub(super) since_last: Option<i64>,
    pub(super) what: What,
    /// What there is to be learnt from it.
    pub(super) lessons: Vec<String>,
}

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A packet went from one end to the other.
    Arrow(Arrow),
    /// A program called at one end, or its kernel has something to say.
    Call(Call),
}

/// A packet on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrow {
    /// Its number in the capture.
    pub(super) frame: u64,
    /// Whether it goes from the right to the left.
    pub(super) is_leftward: bool,
    /// What its headers say, in the order of importance.
    pub(super) parts: Vec<String>,
    /// What is noteworthy.
    pub(super) remarks: Vec<Remark>,
    /// The beginning of what it carries.
    pub(super) payload: Option<String>,
    pub(super) kind: ArrowKind,
    /// Which duplicate acknowledgement it is.
    pub(super) duplicate: Option<u32>,
    /// Where it led both ends.
    pub(super) moves: Moves,
    /// From which offset to which it carries bytes of its direction's stream.
    pub(super) bytes: Option<(u64, u64)>,
    /// The writes that its bytes came from, as far as they were told before it.
    pub(super) writes: Option<(u64, u64)>,
}

impl Arrow {
    /// Who sent it.
    pub(super) const fn from(&self) -> Side {
        if self.is_leftward {
            Side::Right
        } else {
            Side::Left
        }
    }
}

/// How an arrow is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ArrowKind {
    /// As any.
    #[default]
    Plain,
    /// Its bytes were sent before.
    Again,
    /// It breaks something off.
    Broken,
}

/// Something noteworthy about a packet.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    pub(super) severity: Severity,
    pub(super) text: String,
}

/// What a program did at its end.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) side: Side,
    pub(super) kind: CallKind,
    /// What it is called, such as `write 1`.
    pub(super) name: String,
    /// What more there is to say.
    pub(super) text: String,
    /// The beginning of its bytes.
    pub(super) payload: Option<String>,
    /// From which offset to which its bytes are.
    pub(super) bytes: Option<(u64, u64)>,
    /// The packets that carried them, as far as they were told before it.
    pub(super) frames: Vec<u64>,
}

/// Which sort of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    /// Bytes go out.
    Write,
    /// Bytes come in.
    Read,
    /// It begins or ends.
    Life,
    /// The kernel tells of the connection.
    Told,
    /// Something is wrong.
    Fault,
}

/// What stands over the life lines of a conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    /// The protocol.
    pub(super) protocol: String,
    /// Who is at the left.
    pub(super) left: String,
    /// Who is at the right.
    pub(super) right: String,
}
