use bytes::Bytes;
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::machine::Reason;
use sockpit_core::time::Time;

use super::Counts;

fn event(peer: u32, what: What) -> Event {
    Event {
        number: 1,
        time: Time::ZERO,
        session: 1,
        peer,
        what,
    }
}

fn chunk(direction: Direction, bytes: &'static [u8]) -> What {
    What::Chunk {
        direction,
        offset: 0,
        bytes: Bytes::from_static(bytes),
        full_len: None,
    }
}

#[test]
fn chunks_of_a_raw_stream_count_as_messages() {
    let mut counts = Counts::new();
    counts.take(&event(1, chunk(Direction::In, b"four")), true);
    counts.take(&event(1, chunk(Direction::Out, b"hi")), true);
    counts.take(&event(1, chunk(Direction::Out, b"you")), true);
    let lines = counts.lines().join("\n");
    assert!(lines.contains("received 4 bytes in 1 message "), "{lines}");
    assert!(lines.contains("sent     5 bytes in 2 messages "), "{lines}");
    assert!(!lines.contains("peer"), "{lines}");
}

#[test]
fn peers_are_listed_while_they_are_there() {
    let mut counts = Counts::new();
    for peer in [1, 2, 3] {
        counts.take(&event(peer, chunk(Direction::In, b"x")), false);
    }
    let closed = What::Closed {
        reason: Reason::Fin,
        message: String::new(),
    };
    counts.take(&event(2, closed), false);
    let lines = counts.lines().join("\n");
    assert!(
        lines.contains("peer 1: received 1 bytes in 0 messages"),
        "{lines}"
    );
    assert!(!lines.contains("peer 2"), "{lines}");
    assert!(lines.contains("received 3 bytes"), "{lines}");
}
