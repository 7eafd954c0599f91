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

/// Kills a process and every other one of the group that it leads.
///
/// # Errors
///
/// What the system says, such as that there is no such group any more.
pub fn kill_group(leader: u32) -> io::Result<()> {
    let group = libc::pid_t::try_from(leader)
        .ok()
        .filter(|group| *group > 1)
        .ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: the call touches no memory of ours.
    if unsafe { libc::killpg(group, libc::SIGKILL) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sends SIGINT to this process, as Ctrl-C at a terminal does.
///
/// # Errors
///
/// What the system says; it has no reason to refuse.
pub fn interrupt() -> io::Result<()> {
    // SAFETY: the call touches no memory of ours.
    if unsafe { libc::kill(libc::getpid(), libc::SIGINT) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_ticks() {
        assert!((1..=1_000_000).contains(&ticks_per_second().unwrap()));
    }
}
