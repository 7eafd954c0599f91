//! Stdio as it really is: shared with others, perhaps made non-blocking by them, its reader perhaps
//! gone.

use std::fs::File;
#[cfg(target_os = "linux")]
use std::io::IoSlice;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[cfg(target_os = "linux")]
use rustix::event::epoll;
#[cfg(target_os = "linux")]
use rustix::io::{Errno, ReadWriteFlags};
use sockpit_sys::poll::{Interest, wait};
use sockpit_sys::terminal::Mode;
#[cfg(target_os = "linux")]
use tokio::io::unix::AsyncFd;
#[cfg(not(target_os = "linux"))]
use tokio::sync::oneshot;

/// Waits until nobody can read any more what is written to an output.
///
/// What others share must not be changed for them, so it is not the output that a runtime waits for,
/// but an epoll of our own that watches it.
#[cfg(target_os = "linux")]
pub struct Departure(Option<AsyncFd<OwnedFd>>);

#[cfg(target_os = "linux")]
impl Departure {
    /// Begins to watch. Within a runtime.
    ///
    /// # Errors
    ///
    /// Returns the system's error where it gives no descriptor.
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types that may name another descriptor; ours owns its"
    )]
    pub fn of(output: BorrowedFd<'_>) -> io::Result<Self> {
        let watch = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let nothing = epoll::EventFlags::empty();
        match epoll::add(&watch, output, epoll::EventData::new_u64(0), nothing) {
            Ok(()) => AsyncFd::with_interest(watch, tokio::io::Interest::READABLE)
                .map(|watch| Self(Some(watch))),
            // Files and some devices have no reader that could leave.
            Err(Errno::PERM) => Ok(Self(None)),
            Err(error) => Err(error.into()),
        }
    }

    /// Where nobody leaves.
    #[must_use]
    pub const fn never() -> Self {
        Self(None)
    }

    /// Waits for it. Cancel-safe.
    pub async fn told(&self) {
        match &self.0 {
            // An epoll that cannot be waited for tells nothing.
            Some(watch) if watch.readable().await.is_ok() => {}
            _ => std::future::pending().await,
        }
    }
}

/// Waits until nobody can read any more what is written to an output.
#[cfg(not(target_os = "linux"))]
pub struct Departure(tokio::sync::Mutex<Gone>);

#[cfg(not(target_os = "linux"))]
enum Gone {
    Unknown(oneshot::Receiver<()>),
    Known { is_gone: bool },
}

#[cfg(not(target_os = "linux"))]
impl Departure {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// Returns the system's error where it gives no thread.
    pub fn of(output: BorrowedFd<'_>) -> io::Result<Self> {
        let gone = Gone::Unknown(reader_gone(output.try_clone_to_owned()?)?);
        Ok(Self(tokio::sync::Mutex::new(gone)))
    }

    /// Where nobody leaves.
    #[must_use]
    pub const fn never() -> Self {
        Self(tokio::sync::Mutex::const_new(Gone::Known {
            is_gone: false,
        }))
    }

    /// Waits for it. Cancel-safe.
    pub async fn told(&self) {
        let mut gone = self.0.lock().await;
        if let Gone::Unknown(told) = &mut *gone {
            let is_gone = told.await.is_ok();
            *gone = Gone::Known { is_gone };
        }
        if let Gone::Known { is_gone: false } = *gone {
            std::future::pending().await
        }
    }
}

/// Rings when nobody can read any more what is written to `output`.
#[cfg(not(target_os = "linux"))]
fn reader_gone(output: OwnedFd) -> io::Result<oneshot::Receiver<()>> {
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

/// Columns of the terminal behind `output`; `None` where there is none, or it does not know.
#[must_use]
pub fn columns(output: BorrowedFd<'_>) -> Option<usize> {
    sockpit_sys::window::columns(output)
}

/// Rows of the terminal behind `output`; `None` where there is none, or it does not know.
#[must_use]
pub fn rows(output: BorrowedFd<'_>) -> Option<usize> {
    sockpit_sys::window::rows(output)
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

    /// Writes as much as is taken without waiting for a reader, and gives how many bytes that were:
    /// none where it is unknown whether one must wait.
    ///
    /// # Errors
    ///
    /// Returns why nothing can be written any more, such as that the reader has left.
    pub fn write_at_once(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match no_wait(&self.file, bytes)? {
            Some(written) => Ok(written),
            // A file on a disk has no reader.
            None if self.file.metadata()?.is_file() => self.file.write(bytes),
            None => Ok(0),
        }
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

/// Writes what is taken at once, and changes nothing for others who share the descriptor; `None` where
/// there is no such call: pipes and sockets have it on Linux 6.4 and later.
#[cfg(target_os = "linux")]
fn no_wait(file: &File, bytes: &[u8]) -> io::Result<Option<usize>> {
    // The offset that stands for the descriptor's own (pwritev2(2)).
    let here = u64::MAX;
    let flags = ReadWriteFlags::NOWAIT;
    match rustix::io::pwritev2(file, &[IoSlice::new(bytes)], here, flags) {
        Ok(written) => Ok(Some(written)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(Some(0)),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn no_wait(_file: &File, _bytes: &[u8]) -> io::Result<Option<usize>> {
    Ok(None)
}

/// How the terminal at our stdin was before lines were edited there. It is given back when this is
/// dropped (rule D3).
pub struct TerminalMode(Mode);

impl TerminalMode {
    /// Gives every key as it is typed, from here on: what is typed while no line is being read waits
    /// unchanged. `None` where stdin is no terminal.
    #[must_use]
    pub fn by_key() -> Option<Self> {
        let before = Mode::of(io::stdin().as_fd()).ok()?;
        before.by_key().restore(io::stdin().as_fd()).ok()?;
        Some(Self(before))
    }
}

impl Drop for TerminalMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode.
        let _ = self.0.restore(io::stdin().as_fd());
    }
}

/// Lets everything vanish that others in this process still write to stdout: a thread that edits lines
/// cannot be ended. A [`Patient`] made before still writes.
pub fn silence() {
    // Without it a prompt may be left behind, no more.
    let _ = sockpit_sys::terminal::silence_stdout();
}

/// Does what Ctrl-C does where no line is edited: whoever edits one takes the key from the terminal.
pub fn interrupt() {
    // The system has no reason to refuse a signal to ourselves.
    let _ = sockpit_sys::process::interrupt();
}

#[cfg(test)]
mod tests;
