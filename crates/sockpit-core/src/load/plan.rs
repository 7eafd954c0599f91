//! A load with every default decided.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Answer, Content, MAX_CONNECTIONS, MAX_DATAGRAM, MAX_DURATION, MAX_IN_FLIGHT,
    MAX_IN_FLIGHT_TOTAL, MAX_RATE, MAX_SIZE, MAX_THREADS, MIN_DATAGRAM, Mode, Pace,
};
use crate::endpoint::{Endpoint, Transport};
use crate::frame::{EncodeError, Framing};
use crate::plan::{self, Role};
use crate::size::ByteSize;
use crate::text::escape::VisibleLine;
use crate::time::TimeSpan;

/// In bytes: a message of `request` and `churn`.
const REQUEST_SIZE: usize = 64;

/// In bytes: a message of `oneway` on a stream; as iperf3 writes.
const BLOCK_SIZE: usize = 128 << 10;

/// In bytes: a datagram of `oneway`, which fits a packet of Ethernet.
const DATAGRAM_SIZE: usize = 1400;

const DURATION: Duration = Duration::from_secs(10);

const TIMEOUT: Duration = Duration::from_secs(5);

/// In bytes: an answer has at least so much room.
const ANSWER_ROOM: usize = 64 << 10;

/// In bytes: the answers of all connections have about so much room together.
const ANSWERS_ROOM: usize = 1 << 30;

/// Messages under way on one connection of an open load over streams.
const OPEN_IN_FLIGHT: u32 = 256;

/// What the user told; `None` where nothing was said.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What each connection does.
    pub mode: Mode,
    /// When messages leave.
    pub pace: Pace,
    /// What counts as an answer.
    pub answer: Answer,
    /// Connections at once; 1 without it.
    pub connections: Option<u32>,
    /// Threads that share the connections; 1 without it.
    pub threads: Option<u32>,
    /// In bytes: one message, without its framing.
    pub size: Option<ByteSize>,
    /// The bytes of every message, in place of a pattern; on streams only.
    pub payload: Option<Bytes>,
    /// How long messages are sent; 10 s without it.
    pub duration: Option<TimeSpan>,
    /// How many messages are sent at most.
    pub count: Option<u64>,
    /// Messages under way on one connection at most; 1 without it, and of an open load 256, or in
    /// datagrams as many as can be.
    pub in_flight: Option<u32>,
    /// How long connecting, and one answer, may take; 5 s without it.
    pub timeout: Option<TimeSpan>,
    /// Whether a one-way stream leaves out the hello that makes a server of ours count.
    pub plain: bool,
    /// Whether `churn` closes with a reset, which leaves no port waiting.
    pub reset: bool,
}

/// What will be done to a server.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The endpoint with the options of its sockets, and the framing.
    pub session: plan::Plan,
    /// What each connection does.
    pub mode: Mode,
    /// When messages leave.
    pub pace: Pace,
    /// What counts as an answer.
    pub answer: Answer,
    /// Connections at once.
    pub connections: u32,
    /// Threads that share the connections; no more than there are connections.
    pub threads: u32,
    /// In bytes: one message, without its framing.
    pub size: usize,
    /// The bytes of every message; `None` is a pattern.
    pub payload: Option<Bytes>,
    /// How long messages are sent.
    pub duration: Duration,
    /// How many messages are sent at most.
    pub count: Option<u64>,
    /// Messages under way on one connection at most. An open load in datagrams does not wait beyond
    /// them, but gives up the oldest.
    pub in_flight: u32,
    /// How long connecting, and one answer, may take.
    pub timeout: Duration,
    /// Whether a stream begins with a hello of ours.
    pub greets: bool,
    /// Whether a connection is closed with a reset.
    pub resets: bool,
}

/// Why nothing is done to a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// What every session has makes no plan.
    #[error(transparent)]
    Session(#[from] plan::PlanError),
    /// A number is not within its limits.
    #[error("option `{key}`: `{told}` is not a number from {least} to {most}")]
    Range {
        /// The option.
        key: &'static str,
        /// What was told.
        told: u64,
        /// The least that it may be.
        least: u64,
        /// The most that it may be.
        most: u64,
    },
    /// A time is not within its limits.
    #[error("option `{key}`: `{told}` is not a time from 1ms to {most}")]
    Span {
        /// The option.
        key: &'static str,
        /// What was told.
        told: TimeSpan,
        /// The most that it may be.
        most: TimeSpan,
    },
    /// A datagram has to hold our header.
    #[error(
        "option `size`: `{told}` is not a number of bytes from {MIN_DATAGRAM}, the header by which \
         datagrams are counted, to {most}"
    )]
    Datagram {
        /// In bytes, as told.
        told: usize,
        /// In bytes.
        most: usize,
    },
    /// Each connection may have some under way, but not all of them so many.
    #[error(
        "option `in-flight`: {connections} connections with {in_flight} messages each make {total}, \
         more than {MAX_IN_FLIGHT_TOTAL} under way"
    )]
    TotalInFlight {
        /// Connections.
        connections: u32,
        /// Messages of each.
        in_flight: u32,
        /// Both multiplied.
        total: u64,
    },
    /// An option has no meaning with the transport or the mode.
    #[error("`{key}` has no meaning on {transport}; it belongs to {wants}")]
    Transport {
        /// The option.
        key: &'static str,
        /// The scheme of the transport.
        transport: &'static str,
        /// What it belongs to.
        wants: &'static str,
    },
    /// An option does not fit what the load does.
    #[error("`{key}` has no meaning to {place}; it belongs to {wants}")]
    Unfit {
        /// The option.
        key: &'static str,
        /// To what it was given.
        place: String,
        /// What it belongs to.
        wants: &'static str,
    },
    /// Whose answers come is not known.
    #[error("a load goes to one server, not to a group or to everybody")]
    Everybody,
    /// Connections share no local address.
    #[error(
        "`bind` names one port or path, which {connections} connections cannot share; leave that out"
    )]
    OneLocal {
        /// How many there would be.
        connections: u32,
    },
    /// Both say what a message holds.
    #[error("a message is given by its bytes or by `size`, not by both")]
    SizeAndPayload,
    /// A message without a byte cannot be told from none.
    #[error("the message to send is empty; give it a byte at least")]
    EmptyPayload,
    /// A pattern cannot be sent with the framing.
    #[error("a message of {size} bytes cannot be sent: {cause}")]
    Frame {
        /// In bytes.
        size: usize,
        /// Why.
        cause: EncodeError,
    },
    /// Silence is no measure of time.
    #[error(
        "`gap` ends a message by silence, which would be measured as latency; use another framing"
    )]
    Gap,
}

impl Plan {
    /// Decides everything that the options leave open. `session` are the options that every client
    /// has; those in the endpoint's query count where they say nothing.
    ///
    /// # Errors
    ///
    /// Returns a [`PlanError`] where a number is beyond its limit or an option does not fit.
    pub fn resolve(
        endpoint: &Endpoint,
        session: plan::Options,
        asked: Options,
    ) -> Result<Self, PlanError> {
        let (told, session) = link(Role::Client, endpoint, session)?;
        check_fit(&session, &asked)?;
        let connections = ranged("connections", asked.connections, 1, MAX_CONNECTIONS)?;
        let threads = ranged("threads", asked.threads, 1, MAX_THREADS)?;
        if let Some(rate) = asked.pace.rate()
            && !(1..=MAX_RATE).contains(&rate.0)
        {
            return Err(range("rate", rate.0, 1, MAX_RATE));
        }
        if asked.count == Some(0) {
            return Err(range("count", 0, 1, u64::MAX));
        }
        let duration = span("duration", asked.duration, DURATION)?;
        let timeout = span("timeout", asked.timeout.or(told.timeout), TIMEOUT)?;
        let is_stream = session.transport.is_stream();
        let in_flight = in_flight(&asked, connections, is_stream)?;
        let size = size_of(&session, &asked)?;
        let mut plan = Self {
            mode: asked.mode,
            pace: asked.pace,
            answer: asked.answer,
            connections,
            threads: threads.min(connections),
            size,
            payload: asked.payload,
            duration,
            count: asked.count,
            in_flight,
            timeout,
            greets: is_stream && asked.mode == Mode::OneWay && !asked.plain,
            resets: asked.reset,
            session,
        };
        // What cannot be framed is told before anything is opened.
        let content = plan
            .content()
            .map_err(|cause| PlanError::Frame { size, cause })?;
        if told.max_frame.is_none() {
            plan.session.max_frame = longest_answer(&plan, content.wire_len());
        }
        Ok(plan)
    }

    /// What its messages hold.
    ///
    /// # Errors
    ///
    /// Returns an [`EncodeError`] where the framing cannot carry them; of a plan that was resolved,
    /// it can.
    pub fn content(&self) -> Result<Content, EncodeError> {
        match &self.payload {
            Some(payload) => Content::of(payload, &self.session.framing),
            None => Content::pattern(self.size, &self.session.framing),
        }
    }

    /// The endpoint without its options.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.session.endpoint()
    }

    /// How it is reached.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.session.transport
    }

    /// What will be done, in one line: to whom, how much, how fast, how long.
    #[must_use]
    pub fn headline(&self) -> String {
        let mut connections = match self.connections {
            1 => "1 connection".to_owned(),
            count => format!("{count} connections"),
        };
        if self.threads > 1 {
            connections = format!("{connections} on {} threads", self.threads);
        }
        if self.in_flight > 1 {
            connections = format!("{connections} with {} under way each", self.in_flight);
        }
        let mut size = ByteSize(self.size).to_string();
        if !self.session.framing.is_raw() {
            size = format!(
                "{size} framed as {}",
                VisibleLine(&self.session.framing.to_string())
            );
        }
        let pace = self.pace;
        let time = TimeSpan(self.duration);
        let time = match self.count {
            Some(1) => format!("{time}, 1 message at most"),
            Some(count) => format!("{time}, {count} messages at most"),
            None => time.to_string(),
        };
        format!(
            "{}: {}, {connections}, messages of {size}, {pace}, for {time}",
            self.endpoint(),
            self.mode,
        )
    }
}

/// Options of a session that change nothing of a load, on neither side.
const SENSELESS: [&str; 17] = [
    "text",
    "text-out",
    "eol",
    "checksum",
    "read-size",
    "warn-size",
    "split-at",
    "split-every",
    "split-delay",
    "coalesce",
    "wait",
    "linger",
    "join",
    "interface",
    "multicast-ttl",
    "multicast-loop",
    "wire",
];

/// What was told of the link, in the endpoint's query or not, and what it comes to.
pub(super) fn link(
    role: Role,
    endpoint: &Endpoint,
    told: plan::Options,
) -> Result<(plan::Options, plan::Plan), PlanError> {
    let query = plan::Options::from_pairs(&endpoint.options).map_err(plan::PlanError::from)?;
    let told = told.or(query);
    let session = plan::Plan::resolve(role, endpoint, told.clone())?;
    let keys = endpoint.options.iter();
    let mut keys = keys.filter_map(|(key, _)| plan::Options::key_of(key));
    match keys.find(|key| SENSELESS.contains(key)) {
        Some(key) => Err(PlanError::Unfit {
            key,
            place: "a load".to_owned(),
            wants: "`sockpit connect` and `sockpit listen`",
        }),
        None => Ok((told, session)),
    }
}

fn check_fit(session: &plan::Plan, asked: &Options) -> Result<(), PlanError> {
    let transport = session.transport;
    let elsewhere = |key, wants| PlanError::Transport {
        key,
        transport: transport.scheme(),
        wants,
    };
    let unfit = |key, wants| PlanError::Unfit {
        key,
        place: format!("`{}`", asked.mode),
        wants,
    };
    let streams = "tcp and unix";
    if session.has_many_answerers() {
        return Err(PlanError::Everybody);
    }
    if matches!(session.framing, Framing::Gap(_)) {
        return Err(PlanError::Gap);
    }
    if !transport.is_stream() {
        if asked.mode == Mode::Churn {
            return Err(elsewhere("churn", streams));
        }
        if !session.framing.is_raw() {
            return Err(elsewhere("frame", streams));
        }
        if asked.payload.is_some() {
            return Err(elsewhere("send", streams));
        }
    }
    let is_oneway_stream = transport.is_stream() && asked.mode == Mode::OneWay;
    if asked.plain && !is_oneway_stream {
        return Err(unfit("plain", "`oneway` over tcp and unix"));
    }
    if asked.reset && asked.mode != Mode::Churn {
        return Err(unfit("reset", "`churn`"));
    }
    if asked.in_flight.is_some() && asked.mode != Mode::Request {
        return Err(unfit("in-flight", "`request`"));
    }
    if asked.answer == Answer::Any && asked.mode == Mode::OneWay {
        return Err(unfit("any-answer", "`request` and `churn`"));
    }
    Ok(())
}

/// In bytes: of one answer, so that servers that never end theirs do not fill the memory.
fn longest_answer(plan: &Plan, wire_len: usize) -> usize {
    let most = match plan.answer {
        // What is longer is wrong whatever it holds.
        Answer::Same => 0,
        Answer::Any => ANSWERS_ROOM / plan.connections.max(1) as usize,
    };
    let least = wire_len.saturating_mul(2).max(ANSWER_ROOM);
    plan.session.max_frame.min(most.max(least))
}

fn in_flight(asked: &Options, connections: u32, is_stream: bool) -> Result<u32, PlanError> {
    let told = ranged("in-flight", asked.in_flight, 1, MAX_IN_FLIGHT)?;
    let is_open = matches!(asked.pace, Pace::Open(_)) && asked.mode == Mode::Request;
    let total = |each: u32| u64::from(connections).saturating_mul(u64::from(each));
    if asked.in_flight.is_none() && is_open {
        let share = MAX_IN_FLIGHT_TOTAL / u64::from(connections.max(1));
        let share = u32::try_from(share).unwrap_or(u32::MAX).max(1);
        return Ok(match is_stream {
            true => share.min(OPEN_IN_FLIGHT),
            // Those that were lost must not keep others from being sent.
            false => share,
        });
    }
    if MAX_IN_FLIGHT_TOTAL < total(told) {
        return Err(PlanError::TotalInFlight {
            connections,
            in_flight: told,
            total: total(told),
        });
    }
    Ok(told)
}

/// In bytes: one message.
fn size_of(session: &plan::Plan, asked: &Options) -> Result<usize, PlanError> {
    if let Some(payload) = &asked.payload {
        return match payload.len() {
            _ if asked.size.is_some() => Err(PlanError::SizeAndPayload),
            0 => Err(PlanError::EmptyPayload),
            len if MAX_SIZE < len => Err(size_range(len)),
            len => Ok(len),
        };
    }
    let is_stream = session.transport.is_stream();
    let usual = match (asked.mode, is_stream, &session.framing) {
        (_, true, Framing::Fixed(len)) => len.get(),
        (Mode::OneWay, true, _) => BLOCK_SIZE,
        (Mode::OneWay, false, _) => DATAGRAM_SIZE,
        _ => REQUEST_SIZE,
    };
    let size = asked.size.map_or(usual, |size| size.0);
    if is_stream {
        return match size {
            1..=MAX_SIZE => Ok(size),
            _ => Err(size_range(size)),
        };
    }
    let most = session
        .max_datagram()
        .map_or(MAX_DATAGRAM, |most| most.min(MAX_DATAGRAM));
    if !(MIN_DATAGRAM..=most).contains(&size) {
        return Err(PlanError::Datagram { told: size, most });
    }
    Ok(size)
}

fn size_range(told: usize) -> PlanError {
    range("size", told as u64, 1, MAX_SIZE as u64)
}

/// A number that was told, or its default of `usual`, within 1 and `most`.
pub(super) fn ranged(
    key: &'static str,
    told: Option<u32>,
    usual: u32,
    most: u32,
) -> Result<u32, PlanError> {
    match told.unwrap_or(usual) {
        told if (1..=most).contains(&told) => Ok(told),
        told => Err(range(key, told.into(), 1, most.into())),
    }
}

/// A time that was told, or its default, of 1 ms at least and [`MAX_DURATION`] at most.
pub(super) fn span(
    key: &'static str,
    told: Option<TimeSpan>,
    usual: Duration,
) -> Result<Duration, PlanError> {
    let told = told.unwrap_or(TimeSpan(usual));
    if !(Duration::from_millis(1)..=MAX_DURATION).contains(&told.0) {
        let most = TimeSpan(MAX_DURATION);
        return Err(PlanError::Span { key, told, most });
    }
    Ok(told.0)
}

const fn range(key: &'static str, told: u64, least: u64, most: u64) -> PlanError {
    PlanError::Range {
        key,
        told,
        least,
        most,
    }
}

#[cfg(test)]
mod tests;
