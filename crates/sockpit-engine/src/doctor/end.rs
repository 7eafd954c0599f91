//! Ending a process that holds a port, and no other.

use std::io;
use std::time::Duration;

use sockpit_sys::pidfd::Pidfd;

use super::Owner;

pub use sockpit_sys::pidfd::Signal;

/// A process that holds something, seized so that it alone is hit.
#[derive(Debug)]
pub struct Holder {
    pid: u32,
    process: Pidfd,
}

impl Holder {
    /// Seizes a process, and has `look` find again who holds what it is to let go of: the number may
    /// have been given to another since it was found. `None` where it holds nothing of it.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` for the system's first process and for this one, which
    /// are not ended.
    pub fn seize(pid: u32, look: impl FnOnce() -> Vec<Owner>) -> io::Result<Option<Self>> {
        if pid <= 1 || pid == std::process::id() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let process = match Pidfd::open(pid) {
            Ok(process) => process,
            // ESRCH, 3 on Linux: it has ended by itself.
            Err(error) if error.raw_os_error() == Some(3) => return Ok(None),
            Err(error) => return Err(error),
        };
        let holder = Self { pid, process };
        Ok(if holder.is_among(&look()) {
            Some(holder)
        } else {
            None
        })
    }

    /// Sends it a signal; one that has ended by itself needs none.
    ///
    /// # Errors
    ///
    /// What the system says: `PermissionDenied` for another user's.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match self.process.signal(signal) {
            Err(error) if error.raw_os_error() == Some(3) => Ok(()),
            done => done,
        }
    }

    /// Waits for its end, so long at most; tells whether it has come.
    ///
    /// # Errors
    ///
    /// What the system says; it runs out of memory at most.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        self.process.wait(timeout)
    }

    /// Whether it is one of `owners`.
    #[must_use]
    pub fn is_among(&self, owners: &[Owner]) -> bool {
        owners.iter().any(|owner| owner.pid == Some(self.pid))
    }
}
