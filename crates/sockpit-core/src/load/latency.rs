//! Latencies as a histogram: bounded memory, three digits that count.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::MAX_DURATION;

/// Decimal digits that a value keeps.
const DIGITS: u8 = 3;

/// How long things took, in nanoseconds, to three digits; more than an hour counts as an hour.
#[derive(Clone, Debug)]
pub struct Latencies {
    histogram: Histogram<u64>,
    /// Exact, for the mean: what the histogram keeps is rounded.
    sum: u128,
    /// Exact; [`u64::MAX`] where there is none.
    min: u64,
    /// Exact.
    max: u64,
}

/// What latencies come to, in nanoseconds; all zero where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// The mean.
    pub mean: u64,
    /// The least.
    pub min: u64,
    /// Half took no longer.
    pub p50: u64,
    /// Nine of ten took no longer.
    pub p90: u64,
    /// 99 % took no longer.
    pub p99: u64,
    /// 99.9 % took no longer.
    pub p99_9: u64,
    /// 99.99 % took no longer.
    pub p99_99: u64,
    /// The greatest.
    pub max: u64,
}

impl Latencies {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, MAX_DURATION.as_nanos() as u64, DIGITS)
            .expect("the bounds are apart and three digits are kept");
        Self {
            histogram,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// Takes one, in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        let nanos = nanos.min(MAX_DURATION.as_nanos() as u64);
        self.histogram.saturating_record(nanos.max(1));
        self.sum += u128::from(nanos);
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    /// Takes all of another's.
    pub fn merge(&mut self, other: &Self) {
        self.histogram
            .add(&other.histogram)
            .expect("both have the same bounds");
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.histogram.reset();
        self.sum = 0;
        self.min = u64::MAX;
        self.max = 0;
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// What they come to.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let count = self.count();
        if count == 0 {
            return Summary::default();
        }
        let max = self.max;
        // A value of the histogram stands for all that round to it, up to the greatest.
        let at = |quantile| self.histogram.value_at_quantile(quantile).min(max);
        Summary {
            count,
            mean: u64::try_from(self.sum / u128::from(count)).unwrap_or(u64::MAX),
            min: self.min,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max,
        }
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
