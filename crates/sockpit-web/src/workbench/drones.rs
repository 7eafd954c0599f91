//! Drones: real ones that are flown, and simulated ones.
//!
//! ```text
//!  page ─ call ─▶ Drones ─▶ a task for each drone: Flight, or Stand
//!    ▲                          │ log, state
//!    └── news ◀── Record ◀──────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};
use sockpit_core::tello::COMMAND_PORT;
use sockpit_core::tello::command::{Command, forms};
use sockpit_core::tello::sdk::Sdk;
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::tello::{OpenError, Veil};
use tokio::sync::oneshot;

use super::Shared;
use super::bell::Topic;
use super::bench::Bench;
use super::call::{Answer, With, waited};
use super::complaint::Complaint;
use super::page::Page;

mod real;
mod record;
mod simulated;

use real::{Done, Real, Wanted};
use record::Record;
use simulated::Simulated;

/// Drones that are there at once, at most.
const MOST_DRONES: usize = 32;

/// What all pages share of it.
#[derive(Default)]
pub(super) struct Drones {
    drones: Mutex<BTreeMap<u64, Arc<Drone>>>,
    count: Mutex<u64>,
    /// The sessions out of whose events passwords are taken (rule G3).
    veiled: Arc<Mutex<Veiled>>,
}

/// The sessions of drones that are flown.
#[derive(Default)]
struct Veiled {
    sessions: BTreeSet<u32>,
    is_on: bool,
}

/// One drone.
enum Drone {
    Real(Real),
    Simulated(Simulated),
}

impl Drone {
    fn record(&self) -> &Arc<Record> {
        match self {
            Self::Real(real) => &real.record,
            Self::Simulated(simulated) => &simulated.record,
        }
    }
}

impl Drones {
    fn drone(&self, id: u64) -> Result<Arc<Drone>, Complaint> {
        let drones = self.drones.lock().expect("no holder panics");
        let drone = drones.get(&id).cloned();
        drone.ok_or_else(|| Complaint::new(format!("there is no drone {id}")))
    }

    /// A number for another drone.
    fn next(&self) -> Result<u64, Complaint> {
        let drones = self.drones.lock().expect("no holder panics");
        if MOST_DRONES <= drones.len() {
            return Err(Complaint::new(format!(
                "{MOST_DRONES} drones are there already; close one"
            )));
        }
        let mut count = self.count.lock().expect("no holder panics");
        *count += 1;
        Ok(*count)
    }

    fn keep(&self, id: u64, drone: Drone) {
        let mut drones = self.drones.lock().expect("no holder panics");
        drones.insert(id, Arc::new(drone));
    }

    fn forget(&self, id: u64) {
        self.drones.lock().expect("no holder panics").remove(&id);
    }

    fn all(&self) -> Vec<(u64, Arc<Drone>)> {
        let drones = self.drones.lock().expect("no holder panics");
        let drones = drones.iter();
        drones.map(|(id, drone)| (*id, drone.clone())).collect()
    }
}

/// Carries out a call.
pub(super) async fn answer(bench: &Shared, page: &Arc<Page>, op: &str, with: With) -> Answer {
    match op {
        "tello.simulate" => simulated::open(bench, with.read()?).await,
        "tello.fly" => real::open(bench, with.read()?).await,
        "tello.do" => {
            let Do { id, command } = with.read()?;
            order(bench, id, |sdk| parse(&command, sdk)).await
        }
        "tello.land" => order(bench, with.read::<Id>()?.id, |_| Ok(Command::land())).await,
        "tello.emergency" => {
            order(bench, with.read::<Id>()?.id, |_| Ok(Command::emergency())).await
        }
        "tello.stop" => order(bench, with.read::<Id>()?.id, |sdk| parse("stop", sdk)).await,
        "tello.sticks" => {
            let Sticks { id, sticks } = with.read()?;
            if sticks.iter().any(|stick| !(-100..=100).contains(stick)) {
                return Err(Complaint::new("sticks stand from -100 to 100"));
            }
            flown(bench, id, |real| real.send(Wanted::Sticks(sticks)))??;
            Ok(Value::Null)
        }
        "tello.check" => {
            let Do { id, command } = with.read()?;
            let sdk = flown(bench, id, |real| real.record.sdk())?;
            parse(&command, sdk)?;
            Ok(json!({}))
        }
        "tello.words" => {
            let drone = bench.drones.drone(with.read::<Id>()?.id)?;
            let sdk = drone.record().sdk();
            let words = forms(sdk).map(|form| {
                let help = page.say(form.help);
                json!({ "word": form.name, "usage": form.usage(), "help": help })
            });
            Ok(words.collect())
        }
        "tello.path" => {
            let drone = bench.drones.drone(with.read::<Id>()?.id)?;
            let points: Vec<[f64; 3]> = match &*drone {
                Drone::Simulated(simulated) => simulated.path(),
                Drone::Real(real) => real.path(),
            };
            let points = points
                .iter()
                .map(|[x, y, z]| json!({ "x": x, "y": y, "z": z }));
            Ok(points.collect())
        }
        "tello.close" => close_one(bench, with.read::<Id>()?.id).await,
        _ => Err(Complaint::unknown(op)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Do {
    id: u64,
    command: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sticks {
    id: u64,
    sticks: [i32; 4],
}

fn parse(command: &str, sdk: Sdk) -> Result<Command, Complaint> {
    let parsed = Command::parse(command.trim(), sdk);
    parsed.map_err(|mistake| Complaint::new(mistake.to_string()).field("command"))
}

/// Looks at a drone that is flown.
fn flown<T>(bench: &Shared, id: u64, look: impl FnOnce(&Real) -> T) -> Result<T, Complaint> {
    match &*bench.drones.drone(id)? {
        Drone::Real(real) => Ok(look(real)),
        Drone::Simulated(simulated) => Err(Complaint::new("a simulated drone obeys its client")
            .hint(format!(
                "fly it: its address is {}",
                simulated.record.address
            ))),
    }
}

/// Orders something of a drone, and waits for what becomes of it.
async fn order(
    bench: &Shared,
    id: u64,
    command: impl FnOnce(Sdk) -> Result<Command, Complaint>,
) -> Answer {
    let (reply, done) = oneshot::channel();
    flown(bench, id, |real| {
        let command = command(real.record.sdk())?;
        real.send(Wanted::Order { command, reply })
    })??;
    let gone = || Complaint::new("the link to the drone is over");
    let Done { reply, end, took } = done.await.map_err(|_| gone())?;
    Ok(json!({ "reply": reply, "end": end, "took_ms": took.as_millis() as u64 }))
}

/// Lands a drone and forgets it.
async fn close_one(bench: &Shared, id: u64) -> Answer {
    let drone = bench.drones.drone(id)?;
    let landed = match &*drone {
        Drone::Real(real) => real.close().await,
        Drone::Simulated(simulated) => {
            simulated.close().await;
            "all"
        }
    };
    bench.drones.forget(id);
    bench.changed(Topic::Drones);
    Ok(json!({ "landed": landed }))
}

/// The whole state of a topic.
pub(super) async fn news(bench: &Shared, page: &Arc<Page>, _topic: Topic) -> Option<Value> {
    let all = bench.drones.all();
    let told = all.iter().map(|(id, drone)| drone.record().told(*id, page));
    Some(told.collect())
}

/// Ends what runs, in order: what flies is told to land.
pub(super) async fn close(bench: &Bench) {
    let all = bench.drones.all();
    // All at once: none waits in the air for another's landing.
    let real = all.iter().filter_map(|(_, drone)| match &**drone {
        Drone::Real(real) => Some(real.close()),
        Drone::Simulated(_) => None,
    });
    join_all(real).await;
    // Those that are simulated here may be the ones that land.
    let simulated = all.iter().filter_map(|(_, drone)| match &**drone {
        Drone::Simulated(simulated) => Some(simulated.close()),
        Drone::Real(_) => None,
    });
    join_all(simulated).await;
}

/// Takes passwords out of the events of these sessions from here on (rule G3).
fn veil(bench: &Bench, sessions: impl IntoIterator<Item = u32>) {
    let shared = bench.drones.veiled.clone();
    let mut veiled = shared.lock().expect("no holder panics");
    veiled.sessions.extend(sessions);
    if std::mem::replace(&mut veiled.is_on, true) {
        return;
    }
    drop(veiled);
    let mut veil = Veil::default();
    bench.handle.veil(move |event| {
        let veiled = shared.lock().expect("no holder panics");
        if veiled.sessions.contains(&event.session) {
            veil.cover(event);
        }
    });
}

/// Where a drone takes commands, as somebody wrote it: `HOST` or `HOST:PORT`.
async fn resolve(text: &str) -> Result<SocketAddr, Complaint> {
    let text = text.trim().to_owned();
    let wanted = {
        let text = text.clone();
        move || {
            let text = VisibleLine(&text);
            let complaint = Complaint::new(format!("`{text}` is no address of a drone"));
            let complaint = complaint.hint("write one such as `192.168.10.1` or `127.0.0.1:8889`");
            complaint.field("address")
        }
    };
    let text = text.strip_prefix("udp://").unwrap_or(&text).to_owned();
    if let Ok(ip) = text.parse() {
        return Ok(SocketAddr::new(ip, COMMAND_PORT));
    }
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Some(addr)
            .filter(|addr| addr.port() != 0)
            .ok_or_else(wanted);
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, port.parse().map_err(|_| wanted())?),
        None => (text.as_str(), COMMAND_PORT),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if name.is_empty() || port == 0 || !name.chars().all(is_name) {
        return Err(wanted());
    }
    let name = name.to_owned();
    let found = waited(move || (name.as_str(), port).to_socket_addrs()).await?;
    // Drones speak IPv4; a simulator may be anywhere.
    let mut found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(wanted)
}

impl From<OpenError> for Complaint {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Link(error) => error.into(),
            error => Self::new(error.to_string()),
        }
    }
}
