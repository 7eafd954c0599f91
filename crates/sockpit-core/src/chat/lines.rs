//! Cuts decoded text into lines of a bounded length.

/// Gathers text until a line is whole. A line ends in `\n`, `\r\n`, or the `\r\0` of telnet.
#[derive(Clone, Debug)]
pub struct Lines {
    /// In bytes of UTF-8.
    limit: usize,
    /// The line as far as it came: at most `limit` and one byte.
    line: String,
    /// Whether more of the line came than is kept.
    is_cut: bool,
    /// Whether the last character was `\r`.
    is_return: bool,
    is_begun: bool,
}

/// A line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The text, or its beginning.
    pub text: String,
    /// Whether the line was longer.
    pub is_cut: bool,
}

impl Lines {
    /// Lines of at most `limit` bytes of UTF-8.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            line: String::new(),
            is_cut: false,
            is_return: false,
            is_begun: false,
        }
    }

    /// Takes text, and gives the lines that are whole.
    pub fn push(&mut self, text: &str, sink: &mut Vec<Cut>) {
        let mut rest = text;
        if !self.is_begun && !text.is_empty() {
            self.is_begun = true;
            // A byte order mark, as a file of Windows begins with.
            rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        while let Some((before, end, after)) = split(rest) {
            self.gather(before);
            if end == '\n' || self.is_return {
                sink.push(self.take());
            } else {
                self.gather("\0");
            }
            rest = after;
        }
        self.gather(rest);
    }

    /// Gives what came of a line that has no end.
    pub fn finish(&mut self) -> Option<Cut> {
        let is_empty = self.line.is_empty() && !self.is_cut;
        (!is_empty).then(|| self.take())
    }

    fn gather(&mut self, text: &str) {
        let Some(last) = text.chars().next_back() else {
            return;
        };
        self.is_return = last == '\r';
        if self.is_cut {
            return;
        }
        // One more than the limit, for the `\r` of a line that has just its length.
        let space = self.limit.saturating_add(1).saturating_sub(self.line.len());
        let kept = head(text, space);
        self.line.push_str(kept);
        self.is_cut = kept.len() < text.len();
    }

    fn take(&mut self) -> Cut {
        let mut text = std::mem::take(&mut self.line);
        let mut is_cut = std::mem::take(&mut self.is_cut);
        if !is_cut && text.ends_with('\r') {
            text.pop();
        }
        if self.limit < text.len() {
            text.truncate(head(&text, self.limit).len());
            is_cut = true;
        }
        self.is_return = false;
        Cut { text, is_cut }
    }
}

/// The text before a possible end of a line, the character there, and what is after it.
fn split(text: &str) -> Option<(&str, char, &str)> {
    let at = memchr::memchr2(b'\n', 0, text.as_bytes())?;
    let end = if text.as_bytes().get(at) == Some(&0) {
        '\0'
    } else {
        '\n'
    };
    Some((text.get(..at)?, end, text.get(at + 1..)?))
}

/// As much of the beginning of a text as whole characters fit into `len` bytes.
fn head(text: &str, len: usize) -> &str {
    let end = (0..=len.min(text.len())).rev();
    let end = end.into_iter().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
