//! The composer: what somebody writes, and the exact bytes that it comes to, each with its meaning.
//!
//! ```text
//!  你好\r  ──charset, escapes──▶ content ─▶ + end of line ─▶ + checksum ─▶ framed
//!                               payload     eol             checksum      frame
//! ```

use std::ops::Range;

use bytes::Bytes;

use crate::plan::{Eol, Plan};
use crate::session::{Message, MessageError};
use crate::text::charset::Charset;
use crate::text::checksum::ChecksumSpec;
use crate::text::compose::encode_text;
use crate::text::escape::{ComposeError, EscapeError, Escaped, unescape};
use crate::text::hex::{self, ParseHexError};

/// What somebody has written, and how it is meant where the session does not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What was written.
    pub content: Content,
    /// The charset of text; the session's if `None`.
    pub charset: Option<Charset>,
    /// What is appended; the session's after text and nothing after bytes if `None`.
    pub eol: Option<Eol>,
    /// The checksum; the session's if the outer is `None`, and none at all if the inner is.
    pub checksum: Option<Option<ChecksumSpec>>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text {
        /// As it was typed.
        text: String,
        /// Whether escapes are understood in it.
        has_escapes: bool,
    },
    /// Bytes, as hexadecimal digits in whatever notation.
    Hex(String),
}

/// What a draft comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// The message: what is meant, and what goes out.
    pub message: Message,
    /// What was written, as bytes: without end of line and checksum.
    pub content: Bytes,
    /// The message before its checksum was written.
    pub plain: Bytes,
    /// What each byte that goes out is, without gaps from the first to the last.
    pub marks: Vec<Mark>,
}

/// Some bytes that go out, and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What they are.
    pub part: Part,
    /// Which of the bytes that go out.
    pub range: Range<usize>,
}

/// What bytes are in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What was written.
    Payload,
    /// The end of line.
    Eol,
    /// The checksum.
    Checksum,
    /// What the framing adds.
    Frame,
}

impl Part {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Eol => "eol",
            Self::Checksum => "checksum",
            Self::Frame => "frame",
        }
    }
}

/// Why a draft is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// The text cannot be read, or not be said in the charset.
    #[error(transparent)]
    Text(#[from] ComposeError),
    /// The digits cannot be read.
    #[error(transparent)]
    Hex(#[from] ParseHexError),
    /// The message cannot be sent.
    #[error(transparent)]
    Message(#[from] MessageError),
}

impl DraftError {
    /// Where in what was written it is, in characters from 0; `None` where it is all of it.
    #[must_use]
    pub fn place(&self) -> Option<Range<usize>> {
        let (column, len) = match self {
            Self::Hex(error) => (error.column, 1),
            Self::Text(ComposeError::Encode(error)) => (error.column, 1),
            Self::Text(ComposeError::Escape(error)) => match error {
                EscapeError::Unknown { escape, column }
                | EscapeError::Byte { escape, column }
                | EscapeError::Character { escape, column } => (*column, escape.chars().count()),
                EscapeError::Lone { column } => (*column, 1),
            },
            Self::Message(_) => return None,
        };
        let from = column.saturating_sub(1);
        Some(from..from.saturating_add(len))
    }
}

impl Plan {
    /// Makes the message that a draft means in this session.
    ///
    /// # Errors
    ///
    /// Returns a [`DraftError`], with its place in what was written where it has one.
    pub fn compose(&self, draft: &Draft) -> Result<Composed, DraftError> {
        let charset = draft.charset.unwrap_or(self.text_out);
        let (content, usual_eol) = match &draft.content {
            Content::Text { text, has_escapes } => {
                (encode_text(text, *has_escapes, charset)?, self.eol)
            }
            Content::Hex(digits) => (hex::parse(digits)?, Eol::None),
        };
        let eol = draft.eol.unwrap_or(usual_eol);
        let eol = charset.encode(eol.as_str()).map_err(ComposeError::from)?;
        let mut parts = vec![Part::Payload; content.len()];
        parts.resize(content.len().saturating_add(eol.len()), Part::Eol);
        let mut payload = content;
        payload.extend_from_slice(&eol);
        let plain = Bytes::from(payload);
        let content = plain.slice(..plain.len().saturating_sub(eol.len()));
        let mut plan = self.clone();
        if let Some(checksum) = draft.checksum {
            plan.checksum = checksum;
        }
        let message = plan.message(plain.clone())?;
        if let Some(checksum) = &plan.checksum
            && let Ok(field) = checksum.field_of(message.payload.len())
        {
            parts.resize(message.payload.len(), Part::Checksum);
            if let Some(field) = parts.get_mut(field) {
                field.fill(Part::Checksum);
            }
        }
        let framed = plan.framing.places(&message.payload, message.wire.len());
        let parts = framed.map(|place| {
            place
                .and_then(|place| parts.get(place).copied())
                .unwrap_or(Part::Frame)
        });
        Ok(Composed {
            marks: marks(parts),
            message,
            content,
            plain,
        })
    }
}

impl Composed {
    /// What was written, as text of a charset. With escapes, it reads back as the same bytes, whatever
    /// they are; without, bytes that are no text become U+FFFD.
    #[must_use]
    pub fn text(&self, charset: Charset, has_escapes: bool) -> String {
        let text = charset.decode(&self.content).text;
        if !has_escapes {
            return text;
        }
        let escaped = Escaped(&text).to_string();
        match unescape(&escaped, charset) {
            Ok(bytes) if bytes == self.content => escaped,
            _ => self.content.iter().map(|byte| escape_byte(*byte)).collect(),
        }
    }
}

/// A byte of which no charset has a say: ASCII as it is, any other by its number.
fn escape_byte(byte: u8) -> String {
    match byte {
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    }
}

/// Runs of bytes that are the same.
fn marks(parts: impl Iterator<Item = Part>) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for (place, part) in parts.enumerate() {
        match marks.last_mut() {
            Some(mark) if mark.part == part => mark.range.end = place + 1,
            _ => marks.push(Mark {
                part,
                range: place..place + 1,
            }),
        }
    }
    marks
}

#[cfg(test)]
mod tests;
