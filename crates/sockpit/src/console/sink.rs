//! Data for stdout in large pieces, for whoever has much of it.

use std::io::{self, IsTerminal as _, Write as _};

use sockpit_core::strings::Language;
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

    /// What people are told things in.
    pub(crate) fn language(&self) -> Language {
        super::language::current()
    }

    /// Whether somebody looks at stderr.
    pub(crate) fn is_heard(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// In columns: how wide the terminal is.
    pub(crate) fn columns(&self) -> Option<usize> {
        let size = terminal_size::terminal_size_of(io::stdout());
        size.map(|(terminal_size::Width(columns), _)| columns.into())
    }

    /// Shows how far something is, in place of what it showed before; on a terminal only.
    pub(crate) fn progress(&self, text: &str) {
        if self.is_heard() {
            let text = super::language::say(text);
            // Nobody can be told that stderr is closed.
            let _ = write!(io::stderr().lock(), "\r\x1b[K{}", super::VisibleLine(&text));
        }
    }

    /// Takes away what shows how far something is.
    pub(crate) fn end_progress(&self) {
        if self.is_heard() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
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
