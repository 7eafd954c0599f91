//! Drives all peers of the sockets of one datagram session.
//!
//! A peer is an address. Datagrams come and go in batches: what one batch received causes is sent in
//! one batch too. One heap of deadlines serves all peers; a deadline that moved on is put back when
//! it is reached, so a message that merely pushes it further costs nothing.

mod guard;
mod socket;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use sockpit_core::event::{Direction, FaultKind, What};
use sockpit_core::machine::{Fault, Machine, Output, Reason};
use sockpit_core::plan::Role;
use sockpit_core::session::Peer as PeerSeed;
use sockpit_core::time::Time;
use sockpit_sys::datagram::{PeerAddr, ReceiveBatch, Received};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::stream::Timer;
use super::{REPLY_LIMIT, fault_of};
use crate::bus::Scope;
use crate::error::cause_text;
use crate::listen::start_program;
use crate::program::{Program, ProgramPlan};
use crate::session::{Change, Command, DRAIN_TIME, Outcome, PeerFacts, Scene, Target};
use crate::transport::{DatagramSockets, addr_text, endpoint_of};
use guard::Guard;
use socket::{Parcel, Sending, Socket};

/// Datagrams taken by one system call.
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

struct Datagram<M: Machine, F> {
    scene: Rc<Scene>,
    make: F,
    commands: mpsc::UnboundedReceiver<Command<M>>,
    program: Option<Rc<ProgramPlan<M>>>,
    sockets: Vec<Socket>,
    batch: Option<ReceiveBatch>,
    peers: BTreeMap<u32, Peer<M>>,
    by_addr: HashMap<PeerAddr, u32>,
    /// Peers so far; the last one's number.
    count: u32,
    deadlines: BinaryHeap<Reverse<(Time, u32)>>,
    timer: Timer,
    /// What the user sent before there was a peer.
    held: Vec<Change<M>>,
    answerers: BTreeSet<PeerAddr>,
    /// Datagrams of addresses that were too many, since the last time one was told of.
    turned_away: u64,
    is_watched: bool,
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
    received: u64,
    sent: u64,
    wake: Option<Time>,
    /// The time of its entry in the heap.
    armed: Option<Time>,
    guard: Guard,
    program: Option<Program>,
    /// Whether its latest message did not leave, so that it is not told as sent.
    is_withheld: bool,
}

/// Who caused what a machine wants.
enum Cause {
    Reply,
    User(Option<Arc<OwnedSemaphorePermit>>),
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
        let sockets = sockets.into_sockets(|fd| {
            if answers_alone {
                // Without it the guard against loops sees no hops and leaves them alone.
                let _ = batch.enable_ttl(fd);
            }
        });
        Self {
            sockets: sockets
                .into_iter()
                .map(|opened| Socket::new(opened, &scene.plan))
                .collect(),
            batch: Some(batch),
            scene,
            make,
            commands,
            program,
            peers: BTreeMap::new(),
            by_addr: HashMap::new(),
            count: 0,
            deadlines: BinaryHeap::new(),
            timer: Timer::default(),
            held: Vec::new(),
            answerers: BTreeSet::new(),
            turned_away: 0,
            is_watched: true,
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
        let numbers: Vec<u32> = self.peers.keys().copied().collect();
        for number in numbers {
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
            let may_publish = self.scene.shard.bus.poll_ready(cx).is_ready();
            let mut moved = self.poll_send(cx);
            let is_flushed = self.sockets.iter().all(Socket::is_flushed);
            let gives_up = self.stop_by.is_some_and(|time| time <= self.scene.now());
            if self.over.is_some() && (is_flushed || gives_up) {
                return Poll::Ready(());
            }
            if may_publish {
                moved |= self.poll_commands(cx);
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
        if self.is_watched != self.scene.wants(Scope::Everything) {
            self.is_watched = !self.is_watched;
            for peer in self.peers.values_mut() {
                peer.machine.handle_watch(self.is_watched);
            }
        }
    }

    fn poll_commands(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.over.is_none() {
            let Poll::Ready(command) = self.commands.poll_recv(cx) else {
                break;
            };
            moved = true;
            match command {
                Some(Command::Change(target, change)) => self.change(target, change),
                Some(Command::Peers(reply)) => {
                    let facts = self.peers.iter().map(|(&number, peer)| PeerFacts {
                        number,
                        addr: peer.name.clone(),
                    });
                    // Whoever asked may have left.
                    let _ = reply.send(facts.collect());
                }
                Some(Command::Disconnect(number)) => self.remove_peer(number, Reason::Local),
                Some(Command::Close) => self.finish(Reason::Local),
                // The handle was dropped: nobody is interested in an orderly end.
                None => {
                    self.finish(Reason::Local);
                    self.stop_by = Some(self.scene.now());
                }
            }
        }
        moved
    }

    fn change(&mut self, target: Target, change: Change<M>) {
        let numbers = match target {
            Target::Latest => match self.peers.last_key_value() {
                Some((&number, _)) => vec![number],
                None => return self.held.push(change),
            },
            Target::Peer(number) => vec![number],
            Target::All => self.peers.keys().copied().collect(),
        };
        let now = self.scene.now();
        for number in numbers {
            if let Some(peer) = self.peers.get_mut(&number) {
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
        let numbers: Vec<u32> = self.peers.keys().copied().collect();
        for number in numbers {
            let Some(peer) = self.peers.get_mut(&number) else {
                continue;
            };
            let Some(program) = &mut peer.program else {
                continue;
            };
            program.poll_feed(cx);
            while self.sockets[peer.socket].reply_bytes < REPLY_LIMIT
                && let Poll::Ready(output) = program.poll_output(cx)
            {
                moved = true;
                let now = self.scene.now();
                let is_over = output.is_none();
                match output {
                    Some(bytes) => (plan.output)(&mut peer.machine, now, bytes),
                    None => (plan.end)(&mut peer.machine, now),
                }
                if is_over {
                    peer.program = None;
                }
                break;
            }
            self.drain(number, &Cause::Reply);
        }
        moved
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        for index in 0..self.sockets.len() {
            let has_room = self.sockets[index].reply_bytes < REPLY_LIMIT;
            if self.over.is_some() || !has_room {
                continue;
            }
            let mut batch = self.batch.take().expect("each turn puts it back");
            match self.sockets[index].poll_receive(cx, &mut batch) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    moved = true;
                    let now = self.scene.now();
                    for datagram in batch.iter() {
                        self.take_datagram(now, index, &datagram);
                    }
                    self.flush(index);
                }
                Poll::Ready(Err(error)) => {
                    moved = true;
                    self.fail(&error);
                }
            }
            self.batch = Some(batch);
        }
        moved
    }

    fn take_datagram(&mut self, now: Time, index: usize, datagram: &Received<'_>) {
        let Some(number) = self.peer_of(now, index, datagram) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&number) else {
            return;
        };
        let offset = peer.received;
        peer.received += datagram.bytes.len() as u64;
        self.outcome.received += datagram.bytes.len() as u64;
        peer.guard.hear(datagram.ttl);
        let full_len = datagram.is_truncated().then_some(datagram.full_len);
        if self.is_watched {
            let bytes = Bytes::copy_from_slice(datagram.bytes);
            let chunk = What::Chunk {
                direction: Direction::In,
                offset,
                bytes,
                full_len,
            };
            self.scene.publish_at(now, number, chunk);
        }
        if let Some(program) = &mut peer.program {
            program.push(Bytes::copy_from_slice(datagram.bytes));
        }
        if let Some(full_len) = full_len {
            peer.machine
                .handle_fault(now, Fault::Truncated { full_len });
        }
        // A machine that panics ends its own conversation and no other (rule B6).
        let heard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            peer.machine.handle_input(now, datagram.bytes);
        }));
        if heard.is_err() {
            let message = "the conversation's machine panicked".to_owned();
            self.publish_fault(number, FaultKind::Program, message, None);
            return self.remove_peer(number, Reason::Error);
        }
        self.warn_of_size(index, number, Direction::In, datagram.full_len);
        self.drain(number, &Cause::Reply);
    }

    /// Whose datagram it is; a new address becomes a new peer.
    fn peer_of(&mut self, now: Time, index: usize, datagram: &Received<'_>) -> Option<u32> {
        if self.scene.plan.role == Role::Client {
            if self.scene.plan.has_many_answerers() {
                self.announce_answerer(datagram.from.as_ref()?);
            }
            return Some(1);
        }
        let from = datagram.from.as_ref()?;
        if let Some(&number) = self.by_addr.get(from) {
            return Some(number);
        }
        let plan = &self.scene.plan;
        let most = if plan.once {
            1
        } else {
            plan.max_peers.unwrap_or(usize::MAX)
        };
        if self.peers.len() >= most {
            self.turn_away(from);
            return None;
        }
        let number = self.add_peer(now, index, Some(from.clone()), addr_text(from));
        self.by_addr.insert(from.clone(), number);
        Some(number)
    }

    fn announce_answerer(&mut self, from: &PeerAddr) {
        if self.answerers.len() < MAX_ANSWERERS && self.answerers.insert(from.clone()) {
            let addr = addr_text(from);
            let note = What::Note {
                kind: "answer".to_owned(),
                message: format!("an answer from {addr}"),
                data: serde_json::json!({ "addr": addr }),
            };
            self.scene.publish(1, note);
        }
    }

    /// Says so once for each burst: at the first datagram, and then at each power of two.
    fn turn_away(&mut self, from: &PeerAddr) {
        self.turned_away += 1;
        if self.turned_away.is_power_of_two() {
            let message = format!(
                "{} has no place among {} peers; `--max-peers` gives more",
                addr_text(from),
                self.peers.len()
            );
            let count = self.turned_away;
            self.publish_fault(0, FaultKind::Limit, message, Some(count));
        }
    }

    fn add_peer(&mut self, now: Time, socket: usize, to: Option<PeerAddr>, name: String) -> u32 {
        self.count += 1;
        let number = self.count;
        let local = self.sockets[socket].local.clone();
        if self.scene.wants(Scope::Life) {
            let addr = endpoint_of(self.scene.plan.transport, &name);
            let opened = What::Opened { addr, local };
            self.scene.publish_at(now, number, opened);
        }
        let seed = self.scene.peer(number, name.clone());
        let mut machine = (self.make)(seed, now);
        machine.handle_watch(self.is_watched);
        let guard = Guard::new(&self.scene.plan, to.as_ref(), &self.sockets[socket]);
        let program = start_program(&self.scene, number, self.program.as_ref());
        let peer = Peer {
            machine,
            to,
            name,
            socket,
            received: 0,
            sent: 0,
            wake: None,
            armed: None,
            guard,
            program,
            is_withheld: false,
        };
        self.peers.insert(number, peer);
        self.drain(number, &Cause::Reply);
        for change in std::mem::take(&mut self.held) {
            self.change(Target::Peer(number), change);
        }
        number
    }

    fn remove_peer(&mut self, number: u32, reason: Reason) {
        let Some(peer) = self.peers.remove(&number) else {
            return;
        };
        if let Some(to) = &peer.to {
            self.by_addr.remove(to);
        }
        // What it still has to get leaves first, so that its end is the last thing told of it.
        self.flush(peer.socket);
        let is_last = self.scene.plan.role == Role::Client || self.scene.plan.once;
        if self.scene.wants(Scope::Life) {
            self.scene.publish(
                number,
                What::Closed {
                    reason,
                    message: String::new(),
                },
            );
        }
        if is_last {
            self.finish(reason);
        }
    }

    fn finish(&mut self, reason: Reason) {
        if self.over.is_none() {
            self.over = Some(reason);
            self.stop_by = Some(self.scene.now() + DRAIN_TIME);
        }
    }

    /// Carries out what a peer's machine wants.
    fn drain(&mut self, number: u32, cause: &Cause) {
        loop {
            let Some(peer) = self.peers.get_mut(&number) else {
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

    fn transmit(&mut self, number: u32, bytes: Bytes, cause: &Cause) {
        let now = self.scene.now();
        let Some(peer) = self.peers.get_mut(&number) else {
            return;
        };
        let (ttl, permit) = match cause {
            Cause::User(permit) => (None, permit.clone()),
            Cause::Reply => match peer.guard.allow(now) {
                Ok(ttl) => (ttl, None),
                Err(guard::Withheld { message }) => {
                    peer.is_withheld = true;
                    if let Some(message) = message {
                        self.publish_fault(number, FaultKind::Loop, message, None);
                    }
                    return;
                }
            },
        };
        let len = bytes.len();
        let index = peer.socket;
        let parcel = Parcel {
            peer: number,
            offset: peer.sent,
            bytes: bytes.clone(),
            frame: None,
            _permit: permit,
            is_reply: matches!(cause, Cause::Reply),
        };
        peer.sent += len as u64;
        let to = peer.to.clone();
        if let Err(error) = self.sockets[index].push(parcel, to.as_ref(), ttl) {
            let name = self
                .peers
                .get(&number)
                .map_or("", |peer| peer.name.as_str());
            let message = if name.is_empty() {
                "the peer has no address that could be answered".to_owned()
            } else {
                format!("{name} cannot be sent to: {}", cause_text(&error))
            };
            return self.publish_fault(number, FaultKind::Unsent, message, Some(len as u64));
        }
        self.warn_of_size(index, number, Direction::Out, len);
        if matches!(cause, Cause::User(_)) {
            self.flush(index);
        }
    }

    fn warn_of_size(&mut self, index: usize, number: u32, direction: Direction, len: usize) {
        if let Some(most) = self.sockets[index].warn_size
            && len > most
        {
            let way = match direction {
                Direction::In => "received",
                Direction::Out => "sent",
            };
            let message = format!(
                "a datagram of {len} bytes was {way}: more than {most}, it may be fragmented or lost"
            );
            self.scene.publish(
                number,
                What::Fault {
                    kind: FaultKind::Large,
                    message,
                    count: Some(len as u64),
                },
            );
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        for index in 0..self.sockets.len() {
            // A socket that turns out to be blocked is asked once more, which arranges the wake-up.
            while self.sockets[index].poll_sendable(cx) {
                moved |= self.flush(index);
            }
        }
        moved
    }

    /// Gives the system what is queued on one socket; tells whether something left the queue.
    fn flush(&mut self, index: usize) -> bool {
        let mut moved = false;
        loop {
            match self.sockets[index].send(self.scene.now()) {
                Sending::Nothing => return moved,
                Sending::Sent(parcel) => {
                    moved = true;
                    self.outcome.sent += parcel.bytes.len() as u64;
                    if self.is_watched {
                        let Parcel {
                            peer,
                            offset,
                            bytes,
                            frame,
                            ..
                        } = parcel;
                        let direction = Direction::Out;
                        let chunk = What::Chunk {
                            direction,
                            offset,
                            bytes,
                            full_len: None,
                        };
                        self.scene.publish(peer, chunk);
                        if let Some(frame) = frame {
                            self.scene.publish(peer, frame);
                        }
                    }
                }
                Sending::Failed(parcel, error) => {
                    moved = true;
                    let len = parcel.bytes.len();
                    let why = cause_text(&error);
                    let message = format!("a datagram of {len} bytes was not sent: {why}");
                    self.publish_fault(parcel.peer, FaultKind::Unsent, message, Some(len as u64));
                    self.fail(&error);
                }
                Sending::Earlier(error) => self.fail(&error),
            }
        }
    }

    /// An error of the socket that belongs to something sent earlier: an event, not an end (B8).
    fn fail(&mut self, error: &std::io::Error) {
        let fault = fault_of(error);
        let is_news = matches!(fault, Fault::Refused | Fault::Unreachable);
        if self.scene.plan.role == Role::Client && is_news {
            let now = self.scene.now();
            if let Some(peer) = self.peers.get_mut(&1) {
                peer.machine.handle_fault(now, fault);
                self.drain(1, &Cause::Reply);
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
        let Some(peer) = self.peers.get_mut(&number) else {
            return;
        };
        if peer.armed == Some(time) {
            peer.armed = None;
        }
        match peer.wake {
            Some(wake) if wake <= now => {
                peer.wake = None;
                peer.machine.handle_timeout(now);
                self.drain(number, &Cause::Reply);
                let socket = self.peers.get(&number).map(|peer| peer.socket);
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
