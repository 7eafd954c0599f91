//! What pages are told of a room: where one is, who is there, and what was said.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, Weak};

use serde_json::{Value, json};
use sockpit_core::chat::guest::Told;
use sockpit_core::text::escape::VisibleLine;

use super::super::bell::Topic;
use super::super::bench::Bench;
use super::super::page::Page;

/// Lines that are kept; the oldest give way.
const MOST_LINES: usize = 5000;

/// In bytes: what their words may have all together.
const MOST_WORDS: usize = 4 * 1024 * 1024;

/// In bytes: the words of one answer, but for the first line.
const MOST_TOLD: usize = 1024 * 1024;

/// In bytes: of a longer line the beginning is kept.
const LONGEST_LINE: usize = 64 * 1024;

/// In bytes: who has a longer name is not told among the members.
const LONGEST_NAME: usize = 256;

/// Rooms whose members are told.
const MOST_ROOMS: usize = 256;

/// Members of a room that are told by name.
const MOST_MEMBERS: usize = 1000;

/// What pages are told of a room.
pub(super) struct Book {
    endpoint: String,
    is_served: bool,
    bench: Weak<Bench>,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    nick: String,
    state: State,
    /// Why it is so.
    why: String,
    current: String,
    rooms: Vec<String>,
    is_plain: bool,
    members: BTreeMap<String, BTreeSet<String>>,
    local: Vec<String>,
    urls: Vec<String>,
    lines: VecDeque<Line>,
    /// In bytes: the words of the lines.
    words: usize,
    /// Lines that were kept once.
    gone: u64,
    /// How often a line that was told has become another.
    changes: u64,
}

/// How far one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Connecting,
    In,
    /// The link broke, and is made again.
    Away,
    Ended,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::In => "in",
            Self::Away => "away",
            Self::Ended => "ended",
        }
    }
}

/// Something that was said, or that happened.
#[derive(Clone, Debug, Default)]
struct Line {
    /// In nanoseconds since the timeline began; what is told again may be older.
    at: i64,
    kind: &'static str,
    room: String,
    from: String,
    to: String,
    /// What somebody said, or a sentence of ours.
    text: String,
    is_ours: bool,
    is_mine: bool,
    is_replayed: bool,
    fate: Option<&'static str>,
    key: Option<u64>,
}

impl Book {
    pub(super) fn new(endpoint: String, is_served: bool, nick: &str, bench: Weak<Bench>) -> Self {
        Self {
            endpoint,
            is_served,
            bench,
            said: Mutex::new(Said {
                nick: nick.to_owned(),
                ..Said::default()
            }),
        }
    }

    /// Takes how far one is, and why.
    pub(super) fn be(&self, state: State, why: &str) {
        self.change(|said| {
            said.state = state;
            why.clone_into(&mut said.why);
        });
    }

    /// Takes where a room of our own is found.
    pub(super) fn place(&self, local: &[String], urls: Vec<String>) {
        self.change(|said| {
            said.state = State::In;
            said.local = local.to_vec();
            said.urls = urls;
        });
    }

    /// Takes who is in the rooms of a server of our own.
    pub(super) fn members(&self, members: BTreeMap<String, BTreeSet<String>>) {
        if self.said.lock().expect("no holder panics").members != members {
            self.change(|said| said.members = members);
        }
    }

    /// Takes what a guest tells.
    pub(super) fn take(&self, told: &Told) {
        let Some(bench) = self.bench.upgrade() else {
            return;
        };
        let now = i64::try_from(bench.now().as_nanos()).unwrap_or(i64::MAX);
        let at = moment(told).map_or(now, |at| {
            let since = at - i128::from(bench.epoch().0);
            i64::try_from(since).unwrap_or(now)
        });
        self.change(|said| said.take(at, told));
    }

    /// Adds a sentence of ours.
    pub(super) fn tell(&self, kind: &'static str, text: &str) {
        let Some(bench) = self.bench.upgrade() else {
            return;
        };
        let line = Line {
            at: i64::try_from(bench.now().as_nanos()).unwrap_or(i64::MAX),
            kind,
            text: text.to_owned(),
            is_ours: true,
            ..Line::default()
        };
        self.change(|said| said.push(line));
    }

    pub(super) fn local(&self) -> Vec<String> {
        self.said.lock().expect("no holder panics").local.clone()
    }

    pub(super) fn urls(&self) -> Vec<String> {
        self.said.lock().expect("no holder panics").urls.clone()
    }

    pub(super) fn told(&self, id: u64, page: &Page) -> Value {
        let said = self.said.lock().expect("no holder panics");
        let kind = match (self.is_served, said.is_plain) {
            (true, _) => "served",
            (false, true) => "plain",
            (false, false) => "room",
        };
        let mut members = said.members.clone();
        if !said.is_plain {
            // A room does not tell one of oneself.
            for room in &said.rooms {
                members
                    .entry(room.clone())
                    .or_default()
                    .insert(said.nick.clone());
            }
        }
        json!({
            "id": id,
            "kind": kind,
            "endpoint": self.endpoint,
            "nick": said.nick,
            "state": said.state.word(),
            "text": Some(page.say(&said.why)).filter(|why| !why.is_empty()),
            "current": said.current,
            "rooms": said.rooms,
            "members": members,
            "local": said.local,
            "urls": said.urls,
            "first": said.gone,
            "last": said.gone + said.lines.len() as u64,
            "changes": said.changes,
        })
    }

    pub(super) fn lines(&self, from: u64, count: usize, page: &Page) -> Value {
        let said = self.said.lock().expect("no holder panics");
        let from = from.max(said.gone);
        let skipped = usize::try_from(from - said.gone).unwrap_or(usize::MAX);
        let lines = said.lines.iter().skip(skipped).take(count);
        let mut words = 0;
        let lines = lines
            .take_while(|line| {
                let is_first = words == 0;
                words += line.words();
                is_first || words <= MOST_TOLD
            })
            .zip(from..)
            .map(|(line, index)| line.told(index, page));
        json!({
            "first": said.gone,
            "total": said.lines.len(),
            "lines": lines.collect::<Vec<_>>(),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().expect("no holder panics"));
        if let Some(bench) = self.bench.upgrade() {
            bench.changed(Topic::Rooms);
        }
    }
}

impl Line {
    /// In bytes.
    fn words(&self) -> usize {
        self.text.len() + self.from.len() + self.to.len() + self.room.len()
    }

    fn told(&self, index: u64, page: &Page) -> Value {
        let text = match self.is_ours {
            true => page.say(&self.text),
            false => self.text.clone(),
        };
        let mut told = json!({
            "i": index,
            "at": self.at,
            "kind": self.kind,
            "room": self.room,
            "from": self.from,
            "text": text,
            "mine": self.is_mine,
        });
        if let Some(fields) = told.as_object_mut() {
            if !self.to.is_empty() {
                fields.insert("to".to_owned(), self.to.as_str().into());
            }
            if self.is_replayed {
                fields.insert("replayed".to_owned(), true.into());
            }
            if let Some(fate) = self.fate {
                fields.insert("fate".to_owned(), fate.into());
            }
        }
        told
    }
}

impl Said {
    fn push(&mut self, line: Line) {
        self.words += line.words();
        self.lines.push_back(line);
        while self.lines.len() > MOST_LINES || self.words > MOST_WORDS {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.words -= oldest.words();
            self.gone += 1;
        }
    }

    /// The members of a room, unless there are too many rooms.
    fn members_of(&mut self, room: String) -> Option<&mut BTreeSet<String>> {
        let has_place = self.members.len() < MOST_ROOMS && room.len() <= LONGEST_NAME;
        match has_place || self.members.contains_key(&room) {
            true => Some(self.members.entry(room).or_default()),
            false => None,
        }
    }

    fn take(&mut self, at: i64, told: &Told) {
        let text = |name: &str| told.data[name].as_str().unwrap_or_default().to_owned();
        let names = |name: &str| {
            let names = told.data[name].as_array().map_or(&[][..], Vec::as_slice);
            let names = names.iter().filter_map(Value::as_str);
            let names = names.filter(|name| name.len() <= LONGEST_NAME);
            names.map(str::to_owned)
        };
        let (room, from) = (text("room"), text("from"));
        let line = Line {
            at,
            room: room.clone(),
            from: from.clone(),
            to: text("to"),
            text: shortened(text("text")),
            is_mine: !from.is_empty() && from == self.nick,
            is_replayed: told.data["replayed"] == true,
            ..Line::default()
        };
        let (who, what) = (VisibleLine(&from), line.text.clone());
        let what = VisibleLine(&what);
        match told.kind.as_str() {
            "place" => {
                self.nick = text("nick");
                self.current = text("current");
                self.rooms = names("rooms").take(MOST_ROOMS).collect();
                self.is_plain = told.data["is_plain"] == true;
                let rooms = &self.rooms;
                self.members.retain(|room, _| rooms.contains(room));
                if told.data["is_ready"] == true {
                    self.state = State::In;
                    self.why.clear();
                }
            }
            "own" => {
                let kind = match text("kind").as_str() {
                    "me" => "me",
                    "direct" => "told",
                    _ => "said",
                };
                self.push(Line {
                    kind,
                    from: self.nick.clone(),
                    is_mine: true,
                    fate: Some("sent"),
                    key: told.data["key"].as_u64(),
                    ..line
                });
            }
            "fate" => self.settle(at, told),
            "text" => self.push(Line {
                kind: "said",
                ..line
            }),
            "me" => self.push(Line { kind: "me", ..line }),
            "direct" => self.push(Line {
                kind: "told",
                ..line
            }),
            "line" => self.push(Line {
                kind: "line",
                ..line
            }),
            "entered" | "members" => {
                let members = names("members").take(MOST_MEMBERS).collect();
                if let Some(known) = self.members_of(room) {
                    *known = members;
                }
                if told.kind == "members" {
                    self.push(Line {
                        kind: "notice",
                        ..line
                    });
                }
            }
            "joined" => {
                if let Some(members) = self.members_of(room)
                    && members.len() < MOST_MEMBERS
                    && from.len() <= LONGEST_NAME
                {
                    members.insert(from.clone());
                }
                self.push(line.ours("joined", format!("{who} joined")));
            }
            "left" | "kicked" => {
                let gone = match told.kind.as_str() {
                    "kicked" => text("to"),
                    _ => from.clone(),
                };
                if let Some(members) = self.members.get_mut(&room) {
                    members.remove(&gone);
                }
                let sentence = match (told.kind.as_str(), line.text.is_empty()) {
                    ("kicked", _) => format!("{} was thrown out", VisibleLine(&gone)),
                    (_, true) => format!("{who} left"),
                    (_, false) => format!("{who} left: {what}"),
                };
                self.push(line.ours("left", sentence));
            }
            "renamed" => {
                for members in self.members.values_mut() {
                    if members.remove(&from) && line.text.len() <= LONGEST_NAME {
                        members.insert(line.text.clone());
                    }
                }
                self.push(line.ours("renamed", format!("{who} is now {what}")));
            }
            "topic" => {
                let sentence = match line.text.is_empty() {
                    true => format!("{who} took the topic away"),
                    false => format!("{who} set the topic: {what}"),
                };
                self.push(line.ours("topic", sentence));
            }
            "error" => {
                self.why.clone_from(&line.text);
                self.push(Line {
                    kind: "refused",
                    ..line
                });
            }
            "lost" => self.push(Line {
                kind: "gap",
                ..line
            }),
            "named" => {}
            "pong" if line.text.is_empty() => {
                self.push(line.ours("notice", "the server is there".to_owned()));
            }
            _ if line.text.is_empty() => {}
            _ => self.push(Line {
                kind: "notice",
                ..line
            }),
        }
    }

    /// Takes what became of what was said.
    fn settle(&mut self, at: i64, told: &Told) {
        let key = told.data["key"].as_u64();
        let is_kept = told.data["fate"] == "kept";
        let mut lines = self.lines.iter_mut().rev();
        if let Some(line) = lines.find(|line| line.key.is_some() && line.key == key) {
            line.fate = Some(if is_kept { "kept" } else { "lost" });
            self.changes += 1;
        }
        let why = told.data["why"].as_str().unwrap_or_default();
        if !is_kept && !why.is_empty() {
            let line = Line {
                at,
                ..Line::default()
            };
            self.push(line.ours("refused", why.to_owned()));
        }
    }
}

impl Line {
    /// It as a sentence of ours.
    fn ours(self, kind: &'static str, text: String) -> Self {
        Self {
            kind,
            text,
            is_ours: true,
            ..self
        }
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_LINE {
        let end = (0..=LONGEST_LINE).rfind(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

/// When it was, in nanoseconds since 1970, as the room writes it.
fn moment(told: &Told) -> Option<i128> {
    let moment: jiff::Timestamp = told.data["ts"].as_str()?.parse().ok()?;
    Some(moment.as_nanosecond())
}

#[cfg(test)]
mod tests;
