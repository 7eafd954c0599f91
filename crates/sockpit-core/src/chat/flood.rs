//! How fast one member may send: a bucket of tokens, one for each line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::text::escape::VisibleLine;
use crate::time::{Time, TimeSpan};

/// How many lines a member may send, as `5/1s,burst=20`: five a second for long, twenty at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// This many lines, at least 1,
    pub lines: u32,
    /// in this time, at least 1 µs.
    pub per: Duration,
    /// How many may come at once, at least 1.
    pub burst: u32,
}

impl Default for Flood {
    fn default() -> Self {
        Self {
            lines: 5,
            per: Duration::from_secs(1),
            burst: 20,
        }
    }
}

impl Flood {
    /// What one line costs, in nanoseconds.
    fn cost(self) -> u64 {
        let per = u64::try_from(self.per.as_nanos()).unwrap_or(u64::MAX);
        (per / u64::from(self.lines.max(1))).max(1)
    }
}

/// Lines of one member that count against the limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// When it has all its tokens again.
    full: Time,
    /// Lines dropped of which the member is to be told.
    untold: u64,
    /// Lines dropped since it was last calm.
    dropped: u64,
    /// When the last line was dropped.
    last: Time,
}

/// What is to be done with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is passed on.
    Passes,
    /// It is dropped, which its sender is to be told.
    Dropped,
    /// It is dropped, and its sender has been told long enough.
    Enough,
}

/// Lines dropped without a calm time between, after which a member is dismissed: at the default rate
/// a paste of 500 lines is merely cut.
const ENOUGH: u64 = 1000;

/// How long nothing is dropped until a member is calm again.
const CALM: Duration = Duration::from_secs(10);

impl Bucket {
    /// Judges a line.
    pub fn take(&mut self, now: Time, flood: Flood) -> Verdict {
        let cost = flood.cost();
        let most = cost.saturating_mul(u64::from(flood.burst.max(1)));
        let full = self.full.max(now).as_nanos().saturating_add(cost);
        if full <= now.as_nanos().saturating_add(most) {
            self.full = Time::from_nanos(full);
            return Verdict::Passes;
        }
        if self.last + CALM < now {
            self.dropped = 0;
        }
        self.last = now;
        self.dropped += 1;
        match ENOUGH <= self.dropped {
            true => Verdict::Enough,
            false => Verdict::Dropped,
        }
    }

    /// Counts a dropped line that its sender is told of later, together with others; whether it is
    /// the first of them.
    pub const fn owe(&mut self) -> bool {
        self.untold += 1;
        self.untold == 1
    }

    /// How many dropped lines were counted since this was last asked.
    pub const fn untold(&mut self) -> u64 {
        std::mem::replace(&mut self.untold, 0)
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, per, burst } = self;
        write!(f, "{lines}/{},burst={burst}", TimeSpan(*per))
    }
}

impl FromStr for Flood {
    type Err = ParseFloodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseFloodError {
            text: text.to_owned(),
        };
        let (rate, burst) = match text.split_once(',') {
            Some((rate, burst)) => (rate, Some(burst)),
            None => (text, None),
        };
        let (lines, per) = rate.split_once('/').ok_or_else(error)?;
        let lines = number(lines).ok_or_else(error)?;
        let is_unit = per.trim().starts_with(|c: char| c.is_ascii_alphabetic());
        let per = match is_unit {
            true => format!("1{}", per.trim()).parse::<TimeSpan>(),
            false => per.parse(),
        };
        let per = per.map_err(|_| error())?.0;
        if per < Duration::from_micros(1) {
            return Err(error());
        }
        let burst = match burst {
            Some(burst) => {
                let burst = burst.trim().strip_prefix("burst=").ok_or_else(error)?;
                number(burst).ok_or_else(error)?
            }
            None => lines.saturating_mul(4),
        };
        Ok(Self { lines, per, burst })
    }
}

/// A number of lines from 1.
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok())??;
    (0 < number).then_some(number)
}

/// Why a text says no limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no limit of lines; write a number and a time, such as `5/1s` or `5/1s,burst=20`",
    VisibleLine(text)
)]
pub struct ParseFloodError {
    text: String,
}

#[cfg(test)]
mod tests;
