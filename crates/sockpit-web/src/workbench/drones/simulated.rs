//! A simulated drone.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sockpit_core::event::{Event, What};
use sockpit_core::tello::COMMAND_PORT;
use sockpit_core::tello::drone::{Clip, Fault, HEARD, Pad, Phase, Settings, SharedDrone, SpeedUp};
use sockpit_core::tello::sdk::Sdk;
use sockpit_engine::bus::{Scope, View, ViewLimit};
use sockpit_engine::tello::Stand;
use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::super::Shared;
use super::super::call::Answer;
use super::super::complaint::Complaint;
use super::record::{Kind, Now, Record};
use super::{Drone, Topic};

/// How often it is looked where it is.
const PACE: Duration = Duration::from_millis(100);

/// What may wait to be taken; what is missed is only missing in the log.
const LIMIT: ViewLimit = ViewLimit {
    events: 4096,
    bytes: 4 * 1024 * 1024,
};

/// Points of a path that are told.
const MOST_POINTS: usize = 2000;

/// A simulated drone.
pub(super) struct Simulated {
    pub(super) record: Arc<Record>,
    drone: SharedDrone,
    closing: watch::Sender<bool>,
    over: Mutex<Option<oneshot::Receiver<()>>>,
}

/// What a page wants simulated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    bind: Option<String>,
    sdk: Option<String>,
    battery: Option<u8>,
    speed_up: Option<f64>,
    #[serde(default)]
    faults: Vec<String>,
    #[serde(default)]
    pads: Vec<String>,
    state_port: Option<u16>,
    video_port: Option<u16>,
    seed: Option<u64>,
}

impl Wish {
    fn settings(&self) -> Result<Settings, Complaint> {
        let sdk = match &self.sdk {
            Some(sdk) => read(sdk, "sdk")?,
            None => Sdk::V2_0,
        };
        let mut settings = Settings::new(sdk);
        if let Some(battery) = self.battery {
            if battery > 100 {
                return Err(Complaint::new("a battery has 100 % at most").field("battery"));
            }
            settings.battery = battery;
        }
        if let Some(factor) = self.speed_up {
            settings.speed_up = read::<SpeedUp>(&factor.to_string(), "speed_up")?;
        }
        for fault in &self.faults {
            settings.faults.push(read::<Fault>(fault, "faults")?);
        }
        for pad in &self.pads {
            settings.pads.push(read::<Pad>(pad, "pads")?);
        }
        settings.state_port = self.state_port.unwrap_or(settings.state_port);
        settings.video_port = self.video_port.unwrap_or(settings.video_port);
        settings.seed = self.seed.unwrap_or(settings.seed);
        Ok(settings)
    }

    /// Where it takes its commands: an address with its port, or without.
    fn addr(&self) -> Result<SocketAddr, Complaint> {
        let text = self.bind.as_deref().unwrap_or("127.0.0.1").trim();
        if let Ok(addr) = text.parse() {
            return Ok(addr);
        }
        match text.parse::<IpAddr>() {
            Ok(ip) => Ok(SocketAddr::new(ip, COMMAND_PORT)),
            Err(_) => Err(Complaint::new("that is no address of this machine")
                .hint("write one such as `127.0.0.1:8889`")
                .field("bind")),
        }
    }
}

fn read<T>(text: &str, field: &str) -> Result<T, Complaint>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| Complaint::new(error.to_string()).field(field))
}

/// Begins to simulate a drone.
pub(super) async fn open(bench: &Shared, wish: Wish) -> Answer {
    let settings = wish.settings()?;
    let addr = wish.addr()?;
    let id = bench.drones.next()?;
    let model = Model {
        sdk: settings.sdk,
        state_port: settings.state_port,
    };
    // Before it is there, so that nothing is missed.
    let view = bench.handle.view_within(LIMIT, Scope::Life).await;
    let stand = Stand::open(&bench.handle, addr, settings).await?;
    let address = stand.local().trim_start_matches("udp://").to_owned();
    let record = Record::new(
        "simulated",
        address.clone(),
        model.sdk,
        Arc::downgrade(bench),
    );
    let record = Arc::new(record);
    let (closing, closes) = watch::channel(false);
    let (done, over) = oneshot::channel();
    let simulated = Simulated {
        record: record.clone(),
        drone: stand.drone().clone(),
        closing,
        over: Mutex::new(Some(over)),
    };
    bench.drones.keep(id, Drone::Simulated(simulated));
    let handle = bench.handle.clone();
    tokio::spawn(async move {
        run(stand, &handle, view, &record, model, closes).await;
        record.end();
        // Who waits for the end may have left.
        let _ = done.send(());
    });
    bench.changed(Topic::Drones);
    Ok(json!({ "id": id, "address": address }))
}

impl Simulated {
    /// Where it has been, in cm.
    pub(super) fn path(&self) -> Vec<[f64; 3]> {
        self.drone.with(|drone| {
            let track = drone.track();
            let every = track.len().div_ceil(MOST_POINTS).max(1);
            let mut points: Vec<[f64; 3]> = track.iter().step_by(every).copied().collect();
            if let Some(last) = track.last().filter(|last| points.last() != Some(last)) {
                points.push(*last);
            }
            points
        })
    }

    /// Ends it in order.
    pub(super) async fn close(&self) {
        self.closing.send_replace(true);
        let over = self.over.lock().expect("no holder panics").take();
        if let Some(over) = over {
            // It tells before it is dropped.
            let _ = over.await;
        }
    }
}

/// What was asked for, and stays.
#[derive(Clone, Copy)]
struct Model {
    sdk: Sdk,
    /// Where those who fly it hear its state.
    state_port: u16,
}

async fn run(
    mut stand: Stand,
    handle: &sockpit_engine::Handle,
    mut view: View,
    record: &Record,
    model: Model,
    mut closes: watch::Receiver<bool>,
) {
    let clip = Arc::new(Clip::flight());
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_sticks = String::new();
    loop {
        tokio::select! {
            biased;
            _ = closes.wait_for(|closes| *closes) => break,
            event = view.next() => match event {
                Some(event) if event.session == stand.number() => {
                    note(&event, record, &mut last_sticks);
                    record.set(now(&stand, model));
                }
                Some(_) => continue,
                None => break,
            },
            _ = pace.tick() => record.set(now(&stand, model)),
        }
        for failure in stand.connect(handle, &clip).await {
            let told = Complaint::from(failure);
            record.tell(Kind::Wrong, told.message(), "");
        }
    }
    Stand::close(&[stand]).await;
}

fn note(event: &Event, record: &Record, last_sticks: &mut String) {
    match &event.what {
        What::Note {
            kind,
            data,
            message,
        } => {
            let command = data["command"].as_str().unwrap_or_default();
            // Sticks come many times a second, and stand still mostly.
            let is_sticks = kind == HEARD && command.starts_with("rc ");
            if is_sticks && command == last_sticks {
                return;
            }
            if is_sticks {
                command.clone_into(last_sticks);
            }
            record.tell(Kind::About, message, "");
        }
        What::Fault { message, .. } => record.tell(Kind::Wrong, message, ""),
        _ => {}
    }
}

fn now(stand: &Stand, model: Model) -> Now {
    let (glance, state) = stand.drone().with(|drone| (drone.glance(), drone.state()));
    let [x, y, _] = glance.pose.at;
    Now {
        state: Some(state),
        place: Some([x, y]),
        is_flying: !matches!(glance.phase, Phase::Ground | Phase::Off { .. }),
        is_ready: glance.client.is_some(),
        phase: Some(glance.phase.as_str()),
        state_port: Some(model.state_port),
        ..Now::new(model.sdk)
    }
}
