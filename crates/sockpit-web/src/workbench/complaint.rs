//! Why a call was not carried out, for the one who made it.

use std::ops::Range;

use serde_json::{Map, Value, json};
use sockpit_core::strings::Catalogue;
use sockpit_engine::{Error, cause_text, history, project};

/// Why a call was not carried out: one English sentence of the catalogue, and the way out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Complaint {
    message: String,
    hint: Option<String>,
    at: Option<Range<usize>>,
    field: Option<String>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            at: None,
            field: None,
        }
    }

    /// A call of a name that there is not.
    pub(super) fn unknown(op: &str) -> Self {
        let op: String = op.chars().take(40).collect();
        Self::new(format!("there is no call `{op}`"))
    }

    /// What is wrong, in English.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The way out.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { hint, ..self }
    }

    /// Which field of what was sent is meant.
    pub(super) fn field(self, field: impl Into<String>) -> Self {
        let field = Some(field.into());
        Self { field, ..self }
    }

    /// Which part of the text that was sent is meant, in UTF-16 units, as pages count.
    pub(super) fn at(self, at: Range<usize>) -> Self {
        let at = Some(at);
        Self { at, ..self }
    }

    /// The same in bytes of `text`.
    pub(super) fn at_bytes(self, text: &str, bytes: Range<usize>) -> Self {
        let units = |end: usize| {
            let before = text.char_indices().take_while(|(at, _)| *at < end);
            before.map(|(_, c)| c.len_utf16()).sum()
        };
        self.at(units(bytes.start)..units(bytes.end))
    }

    /// What a page is told, in its language.
    pub(super) fn told(&self, catalogue: &Catalogue) -> Value {
        let mut told = Map::new();
        told.insert("message".to_owned(), catalogue.say(&self.message).into());
        if let Some(hint) = &self.hint {
            told.insert("hint".to_owned(), catalogue.say(hint).into());
        }
        if let Some(at) = &self.at {
            told.insert("at".to_owned(), json!([at.start, at.end]));
        }
        if let Some(field) = &self.field {
            told.insert("field".to_owned(), field.as_str().into());
        }
        told.into()
    }
}

impl From<&Error> for Complaint {
    fn from(error: &Error) -> Self {
        Self::new(format!("{error}: {}", cause_text(error.cause())))
    }
}

impl From<Error> for Complaint {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<project::Error> for Complaint {
    fn from(error: project::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<history::Over> for Complaint {
    fn from(over: history::Over) -> Self {
        Self::new(over.to_string())
    }
}

#[cfg(test)]
mod tests;
