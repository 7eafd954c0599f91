//! What the kernel knows of our own sockets, without any privilege: facts for the timeline.
//!
//! ```text
//!  TCP_INFO of both ends ──▶ Snapshot ──┐
//!  stamps of written bytes ─▶ Writes ───┼──▶ What::Note { kind, message, data }
//!  the SYN of a peer ──────▶ Syn ───────┤
//!  who refused a datagram ─▶ Icmp ──────┘
//! ```
//!
//! Each is a value with a JSON form, which is the `data` of its note, and a sentence for people.
//! Who asks the kernel is the engine.

mod icmp;
mod snapshot;
mod syn;
mod write;

pub use icmp::Icmp;
pub use snapshot::{Moment, Scale, Snapshot, Socket, State};
pub use syn::Syn;
pub use write::{Following, Life, Progress, Stage, Writes};

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::event::What;

/// What the kernel knows, as it stands on a timeline.
pub trait Fact: Serialize + DeserializeOwned + fmt::Display {
    /// The kind of its note.
    const KIND: &'static str;

    /// Reads the data of a note; `None` for what is none of this.
    #[must_use]
    fn read(data: &Value) -> Option<Self> {
        Self::deserialize(data).ok()
    }

    /// Its note.
    #[must_use]
    fn note(&self) -> What {
        What::Note {
            kind: Self::KIND.to_owned(),
            message: self.to_string(),
            data: serde_json::to_value(self).unwrap_or(Value::Null),
        }
    }
}

/// What so many are called.
const fn unit(bytes: u64) -> &'static str {
    if bytes == 1 { "byte" } else { "bytes" }
}

/// A count as people read it: `65,483`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time, told in nanoseconds, in milliseconds: `0.041`, `12.50`, `1200`.
fn millis(nanos: u64) -> String {
    let micros = nanos / 1000;
    match micros {
        0..10_000 => format!("{}.{:03}", micros / 1000, micros % 1000),
        10_000..100_000 => format!("{}.{:02}", micros / 1000, micros % 1000 / 10),
        _ => (micros / 1000).to_string(),
    }
}

#[cfg(test)]
mod tests;
