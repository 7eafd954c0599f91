//! How much of the processors this program has taken.

use std::fs;
use std::time::Duration;

use sockpit_engine::processor_time;

/// The kernel tells apart in hundredths of a second who took a processor (proc_pid_stat(5),
/// `utime`): it looks who runs at the moment.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Processor time of all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessorTime {
    /// All of it, to the nanosecond.
    pub(super) whole: Duration,
    /// What of it was in the program itself, in whole [`TICK`]s.
    pub(super) user: Duration,
    /// What of it was in the system, on its behalf, in whole [`TICK`]s.
    pub(super) system: Duration,
}

impl ProcessorTime {
    /// What was taken so far; `None` where the system does not tell.
    pub(super) fn now() -> Option<Self> {
        Self::read(
            processor_time(),
            &fs::read_to_string("/proc/self/stat").ok()?,
        )
    }

    /// What was taken since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            whole: self.whole.saturating_sub(before.whole),
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }

    fn read(whole: Duration, stat: &str) -> Option<Self> {
        // The program's name stands in parentheses, and may hold anything.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ').skip(11);
        let mut next = || Some(TICK.saturating_mul(fields.next()?.parse().ok()?));
        Some(Self {
            whole,
            user: next()?,
            system: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_hides_nothing() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 30 0 0 20";
        let whole = Duration::from_micros(2_804_321);
        let expected = ProcessorTime {
            whole,
            user: Duration::from_millis(2500),
            system: Duration::from_millis(300),
        };
        assert_eq!(ProcessorTime::read(whole, stat), Some(expected));
        assert_eq!(ProcessorTime::read(whole, "7 (a) S 1"), None);
    }

    #[test]
    fn what_takes_less_than_a_tick_is_not_nothing() {
        let before = ProcessorTime::now().expect("the system tells");
        let taken = ProcessorTime::now()
            .expect("the system tells")
            .since(before);
        assert!(!taken.whole.is_zero(), "{taken:?}");
    }
}
