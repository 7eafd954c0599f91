//! The clock of a timeline: the only place that asks for the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sockpit_core::record::Epoch;
use sockpit_core::time::Time;

/// Counts from the moment it was made, and knows which moment that was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Instant,
    epoch: Epoch,
}

impl Clock {
    pub(crate) fn start() -> Self {
        // A clock set before 1970 counts from 1970; nothing depends on more than the order.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        Self {
            began: Instant::now(),
            epoch: Epoch(nanos),
        }
    }

    pub(crate) fn now(&self) -> Time {
        let nanos = self.began.elapsed().as_nanos();
        Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    pub(crate) fn instant(&self, time: Time) -> Instant {
        self.began + (time - Time::ZERO)
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }
}
