//! A line as it is delivered: made once in each form that somebody reads, and shared by all of them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;

use super::entry::Entry;
use super::notice::Notice;
use crate::strings::Language;
use crate::text::charset::Charset;

mod json;
mod plain;

/// What is delivered to members.
///
/// It is made at the first time that somebody wants it in a form: a line for thousands is made once.
#[derive(Debug)]
pub struct Line {
    what: What,
    voice: Voice,
    plain: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
    others: OnceLock<Box<Other>>,
}

/// How a server speaks to people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// In which language.
    pub language: Language,
    /// In seconds east of Greenwich: the times that people see.
    pub utc_offset: i32,
}

/// How somebody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As people do, in a charset.
    Plain(Charset),
    /// As programs do: an object of JSON.
    Json(Charset),
}

/// How an entry is told.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// As it happens.
    Live,
    /// From the history.
    Replayed,
    /// To the one who sent it: an echo, or with what it was called the word that it was passed on.
    Own(Option<Value>),
}

#[derive(Debug)]
enum What {
    Entry(Arc<Entry>, View),
    Notice {
        at: u64,
        notice: Notice,
        reference: Option<Value>,
    },
}

/// A form in another charset, and the next such.
#[derive(Debug)]
struct Other {
    form: Form,
    bytes: Bytes,
    next: OnceLock<Box<Other>>,
}

impl Line {
    /// A line that tells an entry.
    #[must_use]
    pub const fn of_entry(entry: Arc<Entry>, view: View, voice: Voice) -> Self {
        Self::of(What::Entry(entry, view), voice)
    }

    /// A line that the server says, at a time in nanoseconds since the Unix epoch; `reference` is
    /// what a program called its request.
    #[must_use]
    pub const fn of_notice(
        at: u64,
        notice: Notice,
        reference: Option<Value>,
        voice: Voice,
    ) -> Self {
        Self::of(
            What::Notice {
                at,
                notice,
                reference,
            },
            voice,
        )
    }

    const fn of(what: What, voice: Voice) -> Self {
        Self {
            what,
            voice,
            plain: OnceLock::new(),
            json: OnceLock::new(),
            others: OnceLock::new(),
        }
    }

    /// The line, with its `\n`, as somebody reads it.
    #[must_use]
    pub fn bytes(&self, form: Form) -> Bytes {
        match form {
            Form::Plain(charset) if charset == Charset::UTF_8 => self.plain().clone(),
            Form::Json(charset) if charset == Charset::UTF_8 => self.json().clone(),
            form => self.other(form),
        }
    }

    /// What it tells; `None` of what the server says to one.
    #[must_use]
    pub const fn entry(&self) -> Option<&Arc<Entry>> {
        match &self.what {
            What::Entry(entry, _) => Some(entry),
            What::Notice { .. } => None,
        }
    }

    /// What the server says; `None` of an entry.
    #[must_use]
    pub const fn notice(&self) -> Option<&Notice> {
        match &self.what {
            What::Entry(..) => None,
            What::Notice { notice, .. } => Some(notice),
        }
    }

    fn plain(&self) -> &Bytes {
        self.plain.get_or_init(|| {
            let mut text = match &self.what {
                What::Entry(entry, view) => plain::entry(entry, view, self.voice),
                What::Notice { notice, .. } => plain::notice(notice, self.voice),
            };
            text.push('\n');
            text.into()
        })
    }

    fn json(&self) -> &Bytes {
        self.json.get_or_init(|| {
            let mut text = match &self.what {
                What::Entry(entry, view) => json::entry(entry, view),
                What::Notice {
                    at,
                    notice,
                    reference,
                } => json::notice(*at, notice, reference.as_ref(), self.voice),
            };
            text.push('\n');
            text.into()
        })
    }

    /// There are as many of these as charsets, at most, so that they are looked through in order.
    ///
    /// A line of the history is there for long, and read by one at a time: nothing is kept of it that
    /// a member could have made of it in each charset.
    fn other(&self, form: Form) -> Bytes {
        if matches!(self.what, What::Entry(_, View::Replayed)) {
            return self.encoded(form);
        }
        let make = || {
            let (bytes, next) = (self.encoded(form), OnceLock::new());
            Box::new(Other { form, bytes, next })
        };
        let mut other = self.others.get_or_init(make);
        while other.form != form {
            other = other.next.get_or_init(make);
        }
        other.bytes.clone()
    }

    fn encoded(&self, form: Form) -> Bytes {
        let (text, charset, escape): (_, _, fn(char) -> String) = match form {
            Form::Plain(charset) => (self.plain(), charset, plain::escape),
            Form::Json(charset) => (self.json(), charset, json::escape),
        };
        let text = str::from_utf8(text).expect("it was made of text");
        encode(text, charset, escape)
    }
}

/// Encodes a text; of a character that the charset does not have, an escape.
fn encode(text: &str, charset: Charset, escape: fn(char) -> String) -> Bytes {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        let error = match charset.encode(rest) {
            Ok(encoded) => {
                bytes.extend_from_slice(&encoded);
                return bytes.into();
            }
            Err(error) => error,
        };
        let mut characters = rest.char_indices();
        let Some((at, character)) = characters.nth(error.column.saturating_sub(1)) else {
            return bytes.into();
        };
        let known = charset.encode(rest.get(..at).unwrap_or_default());
        bytes.extend_from_slice(&known.unwrap_or_default());
        // Escapes are ASCII, which every charset has.
        let escape = escape(character);
        bytes.extend_from_slice(&charset.encode(&escape).unwrap_or_default());
        rest = characters.as_str();
    }
}

#[cfg(test)]
mod tests;
