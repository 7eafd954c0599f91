//! Many datagrams by one walk through the system: the sender hands over one run of bytes that the
//! kernel, or the card, cuts into equal datagrams, and the receiver gets what arrived side by side
//! as one run again (`UDP_SEGMENT` and `UDP_GRO`, udp(7)).
//!
//! Each datagram keeps its boundaries. Where the system cannot do it, datagrams go and come one by
//! one, and nobody notices but the clock.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::{Control, EMPTY_HEADER, MAX_BATCH, PeerAddr, Tables, received_integer, retry};
use crate::addr::{Destination, RawAddr};
use crate::socket;

/// Datagrams in a run at most, which every kernel that knows runs takes.
pub const MAX_SEGMENTS: usize = 64;

/// In bytes: a run at most, which is the longest payload of one IPv4 packet.
const MAX_RUN: usize = 65_507;

/// In bytes: room for whatever one read can give.
const READ_ROOM: usize = 65_536;

/// Runs that one system call sends at most: a megabyte, more than a socket's buffer holds.
const MAX_RUNS: usize = 16;

/// Sends runs of equal datagrams.
///
/// ```
/// # use std::{net::UdpSocket, num::NonZeroUsize, os::fd::AsFd};
/// # use sockpit_sys::datagram::{PeerAddr, segments::{RunReceiver, RunSender}};
/// # let receiving = UdpSocket::bind("127.0.0.1:0")?;
/// # let sending = UdpSocket::bind("127.0.0.1:0")?;
/// # sending.connect(receiving.local_addr()?)?;
/// let mut receiver = RunReceiver::new(4);
/// receiver.enable(receiving.as_fd());
/// let mut sender = RunSender::new(sending.as_fd(), NonZeroUsize::new(5).unwrap());
/// assert_eq!(sender.send(sending.as_fd(), b"one..two..3", None)?, 11);
///
/// let mut seen: Vec<Vec<u8>> = Vec::new();
/// while seen.len() < 3 {
///     receiver.receive(receiving.as_fd())?;
///     for run in receiver.iter() {
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
        // A kernel that does not know the option would send a run as one datagram.
        let mut known = [0; size_of::<libc::c_int>()];
        let is_known =
            socket::option_bytes(fd, libc::SOL_UDP, libc::UDP_SEGMENT, &mut known).is_ok();
        let segment = segment.get();
        let fitting = (MAX_RUN / segment).clamp(1, MAX_SEGMENTS);
        Self {
            segment,
            segments: if is_known { fitting } else { 1 },
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
            Err(error) if 1 < self.segments && may_be_refusal(&error) => {
                let sent = self.send_runs(fd, bytes, &to, 1)?;
                // One by one they go: it was the run that was refused.
                self.segments = 1;
                Ok(sent)
            }
            sent => sent,
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
    ) -> io::Result<usize> {
        let mut tables = Tables::<SegmentControl>::new();
        let run = segments * self.segment;
        let most = if 1 < segments { MAX_RUNS } else { MAX_BATCH };
        let mut count = 0;
        for (bytes, row) in bytes.chunks(run).zip(tables.rows()).take(most) {
            let header = row.header.write(EMPTY_HEADER);
            let part = row.part.write(libc::iovec {
                iov_base: bytes.as_ptr().cast_mut().cast(),
                iov_len: bytes.len(),
            });
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            let (name, len) = to.as_name();
            header.msg_hdr.msg_name = name.cast_mut();
            header.msg_hdr.msg_namelen = len;
            if self.segment < bytes.len() {
                let control = row.control.write(SegmentControl([0; SEGMENT_SPACE]));
                attach_segment(&mut header.msg_hdr, control, self.segment as u16);
            }
            count += 1;
        }
        let sent = retry(|| {
            // SAFETY: the first `count` headers point at bytes, names and control messages of the
            // lengths they state; all of them outlive the call, which only reads them.
            unsafe {
                libc::sendmmsg(
                    fd.as_raw_fd(),
                    tables.headers.as_mut_ptr().cast(),
                    count,
                    (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
                )
            }
        })?;
        Ok(bytes.len().min(sent * run))
    }
}

/// Whether it may be the run that the system does not want, and not its datagrams: a device without
/// checksums, a datagram that has to be fragmented, a way through IPsec.
fn may_be_refusal(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::EIO | libc::EMSGSIZE | libc::EOPNOTSUPP | libc::ENOPROTOOPT)
    )
}

/// Room for the runs of one call, used again and again.
pub struct RunReceiver {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    /// Slots that hold a run of the latest call.
    filled: usize,
    /// Whether a socket gives runs, and the kernel therefore room for control messages.
    is_coalescing: bool,
}

/// What the kernel says of one read.
#[derive(Clone)]
struct Slot {
    from: RawAddr,
    from_len: libc::socklen_t,
    len: usize,
    segment: usize,
}

/// Datagrams of one sender that arrived side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// The bytes of all of them.
    pub bytes: &'a [u8],
    /// In bytes: each datagram but the last, which may be shorter.
    pub segment: usize,
    /// Who sent them; `None` for an address of an unknown family.
    pub from: Option<PeerAddr>,
}

impl<'a> Run<'a> {
    /// The datagrams, in the order of their arrival: one at least, which may be empty.
    pub fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let empty = self.bytes.is_empty().then_some(self.bytes);
        self.bytes.chunks(self.segment.max(1)).chain(empty)
    }

    /// How many datagrams it has.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self.bytes.len() {
            0 => 1,
            len if self.segment == 0 => len,
            len => len.div_ceil(self.segment),
        }
    }
}

impl RunReceiver {
    /// Room for `reads` runs (1 to [`MAX_BATCH`]), 64 KiB each, of one socket or of many in turn.
    #[must_use]
    pub fn new(reads: usize) -> Self {
        let reads = reads.clamp(1, MAX_BATCH);
        let empty = Slot {
            from: RawAddr::EMPTY,
            from_len: 0,
            len: 0,
            segment: 0,
        };
        Self {
            bytes: vec![0; reads * READ_ROOM],
            slots: vec![empty; reads],
            filled: 0,
            is_coalescing: false,
        }
    }

    /// Has the system hand the datagrams of `fd` over in runs; false where it cannot, which changes
    /// nothing else. Whoever reads from that socket in another way must expect runs, and whoever
    /// uses this receiver for a Unix socket afterwards, descriptors of its peers.
    pub fn enable(&mut self, fd: BorrowedFd<'_>) -> bool {
        let is_enabled = socket::set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1).is_ok();
        self.is_coalescing |= is_enabled;
        is_enabled
    }

    /// Takes what has arrived, as many runs as there is room for, without waiting; the ones of the
    /// call before are forgotten. Gives how many runs came: where they are fewer than there is room
    /// for, nothing is left.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none. `ConnectionRefused` and other failures of datagrams sent
    /// earlier come up here too: they do not end the socket, call again.
    pub fn receive(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        self.filled = 0;
        let count = self.slots.len();
        let mut tables = Tables::<Control>::new();
        let places = self.bytes.chunks_exact_mut(READ_ROOM).zip(&mut self.slots);
        for ((bytes, slot), row) in places.zip(tables.rows()) {
            let header = row.header.write(EMPTY_HEADER);
            let part = row.part.write(libc::iovec {
                iov_base: bytes.as_mut_ptr().cast(),
                iov_len: bytes.len(),
            });
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = slot.from.as_mut_ptr();
            header.msg_hdr.msg_namelen = RawAddr::ROOM;
            if self.is_coalescing {
                header.msg_hdr.msg_control = row.control.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = size_of::<Control>() as _;
            }
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        let received = retry(|| {
            // SAFETY: the first `count` headers point at buffers, names and control rooms of the
            // lengths they state, all of which outlive the call and are borrowed by nobody else.
            unsafe {
                libc::recvmmsg(
                    fd.as_raw_fd(),
                    tables.headers.as_mut_ptr().cast(),
                    count as libc::c_uint,
                    flags as _,
                    ptr::null_mut(),
                )
            }
        })?;
        for (slot, header) in self.slots.iter_mut().zip(&tables.headers).take(received) {
            // SAFETY: a header was written for each slot, and there is no more received than that.
            let header = unsafe { header.assume_init_ref() };
            slot.from_len = header.msg_hdr.msg_namelen;
            slot.len = header.msg_len as usize;
            slot.segment = match self.is_coalescing {
                true => received_segment(&header.msg_hdr).unwrap_or(slot.len),
                false => slot.len,
            };
        }
        self.filled = received;
        Ok(received)
    }

    /// The runs of the latest call, in the order of their arrival.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Run<'_>> {
        let filled = self.slots.get(..self.filled).unwrap_or_default();
        filled
            .iter()
            .zip(self.bytes.chunks_exact(READ_ROOM))
            .map(|(slot, bytes)| Run {
                bytes: bytes.get(..slot.len).unwrap_or(bytes),
                segment: slot.segment,
                from: slot.from.decode(slot.from_len),
            })
    }
}

/// In bytes: a control message with the length of a segment, and its header.
// SAFETY: the macro only computes.
const SEGMENT_SPACE: usize = unsafe { libc::CMSG_SPACE(size_of::<u16>() as libc::c_uint) } as usize;

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct SegmentControl([u8; SEGMENT_SPACE]);

/// Has a message cut into datagrams of `segment` bytes.
fn attach_segment(header: &mut libc::msghdr, control: &mut SegmentControl, segment: u16) {
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = SEGMENT_SPACE as _;
    // SAFETY: `control` is aligned for a header and has room for it and for the two bytes that are
    // written where its data begins.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = libc::SOL_UDP;
        (*message).cmsg_type = libc::UDP_SEGMENT;
        (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as libc::c_uint) as _;
        ptr::write_unaligned(libc::CMSG_DATA(message).cast::<u16>(), segment);
    }
}

/// In bytes: the length of a run's datagrams, among the control messages that the kernel has just
/// given; `None` for a datagram that came alone.
fn received_segment(header: &libc::msghdr) -> Option<usize> {
    let segment = received_integer(header, &[(libc::SOL_UDP, libc::UDP_GRO)])?;
    usize::try_from(segment).ok()
}

#[cfg(test)]
mod tests;
