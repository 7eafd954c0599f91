//! A long row of small things of which the oldest go: pages of one size, so that growing copies
//! nothing and what it costs is known.

use std::collections::VecDeque;

/// Things numbered from 0 on, of which the first ones may be gone.
#[derive(Clone, Debug)]
pub(super) struct Pages<T> {
    pages: VecDeque<Vec<T>>,
    /// Number of the first thing of the first page.
    base: u64,
    first: u64,
    next: u64,
}

/// Things of one page.
const PAGE: usize = 4096;

impl<T> Pages<T> {
    /// Begins with none; the first will have the number `first`.
    pub(super) const fn starting_at(first: u64) -> Self {
        Self {
            pages: VecDeque::new(),
            base: first,
            first,
            next: first,
        }
    }

    pub(super) fn push(&mut self, thing: T) {
        match self.pages.back_mut() {
            Some(page) if page.len() < PAGE => page.push(thing),
            _ => {
                if self.pages.is_empty() {
                    self.base = self.next;
                }
                // The first page grows, so that a short row is cheap.
                let mut page = if self.pages.is_empty() {
                    Vec::new()
                } else {
                    Vec::with_capacity(PAGE)
                };
                page.push(thing);
                self.pages.push_back(page);
            }
        }
        self.next += 1;
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
            self.pages.pop_front();
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
        // All pages but the first are of one size.
        let first = self.pages.front().map_or(0, Vec::capacity);
        let others = self.pages.len().saturating_sub(1) * PAGE;
        (first + others) * size_of::<T>()
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

    fn place(&self, number: u64) -> Option<(usize, usize)> {
        if number < self.first || number >= self.next {
            return None;
        }
        let at = usize::try_from(number - self.base).ok()?;
        Some((at / PAGE, at % PAGE))
    }
}
