//! What every thread of a load has: its share, its clock, its tally.

use std::io;
use std::mem;
use std::num::NonZeroU64;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::thread;
use socket2::Socket;
use sockpit_core::load::wire::Counts;
use sockpit_core::load::{Content, Fault, Mode, Plan, Tally};
use sockpit_core::time::TimeSpan;

use super::poll::Poll;
use super::{Stopper, blast, datagram, stream};
use crate::error::{Error, Operation};
use crate::transport::raw::RawTarget;

/// A request to end is looked for this often at least.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// A wait shorter than this would end too late: the system takes some microseconds to wake a thread.
const SHORTEST_WAIT: u64 = 12_000;

/// What is under way when a load is ended by hand is waited for so long at most.
pub(super) const STOPPED_WAIT: Duration = Duration::from_millis(500);

/// In bytes: what a socket for datagrams may hold; the system gives less where its own limit is lower.
pub(super) const SOCKET_ROOM: usize = 4 << 20;

const SECOND: u64 = 1_000_000_000;

/// One thread of a load, before and while it runs.
pub(super) struct Worker {
    pub(super) plan: Arc<Plan>,
    pub(super) content: Arc<Content>,
    pub(super) target: Arc<RawTarget>,
    /// A connection that was made to find the target.
    pub(super) opened: Option<Socket>,
    pub(super) share: Share,
    /// The number of the load, by which a server of ours knows it.
    pub(super) run: u64,
    pub(super) tally: Box<Tally>,
    pub(super) stopper: Stopper,
    pub(super) words: mpsc::Sender<Word>,
    pub(super) go: mpsc::Receiver<Instant>,
    pub(super) begun: Instant,
    /// Nanoseconds since `begun` at which the running second ends.
    pub(super) next_cut: u64,
    /// Why the first thing that failed did.
    pub(super) first_error: Option<Error>,
}

/// Which part of a load is one thread's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) thread: u32,
    pub(super) threads: u32,
    /// The number of its first connection.
    pub(super) first: u32,
    pub(super) connections: u32,
    /// Messages that it sends at most.
    pub(super) count: u64,
}

/// What a thread tells who gathers.
pub(super) enum Word {
    /// Its connections are open, as far as they can be.
    Ready(Box<Tally>, Option<Error>),
    /// What it counted in a second.
    Second(Box<Tally>),
    /// It is over.
    Done(Box<Outcome>),
}

/// How a thread's part ended.
pub(super) struct Outcome {
    /// What was counted since the last whole second, up to the end of sending.
    pub(super) last: Box<Tally>,
    /// What came after it.
    pub(super) rest: Box<Tally>,
    /// When sending ended, in nanoseconds since the start.
    pub(super) ended: u64,
    /// Messages that were due and not sent.
    pub(super) unsent: u64,
    /// What the server counted on this thread's streams.
    pub(super) sink: Option<Counts>,
    /// The first failure of the system.
    pub(super) error: Option<Error>,
}

/// The end of sending, seen from one thread.
pub(super) struct Ended {
    pub(super) last: Box<Tally>,
    pub(super) at: u64,
    pub(super) unsent: u64,
}

impl Worker {
    /// Runs to the end, and tells it.
    pub(super) fn run(mut self) {
        // Slack, 50 µs unless told otherwise, would count as latency; a load works with it, too.
        let _ = thread::set_current_timer_slack(Some(NonZeroU64::MIN));
        let is_stream = self.plan.transport().is_stream();
        let outcome = match (is_stream, self.plan.mode) {
            (true, _) => stream::run(&mut self),
            (false, Mode::OneWay) => blast::run(&mut self),
            (false, _) => datagram::run(&mut self),
        };
        if let Some(outcome) = outcome {
            // Who gathers waits for it, unless it is gone.
            let _ = self.words.send(Word::Done(Box::new(outcome)));
        }
    }

    /// Opens a poll; `None` where the system has none left, which is told.
    pub(super) fn open_poll(&mut self) -> Option<Poll> {
        match Poll::new() {
            Ok(poll) => Some(poll),
            Err(error) => {
                self.io_fault(error);
                self.start(0).and(None)
            }
        }
    }

    /// Tells that the connections are open, and waits for the start; `None` where there is none.
    pub(super) fn start(&mut self, connected: u32) -> Option<()> {
        self.tally.connected = connected;
        let tally = mem::take(&mut self.tally);
        let ready = Word::Ready(tally, self.first_error.take());
        self.words.send(ready).ok()?;
        self.begun = self.go.recv().ok()?;
        self.next_cut = SECOND;
        Some(())
    }

    /// Nanoseconds since the start; before it, since the thread was made.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// When sending ends, in nanoseconds since the start.
    pub(super) fn end(&self) -> u64 {
        nanos(self.plan.duration)
    }

    /// Tells the tally of each second that is over.
    pub(super) fn cut(&mut self, now: u64, connected: u32, lag: u64) {
        while self.next_cut <= now {
            self.tally.connected = connected;
            self.tally.lag = lag;
            let tally = mem::take(&mut self.tally);
            // Who gathers is there as long as there are threads.
            let _ = self.words.send(Word::Second(tally));
            self.next_cut += SECOND;
        }
    }

    /// Takes the end of sending; what is counted from here on is the rest.
    pub(super) fn ended(&mut self, at: u64, unsent: u64, connected: u32, lag: u64) -> Ended {
        self.cut(at, connected, lag);
        self.tally.connected = connected;
        self.tally.lag = lag;
        let last = mem::take(&mut self.tally);
        // No second is told from here on.
        self.next_cut = u64::MAX;
        Ended { last, at, unsent }
    }

    /// Until when what is under way is waited for after the end of sending.
    pub(super) fn last_wait(&self, ended: u64) -> u64 {
        let most = match (self.stopper.is_stopped(), self.stopper.is_stopped_now()) {
            (_, true) => Duration::ZERO,
            (true, false) => self.plan.timeout.min(STOPPED_WAIT),
            (false, false) => self.plan.timeout,
        };
        ended.saturating_add(nanos(most))
    }

    /// Waits for the poll until `until`, in nanoseconds since the start, or a little shorter.
    pub(super) fn wait(&self, poll: &mut Poll, now: u64, until: u64) -> usize {
        let left = until.min(self.next_cut).saturating_sub(now);
        let wait = match left {
            ..SHORTEST_WAIT => Duration::ZERO,
            _ => Duration::from_nanos(left - SHORTEST_WAIT).min(LONGEST_WAIT),
        };
        // It fails for want of memory at most, and then nothing was ready.
        poll.wait(wait).unwrap_or(0)
    }

    /// Counts what went wrong, and keeps the first of it.
    pub(super) fn fault(&mut self, error: Error) {
        self.tally.faults.count(fault_of(error.cause()));
        self.first_error.get_or_insert(error);
    }

    /// The same for a failure of the system.
    pub(super) fn io_fault(&mut self, error: io::Error) {
        self.tally.faults.count(fault_of(&error));
        if self.first_error.is_none() {
            self.first_error = Some(Error::new(Operation::Connect, &self.target.text, error));
        }
    }

    /// What a thread that ends has to tell.
    pub(super) fn outcome(&mut self, ended: Ended, sink: Option<Counts>) -> Outcome {
        Outcome {
            last: ended.last,
            rest: mem::take(&mut self.tally),
            ended: ended.at,
            unsent: ended.unsent,
            sink,
            error: self.first_error.take(),
        }
    }
}

/// In nanoseconds; more than 584 years are as many.
pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// That a server did not answer in time.
pub(super) fn no_answer(within: Duration) -> io::Error {
    let text = format!("no answer within {}", TimeSpan(within));
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// Which kind of failure the system told.
pub(super) fn fault_of(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Fault::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted => Fault::Reset,
        io::ErrorKind::UnexpectedEof => Fault::Closed,
        io::ErrorKind::TimedOut => Fault::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Fault::Unreachable,
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Fault::NoPort,
        _ if matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE)
        ) =>
        {
            Fault::NoDescriptor
        }
        _ => Fault::Other,
    }
}
