//! The events of a session out of the history, in the order in which they happened.

use std::collections::BTreeMap;
use std::time::Duration;

use sockpit_core::event::{Event, What};
use sockpit_core::filter::Filter;
use sockpit_core::history::Look;
use sockpit_core::time::Time;
use sockpit_core::transcript::NOTE;
use sockpit_engine::history::{Keeper, Over, Reader};

/// Packets are told some milliseconds after they passed; so long an event waits for those that were
/// before it.
const LAG: Duration = Duration::from_millis(50);

/// The same where packets come by way of dumpcap, which gives them every 300 ms or so.
const LONG_LAG: Duration = Duration::from_millis(350);

/// Rows that are read at once.
const BATCH: u64 = 256;

/// In bytes: what is read at once, but for the last row.
const BATCH_BYTES: usize = 1024 * 1024;

/// Reads events, and gives them once it is their turn.
pub(super) struct Source {
    reader: Reader,
    revision: Option<u32>,
    /// The row that is read next.
    next: u64,
    /// By their times, then as they were told; messages of one chunk have its number.
    held: BTreeMap<(Time, u64), Event>,
    lag: Duration,
    count: u64,
}

/// What was read.
pub(super) struct Batch {
    /// Events whose turn it is.
    pub(super) events: Vec<Event>,
    /// Whether what was given before is to be forgotten, as the history was cleared, or is cut in
    /// another way.
    pub(super) is_void: bool,
    /// Whether there is more to be read at once.
    pub(super) has_more: bool,
    /// Whether some wait for their turn.
    pub(super) has_held: bool,
}

struct Piece {
    events: Vec<Event>,
    revision: u32,
    next: u64,
    has_more: bool,
}

impl Source {
    /// Reads the events that a filter wants, all of a session without.
    pub(super) fn new(keeper: &Keeper, session: Option<u32>, filter: Option<Filter>) -> Self {
        let look = Look {
            session,
            filter,
            packets: true,
            chunks: true,
            ..Look::default()
        };
        Self::of(keeper.open(look))
    }

    pub(super) fn of(reader: Reader) -> Self {
        Self {
            reader,
            revision: None,
            next: 0,
            held: BTreeMap::new(),
            lag: LAG,
            count: 0,
        }
    }

    pub(super) const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Reads some, and gives what happened long enough before `now`.
    pub(super) async fn read(&mut self, now: Time) -> Result<Batch, Over> {
        let (known, from) = (self.revision, self.next);
        let piece = self.reader.ask(move |view, history| {
            let revision = view.revision();
            let from = match known == Some(revision) {
                true => from.max(view.first()),
                false => view.first(),
            };
            let until = view.next().min(from.saturating_add(BATCH));
            let mut piece = Piece {
                events: Vec::new(),
                revision,
                next: from,
                has_more: false,
            };
            let mut bytes = 0;
            while piece.next < until && bytes < BATCH_BYTES {
                if let Some(event) = view.event(history, piece.next) {
                    bytes += len_of(&event);
                    piece.events.push(event);
                }
                piece.next += 1;
            }
            piece.has_more = piece.next < view.next();
            piece
        });
        let piece = piece.await?;
        let known = self.revision.replace(piece.revision);
        let is_void = known.is_some_and(|known| known != piece.revision);
        if is_void {
            self.held.clear();
        }
        self.next = piece.next;
        for event in piece.events {
            if let What::Note { kind, data, .. } = &event.what
                && kind == NOTE
                && data["level"] == "dumpcap"
            {
                self.lag = LONG_LAG;
            }
            self.count += 1;
            self.held.insert((event.time, self.count), event);
        }
        let until = now.earlier(self.lag);
        let rest = self.held.split_off(&(until, u64::MAX));
        let due = std::mem::replace(&mut self.held, rest);
        Ok(Batch {
            events: due.into_values().collect(),
            is_void,
            has_more: piece.has_more,
            has_held: !self.held.is_empty(),
        })
    }
}

fn len_of(event: &Event) -> usize {
    match &event.what {
        What::Chunk { bytes, .. } => bytes.len(),
        What::Frame { payload, .. } => payload.len(),
        What::Packet { packet, .. } => packet.bytes.len(),
        _ => 0,
    }
}
