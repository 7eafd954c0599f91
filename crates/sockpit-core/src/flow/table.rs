//! Where conversations are kept, in a bounded amount of memory: the one that was silent for longest
//! goes first.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::conversation::{Conversation, End, Id, Side};
use super::segment::Segment;

/// The addresses of both ends, the lower one first.
type Key = [(bool, u128, u16); 2];

/// What a conversation costs beside itself, in bytes: its slot, and its place in the index.
const ENTRY_COST: usize = 256;
/// Stands for no slot.
const NOWHERE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Table {
    /// The latest conversation between two addresses.
    by_ends: BTreeMap<Key, u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
    /// How many conversations there were.
    pub(super) begun: u64,
    /// How many of them had to go.
    pub(super) evicted: u64,
    /// What all of it takes, in bytes.
    pub(super) held: usize,
}

#[derive(Debug)]
struct Slot {
    conversation: Option<Box<Conversation>>,
    key: Key,
    newer: u32,
    older: u32,
    /// As it was counted last, in bytes.
    cost: usize,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self {
            by_ends: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            newest: NOWHERE,
            oldest: NOWHERE,
            begun: 0,
            evicted: 0,
            held: 0,
        }
    }

    /// The conversation that a segment belongs to, and who sent it.
    pub(super) fn find(&self, segment: &Segment<'_>) -> Option<(Id, End)> {
        // Segments of one conversation follow each other more often than not.
        if let Some(found) = self.conversation_at(self.newest).and_then(|newest| {
            let [first, second] = newest.addrs;
            if first == segment.src && second == segment.dst {
                Some((newest.id, End::First))
            } else if first == segment.dst && second == segment.src {
                Some((newest.id, End::Second))
            } else {
                None
            }
        }) {
            return Some(found);
        }
        let slot = *self.by_ends.get(&key(segment))?;
        let conversation = self.conversation_at(slot)?;
        let from = if conversation.addrs[0] == segment.src {
            End::First
        } else {
            End::Second
        };
        Some((conversation.id, from))
    }

    /// Begins the conversation of which `segment` is the first segment.
    pub(super) fn begin(&mut self, segment: &Segment<'_>, side: Side) -> Id {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                conversation: None,
                key: key(segment),
                newer: NOWHERE,
                older: NOWHERE,
                cost: 0,
            });
            u32::try_from(self.slots.len() - 1).expect("the limit allows far fewer conversations")
        });
        let id = Id {
            slot,
            number: self.begun,
        };
        self.begun += 1;
        let place = &mut self.slots[slot as usize];
        place.key = key(segment);
        place.conversation = Some(Box::new(Conversation::new(id, segment, side)));
        self.by_ends.insert(place.key, slot);
        self.link(slot);
        self.recount(id);
        id
    }

    pub(super) fn conversation(&self, id: Id) -> Option<&Conversation> {
        self.conversation_at(id.slot)
            .filter(|conversation| conversation.id == id)
    }

    pub(super) fn conversation_mut(&mut self, id: Id) -> Option<&mut Conversation> {
        self.slots
            .get_mut(id.slot as usize)?
            .conversation
            .as_deref_mut()
            .filter(|conversation| conversation.id == id)
    }

    /// All that are known, in no useful order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Conversation> {
        self.slots
            .iter()
            .filter_map(|slot| slot.conversation.as_deref())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Conversation> {
        self.slots
            .iter_mut()
            .filter_map(|slot| slot.conversation.as_deref_mut())
    }

    /// Makes a conversation the one that spoke last.
    pub(super) fn touch(&mut self, id: Id) {
        if self.newest != id.slot {
            self.unlink(id.slot);
            self.link(id.slot);
        }
    }

    /// Counts again what a conversation takes.
    pub(super) fn recount(&mut self, id: Id) {
        let Some(slot) = self.slots.get_mut(id.slot as usize) else {
            return;
        };
        if let Some(conversation) = &slot.conversation {
            let cost = conversation.cost() + ENTRY_COST;
            self.held = self.held - slot.cost + cost;
            slot.cost = cost;
        }
    }

    /// Forgets conversations until what is left takes at most `limit` bytes; the one that spoke
    /// last stays.
    pub(super) fn evict(&mut self, limit: usize) {
        while limit < self.held && self.oldest != self.newest {
            self.evicted += 1;
            self.remove(self.oldest);
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let Some(place) = self.slots.get_mut(slot as usize) else {
            return;
        };
        if place.conversation.take().is_none() {
            return;
        }
        self.held -= place.cost;
        place.cost = 0;
        let key = place.key;
        // Ports that were used again belong to a later conversation.
        if self.by_ends.get(&key) == Some(&slot) {
            self.by_ends.remove(&key);
        }
        self.unlink(slot);
        self.free.push(slot);
    }

    fn conversation_at(&self, slot: u32) -> Option<&Conversation> {
        self.slots.get(slot as usize)?.conversation.as_deref()
    }

    fn link(&mut self, slot: u32) {
        let newest = std::mem::replace(&mut self.newest, slot);
        if let Some(place) = self.slots.get_mut(slot as usize) {
            place.older = newest;
            place.newer = NOWHERE;
        }
        match self.slots.get_mut(newest as usize) {
            Some(place) => place.newer = slot,
            None => self.oldest = slot,
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Some(place) = self.slots.get(slot as usize) else {
            return;
        };
        let (newer, older) = (place.newer, place.older);
        match self.slots.get_mut(newer as usize) {
            Some(place) => place.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older as usize) {
            Some(place) => place.newer = newer,
            None => self.oldest = newer,
        }
    }
}

fn key(segment: &Segment<'_>) -> Key {
    let mut ends = [end(segment.src), end(segment.dst)];
    ends.sort_unstable();
    ends
}

fn end(addr: SocketAddr) -> (bool, u128, u16) {
    match addr {
        SocketAddr::V4(v4) => (false, u128::from(v4.ip().to_bits()), v4.port()),
        SocketAddr::V6(v6) => (true, v6.ip().to_bits(), v6.port()),
    }
}
