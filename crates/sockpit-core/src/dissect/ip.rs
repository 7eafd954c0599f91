//! The fields of IPv4 and IPv6, and of UDP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::tree::{Tree, count};
use super::{Mark, checksum, icmp, tcp};
use crate::wire::checksum::{Verdict, verify, verify_transport};
use crate::wire::cursor::View;
use crate::wire::link;
use crate::wire::protocol;

/// What a transport's checksum needs to know of the packet around it.
#[derive(Clone, Copy)]
pub(super) struct Around {
    pub(super) ends: (IpAddr, IpAddr),
    pub(super) protocol: u8,
    /// Why the checksum cannot be verified.
    pub(super) obstacle: Option<&'static str>,
}

impl Around {
    pub(super) fn verdict(&self, tree: &Tree<'_>, view: View<'_>, stated: u16) -> Verdict {
        let verdict = verify_transport(self.ends, self.protocol, view, stated);
        match (self.obstacle, verdict) {
            (Some(why), _) => Verdict::Unverified(why),
            (None, Verdict::Bad { .. } | Verdict::Unverified(_))
                if tree.facts().is_checksum_unfilled =>
            {
                Verdict::Offloaded
            }
            (None, verdict) => verdict,
        }
    }
}

/// IP of the version that the first byte says.
pub(super) fn either<'a>(tree: &mut Tree<'a>, view: View<'a>) -> Option<()> {
    match view.u8(0).map(|byte| byte >> 4) {
        Some(4) => v4(tree, view),
        Some(6) => v6(tree, view),
        Some(version) => {
            tree.malformed(view, format!("there is no IP version {version}"));
            None
        }
        None => tree.need("Version", view, 0, 1).map(|_| ()),
    }
}

pub(super) fn v4<'a>(tree: &mut Tree<'a>, view: View<'a>) -> Option<()> {
    tree.begin_packet(view)?;
    let mut inside = None;
    let header_len = view
        .u8(0)
        .map_or(20, |byte| usize::from(byte & 0x0f).saturating_mul(4));
    let name = "Internet Protocol Version 4";
    tree.within(name, "", view.limit(header_len.max(20)), |tree| {
        let [first] = tree.need_array("Version", view, 0)?;
        let here = view.limit(1);
        tree.add("Version", (first >> 4).to_string(), here);
        tree.add("Header Length", count(header_len, "byte"), here);
        if first >> 4 != 4 {
            tree.malformed(view, format!("version {} in a packet of IPv4", first >> 4));
            return None;
        }
        if header_len < 20 {
            tree.malformed(
                view,
                format!("a header of {header_len} bytes, of 20 at least"),
            );
            return None;
        }
        traffic_class(tree, view.u8(1), view.skip(1).limit(1));
        let stated = tree.u16("Total Length", view, 2, |len| match len {
            0 => format!("0 (left to the network card: {} bytes)", view.len()),
            len => len.to_string(),
        })?;
        let total_len = match stated {
            0 => view.len(),
            stated => usize::from(stated),
        };
        if total_len < header_len {
            let why = format!("a length of {total_len} bytes is less than the header's");
            tree.malformed(view.skip(2).limit(2), why);
        } else if view.len() < total_len {
            let why = format!("a length of {total_len} bytes, {} are there", view.len());
            tree.add_marked("Length", why, view.skip(2).limit(2), Mark::Wrong);
        }
        tree.u16("Identification", view, 4, |id| format!("{id:#06x} ({id})"))?;
        let place = u16::from_be_bytes(tree.need_array("Flags", view, 6)?);
        tree.add("Flags", v4_flags(place), view.skip(6).limit(1));
        let offset = u32::from(place & 0x1fff).saturating_mul(8);
        tree.add("Fragment Offset", offset.to_string(), view.skip(6).limit(2));
        tree.u8("Time to Live", view, 8, |ttl| ttl.to_string())?;
        let protocol = tree.u8("Protocol", view, 9, protocol_name)?;
        let stated = u16::from_be_bytes(tree.need_array("Header Checksum", view, 10)?);
        let verdict = match verify(view.limit(header_len), stated) {
            Verdict::Bad { .. } if tree.facts().is_checksum_unfilled && stated == 0 => {
                Verdict::Offloaded
            }
            verdict => verdict,
        };
        let (value, mark) = checksum(stated, verdict);
        tree.add_marked("Header Checksum", value, view.skip(10).limit(2), mark);
        let source = Ipv4Addr::from(tree.need_array::<4>("Source Address", view, 12)?);
        tree.add("Source Address", source.to_string(), view.skip(12).limit(4));
        let destination = Ipv4Addr::from(tree.need_array::<4>("Destination Address", view, 16)?);
        let here = view.skip(16).limit(4);
        tree.add("Destination Address", destination.to_string(), here);
        tree.entitle(format!("{source} → {destination}"));
        if 20 < header_len {
            let options = view.limit(header_len).skip(20);
            tree.within("Options", "", options, |tree| {
                tcp::options(tree, options, v4_option);
                Some(())
            });
        }
        let payload = view.limit(total_len).skip(header_len);
        let around = Around {
            ends: (source.into(), destination.into()),
            protocol,
            obstacle: (place & 0x3fff != 0).then_some("a fragment"),
        };
        inside = Some((around, payload, offset != 0));
        Some(())
    })?;
    let (around, payload, is_later) = inside?;
    let rest = view.skip(header_len.saturating_add(payload.len()));
    let shown = match is_later {
        true => tree.data(payload),
        false => v4_payload(tree, around, payload),
    };
    trailer(tree, rest);
    shown
}

/// What lies behind the packet: padding, or a check sequence.
fn trailer<'a>(tree: &mut Tree<'a>, view: View<'a>) {
    if !view.is_empty() {
        tree.add("Trailer", count(view.len(), "byte"), view);
    }
}

fn v4_payload<'a>(tree: &mut Tree<'a>, mut around: Around, mut payload: View<'a>) -> Option<()> {
    if around.protocol == protocol::AUTHENTICATION {
        (around.protocol, payload) = extension(tree, around.protocol, payload)?;
    }
    transport(tree, around, payload)
}

fn v4_flags(place: u16) -> String {
    let flags = [
        (0x8000, "Reserved"),
        (0x4000, "Don't Fragment"),
        (0x2000, "More Fragments"),
    ];
    let set: Vec<&str> = flags
        .into_iter()
        .filter(|(bit, _)| place & bit != 0)
        .map(|(_, name)| name)
        .collect();
    match set.is_empty() {
        true => "none".to_owned(),
        false => set.join(", "),
    }
}

fn v4_option(kind: u8, _value: View<'_>) -> (&'static str, String) {
    match kind {
        0 => ("End of Options", String::new()),
        1 => ("No Operation", String::new()),
        7 => ("Record Route", String::new()),
        68 => ("Timestamp", String::new()),
        131 => ("Loose Source Route", String::new()),
        137 => ("Strict Source Route", String::new()),
        148 => ("Router Alert", String::new()),
        _ => ("Option", kind.to_string()),
    }
}

/// Services and congestion (RFC 2474, RFC 3168).
fn traffic_class<'a>(tree: &mut Tree<'a>, class: Option<u8>, view: View<'a>) {
    let Some(class) = class else { return };
    let congestion = match class & 3 {
        0 => "not capable",
        1 => "capable, ECT(1)",
        2 => "capable, ECT(0)",
        _ => "experienced",
    };
    tree.add("Differentiated Services", (class >> 2).to_string(), view);
    tree.add("Explicit Congestion Notification", congestion, view);
}

pub(super) fn v6<'a>(tree: &mut Tree<'a>, view: View<'a>) -> Option<()> {
    tree.begin_packet(view)?;
    let mut inside = None;
    let name = "Internet Protocol Version 6";
    tree.within(name, "", view.limit(40), |tree| {
        let word = u32::from_be_bytes(tree.need_array("Version", view, 0)?);
        tree.add("Version", (word >> 28).to_string(), view.limit(1));
        if word >> 28 != 6 {
            tree.malformed(view, format!("version {} in a packet of IPv6", word >> 28));
            return None;
        }
        let class = u8::try_from(word >> 20 & 0xff).ok();
        traffic_class(tree, class, view.limit(2));
        let label = word & 0x000f_ffff;
        tree.add("Flow Label", format!("{label:#07x}"), view.skip(1).limit(3));
        let stated = tree.u16("Payload Length", view, 4, |len| len.to_string())?;
        let next = tree.u8("Next Header", view, 6, protocol_name)?;
        let there = view.len().saturating_sub(40);
        let payload_len = match stated {
            0 => crate::wire::jumbo_len(view, next).unwrap_or(there),
            stated => usize::from(stated),
        };
        if there < payload_len {
            let why = format!("a payload of {payload_len} bytes, {there} are there");
            tree.add_marked("Length", why, view.skip(4).limit(2), Mark::Wrong);
        }
        tree.u8("Hop Limit", view, 7, |limit| limit.to_string())?;
        let source = Ipv6Addr::from(tree.need_array::<16>("Source Address", view, 8)?);
        tree.add("Source Address", source.to_string(), view.skip(8).limit(16));
        let destination = Ipv6Addr::from(tree.need_array::<16>("Destination Address", view, 24)?);
        let here = view.skip(24).limit(16);
        tree.add("Destination Address", destination.to_string(), here);
        tree.entitle(format!("{source} → {destination}"));
        let payload = view.skip(40).limit(payload_len);
        let around = Around {
            ends: (source.into(), destination.into()),
            protocol: next,
            obstacle: None,
        };
        inside = Some((around, payload));
        Some(())
    })?;
    let (around, payload) = inside?;
    let rest = view.skip(payload.len().saturating_add(40));
    let shown = v6_payload(tree, around, payload);
    trailer(tree, rest);
    shown
}

fn v6_payload<'a>(tree: &mut Tree<'a>, mut around: Around, mut payload: View<'a>) -> Option<()> {
    while crate::wire::extension_len(around.protocol, payload).is_some() {
        let place = payload.u16(2).unwrap_or_default();
        match around.protocol {
            protocol::FRAGMENT if place & 0xfff9 != 0 => around.obstacle = Some("a fragment"),
            protocol::ROUTING if payload.u8(3) != Some(0) => {
                around.obstacle = Some("routed by its sender");
            }
            _ => {}
        }
        let is_later = around.protocol == protocol::FRAGMENT && place & 0xfff8 != 0;
        (around.protocol, payload) = extension(tree, around.protocol, payload)?;
        if is_later {
            return tree.data(payload);
        }
    }
    transport(tree, around, payload)
}

/// Adds an extension header; gives the protocol of the next header, and the view of it.
fn extension<'a>(tree: &mut Tree<'a>, kind: u8, view: View<'a>) -> Option<(u8, View<'a>)> {
    let len = crate::wire::extension_len(kind, view).unwrap_or(8);
    let mut next = None;
    let header = view.limit(len);
    tree.within(protocol_name(kind), "", header, |tree| {
        next = Some(tree.u8("Next Header", view, 0, protocol_name)?);
        if kind == protocol::FRAGMENT {
            let place = u16::from_be_bytes(tree.need_array("Fragment Offset", view, 2)?);
            let (offset, here) = (place & 0xfff8, view.skip(2).limit(2));
            tree.add("Fragment Offset", offset.to_string(), here);
            tree.add("More Fragments", (place & 1).to_string(), here);
            tree.u32("Identification", view, 4, |id| format!("{id:#010x}"))?;
            return Some(());
        }
        tree.u8("Length", view, 1, |_| count(len, "byte"))?;
        match kind {
            protocol::ROUTING => {
                tree.u8("Routing Type", view, 2, |kind| kind.to_string())?;
                tree.u8("Segments Left", view, 3, |left| left.to_string())?;
            }
            protocol::AUTHENTICATION => {
                tree.u32("Security Parameters Index", view, 4, |index| {
                    format!("{index:#010x}")
                })?;
                tree.u32("Sequence Number", view, 8, |seq| seq.to_string())?;
            }
            protocol::HOP_BY_HOP | protocol::DESTINATION => v6_options(tree, header.skip(2)),
            _ => {}
        }
        if view.len() < len {
            tree.need("the header", view, 0, len)?;
        }
        Some(())
    })?;
    Some((next?, view.skip(len)))
}

fn v6_options<'a>(tree: &mut Tree<'a>, mut view: View<'a>) {
    while let Some(kind) = view.u8(0) {
        let len = match kind {
            0 => 1,
            _ => match view.u8(1) {
                Some(len) => usize::from(len).saturating_add(2),
                None => {
                    tree.malformed(view, "an option without its length");
                    return;
                }
            },
        };
        let option = view.limit(len);
        match kind {
            0 => tree.add("Pad1", "", option),
            1 => tree.add("PadN", count(len, "byte"), option),
            5 => tree.add("Router Alert", "", option),
            0xc2 => {
                let value = option
                    .u32(2)
                    .map_or_else(String::new, |len| len.to_string());
                tree.add("Jumbo Payload Length", value, option);
            }
            _ => tree.add(
                "Option",
                format!("{kind:#04x}, {}", count(len, "byte")),
                option,
            ),
        }
        if view.len() < len {
            tree.malformed(
                view,
                format!("an option of {len} bytes, {} are there", view.len()),
            );
            return;
        }
        view = view.skip(len);
    }
}

fn transport<'a>(tree: &mut Tree<'a>, around: Around, view: View<'a>) -> Option<()> {
    let is_v4 = around.ends.0.is_ipv4();
    match around.protocol {
        protocol::TCP => tcp::dissect(tree, around, view),
        protocol::UDP => udp(tree, around, view),
        protocol::ICMP if is_v4 => icmp::dissect(tree, around, view),
        protocol::ICMPV6 if !is_v4 => icmp::dissect(tree, around, view),
        protocol::IPV4 => v4(tree, view),
        protocol::IPV6 => v6(tree, view),
        _ => tree.data(view),
    }
}

fn udp<'a>(tree: &mut Tree<'a>, around: Around, view: View<'a>) -> Option<()> {
    let mut payload = None;
    tree.within("User Datagram Protocol", "", view.limit(8), |tree| {
        let source = tree.u16("Source Port", view, 0, |port| port.to_string())?;
        let destination = tree.u16("Destination Port", view, 2, |port| port.to_string())?;
        tree.entitle(format!("{source} → {destination}"));
        let stated = tree.u16("Length", view, 4, |len| len.to_string())?;
        let len = match stated {
            0 => view.len(),
            stated => usize::from(stated),
        };
        if (1..8).contains(&stated) {
            let why = format!("a length of {stated} bytes is less than the header's");
            tree.malformed(view.skip(4).limit(2), why);
        } else if view.len() < len && around.obstacle.is_none() {
            let why = format!("a length of {len} bytes, {} are there", view.len());
            tree.add_marked("Length", why, view.skip(4).limit(2), Mark::Wrong);
        }
        let field = u16::from_be_bytes(tree.need_array("Checksum", view, 6)?);
        let verdict = match (field, around.ends.0) {
            (0, IpAddr::V4(_)) => Verdict::Unused,
            _ if view.len() < len && around.obstacle.is_none() => Verdict::Unverified("cut short"),
            _ => around.verdict(tree, view.limit(len), field),
        };
        let (value, mark) = checksum(field, verdict);
        tree.add_marked("Checksum", value, view.skip(6).limit(2), mark);
        payload = Some(view.limit(len).skip(8));
        Some(())
    })?;
    tree.data(payload?)
}

pub(super) fn protocol_name(number: u8) -> String {
    let name = match number {
        protocol::HOP_BY_HOP => "Hop-by-Hop Options",
        protocol::ICMP => "ICMP",
        2 => "IGMP",
        protocol::IPV4 => "IPv4",
        protocol::TCP => "TCP",
        protocol::UDP => "UDP",
        protocol::IPV6 => "IPv6",
        protocol::ROUTING => "Routing Header",
        protocol::FRAGMENT => "Fragment Header",
        47 => "GRE",
        50 => "Encapsulating Security Payload",
        protocol::AUTHENTICATION => "Authentication Header",
        protocol::ICMPV6 => "ICMPv6",
        protocol::NONE => "No Next Header",
        protocol::DESTINATION => "Destination Options",
        132 => "SCTP",
        protocol::MOBILITY => "Mobility Header",
        _ => return number.to_string(),
    };
    format!("{name} ({number})")
}

/// The EtherType that an ICMP error's version implies.
pub(super) fn embedded<'a>(tree: &mut Tree<'a>, ether_type: u16, view: View<'a>) -> Option<()> {
    match ether_type {
        link::IPV6 => v6(tree, view),
        _ => v4(tree, view),
    }
}
