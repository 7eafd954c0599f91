//! Whoever reads stdout, and may leave.

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;

use sockpit_engine::stdio::Departure;

/// Watches for the reader of stdout to leave, which one at a terminal never does. Within a runtime.
///
/// # Errors
///
/// Returns the system's error where stdout is closed, or no descriptor is left.
pub(crate) fn departure() -> io::Result<Departure> {
    let stdout = io::stdout();
    match stdout.is_terminal() {
        true => Ok(Departure::never()),
        false => Departure::of(stdout.as_fd()),
    }
}
