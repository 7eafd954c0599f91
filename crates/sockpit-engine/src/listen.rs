//! What stands above the stream drivers: the one peer of a client, and the many of a server.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use sockpit_core::event::{FaultKind, What};
use sockpit_core::machine::{Machine, Reason};
use sockpit_core::session::Peer;
use sockpit_core::time::Time;
use tokio::sync::mpsc;

use crate::bus::Scope;
use crate::driver::{Drivers, Inbox, Stream};
use crate::error::cause_text;
use crate::passthrough;
use crate::program::{Program, ProgramPlan};
use crate::room::Reception;
use crate::session::{
    Command, DRAIN_TIME, FIRST_PEER, Members, Obeyed, Outcome, Scene, lost_fault,
};
use crate::transport::{Accepted, StreamLink, StreamListeners};
use crate::workbench::Stdio;

/// Connections taken before anything else has its turn.
const ACCEPT_BATCH: usize = 64;

/// Descriptors kept for ourselves: stdio, epoll, recordings, programs being started.
const RESERVED_FILES: u64 = 20;

/// What goes on is told again after this long.
const NEWS_PAUSE: Duration = Duration::from_secs(60);

/// First and longest pause of a server that is out of descriptors or memory (rule B4).
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Drives the one conversation of a client.
pub(crate) async fn run_client<M, F>(
    scene: Rc<Scene>,
    link: StreamLink,
    mut make: F,
    mut commands: mpsc::UnboundedReceiver<Command<M>>,
    stdio: Option<Stdio>,
    program: Option<Rc<ProgramPlan<M>>>,
) -> Outcome
where
    M: Machine + 'static,
    M::Event: Into<What>,
    F: FnMut(Peer, Time) -> M,
{
    let addr = link.peer();
    publish_opened(&scene, 1, &addr, &link);
    if let Some(stdio) = stdio {
        return passthrough::run(&scene, link, stdio, &mut commands).await;
    }
    let members = Members::new();
    let inbox = Rc::new(Inbox::new());
    members.add(1, addr.clone(), scene.now(), inbox.clone());
    let machine = make(scene.peer(1, addr), scene.now());
    let mut driver = Stream::new(scene, 1, link, machine, inbox, program);
    loop {
        tokio::select! {
            (_, outcome) = &mut driver => return outcome,
            command = commands.recv() => match command {
                Some(command) => {
                    if members.obey(command) == Obeyed::Close {
                        members.stop_all();
                    }
                }
                None => return Outcome::new(Reason::Local),
            },
        }
    }
}

/// Somebody who has come, for whoever makes the machine.
pub(crate) struct Arrival<'a, M> {
    pub(crate) inbox: &'a Rc<Inbox<M>>,
    pub(crate) link: &'a StreamLink,
}

/// What a server may have beside its machines.
pub(crate) struct Extras<M> {
    /// Where the first peer's bytes go, and come from.
    pub(crate) stdio: Option<Stdio>,
    /// What is run for each peer.
    pub(crate) program: Option<Rc<ProgramPlan<M>>>,
    /// What looks at those who come, and lets others in.
    pub(crate) reception: Option<Reception>,
}

/// Serves all peers until the handle closes the session or, with `once`, the first peer is gone.
pub(crate) async fn run_server<M, F>(
    scene: Rc<Scene>,
    listeners: StreamListeners,
    make: F,
    mut commands: mpsc::UnboundedReceiver<Command<M>>,
    extras: Extras<M>,
) -> Outcome
where
    M: Machine + 'static,
    M::Event: Into<What>,
    F: FnMut(Peer, Time, &Arrival<'_, M>) -> M,
{
    let mut server = Server {
        max_peers: max_peers(&scene),
        scene,
        listeners: Some(listeners),
        make,
        program: extras.program,
        reception: extras.reception,
        members: Rc::new(Members::new()),
        drivers: Drivers::new(),
        count: 0,
        received: 0,
        sent: 0,
        is_loss_told: false,
        full_told_at: None,
        pause: None,
        resume_at: None,
    };
    let outcome = match extras.stdio {
        Some(stdio) => server.pipe_first(stdio, &mut commands).await,
        None => server.serve(&mut commands).await,
    };
    server.end(outcome).await
}

struct Server<M: Machine, F> {
    scene: Rc<Scene>,
    /// `None` once no further peer is wanted.
    listeners: Option<StreamListeners>,
    make: F,
    program: Option<Rc<ProgramPlan<M>>>,
    reception: Option<Reception>,
    members: Rc<Members<M>>,
    drivers: Drivers<M>,
    /// Peers so far; the last one's number.
    count: u32,
    /// Bytes of the peers that are gone.
    received: u64,
    sent: u64,
    max_peers: usize,
    /// Whether it was told that the first peer is gone and spoken to.
    is_loss_told: bool,
    /// When it was last told that there is no room, or nothing to make room with.
    full_told_at: Option<Time>,
    /// How long the latest pause for want of descriptors was; `None` while all is well.
    pause: Option<Duration>,
    resume_at: Option<tokio::time::Instant>,
}

impl<M, F> Server<M, F>
where
    M: Machine + 'static,
    M::Event: Into<What>,
    F: FnMut(Peer, Time, &Arrival<'_, M>) -> M,
{
    /// Serves until the handle or the first peer's end says otherwise.
    async fn serve(&mut self, commands: &mut mpsc::UnboundedReceiver<Command<M>>) -> Outcome {
        loop {
            let most = if self.scene.plan.once {
                1
            } else {
                self.max_peers
            };
            let looked_at = self.reception.as_ref().map_or(0, Reception::len);
            let room = most.saturating_sub(self.members.len() + looked_at);
            let has_room = room > 0;
            self.tell_of_room(has_room || self.scene.plan.once);
            let resume_at = self.resume_at;
            tokio::select! {
                accepted = accept(self.listeners.as_mut(), room), if has_room && resume_at.is_none() => {
                    self.take(accepted);
                }
                () = async {
                    match resume_at {
                        Some(at) => tokio::time::sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                } => self.resume_at = None,
                arrived = next_arrived(self.reception.as_mut()) => {
                    if let Some((link, addr)) = arrived {
                        self.add(link, addr);
                    }
                }
                (number, outcome) = self.drivers.next_ended() => {
                    self.members.remove(number);
                    self.received += outcome.received;
                    self.sent += outcome.sent;
                    if self.scene.plan.once {
                        return outcome;
                    }
                }
                command = commands.recv() => match command {
                    Some(command) => {
                        match self.members.obey(command) {
                            Obeyed::Done => {}
                            Obeyed::Close => return Outcome::new(Reason::Local),
                            Obeyed::Lost(number) => self.tell_of_loss(number),
                        }
                    }
                    None => {
                        self.drivers.abort_all();
                        return Outcome::new(Reason::Local);
                    }
                },
            }
        }
    }

    /// Copies between the first peer and two descriptors.
    async fn pipe_first(
        &mut self,
        stdio: Stdio,
        commands: &mut mpsc::UnboundedReceiver<Command<M>>,
    ) -> Outcome {
        let link = loop {
            let resume_at = self.resume_at.take();
            tokio::select! {
                mut accepted = async {
                    if let Some(at) = resume_at {
                        tokio::time::sleep_until(at).await;
                    }
                    accept(self.listeners.as_mut(), 1).await
                } => match accepted.pop().map(|accepted| {
                    let (accepted, addr) = accepted?;
                    Ok((accepted.into_link()?, addr))
                }) {
                    Some(Ok((link, addr))) => {
                        publish_opened(&self.scene, 1, &addr, &link);
                        break link;
                    }
                    Some(Err(error)) => self.refuse(&error),
                    None => {}
                },
                command = commands.recv() => {
                    if matches!(command, None | Some(Command::Close | Command::Reset)) {
                        return Outcome::new(Reason::Local);
                    }
                }
            }
        };
        self.listeners = None;
        passthrough::run(&self.scene, link, stdio, commands).await
    }

    /// Ends what still runs, in order where there is time (rule B7).
    async fn end(mut self, mut outcome: Outcome) -> Outcome {
        self.listeners = None;
        if let Some(reception) = &self.reception {
            reception.close();
        }
        self.members.stop_all();
        let drain = async {
            while !self.drivers.is_empty() {
                let (number, ended) = self.drivers.next_ended().await;
                self.received += ended.received;
                self.sent += ended.sent;
                self.members.remove(number);
            }
        };
        // Drivers give up by themselves after the same time and tell what was not sent.
        let _ = tokio::time::timeout(DRAIN_TIME + Duration::from_millis(500), drain).await;
        self.drivers.abort_all();
        if let Some(reception) = self.reception.take() {
            reception.end().await;
        }
        if !self.scene.plan.once {
            (outcome.received, outcome.sent) = (self.received, self.sent);
        }
        let reason = outcome.reason;
        self.scene.publish(
            0,
            What::Closed {
                reason,
                message: String::new(),
            },
        );
        outcome
    }

    fn take(&mut self, accepted: Vec<io::Result<(Accepted, String)>>) {
        for result in accepted {
            match result.and_then(|(accepted, addr)| Ok((self.watch(accepted)?, addr))) {
                Ok((link, addr)) => {
                    self.pause = None;
                    let known = match &mut self.reception {
                        Some(reception) => reception.take(link, addr),
                        None => Some((link, addr)),
                    };
                    if let Some((link, addr)) = known {
                        self.add(link, addr);
                    }
                    if self.scene.plan.once {
                        self.listeners = None;
                        return;
                    }
                }
                Err(error) => self.refuse(&error),
            }
        }
    }

    /// Settles who tells of the changes of a connection: the drivers' poll, but where what the kernel
    /// knows of it is asked for, or somebody receives it first, by way of the runtime.
    fn watch(&self, accepted: Accepted) -> io::Result<StreamLink> {
        match self.scene.plan.wire || self.reception.is_some() {
            true => accepted.into_link(),
            false => self.drivers.watch_next(accepted),
        }
    }

    fn add(&mut self, link: StreamLink, addr: String) {
        self.count += 1;
        let number = self.count;
        publish_opened(&self.scene, number, &addr, &link);
        let inbox = Rc::new(Inbox::new());
        let arrival = Arrival {
            inbox: &inbox,
            link: &link,
        };
        let peer = self.scene.peer(number, addr.clone());
        let machine = (self.make)(peer, self.scene.now(), &arrival);
        self.members
            .add(number, addr, self.scene.now(), inbox.clone());
        let scene = self.scene.clone();
        let driver = Stream::new(scene, number, link, machine, inbox, self.program.clone());
        self.drivers.add(driver);
    }

    /// Says once a minute that the system's descriptors are used up. A limit of the user's is no
    /// news.
    fn tell_of_room(&mut self, has_room: bool) {
        let is_wanted = self.scene.plan.max_peers == Some(self.max_peers);
        if !has_room && !is_wanted && self.is_news() {
            let message = format!(
                "cannot accept further peers: {} are as many as there are file descriptors for; \
                 they wait until one leaves (`ulimit -n` gives more)",
                self.max_peers
            );
            let count = Some(self.max_peers as u64);
            let kind = FaultKind::Limit;
            self.scene.publish(
                0,
                What::Fault {
                    kind,
                    message,
                    count,
                },
            );
        }
    }

    /// Whether the want of descriptors is to be told: once a minute, however often a peer leaves and
    /// another takes the last one.
    fn is_news(&mut self) -> bool {
        let now = self.scene.now();
        let is_told = self
            .full_told_at
            .is_some_and(|told| now - told < NEWS_PAUSE);
        if !is_told {
            self.full_told_at = Some(now);
        }
        !is_told
    }

    /// Says that the user speaks to a peer that is not there; of the first one, which piped input
    /// goes to, it says so once.
    fn tell_of_loss(&mut self, number: u32) {
        if number != FIRST_PEER || !std::mem::replace(&mut self.is_loss_told, true) {
            self.scene.publish(number, lost_fault(number));
        }
    }

    /// A connection that could not be accepted is no reason to end (rule B4).
    fn refuse(&mut self, error: &io::Error) {
        let is_peers_fault = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::Interrupted
        );
        if is_peers_fault {
            return;
        }
        let pause = self
            .pause
            .map_or(PAUSES.0, |pause| (pause * 2).min(PAUSES.1));
        self.pause = Some(pause);
        if self.is_news() {
            let message = format!(
                "cannot accept further peers at {}: {}; it goes on when one leaves",
                self.members.len(),
                cause_text(error)
            );
            let fault = What::Fault {
                kind: FaultKind::Limit,
                message,
                count: None,
            };
            self.scene.publish(0, fault);
        }
        self.resume_at = Some(tokio::time::Instant::now() + pause);
    }
}

/// The connections that are there, at least one, at most a batch or as many as there is room for.
async fn accept(
    listeners: Option<&mut StreamListeners>,
    room: usize,
) -> Vec<io::Result<(Accepted, String)>> {
    let Some(listeners) = listeners else {
        return std::future::pending().await;
    };
    poll_fn(|cx| {
        let mut accepted = Vec::new();
        while accepted.len() < room.min(ACCEPT_BATCH)
            && let std::task::Poll::Ready(result) = listeners.poll_accept(cx)
        {
            let is_error = result.is_err();
            accepted.push(result);
            if is_error {
                break;
            }
        }
        if accepted.is_empty() {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(accepted)
        }
    })
    .await
}

/// The next one whom the reception lets in, or `None` where it only has more room. Cancel-safe.
async fn next_arrived(reception: Option<&mut Reception>) -> Option<(StreamLink, String)> {
    match reception {
        Some(reception) => reception.next().await,
        None => std::future::pending().await,
    }
}

/// How many peers the plan and the system's descriptors allow.
fn max_peers(scene: &Scene) -> usize {
    let files = sockpit_sys::limit::open_files().unwrap_or(1024);
    // A program needs two pipes beside its peer's socket.
    let each = if scene.has_program { 3 } else { 1 };
    let possible = usize::try_from(files.saturating_sub(RESERVED_FILES) / each)
        .unwrap_or(usize::MAX)
        .max(1);
    scene
        .plan
        .max_peers
        .map_or(possible, |most| most.clamp(1, possible))
}

fn publish_opened(scene: &Scene, number: u32, addr: &str, link: &StreamLink) {
    if scene.wants(Scope::Life) {
        let opened = What::Opened {
            addr: link.endpoint_of(addr),
            local: link.endpoint_of(&link.local()),
        };
        scene.publish(number, opened);
    }
}

/// Starts the program of one peer, if there is one; says so if that fails.
pub(crate) fn start_program<M>(
    scene: &Scene,
    number: u32,
    plan: Option<&Rc<ProgramPlan<M>>>,
) -> Option<Program> {
    match Program::start(&plan?.command) {
        Ok(program) => Some(program),
        Err(error) => {
            let fault = What::Fault {
                kind: FaultKind::Program,
                message: error.to_string(),
                count: None,
            };
            scene.publish(number, fault);
            None
        }
    }
}
