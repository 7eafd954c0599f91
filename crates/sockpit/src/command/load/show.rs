//! How a load is told: a line a second, and a table at the end.

use std::time::Duration;

use serde_json::{Value, json};
use sockpit_core::load::{Mode, Progress, Report, Row, Served, VERSION, bytes_per_second, number};
use sockpit_core::text::width;
use sockpit_core::time::Measured;

use super::processor::{ProcessorTime, TICK};

/// In columns: what parts the names from the values.
const GAP: usize = 2;

/// So much processor time is told apart by where it was taken: of less, the kernel's ticks say little.
const TOLD_APART: Duration = Duration::from_millis(100);

/// Who is further behind its schedule is told to be so.
const LATE: Duration = Duration::from_millis(100);

/// What one second was like, in one line.
pub(super) fn line(mode: Mode, progress: &Progress) -> String {
    let (messages, bytes) = match mode {
        Mode::OneWay => (progress.sent, progress.sent_bytes),
        Mode::Request | Mode::Churn => (progress.received, progress.received_bytes),
    };
    let mut parts = vec![
        format!("{:>3} s", progress.second),
        format!("{}/s", number(rate(messages, progress.span))),
        bytes_per_second(rate(bytes, progress.span)),
    ];
    let latency = &progress.latency;
    if latency.count > 0 {
        parts.push(format!("p50 {}", span(latency.p50)));
        parts.push(format!("p99 {}", span(latency.p99)));
        parts.push(format!("max {}", span(latency.max)));
    }
    parts.push(format!("{} open", progress.connected));
    if progress.faults > 0 {
        parts.push(format!("{} faults", progress.faults));
    }
    if progress.lag > LATE {
        parts.push(format!("{} behind", span(nanos(progress.lag))));
    }
    parts.join("  ")
}

/// What one second was like, as an object.
pub(super) fn object(progress: &Progress) -> Value {
    json!({
        "v": VERSION,
        "event": "progress",
        "second": progress.second,
        "elapsed_ns": nanos(progress.elapsed),
        "span_ns": nanos(progress.span),
        "connected": progress.connected,
        "sent": { "messages": progress.sent, "bytes": progress.sent_bytes },
        "received": { "messages": progress.received, "bytes": progress.received_bytes },
        "latency": progress.latency,
        "faults": progress.faults,
        "lag_ns": nanos(progress.lag),
    })
}

/// The report as an object.
pub(super) fn report_object(report: &Report, taken: Option<ProcessorTime>) -> Value {
    let mut object = json!(report);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("event".to_owned(), json!("report"));
        if let Some(taken) = taken {
            let taken = json!({
                "whole_ns": nanos(taken.whole),
                "user_ns": nanos(taken.user),
                "system_ns": nanos(taken.system),
            });
            fields.insert("processor".to_owned(), taken);
        }
    }
    object
}

/// The rows of the report.
pub(super) fn rows(report: &Report, taken: Option<ProcessorTime>) -> Vec<Row> {
    let mut rows = report.rows();
    if let Some(taken) = taken {
        let value = processor_time(taken, report.elapsed_ns);
        let name = "processor time".to_owned();
        rows.push(Row { name, value });
    }
    rows
}

/// Processor time, with its share of a time in nanoseconds.
fn processor_time(taken: ProcessorTime, elapsed: u64) -> String {
    let whole = span(nanos(taken.whole));
    let share = match nanos(taken.whole) as f64 * 100.0 / elapsed.max(1) as f64 {
        share if share < 1.0 => "<1".to_owned(),
        share => format!("{share:.0}"),
    };
    if taken.whole < TOLD_APART {
        return format!("{whole}, {share} % of one processor");
    }
    let part = |part: Duration| match part {
        Duration::ZERO => format!("<{}", span(nanos(TICK))),
        part => span(nanos(part)).to_string(),
    };
    let (user, system) = (part(taken.user), part(taken.system));
    format!("{whole} ({user} program, {system} system), {share} % of one processor")
}

/// What a server did, as an object.
pub(super) fn served_object(served: &Served) -> Value {
    let mut object = json!(served);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("v".to_owned(), json!(VERSION));
        fields.insert("event".to_owned(), json!("served"));
    }
    object
}

/// What a server did since it was told last, in one line.
pub(super) fn served_line(before: &Served, served: &Served) -> String {
    let since = |now: u64, before: u64| now.saturating_sub(before) as f64;
    let mut parts = vec![format!("{} open", served.open)];
    let messages = since(served.messages, before.messages);
    if messages > 0.0 {
        parts.push(format!("{}/s", number(messages)));
    }
    let received = since(served.received_bytes, before.received_bytes);
    parts.push(format!("{} in", bytes_per_second(received)));
    let sent = since(served.sent_bytes, before.sent_bytes);
    parts.push(format!("{} out", bytes_per_second(sent)));
    parts.join("  ")
}

/// What was measured, a line each.
pub(super) fn table(rows: &[Row]) -> String {
    let columns = rows.iter().map(|row| width::width(&row.name)).max();
    let columns = columns.unwrap_or(0) + GAP;
    rows.iter()
        .map(|row| format!("{}{}\n", width::pad(&row.name, columns), row.value))
        .collect()
}

/// So much in so long, a second.
fn rate(amount: u64, span: Duration) -> f64 {
    match span.is_zero() {
        true => amount as f64,
        false => amount as f64 / span.as_secs_f64(),
    }
}

fn span(nanos: u64) -> Measured {
    Measured(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
