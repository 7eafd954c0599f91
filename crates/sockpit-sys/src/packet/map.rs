//! The memory that is shared with the kernel, and whose each block of it is.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

/// The blocks of a ring, mapped.
#[derive(Debug)]
pub(super) struct Map {
    start: NonNull<u8>,
    blocks: usize,
    /// Of one, in bytes.
    block_len: usize,
}

// SAFETY: the mapping belongs to this value alone, and is of no thread.
unsafe impl Send for Map {}

impl Map {
    pub(super) fn new(socket: &OwnedFd, blocks: usize, block_len: usize) -> io::Result<Self> {
        // SAFETY: the kernel chooses where; nothing of ours is there. It stays until `drop`.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                blocks * block_len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            start,
            blocks,
            block_len,
        })
    }

    /// Whether the kernel has given us a block.
    pub(super) fn is_ours(&self, block: usize) -> bool {
        self.status(block).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// Gives a block to the kernel, which may write to it from then on.
    ///
    /// It takes the map mutably, so that no slice of the block is left.
    pub(super) fn give_back(&mut self, block: usize) {
        let status = self.status(block);
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }

    /// The bytes of a block that is ours; nothing of one that is not.
    pub(super) fn block(&self, block: usize) -> &[u8] {
        if !self.is_ours(block) {
            return &[];
        }
        // SAFETY: the block lies within the mapping, which lives as long as `self`. The kernel
        // writes to no block that is ours, and `give_back` needs `self` mutably.
        unsafe { std::slice::from_raw_parts(self.place(block), self.block_len) }
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        // SAFETY: the status is four bytes, aligned, at a fixed place of every block, within the
        // mapping. The kernel changes it as another processor would.
        unsafe { AtomicU32::from_ptr(self.place(block).add(STATUS).cast()) }
    }

    /// Where a block begins.
    fn place(&self, block: usize) -> *mut u8 {
        assert!(block < self.blocks, "a ring has its number of blocks");
        // SAFETY: it is within the mapping, as was asserted.
        unsafe { self.start.as_ptr().add(block * self.block_len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        let len = self.blocks * self.block_len;
        // SAFETY: this is the mapping that was made, and nothing borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), len) };
    }
}

/// Where a block says whose it is: behind `version` and `offset_to_priv`.
const STATUS: usize = 8;
