//! A session that does nothing but give back what it hears.

use super::Session;
use crate::plan::Shape;
use crate::time::Time;

impl Session {
    /// Finds out whether that is all that the plan and its rules ask for.
    pub(super) fn look_for_echo(&mut self) {
        let answers = self.responder.as_ref();
        self.only_echoes = answers.is_some_and(|responder| responder.only_echoes())
            && self.plan.is_raw_stream()
            && self.plan.checksum.is_none()
            // Silence is counted from what was heard last.
            && self.plan.idle.is_none()
            && self.shaper.is_none();
        let echoes_datagrams = answers.is_some_and(|responder| responder.only_echoes())
            && self.plan.shape() == Shape::Datagram
            && self.plan.framing.is_raw()
            && self.plan.checksum.is_none()
            && self.shaper.is_none();
        let most = self.plan.max_datagram().unwrap_or(usize::MAX);
        self.only_echoes_up_to = echoes_datagrams.then_some(most);
    }

    /// Takes `len` bytes that go back as they came, where nothing else can come of them.
    pub(super) fn echo(&mut self, len: usize) -> bool {
        let is_all = self.only_echoes
            && !self.watched
            && !self.closed
            && !self.shut_down
            && self.script.is_none()
            && self.quiet.is_none()
            && self.outputs.is_empty();
        if is_all {
            self.received += len as u64;
            self.sent += len as u64;
            self.is_overfull = false;
        }
        is_all
    }

    /// The same for a datagram of `len` bytes, which came at `now`.
    pub(super) fn echo_datagram(&mut self, now: Time, len: usize) -> bool {
        let is_all = self.only_echoes_up_to.is_some_and(|most| len <= most)
            && !self.watched
            && !self.closed
            && !self.shut_down
            && self.script.is_none()
            && self.quiet.is_none()
            && self.full_len.is_none()
            && self.outputs.is_empty();
        if is_all {
            self.heard = now;
            self.received += len as u64;
            self.sent += len as u64;
            self.is_unheard = false;
            self.is_overfull = false;
            self.decoder.skip(len);
        }
        is_all
    }
}

#[cfg(test)]
mod tests;
