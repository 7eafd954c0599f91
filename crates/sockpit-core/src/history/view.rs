//! A way of looking at the history: of which sessions, cut how, filtered by what.

use std::collections::BTreeMap;

use super::History;
use super::cost::map_cost;
use super::cut::{Cut, Cuts};
use super::entry::{Entry, Kind};
use super::evict::READ_AT_ONCE;
use super::pages::Pages;
use super::slot::{Extra, Slot};
use crate::event::Direction;
use crate::filter::{Clock, Filter};
use crate::frame::Framing;
use crate::rule::Pattern;
use crate::text::charset::Charset;
use crate::time::Time;

/// What a view shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Of one session; `None` of all.
    pub session: Option<u32>,
    /// What is wanted; `None` everything.
    pub filter: Option<Filter>,
    /// What the times of the filter are counted from.
    pub clock: Clock,
    /// How streams are cut; `None` as each session does.
    pub framing: Option<Framing>,
    /// How bytes are read; `None` as each session does, `Some(None)` not as text.
    pub text: Option<Option<Charset>>,
    /// Whether packets are rows.
    pub packets: bool,
    /// Whether rows are chunks rather than messages.
    pub chunks: bool,
}

/// How far a view has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether everything that the history has is in the view.
    pub is_done: bool,
    /// Entries taken, of those that are there.
    pub taken: u64,
    /// Entries that are there.
    pub of: u64,
}

/// What was said in a view since it began, by [`Direction`]; what was evicted is counted too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages, or chunks where there are none.
    pub messages: [u64; 2],
    /// Bytes of them, without headers and delimiters.
    pub bytes: [u64; 2],
}

/// An index of rows into a history. It is built step by step by [`advance`](Self::advance), and
/// always with the same history.
///
/// Rows are numbered from 0, in the order in which they were complete: a message stands where its
/// last byte came, with the time of its first. A number stays with its row until the view's
/// [`revision`](Self::revision) moves.
#[derive(Debug)]
pub struct View {
    pub(super) look: Look,
    pub(super) slots: Pages<Slot>,
    pub(super) extras: BTreeMap<u64, Extra>,
    pub(super) cuts: Cuts,
    /// What is highlighted.
    pub(super) patterns: Vec<Pattern>,
    /// The entry to take next, and how many of its bytes are taken.
    taken: u64,
    within: u64,
    totals: Totals,
    revision: u32,
    /// Of the history, when the view began.
    version: u32,
}

/// In bytes of work: what an entry costs beside its bytes.
const ENTRY_COST: usize = 64;

impl View {
    /// Begins, with no rows.
    #[must_use]
    pub fn open(look: Look, history: &History) -> Self {
        let mut view = Self {
            look: Look::default(),
            slots: Pages::starting_at(0),
            extras: BTreeMap::new(),
            cuts: Cuts::default(),
            patterns: Vec::new(),
            taken: 0,
            within: 0,
            totals: Totals::default(),
            revision: 0,
            version: 0,
        };
        view.begin(look, history);
        view
    }

    /// Looks in another way. The view begins again, unless it is the same.
    pub fn change(&mut self, look: Look, history: &History) {
        if look != self.look {
            self.revision = self.revision.wrapping_add(1);
            self.begin(look, history);
        }
    }

    /// Takes up what the history has and the view has not, for about as much work as it takes to
    /// look at `budget` bytes.
    pub fn advance(&mut self, history: &History, budget: usize) -> Progress {
        self.renew(history);
        self.let_go(history);
        let mut left = budget.max(1);
        while left > 0
            && let Some(entry) = history.entry(self.taken)
        {
            let cost = self.take(history, entry);
            left = left.saturating_sub(ENTRY_COST + cost);
        }
        let (first, next) = (history.first(), history.next());
        let is_done = self.taken >= next;
        if is_done {
            self.settle(history, |cuts, found| cuts.wait(history.passed, found));
        }
        Progress {
            is_done,
            taken: self.taken.saturating_sub(first),
            of: next - first,
        }
    }

    /// Begins again, with no rows, if the history was cleared or is to be cut in another way. Until
    /// then the rows are of what was before.
    pub fn renew(&mut self, history: &History) {
        if self.version != history.version(self.look.session) {
            self.revision = self.revision.wrapping_add(1);
            self.begin(self.look.clone(), history);
        }
    }

    /// What it shows.
    #[must_use]
    pub const fn look(&self) -> &Look {
        &self.look
    }

    /// Number of the first row that is there.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.slots.first()
    }

    /// The number that the next row will have.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.slots.next()
    }

    /// Moves when rows known before are other rows, or none.
    #[must_use]
    pub const fn revision(&self) -> u32 {
        self.revision
    }

    /// What was said.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// What its index takes in memory, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.slots.cost() + map_cost(&self.extras)
    }

    /// The charset in which a direction of a session is read.
    pub(super) fn charset(
        &self,
        history: &History,
        session: u32,
        direction: Direction,
    ) -> Option<Charset> {
        match self.look.text {
            Some(text) => text,
            None => history.manner_of(session).charset(direction),
        }
    }

    /// How the streams of a session are cut.
    pub(super) fn framing<'a>(&'a self, history: &'a History, session: u32) -> &'a Framing {
        let own = &history.manner_of(session).framing;
        self.look.framing.as_ref().unwrap_or(own)
    }

    fn begin(&mut self, look: Look, history: &History) {
        self.patterns = look.filter.as_ref().map_or_else(Vec::new, |filter| {
            filter.patterns().into_iter().cloned().collect()
        });
        self.look = look;
        self.slots = Pages::starting_at(0);
        self.extras.clear();
        self.cuts = Cuts::default();
        self.taken = history.first();
        self.within = 0;
        self.totals = Totals::default();
        self.version = history.version(self.look.session);
    }

    /// Lets rows go whose beginning was evicted.
    fn let_go(&mut self, history: &History) {
        let first = history.first();
        while let Some(slot) = self.slots.get(self.slots.first())
            && slot.number() < first
        {
            self.extras.remove(&self.slots.first());
            self.slots.drop_first();
        }
        if self.taken < first {
            self.taken = first;
            self.within = 0;
        }
    }

    /// Takes an entry, or a part of it; says how many bytes were looked at.
    fn take(&mut self, history: &History, entry: &Entry) -> usize {
        let number = self.taken;
        if self.leaves_out(history, number, entry) {
            self.taken += 1;
            return 0;
        }
        let mut cost = 0;
        if self.within == 0 {
            cost += self.settle(history, |cuts, found| cuts.wait(entry.time, found));
        }
        if entry.is_chunk() {
            return cost + self.take_chunk(history, number, entry);
        }
        if entry.kind == Kind::Closed && entry.peer > 0 {
            let key = (entry.session, entry.peer);
            cost += self.settle(history, |cuts, found| cuts.end(key, found));
        }
        self.taken += 1;
        cost + self.show(history, Slot::entry(number, entry.len), None)
    }

    fn leaves_out(&self, history: &History, number: u64, entry: &Entry) -> bool {
        // What the history missed is of no session.
        let is_other = self
            .look
            .session
            .is_some_and(|session| session != entry.session)
            && !(entry.kind == Kind::Gap && entry.session == 0);
        is_other
            || (entry.kind == Kind::Packet && !self.look.packets)
            || history.is_cleared(number, entry.session)
    }

    fn take_chunk(&mut self, history: &History, number: u64, entry: &Entry) -> usize {
        let is_raw = self.framing(history, entry.session).is_raw();
        let is_datagram = history.is_datagram(entry.session, entry.peer);
        if self.look.chunks || (is_raw && !is_datagram) {
            self.taken += 1;
            return self.show(history, Slot::entry(number, entry.len), None);
        }
        let mut found = Vec::new();
        let len = u64::from(entry.len);
        let mut cost = 0;
        if is_datagram {
            // A datagram is short, and cut at once.
            let mut bytes = vec![0; if is_raw { 0 } else { entry.len as usize }];
            cost += bytes.len();
            if is_raw {
                found.push(Cut::Frame(number, 0, whole(entry)));
            } else if history.store.read(entry.place, &mut bytes).is_ok() {
                let framing = self.look.framing.as_ref();
                self.cuts
                    .push_datagram(history, framing, (number, entry), &bytes, &mut found);
            }
            self.within = len;
        } else if self.cuts.pass_over(entry, self.within) {
            self.within = len;
        } else {
            let part = (len - self.within).min(READ_AT_ONCE as u64);
            let mut bytes = vec![0; part as usize];
            cost += bytes.len();
            let place = entry.place.saturating_add(self.within);
            // What cannot be read is left out, and the stream begins anew after it.
            if history.store.read(place, &mut bytes).is_ok() {
                let framing = self.look.framing.as_ref();
                let at = (number, entry);
                self.cuts
                    .push(history, framing, at, self.within, &bytes, &mut found);
            }
            self.within += part;
        }
        if self.within >= len {
            self.taken += 1;
            self.within = 0;
        }
        cost + self.show_all(history, found)
    }

    fn settle(&mut self, history: &History, cut: impl FnOnce(&mut Cuts, &mut Vec<Cut>)) -> usize {
        let mut found = Vec::new();
        cut(&mut self.cuts, &mut found);
        self.show_all(history, found)
    }

    fn show_all(&mut self, history: &History, found: Vec<Cut>) -> usize {
        let mut cost = 0;
        for cut in found {
            let (slot, extra) = match cut {
                Cut::Frame(number, start, span) => Slot::frame(number, start, &span),
                Cut::Broken(number, error) => (Slot::broken(number), Some(Extra::Broken(error))),
            };
            cost += self.show(history, slot, extra);
        }
        cost
    }

    /// Makes a row, if the filter wants it; says how many bytes were looked at.
    fn show(&mut self, history: &History, slot: Slot, extra: Option<Extra>) -> usize {
        let Some(entry) = history.entry(slot.number()) else {
            return 0;
        };
        let mut cost = 0;
        if let Some(filter) = &self.look.filter {
            if filter.needs_bytes() {
                cost = slot.wire_len() as usize;
            }
            if !self.wants(history, filter, &slot, extra.as_ref()) {
                return cost;
            }
        }
        if let Some(direction) = entry.direction.filter(|_| !slot.is_broken()) {
            self.totals.messages[direction as usize] += 1;
            self.totals.bytes[direction as usize] += slot.len(extra.as_ref());
        }
        if let Some(extra) = extra {
            self.extras.insert(self.slots.next(), extra);
        }
        self.slots.push(slot);
        cost
    }

    /// The time of a row, where it is known.
    pub(super) fn time(&self, history: &History, index: u64) -> Option<Time> {
        let slot = self.slots.get(index)?;
        Some(history.entry(slot.number())?.time)
    }
}

/// A datagram as one message.
pub(super) const fn whole(entry: &Entry) -> crate::frame::Span {
    crate::frame::Span {
        offset: entry.offset,
        wire_len: entry.len as usize,
        head: 0,
        len: entry.len as usize,
        is_stuffed: false,
        is_partial: false,
        is_malformed: false,
    }
}
