//! The fields of a frame, as tshark prints them and as we read them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sockpit_core::wire::{Arp, Content, Icmp, Transport, Udp, protocol};

use super::*;

/// The fields that are compared, by tshark's names.
const FIELDS: [&str; 39] = [
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "ip.ttl",
    "ip.len",
    "ip.id",
    "ip.frag_offset",
    "ip.flags.mf",
    "ipv6.hlim",
    "ipv6.fraghdr.offset",
    "ipv6.fraghdr.more",
    "ipv6.fraghdr.ident",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.urgent_pointer",
    "tcp.hdr_len",
    "tcp.len",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
    "tcp.options.sack_le",
    "tcp.options.sack_re",
    "tcp.options.timestamp.tsval",
    "tcp.options.timestamp.tsecr",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "icmp.type",
    "icmp.code",
    "icmp.ident",
    "icmpv6.type",
    "icmpv6.echo.identifier",
    "arp.opcode",
    "arp.src.proto_ipv4",
    "vlan.id",
];

/// Those that must agree wherever both sides have them, however a frame was broken.
pub(super) const FIRM: [&str; 11] = [
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
];

pub(super) type Row = BTreeMap<&'static str, String>;

/// What tshark says of each frame of a file.
pub(super) fn tshark(path: &str) -> Option<Vec<Row>> {
    let mut arguments = vec!["-n", "-r", path, "-T", "fields", "-E", "separator=;"];
    for setting in [
        "tcp.relative_sequence_numbers:FALSE",
        "tcp.analyze_sequence_numbers:FALSE",
        "tcp.desegment_tcp_streams:FALSE",
        "ip.defragment:FALSE",
        "ipv6.defragment:FALSE",
        "ip.check_checksum:FALSE",
    ] {
        arguments.extend(["-o", setting]);
    }
    for field in FIELDS {
        arguments.extend(["-e", field]);
    }
    let lines = printed("tshark", &arguments)?;
    let row = |line: &str| -> Row {
        FIELDS
            .into_iter()
            .zip(line.split(';'))
            .filter(|(_, value)| !value.is_empty())
            .map(|(field, value)| (field, normal(value)))
            .collect()
    };
    Some(lines.lines().map(row).collect())
}

/// tshark writes some numbers in hexadecimal, or as `True`.
fn normal(value: &str) -> String {
    let values = value.split(',').map(|value| match value {
        "True" => "1".to_owned(),
        "False" => "0".to_owned(),
        _ => match value.strip_prefix("0x") {
            Some(digits) => {
                u64::from_str_radix(digits, 16).map_or(value.to_owned(), |n| n.to_string())
            }
            // There is more than one way of writing an address.
            _ => value
                .parse::<IpAddr>()
                .map_or(value.to_owned(), |address| address.to_string()),
        },
    });
    values.collect::<Vec<_>>().join(",")
}

/// What we say of a frame, as tshark would.
pub(super) fn ours(frame: &Frame) -> Row {
    let summary = Summary::of(&frame.packet());
    let mut row = Row::new();
    let mut put = |field: &'static str, value: String| {
        row.entry(field)
            .and_modify(|before: &mut String| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert(value);
    };
    if let Some(vlan) = summary.vlan {
        put("vlan.id", vlan.to_string());
    }
    match summary.content {
        Content::Arp(Arp {
            operation, sender, ..
        }) => {
            put("arp.opcode", operation.to_string());
            put("arp.src.proto_ipv4", sender.to_string());
        }
        Content::Ip(ip) => {
            let fragment = ip.fragment;
            let followed = fragment.is_some_and(|f| f.is_followed);
            if ip.source.is_ipv4() {
                put("ip.src", ip.source.to_string());
                put("ip.dst", ip.destination.to_string());
                put("ip.ttl", ip.hop_limit.to_string());
                put("ip.len", ip.total_len.to_string());
                put("ip.id", ip.identification.unwrap_or_default().to_string());
                // tshark shows the field as it is, in units of 8 bytes.
                let offset = fragment.map_or(0, |f| f.offset / 8);
                put("ip.frag_offset", offset.to_string());
                put("ip.flags.mf", u8::from(followed).to_string());
            } else {
                put("ipv6.src", ip.source.to_string());
                put("ipv6.dst", ip.destination.to_string());
                put("ipv6.hlim", ip.hop_limit.to_string());
                if let Some(id) = ip.identification {
                    let offset = fragment.map_or(0, |f| f.offset / 8);
                    put("ipv6.fraghdr.offset", offset.to_string());
                    put("ipv6.fraghdr.more", u8::from(followed).to_string());
                    put("ipv6.fraghdr.ident", id.to_string());
                }
            }
            transport(&ip.transport, ip.protocol, &mut put);
        }
        _ => {}
    }
    row
}

fn transport(transport: &Transport, protocol: u8, put: &mut impl FnMut(&'static str, String)) {
    match transport {
        Transport::Other => {}
        Transport::Partial(partial) => {
            let [source, destination] = match protocol {
                protocol::UDP => ["udp.srcport", "udp.dstport"],
                _ => ["tcp.srcport", "tcp.dstport"],
            };
            put(source, partial.ports.0.to_string());
            put(destination, partial.ports.1.to_string());
            if let Some(seq) = partial.seq {
                put("tcp.seq_raw", seq.to_string());
            }
        }
        Transport::Tcp(tcp) => {
            put("tcp.srcport", tcp.source_port.to_string());
            put("tcp.dstport", tcp.destination_port.to_string());
            put("tcp.seq_raw", tcp.seq.to_string());
            put("tcp.ack_raw", tcp.ack.to_string());
            put("tcp.flags", tcp.flags.0.to_string());
            put("tcp.window_size_value", tcp.window.to_string());
            put("tcp.urgent_pointer", tcp.urgent.to_string());
            put("tcp.hdr_len", tcp.header_len.to_string());
            put("tcp.len", tcp.payload_len.to_string());
            if let Some(mss) = tcp.options.mss {
                put("tcp.options.mss_val", mss.to_string());
            }
            if let Some(shift) = tcp.options.window_scale {
                put("tcp.options.wscale.shift", shift.to_string());
            }
            for block in tcp.options.sack.iter() {
                put("tcp.options.sack_le", block.start.to_string());
                put("tcp.options.sack_re", block.end.to_string());
            }
            if let Some(stamps) = tcp.options.timestamps {
                put("tcp.options.timestamp.tsval", stamps.value.to_string());
                put("tcp.options.timestamp.tsecr", stamps.echo.to_string());
            }
        }
        Transport::Udp(Udp {
            source_port,
            destination_port,
            len,
            ..
        }) => {
            put("udp.srcport", source_port.to_string());
            put("udp.dstport", destination_port.to_string());
            put("udp.length", len.to_string());
        }
        Transport::Icmp(icmp) => icmp_fields(icmp, protocol, put),
    }
}

fn icmp_fields(icmp: &Icmp, protocol: u8, put: &mut impl FnMut(&'static str, String)) {
    let is_v6 = protocol == protocol::ICMPV6;
    if is_v6 {
        put("icmpv6.type", icmp.kind.to_string());
    } else {
        put("icmp.type", icmp.kind.to_string());
        put("icmp.code", icmp.code.to_string());
    }
    if let Some(echo) = icmp.echo {
        let field = match is_v6 {
            true => "icmpv6.echo.identifier",
            false => "icmp.ident",
        };
        put(field, echo.id.to_string());
    }
    let Some(embedded) = icmp.embedded else {
        return;
    };
    let [source, destination] = match is_v6 {
        true => ["ipv6.src", "ipv6.dst"],
        false => ["ip.src", "ip.dst"],
    };
    put(source, embedded.source.to_string());
    put(destination, embedded.destination.to_string());
    if let Some((source, destination)) = embedded.ports {
        let [from, to] = match embedded.protocol {
            protocol::UDP => ["udp.srcport", "udp.dstport"],
            _ => ["tcp.srcport", "tcp.dstport"],
        };
        put(from, source.to_string());
        put(to, destination.to_string());
    }
    if let Some(seq) = embedded.seq {
        put("tcp.seq_raw", seq.to_string());
    }
}
