//! A long row of small things of which the oldest go: pages of one size, so that growing copies
//! nothing and what it costs is known.

use std::collections::VecDeque;

use super::cost::{ALLOCATION, reserve_one};

/// Things numbered from 0 on, of which the first ones may be gone.
#[derive(Debug)]
pub(super) struct Pages<T> {
    pages: VecDeque<Vec<T>>,
    /// An empty page that was let go, for the next one.
    spare: Option<Vec<T>>,
    /// Number of the first thing of the first page.
    base: u64,
    first: u64,
    next: u64,
}

/// In bytes: what a page takes at most. Those of entries fill the room that a block of bytes leaves but
/// for a thousandth, so that nothing is wasted where memory passes from bytes to entries.
const PAGE: usize = 16 * 1024;

impl<T> Pages<T> {
    /// Things of one page: a power of two, as each look at one divides by it.
    const THINGS: usize = 1 << (PAGE / size_of::<T>()).ilog2();

    /// In bytes.
    const PAGE_COST: usize = Self::THINGS * size_of::<T>() + ALLOCATION;

    /// Begins with none; the first will have the number `first`.
    pub(super) const fn starting_at(first: u64) -> Self {
        Self {
            pages: VecDeque::new(),
            spare: None,
            base: first,
            first,
            next: first,
        }
    }

    /// Says whether a page was begun.
    pub(super) fn push(&mut self, thing: T) -> bool {
        self.next += 1;
        match self.pages.back_mut() {
            Some(page) if page.len() < Self::THINGS => {
                page.push(thing);
                false
            }
            _ => {
                self.push_page(thing);
                true
            }
        }
    }

    /// Lets the first one go.
    pub(super) fn drop_first(&mut self) {
        if self.first < self.next {
            self.drop_before(self.first + 1);
        }
    }

    /// Lets all go that come before a number.
    pub(super) fn drop_before(&mut self, number: u64) {
        self.first = number.clamp(self.first, self.next);
        while let Some(page) = self.pages.front() {
            let end = self.base + page.len() as u64;
            if end > self.first {
                return;
            }
            self.base = end;
            let page = self.pages.pop_front();
            self.spare = page.filter(|page| page.capacity() == Self::THINGS);
            if let Some(spare) = &mut self.spare {
                spare.clear();
            }
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let (page, place) = self.place(number)?;
        self.pages.get(page)?.get(place)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let (page, place) = self.place(number)?;
        self.pages.get_mut(page)?.get_mut(place)
    }

    /// Number of the first one that is there.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next one will have.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// What it takes, in bytes.
    pub(super) fn cost(&self) -> usize {
        let spare = self.spare.as_ref().map_or(0, |_| Self::PAGE_COST);
        let list = self.pages.capacity() * size_of::<Vec<T>>();
        // All pages but the first are of one size.
        let Some(first) = self.pages.front() else {
            return spare + list;
        };
        let first = first.capacity() * size_of::<T>() + ALLOCATION;
        first + (self.pages.len() - 1) * Self::PAGE_COST + spare + list
    }

    /// What it takes more, in bytes, when the next page is begun.
    pub(super) fn step(&self) -> usize {
        let page = match &self.spare {
            Some(_) => 0,
            None => Self::PAGE_COST,
        };
        // The list is there twice while it grows.
        let list = match self.pages.len() == self.pages.capacity() {
            true => self.pages.len() * size_of::<Vec<T>>() * 9 / 8,
            false => 0,
        };
        page + list
    }

    /// Number of the first one for which `is_before` does not hold, where it holds for all before it
    /// and for none after.
    pub(super) fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> u64 {
        let (mut low, mut high) = (self.first, self.next);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(&is_before) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    #[cold]
    fn push_page(&mut self, thing: T) {
        let mut page = match self.spare.take() {
            Some(page) => page,
            // The first page grows, so that a short row is cheap.
            None if self.pages.is_empty() => Vec::new(),
            None => Vec::with_capacity(Self::THINGS),
        };
        if self.pages.is_empty() {
            self.base = self.next - 1;
        }
        page.push(thing);
        reserve_one(&mut self.pages);
        self.pages.push_back(page);
    }

    fn place(&self, number: u64) -> Option<(usize, usize)> {
        if number < self.first || number >= self.next {
            return None;
        }
        let at = usize::try_from(number - self.base).ok()?;
        Some((at / Self::THINGS, at % Self::THINGS))
    }
}
