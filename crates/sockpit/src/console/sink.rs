//! Data for stdout in large pieces, for whoever has much of it.

use std::io::{self, Write as _};

use sockpit_engine::stdio::Patient;

use super::Console;

/// In bytes: what is gathered before it is written.
const BATCH: usize = 256 * 1024;

/// What is to be written to stdout.
pub(crate) struct Sink {
    stdout: Patient,
    /// What waits; whoever writes appends to it.
    pub(crate) waiting: Vec<u8>,
}

impl Console {
    /// A sink for stdout.
    ///
    /// # Errors
    ///
    /// Returns the system's error where stdout is closed.
    pub(crate) fn sink(&self) -> io::Result<Sink> {
        Ok(Sink {
            stdout: Patient::stdout()?,
            waiting: Vec::with_capacity(BATCH + 4096),
        })
    }
}

impl Sink {
    /// Writes what waits once it is much.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        if self.waiting.len() < BATCH {
            return Ok(());
        }
        self.flush()
    }

    /// Writes what waits.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let written = self.stdout.write_all(&self.waiting);
        self.waiting.clear();
        written
    }
}
