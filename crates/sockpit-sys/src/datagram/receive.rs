//! Receiving: one call takes many datagrams, and those of one sender that arrived side by side as
//! one run, where the system joins them (`UDP_GRO`, udp(7)).

use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};

use super::control::{Control, Told};
use super::giving::{Failure, Letter, give};
use super::{EMPTY_HEADER, Hops, MAX_BATCH, PeerAddr, enable_receive_ttl, retry};
use crate::addr::RawAddr;
use crate::socket;

/// In bytes: room for whatever one read can give: a run, or the longest datagram.
pub const RUN_ROOM: usize = 65_536;

/// Room for the datagrams of one call, used again and again.
///
/// ```
/// # use std::{net::UdpSocket, os::fd::AsFd};
/// # use sockpit_sys::datagram::ReceiveBatch;
/// # let socket = UdpSocket::bind("127.0.0.1:0")?;
/// # socket.send_to(b"hello", socket.local_addr()?)?;
/// let mut batch = ReceiveBatch::new(32, 2048);
/// if batch.receive(socket.as_fd())? > 0 {
///     for run in batch.runs() {
///         for datagram in run.datagrams() {
///             assert_eq!((datagram, run.full_len), (&b"hello"[..], 5));
///         }
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ReceiveBatch {
    /// In bytes: the room of one slot.
    size: usize,
    /// One for each slot, made once: they lead to the slots and the bytes.
    headers: Box<[libc::mmsghdr]>,
    /// Owned. Only the kernel writes to them, while it is asked.
    slots: NonNull<[Slot]>,
    /// Owned, as the slots: their bytes side by side. Zeroed memory that nobody touched costs none.
    bytes: NonNull<[u8]>,
    /// Slots that hold something of the latest call.
    filled: usize,
    /// Whether the kernel is given room for control messages. It is not by default: a Unix peer
    /// could fill it with descriptors, which would then be open here.
    wants_control: bool,
}

// SAFETY: the memory belongs to the batch alone, and is written to only by who borrows it mutably.
unsafe impl Send for ReceiveBatch {}
// SAFETY: as for `Send`.
unsafe impl Sync for ReceiveBatch {}

/// What the headers of one read lead to.
#[derive(Clone)]
struct Slot {
    part: libc::iovec,
    from: RawAddr,
    control: Control,
}

/// What one read gave: a datagram, or datagrams of one sender that arrived side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// The bytes of all of them, as many as a slot holds.
    pub bytes: &'a [u8],
    /// In bytes: each datagram but the last, which may be shorter.
    pub segment: usize,
    /// In bytes: how long it was when it arrived; more than `bytes` has where a datagram was
    /// truncated, which then came alone.
    pub full_len: usize,
    /// Who sent them; `None` for an address of an unknown family.
    pub from: Option<PeerAddr>,
    /// Their time to live (IPv6: hop limit) on arrival, after [`ReceiveBatch::enable_ttl`]. The
    /// system joins only those that have the same.
    pub ttl: Option<u8>,
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

    /// Whether the slot was too small for it.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.full_len > self.bytes.len()
    }
}

/// What goes back to whom it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The place of its run among those of the latest call.
    pub run: usize,
    /// Which of the run's bytes: whole datagrams.
    pub bytes: Range<usize>,
    /// In bytes, as of the run: each datagram but the last.
    pub segment: usize,
    /// The time to live that it leaves with; `None` is the socket's own.
    pub ttl: Option<u8>,
}

impl ReceiveBatch {
    /// Room for `slots` reads (1 to [`MAX_BATCH`]) of `size` bytes each (1 at least), of one socket
    /// or of many in turn.
    #[must_use]
    pub fn new(slots: usize, size: usize) -> Self {
        let slots = slots.clamp(1, MAX_BATCH);
        let size = size.max(1);
        let empty = Slot {
            part: libc::iovec {
                iov_base: ptr::null_mut(),
                iov_len: 0,
            },
            from: RawAddr::EMPTY,
            control: Control::EMPTY,
        };
        let bytes = NonNull::from(Box::leak(vec![0; slots * size].into_boxed_slice()));
        let places = NonNull::from(Box::leak(vec![empty; slots].into_boxed_slice()));
        let header = |index| {
            let mut header = EMPTY_HEADER;
            // SAFETY: the slot and its bytes are inside of what was allocated above, which nobody
            // else borrows; no reference is made to either.
            unsafe {
                let slot = places.cast::<Slot>().as_ptr().add(index);
                (*slot).part = libc::iovec {
                    iov_base: bytes.cast::<u8>().as_ptr().add(index * size).cast(),
                    iov_len: size,
                };
                header.msg_hdr.msg_iov = &raw mut (*slot).part;
                header.msg_hdr.msg_name = RawAddr::place(&raw mut (*slot).from);
            }
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_namelen = RawAddr::ROOM;
            header
        };
        Self {
            size,
            headers: (0..slots).map(header).collect(),
            slots: places,
            bytes,
            filled: 0,
            wants_control: false,
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
        self.want_control();
        Ok(())
    }

    /// Has the system hand the datagrams of `fd` over in runs; false where it cannot, or where a
    /// slot has less room than [`RUN_ROOM`], which changes nothing else. Whoever reads from that
    /// socket in another way must expect runs. Use the batch with no Unix socket afterwards.
    pub fn enable_runs(&mut self, fd: BorrowedFd<'_>) -> bool {
        let is_enabled = RUN_ROOM <= self.size
            && socket::set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1).is_ok();
        if is_enabled {
            self.want_control();
        }
        is_enabled
    }

    /// Takes what has arrived, as many reads as there are slots, without waiting; those of the call
    /// before are forgotten. Gives how many came: where they are fewer than there are slots, nothing
    /// was left.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none. `ConnectionRefused` and other failures of datagrams sent
    /// earlier come up here too: they do not end the socket, call again.
    pub fn receive(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        self.renew();
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
        let received = retry(|| {
            // SAFETY: the headers lead to buffers, names and control rooms of the lengths they
            // state, all of which belong to this batch, which is borrowed mutably.
            unsafe {
                libc::recvmmsg(
                    fd.as_raw_fd(),
                    self.headers.as_mut_ptr(),
                    self.headers.len() as libc::c_uint,
                    flags as _,
                    ptr::null_mut(),
                )
            }
        })?;
        self.filled = received;
        Ok(received)
    }

    /// What the latest call gave, in the order of arrival.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Run<'_>> {
        let rows = self.filled_headers().iter().zip(self.slots());
        rows.zip(self.bytes().chunks_exact(self.size))
            .map(|((header, slot), bytes)| {
                let full_len = header.msg_len as usize;
                let told = match self.wants_control {
                    true => Told::of(&header.msg_hdr),
                    false => Told::default(),
                };
                Run {
                    bytes: bytes.get(..full_len).unwrap_or(bytes),
                    segment: told.segment.unwrap_or(full_len),
                    full_len,
                    from: slot.from.decode(header.msg_hdr.msg_namelen),
                    ttl: told.ttl,
                }
            })
    }

    /// Sends parts of what the latest call gave back to whom they came from, by `fd`, straight from
    /// where they lie; in runs where their datagrams have `longest` bytes at most, and with the
    /// socket's `hops`. Gives how many of `returns` have left, which are the first ones, and why no
    /// more did.
    pub fn send_back(
        &self,
        fd: BorrowedFd<'_>,
        returns: &[Return],
        longest: usize,
        hops: &mut Hops,
    ) -> (usize, io::Result<()>) {
        let mut left = 0;
        while let Some(rest) = returns.get(left..)
            && !rest.is_empty()
        {
            let letters = rest.iter().map_while(|back| self.letter(back, longest));
            match give(fd, letters, MAX_BATCH, longest, hops) {
                Ok(0) => break,
                Ok(sent) => left += sent,
                Err(Failure { error, .. }) => return (left, Err(error)),
            }
        }
        (left, Ok(()))
    }

    /// What is sent of a run; `None` for one that the system would have to cut and does not.
    fn letter(&self, back: &Return, longest: usize) -> Option<Letter<'_>> {
        let header = self.filled_headers().get(back.run)?;
        let slot = self.slots().get(back.run)?;
        let start = back.run * self.size;
        let bytes = self.bytes().get(start..start + self.size)?;
        let bytes = bytes.get(back.bytes.clone())?;
        let segment = match back.segment {
            0 => bytes.len(),
            segment => segment.min(bytes.len()),
        };
        (segment <= longest || segment == bytes.len()).then(|| Letter {
            bytes,
            segment,
            name: slot.from.as_bytes(header.msg_hdr.msg_namelen),
            families: slot.from.families(),
            ttl: back.ttl,
        })
    }

    /// Makes the headers that the kernel has written to as they were.
    fn renew(&mut self) {
        let control_len = if self.wants_control {
            size_of::<Control>()
        } else {
            0
        };
        for header in self.headers.iter_mut().take(self.filled.max(1)) {
            header.msg_hdr.msg_namelen = RawAddr::ROOM;
            header.msg_hdr.msg_controllen = control_len as _;
        }
        self.filled = 0;
    }

    fn want_control(&mut self) {
        self.wants_control = true;
        self.filled = 0;
        for (index, header) in self.headers.iter_mut().enumerate() {
            // SAFETY: there are as many slots as headers; no reference is made to one.
            let control =
                unsafe { &raw mut (*self.slots.cast::<Slot>().as_ptr().add(index)).control };
            header.msg_hdr.msg_control = control.cast();
            header.msg_hdr.msg_controllen = size_of::<Control>() as _;
        }
    }

    fn filled_headers(&self) -> &[libc::mmsghdr] {
        self.headers.get(..self.filled).unwrap_or_default()
    }

    fn slots(&self) -> &[Slot] {
        // SAFETY: they belong to the batch, and only `receive` has them written to, by a mutable
        // borrow. All bytes were initialised.
        unsafe { self.slots.as_ref() }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: as for the slots.
        unsafe { self.bytes.as_ref() }
    }
}

impl Drop for ReceiveBatch {
    fn drop(&mut self) {
        // SAFETY: both were leaked from boxes when the batch was made, and nobody else has them.
        unsafe {
            drop(Box::from_raw(self.slots.as_ptr()));
            drop(Box::from_raw(self.bytes.as_ptr()));
        }
    }
}
