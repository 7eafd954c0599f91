//! What a guest hears: a greeting, then what a room of ours says, or the lines of any other chat.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::gather::Gathered;
use super::{Guest, Phase};
use crate::chat::ask::Ask;
use crate::chat::lines::Cut;
use crate::machine::{Output, Reason};
use crate::time::Time;

/// What a line of the greeting of a room of ours begins with.
const GREETING: &str = "* ";

/// What its last line has in it, in each language: how a nickname is answered.
const PROMPTS: [&str; 2] = ["`nick@room`", "`昵称@聊天室`"];

/// Lines that a greeting may have.
const LONGEST_GREETING: usize = 64;

/// Rooms that one is in; a server that says more of them means to fill the memory.
const MOST_ROOMS: usize = 1024;

/// Ids that are remembered, to know what was seen.
const MOST_SEEN: usize = 10_000;

/// Names what is asked for while a link begins.
const NICK: &str = "nick";
const READY: &str = "ready";
const ALIVE: &str = "alive";

impl Guest {
    pub(super) fn take_line(&mut self, now: Time, line: &Cut) {
        let text = line.text.as_str();
        match self.phase {
            Phase::Listening { .. } if !text.starts_with(GREETING) => {
                self.settle_for_plain(now);
                self.tell("line", json!({ "text": text }));
            }
            Phase::Listening { .. } if PROMPTS.iter().any(|prompt| text.contains(prompt)) => {
                self.enter();
            }
            Phase::Listening { .. } => {
                self.greeting.push(text.to_owned());
                if self.greeting.len() > LONGEST_GREETING {
                    self.settle_for_plain(now);
                }
            }
            Phase::Plain => self.tell("line", json!({ "text": text })),
            Phase::Ending { .. } | Phase::Entering { .. } | Phase::Inside { .. } => {
                let value: Option<Value> = serde_json::from_str(text).ok();
                match value {
                    Some(Value::Object(fields)) => self.take_object(now, fields),
                    // The rest of a greeting, or the lines of a chat that is left.
                    _ if matches!(self.phase, Phase::Entering { .. }) => {}
                    _ => self.tell("line", json!({ "text": text })),
                }
            }
            Phase::Away | Phase::Over => {}
        }
    }

    pub(super) fn settle_for_plain(&mut self, now: Time) {
        self.phase = Phase::Plain;
        self.tell_place();
        for text in std::mem::take(&mut self.greeting) {
            self.tell("line", json!({ "text": text }));
        }
        self.advance(now);
    }

    /// Takes nickname and rooms, and asks for what was said meanwhile.
    pub(super) fn enter(&mut self) {
        self.phase = Phase::Entering { again: None };
        self.gathered = Some(Gathered::default());
        self.entered.clear();
        self.outputs
            .push_back(Output::Transmit(Bytes::from_static(b"/json on\n")));
        self.ask_to_be_in();
    }

    /// Asks for the nickname and the rooms that there are not yet, and for what was said meanwhile.
    pub(super) fn ask_to_be_in(&mut self) {
        let wanted = match self.rooms.is_empty() {
            true => self.settings.rooms.clone(),
            false => self.rooms.clone(),
        };
        let mut missing = wanted.clone();
        if self.is_named {
            missing.retain(|room| !self.entered.contains(room));
        } else {
            let nick = match wanted.first() {
                Some(room) => format!("{}@{room}", self.nick),
                None => self.nick.clone(),
            };
            self.request(Ask::Nick(nick), Some(json!(NICK)));
            missing.drain(..1.min(missing.len()));
        }
        for room in missing {
            self.request(Ask::Join(room), None);
        }
        // A room that takes little at once is not asked for its history again and again.
        let lines = self.history().filter(|_| self.pauses <= 1);
        if let Some(lines) = lines.filter(|lines| 0 < *lines) {
            let rooms: Vec<_> = match wanted.is_empty() {
                true => vec![None],
                false => wanted.into_iter().map(Some).collect(),
            };
            for room in rooms {
                let lines = Some(lines);
                self.request(Ask::History { room, lines }, None);
            }
        }
        self.request(Ask::Ping(String::new()), Some(json!(READY)));
    }

    /// How many lines of a history are asked for: all that there are where some may be missing.
    pub(super) fn history(&self) -> Option<usize> {
        match self.links {
            0 | 1 => self.settings.history,
            _ => Some(usize::from(u16::MAX)),
        }
    }

    pub(super) fn take_object(&mut self, now: Time, fields: Map<String, Value>) {
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = field("kind").to_owned();
        let reference = fields.get("ref").cloned();
        let is_asked = |name: &str| reference.as_ref().and_then(Value::as_str) == Some(name);
        match kind.as_str() {
            // What everything begins with, and where one is, which is told as a place.
            "welcome" | "info" if matches!(self.phase, Phase::Entering { .. }) => return,
            "current" => return,
            "pong" if is_asked(ALIVE) => return self.take_answer(now),
            "pong" if is_asked(READY) => return self.be_ready(now),
            "named" => {
                field("from").clone_into(&mut self.nick);
                self.is_named = true;
                self.tell("named", Value::Object(fields));
                return self.tell_place();
            }
            "renamed" if field("from") == self.nick => {
                field("text").clone_into(&mut self.nick);
                self.tell_place();
            }
            "entered" => self.take_room(field("room").to_owned()),
            "exited" => self.drop_room(field("room")),
            "said" => return self.take_receipt(now, &fields),
            // What was refused is said again: nothing is lost.
            "error" if field("code") == "flooded" && self.pause(now) => {
                return self.tell("slowed", Value::Object(fields));
            }
            "error" if self.take_refusal(now, &fields) => return,
            // Who was thrown out does not come again by itself.
            "error" if matches!(field("code"), "kicked" | "banned") => {
                self.is_leaving = true;
                self.give_up();
            }
            _ => {}
        }
        let id = field("id").to_owned();
        if id.is_empty() {
            return self.tell(&kind, Value::Object(fields));
        }
        if self.known.contains(&id) {
            return;
        }
        match &mut self.gathered {
            Some(gathered) => gathered.push(id, fields),
            None => {
                self.see(id);
                self.tell(&kind, Value::Object(fields));
            }
        }
    }

    /// Tells what was gathered while the link began, in its order and once, and goes on from there.
    pub(super) fn be_ready(&mut self, now: Time) {
        if !self.is_named {
            // The room has said why; without a nickname nothing can be done there.
            self.is_leaving = true;
            return self.close(Reason::Error);
        }
        self.phase = Phase::Inside {
            paused_until: None,
            asked: None,
        };
        self.rooms = std::mem::take(&mut self.entered);
        if !self.rooms.contains(&self.current) {
            self.current = self.rooms.first().cloned().unwrap_or_default();
        }
        if let Some(gathered) = self.gathered.take() {
            let most = match self.links {
                0 | 1 => self.settings.history,
                _ => None,
            };
            for (id, fields) in gathered.into_order(most) {
                let kind = fields.get("kind").and_then(Value::as_str);
                let kind = kind.unwrap_or_default().to_owned();
                if let Some(own) = self.doubted(&kind, &fields) {
                    self.see(id);
                    self.fate(own.key, "kept", "");
                    continue;
                }
                if !self.known.contains(&id) {
                    self.see(id);
                    self.tell(&kind, Value::Object(fields));
                }
            }
        }
        // What the last link took, and the room never had, is said again.
        self.say_again();
        self.tell_place();
        self.advance(now);
    }

    pub(super) fn ask_alive(&mut self, now: Time) {
        if let Phase::Inside { asked, .. } = &mut self.phase {
            *asked = Some(now);
        }
        self.request(Ask::Ping(String::new()), Some(json!(ALIVE)));
    }

    pub(super) fn take_answer(&mut self, now: Time) {
        if let Phase::Inside { asked, .. } = &mut self.phase {
            *asked = None;
        }
        if std::mem::take(&mut self.is_flooded) {
            self.say_again();
        }
        self.advance(now);
    }

    pub(super) fn take_room(&mut self, room: String) {
        if self.gathered.is_some() {
            if !self.entered.contains(&room) && self.entered.len() < MOST_ROOMS {
                self.entered.push(room);
            }
            return;
        }
        if !self.rooms.contains(&room) {
            if self.rooms.len() >= MOST_ROOMS {
                return;
            }
            self.rooms.push(room.clone());
        }
        // Somebody who asks for another room wants to talk there.
        self.current = room;
        self.tell_place();
    }

    pub(super) fn drop_room(&mut self, room: &str) {
        self.rooms.retain(|known| known != room);
        if !self.rooms.contains(&self.current) {
            self.current = self.rooms.first().cloned().unwrap_or_default();
        }
        self.tell_place();
    }

    pub(super) fn see(&mut self, id: String) {
        if self.known.insert(id.clone()) {
            self.seen.push_back(id);
        }
        if self.seen.len() > MOST_SEEN
            && let Some(oldest) = self.seen.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
