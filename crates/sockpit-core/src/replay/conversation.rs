//! What was said between two ends, put together out of a timeline.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::event::{Direction, Event, What};
use crate::frame::{FrameError, Framing};
use crate::machine::Reason;
use crate::plan::Shape;
use crate::size::ByteSize;
use crate::time::Time;

/// Everything that was said with one peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// Its session, by number.
    pub session: u32,
    /// The peer, by number.
    pub peer: u32,
    /// The peer's address; empty where it has none.
    pub addr: String,
    /// The shape of its link.
    pub shape: Shape,
    /// When it began.
    pub began: Time,
    /// Its chunks of both directions, in order.
    pub chunks: Vec<Piece>,
    /// The messages that the session cut out of them, in order.
    pub frames: Vec<Piece>,
    /// Why and when it was over, if the recording says so.
    pub ending: Option<(Reason, Time)>,
}

/// Some of what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// When.
    pub time: Time,
    /// Which way.
    pub direction: Direction,
    /// Place of its first byte in its direction's stream.
    pub offset: u64,
    /// What.
    pub bytes: Bytes,
}

/// What is compared as one: a message, a datagram, or a part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Since the conversation began.
    pub time: Duration,
    /// Place of its first byte in its direction's stream.
    pub offset: u64,
    /// Its bytes; of a message without header and delimiter.
    pub bytes: Bytes,
}

/// How a direction of a conversation is cut into units. It never depends on the chunks of a stream.
#[derive(Clone, Copy, Debug)]
pub enum Cut<'a> {
    /// A stream after each `\n`, which is part of the unit; datagrams one by one.
    Lines,
    /// A stream not at all; datagrams one by one.
    Whole,
    /// By a framing that takes messages of up to so many bytes.
    Frame(&'a Framing, usize),
    /// As the session did.
    Recorded,
}

/// In bytes: a stream without line breaks is compared in parts of this length.
const LONGEST_LINE: usize = 64 * 1024;

impl Conversation {
    /// Cuts one direction into units.
    #[must_use]
    pub fn units(&self, direction: Direction, cut: Cut<'_>) -> Vec<Unit> {
        match cut {
            Cut::Frame(framing, limit) => self.cut(direction, framing, limit),
            Cut::Recorded => self
                .pieces(&self.frames, direction)
                .map(|it| self.unit(it))
                .collect(),
            _ if self.shape == Shape::Datagram => self
                .pieces(&self.chunks, direction)
                .map(|it| self.unit(it))
                .collect(),
            Cut::Lines => self.lines(direction),
            Cut::Whole => self.rest(direction, 0).into_iter().collect(),
        }
    }

    /// How many bytes went one way.
    #[must_use]
    pub fn len(&self, direction: Direction) -> u64 {
        let lengths = self
            .pieces(&self.chunks, direction)
            .map(|piece| piece.bytes.len() as u64);
        lengths.sum()
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Whether both say the same bytes in a direction: in the same datagrams, or in whatever chunks
    /// of a stream.
    #[must_use]
    pub fn says_the_same(&self, other: &Self, direction: Direction) -> bool {
        let said = |of: &Self| -> Vec<Bytes> {
            let pieces = of.pieces(&of.chunks, direction);
            pieces.map(|piece| piece.bytes.clone()).collect()
        };
        let (left, right) = (said(self), said(other));
        match self.shape {
            Shape::Datagram => left == right,
            Shape::Stream => same_stream(left, right),
        }
    }

    fn pieces<'a>(
        &self,
        pieces: &'a [Piece],
        direction: Direction,
    ) -> impl Iterator<Item = &'a Piece> {
        pieces
            .iter()
            .filter(move |piece| piece.direction == direction)
    }

    fn unit(&self, piece: &Piece) -> Unit {
        Unit {
            time: piece.time - self.began,
            offset: piece.offset,
            bytes: piece.bytes.clone(),
        }
    }

    fn lines(&self, direction: Direction) -> Vec<Unit> {
        let mut units = Vec::new();
        let mut line = Vec::new();
        let mut start = (Duration::ZERO, 0);
        for piece in self.pieces(&self.chunks, direction) {
            let mut at = piece.offset;
            for part in piece.bytes.split_inclusive(|byte| *byte == b'\n') {
                for part in part.chunks(LONGEST_LINE) {
                    if line.is_empty() {
                        start = (piece.time - self.began, at);
                    }
                    line.extend_from_slice(part);
                    at = at.saturating_add(part.len() as u64);
                    // A long line ends at the same byte, however it was cut into chunks.
                    while line.len() >= LONGEST_LINE || line.ends_with(b"\n") {
                        let rest = line.split_off(line.len().min(LONGEST_LINE));
                        let len = line.len() as u64;
                        units.push(Unit {
                            time: start.0,
                            offset: start.1,
                            bytes: std::mem::replace(&mut line, rest).into(),
                        });
                        start = (piece.time - self.began, start.1.saturating_add(len));
                    }
                }
            }
        }
        if !line.is_empty() {
            units.push(Unit {
                time: start.0,
                offset: start.1,
                bytes: line.into(),
            });
        }
        units
    }

    /// What follows the first `skipped` bytes of a direction, if anything does.
    fn rest(&self, direction: Direction, skipped: u64) -> Option<Unit> {
        let mut rest: Option<(Duration, u64, Vec<u8>)> = None;
        let mut passed: u64 = 0;
        for piece in self.pieces(&self.chunks, direction) {
            let skip = skipped.saturating_sub(passed).min(piece.bytes.len() as u64);
            passed = passed.saturating_add(piece.bytes.len() as u64);
            // At most the length of the piece.
            let part = piece.bytes.get(skip as usize..).unwrap_or_default();
            if !part.is_empty() {
                let start = || {
                    (
                        piece.time - self.began,
                        piece.offset.saturating_add(skip),
                        Vec::new(),
                    )
                };
                rest.get_or_insert_with(start).2.extend_from_slice(part);
            }
        }
        rest.map(|(time, offset, bytes)| Unit {
            time,
            offset,
            bytes: bytes.into(),
        })
    }

    fn cut(&self, direction: Direction, framing: &Framing, limit: usize) -> Vec<Unit> {
        let mut units = Vec::new();
        let mut decoder = framing.decoder(limit);
        let first = self.pieces(&self.chunks, direction).next();
        let base = first.map_or(0, |piece| piece.offset);
        let mut error: Option<FrameError> = None;
        // The end of the last message, from the first byte that was recorded.
        let mut cut_to: u64 = 0;
        for piece in self.pieces(&self.chunks, direction) {
            let mut take = |time: Time, frame: crate::frame::Frame<'_>| {
                cut_to = frame.offset.saturating_add(frame.wire_len as u64);
                units.push(Unit {
                    time: time - self.began,
                    offset: base.saturating_add(frame.offset),
                    bytes: Bytes::copy_from_slice(frame.payload),
                });
            };
            if let Some(deadline) = decoder.deadline() {
                decoder.timeout(piece.time, |frame| take(deadline, frame));
            }
            error = decoder
                .push(piece.time, &piece.bytes, |frame| take(piece.time, frame))
                .err();
            if self.shape == Shape::Datagram {
                decoder.finish(|frame| take(piece.time, frame));
            } else if error.is_some() {
                break;
            }
        }
        // Where no more messages can be told apart, the rest is one.
        if error.is_some() && self.shape == Shape::Stream {
            units.extend(self.rest(direction, cut_to));
            return units;
        }
        let end = self.chunks.last().map_or(self.began, |piece| piece.time);
        decoder.finish(|frame| {
            units.push(Unit {
                time: end - self.began,
                offset: base.saturating_add(frame.offset),
                bytes: Bytes::copy_from_slice(frame.payload),
            });
        });
        units
    }
}

/// Whether both are the same bytes, however they are cut.
fn same_stream(left: Vec<Bytes>, right: Vec<Bytes>) -> bool {
    let mut left = left.into_iter().filter(|bytes| !bytes.is_empty());
    let mut right = right.into_iter().filter(|bytes| !bytes.is_empty());
    let (mut a, mut b) = (left.next(), right.next());
    while let (Some(some), Some(other)) = (&mut a, &mut b) {
        let len = some.len().min(other.len());
        if some.split_to(len) != other.split_to(len) {
            return false;
        }
        if some.is_empty() {
            a = left.next();
        }
        if other.is_empty() {
            b = right.next();
        }
    }
    a.is_none() && b.is_none()
}

/// Puts the conversations of a timeline together, event by event.
#[derive(Debug)]
pub struct Conversations {
    found: Vec<Conversation>,
    /// Where in `found` the latest of each peer is, by session and number.
    places: BTreeMap<(u32, u32), usize>,
    shapes: BTreeMap<u32, Shape>,
    held: usize,
    limit: usize,
}

/// There is more in a recording than may be held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the recording holds more than {}, which is more than is compared at once; take a part of it \
     with `sockpit replay --json --filter`",
    ByteSize(*limit)
)]
pub struct TooMuch {
    /// In bytes.
    pub limit: usize,
}

/// In bytes: what a piece costs beside its bytes.
const PIECE_COST: usize = 96;

impl Conversations {
    /// Begins with none; `limit` is what they may take in memory, in bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            found: Vec::new(),
            places: BTreeMap::new(),
            shapes: BTreeMap::new(),
            held: 0,
            limit,
        }
    }

    /// Takes the next event of the timeline.
    ///
    /// # Errors
    ///
    /// Returns [`TooMuch`] where the limit is reached; the event is not taken then.
    pub fn take(&mut self, event: &Event) -> Result<(), TooMuch> {
        match &event.what {
            What::Listening { local } => {
                if let Some(shape) = shape_of(local) {
                    self.shapes.insert(event.session, shape);
                }
            }
            What::Opened { addr, local } => {
                self.hold(addr.len())?;
                let shape = shape_of(addr).or_else(|| shape_of(local));
                self.begin(event, addr, shape);
            }
            What::Chunk {
                direction,
                offset,
                bytes,
                ..
            } => {
                self.hold(bytes.len())?;
                let piece = piece(event, *direction, *offset, bytes);
                self.of(event).chunks.push(piece);
            }
            What::Frame {
                direction,
                offset,
                payload,
                ..
            } => {
                self.hold(payload.len())?;
                let piece = piece(event, *direction, *offset, payload);
                self.of(event).frames.push(piece);
            }
            What::Closed { reason, .. } if event.peer > 0 => {
                self.hold(0)?;
                self.of(event).ending = Some((*reason, event.time));
            }
            _ => {}
        }
        Ok(())
    }

    /// All of them, in the order in which they began.
    #[must_use]
    pub fn finish(self) -> Vec<Conversation> {
        self.found
    }

    fn hold(&mut self, len: usize) -> Result<(), TooMuch> {
        self.held = self.held.saturating_add(len).saturating_add(PIECE_COST);
        if self.held > self.limit {
            return Err(TooMuch { limit: self.limit });
        }
        Ok(())
    }

    /// The conversation of the event's peer; one that was not seen to begin begins here.
    fn of(&mut self, event: &Event) -> &mut Conversation {
        let place = match self.places.get(&(event.session, event.peer)) {
            Some(&place) => place,
            None => self.begin(event, "", None),
        };
        &mut self.found[place]
    }

    fn begin(&mut self, event: &Event, addr: &str, shape: Option<Shape>) -> usize {
        let shape = shape.or_else(|| self.shapes.get(&event.session).copied());
        let place = self.found.len();
        self.found.push(Conversation {
            session: event.session,
            peer: event.peer,
            addr: addr.to_owned(),
            shape: shape.unwrap_or(Shape::Stream),
            began: event.time,
            chunks: Vec::new(),
            frames: Vec::new(),
            ending: None,
        });
        self.places.insert((event.session, event.peer), place);
        place
    }
}

fn piece(event: &Event, direction: Direction, offset: u64, bytes: &Bytes) -> Piece {
    Piece {
        time: event.time,
        direction,
        offset,
        bytes: bytes.clone(),
    }
}

/// The shape of the link behind an address as records have it.
pub(crate) fn shape_of(addr: &str) -> Option<Shape> {
    let endpoint: Endpoint = addr.parse().ok()?;
    Some(if endpoint.transport.is_stream() {
        Shape::Stream
    } else {
        Shape::Datagram
    })
}
