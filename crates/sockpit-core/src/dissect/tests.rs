//! Trees of frames made by hand.

use super::dissect;
use crate::wire::tests::{ETHERNET, IPV4_SYN, SYN, bytes};
use crate::wire::{CaptureFacts, Conversation, Direction, LinkType, Packet};

fn shown(packet: &Packet<'_>) -> String {
    let nodes = dissect(packet);
    nodes.iter().map(ToString::to_string).collect()
}

fn check(name: &str, link: LinkType, parts: &[&str]) {
    let frame = bytes(parts);
    insta::assert_snapshot!(name, shown(&Packet::new(link, &frame)));
}

#[test]
fn a_syn_over_ethernet() {
    check(
        "syn",
        LinkType::ETHERNET,
        &[ETHERNET, "0800", IPV4_SYN, SYN],
    );
}

#[test]
fn a_segment_that_a_network_card_shall_cut() {
    let header = "45 00 0bb8 1c46 4000 40 06 0000 0a000001 0a000002";
    let segment = "9c40 1b58 01020304 00000001 5018 faf0 1430 0000";
    let payload = "61".repeat(100);
    let frame = bytes(&[ETHERNET, "0800", header, segment, &payload]);
    let packet = Packet {
        at: 1_795_000_000_123_456_789,
        full_len: 14 + 3000,
        facts: CaptureFacts {
            interface: 1,
            direction: Direction::Out,
            is_checksum_unfilled: true,
            gso_size: Some(1448),
            dropped_before: 2,
        },
        ..Packet::new(LinkType::ETHERNET, &frame)
    };
    insta::assert_snapshot!("offload", shown(&packet));
}

#[test]
fn an_arp_question() {
    let arp = "0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002";
    check("arp", LinkType::ETHERNET, &[ETHERNET, "0806", arp]);
}

#[test]
fn an_unreachable_port_with_the_datagram_inside() {
    let outer = "45 c0 003c 0000 0000 40 01 65ff 0a000002 0a000001";
    let inner = "45 00 0020 1c46 4000 40 11 0a85 0a000001 0a000002 9c40 1b58 000c 0000 61626364";
    check(
        "unreachable",
        LinkType::RAW,
        &[outer, "03 03 8091 00000000", inner],
    );
}

#[test]
fn ipv6_with_options_a_fragment_and_neighbours() {
    let header = "60012345 0028 00 ff fe800000000000000000000000000001 \
                  ff0200000000000000000001ff000002";
    let hop_by_hop = "3a 00 0502 0000 0100";
    let neighbour = "87 00 7a97 00000000 fe800000000000000000000000000002 01 01 020000000001";
    check("neighbour", LinkType::RAW, &[header, hop_by_hop, neighbour]);
    let fragment = "60000000 0010 2c 40 00000000000000000000000000000001 \
                    00000000000000000000000000000001 11 00 05a9 00000007 6161616161616161";
    check("fragment", LinkType::RAW, &[fragment]);
}

#[test]
fn tags_of_virtual_networks_and_udp_with_a_wrong_checksum_and_padding() {
    let tags = "88a8 0064 8100 6007 0800";
    let header = "45 00 001f 0000 4000 40 11 26cc 0a000001 0a000002";
    let udp = "9c40 1b58 000b 1234 616263 0000000000";
    check("vlan", LinkType::ETHERNET, &[ETHERNET, tags, header, udp]);
}

#[test]
fn a_cooked_capture_of_a_reset() {
    let cooked = "0800 0000 00000003 0001 04 06 020000000001 0000";
    let header = "45 00 0028 0000 4000 40 06 26ce 0a000001 0a000002";
    let segment = "9c40 1b58 01020304 00000001 5014 0000 e02e 0000";
    check("cooked", LinkType::SLL2, &[cooked, header, segment]);
}

#[test]
fn a_message_of_a_unix_socket_cannot_write_to_the_terminal() {
    let packet = Conversation {
        dissector: "data\x1b[2J",
        protocol: "UNIX",
        direction: Direction::In,
        ..Conversation::default()
    };
    let packet = packet.packet(b"hello");
    insta::assert_snapshot!(
        "exported",
        shown(&Packet::new(LinkType::UPPER_PDU, &packet))
    );
}
