//! How a conversation on a stream ends: by us, by a failure, and when it may be called over.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use sockpit_core::event::{FaultKind, What};
use sockpit_core::machine::{Fault, Machine, Reason};
use tokio::io::ReadBuf;

use super::{Stream, WriteSide};
use crate::bus::Scope;
use crate::driver::{Cause, fault_of};
use crate::error::cause_text;
use crate::session::{DRAIN_TIME, Outcome, RECHECK};

/// A closing peer that takes nothing for this long is given up (rule A2).
pub(super) const STALL_TIME: Duration = Duration::from_secs(30);

/// A program that is told to end, and owes nothing that is known of, has this long.
const PROGRAM_END: Duration = Duration::from_millis(500);

impl<M> Stream<M>
where
    M: Machine,
    M::Event: Into<What>,
{
    /// Takes that the conversation shall end, however slow those are who watch it.
    pub(super) fn poll_stop(&mut self, cx: &mut Context<'_>) -> bool {
        if self.inbox.is_reset() {
            let is_news = self.closing.is_none();
            self.link.reset_on_drop();
            self.close(Reason::Local);
            self.give_up = Some(self.scene.now());
            return is_news;
        }
        let is_news = self.inbox.is_stopped() && self.closing.is_none();
        if is_news && let Some(post) = self.inbox.post() {
            post.give(&mut self.machine, self.scene.now(), true);
            self.drain(cx, &Cause::User(None));
        }
        if is_news && self.closing.is_none() {
            self.machine.handle_stop(self.scene.now());
            self.drain(cx, &Cause::Reply);
            self.close(Reason::Local);
        }
        if is_news {
            let is_program_alone = self.program.is_some() && self.outbox.is_empty();
            let patience = if is_program_alone {
                PROGRAM_END
            } else {
                DRAIN_TIME
            };
            self.give_up = Some(self.scene.now() + patience);
        }
        is_news
    }

    /// Takes that the link is broken, unless the conversation is over anyway.
    pub(super) fn fail(&mut self, cx: &mut Context<'_>, error: &io::Error) {
        if self.closing.is_some() {
            return;
        }
        let fault = match fault_of(error) {
            Fault::Refused | Fault::Unreachable => Fault::Failed,
            fault => fault,
        };
        if fault == Fault::Failed {
            self.publish_fault(FaultKind::Failed, cause_text(error), None);
        }
        self.machine.handle_fault(self.scene.now(), fault);
        self.drain(cx, &Cause::Reply);
        if self.write == WriteSide::Broken {
            // What else the machine had to send is lost as well, and all of it is told at once.
            let unsent = std::mem::take(&mut self.lost) + self.machine.held().total();
            self.tell_unsent(unsent);
        }
        self.close(fault.reason());
    }

    pub(super) fn close(&mut self, reason: Reason) {
        if self.closing.is_none() {
            self.closing = Some(reason);
            self.wake = None;
            let patience = if self.program.is_some() {
                DRAIN_TIME
            } else {
                STALL_TIME
            };
            self.give_up.get_or_insert(self.scene.now() + patience);
        }
    }

    /// Over is a closing conversation whose outbox is empty, or whose peer takes nothing any more.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.closing.is_none() {
            return false;
        }
        let gives_up = self.give_up.is_some_and(|time| time <= self.scene.now());
        if gives_up {
            return true;
        }
        let program = self.program.as_mut();
        let program_runs = program.is_some_and(|program| program.poll_exit(cx).is_pending());
        if self.outbox.is_empty() && !program_runs && self.is_taken(cx) {
            return true;
        }
        false
    }

    /// Whether the peer's system has everything that was sent. Closing a TCP socket on which bytes
    /// wait or still arrive resets it, and takes back what is under way; so those are read and
    /// dropped until then.
    fn is_taken(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.read_open || !self.link.resets_on_close() {
            return true;
        }
        if self.write != WriteSide::Ended && self.link.poll_shutdown(cx).is_ready() {
            self.write = WriteSide::Ended;
        }
        let unsent = self.link.fd().map(sockpit_sys::socket::unsent);
        if !matches!(unsent, Some(Ok(1..))) {
            return true;
        }
        let mut buffer = self.scene.shard.buffer.borrow_mut();
        let mut into = ReadBuf::new(&mut buffer);
        while let Poll::Ready(result) = self.link.poll_read(cx, &mut into) {
            if result.is_err() || into.filled().is_empty() {
                self.read_open = false;
                return true;
            }
            into.clear();
        }
        // The last byte is our end. Nothing that was sent waits for it to be acknowledged, which the
        // peer's system may put off until its program answers.
        if self.write == WriteSide::Ended && matches!(unsent, Some(Ok(1))) {
            return true;
        }
        self.recheck = Some(self.scene.now() + RECHECK);
        false
    }

    /// Tells of the end, and gives what it came to.
    pub(super) fn end(&mut self) -> Outcome {
        let mut unsent = self.outbox.clear() + std::mem::take(&mut self.lost);
        if !self.outcome.has(FaultKind::Unsent) {
            unsent += self.machine.held().total();
        }
        self.tell_unsent(unsent);
        if let (Some(facts), Some(fd)) = (&mut self.facts, self.link.fd()) {
            facts.close(&self.scene, fd);
        }
        let reason = self.closing.unwrap_or(Reason::Local);
        if self.scene.wants(Scope::Life) {
            self.scene.publish(
                self.number,
                What::Closed {
                    reason,
                    message: String::new(),
                },
            );
        }
        Outcome {
            reason,
            ..std::mem::replace(&mut self.outcome, Outcome::new(reason))
        }
    }

    /// Says how many bytes were not sent. Of what others say, a peer that leaves always misses some.
    pub(super) fn tell_unsent(&mut self, unsent: usize) {
        if unsent > 0 && self.inbox.post().is_none() {
            let message = format!("{unsent} bytes were not sent");
            self.publish_fault(FaultKind::Unsent, message, Some(unsent as u64));
        }
    }
}
