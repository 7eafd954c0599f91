//! The life of the connections of a load over streams: opened, lost, and opened again.

use std::io;
use std::time::Duration;

use socket2::Socket;
use sockpit_core::frame::Decoder;
use sockpit_core::load::wire::Hello;
use sockpit_core::load::{Fault, Mode, Service};

use crate::error::Error;
use crate::load::connection::{Connection, Message, State, Written};
use crate::load::drive::{Drive as _, Driver};
use crate::load::poll::Want;
use crate::load::worker::{fault_of, nanos};
use crate::transport::raw;

/// Connections that are being opened at once at the beginning, so that no backlog overflows.
const OPENING: u32 = 64;

/// In nanoseconds: a connection that was lost is opened again after this long.
pub(super) const RETRY: u64 = 100_000_000;

/// In nanoseconds: a Unix server whose backlog is full is asked again after this long.
const BACKLOG_RETRY: u64 = 5_000_000;

impl Driver<'_, Connection> {
    /// Opens all connections, as far as that is possible in time; gives how many are open. Those of
    /// churn come later.
    pub(super) fn connect_all(&mut self) -> u32 {
        let count = self.worker.share.connections as usize;
        let connections = (0..count).map(|_| Connection::new(self.in_flight));
        self.connections = connections.collect();
        if self.mode == Mode::Churn {
            return self.worker.share.connections;
        }
        let deadline = self.worker.now() + 2 * nanos(self.worker.plan.timeout);
        let mut next = 0;
        loop {
            let mut now = self.worker.now();
            // What was not open in time is told as such, also where nobody had the time to look before.
            self.sweep(now);
            if deadline <= now || self.worker.stopper.is_stopped() {
                break;
            }
            while next < count && self.opening < OPENING {
                self.open(next, now);
                next += 1;
                now = self.worker.now();
            }
            let is_waiting = next == count && self.opening == 0;
            if is_waiting && !self.connections.iter().any(Connection::is_queued) {
                break;
            }
            self.turn(now, deadline);
        }
        self.connected
    }

    /// Begins a round trip of churn; whether there is a connection for its message, or will be.
    pub(super) fn begin_round(&mut self, place: usize, message: Message) -> bool {
        let now = message.sent;
        let opened = self.connect();
        if let Err(error) = &opened
            && matches!(fault_of(error.cause()), Fault::NoDescriptor | Fault::NoPort)
        {
            // This machine has none left, so that no connection was begun.
            self.take(place, opened, now);
            return false;
        }
        self.left -= 1;
        self.under_way += 1;
        self.worker.tally.sent.count(self.worker.content.wire_len());
        self.connections[place].under_way.push_back(message);
        self.take(place, opened, now);
        true
    }

    /// Opens a connection, or begins to.
    pub(super) fn open(&mut self, place: usize, now: u64) {
        let opened = self.connect();
        self.take(place, opened, now);
    }

    fn connect(&mut self) -> Result<Socket, Error> {
        if let Some(socket) = self.worker.opened.take() {
            return Ok(socket);
        }
        let (socket, _) = raw::connect(&self.worker.plan.session, &self.worker.target)?;
        Ok(socket)
    }

    /// Takes a new connection, or that there is none.
    fn take(&mut self, place: usize, opened: Result<Socket, Error>, now: u64) {
        match opened {
            Ok(socket) => {
                let decoder = self.decoder();
                self.connections[place].begin(socket, decoder, now);
                self.opening += 1;
                self.arm(place, now);
            }
            Err(error) if error.cause().kind() == io::ErrorKind::WouldBlock => {
                // A backlog that is full is no failure, unless it stays so.
                let connection = &mut self.connections[place];
                let since = match connection.state {
                    State::Queued { since, .. } => since,
                    _ => now,
                };
                let until = now + BACKLOG_RETRY;
                connection.state = State::Queued { since, until };
                self.next_sweep = self.next_sweep.min(until);
            }
            Err(error) => {
                self.worker.fault(error);
                self.fail_opening(place, now + RETRY);
            }
        }
    }

    fn decoder(&self) -> Option<Decoder> {
        let session = &self.worker.plan.session;
        let is_cut = !session.framing.is_raw() && self.mode != Mode::OneWay;
        is_cut.then(|| session.framing.decoder(session.max_frame))
    }

    /// Polls a connection that is being opened.
    fn arm(&mut self, place: usize, now: u64) {
        // Here, and where nothing is in the way, it is open at once, and says so when it is written.
        let is_written = self.mode == Mode::Churn && {
            let connection = &mut self.connections[place];
            let mut bytes = 0;
            match connection.write(&self.worker.content, &mut bytes) {
                Ok(Written::Whole) => true,
                Ok(Written::Partly) => false,
                Err(error) => {
                    self.opening -= 1;
                    self.worker.io_fault(error);
                    return self.fail_opening(place, now + RETRY);
                }
            }
        };
        let want = if is_written { Want::IN } else { Want::OUT };
        let connection = &mut self.connections[place];
        connection.want = want;
        let Some(socket) = &connection.socket else {
            return;
        };
        if let Err(error) = self.poll.add(socket, place, want) {
            self.opening -= 1;
            self.worker.io_fault(error);
            return self.fail_opening(place, now + RETRY);
        }
        if is_written {
            self.opened(place, now);
        }
    }

    /// Takes a connection that is open, or that failed to be.
    pub(super) fn try_opened(&mut self, place: usize, since: u64) {
        let error = match &self.connections[place].socket {
            Some(socket) => socket.take_error().unwrap_or_else(Some),
            None => None,
        };
        let now = self.worker.now();
        if let Some(error) = error {
            self.opening -= 1;
            self.worker.io_fault(error);
            return self.fail_opening(place, now + RETRY);
        }
        self.opened(place, since);
    }

    fn opened(&mut self, place: usize, since: u64) {
        let now = self.worker.now();
        self.opening -= 1;
        self.connected += 1;
        self.worker.tally.connect.record(now.saturating_sub(since));
        let connection = &mut self.connections[place];
        connection.state = State::Open;
        if self.mode == Mode::Churn {
            if connection.is_sending {
                self.want(place, Want::IN);
                self.write(place, now);
            }
            return;
        }
        if self.worker.plan.greets {
            let place_number = u32::try_from(place).unwrap_or(u32::MAX);
            let hello = Hello {
                service: Service::Sink,
                connection: self.worker.share.first.saturating_add(place_number),
                run: self.worker.run,
            };
            if let Err(error) = self.connections[place].greet(&hello.encode()) {
                return self.lose_with(place, error, now);
            }
        }
        let is_asked_always = self.mode == Mode::OneWay && self.is_max && self.is_sending;
        let want = if is_asked_always {
            Want::IN | Want::OUT
        } else {
            Want::IN
        };
        self.want(place, want);
        self.refill(place, now);
    }

    /// Takes a connection that could not be opened.
    fn fail_opening(&mut self, place: usize, until: u64) {
        let connection = &mut self.connections[place];
        connection.socket = None;
        connection.is_sending = false;
        connection.state = State::Closed { until };
        self.count_left(place);
    }

    /// Takes a connection that the system has ended.
    pub(super) fn lose_with(&mut self, place: usize, error: io::Error, now: u64) {
        self.worker.io_fault(error);
        self.give_up(place, now);
    }

    pub(super) fn lose(&mut self, place: usize, fault: Fault, now: u64) {
        self.worker.tally.faults.count(fault);
        self.give_up(place, now);
    }

    /// Closes a connection of churn that has had its answer.
    pub(super) fn close(&mut self, place: usize) {
        if self.worker.plan.resets
            && let Some(socket) = &self.connections[place].socket
        {
            // One that is gone is closed all the same.
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
        self.drop_open(place, 0);
    }

    fn drop_open(&mut self, place: usize, until: u64) {
        let connection = &mut self.connections[place];
        match connection.state {
            State::Open => self.connected -= 1,
            State::Opening { .. } => self.opening -= 1,
            State::Closed { .. } | State::Queued { .. } => {}
        }
        connection.socket = None;
        connection.state = State::Closed { until };
    }

    /// Tries a connection again later; what is under way on it has no answer.
    fn give_up(&mut self, place: usize, now: u64) {
        let connection = &mut self.connections[place];
        // What was never open has brought nothing.
        connection.was_lost |= connection.state == State::Open;
        self.count_left(place);
        self.drop_open(place, now + RETRY);
    }

    /// Counts what is under way on a connection as unanswered.
    fn count_left(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        let left = connection.under_way.len() as u64;
        self.worker.tally.unanswered += left;
        let is_oneway_message = self.mode == Mode::OneWay && connection.is_sending;
        self.under_way -= left + u64::from(is_oneway_message);
        connection.under_way.clear();
        connection.is_sending = false;
    }

    /// Opens again what was lost, or what a round trip has closed.
    pub(super) fn reopen(&mut self, place: usize, now: u64) {
        match self.mode {
            Mode::Churn => self.refill(place, now),
            Mode::OneWay | Mode::Request => self.open(place, now),
        }
    }
}
