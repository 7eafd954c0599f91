//! A report as people read it.

use super::{Answer, Mode, Pace, Report, Summary};
use crate::time::Measured;

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// How much, with its unit.
    pub value: String,
}

impl Row {
    pub(super) fn new(name: &str, value: String) -> Self {
        Self {
            name: name.to_owned(),
            value,
        }
    }
}

impl Report {
    /// The table of it, in the order in which it is read.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = vec![Row::new("time", span(self.elapsed_ns))];
        let mut row = |name: &str, value: String| rows.push(Row::new(name, value));
        let sent = match self.mode {
            Mode::Churn => "connections begun",
            Mode::Request | Mode::OneWay => "sent",
        };
        let rate = format!("{}/s", number(self.sent_per_second));
        row(sent, format!("{} ({rate})", self.sent.messages));
        match self.mode {
            Mode::OneWay => row("throughput", bytes_per_second(self.sent_bytes_per_second)),
            Mode::Request | Mode::Churn => {
                let name = match self.mode {
                    Mode::Churn => "round trips",
                    _ => "answers",
                };
                let rate = format!("{}/s", number(self.received_per_second));
                row(name, format!("{} ({rate})", self.received.messages));
                // A few are under way at any end; what is less changes no digit of the rate.
                if self.received.messages / 100 < self.received_after.messages {
                    row(
                        "of them after the end",
                        self.received_after.messages.to_string(),
                    );
                }
                row(
                    "throughput",
                    bytes_per_second(self.received_bytes_per_second),
                );
            }
        }
        if let Some(sink) = &self.sink {
            let rate = |amount: u64| amount as f64 * 1e9 / (sink.elapsed_ns as f64);
            // What came all at once has no rate.
            let counted = match (self.is_stream, sink.elapsed_ns) {
                (true, 0) => format!("{} bytes", sink.bytes),
                (true, _) => format!(
                    "{} bytes ({})",
                    sink.bytes,
                    bytes_per_second(rate(sink.bytes))
                ),
                (false, 0) => sink.messages.to_string(),
                (false, _) => format!("{} ({}/s)", sink.messages, number(rate(sink.messages))),
            };
            row("received by the server", counted);
        }
        if let Some(lost) = self.lost().filter(|lost| !self.is_stream || 0 < *lost) {
            let of = match self.is_stream {
                true => self.sent.bytes,
                false => self.sent.messages,
            };
            let unit = if self.is_stream { " bytes" } else { "" };
            row("lost", format!("{lost}{unit} ({})", share(lost, of)));
        }
        if let Some(order) = self.order.or(self.sink.map(|sink| sink.order))
            && !self.is_stream
        {
            row("reordered", order.reordered.to_string());
            row("duplicates", order.duplicates.to_string());
            if 0 < order.stale {
                row("too late", order.stale.to_string());
            }
        }
        let latency = |percentile: &str| format!("latency {percentile}");
        summary_rows(&mut row, latency, &self.latency, &PERCENTILES);
        let connecting = |percentile: &str| format!("connecting {percentile}");
        summary_rows(&mut row, connecting, &self.connect, &FEW);
        for (name, count) in [
            ("corrupt answers", self.corrupt),
            ("unanswered", self.unanswered),
            ("late answers", self.late),
            ("due and not sent", self.unsent),
        ] {
            if 0 < count {
                row(name, count.to_string());
            }
        }
        for (name, count) in self.faults.kinds() {
            if 0 < count {
                row(name, count.to_string());
            }
        }
        rows
    }

    /// Sentences without which the figures would be misread.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.is_stopped {
            notes.push("it was ended before its time".to_owned());
        }
        if self.mode == Mode::OneWay && self.sink.is_none() {
            notes.push(
                "the server told no counts, so only what was written is known, not what arrived"
                    .to_owned(),
            );
        }
        // The last ones of a schedule may be late by as much as a thread wakes up late.
        if self.sent.messages / 1000 + 1 < self.unsent {
            notes.push(format!(
                "sending fell behind its schedule: {} messages were due and never sent, and are in \
                 no latency",
                self.unsent
            ));
        }
        if 0 < self.corrupt && self.answer == Answer::Same {
            notes.push(
                "answers that differ from what was sent are corrupt here; of a server that is no \
                 echo, `--any-answer` takes any"
                    .to_owned(),
            );
        }
        if let Some(note) = self.malformed_note() {
            notes.push(note.to_owned());
        }
        notes.extend(self.held_up_note());
        if 0 < self.latency.count && self.pace != Pace::Max {
            notes.push("latency counts from when each message was due".to_owned());
        }
        // A single connection has a port of its own: it is the one of `--bind` that is not free again.
        if 0 < self.faults.no_port && (self.mode == Mode::Churn || self.connections > 1) {
            notes.push(
                match self.mode {
                    Mode::Churn => {
                        "local ports ran out: each closed connection keeps one for a minute; \
                         `--reset` leaves none, and so does connecting more slowly"
                    }
                    Mode::Request | Mode::OneWay => {
                        "there are fewer local ports than connections; \
                         `net.ipv4.ip_local_port_range` says which, and `--bind` takes another \
                         address with as many"
                    }
                }
                .to_owned(),
            );
        }
        if 0 < self.faults.no_descriptor {
            notes.push(
                "descriptors ran out: each connection takes one, and `ulimit -n` says how many \
                 there are"
                    .to_owned(),
            );
        }
        notes
    }

    /// What datagrams without an answer cost, where each connection waits for its own.
    fn held_up_note(&self) -> Option<String> {
        let is_held_up = !self.is_stream
            // What was under way then waits no longer.
            && !self.is_stopped
            && !matches!(self.pace, Pace::Open(_))
            && self.in_flight == 1
            // What nobody took is given up at once.
            && self.faults.refused == 0;
        match self.unanswered {
            0 => None,
            _ if !is_held_up => None,
            1 => Some(
                "1 datagram was not answered, and held its connection up for `--timeout`; \
                 `--rate` with `--open-loop` waits for none"
                    .to_owned(),
            ),
            count => Some(format!(
                "{count} datagrams were not answered, and each held its connection up for \
                 `--timeout`; `--rate` with `--open-loop` waits for none"
            )),
        }
    }

    /// Why answers were malformed.
    fn malformed_note(&self) -> Option<&'static str> {
        if self.faults.malformed == 0 || self.mode == Mode::OneWay {
            return None;
        }
        Some(match (self.is_stream, self.frame.as_str()) {
            (true, "raw") => {
                "a malformed answer goes on beyond the length of what was sent; `--frame` says \
                 where an answer ends"
            }
            (true, _) => "a malformed answer does not fit `--frame`, or nobody asked for it",
            (false, _) if self.answer == Answer::Any => {
                "a malformed answer came when no message waited for one"
            }
            (false, _) => {
                "a malformed answer has no number of this load; of a server that is no echo, \
                 `--any-answer` takes any"
            }
        })
    }
}

type Percentile = (&'static str, fn(&Summary) -> u64);

const PERCENTILES: [Percentile; 7] = [
    ("mean", |summary| summary.mean),
    ("p50", |summary| summary.p50),
    ("p90", |summary| summary.p90),
    ("p99", |summary| summary.p99),
    ("p99.9", |summary| summary.p99_9),
    ("p99.99", |summary| summary.p99_99),
    ("max", |summary| summary.max),
];

const FEW: [Percentile; 3] = [
    ("p50", |summary| summary.p50),
    ("p99", |summary| summary.p99),
    ("max", |summary| summary.max),
];

fn summary_rows(
    row: &mut impl FnMut(&str, String),
    name: impl Fn(&str) -> String,
    summary: &Summary,
    percentiles: &[Percentile],
) {
    if summary.count == 0 {
        return;
    }
    for (percentile, of) in percentiles {
        row(&name(percentile), span(of(summary)));
    }
}

fn span(nanos: u64) -> String {
    Measured(i64::try_from(nanos).unwrap_or(i64::MAX)).to_string()
}

/// A number with three digits that count, and a unit of thousands: `870`, `12.3k`, `1.20M`.
#[must_use]
pub fn number(value: f64) -> String {
    let (value, unit) = match value {
        0.0 => return "0".to_owned(),
        ..1e4 => (value, ""),
        ..1e6 => (value / 1e3, "k"),
        ..1e9 => (value / 1e6, "M"),
        _ => (value / 1e9, "G"),
    };
    let digits = match value {
        _ if unit.is_empty() && 100.0 <= value => 0,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}{unit}")
}

/// Bytes a second with three digits that count: `870 B/s`, `12.3 kB/s`, `4.21 GB/s`; units are powers
/// of 1,000.
#[must_use]
pub fn bytes_per_second(value: f64) -> String {
    let (value, unit) = match value {
        ..1e3 => (value, "B/s"),
        ..1e6 => (value / 1e3, "kB/s"),
        ..1e9 => (value / 1e6, "MB/s"),
        _ => (value / 1e9, "GB/s"),
    };
    let digits = match value {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        ..1.0 => format!("{percent:.3} %"),
        _ => format!("{percent:.1} %"),
    }
}

#[cfg(test)]
mod tests;
