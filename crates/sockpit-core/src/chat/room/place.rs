//! A room, and how one comes in and goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::{Alarm, Audience, Draft, Hub, Kind, Member, Name, Notice};
use crate::chat::history::History;
use crate::chat::notice::RoomLine;
use crate::time::Time;

/// One room.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: Name,
    pub(super) topic: Arc<str>,
    /// Whether the topic is younger than what may be recalled.
    pub(super) is_topic_set: bool,
    pub(super) members: BTreeSet<Member>,
    pub(super) history: History,
    /// The members once more, to be shared by all that is delivered until somebody comes or goes.
    list: Option<Arc<[Member]>>,
    /// When its last member left, or something was said in it on another server after that.
    emptied: Time,
    /// Whether it will be looked at whether it is still empty.
    has_alarm: bool,
}

/// The most names and rooms in an answer.
const LISTED: usize = 200;

/// The most names that somebody is told who comes in: a screen has so many lines.
const GREETED: usize = 24;

impl Place {
    pub(super) fn new(name: Name, now: Time) -> Self {
        Self {
            name,
            topic: "".into(),
            is_topic_set: false,
            members: BTreeSet::new(),
            history: History::default(),
            list: None,
            emptied: now,
            has_alarm: false,
        }
    }

    /// Takes that something was said in it, though perhaps by nobody of this server.
    pub(super) const fn use_at(&mut self, now: Time) {
        self.emptied = now;
    }

    pub(super) fn list(&mut self) -> Arc<[Member]> {
        let members = &self.members;
        let list = self
            .list
            .get_or_insert_with(|| members.iter().copied().collect());
        Arc::clone(list)
    }
}

impl Hub {
    /// Lets a member into a room, or says why not; of one who is in it, it becomes the current one.
    pub(super) fn join(
        &mut self,
        now: Time,
        member: Member,
        name: &Name,
        reference: Option<Value>,
    ) {
        let key = name.key();
        let Some(person) = self.people.get_mut(&member) else {
            return;
        };
        if person.is_in(&key) {
            person.turn_to(&key);
            let room = self.shown(&key, name);
            self.tell(now, member, Notice::Current(room), reference);
            return;
        }
        let Some(nick) = person.nick.clone() else {
            return;
        };
        let most = self.settings.max_rooms_each;
        if most <= person.rooms.len() {
            self.tell(now, member, Notice::TooManyRoomsEach(most), reference);
            return;
        }
        if !self.make_place(now, name) {
            let notice = Notice::TooManyRooms(self.settings.max_rooms);
            self.tell(now, member, notice, reference);
            return;
        }
        if let Some(person) = self.people.get_mut(&member) {
            person.turn_to(&key);
        }
        let others = self.names_in(&key, Some(member), GREETED);
        let count = self.count_in(&key);
        let room = self.shown(&key, name);
        if let Some(place) = self.rooms.get_mut(&key) {
            place.members.insert(member);
            place.list = None;
        }
        let entry = self.record(now, Draft::of(Kind::Joined, &room, &nick.shown(), ""));
        self.announce(&key, entry, Some(member));
        let topic = self.rooms.get(&key).map(|place| Arc::clone(&place.topic));
        let entered = Notice::Entered {
            room,
            topic: topic.unwrap_or_else(|| "".into()),
            members: others,
            count,
        };
        self.tell(now, member, entered, reference);
        self.replay(&key, member, self.settings.replay);
    }

    /// Lets a member out of a room.
    pub(super) fn exit(
        &mut self,
        now: Time,
        member: Member,
        room: Option<&str>,
        reference: Option<Value>,
    ) {
        let key = match self.resolve(member, room) {
            Ok(key) => key,
            Err(notice) => return self.tell(now, member, notice, reference),
        };
        let Some(nick) = self.people.get(&member).and_then(|it| it.nick.clone()) else {
            return;
        };
        let Some(room) = self.rooms.get(&key).map(|place| place.name.shown()) else {
            return;
        };
        self.take_out(now, member, &key);
        let entry = self.record(now, Draft::of(Kind::Left, &room, &nick.shown(), ""));
        self.announce(&key, entry, None);
        let current = self.people.get_mut(&member).and_then(|person| {
            person.turn_from(&key);
            person.current()
        });
        let current = current.and_then(|key| Some(self.rooms.get(&key)?.name.shown()));
        self.tell(now, member, Notice::Exited { room, current }, reference);
        self.release(now, &key);
    }

    /// Delivers the last lines of a room once more; says how many.
    pub(super) fn replay(&mut self, key: &str, member: Member, lines: usize) -> usize {
        let Some(place) = self.rooms.get(key) else {
            return 0;
        };
        let lines: Vec<_> = place.history.last(lines).cloned().collect();
        let count = lines.len();
        for line in lines {
            self.deliver(Audience::One(member), line);
        }
        count
    }

    /// Takes a member off a room's list. Whoever calls this looks after the member's own list.
    pub(super) fn take_out(&mut self, now: Time, member: Member, key: &str) {
        if let Some(place) = self.rooms.get_mut(key) {
            place.members.remove(&member);
            place.list = None;
            place.emptied = now;
        }
    }

    /// Forgets a room that is empty and has no history; of one that has, it is looked at later.
    pub(super) fn release(&mut self, now: Time, key: &Arc<str>) {
        let is_default = *key == self.default_room().key();
        let Some(place) = self.rooms.get_mut(key) else {
            return;
        };
        if is_default || !place.members.is_empty() {
            return;
        }
        if place.history.is_empty() && place.topic.is_empty() {
            self.rooms.remove(key);
        } else if !place.has_alarm {
            place.has_alarm = true;
            let due = now + self.settings.keep_empty;
            self.alarms.insert((due, Alarm::Room(Arc::clone(key))));
        }
    }

    /// Forgets a room that has been empty for long.
    pub(super) fn review(&mut self, now: Time, key: &Arc<str>) {
        let Some(place) = self.rooms.get_mut(key) else {
            return;
        };
        place.has_alarm = false;
        if !place.members.is_empty() {
            return;
        }
        let due = place.emptied + self.settings.keep_empty;
        if due <= now {
            self.rooms.remove(key);
        } else {
            place.has_alarm = true;
            self.alarms.insert((due, Alarm::Room(Arc::clone(key))));
        }
    }

    /// Makes a room where there is none; where there are as many as there may be, the one that has
    /// been empty for the longest time gives way. Says whether there is one.
    pub(super) fn make_place(&mut self, now: Time, name: &Name) -> bool {
        let key = name.key();
        if self.rooms.contains_key(&key) {
            return true;
        }
        if self.settings.max_rooms <= self.rooms.len() {
            let default = self.default_room().key();
            let is_spare =
                |(key, place): &(&Arc<str>, &Place)| place.members.is_empty() && **key != default;
            let oldest = self.rooms.iter().filter(is_spare);
            let oldest = oldest.min_by_key(|(_, place)| place.emptied);
            let Some(oldest) = oldest.map(|(key, _)| Arc::clone(key)) else {
                return false;
            };
            self.rooms.remove(&oldest);
        }
        self.rooms.insert(key, Place::new(name.clone(), now));
        true
    }

    /// The key of a room that a member is in, by its name or as the current one.
    pub(super) fn resolve(&self, member: Member, room: Option<&str>) -> Result<Arc<str>, Notice> {
        let Some(person) = self.people.get(&member) else {
            return Err(Notice::Nowhere);
        };
        let Some(room) = room else {
            return person.current().ok_or(Notice::Nowhere);
        };
        let name = room_name(room).map_err(Notice::BadRoom)?;
        match person.is_in(&name.key()) {
            true => Ok(name.key()),
            false => Err(Notice::NotIn(name.to_string())),
        }
    }

    /// Says who is in a room, which need not be one's own.
    pub(super) fn who(&self, member: Member, room: Option<&str>) -> Notice {
        let key = match room {
            Some(room) => match room_name(room) {
                Ok(name) => name.key(),
                Err(error) => return Notice::BadRoom(error),
            },
            None => {
                let current = self.people.get(&member).and_then(super::Person::current);
                current.unwrap_or_else(|| self.default_room().key())
            }
        };
        match self.rooms.get(&key) {
            Some(place) => Notice::Members {
                room: place.name.shown(),
                members: self.names_in(&key, None, LISTED),
                count: self.count_in(&key),
            },
            None => Notice::NoSuchRoom(room.unwrap_or_default().to_owned()),
        }
    }

    /// Lists the rooms that somebody is in, or that are kept.
    pub(super) fn list_rooms(&self) -> Notice {
        let line = |(key, place): (&Arc<str>, &Place)| RoomLine {
            room: place.name.shown(),
            members: self.count_in(key),
            topic: Arc::clone(&place.topic),
        };
        Notice::Rooms {
            rooms: self.rooms.iter().take(LISTED).map(line).collect(),
            count: self.rooms.len(),
        }
    }

    /// The first nicknames of a room.
    fn names_in(&self, key: &str, except: Option<Member>, most: usize) -> Vec<Arc<str>> {
        let place = self.rooms.get(key);
        let members = place.into_iter().flat_map(|place| &place.members);
        let here = members
            .filter(|member| Some(**member) != except)
            .filter_map(|member| Some(self.people.get(member)?.nick.as_ref()?.shown()));
        let mut names: Vec<Arc<str>> = here.chain(self.names_afar(key)).take(most).collect();
        names.sort();
        names
    }

    /// How many are in a room, on all servers.
    pub(super) fn count_in(&self, key: &str) -> usize {
        self.count_here(key) + self.count_afar(key)
    }

    /// How many of them are on this server.
    pub(super) fn count_here(&self, key: &str) -> usize {
        self.rooms.get(key).map_or(0, |place| place.members.len())
    }

    /// A room's name as it was first written.
    fn shown(&self, key: &str, name: &Name) -> Arc<str> {
        let place = self.rooms.get(key);
        place.map_or_else(|| name.shown(), |place| place.name.shown())
    }
}

/// Reads the name of a room, before which there may be a `#`.
pub(super) fn room_name(text: &str) -> Result<Name, crate::chat::nick::NameError> {
    let text = text.trim();
    Name::new(text.strip_prefix('#').unwrap_or(text))
}
