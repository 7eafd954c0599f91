//! One partner that is a Sockpit too: names, ticks and long messages, beside the chat's own port.
//!
//! What people type to a program of anybody's is one datagram a message on the chat's port, and
//! nothing of ours ever goes there. Two Sockpits talk on their *side ports*, which follow from their
//! chat ports ([`side_of`]): one knocks there, and where a Sockpit answers, the conversation goes on
//! there. A program that is no Sockpit has no side port, so it never gets a byte of this protocol.
//!
//! ```text
//!  :7853 ── text ──────────────▶ :7852     with anybody: one datagram, one message
//!  :17853 ─ hello ─────────────▶ :17852    answered only by a Sockpit: welcome
//!  :17853 ─ say, part by part ─▶ :17852
//!         ◀──────────────── got ─          which parts are there: the tick
//! ```
//!
//! One message is under way at a time, its parts at once. A part that is not acknowledged is sent
//! again, three times without progress; then the message is given up and told as unconfirmed.
//! `docs/chat-udp.md` has the bytes.

mod packet;
mod receiving;
mod sending;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::event::{Bytes, Direction, What};
use crate::machine::{Fault, Machine, Output, Reason};
use crate::time::Time;

pub use packet::{MAX_NAME, MAX_PACKET, Packet, PacketError};
use receiving::Receiving;
use sending::{Outcome, Sending};

/// In bytes: the longest message between two Sockpits.
pub const MAX_MESSAGE: usize = packet::PART_SIZE * packet::MAX_PARTS;

/// In bytes: messages that wait for their turn.
const MOST_WAITING: usize = 1024 * 1024;

/// After how long without an answer it is knocked once more.
const KNOCK_AGAIN: Duration = Duration::from_millis(80);

/// A partner that has not answered a knock by then is taken for another program until it does.
const KNOCK_TIME: Duration = Duration::from_millis(200);

/// How long after a knock in vain an answer to it still counts: a busy machine may take seconds to
/// give it, and whoever gives it takes us for known from then on.
const LATE: Duration = Duration::from_secs(5);

/// A side port without a Sockpit, whose sender nobody asked for, is forgotten after this long.
const FORGET: Duration = Duration::from_secs(60);

/// The distance from a chat port to its side port: above the ports that programs like to take, and
/// for those below those that the system gives to clients.
const SIDE_DISTANCE: u32 = 10_000;

/// The side port of a chat port: 10,000 higher, beginning again at 1 after 65,535.
#[must_use]
pub const fn side_of(port: u16) -> u16 {
    shift(port, SIDE_DISTANCE)
}

/// The chat port that a side port belongs to.
#[must_use]
pub const fn chat_of(side: u16) -> u16 {
    shift(side, PORTS - SIDE_DISTANCE)
}

/// Ports of a machine; 0 is none.
const PORTS: u32 = 65_535;

const fn shift(port: u16, by: u32) -> u16 {
    if port == 0 {
        return 0;
    }
    // The sum is below 2 × 65,535, and the remainder below 65,535.
    ((port as u32 - 1 + by) % PORTS + 1) as u16
}

/// Who we are, to partners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// Random, another one in each run; never 0.
    pub id: u64,
    /// What we are called; empty where nobody said.
    pub name: String,
}

/// What happened with a partner that may be a Sockpit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is a Sockpit.
    Met {
        /// Its id of this run.
        id: u64,
        /// What it is called; may be empty.
        name: String,
    },
    /// It is called otherwise.
    Renamed {
        /// What it is called; may be empty.
        name: String,
    },
    /// Nobody answered the knock.
    Silent,
    /// It said something.
    Heard {
        /// The whole message.
        text: String,
    },
    /// A message of ours began to leave.
    Said {
        /// The whole message.
        text: String,
    },
    /// A message of ours is with it, whole.
    Delivered {
        /// What it was given with.
        key: u64,
    },
    /// A message of ours was sent, and nobody acknowledged it: it may have come or not.
    Unconfirmed {
        /// What it was given with.
        key: u64,
    },
    /// A message of ours that no Sockpit got: it is to go the way of other programs.
    Returned {
        /// What it was given with.
        key: u64,
        /// The whole message.
        text: String,
    },
    /// It left.
    Left,
    /// It is a Sockpit no longer: it gave no answer, or its port has no listener.
    Lost,
}

/// How far we know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acquaintance {
    /// Not at all.
    Stranger,
    /// It was knocked, and may still answer.
    Knocked { since: Time, again: Option<Time> },
    /// It is a Sockpit with this id.
    Known(u64),
    /// It is over.
    Closed,
}

/// The conversation with one partner on the side ports.
pub struct Partner {
    me: Me,
    is_known_as: Acquaintance,
    name: String,
    sending: Sending,
    receiving: Receiving,
    /// Whose messages those are: the id of the latest run that was met.
    heard: Option<u64>,
    /// What waits to be said, in bytes.
    waiting: usize,
    outputs: VecDeque<Output<Event>>,
    /// Until when the answer to a knock in vain is taken. An end takes it back: what comes after that
    /// was said before.
    late_until: Option<Time>,
    /// Since when nothing has kept it.
    idle_since: Time,
}

impl Partner {
    /// Begins in silence: either side may knock.
    #[must_use]
    pub fn new(me: Me, now: Time) -> Self {
        Self {
            me,
            is_known_as: Acquaintance::Stranger,
            name: String::new(),
            sending: Sending::default(),
            receiving: Receiving::default(),
            heard: None,
            waiting: 0,
            outputs: VecDeque::new(),
            late_until: None,
            idle_since: now,
        }
    }

    /// Asks whether a Sockpit is there; nothing where that is known, or being asked.
    pub fn knock(&mut self, now: Time) {
        if self.is_known_as == Acquaintance::Stranger {
            self.is_known_as = Acquaintance::Knocked {
                since: now,
                again: Some(now + KNOCK_AGAIN),
            };
            self.transmit(self.hello());
        }
    }

    /// Says something: one [`Event::Delivered`], [`Event::Unconfirmed`] or [`Event::Returned`] with
    /// its `key` follows.
    ///
    /// While it is not known whether a Sockpit is there, it waits for that.
    pub fn say(&mut self, now: Time, key: u64, text: &str) {
        let cost = text.len().saturating_add(64);
        let fits = text.len() <= MAX_MESSAGE && self.waiting.saturating_add(cost) <= MOST_WAITING;
        let is_possible = matches!(
            self.is_known_as,
            Acquaintance::Known(_) | Acquaintance::Knocked { .. }
        );
        if !fits || !is_possible {
            let text = text.to_owned();
            return self.tell(Event::Returned { key, text });
        }
        self.waiting = self.waiting.saturating_add(cost);
        self.sending.push(key, text);
        self.go_on(now);
    }

    /// Goes by another name from here on.
    pub fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.me.name);
        if let Acquaintance::Known(to) = self.is_known_as {
            self.transmit(self.welcome(to));
        }
    }

    /// Says goodbye; what was not delivered is unconfirmed.
    pub fn leave(&mut self) {
        if let Acquaintance::Known(to) = self.is_known_as {
            let from = self.me.id;
            self.transmit(Packet::Bye { from, to }.encode());
        }
        self.give_back();
        self.close(Reason::Local);
    }

    /// Whether a Sockpit is there.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        matches!(self.is_known_as, Acquaintance::Known(_))
    }

    /// What it is called; empty where it did not say.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn hear(&mut self, now: Time, packet: &Packet<'_>) {
        let known = match self.is_known_as {
            Acquaintance::Known(id) => Some(id),
            _ => None,
        };
        match *packet {
            // What comes from ourselves came round by a group or a loop.
            Packet::Hello { from, name } if from != self.me.id => {
                self.meet(now, from, name);
                self.transmit(self.welcome(from));
            }
            Packet::Welcome { from, to, name } if to == self.me.id && from != self.me.id => {
                // Only who was knocked answers, and only one that is known is renamed.
                let is_expected = match self.is_known_as {
                    Acquaintance::Knocked { .. } => true,
                    Acquaintance::Stranger => self.late_until.is_some_and(|until| now < until),
                    Acquaintance::Known(_) | Acquaintance::Closed => false,
                };
                if is_expected || known == Some(from) {
                    self.meet(now, from, name);
                }
            }
            Packet::Say { from, to, part } if to == self.me.id && known == Some(from) => {
                if let Some(parts) = self.receiving.take(&part) {
                    let got = Packet::Got {
                        from: to,
                        to: from,
                        message: part.message,
                        parts,
                    };
                    self.transmit(got.encode());
                }
                if let Some(text) = self.receiving.finished() {
                    self.tell(Event::Heard { text });
                }
            }
            Packet::Got {
                from,
                to,
                message,
                parts,
            } if to == self.me.id && known == Some(from) => {
                if let Some(key) = self.sending.acknowledge(now, message, parts) {
                    self.tell(Event::Delivered { key });
                    self.go_on(now);
                }
            }
            Packet::Bye { from, to } if to == self.me.id && known == Some(from) => {
                self.tell(Event::Left);
                self.part_with();
            }
            _ => {}
        }
    }

    /// Takes that a Sockpit is there; another id is another run of it, which knows nothing of the
    /// messages of the one before.
    fn meet(&mut self, now: Time, id: u64, name: &str) {
        match self.is_known_as {
            Acquaintance::Known(known) if known == id => {
                if self.name != name {
                    name.clone_into(&mut self.name);
                    let name = self.name.clone();
                    self.tell(Event::Renamed { name });
                }
                return;
            }
            Acquaintance::Known(_) => {
                self.tell(Event::Left);
                self.part_with();
            }
            Acquaintance::Closed => return,
            Acquaintance::Stranger | Acquaintance::Knocked { .. } => {}
        }
        self.is_known_as = Acquaintance::Known(id);
        if self.heard.replace(id) != Some(id) {
            self.receiving = Receiving::default();
        }
        name.clone_into(&mut self.name);
        let name = self.name.clone();
        self.tell(Event::Met { id, name });
        self.go_on(now);
    }

    /// Sends what is due, and begins the next message.
    fn go_on(&mut self, now: Time) {
        let Acquaintance::Known(to) = self.is_known_as else {
            return;
        };
        if let Some(text) = self.sending.begin(now) {
            self.waiting = self.waiting.saturating_sub(text.len().saturating_add(64));
            self.tell(Event::Said { text });
        }
        for bytes in self.sending.due(self.me.id, to) {
            self.outputs.push_back(Output::Transmit(bytes));
        }
    }

    /// Forgets that it is a Sockpit, and gives back what it did not get.
    fn part_with(&mut self) {
        self.is_known_as = Acquaintance::Stranger;
        self.late_until = None;
        self.give_back();
    }

    fn give_back(&mut self) {
        for outcome in self.sending.clear() {
            self.tell(match outcome {
                Outcome::Unconfirmed { key } => Event::Unconfirmed { key },
                Outcome::Returned { key, text } => Event::Returned { key, text },
            });
        }
        self.waiting = 0;
    }

    fn hello(&self) -> Bytes {
        Packet::Hello {
            from: self.me.id,
            name: &self.me.name,
        }
        .encode()
    }

    fn welcome(&self, to: u64) -> Bytes {
        Packet::Welcome {
            from: self.me.id,
            to,
            name: &self.me.name,
        }
        .encode()
    }

    fn transmit(&mut self, packet: Bytes) {
        self.outputs.push_back(Output::Transmit(packet));
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn close(&mut self, reason: Reason) {
        if self.is_known_as != Acquaintance::Closed {
            self.is_known_as = Acquaintance::Closed;
            self.outputs.push_back(Output::Close(reason));
        }
    }

    /// When something is to be done.
    fn wake(&self) -> Option<Time> {
        match self.is_known_as {
            Acquaintance::Closed => None,
            Acquaintance::Stranger => Some(self.idle_since + FORGET),
            Acquaintance::Knocked { since, again } => Some(again.unwrap_or(since + KNOCK_TIME)),
            Acquaintance::Known(_) => self.sending.wake(),
        }
    }
}

impl Machine for Partner {
    type Event = Event;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        // What is no packet of ours is nobody's business.
        if let Ok(packet) = Packet::decode(chunk)
            && self.is_known_as != Acquaintance::Closed
        {
            self.hear(now, &packet);
            self.idle_since = now;
        }
    }

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, now: Time, fault: Fault) {
        match (fault, self.is_known_as) {
            (Fault::Refused | Fault::Unreachable, Acquaintance::Knocked { .. }) => {
                self.tell(Event::Silent);
                self.part_with();
            }
            (Fault::Refused, Acquaintance::Known(_)) => {
                // Nobody has the port: what is under way did not come.
                self.sending.rewind();
                self.tell(Event::Lost);
                self.part_with();
            }
            _ if fault.is_fatal() => {
                self.give_back();
                self.close(fault.reason());
            }
            _ => {}
        }
        self.idle_since = now;
    }

    fn handle_timeout(&mut self, now: Time) {
        match self.is_known_as {
            Acquaintance::Stranger if self.idle_since + FORGET <= now => self.close(Reason::Idle),
            Acquaintance::Knocked { since, .. } if since + KNOCK_TIME <= now => {
                self.idle_since = now;
                self.tell(Event::Silent);
                self.part_with();
                self.late_until = Some(now + LATE);
            }
            Acquaintance::Knocked {
                since,
                again: Some(again),
            } if again <= now => {
                self.is_known_as = Acquaintance::Knocked { since, again: None };
                self.transmit(self.hello());
            }
            Acquaintance::Known(_) => match self.sending.expire(now) {
                Some(key) => {
                    self.tell(Event::Unconfirmed { key });
                    self.tell(Event::Lost);
                    self.idle_since = now;
                    self.part_with();
                }
                None => self.go_on(now),
            },
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Output<Event> {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Wait(self.wake()))
    }

    fn handle_stop(&mut self, _now: Time) {
        self.leave();
    }
}

impl From<Event> for What {
    fn from(event: Event) -> Self {
        let note = |kind: &str, data| Self::Note {
            kind: format!("chat.{kind}"),
            message: String::new(),
            data,
        };
        match event {
            Event::Met { id, name } => {
                note("met", json!({ "id": format!("{id:016x}"), "name": name }))
            }
            Event::Renamed { name } => note("renamed", json!({ "name": name })),
            Event::Silent => note("silent", json!({})),
            Event::Heard { text } => frame(Direction::In, text),
            Event::Said { text } => frame(Direction::Out, text),
            Event::Delivered { key } => note("delivered", json!({ "key": key })),
            Event::Unconfirmed { key } => note("unconfirmed", json!({ "key": key })),
            Event::Returned { key, text } => note("returned", json!({ "key": key, "text": text })),
            Event::Left => note("left", json!({})),
            Event::Lost => note("lost", json!({})),
        }
    }
}

fn frame(direction: Direction, text: String) -> What {
    What::Frame {
        direction,
        offset: 0,
        payload: Bytes::copy_from_slice(text.as_bytes()),
        text: Some(text),
        malformed: false,
        partial: false,
        full_len: None,
    }
}

/// As much of a name as partners are told.
#[must_use]
pub fn shorten(name: &str) -> &str {
    packet::cut(name, MAX_NAME)
}

/// The address of a side port as the chat's, or the other way round.
#[must_use]
pub fn with_port(addr: SocketAddr, port: impl FnOnce(u16) -> u16) -> SocketAddr {
    let mut addr = addr;
    addr.set_port(port(addr.port()));
    addr
}

#[cfg(test)]
mod tests;
