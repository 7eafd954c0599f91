//! What the operator of a server may do.

use std::sync::Arc;

use super::place::room_name;
use super::{
    Audience, Ban, Draft, Hub, Kind, Line, Member, Name, Notice, Output, Parting, View, Why,
};
use crate::text::escape::VisibleLine;
use crate::time::Time;

/// A room, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomFacts {
    /// Its name.
    pub name: String,
    /// How many are in it, of this server,
    pub members: usize,
    /// and of others.
    pub remote: usize,
    /// What it is about.
    pub topic: String,
    /// How many lines of it are kept.
    pub kept: usize,
}

/// A member, as an operator sees one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Somebody {
    /// The number; `None` of one who is on another server.
    pub member: Option<Member>,
    /// Empty until one was said.
    pub nick: String,
    /// As events have it; empty of one who is on another server.
    pub addr: String,
    /// The other server; else empty.
    pub node: String,
    /// The rooms.
    pub rooms: Vec<String>,
    /// The one that what is said goes to; may be empty.
    pub current: String,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Who has a nickname.
    pub members: usize,
    /// Who has none.
    pub unnamed: usize,
    /// On other servers.
    pub remote: usize,
    /// How many rooms there are.
    pub rooms: usize,
    /// Lines that were said.
    pub said: u64,
    /// Lines that were delivered, once for each who got it.
    pub delivered: u64,
    /// Lines that were not passed on, because somebody sent too many.
    pub refused: u64,
    /// How many bans there are.
    pub bans: usize,
}

/// Lines so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) said: u64,
    pub(super) delivered: u64,
    pub(super) refused: u64,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// No member of this server is called so.
    #[error("nobody is called `{}`", VisibleLine(_0))]
    NoSuchNick(String),
    /// There is no such room.
    #[error("there is no room `{}`", VisibleLine(_0))]
    NoSuchRoom(String),
    /// Nobody is banned so.
    #[error("there is no ban of `{_0}`")]
    NoSuchBan(String),
}

impl Hub {
    /// Throws somebody out, and gives the nickname as it is.
    ///
    /// # Errors
    ///
    /// Nobody of this server is called so.
    pub fn kick(&mut self, now: Time, who: &str, why: &str) -> Result<String, OrderError> {
        let member = self.find(who)?;
        let nick = self.nick_of(member);
        self.throw_out(now, member, Notice::Kicked(why.to_owned()), why);
        Ok(nick)
    }

    /// Lets nobody in any more whom a ban is of, and throws out who is there: those are given.
    pub fn ban(&mut self, now: Time, ban: Ban, why: &str) -> Vec<String> {
        let is_banned = |member: &Member| {
            self.people.get(member).is_some_and(|person| {
                let nick = person.nick.as_ref();
                ban.is_of(person.facts.ip) || nick.is_some_and(|nick| ban.is_name(nick))
            })
        };
        let banned: Vec<Member> = self.people.keys().copied().filter(is_banned).collect();
        self.bans.insert(ban);
        let thrown = banned.into_iter().map(|member| {
            let nick = self.nick_of(member);
            self.throw_out(now, member, Notice::Banned(why.to_owned()), why);
            nick
        });
        thrown.collect()
    }

    /// Lifts a ban.
    ///
    /// # Errors
    ///
    /// There is none such.
    pub fn unban(&mut self, ban: &Ban) -> Result<(), OrderError> {
        match self.bans.remove(ban) {
            true => Ok(()),
            false => Err(OrderError::NoSuchBan(ban.to_string())),
        }
    }

    /// Every ban.
    #[must_use]
    pub fn bans(&self) -> Vec<Ban> {
        self.bans.iter().cloned().collect()
    }

    /// The ban of a member's address; `None` where nobody is called so, or there is no address.
    #[must_use]
    pub fn ban_of(&self, who: &str) -> Option<Ban> {
        let member = self.find(who).ok()?;
        Some(Ban::of_ip(self.people.get(&member)?.facts.ip?))
    }

    /// Tells everybody something, or those in a room; says how many that are.
    ///
    /// # Errors
    ///
    /// There is no such room.
    pub fn notify(
        &mut self,
        now: Time,
        room: Option<&str>,
        text: &str,
    ) -> Result<usize, OrderError> {
        let (room, to) = match room {
            Some(room) => {
                let key = self.find_room(room)?;
                let place = self.rooms.get_mut(&key);
                let place = place.ok_or_else(|| OrderError::NoSuchRoom(room.to_owned()))?;
                (place.name.shown(), place.list())
            }
            None => ("".into(), self.everybody()),
        };
        let entry = self.record(now, Draft::of(Kind::Notice, &room, "", text));
        let line = Line::of_entry(entry, View::Live, self.voice());
        let to = Audience::Many {
            members: to,
            except: None,
        };
        let count = to.count();
        self.deliver(to, Arc::new(line));
        Ok(count)
    }

    /// Gives a room a topic.
    ///
    /// # Errors
    ///
    /// There is no such room.
    pub fn set_topic(&mut self, now: Time, room: &str, text: &str) -> Result<(), OrderError> {
        let key = self.find_room(room)?;
        self.put_topic(now, &key, "", text);
        Ok(())
    }

    /// Tells everybody that the server ends, and dismisses them. Nobody is let in any more.
    pub fn close(&mut self, now: Time) {
        self.is_closing = true;
        let line = self.line_of(now, Notice::Closing, None);
        for member in std::mem::take(&mut self.people).into_keys() {
            self.outputs.push_back(Output::Dismiss {
                member,
                line: Some(Arc::clone(&line)),
                why: Why::Closing,
            });
        }
        self.nicks.clear();
        self.rooms.clear();
        self.alarms.clear();
    }

    /// Every room.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomFacts> {
        let facts = |(key, place): (&Arc<str>, &super::Place)| RoomFacts {
            name: place.name.to_string(),
            members: place.members.len(),
            remote: self.count_afar(key),
            topic: place.topic.to_string(),
            kept: place.history.len(),
        };
        self.rooms.iter().map(facts).collect()
    }

    /// Everybody, or everybody in a room: of this server, and then of others.
    #[must_use]
    pub fn members(&self, room: Option<&str>) -> Vec<Somebody> {
        let key = room.map(|room| room_name(room).map(|name| name.key()));
        let Ok(key) = key.transpose() else {
            return Vec::new();
        };
        let name_of = |key: &Arc<str>| {
            let place = self.rooms.get(key);
            place.map_or_else(String::new, |place| place.name.to_string())
        };
        let people = self.people.iter();
        let people = people.filter(|(_, it)| key.as_ref().is_none_or(|key| it.is_in(key)));
        let here = people.map(|(member, person)| Somebody {
            member: Some(*member),
            nick: person
                .nick
                .as_ref()
                .map_or_else(String::new, Name::to_string),
            addr: person.facts.addr.clone(),
            node: String::new(),
            rooms: person.rooms.iter().map(&name_of).collect(),
            current: person.rooms.last().map_or_else(String::new, &name_of),
        });
        here.chain(self.members_afar(key.as_deref())).collect()
    }

    /// What has happened so far.
    #[must_use]
    pub fn stat(&self) -> Stat {
        Stat {
            members: self.nicks.len(),
            unnamed: self.people.len() - self.nicks.len(),
            remote: self.members_afar(None).count(),
            rooms: self.rooms.len(),
            said: self.counts.said,
            delivered: self.counts.delivered,
            refused: self.counts.refused,
            bans: self.bans.len(),
        }
    }

    fn throw_out(&mut self, now: Time, member: Member, notice: Notice, text: &str) {
        let line = Some(self.line_of(now, notice, None));
        let why = Why::Kicked;
        self.outputs
            .push_back(Output::Dismiss { member, line, why });
        self.part(now, member, Parting::Kicked(text));
    }

    fn everybody(&self) -> Arc<[Member]> {
        self.people.keys().copied().collect()
    }

    fn nick_of(&self, member: Member) -> String {
        let nick = self.people.get(&member).and_then(|it| it.nick.as_ref());
        nick.map_or_else(String::new, Name::to_string)
    }

    fn find(&self, who: &str) -> Result<Member, OrderError> {
        let member = Name::new(who).ok();
        let member = member.and_then(|name| self.nicks.get(&name.key()).copied());
        member.ok_or_else(|| OrderError::NoSuchNick(who.to_owned()))
    }

    fn find_room(&self, room: &str) -> Result<Arc<str>, OrderError> {
        let key = room_name(room).ok().map(|name| name.key());
        key.filter(|key| self.rooms.contains_key(key))
            .ok_or_else(|| OrderError::NoSuchRoom(room.to_owned()))
    }
}
