//! How much of the processors this program has taken.

use std::fs;
use std::time::Duration;

/// The kernel counts in hundredths of a second for everybody (proc_pid_stat(5), `utime`).
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Processor time of all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessorTime {
    /// In the program itself.
    pub(super) user: Duration,
    /// In the system, on its behalf.
    pub(super) system: Duration,
}

impl ProcessorTime {
    /// What was taken so far; `None` where the system does not tell.
    pub(super) fn now() -> Option<Self> {
        Self::read(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// What was taken since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }

    /// Both.
    pub(super) fn whole(self) -> Duration {
        self.user.saturating_add(self.system)
    }

    fn read(stat: &str) -> Option<Self> {
        // The program's name stands in parentheses, and may hold anything.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ').skip(11);
        let mut next = || Some(TICK.saturating_mul(fields.next()?.parse().ok()?));
        Some(Self {
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
        let expected = ProcessorTime {
            user: Duration::from_millis(2500),
            system: Duration::from_millis(300),
        };
        assert_eq!(ProcessorTime::read(stat), Some(expected));
        assert_eq!(ProcessorTime::read("7 (a) S 1"), None);
    }

    #[test]
    fn this_program_takes_some() {
        assert!(ProcessorTime::now().is_some());
    }
}
