//! Names of people and of rooms: what may be one, and when two are the same.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::text::escape::{VisibleLine, is_hidden};

/// In characters: the longest name.
pub const LONGEST: usize = 32;

/// What no name has, because the line protocol gives it a meaning.
const MARKS: [char; 5] = [':', '@', '#', '/', '\\'];

/// A nickname, or the name of a room.
///
/// It is kept in normal form C. Two are the same where they differ only in case (Unicode's full case
/// folding) or in how an accent is written.
#[derive(Clone, Debug)]
pub struct Name {
    shown: Arc<str>,
    key: Arc<str>,
}

impl Name {
    /// Takes a name as somebody wrote it, without the blanks around it.
    ///
    /// # Errors
    ///
    /// A name has 1 to 32 characters; none is a blank, a control, hidden, or one of `: @ # / \`, and
    /// the first is no mark that would sit on what stands before it.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        // Before anything is made of it: what is sent here may be a whole line.
        if LONGEST < text.chars().take(4 * LONGEST).count() {
            return Err(NameError::Long);
        }
        if let Some(character) = text.chars().find(|c| !is_fit(*c)) {
            return Err(NameError::Character(character));
        }
        if let Some(mark) = text.chars().next().filter(|c| is_combining_mark(*c)) {
            return Err(NameError::Character(mark));
        }
        let shown: String = text.nfc().collect();
        if shown.is_empty() {
            return Err(NameError::Empty);
        }
        if LONGEST < shown.chars().count() {
            return Err(NameError::Long);
        }
        Ok(Self {
            key: folded(&shown).into(),
            shown: shown.into(),
        })
    }

    /// The same name with a number, such as `anna-2`; its end gives way where it would be too long.
    #[must_use]
    pub fn numbered(&self, number: u64) -> Self {
        let suffix = format!("-{number}");
        let room = LONGEST.saturating_sub(suffix.len());
        let mut shown: String = self.shown.chars().take(room).collect();
        shown.push_str(&suffix);
        Self {
            key: folded(&shown).into(),
            shown: shown.into(),
        }
    }

    /// As it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// As it is shown, shared.
    #[must_use]
    pub fn shown(&self) -> Arc<str> {
        Arc::clone(&self.shown)
    }

    /// What is the same for names that are the same.
    #[must_use]
    pub fn key(&self) -> Arc<str> {
        Arc::clone(&self.key)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It has no character.
    #[error("a name has at least one character")]
    Empty,
    /// It has too many.
    #[error("a name has at most {LONGEST} characters")]
    Long,
    /// It has one that may not be.
    #[error("a name has no `{}`", VisibleLine(_0.encode_utf8(&mut [0; 4])))]
    Character(char),
}

/// Whether a name may have a character.
fn is_fit(character: char) -> bool {
    // A pattern of no dots, and a note without a head.
    let is_blank = character.is_whitespace() || matches!(character, '\u{2800}' | '\u{1d159}');
    // Selectors change nothing that could be told apart by reading.
    let is_selector = matches!(character, '\u{fe00}'..='\u{fe0f}');
    let is_seen = !character.is_control() && !is_hidden(character) && !is_selector;
    is_seen && !is_blank && !MARKS.contains(&character)
}

fn folded(text: &str) -> String {
    caseless::default_case_fold_str(&text.nfd().collect::<String>())
        .nfc()
        .collect()
}

#[cfg(test)]
mod tests;
