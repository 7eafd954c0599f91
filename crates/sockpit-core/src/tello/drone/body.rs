//! Where a drone is and how it gets elsewhere: as much physics as its words and numbers need.
//!
//! The room's frame: x ahead of the first drone where it starts, y to its left, z up, all in cm.
//! Angles are clockwise in degrees, as the drone counts them.

use std::collections::VecDeque;
use std::time::Duration;

use super::pads::turned;
use crate::time::Time;

/// A place in the room and a heading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// x, y and the height above the floor, in cm.
    pub at: [f64; 3],
    /// Where the nose points, clockwise from x, in degrees from -180 to 180.
    pub yaw: f64,
}

impl Pose {
    /// Where in the room a point is that is given as the drone sees it: ahead, to the left, up.
    #[must_use]
    pub fn place(&self, ahead: [f64; 3]) -> [f64; 3] {
        let (x, y) = turned(ahead[0], ahead[1], self.yaw);
        [self.at[0] + x, self.at[1] + y, self.at[2] + ahead[2]]
    }

    /// A direction of the room as the drone sees it: ahead, to the left, up.
    #[must_use]
    fn seen(&self, vector: [f64; 3]) -> [f64; 3] {
        let (x, y) = turned(vector[0], vector[1], -self.yaw);
        [x, y, vector[2]]
    }
}

/// What sticks ask for: ahead, to the left and up in cm/s, and the turn in degrees a second.
pub(super) type Sticks = [f64; 4];

/// One part of a manoeuvre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Leg {
    /// Stays where it is.
    Wait,
    /// Goes straight to a place.
    Straight { to: [f64; 3] },
    /// Follows a circle.
    Arc(Circle),
    /// Turns by so many degrees, clockwise.
    Turn { by: f64 },
    /// Somersaults in the air: the sign and axis of the turn, pitch or roll.
    Flip { pitch: f64, roll: f64 },
}

/// A leg with its time.
#[derive(Clone, Copy, Debug)]
struct Timed {
    leg: Leg,
    from: Pose,
    begin: Time,
    end: Time,
}

/// A part of a circle, from a point through a second one to a third one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Circle {
    centre: [f64; 3],
    /// From the centre to the beginning, in cm.
    first: [f64; 3],
    /// As long as `first`, at right angles to it, in the direction of flight.
    second: [f64; 3],
    /// In radians.
    angle: f64,
    /// In cm.
    pub(super) radius: f64,
}

/// The body of one drone, in its surroundings.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pose: Pose,
    legs: VecDeque<Timed>,
    sticks: Sticks,
    /// In cm/s, in the room's frame.
    velocity: [f64; 3],
    /// Degrees of pitch and roll.
    tilt: [f64; 2],
    /// Up to when it has been moved.
    now: Time,
}

impl Body {
    pub(super) fn new(at: [f64; 2], now: Time) -> Self {
        Self {
            pose: Pose {
                at: [at[0], at[1], 0.0],
                yaw: 0.0,
            },
            legs: VecDeque::new(),
            sticks: Sticks::default(),
            velocity: [0.0; 3],
            tilt: [0.0; 2],
            now,
        }
    }

    /// Adds a leg to what it is doing.
    pub(super) fn push(&mut self, leg: Leg, span: Duration) {
        let begin = self.legs.back().map_or(self.now, |last| last.end);
        let from = self.destination();
        self.legs.push_back(Timed {
            leg,
            from,
            begin,
            end: begin + span,
        });
    }

    /// Stops where it is.
    pub(super) fn halt(&mut self) {
        self.legs.clear();
        self.sticks = Sticks::default();
        self.velocity = [0.0; 3];
        self.tilt = [0.0; 2];
    }

    /// Falls to the floor.
    pub(super) fn fall(&mut self) {
        self.halt();
        self.pose.at[2] = 0.0;
    }

    /// Takes what the sticks ask for from here on.
    pub(super) fn steer(&mut self, sticks: Sticks) {
        self.sticks = sticks;
    }

    /// Moves on to `now`. Sticks count while there is no leg, `factor` times as fast.
    pub(super) fn advance(&mut self, now: Time, factor: f64, is_airborne: bool) {
        let mut from = self.now;
        self.now = self.now.max(now);
        self.velocity = [0.0; 3];
        self.tilt = [0.0; 2];
        while let Some(timed) = self.legs.front() {
            if timed.end > now {
                (self.pose, self.velocity, self.tilt) = timed.at(now, factor);
                return;
            }
            from = from.max(timed.end);
            self.pose = timed.last();
            self.legs.pop_front();
        }
        if is_airborne {
            self.drift(now - from, factor);
        }
    }

    /// When the last leg ends; `None` if there is none.
    pub(super) fn end(&self) -> Option<Time> {
        self.legs.back().map(|timed| timed.end)
    }

    /// Where it is once all legs are done.
    pub(super) fn destination(&self) -> Pose {
        self.legs.back().map_or(self.pose, Timed::last)
    }

    pub(super) const fn pose(&self) -> Pose {
        self.pose
    }

    /// How fast it is, as it sees it: ahead, to the left, up, in cm/s.
    pub(super) fn speed(&self) -> [f64; 3] {
        self.pose.seen(self.velocity)
    }

    /// Degrees of pitch and roll.
    pub(super) const fn tilt(&self) -> [f64; 2] {
        self.tilt
    }

    /// Follows the sticks for a while, which are held still: along a circle where it also turns.
    fn drift(&mut self, span: Duration, factor: f64) {
        let [ahead, left, up, turn] = self.sticks;
        if self.sticks == Sticks::default() {
            return;
        }
        let seconds = span.as_secs_f64() * factor;
        let angle = (turn * seconds).to_radians();
        // The integral of a vector that turns clockwise.
        let (along, across) = if angle.abs() < 1e-9 {
            (seconds, 0.0)
        } else {
            let rate = turn.to_radians();
            (libm::sin(angle) / rate, (1.0 - libm::cos(angle)) / rate)
        };
        let moved = [
            ahead * along + left * across,
            left * along - ahead * across,
            up * seconds,
        ];
        self.pose.at = self.pose.place(moved);
        self.pose.at[2] = self.pose.at[2].clamp(LOWEST, CEILING);
        self.pose.yaw = normal_angle(self.pose.yaw + turn * seconds);
        let (x, y) = turned(ahead, left, self.pose.yaw);
        self.velocity = [x, y, up];
        self.tilt = tilt_of([ahead, left]);
    }
}

/// In cm: the height at which it stays by itself while the sticks say down.
const LOWEST: f64 = 20.0;

/// In cm: no higher does it fly.
pub(super) const CEILING: f64 = 3000.0;

/// It leans by a degree for so many cm/s.
const LEAN: f64 = 10.0;

fn tilt_of(speed: [f64; 2]) -> [f64; 2] {
    // The nose goes down to go ahead, the left side to go left.
    [-speed[0] / LEAN, -speed[1] / LEAN]
}

impl Timed {
    fn share(&self, now: Time) -> f64 {
        let span = (self.end - self.begin).as_secs_f64();
        if span <= 0.0 {
            return 1.0;
        }
        ((now - self.begin).as_secs_f64() / span).clamp(0.0, 1.0)
    }

    fn last(&self) -> Pose {
        self.pose(1.0)
    }

    fn pose(&self, share: f64) -> Pose {
        let mut pose = self.from;
        match self.leg {
            Leg::Wait | Leg::Flip { .. } => {}
            Leg::Straight { to } => {
                for (at, to) in pose.at.iter_mut().zip(to) {
                    *at += (to - *at) * share;
                }
            }
            Leg::Arc(circle) => pose.at = circle.point(share),
            Leg::Turn { by } => pose.yaw = normal_angle(pose.yaw + by * share),
        }
        pose
    }

    /// Place, velocity and tilt at a time within it.
    fn at(&self, now: Time, factor: f64) -> (Pose, [f64; 3], [f64; 2]) {
        let share = self.share(now);
        let pose = self.pose(share);
        let seconds = (self.end - self.begin).as_secs_f64() * factor;
        let velocity = match self.leg {
            _ if seconds <= 0.0 => [0.0; 3],
            Leg::Straight { to } => {
                [0, 1, 2].map(|axis: usize| (to[axis] - self.from.at[axis]) / seconds)
            }
            Leg::Arc(circle) => circle
                .direction(share)
                .map(|part| part * circle.angle / seconds),
            _ => [0.0; 3],
        };
        let tilt = match self.leg {
            Leg::Flip { pitch, roll } => {
                [pitch, roll].map(|turns| normal_angle(turns * 360.0 * share))
            }
            _ => {
                let [ahead, left, _] = pose.seen(velocity);
                tilt_of([ahead, left])
            }
        };
        (pose, velocity, tilt)
    }
}

impl Circle {
    /// The circle from a point through two others; `None` where they lie on a line.
    pub(super) fn through(from: [f64; 3], by: [f64; 3], to: [f64; 3]) -> Option<Self> {
        let (a, b) = (minus(by, from), minus(to, from));
        let normal = cross(a, b);
        let square = dot(normal, normal);
        // Less than a hair's breadth of a millimetre of height over the longest line is a line.
        if square < 1e-6 {
            return None;
        }
        let to_centre = {
            let (left, right) = (cross(normal, a), cross(b, normal));
            let (a2, b2) = (dot(a, a), dot(b, b));
            [0, 1, 2].map(|axis: usize| (left[axis] * b2 + right[axis] * a2) / (2.0 * square))
        };
        let radius = dot(to_centre, to_centre).sqrt();
        let first = to_centre.map(|part| -part);
        let length = square.sqrt();
        let second = cross(normal, first).map(|part| part / length);
        let last = minus(b, to_centre);
        let angle = libm::atan2(dot(last, second), dot(last, first));
        Some(Self {
            centre: [0, 1, 2].map(|axis: usize| from[axis] + to_centre[axis]),
            first,
            second,
            angle: angle.rem_euclid(std::f64::consts::TAU),
            radius,
        })
    }

    /// How long the way is, in cm.
    pub(super) fn length(&self) -> f64 {
        self.radius * self.angle
    }

    fn point(&self, share: f64) -> [f64; 3] {
        let (sin, cos) = libm::sincos(self.angle * share);
        [0, 1, 2]
            .map(|axis: usize| self.centre[axis] + self.first[axis] * cos + self.second[axis] * sin)
    }

    fn direction(&self, share: f64) -> [f64; 3] {
        let (sin, cos) = libm::sincos(self.angle * share);
        [0, 1, 2].map(|axis: usize| self.second[axis] * cos - self.first[axis] * sin)
    }
}

/// The same angle from -180 to 180 degrees.
pub(super) fn normal_angle(degrees: f64) -> f64 {
    let angle = (degrees + 180.0).rem_euclid(360.0) - 180.0;
    if angle == -180.0 { 180.0 } else { angle }
}

pub(super) fn distance(from: [f64; 3], to: [f64; 3]) -> f64 {
    let way = minus(to, from);
    dot(way, way).sqrt()
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

#[cfg(test)]
mod tests;
