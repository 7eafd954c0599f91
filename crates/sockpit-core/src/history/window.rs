//! What rows of a view hold: a window of them, or one as a whole.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::entry::{Entry, Kind};
use super::preview::{self, MOST_BYTES, MOST_HEX};
use super::slot::{Extra, Shown, Slot};
use super::store::Gone;
use super::view::View;
use super::{History, Identity};
use crate::event::{Bytes, Direction, Event, FaultKind, What};
use crate::filter::{Filter, Subject};
use crate::text::charset::Charset;
use crate::time::Time;

/// One row of a view, as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number in the view.
    pub index: u64,
    /// Number of the event that brought its first byte, or that it is.
    pub number: u64,
    /// When that was.
    pub time: Time,
    /// Nanoseconds since the row before, in time; `None` of the first.
    pub since: Option<i64>,
    /// Its session.
    pub session: u32,
    /// Its peer.
    pub peer: u32,
    /// What it is.
    pub kind: Kind,
    /// Which way.
    pub direction: Option<Direction>,
    /// Place of its first byte in the direction's stream, header included.
    pub offset: Option<u64>,
    /// Bytes of the message without header and delimiter, of the chunk, or of the packet.
    pub len: u64,
    /// Length of the datagram, or of the packet, where not all of it is there.
    pub full_len: Option<usize>,
    /// Whether the stream ended before the message did.
    pub is_partial: bool,
    /// Whether its escapes make no sense, or the text that is shown does not say all of its bytes.
    pub is_malformed: bool,
    /// Up to 512 characters of what it says on one line, with pictures for controls; `None` where it
    /// is no text.
    pub text: Option<String>,
    /// Up to 64 bytes as digits.
    pub hex: String,
    /// Whether there is more than is shown here.
    pub has_more: bool,
    /// Whether its bytes cannot be had.
    pub is_gone: bool,
    /// Its note.
    pub mark: Option<String>,
    /// What the filter found in the text, in UTF-16 code units of it.
    pub highlights: Vec<Range<usize>>,
    /// What happened, where that is not that something was said.
    pub event: Option<Arc<Event>>,
}

/// A part of the chunks that a message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Number of the chunk's event.
    pub number: u64,
    /// When it came or went.
    pub time: Time,
    /// Place of the part's first byte in the direction's stream.
    pub offset: u64,
    /// Bytes of the chunk that belong to the message.
    pub len: u64,
}

/// What the bytes of a message in its stream are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// All of them: header, escapes and delimiter included.
    pub wire_len: u64,
    /// Bytes before the payload.
    pub head: u64,
    /// Bytes of the payload, escapes undone.
    pub len: u64,
    /// Whether the payload has other bytes than the stream, as escapes are undone.
    pub is_stuffed: bool,
}

/// Rows that are looked at for one of the other direction.
const MOST_BACK: u64 = 10_000;

/// In bytes: of a longer message the filter sees only so much, and how long it is.
const MOST_JUDGED: usize = 32 * 1024 * 1024;

/// Number that a row has which is none yet.
pub(super) const NO_ROW: u64 = u64::MAX;

impl View {
    /// The rows from a number on, at most so many.
    #[must_use]
    pub fn rows(&self, history: &History, from: u64, count: usize) -> Vec<Row> {
        let from = from.max(self.first());
        let to = self.next().min(from.saturating_add(count as u64));
        (from..to)
            .filter_map(|index| self.row(history, index))
            .collect()
    }

    /// One row.
    #[must_use]
    pub fn row(&self, history: &History, index: u64) -> Option<Row> {
        let slot = self.slots.get(index)?;
        let mut row = self.row_of(history, index, slot, self.extras.get(&index));
        let before = index.checked_sub(1);
        row.since = before
            .and_then(|before| self.time(history, before))
            .filter(|_| row.kind != Kind::Gone)
            .map(|before| span(before, row.time));
        Some(row)
    }

    /// Messages under way that are not whole yet, at most so many. Their number is none, and the
    /// filter is not asked.
    #[must_use]
    pub fn pending(&self, history: &History, most: usize) -> Vec<Row> {
        let of_view = |session: u32| self.look.session.is_none_or(|only| only == session);
        self.cuts
            .unfinished()
            .filter(|((session, ..), _)| of_view(*session))
            .filter_map(|(_, cut)| match cut {
                super::cut::Cut::Frame(number, start, span) => {
                    let (slot, extra) = Slot::frame(number, start, &span);
                    Some(Row {
                        is_partial: true,
                        ..self.row_of(history, NO_ROW, &slot, extra.as_ref())
                    })
                }
                super::cut::Cut::Broken(..) => None,
            })
            .take(most)
            .collect()
    }

    /// Bytes of a message or a chunk from `from` on, at most `len`; fewer at its end. Of a packet,
    /// its bytes.
    ///
    /// # Errors
    ///
    /// Where the row is no more, or its bytes cannot be had.
    pub fn payload(
        &self,
        history: &History,
        index: u64,
        from: u64,
        len: usize,
    ) -> Result<Vec<u8>, Gone> {
        let slot = self.slots.get(index).ok_or(Gone::NoRow)?;
        self.payload_of(history, slot, self.extras.get(&index), from, len)
    }

    /// The same of its bytes in the stream: with header, escapes and delimiter.
    ///
    /// # Errors
    ///
    /// Where the row is no more, or its bytes cannot be had.
    pub fn wire(
        &self,
        history: &History,
        index: u64,
        from: u64,
        len: usize,
    ) -> Result<Vec<u8>, Gone> {
        let slot = self.slots.get(index).ok_or(Gone::NoRow)?;
        wire_of(history, slot, from, len)
    }

    /// What the bytes of a message are.
    #[must_use]
    pub fn layout(&self, index: u64) -> Option<Layout> {
        let slot = self.slots.get(index)?;
        let extra = self.extras.get(&index);
        Some(Layout {
            wire_len: slot.wire_len(),
            head: slot.head(extra),
            len: slot.len(extra),
            is_stuffed: slot.is_stuffed(),
        })
    }

    /// The chunks that a message came in, at most so many.
    #[must_use]
    pub fn chunks(&self, history: &History, index: u64, most: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let Some(slot) = self.slots.get(index) else {
            return pieces;
        };
        let mut number = slot.number();
        let (mut start, mut left) = (slot.start(), slot.wire_len());
        while let Some(entry) = history.entry(number).filter(|entry| entry.is_chunk()) {
            let len = u64::from(entry.len).saturating_sub(start).min(left);
            if len > 0 || slot.wire_len() == 0 {
                pieces.push(Piece {
                    number: entry.number,
                    time: entry.time,
                    offset: entry.offset.saturating_add(start),
                    len,
                });
            }
            left -= len;
            start = start.saturating_sub(u64::from(entry.len));
            if left == 0 || entry.next == 0 || pieces.len() >= most {
                break;
            }
            number += u64::from(entry.next);
        }
        pieces
    }

    /// Nanoseconds since the last message of the other direction, if there is one near.
    #[must_use]
    pub fn latency(&self, history: &History, index: u64) -> Option<i64> {
        let entry_at = |index: u64| history.entry(self.slots.get(index)?.number());
        let entry = entry_at(index)?;
        let direction = entry.direction?;
        let first = index.saturating_sub(MOST_BACK).max(self.first());
        let other = (first..index).rev().find_map(|before| {
            entry_at(before).filter(|other| {
                (other.session, other.peer) == (entry.session, entry.peer)
                    && other.direction.is_some_and(|other| other != direction)
            })
        })?;
        Some(span(other.time, entry.time))
    }

    /// A row as an event, with all of its bytes: a message as a frame.
    #[must_use]
    pub fn event(&self, history: &History, index: u64) -> Option<Event> {
        let slot = self.slots.get(index)?;
        let event = self.event_of(history, slot, self.extras.get(&index), usize::MAX)?;
        Some(event.into_owned())
    }

    /// The rows from a number on as events, such as a capture file is made of.
    pub fn events<'a>(
        &'a self,
        history: &'a History,
        from: u64,
    ) -> impl Iterator<Item = (u64, Event)> + 'a {
        let rows = from.max(self.first())..self.next();
        rows.filter_map(|index| Some((index, self.event(history, index)?)))
    }

    /// What a row is called by, whatever the view.
    #[must_use]
    pub fn identity(&self, history: &History, index: u64) -> Option<Identity> {
        let slot = self.slots.get(index)?;
        let entry = history.entry(slot.number())?;
        Some(identity_of(entry, slot))
    }

    /// Whether the filter wants a row.
    pub(super) fn wants(
        &self,
        history: &History,
        filter: &Filter,
        slot: &Slot,
        extra: Option<&Extra>,
    ) -> bool {
        let judged = if filter.needs_bytes() { MOST_JUDGED } else { 0 };
        let Some(event) = self.event_of(history, slot, extra, judged) else {
            return false;
        };
        let addr = history.addr(event.session, event.peer);
        let charset = |direction: Direction| {
            self.charset(history, event.session, direction)
                .filter(|charset| filter.needs_text() && *charset != Charset::UTF_8)
        };
        let text = match &event.what {
            What::Chunk {
                bytes, direction, ..
            } => charset(*direction).map(|charset| charset.decode(bytes).text),
            What::Packet {
                packet, direction, ..
            } => charset(*direction).map(|charset| charset.decode(packet.at(0).payload()).text),
            _ => None,
        };
        filter.matches(&Subject {
            event: &event,
            clock: self.look.clock,
            addr: addr.filter(|_| filter.needs_addr()),
            text: text.as_deref(),
            len: Some(slot.len(extra)),
        })
    }

    /// A row as an event, with the first `most` of its bytes.
    fn event_of<'a>(
        &self,
        history: &'a History,
        slot: &Slot,
        extra: Option<&Extra>,
        most: usize,
    ) -> Option<Cow<'a, Event>> {
        let entry = history.entry(slot.number())?;
        let bytes = || self.payload_of(history, slot, extra, 0, most).ok();
        let what = match slot.shown() {
            Shown::Broken => fault_of(extra),
            Shown::Frame => {
                let direction = entry.direction?;
                let payload = bytes()?;
                let charset = self
                    .charset(history, entry.session, direction)
                    .filter(|_| most > 0);
                let decoded = charset.map(|charset| charset.decode(&payload));
                let is_bad = decoded.as_ref().is_some_and(|it| it.malformed_at.is_some());
                What::Frame {
                    direction,
                    offset: entry.offset.saturating_add(slot.start()),
                    payload: payload.into(),
                    malformed: is_bad,
                    text: decoded.map(|it| it.text),
                    partial: slot.is_partial(),
                    full_len: entry.full_len(),
                }
            }
            Shown::Entry if entry.is_chunk() => What::Chunk {
                direction: entry.direction?,
                offset: entry.offset,
                bytes: Bytes::from(bytes()?),
                full_len: entry.full_len(),
            },
            Shown::Entry if entry.kind == Kind::Packet => {
                return history
                    .event(entry)
                    .map(|event| Cow::Owned(Event::clone(&event)));
            }
            Shown::Entry => {
                let kept = history.kept.get(entry.offset)?.as_deref()?;
                return Some(Cow::Borrowed(kept));
            }
        };
        Some(Cow::Owned(Event {
            number: entry.number,
            time: entry.time,
            session: entry.session,
            peer: entry.peer,
            what,
        }))
    }

    pub(super) fn payload_of(
        &self,
        history: &History,
        slot: &Slot,
        extra: Option<&Extra>,
        from: u64,
        len: usize,
    ) -> Result<Vec<u8>, Gone> {
        let head = slot.head(extra);
        let rest = slot.len(extra).saturating_sub(from);
        let len = len.min(usize::try_from(rest).unwrap_or(usize::MAX));
        if len == 0 {
            return Ok(Vec::new());
        }
        if !slot.is_stuffed() {
            return wire_of(history, slot, head.saturating_add(from), len);
        }
        // Escapes are undone from the beginning on. Each byte is one or two, and a code stands
        // before 254 of them.
        let from = usize::try_from(from).map_err(|_| Gone::Evicted)?;
        let needed = from.saturating_add(len).saturating_mul(2).saturating_add(2);
        let all = usize::try_from(slot.wire_len() - head).map_err(|_| Gone::Evicted)?;
        let wire = wire_of(history, slot, head, needed.min(all))?;
        let entry = history.entry(slot.number()).ok_or(Gone::Evicted)?;
        let framing = self.framing(history, entry.session);
        let mut payload = Vec::new();
        framing.unstuff(&wire, slot.is_partial() || needed < all, &mut payload);
        let end = from.saturating_add(len).min(payload.len());
        payload.truncate(end);
        payload.drain(..from.min(end));
        Ok(payload)
    }

    fn row_of(&self, history: &History, index: u64, slot: &Slot, extra: Option<&Extra>) -> Row {
        let Some(entry) = history.entry(slot.number()) else {
            return gone(index, slot, extra);
        };
        let mark = history.mark_of(entry, slot).map(str::to_owned);
        let bare = Row {
            number: entry.number,
            time: entry.time,
            session: entry.session,
            peer: entry.peer,
            kind: entry.kind,
            mark,
            is_gone: false,
            ..gone(index, slot, extra)
        };
        match slot.shown() {
            Shown::Broken => self.row_of_event(
                history,
                Row {
                    kind: Kind::Fault,
                    ..bare
                },
                slot,
                extra,
            ),
            Shown::Entry if !entry.is_chunk() => self.row_of_event(history, bare, slot, extra),
            shown => {
                let row = Row {
                    kind: if shown == Shown::Frame {
                        Kind::Frame
                    } else {
                        Kind::Chunk
                    },
                    direction: entry.direction,
                    offset: Some(entry.offset.saturating_add(slot.start())),
                    full_len: entry.full_len(),
                    is_partial: slot.is_partial(),
                    ..bare
                };
                self.row_of_bytes(history, row, slot, extra)
            }
        }
    }

    fn row_of_event(
        &self,
        history: &History,
        mut row: Row,
        slot: &Slot,
        extra: Option<&Extra>,
    ) -> Row {
        row.event = match slot.shown() {
            Shown::Broken => {
                let event = self.event_of(history, slot, extra, 0);
                event.map(|event| Arc::new(event.into_owned()))
            }
            _ => history
                .entry(slot.number())
                .and_then(|entry| history.event(entry)),
        };
        if let Some(What::Packet {
            direction,
            offset,
            packet,
        }) = row.event.as_ref().map(|event| &event.what)
        {
            row.direction = Some(*direction);
            row.offset = *offset;
            row.full_len = (packet.full_len != packet.bytes.len()).then_some(packet.full_len);
            row.hex = preview::hex(&packet.bytes);
            row.has_more = packet.bytes.len() > MOST_HEX;
        }
        row.is_gone = row.event.is_none();
        row
    }

    fn row_of_bytes(
        &self,
        history: &History,
        mut row: Row,
        slot: &Slot,
        extra: Option<&Extra>,
    ) -> Row {
        let Ok(bytes) = self.payload_of(history, slot, extra, 0, MOST_BYTES) else {
            row.is_gone = true;
            return row;
        };
        row.hex = preview::hex(&bytes);
        let is_whole = bytes.len() as u64 >= row.len;
        row.has_more = row.len > MOST_HEX as u64;
        let direction = row.direction.unwrap_or(Direction::In);
        if let Some(charset) = self.charset(history, row.session, direction) {
            let is_stream = row.kind == Kind::Chunk && !history.is_datagram(row.session, row.peer);
            let goes_on = is_stream && row.offset.is_some_and(|offset| offset > 0);
            let line = preview::line(
                &bytes,
                charset,
                is_whole && !is_stream,
                goes_on,
                &self.patterns,
            );
            row.has_more = !is_whole || line.is_cut;
            row.is_malformed |= line.is_malformed;
            row.text = Some(line.text);
            row.highlights = line.highlights;
        }
        row
    }
}

/// What the filter and the record say of a stream in which no more messages can be told apart.
fn fault_of(extra: Option<&Extra>) -> What {
    let message = match extra {
        Some(Extra::Broken(error)) => error.to_string(),
        _ => String::new(),
    };
    What::Fault {
        kind: FaultKind::Frame,
        message,
        count: None,
    }
}

/// A row of which nothing is there but its place in the view.
fn gone(index: u64, slot: &Slot, extra: Option<&Extra>) -> Row {
    Row {
        index,
        number: 0,
        time: Time::ZERO,
        since: None,
        session: 0,
        peer: 0,
        kind: Kind::Gone,
        direction: None,
        offset: None,
        len: slot.len(extra),
        full_len: None,
        is_partial: false,
        is_malformed: slot.is_malformed(),
        text: None,
        hex: String::new(),
        has_more: false,
        is_gone: true,
        mark: None,
        highlights: Vec::new(),
        event: None,
    }
}

/// Bytes of a row in its stream.
fn wire_of(history: &History, slot: &Slot, from: u64, len: usize) -> Result<Vec<u8>, Gone> {
    let rest = slot.wire_len().saturating_sub(from);
    let len = len.min(usize::try_from(rest).unwrap_or(usize::MAX));
    let mut bytes = vec![0; len];
    let mut filled = 0;
    let mut number = slot.number();
    let mut at = slot.start().saturating_add(from);
    while filled < len {
        let entry = history.entry(number).ok_or(Gone::Evicted)?;
        let here = u64::from(entry.len).saturating_sub(at);
        // At most what is left of a buffer in memory.
        let part = here.min((len - filled) as u64) as usize;
        let place = entry.place.saturating_add(at);
        history
            .store
            .read(place, &mut bytes[filled..filled + part])?;
        filled += part;
        at = at.saturating_sub(u64::from(entry.len));
        if filled < len && entry.next == 0 {
            return Err(Gone::Evicted);
        }
        number += u64::from(entry.next);
    }
    Ok(bytes)
}

pub(super) fn identity_of(entry: &Entry, slot: &Slot) -> Identity {
    let direction = entry.direction.filter(|_| !slot.is_broken());
    let offset = entry.offset.saturating_add(slot.start());
    Identity {
        number: entry.number,
        session: entry.session,
        peer: entry.peer,
        direction,
        offset: direction.map_or(0, |_| offset),
    }
}

/// Nanoseconds from the one to the other.
fn span(from: Time, to: Time) -> i64 {
    let (from, to) = (from.as_nanos(), to.as_nanos());
    let length = i64::try_from(to.abs_diff(from)).unwrap_or(i64::MAX);
    if to < from { -length } else { length }
}
