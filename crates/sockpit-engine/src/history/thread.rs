//! The keeper's thread: takes what the bus tells, answers questions, and does long work in between.
//!
//! It is woken by the first event after a silence and then looks by itself, some hundred times a
//! second at most: waking a thread for each event would cost the shard more than the event does.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockpit_core::event::{Event, What};
use sockpit_core::frame::Framing;
use sockpit_core::history::{History, Look, Manner, Progress, View};
use sockpit_core::plan::Plan;
use sockpit_core::time::Time;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::State;
use crate::bus::{self, Told};
use crate::clock::Clock;

/// Between two looks at what the bus told, while it tells something.
const PAUSE: Duration = Duration::from_millis(10);

/// Between two times that news are told.
const NEWS: Duration = Duration::from_millis(33);

/// Between two looks at the clock, where a framing ends messages in silence.
const TICK: Duration = Duration::from_millis(50);

/// So late something may be told that has a time of its own, such as a write beside its packets.
const LATE: Duration = Duration::from_millis(200);

/// Events taken before others have their turn.
const MOST_TAKEN: usize = 2048;

/// In bytes: the same of chunks.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Questions answered before events are taken again.
const MOST_ANSWERED: usize = 256;

/// In bytes, as [`View::advance`] counts them: what views look at in a turn, all together.
const BUDGET: usize = 8 * 1024 * 1024;

/// In bytes: what one view looks at at least in its turn.
const LEAST_BUDGET: usize = 64 * 1024;

/// How long works have their turn.
const WORK_TIME: Duration = Duration::from_millis(3);

/// What is asked of the thread.
pub(super) enum Ask {
    /// Looks so through the view of this number from here on.
    Open(u64, Box<Look>),
    Close(u64),
    Read(Box<dyn FnOnce(&Kept) + Send>),
    Alter(Box<dyn FnOnce(&mut History) + Send>),
    Work(Box<dyn Work>),
}

/// Something that takes long, done a slice of some milliseconds at a time.
pub(super) trait Work: Send {
    /// Goes on; `true` when there is nothing more to do.
    fn step(&mut self, kept: &Kept) -> bool;
}

/// The history with all views of it.
pub(super) struct Kept {
    pub(super) history: History,
    /// Of each session that was opened, the one by which it goes.
    pub(super) plans: BTreeMap<u32, Arc<Plan>>,
    views: BTreeMap<u64, Looking>,
}

struct Looking {
    view: View,
    progress: Progress,
}

impl Kept {
    pub(super) fn view(&self, number: u64) -> Option<&View> {
        self.views.get(&number).map(|looking| &looking.view)
    }

    pub(super) fn state(&self, number: u64) -> Option<State> {
        let Looking { view, progress } = self.views.get(&number)?;
        let used = self.history.used();
        Some(State {
            first: view.first(),
            next: view.next(),
            revision: view.revision(),
            at: self.history.now(),
            progress: *progress,
            totals: view.totals(),
            lost: used.lost,
            trouble: used.trouble,
        })
    }

    /// Whether a view has looked at every entry before `until`.
    pub(super) fn has_looked_to(&self, number: u64, until: u64) -> bool {
        self.views.get(&number).is_none_or(|looking| {
            let Progress { taken, of, .. } = looking.progress;
            let behind = of.saturating_sub(taken);
            self.history.next().saturating_sub(behind) >= until
        })
    }
}

/// Runs until nobody can ask any longer.
pub(super) fn run(
    history: History,
    events: bus::View,
    clock: Clock,
    asks: mpsc::UnboundedReceiver<Ask>,
    bell: watch::Sender<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without descriptors needs nothing of the system");
    let keeping = Keeping {
        kept: Kept {
            history,
            plans: BTreeMap::new(),
            views: BTreeMap::new(),
        },
        events,
        clock,
        asks,
        bell,
        works: VecDeque::new(),
        asked: None,
        last_number: 0,
        was_woken: false,
        gap_sessions: false,
        has_news: false,
        last_news: Instant::now(),
        last_tick: Instant::now(),
        is_bus_gone: false,
        is_over: false,
    };
    runtime.block_on(keeping.run());
}

struct Keeping {
    kept: Kept,
    events: bus::View,
    clock: Clock,
    asks: mpsc::UnboundedReceiver<Ask>,
    bell: watch::Sender<()>,
    works: VecDeque<Box<dyn Work>>,
    /// With what somebody ended the rest: what was told before that is taken first.
    asked: Option<Ask>,
    /// Of the last event.
    last_number: u64,
    /// Whether an event came while the thread rested.
    was_woken: bool,
    /// Whether a session's framing ends messages in silence.
    gap_sessions: bool,
    /// Whether something is new since that was told last.
    has_news: bool,
    last_news: Instant,
    last_tick: Instant,
    is_bus_gone: bool,
    is_over: bool,
}

/// What of what the bus has told was taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// There was nothing.
    Nothing,
    /// All that there was.
    Everything,
    /// There is more.
    Some,
}

impl Taken {
    /// What was taken of all that there was, and of what has come since.
    const fn and(self, since: Self) -> Self {
        match since {
            Self::Nothing => self,
            Self::Everything | Self::Some => since,
        }
    }
}

/// What came of a turn.
struct Turn {
    /// Whether events came.
    is_lively: bool,
    /// Whether there is more to do at once.
    has_more: bool,
}

impl Keeping {
    async fn run(mut self) {
        while !self.is_over {
            let turn = self.turn();
            let due = self.tell_news();
            if turn.has_more {
                continue;
            }
            self.rest(turn.is_lively, due).await;
        }
    }

    fn turn(&mut self) -> Turn {
        let taken = self.take_events();
        self.kept.renew();
        let taken = self.answer(taken);
        if taken != Taken::Some {
            self.pass(taken == Taken::Everything);
        }
        let is_settled = self.advance();
        self.go_on();
        let was_woken = std::mem::take(&mut self.was_woken);
        Turn {
            is_lively: taken != Taken::Nothing || was_woken,
            has_more: taken == Taken::Some || !is_settled || !self.works.is_empty(),
        }
    }

    /// Takes what the bus has told, as much as has its turn.
    fn take_events(&mut self) -> Taken {
        let mut bytes = 0;
        for count in 0..MOST_TAKEN {
            if bytes >= MOST_BYTES {
                break;
            }
            let Some(told) = self.events.try_take() else {
                let missed = self.take_missed();
                return match count + missed {
                    0 => Taken::Nothing,
                    _ => Taken::Everything,
                };
            };
            if let Told::Event(event) = &told
                && let What::Chunk { bytes: chunk, .. } = &event.what
            {
                bytes += chunk.len();
            }
            self.take(told);
        }
        Taken::Some
    }

    fn take(&mut self, told: Told) {
        match told {
            Told::Event(event) => {
                self.last_number = event.number;
                self.has_news = true;
                match &event.what {
                    // What was missed before an event need not be of its session.
                    What::Gap { count } => self.take_gap(event.time, *count),
                    _ => self.kept.history.take(&event),
                }
            }
            Told::Plan(session, plan) => {
                let manner = Manner::of(&plan);
                self.gap_sessions |= matches!(manner.framing, Framing::Gap(_));
                self.kept.history.know(session, manner);
                self.kept.plans.insert(session, plan);
            }
        }
    }

    /// What was missed behind the last event is told by no other event.
    fn take_missed(&mut self) -> usize {
        let count = self.events.take_missed();
        if count == 0 {
            return 0;
        }
        self.take_gap(self.clock.now(), count);
        self.has_news = true;
        1
    }

    fn take_gap(&mut self, time: Time, count: u64) {
        let gap = Event {
            number: self.last_number,
            time,
            session: 0,
            peer: 0,
            what: What::Gap { count },
        };
        self.kept.history.take(&gap);
    }

    /// Tells the history the time, so that what silence ends has ended.
    fn pass(&mut self, is_lively: bool) {
        if is_lively || self.needs_ticks() && self.last_tick.elapsed() >= TICK {
            self.last_tick = Instant::now();
            self.kept.history.pass(self.clock.now().earlier(LATE));
        }
    }

    fn needs_ticks(&self) -> bool {
        let is_gap = |look: &Look| matches!(look.framing, Some(Framing::Gap(_)));
        let mut views = self.kept.views.values();
        self.gap_sessions && !self.kept.views.is_empty()
            || views.any(|looking| is_gap(looking.view.look()))
    }

    /// Answers questions, each after what was told before it was asked, unless there is more of that
    /// than has its turn; gives what was taken in this turn.
    fn answer(&mut self, mut taken: Taken) -> Taken {
        if let Some(ask) = self.asked.take() {
            self.obey(ask);
        }
        for _ in 0..MOST_ANSWERED {
            match self.asks.try_recv() {
                Ok(ask) => {
                    if taken != Taken::Some {
                        taken = taken.and(self.take_events());
                        self.kept.renew();
                    }
                    self.obey(ask);
                }
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.is_over = true;
                    break;
                }
            }
        }
        taken
    }

    fn obey(&mut self, ask: Ask) {
        let Self { kept, works, .. } = self;
        // A question that panics is not answered, and others are.
        let obeyed = catch_unwind(AssertUnwindSafe(|| match ask {
            Ask::Open(number, look) => {
                kept.look(number, *look);
                true
            }
            Ask::Close(number) => {
                kept.views.remove(&number);
                false
            }
            Ask::Read(question) => {
                question(kept);
                false
            }
            Ask::Alter(change) => {
                change(&mut kept.history);
                kept.renew();
                true
            }
            Ask::Work(work) => {
                works.push_back(work);
                false
            }
        }));
        self.has_news |= obeyed.unwrap_or(false);
    }

    /// Lets each view look at what is new to it; `false` where one has more to look at.
    fn advance(&mut self) -> bool {
        let count = self.kept.views.len().max(1);
        let budget = (BUDGET / count).max(LEAST_BUDGET);
        let mut is_settled = true;
        let Kept { history, views, .. } = &mut self.kept;
        for Looking { view, progress } in views.values_mut() {
            let was_done = progress.is_done;
            *progress = view.advance(history, budget);
            is_settled &= progress.is_done;
            self.has_news |= !(was_done && progress.is_done);
        }
        is_settled
    }

    /// Goes on with works, one after the other, as long as they have their turn.
    fn go_on(&mut self) {
        let began = Instant::now();
        for _ in 0..self.works.len() {
            let Some(mut work) = self.works.pop_front() else {
                return;
            };
            let kept = &self.kept;
            let is_done = catch_unwind(AssertUnwindSafe(|| work.step(kept))).unwrap_or(true);
            if !is_done {
                self.works.push_back(work);
            }
            if began.elapsed() >= WORK_TIME {
                return;
            }
        }
    }

    /// Tells that there is something new if it is time; otherwise gives when it will be.
    fn tell_news(&mut self) -> Option<Instant> {
        if !self.has_news {
            return None;
        }
        let due = self.last_news + NEWS;
        let now = Instant::now();
        if now < due {
            return Some(due);
        }
        self.has_news = false;
        self.last_news = now;
        // Nobody may be interested.
        let _ = self.bell.send(());
        None
    }

    /// Waits for something to do.
    async fn rest(&mut self, is_lively: bool, news_due: Option<Instant>) {
        let pause = is_lively.then_some(PAUSE);
        let tick = self.needs_ticks().then_some(TICK);
        let wake = [pause, tick].into_iter().flatten().min();
        let wake = wake.map(|pause| Instant::now() + pause);
        let wake = [wake, news_due].into_iter().flatten().min();
        let sleep = async {
            match wake {
                Some(wake) => sleep_until(wake.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ask = self.asks.recv() => match ask {
                Some(ask) => self.asked = Some(ask),
                None => self.is_over = true,
            },
            told = self.events.take(), if !is_lively && !self.is_bus_gone => match told {
                Some(told) => {
                    self.take(told);
                    self.was_woken = true;
                }
                None => self.is_bus_gone = true,
            },
            () = sleep => {}
        }
    }
}

impl Kept {
    /// Has no view answer out of rows that are no more.
    fn renew(&mut self) {
        for looking in self.views.values_mut() {
            looking.view.renew(&self.history);
        }
    }

    fn look(&mut self, number: u64, look: Look) {
        match self.views.get_mut(&number) {
            Some(looking) => looking.view.change(look, &self.history),
            None => {
                let view = View::open(look, &self.history);
                let progress = Progress {
                    is_done: false,
                    taken: 0,
                    of: 0,
                };
                self.views.insert(number, Looking { view, progress });
            }
        }
    }
}
