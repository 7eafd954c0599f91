//! One side of a recorded conversation, said again to a live peer.
//!
//! ```text
//!  recorded   out A ──▶   ◀── in a   out B ──▶   ◀── in b
//!  played     A is sent;   a comes, or its time is up;   B is sent;   b …;   then the end
//! ```
//!
//! The player says the right bytes at the right time. Whether the answers were the right ones is for
//! [`compare()`](super::compare()) to say, which has all of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Conversation;
use crate::event::{Direction, FaultKind, What};
use crate::frame::{self, Framing};
use crate::machine::{Fault, Machine, Output, Reason};
use crate::plan::Shape;
use crate::time::{Time, TimeSpan};

/// Whose part of a recording is said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What was sent.
    Us,
    /// What the peer sent.
    Peer,
}

impl Side {
    /// The direction, in the recording, of what this side said.
    #[must_use]
    pub const fn says(self) -> Direction {
        match self {
            Self::Us => Direction::Out,
            Self::Peer => Direction::In,
        }
    }

    /// The direction, in the recording, of what this side heard.
    #[must_use]
    pub const fn hears(self) -> Direction {
        match self {
            Self::Us => Direction::In,
            Self::Peer => Direction::Out,
        }
    }
}

/// When what comes next is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// After the pauses that were recorded.
    Recorded,
    /// As soon as the answers before it have come.
    Fast,
}

/// One thing to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it was sent, since the conversation began.
    pub at: Duration,
    /// When the last answer before it had come, since the conversation began.
    pub answered_at: Duration,
    /// How much had come by then, as the part counts.
    pub needs: u64,
    /// What.
    pub bytes: Bytes,
}

/// How answers are counted, so that the next thing is sent neither too early nor in vain late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// By bytes.
    Bytes,
    /// By datagrams.
    Datagrams,
    /// By messages of up to so many bytes.
    Frames(Framing, usize),
}

/// What one side says, and how much it is to hear in between.
#[derive(Clone, Debug)]
pub struct Part {
    /// The shape of the link.
    pub shape: Shape,
    /// What is sent, in order.
    pub steps: Vec<Step>,
    /// How much is to be heard in all.
    pub needs: u64,
    /// How that is counted.
    pub counted: Counted,
    /// Whether both sides had ended their streams.
    pub ends: bool,
}

impl Part {
    /// The part of one side. With a framing answers are counted by messages.
    #[must_use]
    pub fn of(conversation: &Conversation, side: Side, framing: Option<(&Framing, usize)>) -> Self {
        let counted = match (framing, conversation.shape) {
            (Some((framing, limit)), _) if !framing.is_raw() => {
                Counted::Frames(framing.clone(), limit)
            }
            (_, Shape::Stream) => Counted::Bytes,
            (_, Shape::Datagram) => Counted::Datagrams,
        };
        let mut counter = Counter::new(&counted, conversation.shape);
        let mut steps = Vec::new();
        let mut answered_at = Duration::ZERO;
        for piece in &conversation.chunks {
            let at = piece.time - conversation.began;
            if piece.direction == side.hears() {
                counter.take(piece.time, &piece.bytes);
                answered_at = at;
            } else {
                counter.wait(piece.time);
                steps.push(Step {
                    at,
                    answered_at,
                    needs: counter.count,
                    bytes: piece.bytes.clone(),
                });
            }
        }
        counter.finish();
        Self {
            shape: conversation.shape,
            steps,
            needs: counter.count,
            counted,
            ends: matches!(conversation.ending, Some((Reason::Fin, _))),
        }
    }
}

/// Counts what comes.
struct Counter {
    decoder: Option<frame::Decoder>,
    shape: Shape,
    is_by_bytes: bool,
    count: u64,
}

impl Counter {
    fn new(counted: &Counted, shape: Shape) -> Self {
        Self {
            decoder: match counted {
                Counted::Frames(framing, limit) => Some(framing.decoder(*limit)),
                _ => None,
            },
            shape,
            is_by_bytes: *counted == Counted::Bytes,
            count: 0,
        }
    }

    fn take(&mut self, now: Time, chunk: &[u8]) {
        match &mut self.decoder {
            Some(decoder) => {
                // A stream that makes no sense any more counts no further, and time goes on.
                let _ = decoder.push(now, chunk, |_| self.count += 1);
                if self.shape == Shape::Datagram {
                    decoder.finish(|_| self.count += 1);
                }
            }
            None if self.is_by_bytes => self.count = self.count.saturating_add(chunk.len() as u64),
            None => self.count += 1,
        }
    }

    fn wait(&mut self, now: Time) {
        if let Some(decoder) = &mut self.decoder {
            decoder.timeout(now, |_| self.count += 1);
        }
    }

    fn finish(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            decoder.finish(|_| self.count += 1);
        }
    }
}

/// Once everything that is due has come, this long is waited for more than that.
const GRACE: Duration = Duration::from_millis(200);

/// A peer that waits for our end before it answers gets it after this much silence, at most.
const END_AFTER: Duration = Duration::from_secs(1);

/// A peer that says so much more than was recorded has said enough, in bytes or in messages.
const MORE_BYTES: u64 = 16 * 1024 * 1024;
const MORE_MESSAGES: u64 = 65_536;

/// Says one side of a recorded conversation to a live peer.
pub struct Player {
    part: Arc<Part>,
    pace: Pace,
    within: Duration,
    outputs: VecDeque<Output<What>>,
    heard: Counter,
    /// What was given up waiting for.
    missed: u64,
    /// The step that comes next.
    next: usize,
    /// The moment that the conversation's beginning corresponds to.
    base: Time,
    /// Whether the answers before the next step have come.
    is_answered: bool,
    /// Since when nothing came that was due.
    since: Time,
    peer_ended: bool,
    shut_down: bool,
    /// When everything had come.
    complete: Option<Time>,
    closed: bool,
}

impl Player {
    /// Begins at once. Each answer may take as long as `within`.
    #[must_use]
    pub fn new(part: Arc<Part>, pace: Pace, within: Duration, now: Time) -> Self {
        let mut player = Self {
            heard: Counter::new(&part.counted, part.shape),
            part,
            pace,
            within,
            outputs: VecDeque::new(),
            missed: 0,
            next: 0,
            base: now,
            is_answered: false,
            since: now,
            peer_ended: false,
            shut_down: false,
            complete: None,
            closed: false,
        };
        player.advance(now);
        player
    }

    /// Does everything that is due.
    fn advance(&mut self, now: Time) {
        let part = self.part.clone();
        while !self.closed {
            let Some(step) = part.steps.get(self.next) else {
                return self.end(now, &part);
            };
            if !self.is_answered {
                if self.lacks(step.needs) {
                    if now < self.since + self.within {
                        return;
                    }
                    self.give_up(step.needs);
                }
                self.is_answered = true;
                let answered = now.as_nanos().saturating_sub(nanos(step.answered_at));
                self.base = self.base.max(Time::from_nanos(answered));
            }
            if now < self.due(step) {
                return;
            }
            self.outputs.push_back(Output::Transmit(step.bytes.clone()));
            self.next += 1;
            self.is_answered = false;
            self.since = now;
        }
    }

    /// Waits for the last answers, and ends as it was recorded.
    fn end(&mut self, now: Time, part: &Part) {
        if self.lacks(part.needs) {
            if self.ends_early(part) && self.since + self.end_after() <= now {
                self.shut_down = true;
                self.outputs.push_back(Output::Shutdown);
            }
            if now < self.since + self.within {
                return;
            }
            self.give_up(part.needs);
        }
        let complete = *self.complete.get_or_insert(now);
        if part.shape == Shape::Stream && part.ends {
            if !self.shut_down {
                self.shut_down = true;
                self.outputs.push_back(Output::Shutdown);
            }
            if self.peer_ended {
                self.close(Reason::Fin);
            } else if complete + self.within <= now {
                self.close(Reason::Timeout);
            }
        } else if self.peer_ended {
            self.close(Reason::Fin);
        } else if complete + GRACE <= now {
            self.close(Reason::Local);
        }
    }

    /// Whether our end is still to come while answers are.
    fn ends_early(&self, part: &Part) -> bool {
        part.shape == Shape::Stream && part.ends && !self.shut_down
    }

    fn end_after(&self) -> Duration {
        END_AFTER.min(self.within / 2)
    }

    /// Whether less has come than what is due. Nothing is due from a peer that has ended.
    fn lacks(&self, needs: u64) -> bool {
        !self.peer_ended && self.heard.count.saturating_add(self.missed) < needs
    }

    /// Goes on without what did not come; what comes after it is due all the same.
    fn give_up(&mut self, needs: u64) {
        let missing = needs.saturating_sub(self.heard.count.saturating_add(self.missed));
        self.missed += missing;
        let what = match self.part.counted {
            Counted::Bytes => "bytes",
            Counted::Datagrams => "datagrams",
            Counted::Frames(..) => "messages",
        };
        self.tell(
            FaultKind::Expectation,
            format!(
                "{missing} {what} of the answer did not come within {}",
                TimeSpan(self.within)
            ),
            Some(missing),
        );
    }

    fn due(&self, step: &Step) -> Time {
        match self.pace {
            Pace::Recorded => self.base + step.at,
            Pace::Fast => Time::ZERO,
        }
    }

    fn deadline(&self) -> Option<Time> {
        let due = match self.part.steps.get(self.next) {
            Some(step) if self.is_answered => self.due(step),
            Some(_) => self.since + self.within,
            None => match self.complete {
                Some(complete) if self.part.shape == Shape::Stream && self.part.ends => {
                    complete + self.within
                }
                Some(complete) => complete + GRACE,
                None if self.ends_early(&self.part) => self.since + self.end_after(),
                None => self.since + self.within,
            },
        };
        let decoder = self
            .heard
            .decoder
            .as_ref()
            .and_then(frame::Decoder::deadline);
        decoder.into_iter().chain([due]).min()
    }

    fn tell(&mut self, kind: FaultKind, message: String, count: Option<u64>) {
        self.outputs.push_back(Output::Event(What::Fault {
            kind,
            message,
            count,
        }));
    }

    fn close(&mut self, reason: Reason) {
        self.closed = true;
        self.outputs.push_back(Output::Close(reason));
    }
}

impl Machine for Player {
    type Event = What;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        let before = self.heard.count;
        self.heard.wait(now);
        self.heard.take(now, chunk);
        // What is more than due must not keep the conversation alive.
        if before.saturating_add(self.missed) < self.part.needs {
            self.since = now;
        }
        let most = match self.part.counted {
            Counted::Bytes => MORE_BYTES,
            Counted::Datagrams | Counted::Frames(..) => MORE_MESSAGES,
        };
        if self.heard.count > self.part.needs.saturating_add(most) && !self.closed {
            return self.close(Reason::Limit);
        }
        self.advance(now);
    }

    fn handle_end(&mut self, now: Time) {
        self.peer_ended = true;
        self.heard.finish();
        self.advance(now);
    }

    fn handle_fault(&mut self, _now: Time, fault: Fault) {
        let (kind, message) = match fault {
            Fault::Truncated { .. } => return,
            Fault::Refused => (
                FaultKind::Refused,
                "nobody listens there (ICMP port unreachable)",
            ),
            Fault::Unreachable => (FaultKind::Unreachable, "there is no way there"),
            Fault::Reset => (FaultKind::Reset, "the peer reset the connection"),
            Fault::BrokenPipe => {
                let message = "the peer closed the connection before it had read everything";
                (FaultKind::Reset, message)
            }
            Fault::Failed => (FaultKind::Failed, "the link failed"),
        };
        if !self.closed {
            self.tell(kind, message.to_owned(), None);
            self.close(fault.reason());
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        self.heard.wait(now);
        self.advance(now);
    }

    fn poll_output(&mut self) -> Output<What> {
        match self.outputs.pop_front() {
            Some(output) => output,
            None if self.closed => Output::Wait(None),
            None => Output::Wait(self.deadline()),
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
