//! How long a message with escapes (`slip`) or codes (`cobs`) is, counted while its bytes pass.

use memchr::memchr;

use super::Framing;

/// What can be said of a message after its bytes have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// In bytes, escapes undone.
    pub(super) len: usize,
    pub(super) is_stuffed: bool,
    pub(super) is_malformed: bool,
}

/// Counts the bytes of a message under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    count: Count,
    /// Bytes so far.
    passed: usize,
    /// In bytes: how many are kept of a message that is too long.
    limit: usize,
    /// As it was after so many.
    at_limit: Count,
}

#[derive(Clone, Copy, Debug)]
enum Count {
    /// Of framings without escapes.
    None,
    Slip(Slip),
    Cobs(Cobs),
}

#[derive(Clone, Copy, Debug, Default)]
struct Slip {
    /// Escapes that are ones.
    escapes: usize,
    /// `ESC` bytes that the bytes so far end in.
    run: usize,
    /// Whether an escape was none.
    is_bad: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cobs {
    /// Bytes of the payload so far.
    len: usize,
    /// Bytes of the block under way that have not come yet.
    left: usize,
    /// Whether a zero follows the block under way, if another block does.
    owes_zero: bool,
}

const ESC: u8 = 0xDB;

impl Tally {
    pub(super) fn new(framing: &Framing, limit: usize) -> Self {
        let count = match framing {
            Framing::Slip => Count::Slip(Slip::default()),
            Framing::Cobs => Count::Cobs(Cobs::default()),
            _ => Count::None,
        };
        Self {
            count,
            passed: 0,
            limit,
            at_limit: count,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if matches!(self.count, Count::None) {
            return;
        }
        let before = self.limit.saturating_sub(self.passed).min(bytes.len());
        let (kept, rest) = bytes.split_at(before);
        self.count.push(kept);
        if self.passed <= self.limit {
            self.at_limit = self.count;
        }
        self.count.push(rest);
        self.passed += bytes.len();
    }

    /// Forgets what passed after the limit.
    pub(super) const fn cut_to_limit(&mut self) {
        if self.passed > self.limit {
            self.count = self.at_limit;
            self.passed = self.limit;
        }
    }

    pub(super) fn reset(&mut self) {
        self.count = match self.count {
            Count::None => return,
            Count::Slip(_) => Count::Slip(Slip::default()),
            Count::Cobs(_) => Count::Cobs(Cobs::default()),
        };
        self.at_limit = self.count;
        self.passed = 0;
    }

    /// Of a whole message of `held` bytes, with its delimiter, which is one byte.
    pub(super) fn whole(&self, held: usize) -> Said {
        let stuffed = held.saturating_sub(1);
        match self.count {
            Count::None => Said::plain(held),
            // The delimiter has come too, and is no escape.
            Count::Slip(slip) if slip.is_bad => Said::malformed(stuffed),
            Count::Slip(slip) => Said {
                len: stuffed.saturating_sub(slip.escapes),
                is_stuffed: slip.escapes > 0,
                is_malformed: false,
            },
            Count::Cobs(cobs) if cobs.left > 0 => Said::malformed(stuffed),
            Count::Cobs(cobs) => Said {
                len: cobs.len,
                is_stuffed: true,
                is_malformed: false,
            },
        }
    }

    /// Of the first `held` bytes of a message.
    pub(super) fn partial(&self, held: usize) -> Said {
        match self.count {
            Count::None => Said::plain(held),
            Count::Slip(slip) => {
                let stuffed = if slip.run == 1 {
                    held.saturating_sub(1)
                } else {
                    held
                };
                if slip.is_bad {
                    return Said::malformed(stuffed);
                }
                Said {
                    len: stuffed.saturating_sub(slip.escapes),
                    is_stuffed: slip.escapes > 0,
                    is_malformed: false,
                }
            }
            Count::Cobs(cobs) => Said {
                len: cobs.len,
                is_stuffed: true,
                is_malformed: false,
            },
        }
    }
}

impl Said {
    const fn plain(len: usize) -> Self {
        Self {
            len,
            is_stuffed: false,
            is_malformed: false,
        }
    }

    const fn malformed(len: usize) -> Self {
        Self {
            is_malformed: true,
            ..Self::plain(len)
        }
    }
}

impl Count {
    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Slip(slip) => slip.push(bytes),
            Self::Cobs(cobs) => cobs.push(bytes),
        }
    }
}

impl Slip {
    fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.run > 0 {
                let is_escape = matches!(first, 0xDC | 0xDD);
                self.escapes += usize::from(is_escape);
                self.is_bad |= !is_escape;
                self.run = if first == ESC { self.run + 1 } else { 0 };
                rest = &rest[1..];
            } else {
                let Some(at) = memchr(ESC, rest) else {
                    return;
                };
                self.run = 1;
                rest = &rest[at + 1..];
            }
        }
    }
}

impl Cobs {
    fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.left > 0 {
                // A zero ends the message within the block; it is its delimiter.
                let len = self.left.min(rest.len());
                let end = memchr(0, &rest[..len]).unwrap_or(len);
                self.len += end;
                self.left -= end;
                if end < len {
                    return;
                }
                rest = &rest[len..];
            } else if first == 0 {
                return;
            } else {
                self.len += usize::from(self.owes_zero);
                self.owes_zero = first != 0xFF;
                self.left = usize::from(first) - 1;
                rest = &rest[1..];
            }
        }
    }
}
