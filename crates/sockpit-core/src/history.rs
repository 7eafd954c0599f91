//! What a front end keeps of the timeline, and the ways of looking at it.
//!
//! ```text
//!  bus ──▶ History: entries, bytes ──▶ View: an index of rows ──▶ windows of rows, searches,
//!             │ older bytes                (session, filter,       numbers, exports
//!             ▼                             framing, charset)
//!           Shelf
//! ```
//!
//! A [`History`] takes events in the order of the bus and keeps the chunks, which are the truth.
//! Messages are cut out of them by each [`View`], so that a framing or a charset can be changed
//! after the fact. What it costs is limited: older bytes go to a [`Shelf`], and the oldest entries
//! are evicted and counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{Bytes, Direction, Event, What};
use crate::frame::{Framing, Scanner};
use crate::plan::{Plan, Shape};
use crate::replay::shape_of;
use crate::sighting::Kept;
use crate::text::charset::Charset;
use crate::time::Time;

mod cost;
mod cut;
mod entry;
mod evict;
mod export;
mod locate;
mod pages;
mod preview;
mod search;
mod series;
mod slot;
mod store;
mod values;
mod view;
mod window;

pub use entry::Kind;
pub use evict::{Limits, Used};
pub use export::{Form, ParseFormError};
pub use locate::{Identity, Marked, Spot};
pub use search::{Found, Search, Way};
pub use series::Series;
pub use store::{Gone, Shelf};
pub use values::{Column, Extracted, Extractor, ExtractorError, Values};
pub use view::{Look, Progress, Totals, View};
pub use window::{Layout, Piece, Row};

use cost::{event_cost, text_cost};
use entry::{Entry, LONGEST, WHOLE};
use pages::Pages;
use store::Store;

/// How the messages of a session are cut and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How streams are cut.
    pub framing: Framing,
    /// What is received is read in this charset; `None` where it is not text.
    pub text: Option<Charset>,
    /// What is sent is written in this charset.
    pub text_out: Charset,
    /// The longest message, in bytes.
    pub max_frame: usize,
    /// The shape of its links; `None` where the addresses of its events say it.
    pub shape: Option<Shape>,
}

impl Default for Manner {
    /// A raw session in UTF-8.
    fn default() -> Self {
        Self {
            framing: Framing::Raw,
            text: Some(Charset::UTF_8),
            text_out: Charset::UTF_8,
            max_frame: 16 * 1024 * 1024,
            shape: None,
        }
    }
}

impl Manner {
    /// As a plan decided it.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            framing: plan.framing.clone(),
            text: plan.text,
            text_out: plan.text_out,
            max_frame: plan.max_frame,
            shape: Some(plan.shape()),
        }
    }

    /// The charset of a direction.
    pub(super) fn charset(&self, direction: Direction) -> Option<Charset> {
        match direction {
            Direction::In => self.text,
            Direction::Out => self.text.and(Some(self.text_out)),
        }
    }
}

/// The events of all sessions, as far as they are kept.
#[derive(Debug)]
pub struct History {
    entries: Pages<Entry>,
    /// The events other than chunks, in the order of their entries; `None` once let go.
    kept: Pages<Option<Arc<Event>>>,
    /// What they take, in bytes.
    kept_cost: usize,
    /// What the addresses of peers and the notes of rows take, in bytes.
    text_cost: usize,
    store: Store,
    limits: Limits,
    sessions: BTreeMap<u32, Session>,
    peers: BTreeMap<(u32, u32), Peer>,
    /// The latest chunk of each direction.
    latest: BTreeMap<entry::Way, u64>,
    /// How far messages are cut of each direction at its first entry that is there.
    fronts: BTreeMap<(u32, u32), [Scanner; 2]>,
    /// The same after its last entry.
    tips: BTreeMap<(u32, u32), [Scanner; 2]>,
    marks: BTreeMap<Identity, String>,
    /// Whether so much was taken since the limits were looked at that they may be passed.
    is_due: bool,
    now: Time,
    /// Nothing that happened before is still to come.
    passed: Time,
    evicted: u64,
    lost: u64,
    /// Moves when views have to begin again.
    era: u32,
}

/// What is known of a session.
#[derive(Debug, Default)]
struct Session {
    manner: Option<Manner>,
    /// Of a server, as its address says.
    shape: Option<Shape>,
    /// Entries before this one are forgotten.
    cleared: u64,
    /// Whether there was something to cut.
    has_chunks: bool,
    /// Moves when views of it have to begin again.
    version: u32,
}

/// What is known of a peer.
#[derive(Debug)]
struct Peer {
    addr: String,
    shape: Option<Shape>,
}

/// Peers whose address is remembered; as many as a datagram listener has at once.
const MAX_PEERS: usize = 65_536;

static RAW: Manner = Manner {
    framing: Framing::Raw,
    text: Some(Charset::UTF_8),
    text_out: Charset::UTF_8,
    max_frame: 16 * 1024 * 1024,
    shape: None,
};

impl History {
    /// Begins with nothing. Without a shelf, nothing is kept outside of memory.
    #[must_use]
    pub fn new(limits: Limits, shelf: Option<Box<dyn Shelf + Send>>) -> Self {
        Self {
            entries: Pages::starting_at(0),
            kept: Pages::starting_at(0),
            kept_cost: 0,
            text_cost: 0,
            store: Store::new(shelf.filter(|_| limits.shelf > 0), limits.memory),
            limits,
            sessions: BTreeMap::new(),
            peers: BTreeMap::new(),
            latest: BTreeMap::new(),
            fronts: BTreeMap::new(),
            tips: BTreeMap::new(),
            marks: BTreeMap::new(),
            is_due: false,
            now: Time::ZERO,
            passed: Time::ZERO,
            evicted: 0,
            lost: 0,
            era: 0,
        }
    }

    /// Takes the next event of the timeline. Messages are left out: they are cut anew.
    pub fn take(&mut self, event: &Event) {
        self.now = self.now.max(event.time);
        match &event.what {
            What::Frame { .. } => return,
            What::Chunk {
                direction,
                offset,
                bytes,
                full_len,
            } => self.take_chunk(event, *direction, *offset, bytes, *full_len),
            What::Packet { packet, .. } => {
                self.make_room(packet.bytes.len());
                let place = self.store.put(&packet.bytes);
                // The bytes are in the store, and nowhere else.
                let bare = Kept {
                    bytes: Bytes::new(),
                    ..Kept::clone(packet)
                };
                let mut kept = event.clone();
                if let What::Packet { packet, .. } = &mut kept.what {
                    **packet = bare;
                }
                let entry = Entry {
                    place,
                    len: u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX),
                    ..Entry::of(event)
                };
                self.keep(entry, kept);
            }
            _ => {
                self.learn(event);
                self.keep(Entry::of(event), event.clone());
            }
        }
        self.settle();
    }

    /// Takes how a session's messages are cut and read. Where that is another way than before, views
    /// that follow it begin again.
    pub fn know(&mut self, session: u32, manner: Manner) {
        let known = self.sessions.entry(session).or_default();
        if known.manner.as_ref() == Some(&manner) {
            return;
        }
        known.manner = Some(manner);
        if known.has_chunks {
            known.version = known.version.wrapping_add(1);
            self.era = self.era.wrapping_add(1);
        }
        self.fronts.retain(|(of, _), _| *of != session);
        self.tips.retain(|(of, _), _| *of != session);
    }

    /// How a session's messages are cut and read, if somebody said so.
    #[must_use]
    pub fn manner(&self, session: u32) -> Option<&Manner> {
        self.sessions.get(&session)?.manner.as_ref()
    }

    /// Takes that nothing which happened before `now` is still to come: silence has ended messages.
    pub fn pass(&mut self, now: Time) {
        self.passed = self.passed.max(now);
        self.now = self.now.max(now);
    }

    /// Gives a row a note, or takes it away.
    pub fn mark(&mut self, identity: Identity, note: Option<String>) {
        self.text_cost += note.as_deref().map_or(0, text_cost);
        let before = match note {
            Some(note) => self.marks.insert(identity, note),
            None => self.marks.remove(&identity),
        };
        self.text_cost -= before.as_deref().map_or(0, text_cost);
        self.is_due = true;
    }

    /// The notes that rows have.
    pub fn marks(&self) -> impl Iterator<Item = (&Identity, &str)> {
        self.marks.iter().map(|(id, note)| (id, note.as_str()))
    }

    /// Number of the first entry that is there, counted from 0.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.entries.first()
    }

    /// The number that the next entry will have.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.entries.next()
    }

    /// The latest time that it heard of.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// The address of a peer, where it is known.
    #[must_use]
    pub fn addr(&self, session: u32, peer: u32) -> Option<&str> {
        let known = self.peers.get(&(session, peer))?;
        Some(known.addr.as_str())
    }

    fn take_chunk(
        &mut self,
        event: &Event,
        direction: Direction,
        offset: u64,
        bytes: &Bytes,
        full_len: Option<usize>,
    ) {
        self.sessions.entry(event.session).or_default().has_chunks = true;
        let mut offset = offset;
        // An empty datagram is one, too.
        let empty = std::iter::once(&bytes[..]).filter(|bytes| bytes.is_empty());
        for part in empty.chain(bytes.chunks(LONGEST)) {
            self.make_room(part.len());
            let blocks = self.store.blocks();
            let number = self.entries.next();
            let way = (event.session, event.peer, direction);
            let before = self.latest.insert(way, number);
            if let Some(before) = before
                && let Some(before_it) = self.entries.get_mut(before)
            {
                before_it.next = u32::try_from(number - before).unwrap_or(0);
            }
            let entry = Entry {
                offset,
                place: self.store.put(part),
                len: part.len() as u32,
                full_len: full_len.map_or(WHOLE, |len| u32::try_from(len).unwrap_or(WHOLE - 1)),
                direction: Some(direction),
                ..Entry::of(event)
            };
            let is_page = self.entries.push(entry);
            self.is_due |= is_page || before.is_none() || blocks != self.store.blocks();
            offset = offset.saturating_add(part.len() as u64);
            self.follow(&entry, part);
        }
    }

    /// Cuts the latest chunk, so that whoever begins after it knows where a message begins.
    fn follow(&mut self, entry: &Entry, bytes: &[u8]) {
        let tips = self.tips.len();
        if let Some(scanner) = scanner_of(&mut self.tips, &self.sessions, &self.peers, entry) {
            // What is wrong with the stream is the views' to tell.
            let _ = scanner.push(entry.time, bytes, |_| {});
            self.is_due |= tips != self.tips.len();
        }
    }

    fn keep(&mut self, entry: Entry, event: Event) {
        self.kept_cost += event_cost(&event);
        let entry = Entry {
            offset: self.kept.next(),
            ..entry
        };
        self.kept.push(Some(Arc::new(event)));
        self.entries.push(entry);
        self.is_due = true;
    }

    /// Takes what later events need of this one.
    fn learn(&mut self, event: &Event) {
        let key = (event.session, event.peer);
        match &event.what {
            What::Listening { local } => {
                self.sessions.entry(event.session).or_default().shape = shape_of(local);
            }
            What::Opened { addr, local } => {
                let peer = Peer {
                    addr: addr.clone(),
                    shape: shape_of(addr).or_else(|| shape_of(local)),
                };
                let is_full = self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&key);
                let oldest = is_full.then(|| self.peers.pop_first()).flatten();
                let before = self.peers.insert(key, peer);
                for gone in oldest.map(|(_, peer)| peer).into_iter().chain(before) {
                    self.text_cost -= text_cost(&gone.addr);
                }
                self.text_cost += text_cost(addr);
            }
            What::Closed { .. } => {
                for direction in [Direction::In, Direction::Out] {
                    self.latest.remove(&(event.session, event.peer, direction));
                }
                self.tips.remove(&key);
            }
            What::Gap { count } => self.lost = self.lost.saturating_add(*count),
            _ => {}
        }
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.get(number)
    }

    fn is_cleared(&self, number: u64, session: u32) -> bool {
        is_cleared(&self.sessions, number, session)
    }

    /// Moves when a view of a session, or of all, has to begin again.
    fn version(&self, session: Option<u32>) -> u32 {
        match session {
            None => self.era,
            Some(session) => self.sessions.get(&session).map_or(0, |known| known.version),
        }
    }

    /// How far messages of a direction are cut where its entries begin.
    fn front(&self, way: entry::Way) -> Option<&Scanner> {
        let both = self.fronts.get(&(way.0, way.1))?;
        both.get(way.2 as usize)
    }

    /// How a session is cut and read, known or not.
    fn manner_of(&self, session: u32) -> &Manner {
        self.manner(session).unwrap_or(&RAW)
    }

    fn is_datagram(&self, session: u32, peer: u32) -> bool {
        is_datagram(&self.sessions, &self.peers, session, peer)
    }

    /// The event of an entry that is no chunk, with its bytes.
    fn event(&self, entry: &Entry) -> Option<Arc<Event>> {
        let kept = self.kept.get(entry.offset)?.as_ref()?;
        if entry.kind != Kind::Packet {
            return Some(Arc::clone(kept));
        }
        let mut bytes = vec![0; entry.len as usize];
        self.store.read(entry.place, &mut bytes).ok()?;
        let mut event = Event::clone(kept);
        if let What::Packet { packet, .. } = &mut event.what {
            packet.bytes = bytes.into();
        }
        Some(Arc::new(event))
    }
}

/// The scanner of a chunk's direction, where the session is a stream that is cut.
fn scanner_of<'a>(
    scanners: &'a mut BTreeMap<(u32, u32), [Scanner; 2]>,
    sessions: &BTreeMap<u32, Session>,
    peers: &BTreeMap<(u32, u32), Peer>,
    entry: &Entry,
) -> Option<&'a mut Scanner> {
    let direction = entry.direction.filter(|_| entry.is_chunk())?;
    let manner = sessions.get(&entry.session)?.manner.as_ref()?;
    if manner.framing.is_raw() || is_datagram(sessions, peers, entry.session, entry.peer) {
        return None;
    }
    let fresh = || Scanner::new(&manner.framing, manner.max_frame);
    let both = scanners
        .entry((entry.session, entry.peer))
        .or_insert_with(|| [fresh(), fresh()]);
    let scanner = &mut both[direction as usize];
    if scanner.received() != entry.offset {
        *scanner = fresh().starting_at(entry.offset);
    }
    Some(scanner)
}

/// Whether somebody asked to forget an entry.
fn is_cleared(sessions: &BTreeMap<u32, Session>, number: u64, session: u32) -> bool {
    let known = sessions.get(&session);
    known.is_some_and(|known| number < known.cleared)
}

fn is_datagram(
    sessions: &BTreeMap<u32, Session>,
    peers: &BTreeMap<(u32, u32), Peer>,
    session: u32,
    peer: u32,
) -> bool {
    let known = sessions.get(&session);
    let told = known.and_then(|known| known.manner.as_ref()?.shape);
    let shape = told
        .or_else(|| peers.get(&(session, peer))?.shape)
        .or_else(|| known?.shape);
    shape == Some(Shape::Datagram)
}

#[cfg(test)]
mod tests;
