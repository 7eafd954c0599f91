//! A thread's share of requests in datagrams.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use socket2::Socket;
use sockpit_core::load::wire::{DATAGRAM_HEADER, Datagram, Header};
use sockpit_core::load::{Answer, Book, Fault, MAX_IN_FLIGHT_TOTAL, Pace, Verdict};

use super::connection::{Message, is_nothing};
use super::drive::{Driver, Tend, drive};
use super::poll::{Poll, Want};
use super::worker::{Outcome, SOCKET_ROOM, Worker, nanos};
use crate::error::{Error, Operation};
use crate::transport::{BoundPath, raw};

/// In nanoseconds: a connection that was refused sends nothing for so long.
const PAUSE: u64 = 100_000_000;

/// In bytes: the longest datagram, and one more, so that a longer answer is found out.
const ROOM: usize = 65_536;

/// Runs it; `None` where it was never begun.
pub(super) fn run(worker: &mut Worker) -> Option<Outcome> {
    let poll = worker.open_poll()?;
    let mut driver = Driver::new(worker, poll, ROOM);
    for place in 0..driver.worker.share.connections {
        match Peer::open(driver.worker, driver.connections.len(), place, &driver.poll) {
            Ok(peer) => driver.connections.push(peer),
            Err(error) => driver.worker.fault(error),
        }
    }
    driver.connected = u32::try_from(driver.connections.len()).unwrap_or(u32::MAX);
    driver.worker.start(driver.connected)?;
    driver.is_sending = true;
    for place in 0..driver.connections.len() {
        driver.refill(place, 0);
    }
    let ended = drive(&mut driver);
    driver.drain(ended.at);
    driver.count_left();
    driver.worker.tally.connected = driver.connected;
    Some(driver.worker.outcome(ended, None))
}

/// One socket, and what it has sent.
struct Peer {
    socket: Socket,
    _bound: BoundPath,
    header: Header,
    /// Messages from the oldest that waits for its answer; `None` where it has come.
    slots: VecDeque<Option<Message>>,
    /// The number of the first of them.
    first: u64,
    /// How many wait.
    waiting: usize,
    /// Messages that are remembered at most, answered ones among them.
    most_slots: usize,
    book: Book,
    /// Whether the system has no room for what it sends.
    is_full: bool,
    /// Until when it sends nothing, where nobody was there.
    pause: Option<u64>,
}

impl Tend for Driver<'_, Peer> {
    fn has_room(&self, place: usize, _: u64) -> bool {
        let peer = &self.connections[place];
        let has_window = self.is_open() || peer.waiting < self.in_flight;
        has_window && !peer.is_full && peer.pause.is_none()
    }

    fn begin_message(&mut self, place: usize, due: u64, now: u64) -> bool {
        let peer = &mut self.connections[place];
        let number = peer.first + peer.slots.len() as u64;
        let header = Header {
            number,
            due,
            ..peer.header
        };
        let content = self.worker.content.wire(number);
        let Some(message) = self.buffer.get_mut(..content.len()) else {
            return false;
        };
        message.copy_from_slice(content);
        header.write(message);
        let written = (&peer.socket).write(message);
        if written.as_ref().is_err_and(is_nothing) {
            self.wait_for_room(place, now);
            return false;
        }
        self.left -= 1;
        self.under_way += 1;
        self.worker.tally.sent.count(content.len());
        peer.slots.push_back(Some(Message { due, sent: now }));
        peer.waiting += 1;
        // What follows the news that somebody is not there is lost, and found out as such.
        if let Err(error) = written {
            self.refused(place, error, now);
            return true;
        }
        let is_over = peer.most_slots < peer.slots.len();
        let peer = &self.connections[place];
        if is_over || self.is_open() && self.in_flight < peer.waiting {
            self.give_up_oldest(place);
        }
        true
    }

    fn event(&mut self, place: usize, found: Want, now: u64) {
        if found.contains(Want::OUT) {
            self.has_emptied(place, now);
        }
        self.read(place);
    }

    fn sweep_one(&mut self, place: usize, now: u64) {
        let limit = nanos(self.worker.plan.timeout);
        while let Some(Some(oldest)) = self.connections[place].slots.front()
            && limit <= now.saturating_sub(oldest.sent)
        {
            self.give_up_oldest(place);
        }
        let pause = self.connections[place].pause;
        if self.is_sending && pause.is_some_and(|until| until <= now) {
            self.resume(place, now);
        }
        self.refill(place, now);
    }
}

impl Driver<'_, Peer> {
    /// Whether messages are sent whether or not others were answered.
    fn is_open(&self) -> bool {
        matches!(self.worker.plan.pace, Pace::Open(_))
    }

    /// Counts what never came.
    fn count_left(&mut self) {
        for peer in &self.connections {
            self.worker.tally.unanswered += peer.waiting as u64;
            self.worker.tally.order.merge(&peer.book.order());
        }
    }

    /// Has a connection send nothing until the system has room for it.
    fn wait_for_room(&mut self, place: usize, now: u64) {
        let peer = &mut self.connections[place];
        match self.poll.change(&peer.socket, place, Want::IN | Want::OUT) {
            Ok(()) => peer.is_full = true,
            Err(error) => self.refused(place, error, now),
        }
    }

    /// Takes the news that the system has room again.
    fn has_emptied(&mut self, place: usize, now: u64) {
        let peer = &mut self.connections[place];
        match self.poll.change(&peer.socket, place, Want::IN) {
            Ok(()) => peer.is_full = false,
            Err(error) => self.refused(place, error, now),
        }
        self.refill(place, now);
    }

    /// Forgets the oldest that waits for its answer, which is lost, or comes later than all that
    /// were sent since.
    fn give_up_oldest(&mut self, place: usize) {
        let peer = &mut self.connections[place];
        if let Some(Some(_)) = peer.slots.pop_front() {
            peer.waiting -= 1;
            self.under_way -= 1;
            // What is lost of datagrams is a figure, and no failure.
            self.worker.tally.unanswered += 1;
        }
        peer.first += 1;
        peer.trim();
    }

    /// Takes the news that a datagram found nobody.
    fn refused(&mut self, place: usize, error: io::Error, now: u64) {
        self.worker.io_fault(error);
        let peer = &mut self.connections[place];
        let waiting = peer.waiting as u64;
        self.worker.tally.unanswered += waiting;
        self.under_way -= waiting;
        peer.first += peer.slots.len() as u64;
        peer.slots.clear();
        peer.waiting = 0;
        peer.pause = Some(now + PAUSE);
    }

    /// Ends the pause of one that found nobody.
    fn resume(&mut self, place: usize, now: u64) {
        let peer = &mut self.connections[place];
        peer.pause = None;
        // A Unix socket knows nobody by that path any more, though somebody may be there again.
        if self.worker.target.inet.is_none()
            && let Err(error) = peer.socket.connect(&self.worker.target.addr)
        {
            self.refused(place, error, now);
        }
    }

    fn read(&mut self, place: usize) {
        let peer = &mut self.connections[place];
        let read = (&peer.socket).read(&mut self.buffer);
        let now = self.worker.now();
        let len = match read {
            Ok(len) => len,
            Err(error) if is_nothing(&error) => return,
            Err(error) => return self.refused(place, error, now),
        };
        let datagram = self.buffer.get(..len).unwrap_or_default();
        let is_any = self.worker.plan.answer == Answer::Any;
        let number = match Datagram::of(datagram) {
            Datagram::Numbered(header) | Datagram::Answer(header)
                if header.run == self.worker.run && header.connection == peer.header.connection =>
            {
                Some(header.number)
            }
            // An answer without a number belongs to the oldest that waits.
            _ if is_any => {
                let oldest = peer.slots.iter().position(Option::is_some);
                oldest.map(|index| peer.first + index as u64)
            }
            _ => None,
        };
        // What was never sent is answered by nobody.
        let sent = peer.first + peer.slots.len() as u64;
        let Some(number) = number.filter(|number| *number < sent) else {
            self.worker.tally.faults.count(Fault::Malformed);
            return;
        };
        let index = number
            .checked_sub(peer.first)
            .and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| peer.slots.get_mut(index));
        let Some(message) = slot.and_then(Option::take) else {
            // It was given up, or had its answer before.
            let verdict = peer.book.note(number);
            let is_first = matches!(verdict, Verdict::Next | Verdict::Reordered);
            self.worker.tally.late += u64::from(is_first);
            return;
        };
        peer.book.note_awaited(number);
        peer.waiting -= 1;
        peer.trim();
        let is_same = is_any || {
            let expected = self.worker.content.wire(number).get(DATAGRAM_HEADER..);
            datagram.get(DATAGRAM_HEADER..) == expected
        };
        let tally = &mut self.worker.tally;
        tally.received.count(len);
        tally.latency.record(now.saturating_sub(message.due));
        tally.corrupt += u64::from(!is_same);
        self.under_way -= 1;
        self.refill(place, now);
    }
}

/// Messages of each connection that are remembered at most, where the oldest is not answered and later
/// ones are.
fn most_slots(in_flight: u32, connections: u32) -> usize {
    let share = MAX_IN_FLIGHT_TOTAL / u64::from(connections.max(1));
    let least = 2 * u64::from(in_flight);
    usize::try_from(share.max(least)).unwrap_or(usize::MAX)
}

impl Peer {
    fn open(worker: &Worker, index: usize, place: u32, poll: &Poll) -> Result<Self, Error> {
        let fail = |error| Error::new(Operation::Connect, &worker.target.text, error);
        let (socket, bound) = raw::connect(&worker.plan.session, &worker.target)?;
        if worker.plan.session.socket.rcvbuf.is_none() {
            // What came while we had no processor would be told as lost on the way.
            let _ = socket.set_recv_buffer_size(SOCKET_ROOM);
        }
        poll.add(&socket, index, Want::IN).map_err(fail)?;
        Ok(Self {
            socket,
            _bound: bound,
            header: Header {
                is_counted: false,
                run: worker.run,
                connection: worker.share.first + place,
                number: 0,
                due: 0,
            },
            slots: VecDeque::new(),
            first: 0,
            waiting: 0,
            most_slots: most_slots(worker.plan.in_flight, worker.plan.connections),
            book: Book::new(),
            is_full: false,
            pause: None,
        })
    }

    /// Forgets the oldest as long as they have had their answers.
    fn trim(&mut self) {
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
    }
}
