//! Datagrams on their way out.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;

use super::giving::{Failure, Letter, MAX_RUN, give, knows_runs};
use super::{Hops, MAX_BATCH, PeerAddr};
use crate::addr::Destination;

/// Datagrams on their way out, in order. What the system does not take stays queued.
///
/// The queue has no limit of its own: who pushes looks at [`len`](Self::len).
pub struct SendBatch<B> {
    queue: VecDeque<Outgoing<B>>,
    /// How many at the front of the queue have left it and were not taken back.
    left: usize,
    /// In bytes: longer datagrams never leave in runs; none do while it is zero.
    longest: usize,
    hops: Hops,
}

struct Outgoing<B> {
    bytes: B,
    to: Destination,
    ttl: Option<u8>,
}

/// How far [`SendBatch::flush`] came.
#[derive(Debug)]
pub struct Flushed {
    /// Datagrams that the system took, from the front of the queue.
    pub sent: usize,
    /// Why no more.
    pub stop: Stop,
}

/// Why [`SendBatch::flush`] returned.
#[derive(Debug)]
pub enum Stop {
    /// Nothing is left.
    Empty,
    /// The socket's buffer is full; wait until it is writable. An unconnected Unix socket says that
    /// it is even while its peer's queue is full: wait a moment there, as for [`Busy`](Self::Busy).
    Blocked,
    /// The machine has no memory or no place in the device's queue (`ENOBUFS`, `ENOMEM`). Being
    /// writable says nothing about it: try again some milliseconds later.
    Busy,
    /// The datagram after the sent ones could not be sent and has left the queue; the others have
    /// not. Call again.
    Failed(io::Error),
    /// A datagram that had been sent earlier failed on its way, such as `ConnectionRefused` by an
    /// ICMP message. The queue lost nothing. Call again.
    ///
    /// The system keeps one such failure at most, and drops it where it comes up in the middle of a
    /// batch: there may be fewer of these than datagrams refused, but the last one is always told,
    /// here or by [`ReceiveBatch::receive`](super::ReceiveBatch::receive).
    Earlier(io::Error),
}

/// In bytes: datagrams of this length need no fragments anywhere. Where a run of them is refused,
/// every run is.
const SHORT: usize = 512;

impl<B: AsRef<[u8]>> SendBatch<B> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            left: 0,
            longest: 0,
            hops: Hops::unshared(),
        }
    }

    /// Has neighbours of one length to one peer leave in runs, which the system cuts; false where
    /// it cannot by sockets such as `fd`, which changes nothing. Runs that are refused leave as
    /// datagrams, and are not tried again.
    pub fn enable_runs(&mut self, fd: BorrowedFd<'_>) -> bool {
        let is_known = knows_runs(fd);
        if is_known {
            self.longest = MAX_RUN / 2;
        }
        is_known
    }

    /// Has the socket told of a time to live that many leave with, by what is known of it.
    pub fn share_hops(&mut self, hops: Hops) {
        self.hops = hops;
    }

    /// Queues a datagram to `to`, or to the socket's own peer, with a time to live (IPv6: hop
    /// limit) of its own or with the socket's.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an address that cannot be sent to; nothing is queued then.
    pub fn push(&mut self, bytes: B, to: Option<&PeerAddr>, ttl: Option<u8>) -> io::Result<()> {
        let to = Destination::new(to)?;
        self.queue.push_back(Outgoing { bytes, to, ttl });
        Ok(())
    }

    /// Gives the system as many datagrams as it takes, without waiting. What leaves the queue waits
    /// for [`take_left`](Self::take_left): what was sent, and then what [`Stop::Failed`] is about.
    ///
    /// Every failure is told by [`Stop`], and concerns one datagram: a lasting one, such as a socket
    /// that is not connected, comes up for each.
    pub fn flush(&mut self, fd: BorrowedFd<'_>) -> Flushed {
        let mut sent = 0;
        let mut earlier = None;
        while !self.is_empty() {
            // A failure says nothing about whose it is. A message that goes through when tried
            // again, alone, was stopped by the news of another one.
            let most = if earlier.is_some() { 1 } else { MAX_BATCH };
            match self.send_front(fd, most) {
                Ok(count) => {
                    self.left += count;
                    sent += count;
                    if let Some(error) = earlier {
                        let stop = Stop::Earlier(error);
                        return Flushed { sent, stop };
                    }
                }
                Err(failure) => {
                    let is_refusal = failure.may_be_refusal();
                    let Failure { error, segment } = failure;
                    let back_pressure = match error.raw_os_error() {
                        Some(libc::EAGAIN) => Some(Stop::Blocked),
                        Some(libc::ENOBUFS | libc::ENOMEM) => Some(Stop::Busy),
                        _ => None,
                    };
                    let stop = match (back_pressure, earlier.take()) {
                        (Some(_), Some(earlier)) => Stop::Earlier(earlier),
                        (Some(stop), None) => stop,
                        (None, None) => {
                            earlier = Some(error);
                            continue;
                        }
                        (None, Some(first)) if is_refusal => {
                            self.refuse(segment.unwrap_or(0), &error);
                            // It was told twice, unless the first time was about something else.
                            earlier = Some(first).filter(|first| is_other(first, &error));
                            continue;
                        }
                        (None, Some(_)) => {
                            self.give_up();
                            Stop::Failed(error)
                        }
                    };
                    return Flushed { sent, stop };
                }
            }
        }
        Flushed {
            sent,
            stop: Stop::Empty,
        }
    }

    /// The datagram that would be sent next leaves the queue unsent; false where there is none.
    pub fn give_up(&mut self) -> bool {
        let is_some = !self.is_empty();
        self.left += usize::from(is_some);
        is_some
    }

    /// Takes back what left the queue first of what has left it and was not taken back.
    pub fn take_left(&mut self) -> Option<B> {
        self.left = self.left.checked_sub(1)?;
        self.queue.pop_front().map(|outgoing| outgoing.bytes)
    }

    /// The datagram that would be sent next.
    #[must_use]
    pub fn front(&self) -> Option<&B> {
        let front = self.queue.get(self.left);
        front.map(|outgoing| &outgoing.bytes)
    }

    /// The datagram that was queued last.
    pub fn back_mut(&mut self) -> Option<&mut B> {
        let index = self.queue.len().checked_sub(1)?;
        let back = self.queue.get_mut(index).filter(|_| self.left <= index)?;
        Some(&mut back.bytes)
    }

    /// Datagrams queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len() - self.left
    }

    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many have left the queue and were not taken back.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// In bytes: datagrams up to this length may leave in runs.
    #[must_use]
    pub const fn longest_in_runs(&self) -> usize {
        self.longest
    }

    /// What is known of the socket's time to live, for what is sent past the queue.
    pub const fn hops_mut(&mut self) -> &mut Hops {
        &mut self.hops
    }

    /// One system call for up to `most` messages of a queue that is not empty.
    fn send_front(&mut self, fd: BorrowedFd<'_>, most: usize) -> Result<usize, Failure> {
        let letters = self.queue.range(self.left..).map(|outgoing| {
            let bytes = outgoing.bytes.as_ref();
            Letter {
                bytes,
                segment: bytes.len(),
                name: outgoing.to.as_bytes(),
                families: outgoing.to.families(),
                ttl: outgoing.ttl,
            }
        });
        give(fd, letters, most, self.longest, &mut self.hops)
    }

    /// Takes that the system cuts no runs of datagrams of this length.
    fn refuse(&mut self, segment: usize, error: &io::Error) {
        let is_for_all = segment <= SHORT || error.raw_os_error() == Some(libc::EIO);
        self.longest = if is_for_all { 0 } else { segment - 1 };
    }
}

impl<B: AsRef<[u8]>> Default for SendBatch<B> {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether two errors are of different kinds.
fn is_other(one: &io::Error, other: &io::Error) -> bool {
    one.raw_os_error() != other.raw_os_error()
}
