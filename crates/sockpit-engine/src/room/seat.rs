//! Where a guest sits while there is a link: links come and go, the guest stays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockpit_core::chat::guest::{Guest, Told};
use sockpit_core::machine::{Fault, Machine, Output};
use sockpit_core::time::Time;

/// A guest that several links have one after the other. Clones are the same.
#[derive(Clone)]
pub struct Seat(Arc<Mutex<Guest>>);

impl Seat {
    /// Sits a guest down.
    #[must_use]
    pub fn new(guest: Guest) -> Self {
        Self(Arc::new(Mutex::new(guest)))
    }

    /// The guest. What it then has to send leaves when its driver is told so.
    pub fn guest(&self) -> MutexGuard<'_, Guest> {
        // Nobody panics between two changes of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine for Seat {
    type Event = Told;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.guest().handle_input(now, chunk);
    }

    fn handle_end(&mut self, now: Time) {
        self.guest().handle_end(now);
    }

    fn handle_fault(&mut self, now: Time, fault: Fault) {
        self.guest().handle_fault(now, fault);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.guest().handle_timeout(now);
    }

    fn handle_stop(&mut self, now: Time) {
        self.guest().handle_stop(now);
    }

    fn poll_output(&mut self) -> Output<Told> {
        self.guest().poll_output()
    }
}
