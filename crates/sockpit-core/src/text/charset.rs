//! Charsets: bytes to text and back, by the names that the web has for them (WHATWG Encoding).
//!
//! The charset is what the user said: no byte order mark changes it, and a mark in the bytes is
//! U+FEFF in the text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use encoding_rs::{DecoderResult, EncoderResult, Encoding};

use crate::text::escape::VisibleLine;

/// A charset, such as `utf-8` or `gbk`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charset(&'static Encoding);

/// A whole message as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text, with U+FFFD for what is not valid.
    pub text: String,
    /// Place of the first byte that is not valid, from 0.
    pub malformed_at: Option<usize>,
}

impl Charset {
    /// The charset where nothing else was said.
    pub const UTF_8: Self = Self(encoding_rs::UTF_8);

    /// Decodes a whole message.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Decoded {
        if self == Self::UTF_8 {
            return decode_utf_8(bytes);
        }
        let mut text = String::new();
        let mut decoder = self.decoder();
        let pushed = decoder.push(bytes, &mut text);
        let finished = decoder.finish(&mut text);
        let malformed_at = pushed.or(finished);
        // A place in a slice fits the type of its length.
        Decoded {
            text,
            malformed_at: malformed_at.map(|offset| offset as usize),
        }
    }

    /// The places of the bytes that are not valid: the first `most` of them.
    #[must_use]
    pub fn malformed(self, bytes: &[u8], most: usize) -> Vec<Range<usize>> {
        let mut decoder = self.0.new_decoder_without_bom_handling();
        let mut places = Vec::new();
        let mut buffer = [0; SCRATCH];
        let scratch = str::from_utf8_mut(&mut buffer).expect("zeros are text");
        let mut at = 0;
        while places.len() < most {
            let rest = bytes.get(at..).unwrap_or_default();
            let (result, taken, _) = decoder.decode_to_str_without_replacement(rest, scratch, true);
            at += taken;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(len, after) => {
                    let end = at.saturating_sub(usize::from(after));
                    places.push(end.saturating_sub(usize::from(len))..end);
                }
            }
        }
        places
    }

    /// Encodes text.
    ///
    /// # Errors
    ///
    /// A character that the charset does not have is an error, never `?` nor `&#20320;`.
    pub fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, EncodeError> {
        if self == Self::UTF_8 {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        // The web never sends UTF-16, so `encoding_rs` has no encoder for it.
        if self.0 == encoding_rs::UTF_16LE {
            return Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        }
        if self.0 == encoding_rs::UTF_16BE {
            return Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
        }
        let mut encoder = self.0.new_encoder();
        let mut bytes = Vec::with_capacity(text.len() + SLACK);
        let mut read = 0;
        loop {
            let rest = &text[read..];
            let (result, taken) =
                encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
            read += taken;
            match result {
                EncoderResult::InputEmpty => return Ok(Cow::Owned(bytes)),
                EncoderResult::OutputFull => bytes.reserve(text.len() - read + SLACK),
                EncoderResult::Unmappable(stated) => {
                    // For a control that would switch the state of ISO-2022-JP, U+FFFD is stated.
                    let character = text[..read].chars().next_back().unwrap_or(stated);
                    let column = text[..read].chars().count();
                    return Err(EncodeError {
                        character,
                        column,
                        charset: self,
                    });
                }
            }
        }
    }

    /// Starts to decode a stream.
    #[must_use]
    pub fn decoder(self) -> Decoder {
        Decoder {
            decoder: self.0.new_decoder_without_bom_handling(),
            offset: 0,
        }
    }
}

fn decode_utf_8(bytes: &[u8]) -> Decoded {
    if let Ok(text) = str::from_utf8(bytes) {
        return Decoded {
            text: text.to_owned(),
            malformed_at: None,
        };
    }
    let mut text = String::with_capacity(bytes.len() + SLACK);
    let mut malformed_at = None;
    for part in bytes.utf8_chunks() {
        text.push_str(part.valid());
        if !part.invalid().is_empty() {
            // Until the first of them, text and bytes are the same.
            malformed_at.get_or_insert(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Decoded { text, malformed_at }
}

/// Decodes a stream chunk by chunk: a character that is cut in two comes out whole.
///
/// It holds no more than a few bytes of an unfinished character, and nothing on the heap.
pub struct Decoder {
    decoder: encoding_rs::Decoder,
    /// Bytes taken so far.
    offset: u64,
}

impl Decoder {
    /// Appends the text of further bytes, with U+FFFD for what is not valid.
    ///
    /// Returns the place in the stream of the first byte that was found not to be valid. It may lie
    /// in an earlier chunk, where a character began that this one does not continue.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) -> Option<u64> {
        self.take(bytes, End::Open, out)
    }

    /// Ends the stream: what is left of a character becomes U+FFFD, and its place is returned. The
    /// decoder then starts a new stream, whose first byte has place 0.
    pub fn finish(&mut self, out: &mut String) -> Option<u64> {
        let malformed_at = self.take(&[], End::Closed, out);
        *self = Charset(self.decoder.encoding()).decoder();
        malformed_at
    }

    fn take(&mut self, bytes: &[u8], end: End, out: &mut String) -> Option<u64> {
        out.reserve(bytes.len() + SLACK);
        // The converter touches all the room that it is given, each time it stops at a bad byte: a
        // message of nothing else must not make that the square of its length. Nor must a short one
        // pay for the room of a long one.
        if bytes.len() <= SHORT {
            self.take_by(&mut [0; 4 * SHORT], bytes, end, out)
        } else {
            self.take_by(&mut [0; SCRATCH], bytes, end, out)
        }
    }

    /// The same by way of a buffer of zeros.
    fn take_by(
        &mut self,
        buffer: &mut [u8],
        bytes: &[u8],
        end: End,
        out: &mut String,
    ) -> Option<u64> {
        let scratch = str::from_utf8_mut(buffer).expect("zeros are text");
        let mut malformed_at = None;
        let mut rest = bytes;
        loop {
            let is_last = end == End::Closed;
            let (result, taken, written) = self
                .decoder
                .decode_to_str_without_replacement(rest, scratch, is_last);
            out.push_str(&scratch[..written]);
            rest = rest.get(taken..).unwrap_or_default();
            self.offset += taken as u64;
            match result {
                DecoderResult::InputEmpty => return malformed_at,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(len, after) => {
                    let back = u64::from(len) + u64::from(after);
                    malformed_at.get_or_insert(self.offset.saturating_sub(back));
                    out.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("charset", &self.decoder.encoding().name())
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// Whether more bytes may come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Closed,
}

/// In bytes: room for one more character in any charset, so that a conversion always moves on.
const SLACK: usize = 16;

/// In bytes: text that is decoded at once.
const SCRATCH: usize = 4096;

/// In bytes: what is decoded with less.
const SHORT: usize = 64;

impl Default for Charset {
    fn default() -> Self {
        Self::UTF_8
    }
}

impl FromStr for Charset {
    type Err = ParseCharsetError;

    /// Takes any label of the WHATWG, in upper or lower case, and a few more such as `cp936`.
    ///
    /// Some labels mean a superset, as on the web: `gb2312` is gbk, `latin1` and `ascii` are
    /// windows-1252, `utf-16` is utf-16le.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let label = text.trim().to_ascii_lowercase();
        let label = ALIASES
            .iter()
            .find(|(alias, _)| *alias == label)
            .map_or(label.as_str(), |(_, name)| *name);
        // The charsets that the WHATWG calls a danger decode to one U+FFFD each: they are none.
        Encoding::for_label_no_replacement(label.as_bytes())
            .map(Self)
            .ok_or_else(|| ParseCharsetError {
                text: text.to_owned(),
            })
    }
}

/// Names that people use and the WHATWG does not have.
const ALIASES: [(&str, &str); 16] = [
    ("cp936", "gbk"),
    ("ms936", "gbk"),
    ("windows-936", "gbk"),
    ("cp54936", "gb18030"),
    ("gb-18030", "gb18030"),
    ("cp950", "big5"),
    ("cp932", "shift_jis"),
    ("eucjp", "euc-jp"),
    ("cp949", "euc-kr"),
    ("euckr", "euc-kr"),
    ("latin-1", "latin1"),
    ("cp65001", "utf-8"),
    ("utf_8", "utf-8"),
    ("utf16", "utf-16le"),
    ("utf16le", "utf-16le"),
    ("utf16be", "utf-16be"),
];

impl fmt::Display for Charset {
    /// The name of the WHATWG in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .name()
            .chars()
            .try_for_each(|c| fmt::Write::write_char(f, c.to_ascii_lowercase()))
    }
}

/// Why a text names no charset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no charset; write a name such as `utf-8`, `gbk`, `gb18030`, `big5`, `shift_jis` or `latin1`",
    VisibleLine(text)
)]
pub struct ParseCharsetError {
    text: String,
}

/// Why a text cannot be said in a charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` at column {column} cannot be said in {charset}; a charset that has everything is `utf-8`",
    VisibleLine(character.encode_utf8(&mut [0; 4]))
)]
pub struct EncodeError {
    /// The first character that the charset does not have.
    pub character: char,
    /// Its place, in characters from 1.
    pub column: usize,
    /// The charset.
    pub charset: Charset,
}

#[cfg(test)]
mod tests;
