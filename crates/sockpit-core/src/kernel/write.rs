//! What became of written bytes: the stamps of the kernel, laid over the writes by their places.

use std::collections::VecDeque;
use std::fmt;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fact, grouped, millis, unit};
use crate::event::Direction;

/// How far written bytes have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The interface's queue has them.
    Queued,
    /// The interface's driver has them.
    Sent,
    /// The peer has acknowledged them.
    Acked,
}

/// What TCP knew when a stamp was made; `None` where the kernel does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The congestion window, in segments.
    pub cwnd: Option<u32>,
    /// The smoothed round-trip time, in microseconds.
    pub rtt_us: Option<u32>,
    /// Bytes that were written and not sent.
    pub unsent: Option<u32>,
}

/// How far one write has come, or several that were stamped together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Which way the bytes went; always out, as only what we write is stamped.
    #[serde(rename = "dir", with = "out")]
    pub direction: Direction,
    /// Place of the first byte in the stream, in bytes from 0.
    pub offset: u64,
    /// Place behind the last byte.
    pub end: u64,
    /// Writes that are told of at once; of more than one, the last one was stamped, and the ones
    /// before it are covered by its stamp.
    pub writes: u64,
    /// When the last of them was begun, in nanoseconds since 1970.
    #[serde(with = "moment")]
    pub written_at: u64,
    /// How long after that they were queued, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_ns: Option<u64>,
    /// How long after that they were sent, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_ns: Option<u64>,
    /// How long after that the peer had acknowledged them all, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_ns: Option<u64>,
    /// Whether they had been sent before: this is a retransmission.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// The congestion window at the latest stage, in segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwnd: Option<u32>,
    /// The round-trip time then, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u32>,
    /// Bytes that were written and not sent then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<u32>,
}

/// That the writes from a place on are followed again, or are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Following {
    /// Which way the bytes go; always out.
    #[serde(rename = "dir", with = "out")]
    pub direction: Direction,
    /// The place in the stream, in bytes from 0.
    pub offset: u64,
    /// Whether the writes are followed from there on.
    pub followed: bool,
}

impl Fact for Following {
    const KIND: &'static str = "following";
}

impl fmt::Display for Following {
    /// Such as `too many writes to follow each of them from offset 16,000 on`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = grouped(self.offset);
        match self.followed {
            true => write!(f, "each write is followed again from offset {offset} on"),
            false => write!(
                f,
                "too many writes to follow each of them from offset {offset} on"
            ),
        }
    }
}

/// Follows what is written to a stream until the peer has acknowledged it.
#[derive(Debug, Default)]
pub struct Writes {
    /// Those that are not acknowledged, the oldest first.
    open: VecDeque<Write>,
    /// Bytes written.
    written: u64,
    /// The place from which stamps count.
    base: u64,
    /// Whether what is written is not stamped.
    is_paused: bool,
    /// Up to which place the bytes have come, for each stage.
    reached: [u64; 3],
    told: VecDeque<Life>,
}

#[derive(Debug)]
struct Write {
    end: u64,
    at: u64,
}

/// Writes that are remembered: far more than a send buffer holds of the shortest.
const MOST_WRITES: usize = 65_536;

impl Writes {
    /// Takes that `len` bytes were written by a call that was begun at `at`, in nanoseconds since
    /// 1970.
    pub fn wrote(&mut self, len: usize, at: u64) {
        if len == 0 {
            return;
        }
        self.written = self.written.saturating_add(len as u64);
        if self.is_paused {
            return;
        }
        if self.open.len() == MOST_WRITES {
            self.open.pop_front();
        }
        let end = self.written;
        self.open.push_back(Write { end, at });
    }

    /// Takes that the byte at `last`, and with it all before it, has come to a stage at `at`, in
    /// nanoseconds since 1970. The place is modulo 2³².
    ///
    /// A stamp of what was not written is passed over.
    pub fn stamp(&mut self, stage: Stage, last: u32, at: u64, progress: Progress) {
        let Some(last) = self.unwrap(last) else {
            return;
        };
        let end = last.saturating_add(1);
        let reached = &mut self.reached[stage as usize];
        let is_again = end <= *reached;
        if is_again && stage == Stage::Acked {
            return;
        }
        let stamped = self.open.partition_point(|write| write.end < end);
        // What is sent again after it was forgotten is nobody's any more.
        let write = self.open.get(stamped);
        let Some(write) = write.filter(|write| !is_again || write.end == end) else {
            return;
        };
        let (offset, first) = if is_again {
            let before = stamped
                .checked_sub(1)
                .and_then(|index| self.open.get(index));
            (before.map_or(self.reached[2], |write| write.end), stamped)
        } else {
            let before = std::mem::replace(reached, end);
            (
                before,
                self.open.partition_point(|write| write.end <= before),
            )
        };
        let life = Life {
            direction: Direction::Out,
            offset,
            end,
            writes: stamped.saturating_sub(first).saturating_add(1) as u64,
            written_at: write.at,
            queued_ns: None,
            sent_ns: None,
            acked_ns: None,
            again: is_again,
            cwnd: None,
            rtt_us: None,
            unsent: None,
        };
        let is_same = |told: &Life| {
            (told.offset, told.end, told.again) == (life.offset, life.end, life.again)
        };
        // Of one stage, the first bytes that came to it are told first.
        let is_in_order = |place: &usize| {
            self.told
                .range(*place..)
                .all(|told| told.at(stage).is_none())
        };
        let at_place = match self.told.iter().rposition(is_same).filter(is_in_order) {
            Some(place) => place,
            None => {
                self.told.push_back(life);
                self.told.len() - 1
            }
        };
        if let Some(life) = self.told.get_mut(at_place) {
            life.reach(stage, at, progress);
        }
        if stage == Stage::Acked {
            let done = self.open.partition_point(|write| write.end <= end);
            self.open.drain(..done);
        }
    }

    /// Takes that everything was acknowledged, and that stamps which have not come never will.
    pub fn forget(&mut self) {
        self.open.clear();
        self.reached = [self.written; 3];
    }

    /// Takes that what is written from here on is not stamped; what was written before is forgotten.
    pub fn pause(&mut self) {
        self.forget();
        self.is_paused = true;
    }

    /// Takes that what is written from here on is stamped again, and places count from here.
    pub fn resume(&mut self) {
        self.forget();
        self.base = self.written;
        self.is_paused = false;
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// The next thing to be told; stages that came since the last one was taken are told together.
    pub fn poll(&mut self) -> Option<Life> {
        self.told.pop_front()
    }

    /// Whether the peer has acknowledged everything, so that no stamp is to come.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// The place of a byte that was written, of which 32 bits are known: what is stamped lies less
    /// than 4 GiB behind what was written last.
    fn unwrap(&self, last: u32) -> Option<u64> {
        let newest = self.written.checked_sub(1)?;
        let counted = newest.wrapping_sub(self.base);
        #[allow(clippy::cast_possible_truncation, reason = "the low half is wanted")]
        let behind = (counted as u32).wrapping_sub(last);
        newest.checked_sub(behind.into())
    }
}

impl Fact for Life {
    const KIND: &'static str = "stage";
}

impl Life {
    /// When the bytes came to a stage, in nanoseconds since 1970.
    #[must_use]
    pub const fn at(&self, stage: Stage) -> Option<u64> {
        let after = match stage {
            Stage::Queued => self.queued_ns,
            Stage::Sent => self.sent_ns,
            Stage::Acked => self.acked_ns,
        };
        match after {
            Some(after) => Some(self.written_at.saturating_add(after)),
            None => None,
        }
    }

    fn reach(&mut self, stage: Stage, at: u64, progress: Progress) {
        // A clock that was set back makes no time negative.
        let after = at.saturating_sub(self.written_at);
        let place = match stage {
            Stage::Queued => &mut self.queued_ns,
            Stage::Sent => &mut self.sent_ns,
            Stage::Acked => &mut self.acked_ns,
        };
        *place = Some(after);
        self.cwnd = progress.cwnd.or(self.cwnd);
        self.rtt_us = progress.rtt_us.or(self.rtt_us);
        self.unsent = progress.unsent.or(self.unsent);
    }
}

impl fmt::Display for Life {
    /// Such as `5 bytes written at offset 0: queued after 0.008 ms; acknowledged after 0.035 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = grouped(self.end.saturating_sub(self.offset));
        let offset = grouped(self.offset);
        let mut parts = Vec::new();
        if let Some(time) = self.queued_ns.map(millis) {
            parts.push(match self.again {
                true => format!("queued again after {time} ms"),
                false => format!("queued after {time} ms"),
            });
        }
        if let Some(time) = self.sent_ns.map(millis) {
            parts.push(match self.again {
                true => format!("left again after {time} ms"),
                false => format!("left after {time} ms"),
            });
        }
        if let Some(time) = self.acked_ns.map(millis) {
            parts.push(format!("acknowledged after {time} ms"));
        }
        match self.writes {
            0 | 1 => {}
            2 => parts.push("the write before it is covered by this later stamp".to_owned()),
            writes => {
                let covered = grouped(writes - 1);
                parts.push(format!(
                    "{covered} writes before it are covered by this later stamp"
                ));
            }
        }
        let unit = unit(self.end.saturating_sub(self.offset));
        write!(f, "{len} {unit} written at offset {offset}")?;
        write!(f, ": {}", parts.join("; "))
    }
}

/// Only what we write is stamped.
mod out {
    use serde::de::{Error as _, Unexpected};

    use super::{Deserialize as _, Deserializer, Direction, Serializer};

    pub(super) fn serialize<S: Serializer>(
        direction: &Direction,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(direction.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Direction, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "out" => Ok(Direction::Out),
            other => Err(D::Error::invalid_value(Unexpected::Str(other), &"out")),
        }
    }
}

/// A moment as records write it, in RFC 3339.
mod moment {
    use serde::de::Error as _;

    use super::{DateTimePrinter, Deserialize as _, Deserializer, Serializer, Timestamp};

    pub(super) fn serialize<S: Serializer>(nanos: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(9));
        let moment = Timestamp::from_nanosecond((*nanos).into());
        let moment = moment.map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&PRINTER.timestamp_to_string(&moment))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment: Timestamp = text.parse().map_err(D::Error::custom)?;
        let nanos = moment.as_nanosecond();
        // One before 1970 is none of ours.
        u64::try_from(nanos).map_err(D::Error::custom)
    }
}
