//! The error queue of a socket: what the kernel has to say about packets that left it (ip(7)).
//!
//! Each entry comes as control messages, in this machine's byte order:
//!
//! ```text
//!  length, a word | level 4 | type 4 | body …                    (from word to word)
//! ```

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::addr::{PeerAddr, RawAddr};
use crate::netlink::u32_at;

/// Room for the control messages of one entry.
#[repr(C, align(8))]
pub(crate) struct Room([u8; ROOM]);

/// A control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control<'a> {
    pub(crate) level: libc::c_int,
    pub(crate) kind: libc::c_int,
    pub(crate) body: &'a [u8],
}

impl Room {
    pub(crate) const fn new() -> Self {
        Self([0; ROOM])
    }

    /// Takes the next entry off the queue; gives its control messages, or `None` where there is no
    /// entry.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn take(&mut self, fd: BorrowedFd<'_>) -> io::Result<Option<&[u8]>> {
        Ok(self.take_named(fd)?.map(|(controls, _)| controls))
    }

    /// The same, with the address that the packet was sent to.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn take_named(
        &mut self,
        fd: BorrowedFd<'_>,
    ) -> io::Result<Option<(&[u8], Option<PeerAddr>)>> {
        let mut name = RawAddr::EMPTY;
        // SAFETY: the structure is made of integers and pointers, for which zero bytes are a value.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_name = name.as_mut_ptr();
        message.msg_namelen = RawAddr::ROOM;
        message.msg_control = self.0.as_mut_ptr().cast();
        message.msg_controllen = ROOM as _;
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        // SAFETY: the call writes at most the stated lengths of the room and of the name, which
        // outlive it, and no bytes of the packet, for which there is no room.
        let done = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) };
        if done < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock => Ok(None),
                _ => Err(error),
            };
        }
        let len = message.msg_controllen as usize;
        let to = name.decode(message.msg_namelen);
        Ok(Some((self.0.get(..len).unwrap_or(&self.0), to)))
    }
}

/// The control messages in `bytes`, up to one whose length is wrong.
pub(crate) fn controls(mut bytes: &[u8]) -> impl Iterator<Item = Control<'_>> {
    std::iter::from_fn(move || {
        let len = usize::from_ne_bytes(*bytes.first_chunk()?);
        let level = u32_at(bytes, HEADER - 8)?.cast_signed();
        let kind = u32_at(bytes, HEADER - 4)?.cast_signed();
        let body = bytes.get(HEADER..len)?;
        bytes = bytes
            .get(len.next_multiple_of(size_of::<usize>())..)
            .unwrap_or_default();
        Some(Control { level, kind, body })
    })
}

/// What a `struct sock_extended_err` stands in, of either family.
pub(crate) const fn is_report(control: &Control<'_>) -> bool {
    matches!(
        (control.level, control.kind),
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
    )
}

/// In bytes: `struct cmsghdr`, whose length is a word.
const HEADER: usize = size_of::<usize>() + 8;

/// In bytes: a report with an IPv6 address, times, and the statistics of TCP take half of it.
const ROOM: usize = 1024;
