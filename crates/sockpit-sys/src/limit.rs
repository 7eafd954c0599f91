//! How many descriptors the process may have open.

use std::io;

/// The number of descriptors that the process may have open: its soft limit.
///
/// # Errors
///
/// What the system says; it has no reason to refuse.
pub fn open_files() -> io::Result<u64> {
    Ok(limits()?.rlim_cur)
}

/// Raises the soft limit to the hard one, as far as the system lets it; gives the limit then in
/// force.
///
/// Programs started afterwards inherit it. Those that use select(2) can take no descriptor above
/// 1,023, which is the reason why the soft limit is low to begin with.
///
/// # Errors
///
/// What the system says; the limit is as it was then.
pub fn raise_open_files() -> io::Result<u64> {
    let mut limits = limits()?;
    let wanted = attainable(limits.rlim_max);
    if limits.rlim_cur < wanted {
        limits.rlim_cur = wanted;
        // SAFETY: the call only reads the structure.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(limits.rlim_cur)
}

fn limits() -> io::Result<libc::rlimit> {
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call writes one structure of this type.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(limits)
}

/// macOS says "infinite" as the hard limit and refuses more than its `OPEN_MAX`.
fn attainable(hard: libc::rlim_t) -> libc::rlim_t {
    if cfg!(target_vendor = "apple") {
        hard.min(10_240)
    } else {
        hard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_reaches_the_hard_one() {
        let before = open_files().unwrap();
        let raised = raise_open_files().unwrap();
        assert!(raised >= before);
        assert_eq!(open_files().unwrap(), raised);
        assert_eq!(raised, attainable(limits().unwrap().rlim_max));
    }
}
