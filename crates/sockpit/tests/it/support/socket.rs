//! Sockets of the test itself, with a deadline on whatever is done with them.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};

use super::{DEADLINE, POLL, wait_until};

/// A listening socket of the test, and its address as an endpoint.
pub(crate) fn server() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of our own");
    let addr = listener.local_addr().expect("it is bound");
    (listener, format!("tcp://{addr}"))
}

/// The same, whose peers are soon full: they keep little that is not read, whatever the system allows.
pub(crate) fn narrow_server() -> (TcpListener, String) {
    let (listener, address) = server();
    set_socket_recv_buffer_size(&listener, 64 * 1024).expect("a socket of our own");
    (listener, address)
}

/// A port that nobody holds, and nobody else is given: it is outside of what the system chooses from.
/// It has four digits, as those of the guide's pages, so that their tables stay aligned.
///
/// It is looked up and not tried: what a socket of ours holds to try it, a program that another test
/// starts just then holds a moment longer.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = std::process::id() % 50;
    let first = 2100 + u16::try_from(process).expect("below 50") * 150;
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(next < 7000, "every port is held");
        let port = first + next;
        if !is_held(port) {
            return port;
        }
    }
}

/// Whether a socket has this port, of whatever address, as the system lists them.
fn is_held(port: u16) -> bool {
    let ending = format!(":{port:04X}");
    ["tcp", "tcp6", "udp", "udp6"].iter().any(|protocol| {
        // A system without a protocol has no list of it.
        let sockets = std::fs::read_to_string(format!("/proc/net/{protocol}")).unwrap_or_default();
        let mut locals = sockets
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().nth(1));
        locals.any(|local| local.ends_with(&ending))
    })
}

/// An endpoint where nobody listens, until the test has something listen there.
pub(crate) fn free_address() -> String {
    format!("tcp://127.0.0.1:{}", free_port())
}

/// The one peer that comes, with a deadline on whatever is done with it.
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a socket of our own");
    let until = Instant::now() + DEADLINE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => return with_deadline(stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                assert!(Instant::now() < until, "nobody came");
                thread::sleep(POLL); // sleep: polled, with a deadline
            }
            Err(error) => panic!("accept: {error}"),
        }
    }
}

/// A client socket of the test, with a deadline on whatever is done with it.
pub(crate) fn client(port: u16) -> TcpStream {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    with_deadline(TcpStream::connect_timeout(&addr, DEADLINE).expect("the listener takes us"))
}

fn with_deadline(stream: TcpStream) -> TcpStream {
    stream.set_nonblocking(false).expect("a socket of our own");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    stream
        .set_write_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    stream
}

/// Exactly so many bytes of a stream.
pub(crate) fn read_exactly(stream: &mut impl Read, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream
        .read_exact(&mut bytes)
        .expect("the peer sends that much");
    bytes
}

/// A stream to its end.
pub(crate) fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .expect("the peer ends in order");
    bytes
}

/// Breaks a connection off: the peer gets a reset.
pub(crate) fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket of our own");
    drop(stream);
}

/// Waits until the program at the other end of `peer` has read what was sent, or is gone.
pub(crate) fn wait_until_read(peer: &TcpStream) {
    wait_until("everything is read", || {
        // In this order: what was not on its way any more when its socket is asked is there.
        queued_at(End::Ours, peer).is_none_or(|(unsent, _)| unsent == 0)
            && queued_at(End::Theirs, peer).is_none_or(|(_, unread)| unread == 0)
    });
}

/// Waits until the program at the other end of `peer`, which reads nothing, can send no more.
pub(crate) fn wait_until_full(peer: &TcpStream) {
    let mut before = (0, 0);
    let mut since = Instant::now();
    wait_until("the way is full", || {
        let now = queued_at(End::Theirs, peer).unwrap_or_default();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        // Longer than a busy machine keeps a program that could go on from going on.
        now.0 > 0 && since.elapsed() > Duration::from_secs(1)
    });
}

/// The bytes that wait at an end of `peer`, to be sent and to be read, as the system lists them;
/// `None` if that socket is gone.
fn queued_at(end: End, peer: &TcpStream) -> Option<(u64, u64)> {
    let (ours, theirs) = (peer.local_addr().ok()?, peer.peer_addr().ok()?);
    let (near, far) = match end {
        End::Ours => (ours, theirs),
        End::Theirs => (theirs, ours),
    };
    let listed = |port: u16| format!(":{port:04X}");
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    sockets.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        let (unsent, unread) = fields.nth(1)?.split_once(':')?;
        let is_it = local.ends_with(&listed(near.port())) && remote.ends_with(&listed(far.port()));
        let number = |hex: &str| u64::from_str_radix(hex, 16).ok();
        is_it
            .then(|| Some((number(unsent)?, number(unread)?)))
            .flatten()
    })
}

/// Whose socket of a connection.
#[derive(Clone, Copy)]
enum End {
    Ours,
    Theirs,
}
