//! TCP conversations out of segments: who says what, what went wrong on the way, and the bytes in
//! order again.
//!
//! An [`Analyser`] takes the segments of a capture in the order of the capture and gives an
//! [`Analysis`] of each: relative numbers, the scaled window, round trips, and labels. It keeps the
//! conversations with their bytes, in a bounded amount of memory.
//!
//! ```text
//!  Segment ──▶ table ──▶ wireshark ─┐
//!                   ├──▶ truth ─────┼─▶ Analysis
//!                   └──▶ stream ────┘      └─▶ Piece, Placed
//! ```
//!
//! Labels are given twice. Those of [`Mode::Wireshark`] are, bit for bit, what Wireshark 4.0 says,
//! which looks at the packets only. Those of [`Mode::Truth`] know at whose machine the capture was
//! made, and whether the capture itself lost something.

mod conversation;
mod half;
mod label;
mod reconcile;
mod segment;
mod sequence;
mod stream;
mod table;
mod truth;
mod wireshark;

pub use conversation::{Completeness, Conversation, End, Id, Side};
pub use half::{Acks, Scale};
pub use label::{Label, Labels, Severity};
pub use reconcile::{Counter, Disagreement, KernelCounters};
pub use segment::Segment;
pub use stream::{Gap, GapCause, Piece, Placed};
pub use truth::Traffic;
pub use wireshark::{Duplicate, Timeout};

use serde::{Deserialize, Serialize};

use crate::wire::TcpFlags;
use half::Half;
use stream::Arrival;
use table::Table;

/// Whose labels are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// What is so, as far as it can be known.
    #[default]
    Truth,
    /// What Wireshark 4.0 says.
    Wireshark,
}

/// Whether the bytes of the conversations are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Only where they stand.
    Ignored,
    /// They are kept until they are taken.
    #[default]
    Kept,
}

/// How an analyser works.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// At whose machine the capture was made.
    pub side: Side,
    /// Whether the bytes are wanted.
    pub content: Content,
    /// In bytes: what the payload of one conversation may take while nobody has taken it.
    pub conversation_limit: usize,
    /// In bytes: what all conversations may take together.
    pub limit: usize,
    /// How many segments with payload are remembered by their place in a stream.
    pub placed: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            side: Side::Unknown,
            content: Content::Kept,
            conversation_limit: 1 << 20,
            limit: 64 << 20,
            placed: 1024,
        }
    }
}

/// What is to be said about one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// The conversation that it belongs to.
    pub conversation: Id,
    /// Who sent it.
    pub from: End,
    /// The sequence number, counted from the first one.
    pub seq: u32,
    /// The acknowledgement number, counted from the other end's first one; as in the header without
    /// the flag.
    pub ack: u32,
    /// Bytes that the sender is ready to take, as far as the scale is known.
    pub window: u32,
    /// How the sender's window is scaled.
    pub scale: Scale,
    /// What of the conversation was seen so far.
    pub completeness: Completeness,
    /// The place of its first byte in the sender's stream; `None` before the stream's beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Which duplicate acknowledgement it is, in the count of Wireshark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Duplicate>,
    /// What it acknowledges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acks: Option<Acks>,
    /// How long the handshake took, in nanoseconds, once it is over.
    #[serde(
        default,
        rename = "initial_rtt_ns",
        skip_serializing_if = "Option::is_none"
    )]
    pub initial_rtt: Option<i64>,
    /// How long the retransmission was waited for, in the count of Wireshark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// Bytes that are on the way, this segment included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
    /// Bytes since the last PSH, this segment included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<u32>,
    /// Bytes of it that were sent before, in truth.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes_again: u32,
    /// Wire segments of it that were sent before, in truth.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub segments_again: u64,
    #[serde(default, rename = "labels", skip_serializing_if = "Labels::is_empty")]
    truth: Labels,
    #[serde(
        default,
        rename = "labels_wireshark",
        skip_serializing_if = "Labels::is_empty"
    )]
    wireshark: Labels,
}

impl Analysis {
    /// What is noteworthy about it.
    #[must_use]
    pub const fn labels(&self, mode: Mode) -> Labels {
        match mode {
            Mode::Truth => self.truth,
            Mode::Wireshark => self.wireshark,
        }
    }
}

/// What an analyser has gone through, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Segments.
    pub segments: u64,
    /// Conversations that have begun.
    pub conversations: u64,
    /// Conversations that were forgotten to keep within the limit.
    pub evicted: u64,
    /// In bytes: what all of it takes.
    pub held: usize,
}

/// Analyses segments, one after the other.
#[derive(Debug)]
pub struct Analyser {
    settings: Settings,
    table: Table,
    segments: u64,
    /// How often the capture reported that it lost packets.
    drops: u64,
}

impl Analyser {
    /// Begins without conversations.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self {
            settings,
            table: Table::new(),
            segments: 0,
            drops: 0,
        }
    }

    /// Takes the next segment of the capture.
    ///
    /// Takes the order of the calls for the order on the wire, not the times. What is in the
    /// segment may be nonsense; it is made the best of.
    pub fn handle(&mut self, segment: &Segment<'_>) -> Analysis {
        self.segments += 1;
        self.drops += u64::from(segment.dropped_before);
        let (id, from, is_reused) = self.place(segment);
        let conversation = self
            .table
            .conversation_mut(id)
            .expect("it was found or made just before");
        let mut analysis = analyse(conversation, from, segment, self.drops, &self.settings);
        if is_reused {
            analysis.wireshark.insert(Label::ReusedPorts);
            analysis.truth.insert(Label::ReusedPorts);
        }
        self.table.touch(id);
        self.table.recount(id);
        self.table.evict(self.settings.limit);
        analysis
    }

    /// Takes the next piece of what an end sent, in the order in which it was sent.
    ///
    /// `None` until more segments come, or for good if the conversation was forgotten.
    pub fn poll(&mut self, id: Id, from: End) -> Option<Piece> {
        let conversation = self.table.conversation_mut(id)?;
        let piece = conversation.halves[from as usize].stream.poll();
        if piece.is_some() {
            self.table.recount(id);
        }
        piece
    }

    /// Learns that the capture has ended: what is missing will not come.
    pub fn finish(&mut self) {
        let limit = self.settings.conversation_limit / 2;
        for conversation in self.table.iter_mut() {
            for half in &mut conversation.halves {
                half.stream.finish(limit);
            }
        }
    }

    /// Says at whose machine a conversation was captured, if it is another than the settings say.
    pub fn set_side(&mut self, id: Id, side: Side) {
        if let Some(conversation) = self.table.conversation_mut(id) {
            conversation.side = side;
        }
    }

    /// Forgets a conversation.
    pub fn forget(&mut self, id: Id) {
        if self.table.conversation(id).is_some() {
            self.table.remove(id.slot);
        }
    }

    /// A conversation, unless it was forgotten.
    #[must_use]
    pub fn conversation(&self, id: Id) -> Option<&Conversation> {
        self.table.conversation(id)
    }

    /// Every conversation that is remembered, in the order in which they began.
    #[must_use]
    pub fn conversations(&self) -> Vec<&Conversation> {
        let mut all: Vec<_> = self.table.iter().collect();
        all.sort_unstable_by_key(|conversation| conversation.id().number());
        all
    }

    /// What it has gone through.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        Counters {
            segments: self.segments,
            conversations: self.table.begun,
            evicted: self.table.evicted,
            held: self.table.held,
        }
    }

    /// Finds the conversation of a segment or begins it; says whether its ports had one before.
    ///
    /// Rule 0 of `wireshark`.
    fn place(&mut self, segment: &Segment<'_>) -> (Id, End, bool) {
        let Some((id, from)) = self.table.find(segment) else {
            let id = self.table.begin(segment, self.settings.side);
            return (id, End::First, false);
        };
        if !segment.flags.has(TcpFlags::SYN) {
            return (id, from, false);
        }
        let conversation = self
            .table
            .conversation_mut(id)
            .expect("it was found just before");
        let half = &mut conversation.halves[from as usize];
        let is_answer = segment.flags.has(TcpFlags::ACK);
        match half.base {
            Some(base) if base != segment.seq && is_answer => {
                half.base = Some(segment.seq);
                let limit = self.settings.conversation_limit / 2;
                half.stream.begin_anew(segment.seq.wrapping_add(1), limit);
                half.truth.begin_anew();
                (id, from, true)
            }
            Some(base) if base != segment.seq => {
                let id = self.table.begin(segment, self.settings.side);
                (id, End::First, true)
            }
            Some(_) if !is_answer => {
                half.next = half.contiguous;
                (id, from, false)
            }
            _ => (id, from, false),
        }
    }
}

/// Whether a count is not worth being written.
fn is_zero<T: Default + PartialEq>(count: &T) -> bool {
    *count == T::default()
}

/// Judges a segment of a conversation, and lets it become part of that.
fn analyse(
    conversation: &mut Conversation,
    from: End,
    segment: &Segment<'_>,
    drops: u64,
    settings: &Settings,
) -> Analysis {
    conversation.last = segment.at;
    conversation.completeness |= Completeness::of(segment);
    let mut labels = conversation.witness(from, segment);
    let is_at_sender = conversation.is_tapped_at(from);
    let completeness = conversation.completeness;
    let id = conversation.id;
    let mut opening = std::mem::take(&mut conversation.opening);
    let (own, other) = conversation.directions(from);
    begin(own, other, &mut opening, segment);
    let judged = wireshark::judge(own, other, &mut opening, segment);
    let is_syn = segment.flags.has(TcpFlags::SYN);
    // What a segment says of the scale holds from the next one on.
    let known = own.scale;
    negotiate(own, other, segment);
    let scale = if is_syn { own.scale } else { known };
    let shift = if is_syn { 0 } else { scale.shift() };
    let window = u32::from(segment.window).wrapping_shl(u32::from(shift));
    let circumstances = truth::Circumstances {
        is_at_sender,
        is_after_drop: own.drops != drops,
        initial_rtt: opening.initial_rtt,
        window: (is_syn || scale != Scale::Unknown).then_some(window),
        mss: other.mss.map(|mss| {
            let stamps = if segment.options.timestamps.is_some() {
                12
            } else {
                0
            };
            u32::from(mss).saturating_sub(stamps).max(1)
        }),
    };
    let told = truth::judge(&mut own.truth, &mut other.truth, segment, &circumstances);
    let offset = reassemble(own, other, segment, circumstances.is_after_drop, settings);
    own.drops = drops;
    let base = own.base.unwrap_or(0);
    let other_base = other.base.unwrap_or(0);
    let is_ack = segment.flags.has(TcpFlags::ACK);
    let analysis = Analysis {
        conversation: id,
        from,
        seq: segment.seq.wrapping_sub(base),
        ack: if is_ack {
            segment.ack.wrapping_sub(other_base)
        } else {
            segment.ack
        },
        window,
        scale,
        completeness,
        offset,
        duplicate: judged.duplicate,
        acks: judged.acks,
        initial_rtt: opening.initial_rtt,
        timeout: judged.timeout,
        in_flight: judged.in_flight,
        pushed: judged.pushed,
        bytes_again: told.bytes_again,
        segments_again: told.segments_again,
        truth: told.labels | labels,
        wireshark: judged.labels | std::mem::take(&mut labels),
    };
    conversation.opening = opening;
    analysis
}

/// Finds out from which numbers both directions count.
fn begin(
    own: &mut Half,
    other: &mut Half,
    opening: &mut wireshark::Opening,
    segment: &Segment<'_>,
) {
    if segment.flags.has(TcpFlags::SYN) {
        own.base = Some(segment.seq);
        own.is_first_window = true;
        if !segment.flags.has(TcpFlags::ACK) {
            opening.syn_at = Some(segment.at);
        }
    } else if segment.flags.has(TcpFlags::ACK) {
        own.is_first_window = false;
    }
    own.base.get_or_insert(segment.seq.wrapping_sub(1));
    if segment.flags.has(TcpFlags::ACK) {
        other.base.get_or_insert(segment.ack.wrapping_sub(1));
    }
}

/// Takes what a SYN says about windows and sizes. A scale is believed wherever it stands, as
/// Wireshark does.
fn negotiate(own: &mut Half, other: &mut Half, segment: &Segment<'_>) {
    let is_syn = segment.flags.has(TcpFlags::SYN);
    let is_answer = is_syn && segment.flags.has(TcpFlags::ACK);
    if is_syn {
        own.mss = segment.options.mss;
    }
    match segment.options.window_scale {
        Some(_) if is_answer && other.scale == Scale::Unused => own.scale = Scale::Unused,
        Some(bits) => own.scale = Scale::Shift(bits.min(14)),
        None if is_syn && own.scale == Scale::Unknown => {
            own.scale = Scale::Unused;
            other.scale = Scale::Unused;
        }
        None => {}
    }
}

/// Puts a segment's bytes into their stream, and tells the other stream what arrived; gives the
/// place of the first byte.
fn reassemble(
    own: &mut Half,
    other: &mut Half,
    segment: &Segment<'_>,
    is_after_drop: bool,
    settings: &Settings,
) -> Option<u64> {
    let limit = settings.conversation_limit / 2;
    let base = own.base?;
    own.stream.begin(base.wrapping_add(1));
    let is_syn = segment.flags.has(TcpFlags::SYN);
    let start = segment.seq.wrapping_add(u32::from(is_syn));
    let offset = own.stream.offset(start);
    let is_reset = segment.flags.has(TcpFlags::RST);
    if let Some(offset) = offset.filter(|_| !is_reset) {
        let end = offset.saturating_add(u64::from(segment.len));
        if segment.len != 0 {
            if settings.placed != 0 {
                if own.placed.len() == settings.placed {
                    own.placed.pop_front();
                }
                own.placed.push_back(Placed {
                    offset,
                    len: segment.len,
                    frame: segment.frame,
                    at: segment.at,
                });
            }
            match settings.content {
                Content::Ignored => own.stream.skip_to(end),
                Content::Kept => {
                    let arrival = Arrival {
                        offset,
                        len: segment.len,
                        payload: segment.payload,
                        is_after_drop,
                    };
                    own.stream.insert(&arrival, limit);
                }
            }
        }
        if segment.flags.has(TcpFlags::FIN) {
            own.stream.end_at(end);
        }
    }
    if segment.flags.has(TcpFlags::ACK)
        && !is_reset
        && let Some(acked) = other.stream.offset(segment.ack)
    {
        other.stream.acknowledge(acked, limit);
    }
    offset
}

#[cfg(test)]
mod tests;
