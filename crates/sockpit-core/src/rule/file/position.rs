//! Where something stands in a file: line and column, both from 1, columns in characters.

use std::sync::Arc;

use super::Mistake;

/// A mistake in a rule file, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {mistake}")]
pub struct RuleError {
    /// What the file is called.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub mistake: Mistake,
}

/// A mistake at an offset of the source.
pub(crate) struct Located {
    offset: usize,
    mistake: Mistake,
}

impl Located {
    pub(crate) fn new(offset: usize, mistake: Mistake) -> Self {
        Self { offset, mistake }
    }

    pub(crate) fn in_file(self, source: &str, file: &str) -> RuleError {
        let Position { line, column } = Position::of(source, self.offset);
        RuleError {
            file: file.to_owned(),
            line,
            column,
            mistake: self.mistake,
        }
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    pub(crate) fn of(source: &str, offset: usize) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Self {
            line,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Where the patterns and payloads of rules stand in their file.
///
/// That is no part of what rules mean: all sources are equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    file: Option<Arc<str>>,
    positions: Vec<Position>,
}

impl Sources {
    pub(super) fn new(file: &str) -> Self {
        Self {
            file: Some(file.into()),
            positions: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, source: &str, offset: usize) {
        self.positions.push(Position::of(source, offset));
    }

    /// The beginning of a sentence about the pattern or payload with this number from 0; empty
    /// where there is no file.
    pub(crate) fn place(&self, index: usize) -> String {
        match (&self.file, self.positions.get(index)) {
            (Some(file), Some(Position { line, column })) => format!("{file}:{line}:{column}: "),
            _ => String::new(),
        }
    }
}

impl PartialEq for Sources {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Sources {}

/// Finds the place in the source of a byte of a TOML string: `raw` is the string with its quotes,
/// `offset` counts in what it means.
pub(super) fn place_in_string(raw: &str, offset: usize) -> usize {
    let quote = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quote| raw.starts_with(quote));
    let quote = quote.unwrap_or_default();
    let mut rest = &raw[quote.len()..];
    if quote.len() == 3 {
        rest = rest
            .strip_prefix("\r\n")
            .or_else(|| rest.strip_prefix('\n'))
            .unwrap_or(rest);
    }
    let has_escapes = quote.starts_with('"');
    let mut meant = 0;
    while meant < offset {
        let Some(first) = rest.chars().next() else {
            break;
        };
        let escape = rest.strip_prefix('\\').filter(|_| has_escapes);
        let (source_len, meant_len) = match escape {
            Some(escape) => escape_len(escape),
            None => (first.len_utf8(), first.len_utf8()),
        };
        meant += meant_len;
        if meant > offset {
            break;
        }
        rest = rest.get(source_len..).unwrap_or_default();
    }
    // A line that ends in a backslash means nothing, nor does the indent of the next.
    while has_escapes
        && let Some(escape) = rest.strip_prefix('\\')
        && let (len, 0) = escape_len(escape)
    {
        rest = rest.get(len..).unwrap_or_default();
    }
    raw.len() - rest.len()
}

/// The bytes of an escape in the source, its backslash included, and of what it means.
fn escape_len(escape: &str) -> (usize, usize) {
    let digits = match escape.chars().next() {
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        Some(first) if first.is_ascii_whitespace() => {
            return (1 + escape.len() - escape.trim_ascii_start().len(), 0);
        }
        _ => return (2, 1),
    };
    let code = escape
        .get(1..=digits)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    (
        2 + digits,
        code.and_then(char::from_u32).map_or(1, char::len_utf8),
    )
}

#[cfg(test)]
mod tests;
