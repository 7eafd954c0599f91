//! Who is on the local network: a few words of JSON, said to a group and to everybody.
//!
//! Who wants to be found says so every five seconds, whenever something changes, and when leaving.
//! The address is that of the datagram's sender, so nobody can announce another machine.
//!
//! ```json
//! {"sockpit":"chat","v":1,"id":"9f86d081884c7d65","name":"Lily","port":7853,"state":"here"}
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::partner::MAX_NAME;
use crate::event::What;
use crate::machine::{Fault, Machine, Output, Reason};
use crate::time::Time;

/// The port of announcements.
pub const PORT: u16 = 17_850;

/// The same, as a text.
pub const PORT_TEXT: &str = "17850";

/// The IPv4 group of announcements, of those for private use (RFC 2365).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 83, 67);

/// The IPv6 group of announcements, of the link.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0x5350, 0x4348);

/// How often one is announced.
pub const PERIOD: Duration = Duration::from_secs(5);

/// Who is not heard of for so long is gone: three announcements may be lost.
pub const EXPIRY: Duration = Duration::from_secs(15);

/// The version of the announcements.
const VERSION: u32 = 1;

/// In bytes: a longer datagram is no announcement.
const MAX_LEN: usize = 512;

/// Neighbours that are remembered; more cost their senders nothing.
const MAX_NEIGHBOURS: usize = 1024;

/// A sender of other things is forgotten after this long.
const FORGET: Duration = Duration::from_secs(60);

/// What somebody says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Random, another one in each run; never 0.
    pub id: u64,
    /// What it is called; may be empty.
    pub name: String,
    /// Its chat port.
    pub port: u16,
    /// Whether it is there; otherwise it leaves.
    pub is_here: bool,
}

/// Its JSON form.
#[derive(Serialize, Deserialize)]
struct Written {
    sockpit: String,
    v: u32,
    id: String,
    #[serde(default)]
    name: String,
    port: u16,
    state: String,
}

impl Announcement {
    /// Reads an announcement; `None` where `bytes` are none of a version that is known.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_LEN {
            return None;
        }
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let is_ours = written.sockpit == "chat" && written.v == VERSION;
        let id = u64::from_str_radix(&written.id, 16).ok()?;
        let is_possible = id != 0 && written.port != 0 && written.name.len() <= MAX_NAME;
        (is_ours && is_possible).then(|| Self {
            id,
            port: written.port,
            is_here: written.state != "gone",
            name: written.name,
        })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let written = Written {
            sockpit: "chat".to_owned(),
            v: VERSION,
            id: format!("{:016x}", self.id),
            name: super::partner::shorten(&self.name).to_owned(),
            port: self.port,
            state: if self.is_here { "here" } else { "gone" }.to_owned(),
        };
        serde_json::to_vec(&written)
            .expect("strings and numbers have a JSON form")
            .into()
    }
}

/// One address that announcements come from, or go to.
///
/// Most only listen. Those of a group and of a broadcast [`cry`](Crier::cry).
pub struct Crier {
    cried: Option<Announcement>,
    next: Option<Time>,
    idle_since: Time,
    is_closed: bool,
    outputs: VecDeque<Output<Event>>,
}

/// What came from an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody announced itself.
    Announced(Announcement),
}

impl Crier {
    /// Begins in silence.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self {
            cried: None,
            next: None,
            idle_since: now,
            is_closed: false,
            outputs: VecDeque::new(),
        }
    }

    /// Announces, at once and from here on every five seconds; one that leaves does so once.
    pub fn cry(&mut self, now: Time, announcement: Announcement) {
        self.outputs
            .push_back(Output::Transmit(announcement.encode()));
        self.next = announcement.is_here.then(|| now + PERIOD);
        self.cried = Some(announcement);
    }
}

impl Machine for Crier {
    type Event = Event;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.idle_since = now;
        if let Some(announcement) = Announcement::decode(chunk) {
            self.outputs
                .push_back(Output::Event(Event::Announced(announcement)));
        }
    }

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, fault: Fault) {
        if fault.is_fatal() && !self.is_closed {
            self.is_closed = true;
            self.outputs.push_back(Output::Close(fault.reason()));
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        match (&self.cried, self.next) {
            (Some(announcement), Some(next)) if next <= now => {
                self.outputs
                    .push_back(Output::Transmit(announcement.encode()));
                self.next = Some(now + PERIOD);
            }
            (None, _) if self.idle_since + FORGET <= now && !self.is_closed => {
                self.is_closed = true;
                self.outputs.push_back(Output::Close(Reason::Idle));
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Output<Event> {
        self.outputs.pop_front().unwrap_or_else(|| {
            Output::Wait(match (&self.cried, self.is_closed) {
                (_, true) => None,
                (Some(_), _) => self.next,
                (None, _) => Some(self.idle_since + FORGET),
            })
        })
    }
}

impl From<Event> for What {
    fn from(event: Event) -> Self {
        let Event::Announced(announcement) = event;
        Self::Note {
            kind: "chat.announced".to_owned(),
            message: String::new(),
            data: json!({
                "id": format!("{:016x}", announcement.id),
                "name": announcement.name,
                "port": announcement.port,
                "state": if announcement.is_here { "here" } else { "gone" },
            }),
        }
    }
}

/// Who announced itself, until it is gone.
#[derive(Default)]
pub struct Neighbours {
    by_id: BTreeMap<u64, Neighbour>,
}

/// Somebody on the local network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its chat address.
    pub addr: SocketAddr,
    /// What it is called; may be empty.
    pub name: String,
    /// When it was last heard of.
    heard: Time,
}

/// What an announcement changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody is there who was not.
    Came(Neighbour),
    /// Somebody is called otherwise, or has another address.
    Changed(Neighbour),
    /// Somebody said goodbye.
    Went(Neighbour),
}

impl Neighbours {
    /// Takes an announcement that came from `from`; our own, which come back from the group, have
    /// the id `me`.
    pub fn hear(
        &mut self,
        now: Time,
        me: u64,
        from: SocketAddr,
        announcement: &Announcement,
    ) -> Option<Change> {
        let id = announcement.id;
        if id == me {
            return None;
        }
        if !announcement.is_here {
            return self.by_id.remove(&id).map(Change::Went);
        }
        let mut addr = from;
        addr.set_port(announcement.port);
        let news = Neighbour {
            addr,
            name: announcement.name.clone(),
            heard: now,
        };
        let is_full = self.by_id.len() >= MAX_NEIGHBOURS;
        match self.by_id.get_mut(&id) {
            Some(known) => {
                known.heard = now;
                // Who is heard by both families, or by two interfaces, stays where it was found.
                if known.name == news.name {
                    return None;
                }
                known.name = news.name;
                Some(Change::Changed(known.clone()))
            }
            None if is_full => None,
            None => {
                self.by_id.insert(id, news.clone());
                Some(Change::Came(news))
            }
        }
    }

    /// Lets those go who were not heard of for [`EXPIRY`].
    pub fn expire(&mut self, now: Time) -> Vec<Neighbour> {
        let is_gone = |neighbour: &Neighbour| now - neighbour.heard >= EXPIRY;
        let of = |(id, neighbour): (&u64, &Neighbour)| is_gone(neighbour).then_some(*id);
        let gone: Vec<u64> = self.by_id.iter().filter_map(of).collect();
        gone.iter().filter_map(|id| self.by_id.remove(id)).collect()
    }

    /// Those who are there.
    pub fn iter(&self) -> impl Iterator<Item = &Neighbour> {
        self.by_id.values()
    }
}

/// The broadcast address of a network.
#[must_use]
pub fn broadcast_of(addr: IpAddr, prefix: u8) -> Option<IpAddr> {
    let IpAddr::V4(addr) = addr else { return None };
    // A line between two has no broadcast (RFC 3021).
    if prefix > 30 {
        return None;
    }
    let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    Some(Ipv4Addr::from(u32::from(addr) | hosts).into())
}

#[cfg(test)]
mod tests;
