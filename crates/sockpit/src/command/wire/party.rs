//! Whose packet it is: its conversation, and which way it goes.

use std::collections::{HashMap, VecDeque};

use sockpit_core::event::Direction;
use sockpit_core::flow::{Analyser, Conversation};
use sockpit_core::sighting::Sighting;
use sockpit_core::wire::FiveTuple;

/// Conversations over UDP that are told apart at once: of more, the oldest is forgotten.
const MAX_DATAGRAMS: usize = 65_536;

/// A conversation, as it is called on the command line: `tcp:3`, `udp:0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    pub(super) protocol: Protocol,
    /// Counted from 0 among those of its protocol, as Wireshark counts streams.
    pub(super) number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(f, "{protocol}:{}", self.number)
    }
}

impl std::str::FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (protocol, number) = match text.split_once(':') {
            Some(("tcp", number)) => (Protocol::Tcp, number),
            Some(("udp", number)) => (Protocol::Udp, number),
            Some(_) => return Err("write a number such as `3`, `tcp:3` or `udp:0`".to_owned()),
            None => (Protocol::Tcp, text),
        };
        match number.parse() {
            Ok(number) => Ok(Self { protocol, number }),
            Err(_) => Err("write a number such as `3`, `tcp:3` or `udp:0`".to_owned()),
        }
    }
}

/// Whose packet it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Party {
    pub(super) name: Name,
    /// As seen from who opened the conversation: what that one sends goes out.
    pub(super) direction: Direction,
}

impl Party {
    /// In records: conversations over TCP are the peers of session 1, those over UDP of session 2.
    pub(super) fn session(self) -> u32 {
        match self.name.protocol {
            Protocol::Tcp => 1,
            Protocol::Udp => 2,
        }
    }

    /// Counted from 1.
    pub(super) fn peer(self) -> u32 {
        u32::try_from(self.name.number.saturating_add(1)).unwrap_or(u32::MAX)
    }
}

/// Tells conversations apart.
#[derive(Default)]
pub(super) struct Parties {
    /// Each pair of ends with its number and who spoke first.
    datagrams: HashMap<FiveTuple, (u64, FiveTuple)>,
    order: VecDeque<FiveTuple>,
    begun: u64,
}

impl Parties {
    /// Whose packet it is; of TCP the analyser knows.
    pub(super) fn of(&mut self, sighting: &Sighting<'_>, analyser: &Analyser) -> Option<Party> {
        if let Some(analysis) = &sighting.analysis {
            let id = analysis.conversation;
            let client = analyser.conversation(id).map(Conversation::client);
            let is_out = client.is_none_or(|client| client == analysis.from);
            return Some(Party {
                name: Name {
                    protocol: Protocol::Tcp,
                    number: id.number(),
                },
                direction: if is_out {
                    Direction::Out
                } else {
                    Direction::In
                },
            });
        }
        sighting.summary.udp()?;
        let tuple = sighting.summary.five_tuple()?;
        let key = sorted(tuple);
        let (number, first) = match self.datagrams.get(&key) {
            Some(known) => *known,
            None => self.begin(key, tuple),
        };
        Some(Party {
            name: Name {
                protocol: Protocol::Udp,
                number,
            },
            direction: if first == tuple {
                Direction::Out
            } else {
                Direction::In
            },
        })
    }

    fn begin(&mut self, key: FiveTuple, tuple: FiveTuple) -> (u64, FiveTuple) {
        if self.order.len() == MAX_DATAGRAMS
            && let Some(oldest) = self.order.pop_front()
        {
            self.datagrams.remove(&oldest);
        }
        let number = self.begun;
        self.begun += 1;
        self.order.push_back(key);
        self.datagrams.insert(key, (number, tuple));
        (number, tuple)
    }
}

/// The same for both directions.
fn sorted(tuple: FiveTuple) -> FiveTuple {
    let (from, to) = tuple.ports;
    match (tuple.source, from) <= (tuple.destination, to) {
        true => tuple,
        false => tuple.reversed(),
    }
}
