//! A thread's share of one-way datagrams: as many as go with each call of the system.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;

use rustix::io::Errno;
use socket2::Socket;
use sockpit_core::load::wire::Header;
use sockpit_core::load::{Pace, Schedule};
use sockpit_sys::datagram::segments::RunSender;

use super::drive::{Drive, drive};
use super::poll::{Poll, Want};
use super::worker::{Outcome, SOCKET_ROOM, Worker};
use crate::error::{Error, Operation};
use crate::transport::{BoundPath, raw};

/// In bytes: datagrams that are written side by side before they are sent.
const ROOM: usize = 256 << 10;

/// In nanoseconds: a machine that has no memory for a datagram is asked again after this long.
const BUSY: u64 = 1_000_000;

/// Runs it; `None` where it was never begun.
pub(super) fn run(worker: &mut Worker) -> Option<Outcome> {
    let poll = worker.open_poll()?;
    let mut senders = Vec::new();
    for place in 0..worker.share.connections {
        match Sender::open(worker, place, &poll) {
            Ok(sender) => senders.push(sender),
            Err(error) => worker.fault(error),
        }
    }
    let connected = u32::try_from(senders.len()).unwrap_or(u32::MAX);
    worker.start(connected)?;
    let schedule = worker.plan.pace.rate();
    let schedule =
        schedule.map(|rate| Schedule::new(rate, worker.share.thread, worker.share.threads));
    let mut blast = Blast {
        size: worker.plan.size,
        left: worker.share.count,
        senders,
        schedule,
        next: 0,
        first: 0,
        poll,
        worker,
    };
    let ended = drive(&mut blast);
    Some(blast.worker.outcome(ended, None))
}

struct Blast<'a> {
    worker: &'a mut Worker,
    poll: Poll,
    senders: Vec<Sender>,
    /// In bytes: each datagram.
    size: usize,
    /// Datagrams that may still be sent.
    left: u64,
    /// When they are due; `None` as soon as they go.
    schedule: Option<Schedule>,
    /// The schedule's next one.
    next: u64,
    /// Who sends first of all.
    first: usize,
}

/// One socket with the datagrams that it is to send.
struct Sender {
    socket: Socket,
    _bound: BoundPath,
    sender: RunSender,
    /// Datagrams side by side.
    bytes: Vec<u8>,
    /// Which part of them is to be sent.
    filled: usize,
    sent: usize,
    /// The number of the next datagram.
    number: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// Until the poll finds room.
    Full,
    /// Until that time.
    Busy(u64),
}

impl Drive for Blast<'_> {
    fn worker(&mut self) -> &mut Worker {
        self.worker
    }

    fn send_due(&mut self, now: u64) -> u64 {
        let mut until = u64::MAX;
        for _ in 0..self.senders.len() {
            let place = self.first % self.senders.len();
            self.first = place + 1;
            if let State::Busy(busy) = self.senders[place].state {
                if now < busy {
                    until = until.min(busy);
                    continue;
                }
                self.senders[place].state = State::Ready;
            }
            if self.senders[place].state == State::Full {
                continue;
            }
            self.fill(place, now);
            if self.senders[place].filled == 0 {
                continue;
            }
            self.flush(place, now);
            until = match self.senders[place].state {
                State::Ready => 0,
                State::Full => until,
                State::Busy(busy) => until.min(busy),
            };
        }
        let is_ready = |sender: &Sender| sender.state == State::Ready;
        match &self.schedule {
            // Where nobody can send, the schedule's next moment is over before somebody can.
            Some(schedule) if 0 < self.left && self.senders.iter().any(is_ready) => {
                until.min(schedule.intended(self.next))
            }
            _ => until,
        }
    }

    fn turn(&mut self, now: u64, until: u64) {
        let is_ready = |sender: &Sender| sender.state == State::Ready;
        if until <= now && self.senders.iter().all(is_ready) {
            return;
        }
        let ready = self.worker.wait(&mut self.poll, now, until);
        for index in 0..ready {
            if let Some((place, _)) = self.poll.event(index)
                && let Some(sender) = self.senders.get_mut(place)
            {
                sender.state = State::Ready;
            }
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.senders.iter().all(|sender| sender.filled == 0)
    }

    fn connected(&self) -> u32 {
        u32::try_from(self.senders.len()).unwrap_or(u32::MAX)
    }

    fn unsent(&self, now: u64) -> u64 {
        let held = self
            .senders
            .iter()
            .map(|sender| (sender.filled - sender.sent) / self.size);
        let due = self.schedule.map_or(0, |schedule| match self.left {
            0 => 0,
            // What is due at the very end is not sent.
            _ => schedule
                .due(now.saturating_sub(1))
                .saturating_sub(self.next),
        });
        match self.worker.plan.pace {
            Pace::Max => 0,
            Pace::Paced(_) | Pace::Open(_) => due + held.sum::<usize>() as u64,
        }
    }

    fn lag(&self, now: u64) -> u64 {
        let due = self.schedule.map(|schedule| schedule.intended(self.next));
        let due = due.filter(|_| 0 < self.left);
        due.map_or(0, |due| now.saturating_sub(due))
    }
}

impl Blast<'_> {
    /// Writes the datagrams that a socket is to send next, where it has sent all before.
    fn fill(&mut self, place: usize, now: u64) {
        let sender = &mut self.senders[place];
        if 0 < sender.filled {
            return;
        }
        let due = match &self.schedule {
            Some(schedule) => schedule.due(now).saturating_sub(self.next),
            None => u64::MAX,
        };
        let room = (sender.bytes.len() / self.size) as u64;
        let count = due.min(room).min(self.left);
        let datagrams = sender.bytes.chunks_exact_mut(self.size);
        for (datagram, index) in datagrams.zip(0..count) {
            let due = match &self.schedule {
                Some(schedule) => schedule.intended(self.next + index),
                None => now,
            };
            Header::renumber(datagram, sender.number + index, due);
        }
        sender.number += count;
        sender.filled = count as usize * self.size;
        sender.sent = 0;
        self.next += count;
        self.left -= count;
    }

    fn flush(&mut self, place: usize, now: u64) {
        let Some(sender) = self.senders.get_mut(place) else {
            return;
        };
        let rest = sender
            .bytes
            .get(sender.sent..sender.filled)
            .unwrap_or_default();
        match sender.sender.send(sender.socket.as_fd(), rest, None) {
            Ok(len) => {
                sender.sent += len;
                self.worker.tally.sent.bytes += len as u64;
                self.worker.tally.sent.messages += (len / self.size) as u64;
                if sender.sent == sender.filled {
                    (sender.filled, sender.sent) = (0, 0);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sender.state = State::Full;
                let want = Want::OUT | Want::ONESHOT;
                if let Err(error) = self.poll.change(&sender.socket, place, want) {
                    sender.state = State::Busy(now + BUSY);
                    self.worker.io_fault(error);
                }
            }
            Err(error) => {
                // A machine that is full is no failure.
                if !matches!(
                    Errno::from_io_error(&error),
                    Some(Errno::NOBUFS | Errno::NOMEM)
                ) {
                    self.worker.io_fault(error);
                }
                sender.state = State::Busy(now + BUSY);
            }
        }
    }
}

impl Sender {
    fn open(worker: &Worker, place: u32, poll: &Poll) -> Result<Self, Error> {
        let fail = |error| Error::new(Operation::Connect, &worker.target.text, error);
        let plan = &worker.plan;
        let (socket, bound) = raw::connect(&plan.session, &worker.target)?;
        if plan.session.socket.sndbuf.is_none() {
            // The system's own room is what there is otherwise.
            let _ = socket.set_send_buffer_size(SOCKET_ROOM);
        }
        poll.add(&socket, place as usize, Want::ONESHOT)
            .map_err(fail)?;
        let size = NonZeroUsize::new(plan.size).unwrap_or(NonZeroUsize::MIN);
        let count = (ROOM / size).max(1);
        let header = Header {
            is_counted: true,
            run: worker.run,
            connection: worker.share.first + place,
            number: 0,
            due: 0,
        };
        let mut datagram = worker.content.wire(0).to_vec();
        header.write(&mut datagram);
        Ok(Self {
            sender: RunSender::new(socket.as_fd(), size),
            socket,
            _bound: bound,
            bytes: datagram.repeat(count),
            filled: 0,
            sent: 0,
            number: 0,
            state: State::Ready,
        })
    }
}
