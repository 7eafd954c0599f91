//! Bytes out of source code: the arrays and string literals of C, and of its many relations.

use crate::text::escape::VisibleLine;

/// Why source code holds no bytes. Columns are counted in characters from 1, across lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A number is none of a byte.
    #[error("`{}` at column {column} is no byte", VisibleLine(word))]
    Number {
        /// What stands there.
        word: String,
        /// Its place.
        column: usize,
    },
    /// Something is no number, character or string.
    #[error(
        "`{}` at column {column} is no byte; an array has numbers, characters and strings",
        VisibleLine(word)
    )]
    Word {
        /// What stands there.
        word: String,
        /// Its place.
        column: usize,
    },
    /// An escape is none.
    #[error("`{}` at column {column} is no escape of C", VisibleLine(escape))]
    Escape {
        /// The backslash and what follows.
        escape: String,
        /// Its place.
        column: usize,
    },
    /// A literal does not end.
    #[error("the `{quote}` at column {column} is never closed")]
    Open {
        /// What opens the literal.
        quote: char,
        /// Its place.
        column: usize,
    },
    /// A character literal holds none, or several.
    #[error("the character at column {column} is not one byte")]
    Character {
        /// Its place.
        column: usize,
    },
}

/// Reads the bytes of an array or of string literals.
///
/// What stands before `=`, and names before the first bracket (`bytes(`, `vec![`, `[]byte{`), is
/// passed over; so are comments, casts such as `(byte)`, and the suffixes of numbers. A negative
/// number down to -128 is the byte of the same bits, as in Java.
pub(super) fn read(text: &str) -> Result<Vec<u8>, SourceError> {
    let chars: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        at: start_of(&chars),
        chars: &chars,
        is_inside: false,
        depth: 0,
        has_closed: false,
        most_digits: GREEDY,
        bytes: Vec::new(),
    };
    while let Some(next) = reader.peek(0)
        && !reader.has_closed
    {
        reader.take(next)?;
    }
    Ok(reader.bytes)
}

/// Appends a string literal. Octal escapes end by themselves, those with `\x` would swallow a digit.
pub(super) fn write_string(bytes: &[u8], out: &mut String) {
    out.push('"');
    for byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            // Two of them begin a trigraph.
            b'?' => out.push_str("\\?"),
            0x20..0x7f => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out.push('"');
}

/// The place after the last `=` that is outside of literals and comes before any of them.
fn start_of(chars: &[char]) -> usize {
    let literal = chars.iter().position(|c| matches!(c, '"' | '\'' | '{'));
    let head = &chars[..literal.unwrap_or(chars.len())];
    head.iter().rposition(|c| *c == '=').map_or(0, |at| at + 1)
}

/// In C, digits after `\x` go on as long as there are any.
const GREEDY: usize = usize::MAX;

/// In Python, Rust and Go there are two.
const PAIR: usize = 2;

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    /// Whether a bracket was opened or a value read: names are no longer the wrapping.
    is_inside: bool,
    /// Brackets that are open.
    depth: usize,
    /// Whether the array's last bracket was closed: `xxd -i` says its length after it.
    has_closed: bool,
    /// After `\x`, in the next literal.
    most_digits: usize,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Takes what begins with `next`.
    fn take(&mut self, next: char) -> Result<(), SourceError> {
        match next {
            '/' if self.peek(1) == Some('/') => self.skip_while(|c| c != '\n'),
            '/' if self.peek(1) == Some('*') => self.skip_comment(),
            '"' => return self.take_string(),
            '\'' => return self.take_character(),
            '(' if self.is_cast() => {
                self.skip_while(|c| c != ')');
                self.at += 1;
            }
            '{' | '[' | '(' => {
                // The first one of `[]byte{` is empty.
                self.is_inside = self.peek(1) != Some(']');
                self.depth += 1;
                self.at += 1;
            }
            '}' | ']' | ')' => {
                self.depth = self.depth.saturating_sub(1);
                self.has_closed = self.is_inside && self.depth == 0;
                self.at += 1;
            }
            // `[0; 4]` of Rust is no list.
            ';' if self.depth > 0 => return self.take_name(),
            ',' | ';' | '&' | '!' | '+' => self.at += 1,
            c if c.is_whitespace() => self.at += 1,
            '-' | '0'..='9' => return self.take_number(),
            _ => return self.take_name(),
        }
        Ok(())
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn skip_comment(&mut self) {
        self.at += 2;
        while self.at < self.chars.len()
            && !(self.peek(0) == Some('*') && self.peek(1) == Some('/'))
        {
            self.at += 1;
        }
        self.at = (self.at + 2).min(self.chars.len());
    }

    /// Whether a name stands alone in round brackets.
    fn is_cast(&self) -> bool {
        let inner = &self.chars[self.at + 1..];
        let len = inner
            .iter()
            .take_while(|c| is_name(**c) || **c == ' ')
            .count();
        len > 0 && inner.get(len) == Some(&')') && !inner[0].is_ascii_digit()
    }

    fn word(&self) -> String {
        let rest = &self.chars[self.at..];
        let len = rest.iter().skip(1).take_while(|c| is_name(**c)).count();
        rest.iter().take(len + 1).collect()
    }

    fn take_name(&mut self) -> Result<(), SourceError> {
        let word = self.word();
        let after = self.peek(word.chars().count());
        let is_prefix = matches!(word.as_str(), "b" | "u8" | "L" | "rb" | "br" | "B")
            && matches!(after, Some('"' | '\''));
        let is_wrapping = !self.is_inside && word.chars().all(is_name);
        if !is_prefix && !is_wrapping {
            let column = self.at + 1;
            return Err(SourceError::Word { word, column });
        }
        if is_prefix && word.contains(['b', 'B']) {
            self.most_digits = PAIR;
        }
        self.at += word.chars().count();
        Ok(())
    }

    fn take_number(&mut self) -> Result<(), SourceError> {
        let word = self.word();
        let column = self.at + 1;
        let Some(byte) = byte_of(&word) else {
            return Err(SourceError::Number { word, column });
        };
        self.at += word.chars().count();
        // `uint8_t a[4]` has a number that is no element; it has no `=` before it.
        self.is_inside = true;
        self.bytes.push(byte);
        Ok(())
    }

    fn take_character(&mut self) -> Result<(), SourceError> {
        let column = self.at + 1;
        let before = self.bytes.len();
        // In Python `b'…'` is a string.
        let is_string = self.most_digits == PAIR;
        self.take_literal('\'')?;
        if self.bytes.len() != before + 1 && !is_string {
            return Err(SourceError::Character { column });
        }
        Ok(())
    }

    fn take_string(&mut self) -> Result<(), SourceError> {
        self.take_literal('"')
    }

    fn take_literal(&mut self, quote: char) -> Result<(), SourceError> {
        let column = self.at + 1;
        self.is_inside = true;
        self.at += 1;
        loop {
            match self.peek(0) {
                None | Some('\n') => return Err(SourceError::Open { quote, column }),
                Some('\\') => self.take_escape()?,
                Some(c) => {
                    self.at += 1;
                    if c == quote {
                        self.most_digits = GREEDY;
                        return Ok(());
                    }
                    let mut utf8 = [0; 4];
                    self.bytes
                        .extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
                }
            }
        }
    }

    /// Takes an escape.
    fn take_escape(&mut self) -> Result<(), SourceError> {
        let start = self.at;
        let error = |end: usize| SourceError::Escape {
            escape: self.chars[start..end.min(self.chars.len())]
                .iter()
                .collect(),
            column: start + 1,
        };
        let digits = |from: usize, most: usize, radix: u32| {
            let rest = self.chars.get(from..).unwrap_or_default();
            rest.iter()
                .take(most)
                .take_while(|c| c.is_digit(radix))
                .count()
        };
        let number = |from: usize, len: usize, radix: u32| {
            let text: String = self.chars[from..from + len].iter().collect();
            u32::from_str_radix(&text, radix).ok()
        };
        let (byte, len) = match self.peek(1) {
            Some('n') => (b'\n', 2),
            Some('r') => (b'\r', 2),
            Some('t') => (b'\t', 2),
            Some('a') => (7, 2),
            Some('b') => (8, 2),
            Some('v') => (11, 2),
            Some('f') => (12, 2),
            Some('e') => (27, 2),
            Some(c @ ('\\' | '\'' | '"' | '?')) => (c as u8, 2),
            Some('\n') => {
                self.at += 2;
                return Ok(());
            }
            Some('0'..='7') => {
                let len = digits(start + 1, 3, 8);
                let byte = number(start + 1, len, 8).and_then(|n| u8::try_from(n).ok());
                (byte.ok_or_else(|| error(start + 1 + len))?, 1 + len)
            }
            Some('x') => {
                let byte_of = |most: usize| {
                    let len = digits(start + 2, most, 16);
                    let byte = number(start + 2, len, 16).and_then(|n| u8::try_from(n).ok());
                    byte.map(|byte| (byte, 2 + len))
                };
                // More than a byte is no C, and so another language.
                let byte = byte_of(self.most_digits).or_else(|| byte_of(PAIR));
                byte.ok_or_else(|| error(start + 4))?
            }
            Some(kind @ ('u' | 'U')) => {
                let most = if kind == 'u' { 4 } else { 8 };
                let len = digits(start + 2, most, 16);
                let character = number(start + 2, len, 16).and_then(char::from_u32);
                let character = character.ok_or_else(|| error(start + 2 + len))?;
                self.at += 2 + len;
                let mut utf8 = [0; 4];
                self.bytes
                    .extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
                return Ok(());
            }
            _ => return Err(error(start + 2)),
        };
        self.at += len;
        self.bytes.push(byte);
        Ok(())
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':')
}

/// The byte of a number: hexadecimal, binary, octal or decimal, with a suffix or without.
fn byte_of(word: &str) -> Option<u8> {
    let (digits, is_negative) = match word.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let lower = digits.to_ascii_lowercase();
    let lower = lower.strip_suffix("u8").unwrap_or(&lower);
    let lower = lower.strip_suffix("i8").unwrap_or(lower);
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (digits, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower, 10)
    };
    let digits = digits.trim_end_matches(['u', 'l']);
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let number = u32::from_str_radix(digits, radix).ok()?;
    match (is_negative, number) {
        (false, ..=255) => u8::try_from(number).ok(),
        (true, ..=128) => Some((number as u8).wrapping_neg()),
        _ => None,
    }
}
