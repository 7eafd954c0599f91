//! Packets on a timeline: what a tap saw of each, and what the analysis has to say.
//!
//! ```text
//!  wire::Packet ──▶ Observer ──▶ Sighting { frame, packet, summary, analysis }
//!                                   │ keep                    ▲ at
//!                                   └──▶ Kept ── event, record ┘
//! ```
//!
//! A [`Sighting`] borrows its packet and costs nothing to make; [`Kept`] owns it, and is what an
//! event carries. Whoever draws packets, live or from a file, draws sightings.

use bytes::Bytes;

use crate::flow::{Analyser, Analysis, Completeness, End, Segment, Settings};
use crate::wire::{CaptureFacts, LinkType, Packet, Summary};

/// One packet, and what is to be said of it.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Its number in the capture, counted from 1.
    pub frame: u64,
    /// The packet itself.
    pub packet: Packet<'a>,
    /// What its headers say.
    pub summary: Summary,
    /// What the conversation so far says of it; only of TCP.
    pub analysis: Option<Analysis>,
}

impl Sighting<'_> {
    /// Bytes that a program gave to its socket, as far as they were captured: the payload of TCP or
    /// UDP, or the message of what was never a packet.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        let span = match (self.summary.tcp(), self.summary.udp()) {
            (Some(tcp), _) => tcp.payload,
            (None, Some(udp)) => udp.payload,
            (None, None) => match &self.summary.content {
                crate::wire::Content::Exported(exported) => exported.payload,
                _ => return &[],
            },
        };
        span.of(self.packet.bytes)
    }

    /// How many such bytes there are by the headers, captured or not.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        match (self.summary.tcp(), self.summary.udp()) {
            (Some(tcp), _) => tcp.payload_len,
            (None, Some(udp)) => udp.payload_len,
            (None, None) => match &self.summary.content {
                crate::wire::Content::Exported(exported) => exported.payload_len,
                _ => 0,
            },
        }
    }

    /// The place of its first byte in its direction's stream, counted from 0; `None` where it cannot
    /// be known, as the beginning of the conversation was not seen.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        let analysis = self.analysis.as_ref()?;
        let has_begun = |mark| analysis.completeness.contains(mark);
        let is_counted = has_begun(Completeness::SYN) && has_begun(Completeness::SYN_ACK);
        analysis.offset.filter(|_| is_counted)
    }

    /// Who sent it, of the two ends of its conversation; only of TCP.
    #[must_use]
    pub fn from(&self) -> Option<End> {
        self.analysis.as_ref().map(|analysis| analysis.from)
    }

    /// Makes it a thing of its own.
    #[must_use]
    pub fn keep(&self) -> Kept {
        Kept {
            frame: self.frame,
            link: self.packet.link,
            bytes: Bytes::copy_from_slice(self.packet.bytes),
            full_len: self.packet.full_len,
            facts: self.packet.facts,
            analysis: self.analysis,
        }
    }
}

/// A sighting that owns its packet, without the time, which is that of its event.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its number in the capture, counted from 1.
    pub frame: u64,
    /// What the first byte belongs to.
    pub link: LinkType,
    /// The packet, as far as it was captured.
    pub bytes: Bytes,
    /// How long it was, in bytes.
    pub full_len: usize,
    /// What the tap knew beside the bytes.
    pub facts: CaptureFacts,
    /// What the conversation so far says of it; only of TCP.
    pub analysis: Option<Analysis>,
}

impl Kept {
    /// The sighting that it was, at a moment in nanoseconds since 1970.
    #[must_use]
    pub fn at(&self, moment: u64) -> Sighting<'_> {
        let packet = Packet {
            at: moment,
            link: self.link,
            bytes: &self.bytes,
            full_len: self.full_len,
            facts: self.facts,
        };
        Sighting {
            frame: self.frame,
            packet,
            summary: Summary::of(&packet),
            analysis: self.analysis,
        }
    }
}

/// Looks at the packets of a capture, one after the other.
#[derive(Debug)]
pub struct Observer {
    analyser: Analyser,
    frames: u64,
}

impl Observer {
    /// Begins with a capture's first packet.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self {
            analyser: Analyser::new(settings),
            frames: 0,
        }
    }

    /// Takes the next packet of the capture.
    pub fn observe<'a>(&mut self, packet: Packet<'a>) -> Sighting<'a> {
        self.frames = self.frames.saturating_add(1);
        let summary = Summary::of(&packet);
        let segment = Segment::of(self.frames, &packet, &summary);
        Sighting {
            frame: self.frames,
            packet,
            summary,
            analysis: segment.map(|segment| self.analyser.handle(&segment)),
        }
    }

    /// The analysis, for the bytes of conversations and for telling it what is known.
    pub const fn analyser_mut(&mut self) -> &mut Analyser {
        &mut self.analyser
    }

    /// The analysis.
    #[must_use]
    pub const fn analyser(&self) -> &Analyser {
        &self.analyser
    }

    /// Packets so far.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }
}

#[cfg(test)]
pub(crate) mod tests;
