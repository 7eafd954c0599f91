//! The least that an echo server costs: one thread, one buffer, no state, no feature.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::ExitCode;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::{Errno, read, write};
use rustix::net::{SocketFlags, accept_with};

/// In bytes; what one read takes.
const READ_SIZE: usize = 16 * 1024;

/// Answers every TCP peer with its own bytes, level-triggered, until it is killed.
pub(super) fn epoll_echo() -> io::Result<ExitCode> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let own = listener.as_raw_fd();
    epoll::add(&poll, &listener, key(own), EventFlags::IN)?;
    announce("tcp", listener.local_addr()?.port())?;

    // A peer's place is its file's number, which the kernel keeps small.
    let mut peers: Vec<Option<OwnedFd>> = Vec::new();
    let mut buffer = [0; READ_SIZE];
    let mut events = [Event {
        flags: EventFlags::empty(),
        data: key(0),
    }; 256];
    loop {
        let ready = epoll::wait(&poll, &mut events[..], None)?;
        for event in &events[..ready] {
            let data = event.data;
            let place = usize::try_from(data.u64()).expect("a file's number");
            if data == key(own) {
                let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
                while let Ok(peer) = accept_with(&listener, flags) {
                    let number = peer.as_raw_fd();
                    epoll::add(&poll, &peer, key(number), EventFlags::IN)?;
                    let place = usize::try_from(number).expect("open files are not negative");
                    if peers.len() <= place {
                        peers.resize_with(place + 1, || None);
                    }
                    peers[place] = Some(peer);
                }
            } else if let Some(peer) = &peers[place] {
                match read(peer, &mut buffer) {
                    Err(Errno::AGAIN) => {}
                    // A ping-pong never fills the socket's buffer, so one write takes it all.
                    Ok(len) if len != 0 && write(peer, &buffer[..len]) == Ok(len) => {}
                    _ => peers[place] = None,
                }
            }
        }
    }
}

/// Answers every datagram with itself until it is killed.
pub(super) fn udp_echo() -> io::Result<ExitCode> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    announce("udp", socket.local_addr()?.port())?;
    let mut buffer = [0; 65536];
    loop {
        let (len, peer) = socket.recv_from(&mut buffer)?;
        socket.send_to(&buffer[..len], peer)?;
    }
}

/// Says where a server of this program listens, as ours does.
pub(super) fn announce(transport: &str, port: u16) -> io::Result<()> {
    writeln!(io::stderr(), "listening on {transport}://127.0.0.1:{port}")
}

/// An event's data for a file's number.
fn key(number: i32) -> EventData {
    EventData::new_u64(u64::try_from(number).expect("open files are not negative"))
}
