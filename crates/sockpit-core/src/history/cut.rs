//! How far a view has cut each stream.

use std::collections::{BTreeMap, BTreeSet};

use super::History;
use super::entry::{Entry, Way};
use crate::event::Direction;
use crate::frame::{FrameError, Framing, Scanner, Span};
use crate::time::Time;

/// The streams of a view that are under way.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    streams: BTreeMap<(u32, u32), [Option<Stream>; 2]>,
    /// When silence ends a message.
    due: BTreeSet<(Time, (u32, u32), Direction)>,
}

/// One direction of a peer's stream.
#[derive(Debug)]
struct Stream {
    scanner: Scanner,
    /// The entry in which the message under way began, if it is there, and the place of that
    /// entry's first byte in the stream.
    began: (Option<u64>, u64),
    is_broken: bool,
}

/// A message that was found, or that none will be found any more.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// In which entry it begins, and where in that.
    Frame(u64, u64, Span),
    Broken(u64, FrameError),
}

impl Cuts {
    /// Cuts the next bytes of a stream: those of entry `number` from `within` on.
    pub(super) fn push(
        &mut self,
        history: &History,
        framing: Option<&Framing>,
        (number, entry): (u64, &Entry),
        within: u64,
        bytes: &[u8],
        found: &mut Vec<Cut>,
    ) {
        let place = entry.offset.saturating_add(within);
        let stream = self.stream(history, framing, entry, place, found);
        let before = stream.scanner.deadline();
        let mut spans = Vec::new();
        let result = stream
            .scanner
            .push(entry.time, bytes, |span| spans.push(span));
        found.extend(
            spans
                .iter()
                .filter_map(|span| stream.cut(number, entry, span)),
        );
        if let Err(error) = result
            && !std::mem::replace(&mut stream.is_broken, true)
        {
            found.push(Cut::Broken(number, error));
        }
        if stream.scanner.place() >= entry.offset {
            stream.began = (Some(number), entry.offset);
        }
        let after = stream.scanner.deadline();
        self.expect(entry.way(), before, after);
    }

    /// Cuts a datagram, which is framed by itself.
    pub(super) fn push_datagram(
        &mut self,
        history: &History,
        framing: Option<&Framing>,
        (number, entry): (u64, &Entry),
        bytes: &[u8],
        found: &mut Vec<Cut>,
    ) {
        let stream = self.stream(history, framing, entry, entry.offset, &mut Vec::new());
        let mut spans = Vec::new();
        let result = stream
            .scanner
            .push(entry.time, bytes, |span| spans.push(span));
        let mut rest = None;
        stream.scanner.finish(|span| rest = Some(span));
        let frame = |span: Span| Cut::Frame(number, span.offset.saturating_sub(entry.offset), span);
        found.extend(spans.into_iter().map(frame));
        found.extend(rest.map(frame));
        found.extend(result.err().map(|error| Cut::Broken(number, error)));
    }

    /// Whether the bytes of an entry need not be looked at: no message can be told apart any more.
    pub(super) fn pass_over(&mut self, entry: &Entry, within: u64) -> bool {
        let (session, peer, direction) = entry.way();
        let Some(both) = self.streams.get_mut(&(session, peer)) else {
            return false;
        };
        let Some(stream) = &mut both[direction as usize] else {
            return false;
        };
        let place = entry.offset.saturating_add(within);
        if !stream.is_broken || stream.scanner.received() != place {
            return false;
        }
        stream.scanner.pass_over(entry.end() - place);
        true
    }

    /// Tells messages that silence has ended by `now`.
    pub(super) fn wait(&mut self, now: Time, found: &mut Vec<Cut>) {
        while let Some(&(deadline, key, direction)) = self.due.first()
            && deadline <= now
        {
            self.due.pop_first();
            let both = self.streams.get_mut(&key);
            if let Some(stream) = both.and_then(|both| both[direction as usize].as_mut()) {
                stream.flush(found, |scanner, sink| scanner.timeout(now, sink));
            }
        }
    }

    /// Tells what is left when a conversation is over.
    pub(super) fn end(&mut self, key: (u32, u32), found: &mut Vec<Cut>) {
        for (stream, direction) in self
            .streams
            .remove(&key)
            .into_iter()
            .flatten()
            .zip([Direction::In, Direction::Out])
        {
            let Some(mut stream) = stream else { continue };
            if let Some(deadline) = stream.scanner.deadline() {
                self.due.remove(&(deadline, key, direction));
            }
            stream.flush(found, |scanner, sink| scanner.finish(sink));
        }
    }

    /// The messages under way, as they would be told if nothing followed.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (Way, Cut)> {
        self.streams.iter().flat_map(|(&(session, peer), both)| {
            both.iter().zip([Direction::In, Direction::Out]).filter_map(
                move |(stream, direction)| {
                    let stream = stream.as_ref()?;
                    let span = stream.scanner.unfinished()?;
                    let cut = stream.cut_before(&span)?;
                    Some(((session, peer, direction), cut))
                },
            )
        })
    }

    /// The stream of a chunk, which goes on at `place`. Where it does not, what was under way is
    /// over.
    fn stream(
        &mut self,
        history: &History,
        framing: Option<&Framing>,
        entry: &Entry,
        place: u64,
        found: &mut Vec<Cut>,
    ) -> &mut Stream {
        let way = entry.way();
        let key = (way.0, way.1);
        let both = self.streams.entry(key).or_default();
        let stream = &mut both[way.2 as usize];
        if let Some(known) = stream
            && known.scanner.received() != place
        {
            if let Some(deadline) = known.scanner.deadline() {
                self.due.remove(&(deadline, key, way.2));
            }
            known.flush(found, |scanner, sink| scanner.finish(sink));
            *stream = None;
        }
        stream.get_or_insert_with(|| Stream::begin(history, framing, way, place))
    }

    fn expect(&mut self, way: Way, before: Option<Time>, after: Option<Time>) {
        if before == after {
            return;
        }
        let key = (way.0, way.1);
        if let Some(before) = before {
            self.due.remove(&(before, key, way.2));
        }
        if let Some(after) = after {
            self.due.insert((after, key, way.2));
        }
    }
}

impl Stream {
    /// Begins at a place; in the middle of a message, where the history knows of one.
    fn begin(history: &History, framing: Option<&Framing>, way: Way, place: u64) -> Self {
        let manner = history.manner_of(way.0);
        let front = history
            .front(way)
            .filter(|front| framing.is_none() && front.received() == place);
        let scanner = front.cloned().unwrap_or_else(|| {
            let framing = framing.unwrap_or(&manner.framing);
            Scanner::new(framing, manner.max_frame).starting_at(place)
        });
        Self {
            is_broken: scanner.is_broken(),
            scanner,
            began: (None, place),
        }
    }

    /// A message that was found when entry `number` was looked at.
    fn cut(&self, number: u64, entry: &Entry, span: &Span) -> Option<Cut> {
        match span.offset.checked_sub(entry.offset) {
            Some(start) => Some(Cut::Frame(number, start, *span)),
            None => self.cut_before(span),
        }
    }

    /// A message that began before.
    fn cut_before(&self, span: &Span) -> Option<Cut> {
        let (number, offset) = self.began;
        let start = span.offset.checked_sub(offset)?;
        Some(Cut::Frame(number?, start, *span))
    }

    fn flush(
        &mut self,
        found: &mut Vec<Cut>,
        flush: impl FnOnce(&mut Scanner, &mut dyn FnMut(Span)),
    ) {
        let mut rest = None;
        flush(&mut self.scanner, &mut |span| rest = Some(span));
        found.extend(rest.and_then(|span| self.cut_before(&span)));
    }
}
