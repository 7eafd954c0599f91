//! Bytes with wildcards, as a regular expression.

use std::fmt::Write as _;

use super::PatternError;

/// A regular expression for bytes.
pub(super) struct Expression {
    /// It, for [`regex::bytes`].
    pub(super) regex: String,
    /// In bytes: the length of each match.
    pub(super) len: usize,
}

/// Reads bytes as [`text::hex::parse`](crate::text::hex::parse) does, with `?` for any digit, and
/// `^` and `$` for the ends of the message.
pub(super) fn to_regex(text: &str) -> Result<Expression, PatternError> {
    let mut regex = String::from("(?s-u)");
    let (first, last) = (
        text.find(|c| !is_separator(c)),
        text.rfind(|c| !is_separator(c)),
    );
    let mut cells = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let offset = text.len() - rest.len();
        if is_separator(character) {
            rest = &rest[character.len_utf8()..];
        } else if character == '^' && first == Some(offset) {
            regex.push_str("\\A");
            rest = &rest[1..];
        } else if character == '$' && last == Some(offset) {
            rest = &rest[1..];
        } else {
            rest = strip_prefix(rest);
            let len = group_len(rest);
            let (group, after) = rest.split_at(len);
            if group.is_empty() {
                let character = rest.chars().next().unwrap_or(character);
                return Err(PatternError::Digit {
                    offset: text.len() - rest.len(),
                    character,
                });
            }
            push_group(group, &mut cells).ok_or(PatternError::HalfByte { offset })?;
            rest = after;
        }
    }
    if cells.is_empty() {
        return Err(PatternError::Empty);
    }
    push_cells(&cells, &mut regex);
    if last.is_some_and(|last| text[last..].starts_with('$')) {
        regex.push_str("\\z");
    }
    Ok(Expression {
        regex,
        len: cells.len(),
    })
}

/// A byte to look for: its upper and its lower digit, if they matter.
#[derive(Clone, Copy)]
struct Cell {
    high: Option<u8>,
    low: Option<u8>,
}

fn push_cells(cells: &[Cell], regex: &mut String) {
    let mut is_in_group = false;
    for cell in cells {
        let is_any = cell.high.is_none() && cell.low.is_none();
        if is_any != is_in_group {
            regex.push(if is_any { '(' } else { ')' });
            is_in_group = is_any;
        }
        let written = match *cell {
            Cell {
                high: None,
                low: None,
            } => write!(regex, "."),
            Cell {
                high: Some(high),
                low: Some(low),
            } => write!(regex, "\\x{high:X}{low:X}"),
            Cell {
                high: Some(high),
                low: None,
            } => write!(regex, "[\\x{high:X}0-\\x{high:X}F]"),
            Cell {
                high: None,
                low: Some(low),
            } => {
                regex.push('[');
                for high in 0..16 {
                    write!(regex, "\\x{high:X}{low:X}").expect("a string takes everything");
                }
                write!(regex, "]")
            }
        };
        written.expect("a string takes everything");
    }
    if is_in_group {
        regex.push(')');
    }
}

/// Adds the bytes of one group; nothing if a wildcard has no second place.
fn push_group(group: &str, cells: &mut Vec<Cell>) -> Option<()> {
    let digits: Vec<Option<u8>> = group
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let (first, pairs) = digits.split_at(digits.len() % 2);
    if !first.is_empty() && digits.contains(&None) {
        return None;
    }
    cells.extend(first.iter().map(|low| Cell {
        high: Some(0),
        low: *low,
    }));
    cells.extend(pairs.chunks_exact(2).map(|pair| Cell {
        high: pair[0],
        low: pair[1],
    }));
    Some(())
}

/// Takes `0x` away, where a digit follows.
fn strip_prefix(text: &str) -> &str {
    text.strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .filter(|rest| rest.starts_with(is_digit))
        .unwrap_or(text)
}

/// Counts the places up to the end of the group, which the `0` of a next `0x` is no part of.
fn group_len(text: &str) -> usize {
    let len = text.find(|c| !is_digit(c)).unwrap_or(text.len());
    let (group, after) = text.split_at(len);
    let is_prefix = len > 1 && group.ends_with('0') && after.starts_with(['x', 'X']);
    if is_prefix { len - 1 } else { len }
}

fn is_digit(character: char) -> bool {
    character == '?' || character.is_ascii_hexdigit()
}

fn is_separator(character: char) -> bool {
    character.is_ascii_whitespace() || matches!(character, '\x0b' | ',' | ':' | ';' | '-')
}
