//! Many datagrams by one walk through the system: the sender hands over one run of bytes that the
//! kernel, or the card, cuts into equal datagrams (`UDP_SEGMENT`, udp(7)), and the receiver may get
//! what arrived side by side as one run again.
//!
//! Each datagram keeps its boundaries. Where the system cannot do it, datagrams go and come one by
//! one, and nobody notices but the clock.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::BorrowedFd;

use super::giving::{Failure, Letter, MAX_RUN, MAX_SEGMENTS, give, knows_runs};
use super::{Hops, MAX_BATCH, PeerAddr};
use crate::addr::Destination;

/// Runs that one system call sends at most: a megabyte, more than a socket's buffer holds.
const MAX_RUNS: usize = 16;

/// Sends runs of equal datagrams.
///
/// ```
/// # use std::{net::UdpSocket, num::NonZeroUsize, os::fd::AsFd};
/// # use sockpit_sys::datagram::{RUN_ROOM, ReceiveBatch, segments::RunSender};
/// # let receiving = UdpSocket::bind("127.0.0.1:0")?;
/// # let sending = UdpSocket::bind("127.0.0.1:0")?;
/// # sending.connect(receiving.local_addr()?)?;
/// let mut receiver = ReceiveBatch::new(4, RUN_ROOM);
/// receiver.enable_runs(receiving.as_fd());
/// let mut sender = RunSender::new(sending.as_fd(), NonZeroUsize::new(5).unwrap());
/// assert_eq!(sender.send(sending.as_fd(), b"one..two..3", None)?, 11);
///
/// let mut seen: Vec<Vec<u8>> = Vec::new();
/// while seen.len() < 3 {
///     receiver.receive(receiving.as_fd())?;
///     for run in receiver.runs() {
///         seen.extend(run.datagrams().map(<[u8]>::to_vec));
///     }
/// }
/// assert_eq!(seen, [&b"one.."[..], b"two..", b"3"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RunSender {
    /// In bytes: each datagram but the last of a call.
    segment: usize,
    /// Datagrams in a run; 1 where the system takes no runs.
    segments: usize,
}

impl RunSender {
    /// Will send datagrams of `segment` bytes each by sockets such as `fd`.
    #[must_use]
    pub fn new(fd: BorrowedFd<'_>, segment: NonZeroUsize) -> Self {
        let segment = segment.get();
        let fitting = (MAX_RUN / segment).clamp(1, MAX_SEGMENTS);
        Self {
            segment,
            segments: if knows_runs(fd) { fitting } else { 1 },
        }
    }

    /// Cuts `bytes` into datagrams, the last of which may be shorter, and gives the system as many
    /// as one call takes, without waiting; to `to`, or to the socket's own peer. Gives how many
    /// bytes those were: whole datagrams; none only for no bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the socket's buffer is full: wait until it is writable. `ENOBUFS` when the
    /// device has no room: try again some milliseconds later. `ConnectionRefused` and the like tell
    /// of what was sent earlier: call again. `InvalidInput` for an address that cannot be sent to,
    /// and `EMSGSIZE` for a datagram that is too long for its socket or its way.
    pub fn send(
        &mut self,
        fd: BorrowedFd<'_>,
        bytes: &[u8],
        to: Option<&PeerAddr>,
    ) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let to = Destination::new(to)?;
        match self.send_runs(fd, bytes, &to, self.segments) {
            Err(failure) if failure.may_be_refusal() => {
                let sent = self
                    .send_runs(fd, bytes, &to, 1)
                    .map_err(|failure| failure.error)?;
                // One by one they go: it was the run that was refused.
                self.segments = 1;
                Ok(sent)
            }
            sent => sent.map_err(|failure| failure.error),
        }
    }

    /// Whether datagrams leave in runs, as far as is known: false once the system has refused.
    #[must_use]
    pub const fn is_segmenting(&self) -> bool {
        1 < self.segments
    }

    /// In bytes: what one [`send`](Self::send) takes at most.
    #[must_use]
    pub const fn most(&self) -> usize {
        let runs = if 1 < self.segments {
            MAX_RUNS
        } else {
            MAX_BATCH
        };
        runs * self.segments * self.segment
    }

    /// One system call for runs of `segments` datagrams; gives the bytes that it took.
    fn send_runs(
        &self,
        fd: BorrowedFd<'_>,
        bytes: &[u8],
        to: &Destination,
        segments: usize,
    ) -> Result<usize, Failure> {
        let run = segments * self.segment;
        let (most, longest) = match segments {
            1 => (MAX_BATCH, 0),
            _ => (MAX_RUNS, self.segment),
        };
        let letters = bytes.chunks(run).take(most).map(|bytes| Letter {
            bytes,
            segment: self.segment.min(bytes.len()),
            name: to.as_bytes(),
            families: to.families(),
            ttl: None,
        });
        let sent = give(fd, letters, most, longest, &mut Hops::unshared())?;
        Ok(bytes.len().min(sent * run))
    }
}

#[cfg(test)]
mod tests;
