//! Text in the columns of a terminal, where an ideograph takes two and a combining mark none.
//!
//! A control has no width a screen agrees on: make text [visible](crate::text::escape::VisibleLine)
//! first.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Counts the columns that a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Fills a text with spaces on the right; one that is wider already stays as it is.
#[must_use]
pub fn pad(text: &str, columns: usize) -> Cow<'_, str> {
    match columns.saturating_sub(width(text)) {
        0 => Cow::Borrowed(text),
        missing => Cow::Owned(format!("{text}{:missing$}", "")),
    }
}

/// Cuts a text so that it takes no more than `columns`; its last column is then `…`.
#[must_use]
pub fn truncate(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut taken = 0;
    let mut end = 0;
    for (offset, character) in text.char_indices() {
        taken += at_most(character);
        if taken > room {
            break;
        }
        end = offset + character.len_utf8();
    }
    Cow::Owned(format!("{}…", &text[..end]))
}

/// Columns that a character adds at most: joined to its neighbours it may take fewer, and the emoji
/// selector makes its neighbour one wider.
fn at_most(character: char) -> usize {
    const EMOJI: char = '\u{fe0f}';
    if character == EMOJI {
        1
    } else {
        character.width().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests;
