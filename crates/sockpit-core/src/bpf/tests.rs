//! Programs and the judge beside each other, over packets made by hand and by chance.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::wire::{LinkType, Packet, Summary};

#[test]
fn a_port_is_found_at_either_end_and_no_other_is() {
    let wanted = selection(Protocols::Tcp, &[7000], &[]);
    check(&wanted, &tcp(V4_A, 7000, V4_B, 40_000), true);
    check(&wanted, &tcp(V4_A, 40_000, V4_B, 7000), true);
    check(&wanted, &tcp(V6_A, 40_000, V6_B, 7000), true);
    check(&wanted, &tcp(V4_A, 40_000, V4_B, 7001), false);
    check(&wanted, &udp(V4_A, 40_000, V4_B, 7000), false);
}

#[test]
fn hosts_are_addresses_and_networks_of_both_versions() {
    let wanted = selection(Protocols::Both, &[], &["10.0.0.0/8", "fd00::/12"]);
    check(&wanted, &udp(V4_A, 1, V4_B, 2), true);
    check(&wanted, &udp(V6_A, 1, V6_B, 2), true);
    check(&wanted, &udp(LOOPBACK, 1, LOOPBACK, 2), false);
    let wanted = selection(Protocols::Both, &[], &["127.0.0.0/8", "::1"]);
    check(&wanted, &udp(LOOPBACK, 1, LOOPBACK, 2), true);
    check(&wanted, &udp(V6_A, 1, V6_B, 2), false);
}

#[test]
fn a_conversation_is_wanted_in_both_directions_only() {
    let wanted = Wanted::conversation(protocol::UDP, (V4_A, 1).into(), (V4_B, 2).into());
    check(&wanted, &udp(V4_A, 1, V4_B, 2), true);
    check(&wanted, &udp(V4_B, 2, V4_A, 1), true);
    check(&wanted, &udp(V4_A, 2, V4_B, 1), false);
    check(&wanted, &tcp(V4_A, 1, V4_B, 2), false);
    let to_itself = Wanted::conversation(protocol::TCP, (LOOPBACK, 1).into(), (LOOPBACK, 2).into());
    check(&to_itself, &tcp(LOOPBACK, 1, LOOPBACK, 2), true);
    check(&to_itself, &tcp(LOOPBACK, 2, LOOPBACK, 1), true);
    check(&to_itself, &tcp(LOOPBACK, 2, LOOPBACK, 2), false);
}

#[test]
fn a_v4_address_written_as_v6_is_the_v4_one() {
    let mapped = |ip: Ipv4Addr| IpAddr::V6(ip.to_ipv6_mapped());
    let (one, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    let wanted = Wanted::conversation(
        protocol::TCP,
        (mapped(one), 1).into(),
        (mapped(other), 2).into(),
    );
    check(&wanted, &tcp(V4_A, 1, V4_B, 2), true);
    let wanted = Wanted::service(Protocols::Tcp, &[(mapped(one), 1).into()]);
    check(&wanted, &tcp(V4_A, 1, V4_B, 2), true);
}

#[test]
fn a_service_at_every_address_is_known_by_its_port() {
    let wanted = Wanted::service(Protocols::Udp, &[(Ipv6Addr::UNSPECIFIED, 53).into()]);
    check(&wanted, &udp(V4_A, 53, V4_B, 40_000), true);
    check(&wanted, &udp(V4_A, 54, V4_B, 40_000), false);
}

#[test]
fn an_icmp_error_is_wanted_with_its_packet() {
    let wanted = selection(Protocols::Udp, &[7000], &["10.0.0.2"]);
    let about = udp(V4_A, 40_000, V4_B, 7000);
    check(&wanted, &icmp(V4_C, V4_A, 3, &about), true);
    check(&wanted, &icmp(V4_C, V4_A, 11, &about), true);
    // The very bytes in an echo mean nothing.
    check(&wanted, &icmp(V4_C, V4_A, 8, &about), false);
    let other = udp(V4_A, 40_000, V4_B, 7001);
    check(&wanted, &icmp(V4_B, V4_A, 3, &other), false);

    let wanted = Wanted::conversation(protocol::TCP, (V6_A, 1).into(), (V6_B, 2).into());
    let about = tcp(V6_B, 2, V6_A, 1);
    check(&wanted, &icmp(V6_A, V6_B, 1, &about), true);
    check(&wanted, &icmp(V6_A, V6_B, 2, &about), true);
    check(&wanted, &icmp(V6_A, V6_B, 128, &about), false);
    check(&wanted, &icmp(V6_A, V6_B, 1, &udp(V6_B, 2, V6_A, 1)), false);
}

#[test]
fn any_protocol_of_a_host_includes_its_echoes() {
    let wanted = selection(Protocols::Any, &[], &["10.0.0.2"]);
    check(&wanted, &icmp(V4_A, V4_B, 8, &[]), true);
    check(&wanted, &icmp(V4_A, V4_C, 8, &[]), false);
    check(&wanted, &tcp(V4_B, 1, V4_A, 2), true);
}

#[test]
fn a_later_fragment_tells_no_port_and_is_let_through() {
    let wanted = selection(Protocols::Udp, &[7000], &["10.0.0.2"]);
    let mut later = udp(V4_A, 1, V4_B, 2);
    later[6..8].copy_from_slice(&100_u16.to_be_bytes());
    check(&wanted, &later, true);
    let mut stranger = udp(V4_A, 1, V4_C, 2);
    stranger[6..8].copy_from_slice(&100_u16.to_be_bytes());
    check(&wanted, &stranger, false);
    // The first one has ports.
    let mut first = udp(V4_A, 1, V4_B, 2);
    first[6..8].copy_from_slice(&0x2000_u16.to_be_bytes());
    check(&wanted, &first, false);
}

#[test]
fn a_later_fragment_of_ipv4_has_the_protocol_that_it_says() {
    let mut later = udp(V4_A, 1, V4_B, 2);
    later[6..8].copy_from_slice(&0x2005_u16.to_be_bytes());
    // The number of an extension header, which only IPv6 has.
    later[9] = protocol::ROUTING;
    check(&selection(Protocols::Tcp, &[], &[]), &later, false);
    check(&selection(Protocols::Any, &[], &["10.0.0.1"]), &later, true);
}

#[test]
fn tags_do_not_hide_a_packet() {
    let wanted = selection(Protocols::Tcp, &[7000], &[]);
    for tags in 0..4 {
        let bytes = ethernet(tags, &tcp(V4_A, 7000, V4_B, 1));
        assert!(accepts(&wanted, Layer::Ethernet, &bytes), "{tags} tags");
        assert!(wants(&wanted, LinkType::ETHERNET, &bytes), "{tags} tags");
    }
    let other = ethernet(2, &tcp(V4_A, 7001, V4_B, 1));
    assert!(!accepts(&wanted, Layer::Ethernet, &other));
}

#[test]
fn what_leaves_by_a_loopback_is_dropped_once() {
    let packet = tcp(LOOPBACK, 1, LOOPBACK, 2);
    let program = Program::new(&Wanted::Everything, Layer::CookedAny);
    for (packet_type, hardware, expected) in [(4, 772, 0), (0, 772, ACCEPT_LEN), (4, 1, ACCEPT_LEN)]
    {
        let ancillary = Ancillary {
            protocol: 0x0800,
            packet_type,
            hardware,
            interface: 1,
        };
        let len = run(program.instructions(), &packet, &ancillary);
        assert_eq!(len, expected, "type {packet_type} on {hardware}");
    }
}

#[test]
fn a_long_list_makes_a_program_that_jumps_far_and_still_decides() {
    let ports: Vec<u16> = (7000..7024).collect();
    let hosts: Vec<String> = (0..8).map(|n| format!("fd00::{n}:0/112")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let wanted = selection(Protocols::Both, &ports, &hosts);
    let program = Program::new(&wanted, Layer::Ethernet);
    assert!(256 < program.instructions().len());
    let host: IpAddr = "fd00::7:1".parse().unwrap();
    let peer: IpAddr = "fe80::1".parse().unwrap();
    let other: IpAddr = "fd00::8:1".parse().unwrap();
    check(&wanted, &udp(peer, 1, host, 7023), true);
    check(&wanted, &udp(peer, 1, host, 7024), false);
    check(&wanted, &udp(peer, 1, other, 7023), false);
    check(
        &wanted,
        &icmp(V6_A, peer, 1, &udp(host, 7000, peer, 1)),
        true,
    );
    check(
        &wanted,
        &icmp(V6_A, peer, 1, &udp(other, 7000, peer, 1)),
        false,
    );
}

#[test]
fn what_is_too_much_for_a_program_is_left_to_the_judge() {
    let ports: Vec<u16> = (7000..7100).collect();
    let wanted = selection(Protocols::Tcp, &ports, &[]);
    let stranger = tcp(V4_A, 1, V4_B, 2);
    assert!(accepts(&wanted, Layer::Cooked, &stranger));
    assert!(!wants(&wanted, LinkType::RAW, &stranger));
    assert!(!accepts(&wanted, Layer::Cooked, &udp(V4_A, 7000, V4_B, 2)));
}

#[test]
fn a_filter_says_what_is_wanted_in_words_of_libpcap() {
    assert_eq!(Wanted::Everything.to_string(), "");
    let text = selection(Protocols::Tcp, &[7000], &["127.0.0.0/8", "::1"]).to_string();
    assert!(
        text.starts_with(
            "((ip proto 6 or ip6 proto 6) and (net 127.0.0.0/8 or host ::1) and (port 7000 or"
        ),
        "{text}"
    );
}

#[test]
fn a_network_is_read_and_written() {
    for (text, shown) in [
        ("127.0.0.1/8", "127.0.0.0/8"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
    ] {
        let prefix: Prefix = text.parse().unwrap();
        assert_eq!(prefix.to_string(), shown);
        assert_eq!(shown.parse(), Ok(prefix));
    }
    for text in ["", "10.0.0.0/33", "10.0.0/8", "host", "::/129", "::1/-1"] {
        assert!(text.parse::<Prefix>().is_err(), "{text}");
    }
}

proptest! {
    /// The law: a program lets through whatever the judge wants, and the same where the packet is a
    /// plain one.
    #[test]
    fn a_program_never_rejects_what_is_wanted(
        wanted in any_wanted(),
        packet in any_packet(),
        tags in 0_usize..4,
        cut in prop::option::of(0_usize..200),
    ) {
        let is_cut = cut.is_some();
        let cut = |bytes: &[u8]| bytes[..cut.unwrap_or(usize::MAX).min(bytes.len())].to_vec();
        let bytes = cut(&packet.bytes);
        let is_wanted = wants(&wanted, LinkType::RAW, &bytes);
        let is_accepted = accepts(&wanted, Layer::Cooked, &bytes);
        prop_assert!(is_accepted || !is_wanted, "cooked");
        prop_assert!(accepts(&wanted, Layer::CookedAny, &bytes) == is_accepted);
        if packet.is_plain && !is_cut {
            prop_assert_eq!(is_accepted, is_wanted, "cooked, plain");
        }
        let bytes = cut(&ethernet(tags, &packet.bytes));
        let is_wanted = wants(&wanted, LinkType::ETHERNET, &bytes);
        let is_accepted = accepts(&wanted, Layer::Ethernet, &bytes);
        prop_assert!(is_accepted || !is_wanted, "ethernet with {} tags", tags);
        if packet.is_plain && !is_cut && tags < 3 {
            prop_assert_eq!(is_accepted, is_wanted, "ethernet, plain");
        }
    }

    #[test]
    fn bytes_of_any_kind_are_judged_alike_enough(
        wanted in any_wanted(),
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        // Most of the header of something, so that chance gets further.
        head in prop::sample::select(vec![&[][..], &[0x45], &[0x46], &[0x4f], &[0x60], &[
            0x60, 0, 0, 0, 0, 60, 44, 64,
        ], &[0x45, 0, 0, 100, 0, 0, 0, 0, 64, 1]]),
    ) {
        let bytes = [head, &bytes].concat();
        let is_wanted = wants(&wanted, LinkType::RAW, &bytes);
        prop_assert!(accepts(&wanted, Layer::Cooked, &bytes) || !is_wanted);
        let is_wanted = wants(&wanted, LinkType::ETHERNET, &bytes);
        prop_assert!(accepts(&wanted, Layer::Ethernet, &bytes) || !is_wanted);
    }

    #[test]
    fn any_program_over_any_packet_ends(
        instructions in prop::collection::vec(any_instruction(), 0..60),
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        packet_type in any::<u8>(),
    ) {
        let ancillary = Ancillary { packet_type, ..Ancillary::default() };
        let _ = run(&instructions, &bytes, &ancillary);
    }

    /// What the kernel checks before it takes a program.
    #[test]
    fn every_program_is_one_that_the_kernel_takes(wanted in any_wanted(), layer in any_layer()) {
        let program = Program::new(&wanted, layer);
        let instructions = program.instructions();
        prop_assert!(instructions.len() < 1000, "{} instructions", instructions.len());
        prop_assert_eq!(instructions.last().unwrap().code & 7, run::code::RET);
        for (place, step) in instructions.iter().enumerate() {
            let furthest = match step.code {
                code if code & 7 != run::code::JMP => 0,
                code if code & 0xf0 == run::code::JA => step.k as usize,
                _ => usize::from(step.jt.max(step.jf)),
            };
            prop_assert!(place + 1 + furthest < instructions.len().max(place + 2));
        }
    }
}

/// Holds a packet, from its IP header on, against a program and the judge.
#[track_caller]
fn check(wanted: &Wanted, packet: &[u8], expected: bool) {
    assert_eq!(wants(wanted, LinkType::RAW, packet), expected, "the judge");
    assert_eq!(accepts(wanted, Layer::Cooked, packet), expected, "cooked");
    let frame = ethernet(0, packet);
    assert_eq!(accepts(wanted, Layer::Ethernet, &frame), expected, "raw");
}

fn wants(wanted: &Wanted, link: LinkType, bytes: &[u8]) -> bool {
    wanted.matches(&Summary::of(&Packet::new(link, bytes)))
}

fn accepts(wanted: &Wanted, layer: Layer, bytes: &[u8]) -> bool {
    let protocol = match bytes.first().map(|byte| byte >> 4) {
        Some(6) => 0x86dd,
        _ => 0x0800,
    };
    let ancillary = Ancillary {
        protocol,
        ..Ancillary::default()
    };
    let program = Program::new(wanted, layer);
    match run(program.instructions(), bytes, &ancillary) {
        0 => false,
        len => {
            assert!(262_144 <= len, "a packet is accepted whole");
            true
        }
    }
}

const V4_A: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const V4_B: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const V4_C: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1));
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6_A: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
const V6_B: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, 1));
const HOSTS: [IpAddr; 6] = [V4_A, V4_B, V4_C, LOOPBACK, V6_A, V6_B];

fn selection(protocols: Protocols, ports: &[u16], hosts: &[&str]) -> Wanted {
    Wanted::Selection(Selection {
        protocols,
        ports: ports.to_vec(),
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
    })
}

fn tcp(source: IpAddr, from: u16, destination: IpAddr, to: u16) -> Vec<u8> {
    let mut segment = [from.to_be_bytes(), to.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0, b'a']);
    ip(source, destination, protocol::TCP, &segment)
}

fn udp(source: IpAddr, from: u16, destination: IpAddr, to: u16) -> Vec<u8> {
    let mut datagram = [from.to_be_bytes(), to.to_be_bytes()].concat();
    datagram.extend([0, 9, 0, 0, b'a']);
    ip(source, destination, protocol::UDP, &datagram)
}

fn icmp(source: IpAddr, destination: IpAddr, kind: u8, about: &[u8]) -> Vec<u8> {
    let number = match source {
        IpAddr::V4(_) => protocol::ICMP,
        IpAddr::V6(_) => protocol::ICMPV6,
    };
    let message = [&[kind, 0, 0, 0, 0, 0, 0, 0], about].concat();
    ip(source, destination, number, &message)
}

fn ip(source: IpAddr, destination: IpAddr, number: u8, payload: &[u8]) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut bytes = vec![0x45, 0];
            bytes.extend((20 + payload.len() as u16).to_be_bytes());
            bytes.extend([0, 1, 0, 0, 64, number, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
            bytes.extend(payload);
            bytes
        }
        (source, destination) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            let mut bytes = vec![0x60, 0, 0, 0];
            bytes.extend((payload.len() as u16).to_be_bytes());
            bytes.extend([number, 64]);
            bytes.extend(octets(source));
            bytes.extend(octets(destination));
            bytes.extend(payload);
            bytes
        }
    }
}

fn ethernet(tags: usize, packet: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    for tag in 0..tags {
        bytes.extend([[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00]][tag % 3]);
        bytes.extend([0, 7]);
    }
    bytes.extend(match packet.first().map(|byte| byte >> 4) {
        Some(6) => [0x86, 0xdd],
        _ => [0x08, 0x00],
    });
    bytes.extend(packet);
    bytes
}

/// A packet, and whether nothing in it makes a program guess.
#[derive(Clone, Debug)]
struct Made {
    bytes: Vec<u8>,
    is_plain: bool,
}

fn any_packet() -> impl Strategy<Value = Made> {
    let host = prop::sample::select(HOSTS.to_vec());
    let port = 1_u16..4;
    let about = (
        host.clone(),
        port.clone(),
        host.clone(),
        port.clone(),
        any::<bool>(),
    );
    let number = prop::sample::select(vec![0_u8, 1, 6, 17, 43, 44, 51, 58, 59, 60, 132]);
    (
        (host.clone(), port.clone(), host, port, any::<bool>()),
        prop::option::weighted(0.4, (0_u8..14, about)),
        // Options of IPv4 in words, or extension headers of IPv6.
        prop::option::weighted(0.2, 1_u8..4),
        // A place in a larger packet.
        prop::option::weighted(0.2, prop::sample::select(vec![0_u16, 0x2000, 0x2005, 9])),
        prop::option::weighted(0.1, number),
    )
        .prop_map(|(outer, about, options, fragment, number)| {
            let inner = |(source, from, destination, to, is_tcp): (IpAddr, _, IpAddr, _, bool)| {
                let destination = like(source, destination);
                match is_tcp {
                    true => tcp(source, from, destination, to),
                    false => udp(source, from, destination, to),
                }
            };
            let (source, destination) = (outer.0, like(outer.0, outer.2));
            let mut bytes = match about {
                None => inner(outer),
                Some((kind, about)) => {
                    let kind = if source.is_ipv6() { kind % 6 } else { kind };
                    let about = (like(source, about.0), about.1, about.2, about.3, about.4);
                    icmp(source, destination, kind, &inner(about))
                }
            };
            let mut is_plain = fragment.is_none() && number.is_none();
            match source {
                IpAddr::V4(_) => {
                    if let Some(words) = options {
                        bytes[0] = 0x45 + words;
                        let room = vec![1; usize::from(words) * 4];
                        bytes.splice(20..20, room);
                        let len = bytes.len() as u16;
                        bytes[2..4].copy_from_slice(&len.to_be_bytes());
                    }
                    if let Some(place) = fragment {
                        bytes[6..8].copy_from_slice(&place.to_be_bytes());
                    }
                    if let Some(number) = number {
                        bytes[9] = number;
                    }
                }
                IpAddr::V6(_) => {
                    let mut next = number.unwrap_or(bytes[6]);
                    if let Some(place) = fragment {
                        // The place counts from the third bit on, and the lowest says `more`.
                        let place = place.rotate_left(3);
                        let mut header = vec![next, 0];
                        header.extend(place.to_be_bytes());
                        header.extend([0, 0, 0, 1]);
                        bytes.splice(40..40, header);
                        next = protocol::FRAGMENT;
                    }
                    for count in 0..options.unwrap_or_default() {
                        is_plain = false;
                        let kind = [60, 43, 0][usize::from(count) % 3];
                        bytes.splice(40..40, [next, 0, 1, 4, 0, 0, 0, 0]);
                        next = kind;
                    }
                    bytes[6] = next;
                    let len = (bytes.len() - 40) as u16;
                    bytes[4..6].copy_from_slice(&len.to_be_bytes());
                }
            }
            Made { bytes, is_plain }
        })
}

/// `other` if it is of the version of `one`, else an address that is.
fn like(one: IpAddr, other: IpAddr) -> IpAddr {
    match (one, other) {
        (IpAddr::V4(_), IpAddr::V6(_)) => V4_B,
        (IpAddr::V6(_), IpAddr::V4(_)) => V6_B,
        _ => other,
    }
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let protocols = prop::sample::select(vec![
        Protocols::Tcp,
        Protocols::Udp,
        Protocols::Both,
        Protocols::Any,
    ]);
    let host = prop::sample::select(HOSTS.to_vec());
    let prefix = (host.clone(), prop::option::of(0_u8..=128));
    let prefix = prefix.prop_map(|(host, len)| Prefix::new(host, len.unwrap_or(u8::MAX)));
    let selection = (
        protocols,
        prop::collection::vec(1_u16..4, 0..3),
        prop::collection::vec(prefix, 0..4),
    );
    let tuple = (host.clone(), 1_u16..4, host, 1_u16..4, any::<bool>());
    let tuple = tuple.prop_map(|(source, from, destination, to, is_tcp)| FiveTuple {
        source,
        destination: like(source, destination),
        protocol: if is_tcp { protocol::TCP } else { protocol::UDP },
        ports: (from, to),
    });
    prop_oneof![
        1 => Just(Wanted::Everything),
        10 => selection.prop_map(|(protocols, ports, hosts)| {
            Wanted::Selection(Selection { protocols, ports, hosts })
        }),
        10 => prop::collection::vec(tuple, 0..4).prop_map(Wanted::Conversations),
    ]
}

fn any_layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(vec![Layer::Ethernet, Layer::Cooked, Layer::CookedAny])
}

fn any_instruction() -> impl Strategy<Value = Instruction> {
    let k = prop_oneof![0_u32..64, any::<u32>(), 0xffff_f000_u32..0xffff_f040];
    (0_u16..0x100, 0_u8..8, 0_u8..8, k).prop_map(|(code, jt, jf, k)| Instruction {
        code,
        jt,
        jf,
        k,
    })
}
