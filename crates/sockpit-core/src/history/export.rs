//! A view as a file.
//!
//! ```text
//! jsonl  a record a line, as `record` writes it: frames in a view of messages, else chunks
//! txt    [10:21:17.968] → peer 1  text
//! csv    time,direction,session,peer,kind,offset,length,text,hex     RFC 4180
//! ```
//!
//! In `csv`, a text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`,
//! a tab or a carriage return) gets an apostrophe before it; `hex` has the bytes as they are.

use std::fmt::Write as _;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::History;
use super::view::View;
use crate::event::{Direction, Event, What};
use crate::filter::Clock;
use crate::record::{self, Epoch};
use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Records, one a line.
    Jsonl,
    /// A log for people.
    Text,
    /// A table.
    Csv,
}

/// A word that names no form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no form of a file; write `jsonl`, `txt` or `csv`",
    VisibleLine(text)
)]
pub struct ParseFormError {
    text: String,
}

impl FromStr for Form {
    type Err = ParseFormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "jsonl" => Ok(Self::Jsonl),
            "txt" => Ok(Self::Text),
            "csv" => Ok(Self::Csv),
            _ => Err(ParseFormError {
                text: text.to_owned(),
            }),
        }
    }
}

const HEADING: &str = "time,direction,session,peer,kind,offset,length,text,hex\r\n";

impl View {
    /// Appends rows from a number on to `out`, until about `budget` bytes are there; gives the
    /// number to go on with, or `None` where the last row was written. A table gets its heading
    /// from [`heading`](Form::heading).
    pub fn export(
        &self,
        history: &History,
        form: Form,
        clock: Clock,
        from: u64,
        budget: usize,
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let enough = out.len().saturating_add(budget.max(1));
        for index in from.max(self.first())..self.next() {
            if out.len() >= enough {
                return Some(index);
            }
            // What was evicted meanwhile is left out.
            let Some(event) = self.event(history, index) else {
                continue;
            };
            match form {
                Form::Jsonl => {
                    record::write(&event, clock.epoch, out);
                    out.push(b'\n');
                }
                Form::Text => write_line(&event, self.said(history, &event).as_deref(), clock, out),
                Form::Csv => {
                    let text = self.said(history, &event);
                    write_cells(&event, text.as_deref(), clock.epoch, out);
                }
            }
        }
        None
    }

    /// What a message or a chunk says as text, if it is text.
    fn said(&self, history: &History, event: &Event) -> Option<String> {
        match &event.what {
            What::Frame { text, .. } => text.clone(),
            What::Chunk {
                direction, bytes, ..
            } => {
                let charset: Option<Charset> = self.charset(history, event.session, *direction);
                charset.map(|charset| charset.decode(bytes).text)
            }
            _ => None,
        }
    }
}

impl Form {
    /// What stands before the first row.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Csv => HEADING,
            Self::Jsonl | Self::Text => "",
        }
    }
}

/// Writes a row as a person reads it.
fn write_line(event: &Event, text: Option<&str>, clock: Clock, out: &mut Vec<u8>) {
    let nanos = clock.epoch.0.saturating_add(event.time.as_nanos());
    let moment = timestamp(nanos);
    let offset = Offset::from_seconds(clock.utc_offset).unwrap_or(Offset::UTC);
    let mut line = format!("[{}]", offset.to_datetime(moment).strftime("%H:%M:%S%.3f"));
    let arrow = match direction_of(&event.what) {
        Some(Direction::In) => "←",
        Some(Direction::Out) => "→",
        None => "•",
    };
    for part in [
        " ",
        arrow,
        " session ",
        &event.session.to_string(),
        " peer ",
    ] {
        line.push_str(part);
    }
    line.push_str(&event.peer.to_string());
    line.push_str("  ");
    match &event.what {
        What::Frame { payload: bytes, .. } | What::Chunk { bytes, .. } => match text {
            Some(text) => {
                write!(line, "{}", VisibleLine(text)).expect("a string takes everything");
            }
            None => write_hex(bytes, " ", &mut line),
        },
        what => {
            line.push_str(what.name());
            let sentence = sentence_of(what);
            if !sentence.is_empty() {
                write!(line, ": {}", VisibleLine(&sentence)).expect("a string takes everything");
            }
        }
    }
    line.push('\n');
    out.extend_from_slice(line.as_bytes());
}

/// Writes a row of the table.
fn write_cells(event: &Event, text: Option<&str>, epoch: Epoch, out: &mut Vec<u8>) {
    let moment = timestamp(epoch.0.saturating_add(event.time.as_nanos()));
    let mut row = moment.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string();
    let direction = direction_of(&event.what).map_or("", Direction::as_str);
    let (offset, bytes) = match &event.what {
        What::Frame {
            offset,
            payload: bytes,
            ..
        }
        | What::Chunk { offset, bytes, .. } => (Some(*offset), Some(bytes)),
        What::Packet { offset, packet, .. } => (*offset, Some(&packet.bytes)),
        _ => (None, None),
    };
    let (session, peer, kind) = (event.session, event.peer, event.what.name());
    write!(row, ",{direction},{session},{peer},{kind},").expect("a string takes everything");
    if let Some(offset) = offset {
        write!(row, "{offset}").expect("a string takes everything");
    }
    row.push(',');
    if let Some(bytes) = bytes {
        write!(row, "{}", bytes.len()).expect("a string takes everything");
    }
    row.push(',');
    match text {
        Some(text) => write_cell(text, &mut row),
        None => write_cell(&sentence_of(&event.what), &mut row),
    }
    row.push(',');
    if let Some(bytes) = bytes {
        write_hex(bytes, "", &mut row);
    }
    row.push_str("\r\n");
    out.extend_from_slice(row.as_bytes());
}

/// Writes a cell that no spreadsheet takes for a formula.
fn write_cell(text: &str, row: &mut String) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\r', '\n']) {
        row.push_str(text);
        return;
    }
    row.push('"');
    if is_formula {
        row.push('\'');
    }
    row.push_str(&text.replace('"', "\"\""));
    row.push('"');
}

fn write_hex(bytes: &[u8], between: &str, out: &mut String) {
    out.reserve(bytes.len().saturating_mul(2 + between.len()));
    for (index, byte) in bytes.iter().enumerate() {
        let between = if index > 0 { between } else { "" };
        write!(out, "{between}{byte:02x}").expect("a string takes everything");
    }
}

fn direction_of(what: &What) -> Option<Direction> {
    match what {
        What::Frame { direction, .. }
        | What::Chunk { direction, .. }
        | What::Packet { direction, .. } => Some(*direction),
        _ => None,
    }
}

/// What happened, in words.
fn sentence_of(what: &What) -> String {
    match what {
        What::Listening { local } => local.clone(),
        What::Opened { addr, .. } => addr.clone(),
        What::Closed { reason, message } if message.is_empty() => reason.as_str().to_owned(),
        What::Closed { reason, message } => format!("{}: {message}", reason.as_str()),
        What::Gap { count } => count.to_string(),
        What::Note { kind, message, .. } if message.is_empty() => kind.clone(),
        What::Fault { message, .. } | What::Note { message, .. } => message.clone(),
        What::Packet { packet, .. } => format!("{} bytes", packet.full_len),
        What::Frame { .. } | What::Chunk { .. } => String::new(),
    }
}

fn timestamp(nanos: u64) -> Timestamp {
    Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}
