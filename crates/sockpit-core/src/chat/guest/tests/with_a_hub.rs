//! A guest against the room itself, over a stream that is cut anywhere.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::*;
use crate::chat::room::{Facts, Hub, Member, Output as Heard, Settings as Rules};
use crate::chat::visitor::{self, Visitor};
use crate::sim::{Cuts, Faults, Pair, Side};

const GUEST: Member = Member(1);

/// The server's side of one link into a room; what is said in the room is kept.
struct Link {
    hub: Hub,
    visitor: Visitor,
    said: Rc<RefCell<Vec<String>>>,
    due: Option<Time>,
    outputs: VecDeque<Output<Told>>,
}

impl Link {
    fn new(rules: Rules, said: Rc<RefCell<Vec<String>>>) -> Self {
        let mut link = Self {
            hub: Hub::new(rules),
            visitor: Visitor::new(Arc::new(visitor::Settings::default())),
            said,
            due: None,
            outputs: VecDeque::new(),
        };
        let facts = Facts {
            addr: "tcp://10.0.0.1:5".to_owned(),
            ip: "10.0.0.1".parse().ok(),
            is_loopback: false,
        };
        link.hub.enter(Time::ZERO, GUEST, facts);
        link.settle(Time::ZERO);
        link
    }

    /// Carries everything out, as an engine does.
    fn settle(&mut self, now: Time) {
        loop {
            match self.hub.poll_output() {
                Heard::Deliver { to, line } => {
                    if to.iter().any(|member| member == GUEST) {
                        self.visitor.deliver(&line);
                    }
                }
                Heard::Dismiss { line, why, .. } => self.visitor.dismiss(line.as_deref(), why),
                Heard::Log(entry) if entry.kind.is_kept() => {
                    self.said.borrow_mut().push(entry.text.to_string());
                }
                Heard::Log(_) | Heard::Share(_) => {}
                Heard::Wait(due) => {
                    self.due = due;
                    match self.visitor.poll_output() {
                        Output::Event(request) => self.hub.hear(now, GUEST, request),
                        Output::Transmit(bytes) => self.outputs.push_back(Output::Transmit(bytes)),
                        Output::Shutdown => self.outputs.push_back(Output::Shutdown),
                        Output::Close(reason) => self.outputs.push_back(Output::Close(reason)),
                        Output::Wait(_) => return,
                    }
                }
            }
        }
    }
}

impl Machine for Link {
    type Event = Told;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.visitor.handle_input(now, chunk);
        self.settle(now);
    }

    fn handle_end(&mut self, now: Time) {
        self.visitor.handle_end(now);
        self.settle(now);
    }

    fn handle_fault(&mut self, now: Time, fault: Fault) {
        self.visitor.handle_fault(now, fault);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.due.is_some_and(|due| due <= now) {
            self.hub.handle_timeout(now);
            self.settle(now);
        }
    }

    fn poll_output(&mut self) -> Output<Told> {
        let next = self.outputs.pop_front();
        next.unwrap_or(Output::Wait(self.due))
    }
}

#[test]
fn everything_is_said_once_and_in_order_however_the_stream_is_cut_and_the_room_limits_it() {
    for seed in 0..40 {
        let mut guest = Guest::new(settings());
        guest.begin(Time::ZERO);
        let texts: Vec<String> = (0..50)
            .map(|number| format!("line {number} 你好"))
            .collect();
        for text in &texts {
            let text = text.clone();
            guest.ask(Ask::Text { room: None, text }).unwrap();
        }
        guest.finish();
        let faults = Faults {
            latency: Duration::from_millis(20),
            cuts: Cuts::Random,
            ..Faults::default()
        };
        let said = Rc::default();
        let link = Link::new(Rules::default(), Rc::clone(&said));
        let mut pair = Pair::stream(guest, link, faults, seed);
        pair.run_for(Duration::from_secs(120));
        assert_eq!(*said.borrow(), texts, "seed {seed}");
        let kept = pair.events(Side::A);
        let kept = kept.filter(|told| told.kind == "fate" && told.data["fate"] == "kept");
        assert_eq!(kept.count(), texts.len(), "seed {seed}");
    }
}
