//! What was said last in a room: a ring with two limits.

use std::collections::VecDeque;
use std::sync::Arc;

use super::line::Line;

/// How much of a room is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In lines.
    pub lines: usize,
    /// In bytes of text.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lines: 100,
            bytes: 64 * 1024,
        }
    }
}

/// The last lines of a room, each as it is told again.
#[derive(Debug, Default)]
pub struct History {
    lines: VecDeque<Arc<Line>>,
    /// Of text.
    bytes: usize,
    /// How many of the lines were recalled; they are the first.
    recalled: usize,
}

impl History {
    /// Keeps a line, and drops the oldest ones that the limits have no room for.
    pub fn push(&mut self, line: Arc<Line>, limits: Limits) {
        self.bytes += size(&line);
        self.lines.push_back(line);
        self.trim(limits);
    }

    /// Keeps a line of the time before all that was pushed, behind those that were recalled already.
    pub fn recall(&mut self, line: Arc<Line>, limits: Limits) {
        self.bytes += size(&line);
        self.lines.insert(self.recalled, line);
        self.recalled += 1;
        self.trim(limits);
    }

    /// The last `count` lines, oldest first.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &Arc<Line>> {
        let before = self.lines.len().saturating_sub(count);
        self.lines.iter().skip(before)
    }

    /// How many lines are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn trim(&mut self, limits: Limits) {
        while limits.lines < self.lines.len() || limits.bytes < self.bytes {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(size(&oldest));
            self.recalled = self.recalled.saturating_sub(1);
        }
    }
}

/// In bytes.
fn size(line: &Line) -> usize {
    line.entry()
        .map_or(0, |entry| entry.text.len() + entry.from.len())
}

#[cfg(test)]
mod tests;
