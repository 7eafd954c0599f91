//! The drones that are flown, each with a link of its own, and what they send beside replies.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use sockpit_core::endpoint::{Address, Endpoint, Host, Transport};
use sockpit_core::plan::{Options, Plan, Role, Switch};
use sockpit_core::tello::command::Command;
use sockpit_core::tello::pilot::{self, Pilot};
use sockpit_core::tello::sdk::Sdk;
use sockpit_engine::{Handle, Session, Target};
use tokio::sync::mpsc;

use super::telemetry::{Board, Crew, Telemetry};

/// In bytes: what a command counts for where too many wait.
const COMMAND_COST: usize = 64;

/// Where the drones are, and how we are reached by them.
pub(super) struct Links {
    pub(super) drones: Vec<SocketAddr>,
    /// Our own address for commands.
    pub(super) bind: Option<String>,
    /// Our port for state.
    pub(super) state_port: u16,
    /// Whether packets are captured.
    pub(super) wire: bool,
    /// How a drone is spoken to; its SDK is what it begins with.
    pub(super) pilot: pilot::Settings,
}

/// One drone.
pub(super) struct Drone {
    pub(super) addr: SocketAddr,
    session: Session<Pilot>,
    /// What it understands, as far as that is known.
    pub(super) sdk: Sdk,
}

/// All drones.
pub(super) struct Swarm {
    pub(super) drones: Vec<Drone>,
    pub(super) crew: Crew,
    pub(super) board: Board,
    state: Option<Session<Telemetry>>,
}

impl Swarm {
    /// Opens a link to each drone; each begins by itself with `command`.
    ///
    /// # Errors
    ///
    /// Returns why a link could not be opened.
    pub(super) async fn open(handle: &Handle, links: &Links) -> anyhow::Result<Self> {
        let crew = Crew::new(&links.drones);
        let board = Board::new(links.drones.len());
        let mut drones = Vec::new();
        for addr in &links.drones {
            let plan = Arc::new(client(*addr, links)?);
            let settings = links.pilot;
            let sdk = settings.sdk;
            let session = handle
                .open(plan, move |_, now| Pilot::new(settings, now))
                .await?;
            drones.push(Drone {
                addr: *addr,
                session,
                sdk,
            });
        }
        Ok(Self {
            drones,
            crew,
            board,
            state: None,
        })
    }

    /// Begins to listen for the drones' states.
    ///
    /// # Errors
    ///
    /// Returns why the port could not be taken.
    pub(super) async fn listen(
        &mut self,
        handle: &Handle,
        plan: Arc<Plan>,
    ) -> Result<String, sockpit_engine::Error> {
        let (crew, board) = (self.crew.clone(), self.board.clone());
        let make =
            move |peer: sockpit_core::session::Peer, _| Telemetry::new(&peer, &crew, board.clone());
        let session = handle.open(plan, make).await?;
        let local = session.local().first().cloned().unwrap_or_default();
        self.state = Some(session);
        Ok(local)
    }

    /// Whether states can be heard.
    pub(super) fn listens(&self) -> bool {
        self.state.is_some()
    }

    /// Which drone an event is of.
    pub(super) fn of_session(&self, session: u32) -> Option<usize> {
        let mut drones = self.drones.iter();
        drones.position(|drone| drone.session.number() == session)
    }
}

impl Drone {
    /// Gives it a command, and gives the number by which events name it; `None` where the link is
    /// over.
    pub(super) async fn order(&self, command: Command) -> Option<u64> {
        let (sender, mut number) = mpsc::unbounded_channel();
        let is_given = self
            .session
            .change(Target::First, COMMAND_COST, move |pilot, now| {
                // Whoever gave it waits for its number.
                let _ = sender.send(pilot.order(now, command.clone()));
            })
            .await;
        match is_given {
            true => number.recv().await,
            false => None,
        }
    }

    /// Puts the sticks somewhere: roll, pitch, throttle and yaw, each −100 to 100.
    pub(super) async fn sticks(&self, position: [i32; 4]) {
        let change = move |pilot: &mut Pilot, now| pilot.sticks(now, position);
        // A drone whose link is over has no sticks.
        let _ = self.session.change(Target::First, 0, change).await;
    }

    /// Lets it forget the commands that wait.
    pub(super) async fn clear(&self) {
        let change = |pilot: &mut Pilot, now| pilot.clear(now);
        // A drone whose link is over has nothing to forget.
        let _ = self.session.change(Target::First, 0, change).await;
    }

    /// Lets it know what the drone understands.
    pub(super) async fn learn(&mut self, sdk: Sdk) {
        self.sdk = sdk;
        let change = move |pilot: &mut Pilot, _| pilot.set_sdk(sdk);
        // A drone whose link is over is asked nothing.
        let _ = self.session.change(Target::First, 0, change).await;
    }
}

/// The plan of a drone's link.
fn client(addr: SocketAddr, links: &Links) -> anyhow::Result<Plan> {
    let shares = links.bind.is_some() && links.drones.len() > 1;
    let options = Options {
        bind: links.bind.clone(),
        wire: Some(Switch(links.wire)),
        // Each link is connected to its drone, so that one port serves them all.
        reuseport: shares.then_some(Switch(true)),
        ..Options::default()
    };
    plan(Role::Client, addr, options)
}

/// The plan of a port that drones send to.
pub(super) fn server(port: u16) -> anyhow::Result<Plan> {
    let anywhere = SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, port));
    plan(Role::Server, anywhere, Options::default())
}

fn plan(role: Role, addr: SocketAddr, options: Options) -> anyhow::Result<Plan> {
    let endpoint = Endpoint {
        transport: Transport::Udp,
        address: Address::Net {
            host: Host::Ip(addr.ip()),
            port: addr.port(),
        },
        options: Vec::new(),
    };
    Plan::resolve(role, &endpoint, options).context("cannot plan the link")
}
