//! Rooms: who is in them, what they say, and who gets to hear it.
//!
//! The hub stands above the machines of its visitors. It is told what they ask for, and gives what is
//! to be delivered, to whom, and who is to be dismissed. It opens no socket and reads no clock, so
//! that a test is a room of thousands.
//!
//! ```text
//!  visitor ─ request ─▶ ┌─────┐ ─ deliver ─▶ visitors
//!  visitor ─ request ─▶ │ hub │ ─ log ─────▶ the bus
//!  operator ─ order ──▶ └─────┘ ─ share ───▶ other servers
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

mod ban;
mod cluster;
mod naming;
mod operator;
mod output;
mod person;
mod place;
mod settings;
mod talk;

pub use ban::{Ban, ParseBanError};
pub use cluster::Sighting;
pub use operator::{OrderError, RoomFacts, Somebody, Stat};
pub use output::{Audience, Output, Why};
pub use settings::Settings;

use super::ask::{Ask, Request};
use super::entry::{Entry, Ids, Kind};
use super::flood::Verdict;
use super::line::{Line, View, Voice};
use super::nick::Name;
use super::notice::Notice;
use crate::machine::Reason;
use crate::time::Time;
use cluster::{Node, Seen};
use operator::Counts;
use person::Person;
use place::Place;

/// A visitor's number, which no other gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member(pub u64);

/// What is known of a visitor before a word was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The address, as events have it.
    pub addr: String,
    /// The same, for bans; `None` where the transport has none.
    pub ip: Option<IpAddr>,
    /// Whether it is of this machine.
    pub is_loopback: bool,
}

/// All rooms of a server, and everybody in them.
///
/// Change it by one call, then drain it with [`poll_output`](Hub::poll_output) until it says
/// [`Output::Wait`]. `now` never goes back.
#[derive(Debug)]
pub struct Hub {
    settings: Settings,
    outputs: VecDeque<Output>,
    people: BTreeMap<Member, Person>,
    /// By what is the same for nicknames that are the same.
    nicks: BTreeMap<Arc<str>, Member>,
    rooms: BTreeMap<Arc<str>, Place>,
    alarms: BTreeSet<(Time, Alarm)>,
    bans: BTreeSet<Ban>,
    nodes: BTreeMap<String, Node>,
    seen: Seen,
    ids: Ids,
    counts: Counts,
    is_closing: bool,
}

/// What may be due at a time. Whether it still is, is looked at then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    /// Somebody ought to have a nickname.
    Nick(Member),
    /// Somebody is to be told how many lines were not passed on.
    Flood(Member),
    /// A room has been empty for long.
    Room(Arc<str>),
    /// A server was not heard of.
    Node(String),
}

/// How long lines are counted that were not passed on, before their sender is told.
const TOLD_AFTER: Duration = Duration::from_secs(1);

impl Hub {
    /// A server with its default room.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut hub = Self {
            outputs: VecDeque::new(),
            people: BTreeMap::new(),
            nicks: BTreeMap::new(),
            rooms: BTreeMap::new(),
            alarms: BTreeSet::new(),
            bans: BTreeSet::new(),
            nodes: BTreeMap::new(),
            seen: Seen::default(),
            ids: Ids::new(settings.seed),
            counts: Counts::default(),
            is_closing: false,
            settings,
        };
        let name = hub.default_room();
        let mut place = Place::new(name.clone(), Time::ZERO);
        place.topic = hub.settings.topic.as_str().into();
        place.is_topic_set = !place.topic.is_empty();
        hub.rooms.insert(name.key(), place);
        hub
    }

    /// Takes that a visitor is there, who is greeted, or refused.
    pub fn enter(&mut self, now: Time, member: Member, facts: Facts) {
        let is_banned = self.bans.iter().any(|ban| ban.is_of(facts.ip));
        let refusal = match () {
            () if self.is_closing => Some((Notice::Closing, Why::Closing)),
            () if is_banned => Some((Notice::Banned(String::new()), Why::Refused)),
            () if self.settings.max_members <= self.people.len() => {
                Some((Notice::Full, Why::Refused))
            }
            () => None,
        };
        if let Some((notice, why)) = refusal {
            let line = Some(self.line_of(now, notice, None));
            self.outputs
                .push_back(Output::Dismiss { member, line, why });
            return;
        }
        self.people.insert(member, Person::new(facts, now));
        let due = now + self.settings.nick_within;
        self.alarms.insert((due, Alarm::Nick(member)));
        let room = self.default_room();
        let welcome = Notice::Welcome {
            node: self.settings.node.clone(),
            greeting: self.settings.welcome.clone(),
            room: room.shown(),
            count: self.count_in(&room.key()),
        };
        self.tell(now, member, welcome, None);
    }

    /// Takes what a visitor asks for.
    pub fn hear(&mut self, now: Time, member: Member, request: Request) {
        let Some(person) = self.people.get_mut(&member) else {
            return;
        };
        if request.ask == Ask::Ended {
            self.dismiss(now, member, None, Why::Left, "");
            return;
        }
        let is_free = person.facts.is_loopback && !self.settings.flood_on_loopback;
        let flood = self.settings.flood.filter(|_| !is_free);
        let verdict = flood.map_or(Verdict::Passes, |flood| person.bucket.take(now, flood));
        if verdict != Verdict::Passes {
            self.counts.refused += 1;
        }
        match verdict {
            // It says nothing, and is no sign of somebody who thinks of a nickname.
            Verdict::Passes if request.ask == Ask::Blank => {}
            Verdict::Passes => {
                person.heard = now;
                self.answer(now, member, request);
            }
            // A program knows its lines by their names, and may give them again.
            Verdict::Dropped if request.reference.is_some() => {
                self.tell(now, member, Notice::Flooded(1), request.reference);
            }
            Verdict::Dropped => {
                if person.bucket.owe() {
                    self.alarms.insert((now + TOLD_AFTER, Alarm::Flood(member)));
                }
            }
            Verdict::Enough => {
                self.dismiss(now, member, Some(Notice::Flooding), Why::Flood, "");
            }
        }
    }

    /// Takes that a visitor's link is gone. It may have been dismissed before.
    pub fn leave(&mut self, now: Time, member: Member, cause: Reason) {
        let text = match cause {
            Reason::Fin | Reason::Local => "",
            cause => cause.as_str(),
        };
        self.part(now, member, Parting::Left(text));
    }

    /// Takes the passing of the time that was asked for.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some((due, _)) = self.alarms.first()
            && *due <= now
            && let Some((_, alarm)) = self.alarms.pop_first()
        {
            self.take_alarm(now, alarm);
        }
    }

    /// Gives the next thing to carry out.
    pub fn poll_output(&mut self) -> Output {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Wait(self.alarms.first().map(|(due, _)| *due)))
    }

    fn take_alarm(&mut self, now: Time, alarm: Alarm) {
        match alarm {
            Alarm::Nick(member) => {
                let Some(person) = self.people.get(&member).filter(|it| it.nick.is_none()) else {
                    return;
                };
                let due = person.heard + self.settings.nick_within;
                if now < due {
                    self.alarms.insert((due, Alarm::Nick(member)));
                } else {
                    self.dismiss(now, member, Some(Notice::Late), Why::Refused, "");
                }
            }
            Alarm::Flood(member) => {
                let Some(person) = self.people.get_mut(&member) else {
                    return;
                };
                let untold = person.bucket.untold();
                self.tell(now, member, Notice::Flooded(untold), None);
            }
            Alarm::Room(key) => self.review(now, &key),
            Alarm::Node(node) => self.review_node(now, node),
        }
    }

    /// Ends a visit with a last word; `text` is what the others are told.
    fn dismiss(&mut self, now: Time, member: Member, notice: Option<Notice>, why: Why, text: &str) {
        let line = notice.map(|notice| self.line_of(now, notice, None));
        self.outputs
            .push_back(Output::Dismiss { member, line, why });
        self.part(now, member, Parting::Left(text));
    }

    /// Takes a member out of all rooms, and tells those who are left there.
    fn part(&mut self, now: Time, member: Member, parting: Parting<'_>) {
        let Some(person) = self.people.remove(&member) else {
            return;
        };
        let Some(nick) = person.nick else {
            return;
        };
        self.nicks.remove(&nick.key());
        for key in person.rooms {
            self.take_out(now, member, &key);
            let Some(room) = self.rooms.get(&key).map(|place| place.name.shown()) else {
                continue;
            };
            let draft = match parting {
                Parting::Left(text) => Draft::of(Kind::Left, &room, &nick.shown(), text),
                Parting::Kicked(text) => Draft {
                    to: nick.shown(),
                    ..Draft::of(Kind::Kicked, &room, "", text)
                },
            };
            let entry = self.record(now, draft);
            self.announce(&key, entry, None);
            self.release(now, &key);
        }
    }

    /// Makes an entry, which is logged, and shared with other servers.
    fn record(&mut self, now: Time, draft: Draft) -> Arc<Entry> {
        let at = self.wall(now);
        let entry = Arc::new(Entry {
            id: self.ids.next(at),
            at,
            kind: draft.kind,
            node: self.settings.node.as_str().into(),
            room: draft.room,
            from: draft.from,
            to: draft.to,
            text: draft.text,
        });
        if entry.kind != Kind::Direct || self.settings.logs_direct {
            self.outputs.push_back(Output::Log(Arc::clone(&entry)));
        }
        if self.settings.is_shared {
            self.outputs.push_back(Output::Share(Arc::clone(&entry)));
        }
        entry
    }

    /// Delivers an entry to a room, but not to `except`.
    fn spread(&mut self, key: &Arc<str>, entry: Arc<Entry>, except: Option<Member>) {
        let line = Arc::new(Line::of_entry(entry, View::Live, self.voice()));
        let Some(place) = self.rooms.get_mut(key) else {
            return;
        };
        let to = Audience::Many {
            members: place.list(),
            except,
        };
        self.deliver(to, line);
    }

    /// Delivers who comes and goes, where a room is so small that it is worth the while: in a large
    /// one that would be the square of its members.
    fn announce(&mut self, key: &Arc<str>, entry: Arc<Entry>, except: Option<Member>) {
        if self.count_here(key) <= self.settings.quiet_above {
            self.spread(key, entry, except);
        }
    }

    fn deliver(&mut self, to: Audience, line: Arc<Line>) {
        let count = to.count();
        if 0 < count {
            self.counts.delivered += count as u64;
            self.outputs.push_back(Output::Deliver { to, line });
        }
    }

    /// Tells one member something.
    fn tell(&mut self, now: Time, member: Member, notice: Notice, reference: Option<Value>) {
        let line = self.line_of(now, notice, reference);
        self.deliver(Audience::One(member), line);
    }

    fn line_of(&self, now: Time, notice: Notice, reference: Option<Value>) -> Arc<Line> {
        let line = Line::of_notice(self.wall(now), notice, reference, self.voice());
        Arc::new(line)
    }

    /// In nanoseconds since the Unix epoch.
    const fn wall(&self, now: Time) -> u64 {
        self.settings.epoch.0.saturating_add(now.as_nanos())
    }

    const fn voice(&self) -> Voice {
        Voice {
            language: self.settings.language,
            utc_offset: self.settings.utc_offset,
        }
    }

    fn default_room(&self) -> Name {
        Name::new(&self.settings.room)
            .or_else(|_| Name::new(settings::ROOM))
            .expect("the default of the default room is a name")
    }
}

/// How a member goes, with a reason that may be empty.
#[derive(Clone, Copy)]
enum Parting<'a> {
    Left(&'a str),
    Kicked(&'a str),
}

/// What becomes an entry.
struct Draft {
    kind: Kind,
    room: Arc<str>,
    from: Arc<str>,
    to: Arc<str>,
    text: Arc<str>,
}

impl Draft {
    fn of(kind: Kind, room: &str, from: &str, text: &str) -> Self {
        Self {
            kind,
            room: room.into(),
            from: from.into(),
            to: "".into(),
            text: text.into(),
        }
    }
}

#[cfg(test)]
mod tests;
