//! Messages that end in a delimiter: `lines` and `delim`.
//!
//! ```text
//! lines      │ payload │ 0A │     or   │ payload │ 0D 0A │
//! delim      │ payload │ delimiter │
//! ```

use bytes::Bytes;
use memchr::{memchr, memmem};

use super::EncodeError;

/// Appends a line.
pub(super) fn encode_line(payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if let Some(at) = memchr(b'\n', payload) {
        return Err(EncodeError::LineBreak { at });
    }
    if payload.ends_with(b"\r") {
        return Err(EncodeError::CarriageReturn);
    }
    out.extend_from_slice(payload);
    out.push(b'\n');
    Ok(())
}

/// Appends a message and its delimiter.
pub(super) fn encode(
    delimiter: &[u8],
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(payload);
    out.extend_from_slice(delimiter);
    // In `xaaa` the delimiter `aa` ends the message `x`, although `xa` was meant.
    match memmem::find(&out[start..], delimiter) {
        Some(at) if at < payload.len() => {
            out.truncate(start);
            Err(EncodeError::Delimiter { at })
        }
        _ => Ok(()),
    }
}

/// The payload of a whole line.
pub(super) fn line(wire: &[u8]) -> &[u8] {
    let payload = wire.strip_suffix(b"\n").unwrap_or(wire);
    payload.strip_suffix(b"\r").unwrap_or(payload)
}

/// Finds a delimiter in bytes that arrive in chunks, and looks at none of them again.
///
/// Within a chunk it searches at full speed. Across chunks it carries how much of a delimiter the
/// bytes so far end in, as Knuth, Morris and Pratt do, so that a peer cannot make it slow by sending
/// byte after byte, whatever the delimiter.
#[derive(Clone, Debug)]
pub(super) struct Delimiter {
    finder: memmem::Finder<'static>,
    /// For each byte of the delimiter: how long a beginning of it ends there again.
    fallback: Box<[usize]>,
    /// How many bytes of the delimiter the bytes so far end in; all of them where a message ends.
    matched: usize,
}

impl Delimiter {
    pub(super) fn new(needle: &Bytes) -> Self {
        let mut fallback = vec![0; needle.len()];
        let mut matched = 0;
        for at in 1..needle.len() {
            while matched > 0 && needle[matched] != needle[at] {
                matched = fallback[matched - 1];
            }
            matched += usize::from(needle[matched] == needle[at]);
            fallback[at] = matched;
        }
        let finder = memmem::Finder::new(needle).into_owned();
        Self {
            finder,
            fallback: fallback.into_boxed_slice(),
            matched: 0,
        }
    }

    /// Takes the next bytes and says how many of them belong to the message that ends here; it must
    /// be [`reset`](Self::reset) then.
    pub(super) fn cut(&mut self, fresh: &[u8]) -> Option<usize> {
        let mut at = 0;
        while self.matched > 0 && at < fresh.len() {
            self.step(fresh[at]);
            at += 1;
            if self.matched == self.len() {
                return Some(at);
            }
        }
        let rest = &fresh[at..];
        if let Some(start) = self.finder.find(rest) {
            return Some(at + start + self.len());
        }
        // Only as many bytes as a delimiter less one can be the beginning of a delimiter.
        let tail = rest.len().saturating_sub(self.len() - 1);
        for &byte in &rest[tail..] {
            self.step(byte);
        }
        None
    }

    pub(super) fn reset(&mut self) {
        self.matched = 0;
    }

    /// In bytes.
    pub(super) fn len(&self) -> usize {
        self.fallback.len()
    }

    fn step(&mut self, byte: u8) {
        let needle = self.finder.needle();
        while self.matched > 0 && needle[self.matched] != byte {
            self.matched = self.fallback[self.matched - 1];
        }
        self.matched += usize::from(needle[self.matched] == byte);
    }
}
