//! A thread of a server of loads over streams, with its own poll.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use socket2::Socket;
use sockpit_core::load::{ServePlan, Served};

use super::peer::{Moved, Next, Peer};
use super::{Counter, LONGEST_WAIT};
use crate::load::Stopper;
use crate::load::poll::{Poll, Want};
use crate::load::worker::nanos;
use crate::patience::Patience;
use crate::transport::raw::RawListener;

/// In bytes: what one read takes.
const READ_SIZE: usize = 256 << 10;

/// In bytes: what is kept for all peers that do not read their echo, as long as all may keep as much as
/// one read takes.
const MOST_KEPT: u64 = 64 << 20;

/// In bytes: what one read takes, and one peer keeps, beyond that.
const CROWDED_READ_SIZE: usize = 4 << 10;

/// In nanoseconds: how often silent connections are looked for.
const SWEEP: u64 = 250_000_000;

/// In nanoseconds: a hello that has begun is whole within this time, or is none.
const HELLO_TIME: u64 = 1_000_000_000;

/// Connections taken before others are served.
const ACCEPTS: usize = 64;

/// In nanoseconds: after a failure of the system, such as that no descriptor is left, nobody is
/// accepted for so long.
const ACCEPT_PAUSE: u64 = 50_000_000;

/// What the threads of a server have in common.
pub(super) struct Shared {
    pub(super) plan: Arc<ServePlan>,
    pub(super) listeners: Arc<Vec<RawListener>>,
    /// Connections of all threads.
    pub(super) open: Arc<AtomicU64>,
    /// In bytes: what their peers do not read.
    pub(super) kept: Arc<AtomicU64>,
    pub(super) stopper: Stopper,
    pub(super) counter: Arc<Counter>,
}

/// A thread that serves.
pub(super) struct Serving {
    shared: Shared,
    poll: Poll,
    peers: Vec<Option<(Peer, Want)>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
    served: Served,
    begun: Instant,
    next_sweep: u64,
    /// Until when nobody is accepted, after a failure.
    pause: Option<u64>,
}

impl Shared {
    /// Takes how much a peer kept before, and how much it keeps.
    fn keep(&self, before: usize, after: usize) {
        if before < after {
            let more = (after - before) as u64;
            self.kept.fetch_add(more, Ordering::Relaxed);
        } else if after < before {
            let less = (before - after) as u64;
            self.kept.fetch_sub(less, Ordering::Relaxed);
        }
    }
}

impl Serving {
    pub(super) fn new(shared: Shared) -> io::Result<Self> {
        let serving = Self {
            poll: Poll::new()?,
            peers: Vec::new(),
            free: Vec::new(),
            buffer: vec![0; READ_SIZE],
            served: Served::default(),
            begun: Instant::now(),
            next_sweep: SWEEP,
            pause: None,
            shared,
        };
        serving.listen(Want::IN | Want::EXCLUSIVE)?;
        Ok(serving)
    }

    /// Polls the listeners, whose places come before those of the connections.
    fn listen(&self, want: Want) -> io::Result<()> {
        for (place, listener) in self.shared.listeners.iter().enumerate() {
            self.poll.add(&listener.socket, place, want)?;
        }
        Ok(())
    }

    pub(super) fn run(mut self) {
        let mut patience = Patience::default();
        while !self.shared.stopper.is_stopped() {
            let wait = if patience.asks_again() {
                Duration::ZERO
            } else {
                LONGEST_WAIT
            };
            // It fails for want of memory at most.
            let ready = self.poll.wait(wait).unwrap_or(0);
            let before = self.served.received_bytes;
            let now = self.now();
            let listeners = self.shared.listeners.len();
            for index in 0..ready {
                match self.poll.event(index) {
                    Some((place, _)) if place < listeners => self.accept(place, now),
                    Some((place, _)) => self.turn(place - listeners, now),
                    None => {}
                }
            }
            patience.hear(self.served.received_bytes - before);
            if self.next_sweep <= now {
                self.sweep(now);
            }
            if self.pause.is_some_and(|until| until <= now) {
                self.pause = None;
                // What cannot be polled again would have failed before.
                let _ = self.listen(Want::IN | Want::EXCLUSIVE);
            }
            self.shared.counter.show(&self.served);
        }
        let open = u64::from(self.served.open);
        self.shared.open.fetch_sub(open, Ordering::Relaxed);
        self.served.open = 0;
        self.shared.counter.show(&self.served);
    }

    fn now(&self) -> u64 {
        nanos(self.begun.elapsed())
    }

    fn accept(&mut self, place: usize, now: u64) {
        for _ in 0..ACCEPTS {
            let Some(listener) = self.shared.listeners.get(place) else {
                return;
            };
            let socket = match listener.socket.accept_raw() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Who gave up while it waited is no failure of ours.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return self.pause(now),
            };
            self.admit(socket, now);
        }
    }

    /// Accepts nobody for a moment: the listener would be ready for ever.
    fn pause(&mut self, now: u64) {
        self.served.faults += 1;
        self.pause = Some(now + ACCEPT_PAUSE);
        for listener in self.shared.listeners.iter() {
            // One that is not polled is what is wanted.
            let _ = self.poll.remove(&listener.socket);
        }
    }

    fn admit(&mut self, socket: Socket, now: u64) {
        let most = u64::from(self.shared.plan.max_peers);
        if most <= self.shared.open.fetch_add(1, Ordering::Relaxed) {
            self.shared.open.fetch_sub(1, Ordering::Relaxed);
            self.served.refused += 1;
            return;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        self.served.accepted += 1;
        self.served.open += 1;
        let is_armed = socket.set_nonblocking(true).and_then(|()| {
            let place = place + self.shared.listeners.len();
            self.poll.add(&socket, place, Want::IN)
        });
        let peer = Peer::new(socket, self.shared.plan.service, now);
        self.peers[place] = Some((peer, Want::IN));
        if is_armed.is_err() {
            self.served.faults += 1;
            self.remove(place);
        }
    }

    fn turn(&mut self, place: usize, now: u64) {
        let Some(Some((peer, _))) = self.peers.get_mut(place) else {
            return;
        };
        let room = match self.shared.kept.load(Ordering::Relaxed) {
            ..MOST_KEPT => READ_SIZE,
            _ => CROWDED_READ_SIZE,
        };
        let buffer = self.buffer.get_mut(..room).unwrap_or_default();
        let service = self.shared.plan.service;
        let mut moved = Moved::default();
        let before = peer.kept();
        let next = peer.turn(buffer, now, service, &mut moved);
        self.shared.keep(before, peer.kept());
        self.follow(place, next.ok(), moved);
    }

    /// Does what a connection wants next; one that failed wants nothing.
    fn follow(&mut self, place: usize, next: Option<Next>, moved: Moved) {
        self.served.received_bytes += moved.received;
        self.served.sent_bytes += moved.sent;
        let want = match next {
            Some(Next::Read) => Want::IN,
            Some(Next::Write) => Want::OUT,
            Some(Next::Close) => return self.remove(place),
            None => {
                self.served.faults += 1;
                return self.remove(place);
            }
        };
        let at = place + self.shared.listeners.len();
        let Some(Some((peer, wanted))) = self.peers.get_mut(place) else {
            return;
        };
        if *wanted == want {
            return;
        }
        *wanted = want;
        if self.poll.change(&peer.socket, at, want).is_err() {
            self.served.faults += 1;
            self.remove(place);
        }
    }

    fn remove(&mut self, place: usize) {
        if let Some(peer) = self.peers.get_mut(place)
            && let Some((peer, _)) = peer.take()
        {
            self.shared.keep(peer.kept(), 0);
            self.free.push(place);
            self.served.open -= 1;
            self.shared.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Ends those that have been silent for too long.
    fn sweep(&mut self, now: u64) {
        self.next_sweep = now + SWEEP;
        let idle = nanos(self.shared.plan.idle.max(Duration::from_millis(1)));
        let service = self.shared.plan.service;
        for place in 0..self.peers.len() {
            let Some(Some((peer, _))) = self.peers.get_mut(place) else {
                continue;
            };
            let silence = now.saturating_sub(peer.heard);
            if idle <= silence {
                self.remove(place);
            } else if HELLO_TIME <= silence && peer.is_undecided() {
                let mut moved = Moved::default();
                let before = peer.kept();
                let next = peer.settle(service, &mut moved);
                self.shared.keep(before, peer.kept());
                self.follow(place, next.ok(), moved);
            }
        }
    }
}

#[cfg(test)]
mod tests;
