//! When a conversation is over: who may still say something, and what is still owed.

use std::time::Duration;

use super::{Input, Session};
use crate::machine::{Output, Reason};
use crate::plan::{Role, Shape};
use crate::time::Time;

/// A client whose peer has ended goes on sending while the input gives something at least this
/// often (design: the table of situations).
const QUIET_INPUT: Duration = Duration::from_millis(500);

/// A peer of a server that has ended its side may wait for a late answer; one that has left looks
/// the same, and must not keep its place for ever (rule A2).
const HALF_CLOSED: Duration = Duration::from_secs(30);

impl Session {
    /// Acts on who may still say something.
    pub(super) fn settle(&mut self, now: Time) {
        if self.closed || self.script.is_some() {
            return;
        }
        let answers = self.responder.is_some()
            && self
                .plan
                .rules
                .as_ref()
                .is_some_and(|rules| !rules.is_silent());
        if self.plan.shape() == Shape::Datagram {
            let stays = answers || self.plan.role == Role::Server;
            if self.input == Input::Closed && !stays {
                self.quiet = Some(now + self.plan.wait);
            }
            return;
        }
        match (self.input, self.peer_ended) {
            (Input::Closed, true) => {
                if !self.owes() {
                    self.push_shutdown(now);
                    self.push_close(Reason::Fin);
                }
            }
            (Input::Closed, false) => {
                // Who answers by rules, or serves without having said anything, keeps its side open.
                let speaks = answers || (self.plan.role == Role::Server && self.sent == 0);
                if !speaks {
                    self.push_shutdown(now);
                }
            }
            (Input::Open, true) => {
                if !self.is_input_due {
                    self.quiet.get_or_insert(now + self.patience());
                }
            }
            (Input::Open, false) | (Input::Program, _) => {}
        }
    }

    /// How long input may be silent once the peer has ended: where no other peer will come, as short
    /// as a client waits.
    pub(super) fn patience(&self) -> Duration {
        match self.plan.role {
            Role::Server if !self.plan.once => HALF_CLOSED,
            _ => QUIET_INPUT,
        }
    }

    /// Whether an answer is under way.
    pub(super) fn owes(&self) -> bool {
        self.responder
            .as_ref()
            .is_some_and(|responder| responder.deadline().is_some())
    }

    pub(super) fn push_shutdown(&mut self, now: Time) {
        if !self.shut_down && !self.closed {
            self.shut_down = true;
            if let Some(shaper) = &mut self.shaper {
                shaper.flush();
                return shaper.mark(Output::Shutdown);
            }
            self.linger = self.plan.linger.map(|linger| now + linger);
            self.outputs.push(Output::Shutdown);
        }
    }

    pub(super) fn push_close(&mut self, reason: Reason) {
        if !self.closed {
            self.closed = true;
            self.script = None;
            self.closing = Some(reason);
            let is_patient = matches!(reason, Reason::Local | Reason::Fin);
            match &mut self.shaper {
                Some(shaper) if is_patient => shaper.flush(),
                Some(shaper) => shaper.hurry(),
                None => {}
            }
        }
    }
}
