//! The timeline on a terminal: time, direction, peer, message; nothing that a peer could use against
//! the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::plan::{Plan, Role};
use sockpit_core::record::Epoch;
use sockpit_core::text::charset::{Charset, Decoder};
use sockpit_core::text::escape::{Visible, VisibleLine};
use sockpit_core::text::{hex, width};

use super::Form;

/// Writes events as lines for people.
pub(crate) struct Timeline {
    charset: Option<Charset>,
    is_raw_stream: bool,
    has_many_peers: bool,
    has_colour: bool,
    zone: TimeZone,
    decoders: BTreeMap<(u32, u32, bool), Decoder>,
}

impl Timeline {
    pub(crate) fn new(plan: &Plan, has_colour: bool) -> Self {
        Self {
            charset: plan.text,
            is_raw_stream: plan.is_raw_stream(),
            has_many_peers: plan.role == Role::Server,
            has_colour,
            zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
            decoders: BTreeMap::new(),
        }
    }

    /// Whether it is worth saying which peer.
    pub(crate) fn has_many_peers(&self) -> bool {
        self.has_many_peers
    }

    /// Appends the lines of `event`, if it has any in this form.
    pub(crate) fn write(&mut self, event: &Event, epoch: Epoch, form: Form, out: &mut String) {
        match &event.what {
            What::Chunk {
                direction, bytes, ..
            } if self.is_raw_stream => {
                let (text, broken_at) = self.decode(event, *direction, bytes);
                let mark = self.mark(false, broken_at);
                self.message(
                    event,
                    epoch,
                    *direction,
                    &body(form, bytes, text),
                    &mark,
                    out,
                );
            }
            What::Frame {
                direction,
                payload,
                text,
                partial,
                malformed,
                ..
            } => {
                let broken_at = match self.charset {
                    Some(charset) if *malformed => charset.decode(payload).malformed_at,
                    _ => None,
                };
                let mark = self.mark(*partial, broken_at.map(|at| at as u64));
                let body = body(form, payload, text.clone());
                self.message(event, epoch, *direction, &body, &mark, out);
            }
            What::Opened { addr, .. } => {
                let addr = VisibleLine(addr);
                self.remark(event, epoch, format_args!("{addr} is there"), out);
            }
            What::Closed { reason, .. } if event.peer > 0 => {
                self.end_decoders(event, epoch, out);
                let reason = reason.as_str();
                self.remark(event, epoch, format_args!("has ended ({reason})"), out);
            }
            What::Gap { count } => {
                self.remark(
                    event,
                    epoch,
                    format_args!("{count} events are not shown"),
                    out,
                );
            }
            What::Note { message, .. } if !message.is_empty() => {
                self.remark(event, epoch, format_args!("{}", VisibleLine(message)), out);
            }
            _ => {}
        }
    }

    /// The text of a chunk, and where in the stream the first byte is that is none.
    fn decode(
        &mut self,
        event: &Event,
        direction: Direction,
        bytes: &[u8],
    ) -> (Option<String>, Option<u64>) {
        let Some(charset) = self.charset else {
            return (None, None);
        };
        let key = (event.session, event.peer, direction == Direction::In);
        let decoder = self
            .decoders
            .entry(key)
            .or_insert_with(|| charset.decoder());
        let mut text = String::new();
        let broken_at = decoder.push(bytes, &mut text);
        (Some(text), broken_at)
    }

    /// A character that was never finished is shown as one that is broken.
    fn end_decoders(&mut self, event: &Event, epoch: Epoch, out: &mut String) {
        for direction in [Direction::In, Direction::Out] {
            let key = (event.session, event.peer, direction == Direction::In);
            let mut text = String::new();
            if let Some(mut decoder) = self.decoders.remove(&key) {
                decoder.finish(&mut text);
            }
            if !text.is_empty() {
                self.message(event, epoch, direction, &text, "  (partial)", out);
            }
        }
    }

    /// What is to be said of a message beside it.
    fn mark(&self, is_partial: bool, broken_at: Option<u64>) -> String {
        let mut mark = String::new();
        if is_partial {
            mark.push_str("  (partial)");
        }
        if let (Some(at), Some(charset)) = (broken_at, self.charset) {
            // Writing to a string cannot fail.
            let _ = write!(mark, "  (not {charset} at byte {at})");
        }
        mark
    }

    fn message(
        &self,
        event: &Event,
        epoch: Epoch,
        direction: Direction,
        body: &str,
        mark: &str,
        out: &mut String,
    ) {
        let (arrow, colour) = match direction {
            Direction::In => ("←", "32"),
            Direction::Out => ("→", "34"),
        };
        let mut head = self.time(event, epoch);
        if self.has_many_peers {
            let _ = write!(head, " {:>2}", event.peer);
        }
        let indent = width::width(&head) + 3;
        let body = body.strip_suffix('\n').unwrap_or(body);
        for (index, line) in body.split('\n').enumerate() {
            let line = line.strip_suffix("\\x0d").unwrap_or(line);
            let _ = match (index, self.has_colour) {
                (0, true) => write!(
                    out,
                    "\x1b[2m{head}\x1b[0m \x1b[{colour}m{arrow}\x1b[0m {line}"
                ),
                (0, false) => write!(out, "{head} {arrow} {line}"),
                _ => write!(out, "\n{:indent$}{line}", ""),
            };
        }
        out.push_str(mark);
        out.push('\n');
    }

    fn remark(&self, event: &Event, epoch: Epoch, text: std::fmt::Arguments<'_>, out: &mut String) {
        let mut line = self.time(event, epoch);
        if self.has_many_peers {
            let _ = write!(line, " {:>2}", event.peer);
        }
        let _ = write!(line, " · {text}");
        let _ = if self.has_colour {
            writeln!(out, "\x1b[2m{line}\x1b[0m")
        } else {
            writeln!(out, "{line}")
        };
    }

    /// `14:03:22.123`, in local time.
    fn time(&self, event: &Event, epoch: Epoch) -> String {
        let nanos = i128::from(epoch.0) + i128::from(event.time.as_nanos());
        let Ok(moment) = jiff::Timestamp::from_nanosecond(nanos) else {
            return String::new();
        };
        moment
            .to_zoned(self.zone.clone())
            .strftime("%H:%M:%S%.3f")
            .to_string()
    }
}

/// What is shown of a message.
fn body(form: Form, bytes: &[u8], text: Option<String>) -> String {
    let mut digits = String::new();
    if form != Form::Text || text.is_none() {
        hex::write(bytes, &mut digits);
    }
    match (form, text) {
        (Form::Both, Some(text)) => format!("{digits}  {}", VisibleLine(&text)),
        (Form::Text, Some(text)) => Visible(&text).to_string(),
        _ => digits,
    }
}
