//! The fields of ICMP and ICMPv6, and the packet inside an error.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::checksum;
use super::ip::{Around, embedded};
use super::link::colons;
use super::tree::{Tree, count};
use crate::wire::checksum::{Verdict, verify};
use crate::wire::cursor::View;
use crate::wire::icmp::{is_echo, is_error};
use crate::wire::{link, protocol};

pub(super) fn dissect<'a>(tree: &mut Tree<'a>, around: Around, view: View<'a>) -> Option<()> {
    let is_v6 = around.protocol == protocol::ICMPV6;
    let name = match is_v6 {
        true => "Internet Control Message Protocol v6",
        false => "Internet Control Message Protocol",
    };
    let mut rest = None;
    // Errors keep the packet they are about as their child.
    tree.within(name, "", view, |tree| {
        let kind = tree.u8("Type", view, 0, |kind| kind_name(is_v6, kind))?;
        let code = tree.u8("Code", view, 1, |code| code_name(is_v6, kind, code))?;
        tree.entitle(title(is_v6, kind, code));
        let stated = u16::from_be_bytes(tree.need_array("Checksum", view, 2)?);
        let verdict = match (around.obstacle, is_v6) {
            (Some(why), _) => Verdict::Unverified(why),
            (None, true) => around.verdict(tree, view, stated),
            (None, false) => verify(view, stated),
        };
        let (value, mark) = checksum(stated, verdict);
        tree.add_marked("Checksum", value, view.skip(2).limit(2), mark);
        if is_echo(around.protocol, kind) {
            tree.u16("Identifier", view, 4, |id| format!("{id:#06x} ({id})"))?;
            tree.u16("Sequence Number", view, 6, |seq| seq.to_string())?;
            rest = Some(view.skip(8));
            return Some(());
        }
        match (is_v6, kind, code) {
            (false, 3, 4) => {
                tree.u16("Next-Hop MTU", view, 6, |mtu| mtu.to_string())?;
            }
            (false, 5, _) => {
                let gateway = Ipv4Addr::from(tree.need_array::<4>("Gateway", view, 4)?);
                tree.add(
                    "Gateway Address",
                    gateway.to_string(),
                    view.skip(4).limit(4),
                );
            }
            (true, 2, _) => {
                tree.u32("MTU", view, 4, |mtu| mtu.to_string())?;
            }
            (true, 133..=137, _) => return neighbour(tree, kind, view),
            _ => {}
        }
        if is_error(around.protocol, kind) {
            let inside = view.skip(8);
            let ether_type = match is_v6 {
                true => link::IPV6,
                false => link::IPV4,
            };
            return embedded(tree, ether_type, inside);
        }
        rest = Some(view.skip(4));
        Some(())
    })?;
    match rest {
        Some(rest) => tree.data(rest),
        None => Some(()),
    }
}

/// Neighbour discovery (RFC 4861): the fixed part, then options that count 8 bytes each.
fn neighbour<'a>(tree: &mut Tree<'a>, kind: u8, view: View<'a>) -> Option<()> {
    let addresses: &[(&'static str, usize)] = match kind {
        135 | 136 => &[("Target Address", 8)],
        137 => &[("Target Address", 8), ("Destination Address", 24)],
        _ => &[],
    };
    for (name, at) in addresses {
        let address = Ipv6Addr::from(tree.need_array::<16>(name, view, *at)?);
        tree.add(*name, address.to_string(), view.skip(*at).limit(16));
    }
    let fixed = match kind {
        133 => 8,
        134 => 16,
        137 => 40,
        _ => 24,
    };
    let mut rest = view.skip(fixed);
    while !rest.is_empty() {
        let [number, words] = tree.need_array("an option", rest, 0)?;
        let len = usize::from(words).saturating_mul(8);
        if len == 0 {
            tree.malformed(rest, "an option of no length");
            return None;
        }
        let value = tree.need("an option", rest, 0, len)?;
        let value = value.get(2..).unwrap_or_default();
        let (name, value) = match number {
            1 => ("Source Link-Layer Address", colons(value)),
            2 => ("Target Link-Layer Address", colons(value)),
            3 => ("Prefix Information", count(len, "byte")),
            5 => ("MTU", count(len, "byte")),
            25 => ("Recursive DNS Server", count(len, "byte")),
            _ => ("Option", format!("{number}, {}", count(len, "byte"))),
        };
        tree.add(name, value, rest.limit(len));
        rest = rest.skip(len);
    }
    Some(())
}

fn kind_name(is_v6: bool, kind: u8) -> String {
    match kind_word(is_v6, kind) {
        Some(word) => format!("{word} ({kind})"),
        None => kind.to_string(),
    }
}

fn code_name(is_v6: bool, kind: u8, code: u8) -> String {
    match code_word(is_v6, kind, code) {
        Some(word) => format!("{word} ({code})"),
        None => code.to_string(),
    }
}

pub(super) fn title(is_v6: bool, kind: u8, code: u8) -> String {
    let word = kind_word(is_v6, kind);
    match (word, code_word(is_v6, kind, code)) {
        (Some(word), Some(code)) => format!("{word}: {code}"),
        (Some(word), None) => word.to_owned(),
        (None, _) => format!("type {kind}, code {code}"),
    }
}

const fn kind_word(is_v6: bool, kind: u8) -> Option<&'static str> {
    Some(match (is_v6, kind) {
        (false, 0) | (true, 129) => "Echo Reply",
        (false, 3) | (true, 1) => "Destination Unreachable",
        (false, 4) => "Source Quench",
        (false, 5) | (true, 137) => "Redirect",
        (false, 8) | (true, 128) => "Echo Request",
        (false, 11) | (true, 3) => "Time Exceeded",
        (false, 12) | (true, 4) => "Parameter Problem",
        (false, 13) => "Timestamp",
        (false, 14) => "Timestamp Reply",
        (true, 2) => "Packet Too Big",
        (true, 133) => "Router Solicitation",
        (true, 134) => "Router Advertisement",
        (true, 135) => "Neighbor Solicitation",
        (true, 136) => "Neighbor Advertisement",
        (true, 143) => "Multicast Listener Report v2",
        _ => return None,
    })
}

const fn code_word(is_v6: bool, kind: u8, code: u8) -> Option<&'static str> {
    Some(match (is_v6, kind, code) {
        (false, 3, 0) => "Network Unreachable",
        (false, 3, 1) => "Host Unreachable",
        (false, 3, 2) => "Protocol Unreachable",
        (false, 3, 3) | (true, 1, 4) => "Port Unreachable",
        (false, 3, 4) => "Fragmentation Needed",
        (false, 3, 9 | 10 | 13) | (true, 1, 1) => "Prohibited",
        (true, 1, 0) => "No Route",
        (true, 1, 3) => "Address Unreachable",
        (false, 11, 0) | (true, 3, 0) => "Hop Limit Exceeded",
        (false, 11, 1) | (true, 3, 1) => "Reassembly Time Exceeded",
        _ => return None,
    })
}
