//! The side of somebody in a room: JSON with a room of ours, plain lines with any other chat.
//!
//! A room of ours is known by its greeting, which asks for a nickname; before that nothing is sent,
//! as a stranger's chat is no place for questions of a program. A guest outlives its links: it takes
//! its nickname and its rooms again, asks for what was said meanwhile, and sends what the last link
//! did not take.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::chat::ask::{Ask, Mistake, Request};
use crate::chat::lines::Lines;
use crate::chat::nick::{Name, NameError};
use crate::event::What;
use crate::machine::{Fault, Machine, Output, Reason};
use crate::text::charset::{Charset, Decoder};
use crate::text::escape::VisibleLine;
use crate::time::Time;

mod gather;
mod hearing;
mod saying;

use gather::Gathered;
use saying::Own;

/// How long a server that greets may take for it; others are taken as they are.
const PATIENCE: Duration = Duration::from_millis(1500);

/// In bytes: the longest line that is read whole. A list of thousands of names is one line.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// After so long a silence a room is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(45);

/// How long the answer to that may take, and the end of a link that was asked for.
const ANSWER: Duration = Duration::from_secs(15);

/// Who a guest is, and where it wants to be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it wants to be called.
    pub nick: String,
    /// The rooms it wants to be in, the first to talk in first; empty for the server's own.
    pub rooms: Vec<String>,
    /// Lines of each room's history to begin with; as many as the server gives without being asked
    /// if `None`.
    pub history: Option<usize>,
    /// What servers other than ours speak.
    pub charset: Charset,
}

/// Something that a guest tells. It becomes a note of the kind `room.KIND`.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What a room says, such as `text`, `joined`, `who`, or of the guest itself:
    ///
    /// - `place`: where it is. `nick`, `current`, `rooms`, `is_ready`, `is_plain`.
    /// - `own`: what it says. `key`, `kind`, `room`, `to`, `text`.
    /// - `fate`: what became of that. `key`, `fate` (`kept`, `lost`), `why`.
    /// - `slowed`: the room took less than was said, and gets it again. `text`.
    /// - `line`: what a server that is no room of ours says. `text`.
    pub kind: String,
    /// Its facts.
    pub data: Value,
}

impl From<Told> for What {
    fn from(told: Told) -> Self {
        Self::Note {
            message: sentence(&told),
            kind: format!("room.{}", told.kind),
            data: told.data,
        }
    }
}

/// Somebody in a room.
#[derive(Debug)]
pub struct Guest {
    settings: Settings,
    nick: String,
    rooms: Vec<String>,
    /// The rooms that this link has entered.
    entered: Vec<String>,
    current: String,
    /// Lines that may be a greeting.
    greeting: Vec<String>,
    /// Ids of what was told, the oldest first.
    seen: VecDeque<String>,
    known: BTreeSet<String>,
    /// What is to be said.
    waiting: VecDeque<Own>,
    /// What was said and is not acknowledged.
    doubtful: VecDeque<Own>,
    next_key: u64,
    /// How many links there were.
    links: u64,
    is_leaving: bool,
    /// Whether some of what is doubtful was refused as too much.
    is_flooded: bool,
    /// How often in a row it was refused as too much.
    pauses: u32,
    /// Whether this link has a nickname.
    is_named: bool,
    phase: Phase,
    lines: Lines,
    decoder: Decoder,
    heard: Time,
    gathered: Option<Gathered>,
    outputs: VecDeque<Output<Told>>,
}

/// Why something cannot be asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no nickname.
    #[error(transparent)]
    Nick(#[from] NameError),
    /// It asks for nothing.
    #[error("{}", mistaken(.0))]
    Mistake(Mistake),
    /// One has to be in a room to talk in it.
    #[error("you are not in `{}`; `/join` enters a room", VisibleLine(.0))]
    NotIn(String),
    /// There is no link.
    #[error("not connected; only what you say waits until you are")]
    Away,
    /// The server is no room of ours.
    #[error("this server is no room of Sockpit, and knows no commands")]
    Plain,
}

fn mistaken(mistake: &Mistake) -> String {
    match mistake {
        Mistake::Unknown(word) => format!(
            "no command `/{}`; `/help` lists them, and `//` sends a line that begins with `/`",
            VisibleLine(word)
        ),
        Mistake::Wants(usage) => format!("write `{usage}`"),
        Mistake::Json(error) => error.clone(),
        Mistake::Long(most) => format!("a line has at most {most} bytes"),
    }
}

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is none.
    Away,
    /// What sort of server it is will be known then.
    Listening {
        until: Time,
    },
    /// A room of ours is asked for a nickname and rooms.
    Entering {
        /// When what it refused as too much is asked for once more.
        again: Option<Time>,
    },
    /// Everything is said in JSON.
    Inside {
        paused_until: Option<Time>,
        asked: Option<Time>,
    },
    /// It is no room of ours.
    Plain,
    /// The end is asked for, and comes by itself after that.
    Ending {
        until: Time,
    },
    Over,
}

impl Guest {
    /// Somebody who is nowhere as yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            nick: settings.nick.clone(),
            rooms: Vec::new(),
            entered: Vec::new(),
            greeting: Vec::new(),
            current: settings.rooms.first().cloned().unwrap_or_default(),
            seen: VecDeque::new(),
            known: BTreeSet::new(),
            waiting: VecDeque::new(),
            doubtful: VecDeque::new(),
            next_key: 1,
            links: 0,
            is_leaving: false,
            is_flooded: false,
            pauses: 0,
            is_named: false,
            phase: Phase::Away,
            lines: Lines::new(LONGEST_LINE),
            decoder: settings.charset.decoder(),
            heard: Time::ZERO,
            gathered: None,
            outputs: VecDeque::new(),
            settings,
        }
    }

    /// Takes a new link; what is known stays.
    pub fn begin(&mut self, now: Time) {
        self.links += 1;
        self.lines = Lines::new(LONGEST_LINE);
        self.decoder = self.settings.charset.decoder();
        self.heard = now;
        self.outputs.clear();
        self.gathered = None;
        self.greeting.clear();
        self.is_flooded = false;
        self.pauses = 0;
        self.is_named = false;
        self.phase = Phase::Listening {
            until: now + PATIENCE,
        };
    }

    /// Carries out what somebody asks for, or says why not.
    ///
    /// What is said waits for a link that takes it; the rest needs one. It leaves with
    /// [`Guest::go_on`].
    ///
    /// # Errors
    ///
    /// A [`Refusal`] where it cannot be.
    pub fn ask(&mut self, ask: Ask) -> Result<(), Refusal> {
        match ask {
            Ask::Text { .. } | Ask::Me { .. } | Ask::Direct { .. } => self.say(ask),
            Ask::Quit(_) => self.finish(),
            Ask::Mistake(mistake) => return Err(Refusal::Mistake(mistake)),
            ask => {
                match self.phase {
                    Phase::Plain => return Err(Refusal::Plain),
                    Phase::Inside { .. } => {}
                    _ => return Err(Refusal::Away),
                }
                if let Ask::Nick(nick) = &ask {
                    Name::new(nick)?;
                }
                self.request(self.in_current(ask), None);
            }
        }
        Ok(())
    }

    /// Talks in another of its rooms from here on: the one of this name, or of this place, counted
    /// from 1.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotIn`] where it is in no such room.
    pub fn turn(&mut self, place: &str) -> Result<(), Refusal> {
        let is_it = |room: &&String| room.to_lowercase() == place.to_lowercase();
        let by_name = self.rooms.iter().find(is_it);
        let by_place = || {
            let place: usize = place.parse().ok()?;
            self.rooms.get(place.checked_sub(1)?)
        };
        let found = by_name.or_else(by_place).cloned();
        self.current = found.ok_or_else(|| Refusal::NotIn(place.to_owned()))?;
        self.tell_place();
        Ok(())
    }

    /// Takes that nothing more will be said: the guest leaves once everything is.
    pub fn finish(&mut self) {
        self.is_leaving = true;
    }

    /// Carries out what was asked for since, as far as the link is there for it.
    pub fn go_on(&mut self, now: Time) {
        self.advance(now);
    }

    /// How much was said and has not left, or is not acknowledged.
    #[must_use]
    pub fn unsaid(&self) -> usize {
        self.waiting.len() + self.doubtful.len()
    }

    /// Gives up what was said and has not arrived.
    pub fn give_up(&mut self) -> usize {
        let count = self.unsaid();
        self.waiting.clear();
        self.doubtful.clear();
        count
    }

    /// The room it talks in; empty where there is none.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    /// The rooms it is in, in the order in which it entered them.
    #[must_use]
    pub fn rooms(&self) -> &[String] {
        &self.rooms
    }

    /// Whether what it says leaves at once.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Inside { .. } | Phase::Plain)
    }

    /// Takes that there is no link any more.
    pub fn part(&mut self) {
        self.phase = Phase::Away;
        self.outputs.clear();
    }

    /// Whether it wants to be gone.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    fn tell(&mut self, kind: &str, data: Value) {
        let kind = kind.to_owned();
        let told = Told { kind, data };
        self.outputs.push_back(Output::Event(told));
    }

    fn tell_place(&mut self) {
        let data = json!({
            "nick": self.nick,
            "current": self.current,
            "rooms": self.rooms,
            "is_ready": self.is_ready(),
            "is_plain": self.phase == Phase::Plain,
        });
        self.tell("place", data);
    }

    fn request(&mut self, ask: Ask, reference: Option<Value>) {
        let request = Request { ask, reference };
        if let Some(object) = request.to_json() {
            self.outputs
                .push_back(Output::Transmit(format!("{object}\n").into()));
        }
    }

    fn close(&mut self, reason: Reason) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            self.outputs.push_back(Output::Close(reason));
        }
    }

    fn next_time(&self) -> Option<Time> {
        match self.phase {
            Phase::Away | Phase::Plain | Phase::Over => None,
            Phase::Listening { until }
            | Phase::Ending { until }
            | Phase::Entering { again: Some(until) }
            | Phase::Inside {
                paused_until: Some(until),
                ..
            } => Some(until),
            Phase::Inside {
                asked: Some(asked), ..
            } => Some(asked + ANSWER),
            Phase::Entering { again: None } | Phase::Inside { .. } => Some(self.heard + SILENCE),
        }
    }
}

impl Machine for Guest {
    type Event = Told;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.heard = now;
        if let Phase::Inside { asked, .. } = &mut self.phase {
            *asked = None;
        }
        let mut text = String::new();
        self.decoder.push(chunk, &mut text);
        let mut lines = Vec::new();
        self.lines.push(&text, &mut lines);
        for line in lines {
            self.take_line(now, &line);
        }
    }

    fn handle_end(&mut self, now: Time) {
        let mut text = String::new();
        self.decoder.finish(&mut text);
        let mut lines = Vec::new();
        self.lines.push(&text, &mut lines);
        lines.extend(self.lines.finish());
        for line in lines {
            self.take_line(now, &line);
        }
        self.close(Reason::Fin);
    }

    fn handle_fault(&mut self, _now: Time, fault: Fault) {
        if fault.is_fatal() {
            self.close(fault.reason());
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.next_time().is_none_or(|time| now < time) {
            return;
        }
        match &mut self.phase {
            Phase::Listening { .. } => self.settle_for_plain(now),
            Phase::Ending { .. } => self.close(Reason::Local),
            Phase::Inside {
                paused_until: paused @ Some(_),
                ..
            } => {
                *paused = None;
                self.ask_alive(now);
            }
            Phase::Entering {
                again: again @ Some(_),
            } => {
                *again = None;
                self.ask_to_be_in();
            }
            Phase::Entering { again: None } | Phase::Inside { asked: Some(_), .. } => {
                self.close(Reason::Timeout);
            }
            Phase::Inside { .. } => self.ask_alive(now),
            Phase::Away | Phase::Plain | Phase::Over => {}
        }
    }

    fn handle_stop(&mut self, now: Time) {
        self.finish();
        self.advance(now);
    }

    fn poll_output(&mut self) -> Output<Told> {
        let next = self.outputs.pop_front();
        next.unwrap_or_else(|| Output::Wait(self.next_time()))
    }
}

/// What a note says to people who read a recording.
fn sentence(told: &Told) -> String {
    let field = |name: &str| told.data.get(name).and_then(Value::as_str);
    let text = field("text").unwrap_or_default();
    let said = match (told.kind.as_str(), field("from")) {
        ("place" | "fate", _) => return String::new(),
        ("me", Some(from)) => format!("* {from} {text}"),
        (_, Some(from)) => format!("{from}: {text}"),
        (_, None) => return text.to_owned(),
    };
    match field("room") {
        Some(room) if !room.is_empty() => format!("[{room}] {said}"),
        _ => said,
    }
}

#[cfg(test)]
mod tests;
