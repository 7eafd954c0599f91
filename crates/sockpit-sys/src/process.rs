//! What the system says of processes beyond what `/proc` does.

use std::io;

/// Clock ticks in a second, the unit of times in `/proc/PID/stat` (proc(5)).
///
/// # Errors
///
/// What the system says; it has no reason to refuse.
pub fn ticks_per_second() -> io::Result<u64> {
    // SAFETY: the call reads no memory of ours.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_ticks() {
        assert!((1..=1_000_000).contains(&ticks_per_second().unwrap()));
    }
}
