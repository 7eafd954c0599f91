//! One step of a ladder, ready to be drawn in whichever way: no text here is raw.

use std::sync::Arc;

use super::join;
use super::state::{Moves, Side, State};
use crate::flow::Severity;
use crate::wire::TcpFlags;

/// Something that happened in a conversation.
#[derive(Clone, Debug)]
pub struct Step {
    /// The number of its conversation, counted from 1.
    pub conversation: u64,
    /// What stands over the life lines of that.
    pub head: Arc<Head>,
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// The event that told of it; `None` of a packet that belongs to no session of ours.
    pub told: Option<Telling>,
    /// The states of both ends after it, the left one's first; `None` while nothing tells.
    pub states: [Option<State>; 2],
    /// In nanoseconds since the first step of the conversation; a capture's clock may run back.
    pub since_first: i64,
    /// In nanoseconds since the packet before.
    pub since_last: Option<i64>,
    /// What it was.
    pub what: What,
    /// What there is to be learnt from it.
    pub lessons: Vec<String>,
}

/// Which event told of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The source that the event came from.
    pub source: usize,
    /// Its session.
    pub session: u32,
    /// Its peer.
    pub peer: u32,
    /// Its number.
    pub number: u64,
    /// The end of the conversation that told: its own end.
    pub own: Side,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A packet went from one end to the other.
    Arrow(Arrow),
    /// A program called at one end, or its kernel has something to say.
    Call(Call),
}

/// A packet on its way.
#[derive(Clone, Debug, Default)]
pub struct Arrow {
    /// Its number in the capture.
    pub frame: u64,
    /// Whether it goes from the right to the left.
    pub is_leftward: bool,
    /// What its headers say, in the order of importance.
    pub parts: Vec<String>,
    /// What is noteworthy.
    pub remarks: Vec<Remark>,
    /// Its TCP header, where it has one.
    pub segment: Option<Segment>,
    /// The beginning of what it carries.
    pub payload: Option<String>,
    /// How it is drawn.
    pub kind: ArrowKind,
    /// Which duplicate acknowledgement it is.
    pub duplicate: Option<u32>,
    /// Where it led both ends.
    pub moves: Moves,
    /// From which offset to which it carries bytes of its direction's stream.
    pub bytes: Option<(u64, u64)>,
    /// The writes that its bytes came from, as far as they were told before it.
    pub writes: Option<(u64, u64)>,
}

impl Arrow {
    /// Who sent it.
    #[must_use]
    pub const fn from(&self) -> Side {
        if self.is_leftward {
            Side::Right
        } else {
            Side::Left
        }
    }
}

/// What a TCP header says, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The flags.
    pub flags: TcpFlags,
    /// The sequence number, counted from the first one of its direction.
    pub seq: u32,
    /// The acknowledgement number, counted likewise, where its flag is set.
    pub ack: Option<u32>,
    /// The window as it counts, scaled.
    pub window: u32,
    /// Bytes of payload.
    pub len: usize,
}

/// How an arrow is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArrowKind {
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
pub struct Remark {
    /// How grave it is.
    pub severity: Severity,
    /// A few words.
    pub text: String,
}

/// What a program did at its end.
#[derive(Clone, Debug)]
pub struct Call {
    /// At which end.
    pub side: Side,
    /// Which sort of call.
    pub kind: CallKind,
    /// What it is called, such as `write 1`.
    pub name: String,
    /// What more there is to say.
    pub text: String,
    /// The beginning of its bytes.
    pub payload: Option<String>,
    /// From which offset to which its bytes are.
    pub bytes: Option<(u64, u64)>,
    /// The packets that carried them, as far as they were told before it.
    pub frames: Vec<u64>,
}

impl Call {
    /// The packets that carried its bytes, as `#4 #5`, and `…` for further ones.
    #[must_use]
    pub fn carriers(&self) -> String {
        join::frames(&self.frames)
    }
}

/// Which sort of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
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
pub struct Head {
    /// The protocol.
    pub protocol: String,
    /// Who is at the left.
    pub left: String,
    /// Who is at the right.
    pub right: String,
}
