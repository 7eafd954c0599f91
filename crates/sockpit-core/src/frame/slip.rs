//! SLIP, RFC 1055: messages between `END` bytes, with two bytes escaped.
//!
//! ```text
//! │ C0 │ payload, C0 as DB DC, DB as DB DD │ C0 │
//! ```
//!
//! The `END` before a message is sent to flush what noise may have come before it. It may be
//! missing, and it may be one with the `END` of the message before; further ones are fillers.

use memchr::{memchr, memchr2};

use super::cutter::Content;

/// Ends a message.
const END: u8 = 0xC0;
/// Begins an escape.
const ESC: u8 = 0xDB;
/// After [`ESC`] stands for [`END`].
const ESC_END: u8 = 0xDC;
/// After [`ESC`] stands for [`ESC`].
const ESC_ESC: u8 = 0xDD;

/// Appends a message that is not empty.
pub(super) fn encode(payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(payload.len().saturating_add(2));
    out.push(END);
    let mut rest = payload;
    while let Some(at) = memchr2(END, ESC, rest) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.extend_from_slice(&[ESC, if special[0] == END { ESC_END } else { ESC_ESC }]);
        rest = &special[1..];
    }
    out.extend_from_slice(rest);
    out.push(END);
}

/// Which byte of the message each byte of its encoding stands for; of an escape, the second one does.
pub(super) fn places(payload: &[u8]) -> Vec<Option<usize>> {
    let mut places = vec![None];
    for (place, byte) in payload.iter().enumerate() {
        if matches!(*byte, END | ESC) {
            places.push(None);
        }
        places.push(Some(place));
    }
    places.push(None);
    places
}

/// Counts the fillers at the head of `bytes`.
pub(super) fn fillers(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == END).count()
}

/// Says how many of the next bytes belong to the message that ends here.
pub(super) fn cut(fresh: &[u8]) -> Option<usize> {
    memchr(END, fresh).map(|at| at + 1)
}

/// Undoes the escapes of a whole message. One with an escape that is none is malformed and given as
/// it is, without its `END`; the next `END` brings the stream into step again.
pub(super) fn open<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Content<'a> {
    let stuffed = wire.strip_suffix(&[END]).unwrap_or(wire);
    if memchr(ESC, stuffed).is_none() {
        return Content::plain(stuffed);
    }
    if unescape(stuffed, scratch) {
        Content::plain(scratch)
    } else {
        Content::malformed(stuffed)
    }
}

/// Undoes the escapes of the beginning of a message, less an `ESC` that it ends in.
pub(super) fn open_partial<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Content<'a> {
    let escapes = wire.iter().rev().take_while(|byte| **byte == ESC).count();
    // A run of them is malformed in any case: `ESC` never stands for itself.
    open(
        if escapes == 1 {
            &wire[..wire.len() - 1]
        } else {
            wire
        },
        scratch,
    )
}

/// Whether every escape was one.
fn unescape(stuffed: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut rest = stuffed;
    while let Some(at) = memchr(ESC, rest) {
        let byte = match rest.get(at + 1) {
            Some(&ESC_END) => END,
            Some(&ESC_ESC) => ESC,
            _ => return false,
        };
        out.extend_from_slice(&rest[..at]);
        out.push(byte);
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    true
}
