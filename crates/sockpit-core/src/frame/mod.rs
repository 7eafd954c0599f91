//! Messages in a stream: cutting them out of the bytes and putting them in.
//!
//! A stream has no messages, only bytes in order; a peer that writes `hello\nworld\n` may be read as
//! `he` and `llo\nworld\n`. A [`Framing`] says where messages begin and end, so that what is decoded
//! depends on the bytes and never on how they were cut: a message is given as soon as its last byte
//! is there, and what is left at the end is given as a partial one.
//!
//! ```text
//! raw               each chunk as it came
//! lines             h e l l o \n              or  h e l l o \r \n
//! delim:;;          h e l l o ; ;
//! fixed:5           h e l l o
//! len:u16be         00 05 h e l l o           more in `LengthPrefix`
//! slip              C0 h e l l o C0           RFC 1055: within, C0 is DB DC and DB is DB DD
//! cobs              06 h e l l o 00           each code counts the bytes to the next zero
//! gap:20ms          h e l l o  …silence
//! ```
//!
//! Empty messages are messages to `lines`, `delim` and `len`, and to `cobs` as `01 00`. They cannot
//! be told from nothing by `slip` and `gap`, so these refuse to send them; `C0 C0` and a `00` alone
//! are skipped as fillers.
//!
//! # Examples
//!
//! ```
//! use sockpit_core::frame::Framing;
//! use sockpit_core::time::Time;
//!
//! let framing: Framing = "lines".parse()?;
//! let mut decoder = framing.decoder(1024);
//! let mut heard = Vec::new();
//! for chunk in [&b"he"[..], b"llo\nworld\nrest"] {
//!     decoder.push(Time::ZERO, chunk, |frame| heard.push(frame.payload.to_vec()))?;
//! }
//! assert_eq!(heard, [b"hello", b"world"]);
//!
//! decoder.finish(|frame| assert!(frame.is_partial && frame.payload == b"rest"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::num::NonZeroUsize;

use bytes::Bytes;

mod cobs;
mod cutter;
mod decoder;
mod delimited;
mod length;
mod places;
mod scanner;
mod slip;
mod spec;
mod tally;

pub use self::decoder::{Decoder, Frame, FrameError};
pub use self::length::{LengthField, LengthPrefix};
pub use self::scanner::{Scanner, Span};
pub use self::spec::ParseFramingError;
use crate::time::TimeSpan;

/// How a stream is cut into messages.
///
/// It reads and shows itself in the words of the command line: `lines`, `delim:hex:0D0A`,
/// `len:u16be,adjust=-2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Not at all: each chunk is a message, an empty one too. The limit does not apply.
    Raw,
    /// At each `\n`; a `\r` before it belongs to the delimiter.
    Lines,
    /// Wherever these bytes stand, of which there is at least one.
    Delimited(Bytes),
    /// Every so many bytes.
    Fixed(NonZeroUsize),
    /// By a length that stands before each message.
    Length(LengthPrefix),
    /// By SLIP, RFC 1055.
    Slip,
    /// By Consistent Overhead Byte Stuffing with zero as the delimiter.
    Cobs,
    /// Where the peer was silent for this long.
    Gap(TimeSpan),
}

impl Framing {
    /// Appends `payload` to `out` as one message.
    ///
    /// # Errors
    ///
    /// Returns an [`EncodeError`] where the peer would not read the same one message back. `out` is
    /// then as it was.
    pub fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Lines => delimited::encode_line(payload, out)?,
            Self::Delimited(delimiter) => delimited::encode(delimiter, payload, out)?,
            Self::Fixed(len) if payload.len() == len.get() => out.extend_from_slice(payload),
            Self::Fixed(len) => {
                return Err(EncodeError::Fixed {
                    len: payload.len(),
                    expected: len.get(),
                });
            }
            Self::Length(prefix) => prefix.encode(payload, out)?,
            Self::Slip | Self::Gap(_) if payload.is_empty() => return Err(EncodeError::Empty),
            Self::Slip => slip::encode(payload, out),
            Self::Cobs => cobs::encode(payload, out),
            Self::Raw | Self::Gap(_) => out.extend_from_slice(payload),
        }
        Ok(())
    }

    /// Makes a decoder that takes messages of up to `limit` bytes, not counting headers, delimiters
    /// and escapes.
    #[must_use]
    pub fn decoder(&self, limit: usize) -> Decoder {
        Decoder::new(self, limit)
    }

    /// Undoes the escapes or codes of a message that a [`Span`] calls stuffed. `wire` is its bytes
    /// from the span's `head` on: all of them, or the first of a partial message. `out` is
    /// overwritten.
    pub fn unstuff(&self, wire: &[u8], is_partial: bool, out: &mut Vec<u8>) {
        let cutter = cutter::Cutter::new(self);
        let mut scratch = Vec::new();
        let content = if is_partial {
            cutter.open_partial(wire, &mut scratch)
        } else {
            cutter.open(wire, &mut scratch)
        };
        out.clear();
        out.extend_from_slice(content.payload);
    }

    /// Whether chunks are left as they are.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        matches!(self, Self::Raw)
    }
}

/// Why a payload cannot be sent as one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// It holds a line break.
    #[error(
        "the message holds a line break at byte {at}, so the peer would read more than one; \
         send the lines apart, or use a framing such as `len:u32be`"
    )]
    LineBreak {
        /// Where in the payload.
        at: usize,
    },
    /// It ends in a carriage return.
    #[error(
        "the message ends in a carriage return, which the peer would take for part of the line \
         break; leave it out, or use `delim:hex:0A`"
    )]
    CarriageReturn,
    /// It holds the delimiter, or its end and the delimiter's beginning make one.
    #[error(
        "the message holds the delimiter at byte {at}, so the peer would end it there; use another \
         delimiter, or a framing such as `len:u32be`"
    )]
    Delimiter {
        /// Where in the payload.
        at: usize,
    },
    /// Its length is not the fixed one.
    #[error("the message has {len} bytes, but `fixed:{expected}` takes exactly {expected}")]
    Fixed {
        /// Bytes of the payload.
        len: usize,
        /// Bytes of every message.
        expected: usize,
    },
    /// It is empty, and nothing would be sent.
    #[error(
        "an empty message cannot be told from none with this framing; use one such as `lines`, \
         `cobs` or `len:u16be`"
    )]
    Empty,
    /// Its length does not fit the length field.
    #[error(
        "the message has {len} bytes, but its length field can say {least} to {most}; use a wider \
         field, or another `adjust`"
    )]
    Length {
        /// Bytes after the header.
        len: usize,
        /// The least such length that the field can say.
        least: u128,
        /// The greatest; below `least` where there is none.
        most: i128,
    },
    /// It ought to begin with its header, and is shorter.
    #[error(
        "the message has {len} bytes, too few for the header that `keep` expects it to begin with"
    )]
    ShortHeader {
        /// Bytes of the payload.
        len: usize,
    },
    /// It begins with a header that declares another length.
    #[error(
        "the header of the message declares {declared} bytes after it, but {actual} follow; `keep` \
         sends the header as it stands in the message"
    )]
    Header {
        /// Bytes after the header as it says, adjusted.
        declared: i128,
        /// Bytes after the header.
        actual: usize,
    },
}

#[cfg(test)]
mod tests;
