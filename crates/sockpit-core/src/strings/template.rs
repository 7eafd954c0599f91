//! A sentence with places for values, such as `{address} is already in use`.

/// What a template is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Stands there as it is.
    Text(String),
    /// Holds a value of this name.
    Place(String),
}

/// A sentence with places for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) pieces: Vec<Piece>,
}

/// What stood in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'t> {
    pub(super) name: &'t str,
    pub(super) text: &'t str,
    /// Whether it stands in quotes, as what the user wrote does.
    pub(super) is_quoted: bool,
}

impl Template {
    /// Takes a template apart; `{{` and `}}` are braces.
    pub(super) fn new(source: &str) -> Self {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(c) = rest.chars().next() {
            let after = rest.get(c.len_utf8()..).unwrap_or_default();
            rest = if (c == '{' || c == '}') && after.starts_with(c) {
                text.push(c);
                after.get(1..).unwrap_or_default()
            } else if c == '{'
                && let Some((name, after)) = after.split_once('}')
            {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Place(name.to_owned()));
                after
            } else {
                text.push(c);
                after
            };
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Self { pieces }
    }

    /// The names of its places, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// How much of it stands there as it is, in bytes.
    pub(super) fn weight(&self) -> usize {
        let weight = |piece: &Piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Place(_) => 0,
        };
        self.pieces.iter().map(weight).sum()
    }

    /// How many of its places take only numbers.
    pub(super) fn numbers(&self) -> usize {
        self.names().filter(|name| is_number(name)).count()
    }

    /// What stands in the places, if the whole of `text` is this sentence.
    ///
    /// Each text is taken where it is found first and the last one at the end, so that no choice is
    /// taken back: it takes a time that grows with the length of `text` and no more.
    pub(super) fn values<'t>(&'t self, text: &'t str) -> Option<Vec<Value<'t>>> {
        let mut values: Vec<Value<'t>> = Vec::new();
        let mut rest = text;
        let mut open: Option<&'t str> = None;
        let mut before = "";
        let mut ticks = 0;
        for (index, piece) in self.pieces.iter().enumerate() {
            let is_last = index + 1 == self.pieces.len();
            match piece {
                Piece::Place(name) => {
                    if let Some(earlier) = open.replace(name) {
                        push(&mut values, earlier, ("", ticks % 2 == 1, false))?;
                    }
                }
                Piece::Text(wanted) => {
                    let at = match (open, is_last) {
                        (None, _) if !rest.starts_with(wanted.as_str()) => return None,
                        (None, true) if rest.len() != wanted.len() => return None,
                        (None, _) => 0,
                        (Some(_), true) if !rest.ends_with(wanted.as_str()) => return None,
                        (Some(_), true) => rest.len().checked_sub(wanted.len())?,
                        (Some(_), false) => rest.find(wanted.as_str())?,
                    };
                    if let Some(name) = open.take() {
                        let is_quoted =
                            ticks % 2 == 1 || before.ends_with('\'') && wanted.starts_with('\'');
                        push(
                            &mut values,
                            name,
                            (rest.get(..at)?, is_quoted, leads(before)),
                        )?;
                    }
                    rest = rest.get(at + wanted.len()..)?;
                    ticks += wanted.matches('`').count();
                    before = wanted;
                }
            }
        }
        match open {
            Some(name) => {
                let is_rest = leads(before);
                push(&mut values, name, (rest, ticks % 2 == 1, is_rest))?;
            }
            None if !rest.is_empty() => return None,
            None => {}
        }
        Some(values)
    }

    /// The sentence with values, which `value` gives for each name.
    pub(super) fn render(&self, mut value: impl FnMut(&str) -> String) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => join(&mut text, piece),
                Piece::Place(name) => join(&mut text, &value(name)),
            }
        }
        text
    }
}

/// Appends a piece: Chinese and Latin words stand apart, and Chinese words together.
fn join(text: &mut String, piece: &str) {
    let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let is_mark = |c: char| "，；：。（）、".contains(c);
    let is_latin = |c: char| c.is_ascii_alphanumeric() || c == '`';
    let Some(next) = piece.chars().next() else {
        return;
    };
    if text.matches('`').count() % 2 == 1 {
        // What is quoted stays exact.
        text.push_str(piece);
        return;
    }
    if text.ends_with(is_mark) {
        text.push_str(piece.trim_start_matches(' '));
        return;
    }
    let mut before = text.chars().rev();
    match (before.next(), before.next()) {
        (Some(' '), Some(c)) if is_chinese(c) && !is_latin(next) => {
            text.pop();
        }
        (Some(c), _) if is_chinese(c) && is_latin(next) || is_latin(c) && is_chinese(next) => {
            text.push(' ');
        }
        _ => {}
    }
    text.push_str(piece);
}

/// Where the parts of a chain such as `cannot read a: line 3; look there` are joined: colons and
/// semicolons before a space. What is quoted or in parentheses is one part.
pub(super) fn joints(sentence: &str) -> impl Iterator<Item = usize> {
    let bytes = sentence.as_bytes();
    let mut is_quoted = false;
    let mut depth = 0_usize;
    bytes.iter().enumerate().filter_map(move |(at, byte)| {
        match byte {
            b'`' => is_quoted = !is_quoted,
            b'(' if !is_quoted => depth += 1,
            b')' if !is_quoted => depth = depth.saturating_sub(1),
            b':' | b';' if !is_quoted && depth == 0 && bytes.get(at + 1) == Some(&b' ') => {
                return Some(at);
            }
            _ => {}
        }
        None
    })
}

/// Whether a place takes only a number: `n` does, and `m` where there are two.
fn is_number(name: &str) -> bool {
    name == "n" || name == "m"
}

/// Whether a place takes only what has no blanks: names of members and of rooms have none.
fn is_word(name: &str) -> bool {
    name == "nick" || name == "room"
}

/// Whether a chain of causes may follow a text.
fn leads(text: &str) -> bool {
    [": ", "; ", "` "].iter().any(|end| text.ends_with(end))
}

/// Takes a value; one that the sentence holds twice has to be the same twice.
fn push<'t>(
    values: &mut Vec<Value<'t>>,
    name: &'t str,
    (text, is_quoted, is_rest): (&'t str, bool, bool),
) -> Option<()> {
    match values.iter().find(|value| value.name == name) {
        Some(value) if value.text != text => return None,
        None if is_number(name) && !text.bytes().all(|byte| byte.is_ascii_digit()) => return None,
        None if is_word(name) && text.contains(char::is_whitespace) => return None,
        // The quotes end where the value does.
        None if is_quoted && text.contains('`') => return None,
        // A chain of causes is no word within a sentence, only what follows one.
        None if !is_quoted && !is_rest && joints(text).any(|at| 0 < at) => return None,
        Some(_) => {}
        None => values.push(Value {
            name,
            text,
            is_quoted,
        }),
    }
    Some(())
}
