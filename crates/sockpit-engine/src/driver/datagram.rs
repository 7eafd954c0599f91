//! Drives all peers of the sockets of one datagram session.
//!
//! A peer is an address. Datagrams come and go in batches: what one batch received causes is sent in
//! one batch too. One heap of deadlines serves all peers; a deadline that moved on is put back when
//! it is reached, so a message that merely pushes it further costs nothing.

mod guard;
mod peers;
mod receiving;
mod returning;
mod sending;
mod socket;
mod table;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque, hash_map};
use std::future::poll_fn;
use std::hash::BuildHasher as _;
use std::rc::Rc;
use std::task::{Context, Poll};

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use sockpit_core::event::{Direction, FaultKind, What};
use sockpit_core::machine::{Machine, Output, Reason};
use sockpit_core::plan::Role;
use sockpit_core::session::Peer as PeerSeed;
use sockpit_core::time::Time;
use sockpit_sys::datagram::{PeerAddr, ReceiveBatch, Return};
use tokio::sync::mpsc;

use super::timer::Timer;
use super::{Cause, REPLY_LIMIT};
use crate::bus::Scope;
use crate::program::{Program, ProgramPlan};
use crate::session::{
    Change, Command, FIRST_PEER, Outcome, PeerFacts, Scene, Target, Traffic, lost_fault,
};
use crate::transport::DatagramSockets;
use guard::Guard;
use socket::{Socket, joins_datagrams};
use table::{Place, Table};

/// Reads by one system call, each of a datagram or of several of one peer.
const BATCH: usize = 32;

/// Addresses that answered a broadcast and are told apart; later ones are not announced.
const MAX_ANSWERERS: usize = 1024;

/// Drives the session to its end.
pub(crate) async fn run<M, F>(
    scene: Rc<Scene>,
    sockets: DatagramSockets,
    make: F,
    commands: mpsc::UnboundedReceiver<Command<M>>,
    program: Option<Rc<ProgramPlan<M>>>,
) -> Outcome
where
    M: Machine,
    M::Event: Into<What>,
    F: FnMut(PeerSeed, Time) -> M,
{
    let mut driver = Datagram::new(scene, sockets, make, commands, program);
    driver.begin();
    poll_fn(|cx| driver.poll(cx)).await;
    driver.end()
}

/// Peers choose their addresses, but not the numbers by which these are hashed: the standard library's
/// come from the system.
fn hashing() -> SeedableRandomState {
    let seed = hash_map::RandomState::new().hash_one(());
    SeedableRandomState::with_seed(seed, SharedSeed::global_random())
}

struct Datagram<M: Machine, F> {
    scene: Rc<Scene>,
    make: F,
    commands: mpsc::UnboundedReceiver<Command<M>>,
    program: Option<Rc<ProgramPlan<M>>>,
    sockets: Vec<Socket>,
    batch: Option<ReceiveBatch>,
    /// What of the batch at hand goes straight back; empty between batches.
    returns: Vec<Return>,
    peers: Table<Peer<M>>,
    by_addr: HashMap<PeerAddr, Place, SeedableRandomState>,
    /// Peers so far; the last one's number.
    count: u32,
    deadlines: BinaryHeap<Reverse<(Time, u32)>>,
    timer: Timer,
    /// What the user sent while those who watch were behind; bounded by the session's budget.
    delayed: VecDeque<(Target, Change<M>)>,
    /// What the user sent before there was a peer.
    held: Vec<Change<M>>,
    answerers: BTreeSet<PeerAddr>,
    /// Datagrams of addresses that were too many, since the last time one was told of.
    turned_away: u64,
    /// For which pause of the bus it is registered.
    waits_for: u64,
    /// Whether it was told that the first peer is gone and spoken to.
    is_loss_told: bool,
    /// Whether anybody gets what the machines tell.
    is_watched: bool,
    /// Whether anybody gets chunks.
    shows_chunks: bool,
    outcome: Outcome,
    over: Option<Reason>,
    stop_by: Option<Time>,
}

/// One address that speaks with us.
struct Peer<M> {
    machine: M,
    /// Where it is sent to; `None` on a connected socket.
    to: Option<PeerAddr>,
    name: String,
    socket: usize,
    since: Time,
    received: u64,
    sent: u64,
    wake: Option<Time>,
    /// The time of its entry in the heap.
    armed: Option<Time>,
    guard: Guard,
    program: Option<Program>,
    /// Datagrams that the program had no room for.
    dropped: u64,
    /// Whether its latest message did not leave, so that it is not told as sent.
    is_withheld: bool,
}

impl<M, F> Datagram<M, F>
where
    M: Machine,
    M::Event: Into<What>,
    F: FnMut(PeerSeed, Time) -> M,
{
    fn new(
        scene: Rc<Scene>,
        sockets: DatagramSockets,
        make: F,
        commands: mpsc::UnboundedReceiver<Command<M>>,
        program: Option<Rc<ProgramPlan<M>>>,
    ) -> Self {
        let mut batch = ReceiveBatch::new(BATCH, scene.plan.read_size.get());
        let answers_alone = scene.plan.rules.is_some() || program.is_some();
        let joins = joins_datagrams(&scene.plan);
        let sockets = sockets.into_sockets(|fd| {
            if answers_alone {
                // Without it the guard against loops sees no hops and leaves them alone.
                let _ = batch.enable_ttl(fd);
            }
            if joins {
                // Without it datagrams come one by one.
                batch.enable_runs(fd);
            }
        });
        Self {
            sockets: sockets
                .into_iter()
                .map(|opened| Socket::new(opened, &scene.plan))
                .collect(),
            batch: Some(batch),
            returns: Vec::new(),
            scene,
            make,
            commands,
            program,
            peers: Table::new(),
            by_addr: HashMap::with_hasher(hashing()),
            count: 0,
            deadlines: BinaryHeap::new(),
            timer: Timer::default(),
            delayed: VecDeque::new(),
            held: Vec::new(),
            answerers: BTreeSet::new(),
            turned_away: 0,
            waits_for: 0,
            is_loss_told: false,
            is_watched: true,
            shows_chunks: true,
            outcome: Outcome::new(Reason::Local),
            over: None,
            stop_by: None,
        }
    }

    /// A client has its peer from the start.
    fn begin(&mut self) {
        if self.scene.plan.role == Role::Client {
            let to = self.sockets[0].destination.clone();
            let name = self.sockets[0].peer_name.clone();
            self.add_peer(self.scene.now(), 0, to, name);
        }
    }

    fn end(mut self) -> Outcome {
        let unsent: usize = self.sockets.iter().map(|socket| socket.queued_bytes).sum();
        if unsent > 0 {
            let message = format!("{unsent} bytes were not sent");
            self.publish_fault(0, FaultKind::Unsent, message, Some(unsent as u64));
        }
        let reason = self.over.unwrap_or(Reason::Local);
        for number in self.peers.numbers() {
            self.scene.publish(
                number,
                What::Closed {
                    reason,
                    message: String::new(),
                },
            );
        }
        if self.scene.plan.role == Role::Server {
            self.scene.publish(
                0,
                What::Closed {
                    reason,
                    message: String::new(),
                },
            );
        }
        self.outcome.reason = reason;
        self.outcome
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.update_watch();
        loop {
            let may_publish = self
                .scene
                .shard
                .bus
                .poll_ready(cx, &mut self.waits_for)
                .is_ready();
            let mut moved = self.poll_send(cx);
            let is_flushed = self.sockets.iter().all(Socket::is_flushed);
            let gives_up = self.stop_by.is_some_and(|time| time <= self.scene.now());
            if self.over.is_some() && (is_flushed || gives_up) {
                return Poll::Ready(());
            }
            moved |= self.poll_commands(cx, may_publish);
            if may_publish {
                moved |= self.poll_programs(cx);
                moved |= self.poll_receive(cx);
            }
            moved |= self.poll_timer(cx, may_publish);
            if !moved {
                return Poll::Pending;
            }
        }
    }

    fn update_watch(&mut self) {
        self.shows_chunks = self.scene.wants(Scope::Chunks);
        if self.is_watched != self.scene.wants(Scope::Everything) {
            self.is_watched = !self.is_watched;
            for peer in self.peers.values_mut() {
                peer.machine.handle_watch(self.is_watched);
            }
        }
    }

    /// Obeys the handle. What would publish much waits until it may; the end does not.
    fn poll_commands(&mut self, cx: &mut Context<'_>, may_publish: bool) -> bool {
        let mut moved = false;
        while may_publish && let Some((target, change)) = self.delayed.pop_front() {
            self.change(target, change);
            moved = true;
        }
        while self.over.is_none() {
            let Poll::Ready(command) = self.commands.poll_recv(cx) else {
                break;
            };
            moved = true;
            match command {
                Some(Command::Change(target, change)) if may_publish => self.change(target, change),
                Some(Command::Change(target, change)) => self.delayed.push_back((target, change)),
                Some(Command::Peers(reply)) => {
                    let facts = self.peers.iter().map(|(number, peer)| PeerFacts {
                        number,
                        addr: peer.name.clone(),
                        since: peer.since,
                        traffic: Traffic {
                            received: peer.received,
                            sent: peer.sent,
                        },
                    });
                    // Whoever asked may have left.
                    let _ = reply.send(facts.collect());
                }
                Some(Command::Traffic(reply)) => {
                    let traffic = Traffic {
                        received: self.outcome.received,
                        sent: self.outcome.sent,
                    };
                    // Whoever asked may have left.
                    let _ = reply.send((self.peers.len(), traffic));
                }
                Some(Command::Reach(addr, reply)) => {
                    // Whoever asked may have left.
                    let _ = reply.send(self.reach(addr));
                }
                Some(Command::Disconnect(number)) => self.remove_peer(number, Reason::Local),
                Some(Command::Close) => self.finish(Reason::Local),
                // Without the handle nobody is interested in an orderly end.
                Some(Command::Reset) | None => {
                    self.finish(Reason::Local);
                    self.stop_by = Some(self.scene.now());
                }
            }
        }
        moved
    }

    fn change(&mut self, target: Target, change: Change<M>) {
        let numbers = match target {
            Target::Latest => match self.peers.last() {
                Some(number) => vec![number],
                None => return self.held.push(change),
            },
            Target::First if self.peers.contains(FIRST_PEER) => vec![FIRST_PEER],
            Target::First if self.count < FIRST_PEER => return self.held.push(change),
            Target::First => {
                if change.permit.is_some() && !std::mem::replace(&mut self.is_loss_told, true) {
                    self.scene.publish(FIRST_PEER, lost_fault(FIRST_PEER));
                }
                return;
            }
            Target::Peer(number) => {
                if change.permit.is_some() && !self.peers.contains(number) {
                    self.scene.publish(number, lost_fault(number));
                }
                vec![number]
            }
            Target::All => self.peers.numbers(),
        };
        let now = self.scene.now();
        for number in numbers {
            if let Some(peer) = self.peers.get_mut(number) {
                (change.apply)(&mut peer.machine, now);
                self.drain(number, &Cause::User(change.permit.clone()));
            }
        }
    }

    fn poll_programs(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(plan) = self.program.clone() else {
            return false;
        };
        let mut moved = false;
        for number in self.peers.numbers() {
            let Some(peer) = self.peers.get_mut(number) else {
                continue;
            };
            let Some(program) = &mut peer.program else {
                continue;
            };
            program.poll_feed(cx);
            let has_room = self.sockets[peer.socket].reply_bytes < REPLY_LIMIT;
            if has_room && let Poll::Ready(output) = program.poll_output(cx) {
                moved = true;
                let now = self.scene.now();
                match output {
                    Some(bytes) => (plan.output)(&mut peer.machine, now, bytes),
                    None => (plan.end)(&mut peer.machine, now),
                }
            }
            self.drain(number, &Cause::Reply);
        }
        moved
    }

    /// Carries out what a peer's machine wants.
    fn drain(&mut self, number: u32, cause: &Cause) {
        loop {
            let Some(peer) = self.peers.get_mut(number) else {
                return;
            };
            match peer.machine.poll_output() {
                Output::Event(event) => {
                    let what = event.into();
                    let is_sent = matches!(
                        &what,
                        What::Frame {
                            direction: Direction::Out,
                            ..
                        }
                    );
                    if is_sent && std::mem::take(&mut peer.is_withheld) {
                        continue;
                    }
                    self.outcome.note(&what);
                    let index = peer.socket;
                    if let Some(what) = self.sockets[index].attach(number, what) {
                        self.scene.publish(number, what);
                    }
                }
                Output::Transmit(bytes) => self.transmit(number, bytes, cause),
                // A datagram link has no end that could be sent.
                Output::Shutdown => {}
                Output::Close(reason) => return self.remove_peer(number, reason),
                Output::Wait(wake) => {
                    peer.wake = wake;
                    if let Some(wake) = wake
                        && peer.armed.is_none_or(|armed| armed > wake)
                    {
                        peer.armed = Some(wake);
                        self.deadlines.push(Reverse((wake, number)));
                    }
                    return;
                }
            }
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, may_publish: bool) -> bool {
        let next = self.deadlines.peek().map(|Reverse((time, _))| *time);
        let retry = self
            .sockets
            .iter()
            .filter_map(|socket| socket.retry_at)
            .min();
        let wanted = [next.filter(|_| may_publish), retry, self.stop_by];
        let wake = wanted.into_iter().flatten().min();
        if !self.timer.poll(cx, &self.scene, wake) {
            return false;
        }
        let now = self.scene.now();
        for socket in &mut self.sockets {
            socket.retry_at = socket.retry_at.filter(|time| *time > now);
        }
        while may_publish
            && let Some(&Reverse((time, number))) = self.deadlines.peek()
            && time <= now
        {
            self.deadlines.pop();
            self.wake_peer(now, time, number);
        }
        true
    }

    fn wake_peer(&mut self, now: Time, time: Time, number: u32) {
        let Some(peer) = self.peers.get_mut(number) else {
            return;
        };
        if peer.armed == Some(time) {
            peer.armed = None;
        }
        match peer.wake {
            Some(wake) if wake <= now => {
                peer.wake = None;
                let woken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    peer.machine.handle_timeout(now);
                }));
                if woken.is_err() {
                    return self.fall(number);
                }
                self.drain(number, &Cause::Reply);
                let socket = self.peers.get(number).map(|peer| peer.socket);
                if let Some(index) = socket {
                    self.flush(index);
                }
            }
            Some(wake) if peer.armed.is_none() => {
                peer.armed = Some(wake);
                self.deadlines.push(Reverse((wake, number)));
            }
            _ => {}
        }
    }

    /// Ends the conversation whose machine panicked.
    fn fall(&mut self, number: u32) {
        let message = "the conversation's machine panicked".to_owned();
        self.publish_fault(number, FaultKind::Program, message, None);
        self.remove_peer(number, Reason::Error);
    }

    fn publish_fault(&mut self, peer: u32, kind: FaultKind, message: String, count: Option<u64>) {
        let fault = What::Fault {
            kind,
            message,
            count,
        };
        self.outcome.note(&fault);
        self.scene.publish(peer, fault);
    }
}

#[cfg(test)]
mod tests;
