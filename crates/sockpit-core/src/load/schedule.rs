//! When each message is due.

use super::Rate;

const SECOND: u64 = 1_000_000_000;

/// The moments at which one sender's messages are due: every `stride`th of a steady rate, beginning
/// with the `first`. Senders that share a rate have the same stride and different firsts, and
/// together send each message once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    rate: u64,
    first: u64,
    stride: u64,
}

impl Schedule {
    /// The share of one of `stride` senders; the rate and the stride are 1 at least.
    #[must_use]
    pub fn new(rate: Rate, first: u32, stride: u32) -> Self {
        Self {
            rate: rate.0.max(1),
            first: u64::from(first),
            stride: u64::from(stride.max(1)),
        }
    }

    /// When the sender's message of that index, from 0, is due, in nanoseconds since the start.
    #[must_use]
    pub fn intended(&self, index: u64) -> u64 {
        let place = index.saturating_mul(self.stride).saturating_add(self.first);
        // Whole seconds apart, so that nothing overflows: the rest is below the rate, which is far
        // below 2^34.
        let (seconds, rest) = (place / self.rate, place % self.rate);
        let part = rest.saturating_mul(SECOND) / self.rate;
        seconds.saturating_mul(SECOND).saturating_add(part)
    }

    /// How many of the sender's messages are due by `now`, in nanoseconds since the start.
    #[must_use]
    pub fn due(&self, now: u64) -> u64 {
        let (seconds, rest) = (now / SECOND, now % SECOND);
        let whole = seconds.saturating_mul(self.rate);
        // A message is due as soon as the clock shows the nanosecond in which it lies.
        let next = rest.saturating_add(1).saturating_mul(self.rate);
        let places = whole.saturating_add(next.div_ceil(SECOND));
        places.saturating_sub(self.first).div_ceil(self.stride)
    }
}

#[cfg(test)]
mod tests;
