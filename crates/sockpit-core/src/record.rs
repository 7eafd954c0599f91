//! The JSON form of an event: one object a line, the same in a log, a pipe and a web socket.
//!
//! `docs/formats.md` has the table of fields for people; [`write()`] has their order.

use std::io;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use crate::event::{Event, What};
use crate::text::escape::first_invisible;

mod packet;
mod read;

pub use read::{ReadError, moment, read};

/// The version of the schema, `v` of each record. A new field does not change it; another meaning,
/// type or name of a field does.
pub const VERSION: u32 = 1;

/// When a timeline began, in nanoseconds since the Unix epoch (which ends in the year 2554).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Appends an event as one JSON object, without a newline.
///
/// Its fields stand in a fixed order, and those that say nothing are left out. No control or
/// [hidden](crate::text::escape::is_hidden) character is in it but as a `\u` escape, so that a
/// record is a harmless line on a terminal as well.
pub fn write(event: &Event, epoch: Epoch, out: &mut Vec<u8>) {
    let mut record = Writer { out };
    record.out.extend_from_slice(b"{\"v\":1");
    record.number("n", event.number);
    record.moment("at", epoch.0.saturating_add(event.time.as_nanos()));
    record.number("session", event.session.into());
    record.number("peer", event.peer.into());
    record.word("event", event.what.name());
    match &event.what {
        What::Listening { local } => record.unless_empty("local", local),
        What::Opened { addr, local } => {
            record.unless_empty("addr", addr);
            record.unless_empty("local", local);
        }
        What::Chunk {
            direction,
            offset,
            bytes,
            full_len,
        } => {
            record.word("dir", direction.as_str());
            record.number("offset", *offset);
            record.len("len", Some(bytes.len()));
            record.len("full_len", *full_len);
            record.hex("hex", bytes);
        }
        What::Frame {
            direction,
            offset,
            payload,
            text,
            malformed: _,
            partial,
            full_len,
        } => {
            record.word("dir", direction.as_str());
            record.number("offset", *offset);
            record.len("len", Some(payload.len()));
            record.len("full_len", *full_len);
            if *partial {
                record.value("partial", &Value::Bool(true));
            }
            if let Some(text) = text {
                record.string("text", text);
            }
            if text.as_ref().is_none_or(|text| text.as_bytes() != payload) {
                record.hex("hex", payload);
            }
        }
        What::Packet {
            direction,
            offset,
            packet,
        } => {
            record.word("dir", direction.as_str());
            if let Some(offset) = offset {
                record.number("offset", *offset);
            }
            record.len("len", Some(packet.bytes.len()));
            let is_cut = packet.full_len != packet.bytes.len();
            record.len("full_len", is_cut.then_some(packet.full_len));
            record.hex("hex", &packet.bytes);
            record.value("data", &packet::Written::of(packet));
        }
        What::Closed { reason, message } => {
            record.word("reason", reason.as_str());
            record.unless_empty("message", message);
        }
        What::Fault {
            kind,
            message,
            count,
        } => {
            if let Some(count) = count {
                record.number("count", *count);
            }
            record.word("kind", kind.as_str());
            record.unless_empty("message", message);
        }
        What::Gap { count } => record.number("count", *count),
        What::Note {
            kind,
            message,
            data,
        } => {
            record.string("kind", kind);
            if !data.is_null() {
                record.value("data", data);
            }
            record.unless_empty("message", message);
        }
    }
    record.out.push(b'}');
}

/// A record under construction.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn name(&mut self, field: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(field.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn number(&mut self, field: &str, number: u64) {
        self.value(field, &number);
    }

    /// Writes a length in memory, which is never longer than 64 bits.
    fn len(&mut self, field: &str, len: Option<usize>) {
        if let Some(len) = len {
            self.number(field, len as u64);
        }
    }

    /// Writes a word of ours, which needs no escapes.
    fn word(&mut self, field: &str, word: &str) {
        self.name(field);
        self.out.push(b'"');
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b'"');
    }

    fn moment(&mut self, field: &str, nanos: u64) {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(9));
        let moment = Timestamp::from_nanosecond(nanos.into())
            .expect("64 bits of nanoseconds end in the year 2554");
        self.name(field);
        self.out.push(b'"');
        PRINTER
            .print_timestamp(&moment, &mut *self.out)
            .expect("a vector takes everything");
        self.out.push(b'"');
    }

    fn string(&mut self, field: &str, text: &str) {
        self.value(field, text);
    }

    fn unless_empty(&mut self, field: &str, text: &str) {
        if !text.is_empty() {
            self.string(field, text);
        }
    }

    fn hex(&mut self, field: &str, bytes: &[u8]) {
        self.name(field);
        self.out.push(b'"');
        let start = self.out.len();
        self.out.resize(start + 2 * bytes.len(), 0);
        for (digits, byte) in self.out[start..].chunks_exact_mut(2).zip(bytes) {
            digits.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        self.out.push(b'"');
    }

    fn value<T: Serialize + ?Sized>(&mut self, field: &str, value: &T) {
        self.name(field);
        value
            .serialize(&mut Serializer::with_formatter(&mut *self.out, Harmless))
            .expect("a vector takes everything, and a JSON value has no keys but strings");
    }
}

/// The hexadecimal digit of a number below 16, reckoned and not looked up: so many are done at once.
const fn digit(number: u8) -> u8 {
    const TO_LETTERS: u8 = b'a' - b'9' - 1;
    b'0' + number + if number > 9 { TO_LETTERS } else { 0 }
}

/// Compact JSON in which nothing is invisible.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, character)) = first_invisible(rest) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + character.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests;
