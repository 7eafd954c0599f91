//! A row of a view, in sixteen bytes.

use crate::frame::{FrameError, Span};

/// Where the bytes of a row are, or which entry it is.
///
/// ```text
/// packed │ entry: 40 bits │ flags: 8 │ wire bytes that are not payload: 16 │
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    packed: u64,
    /// Where in the chunk it begins.
    start: u32,
    /// Its bytes in the stream.
    wire_len: u32,
}

/// What few rows have beside their slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    /// Wire bytes that are not payload, where they are many.
    Overhead(u32),
    /// Why no more messages can be told apart.
    Broken(FrameError),
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Its entry.
    Entry,
    /// A message that begins in its entry.
    Frame,
    /// That no more messages can be told apart from its entry on.
    Broken,
}

const FRAME: u64 = 1;
const BROKEN: u64 = 1 << 1;
const PARTIAL: u64 = 1 << 2;
const MALFORMED: u64 = 1 << 3;
const STUFFED: u64 = 1 << 4;
const LED: u64 = 1 << 5;
/// The payload is the end of the wire bytes.
const AT_END: u64 = 1 << 6;
/// The overhead is in an [`Extra`].
const FAR: u64 = 1 << 7;

const FLAGS_AT: u32 = 16;
const ENTRY_AT: u32 = 24;

impl Slot {
    /// An entry as it is, of so many bytes.
    pub(super) fn entry(entry: u64, len: u32) -> Self {
        Self::pack(entry, 0, 0, 0, len)
    }

    /// That the stream is broken from an entry on.
    pub(super) fn broken(entry: u64) -> Self {
        Self::pack(entry, BROKEN, 0, 0, 0)
    }

    /// A message that begins `start` bytes after the beginning of a chunk.
    pub(super) fn frame(entry: u64, start: u64, span: &Span) -> (Self, Option<Extra>) {
        let overhead = span.wire_len.saturating_sub(span.len);
        let is_at_end = !span.is_stuffed && span.head == overhead;
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        let (short, extra) = match u16::try_from(overhead) {
            Ok(short) => (short, None),
            Err(_) => (
                0,
                Some(Extra::Overhead(u32::try_from(overhead).unwrap_or(u32::MAX))),
            ),
        };
        let flags = FRAME
            | flag(span.is_partial, PARTIAL)
            | flag(span.is_malformed, MALFORMED)
            | flag(span.is_stuffed, STUFFED)
            | flag(!is_at_end && span.head > 0, LED)
            | flag(is_at_end, AT_END)
            | flag(extra.is_some(), FAR);
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        let wire_len = u32::try_from(span.wire_len).unwrap_or(u32::MAX);
        (Self::pack(entry, flags, short, start, wire_len), extra)
    }

    pub(super) const fn number(&self) -> u64 {
        self.packed >> ENTRY_AT
    }

    pub(super) const fn shown(&self) -> Shown {
        if self.has(FRAME) {
            Shown::Frame
        } else if self.has(BROKEN) {
            Shown::Broken
        } else {
            Shown::Entry
        }
    }

    pub(super) const fn start(&self) -> u64 {
        self.start as u64
    }

    pub(super) const fn wire_len(&self) -> u64 {
        self.wire_len as u64
    }

    /// Bytes of the payload.
    pub(super) fn len(&self, extra: Option<&Extra>) -> u64 {
        self.wire_len().saturating_sub(self.overhead(extra))
    }

    /// Bytes before the payload.
    pub(super) fn head(&self, extra: Option<&Extra>) -> u64 {
        if self.has(AT_END) {
            self.overhead(extra)
        } else {
            u64::from(self.has(LED))
        }
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.has(BROKEN)
    }

    pub(super) const fn is_partial(&self) -> bool {
        self.has(PARTIAL)
    }

    pub(super) const fn is_malformed(&self) -> bool {
        self.has(MALFORMED)
    }

    pub(super) const fn is_stuffed(&self) -> bool {
        self.has(STUFFED)
    }

    fn overhead(&self, extra: Option<&Extra>) -> u64 {
        match extra {
            Some(Extra::Overhead(overhead)) if self.has(FAR) => u64::from(*overhead),
            // The lowest sixteen bits.
            _ => self.packed & 0xFFFF,
        }
    }

    const fn has(&self, flag: u64) -> bool {
        self.packed >> FLAGS_AT & flag != 0
    }

    fn pack(entry: u64, flags: u64, overhead: u16, start: u32, wire_len: u32) -> Self {
        Self {
            packed: entry << ENTRY_AT | flags << FLAGS_AT | u64::from(overhead),
            start,
            wire_len,
        }
    }
}
