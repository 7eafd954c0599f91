//! Who starts the threads of a load, adds up what they count, and tells it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::Socket;
use sockpit_core::load::wire::{self, Counts};
use sockpit_core::load::{Ending, Gathering, Mode, Plan, Progress, Report, Tally};
use sockpit_sys::{limit, poll};

use super::Stopper;
use super::worker::{LONGEST_WAIT, Outcome, STOPPED_WAIT, Share, Word, Worker, no_answer};
use crate::error::{Error, Operation};
use crate::transport::raw::{self, RawTarget};

/// A server is asked again after this long what it counted.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// How often it is asked.
const ASKS: u32 = 20;

const SECOND: u64 = 1_000_000_000;

/// A load that is about to run.
pub(super) struct Gatherer {
    pub(super) plan: Arc<Plan>,
    pub(super) targets: Vec<RawTarget>,
    pub(super) stopper: Stopper,
    pub(super) progress: tokio::sync::mpsc::Sender<Progress>,
    /// Called when all have connected, right before the first message.
    pub(super) begins: Option<Box<dyn FnOnce() + Send>>,
}

/// A thread, as who gathers sees it.
struct Hand {
    words: mpsc::Receiver<Word>,
    go: Option<mpsc::Sender<Instant>>,
    thread: JoinHandle<()>,
    outcome: Option<Box<Outcome>>,
}

impl Gatherer {
    /// Runs the load to its end.
    pub(super) fn run(mut self) -> Result<Report, Error> {
        // Each connection is a descriptor; where the limit stays low, connecting tells.
        let _ = limit::raise_open_files();
        let (target, opened) = self.reachable()?;
        let target = Arc::new(target);
        let run = RandomState::new().build_hasher().finish();
        let mut hands = self.hire(&target, opened, run)?;
        let mut gathering = Gathering::new();
        let mut connected = 0;
        let mut first_error = None;
        for hand in &mut hands {
            match hand.words.recv() {
                Ok(Word::Ready(tally, error)) => {
                    connected += tally.connected;
                    first_error = first_error.or(error);
                    gathering.rest(&tally);
                }
                // A thread that could not even begin has panicked, which joining it tells.
                Ok(Word::Second(_) | Word::Done(_)) | Err(_) => {}
            }
        }
        // What cannot be sent from is a mistake, however many others can.
        let is_misplaced = first_error
            .as_ref()
            .is_some_and(|error| error.operation() == Operation::Bind);
        // Who has ended it while it still connects wants nothing sent.
        let is_stopped = self.stopper.is_stopped();
        if connected == 0 || is_misplaced || is_stopped {
            for hand in &mut hands {
                hand.go = None;
            }
            join(hands);
            let unreachable = || {
                let cause = match is_stopped {
                    true => io::ErrorKind::Interrupted.into(),
                    false => io::Error::other("no connection could be opened"),
                };
                Error::new(Operation::Connect, &target.text, cause)
            };
            return Err(first_error.unwrap_or_else(unreachable));
        }
        if let Some(begins) = self.begins.take() {
            begins();
        }
        let begun = Instant::now();
        for hand in &mut hands {
            if let Some(go) = hand.go.take() {
                // A thread that is gone is found out below.
                let _ = go.send(begun);
            }
        }
        self.follow(&mut hands, &mut gathering);
        let (ending, error) = self.end(&mut hands, &mut gathering, &target, run);
        join(hands);
        let report = gathering.report(&self.plan, ending);
        let is_reached = match self.plan.mode {
            Mode::Churn => 0 < report.connect.count,
            // Datagrams are only known to be refused; whether one arrived tells a count, or that
            // nothing was refused at first.
            Mode::OneWay => {
                let was_refused = report.seconds.first().is_none_or(|one| 0 < one.faults);
                report.is_stream
                    || report.sink.is_some()
                    || report.faults.refused == 0
                    || !was_refused
            }
            Mode::Request => {
                report.is_stream || 0 < report.received() || report.faults.refused == 0
            }
        };
        match error {
            Some(error) if !is_reached => Err(error),
            _ => Ok(report),
        }
    }

    /// The first target that takes a connection, with the connection; the only one is not asked.
    fn reachable(&self) -> Result<(RawTarget, Option<Socket>), Error> {
        let mut last = None;
        for target in &self.targets {
            if self.targets.len() == 1 {
                return Ok((target.clone(), None));
            }
            match self.try_to_reach(target) {
                Ok(socket) => return Ok((target.clone(), Some(socket))),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("an endpoint resolves to at least one address"))
    }

    fn try_to_reach(&self, target: &RawTarget) -> Result<Socket, Error> {
        let fail = |error| Error::new(Operation::Connect, &target.text, error);
        let (socket, _) = raw::connect(&self.plan.session, target)?;
        let timeout = self.plan.timeout;
        let begun = Instant::now();
        while self.plan.transport().is_stream() {
            if self.stopper.is_stopped() {
                return Err(fail(io::ErrorKind::Interrupted.into()));
            }
            let Some(left) = timeout.checked_sub(begun.elapsed()) else {
                return Err(fail(no_answer(timeout)));
            };
            let mut interests = [poll::Interest::to_write(socket.as_fd())];
            if 0 < poll::wait(&mut interests, Some(left.min(LONGEST_WAIT))).map_err(fail)? {
                break;
            }
        }
        match socket.take_error() {
            Ok(None) => Ok(socket),
            Ok(Some(error)) | Err(error) => Err(fail(error)),
        }
    }

    /// Starts the threads, each with its share.
    fn hire(
        &self,
        target: &Arc<RawTarget>,
        mut opened: Option<Socket>,
        run: u64,
    ) -> Result<Vec<Hand>, Error> {
        let content = self.plan.content().expect("the plan has checked it");
        let content = Arc::new(content);
        let mut hands = Vec::new();
        let mut first = 0;
        let threads = self.plan.threads;
        for thread in 0..threads {
            let (total, rest) = (self.plan.connections, self.plan.connections % threads);
            let connections = total / threads + u32::from(thread < rest);
            let count = self.plan.count.map_or(u64::MAX, |count| {
                let (threads, thread) = (u64::from(threads), u64::from(thread));
                count / threads + u64::from(thread < count % threads)
            });
            let (words, told) = mpsc::channel();
            let (go, going) = mpsc::channel();
            let worker = Worker {
                plan: self.plan.clone(),
                content: content.clone(),
                target: target.clone(),
                opened: opened.take(),
                share: Share {
                    thread,
                    threads,
                    first,
                    connections,
                    count,
                },
                run,
                tally: Box::default(),
                stopper: self.stopper.clone(),
                words,
                go: going,
                begun: Instant::now(),
                next_cut: u64::MAX,
                first_error: None,
            };
            first += connections;
            let thread = thread::Builder::new()
                .name(format!("load-{thread}"))
                .spawn(move || worker.run())
                .map_err(|error| Error::new(Operation::Run, "a thread", error))?;
            hands.push(Hand {
                words: told,
                go: Some(go),
                thread,
                outcome: None,
            });
        }
        Ok(hands)
    }

    /// Adds up second after second until no thread tells one.
    fn follow(&self, hands: &mut [Hand], gathering: &mut Gathering) {
        for second in 1_u64.. {
            let mut total = Tally::default();
            let mut is_whole = false;
            let mut ended = Vec::new();
            for hand in &mut *hands {
                let was_over = hand.outcome.is_some();
                match (hand.second(), &mut hand.outcome) {
                    (Some(tally), _) => {
                        is_whole = true;
                        total.merge(&tally);
                    }
                    (None, Some(outcome)) if !was_over => ended.push(&mut outcome.last),
                    (None, _) => {}
                }
            }
            if !is_whole {
                return;
            }
            // A thread that has sent all its messages has done so in a second that others end.
            for last in ended {
                total.merge(&std::mem::take(last));
            }
            self.tell(gathering.second(second * SECOND, &total));
        }
    }

    fn tell(&self, progress: Progress) {
        // Who does not look misses it here, and finds it in the report.
        let _ = self.progress.try_send(progress);
    }

    /// Adds up how the threads ended.
    fn end(
        &self,
        hands: &mut [Hand],
        gathering: &mut Gathering,
        target: &RawTarget,
        run: u64,
    ) -> (Ending, Option<Error>) {
        let mut last = Tally::default();
        let mut rest = Tally::default();
        let (mut elapsed, mut unsent) = (0, 0);
        let mut sinks = Vec::new();
        let mut error = None;
        for hand in hands {
            if let Some(outcome) = hand.outcome.take() {
                last.merge(&outcome.last);
                rest.merge(&outcome.rest);
                elapsed = outcome.ended.max(elapsed);
                unsent += outcome.unsent;
                sinks.push(outcome.sink);
                error = error.or(outcome.error);
            }
        }
        // A whole second was told already, with all that was in it.
        match elapsed.is_multiple_of(SECOND) {
            true => gathering.rest(&last),
            false => self.tell(gathering.second(elapsed, &last)),
        }
        gathering.rest(&rest);
        let sink = match (self.plan.mode, self.plan.transport().is_stream()) {
            (Mode::OneWay, true) => sinks.into_iter().reduce(both).flatten(),
            (Mode::OneWay, false) => self.ask(target, run),
            _ => None,
        };
        let is_whole = self
            .plan
            .count
            .is_some_and(|count| count <= gathering.total().sent.messages);
        let ending = Ending {
            target: target.text.clone(),
            elapsed,
            is_stopped: self.stopper.is_stopped() && !is_whole,
            unsent,
            sink,
        };
        (ending, error)
    }

    /// Asks a server of ours what it counted of a load in datagrams; another one does not answer.
    fn ask(&self, target: &RawTarget, run: u64) -> Option<Counts> {
        let (socket, _bound) = raw::connect(&self.plan.session, target).ok()?;
        let question = wire::ask(run);
        let mut bytes = [0; 2 * wire::COUNTS];
        let begun = Instant::now();
        for _ in 0..ASKS {
            let is_late = self.stopper.is_stopped() && STOPPED_WAIT <= begun.elapsed();
            if is_late || self.stopper.is_stopped_now() {
                return None;
            }
            // Nobody there is told by the next call too.
            let _ = socket.send(&question);
            let deadline = Instant::now() + ASK_AGAIN;
            while let Some(left) = deadline.checked_duration_since(Instant::now()) {
                let mut interests = [poll::Interest::to_read(socket.as_fd())];
                if !poll::wait(&mut interests, Some(left)).is_ok_and(|ready| 0 < ready) {
                    break;
                }
                let len = match io::Read::read(&mut &socket, &mut bytes) {
                    Ok(len) => len,
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return None,
                    Err(_) => break,
                };
                let counts = Counts::decode(bytes.get(..len).unwrap_or_default());
                if let Some(counts) = counts.filter(|counts| counts.run == run) {
                    return Some(counts);
                }
            }
        }
        None
    }
}

impl Hand {
    /// What the thread counted in its next whole second; `None` when it is over.
    fn second(&mut self) -> Option<Box<Tally>> {
        if self.outcome.is_some() {
            return None;
        }
        match self.words.recv() {
            Ok(Word::Second(tally)) => Some(tally),
            Ok(Word::Done(outcome)) => {
                self.outcome = Some(outcome);
                None
            }
            Ok(Word::Ready(..)) | Err(_) => None,
        }
    }
}

/// Counts are only whole if all told theirs.
fn both(first: Option<Counts>, second: Option<Counts>) -> Option<Counts> {
    let mut sum = first?;
    sum.merge(&second?);
    Some(sum)
}

/// Waits for the threads.
///
/// # Panics
///
/// Where one of them did.
fn join(hands: Vec<Hand>) {
    for hand in hands {
        if let Err(panic) = hand.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}
