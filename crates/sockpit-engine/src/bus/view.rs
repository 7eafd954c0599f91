//! A view: a subscriber that may miss events, is told how many, and holds up nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sockpit_core::event::{Event, What};
use sockpit_core::plan::Plan;
use sockpit_core::record::Epoch;
use tokio::sync::mpsc;

use super::{EVENT_COST, Scope, cost_of};

/// What may wait for the reader of a view; what comes when that is full is missed, and counted. Where
/// nothing waits, any event finds room.
#[derive(Clone, Copy, Debug)]
pub struct ViewLimit {
    /// How many events, beside the gaps before them.
    pub events: usize,
    /// How many bytes.
    pub bytes: usize,
}

/// Gets events while it keeps up, and [`What::Gap`] for those that it missed.
#[derive(Debug)]
pub struct View {
    pub(super) receiver: mpsc::UnboundedReceiver<Told>,
    pub(super) backlog: Arc<Backlog>,
    epoch: Epoch,
}

impl View {
    /// Both ends of a new one.
    pub(super) fn of(limit: ViewLimit, scope: Scope, epoch: Epoch) -> (ViewEntry, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let backlog = Arc::<Backlog>::default();
        let entry = ViewEntry {
            sender,
            backlog: backlog.clone(),
            limit,
            scope,
            has_plans: false,
        };
        let view = Self {
            receiver,
            backlog,
            epoch,
        };
        (entry, view)
    }

    /// Waits for the next event; `None` when no more will come.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            if let Told::Event(event) = self.take().await? {
                return Some(event);
            }
        }
    }

    /// Waits for what is told next; `None` when no more will come. Cancel-safe.
    pub(crate) async fn take(&mut self) -> Option<Told> {
        let told = self.receiver.recv().await?;
        Some(self.account(told))
    }

    /// What is told next, if it is there.
    pub(crate) fn try_take(&mut self) -> Option<Told> {
        let told = self.receiver.try_recv().ok()?;
        Some(self.account(told))
    }

    /// Takes how many events were missed behind the last one, of which no gap was told yet: for who
    /// has taken everything, and would learn of them with the next event only.
    pub(crate) fn take_missed(&self) -> u64 {
        self.backlog.missed.swap(0, Ordering::AcqRel)
    }

    /// When the timeline of its events began.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn account(&self, told: Told) -> Told {
        if let Told::Event(event) = &told {
            self.backlog.events.fetch_sub(1, Ordering::AcqRel);
            self.backlog
                .bytes
                .fetch_sub(cost_of(event), Ordering::AcqRel);
        }
        told
    }
}

/// What the bus and the reader of a view share.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Events sent and not yet taken.
    pub(super) events: AtomicUsize,
    /// What they cost, in bytes.
    pub(super) bytes: AtomicUsize,
    /// Events that found no room, and of which the reader was not told yet.
    missed: AtomicU64,
}

/// The sending side of one view.
pub(super) struct ViewEntry {
    /// The backlog bounds it.
    sender: mpsc::UnboundedSender<Told>,
    backlog: Arc<Backlog>,
    limit: ViewLimit,
    scope: Scope,
    /// Whether it is told the plans of sessions.
    has_plans: bool,
}

/// What a view is given.
#[derive(Debug)]
pub(crate) enum Told {
    /// Something happened.
    Event(Arc<Event>),
    /// The session of this number goes by this plan from here on.
    Plan(u32, Arc<Plan>),
}

impl ViewEntry {
    pub(super) fn with_plans(self) -> Self {
        Self {
            has_plans: true,
            ..self
        }
    }

    /// Which events it wants.
    pub(super) fn scope(&self) -> Scope {
        self.scope
    }

    pub(super) fn tell_plan(&self, session: u32, plan: &Arc<Plan>) {
        if self.has_plans {
            // A reader that is gone is noticed with the next event.
            let _ = self.sender.send(Told::Plan(session, plan.clone()));
        }
    }

    /// Hands the event over if it is wanted, or counts it; `false` once the reader is gone.
    pub(super) fn offer(&self, scope: Scope, event: &Arc<Event>, cost: usize) -> bool {
        if self.sender.is_closed() {
            return false;
        }
        if self.scope < scope {
            return true;
        }
        let missed = &self.backlog.missed;
        if !self.has_room(cost) {
            missed.fetch_add(1, Ordering::AcqRel);
            return true;
        }
        // The reader may have taken the count itself meanwhile.
        let count = match missed.load(Ordering::Relaxed) {
            0 => 0,
            _ => missed.swap(0, Ordering::AcqRel),
        };
        if count > 0 {
            self.send(&gap_before(event, count), EVENT_COST);
        }
        self.send(event, cost);
        true
    }

    fn has_room(&self, cost: usize) -> bool {
        let events = self.backlog.events.load(Ordering::Acquire);
        let bytes = self.backlog.bytes.load(Ordering::Acquire);
        events == 0 || events < self.limit.events && bytes.saturating_add(cost) <= self.limit.bytes
    }

    fn send(&self, event: &Arc<Event>, cost: usize) {
        self.backlog.events.fetch_add(1, Ordering::AcqRel);
        self.backlog.bytes.fetch_add(cost, Ordering::AcqRel);
        // A reader that is gone is noticed with the next event.
        let _ = self.sender.send(Told::Event(event.clone()));
    }
}

/// Stands for the events that a view missed before `event`.
fn gap_before(event: &Event, count: u64) -> Arc<Event> {
    Arc::new(Event {
        number: event.number,
        time: event.time,
        session: event.session,
        peer: 0,
        what: What::Gap { count },
    })
}
