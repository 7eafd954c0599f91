//! A thread's share of a load over streams: requests with their answers, one-way bytes, or
//! connections that come and go.

mod life;

use std::net::Shutdown;

use sockpit_core::load::wire::Counts;
use sockpit_core::load::{Fault, Mode};

use self::life::RETRY;
use super::connection::{Connection, Message, State, Written};
use super::drive::{Drive as _, Driver, Tend, drive};
use super::poll::Want;
use super::worker::{Outcome, Worker, nanos, no_answer};

/// In bytes: what one read takes.
const READ_SIZE: usize = 256 << 10;

/// In nanoseconds: how long the end of a server is waited for that was not greeted.
const PLAIN_WAIT: u64 = 1_000_000_000;

/// Runs it; `None` where it was never begun.
pub(super) fn run(worker: &mut Worker) -> Option<Outcome> {
    let poll = worker.open_poll()?;
    let mut driver = Driver::new(worker, poll, READ_SIZE);
    let connected = driver.connect_all();
    driver.worker.start(connected)?;
    driver.begin();
    let ended = drive(&mut driver);
    let sink = match driver.mode {
        Mode::OneWay => driver.finish(ended.at),
        Mode::Request | Mode::Churn => {
            driver.drain(ended.at);
            None
        }
    };
    driver.worker.tally.unanswered += driver.unanswered();
    driver.worker.tally.connected = driver.connected;
    Some(driver.worker.outcome(ended, sink))
}

impl Tend for Driver<'_, Connection> {
    fn has_room(&self, place: usize, now: u64) -> bool {
        let connection = &self.connections[place];
        let is_free = !connection.is_sending && connection.under_way.len() < self.in_flight;
        match connection.state {
            State::Open if self.mode != Mode::Churn => is_free,
            State::Closed { until } if self.mode == Mode::Churn => until <= now,
            _ => false,
        }
    }

    fn begin_message(&mut self, place: usize, due: u64, now: u64) -> bool {
        let message = Message { due, sent: now };
        if self.mode == Mode::Churn {
            return self.begin_round(place, message);
        }
        self.left -= 1;
        self.under_way += 1;
        if self.mode == Mode::Request {
            self.worker.tally.sent.count(self.worker.content.wire_len());
            self.connections[place].under_way.push_back(message);
        }
        self.write(place, now);
        true
    }

    fn event(&mut self, place: usize, found: Want, _: u64) {
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
            State::Closed { .. } | State::Queued { .. } => {}
        }
    }

    fn sweep_one(&mut self, place: usize, now: u64) {
        let limit = nanos(self.worker.plan.timeout);
        let connection = &self.connections[place];
        let is_late = |since: u64| limit <= now.saturating_sub(since);
        let oldest = connection.under_way.front().map(|message| message.sent);
        match connection.state {
            State::Opening { since } | State::Queued { since, .. } if is_late(since) => {
                let error = no_answer(self.worker.plan.timeout);
                self.lose_with(place, error, now);
            }
            State::Open if oldest.is_some_and(is_late) => self.lose(place, Fault::Timeout, now),
            State::Queued { until, .. } if until <= now => self.open(place, now),
            State::Closed { until } if until <= now && self.is_sending => self.reopen(place, now),
            _ => {}
        }
    }
}

impl Driver<'_, Connection> {
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
                State::Queued { .. } => connection.state = State::Queued { since: 0, until: 0 },
                State::Closed { .. } if self.mode == Mode::Churn => self.refill(place, 0),
                State::Closed { .. } => connection.state = State::Closed { until: RETRY },
            }
        }
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

    fn unanswered(&self) -> u64 {
        let each = self.connections.iter();
        each.map(|connection| connection.under_way.len() as u64)
            .sum()
    }

    /// Ends one-way connections, and waits for what the server counted.
    fn finish(&mut self, ended: u64) -> Option<Counts> {
        let is_greeted = self.worker.plan.greets;
        self.is_sending = false;
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
            let is_whole = is_greeted && !connection.was_lost && counts.run == run;
            is_whole.then_some(counts)
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
