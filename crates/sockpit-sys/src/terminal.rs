//! The settings of a terminal, kept and given back.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// How a terminal treats what is typed (termios), at one moment.
#[derive(Clone)]
pub struct Mode {
    termios: libc::termios,
}

impl Mode {
    /// The mode of the terminal behind `fd`.
    ///
    /// # Errors
    ///
    /// Returns the system's error, `ENOTTY` where there is no terminal.
    pub fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let mut termios = MaybeUninit::uninit();
        // SAFETY: the descriptor is borrowed, so it is open, and the structure is the system's own.
        let result = unsafe { libc::tcgetattr(fd.as_raw_fd(), termios.as_mut_ptr()) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: the call has succeeded, so it has filled the structure.
            termios: unsafe { termios.assume_init() },
        })
    }

    /// The same, but with each key given as it is typed, without an echo. Ctrl-C is still a signal.
    #[must_use]
    pub fn by_key(&self) -> Self {
        let mut termios = self.termios;
        termios.c_lflag &= !(libc::ICANON | libc::ECHO | libc::IEXTEN);
        termios.c_iflag &= !(libc::ICRNL | libc::IXON);
        termios.c_cc[libc::VMIN] = 1;
        termios.c_cc[libc::VTIME] = 0;
        Self { termios }
    }

    /// Gives the terminal behind `fd` this mode, at once.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub fn restore(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        // SAFETY: the descriptor is borrowed, so it is open; the structure came from `tcgetattr`.
        let result =
            unsafe { libc::tcsetattr(fd.as_raw_fd(), libc::TCSANOW, &raw const self.termios) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// Lets everything that is still written to descriptor 1 vanish; what writes to a copy of it, made
/// before, is heard.
///
/// # Errors
///
/// Returns the system's error.
pub fn silence_stdout() -> io::Result<()> {
    let nothing = File::options().write(true).open("/dev/null")?;
    // SAFETY: both descriptors are open; the standard library does not own descriptor 1, and gives
    // nobody the promise that it stays the same file.
    if unsafe { libc::dup2(nothing.as_raw_fd(), libc::STDOUT_FILENO) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
