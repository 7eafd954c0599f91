//! The time to live of what a socket sends.

use std::io;
use std::mem;
use std::os::fd::BorrowedFd;

use crate::socket::{self, Domain};

/// The time to live (IPv6: hop limit) that a socket gives to what it sends.
///
/// A datagram may bring one of its own in a control message, which makes sending it by some 6 %
/// dearer on loopback. Where one call after the other begins with the same, the socket is told
/// instead, so that no datagram has to bring it.
#[derive(Debug)]
pub struct Hops {
    /// Whether the socket may be told.
    is_shared: bool,
    /// With what it sends by itself; `None` is the system's choice.
    own: Option<u8>,
    /// What it was told, in place of its own.
    told: Option<u8>,
    /// What the latest call began with.
    asked: Option<u8>,
}

impl Hops {
    /// Of a socket that sends with `own` by itself (`None` is the system's choice) and may be told
    /// another. It must send to no group, whose time to live is another option.
    #[must_use]
    pub const fn shared(own: Option<u8>) -> Self {
        Self {
            is_shared: true,
            own,
            ..Self::unshared()
        }
    }

    /// Of a socket that is told nothing.
    pub(super) const fn unshared() -> Self {
        Self {
            is_shared: false,
            own: None,
            told: None,
            asked: None,
        }
    }

    /// Takes with what a call begins: its socket is told where the call before began with the same,
    /// and given its own back for what is to leave with that.
    pub(super) fn begin(&mut self, fd: BorrowedFd<'_>, ttl: Option<u8>) {
        let is_repeated = mem::replace(&mut self.asked, ttl) == ttl;
        let is_news = self.told != ttl && (is_repeated || ttl.is_none());
        if !self.is_shared || !is_news {
            return;
        }
        self.is_shared = tell(fd, ttl.or(self.own)).is_ok();
        self.told = ttl.filter(|_| self.is_shared);
        if !self.is_shared {
            // Each datagram brings its own from here on, and fails by itself where it is wrong.
            let _ = tell(fd, self.own);
        }
    }

    /// Whether a datagram may leave in the call that has begun: not by its socket's own time to live
    /// while the socket has another.
    pub(super) fn permit(&self, ttl: Option<u8>) -> bool {
        ttl.is_some() || self.told.is_none()
    }

    /// What a datagram has to bring.
    pub(super) fn to_bring(&self, ttl: Option<u8>) -> Option<u8> {
        ttl.filter(|_| ttl != self.told)
    }
}

/// Sets what an internet socket sends with; `None` is the system's choice.
fn tell(fd: BorrowedFd<'_>, ttl: Option<u8>) -> io::Result<()> {
    let ttl = ttl.map_or(-1, libc::c_int::from);
    let v4 = socket::set_option(fd, libc::IPPROTO_IP, libc::IP_TTL, ttl);
    match socket::domain(fd)? {
        // It may serve IPv4 too, and then needs both; where it does not, the first has no say.
        Domain::V6 => socket::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, ttl),
        _ => v4,
    }
}
