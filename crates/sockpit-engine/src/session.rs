//! A session: a client, or a server with its peers, being driven.

mod asked;
mod members;

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockpit_core::event::{Event, FaultKind, What};
use sockpit_core::machine::{Machine, Reason};
use sockpit_core::plan::{Plan, Role, Shape};
use sockpit_core::session::{Message, Peer};
use sockpit_core::time::Time;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::any_machine::AnyMachine;
use crate::bus::Scope;
use crate::error::Error;
use crate::listen;
use crate::packets::Packets;
use crate::program::ProgramPlan;
use crate::shard::Shard;
use crate::transport;
use crate::workbench::{Handle, Stdio};
use asked::Commands;
pub(crate) use asked::{Change, Command};
pub(crate) use members::{FIRST_PEER, Members, Obeyed, lost_fault};

/// In bytes: what the user may have given and the peers have not taken. A sender waits beyond it.
const SEND_BUDGET: usize = 4 * 1024 * 1024;

/// In bytes: what a change that waits costs beside the message.
const CHANGE_COST: usize = 256;

/// A closing session gives its peers this long to take what is queued (rule B7).
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(5);

/// No event tells that a peer's system has taken what was sent; it is asked again after this long.
pub(crate) const RECHECK: Duration = Duration::from_millis(2);

/// To whom something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The peer that came last; what is sent before the first one comes is kept for it.
    Latest,
    /// The peer that came first; what is sent before it comes is kept for it, and what is sent after
    /// it has gone is lost and told.
    First,
    /// One peer, by its number.
    Peer(u32),
    /// Every peer that is there.
    All,
}

/// A peer as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerFacts {
    /// Its number in the session.
    pub number: u32,
    /// Its address; empty where it has none.
    pub addr: String,
    /// Since when it is there.
    pub since: Time,
    /// What went to and fro.
    pub traffic: Traffic,
}

/// Bytes that went to and fro.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What the link gave, in bytes.
    pub received: u64,
    /// What the link took, in bytes.
    pub sent: u64,
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            sent: self.sent + other.sent,
        }
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why it is over: of its one peer, or of the server itself.
    pub reason: Reason,
    /// What went wrong on the way, the first few.
    pub failures: Vec<Failure>,
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
}

/// Something that went wrong in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which sort.
    pub kind: FaultKind,
    /// One sentence.
    pub message: String,
    /// The number that belongs to it, as in [`What::Fault`].
    pub count: Option<u64>,
}

/// Failures that an outcome names; the timeline has them all.
const NAMED_FAILURES: usize = 16;

impl Outcome {
    /// Keeps a fault, if `what` is one.
    pub(crate) fn note(&mut self, what: &What) {
        if let What::Fault {
            kind,
            message,
            count,
        } = what
            && self.failures.len() < NAMED_FAILURES
        {
            let failure = Failure {
                kind: *kind,
                message: message.clone(),
                count: *count,
            };
            self.failures.push(failure);
        }
    }

    pub(crate) fn new(reason: Reason) -> Self {
        Self {
            reason,
            failures: Vec::new(),
            received: 0,
            sent: 0,
        }
    }

    /// Whether something of this sort went wrong.
    #[must_use]
    pub fn has(&self, kind: FaultKind) -> bool {
        self.failures.iter().any(|failure| failure.kind == kind)
    }
}

/// The handle of one session. Dropping it ends the session at once.
pub struct Session<M> {
    number: u32,
    local: Vec<String>,
    commands: Commands<M>,
    budget: Arc<Semaphore>,
    /// How it ended, once that is known.
    outcome: watch::Receiver<Option<Outcome>>,
    /// Its plan, where it can be changed.
    pub(crate) manner: Option<Manner>,
}

/// By which plan a session goes, where that can be changed.
pub(crate) struct Manner {
    /// What the machines of later peers begin with.
    pub(crate) plan: Arc<Mutex<Arc<Plan>>>,
    /// Where a change is told.
    pub(crate) handle: Handle,
}

impl<M: 'static> Session<M> {
    /// A handle, with the ends that whoever runs the session keeps: what is asked of it, and where
    /// its outcome goes.
    pub(crate) fn new(
        number: u32,
        local: Vec<String>,
    ) -> (
        Self,
        mpsc::UnboundedReceiver<Command<M>>,
        watch::Sender<Option<Outcome>>,
    ) {
        let (ends, outcome) = watch::channel(None);
        let (commands, asked) = mpsc::unbounded_channel();
        let session = Self {
            number,
            local,
            commands: Commands::Own(commands),
            budget: Arc::new(Semaphore::new(SEND_BUDGET)),
            outcome,
            manner: None,
        };
        (session, asked, ends)
    }

    /// Its number in the timeline.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The addresses that it has taken, as endpoints with their real ports; none for a client.
    #[must_use]
    pub fn local(&self) -> &[String] {
        &self.local
    }

    /// Changes the machines of `target`, and carries out what they then want; waits while as much
    /// as `cost` bytes cannot be taken because earlier ones are not sent yet.
    ///
    /// Returns `false` where the session is over. Cancel-safe: a change not taken is not made.
    pub async fn change(
        &self,
        target: Target,
        cost: usize,
        change: impl Fn(&mut M, Time) + Send + Sync + 'static,
    ) -> bool {
        let permits = u32::try_from(cost.min(SEND_BUDGET)).unwrap_or(u32::MAX);
        let permit = if permits == 0 {
            None
        } else {
            match self.budget.clone().acquire_many_owned(permits).await {
                Ok(permit) => Some(Arc::new(permit)),
                Err(_) => return false,
            }
        };
        let change = Change {
            apply: Arc::new(change),
            permit,
        };
        self.commands.send(Command::Change(target, change))
    }

    /// The peers that are there.
    pub async fn peers(&self) -> Vec<PeerFacts> {
        let (reply, answer) = oneshot::channel();
        if !self.commands.send(Command::Peers(reply)) {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }

    /// How many peers are there, and what went to and fro with all that were; `None` where the session
    /// is over, whose outcome says it.
    pub async fn traffic(&self) -> Option<(usize, Traffic)> {
        let (reply, answer) = oneshot::channel();
        match self.commands.send(Command::Traffic(reply)) {
            true => answer.await.ok(),
            false => None,
        }
    }

    /// The peer of a datagram server that has this address; one that was not heard of becomes one.
    /// `None` where it cannot be reached: by another family, on a stream, by a client.
    pub async fn reach(&self, addr: SocketAddr) -> Option<u32> {
        let (reply, answer) = oneshot::channel();
        match self.commands.send(Command::Reach(addr, reply)) {
            true => answer.await.ok().flatten(),
            false => None,
        }
    }

    /// Ends the conversation with one peer, after what is queued for it.
    pub fn disconnect(&self, peer: u32) {
        // A session that is over has no peer to part from.
        self.commands.send(Command::Disconnect(peer));
    }

    /// Ends the session in order: no new peers, what is queued is sent within five seconds.
    pub fn close(&self) {
        self.commands.send(Command::Close);
    }

    /// Ends the session at once: what is queued is dropped, and TCP connections are reset.
    pub fn reset(&self) {
        self.commands.send(Command::Reset);
    }

    /// Waits for the end of the session, and tells it again when asked again. Cancel-safe.
    pub async fn outcome(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        let ended = outcome.wait_for(Option::is_some).await;
        match ended.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            _ => Outcome::new(Reason::Error),
        }
    }
}

impl Session<AnyMachine> {
    /// The handle of a session whose machines are all of this type.
    pub(crate) fn of_machines<M>(self) -> Session<M> {
        let commands = match self.commands {
            Commands::Own(commands) | Commands::Any(commands) => Commands::Any(commands),
        };
        Session {
            number: self.number,
            local: self.local,
            commands,
            budget: self.budget,
            outcome: self.outcome,
            manner: self.manner,
        }
    }
}

impl Session<sockpit_core::session::Session> {
    /// Sends a message; waits while earlier ones have not left. Returns `false` where the session is
    /// over.
    pub async fn send(&self, target: Target, message: Message) -> bool {
        let cost = message.wire.len() + CHANGE_COST;
        if self.budget.available_permits() < cost.min(SEND_BUDGET) {
            // The peer takes its time; that is no silence of the user's.
            self.change(target, 0, |session, _| session.expect_input())
                .await;
        }
        self.change(target, cost, move |session, now| {
            session.transmit(now, message.clone());
        })
        .await
    }

    /// Goes on as `plan` says, with the peers that are there and those that come: see
    /// [`adopt`](sockpit_core::session::Session::adopt). What arrives once this is done is heard as
    /// `plan` says. Returns `false` where the session is over.
    pub async fn adopt(&self, plan: Arc<Plan>) -> bool {
        if let Some(manner) = &self.manner {
            *manner.plan.lock().expect("no holder panics") = plan.clone();
            let (number, told) = (self.number, plan.clone());
            manner
                .handle
                .run(move |shard| shard.bus.tell_plan(number, &told));
        }
        let change = move |session: &mut sockpit_core::session::Session, now| {
            session.adopt(now, plan.clone());
        };
        // Each peer has it in its inbox once what was asked after it is answered, and looks there
        // before it reads.
        self.change(Target::All, 0, change).await && self.traffic().await.is_some()
    }

    /// Says that nothing more will be sent. Returns `false` where the session is over.
    pub async fn finish(&self, target: Target) -> bool {
        self.change(target, 0, sockpit_core::session::Session::finish)
            .await
    }
}

/// Makes the machine of each peer.
pub(crate) type Make<M> = Box<dyn FnMut(Peer, Time) -> M + Send>;

/// What a session is opened with, beside its machines.
pub(crate) struct Opening<M> {
    pub(crate) plan: Arc<Plan>,
    /// What is run for each peer.
    pub(crate) program: Option<ProgramPlan<M>>,
    pub(crate) stdio: Option<Stdio>,
}

/// What everything that belongs to one session shares.
pub(crate) struct Scene {
    pub(crate) shard: Rc<Shard>,
    pub(crate) number: u32,
    pub(crate) plan: Arc<Plan>,
    pub(crate) has_program: bool,
    /// The capture beside it, where one is wanted.
    packets: OnceCell<Rc<Packets>>,
}

impl Scene {
    /// The scene of a further session of the shard, without a program or a capture.
    pub(crate) fn new(shard: &Rc<Shard>, plan: Arc<Plan>) -> Self {
        let number = shard.next_session();
        shard.bus.tell_plan(number, &plan);
        Self {
            number,
            shard: shard.clone(),
            plan,
            has_program: false,
            packets: OnceCell::new(),
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.shard.bus.clock().now()
    }

    pub(crate) fn wants(&self, scope: Scope) -> bool {
        self.shard.bus.wants(scope)
    }

    pub(crate) fn publish(&self, peer: u32, what: What) {
        self.publish_at(self.now(), peer, what);
    }

    pub(crate) fn publish_at(&self, time: Time, peer: u32, what: What) {
        let learner = self
            .packets
            .get()
            .filter(|_| matches!(what, What::Opened { .. } | What::Note { .. }));
        match learner {
            Some(packets) => {
                self.shard
                    .bus
                    .publish(time, self.number, peer, what.clone());
                packets.learn(self, peer, &what);
            }
            None => self.shard.bus.publish(time, self.number, peer, what),
        }
    }

    pub(crate) fn publish_made(&self, event: Arc<Event>) {
        self.shard.bus.publish_made(event);
    }

    /// Has its packets captured from here on.
    async fn watch_packets(self: &Rc<Self>, local: Option<&[String]>) {
        if self.plan.wire && self.packets.get().is_none() {
            let packets = Packets::start(self, local).await;
            // It is done once for each session.
            let _ = self.packets.set(packets);
        }
    }

    /// Waits for the last packets.
    async fn finish_packets(&self) {
        if let Some(packets) = self.packets.get() {
            packets.finish(self).await;
        }
    }

    /// Who a peer is, for its machine.
    pub(crate) fn peer(&self, number: u32, addr: String) -> Peer {
        let epoch = self.shard.bus.clock().epoch().0;
        // Different in each process and for each peer, and shown by no recording: rules only draw.
        let seed = epoch ^ (u64::from(number) << 32) ^ self.now().as_nanos();
        Peer {
            number,
            addr,
            epoch,
            seed,
        }
    }
}

/// Opens the session on its shard and answers once it is open.
pub(crate) fn spawn<M>(
    shard: &Rc<Shard>,
    opening: Opening<M>,
    make: Make<M>,
    reply: oneshot::Sender<Result<Session<M>, Error>>,
) where
    M: Machine + 'static,
    M::Event: Into<What>,
{
    let number = shard.next_session();
    shard.bus.tell_plan(number, &opening.plan);
    let scene = Rc::new(Scene {
        shard: shard.clone(),
        number,
        plan: opening.plan,
        has_program: opening.program.is_some(),
        packets: OnceCell::new(),
    });
    let program = opening.program.map(Rc::new);
    tokio::task::spawn_local(async move {
        let (outcome_sender, outcome) = watch::channel(None);
        let (commands_sender, commands) = mpsc::unbounded_channel();
        let session = |local: Vec<String>| Session {
            number,
            local,
            commands: Commands::Own(commands_sender),
            budget: Arc::new(Semaphore::new(SEND_BUDGET)),
            outcome,
            manner: None,
        };
        let plan = scene.plan.clone();
        let ended = match (plan.shape(), plan.role) {
            (Shape::Stream, Role::Client) => {
                scene.watch_packets(None).await;
                let packets = scene.packets.get();
                let known = packets.map_or(&[][..], |packets| packets.remote());
                match transport::connect_stream(&plan, known).await {
                    Ok(link) => {
                        let _ = reply.send(Ok(session(Vec::new())));
                        listen::run_client(
                            scene.clone(),
                            link,
                            make,
                            commands,
                            opening.stdio,
                            program,
                        )
                        .await
                    }
                    Err(error) => {
                        scene.finish_packets().await;
                        return drop(reply.send(Err(error)));
                    }
                }
            }
            (Shape::Stream, Role::Server) => {
                // Whoever knows the port may come as soon as it is taken.
                let known = transport::known_addresses(&plan).await;
                if !known.is_empty() {
                    scene.watch_packets(Some(&known)).await;
                }
                match transport::listen_stream(&plan).await {
                    Ok(listeners) => {
                        let local = listeners.local();
                        scene.watch_packets(Some(&local)).await;
                        publish_listening(&scene, &local);
                        let _ = reply.send(Ok(session(local)));
                        let mut make = make;
                        let make = move |peer, now, _: &listen::Arrival<'_, M>| make(peer, now);
                        let extras = listen::Extras {
                            stdio: opening.stdio,
                            program,
                            reception: None,
                        };
                        listen::run_server(scene.clone(), listeners, make, commands, extras).await
                    }
                    Err(error) => {
                        if let Some(packets) = scene.packets.get() {
                            packets.abandon();
                        }
                        return drop(reply.send(Err(error)));
                    }
                }
            }
            (Shape::Datagram, _) => match transport::open_datagram(&plan).await {
                Ok(sockets) => {
                    let local = sockets.local();
                    scene.watch_packets(Some(&local)).await;
                    if plan.role == Role::Server {
                        publish_listening(&scene, &local);
                    }
                    let local = if plan.role == Role::Server {
                        local
                    } else {
                        Vec::new()
                    };
                    let _ = reply.send(Ok(session(local)));
                    crate::driver::run_datagram(scene.clone(), sockets, make, commands, program)
                        .await
                }
                Err(error) => return drop(reply.send(Err(error))),
            },
        };
        scene.finish_packets().await;
        // A handle that was dropped does not ask how it ended.
        let _ = outcome_sender.send(Some(ended));
    });
}

pub(crate) fn publish_listening(scene: &Scene, local: &[String]) {
    for local in local {
        scene.publish(
            0,
            What::Listening {
                local: local.clone(),
            },
        );
    }
}
