//! Cutting messages out of a stream that arrives in chunks.

use std::fmt;

use memchr::memchr_iter;

use super::Framing;
use super::cutter::Cutter;
use super::delimited;
use crate::size::ByteSize;
use crate::time::Time;

/// A message, as the framing cut it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it says, without header, delimiter and escapes. Of a partial frame: what can be said of
    /// it, or its bytes as they are where that is nothing. Of a malformed one: its bytes as they
    /// are, without the delimiter.
    pub payload: &'a [u8],
    /// Place of its first byte in the stream, header included.
    pub offset: u64,
    /// Its bytes in the stream: header, escapes and delimiter included.
    pub wire_len: usize,
    /// Whether the stream ended, or the decoder failed, before the message was whole.
    pub is_partial: bool,
    /// Whether its escapes (`slip`) or its codes (`cobs`) make no sense. The message after it is
    /// found all the same.
    pub is_malformed: bool,
}

/// Cuts the messages of one direction of one stream out of its chunks.
///
/// What comes out depends on the bytes alone and not on how they were cut into chunks, except with
/// `raw` and `gap`, whose subject is the cut and the time. Each byte is looked at once, or twice
/// within a chunk, so the work grows with the bytes and not with the chunks. A message that lies
/// inside a chunk is lent out of it; only one that spans chunks is copied, into a buffer that grows
/// with the bytes that came and never with a length that was claimed.
///
/// On a datagram link, [`push`](Self::push) each datagram and then [`finish`](Self::finish): the
/// decoder is ready for the next one, and offsets go on.
#[derive(Clone, Debug)]
pub struct Decoder {
    cutter: Cutter,
    /// In bytes of payload.
    limit: usize,
    /// Bytes of the stream so far.
    received: u64,
    /// Place of the first byte of `buffer` in the stream.
    start: u64,
    /// The beginning of a message whose end has not come yet; empty if none is under way.
    buffer: Vec<u8>,
    /// Where escapes are undone.
    scratch: Vec<u8>,
    error: Option<FrameError>,
}

/// In bytes: what an empty buffer keeps while the decoder waits. An idle peer shall cost under 2 KiB.
const IDLE_CAPACITY: usize = 1024;
/// In bytes: what an empty buffer keeps within a chunk. One that grew for a single long message is
/// given back, although short ones may always be under way when a chunk ends.
const BUSY_CAPACITY: usize = 64 * 1024;

impl Decoder {
    pub(super) fn new(framing: &Framing, limit: usize) -> Self {
        Self {
            cutter: Cutter::new(framing),
            limit,
            received: 0,
            start: 0,
            buffer: Vec::new(),
            scratch: Vec::new(),
            error: None,
        }
    }

    /// Begins at a place of the stream, in bytes: what came before was cut by others, or not at all.
    #[must_use]
    pub const fn starting_at(mut self, offset: u64) -> Self {
        self.received = offset;
        self.start = offset;
        self
    }

    /// Takes that the next `len` bytes, which are whole messages, are cut by nobody: offsets go on.
    pub fn skip(&mut self, len: usize) {
        self.received = self.received.saturating_add(len as u64);
    }

    /// Takes the next bytes of the stream, and gives every message that is whole with them.
    ///
    /// # Errors
    ///
    /// Returns a [`FrameError`] when a message is too long or its header makes no sense; the
    /// messages before it were given. The stream cannot be brought back into step: further bytes
    /// are counted and thrown away with the same error, until [`finish`](Self::finish).
    pub fn push(
        &mut self,
        now: Time,
        chunk: &[u8],
        mut sink: impl FnMut(Frame<'_>),
    ) -> Result<(), FrameError> {
        let offset = self.received;
        self.received = offset.saturating_add(chunk.len() as u64);
        if let Some(error) = self.error {
            return Err(error);
        }
        let result = match self.cutter {
            Cutter::Raw => {
                sink(Frame::whole(chunk, offset));
                Ok(())
            }
            Cutter::Gap { .. } => {
                self.timeout(now, sink);
                self.extend(now, offset, chunk)
            }
            _ => self.cut(offset, chunk, sink),
        };
        self.settle();
        result
    }

    /// Takes the passing of time: gives the message that the silence has ended.
    pub fn timeout(&mut self, now: Time, mut sink: impl FnMut(Frame<'_>)) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            sink(Frame::whole(&self.buffer, self.start));
            self.restart();
            self.settle();
        }
    }

    /// Takes the end of the stream, or of a datagram: gives what is left as a partial frame, if
    /// there is something. The silence after the end makes a `gap` message a whole one.
    ///
    /// What comes next begins anew, even after an error; offsets go on.
    pub fn finish(&mut self, mut sink: impl FnMut(Frame<'_>)) {
        if !self.buffer.is_empty() {
            let content = self.cutter.open_partial(&self.buffer, &mut self.scratch);
            let lead_len = self.cutter.lead_len();
            sink(Frame {
                payload: content.payload,
                offset: self.start - lead_len as u64,
                wire_len: lead_len + self.buffer.len(),
                is_partial: !matches!(self.cutter, Cutter::Gap { .. }) || self.error.is_some(),
                is_malformed: content.is_malformed,
            });
        }
        self.error = None;
        self.restart();
        self.settle();
    }

    /// When the decoder wants [`timeout`](Self::timeout) called: with `gap`, and a message under
    /// way.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        match self.cutter {
            Cutter::Gap { deadline, .. } if self.error.is_none() => deadline,
            _ => None,
        }
    }

    /// Bytes of the message under way that are held here.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Cuts by the bytes: all framings but `raw` and `gap`.
    fn cut(
        &mut self,
        offset: u64,
        chunk: &[u8],
        mut sink: impl FnMut(Frame<'_>),
    ) -> Result<(), FrameError> {
        let mut rest = chunk;
        let mut at = offset;
        loop {
            if self.buffer.is_empty() {
                if matches!(self.cutter, Cutter::Lines) {
                    let given = self.give_lines(at, rest, &mut sink);
                    rest = &rest[given..];
                    at += given as u64;
                }
                let fillers = self.cutter.skip(rest);
                rest = &rest[fillers..];
                at += fillers as u64;
                self.start = at;
            }
            if rest.is_empty() {
                return Ok(());
            }
            let lead_len = self.cutter.lead_len();
            let start = self.start - lead_len as u64;
            let too_long = FrameError::TooLong {
                offset: start,
                limit: self.limit,
                declared: None,
            };
            let end = match self.cutter.cut(rest, start, self.buffer.len(), self.limit) {
                Ok(Some(end)) => end,
                Ok(None) => {
                    let most = self.cutter.most_unfinished(self.limit);
                    if rest.len() > most.saturating_sub(self.buffer.len()) {
                        return self.fail(too_long, rest, self.limit);
                    }
                    self.buffer.extend_from_slice(rest);
                    return Ok(());
                }
                Err(error) => return self.fail(error, rest, self.cutter.header_len()),
            };
            let (last, after) = rest.split_at(end);
            let wire = if self.buffer.is_empty() {
                last
            } else {
                self.buffer.extend_from_slice(last);
                &self.buffer
            };
            let content = self.cutter.open(wire, &mut self.scratch);
            if content.payload.len() > self.limit {
                return self.fail(too_long, last, self.limit);
            }
            sink(Frame {
                payload: content.payload,
                offset: start,
                wire_len: lead_len + wire.len(),
                is_partial: false,
                is_malformed: content.is_malformed,
            });
            self.restart();
            rest = after;
            at += end as u64;
        }
    }

    /// Gives the whole lines at the head of a chunk, while none is under way: at the speed at which
    /// their ends are found. Says how many bytes they have; a line that is too long is not among them.
    fn give_lines(&self, offset: u64, chunk: &[u8], sink: &mut impl FnMut(Frame<'_>)) -> usize {
        let mut start = 0;
        for at in memchr_iter(b'\n', chunk) {
            let end = at + 1;
            let payload = delimited::line(&chunk[start..end]);
            if payload.len() > self.limit {
                break;
            }
            sink(Frame {
                payload,
                offset: offset.saturating_add(start as u64),
                wire_len: end - start,
                is_partial: false,
                is_malformed: false,
            });
            start = end;
        }
        start
    }

    /// Adds a chunk to the message under way, which silence will end.
    fn extend(&mut self, now: Time, offset: u64, chunk: &[u8]) -> Result<(), FrameError> {
        if chunk.is_empty() {
            return Ok(());
        }
        if self.buffer.is_empty() {
            self.start = offset;
        }
        if chunk.len() > self.limit.saturating_sub(self.buffer.len()) {
            let error = FrameError::TooLong {
                offset: self.start,
                limit: self.limit,
                declared: None,
            };
            return self.fail(error, chunk, self.limit);
        }
        self.buffer.extend_from_slice(chunk);
        if let Cutter::Gap { span, deadline } = &mut self.cutter {
            *deadline = Some(now + *span);
        }
        Ok(())
    }

    /// Gives up, holding the first `kept` bytes of the message: as many for every cut of the bytes.
    fn fail(&mut self, error: FrameError, fresh: &[u8], kept: usize) -> Result<(), FrameError> {
        let missing = kept.saturating_sub(self.buffer.len());
        self.buffer
            .extend_from_slice(fresh.get(..missing).unwrap_or(fresh));
        self.buffer.truncate(kept);
        self.error = Some(error);
        Err(error)
    }

    /// Makes ready for the next message.
    fn restart(&mut self) {
        self.cutter.reset();
        self.buffer.clear();
        release(&mut self.buffer, BUSY_CAPACITY);
    }

    /// Gives back what is not needed while nothing comes.
    fn settle(&mut self) {
        release(&mut self.buffer, IDLE_CAPACITY);
        self.scratch.clear();
        release(&mut self.scratch, IDLE_CAPACITY);
    }
}

/// A decoder of raw chunks, which costs nothing: it can stand in while another is lent out.
impl Default for Decoder {
    fn default() -> Self {
        Self::new(&Framing::Raw, 0)
    }
}

impl<'a> Frame<'a> {
    /// A message that is its bytes.
    const fn whole(payload: &'a [u8], offset: u64) -> Self {
        Self {
            payload,
            offset,
            wire_len: payload.len(),
            is_partial: false,
            is_malformed: false,
        }
    }
}

/// Frees the memory of an empty buffer that keeps more than `most` bytes.
fn release(buffer: &mut Vec<u8>, most: usize) {
    if buffer.is_empty() && buffer.capacity() > most {
        *buffer = Vec::new();
    }
}

/// Why no message can be found in the stream from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A message is longer than the limit.
    #[error(fmt = write_too_long)]
    TooLong {
        /// Place of its first byte in the stream, header included.
        offset: u64,
        /// In bytes of payload.
        limit: usize,
        /// Its length as the header claims it, adjusted; [`u64::MAX`] for anything above.
        declared: Option<u64>,
    },
    /// A length is below zero once adjusted.
    #[error(
        "the header at offset {offset} declares {value} bytes, which `adjust={adjust}` makes fewer \
         than none; check `adjust` and the length field"
    )]
    Length {
        /// Place of the message's first byte in the stream, header included.
        offset: u64,
        /// The value of the length field.
        value: u64,
        /// What the framing adds to it.
        adjust: i64,
    },
    /// A varint does not end within ten bytes, or says more than 64 bits.
    #[error(
        "the header at offset {offset} has no varint: it does not end within ten bytes and 64 bits; \
         check the length field"
    )]
    Varint {
        /// Place of the message's first byte in the stream, header included.
        offset: u64,
    },
}

fn write_too_long(
    offset: &u64,
    limit: &usize,
    declared: &Option<u64>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, "the message at offset {offset} ")?;
    match declared {
        Some(declared) => write!(f, "declares {declared} bytes, which is more than ")?,
        None => f.write_str("is longer than ")?,
    }
    write!(
        f,
        "the limit of {}; check the framing, or raise `--max-frame`",
        ByteSize(*limit)
    )
}

#[cfg(test)]
mod tests;
