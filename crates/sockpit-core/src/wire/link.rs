//! What lies before the IP packet.

use super::cursor::View;
use super::{Direction, LinkType};

/// EtherType of IPv4.
pub(crate) const IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub(crate) const ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub(crate) const IPV6: u16 = 0x86dd;
/// EtherTypes of a tag of IEEE 802.1Q, of 802.1ad, and of what came before 802.1ad.
pub(crate) const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Up to here the field is the length of an IEEE 802.3 frame, and no EtherType.
pub(crate) const LENGTH_LIMIT: u16 = 1500;
/// LLC with SNAP of no organisation: an EtherType follows (RFC 1042).
pub(crate) const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];

/// What a link layer brought.
pub(crate) struct Carried<'a> {
    pub(crate) carries: Carries,
    /// What it carries, without the link layer's header.
    pub(crate) view: View<'a>,
    pub(crate) vlan: Option<u16>,
    pub(crate) direction: Direction,
    pub(crate) interface_number: Option<u32>,
}

/// What kind of thing a link layer brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    EtherType(u16),
    /// IP, of the version that its first byte tells.
    Ip,
    Exported,
    Unknown,
}

pub(crate) fn open(link: LinkType, view: View<'_>) -> Carried<'_> {
    let mut carried = Carried {
        carries: Carries::Unknown,
        view,
        vlan: None,
        direction: Direction::Unknown,
        interface_number: None,
    };
    match link {
        LinkType::ETHERNET => carried.enter(12),
        LinkType::NULL | LinkType::LOOP => {
            if let Some(family) = view.array(0) {
                carried.carries = family_of(link, family);
                carried.view = view.skip(4);
            }
        }
        LinkType::SLL => {
            carried.direction = packet_type(view.u16(0));
            carried.enter(14);
        }
        LinkType::SLL2 => {
            carried.direction = packet_type(view.u8(10).map(u16::from));
            carried.interface_number = view.u32(4);
            if let Some(protocol) = view.u16(0) {
                carried.carries = Carries::EtherType(protocol);
                carried.view = view.skip(20);
                carried.unwrap_tags();
            }
        }
        LinkType::UPPER_PDU => carried.carries = Carries::Exported,
        _ if is_raw(link) => carried.carries = Carries::Ip,
        _ => {}
    }
    carried
}

/// Whether packets begin with the IP header: RAW, its numbers in old BSDs, IPV4 and IPV6.
pub(crate) const fn is_raw(link: LinkType) -> bool {
    matches!(link.0, 101 | 12 | 14 | 228 | 229)
}

/// Whether an EtherType is that of a VLAN tag.
pub(crate) fn is_tag(ether_type: u16) -> bool {
    TAGS.contains(&ether_type)
}

/// What the protocol family before a packet of a loopback says. The order of [`LinkType::NULL`] is
/// that of the host that captured; families are small, so the order that makes it small is right.
pub(crate) fn family_of(link: LinkType, bytes: [u8; 4]) -> Carries {
    match family_number(link, bytes) {
        2 => Carries::EtherType(IPV4),
        // Linux; BSD and Npcap; FreeBSD; macOS.
        10 | 24 | 28 | 30 => Carries::EtherType(IPV6),
        _ => Carries::Unknown,
    }
}

pub(crate) fn family_number(link: LinkType, bytes: [u8; 4]) -> u32 {
    let big = u32::from_be_bytes(bytes);
    match link {
        LinkType::NULL => big.min(u32::from_le_bytes(bytes)),
        _ => big,
    }
}

/// Linux' `PACKET_OUTGOING` is 4; the others came in.
pub(crate) const fn packet_type(kind: Option<u16>) -> Direction {
    match kind {
        Some(0..=3) => Direction::In,
        Some(4) => Direction::Out,
        _ => Direction::Unknown,
    }
}

impl Carried<'_> {
    /// Goes behind the EtherType at `at`.
    fn enter(&mut self, at: usize) {
        let Some(field) = self.view.u16(at) else {
            return;
        };
        self.carries = Carries::EtherType(field);
        self.view = self.view.skip(at.saturating_add(2));
        self.unwrap_tags();
    }

    /// Goes behind VLAN tags, and behind LLC where the field is a length.
    fn unwrap_tags(&mut self) {
        while let Carries::EtherType(field) = self.carries {
            if is_tag(field) {
                let (Some(tag), Some(next)) = (self.view.u16(0), self.view.u16(2)) else {
                    self.carries = Carries::Unknown;
                    return;
                };
                self.vlan = Some(tag & 0x0fff);
                self.carries = Carries::EtherType(next);
                self.view = self.view.skip(4);
            } else if field <= LENGTH_LIMIT && self.view.array(0) == Some(SNAP) {
                // A SNAP header holds an EtherType, so that this branch is taken only once.
                self.carries = match self.view.u16(6) {
                    Some(next) if LENGTH_LIMIT < next => Carries::EtherType(next),
                    _ => Carries::Unknown,
                };
                self.view = self.view.skip(8);
            } else {
                return;
            }
        }
    }
}
