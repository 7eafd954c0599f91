//! What is written at the arrow of a packet.

use super::Numbers;
use super::conversation::{Conversation, Memory};
use super::payload;
use super::state::{Mover, Side};
use super::step::{Arrow, ArrowKind, Call, CallKind, Remark, Segment};
use super::words::{self, Words};
use super::{Options, join};
use crate::flow::{Analysis, Label, Labels, Mode, Scale, Severity};
use crate::sighting::Sighting;
use crate::time::Measured;
use crate::wire::{Arp, Content, Exported, Icmp, Ip, Tcp, TcpFlags, Transport};

/// Draws a packet that `from` sent, and lets its conversation remember it.
pub(super) fn arrow(
    sighting: &Sighting<'_>,
    bytes: Option<(u64, u64)>,
    from: Side,
    conversation: &mut Conversation,
    (options, words): (&Options, &Words),
) -> Arrow {
    let mut arrow = Arrow {
        frame: sighting.frame,
        is_leftward: from == Side::Right,
        bytes,
        ..Arrow::default()
    };
    match &sighting.summary.content {
        Content::Ip(ip) => match (&ip.transport, &sighting.analysis) {
            (Transport::Tcp(tcp), Some(analysis)) => {
                arrow.duplicate =
                    duplicate(tcp, analysis, conversation.end_mut(from), options.labels);
                describe_tcp(tcp, analysis, &mut arrow, (options, words));
                arrow.moves = conversation.states.handle(from, &mover(tcp));
                let shown =
                    payload::show(sighting.payload(), sighting.payload_len(), options.charset);
                arrow.payload = shown;
                let end = conversation.end_mut(from);
                end.has_lost |= arrow.kind == ArrowKind::Again;
                remember_tcp(tcp, analysis, end);
            }
            (Transport::Udp(udp), _) => {
                arrow.parts.push("UDP".to_owned());
                arrow.parts.push(format!("Len={}", udp.payload_len));
                arrow.payload =
                    payload::show_both(sighting.payload(), udp.payload_len, options.charset);
            }
            (Transport::Icmp(icmp), _) => describe_icmp(ip, icmp, &mut arrow, words),
            _ => describe_ip(ip, &mut arrow, words),
        },
        Content::Arp(arp) => describe_arp(arp, &mut arrow, words),
        Content::Exported(exported) => {
            describe_exported(sighting, exported, &mut arrow, options);
        }
        Content::Other(number) => {
            arrow.parts.push(format!("EtherType 0x{number:04x}"));
            arrow
                .parts
                .push(format!("Len={}", sighting.packet.full_len));
        }
        Content::Unknown => {
            arrow.parts.push(sighting.packet.link.to_string());
            arrow
                .parts
                .push(format!("Len={}", sighting.packet.full_len));
        }
    }
    let gso = sighting.packet.facts.gso_size.map(usize::from);
    if let Some(size) = gso.filter(|size| *size != 0 && *size < sighting.payload_len()) {
        let count = sighting.payload_len().div_ceil(size);
        let text = words.say(&format!("{count} segments of {size}"));
        arrow.remarks.push(Remark {
            severity: Severity::Chat,
            text,
        });
    }
    let dropped = sighting.packet.facts.dropped_before;
    if dropped != 0 {
        let text = words.say(&format!(
            "packets that the capture lost before it: {dropped}"
        ));
        arrow.remarks.push(Remark {
            severity: Severity::Note,
            text,
        });
    }
    if let Some(range) = bytes.filter(|(start, end)| start < end) {
        arrow.writes = conversation.end(from).writes.span(range);
        let end = conversation.end_mut(from);
        end.packets.push(sighting.frame, range);
    }
    arrow
}

/// The writes that went into a packet, in words.
pub(super) fn writes((first, last): (u64, u64), words: &Words) -> String {
    if first == last {
        words.say(&format!("write {first}"))
    } else {
        words.say(&format!("writes {first}–{last}"))
    }
}

/// What stands at a call beside its name.
pub(super) fn call(call: &Call) -> String {
    let mut text = call.text.clone();
    if !call.frames.is_empty() {
        let sign = match call.kind {
            CallKind::Write => '→',
            _ => '←',
        };
        text = format!("{text} {sign} {}", join::frames(&call.frames));
    }
    if let Some(payload) = &call.payload {
        text.push_str("  ");
        text.push_str(payload);
    }
    text
}

const fn mover(tcp: &Tcp) -> Mover {
    Mover {
        flags: tcp.flags,
        seq: tcp.seq,
        ack: tcp.ack,
        // A payload is part of an IP packet, the longest of which has four bytes of length.
        len: tcp.payload_len as u32,
    }
}

fn remember_tcp(tcp: &Tcp, analysis: &Analysis, end: &mut Memory) {
    if tcp.flags.has(TcpFlags::RST) {
        return;
    }
    if tcp.flags.has(TcpFlags::SYN) {
        end.mss = tcp.options.mss;
        end.scales = tcp.options.window_scale.is_some();
    }
    end.window = Some(analysis.window);
}

/// A sequence number as it is wanted.
pub(super) fn number(relative: u32, absolute: u32, numbers: Numbers) -> String {
    match numbers {
        Numbers::Relative => relative.to_string(),
        Numbers::Absolute => absolute.to_string(),
        Numbers::Both => format!("{relative} ({absolute})"),
    }
}

/// What is noteworthy about a segment, as the labels are wanted.
pub(super) fn labels(analysis: &Analysis, mode: Mode) -> Labels {
    analysis.labels(mode)
}

fn describe_tcp(
    tcp: &Tcp,
    analysis: &Analysis,
    arrow: &mut Arrow,
    (options, words): (&Options, &Words),
) {
    let has_ack = tcp.flags.has(TcpFlags::ACK);
    arrow.segment = Some(Segment {
        flags: tcp.flags,
        seq: analysis.seq,
        ack: has_ack.then_some(analysis.ack),
        window: analysis.window,
        len: tcp.payload_len,
    });
    arrow.parts.push(format!("[{}]", tcp.flags));
    let seq = number(analysis.seq, tcp.seq, options.numbers);
    arrow.parts.push(format!("Seq={seq}"));
    if has_ack {
        let ack = number(analysis.ack, tcp.ack, options.numbers);
        arrow.parts.push(format!("Ack={ack}"));
    }
    arrow.parts.push(format!("Len={}", tcp.payload_len));
    arrow.parts.push(window(tcp, analysis));
    if tcp.flags.has(TcpFlags::URG) {
        arrow.parts.push(format!("Urg={}", tcp.urgent));
    }
    if let Some(mss) = tcp.options.mss {
        arrow.parts.push(format!("MSS={mss}"));
    }
    if let Some(bits) = tcp.options.window_scale {
        arrow.parts.push(format!("WS={bits}"));
    }
    if tcp.options.is_sack_permitted {
        arrow.parts.push("SACK".to_owned());
    }
    if let Some(stamps) = tcp.options.timestamps
        && tcp.flags.has(TcpFlags::SYN)
    {
        arrow
            .parts
            .push(format!("TS={}/{}", stamps.value, stamps.echo));
    }
    let base = tcp.ack.wrapping_sub(analysis.ack);
    for block in tcp.options.sack.iter() {
        let relative = |number: u32| number.wrapping_sub(base);
        let start = number(relative(block.start), block.start, options.numbers);
        let end = number(relative(block.end), block.end, options.numbers);
        arrow.parts.push(format!("SACK={start}–{end}"));
    }
    if let Some(acks) = analysis.acks {
        arrow.parts.push(format!("RTT {}", Measured(acks.rtt)));
    }
    let labels = labels(analysis, options.labels);
    for label in labels.iter() {
        let is_said = label == Label::Retransmission && is_more(labels);
        if is_said && options.labels == Mode::Truth {
            continue;
        }
        let mut text = words.say(words::label(label));
        if let (Label::DuplicateAck, Some(number)) = (label, arrow.duplicate) {
            text = format!("{text} #{number}");
        }
        arrow.remarks.push(Remark {
            severity: label.severity(),
            text,
        });
    }
    let is_again = is_again(labels);
    arrow.kind = match (tcp.flags.has(TcpFlags::RST), is_again) {
        (true, _) => ArrowKind::Broken,
        (false, true) => ArrowKind::Again,
        (false, false) => ArrowKind::Plain,
    };
}

/// Whether a segment was sent before.
fn is_again(labels: Labels) -> bool {
    labels.contains(Label::Retransmission) || is_more(labels)
}

/// Whether it is known better why it was sent again.
fn is_more(labels: Labels) -> bool {
    labels.contains(Label::FastRetransmission) || labels.contains(Label::SpuriousRetransmission)
}

/// Which duplicate acknowledgement a segment is. Wireshark counts only those with the same window.
fn duplicate(tcp: &Tcp, analysis: &Analysis, end: &mut Memory, mode: Mode) -> Option<u32> {
    let is_one = labels(analysis, mode).contains(Label::DuplicateAck);
    if mode == Mode::Wireshark {
        return analysis
            .duplicate
            .map(|duplicate| duplicate.number)
            .filter(|_| is_one);
    }
    let (last, count) = &mut end.duplicates;
    if *last != tcp.ack {
        (*last, *count) = (tcp.ack, 0);
    }
    *count = count.saturating_add(u32::from(is_one));
    is_one.then_some(*count)
}

/// The window as it counts, and as it stands in the header where that is another number.
fn window(tcp: &Tcp, analysis: &Analysis) -> String {
    let raw = u32::from(tcp.window);
    if analysis.window == raw {
        return format!("Win={raw}");
    }
    match analysis.scale {
        Scale::Shift(bits) => {
            let factor = 1_u32.wrapping_shl(bits.into());
            format!("Win={} ({raw}×{factor})", analysis.window)
        }
        Scale::Unknown | Scale::Unused => format!("Win={} ({raw})", analysis.window),
    }
}

fn describe_icmp(ip: &Ip, icmp: &Icmp, arrow: &mut Arrow, words: &Words) {
    let is_v6 = ip.source.is_ipv6();
    arrow
        .parts
        .push(if is_v6 { "ICMPv6" } else { "ICMP" }.to_owned());
    arrow
        .parts
        .push(match words::icmp(is_v6, icmp.kind, icmp.code) {
            Some(text) => words.say(text),
            None => format!("type={} code={}", icmp.kind, icmp.code),
        });
    if let Some(mtu) = icmp.mtu {
        arrow.parts.push(format!("MTU={mtu}"));
    }
    if let Some(echo) = icmp.echo {
        arrow.parts.push(format!("id={}", echo.id));
        arrow.parts.push(format!("seq={}", echo.seq));
        arrow.parts.push(format!("Len={}", icmp.payload_len));
    }
    if let Some(about) = icmp.embedded {
        arrow.kind = ArrowKind::Broken;
        if about.source == ip.destination && about.destination != ip.source {
            let source = ip.source;
            arrow
                .parts
                .push(words.say(&format!("from router {source}")));
        }
        let total = about.total_len;
        let text = words.say(&format!("about a packet of {total} bytes"));
        arrow.remarks.push(Remark {
            severity: Severity::Warn,
            text,
        });
    }
}

fn describe_ip(ip: &Ip, arrow: &mut Arrow, words: &Words) {
    arrow.parts.push(match ip.source.is_ipv6() {
        true => "IPv6".to_owned(),
        false => "IPv4".to_owned(),
    });
    match ip.fragment {
        Some(fragment) => {
            let offset = fragment.offset;
            arrow
                .parts
                .push(words.say(&format!("fragment from byte {offset}")));
        }
        None => arrow.parts.push(format!("protocol={}", ip.protocol)),
    }
    arrow.parts.push(format!("Len={}", ip.payload_len));
}

fn describe_arp(arp: &Arp, arrow: &mut Arrow, words: &Words) {
    const QUESTION: u16 = 1;
    arrow.parts.push("ARP".to_owned());
    let (sender, target) = (arp.sender, arp.target);
    arrow.parts.push(if arp.operation == QUESTION {
        words.say(&format!("who has {target}?"))
    } else {
        words.say(&format!("{sender} is here"))
    });
}

fn describe_exported(
    sighting: &Sighting<'_>,
    exported: &Exported,
    arrow: &mut Arrow,
    options: &Options,
) {
    arrow.parts.push(format!("Len={}", exported.payload_len));
    arrow.payload = payload::show(sighting.payload(), exported.payload_len, options.charset);
}
