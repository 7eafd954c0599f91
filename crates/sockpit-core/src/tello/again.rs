//! The `Re` prefix: the vendor's own way to send a command several times and have it done once.
//!
//! Drones from SDK 2.0 on take it. Every copy of a command has the same label; the drone does what
//! the first copy says, and answers each one. There are two ways to write it:
//!
//! ```text
//! Ascii    R e 0 7 0 2 ␠ forward 50        label 07, attempt 02: since 2021
//!          R e 0 7 0 2 ␠ ok
//! Binary   R e hi lo 01 n ␠ forward 50     label (hi-1)·128+lo, attempt n-1: 2019
//!          R e hi lo 01 n ␠ ok             with lo 0 written as 2
//! ```
//!
//! As a reply names its label, it is never taken for another's, whatever the link does.

use std::collections::BTreeMap;
use std::fmt::Write;

/// How the prefix is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Again {
    /// Digits, as the vendor's library and controller write them since 2021.
    #[default]
    Ascii,
    /// Bytes, as the vendor's formation program of 2019 writes them.
    Binary,
}

impl Again {
    /// How many labels there are before the first comes again.
    #[must_use]
    pub const fn labels(self) -> u16 {
        match self {
            Self::Ascii => 100,
            // Up to here both bytes are below 128.
            Self::Binary => 127 * 128,
        }
    }

    /// The label after this one.
    #[must_use]
    pub const fn next(self, label: u16) -> u16 {
        let next = (label % self.labels()).saturating_add(1) % self.labels();
        // Byte values 0 and 2 stand for the same label: the second is left out.
        match self {
            Self::Binary if next % 128 == 2 => next.saturating_add(1),
            _ => next,
        }
    }
}

/// How many copies of a command the vendor's programs send, attempts 1 to 5.
pub const COPIES: u8 = 5;

/// A datagram with a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapped<'a> {
    /// How it is written.
    pub form: Again,
    /// Which command it is.
    pub label: u16,
    /// Which copy of it, from 1.
    pub attempt: u8,
    /// The command, or its reply.
    pub text: &'a [u8],
}

/// Writes a copy of a command, or the reply to it. A label beyond those that there are begins anew;
/// attempts go from 1 to 99.
#[must_use]
pub fn wrap(form: Again, label: u16, attempt: u8, text: &[u8]) -> Vec<u8> {
    let label = label % form.labels();
    let attempt = attempt.clamp(1, 99);
    let mut datagram = Vec::with_capacity(PREFIX.saturating_add(text.len()));
    match form {
        Again::Ascii => {
            let mut head = String::new();
            let _ = write!(head, "Re{label:02}{attempt:02} ");
            datagram.extend_from_slice(head.as_bytes());
        }
        Again::Binary => {
            let high = u8::try_from(label / 128)
                .unwrap_or_default()
                .saturating_add(1);
            let low = match u8::try_from(label % 128).unwrap_or_default() {
                0 => 2,
                low => low,
            };
            datagram.extend_from_slice(b"Re");
            datagram.extend_from_slice(&[high, low, 1, attempt.saturating_add(1), b' ']);
        }
    }
    datagram.extend_from_slice(text);
    datagram
}

/// Takes the prefix off a datagram; `None` where it has none.
///
/// Attempts in ASCII may be hexadecimal, as the controller writes them.
#[must_use]
pub fn unwrap(datagram: &[u8]) -> Option<Wrapped<'_>> {
    let rest = datagram.strip_prefix(b"Re")?;
    let (head, text) = rest.split_at_checked(PREFIX.saturating_sub(2))?;
    let &[a, b, c, d, b' '] = head else {
        return None;
    };
    let is_digits =
        [a, b].iter().all(u8::is_ascii_digit) && [c, d].iter().all(u8::is_ascii_hexdigit);
    if is_digits {
        let digits = |pair: [u8; 2], radix: u32| {
            let text = std::str::from_utf8(&pair).ok()?;
            u8::from_str_radix(text, radix).ok()
        };
        let attempt = digits([c, d], 10).or_else(|| digits([c, d], 16))?;
        return Some(Wrapped {
            form: Again::Ascii,
            label: u16::from(digits([a, b], 10)?),
            attempt,
            text,
        });
    }
    if c != 1 || a == 0 || 127 < a || 127 < b {
        return None;
    }
    let low = if b == 2 { 0 } else { u16::from(b) };
    Some(Wrapped {
        form: Again::Binary,
        label: u16::from(a.saturating_sub(1))
            .saturating_mul(128)
            .saturating_add(low),
        attempt: d.saturating_sub(1),
        text,
    })
}

/// In bytes, the blank included.
const PREFIX: usize = 7;

/// What a drone remembers of the copies that it got.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The reply to each label, `None` while the drone is at it.
    replies: BTreeMap<(Again, u16), Option<Vec<u8>>>,
    /// The labels, the oldest first.
    order: std::collections::VecDeque<(Again, u16)>,
}

/// What a copy of a command is to a drone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The first one: the drone does it.
    New,
    /// The drone is at it; the answer comes when it is done.
    Running,
    /// It is done, and this is what was answered.
    Answered(Vec<u8>),
}

/// How many labels a drone remembers. Half of those that there are, so that a label that comes round
/// again is new.
const REMEMBERED: usize = 50;

impl Memory {
    /// Takes a copy of a command.
    pub fn hear(&mut self, copy: &Wrapped<'_>) -> Heard {
        let key = (copy.form, copy.label);
        match self.replies.get(&key) {
            Some(Some(reply)) => Heard::Answered(reply.clone()),
            Some(None) => Heard::Running,
            None => {
                self.replies.insert(key, None);
                self.order.push_back(key);
                if REMEMBERED < self.order.len()
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.replies.remove(&oldest);
                }
                Heard::New
            }
        }
    }

    /// Remembers what was answered to a label.
    pub fn answered(&mut self, form: Again, label: u16, text: &[u8]) {
        if let Some(reply) = self.replies.get_mut(&(form, label)) {
            *reply = Some(text.to_vec());
        }
    }
}

#[cfg(test)]
mod tests;
