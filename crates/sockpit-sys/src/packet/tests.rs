//! Taps of the loopback: with the privilege here, and without it in a network of one's own.

use std::env;
use std::io::Write;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::*;
use crate::poll::{self, Interest};
use crate::route;

#[test]
fn a_packet_is_seen_once_and_whole_with_what_the_kernel_knows() {
    let (sender, port) = pair();
    let Some(mut ring) = tap(&to_port(port), Leaving::Ignored, 0) else {
        return;
    };
    let before = SystemTime::now();
    sender.send(b"hello").unwrap();
    let frames = frames(&mut ring, 1);
    let [frame] = &frames[..] else {
        panic!("{} frames", frames.len());
    };
    assert!(frame.bytes.ends_with(b"hello"));
    assert_eq!((frame.bytes.len(), frame.full_len), (47, 47));
    assert!(frame.is_checksum_unfilled, "no card is there to fill it");
    assert_eq!(frame.kind, PacketType::HOST);
    assert_eq!((frame.protocol, frame.hardware), (0x0800, 772));
    assert_eq!(frame.interface, loopback());
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let passed = since(before)..=since(SystemTime::now());
    assert!(passed.contains(&frame.at.into()), "{}", frame.at);
}

#[test]
fn what_leaves_is_seen_too_where_it_is_wanted() {
    let (sender, port) = pair();
    let Some(mut ring) = tap(&to_port(port), Leaving::Seen, 0) else {
        return;
    };
    sender.send(b"twice").unwrap();
    let kinds: Vec<_> = frames(&mut ring, 2)
        .iter()
        .map(|frame| frame.kind)
        .collect();
    assert_eq!(kinds, [PacketType::OUTGOING, PacketType::HOST]);
}

#[test]
fn a_cooked_tap_begins_with_the_ip_header() {
    let (sender, port) = pair();
    // Twenty bytes of IPv4, of which the first is 0x45, then the ports.
    let Some(mut ring) = unlocked(&Config {
        leaving: Leaving::Ignored,
        ..Config::new(Some(loopback()), Form::Cooked, &port_at(22, port))
    }) else {
        return;
    };
    sender.send(b"cooked").unwrap();
    let frames = frames(&mut ring, 1);
    assert_eq!(frames[0].bytes.first(), Some(&0x45));
    assert_eq!(frames[0].bytes.len(), 34);
    assert_eq!(frames[0].address_len, 6);
}

#[test]
fn the_longest_datagram_is_whole() {
    let (sender, port) = pair();
    let Some(mut ring) = tap(&port_at(36, port), Leaving::Ignored, 0) else {
        return;
    };
    let long = vec![b'x'; 65_507];
    sender.send(&long).unwrap();
    let frames = frames(&mut ring, 1);
    assert!(frames[0].bytes.ends_with(&long));
    assert_eq!(frames[0].bytes.len(), 65_507 + 42);
}

#[test]
fn a_filter_keeps_others_out_from_the_first_packet_on_and_can_be_replaced() {
    let (sender, port) = pair();
    let Some(mut ring) = tap(&to_port(port), Leaving::Ignored, 0) else {
        return;
    };
    let (stranger, other) = pair();
    stranger.send(b"not wanted").unwrap();
    sender.send(b"wanted").unwrap();
    let seen = frames(&mut ring, 1);
    assert_eq!(seen.len(), 1);
    assert!(seen[0].bytes.ends_with(b"wanted"));
    assert_eq!(ring.statistics().unwrap().received, 1);

    ring.set_program(&to_port(other)).unwrap();
    sender.send(b"not wanted any more").unwrap();
    stranger.send(b"now").unwrap();
    let seen = frames(&mut ring, 1);
    assert!(seen[0].bytes.ends_with(b"now"));
}

#[test]
fn what_there_was_no_room_for_is_counted_and_told_where_it_is_missing() {
    let (sender, port) = pair();
    let Some(mut ring) = tap(&to_port(port), Leaving::Ignored, 2) else {
        return;
    };
    const SENT: u32 = 3000;
    send_numbered(&sender, 0..SENT);
    let mut drained = Drained::default();
    drain(&mut ring, &mut drained);
    let counted = ring.statistics().unwrap();
    assert!(0 < counted.dropped, "1 MiB has no room for 3 MB");
    assert_eq!(counted.received + counted.dropped, u64::from(SENT));
    assert_eq!(drained.numbers.len() as u64, counted.received);
    // What came before the loss has nothing missing; the next that comes tells of it.
    assert_eq!(drained.dropped, 0);
    send_numbered(&sender, SENT..SENT + 1);
    drain(&mut ring, &mut drained);
    assert_eq!(drained.numbers.len() as u64, counted.received + 1);
    assert_eq!(drained.numbers.last(), Some(&SENT));
    assert_eq!(drained.dropped, counted.dropped);
}

#[test]
fn a_slow_reader_sees_no_torn_frame() {
    let (sender, port) = pair();
    let Some(mut ring) = tap(&to_port(port), Leaving::Ignored, 2) else {
        return;
    };
    let sending = std::thread::spawn(move || send_numbered(&sender, 0..20_000));
    let mut drained = Drained::default();
    while !sending.is_finished() {
        // `drain` holds every byte of a frame against its number, while the sender overtakes it.
        drain(&mut ring, &mut drained);
    }
    sending.join().unwrap();
    drain(&mut ring, &mut drained);
    let seen = drained.numbers;
    assert!(seen.is_sorted_by(|one, next| one < next));
    assert_eq!(seen.len() as u64, ring.statistics().unwrap().received);
}

#[test]
fn an_interface_that_is_not_there_is_an_error() {
    let program = to_port(1);
    for (index, kind) in [(0, Some(io::ErrorKind::InvalidInput)), (999_999, None)] {
        let config = Config::new(Some(index), Form::Raw, &program);
        match Ring::open(&config) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => skip(),
            Err(error) => assert!(kind.is_none_or(|kind| kind == error.kind()), "{error}"),
            Ok(_) => panic!("interface {index} is there"),
        }
    }
}

#[test]
fn a_program_that_is_none_is_refused() {
    let endless = [Instruction {
        code: 0x05,
        jt: 0,
        jf: 0,
        k: u32::MAX,
    }];
    for program in [&[][..], &endless] {
        let config = Config::new(None, Form::Cooked, program);
        assert!(Ring::open(&config).is_err());
    }
}

/// All of the above once more, where nobody needs a privilege and nobody else sends.
#[test]
fn all_of_it_holds_in_a_network_of_ones_own() {
    const WITHIN: &str = "SOCKPIT_TEST_WITHIN";
    if env::var_os(WITHIN).is_some() {
        return;
    }
    let script = "ip link set lo up && exec \"$@\"";
    let run = Command::new("unshare")
        .args(["-Urn", "sh", "-c", script, "sh"])
        .arg(env::current_exe().unwrap())
        .args(["packet::tests", "--test-threads", "1"])
        .env(WITHIN, "1")
        .output();
    let told = match &run {
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    match run {
        Ok(output) if output.status.success() => {}
        Ok(output) if !output.stdout.is_empty() => {
            panic!("{}{told}", String::from_utf8_lossy(&output.stdout));
        }
        _ => tell(&format!("skipped: no network of one's own: {told}")),
    }
}

/// A tap of the loopback, or `None` without the privilege, which is told.
fn tap(program: &[Instruction], leaving: Leaving, blocks: usize) -> Option<Ring> {
    let mut config = Config {
        leaving,
        ..Config::new(Some(loopback()), Form::Raw, program)
    };
    if blocks != 0 {
        config.ring_len = blocks * BLOCK_LEN;
    }
    unlocked(&config)
}

fn unlocked(config: &Config<'_>) -> Option<Ring> {
    match Ring::open(config) {
        Ok(ring) => Some(ring),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            skip();
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn skip() {
    tell("skipped: no privilege to capture packets (CAP_NET_RAW)");
}

fn tell(text: &str) {
    writeln!(io::stderr(), "{text}").unwrap();
}

fn loopback() -> u32 {
    let links = route::links().unwrap();
    links.iter().find(|link| link.is_loopback).unwrap().index
}

/// A socket that sends to a port which belongs to a socket that nobody reads.
fn pair() -> (UdpSocket, u16) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = receiver.local_addr().unwrap();
    sender.connect(addr).unwrap();
    // It lives as long as the test, so that no ICMP comes back.
    mem::forget(receiver);
    (sender, addr.port())
}

/// Accepts Ethernet's UDP over plain IPv4 to a port.
fn to_port(port: u16) -> Vec<Instruction> {
    port_at(36, port)
}

/// Accepts where the two bytes at `place` are a port.
fn port_at(place: u32, port: u16) -> Vec<Instruction> {
    let step = |code, jf, k| Instruction { code, jt: 0, jf, k };
    vec![
        step(0x28, 0, place),
        step(0x15, 1, port.into()),
        step(0x06, 0, 262_144),
        step(0x06, 0, 0),
    ]
}

/// A frame that owns its bytes.
#[derive(Debug)]
struct Seen {
    bytes: Vec<u8>,
    full_len: usize,
    at: u64,
    kind: PacketType,
    is_checksum_unfilled: bool,
    interface: u32,
    hardware: u16,
    protocol: u16,
    address_len: u8,
}

/// Waits for `count` frames, and a little for one too many.
fn frames(ring: &mut Ring, count: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    let end = Instant::now() + Duration::from_secs(5);
    while seen.len() < count && Instant::now() < end {
        let mut interests = [Interest::to_read(ring.as_fd())];
        poll::wait(&mut interests, Some(Duration::from_millis(200))).unwrap();
        collect(ring, &mut seen);
    }
    let mut interests = [Interest::to_read(ring.as_fd())];
    poll::wait(&mut interests, Some(Duration::from_millis(30))).unwrap();
    collect(ring, &mut seen);
    seen
}

fn collect(ring: &mut Ring, seen: &mut Vec<Seen>) {
    while let Some(block) = ring.next_block().unwrap() {
        seen.extend(block.frames().map(|frame| Seen {
            bytes: frame.bytes.to_vec(),
            full_len: frame.full_len,
            at: frame.at,
            kind: frame.kind,
            is_checksum_unfilled: frame.is_checksum_unfilled,
            interface: frame.interface,
            hardware: frame.hardware,
            protocol: frame.protocol,
            address_len: frame.address_len,
        }));
    }
}

/// Sends datagrams of 1,000 bytes, each made of its number.
fn send_numbered(sender: &UdpSocket, numbers: std::ops::Range<u32>) {
    for number in numbers {
        sender.send(&number.to_be_bytes().repeat(250)).unwrap();
    }
}

#[derive(Default)]
struct Drained {
    numbers: Vec<u32>,
    dropped: u64,
}

/// Takes numbered datagrams until there are as many as the kernel has counted: the last block is given
/// after milliseconds, or when the processor that is to give it has its turn.
fn drain(ring: &mut Ring, drained: &mut Drained) {
    let end = Instant::now() + Duration::from_secs(10);
    while (drained.numbers.len() as u64) < ring.statistics().unwrap().received {
        let left = end.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{} have come", drained.numbers.len());
        let mut interests = [Interest::to_read(ring.as_fd())];
        poll::wait(&mut interests, Some(left)).unwrap();
        while let Some(block) = ring.next_block().unwrap() {
            drained.dropped += block.dropped_before();
            for frame in block.frames() {
                let payload = frame.bytes.get(42..).unwrap();
                let (first, rest) = payload.split_first_chunk::<4>().unwrap();
                assert!(rest.chunks(4).all(|chunk| chunk == first), "a torn frame");
                drained.numbers.push(u32::from_be_bytes(*first));
            }
        }
    }
}
