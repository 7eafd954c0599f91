//! A TCP conversation: its two ends, and how it began and ended.

use std::cmp::Ordering;
use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::half::{Half, Scale};
use super::label::{Label, Labels};
use super::segment::Segment;
use super::stream::Placed;
use super::truth::Traffic;
use super::wireshark::Opening;
use crate::wire::TcpFlags;

/// One end of a conversation, called by the order in which the capture shows them speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// Sent the first segment of the capture.
    First,
    /// The other one.
    Second,
}

impl End {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// At whose machine the capture was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// At the machine that opened the conversation.
    Client,
    /// At the machine that was called.
    Server,
    /// Both ends are on one machine, as over loopback.
    Both,
    /// Somewhere between, or it is not known.
    #[default]
    Unknown,
}

/// What of a conversation was seen, as a sum: SYN 1, SYN-ACK 2, ACK 4, data 8, FIN 16, RST 32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness(pub u8);

impl Completeness {
    /// A SYN.
    pub const SYN: Self = Self(1);
    /// The SYN that answers.
    pub const SYN_ACK: Self = Self(2);
    /// An acknowledgement.
    pub const ACK: Self = Self(4);
    /// Payload.
    pub const DATA: Self = Self(8);
    /// A FIN.
    pub const FIN: Self = Self(16);
    /// A reset.
    pub const RST: Self = Self(32);

    /// Whether all of `other` was seen.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What one segment adds. Without the flag ACK only SYN and RST count, as nothing else is
    /// well-formed.
    #[must_use]
    pub fn of(segment: &Segment<'_>) -> Self {
        let is = |flags| segment.flags.has(flags);
        let mut seen = match (is(TcpFlags::SYN), is(TcpFlags::ACK)) {
            (true, false) => Self::SYN.0,
            (true, true) => Self::SYN_ACK.0,
            (false, true) if segment.len == 0 => Self::ACK.0,
            (false, true) => Self::DATA.0,
            (false, false) => 0,
        };
        if is(TcpFlags::FIN) && is(TcpFlags::ACK) {
            seen |= Self::FIN.0;
        }
        if is(TcpFlags::RST) {
            seen |= Self::RST.0;
        }
        Self(seen)
    }
}

impl std::ops::BitOrAssign for Completeness {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Which conversation; it is never given to another one.
///
/// In a record it is its number. One that was read from there names a conversation too, but finds
/// nothing in an analyser.
#[derive(Clone, Copy, Debug, Eq, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Id {
    pub(super) slot: u32,
    pub(super) number: u64,
}

impl Id {
    /// Counted from 0 in the order in which conversations begin.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self {
            slot: u32::MAX,
            number,
        }
    }
}

impl From<Id> for u64 {
    fn from(id: Id) -> Self {
        id.number
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)
    }
}

/// What is known of a conversation.
#[derive(Debug)]
pub struct Conversation {
    pub(super) id: Id,
    pub(super) addrs: [SocketAddr; 2],
    pub(super) side: Side,
    pub(super) began: u64,
    pub(super) last: u64,
    pub(super) opened_by: Option<End>,
    pub(super) closed_by: Option<End>,
    pub(super) reset_by: Option<End>,
    pub(super) completeness: Completeness,
    pub(super) opening: Opening,
    pub(super) halves: [Half; 2],
}

impl Conversation {
    pub(super) fn new(id: Id, segment: &Segment<'_>, side: Side) -> Self {
        Self {
            id,
            addrs: [segment.src, segment.dst],
            side,
            began: segment.at,
            last: segment.at,
            opened_by: None,
            closed_by: None,
            reset_by: None,
            completeness: Completeness::default(),
            opening: Opening::default(),
            halves: [Half::default(), Half::default()],
        }
    }

    /// Which conversation it is.
    #[must_use]
    pub const fn id(&self) -> Id {
        self.id
    }

    /// The address of an end.
    #[must_use]
    pub const fn addr(&self, end: End) -> SocketAddr {
        self.addrs[end as usize]
    }

    /// When its first segment was seen, in nanoseconds.
    #[must_use]
    pub const fn began(&self) -> u64 {
        self.began
    }

    /// When its last segment was seen, in nanoseconds.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Who sent the SYN, or was answered by one; `None` where the capture began later.
    #[must_use]
    pub const fn opened_by(&self) -> Option<End> {
        self.opened_by
    }

    /// Who sent the first FIN.
    #[must_use]
    pub const fn closed_by(&self) -> Option<End> {
        self.closed_by
    }

    /// Who sent the first reset.
    #[must_use]
    pub const fn reset_by(&self) -> Option<End> {
        self.reset_by
    }

    /// What of it was seen.
    #[must_use]
    pub const fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// How long the handshake took, in nanoseconds; negative where the capture's clock ran back.
    #[must_use]
    pub const fn initial_rtt(&self) -> Option<i64> {
        self.opening.initial_rtt
    }

    /// How an end's windows are scaled.
    #[must_use]
    pub const fn scale(&self, end: End) -> Scale {
        self.half(end).scale
    }

    /// The largest segment that an end takes, as its SYN said.
    #[must_use]
    pub const fn mss(&self, end: End) -> Option<u16> {
        self.half(end).mss
    }

    /// The initial sequence number of an end, or what relative numbers count from without its SYN.
    #[must_use]
    pub const fn base(&self, end: End) -> Option<u32> {
        self.half(end).base
    }

    /// What an end has sent.
    #[must_use]
    pub const fn traffic(&self, end: End) -> &Traffic {
        &self.half(end).truth.traffic
    }

    /// The latest segments with payload of an end, with their places in its stream, in the order of
    /// the capture.
    pub fn placed(&self, end: End) -> impl Iterator<Item = &Placed> {
        self.half(end).placed.iter()
    }

    /// The place in an end's stream that a sequence number has; `None` before its beginning.
    #[must_use]
    pub fn offset(&self, end: End, seq: u32) -> Option<u64> {
        self.half(end).stream.offset(seq)
    }

    /// Who called: who sent the SYN, or else whose port is the higher one.
    #[must_use]
    pub fn client(&self) -> End {
        self.opened_by.unwrap_or_else(|| {
            if self.addrs[0].port() < self.addrs[1].port() {
                End::Second
            } else {
                End::First
            }
        })
    }

    /// Whether the capture was made where an end is.
    #[must_use]
    pub fn is_tapped_at(&self, end: End) -> bool {
        match self.side {
            Side::Client => self.client() == end,
            Side::Server => self.client() != end,
            Side::Both => true,
            Side::Unknown => false,
        }
    }

    pub(super) const fn half(&self, end: End) -> &Half {
        &self.halves[end as usize]
    }

    /// The direction of `from`, and the one against it.
    pub(super) const fn directions(&mut self, from: End) -> (&mut Half, &mut Half) {
        let [first, second] = &mut self.halves;
        match from {
            End::First => (first, second),
            End::Second => (second, first),
        }
    }

    /// Notes who opens, closes and resets; gives the labels of that.
    pub(super) fn witness(&mut self, from: End, segment: &Segment<'_>) -> Labels {
        let is = |flags| segment.flags.has(flags);
        let mut labels = Labels::NONE;
        if is(TcpFlags::SYN) {
            let opener = if is(TcpFlags::ACK) {
                from.other()
            } else {
                from
            };
            self.opened_by.get_or_insert(opener);
        }
        if is(TcpFlags::FIN) {
            self.halves[from as usize].has_ended = true;
            let closer = *self.closed_by.get_or_insert(from);
            labels.insert(if closer == from {
                Label::FinActive
            } else {
                Label::FinPassive
            });
        }
        if is(TcpFlags::RST) {
            self.reset_by.get_or_insert(from);
            labels.insert(Label::Reset);
        }
        let options = &segment.options;
        if is(TcpFlags::SYN) && options.mss.is_none() {
            labels.insert(Label::SynWithoutMss);
        }
        if !is(TcpFlags::SYN) && options.mss.is_some() {
            labels.insert(Label::MssWithoutSyn);
        }
        if options.window_scale.is_some_and(|bits| 14 < bits) {
            labels.insert(Label::WideScale);
        }
        if segment.ack != 0 && !is(TcpFlags::ACK) {
            labels.insert(Label::AckWithoutFlag);
        }
        labels
    }

    /// What it takes, in bytes.
    pub(super) fn cost(&self) -> usize {
        size_of::<Self>() + self.halves[0].cost() + self.halves[1].cost()
    }
}
