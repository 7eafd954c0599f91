//! The words of what is asked: the mode, the pace, and what counts as an answer.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::text::escape::VisibleLine;

/// What each connection does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Sends messages and waits for the answer to each.
    #[default]
    Request,
    /// Sends and waits for nothing; who receives counts.
    OneWay,
    /// Connects, makes one round trip and closes, again and again.
    Churn,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Request, Self::OneWay, Self::Churn];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::OneWay => "oneway",
            Self::Churn => "churn",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = ParseModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mode = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        mode.ok_or_else(|| ParseModeError {
            text: text.to_owned(),
        })
    }
}

/// A mode that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no mode; there are `request`, `oneway` and `churn`",
    VisibleLine(text)
)]
pub struct ParseModeError {
    text: String,
}

/// When the next message leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// As soon as there is room for it: an answer makes room for the next request.
    #[default]
    Max,
    /// At its time, on a schedule of each connection's own, but not before there is room. A message
    /// that has to wait leaves late, and its latency counts from when it was due.
    Paced(Rate),
    /// At its time, on one schedule for all connections, whether or not others were answered; the
    /// next connection with room takes it.
    Open(Rate),
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.write_str("as fast as it goes"),
            Self::Paced(rate) => write!(f, "{}/s", rate.0),
            Self::Open(rate) => write!(f, "{}/s on an open schedule", rate.0),
        }
    }
}

impl Pace {
    /// Messages a second, of all connections; `None` for as many as go.
    #[must_use]
    pub const fn rate(self) -> Option<Rate> {
        match self {
            Self::Max => None,
            Self::Paced(rate) | Self::Open(rate) => Some(rate),
        }
    }
}

/// Messages a second: `500`, `10k`, `1.5M`. Units are powers of 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rate(pub u64);

/// Why a text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a rate; write messages a second, such as `500`, `10k` or `1.5M`",
    VisibleLine(text)
)]
pub struct ParseRateError {
    text: String,
}

impl FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_rate(text).map(Self).ok_or_else(|| ParseRateError {
            text: text.to_owned(),
        })
    }
}

fn parse_rate(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, factor) = match text.char_indices().next_back()? {
        (at, 'k' | 'K') => (text.get(..at)?, 1_000_u64),
        (at, 'm' | 'M') => (text.get(..at)?, 1_000_000),
        _ => (text, 1),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().ok()).flatten()
    };
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = digits(fraction)?.checked_mul(factor)?;
    // Half a message is none.
    let parts = parts.is_multiple_of(scale).then_some(parts / scale)?;
    digits(whole)?.checked_mul(factor)?.checked_add(parts)
}

impl fmt::Display for Rate {
    /// The largest unit that gives a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            n if n.is_multiple_of(1_000_000) => write!(f, "{}M", n / 1_000_000),
            n if n.is_multiple_of(1_000) => write!(f, "{}k", n / 1_000),
            n => write!(f, "{n}"),
        }
    }
}

/// What counts as the answer to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// The bytes that were sent; others are counted as corrupt.
    #[default]
    Same,
    /// As many bytes as were sent, or, with a framing, one message, whatever they say.
    Any,
}

/// What a server of loads does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// What a client's first bytes ask; for those that ask nothing, an echo.
    #[default]
    Auto,
    /// Sends everything back.
    Echo,
    /// Receives and counts.
    Sink,
}

#[cfg(test)]
mod tests;
