//! What a filter keeps, what it refuses, and how it is shown.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::event::FaultKind;
use crate::machine::Reason;
use crate::time::Time;

mod laws;
mod memory;
mod mistakes;
mod packets;
mod shown;
mod terms;

/// Whether `filter` wants the event.
#[track_caller]
fn check(filter: &str, event: &Event, wanted: bool) {
    let parsed: Filter = filter
        .parse()
        .unwrap_or_else(|error| panic!("`{filter}`: {error}"));
    assert_eq!(parsed.matches(&Subject::of(event)), wanted, "`{filter}`");
}

#[track_caller]
fn check_mistake(filter: &str, column: usize, text: &str) {
    let error = filter.parse::<Filter>().expect_err(filter);
    assert_eq!(error.column(), column, "`{filter}`: {error}");
    assert!(error.to_string().contains(text), "`{filter}`: {error}");
}

#[track_caller]
fn check_shown(filter: &str, shown: &str) {
    let parsed: Filter = filter
        .parse()
        .unwrap_or_else(|error| panic!("`{filter}`: {error}"));
    assert_eq!(parsed.to_string(), shown);
    assert_eq!(shown.parse::<Filter>().as_ref(), Ok(&parsed));
}

fn event_of(what: What) -> Event {
    Event {
        number: 7,
        time: Time::ZERO + Duration::from_secs(2),
        session: 1,
        peer: 2,
        what,
    }
}

fn chunk(bytes: &[u8]) -> Event {
    event_of(What::Chunk {
        direction: Direction::In,
        offset: 0,
        bytes: Bytes::copy_from_slice(bytes),
        full_len: None,
    })
}

fn frame(direction: Direction, payload: &[u8], text: Option<&str>) -> Event {
    event_of(What::Frame {
        direction,
        offset: 40,
        payload: Bytes::copy_from_slice(payload),
        text: text.map(str::to_owned),
        malformed: false,
        partial: false,
        full_len: None,
    })
}

fn fault(kind: FaultKind, message: &str) -> Event {
    event_of(What::Fault {
        kind,
        message: message.to_owned(),
        count: None,
    })
}
