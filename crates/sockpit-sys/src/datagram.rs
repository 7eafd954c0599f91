//! Datagrams in batches: one system call receives or sends many.

mod control;
mod giving;
mod hops;
mod receive;
pub mod segments;
mod send;

use std::io;
use std::mem;
use std::os::fd::BorrowedFd;

pub use crate::addr::PeerAddr;
use crate::socket::{self, Domain};
pub use hops::Hops;
pub use receive::{RUN_ROOM, ReceiveBatch, Return, Run};
pub use send::{Flushed, SendBatch, Stop};

/// Datagrams that one system call takes or gives at most. Beyond some dozens the call itself no
/// longer counts, and the headers of all stand on the stack.
pub const MAX_BATCH: usize = 64;

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

// SAFETY: the structure is made of integers and pointers, for which zero bytes are a value.
const EMPTY_HEADER: libc::mmsghdr = unsafe { mem::zeroed() };

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
