//! What a simulated drone is made with.

use std::fmt;
use std::str::FromStr;

use super::{Fault, Pad};
use crate::tello::sdk::Sdk;

/// What a drone is and where it stands before it is switched on.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The firmware that it has.
    pub sdk: Sdk,
    /// Its number among those that are simulated, from 1.
    pub number: u32,
    /// Where in the room it stands, x and y in cm.
    pub start: [f64; 2],
    /// In percent.
    pub battery: u8,
    /// How many times as fast it flies.
    pub speed_up: SpeedUp,
    /// Where its client listens for the state, until `port` says otherwise.
    pub state_port: u16,
    /// Where its client listens for the video, until `port` says otherwise.
    pub video_port: u16,
    /// The mission pads of the room.
    pub pads: Vec<Pad>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// From which chance is drawn.
    pub seed: u64,
    /// What a motion gets while another one is under way.
    pub busy: Busy,
    /// Whether somebody has activated it with the app; SDK 3.0 asks for that.
    pub is_active: bool,
}

impl Settings {
    /// A drone with a full day before it: number 1, in the middle of the room, without faults.
    #[must_use]
    pub fn new(sdk: Sdk) -> Self {
        Self {
            sdk,
            number: 1,
            start: [0.0; 2],
            battery: 87,
            speed_up: SpeedUp::NONE,
            state_port: crate::tello::STATE_PORT,
            video_port: crate::tello::VIDEO_PORT,
            pads: Vec::new(),
            faults: Vec::new(),
            seed: 1,
            busy: Busy::Refuse,
            is_active: true,
        }
    }
}

/// What a motion gets while another one is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Busy {
    /// `error Not joystick`.
    #[default]
    Refuse,
    /// No answer.
    Ignore,
}

/// How many times as fast a drone flies as a real one, from 0.1 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedUp(f64);

impl SpeedUp {
    /// As fast as a real one.
    pub const NONE: Self = Self(1.0);

    /// The factor.
    #[must_use]
    pub const fn factor(self) -> f64 {
        self.0
    }
}

/// Why a text is no factor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not how many times as fast it flies; write a number from 0.1 to 100")]
pub struct ParseSpeedUpError {
    text: String,
}

impl FromStr for SpeedUp {
    type Err = ParseSpeedUpError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let factor = text.trim().parse().ok();
        let factor = factor.filter(|factor| (0.1..=100.0).contains(factor));
        factor.map(Self).ok_or_else(|| ParseSpeedUpError {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for SpeedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
