//! Packets as a tap saw them, and the cheap view of one that an analyser wants.
//!
//! ```text
//!  Packet { at, link, bytes, full_len, facts } ──Summary::of──▶ addresses, ports, lengths,
//!                                                               seq, ack, flags, options, payload
//! ```
//!
//! A summary copies no payload: what it names in the packet is a [`Span`]. Lengths come from the
//! headers, never from how much was captured. Nonsense ends a summary early; it is no error.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub(crate) mod checksum;
pub(crate) mod cursor;
pub mod exported;
pub(crate) mod icmp;
mod ip;
pub(crate) mod link;
mod tcp;
pub(crate) mod tcp_option;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

pub use exported::{Conversation, Exported, PortType};
pub use icmp::{Echo, Embedded, Icmp};
pub use ip::{Fragment, Ip, protocol};
pub(crate) use ip::{extension_len, jumbo_len};
pub use tcp::{SackBlock, SackBlocks, Tcp, TcpFlags, TcpOptions, Timestamps};

use cursor::View;
use link::Carries;

/// One packet with what its tap knew of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When it passed the tap, in nanoseconds since 1970 (UTC); 0 where nobody knows.
    pub at: u64,
    /// What the first byte belongs to.
    pub link: LinkType,
    /// As much of it as was captured.
    pub bytes: &'a [u8],
    /// How long it was, in bytes, of which `bytes` may be only the beginning.
    pub full_len: usize,
    /// What the tap knew beside the bytes.
    pub facts: CaptureFacts,
}

impl<'a> Packet<'a> {
    /// A packet that was captured whole, of which nothing else is known.
    #[must_use]
    pub fn new(link: LinkType, bytes: &'a [u8]) -> Self {
        Self {
            at: 0,
            link,
            bytes,
            full_len: bytes.len(),
            facts: CaptureFacts::default(),
        }
    }

    pub(crate) fn view(&self) -> View<'a> {
        View::new(self.bytes, self.full_len)
    }
}

/// What a tap knows of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaptureFacts {
    /// Which of the capture's interfaces it passed, counted from 0 in the order of their telling.
    pub interface: u32,
    /// Which way it went, seen from the tap's host.
    #[serde(rename = "direction", skip_serializing_if = "Direction::is_unknown")]
    pub direction: Direction,
    /// Whether the kernel had left the transport's checksum to a network card that was yet to come;
    /// on loopback it is never filled in.
    #[serde(
        rename = "checksum_unfilled",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub is_checksum_unfilled: bool,
    /// Into pieces of which length a network card would cut the payload, in bytes: the packet is one
    /// that never was on a wire as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gso_size: Option<u16>,
    /// How many packets the tap lost between the packet before and this one.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped_before: u64,
}

/// Which way a packet went, seen from the host of the tap.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The tap did not say.
    #[default]
    Unknown,
    /// To this host.
    In,
    /// From this host.
    Out,
}

impl Direction {
    const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a packet begins with, by its number in the list of link types at tcpdump.org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkType(pub u16);

impl LinkType {
    /// A protocol family in four bytes of the capturing host's order, of BSD and of Npcap's loopback.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// An IP packet without anything before it.
    pub const RAW: Self = Self(101);
    /// A protocol family in four bytes of network order, of OpenBSD's loopback.
    pub const LOOP: Self = Self(108);
    /// Linux' header of 16 bytes for a capture of any interface.
    pub const SLL: Self = Self(113);
    /// A protocol's message with tags that say whose it is: what was never a packet.
    pub const UPPER_PDU: Self = Self(252);
    /// Linux' header of 20 bytes for a capture of any interface, which numbers the interface.
    pub const SLL2: Self = Self(276);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NULL => "NULL",
            Self::ETHERNET => "Ethernet",
            Self::RAW => "RAW",
            Self::LOOP => "LOOP",
            Self::SLL => "SLL",
            Self::UPPER_PDU => "UPPER_PDU",
            Self::SLL2 => "SLL2",
            Self(number) => return write!(f, "link type {number}"),
        };
        f.write_str(name)
    }
}

/// A place in the captured bytes of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// Before which byte it ends.
    pub end: usize,
}

impl Span {
    /// In bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether there is no byte in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes of the packet that the place was told of; nothing of a shorter one.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

/// What an analyser wants of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Which way it went, told by the tap or by the link layer.
    pub direction: Direction,
    /// The system's number of the interface, where the link layer tells it (SLL2).
    pub interface_number: Option<u32>,
    /// The number of the virtual network, from the tag next to the packet.
    pub vlan: Option<u16>,
    /// What the link layer carried.
    pub content: Content,
}

/// What a link layer carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes of an unknown link type, or a header that was cut short or is nonsense.
    Unknown,
    /// Something else, by its EtherType.
    Other(u16),
    /// A question for the owner of an address, or its answer.
    Arp(Arp),
    /// IP, of either version.
    Ip(Ip),
    /// A message that was never a packet.
    Exported(Exported),
}

/// ARP over IPv4 (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1 asks, 2 answers.
    pub operation: u16,
    /// Who says it.
    pub sender: Ipv4Addr,
    /// Who is asked, or who asked.
    pub target: Ipv4Addr,
}

/// What an IP packet carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Another protocol, a later fragment, or nothing.
    Other,
    /// The beginning of TCP or UDP: the rest was cut off, or is nonsense.
    Partial(Partial),
    /// TCP.
    Tcp(Tcp),
    /// UDP.
    Udp(Udp),
    /// ICMP, or ICMPv6 where the packet is IPv6.
    Icmp(Icmp),
}

/// As much as there is of a TCP or UDP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Of the sender and of the receiver.
    pub ports: (u16, u16),
    /// TCP's sequence number.
    pub seq: Option<u32>,
}

/// UDP (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// As the header states it, header included; 0 in a jumbogram and in some offloaded packets.
    pub len: u16,
    /// The datagram's bytes, in this packet, as far as they were captured.
    pub payload: Span,
    /// How many the datagram has in this packet.
    pub payload_len: usize,
}

/// Who speaks to whom over what: what a conversation is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiveTuple {
    /// The sender's address.
    pub source: IpAddr,
    /// The receiver's address.
    pub destination: IpAddr,
    /// The number of the transport's protocol, such as [`protocol::TCP`].
    pub protocol: u8,
    /// Of the sender and of the receiver.
    pub ports: (u16, u16),
}

impl FiveTuple {
    /// The same as the other end tells it.
    #[must_use]
    pub const fn reversed(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            protocol: self.protocol,
            ports: (self.ports.1, self.ports.0),
        }
    }
}

impl Summary {
    /// Looks at a packet as far as it goes.
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Self {
        let carried = link::open(packet.link, packet.view());
        let content = match carried.carries {
            Carries::EtherType(link::ARP) => arp(carried.view),
            Carries::EtherType(link::IPV4) => ip::summarise_v4(carried.view),
            Carries::EtherType(link::IPV6) => ip::summarise_v6(carried.view),
            Carries::EtherType(other) => Content::Other(other),
            Carries::Ip => match ip::version(carried.view) {
                Some(6) => ip::summarise_v6(carried.view),
                _ => ip::summarise_v4(carried.view),
            },
            Carries::Exported => Content::Exported(Exported::read(carried.view)),
            Carries::Unknown => Content::Unknown,
        };
        Self {
            direction: match packet.facts.direction {
                Direction::Unknown => carried.direction,
                told => told,
            },
            interface_number: carried.interface_number,
            vlan: carried.vlan,
            content,
        }
    }

    /// The IP part, if it is IP.
    #[must_use]
    pub const fn ip(&self) -> Option<&Ip> {
        match &self.content {
            Content::Ip(ip) => Some(ip),
            _ => None,
        }
    }

    /// The TCP part, if it is a whole TCP header.
    #[must_use]
    pub const fn tcp(&self) -> Option<&Tcp> {
        match &self.content {
            Content::Ip(Ip {
                transport: Transport::Tcp(tcp),
                ..
            }) => Some(tcp),
            _ => None,
        }
    }

    /// The UDP part, if it is a whole UDP header.
    #[must_use]
    pub const fn udp(&self) -> Option<&Udp> {
        match &self.content {
            Content::Ip(Ip {
                transport: Transport::Udp(udp),
                ..
            }) => Some(udp),
            _ => None,
        }
    }

    /// The conversation that it belongs to, if it has ports.
    #[must_use]
    pub fn five_tuple(&self) -> Option<FiveTuple> {
        let ip = self.ip()?;
        Some(FiveTuple {
            source: ip.source,
            destination: ip.destination,
            protocol: ip.protocol,
            ports: ip.ports()?,
        })
    }
}

fn arp(view: View<'_>) -> Content {
    let read = || {
        let (address_len, ip_len) = (usize::from(view.u8(4)?), view.u8(5)?);
        if view.u16(2)? != link::IPV4 || ip_len != 4 {
            return None;
        }
        let sender = address_len.saturating_add(8);
        let target = address_len.saturating_mul(2).saturating_add(12);
        Some(Arp {
            operation: view.u16(6)?,
            sender: view.array::<4>(sender)?.into(),
            target: view.array::<4>(target)?.into(),
        })
    };
    read().map_or(Content::Other(link::ARP), Content::Arp)
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has found something"
)]
pub(crate) mod tests;
