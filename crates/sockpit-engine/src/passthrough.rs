//! The passthrough: bytes straight between a stream and two descriptors, while nobody watches.
//!
//! A thread for each direction, because stdio cannot be waited for otherwise: making it non-blocking
//! would change it for the shell that shares it. What ends the conversation is the same as in
//! [`sockpit_core::session`]: each side's end, silence, or the user.

use std::fs::OpenOptions;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sockpit_core::event::{FaultKind, What};
use sockpit_core::machine::{Fault, Reason};
use sockpit_core::plan::{Plan, Role};
use sockpit_core::session::reset_text;
use sockpit_sys::poll::{Alarm, Interest, wait};
use sockpit_sys::pump::{Pump, Side, Step};
use tokio::sync::{mpsc, oneshot};

use crate::bus::Scope;
use crate::driver::fault_of;
use crate::error::cause_text;
use crate::patience::Patience;
use crate::session::{Command, DRAIN_TIME, Outcome, RECHECK, Scene};
use crate::transport::StreamLink;
use crate::workbench::Stdio;

/// As in the session: who has one peer, and that has ended, goes on while the input gives something
/// at least this often.
const QUIET_INPUT: Duration = Duration::from_millis(500);

/// Copies until the conversation is over.
pub(crate) async fn run<M>(
    scene: &Scene,
    link: StreamLink,
    stdio: Stdio,
    commands: &mut mpsc::UnboundedReceiver<Command<M>>,
) -> Outcome {
    let (reply, mut ended) = oneshot::channel();
    let copy = match Copy::new(link, stdio, &scene.plan) {
        Ok(copy) => Arc::new(copy),
        Err(error) => return failed(&error),
    };
    let worker = copy.clone();
    let started = std::thread::Builder::new()
        .name("sockpit-receive".to_owned())
        .spawn(move || {
            // Who asked may have left.
            let _ = reply.send(worker.run());
        });
    if let Err(error) = started {
        return failed(&error);
    }
    let outcome = loop {
        tokio::select! {
            outcome = &mut ended => break outcome.unwrap_or_else(|_| Outcome::new(Reason::Error)),
            command = commands.recv(), if !copy.is_stopped.load(Ordering::Relaxed) => {
                if matches!(command, None | Some(Command::Close | Command::Reset | Command::Disconnect(_))) {
                    copy.stop();
                }
            }
        }
    };
    for failure in &outcome.failures {
        scene.publish(1, fault(failure.kind, failure.message.clone()));
    }
    if scene.wants(Scope::Life) {
        let closed = What::Closed {
            reason: outcome.reason,
            message: String::new(),
        };
        scene.publish(1, closed);
    }
    outcome
}

fn failed(error: &io::Error) -> Outcome {
    let mut outcome = Outcome::new(Reason::Error);
    outcome.note(&fault(FaultKind::Failed, cause_text(error)));
    outcome
}

/// Both directions of one conversation.
struct Copy {
    socket: socket2::Socket,
    input: Option<OwnedFd>,
    output: OwnedFd,
    role: Role,
    idle: Option<Duration>,
    linger: Option<Duration>,
    /// Wakes the sending thread.
    to_sender: Alarm,
    /// Wakes the receiving thread.
    to_receiver: Alarm,
    is_stopped: AtomicBool,
    peer_ended: AtomicBool,
    /// The sending half could not go on.
    has_failed: AtomicBool,
    /// Nobody reads what is received.
    reader_left: AtomicBool,
    /// Our side has ended; the peer's end is waited for.
    has_shut_down: AtomicBool,
    sent: AtomicU64,
}

/// How the sending half ended.
enum Sent {
    /// All that there was.
    Everything,
    /// So many bytes did not go, for this reason.
    Broken(usize, Option<io::Error>),
}

impl Copy {
    fn new(link: StreamLink, stdio: Stdio, plan: &Plan) -> io::Result<Self> {
        let socket: OwnedFd = match link {
            StreamLink::Tcp(stream) => stream.into_std()?.into(),
            StreamLink::Unix(stream) => stream.into_std()?.into(),
            StreamLink::Polled(_) | StreamLink::Door(_) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
        };
        let output = match stdio.output {
            Some(output) => output,
            None => OpenOptions::new().write(true).open("/dev/null")?.into(),
        };
        Ok(Self {
            socket: socket.into(),
            input: stdio.input,
            output,
            role: plan.role,
            idle: plan.idle,
            linger: plan.linger,
            to_sender: Alarm::new()?,
            to_receiver: Alarm::new()?,
            is_stopped: AtomicBool::new(false),
            peer_ended: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            reader_left: AtomicBool::new(false),
            has_shut_down: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        })
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.to_sender.raise();
        self.to_receiver.raise();
    }

    fn run(&self) -> Outcome {
        std::thread::scope(|scope| {
            let sender = self
                .input
                .as_ref()
                .map(|input| scope.spawn(|| self.send(input.as_fd())));
            let mut outcome = Outcome::new(Reason::Fin);
            match self.receive(&mut outcome.received) {
                Ok(Some(reason)) => {
                    outcome.reason = reason;
                    self.stop();
                }
                Ok(None) => {}
                Err(error) => {
                    outcome.reason = fault_of(&error).reason();
                    outcome.note(&match fault_of(&error) {
                        Fault::Reset => fault(FaultKind::Reset, describe(&error, outcome.received)),
                        // The network has its own kinds of failure; all others are of the output.
                        Fault::Failed if error.kind() != io::ErrorKind::TimedOut => {
                            let message = format!("cannot write to stdout: {}", cause_text(&error));
                            fault(FaultKind::Stdio, message)
                        }
                        _ => fault(FaultKind::Failed, describe(&error, outcome.received)),
                    });
                    self.stop();
                }
            }
            if let Some(Ok(Sent::Broken(bytes, error))) =
                sender.map(std::thread::ScopedJoinHandle::join)
                && !self.reader_left.load(Ordering::Acquire)
            {
                match error {
                    Some(error) if fault_of(&error) == Fault::Failed => {
                        let message = format!("cannot read stdin: {}", cause_text(&error));
                        outcome.note(&fault(FaultKind::Stdio, message));
                    }
                    Some(error) => {
                        let message = describe(&error, outcome.received);
                        outcome.note(&fault(FaultKind::Reset, message));
                    }
                    None => {}
                }
                // What the system had taken may be lost too; how much, nobody can say.
                let message = match bytes {
                    0 => "not everything was sent".to_owned(),
                    _ => format!("{bytes} bytes were not sent"),
                };
                outcome.note(&fault(FaultKind::Unsent, message));
            }
            outcome.sent = self.sent.load(Ordering::Relaxed);
            if outcome.reason == Reason::Local && !self.reader_left.load(Ordering::Acquire) {
                self.wait_until_taken();
            }
            outcome
        })
    }

    /// Waits until the peer's system has what was sent: closing a socket with unread bytes would
    /// take the rest back.
    fn wait_until_taken(&self) {
        // A peer that is gone takes nothing, and says so below.
        let _ = self.socket.shutdown(Shutdown::Write);
        let give_up = Instant::now() + DRAIN_TIME;
        let is_waiting = || sockpit_sys::socket::unsent(self.socket.as_fd()).unwrap_or(0) > 0;
        while is_waiting() && Instant::now() < give_up {
            std::thread::sleep(RECHECK);
        }
    }

    /// Copies input to the peer until either is over. A failure ends the conversation once what has
    /// come is written.
    fn send(&self, input: BorrowedFd<'_>) -> Sent {
        let sent = self.send_all(input);
        if matches!(sent, Sent::Broken(..)) {
            self.has_failed.store(true, Ordering::Release);
            self.to_receiver.raise();
        }
        sent
    }

    fn send_all(&self, input: BorrowedFd<'_>) -> Sent {
        let mut pump = match Pump::new(input, self.socket.as_fd()) {
            Ok(pump) => pump,
            Err(error) => return Sent::Broken(0, Some(error)),
        };
        loop {
            if self.is_stopped.load(Ordering::Acquire) {
                // The user, or a broken connection: what was taken is lost and said so.
                return match pump.pending() {
                    0 => Sent::Everything,
                    pending => Sent::Broken(pending, None),
                };
            }
            let result = match pump.step() {
                Ok(Step::Moved(bytes)) => {
                    self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
                    Ok(true)
                }
                Ok(Step::Blocked(Side::From)) => self.wait_for_input(input),
                Ok(Step::Blocked(Side::To)) => self.wait_for_room(),
                Ok(Step::End) => {
                    // A server that had nothing to say keeps listening to its peer.
                    if self.role == Role::Client || self.sent.load(Ordering::Relaxed) > 0 {
                        self.shut_down();
                    }
                    return Sent::Everything;
                }
                Err(error) => Err(error),
            };
            match result {
                Ok(true) => {}
                Ok(false) => return Sent::Everything,
                Err(error) => return Sent::Broken(pump.pending(), Some(error)),
            }
        }
    }

    /// `false` once there is nobody to wait for more input for.
    fn wait_for_input(&self, input: BorrowedFd<'_>) -> io::Result<bool> {
        let has_ended = self.peer_ended.load(Ordering::Acquire);
        let timeout = has_ended.then_some(QUIET_INPUT);
        let mut interests = [
            Interest::to_read(input),
            Interest::to_read(self.to_sender.as_fd()),
        ];
        let ready = wait(&mut interests, timeout)?;
        self.hear_alarm(&interests[1], &self.to_sender);
        Ok(ready > 0 || timeout.is_none())
    }

    fn wait_for_room(&self) -> io::Result<bool> {
        let mut interests = [
            Interest::to_write(self.socket.as_fd()),
            Interest::to_read(self.to_sender.as_fd()),
        ];
        wait(&mut interests, None)?;
        self.hear_alarm(&interests[1], &self.to_sender);
        Ok(true)
    }

    /// An alarm that rang would ring for ever. What it means is stored before it is raised, and
    /// looked at after it is cleared, so nothing is missed.
    fn hear_alarm(&self, interest: &Interest<'_>, alarm: &Alarm) {
        if interest.is_readable() {
            alarm.clear();
        }
    }

    fn shut_down(&self) {
        // A peer that is gone does not need to be told.
        let _ = self.socket.shutdown(Shutdown::Write);
        self.has_shut_down.store(true, Ordering::Release);
        self.to_receiver.raise();
    }

    /// Copies what the peer sends to the output; `None` at the peer's end.
    fn receive(&self, received: &mut u64) -> io::Result<Option<Reason>> {
        let mut pump = Pump::new(self.socket.as_fd(), self.output.as_fd())?;
        let mut heard = Instant::now();
        let mut linger = None;
        let mut patience = Patience::default();
        loop {
            if self.is_stopped.load(Ordering::Acquire) {
                return Ok(Some(Reason::Local));
            }
            match pump.step() {
                Ok(Step::Moved(bytes)) => {
                    *received += bytes as u64;
                    patience.hear(bytes as u64);
                    heard = Instant::now();
                }
                Ok(Step::End) => {
                    self.peer_ended.store(true, Ordering::Release);
                    self.to_sender.raise();
                    return Ok(None);
                }
                Ok(Step::Blocked(Side::From)) if self.has_failed.load(Ordering::Acquire) => {
                    return Ok(Some(Reason::Error));
                }
                Ok(Step::Blocked(Side::From)) if patience.asks_again() => {}
                Ok(Step::Blocked(side)) => {
                    if let Some(reason) = self.wait_for_peer(side, heard, &mut linger)? {
                        return Ok(Some(reason));
                    }
                }
                // Nobody reads our output any more.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(Some(self.lose_reader()));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Nobody reads our output any more: that ends the conversation and is no failure, whatever is
    /// still to be sent.
    fn lose_reader(&self) -> Reason {
        self.reader_left.store(true, Ordering::Release);
        Reason::Local
    }

    fn wait_for_peer(
        &self,
        side: Side,
        heard: Instant,
        linger: &mut Option<Instant>,
    ) -> io::Result<Option<Reason>> {
        if self.has_shut_down.load(Ordering::Acquire)
            && let Some(time) = self.linger
        {
            linger.get_or_insert_with(|| Instant::now() + time);
        }
        let now = Instant::now();
        let idle = self
            .idle
            .map(|idle| heard + idle)
            .filter(|_| side == Side::From);
        if linger.is_some_and(|time| time <= now) {
            return Ok(Some(Reason::Timeout));
        }
        if idle.is_some_and(|time| time <= now) {
            return Ok(Some(Reason::Idle));
        }
        let deadline = [idle, *linger].into_iter().flatten().min();
        let alarm = Interest::to_read(self.to_receiver.as_fd());
        let timeout = deadline.map(|time| time.saturating_duration_since(now));
        match side {
            Side::From => {
                let source = Interest::to_read(self.socket.as_fd());
                let mut interests = [source, alarm, Interest::to_close(self.output.as_fd())];
                wait(&mut interests, timeout)?;
                self.hear_alarm(&interests[1], &self.to_receiver);
                // A reader that is gone while nothing comes would not be noticed by a write.
                let is_closed = interests[2].is_gone() && !interests[0].is_readable();
                Ok(is_closed.then(|| self.lose_reader()))
            }
            Side::To => {
                let mut interests = [Interest::to_write(self.output.as_fd()), alarm];
                wait(&mut interests, timeout)?;
                self.hear_alarm(&interests[1], &self.to_receiver);
                Ok(None)
            }
        }
    }
}

fn fault(kind: FaultKind, message: String) -> What {
    What::Fault {
        kind,
        message,
        count: None,
    }
}

fn describe(error: &io::Error, received: u64) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => reset_text(received),
        io::ErrorKind::BrokenPipe => {
            "the peer closed the connection before it had read everything".to_owned()
        }
        _ => cause_text(error),
    }
}
