//! JSON with the place of each of its parts: what a page folds, and links with the bytes.

use super::detail::{Mark, Node};

/// Values within values that are shown; deeper ones are one line.
const DEEPEST: usize = 32;

/// Parts that are shown.
const MOST_NODES: usize = 2000;

/// Characters of a value that are shown.
const MOST_SHOWN: usize = 200;

/// The parts of `text`, whose first byte stands at `base`; `None` unless it is an object or a list
/// from the first byte to the last, spaces aside.
pub(super) fn of(text: &str, base: usize) -> Option<Node> {
    let mut reader = Reader {
        text,
        at: 0,
        base,
        count: 0,
    };
    reader.skip_space();
    if !matches!(reader.peek(), Some(b'{' | b'[')) {
        return None;
    }
    let node = reader.value("JSON".to_owned(), 0)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    base: usize,
    count: usize,
}

impl Reader<'_> {
    fn value(&mut self, name: String, depth: usize) -> Option<Node> {
        self.count += 1;
        let from = self.at;
        let (value, children) = match self.peek()? {
            b'{' | b'[' if depth >= DEEPEST || self.count >= MOST_NODES => {
                self.skip_nested(0)?;
                ("…".to_owned(), Vec::new())
            }
            b'{' => {
                let parts = self.object(depth)?;
                (format!("{{{}}}", parts.len()), parts)
            }
            b'[' => {
                let parts = self.list(depth)?;
                (format!("[{}]", parts.len()), parts)
            }
            b'"' => {
                let text = self.string()?;
                (shorten(&format!("\"{text}\"")), Vec::new())
            }
            _ => (shorten(self.word()?), Vec::new()),
        };
        Some(Node {
            name,
            value,
            from: self.base + from,
            to: self.base + self.at,
            mark: Mark::Plain,
            children,
        })
    }

    fn object(&mut self, depth: usize) -> Option<Vec<Node>> {
        self.parts(b'}', |reader, _| {
            if reader.peek()? != b'"' {
                return None;
            }
            let from = reader.at;
            let name = reader.string()?;
            reader.skip_space();
            if !reader.take(b':') {
                return None;
            }
            reader.skip_space();
            let mut part = reader.value(shorten(&name), depth + 1)?;
            part.from = reader.base + from;
            Some(part)
        })
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Node>> {
        self.parts(b']', |reader, index| {
            reader.value(format!("[{index}]"), depth + 1)
        })
    }

    /// What stands between a bracket and its `end`: parts with commas between them, each read by
    /// `part`, which is told how many there were before.
    fn parts(
        &mut self,
        end: u8,
        part: impl Fn(&mut Self, usize) -> Option<Node>,
    ) -> Option<Vec<Node>> {
        let mut parts = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(end) {
            return Some(parts);
        }
        loop {
            self.skip_space();
            parts.push(part(self, parts.len())?);
            self.skip_space();
            if self.take(end) {
                return Some(parts);
            }
            if self.count >= MOST_NODES {
                parts.push(self.rest()?);
                return Some(parts);
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    /// A string without its quotes, and with what its escapes mean.
    fn string(&mut self) -> Option<String> {
        let from = self.at;
        self.skip_string()?;
        let quoted = self.text.get(from..self.at)?;
        serde_json::from_str(quoted).ok()
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// A number, or `true`, `false`, `null`.
    fn word(&mut self) -> Option<&str> {
        let from = self.at;
        while let Some(byte) = self.peek()
            && !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
        {
            self.at += 1;
        }
        let word = self.text.get(from..self.at)?;
        let is_one = serde_json::from_str::<serde::de::IgnoredAny>(word).is_ok();
        is_one.then_some(word)
    }

    /// What of an object or a list is too much to be shown, with its end.
    fn rest(&mut self) -> Option<Node> {
        let from = self.at;
        self.skip_nested(1)?;
        Some(Node {
            name: "…".to_owned(),
            value: String::new(),
            from: self.base + from,
            to: self.base + self.at,
            mark: Mark::Cut,
            children: Vec::new(),
        })
    }

    /// Passes over what nothing is shown of, up to the end of the value that is so many deep.
    fn skip_nested(&mut self, mut depth: usize) -> Option<()> {
        loop {
            match self.peek()? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
