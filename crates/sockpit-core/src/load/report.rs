//! What came of a load: second by second, and in all.

use std::time::Duration;

use serde::Serialize;

use super::wire::Counts;
use super::{Amount, Answer, Fault, Faults, Mode, Order, Pace, Plan, Summary, Tally};

/// The version of the JSON form of a report and of a second.
pub const VERSION: u32 = 1;

/// Adds up what all threads counted.
#[derive(Debug)]
pub struct Gathering {
    total: Tally,
    seconds: Vec<Second>,
    until: u64,
}

/// What happened in one second of a load.
#[derive(Clone, Debug, Serialize)]
pub struct Second {
    /// When it ended, in nanoseconds since the start.
    pub until_ns: u64,
    /// How long it was, in nanoseconds: the last one is shorter.
    pub span_ns: u64,
    /// What was sent.
    pub sent: Amount,
    /// Whole answers.
    pub received: Amount,
    /// Of those answers.
    pub latency: Summary,
    /// What went wrong.
    pub faults: u64,
    /// Connections open at its end.
    pub connected: u32,
    /// In nanoseconds: how far sending was behind its schedule at its end.
    pub lag_ns: u64,
}

/// What a running load tells once a second.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Which second of the load it was, from 1.
    pub second: u32,
    /// Time since the start.
    pub elapsed: Duration,
    /// How long it was: the last one is shorter.
    pub span: Duration,
    /// Open connections.
    pub connected: u32,
    /// Messages sent in that second; of `churn`, connections begun.
    pub sent: u64,
    /// Whole answers in that second; of `churn`, whole round trips.
    pub received: u64,
    /// In bytes, framing included.
    pub sent_bytes: u64,
    /// In bytes, framing included.
    pub received_bytes: u64,
    /// Of the answers of that second.
    pub latency: Summary,
    /// What went wrong since the start.
    pub faults: u64,
    /// How far sending is behind its schedule.
    pub lag: Duration,
}

/// What came of a load.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this form, 1.
    pub v: u32,
    /// The endpoint, as it was reached.
    pub target: String,
    /// What each connection did.
    pub mode: Mode,
    /// When messages left.
    pub pace: Pace,
    /// What counted as an answer.
    pub answer: Answer,
    /// Whether the link carries a stream; otherwise datagrams.
    pub is_stream: bool,
    /// Connections at once.
    pub connections: u32,
    /// Threads that shared them.
    pub threads: u32,
    /// Messages under way on one connection at most.
    pub in_flight: u32,
    /// In bytes: one message.
    pub size: usize,
    /// In bytes: one message with its framing.
    pub wire_size: usize,
    /// How messages and answers are cut, as the user writes it; `raw` is by their length.
    pub frame: String,
    /// From the start of sending to its end, in nanoseconds. Waiting for the last answers is not in it.
    pub elapsed_ns: u64,
    /// Whether somebody ended it before its time.
    pub is_stopped: bool,
    /// What was sent.
    pub sent: Amount,
    /// Whole answers.
    pub received: Amount,
    /// Of those: what came after the end of sending, which is in no rate.
    pub received_after: Amount,
    /// Messages sent a second, until the end of sending.
    pub sent_per_second: f64,
    /// Answers a second, until the end of sending.
    pub received_per_second: f64,
    /// Bytes sent a second, until the end of sending.
    pub sent_bytes_per_second: f64,
    /// Bytes of answers a second, until the end of sending.
    pub received_bytes_per_second: f64,
    /// Answers of other bytes than expected, among those received.
    pub corrupt: u64,
    /// Messages that no answer came to.
    pub unanswered: u64,
    /// Of those in datagrams: how many were answered after they had been given up.
    pub late: u64,
    /// Messages that were due and never sent, as sending was behind its schedule.
    pub unsent: u64,
    /// From when a message was due to its answer.
    pub latency: Summary,
    /// From the beginning of a connection to its being open.
    pub connect: Summary,
    /// Of answers in datagrams: how they arrived.
    pub order: Option<Order>,
    /// What our server at the other end counted of a one-way load; `None` where it told nothing.
    pub sink: Option<Counts>,
    /// What went wrong.
    pub faults: Faults,
    /// Each second.
    pub seconds: Vec<Second>,
}

/// How a load ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The endpoint as it was reached.
    pub target: String,
    /// In nanoseconds: from the start of sending to its end.
    pub elapsed: u64,
    /// Whether somebody ended it before its time.
    pub is_stopped: bool,
    /// Messages that were due and never sent.
    pub unsent: u64,
    /// What our server counted.
    pub sink: Option<Counts>,
}

impl Gathering {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            total: Tally::default(),
            seconds: Vec::new(),
            until: 0,
        }
    }

    /// Takes what all threads counted up to a moment, in nanoseconds since the start, and tells it.
    pub fn second(&mut self, until: u64, tally: &Tally) -> Progress {
        let span_ns = until.saturating_sub(self.until);
        self.until = until;
        self.total.follow(tally);
        let second = Second {
            until_ns: until,
            span_ns,
            sent: tally.sent,
            received: tally.received,
            latency: tally.latency.summary(),
            faults: tally.faults.total(),
            connected: tally.connected,
            lag_ns: tally.lag,
        };
        let latency = second.latency;
        self.seconds.push(second);
        Progress {
            second: u32::try_from(self.seconds.len()).unwrap_or(u32::MAX),
            elapsed: Duration::from_nanos(until),
            span: Duration::from_nanos(span_ns),
            connected: tally.connected,
            sent: tally.sent.messages,
            received: tally.received.messages,
            sent_bytes: tally.sent.bytes,
            received_bytes: tally.received.bytes,
            latency,
            faults: self.total.faults.total(),
            lag: Duration::from_nanos(tally.lag),
        }
    }

    /// Takes what came after the end of sending: answers that were under way.
    pub fn rest(&mut self, tally: &Tally) {
        self.total.follow(tally);
    }

    /// What was counted so far.
    #[must_use]
    pub const fn total(&self) -> &Tally {
        &self.total
    }

    /// What it came to.
    #[must_use]
    pub fn report(self, plan: &Plan, ending: Ending) -> Report {
        let mut total = self.total;
        let is_stream = plan.transport().is_stream();
        let can_be = |sink: &Counts| sink.can_be(total.sent, is_stream);
        let sink = ending.sink.filter(can_be);
        if sink != ending.sink {
            // Whoever counts more than was sent has not counted.
            total.faults.count(Fault::Malformed);
        }
        let is_answered = plan.mode != Mode::OneWay;
        // What came after the end is in no second, and would make a rate of what is late.
        let (mut sent, mut received) = (Amount::default(), Amount::default());
        for second in &self.seconds {
            sent.add(second.sent);
            received.add(second.received);
        }
        let rate = |amount: u64| amount as f64 * 1e9 / (ending.elapsed.max(1) as f64);
        Report {
            v: VERSION,
            target: ending.target,
            mode: plan.mode,
            pace: plan.pace,
            answer: plan.answer,
            is_stream,
            connections: plan.connections,
            threads: plan.threads,
            in_flight: plan.in_flight,
            size: plan.size,
            wire_size: plan
                .content()
                .map_or(plan.size, |content| content.wire_len()),
            frame: plan.session.framing.to_string(),
            elapsed_ns: ending.elapsed,
            is_stopped: ending.is_stopped,
            sent: total.sent,
            received: total.received,
            received_after: total.received.less(received),
            sent_per_second: rate(sent.messages),
            received_per_second: rate(received.messages),
            sent_bytes_per_second: rate(sent.bytes),
            received_bytes_per_second: rate(received.bytes),
            corrupt: total.corrupt,
            unanswered: total.unanswered,
            late: total.late,
            unsent: ending.unsent,
            latency: total.latency.summary(),
            connect: total.connect.summary(),
            order: (!is_stream && is_answered).then_some(total.order),
            sink,
            faults: total.faults,
            seconds: self.seconds,
        }
    }
}

impl Default for Gathering {
    fn default() -> Self {
        Self::new()
    }
}

impl Report {
    /// All of it as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and words under names are always JSON")
    }

    /// Whether nothing went wrong: no fault, every answer right, every message of the schedule sent,
    /// and nothing lost on the way to a server that counted.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let is_lost = self.lost().is_some_and(|lost| 0 < lost);
        let count = self.faults.total() + self.corrupt + self.unanswered + self.unsent;
        count == 0 && !is_lost
    }

    /// Whole answers; of a one-way load, messages or bytes that the server counted, or, where it
    /// told nothing, messages that were sent.
    #[must_use]
    pub fn received(&self) -> u64 {
        match (self.mode, &self.sink) {
            (Mode::OneWay, Some(sink)) => sink.messages.max(sink.bytes),
            (Mode::OneWay, None) => self.sent.messages,
            _ => self.received.messages,
        }
    }

    /// What did not arrive, where that is known: datagrams, or bytes of a one-way stream.
    #[must_use]
    pub fn lost(&self) -> Option<u64> {
        match (&self.order, &self.sink) {
            (Some(order), _) => Some(order.lost(self.sent.messages)),
            (None, Some(sink)) if self.is_stream => {
                Some(self.sent.bytes.saturating_sub(sink.bytes))
            }
            (None, Some(sink)) => Some(sink.order.lost(self.sent.messages)),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests;
