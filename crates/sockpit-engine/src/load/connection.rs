//! One connection of a load over streams: what it has sent, and how much of which answer has come.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use socket2::Socket;
use sockpit_core::frame::Decoder;
use sockpit_core::load::wire::COUNTS;
use sockpit_core::load::{Answer, Content, Fault, Tally};
use sockpit_core::time::Time;

use super::poll::Want;

/// A connection, open or not.
pub(super) struct Connection {
    pub(super) socket: Option<Socket>,
    pub(super) state: State,
    /// What is polled for.
    pub(super) want: Want,
    /// Messages without their answer, the oldest first.
    pub(super) under_way: VecDeque<Message>,
    /// The number of the message that is being written, or is next.
    number: u64,
    /// Whether a message is being written.
    pub(super) is_sending: bool,
    /// Bytes of that message that are written.
    written: usize,
    /// The number of the answer that is awaited.
    awaited: u64,
    /// Bytes that have come since the last whole answer.
    got: usize,
    /// Whether they differ from what was sent.
    is_wrong: bool,
    /// Cuts answers, where there is a framing.
    decoder: Option<Box<Decoder>>,
    /// What came on a one-way stream, as far as it could be counts.
    pub(super) told: Vec<u8>,
    /// Whether one before it was lost, with what its server had counted.
    pub(super) was_lost: bool,
    /// Whether the server sends no more.
    pub(super) has_ended: bool,
    /// Whether we send no more.
    pub(super) has_shut: bool,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It waits until somebody opens it, in nanoseconds since the start.
    Closed { until: u64 },
    /// The server's backlog was full at that time; it is begun again after another.
    Queued { since: u64, until: u64 },
    /// It was begun at that time and is not open.
    Opening { since: u64 },
    /// It is open.
    Open,
}

/// A message under way.
#[derive(Clone, Copy)]
pub(super) struct Message {
    pub(super) due: u64,
    pub(super) sent: u64,
}

/// How far writing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Whole,
    /// The system takes no more for the time being.
    Partly,
}

impl Connection {
    pub(super) fn new(in_flight: usize) -> Self {
        Self {
            socket: None,
            state: State::Closed { until: 0 },
            want: Want::empty(),
            under_way: VecDeque::with_capacity(in_flight.min(16)),
            number: 0,
            is_sending: false,
            written: 0,
            awaited: 0,
            got: 0,
            is_wrong: false,
            decoder: None,
            told: Vec::new(),
            was_lost: false,
            has_ended: false,
            has_shut: false,
        }
    }

    /// Makes ready for a new connection, which has sent nothing.
    pub(super) fn begin(&mut self, socket: Socket, decoder: Option<Decoder>, now: u64) {
        self.socket = Some(socket);
        self.state = State::Opening { since: now };
        self.is_sending = false;
        self.written = 0;
        self.awaited = self.number;
        self.got = 0;
        self.is_wrong = false;
        self.decoder = decoder.map(Box::new);
        self.told.clear();
        self.has_ended = false;
        self.has_shut = false;
    }

    /// Whether it waits for room in a full backlog.
    pub(super) const fn is_queued(&self) -> bool {
        matches!(self.state, State::Queued { .. })
    }

    /// Sends what a stream begins with, which fits the empty buffer of a new connection.
    pub(super) fn greet(&mut self, hello: &[u8]) -> io::Result<()> {
        let Some(mut socket) = self.socket.as_ref() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        socket.write_all(hello)
    }

    /// Writes the next message, or what is left of it; `sent` counts its bytes.
    pub(super) fn write(&mut self, content: &Content, sent: &mut u64) -> io::Result<Written> {
        let message = content.wire(self.number);
        let Some(mut socket) = self.socket.as_ref() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        self.is_sending = true;
        loop {
            let rest = message.get(self.written..).unwrap_or_default();
            if rest.is_empty() {
                self.is_sending = false;
                self.written = 0;
                self.number += 1;
                return Ok(Written::Whole);
            }
            match socket.write(rest) {
                Ok(len) => {
                    self.written += len;
                    *sent += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Written::Partly);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads once; gives how many bytes came, `None` where there were none.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(mut socket) = self.socket.as_ref() else {
            return Ok(None);
        };
        match socket.read(buffer) {
            Ok(len) => Ok(Some(len)),
            Err(error) if is_nothing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes bytes of answers that came at `now`; those that are whole with them are under way no more.
    pub(super) fn answer(
        &mut self,
        bytes: &[u8],
        now: u64,
        expected: (&Content, Answer),
        tally: &mut Tally,
    ) -> Result<(), Fault> {
        match self.decoder.take() {
            None => self.answer_by_length(bytes, now, expected, tally),
            Some(mut decoder) => {
                let (content, answer) = expected;
                let mut is_unasked = false;
                let before = self.awaited;
                let cut = decoder.push(Time::ZERO, bytes, |frame| {
                    let is_same = answer == Answer::Any
                        || (!frame.is_malformed && frame.payload == content.payload(self.awaited));
                    let Some(message) = self.under_way.pop_front() else {
                        is_unasked = true;
                        return;
                    };
                    self.awaited += 1;
                    settle(tally, message, now, !is_same);
                });
                self.decoder = Some(decoder);
                // Answers need not be as long as what they answer. What has come of the next one
                // counts with those that are whole, and not by itself: it may never be one.
                self.got += bytes.len();
                if before < self.awaited {
                    tally.received.bytes += std::mem::take(&mut self.got) as u64;
                }
                if is_unasked || cut.is_err() {
                    return Err(Fault::Malformed);
                }
                Ok(())
            }
        }
    }

    fn answer_by_length(
        &mut self,
        mut bytes: &[u8],
        now: u64,
        (content, answer): (&Content, Answer),
        tally: &mut Tally,
    ) -> Result<(), Fault> {
        let len = content.wire_len();
        while !bytes.is_empty() {
            if self.under_way.is_empty() {
                // Bytes that nobody asked for are in nobody's answer.
                return Err(Fault::Malformed);
            }
            let expected = content.wire(self.awaited);
            let expected = expected.get(self.got..).unwrap_or_default();
            let (part, rest) = bytes.split_at(bytes.len().min(expected.len()));
            if answer == Answer::Same && !expected.starts_with(part) {
                self.is_wrong = true;
            }
            bytes = rest;
            self.got += part.len();
            if self.got < len {
                break;
            }
            let message = self.under_way.pop_front().ok_or(Fault::Malformed)?;
            tally.received.bytes += len as u64;
            settle(tally, message, now, self.is_wrong);
            self.got = 0;
            self.is_wrong = false;
            self.awaited += 1;
        }
        Ok(())
    }

    /// Keeps what a one-way stream told, as far as it could be counts.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        let room = (COUNTS + 1).saturating_sub(self.told.len());
        let len = bytes.len().min(room);
        self.told
            .extend_from_slice(bytes.get(..len).unwrap_or_default());
    }
}

/// Counts the answer to a message, but for its bytes.
fn settle(tally: &mut Tally, message: Message, now: u64, is_wrong: bool) {
    tally.received.messages += 1;
    tally.latency.record(now.saturating_sub(message.due));
    tally.corrupt += u64::from(is_wrong);
}

/// Whether a call only found that there is nothing to do.
pub(super) fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
