//! Nicknames: the answer to the prompt, and another one later.

use serde_json::Value;

use super::place::room_name;
use super::{Draft, Hub, Kind, Member, Name, Notice, Why};
use crate::time::Time;

impl Hub {
    /// Takes the answer to the prompt, `nick` or `nick@room`: its giver enters that room, or the
    /// default one.
    pub(super) fn take_nick(
        &mut self,
        now: Time,
        member: Member,
        answer: &str,
        reference: Option<Value>,
    ) {
        let (nick, room) = answer.split_once('@').unwrap_or((answer, ""));
        let wanted = match Name::new(nick) {
            Ok(name) => name,
            Err(error) => return self.tell(now, member, Notice::BadNick(error), reference),
        };
        let room = match room.trim() {
            "" => self.default_room(),
            room => match room_name(room) {
                Ok(name) => name,
                Err(error) => return self.tell(now, member, Notice::BadRoom(error), reference),
            },
        };
        if self.refuses(now, member, &wanted) {
            return;
        }
        let nick = self.free(&wanted);
        self.nicks.insert(nick.key(), member);
        if let Some(person) = self.people.get_mut(&member) {
            person.nick = Some(nick.clone());
        }
        self.tell_nick(now, member, &nick, &wanted, reference.clone());
        self.join(now, member, &room, reference);
    }

    /// Calls a member otherwise.
    pub(super) fn rename(
        &mut self,
        now: Time,
        member: Member,
        nick: &str,
        reference: Option<Value>,
    ) {
        let wanted = match Name::new(nick) {
            Ok(name) => name,
            Err(error) => return self.tell(now, member, Notice::BadNick(error), reference),
        };
        if self.refuses(now, member, &wanted) {
            return;
        }
        let Some(person) = self.people.get_mut(&member) else {
            return;
        };
        let Some(old) = person.nick.take() else {
            return;
        };
        let rooms = person.rooms.clone();
        // One's own name, in another case, is free.
        self.nicks.remove(&old.key());
        let nick = self.free(&wanted);
        self.nicks.insert(nick.key(), member);
        if let Some(person) = self.people.get_mut(&member) {
            person.nick = Some(nick.clone());
        }
        if nick.as_str() != old.as_str() {
            for key in rooms {
                let Some(room) = self.rooms.get(&key).map(|place| place.name.shown()) else {
                    continue;
                };
                let draft = Draft::of(Kind::Renamed, &room, &old.shown(), &nick.shown());
                let entry = self.record(now, draft);
                self.announce(&key, entry, Some(member));
            }
        }
        self.tell_nick(now, member, &nick, &wanted, reference);
    }

    fn tell_nick(
        &mut self,
        now: Time,
        member: Member,
        nick: &Name,
        wanted: &Name,
        reference: Option<Value>,
    ) {
        let is_other = nick != wanted;
        let notice = Notice::Named {
            nick: nick.shown(),
            wanted: is_other.then(|| wanted.shown()),
        };
        self.tell(now, member, notice, reference);
    }

    /// Dismisses somebody who wants a name that is banned.
    fn refuses(&mut self, now: Time, member: Member, wanted: &Name) -> bool {
        let is_banned = self.bans.iter().any(|ban| ban.is_name(wanted));
        if is_banned {
            let notice = Notice::Banned(String::new());
            self.dismiss(now, member, Some(notice), Why::Refused, "");
        }
        is_banned
    }

    /// The name, or the same with a number that nobody has.
    ///
    /// The numbers in use are taken to begin at 2 and to have no holes, so that thousands who want
    /// the same name find theirs at once; with holes it is still one that nobody has.
    fn free(&self, wanted: &Name) -> Name {
        if !self.is_taken(wanted) {
            return wanted.clone();
        }
        let is_taken = |number: u64| number < 2 || self.is_taken(&wanted.numbered(number));
        let mut free = 2_u64;
        while is_taken(free) {
            free = free.saturating_mul(2);
        }
        let mut taken = free / 2;
        while taken + 1 < free {
            let middle = taken + (free - taken) / 2;
            match is_taken(middle) {
                true => taken = middle,
                false => free = middle,
            }
        }
        wanted.numbered(free)
    }

    fn is_taken(&self, name: &Name) -> bool {
        self.nicks.contains_key(&name.key()) || self.is_afar(name)
    }
}
