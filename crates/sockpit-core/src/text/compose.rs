//! Bytes in the forms in which people paste them: hex, source code, base64, escapes, decimal numbers.
//!
//! ```text
//!  hex      01 03 C5            0x01,0x03,0xC5   01:03:c5   0103C5
//!  c        0x01, 0x03, 0xC5    {1, 'A', 0xC5}   b[] = { … };   [0x01, 3u8]
//!  string   "\x01\003\xc5"      b"\x01" "abc"
//!  base64   AQPF                with and without padding, URL-safe too
//!  escapes  \x01\x03\xc5        text otherwise
//!  decimal  1 3 197             -59 is 197
//!  raw      the bytes themselves
//! ```

mod guess;
mod source;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

pub use source::SourceError;

use crate::text::charset::Charset;
use crate::text::escape::{self, EscapeError, VisibleLine};
use crate::text::hex::{self, ParseHexError};

/// How bytes are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `01 03 C5`.
    Hex,
    /// The elements of an array: `0x01, 0x03, 0xC5`.
    C,
    /// A string literal: `"\001\003\305"`.
    CString,
    /// RFC 4648.
    Base64,
    /// Text, with `\r \n \t \xNN` for what it cannot show.
    Escapes,
    /// `1 3 197`.
    Decimal,
    /// The bytes themselves.
    Raw,
}

/// Bytes of a C array on one line, as `xxd -i` has them.
const PER_LINE: usize = 12;

/// Written with padding; read with and without, and whatever the last bits are.
const BASE64: GeneralPurpose = base64_of(&alphabet::STANDARD);

/// With `-` and `_`, as in a URL.
const BASE64_URL: GeneralPurpose = base64_of(&alphabet::URL_SAFE);

const fn base64_of(alphabet: &alphabet::Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, config)
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 7] = [
        Self::Hex,
        Self::C,
        Self::CString,
        Self::Base64,
        Self::Escapes,
        Self::Decimal,
        Self::Raw,
    ];

    /// Its word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::C => "c",
            Self::CString => "string",
            Self::Base64 => "base64",
            Self::Escapes => "escapes",
            Self::Decimal => "decimal",
            Self::Raw => "raw",
        }
    }

    /// Guesses in which form a paste is; what is none of the others is raw.
    #[must_use]
    pub fn guess(paste: &[u8]) -> Self {
        guess::guess(paste)
    }

    /// Reads the bytes that are written down.
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] where something stands that the form does not have.
    pub fn read(self, written: &[u8]) -> Result<Vec<u8>, ReadError> {
        if self == Self::Raw {
            return Ok(written.to_vec());
        }
        let text = str::from_utf8(written).map_err(|error| ReadError::NotText {
            form: self,
            at: error.valid_up_to(),
        })?;
        match self {
            Self::Raw => Ok(written.to_vec()),
            Self::Hex => Ok(hex::parse(text)?),
            Self::C | Self::CString => Ok(source::read(text)?),
            Self::Base64 => read_base64(text),
            Self::Escapes => Ok(escape::unescape_bytes(text)?),
            Self::Decimal => read_decimal(text),
        }
    }

    /// Appends the bytes, written down.
    pub fn write(self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut text = String::new();
        match self {
            Self::Raw => return out.extend_from_slice(bytes),
            Self::Hex => hex::write(bytes, &mut text),
            Self::C => write_array(bytes, &mut text),
            Self::CString => source::write_string(bytes, &mut text),
            Self::Base64 => BASE64.encode_string(bytes, &mut text),
            Self::Escapes => write_escapes(bytes, &mut text),
            Self::Decimal => write_decimal(bytes, &mut text),
        }
        out.extend_from_slice(text.as_bytes());
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Form {
    type Err = ParseFormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.trim().to_ascii_lowercase();
        let word = match word.as_str() {
            "c-string" | "cstring" | "c-str" | "str" => "string",
            "array" | "c-array" => "c",
            "b64" => "base64",
            "escape" | "escaped" => "escapes",
            "dec" => "decimal",
            word => word,
        };
        let form = Self::ALL.into_iter().find(|form| form.as_str() == word);
        form.ok_or_else(|| ParseFormError {
            text: text.to_owned(),
        })
    }
}

/// Why a word names no form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not one of hex, c, string, base64, escapes, decimal, raw",
    VisibleLine(text)
)]
pub struct ParseFormError {
    text: String,
}

/// Why a text is not what it was said to be. Columns are counted in characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The input is no text, so it is in no form of one.
    #[error(
        "the input is not UTF-8 at byte {at}, so it is no {form}; `--from raw` takes any bytes"
    )]
    NotText {
        /// What it was said to be.
        form: Form,
        /// The first byte that is none of UTF-8, from 0.
        at: usize,
    },
    /// It is not hex.
    #[error(transparent)]
    Hex(#[from] ParseHexError),
    /// It is no source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It has an escape that is none.
    #[error(transparent)]
    Escape(#[from] EscapeError),
    /// It has a character that is none of base64.
    #[error(
        "`{}` at column {column} is none of base64",
        VisibleLine(character.encode_utf8(&mut [0; 4]))
    )]
    Base64 {
        /// The character.
        character: char,
        /// Its place.
        column: usize,
    },
    /// So many characters are no base64.
    #[error("base64 of {len} characters has lost some: four make three bytes, and one alone none")]
    Base64Len {
        /// Without white space and padding.
        len: usize,
    },
    /// It is no number of a byte.
    #[error(
        "`{}` at column {column} is no byte; write numbers from 0 to 255, or from -128",
        VisibleLine(word)
    )]
    Decimal {
        /// What stands there.
        word: String,
        /// Its place.
        column: usize,
    },
}

fn read_base64(text: &str) -> Result<Vec<u8>, ReadError> {
    let is_url = text.contains(['-', '_']);
    let mut digits = String::with_capacity(text.len());
    let mut is_padded = false;
    for (index, character) in text.chars().enumerate() {
        match character {
            c if c.is_ascii_whitespace() => {}
            '=' => is_padded = true,
            '+' | '/' if !is_url && !is_padded => digits.push(character),
            '-' | '_' if !is_padded => digits.push(character),
            c if c.is_ascii_alphanumeric() && !is_padded => digits.push(character),
            _ => {
                return Err(ReadError::Base64 {
                    character,
                    column: index + 1,
                });
            }
        }
    }
    let engine = if is_url { BASE64_URL } else { BASE64 };
    engine
        .decode(&digits)
        .map_err(|_| ReadError::Base64Len { len: digits.len() })
}

fn read_decimal(text: &str) -> Result<Vec<u8>, ReadError> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    let mut bytes = Vec::new();
    let mut at = 0;
    for word in text.split(is_between) {
        let start = at;
        // What separates is one character, but not always one byte.
        at += word.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
        if word.is_empty() {
            continue;
        }
        let byte = match word.parse::<i16>() {
            Ok(number @ -128..=255) => (number & 0xff) as u8,
            _ => {
                return Err(ReadError::Decimal {
                    word: word.to_owned(),
                    column: text[..start].chars().count() + 1,
                });
            }
        };
        bytes.push(byte);
    }
    Ok(bytes)
}

fn write_array(bytes: &[u8], out: &mut String) {
    for (index, byte) in bytes.iter().enumerate() {
        out.push_str(match index {
            0 => "",
            _ if index % PER_LINE == 0 => ",\n",
            _ => ", ",
        });
        out.push_str(&format!("0x{byte:02X}"));
    }
}

fn write_decimal(bytes: &[u8], out: &mut String) {
    for (index, byte) in bytes.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { " " });
        out.push_str(&byte.to_string());
    }
}

/// UTF-8 is shown as text, and every byte that is none of it as `\xNN`.
fn write_escapes(bytes: &[u8], out: &mut String) {
    for piece in bytes.utf8_chunks() {
        escape::escape_text(piece.valid(), out);
        for byte in piece.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
}

/// Text of a charset as bytes, with escapes understood where they are wanted.
///
/// # Errors
///
/// Returns a [`ComposeError`](escape::ComposeError) for an escape that is none, and for a character
/// that the charset does not have.
pub fn encode_text(
    text: &str,
    has_escapes: bool,
    charset: Charset,
) -> Result<Vec<u8>, escape::ComposeError> {
    if has_escapes {
        escape::unescape(text, charset)
    } else {
        Ok(charset.encode(text)?.into_owned())
    }
}

#[cfg(test)]
mod tests;
