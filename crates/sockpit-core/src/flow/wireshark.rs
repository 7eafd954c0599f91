//! The labels that Wireshark 4.0 gives, bit for bit, its quirks included.
//!
//! The rules were measured. A segment is judged by what is known of its own direction (*own*) and of
//! the other one (*other*), and then becomes part of that. In the order in which they are looked at,
//! where *plain* is without SYN, FIN and RST, and *bare* is plain, without payload, with `seq` at the
//! next number and `ack` as before:
//!
//! 0. `reused_ports`: a SYN with another initial number begins another conversation, a SYN-ACK
//!    replaces the number. A SYN with the same number comes again.
//! 1. `zero_window_probe`: one byte at the next number into a closed window; rules 2 to 8 are left
//!    out.
//! 2. `zero_window`: plain, the window is 0.
//! 3. `lost_segment`: beyond the next number, no RST.
//! 4. `keep_alive`: plain, at most one byte just before the next number.
//! 5. `window_update`: bare, a window that is neither 0 nor as before.
//! 6. `window_full`: plain, payload up to exactly where the other end's last window ends.
//! 7. `keep_alive_ack`: bare, the window as before and not 0, after a keep-alive.
//! 8. `zero_window_probe_ack`: the same with a window of 0, after a probe. `duplicate_ack`: as 7,
//!    after anything else; SACK plays no part.
//! 9. Another acknowledgement number ends the count of duplicates.
//! 10. `ack_lost_segment`: beyond what was seen without a hole; after that, as if there were many
//!     duplicates, which makes some fast retransmissions that are none.
//! 11. With payload, SYN or FIN, and no keep-alive, the first of: `spurious_retransmission` (all of
//!     it was acknowledged), and, if it is below the next number: `fast_retransmission` (two
//!     duplicates ask for it, the last one less than 20 ms ago), `out_of_order` (the next number
//!     grew less than a round trip ago), `retransmission`. The first two are retransmissions too.
//! 12. The segment is remembered, and what it acknowledges forgotten. What is in flight is known
//!     until a hole, and again once the other end speaks.

use serde::{Deserialize, Serialize};

use super::half::{Acks, Half, Scale, since};
use super::label::{Label, Labels};
use super::segment::Segment;
use super::sequence::{is_at_most, is_before};
use crate::wire::TcpFlags;

/// What is known of both directions together.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// When the latest SYN was seen.
    pub(super) syn_at: Option<u64>,
    /// From the SYN to the acknowledgement that ends the handshake, in nanoseconds.
    pub(super) initial_rtt: Option<i64>,
}

/// What the rules say about a segment.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) labels: Labels,
    pub(super) duplicate: Option<Duplicate>,
    pub(super) acks: Option<Acks>,
    pub(super) timeout: Option<Timeout>,
    pub(super) in_flight: Option<u32>,
    pub(super) pushed: Option<u32>,
}

/// Which duplicate acknowledgement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// Counted from 1.
    pub number: u32,
    /// The frame that acknowledged the same before.
    pub of: u64,
}

/// How long a retransmission was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeout {
    /// The frame since which.
    pub since: u64,
    /// In nanoseconds; negative where the capture's clock ran back.
    #[serde(rename = "ns")]
    pub span: i64,
}

/// In nanoseconds: a retransmission that comes sooner after its duplicate acknowledgements is fast.
const FAST: i64 = 20_000_000;
/// In nanoseconds: what a segment may be late, where no round trip was measured.
const LATE: i64 = 3_000_000;

/// Stands for an acknowledgement of something unseen where duplicates are counted; it passes for
/// many of them later on.
const NEVER: u32 = u32::MAX;

const MARKS: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::FIN.0);
const BREAKS: TcpFlags = TcpFlags(MARKS.0 | TcpFlags::RST.0);

/// Judges a segment and remembers it.
pub(super) fn judge(
    own: &mut Half,
    other: &mut Half,
    opening: &mut Opening,
    segment: &Segment<'_>,
) -> Verdict {
    let mut verdict = Verdict::default();
    label_state(own, other, segment, &mut verdict);
    // Rule 9.
    if segment.ack != own.last_ack {
        own.duplicates = 0;
        own.original = segment.frame;
    }
    label_unseen(other, segment, &mut verdict);
    label_again(own, other, opening, segment, &mut verdict);
    remember(own, other, segment, &mut verdict);
    if segment.flags.has(TcpFlags::ACK)
        && !segment.flags.has(TcpFlags::SYN)
        && opening.initial_rtt.is_none()
    {
        let syn = opening.syn_at.map(|syn| since(segment.at, syn));
        // In no time at all means that the clock is too coarse to tell.
        opening.initial_rtt = syn.filter(|span| *span != 0);
    }
    verdict
}

/// Rules 1 to 8.
fn label_state(own: &mut Half, other: &Half, segment: &Segment<'_>, verdict: &mut Verdict) {
    let is_plain = !segment.flags.has(BREAKS);
    let is_next = segment.seq == own.next;
    let is_window = |window| own.window == Some(window);
    let labels = &mut verdict.labels;
    if segment.len == 1 && is_next && other.window == Some(0) {
        labels.insert(Label::ZeroWindowProbe);
        return;
    }
    if segment.window == 0 && is_plain {
        labels.insert(Label::ZeroWindow);
    }
    if own.next != 0 && is_before(own.next, segment.seq) && !segment.flags.has(TcpFlags::RST) {
        labels.insert(Label::LostSegment);
    }
    if segment.len <= 1 && segment.seq == own.next.wrapping_sub(1) && is_plain {
        labels.insert(Label::KeepAlive);
    }
    let is_bare = segment.len == 0 && is_next && segment.ack == own.last_ack && is_plain;
    if is_bare && segment.window != 0 && !is_window(segment.window) {
        labels.insert(Label::WindowUpdate);
    }
    if 0 < segment.len && is_plain && other.scale != Scale::Unknown {
        let shift = if other.is_first_window {
            0
        } else {
            other.scale.shift()
        };
        let window = u32::from(other.window.unwrap_or(0)).wrapping_shl(u32::from(shift));
        if segment.seq.wrapping_add(segment.len) == other.last_ack.wrapping_add(window) {
            labels.insert(Label::WindowFull);
        }
    }
    if is_bare && is_window(segment.window) {
        if segment.window != 0 {
            if other.last_labels.contains(Label::KeepAlive) {
                labels.insert(Label::KeepAliveAck);
            } else {
                own.duplicates = match own.duplicates {
                    NEVER => 1,
                    known => known.wrapping_add(1),
                };
                labels.insert(Label::DuplicateAck);
                verdict.duplicate = Some(Duplicate {
                    number: own.duplicates,
                    of: own.original,
                });
            }
        } else if other.last_labels.contains(Label::ZeroWindowProbe) {
            labels.insert(Label::ZeroWindowProbeAck);
        }
    }
}

/// Rule 10.
fn label_unseen(other: &mut Half, segment: &Segment<'_>, verdict: &mut Verdict) {
    if other.contiguous == 0
        || !segment.flags.has(TcpFlags::ACK)
        || !is_before(other.contiguous, segment.ack)
    {
        return;
    }
    if is_before(other.contiguous, other.next) {
        other.contiguous = other.next;
        verdict.labels.insert(Label::AckLostSegment);
        return;
    }
    if other.duplicates == 0 {
        verdict.labels.insert(Label::AckLostSegment);
    }
    other.duplicates = NEVER;
}

/// Rule 11.
fn label_again(
    own: &Half,
    other: &Half,
    opening: &Opening,
    segment: &Segment<'_>,
    verdict: &mut Verdict,
) {
    let labels = &mut verdict.labels;
    let has_span = 0 < segment.len || segment.flags.has(MARKS);
    if !has_span || labels.contains(Label::KeepAlive) {
        return;
    }
    let is_after_probe = 1 < segment.len && segment.seq == own.next.wrapping_sub(1);
    let is_old = own.next != 0 && is_before(segment.seq, own.next) && !is_after_probe;
    let end = segment.seq.wrapping_add(segment.len);
    if 0 < segment.len && other.last_ack != 0 && is_at_most(end, other.last_ack) {
        labels.insert(Label::SpuriousRetransmission);
        labels.insert(Label::Retransmission);
        return;
    }
    if !is_old {
        return;
    }
    if 2 <= other.duplicates
        && other.last_ack == segment.seq
        && (0..FAST).contains(&since(segment.at, other.last_at))
    {
        labels.insert(Label::FastRetransmission);
        labels.insert(Label::Retransmission);
        return;
    }
    // A negative span passes for a very long one, on either side.
    let late = since(segment.at, own.next_at).cast_unsigned();
    let limit = opening.initial_rtt.unwrap_or(LATE).cast_unsigned();
    if late < limit && own.next != segment.end() {
        labels.insert(Label::OutOfOrder);
        return;
    }
    labels.insert(Label::Retransmission);
    // What was acknowledged and comes again nevertheless counts from the latest news.
    let (frame, at) = own
        .unacked
        .front()
        .map_or((own.next_frame, own.next_at), |oldest| {
            (oldest.frame, oldest.at)
        });
    let span = since(segment.at, at);
    verdict.timeout = (span != 0).then_some(Timeout { since: frame, span });
}

/// Rule 12.
fn remember(own: &mut Half, other: &mut Half, segment: &Segment<'_>, verdict: &mut Verdict) {
    let is_probe = verdict.labels.contains(Label::ZeroWindowProbe);
    let end = segment.end();
    if segment.span() != 0 {
        own.remember(segment);
    }
    // What is on the way is not known from a hole on, until the other end speaks.
    own.has_hole |= verdict.labels.contains(Label::LostSegment);
    other.has_hole &= !segment.flags.has(TcpFlags::ACK);
    if segment.len != 0 && !own.has_hole {
        count_in_flight(own, other, segment, verdict);
    }
    if (own.next == 0 || is_before(own.next, end)) && !is_probe {
        own.next = end;
        own.next_at = segment.at;
        own.next_frame = segment.frame;
    }
    if (own.contiguous == 0 || segment.seq == own.contiguous) && !is_probe {
        own.contiguous = own.next;
    }
    own.window = Some(segment.window);
    own.last_ack = segment.ack;
    own.last_at = segment.at;
    own.last_labels = verdict.labels;
    verdict.acks = other.acknowledge(segment.ack, segment.at);
    own.sacked = segment
        .options
        .sack
        .iter()
        .map(|block| block.end.wrapping_sub(block.start))
        .fold(0, u32::wrapping_add);
}

/// What is on the way with this segment.
fn count_in_flight(own: &mut Half, other: &Half, segment: &Segment<'_>, verdict: &mut Verdict) {
    let bytes = own.in_flight(segment, other.sacked);
    own.pushed = if own.was_push {
        segment.len
    } else {
        own.pushed.wrapping_add(segment.len)
    };
    own.was_push = segment.flags.has(TcpFlags::PSH);
    verdict.in_flight = bytes;
    verdict.pushed = bytes.map(|_| own.pushed);
}
