//! A Rust file taken apart just far enough: what is code, what is text, what is comment.

/// One line of a Rust file, its parts kept from one another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// What the compiler acts on; strings are empty quotes, characters empty apostrophes.
    pub(super) code: String,
    /// What stands in string literals.
    pub(super) text: String,
    /// What stands in comments, their marks included.
    pub(super) comment: String,
}

/// Takes a file apart, a [`Line`] for each of its lines.
pub(super) fn lines(source: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line::default();
    let mut state = State::Code;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let len;
        if c == '\n' {
            lines.push(std::mem::take(&mut line));
            if matches!(state, State::LineComment) {
                state = State::Code;
            }
            len = 1;
        } else {
            (state, len) = state.step(c, rest, &mut line);
        }
        rest = &rest[len..];
    }
    if line != Line::default() {
        lines.push(line);
    }
    lines
}

/// A string literal of a Rust file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// Where it begins, counted from 1.
    pub(super) line: usize,
    /// Where it begins in the code, which is the file without comments and texts.
    pub(super) place: usize,
    /// What it holds, escapes resolved.
    pub(super) text: String,
}

/// The code of a file, its strings empty quotes, and what stood in them.
pub(super) fn literals(source: &str) -> (String, Vec<Literal>) {
    let mut code = String::new();
    let mut literals = Vec::new();
    let mut state = State::Code;
    let mut number = 1;
    let mut open: Option<(Literal, bool)> = None;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let was_code = matches!(state, State::Code);
        let mut line = Line::default();
        let len;
        if c == '\n' {
            number += 1;
            len = 1;
            match state {
                State::LineComment => state = State::Code,
                State::String | State::RawString(_) => line.text.push(c),
                _ => {}
            }
            if was_code {
                code.push(c);
            }
        } else {
            // What stands before tells a raw string from a word that ends in `r`.
            line.code = last_word(&code).to_owned();
            let known = line.code.len();
            (state, len) = state.step(c, rest, &mut line);
            code.push_str(&line.code[known..]);
        }
        if let Some((literal, _)) = &mut open {
            literal.text.push_str(&line.text);
        }
        match &state {
            State::String | State::RawString(_) if was_code => {
                let literal = Literal {
                    line: number,
                    place: code.len() - 1,
                    text: String::new(),
                };
                open = Some((literal, matches!(state, State::RawString(_))));
            }
            State::Code => {
                if let Some((mut literal, is_raw)) = open.take() {
                    if !is_raw {
                        literal.text = resolve(&literal.text);
                    }
                    literals.push(literal);
                }
            }
            _ => {}
        }
        rest = &rest[len..];
    }
    (code, literals)
}

/// The word that `code` ends in.
fn last_word(code: &str) -> &str {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    &code[code.trim_end_matches(is_letter).len()..]
}

/// Resolves the escapes of a string literal.
fn resolve(text: &str) -> String {
    let mut resolved = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            resolved.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => resolved.push('\n'),
            Some('t') => resolved.push('\t'),
            Some('\n') => chars = chars.as_str().trim_start().chars(),
            Some('x') => {
                resolved.push('\u{1b}');
                chars.nth(1);
            }
            Some('u') => {
                let digits: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                let number = u32::from_str_radix(&digits, 16).unwrap_or_default();
                resolved.extend(char::from_u32(number));
            }
            Some(c) => resolved.push(c),
            None => {}
        }
    }
    resolved
}

/// What the scanner is inside of.
enum State {
    Code,
    LineComment,
    /// How deep block comments are nested.
    BlockComment(usize),
    String,
    /// How many `#` close it.
    RawString(usize),
}

impl State {
    /// Puts the beginning of `rest`, which is `c` and no line's end, where it belongs; gives the
    /// state after it and its length in bytes.
    fn step(self, c: char, rest: &str, line: &mut Line) -> (Self, usize) {
        match self {
            Self::Code => Self::code(c, rest, line),
            Self::LineComment => {
                line.comment.push(c);
                (self, c.len_utf8())
            }
            Self::BlockComment(depth) => {
                let (depth, len) = match rest.get(..2) {
                    Some("/*") => (depth + 1, 2),
                    Some("*/") => (depth - 1, 2),
                    _ => (depth, c.len_utf8()),
                };
                line.comment.push_str(&rest[..len]);
                let state = if depth == 0 {
                    Self::Code
                } else {
                    Self::BlockComment(depth)
                };
                (state, len)
            }
            Self::String if c == '"' => {
                line.code.push(c);
                (Self::Code, 1)
            }
            Self::String => {
                // The escaped character may be the quote; a line's end is left to the line.
                let escaped = rest[c.len_utf8()..]
                    .chars()
                    .next()
                    .filter(|e| c == '\\' && *e != '\n');
                let len = c.len_utf8() + escaped.map_or(0, char::len_utf8);
                line.text.push_str(&rest[..len]);
                (self, len)
            }
            Self::RawString(hashes) => {
                let after = &rest[c.len_utf8()..];
                if c == '"' && after.bytes().take(hashes).filter(|b| *b == b'#').count() == hashes {
                    line.code.push(c);
                    return (Self::Code, 1 + hashes);
                }
                line.text.push(c);
                (self, c.len_utf8())
            }
        }
    }

    fn code(c: char, rest: &str, line: &mut Line) -> (Self, usize) {
        if rest.starts_with("//") {
            line.comment.push(c);
            return (Self::LineComment, 1);
        }
        if rest.starts_with("/*") {
            line.comment.push_str("/*");
            return (Self::BlockComment(1), 2);
        }
        if let Some((len, hashes)) = raw_string(rest, &line.code) {
            line.code.push('"');
            return (Self::RawString(hashes), len);
        }
        if let Some(len) = character(rest) {
            line.code.push_str("''");
            return (Self::Code, len);
        }
        line.code.push(c);
        (
            if c == '"' { Self::String } else { Self::Code },
            c.len_utf8(),
        )
    }
}

/// The length of a raw string's opening and the number of its `#`, if one begins here.
fn raw_string(rest: &str, before: &str) -> Option<(usize, usize)> {
    // In `br"…"` and `cr"…"` the letter before belongs to the literal.
    let word = before.strip_suffix(['b', 'c']).unwrap_or(before);
    if word.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let after = rest.strip_prefix('r')?;
    let hashes = after.bytes().take_while(|b| *b == b'#').count();
    after[hashes..]
        .starts_with('"')
        .then_some((hashes + 2, hashes))
}

/// The length of a character literal, if one begins here; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let mut chars = inside.char_indices();
    match chars.next()? {
        (_, '\\') => {
            chars.next();
            chars.find(|(_, c)| *c == '\'').map(|(end, _)| 1 + end + 1)
        }
        _ => chars
            .next()
            .filter(|(_, c)| *c == '\'')
            .map(|(end, _)| 1 + end + 1),
    }
}

#[cfg(test)]
mod tests;
