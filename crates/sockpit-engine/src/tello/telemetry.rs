//! What drones tell of themselves ten times a second, on the port for state.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use sockpit_core::event::What;
use sockpit_core::machine::{Fault, Machine, Output};
use sockpit_core::session::Peer;
use sockpit_core::tello::state::State;
use sockpit_core::time::Time;

/// A state that is older says nothing of where a drone is.
pub(super) const FRESH: Duration = Duration::from_secs(3);

/// Which drones there are, by the addresses at which they take commands.
#[derive(Clone, Debug)]
pub struct Crew(Arc<[SocketAddr]>);

impl Crew {
    /// Takes them in the order of the swarm.
    #[must_use]
    pub fn new(addrs: &[SocketAddr]) -> Self {
        Self(addrs.into())
    }

    /// Which drone sent something, by its IP address; by its port too, where several share one.
    pub fn who(&self, from: SocketAddr) -> Option<usize> {
        let exact = self.0.iter().position(|addr| *addr == from);
        exact.or_else(|| {
            let mut same = (0..self.0.len()).filter(|index| self.0[*index].ip() == from.ip());
            same.next().filter(|_| same.next().is_none())
        })
    }
}

/// The address in what a peer is called, such as `udp://127.0.0.1:8889`.
pub fn addr_of(peer: &str) -> Option<SocketAddr> {
    let addr = peer.strip_prefix("udp://").unwrap_or(peer);
    addr.parse().ok()
}

/// In centimetres: what a state says of the height of a drone on the ground, at most.
pub(super) const ON_GROUND: i32 = 15;

/// A drone on the ground counts its motors' seconds while they turn: after this without another one
/// they stand still.
const STANDSTILL: Duration = Duration::from_millis(1500);

/// What a drone said last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    state: State,
    at: Instant,
    /// Since when it is on the ground and has counted no further second.
    parked: Option<Instant>,
}

/// The latest state of each drone.
#[derive(Clone)]
pub struct Board {
    seen: Arc<Mutex<Vec<Option<Seen>>>>,
}

impl Board {
    /// Begins with nothing heard of so many drones.
    #[must_use]
    pub fn new(drones: usize) -> Self {
        Self {
            seen: Arc::new(Mutex::new(vec![None; drones])),
        }
    }

    /// What a drone said last, unless that is too old.
    pub fn fresh(&self, drone: usize) -> Option<State> {
        let seen = self.seen.lock().expect("no holder panics");
        let seen = seen.get(drone)?.as_ref()?;
        (seen.at.elapsed() < FRESH).then_some(seen.state)
    }

    /// Whether a drone says that it stands on the ground, with its motors still, for a while since a
    /// time.
    pub fn is_parked(&self, drone: usize, since: Instant) -> bool {
        let seen = self.seen.lock().expect("no holder panics");
        let seen = seen.get(drone).and_then(Option::as_ref);
        seen.is_some_and(|seen| {
            seen.parked.is_some_and(|parked| {
                seen.at.saturating_duration_since(parked.max(since)) >= STANDSTILL
            })
        })
    }

    /// Whether a drone has ever said anything.
    pub fn has_heard(&self, drone: usize) -> bool {
        let seen = self.seen.lock().expect("no holder panics");
        seen.get(drone).is_some_and(Option::is_some)
    }

    fn note(&self, drone: usize, state: State) {
        let mut seen = self.seen.lock().expect("no holder panics");
        if let Some(place) = seen.get_mut(drone) {
            let at = Instant::now();
            let before = place.filter(|before| before.state.motor_s == state.motor_s);
            let is_down = state.height_cm <= ON_GROUND && state.vz_dm_per_s == 0;
            let parked = before.and_then(|before| before.parked).unwrap_or(at);
            *place = Some(Seen {
                state,
                at,
                parked: is_down.then_some(parked),
            });
        }
    }
}

/// One address that sends states.
pub struct Telemetry {
    from: String,
    /// Which of our drones it is.
    drone: Option<usize>,
    board: Board,
    is_watched: bool,
    is_strange_told: bool,
    notes: VecDeque<What>,
}

impl Telemetry {
    /// Begins with whoever sends from an address.
    #[must_use]
    pub fn new(peer: &Peer, crew: &Crew, board: Board) -> Self {
        let addr = addr_of(&peer.addr);
        Self {
            from: addr.map_or_else(|| peer.addr.clone(), |addr| addr.ip().to_string()),
            drone: addr.and_then(|addr| crew.who(addr)),
            board,
            is_watched: true,
            is_strange_told: false,
            notes: VecDeque::new(),
        }
    }

    /// Says once that something came which is no state of our drones.
    fn wonder(&mut self, message: String) {
        if !std::mem::replace(&mut self.is_strange_told, true) {
            self.notes.push_back(What::Note {
                kind: "tello.foreign".to_owned(),
                message,
                data: json!({ "port": "state" }),
            });
        }
    }
}

impl Machine for Telemetry {
    type Event = What;

    fn handle_input(&mut self, _now: Time, chunk: &[u8]) {
        let from = &self.from;
        let Some(drone) = self.drone else {
            return self.wonder(format!(
                "a state came from {from}, which is none of the drones; ignored"
            ));
        };
        let Some(state) = State::parse(chunk) else {
            return self.wonder(format!(
                "{from} sent something to the port for state that is none; ignored"
            ));
        };
        if self.is_watched {
            self.notes.push_back(What::Note {
                kind: "tello.state".to_owned(),
                message: String::new(),
                data: json!({
                    "drone": drone + 1,
                    "battery": state.battery_percent,
                    "height_cm": state.height_cm,
                    "tof_cm": state.tof_cm,
                    "pitch": state.pitch_degrees,
                    "roll": state.roll_degrees,
                    "yaw": state.yaw_degrees,
                    "motor_s": state.motor_s,
                }),
            });
        }
        self.board.note(drone, state);
    }

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<What> {
        match self.notes.pop_front() {
            Some(note) => Output::Event(note),
            None => Output::Wait(None),
        }
    }

    fn handle_watch(&mut self, watched: bool) {
        self.is_watched = watched;
    }
}
