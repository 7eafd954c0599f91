//! The lens: the same bytes cut three ways, side by side, so that it is seen why a `recv` gave one
//! message and a half.
//!
//! A stream has no messages, only bytes. Who writes cuts it one way, who reads another, and the
//! framing a third. The lens lays the cuts beside each other by their place in the stream:
//!
//! ```text
//!   offset writes          reads           messages        bytes
//!        0 ─ 1 6 B         ┌ 1 9 B         ─ 1 6 B         "hello\n"
//!        6 ┌ 2 6 B         └               ┌ 2 6 B         "wor"
//!          ↑ read 1 holds message 1 and the beginning of message 2 (sticky: …)
//!        9 └               ─ 2 3 B         └               "ld\n"
//!          ↑ message 2 came in 2 reads, 1 and 2 (half: …)
//! ```
//!
//! One end of a conversation knows its own writes, its own reads, and the messages in both. Where
//! the events of both ends are at hand, on this machine or in two recordings, the writes of one and
//! the reads of the other are joined by their addresses.
//!
//! Where packets were captured, they are a cut of their own between writes and reads: whose bytes a
//! packet carries is known by their places in the stream, of datagrams by their order and bytes.
//! Packets come later than what they carry, so rows wait for them, for a while.
//!
//! It works as events come, and forgets what it has drawn: a stream of any length takes a bounded
//! amount of memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use serde_json::Value;

use crate::event::{Direction, Event, What};
use crate::flow::{Label, Labels, Mode};
use crate::frame::Framing;
use crate::sighting::{Kept, Sighting};
use crate::text::charset::Charset;

mod cut;
mod datagram;
mod draw;
mod flow;
mod verdict;
mod wire_len;

use cut::End;
pub use cut::{Cut, Piece, Told};
use datagram::Passed;
use flow::{Flow, Until};

/// How much of each other two ends are expected to be at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// One end of each conversation; a conversation is over when it closes.
    #[default]
    One,
    /// Both ends: rows wait for the other end, which may be told of later than the first one closed.
    Two,
}

/// How the lens draws.
#[derive(Clone, Debug)]
pub struct Options {
    /// Columns of the screen; lines of verdicts may be longer.
    pub width: usize,
    /// Whether messages alternate in colour.
    pub has_colour: bool,
    /// Which ends are expected.
    pub ends: Ends,
    /// The charset in which bytes are shown where they are text; `None` shows digits.
    pub charset: Option<Charset>,
    /// The framing, where it is known: rows wait for its messages, and it says where the last one
    /// so far ends.
    pub framing: Option<Framing>,
    /// Whether rows are given as values too ([`Lens::take_rows`]), for who draws them in a way of
    /// their own.
    pub gives_rows: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: 100,
            has_colour: false,
            ends: Ends::One,
            charset: Some(Charset::UTF_8),
            framing: None,
            gives_rows: false,
        }
    }
}

/// A row: an interval in which no cut has a boundary, and what was seen to be odd with it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The place of its first byte in the stream.
    pub start: u64,
    /// The place behind its last byte; that of its first for a packet that nobody read.
    pub end: u64,
    pieces: flow::Pieces,
    /// Its bytes, as far as they are held.
    pub bytes: Bytes,
    /// What is odd about the rows up to here, in English.
    pub verdicts: Vec<String>,
}

impl Row {
    /// The piece of a cut that it is a part of.
    #[must_use]
    pub const fn piece(&self, cut: Cut) -> Option<Piece> {
        self.pieces[cut as usize]
    }

    /// The packet that it is about, where that has no place in the stream.
    fn apart(&self) -> Option<Piece> {
        self.piece(Cut::Packets).filter(|_| self.start == self.end)
    }
}

/// What is drawn, as text and as values.
#[derive(Clone, Default)]
struct Sheet {
    text: String,
    rows: Vec<Row>,
}

/// Conversations whose other end has not come, before the oldest is drawn without it.
const MOST_WAITING: usize = 1024;

/// The kind of the notes that say where packets come from, and in the end how many came.
const PACKETS: &str = crate::transcript::NOTE;

/// One end of a conversation: its source, session and peer.
type Speaker = (usize, u32, u32);

/// Who sends a flow, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// By the addresses of both ends, which both ends know.
    Addresses { from: String, to: String },
    /// Known to one end alone.
    Own(Speaker, bool),
}

/// Draws the cuts of every conversation whose events it gets. A clone goes on by itself: it may be
/// finished to see what is not certain yet.
#[derive(Clone)]
pub struct Lens {
    options: Options,
    /// The addresses of each open conversation, as its end knows them: own and peer's.
    speakers: BTreeMap<Speaker, (String, String)>,
    flows: BTreeMap<Key, Flow>,
    /// Sessions whose packets are captured: source and session.
    tapped: BTreeSet<(usize, u32)>,
    /// Those that are closed and wait for their packets, in that order.
    closing: VecDeque<Speaker>,
    /// Packets of who has not opened: by their times they come before it.
    early: VecDeque<Early>,
    /// Counts flows, so that the oldest is known.
    begun: u64,
    /// The flow under the latest heading.
    headed: Option<u64>,
    sheet: Sheet,
}

/// A packet that came before its conversation.
#[derive(Clone)]
struct Early {
    speaker: Speaker,
    told: Told,
    direction: Direction,
    offset: Option<u64>,
    packet: Kept,
}

impl Default for Lens {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl Lens {
    /// Begins with nothing to show.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            speakers: BTreeMap::new(),
            flows: BTreeMap::new(),
            tapped: BTreeSet::new(),
            closing: VecDeque::new(),
            early: VecDeque::new(),
            begun: 0,
            headed: None,
            sheet: Sheet::default(),
        }
    }

    /// Takes the next event of a source. Sources are recordings, or workbenches, in which sessions
    /// are counted apart; events of several come in order of their time.
    pub fn push(&mut self, source: usize, event: &Event) {
        let speaker = (source, event.session, event.peer);
        let told = Told {
            at: event.time,
            number: event.number,
            session: event.session,
            peer: event.peer,
            labels: Labels::default(),
        };
        match &event.what {
            What::Opened { addr, local } => {
                self.close(speaker);
                self.let_go(speaker);
                self.speakers.insert(speaker, (local.clone(), addr.clone()));
                for direction in [Direction::Out, Direction::In] {
                    self.open_flow(speaker, direction);
                }
                for early in std::mem::take(&mut self.early) {
                    match early.speaker == speaker {
                        true => self.push_packet(early),
                        false => self.early.push_back(early),
                    }
                }
            }
            What::Chunk {
                direction,
                offset,
                bytes,
                full_len,
            } => {
                let (flow, end) = self.flow(speaker, *direction);
                flow.push_chunk((end, told), *offset, bytes, *full_len);
                self.relieve(speaker, *direction);
            }
            What::Frame {
                direction,
                offset,
                payload,
                partial,
                ..
            } => {
                let framing = self.options.framing.take();
                let (flow, end) = self.flow(speaker, *direction);
                let message = (payload, *partial);
                flow.push_frame((end, told), *offset, message, framing.as_ref());
                self.options.framing = framing;
                self.relieve(speaker, *direction);
            }
            What::Packet {
                direction,
                offset,
                packet,
            } => self.push_packet(Early {
                speaker,
                told,
                direction: *direction,
                offset: *offset,
                packet: Kept::clone(packet),
            }),
            What::Closed { .. } => self.close(speaker),
            What::Note { kind, data, .. } if kind == PACKETS => self.note(speaker, data),
            _ => {}
        }
    }

    /// What should not wait: all of a conversation that is over, or much that has come. To be asked
    /// for after each event; mostly empty.
    #[must_use]
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.sheet.text)
    }

    /// Rows that were drawn, as values, where the options say that they are wanted.
    #[must_use]
    pub fn take_rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.sheet.rows)
    }

    /// What nothing to come can change: lines, each with its end. To be asked for now and then while
    /// conversations go on; each time begins with a heading where another one was drawn last.
    #[must_use]
    pub fn settled(&mut self) -> String {
        for flow in self.flows.values_mut() {
            let until = Until::Certain;
            flow.draw(&self.options, until, &mut self.headed, &mut self.sheet);
        }
        std::mem::take(&mut self.sheet.text)
    }

    /// The same in a quiet moment, when no packet is on its way: packets of what is closed are waited
    /// for no longer.
    #[must_use]
    pub fn draw(&mut self) -> String {
        for speaker in std::mem::take(&mut self.closing) {
            self.let_go(speaker);
        }
        self.settled()
    }

    /// Everything that is left, and what all came to. It can be [renewed](Self::renew) after that.
    #[must_use]
    pub fn finish(&mut self) -> String {
        let mut flows: Vec<Flow> = std::mem::take(&mut self.flows).into_values().collect();
        flows.sort_by_key(Flow::number);
        for flow in flows {
            self.end(flow);
        }
        for speaker in std::mem::take(&mut self.closing) {
            self.speakers.remove(&speaker);
        }
        self.early.clear();
        self.headed = None;
        std::mem::take(&mut self.sheet.text)
    }

    /// Begins anew, in another way: with nothing to show, but with what is known of conversations that
    /// are open.
    pub fn renew(&mut self, options: Options) {
        *self = Self {
            speakers: std::mem::take(&mut self.speakers),
            tapped: std::mem::take(&mut self.tapped),
            ..Self::new(options)
        };
        for speaker in self.speakers.keys().copied().collect::<Vec<_>>() {
            for direction in [Direction::Out, Direction::In] {
                self.open_flow(speaker, direction);
            }
        }
    }

    /// The flow that an end sends or hears, and which end of it that is.
    fn flow(&mut self, speaker: Speaker, direction: Direction) -> (&mut Flow, End) {
        let (key, end) = self.key(speaker, direction);
        let addrs = self.speakers.get(&speaker);
        let begun = &mut self.begun;
        let flow = self.flows.entry(key).or_insert_with(|| {
            *begun += 1;
            let (local, addr) = addrs.cloned().unwrap_or_default();
            Flow::new(*begun, speaker.2, direction, &local, &addr)
        });
        if self.tapped.contains(&(speaker.0, speaker.1)) {
            flow.tap();
        }
        (flow, end)
    }

    fn open_flow(&mut self, speaker: Speaker, direction: Direction) {
        let (key, end) = self.key(speaker, direction);
        // The same addresses again are another conversation.
        let is_over = self
            .flows
            .get(&key)
            .is_some_and(|flow| flow.was_closed(end));
        if is_over && let Some(flow) = self.flows.remove(&key) {
            self.end(flow);
        }
        self.flow(speaker, direction).0.open(end);
        while self.flows.len() > 2 * MOST_WAITING {
            let oldest = self
                .flows
                .iter()
                .filter(|(_, flow)| !flow.is_open())
                .min_by_key(|(_, flow)| flow.number())
                .map(|(key, _)| key.clone());
            match oldest.and_then(|key| self.flows.remove(&key)) {
                Some(flow) => self.end(flow),
                None => return,
            }
        }
    }

    /// An end of a conversation is over; its flows are, unless the other end is awaited, or packets.
    fn close(&mut self, speaker: Speaker) {
        let mut awaits_packets = false;
        for direction in [Direction::Out, Direction::In] {
            let (key, end) = self.key(speaker, direction);
            if let Some(flow) = self.flows.get_mut(&key) {
                flow.close(end);
                awaits_packets |= flow.awaits_packets();
            }
        }
        if !awaits_packets {
            return self.let_go(speaker);
        }
        if !self.closing.contains(&speaker) {
            self.closing.push_back(speaker);
        }
        if self.closing.len() > MOST_WAITING
            && let Some(oldest) = self.closing.pop_front()
        {
            self.let_go(oldest);
        }
    }

    /// Ends the flows of an end that is closed, unless the other end is awaited.
    fn let_go(&mut self, speaker: Speaker) {
        self.closing.retain(|closing| *closing != speaker);
        for direction in [Direction::Out, Direction::In] {
            let (key, end) = self.key(speaker, direction);
            let Some(flow) = self.flows.get(&key) else {
                continue;
            };
            let is_awaited = match (&key, self.options.ends) {
                (Key::Addresses { .. }, Ends::Two) => !flow.was_closed(end.other()),
                _ => flow.is_open(),
            };
            if !is_awaited && let Some(flow) = self.flows.remove(&key) {
                self.end(flow);
            }
        }
        self.speakers.remove(&speaker);
    }

    /// Takes a packet of a conversation that is known, or that will be.
    fn push_packet(&mut self, early: Early) {
        let Early {
            speaker, direction, ..
        } = early;
        self.tapped.insert((speaker.0, speaker.1));
        let (key, end) = self.key(speaker, direction);
        let Some(flow) = self.flows.get_mut(&key) else {
            if self.early.len() == MOST_WAITING {
                self.early.pop_front();
            }
            return self.early.push_back(early);
        };
        let mut told = early.told;
        let sighting = early.packet.at(0);
        if let Some(analysis) = &sighting.analysis {
            told.labels = analysis.labels(Mode::Truth);
        }
        flow.tap();
        if flow.has_datagrams() {
            for passed in datagrams(&sighting, told) {
                flow.push_datagram(passed);
            }
        } else if let Some(offset) = early.offset.filter(|_| carries(&sighting)) {
            flow.push_packet((end, told), offset, sighting.payload_len() as u64);
        }
        self.relieve(speaker, direction);
        if self.closing.contains(&speaker) && !self.awaits_packets(speaker) {
            self.let_go(speaker);
        }
    }

    /// Learns whether packets are captured; in the end, that no more will come.
    fn note(&mut self, speaker: Speaker, data: &Value) {
        let session = (speaker.0, speaker.1);
        if data.get("packets").is_some() {
            let closing = self.closing.iter().copied();
            let is_over = |speaker: &Speaker| (speaker.0, speaker.1) == session;
            let over: Vec<Speaker> = closing.filter(is_over).collect();
            over.into_iter().for_each(|speaker| self.let_go(speaker));
            self.tapped.remove(&session);
        } else if data.get("level").and_then(Value::as_str) != Some("none") {
            self.tapped.insert(session);
        }
    }

    fn awaits_packets(&self, speaker: Speaker) -> bool {
        [Direction::Out, Direction::In]
            .into_iter()
            .any(|direction| {
                let (key, _) = self.key(speaker, direction);
                let flow = self.flows.get(&key);
                flow.is_some_and(Flow::awaits_packets)
            })
    }

    fn end(&mut self, mut flow: Flow) {
        flow.draw(
            &self.options,
            Until::Over,
            &mut self.headed,
            &mut self.sheet,
        );
    }

    /// Draws a flow of which more has come than is worth holding.
    fn relieve(&mut self, speaker: Speaker, direction: Direction) {
        let (key, _) = self.key(speaker, direction);
        let Some(flow) = self.flows.get_mut(&key) else {
            return;
        };
        for until in [Until::Certain, Until::Known] {
            if flow.is_full() {
                flow.draw(&self.options, until, &mut self.headed, &mut self.sheet);
            }
        }
    }

    fn key(&self, speaker: Speaker, direction: Direction) -> (Key, End) {
        let end = match direction {
            Direction::Out => End::Writer,
            Direction::In => End::Reader,
        };
        let key = match self.speakers.get(&speaker) {
            // Only a connection is told from every other by its addresses, and loses no byte.
            Some((local, addr)) if local.starts_with("tcp:") && addr.starts_with("tcp:") => {
                let (from, to) = match direction {
                    Direction::Out => (local.clone(), addr.clone()),
                    Direction::In => (addr.clone(), local.clone()),
                };
                Key::Addresses { from, to }
            }
            _ => Key::Own(speaker, direction == Direction::In),
        };
        (key, end)
    }
}

/// Whether a packet carries bytes of the stream: a keep-alive sends one only to be answered.
fn carries(sighting: &Sighting<'_>) -> bool {
    let is_probe = sighting.analysis.is_some_and(|analysis| {
        let labels = analysis.labels(Mode::Truth);
        labels.contains(Label::KeepAlive)
    });
    sighting.summary.tcp().is_some() && sighting.payload_len() > 0 && !is_probe
}

/// The datagrams in a packet: several where a network card is to cut it.
fn datagrams(sighting: &Sighting<'_>, told: Told) -> Vec<Passed> {
    let Some(ip) = sighting
        .summary
        .ip()
        .filter(|_| sighting.summary.udp().is_some())
    else {
        return Vec::new();
    };
    let payload = Bytes::copy_from_slice(sighting.payload());
    let len = sighting.payload_len();
    let size = match sighting.packet.facts.gso_size {
        Some(size) if size != 0 && usize::from(size) < len => usize::from(size),
        _ => len.max(1),
    };
    let starts = (0..len.max(1)).step_by(size);
    let passed = |start: usize| Passed {
        bytes: payload.slice(start.min(payload.len())..(start + size).min(payload.len())),
        len: size.min(len - start) as u64,
        is_fragment: ip.fragment.is_some(),
        told,
    };
    starts.map(passed).collect()
}

#[cfg(test)]
mod tests;
