//! What members ask for.

use std::sync::Arc;

use serde_json::Value;

use super::place::room_name;
use super::{Ask, Audience, Draft, Hub, Kind, Line, Member, Name, Notice, Request, View, Why};
use crate::chat::nick::LONGEST;
use crate::time::Time;

/// In characters: the longest topic, as it is told with each list of rooms.
pub(super) const TOPIC: usize = 250;

impl Hub {
    /// Does what a member asks for, or says why not.
    pub(super) fn answer(&mut self, now: Time, member: Member, request: Request) {
        let Request { ask, reference } = request;
        let Some(person) = self.people.get_mut(&member) else {
            return;
        };
        let has_nick = person.nick.is_some();
        let notice = match ask {
            Ask::Own(wants_own) => {
                person.wants_own = wants_own;
                return;
            }
            Ask::Line(text) | Ask::Nick(text) if !has_nick => {
                return self.take_nick(now, member, &text, reference);
            }
            Ask::Rooms => self.list_rooms(),
            Ask::Who(room) => self.who(member, room.as_deref()),
            Ask::Ping(text) => Notice::Pong(text),
            Ask::Help => Notice::Help,
            Ask::Mistake(mistake) => Notice::Mistake(mistake),
            Ask::Quit(text) => {
                return self.dismiss(now, member, Some(Notice::Bye), Why::Left, &text);
            }
            // The visitor's own business.
            Ask::Json(_) | Ask::Echo(_) | Ask::Charset(_) | Ask::Blank | Ask::Ended => return,
            _ if !has_nick => Notice::Unnamed,
            Ask::Line(text) => {
                return self.say(now, member, None, Kind::Text, &text, reference);
            }
            Ask::Text { room, text } => {
                return self.say(now, member, room.as_deref(), Kind::Text, &text, reference);
            }
            Ask::Me { room, text } => {
                return self.say(now, member, room.as_deref(), Kind::Me, &text, reference);
            }
            Ask::Direct { to, text } => {
                return self.say_directly(now, member, &to, &text, reference);
            }
            Ask::Nick(nick) => return self.rename(now, member, &nick, reference),
            Ask::Join(room) => match room_name(&room) {
                Ok(name) => return self.join(now, member, &name, reference),
                Err(error) => Notice::BadRoom(error),
            },
            Ask::Leave(room) => return self.exit(now, member, room.as_deref(), reference),
            Ask::Topic { room, text } => match self.resolve(member, room.as_deref()) {
                Ok(key) => match text {
                    Some(text) => return self.change_topic(now, member, &key, &text),
                    None => self.topic(&key),
                },
                Err(notice) => notice,
            },
            Ask::History { room, lines } => match self.resolve(member, room.as_deref()) {
                Ok(key) => {
                    let lines = lines.unwrap_or(self.settings.replay);
                    if 0 < self.replay(&key, member, lines) {
                        return;
                    }
                    let name = self.rooms.get(&key).map(|place| place.name.shown());
                    Notice::NoHistory(name.unwrap_or(key))
                }
                Err(notice) => notice,
            },
        };
        self.tell(now, member, notice, reference);
    }

    /// Passes on what somebody says in a room, to all others there.
    fn say(
        &mut self,
        now: Time,
        member: Member,
        room: Option<&str>,
        kind: Kind,
        text: &str,
        reference: Option<Value>,
    ) {
        let key = match self.resolve(member, room) {
            Ok(key) => key,
            Err(notice) => return self.tell(now, member, notice, reference),
        };
        let Some((nick, wants_own)) = self.speaker(member) else {
            return;
        };
        let Some(room) = self.rooms.get(&key).map(|place| place.name.shown()) else {
            return;
        };
        let entry = self.record(now, Draft::of(kind, &room, &nick.shown(), text));
        self.counts.said += 1;
        let replayed = Line::of_entry(Arc::clone(&entry), View::Replayed, self.voice());
        if let Some(place) = self.rooms.get_mut(&key) {
            place
                .history
                .push(Arc::new(replayed), self.settings.history);
        }
        self.spread(&key, Arc::clone(&entry), Some(member));
        if wants_own {
            let own = Line::of_entry(entry, View::Own(reference), self.voice());
            self.deliver(Audience::One(member), Arc::new(own));
        }
    }

    /// Passes on what somebody says to one other, who may be on another server; or with a `#` before
    /// the name in a room.
    fn say_directly(
        &mut self,
        now: Time,
        member: Member,
        to: &str,
        text: &str,
        reference: Option<Value>,
    ) {
        if let Some(room) = to.strip_prefix('#') {
            return self.say(now, member, Some(room), Kind::Text, text, reference);
        }
        let Some((nick, wants_own)) = self.speaker(member) else {
            return;
        };
        let here = Name::new(to).ok();
        let here = here.and_then(|name| {
            let member = *self.nicks.get(&name.key())?;
            let name = self.people.get(&member)?.nick.as_ref()?.shown();
            Some((member, name))
        });
        let (addressee, to) = match (here, self.afar(to)) {
            (Some((addressee, name)), _) => (Some(addressee), name),
            (None, Some(name)) => (None, name),
            (None, None) => {
                // A name has so many characters; a whole line is not told again.
                let to = to.chars().take(2 * LONGEST).collect();
                return self.tell(now, member, Notice::NoSuchNick(to), reference);
            }
        };
        let draft = Draft {
            to,
            ..Draft::of(Kind::Direct, "", &nick.shown(), text)
        };
        let entry = self.record(now, draft);
        self.counts.said += 1;
        if let Some(addressee) = addressee {
            let line = Line::of_entry(Arc::clone(&entry), View::Live, self.voice());
            self.deliver(Audience::One(addressee), Arc::new(line));
        }
        if wants_own {
            let own = Line::of_entry(entry, View::Own(reference), self.voice());
            self.deliver(Audience::One(member), Arc::new(own));
        }
    }

    fn change_topic(&mut self, now: Time, member: Member, key: &Arc<str>, text: &str) {
        let Some((nick, _)) = self.speaker(member) else {
            return;
        };
        self.put_topic(now, key, &nick.shown(), text);
    }

    /// Gives a room another topic, and tells everybody there, who set it too.
    pub(super) fn put_topic(&mut self, now: Time, key: &Arc<str>, from: &str, text: &str) {
        let Some(place) = self.rooms.get_mut(key) else {
            return;
        };
        let text: String = text.chars().take(TOPIC).collect();
        place.topic = text.as_str().into();
        place.is_topic_set = true;
        let room = place.name.shown();
        let entry = self.record(now, Draft::of(Kind::Topic, &room, from, &text));
        self.spread(key, entry, None);
    }

    fn topic(&self, key: &Arc<str>) -> Notice {
        let place = self.rooms.get(key);
        place.map_or(Notice::Nowhere, |place| Notice::TopicIs {
            room: place.name.shown(),
            topic: Arc::clone(&place.topic),
        })
    }

    /// The nickname of a member, and whether it wants its own lines.
    fn speaker(&self, member: Member) -> Option<(Name, bool)> {
        let person = self.people.get(&member)?;
        Some((person.nick.clone()?, person.wants_own))
    }
}
