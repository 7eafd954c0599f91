use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant, SystemTime};

use super::*;

fn pair(addr: &str) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(addr).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Takes stamps until the peer has acknowledged the byte at `last`.
fn until_acknowledged(socket: &TcpStream, last: u32) -> Vec<Stamp> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut stamps: Vec<Stamp> = Vec::new();
    let is_last = |stamp: &Stamp| stamp.stage == Stage::Acknowledged && stamp.last == last;
    while !stamps.iter().any(is_last) {
        assert!(Instant::now() < deadline, "not within ten seconds");
        drain(socket.as_fd(), |stamp| stamps.push(stamp)).unwrap();
    }
    stamps
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_nanos() as u64
}

#[test]
fn a_write_is_queued_sent_and_acknowledged_in_that_order() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let (mut client, mut server) = pair(addr);
        enable(client.as_fd()).unwrap();
        let mut end = 0;
        for message in [&b"hello"[..], b", ", b"world"] {
            let begun = now();
            client.write_all(message).unwrap();
            end += message.len() as u32;
            server.read_exact(&mut vec![0; message.len()]).unwrap();
            let stamps = until_acknowledged(&client, end - 1);
            let stages: Vec<Stage> = stamps.iter().map(|stamp| stamp.stage).collect();
            assert_eq!(stages, [Stage::Queued, Stage::Sent, Stage::Acknowledged]);
            let mut before = begun;
            for stamp in stamps {
                assert_eq!(stamp.last, end - 1);
                assert!(before <= stamp.at, "{stamp:?} before {before}");
                assert!(stamp.progress.cwnd.unwrap() > 0);
                before = stamp.at;
            }
            assert!(before <= now());
        }
    }
}

#[test]
fn what_was_written_before_is_not_counted() {
    let (mut client, mut server) = pair("127.0.0.1:0");
    client.write_all(&[7; 1000]).unwrap();
    server.read_exact(&mut [0; 1000]).unwrap();
    enable(client.as_fd()).unwrap();
    client.write_all(b"x").unwrap();
    until_acknowledged(&client, 0);
}

#[test]
fn places_count_from_where_stamps_are_made_again() {
    let (mut client, mut server) = pair("127.0.0.1:0");
    enable(client.as_fd()).unwrap();
    client.write_all(b"hello").unwrap();
    until_acknowledged(&client, 4);
    disable(client.as_fd()).unwrap();
    client.write_all(b"unseen").unwrap();
    server.read_exact(&mut [0; 11]).unwrap();
    enable(client.as_fd()).unwrap();
    client.write_all(b"again").unwrap();
    until_acknowledged(&client, 4);
}

#[test]
fn a_socket_without_stamps_gives_none() {
    let (mut client, _server) = pair("127.0.0.1:0");
    client.write_all(b"x").unwrap();
    drain(client.as_fd(), |stamp| panic!("{stamp:?}")).unwrap();
}

#[test]
fn a_listener_is_not_stamped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = enable(listener.as_fd()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

/// More stamps than a queue holds are dropped, and nothing else is.
#[test]
fn stamps_that_nobody_takes_hold_up_no_write() {
    let (mut client, mut server) = pair("127.0.0.1:0");
    enable(client.as_fd()).unwrap();
    for _ in 0..20_000 {
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
    }
    assert!(client.take_error().unwrap().is_none());
    let mut count = 0;
    drain(client.as_fd(), |_| count += 1).unwrap();
    assert!((1..60_000).contains(&count), "{count} stamps");
}

#[test]
fn b1_a_stamp_cut_anywhere_is_read_as_far_as_it_goes() {
    fn control(level: i32, kind: i32, body: &[u8]) -> Vec<u8> {
        let mut bytes = (16 + body.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0);
        bytes
    }
    let mut times = [0; 48];
    times[..8].copy_from_slice(&3u64.to_ne_bytes());
    times[8..16].copy_from_slice(&4u64.to_ne_bytes());
    let mut about = vec![42, 0, 0, 0, 4, 0, 0, 0];
    about.extend(2u32.to_ne_bytes());
    about.extend(11u32.to_ne_bytes());
    let mut bytes = control(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &times);
    bytes.extend(control(libc::IPPROTO_IP, libc::IP_RECVERR, &about));
    let whole = read(&bytes).unwrap();
    assert_eq!((whole.last, whole.at), (11, 3_000_000_004));
    for len in 0..bytes.len() {
        assert_eq!(read(&bytes[..len]), None, "of {len} bytes");
    }
}
