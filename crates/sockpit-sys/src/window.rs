//! How much a terminal shows.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Columns of the terminal behind `fd`; `None` where there is none, or it does not know.
#[must_use]
pub fn columns(fd: BorrowedFd<'_>) -> Option<usize> {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: the descriptor is borrowed, so it is open, and the structure is the one that this
    // request fills.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, size.as_mut_ptr()) };
    // SAFETY: it was zeroed, which is a size, and the system leaves it so or fills it.
    let columns = usize::from(unsafe { size.assume_init() }.ws_col);
    (result == 0 && columns > 0).then_some(columns)
}

#[cfg(test)]
mod tests;
