//! The turn that every thread of a load takes, over and over, until its time is over.

use sockpit_core::load::{Mode, Pace};

use super::pacing::Pacing;
use super::poll::{Poll, Want};
use super::worker::{Ended, Worker};

/// Messages that are sent before answers are looked for.
const BURST: u32 = 64;

/// In nanoseconds: how often deadlines are looked at.
const SWEEP: u64 = 20_000_000;

/// A thread's sending, whatever it sends on.
pub(super) trait Drive {
    fn worker(&mut self) -> &mut Worker;

    /// Sends what is due at `now`; gives when something is again.
    fn send_due(&mut self, now: u64) -> u64;

    /// Waits until `until` at most, and takes what comes.
    fn turn(&mut self, now: u64, until: u64);

    /// Whether all is sent and nothing is under way.
    fn is_done(&self) -> bool;

    /// Connections that are open.
    fn connected(&self) -> u32;

    /// Messages that were due before `now` and were not sent.
    fn unsent(&self, now: u64) -> u64;

    /// In nanoseconds: how far sending is behind its schedule.
    fn lag(&self, now: u64) -> u64;
}

/// Sends for as long as the load lasts, and tells each second; gives how it ended.
pub(super) fn drive(driven: &mut impl Drive) -> Ended {
    let end = driven.worker().end();
    let mut looked = 0;
    let (at, due) = loop {
        let now = driven.worker().now();
        let is_stopped = driven.worker().stopper.is_stopped();
        if end <= now && !is_stopped && driven.worker().plan.pace != Pace::Max {
            // What was due since the latest look is still sent, and is in the last second.
            driven.send_due(end - 1);
        }
        if driven.worker().next_cut <= now {
            let (connected, lag) = (driven.connected(), driven.lag(now));
            driven.worker().cut(now.min(end), connected, lag);
        }
        if driven.is_done() || is_stopped {
            // What has become due since the latest look is nobody's delay.
            break (now.min(end), looked);
        }
        if end <= now {
            break (end, end);
        }
        let until = driven.send_due(now);
        looked = now;
        driven.turn(now, until.min(end));
    };
    let (connected, unsent, lag) = (driven.connected(), driven.unsent(due), driven.lag(at));
    driven.worker().ended(at, unsent, connected, lag)
}

/// A thread's connections, each with messages of its own under way.
pub(super) struct Driver<'a, C> {
    pub(super) worker: &'a mut Worker,
    pub(super) poll: Poll,
    pub(super) pacing: Pacing,
    pub(super) mode: Mode,
    /// Whether a connection sends as soon as it can, and asks nobody.
    pub(super) is_max: bool,
    pub(super) in_flight: usize,
    pub(super) connections: Vec<C>,
    /// Room for what is read, or for a datagram that is about to be sent.
    pub(super) buffer: Vec<u8>,
    /// Connections that are open.
    pub(super) connected: u32,
    /// Connections that are being opened.
    pub(super) opening: u32,
    /// Messages that may still be sent.
    pub(super) left: u64,
    /// Messages that are being written, or that wait for their answer.
    pub(super) under_way: u64,
    /// Whether messages are begun.
    pub(super) is_sending: bool,
    pub(super) next_sweep: u64,
}

/// What a driver does with its connections, by what they are.
pub(super) trait Tend {
    /// Whether a connection may begin a message.
    fn has_room(&self, place: usize, now: u64) -> bool;

    /// Sends the message that was due at `due`, on a connection that has room; whether it is gone,
    /// and need not be sent again.
    fn begin_message(&mut self, place: usize, due: u64, now: u64) -> bool;

    /// Takes what the poll found at `now` at the latest.
    fn event(&mut self, place: usize, found: Want, now: u64);

    /// Gives up on a connection what has waited for too long, and takes up again what paused.
    fn sweep_one(&mut self, place: usize, now: u64);
}

impl<'a, C> Driver<'a, C> {
    /// One without connections, whose clock has not begun.
    pub(super) fn new(worker: &'a mut Worker, poll: Poll, room: usize) -> Self {
        let plan = worker.plan.clone();
        Self {
            poll,
            pacing: Pacing::new(plan.pace, &worker.share, plan.connections),
            mode: plan.mode,
            is_max: plan.pace == Pace::Max,
            in_flight: plan.in_flight as usize,
            connections: Vec::new(),
            buffer: vec![0; room],
            connected: 0,
            opening: 0,
            left: worker.share.count,
            under_way: 0,
            is_sending: false,
            next_sweep: 0,
            worker,
        }
    }
}

impl<C> Driver<'_, C>
where
    Self: Tend,
{
    /// Has a connection send what it has room for, or offers it.
    pub(super) fn refill(&mut self, place: usize, now: u64) {
        if self.is_max {
            for _ in 0..BURST {
                if !self.may_begin(place, now) || !self.begin_message(place, now, now) {
                    return;
                }
            }
            if self.mode == Mode::OneWay {
                // The poll asks it again.
                return;
            }
        }
        self.offer(place, now);
    }

    /// Has a connection sent when its turn comes, where it has room.
    fn offer(&mut self, place: usize, now: u64) {
        if self.may_begin(place, now) {
            self.pacing.offer(place);
        }
    }

    fn may_begin(&self, place: usize, now: u64) -> bool {
        self.is_sending && self.left > 0 && self.has_room(place, now)
    }

    /// Waits for the answers that are under way; nothing more is sent.
    pub(super) fn drain(&mut self, ended: u64) {
        self.is_sending = false;
        while 0 < self.under_way {
            let (now, until) = (self.worker.now(), self.worker.last_wait(ended));
            if until <= now {
                // What has come to be too late since the latest look is told as such.
                self.next_sweep = now;
            }
            self.sweep(now);
            if until <= now {
                break;
            }
            self.turn(now, until);
        }
    }

    /// Looks at deadlines, where it is time to.
    pub(super) fn sweep(&mut self, now: u64) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + SWEEP;
        for place in 0..self.connections.len() {
            self.sweep_one(place, now);
        }
    }
}

impl<C> Drive for Driver<'_, C>
where
    Self: Tend,
{
    fn worker(&mut self) -> &mut Worker {
        self.worker
    }

    fn send_due(&mut self, now: u64) -> u64 {
        self.sweep(now);
        for _ in 0..BURST {
            let Some((place, due)) = (0 < self.left).then(|| self.pacing.take(now)).flatten()
            else {
                break;
            };
            // One that was lost while it stood among those that may send has its turn again.
            if !self.has_room(place, now) || !self.begin_message(place, due, now) {
                self.pacing.put_back(place);
            }
            self.offer(place, now);
        }
        match self.left {
            0 => u64::MAX,
            _ => self.pacing.next(),
        }
    }

    fn turn(&mut self, now: u64, until: u64) {
        let until = until.min(self.next_sweep);
        let ready = self.worker.wait(&mut self.poll, now, until);
        for index in 0..ready {
            if let Some((place, found)) = self.poll.event(index) {
                self.event(place, found, now);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.under_way == 0
    }

    fn connected(&self) -> u32 {
        self.connected
    }

    fn unsent(&self, now: u64) -> u64 {
        match self.left {
            0 => 0,
            _ => self.pacing.unsent(now),
        }
    }

    fn lag(&self, now: u64) -> u64 {
        match self.left {
            0 => 0,
            _ => self.pacing.lag(now),
        }
    }
}
