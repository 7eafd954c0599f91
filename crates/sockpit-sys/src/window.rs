//! How much a terminal shows.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Columns of the terminal behind `fd`; `None` where there is none, or it does not know.
#[must_use]
pub fn columns(fd: BorrowedFd<'_>) -> Option<usize> {
    size(fd)
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
}

/// Rows of the terminal behind `fd`; `None` where there is none, or it does not know.
#[must_use]
pub fn rows(fd: BorrowedFd<'_>) -> Option<usize> {
    size(fd)
        .map(|size| usize::from(size.ws_row))
        .filter(|rows| *rows > 0)
}

fn size(fd: BorrowedFd<'_>) -> Option<libc::winsize> {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: the descriptor is borrowed, so it is open, and the structure is the one that this
    // request fills.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, size.as_mut_ptr()) };
    // SAFETY: it was zeroed, which is a size, and the system leaves it so or fills it.
    (result == 0).then(|| unsafe { size.assume_init() })
}

#[cfg(test)]
mod tests;
