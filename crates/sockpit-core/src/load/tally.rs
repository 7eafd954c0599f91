//! What one thread counted in one stretch of time.

use serde::Serialize;

use super::{Latencies, Order};

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Messages; of `churn`, connections.
    pub messages: u64,
    /// In bytes, framing included, without what the transport adds.
    pub bytes: u64,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens.
    Refused,
    /// The server ended a connection with a reset, or a pipe was broken.
    Reset,
    /// The server ended a connection in the middle of an answer, or before it.
    Closed,
    /// Connecting, or an answer, took longer than the limit.
    Timeout,
    /// There is no way to the server.
    Unreachable,
    /// No local port is free.
    NoPort,
    /// No descriptor is left.
    NoDescriptor,
    /// An answer that the framing cannot cut.
    Malformed,
    /// Anything else.
    Other,
}

/// How often what went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Nobody listened.
    pub refused: u64,
    /// The server reset a connection.
    pub reset: u64,
    /// The server ended a connection while something was under way.
    pub closed: u64,
    /// Connecting, or an answer, took longer than the limit.
    pub timeout: u64,
    /// There was no way to the server.
    pub unreachable: u64,
    /// No local port was free.
    pub no_port: u64,
    /// No descriptor was left.
    pub no_descriptor: u64,
    /// The framing could not cut an answer.
    pub malformed: u64,
    /// Anything else.
    pub other: u64,
}

impl Faults {
    /// Counts one.
    pub fn count(&mut self, fault: Fault) {
        *match fault {
            Fault::Refused => &mut self.refused,
            Fault::Reset => &mut self.reset,
            Fault::Closed => &mut self.closed,
            Fault::Timeout => &mut self.timeout,
            Fault::Unreachable => &mut self.unreachable,
            Fault::NoPort => &mut self.no_port,
            Fault::NoDescriptor => &mut self.no_descriptor,
            Fault::Malformed => &mut self.malformed,
            Fault::Other => &mut self.other,
        } += 1;
    }

    /// Each kind with how often there was one, as people read it.
    #[must_use]
    pub const fn kinds(&self) -> [(&'static str, u64); 9] {
        [
            ("refused", self.refused),
            ("reset", self.reset),
            ("closed by the server", self.closed),
            ("timed out", self.timeout),
            ("unreachable", self.unreachable),
            ("no free port", self.no_port),
            ("no free descriptor", self.no_descriptor),
            ("malformed answer", self.malformed),
            ("other", self.other),
        ]
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.kinds().iter().map(|(_, count)| count).sum()
    }

    fn merge(&mut self, other: &Self) {
        self.refused += other.refused;
        self.reset += other.reset;
        self.closed += other.closed;
        self.timeout += other.timeout;
        self.unreachable += other.unreachable;
        self.no_port += other.no_port;
        self.no_descriptor += other.no_descriptor;
        self.malformed += other.malformed;
        self.other += other.other;
    }
}

/// What one thread, or all of them, counted in a stretch of time.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// What was sent. Of `churn`, connections that were begun.
    pub sent: Amount,
    /// Whole answers. Of `churn`, whole round trips.
    pub received: Amount,
    /// Answers of other bytes than expected, among those received.
    pub corrupt: u64,
    /// Messages that no answer came to: in time, or before the connection ended.
    pub unanswered: u64,
    /// Of those in datagrams: how many were answered after they had been given up.
    pub late: u64,
    /// From when a message was due to its answer.
    pub latency: Latencies,
    /// From the beginning of a connection to its being open.
    pub connect: Latencies,
    /// What went wrong.
    pub faults: Faults,
    /// Of answers in datagrams: how they arrived.
    pub order: Order,
    /// Connections open at the end of the stretch.
    pub connected: u32,
    /// In nanoseconds: how far sending was behind its schedule at the end of the stretch.
    pub lag: u64,
}

impl Tally {
    /// Adds what another thread counted in the same stretch.
    pub fn merge(&mut self, other: &Self) {
        self.add(other);
        self.connected += other.connected;
        self.lag = self.lag.max(other.lag);
    }

    /// Adds what was counted in a later stretch.
    pub fn follow(&mut self, later: &Self) {
        self.add(later);
        self.connected = later.connected;
        self.lag = later.lag;
    }

    fn add(&mut self, other: &Self) {
        self.sent.add(other.sent);
        self.received.add(other.received);
        self.corrupt += other.corrupt;
        self.unanswered += other.unanswered;
        self.late += other.late;
        self.latency.merge(&other.latency);
        self.connect.merge(&other.connect);
        self.faults.merge(&other.faults);
        self.order.merge(&other.order);
    }
}

impl Amount {
    /// Counts one message.
    pub const fn count(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }

    /// What is left without a part of it.
    pub(super) const fn less(self, part: Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(part.messages),
            bytes: self.bytes.saturating_sub(part.bytes),
        }
    }
}
