//! The only way to the bytes of a packet: reads that know where the capture ends and where the
//! headers say that the data ends.

use super::Span;

/// A part of a packet. Its end is what the headers say, and may lie beyond what was captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// The whole packet, as captured.
    bytes: &'a [u8],
    start: usize,
    /// Never before `start`.
    end: usize,
}

/// Why a field could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It was on the wire, but the capture is shorter.
    Uncaptured,
    /// The headers leave no room for it.
    Absent,
}

impl<'a> View<'a> {
    pub(crate) fn new(bytes: &'a [u8], full_len: usize) -> Self {
        Self {
            bytes,
            start: 0,
            end: full_len.max(bytes.len()),
        }
    }

    /// The place of the first byte in the packet.
    pub(crate) const fn start(self) -> usize {
        self.start
    }

    /// In bytes, captured or not.
    pub(crate) const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// In bytes, as far as they were captured.
    pub(crate) fn captured_len(self) -> usize {
        self.span().len()
    }

    /// Whether every byte of it was captured.
    pub(crate) const fn is_whole(self) -> bool {
        self.end <= self.bytes.len()
    }

    /// Without its first `len` bytes.
    pub(crate) fn skip(self, len: usize) -> Self {
        Self {
            start: self.start.saturating_add(len).min(self.end),
            ..self
        }
    }

    /// Its first `len` bytes at most.
    pub(crate) fn limit(self, len: usize) -> Self {
        Self {
            end: self.start.saturating_add(len).min(self.end),
            ..self
        }
    }

    /// Where it lies, as far as it was captured.
    pub(crate) fn span(self) -> Span {
        let captured = self.bytes.len();
        Span {
            start: self.start.min(captured),
            end: self.end.min(captured),
        }
    }

    /// All its captured bytes.
    pub(crate) fn captured(self) -> &'a [u8] {
        let Span { start, end } = self.span();
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// `len` bytes at `at`, counted from the start of the view.
    pub(crate) fn get(self, at: usize, len: usize) -> Result<&'a [u8], Missing> {
        let start = self.start.saturating_add(at);
        let end = start.saturating_add(len);
        if self.end < end {
            return Err(Missing::Absent);
        }
        self.bytes.get(start..end).ok_or(Missing::Uncaptured)
    }

    pub(crate) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.get(at, N).ok()?.first_chunk().copied()
    }

    pub(crate) fn u8(self, at: usize) -> Option<u8> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }
}
