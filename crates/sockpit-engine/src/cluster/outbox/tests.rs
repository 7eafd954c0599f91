use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use sockpit_core::chat::entry::{Entry, Kind};

use super::{MAX_BYTES, MAX_ENTRIES, Outbox};

#[test]
fn entries_leave_in_order_and_stay_until_they_are_in_safe_hands() {
    let outbox = Outbox::default();
    outbox.push(entry("a"));
    outbox.push(entry("b"));
    assert_eq!(next(&outbox).as_deref(), Some("a"));
    // Whoever asked gave up, and asks again.
    assert_eq!(next(&outbox).as_deref(), Some("a"));
    outbox.sent();
    assert_eq!(next(&outbox).as_deref(), Some("b"));
    outbox.sent();
    assert_eq!(next(&outbox), None);
    assert_eq!(outbox.len(), 0);
}

#[test]
fn b10_too_many_entries_drop_the_oldest_and_are_counted() {
    let outbox = Outbox::default();
    for number in 0..MAX_ENTRIES + 3 {
        outbox.push(entry(&number.to_string()));
    }
    assert_eq!(outbox.len(), MAX_ENTRIES);
    assert_eq!(outbox.take_lost(), 3);
    assert_eq!(outbox.take_lost(), 0);
    assert_eq!(next(&outbox).as_deref(), Some("3"));
}

#[test]
fn b10_large_entries_are_bounded_by_their_bytes() {
    let outbox = Outbox::default();
    let large = "x".repeat(64 * 1024);
    for _ in 0..MAX_BYTES / large.len() + 10 {
        outbox.push(entry(&large));
    }
    assert!(outbox.take_lost() >= 10);
    assert!(outbox.bytes.get() <= MAX_BYTES);
}

#[test]
fn the_entry_on_its_way_is_never_dropped() {
    let outbox = Outbox::default();
    outbox.push(entry("on its way"));
    assert_eq!(next(&outbox).as_deref(), Some("on its way"));
    for number in 0..MAX_ENTRIES + 1 {
        outbox.push(entry(&number.to_string()));
    }
    assert_eq!(next(&outbox).as_deref(), Some("on its way"));
    outbox.sent();
    assert_eq!(outbox.take_lost(), 2);
    assert_eq!(next(&outbox).as_deref(), Some("2"));
}

/// The text of the entry that goes next, where there is one.
fn next(outbox: &Outbox) -> Option<String> {
    let mut next = std::pin::pin!(outbox.next());
    match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(entry) => Some(entry.text.to_string()),
        Poll::Pending => None,
    }
}

fn entry(text: &str) -> Arc<Entry> {
    Arc::new(Entry {
        id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("a ULID"),
        at: 0,
        kind: Kind::Text,
        node: "".into(),
        room: "lobby".into(),
        from: "anna".into(),
        to: "".into(),
        text: text.into(),
    })
}
