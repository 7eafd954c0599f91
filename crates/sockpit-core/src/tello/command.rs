//! A command that a person typed: checked before it is sent, and written as the drone wants it.
//!
//! ```text
//!  "forward 100" ──▶ Command::parse(sdk) ──▶ Command ──▶ Display: what goes on the wire
//!                      └──▶ Mistake: one sentence     └──▶ Order: what is meant
//! ```
//!
//! [`FORMS`] is the table from which everything else follows: checks, help, completion.

mod complete;
mod mistake;
mod order;
mod table;

use std::fmt;
use std::time::Duration;

pub use complete::{Candidate, complete};
pub use mistake::{Mistake, MistakeKind};
pub use order::{Network, Order, Pad, Query, Way, arc_cm, length, radius_cm};
pub use table::{Domain, FORMS, Form, Kind, Parameter, forms};

use super::sdk::Sdk;

/// In bytes: what is longer is no command, and would not fit into one packet.
pub const LONGEST: usize = 1024;

/// A command of the text protocol that a drone of some version takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    form: Option<&'static Form>,
    /// What goes on the wire.
    text: String,
    /// The same, without what nobody may see.
    masked: String,
    order: Order,
}

impl Command {
    /// Takes a typed line. `!` before it sends it as it is, whatever it says.
    ///
    /// # Errors
    ///
    /// Says which argument is wrong, and what it may be, before the drone could be told.
    pub fn parse(line: &str, sdk: Sdk) -> Result<Self, Mistake> {
        let line = line.trim();
        if let Some(text) = line.strip_prefix('!') {
            return Self::raw(text);
        }
        check_text(line)?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, len) = mistake::name_of(&words, sdk)?;
        let arguments = words.get(len..).unwrap_or_default();
        let form = mistake::form_of(name, arguments.len(), sdk)?;
        let mut values = Vec::new();
        for (index, parameter) in form.parameters.iter().enumerate() {
            let word = match parameter.domain {
                Domain::Text(_) => &arguments.get(index..).unwrap_or_default().join(" "),
                _ => arguments.get(index).copied().unwrap_or_default(),
            };
            values.push(parameter.check(form, word, sdk)?);
        }
        let order = Order::of(form, &values);
        order.check(form, sdk)?;
        let write = |is_masked: bool| {
            let mut text = form.name.to_owned();
            for (parameter, value) in form.parameters.iter().zip(&values) {
                let is_hidden = is_masked && matches!(parameter.domain, Domain::Secret(_));
                text.push(' ');
                text.push_str(if is_hidden { MASK } else { value });
            }
            text
        };
        Ok(Self {
            form: Some(form),
            text: write(false),
            masked: write(true),
            order,
        })
    }

    /// Takes a text that is to be sent as it is.
    ///
    /// # Errors
    ///
    /// Fails where it is empty, longer than [`LONGEST`] or has a control character in it.
    pub fn raw(text: &str) -> Result<Self, Mistake> {
        let text = text.trim();
        check_text(text)?;
        Ok(Self {
            form: None,
            text: text.to_owned(),
            masked: mask(text),
            order: Order::Raw(text.to_owned()),
        })
    }

    /// The command with which every conversation begins.
    #[must_use]
    pub fn begin() -> Self {
        Self::known("command")
    }

    /// The command that asks a question.
    #[must_use]
    pub fn query(query: Query) -> Self {
        Self::known(query.as_str())
    }

    /// The command that takes off.
    #[must_use]
    pub fn takeoff() -> Self {
        Self::known("takeoff")
    }

    /// The command that lands.
    #[must_use]
    pub fn land() -> Self {
        Self::known("land")
    }

    /// The command that stops the motors.
    #[must_use]
    pub fn emergency() -> Self {
        Self::known("emergency")
    }

    /// The command that begins or ends the video.
    #[must_use]
    pub fn stream(is_on: bool) -> Self {
        Self::known(match is_on {
            true => "streamon",
            false => "streamoff",
        })
    }

    /// The command that says to which ports state and video go; each from 1025.
    ///
    /// # Errors
    ///
    /// Fails where a port is lower, or the version cannot be told.
    pub fn ports(state: u16, video: u16, sdk: Sdk) -> Result<Self, Mistake> {
        Self::parse(&format!("port {state} {video}"), sdk)
    }

    /// A command of the table without arguments.
    fn known(name: &'static str) -> Self {
        let form = FORMS.iter().find(|form| form.name == name);
        let form = form.expect("the table has it");
        Self {
            form: Some(form),
            text: name.to_owned(),
            masked: name.to_owned(),
            order: Order::of(form, &[]),
        }
    }

    /// The sticks, each from -100 to 100: right, ahead, up, clockwise. Others are brought into that
    /// range.
    #[must_use]
    pub fn sticks(sticks: [i32; 4]) -> Self {
        let [a, b, c, d] = sticks.map(|stick| stick.clamp(-100, 100));
        let form = FORMS.iter().find(|form| form.name == "rc");
        let text = format!("rc {a} {b} {c} {d}");
        Self {
            form,
            masked: text.clone(),
            text,
            order: Order::Sticks([a, b, c, d]),
        }
    }

    /// What it is in the table; `None` of what is sent as it is.
    #[must_use]
    pub const fn form(&self) -> Option<&'static Form> {
        self.form
    }

    /// Its fixed words; the first word of what is sent as it is.
    #[must_use]
    pub fn name(&self) -> &str {
        let first = || self.text.split_whitespace().next().unwrap_or_default();
        self.form.map_or_else(first, |form| form.name)
    }

    /// What it does to the drone. Of what is sent as it is nothing is known, so it counts as a
    /// motion, unless it ends with a question mark.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.form {
            Some(form) => form.kind,
            None if self.name() == "rc" => Kind::Silent,
            None if self.text.ends_with('?') => Kind::Query,
            None => Kind::Motion,
        }
    }

    /// What is meant.
    #[must_use]
    pub const fn order(&self) -> &Order {
        &self.order
    }

    /// What it asks for.
    #[must_use]
    pub const fn question(&self) -> Option<Query> {
        match self.order {
            Order::Query(query) => Some(query),
            _ => None,
        }
    }

    /// The text with `***` in the place of passwords.
    #[must_use]
    pub fn masked(&self) -> &str {
        &self.masked
    }

    /// Whether its answer may hold a password.
    #[must_use]
    pub fn is_answer_secret(&self) -> bool {
        asks_for_password(&self.text)
    }

    /// Whether it can be sent again without another effect than sent once.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        matches!(self.kind(), Kind::Query | Kind::Immediate) || self.order == Order::Command
    }

    /// How long the drone is at it, by rule of thumb, where it flies at a speed in cm/s.
    #[must_use]
    pub fn expected(&self, speed: f64) -> Duration {
        self.order.duration(speed)
    }

    /// How long to wait for the answer, where it flies at a speed in cm/s: half as long again as it
    /// is [`expected`](Self::expected) to take, and some seconds for a slow drone.
    #[must_use]
    pub fn patience(&self, speed: f64) -> Duration {
        match (&self.order, self.kind()) {
            // The drone answers once it hovers; 15 to 20 s have been seen.
            (Order::Takeoff | Order::ThrowFly, _) | (Order::Raw(_), Kind::Motion) => {
                Duration::from_secs(20)
            }
            (Order::Land, _) => Duration::from_secs(15),
            (_, Kind::Motion) => self.expected(speed).mul_f64(1.5) + Duration::from_secs(5),
            (_, Kind::Query | Kind::Immediate) => Duration::from_secs(2),
            (_, Kind::Setting | Kind::Silent) => Duration::from_secs(5),
        }
    }
}

impl fmt::Display for Command {
    /// What goes on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What stands in the place of a password.
pub(super) const MASK: &str = "***";

/// Whether a word is a command whose first argument is a network and whose second its password.
#[must_use]
pub fn names_network(word: &str) -> bool {
    ["wifi", "ap", "multiwifi"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name))
}

/// Whether a word is a question whose answer may hold a password.
#[must_use]
pub fn asks_for_password(word: &str) -> bool {
    ["ap?", "ssid?"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name))
}

/// A text as anybody may see it, whoever wrote it: what follows the name of a network is hidden.
#[must_use]
pub fn mask(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    // A `Re` prefix may stand before.
    let at = words.iter().take(2).position(|word| names_network(word));
    match at {
        Some(at) if at.saturating_add(2) < words.len() => {
            let shown = words.get(..at.saturating_add(2)).unwrap_or_default();
            format!("{} {MASK}", shown.join(" "))
        }
        _ => text.to_owned(),
    }
}

fn check_text(text: &str) -> Result<(), Mistake> {
    if text.is_empty() {
        return Err(Mistake::Empty);
    }
    if LONGEST < text.len() {
        return Err(Mistake::Long {
            len: text.len(),
            longest: LONGEST,
        });
    }
    match text.chars().find(|c| c.is_control() && *c != '\t') {
        Some(c) => Err(Mistake::Control { code: u32::from(c) }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
