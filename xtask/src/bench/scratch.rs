//! Files of a benchmark, which go with whoever holds them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The place of a file that is removed in the end.
pub(super) struct Scratch(PathBuf);

/// Two benchmarks of one run may have files of the same name.
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Scratch {
    /// A place where nothing is yet, whose name ends with `name`.
    pub(super) fn new(name: &str) -> Self {
        Self::within(&std::env::temp_dir(), name)
    }

    /// The same in memory, where no disk is measured along.
    pub(super) fn in_memory(name: &str) -> Self {
        Self::within(Path::new("/dev/shm"), name)
    }

    /// A file with these bytes.
    pub(super) fn holding(name: &str, bytes: &[u8]) -> io::Result<Self> {
        let scratch = Self::new(name);
        fs::write(&scratch.0, bytes)?;
        Ok(scratch)
    }

    /// A program as an installation has it: what was copied in one go lies in larger pieces in the
    /// system's cache than what a linker has written, and starts faster, as nc's does.
    pub(super) fn installed(program: &Path) -> io::Result<Self> {
        let scratch = Self::new("program");
        match fs::copy(program, &scratch.0) {
            // Who starts it will miss it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => {
                copied?;
            }
        }
        Ok(scratch)
    }

    fn within(folder: &Path, name: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(folder.join(format!("sockpit-bench-{}-{number}-{name}", process::id())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // There may be none, and one that is left in the folder for such files does no harm.
        let _ = fs::remove_file(&self.0);
    }
}
