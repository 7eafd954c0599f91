//! A flight before it is flown: where each drone will be, and when, by rule of thumb.
//!
//! Lengths are in cm: x ahead, y to the left and z up, as the first drone looks when it starts. The
//! drones start beside each other, the first on the left.

mod draw;

use crate::strings::Language;
use crate::tello::command::{Command, Order, Way};
use crate::tello::script::{Act, Plan};

/// How a flight is drawn, and what is warned of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// How far the drones start from each other, in cm.
    pub apart_cm: f64,
    /// How far from its start a drone may go ahead, aside or up, in m.
    pub room_m: f64,
    /// How near two drones may come, in cm.
    pub nearest_cm: f64,
    /// How fast they fly until the script says so, in cm/s.
    pub speed: f64,
    /// The language of the words in it.
    pub language: Language,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            apart_cm: 100.0,
            room_m: 10.0,
            nearest_cm: 50.0,
            speed: 50.0,
            language: Language::English,
        }
    }
}

/// A flight as it is expected to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// The path of each drone.
    pub tracks: Vec<Track>,
    /// What people should know before they fly it, a sentence each.
    pub warnings: Vec<String>,
    /// The nearest that two drones come.
    pub nearest: Option<Nearest>,
    /// How long it takes, in seconds.
    pub seconds: f64,
}

/// Two drones near each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// What they are called.
    pub drones: [String; 2],
    /// Their distance, in cm.
    pub cm: f64,
    /// When, in seconds from the start.
    pub at: f64,
}

/// The path of a drone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// What it is called.
    pub name: String,
    /// Where it is, in the order of time; a straight line lies between two of them.
    pub points: Vec<Point>,
    /// The length of its way in the air, in cm.
    pub length_cm: f64,
}

/// Where a drone is at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// In seconds from the start.
    pub at: f64,
    /// Ahead, left, up, in cm.
    pub place: [f64; 3],
    /// The end of a step: its line in the script, and what it says.
    pub step: Option<(usize, String)>,
}

/// Follows a plan.
#[must_use]
pub fn follow(plan: &Plan, options: &Options) -> Flight {
    let mut flight = Flight {
        tracks: Vec::new(),
        warnings: Vec::new(),
        nearest: None,
        seconds: 0.0,
    };
    let timeline = plan.timeline(options.speed);
    let is_alone = plan.drones.len() == 1;
    for (index, (name, steps)) in plan.drones.iter().zip(&timeline).enumerate() {
        let start = [0.0, -options.apart_cm * index as f64, 0.0];
        let mut drone = Drone::new(start, options);
        drone.mark(0.0, None);
        for timed in steps {
            let (begin, end) = (timed.begin.as_secs_f64(), timed.end.as_secs_f64());
            drone.line = timed.step.line;
            match &timed.step.act {
                Act::Order(command) => drone.obey(command, begin, end),
                _ => drone.drift(begin, end),
            }
        }
        let end = steps.last().map_or(0.0, |timed| timed.end.as_secs_f64());
        flight.seconds = flight.seconds.max(end);
        drone.finish(end);
        for (line, warning) in drone.warnings {
            flight.warnings.push(match (line, is_alone) {
                (0, true) => warning,
                (0, false) => format!("drone `{name}`: {warning}"),
                (line, true) => format!("line {line}: {warning}"),
                (line, false) => format!("line {line}: drone `{name}`: {warning}"),
            });
        }
        flight.tracks.push(Track {
            name: name.clone(),
            length_cm: drone.length_cm,
            points: drone.points,
        });
    }
    flight.nearest = nearest(&flight.tracks, flight.seconds);
    if let Some(nearest) = &flight.nearest
        && nearest.cm < options.nearest_cm
    {
        let [a, b] = &nearest.drones;
        let (cm, at) = (nearest.cm.round(), nearest.at.round());
        let warning =
            format!("drones `{a}` and `{b}` come within {cm} cm of each other after {at} s");
        flight.warnings.push(warning);
    }
    if BATTERY_S < flight.seconds {
        let (minutes, most) = ((flight.seconds / 60.0).ceil(), BATTERY_S / 60.0);
        flight.warnings.push(format!(
            "the flight takes about {minutes} min; a full battery lasts for {most}"
        ));
    }
    flight
}

impl Flight {
    /// Draws it from above and from the side.
    #[must_use]
    pub fn svg(&self, options: &Options) -> String {
        draw::svg(self, options)
    }
}

impl Track {
    /// Where the drone is at a time.
    #[must_use]
    pub fn at(&self, seconds: f64) -> [f64; 3] {
        let after = self.points.partition_point(|point| point.at <= seconds);
        let before = after
            .checked_sub(1)
            .and_then(|index| self.points.get(index));
        match (before, self.points.get(after)) {
            (Some(a), Some(b)) => {
                let share = (seconds - a.at) / (b.at - a.at).max(f64::EPSILON);
                let mut place = a.place;
                for (place, to) in place.iter_mut().zip(b.place) {
                    *place += (to - *place) * share.clamp(0.0, 1.0);
                }
                place
            }
            (Some(only), None) | (None, Some(only)) => only.place,
            (None, None) => [0.0; 3],
        }
    }
}

/// A drone while it is followed.
struct Drone<'a> {
    options: &'a Options,
    start: [f64; 3],
    place: [f64; 3],
    /// Clockwise, in degrees.
    yaw: f64,
    /// Ahead, left, up as it looks in cm/s, and clockwise in degrees/s.
    sticks: [f64; 4],
    is_flying: bool,
    has_flown: bool,
    line: usize,
    length_cm: f64,
    points: Vec<Point>,
    warnings: Vec<(usize, String)>,
    is_out: bool,
}

impl<'a> Drone<'a> {
    fn new(start: [f64; 3], options: &'a Options) -> Self {
        Self {
            options,
            start,
            place: start,
            yaw: 0.0,
            sticks: [0.0; 4],
            is_flying: false,
            has_flown: false,
            line: 0,
            length_cm: 0.0,
            points: Vec::new(),
            warnings: Vec::new(),
            is_out: false,
        }
    }

    fn obey(&mut self, command: &Command, begin: f64, end: f64) {
        let text = command.masked().to_owned();
        let is_in_air = matches!(
            command.order(),
            Order::Move { .. }
                | Order::Turn { .. }
                | Order::Flip(_)
                | Order::Go { .. }
                | Order::Curve { .. }
                | Order::Jump { .. }
        );
        if is_in_air && !self.is_flying {
            self.warn(format!(
                "the drone is on the ground, and does not do `{text}`"
            ));
            return;
        }
        match command.order() {
            Order::Takeoff | Order::ThrowFly if self.is_flying => {
                self.warn("the drone flies already".to_owned());
            }
            Order::Takeoff | Order::ThrowFly => {
                self.is_flying = true;
                self.has_flown = true;
                self.go([0.0, 0.0, HOVER_CM], begin, end, text);
            }
            Order::Land | Order::Emergency => {
                self.sticks = [0.0; 4];
                let down = self.start[2] - self.place[2];
                if self.is_flying {
                    self.go([0.0, 0.0, down], begin, end, text);
                }
                self.is_flying = false;
            }
            Order::Stop => self.sticks = [0.0; 4],
            Order::Move { way, cm } => {
                let step = way.unit().map(|part| f64::from(part) * f64::from(*cm));
                self.go(self.turned(step), begin, end, text);
            }
            Order::Turn { degrees } => {
                self.yaw += f64::from(*degrees);
                self.mark(end, Some(text));
            }
            Order::Flip(way) => {
                let step = way.unit().map(|part| f64::from(part) * FLIP_CM);
                let step = match way {
                    Way::Up | Way::Down => [0.0; 3],
                    _ => self.turned(step),
                };
                self.go(step, begin, end, text);
            }
            Order::Go { to, pad, .. } => {
                let step = self.step_to(to.map(f64::from), pad.is_some());
                self.go(step, begin, end, text);
            }
            Order::Curve {
                through, to, pad, ..
            } => {
                let through = self.step_to(through.map(f64::from), pad.is_some());
                let to = self.step_to(to.map(f64::from), pad.is_some());
                self.arc(through, to, begin, end, text);
            }
            Order::Jump { to, yaw, .. } => {
                let step = self.step_to(to.map(f64::from), true);
                self.yaw = f64::from(*yaw);
                self.go(step, begin, end, text);
            }
            Order::Sticks([right, ahead, up, clockwise]) => {
                // By rule of thumb a stick at 100 is 100 cm/s, and 100 degrees/s.
                let [right, ahead, up, clockwise] =
                    [right, ahead, up, clockwise].map(|stick| f64::from(*stick));
                self.sticks = [ahead, -right, up, clockwise];
            }
            _ => {}
        }
    }

    /// Goes on as the sticks say, while nothing else is done.
    fn drift(&mut self, begin: f64, end: f64) {
        if !self.is_flying || self.sticks == [0.0; 4] {
            return;
        }
        let [ahead, left, up, clockwise] = self.sticks;
        let pieces = ((end - begin) * 4.0).ceil().clamp(1.0, 4000.0);
        let span = (end - begin) / pieces;
        let mut at = begin;
        for _ in 0..pieces as usize {
            let step = self.turned([ahead * span, left * span, up * span]);
            self.yaw += clockwise * span;
            at += span;
            self.advance(step, at);
        }
        let text = "rc".to_owned();
        self.mark(end, Some(text));
    }

    /// Of a point as the drone looks, how far it is in the room. A pad is taken to lie below.
    fn step_to(&mut self, to: [f64; 3], is_pad: bool) -> [f64; 3] {
        let mut step = self.turned(to);
        if is_pad {
            self.warn(
                "where the mission pad lies is not known; it is drawn below the drone".to_owned(),
            );
            step[2] = to[2] - (self.place[2] - self.start[2]);
        }
        step
    }

    fn turned(&self, [ahead, left, up]: [f64; 3]) -> [f64; 3] {
        let (sin, cos) = libm::sincos(self.yaw.to_radians());
        [ahead * cos + left * sin, left * cos - ahead * sin, up]
    }

    fn go(&mut self, step: [f64; 3], begin: f64, end: f64, text: String) {
        self.point(begin, None);
        self.advance(step, end);
        self.mark(end, Some(text));
    }

    fn arc(&mut self, through: [f64; 3], to: [f64; 3], begin: f64, end: f64, text: String) {
        self.point(begin, None);
        let start = self.place;
        for piece in 1..=ARC_PIECES {
            let share = f64::from(piece) / f64::from(ARC_PIECES);
            let step = on_arc(through, to, share);
            let place = [0, 1, 2].map(|axis| start[axis] + step[axis]);
            let step = [0, 1, 2].map(|axis| place[axis] - self.place[axis]);
            self.advance(step, begin + (end - begin) * share);
        }
        self.mark(end, Some(text));
    }

    /// Moves, looks whether that is wise, and notes where it is.
    fn advance(&mut self, step: [f64; 3], at: f64) {
        for (place, step) in self.place.iter_mut().zip(step) {
            *place += step;
        }
        self.length_cm += norm(step);
        let above = self.place[2] - self.start[2];
        if above < -0.5 {
            let cm = (-above).round();
            self.warn(format!("the drone sinks {cm} cm below the ground"));
            self.place[2] = self.start[2];
        }
        let room = self.options.room_m * 100.0;
        let is_out = (0..3).any(|axis| (self.place[axis] - self.start[axis]).abs() > room + 0.5);
        if is_out && !self.is_out {
            let room = self.options.room_m;
            self.warn(format!("the drone goes more than {room} m from its start"));
        }
        self.is_out = is_out;
        self.point(at, None);
    }

    fn mark(&mut self, at: f64, text: Option<String>) {
        let step = text.map(|text| (self.line, text));
        self.point(at, step);
    }

    fn point(&mut self, at: f64, step: Option<(usize, String)>) {
        let is_full = MOST_POINTS <= self.points.len();
        match self.points.last_mut() {
            Some(last) if last.at == at && last.place == self.place && last.step.is_none() => {
                last.step = step;
            }
            _ if step.is_none() && is_full => {}
            _ => self.points.push(Point {
                at,
                place: self.place,
                step,
            }),
        }
    }

    fn finish(&mut self, end: f64) {
        self.mark(end, None);
        self.line = 0;
        if self.is_flying {
            self.warn("the drone still flies at the end; a script ends with `land`".to_owned());
        } else if !self.has_flown {
            self.warn("the drone never takes off".to_owned());
        }
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push((self.line, warning));
        }
    }
}

/// A point on the arc from 0 through one point to another, at a share of its length.
fn on_arc(through: [f64; 3], to: [f64; 3], share: f64) -> [f64; 3] {
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let scaled = |a: [f64; 3], by: f64| a.map(|part| part * by);
    let minus = |a: [f64; 3], b: [f64; 3]| [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    // The plane of the three points: `u` along the second, `v` across.
    let u = scaled(through, 1.0 / norm(through).max(1e-9));
    let across = minus(to, scaled(u, dot(to, u)));
    let width = norm(across);
    if width < 1e-6 {
        return scaled(to, share);
    }
    let v = scaled(across, 1.0 / width);
    // The circle through (0,0), (a,0) and (b,c) has its middle at (a/2, k).
    let (a, b, c) = (norm(through), dot(to, u), dot(to, v));
    let k = (b * b + c * c - a * b) / (2.0 * c);
    let middle = (a / 2.0, k);
    let radius = libm::hypot(middle.0, middle.1);
    let angle = |x: f64, y: f64| libm::atan2(y - middle.1, x - middle.0);
    let (from, via, until) = (angle(0.0, 0.0), angle(a, 0.0), angle(b, c));
    let turn = |to: f64| (to - from).rem_euclid(std::f64::consts::TAU);
    // It turns the way on which the second point comes before the third.
    let sweep = match turn(via) <= turn(until) {
        true => turn(until),
        false => turn(until) - std::f64::consts::TAU,
    };
    let at = from + sweep * share;
    let (sin, cos) = libm::sincos(at);
    let (x, y) = (middle.0 + radius * cos, middle.1 + radius * sin);
    [0, 1, 2].map(|axis| u[axis] * x + v[axis] * y)
}

fn norm(step: [f64; 3]) -> f64 {
    step.iter().map(|part| part * part).sum::<f64>().sqrt()
}

/// The nearest that two drones come, looked at ten times a second while both fly or wait.
fn nearest(tracks: &[Track], seconds: f64) -> Option<Nearest> {
    let mut nearest: Option<Nearest> = None;
    let looks = (seconds * 10.0).ceil().clamp(0.0, 36_000.0) as u32;
    for look in 0..=looks {
        let at = f64::from(look) / 10.0;
        for (index, a) in tracks.iter().enumerate() {
            for b in tracks.iter().skip(index.saturating_add(1)) {
                let (from, to) = (a.at(at), b.at(at));
                let cm = norm([0, 1, 2].map(|axis| from[axis] - to[axis]));
                if nearest.as_ref().is_none_or(|nearest| cm < nearest.cm) {
                    let drones = [a.name.clone(), b.name.clone()];
                    nearest = Some(Nearest { drones, cm, at });
                }
            }
        }
    }
    nearest
}

/// In cm: where a drone hovers after taking off.
const HOVER_CM: f64 = 80.0;

/// In cm: how far a flip carries.
const FLIP_CM: f64 = 30.0;

/// In seconds: the vendor says 13 minutes.
const BATTERY_S: f64 = 13.0 * 60.0;

/// Straight lines that draw an arc.
const ARC_PIECES: u32 = 24;

/// What stands in a drawing at most.
const MOST_POINTS: usize = 20_000;
const MOST_WARNINGS: usize = 50;

#[cfg(test)]
mod tests;
