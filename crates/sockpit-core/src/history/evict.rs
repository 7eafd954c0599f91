//! What a history takes, and what it lets go of.

use super::cost::{event_cost, map_cost};
use super::entry::{Entry, Kind};
use super::{History, is_cleared, scanner_of};

/// What a history may take.
///
/// Memory is what it holds, used or not, with what an allocator takes beside that. The indexes of its
/// views are not in it: [`View::memory`](super::View::memory) says what each takes.
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

/// The part of the memory, one of so many, that is left for what an allocator has unused between its
/// pieces: an hour of messages took a third of it.
const UNUSED_PART: usize = 256;

/// Entries, and bytes that they said, that go at most before memory is counted again.
const EVICTED_AT_ONCE: usize = 16;
const SAID_AT_ONCE: u32 = 4096;

/// The part of the memory, one of so many, that the timeline has in any case.
const LEAST_PART: usize = 4;

impl History {
    /// What it takes.
    #[must_use]
    pub fn used(&self) -> Used {
        Used {
            entries: self.entries.next() - self.entries.first(),
            memory: self.timeline_memory() + self.index_memory(),
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
                self.store.free_spare();
                self.latest.clear();
            }
        }
    }

    /// Shelves and evicts until the limits are kept.
    pub(super) fn settle(&mut self) {
        if !std::mem::take(&mut self.is_due) {
            return;
        }
        self.fit(0);
        while self.store.shelved() > self.limits.shelf && self.entries.first() < self.entries.next()
        {
            self.evict();
        }
    }

    /// The same before so many bytes come that need room of their own.
    pub(super) fn make_room(&mut self, len: usize) {
        if self.store.is_burden(len) {
            self.fit(len);
        }
    }

    /// Shelves and evicts until so many bytes more, and what is taken a step at a time, fit into
    /// memory.
    fn fit(&mut self, coming: usize) {
        let most = self.limits.memory - self.limits.memory / UNUSED_PART;
        while self.timeline_memory() + self.index_memory() + self.step() + coming > most
            && self.entries.first() < self.entries.next()
        {
            // However many peers there are, a part is for what they said.
            if self.timeline_memory() + coming < self.limits.memory / LEAST_PART {
                return;
            }
            if !self.store.shelve_oldest() {
                self.evict_some();
            }
        }
    }

    /// What is said and what happened, in bytes.
    fn timeline_memory(&self) -> usize {
        self.entries.cost() + self.kept.cost() + self.kept_cost + self.store.memory()
    }

    /// What is known of sessions, peers and rows, in bytes.
    fn index_memory(&self) -> usize {
        self.text_cost
            + map_cost(&self.sessions)
            + map_cost(&self.peers)
            + map_cost(&self.latest)
            + map_cost(&self.fronts)
            + map_cost(&self.tips)
            + map_cost(&self.marks)
    }

    /// What the next event may take at once, in bytes.
    fn step(&self) -> usize {
        self.entries.step() + self.store.step()
    }

    /// Lets some of the oldest entries go, or a long one: room comes a page at a time.
    fn evict_some(&mut self) {
        let mut said = 0;
        for _ in 0..EVICTED_AT_ONCE {
            let oldest = self.entries.get(self.entries.first());
            said += oldest.map_or(0, |entry| entry.len);
            self.evict();
            if said >= SAID_AT_ONCE {
                return;
            }
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
            // Its page stays until all events of it are gone.
            let kept = self.kept.get_mut(entry.offset).and_then(Option::take);
            self.kept_cost -= kept.map_or(0, |event| event_cost(&event));
            self.kept.drop_first();
        }
        self.entries.drop_first();
    }

    /// Lets the bytes go of which no entry is left.
    fn release(&mut self) {
        let (entries, sessions) = (&self.entries, &self.sessions);
        let wanted = (entries.first()..entries.next()).filter_map(|number| {
            let entry = entries.get(number).filter(|entry| entry.len > 0)?;
            (!is_cleared(sessions, number, entry.session)).then_some(entry.place)
        });
        self.store.free_but(wanted);
        self.store.free_spare();
    }
}
