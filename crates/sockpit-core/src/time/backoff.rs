//! How long to wait before it is connected again.

use std::time::Duration;

/// The first wait; each later one is twice as long.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// A connection that held for so long was a good one: the waits begin anew.
const GOOD_CONNECTION: Duration = Duration::from_secs(10);

/// The waits between one connection and the next: 0.5 s, 1 s, 2 s, …, 30 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// How long to wait before it is tried again; the next time it is longer.
    #[must_use = "who does not wait has no need to count"]
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }

    /// Takes how long a connection held: after a good one, the waits begin anew.
    pub fn take_held(&mut self, held: Duration) {
        if held >= GOOD_CONNECTION {
            self.reset();
        }
    }

    /// Begins the waits anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests;
