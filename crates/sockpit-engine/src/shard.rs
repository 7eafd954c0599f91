//! A shard: one thread with its runtime, on which sessions live and never move. Where one session is
//! all there is, it may be the thread of whoever waits for that.
//!
//! Nothing on a shard is shared with another thread but the queue of jobs, so its state needs no
//! lock, and an idle peer holds no buffer: all peers read into the shard's one.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::bus::Bus;
use crate::clock::Clock;

/// How many sockets that are ready are taken from the system at once: what is known of so many peers
/// stays in the processor's cache from when they are woken until they are driven.
const READY_AT_ONCE: usize = 64;

/// How many tasks are polled before the system is asked again, although more wait: those that were
/// woken together all have their turn.
const POLLS_AT_ONCE: u32 = 256;

/// Something to do on the shard's thread.
pub(crate) type Job = Box<dyn FnOnce(&Rc<Shard>) + Send>;

/// What the sessions of one shard share.
pub(crate) struct Shard {
    pub(crate) bus: Rc<Bus>,
    /// Where all stream peers read into, one after the other.
    pub(crate) buffer: RefCell<Vec<u8>>,
    sessions: Cell<u32>,
    stop: tokio::sync::Notify,
}

impl Shard {
    /// The number of the next session, from 1.
    pub(crate) fn next_session(&self) -> u32 {
        self.sessions.set(self.sessions.get() + 1);
        self.sessions.get()
    }

    /// Ends the shard's thread; what still runs on it is dropped.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }
}

/// Starts the thread. It ends when every sender is dropped, or by [`Shard::stop`].
pub(crate) fn start() -> io::Result<(mpsc::UnboundedSender<Job>, JoinHandle<()>)> {
    let (sender, jobs) = mpsc::unbounded_channel();
    let runtime = Builder::new_current_thread();
    let thread = std::thread::Builder::new()
        .name("sockpit-shard".to_owned())
        .spawn(move || serve(runtime, jobs))?;
    Ok((sender, thread))
}

/// Starts it as a task of the thread's [`LocalSet`]. It ends as one with a thread does, once it is that
/// task's turn.
pub(crate) fn start_here() -> mpsc::UnboundedSender<Job> {
    let (sender, jobs) = mpsc::unbounded_channel();
    // What still runs when it ends is dropped with its set.
    tokio::task::spawn_local(async move { LocalSet::new().run_until(live(jobs)).await });
    sender
}

fn serve(mut runtime: Builder, jobs: mpsc::UnboundedReceiver<Job>) {
    let runtime = runtime
        .enable_all()
        .max_io_events_per_tick(READY_AT_ONCE)
        .event_interval(POLLS_AT_ONCE)
        .build_local(LocalOptions::default())
        .expect("the system gives a runtime its epoll and event descriptors");
    runtime.block_on(live(jobs));
    // A name that is being looked up must not keep the process.
    runtime.shutdown_background();
}

/// Does what is asked, until nobody can ask any more or the shard is stopped.
async fn live(mut jobs: mpsc::UnboundedReceiver<Job>) {
    let shard = Rc::new(Shard {
        bus: Bus::new(Clock::start()),
        buffer: RefCell::default(),
        sessions: Cell::new(0),
        stop: tokio::sync::Notify::new(),
    });
    let bus = shard.bus.clone();
    tokio::task::spawn_local(async move { bus.run().await });
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => job(&shard),
                None => break,
            },
            () = shard.stop.notified() => break,
        }
    }
}
