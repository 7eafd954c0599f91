//! The bus: every event of every session, to everybody who asked.
//!
//! A *tap* gets everything: where it cannot keep up, sessions pause. A *view* may miss events and is
//! told how many. For every subscriber holds: published = delivered + dropped + pending.

mod lone;
mod view;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use sockpit_core::event::{Event, FaultKind, What};
use sockpit_core::plan::Plan;
use sockpit_core::record::Epoch;
use sockpit_core::time::Time;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout_at;

use crate::clock::Clock;
#[doc(hidden)]
pub use lone::LoneBus;
pub(crate) use view::Told;
use view::ViewEntry;
pub use view::{View, ViewLimit};

/// In bytes: what an event costs beside its payload.
const EVENT_COST: usize = 192;

/// How a tap wants to be treated when its reader falls behind.
#[derive(Clone, Copy, Debug)]
pub struct TapLimit {
    /// Bytes that may wait for the reader before sessions pause.
    pub bytes: usize,
    /// How long sessions pause before the tap is cut off; `None` is for ever.
    pub patience: Option<Duration>,
}

/// Which events a subscriber wants. What nobody wants is not even built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// What went wrong, and what applications note.
    Faults,
    /// That, and the coming and going of peers.
    Life,
    /// That, and every chunk: for who cuts messages out of them itself, later and elsewhere.
    Chunks,
    /// That, and every frame.
    Everything,
}

impl Scope {
    /// The narrowest scope that holds `what`.
    fn of(what: &What) -> Self {
        match what {
            What::Frame { .. } => Self::Everything,
            What::Chunk { .. } => Self::Chunks,
            What::Listening { .. } | What::Opened { .. } | What::Closed { .. } => Self::Life,
            _ => Self::Faults,
        }
    }
}

/// What sender and reader of a subscription share.
#[derive(Debug, Default)]
struct Shared {
    /// Bytes sent and not yet taken.
    pending: AtomicUsize,
    /// Whether the bus cut the reader off because it was too slow.
    cut_off: AtomicBool,
}

struct TapEntry {
    sender: mpsc::UnboundedSender<Arc<Event>>,
    shared: Arc<Shared>,
    limit: TapLimit,
    scope: Scope,
    full_since: Option<Instant>,
}

/// The sending side; it lives on its shard.
pub(crate) struct Bus {
    clock: Clock,
    number: Cell<u64>,
    taps: RefCell<Vec<TapEntry>>,
    views: RefCell<Vec<ViewEntry>>,
    widest: Cell<Option<Scope>>,
    is_congested: Cell<bool>,
    /// Counts the pauses, from 1.
    pause: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
    space: Arc<Notify>,
    veil: RefCell<Option<Veil>>,
}

/// Takes out of an event what nobody may be told, such as a password, before anybody gets it.
pub type Veil = Box<dyn FnMut(&mut Event) + Send>;

impl Bus {
    pub(crate) fn new(clock: Clock) -> Rc<Self> {
        Rc::new(Self {
            clock,
            number: Cell::new(0),
            taps: RefCell::default(),
            views: RefCell::default(),
            widest: Cell::new(None),
            is_congested: Cell::new(false),
            pause: Cell::new(1),
            waiting: RefCell::default(),
            space: Arc::default(),
            veil: RefCell::default(),
        })
    }

    /// Lets every event pass through a veil from here on.
    pub(crate) fn put_on(&self, veil: Veil) {
        *self.veil.borrow_mut() = Some(veil);
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether building events of this scope is worth the while.
    pub(crate) fn wants(&self, scope: Scope) -> bool {
        self.widest.get() >= Some(scope)
    }

    pub(crate) fn publish(&self, time: Time, session: u32, peer: u32, what: What) {
        let scope = Scope::of(&what);
        if !self.wants(scope) {
            return;
        }
        let mut event = Event {
            number: self.next_number(),
            time,
            session,
            peer,
            what,
        };
        self.veil(&mut event);
        self.give(scope, &Arc::new(event));
    }

    /// The same for an event that was made elsewhere, and that nobody else holds: what a thread
    /// allocates it may not have to share a heap with those who let go of it.
    pub(crate) fn publish_made(&self, mut event: Arc<Event>) {
        let scope = Scope::of(&event.what);
        if !self.wants(scope) {
            return;
        }
        let made = Arc::get_mut(&mut event).expect("nobody else holds it");
        made.number = self.next_number();
        self.veil(made);
        self.give(scope, &event);
    }

    fn veil(&self, event: &mut Event) {
        if let Some(veil) = &mut *self.veil.borrow_mut() {
            veil(event);
        }
    }

    fn next_number(&self) -> u64 {
        let number = self.number.get() + 1;
        self.number.set(number);
        number
    }

    fn give(&self, scope: Scope, event: &Arc<Event>) {
        let cost = cost_of(event);
        let mut taps = self.taps.borrow_mut();
        let mut views = self.views.borrow_mut();
        let before = taps.len() + views.len();
        taps.retain_mut(|tap| {
            if tap.scope < scope {
                return !tap.sender.is_closed();
            }
            let before = tap.shared.pending.fetch_add(cost, Ordering::Relaxed);
            if before + cost >= tap.limit.bytes && !self.is_congested.replace(true) {
                self.space.notify_one();
            }
            tap.sender.send(event.clone()).is_ok()
        });
        views.retain(|view| view.offer(scope, event, cost));
        let has_lost = taps.len() + views.len() < before;
        drop((taps, views));
        if has_lost {
            self.update_widest();
        }
    }

    pub(crate) fn add_tap(&self, limit: TapLimit, scope: Scope) -> Tap {
        let (sender, receiver) = mpsc::unbounded_channel();
        let shared = Arc::<Shared>::default();
        self.taps.borrow_mut().push(TapEntry {
            sender,
            shared: shared.clone(),
            limit,
            scope,
            full_since: None,
        });
        self.update_widest();
        Tap {
            receiver,
            shared,
            limit,
            space: self.space.clone(),
            epoch: self.clock.epoch(),
            timer: None,
        }
    }

    /// Gives a tap nothing more; it ends once it has taken what it was given.
    pub(crate) fn end_tap(&self, id: &TapId) {
        self.taps
            .borrow_mut()
            .retain(|tap| !Arc::ptr_eq(&tap.shared, &id.0));
        // Who waited for it alone goes on.
        self.relieve();
    }

    pub(crate) fn add_view(&self, limit: ViewLimit, scope: Scope) -> View {
        self.join(View::of(limit, scope, self.clock.epoch()))
    }

    /// A view that is told the plans of sessions as well: see [`Bus::tell_plan`].
    pub(crate) fn add_planned_view(&self, limit: ViewLimit, scope: Scope) -> View {
        let (entry, view) = View::of(limit, scope, self.clock.epoch());
        self.join((entry.with_plans(), view))
    }

    fn join(&self, (entry, view): (ViewEntry, View)) -> View {
        self.views.borrow_mut().push(entry);
        self.update_widest();
        view
    }

    /// Tells by which plan a session goes from here on, in order with its events, to whoever cuts its
    /// bytes itself. Plans are few, and never missed.
    pub(crate) fn tell_plan(&self, session: u32, plan: &Arc<Plan>) {
        for view in self.views.borrow().iter() {
            view.tell_plan(session, plan);
        }
    }

    /// Ready while every tap has room. A driver that is told to wait is woken when they have;
    /// `registered` is its own note of the pause for which it waits, 0 at first.
    pub(crate) fn poll_ready(&self, cx: &Context<'_>, registered: &mut u64) -> Poll<()> {
        if !self.is_congested.get() {
            return Poll::Ready(());
        }
        if *registered != self.pause.get() {
            *registered = self.pause.get();
            self.waiting.borrow_mut().push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Lets paused drivers go on when there is room again, and cuts off taps whose patience is over.
    pub(crate) async fn run(&self) {
        loop {
            match self.next_cut() {
                Some(at) => {
                    let at = tokio::time::Instant::from_std(at);
                    let _ = timeout_at(at, self.space.notified()).await;
                }
                None => self.space.notified().await,
            }
            self.relieve();
        }
    }

    /// When the first full tap runs out of patience.
    fn next_cut(&self) -> Option<Instant> {
        let taps = self.taps.borrow();
        taps.iter()
            .filter_map(|tap| Some(tap.full_since? + tap.limit.patience?))
            .min()
    }

    fn relieve(&self) {
        let now = Instant::now();
        let mut cut = 0;
        self.taps.borrow_mut().retain_mut(|tap| {
            if tap.sender.is_closed() {
                return false;
            }
            if tap.shared.pending.load(Ordering::Acquire) < tap.limit.bytes {
                tap.full_since = None;
                return true;
            }
            let since = *tap.full_since.get_or_insert(now);
            let is_over = tap
                .limit
                .patience
                .is_some_and(|patience| now >= since + patience);
            if is_over {
                tap.shared.cut_off.store(true, Ordering::Release);
                cut += 1;
            }
            !is_over
        });
        let is_full = self
            .taps
            .borrow()
            .iter()
            .any(|tap| tap.full_since.is_some());
        self.is_congested.set(is_full);
        self.update_widest();
        if !is_full {
            self.pause.set(self.pause.get() + 1);
            for waker in self.waiting.take() {
                waker.wake();
            }
        }
        for _ in 0..cut {
            let message =
                "the recording could not keep up and has ended; sessions go on".to_owned();
            let fault = What::Fault {
                kind: FaultKind::Recording,
                message,
                count: None,
            };
            self.publish(self.clock.now(), 0, 0, fault);
        }
    }

    fn update_widest(&self) {
        let views = self.views.borrow().iter().map(ViewEntry::scope).max();
        let taps = self.taps.borrow().iter().map(|tap| tap.scope).max();
        self.widest.set(views.max(taps));
    }
}

/// Which tap, for [`Handle::end_tap`](crate::Handle::end_tap).
#[derive(Clone, Debug)]
pub struct TapId(Arc<Shared>);

/// Gets every event; sessions pause while it is too far behind.
#[derive(Debug)]
pub struct Tap {
    receiver: mpsc::UnboundedReceiver<Arc<Event>>,
    shared: Arc<Shared>,
    limit: TapLimit,
    space: Arc<Notify>,
    epoch: Epoch,
    /// Made for the first wait that has a deadline.
    timer: Option<Runtime>,
}

impl Tap {
    /// Waits for the next event; `None` when no more will come.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        let event = self.receiver.recv().await?;
        self.account(&event);
        Some(event)
    }

    /// Waits for the next event on a thread of its own; `None` when no more will come.
    ///
    /// # Panics
    ///
    /// Panics when called from within a runtime.
    pub fn blocking_next(&mut self) -> Option<Arc<Event>> {
        let event = self.receiver.blocking_recv()?;
        self.account(&event);
        Some(event)
    }

    /// The same until `deadline`: `None` when that is over, `Some(None)` when no more will come.
    ///
    /// # Panics
    ///
    /// Panics when called from within a runtime.
    pub fn blocking_next_before(&mut self, deadline: Instant) -> Option<Option<Arc<Event>>> {
        let event = match &self.timer {
            Some(timer) => {
                let next = async { timeout_at(deadline.into(), self.receiver.recv()).await };
                timer.block_on(next).ok()?
            }
            None => {
                let timer = Builder::new_current_thread().enable_time().build();
                self.timer = Some(timer.expect("the system gives a runtime its descriptors"));
                return self.blocking_next_before(deadline);
            }
        };
        if let Some(event) = &event {
            self.account(event);
        }
        Some(event)
    }

    /// The next event if one is there.
    pub fn try_next(&mut self) -> Option<Arc<Event>> {
        let event = self.receiver.try_recv().ok()?;
        self.account(&event);
        Some(event)
    }

    /// Which one it is, for whoever ends it from elsewhere.
    #[must_use]
    pub fn id(&self) -> TapId {
        TapId(self.shared.clone())
    }

    /// When the timeline of its events began.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether it was cut off because it could not keep up.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.shared.cut_off.load(Ordering::Acquire)
    }

    fn account(&self, event: &Event) {
        let cost = cost_of(event);
        let before = self.shared.pending.fetch_sub(cost, Ordering::AcqRel);
        if before >= self.limit.bytes && before - cost < self.limit.bytes {
            self.space.notify_one();
        }
    }
}

impl Drop for Tap {
    /// Whoever waits for a reader that is gone goes on.
    fn drop(&mut self) {
        self.receiver.close();
        self.shared.pending.store(0, Ordering::Release);
        self.space.notify_one();
    }
}

fn cost_of(event: &Event) -> usize {
    EVENT_COST
        + match &event.what {
            What::Chunk { bytes, .. } => bytes.len(),
            What::Frame { payload, text, .. } => {
                payload.len() + text.as_ref().map_or(0, String::len)
            }
            What::Packet { packet, .. } => packet.bytes.len(),
            _ => 0,
        }
}

#[cfg(test)]
mod tests;
