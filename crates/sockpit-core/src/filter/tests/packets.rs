//! What is asked of packets.

use super::*;
use crate::bpf::{Protocols, Selection, Wanted};
use crate::flow::Settings;
use crate::sighting::Observer;
use crate::wire::{LinkType, Packet};

/// An IPv4 packet from 10.0.0.1 to 127.0.0.1 over `protocol`.
fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x45, 0, len[0], len[1], 0, 7, 0, 0, 64, protocol, 0, 0];
    bytes.extend([10, 0, 0, 1, 127, 0, 0, 1]);
    bytes.extend(payload);
    bytes
}

fn tcp(seq: u32, flags: u8, window: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x9c, 0x40, 0x1b, 0x58];
    bytes.extend(seq.to_be_bytes());
    bytes.extend(9_u32.to_be_bytes());
    bytes.extend([0x50, flags]);
    bytes.extend(window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    ip(6, &bytes)
}

fn udp(payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x9c, 0x40, 0x00, 0x35, len[0], len[1], 0, 0];
    bytes.extend(payload);
    ip(17, &bytes)
}

/// Whether `filter` wants the last of these packets.
#[track_caller]
fn check(filter: &str, packets: &[Vec<u8>], wanted: bool) {
    let parsed: Filter = filter
        .parse()
        .unwrap_or_else(|error| panic!("`{filter}`: {error}"));
    let mut observer = Observer::new(Settings::default());
    let mut kept = None;
    for (at, bytes) in packets.iter().enumerate() {
        let mut packet = Packet::new(LinkType::RAW, bytes);
        packet.at = at as u64 * 1_000_000_000;
        kept = Some(observer.observe(packet).keep());
    }
    let event = event_of(What::Packet {
        direction: Direction::In,
        offset: Some(4),
        packet: Box::new(kept.unwrap()),
    });
    assert_eq!(parsed.matches(&Subject::of(&event)), wanted, "`{filter}`");
    let shown = parsed.to_string();
    assert_eq!(shown.parse::<Filter>().as_ref(), Ok(&parsed), "{shown}");
}

#[test]
fn terms_say_what_a_packet_has() {
    let packets = [tcp(1, 0x18, 512, b"hello")];
    for filter in [
        "packet",
        "tcp",
        "ip",
        "ip4 and not ip6",
        "in",
        "peer 2",
        "port 7000",
        "port 40000",
        "port 1,7000..7010",
        "port > 39999",
        "port != 9",
        "src port 40000 and dst port 7000",
        "not (src port 7000)",
        "tcp port 7000",
        "tcp port 7000 and host 127.0.0.1",
        "tcp conversation 0 ack and len > 0",
        "TCP src port 40000 dst host 127.0.0.1",
        "not udp port 7000",
        "host 10.0.0.0/8",
        "net 10.0.0.0/8",
        "host 1.1.1.1,10.0.0.1",
        "host != 1.1.1.1",
        "src 10.0.0.1 and dst 127.0.0.1",
        "push and ack",
        "psh",
        "flags = \"PSH, ACK\"",
        "flags ~ PSH",
        "not syn and not fin",
        "len = 5",
        "text ~ ^hel",
        "\"ell\"",
        "hex = 68656C6C6F",
        "conversation 0",
        "window >= 512",
        "seq = 1",
        "ack 1",
        "ack > 0",
        "offset = 4",
        "n 7",
    ] {
        check(filter, &packets, true);
    }
    for filter in [
        "udp",
        "icmp",
        "arp",
        "ip6",
        "out",
        "frame",
        "chunk",
        "port 9",
        "port != 7000",
        "src port 7000",
        "udp port 7000",
        "not tcp port 7000",
        "host 1.1.1.1",
        "host != 10.0.0.1",
        "dst 10.0.0.1",
        "syn",
        "rst",
        "label = retransmission",
        "retransmission",
        "partial",
        "truncated",
        "malformed",
        "vlan",
        "fragment",
        "len > 5",
        "kind = reset",
        "addr ~ .",
    ] {
        check(filter, &packets, false);
    }
}

#[test]
fn labels_are_words() {
    let packets = [
        tcp(1, 0x02, 512, b""),
        tcp(2, 0x18, 512, b"hello"),
        tcp(7, 0x18, 512, b"again"),
        tcp(2, 0x18, 512, b"hello"),
    ];
    check("retransmission", &packets, true);
    check("label = retransmission", &packets, true);
    check("label out_of_order,retransmission", &packets, true);
    check("label != retransmission", &packets, false);
    check("label = reset", &packets, false);
}

#[test]
fn datagrams_have_ports_and_a_length_and_no_numbers() {
    let packets = [udp(b"a")];
    check("udp port 53 and len = 1 and hex = 61", &packets, true);
    check("seq >= 0 or window >= 0 or label != reset", &packets, false);
}

/// Whoever watches a port wants to know that nobody is there.
#[test]
fn an_error_of_icmp_is_about_the_ports_of_the_packet_in_it() {
    let mut error = vec![3, 3, 0, 0, 0, 0, 0, 0];
    error.extend(udp(b"x"));
    let packets = [ip(1, &error)];
    check("icmp and port 53", &packets, true);
    check("port 54", &packets, false);
    check("udp port 53", &packets, false);
}

#[test]
fn the_kernel_judges_what_it_can() {
    let selection = |filter: &str| match filter.parse::<Filter>().unwrap().wanted() {
        Wanted::Everything => None,
        Wanted::Selection(selection) => Some(selection),
        Wanted::Conversations(_) => panic!("a filter names no conversations"),
    };
    let tcp_at = |ports: &[u16]| {
        Some(Selection {
            protocols: Protocols::Tcp,
            ports: ports.to_vec(),
            hosts: Vec::new(),
        })
    };
    assert_eq!(selection("tcp port 7000 and text ~ err"), tcp_at(&[7000]));
    assert_eq!(selection("tcp and (port 2 or port 1..2)"), tcp_at(&[1, 2]));
    assert_eq!(selection("retransmission and src port 5"), tcp_at(&[5]));
    let both = selection("tcp port 1 or udp port 2").unwrap();
    assert_eq!((both.protocols, both.ports), (Protocols::Both, vec![1, 2]));
    let host = selection("host 10.0.0.0/8 and in").unwrap();
    assert_eq!(host.hosts, ["10.0.0.0/8".parse().unwrap()]);
    for everything in [
        "not tcp",
        "text ~ err",
        "tcp or arp",
        "port 1 or host ::1",
        "port 1..1000",
        "port != 5",
        "host != ::1",
    ] {
        assert_eq!(selection(everything), None, "{everything}");
    }
}

#[test]
fn mistakes_about_packets_teach() {
    check_mistake("port 70000", 6, "a port from 0 to 65535");
    check_mistake("port http", 6, "such as `7000`");
    check_mistake("host nowhere", 6, "`10.0.0.0/8`");
    check_mistake("label = lost", 9, "one of reused_ports");
    check_mistake("tcp and prot 7000", 9, "(`port` is one)");
    check_mistake("port 80 or 443", 12, "`443`");
    check_mistake("tcp 7000", 5, "`7000` at column 5 is no term");
    check_mistake(
        "tcp port 80 not port 81",
        13,
        "expected `and`, `or` or the end",
    );
}

proptest! {
    /// What is in no filter but makes a packet wanted is wanted by the kernel's part too.
    #[test]
    fn the_kernel_never_wants_less(
        terms in proptest::collection::vec(proptest::sample::select(vec![
            "tcp", "udp", "port 7000", "port 53", "src port 40000", "host 10.0.0.1", "host 1.1.1.1",
            "syn", "seq = 0", "len > 0", "not port 53", "retransmission", "icmp",
        ]), 1..5),
        words in proptest::collection::vec(any::<bool>(), 5),
        is_tcp in any::<bool>(),
    ) {
        let mut text = terms[0].to_owned();
        for (term, is_and) in terms[1..].iter().zip(words) {
            text = format!("({text}) {} {term}", if is_and { "and" } else { "or" });
        }
        let filter: Filter = text.parse().unwrap();
        let bytes = if is_tcp { tcp(1, 2, 5, b"") } else { udp(b"x") };
        let packet = Packet::new(LinkType::RAW, &bytes);
        let summary = crate::wire::Summary::of(&packet);
        let mut observer = Observer::new(Settings::default());
        let event = event_of(What::Packet {
            direction: Direction::In,
            offset: None,
            packet: Box::new(observer.observe(packet).keep()),
        });
        if filter.matches(&Subject::of(&event)) {
            prop_assert!(filter.wanted().matches(&summary), "{}", text);
        }
    }
}
