//! The machines of all applications behind one type, so that the drivers are compiled once for them.
//!
//! What `connect` and `listen` drive is a type of its own, as its drivers are to be fast. An
//! application has few peers, and a call through a pointer costs it nothing that anybody sees.

use std::any::Any;

use sockpit_core::event::What;
use sockpit_core::machine::{Fault, Held, Machine, Output};
use sockpit_core::time::Time;

/// A machine of whichever type. Only the one within knows what it was made of.
pub(crate) type AnyMachine = Telling<dyn Erased>;

impl AnyMachine {
    pub(crate) fn new<M>(machine: M) -> Self
    where
        M: Machine<Event: Into<What>> + 'static,
    {
        Self(Box::new(Telling(Box::new(machine))))
    }

    /// The machine as what it was made of; `None` where that is another type.
    pub(crate) fn downcast_mut<M: 'static>(&mut self) -> Option<&mut M> {
        let machine: &mut dyn Any = &mut *self.0;
        machine
            .downcast_mut::<Telling<M>>()
            .map(|telling| &mut *telling.0)
    }
}

/// A machine that tells the world in the engine's own words, and knows its type.
pub(crate) trait Erased: Machine<Event = What> + Any {}

impl<M: Machine<Event = What> + Any> Erased for M {}

/// Turns what a machine tells into the engine's events.
pub(crate) struct Telling<M: ?Sized>(Box<M>);

impl<M: Machine<Event: Into<What>> + ?Sized> Machine for Telling<M> {
    type Event = What;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.0.handle_input(now, chunk);
    }

    fn handle_end(&mut self, now: Time) {
        self.0.handle_end(now);
    }

    fn handle_fault(&mut self, now: Time, fault: Fault) {
        self.0.handle_fault(now, fault);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.0.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Output<What> {
        match self.0.poll_output() {
            Output::Event(event) => Output::Event(event.into()),
            Output::Transmit(bytes) => Output::Transmit(bytes),
            Output::Shutdown => Output::Shutdown,
            Output::Close(reason) => Output::Close(reason),
            Output::Wait(time) => Output::Wait(time),
        }
    }

    fn handle_watch(&mut self, watched: bool) {
        self.0.handle_watch(watched);
    }

    fn handle_echo(&mut self, len: usize) -> bool {
        self.0.handle_echo(len)
    }

    fn handle_datagram_echo(&mut self, now: Time, len: usize) -> bool {
        self.0.handle_datagram_echo(now, len)
    }

    fn handle_stop(&mut self, now: Time) {
        self.0.handle_stop(now);
    }

    fn held(&self) -> Held {
        self.0.held()
    }
}

#[cfg(test)]
mod tests;
