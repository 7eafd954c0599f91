//! What two Sockpits say to each other on their side ports, as bytes.
//!
//! ```text
//!  0      4         5      6      14     22
//!  "SPCH" version 1 kind 1 from 8 to 8   …       numbers are big-endian
//!
//!  kind 1 hello     …  name len 1 | name | zeros up to 128 bytes     (to = 0)
//!       2 welcome   …  name len 1 | name
//!       3 say       …  message 4 | part 1 | parts 1 | text
//!       4 got       …  message 4 | parts that are there 8, a bit each
//!       5 bye       …
//! ```

use bytes::{BufMut as _, Bytes, BytesMut};

/// The first bytes of each packet.
const MAGIC: [u8; 4] = *b"SPCH";

/// The version of the layout.
const VERSION: u8 = 1;

/// In bytes: the most that a packet takes, which passes every path unfragmented (RFC 9000 §14.1
/// has the same number).
pub const MAX_PACKET: usize = 1200;

/// In bytes: text of one part.
pub(super) const PART_SIZE: usize = 1024;

/// Parts of one message: as many as bits tell which of them are there.
pub(super) const MAX_PARTS: usize = 64;

/// In bytes: a name.
pub const MAX_NAME: usize = 64;

/// In bytes: a hello is this long, so that no answer is longer than what it answers (rule B11).
const HELLO_LEN: usize = 128;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Asks whether a Sockpit is there.
    Hello {
        /// The id of who asks.
        from: u64,
        /// What it is called.
        name: &'a str,
    },
    /// Says that one is there, or that it is called otherwise.
    Welcome {
        /// The id of who answers.
        from: u64,
        /// The id of who asked.
        to: u64,
        /// What it is called.
        name: &'a str,
    },
    /// A part of a message.
    Say {
        /// The id of who speaks.
        from: u64,
        /// The id of who is spoken to.
        to: u64,
        /// The part.
        part: Part<'a>,
    },
    /// Says which parts of a message are there.
    Got {
        /// The id of who has them.
        from: u64,
        /// The id of who sent them.
        to: u64,
        /// The message.
        message: u32,
        /// A bit for each part, the lowest for the first.
        parts: u64,
    },
    /// Says goodbye.
    Bye {
        /// The id of who leaves.
        from: u64,
        /// The id of who stays.
        to: u64,
    },
}

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The message's number: 1 for the first, each one higher.
    pub message: u32,
    /// Which part, from 0.
    pub part: u8,
    /// How many parts the message has, 1 to 64.
    pub parts: u8,
    /// Its bytes; a character may go on in the next part.
    pub text: &'a [u8],
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// They do not begin as one.
    #[error("no packet of a Sockpit's chat")]
    Foreign,
    /// They are of a version that this one does not know.
    #[error("version {version} is not known")]
    Version {
        /// The version.
        version: u8,
    },
    /// They end too early, or say what cannot be.
    #[error("a malformed packet")]
    Malformed,
}

impl<'a> Packet<'a> {
    /// Reads a packet. Zeros behind it are padding.
    ///
    /// # Errors
    ///
    /// Returns a [`PacketError`] where `bytes` are none; they are to be ignored then.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(PacketError::Foreign)?;
        let (&version, rest) = rest.split_first().ok_or(PacketError::Malformed)?;
        if version != VERSION {
            return Err(PacketError::Version { version });
        }
        Self::decode_body(rest).ok_or(PacketError::Malformed)
    }

    fn decode_body(rest: &'a [u8]) -> Option<Self> {
        let (&kind, rest) = rest.split_first()?;
        let (from, rest) = rest.split_first_chunk()?;
        let (to, rest) = rest.split_first_chunk()?;
        let (from, to) = (u64::from_be_bytes(*from), u64::from_be_bytes(*to));
        if from == 0 {
            return None;
        }
        Some(match kind {
            1 => Self::Hello {
                from,
                name: decode_name(rest)?,
            },
            2 => Self::Welcome {
                from,
                to,
                name: decode_name(rest)?,
            },
            3 => {
                let (message, rest) = rest.split_first_chunk()?;
                let (&[part, parts], text) = rest.split_first_chunk()?;
                let message = u32::from_be_bytes(*message);
                let is_possible = message > 0
                    && part < parts
                    && usize::from(parts) <= MAX_PARTS
                    && text.len() <= PART_SIZE
                    // Only the last part may be short.
                    && (text.len() == PART_SIZE || part.checked_add(1) == Some(parts));
                let part = Part {
                    message,
                    part,
                    parts,
                    text,
                };
                is_possible.then_some(Self::Say { from, to, part })?
            }
            4 => {
                let (message, rest) = rest.split_first_chunk()?;
                let (parts, _) = rest.split_first_chunk()?;
                Self::Got {
                    from,
                    to,
                    message: u32::from_be_bytes(*message),
                    parts: u64::from_be_bytes(*parts),
                }
            }
            5 => Self::Bye { from, to },
            _ => return None,
        })
    }

    /// Writes it; a name is cut to [`MAX_NAME`].
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let (kind, from, to) = match *self {
            Self::Hello { from, .. } => (1, from, 0),
            Self::Welcome { from, to, .. } => (2, from, to),
            Self::Say { from, to, .. } => (3, from, to),
            Self::Got { from, to, .. } => (4, from, to),
            Self::Bye { from, to } => (5, from, to),
        };
        let mut out = BytesMut::with_capacity(HELLO_LEN);
        out.put_slice(&MAGIC);
        out.put_u8(VERSION);
        out.put_u8(kind);
        out.put_u64(from);
        out.put_u64(to);
        match self {
            Self::Hello { name, .. } | Self::Welcome { name, .. } => {
                let name = cut(name, MAX_NAME);
                // 64 at most.
                out.put_u8(name.len() as u8);
                out.put_slice(name.as_bytes());
                if matches!(self, Self::Hello { .. }) {
                    out.resize(HELLO_LEN, 0);
                }
            }
            Self::Say { part, .. } => {
                out.put_u32(part.message);
                out.put_u8(part.part);
                out.put_u8(part.parts);
                out.put_slice(part.text);
            }
            Self::Got { message, parts, .. } => {
                out.put_u32(*message);
                out.put_u64(*parts);
            }
            Self::Bye { .. } => {}
        }
        out.freeze()
    }
}

fn decode_name(rest: &[u8]) -> Option<&str> {
    let (&len, rest) = rest.split_first()?;
    let name = rest.get(..usize::from(len))?;
    if name.len() > MAX_NAME {
        return None;
    }
    std::str::from_utf8(name).ok()
}

/// As much of `text` as fits into so many bytes, in whole characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}
