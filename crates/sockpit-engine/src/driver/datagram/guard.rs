//! Keeps a responder from being turned against others, or against itself (rule B11).
//!
//! Two responders that hear each other would answer for ever. Each reply therefore leaves with one
//! hop less than its request arrived with, so that an exchange without a client dies out like a
//! packet on a circular route; and the ports of the classic echo services get no answer at all.

use std::net::SocketAddr;
use std::time::Duration;

use sockpit_core::plan::Plan;
use sockpit_core::time::Time;
use sockpit_sys::datagram::PeerAddr;

use super::socket::Socket;

/// Ports whose services answer anything: echo, daytime, qotd, chargen, time (RFC 862 to RFC 868).
const ANSWERING_PORTS: [u16; 5] = [7, 13, 17, 19, 37];

/// Replies a second that one source off this machine gets; more would make us an amplifier.
const REPLIES_PER_SECOND: u32 = 10_000;

/// Hops that Linux gives a packet by default.
const DEFAULT_TTL: u8 = 64;

/// What one peer may be sent without the user's doing.
pub(super) struct Guard {
    is_silenced: Option<&'static str>,
    /// Whether its being silenced was told.
    is_told: bool,
    is_limited: bool,
    /// Whether requests come by multicast.
    is_group: bool,
    most: u8,
    /// Hops with which the latest request arrived.
    heard_ttl: Option<u8>,
    second: Time,
    replies: u32,
}

/// A reply that must not leave.
pub(super) struct Withheld {
    /// Why, the first time.
    pub(super) message: Option<String>,
}

impl Guard {
    pub(super) fn new(plan: &Plan, to: Option<&PeerAddr>, socket: &Socket) -> Self {
        let addr = to.and_then(PeerAddr::inet);
        let is_silenced = match addr {
            Some(addr) if ANSWERING_PORTS.contains(&addr.port()) => {
                Some("its port is one of a service that answers everything")
            }
            Some(addr) if socket.is_own(addr) => Some("it is this very socket"),
            _ => None,
        };
        Self {
            is_silenced,
            is_told: false,
            is_limited: addr.is_some_and(|addr: SocketAddr| !is_loopback(addr)),
            is_group: plan.socket.multicast.is_some(),
            most: plan.socket.ttl.unwrap_or(DEFAULT_TTL),
            heard_ttl: None,
            second: Time::ZERO,
            replies: 0,
        }
    }

    /// Takes the hops that a request had left.
    pub(super) fn hear(&mut self, ttl: Option<u8>) {
        self.heard_ttl = ttl;
    }

    /// The hops that a reply may take; `None` for the socket's own.
    pub(super) fn allow(&mut self, now: impl FnOnce() -> Time) -> Result<Option<u8>, Withheld> {
        if let Some(why) = self.is_silenced {
            return Err(self.withhold(format!("no reply to this peer: {why}")));
        }
        if self.is_limited {
            let now = now();
            if now - self.second >= Duration::from_secs(1) {
                self.second = now;
                self.replies = 0;
                self.is_told = false;
            }
            self.replies += 1;
            if self.replies > REPLIES_PER_SECOND {
                return Err(self.withhold(format!(
                    "no more than {REPLIES_PER_SECOND} replies a second to one source"
                )));
            }
        }
        match self.heard_ttl {
            // Multicast arrives with one hop by default, and its sender is on this very link.
            Some(0 | 1) if self.is_group => Ok(Some(1)),
            Some(0 | 1) => Err(self.withhold(
                "no reply: the request had gone round from responder to responder".to_owned(),
            )),
            Some(ttl) => Ok(Some((ttl - 1).min(self.most))),
            None => Ok(None),
        }
    }

    fn withhold(&mut self, message: String) -> Withheld {
        let is_first = !std::mem::replace(&mut self.is_told, true);
        Withheld {
            message: is_first.then_some(message),
        }
    }
}

fn is_loopback(addr: SocketAddr) -> bool {
    addr.ip().to_canonical().is_loopback()
}
