//! A picture that stays at the foot of the terminal, with lines that go by above it.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;

use sockpit_core::text::width;
use sockpit_engine::stdio::{self, Patient};

use super::Console;

/// In columns and rows: what a terminal has that does not say.
const USUAL: (usize, usize) = (80, 24);

/// The foot of the terminal; on a stdout that is none only the lines are written.
pub(crate) struct Board {
    stdout: Patient,
    is_terminal: bool,
    /// Rows of the picture that are on the screen.
    shown: usize,
    /// What was drawn last.
    picture: Vec<String>,
}

impl Console {
    /// A board for stdout.
    ///
    /// # Errors
    ///
    /// Returns the system's error where stdout is closed.
    pub(crate) fn board(&self) -> io::Result<Board> {
        let is_terminal = io::stdout().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Ok(Board {
            stdout: Patient::stdout()?,
            is_terminal,
            shown: 0,
            picture: Vec::new(),
        })
    }
}

impl Board {
    /// Whether there is a picture.
    pub(crate) fn is_drawn(&self) -> bool {
        self.is_terminal
    }

    /// Writes data, exactly these bytes.
    ///
    /// # Errors
    ///
    /// Returns why stdout took no more.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.stdout, bytes)
    }

    /// In columns and rows: how large the terminal is.
    pub(crate) fn size(&self) -> (usize, usize) {
        let stdout = io::stdout();
        (
            stdio::columns(stdout.as_fd()).unwrap_or(USUAL.0),
            stdio::rows(stdout.as_fd()).unwrap_or(USUAL.1),
        )
    }

    /// Writes lines above the picture, and the picture anew. Lines hold no control characters.
    ///
    /// # Errors
    ///
    /// Returns why stdout took no more.
    pub(crate) fn draw(&mut self, lines: &[String], picture: &[String]) -> io::Result<()> {
        if lines.is_empty() && self.picture == picture {
            return Ok(());
        }
        self.picture = picture.to_vec();
        let mut out = String::new();
        if self.is_terminal && self.shown > 0 {
            let _ = write!(out, "\x1b[{}A\r\x1b[J", self.shown);
        }
        for line in lines {
            let _ = writeln!(out, "{line}");
        }
        self.shown = 0;
        if self.is_terminal {
            let (columns, rows) = self.size();
            // A row that wraps or scrolls away could not be taken back.
            for line in picture.iter().take(rows.saturating_sub(2)) {
                let _ = writeln!(out, "{}", width::truncate(line, columns.saturating_sub(1)));
                self.shown += 1;
            }
        }
        if out.is_empty() {
            return Ok(());
        }
        self.write(out.as_bytes())
    }
}
