//! What goes wrong with a simulated drone on demand: by chance from a seed, or at a certain command.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::rule::random::Random;
use crate::tello::words;
use crate::time::TimeSpan;

/// Of a million.
const ALWAYS: u32 = 1_000_000;

/// One thing that goes wrong: `NAME[=VALUE[,VALUE]][@WHEN]`.
///
/// A value is how often, such as `20%`, or how long, such as `3s`. When is the number of a command,
/// counted from 1, or the first word of some. Without either it happens each time.
///
/// ```
/// # use sockpit_core::tello::drone::Fault;
/// for text in ["lose-reply=20%", "late-reply=3s@takeoff", "reboot@7", "junk-first"] {
///     assert_eq!(text.parse::<Fault>()?.to_string(), text);
/// }
/// # Ok::<(), sockpit_core::tello::drone::ParseFaultError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    /// How long, where that is told.
    span: Option<Duration>,
    /// How often, of a million.
    odds_ppm: u32,
    when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    LoseCommand,
    LoseReply,
    LateReply,
    DoubleReply,
    JunkFirst,
    Imu,
    Marker,
    Joystick,
    Motor,
    Timeout,
    Reboot,
    StateStop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// The command with this number, counted from 1.
    Number(u64),
    /// Commands with this first word.
    Word(String),
}

/// Every sort of fault and its name.
const KINDS: [(Kind, &str); 12] = [
    (Kind::LoseCommand, "lose-command"),
    (Kind::LoseReply, "lose-reply"),
    (Kind::LateReply, "late-reply"),
    (Kind::DoubleReply, "double-reply"),
    (Kind::JunkFirst, "junk-first"),
    (Kind::Imu, "imu"),
    (Kind::Marker, "marker"),
    (Kind::Joystick, "joystick"),
    (Kind::Motor, "motor"),
    (Kind::Timeout, "timeout"),
    (Kind::Reboot, "reboot"),
    (Kind::StateStop, "state-stop"),
];

impl Fault {
    /// Every sort's name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.into_iter().map(|(_, name)| name)
    }
}

/// What befalls one command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Blow {
    pub(super) loses_command: bool,
    pub(super) loses_reply: bool,
    pub(super) doubles_reply: bool,
    pub(super) late: Duration,
    /// What it answers in place of what it does.
    pub(super) error: Option<&'static str>,
    pub(super) reboots: bool,
    /// For how long the state stops.
    pub(super) state_stop: Option<Duration>,
}

/// What goes wrong with one drone.
#[derive(Clone, Debug)]
pub(super) struct Mishaps {
    faults: Vec<Fault>,
    random: Random,
    /// Commands so far.
    count: u64,
    /// Whether the junk is still to come.
    has_junk: bool,
}

/// In place of an end.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

impl Mishaps {
    pub(super) fn new(faults: Vec<Fault>, seed: u64) -> Self {
        let has_junk = faults.iter().any(|fault| fault.kind == Kind::JunkFirst);
        Self {
            faults,
            random: Random::new(seed),
            count: 0,
            has_junk,
        }
    }

    /// What befalls the next command, whose first word this is.
    pub(super) fn draw(&mut self, word: &str, is_motion: bool) -> Blow {
        self.count += 1;
        let mut blow = Blow::default();
        for fault in &self.faults {
            let is_named = match &fault.when {
                When::Always => false,
                When::Number(number) if *number == self.count => true,
                When::Word(named) if named.eq_ignore_ascii_case(word) => true,
                When::Number(_) | When::Word(_) => continue,
            };
            // Chance is asked for the same number of times whatever comes out.
            let is_hit = self.random.between(1, u64::from(ALWAYS)) <= u64::from(fault.odds_ppm);
            if !is_hit {
                continue;
            }
            match fault.kind {
                Kind::LoseCommand => blow.loses_command = true,
                Kind::LoseReply => blow.loses_reply = true,
                Kind::DoubleReply => blow.doubles_reply = true,
                Kind::LateReply => blow.late += fault.span.unwrap_or_default(),
                Kind::Reboot => blow.reboots = true,
                Kind::StateStop => blow.state_stop = Some(fault.span.unwrap_or(FOR_EVER)),
                Kind::JunkFirst => {}
                kind if is_motion || is_named => blow.error = kind.error(),
                _ => {}
            }
        }
        blow
    }

    /// The packet of the other protocol that comes before the first reply, once.
    pub(super) fn take_junk(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.has_junk).then(|| {
            // As long as the one that was seen: the first byte is that of a packet of the app.
            let mut junk = vec![0xCC, 0x00, 0x01];
            while junk.len() < 32 {
                junk.push(self.random.next().to_le_bytes()[0]);
            }
            junk
        })
    }
}

impl Kind {
    const fn error(self) -> Option<&'static str> {
        match self {
            Self::Imu => Some(words::NO_VALID_IMU),
            Self::Marker => Some(words::NO_VALID_MARKER),
            Self::Joystick => Some(words::NOT_JOYSTICK),
            Self::Motor => Some(words::MOTOR_STOP),
            Self::Timeout => Some(words::RUN_TIMEOUT),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        let found = KINDS.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, name)| name)
    }
}

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFaultError {
    /// There is no such fault.
    #[error("no fault is called `{name}`; there are {}", names())]
    Name {
        /// What was written.
        name: String,
    },
    /// A value is neither a share nor a time.
    #[error("`{value}` says neither how often, such as `20%`, nor how long, such as `3s`")]
    Value {
        /// What was written.
        value: String,
    },
    /// A time stands where none has a meaning.
    #[error("`{name}` takes no time; only `late-reply` and `state-stop` do")]
    Span {
        /// The fault.
        name: &'static str,
    },
    /// A late reply without its time.
    #[error("`late-reply` needs a time, such as `late-reply=3s`")]
    NoSpan,
    /// It would befall each command, and nothing could be done with the drone.
    #[error("`reboot` needs to know when, such as `reboot@5`, or how often, such as `reboot=1%`")]
    NoWhen,
    /// Nothing stands after the `@`, or the number 0.
    #[error("`@{when}` names no command; write its first word or its number, counted from 1")]
    When {
        /// What was written.
        when: String,
    },
}

fn names() -> String {
    let names: Vec<_> = Fault::names().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, when) = match text.split_once('@') {
            Some((rest, when)) => (rest, parse_when(when.trim())?),
            None => (text, When::Always),
        };
        let (name, values) = match rest.split_once('=') {
            Some((name, values)) => (name.trim(), Some(values)),
            None => (rest.trim(), None),
        };
        let &(kind, name) = KINDS
            .iter()
            .find(|(_, known)| *known == name)
            .ok_or_else(|| ParseFaultError::Name {
                name: name.to_owned(),
            })?;
        let (mut span, mut odds_ppm) = (None, None);
        for value in values.into_iter().flat_map(|values| values.split(',')) {
            match parse_share(value) {
                Some(share) => odds_ppm = Some(share),
                None => span = Some(parse_span(value)?),
            }
        }
        match kind {
            Kind::LateReply if span.is_none() => return Err(ParseFaultError::NoSpan),
            Kind::LateReply | Kind::StateStop => {}
            _ if span.is_some() => return Err(ParseFaultError::Span { name }),
            Kind::Reboot if when == When::Always && odds_ppm.is_none() => {
                return Err(ParseFaultError::NoWhen);
            }
            _ => {}
        }
        Ok(Self {
            kind,
            span,
            odds_ppm: odds_ppm.unwrap_or(ALWAYS),
            when,
        })
    }
}

fn parse_when(when: &str) -> Result<When, ParseFaultError> {
    match when.parse() {
        Ok(number) if number > 0 => Ok(When::Number(number)),
        Err(_) if when.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Ok(When::Word(when.to_owned()))
        }
        _ => Err(ParseFaultError::When {
            when: when.to_owned(),
        }),
    }
}

/// A share of a hundred, of a million.
fn parse_share(value: &str) -> Option<u32> {
    let percent: f64 = value.trim().strip_suffix('%')?.trim().parse().ok()?;
    let is_share = (0.0..=100.0).contains(&percent);
    // It is at most a million.
    is_share.then(|| (percent * 10_000.0).round() as u32)
}

fn parse_span(value: &str) -> Result<Duration, ParseFaultError> {
    let span: Result<TimeSpan, _> = value.trim().parse();
    let span = span.ok().filter(|span| span.0 <= FOR_EVER);
    span.map(Into::into).ok_or_else(|| ParseFaultError::Value {
        value: value.trim().to_owned(),
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        let mut mark = '=';
        if let Some(span) = self.span {
            write!(f, "{mark}{}", TimeSpan(span))?;
            mark = ',';
        }
        if self.odds_ppm != ALWAYS {
            write!(f, "{mark}{}%", f64::from(self.odds_ppm) / 10_000.0)?;
        }
        match &self.when {
            When::Always => Ok(()),
            When::Number(number) => write!(f, "@{number}"),
            When::Word(word) => write!(f, "@{word}"),
        }
    }
}

#[cfg(test)]
mod tests;
