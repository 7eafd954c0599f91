//! Which words a drone understands: the versions of its text protocol.

use std::fmt;
use std::str::FromStr;

use crate::text::escape::VisibleLine;

/// A version of the text protocol, the older one first. A later one has all that an earlier has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sdk {
    /// SDK 1.3: the first Tello.
    V1_3,
    /// SDK 2.0 on a Tello EDU, with mission pads and station mode.
    V2_0,
    /// SDK 3.0 on a RoboMaster TT that flies without its controller.
    #[default]
    V3_0,
    /// SDK 3.0 on a RoboMaster TT with its controller, which takes `EXT` commands.
    Rmtt,
}

impl Sdk {
    /// Every version.
    pub const ALL: [Self; 4] = [Self::V1_3, Self::V2_0, Self::V3_0, Self::Rmtt];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_3 => "1.3",
            Self::V2_0 => "2.0",
            Self::V3_0 => "3.0",
            Self::Rmtt => "rmtt",
        }
    }

    /// What it answers to `sdk?`; 1.3 does not know the question.
    #[must_use]
    pub const fn answer(self) -> Option<&'static str> {
        match self {
            Self::V1_3 => None,
            Self::V2_0 => Some("20"),
            Self::V3_0 | Self::Rmtt => Some("30"),
        }
    }

    /// Whether it finds mission pads, and tells of them in its state.
    #[must_use]
    pub fn has_pads(self) -> bool {
        Self::V2_0 <= self
    }

    /// Whether it understands the `Re` prefix, see [`again`](super::again).
    #[must_use]
    pub fn has_again(self) -> bool {
        Self::V2_0 <= self
    }
}

impl fmt::Display for Sdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Sdk {
    type Err = ParseSdkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sdk = Self::ALL.into_iter().find(|sdk| sdk.as_str() == text);
        sdk.ok_or_else(|| ParseSdkError {
            text: text.to_owned(),
        })
    }
}

/// A version that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no SDK of the Tello; there are `1.3`, `2.0`, `3.0` and `rmtt`",
    VisibleLine(text)
)]
pub struct ParseSdkError {
    text: String,
}
