//! What we hear: messages of anybody, what became of ours, who comes and goes.

use std::net::SocketAddr;

use serde_json::{Value, json};
use sockpit_core::chat::announce::{Announcement, Change, Neighbour};
use sockpit_core::chat::circle::{MAX_ADOPTED, Way};
use sockpit_core::chat::partner::{chat_of, with_port};
use sockpit_core::event::{Direction, Event, FaultKind, What, socket_addr};
use tokio::time::Instant;

use super::super::drawing;
use super::{Conversation, To};

impl Conversation<'_> {
    pub(super) async fn hear(&mut self, event: &Event) {
        self.now = self.now.max(event.time);
        if event.session == self.sockets.plain.number() {
            return self.hear_plain(event);
        }
        let side = self
            .sockets
            .side
            .as_ref()
            .map(sockpit_engine::Session::number);
        if Some(event.session) == side {
            return self.hear_side(event).await;
        }
        let discovery = self.sockets.discovery.as_ref();
        if discovery.is_some_and(|discovery| discovery.has(event.session))
            && let What::Note { kind, data, .. } = &event.what
            && kind == "chat.announced"
        {
            self.hear_announcement(event, data).await;
        }
    }

    /// Something came to the chat's own port, or went from it.
    fn hear_plain(&mut self, event: &Event) {
        match &event.what {
            What::Opened { addr, .. } => {
                if let Some((_, addr)) = socket_addr(addr) {
                    self.plain_addrs.insert(event.peer, addr);
                }
            }
            What::Closed { .. } => {
                self.plain_addrs.remove(&event.peer);
            }
            What::Fault {
                kind: FaultKind::Refused,
                ..
            } => {
                self.has_refused = true;
            }
            What::Frame {
                direction: Direction::In,
                payload,
                text,
                ..
            } => {
                let Some(&from) = self.plain_addrs.get(&event.peer) else {
                    return;
                };
                self.stirred = Instant::now();
                let Some((number, is_new)) = self.circle.hear(from) else {
                    return self.refuse_strangers();
                };
                let text = match text {
                    Some(text) => text.clone(),
                    None => String::from_utf8_lossy(payload).into_owned(),
                };
                self.show(number, from, &text);
                if is_new {
                    self.welcome(number);
                }
            }
            _ => {}
        }
    }

    /// Something happened with another Sockpit.
    async fn hear_side(&mut self, event: &Event) {
        if let What::Opened { addr, .. } = &event.what {
            if let Some((_, addr)) = socket_addr(addr) {
                self.side_addrs.insert(event.peer, addr);
            }
            return;
        }
        let Some(&addr) = self.side_addrs.get(&event.peer) else {
            return;
        };
        let chat = with_port(addr, chat_of);
        match &event.what {
            What::Closed { .. } => {
                self.side_addrs.remove(&event.peer);
                if let Some(number) = self.circle.at(chat)
                    && self.side_peers.get(&number) == Some(&event.peer)
                {
                    self.side_peers.remove(&number);
                    self.set_way(number, Way::Plain);
                    // What the conversation did not take with it.
                    let whose = |(key, (whose, _)): (&u64, &(u32, String))| {
                        (*whose == number).then_some(*key)
                    };
                    let keys: Vec<u64> = self.outstanding.iter().filter_map(whose).collect();
                    for key in keys {
                        self.resend(key).await;
                    }
                }
            }
            What::Frame {
                direction: Direction::In,
                text: Some(text),
                ..
            } => {
                self.stirred = Instant::now();
                if let Some(number) = self.circle.at(chat) {
                    self.show(number, chat, text);
                }
            }
            What::Note { kind, data, .. } => {
                self.hear_note(event.peer, chat, kind, data).await;
            }
            _ => {}
        }
    }

    async fn hear_note(&mut self, peer: u32, chat: SocketAddr, kind: &str, data: &Value) {
        let name = data["name"].as_str().unwrap_or_default();
        let key = data["key"].as_u64().unwrap_or_default();
        match kind {
            "chat.met" => {
                let Some((number, is_new)) = self.circle.meet(chat, name) else {
                    return;
                };
                self.side_peers.insert(number, peer);
                self.notice(&format!("{} at {chat} is a Sockpit", self.called(number)));
                self.meet_company();
                if is_new {
                    self.welcome(number);
                }
            }
            "chat.renamed" => {
                if let Some(number) = self.circle.at(chat) {
                    let before = self.called(number);
                    self.circle.name(number, name);
                    self.notice(&format!("{before} is called {} now", self.called(number)));
                    self.meet_company();
                }
            }
            "chat.silent" => {
                if let Some(number) = self.circle.at(chat) {
                    self.set_way(number, Way::Plain);
                }
            }
            "chat.left" | "chat.lost" => {
                if let Some(number) = self.circle.at(chat) {
                    self.set_way(number, Way::Plain);
                    let whom = self.called(number);
                    self.notice(&match kind {
                        "chat.left" => format!("{whom} left"),
                        _ => format!("{whom} does not answer any more"),
                    });
                    // Another program may take its port.
                    self.circle.name(number, "");
                    self.meet_company();
                }
            }
            "chat.delivered" if self.settle(key).is_some() => self.fate(key, "delivered"),
            "chat.unconfirmed" if self.settle(key).is_some() => {
                self.has_failed = true;
                self.fate(key, "unconfirmed");
            }
            "chat.returned" => self.resend(key).await,
            _ => {}
        }
    }

    async fn hear_announcement(&mut self, event: &Event, data: &Value) {
        let Some(announcement) = announcement_of(data) else {
            return;
        };
        // The peer of an announcement is known by its address, which the session tells.
        let Some(from) = self.announcer(event).await else {
            return;
        };
        let change = self
            .neighbours
            .hear(event.time, self.me.id, from, &announcement);
        match change {
            Some(Change::Came(neighbour)) => {
                let Some(number) = self.circle.take_announced(neighbour.addr) else {
                    return;
                };
                self.circle.name(number, &neighbour.name);
                self.notice(&format!("{} is on the local network", self.called(number)));
                self.knock(number).await;
                self.meet_company();
                self.welcome(number);
                // Whoever comes learns of us at once.
                self.announce(true).await;
            }
            Some(Change::Changed(neighbour)) => {
                if let Some(number) = self.circle.take_announced(neighbour.addr) {
                    self.circle.name(number, &neighbour.name);
                    self.meet_company();
                }
            }
            Some(Change::Went(neighbour)) => self.tell_gone(&neighbour),
            None => {}
        }
    }

    async fn announcer(&self, event: &Event) -> Option<SocketAddr> {
        self.sockets
            .discovery
            .as_ref()?
            .addr(event.session, event.peer)
            .await
    }

    pub(super) fn tell_gone(&self, neighbour: &Neighbour) {
        if let Some(number) = self.circle.at(neighbour.addr) {
            self.notice(&format!("{} left the local network", self.called(number)));
        }
    }

    /// Says once that some are not heard.
    fn refuse_strangers(&mut self) {
        if !std::mem::replace(&mut self.has_refused_strangers, true) {
            self.notice(&format!(
                "{MAX_ADOPTED} strangers have spoken; what further ones say is not shown"
            ));
        }
    }

    fn set_way(&mut self, number: u32, way: Way) {
        if let Some(partner) = self.circle.partner_mut(number) {
            partner.way = way;
        }
    }

    fn show(&self, number: u32, from: SocketAddr, text: &str) {
        let shown = self.circle.shown(number);
        let data = json!({
            "dir": "in",
            "partner": number,
            "addr": from.to_string(),
            "from": shown,
            "text": text,
        });
        self.note(drawing::MESSAGE, "", data);
    }

    /// Somebody came who was not expected; the first one is talked to.
    fn welcome(&mut self, number: u32) {
        self.meet_company();
        let called = self.called(number);
        if self.to == To::Nobody {
            self.to = To::One(number);
            self.notice(&format!("what you type goes to {called}"));
        } else if self.to != To::One(number) && self.to != To::All {
            self.notice(&format!("/to {number} talks to {called}"));
        }
    }
}

fn announcement_of(data: &Value) -> Option<Announcement> {
    Some(Announcement {
        id: u64::from_str_radix(data["id"].as_str()?, 16).ok()?,
        name: data["name"].as_str()?.to_owned(),
        port: u16::try_from(data["port"].as_u64()?).ok()?,
        is_here: data["state"] == "here",
    })
}
