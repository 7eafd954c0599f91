//! What pages are told of a drone.

use std::collections::VecDeque;
use std::sync::{Mutex, Weak};

use serde_json::{Value, json};
use sockpit_core::tello::sdk::Sdk;
use sockpit_core::tello::state::State;
use sockpit_core::time::Time;

use super::super::bell::Topic;
use super::super::bench::Bench;
use super::super::page::Page;

/// Lines that are kept, and told.
const MOST_LINES: usize = 60;

/// What pages are told of a drone, kept by its task.
pub(super) struct Record {
    kind: &'static str,
    /// Where it takes commands.
    pub(super) address: String,
    bench: Weak<Bench>,
    said: Mutex<Said>,
}

struct Said {
    now: Now,
    lines: VecDeque<Line>,
    /// How many lines there have been.
    count: u64,
}

/// What is so at the moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Now {
    pub(super) sdk: Sdk,
    pub(super) state: Option<State>,
    /// Where it is, where that is known.
    pub(super) place: Option<[f64; 2]>,
    pub(super) is_flying: bool,
    pub(super) is_ready: bool,
    /// What it is doing.
    pub(super) waiting: String,
    /// Where in its life a simulated one is.
    pub(super) phase: Option<&'static str>,
    /// Where its state is heard, of a simulated one: is to be heard.
    pub(super) state_port: Option<u16>,
    pub(super) is_over: bool,
}

/// A line about it.
struct Line {
    number: u64,
    at: Time,
    kind: Kind,
    /// Its words, or ours, of which only ours are translated.
    text: String,
    aside: String,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A command leaves.
    Out,
    /// A reply came.
    In,
    /// A reply came that refuses a command.
    Refused,
    /// Something is told of it.
    About,
    /// Something went wrong with it.
    Wrong,
    /// What would help.
    Hint,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
            Self::Refused => "refused",
            Self::About => "about",
            Self::Wrong => "wrong",
            Self::Hint => "hint",
        }
    }
}

impl Now {
    pub(super) fn new(sdk: Sdk) -> Self {
        Self {
            sdk,
            state: None,
            place: None,
            is_flying: false,
            is_ready: false,
            waiting: String::new(),
            phase: None,
            state_port: None,
            is_over: false,
        }
    }
}

impl Record {
    pub(super) fn new(kind: &'static str, address: String, sdk: Sdk, bench: Weak<Bench>) -> Self {
        Self {
            kind,
            address,
            bench,
            said: Mutex::new(Said {
                now: Now::new(sdk),
                lines: VecDeque::new(),
                count: 0,
            }),
        }
    }

    /// What it understands.
    pub(super) fn sdk(&self) -> Sdk {
        self.said.lock().expect("no holder panics").now.sdk
    }

    /// Adds a line.
    pub(super) fn tell(&self, kind: Kind, text: &str, aside: &str) {
        let Some(bench) = self.bench.upgrade() else {
            return;
        };
        let mut said = self.said.lock().expect("no holder panics");
        said.count += 1;
        let line = Line {
            number: said.count,
            at: bench.now(),
            kind,
            text: text.to_owned(),
            aside: aside.to_owned(),
        };
        if said.lines.len() == MOST_LINES {
            said.lines.pop_front();
        }
        said.lines.push_back(line);
        drop(said);
        bench.changed(Topic::Drones);
    }

    /// Takes what is so from here on.
    pub(super) fn set(&self, now: Now) {
        let mut said = self.said.lock().expect("no holder panics");
        if said.now == now {
            return;
        }
        said.now = now;
        drop(said);
        if let Some(bench) = self.bench.upgrade() {
            bench.changed(Topic::Drones);
        }
    }

    /// Says that nothing more will come of it.
    pub(super) fn end(&self) {
        let mut now = self.said.lock().expect("no holder panics").now.clone();
        now.is_over = true;
        now.waiting.clear();
        self.set(now);
    }

    pub(super) fn told(&self, id: u64, page: &Page) -> Value {
        let said = self.said.lock().expect("no holder panics");
        let now = &said.now;
        let lines = said.lines.iter().map(|line| {
            let is_ours = !matches!(line.kind, Kind::Out | Kind::In | Kind::Refused);
            let text = match is_ours {
                true => page.say(&line.text),
                false => line.text.clone(),
            };
            json!({
                "i": line.number,
                "at": line.at.as_nanos(),
                "kind": line.kind.word(),
                "text": text,
                "aside": line.aside,
            })
        });
        json!({
            "id": id,
            "kind": self.kind,
            "address": self.address,
            "sdk": now.sdk.as_str(),
            "state": now.state.map(|state| state_told(&state, now.place)),
            "flying": now.is_flying,
            "ready": now.is_ready,
            "waiting": Some(&now.waiting).filter(|waiting| !waiting.is_empty()),
            "phase": now.phase.map(|phase| page.say(phase)),
            "state_port": now.state_port,
            "ended": now.is_over,
            "log": lines.collect::<Vec<_>>(),
        })
    }
}

fn state_told(state: &State, place: Option<[f64; 2]>) -> Value {
    json!({
        "pitch": state.pitch_degrees,
        "roll": state.roll_degrees,
        "yaw": state.yaw_degrees,
        "h": state.height_cm,
        "bat": state.battery_percent,
        "tof": state.tof_cm,
        "temp": state.high_celsius,
        "x": place.map(|place| place[0].round()),
        "y": place.map(|place| place[1].round()),
    })
}
