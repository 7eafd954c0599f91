//! Where the messages of a stream lie, without holding them.

use super::Framing;
use super::cutter::Cutter;
use super::decoder::FrameError;
use super::tally::Tally;
use crate::time::Time;

/// Where a message lies in its stream.
///
/// ```text
/// offset
///  │ head │ payload, or its stuffed form │ the rest │
///  └───────────────── wire_len ─────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Place of its first byte in the stream, header included.
    pub offset: u64,
    /// Its bytes in the stream: header, escapes and delimiter included.
    pub wire_len: usize,
    /// Bytes before the payload.
    pub head: usize,
    /// Bytes of the payload, escapes undone.
    pub len: usize,
    /// Whether the payload is what [`Framing::unstuff`] makes of the bytes from `head` on, rather
    /// than bytes of the stream.
    pub is_stuffed: bool,
    /// Whether the stream ended, or the scanner failed, before the message was whole.
    pub is_partial: bool,
    /// Whether its escapes or its codes make no sense.
    pub is_malformed: bool,
}

/// Finds the messages of one direction of one stream as [`Decoder`](super::Decoder) does, in the
/// same places and with the same errors, and keeps none of their bytes.
#[derive(Clone, Debug)]
pub struct Scanner {
    cutter: Cutter,
    tally: Tally,
    /// In bytes of payload.
    limit: usize,
    /// Bytes of the stream so far.
    received: u64,
    /// Place of the first byte of the message under way in the stream.
    start: u64,
    /// Bytes of the message under way.
    held: usize,
    /// The last byte of the message under way, and the one before it.
    last: [u8; 2],
    error: Option<FrameError>,
}

impl Scanner {
    /// Begins a stream, of messages of up to `limit` bytes of payload.
    #[must_use]
    pub fn new(framing: &Framing, limit: usize) -> Self {
        Self {
            cutter: Cutter::new(framing),
            tally: Tally::new(framing, limit),
            limit,
            received: 0,
            start: 0,
            held: 0,
            last: [0; 2],
            error: None,
        }
    }

    /// Begins at a place of the stream, in bytes.
    #[must_use]
    pub const fn starting_at(mut self, offset: u64) -> Self {
        self.received = offset;
        self.start = offset;
        self
    }

    /// Takes the next bytes of the stream, and tells every message that is whole with them.
    ///
    /// # Errors
    ///
    /// Returns a [`FrameError`] as [`Decoder::push`](super::Decoder::push) does.
    pub fn push(
        &mut self,
        now: Time,
        chunk: &[u8],
        mut sink: impl FnMut(Span),
    ) -> Result<(), FrameError> {
        let offset = self.received;
        self.received = offset.saturating_add(chunk.len() as u64);
        if let Some(error) = self.error {
            return Err(error);
        }
        match self.cutter {
            Cutter::Raw => {
                sink(Span::whole(offset, chunk.len()));
                Ok(())
            }
            Cutter::Gap { .. } => {
                self.timeout(now, sink);
                self.extend(now, offset, chunk)
            }
            _ => self.cut(offset, chunk, sink),
        }
    }

    /// Takes that so many bytes follow that nobody looks at, as no message can be found any more.
    pub fn pass_over(&mut self, len: u64) {
        self.received = self.received.saturating_add(len);
    }

    /// Takes the passing of time: tells the message that the silence has ended.
    pub fn timeout(&mut self, now: Time, mut sink: impl FnMut(Span)) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            sink(Span::whole(self.start, self.held));
            self.restart();
        }
    }

    /// Takes the end of the stream, or of a datagram: tells what is left as a partial message. What
    /// comes next begins anew.
    pub fn finish(&mut self, mut sink: impl FnMut(Span)) {
        if let Some(span) = self.unfinished() {
            sink(span);
        }
        self.error = None;
        self.restart();
    }

    /// What [`finish`](Self::finish) would tell.
    #[must_use]
    pub fn unfinished(&self) -> Option<Span> {
        if self.held == 0 {
            return None;
        }
        let lead_len = self.cutter.lead_len();
        let whole = Span::whole(self.start - lead_len as u64, lead_len + self.held);
        let is_partial = !matches!(self.cutter, Cutter::Gap { .. }) || self.error.is_some();
        let whole = Span {
            head: lead_len,
            len: self.held,
            is_partial,
            ..whole
        };
        let said = match &self.cutter {
            Cutter::Length(header) => {
                let head = header.skipped();
                Span {
                    head,
                    len: self.held - head,
                    ..whole
                }
            }
            Cutter::Slip { .. } | Cutter::Cobs => {
                let content = self.tally.partial(self.held);
                Span {
                    len: content.len,
                    is_stuffed: content.is_stuffed,
                    is_malformed: content.is_malformed,
                    ..whole
                }
            }
            _ => whole,
        };
        // As in the decoder: a header or half an escape alone says nothing, and is shown as it is.
        Some(if said.len == 0 {
            Span {
                is_malformed: said.is_malformed,
                ..whole
            }
        } else {
            said
        })
    }

    /// When it wants [`timeout`](Self::timeout) called: with `gap`, and a message under way.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        match self.cutter {
            Cutter::Gap { deadline, .. } if self.error.is_none() => deadline,
            _ => None,
        }
    }

    /// Whether no more messages can be told apart.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.error.is_some()
    }

    /// Bytes of the stream so far, from its beginning.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Place of the first byte that no message told so far holds, and that the next one may.
    #[must_use]
    pub fn place(&self) -> u64 {
        let lead_len = self.cutter.lead_len() as u64;
        if self.held > 0 {
            self.start - lead_len
        } else {
            self.received.saturating_sub(lead_len)
        }
    }

    /// Cuts by the bytes: all framings but `raw` and `gap`.
    fn cut(
        &mut self,
        offset: u64,
        chunk: &[u8],
        mut sink: impl FnMut(Span),
    ) -> Result<(), FrameError> {
        let mut rest = chunk;
        let mut at = offset;
        loop {
            if self.held == 0 {
                let fillers = self.cutter.skip(rest);
                rest = &rest[fillers..];
                at = at.saturating_add(fillers as u64);
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
            let end = match self.cutter.cut(rest, start, self.held, self.limit) {
                Ok(Some(end)) => end,
                Ok(None) => {
                    let most = self.cutter.most_unfinished(self.limit);
                    let is_too_long = rest.len() > most.saturating_sub(self.held);
                    self.hold(rest);
                    return if is_too_long {
                        self.fail(too_long, self.limit)
                    } else {
                        Ok(())
                    };
                }
                Err(error) => {
                    self.hold(rest);
                    return self.fail(error, self.cutter.header_len());
                }
            };
            let (last, after) = rest.split_at(end);
            self.hold(last);
            let span = self.finished(start, lead_len);
            if span.len > self.limit {
                return self.fail(too_long, self.limit);
            }
            sink(span);
            self.restart();
            rest = after;
            at = at.saturating_add(end as u64);
        }
    }

    /// The message under way, of which all has come.
    fn finished(&self, offset: u64, lead_len: usize) -> Span {
        let whole = Span::whole(offset, lead_len + self.held);
        match &self.cutter {
            Cutter::Lines => {
                let has_return = self.held > 1 && self.last[0] == b'\r';
                Span {
                    len: self.held - 1 - usize::from(has_return),
                    ..whole
                }
            }
            Cutter::Delimited(delimiter) => Span {
                len: self.held - delimiter.len(),
                ..whole
            },
            Cutter::Length(header) => Span {
                head: header.skipped(),
                len: self.held - header.skipped(),
                ..whole
            },
            Cutter::Slip { .. } | Cutter::Cobs => {
                let content = self.tally.whole(self.held);
                Span {
                    head: lead_len,
                    len: content.len,
                    is_stuffed: content.is_stuffed,
                    is_malformed: content.is_malformed,
                    ..whole
                }
            }
            Cutter::Raw | Cutter::Fixed(_) | Cutter::Gap { .. } => whole,
        }
    }

    /// Adds a chunk to the message under way, which silence will end.
    fn extend(&mut self, now: Time, offset: u64, chunk: &[u8]) -> Result<(), FrameError> {
        if chunk.is_empty() {
            return Ok(());
        }
        if self.held == 0 {
            self.start = offset;
        }
        let is_too_long = chunk.len() > self.limit.saturating_sub(self.held);
        self.hold(chunk);
        if is_too_long {
            let error = FrameError::TooLong {
                offset: self.start,
                limit: self.limit,
                declared: None,
            };
            return self.fail(error, self.limit);
        }
        if let Cutter::Gap { span, deadline } = &mut self.cutter {
            *deadline = Some(now + *span);
        }
        Ok(())
    }

    /// Counts bytes to the message under way.
    fn hold(&mut self, bytes: &[u8]) {
        match *bytes {
            [] => return,
            [byte] => self.last = [self.last[1], byte],
            [.., before, byte] => self.last = [before, byte],
        }
        self.tally.push(bytes);
        self.held += bytes.len();
    }

    /// Gives up, with the first `kept` bytes of the message: as many for every cut of the bytes.
    fn fail(&mut self, error: FrameError, kept: usize) -> Result<(), FrameError> {
        self.held = self.held.min(kept);
        self.tally.cut_to_limit();
        self.error = Some(error);
        Err(error)
    }

    /// Makes ready for the next message.
    fn restart(&mut self) {
        self.cutter.reset();
        self.tally.reset();
        self.held = 0;
    }
}

impl Span {
    /// A message that is its bytes.
    const fn whole(offset: u64, len: usize) -> Self {
        Self {
            offset,
            wire_len: len,
            head: 0,
            len,
            is_stuffed: false,
            is_partial: false,
            is_malformed: false,
        }
    }
}

#[cfg(test)]
mod tests;
