//! When a reader of a transfer asks again before it waits.

/// In bytes: so much at once is a transfer and no conversation. One segment of the loopback, of
/// 65,483 bytes, is.
const BULK: u64 = 32 * 1024;

/// How often a reader asks again: for some microseconds.
const TRIES: u32 = 16;

/// What a reader has of it: some, once much came since it last waited.
///
/// A reader that waits as soon as it has everything is woken up by its sender for every few
/// segments. On one machine that costs the sender as much as sending them does, and it delays the
/// acknowledgements by which a congestion control such as BBR judges the connection.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// In bytes: what came since the last wait.
    burst: u64,
    tries: u32,
}

impl Patience {
    /// Takes how many bytes came; none, and it was asked in vain.
    pub(crate) fn hear(&mut self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.burst = self.burst.saturating_add(bytes);
        if BULK <= self.burst {
            self.tries = TRIES;
        }
    }

    /// Whether to ask again; the core has been given away meanwhile, for the sender may need it.
    /// Else it is time to wait.
    pub(crate) fn asks_again(&mut self) -> bool {
        if self.tries == 0 {
            self.burst = 0;
            return false;
        }
        self.tries -= 1;
        std::thread::yield_now();
        true
    }
}

#[cfg(test)]
mod tests;
