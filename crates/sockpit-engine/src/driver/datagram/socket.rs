//! One datagram socket with what waits to leave by it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use sockpit_core::plan::{Plan, WarnSize};
use sockpit_core::time::Time;
use sockpit_sys::datagram::{PeerAddr, ReceiveBatch, SendBatch, Stop};
use tokio::io::unix::AsyncFd;
use tokio::sync::OwnedSemaphorePermit;

use super::BATCH;
use crate::transport::{BoundPath, DatagramSocket};

/// A machine short of memory or of room in a device's queue is asked again after this long.
pub(super) const RETRY: Duration = Duration::from_millis(2);

/// In bytes: IPv4 and UDP headers, and an Ethernet frame's payload, where the path is not known.
const USUAL_PAYLOAD: usize = 1500 - 28;

/// A datagram on its way out.
pub(super) struct Parcel {
    pub(super) peer: u32,
    pub(super) offset: u64,
    pub(super) bytes: Bytes,
    pub(super) permit: Option<Arc<OwnedSemaphorePermit>>,
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

pub(super) struct Socket {
    fd: AsyncFd<socket2::Socket>,
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
    batch: SendBatch<Bytes>,
    parcels: VecDeque<Parcel>,
    /// Parcels at the front that have left but were not told of.
    sent: usize,
    failed: Option<io::Error>,
    earlier: Option<io::Error>,
    is_blocked: bool,
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
        Self {
            own: opened.fd.get_ref().local_addr().ok().and_then(|addr| addr.as_socket()),
            fd: opened.fd,
            _bound: opened.bound,
            local: opened.local,
            destination: opened.destination,
            peer_name: opened.peer_name,
            warn_size,
            batch: SendBatch::new(),
            parcels: VecDeque::new(),
            sent: 0,
            failed: None,
            earlier: None,
            is_blocked: false,
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
        loop {
            let mut ready = std::task::ready!(self.fd.poll_read_ready(cx))?;
            match batch.receive(self.fd.get_ref().as_fd()) {
                Ok(count) => {
                    if count < BATCH {
                        // The queue is empty: the next datagram rings anew.
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) => return Poll::Ready(Err(error)),
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
        self.batch.push(parcel.bytes.clone(), to, ttl)?;
        self.queued_bytes += parcel.bytes.len();
        if parcel.is_reply {
            self.reply_bytes += parcel.bytes.len();
        }
        self.parcels.push_back(parcel);
        Ok(())
    }

    /// Whether trying to send makes sense; arranges to be polled when it does.
    pub(super) fn poll_sendable(&mut self, cx: &mut Context<'_>) -> bool {
        if self.parcels.is_empty() || self.retry_at.is_some() {
            return false;
        }
        if !self.is_blocked {
            return true;
        }
        match self.fd.poll_write_ready(cx) {
            Poll::Ready(Ok(mut ready)) => {
                // Should the system block again, the next readiness is a new one.
                ready.clear_ready();
                self.is_blocked = false;
                true
            }
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }

    /// Carries sending on and tells of one datagram.
    pub(super) fn send(&mut self, now: Time) -> Sending {
        if self.sent == 0
            && self.failed.is_none()
            && self.earlier.is_none()
            && !self.is_blocked
            && self.retry_at.is_none()
            && !self.batch.is_empty()
        {
            self.flush(now);
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
        self.parcels.is_empty()
    }

    /// Whether `addr` is our own.
    pub(super) fn is_own(&self, addr: SocketAddr) -> bool {
        self.own == Some(addr)
    }

    fn flush(&mut self, now: Time) {
        let flushed = self.batch.flush(self.fd.get_ref().as_fd());
        self.sent = flushed.sent;
        match flushed.stop {
            Stop::Empty => {}
            // A Unix socket says nothing when its peer's queue has room again.
            Stop::Blocked if self.own.is_none() => self.retry_at = Some(now + RETRY),
            Stop::Blocked => self.is_blocked = true,
            Stop::Busy => self.retry_at = Some(now + RETRY),
            Stop::Failed(error) => self.failed = Some(error),
            Stop::Earlier(error) => self.earlier = Some(error),
        }
    }

    fn take_parcel(&mut self) -> Parcel {
        let parcel = self.parcels.pop_front().expect("the batch and the parcels are one queue");
        self.queued_bytes -= parcel.bytes.len();
        if parcel.is_reply {
            self.reply_bytes -= parcel.bytes.len();
        }
        parcel
    }
}

/// In bytes: what fits into one packet on the way, as far as the system knows it.
fn path_payload(opened: &DatagramSocket) -> usize {
    let header = if opened.is_v6 { 48 } else { 28 };
    sockpit_sys::socket::path_mtu(opened.fd.get_ref().as_fd())
        .map_or(USUAL_PAYLOAD, |mtu| (mtu as usize).saturating_sub(header))
}
