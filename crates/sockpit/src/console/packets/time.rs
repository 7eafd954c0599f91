//! When packets passed the tap, in the forms that people ask for.

use std::cell::LazyCell;
use std::io::Write as _;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::number::{push_digits, push_number};

/// In columns: times that are counted from another stand one beneath the other.
const WIDTH: usize = 11;

/// What times are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// The first packet.
    Relative,
    /// The packet shown before.
    Delta,
    /// Midnight, in local time.
    Clock,
    /// The calendar, in local time.
    Date,
    /// The beginning of 1970, in UTC.
    Epoch,
}

/// Why a text is no form of times.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not one of relative, delta, clock, date, epoch")]
pub(crate) struct ParseTimeFormError {
    text: String,
}

impl FromStr for TimeForm {
    type Err = ParseTimeFormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "relative" => Self::Relative,
            "delta" => Self::Delta,
            "clock" => Self::Clock,
            "date" => Self::Date,
            "epoch" => Self::Epoch,
            _ => {
                return Err(ParseTimeFormError {
                    text: text.to_owned(),
                });
            }
        })
    }
}

/// Writes times.
pub(super) struct Clock {
    form: TimeForm,
    /// Read from a file, and only once a time of day is written.
    zone: LazyCell<TimeZone>,
    /// What times are counted from, in nanoseconds since 1970.
    from: Option<u64>,
    /// A second since 1970 that was written last, and how: most packets share theirs with others.
    second: Option<(u64, Vec<u8>)>,
}

impl Clock {
    pub(super) fn new(form: TimeForm) -> Self {
        Self {
            form,
            zone: LazyCell::new(|| TimeZone::try_system().unwrap_or(TimeZone::UTC)),
            from: None,
            second: None,
        }
    }

    /// `moment` is in nanoseconds since 1970.
    pub(super) fn count_from(&mut self, moment: u64) {
        self.from.get_or_insert(moment);
    }

    /// `at` is in nanoseconds since 1970.
    pub(super) fn write(&mut self, at: u64, out: &mut Vec<u8>) {
        let (second, micros) = (at / 1_000_000_000, at / 1000 % 1_000_000);
        match self.form {
            TimeForm::Relative | TimeForm::Delta => {
                let from = *self.from.get_or_insert(at);
                if self.form == TimeForm::Delta {
                    self.from = Some(at);
                }
                let start = out.len();
                if at < from {
                    out.push(b'-');
                }
                let micros = at.abs_diff(from) / 1000;
                push_number(micros / 1_000_000, out);
                out.push(b'.');
                push_digits(micros % 1_000_000, 6, out);
                let missing = WIDTH.saturating_sub(out.len() - start);
                out.splice(start..start, std::iter::repeat_n(b' ', missing));
            }
            TimeForm::Epoch => {
                push_number(second, out);
                out.push(b'.');
                push_digits(micros, 6, out);
            }
            TimeForm::Clock | TimeForm::Date => {
                if self
                    .second
                    .as_ref()
                    .is_none_or(|(known, _)| *known != second)
                {
                    self.second = Some((second, self.second(second)));
                }
                if let Some((_, text)) = &self.second {
                    out.extend_from_slice(text);
                }
                out.push(b'.');
                push_digits(micros, 6, out);
            }
        }
    }

    fn second(&self, second: u64) -> Vec<u8> {
        let moment = i64::try_from(second).ok();
        let moment = moment.and_then(|second| Timestamp::from_second(second).ok());
        let mut text = Vec::new();
        if let Some(moment) = moment {
            let form = match self.form {
                TimeForm::Date => "%Y-%m-%d %H:%M:%S",
                _ => "%H:%M:%S",
            };
            let zoned = moment.to_zoned((*self.zone).clone());
            // Writing to a vector cannot fail.
            let _ = write!(text, "{}", zoned.strftime(form));
        }
        text
    }
}
