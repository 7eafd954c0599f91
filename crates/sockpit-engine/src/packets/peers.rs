//! Whose a packet is: found by the addresses of both ends, never by time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use sockpit_core::event::{Direction, Event, What};
use sockpit_core::sighting::Sighting;
use sockpit_core::time::Time;
use sockpit_core::wire::{Content, Ip, TcpFlags, Transport};

/// Packets that wait for their peer at most; a burst of strangers pushes the oldest on.
const MOST_HELD: usize = 4096;

/// Conversations that are remembered; the oldest is forgotten first.
const MOST_TALKS: usize = 65_536;

/// Our own address and the peer's, of a stream or of datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ends {
    is_tcp: bool,
    local: SocketAddr,
    remote: SocketAddr,
}

/// A packet that waits for its peer.
struct Held {
    event: Arc<Event>,
    ends: Option<Ends>,
}

/// A conversation over TCP between two addresses that may have had others before.
#[derive(Clone, Copy, Debug)]
struct Talk {
    /// The number that the analysis gave it.
    number: u64,
    peer: Option<u32>,
    farewell: Farewell,
}

/// How far a conversation has said good-bye.
#[derive(Clone, Copy, Debug, Default)]
struct Farewell {
    /// The number after the FIN of the two ends, first that of who spoke first.
    fins: [Option<u32>; 2],
    is_acknowledged: [bool; 2],
    is_reset: bool,
}

/// The peers of a session, and the packets that nobody has claimed.
pub(super) struct Peers {
    /// Where a client connects to.
    remote: Vec<SocketAddr>,
    /// What a session has taken.
    local: Vec<SocketAddr>,
    /// The connection of a client.
    own: Option<Ends>,
    talks: HashMap<Ends, Talk>,
    /// The ends of `talks`, oldest first.
    order: VecDeque<Ends>,
    /// Peers whose conversation has not been seen yet.
    expected: BTreeMap<(SocketAddr, SocketAddr), u32>,
    /// Where each peer is; as many are remembered as conversations, the latest.
    ends: BTreeMap<u32, Ends>,
    /// Peers of datagrams, by our port and their address.
    senders: HashMap<(u16, SocketAddr), u32>,
    held: VecDeque<Held>,
}

impl Peers {
    pub(super) fn new(remote: Vec<SocketAddr>, local: Vec<SocketAddr>) -> Self {
        Self {
            remote,
            local,
            own: None,
            talks: HashMap::new(),
            order: VecDeque::new(),
            expected: BTreeMap::new(),
            ends: BTreeMap::new(),
            senders: HashMap::new(),
            held: VecDeque::new(),
        }
    }

    /// Learns of a peer; gives its packets that have waited.
    pub(super) fn open(
        &mut self,
        peer: u32,
        is_tcp: bool,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Vec<Arc<Event>> {
        let ends = Ends {
            is_tcp,
            local,
            remote,
        };
        if self.ends.len() == MOST_TALKS {
            self.forget_oldest();
        }
        self.ends.insert(peer, ends);
        if is_tcp {
            self.own = Some(ends).filter(|_| !self.remote.is_empty());
            match self.talks.get_mut(&ends) {
                Some(talk) if talk.peer.is_none() => talk.peer = Some(peer),
                _ => {
                    self.expected.insert((local, remote), peer);
                }
            }
        } else {
            self.senders.insert((local.port(), remote), peer);
        }
        let mut claimed = Vec::new();
        for held in std::mem::take(&mut self.held) {
            match held.ends.and_then(|ends| self.peer_of(ends)) {
                Some(peer) => claimed.push(held.placed(peer)),
                None if held.ends.is_some_and(|ends| self.is_strangers(ends)) => {}
                None => self.held.push_back(held),
            }
        }
        claimed
    }

    /// Finds whose the packet of an event is, that nobody else holds. It is kept if that is not known
    /// yet; then others may be given. What another program says to a client's server is let go of.
    pub(super) fn place(&mut self, mut event: Arc<Event>) -> Option<Arc<Event>> {
        let Some(Event {
            what:
                What::Packet {
                    direction,
                    offset,
                    packet,
                },
            ..
        }) = Arc::get_mut(&mut event)
        else {
            return Some(event);
        };
        let sighting = packet.at(0);
        let (ends, way) = self.ends_of(&sighting);
        if let Some(ends) = ends.filter(|ends| ends.is_tcp) {
            self.follow(ends, &sighting);
        }
        *direction = way;
        *offset = sighting.offset().filter(|_| 0 < sighting.payload_len());
        let held = Held { event, ends };
        match ends.and_then(|ends| self.peer_of(ends)) {
            Some(peer) => Some(held.placed(peer)),
            None if ends.is_some_and(|ends| self.is_strangers(ends)) => None,
            None => {
                self.held.push_back(held);
                let is_full = self.held.len() > MOST_HELD;
                let oldest = if is_full { self.held.pop_front() } else { None };
                oldest.map(|oldest| oldest.placed(0))
            }
        }
    }

    /// Gives the packets that were seen before `until`, or all, and are nobody's.
    pub(super) fn give_up(&mut self, until: Option<Time>) -> Vec<Arc<Event>> {
        let count = match until {
            Some(until) => self.held.partition_point(|held| held.event.time < until),
            None => self.held.len(),
        };
        self.held
            .drain(..count)
            .map(|held| held.placed(0))
            .collect()
    }

    fn forget_oldest(&mut self) {
        let Some((oldest, ends)) = self.ends.pop_first() else {
            return;
        };
        let Ends { local, remote, .. } = ends;
        if self.expected.get(&(local, remote)) == Some(&oldest) {
            self.expected.remove(&(local, remote));
        }
        if self.senders.get(&(local.port(), remote)) == Some(&oldest) {
            self.senders.remove(&(local.port(), remote));
        }
    }

    /// The number of a peer's latest conversation, and our own address in it.
    pub(super) fn talk(&self, peer: u32) -> Option<(u64, SocketAddr)> {
        let ends = self.ends.get(&peer)?;
        let talk = self
            .talks
            .get(ends)
            .filter(|talk| talk.peer == Some(peer))?;
        Some((talk.number, ends.local))
    }

    /// Whether every conversation of a peer has said its last word.
    pub(super) fn are_complete(&self) -> bool {
        self.talks
            .values()
            .filter(|talk| talk.peer.is_some())
            .all(|talk| talk.farewell.is_over())
    }

    fn peer_of(&self, ends: Ends) -> Option<u32> {
        if ends.is_tcp {
            self.talks.get(&ends)?.peer
        } else {
            let key = (ends.local.port(), ends.remote);
            self.senders.get(&key).copied()
        }
    }

    /// Takes note of a segment: a conversation that is new to its ends takes the peer that waits
    /// for one.
    fn follow(&mut self, ends: Ends, sighting: &Sighting<'_>) {
        let Some(analysis) = &sighting.analysis else {
            return;
        };
        let number = analysis.conversation.number();
        let talk = self.talks.get(&ends);
        if talk.is_none_or(|talk| talk.number != number) {
            if talk.is_none() {
                if self.order.len() == MOST_TALKS
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.talks.remove(&oldest);
                }
                self.order.push_back(ends);
            }
            let talk = Talk {
                number,
                peer: self.expected.remove(&(ends.local, ends.remote)),
                farewell: Farewell::default(),
            };
            self.talks.insert(ends, talk);
        }
        if let Some(talk) = self.talks.get_mut(&ends) {
            talk.farewell.follow(sighting);
        }
    }

    /// The ends of a packet's conversation, and which way it went; of an ICMP message, those of the
    /// packet that it is about.
    fn ends_of(&self, sighting: &Sighting<'_>) -> (Option<Ends>, Direction) {
        let Content::Ip(ip) = &sighting.summary.content else {
            return (None, Direction::In);
        };
        if let Some((source, destination, is_tcp)) = about(ip) {
            // What went out is what it is about.
            let ends = Ends {
                is_tcp,
                local: source,
                remote: destination,
            };
            let back = ends.reversed();
            return match self.peer_of(ends).or_else(|| self.peer_of(back)) {
                Some(_) if self.peer_of(ends).is_none() => (Some(back), Direction::Out),
                _ => (Some(ends), Direction::In),
            };
        }
        let ports = ip.ports().unwrap_or_default();
        let source = SocketAddr::new(ip.source.to_canonical(), ports.0);
        let destination = SocketAddr::new(ip.destination.to_canonical(), ports.1);
        let is_tcp = matches!(ip.transport, Transport::Tcp(_));
        let out = Ends {
            is_tcp,
            local: source,
            remote: destination,
        };
        let back = out.reversed();
        let direction = if self.is_known(out) {
            Direction::Out
        } else if self.is_known(back) || self.is_ours(destination) || self.is_theirs(source) {
            Direction::In
        } else {
            Direction::Out
        };
        let ends = match direction {
            Direction::Out => out,
            Direction::In => back,
        };
        (ip.ports().map(|_| ends), direction)
    }

    fn is_known(&self, ends: Ends) -> bool {
        let has_talk = self
            .talks
            .get(&ends)
            .is_some_and(|talk| talk.peer.is_some());
        has_talk
            || self.expected.contains_key(&(ends.local, ends.remote)) && ends.is_tcp
            || !ends.is_tcp && self.senders.contains_key(&(ends.local.port(), ends.remote))
    }

    /// Whether it is another program's conversation with the server of a client.
    fn is_strangers(&self, ends: Ends) -> bool {
        let is_server = |own: Ends| ends.is_tcp && own.remote == ends.remote;
        self.own
            .is_some_and(|own| is_server(own) && own.local != ends.local)
    }

    fn is_ours(&self, addr: SocketAddr) -> bool {
        self.local.iter().any(|own| {
            own.port() == addr.port() && (own.ip().is_unspecified() || own.ip() == addr.ip())
        })
    }

    fn is_theirs(&self, addr: SocketAddr) -> bool {
        self.remote.contains(&addr)
    }
}

impl Ends {
    /// As the other end has them.
    const fn reversed(self) -> Self {
        Self {
            is_tcp: self.is_tcp,
            local: self.remote,
            remote: self.local,
        }
    }
}

impl Held {
    fn placed(mut self, peer: u32) -> Arc<Event> {
        if let Some(event) = Arc::get_mut(&mut self.event) {
            event.peer = peer;
        }
        self.event
    }
}

impl Farewell {
    fn follow(&mut self, sighting: &Sighting<'_>) {
        let (Some(analysis), Some(tcp)) = (&sighting.analysis, sighting.summary.tcp()) else {
            return;
        };
        let (own, other) = (analysis.from as usize, analysis.from.other() as usize);
        self.is_reset |= tcp.flags.has(TcpFlags::RST);
        if tcp.flags.has(TcpFlags::FIN) {
            let len = u32::try_from(tcp.payload_len).unwrap_or(0);
            self.fins[own] = Some(analysis.seq.wrapping_add(len).wrapping_add(1));
        }
        if tcp.flags.has(TcpFlags::ACK) && self.fins[other] == Some(analysis.ack) {
            self.is_acknowledged[other] = true;
        }
    }

    fn is_over(self) -> bool {
        self.is_reset || self.is_acknowledged == [true; 2]
    }
}

/// What an ICMP message is about: source and destination, and whether it is TCP.
fn about(ip: &Ip) -> Option<(SocketAddr, SocketAddr, bool)> {
    let Transport::Icmp(icmp) = &ip.transport else {
        return None;
    };
    let embedded = icmp.embedded?;
    let ports = embedded.ports?;
    Some((
        SocketAddr::new(embedded.source.to_canonical(), ports.0),
        SocketAddr::new(embedded.destination.to_canonical(), ports.1),
        embedded.protocol == sockpit_core::wire::protocol::TCP,
    ))
}

#[cfg(test)]
mod tests;
