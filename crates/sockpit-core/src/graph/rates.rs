//! Bytes in equal intervals of time, in a bounded amount of memory: intervals grow as time goes on.

use super::axis::nice;

/// Intervals that are kept at most.
const MOST_INTERVALS: usize = 8192;

/// In nanoseconds: the intervals at the beginning.
const FINEST: u64 = 1000;

/// By how much intervals grow, so that a drawn one is always a whole number of them.
const GROWTH: u64 = 10;

/// What happened in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interval {
    /// Bytes sent, each as often as it was.
    pub(super) sent: u64,
    /// Bytes that were acknowledged.
    pub(super) acked: u64,
    /// Packets with payload.
    pub(super) packets: u64,
}

impl Interval {
    fn add(&mut self, other: &Self) {
        self.sent = self.sent.saturating_add(other.sent);
        self.acked = self.acked.saturating_add(other.acked);
        self.packets = self.packets.saturating_add(other.packets);
    }
}

/// Intervals from the beginning on.
#[derive(Debug)]
pub(super) struct Rates {
    width: u64,
    intervals: Vec<Interval>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            width: FINEST,
            intervals: Vec::new(),
        }
    }
}

impl Rates {
    /// Adds what happened at a moment, in nanoseconds since the beginning.
    pub(super) fn push(&mut self, at: u64, what: &Interval) {
        let index = loop {
            let index = at.checked_div(self.width).unwrap_or(0);
            match usize::try_from(index) {
                Ok(index) if index < MOST_INTERVALS => break index,
                _ => self.widen(),
            }
        };
        if self.intervals.len() <= index {
            self.intervals
                .resize(index.saturating_add(1), Interval::default());
        }
        if let Some(interval) = self.intervals.get_mut(index) {
            interval.add(what);
        }
    }

    /// About so many intervals from the beginning to a moment, each as long as is said first, in
    /// nanoseconds.
    pub(super) fn drawn(&self, until: u64, wanted: f64) -> (u64, Vec<Interval>) {
        let share = until as f64 / wanted.max(1.0) / self.width as f64;
        // At least one and rounded, so that the cast loses nothing.
        let several = nice(share).max(1.0).round() as usize;
        let width = self.width.saturating_mul(several as u64);
        let drawn = self.intervals.chunks(several).map(sum).collect();
        (width, drawn)
    }

    fn widen(&mut self) {
        self.width = self.width.saturating_mul(GROWTH);
        let wider = self.intervals.chunks(GROWTH as usize).map(sum).collect();
        self.intervals = wider;
    }
}

fn sum(intervals: &[Interval]) -> Interval {
    let mut all = Interval::default();
    for interval in intervals {
        all.add(interval);
    }
    all
}
