//! A thread of a server of loads over datagrams.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use sockpit_core::load::wire::{Datagram, Header};
use sockpit_core::load::{ServePlan, Served, Service};
use sockpit_sys::datagram::segments::RunSender;
use sockpit_sys::datagram::{PeerAddr, RUN_ROOM, ReceiveBatch, Run};
use sockpit_sys::poll;

use super::guard::{Guard, is_answerable};
use super::ledger::Ledger;
use super::waiting::{AGAIN, Waiting};
use super::{Counter, LONGEST_WAIT};
use crate::load::Stopper;
use crate::load::worker::nanos;
use crate::transport::raw::RawListener;

/// Runs of datagrams that one call takes: 1 MiB, which stays in a cache.
const READS: usize = 16;

/// In bytes: what a socket may hold; the system gives less where its own limit is lower.
const SOCKET_ROOM: usize = 8 << 20;

/// Calls in a row before the end is looked for.
const CALLS: usize = 64;

/// A thread that serves one socket.
pub(super) struct Serving {
    listener: RawListener,
    service: Service,
    stopper: Stopper,
    counter: Arc<Counter>,
    served: Served,
    ledger: Ledger,
    guard: Guard,
    waiting: Waiting,
    /// Room for answers that are being sent.
    answers: Vec<u8>,
    begun: Instant,
    /// Sends datagrams of the length that was sent last.
    sender: Option<(NonZeroUsize, RunSender)>,
}

/// What is done with a datagram that came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing more.
    Taken,
    /// It goes back as it came.
    Back,
    /// It goes back as an answer to a load of ours.
    Answer,
}

impl Serving {
    pub(super) fn new(
        plan: &ServePlan,
        listener: RawListener,
        stopper: &Stopper,
        counter: &Arc<Counter>,
    ) -> Self {
        if plan.session.socket.rcvbuf.is_none() {
            // The system's own room is what there is otherwise.
            let _ = listener.socket.set_recv_buffer_size(SOCKET_ROOM);
        }
        if plan.session.socket.sndbuf.is_none() {
            let _ = listener.socket.set_send_buffer_size(SOCKET_ROOM);
        }
        Self {
            listener,
            service: plan.service,
            stopper: stopper.clone(),
            counter: counter.clone(),
            served: Served::default(),
            ledger: Ledger::default(),
            guard: Guard::default(),
            waiting: Waiting::default(),
            answers: Vec::new(),
            begun: Instant::now(),
            sender: None,
        }
    }

    pub(super) fn run(mut self) {
        let mut receiver = ReceiveBatch::new(READS, RUN_ROOM);
        // Without it, datagrams come one by one.
        let is_internet = self
            .listener
            .socket
            .local_addr()
            .is_ok_and(|addr| addr.is_ipv4() || addr.is_ipv6());
        let _ = is_internet && receiver.enable_runs(self.listener.socket.as_fd());
        while !self.stopper.is_stopped() {
            let mut interests = [poll::Interest::to_read(self.listener.socket.as_fd())];
            let (interests, wait) = match (self.waiting.is_full(), self.waiting.is_empty()) {
                (true, _) => (&mut interests[..0], AGAIN),
                (false, false) => (&mut interests[..], AGAIN),
                (false, true) => (&mut interests[..], LONGEST_WAIT),
            };
            // It fails for want of memory at most.
            let ready = poll::wait(interests, Some(wait)).unwrap_or(0);
            self.send_waiting();
            if 0 < ready {
                self.receive(&mut receiver);
            }
            self.counter.show(&self.served);
        }
    }

    fn receive(&mut self, receiver: &mut ReceiveBatch) {
        for _ in 0..CALLS {
            if self.waiting.is_full() {
                return;
            }
            match receiver.receive(self.listener.socket.as_fd()) {
                Ok(runs) => {
                    let now = nanos(self.begun.elapsed());
                    for run in receiver.runs() {
                        self.take(&run, now);
                    }
                    if runs < READS {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // What was sent back earlier found nobody.
                Err(_) => self.served.faults += 1,
            }
        }
    }

    fn take(&mut self, run: &Run<'_>, now: u64) {
        self.served.messages += run.count() as u64;
        self.served.received_bytes += run.bytes.len() as u64;
        // Datagrams beside each other that go back alike go together.
        let mut fate = Fate::Taken;
        let mut alike = 0..0;
        for datagram in run.datagrams() {
            let next = self.judge(datagram, run.from.as_ref(), now);
            if next != fate {
                self.send_back(run, alike.clone(), fate);
                alike.start = alike.end;
                fate = next;
            }
            alike.end += datagram.len();
        }
        if run.bytes.is_empty() && fate == Fate::Back {
            // An empty datagram is one.
            return self.send_empty_back(run);
        }
        self.send_back(run, alike, fate);
    }

    /// Looks at a datagram, counts it or answers an ask, and says what else is done with it.
    fn judge(&mut self, datagram: &[u8], from: Option<&PeerAddr>, now: u64) -> Fate {
        let echoes_all = self.service == Service::Echo;
        match Datagram::of(datagram) {
            Datagram::Numbered(header) if header.is_counted && !echoes_all => {
                self.ledger.count(&header, datagram.len(), now);
                Fate::Taken
            }
            Datagram::Ask(run) if !echoes_all => {
                if let (Some(counts), Some(from)) = (self.ledger.counts(run), from) {
                    let counts = counts.encode();
                    self.send(&counts, counts.len(), from);
                }
                Fate::Taken
            }
            _ if self.service == Service::Sink => Fate::Taken,
            Datagram::Numbered(_) => Fate::Answer,
            Datagram::Ask(_) | Datagram::Other if self.guard.allows_foreign(from, now) => {
                Fate::Back
            }
            Datagram::Answer(_) | Datagram::Ask(_) | Datagram::Other => Fate::Taken,
        }
    }

    fn send_back(&mut self, run: &Run<'_>, range: std::ops::Range<usize>, fate: Fate) {
        let Some(bytes) = run.bytes.get(range).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        let Some(from) = &run.from else { return };
        match fate {
            Fate::Taken => {}
            Fate::Back => self.send(bytes, run.segment, from),
            Fate::Answer => {
                let mut answers = std::mem::take(&mut self.answers);
                answers.clear();
                answers.extend_from_slice(bytes);
                let each = answers.chunks_mut(run.segment.max(1));
                each.for_each(Header::make_answer);
                self.send(&answers, run.segment, from);
                self.answers = answers;
            }
        }
    }

    fn send_empty_back(&mut self, run: &Run<'_>) {
        if let Some(from) = run.from.as_ref().filter(|from| is_answerable(from))
            && let Some(to) = from.inet()
        {
            let sent = self.listener.socket.send_to(&[], &to.into());
            self.served.faults += u64::from(sent.is_err());
        }
    }

    /// Sends datagrams of `segment` bytes each; what the system has no room for is lost, as
    /// datagrams are, but for a peer on a Unix socket.
    fn send(&mut self, bytes: &[u8], segment: usize, to: &PeerAddr) {
        let Some(segment) = NonZeroUsize::new(segment).filter(|_| is_answerable(to)) else {
            return;
        };
        let now = nanos(self.begun.elapsed());
        if !self.waiting.is_empty() && self.waiting.has(to) {
            return self.waiting.push(to, bytes, now);
        }
        let mut rest = bytes;
        let mut is_told = false;
        while !rest.is_empty() {
            match self.try_to_send(rest, segment, to) {
                Ok(len) => rest = rest.get(len..).unwrap_or_default(),
                // The failure of one that was sent before comes up once.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && !is_told => {
                    is_told = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && to.inet().is_none() => {
                    return self.waiting.push(to, rest, now);
                }
                Err(_) => {
                    self.served.faults += 1;
                    return;
                }
            }
        }
    }

    fn try_to_send(
        &mut self,
        bytes: &[u8],
        segment: NonZeroUsize,
        to: &PeerAddr,
    ) -> io::Result<usize> {
        let fd = self.listener.socket.as_fd();
        let (_, sender) = match &mut self.sender {
            Some(sender) if sender.0 == segment => sender,
            other => other.insert((segment, RunSender::new(fd, segment))),
        };
        let len = sender.send(fd, bytes, Some(to))?;
        self.served.sent_bytes += len as u64;
        Ok(len)
    }

    /// Tries again what had no room.
    fn send_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let now = nanos(self.begun.elapsed());
        let mut waiting = std::mem::take(&mut self.waiting);
        let lost = waiting.retry(now, |to, bytes| match NonZeroUsize::new(bytes.len()) {
            Some(len) => self.try_to_send(bytes, len, to).map(|_| ()),
            None => Ok(()),
        });
        self.served.faults += lost;
        self.waiting = waiting;
    }
}
