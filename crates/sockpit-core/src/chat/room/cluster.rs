//! The same rooms on other servers: what was said there, and who is there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::operator::Somebody;
use super::place::room_name;
use super::talk::TOPIC;
use super::{Alarm, Audience, Entry, Hub, Kind, Line, Name, Output, View};
use crate::chat::entry::Id;
use crate::chat::history::{History, Limits};
use crate::chat::presence::{Presence, Present};
use crate::time::Time;

/// How long a server is believed to be there: three times as long as it may be silent.
const KEPT: Duration = Duration::from_secs(30);

/// How many servers are listened to.
const MOST_NODES: usize = 64;

/// How many ids are remembered, to know again what comes twice.
const REMEMBERED: usize = 8192;

/// Another server.
#[derive(Debug)]
pub(super) struct Node {
    expires: Time,
    people: BTreeMap<Name, BTreeSet<Arc<str>>>,
    /// How many are in each room.
    counts: BTreeMap<Arc<str>, usize>,
}

/// What a heartbeat says of the server that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It is this one, or is passed over.
    Passed,
    /// It was there before.
    Known,
    /// It was not heard of before, and may not have heard of this one.
    New,
    /// Another server, with this seed, has this one's name.
    Namesake(u64),
}

/// The last ids, so that nothing is told twice.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: BTreeSet<Id>,
    order: VecDeque<Id>,
}

impl Seen {
    /// Whether an id is new.
    fn insert(&mut self, id: Id) -> bool {
        let is_new = self.ids.insert(id);
        if is_new {
            self.order.push_back(id);
        }
        if REMEMBERED < self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        is_new
    }
}

impl Node {
    /// Takes that somebody is there, and in a room unless in `most` already.
    fn enter(&mut self, nick: Name, room: Option<Arc<str>>, most: usize) {
        let rooms = self.people.entry(nick).or_default();
        if let Some(room) = room
            && rooms.len() < most
            && rooms.insert(Arc::clone(&room))
        {
            *self.counts.entry(room).or_default() += 1;
        }
    }

    fn exit(&mut self, nick: &Name, room: &Arc<str>) {
        let rooms = self.people.get_mut(nick);
        if rooms.is_some_and(|rooms| rooms.remove(room)) {
            self.uncount(room);
        }
    }

    fn rename(&mut self, nick: &Name, other: Name) {
        if let Some(rooms) = self.people.remove(nick) {
            let replaced = self.people.insert(other, rooms);
            for room in replaced.into_iter().flatten() {
                self.uncount(&room);
            }
        }
    }

    fn uncount(&mut self, room: &Arc<str>) {
        if let Some(count) = self.counts.get_mut(room) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(room);
            }
        }
    }
}

impl Hub {
    /// Takes what happened on another server. What is one's own, has come before, or is not as this
    /// server would make it, is passed over.
    pub fn hear_remote(&mut self, now: Time, entry: Entry) {
        if self.is_closing || entry.id.is_of(self.settings.seed) || !self.seen.insert(entry.id) {
            return;
        }
        let Some((entry, room)) = self.admit(entry) else {
            return;
        };
        self.follow(&entry, room.as_ref());
        let entry = Arc::new(entry);
        if entry.kind == Kind::Direct {
            let to = entry.to.split('@').next().map(Name::new);
            let to = to.and_then(Result::ok);
            if let Some(member) = to.and_then(|to| self.nicks.get(&to.key()).copied()) {
                let line = Line::of_entry(entry, View::Live, self.voice());
                self.deliver(Audience::One(member), Arc::new(line));
            }
            return;
        }
        self.outputs.push_back(Output::Log(Arc::clone(&entry)));
        let Some(room) = room else {
            let to = self.people.keys().copied().collect();
            let line = Line::of_entry(entry, View::Live, self.voice());
            let to = Audience::Many {
                members: to,
                except: None,
            };
            return self.deliver(to, Arc::new(line));
        };
        let key = room.key();
        self.keep(now, &room, &entry, History::push);
        match entry.kind {
            Kind::Topic => {
                if let Some(place) = self.rooms.get_mut(&key) {
                    place.topic = Arc::clone(&entry.text);
                    place.is_topic_set = true;
                }
                self.spread(&key, entry, None);
            }
            Kind::Joined | Kind::Left | Kind::Renamed | Kind::Kicked => {
                self.announce(&key, entry, None);
            }
            Kind::Text | Kind::Me | Kind::Notice | Kind::Direct => self.spread(&key, entry, None),
        }
    }

    /// Takes what was said before this server began, the oldest first: it is told to nobody but
    /// those who come in later. What is one's own is here already.
    pub fn recall(&mut self, now: Time, entry: Entry) {
        if self.is_closing || entry.id.is_of(self.settings.seed) || !self.seen.insert(entry.id) {
            return;
        }
        let Some((entry, Some(room))) = self.admit(entry) else {
            return;
        };
        if entry.kind == Kind::Topic {
            return self.recall_topic(now, &room, entry);
        }
        self.keep(now, &room, &Arc::new(entry), History::recall);
    }

    /// Who is on this server, to be told to others every 10 s.
    #[must_use]
    pub fn presence(&self) -> Presence {
        let name_of = |key: &Arc<str>| Some(self.rooms.get(key)?.name.to_string());
        let present = self.people.values().filter_map(|person| {
            Some(Present {
                nick: person.nick.as_ref()?.to_string(),
                rooms: person.rooms.iter().filter_map(name_of).collect(),
            })
        });
        Presence {
            node: self.settings.node.clone(),
            seed: self.settings.seed,
            members: present.collect(),
        }
    }

    /// Takes who is on another server. It is believed for 30 s.
    pub fn hear_presence(&mut self, now: Time, presence: Presence) -> Sighting {
        let is_own = presence.seed == self.settings.seed || Name::new(&presence.node).is_err();
        let is_known = self.nodes.contains_key(&presence.node);
        if self.is_closing || is_own || !is_known && MOST_NODES <= self.nodes.len() {
            return Sighting::Passed;
        }
        let sighting = match is_known {
            _ if presence.node == self.settings.node => Sighting::Namesake(presence.seed),
            true => Sighting::Known,
            false => Sighting::New,
        };
        let mut node = Node {
            expires: now + KEPT,
            people: BTreeMap::new(),
            counts: BTreeMap::new(),
        };
        for present in presence.members.iter().take(self.settings.max_members) {
            let Ok(nick) = Name::new(&present.nick) else {
                continue;
            };
            let most = self.settings.max_rooms_each;
            node.enter(nick.clone(), None, most);
            let rooms = present.rooms.iter().take(most);
            for room in rooms.filter_map(|room| Name::new(room).ok()) {
                node.enter(nick.clone(), Some(room.key()), most);
            }
        }
        if !is_known {
            let alarm = Alarm::Node(presence.node.clone());
            self.alarms.insert((node.expires, alarm));
        }
        self.nodes.insert(presence.node, node);
        sighting
    }

    /// Forgets a server that was not heard of.
    pub(super) fn review_node(&mut self, now: Time, name: String) {
        let Some(node) = self.nodes.get(&name) else {
            return;
        };
        if now < node.expires {
            self.alarms.insert((node.expires, Alarm::Node(name)));
        } else {
            self.nodes.remove(&name);
        }
    }

    /// Whether a nickname is in use on another server.
    pub(super) fn is_afar(&self, name: &Name) -> bool {
        self.nodes
            .values()
            .any(|node| node.people.contains_key(name))
    }

    /// Somebody of another server as `nick@server`, who may be written without the latter.
    pub(super) fn afar(&self, who: &str) -> Option<Arc<str>> {
        let (nick, server) = match who.split_once('@') {
            Some((nick, server)) => (nick, Some(server)),
            None => (who, None),
        };
        let name = Name::new(nick).ok()?;
        let nodes = self.nodes.iter();
        let mut nodes = nodes.filter(|(node, _)| server.is_none_or(|server| server == *node));
        nodes.find_map(|(server, node)| {
            let (nick, _) = node.people.get_key_value(&name)?;
            Some(format!("{nick}@{server}").into())
        })
    }

    pub(super) fn names_afar(&self, key: &str) -> impl Iterator<Item = Arc<str>> {
        let nodes = self.nodes.values().filter(move |node| {
            let count = node.counts.get(key);
            count.is_some_and(|count| 0 < *count)
        });
        let people = nodes.flat_map(|node| &node.people);
        people
            .filter(move |(_, rooms)| rooms.contains(key))
            .map(|(nick, _)| nick.shown())
    }

    pub(super) fn count_afar(&self, key: &str) -> usize {
        let nodes = self.nodes.values();
        nodes.filter_map(|node| node.counts.get(key)).sum()
    }

    pub(super) fn members_afar(&self, key: Option<&str>) -> impl Iterator<Item = Somebody> {
        let people = self.nodes.iter().flat_map(|(name, node)| {
            let people = node.people.iter();
            people.map(move |(nick, rooms)| (name, nick, rooms))
        });
        people
            .filter(move |(_, _, rooms)| key.is_none_or(|key| rooms.contains(key)))
            .map(|(node, nick, rooms)| Somebody {
                member: None,
                nick: nick.to_string(),
                addr: String::new(),
                node: node.clone(),
                rooms: rooms.iter().map(ToString::to_string).collect(),
                current: String::new(),
            })
    }

    /// Looks whether an entry of another server is as this one would make it, and writes its names so;
    /// who did it is named so that it is nobody of this server.
    fn admit(&self, mut entry: Entry) -> Option<(Entry, Option<Name>)> {
        let is_sized = match entry.kind {
            Kind::Topic => entry.text.chars().take(TOPIC + 1).count() <= TOPIC,
            _ => entry.text.len() <= self.settings.max_text,
        };
        let is_of_one = entry.node.is_empty() || Name::new(&entry.node).is_ok();
        if !is_sized || !is_of_one {
            return None;
        }
        let room = match entry.room.is_empty() {
            true if matches!(entry.kind, Kind::Direct | Kind::Notice) => None,
            true => return None,
            false => Some(room_name(&entry.room).ok()?),
        };
        entry.room = room.as_ref().map_or_else(|| "".into(), Name::shown);
        let is_anonymous = matches!(entry.kind, Kind::Notice | Kind::Topic | Kind::Kicked);
        if !is_anonymous || !entry.from.is_empty() {
            let from = Name::new(&entry.from).ok()?;
            entry.from = match self.nicks.contains_key(&from.key()) {
                true => format!("{from}@{}", entry.node).into(),
                false => from.shown(),
            };
        }
        entry.to = match entry.kind {
            Kind::Kicked => Name::new(&entry.to).ok()?.shown(),
            Kind::Direct => {
                let (nick, server) = entry.to.split_once('@')?;
                let nick = Name::new(nick).ok()?;
                (server == self.settings.node).then(|| format!("{nick}@{server}").into())?
            }
            _ => "".into(),
        };
        if entry.kind == Kind::Renamed {
            entry.text = Name::new(&entry.text).ok()?.shown();
        }
        Some((entry, room))
    }

    /// Learns from an entry who is where.
    fn follow(&mut self, entry: &Entry, room: Option<&Name>) {
        let Some(node) = self.nodes.get_mut(&*entry.node) else {
            return;
        };
        let nick = entry.from.split('@').next().unwrap_or_default();
        let nick = match entry.kind {
            Kind::Kicked => Name::new(&entry.to),
            _ => Name::new(nick),
        };
        let (Ok(nick), Some(room)) = (nick, room) else {
            return;
        };
        match entry.kind {
            Kind::Joined if node.people.len() < self.settings.max_members => {
                node.enter(nick, Some(room.key()), self.settings.max_rooms_each);
            }
            Kind::Left | Kind::Kicked => node.exit(&nick, &room.key()),
            Kind::Renamed => {
                if let Ok(other) = Name::new(&entry.text) {
                    node.rename(&nick, other);
                }
            }
            _ => {}
        }
    }

    /// Takes what a room was about before this server began, unless it has been told since.
    fn recall_topic(&mut self, now: Time, room: &Name, entry: Entry) {
        if !self.make_place(now, room) {
            return;
        }
        let key = room.key();
        if let Some(place) = self.rooms.get_mut(&key)
            && !place.is_topic_set
        {
            place.topic = entry.text;
        }
        self.release(now, &key);
    }

    /// Keeps what was said in the history of its room, which is made for it.
    fn keep(
        &mut self,
        now: Time,
        room: &Name,
        entry: &Arc<Entry>,
        put: fn(&mut History, Arc<Line>, Limits),
    ) {
        if !entry.kind.is_kept() || !self.make_place(now, room) {
            return;
        }
        let line = Line::of_entry(Arc::clone(entry), View::Replayed, self.voice());
        let key = room.key();
        if let Some(place) = self.rooms.get_mut(&key) {
            put(&mut place.history, Arc::new(line), self.settings.history);
            place.use_at(now);
        }
        self.release(now, &key);
    }
}
