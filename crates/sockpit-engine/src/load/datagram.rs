//! A thread's share of requests in datagrams.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use socket2::Socket;
use sockpit_core::load::wire::{DATAGRAM_HEADER, Datagram, Header};
use sockpit_core::load::{Answer, Book, Fault, MAX_IN_FLIGHT_TOTAL, Pace};

use super::connection::{Message, is_nothing};
use super::pacing::Pacing;
use super::poll::{Poll, Want};
use super::worker::{Outcome, Worker, nanos};
use crate::error::{Error, Operation};
use crate::transport::raw;

/// In nanoseconds: how often deadlines are looked at.
const SWEEP: u64 = 20_000_000;

/// In nanoseconds: a connection that was refused sends nothing for so long.
const PAUSE: u64 = 100_000_000;

/// Messages that are sent before answers are looked for.
const BURST: u32 = 64;

/// In bytes: the longest datagram, and one more, so that a longer answer is found out.
const ROOM: usize = 65_536;

/// Runs it; `None` where it was never begun.
pub(super) fn run(worker: &mut Worker) -> Option<Outcome> {
    let poll = match Poll::new() {
        Ok(poll) => poll,
        Err(error) => {
            worker.io_fault(error);
            return worker.start(0).and(None);
        }
    };
    let mut peers = Vec::new();
    for place in 0..worker.share.connections {
        match Peer::open(worker, peers.len(), place, &poll) {
            Ok(peer) => peers.push(peer),
            Err(error) => worker.fault(error),
        }
    }
    let connected = u32::try_from(peers.len()).unwrap_or(u32::MAX);
    worker.start(connected)?;
    let plan = worker.plan.clone();
    let mut driver = Driver {
        pacing: Pacing::new(plan.pace, &worker.share, plan.connections),
        is_max: plan.pace == Pace::Max,
        is_open: matches!(plan.pace, Pace::Open(_)),
        in_flight: plan.in_flight as usize,
        most_slots: most_slots(plan.in_flight, plan.connections),
        left: worker.share.count,
        peers,
        buffer: vec![0; ROOM],
        message: Vec::new(),
        under_way: 0,
        is_sending: true,
        next_sweep: 0,
        poll,
        worker,
    };
    let at = driver.send();
    let unsent = if driver.left == 0 {
        0
    } else {
        driver.pacing.unsent(at)
    };
    let lag = if driver.left == 0 {
        0
    } else {
        driver.pacing.lag(at)
    };
    let ended = driver.worker.ended(at, unsent, connected, lag);
    driver.is_sending = false;
    driver.drain(at);
    driver.end();
    driver.worker.tally.connected = connected;
    Some(driver.worker.outcome(ended, None))
}

struct Driver<'a> {
    worker: &'a mut Worker,
    poll: Poll,
    pacing: Pacing,
    is_max: bool,
    /// Whether messages are sent whether or not others were answered.
    is_open: bool,
    in_flight: usize,
    /// Messages of one connection that are remembered at most, answered ones among them.
    most_slots: usize,
    peers: Vec<Peer>,
    buffer: Vec<u8>,
    /// The datagram that is being sent.
    message: Vec<u8>,
    /// Messages that may still be sent.
    left: u64,
    /// Messages that wait for their answer.
    under_way: u64,
    is_sending: bool,
    next_sweep: u64,
}

/// One socket, and what it has sent.
struct Peer {
    socket: Socket,
    header: Header,
    /// Messages from the oldest that waits for its answer; `None` where it has come.
    slots: VecDeque<Option<Message>>,
    /// The number of the first of them.
    first: u64,
    /// How many wait.
    waiting: usize,
    book: Book,
    is_offered: bool,
    /// Whether the system has no room for what it sends.
    is_full: bool,
    /// Until when it sends nothing.
    pause: u64,
}

impl Driver<'_> {
    /// Sends until the time is over; gives when it was.
    fn send(&mut self) -> u64 {
        let end = self.worker.end();
        let connected = u32::try_from(self.peers.len()).unwrap_or(u32::MAX);
        for place in 0..self.peers.len() {
            self.refill(place, 0);
        }
        loop {
            let now = self.worker.now();
            if self.worker.next_cut <= now {
                let lag = if self.left == 0 {
                    0
                } else {
                    self.pacing.lag(now)
                };
                self.worker.cut(now.min(end), connected, lag);
            }
            let is_done = self.left == 0 && self.under_way == 0;
            if is_done || self.worker.stopper.is_stopped() {
                return now.min(end);
            }
            if end <= now {
                // What was due since the latest look is still sent.
                self.send_due(end - 1);
                return end;
            }
            if self.next_sweep <= now {
                self.sweep(now);
            }
            self.send_due(now);
            let due = if self.left == 0 {
                u64::MAX
            } else {
                self.pacing.next()
            };
            self.turn(now, due.min(end));
        }
    }

    /// Sends what is due.
    fn send_due(&mut self, now: u64) {
        for _ in 0..BURST {
            let Some((place, due)) = (0 < self.left).then(|| self.pacing.take(now)).flatten()
            else {
                break;
            };
            self.peers[place].is_offered = false;
            if !self.has_room(place, now) || !self.begin_message(place, due, now) {
                self.pacing.put_back(place);
            }
            self.refill(place, now);
        }
    }

    /// Waits for the answers that are under way.
    fn drain(&mut self, ended: u64) {
        while 0 < self.under_way {
            let now = self.worker.now();
            if self.worker.last_wait(ended) <= now {
                break;
            }
            if self.next_sweep <= now {
                self.sweep(now);
            }
            self.turn(now, self.worker.last_wait(ended));
        }
    }

    /// Counts what never came.
    fn end(&mut self) {
        for peer in &self.peers {
            self.worker.tally.unanswered += peer.waiting as u64;
            self.worker.tally.order.merge(&peer.book.order());
        }
    }

    fn turn(&mut self, now: u64, until: u64) {
        let until = until.min(self.next_sweep);
        let ready = self.worker.wait(&mut self.poll, now, until);
        for index in 0..ready {
            if let Some((place, found)) = self.poll.event(index) {
                if found.contains(Want::OUT) {
                    self.has_emptied(place, now);
                }
                self.read(place);
            }
        }
    }

    fn has_room(&self, place: usize, now: u64) -> bool {
        let peer = &self.peers[place];
        let has_window = self.is_open || peer.waiting < self.in_flight;
        has_window && !peer.is_full && peer.pause <= now
    }

    fn refill(&mut self, place: usize, now: u64) {
        for _ in 0..BURST {
            let is_offered = self.peers[place].is_offered;
            if !self.is_sending || self.left == 0 || is_offered || !self.has_room(place, now) {
                return;
            }
            if !self.is_max {
                self.peers[place].is_offered = true;
                return self.pacing.offer(place);
            }
            if !self.begin_message(place, now, now) {
                return;
            }
        }
    }

    /// Sends a message; whether it is gone, and need not be sent again.
    fn begin_message(&mut self, place: usize, due: u64, now: u64) -> bool {
        let peer = &mut self.peers[place];
        let number = peer.first + peer.slots.len() as u64;
        let header = Header {
            number,
            due,
            ..peer.header
        };
        self.message.clear();
        self.message
            .extend_from_slice(self.worker.content.wire(number));
        header.write(&mut self.message);
        let written = (&peer.socket).write(&self.message);
        if written.as_ref().is_err_and(is_nothing) {
            self.wait_for_room(place, now);
            return false;
        }
        let peer = &mut self.peers[place];
        self.left -= 1;
        self.under_way += 1;
        self.worker.tally.sent.count(self.message.len());
        peer.slots.push_back(Some(Message { due, sent: now }));
        peer.waiting += 1;
        // What follows the news that somebody is not there is lost, and found out as such.
        if let Err(error) = written {
            self.refused(place, error, now);
            return true;
        }
        let peer = &self.peers[place];
        if self.most_slots < peer.slots.len() || self.is_open && self.in_flight < peer.waiting {
            self.give_up_oldest(place);
        }
        true
    }

    /// Has a connection send nothing until the system has room for it.
    fn wait_for_room(&mut self, place: usize, now: u64) {
        let peer = &mut self.peers[place];
        match self.poll.change(&peer.socket, place, Want::IN | Want::OUT) {
            Ok(()) => peer.is_full = true,
            Err(error) => self.refused(place, error, now),
        }
    }

    /// Takes the news that the system has room again.
    fn has_emptied(&mut self, place: usize, now: u64) {
        let peer = &mut self.peers[place];
        match self.poll.change(&peer.socket, place, Want::IN) {
            Ok(()) => peer.is_full = false,
            Err(error) => self.refused(place, error, now),
        }
        self.refill(place, now);
    }

    /// Forgets the oldest that waits for its answer, which is lost, or comes later than all that
    /// were sent since.
    fn give_up_oldest(&mut self, place: usize) {
        let peer = &mut self.peers[place];
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
        let peer = &mut self.peers[place];
        let waiting = peer.waiting as u64;
        self.worker.tally.unanswered += waiting;
        self.under_way -= waiting;
        peer.first += peer.slots.len() as u64;
        peer.slots.clear();
        peer.waiting = 0;
        peer.pause = now + PAUSE;
    }

    fn read(&mut self, place: usize) {
        let peer = &mut self.peers[place];
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
        peer.book.note(number);
        let index = number
            .checked_sub(peer.first)
            .and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| peer.slots.get_mut(index));
        // One that was given up, or that had its answer, is in the book alone.
        let Some(message) = slot.and_then(Option::take) else {
            return;
        };
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

    /// Gives up what has waited for too long, and begins again where there was a pause.
    fn sweep(&mut self, now: u64) {
        self.next_sweep = now + SWEEP;
        let limit = nanos(self.worker.plan.timeout);
        for place in 0..self.peers.len() {
            while let Some(Some(oldest)) = self.peers[place].slots.front()
                && limit <= now.saturating_sub(oldest.sent)
            {
                self.give_up_oldest(place);
            }
            self.refill(place, now);
        }
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
        let socket = raw::socket(&worker.plan.session, &worker.target)?;
        socket.connect(&worker.target.addr).map_err(fail)?;
        poll.add(&socket, index, Want::IN).map_err(fail)?;
        Ok(Self {
            socket,
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
            book: Book::new(),
            is_offered: false,
            is_full: false,
            pause: 0,
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
