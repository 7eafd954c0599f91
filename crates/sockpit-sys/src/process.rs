//! What the system says of processes beyond what `/proc` does.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

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

/// Lets a program that will be started not hear the Ctrl-C that is meant for us: it runs with SIGINT
/// blocked, so that it ends when we end it.
///
/// It stays in our process group, and ends with the terminal. A group of its own and a signal at our
/// death would not do: the kernel forgets the latter where a program has capabilities of its own
/// (prctl(2), PR_SET_PDEATHSIG).
pub fn spare_interrupt(command: &mut Command) {
    let block = || {
        // SAFETY: all bits zero are a signal set; sigemptyset makes it an empty one.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: the set is ours, and outlives the calls; the old mask is not asked for.
        let done = unsafe {
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGINT);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut())
        };
        match done {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: what runs between fork and exec calls only functions that are safe in a signal
    // handler (signal-safety(7)), and takes no memory.
    unsafe { command.pre_exec(block) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_spared_has_its_interrupts_blocked() {
        let mut command = Command::new("sleep");
        spare_interrupt(command.arg("60"));
        let mut child = command.spawn().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = u64::from_str_radix(blocked.unwrap().trim(), 16).unwrap();
        assert_eq!(blocked, 1 << (libc::SIGINT - 1));
    }

    #[test]
    fn a_second_has_ticks() {
        assert!((1..=1_000_000).contains(&ticks_per_second().unwrap()));
    }
}
