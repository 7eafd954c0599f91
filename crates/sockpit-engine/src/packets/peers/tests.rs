use sockpit_core::flow::Settings;
use sockpit_core::sighting::Observer;
use sockpit_core::wire::{LinkType, Packet};

use super::*;
use crate::packets::counted::Counted;

// port: nothing is bound, these are addresses in made-up packets.
const CLIENT: &str = "127.0.0.1:40000"; // port: as above
const SERVER: &str = "127.0.0.1:7000"; // port: as above
const ANYWHERE: &str = "0.0.0.0:7000"; // port: as above
const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const FIN: TcpFlags = TcpFlags::FIN;
const RST: TcpFlags = TcpFlags::RST;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// An IPv4 packet without options and checksums.
fn ip(protocol: u8, from: &str, to: &str, carried: &[u8]) -> Vec<u8> {
    let octets = |text: &str| match addr(text).ip() {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => unreachable!("these tests speak IPv4"),
    };
    let total = u16::try_from(20 + carried.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(octets(from));
    packet.extend(octets(to));
    packet.extend(carried);
    packet
}

fn ports(from: &str, to: &str) -> Vec<u8> {
    let ports = [addr(from).port(), addr(to).port()];
    ports.iter().flat_map(|port| port.to_be_bytes()).collect()
}

fn tcp(from: &str, to: &str, seq: u32, ack: u32, flags: TcpFlags, payload: &[u8]) -> Vec<u8> {
    let mut segment = ports(from, to);
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    segment.extend((0x5000 | flags.0).to_be_bytes());
    segment.extend([0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ip(6, from, to, &segment)
}

fn udp(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
    let mut datagram = ports(from, to);
    datagram.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ip(17, from, to, &datagram)
}

/// A session whose packets come one a millisecond.
struct Scene {
    observer: Observer,
    peers: Peers,
    millis: u64,
}

impl Scene {
    fn client() -> Self {
        Self::of(Peers::new(vec![addr(SERVER)], Vec::new()))
    }

    fn server(local: &str) -> Self {
        Self::of(Peers::new(Vec::new(), vec![addr(local)]))
    }

    fn of(peers: Peers) -> Self {
        Self {
            observer: Observer::new(Settings::default()),
            peers,
            millis: 0,
        }
    }

    /// What comes out when a packet passes: peer, direction, offset.
    fn pass(&mut self, bytes: &[u8]) -> Vec<(u32, Direction, Option<u64>)> {
        self.millis += 1;
        let kept = self
            .observer
            .observe(Packet::new(LinkType::RAW, bytes))
            .keep();
        let time = Time::from_nanos(self.millis * 1_000_000);
        let mut event = crate::packets::made(kept);
        Arc::get_mut(&mut event).unwrap().time = time;
        facts(self.peers.place(event))
    }

    fn open(
        &mut self,
        peer: u32,
        is_tcp: bool,
        local: &str,
        remote: &str,
    ) -> Vec<(u32, Direction, Option<u64>)> {
        facts(self.peers.open(peer, is_tcp, addr(local), addr(remote)))
    }
}

fn facts(placed: impl IntoIterator<Item = Arc<Event>>) -> Vec<(u32, Direction, Option<u64>)> {
    let fact = |placed: Arc<Event>| match &placed.what {
        What::Packet {
            direction, offset, ..
        } => (placed.peer, *direction, *offset),
        other => panic!("{other:?} is no packet"),
    };
    placed.into_iter().map(fact).collect()
}

use Direction::{In, Out};

#[test]
fn the_handshake_of_a_client_waits_until_it_is_known_whose_it_is() {
    let mut scene = Scene::client();
    assert_eq!(scene.pass(&tcp(CLIENT, SERVER, 9, 0, SYN, b"")), []);
    assert_eq!(scene.pass(&tcp(SERVER, CLIENT, 99, 10, SYN | ACK, b"")), []);
    let opened = scene.open(1, true, CLIENT, SERVER);
    assert_eq!(opened, [(1, Out, None), (1, In, None)]);
    let data = tcp(CLIENT, SERVER, 10, 100, ACK, b"hello");
    assert_eq!(scene.pass(&data), [(1, Out, Some(0))]);
    let more = tcp(CLIENT, SERVER, 15, 100, ACK, b"you");
    assert_eq!(scene.pass(&more), [(1, Out, Some(5))]);
}

#[test]
fn a_peer_that_is_known_before_its_packets_gets_them_at_once() {
    let mut scene = Scene::server(SERVER);
    assert_eq!(scene.open(3, true, SERVER, CLIENT), []);
    assert_eq!(
        scene.pass(&tcp(CLIENT, SERVER, 9, 0, SYN, b"")),
        [(3, In, None)]
    );
}

#[test]
fn the_same_addresses_used_again_are_another_peers() {
    let mut scene = Scene::server(SERVER);
    scene.open(1, true, SERVER, CLIENT);
    scene.pass(&tcp(CLIENT, SERVER, 9, 0, SYN, b""));
    // The next one knocks before it is accepted.
    assert_eq!(scene.pass(&tcp(CLIENT, SERVER, 5000, 0, SYN, b"")), []);
    assert_eq!(scene.open(2, true, SERVER, CLIENT), [(2, In, None)]);
    // And one that is accepted before its packets come.
    scene.open(3, true, SERVER, CLIENT);
    assert_eq!(
        scene.pass(&tcp(SERVER, CLIENT, 77, 5001, ACK, b"")),
        [(2, Out, None)]
    );
    assert_eq!(
        scene.pass(&tcp(CLIENT, SERVER, 90_000, 0, SYN, b"")),
        [(3, In, None)]
    );
}

#[test]
fn what_is_nobodys_is_given_up_in_time_and_belongs_to_the_session() {
    let mut scene = Scene::client();
    scene.pass(&tcp(CLIENT, SERVER, 9, 0, SYN, b""));
    scene.pass(&tcp(SERVER, CLIENT, 0, 10, RST | ACK, b""));
    let first = scene.peers.give_up(Some(Time::from_nanos(1_500_000)));
    assert_eq!(facts(first), [(0, Out, None)]);
    let rest = scene.peers.give_up(None);
    assert_eq!(facts(rest).len(), 1);
}

#[test]
fn what_others_say_to_the_same_server_is_none_of_a_clients() {
    // port: made up too
    let other = "127.0.0.1:5";
    let mut scene = Scene::client();
    assert_eq!(scene.pass(&tcp(other, SERVER, 5, 0, SYN, b"")), []);
    assert_eq!(scene.pass(&tcp(CLIENT, SERVER, 9, 0, SYN, b"")), []);
    assert_eq!(scene.open(1, true, CLIENT, SERVER), [(1, Out, None)]);
    assert_eq!(scene.pass(&tcp(SERVER, other, 99, 6, SYN | ACK, b"")), []);
    assert_eq!(scene.peers.give_up(None), []);
}

#[test]
fn what_waits_has_a_limit() {
    let mut scene = Scene::client();
    let syn = tcp(CLIENT, SERVER, 9, 0, SYN, b"");
    for _ in 0..MOST_HELD {
        assert_eq!(scene.pass(&syn), []);
    }
    assert_eq!(scene.pass(&syn), [(0, Out, None)]);
}

#[test]
fn datagrams_find_their_peer_by_its_address_and_our_port() {
    let mut scene = Scene::server(ANYWHERE);
    assert_eq!(scene.pass(&udp(CLIENT, SERVER, b"1")), []);
    assert_eq!(scene.open(1, false, ANYWHERE, CLIENT), [(1, In, None)]);
    assert_eq!(scene.pass(&udp(SERVER, CLIENT, b"a")), [(1, Out, None)]);
    // port: made up too
    assert_eq!(scene.pass(&udp("127.0.0.1:5", SERVER, b"b")), []);
}

#[test]
fn an_icmp_message_belongs_to_what_it_is_about() {
    let mut scene = Scene::client();
    scene.open(1, false, CLIENT, SERVER);
    let sent = udp(CLIENT, SERVER, b"1");
    assert_eq!(scene.pass(&sent), [(1, Out, None)]);
    let mut message = vec![3, 3, 0, 0, 0, 0, 0, 0];
    message.extend(&sent);
    let unreachable = ip(1, SERVER, CLIENT, &message);
    assert_eq!(scene.pass(&unreachable), [(1, In, None)]);
}

#[test]
fn a_conversation_is_over_when_both_ends_are_acknowledged_or_it_is_reset() {
    let mut scene = Scene::client();
    scene.open(1, true, CLIENT, SERVER);
    let mut last = |bytes: &[u8]| {
        scene.pass(bytes);
        scene.peers.are_complete()
    };
    assert!(!last(&tcp(CLIENT, SERVER, 9, 0, SYN, b"")));
    assert!(!last(&tcp(SERVER, CLIENT, 99, 10, SYN | ACK, b"")));
    assert!(!last(&tcp(CLIENT, SERVER, 10, 100, ACK | FIN, b"end")));
    assert!(!last(&tcp(SERVER, CLIENT, 100, 14, ACK, b"")));
    assert!(!last(&tcp(SERVER, CLIENT, 100, 14, ACK | FIN, b"")));
    assert!(last(&tcp(CLIENT, SERVER, 14, 101, ACK, b"")));
    let mut scene = Scene::client();
    scene.open(1, true, CLIENT, SERVER);
    scene.pass(&tcp(CLIENT, SERVER, 9, 0, SYN, b""));
    assert!(!scene.peers.are_complete());
    scene.pass(&tcp(SERVER, CLIENT, 0, 10, RST | ACK, b""));
    assert!(scene.peers.are_complete());
}

/// The kernel's last word on peer 1: so many segments and bytes sent again.
fn last_word(segments_again: u32, bytes_again: u64, bytes_sent: u64, unacked: u64) -> What {
    let own = serde_json::json!({
        "state": "established", "rtt_us": 9, "rtt_variance_us": 9, "rto_us": 9, "cwnd": 10,
        "mss": 1448, "advertised_mss": 1448, "path_mtu": 1500, "timestamps": true, "sack": true,
        "ecn": false, "receive_space": 9, "segments_unacked": 0, "segments_sacked": 0,
        "segments_lost": 0, "segments_again": segments_again, "retransmits": 0, "probes": 0,
        "reordering": 3, "unacked": unacked, "bytes_again": bytes_again, "bytes_sent": bytes_sent,
    });
    What::Note {
        kind: "tcp".to_owned(),
        message: String::new(),
        data: serde_json::json!({ "when": "close", "own": own }),
    }
}

#[test]
fn what_the_kernel_counted_otherwise_is_found_once_all_is_acknowledged() {
    let mut scene = Scene::client();
    scene.open(1, true, CLIENT, SERVER);
    for packet in [
        tcp(CLIENT, SERVER, 9, 0, SYN, b""),
        tcp(SERVER, CLIENT, 99, 10, SYN | ACK, b""),
        tcp(CLIENT, SERVER, 10, 100, ACK, b"hello"),
        tcp(CLIENT, SERVER, 10, 100, ACK, b"hello"),
        tcp(SERVER, CLIENT, 100, 15, ACK, b""),
    ] {
        scene.pass(&packet);
    }
    let found = |told: What| {
        let mut counted = Counted::default();
        counted.learn(1, &told);
        let found = counted.compare(&scene.peers, scene.observer.analyser());
        found
            .into_iter()
            .map(|(peer, told)| format!("{peer}: {told}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(last_word(1, 5, 10, 0)), [""; 0]);
    assert_eq!(
        found(last_word(3, 15, 20, 0)),
        [
            "1: segments sent again: 3 by the kernel, 1 on the wire",
            "1: bytes sent again: 15 by the kernel, 5 on the wire",
            "1: bytes sent: 20 by the kernel, 10 on the wire",
        ]
    );
    assert_eq!(found(last_word(3, 15, 20, 1)), [""; 0], "more may come");
}
