//! The labels that are true, as far as the place of the tap lets them be known.
//!
//! At the sender's own machine nothing can be out of order: what comes below the highest byte sent
//! was sent again. Elsewhere it may have been overtaken. Then the timestamps tell (RFC 7323 §3): what
//! is older than what came before it is late, and so is what echoes an older clock than that of the
//! acknowledgement which first reported the hole, as its sender cannot have known of it. Without
//! timestamps three duplicates (RFC 5681 §3.2) or a quarter of a round trip since the report (RFC
//! 8985 §6.2) mean that it was sent again.

use super::half::since;
use super::label::{Label, Labels};
use super::segment::Segment;
use super::sequence::{is_at_most, is_before, later};
use crate::wire::{SackBlocks, TcpFlags};

/// Holes that are remembered in one direction.
const MOST_HOLES: usize = 64;
/// In nanoseconds: what a segment may be late, where no round trip was measured.
const LATE: i64 = 3_000_000;
/// Duplicate acknowledgements after which a sender sends again (RFC 5681 §3.2).
const FAST_AFTER: u32 = 3;

/// What one end has sent so far, in bytes and in segments as they are on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames of the capture, with data or without.
    pub frames: u64,
    /// Segments, counted as the network card cuts them.
    pub segments: u64,
    /// Bytes of payload, each as often as it was sent.
    pub bytes: u64,
    /// Segments that were sent again.
    pub segments_again: u64,
    /// Bytes of payload that were sent again.
    pub bytes_again: u64,
    /// Bytes that the other end acknowledged.
    pub bytes_acked: u64,
}

/// What is known of one direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// The first sequence number after everything that was sent.
    high: Option<u32>,
    holes: Vec<Hole>,
    /// What this end acknowledged last.
    acked: Option<u32>,
    /// Scaled, in bytes.
    window: Option<u32>,
    /// The first sequence number that is not allowed.
    edge: Option<u32>,
    sack: SackBlocks,
    duplicates: u32,
    asked: Asked,
    pub(super) traffic: Traffic,
}

/// What an end's last segment asked the other one.
#[derive(Debug, Default, PartialEq)]
enum Asked {
    #[default]
    Nothing,
    Alive,
    Window,
}

/// Sequence numbers that were passed over.
#[derive(Clone, Copy, Debug)]
struct Hole {
    start: u32,
    end: u32,
    /// When it was passed over.
    at: u64,
    /// The sender's clock then.
    clock: Option<u32>,
    /// When the other end first let the sender know.
    report: Option<Report>,
}

/// An acknowledgement that tells of a hole.
#[derive(Clone, Copy, Debug)]
struct Report {
    at: u64,
    /// The clock of who reports.
    clock: Option<u32>,
}

/// What there is to know about a segment beside itself.
pub(super) struct Circumstances {
    /// Whether the capture was made at the sender's own machine.
    pub(super) is_at_sender: bool,
    /// Whether the capture lost packets since the last segment of this direction.
    pub(super) is_after_drop: bool,
    /// In nanoseconds.
    pub(super) initial_rtt: Option<i64>,
    /// The sender's window in bytes, where the scale is known.
    pub(super) window: Option<u32>,
    /// What one segment carries at most, in bytes.
    pub(super) mss: Option<u32>,
}

/// What is said about a segment.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) labels: Labels,
    /// Bytes of it that were sent before.
    pub(super) bytes_again: u32,
    /// How many wire segments of it were.
    pub(super) segments_again: u64,
}

/// Judges a segment and remembers it.
pub(super) fn judge(
    own: &mut Half,
    other: &mut Half,
    segment: &Segment<'_>,
    circumstances: &Circumstances,
) -> Verdict {
    let mut verdict = Verdict::default();
    let high = own.high;
    let asked = judge_question(own, other, segment, &mut verdict);
    if asked == Asked::Nothing && !segment.flags.has(TcpFlags::RST) {
        judge_data(own, other, segment, circumstances, &mut verdict);
    }
    if segment.flags.has(TcpFlags::ACK) {
        judge_ack(own, other, segment, circumstances, high, &mut verdict);
    }
    let traffic = &mut own.traffic;
    traffic.frames += 1;
    traffic.segments += segment.wire_segments(circumstances.mss);
    traffic.bytes += u64::from(segment.len);
    traffic.segments_again += verdict.segments_again;
    traffic.bytes_again += u64::from(verdict.bytes_again);
    own.asked = asked;
    verdict
}

/// Whether it asks for a window or for a sign of life, without bringing anything.
fn judge_question(own: &Half, other: &Half, segment: &Segment<'_>, verdict: &mut Verdict) -> Asked {
    let is_plain = !segment
        .flags
        .has(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST);
    let Some(high) = own.high.filter(|_| is_plain && segment.len <= 1) else {
        return Asked::Nothing;
    };
    let is_below = segment.seq == high.wrapping_sub(1);
    let is_beyond = segment.len == 1 && segment.seq == high;
    if other.window == Some(0) && (is_below || is_beyond) {
        verdict.labels.insert(Label::ZeroWindowProbe);
        return Asked::Window;
    }
    // The last byte is also sent once more because it was lost.
    let has_all = other.acked == Some(high);
    if is_below && (segment.len == 0 || has_all) {
        verdict.labels.insert(Label::KeepAlive);
        return Asked::Alive;
    }
    Asked::Nothing
}

/// Where it stands among what its sender has sent.
fn judge_data(
    own: &mut Half,
    other: &Half,
    segment: &Segment<'_>,
    circumstances: &Circumstances,
    verdict: &mut Verdict,
) {
    let (start, end) = (segment.seq, segment.end());
    if let Some(edge) = other.edge
        && 0 < segment.len
        && is_at_most(edge, start.wrapping_add(segment.len))
    {
        verdict.labels.insert(Label::WindowFull);
    }
    let Some(high) = own.high else {
        own.high = Some(end);
        return;
    };
    if is_before(high, start) {
        let is_ours = circumstances.is_at_sender || circumstances.is_after_drop;
        verdict.labels.insert(if is_ours {
            Label::CaptureGap
        } else {
            Label::LostSegment
        });
        own.open_hole(Hole {
            start: high,
            end: start,
            at: segment.at,
            clock: segment.options.timestamps.map(|stamps| stamps.value),
            report: None,
        });
    }
    own.high = Some(later(high, end));
    if segment.span() == 0 || !is_before(start, high) {
        return;
    }
    let is_late = own.fill_holes(other, segment, circumstances);
    if is_late && !circumstances.is_at_sender {
        verdict.labels.insert(Label::OutOfOrder);
        return;
    }
    let old = if is_before(high, end) { high } else { end };
    verdict.bytes_again = old.wrapping_sub(start).min(segment.len);
    verdict.segments_again = Segment {
        len: verdict.bytes_again,
        ..*segment
    }
    .wire_segments(circumstances.mss);
    verdict.labels.insert(Label::Retransmission);
    if other.acked.is_some_and(|acked| is_at_most(end, acked)) {
        verdict.labels.insert(Label::SpuriousRetransmission);
    } else if FAST_AFTER <= other.duplicates && other.acked == Some(start) {
        verdict.labels.insert(Label::FastRetransmission);
    }
}

/// What it tells the other end.
fn judge_ack(
    own: &mut Half,
    other: &mut Half,
    segment: &Segment<'_>,
    circumstances: &Circumstances,
    high: Option<u32>,
    verdict: &mut Verdict,
) {
    if segment.flags.has(TcpFlags::RST) {
        return;
    }
    let labels = &mut verdict.labels;
    let is_plain = !segment.flags.has(TcpFlags::SYN | TcpFlags::FIN);
    let window = circumstances.window;
    if is_plain && window == Some(0) {
        labels.insert(Label::ZeroWindow);
    }
    let unseen = other.high.filter(|high| is_before(*high, segment.ack));
    if let Some(high) = unseen {
        labels.insert(Label::AckLostSegment);
        labels.insert(Label::CaptureGap);
        other.high = Some(segment.ack);
        other.open_hole(Hole {
            start: high,
            end: segment.ack,
            at: segment.at,
            clock: None,
            report: None,
        });
    }
    let is_bare =
        is_plain && segment.len == 0 && own.acked == Some(segment.ack) && high == Some(segment.seq);
    if is_bare {
        let is_awaited = other.high.is_some_and(|high| is_before(segment.ack, high));
        let is_window_kept = own.window == window;
        let sack = segment.options.sack;
        let has_news = !sack.is_empty() && sack != own.sack;
        if other.asked == Asked::Alive && window != Some(0) {
            labels.insert(Label::KeepAliveAck);
        } else if other.asked == Asked::Window && window == Some(0) {
            labels.insert(Label::ZeroWindowProbeAck);
        } else if is_awaited && (is_window_kept || has_news) {
            own.duplicates = own.duplicates.saturating_add(1);
            labels.insert(Label::DuplicateAck);
        } else if !is_window_kept && window != Some(0) {
            labels.insert(Label::WindowUpdate);
        }
    }
    other.note_report(segment, labels.contains(Label::DuplicateAck));
    if own.acked.is_none_or(|acked| is_before(acked, segment.ack)) {
        if let Some(acked) = own.acked {
            other.traffic.bytes_acked += u64::from(segment.ack.wrapping_sub(acked));
        }
        own.acked = Some(segment.ack);
        own.duplicates = 0;
        other.holes.retain(|hole| is_before(segment.ack, hole.end));
    }
    // One that was overtaken tells of a window that was.
    if own.acked == Some(segment.ack) {
        own.edge = window.map(|window| segment.ack.wrapping_add(window));
        own.window = window;
    }
    own.sack = segment.options.sack;
}

impl Half {
    /// Forgets all but what was counted, as the numbers are others from here on.
    pub(super) fn begin_anew(&mut self) {
        *self = Self {
            traffic: self.traffic,
            ..Self::default()
        };
    }

    /// What it takes beside itself, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.holes.capacity() * size_of::<Hole>()
    }

    fn open_hole(&mut self, hole: Hole) {
        if self.holes.len() == MOST_HOLES {
            self.holes.remove(0);
        }
        self.holes.push(hole);
    }

    /// Learns from an acknowledgement which holes the other end knows of.
    fn note_report(&mut self, segment: &Segment<'_>, is_duplicate: bool) {
        let ack = segment.ack;
        let has_beyond = |end| {
            let mut blocks = segment.options.sack.iter();
            blocks.any(|block| is_at_most(end, block.start))
        };
        for hole in &mut self.holes {
            let is_open = is_at_most(ack, hole.start) && hole.report.is_none();
            if is_open && (has_beyond(hole.end) || is_duplicate && ack == hole.start) {
                hole.report = Some(Report {
                    at: segment.at,
                    clock: segment.options.timestamps.map(|stamps| stamps.value),
                });
            }
        }
    }

    /// Takes out of the holes what a segment brings; says whether it does so because it was late.
    fn fill_holes(
        &mut self,
        other: &Self,
        segment: &Segment<'_>,
        circumstances: &Circumstances,
    ) -> bool {
        let (start, end) = (segment.seq, segment.end());
        let Some(index) = self
            .holes
            .iter()
            .position(|hole| is_before(start, hole.end) && is_before(hole.start, end))
        else {
            return false;
        };
        let hole = self.holes.remove(index);
        let rest = [(hole.start, start), (end, hole.end)];
        for (start, end) in rest {
            if is_before(start, end) {
                self.open_hole(Hole { start, end, ..hole });
            }
        }
        let round_trip = circumstances.initial_rtt.unwrap_or(LATE);
        hole.is_filled_late(segment, round_trip, other.duplicates)
    }
}

impl Hole {
    /// Whether what fills it was sent before what came first, `round_trip` in nanoseconds.
    fn is_filled_late(&self, segment: &Segment<'_>, round_trip: i64, duplicates: u32) -> bool {
        let stamps = segment.options.timestamps;
        if let (Some(stamps), Some(after)) = (stamps, self.clock)
            && stamps.value != after
        {
            return is_before(stamps.value, after);
        }
        let Some(report) = self.report else {
            return since(segment.at, self.at) < round_trip;
        };
        if let (Some(stamps), Some(clock)) = (stamps, report.clock) {
            return is_before(stamps.echo, clock);
        }
        duplicates < FAST_AFTER && since(segment.at, report.at) < round_trip / 4
    }
}
