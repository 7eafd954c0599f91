//! An ICMP message about something that we sent.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Fact;

/// Who said by ICMP that a datagram of ours came to nothing, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Icmp {
    /// Who said it: a router, or the host itself.
    pub offender: IpAddr,
    /// The type of the message, of ICMPv6 where the offender's address is of IPv6.
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
}

impl Fact for Icmp {
    const KIND: &'static str = "icmp";
}

impl Icmp {
    /// What it says (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3).
    const fn meaning(&self) -> &'static str {
        match (self.offender, self.icmp_type, self.code) {
            (IpAddr::V4(_), 3, 0 | 6) | (IpAddr::V6(_), 1, 0) => "network unreachable",
            (IpAddr::V4(_), 3, 1 | 7) | (IpAddr::V6(_), 1, 3) => "host unreachable",
            (IpAddr::V4(_), 3, 2) => "protocol unreachable",
            (IpAddr::V4(_), 3, 3) | (IpAddr::V6(_), 1, 4) => "port unreachable",
            (IpAddr::V4(_), 3, 4) | (IpAddr::V6(_), 2, _) => "the packet is too big for the way",
            (IpAddr::V4(_), 3, 9 | 10 | 13) | (IpAddr::V6(_), 1, 1 | 5) => "it is prohibited",
            (IpAddr::V4(_), 11, 0) | (IpAddr::V6(_), 3, 0) => "the packet took too many hops",
            _ => "the packet came to nothing",
        }
    }
}

impl fmt::Display for Icmp {
    /// Such as `192.0.2.1 says by ICMP: port unreachable (type 3, code 3)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offender,
            icmp_type,
            code,
        } = self;
        let meaning = self.meaning();
        write!(
            f,
            "{offender} says by ICMP: {meaning} (type {icmp_type}, code {code})"
        )
    }
}
