//! Captures of conversations of our own, with the privilege here and in a network of one's own.

use std::env;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use sockpit_core::bpf::{Prefix, Protocols, Selection};
use sockpit_core::pcap::{Ending, Item, Reader};
use sockpit_core::wire::{CaptureFacts, Summary, Transport, protocol};

use super::*;

#[test]
fn a_connection_made_after_opening_is_seen_from_its_syn_to_its_end() {
    let (listener, address) = listener();
    let Some(running) = capture(&service(Protocols::Tcp, address)) else {
        return;
    };
    echo(&listener, address, b"ping");
    let seen = running.stop();
    check_connection(&seen, b"ping");
    assert_eq!(seen.link, LinkType::ETHERNET);
    assert_eq!(seen.statistics.dropped, 0);
    let facts = seen.packets.iter().map(|packet| packet.facts);
    assert!(
        facts
            .into_iter()
            .all(|facts| facts.is_checksum_unfilled && facts.interface == 0)
    );
}

#[test]
fn on_any_interface_each_packet_is_seen_once_with_the_number_of_its_own() {
    let (listener, address) = listener();
    let request = Request {
        place: Place::Any,
        ..service(Protocols::Tcp, address)
    };
    let Some(running) = capture(&request) else {
        return;
    };
    echo(&listener, address, b"anywhere");
    let seen = running.stop();
    check_connection(&seen, b"anywhere");
    assert_eq!(seen.link, LinkType::SLL2);
    assert!(
        seen.packets
            .iter()
            .all(|packet| packet.summary.interface_number == Some(loopback()))
    );
}

#[test]
fn three_datagrams_are_three_packets() {
    let (receiver, sender) = datagrams();
    let address = receiver.local_addr().unwrap();
    let Some(running) = capture(&service(Protocols::Udp, address)) else {
        return;
    };
    for text in [b"1", b"a", b"b"] {
        sender.send_to(text, address).unwrap();
    }
    let seen = running.stop();
    let payloads: Vec<_> = seen.packets.iter().map(Seen::payload).collect();
    assert_eq!(payloads, [&[0x31][..], &[0x61], &[0x62]]);
    assert_eq!(
        seen.statistics,
        Statistics {
            received: 3,
            dropped: 0
        }
    );
}

#[test]
fn the_icmp_error_about_a_datagram_is_seen_with_it_and_that_of_another_is_not() {
    let (closed, sender) = datagrams();
    let address = closed.local_addr().unwrap();
    let (other, stranger) = datagrams();
    let other_address = other.local_addr().unwrap();
    // They hear each other only, and nobody else gets their ports.
    closed.connect(other_address).unwrap();
    other.connect(address).unwrap();
    let Some(running) = capture(&service(Protocols::Udp, address)) else {
        return;
    };
    stranger.send_to(b"elsewhere", other_address).unwrap();
    sender.send_to(b"anybody?", address).unwrap();
    let seen = running.stop();
    let [datagram, error] = &seen.packets[..] else {
        panic!("{} packets", seen.packets.len());
    };
    assert_eq!(datagram.payload(), b"anybody?");
    let Some(Transport::Icmp(icmp)) = error.summary.ip().map(|ip| ip.transport) else {
        panic!("{:?}", error.summary);
    };
    assert_eq!((icmp.kind, icmp.code), (3, 3));
    let about = icmp.embedded.and_then(|embedded| embedded.ports);
    assert_eq!(about.map(|ports| ports.1), Some(address.port()));
}

#[test]
fn what_is_narrowed_to_a_conversation_shows_no_other() {
    let (receiver, sender) = datagrams();
    let (_, other) = datagrams();
    let address = receiver.local_addr().unwrap();
    let Some(mut capture) = open(&service(Protocols::Udp, address)) else {
        return;
    };
    // The one before is in the ring already, and is judged anew.
    other.send_to(b"before", address).unwrap();
    let own = sender.local_addr().unwrap();
    let narrow = Wanted::conversation(protocol::UDP, own, address);
    capture.narrow(&narrow).unwrap();
    other.send_to(b"after", address).unwrap();
    sender.send_to(b"own", address).unwrap();
    let seen = Running::start(capture).stop();
    let payloads: Vec<_> = seen.packets.iter().map(Seen::payload).collect();
    assert_eq!(payloads, [b"own"]);
}

#[test]
fn a_stop_wakes_a_capture_that_waits_and_the_last_packet_is_not_lost() {
    let (receiver, sender) = datagrams();
    let address = receiver.local_addr().unwrap();
    for _ in 0..20 {
        let Some(mut capture) = open(&service(Protocols::Udp, address)) else {
            return;
        };
        let timeout = Some(Duration::from_millis(1));
        assert_eq!(capture.next_batch(timeout, |_| ()).unwrap(), Batch::Quiet);
        let running = Running::start(capture);
        sender.send_to(b"last", address).unwrap();
        let began = Instant::now();
        assert_eq!(running.stop().packets.len(), 1);
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn a_recording_is_a_file_that_others_read() {
    let (listener, address) = listener();
    let Some(mut capture) = open(&service(Protocols::Tcp, address)) else {
        return;
    };
    let stopper = capture.stopper();
    let recording = thread::spawn(move || {
        let mut out = Vec::new();
        let mut file = PacketFile::begin(&mut out, "sockpit test", capture.interfaces()).unwrap();
        loop {
            let batch = capture.next_batch(None, |packet| file.packet(packet, &[]).unwrap());
            if matches!(batch.unwrap(), Batch::Ended(_)) {
                break;
            }
        }
        let recorded = file.finish(capture.statistics().unwrap()).unwrap();
        (recorded, out)
    });
    echo(&listener, address, b"to be kept");
    stopper.stop();
    let (recorded, file) = recording.join().unwrap();
    assert_eq!(recorded.len, file.len() as u64);
    let mut reader = Reader::new();
    reader.feed(&file);
    let (mut packets, mut counted) = (0, None);
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Interface(interface) => {
                assert_eq!(
                    (interface.name.as_str(), interface.snap_len),
                    ("lo", 262_144)
                );
                assert!(
                    interface
                        .filter
                        .contains(&format!("port {}", address.port()))
                );
            }
            Item::Packet(_) => packets += 1,
            Item::Statistics(statistics) => counted = Some(statistics),
            _ => {}
        }
    }
    assert_eq!(reader.ending(), Ending::Whole);
    assert_eq!(packets, recorded.packets);
    let counted = counted.expect("the file ends with what was counted");
    assert_eq!(
        (counted.delivered, counted.dropped),
        (Some(packets), Some(0))
    );
}

#[test]
fn every_kind_of_wish_is_a_program_that_the_kernel_takes() {
    let hosts: Vec<Prefix> = (0..8)
        .map(|n| format!("fd00::{n}:0/110").parse().unwrap())
        .collect();
    let conversations = (1..5).map(|port| sockpit_core::wire::FiveTuple {
        source: Ipv4Addr::LOCALHOST.into(),
        destination: Ipv4Addr::LOCALHOST.into(),
        protocol: protocol::TCP,
        ports: (port, 1),
    });
    let wishes = [
        Wanted::Everything,
        Wanted::Conversations(conversations.collect()),
        Wanted::Selection(Selection::default()),
        Wanted::Selection(Selection {
            protocols: Protocols::Both,
            ports: (1..25).collect(),
            hosts,
        }),
    ];
    for wanted in wishes {
        for place in [Place::Any, Place::Named("lo".to_owned())] {
            let Some(mut capture) = open(&Request {
                place,
                wanted: wanted.clone(),
            }) else {
                return;
            };
            capture.narrow(&Wanted::default()).unwrap();
            check_filter(&wanted);
        }
    }
}

#[test]
fn dumpcap_gives_the_same_packets() {
    let (listener, address) = listener();
    let request = service(Protocols::Tcp, address);
    let spot = Spot::find(&request.place).unwrap();
    let dumpcap = match Dumpcap::open(&spot, &request.wanted) {
        Ok(dumpcap) => dumpcap,
        Err(refused) => return tell(&format!("skipped: no dumpcap: {refused:?}")),
    };
    let interfaces = dumpcap.interfaces().to_vec();
    let source = Source::Dumpcap(dumpcap);
    let capture = Capture::over(source, interfaces, &request.wanted).unwrap();
    assert_eq!(capture.level(), Level::Dumpcap);
    let running = Running::start(capture);
    echo(&listener, address, b"by another way");
    check_connection(&running.stop(), b"by another way");
}

#[test]
fn an_interface_that_is_not_there_is_refused_with_those_that_are() {
    let request = Request {
        place: Place::Named("no such".to_owned()),
        wanted: Wanted::Everything,
    };
    let refusal = Capture::open(&request).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Interface);
    let text = refusal.to_string();
    assert!(
        text.contains("`no such`") && text.contains("`lo`"),
        "{text}"
    );
    assert_eq!(refusal.command(), None);
}

#[test]
fn addresses_lead_to_interfaces() {
    let name = |place: Place| Spot::find(&place).unwrap().name().to_owned();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(
        name(Place::To(vec![ip("127.0.0.2"), ip("127.0.0.1")])),
        "lo"
    );
    assert_eq!(name(Place::To(vec![ip("0.0.0.0")])), "lo");
    assert_eq!(name(Place::To(Vec::new())), "any");
    assert_eq!(name(Place::At(vec![ip("127.0.0.1"), ip("::1")])), "lo");
    assert_eq!(name(Place::At(vec![ip("0.0.0.0")])), "any");
    assert_eq!(name(Place::Named("any".to_owned())), "any");
    let own = sockpit_sys::route::addresses().unwrap();
    for address in own.iter().filter(|address| !address.is_tentative) {
        assert_eq!(name(Place::To(vec![address.ip])), "lo", "{}", address.ip);
    }
}

/// All of the above once more, where nobody needs a privilege and nobody else sends.
#[test]
fn all_of_it_holds_in_a_network_of_ones_own() {
    const WITHIN: &str = "SOCKPIT_TEST_WITHIN";
    if env::var_os(WITHIN).is_some() {
        return;
    }
    if !allows_lab() {
        return tell("skipped: this user may not have a network of their own");
    }
    let output = Command::new("unshare")
        .args(["-Urn", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"])
        .arg(env::current_exe().unwrap())
        .args(["capture::tests", "--test-threads", "2"])
        .env(WITHIN, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
}

/// A capture that runs on a thread of its own.
struct Running {
    stopper: Stopper,
    thread: JoinHandle<All>,
}

/// What a capture gave.
struct All {
    packets: Vec<Seen>,
    statistics: Statistics,
    link: LinkType,
}

/// A packet that owns its bytes.
#[derive(Debug)]
struct Seen {
    at: u64,
    bytes: Vec<u8>,
    summary: Summary,
    facts: CaptureFacts,
}

impl Seen {
    fn payload(&self) -> &[u8] {
        let tcp = self.summary.tcp().map(|tcp| tcp.payload);
        let span = tcp.or(self.summary.udp().map(|udp| udp.payload));
        span.unwrap_or_default().of(&self.bytes)
    }
}

impl Running {
    fn start(mut capture: Capture) -> Self {
        let stopper = capture.stopper();
        let thread = thread::spawn(move || {
            let mut packets = Vec::new();
            let mut is_over = false;
            while !is_over {
                let batch = capture.next_batch(None, |packet| {
                    packets.push(Seen {
                        at: packet.at,
                        bytes: packet.bytes.to_vec(),
                        summary: Summary::of(packet),
                        facts: packet.facts,
                    });
                });
                is_over = matches!(batch.unwrap(), Batch::Ended(_));
            }
            All {
                packets,
                statistics: capture.statistics().unwrap(),
                link: capture.link(),
            }
        });
        Self { stopper, thread }
    }

    fn stop(self) -> All {
        self.stopper.stop();
        self.thread.join().unwrap()
    }
}

/// Opens and runs a capture, or tells why it is skipped.
fn capture(request: &Request) -> Option<Running> {
    open(request).map(Running::start)
}

fn open(request: &Request) -> Option<Capture> {
    match Capture::open(request) {
        Ok(capture) => Some(capture),
        Err(refusal) => {
            assert_eq!(refusal.kind(), RefusalKind::Privilege, "{refusal}");
            tell(&format!("skipped: {refusal}"));
            None
        }
    }
}

fn tell(text: &str) {
    writeln!(io::stderr(), "{text}").unwrap();
}

fn service(protocols: Protocols, address: SocketAddr) -> Request {
    Request {
        place: Place::To(vec![address.ip()]),
        wanted: Wanted::service(protocols, &[address]),
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn datagrams() -> (UdpSocket, UdpSocket) {
    let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    (bind(), bind())
}

fn loopback() -> u32 {
    let links = sockpit_sys::route::links().unwrap();
    links.iter().find(|link| link.is_loopback).unwrap().index
}

/// Sends `text` over a connection and has it back, and both ends close.
fn echo(listener: &TcpListener, address: SocketAddr, text: &[u8]) {
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut buffer = vec![0; text.len()];
    client.write_all(text).unwrap();
    server.read_exact(&mut buffer).unwrap();
    server.write_all(&buffer).unwrap();
    client.read_exact(&mut buffer).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

/// Holds what was seen against an echo of `text`.
#[track_caller]
fn check_connection(seen: &All, text: &[u8]) {
    let flags: Vec<String> = seen
        .packets
        .iter()
        .map(|packet| packet.summary.tcp().unwrap().flags.to_string())
        .collect();
    assert_eq!(flags[0], "SYN", "{flags:?}");
    let ports = |packet: &Seen| packet.summary.five_tuple().unwrap().ports;
    let client = ports(&seen.packets[0]).0;
    for is_client in [true, false] {
        let own = seen
            .packets
            .iter()
            .filter(|it| (ports(it).0 == client) == is_client);
        let own: Vec<&Seen> = own.collect();
        let tcp: Vec<_> = own
            .iter()
            .map(|packet| packet.summary.tcp().unwrap())
            .collect();
        let data: Vec<u8> = own
            .iter()
            .flat_map(|packet| packet.payload().to_vec())
            .collect();
        assert_eq!(data, text);
        // One SYN and one FIN a side: neither is anything missing nor there twice.
        let count = |word: &str| {
            let has = |flags: &str| flags.split([' ', ',', '+', '|']).any(|it| it == word);
            tcp.iter().filter(|tcp| has(&tcp.flags.to_string())).count()
        };
        assert_eq!((count("SYN"), count("FIN")), (1, 1), "{flags:?}");
        assert!(tcp.is_sorted_by_key(|tcp| tcp.seq.wrapping_sub(tcp_start(&tcp_of(&own)))));
    }
    let mut times: Vec<(u64, &[u8])> = seen
        .packets
        .iter()
        .map(|packet| (packet.at, &packet.bytes[..]))
        .collect();
    let count = times.len();
    times.sort_unstable();
    times.dedup();
    assert_eq!(times.len(), count, "a packet twice");
}

fn tcp_of(own: &[&Seen]) -> Vec<u32> {
    own.iter()
        .map(|packet| packet.summary.tcp().unwrap().seq)
        .collect()
}

fn tcp_start(numbers: &[u32]) -> u32 {
    numbers[0]
}

/// Holds a filter's words against the grammar of libpcap, if `tcpdump` is here.
fn check_filter(wanted: &Wanted) {
    let text = wanted.to_string();
    match Command::new("tcpdump")
        .args(["-i", "lo", "-d", &text])
        .output()
    {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() || told.contains("ermi"),
                "{text}: {told}"
            );
        }
        Err(error) => tell(&format!("skipped: no tcpdump: {error}")),
    }
}
