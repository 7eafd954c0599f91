//! What is shown of a room: its notes, as lines of the chat screen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::record::Epoch;
use sockpit_core::text::escape::VisibleLine;

use crate::console::{ChatLook, ChatScreen, Company, Drawing, Fate, Manner, Said};

/// Messages of a room one does not look at; the oldest give way.
const MOST_HELD: usize = 500;

/// Draws the room one talks in, and keeps what is said in others until one turns there.
pub(super) struct View {
    screen: ChatScreen,
    company: Company,
    is_terminal: bool,
    epoch: Epoch,
    nick: String,
    current: String,
    rooms: Vec<String>,
    /// Notes of the other rooms, with the time of each.
    held: BTreeMap<String, VecDeque<(u64, Arc<Note>)>>,
    /// How many of what is held was said while one was there.
    missed: BTreeMap<String, usize>,
}

/// A note of a room.
struct Note {
    kind: String,
    data: Value,
}

impl Note {
    fn text(&self, name: &str) -> &str {
        self.data[name].as_str().unwrap_or_default()
    }

    fn names(&self, name: &str) -> Vec<String> {
        let names = self.data[name].as_array().map_or(&[][..], Vec::as_slice);
        let names = names.iter().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    }
}

impl View {
    pub(super) fn new(look: ChatLook, company: Company) -> Self {
        Self {
            screen: ChatScreen::new(look),
            company,
            is_terminal: look.is_terminal,
            epoch: Epoch::default(),
            nick: String::new(),
            current: String::new(),
            rooms: Vec::new(),
            held: BTreeMap::new(),
            missed: BTreeMap::new(),
        }
    }

    fn take_note(&mut self, at: u64, note: Note) {
        match note.kind.as_str() {
            "place" => return self.turn(&note),
            "own" => return self.own(at, &note),
            "fate" => return self.fate(at, &note),
            _ => {}
        }
        let room = note.text("room");
        let is_elsewhere =
            self.is_terminal && self.rooms.len() > 1 && !room.is_empty() && room != self.current;
        let waits = matches!(
            note.kind.as_str(),
            "text" | "me" | "joined" | "left" | "topic" | "renamed"
        );
        let is_told = self.screen.means_us(note.text("text"));
        if !(is_elsewhere && waits) || is_told {
            return self.show(at, &note);
        }
        let room = room.to_owned();
        let is_said = matches!(note.kind.as_str(), "text" | "me");
        if is_said && note.data["replayed"] != true {
            *self.missed.entry(room.clone()).or_default() += 1;
        }
        let held = self.held.entry(room).or_default();
        held.push_back((at, Arc::new(note)));
        if held.len() > MOST_HELD {
            held.pop_front();
        }
        self.count();
    }

    /// Takes where one is, and shows what was said there meanwhile.
    fn turn(&mut self, note: &Note) {
        note.text("nick").clone_into(&mut self.nick);
        note.text("current").clone_into(&mut self.current);
        self.rooms = note.names("rooms");
        self.screen.call(&self.nick);
        self.missed.remove(&self.current);
        for (at, note) in self.held.remove(&self.current).unwrap_or_default() {
            self.show(at, &note);
        }
        let rooms = &self.rooms;
        self.held.retain(|room, _| rooms.contains(room));
        self.missed.retain(|room, _| rooms.contains(room));
        self.count();
    }

    fn count(&self) {
        self.company.miss(self.missed.values().sum());
    }

    fn own(&mut self, at: u64, note: &Note) {
        let to = note.text("to");
        let said = self.said(at, note, Direction::Out);
        let said = match to {
            "" => said,
            to => Said {
                manner: Manner::Direct { to: Some(to) },
                ..said
            },
        };
        match note.data["key"].as_u64() {
            Some(key) => self.screen.sent(&said, key),
            None => self.screen.said(&said),
        }
    }

    fn fate(&mut self, at: u64, note: &Note) {
        let Some(key) = note.data["key"].as_u64() else {
            return;
        };
        match note.text("fate") {
            "kept" => self.screen.fate(key, Fate::Kept),
            _ => {
                self.screen.fate(key, Fate::Lost);
                self.screen.notice(at, None, note.text("why"));
            }
        }
    }

    fn said<'n>(&self, at: u64, note: &'n Note, direction: Direction) -> Said<'n> {
        let room = Some(note.text("room")).filter(|room| !room.is_empty());
        Said {
            at,
            direction,
            room,
            from: note.text("from"),
            manner: match note.text("kind") {
                "me" => Manner::Action,
                "direct" => Manner::Direct { to: None },
                _ => Manner::Plain,
            },
            text: note.text("text"),
        }
    }

    fn show(&mut self, at: u64, note: &Note) {
        let at = moment(note.text("ts")).unwrap_or(at);
        let room = Some(note.text("room")).filter(|room| !room.is_empty());
        let (from, text) = (VisibleLine(note.text("from")), note.text("text"));
        let shown = VisibleLine(text);
        let sentence = match note.kind.as_str() {
            "text" | "me" | "direct" => {
                let said = self.said(at, note, Direction::In);
                // What others show of us on another screen is ours.
                let direction = match note.text("from") == self.nick {
                    true if self.is_terminal => Direction::Out,
                    _ => Direction::In,
                };
                return self.screen.said(&Said { direction, ..said });
            }
            "line" => {
                let said = self.said(at, note, Direction::In);
                return self.screen.said(&said);
            }
            "members" => {
                let count = note.data["count"].as_u64().unwrap_or(0);
                let names = note.names("members");
                return self.screen.names(at, room, count, &names);
            }
            "joined" => format!("{from} joined"),
            "left" if text.is_empty() => format!("{from} left"),
            "left" => format!("{from} left: {shown}"),
            "renamed" => format!("{from} is now {shown}"),
            "topic" if text.is_empty() => format!("{from} took the topic away"),
            "topic" => format!("{from} set the topic: {shown}"),
            "kicked" => format!("{} was thrown out", VisibleLine(note.text("to"))),
            "notice" => format!("notice: {shown}"),
            "pong" if text.is_empty() => "the server is there".to_owned(),
            // Told on every output.
            "error" | "lost" | "slowed" => return,
            _ => {
                for line in text.lines() {
                    self.screen.notice(at, None, line);
                }
                return;
            }
        };
        self.screen.notice(at, room, &sentence);
    }
}

impl Drawing for View {
    fn begin(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    fn push(&mut self, event: &Event) {
        let What::Note { kind, data, .. } = &event.what else {
            return;
        };
        if let Some(kind) = kind.strip_prefix("room.") {
            let at = self.epoch.0.saturating_add(event.time.as_nanos());
            let note = Note {
                kind: kind.to_owned(),
                data: data.clone(),
            };
            self.take_note(at, note);
        }
    }

    fn take(&mut self) -> String {
        self.screen.take(Instant::now())
    }

    fn settle(&mut self) -> String {
        self.take()
    }

    fn finish(&mut self) -> String {
        self.screen.finish()
    }

    fn due(&self) -> Option<Instant> {
        self.screen.due()
    }
}

/// Nanoseconds since 1970 of a time as rooms write it.
fn moment(text: &str) -> Option<u64> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(moment.as_nanosecond()).ok()
}
