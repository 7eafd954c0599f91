//! Datagrams in batches: one system call receives or sends many.

pub mod segments;

use std::collections::VecDeque;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

pub use crate::addr::PeerAddr;
use crate::addr::{Destination, Families, RawAddr};
use crate::socket::{self, Domain};

/// Datagrams that one system call takes or gives at most. Beyond some dozens the call itself no
/// longer counts, and the headers of all stand on the stack.
pub const MAX_BATCH: usize = 64;

/// Room for the datagrams of one call, used again and again.
///
/// ```
/// # use std::{net::UdpSocket, os::fd::AsFd};
/// # use sockpit_sys::datagram::ReceiveBatch;
/// # let socket = UdpSocket::bind("127.0.0.1:0")?;
/// # socket.send_to(b"hello", socket.local_addr()?)?;
/// let mut batch = ReceiveBatch::new(32, 2048);
/// if batch.receive(socket.as_fd())? > 0 {
///     for datagram in batch.iter() {
///         assert_eq!((datagram.bytes, datagram.full_len), (&b"hello"[..], 5));
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ReceiveBatch {
    /// In bytes: the room of one slot.
    size: usize,
    /// The slots side by side. Zeroed memory that nobody touched costs none.
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    /// Slots that hold a datagram of the latest call.
    filled: usize,
    /// Whether the kernel is given room for control messages. It is not by default: a Unix peer
    /// could fill it with descriptors, which would then be open here.
    wants_ttl: bool,
}

/// What the kernel says of one datagram.
#[derive(Clone)]
struct Slot {
    from: RawAddr,
    from_len: libc::socklen_t,
    full_len: usize,
    ttl: Option<u8>,
}

/// A datagram as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Its bytes, as many as a slot holds.
    pub bytes: &'a [u8],
    /// Its length in bytes when it arrived; more than `bytes` has where it was truncated.
    pub full_len: usize,
    /// Who sent it; `None` for an address of an unknown family.
    pub from: Option<PeerAddr>,
    /// Its time to live (IPv6: hop limit) on arrival, after [`ReceiveBatch::enable_ttl`].
    pub ttl: Option<u8>,
}

impl Received<'_> {
    /// Whether the slot was too small for it.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.full_len > self.bytes.len()
    }
}

impl ReceiveBatch {
    /// Room for `slots` datagrams (1 to [`MAX_BATCH`]) of `size` bytes each (1 at least).
    #[must_use]
    pub fn new(slots: usize, size: usize) -> Self {
        let slots = slots.clamp(1, MAX_BATCH);
        let size = size.max(1);
        let empty = Slot {
            from: RawAddr::EMPTY,
            from_len: 0,
            full_len: 0,
            ttl: None,
        };
        Self {
            size,
            bytes: vec![0; slots * size],
            slots: vec![empty; slots],
            filled: 0,
            wants_ttl: false,
        }
    }

    /// Makes the internet socket `fd` tell the time to live of each datagram, and this batch take
    /// it. Use the batch with no Unix socket afterwards.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` for a socket of another family.
    pub fn enable_ttl(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        enable_receive_ttl(fd)?;
        self.wants_ttl = true;
        Ok(())
    }

    /// Takes what has arrived, as many datagrams as there are slots, without waiting; the ones of
    /// the call before are forgotten. Gives how many came.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none. `ConnectionRefused` and other failures of datagrams sent
    /// earlier come up here too: they do not end the socket, call again.
    pub fn receive(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        self.filled = 0;
        let count = self.slots.len();
        let mut tables = Tables::<Control>::new();
        let places = self.bytes.chunks_exact_mut(self.size).zip(&mut self.slots);
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
            if self.wants_ttl {
                header.msg_hdr.msg_control = row.control.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = size_of::<Control>() as _;
            }
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
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
            slot.full_len = header.msg_len as usize;
            slot.ttl = if self.wants_ttl {
                received_ttl(&header.msg_hdr)
            } else {
                None
            };
        }
        self.filled = received;
        Ok(received)
    }

    /// The datagrams of the latest call, in the order of their arrival.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Received<'_>> {
        let filled = self.slots.get(..self.filled).unwrap_or_default();
        filled
            .iter()
            .zip(self.bytes.chunks_exact(self.size))
            .map(|(slot, bytes)| Received {
                bytes: bytes.get(..slot.full_len).unwrap_or(bytes),
                full_len: slot.full_len,
                from: slot.from.decode(slot.from_len),
                ttl: slot.ttl,
            })
    }
}

/// Makes an internet socket tell the time to live (IPv6: hop limit) of each datagram.
///
/// # Errors
///
/// What the system says; `InvalidInput` for a socket of another family.
pub fn enable_receive_ttl(fd: BorrowedFd<'_>) -> io::Result<()> {
    match socket::domain(fd)? {
        Domain::V4 => socket::set_option(fd, libc::IPPROTO_IP, libc::IP_RECVTTL, 1),
        Domain::V6 => {
            // It may serve IPv4 too, and then needs both; where it does not, this one has no say.
            let _ = socket::set_option(fd, libc::IPPROTO_IP, libc::IP_RECVTTL, 1);
            socket::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1)
        }
        Domain::Unix | Domain::Other => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "only datagrams of the internet have a time to live",
        )),
    }
}

/// Datagrams on their way out, in order. What the system does not take stays queued.
///
/// The queue has no limit of its own: who pushes looks at [`len`](Self::len).
pub struct SendBatch<B> {
    queue: VecDeque<Outgoing<B>>,
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
    /// here or by [`ReceiveBatch::receive`].
    Earlier(io::Error),
}

impl<B: AsRef<[u8]>> SendBatch<B> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            queue: VecDeque::new(),
        }
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

    /// Gives the system as many datagrams as it takes, without waiting.
    ///
    /// Every failure is told by [`Stop`], and concerns one datagram: a lasting one, such as a socket
    /// that is not connected, comes up for each.
    pub fn flush(&mut self, fd: BorrowedFd<'_>) -> Flushed {
        self.flush_into(fd, &mut VecDeque::new())
    }

    /// The same, and appends what has left the queue to `left`: what was sent, and then what
    /// [`Stop::Failed`] is about.
    pub fn flush_into(&mut self, fd: BorrowedFd<'_>, left: &mut VecDeque<B>) -> Flushed {
        let mut sent = 0;
        let mut earlier = None;
        while !self.queue.is_empty() {
            // A failure says nothing about whose it is. A datagram that goes through when tried
            // again, alone, was stopped by the news of another one.
            let most = if earlier.is_some() { 1 } else { MAX_BATCH };
            match self.send_front(fd, most) {
                Ok(count) => {
                    left.extend(self.queue.drain(..count).map(|outgoing| outgoing.bytes));
                    sent += count;
                    if let Some(error) = earlier {
                        return Flushed {
                            sent,
                            stop: Stop::Earlier(error),
                        };
                    }
                }
                Err(error) => {
                    let back_pressure = match error.raw_os_error() {
                        Some(libc::EAGAIN) => Some(Stop::Blocked),
                        Some(libc::ENOBUFS | libc::ENOMEM) => Some(Stop::Busy),
                        _ => None,
                    };
                    let stop = match (back_pressure, earlier) {
                        (Some(_), Some(earlier)) => Stop::Earlier(earlier),
                        (Some(stop), None) => stop,
                        (None, None) => {
                            earlier = Some(error);
                            continue;
                        }
                        (None, Some(_)) => {
                            left.extend(self.pop_front());
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

    /// Gives up the datagram that would be sent next.
    pub fn pop_front(&mut self) -> Option<B> {
        self.queue.pop_front().map(|outgoing| outgoing.bytes)
    }

    /// The datagram that would be sent next.
    #[must_use]
    pub fn front(&self) -> Option<&B> {
        self.queue.front().map(|outgoing| &outgoing.bytes)
    }

    /// The datagram that was queued last.
    pub fn back_mut(&mut self) -> Option<&mut B> {
        self.queue.back_mut().map(|outgoing| &mut outgoing.bytes)
    }

    /// Forgets all that is queued.
    pub fn clear(&mut self) {
        self.queue.clear();
    }

    /// Datagrams queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// One system call for up to `most` datagrams of a queue that is not empty.
    fn send_front(&self, fd: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        let mut tables = Tables::<TtlControl>::new();
        let count = self.queue.len().min(most).min(MAX_BATCH);
        for (outgoing, row) in self.queue.iter().take(count).zip(tables.rows()) {
            let bytes = outgoing.bytes.as_ref();
            let header = row.header.write(EMPTY_HEADER);
            let part = row.part.write(libc::iovec {
                iov_base: bytes.as_ptr().cast_mut().cast(),
                iov_len: bytes.len(),
            });
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            let (name, len) = outgoing.to.as_name();
            header.msg_hdr.msg_name = name.cast_mut();
            header.msg_hdr.msg_namelen = len;
            if let Some(ttl) = outgoing.ttl {
                let control = row.control.write(TtlControl([0; TTL_ROOM]));
                attach_ttl(&mut header.msg_hdr, control, ttl, outgoing.to.families());
            }
        }
        retry(|| {
            // SAFETY: the first `count` headers point at bytes, names and control messages of the
            // lengths they state; all of them outlive the call, which only reads them.
            unsafe {
                libc::sendmmsg(
                    fd.as_raw_fd(),
                    tables.headers.as_mut_ptr().cast(),
                    count as libc::c_uint,
                    (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
                )
            }
        })
    }
}

impl<B: AsRef<[u8]>> Default for SendBatch<B> {
    fn default() -> Self {
        Self::new()
    }
}

/// What the system is told of the datagrams of one call. It is initialised as far as it is used:
/// most calls are about a few.
struct Tables<C> {
    headers: [MaybeUninit<libc::mmsghdr>; MAX_BATCH],
    parts: [MaybeUninit<libc::iovec>; MAX_BATCH],
    controls: [MaybeUninit<C>; MAX_BATCH],
}

/// What the system is told of one datagram.
struct Row<'a, C> {
    header: &'a mut MaybeUninit<libc::mmsghdr>,
    part: &'a mut MaybeUninit<libc::iovec>,
    control: &'a mut MaybeUninit<C>,
}

impl<C> Tables<C> {
    const fn new() -> Self {
        Self {
            headers: [const { MaybeUninit::uninit() }; MAX_BATCH],
            parts: [const { MaybeUninit::uninit() }; MAX_BATCH],
            controls: [const { MaybeUninit::uninit() }; MAX_BATCH],
        }
    }

    fn rows(&mut self) -> impl Iterator<Item = Row<'_, C>> {
        let parts = self.parts.iter_mut().zip(&mut self.controls);
        let rows = self.headers.iter_mut().zip(parts);
        rows.map(|(header, (part, control))| Row {
            header,
            part,
            control,
        })
    }
}

/// Room for the control messages of one datagram: the two that carry a time to live need 48 bytes,
/// the rest is for what else a socket may have been told to say.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 128]);

// SAFETY: the structure is made of integers and pointers, for which zero bytes are a value.
const EMPTY_HEADER: libc::mmsghdr = unsafe { mem::zeroed() };

/// In bytes: a control message with one integer, and its header.
// SAFETY: the macro only computes.
const TTL_SPACE: usize =
    unsafe { libc::CMSG_SPACE(size_of::<libc::c_int>() as libc::c_uint) } as usize;

/// In bytes: the messages of both families.
const TTL_ROOM: usize = 2 * TTL_SPACE;

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct TtlControl([u8; TTL_ROOM]);

/// Writes the time to live, for the families that may read it: the kernel takes one message from
/// its own stack and allocates for two.
fn attach_ttl(header: &mut libc::msghdr, control: &mut TtlControl, ttl: u8, families: Families) {
    const V4: (libc::c_int, libc::c_int) = (libc::IPPROTO_IP, libc::IP_TTL);
    const V6: (libc::c_int, libc::c_int) = (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT);
    let messages: &[_] = match families {
        Families::V4 => &[V4],
        Families::V6 => &[V6],
        Families::Both => &[V4, V6],
    };
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = (messages.len() * TTL_SPACE) as _;
    // SAFETY: `control` is aligned for headers and has room for both messages, so that the macros
    // give places inside of it; an integer is written where a message's data begins.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        for &(level, kind) in messages {
            (*message).cmsg_level = level;
            (*message).cmsg_type = kind;
            (*message).cmsg_len = libc::CMSG_LEN(size_of::<libc::c_int>() as libc::c_uint) as _;
            let data = libc::CMSG_DATA(message).cast::<libc::c_int>();
            ptr::write_unaligned(data, libc::c_int::from(ttl));
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
}

/// The time to live among the control messages of a datagram that the kernel has just given.
fn received_ttl(header: &libc::msghdr) -> Option<u8> {
    let kinds = [
        (libc::IPPROTO_IP, libc::IP_TTL),
        (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT),
    ];
    u8::try_from(received_integer(header, &kinds)?).ok()
}

/// The first integer of one of these levels and types, among the control messages that the kernel
/// has just given.
fn received_integer(
    header: &libc::msghdr,
    kinds: &[(libc::c_int, libc::c_int)],
) -> Option<libc::c_int> {
    // SAFETY: the kernel wrote whole messages and set the length of all; the macros walk inside
    // that length, and an integer is read only where the message says that it has one.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let kind = ((*message).cmsg_level, (*message).cmsg_type);
            let least = libc::CMSG_LEN(size_of::<libc::c_int>() as libc::c_uint) as usize;
            if kinds.contains(&kind) && (*message).cmsg_len as usize >= least {
                let data = libc::CMSG_DATA(message).cast::<libc::c_int>();
                return Some(ptr::read_unaligned(data));
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

/// Makes the call until no signal interrupts it.
fn retry(mut call: impl FnMut() -> libc::c_int) -> io::Result<usize> {
    loop {
        if let Ok(count) = usize::try_from(call()) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests;
