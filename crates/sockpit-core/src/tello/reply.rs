//! What a drone answers: an open vocabulary, told apart by what was asked.
//!
//! A reply has no number and does not name its command. What it *is* depends on the command that is
//! outstanding; what fits none is a stray, and never an answer.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::command::{Command, Kind, Order, Query};
use super::words;

/// What a datagram from a drone's command port holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Text, without the line end and the zeros that some firmware puts behind it.
    Text(&'a str),
    /// Bytes that are no text.
    Junk {
        /// Whether it is a packet of the app's binary protocol, which shares the port.
        is_app: bool,
    },
}

/// In bytes: no drone says more at once.
pub const LONGEST: usize = 1024;

/// Looks at a datagram. Nothing but printable ASCII counts as text, and of that no more than
/// [`LONGEST`].
#[must_use]
pub fn read(datagram: &[u8]) -> Said<'_> {
    let is_padding = |byte: &u8| matches!(byte, 0 | b'\r' | b'\n' | b' ' | b'\t');
    let end = datagram.iter().rposition(|byte| !is_padding(byte));
    let end = end.map_or(0, |end| end.saturating_add(1));
    let begin = datagram.iter().position(|byte| !is_padding(byte));
    let trimmed = datagram.get(begin.unwrap_or(0)..end).unwrap_or_default();
    let is_text = trimmed.iter().all(|byte| (b' '..=b'~').contains(byte));
    match std::str::from_utf8(trimmed) {
        Ok(text) if is_text && (1..=LONGEST).contains(&text.len()) => Said::Text(text),
        _ => Said::Junk {
            is_app: datagram.first() == Some(&APP_MARK),
        },
    }
}

/// With this byte each packet of the app's protocol begins.
const APP_MARK: u8 = 0xCC;

/// What a text is as the answer to a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is done.
    Done,
    /// This is the value that was asked for.
    Value(Value),
    /// It is refused, or went wrong.
    Refused(Refusal),
    /// No answer to this command.
    Stray,
}

/// A value that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// As the drone says it, without the unit.
    pub text: String,
    /// As a number, where it is one; the lower one of a range.
    pub number: Option<f64>,
    /// Its unit, or empty.
    pub unit: String,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.unit.as_str() {
            "" => Ok(()),
            unit => write!(f, " {unit}"),
        }
    }
}

macro_rules! refusals {
    ($($(#[$doc:meta])+ $variant:ident $word:expr => $why:literal,)*) => {
        /// Why a drone did not do what it was told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Refusal {
            $($(#[$doc])+ $variant,)*
        }

        impl Refusal {
            /// Every refusal.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What drones say; empty where that differs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it means and what to do, one sentence.
            #[must_use]
            pub const fn explain(self) -> &'static str {
                match self { $(Self::$variant => $why,)* }
            }
        }
    };
}

refusals! {
    /// `error` without a reason.
    Error words::ERROR => "the drone refuses and does not say why; look at the battery, and whether it flies",
    /// The motors do not run.
    MotorStop words::MOTOR_STOP => "the motors do not run: it is on the ground, or the battery is too low to take off",
    /// The drone is not ready for a manoeuvre.
    NotJoystick words::NOT_JOYSTICK => "the drone is still busy with the last manoeuvre, or has not settled; again in a second",
    /// The drone does not see where it is.
    NoValidImu words::NO_VALID_IMU => "the drone does not see where it is: the floor is too dark or too even, or its IMU has to be calibrated",
    /// The drone lands by itself.
    AutoLand words::AUTO_LAND => "the drone is landing by itself",
    /// The manoeuvre took too long.
    RunTimeout words::RUN_TIMEOUT => "the drone gave the manoeuvre up, as it took too long",
    /// The pad is not where it should be.
    NoValidMarker words::NO_VALID_MARKER => "the drone does not see the mission pad; `mon` switches the search on",
    /// An argument is outside its range.
    OutOfRange words::OUT_OF_RANGE => "a number is outside the range that this firmware takes",
    /// This firmware does not know the command.
    UnknownCommand words::UNKNOWN_COMMAND => "this firmware does not know the command",
    /// Another command interrupted it.
    ForcedStop words::FORCED_STOP => "another command interrupted it",
    /// The drone has not been activated.
    Unactive words::UNACTIVE => "the drone has not been activated; do that in the vendor's app once",
    /// The controller refuses.
    Controller "" => "the controller refuses: an argument is not what it takes",
    /// Another text that begins with `error`.
    Other "" => "the drone refuses, with a reason of its own",
}

impl Refusal {
    /// The refusal that a text is.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text.starts_with(words::UNKNOWN_COMMAND) {
            return Some(Self::UnknownCommand);
        }
        if text == words::LED_ERROR || words::MATRIX_ERROR.contains(&&*text) {
            return Some(Self::Controller);
        }
        // Firmwares differ in dots and capitals: `Error. Not valid marker`.
        if text.contains("valid marker") {
            return Some(Self::NoValidMarker);
        }
        let known = Self::ALL.iter().find(|known| {
            let word = known.as_str();
            !word.is_empty() && word.eq_ignore_ascii_case(&text)
        });
        match known {
            Some(known) => Some(*known),
            None if text.starts_with("error") => Some(Self::Other),
            None => None,
        }
    }
}

/// What the answers to a command look like. Texts of two different shapes are never the same, but for
/// refusals, which all commands share, and [`Shape::Any`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// `ok`
    Ok,
    /// `87`, `100.0`, `11s`, `15dm`, `875mm`
    Number,
    /// `83~88C`
    Temperature,
    /// `pitch:0;roll:-1;yaw:0;`
    Attitude,
    /// `agx:-5.00;agy:7.00;agz:-999.00;`
    Acceleration,
    /// A word such as a serial number.
    Word,
    /// `led ok`
    Led,
    /// `matrix ok`
    Matrix,
    /// `tof 801`
    Distance,
    /// Anything.
    Any,
}

impl Shape {
    /// What the answers to a command look like.
    #[must_use]
    pub fn of(command: &Command) -> Self {
        match command.order() {
            Order::Query(query) => Self::of_query(*query),
            Order::Ext(text) if text.starts_with("led") => Self::Led,
            Order::Ext(text) if text.starts_with("mled") => Self::Matrix,
            Order::Ext(_) | Order::Raw(_) => Self::Any,
            _ => Self::Ok,
        }
    }

    const fn of_query(query: Query) -> Self {
        match query {
            Query::Speed
            | Query::Battery
            | Query::Time
            | Query::Height
            | Query::Baro
            | Query::Tof
            | Query::Wifi
            | Query::Sdk => Self::Number,
            Query::Temperature => Self::Temperature,
            Query::Attitude => Self::Attitude,
            Query::Acceleration => Self::Acceleration,
            Query::ExtTof => Self::Distance,
            Query::SerialNumber
            | Query::Hardware
            | Query::WifiVersion
            | Query::AccessPoint
            | Query::Ssid
            | Query::Active
            | Query::Version
            | Query::ExtVersion => Self::Word,
        }
    }

    /// Whether a text that is no refusal has this shape.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        self == Self::Any || Self::of_text(text) == Some(self)
    }

    /// Whether one text could answer both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }

    /// The one shape that a text has; a refusal has none.
    fn of_text(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        if lower == "ok" || lower.starts_with("ok,") {
            return Some(Self::Ok);
        }
        if Refusal::of(text).is_some() {
            return None;
        }
        Some(match lower.as_str() {
            words::LED_OK => Self::Led,
            text if words::MATRIX_OK.contains(&text) => Self::Matrix,
            text if text.starts_with("pitch:") => Self::Attitude,
            text if text.starts_with("agx:") => Self::Acceleration,
            text if text.strip_prefix("tof ").is_some_and(is_number) => Self::Distance,
            text if range(text).is_some() => Self::Temperature,
            text if is_number(without_unit(text).0) => Self::Number,
            _ => Self::Word,
        })
    }
}

/// What a text is as the answer to a command.
#[must_use]
pub fn judge(command: &Command, text: &str) -> Verdict {
    if let Some(refusal) = Refusal::of(text) {
        let shape = Shape::of(command);
        return match text.split_once(':') {
            // It names the command that it refuses.
            Some((_, name)) if refusal == Refusal::UnknownCommand && !names(command, name) => {
                Verdict::Stray
            }
            // `led error` comes from the controller, and answers nothing but the lamp.
            _ if refusal == Refusal::Controller
                && !shape.overlaps(match text.starts_with(['l', 'L']) {
                    true => Shape::Led,
                    false => Shape::Matrix,
                }) =>
            {
                Verdict::Stray
            }
            _ => Verdict::Refused(refusal),
        };
    }
    if !Shape::of(command).fits(text) {
        return Verdict::Stray;
    }
    match command.order() {
        Order::Query(query) => value(*query, text),
        Order::Raw(_) if command.kind() == Kind::Query => Verdict::Value(Value {
            text: text.to_owned(),
            number: text.parse().ok(),
            unit: String::new(),
        }),
        _ => Verdict::Done,
    }
}

/// Whether a text that refuses a command by its name means this one.
pub(super) fn names(command: &Command, name: &str) -> bool {
    let name = name.trim();
    name.is_empty()
        || name == command.to_string()
        || name.split_whitespace().next() == command.name().split(' ').next()
}

fn value(query: Query, text: &str) -> Verdict {
    let unit = match query {
        Query::Speed => "cm/s",
        Query::Battery => "%",
        Query::Time => "s",
        Query::Height => "dm",
        Query::Temperature => "°C",
        Query::Baro => "m",
        Query::Tof | Query::ExtTof => "mm",
        _ => "",
    };
    let (bare, said) = without_unit(text);
    let is_known = said.is_empty() || said == unit;
    let value = match Shape::of_query(query) {
        Shape::Number if is_known => Value {
            text: bare.to_owned(),
            number: bare.parse().ok(),
            unit: unit.to_owned(),
        },
        Shape::Number => return Verdict::Stray,
        Shape::Temperature => {
            let Some((low, high)) = range(text) else {
                return Verdict::Stray;
            };
            Value {
                text: format!("{low}–{high}"),
                number: Some(low),
                unit: unit.to_owned(),
            }
        }
        Shape::Distance => {
            let number = text.split_whitespace().nth(1).unwrap_or_default();
            Value {
                text: number.to_owned(),
                number: number.parse().ok(),
                unit: unit.to_owned(),
            }
        }
        _ => Value {
            text: text.to_owned(),
            number: None,
            unit: String::new(),
        },
    };
    Verdict::Value(value)
}

/// A number and the unit behind it: `15dm`.
fn without_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    ["dm", "mm", "cm", "s", "%"]
        .iter()
        .find_map(|unit| Some((text.strip_suffix(unit)?, *unit)))
        .unwrap_or((text, ""))
}

/// `str::parse` would take `inf` and `nan` too.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok() && text.bytes().all(|byte| b"+-.0123456789".contains(&byte))
}

/// The ends of `83~88C`.
fn range(text: &str) -> Option<(f64, f64)> {
    let text = text.trim().trim_end_matches(['C', 'c']);
    let (low, high) = text.split_once('~')?;
    (is_number(low) && is_number(high)).then_some(())?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

#[cfg(test)]
mod tests;
