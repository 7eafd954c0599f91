//! The server at the other end of a load: an echo, or a sink that counts.

mod datagram;
mod guard;
mod ledger;
mod peer;
mod stream;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sockpit_core::load::{ServePlan, Served};
use sockpit_sys::limit;
use tokio::sync::watch;

use super::Stopper;
use crate::error::{Error, Operation};
use crate::transport::raw::{self, RawListener};

/// What was done is told this often.
const TELL: Duration = Duration::from_secs(1);

/// A request to end is looked for this often at least.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// A server of loads. Dropped, it ends.
#[derive(Debug)]
pub struct Server {
    local: Vec<String>,
    stopper: Stopper,
    told: watch::Receiver<Served>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Takes every address of the endpoint, and serves.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where an address cannot be taken.
    pub async fn open(plan: ServePlan) -> Result<Self, Error> {
        // Each connection is a descriptor; where the limit stays low, accepting waits.
        let _ = limit::raise_open_files();
        let listeners = raw::listen(&plan.session).await?;
        let local = listeners
            .iter()
            .map(|listener| listener.local.clone())
            .collect();
        let stopper = Stopper(Arc::default());
        let (tell, told) = watch::channel(Served::default());
        let works = works(&Arc::new(plan), listeners, &stopper)?;
        let counters: Vec<Arc<Counter>> =
            works.iter().map(|(counter, _)| counter.clone()).collect();
        let spawn = |name: &str, work: Work| {
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(work)
                .map_err(|error| Error::new(Operation::Run, "a thread", error))
        };
        // Dropped on the way out of a failure, it ends the threads that there are.
        let mut server = Self {
            local,
            stopper: stopper.clone(),
            told,
            threads: Vec::new(),
        };
        let mut served = Vec::new();
        for (_, work) in works {
            served.push(spawn("load-serve", work)?);
        }
        let teller = Teller {
            counters,
            stopper,
            tell,
        };
        let telling = spawn("load-tell", Box::new(move || teller.run(served)))?;
        server.threads.push(telling);
        Ok(server)
    }

    /// What was taken, as endpoints.
    #[must_use]
    pub fn local(&self) -> &[String] {
        &self.local
    }

    /// What it has done so far, once a second while that changes; `None` when it is over. It is safe
    /// to cancel.
    pub async fn progress(&mut self) -> Option<Served> {
        self.told.changed().await.ok()?;
        Some(*self.told.borrow_and_update())
    }

    /// Ends it: connections are closed.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// What ends it from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits for its end; what it has done.
    pub async fn finish(mut self) -> Served {
        while self.told.changed().await.is_ok() {}
        for thread in std::mem::take(&mut self.threads) {
            // It has told its last, and ends.
            let _ = thread.join();
        }
        *self.told.borrow()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

type Work = Box<dyn FnOnce() + Send>;

/// What each thread does: connections of all listeners are shared by all threads, datagrams of each
/// listener belong to one.
fn works(
    plan: &Arc<ServePlan>,
    listeners: Vec<RawListener>,
    stopper: &Stopper,
) -> Result<Vec<(Arc<Counter>, Work)>, Error> {
    let mut works: Vec<(Arc<Counter>, Work)> = Vec::new();
    if !plan.session.transport.is_stream() {
        for listener in listeners {
            let counter = Arc::<Counter>::default();
            let serving = datagram::Serving::new(plan, listener, stopper, &counter);
            works.push((counter, Box::new(move || serving.run())));
        }
        return Ok(works);
    }
    let listeners = Arc::new(listeners);
    let open = Arc::<AtomicU64>::default();
    let kept = Arc::<AtomicU64>::default();
    for _ in 0..plan.threads {
        let counter = Arc::<Counter>::default();
        let shared = stream::Shared {
            plan: plan.clone(),
            listeners: listeners.clone(),
            open: open.clone(),
            kept: kept.clone(),
            stopper: stopper.clone(),
            counter: counter.clone(),
        };
        let fail = |error| Error::new(Operation::Listen, plan.endpoint(), error);
        let serving = stream::Serving::new(shared).map_err(fail)?;
        works.push((counter, Box::new(move || serving.run())));
    }
    Ok(works)
}

/// What one thread has done, as others may read it at any time.
#[derive(Debug, Default)]
struct Counter {
    accepted: AtomicU64,
    open: AtomicU64,
    refused: AtomicU64,
    messages: AtomicU64,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    faults: AtomicU64,
}

impl Counter {
    /// Shows what the thread has done so far.
    fn show(&self, served: &Served) {
        let set = |place: &AtomicU64, value| place.store(value, Ordering::Relaxed);
        set(&self.accepted, served.accepted);
        set(&self.open, served.open.into());
        set(&self.refused, served.refused);
        set(&self.messages, served.messages);
        set(&self.received_bytes, served.received_bytes);
        set(&self.sent_bytes, served.sent_bytes);
        set(&self.faults, served.faults);
    }

    fn read(&self) -> Served {
        let get = |place: &AtomicU64| place.load(Ordering::Relaxed);
        Served {
            accepted: get(&self.accepted),
            open: u32::try_from(get(&self.open)).unwrap_or(u32::MAX),
            refused: get(&self.refused),
            messages: get(&self.messages),
            received_bytes: get(&self.received_bytes),
            sent_bytes: get(&self.sent_bytes),
            faults: get(&self.faults),
        }
    }
}

/// Who tells what all threads have done.
struct Teller {
    counters: Vec<Arc<Counter>>,
    stopper: Stopper,
    tell: watch::Sender<Served>,
}

impl Teller {
    fn run(self, threads: Vec<JoinHandle<()>>) {
        let mut next = Instant::now() + TELL;
        while !self.stopper.is_stopped() && !threads.iter().all(JoinHandle::is_finished) {
            thread::sleep(LONGEST_WAIT);
            if next <= Instant::now() {
                next = Instant::now() + TELL;
                self.sum();
            }
        }
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        self.sum();
    }

    fn sum(&self) {
        let mut sum = Served::default();
        for counter in &self.counters {
            sum.merge(&counter.read());
        }
        self.tell.send_if_modified(|told| {
            let is_new = *told != sum;
            *told = sum;
            is_new
        });
    }
}
