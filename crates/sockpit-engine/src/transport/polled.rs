//! A TCP socket of which somebody else is told when it is ready, and which then needs no runtime.

use std::io;
use std::net::TcpStream;
use std::task::Poll;

use rustix::event::epoll::EventFlags;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::ReadBuf;

/// What is wanted of the poll: each change, once.
pub(crate) const EVERY_CHANGE: EventFlags = EventFlags::IN
    .union(EventFlags::OUT)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

/// After these, bytes that were there are no sign that none are left.
const ENDS: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

/// A socket that does not block. Whoever polls it says what changed; pending means that the next
/// change is waited for.
pub(crate) struct PolledTcp {
    socket: TcpStream,
    is_readable: bool,
    is_writable: bool,
    /// Whether the peer's end, or a failure, is to be read yet.
    has_end: bool,
}

impl PolledTcp {
    /// Takes a socket that does not block, of which nothing is known yet.
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            is_readable: false,
            is_writable: true,
            has_end: false,
        }
    }

    /// Takes what the poll said.
    pub(crate) fn notice(&mut self, change: EventFlags) {
        self.has_end |= change.intersects(ENDS);
        self.is_readable |= change.intersects(EventFlags::IN.union(ENDS));
        self.is_writable |= change.intersects(EventFlags::OUT.union(ENDS));
    }

    pub(super) fn poll_read(&mut self, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.is_readable {
            let room = into.initialize_unfilled();
            let most = room.len();
            match recv(&self.socket, room, RecvFlags::empty()) {
                Ok((_, len)) => {
                    // Less than there was room for is all there was.
                    self.is_readable = len == most || self.has_end;
                    into.advance(len);
                    return Poll::Ready(Ok(()));
                }
                Err(rustix::io::Errno::AGAIN) => self.is_readable = false,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        Poll::Pending
    }

    pub(super) fn poll_write(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        while self.is_writable {
            match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(len) => return Poll::Ready(Ok(len)),
                Err(rustix::io::Errno::AGAIN) => self.is_writable = false,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        Poll::Pending
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }
}

#[cfg(test)]
mod tests;
