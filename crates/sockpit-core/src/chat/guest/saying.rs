//! What a guest says: in order, again where a room never had it, and what became of it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{ANSWER, Guest, Phase, Refusal};
use crate::chat::ask::Ask;
use crate::machine::Output;
use crate::time::Time;

/// Messages that were sent and not acknowledged. One at a time keeps them in order where a room
/// refuses some as too much, and takes the next ones.
const WINDOW: usize = 1;

/// How long a room that refused a message as one too many is given; each time that it takes none
/// after that, twice as long.
pub(super) const FLOOD_PAUSE: Duration = Duration::from_secs(1);

/// Pauses grow to sixteen seconds.
const MOST_DOUBLINGS: u32 = 4;

/// How long the server's end is waited for once ours is sent.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// A message of the guest's own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Own {
    pub(super) key: u64,
    pub(super) ask: Ask,
    /// Whether it was told that it is said; it may be sent again.
    pub(super) is_told: bool,
}

impl Own {
    /// Its kind, room, addressee and text.
    pub(super) fn parts(&self) -> [&str; 4] {
        match &self.ask {
            Ask::Text { room, text } => ["text", room.as_deref().unwrap_or(""), "", text],
            Ask::Me { room, text } => ["me", room.as_deref().unwrap_or(""), "", text],
            Ask::Direct { to, text } => ["direct", "", to, text],
            _ => [""; 4],
        }
    }
}

impl Guest {
    pub(super) fn say(&mut self, ask: Ask) {
        let key = self.next_key;
        self.next_key += 1;
        let ask = self.in_current(ask);
        self.waiting.push_back(Own {
            key,
            ask,
            is_told: false,
        });
    }

    /// What is asked of no room in particular is asked of the one that is talked in.
    pub(super) fn in_current(&self, mut ask: Ask) -> Ask {
        if let Ask::Text { room, .. }
        | Ask::Me { room, .. }
        | Ask::Leave(room)
        | Ask::Who(room)
        | Ask::Topic { room, .. }
        | Ask::History { room, .. } = &mut ask
            && room.is_none()
            && !self.current.is_empty()
        {
            *room = Some(self.current.clone());
        }
        ask
    }

    /// Says what waits, as far as the link is there for it.
    pub(super) fn advance(&mut self, now: Time) {
        match self.phase {
            Phase::Plain => self.say_plainly(),
            Phase::Inside {
                paused_until: None, ..
            } if !self.is_flooded => self.say_in_room(),
            _ => {}
        }
        let is_done = self.is_leaving && self.unsaid() == 0;
        match self.phase {
            Phase::Inside { .. } if is_done => {
                self.request(Ask::Quit(String::new()), None);
                let until = now + ANSWER;
                self.phase = Phase::Ending { until };
            }
            Phase::Plain if is_done => {
                self.outputs.push_back(Output::Shutdown);
                let until = now + FAREWELL;
                self.phase = Phase::Ending { until };
            }
            _ => {}
        }
    }

    pub(super) fn say_plainly(&mut self) {
        while let Some(own) = self.waiting.pop_front() {
            let text = match &own.ask {
                Ask::Text { text, .. } => format!("{text}\n"),
                Ask::Me { text, .. } => format!("/me {text}\n"),
                _ => {
                    self.tell_own(&own);
                    self.fate(own.key, "lost", &Refusal::Plain.to_string());
                    continue;
                }
            };
            self.tell_own(&own);
            match self.settings.charset.encode(&text) {
                Ok(bytes) => {
                    let bytes = Bytes::copy_from_slice(&bytes);
                    self.outputs.push_back(Output::Transmit(bytes));
                }
                Err(error) => self.fate(own.key, "lost", &error.to_string()),
            }
        }
    }

    pub(super) fn say_in_room(&mut self) {
        while self.doubtful.len() < WINDOW
            && let Some(mut own) = self.waiting.pop_front()
        {
            // What was said before there was a room.
            own.ask = self.in_current(own.ask);
            self.request(own.ask.clone(), Some(json!(own.key)));
            if !own.is_told {
                own.is_told = true;
                self.tell_own(&own);
            }
            self.doubtful.push_back(own);
        }
    }

    pub(super) fn tell_own(&mut self, own: &Own) {
        let [kind, room, to, text] = own.parts();
        let data = json!({
            "key": own.key,
            "kind": kind,
            "from": self.nick,
            "room": room,
            "to": to,
            "text": text,
        });
        self.tell("own", data);
    }

    pub(super) fn fate(&mut self, key: u64, fate: &str, why: &str) {
        self.tell("fate", json!({ "key": key, "fate": fate, "why": why }));
    }

    /// A message of ours whose receipt was lost with a link, if this is it.
    pub(super) fn doubted(&mut self, kind: &str, fields: &Map<String, Value>) -> Option<Own> {
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_it = |own: &Own| {
            let [its_kind, room, _, text] = own.parts();
            its_kind == kind
                && text == field("text")
                && room == field("room")
                && self.nick == field("from")
        };
        let place = self.doubtful.iter().position(is_it)?;
        self.doubtful.remove(place)
    }

    pub(super) fn take_receipt(&mut self, now: Time, fields: &Map<String, Value>) {
        if let Some(id) = fields.get("id").and_then(Value::as_str) {
            self.see(id.to_owned());
        }
        if let Some(own) = self.of_reference(fields) {
            self.pauses = 0;
            self.fate(own.key, "kept", "");
        }
        self.advance(now);
    }

    /// Takes that something was refused; `true` if that was a message of ours.
    pub(super) fn take_refusal(&mut self, now: Time, fields: &Map<String, Value>) -> bool {
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(own) = self.of_reference(fields) else {
            return false;
        };
        self.fate(own.key, "lost", field("text"));
        self.advance(now);
        true
    }

    /// Takes that some of what we sent was refused as too much; `true` if that is what a guest says
    /// again by itself. Which, is known once everything before a question is answered.
    pub(super) fn pause(&mut self, now: Time) -> bool {
        let until = now + FLOOD_PAUSE * 2u32.pow(self.pauses.min(MOST_DOUBLINGS));
        self.pauses = self.pauses.saturating_add(1);
        match &mut self.phase {
            Phase::Entering { again } => {
                *again = Some(until);
                return true;
            }
            // The goodbye; everything else has arrived.
            Phase::Ending { until } => {
                *until = (*until).min(now + FAREWELL);
                return true;
            }
            Phase::Inside { paused_until, .. } => *paused_until = Some(until),
            _ => {}
        }
        // It may be the question itself.
        let is_asked = std::mem::replace(&mut self.is_flooded, true);
        is_asked || !self.doubtful.is_empty()
    }

    /// The message of ours that an answer is about.
    pub(super) fn of_reference(&mut self, fields: &Map<String, Value>) -> Option<Own> {
        let key = fields.get("ref").and_then(Value::as_u64)?;
        let place = self.doubtful.iter().position(|own| own.key == key)?;
        self.doubtful.remove(place)
    }

    /// Says again what the room never had.
    pub(super) fn say_again(&mut self) {
        while let Some(own) = self.doubtful.pop_back() {
            self.waiting.push_front(own);
        }
    }
}
