//! The command link: text comes in a datagram, and its reply leaves when the drone is done with it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::faults::Blow;
use super::obey::Answer;
use super::{Drone, News, Phase, SharedDrone, Ticket};
use crate::event::What;
use crate::machine::{Fault, Machine, Output};
use crate::tello::again::{self, Heard};
use crate::tello::command::{Command, mask};
use crate::text::escape::VisibleLine;
use crate::time::{Measured, Time};

/// The kind of the note of a command that is not answered at once, or not at all.
pub const HEARD: &str = "drone.heard";

/// The kind of the note of a reply.
pub const ANSWERED: &str = "drone.answered";

/// The kind of the note of something that went wrong on demand.
pub const FAULT: &str = "drone.fault";

/// The kind of the note of what a drone did by itself.
pub const NEWS: &str = "drone.news";

/// A motion that somebody else ended is noticed after at most this long.
const LOOK: Duration = Duration::from_millis(50);

/// Replies that wait to leave late; further ones are lost.
const MOST_LATE: usize = 256;

/// In characters: how much of a text a note repeats.
const SHOWN: usize = 200;

/// The conversation with one client of a drone, known by its address.
pub struct DroneLink {
    drone: SharedDrone,
    client: SocketAddr,
    now: Time,
    /// Commands whose replies are still to come.
    pending: BTreeMap<Ticket, Pending>,
    /// Replies that leave later, by time and in order.
    late: BTreeMap<(Time, u64), Bytes>,
    /// Replies so far.
    replies: u64,
    outputs: VecDeque<Output<What>>,
}

/// A command, and how it is answered.
#[derive(Clone, Debug)]
struct Pending {
    shown: String,
    /// Whether its answer holds a password.
    is_secret: bool,
    began: Time,
    blow: Blow,
    /// The prefix of a repetition, where it had one.
    again: Option<Prefix>,
}

#[derive(Clone, Copy, Debug)]
struct Prefix {
    form: again::Again,
    label: u16,
    attempt: u8,
}

impl Prefix {
    /// Puts the prefix of the copy that is answered before a reply.
    fn wrap(self, reply: &[u8]) -> Vec<u8> {
        again::wrap(self.form, self.label, self.attempt, reply)
    }
}

impl DroneLink {
    /// Begins the conversation with a client.
    #[must_use]
    pub fn new(drone: SharedDrone, client: SocketAddr) -> Self {
        Self {
            drone,
            client,
            now: Time::ZERO,
            pending: BTreeMap::new(),
            late: BTreeMap::new(),
            replies: 0,
            outputs: VecDeque::new(),
        }
    }

    fn hear(&mut self, now: Time, datagram: &[u8]) {
        let drone = self.drone.clone();
        drone.with(|drone| {
            drone.advance(now);
            self.hear_with(now, drone, datagram);
        });
    }

    fn hear_with(&mut self, now: Time, drone: &mut Drone, datagram: &[u8]) {
        let wrapped = again::unwrap(datagram).filter(|_| drone.settings.sdk.has_again());
        let (body, again) = match &wrapped {
            Some(wrapped) => {
                let again = Prefix {
                    form: wrapped.form,
                    label: wrapped.label,
                    attempt: wrapped.attempt,
                };
                (wrapped.text, Some(again))
            }
            None => (datagram, None),
        };
        let text = String::from_utf8_lossy(body);
        let text = text.trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace());
        let command = Command::parse(text, drone.settings.sdk).ok();
        let is_secret = command.as_ref().is_some_and(Command::is_answer_secret);
        let shown = match &command {
            Some(command) => clear(command.masked()),
            None => clear(&mask(text)),
        };
        let who = drone.settings.number;
        if matches!(drone.phase, Phase::Off { .. }) {
            return self.tell_heard(who, &shown);
        }
        let word = text.split(' ').next().unwrap_or_default();
        let blow = drone.mishaps.draw(word, drone.is_motion(text));
        if blow.loses_command {
            return self.tell_fault(
                who,
                &shown,
                ("lose-command", "lost on its way to the drone"),
            );
        }
        if let Some(span) = blow.state_stop {
            drone.mute_until = now + span;
            self.tell_fault(who, &shown, ("state-stop", "the state stops"));
        }
        if blow.reboots {
            drone.restart(now);
            self.tell_fault(who, &shown, ("reboot", "the drone starts anew"));
            return self.tell_news(drone);
        }
        if let Some(wrapped) = &wrapped {
            match drone.memory.hear(wrapped) {
                Heard::New => {}
                Heard::Running => return,
                Heard::Answered(reply) => {
                    let pending = Pending {
                        shown,
                        is_secret,
                        began: now,
                        blow,
                        again: None,
                    };
                    let reply = again.map_or_else(|| reply.clone(), |again| again.wrap(&reply));
                    return self.transmit(now, drone, &pending, reply);
                }
            }
        }
        let pending = Pending {
            shown,
            is_secret,
            began: now,
            blow,
            again,
        };
        match drone.obey(now, self.client.ip(), text, pending.blow.error) {
            Answer::Silence => self.tell_heard(who, &pending.shown),
            Answer::Now(reply) => self.answer(now, drone, &pending, &reply),
            Answer::Later(ticket) => {
                self.tell_heard(who, &pending.shown);
                self.pending.insert(ticket, pending);
            }
        }
        self.tell_news(drone);
        self.settle(now, drone);
    }

    /// Takes the replies to what has ended.
    fn settle(&mut self, now: Time, drone: &mut Drone) {
        while let Some((ticket, reply)) =
            drone.take_reply(|ticket| self.pending.contains_key(&ticket))
        {
            if let Some(pending) = self.pending.remove(&ticket) {
                self.answer(now, drone, &pending, &reply);
            }
        }
        if matches!(drone.phase, Phase::Off { .. }) {
            // It will never answer what it has forgotten.
            self.pending.clear();
        }
    }

    fn answer(&mut self, now: Time, drone: &mut Drone, pending: &Pending, reply: &str) {
        let bytes = match pending.again {
            Some(again) => {
                drone
                    .memory
                    .answered(again.form, again.label, reply.as_bytes());
                again.wrap(reply.as_bytes())
            }
            None => reply.as_bytes().to_vec(),
        };
        self.transmit(now, drone, pending, bytes);
    }

    /// Lets a reply leave, as the faults allow.
    fn transmit(&mut self, now: Time, drone: &mut Drone, pending: &Pending, reply: Vec<u8>) {
        let who = drone.settings.number;
        let Pending {
            shown, began, blow, ..
        } = pending;
        if let Some(junk) = drone.mishaps.take_junk() {
            self.outputs.push_back(Output::Transmit(junk.into()));
            self.tell_fault(
                who,
                shown,
                ("junk-first", "a binary packet comes before its reply"),
            );
        }
        let text = String::from_utf8_lossy(&reply);
        let text = match pending.is_secret {
            true => "***".to_owned(),
            false => clear(text.trim_end()),
        };
        if blow.loses_reply {
            let what = format!("its reply `{text}` is lost");
            return self.tell_fault(who, shown, ("lose-reply", &what));
        }
        let reply = Bytes::from(reply);
        let copies = if blow.doubles_reply { 2 } else { 1 };
        for _ in 0..copies {
            self.replies += 1;
            if blow.late.is_zero() {
                self.outputs.push_back(Output::Transmit(reply.clone()));
            } else if self.late.len() < MOST_LATE {
                self.late
                    .insert((now + blow.late, self.replies), reply.clone());
            }
        }
        if copies > 1 {
            self.tell_fault(who, shown, ("double-reply", "its reply comes twice"));
        }
        if !blow.late.is_zero() {
            let late = i64::try_from(blow.late.as_nanos()).unwrap_or(i64::MAX);
            let what = format!("its reply comes {} late", Measured(late));
            self.tell_fault(who, shown, ("late-reply", &what));
        }
        let took = now - *began;
        let took_nanos = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
        let message = match took.is_zero() {
            true => format!("drone {who}: {shown} -> {text}"),
            false => format!("drone {who}: {shown} -> {text} ({})", Measured(took_nanos)),
        };
        let data = json!({
            "drone": who,
            "client": self.client.to_string(),
            "command": shown,
            "reply": text,
            "took": took.as_secs_f64(),
        });
        self.note(ANSWERED, message, data);
    }

    fn tell_news(&mut self, drone: &mut Drone) {
        let who = drone.settings.number;
        while let Some(news) = drone.news.pop_front() {
            let glance = drone.glance();
            let text = match news {
                News::Client => match glance.client {
                    Some(client) => format!("in SDK mode; state goes to {client}"),
                    None => "in SDK mode".to_owned(),
                },
                News::Ports => format!("state goes to port {}", glance.state_port),
                News::Video => match glance.video_port {
                    Some(port) => format!("video goes to port {port}"),
                    None => "no video".to_owned(),
                },
                News::AutoLand => "15 s without a command: it lands".to_owned(),
                News::LowBattery => "the battery is low".to_owned(),
                News::TookOff => "it hovers".to_owned(),
                News::Landed => "it stands on the floor".to_owned(),
                News::Fell => "it fell to the floor".to_owned(),
                News::Off => "it starts anew, and hears nothing for 5 s".to_owned(),
                News::On => "it is there again, and waits for `command`".to_owned(),
            };
            let data = json!({ "drone": who, "news": news.word(), "battery": glance.battery });
            self.note(NEWS, format!("drone {who}: {text}"), data);
        }
    }

    /// Tells of a command that is not answered at once.
    fn tell_heard(&mut self, who: u32, command: &str) {
        let client = self.client.to_string();
        let data = json!({ "drone": who, "client": client, "command": command });
        self.note(HEARD, format!("drone {who}: {command}"), data);
    }

    /// `fault` is the sort's name, and what happened.
    fn tell_fault(&mut self, who: u32, command: &str, fault: (&str, &str)) {
        let (sort, what) = fault;
        let message = format!("drone {who}: {command}: {what}");
        let data = json!({ "drone": who, "command": command, "fault": sort });
        self.note(FAULT, message, data);
    }

    fn note(&mut self, kind: &str, message: String, data: serde_json::Value) {
        self.outputs.push_back(Output::Event(What::Note {
            kind: kind.to_owned(),
            message,
            data,
        }));
    }

    /// When it wants to be woken.
    fn wake(&self) -> Option<Time> {
        let late = self.late.first_key_value().map(|((at, _), _)| *at);
        let change = self.drone.with(|drone| drone.next_change());
        let look = (!self.pending.is_empty()).then(|| self.now + LOOK);
        let change = match (change, look) {
            (Some(change), Some(look)) => Some(change.min(look)),
            (change, look) => change.or(look),
        };
        late.into_iter().chain(change).min()
    }
}

impl Machine for DroneLink {
    type Event = What;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.now = now;
        self.hear(now, chunk);
    }

    fn handle_end(&mut self, _: Time) {}

    fn handle_fault(&mut self, _: Time, _: Fault) {}

    fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        while let Some(entry) = self.late.first_entry().filter(|entry| entry.key().0 <= now) {
            self.outputs.push_back(Output::Transmit(entry.remove()));
        }
        let drone = self.drone.clone();
        drone.with(|drone| {
            drone.advance(now);
            self.tell_news(drone);
            self.settle(now, drone);
        });
    }

    fn poll_output(&mut self) -> Output<What> {
        match self.outputs.pop_front() {
            Some(output) => output,
            None => Output::Wait(self.wake()),
        }
    }
}

impl Drone {
    /// The first reply whose ticket is wanted.
    fn take_reply(&mut self, is_wanted: impl Fn(Ticket) -> bool) -> Option<(Ticket, String)> {
        let index = self
            .done
            .iter()
            .position(|(ticket, _)| is_wanted(*ticket))?;
        self.done.remove(index)
    }
}

impl News {
    /// Its word in a note.
    const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Ports => "ports",
            Self::Video => "video",
            Self::AutoLand => "auto-land",
            Self::LowBattery => "low-battery",
            Self::TookOff => "took-off",
            Self::Landed => "landed",
            Self::Fell => "fell",
            Self::Off => "off",
            Self::On => "on",
        }
    }
}

/// A text as it may be told: on one line, and not all of a long one.
fn clear(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    VisibleLine(&short).to_string()
}

#[cfg(test)]
mod tests;
