//! COBS: messages without a zero, delimited by zeros (Cheshire and Baker, 1999).
//!
//! ```text
//! │ code │ code-1 bytes │ code │ code-1 bytes │ … │ 00 │
//! ```
//!
//! Each block but the last stands for its bytes and a zero; one with the code FF stands for its 254
//! bytes alone.

use memchr::memchr;

use super::cutter::Content;

/// The code of a block that no zero follows.
const FULL: u8 = 0xFF;

/// In bytes: the most that one block holds.
const MOST: usize = 254;

/// Appends a message.
pub(super) fn encode(payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(most_stuffed(payload.len()).saturating_add(1));
    let mut rest = payload;
    loop {
        let head = &rest[..rest.len().min(MOST)];
        let zero = memchr(0, head);
        let block = &head[..zero.unwrap_or(head.len())];
        // A block has at most 254 bytes.
        out.push(block.len() as u8 + 1);
        out.extend_from_slice(block);
        rest = &rest[block.len() + usize::from(zero.is_some())..];
        if zero.is_none() && rest.is_empty() {
            break;
        }
    }
    out.push(0);
}

/// Which byte of the message each byte of its encoding stands for; a zero has none of its own.
pub(super) fn places(payload: &[u8]) -> Vec<Option<usize>> {
    let mut wire = Vec::new();
    encode(payload, &mut wire);
    let mut places = Vec::with_capacity(wire.len());
    let mut left = 0_usize;
    let mut own = 0..payload.len();
    // The code of the first block stands before it, where no zero was.
    let mut takes_zero = false;
    for byte in &wire {
        if left == 0 {
            places.push(None);
            if takes_zero {
                own.next();
            }
            left = usize::from(byte.saturating_sub(1));
            takes_zero = *byte != FULL;
        } else {
            left -= 1;
            places.push(own.next());
        }
    }
    places
}

/// Counts the fillers at the head of `bytes`.
pub(super) fn fillers(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == 0).count()
}

/// Says how many of the next bytes belong to the message that ends here.
pub(super) fn cut(fresh: &[u8]) -> Option<usize> {
    memchr(0, fresh).map(|at| at + 1)
}

/// The most bytes that a message of up to `limit` bytes takes, without its delimiter.
pub(super) fn most_stuffed(limit: usize) -> usize {
    limit.saturating_add(limit / 254).saturating_add(1)
}

/// Undoes the stuffing of a whole message. One that ends within a block is malformed and given as it
/// is, without its delimiter.
pub(super) fn open<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Content<'a> {
    let stuffed = wire.strip_suffix(&[0]).unwrap_or(wire);
    if let [code, payload @ ..] = stuffed
        && usize::from(*code) == stuffed.len()
    {
        return Content::plain(payload);
    }
    if unstuff(stuffed, scratch) {
        Content::plain(scratch)
    } else {
        Content::malformed(stuffed)
    }
}

/// Undoes the stuffing of the beginning of a message.
pub(super) fn open_partial<'a>(wire: &[u8], scratch: &'a mut Vec<u8>) -> Content<'a> {
    // Where the last block is not whole yet, its bytes so far are right all the same.
    unstuff(wire, scratch);
    Content::plain(scratch)
}

/// Whether the last block was whole.
fn unstuff(stuffed: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut rest = stuffed;
    while let Some((&code, after)) = rest.split_first() {
        let len = usize::from(code).saturating_sub(1);
        let Some((block, after)) = after.split_at_checked(len) else {
            out.extend_from_slice(after);
            return false;
        };
        out.extend_from_slice(block);
        if code != FULL && !after.is_empty() {
            out.push(0);
        }
        rest = after;
    }
    true
}
