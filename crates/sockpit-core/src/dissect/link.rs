//! The fields of link layers, and of ARP.

use std::net::Ipv4Addr;

use super::tree::Tree;
use crate::wire::LinkType;
use crate::wire::cursor::View;
use crate::wire::link::{
    ARP, Carries, IPV4, IPV6, LENGTH_LIMIT, SNAP, family_number, family_of, is_raw, is_tag,
};

/// Adds the link layer's header, and gives what it carries.
pub(super) fn dissect<'a>(tree: &mut Tree<'a>, link: LinkType) -> Option<(Carries, View<'a>)> {
    let view = tree.whole();
    match link {
        LinkType::ETHERNET => {
            let mut next = None;
            tree.within("Ethernet II", "", view.limit(14), |tree| {
                let destination = mac(tree, "Destination", view, 0)?;
                let source = mac(tree, "Source", view, 6)?;
                tree.entitle(format!("{source} → {destination}"));
                next = Some(ether_type(tree, view, 12)?);
                Some(())
            })?;
            tagged(tree, next?, view.skip(14))
        }
        LinkType::NULL | LinkType::LOOP => {
            let mut carries = Carries::Unknown;
            tree.within("Loopback", "", view.limit(4), |tree| {
                let family = tree.need_array("Family", view, 0)?;
                carries = family_of(link, family);
                let name = match carries {
                    Carries::EtherType(IPV4) => "IPv4",
                    Carries::EtherType(_) => "IPv6",
                    _ => "unknown",
                };
                let number = family_number(link, family);
                tree.add("Family", format!("{number} ({name})"), view.limit(4));
                tree.entitle(name);
                Some(())
            })?;
            Some((carries, view.skip(4)))
        }
        LinkType::SLL => {
            let mut next = None;
            tree.within("Linux cooked capture v1", "", view.limit(16), |tree| {
                let kind = tree.u16("Packet Type", view, 0, packet_type)?;
                tree.entitle(packet_type(kind));
                tree.u16("Address Type", view, 2, |kind| kind.to_string())?;
                let len = tree.u16("Address Length", view, 4, |len| len.to_string())?;
                address(tree, view.skip(6).limit(8), len.into())?;
                next = Some(ether_type(tree, view, 14)?);
                Some(())
            })?;
            tagged(tree, next?, view.skip(16))
        }
        LinkType::SLL2 => {
            let mut next = None;
            tree.within("Linux cooked capture v2", "", view.limit(20), |tree| {
                next = Some(ether_type(tree, view, 0)?);
                tree.u32("Interface Index", view, 4, |index| index.to_string())?;
                tree.u16("Address Type", view, 8, |kind| kind.to_string())?;
                let kind = tree.u8("Packet Type", view, 10, |kind| packet_type(kind.into()))?;
                tree.entitle(packet_type(kind.into()));
                let len = tree.u8("Address Length", view, 11, |len| len.to_string())?;
                address(tree, view.skip(12).limit(8), len.into())
            })?;
            tagged(tree, next?, view.skip(20))
        }
        LinkType::UPPER_PDU => Some((Carries::Exported, view)),
        _ if is_raw(link) => Some((Carries::Ip, view)),
        _ => Some((Carries::Unknown, view)),
    }
}

/// Adds VLAN tags and an LLC header, and gives what they carry.
fn tagged<'a>(
    tree: &mut Tree<'a>,
    mut field: u16,
    mut view: View<'a>,
) -> Option<(Carries, View<'a>)> {
    while is_tag(field) {
        let mut next = None;
        tree.within("802.1Q Virtual LAN", "", view.limit(4), |tree| {
            let [t0, t1] = tree.need_array("Tag Control Information", view, 0)?;
            let tag = u16::from_be_bytes([t0, t1]);
            let here = view.limit(2);
            tree.add("Priority", (tag >> 13).to_string(), here);
            tree.add("Drop Eligible", (tag >> 12 & 1).to_string(), here);
            tree.add("VLAN Identifier", (tag & 0xfff).to_string(), here);
            tree.entitle((tag & 0xfff).to_string());
            next = Some(ether_type(tree, view, 2)?);
            Some(())
        })?;
        field = next?;
        view = view.skip(4);
    }
    if field <= LENGTH_LIMIT && view.array(0) == Some(SNAP) {
        let mut next = None;
        tree.within("Logical Link Control", "SNAP", view.limit(8), |tree| {
            next = Some(ether_type(tree, view, 6)?);
            Some(())
        })?;
        let carries = match next? {
            next if LENGTH_LIMIT < next => Carries::EtherType(next),
            _ => Carries::Unknown,
        };
        return Some((carries, view.skip(8)));
    }
    Some((Carries::EtherType(field), view))
}

fn ether_type<'a>(tree: &mut Tree<'a>, view: View<'a>, at: usize) -> Option<u16> {
    tree.u16("Type", view, at, |kind| match kind {
        IPV4 => "IPv4 (0x0800)".to_owned(),
        ARP => "ARP (0x0806)".to_owned(),
        IPV6 => "IPv6 (0x86dd)".to_owned(),
        0..=LENGTH_LIMIT => format!("{kind} (length)"),
        _ if is_tag(kind) => format!("VLAN tag ({kind:#06x})"),
        _ => format!("{kind:#06x}"),
    })
}

fn packet_type(kind: u16) -> String {
    match kind {
        0 => "to this host (0)".to_owned(),
        1 => "broadcast (1)".to_owned(),
        2 => "multicast (2)".to_owned(),
        3 => "to another host (3)".to_owned(),
        4 => "from this host (4)".to_owned(),
        kind => kind.to_string(),
    }
}

fn mac<'a>(tree: &mut Tree<'a>, name: &'static str, view: View<'a>, at: usize) -> Option<String> {
    let text = colons(tree.need(name, view, at, 6)?);
    tree.add(name, text.as_str(), view.skip(at).limit(6));
    Some(text)
}

/// The address in a field of 8 bytes, of which `len` count.
fn address<'a>(tree: &mut Tree<'a>, view: View<'a>, len: usize) -> Option<()> {
    let bytes = tree.need("Address", view, 0, 8)?;
    let text = colons(bytes.get(..len).unwrap_or(bytes));
    tree.add("Address", text, view.limit(len));
    Some(())
}

/// `02:42:ac:11:00:02`.
pub(super) fn colons(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

pub(super) fn arp<'a>(tree: &mut Tree<'a>, view: View<'a>) -> Option<()> {
    let name = "Address Resolution Protocol";
    let len = view
        .u8(4)
        .zip(view.u8(5))
        .map_or(8, |(hardware, protocol)| {
            let both = usize::from(hardware).saturating_add(protocol.into());
            both.saturating_mul(2).saturating_add(8)
        });
    tree.within(name, "", view.limit(len), |tree| {
        tree.u16("Hardware Type", view, 0, |kind| kind.to_string())?;
        let protocol = ether_type(tree, view, 2)?;
        let hardware_len = tree.u8("Hardware Length", view, 4, |len| len.to_string())?;
        let protocol_len = tree.u8("Protocol Length", view, 5, |len| len.to_string())?;
        let operation = tree.u16("Operation", view, 6, |operation| match operation {
            1 => "request (1)".to_owned(),
            2 => "reply (2)".to_owned(),
            _ => operation.to_string(),
        })?;
        let mut rest = view.skip(8);
        let mut ends = Vec::new();
        for who in ["Sender", "Target"] {
            let len = usize::from(hardware_len);
            let hardware = colons(tree.need("Hardware Address", rest, 0, len)?);
            let here = rest.limit(len);
            tree.add(format!("{who} Hardware Address"), hardware.as_str(), here);
            rest = rest.skip(len);
            let len = usize::from(protocol_len);
            let bytes = tree.need("Protocol Address", rest, 0, len)?;
            let address = match (protocol, <[u8; 4]>::try_from(bytes)) {
                (IPV4, Ok(octets)) => Ipv4Addr::from(octets).to_string(),
                _ => colons(bytes),
            };
            let here = rest.limit(len);
            tree.add(format!("{who} Protocol Address"), address.as_str(), here);
            rest = rest.skip(len);
            ends.push((address, hardware));
        }
        if let [(sender, mac), (target, _)] = ends.as_slice() {
            tree.entitle(match operation {
                1 => format!("who has {target}? tell {sender}"),
                2 => format!("{sender} is at {mac}"),
                _ => format!("{sender} → {target}"),
            });
        }
        Some(())
    })
}
