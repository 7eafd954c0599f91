//! How much was said, over time.

use super::History;
use super::view::View;
use crate::time::Time;

/// Amounts in equal spans of time, by [`Direction`](crate::event::Direction).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// When each span begins.
    pub times: Vec<Time>,
    /// Bytes in each.
    pub bytes: [Vec<u64>; 2],
    /// Messages, or chunks, in each.
    pub count: [Vec<u64>; 2],
}

/// Spans at most.
const MOST_BUCKETS: usize = 10_000;

impl Series {
    fn between(from: Time, to: Time, buckets: usize) -> Self {
        let buckets = buckets.clamp(1, MOST_BUCKETS);
        let width = width(from, to, buckets);
        let time = |bucket: u64| {
            let after = width.saturating_mul(bucket);
            Time::from_nanos(from.as_nanos().saturating_add(after))
        };
        Self {
            times: (0..buckets as u64).map(time).collect(),
            bytes: [vec![0; buckets], vec![0; buckets]],
            count: [vec![0; buckets], vec![0; buckets]],
        }
    }

    fn add(&mut self, from: Time, width: u64, time: Time, direction: usize, bytes: u64) {
        let after = time.as_nanos().saturating_sub(from.as_nanos());
        let bucket = usize::try_from(after / width).unwrap_or(usize::MAX);
        if let Some(sum) = self.bytes[direction].get_mut(bucket) {
            *sum = sum.saturating_add(bytes);
            self.count[direction][bucket] += 1;
        }
    }
}

/// Nanoseconds of a span, at least one.
fn width(from: Time, to: Time, buckets: usize) -> u64 {
    let whole = to.as_nanos().saturating_sub(from.as_nanos());
    whole.div_ceil(buckets.max(1) as u64).max(1)
}

impl History {
    /// Bytes and chunks from one time to another, of a session or of all, and of a peer or of all.
    #[must_use]
    pub fn series(
        &self,
        session: Option<u32>,
        peer: Option<u32>,
        from: Time,
        to: Time,
        buckets: usize,
    ) -> Series {
        let mut series = Series::between(from, to, buckets);
        let width = width(from, to, series.times.len());
        // Entries are in the order in which they were told, which is nearly that of time.
        let start = self.entries.partition_point(|entry| entry.time < from);
        let end = self.entries.partition_point(|entry| entry.time <= to);
        let end = end.saturating_add(OUT_OF_ORDER).min(self.next());
        for number in start.saturating_sub(OUT_OF_ORDER)..end {
            let Some(entry) = self.entry(number) else {
                continue;
            };
            let is_wanted = session.is_none_or(|only| only == entry.session)
                && peer.is_none_or(|only| only == entry.peer)
                && (from..=to).contains(&entry.time)
                && !self.is_cleared(number, entry.session);
            if let Some(direction) = entry.direction.filter(|_| is_wanted) {
                let len = entry.len.into();
                series.add(from, width, entry.time, direction as usize, len);
            }
        }
        series
    }
}

/// Entries that may be told later than others which happened after them.
const OUT_OF_ORDER: u64 = 4096;

impl View {
    /// Messages and their bytes from one time to another.
    #[must_use]
    pub fn series(&self, history: &History, from: Time, to: Time, buckets: usize) -> Series {
        let mut series = Series::between(from, to, buckets);
        let width = width(from, to, series.times.len());
        for index in self.first()..self.next() {
            let Some(slot) = self.slots.get(index).filter(|slot| !slot.is_broken()) else {
                continue;
            };
            let Some(entry) = history.entry(slot.number()) else {
                continue;
            };
            if let Some(direction) = entry.direction
                && (from..=to).contains(&entry.time)
            {
                let len = slot.len(self.extras.get(&index));
                series.add(from, width, entry.time, direction as usize, len);
            }
        }
        series
    }
}
