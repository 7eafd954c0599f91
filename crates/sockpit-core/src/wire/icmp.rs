//! ICMP (RFC 792) and ICMPv6 (RFC 4443): echoes, and errors with the packet that they are about.

use std::net::IpAddr;

use super::cursor::View;
use super::ip::{self, protocol};
use super::{Span, Transport};

/// An ICMP message, of IPv4 or of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// What it is, by the numbers of its version.
    pub kind: u8,
    /// What it is more exactly.
    pub code: u8,
    /// Of an echo, its number.
    pub echo: Option<Echo>,
    /// The largest packet that fits, in bytes, where it says that one did not.
    pub mtu: Option<u32>,
    /// The beginning of the packet that an error is about.
    pub embedded: Option<Embedded>,
    /// What follows its first eight bytes, as far as it was captured.
    pub payload: Span,
    /// How many bytes follow its first eight.
    pub payload_len: usize,
}

/// By what an answer to an echo is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Which program asks.
    pub id: u16,
    /// Its how manyth question.
    pub seq: u16,
}

/// The packet that an ICMP error is about, as far as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Who sent it.
    pub source: IpAddr,
    /// Who should have got it.
    pub destination: IpAddr,
    /// The number of the transport's protocol.
    pub protocol: u8,
    /// Of the sender and of the receiver, if the transport has such.
    pub ports: Option<(u16, u16)>,
    /// TCP's sequence number.
    pub seq: Option<u32>,
    /// Length of the packet when it was sent, in bytes, as its header states it.
    pub total_len: usize,
}

/// Length of the part that every message has, in bytes.
pub(crate) const HEADER: usize = 8;

pub(super) fn summarise(protocol: u8, view: View<'_>) -> Transport {
    let Some([kind, code, _, _, rest @ ..]) = view.array::<HEADER>(0) else {
        return Transport::Other;
    };
    let payload = view.skip(HEADER);
    let [r0, r1, r2, r3] = rest;
    let word = u16::from_be_bytes([r2, r3]);
    let echo = Echo {
        id: u16::from_be_bytes([r0, r1]),
        seq: word,
    };
    let mtu = match (protocol, kind, code) {
        (protocol::ICMP, 3, 4) => Some(word.into()),
        (protocol::ICMPV6, 2, _) => Some(u32::from_be_bytes(rest)),
        _ => None,
    };
    Transport::Icmp(Icmp {
        kind,
        code,
        echo: is_echo(protocol, kind).then_some(echo),
        mtu,
        embedded: is_error(protocol, kind)
            .then(|| embedded(protocol, payload))
            .flatten(),
        payload: payload.span(),
        payload_len: payload.len(),
    })
}

/// Whether a message asks for an echo or is one.
pub(crate) const fn is_echo(protocol: u8, kind: u8) -> bool {
    matches!(
        (protocol, kind),
        (protocol::ICMP, 0 | 8) | (protocol::ICMPV6, 128 | 129)
    )
}

/// Whether a message holds the packet that it is about.
pub(crate) const fn is_error(protocol: u8, kind: u8) -> bool {
    matches!(
        (protocol, kind),
        (protocol::ICMP, 3 | 4 | 5 | 11 | 12) | (protocol::ICMPV6, 1..=4)
    )
}

/// Reads the headers only: an ICMP message within is not opened, so that nothing nests.
fn embedded(protocol: u8, view: View<'_>) -> Option<Embedded> {
    let headers = match protocol {
        protocol::ICMPV6 => ip::v6(view)?,
        _ => ip::v4(view)?,
    };
    let (ip, payload) = (headers.ip, headers.payload);
    let is_first = ip.fragment.is_none_or(|fragment| fragment.offset == 0);
    let has_ports = is_first && matches!(ip.protocol, protocol::TCP | protocol::UDP);
    let ports = || Some((payload.u16(0)?, payload.u16(2)?));
    let is_tcp = has_ports && ip.protocol == protocol::TCP;
    Some(Embedded {
        source: ip.source,
        destination: ip.destination,
        protocol: ip.protocol,
        ports: has_ports.then(ports).flatten(),
        seq: is_tcp.then(|| payload.u32(4)).flatten(),
        total_len: ip.total_len,
    })
}
