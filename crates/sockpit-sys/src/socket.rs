//! What a socket knows and socket2 does not ask: the path's MTU, its queues, who holds the other
//! end.

use std::io;
#[cfg(target_os = "linux")]
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

#[cfg(target_os = "linux")]
use crate::netlink::u32_at;

/// The largest packet in bytes that the way to a connected socket's peer carries whole, headers
/// included, as far as it is known.
///
/// # Errors
///
/// `NotConnected`, or `InvalidInput` for a socket that is not of the internet.
#[cfg(target_os = "linux")]
pub fn path_mtu(fd: BorrowedFd<'_>) -> io::Result<u32> {
    let mtu: libc::c_int = match domain(fd)? {
        Domain::V4 => option(fd, libc::IPPROTO_IP, libc::IP_MTU)?,
        // An IPv6 socket whose peer is an IPv4 address has only the other one.
        Domain::V6 => option(fd, libc::IPPROTO_IPV6, libc::IPV6_MTU)
            .or_else(|error| option(fd, libc::IPPROTO_IP, libc::IP_MTU).map_err(|_| error))?,
        Domain::Unix | Domain::Other => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "only sockets of the internet have an MTU",
            ));
        }
    };
    amount(mtu)
}

/// Bytes that were written to a stream and that the peer's system has not acknowledged; on other
/// sockets those that have not left.
///
/// # Errors
///
/// What the system says.
#[cfg(target_os = "linux")]
pub fn unsent(fd: BorrowedFd<'_>) -> io::Result<u32> {
    ioctl(fd, libc::TIOCOUTQ)
}

/// Bytes that have arrived and were not read: all of them on a stream, those of the next datagram
/// elsewhere.
///
/// # Errors
///
/// What the system says.
pub fn unread(fd: BorrowedFd<'_>) -> io::Result<u32> {
    ioctl(fd, libc::FIONREAD)
}

/// What a socket may hold, as the kernel counts it: payload with what it costs to keep it.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Limit of what has come and was not read, in bytes.
    pub receive_limit: u32,
    /// Limit of what was written and is not acknowledged, in bytes.
    pub send_limit: u32,
    /// Packets that came and were thrown away.
    pub drops: u32,
}

#[cfg(target_os = "linux")]
impl Memory {
    /// Asks about a socket.
    ///
    /// # Errors
    ///
    /// What the system says, such as of a kernel before 4.12, which does not tell.
    pub fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let mut bytes = [0; 64];
        let len = option_bytes(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut bytes)?;
        let read = Self::parse(bytes.get(..len).unwrap_or(&bytes));
        read.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Reads the numbers of `SK_MEMINFO_…` (linux/sock_diag.h), 4 bytes each:
    ///
    /// ```text
    ///  0  received | limit | sent | limit | reserved | queued | options | backlog | drops
    /// ```
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            receive_limit: u32_at(bytes, 4)?,
            send_limit: u32_at(bytes, 12)?,
            drops: u32_at(bytes, 32)?,
        })
    }
}

/// Makes a listening TCP socket keep the first packet of each connection, for [`saved_syn`].
///
/// # Errors
///
/// What the system says, such as that it is no TCP socket.
#[cfg(target_os = "linux")]
pub fn save_syn(listener: BorrowedFd<'_>) -> io::Result<()> {
    set_option(listener, libc::IPPROTO_TCP, libc::TCP_SAVE_SYN, 1)
}

/// The packet with which the peer of an accepted TCP socket asked for the connection: its IP and TCP
/// headers, options included. `None` where the listener did not [`save_syn`], or it was given
/// before.
///
/// # Errors
///
/// What the system says, such as that it is no TCP socket.
#[cfg(target_os = "linux")]
pub fn saved_syn(accepted: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; SYN_ROOM];
    let len = option_bytes(accepted, libc::IPPROTO_TCP, libc::TCP_SAVED_SYN, &mut bytes)?;
    bytes.truncate(len);
    Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
}

/// Who held the other end of a Unix socket when it was connected.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Process; `None` where it lives in a namespace that cannot be seen from here.
    pub pid: Option<u32>,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Tells who holds the other end of a connected Unix socket.
///
/// # Errors
///
/// `NotConnected` where nobody does, and for sockets of another family.
#[cfg(target_os = "linux")]
pub fn peer_credentials(fd: BorrowedFd<'_>) -> io::Result<Credentials> {
    let raw: Raw = option(fd, libc::SOL_SOCKET, libc::SO_PEERCRED)?;
    // Without a peer the system succeeds all the same, with process 0 and the last user there is.
    if raw.0.pid == 0 && raw.0.uid == libc::uid_t::MAX {
        return Err(io::ErrorKind::NotConnected.into());
    }
    let pid = u32::try_from(raw.0.pid).ok().filter(|&pid| pid != 0);
    Ok(Credentials {
        pid,
        uid: raw.0.uid,
        gid: raw.0.gid,
    })
}

/// The family of a socket.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    V4,
    V6,
    Unix,
    Other,
}

#[cfg(target_os = "linux")]
pub(crate) fn domain(fd: BorrowedFd<'_>) -> io::Result<Domain> {
    Ok(match option(fd, libc::SOL_SOCKET, libc::SO_DOMAIN)? {
        libc::AF_INET => Domain::V4,
        libc::AF_INET6 => Domain::V6,
        libc::AF_UNIX => Domain::Unix,
        _ => Domain::Other,
    })
}

/// Makes an IPv4 socket send multicast by the interface of this index (`IP_MULTICAST_IF`); zero is
/// the system's choice.
///
/// # Errors
///
/// What the system says, such as that no interface has the index.
pub fn set_multicast_interface(fd: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let request = libc::ip_mreqn {
        imr_multiaddr: libc::in_addr { s_addr: 0 },
        imr_address: libc::in_addr { s_addr: 0 },
        imr_ifindex: libc::c_int::try_from(index).unwrap_or(libc::c_int::MAX),
    };
    let len = size_of::<libc::ip_mreqn>() as libc::socklen_t;
    // SAFETY: the call reads one structure, which outlives it.
    let done = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MULTICAST_IF,
            (&raw const request).cast(),
            len,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sets an option that is an integer.
#[cfg(target_os = "linux")]
pub(crate) fn set_option(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the call reads one integer, which outlives it.
    let done =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), len) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// What an option may be read as.
///
/// # Safety
///
/// Any bytes must be a value of the type, zero bytes among them.
#[cfg(target_os = "linux")]
unsafe trait Plain: Copy {}

// SAFETY: an integer.
#[cfg(target_os = "linux")]
unsafe impl Plain for libc::c_int {}

/// The system's form of [`Credentials`].
#[cfg(target_os = "linux")]
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Raw(libc::ucred);

// SAFETY: it is made of integers.
#[cfg(target_os = "linux")]
unsafe impl Plain for Raw {}

#[cfg(target_os = "linux")]
fn option<T: Plain>(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int) -> io::Result<T> {
    // SAFETY: `Plain` says that zero bytes are a value.
    let mut value: T = unsafe { mem::zeroed() };
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the call writes at most `len` bytes, the size of the value, and any bytes are one.
    let done = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw mut value).cast(),
            &raw mut len,
        )
    };
    if done == 0 {
        Ok(value)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads an option that is a structure of the kernel's; gives how many bytes it filled.
#[cfg(target_os = "linux")]
pub(crate) fn option_bytes(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    into: &mut [u8],
) -> io::Result<usize> {
    let mut len = libc::socklen_t::try_from(into.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the call writes at most `len` bytes, which is no more than `into` has.
    let done = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            into.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if done == 0 {
        Ok((len as usize).min(into.len()))
    } else {
        Err(io::Error::last_os_error())
    }
}

fn ioctl(fd: BorrowedFd<'_>, request: libc::Ioctl) -> io::Result<u32> {
    let mut value: libc::c_int = 0;
    // SAFETY: the requests of this module write one integer.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), request, &raw mut value) };
    if done == 0 {
        amount(value)
    } else {
        Err(io::Error::last_os_error())
    }
}

fn amount(value: libc::c_int) -> io::Result<u32> {
    u32::try_from(value).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// In bytes: the longest headers of IPv4 and TCP take 120, those of IPv6 with extensions more.
#[cfg(target_os = "linux")]
const SYN_ROOM: usize = 1024;

#[cfg(test)]
mod tests;
