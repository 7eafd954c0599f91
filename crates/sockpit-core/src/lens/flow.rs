//! One direction of one conversation: its bytes and its cuts, until they are drawn.

use std::collections::VecDeque;

use bytes::Bytes;

use super::cut::{Cut, End, Piece, Told, Track};
use super::datagram::{Joiner, Passed, Unread};
use super::draw;
use super::verdict::Judge;
use super::wire_len::{cut_len, guessed_len, most_wire};
use super::{Ends, Options, Row, Sheet};
use crate::event::Direction;
use crate::frame::Framing;

/// In bytes: what is held of a flow that cannot be drawn yet.
const MOST_BYTES: usize = 1024 * 1024;

/// Pieces that are held so.
const MOST_PIECES: usize = 8192;

/// In bytes, or in pieces: so far behind a hole between packets it is taken for one that stays.
const MOST_HOLE: (u64, usize) = (256 * 1024, 256);

/// Which rows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Those that nothing to come can change.
    Certain,
    /// Those of which anything is known: too much waits for cuts that are late.
    Known,
    /// All, and what they came to: the flow is over.
    Over,
}

/// What is known of an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Absent,
    Open,
    Closed,
}

/// The last message so far, whose end the next one will tell for sure.
#[derive(Clone)]
struct Latest {
    start: u64,
    payload: Bytes,
    is_partial: bool,
    told: Told,
}

/// One direction of one conversation.
#[derive(Clone)]
pub(super) struct Flow {
    number: u64,
    title: String,
    tracks: [Track; 4],
    ends: [State; 2],
    /// Which end tells the messages.
    teller: Option<End>,
    latest: Option<Latest>,
    chunks: VecDeque<(u64, Bytes)>,
    held: usize,
    /// From where on bytes are known.
    begun: u64,
    /// Up to where bytes are known.
    known: u64,
    /// Up to where rows are drawn.
    drawn: u64,
    /// Where the two ends first disagree.
    differs_at: Option<u64>,
    columns: Vec<Cut>,
    judge: Judge,
    /// Whether packets are captured, which come later than what they carry.
    is_tapped: bool,
    /// Joins packets with datagrams, of a flow that has these.
    joiner: Option<Joiner>,
}

impl Flow {
    pub(super) fn new(
        number: u64,
        peer: u32,
        direction: Direction,
        local: &str,
        addr: &str,
    ) -> Self {
        let is_of_datagrams =
            |addr: &str| addr.starts_with("udp:") || addr.starts_with("unixgram:");
        let has_datagrams = is_of_datagrams(local) || is_of_datagrams(addr);
        Self {
            number,
            title: draw::title(peer, direction, local, addr),
            tracks: Default::default(),
            ends: Default::default(),
            teller: None,
            latest: None,
            chunks: VecDeque::new(),
            held: 0,
            begun: 0,
            known: 0,
            drawn: 0,
            differs_at: None,
            columns: Vec::new(),
            judge: Judge::default(),
            is_tapped: false,
            joiner: has_datagrams.then(|| {
                Joiner::new(match direction {
                    Direction::Out => End::Writer,
                    Direction::In => End::Reader,
                })
            }),
        }
    }

    /// Learns that its packets are captured.
    pub(super) fn tap(&mut self) {
        self.is_tapped = true;
    }

    /// Whether packets are to come that carry what is known.
    pub(super) fn awaits_packets(&self) -> bool {
        let packets = &self.tracks[Cut::Packets as usize];
        self.is_tapped && packets.unbroken(self.drawn.max(self.begun)) < self.known
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn open(&mut self, end: End) {
        self.ends[end as usize] = State::Open;
    }

    pub(super) fn close(&mut self, end: End) {
        self.ends[end as usize] = State::Closed;
    }

    pub(super) fn was_closed(&self, end: End) -> bool {
        self.ends[end as usize] == State::Closed
    }

    pub(super) fn is_open(&self) -> bool {
        self.ends.contains(&State::Open)
    }

    /// Takes what a call wrote or read; `full_len` is the length of a datagram of which that is a
    /// part.
    pub(super) fn push_chunk(
        &mut self,
        (end, told): (End, Told),
        offset: u64,
        bytes: &Bytes,
        full_len: Option<usize>,
    ) {
        let cut = match end {
            End::Writer => Cut::Writes,
            End::Reader => Cut::Reads,
        };
        let stop = offset.saturating_add(bytes.len() as u64);
        if self.known == 0 {
            // What was sent before anybody looked is not shown.
            self.begun = offset;
            self.known = offset;
            self.drawn = offset;
        }
        self.tracks[cut as usize].push(offset, stop, told);
        self.compare(offset, bytes);
        let new = self.known.max(offset);
        let skipped = usize::try_from(new - offset).unwrap_or(usize::MAX);
        if skipped < bytes.len() {
            self.chunks.push_back((new, bytes.slice(skipped..)));
            self.held += bytes.len() - skipped;
            self.known = stop;
        }
        if let Some(joiner) = self.joiner.as_mut().filter(|_| self.is_tapped) {
            let packets = &mut self.tracks[Cut::Packets as usize];
            joiner.push_datagram(offset, bytes.clone(), full_len, packets);
        }
    }

    /// Takes a packet with payload at a place, as an end saw it.
    pub(super) fn push_packet(&mut self, (end, told): (End, Told), offset: u64, len: u64) {
        self.is_tapped = true;
        let stop = offset.saturating_add(len);
        let packets = &mut self.tracks[Cut::Packets as usize];
        packets.place((end, told), (offset, stop), self.drawn);
    }

    /// Takes a packet with a datagram.
    pub(super) fn push_datagram(&mut self, packet: Passed) {
        self.is_tapped = true;
        let packets = &mut self.tracks[Cut::Packets as usize];
        if let Some(joiner) = &mut self.joiner {
            joiner.push_packet(packet, self.known, packets);
        }
    }

    /// Whether it is one of datagrams.
    pub(super) fn has_datagrams(&self) -> bool {
        self.joiner.is_some()
    }

    /// Takes a message; `framing` is what cut it out, where that is known.
    pub(super) fn push_frame(
        &mut self,
        (end, told): (End, Told),
        offset: u64,
        (payload, is_partial): (&Bytes, bool),
        framing: Option<&Framing>,
    ) {
        // Both ends may tell the same messages; one of them is enough.
        if *self.teller.get_or_insert(end) != end {
            return;
        }
        self.settle_latest(framing, Some(offset));
        self.latest = Some(Latest {
            start: offset,
            payload: payload.clone(),
            is_partial,
            told,
        });
    }

    /// Whether more waits than is worth holding.
    pub(super) fn is_full(&self) -> bool {
        let pieces: usize = self.tracks.iter().map(Track::waiting).sum();
        let unread = self.joiner.as_ref().map_or(0, Joiner::waiting);
        self.held > MOST_BYTES || pieces + unread > MOST_PIECES
    }

    /// Draws its rows, in order, and forgets them.
    pub(super) fn draw(
        &mut self,
        options: &Options,
        until: Until,
        headed: &mut Option<u64>,
        sheet: &mut Sheet,
    ) {
        self.settle_latest(options.framing.as_ref(), None);
        let is_over = until == Until::Over;
        let latest = self
            .latest
            .take_if(|latest| is_over && latest.start < self.known);
        if let Some(latest) = latest {
            // Not all of its bytes are held, and none are to come.
            self.tracks[Cut::Messages as usize].push(latest.start, self.known, latest.told);
        }
        if is_over && let Some(joiner) = &mut self.joiner {
            joiner.finish(self.known, &mut self.tracks[Cut::Packets as usize]);
        }
        let until = match until {
            Until::Certain => self.settled(options),
            Until::Known | Until::Over => {
                let covered = self.tracks.iter().map(Track::covered);
                covered.max().unwrap_or(0)
            }
        };
        if self.drawn < until || is_over && self.has_unread() {
            let columns = self.used();
            if *headed != Some(self.number) || columns != self.columns {
                let both = self.ends.iter().all(|end| *end != State::Absent);
                draw::heading(&self.title, both, &columns, options, &mut sheet.text);
                *headed = Some(self.number);
                self.columns = columns;
            }
        }
        while self.drawn < until {
            let start = self.drawn;
            self.draw_unread(options, sheet);
            let end = Cut::ALL
                .iter()
                .filter_map(|cut| self.tracks[*cut as usize].boundary_after(start))
                .chain([until])
                .min()
                .unwrap_or(until);
            let pieces = Cut::ALL.map(|cut| self.tracks[cut as usize].at(start));
            let row = Row {
                start,
                end,
                pieces,
                bytes: self.bytes(start, end),
                verdicts: self.judge.hear(end, &pieces, self.unit(), self.vessel()),
            };
            self.show(row, options, sheet);
            self.forget(end);
        }
        if is_over && !self.columns.is_empty() {
            self.draw_unread(options, sheet);
            self.sum_up(options, headed, &mut sheet.text);
        }
    }

    fn show(&self, row: Row, options: &Options, sheet: &mut Sheet) {
        draw::row(&row, &self.columns, self.unit(), options, &mut sheet.text);
        for verdict in &row.verdicts {
            draw::verdict(verdict, options, &mut sheet.text);
        }
        if options.gives_rows {
            sheet.rows.push(row);
        }
    }

    fn has_unread(&self) -> bool {
        let joiner = self.joiner.as_ref();
        joiner.is_some_and(Joiner::has_unread)
    }

    /// Draws the packets that came before the next row and that nobody read.
    fn draw_unread(&mut self, options: &Options, sheet: &mut Sheet) {
        let place = self.drawn;
        while let Some(unread) = self
            .joiner
            .as_mut()
            .and_then(|joiner| joiner.next_unread(place))
        {
            let Unread {
                count, last, shown, ..
            } = unread;
            let first = shown.first().map_or(last, |(number, _)| *number);
            let mut verdicts = vec![self.judge.hear_unread(count, first, last)];
            let behind = shown.len().saturating_sub(1);
            for (index, (number, passed)) in shown.into_iter().enumerate() {
                let mut pieces = [None; 4];
                let piece = Piece::apart(number, place, passed.len, passed.told);
                pieces[Cut::Packets as usize] = Some(piece);
                let row = Row {
                    start: place,
                    end: place,
                    pieces,
                    bytes: passed.bytes,
                    verdicts: match index == behind {
                        true => std::mem::take(&mut verdicts),
                        false => Vec::new(),
                    },
                };
                self.show(row, options, sheet);
            }
        }
    }

    /// What all came to.
    fn sum_up(&mut self, options: &Options, headed: &mut Option<u64>, out: &mut String) {
        if *headed != Some(self.number) {
            draw::title_line(&self.title, options, out);
            *headed = Some(self.number);
        }
        let messages = &self.tracks[Cut::Messages as usize];
        let covered = messages.covered();
        if messages.count() > 0 && covered < self.known {
            let rest = self.known - covered;
            let text = format!("the last {rest} bytes, from {covered} on, are no whole message");
            draw::verdict(&text, options, out);
        }
        if let Some(at) = self.differs_at {
            let text = format!("the two ends differ at byte {at}: they are not one stream");
            draw::verdict(&text, options, out);
        }
        let counts = self
            .columns
            .iter()
            .map(|cut| draw::count(self.tracks[*cut as usize].count(), cut.name()));
        let counts: Vec<String> = counts.collect();
        let oddities = self.judge.sum_up(self.unit(), self.vessel());
        let packets = &self.tracks[Cut::Packets as usize];
        if self.tracks[Cut::Reads as usize].count() > 0 && packets.covered() > self.known {
            let (count, from) = (packets.covered() - self.known, self.known);
            let text = format!("{count} bytes, from {from} on, came and were never read");
            draw::verdict(&text, options, out);
        }
        let end = self.known.max(packets.covered());
        draw::total(end - self.begun, &counts, &oddities, options, out);
    }

    /// Up to where the rows are certain.
    fn settled(&self, options: &Options) -> u64 {
        // A datagram is a message even without a framing, which is told a moment after it.
        let is_framed = options
            .framing
            .as_ref()
            .is_some_and(|framing| !framing.is_raw() || self.has_datagrams());
        let awaits = |cut: Cut| {
            let is_used = self.tracks[cut as usize].count() > 0;
            let end = match cut {
                Cut::Writes => End::Writer,
                Cut::Reads => End::Reader,
                Cut::Packets => return self.is_tapped,
                Cut::Messages => return is_used || is_framed || self.latest.is_some(),
            };
            is_used || options.ends == Ends::Two || self.ends[end as usize] == State::Open
        };
        let awaited = Cut::ALL.iter().filter(|cut| awaits(**cut));
        awaited
            .map(|cut| match cut {
                Cut::Packets => self.packets_until(),
                _ => self.tracks[*cut as usize].covered(),
            })
            .min()
            .unwrap_or(0)
    }

    /// Up to where no packet is expected any more: one that is lost comes again, behind others.
    fn packets_until(&self) -> u64 {
        let packets = &self.tracks[Cut::Packets as usize];
        let (unbroken, covered) = (packets.unbroken(self.drawn), packets.covered());
        let (bytes, pieces) = MOST_HOLE;
        if covered.saturating_sub(unbroken) > bytes || packets.waiting() > pieces {
            return covered.max(unbroken);
        }
        unbroken
    }

    /// The cuts that there are, in the order of their columns.
    fn used(&self) -> Vec<Cut> {
        let is_used = |cut: &&Cut| self.tracks[**cut as usize].count() > 0;
        Cut::ALL.iter().filter(is_used).copied().collect()
    }

    /// What people mean by a message here: without a framing, what was written in one go.
    fn unit(&self) -> Cut {
        if self.tracks[Cut::Messages as usize].count() > 0 {
            Cut::Messages
        } else {
            Cut::Writes
        }
    }

    /// What messages come in: reads, where they are known.
    fn vessel(&self) -> Cut {
        if self.tracks[Cut::Reads as usize].count() > 0 {
            Cut::Reads
        } else {
            Cut::Writes
        }
    }

    /// Tells where the last message so far ends: before the `next` one at the latest, but what a
    /// framing skips between two is of neither. Without a next one, as far as its bytes are known.
    fn settle_latest(&mut self, framing: Option<&Framing>, next: Option<u64>) {
        let Some(latest) = self.latest.take() else {
            return;
        };
        let end = match next {
            Some(next)
                if framing.is_none()
                    || latest.is_partial && !self.has_datagrams()
                    || latest.start < self.drawn
                    || next > self.known =>
            {
                Some(next)
            }
            _ => self.end_of(&latest, framing, next).or(next),
        };
        match end {
            Some(end) => {
                self.tracks[Cut::Messages as usize].push(latest.start, end, latest.told);
            }
            None => self.latest = Some(latest),
        }
    }

    /// Where a message ends by its bytes, if they are known, at `limit` at the latest.
    fn end_of(
        &self,
        latest: &Latest,
        framing: Option<&Framing>,
        limit: Option<u64>,
    ) -> Option<u64> {
        let limit = limit.unwrap_or(u64::MAX);
        if latest.start < self.drawn {
            // Its bytes were too many to be held.
            let end = latest.start.saturating_add(latest.payload.len() as u64);
            return Some(end.min(limit));
        }
        let room = most_wire(latest.payload.len(), framing) as u64;
        let known = match self.has_datagrams() {
            // No message goes on in the next one.
            true => self.datagram_end(latest.start),
            false => self.known,
        };
        let stop = known.min(latest.start.saturating_add(room)).min(limit);
        let wire = self.bytes(latest.start, stop);
        let len = match framing {
            _ if latest.is_partial => wire.len(),
            _ if wire.len() < latest.payload.len() => return None,
            Some(Framing::Raw | Framing::Gap(_)) => latest.payload.len(),
            Some(framing) => cut_len(&wire, framing)?,
            None => guessed_len(&wire, &latest.payload),
        };
        Some(latest.start.saturating_add(len as u64).min(stop))
    }

    /// Where the datagram ends that a place is in.
    fn datagram_end(&self, place: u64) -> u64 {
        let mut chunks = self.chunks_from(place);
        chunks.next().map_or(self.known, end_of_chunk)
    }

    /// The pieces that are held, from the one on that a place is in.
    fn chunks_from(&self, place: u64) -> impl Iterator<Item = &(u64, Bytes)> {
        let first = self.chunks.partition_point(|it| end_of_chunk(it) <= place);
        self.chunks.range(first..)
    }

    /// The bytes from a place to another, as far as they are held.
    fn bytes(&self, start: u64, end: u64) -> Bytes {
        let chunks = self.chunks_from(start);
        let chunks = chunks.take_while(|(offset, _)| *offset < end);
        let mut parts = chunks.filter_map(|(offset, bytes)| {
            let from = usize::try_from(start.saturating_sub(*offset)).ok()?;
            let to = usize::try_from(end.saturating_sub(*offset)).unwrap_or(usize::MAX);
            let to = to.min(bytes.len());
            (from < to).then(|| bytes.slice(from..to))
        });
        let Some(first) = parts.next() else {
            return Bytes::new();
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return first;
        }
        let mut joined = first.to_vec();
        parts.for_each(|part| joined.extend_from_slice(&part));
        joined.into()
    }

    /// Holds what the second end tells against what the first one told.
    fn compare(&mut self, offset: u64, bytes: &Bytes) {
        if self.differs_at.is_some() || self.known <= offset || offset < self.drawn {
            return;
        }
        let held = self.bytes(
            offset,
            self.known.min(offset.saturating_add(bytes.len() as u64)),
        );
        let first = held
            .iter()
            .zip(bytes)
            .position(|(ours, theirs)| ours != theirs);
        self.differs_at = first.map(|at| offset + at as u64);
    }

    fn forget(&mut self, place: u64) {
        self.drawn = place;
        for track in &mut self.tracks {
            track.forget(place);
        }
        while let Some(front) = self.chunks.front()
            && end_of_chunk(front) <= place
        {
            self.held -= front.1.len();
            self.chunks.pop_front();
        }
    }
}

fn end_of_chunk((offset, bytes): &(u64, Bytes)) -> u64 {
    offset.saturating_add(bytes.len() as u64)
}

/// The piece of a cut in a row, by its place among the cuts.
pub(super) type Pieces = [Option<Piece>; 4];
