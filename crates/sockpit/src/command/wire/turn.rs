//! A live capture, watched a turn at a time.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sockpit_core::wire::Packet;
use sockpit_engine::capture::{Batch, Capture};

use super::view::Flow;

/// When a capture that is watched is over.
pub(super) struct Turns {
    /// How long packets are waited for before what waits is shown.
    pace: Duration,
    until: Option<Instant>,
    /// What was seen before an interface went away stays true.
    failure: Option<anyhow::Error>,
}

impl Turns {
    pub(super) const fn new(pace: Duration, until: Option<Instant>) -> Self {
        Self {
            pace,
            until,
            failure: None,
        }
    }

    /// Takes what has come, as long as more is wanted; tells whether there is another turn.
    pub(super) fn take(
        &mut self,
        capture: &mut Capture,
        mut take: impl FnMut(&Packet<'_>) -> Flow,
    ) -> Flow {
        let rest = self.until.map_or(self.pace, |until| {
            until.saturating_duration_since(Instant::now())
        });
        let mut flow = Ok(ControlFlow::Continue(()));
        let batch = capture.next_batch(Some(rest.min(self.pace)), |packet| {
            if matches!(flow, Ok(ControlFlow::Continue(()))) {
                flow = take(packet);
            }
        });
        let is_last = match batch.context("the capture has ended") {
            Ok(batch) => {
                let is_late = self.until.is_some_and(|until| until <= Instant::now());
                is_late || matches!(batch, Batch::Ended(_))
            }
            Err(error) => {
                self.failure = Some(error);
                true
            }
        };
        match flow? {
            ControlFlow::Continue(()) if !is_last => Ok(ControlFlow::Continue(())),
            _ => Ok(ControlFlow::Break(())),
        }
    }

    /// What ended the capture before its time.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.failure.map_or(Ok(()), Err)
    }
}
