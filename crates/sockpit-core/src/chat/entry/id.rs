//! Ids: 128 bits that sort by time, written as a ULID.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::escape::VisibleLine;

/// An id, unlike any other's.
///
/// ```text
///  127         80 79            40 39             0
///  +--------------+---------------+---------------+
///  | ms from 1970 | of the server | running       |
///  +--------------+---------------+---------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u128);

/// Characters of an id, five bits each: without `I`, `L`, `O` and `U`.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// In characters.
const LEN: usize = 26;

const HALF: u64 = (1 << 40) - 1;

impl Id {
    /// Whether a server with this seed made it.
    #[must_use]
    pub const fn is_of(self, seed: u64) -> bool {
        (self.0 >> 40) as u64 & HALF == seed & HALF
    }
}

/// Makes ids; each is greater than the one before.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    seed: u64,
    millis: u64,
    count: u64,
}

impl Ids {
    /// Ids of a server; `seed` tells it from others.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            millis: 0,
            count: 0,
        }
    }

    /// The next id, at a time in nanoseconds since the Unix epoch.
    pub fn next(&mut self, at: u64) -> Id {
        self.millis = self.millis.max(at / 1_000_000);
        self.count = self.count.wrapping_add(1) & HALF;
        if self.count == 0 {
            self.millis += 1;
        }
        let halves = u128::from(self.seed & HALF) << 40 | u128::from(self.count);
        Id(u128::from(self.millis) << 80 | halves)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; LEN];
        for (place, digit) in text.iter_mut().rev().enumerate() {
            let bits = (self.0 >> (5 * place)) as usize & 31;
            *digit = DIGITS[bits];
        }
        f.write_str(str::from_utf8(&text).expect("digits are ASCII"))
    }
}

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseIdError(text.chars().take(2 * LEN).collect());
        // 26 digits have 130 bits.
        if text.len() != LEN || !text.starts_with(|first: char| ('0'..='7').contains(&first)) {
            return Err(error());
        }
        let mut id = 0;
        for byte in text.bytes() {
            let is_it = |digit: &u8| *digit == byte.to_ascii_uppercase();
            let bits = DIGITS.iter().position(is_it).ok_or_else(error)?;
            id = id << 5 | bits as u128;
        }
        Ok(Self(id))
    }
}

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no id; one has 26 digits and letters", VisibleLine(_0))]
pub struct ParseIdError(String);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
