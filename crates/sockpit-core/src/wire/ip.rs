//! IPv4 (RFC 791) and IPv6 (RFC 8200) with their options, fragments and extension headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cursor::View;
use super::{Content, Partial, Span, Transport, Udp, icmp, tcp};

/// Numbers of the protocols that IP carries, as IANA assigned them.
pub mod protocol {
    /// IPv6 hop-by-hop options, before all others.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// IPv4 within IP.
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 within IP.
    pub const IPV6: u8 = 41;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Authentication header (RFC 4302).
    pub const AUTHENTICATION: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// Nothing follows.
    pub const NONE: u8 = 59;
    /// IPv6 destination options.
    pub const DESTINATION: u8 = 60;
    /// IPv6 mobility header.
    pub const MOBILITY: u8 = 135;
    /// Host Identity Protocol.
    pub const HIP: u8 = 139;
    /// Shim6.
    pub const SHIM6: u8 = 140;
}

/// Length of the fixed IPv6 header, in bytes.
pub(crate) const V6_HEADER: usize = 40;
/// The hop-by-hop option that states a length over 65,535 (RFC 2675).
const JUMBO: u8 = 0xc2;

/// An IP packet of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Who sent it.
    pub source: IpAddr,
    /// Who shall get it.
    pub destination: IpAddr,
    /// Of the transport, behind all extension headers; see [`protocol`].
    pub protocol: u8,
    /// Time to live, or hop limit.
    pub hop_limit: u8,
    /// Length of the header with options or extension headers, in bytes.
    pub header_len: usize,
    /// Length of the packet, header included, as the header states it; where it states none, as in
    /// packets that a network card shall yet cut, what the tap saw.
    pub total_len: usize,
    /// Number of the packet, which its fragments share; IPv6 has it in fragments only.
    pub identification: Option<u32>,
    /// Which part of a larger packet this is, if it is one.
    pub fragment: Option<Fragment>,
    /// What follows the headers, as far as it was captured.
    pub payload: Span,
    /// How many bytes follow the headers.
    pub payload_len: usize,
    /// What follows the headers, understood.
    pub transport: Transport,
}

impl Ip {
    /// The ports of the sender and of the receiver, if the transport has such.
    #[must_use]
    pub const fn ports(&self) -> Option<(u16, u16)> {
        match &self.transport {
            Transport::Tcp(tcp) => Some((tcp.source_port, tcp.destination_port)),
            Transport::Udp(udp) => Some((udp.source_port, udp.destination_port)),
            Transport::Partial(partial) => Some(partial.ports),
            Transport::Other | Transport::Icmp(_) => None,
        }
    }
}

/// Which part of a larger packet a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Where its payload belongs in the whole one, in bytes.
    pub offset: u32,
    /// Whether others follow it.
    pub is_followed: bool,
}

/// The headers of an IP packet, walked.
pub(super) struct Headers<'a> {
    pub(super) ip: Ip,
    /// What follows them.
    pub(super) payload: View<'a>,
}

pub(super) fn version(view: View<'_>) -> Option<u8> {
    view.u8(0).map(|byte| byte >> 4)
}

pub(super) fn summarise_v4(view: View<'_>) -> Content {
    v4(view).map_or(Content::Unknown, Headers::summarise)
}

pub(super) fn summarise_v6(view: View<'_>) -> Content {
    v6(view).map_or(Content::Unknown, Headers::summarise)
}

/// Reads the headers of IPv4, or `None` where they are none.
pub(super) fn v4(view: View<'_>) -> Option<Headers<'_>> {
    let header: [u8; 20] = view.array(0)?;
    let [first, _, l0, l1, id0, id1, f0, f1, hop_limit, protocol, ..] = header;
    let header_len = usize::from(first & 0x0f).saturating_mul(4);
    if first >> 4 != 4 || header_len < 20 {
        return None;
    }
    let total_len = match u16::from_be_bytes([l0, l1]) {
        0 => view.len(),
        stated => usize::from(stated),
    };
    let place = u16::from_be_bytes([f0, f1]);
    let fragment = Fragment {
        offset: u32::from(place & 0x1fff).saturating_mul(8),
        is_followed: place & 0x2000 != 0,
    };
    let is_fragment = fragment.offset != 0 || fragment.is_followed;
    let mut ip = Ip {
        source: Ipv4Addr::from(view.array::<4>(12)?).into(),
        destination: Ipv4Addr::from(view.array::<4>(16)?).into(),
        protocol,
        hop_limit,
        header_len,
        total_len,
        identification: Some(u16::from_be_bytes([id0, id1]).into()),
        fragment: is_fragment.then_some(fragment),
        payload: Span::default(),
        payload_len: 0,
        transport: Transport::Other,
    };
    let mut payload = view.limit(total_len).skip(header_len);
    if protocol == protocol::AUTHENTICATION
        && fragment.offset == 0
        && let (Some(next), Some(words)) = (payload.u8(0), payload.u8(1))
    {
        let len = authentication_len(words);
        ip.protocol = next;
        ip.header_len = header_len.saturating_add(len);
        payload = payload.skip(len);
    }
    Some(Headers { ip, payload })
}

/// Reads the headers of IPv6, or `None` where they are none.
pub(super) fn v6(view: View<'_>) -> Option<Headers<'_>> {
    let [first, _, _, _, l0, l1, next, hop_limit] = view.array(0)?;
    if first >> 4 != 6 {
        return None;
    }
    let stated = usize::from(u16::from_be_bytes([l0, l1]));
    let payload_len = match stated {
        0 => jumbo_len(view, next).unwrap_or_else(|| view.len().saturating_sub(V6_HEADER)),
        _ => stated,
    };
    let total_len = payload_len.saturating_add(V6_HEADER);
    let mut ip = Ip {
        source: Ipv6Addr::from(view.array::<16>(8)?).into(),
        destination: Ipv6Addr::from(view.array::<16>(24)?).into(),
        protocol: next,
        hop_limit,
        header_len: V6_HEADER,
        total_len,
        identification: None,
        fragment: None,
        payload: Span::default(),
        payload_len: 0,
        transport: Transport::Other,
    };
    let mut payload = view.limit(total_len).skip(V6_HEADER);
    while let Some(len) = extension_len(ip.protocol, payload) {
        if ip.protocol == protocol::FRAGMENT {
            let (Some(place), Some(id)) = (payload.u16(2), payload.u32(4)) else {
                break;
            };
            ip.identification = Some(id);
            let fragment = Fragment {
                offset: u32::from(place & 0xfff8),
                is_followed: place & 1 != 0,
            };
            // A packet may carry the header without being a part of anything (RFC 6946).
            if fragment.offset != 0 || fragment.is_followed {
                ip.fragment = Some(fragment);
            }
        }
        let Some(next) = payload.u8(0) else { break };
        ip.protocol = next;
        ip.header_len = ip.header_len.saturating_add(len);
        payload = payload.skip(len);
        if ip.fragment.is_some_and(|fragment| fragment.offset != 0) {
            break;
        }
    }
    Some(Headers { ip, payload })
}

/// The length of the extension header at the head of `view`, at least 8 bytes, or `None` where
/// `protocol` is none or its length is not there.
pub(crate) fn extension_len(protocol: u8, view: View<'_>) -> Option<usize> {
    let words = || view.u8(1);
    match protocol {
        protocol::FRAGMENT => (!view.is_empty()).then_some(8),
        protocol::AUTHENTICATION => words().map(authentication_len),
        protocol::HOP_BY_HOP
        | protocol::ROUTING
        | protocol::DESTINATION
        | protocol::MOBILITY
        | protocol::HIP
        | protocol::SHIM6 => {
            words().map(|words| usize::from(words).saturating_add(1).saturating_mul(8))
        }
        _ => None,
    }
}

/// Of an authentication header, whose length counts words of 4 bytes, less 2.
fn authentication_len(words: u8) -> usize {
    usize::from(words)
        .saturating_add(2)
        .saturating_mul(4)
        .max(8)
}

/// The payload's length from a jumbogram's option, which the kernel puts first.
pub(crate) fn jumbo_len(view: View<'_>, next: u8) -> Option<usize> {
    let [_, _, kind, len, rest @ ..] = view.array::<8>(V6_HEADER)?;
    (next == protocol::HOP_BY_HOP && kind == JUMBO && len == 4)
        .then(|| usize::try_from(u32::from_be_bytes(rest)).unwrap_or(usize::MAX))
}

impl Headers<'_> {
    fn summarise(self) -> Content {
        let Self { mut ip, payload } = self;
        ip.payload = payload.span();
        ip.payload_len = payload.len();
        if ip.fragment.is_none_or(|fragment| fragment.offset == 0) {
            ip.transport = transport(&ip, payload);
        }
        Content::Ip(ip)
    }
}

fn transport(ip: &Ip, view: View<'_>) -> Transport {
    match (ip.protocol, ip.source) {
        (protocol::TCP, _) => tcp::summarise(view),
        (protocol::UDP, _) => udp(view),
        (protocol::ICMP, IpAddr::V4(_)) | (protocol::ICMPV6, IpAddr::V6(_)) => {
            icmp::summarise(ip.protocol, view)
        }
        _ => Transport::Other,
    }
}

fn udp(view: View<'_>) -> Transport {
    let Some([s0, s1, d0, d1, l0, l1, _, _]) = view.array(0) else {
        return partial(view);
    };
    let len = u16::from_be_bytes([l0, l1]);
    let payload = match len {
        0 => view.skip(8),
        _ => view.limit(usize::from(len)).skip(8),
    };
    Transport::Udp(Udp {
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
        len,
        payload: payload.span(),
        payload_len: payload.len(),
    })
}

/// What there is of a header that is not whole.
pub(super) fn partial(view: View<'_>) -> Transport {
    match (view.u16(0), view.u16(2)) {
        (Some(source), Some(destination)) => Transport::Partial(Partial {
            ports: (source, destination),
            seq: None,
        }),
        _ => Transport::Other,
    }
}
