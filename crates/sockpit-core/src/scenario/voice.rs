//! A session of a scenario: it speaks when it is told to, and tells when the peer has ended.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::event::What;
use crate::machine::{Fault, Held, Machine, Output};
use crate::plan::Plan;
use crate::session::{Input, Message, Peer, Session};
use crate::time::Time;

/// The kind of the note that a peer has ended its side.
pub(super) const ENDED: &str = "ended";

/// One conversation of a scenario. It answers by its rules, and stays open until it is closed.
pub struct Voice {
    session: Session,
    /// Whether the peer's end is still to be told.
    has_news: bool,
    /// What comes after that.
    after_news: Option<Output<What>>,
}

impl Voice {
    /// Begins the conversation.
    #[must_use]
    pub fn new(plan: Arc<Plan>, peer: Peer, now: Time) -> Self {
        Self {
            // A program takes its time: nothing but its end closes the conversation.
            session: Session::new(plan, peer, Input::Program, now),
            has_news: false,
            after_news: None,
        }
    }

    /// Sends a message.
    pub fn transmit(&mut self, now: Time, wire: Bytes, payload: Bytes) {
        self.session.transmit(now, Message { wire, payload });
    }

    /// Ends our side; what the peer still says is heard.
    pub fn finish(&mut self, now: Time) {
        self.session.finish(now);
    }

    /// Ends the conversation, after what is queued.
    pub fn close(&mut self) {
        self.session.close();
    }
}

impl Machine for Voice {
    type Event = What;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.session.handle_input(now, chunk);
    }

    fn handle_end(&mut self, now: Time) {
        self.session.handle_end(now);
        self.has_news = true;
    }

    fn handle_fault(&mut self, now: Time, fault: Fault) {
        self.session.handle_fault(now, fault);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.session.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Output<What> {
        if let Some(output) = self.after_news.take() {
            return output;
        }
        let output = self.session.poll_output();
        let is_last = matches!(output, Output::Wait(_) | Output::Close(_));
        if is_last && std::mem::take(&mut self.has_news) {
            // The last message comes before the news of the end, and the news before the close.
            self.after_news = Some(output);
            return Output::Event(What::Note {
                kind: ENDED.to_owned(),
                message: "the peer has ended its side".to_owned(),
                data: Value::Null,
            });
        }
        output
    }

    fn handle_watch(&mut self, watched: bool) {
        self.session.handle_watch(watched);
    }

    fn handle_stop(&mut self, now: Time) {
        self.session.handle_stop(now);
    }

    fn held(&self) -> Held {
        self.session.held()
    }
}
