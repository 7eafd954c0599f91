//! Stdio as it really is: shared with others, perhaps made non-blocking by them, its reader perhaps
//! gone.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use sockpit_sys::poll::{Interest, wait};
use tokio::sync::oneshot;

/// Rings when nobody can read any more what is written to `output`. It never does for files,
/// devices and terminals.
///
/// # Errors
///
/// Returns the system's error where it gives no thread.
pub fn reader_gone(output: OwnedFd) -> io::Result<oneshot::Receiver<()>> {
    let (sender, gone) = oneshot::channel();
    // A thread, because a descriptor that others share cannot be waited for by a runtime without
    // being changed for them. It waits as long as the process lives.
    std::thread::Builder::new()
        .name("sockpit-stdout".to_owned())
        .spawn(move || {
            let mut interests = [Interest::to_close(output.as_fd())];
            if wait(&mut interests, None).is_ok() && interests[0].is_gone() {
                // The session may be over by then.
                let _ = sender.send(());
            }
        })?;
    Ok(gone)
}

/// A descriptor that is read and written in blocking calls, whatever somebody who shares it has made
/// of it: a shell, `ssh` or `node` may have set `O_NONBLOCK`, which belongs to all who share it and
/// is left as it is.
#[derive(Debug)]
pub struct Patient {
    file: File,
}

impl Patient {
    /// Our stdin.
    ///
    /// # Errors
    ///
    /// Returns the system's error where it is closed, or no descriptor is left.
    pub fn stdin() -> io::Result<Self> {
        Ok(Self::new(io::stdin().as_fd().try_clone_to_owned()?))
    }

    /// Our stdout. What was printed to [`std::io::stdout`] before must have been flushed.
    ///
    /// # Errors
    ///
    /// Returns the system's error where it is closed, or no descriptor is left.
    pub fn stdout() -> io::Result<Self> {
        Ok(Self::new(io::stdout().as_fd().try_clone_to_owned()?))
    }

    fn new(fd: OwnedFd) -> Self {
        Self { file: fd.into() }
    }
}

impl Read for Patient {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(&mut [Interest::to_read(self.file.as_fd())], None)?;
                }
                result => return result,
            }
        }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(&mut [Interest::to_write(self.file.as_fd())], None)?;
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
