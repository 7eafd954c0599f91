//! What one peer has said, as far as no expectation has used it up.

use std::sync::Arc;

use super::voice::ENDED;
use crate::event::{Direction, What};
use crate::machine::Reason;
use crate::plan::{Plan, Shape};
use crate::session::{Progress, Run, Script, Step};
use crate::text::charset::{Charset, Decoder};
use crate::time::Time;

/// Hears one peer.
pub(super) struct Ear {
    plan: Arc<Plan>,
    /// Of a raw stream whose text is not UTF-8.
    decoder: Option<Decoder>,
    pub(super) run: Run,
    /// Which step of the case it listens for.
    step: Option<usize>,
    /// Whether the peer has ended its side.
    pub(super) has_ended: bool,
    /// How the conversation ended.
    pub(super) closed: Option<Reason>,
    /// The last thing that went wrong.
    pub(super) fault: Option<String>,
    pub(super) addr: String,
}

impl Ear {
    pub(super) fn new(plan: Arc<Plan>, addr: String) -> Self {
        let decoder = plan
            .text
            .filter(|charset| plan.is_raw_stream() && *charset != Charset::UTF_8)
            .map(Charset::decoder);
        Self {
            plan,
            decoder,
            run: Run::new(Arc::default()),
            step: None,
            has_ended: false,
            closed: None,
            fault: None,
            addr,
        }
    }

    pub(super) fn hear(&mut self, what: &What) {
        match what {
            What::Chunk {
                direction: Direction::In,
                bytes,
                ..
            } if self.plan.is_raw_stream() => {
                let text = self.decoder.as_mut().map(|decoder| {
                    let mut text = String::new();
                    decoder.push(bytes, &mut text);
                    text
                });
                self.run.hear_stream(bytes, text.as_deref());
            }
            What::Frame {
                direction: Direction::In,
                payload,
                text,
                partial,
                ..
            } => {
                // What the end of a stream cut off was never said as a message.
                if *partial && self.plan.shape() == Shape::Stream {
                    self.run.hear_part(payload.len());
                    return;
                }
                // UTF-8 is looked at as it came.
                let text = text
                    .as_deref()
                    .filter(|_| self.plan.text != Some(Charset::UTF_8));
                self.run.hear_frame(payload, text);
            }
            What::Note { kind, .. } if kind == ENDED => self.has_ended = true,
            What::Closed { reason, .. } => self.closed = Some(*reason),
            What::Fault { message, .. } => self.fault = Some(message.clone()),
            _ => {}
        }
    }

    /// Listens for the step of the case; `step` is its place.
    pub(super) fn listen(
        &mut self,
        now: Time,
        step: usize,
        expect: impl FnOnce() -> Step,
    ) -> Progress {
        if self.step != Some(step) {
            self.step = Some(step);
            self.run.go_on(Arc::new(Script {
                steps: vec![expect()],
                every: None,
                count: None,
            }));
        }
        match self.run.advance(now) {
            Progress::Pending if self.is_over() && self.plan.shape() == Shape::Stream => {
                match self.run.hear_end() {
                    Some((message, exit)) => Progress::Unmet { message, exit },
                    None => Progress::Pending,
                }
            }
            progress => progress,
        }
    }

    /// What came and was not used up, the beginning of it.
    pub(super) fn unused(&self) -> Option<String> {
        self.run.unused(self.plan.is_raw_stream())
    }

    /// Whether nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended || self.closed.is_some()
    }
}
