//! Events that a history takes, and what rows it makes of them.

mod laws;
mod looking;
mod numbers;
mod storing;

use std::time::Duration;

use super::*;
use crate::event::Value;
use crate::machine::Reason;

/// A timeline under construction, in which each direction's offsets go on by themselves.
#[derive(Default)]
struct Timeline {
    events: Vec<Event>,
    number: u64,
    millis: u64,
    offsets: BTreeMap<entry::Way, u64>,
}

impl Timeline {
    fn push(&mut self, session: u32, peer: u32, what: What) -> &mut Self {
        self.number += 1;
        self.events.push(Event {
            number: self.number,
            time: Time::ZERO + Duration::from_millis(self.millis),
            session,
            peer,
            what,
        });
        self
    }

    fn later(&mut self, millis: u64) -> &mut Self {
        self.millis += millis;
        self
    }

    fn opened(&mut self, session: u32, peer: u32, addr: &str) -> &mut Self {
        let what = What::Opened {
            addr: addr.to_owned(),
            local: String::new(),
        };
        self.push(session, peer, what)
    }

    fn chunk(&mut self, way: entry::Way, bytes: &[u8]) -> &mut Self {
        let place = self.offsets.entry(way).or_default();
        let offset = *place;
        *place += bytes.len() as u64;
        let what = What::Chunk {
            direction: way.2,
            offset,
            bytes: Bytes::copy_from_slice(bytes),
            full_len: None,
        };
        self.push(way.0, way.1, what)
    }

    fn heard(&mut self, bytes: &[u8]) -> &mut Self {
        self.chunk((1, 1, Direction::In), bytes)
    }

    fn sent(&mut self, bytes: &[u8]) -> &mut Self {
        self.chunk((1, 1, Direction::Out), bytes)
    }

    fn closed(&mut self, session: u32, peer: u32) -> &mut Self {
        let what = What::Closed {
            reason: Reason::Fin,
            message: String::new(),
        };
        self.push(session, peer, what)
    }
}

fn manner(framing: &str) -> Manner {
    Manner {
        framing: framing.parse().unwrap(),
        ..Manner::default()
    }
}

/// A history of session 1, which is cut so.
fn history(framing: &str, timeline: &Timeline) -> History {
    let mut history = History::new(Limits::default(), None);
    history.know(1, manner(framing));
    for event in &timeline.events {
        history.take(event);
    }
    history
}

fn view(look: Look, history: &History) -> View {
    let mut view = View::open(look, history);
    complete(&mut view, history);
    view
}

fn complete(view: &mut View, history: &History) {
    while !view.advance(history, 1 << 20).is_done {}
}

fn rows(view: &View, history: &History) -> Vec<Row> {
    view.rows(history, 0, usize::MAX)
}

/// Each row in a few words: place and text of what was said, or what happened.
fn told(view: &View, history: &History) -> Vec<String> {
    let rows = rows(view, history);
    rows.iter().map(short).collect()
}

fn short(row: &Row) -> String {
    match (&row.text, row.offset) {
        (Some(text), Some(offset)) => {
            let mark = if row.is_partial { "…" } else { "" };
            format!("{offset}:{text}{mark}")
        }
        _ => row.kind.to_string(),
    }
}
