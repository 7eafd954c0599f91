//! How many bytes a message takes on the wire.

use crate::frame::{Framing, Scanner};
use crate::time::Time;

/// In bytes: no header is longer, but for what `offset` leaves before it.
const MOST_HEADER: usize = 16;

/// In bytes: what is looked at behind a message for what ends it.
const MOST_TRAILER: usize = 64;

/// In bytes: what a message takes on the wire at most, with all of it escaped.
pub(super) fn most_wire(payload: usize, framing: Option<&Framing>) -> usize {
    let beside = match framing {
        Some(Framing::Length(prefix)) => MOST_HEADER + usize::from(prefix.offset),
        Some(Framing::Delimited(delimiter)) => delimiter.len(),
        _ => MOST_HEADER + MOST_TRAILER,
    };
    payload.saturating_add(beside).saturating_mul(2)
}

/// How many bytes the first message takes on the wire, as its framing cuts it: with header, escapes
/// and delimiter. `None` where not all of it is there.
pub(super) fn cut_len(wire: &[u8], framing: &Framing) -> Option<usize> {
    let mut len = None;
    // What cannot be cut further on is told by whoever cut this.
    let _ = Scanner::new(framing, wire.len()).push(Time::ZERO, wire, |span| {
        len.get_or_insert(span.wire_len);
    });
    len
}

/// The same where nobody said how messages are cut. `wire` begins with the message.
pub(super) fn guessed_len(wire: &[u8], payload: &[u8]) -> usize {
    let header = (0..=MOST_HEADER).find(|skip| {
        wire.get(*skip..)
            .is_some_and(|rest| rest.starts_with(payload))
    });
    let Some(header) = header else {
        // Its bytes are escaped: it ends where such framings end, with END or with a zero.
        let ends = |byte: &u8| matches!(byte, 0xc0 | 0);
        let from = payload.len().max(1);
        let tail = wire.get(from..).unwrap_or_default();
        return tail
            .iter()
            .position(ends)
            .map_or(wire.len(), |at| from + at + 1);
    };
    let end = header + payload.len();
    let rest = wire.get(end..).unwrap_or_default();
    let trailer = match (header, rest) {
        (0, [b'\r', b'\n', ..]) => 2,
        (0, [b'\r' | b'\n' | 0, ..]) | (_, [0xc0, ..]) => 1,
        _ => 0,
    };
    end + trailer
}
