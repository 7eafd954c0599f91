//! How long round trips took: counts in buckets that are at most 3.2 % wide.

use std::time::Duration;

/// Values with a bucket of their own; each power of two from there on has half as many buckets.
const STEPS: usize = 64;

/// Counts of durations by their size.
pub(super) struct Latency {
    counts: Vec<u64>,
}

impl Latency {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; bucket(u64::MAX) + 1],
        }
    }

    /// Counts one.
    pub(super) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
    }

    /// What so many of a hundred do not exceed; zero where nothing was counted.
    pub(super) fn percentile(&self, percent: f64) -> Duration {
        let all: u64 = self.counts.iter().sum();
        let wanted = (all as f64 * percent / 100.0).ceil() as u64;
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if *count != 0 && wanted <= seen {
                return Duration::from_nanos(most(place));
            }
        }
        Duration::ZERO
    }
}

/// The bucket of so many nanoseconds.
fn bucket(nanos: u64) -> usize {
    let bits = u64::BITS - nanos.leading_zeros();
    let shift = bits.saturating_sub(STEPS.ilog2());
    let step = usize::try_from(nanos >> shift).expect("it is below the number of steps");
    step + shift as usize * STEPS / 2
}

/// The largest value in a bucket, in nanoseconds.
fn most(place: usize) -> u64 {
    let shift = (place * 2 / STEPS).saturating_sub(1);
    let step = place - shift * STEPS / 2;
    ((step as u64 + 1) << shift) - 1
}

#[cfg(test)]
mod tests;
