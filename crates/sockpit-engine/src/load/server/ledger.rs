//! What came of the loads that go one way in datagrams.

use std::collections::BTreeMap;

use sockpit_core::load::Book;
use sockpit_core::load::wire::{Counts, Header};

/// Loads that are remembered, whoever claims to be one.
const MOST_RUNS: usize = 64;

/// Connections of all loads that are remembered: 200 bytes each.
const MOST_BOOKS: usize = 65_536;

/// The loads that were counted, by their number.
#[derive(Default)]
pub(super) struct Ledger {
    runs: BTreeMap<u64, Counted>,
    /// Connections of all of them.
    books: usize,
}

/// What came of one load.
#[derive(Default)]
struct Counted {
    messages: u64,
    bytes: u64,
    books: BTreeMap<u32, Book>,
    /// In nanoseconds: when the first and the last came.
    first: u64,
    last: u64,
}

impl Ledger {
    /// Takes a datagram of `len` bytes that came at `now`, in nanoseconds.
    pub(super) fn count(&mut self, header: &Header, len: usize, now: u64) {
        if !self.runs.contains_key(&header.run) && MOST_RUNS <= self.runs.len() {
            self.forget_oldest_but(header.run);
        }
        let counted = self.runs.entry(header.run).or_insert_with(|| Counted {
            first: now,
            ..Counted::default()
        });
        counted.messages += 1;
        counted.bytes += len as u64;
        counted.last = now;
        if let Some(book) = counted.books.get_mut(&header.connection) {
            book.note(header.number);
            return;
        }
        while MOST_BOOKS <= self.books && self.forget_oldest_but(header.run) {}
        if let Some(counted) = self.runs.get_mut(&header.run)
            && self.books < MOST_BOOKS
        {
            self.books += 1;
            let book = counted.books.entry(header.connection).or_default();
            book.note(header.number);
        }
    }

    /// What came of a load; `None` of one that is not known.
    pub(super) fn counts(&self, run: u64) -> Option<Counts> {
        let counted = self.runs.get(&run)?;
        let mut counts = Counts {
            run,
            messages: counted.messages,
            bytes: counted.bytes,
            elapsed_ns: counted.last.saturating_sub(counted.first),
            ..Counts::default()
        };
        for book in counted.books.values() {
            counts.order.merge(&book.order());
        }
        Some(counts)
    }

    /// Forgets the load that has been silent the longest, but not that one; whether there was any.
    fn forget_oldest_but(&mut self, run: u64) -> bool {
        let others = self.runs.iter().filter(|(other, _)| **other != run);
        let oldest = others.min_by_key(|(_, counted)| counted.last);
        let Some(counted) = oldest
            .map(|(run, _)| *run)
            .and_then(|run| self.runs.remove(&run))
        else {
            return false;
        };
        self.books -= counted.books.len();
        true
    }
}

#[cfg(test)]
mod tests;
