//! Transports: from a plan to an open link.

mod datagram;
mod options;
mod polled;
pub(crate) mod raw;
mod resolve;
mod stream;
mod unix;

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::epoll::EventFlags;
use socket2::{SockRef, Socket};
use sockpit_core::endpoint::{Address, Transport};
use sockpit_core::plan::Plan;
use sockpit_sys::datagram::PeerAddr;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, UnixStream};

use crate::room::DoorLink;
use polled::PolledTcp;

pub(crate) use datagram::{DatagramSocket, DatagramSockets, open as open_datagram};
pub use resolve::to_connect;
pub(crate) use stream::{
    Accepted, StreamListeners, connect as connect_stream, listen as listen_stream,
    listen_at as listen_stream_at,
};
pub(crate) use unix::{BoundPath, sock_addr};

/// An open stream.
pub(crate) enum StreamLink {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Of whose changes a poll tells that is not the runtime's.
    Polled(PolledTcp),
    /// By way of whoever speaks for the peer.
    Door(DoorLink),
}

impl StreamLink {
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Polled(socket) => socket.poll_read(into),
            Self::Door(link) => Pin::new(&mut link.stream).poll_read(cx, into),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Polled(socket) => socket.poll_write(bytes),
            Self::Door(link) => Pin::new(&mut link.stream).poll_write(cx, bytes),
        }
    }

    /// The same for a socket whose stamps are taken: one that waits makes the socket ready for
    /// good, as far as the runtime knows, and it would be asked in vain again and again. `drain`
    /// takes the stamps.
    pub(crate) fn poll_write_stamped(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        mut drain: impl FnMut(BorrowedFd<'_>),
    ) -> Poll<io::Result<usize>> {
        let Self::Tcp(stream) = self else {
            return self.poll_write(cx, bytes);
        };
        loop {
            std::task::ready!(stream.poll_write_ready(cx))?;
            match stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            if stream.poll_write_ready(cx).is_ready() {
                drain(stream.as_fd());
                // To the runtime a second descriptor is a new socket, of which it knows nothing.
                let second = stream.as_fd().try_clone_to_owned();
                let Ok(second) = second.and_then(|second| TcpStream::from_std(second.into()))
                else {
                    // No descriptor is left: to be asked in vain ends no connection.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                };
                *stream = second;
            }
        }
    }

    /// Takes what the poll said that tells of its changes.
    pub(crate) fn notice(&mut self, change: EventFlags) {
        if let Self::Polled(socket) = self {
            socket.notice(change);
        }
    }

    /// Our address and the peer's, of a TCP socket.
    pub(crate) fn tcp_addrs(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self {
            Self::Tcp(stream) => Some((stream.local_addr().ok()?, stream.peer_addr().ok()?)),
            Self::Polled(socket) => {
                let socket = socket.socket();
                Some((socket.local_addr().ok()?, socket.peer_addr().ok()?))
            }
            Self::Unix(_) | Self::Door(_) => None,
        }
    }

    /// Ends our side; the peer's stays open.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Polled(socket) => Poll::Ready(socket.socket().shutdown(Shutdown::Write)),
            Self::Door(link) => Pin::new(&mut link.stream).poll_shutdown(cx),
        }
    }

    /// Whether closing it while bytes are unread takes back what the peer has yet to get.
    pub(crate) fn resets_on_close(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Polled(_))
    }

    /// Has the peer hear of a reset once it is dropped, where there is such a thing.
    pub(crate) fn reset_on_drop(&self) {
        if self.resets_on_close()
            && let Some(fd) = self.fd()
        {
            // A socket that is gone already is dropped all the same.
            let _ = SockRef::from(&fd).set_linger(Some(Duration::ZERO));
        }
    }

    /// The peer's address; empty where it has none.
    pub(crate) fn peer(&self) -> String {
        match self {
            Self::Tcp(_) | Self::Polled(_) => self
                .tcp_addrs()
                .map_or_else(String::new, |(_, peer)| peer.to_string()),
            Self::Unix(stream) => stream
                .peer_addr()
                .map_or_else(|_| String::new(), unix::addr_text),
            Self::Door(link) => link.addr.clone(),
        }
    }

    /// Our own address; empty where we have none.
    pub(crate) fn local(&self) -> String {
        match self {
            Self::Tcp(_) | Self::Polled(_) => self
                .tcp_addrs()
                .map_or_else(String::new, |(local, _)| local.to_string()),
            Self::Unix(stream) => stream
                .local_addr()
                .map_or_else(|_| String::new(), unix::addr_text),
            Self::Door(_) => String::new(),
        }
    }

    /// An address of this link, the peer's or our own, as an endpoint.
    pub(crate) fn endpoint_of(&self, addr: &str) -> String {
        match self {
            Self::Tcp(_) | Self::Polled(_) => endpoint_of(Transport::Tcp, addr),
            Self::Unix(_) => endpoint_of(Transport::Unix, addr),
            Self::Door(_) if addr.is_empty() => String::new(),
            Self::Door(_) => format!("ws://{addr}"),
        }
    }

    /// Its socket, where it is one.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Tcp(stream) => Some(stream.as_fd()),
            Self::Unix(stream) => Some(stream.as_fd()),
            Self::Polled(socket) => Some(socket.socket().as_fd()),
            Self::Door(_) => None,
        }
    }
}

/// An open datagram socket.
pub(crate) enum DatagramLink {
    Udp(Arc<UdpSocket>),
    Unix(UnixDatagram),
}

impl DatagramLink {
    /// Takes a socket that does not block.
    fn new(socket: Socket, transport: Transport) -> io::Result<Self> {
        match transport {
            Transport::UnixDatagram => UnixDatagram::from_std(socket.into()).map(Self::Unix),
            _ => UdpSocket::from_std(socket.into()).map(|socket| Self::Udp(Arc::new(socket))),
        }
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Udp(socket) => socket.poll_recv_ready(cx),
            Self::Unix(socket) => socket.poll_recv_ready(cx),
        }
    }

    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Udp(socket) => socket.poll_send_ready(cx),
            Self::Unix(socket) => socket.poll_send_ready(cx),
        }
    }

    /// Rings when something that was sent came to nothing: an ICMP message makes a socket neither
    /// readable nor writable.
    pub(crate) fn alarm(&self) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let Self::Udp(socket) = self else { return None };
        let socket = socket.clone();
        Some(Box::pin(async move {
            // A runtime that is shutting down has no more alarms.
            let _ = socket.ready(Interest::ERROR).await;
        }))
    }

    /// Does `work`; if that says that it left the socket with nothing to do (`WouldBlock`), the next
    /// readiness is a new one.
    pub(crate) fn work(&self, interest: Interest, work: impl FnOnce() -> io::Result<()>) {
        // The outcome is what `work` kept for itself.
        let _ = match self {
            Self::Udp(socket) => socket.try_io(interest, work),
            Self::Unix(socket) => socket.try_io(interest, work),
        };
    }
}

impl AsFd for DatagramLink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Udp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

/// A peer's address as people read it: `127.0.0.1:7000`, `/run/a.sock`, `@name`, or nothing.
pub(crate) fn addr_text(addr: &PeerAddr) -> String {
    match addr {
        PeerAddr::Inet(addr) => addr.to_string(),
        PeerAddr::Path(path) => path.to_string_lossy().into_owned(),
        PeerAddr::Abstract(name) => format!("@{}", String::from_utf8_lossy(name)),
        PeerAddr::Unnamed => String::new(),
    }
}

/// An address as people read it, as an endpoint; nothing for an address that is none.
pub(crate) fn endpoint_of(transport: Transport, addr: &str) -> String {
    let scheme = transport.scheme();
    match addr.chars().next() {
        None => String::new(),
        Some('@') => format!("{scheme}:{addr}"),
        Some('/') => format!("{scheme}://{addr}"),
        Some(_) if transport.is_net() => format!("{scheme}://{addr}"),
        Some(_) => format!("{scheme}:{addr}"),
    }
}

/// A local address as an endpoint.
/// The addresses that a server will take, as endpoints, where they are known before: those of TCP with
/// a port of their own. Whoever needs none of them gets none.
pub(crate) async fn known_addresses(plan: &Plan) -> Vec<String> {
    let is_wanted = plan.wire && plan.transport == Transport::Tcp;
    let Address::Net { port: 1.., .. } = plan.address else {
        return Vec::new();
    };
    if !is_wanted {
        return Vec::new();
    }
    // What cannot be found is told of by who listens there.
    let found = resolve::to_listen(&plan.address, plan.socket.family).await;
    let found = found.unwrap_or_default().into_iter();
    found
        .map(|addr| endpoint_text(plan.transport, addr))
        .collect()
}

fn endpoint_text(transport: Transport, addr: SocketAddr) -> String {
    format!("{}://{addr}", transport.scheme())
}
