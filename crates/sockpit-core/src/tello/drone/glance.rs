//! What is to be seen of a drone from outside.

use std::net::IpAddr;

use super::Pose;
use crate::time::Time;

/// What is to be seen of a drone from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// Its number, from 1.
    pub number: u32,
    /// Where it is.
    pub pose: Pose,
    /// What it does.
    pub phase: Phase,
    /// In percent.
    pub battery: u8,
    /// In cm/s: ahead, to the left, up.
    pub speed: [f64; 3],
    /// Which pad it sees.
    pub pad: Option<u8>,
    /// To whom its state goes, once it is in SDK mode.
    pub client: Option<IpAddr>,
    /// Where the state goes.
    pub state_port: u16,
    /// Where the video goes, if it is on.
    pub video_port: Option<u16>,
}

/// Where in its life it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It starts anew and hears nothing, until then.
    Off {
        /// When it is there again.
        until: Time,
    },
    /// On the floor.
    Ground,
    /// Taking off.
    Rising,
    /// In the air.
    Flying,
    /// Landing, by itself or as told.
    Landing {
        /// Whether nobody told it to.
        by_itself: bool,
    },
}

impl Phase {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off { .. } => "off",
            Self::Ground => "on the floor",
            Self::Rising => "taking off",
            Self::Flying => "in the air",
            Self::Landing { by_itself: false } => "landing",
            Self::Landing { by_itself: true } => "landing by itself",
        }
    }

    pub(super) const fn is_airborne(self) -> bool {
        matches!(self, Self::Rising | Self::Flying | Self::Landing { .. })
    }
}

/// A motion that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// When.
    pub at: Time,
    /// As it was told, without the prefix of a repetition.
    pub command: String,
}
