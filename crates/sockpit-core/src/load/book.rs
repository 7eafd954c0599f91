//! What became of numbered datagrams, told from the numbers that arrived.

use serde::Serialize;

/// How far back a number is remembered.
const WINDOW: u64 = 1024;

const WORDS: usize = 16;

/// The numbers of one sender that have arrived. It takes 128 bytes and some, however many come and
/// whatever they claim to be.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// The number after the highest that came.
    next: u64,
    /// Which of the latest [`WINDOW`] numbers came: number `n` is bit `n % WINDOW`.
    seen: [u64; WORDS],
    order: Order,
}

/// How numbered datagrams arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Order {
    /// Those that came for the first time, as far as can be known.
    pub unique: u64,
    /// Those of them that came after one with a higher number.
    pub reordered: u64,
    /// Those that had come before.
    pub duplicates: u64,
    /// Those that came so late that nobody knows any more whether they are duplicates. They are in no
    /// other count: a copy must not stand for another datagram that was lost.
    pub stale: u64,
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the highest so far.
    Next,
    /// It comes after a higher one.
    Reordered,
    /// It has come before.
    Duplicate,
    /// It comes after one that is higher by more than what is remembered.
    Stale,
}

impl Book {
    /// A book of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the number of a datagram that arrived.
    pub fn note(&mut self, number: u64) -> Verdict {
        let verdict = self.judge(number);
        match verdict {
            Verdict::Next => self.order.unique += 1,
            Verdict::Duplicate => self.order.duplicates += 1,
            Verdict::Reordered => {
                self.order.unique += 1;
                self.order.reordered += 1;
            }
            Verdict::Stale => self.order.stale += 1,
        }
        verdict
    }

    /// The same of one that was waited for, and so comes for the first time, however late.
    pub fn note_awaited(&mut self, number: u64) {
        if self.note(number) == Verdict::Stale {
            self.order.stale -= 1;
            self.order.unique += 1;
            self.order.reordered += 1;
        }
    }

    /// What arrived so far.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// The number after the highest that came: as many were sent at least.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    fn judge(&mut self, number: u64) -> Verdict {
        if number < self.next {
            let age = self.next - number;
            if WINDOW < age {
                return Verdict::Stale;
            }
            return match self.mark(number) {
                true => Verdict::Duplicate,
                false => Verdict::Reordered,
            };
        }
        // What lies between leaves the window, or has not come.
        match number - self.next {
            0 => {}
            ahead if ahead < WINDOW => (self.next..number).for_each(|missing| self.clear(missing)),
            _ => self.seen = [0; WORDS],
        }
        self.clear(number);
        self.mark(number);
        self.next = number.saturating_add(1);
        Verdict::Next
    }

    /// Remembers a number of the window; whether it was remembered.
    fn mark(&mut self, number: u64) -> bool {
        let (word, bit) = place(number);
        let Some(word) = self.seen.get_mut(word) else {
            return false;
        };
        let was = *word & bit != 0;
        *word |= bit;
        was
    }

    fn clear(&mut self, number: u64) {
        let (word, bit) = place(number);
        if let Some(word) = self.seen.get_mut(word) {
            *word &= !bit;
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    let at = number % WINDOW;
    ((at / 64) as usize, 1 << (at % 64))
}

impl Order {
    /// Those that did not come, of so many that were sent, or came too late to be known.
    #[must_use]
    pub const fn lost(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.unique)
    }

    /// Adds what another sender's did.
    pub fn merge(&mut self, other: &Self) {
        self.unique = self.unique.saturating_add(other.unique);
        self.reordered = self.reordered.saturating_add(other.reordered);
        self.duplicates = self.duplicates.saturating_add(other.duplicates);
        self.stale = self.stale.saturating_add(other.stale);
    }
}

#[cfg(test)]
mod tests;
