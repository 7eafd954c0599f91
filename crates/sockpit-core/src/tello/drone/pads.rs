//! Mission pads: numbered mats on the floor by which a drone knows where it is.

use std::fmt;
use std::str::FromStr;

use super::body::{Pose, normal_angle};

/// How far a drone sees to the side of where it is, as a share of its height; the camera looks down
/// with an angle of about thirty degrees to each side.
const VIEW: f64 = 0.6;

/// In cm: a pad is as large as this, so that it is seen from close above wherever it is touched.
const HALF_PAD: f64 = 20.0;

/// In cm: below and above these heights a pad is not made out.
const HEIGHTS: std::ops::RangeInclusive<f64> = 20.0..=300.0;

/// In cm: further away no pad can be put.
const FURTHEST: f64 = 100_000.0;

/// A pad on the floor: `m1@100,50` or, turned clockwise by degrees, `m1@100,50,90`.
///
/// Places are cm in the room's frame: x ahead of the first drone and y to its left, from where it
/// starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pad {
    /// Its number, 1 to 8.
    pub id: u8,
    /// Where its centre is, in cm.
    pub x: f64,
    /// Where its centre is, in cm.
    pub y: f64,
    /// How its own x axis is turned, clockwise in degrees.
    pub turn: f64,
}

/// Where a drone is in a pad's own frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// The pad's number.
    pub id: u8,
    /// In cm: along the pad's x axis, along its y axis, and above it.
    pub at: [f64; 3],
    /// How the drone's nose is turned from the pad's x axis, clockwise in degrees.
    pub yaw: f64,
}

impl Pad {
    /// The place and turn of a drone in this pad's frame, if it can make the pad out.
    #[must_use]
    pub fn fix(&self, pose: &Pose) -> Option<Fix> {
        let (east, north) = (pose.at[0] - self.x, pose.at[1] - self.y);
        let distance = libm::hypot(east, north);
        let is_seen =
            HEIGHTS.contains(&pose.at[2]) && distance <= (pose.at[2] * VIEW).max(HALF_PAD);
        is_seen.then(|| {
            let (x, y) = turned(east, north, -self.turn);
            Fix {
                id: self.id,
                at: [x, y, pose.at[2]],
                yaw: normal_angle(pose.yaw - self.turn),
            }
        })
    }

    /// Where in the room a point of its own frame is.
    #[must_use]
    pub fn place(&self, at: [f64; 3]) -> [f64; 3] {
        let (x, y) = turned(at[0], at[1], self.turn);
        [self.x + x, self.y + y, at[2]]
    }
}

/// Turns a vector clockwise, seen from above with y to the left of x.
pub(super) fn turned(x: f64, y: f64, degrees: f64) -> (f64, f64) {
    let (sin, cos) = libm::sincos(degrees.to_radians());
    (x * cos + y * sin, y * cos - x * sin)
}

/// Why a text is no pad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no mission pad; write its number, 1 to 8, and its place in cm, such as `m1@100,50`"
)]
pub struct ParsePadError {
    text: String,
}

impl FromStr for Pad {
    type Err = ParsePadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (name, place) = text.trim().split_once('@')?;
            let id = name.strip_prefix('m')?.parse().ok()?;
            let mut numbers = place.split(',').map(|number| {
                let number: f64 = number.trim().parse().ok()?;
                (number.abs() <= FURTHEST).then_some(number)
            });
            let pad = Self {
                id,
                x: numbers.next()??,
                y: numbers.next()??,
                turn: match numbers.next() {
                    Some(turn) => turn?,
                    None => 0.0,
                },
            };
            let is_whole = numbers.next().is_none();
            ((1..=8).contains(&id) && is_whole).then_some(pad)
        };
        read().ok_or_else(|| ParsePadError {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}@{},{}", self.id, self.x, self.y)?;
        if self.turn != 0.0 {
            write!(f, ",{}", self.turn)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
