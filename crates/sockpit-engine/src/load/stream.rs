//! A thread's share of a load over streams: requests with their answers, one-way bytes, or
//! connections that come and go.

mod life;

use std::net::Shutdown;

use sockpit_core::load::wire::Counts;
use sockpit_core::load::{Fault, Mode, Pace};

use self::life::RETRY;
use super::connection::{Connection, Message, State, Written};
use super::pacing::Pacing;
use super::poll::{Poll, Want};
use super::worker::{Outcome, Worker};

/// Messages that are sent before answers are looked for.
const BURST: u32 = 64;

/// In bytes: what one read takes.
const READ_SIZE: usize = 256 << 10;

/// In nanoseconds: how long the end of a server is waited for that was not greeted.
const PLAIN_WAIT: u64 = 1_000_000_000;

/// Runs it; `None` where it was never begun.
pub(super) fn run(worker: &mut Worker) -> Option<Outcome> {
    let poll = match Poll::new() {
        Ok(poll) => poll,
        Err(error) => {
            worker.io_fault(error);
            return worker.start(0).and(None);
        }
    };
    let mut driver = Driver::new(worker, poll);
    let connected = driver.connect_all();
    driver.worker.start(connected)?;
    driver.begin();
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
    let ended = driver.worker.ended(at, unsent, driver.connected, lag);
    driver.is_sending = false;
    let sink = match driver.mode {
        Mode::OneWay => driver.finish(at),
        Mode::Request | Mode::Churn => {
            driver.drain(at);
            None
        }
    };
    driver.worker.tally.unanswered += driver.unanswered();
    driver.worker.tally.connected = driver.connected;
    Some(driver.worker.outcome(ended, sink))
}

struct Driver<'a> {
    worker: &'a mut Worker,
    poll: Poll,
    pacing: Pacing,
    mode: Mode,
    /// Whether a connection sends as soon as it can, and asks nobody.
    is_max: bool,
    in_flight: usize,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    /// Connections that are open.
    connected: u32,
    /// Connections that are being opened.
    opening: u32,
    /// Messages that may still be sent.
    left: u64,
    /// Messages that are being written, or that wait for their answer.
    under_way: u64,
    /// Whether messages are begun.
    is_sending: bool,
    next_sweep: u64,
}

impl<'a> Driver<'a> {
    fn new(worker: &'a mut Worker, poll: Poll) -> Self {
        let plan = worker.plan.clone();
        let in_flight = plan.in_flight as usize;
        let connections = (0..worker.share.connections).map(|_| Connection::new(in_flight));
        Self {
            poll,
            pacing: Pacing::new(plan.pace, &worker.share, plan.connections),
            mode: plan.mode,
            is_max: plan.pace == Pace::Max,
            in_flight,
            connections: connections.collect(),
            buffer: vec![0; READ_SIZE],
            connected: 0,
            opening: 0,
            left: worker.share.count,
            under_way: 0,
            is_sending: false,
            next_sweep: 0,
            worker,
        }
    }

    /// Begins to send; the clock has begun anew.
    fn begin(&mut self) {
        self.is_sending = true;
        self.next_sweep = 0;
        for place in 0..self.connections.len() {
            let connection = &mut self.connections[place];
            match connection.state {
                State::Open => {
                    if self.mode == Mode::OneWay && self.is_max {
                        self.want(place, Want::IN | Want::OUT);
                    }
                    self.refill(place, 0);
                }
                State::Opening { .. } => connection.state = State::Opening { since: 0 },
                State::Closed { .. } if self.mode == Mode::Churn => self.refill(place, 0),
                State::Closed { .. } => connection.state = State::Closed { until: RETRY },
            }
        }
    }

    /// Sends until the time is over; gives when it was.
    fn send(&mut self) -> u64 {
        let end = self.worker.end();
        loop {
            let now = self.worker.now();
            if self.worker.next_cut <= now {
                let lag = if self.left == 0 {
                    0
                } else {
                    self.pacing.lag(now)
                };
                self.worker.cut(now.min(end), self.connected, lag);
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
            let mut until = self.send_due(now);
            if self.left == 0 {
                until = u64::MAX;
            }
            self.turn(now, until.min(end));
        }
    }

    /// Sends what is due; gives when something is again.
    fn send_due(&mut self, now: u64) -> u64 {
        for _ in 0..BURST {
            if self.left == 0 {
                break;
            }
            let Some((place, due)) = self.pacing.take(now) else {
                break;
            };
            self.connections[place].is_offered = false;
            self.begin_message(place, due, now);
            self.refill(place, now);
        }
        self.pacing.next()
    }

    /// Waits for the poll until `until` at most, and does what there is to do.
    fn turn(&mut self, now: u64, until: u64) {
        let until = until.min(self.next_sweep);
        let ready = self.worker.wait(&mut self.poll, now, until);
        for index in 0..ready {
            if let Some((place, found)) = self.poll.event(index) {
                self.event(place, found);
            }
        }
    }

    fn event(&mut self, place: usize, found: Want) {
        match self.connections[place].state {
            State::Opening { since } => self.try_opened(place, since),
            State::Open => {
                let is_readable = found.intersects(Want::IN | Want::HUP | Want::ERR);
                if is_readable && !self.read(place) {
                    return;
                }
                if found.contains(Want::OUT) {
                    let now = self.worker.now();
                    if self.connections[place].is_sending && !self.write(place, now) {
                        return;
                    }
                    self.refill(place, now);
                }
            }
            State::Closed { .. } => {}
        }
    }

    /// Whether a connection may begin a message.
    fn has_room(&self, place: usize, now: u64) -> bool {
        let connection = &self.connections[place];
        let is_free = !connection.is_sending && connection.under_way.len() < self.in_flight;
        match connection.state {
            State::Open if self.mode != Mode::Churn => is_free,
            State::Closed { until } if self.mode == Mode::Churn => until <= now,
            _ => false,
        }
    }

    /// Has a connection send what it has room for, or offers it.
    fn refill(&mut self, place: usize, now: u64) {
        for _ in 0..BURST {
            let is_offered = self.connections[place].is_offered;
            if !self.is_sending || self.left == 0 || is_offered || !self.has_room(place, now) {
                return;
            }
            if !self.is_max {
                self.connections[place].is_offered = true;
                return self.pacing.offer(place);
            }
            self.begin_message(place, now, now);
        }
    }

    /// Sends the message that was due at `due`, on a connection that has room.
    fn begin_message(&mut self, place: usize, due: u64, now: u64) {
        if !self.has_room(place, now) {
            // It was lost while it stood among those that may send; its turn comes again.
            return self.pacing.put_back(place);
        }
        self.left -= 1;
        self.under_way += 1;
        let message = Message { due, sent: now };
        match self.mode {
            Mode::OneWay => {}
            Mode::Request | Mode::Churn => {
                self.worker.tally.sent.count(self.worker.content.wire_len());
                self.connections[place].under_way.push_back(message);
            }
        }
        if self.mode == Mode::Churn {
            return self.open(place, now);
        }
        self.write(place, now);
    }

    /// Writes what is to be written; whether the connection is still there.
    fn write(&mut self, place: usize, now: u64) -> bool {
        let connection = &mut self.connections[place];
        let mut bytes = 0;
        let written = connection.write(&self.worker.content, &mut bytes);
        let is_oneway = self.mode == Mode::OneWay;
        if is_oneway {
            self.worker.tally.sent.bytes += bytes;
        }
        match written {
            Ok(Written::Whole) => {
                if is_oneway {
                    self.worker.tally.sent.messages += 1;
                    self.under_way -= 1;
                }
                // A one-way connection that sends all the time is asked all the time.
                if connection.want.contains(Want::OUT) && !(is_oneway && self.is_max) {
                    self.want(place, Want::IN);
                }
            }
            Ok(Written::Partly) if self.connections[place].want.contains(Want::OUT) => {}
            Ok(Written::Partly) => self.want(place, Want::IN | Want::OUT),
            Err(error) => {
                self.lose_with(place, error, now);
                return false;
            }
        }
        true
    }

    /// Reads what there is; whether the connection is still there.
    fn read(&mut self, place: usize) -> bool {
        let connection = &mut self.connections[place];
        let read = connection.read(&mut self.buffer);
        let now = self.worker.now();
        let len = match read {
            Ok(None) => return true,
            Ok(Some(0)) => return self.ended_by_server(place, now),
            Ok(Some(len)) => len,
            Err(error) => {
                self.lose_with(place, error, now);
                return false;
            }
        };
        let bytes = self.buffer.get(..len).unwrap_or_default();
        if self.mode == Mode::OneWay {
            connection.hear(bytes);
            return true;
        }
        let expected = (&*self.worker.content, self.worker.plan.answer);
        let before = connection.under_way.len();
        let answered = connection.answer(bytes, now, expected, &mut self.worker.tally);
        let whole = before - connection.under_way.len();
        self.under_way -= whole as u64;
        match answered {
            Ok(()) if whole == 0 => true,
            Ok(()) => {
                if self.mode == Mode::Churn {
                    self.close(place);
                }
                self.refill(place, now);
                self.mode != Mode::Churn
            }
            Err(fault) => {
                self.lose(place, fault, now);
                false
            }
        }
    }

    /// Takes the end of what the server sends; whether the connection is still there.
    fn ended_by_server(&mut self, place: usize, now: u64) -> bool {
        if self.mode == Mode::OneWay {
            // It may go on reading.
            self.connections[place].has_ended = true;
            let want = self.connections[place].want & Want::OUT;
            self.want(place, want);
            return true;
        }
        self.lose(place, Fault::Closed, now);
        false
    }

    fn want(&mut self, place: usize, want: Want) {
        let connection = &mut self.connections[place];
        if connection.want == want {
            return;
        }
        let before = std::mem::replace(&mut connection.want, want);
        let Some(socket) = &connection.socket else {
            return;
        };
        // One of which nothing is wanted is taken out: its end would be told again and again.
        let changed = match (before.is_empty(), want.is_empty()) {
            (_, true) => self.poll.remove(socket),
            (true, false) => self.poll.add(socket, place, want),
            (false, false) => self.poll.change(socket, place, want),
        };
        if let Err(error) = changed {
            let now = self.worker.now();
            self.lose_with(place, error, now);
        }
    }

    /// Waits for the answers that are under way.
    fn drain(&mut self, ended: u64) {
        let deadline = self.worker.last_wait(ended);
        while 0 < self.under_way {
            let now = self.worker.now();
            if deadline <= now || self.worker.last_wait(ended) <= now {
                break;
            }
            if self.next_sweep <= now {
                self.sweep(now);
            }
            self.turn(now, deadline);
        }
    }

    fn unanswered(&self) -> u64 {
        let each = self.connections.iter();
        each.map(|connection| connection.under_way.len() as u64)
            .sum()
    }

    /// Ends one-way connections, and waits for what the server counted.
    fn finish(&mut self, ended: u64) -> Option<Counts> {
        let is_greeted = self.worker.plan.greets;
        self.next_sweep = u64::MAX;
        loop {
            // Somebody may have lost patience since.
            let mut deadline = self.worker.last_wait(ended);
            if !is_greeted {
                deadline = deadline.min(ended.saturating_add(PLAIN_WAIT));
            }
            for place in 0..self.connections.len() {
                self.end_sending(place);
            }
            let now = self.worker.now();
            let is_over = |connection: &Connection| {
                !matches!(connection.state, State::Open) || connection.has_ended
            };
            if deadline <= now || self.connections.iter().all(is_over) {
                break;
            }
            self.turn(now, deadline);
        }
        let run = self.worker.run;
        let counts = self.connections.iter().map(|connection| {
            let counts = Counts::decode(&connection.told)?;
            (is_greeted && counts.run == run).then_some(counts)
        });
        counts.reduce(|first, second| {
            let mut sum = first?;
            sum.merge(&second?);
            Some(sum)
        })?
    }

    /// Ends our side of a one-way connection whose last message is written.
    fn end_sending(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        if connection.state != State::Open || connection.is_sending || connection.has_shut {
            return;
        }
        connection.has_shut = true;
        if let Some(socket) = &connection.socket {
            // One that is gone has its end already.
            let _ = socket.shutdown(Shutdown::Write);
        }
        let want = if connection.has_ended {
            Want::empty()
        } else {
            Want::IN
        };
        self.want(place, want);
    }
}
