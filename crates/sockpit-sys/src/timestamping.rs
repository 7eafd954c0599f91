//! What became of written bytes, and when: `SO_TIMESTAMPING` of a TCP socket (the kernel's
//! `Documentation/networking/timestamping.rst`).
//!
//! The kernel stamps a packet on its way down, and once more when the peer has acknowledged all of
//! it. One packet has one stamp of a stage: where several writes share a packet, the last one's
//! stamp stands for all.

use std::io;
use std::os::fd::BorrowedFd;

use crate::error_queue::{self, Room};
use crate::netlink::{attributes, u8_at, u32_at, u64_at};
use crate::socket;

/// How far bytes have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// They were given to the queue of the interface.
    Queued,
    /// They were given to the interface's driver.
    Sent,
    /// The peer has acknowledged them.
    Acknowledged,
}

/// Bytes came so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// How far.
    pub stage: Stage,
    /// Place of the last one of them in what was written since [`enable`], in bytes from 0, modulo
    /// 2³².
    pub last: u32,
    /// When, in nanoseconds since 1970 (UTC), by the system's clock.
    pub at: u64,
    /// What TCP knew at that time.
    pub progress: Progress,
}

/// What TCP knew when a stamp was made; `None` where the kernel does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The congestion window, in segments.
    pub cwnd: Option<u32>,
    /// The smoothed round-trip time, in microseconds.
    pub rtt_us: Option<u32>,
    /// Bytes that were written and not sent.
    pub unsent: Option<u32>,
}

/// Has what is written to a connected TCP socket from here on stamped.
///
/// Stamps make the socket ready with an error (`EPOLLERR`) until [`drain`] has taken them.
///
/// # Errors
///
/// What the system says, such as `InvalidInput` for a socket that is not connected.
pub fn enable(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = libc::SOF_TIMESTAMPING_TX_SCHED
        | libc::SOF_TIMESTAMPING_TX_SOFTWARE
        | libc::SOF_TIMESTAMPING_TX_ACK
        | libc::SOF_TIMESTAMPING_SOFTWARE
        | libc::SOF_TIMESTAMPING_OPT_ID
        | libc::SOF_TIMESTAMPING_OPT_TSONLY
        | libc::SOF_TIMESTAMPING_OPT_STATS;
    let set = |flags: libc::c_uint| {
        let flags = flags.cast_signed();
        socket::set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags)
    };
    // Before Linux 6.2 places count from the first byte that is not acknowledged, which is the same
    // where nothing was written yet.
    set(flags | libc::SOF_TIMESTAMPING_OPT_ID_TCP).or_else(|error| match error.kind() {
        io::ErrorKind::InvalidInput if socket::unsent(fd)? == 0 => set(flags),
        _ => Err(error),
    })
}

/// Has what is written from here on not stamped.
///
/// # Errors
///
/// What the system says.
pub fn disable(fd: BorrowedFd<'_>) -> io::Result<()> {
    socket::set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, 0)
}

/// Gives every stamp that waits to `take`, in the order in which they were made.
///
/// # Errors
///
/// What the system says.
pub fn drain(fd: BorrowedFd<'_>, mut take: impl FnMut(Stamp)) -> io::Result<()> {
    let mut room = Room::new();
    while let Some(bytes) = room.take(fd)? {
        if let Some(stamp) = read(bytes) {
            take(stamp);
        }
    }
    Ok(())
}

/// Reads the control messages of a stamp; `None` for another entry of the queue.
fn read(bytes: &[u8]) -> Option<Stamp> {
    let mut at = None;
    let mut about = None;
    let mut progress = Progress::default();
    for control in error_queue::controls(bytes) {
        match (control.level, control.kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => at = time(control.body),
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING_OPT_STATS) => {
                progress = statistics(control.body);
            }
            _ if error_queue::is_report(&control) => about = report(control.body),
            _ => {}
        }
    }
    let (stage, last) = about?;
    let at = at?;
    Some(Stamp {
        stage,
        last,
        at,
        progress,
    })
}

/// Reads a `struct sock_extended_err` (linux/errqueue.h) of a stamp, whose data is the place:
///
/// ```text
///  0  errno 4 | origin 1 | type 1 | code 1 | pad 1 | stage 4 | data 4
/// ```
fn report(body: &[u8]) -> Option<(Stage, u32)> {
    if u8_at(body, 4)? != ORIGIN_TIMESTAMPING {
        return None;
    }
    let stage = match u32_at(body, 8)? {
        0 => Stage::Sent,
        1 => Stage::Queued,
        2 => Stage::Acknowledged,
        _ => return None,
    };
    Some((stage, u32_at(body, 12)?))
}

/// Reads the first of the three times of a `struct scm_timestamping`, seconds and nanoseconds as
/// words of this machine, or of 64 bits each.
fn time(body: &[u8]) -> Option<u64> {
    let (seconds, nanos) = match body.len() {
        24 => (u32_at(body, 0)?.into(), u32_at(body, 4)?.into()),
        _ => (u64_at(body, 0)?, u64_at(body, 8)?),
    };
    let at = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    // A time that was not taken is zero.
    Some(at).filter(|&at| at > 0)
}

/// Reads the attributes of `TCP_NLA_…` (linux/tcp.h) that are of use beside a stamp.
fn statistics(body: &[u8]) -> Progress {
    let mut progress = Progress::default();
    for (kind, value) in attributes(body) {
        match kind {
            8 => progress.cwnd = u32_at(value, 0),
            22 => progress.rtt_us = u32_at(value, 0),
            24 => progress.unsent = u32_at(value, 0),
            _ => {}
        }
    }
    progress
}

/// `SO_EE_ORIGIN_TIMESTAMPING`.
const ORIGIN_TIMESTAMPING: u8 = 4;

#[cfg(test)]
mod tests;
