use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixDatagram;
use std::ptr;
use std::time::{Duration, Instant};

use super::control::{SEND_ROOM, SendControl, TTL_SPACE};
use super::*;
use crate::poll::{self, Interest};

mod trains;

const LONG: Option<Duration> = Some(Duration::from_secs(10));

fn local(addr: &str) -> (UdpSocket, PeerAddr) {
    let socket = UdpSocket::bind(addr).unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr.into())
}

/// A port that refuses everybody else for as long as the socket is held: it hears itself only.
fn closed(addr: &str) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(addr).unwrap();
    let addr = socket.local_addr().unwrap();
    socket.connect(addr).unwrap();
    (socket, addr)
}

/// What arrives until `count` datagrams are there.
fn receive(fd: BorrowedFd<'_>, batch: &mut ReceiveBatch, count: usize) -> Vec<Whole> {
    let mut all = Vec::new();
    while all.len() < count {
        let ready = poll::wait(&mut [Interest::to_read(fd)], LONG).unwrap();
        assert!(ready > 0, "only {} of {count} datagrams came", all.len());
        let received = batch.receive(fd).unwrap();
        assert_eq!(batch.runs().len(), received);
        all.extend(batch.runs().flat_map(|run| whole(&run)));
    }
    all
}

#[derive(Debug, PartialEq, Eq)]
struct Whole {
    bytes: Vec<u8>,
    full_len: usize,
    from: Option<PeerAddr>,
    ttl: Option<u8>,
}

/// The datagrams of a run, each as it arrived.
fn whole(run: &Run<'_>) -> Vec<Whole> {
    let is_one = run.count() == 1;
    run.datagrams()
        .map(|bytes| Whole {
            bytes: bytes.to_vec(),
            full_len: if is_one { run.full_len } else { bytes.len() },
            from: run.from.clone(),
            ttl: run.ttl,
        })
        .collect()
}

fn sent_all(flushed: &Flushed, count: usize) {
    assert!(matches!(flushed.stop, Stop::Empty), "{flushed:?}");
    assert_eq!(flushed.sent, count);
}

#[test]
fn two_hundred_datagrams_arrive_in_order() {
    let (receiver, to) = local("127.0.0.1:0");
    let (sender, from) = local("127.0.0.1:0");
    let mut outgoing = SendBatch::new();
    for index in 0..200u8 {
        outgoing
            .push(vec![index; usize::from(index)], Some(&to), None)
            .unwrap();
    }
    sent_all(&outgoing.flush(sender.as_fd()), 200);
    assert!(outgoing.is_empty());
    let mut batch = ReceiveBatch::new(64, 2048);
    for (index, datagram) in (0..200u8).zip(receive(receiver.as_fd(), &mut batch, 200)) {
        let len = usize::from(index);
        let expected = Whole {
            bytes: vec![index; len],
            full_len: len,
            from: Some(from.clone()),
            ttl: None,
        };
        assert_eq!(datagram, expected);
    }
}

#[test]
fn an_empty_datagram_is_one() {
    let (socket, to) = local("[::1]:0");
    let mut outgoing = SendBatch::new();
    outgoing.push(&b""[..], Some(&to), None).unwrap();
    sent_all(&outgoing.flush(socket.as_fd()), 1);
    let datagrams = receive(socket.as_fd(), &mut ReceiveBatch::new(4, 16), 1);
    assert_eq!(
        datagrams,
        [Whole {
            bytes: vec![],
            full_len: 0,
            from: Some(to),
            ttl: None
        }]
    );
}

#[test]
fn a_truncated_datagram_tells_both_lengths_and_leaves_its_neighbours_whole() {
    let (socket, to) = local("127.0.0.1:0");
    let mut outgoing = SendBatch::new();
    for text in ["before", "longer than eight", "after"] {
        outgoing.push(text, Some(&to), None).unwrap();
    }
    sent_all(&outgoing.flush(socket.as_fd()), 3);
    let datagrams = receive(socket.as_fd(), &mut ReceiveBatch::new(8, 8), 3);
    let seen: Vec<_> = datagrams
        .iter()
        .map(|d| (d.bytes.as_slice(), d.full_len))
        .collect();
    let expected: [(&[u8], usize); 3] = [(b"before", 6), (b"longer t", 17), (b"after", 5)];
    assert_eq!(seen, expected);
    let run = Run {
        bytes: b"longer t",
        segment: 17,
        full_len: 17,
        from: None,
        ttl: None,
    };
    assert!(run.is_truncated());
}

#[test]
fn no_datagram_is_would_block_and_forgets_the_earlier_ones() {
    let (socket, to) = local("127.0.0.1:0");
    let mut outgoing = SendBatch::new();
    outgoing.push("x", Some(&to), None).unwrap();
    outgoing.flush(socket.as_fd());
    let mut batch = ReceiveBatch::new(4, 16);
    receive(socket.as_fd(), &mut batch, 1);
    let error = batch.receive(socket.as_fd()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(batch.runs().len(), 0);
}

#[test]
fn a_smaller_batch_leaves_the_rest_for_the_next_call() {
    let (socket, to) = local("127.0.0.1:0");
    let mut outgoing = SendBatch::new();
    for index in 0..5u8 {
        outgoing.push([index], Some(&to), None).unwrap();
    }
    sent_all(&outgoing.flush(socket.as_fd()), 5);
    let mut batch = ReceiveBatch::new(2, 16);
    let datagrams = receive(socket.as_fd(), &mut batch, 5);
    assert!(datagrams.iter().map(|d| d.bytes[0]).eq(0..5));
}

#[test]
fn the_time_to_live_goes_out_and_comes_in_on_both_families() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let (receiver, to) = local(addr);
        let (sender, _) = local(addr);
        let mut batch = ReceiveBatch::new(8, 64);
        batch.enable_ttl(receiver.as_fd()).unwrap();
        let own = if addr.starts_with('[') {
            socket2::SockRef::from(&sender).unicast_hops_v6().unwrap()
        } else {
            sender.ttl().unwrap()
        };
        let mut outgoing = SendBatch::new();
        for ttl in [Some(1), Some(17), None, Some(255)] {
            outgoing.push("x", Some(&to), ttl).unwrap();
        }
        sent_all(&outgoing.flush(sender.as_fd()), 4);
        let ttls: Vec<_> = receive(receiver.as_fd(), &mut batch, 4)
            .iter()
            .map(|d| d.ttl)
            .collect();
        assert_eq!(
            ttls,
            [Some(1), Some(17), u8::try_from(own).ok(), Some(255)],
            "{addr}"
        );
    }
}

#[test]
fn a_time_to_live_that_the_socket_is_told_is_nobody_elses() {
    for (addr, own) in [("127.0.0.1:0", None), ("[::1]:0", Some(77))] {
        let (receiver, to) = local(addr);
        let (sender, _) = local(addr);
        let mut batch = ReceiveBatch::new(64, 64);
        batch.enable_ttl(receiver.as_fd()).unwrap();
        let mut outgoing = SendBatch::new();
        outgoing.enable_runs(sender.as_fd());
        outgoing.share_hops(Hops::shared(own));
        let system = u8::try_from(sender.ttl().unwrap()).unwrap();
        for ttls in [
            &[Some(9), Some(9)][..],
            &[Some(9), Some(9), Some(8), Some(9)],
            &[Some(9), None, None, Some(9), Some(8)],
            &[None],
            &[Some(8)],
            &[Some(8)],
            &[None, Some(8)],
            &[Some(8), None],
            &[Some(8)],
            &[Some(8)],
            // IPv4 knows none such: the datagram does not leave.
            &[Some(0)],
            &[Some(0)],
            &[Some(255), Some(0), None, Some(255)],
        ] {
            for &ttl in ttls {
                outgoing.push("x", Some(&to), ttl).unwrap();
            }
            let mut sent = 0;
            while !outgoing.is_empty() {
                sent += outgoing.flush(sender.as_fd()).sent;
            }
            let seen = receive(receiver.as_fd(), &mut batch, sent);
            let is_v6 = addr.starts_with('[');
            let leaving = ttls.iter().filter(|ttl| is_v6 || **ttl != Some(0));
            let expected: Vec<_> = leaving
                .map(|ttl| ttl.or(Some(own.unwrap_or(system))))
                .collect();
            let seen: Vec<_> = seen.iter().map(|d| d.ttl).collect();
            assert_eq!(seen, expected, "{addr}, {ttls:?}");
        }
    }
}

#[test]
fn a_socket_is_told_of_what_is_asked_for_again() {
    let (receiver, to) = local("127.0.0.1:0");
    let (sender, _) = local("127.0.0.1:0");
    let own = sender.ttl().unwrap();
    let mut outgoing = SendBatch::new();
    outgoing.share_hops(Hops::shared(None));
    for (ttl, told) in [
        (Some(9), own),
        (Some(9), 9),
        (Some(8), 9),
        (Some(9), 9),
        (Some(8), 9),
        (Some(8), 8),
        (None, own),
    ] {
        outgoing.push("x", Some(&to), ttl).unwrap();
        sent_all(&outgoing.flush(sender.as_fd()), 1);
        assert_eq!(sender.ttl().unwrap(), told, "{ttl:?}");
    }
    drop(receiver);
}

#[test]
fn the_time_to_live_of_a_connected_socket_needs_no_address() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let (socket, _) = local(addr);
        socket.connect(socket.local_addr().unwrap()).unwrap();
        let mut batch = ReceiveBatch::new(8, 64);
        batch.enable_ttl(socket.as_fd()).unwrap();
        let mut outgoing = SendBatch::new();
        outgoing.push("x", None, Some(9)).unwrap();
        sent_all(&outgoing.flush(socket.as_fd()), 1);
        assert_eq!(
            receive(socket.as_fd(), &mut batch, 1)[0].ttl,
            Some(9),
            "{addr}"
        );
    }
}

#[test]
fn a_socket_of_both_families_tells_the_time_to_live_of_ipv4_too() {
    let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::DGRAM, None).unwrap();
    socket.set_only_v6(false).unwrap();
    socket
        .bind(&"[::]:0".parse::<SocketAddr>().unwrap().into())
        .unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let mut batch = ReceiveBatch::new(8, 64);
    batch.enable_ttl(socket.as_fd()).unwrap();

    let (v4, v4_addr) = local("127.0.0.1:0");
    let mut outgoing = SendBatch::new();
    let to = SocketAddr::from(([127, 0, 0, 1], port)).into();
    outgoing.push("ask", Some(&to), Some(3)).unwrap();
    sent_all(&outgoing.flush(v4.as_fd()), 1);
    let asked = receive(socket.as_fd(), &mut batch, 1).remove(0);
    assert_eq!(asked.ttl, Some(3));

    // The peer's mapped address can be answered as it came.
    let from = asked.from.unwrap();
    assert!(
        from.inet()
            .unwrap()
            .to_string()
            .starts_with("[::ffff:127.0.0.1]:"),
        "{from:?}"
    );
    assert_eq!(from.inet().unwrap().port(), v4_addr.inet().unwrap().port());
    outgoing.push("answer", Some(&from), Some(5)).unwrap();
    sent_all(&outgoing.flush(socket.as_fd()), 1);
    let mut batch = ReceiveBatch::new(8, 64);
    batch.enable_ttl(v4.as_fd()).unwrap();
    let answers = receive(v4.as_fd(), &mut batch, 1);
    assert_eq!(answers[0].bytes, b"answer");
    assert_eq!(answers[0].ttl, Some(5));
}

#[test]
fn a_unix_socket_has_no_time_to_live() {
    let (socket, _peer) = UnixDatagram::pair().unwrap();
    let error = ReceiveBatch::new(1, 1)
        .enable_ttl(socket.as_fd())
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn unix_peers_are_told_by_path_by_name_and_as_unnamed() {
    use std::os::linux::net::SocketAddrExt;

    let dir = tempfile::tempdir().unwrap();
    let receiver_path = dir.path().join("receiver");
    let receiver = UnixDatagram::bind(&receiver_path).unwrap();
    let to = PeerAddr::Path(receiver_path.as_path().into());

    let sender_path = dir.path().join("sender");
    let with_path = UnixDatagram::bind(&sender_path).unwrap();
    let name = format!("sockpit-sys-test-{}", std::process::id()).into_bytes();
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let with_name = UnixDatagram::bind_addr(&addr).unwrap();
    let unnamed = UnixDatagram::unbound().unwrap();
    for socket in [&with_path, &with_name, &unnamed] {
        let mut outgoing = SendBatch::new();
        outgoing.push("hello", Some(&to), None).unwrap();
        sent_all(&outgoing.flush(socket.as_fd()), 1);
    }

    let mut batch = ReceiveBatch::new(8, 3);
    let datagrams = receive(receiver.as_fd(), &mut batch, 3);
    let from: Vec<_> = datagrams.iter().map(|d| d.from.clone().unwrap()).collect();
    let expected = [
        PeerAddr::Path(sender_path.as_path().into()),
        PeerAddr::Abstract(name.as_slice().into()),
        PeerAddr::Unnamed,
    ];
    assert_eq!(from, expected);
    assert!(
        datagrams
            .iter()
            .all(|d| d.bytes == b"hel" && d.full_len == 5)
    );

    // The ones with a name can be answered.
    for (socket, to) in [(&with_path, &expected[0]), (&with_name, &expected[1])] {
        let mut outgoing = SendBatch::new();
        outgoing.push("back", Some(to), None).unwrap();
        sent_all(&outgoing.flush(receiver.as_fd()), 1);
        let answers = receive(socket.as_fd(), &mut ReceiveBatch::new(1, 16), 1);
        assert_eq!(answers[0].bytes, b"back");
    }
}

#[test]
fn descriptors_that_a_unix_peer_sends_along_are_not_kept() {
    use std::io::IoSlice;

    let (socket, peer) = UnixDatagram::pair().unwrap();
    let (probe, probe_peer) = std::os::unix::net::UnixStream::pair().unwrap();
    send_descriptor(&peer, IoSlice::new(b"take this"), probe.as_fd());
    drop(probe);
    let datagrams = receive(socket.as_fd(), &mut ReceiveBatch::new(1, 16), 1);
    assert_eq!(datagrams[0].bytes, b"take this");
    // Its other end is gone only when nobody holds it.
    let mut interests = [Interest::to_close(probe_peer.as_fd())];
    poll::wait(&mut interests, LONG).unwrap();
    assert!(interests[0].is_gone());
}

/// Sends a datagram with a descriptor, which the standard library cannot.
fn send_descriptor(socket: &UnixDatagram, bytes: io::IoSlice<'_>, fd: BorrowedFd<'_>) {
    let mut part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let mut control = SendControl([0; SEND_ROOM]);
    let mut header = EMPTY_HEADER.msg_hdr;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = TTL_SPACE as _;
    // SAFETY: `control` has room for one message with one integer, and all outlives the call.
    let sent = unsafe {
        let message = libc::CMSG_FIRSTHDR(&raw const header);
        (*message).cmsg_level = libc::SOL_SOCKET;
        (*message).cmsg_type = libc::SCM_RIGHTS;
        (*message).cmsg_len = libc::CMSG_LEN(size_of::<libc::c_int>() as libc::c_uint) as _;
        ptr::write_unaligned(libc::CMSG_DATA(message).cast(), fd.as_raw_fd());
        libc::sendmsg(socket.as_raw_fd(), &raw const header, 0)
    };
    assert_eq!(usize::try_from(sent).unwrap(), bytes.len());
}

#[test]
fn one_datagram_that_is_too_long_does_not_hold_up_the_others() {
    let (socket, to) = local("127.0.0.1:0");
    let mut outgoing = SendBatch::new();
    outgoing.push(b"first".to_vec(), Some(&to), None).unwrap();
    outgoing.push(vec![0; 65_508], Some(&to), None).unwrap();
    outgoing.push(b"last".to_vec(), Some(&to), None).unwrap();
    let flushed = outgoing.flush(socket.as_fd());
    assert_eq!(flushed.sent, 1);
    let Stop::Failed(error) = flushed.stop else {
        panic!("{:?}", flushed.stop)
    };
    assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
    sent_all(&outgoing.flush(socket.as_fd()), 1);
    let datagrams = receive(socket.as_fd(), &mut ReceiveBatch::new(8, 64), 2);
    assert_eq!(datagrams[0].bytes, b"first");
    assert_eq!(datagrams[1].bytes, b"last");
}

#[test]
fn a_socket_that_can_never_send_fails_each_datagram_once() {
    let (socket, _) = local("127.0.0.1:0");
    let mut outgoing = SendBatch::new();
    outgoing.push("to nobody", None, None).unwrap();
    outgoing.push("to nobody either", None, None).unwrap();
    for _ in 0..2 {
        let flushed = outgoing.flush(socket.as_fd());
        assert_eq!(flushed.sent, 0);
        let Stop::Failed(error) = flushed.stop else {
            panic!("{:?}", flushed.stop)
        };
        assert_eq!(error.raw_os_error(), Some(libc::EDESTADDRREQ));
    }
    sent_all(&outgoing.flush(socket.as_fd()), 0);
}

/// B8: a refused datagram is news, not the end.
#[test]
fn a_thousand_datagrams_to_a_closed_port_all_leave_and_the_refusal_is_told() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let (socket, _) = local(addr);
        let (_held, closed_addr) = closed(addr);
        socket.connect(closed_addr).unwrap();
        let mut outgoing = SendBatch::new();
        let (mut sent, mut refused) = (0, 0);
        for round in 0..1000u32 {
            outgoing.push(round.to_be_bytes(), None, None).unwrap();
            loop {
                let flushed = outgoing.flush(socket.as_fd());
                sent += flushed.sent;
                match flushed.stop {
                    Stop::Empty => break,
                    Stop::Earlier(error) => {
                        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
                        refused += 1;
                    }
                    stop => panic!("{stop:?}"),
                }
            }
        }
        assert_eq!(sent, 1000, "{addr}");
        assert!(refused > 0, "{addr}");
        // The last refusal has no later datagram to stop, and comes up on the other way.
        let mut batch = ReceiveBatch::new(1, 16);
        poll::wait(&mut [Interest::to_read(socket.as_fd())], LONG).unwrap();
        let error = batch.receive(socket.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(
            batch.receive(socket.as_fd()).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
    }
}

/// B8: in one batch, too.
#[test]
fn a_batch_to_a_closed_port_leaves_whole() {
    let (socket, _) = local("127.0.0.1:0");
    let (_held, closed_addr) = closed("127.0.0.1:0");
    socket.connect(closed_addr).unwrap();
    let mut outgoing = SendBatch::new();
    for index in 0..150u8 {
        outgoing.push([index], None, None).unwrap();
    }
    let mut sent = 0;
    let deadline = Instant::now() + Duration::from_secs(10);
    while !outgoing.is_empty() {
        assert!(Instant::now() < deadline);
        sent += outgoing.flush(socket.as_fd()).sent;
    }
    assert_eq!(sent, 150);
}

/// B8: a full buffer is back-pressure.
#[test]
fn a_full_peer_blocks_and_nothing_is_lost() {
    let (sender, receiver) = UnixDatagram::pair().unwrap();
    let mut outgoing = SendBatch::new();
    for index in 0..1000u32 {
        outgoing.push(index.to_be_bytes(), None, None).unwrap();
    }
    let mut batch = ReceiveBatch::new(64, 16);
    let mut seen = Vec::new();
    let mut was_blocked = false;
    let deadline = Instant::now() + Duration::from_secs(10);
    while seen.len() < 1000 {
        assert!(Instant::now() < deadline);
        let before = outgoing.len();
        let flushed = outgoing.flush(sender.as_fd());
        assert_eq!(before, outgoing.len() + flushed.sent);
        was_blocked |= matches!(flushed.stop, Stop::Blocked);
        if batch.receive(receiver.as_fd()).is_ok() {
            seen.extend(
                batch
                    .runs()
                    .map(|run| u32::from_be_bytes(run.bytes.try_into().unwrap())),
            );
        }
    }
    assert!(was_blocked);
    assert!(seen.into_iter().eq(0..1000));
}

#[test]
fn an_address_that_cannot_be_sent_to_is_not_queued() {
    let mut outgoing = SendBatch::new();
    let error = outgoing
        .push("x", Some(&PeerAddr::Unnamed), None)
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(outgoing.is_empty());
}

#[test]
fn batches_go_from_thread_to_thread() {
    fn check<T: Send + Sync>() {}
    check::<ReceiveBatch>();
    check::<SendBatch<Vec<u8>>>();
}
