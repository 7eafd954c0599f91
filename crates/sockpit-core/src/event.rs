//! What happened, with a time: the only currency between machines, drivers and front ends.

use std::net::SocketAddr;

pub use bytes::Bytes;
pub use serde_json::Value;

use crate::machine::Reason;
use crate::sighting::Kept;
use crate::time::Time;

/// One thing that happened in one session, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the timeline, counted from 1 without gaps.
    pub number: u64,
    /// When: for a chunk, as soon as the read or write returned; where the session's packets are
    /// captured, when a write began.
    pub time: Time,
    /// In which session, counted from 1.
    pub session: u32,
    /// With which peer, counted from 1 in each session; 0 is the session itself.
    pub peer: u32,
    /// What.
    pub what: What,
}

/// What happened. The record schema follows this enum (`docs/formats.md`).
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A server took its address.
    Listening {
        /// The address with its real port, as an endpoint such as `tcp://127.0.0.1:7000`.
        local: String,
    },
    /// A peer is there: connected, accepted, or heard of for the first time.
    Opened {
        /// The peer's address; empty where a Unix socket has none.
        addr: String,
        /// Our own address.
        local: String,
    },
    /// Bytes as one read or one write gave them: the truth.
    Chunk {
        /// Which way.
        direction: Direction,
        /// Place of the first byte in the direction's stream, in bytes from 0.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
        /// The datagram's length in bytes, where the buffer was too small for it.
        full_len: Option<usize>,
    },
    /// A message that the framing cut out of the chunks.
    Frame {
        /// Which way.
        direction: Direction,
        /// Place of its first byte in the direction's stream, header included.
        offset: u64,
        /// The message, without header and delimiter (unless the framing keeps them).
        payload: Bytes,
        /// The message decoded, with U+FFFD for what is not valid; `None` where the plan has no text.
        text: Option<String>,
        /// Whether `text` could not say everything that `payload` holds.
        malformed: bool,
        /// Whether the stream ended before the message did.
        partial: bool,
        /// The datagram's length in bytes, where the buffer was too small for it.
        full_len: Option<usize>,
    },
    /// A packet of the conversation, as a tap saw it. Its event has the time at which it passed the
    /// tap, so that it may be told later than others that happened after it.
    Packet {
        /// Which way.
        direction: Direction,
        /// Place of the first byte of its payload in the direction's stream; `None` where that is not
        /// known, as of datagrams.
        offset: Option<u64>,
        /// What was seen.
        packet: Box<Kept>,
    },
    /// The conversation with a peer, or the session, is over.
    Closed {
        /// Why.
        reason: Reason,
        /// What the system said, or empty.
        message: String,
    },
    /// Something went wrong that a user should know of.
    Fault {
        /// Which sort, one word.
        kind: FaultKind,
        /// One sentence.
        message: String,
        /// A number that belongs to it: bytes lost, the length refused, the limit reached.
        count: Option<u64>,
    },
    /// This subscriber missed events; they are not lost for others.
    Gap {
        /// How many.
        count: u64,
    },
    /// What an application has to say.
    Note {
        /// Which sort, a word of the application's.
        kind: String,
        /// One sentence for people, or empty.
        message: String,
        /// Its facts.
        data: Value,
    },
}

impl What {
    /// Its word in a record.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Listening { .. } => "listening",
            Self::Opened { .. } => "opened",
            Self::Chunk { .. } => "chunk",
            Self::Frame { .. } => "frame",
            Self::Packet { .. } => "packet",
            Self::Closed { .. } => "closed",
            Self::Fault { .. } => "fault",
            Self::Gap { .. } => "gap",
            Self::Note { .. } => "note",
        }
    }
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the peer to us.
    In,
    /// From us to the peer.
    Out,
}

impl Direction {
    /// Its word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// The sort of a fault, a word in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The peer reset the connection.
    Reset,
    /// Nobody listens at the peer's port.
    Refused,
    /// There is no way to the peer.
    Unreachable,
    /// A datagram was longer than the buffer.
    Truncated,
    /// A datagram may be lost or fragmented on its way.
    Large,
    /// A message outgrew its limit or could not be framed.
    Frame,
    /// Text could not be said in the charset, or bytes were none of it.
    Text,
    /// An expectation was not met.
    Expectation,
    /// A limit of the plan was reached: peers, descriptors, rate.
    Limit,
    /// A reply was withheld, because it could have gone round in circles.
    Loop,
    /// Bytes could not be delivered.
    Unsent,
    /// The recording ended before the session.
    Recording,
    /// Stdin could not be read, or what was received could not be given to its reader.
    Stdio,
    /// A peer's program or machine failed.
    Program,
    /// Something else failed.
    Failed,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Reset,
        Self::Refused,
        Self::Unreachable,
        Self::Truncated,
        Self::Large,
        Self::Frame,
        Self::Text,
        Self::Expectation,
        Self::Limit,
        Self::Loop,
        Self::Unsent,
        Self::Recording,
        Self::Stdio,
        Self::Program,
        Self::Failed,
    ];

    /// Its word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Truncated => "truncated",
            Self::Large => "large",
            Self::Frame => "frame",
            Self::Text => "text",
            Self::Expectation => "expectation",
            Self::Limit => "limit",
            Self::Loop => "loop",
            Self::Unsent => "unsent",
            Self::Recording => "recording",
            Self::Stdio => "stdio",
            Self::Program => "program",
            Self::Failed => "failed",
        }
    }
}

/// The transport and the address in what an event calls an address, such as `tcp://127.0.0.1:7000`;
/// `None` of a Unix socket.
#[must_use]
pub fn socket_addr(text: &str) -> Option<(&str, SocketAddr)> {
    let (transport, addr) = text.split_once("://")?;
    Some((transport, addr.parse().ok()?))
}
