//! One datagram socket with what waits to leave by it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use sockpit_core::event::{Direction, What};
use sockpit_core::plan::{Plan, Role, WarnSize};
use sockpit_core::time::Time;
use sockpit_sys::datagram::{
    Flushed, Hops, PeerAddr, RUN_ROOM, ReceiveBatch, Return, SendBatch, Stop,
};
use tokio::io::Interest;
use tokio::sync::OwnedSemaphorePermit;

use super::BATCH;
use crate::transport::{BoundPath, DatagramLink, DatagramSocket};

/// A machine short of memory or of room in a device's queue is asked again after this long.
pub(super) const RETRY: Duration = Duration::from_millis(2);

/// How long a server waits for a Unix peer that does not read.
const UNIX_PATIENCE: Duration = Duration::from_millis(20);

/// Batches taken one after the other, without asking the system whether there is more, before others
/// of the thread have their turn.
const BATCHES: u8 = 8;

/// In bytes: IPv4 and UDP headers, and an Ethernet frame's payload, where the path is not known.
const USUAL_PAYLOAD: usize = 1500 - 28;

/// A datagram on its way out.
pub(super) struct Parcel {
    pub(super) peer: u32,
    pub(super) offset: u64,
    pub(super) bytes: Bytes,
    /// The message that it carries, told after it.
    pub(super) frame: Option<Box<What>>,
    /// The user's budget that is given back when it has left.
    pub(super) _permit: Option<Arc<OwnedSemaphorePermit>>,
    pub(super) is_reply: bool,
}

/// One step of sending.
pub(super) enum Sending {
    /// Nothing waits, or the system takes nothing at present.
    Nothing,
    /// This one has left.
    Sent(Parcel),
    /// This one cannot leave.
    Failed(Parcel, io::Error),
    /// One that had left came to nothing.
    Earlier(io::Error),
}

impl AsRef<[u8]> for Parcel {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

pub(super) struct Socket {
    link: DatagramLink,
    /// Rings for a client whose datagram came to nothing.
    alarm: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// Removes its path when the session is over.
    _bound: BoundPath,
    own: Option<SocketAddr>,
    /// Our address, as an endpoint.
    pub(super) local: String,
    /// Whom a client's socket sends to; `None` where it is connected.
    pub(super) destination: Option<PeerAddr>,
    pub(super) peer_name: String,
    /// In bytes: longer datagrams are marked.
    pub(super) warn_size: Option<usize>,
    /// What has left it waits there until it is told of; the failed one is the last.
    batch: SendBatch<Parcel>,
    /// How many of those that have left were sent.
    sent: usize,
    /// Batches taken since the system said last that there is something.
    batches: u8,
    /// When the system was given them.
    pub(super) sent_at: Time,
    failed: Option<io::Error>,
    earlier: Option<io::Error>,
    is_blocked: bool,
    /// Whether it was said to take something again, and has taken nothing since.
    was_blocked: bool,
    /// A Unix peer that takes nothing, and since when.
    stuck: Option<(u32, Time)>,
    /// Whether what a peer does not take is dropped.
    drops: bool,
    /// Until when the system is not asked again.
    pub(super) retry_at: Option<Time>,
    pub(super) queued_bytes: usize,
    pub(super) reply_bytes: usize,
}

impl Socket {
    pub(super) fn new(opened: DatagramSocket, plan: &Plan) -> Self {
        let warn_size = plan.warn_size.map(|warn| match warn {
            WarnSize::Bytes(bytes) => bytes,
            WarnSize::PathMtu => path_payload(&opened),
        });
        let mut batch = SendBatch::new();
        if joins_datagrams(plan) {
            // Where it cannot, datagrams leave one by one.
            batch.enable_runs(opened.link.as_fd());
        }
        // A client may send to a group, and a server only to who spoke to it.
        if plan.role == Role::Server && opened.own.is_some() {
            batch.share_hops(Hops::shared(plan.socket.ttl));
        }
        Self {
            own: opened.own,
            // Only a connected socket is told of ICMP messages, and one that asked for them.
            alarm: match plan.role {
                Role::Server if !plan.socket.hears_icmp => None,
                _ => opened.link.alarm(),
            },
            link: opened.link,
            _bound: opened.bound,
            local: opened.local,
            destination: opened.destination,
            peer_name: opened.peer_name,
            warn_size,
            batch,
            sent: 0,
            batches: 0,
            sent_at: Time::ZERO,
            failed: None,
            earlier: None,
            is_blocked: false,
            was_blocked: false,
            stuck: None,
            drops: plan.role == Role::Server,
            retry_at: None,
            queued_bytes: 0,
            reply_bytes: 0,
        }
    }

    /// Takes the datagrams that are there into `batch`.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut ReceiveBatch,
    ) -> Poll<io::Result<()>> {
        let rings = self
            .alarm
            .as_mut()
            .is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready());
        if rings {
            self.alarm = self.link.alarm();
            let mut received = Ok(0);
            self.link.work(Interest::ERROR, || {
                received = batch.receive(self.link.as_fd());
                Err(io::ErrorKind::WouldBlock.into())
            });
            // The new alarm has to be known to the runtime.
            cx.waker().wake_by_ref();
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return Poll::Ready(received.map(drop)),
            }
        }
        loop {
            std::task::ready!(self.link.poll_readable(cx))?;
            let mut received = Err(io::ErrorKind::WouldBlock.into());
            self.link.work(Interest::READABLE, || {
                received = batch.receive(self.link.as_fd());
                self.batches = self.batches.saturating_add(1);
                // Fewer than there is room for: the queue was empty, and the next datagram rings
                // anew. Where several came at once, though, more have come until they are answered,
                // and to take them is cheaper than to ask whether they are there.
                let is_drained = match &received {
                    Ok(count) => *count < BATCH && (*count == 1 || BATCHES <= self.batches),
                    Err(error) => error.kind() == io::ErrorKind::WouldBlock,
                };
                if is_drained {
                    self.batches = 0;
                    Err(io::ErrorKind::WouldBlock.into())
                } else {
                    Ok(())
                }
            });
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return Poll::Ready(received.map(drop)),
            }
        }
    }

    /// Queues a datagram.
    pub(super) fn push(
        &mut self,
        parcel: Parcel,
        to: Option<&PeerAddr>,
        ttl: Option<u8>,
    ) -> io::Result<()> {
        let (len, is_reply) = (parcel.bytes.len(), parcel.is_reply);
        self.batch.push(parcel, to, ttl)?;
        self.queued_bytes += len;
        if is_reply {
            self.reply_bytes += len;
        }
        Ok(())
    }

    /// Keeps an event of a message that has yet to leave, so that it is told after its datagram;
    /// gives every other event back.
    pub(super) fn attach(&mut self, peer: u32, what: What) -> Option<What> {
        let is_sent = matches!(
            &what,
            What::Frame {
                direction: Direction::Out,
                ..
            }
        );
        match self.batch.back_mut() {
            Some(parcel) if is_sent && parcel.peer == peer && parcel.frame.is_none() => {
                parcel.frame = Some(Box::new(what));
                None
            }
            _ => Some(what),
        }
    }

    /// In bytes: how long datagrams are at most that may go straight back to whom they came from;
    /// `None` where something else has to leave first.
    pub(super) fn most_to_return(&self) -> Option<usize> {
        let is_free = self.own.is_some()
            && self.is_flushed()
            && !self.is_blocked
            && self.retry_at.is_none()
            && self.failed.is_none()
            && self.earlier.is_none();
        is_free.then_some(self.warn_size.unwrap_or(usize::MAX))
    }

    /// Sends what goes straight back; gives how many have left, and why no more did.
    pub(super) fn send_back(
        &mut self,
        batch: &ReceiveBatch,
        returns: &[Return],
    ) -> (usize, io::Result<()>) {
        let longest = self.batch.longest_in_runs();
        batch.send_back(self.link.as_fd(), returns, longest, self.batch.hops_mut())
    }

    /// Whether trying to send makes sense; arranges to be polled when it does.
    pub(super) fn poll_sendable(&mut self, cx: &mut Context<'_>) -> bool {
        if self.is_flushed() || self.retry_at.is_some() {
            return false;
        }
        if !self.is_blocked {
            return true;
        }
        let is_ready = self.link.poll_writable(cx).is_ready();
        self.is_blocked = !is_ready;
        self.was_blocked = is_ready;
        is_ready
    }

    /// Carries sending on and tells of one datagram; asks for the time where it gives the system
    /// some.
    pub(super) fn send(&mut self, now: impl FnOnce() -> Time) -> Sending {
        if self.sent == 0
            && self.failed.is_none()
            && self.earlier.is_none()
            && !self.is_blocked
            && self.retry_at.is_none()
            && !self.batch.is_empty()
        {
            self.flush(now());
        }
        if self.sent > 0 {
            self.sent -= 1;
            return Sending::Sent(self.take_parcel());
        }
        if let Some(error) = self.failed.take() {
            return Sending::Failed(self.take_parcel(), error);
        }
        match self.earlier.take() {
            Some(error) => Sending::Earlier(error),
            None => Sending::Nothing,
        }
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.queued() == 0 && self.batch.left() == 0
    }

    /// Datagrams that wait.
    pub(super) fn queued(&self) -> usize {
        self.batch.len()
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }

    /// Whether it is of the family of `addr`.
    pub(super) fn is_of_family(&self, addr: SocketAddr) -> bool {
        self.own.is_some_and(|own| own.is_ipv4() == addr.is_ipv4())
    }

    /// Whether `addr` is our own.
    pub(super) fn is_own(&self, addr: SocketAddr) -> bool {
        self.own == Some(addr)
    }

    fn flush(&mut self, now: Time) {
        let mut flushed = Flushed {
            sent: 0,
            stop: Stop::Blocked,
        };
        if self.own.is_some() {
            self.link.work(Interest::WRITABLE, || {
                flushed = self.batch.flush(self.link.as_fd());
                match flushed.stop {
                    Stop::Blocked => Err(io::ErrorKind::WouldBlock.into()),
                    _ => Ok(()),
                }
            });
        } else {
            // A Unix socket is blocked by its peer's queue, of which its own readiness says nothing.
            flushed = self.batch.flush(self.link.as_fd());
        }
        self.sent = flushed.sent;
        self.sent_at = now;
        let was_blocked = std::mem::take(&mut self.was_blocked);
        match flushed.stop {
            Stop::Empty => {}
            Stop::Blocked if self.own.is_none() => self.wait_for_unix_peer(now),
            // An ICMP message makes a socket ready for good, as far as the runtime knows: asking it
            // again at once would go on until there is room.
            Stop::Blocked if was_blocked && flushed.sent == 0 => {
                self.retry_at = Some(now + RETRY);
            }
            Stop::Blocked => self.is_blocked = true,
            Stop::Busy => self.retry_at = Some(now + RETRY),
            Stop::Failed(error) => self.failed = Some(error),
            Stop::Earlier(error) => self.earlier = Some(error),
        }
    }

    /// A Unix peer that does not read blocks the socket. A client waits for its one peer; a server
    /// waits a moment and then drops, as UDP would, so that the others are served.
    fn wait_for_unix_peer(&mut self, now: Time) {
        let peer = self.batch.front().map(|parcel| parcel.peer);
        let (stuck, since) = self.stuck.unwrap_or((0, now));
        if peer == Some(stuck) && self.drops && now - since >= UNIX_PATIENCE {
            self.batch.give_up();
            self.failed = Some(io::Error::new(
                io::ErrorKind::WouldBlock,
                "its reader does not read",
            ));
        } else {
            if peer != Some(stuck) {
                self.stuck = peer.map(|peer| (peer, now));
            }
            self.retry_at = Some(now + RETRY);
        }
    }

    fn take_parcel(&mut self) -> Parcel {
        let parcel = self
            .batch
            .take_left()
            .expect("what was sent or failed has left the batch");
        self.queued_bytes -= parcel.bytes.len();
        if parcel.is_reply {
            self.reply_bytes -= parcel.bytes.len();
        }
        parcel
    }
}

/// Whether datagrams may come and go several at a time. Beside its packets each is its own; and
/// where datagrams are cut, it must be known how long each was.
pub(super) fn joins_datagrams(plan: &Plan) -> bool {
    !plan.wire && RUN_ROOM <= plan.read_size.get()
}

/// In bytes: what fits into one packet on the way, as far as the system knows it.
fn path_payload(opened: &DatagramSocket) -> usize {
    let header = if opened.is_v6 { 48 } else { 28 };
    sockpit_sys::socket::path_mtu(opened.link.as_fd())
        .map_or(USUAL_PAYLOAD, |mtu| (mtu as usize).saturating_sub(header))
}
