//! A recording with other messages than the session made of its bytes.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::conversation::shape_of;
use crate::event::{Direction, Event, FaultKind, What};
use crate::frame::{Decoder, Frame, Framing};
use crate::plan::Shape;
use crate::text::charset::Charset;
use crate::time::Time;

/// One direction of a peer's stream.
#[derive(Debug)]
struct Stream {
    decoder: Decoder,
    /// Whether it was told that no more messages can be told apart.
    is_broken: bool,
}

impl Stream {
    fn new(framing: &Framing, limit: usize) -> Self {
        Self {
            decoder: framing.decoder(limit),
            is_broken: false,
        }
    }
}

/// Cuts the chunks of a timeline into messages anew, or reads their text in another charset.
///
/// Events that a new framing makes are numbered anew, all of them.
#[derive(Debug)]
pub struct Recut {
    framing: Option<Framing>,
    /// In bytes of one message.
    limit: usize,
    /// `None` leaves the text as it was recorded.
    text: Option<Option<Charset>>,
    streams: BTreeMap<(u32, u32), [Stream; 2]>,
    shapes: BTreeMap<(u32, u32), Shape>,
    number: u64,
    time: Time,
}

impl Recut {
    /// Begins a timeline. Without a framing messages stay as they are; without a text, too.
    #[must_use]
    pub fn new(framing: Option<Framing>, limit: usize, text: Option<Option<Charset>>) -> Self {
        Self {
            framing,
            limit,
            text,
            streams: BTreeMap::new(),
            shapes: BTreeMap::new(),
            number: 0,
            time: Time::ZERO,
        }
    }

    /// Takes an event, and gives what stands in its place.
    pub fn take(&mut self, mut event: Event, mut sink: impl FnMut(Event)) {
        let Some(framing) = self.framing.clone() else {
            self.read_again(&mut event.what);
            return sink(event);
        };
        self.time = event.time;
        let key = (event.session, event.peer);
        if matches!(framing, Framing::Gap(_)) {
            self.wait(event.time, &mut sink);
        }
        match &event.what {
            What::Listening { local } => {
                if let Some(shape) = shape_of(local) {
                    self.shapes.insert((event.session, 0), shape);
                }
            }
            What::Opened { addr, local } => {
                if let Some(shape) = shape_of(addr).or_else(|| shape_of(local)) {
                    self.shapes.insert(key, shape);
                }
            }
            What::Frame { .. } => return,
            What::Closed { .. } if event.peer > 0 => {
                self.end(key, event.time, &mut sink);
                self.shapes.remove(&key);
            }
            _ => {}
        }
        let chunk = match &event.what {
            What::Chunk {
                direction,
                bytes,
                full_len,
                offset,
            } => Some((*direction, bytes.clone(), *full_len, *offset)),
            _ => None,
        };
        self.give(event, &mut sink);
        if let Some((direction, bytes, full_len, offset)) = chunk {
            self.cut(
                &framing,
                key,
                direction,
                (&bytes, full_len, offset),
                &mut sink,
            );
        }
    }

    /// Takes the end of the recording: what is left is told as partial messages.
    pub fn finish(&mut self, mut sink: impl FnMut(Event)) {
        let (keys, time): (Vec<_>, _) = (self.streams.keys().copied().collect(), self.time);
        for key in keys {
            self.end(key, time, &mut sink);
        }
    }

    fn cut(
        &mut self,
        framing: &Framing,
        key: (u32, u32),
        direction: Direction,
        (bytes, full_len, offset): (&Bytes, Option<usize>, u64),
        sink: &mut impl FnMut(Event),
    ) {
        let shape = self
            .shapes
            .get(&key)
            .or_else(|| self.shapes.get(&(key.0, 0)));
        let is_datagram = shape == Some(&Shape::Datagram);
        if framing.is_raw() && !is_datagram {
            return;
        }
        let (time, charset, limit) = (self.time, self.charset(), self.limit);
        let mut made = Vec::new();
        let mut wrong = None;
        let streams = self
            .streams
            .entry(key)
            .or_insert_with(|| [Stream::new(framing, limit), Stream::new(framing, limit)]);
        let Stream { decoder, is_broken } = &mut streams[direction as usize];
        let was_broken = *is_broken;
        if framing.is_raw() {
            let whole = message(direction, offset, bytes, charset, false, full_len);
            made.push(whole);
        } else {
            let mut take = |frame: Frame<'_>| {
                // Of a datagram, a decoder's own offsets know nothing of earlier ones that are lost.
                let place = if is_datagram { offset } else { frame.offset };
                let payload = Bytes::copy_from_slice(frame.payload);
                made.push(message(
                    direction,
                    place,
                    &payload,
                    charset,
                    frame.is_partial,
                    full_len,
                ));
            };
            wrong = decoder.push(time, bytes, &mut take).err();
            if is_datagram {
                decoder.finish(&mut take);
            } else {
                *is_broken = wrong.is_some();
            }
        }
        for what in made {
            self.make(key, time, what, sink);
        }
        if let Some(error) = wrong.filter(|_| !was_broken) {
            let what = What::Fault {
                kind: FaultKind::Frame,
                message: error.to_string(),
                count: None,
            };
            self.make(key, time, what, sink);
        }
    }

    /// Tells messages that silence has ended by `now`.
    fn wait(&mut self, now: Time, sink: &mut impl FnMut(Event)) {
        let charset = self.charset();
        let mut made = Vec::new();
        for (key, streams) in &mut self.streams {
            for (Stream { decoder, .. }, direction) in
                streams.iter_mut().zip([Direction::In, Direction::Out])
            {
                let Some(deadline) = decoder.deadline().filter(|deadline| *deadline <= now) else {
                    continue;
                };
                decoder.timeout(now, |frame| {
                    let payload = Bytes::copy_from_slice(frame.payload);
                    let what = message(direction, frame.offset, &payload, charset, false, None);
                    made.push((deadline, *key, what));
                });
            }
        }
        made.sort_by_key(|(deadline, ..)| *deadline);
        for (deadline, key, what) in made {
            self.make(key, deadline, what, sink);
        }
    }

    fn end(&mut self, key: (u32, u32), time: Time, sink: &mut impl FnMut(Event)) {
        let charset = self.charset();
        let mut made = Vec::new();
        for (mut stream, direction) in self
            .streams
            .remove(&key)
            .into_iter()
            .flatten()
            .zip([Direction::In, Direction::Out])
        {
            stream.decoder.finish(|frame| {
                let payload = Bytes::copy_from_slice(frame.payload);
                let is_partial = frame.is_partial;
                made.push(message(
                    direction,
                    frame.offset,
                    &payload,
                    charset,
                    is_partial,
                    None,
                ));
            });
        }
        for what in made {
            self.make(key, time, what, sink);
        }
    }

    fn charset(&self) -> Option<Charset> {
        self.text.unwrap_or(Some(Charset::UTF_8))
    }

    fn read_again(&self, what: &mut What) {
        if let (
            Some(charset),
            What::Frame {
                payload,
                text,
                malformed,
                ..
            },
        ) = (self.text, what)
        {
            let decoded = charset.map(|charset| charset.decode(payload));
            *malformed = decoded.as_ref().is_some_and(|it| it.malformed_at.is_some());
            *text = decoded.map(|it| it.text);
        }
    }

    fn make(&mut self, key: (u32, u32), time: Time, what: What, sink: &mut impl FnMut(Event)) {
        let event = Event {
            number: 0,
            time,
            session: key.0,
            peer: key.1,
            what,
        };
        self.give(event, sink);
    }

    fn give(&mut self, mut event: Event, sink: &mut impl FnMut(Event)) {
        self.number += 1;
        event.number = self.number;
        sink(event);
    }
}

fn message(
    direction: Direction,
    offset: u64,
    payload: &Bytes,
    charset: Option<Charset>,
    partial: bool,
    full_len: Option<usize>,
) -> What {
    let decoded = charset.map(|charset| charset.decode(payload));
    What::Frame {
        direction,
        offset,
        payload: payload.clone(),
        malformed: decoded.as_ref().is_some_and(|it| it.malformed_at.is_some()),
        text: decoded.map(|it| it.text),
        partial,
        full_len,
    }
}

#[cfg(test)]
mod tests;
