//! The drones that are flown, each with a link of its own, and what they send beside replies.

use std::net::SocketAddr;
use std::sync::Arc;

use sockpit_core::endpoint::{Address, Endpoint, Host, Transport};
use sockpit_core::plan::{Options, Plan, PlanError, Role, Switch};
use sockpit_core::tello::command::Command;
use sockpit_core::tello::pilot::{self, Pilot};
use sockpit_core::tello::sdk::Sdk;
use tokio::sync::mpsc;

use super::OpenError;
use super::telemetry::{Board, Crew, Telemetry};
use crate::error::Error;
use crate::session::{Session, Target};
use crate::workbench::Handle;

/// In bytes: what a command counts for where too many wait.
const COMMAND_COST: usize = 64;

/// Where the drones are, and how we are reached by them.
pub struct Links {
    /// Where they take commands.
    pub drones: Vec<SocketAddr>,
    /// Our own address for commands.
    pub bind: Option<String>,
    /// Our port for state.
    pub state_port: u16,
    /// Whether packets are captured.
    pub wire: bool,
    /// How a drone is spoken to; its SDK is what it begins with.
    pub pilot: pilot::Settings,
}

/// One drone.
pub struct Drone {
    /// Where it takes commands.
    pub addr: SocketAddr,
    session: Session<Pilot>,
    /// What it understands, as far as that is known.
    pub sdk: Sdk,
}

/// All drones.
pub struct Swarm {
    /// Each with its link.
    pub drones: Vec<Drone>,
    /// By which addresses they are told apart.
    pub crew: Crew,
    /// What they said of themselves last.
    pub board: Board,
    state: Option<Session<Telemetry>>,
}

impl Swarm {
    /// Opens a link to each drone; each begins by itself with `command`.
    ///
    /// # Errors
    ///
    /// Returns why a link could not be opened.
    pub async fn open(handle: &Handle, links: &Links) -> Result<Self, OpenError> {
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
    pub async fn listen(&mut self, handle: &Handle, plan: Arc<Plan>) -> Result<String, Error> {
        let (crew, board) = (self.crew.clone(), self.board.clone());
        let make =
            move |peer: sockpit_core::session::Peer, _| Telemetry::new(&peer, &crew, board.clone());
        let session = handle.open(plan, make).await?;
        let local = session.local().first().cloned().unwrap_or_default();
        self.state = Some(session);
        Ok(local)
    }

    /// Whether states can be heard.
    pub fn listens(&self) -> bool {
        self.state.is_some()
    }

    /// The numbers of the sessions of commands, drone by drone.
    pub fn sessions(&self) -> impl Iterator<Item = u32> {
        self.drones.iter().map(|drone| drone.session.number())
    }

    /// Which drone an event is of.
    pub fn of_session(&self, session: u32) -> Option<usize> {
        let mut drones = self.drones.iter();
        drones.position(|drone| drone.session.number() == session)
    }
}

impl Drone {
    /// Gives it a command, and gives the number by which events name it; `None` where the link is
    /// over.
    pub async fn order(&self, command: Command) -> Option<u64> {
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
    pub async fn sticks(&self, position: [i32; 4]) {
        let change = move |pilot: &mut Pilot, now| pilot.sticks(now, position);
        // A drone whose link is over has no sticks.
        let _ = self.session.change(Target::First, 0, change).await;
    }

    /// Lets it forget the commands that wait.
    pub async fn clear(&self) {
        let change = |pilot: &mut Pilot, now| pilot.clear(now);
        // A drone whose link is over has nothing to forget.
        let _ = self.session.change(Target::First, 0, change).await;
    }

    /// Lets it know what the drone understands.
    pub async fn learn(&mut self, sdk: Sdk) {
        self.sdk = sdk;
        let change = move |pilot: &mut Pilot, _| pilot.set_sdk(sdk);
        // A drone whose link is over is asked nothing.
        let _ = self.session.change(Target::First, 0, change).await;
    }
}

/// The plan of a drone's link.
fn client(addr: SocketAddr, links: &Links) -> Result<Plan, PlanError> {
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
///
/// # Errors
///
/// Returns why there can be none.
pub fn server(port: u16) -> Result<Plan, PlanError> {
    let anywhere = SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, port));
    plan(Role::Server, anywhere, Options::default())
}

/// The plan of a session of datagrams, with these options.
pub(super) fn plan(role: Role, addr: SocketAddr, options: Options) -> Result<Plan, PlanError> {
    let endpoint = Endpoint {
        transport: Transport::Udp,
        address: Address::Net {
            host: Host::Ip(addr.ip()),
            port: addr.port(),
        },
        options: Vec::new(),
    };
    Plan::resolve(role, &endpoint, options)
}
