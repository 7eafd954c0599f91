use bytes::Bytes;
use sockpit_core::machine::Reason;

use super::*;

/// Says what it was called with.
#[derive(Default)]
struct Parrot {
    said: Vec<Output<What>>,
    is_watched: bool,
}

impl Parrot {
    fn say(&mut self, word: &'static [u8]) {
        self.said.push(Output::Transmit(Bytes::from_static(word)));
    }
}

impl Machine for Parrot {
    type Event = What;

    fn handle_input(&mut self, _: Time, _: &[u8]) {
        self.say(b"input");
    }

    fn handle_end(&mut self, _: Time) {
        self.say(b"end");
    }

    fn handle_fault(&mut self, _: Time, fault: Fault) {
        self.said.push(Output::Close(fault.reason()));
    }

    fn handle_timeout(&mut self, now: Time) {
        self.said.push(Output::Wait(Some(now)));
    }

    fn poll_output(&mut self) -> Output<What> {
        match self.said.is_empty() {
            true => Output::Wait(None),
            false => self.said.remove(0),
        }
    }

    fn handle_watch(&mut self, watched: bool) {
        self.is_watched = watched;
    }

    fn handle_stop(&mut self, _: Time) {
        self.said.push(Output::Shutdown);
    }

    fn held(&self) -> Held {
        let user = self.said.len();
        Held {
            user,
            ..Held::default()
        }
    }
}

#[test]
fn what_is_asked_of_it_reaches_the_machine() {
    let now = Time::from_nanos(7);
    let mut any = AnyMachine::new(Parrot::default());
    any.handle_watch(true);
    any.handle_input(now, b"x");
    any.handle_end(now);
    any.handle_timeout(now);
    any.handle_stop(now);
    any.handle_fault(now, Fault::Reset);
    assert_eq!(any.held().user, 5);
    assert!(any.downcast_mut::<Parrot>().unwrap().is_watched);
    let said: Vec<_> = std::iter::from_fn(|| match any.poll_output() {
        Output::Wait(None) => None,
        output => Some(output),
    })
    .collect();
    assert_eq!(
        said,
        [
            Output::Transmit(Bytes::from_static(b"input")),
            Output::Transmit(Bytes::from_static(b"end")),
            Output::Wait(Some(now)),
            Output::Shutdown,
            Output::Close(Reason::Reset),
        ]
    );
}

#[test]
fn it_is_no_machine_of_another_type() {
    let mut any = AnyMachine::new(Parrot::default());
    assert!(
        any.downcast_mut::<sockpit_core::session::Session>()
            .is_none()
    );
}
