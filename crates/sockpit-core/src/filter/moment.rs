//! Moments as people write them: `2s` since the beginning, `10:21:17.5`, or a date and a time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::record::Epoch;
use crate::text::escape::VisibleLine;
use crate::time::TimeSpan;

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// What moments of a timeline are counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// When the timeline began.
    pub epoch: Epoch,
    /// What local time is ahead of UTC, in seconds, as it was then.
    pub utc_offset: i32,
}

/// A moment in a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long after the beginning: `2s`.
    Since(Duration),
    /// A time of day in local time, in nanoseconds since midnight: `10:21:17.5`. It is that of the
    /// day of the beginning, or of the next day where it would lie more than twelve hours before
    /// the beginning.
    OfDay(u64),
    /// A date and a time of day in local time, in nanoseconds since 1970 as if it were UTC.
    Local(i128),
    /// A moment in UTC, in nanoseconds since 1970: `2026-11-21T10:21:17Z`.
    Utc(i128),
}

impl Moment {
    /// In nanoseconds since the timeline began; below zero before that.
    #[must_use]
    pub fn since_beginning(self, clock: Clock) -> i128 {
        let began = i128::from(clock.epoch.0);
        let began_local = began + i128::from(clock.utc_offset) * SECOND;
        match self {
            Self::Since(span) => i128::try_from(span.as_nanos()).unwrap_or(i128::MAX),
            Self::OfDay(nanos) => {
                let time = i128::from(nanos) - began_local.rem_euclid(DAY);
                if time < -DAY / 2 { time + DAY } else { time }
            }
            Self::Local(nanos) => nanos - began_local,
            Self::Utc(nanos) => nanos - began,
        }
    }
}

/// Why a text is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no moment; write a time since the beginning such as `2s`, a time of day such as \
     `10:21:17.5`, or `2026-11-21T10:21:17`",
    VisibleLine(text)
)]
pub struct ParseMomentError {
    text: String,
}

impl FromStr for Moment {
    type Err = ParseMomentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseMomentError {
            text: text.to_owned(),
        };
        let trimmed = text.trim();
        if !trimmed.contains([':', '-']) {
            let span = trimmed.parse::<TimeSpan>().map_err(|_| error())?;
            return Ok(Self::Since(span.0));
        }
        if !trimmed.contains('-') && !trimmed.contains(['T', 't', 'Z', 'z']) {
            return time_of_day(trimmed).map(Self::OfDay).ok_or_else(error);
        }
        if let Ok(moment) = trimmed.parse::<Timestamp>() {
            return Ok(Self::Utc(moment.as_nanosecond()));
        }
        let moment = trimmed.parse::<DateTime>().map_err(|_| error())?;
        let moment = moment.to_zoned(TimeZone::UTC).map_err(|_| error())?;
        Ok(Self::Local(moment.timestamp().as_nanosecond()))
    }
}

/// `10:21`, `10:21:17` or `10:21:17.5`, in nanoseconds since midnight.
fn time_of_day(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let (hours, minutes) = (number(parts.next()?, 23)?, number(parts.next()?, 59)?);
    let seconds = parts.next().unwrap_or("0");
    if parts.next().is_some() {
        return None;
    }
    let (whole, fraction) = match seconds.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (seconds, ""),
    };
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: u64 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = (hours * 60 + minutes) * 60 + number(whole, 59)?;
    Some(seconds * 1_000_000_000 + nanos)
}

/// One or two digits.
fn number(text: &str, most: u64) -> Option<u64> {
    let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number)?;
    (number <= most).then_some(number)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Since(span) => TimeSpan(span).fmt(f),
            Self::OfDay(nanos) => {
                let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
                write!(f, "{hours:02}:{minutes:02}:{:02}", seconds % 60)?;
                if rest > 0 {
                    write!(f, ".{}", format!("{rest:09}").trim_end_matches('0'))?;
                }
                Ok(())
            }
            Self::Local(nanos) => match Timestamp::from_nanosecond(nanos) {
                Ok(moment) => moment.to_zoned(TimeZone::UTC).datetime().fmt(f),
                Err(_) => Err(fmt::Error),
            },
            Self::Utc(nanos) => match Timestamp::from_nanosecond(nanos) {
                Ok(moment) => moment.fmt(f),
                Err(_) => Err(fmt::Error),
            },
        }
    }
}
