//! A thread of a server of loads over datagrams.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use sockpit_core::load::wire::{Counts, Datagram, Header};
use sockpit_core::load::{Book, ServePlan, Served, Service};
use sockpit_sys::datagram::PeerAddr;
use sockpit_sys::datagram::segments::{Run, RunReceiver, RunSender};
use sockpit_sys::poll;

use super::{Counter, LONGEST_WAIT};
use crate::load::Stopper;
use crate::load::worker::nanos;
use crate::transport::raw::RawListener;

/// Runs of datagrams that one call takes: 1 MiB, which stays in a cache.
const READS: usize = 16;

/// In bytes: what a socket may hold; the system gives less where its own limit is lower.
const SOCKET_ROOM: usize = 8 << 20;

/// Loads that are remembered, whoever claims to be one.
const MOST_RUNS: usize = 64;

/// Connections of all loads that are remembered: 200 bytes each.
const MOST_BOOKS: usize = 65_536;

/// Calls in a row before the end is looked for.
const CALLS: usize = 64;

/// Ports whose services answer anything: echo, daytime, qotd, chargen, time (RFC 862 to RFC 868).
const ANSWERING_PORTS: [u16; 5] = [7, 13, 17, 19, 37];

/// A thread that serves one socket.
pub(super) struct Serving {
    listener: RawListener,
    service: Service,
    stopper: Stopper,
    counter: Arc<Counter>,
    served: Served,
    /// The loads that were counted, by their number, with when they were last heard.
    runs: BTreeMap<u64, Counted>,
    books: usize,
    begun: Instant,
    /// Sends datagrams of the length that was sent last.
    sender: Option<(NonZeroUsize, RunSender)>,
}

/// What came of one load.
struct Counted {
    messages: u64,
    bytes: u64,
    books: BTreeMap<u32, Book>,
    first: u64,
    last: u64,
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
            runs: BTreeMap::new(),
            books: 0,
            begun: Instant::now(),
            sender: None,
        }
    }

    pub(super) fn run(mut self) {
        let mut receiver = RunReceiver::new(READS);
        // Without it, datagrams come one by one.
        let is_internet = self
            .listener
            .socket
            .local_addr()
            .is_ok_and(|addr| addr.is_ipv4() || addr.is_ipv6());
        let _ = is_internet && receiver.enable(self.listener.socket.as_fd());
        while !self.stopper.is_stopped() {
            let mut interests = [poll::Interest::to_read(self.listener.socket.as_fd())];
            // It fails for want of memory at most.
            let ready = poll::wait(&mut interests, Some(LONGEST_WAIT)).unwrap_or(0);
            if 0 < ready {
                self.receive(&mut receiver);
            }
            self.counter.show(&self.served);
        }
    }

    fn receive(&mut self, receiver: &mut RunReceiver) {
        for _ in 0..CALLS {
            match receiver.receive(self.listener.socket.as_fd()) {
                Ok(runs) => {
                    let now = nanos(self.begun.elapsed());
                    for run in receiver.iter() {
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
        // Datagrams beside each other that go back go together.
        let mut echo = 0..0;
        let mut at = 0;
        for datagram in run.datagrams() {
            let end = at + datagram.len();
            if self.is_echo(datagram, run.from.as_ref(), now) {
                echo.end = end;
            } else {
                self.send_back(run, echo.clone());
                echo = end..end;
            }
            at = end;
        }
        if run.bytes.is_empty() {
            // An empty datagram is one.
            return self.send_empty_back(run);
        }
        self.send_back(run, echo);
    }

    /// Looks at a datagram; whether it goes back.
    fn is_echo(&mut self, datagram: &[u8], from: Option<&PeerAddr>, now: u64) -> bool {
        if self.service == Service::Echo {
            return true;
        }
        match Datagram::of(datagram) {
            Datagram::Numbered(header) if header.is_counted => {
                self.count(&header, datagram.len(), now);
                false
            }
            Datagram::Ask(run) => {
                if let (Some(counted), Some(from)) = (self.runs.get(&run), from) {
                    let counts = counted.counts(run).encode();
                    self.send(&counts, counts.len(), from);
                }
                false
            }
            Datagram::Numbered(_) | Datagram::Other => self.service == Service::Auto,
        }
    }

    fn count(&mut self, header: &Header, len: usize, now: u64) {
        if !self.runs.contains_key(&header.run) {
            self.make_room();
        }
        let counted = self.runs.entry(header.run).or_insert_with(|| Counted {
            messages: 0,
            bytes: 0,
            books: BTreeMap::new(),
            first: now,
            last: now,
        });
        counted.messages += 1;
        counted.bytes += len as u64;
        counted.last = now;
        if let Some(book) = counted.books.get_mut(&header.connection) {
            book.note(header.number);
        } else if self.books < MOST_BOOKS {
            self.books += 1;
            let book = counted.books.entry(header.connection).or_default();
            book.note(header.number);
        }
    }

    /// Forgets the load that has been silent the longest where there are as many as can be.
    fn make_room(&mut self) {
        if self.runs.len() < MOST_RUNS && self.books < MOST_BOOKS {
            return;
        }
        let oldest = self.runs.iter().min_by_key(|(_, counted)| counted.last);
        if let Some(run) = oldest.map(|(run, _)| *run)
            && let Some(counted) = self.runs.remove(&run)
        {
            self.books -= counted.books.len();
        }
    }

    fn send_back(&mut self, run: &Run<'_>, range: std::ops::Range<usize>) {
        let Some(bytes) = run.bytes.get(range).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        if let Some(from) = &run.from {
            self.send(bytes, run.segment, from);
        }
    }

    fn send_empty_back(&mut self, run: &Run<'_>) {
        let echoes = self.service != Service::Sink;
        if let Some(from) = run
            .from
            .as_ref()
            .filter(|from| echoes && is_answerable(from))
            && let Some(to) = from.inet()
        {
            let sent = self.listener.socket.send_to(&[], &to.into());
            self.served.faults += u64::from(sent.is_err());
        }
    }

    /// Sends datagrams of `segment` bytes each; what the system has no room for is lost, as
    /// datagrams are.
    fn send(&mut self, bytes: &[u8], segment: usize, to: &PeerAddr) {
        let Some(segment) = NonZeroUsize::new(segment).filter(|_| is_answerable(to)) else {
            return;
        };
        let fd = self.listener.socket.as_fd();
        let (_, sender) = match &mut self.sender {
            Some(sender) if sender.0 == segment => sender,
            other => other.insert((segment, RunSender::new(fd, segment))),
        };
        let mut rest = bytes;
        let mut is_told = false;
        while !rest.is_empty() {
            match sender.send(fd, rest, Some(to)) {
                Ok(len) => {
                    self.served.sent_bytes += len as u64;
                    rest = rest.get(len..).unwrap_or_default();
                }
                // The failure of one that was sent before comes up once.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && !is_told => {
                    is_told = true;
                }
                Err(_) => {
                    self.served.faults += 1;
                    return;
                }
            }
        }
    }
}

impl Counted {
    fn counts(&self, run: u64) -> Counts {
        let mut counts = Counts {
            run,
            messages: self.messages,
            bytes: self.bytes,
            elapsed_ns: self.last.saturating_sub(self.first),
            ..Counts::default()
        };
        for book in self.books.values() {
            counts.order.merge(&book.order());
        }
        counts
    }
}

/// Whether an answer could not be answered for ever.
fn is_answerable(to: &PeerAddr) -> bool {
    !to.inet()
        .is_some_and(|addr| ANSWERING_PORTS.contains(&addr.port()))
}
