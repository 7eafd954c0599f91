//! What comes while a link begins, some of it twice and out of order.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Entries kept at most; the first ones give way.
const MOST: usize = 100_000;

/// Entries, each once, in the order in which they were said.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// By their ids, which are in the order of time.
    entries: BTreeMap<String, Map<String, Value>>,
}

impl Gathered {
    /// Takes an entry.
    pub(super) fn push(&mut self, id: String, fields: Map<String, Value>) {
        self.entries.insert(id, fields);
        if self.entries.len() > MOST {
            self.entries.pop_first();
        }
    }

    /// The entries with their ids; of what was said before, the last `most` of each room.
    pub(super) fn into_order(self, most: Option<usize>) -> Vec<(String, Map<String, Value>)> {
        let room = |fields: &Map<String, Value>| {
            let room = fields.get("room").and_then(Value::as_str);
            room.unwrap_or_default().to_owned()
        };
        let is_old = |fields: &Map<String, Value>| {
            fields.get("replayed").and_then(Value::as_bool) == Some(true)
        };
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        let mut entries: Vec<_> = self.entries.into_iter().rev().collect();
        entries.retain(|(_, fields)| {
            let Some(most) = most.filter(|_| is_old(fields)) else {
                return true;
            };
            let left = left.entry(room(fields)).or_insert(most);
            let is_kept = *left > 0;
            *left = left.saturating_sub(1);
            is_kept
        });
        entries.reverse();
        entries
    }
}
