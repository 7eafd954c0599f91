//! Graphs of one conversation as SVG: its bytes, its round trips and its rates over time.
//!
//! ```text
//!  Sighting ──▶ track ──▶ Seen ──▶ sequence │ rtt │ throughput ──▶ paper ──▶ SVG
//!  Event ─────▶ (packets, and what the kernel knows: cwnd)
//! ```
//!
//! Packets are pushed in the order of the capture. A capture of any length takes a bounded amount of
//! memory: neighbours in time are merged, which keeps their extremes, and the drawing says so.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![allow(
    clippy::cast_precision_loss,
    reason = "a pixel is coarser than what a float loses"
)]

mod axis;
mod kernel;
pub mod load;
mod paper;
mod rates;
mod rtt;
mod sequence;
mod series;
mod throughput;
mod track;

use std::fmt;
use std::str::FromStr;

use crate::event::{Event, What};
use crate::flow::End;
use crate::record::Epoch;
use crate::sighting::Sighting;
use crate::strings::Language;
use crate::text::escape::VisibleLine;
use crate::wire::FiveTuple;

use kernel::Kernel;
use paper::{Heading, Words};
use rtt::Rtt;
use sequence::Sequence;
use throughput::Throughput;
use track::{Passage, Seen, Track};

/// What is drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The places of the bytes that one end sent, with what the other acknowledged and had room for.
    Sequence,
    /// How long bytes took to be acknowledged.
    Rtt,
    /// Bytes sent and acknowledged a second; bytes on the way, and the congestion window.
    Throughput,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sequence, Self::Rtt, Self::Throughput];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Rtt => "rtt",
            Self::Throughput => "throughput",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = ParseKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        kind.ok_or_else(|| ParseKindError {
            text: text.to_owned(),
        })
    }
}

/// A graph that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no graph; there are `sequence`, `rtt` and `throughput`",
    VisibleLine(text)
)]
pub struct ParseKindError {
    text: String,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// In pixels, 320 to 8192; others are brought into that range.
    pub width: u32,
    /// In pixels, 240 to 8192; others are brought into that range.
    pub height: u32,
    /// Whose bytes; `None` is the end that sent more of them.
    pub way: Option<End>,
    /// Which conversation, told by either end; `None` is the one whose packet comes first; one
    /// that ends without a byte, as where it is refused, gives way to the next.
    pub conversation: Option<FiveTuple>,
    /// The language of the words in it.
    pub language: Language,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: 960,
            height: 540,
            way: None,
            conversation: None,
            language: Language::English,
        }
    }
}

/// A graph of one conversation.
#[derive(Debug)]
pub struct Graph {
    options: Options,
    track: Track,
    kernel: Kernel,
    totals: [Total; 2],
    /// Packets that the tap lost.
    lost: u64,
    /// When the latest packet was, in nanoseconds since the first one.
    until: u64,
    initial_rtt: Option<u64>,
    curves: Curves,
}

/// What is drawn of each end's bytes.
#[derive(Debug)]
enum Curves {
    Sequence(Box<[Sequence; 2]>),
    Rtt(Box<[Rtt; 2]>),
    Throughput(Box<[Throughput; 2]>),
}

/// What one end sent.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    packets: u64,
    bytes: u64,
    again: u64,
}

impl Graph {
    /// Begins without a packet.
    #[must_use]
    pub fn new(kind: Kind, options: Options) -> Self {
        let options = Options {
            width: options.width.clamp(320, 8192),
            height: options.height.clamp(240, 8192),
            ..options
        };
        Self {
            options,
            track: Track::new(options.conversation),
            kernel: Kernel::default(),
            totals: Default::default(),
            lost: 0,
            until: 0,
            initial_rtt: None,
            curves: match kind {
                Kind::Sequence => Curves::Sequence(Box::default()),
                Kind::Rtt => Curves::Rtt(Box::default()),
                Kind::Throughput => Curves::Throughput(Box::default()),
            },
        }
    }

    /// What it draws.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match &self.curves {
            Curves::Sequence(_) => Kind::Sequence,
            Curves::Rtt(_) => Kind::Rtt,
            Curves::Throughput(_) => Kind::Throughput,
        }
    }

    /// Takes the next packet of the capture; those of other conversations are passed over.
    pub fn push(&mut self, sighting: &Sighting<'_>) {
        self.take(sighting);
    }

    /// Takes the next event of a timeline: packets, and notes of what the kernel knows.
    pub fn push_event(&mut self, event: &Event, epoch: Epoch) {
        let moment = epoch.0.saturating_add(event.time.as_nanos());
        let speaker = (event.session, event.peer);
        match &event.what {
            What::Packet {
                direction, packet, ..
            } => {
                if let Some(from) = self.take(&packet.at(moment)) {
                    self.kernel.meet(speaker, *direction, from);
                }
            }
            What::Note { kind, data, .. } => self.kernel.push(speaker, moment, kind, data),
            _ => {}
        }
    }

    /// Whether no packet of a conversation has come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.track.addrs().is_none()
    }

    /// The drawing of what has come so far.
    #[must_use]
    pub fn svg(&self) -> String {
        let words = Words::new(self.options.language);
        let size = (
            f64::from(self.options.width),
            f64::from(self.options.height),
        );
        let way = self.way();
        let heading = self.heading(way);
        if self.is_empty() {
            return paper::blank(
                size,
                &words,
                &heading,
                "no packet of the conversation has come",
            );
        }
        if !self.track.is_tcp() && self.kind() != Kind::Throughput {
            let why =
                "UDP numbers no bytes and acknowledges none; `throughput` shows its datagrams";
            return paper::blank(size, &words, &heading, why);
        }
        let picture = Picture {
            size,
            words: &words,
            heading,
            until: self.until,
        };
        match &self.curves {
            Curves::Sequence(both) => {
                pick(both, way).draw(picture, &self.track, pick(both, way.other()))
            }
            Curves::Rtt(both) => pick(both, way).draw(picture, self.initial_rtt),
            Curves::Throughput(both) => {
                let window = self.kernel.window(way, self.track.begun().unwrap_or(0));
                match self.track.is_tcp() {
                    true => pick(both, way).draw(picture, window.as_ref()),
                    false => throughput::draw_datagrams(picture, both, way),
                }
            }
        }
    }

    /// Takes a packet; says who sent it, if it is one of the conversation.
    fn take(&mut self, sighting: &Sighting<'_>) -> Option<End> {
        if self.totals.iter().all(|total| total.bytes == 0) && self.track.is_followed_by(sighting) {
            *self = Self::new(self.kind(), self.options);
        }
        let seen = self.track.follow(sighting)?;
        self.until = self.until.max(seen.at);
        self.lost = self.lost.saturating_add(seen.lost);
        self.initial_rtt = self.initial_rtt.or(seen.initial_rtt);
        if let Some(total) = self.totals.get_mut(seen.from as usize) {
            total.count(&seen);
        }
        match &mut self.curves {
            Curves::Sequence(both) => each(both, &seen, Sequence::push),
            Curves::Rtt(both) => each(both, &seen, Rtt::push),
            Curves::Throughput(both) => each(both, &seen, Throughput::push),
        }
        Some(seen.from)
    }

    /// Whose bytes are drawn.
    fn way(&self) -> End {
        let [first, second] = &self.totals;
        let larger = if first.bytes < second.bytes {
            End::Second
        } else {
            End::First
        };
        self.options.way.unwrap_or(larger)
    }

    fn heading(&self, way: End) -> Heading {
        let title = match self.kind() {
            Kind::Sequence => "bytes over time",
            Kind::Rtt => "round-trip time",
            Kind::Throughput => "throughput",
        };
        let ends = self.track.addrs().map_or_else(String::new, |addrs| {
            let [first, second] = addrs;
            let (from, to) = match way {
                End::First => (first, second),
                End::Second => (second, first),
            };
            format!("{from} → {to}")
        });
        let total = pick(&self.totals, way);
        let mut facts = Vec::new();
        if !self.is_empty() {
            facts.push(if self.track.is_tcp() {
                format!("segments: {}", total.packets)
            } else {
                format!("datagrams: {}", total.packets)
            });
            facts.push(format!("bytes: {}", total.bytes));
        }
        if total.again > 0 {
            facts.push(format!("sent again: {}", total.again));
        }
        if self.lost > 0 {
            facts.push(format!("lost by the tap: {}", self.lost));
        }
        let mut notes = Vec::new();
        if self.track.is_begun_late() {
            notes
                .push("the beginning was not seen: bytes count from the first that was".to_owned());
        }
        Heading {
            title: title.to_owned(),
            ends,
            facts,
            notes,
        }
    }
}

impl Total {
    fn count(&mut self, seen: &Seen) {
        self.packets = self.packets.saturating_add(1);
        if seen.passage != Passage::Probe {
            self.bytes = self.bytes.saturating_add(seen.len);
        }
        self.again = self
            .again
            .saturating_add(u64::from(seen.passage == Passage::Again));
    }
}

/// What every kind of graph is drawn with.
struct Picture<'a> {
    size: (f64, f64),
    words: &'a Words,
    heading: Heading,
    /// When the latest packet was, in nanoseconds since the first one.
    until: u64,
}

/// Which part a packet has in what is drawn of an end's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It carries them.
    Carries,
    /// It answers them.
    Answers,
}

fn each<T>(both: &mut [T; 2], seen: &Seen, push: fn(&mut T, &Seen, Part)) {
    let [first, second] = both;
    let (own, other) = match seen.from {
        End::First => (first, second),
        End::Second => (second, first),
    };
    push(own, seen, Part::Carries);
    push(other, seen, Part::Answers);
}

fn pick<T>(both: &[T; 2], end: End) -> &T {
    let [first, second] = both;
    match end {
        End::First => first,
        End::Second => second,
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has found something"
)]
mod tests;
