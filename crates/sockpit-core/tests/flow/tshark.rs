//! What tshark says about each frame of a capture, and what we say in its words.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::Command;

use sockpit_core::flow::{
    Analyser, Analysis, Completeness, Content, Id, Label, Mode, Scale, Segment, Settings,
};

use sockpit_core::wire::TcpFlags;

use super::capture::{self, Packet};

/// The fields that are compared, one column each.
pub(crate) const FIELDS: [&str; 31] = [
    "frame.number",
    "tcp.stream",
    "tcp.seq",
    "tcp.ack",
    "tcp.window_size",
    "tcp.window_size_scalefactor",
    "tcp.completeness",
    "tcp.analysis.reused_ports",
    "tcp.analysis.zero_window_probe",
    "tcp.analysis.zero_window",
    "tcp.analysis.lost_segment",
    "tcp.analysis.keep_alive",
    "tcp.analysis.window_update",
    "tcp.analysis.window_full",
    "tcp.analysis.keep_alive_ack",
    "tcp.analysis.zero_window_probe_ack",
    "tcp.analysis.duplicate_ack",
    "tcp.analysis.ack_lost_segment",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.retransmission",
    "tcp.analysis.duplicate_ack_num",
    "tcp.analysis.duplicate_ack_frame",
    "tcp.analysis.acks_frame",
    "tcp.analysis.ack_rtt",
    "tcp.analysis.initial_rtt",
    "tcp.analysis.rto",
    "tcp.analysis.rto_frame",
    "tcp.analysis.bytes_in_flight",
    "tcp.analysis.push_bytes_sent",
];

/// The column of `tcp.analysis.initial_rtt`.
const INITIAL_RTT: usize = 26;

/// Labels in the order of their columns, the first of which is the eighth.
const LABELS: [Label; 15] = [
    Label::ReusedPorts,
    Label::ZeroWindowProbe,
    Label::ZeroWindow,
    Label::LostSegment,
    Label::KeepAlive,
    Label::WindowUpdate,
    Label::WindowFull,
    Label::KeepAliveAck,
    Label::ZeroWindowProbeAck,
    Label::DuplicateAck,
    Label::AckLostSegment,
    Label::SpuriousRetransmission,
    Label::FastRetransmission,
    Label::OutOfOrder,
    Label::Retransmission,
];

/// Asks tshark.
pub(crate) fn ask(file: &Path) -> io::Result<String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(file);
    command.args(["-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output()?;
    Ok(String::from_utf8(output.stdout).unwrap())
}

/// Says the same in our own words.
pub(crate) fn tell(packets: &[Packet]) -> String {
    let mut analyser = Analyser::new(Settings {
        content: Content::Ignored,
        limit: usize::MAX,
        ..Settings::default()
    });
    let mut text = String::new();
    let mut complete = BTreeMap::new();
    for (frame, packet) in (1..).zip(packets) {
        match capture::segment(frame, packet) {
            Some(segment) => {
                let analysis = analyser.handle(&segment);
                let told = complete_as_told(&mut complete, &segment, &analysis);
                let is_syn = segment.flags.has(TcpFlags::SYN);
                line(&mut text, frame, &analysis, told, is_syn);
            }
            None => {
                write!(text, "{frame}{}", "|".repeat(FIELDS.len() - 1)).unwrap();
            }
        }
        text.push('\n');
    }
    text
}

/// Of a frame tshark tells what was complete before it, unless its ports had a conversation before.
/// A SYN counts only as the first frame, and the first frame only as a SYN, unless the ports are
/// used again.
fn complete_as_told(
    complete: &mut BTreeMap<Id, Completeness>,
    segment: &Segment<'_>,
    analysis: &Analysis,
) -> Completeness {
    let adds = Completeness::of(segment);
    let is_syn = adds.contains(Completeness::SYN);
    let is_reused = analysis
        .labels(Mode::Wireshark)
        .contains(Label::ReusedPorts);
    let known = complete.get(&analysis.conversation).copied();
    let mut next = known.unwrap_or_default();
    match known {
        None if is_syn && is_reused => next |= adds,
        None if is_syn => next |= Completeness::SYN,
        None => {}
        Some(_) if is_syn => next |= Completeness(adds.0 & !Completeness::SYN.0),
        Some(_) => next |= adds,
    }
    complete.insert(analysis.conversation, next);
    match known {
        None if is_reused => Completeness::SYN,
        known => known.unwrap_or_default(),
    }
}

fn line(text: &mut String, frame: u64, analysis: &Analysis, told: Completeness, is_syn: bool) {
    let mut columns = vec![
        frame.to_string(),
        analysis.conversation.number().to_string(),
        analysis.seq.to_string(),
        analysis.ack.to_string(),
        analysis.window.to_string(),
        match analysis.scale {
            _ if is_syn => String::new(),
            Scale::Unknown => "-1".to_owned(),
            Scale::Unused => "-2".to_owned(),
            Scale::Shift(bits) => (1u32 << bits).to_string(),
        },
        told.0.to_string(),
    ];
    let labels = analysis.labels(Mode::Wireshark);
    columns.extend(LABELS.map(|label| if labels.contains(label) { "1" } else { "" }.to_owned()));
    let number = |number: Option<u64>| number.map_or_else(String::new, |n| n.to_string());
    let span = |span: Option<i64>| span.map_or_else(String::new, seconds);
    columns.extend([
        number(analysis.duplicate.map(|duplicate| duplicate.number.into())),
        number(analysis.duplicate.map(|duplicate| duplicate.of)),
        number(analysis.acks.map(|acks| acks.frame)),
        span(analysis.acks.map(|acks| acks.rtt).filter(|rtt| *rtt != 0)),
        span(analysis.initial_rtt),
        span(analysis.timeout.map(|timeout| timeout.span)),
        number(analysis.timeout.map(|timeout| timeout.since)),
        number(analysis.in_flight.map(Into::into)),
        number(analysis.pushed.map(Into::into)),
    ]);
    text.push_str(&columns.join("|"));
}

fn seconds(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    format!(
        "{sign}{}.{:09}",
        nanos / 1_000_000_000,
        nanos % 1_000_000_000
    )
}

/// Whether two lines tell the same. tshark tells the initial round trip on some frames only.
fn is_same(theirs: &str, ours: &str) -> bool {
    let mut columns = theirs.split('|').zip(ours.split('|')).enumerate();
    theirs == ours
        || columns.all(|(index, (theirs, ours))| {
            theirs == ours || index == INITIAL_RTT && theirs.is_empty()
        })
}

/// The frames about which the two differ, the first few spelt out.
pub(crate) fn differences(theirs: &str, ours: &str) -> (usize, String) {
    let mut count = 0;
    let mut report = String::new();
    for (theirs, ours) in theirs.lines().zip(ours.lines()) {
        if is_same(theirs, ours) {
            continue;
        }
        count += 1;
        if 10 < count {
            continue;
        }
        for ((field, theirs), ours) in FIELDS.iter().zip(theirs.split('|')).zip(ours.split('|')) {
            if theirs != ours || *field == "frame.number" {
                write!(report, "{field}: tshark `{theirs}`, ours `{ours}`; ").unwrap();
            }
        }
        report.push('\n');
    }
    let (theirs, ours) = (theirs.lines().count(), ours.lines().count());
    if theirs != ours {
        count += theirs.abs_diff(ours);
        writeln!(report, "tshark has {theirs} frames, we have {ours}").unwrap();
    }
    (count, report)
}
