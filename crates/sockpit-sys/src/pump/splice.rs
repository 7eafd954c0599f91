//! The system calls that move bytes inside the system.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use super::retry;

/// Gives the socket `to` up to `len` bytes from the place where `from` is; `from` then is behind
/// what the socket has taken.
pub(super) fn send_file(from: &File, to: &File, len: usize) -> io::Result<usize> {
    retry(|| {
        // SAFETY: without an offset the call touches no memory of ours.
        let sent =
            unsafe { libc::sendfile(to.as_raw_fd(), from.as_raw_fd(), ptr::null_mut(), len) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    })
}

/// Moves up to `len` bytes; one of the two is a pipe, whose mode is of no account.
pub(super) fn splice(from: &File, to: &File, len: usize) -> io::Result<usize> {
    let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    retry(|| {
        // SAFETY: without offsets the call touches no memory of ours.
        let moved = unsafe {
            libc::splice(
                from.as_raw_fd(),
                ptr::null_mut(),
                to.as_raw_fd(),
                ptr::null_mut(),
                len,
                flags,
            )
        };
        usize::try_from(moved).map_err(|_| io::Error::last_os_error())
    })
}

/// Whether the system said that it does not move these bytes by itself.
pub(super) fn is_impossible(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP)
    )
}

/// Gives a pipe room for `size` bytes if it has less, as far as the system lets it: a user has a
/// share of the memory for pipes, and where that is used up the pipe stays as it is.
pub(super) fn widen(pipe: &File, size: usize) {
    let size = libc::c_int::try_from(size).unwrap_or(libc::c_int::MAX);
    // SAFETY: the call touches no memory of ours.
    let room = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_GETPIPE_SZ) };
    if (0..size).contains(&room) {
        // SAFETY: as before.
        let _ = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, size) };
    }
}

/// A pipe between two descriptors of which neither is one.
pub(super) struct Pipe {
    read: File,
    write: File,
    held: usize,
}

impl Pipe {
    /// A pipe with the room that the system gives.
    pub(super) fn new() -> io::Result<Self> {
        let mut fds = [0; 2];
        // SAFETY: the call writes two integers.
        if unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: both descriptors are new and belong to nobody else.
        let [read, write] = fds.map(|fd| File::from(unsafe { OwnedFd::from_raw_fd(fd) }));
        Ok(Self {
            read,
            write,
            held: 0,
        })
    }

    /// Gives it room for `size` bytes, as far as the system lets it.
    pub(super) fn widen(&self, size: usize) {
        widen(&self.write, size);
    }

    /// Bytes inside.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Takes up to `len` bytes from `from`. Call it when nothing is held: a full pipe says
    /// `WouldBlock` just as an empty source does.
    pub(super) fn fill(&mut self, from: &File, len: usize) -> io::Result<usize> {
        let taken = splice(from, &self.write, len)?;
        self.held += taken;
        Ok(taken)
    }

    /// Gives `to` as much as it takes without waiting.
    pub(super) fn drain(&mut self, to: &File) -> io::Result<()> {
        while self.held > 0 {
            match splice(&self.read, to, self.held) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(given) => self.held = self.held.saturating_sub(given),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is inside, `bytes.len()` of it, into user space.
    pub(super) fn read_held(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        (&self.read).read_exact(bytes)?;
        self.held = self.held.saturating_sub(bytes.len());
        Ok(())
    }
}
