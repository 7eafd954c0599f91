//! Keeps a server of loads from answering for ever.
//!
//! Two servers that hear each other, by accident or by a forged sender, would send the same datagram to
//! and fro without end. What a load of ours sent goes back as an answer, which nobody of ours sends back
//! again. Anything else goes back so many times a second only, and one of some thousands not at all:
//! whatever goes round and round is dropped with it, however slow it is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sockpit_sys::datagram::PeerAddr;

/// Ports whose services answer anything: echo, daytime, qotd, chargen, time (RFC 862 to RFC 868).
const ANSWERING_PORTS: [u16; 5] = [7, 13, 17, 19, 37];

/// Datagrams that were sent by no load of ours and that one peer gets back within a second.
const FOREIGN_PER_SECOND: u32 = 10_000;

/// One of so many of them is dropped: a prime number, so that none that comes in step is always spared.
const DROPPED_OF: u32 = 9973;

/// Peers whose datagrams are counted; further ones are counted together.
const MOST_PEERS: usize = 1024;

const SECOND: u64 = 1_000_000_000;

/// Who got how much back in the running second.
#[derive(Default)]
pub(super) struct Guard {
    /// When the second began, in nanoseconds.
    since: u64,
    /// By address; `None` counts those without one, and those for whom there is no room.
    answered: BTreeMap<Option<SocketAddr>, u32>,
    /// How many have come since one was dropped, of all peers.
    undropped: u32,
}

impl Guard {
    /// Whether a datagram of no load of ours goes back.
    pub(super) fn allows_foreign(&mut self, to: Option<&PeerAddr>, now: u64) -> bool {
        self.undropped += 1;
        if DROPPED_OF <= self.undropped {
            self.undropped = 0;
            return false;
        }
        if SECOND <= now.saturating_sub(self.since) {
            self.since = now;
            self.answered.clear();
        }
        let peer = to.and_then(PeerAddr::inet);
        let has_room = self.answered.len() < MOST_PEERS || self.answered.contains_key(&peer);
        let answered = self.answered.entry(peer.filter(|_| has_room)).or_default();
        *answered = answered.saturating_add(1);
        *answered <= FOREIGN_PER_SECOND
    }
}

/// Whether an answer could not be answered for ever.
pub(super) fn is_answerable(to: &PeerAddr) -> bool {
    !to.inet()
        .is_some_and(|addr| ANSWERING_PORTS.contains(&addr.port()))
}

#[cfg(test)]
mod tests;
