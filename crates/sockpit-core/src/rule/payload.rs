//! What is sent: text or bytes, with `${…}` for what is known only then.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use super::pattern::{Captures, Message, Pattern, Place};
use super::random::Random;
use crate::text::charset::{Charset, EncodeError};
use crate::text::hex::Hex;
use crate::time::Time;

mod parse;

pub use parse::PayloadError;

pub(crate) use parse::{Piece, RESERVED, pieces};

/// What is sent: text, which is encoded in the session's charset, or bytes; with parts that are
/// filled in at that time.
///
/// ```text
/// ${0} ${1} ${name}     what the pattern caught: all of it, a group, a group by name
/// ${message}            the message that is answered
/// ${peer} ${peer.addr}  the peer's number and address
/// ${time}               2026-07-28T09:30:00.123Z
/// ${time.unix}          the same in seconds since 1970; ${time.ms} in milliseconds
/// ${counter}            how often this was sent in this conversation, from 1
/// ${random}             a number below 2^32; ${random:1-100} in a range; ${random.hex:8} digits
/// ${hex:0D FF}          these bytes, as they are, in the midst of text
/// $$                    a dollar sign
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    form: Form,
    parts: Vec<Part>,
}

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As text; hexadecimal digits made up by a part stand for themselves.
    Text,
    /// As hexadecimal digits, also those made up by a part.
    Hex,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Bytes),
    Bytes(Bytes),
    Group { index: usize, name: Option<String> },
    Message,
    PeerNumber,
    PeerAddr,
    Time(Clock),
    Counter,
    Random { first: u64, last: u64 },
    RandomDigits(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Rfc3339,
    UnixSeconds,
    UnixMillis,
}

/// Who the other end is, and when its timeline began.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// Its number in the session, from 1.
    pub number: u32,
    /// Its address; empty where a Unix socket has none.
    pub addr: &'a str,
    /// When [`Time::ZERO`] was, in nanoseconds of Unix time.
    pub epoch: u64,
}

/// What the parts of a payload are filled in from.
pub(super) struct Scope<'a> {
    pub(super) charsets: Charsets,
    pub(super) message: Message<'a>,
    pub(super) captures: &'a Captures,
    pub(super) peer: &'a Peer<'a>,
    pub(super) now: Time,
    pub(super) count: u64,
    pub(super) random: &'a mut Random,
}

/// The charsets of what comes in and of what goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charsets {
    pub(super) input: Charset,
    pub(super) output: Charset,
}

impl Charsets {
    /// Whether the bytes of a message are its text on both ways, so that nothing is decoded.
    pub(super) fn are_utf_8(self) -> bool {
        self.input == Charset::UTF_8 && self.output == Charset::UTF_8
    }
}

impl Payload {
    /// A text, letter by letter: `${` means nothing in it.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let parts = match text {
            "" => Vec::new(),
            text => vec![Part::Text(Bytes::copy_from_slice(text.as_bytes()))],
        };
        Self {
            form: Form::Text,
            parts,
        }
    }

    /// Bytes as they are.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let parts = if bytes.is_empty() {
            Vec::new()
        } else {
            vec![Part::Bytes(bytes)]
        };
        Self {
            form: Form::Hex,
            parts,
        }
    }

    /// Reads a text with `${…}`, which may name what `pattern` catches.
    ///
    /// # Errors
    ///
    /// A name that nobody knows, a group that the pattern does not have, `${` without `}`.
    pub fn template(text: &str, pattern: Option<&Pattern>) -> Result<Self, PayloadError> {
        Ok(Self {
            form: Form::Text,
            parts: parse::text(text, pattern)?,
        })
    }

    /// Reads hexadecimal digits with `${…}`: captures and the message as their bytes, and
    /// `${random.hex:8}` as four bytes.
    ///
    /// # Errors
    ///
    /// As of [`template`](Self::template); characters that are no digits; parts that are no bytes.
    pub fn hex_template(text: &str, pattern: Option<&Pattern>) -> Result<Self, PayloadError> {
        Ok(Self {
            form: Form::Hex,
            parts: parse::hex(text, pattern)?,
        })
    }

    /// Whether it is written as hexadecimal digits.
    #[must_use]
    pub fn is_hex(&self) -> bool {
        self.form == Form::Hex
    }

    /// Whether it names what a pattern caught.
    #[must_use]
    pub fn needs_captures(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Group { .. }))
    }

    /// Whether it names the message that is answered.
    #[must_use]
    pub fn needs_message(&self) -> bool {
        self.parts.contains(&Part::Message)
    }

    /// Whether it says how often it was sent.
    pub(super) fn counts(&self) -> bool {
        self.parts.contains(&Part::Counter)
    }

    /// Whether the charset has every character of its text.
    ///
    /// # Errors
    ///
    /// Names the first character that it does not have.
    pub fn check(&self, charset: Charset) -> Result<(), EncodeError> {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => charset.encode(&String::from_utf8_lossy(text)).map(drop),
            _ => Ok(()),
        })
    }

    pub(super) fn render(&self, scope: &mut Scope<'_>) -> Result<Bytes, EncodeError> {
        match self.parts.as_slice() {
            [] => Ok(Bytes::new()),
            [Part::Bytes(bytes)] => Ok(bytes.clone()),
            [Part::Text(text)] if scope.charsets.output == Charset::UTF_8 => Ok(text.clone()),
            parts => {
                let mut out = Vec::new();
                for part in parts {
                    self.push(part, scope, &mut out)?;
                }
                Ok(out.into())
            }
        }
    }

    fn push(
        &self,
        part: &Part,
        scope: &mut Scope<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let charset = scope.charsets.output;
        match part {
            Part::Text(text) => encode(charset, text, out)?,
            Part::Bytes(bytes) => out.extend_from_slice(bytes),
            Part::Group { index, .. } => {
                // A group that took no part in the match is empty.
                let group = scope.captures.group(*index).unwrap_or_default();
                match (scope.captures.place(), self.form) {
                    (Place::Text, Form::Text) => encode(charset, group, out)?,
                    // In bytes, a text is what the peer sent.
                    (Place::Text, Form::Hex) => encode(scope.charsets.input, group, out)?,
                    (Place::Bytes, _) => out.extend_from_slice(group),
                }
            }
            Part::Message => self.push_message(scope, out)?,
            Part::PeerNumber => encode_str(charset, &scope.peer.number.to_string(), out)?,
            Part::PeerAddr => encode_str(charset, scope.peer.addr, out)?,
            Part::Time(clock) => encode_str(charset, &clock.say(scope.now, scope.peer), out)?,
            Part::Counter => encode_str(charset, &scope.count.to_string(), out)?,
            Part::Random { first, last } => {
                let number = scope.random.between(*first, *last);
                encode_str(charset, &number.to_string(), out)?;
            }
            Part::RandomDigits(digits) => match self.form {
                Form::Text => encode_str(charset, &random_digits(*digits, scope.random), out)?,
                Form::Hex => {
                    out.extend((0..digits / 2).map(|_| scope.random.next().to_be_bytes()[0]));
                }
            },
        }
        Ok(())
    }

    fn push_message(&self, scope: &Scope<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Charsets { input, output } = scope.charsets;
        if input == output || self.form == Form::Hex {
            out.extend_from_slice(scope.message.bytes);
            return Ok(());
        }
        match scope.message.text {
            Some(text) => encode_str(output, text, out),
            None => encode_str(output, &input.decode(scope.message.bytes).text, out),
        }
    }
}

impl Clock {
    fn say(self, now: Time, peer: &Peer<'_>) -> String {
        let nanos = u128::from(peer.epoch) + u128::from(now.as_nanos());
        match self {
            Self::Rfc3339 => i128::try_from(nanos)
                .ok()
                .and_then(|nanos| Timestamp::from_nanosecond(nanos).ok())
                .map_or_else(String::new, |time| format!("{time:.3}")),
            Self::UnixSeconds => (nanos / 1_000_000_000).to_string(),
            Self::UnixMillis => (nanos / 1_000_000).to_string(),
        }
    }
}

fn random_digits(digits: usize, random: &mut Random) -> String {
    let digit = |_| char::from_digit((random.next() >> 60) as u32, 16).unwrap_or('0');
    (0..digits).map(digit).collect()
}

fn encode(charset: Charset, text: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if charset == Charset::UTF_8 {
        out.extend_from_slice(text);
        return Ok(());
    }
    // An expression on bytes may cut a character in two, which then cannot be said.
    encode_str(charset, &String::from_utf8_lossy(text), out)
}

fn encode_str(charset: Charset, text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let encoded: Cow<'_, [u8]> = charset.encode(text)?;
    out.extend_from_slice(&encoded);
    Ok(())
}

impl fmt::Display for Payload {
    /// As the rule file has it: a template, or digits with wild parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if self.form == Form::Hex && index > 0 {
                f.write_str(" ")?;
            }
            match part {
                Part::Text(text) => {
                    f.write_str(&String::from_utf8_lossy(text).replace('$', "$$"))?;
                }
                Part::Bytes(bytes) if self.form == Form::Hex => write!(f, "{}", Hex(bytes))?,
                Part::Bytes(bytes) => write!(f, "${{hex:{}}}", Hex(bytes))?,
                Part::Group {
                    name: Some(name), ..
                } => write!(f, "${{{name}}}")?,
                Part::Group { index, name: None } => write!(f, "${{{index}}}")?,
                Part::Message => f.write_str("${message}")?,
                Part::PeerNumber => f.write_str("${peer}")?,
                Part::PeerAddr => f.write_str("${peer.addr}")?,
                Part::Time(Clock::Rfc3339) => f.write_str("${time}")?,
                Part::Time(Clock::UnixSeconds) => f.write_str("${time.unix}")?,
                Part::Time(Clock::UnixMillis) => f.write_str("${time.ms}")?,
                Part::Counter => f.write_str("${counter}")?,
                Part::Random { first, last } => write!(f, "${{random:{first}-{last}}}")?,
                Part::RandomDigits(digits) => write!(f, "${{random.hex:{digits}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
