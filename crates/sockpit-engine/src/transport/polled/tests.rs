use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::task::Poll;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use tokio::io::ReadBuf;

use super::{EVERY_CHANGE, PolledTcp};

/// In seconds: a change that does not come by then never comes.
const DEADLINE: i64 = 10;

/// A socket, its poll, and its peer.
struct Pair {
    own: PolledTcp,
    poll: OwnedFd,
    peer: TcpStream,
}

#[test]
fn what_comes_is_read_and_then_waited_for() {
    let mut pair = Pair::new();
    assert_eq!(pair.read(9), None, "nothing was said yet");
    pair.peer.write_all(b"hello").unwrap();
    pair.wait(EventFlags::IN);
    assert_eq!(pair.read(9), Some(b"hello".to_vec()));
    assert_eq!(pair.read(9), None);
    pair.peer.write_all(b"again").unwrap();
    pair.wait(EventFlags::IN);
    assert_eq!(pair.read(5), Some(b"again".to_vec()));
    assert_eq!(pair.read(5), None, "what filled the room may have been all");
}

#[test]
fn an_end_that_came_with_the_last_bytes_is_not_waited_for() {
    let mut pair = Pair::new();
    pair.peer.write_all(b"bye").unwrap();
    pair.peer.shutdown(Shutdown::Write).unwrap();
    pair.wait(EventFlags::RDHUP);
    assert_eq!(pair.read(9), Some(b"bye".to_vec()));
    assert_eq!(pair.read(9), Some(Vec::new()));
}

#[test]
fn an_end_that_comes_after_what_was_read_is_a_change() {
    let mut pair = Pair::new();
    pair.peer.write_all(b"bye").unwrap();
    pair.wait(EventFlags::IN);
    assert_eq!(pair.read(9), Some(b"bye".to_vec()));
    pair.peer.shutdown(Shutdown::Write).unwrap();
    pair.wait(EventFlags::RDHUP);
    assert_eq!(pair.read(9), Some(Vec::new()));
}

#[test]
fn a_reset_is_an_error_of_the_read() {
    let pair = Pair::new();
    let linger = Some(std::time::Duration::ZERO);
    socket2::SockRef::from(&pair.peer)
        .set_linger(linger)
        .unwrap();
    let Pair {
        mut own,
        poll,
        peer,
    } = pair;
    drop(peer);
    wait(&poll, &mut own, EventFlags::ERR);
    let mut room = [0; 9];
    let mut into = ReadBuf::new(&mut room);
    let Poll::Ready(Err(error)) = own.poll_read(&mut into) else {
        panic!("no error");
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_full_socket_is_written_to_again_once_its_peer_has_read() {
    let mut pair = Pair::new();
    let bytes = [7; 64 * 1024];
    let mut sent = 0;
    while let Poll::Ready(written) = pair.own.poll_write(&bytes) {
        sent += written.unwrap();
    }
    let mut heard = vec![0; sent];
    pair.peer.read_exact(&mut heard).unwrap();
    assert!(heard.iter().all(|byte| *byte == 7));
    pair.wait(EventFlags::OUT);
    assert!(matches!(pair.own.poll_write(&bytes), Poll::Ready(Ok(1..))));
}

impl Pair {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (own, _) = listener.accept().unwrap();
        own.set_nonblocking(true).unwrap();
        let poll = epoll::create(CreateFlags::CLOEXEC).unwrap();
        epoll::add(&poll, &own, EventData::new_u64(0), EVERY_CHANGE).unwrap();
        let own = PolledTcp::new(own);
        Self { own, poll, peer }
    }

    /// Waits until the poll has said this much, and passes it on.
    fn wait(&mut self, wanted: EventFlags) {
        wait(&self.poll, &mut self.own, wanted);
    }

    /// What one read gives, `None` where it waits.
    fn read(&mut self, most: usize) -> Option<Vec<u8>> {
        let mut room = vec![0; most];
        let mut into = ReadBuf::new(&mut room);
        match self.own.poll_read(&mut into) {
            Poll::Ready(result) => {
                result.unwrap();
                Some(into.filled().to_vec())
            }
            Poll::Pending => None,
        }
    }
}

fn wait(poll: &OwnedFd, own: &mut PolledTcp, wanted: EventFlags) {
    let deadline = Timespec {
        tv_sec: DEADLINE,
        tv_nsec: 0,
    };
    loop {
        let mut room = Vec::<Event>::with_capacity(1);
        epoll::wait(
            poll,
            rustix::buffer::spare_capacity(&mut room),
            Some(&deadline),
        )
        .unwrap();
        let event = room.first().expect("it comes in time");
        let change = event.flags;
        own.notice(change);
        if change.contains(wanted) {
            return;
        }
    }
}
