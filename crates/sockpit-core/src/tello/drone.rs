//! A drone that is not there: what it is told, where it is, what it answers, and what it shows.
//!
//! One [`Drone`] is shared by three machines, one for each of its links:
//!
//! ```text
//!  commands  ◀─▶ DroneLink ─┐
//!  state     ◀── Reporter  ─┼─ SharedDrone ── body, battery, pads, faults
//!  video     ◀── Camera    ─┘
//! ```
//!
//! Nothing moves by itself: whoever looks at the drone first moves it on to the time of the look, and
//! what it sees does not depend on how often that is done.

mod body;
mod camera;
mod clip;
mod faults;
mod glance;
mod link;
mod obey;
mod pads;
mod picture;
mod reporter;
mod settings;
mod shared;
mod speech;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

pub use body::Pose;
pub use camera::Camera;
pub use clip::{Clip, DATAGRAM};
pub use faults::{Fault, ParseFaultError};
pub use glance::{Executed, Glance, Phase};
pub use link::{ANSWERED, DroneLink, FAULT, HEARD, NEWS};
pub use pads::{Fix, Pad, ParsePadError};
pub use picture::{Picture, draw_tracks};
pub use reporter::Reporter;
pub use settings::{Busy, ParseSpeedUpError, Settings, SpeedUp};
pub use shared::SharedDrone;

use crate::tello::again::Memory;
use crate::tello::words;
use crate::time::Time;
use body::{Body, Leg, distance};
use faults::Mishaps;

/// Without a command for so long it lands (SDK 2.0 and 3.0 user guides).
pub const AUTO_LAND: Duration = Duration::from_secs(15);

/// In percent: with less it does not take off.
const TAKEOFF_BATTERY: f64 = 10.0;

/// In percent: with no more it lands by itself.
const LAND_BATTERY: f64 = 5.0;

/// In percent a second: 100 % are thirteen minutes of flight.
const FLYING_DRAIN: f64 = 100.0 / (13.0 * 60.0);

/// In percent a second: on the floor it lasts for an hour and a half.
const IDLE_DRAIN: f64 = 100.0 / (90.0 * 60.0);

/// In degrees Celsius: what it has when it is switched on, and at most (readings of the field).
const COOL: f64 = 60.0;
const HOT: f64 = 85.0;

/// In degrees a second: while the motors turn, and while they do not.
const HEATING: f64 = 0.1;
const COOLING: f64 = 0.05;

/// In cm: where it hovers after it took off.
const TAKEOFF_HEIGHT: f64 = 80.0;

/// In cm/s: up while it takes off, and down while it lands.
const LIFT_SPEED: f64 = 40.0;

/// In degrees a second.
const TURN_RATE: f64 = 90.0;

/// The motors take so long to come up to speed, and to come to rest.
const SPIN: Duration = Duration::from_secs(1);

/// A motion is over once it has stood still for so long.
const SETTLE: Duration = Duration::from_millis(500);

/// A flip takes so long.
const FLIP: Duration = Duration::from_secs(1);

/// It is waited for so long until it is thrown.
const THROW: Duration = Duration::from_secs(2);

/// From being switched off to being there again.
const BOOT: Duration = Duration::from_secs(5);

/// What it says and what it then does: "drone will reboot in 3s".
const REBOOT_DELAY: Duration = Duration::from_secs(3);

/// In cm: lower it hovers only on its way up and down.
const LOWEST: f64 = 20.0;

/// Motions, events and replies that are kept; the oldest go.
const KEPT: usize = 10_000;

/// One drone, its surroundings and what it was told.
#[derive(Debug)]
pub struct Drone {
    settings: Settings,
    now: Time,
    body: Body,
    phase: Phase,
    /// What it does and will answer.
    manoeuvre: Option<Manoeuvre>,
    /// Replies to what was begun, by ticket, until they are taken.
    done: VecDeque<(Ticket, String)>,
    tickets: u64,
    is_in_sdk_mode: bool,
    client: Option<IpAddr>,
    /// When it was last told something.
    heard: Time,
    /// When its last manoeuvre ended.
    settled: Time,
    /// In percent.
    battery: f64,
    has_low_battery: bool,
    /// In degrees Celsius: the lower of its two temperatures.
    warmth: f64,
    /// In seconds, in which the motors turned.
    motor: f64,
    has_motor_on: bool,
    /// In cm/s.
    speed: f64,
    detection: Detection,
    video: Video,
    state_port: u16,
    /// Until when no state is sent.
    mute_until: Time,
    reboot_at: Option<Time>,
    access_point: String,
    mishaps: Mishaps,
    memory: Memory,
    news: VecDeque<News>,
    executed: VecDeque<Executed>,
    track: Vec<[f64; 3]>,
}

/// By which a reply that comes later is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What it does until a time, and what it answers then.
#[derive(Debug)]
struct Manoeuvre {
    /// `None` where nobody waits for the end.
    ticket: Option<Ticket>,
    end: Time,
    then: Option<Then>,
}

/// What follows where the first part of a jump has ended.
#[derive(Clone, Copy, Debug)]
struct Then {
    onto: crate::tello::command::Pad,
    height: f64,
    speed: f64,
    yaw: f64,
}

/// Whether it looks for mission pads, and where.
#[derive(Clone, Copy, Debug)]
struct Detection {
    is_on: bool,
    looks_down: bool,
}

#[derive(Clone, Copy, Debug)]
struct Video {
    is_on: bool,
    /// Frames a second.
    rate: u32,
    port: u16,
}

/// What happened to it without being an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Client,
    Ports,
    Video,
    AutoLand,
    LowBattery,
    TookOff,
    Landed,
    Fell,
    Off,
    On,
}

impl Drone {
    /// Stands on the floor, switched on.
    #[must_use]
    pub fn new(settings: Settings, now: Time) -> Self {
        let at = settings.start;
        let mut drone = Self {
            now,
            body: Body::new(at, now),
            phase: Phase::Ground,
            manoeuvre: None,
            done: VecDeque::new(),
            tickets: 0,
            is_in_sdk_mode: false,
            client: None,
            heard: now,
            settled: now,
            battery: f64::from(settings.battery.min(100)),
            has_low_battery: false,
            warmth: COOL,
            motor: 0.0,
            has_motor_on: false,
            speed: 0.0,
            detection: Detection::OFF,
            video: Video::new(settings.video_port),
            state_port: settings.state_port,
            mute_until: Time::ZERO,
            reboot_at: None,
            access_point: String::new(),
            mishaps: Mishaps::new(settings.faults.clone(), settings.seed),
            memory: Memory::default(),
            news: VecDeque::new(),
            executed: VecDeque::new(),
            track: vec![[at[0], at[1], 0.0]],
            settings,
        };
        drone.forget();
        drone
    }

    /// Moves on to `now`, with everything that happens until then. An earlier time does nothing.
    pub fn advance(&mut self, now: Time) {
        while let Some(next) = self.next_change().filter(|next| *next <= now) {
            self.pass(next);
            self.turn(next);
        }
        self.pass(now);
    }

    /// The motions that were begun, in order; the first of very many are forgotten.
    pub fn executed(&self) -> impl ExactSizeIterator<Item = &Executed> {
        self.executed.iter()
    }

    /// Where it has been: x, y and height in cm, in order.
    #[must_use]
    pub fn track(&self) -> &[[f64; 3]] {
        &self.track
    }

    /// What is to be seen of it.
    #[must_use]
    pub fn glance(&self) -> Glance {
        Glance {
            number: self.settings.number,
            pose: self.body.pose(),
            phase: self.phase,
            battery: self.battery_percent(),
            speed: self.body.speed(),
            pad: self.seen().map(|fix| fix.id),
            client: self.client.filter(|_| self.is_in_sdk_mode),
            state_port: self.state_port,
            video_port: self.video.is_on.then_some(self.video.port),
        }
    }

    /// When something happens to it by itself; `None` where it would stay as it is.
    #[must_use]
    pub fn next_change(&self) -> Option<Time> {
        if let Phase::Off { until } = self.phase {
            return Some(until);
        }
        let end = self.manoeuvre.as_ref().map(|manoeuvre| manoeuvre.end);
        let auto_land = (self.phase == Phase::Flying && end.is_none())
            .then(|| self.heard.max(self.settled) + AUTO_LAND);
        [end, auto_land, self.reboot_at, self.low_battery_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the battery runs low in the air.
    fn low_battery_at(&self) -> Option<Time> {
        let counts = self.phase.is_airborne() && !self.has_low_battery;
        counts.then(|| {
            let left = (self.battery - LAND_BATTERY).max(0.0);
            self.now + self.span(left / FLYING_DRAIN)
        })
    }

    /// What takes so many seconds, in less where it flies faster.
    fn span(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds / self.settings.speed_up.factor()).unwrap_or(SETTLE)
    }

    fn hastened(&self, span: Duration) -> Duration {
        self.span(span.as_secs_f64())
    }

    /// Lets time pass in which nothing changes its course.
    fn pass(&mut self, now: Time) {
        let factor = self.settings.speed_up.factor();
        let seconds = (now - self.now).as_secs_f64() * factor;
        let is_airborne = self.phase.is_airborne();
        self.body.advance(now, factor, is_airborne);
        self.now = self.now.max(now);
        if matches!(self.phase, Phase::Off { .. }) {
            return;
        }
        let drain = if is_airborne {
            FLYING_DRAIN
        } else {
            IDLE_DRAIN
        };
        self.battery = (self.battery - drain * seconds).max(0.0);
        if is_airborne {
            self.motor += seconds;
            self.warmth = (self.warmth + HEATING * seconds).min(HOT);
            self.draw_track();
        } else {
            self.warmth = (self.warmth - COOLING * seconds).max(COOL);
        }
    }

    /// Lets happen what is due.
    fn turn(&mut self, now: Time) {
        if let Phase::Off { until } = self.phase {
            if until <= now {
                self.phase = Phase::Ground;
                self.tell(News::On);
            }
            return;
        }
        if self.reboot_at.is_some_and(|at| at <= now) {
            return self.restart(now);
        }
        if self.manoeuvre.as_ref().is_some_and(|one| one.end <= now) {
            self.finish(now);
        }
        if self.low_battery_at().is_some_and(|at| at <= now) {
            self.has_low_battery = true;
            self.tell(News::LowBattery);
            if self.phase != (Phase::Landing { by_itself: false }) {
                self.settle_job(words::AUTO_LAND);
                self.begin_landing(now, true, None);
            }
        }
        let is_left_alone = self.phase == Phase::Flying && self.manoeuvre.is_none();
        if is_left_alone && self.heard.max(self.settled) + AUTO_LAND <= now {
            self.tell(News::AutoLand);
            self.begin_landing(now, true, None);
        }
    }

    /// Ends a manoeuvre whose time is over.
    fn finish(&mut self, now: Time) {
        let Some(manoeuvre) = self.manoeuvre.take() else {
            return;
        };
        self.settled = now;
        let reply = match (self.phase, manoeuvre.then) {
            (_, Some(then)) => match self.carry_on(then, manoeuvre.ticket) {
                Ok(()) => return,
                Err(refusal) => refusal,
            },
            (Phase::Landing { .. }, None) => {
                self.body.fall();
                self.phase = Phase::Ground;
                self.tell(News::Landed);
                "ok"
            }
            (Phase::Rising, None) => {
                self.phase = Phase::Flying;
                self.tell(News::TookOff);
                "ok"
            }
            _ => "ok",
        };
        self.draw_track();
        self.reply(manoeuvre.ticket, reply);
    }

    /// Breaks off what it does, and answers whoever waits for it.
    fn settle_job(&mut self, reply: &str) {
        if let Some(manoeuvre) = self.manoeuvre.take() {
            self.body.halt();
            self.reply(manoeuvre.ticket, reply);
        }
    }

    fn reply(&mut self, ticket: Option<Ticket>, reply: &str) {
        if let Some(ticket) = ticket {
            if self.done.len() >= KEPT {
                self.done.pop_front();
            }
            self.done.push_back((ticket, reply.to_owned()));
        }
    }

    /// Begins to do what the legs pushed so far say.
    fn begin(&mut self, now: Time, ticket: Option<Ticket>, then: Option<Then>) {
        self.manoeuvre = Some(Manoeuvre {
            ticket,
            end: self.body.end().unwrap_or(now),
            then,
        });
    }

    fn begin_landing(&mut self, now: Time, by_itself: bool, ticket: Option<Ticket>) {
        self.body.halt();
        self.phase = Phase::Landing { by_itself };
        let pose = self.body.pose();
        let to = [pose.at[0], pose.at[1], 0.0];
        self.push_straight(to, LIFT_SPEED);
        self.body.push(Leg::Wait, self.hastened(SPIN));
        self.begin(now, ticket, None);
    }

    fn push_straight(&mut self, to: [f64; 3], speed: f64) {
        let way = distance(self.body.destination().at, to);
        let span = self.span(way / speed.max(1.0));
        self.body.push(Leg::Straight { to }, span);
    }

    fn push_settle(&mut self) {
        self.body.push(Leg::Wait, self.hastened(SETTLE));
    }

    fn push_turn(&mut self, by: f64) {
        let span = self.span(by.abs() / TURN_RATE);
        self.body.push(Leg::Turn { by }, span);
    }

    /// Switches off, and comes back knowing nothing.
    fn restart(&mut self, now: Time) {
        let has_fallen = self.phase.is_airborne();
        self.body.fall();
        self.manoeuvre = None;
        self.done.clear();
        self.forget();
        self.phase = Phase::Off { until: now + BOOT };
        if has_fallen {
            self.tell(News::Fell);
        }
        self.tell(News::Off);
    }

    /// What is not kept while it is switched off.
    fn forget(&mut self) {
        self.is_in_sdk_mode = false;
        self.client = None;
        self.reboot_at = None;
        self.motor = 0.0;
        self.has_motor_on = false;
        self.has_low_battery = false;
        // The value that the field's sample shows.
        self.speed = 100.0;
        self.detection = Detection::OFF;
        self.video = Video::new(self.settings.video_port);
        self.state_port = self.settings.state_port;
        self.memory = Memory::default();
    }

    fn tell(&mut self, news: News) {
        if self.news.len() >= KEPT {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }

    /// The pad that it sees: the nearest, where there are several.
    fn seen(&self) -> Option<Fix> {
        self.fixes().min_by(|a, b| {
            let away = |fix: &Fix| libm::hypot(fix.at[0], fix.at[1]);
            away(a).total_cmp(&away(b))
        })
    }

    /// All pads that it sees, as they were given.
    fn fixes(&self) -> impl Iterator<Item = Fix> {
        let pose = self.body.pose();
        let looks = self.detection.is_on && self.detection.looks_down;
        self.settings
            .pads
            .iter()
            .filter(move |_| looks)
            .filter_map(move |pad| pad.fix(&pose))
    }

    fn draw_track(&mut self) {
        let at = self.body.pose().at;
        let is_news = self
            .track
            .last()
            .is_none_or(|last| distance(*last, at) >= TRACK_STEP);
        if !is_news {
            return;
        }
        if self.track.len() >= TRACK_POINTS {
            // Every other point is drawing enough of a long flight.
            let mut index = 0;
            self.track.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
        self.track.push(at);
    }
}

/// In cm: points of a track are this far from each other.
const TRACK_STEP: f64 = 5.0;

/// Points that a track keeps.
const TRACK_POINTS: usize = 20_000;

impl Detection {
    /// Off, and looking down once it is on.
    const OFF: Self = Self {
        is_on: false,
        looks_down: true,
    };
}

impl Video {
    const fn new(port: u16) -> Self {
        Self {
            is_on: false,
            rate: 30,
            port,
        }
    }
}

#[cfg(test)]
mod tests;
