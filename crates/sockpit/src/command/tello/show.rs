//! How a flight is told: on a terminal, as lines of replies, or as records.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use sockpit_core::event::{Event, What};
use sockpit_core::tello::reply::Verdict;
use sockpit_engine::tello::{Audience, Given, Mark, Origin};

use crate::console::Console;

/// What stdout holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Commands and replies, for somebody at a terminal.
    Terminal,
    /// The replies, one a line.
    Lines,
    /// Everything, as records; somebody else writes them.
    Records,
}

impl Form {
    /// What fits who reads stdout.
    pub(super) fn of_stdout(is_json: bool) -> Self {
        match (is_json, io::stdout().is_terminal()) {
            (true, _) => Self::Records,
            (false, true) => Self::Terminal,
            (false, false) => Self::Lines,
        }
    }
}

/// Tells of a flight.
pub(super) struct Show<'a> {
    console: &'a Console,
    form: Form,
    /// Whether there are several drones.
    is_swarm: bool,
}

impl<'a> Show<'a> {
    pub(super) fn new(console: &'a Console, form: Form, drones: usize) -> Self {
        Self {
            console,
            form,
            is_swarm: drones > 1,
        }
    }

    /// What stdout holds.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    fn number(&self, drone: usize) -> Option<usize> {
        self.is_swarm.then_some(drone)
    }

    fn named(&self, drone: usize, what: &str) -> String {
        match self.is_swarm {
            true => format!("drone {}: {what}", drone + 1),
            false => what.to_owned(),
        }
    }
}

impl Audience for Show<'_> {
    /// Tells something that is no error, unless stdout says everything.
    fn say(&self, text: &str) {
        if self.form != Form::Records {
            self.console.say(text);
        }
    }

    /// Tells something that went wrong.
    fn error(&self, text: &str) {
        self.console.error(text);
    }

    /// Tells what would help.
    fn hint(&self, text: &str) {
        if self.form != Form::Records {
            self.console.hint(text);
        }
    }

    /// Tells something about a drone.
    fn about(&self, drone: usize, mark: Mark, what: &str, aside: &str) {
        match self.form {
            Form::Terminal => self.console.of_drone(self.number(drone), mark, what, aside),
            Form::Lines if mark == Mark::Wrong => self.console.error(&self.named(drone, what)),
            Form::Lines | Form::Records => {}
        }
    }

    /// Tells what a link beside those for commands tells.
    fn aside(&self, event: &Event) {
        match &event.what {
            What::Note { kind, message, .. } if kind == "tello.foreign" => self.hint(message),
            What::Note { kind, message, .. } if kind == "tello.untaken" => self.error(message),
            What::Fault { message, .. } if event.session > 0 => self.error(message),
            _ => {}
        }
    }

    /// Tells an answer to what somebody typed, or gives it to whoever reads stdout.
    fn reply(&self, drone: usize, given: &Given, text: &str, took: Duration, verdict: &Verdict) {
        let is_refused = matches!(verdict, Verdict::Refused(_));
        match self.form {
            Form::Terminal => {
                let mark = match is_refused {
                    true => Mark::Refused,
                    false => Mark::In,
                };
                let said = match verdict {
                    Verdict::Value(value) => value.to_string(),
                    _ => text.to_owned(),
                };
                let aside = format!("{}, {}", given.command.masked(), seconds(took));
                self.console
                    .of_drone(self.number(drone), mark, &said, &aside);
            }
            Form::Lines if given.origin == Origin::User => {
                let line = match self.is_swarm {
                    true => format!("{}: {text}\n", drone + 1),
                    false => format!("{text}\n"),
                };
                // A closed stdout ends output quietly (rule A5).
                let _ = self.console.data(line.as_bytes());
                if is_refused {
                    let what = format!("`{}`: {text}", given.command.masked());
                    self.console.error(&self.named(drone, &what));
                }
            }
            Form::Lines | Form::Records => {}
        }
    }

    fn landing(&self, drones: usize) {
        self.say(match drones {
            1 => "landing; Ctrl-C stops the motors at once, and the drone falls",
            _ => "landing all drones; Ctrl-C stops the motors at once, and they fall",
        });
    }
}

/// A time as people read it: `4.2 s`, `30 ms`.
pub(super) fn seconds(time: Duration) -> String {
    match time {
        time if time < Duration::from_secs(1) => format!("{} ms", time.as_millis()),
        time => format!("{:.1} s", time.as_secs_f64()),
    }
}
