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

use serde::Serialize;
use serde_json::Value;

use crate::event::What;

/// The note of a fact.
fn note<T: Serialize + ToString>(kind: &str, fact: &T) -> What {
    What::Note {
        kind: kind.to_owned(),
        message: fact.to_string(),
        data: serde_json::to_value(fact).unwrap_or(Value::Null),
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
