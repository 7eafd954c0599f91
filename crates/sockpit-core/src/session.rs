//! The console session: what `connect` and `listen` do with one peer.
//!
//! Bytes are cut into messages, decoded, shown as events, held against the script's expectations and
//! answered by the rules. When the conversation is over follows from four facts: whether the user may
//! still send, whether the peer may, what the rules still owe, and what the script still waits for.

mod change;
mod echo;
mod ending;
mod legibility;
mod message;
mod outputs;
mod reset;
mod script;
mod shaper;
mod speech;

use std::sync::Arc;

use bytes::Bytes;

pub use legibility::UNREADABLE;
pub use message::{Message, MessageError};
pub use reset::reset_text;
pub use script::{Script, Step};

pub(crate) use script::{Progress, Run};

use crate::event::{Direction, FaultKind, What};
use crate::frame::{Decoder, Frame, FrameError};
use crate::machine::{Fault, Held, Machine, Output, Reason};
use crate::plan::{Plan, Role, Shape};
use crate::rule::Responder;
use crate::text::charset;
use crate::time::Time;
use legibility::Legibility;
use outputs::Outputs;
use shaper::Shaper;
use speech::Speaker;

/// Who the peer is, for rules and templates.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its number in the session, from 1.
    pub number: u32,
    /// Its address; empty where it has none.
    pub addr: String,
    /// Nanoseconds from the Unix epoch to the beginning of the timeline.
    pub epoch: u64,
    /// Seeds what rules draw at random.
    pub seed: u64,
}

/// Whether the user may send to this peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// More may come, until [`Session::finish`].
    Open,
    /// A program speaks, and takes its time; it ends with [`Session::close`].
    Program,
    /// Nothing comes; the script and the rules have the word.
    Closed,
}

/// One conversation of `connect` or `listen`.
pub struct Session {
    plan: Arc<Plan>,
    peer: Peer,
    outputs: Outputs,
    decoder: Decoder,
    /// Only for raw streams whose rules or expectations look at text.
    text: Option<Box<charset::Decoder>>,
    /// Whether what comes in is text, as far as that was looked at.
    legibility: Legibility,
    /// Whether rules or expectations need messages decoded; UTF-8 they read as it is.
    listens_to_text: bool,
    responder: Option<Box<Responder>>,
    script: Option<Box<Run>>,
    /// Only where what is sent is cut or gathered.
    shaper: Option<Box<Shaper>>,
    /// Whether the plan and its rules ask for nothing but an echo.
    only_echoes: bool,
    /// The same of datagrams: in bytes, how long those are at most that go back.
    only_echoes_up_to: Option<usize>,
    input: Input,
    /// Whether the user waits for the peer to take what was sent before.
    is_input_due: bool,
    watched: bool,
    peer_ended: bool,
    shut_down: bool,
    closed: bool,
    /// Whether a message ended the conversation: what comes after it does not belong to it.
    has_heard_enough: bool,
    /// Why it is over, until that is told.
    closing: Option<Reason>,
    /// When a script that had much to send goes on.
    resume_script: Option<Time>,
    /// The full length of the datagram that comes next, where it was cut.
    full_len: Option<usize>,
    /// Place of the next byte to come, in bytes.
    received: u64,
    /// Place of the next byte sent, in bytes.
    sent: u64,
    /// Whether it was told that the datagram at hand causes too much.
    is_overfull: bool,
    /// Whether it was told that what is sent does not arrive, and nothing has come since.
    is_unheard: bool,
    /// When the peer was last heard.
    heard: Time,
    /// When waiting for input or for answers is over.
    quiet: Option<Time>,
    /// When waiting for the peer's end is over.
    linger: Option<Time>,
}

impl Session {
    /// Begins the conversation: a script starts at once.
    #[must_use]
    pub fn new(plan: Arc<Plan>, peer: Peer, input: Input, now: Time) -> Self {
        let responder = change::responder(&plan, &peer);
        let listens_to_text = change::listens_to_text(&plan, responder.as_deref());
        let text = change::stream_decoder(&plan, listens_to_text);
        let script = (!plan.script.is_empty()).then(|| Box::new(Run::new(plan.script.clone())));
        let shaper =
            (!plan.shaping.is_off()).then(|| Box::new(Shaper::new(plan.shaping.clone(), now)));
        let mut session = Self {
            decoder: plan.framing.decoder(plan.max_frame),
            text,
            legibility: Legibility::default(),
            listens_to_text,
            responder,
            script,
            shaper,
            outputs: Outputs::default(),
            only_echoes: false,
            only_echoes_up_to: None,
            input,
            is_input_due: false,
            watched: true,
            peer_ended: false,
            shut_down: false,
            closed: false,
            has_heard_enough: false,
            closing: None,
            resume_script: None,
            full_len: None,
            received: 0,
            sent: 0,
            is_overfull: false,
            is_unheard: false,
            heard: now,
            quiet: None,
            linger: None,
            plan,
            peer,
        };
        session.look_for_echo();
        session.start_rules(now);
        session.run_script(now);
        session
    }

    /// Sends what the user gave.
    pub fn transmit(&mut self, now: Time, message: Message) {
        if self.shut_down || self.closed {
            return;
        }
        let was_due = std::mem::take(&mut self.is_input_due);
        if self.peer_ended && (was_due || self.quiet.is_some()) {
            self.quiet = Some(now + self.patience());
        }
        self.tell(now);
        let speaker = match self.input {
            Input::Program => Speaker::Answer,
            Input::Open | Input::Closed => Speaker::User,
        };
        self.push_message(message, speaker);
    }

    /// Takes that the user has more to send, as soon as the peer has taken what came before: the quiet
    /// time begins with the next message.
    pub fn expect_input(&mut self) {
        self.is_input_due = true;
        if self.peer_ended {
            self.quiet = None;
        }
    }

    /// Takes that the user will send nothing more.
    pub fn finish(&mut self, now: Time) {
        self.tell(now);
        self.input = Input::Closed;
        if self.script.is_none() {
            self.settle(now);
        }
    }

    /// Ends the conversation from our side, after what is queued.
    pub fn close(&mut self) {
        self.push_close(Reason::Local);
    }

    /// Takes that the program that spoke for us has said everything. A server is done then; a client
    /// still hears what its peer answers.
    pub fn end_program(&mut self, now: Time) {
        match self.plan.role {
            Role::Client => self.finish(now),
            Role::Server => self.close(),
        }
    }

    fn hear_frame(&mut self, now: Time, frame: &Frame<'_>) {
        if self.has_heard_enough {
            return;
        }
        let decoded = self
            .plan
            .text
            .filter(|_| self.watched || self.listens_to_text)
            .map(|set| set.decode(frame.payload));
        if self.watched {
            self.outputs.push(Output::Event(What::Frame {
                direction: Direction::In,
                offset: frame.offset,
                payload: Bytes::copy_from_slice(frame.payload),
                malformed: decoded
                    .as_ref()
                    .is_some_and(|text| text.malformed_at.is_some()),
                text: decoded.as_ref().map(|text| text.text.clone()),
                partial: frame.is_partial,
                full_len: self.full_len,
            }));
            let broken_at = decoded.as_ref().and_then(|text| text.malformed_at);
            if let (Some(charset), Some(at)) = (self.plan.text, broken_at) {
                self.check_frame(charset, frame.payload, at);
            }
        }
        if frame.is_malformed {
            self.push_fault(
                FaultKind::Frame,
                format!(
                    "the message at offset {} is not valid {}",
                    frame.offset, self.plan.framing
                ),
                None,
            );
        }
        // What the end of the stream cut off was never said as a message.
        if frame.is_partial && self.plan.shape() == Shape::Stream {
            return;
        }
        // Whether somebody watches must make no difference to what is said.
        let text = decoded
            .as_ref()
            .filter(|_| self.listens_to_text)
            .map(|text| text.text.as_str());
        self.answer(now, frame.payload, text);
        if let Some(mut run) = self.script.take() {
            run.hear_frame(frame.payload, text);
            self.script = Some(run);
            self.run_script(now);
        }
    }

    /// A raw stream has no messages: rules take each chunk as one, expectations the whole stream.
    fn hear_stream(&mut self, now: Time, chunk: &[u8]) {
        if self.responder.is_none() && self.script.is_none() {
            return;
        }
        let decoded = self.text.as_mut().map(|decoder| {
            let mut text = String::new();
            decoder.push(chunk, &mut text);
            text
        });
        self.answer(now, chunk, decoded.as_deref());
        if let Some(run) = &mut self.script {
            run.hear_stream(chunk, decoded.as_deref());
            self.run_script(now);
        }
    }

    fn fail_frame(&mut self, error: &FrameError) {
        let count = match error {
            FrameError::TooLong {
                limit, declared, ..
            } => Some(declared.unwrap_or(*limit as u64)),
            _ => None,
        };
        self.push_fault(FaultKind::Frame, error.to_string(), count);
        self.push_rest();
        self.push_close(Reason::Limit);
    }

    /// Shows what the framing still holds: the beginning of a message that never ended.
    fn push_rest(&mut self) {
        if self.plan.is_raw_stream() {
            return;
        }
        let now = self.heard;
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.finish(|frame| self.hear_frame(now, &frame));
        self.decoder = decoder;
    }

    fn push_fault(&mut self, kind: FaultKind, message: String, count: Option<u64>) {
        self.outputs.push(Output::Event(What::Fault {
            kind,
            message,
            count,
        }));
    }

    /// Asked for after every message, and mostly there is none.
    fn deadline(&self) -> Option<Time> {
        let mut next = Time::first(self.quiet, self.linger);
        next = Time::first(next, self.decoder.deadline());
        if let Some(responder) = &self.responder {
            next = Time::first(next, responder.deadline());
        }
        if let Some(run) = &self.script
            && (!self.is_full() || run.is_listening())
        {
            next = Time::first(next, run.deadline());
        }
        if let Some(shaper) = &self.shaper {
            next = Time::first(next, shaper.deadline());
        }
        if let Some(idle) = self.plan.idle {
            next = Time::first(next, Some(self.heard + idle));
        }
        Time::first(next, self.resume_script)
    }
}

impl Machine for Session {
    type Event = What;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.heard = now;
        self.received += chunk.len() as u64;
        self.is_unheard = false;
        self.is_overfull = false;
        if self.quiet.is_some() && !self.peer_ended {
            self.quiet = Some(now + self.plan.wait);
        }
        if self.plan.is_raw_stream() {
            self.check_stream(chunk);
            self.hear_stream(now, chunk);
            return;
        }
        // The decoder lends frames out of the chunk, so it steps aside while they are heard.
        let mut decoder = std::mem::take(&mut self.decoder);
        let result = decoder.push(now, chunk, |frame| self.hear_frame(now, &frame));
        if result.is_ok() && self.plan.shape() == Shape::Datagram {
            decoder.finish(|frame| self.hear_frame(now, &frame));
        }
        self.decoder = decoder;
        self.full_len = None;
        if let Err(error) = result
            && !self.has_heard_enough
        {
            self.fail_frame(&error);
        }
    }

    fn handle_end(&mut self, now: Time) {
        self.tell(now);
        self.peer_ended = true;
        self.push_rest();
        if let Some(responder) = &mut self.responder {
            responder.handle_end();
        }
        let unmet = self.script.as_mut().and_then(|run| run.hear_end());
        if let Some((message, exit)) = unmet {
            self.push_fault(FaultKind::Expectation, message, Some(u64::from(exit)));
            return self.push_close(Reason::Local);
        }
        self.run_script(now);
        self.settle(now);
    }

    fn handle_fault(&mut self, _now: Time, fault: Fault) {
        match fault {
            Fault::Truncated { full_len } => {
                self.full_len = Some(full_len);
                self.push_fault(
                    FaultKind::Truncated,
                    format!(
                        "a datagram of {full_len} bytes was cut to {}; `--read-size {full_len}` \
                         takes it whole",
                        self.plan.read_size
                    ),
                    Some(full_len as u64),
                );
                return;
            }
            // A thousand datagrams that nobody wants are one piece of news.
            Fault::Refused | Fault::Unreachable if self.is_unheard => {}
            Fault::Refused => {
                self.is_unheard = true;
                let message = "nobody listens there (ICMP port unreachable)".to_owned();
                self.push_fault(FaultKind::Refused, message, None);
            }
            Fault::Unreachable => {
                self.is_unheard = true;
                self.push_fault(
                    FaultKind::Unreachable,
                    "there is no way there".to_owned(),
                    None,
                );
            }
            Fault::Reset => {
                self.push_rest();
                self.push_fault(FaultKind::Reset, reset_text(self.received), None);
            }
            Fault::BrokenPipe => {
                self.push_rest();
                self.push_fault(
                    FaultKind::Reset,
                    "the peer closed the connection before it had read everything".to_owned(),
                    None,
                );
            }
            Fault::Failed => self.push_rest(),
        }
        // A client that only waits for an answer that cannot come is done; one with more to send
        // goes on, since a listener may come up.
        let waits_in_vain = self.plan.role == Role::Client && self.input == Input::Closed;
        if fault.is_fatal() || waits_in_vain {
            self.push_close(fault.reason());
        }
        if fault.is_fatal()
            && let Some(shaper) = &mut self.shaper
        {
            shaper.abandon();
            self.closing = self.closing.and(Some(fault.reason()));
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        self.tell(now);
        if self.closed {
            return;
        }
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.timeout(now, |frame| self.hear_frame(now, &frame));
        self.decoder = decoder;
        self.with_responder(
            |responder, peer, act| responder.handle_timeout(now, peer, act),
            &[],
        );
        self.run_script(now);
        let is_due = |deadline: Option<Time>| deadline.is_some_and(|time| time <= now);
        if is_due(self.linger) {
            self.push_close(Reason::Timeout);
        } else if is_due(self.plan.idle.map(|idle| self.heard + idle)) {
            self.push_close(Reason::Idle);
        } else if is_due(self.quiet) {
            self.quiet = None;
            if !self.peer_ended {
                self.push_close(Reason::Local);
            } else if self.owes() {
                // What the rules still have to say is said; then it ends.
                self.input = Input::Closed;
            } else {
                self.push_close(Reason::Fin);
            }
        } else if self.peer_ended {
            self.settle(now);
        }
    }

    fn poll_output(&mut self) -> Output<What> {
        let mut is_held_up = false;
        if self.outputs.is_empty()
            && let Some(shaper) = &mut self.shaper
        {
            if let Some(output) = shaper.poll() {
                if output == Output::Shutdown {
                    let now = shaper.now();
                    self.linger = self.plan.linger.map(|linger| now + linger);
                }
                return output;
            }
            is_held_up = !shaper.is_empty();
        }
        if self.closed && is_held_up {
            return Output::Wait(self.shaper.as_ref().and_then(|shaper| shaper.deadline()));
        }
        if self.outputs.is_empty() && self.closing.is_some() {
            // The beginning of a message that will not be finished is the last thing told.
            self.push_rest();
        }
        match (self.outputs.pop(), self.closing) {
            (Some(output), _) => output,
            (None, Some(reason)) => {
                self.closing = None;
                Output::Close(reason)
            }
            (None, None) if self.closed => Output::Wait(None),
            (None, None) => Output::Wait(self.deadline()),
        }
    }

    fn handle_watch(&mut self, watched: bool) {
        self.watched = watched;
    }

    fn handle_echo(&mut self, len: usize) -> bool {
        self.echo(len)
    }

    fn handle_datagram_echo(&mut self, now: Time, len: usize) -> bool {
        self.echo_datagram(now, len)
    }

    fn handle_stop(&mut self, now: Time) {
        self.tell(now);
        if let Some(shaper) = &mut self.shaper {
            shaper.hurry();
        }
    }

    fn held(&self) -> Held {
        let shaped = self.shaped();
        Held {
            user: shaped.user + self.outputs.unprompted(),
            ..shaped
        }
    }
}

#[cfg(test)]
mod tests;
