//! Flights as a file says them, for one drone or several.
//!
//! ```text
//! // Two drones that dance.
//! 1=0TQDF6GBMB5SMF          drone 1 is the one with this serial number
//! battery_check 30          at least so many percent, or nobody takes off
//! *>takeoff                 all of them
//! sync 10                   until all are done, for at most 10 s
//! 1>forward 100             drone 1, while
//! 2>back 100                drone 2 does something else
//! delay 2.5                 everybody waits
//! *>Re land                 with the `Re` prefix: see `again`
//! ```
//!
//! A command without `>` is for all drones. The lines of one drone are done one after the other, and
//! drones wait for each other only at `sync`. What the vendor's formation program reads is read too,
//! but for `scan` and `correct_ip`: no network is searched here.

mod plan;
mod runner;

use std::fmt;
use std::time::Duration;

pub use plan::{Act, Fault, Plan, Step, Timed};
pub use runner::{Do, OnFailure, Outcome, Runner};

use super::sdk::Sdk;
use crate::text::escape::VisibleLine;
use crate::time::TimeSpan;

/// In lines and in bytes: what is longer is no flight that one battery lasts for.
pub const MOST_LINES: usize = 10_000;

/// A flight as a file says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// What it says, line by line.
    pub lines: Vec<Line>,
}

/// A line that says something.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its place in the file, from 1.
    pub number: usize,
    /// What it says.
    pub item: Item,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A drone is the one with a serial number.
    Name {
        /// As the script calls it.
        drone: String,
        /// Its serial number.
        serial: String,
    },
    /// Nobody goes on before the battery of all is so full, in percent.
    BatteryCheck(u8),
    /// Wait until all are done, for at most so long.
    Sync(Option<Duration>),
    /// Wait.
    Delay {
        /// Who.
        to: Target,
        /// For how long.
        span: Duration,
    },
    /// A command.
    Order {
        /// Who.
        to: Target,
        /// Whether it has the `Re` prefix.
        is_again: bool,
        /// The command as typed.
        text: String,
    },
}

/// Whom a line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All drones.
    All,
    /// One drone, by number or name.
    One(String),
}

/// What is wrong with a script, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: Fault,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// Gives every line that cannot be read, in order.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        match Self::read(text) {
            (script, mistakes) if mistakes.is_empty() => Ok(script),
            (_, mistakes) => Err(mistakes),
        }
    }

    /// Reads what can be read of a script, and gives every line that cannot, in order.
    #[must_use]
    pub fn read(text: &str) -> (Self, Vec<Mistake>) {
        let mut script = Self::default();
        let mut mistakes = Vec::new();
        // Some editors put a mark of the encoding before the text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let number = index.saturating_add(1);
            let content = without_comment(line).trim();
            if content.is_empty() {
                continue;
            }
            let item = match script.lines.len() {
                MOST_LINES.. => Err(Fault::TooLong { most: MOST_LINES }),
                _ => Item::parse(content),
            };
            match item {
                Ok(item) => script.lines.push(Line { number, item }),
                Err(fault) => mistakes.push(Mistake {
                    line: number,
                    fault,
                }),
            }
            if MOST_LINES <= mistakes.len() {
                break;
            }
        }
        (script, mistakes)
    }

    /// The drones that it names, in the order in which they come.
    #[must_use]
    pub fn drones(&self) -> Vec<String> {
        let mut drones: Vec<String> = Vec::new();
        for line in &self.lines {
            let (Item::Name { drone: name, .. }
            | Item::Order {
                to: Target::One(name),
                ..
            }
            | Item::Delay {
                to: Target::One(name),
                ..
            }) = &line.item
            else {
                continue;
            };
            if !drones.contains(name) {
                drones.push(name.clone());
            }
        }
        drones
    }

    /// The serial numbers that it gives drones.
    pub fn serials(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().filter_map(|line| match &line.item {
            Item::Name { drone, serial } => Some((drone.as_str(), serial.as_str())),
            _ => None,
        })
    }

    /// Whether a line has the `Re` prefix, which then is to be used for the whole flight.
    #[must_use]
    pub fn wants_again(&self) -> bool {
        let is_again = |line: &Line| matches!(line.item, Item::Order { is_again: true, .. });
        self.lines.iter().any(is_again)
    }

    /// Checks every command for drones of a version that are called so.
    ///
    /// # Errors
    ///
    /// Gives everything that no such drone would do, in order.
    pub fn check(&self, sdk: Sdk, drones: &[String]) -> Result<Plan, Vec<Mistake>> {
        Plan::new(self, sdk, drones)
    }
}

impl Item {
    fn parse(content: &str) -> Result<Self, Fault> {
        if let Some((drone, serial)) = content.split_once('=')
            && is_name(drone.trim())
        {
            let serial = serial.trim();
            if !is_name(serial) {
                return Err(Fault::Serial {
                    text: serial.to_owned(),
                });
            }
            return Ok(Self::Name {
                drone: drone.trim().to_owned(),
                serial: serial.to_owned(),
            });
        }
        let (to, rest) = match content.split_once('>') {
            Some((to, rest)) if to.trim() == "*" => (Target::All, rest.trim()),
            Some((to, rest)) if is_name(to.trim()) => {
                (Target::One(to.trim().to_owned()), rest.trim())
            }
            _ => (Target::All, content),
        };
        let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let argument = argument.trim();
        let is_for_all = to == Target::All;
        match word {
            "" => Err(Fault::Nothing),
            "scan" => Err(Fault::Scan),
            "correct_ip" => Err(Fault::CorrectIp),
            "delay" => Ok(Self::Delay {
                to,
                span: span(argument)?,
            }),
            "sync" | "battery_check" if !is_for_all => Err(Fault::ForAll {
                word: word.to_owned(),
            }),
            "sync" if argument.is_empty() => Ok(Self::Sync(None)),
            "sync" => Ok(Self::Sync(Some(span(argument)?))),
            "battery_check" => {
                let percent = argument.trim_end_matches('%').trim().parse().ok();
                let percent = percent.filter(|percent| *percent <= 100);
                percent
                    .map(Self::BatteryCheck)
                    .ok_or_else(|| Fault::Percent {
                        text: argument.to_owned(),
                    })
            }
            "Re" | "re" if !argument.is_empty() => Ok(Self::Order {
                to,
                is_again: true,
                text: argument.to_owned(),
            }),
            _ => Ok(Self::Order {
                to,
                is_again: false,
                text: rest.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Script {
    /// A line each, without comments and empty lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{}", line.item)?;
        }
        Ok(())
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { drone, serial } => write!(f, "{drone}={serial}"),
            Self::BatteryCheck(percent) => write!(f, "battery_check {percent}"),
            Self::Sync(None) => f.write_str("sync"),
            Self::Sync(Some(span)) => write!(f, "sync {}", TimeSpan(*span)),
            Self::Delay { to, span } => write!(f, "{to}>delay {}", TimeSpan(*span)),
            Self::Order { to, is_again, text } => {
                let prefix = if *is_again { "Re " } else { "" };
                write!(f, "{to}>{prefix}{text}")
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::One(drone) => f.write_str(drone),
        }
    }
}

/// A comment begins with `//` or `#`, at the start of a line or after a space.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        let rest = line.get(at..).unwrap_or_default();
        if before.is_whitespace() && (c == '#' || rest.starts_with("//")) {
            return line.get(..at).unwrap_or_default();
        }
        before = c;
    }
    line
}

/// What a drone may be called, and a serial number.
fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    !text.is_empty() && text.len() <= 64 && text.chars().all(is_part)
}

/// Seconds, or a number with a unit.
fn span(text: &str) -> Result<Duration, Fault> {
    let span = text.parse::<TimeSpan>().map(Duration::from);
    let span = span.ok().filter(|span| *span <= LONGEST_WAIT);
    span.ok_or_else(|| Fault::Span {
        text: VisibleLine(text).to_string(),
    })
}

/// No battery lasts longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
