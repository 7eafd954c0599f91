//! Frames made by hand, and what holds of any bytes.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::dissect::{self, DEPTH_LIMIT, Mark, NODE_LIMIT, Node};
use crate::text::hex;

/// Ethernet, from 02:…:01 to 02:…:02, up to its type.
pub(crate) const ETHERNET: &str = "020000000002 020000000001";
/// Of a packet of 60 bytes from 10.0.0.1 to 10.0.0.2, with TCP in it.
pub(crate) const IPV4_SYN: &str = "45 00 003c 1c46 4000 40 06 0a74 0a000001 0a000002";
/// From port 40000 to 7000 with MSS 1460, SACK permitted, timestamps, and windows of 128 units.
pub(crate) const SYN: &str = "9c40 1b58 01020304 00000000 a002 faf0 7d0a 0000 \
                              020405b4 0402 080a 00000064 00000000 01 030307";

pub(crate) fn bytes(parts: &[&str]) -> Vec<u8> {
    let text: String = parts.concat();
    hex::parse(&text).unwrap()
}

#[track_caller]
fn summary(link: LinkType, parts: &[&str]) -> Summary {
    Summary::of(&Packet::new(link, &bytes(parts)))
}

#[track_caller]
fn ip(link: LinkType, parts: &[&str]) -> Ip {
    *summary(link, parts).ip().expect("it is IP")
}

#[test]
fn a_syn_tells_its_options() {
    let frame = [ETHERNET, "0800", IPV4_SYN, SYN];
    let summary = summary(LinkType::ETHERNET, &frame);
    let tcp = summary.tcp().expect("it is TCP");
    assert_eq!((tcp.seq, tcp.ack, tcp.window), (0x0102_0304, 0, 64_240));
    assert_eq!(tcp.flags.to_string(), "SYN");
    assert_eq!((tcp.header_len, tcp.payload_len), (40, 0));
    assert_eq!(tcp.options.mss, Some(1460));
    assert_eq!(tcp.options.window_scale, Some(7));
    assert!(tcp.options.is_sack_permitted);
    let stamps = Timestamps {
        value: 100,
        echo: 0,
    };
    assert_eq!(tcp.options.timestamps, Some(stamps));
    let five = summary.five_tuple().expect("it has ports");
    assert_eq!(five.source, IpAddr::from([10, 0, 0, 1]));
    assert_eq!(five.ports, (40_000, 7000));
}

#[test]
fn a_payload_is_neither_the_padding_of_ethernet_nor_less_than_was_sent() {
    let segment = "9c40 1b58 00000001 00000001 5018 faf0 0000 0000 61";
    let header = "45 00 0029 0000 4000 40 06 0000 0a000001 0a000002";
    let frame = bytes(&[ETHERNET, "0800", header, segment, "0000 0000 00"]);
    let mut packet = Packet::new(LinkType::ETHERNET, &frame);
    let tcp = *Summary::of(&packet).tcp().expect("it is TCP");
    assert_eq!((tcp.payload.of(&frame), tcp.payload_len), (&b"a"[..], 1));
    packet.bytes = &frame[..54];
    let tcp = *Summary::of(&packet).tcp().expect("its header is whole");
    assert_eq!((tcp.payload.is_empty(), tcp.payload_len), (true, 1));
}

#[test]
fn a_total_length_of_zero_is_what_the_tap_saw() {
    let segment = "9c40 1b58 00000001 00000001 5018 faf0 0000 0000";
    let header = "45 00 0000 0000 4000 40 06 0000 0a000001 0a000002";
    let frame = bytes(&[header, segment, &"61".repeat(70_000)]);
    let summary = Summary::of(&Packet::new(LinkType::RAW, &frame));
    assert_eq!(summary.tcp().map(|tcp| tcp.payload_len), Some(70_000));
    assert_eq!(summary.ip().map(|ip| ip.total_len), Some(70_040));
}

#[test]
fn a_jumbogram_has_the_length_of_its_option() {
    let header = "60000000 0000 00 40 00000000000000000000000000000001 \
                  00000000000000000000000000000001";
    let hop_by_hop = "06 00 c2 04 0001 1178";
    let segment = "9c40 1b58 00000001 00000001 5018 faf0 0000 0000";
    let frame = bytes(&[header, hop_by_hop, segment]);
    let mut packet = Packet::new(LinkType::RAW, &frame);
    packet.full_len = 40 + 70_008;
    let tcp = *Summary::of(&packet).tcp().expect("it is TCP");
    assert_eq!(tcp.payload_len, 70_008 - 8 - 20);
}

#[test]
fn tags_of_virtual_networks_are_passed() {
    let tags = "88a8 0064 8100 6007 0800";
    let found = summary(LinkType::ETHERNET, &[ETHERNET, tags, IPV4_SYN, SYN]);
    assert_eq!(found.vlan, Some(7));
    assert!(found.tcp().is_some());
}

#[test]
fn a_frame_with_a_length_may_carry_ip_over_snap() {
    let snap = "0044 aaaa03 000000 0800";
    let found = summary(LinkType::ETHERNET, &[ETHERNET, snap, IPV4_SYN, SYN]);
    assert!(found.tcp().is_some());
}

#[test]
fn a_loopback_family_is_read_in_the_order_of_its_host() {
    for (link, family) in [
        (LinkType::NULL, "02000000"),
        (LinkType::NULL, "00000002"),
        (LinkType::LOOP, "00000002"),
    ] {
        assert!(summary(link, &[family, IPV4_SYN, SYN]).tcp().is_some());
    }
    let other = summary(LinkType::LOOP, &["02000000", IPV4_SYN, SYN]);
    assert_eq!(other.content, Content::Unknown);
}

#[test]
fn cooked_captures_tell_direction_and_interface() {
    let found = summary(
        LinkType::SLL2,
        &[
            "0800 0000 00000003 0304 04 06 000000000000 0000",
            IPV4_SYN,
            SYN,
        ],
    );
    assert_eq!(found.direction, Direction::Out);
    assert_eq!(found.interface_number, Some(3));
    assert!(found.tcp().is_some());
    let found = summary(
        LinkType::SLL,
        &["0000 0304 0006 000000000000 0000 0800", IPV4_SYN, SYN],
    );
    assert_eq!(found.direction, Direction::In);
    assert!(found.tcp().is_some());
}

#[test]
fn only_the_first_fragment_has_ports() {
    let udp = "9c40 1b58 0fa8 0000 66";
    let first = "45 00 05dc 0007 2000 40 11 0000 0a000001 0a000002";
    let first = ip(LinkType::RAW, &[first, udp]);
    let fragment = Fragment {
        offset: 0,
        is_followed: true,
    };
    assert_eq!(first.fragment, Some(fragment));
    assert_eq!(first.ports(), Some((40_000, 7000)));
    let later = "45 00 05dc 0007 20b9 40 11 0000 0a000001 0a000002";
    let later = ip(LinkType::RAW, &[later, udp]);
    assert_eq!(later.fragment.map(|f| f.offset), Some(1480));
    assert_eq!((later.identification, later.ports()), (Some(7), None));
}

#[test]
fn extension_headers_are_passed_and_a_lone_fragment_header_is_no_fragment() {
    let header = "60000000 0028 00 40 00000000000000000000000000000001 \
                  00000000000000000000000000000001";
    let hop_by_hop = "3c 00 0502 0000 0100";
    let destination = "2c 00 0104 00000000";
    let fragment = "11 00 0000 00000007";
    let udp = "9c40 1b58 0009 0000 66";
    let parts = [header, hop_by_hop, destination, fragment, udp];
    let ip = ip(LinkType::RAW, &parts);
    assert_eq!((ip.protocol, ip.header_len), (protocol::UDP, 64));
    assert_eq!((ip.fragment, ip.identification), (None, Some(7)));
    assert_eq!(ip.ports(), Some((40_000, 7000)));
}

#[test]
fn an_unreachable_port_names_the_conversation() {
    let outer = "45 c0 0038 0000 0000 40 01 0000 0a000002 0a000001";
    let inner = "45 00 0050 1c46 4000 40 11 0000 0a000001 0a000002 9c40 1b58 003c 0000";
    let ip = ip(LinkType::RAW, &[outer, "03 03 0000 00000000", inner]);
    let Transport::Icmp(icmp) = ip.transport else {
        panic!("{ip:?}");
    };
    let embedded = icmp.embedded.expect("it is an error");
    assert_eq!((icmp.kind, icmp.code), (3, 3));
    assert_eq!(embedded.ports, Some((40_000, 7000)));
    assert_eq!(embedded.total_len, 80);
    assert_eq!(embedded.destination, IpAddr::from([10, 0, 0, 2]));
}

#[test]
fn a_header_that_is_cut_still_tells_its_ports() {
    let tcp = ip(LinkType::RAW, &[IPV4_SYN, "9c40 1b58 01020304"]).transport;
    let partial = Partial {
        ports: (40_000, 7000),
        seq: Some(0x0102_0304),
    };
    assert_eq!(tcp, Transport::Partial(partial));
}

#[test]
fn four_blocks_of_selective_acknowledgment_are_told() {
    let blocks =
        "0101 0522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008";
    let header = "45 00 0050 0000 4000 40 06 0000 0a000001 0a000002";
    let segment = "9c40 1b58 00000001 00000001 e010 faf0 0000 0000";
    let found = summary(LinkType::RAW, &[header, segment, blocks]);
    let tcp = found.tcp().expect("it is TCP");
    let ends: Vec<u32> = tcp.options.sack.iter().map(|b| b.end).collect();
    assert_eq!(ends, [2, 4, 6, 8]);
}

#[test]
fn an_exported_message_reads_back() {
    let told = Conversation {
        dissector: "http",
        protocol: "UNIX",
        addresses: Some((IpAddr::from([127, 0, 0, 1]), IpAddr::from([0_u16; 8]))),
        ports: Some((PortType::Udp, 70_000, 1)),
        direction: Direction::In,
    };
    let packet = told.packet(b"hello");
    let found = Summary::of(&Packet::new(LinkType::UPPER_PDU, &packet)).content;
    let Content::Exported(exported) = found else {
        panic!("{found:?}");
    };
    assert_eq!(exported.dissector.of(&packet), b"http");
    assert_eq!(exported.protocol.of(&packet), b"UNIX");
    assert_eq!(exported.source.zip(exported.destination), told.addresses);
    assert_eq!(exported.source_port, Some(70_000));
    assert_eq!(exported.direction, Direction::In);
    assert_eq!(exported.payload.of(&packet), b"hello");
}

/// Bytes that are often nearly a packet.
fn any_packet() -> impl Strategy<Value = (u16, Vec<u8>, usize)> {
    let link = prop_oneof![
        Just(0_u16),
        Just(1),
        Just(101),
        Just(108),
        Just(113),
        Just(252),
        Just(276),
        any::<u16>()
    ];
    let head = prop::sample::select(vec![
        String::new(),
        format!("{ETHERNET} 0800 {IPV4_SYN} {SYN}"),
        format!("{ETHERNET} 8100 0007 86dd 60"),
        format!("{ETHERNET} 0806 0001 0800 06 04 0001"),
        format!("02000000 {IPV4_SYN} {SYN}"),
        format!("{IPV4_SYN} {SYN}"),
        "45 00 0100 0000 0000 40 01 0000 0a000001 0a000002 03 03 0000 00000000".to_owned(),
        "60000000 0100 3a 40".to_owned(),
        format!("60000000 0100 29 40 {}", "00".repeat(32)),
        "000c 0004 68747470".to_owned(),
    ]);
    let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let tail = prop::collection::vec(any::<u8>(), 0..300);
    (link, head, tail, flips, 0_usize..100_000).prop_map(|(link, head, tail, flips, more)| {
        let mut bytes = bytes(&[&head]);
        bytes.extend(tail);
        for (place, value) in flips {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
        }
        let full_len = if more < 90_000 { bytes.len() } else { more };
        (link, bytes, full_len)
    })
}

#[track_caller]
fn check_node(node: &Node, len: usize, depth: usize) -> usize {
    assert!(depth <= DEPTH_LIMIT);
    assert!(node.span.start <= node.span.end && node.span.end <= len);
    assert!(!node.value.chars().any(char::is_control), "{node}");
    let below = node.children.iter();
    1 + below
        .map(|child| check_node(child, len, depth + 1))
        .sum::<usize>()
}

#[track_caller]
fn check_any(packet: &Packet<'_>) {
    let len = packet.bytes.len();
    if let Some(ip) = Summary::of(packet).ip() {
        assert!(ip.payload.end <= len);
        assert!(ip.payload.len() <= ip.payload_len);
        if let Transport::Tcp(tcp) = ip.transport {
            assert!(tcp.payload.end <= len && tcp.payload.len() <= tcp.payload_len);
        }
    }
    let nodes = dissect::dissect(packet);
    check_levels_agree(&Summary::of(packet), &nodes);
    let count: usize = nodes.iter().map(|node| check_node(node, len, 1)).sum();
    assert!(count <= NODE_LIMIT + 1, "{count} nodes");
}

/// Checks that the tree says of a TCP segment what the summary says.
#[track_caller]
fn check_levels_agree(summary: &Summary, nodes: &[Node]) {
    let Some(tcp) = summary.tcp() else { return };
    let header = nodes
        .iter()
        .find(|node| node.name == "Transmission Control Protocol")
        .expect("the tree has the header too");
    for (name, value) in [
        ("Source Port", tcp.source_port.to_string()),
        ("Destination Port", tcp.destination_port.to_string()),
        ("Sequence Number", tcp.seq.to_string()),
        ("Acknowledgment Number", tcp.ack.to_string()),
        ("Control Bits", tcp.flags.to_string()),
        ("Window", tcp.window.to_string()),
        ("Urgent Pointer", tcp.urgent.to_string()),
    ] {
        let field = header.children.iter().find(|field| field.name == name);
        assert_eq!(field.map(|field| &field.value), Some(&value), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_looked_at_and_taken_apart_within_the_limits(
        (link, bytes, full_len) in any_packet()
    ) {
        let mut packet = Packet::new(LinkType(link), &bytes);
        packet.full_len = full_len;
        check_any(&packet);
    }
}

/// rule C2: depth, nodes and time stay small, whatever nests or repeats.
#[test]
fn c2_what_nests_or_repeats_stays_within_the_limits() {
    let len = 64 * 1024;
    let repeated = |head: &str, unit: &str| {
        let mut frame = bytes(&[head]);
        let unit = bytes(&[unit]);
        while frame.len() < len {
            frame.extend(&unit);
        }
        frame
    };
    let v6 = "60000000 ffff 29 40 00000000000000000000000000000001 \
              00000000000000000000000000000001";
    let v4 = "45 00 0000 0000 0000 40 04 0000 0a000001 0a000002";
    let options = "60000000 ffff 00 40 00000000000000000000000000000001 \
                   00000000000000000000000000000001";
    let error = "45 00 0000 0000 0000 40 01 0000 0a000001 0a000002 03 03 0000 00000000";
    for (link, frame) in [
        (LinkType::RAW, repeated("", v6)),
        (LinkType::RAW, repeated("", v4)),
        (LinkType::RAW, repeated("", error)),
        (LinkType::RAW, repeated(options, "00 00 0000 00000000")),
        (LinkType::RAW, repeated(options, "00 ff 0000 00000000")),
        (LinkType::ETHERNET, repeated(ETHERNET, "8100 0007")),
        (LinkType::UPPER_PDU, repeated("", "0063 0000")),
    ] {
        check_any(&Packet::new(link, &frame));
    }
}

/// rule C2: each packet within a packet costs stack.
#[test]
fn c2_only_so_many_packets_within_one_another_are_shown() {
    let v4 = "45 00 0000 0000 0000 40 04 0000 0a000001 0a000002";
    let frame = bytes(&[&v4.repeat(1000)]);
    let nodes = dissect::dissect(&Packet::new(LinkType::RAW, &frame));
    let headers = nodes
        .iter()
        .filter(|node| node.name == "Internet Protocol Version 4");
    assert_eq!(headers.count(), DEPTH_LIMIT);
    let last = nodes.last().expect("there are nodes");
    assert_eq!(last.value, "deeper nesting is not shown");
}

#[test]
fn what_does_not_fit_is_a_node_that_says_so() {
    let marks = |parts: &[&str]| -> Vec<String> {
        let frame = bytes(parts);
        let mut found = Vec::new();
        let mut open = dissect::dissect(&Packet::new(LinkType::RAW, &frame));
        while let Some(node) = open.pop() {
            if node.mark == Mark::Malformed {
                found.push(format!("{}: {}", node.name, node.value));
            }
            open.extend(node.children);
        }
        found
    };
    let short = "45 00 0028 0000 4000 40 06 0000 0a000001 0a000002 9c40 1b58 0000";
    assert_eq!(
        marks(&[short]),
        ["malformed at offset 24: Sequence Number needs 4 bytes, 2 are there"]
    );
    assert_eq!(
        marks(&["75"]),
        ["malformed at offset 0: there is no IP version 7"]
    );
    let option = "45 00 002c 0000 4000 40 06 0000 0a000001 0a000002 \
                  9c40 1b58 00000000 00000000 6002 0000 0000 0000 02090000";
    assert_eq!(
        marks(&[option]),
        ["malformed at offset 40: an option whose length does not fit"]
    );
}
