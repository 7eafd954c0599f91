//! What a history takes, and what it lets go of.

use super::entry::{Entry, Kind};
use super::{History, scanner_of};
use crate::event::{Event, Value, What};
use crate::sighting::Kept;

/// What a history may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory, in bytes.
    pub memory: usize,
    /// On the shelf, in bytes.
    pub shelf: u64,
}

impl Default for Limits {
    /// Memory for a million short messages, and room for some hours of a busy link.
    fn default() -> Self {
        Self {
            memory: 256 * 1024 * 1024,
            shelf: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// What a history takes, and what it no longer has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Entries that are there.
    pub entries: u64,
    /// Memory, in bytes.
    pub memory: usize,
    /// On the shelf, in bytes.
    pub shelf: u64,
    /// Entries that were dropped to stay within the limits.
    pub evicted: u64,
    /// Events that never came here, as gaps told.
    pub lost: u64,
    /// Why the shelf takes nothing more.
    pub trouble: Option<String>,
}

/// In bytes: how much of the store is read at once.
pub(super) const READ_AT_ONCE: usize = 64 * 1024;

impl History {
    /// What it takes.
    #[must_use]
    pub fn used(&self) -> Used {
        Used {
            entries: self.entries.next() - self.entries.first(),
            memory: self.memory(),
            shelf: self.store.shelved(),
            evicted: self.evicted,
            lost: self.lost,
            trouble: self.store.trouble().map(str::to_owned),
        }
    }

    /// Forgets what was taken so far, of a session or of all.
    pub fn clear(&mut self, session: Option<u32>) {
        self.era = self.era.wrapping_add(1);
        let next = self.entries.next();
        match session {
            Some(session) => {
                let known = self.sessions.entry(session).or_default();
                known.cleared = next;
                known.version = known.version.wrapping_add(1);
                let tips = self.tips.range((session, 0)..=(session, u32::MAX));
                let tips: Vec<_> = tips.map(|(key, tip)| (*key, tip.clone())).collect();
                self.fronts.retain(|(of, _), _| *of != session);
                self.fronts.extend(tips);
                self.release();
            }
            None => {
                self.fronts = self.tips.clone();
                for known in self.sessions.values_mut() {
                    known.version = known.version.wrapping_add(1);
                }
                while self.entries.first() < next {
                    self.drop_first();
                }
                self.latest.clear();
            }
        }
    }

    fn memory(&self) -> usize {
        self.entries.cost() + self.kept.cost() + self.kept_cost + self.store.memory()
    }

    /// Shelves and evicts until the limits are kept.
    pub(super) fn settle(&mut self) {
        while self.memory() > self.limits.memory && self.entries.first() < self.entries.next() {
            if !self.store.shelve_oldest() {
                self.evict();
            }
        }
        while self.store.shelved() > self.limits.shelf && self.entries.first() < self.entries.next()
        {
            self.evict();
        }
    }

    /// Lets the oldest entry go.
    pub(super) fn evict(&mut self) {
        let first = self.entries.first();
        let Some(entry) = self.entries.get(first).copied() else {
            return;
        };
        if !self.is_cleared(first, entry.session) {
            self.evicted += 1;
            self.leave(&entry);
        }
        self.drop_first();
    }

    /// Cuts the chunk that is evicted, so that whoever begins after it knows where a message begins.
    fn leave(&mut self, entry: &Entry) {
        if entry.kind == Kind::Closed {
            self.fronts.remove(&(entry.session, entry.peer));
        }
        let Some(scanner) = scanner_of(&mut self.fronts, &self.sessions, &self.peers, entry) else {
            return;
        };
        let mut buffer = vec![0; READ_AT_ONCE.min(entry.len as usize)];
        let mut at = 0;
        while at < entry.len as usize {
            let len = buffer.len().min(entry.len as usize - at);
            let read = self.store.read(entry.place + at as u64, &mut buffer[..len]);
            match read {
                Ok(()) => {
                    let _ = scanner.push(entry.time, &buffer[..len], |_| {});
                }
                Err(_) => scanner.pass_over(len as u64),
            }
            at += len;
        }
    }

    fn drop_first(&mut self) {
        let Some(entry) = self.entries.get(self.entries.first()).copied() else {
            return;
        };
        if entry.is_chunk() || entry.kind == Kind::Packet {
            self.store
                .free_before(entry.place.saturating_add(u64::from(entry.len)));
        }
        if !entry.is_chunk() {
            if let Some(event) = self.kept.get(entry.offset) {
                self.kept_cost = self.kept_cost.saturating_sub(cost_of(event));
            }
            self.kept.drop_first();
        }
        self.entries.drop_first();
    }

    /// Lets the bytes go of which no entry is left.
    fn release(&mut self) {
        let mut wanted = Vec::new();
        for number in self.entries.first()..self.entries.next() {
            if let Some(entry) = self.entries.get(number)
                && entry.len > 0
                && !self.is_cleared(number, entry.session)
            {
                wanted.push(entry.place);
            }
        }
        self.store.free_but(&wanted);
    }
}

/// What an event takes in memory, in bytes, without the bytes of a packet.
pub(super) fn cost_of(event: &Event) -> usize {
    // The two counts of an `Arc` stand before it.
    let fixed = size_of::<Event>() + 2 * size_of::<usize>();
    fixed
        + match &event.what {
            What::Listening { local } => local.len(),
            What::Opened { addr, local } => addr.len() + local.len(),
            What::Closed { message, .. } | What::Fault { message, .. } => message.len(),
            What::Packet { .. } => size_of::<Kept>(),
            What::Note {
                kind,
                message,
                data,
            } => kind.len() + message.len() + value_cost(data),
            What::Chunk { .. } | What::Frame { .. } | What::Gap { .. } => 0,
        }
}

fn value_cost(value: &Value) -> usize {
    /// In bytes: what an entry of a map takes beside its key and value.
    const LINK: usize = 32;
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(value_cost).sum(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| LINK + key.len() + value_cost(value))
                .sum(),
            _ => 0,
        }
}
