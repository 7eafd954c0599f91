//! The forms of stdout.

use std::str::FromStr;

/// What stdout gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Every received byte as it came.
    Raw,
    /// Received text: a raw stream as it comes, otherwise a line a message.
    Text,
    /// `AA BB`, a line a chunk or message.
    Hex,
    /// Hex, a tab, and the text escaped.
    Both,
    /// Every event as a record.
    Json,
    /// Nothing.
    None,
}

/// Why a text is no form.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not one of raw, text, hex, both, json, none")]
pub(crate) struct ParseFormError {
    text: String,
}

impl FromStr for Form {
    type Err = ParseFormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "raw" => Self::Raw,
            "text" => Self::Text,
            "hex" => Self::Hex,
            "both" => Self::Both,
            "json" => Self::Json,
            "none" => Self::None,
            _ => {
                return Err(ParseFormError {
                    text: text.to_owned(),
                });
            }
        })
    }
}
