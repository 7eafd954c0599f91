//! How a pilot flies.

use std::time::Duration;

use super::super::again::Again;
use super::super::sdk::Sdk;

/// How a pilot keeps the drone from landing by itself after 15 s without a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepAlive {
    /// With `command`, which every firmware takes and which does nothing.
    #[default]
    Command,
    /// With the sticks in the middle.
    Sticks,
    /// Not at all: it lands.
    Off,
}

/// Lengths of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From a reply to the next command at least; as long as the slowest answer, where that is more.
    pub spacing: Duration,
    /// How long after the patience a reply may still come.
    pub grace: Duration,
    /// After so long without a command the drone is told that somebody is there.
    pub silence: Duration,
    /// From one setting of the sticks to the next at least.
    pub stick_interval: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            // Others wait as long, and drones answer better then.
            spacing: Duration::from_millis(100),
            grace: Duration::from_secs(2),
            // The drone lands after 15 s; a lost datagram leaves time for another.
            silence: Duration::from_secs(10),
            stick_interval: Duration::from_millis(50),
        }
    }
}

/// How a pilot flies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the drone speaks.
    pub sdk: Sdk,
    /// How it is kept from landing.
    pub keep_alive: KeepAlive,
    /// Whether motions and settings are sent with the `Re` prefix, and how that is written.
    pub again: Option<Again>,
    /// Whether to begin with `command`, again until it is answered, and to ask for the speed.
    pub begin: bool,
    /// Lengths of time.
    pub timing: Timing,
}

impl Settings {
    /// The settings for a drone of a version.
    #[must_use]
    pub fn new(sdk: Sdk) -> Self {
        Self {
            sdk,
            keep_alive: KeepAlive::default(),
            again: None,
            begin: true,
            timing: Timing::default(),
        }
    }
}
