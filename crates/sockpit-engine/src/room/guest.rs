//! The machine of one member: its visitor, whose requests go to the room's hub.

use std::rc::Rc;

use sockpit_core::chat::room::Member;
use sockpit_core::chat::visitor::Visitor;
use sockpit_core::event::What;
use sockpit_core::machine::{Fault, Held, Machine, Output, Reason};
use sockpit_core::time::Time;

use super::hall::Hall;

/// A visitor in a room. The hub knows that it has left once it is dropped, whatever ended it.
pub(crate) struct Guest {
    pub(super) visitor: Visitor,
    member: Member,
    hall: Rc<Hall>,
    /// Why it leaves, as far as that is known.
    cause: Reason,
}

impl Guest {
    pub(super) fn new(visitor: Visitor, member: Member, hall: Rc<Hall>) -> Self {
        Self {
            visitor,
            member,
            hall,
            cause: Reason::Local,
        }
    }
}

impl Machine for Guest {
    type Event = What;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.visitor.handle_input(now, chunk);
    }

    fn handle_end(&mut self, now: Time) {
        self.cause = Reason::Fin;
        self.visitor.handle_end(now);
    }

    fn handle_fault(&mut self, now: Time, fault: Fault) {
        self.cause = fault.reason();
        self.visitor.handle_fault(now, fault);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.visitor.handle_timeout(now);
    }

    fn handle_stop(&mut self, now: Time) {
        self.visitor.handle_stop(now);
    }

    fn poll_output(&mut self) -> Output<What> {
        loop {
            return match self.visitor.poll_output() {
                Output::Event(request) => {
                    self.hall.hear(self.member, request);
                    continue;
                }
                Output::Transmit(bytes) => Output::Transmit(bytes),
                Output::Shutdown => Output::Shutdown,
                Output::Close(reason) => {
                    // It may take a while until the peer has everything; it is gone for the others.
                    self.hall.leave(self.member, reason);
                    Output::Close(reason)
                }
                Output::Wait(wake) => Output::Wait(wake),
            };
        }
    }

    fn held(&self) -> Held {
        self.visitor.held()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.hall.leave(self.member, self.cause);
        self.hall.forget(self.member);
    }
}
