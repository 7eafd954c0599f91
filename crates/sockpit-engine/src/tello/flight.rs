//! A flight: the drones, what was ordered of them and became of it, and how it ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockpit_core::event::{Event, FaultKind, What};
use sockpit_core::tello::command::{Command, Kind, Order, Query};
use sockpit_core::tello::pilot::{Event as Told, Origin as Sender};
use sockpit_core::tello::reply::Verdict;
use sockpit_core::tello::sdk::Sdk;

use super::ports::Ports;
use super::swarm::Swarm;
use super::telemetry::ON_GROUND;
use super::{Audience, Mark};
use crate::bus::{Scope, Tap, TapLimit};
use crate::workbench::Handle;

/// What may wait to be taken; notes are small, and nobody waits for them.
const LIMIT: TapLimit = TapLimit {
    bytes: 4 * 1024 * 1024,
    patience: None,
};

/// Lines about what nobody asked for: a flood of it pushes nothing else off the screen. Records have
/// it all.
const MOST_ODDITIES: usize = 8;

/// Why a command was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody typed it.
    User,
    /// To get to know the drone.
    Acquaintance,
    /// To end the flight.
    Landing,
    /// Beside what somebody typed, such as `streamon` for `--video`.
    Beside,
}

/// A command that was given to a drone.
#[derive(Clone, Debug)]
pub struct Given {
    /// The command.
    pub command: Command,
    /// Why it was given.
    pub origin: Origin,
    at: Instant,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The drone did it, or answered it.
    Done,
    /// The drone refused it.
    Refused,
    /// No reply came.
    Unanswered,
    /// It was never sent, or something else took its place.
    Dropped,
}

/// Something that was heard and may need to be acted on.
pub struct Heard {
    /// Of which drone, by its place in the swarm.
    pub drone: usize,
    /// What its link told.
    pub told: Told,
    /// Of a command that has ended: which, and how.
    pub ended: Option<(Given, End)>,
}

/// What is known of a drone beside its link.
#[derive(Default)]
struct Seat {
    orders: BTreeMap<u64, Given>,
    /// Whether it took off, as far as was heard, and before the latest take-off was sent.
    is_up: bool,
    was_up: bool,
    /// Whether it answered `command`.
    has_begun: bool,
    is_lost: bool,
    /// Lines about what is no reply, since the last reply.
    oddities: usize,
    is_introduced: bool,
    battery: Option<String>,
    serial: Option<String>,
    /// The last fault of its link.
    fault: Option<FaultKind>,
}

/// A flight, told to an audience.
pub struct Flight<A> {
    /// The drones with their links.
    pub swarm: Swarm,
    /// Whom it is told.
    pub show: A,
    tap: Tap,
    seats: Vec<Seat>,
    /// Whether the drones say what they understand.
    pub is_auto: bool,
    /// Where we listen for what they send beside replies.
    pub ports: Ports,
    /// Whether drones are to send video as soon as they are known.
    pub wants_video: bool,
    /// Orders that somebody typed and that went wrong.
    pub failures: usize,
    /// Lines about datagrams of strangers.
    strangers: usize,
}

/// Subscribes to what the links tell; before they are opened.
pub async fn tap(handle: &Handle) -> Tap {
    handle.tap(LIMIT, Scope::Faults).await
}

impl<A: Audience> Flight<A> {
    /// Begins one with links that are open, and the tap that was there before them; `is_auto` lets
    /// the drones be asked what they understand.
    pub fn new(swarm: Swarm, show: A, tap: Tap, is_auto: bool) -> Self {
        let seats = swarm.drones.iter().map(|_| Seat::default()).collect();
        Self {
            swarm,
            show,
            tap,
            seats,
            is_auto,
            ports: Ports::USUAL,
            wants_video: false,
            failures: 0,
            strangers: 0,
        }
    }

    /// Asks each drone what it is.
    pub async fn get_to_know(&mut self) {
        for drone in 0..self.seats.len() {
            if self.is_auto {
                let question = Command::query(Query::Sdk);
                self.order(drone, question, Origin::Acquaintance).await;
            }
            let question = Command::query(Query::Battery);
            self.order(drone, question, Origin::Acquaintance).await;
        }
    }

    /// Gives a command to a drone, and gives the number by which events name it.
    pub async fn order(&mut self, drone: usize, command: Command, origin: Origin) -> Option<u64> {
        let number = self.swarm.drones[drone].order(command.clone()).await;
        match (number, command.order()) {
            // The sticks have no reply, and nothing ends with them.
            (Some(_), Order::Sticks(_)) => {
                self.show.about(drone, Mark::Out, command.masked(), "");
            }
            (Some(number), _) => {
                let given = Given {
                    command,
                    origin,
                    at: Instant::now(),
                };
                self.seats[drone].orders.insert(number, given);
            }
            (None, _) => {}
        }
        number
    }

    /// Waits for the next thing that a link tells. Cancel-safe.
    pub async fn next(&mut self) -> Arc<Event> {
        match self.tap.next().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// Takes something that was told, and shows it.
    pub async fn hear(&mut self, event: &Event) -> Option<Heard> {
        let Some(drone) = self.swarm.of_session(event.session) else {
            let is_foreign =
                matches!(&event.what, What::Note { kind, .. } if kind == "tello.foreign");
            self.strangers += usize::from(is_foreign);
            if !is_foreign || self.strangers <= MOST_ODDITIES {
                self.show.aside(event);
            }
            return None;
        };
        if let What::Fault { kind, message, .. } = &event.what {
            self.take_fault(drone, *kind, message);
            return None;
        }
        let told = Told::of(&event.what)?;
        let ended = self.take(drone, &told, &event.what);
        if let (Told::Replied { reply: text, .. }, Some((given, _))) = (&told, &ended)
            && let Order::Query(query) = given.command.order()
        {
            self.learn(drone, *query, text).await;
        }
        self.introduce(drone).await;
        Some(Heard { drone, told, ended })
    }

    /// Keeps account of what a link tells, and shows it. Gives the command that has ended with it.
    fn take(&mut self, drone: usize, told: &Told, what: &What) -> Option<(Given, End)> {
        let number = match told {
            Told::Sent { number, .. } => Some(*number),
            told => told.ends(),
        };
        let seat = &mut self.seats[drone];
        let given = number.and_then(|number| seat.orders.get(&number)).cloned();
        let end = match told {
            Told::Sent { attempt: 1, .. } => {
                let given = given.as_ref()?;
                if given.origin == Origin::User {
                    self.show
                        .about(drone, Mark::Out, given.command.masked(), "");
                }
                self.take_leave(drone, &given.command)
            }
            Told::Replied {
                text,
                reply,
                verdict: Verdict::Refused(refusal),
                origin: Sender::Begin,
                ..
            } if text == Command::begin().masked() => {
                if !std::mem::replace(&mut seat.is_lost, true) {
                    let what = format!("`{text}`: {reply}");
                    self.show.about(drone, Mark::Wrong, &what, "");
                    self.show.hint(refusal.explain());
                }
                None
            }
            Told::Replied {
                reply,
                verdict,
                took_ms,
                ..
            } => {
                seat.has_begun = true;
                seat.is_lost = false;
                seat.oddities = 0;
                seat.fault = None;
                let end = match verdict {
                    Verdict::Refused(_) => End::Refused,
                    _ => End::Done,
                };
                if let Some(given) = &given {
                    self.take_reply(drone, &given.command, end);
                    if given.origin != Origin::Acquaintance {
                        let took = Duration::from_millis(*took_ms);
                        self.show.reply(drone, given, reply, took, verdict);
                        // A drone that stands refuses to land, and that is no riddle.
                        if let Verdict::Refused(refusal) = verdict
                            && given.origin != Origin::Landing
                        {
                            self.show.hint(refusal.explain());
                        }
                    }
                }
                Some(end)
            }
            Told::TimedOut { origin, .. } => {
                self.tell_time_out(drone, given.as_ref(), *origin);
                Some(End::Unanswered)
            }
            // Some firmware does not answer it, which is no failure.
            Told::Unanswered { .. } => Some(End::Done),
            // What does no harm twice is said again until it is answered, and each copy may be.
            Told::Stray { .. }
                if seat
                    .orders
                    .values()
                    .any(|given| given.command.kind() == Kind::Immediate) =>
            {
                None
            }
            // The drone is there, and what it is told beside that is nobody's concern.
            Told::Sent { .. } | Told::KeptAlive { .. } | Told::Sticks { .. } => None,
            Told::Dropped { .. } | Told::Interrupted { .. } => {
                self.tell_other(drone, what);
                Some(End::Dropped)
            }
            Told::Junk { .. } | Told::Stray { .. } => {
                seat.oddities += 1;
                if seat.oddities <= MOST_ODDITIES {
                    self.tell_other(drone, what);
                }
                None
            }
            _ => {
                self.tell_other(drone, what);
                None
            }
        };
        let (given, end) = (given?, end?);
        self.seats[drone].orders.remove(&number?);
        if given.origin == Origin::User && end != End::Done {
            self.failures += 1;
        }
        Some((given, end))
    }

    /// Takes that a command has left; one that has no reply has ended with it.
    fn take_leave(&mut self, drone: usize, command: &Command) -> Option<End> {
        let seat = &mut self.seats[drone];
        match command.order() {
            Order::Takeoff | Order::ThrowFly => {
                seat.was_up = seat.is_up;
                seat.is_up = true;
            }
            Order::Emergency => seat.is_up = false,
            _ => {}
        }
        (command.kind() == Kind::Silent).then_some(End::Done)
    }

    fn take_reply(&mut self, drone: usize, command: &Command, end: End) {
        let seat = &mut self.seats[drone];
        match (command.order(), end) {
            (Order::Takeoff | Order::ThrowFly, End::Refused) => seat.is_up = seat.was_up,
            (Order::Land, End::Done) => seat.is_up = false,
            _ if command.kind() == Kind::Motion && end == End::Done => seat.is_up = true,
            _ => {}
        }
    }

    /// Tells what a link for commands tells that is neither an order nor its reply.
    fn tell_other(&self, drone: usize, what: &What) {
        if let What::Note { message, .. } = what
            && !message.is_empty()
        {
            self.show.about(drone, Mark::About, message, "");
        }
    }

    fn tell_time_out(&mut self, drone: usize, given: Option<&Given>, sender: Sender) {
        let addr = self.swarm.drones[drone].addr;
        let Some(given) = given.filter(|given| given.origin != Origin::Acquaintance) else {
            if self.seats[drone].has_begun {
                // What it is would have been good to know; it flies without.
                return;
            }
            let is_first = !std::mem::replace(&mut self.seats[drone].is_lost, true);
            if sender == Sender::Begin && !self.seats[drone].has_begun && is_first {
                let silence = format!("no answer from {addr}");
                self.show.about(drone, Mark::Wrong, &silence, "");
                self.show.hint(
                    "is the drone on, and this machine in its Wi-Fi (TELLO-XXXXXX or RMTT-XXXXXX)?",
                );
            }
            return;
        };
        let what = format!("no reply to `{}`", given.command.masked());
        self.show.about(drone, Mark::Wrong, &what, "");
        if given.command.kind() == Kind::Motion {
            self.show
                .hint("whether the drone did it is not known; look, before it is told again");
        }
    }

    fn take_fault(&mut self, drone: usize, kind: FaultKind, message: &str) {
        // A drone that is switched on in a moment answers then.
        let is_new = self.seats[drone].fault != Some(kind);
        self.seats[drone].fault = Some(kind);
        if is_new {
            self.show.about(drone, Mark::Wrong, message, "");
        }
    }

    /// Ends each `land` that waits for a reply though the drone says that it stands on the ground.
    /// Gives the drones and the numbers of the commands.
    pub fn notice_landings(&mut self) -> Vec<(usize, u64)> {
        let mut landed = Vec::new();
        for drone in 0..self.count() {
            let orders = &self.seats[drone].orders;
            let is_down = |given: &Given| {
                *given.command.order() == Order::Land && self.swarm.board.is_parked(drone, given.at)
            };
            let Some(number) = orders.iter().find(|it| is_down(it.1)).map(|it| *it.0) else {
                continue;
            };
            if let Some(given) = self.seats[drone].orders.remove(&number) {
                let took = given.at.elapsed();
                self.show.reply(drone, &given, "ok", took, &Verdict::Done);
            }
            self.seats[drone].is_up = false;
            landed.push((drone, number));
        }
        landed
    }

    /// Learns from an answer.
    async fn learn(&mut self, drone: usize, query: Query, text: &str) {
        let known = self.swarm.drones[drone].sdk;
        let sdk = match query {
            Query::Sdk => match text {
                "30" => {
                    let question = Command::query(Query::Hardware);
                    self.order(drone, question, Origin::Acquaintance).await;
                    Sdk::V3_0
                }
                "20" => Sdk::V2_0,
                _ => Sdk::V1_3,
            },
            Query::Hardware if text.eq_ignore_ascii_case("RMTT") => Sdk::Rmtt,
            Query::SerialNumber => {
                self.seats[drone].serial = Some(text.to_owned());
                return;
            }
            Query::Battery => {
                self.seats[drone].battery = Some(text.to_owned());
                return;
            }
            _ => return,
        };
        if self.is_auto && sdk != known {
            self.swarm.drones[drone].learn(sdk).await;
        }
    }

    /// Says once what a drone is, when it is known, and what it is to send where.
    async fn introduce(&mut self, drone: usize) {
        if self.seats[drone].is_introduced || !self.is_ready(drone) {
            return;
        }
        self.seats[drone].is_introduced = true;
        let sdk = self.swarm.drones[drone].sdk;
        let what = match &self.seats[drone].battery {
            Some(battery) => format!("ready: SDK {sdk}, battery {battery} %"),
            None => format!("ready: SDK {sdk}"),
        };
        self.show.about(drone, Mark::About, &what, "");
        self.tell_ports(drone).await;
        if self.wants_video {
            self.order(drone, Command::stream(true), Origin::Beside)
                .await;
        }
    }

    /// The serial number that a drone has said.
    pub fn serial(&self, drone: usize) -> Option<&str> {
        self.seats[drone].serial.as_deref()
    }

    /// How many drones there are.
    pub fn count(&self) -> usize {
        self.seats.len()
    }

    /// Whether a drone answers, and has said what it was asked first.
    pub fn is_ready(&self, drone: usize) -> bool {
        let seat = &self.seats[drone];
        let is_asked = |given: &Given| given.origin == Origin::Acquaintance;
        seat.has_begun && !seat.orders.values().any(is_asked)
    }

    /// Whether nothing that was ordered is left to be done.
    pub fn is_idle(&self) -> bool {
        self.seats.iter().all(|seat| seat.orders.is_empty())
    }

    /// Whether a drone never answered.
    pub fn is_lost(&self) -> bool {
        self.seats.iter().any(|seat| seat.is_lost)
    }

    /// Whether a drone may be in the air, as far as was heard of it.
    pub fn is_up(&self, drone: usize) -> bool {
        let state = self.swarm.board.fresh(drone);
        self.seats[drone].is_up || state.is_some_and(|state| state.height_cm > ON_GROUND)
    }

    /// Whether a drone says that it is on the ground.
    pub fn is_down(&self, drone: usize) -> bool {
        let state = self.swarm.board.fresh(drone);
        state.is_some_and(|state| state.height_cm <= ON_GROUND)
    }

    /// Whether the network has said, since the last reply, that a drone is not there.
    pub fn is_gone(&self, drone: usize) -> bool {
        self.seats[drone].fault.is_some() && self.swarm.board.fresh(drone).is_none()
    }

    /// What a drone is doing, in a few words.
    pub fn doing(&self, drone: usize) -> String {
        let orders = &self.seats[drone].orders;
        let Some(given) = orders.values().next() else {
            return String::new();
        };
        match orders.len() - 1 {
            0 => given.command.masked().to_owned(),
            waiting => format!("{} +{waiting}", given.command.masked()),
        }
    }

    /// What stands in place of a state that does not come.
    pub fn silence(&self, drone: usize) -> &'static str {
        match (self.seats[drone].has_begun, self.seats[drone].is_lost) {
            (true, _) => "no state",
            (false, true) => "no answer",
            (false, false) => "waiting for an answer",
        }
    }

    /// Commands that wait: of which drone, and which.
    pub fn waiting(&self) -> Vec<(usize, String)> {
        let mut waiting = Vec::new();
        for (drone, seat) in self.seats.iter().enumerate() {
            let masked = seat
                .orders
                .values()
                .map(|given| given.command.masked().to_owned());
            waiting.extend(masked.map(|text| (drone, text)));
        }
        waiting
    }

    /// Tells what each drone said last.
    pub fn show_status(&self) {
        for drone in 0..self.count() {
            let said = match self.swarm.board.fresh(drone) {
                Some(state) => state.to_string(),
                None => self.silence(drone).to_owned(),
            };
            self.show
                .say(&format!("{}  {}", drone + 1, said.trim_end()));
        }
    }
}
