//! What a session says by itself: the answers of its rules, and its script.

use bytes::Bytes;

use super::script::Progress;
use super::{Input, Message, Session};
use crate::event::{Direction, FaultKind, What};
use crate::machine::{Held, Output, Reason};
use crate::plan::Shape;
use crate::rule::{Action, Captures, Message as Heard, Payload, Peer as RulePeer, Responder};
use crate::time::Time;

/// Messages that a script sends before the driver has its turn: it paces a script that sends without
/// end.
const BURST: usize = 1000;

/// In bytes: answers that wait to be carried out.
const MOST_QUEUED: usize = 16 * 1024 * 1024;

/// In bytes: what waits for its time to be written before a script sends no more.
const MOST_HELD: usize = 256 * 1024;

/// On whose account something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// The user, or the script.
    User,
    /// Whoever answers the peer: the rules, or a program.
    Answer,
}

impl Session {
    pub(super) fn start_rules(&mut self, now: Time) {
        self.with_responder(
            |responder, peer, act| responder.handle_open(now, peer, act),
            &[],
        );
    }

    pub(super) fn answer(&mut self, now: Time, bytes: &[u8], text: Option<&str>) {
        let heard = Heard { bytes, text };
        self.with_responder(
            |responder, peer, act| responder.handle_message(now, heard, peer, act),
            bytes,
        );
    }

    /// Lets the responder act, and carries its actions out; `heard` is what an echo sends back.
    pub(super) fn with_responder(
        &mut self,
        turn: impl FnOnce(&mut Responder, &RulePeer<'_>, &mut dyn FnMut(Action)),
        heard: &[u8],
    ) {
        self.beside_responder(|session, responder, peer| {
            turn(responder, peer, &mut |action| match action {
                Action::Echo => session.push_payload(Bytes::copy_from_slice(heard)),
                Action::Send(payload) => session.push_payload(payload),
                Action::Close => session.end_by_message(),
                Action::Fault(withheld) => {
                    session.push_fault(withheld.kind(), withheld.to_string(), None);
                }
            });
        });
    }

    /// Lets the session and its responder, where there is one, work on each other.
    fn beside_responder(&mut self, work: impl FnOnce(&mut Self, &mut Responder, &RulePeer<'_>)) {
        let Some(mut responder) = self.responder.take() else {
            return;
        };
        let addr = std::mem::take(&mut self.peer.addr);
        let peer = RulePeer {
            number: self.peer.number,
            addr: &addr,
            epoch: self.peer.epoch,
        };
        work(self, &mut responder, &peer);
        self.peer.addr = addr;
        self.responder = Some(responder);
    }

    pub(super) fn run_script(&mut self, now: Time) {
        let Some(mut run) = self.script.take() else {
            return;
        };
        run.hear_part(self.decoder.pending());
        self.resume_script = None;
        let mut burst = 0;
        loop {
            burst += 1;
            if burst > BURST {
                self.resume_script = Some(now);
                self.script = Some(run);
                return;
            }
            // It goes on when the next piece has left.
            if self.is_full() && !run.is_listening() {
                self.script = Some(run);
                return;
            }
            match run.advance(now) {
                Progress::Send(message) => self.push_message(message, Speaker::User),
                Progress::Pending => {
                    // An answer cannot come to what is not sent.
                    if run.is_listening()
                        && let Some(shaper) = &mut self.shaper
                        && shaper.waits_for_more()
                    {
                        shaper.flush();
                    }
                    self.script = Some(run);
                    return;
                }
                Progress::Render(payload) => self.render(now, &payload, run.captures(), 1),
                Progress::Unmet { message, exit } => {
                    self.push_rest();
                    self.push_fault(FaultKind::Expectation, message, Some(u64::from(exit)));
                    return self.push_close(Reason::Local);
                }
                Progress::Done { expected: true } if self.input == Input::Closed => {
                    return self.end_by_message();
                }
                Progress::Done { .. } => return self.settle(now),
            }
        }
    }

    /// Ends the conversation because of what was heard.
    fn end_by_message(&mut self) {
        self.has_heard_enough = true;
        self.push_close(Reason::Local);
    }

    /// Sends a step of the script that names what was caught, or the time, or the peer.
    /// `count` is what `${counter}` says.
    pub(super) fn render(&mut self, now: Time, payload: &Payload, captures: &Captures, count: u64) {
        self.beside_responder(|session, responder, peer| {
            match responder.render_in_round(now, payload, captures, peer, count) {
                Ok(bytes) => session.push_payload(bytes),
                Err(error) => session.push_fault(FaultKind::Text, error.to_string(), None),
            }
        });
    }

    /// Sends an answer. A datagram of many messages may cause any number of them at once; those that
    /// are too many are dropped, as a full network drops them, and told once.
    pub(super) fn push_payload(&mut self, payload: Bytes) {
        if self.plan.shape() == Shape::Datagram && self.outputs.queued() > MOST_QUEUED {
            if !std::mem::replace(&mut self.is_overfull, true) {
                let message = "one datagram caused too many answers; the rest are dropped";
                self.push_fault(FaultKind::Limit, message.to_owned(), None);
            }
            return;
        }
        if self.shaped().total() > MOST_QUEUED {
            if !std::mem::replace(&mut self.is_overfull, true) {
                let message = "answers come faster than they are let go; the rest are dropped";
                self.push_fault(FaultKind::Limit, message.to_owned(), None);
            }
            return;
        }
        let pushed = if self.shows_messages() {
            let message = self.plan.message(payload);
            message.map(|message| self.push_message(message, Speaker::Answer))
        } else {
            let wire = self.plan.wire(payload);
            wire.map(|wire| self.push_wire(wire, Speaker::Answer))
        };
        if let Err(error) = pushed {
            self.push_fault(FaultKind::Frame, error.to_string(), None);
        }
    }

    /// Tells the time to what waits for it.
    pub(super) fn tell(&mut self, now: Time) {
        if let Some(shaper) = &mut self.shaper {
            shaper.tell(now);
        }
    }

    /// Whether so much waits for its time that no more is to be sent.
    pub(super) fn is_full(&self) -> bool {
        let held = self.shaped();
        held.total() - held.gathered >= MOST_HELD
    }

    /// What is held back to be cut or gathered.
    pub(super) fn shaped(&self) -> Held {
        self.shaper
            .as_ref()
            .map_or_else(Held::default, |shaper| shaper.held())
    }

    pub(super) fn push_message(&mut self, message: Message, speaker: Speaker) {
        if self.shut_down || self.closed {
            return;
        }
        let offset = self.sent;
        self.push_wire(message.wire, speaker);
        if !self.shows_messages() {
            return;
        }
        let payload = message.payload;
        let decoded = self.plan.text.map(|_| self.plan.text_out.decode(&payload));
        let shown = Output::Event(What::Frame {
            direction: Direction::Out,
            offset,
            malformed: decoded
                .as_ref()
                .is_some_and(|text| text.malformed_at.is_some()),
            text: decoded.map(|text| text.text),
            payload,
            partial: false,
            full_len: None,
        });
        match &mut self.shaper {
            Some(shaper) => shaper.mark(shown),
            None => self.outputs.push(shown),
        }
    }

    /// Sends what is a message already, and tells nobody.
    fn push_wire(&mut self, wire: Bytes, speaker: Speaker) {
        if self.shut_down || self.closed {
            return;
        }
        self.sent += wire.len() as u64;
        match &mut self.shaper {
            Some(shaper) => shaper.push(wire, speaker == Speaker::Answer),
            None => self.outputs.push_wire(wire, speaker),
        }
    }

    /// Whether messages are told as events.
    fn shows_messages(&self) -> bool {
        self.watched && !self.plan.is_raw_stream()
    }
}
