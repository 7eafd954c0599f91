//! Answers for which a peer on a Unix socket has no room yet.
//!
//! Such a socket loses nothing: whoever sends is told that the other's queue is full, which holds ten
//! datagrams unless the system was told otherwise.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use sockpit_sys::datagram::PeerAddr;

/// Answers that wait at most; nothing is received meanwhile.
const MOST: usize = 1024;

/// In nanoseconds: a peer that takes nothing for so long has lost its answers.
const PATIENCE: u64 = 1_000_000_000;

/// In nanoseconds: who has not tried for so long was held up, and perhaps the peers with it.
const HELD_UP: u64 = 100_000_000;

/// They are tried again after this long.
pub(super) const AGAIN: Duration = Duration::from_millis(1);

/// The answers.
#[derive(Default)]
pub(super) struct Waiting {
    /// The oldest first.
    answers: VecDeque<Answer>,
    /// When they were tried last, in nanoseconds.
    tried: u64,
}

struct Answer {
    to: PeerAddr,
    bytes: Box<[u8]>,
    /// Since when it waits, in nanoseconds.
    since: u64,
}

impl Waiting {
    pub(super) fn push(&mut self, to: &PeerAddr, bytes: &[u8], now: u64) {
        self.answers.push_back(Answer {
            to: to.clone(),
            bytes: bytes.into(),
            since: now,
        });
    }

    /// Tries each once, but none before an older one to the same peer; gives how many were lost. Those
    /// that could not be tried for long are waited for anew.
    pub(super) fn retry(
        &mut self,
        now: u64,
        mut send: impl FnMut(&PeerAddr, &[u8]) -> io::Result<()>,
    ) -> u64 {
        if HELD_UP <= now.saturating_sub(self.tried) {
            self.answers
                .iter_mut()
                .for_each(|answer| answer.since = now);
        }
        self.tried = now;
        let mut lost = 0;
        let mut full: Vec<PeerAddr> = Vec::new();
        self.answers.retain(|answer| {
            let sent = match full.contains(&answer.to) {
                true => Err(io::ErrorKind::WouldBlock.into()),
                false => send(&answer.to, &answer.bytes),
            };
            match sent {
                Ok(()) => return false,
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock
                        && now.saturating_sub(answer.since) < PATIENCE =>
                {
                    if !full.contains(&answer.to) {
                        full.push(answer.to.clone());
                    }
                    return true;
                }
                Err(_) => lost += 1,
            }
            false
        });
        lost
    }

    /// Whether one to that peer waits, which a later one must not overtake.
    pub(super) fn has(&self, to: &PeerAddr) -> bool {
        self.answers.iter().any(|answer| answer.to == *to)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        MOST <= self.answers.len()
    }
}

#[cfg(test)]
mod tests;
