use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::*;
use crate::datagram::{RUN_ROOM, ReceiveBatch};
use crate::poll::{self, Interest};
use crate::socket;

const LONG: Option<Duration> = Some(Duration::from_secs(10));

fn pair(addr: &str) -> (UdpSocket, UdpSocket) {
    let receiving = UdpSocket::bind(addr).unwrap();
    let sending = UdpSocket::bind(addr).unwrap();
    sending.connect(receiving.local_addr().unwrap()).unwrap();
    (sending, receiving)
}

fn sender(fd: BorrowedFd<'_>, segment: usize) -> RunSender {
    RunSender::new(fd, NonZeroUsize::new(segment).unwrap())
}

fn plain_sender(fd: BorrowedFd<'_>, segment: usize) -> RunSender {
    let mut sender = sender(fd, segment);
    sender.segments = 1;
    sender
}

/// Bytes of which no two datagrams are alike.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index / 7 + index) as u8).collect()
}

/// Sends all of it, and takes each part as it comes, so that no socket's buffer is too small.
fn carry(
    sending: BorrowedFd<'_>,
    sender: &mut RunSender,
    bytes: &[u8],
    receiving: BorrowedFd<'_>,
    receiver: &mut ReceiveBatch,
) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let part = &rest[..rest.len().min(sender.segment * sender.segments)];
        let sent = sender.send(sending, part, None).unwrap();
        assert!(
            sent == rest.len() || sent.is_multiple_of(sender.segment),
            "{sent}"
        );
        rest = &rest[sent..];
        let count = seen.len() + sent.div_ceil(sender.segment);
        seen.extend(receive(receiving, receiver, count - seen.len()));
    }
    seen
}

/// What arrives until `count` datagrams are there.
fn receive(fd: BorrowedFd<'_>, receiver: &mut ReceiveBatch, count: usize) -> Vec<Vec<u8>> {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    while seen.len() < count {
        let ready = poll::wait(&mut [Interest::to_read(fd)], LONG).unwrap();
        assert!(ready > 0, "only {} of {count} datagrams came", seen.len());
        let runs = receiver.receive(fd).unwrap();
        assert_eq!(receiver.runs().len(), runs);
        for run in receiver.runs() {
            assert_eq!(run.count(), run.datagrams().count());
            seen.extend(run.datagrams().map(<[u8]>::to_vec));
        }
    }
    seen
}

/// Checks that `len` bytes arrive as datagrams of `segment` bytes, whoever cuts and joins them.
fn check(addr: &str, segment: usize, len: usize) {
    let bytes = pattern(len);
    let expected: Vec<&[u8]> = bytes.chunks(segment).collect();
    for (makes_runs, takes_runs) in [(true, true), (true, false), (false, true), (false, false)] {
        let (sending, receiving) = pair(addr);
        let mut sender = match makes_runs {
            true => sender(sending.as_fd(), segment),
            false => plain_sender(sending.as_fd(), segment),
        };
        let mut receiver = ReceiveBatch::new(4, RUN_ROOM);
        if takes_runs {
            receiver.enable_runs(receiving.as_fd());
        }
        let (from, to) = (sending.as_fd(), receiving.as_fd());
        let seen = carry(from, &mut sender, &bytes, to, &mut receiver);
        let case = format!("{segment} of {len}, {makes_runs} {takes_runs}");
        assert!(seen == expected, "{case}: {} datagrams", seen.len());
    }
}

#[test]
fn every_datagram_keeps_its_length_and_its_place() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        check(addr, 1400, 1400 * 46);
        check(addr, 1400, 1400 * 100 + 1);
        check(addr, 1, 200);
        check(addr, 64, 64 * 130 + 63);
        check(addr, 1024, 1024 * 64);
        check(addr, 512, 511);
        check(addr, 512, 512);
        check(addr, 512, 513);
    }
}

#[test]
fn datagrams_too_long_for_a_run_of_two_go_alone() {
    check("127.0.0.1:0", 32_753, 2 * 32_753);
    check("127.0.0.1:0", 32_754, 2 * 32_754);
    check("127.0.0.1:0", 65_507, 65_507 + 1);
    check("[::1]:0", 65_507, 2 * 65_507);
}

#[test]
fn a_run_arrives_as_one_read_where_the_system_can() {
    let (sending, receiving) = pair("127.0.0.1:0");
    let mut sender = sender(sending.as_fd(), 100);
    let mut receiver = ReceiveBatch::new(4, RUN_ROOM);
    if !sender.is_segmenting() || !receiver.enable_runs(receiving.as_fd()) {
        return;
    }
    let bytes = pattern(1050);
    assert_eq!(sender.send(sending.as_fd(), &bytes, None).unwrap(), 1050);
    poll::wait(&mut [Interest::to_read(receiving.as_fd())], LONG).unwrap();
    assert_eq!(receiver.receive(receiving.as_fd()).unwrap(), 1);
    let run = receiver.runs().next().unwrap();
    assert_eq!((run.bytes, run.segment, run.count()), (&bytes[..], 100, 11));
    let from: SocketAddr = sending.local_addr().unwrap();
    assert_eq!(run.from, Some(from.into()));
}

#[test]
fn one_call_sends_many_runs_to_an_address() {
    let receiving = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sending = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = PeerAddr::from(receiving.local_addr().unwrap());
    let bytes = pattern(64 * 8 * 3 + 4);
    let mut sender = sender(sending.as_fd(), 8);
    let sent = sender.send(sending.as_fd(), &bytes, Some(&to)).unwrap();
    let most = bytes.len().min(sender.most());
    assert_eq!(sent, most);
    let mut receiver = ReceiveBatch::new(8, RUN_ROOM);
    receiver.enable_runs(receiving.as_fd());
    let seen = receive(receiving.as_fd(), &mut receiver, sent.div_ceil(8));
    assert!(seen.iter().eq(bytes[..sent].chunks(8)));
}

#[test]
fn no_call_takes_more_than_it_says() {
    let (sending, _receiving) = pair("127.0.0.1:0");
    for segment in [1, 40, 1400, 40_000] {
        for mut sender in [
            sender(sending.as_fd(), segment),
            plain_sender(sending.as_fd(), segment),
        ] {
            let bytes = vec![0; sender.most() + 1];
            let sent = sender.send(sending.as_fd(), &bytes, None).unwrap();
            assert!(0 < sent && sent <= sender.most());
            assert_eq!(sent % segment, 0);
        }
    }
}

#[test]
fn no_bytes_are_no_datagram_and_an_empty_datagram_is_one() {
    let (sending, receiving) = pair("127.0.0.1:0");
    let mut sender = sender(sending.as_fd(), 10);
    assert_eq!(sender.send(sending.as_fd(), b"", None).unwrap(), 0);
    sending.send(b"").unwrap();
    let mut receiver = ReceiveBatch::new(2, RUN_ROOM);
    receiver.enable_runs(receiving.as_fd());
    let seen = receive(receiving.as_fd(), &mut receiver, 1);
    assert_eq!(seen, [b""]);
    let error = receiver.receive(receiving.as_fd()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(receiver.runs().len(), 0);
}

#[test]
fn datagrams_of_different_senders_are_told_apart() {
    let receiving = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = PeerAddr::from(receiving.local_addr().unwrap());
    let senders = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    for (mark, socket) in (0..).zip(&senders) {
        let bytes = [mark; 30];
        let sent = sender(socket.as_fd(), 10).send(socket.as_fd(), &bytes, Some(&to));
        assert_eq!(sent.unwrap(), 30);
    }
    let mut receiver = ReceiveBatch::new(16, RUN_ROOM);
    receiver.enable_runs(receiving.as_fd());
    let mut counts = [0; 3];
    while counts.iter().sum::<usize>() < 9 {
        poll::wait(&mut [Interest::to_read(receiving.as_fd())], LONG).unwrap();
        receiver.receive(receiving.as_fd()).unwrap();
        for run in receiver.runs() {
            let place = usize::from(run.bytes[0]);
            assert_eq!(
                run.from.clone(),
                senders[place].local_addr().ok().map(PeerAddr::from)
            );
            counts[place] += run.count();
        }
    }
    assert_eq!(counts, [3; 3]);
}

#[test]
fn a_socket_that_knows_no_runs_sends_and_takes_datagrams_one_by_one() {
    let (sending, receiving) = UnixDatagram::pair().unwrap();
    let mut sender = sender(sending.as_fd(), 10);
    assert!(!sender.is_segmenting());
    let mut receiver = ReceiveBatch::new(4, RUN_ROOM);
    assert!(!receiver.enable_runs(receiving.as_fd()));
    assert_eq!(sender.send(sending.as_fd(), &[7; 25], None).unwrap(), 25);
    let seen = receive(receiving.as_fd(), &mut receiver, 3);
    assert_eq!(seen, [&[7; 10][..], &[7; 10], &[7; 5]]);
}

#[test]
fn a_refused_run_leaves_as_datagrams_and_is_not_tried_again() {
    let (sending, receiving) = pair("127.0.0.1:0");
    // Without checksums the system cuts nothing (udp(7)).
    let no = 1;
    socket::set_option(sending.as_fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, no).unwrap();
    let mut sender = sender(sending.as_fd(), 10);
    let sent = sender.send(sending.as_fd(), &[7; 25], None).unwrap();
    assert_eq!(sent, 25);
    assert!(!sender.is_segmenting());
    let mut receiver = ReceiveBatch::new(4, RUN_ROOM);
    receiver.enable_runs(receiving.as_fd());
    let seen = receive(receiving.as_fd(), &mut receiver, 3);
    assert_eq!(seen, [&[7; 10][..], &[7; 10], &[7; 5]]);
}

#[test]
fn a_failure_of_the_datagrams_is_no_refusal_of_runs() {
    let sending = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut runs = sender(sending.as_fd(), 10);
    let could = runs.is_segmenting();
    // Neither connected nor told where to.
    assert!(runs.send(sending.as_fd(), &[7; 25], None).is_err());
    assert_eq!(runs.is_segmenting(), could);
    let to = PeerAddr::from(SocketAddr::from(([127, 0, 0, 1], 9)));
    let mut long = sender(sending.as_fd(), 65_508);
    let error = long.send(sending.as_fd(), &[7; 65_508], Some(&to));
    assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
}

#[test]
fn a_full_socket_is_would_block_and_takes_the_rest_later() {
    let (sending, receiving) = UnixDatagram::pair().unwrap();
    let mut sender = sender(sending.as_fd(), 1000);
    let bytes = pattern(1_000_000);
    let mut rest = &bytes[..];
    let mut receiver = ReceiveBatch::new(8, RUN_ROOM);
    let mut seen = Vec::new();
    let mut has_blocked = false;
    while !rest.is_empty() {
        match sender.send(sending.as_fd(), rest, None) {
            Ok(sent) => rest = &rest[sent..],
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                has_blocked = true;
                seen.extend(receive(receiving.as_fd(), &mut receiver, 1));
            }
        }
    }
    assert!(has_blocked);
    let missing = 1000 - seen.len();
    seen.extend(receive(receiving.as_fd(), &mut receiver, missing));
    assert!(seen.iter().eq(bytes.chunks(1000)));
}
