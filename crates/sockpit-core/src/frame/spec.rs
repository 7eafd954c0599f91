//! The words in which a framing is said on the command line.
//!
//! ```text
//! raw · lines · slip · cobs
//! delim:TEXT · delim:hex:HEX                                      TEXT with escapes
//! fixed:N · gap:TIME
//! len:u8|u16be|u16le|u32be|u32le|varint[,offset=N][,adjust=N][,keep]
//! ```

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::{Framing, LengthField, LengthPrefix};
use crate::text::escape::{EscapeError, VisibleLine, unescape_bytes};
use crate::text::hex::{self, ParseHexError};
use crate::time::{ParseTimeSpanError, TimeSpan};

impl FromStr for Framing {
    type Err = ParseFramingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, value) = match text.split_once(':') {
            Some((word, value)) => (word, Some(value)),
            None => (text, None),
        };
        let plain = match word {
            "raw" => Self::Raw,
            "lines" => Self::Lines,
            "slip" => Self::Slip,
            "cobs" => Self::Cobs,
            "delim" => return parse_delimiter(value.unwrap_or_default()),
            "fixed" => return parse_fixed(value.unwrap_or_default()),
            "len" => return parse_length(value.unwrap_or_default()).map(Self::Length),
            "gap" => return parse_gap(value),
            _ => {
                return Err(ParseFramingError::Unknown {
                    text: text.to_owned(),
                });
            }
        };
        if value.is_some() {
            return Err(ParseFramingError::Surplus {
                text: text.to_owned(),
                word: word.to_owned(),
            });
        }
        Ok(plain)
    }
}

impl fmt::Display for Framing {
    /// As it reads back; a delimiter as hex, unless it is plain text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw => f.write_str("raw"),
            Self::Lines => f.write_str("lines"),
            Self::Delimited(delimiter) => {
                if let Some(text) = plain_text(delimiter) {
                    return write!(f, "delim:{text}");
                }
                f.write_str("delim:hex:")?;
                delimiter
                    .iter()
                    .try_for_each(|byte| write!(f, "{byte:02X}"))
            }
            Self::Fixed(len) => write!(f, "fixed:{len}"),
            Self::Length(prefix) => write!(f, "len:{prefix}"),
            Self::Slip => f.write_str("slip"),
            Self::Cobs => f.write_str("cobs"),
            Self::Gap(span) => write!(f, "gap:{span}"),
        }
    }
}

impl fmt::Display for LengthPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field.as_str())?;
        if self.offset > 0 {
            write!(f, ",offset={}", self.offset)?;
        }
        if self.adjust != 0 {
            write!(f, ",adjust={}", self.adjust)?;
        }
        f.write_str(if self.keep { ",keep" } else { "" })
    }
}

impl LengthField {
    /// Every field.
    pub const ALL: [Self; 6] = [
        Self::U8,
        Self::U16Be,
        Self::U16Le,
        Self::U32Be,
        Self::U32Le,
        Self::Varint,
    ];

    /// Its word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16Be => "u16be",
            Self::U16Le => "u16le",
            Self::U32Be => "u32be",
            Self::U32Le => "u32le",
            Self::Varint => "varint",
        }
    }
}

/// Why a text is no framing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFramingError {
    /// No framing has this name.
    #[error(
        "`{}` is not a framing; use `raw`, `lines`, `delim:TEXT`, `fixed:N`, `len:FIELD`, `slip`, \
         `cobs` or `gap:TIME`",
        VisibleLine(text)
    )]
    Unknown {
        /// As typed.
        text: String,
    },
    /// The framing takes no value.
    #[error("`{}` says too much; write `{word}` alone", VisibleLine(text))]
    Surplus {
        /// As typed.
        text: String,
        /// The name of the framing.
        word: String,
    },
    /// A delimiter has no bytes.
    #[error("`delim` needs a delimiter, such as `delim:;` or `delim:hex:0D0A`")]
    NoDelimiter,
    /// A delimiter has an escape that is none.
    #[error(transparent)]
    Escape(#[from] EscapeError),
    /// A delimiter is not hexadecimal.
    #[error(transparent)]
    Hex(#[from] ParseHexError),
    /// A fixed length is no number above zero.
    #[error(
        "`fixed:{}` has no length; write a number of bytes from 1, such as `fixed:16`",
        VisibleLine(len)
    )]
    Fixed {
        /// As typed.
        len: String,
    },
    /// No length field has this name.
    #[error(
        "`len:{}` has no length field; use `u8`, `u16be`, `u16le`, `u32be`, `u32le` or `varint`, \
         such as `len:u16be`",
        VisibleLine(field)
    )]
    Field {
        /// As typed.
        field: String,
    },
    /// A length prefix has no such option, or not with this value.
    #[error(
        "`{}` is not an option of `len`; use `offset=N` (0 to 65535), `adjust=N` (such as \
         `adjust=-4`) or `keep`",
        VisibleLine(option)
    )]
    Option {
        /// As typed.
        option: String,
    },
    /// An option of a length prefix is given more than once.
    #[error(
        "`{}` is there twice in `len`; write each option once",
        VisibleLine(option)
    )]
    Repeated {
        /// Its name.
        option: String,
    },
    /// A gap is not a time.
    #[error(transparent)]
    Time(#[from] ParseTimeSpanError),
    /// A gap has no length.
    #[error("`gap` needs a time above zero, such as `gap:20ms`")]
    NoGap,
}

fn parse_delimiter(value: &str) -> Result<Framing, ParseFramingError> {
    let delimiter = match value.strip_prefix("hex:") {
        Some(digits) => hex::parse(digits)?,
        None => unescape_bytes(value)?,
    };
    if delimiter.is_empty() {
        return Err(ParseFramingError::NoDelimiter);
    }
    Ok(Framing::Delimited(delimiter.into()))
}

fn parse_fixed(value: &str) -> Result<Framing, ParseFramingError> {
    let len: Result<NonZeroUsize, _> = value.parse();
    len.map(Framing::Fixed)
        .map_err(|_| ParseFramingError::Fixed {
            len: value.to_owned(),
        })
}

fn parse_gap(value: Option<&str>) -> Result<Framing, ParseFramingError> {
    let span: TimeSpan = value.ok_or(ParseFramingError::NoGap)?.parse()?;
    if span.0.is_zero() {
        return Err(ParseFramingError::NoGap);
    }
    Ok(Framing::Gap(span))
}

fn parse_length(value: &str) -> Result<LengthPrefix, ParseFramingError> {
    let mut parts = value.split(',');
    let word = parts.next().unwrap_or_default();
    let field = LengthField::ALL
        .into_iter()
        .find(|field| field.as_str() == word)
        .ok_or_else(|| ParseFramingError::Field {
            field: word.to_owned(),
        })?;
    let (mut offset, mut adjust, mut keep) = (None, None, None);
    for option in parts {
        let wrong = || ParseFramingError::Option {
            option: option.to_owned(),
        };
        let (name, number) = option.split_once('=').unwrap_or((option, ""));
        let is_repeated = match name {
            "offset" => offset
                .replace(number.parse().map_err(|_| wrong())?)
                .is_some(),
            "adjust" => adjust
                .replace(number.parse().map_err(|_| wrong())?)
                .is_some(),
            "keep" if name == option => keep.replace(true).is_some(),
            _ => return Err(wrong()),
        };
        if is_repeated {
            return Err(ParseFramingError::Repeated {
                option: name.to_owned(),
            });
        }
    }
    Ok(LengthPrefix {
        field,
        offset: offset.unwrap_or_default(),
        adjust: adjust.unwrap_or_default(),
        keep: keep.unwrap_or_default(),
    })
}

/// The delimiter as text that is read as it stands, if it is such.
fn plain_text(delimiter: &[u8]) -> Option<&str> {
    let text = str::from_utf8(delimiter).ok()?;
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_plain && !text.starts_with("hex:")).then_some(text)
}

#[cfg(test)]
mod tests;
