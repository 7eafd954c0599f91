use sockpit_core::flow::Settings;
use sockpit_core::sighting::Observer;
use sockpit_core::wire::{LinkType, Packet};

use super::*;

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
