//! One conversation out of a capture, its numbers made places that do not wrap.

use std::net::SocketAddr;

use crate::flow::{Analysis, End, Id, Label, Mode, Scale};
use crate::sighting::Sighting;
use crate::wire::{FiveTuple, TcpFlags, protocol};

/// What a packet of the conversation says. Places count from 0 at the SYN, so that the first byte of
/// a stream has the place 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// In nanoseconds since the conversation's first packet.
    pub(super) at: u64,
    pub(super) from: End,
    /// The place of its first byte, SYN or FIN.
    pub(super) start: u64,
    /// The place after its last.
    pub(super) end: u64,
    /// Bytes of payload.
    pub(super) len: u64,
    pub(super) flags: TcpFlags,
    pub(super) passage: Passage,
    /// Up to where it acknowledges the other end's stream.
    pub(super) ack: Option<u64>,
    /// Bytes that it is ready to take beyond that.
    pub(super) window: u64,
    /// What it has of the other end's stream beyond a hole.
    pub(super) sack: [Option<(u64, u64)>; 4],
    /// How long the handshake took, in nanoseconds, once that is known.
    pub(super) initial_rtt: Option<u64>,
    /// Packets that the tap lost just before it.
    pub(super) lost: u64,
}

/// How a segment's bytes stand to those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// Beyond all before.
    New,
    /// Sent before.
    Again,
    /// Late: others overtook it.
    Late,
    /// Sent to hear an answer, not for its bytes.
    Probe,
}

/// Picks the packets of one conversation.
#[derive(Debug)]
pub(super) struct Track {
    wanted: Option<FiveTuple>,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    /// From the end that spoke first to the other.
    tuple: FiveTuple,
    /// Which of several over the same ports; only of TCP.
    id: Option<Id>,
    /// In nanoseconds since 1970.
    begun: u64,
    /// The highest place known in each end's stream.
    places: [u64; 2],
    is_begun_late: bool,
    is_scale_known: bool,
    is_reset: bool,
    /// Whether each end has sent its FIN.
    finished: [bool; 2],
}

impl Track {
    pub(super) fn new(wanted: Option<FiveTuple>) -> Self {
        Self {
            wanted,
            found: None,
        }
    }

    /// What the packet says, if it is one of the conversation.
    pub(super) fn follow(&mut self, sighting: &Sighting<'_>) -> Option<Seen> {
        let tuple = sighting.summary.five_tuple()?;
        let is_whole = sighting.summary.tcp().is_some() || sighting.summary.udp().is_some();
        if !is_whole {
            return None;
        }
        let analysis = sighting.analysis.as_ref();
        if self.found.is_none() {
            self.begin(tuple, analysis, sighting)?;
        }
        let found = self.found.as_mut()?;
        let from = match (found.id, analysis) {
            (Some(id), Some(analysis)) if analysis.conversation == id => analysis.from,
            (None, None) if tuple == found.tuple => End::First,
            (None, None) if tuple == found.tuple.reversed() => End::Second,
            _ => return None,
        };
        let at = sighting.packet.at.saturating_sub(found.begun);
        let Some(analysis) = analysis else {
            return Some(datagram(sighting, at, from));
        };
        segment(found, analysis, sighting, at)
    }

    /// Whether the conversation is over and this packet opens another one, which would do as well.
    pub(super) fn is_followed_by(&self, sighting: &Sighting<'_>) -> bool {
        let (None, Some(found)) = (self.wanted, &self.found) else {
            return false;
        };
        let is_over = found.is_reset || found.finished == [true, true];
        let is_other = match &sighting.analysis {
            Some(analysis) => found.id != Some(analysis.conversation),
            None => false,
        };
        let flags = sighting.summary.tcp().map(|tcp| tcp.flags);
        is_over && is_other && flags.is_some_and(|flags| flags.has(TcpFlags::SYN))
    }

    /// The addresses of the end that spoke first, and of the other.
    pub(super) fn addrs(&self) -> Option<[SocketAddr; 2]> {
        let tuple = &self.found.as_ref()?.tuple;
        Some([
            SocketAddr::new(tuple.source, tuple.ports.0),
            SocketAddr::new(tuple.destination, tuple.ports.1),
        ])
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.found
            .as_ref()
            .is_none_or(|found| found.tuple.protocol == protocol::TCP)
    }

    /// Since when, in nanoseconds since 1970.
    pub(super) fn begun(&self) -> Option<u64> {
        self.found.as_ref().map(|found| found.begun)
    }

    /// Whether the first packet was not the conversation's first.
    pub(super) fn is_begun_late(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.is_begun_late)
    }

    /// Whether windows are what they are said to be.
    pub(super) fn is_scale_known(&self) -> bool {
        self.found.as_ref().is_none_or(|found| found.is_scale_known)
    }

    /// Begins with this packet, if it is one of those that are wanted.
    fn begin(
        &mut self,
        tuple: FiveTuple,
        analysis: Option<&Analysis>,
        sighting: &Sighting<'_>,
    ) -> Option<()> {
        let is_tcp = tuple.protocol == protocol::TCP;
        let is_wanted = self
            .wanted
            .is_none_or(|wanted| wanted == tuple || wanted.reversed() == tuple);
        if !is_wanted || is_tcp != analysis.is_some() {
            return None;
        }
        // The analysis may know packets from before the first one that came here.
        let is_from_first = analysis.is_none_or(|analysis| analysis.from == End::First);
        let is_syn = |tcp: &crate::wire::Tcp| tcp.flags.has(TcpFlags::SYN);
        self.found = Some(Found {
            tuple: if is_from_first {
                tuple
            } else {
                tuple.reversed()
            },
            id: analysis.map(|analysis| analysis.conversation),
            begun: sighting.packet.at,
            places: [0; 2],
            is_begun_late: is_tcp && !sighting.summary.tcp().is_some_and(is_syn),
            is_scale_known: true,
            is_reset: false,
            finished: [false; 2],
        });
        Some(())
    }
}

fn datagram(sighting: &Sighting<'_>, at: u64, from: End) -> Seen {
    let len = sighting.payload_len() as u64;
    Seen {
        at,
        from,
        start: 0,
        end: 0,
        len,
        flags: TcpFlags::default(),
        passage: Passage::New,
        ack: None,
        window: 0,
        sack: [None; 4],
        initial_rtt: None,
        lost: sighting.packet.facts.dropped_before,
    }
}

fn segment(
    found: &mut Found,
    analysis: &Analysis,
    sighting: &Sighting<'_>,
    at: u64,
) -> Option<Seen> {
    let tcp = sighting.summary.tcp()?;
    let len = tcp.payload_len as u64;
    let marks = [TcpFlags::SYN, TcpFlags::FIN].map(|flag| u64::from(tcp.flags.has(flag)));
    let from = analysis.from;
    let [first, second] = &mut found.places;
    let (own, other) = match from {
        End::First => (first, second),
        End::Second => (second, first),
    };
    let is_reset = tcp.flags.has(TcpFlags::RST);
    found.is_reset |= is_reset;
    if let Some(finished) = found.finished.get_mut(from as usize) {
        *finished |= tcp.flags.has(TcpFlags::FIN);
    }
    let is_ack = tcp.flags.has(TcpFlags::ACK) && !is_reset;
    let high = *own;
    let start = nearest(high, analysis.seq);
    let end = start.saturating_add(len).saturating_add(marks.iter().sum());
    if !is_reset {
        *own = high.max(end);
    }
    let ack = is_ack.then(|| nearest(*other, analysis.ack));
    if let Some(ack) = ack {
        *other = ack.max(*other);
    }
    let mut sack = [None; 4];
    if is_ack {
        let base = tcp.ack.wrapping_sub(analysis.ack);
        let near = *other;
        for (place, block) in sack.iter_mut().zip(tcp.options.sack.iter()) {
            let [start, end] = [block.start, block.end].map(|seq| seq.wrapping_sub(base));
            let block = (nearest(near, start), nearest(near, end));
            *place = Some(block).filter(|(start, end)| start < end);
        }
    }
    if is_ack && !tcp.flags.has(TcpFlags::SYN) && analysis.scale == Scale::Unknown {
        found.is_scale_known = false;
    }
    Some(Seen {
        at,
        from,
        start,
        end,
        len,
        flags: tcp.flags,
        passage: passage(analysis, start, high, end),
        ack,
        window: u64::from(analysis.window),
        sack,
        initial_rtt: analysis
            .initial_rtt
            .and_then(|span| u64::try_from(span).ok()),
        lost: sighting.packet.facts.dropped_before,
    })
}

fn passage(analysis: &Analysis, start: u64, high: u64, end: u64) -> Passage {
    let labels = analysis.labels(Mode::Truth);
    let is = |label| labels.contains(label);
    let is_again = is(Label::Retransmission)
        || is(Label::FastRetransmission)
        || is(Label::SpuriousRetransmission)
        || analysis.bytes_again > 0;
    if is(Label::KeepAlive) || is(Label::ZeroWindowProbe) {
        Passage::Probe
    } else if is_again {
        Passage::Again
    } else if is(Label::OutOfOrder) || start < high && start < end {
        Passage::Late
    } else {
        Passage::New
    }
}

/// The place of a number that wraps, as close to a known place as can be.
fn nearest(known: u64, number: u32) -> u64 {
    let low = u32::try_from(known & u64::from(u32::MAX)).unwrap_or_default();
    let distance = number.wrapping_sub(low).cast_signed();
    known.saturating_add_signed(i64::from(distance))
}
