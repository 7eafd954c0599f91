//! A process held by a descriptor, so that nobody else is hit when its number is given away again.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::poll::{self, Interest};

/// A process, whatever becomes of its number (pidfd_open(2)).
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

/// A signal that ends a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, which a program may take as a wish.
    Terminate,
    /// SIGKILL, which it cannot refuse.
    Kill,
}

impl Pidfd {
    /// Takes hold of a process that runs.
    ///
    /// # Errors
    ///
    /// What the system says: there is no such process, or Linux is older than 5.3.
    pub fn open(pid: u32) -> io::Result<Self> {
        let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the call touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let Ok(fd) = libc::c_int::try_from(fd) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// What the system says: it is another user's, or it has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let number = match signal {
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
        };
        let information = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: without information of its own the call touches no memory of ours.
        let done = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                number,
                information,
                0,
            )
        };
        if done == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Waits for its end, so long at most; tells whether it has come.
    ///
    /// # Errors
    ///
    /// What the system says; it runs out of memory at most.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        // The descriptor is readable when the process has ended.
        Ok(poll::wait(&mut [Interest::to_read(self.0.as_fd())], Some(timeout))? > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_ended_and_its_end_seen() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let held = Pidfd::open(child.id()).unwrap();
        assert!(!held.wait(Duration::ZERO).unwrap());
        held.signal(Signal::Terminate).unwrap();
        assert!(held.wait(Duration::from_secs(10)).unwrap());
        child.wait().unwrap();
        // Its number may be somebody else's; the descriptor is not.
        let error = held.signal(Signal::Kill).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        assert!(Pidfd::open(0).is_err());
        assert!(Pidfd::open(u32::MAX).is_err());
    }
}
