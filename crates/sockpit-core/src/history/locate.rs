//! Finding a row again: by what it is called, by a place, by a time.

use std::collections::{BTreeMap, BTreeSet};

use super::History;
use super::entry::{Entry, Way};
use super::slot::Slot;
use super::view::View;
use super::window::identity_of;
use crate::event::Direction;
use crate::time::Time;

/// What a row is called by, whatever the view and however it is cut: its first byte, or its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Number of the event that brought its first byte, or that it is.
    pub number: u64,
    /// Its session.
    pub session: u32,
    /// Its peer.
    pub peer: u32,
    /// Which way; `None` of what was not said.
    pub direction: Option<Direction>,
    /// Place of its first byte in the direction's stream; 0 of what was not said.
    pub offset: u64,
}

/// The least of all.
const FIRST: Identity = Identity {
    number: 0,
    session: 0,
    peer: 0,
    direction: None,
    offset: 0,
};

/// A row with a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Its number in the view.
    pub index: u64,
    /// What it is called by.
    pub identity: Identity,
    /// When.
    pub time: Time,
    /// The note.
    pub note: String,
}

/// What is looked for in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The row in which the first byte of a chunk lies, or which is an event, by the event's number.
    Number(u64),
    /// The row in which a byte of a stream lies.
    Byte {
        /// The session.
        session: u32,
        /// The peer.
        peer: u32,
        /// Which way.
        direction: Direction,
        /// Place of the byte in the direction's stream.
        offset: u64,
    },
    /// The row nearest to a time.
    Time(Time),
    /// The row in which what has this name lies.
    Identity(Identity),
}

/// Rows around the one that was found among which a nearer one is looked for, as they are nearly
/// but not quite in order.
const NEARBY: u64 = 64;

impl View {
    /// Finds a row; none where the view does not show it.
    #[must_use]
    pub fn locate(&self, history: &History, spot: Spot) -> Option<u64> {
        match spot {
            Spot::Number(number) => self.locate_number(history, number),
            Spot::Byte {
                session,
                peer,
                direction,
                offset,
            } => self.locate_byte(history, (session, peer, direction), offset),
            Spot::Time(time) => self.locate_time(history, time),
            Spot::Identity(identity) => (self.first()..self.next()).find(|index| {
                let found = self.slot_and_entry(history, *index);
                found.is_some_and(|(slot, entry)| holds(entry, slot, &identity))
            }),
        }
    }

    /// The rows that have notes, in order.
    #[must_use]
    pub fn marks(&self, history: &History) -> Vec<Marked> {
        if history.marks.is_empty() {
            return Vec::new();
        }
        // Of what was said, by stream and place.
        let mut places: BTreeMap<Way, BTreeSet<(u64, Identity)>> = BTreeMap::new();
        for identity in history.marks.keys() {
            if let Some(direction) = identity.direction {
                let way = (identity.session, identity.peer, direction);
                let places = places.entry(way).or_default();
                places.insert((identity.offset, *identity));
            }
        }
        let mut found = Vec::new();
        for index in self.first()..self.next() {
            let Some((slot, entry)) = self.slot_and_entry(history, index) else {
                continue;
            };
            let identity = if entry.is_chunk() && !slot.is_broken() {
                let (from, to) = extent(entry, slot);
                let marked = places.get(&entry.way()).into_iter();
                marked
                    .flat_map(|marked| marked.range((from, FIRST)..))
                    .take_while(|(offset, _)| *offset <= to)
                    .find(|(_, id)| holds(entry, slot, id))
                    .map(|(_, id)| *id)
            } else {
                Some(identity_of(entry, slot))
            };
            if let Some(identity) = identity
                && let Some(note) = history.marks.get(&identity)
            {
                found.push(Marked {
                    index,
                    identity,
                    time: entry.time,
                    note: note.clone(),
                });
            }
        }
        found
    }

    fn slot_and_entry<'a>(
        &'a self,
        history: &'a History,
        index: u64,
    ) -> Option<(&'a Slot, &'a Entry)> {
        let slot = self.slots.get(index)?;
        Some((slot, history.entry(slot.number())?))
    }

    fn locate_number(&self, history: &History, number: u64) -> Option<u64> {
        let place = history
            .entries
            .partition_point(|entry| entry.number < number);
        let entry = history.entry(place).filter(|it| it.number == number)?;
        let index = (self.first()..self.next()).find(|index| {
            let slot = self.slots.get(*index);
            slot.is_some_and(|slot| slot.number() == place)
        });
        if !entry.is_chunk() {
            return index;
        }
        // The first byte may belong to a message that began before.
        self.locate_byte(history, entry.way(), entry.offset)
            .or(index)
    }

    fn locate_byte(&self, history: &History, way: Way, offset: u64) -> Option<u64> {
        (self.first()..self.next()).find(|index| {
            let Some((slot, entry)) = self.slot_and_entry(history, *index) else {
                return false;
            };
            if !entry.is_chunk() || slot.is_broken() || entry.way() != way {
                return false;
            }
            let (from, to) = extent(entry, slot);
            (from..to).contains(&offset)
        })
    }

    fn locate_time(&self, history: &History, time: Time) -> Option<u64> {
        let after = self.slots.partition_point(|slot| {
            let entry = history.entry(slot.number());
            // What is gone is old.
            entry.is_none_or(|entry| entry.time < time)
        });
        let first = after.saturating_sub(NEARBY).max(self.first());
        let last = after.saturating_add(NEARBY).min(self.next());
        (first..last)
            .filter_map(|index| Some((index, self.time(history, index)?)))
            .min_by_key(|(_, at)| at.as_nanos().abs_diff(time.as_nanos()))
            .map(|(index, _)| index)
    }
}

impl History {
    /// The note of a row, if it has one.
    pub(super) fn mark_of(&self, entry: &Entry, slot: &Slot) -> Option<&str> {
        if self.marks.is_empty() {
            return None;
        }
        let identity = identity_of(entry, slot);
        if let Some(note) = self.marks.get(&identity) {
            return Some(note);
        }
        let mut marks = self.marks.iter();
        let marked = marks.find(|(id, _)| holds(entry, slot, id))?;
        Some(marked.1)
    }
}

/// Whether what has this name lies in a row.
fn holds(entry: &Entry, slot: &Slot, identity: &Identity) -> bool {
    let own = identity_of(entry, slot);
    if own == *identity {
        return true;
    }
    let (from, to) = extent(entry, slot);
    identity.direction.is_some()
        && (own.session, own.peer, own.direction)
            == (identity.session, identity.peer, identity.direction)
        // An empty datagram has the place of the one after it.
        && own.number <= identity.number
        && (from..to).contains(&identity.offset)
}

/// From where to where a row goes in its stream.
fn extent(entry: &Entry, slot: &Slot) -> (u64, u64) {
    let from = entry.offset.saturating_add(slot.start());
    (from, from.saturating_add(slot.wire_len()))
}
