//! A drone that is flown from pages: one task has the flight, and lands it in every end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use sockpit_core::event::{Event, What};
use sockpit_core::tello::STATE_PORT;
use sockpit_core::tello::command::{Command, Kind as Sort, Order};
use sockpit_core::tello::path;
use sockpit_core::tello::pilot::{self, Event as Told, KeepAlive};
use sockpit_core::tello::reply::Verdict;
use sockpit_core::tello::script::Script;
use sockpit_core::tello::sdk::Sdk;
use sockpit_engine::tello::{
    self, Audience, End, Flight, Given, Heard, Landed, Links, Mark, Origin, Swarm, Wish, Wishes,
    addr_of,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::super::Shared;
use super::super::bench::Bench;
use super::super::call::Answer;
use super::super::complaint::Complaint;
use super::record::{Kind, Now, Record};
use super::{Drone, Topic, resolve, veil};

/// How often it is looked whether a drone has landed, and whether anybody is at a page.
const TICK: Duration = Duration::from_millis(200);

/// A page is loaded again, or comes back, sooner: without one for so long a drone lands.
const ALONE: Duration = Duration::from_secs(10);

/// Commands that are remembered for the path.
const MOST_DONE: usize = 2000;

/// The only drone of its flight.
const IT: usize = 0;

/// A drone that is flown.
pub(super) struct Real {
    pub(super) record: Arc<Record>,
    wanted: mpsc::UnboundedSender<Wanted>,
    /// Motions that it did, as they were said.
    done: Arc<Mutex<Vec<String>>>,
}

/// What pages want of it.
pub(super) enum Wanted {
    /// A command.
    Order {
        command: Command,
        /// Gets what became of it.
        reply: oneshot::Sender<Done>,
    },
    /// The sticks: right, ahead, up, clockwise.
    Sticks([i32; 4]),
    /// That it lands, and is let go.
    Close(oneshot::Sender<Landed>),
}

/// What became of a command.
pub(super) struct Done {
    pub(super) reply: Option<String>,
    pub(super) end: &'static str,
    pub(super) took: Duration,
}

/// What a page wants flown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fly {
    address: String,
    sdk: Option<String>,
    state_port: Option<u16>,
    bind: Option<String>,
}

/// Opens the link to a drone.
pub(super) async fn open(bench: &Shared, fly: Fly) -> Answer {
    let sdk = match fly.sdk.as_deref() {
        None | Some("auto") => None,
        Some(sdk) => {
            let read = sdk.parse::<Sdk>();
            Some(read.map_err(|error| Complaint::new(error.to_string()).field("sdk"))?)
        }
    };
    let addr = resolve(&fly.address).await?;
    let id = bench.drones.next()?;
    // Until it says more, everything may be typed.
    let first = sdk.unwrap_or(Sdk::Rmtt);
    let mut settings = pilot::Settings::new(first);
    settings.keep_alive = KeepAlive::Command;
    let links = Links {
        drones: vec![addr],
        bind: fly.bind,
        state_port: fly.state_port.unwrap_or(STATE_PORT),
        wire: false,
        pilot: settings,
    };
    let tap = tello::tap(&bench.handle).await;
    let mut swarm = Swarm::open(&bench.handle, &links).await?;
    veil(bench, swarm.sessions());
    let record = Record::new("real", addr.to_string(), first, Arc::downgrade(bench));
    let record = Arc::new(record);
    let state_port = listen(bench, &mut swarm, links.state_port, &record).await;
    let mut flight = Flight::new(swarm, Teller(record.clone()), tap, sdk.is_none());
    if let Some(port) = state_port {
        flight.ports.state = port;
    }
    let (wanted, orders) = mpsc::unbounded_channel();
    let done = Arc::<Mutex<Vec<String>>>::default();
    let pilot = Pilot {
        flight,
        orders,
        waiting: BTreeMap::new(),
        done: done.clone(),
        bench: Arc::downgrade(bench),
        seen: Instant::now(),
        state_port,
    };
    tokio::spawn(pilot.fly());
    let real = Real {
        record,
        wanted,
        done,
    };
    bench.drones.keep(id, Drone::Real(real));
    bench.changed(Topic::Drones);
    Ok(json!({ "id": id }))
}

/// Begins to listen for state; without it one can still fly, so that it is told and no more.
async fn listen(bench: &Bench, swarm: &mut Swarm, port: u16, record: &Record) -> Option<u16> {
    let plan = Arc::new(tello::server(port).ok()?);
    match swarm.listen(&bench.handle, plan).await {
        Ok(local) => addr_of(&local).as_ref().map(SocketAddr::port),
        Err(error) => {
            let told = Complaint::from(error);
            let text = format!("no state will be shown: {}", told.message());
            record.tell(Kind::Wrong, &text, "");
            None
        }
    }
}

impl Real {
    /// Has the drone's task do something.
    pub(super) fn send(&self, wanted: Wanted) -> Result<(), Complaint> {
        let sent = self.wanted.send(wanted);
        sent.map_err(|_| Complaint::new("the link to the drone is over"))
    }

    /// Lands it, and waits for that.
    pub(super) async fn close(&self) -> &'static str {
        let (reply, landed) = oneshot::channel();
        // A task that is over has landed.
        let _ = self.send(Wanted::Close(reply));
        match landed.await {
            Ok(Landed::All) | Err(_) => "all",
            Ok(Landed::Unsure) => "unsure",
            Ok(Landed::Stopped) => "stopped",
            Ok(Landed::Left) => "left",
        }
    }

    /// Where it should have been, by what it did, in cm.
    pub(super) fn path(&self) -> Vec<[f64; 3]> {
        let done = self.done.lock().expect("no holder panics").join("\n");
        let plan =
            Script::parse(&done).and_then(|script| script.check(Sdk::Rmtt, &["1".to_owned()]));
        let Ok(plan) = plan else {
            return Vec::new();
        };
        let flight = path::follow(&plan, &path::Options::default());
        let points = flight.tracks.first().map(|track| track.points.iter());
        points
            .into_iter()
            .flatten()
            .map(|point| point.place)
            .collect()
    }
}

/// Who has the flight.
struct Pilot {
    flight: Flight<Teller>,
    orders: mpsc::UnboundedReceiver<Wanted>,
    waiting: BTreeMap<u64, oneshot::Sender<Done>>,
    done: Arc<Mutex<Vec<String>>>,
    bench: Weak<Bench>,
    /// When a page was connected last.
    seen: Instant,
    state_port: Option<u16>,
}

impl Pilot {
    async fn fly(mut self) {
        self.flight.get_to_know().await;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let closed = loop {
            self.show();
            tokio::select! {
                biased;
                wanted = self.orders.recv() => match wanted {
                    Some(Wanted::Order { command, reply }) => self.order(command, reply).await,
                    Some(Wanted::Sticks(sticks)) => {
                        self.flight.swarm.drones[IT].sticks(sticks).await;
                    }
                    Some(Wanted::Close(reply)) => break Some(reply),
                    None => break None,
                },
                event = self.flight.next() => {
                    if let Some(heard) = self.flight.hear(&event).await {
                        self.settle(heard);
                    }
                }
                _ = tick.tick() => {
                    for (_, number) in self.flight.notice_landings() {
                        self.tell(number, Some("ok"), "done", Duration::ZERO);
                    }
                    self.look_around().await;
                }
            }
        };
        self.waiting.clear();
        let mut last = LastWishes(&mut self.orders);
        let landed = self.flight.land(&mut last).await;
        self.show();
        self.flight.show.0.end();
        if let Some(reply) = closed {
            // Who waits for it may have left.
            let _ = reply.send(landed);
        }
    }

    async fn order(&mut self, command: Command, reply: oneshot::Sender<Done>) {
        let has_end = !matches!(command.order(), Order::Sticks(_));
        match self.flight.order(IT, command, Origin::User).await {
            Some(number) if has_end => {
                self.waiting.insert(number, reply);
            }
            Some(_) => {
                // Who asked may have left.
                let _ = reply.send(Done {
                    reply: None,
                    end: "done",
                    took: Duration::ZERO,
                });
            }
            // The answer is that there is none.
            None => drop(reply),
        }
    }

    /// Answers whoever waits for a command that has ended.
    fn settle(&mut self, heard: Heard) {
        let Some((given, end)) = heard.ended else {
            return;
        };
        let number = match &heard.told {
            Told::Sent { number, .. } => Some(*number),
            told => told.ends(),
        };
        let (reply, took) = match &heard.told {
            Told::Replied { reply, took_ms, .. } => (Some(reply.as_str()), *took_ms),
            Told::TimedOut { took_ms, .. } => (None, *took_ms),
            _ => (None, 0),
        };
        let end = match end {
            End::Done => "done",
            End::Refused => "refused",
            End::Unanswered => "unanswered",
            End::Dropped => "dropped",
        };
        if end == "done" && matches!(given.command.kind(), Sort::Motion | Sort::Immediate) {
            let mut done = self.done.lock().expect("no holder panics");
            if done.len() < MOST_DONE {
                done.push(given.command.masked().to_owned());
            }
        }
        if let Some(number) = number {
            self.tell(number, reply, end, Duration::from_millis(took));
        }
    }

    fn tell(&mut self, number: u64, reply: Option<&str>, end: &'static str, took: Duration) {
        if let Some(waiting) = self.waiting.remove(&number) {
            // Who asked may have left.
            let _ = waiting.send(Done {
                reply: reply.map(str::to_owned),
                end,
                took,
            });
        }
    }

    /// Lands a drone that nobody looks after any more.
    async fn look_around(&mut self) {
        let is_watched = self.bench.upgrade().is_some_and(|bench| bench.has_pages());
        if is_watched || !self.flight.is_up(IT) {
            self.seen = Instant::now();
        } else if self.seen.elapsed() > ALONE {
            self.seen = Instant::now();
            self.flight
                .show
                .say("nobody is at a page any more: landing");
            self.flight.swarm.drones[IT].clear().await;
            self.flight
                .order(IT, Command::land(), Origin::Landing)
                .await;
        }
    }

    fn show(&self) {
        let flight = &self.flight;
        flight.show.0.set(Now {
            state: flight.swarm.board.fresh(IT),
            is_flying: flight.is_up(IT),
            is_ready: flight.is_ready(IT),
            waiting: flight.doing(IT),
            state_port: self.state_port,
            ..Now::new(flight.swarm.drones[IT].sdk)
        });
    }
}

/// What pages still want while it lands: `emergency` stops the motors.
struct LastWishes<'a>(&'a mut mpsc::UnboundedReceiver<Wanted>);

impl Wishes for LastWishes<'_> {
    async fn next(&mut self) -> Wish {
        loop {
            match self.0.recv().await {
                Some(Wanted::Order { command, .. }) if *command.order() == Order::Emergency => {
                    return Wish::StopMotors;
                }
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}

/// Writes a flight into the record of its drone.
struct Teller(Arc<Record>);

impl Audience for Teller {
    fn say(&self, text: &str) {
        self.0.tell(Kind::About, text, "");
    }

    fn error(&self, text: &str) {
        self.0.tell(Kind::Wrong, text, "");
    }

    fn hint(&self, text: &str) {
        self.0.tell(Kind::Hint, text, "");
    }

    fn about(&self, _drone: usize, mark: Mark, what: &str, aside: &str) {
        let kind = match mark {
            Mark::Out => Kind::Out,
            Mark::In => Kind::In,
            Mark::Refused => Kind::Refused,
            Mark::About => Kind::About,
            Mark::Wrong => Kind::Wrong,
        };
        self.0.tell(kind, what, aside);
    }

    fn aside(&self, event: &Event) {
        // The workbench has other sessions, which are nothing to a drone.
        if let What::Note { kind, message, .. } = &event.what
            && kind.starts_with("tello.")
            && kind != "tello.state"
        {
            self.hint(message);
        }
    }

    fn reply(&self, drone: usize, given: &Given, text: &str, took: Duration, verdict: &Verdict) {
        let said = match verdict {
            Verdict::Value(value) => value.to_string(),
            _ => text.to_owned(),
        };
        let aside = format!("{}, {} ms", given.command.masked(), took.as_millis());
        let mark = match verdict {
            Verdict::Refused(_) => Mark::Refused,
            _ => Mark::In,
        };
        self.about(drone, mark, &said, &aside);
    }

    fn landing(&self, _drones: usize) {
        self.say("landing; `emergency` stops the motors at once, and the drone falls");
    }
}
