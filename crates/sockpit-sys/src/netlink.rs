//! Questions to the kernel over netlink(7), and its answers taken apart.
//!
//! Everything is made of small records, each with its length in front, in this machine's byte order:
//!
//! ```text
//!  message    length 4 | type 2 | flags 2 | sequence 4 | port 4 | body …       (from 4 to 4 bytes)
//!  attribute  length 2 | type 2 | body …                                       (from 4 to 4 bytes)
//! ```
//!
//! The kernel is trusted, but not with our memory: a length that does not fit ends the reading.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::poll::{self, Interest};

/// A part of the kernel that answers.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    /// Interfaces, addresses and routes (rtnetlink(7)).
    Route,
    /// Sockets (sock_diag(7)).
    Sockets,
}

/// What is asked, and how much of it.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    /// One thing.
    One(u16),
    /// All there is of a sort.
    All(u16),
}

/// Asks, and gives each message of the answer, its type and its body, to `take`.
///
/// # Errors
///
/// What the kernel answers, such as `NotFound` for a sort of sockets that it does not have;
/// `TimedOut` where it owes an answer for two seconds.
pub(crate) fn ask(
    family: Family,
    request: Request,
    body: &[u8],
    mut take: impl FnMut(u16, &[u8]),
) -> io::Result<()> {
    let socket = open(family)?;
    send(&socket, &question(request, body))?;
    let mut answer = vec![0; ANSWER_ROOM];
    loop {
        let len = receive(&socket, &mut answer)?;
        let bytes = answer.get(..len).unwrap_or_default();
        for message in messages(bytes) {
            match message.kind {
                DONE | ERROR => return verdict(message.body),
                kind => take(kind, message.body),
            }
            if message.flags & MULTI == 0 {
                return Ok(());
            }
        }
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A message of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) body: &'a [u8],
}

/// The messages of an answer, up to one whose length is wrong.
pub(crate) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let len = u32_at(bytes, 0)? as usize;
        let (kind, flags) = (u16_at(bytes, 4)?, u16_at(bytes, 6)?);
        let body = bytes.get(HEADER..len)?;
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(Message { kind, flags, body })
    })
}

/// The attributes behind a body, up to one whose length is wrong: their types and their values.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & !ATTRIBUTE_FLAGS;
        let value = bytes.get(4..len)?;
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The first byte from `offset` on.
pub(crate) fn u8_at(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(offset).copied()
}

/// The number from `offset` on, in this machine's byte order.
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// The number from `offset` on, in this machine's byte order.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// The number from `offset` on, in this machine's byte order.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// The address of a family that `bytes` begin with.
pub(crate) fn ip_of(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match libc::c_int::from(family) {
        libc::AF_INET => Some(Ipv4Addr::from(*bytes.first_chunk()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(*bytes.first_chunk()?).into()),
        _ => None,
    }
}

/// The bytes of an address.
pub(crate) fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// The family of an address, as the kernel numbers them.
pub(crate) const fn family_of(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

/// An attribute, filled up to the next four bytes.
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(4 + value.len()).expect("an attribute of ours is short");
    let mut bytes = Vec::with_capacity(4 + value.len());
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn question(request: Request, body: &[u8]) -> Vec<u8> {
    let (kind, flags) = match request {
        Request::One(kind) => (kind, libc::NLM_F_REQUEST),
        Request::All(kind) => (kind, libc::NLM_F_REQUEST | libc::NLM_F_DUMP),
    };
    let len = u32::try_from(HEADER + body.len()).expect("a question of ours is short");
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((flags as u16).to_ne_bytes());
    // No sequence number: one socket asks one question. The port is the kernel's choice.
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

/// What the end of an answer says: zero, or the number of an error below zero.
fn verdict(body: &[u8]) -> io::Result<()> {
    match u32_at(body, 0).map_or(0, u32::cast_signed) {
        0.. => Ok(()),
        code => Err(io::Error::from_raw_os_error(code.saturating_neg())),
    }
}

fn open(family: Family) -> io::Result<OwnedFd> {
    let protocol = match family {
        Family::Route => libc::NETLINK_ROUTE,
        Family::Sockets => libc::NETLINK_SOCK_DIAG,
    };
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the call touches no memory of ours.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A socket that nobody named an address for sends to the kernel.
fn send(socket: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the call reads `bytes`, which outlive it.
    let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
    if sent < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Fills `into` with the next piece of the answer; gives its length.
fn receive(socket: &OwnedFd, into: &mut [u8]) -> io::Result<usize> {
    loop {
        if poll::wait(&mut [Interest::to_read(socket.as_fd())], Some(PATIENCE))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let fd = socket.as_raw_fd();
        // SAFETY: the call writes at most the length of `into`, which outlives it.
        let len = unsafe { libc::recv(fd, into.as_mut_ptr().cast(), into.len(), 0) };
        if let Ok(len) = usize::try_from(len) {
            return Ok(len);
        }
        let error = io::Error::last_os_error();
        let is_passing = [io::ErrorKind::Interrupted, io::ErrorKind::WouldBlock];
        if !is_passing.contains(&error.kind()) {
            return Err(error);
        }
    }
}

/// In bytes: `struct nlmsghdr`.
const HEADER: usize = 16;

/// `NLMSG_DONE` and `NLMSG_ERROR`: the ends of an answer.
const DONE: u16 = 3;
const ERROR: u16 = 2;

/// `NLM_F_MULTI`: more messages follow.
const MULTI: u16 = 2;

/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`, which are no part of the type.
const ATTRIBUTE_FLAGS: u16 = 0xc000;

/// In bytes: the kernel answers in pieces of 32 KiB at most.
const ANSWER_ROOM: usize = 64 * 1024;

/// The kernel answers at once; one that does not must not hold up an error message.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
