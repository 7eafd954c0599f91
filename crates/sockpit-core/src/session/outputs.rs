//! What a session wants done, in order.

use std::collections::VecDeque;

use bytes::Bytes;

use super::speech::Speaker;
use crate::event::What;
use crate::machine::Output;

/// The outputs that wait to be carried out.
///
/// Most of the time there is one message or nothing, and idle peers are many: one message has a place
/// of its own, and a queue is there only while more waits.
#[derive(Default)]
pub(super) struct Outputs {
    /// A message that comes before all of `rest`.
    first: Option<(Bytes, Speaker)>,
    rest: VecDeque<(Output<What>, Speaker)>,
    /// In bytes: what waits to be transmitted.
    queued: usize,
    /// In bytes: how much of it the user or the script sends.
    unprompted: usize,
}

impl Outputs {
    /// Takes what is no message.
    pub(super) fn push(&mut self, output: Output<What>) {
        self.rest.push_back((output, Speaker::Answer));
    }

    /// Takes a message as it is on the wire.
    pub(super) fn push_wire(&mut self, wire: Bytes, speaker: Speaker) {
        self.queued += wire.len();
        if speaker == Speaker::User {
            self.unprompted += wire.len();
        }
        if self.is_empty() {
            self.first = Some((wire, speaker));
        } else {
            self.rest.push_back((Output::Transmit(wire), speaker));
        }
    }

    pub(super) fn pop(&mut self) -> Option<Output<What>> {
        let (output, speaker) = match self.first.take() {
            Some((wire, speaker)) => (Output::Transmit(wire), speaker),
            None => {
                let next = self.rest.pop_front()?;
                if self.rest.is_empty() {
                    self.rest = VecDeque::new();
                }
                next
            }
        };
        if let Output::Transmit(wire) = &output {
            self.queued -= wire.len();
            if speaker == Speaker::User {
                self.unprompted -= wire.len();
            }
        }
        Some(output)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.is_empty()
    }

    /// In bytes: what waits to be transmitted.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// In bytes: how much of it the user or the script sends.
    pub(super) fn unprompted(&self) -> usize {
        self.unprompted
    }
}

#[cfg(test)]
mod tests;
