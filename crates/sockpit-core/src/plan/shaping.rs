//! How what is sent becomes writes: gathered, cut into pieces, and paced, to try a receiver.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use super::options::Options;
use super::{PlanError, Shape};
use crate::endpoint::Transport;
use crate::size::ByteSize;
use crate::text::escape::VisibleLine;
use crate::time::TimeSpan;

/// Between two pieces, unless the plan says otherwise: a receiver that waits in `recv` on this
/// machine or network sees them apart, and a person does not wait for them.
const SPLIT_DELAY: Duration = Duration::from_millis(20);

/// In bytes: what may be gathered at most, however long the time.
pub(crate) const MAX_GATHERED: usize = 16 * 1024 * 1024;

/// In bytes: what is gathered at most where only a time was told.
const GATHERED: usize = 1024 * 1024;

/// How what is sent becomes writes. The default leaves each message one write.
///
/// What is gathered is cut as a whole. It reads and shows itself in the words of the console's
/// `/split`: `off`, `at 3,-1`, `every 1 delay 50ms`, `coalesce 64,10ms every 5`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shaping {
    /// What is held until it is written as one.
    pub coalesce: Option<Coalesce>,
    /// Where it is cut.
    pub split: Option<Split>,
    /// Pause between two writes, where something is cut.
    pub delay: Duration,
}

/// Where bytes are cut into writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// Each message at these offsets.
    At(SplitAt),
    /// The stream as a whole, every so many bytes; no byte waits for others to fill its write.
    Every(NonZeroUsize),
}

/// Offsets in a message at which it is cut, such as `3,-1`; a negative one counts from the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitAt(Vec<i64>);

impl SplitAt {
    /// The places in a message of `len` bytes, in order; those that cut nothing are left out.
    #[must_use]
    pub fn places(&self, len: usize) -> Vec<usize> {
        let place = |&offset: &i64| {
            let distance = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let place = if offset < 0 {
                len.checked_sub(distance)?
            } else {
                distance
            };
            (0 < place && place < len).then_some(place)
        };
        let mut places: Vec<usize> = self.0.iter().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// What is held until so many bytes are there, or for so long after the first, such as `64`, `10ms`
/// or `64,10ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coalesce {
    /// Bytes that are written as soon as they are there.
    pub bytes: Option<NonZeroUsize>,
    /// How long the first byte is held at most.
    pub time: Option<Duration>,
}

impl Coalesce {
    /// The bytes that are enough, in any case.
    #[must_use]
    pub fn enough(&self) -> usize {
        self.bytes.map_or(GATHERED, NonZeroUsize::get)
    }
}

impl Shaping {
    /// Decides what the options leave open.
    pub(super) fn resolve(options: &Options, transport: Transport) -> Result<Self, PlanError> {
        let told = [
            ("split-at", options.split_at.is_some()),
            ("split-every", options.split_every.is_some()),
            ("split-delay", options.split_delay.is_some()),
            ("coalesce", options.coalesce.is_some()),
        ];
        if super::shape_of(transport) == Shape::Datagram
            && let Some(&(key, _)) = told.iter().find(|(_, told)| *told)
        {
            let transport = transport.scheme();
            return Err(PlanError::Whole { key, transport });
        }
        let split = match (&options.split_at, options.split_every) {
            (Some(_), Some(_)) => return Err(PlanError::SplitTwice),
            (Some(at), None) => Some(Split::At(at.clone())),
            (None, Some(size)) => {
                let size = NonZeroUsize::new(size.0).ok_or(PlanError::SplitEvery)?;
                Some(Split::Every(size))
            }
            (None, None) if options.split_delay.is_some() => return Err(PlanError::LoneDelay),
            (None, None) => None,
        };
        let delay = match &split {
            Some(_) => options.split_delay.map_or(SPLIT_DELAY, Into::into),
            None => Duration::ZERO,
        };
        Ok(Self {
            coalesce: options.coalesce,
            split,
            delay,
        })
    }

    /// Whether each message is one write, at once.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.coalesce.is_none() && self.split.is_none()
    }

    /// What happens to what is sent, in words.
    pub(super) fn explain(&self, nodelay: Option<bool>) -> String {
        let mut steps = Vec::new();
        if let Some(coalesce) = self.coalesce {
            steps.push(match (coalesce.bytes, coalesce.time) {
                (Some(bytes), Some(time)) => format!(
                    "held until {} are there or {} after the first byte",
                    ByteSize(bytes.get()),
                    TimeSpan(time)
                ),
                (_, Some(time)) => format!(
                    "held for {} after the first byte, {} at most",
                    TimeSpan(time),
                    ByteSize(coalesce.enough())
                ),
                _ => format!("held until {} are there", ByteSize(coalesce.enough())),
            });
        }
        match &self.split {
            Some(Split::At(at)) => steps.push(format!("each message cut at {at}")),
            Some(Split::Every(size)) => {
                steps.push(format!("the stream cut every {}", ByteSize(size.get())));
            }
            None => {}
        }
        if self.split.is_some() {
            steps.push(format!("{} between writes", TimeSpan(self.delay)));
            match nodelay {
                Some(true) => steps.push("which nodelay keeps apart".to_owned()),
                Some(false) => {
                    steps.push("nodelay is off, so the system may join them again".to_owned());
                }
                None => {}
            }
        }
        steps.join(", ")
    }
}

/// Why a text is none of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {wants}", VisibleLine(text))]
pub struct ParseShapingError {
    text: String,
    wants: &'static str,
}

impl FromStr for SplitAt {
    type Err = ParseShapingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let offset = |part: &str| part.trim().parse().ok().filter(|offset| *offset != 0);
        let offsets: Option<Vec<i64>> = text.split(',').map(offset).collect();
        offsets.map(Self).ok_or_else(|| ParseShapingError {
            text: text.to_owned(),
            wants: "a list of offsets in a message, such as `3`, `1,5` or `-1` for the last byte",
        })
    }
}

impl fmt::Display for SplitAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offsets: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&offsets.join(","))
    }
}

impl FromStr for Coalesce {
    type Err = ParseShapingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseShapingError {
            text: text.to_owned(),
            wants: "a number of bytes up to 16MiB, a time, or both, such as `64`, `10ms` or \
                    `64,10ms`",
        };
        let mut coalesce = Self {
            bytes: None,
            time: None,
        };
        for part in text.split(',') {
            let is_time = part.trim().ends_with(['s', 'h', 'm']);
            if is_time && coalesce.time.is_none() {
                let span: TimeSpan = part.parse().map_err(|_| error())?;
                coalesce.time = Some(span.0);
            } else if !is_time && coalesce.bytes.is_none() {
                let size: ByteSize = part.parse().map_err(|_| error())?;
                let size = NonZeroUsize::new(size.0).filter(|size| size.get() <= MAX_GATHERED);
                coalesce.bytes = Some(size.ok_or_else(error)?);
            } else {
                return Err(error());
            }
        }
        Ok(coalesce)
    }
}

impl fmt::Display for Coalesce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.bytes, self.time) {
            (Some(bytes), Some(time)) => write!(f, "{bytes},{}", TimeSpan(time)),
            (Some(bytes), None) => write!(f, "{bytes}"),
            (None, Some(time)) => write!(f, "{}", TimeSpan(time)),
            (None, None) => write!(f, "{GATHERED}"),
        }
    }
}

impl FromStr for Shaping {
    type Err = ParseShapingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseShapingError {
            text: text.to_owned(),
            wants: "a way to cut what is sent; write `off`, `at 3,-1`, `every 1` or \
                    `coalesce 64,10ms`, and `delay 50ms` after it",
        };
        let mut words = text.split_whitespace();
        let mut shaping = Self::default();
        let mut delay = None;
        while let Some(word) = words.next() {
            if word == "off" && text.trim() == "off" {
                return Ok(shaping);
            }
            let value = words.next().ok_or_else(error)?;
            match word {
                "at" if shaping.split.is_none() => {
                    shaping.split = Some(Split::At(value.parse()?));
                }
                "every" if shaping.split.is_none() => {
                    let size: ByteSize = value.parse().map_err(|_| error())?;
                    let size = NonZeroUsize::new(size.0).ok_or_else(error)?;
                    shaping.split = Some(Split::Every(size));
                }
                "coalesce" if shaping.coalesce.is_none() => {
                    shaping.coalesce = Some(value.parse()?);
                }
                "delay" if delay.is_none() => {
                    let span: TimeSpan = value.parse().map_err(|_| error())?;
                    delay = Some(span.0);
                }
                _ => return Err(error()),
            }
        }
        if shaping.is_off() || (shaping.split.is_none() && delay.is_some()) {
            return Err(error());
        }
        if shaping.split.is_some() {
            shaping.delay = delay.unwrap_or(SPLIT_DELAY);
        }
        Ok(shaping)
    }
}

impl fmt::Display for Shaping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.coalesce.map(|coalesce| format!("coalesce {coalesce}")));
        match &self.split {
            Some(Split::At(at)) => words.push(format!("at {at}")),
            Some(Split::Every(size)) => words.push(format!("every {size}")),
            None => {}
        }
        if self.split.is_some() {
            words.push(format!("delay {}", TimeSpan(self.delay)));
        }
        if words.is_empty() {
            words.push("off".to_owned());
        }
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests;
