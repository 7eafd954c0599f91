//! What a load and a server of ours say to each other, and how datagrams are numbered.
//!
//! Everything begins with the same eight bytes; numbers are big-endian:
//!
//! ```text
//!  0        3        4       5      6         8
//! ┌────────────────┬───────┬──────┬─────────┬──────────────┐
//! │ A9 'S' 'p' 'L' │ 01    │ kind │ length  │ as many bytes│
//! └────────────────┴───────┴──────┴─────────┴──────────────┘
//! ```
//!
//! | kind | | after the eight bytes |
//! |---|---|---|
//! | 1 | hello: first on a stream | service (1 echo, 2 sink), three zeros, connection (4), run (8) |
//! | 2 | counts: last on a stream, or the answer to an ask | run, messages, bytes, unique, reordered, duplicates, stale, nanoseconds (8 each) |
//! | 3 | a datagram to be sent back | run (8), connection (4), number (8), due (8), then anything |
//! | 4 | a datagram to be counted | the same |
//! | 5 | ask: what was counted of a run | run (8), then 56 zeros |
//! | 6 | a datagram that was sent back | as it came as kind 3 |
//!
//! A run is a number that a load draws, by which a server tells loads apart. An ask is as long as
//! its answer, so that nobody gets more out of a server than was put in. Datagrams are numbered from
//! 0 on each connection. A server of ours sends one back under a kind of its own, which nobody of ours
//! sends back again, so that two that hear each other do not go on for ever; `due` is when one was due, in nanoseconds since the load began, and no
//! business of the server's.
//!
//! Bytes that begin otherwise, or whose kind, version or length is another, are none of this.

use serde::Serialize;

use super::{Amount, Order, Service};

/// In bytes: what a numbered datagram begins with, and so the shortest of them.
pub const DATAGRAM_HEADER: usize = HEAD + 28;

/// In bytes: a hello.
pub const HELLO: usize = HEAD + 16;

/// In bytes: counts, and an ask for them.
pub const COUNTS: usize = HEAD + 64;

/// The first bytes of everything.
pub const MAGIC: [u8; 5] = [0xa9, b'S', b'p', b'L', VERSION];

const VERSION: u8 = 1;

const HEAD: usize = 8;

const KIND_HELLO: u8 = 1;
const KIND_COUNTS: u8 = 2;
const KIND_ECHO: u8 = 3;
const KIND_SINK: u8 = 4;
const KIND_ASK: u8 = 5;
const KIND_ANSWER: u8 = 6;

/// Where the kind stands.
const KIND: usize = MAGIC.len();

/// What a stream begins with where the server shall do something else than an echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What is wanted; [`Service::Auto`] is written as an echo.
    pub service: Service,
    /// Which of its connections it is.
    pub connection: u32,
    /// Which load it is.
    pub run: u64,
}

/// What a server counted of a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Which load.
    #[serde(skip)]
    pub run: u64,
    /// Datagrams that came; 0 on a stream.
    pub messages: u64,
    /// In bytes: what came, without the hello.
    pub bytes: u64,
    /// How the datagrams came.
    pub order: Order,
    /// From the first to the last that came, in nanoseconds.
    pub elapsed_ns: u64,
}

/// What a numbered datagram begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether it is to be counted; otherwise it is to be sent back.
    pub is_counted: bool,
    /// Which load it is of.
    pub run: u64,
    /// Which of its connections.
    pub connection: u32,
    /// Which of the connection's datagrams, from 0.
    pub number: u64,
    /// When it was due, in nanoseconds since the load began.
    pub due: u64,
}

/// What the first bytes of a stream say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// So far they could be a hello.
    Incomplete,
    /// A hello, which takes [`HELLO`] bytes.
    Hello(Hello),
    /// No hello: what came is the stream's own.
    Other,
}

/// What a datagram is to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// One that is numbered.
    Numbered(Header),
    /// One that is numbered and was sent back.
    Answer(Header),
    /// An ask for what was counted of that run.
    Ask(u64),
    /// None of ours.
    Other,
}

impl Hello {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HELLO] {
        let mut out = [0; HELLO];
        let mut writer = Writer::begin(&mut out, KIND_HELLO);
        let service = match self.service {
            Service::Auto | Service::Echo => 1,
            Service::Sink => 2,
        };
        writer.put(&[service, 0, 0, 0]);
        writer.put(&self.connection.to_be_bytes());
        writer.put(&self.run.to_be_bytes());
        out
    }

    /// Looks at the first bytes of a stream, as many as have come.
    #[must_use]
    pub fn find(first: &[u8]) -> First {
        let mut expected = [0; HELLO];
        Writer::begin(&mut expected, KIND_HELLO);
        let len = first.len().min(HEAD);
        if first.get(..len) != expected.get(..len) {
            return First::Other;
        }
        let Some(mut reader) = first.get(HEAD..HELLO).map(Reader) else {
            return First::Incomplete;
        };
        let hello = (|| {
            let service = match reader.array::<4>()? {
                [1, 0, 0, 0] => Service::Echo,
                [2, 0, 0, 0] => Service::Sink,
                _ => return None,
            };
            Some(Self {
                service,
                connection: reader.u32()?,
                run: reader.u64()?,
            })
        })();
        hello.map_or(First::Other, First::Hello)
    }
}

impl Counts {
    /// Whether so much can have come of what was sent.
    #[must_use]
    pub const fn can_be(&self, sent: Amount, is_stream: bool) -> bool {
        if is_stream {
            return self.bytes <= sent.bytes;
        }
        let order = self.order;
        let all = order.unique.saturating_add(order.duplicates);
        order.unique <= sent.messages
            && order.reordered <= order.unique
            && all.saturating_add(order.stale) <= self.messages
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; COUNTS] {
        let mut out = [0; COUNTS];
        let mut writer = Writer::begin(&mut out, KIND_COUNTS);
        let order = self.order;
        for number in [
            self.run,
            self.messages,
            self.bytes,
            order.unique,
            order.reordered,
            order.duplicates,
            order.stale,
            self.elapsed_ns,
        ] {
            writer.put(&number.to_be_bytes());
        }
        out
    }

    /// Reads them; `None` where the bytes are something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::open(bytes, KIND_COUNTS, COUNTS)?;
        let counts = Self {
            run: reader.u64()?,
            messages: reader.u64()?,
            bytes: reader.u64()?,
            order: Order {
                unique: reader.u64()?,
                reordered: reader.u64()?,
                duplicates: reader.u64()?,
                stale: reader.u64()?,
            },
            elapsed_ns: reader.u64()?,
        };
        Some(counts)
    }

    /// Adds what came by another connection of the same load.
    pub fn merge(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.order.merge(&other.order);
        self.elapsed_ns = self.elapsed_ns.max(other.elapsed_ns);
    }
}

/// The bytes that ask for what was counted of a run.
#[must_use]
pub fn ask(run: u64) -> [u8; COUNTS] {
    let mut out = [0; COUNTS];
    Writer::begin(&mut out, KIND_ASK).put(&run.to_be_bytes());
    out
}

impl Header {
    /// Writes itself at the beginning of a datagram, which is no shorter than [`DATAGRAM_HEADER`];
    /// a shorter one is left as it is.
    pub fn write(&self, datagram: &mut [u8]) {
        if datagram.len() < DATAGRAM_HEADER {
            return;
        }
        let kind = if self.is_counted {
            KIND_SINK
        } else {
            KIND_ECHO
        };
        let mut writer = Writer::begin(datagram, kind);
        writer.put(&self.run.to_be_bytes());
        writer.put(&self.connection.to_be_bytes());
        writer.put(&self.number.to_be_bytes());
        writer.put(&self.due.to_be_bytes());
    }

    /// Makes an answer of a datagram whose header is there.
    pub fn make_answer(datagram: &mut [u8]) {
        if let Some(kind) = datagram.get_mut(KIND) {
            *kind = KIND_ANSWER;
        }
    }

    /// Writes a number and when it was due into a datagram whose header is there.
    pub fn renumber(datagram: &mut [u8], number: u64, due: u64) {
        if let Some(place) = datagram.get_mut(DATAGRAM_HEADER - 16..DATAGRAM_HEADER) {
            let (first, second) = place.split_at_mut(8);
            first.copy_from_slice(&number.to_be_bytes());
            second.copy_from_slice(&due.to_be_bytes());
        }
    }
}

impl Datagram {
    /// Looks at a datagram that came.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let found = match bytes.get(KIND) {
            Some(&kind @ (KIND_ECHO | KIND_SINK)) => numbered(bytes, kind).map(Self::Numbered),
            Some(&KIND_ANSWER) => numbered(bytes, KIND_ANSWER).map(Self::Answer),
            Some(&KIND_ASK) => Reader::open(bytes, KIND_ASK, COUNTS)
                .and_then(|mut reader| reader.u64())
                .map(Self::Ask),
            _ => None,
        };
        found.unwrap_or(Self::Other)
    }
}

fn numbered(bytes: &[u8], kind: u8) -> Option<Header> {
    let mut reader = Reader::open(bytes, kind, DATAGRAM_HEADER.max(bytes.len()))?;
    Some(Header {
        is_counted: kind == KIND_SINK,
        run: reader.u64()?,
        connection: reader.u32()?,
        number: reader.u64()?,
        due: reader.u64()?,
    })
}

/// Writes one field after the other.
struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    /// Begins what takes all of `out`.
    fn begin(out: &'a mut [u8], kind: u8) -> Self {
        let len = u16::try_from(out.len().saturating_sub(HEAD)).unwrap_or(u16::MAX);
        let mut writer = Self { out, at: 0 };
        writer.put(&MAGIC);
        writer.put(&[kind]);
        writer.put(&len.to_be_bytes());
        writer
    }

    fn put(&mut self, field: &[u8]) {
        let end = self.at.saturating_add(field.len());
        if let Some(place) = self.out.get_mut(self.at..end) {
            place.copy_from_slice(field);
            self.at = end;
        }
    }
}

/// Reads one field after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Begins after the eight bytes of what must be of that kind and `len` bytes long.
    fn open(bytes: &'a [u8], kind: u8, len: usize) -> Option<Self> {
        let mut reader = Self(bytes);
        let is_ours = reader.array()? == MAGIC && reader.array()? == [kind];
        let claimed = usize::from(u16::from_be_bytes(reader.array()?));
        (is_ours && bytes.len() == len && HEAD + claimed == len).then_some(reader)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests;
