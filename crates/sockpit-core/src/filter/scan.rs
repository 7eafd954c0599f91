//! The letters of a filter: words, signs and values.

use super::FilterError;

/// What may help where something stands after a value without quotes.
pub(super) const QUOTE_HINT: &str = "a value with spaces or parentheses stands in quotes";

/// What may help where a field is written as in the filters of Wireshark and of tcpdump.
pub(super) const FIELD_HINT: &str =
    "no field is written so here; write `tcp port 7000`, `host 10.0.0.7`, `len > 100` or `syn`";

/// A filter under the eye, and how far it was read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    /// In bytes.
    pub(super) at: usize,
    /// Whether the last thing read was a value without quotes.
    pub(super) is_loose: bool,
}

/// A value as it was written.
pub(super) struct Value<'a> {
    /// Its first byte, within the quotes.
    pub(super) at: usize,
    pub(super) raw: &'a str,
    pub(super) is_quoted: bool,
}

impl<'a> Reader<'a> {
    /// Takes a value: quoted, or up to a space, a parenthesis, `&&` or `||`.
    pub(super) fn value(&mut self) -> Result<Value<'a>, FilterError> {
        let start = self.at;
        let Some(quote) = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''))
        else {
            let raw = self.bare();
            if raw.is_empty() {
                return Err(self.expected("a value", QUOTE_HINT));
            }
            self.at += raw.len();
            self.skip_space();
            self.is_loose = true;
            return Ok(Value {
                at: start,
                raw,
                is_quoted: false,
            });
        };
        let inner = self.text.get(start + 1..).unwrap_or_default();
        let mut is_escaped = false;
        for (index, character) in inner.char_indices() {
            if is_escaped {
                is_escaped = false;
            } else if character == '\\' {
                is_escaped = true;
            } else if character == quote {
                self.at = start + 1 + index + 1;
                self.skip_space();
                return Ok(Value {
                    at: start + 1,
                    raw: inner.get(..index).unwrap_or_default(),
                    is_quoted: true,
                });
            }
        }
        Err(FilterError::Unclosed {
            column: self.column(start),
            quote,
        })
    }

    /// The value itself. In an expression only quotes are escaped by us.
    pub(super) fn unquote(
        &self,
        value: &Value<'_>,
        is_expression: bool,
    ) -> Result<String, FilterError> {
        if !value.is_quoted {
            return Ok(value.raw.to_owned());
        }
        let mut text = String::with_capacity(value.raw.len());
        let mut rest = value.raw;
        while let Some((before, after)) = rest.split_once('\\') {
            text.push_str(before);
            let at = value.at + (value.raw.len() - after.len() - 1);
            let escaped = after.chars().next();
            let digits = after
                .get(1..3)
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            let mut taken = 1;
            match (escaped, digits) {
                (Some(quote @ ('"' | '\'')), _) => text.push(quote),
                (Some(character), _) if is_expression => {
                    text.push('\\');
                    text.push(character);
                    taken = character.len_utf8();
                }
                (Some('\\'), _) => text.push('\\'),
                (Some('n'), _) => text.push('\n'),
                (Some('r'), _) => text.push('\r'),
                (Some('t'), _) => text.push('\t'),
                (Some('0'), _) => text.push('\0'),
                (Some('x'), Some(byte)) if byte.is_ascii() => {
                    text.push(char::from(byte));
                    taken = 3;
                }
                _ => {
                    let escape = escaped.map_or_else(|| "\\".to_owned(), |c| format!("\\{c}"));
                    return Err(FilterError::Escape {
                        column: self.column(at),
                        escape,
                    });
                }
            }
            rest = after.get(taken..).unwrap_or_default();
        }
        text.push_str(rest);
        Ok(text)
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The word that begins here, or nothing.
    pub(super) fn word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// The unquoted value that begins here, or nothing.
    pub(super) fn bare(&self) -> &'a str {
        let rest = self.rest();
        let is_end = |(index, character): &(usize, char)| {
            let here = rest.get(*index..).unwrap_or_default();
            character.is_whitespace()
                || matches!(character, '(' | ')' | '"' | '\'')
                || here.starts_with("&&")
                || here.starts_with("||")
        };
        let end = rest
            .char_indices()
            .find(is_end)
            .map_or(rest.len(), |(index, _)| index);
        rest.get(..end).unwrap_or_default()
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_here = self.word().eq_ignore_ascii_case(word);
        if is_here {
            self.at += word.len();
            self.skip_space();
        }
        is_here
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is_here = self.rest().starts_with(sign);
        if is_here {
            self.at += sign.len();
            self.skip_space();
        }
        is_here
    }

    pub(super) fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    pub(super) fn expected(&self, expected: &str, hint: &'static str) -> FilterError {
        let word = match self.word() {
            "" => match self.bare() {
                "" => self.rest().chars().next().map_or(0, char::len_utf8),
                bare => bare.len(),
            },
            word => word.len(),
        };
        let found = self.rest().get(..word).unwrap_or_default();
        FilterError::Expected {
            column: self.column(self.at),
            expected: expected.to_owned(),
            found: shorten(found).to_owned(),
            hint,
        }
    }

    /// In characters from 1.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or_default().chars().count() + 1
    }
}

pub(super) const fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// What a mistake shows of a word.
pub(super) fn shorten(word: &str) -> &str {
    let end = word
        .char_indices()
        .nth(32)
        .map_or(word.len(), |(end, _)| end);
    word.get(..end).unwrap_or_default()
}
