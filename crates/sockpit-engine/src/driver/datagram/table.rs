//! The peers by their numbers, in order, and the one at hand without a search.

use std::collections::BTreeMap;

/// Peers that are there. One datagram asks for the same peer several times, and a peer among
/// thousands is found at the cost of one among few: whoever knows its place says so before.
pub(super) struct Table<T> {
    /// Boxed, so that a table that grows moves no peers.
    places: Vec<Option<(u32, Box<T>)>>,
    /// Places that are empty.
    free: Vec<usize>,
    by_number: BTreeMap<u32, usize>,
    /// The number and the place that were asked for last.
    recent: Option<(u32, usize)>,
}

/// Where a peer is found; it may have left, and another one may have come there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: u32,
    place: usize,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            by_number: BTreeMap::new(),
            recent: None,
        }
    }

    /// Adds a peer under a number that nobody has.
    pub(super) fn insert(&mut self, number: u32, peer: T) {
        let entry = Some((number, Box::new(peer)));
        let place = match self.free.pop() {
            Some(place) => {
                self.places[place] = entry;
                place
            }
            None => {
                self.places.push(entry);
                self.places.len() - 1
            }
        };
        self.by_number.insert(number, place);
        self.recent = Some((number, place));
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let place = self.by_number.remove(&number)?;
        self.recent = None;
        self.free.push(place);
        let (_, peer) = self.places.get_mut(place)?.take()?;
        Some(*peer)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let place = self.find(number)?;
        self.recent = Some((number, place));
        let (_, peer) = self.places.get_mut(place)?.as_mut()?;
        Some(peer)
    }

    /// Takes that `place` is asked for next.
    pub(super) fn recall(&mut self, place: Place) {
        let Place { number, place } = place;
        let entry = self.places.get(place).and_then(Option::as_ref);
        if entry.is_some_and(|(own, _)| *own == number) {
            self.recent = Some((number, place));
        }
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let entries = self.places.iter_mut().flatten();
        entries.map(|(_, peer)| &mut **peer)
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let (_, peer) = self.places.get(self.find(number)?)?.as_ref()?;
        Some(peer)
    }

    /// Where to find a peer again.
    pub(super) fn place(&self, number: u32) -> Option<Place> {
        let place = self.find(number)?;
        Some(Place { number, place })
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.find(number).is_some()
    }

    /// The peers in the order of their coming.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.by_number.iter().filter_map(|(&number, &place)| {
            let (_, peer) = self.places.get(place)?.as_ref()?;
            Some((number, &**peer))
        })
    }

    /// The numbers of all, in order.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.by_number.keys().copied().collect()
    }

    /// The number of the peer that came last.
    pub(super) fn last(&self) -> Option<u32> {
        self.by_number.last_key_value().map(|(&number, _)| number)
    }

    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    fn find(&self, number: u32) -> Option<usize> {
        match self.recent {
            Some((recent, place)) if recent == number => Some(place),
            _ => self.by_number.get(&number).copied(),
        }
    }
}

#[cfg(test)]
mod tests;
