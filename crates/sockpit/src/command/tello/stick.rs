//! The sticks of a remote control, moved by keys.
//!
//! A terminal tells that a key went down, and again while it is held, but never that it went up: a
//! stick springs back when its key has not been heard of for [`HOLD`].

use std::time::{Duration, Instant};

use crate::console::Key;

/// How long a stick stays where a key has put it. Longer than a keyboard waits before it repeats a
/// key that is held, on most desks.
pub(super) const HOLD: Duration = Duration::from_millis(500);

/// How far a stick goes at first, in percent; and each step of `+` and `-`.
const FIRST_REACH: i8 = 40;
const STEP: i8 = 10;

/// In percent.
const REACHES: std::ops::RangeInclusive<i8> = 10..=100;

/// What a key means for somebody at the sticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// The sticks stand elsewhere, or will reach elsewhere.
    Sticks,
    /// Take off.
    TakeOff,
    /// Land.
    Land,
    /// Leave the sticks.
    Leave,
    /// Nothing.
    Nothing,
}

/// Both sticks of a remote control.
#[derive(Clone, Debug)]
pub(super) struct Sticks {
    /// Roll, pitch, throttle, yaw, as `rc` has them: which way, and since when.
    axes: [Option<(i8, Instant)>; 4],
    reach: i8,
}

const ROLL: usize = 0;
const PITCH: usize = 1;
const THROTTLE: usize = 2;
const YAW: usize = 3;

impl Default for Sticks {
    fn default() -> Self {
        Self {
            axes: [None; 4],
            reach: FIRST_REACH,
        }
    }
}

impl Sticks {
    /// Takes a key that went down, or is still held.
    pub(super) fn press(&mut self, now: Instant, key: Key) -> Move {
        let (axis, way) = match key {
            Key::Char('a' | 'A') => (ROLL, -1),
            Key::Char('d' | 'D') => (ROLL, 1),
            Key::Char('w' | 'W') => (PITCH, 1),
            Key::Char('s' | 'S') => (PITCH, -1),
            Key::Up => (THROTTLE, 1),
            Key::Down => (THROTTLE, -1),
            Key::Left => (YAW, -1),
            Key::Right => (YAW, 1),
            Key::Char(' ') => {
                self.axes = [None; 4];
                return Move::Sticks;
            }
            Key::Char('+' | '=') => return self.reach_for(STEP),
            Key::Char('-' | '_') => return self.reach_for(-STEP),
            Key::Char('t' | 'T') => return Move::TakeOff,
            Key::Char('l' | 'L') => return Move::Land,
            Key::Escape | Key::Char('q' | 'Q') => return Move::Leave,
            _ => return Move::Nothing,
        };
        self.axes[axis] = Some((way, now));
        Move::Sticks
    }

    fn reach_for(&mut self, step: i8) -> Move {
        let reach = self.reach.saturating_add(step);
        self.reach = reach.clamp(*REACHES.start(), *REACHES.end());
        Move::Sticks
    }

    /// Where the sticks stand: roll, pitch, throttle and yaw, each −100 to 100.
    pub(super) fn position(&self, now: Instant) -> [i8; 4] {
        self.axes.map(|axis| match axis {
            Some((way, since)) if now.saturating_duration_since(since) < HOLD => way * self.reach,
            _ => 0,
        })
    }

    /// How far they go, in percent.
    pub(super) fn reach(&self) -> i8 {
        self.reach
    }
}

#[cfg(test)]
mod tests;
