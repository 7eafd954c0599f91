//! Time as a value: what a machine is told, what an event carries, what a recording stores.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

pub mod backoff;

/// A moment, in nanoseconds since the timeline began.
///
/// All sessions of one workbench share a timeline, so their moments compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The beginning of the timeline.
    pub const ZERO: Self = Self(0);

    /// The moment that lies `nanos` after the beginning.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the beginning.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment that is earlier by `span`; the beginning where there is none.
    #[must_use]
    pub fn earlier(self, span: Duration) -> Self {
        let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(span))
    }

    /// The first of two moments that may never come.
    #[must_use]
    pub fn first(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates at the end of time, 584 years after the beginning.
    fn add(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub for Time {
    type Output = Duration;

    /// The span from `earlier` to `self`; zero where `earlier` is the later one.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A length of time as people write it: `250us`, `20ms`, `5s`, `1m`, `2h`, `1.5s`; a bare number is
/// seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(pub Duration);

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time; write a number with a unit, such as `500ms`, `5s`, `1m` or `2h`")]
pub struct ParseTimeSpanError {
    text: String,
}

/// Unit suffix and its length in nanoseconds, longest unit first for [`fmt::Display`].
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl FromStr for TimeSpan {
    type Err = ParseTimeSpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseTimeSpanError {
            text: text.to_owned(),
        };
        let trimmed = text.trim();
        let split = trimmed
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let unit = if unit.is_empty() { "s" } else { unit };
        let &(_, nanos) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(error)?;
        let (whole, fraction) = number
            .trim_end()
            .split_once('.')
            .unwrap_or((number.trim_end(), ""));
        let whole: u64 = if whole.is_empty() && !fraction.is_empty() {
            0
        } else {
            parse_digits(whole).ok_or_else(error)?
        };
        let mut total = whole.checked_mul(nanos).ok_or_else(error)?;
        if !fraction.is_empty() {
            // Twelve digits are finer than a nanosecond of an hour; more would overflow.
            let digits = fraction.get(..fraction.len().min(12)).ok_or_else(error)?;
            let value = parse_digits(digits).ok_or_else(error)?;
            let scale = 10u128.pow(u32::try_from(digits.len()).unwrap_or(12));
            let extra = u128::from(value) * u128::from(nanos) / scale;
            total = total
                .checked_add(u64::try_from(extra).map_err(|_| error())?)
                .ok_or_else(error)?;
        }
        Ok(Self(Duration::from_nanos(total)))
    }
}

/// `str::parse` would take a sign, which no length of time has.
fn parse_digits(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

impl fmt::Display for TimeSpan {
    /// The largest unit that gives a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        let (name, unit) = UNITS
            .iter()
            .find(|(_, unit)| nanos.is_multiple_of(u128::from(*unit)))
            .expect("one nanosecond divides every span");
        write!(f, "{}{name}", nanos / u128::from(*unit))
    }
}

/// A length of time as it was measured, in nanoseconds, with three digits that count: `870 µs`,
/// `12.3 ms`, `4.56 s`. It is negative where a clock ran back. `{:#}` has no space in it, for where
/// columns are dear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Measured(pub i64);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MEASURES: [(&str, u64); 3] = [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1000)];
        let sign = if self.0 < 0 { "-" } else { "" };
        let space = if f.alternate() { "" } else { " " };
        let nanos = self.0.unsigned_abs();
        let measure = MEASURES.into_iter().find(|(_, unit)| *unit <= nanos);
        let Some((name, unit)) = measure else {
            return write!(f, "{sign}{nanos}{space}ns");
        };
        let (whole, rest) = (nanos / unit, nanos % unit * 100 / unit);
        match whole {
            0..10 => write!(f, "{sign}{whole}.{rest:02}{space}{name}"),
            10..100 => write!(f, "{sign}{whole}.{}{space}{name}", rest / 10),
            _ => write!(f, "{sign}{whole}{space}{name}"),
        }
    }
}

impl From<TimeSpan> for Duration {
    fn from(span: TimeSpan) -> Self {
        span.0
    }
}

impl serde::Serialize for TimeSpan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TimeSpan {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
