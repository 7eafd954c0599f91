//! Where somebody is meant: their nick in a text, as a word.

use std::ops::Range;

/// The places of `nick` in `text`, whatever its case, in bytes.
pub(crate) fn mentions(text: &str, nick: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if nick.is_empty() {
        return found;
    }
    let mut end = 0;
    for (start, _) in text.char_indices() {
        if start < end {
            continue;
        }
        let Some(len) = prefix_len(text.get(start..).unwrap_or_default(), nick) else {
            continue;
        };
        let range = start..start + len;
        let before = text.get(..start).and_then(|text| text.chars().next_back());
        let after = text.get(range.end..).and_then(|text| text.chars().next());
        let (first, last) = (nick.chars().next(), nick.chars().next_back());
        if parts(before, first) && parts(after, last) {
            end = range.end;
            found.push(range);
        }
    }
    found
}

/// How many bytes of `text` are `nick`, if it begins so.
fn prefix_len(text: &str, nick: &str) -> Option<usize> {
    let mut rest = text.chars();
    for wanted in nick.chars() {
        let there = rest.next()?;
        let is_same = there == wanted || there.to_lowercase().eq(wanted.to_lowercase());
        if !is_same {
            return None;
        }
    }
    Some(text.len() - rest.as_str().len())
}

/// Whether a word ends between a character of the nick and its neighbour. Scripts without spaces
/// between words end one anywhere.
fn parts(neighbour: Option<char>, own: Option<char>) -> bool {
    let continues = |character: char| {
        (character.is_alphanumeric() && character.is_ascii()) || matches!(character, '_' | '-')
    };
    let is_spaced = own.is_some_and(|own| own.is_ascii() && continues(own));
    !is_spaced || !neighbour.is_some_and(continues)
}
