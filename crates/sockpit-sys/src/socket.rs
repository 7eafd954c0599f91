//! What a socket knows and socket2 does not ask: the path's MTU, its queues, who holds the other
//! end.

use std::io;
#[cfg(target_os = "linux")]
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

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

#[cfg(test)]
mod tests;
