//! A simulated drone with the sessions by which it is reached: its port for commands, and what it
//! sends to its client, from its own address.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sockpit_core::event::What;
use sockpit_core::machine::Machine;
use sockpit_core::plan::{Options, Plan, PlanError, Role};
use sockpit_core::session::Peer;
use sockpit_core::tello::drone::{Camera, Clip, DroneLink, Reporter, Settings, SharedDrone};
use sockpit_core::time::Time;

use super::{OpenError, swarm};
use crate::session::Session;
use crate::workbench::Handle;

/// Replies that are under way have so long to leave at the end.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// One drone with its sessions.
pub struct Stand {
    drone: SharedDrone,
    ip: IpAddr,
    local: String,
    link: Session<DroneLink>,
    state: Option<Line<Reporter>>,
    video: Option<Line<Camera>>,
}

/// A session that goes to a client, as long as it could be opened.
struct Line<M> {
    to: SocketAddr,
    _session: Option<Session<M>>,
}

impl Stand {
    /// The plan by which a drone takes its commands at an address.
    ///
    /// # Errors
    ///
    /// Returns why there can be none.
    pub fn plan(addr: SocketAddr) -> Result<Arc<Plan>, PlanError> {
        plan(Role::Server, addr, None)
    }

    /// Opens a drone's port for commands.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be taken.
    pub async fn open(
        handle: &Handle,
        addr: SocketAddr,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let drone = SharedDrone::new(settings, Time::ZERO);
        let theirs = drone.clone();
        let make = move |peer: Peer, _| {
            let client = peer.addr.parse().unwrap_or(SocketAddr::from(([0; 4], 0)));
            DroneLink::new(theirs.clone(), client)
        };
        let link = handle.open(Self::plan(addr)?, make).await?;
        Ok(Self {
            drone,
            ip: addr.ip(),
            local: link.local().first().cloned().unwrap_or_default(),
            link,
            state: None,
            video: None,
        })
    }

    /// Lets state and video go to whom they shall go, from the drone's own address. To be asked for
    /// after each event of the drone. Gives what went wrong, which is not tried again until the
    /// client is another.
    pub async fn connect(&mut self, handle: &Handle, clip: &Arc<Clip>) -> Vec<OpenError> {
        let glance = self.drone.with(|drone| drone.glance());
        let to = |port| glance.client.map(|client| SocketAddr::new(client, port));
        let state = to(glance.state_port);
        let video = glance.video_port.and_then(to);
        let mut failures = Vec::new();
        if self.state.as_ref().map(|line| line.to) != state {
            let drone = self.drone.clone();
            let make = move |_: Peer, now| Reporter::new(drone.clone(), now);
            self.state = None;
            if let Some(to) = state {
                self.state = Some(Line::open(handle, self.ip, to, make, &mut failures).await);
            }
        }
        if self.video.as_ref().map(|line| line.to) != video {
            let (drone, clip) = (self.drone.clone(), clip.clone());
            let make = move |_: Peer, now| Camera::new(drone.clone(), clip.clone(), now);
            self.video = None;
            if let Some(to) = video {
                self.video = Some(Line::open(handle, self.ip, to, make, &mut failures).await);
            }
        }
        failures
    }

    /// The drone itself.
    #[must_use]
    pub const fn drone(&self) -> &SharedDrone {
        &self.drone
    }

    /// Where it takes its commands, as an endpoint with its real port.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The number of the session of its commands in the timeline.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.link.number()
    }

    /// Ends drones in order; what has not left within a second is lost, as a reply over the air may
    /// be.
    pub async fn close(stands: &[Self]) {
        for stand in stands {
            stand.link.close();
        }
        let drained = async {
            for stand in stands {
                stand.link.outcome().await;
            }
        };
        let _ = tokio::time::timeout(DRAIN_TIME, drained).await;
    }
}

impl<M> Line<M>
where
    M: Machine<Event = What> + 'static,
{
    async fn open(
        handle: &Handle,
        from: IpAddr,
        to: SocketAddr,
        make: impl FnMut(Peer, Time) -> M + Send + 'static,
        failures: &mut Vec<OpenError>,
    ) -> Self {
        let opened = match plan(Role::Client, to, Some(from)) {
            Ok(plan) => handle.open(plan, make).await.map_err(OpenError::from),
            Err(error) => Err(error.into()),
        };
        let session = opened.map_err(|error| failures.push(error));
        Self {
            to,
            _session: session.ok(),
        }
    }
}

/// A session of datagrams, from an address of the drone's where it has one.
fn plan(role: Role, addr: SocketAddr, from: Option<IpAddr>) -> Result<Arc<Plan>, PlanError> {
    let from = from.filter(|ip| !ip.is_unspecified());
    let options = Options {
        bind: from.map(|ip| SocketAddr::new(ip, 0).to_string()),
        ..Options::default()
    };
    swarm::plan(role, addr, options).map(Arc::new)
}
