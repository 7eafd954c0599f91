//! Escapes: bytes in text that people type, and text from a peer that a screen must not obey.
//!
//! ```text
//!  typed  a\r\n\xff\u{4f60}  ──unescape──▶  bytes
//!  shown  a\u{202e}\x1b[2J   ◀──Visible───  text from a peer
//! ```

use memchr::memchr;

use crate::text::charset::{Charset, EncodeError};

mod visible;

pub(crate) use visible::first_invisible;
pub use visible::{Escaped, Visible, VisibleLine, escape_text, is_hidden, visible_text};

/// Reads text with escapes as UTF-8: `\r \n \t \0 \e \\`, `\xNN` for a byte, `\u{..}` for a
/// character.
///
/// # Errors
///
/// Any other escape is an error that names it.
pub fn unescape_bytes(text: &str) -> Result<Vec<u8>, EscapeError> {
    let mut bytes = Vec::with_capacity(text.len());
    for piece in Pieces::of(text) {
        match piece?.what {
            What::Text(text) => bytes.extend_from_slice(text.as_bytes()),
            What::Char(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            What::Byte(byte) => bytes.push(byte),
        }
    }
    Ok(bytes)
}

/// Reads text with escapes in a charset: everything is encoded but `\xNN`, which is a raw byte.
///
/// # Errors
///
/// An escape that is none, and a character that the charset does not have; both name the column.
pub fn unescape(text: &str, charset: Charset) -> Result<Vec<u8>, ComposeError> {
    let mut bytes = Vec::with_capacity(text.len());
    for piece in Pieces::of(text) {
        let Piece { offset, what } = piece?;
        let encoded = match what {
            What::Text(text) => charset
                .encode(text)
                .map(|text| bytes.extend_from_slice(&text)),
            What::Char(character) => charset
                .encode(character.encode_utf8(&mut [0; 4]))
                .map(|text| bytes.extend_from_slice(&text)),
            What::Byte(byte) => {
                bytes.push(byte);
                Ok(())
            }
        };
        encoded.map_err(|error| EncodeError {
            column: column(text, offset) + error.column - 1,
            ..error
        })?;
    }
    Ok(bytes)
}

/// Why a text with escapes is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// An escape is none.
    #[error(transparent)]
    Escape(#[from] EscapeError),
    /// The charset does not have a character.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why a backslash begins no escape. Columns are counted in characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EscapeError {
    /// No escape has this letter.
    #[error(
        "`{}` at column {column} is no escape; there are `\\r \\n \\t \\0 \\e \\xNN \\u{{..}}`, and `\\\\` for a backslash",
        VisibleLine(escape)
    )]
    Unknown {
        /// The backslash and the character after it.
        escape: String,
        /// Place of the backslash.
        column: usize,
    },
    /// `\x` without two hexadecimal digits.
    #[error(
        "`{}` at column {column} is no byte; write two hexadecimal digits, such as `\\x0d`",
        VisibleLine(escape)
    )]
    Byte {
        /// The escape as far as it goes.
        escape: String,
        /// Place of the backslash.
        column: usize,
    },
    /// `\u` without the number of a character in braces.
    #[error(
        "`{}` at column {column} is no character; write its number in braces, such as `\\u{{4f60}}`",
        VisibleLine(escape)
    )]
    Character {
        /// The escape as far as it goes.
        escape: String,
        /// Place of the backslash.
        column: usize,
    },
    /// The text ends in a backslash.
    #[error("the text ends in a lone `\\` at column {column}; write `\\\\` for a backslash")]
    Lone {
        /// Place of the backslash.
        column: usize,
    },
}

/// A part of a text with escapes.
struct Piece<'a> {
    /// Where it begins, in bytes.
    offset: usize,
    what: What<'a>,
}

enum What<'a> {
    Text(&'a str),
    Char(char),
    Byte(u8),
}

/// Cuts a text at its escapes; ends after the first error.
struct Pieces<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Pieces<'a> {
    const fn of(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// Reads the escape at the head of `rest`, and says how long it is in bytes.
    fn escape(&self, rest: &'a str) -> Result<(What<'a>, usize), EscapeError> {
        let column = || column(self.text, self.offset);
        let part = |len: usize| rest.chars().take(len).collect::<String>();
        let what = match rest.as_bytes().get(1) {
            None => return Err(EscapeError::Lone { column: column() }),
            Some(b'r') => What::Char('\r'),
            Some(b'n') => What::Char('\n'),
            Some(b't') => What::Char('\t'),
            Some(b'0') => What::Char('\0'),
            Some(b'e') => What::Char('\x1b'),
            Some(b'\\') => What::Char('\\'),
            Some(b'x') => {
                let byte = rest.get(2..4).and_then(number);
                return match byte.and_then(|byte| u8::try_from(byte).ok()) {
                    Some(byte) => Ok((What::Byte(byte), 4)),
                    None => Err(EscapeError::Byte {
                        escape: part(4),
                        column: column(),
                    }),
                };
            }
            Some(b'u') => {
                let digits = rest[2..]
                    .strip_prefix('{')
                    .and_then(|rest| rest.split_once('}'));
                let digits = digits.map_or("", |(digits, _)| digits);
                if let Some(character) = number(digits).and_then(char::from_u32) {
                    return Ok((What::Char(character), digits.len() + 4));
                }
                let escape = part(rest.find('}').map_or(3, |end| end.min(11) + 1));
                return Err(EscapeError::Character {
                    escape,
                    column: column(),
                });
            }
            Some(_) => {
                return Err(EscapeError::Unknown {
                    escape: part(2),
                    column: column(),
                });
            }
        };
        Ok((what, 2))
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, EscapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.offset;
        let rest = &self.text[offset..];
        if rest.is_empty() {
            return None;
        }
        let piece = match memchr(b'\\', rest.as_bytes()) {
            Some(0) => self.escape(rest),
            end => {
                let text = &rest[..end.unwrap_or(rest.len())];
                Ok((What::Text(text), text.len()))
            }
        };
        Some(match piece {
            Ok((what, len)) => {
                self.offset += len;
                Ok(Piece { offset, what })
            }
            Err(error) => {
                self.offset = self.text.len();
                Err(error)
            }
        })
    }
}

/// Reads up to eight hexadecimal digits; `from_str_radix` alone would take a sign.
fn number(digits: &str) -> Option<u32> {
    let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_number {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// The place of a byte, in characters from 1.
fn column(text: &str, offset: usize) -> usize {
    text[..offset].chars().count() + 1
}

#[cfg(test)]
mod tests;
