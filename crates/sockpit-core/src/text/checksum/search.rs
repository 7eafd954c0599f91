//! Which checksum a message ends in: every algorithm is tried, the likely ones in more places.

use std::fmt;
use std::ops::Range;

use super::algorithm::{Algorithm, Order};

/// In bytes: how much of a message's head a checksum may leave out, such as a sync word.
const MOST_HEAD: usize = 4;

/// In bytes: how much may follow a checksum, such as `\r\n`.
const MOST_TAIL: usize = 2;

/// In bytes: up to this length every algorithm is tried, beyond it the common ones.
const THOROUGH: usize = 64 * 1024;

/// A checksum found in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub algorithm: Algorithm,
    /// How its field stands.
    pub order: Order,
    /// The bytes that it is of.
    pub range: Range<usize>,
    /// Where its field is.
    pub field: Range<usize>,
    /// Of the message, in bytes.
    pub len: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field.len();
        match (field, self.field.end == self.len) {
            (1, true) => f.write_str("the last byte is ")?,
            (1, false) => write!(f, "byte {} is ", self.field.start)?,
            (_, true) => write!(f, "the last {field} bytes are ")?,
            _ => write!(
                f,
                "bytes {} to {} are ",
                self.field.start,
                self.field.end - 1
            )?,
        }
        write!(f, "{}", self.algorithm)?;
        if field > 1 {
            write!(f, ", {},", self.order.words())?;
        }
        match self.range.start {
            0 => f.write_str(" of the bytes before")?,
            start => write!(
                f,
                " of bytes {start} to {}",
                self.range.end.saturating_sub(1)
            )?,
        }
        f.write_str(match field {
            1 => " (one byte fits by chance once in 256 tries)",
            _ => "",
        })
    }
}

/// Every checksum that `message` ends in, the likeliest first: of all bytes before it, or, if it is a
/// common one of two bytes or more, of all but a short head, or before a short tail. Those of one byte
/// are told only where there is no other.
#[must_use]
pub fn search(message: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let common: Vec<Algorithm> = Algorithm::common().collect();
    for algorithm in &common {
        try_at(message, *algorithm, 0, 0, &mut found);
    }
    if message.len() > THOROUGH {
        return found;
    }
    let others = Algorithm::all().iter().filter(|of| !common.contains(of));
    for algorithm in others {
        try_at(message, *algorithm, 0, 0, &mut found);
    }
    for head in 0..=MOST_HEAD {
        for tail in 0..=MOST_TAIL {
            for algorithm in common.iter().filter(|of| of.field_len() > 1) {
                if head + tail > 0 {
                    try_at(message, *algorithm, head, tail, &mut found);
                }
            }
        }
    }
    // Where more than one byte fits, those of one byte are chance.
    if found.iter().any(|found| found.field.len() > 1) {
        found.retain(|found| found.field.len() > 1);
    }
    found
}

fn try_at(message: &[u8], algorithm: Algorithm, head: usize, tail: usize, found: &mut Vec<Found>) {
    let end = message.len().saturating_sub(tail);
    let Some(start) = end.checked_sub(algorithm.field_len()) else {
        return;
    };
    // A field that is of nothing proves nothing.
    if start <= head {
        return;
    }
    let field = algorithm.field(Order::Be, &message[head..start]);
    let stated = &message[start..end];
    let order = if field == stated {
        Order::Be
    } else if field.iter().rev().eq(stated) {
        Order::Le
    } else {
        return;
    };
    found.push(Found {
        algorithm,
        order,
        range: head..start,
        field: start..end,
        len: message.len(),
    });
}
