//! Waiting for descriptors on a thread that has no runtime.

use std::fs::File;
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

/// A descriptor to wait for, and what was found of it.
// The system's own structure, so that a slice of these is what it wants.
#[repr(transparent)]
pub struct Interest<'fd> {
    raw: libc::pollfd,
    fd: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> Interest<'fd> {
    /// Waits until `fd` has bytes to read, or its end.
    #[must_use]
    pub fn to_read(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, libc::POLLIN)
    }

    /// Waits until `fd` takes bytes, or never will again.
    #[must_use]
    pub fn to_write(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, libc::POLLOUT)
    }

    /// Waits for either.
    #[must_use]
    pub fn to_read_or_write(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, libc::POLLIN | libc::POLLOUT)
    }

    /// Waits for neither: only until the other end is gone altogether.
    #[must_use]
    pub fn to_close(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, 0)
    }

    /// Whether a read gives bytes, the end, or an error at once.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        self.raw.revents & (libc::POLLIN | GONE) != 0
    }

    /// Whether a write takes some bytes, or fails, at once.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.raw.revents & (libc::POLLOUT | GONE) != 0
    }

    /// Whether the other end is gone in both directions, or the descriptor has failed.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        self.raw.revents & GONE != 0
    }

    fn new(fd: BorrowedFd<'fd>, events: libc::c_short) -> Self {
        let raw = libc::pollfd {
            fd: fd.as_raw_fd(),
            events,
            revents: 0,
        };
        Self {
            raw,
            fd: PhantomData,
        }
    }
}

const GONE: libc::c_short = libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;

/// Waits until something of `interests` is ready or `timeout` has passed (`None`: for ever); gives
/// how many are ready. Signals do not end the wait.
///
/// # Errors
///
/// What the system says; it runs out of memory at most.
pub fn wait(interests: &mut [Interest<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    // A time too far away to be said is none.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut left = if deadline.is_some() { timeout } else { None };
    loop {
        // SAFETY: the structures are `pollfd` by `repr(transparent)`, as many as stated, and
        // borrowed for the call alone; the lifetime keeps their descriptors open.
        let ready = unsafe {
            libc::poll(
                interests.as_mut_ptr().cast(),
                interests.len() as libc::nfds_t,
                left.map_or(-1, millis),
            )
        };
        let now_left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match usize::try_from(ready) {
            // A wait longer than the system can say in one go has only begun.
            Ok(0) if now_left.is_none_or(|left| !left.is_zero()) => {}
            Ok(ready) => return Ok(ready),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
        left = now_left;
    }
}

/// Rounded up: a wait that ends early would be made again and again.
fn millis(span: Duration) -> libc::c_int {
    libc::c_int::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
}

/// A descriptor that one thread raises so that another, which waits for it, wakes up.
///
/// Raising it twice is raising it once.
pub struct Alarm {
    raised: File,
    #[cfg(not(target_os = "linux"))]
    raise: std::os::unix::net::UnixStream,
}

impl Alarm {
    /// An alarm that is not raised.
    ///
    /// # Errors
    ///
    /// What the system says, such as that no more descriptors are to be had.
    #[cfg(target_os = "linux")]
    pub fn new() -> io::Result<Self> {
        use std::os::fd::{FromRawFd, OwnedFd};

        // SAFETY: the call touches no memory of ours.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { raised: fd.into() })
    }

    /// An alarm that is not raised.
    ///
    /// # Errors
    ///
    /// What the system says, such as that no more descriptors are to be had.
    #[cfg(not(target_os = "linux"))]
    pub fn new() -> io::Result<Self> {
        let (raised, raise) = std::os::unix::net::UnixStream::pair()?;
        raised.set_nonblocking(true)?;
        raise.set_nonblocking(true)?;
        Ok(Self {
            raised: std::os::fd::OwnedFd::from(raised).into(),
            raise,
        })
    }

    /// Makes the descriptor readable until [`clear`](Self::clear).
    pub fn raise(&self) {
        #[cfg(target_os = "linux")]
        let mut target = &self.raised;
        #[cfg(not(target_os = "linux"))]
        let mut target = &self.raise;
        // It only fails when it is raised already, so often that the count is full.
        let _ = target.write(&1u64.to_ne_bytes());
    }

    /// Takes it back.
    pub fn clear(&self) {
        let mut counted = [0; 512];
        while (&self.raised)
            .read(&mut counted)
            .is_ok_and(|len| len == counted.len())
        {}
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.raised.as_fd()
    }
}

#[cfg(test)]
mod tests;
