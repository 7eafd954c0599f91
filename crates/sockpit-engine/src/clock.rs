//! The clock of a timeline, and that of the processors: the only place that asks for the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use sockpit_core::record::Epoch;
use sockpit_core::time::Time;

/// Counts from the moment it was made, and knows which moment that was.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    epoch: Epoch,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let epoch = Epoch(Self::wall());
        Self {
            began: Instant::now(),
            epoch,
        }
    }

    /// The clock of a timeline that began at `epoch`, elsewhere.
    pub(crate) fn since(epoch: Epoch) -> Self {
        let start = Self::start();
        let age = Duration::from_nanos(start.epoch.0.saturating_sub(epoch.0));
        Self {
            began: start.began.checked_sub(age).unwrap_or(start.began),
            epoch,
        }
    }

    /// How late it is.
    #[must_use]
    pub fn now(&self) -> Time {
        let nanos = self.began.elapsed().as_nanos();
        Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The system's own time, in nanoseconds since 1970: what the kernel stamps with.
    pub(crate) fn wall() -> u64 {
        // A clock set before 1970 counts from 1970; nothing depends on more than the order.
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn instant(&self, time: Time) -> Instant {
        self.began + (time - Time::ZERO)
    }

    /// The same moment on the timeline and on the system's clock.
    pub(crate) fn align(&self) -> Alignment {
        Alignment {
            time: self.now(),
            day: Self::wall(),
        }
    }

    /// When its timeline began.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
}

/// How long all threads of this program have had a processor, to the nanosecond.
#[must_use]
pub fn processor_time() -> Duration {
    // The kernel counts from zero up.
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// In nanoseconds: clocks that are apart by more were set.
const APART: u64 = 1_000_000;

/// Brings moments of the system's clock, which the kernel stamps packets with, onto the timeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alignment {
    time: Time,
    /// In nanoseconds since 1970.
    day: u64,
}

impl Alignment {
    /// That of the beginning, by which moments keep their distances to the nanosecond.
    pub(crate) fn of_epoch(epoch: Epoch) -> Self {
        Self {
            time: Time::ZERO,
            day: epoch.0,
        }
    }

    /// The same if it still holds, or `later`, where the clock was set meanwhile.
    pub(crate) fn renewed(self, later: Self) -> Self {
        let apart = self
            .time(later.day)
            .as_nanos()
            .abs_diff(later.time.as_nanos());
        if apart < APART { self } else { later }
    }

    /// When a moment in nanoseconds since 1970 was; at the beginning, if it was before that.
    pub(crate) fn time(&self, at: u64) -> Time {
        let time = self.time.as_nanos();
        Time::from_nanos(match at.checked_sub(self.day) {
            Some(later) => time.saturating_add(later),
            None => time.saturating_sub(self.day - at),
        })
    }
}
