//! Looking for something in the rows of a view.

use super::History;
use super::entry::Entry;
use super::view::View;
use crate::event::{Direction, What};
use crate::rule::Pattern;
use crate::rule::pattern::Message;

/// Which way is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To later rows.
    On,
    /// To earlier rows.
    Back,
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    pattern: Pattern,
    way: Way,
    /// The row to look at next; none before the first.
    at: Option<u64>,
}

/// What came of a search so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is in this row; searching on goes on after it.
    At(u64),
    /// It is in none.
    Nowhere,
    /// The work allowed was too little; searching on goes on where it was.
    Unfinished,
}

/// In bytes of work: what a row costs beside its bytes.
const ROW_COST: usize = 64;

/// In bytes: of a longer message only so much is looked at.
const MOST_SEARCHED: usize = 32 * 1024 * 1024;

impl Search {
    /// Begins at a row, which is looked at too.
    #[must_use]
    pub const fn new(pattern: Pattern, from: u64, way: Way) -> Self {
        Self {
            pattern,
            way,
            at: Some(from),
        }
    }
}

impl View {
    /// Searches on, for about as much work as it takes to look at `budget` bytes.
    ///
    /// Of messages and chunks the text is searched, or the bytes where the pattern is bytes; of
    /// what else happened, its sentences and addresses. Of a message over 32 MiB so much is
    /// searched.
    pub fn find(&self, history: &History, search: &mut Search, budget: usize) -> Found {
        let mut left = budget.max(1);
        while let Some(at) = search.at {
            let (first, next) = (self.first(), self.next());
            let index = match search.way {
                Way::On => at.max(first),
                Way::Back if at >= next => next.saturating_sub(1),
                Way::Back => at,
            };
            if index < first || index >= next {
                break;
            }
            if left == 0 {
                search.at = Some(index);
                return Found::Unfinished;
            }
            search.at = match search.way {
                Way::On => Some(index + 1),
                Way::Back => index.checked_sub(1),
            };
            let (is_found, cost) = self.says(history, index, &search.pattern);
            if is_found {
                return Found::At(index);
            }
            left = left.saturating_sub(ROW_COST + cost);
        }
        Found::Nowhere
    }

    /// Whether a row has the pattern, and how many bytes were looked at.
    fn says(&self, history: &History, index: u64, pattern: &Pattern) -> (bool, usize) {
        let entry = self
            .slots
            .get(index)
            .and_then(|slot| history.entry(slot.number()));
        let Some(entry) = entry else {
            return (false, 0);
        };
        let is_said = entry.is_chunk() && self.slots.get(index).is_some_and(|it| !it.is_broken());
        if !is_said {
            return (self.tells(history, index, entry, pattern), 0);
        }
        let Ok(bytes) = self.payload(history, index, 0, MOST_SEARCHED) else {
            return (false, 0);
        };
        let direction = entry.direction.unwrap_or(Direction::In);
        let charset = self
            .charset(history, entry.session, direction)
            .filter(|_| pattern.needs_text());
        let decoded = charset.map(|charset| charset.decode(&bytes).text);
        let message = Message {
            bytes: &bytes,
            text: decoded.as_deref(),
        };
        (pattern.is_match(message), bytes.len())
    }

    /// Whether the sentences of what happened have the pattern.
    fn tells(&self, history: &History, index: u64, entry: &Entry, pattern: &Pattern) -> bool {
        let has = |text: &str| {
            pattern.is_match(Message {
                bytes: text.as_bytes(),
                text: Some(text),
            })
        };
        if entry.kind == super::Kind::Packet {
            let event = history.event(entry);
            return event.is_some_and(|event| match &event.what {
                What::Packet { packet, .. } => pattern.is_match(Message {
                    bytes: packet.at(0).payload(),
                    text: None,
                }),
                _ => false,
            });
        }
        self.event(history, index)
            .is_some_and(|event| match &event.what {
                What::Listening { local } => has(local),
                What::Opened { addr, local } => has(addr) || has(local),
                What::Closed { reason, message } => has(reason.as_str()) || has(message),
                What::Fault { kind, message, .. } => has(kind.as_str()) || has(message),
                What::Note { kind, message, .. } => has(kind) || has(message),
                _ => false,
            })
    }
}
