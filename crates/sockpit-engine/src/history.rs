//! The history of a workbench: what its bus told, kept so that it can be looked at again and again.
//!
//! ```text
//!  bus ── view (chunks, plans) ──▶ keeper's thread: History, views, spill file
//!                                     ▲ questions, a slice at a time      │ changes, 30 a second
//!  front end ── Keeper, Reader ───────┴───────────────────────────────────┘
//! ```
//!
//! The keeper is a view of the bus: it holds up no session, and what it misses is counted and stands
//! in the history as a gap. Messages are cut on its own thread, out of chunks, by the plan of their
//! session or any other framing, so that a shard has no more work with it than with a recording.

mod spill;
mod thread;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sockpit_core::event::{FaultKind, What};
use sockpit_core::history::{History, Limits, Look, Manner, Progress, Shelf, Totals, View};
use sockpit_core::plan::Plan;
use sockpit_core::record::Epoch;
use sockpit_core::time::Time;
use tokio::sync::{mpsc, oneshot, watch};

use crate::bus::{Scope, ViewLimit};
use crate::clock::Clock;
use crate::error::cause_text;
use crate::workbench::Handle;
use spill::Spill;
use thread::{Ask, Kept, Work};

/// What may wait for the keeper's thread: some tenths of a second of the fastest traffic.
const BACKLOG: ViewLimit = ViewLimit {
    events: 1_000_000,
    bytes: 64 * 1024 * 1024,
};

/// How much is kept, and where.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How much at most.
    pub limits: Limits,
    /// The folder of the file for what does not fit into memory; nothing is put there if `None`. The
    /// file has no name, so that nobody else opens it and nothing of it is left.
    pub folder: Option<PathBuf>,
}

/// Why a question about the history has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the history is no longer kept")]
pub struct Over;

/// Keeps the history of a workbench until the last handle of it and of its readers is dropped.
#[derive(Clone)]
pub struct Keeper {
    inner: Arc<Inner>,
}

struct Inner {
    /// Taken when the thread is to end.
    asks: Option<mpsc::UnboundedSender<Ask>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    changes: watch::Receiver<()>,
    clock: Clock,
    /// Counts readers, from 1.
    readers: AtomicU64,
}

impl Keeper {
    /// Begins to keep what happens from here on. Where there can be no file in the folder, memory
    /// alone keeps it, and the timeline says so.
    ///
    /// # Errors
    ///
    /// Returns the system's error where it gives no thread.
    ///
    /// # Panics
    ///
    /// Panics if the workbench is gone.
    pub async fn start(handle: &Handle, settings: Settings) -> std::io::Result<Self> {
        Self::start_behind(handle, settings, BACKLOG).await
    }

    async fn start_behind(
        handle: &Handle,
        settings: Settings,
        backlog: ViewLimit,
    ) -> std::io::Result<Self> {
        let opened = settings.folder.as_deref().map(Spill::open);
        let (shelf, trouble) = match opened.transpose() {
            Ok(spill) => (spill, None),
            Err(error) => (None, Some(error)),
        };
        let shelf = shelf.map(|spill| Box::new(spill) as Box<dyn Shelf + Send>);
        let history = History::new(settings.limits, shelf);
        let events = handle.planned_view(backlog, Scope::Chunks).await;
        let clock = Clock::since(events.epoch());
        let (asks, asked) = mpsc::unbounded_channel();
        let (bell, changes) = watch::channel(());
        let thread = std::thread::Builder::new()
            .name("sockpit-history".to_owned())
            .spawn(move || thread::run(history, events, clock, asked, bell))?;
        if let Some(error) = trouble {
            let folder = settings.folder.unwrap_or_default();
            let fault = What::Fault {
                kind: FaultKind::Recording,
                message: format!(
                    "no file can be made in `{}`, so that memory alone keeps what happens: {}",
                    folder.display(),
                    cause_text(&error)
                ),
                count: None,
            };
            handle.publish(0, 0, fault);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                asks: Some(asks),
                thread: Mutex::new(Some(thread)),
                changes,
                clock,
                readers: AtomicU64::new(0),
            }),
        })
    }

    /// When the timeline began.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.inner.clock.epoch()
    }

    /// The time on the timeline.
    #[must_use]
    pub fn now(&self) -> Time {
        self.inner.clock.now()
    }

    /// Says how a session's bytes are to be read. The sessions of this workbench need it not: their
    /// plans are told as they open and whenever they change.
    pub fn know(&self, session: u32, plan: &Plan) {
        let manner = Manner::of(plan);
        self.inner.send(Ask::Alter(Box::new(move |history| {
            history.know(session, manner);
        })));
    }

    /// Tells from here on that there is something new, at most 30 times a second.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes(self.inner.changes.clone())
    }

    /// Opens a view.
    #[must_use]
    pub fn open(&self, look: Look) -> Reader {
        let number = self.inner.readers.fetch_add(1, Ordering::Relaxed) + 1;
        self.inner.send(Ask::Open(number, Box::new(look)));
        Reader {
            number,
            inner: self.inner.clone(),
        }
    }

    /// Asks something of the history, which takes no longer than some milliseconds to answer.
    ///
    /// # Errors
    ///
    /// Returns [`Over`] where nothing is kept any longer.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&History) -> T + Send + 'static,
    ) -> Result<T, Over> {
        let ask = |reply: oneshot::Sender<T>| {
            Ask::Read(Box::new(move |kept| {
                // Whoever asked may have left.
                let _ = reply.send(question(&kept.history));
            }))
        };
        self.inner.ask(ask).await
    }

    /// The same, and changes it: bookmarks, what is forgotten.
    ///
    /// # Errors
    ///
    /// Returns [`Over`] where nothing is kept any longer.
    pub async fn alter<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut History) -> T + Send + 'static,
    ) -> Result<T, Over> {
        let ask = |reply: oneshot::Sender<T>| {
            Ask::Alter(Box::new(move |history| {
                // Whoever asked may have left.
                let _ = reply.send(change(history));
            }))
        };
        self.inner.ask(ask).await
    }

    /// By which plan a session goes; `None` of one that was opened before the history began.
    ///
    /// # Errors
    ///
    /// Returns [`Over`] where nothing is kept any longer.
    pub async fn plan(&self, session: u32) -> Result<Option<Arc<Plan>>, Over> {
        let ask = |reply: oneshot::Sender<Option<Arc<Plan>>>| {
            Ask::Read(Box::new(move |kept| {
                // Whoever asked may have left.
                let _ = reply.send(kept.plans.get(&session).cloned());
            }))
        };
        self.inner.ask(ask).await
    }

    /// How views stand, by the numbers of their readers; `None` for one that is closed.
    ///
    /// # Errors
    ///
    /// Returns [`Over`] where nothing is kept any longer.
    pub async fn states(&self, readers: Vec<u64>) -> Result<Vec<Option<State>>, Over> {
        let ask = |reply: oneshot::Sender<Vec<Option<State>>>| {
            Ask::Read(Box::new(move |kept| {
                let states = readers.iter().map(|number| kept.state(*number));
                // Whoever asked may have left.
                let _ = reply.send(states.collect());
            }))
        };
        self.inner.ask(ask).await
    }
}

/// How a view stands.
#[derive(Clone, Debug)]
pub struct State {
    /// The index of the first row that is kept.
    pub first: u64,
    /// The index behind the last one.
    pub next: u64,
    /// Moves when rows that were known are others.
    pub revision: u32,
    /// The latest time in the history.
    pub at: Time,
    /// How much of the history it has looked at.
    pub progress: Progress,
    /// Messages and bytes of each direction that it shows.
    pub totals: Totals,
    /// Events that the history missed, of all sessions.
    pub lost: u64,
    /// Why the file for what does not fit into memory is used no more.
    pub trouble: Option<String>,
}

/// Tells that there is something new.
#[derive(Clone, Debug)]
pub struct Changes(watch::Receiver<()>);

impl Changes {
    /// Waits for news; `false` when there will be none. Cancel-safe.
    pub async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// Looks at the history through one view, which is closed when this is dropped.
pub struct Reader {
    number: u64,
    inner: Arc<Inner>,
}

impl Reader {
    /// Its number among the readers of its keeper.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Looks otherwise from here on.
    pub fn change(&self, look: Look) {
        self.inner.send(Ask::Open(self.number, Box::new(look)));
    }

    /// Asks something that takes no longer than some milliseconds to answer.
    ///
    /// # Errors
    ///
    /// Returns [`Over`] where nothing is kept any longer.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&View, &History) -> T + Send + 'static,
    ) -> Result<T, Over> {
        let number = self.number;
        let ask = |reply: oneshot::Sender<T>| {
            Ask::Read(Box::new(move |kept| {
                if let Some(view) = kept.view(number) {
                    // Whoever asked may have left.
                    let _ = reply.send(question(view, &kept.history));
                }
            }))
        };
        self.inner.ask(ask).await
    }

    /// Works through the view a slice at a time, between which others get their answers: `step` is
    /// called until it gives something, and no longer than somebody waits for it.
    ///
    /// # Errors
    ///
    /// Returns [`Over`] where nothing is kept any longer.
    pub async fn work<T: Send + 'static>(
        &self,
        step: impl FnMut(&View, &History) -> Option<T> + Send + 'static,
    ) -> Result<T, Over> {
        let number = self.number;
        let ask = |reply| {
            Ask::Work(Box::new(Steps {
                number,
                step,
                reply: Some(reply),
            }))
        };
        self.inner.ask(ask).await
    }

    /// Waits until the view has looked at everything that was in the history when this was asked.
    ///
    /// # Errors
    ///
    /// Returns [`Over`] where nothing is kept any longer.
    pub async fn settled(&self) -> Result<State, Over> {
        let number = self.number;
        let ask = |reply| {
            Ask::Work(Box::new(Settling {
                number,
                until: None,
                reply: Some(reply),
            }))
        };
        self.inner.ask(ask).await
    }

    /// How it stands.
    ///
    /// # Errors
    ///
    /// Returns [`Over`] where nothing is kept any longer.
    pub async fn state(&self) -> Result<State, Over> {
        let number = self.number;
        let ask = |reply: oneshot::Sender<State>| {
            Ask::Read(Box::new(move |kept| {
                if let Some(state) = kept.state(number) {
                    // Whoever asked may have left.
                    let _ = reply.send(state);
                }
            }))
        };
        self.inner.ask(ask).await
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.inner.send(Ask::Close(self.number));
    }
}

impl Inner {
    /// What is asked of a thread that is gone is dropped.
    fn send(&self, ask: Ask) {
        if let Some(asks) = &self.asks {
            let _ = asks.send(ask);
        }
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Over> {
        let (reply, answer) = oneshot::channel();
        self.send(ask(reply));
        answer.await.map_err(|_| Over)
    }
}

impl Drop for Inner {
    /// The thread ends with what it is doing.
    fn drop(&mut self) {
        self.asks = None;
        let thread = self.thread.get_mut().ok().and_then(Option::take);
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic of the thread was told when it happened.
            let _ = thread.join();
        }
    }
}

/// A long look through one view.
struct Steps<F, T> {
    number: u64,
    step: F,
    reply: Option<oneshot::Sender<T>>,
}

impl<F, T> Work for Steps<F, T>
where
    F: FnMut(&View, &History) -> Option<T> + Send,
    T: Send,
{
    fn step(&mut self, kept: &Kept) -> bool {
        let Some(view) = kept.view(self.number) else {
            return true;
        };
        if self.reply.as_ref().is_none_or(oneshot::Sender::is_closed) {
            return true;
        }
        let Some(answer) = (self.step)(view, &kept.history) else {
            return false;
        };
        if let Some(reply) = self.reply.take() {
            // Whoever asked may have left meanwhile.
            let _ = reply.send(answer);
        }
        true
    }
}

/// Waits for a view.
struct Settling {
    number: u64,
    /// The entry that was behind the last one.
    until: Option<u64>,
    reply: Option<oneshot::Sender<State>>,
}

impl Work for Settling {
    fn step(&mut self, kept: &Kept) -> bool {
        let Some(state) = kept.state(self.number) else {
            return true;
        };
        let until = *self.until.get_or_insert(kept.history.next());
        if self.reply.as_ref().is_none_or(oneshot::Sender::is_closed) {
            return true;
        }
        let is_there = state.progress.is_done || kept.has_looked_to(self.number, until);
        if is_there && let Some(reply) = self.reply.take() {
            // Whoever asked may have left meanwhile.
            let _ = reply.send(state);
        }
        is_there
    }
}

#[cfg(test)]
mod tests;
