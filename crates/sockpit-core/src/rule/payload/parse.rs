//! Reading `${…}`.

use bytes::Bytes;

use super::{Clock, Part};
use crate::rule::pattern::Pattern;
use crate::text::hex::{self, ParseHexError};

/// Why a text is no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// `${` without `}`.
    #[error("`${{` has no `}}`; write `$$` for a dollar sign")]
    Open {
        /// Place of the `$`, in bytes of the text from 0.
        offset: usize,
    },
    /// A name that nobody knows.
    #[error(
        "`${{{name}}}` is not known; there are {}, `${{0}}` and the groups of the pattern, and `$$` for a dollar sign",
        NAMES
    )]
    Name {
        /// Place of the `$`, in bytes of the text from 0.
        offset: usize,
        /// The name.
        name: String,
    },
    /// A group that the pattern does not have, or no pattern.
    #[error("`${{{index}}}` catches nothing: {}", Groups(*count))]
    Group {
        /// Place of the `$`, in bytes of the text from 0.
        offset: usize,
        /// The number of the group.
        index: usize,
        /// How many groups the pattern has, the whole match included; 0 where there is no pattern.
        count: usize,
    },
    /// A part that is told more than it takes, or something else.
    #[error("`${{{name}}}` cannot be read; write {form}")]
    Argument {
        /// Place of the `$`, in bytes of the text from 0.
        offset: usize,
        /// All between the braces.
        name: String,
        /// How it is written.
        form: &'static str,
    },
    /// A part that is text, among bytes.
    #[error(
        "`${{{name}}}` is text, among bytes; there are `${{0}}`, the groups, `${{message}}` and `${{random.hex:8}}`"
    )]
    NotBytes {
        /// Place of the `$`, in bytes of the text from 0.
        offset: usize,
        /// All between the braces.
        name: String,
    },
    /// Digits that are none.
    #[error("{error}")]
    Hex {
        /// Place of the digits, in bytes of the text from 0.
        offset: usize,
        /// What is wrong with them.
        error: ParseHexError,
    },
}

impl PayloadError {
    /// Place of what is wrong, in bytes of the text from 0.
    #[must_use]
    pub const fn offset(&self) -> usize {
        match self {
            Self::Open { offset }
            | Self::Name { offset, .. }
            | Self::Group { offset, .. }
            | Self::Argument { offset, .. }
            | Self::NotBytes { offset, .. }
            | Self::Hex { offset, .. } => *offset,
        }
    }
}

/// The names that a group of a pattern cannot have: each is a part of its own.
pub(crate) const RESERVED: [&str; 6] = ["message", "peer", "time", "counter", "random", "hex"];

const NAMES: &str = "`${message}`, `${peer}`, `${peer.addr}`, `${time}`, `${time.unix}`, \
    `${time.ms}`, `${counter}`, `${random}`, `${random:1-100}`, `${random.hex:8}`, `${hex:0D 0A}`";

/// In digits: as many as the longest hash has.
const MOST_DIGITS: usize = 128;

pub(super) fn text(text: &str, pattern: Option<&Pattern>) -> Result<Vec<Part>, PayloadError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    for piece in pieces(text) {
        match piece? {
            Piece::Literal { text, .. } => literal.push_str(text),
            Piece::Name { name, offset } => {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal).into()));
                }
                parts.push(part(name, offset, pattern)?);
            }
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Text(literal.into()));
    }
    Ok(parts)
}

pub(super) fn hex(text: &str, pattern: Option<&Pattern>) -> Result<Vec<Part>, PayloadError> {
    let mut parts = Vec::new();
    for piece in pieces(text) {
        match piece? {
            Piece::Literal { text, offset } => {
                let bytes = hex_bytes(text, offset)?;
                if !bytes.is_empty() {
                    parts.push(Part::Bytes(bytes));
                }
            }
            Piece::Name { name, offset } => {
                let part = part(name, offset, pattern)?;
                match &part {
                    Part::Bytes(bytes) if bytes.is_empty() => {}
                    Part::Bytes(_) | Part::Group { .. } | Part::Message => parts.push(part),
                    Part::RandomDigits(digits) if digits % 2 == 0 => parts.push(part),
                    _ => {
                        return Err(PayloadError::NotBytes {
                            offset,
                            name: name.to_owned(),
                        });
                    }
                }
            }
        }
    }
    Ok(join_bytes(parts))
}

/// Bytes side by side are one part, so that digits read back as they were written.
fn join_bytes(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match (joined.last_mut(), part) {
            (Some(Part::Bytes(before)), Part::Bytes(bytes)) => {
                *before = [&before[..], &bytes[..]].concat().into();
            }
            (_, part) => joined.push(part),
        }
    }
    joined
}

pub(crate) enum Piece<'a> {
    Literal { text: &'a str, offset: usize },
    Name { name: &'a str, offset: usize },
}

/// Cuts a text at `${…}` and `$$`.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Result<Piece<'_>, PayloadError>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let offset = text.len() - rest.len();
        if let Some(inner) = rest.strip_prefix("${") {
            let Some((name, after)) = inner.split_once('}') else {
                rest = "";
                return Some(Err(PayloadError::Open { offset }));
            };
            rest = after;
            return Some(Ok(Piece::Name { name, offset }));
        }
        // A `$` that begins nothing stands for itself.
        let len = match rest.strip_prefix('$') {
            Some(after) if after.starts_with('$') => {
                rest = &after[1..];
                return Some(Ok(Piece::Literal { text: "$", offset }));
            }
            Some(after) => 1 + after.find('$').unwrap_or(after.len()),
            None => rest.find('$').unwrap_or(rest.len()),
        };
        let (literal, after) = rest.split_at(len);
        rest = after;
        Some(Ok(Piece::Literal {
            text: literal,
            offset,
        }))
    })
}

fn part(inside: &str, offset: usize, pattern: Option<&Pattern>) -> Result<Part, PayloadError> {
    let (name, argument) = inside
        .split_once(':')
        .map_or((inside, None), |(name, argument)| (name, Some(argument)));
    let argument_error = |form| PayloadError::Argument {
        offset,
        name: inside.to_owned(),
        form,
    };
    match (name, argument) {
        ("message", None) => Ok(Part::Message),
        ("peer", None) => Ok(Part::PeerNumber),
        ("peer.addr", None) => Ok(Part::PeerAddr),
        ("time", None) => Ok(Part::Time(Clock::Rfc3339)),
        ("time.unix", None) => Ok(Part::Time(Clock::UnixSeconds)),
        ("time.ms", None) => Ok(Part::Time(Clock::UnixMillis)),
        ("counter", None) => Ok(Part::Counter),
        ("random", None) => Ok(Part::Random {
            first: 0,
            last: u64::from(u32::MAX),
        }),
        ("random", Some(range)) => read_range(range)
            .map(|(first, last)| Part::Random { first, last })
            .ok_or_else(|| argument_error("a range such as `${random:1-100}`")),
        ("random.hex", Some(digits)) => digits
            .parse()
            .ok()
            .filter(|digits| (1..=MOST_DIGITS).contains(digits))
            .map(Part::RandomDigits)
            .ok_or_else(|| argument_error("1 to 128 digits, such as `${random.hex:8}`")),
        ("hex", Some(digits)) => {
            let digits_offset = offset + "${hex:".len();
            hex_bytes(digits, digits_offset).map(Part::Bytes)
        }
        (_, None) => group(name, offset, pattern),
        _ => Err(PayloadError::Name {
            offset,
            name: inside.to_owned(),
        }),
    }
}

fn group(name: &str, offset: usize, pattern: Option<&Pattern>) -> Result<Part, PayloadError> {
    let groups = pattern.map(Pattern::groups).unwrap_or_default();
    if let Some(index) = groups.iter().position(|group| *group == Some(name)) {
        return Ok(Part::Group {
            index,
            name: Some(name.to_owned()),
        });
    }
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let index = if is_number {
        name.parse().unwrap_or(usize::MAX)
    } else {
        return Err(PayloadError::Name {
            offset,
            name: name.to_owned(),
        });
    };
    match pattern {
        // What fits every message has caught the message, whatever its charset.
        Some(pattern) if index == 0 && pattern.key() == "any" => Ok(Part::Message),
        _ if index < groups.len() => Ok(Part::Group { index, name: None }),
        _ => Err(PayloadError::Group {
            offset,
            index,
            count: groups.len(),
        }),
    }
}

fn read_range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some((first, last))
}

fn hex_bytes(text: &str, offset: usize) -> Result<Bytes, PayloadError> {
    hex::parse(text).map(Bytes::from).map_err(|error| {
        let before = text.chars().take(error.column.saturating_sub(1));
        PayloadError::Hex {
            offset: offset + before.map(char::len_utf8).sum::<usize>(),
            error,
        }
    })
}

/// How many groups there are, as the end of a sentence.
struct Groups(usize);

impl std::fmt::Display for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("no pattern comes before it"),
            1 => f.write_str("the pattern has no groups, only `${0}`"),
            2 => f.write_str("the pattern has one group, `${1}`"),
            count => write!(
                f,
                "the pattern has groups from `${{1}}` to `${{{}}}`",
                count - 1
            ),
        }
    }
}
