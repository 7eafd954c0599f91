//! The state link: ten times a second a drone says how it is.

use std::time::Duration;

use bytes::Bytes;

use super::SharedDrone;
use crate::event::What;
use crate::machine::{Fault, Machine, Output};
use crate::time::Time;

/// From one state to the next.
const INTERVAL: Duration = Duration::from_millis(100);

/// Sends the state of a drone. What comes is not listened to, and nobody listening is no failure.
pub struct Reporter {
    drone: SharedDrone,
    next: Time,
    ready: Option<String>,
}

impl Reporter {
    /// The first state leaves at once.
    #[must_use]
    pub fn new(drone: SharedDrone, now: Time) -> Self {
        let mut reporter = Self {
            drone,
            next: now,
            ready: None,
        };
        reporter.handle_timeout(now);
        reporter
    }
}

impl Machine for Reporter {
    type Event = What;

    fn handle_input(&mut self, _: Time, _: &[u8]) {}

    fn handle_end(&mut self, _: Time) {}

    fn handle_fault(&mut self, _: Time, _: Fault) {}

    fn handle_timeout(&mut self, now: Time) {
        if now < self.next {
            return;
        }
        // After a pause there is one state, not all that were missed.
        self.next = self.next + INTERVAL;
        if self.next <= now {
            self.next = now + INTERVAL;
        }
        self.ready = self.drone.with(|drone| drone.state_text(now));
    }

    fn poll_output(&mut self) -> Output<What> {
        match self.ready.take() {
            Some(text) => Output::Transmit(Bytes::from(text)),
            None => Output::Wait(Some(self.next)),
        }
    }
}

#[cfg(test)]
mod tests;
