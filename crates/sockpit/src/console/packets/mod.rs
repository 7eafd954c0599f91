//! Packets for people, a line each:
//!
//! ```text
//! 0.000123  #4  127.0.0.1:40000 → 127.0.0.1:7000  TCP  PSH, ACK  Seq=1 Ack=1 Win=65536 Len=6  "hello\n"
//! ```
//!
//! They are made without an allocation for each packet: a capture has millions.

mod detail;
mod excerpt;
mod number;
mod time;

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use sockpit_core::dissect;
use sockpit_core::event::Direction;
use sockpit_core::flow::{Label, Labels, Mode, Scale, Severity};
use sockpit_core::ladder::Numbers;
use sockpit_core::sighting::Sighting;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::Measured;
use sockpit_core::wire::{Arp, Content, Icmp, Ip, Partial, Tcp, TcpFlags, Transport, protocol};

pub(crate) use time::TimeForm;

use super::Style;
use number::push_number;
use time::Clock;

/// In columns: what comes after the ends of packets is not pushed further to the right than by this.
const WIDEST_ENDS: usize = 72;

/// The same for the numbers of segments.
const WIDEST_NUMBERS: usize = 56;

/// In columns: the numbers of the first packets have as much room as those of the next ones.
const NARROWEST_FRAME: usize = 3;

/// How packets are shown.
#[derive(Clone, Copy)]
pub(crate) struct PacketLook {
    pub(crate) time: TimeForm,
    pub(crate) numbers: Numbers,
    pub(crate) labels: Mode,
    /// What payload is read as; `None` shows digits.
    pub(crate) charset: Option<Charset>,
    /// Whether the bytes are shown beneath the line.
    pub(crate) has_hex: bool,
    /// Whether the fields are shown beneath the line.
    pub(crate) has_tree: bool,
}

/// Writes packets as lines.
pub(crate) struct PacketLines {
    look: PacketLook,
    style: Style,
    clock: Clock,
    /// In columns: the widest number of a packet, ends and numbers of segments so far.
    frame: usize,
    ends: usize,
    numbers: usize,
}

impl PacketLines {
    pub(crate) fn new(look: PacketLook, style: Style) -> Self {
        Self {
            look,
            style,
            clock: Clock::new(look.time),
            frame: NARROWEST_FRAME,
            ends: 0,
            numbers: 0,
        }
    }

    /// Counts times from a moment in nanoseconds since 1970, rather than from the first packet that
    /// is written.
    pub(crate) fn count_from(&mut self, moment: u64) {
        self.clock.count_from(moment);
    }

    /// Appends the line of a packet, which goes `direction` as seen from who opened its
    /// conversation, and what the look has beneath it.
    pub(crate) fn write<'c>(
        &mut self,
        sighting: &Sighting<'_>,
        direction: Option<Direction>,
        comments: impl Iterator<Item = std::borrow::Cow<'c, str>>,
        out: &mut Vec<u8>,
    ) {
        let lost = sighting.packet.facts.dropped_before;
        if lost > 0 {
            let text = detail::loss(lost);
            self.remark(&text, out);
        }
        self.mark("2", out);
        self.clock.write(sighting.packet.at, out);
        out.extend_from_slice(b"  #");
        let start = out.len();
        push_number(sighting.frame, out);
        self.frame = self.frame.max(out.len() - start);
        pad(self.frame.saturating_sub(out.len() - start), out);
        self.unmark(out);
        out.extend_from_slice(b"  ");
        self.between(sighting, direction, out);
        if let Some(vlan) = sighting.summary.vlan {
            out.extend_from_slice(b"  VLAN ");
            push_number(vlan.into(), out);
        }
        self.content(sighting, out);
        let packet = &sighting.packet;
        if packet.bytes.len() < packet.full_len {
            out.extend_from_slice(b"  (");
            push_number(packet.bytes.len() as u64, out);
            out.extend_from_slice(b" bytes of ");
            push_number(packet.full_len as u64, out);
            out.extend_from_slice(b" captured)");
        }
        out.push(b'\n');
        for comment in comments {
            self.remark(&comment, out);
        }
        if self.look.has_tree {
            detail::push_tree(packet, self.style, out);
        }
        if self.look.has_hex {
            detail::push_dump(packet.bytes, out);
        }
    }

    /// Appends what a packet is, without its time and its ends, for a line that has them already.
    pub(crate) fn describe(&mut self, sighting: &Sighting<'_>, out: &mut Vec<u8>) {
        self.content(sighting, out);
        let lost = sighting.packet.facts.dropped_before;
        if lost > 0 {
            let text = detail::loss(lost);
            out.extend_from_slice(b"  ");
            out.extend_from_slice(super::language::say(&text).as_bytes());
        }
    }

    fn remark(&self, text: &str, out: &mut Vec<u8>) {
        let text = super::language::say(text).into_owned();
        let text = format!("    · {}", VisibleLine(&text));
        out.extend_from_slice(self.style.dim(&text).as_bytes());
        out.push(b'\n');
    }

    fn mark(&self, colour: &str, out: &mut Vec<u8>) {
        if self.style.has_colour {
            out.extend_from_slice(b"\x1b[");
            out.extend_from_slice(colour.as_bytes());
            out.push(b'm');
        }
    }

    fn unmark(&self, out: &mut Vec<u8>) {
        if self.style.has_colour {
            out.extend_from_slice(b"\x1b[0m");
        }
    }

    /// Who sent it to whom.
    fn between(
        &mut self,
        sighting: &Sighting<'_>,
        direction: Option<Direction>,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let mut extra = 0;
        let mut arrow = |out: &mut Vec<u8>| {
            let before = out.len();
            out.push(b' ');
            match direction {
                Some(Direction::Out) => self.mark("34", out),
                Some(Direction::In) => self.mark("32", out),
                None => {}
            }
            out.extend_from_slice("→".as_bytes());
            if direction.is_some() {
                self.unmark(out);
            }
            out.push(b' ');
            extra = (out.len() - before).saturating_sub(3);
        };
        match &sighting.summary.content {
            Content::Ip(ip) => match ip.ports() {
                Some((source, destination)) => {
                    number::push_socket(ip.source, source, out);
                    arrow(out);
                    number::push_socket(ip.destination, destination, out);
                }
                None => {
                    number::push_ip(ip.source, out);
                    arrow(out);
                    number::push_ip(ip.destination, out);
                }
            },
            Content::Arp(arp) => {
                number::push_ip(arp.sender.into(), out);
                arrow(out);
                number::push_ip(arp.target.into(), out);
            }
            Content::Exported(message) => {
                exported_end(message.source, message.source_port, out);
                arrow(out);
                exported_end(message.destination, message.destination_port, out);
            }
            Content::Unknown | Content::Other(_) => out.push(b'-'),
        }
        let width = (out.len() - start).saturating_sub(extra);
        self.ends = self.ends.max(width.min(WIDEST_ENDS));
        pad(self.ends.saturating_sub(width), out);
    }

    fn content(&mut self, sighting: &Sighting<'_>, out: &mut Vec<u8>) {
        match &sighting.summary.content {
            Content::Ip(ip) => self.ip(sighting, ip, out),
            Content::Arp(arp) => arp_words(arp, out),
            Content::Exported(message) => {
                out.extend_from_slice(b"  ");
                let name = message.protocol.of(sighting.packet.bytes);
                let name = String::from_utf8_lossy(name);
                let name = if name.is_empty() { "message" } else { &*name };
                // Writing to a vector cannot fail.
                let _ = write!(out, "{}", VisibleLine(name));
                self.payload(sighting, out);
            }
            Content::Other(kind) => {
                let _ = write!(
                    out,
                    "  EtherType {kind:#06x}  {} bytes",
                    sighting.packet.full_len
                );
            }
            Content::Unknown => {
                let _ = write!(out, "  {}  ", sighting.packet.link);
                self.malformed(sighting, out);
            }
        }
    }

    fn ip(&mut self, sighting: &Sighting<'_>, ip: &Ip, out: &mut Vec<u8>) {
        match &ip.transport {
            Transport::Tcp(tcp) => self.tcp(sighting, tcp, out),
            Transport::Udp(_) => {
                out.extend_from_slice(b"  UDP");
                self.payload(sighting, out);
            }
            Transport::Icmp(icmp) => icmp_words(ip.protocol, icmp, out),
            Transport::Partial(partial) => {
                let name: &[u8] = match ip.protocol {
                    protocol::TCP => b"  TCP",
                    _ => b"  UDP",
                };
                out.extend_from_slice(name);
                if let Partial { seq: Some(seq), .. } = partial {
                    out.extend_from_slice(b"  Seq=");
                    push_number((*seq).into(), out);
                    out.extend_from_slice(b" (absolute)");
                }
                out.extend_from_slice(b"  ");
                self.malformed(sighting, out);
            }
            Transport::Other => {
                let _ = match ip.protocol {
                    protocol::TCP => write!(out, "  TCP"),
                    protocol::UDP => write!(out, "  UDP"),
                    protocol::ICMP => write!(out, "  ICMP"),
                    protocol::ICMPV6 => write!(out, "  ICMPv6"),
                    number => write!(out, "  IP protocol {number}"),
                };
                let _ = write!(out, "  Len={}", ip.payload_len);
            }
        }
        if let Some(fragment) = &ip.fragment {
            let _ = write!(
                out,
                "  fragment {:#x}, bytes {}..{}{}",
                ip.identification.unwrap_or(0),
                fragment.offset,
                u64::from(fragment.offset).saturating_add(ip.payload_len as u64),
                if fragment.is_followed {
                    ""
                } else {
                    ", the last"
                }
            );
        }
    }

    fn tcp(&mut self, sighting: &Sighting<'_>, tcp: &Tcp, out: &mut Vec<u8>) {
        out.extend_from_slice(b"  TCP  ");
        self.flags(tcp.flags, out);
        let start = out.len();
        let analysis = sighting.analysis.as_ref();
        let is_ack = tcp.flags.has(TcpFlags::ACK);
        out.extend_from_slice(b"Seq=");
        self.counted(tcp.seq, analysis.map(|it| it.seq), out);
        if is_ack {
            out.extend_from_slice(b" Ack=");
            self.counted(tcp.ack, analysis.map(|it| it.ack), out);
        }
        out.extend_from_slice(b" Win=");
        match analysis {
            Some(analysis) => {
                push_number(analysis.window.into(), out);
                let is_scaled = analysis.scale != Scale::Unknown;
                if !is_scaled && analysis.window > 0 && !tcp.flags.has(TcpFlags::SYN) {
                    out.push(b'?');
                }
            }
            None => push_number(tcp.window.into(), out),
        }
        out.extend_from_slice(b" Len=");
        push_number(tcp.payload_len as u64, out);
        let width = out.len() - start;
        self.numbers = self.numbers.max(width.min(WIDEST_NUMBERS));
        // Where nothing follows, the line has no spaces at its end.
        let padded = out.len();
        pad(self.numbers.saturating_sub(width), out);
        let before = out.len();
        self.beside(sighting, tcp, out);
        excerpt::push(sighting.payload(), tcp.payload_len, self.look.charset, out);
        if out.len() == before {
            out.truncate(padded);
        }
    }

    /// What is to be said of a segment beside its numbers.
    fn beside(&self, sighting: &Sighting<'_>, tcp: &Tcp, out: &mut Vec<u8>) {
        if tcp.flags.has(TcpFlags::SYN) {
            options(tcp, out);
        }
        let Some(analysis) = &sighting.analysis else {
            return;
        };
        if !tcp.options.sack.is_empty() {
            let base = tcp.ack.wrapping_sub(analysis.ack);
            let mut between = "  SACK=";
            for block in tcp.options.sack.iter() {
                let _ = write!(
                    out,
                    "{between}{}..{}",
                    block.start.wrapping_sub(base),
                    block.end.wrapping_sub(base)
                );
                between = ",";
            }
        }
        if let Some(size) = sighting.packet.facts.gso_size
            && usize::from(size) < tcp.payload_len
            && size > 0
        {
            let pieces = tcp.payload_len.div_ceil(size.into());
            let _ = write!(out, "  {pieces}×{size}");
        }
        if let Some(acks) = &analysis.acks {
            out.extend_from_slice(b"  RTT=");
            // Writing to a vector cannot fail.
            let _ = write!(out, "{:#}", Measured(acks.rtt));
        }
        let labels = analysis.labels(self.look.labels);
        if !labels.is_empty() {
            self.labels(labels, analysis.duplicate.map(|it| it.number), out);
        }
    }

    fn labels(&self, labels: Labels, duplicate: Option<u32>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"  ");
        match labels.severity() {
            Some(Severity::Warn | Severity::Error) => self.mark("31", out),
            Some(Severity::Note) => self.mark("33", out),
            _ => self.mark("36", out),
        }
        let mut between = "[";
        for label in labels.iter() {
            out.extend_from_slice(between.as_bytes());
            out.extend_from_slice(label.name().as_bytes());
            if let (Label::DuplicateAck, Some(number)) = (label, duplicate) {
                let _ = write!(out, " {number}");
            }
            between = ", ";
        }
        out.push(b']');
        self.unmark(out);
    }

    /// A number as it is counted from the beginning, as it is in the header, or both.
    fn counted(&self, absolute: u32, relative: Option<u32>, out: &mut Vec<u8>) {
        match (self.look.numbers, relative) {
            (Numbers::Absolute, _) | (_, None) => push_number(absolute.into(), out),
            (Numbers::Relative, Some(relative)) => push_number(relative.into(), out),
            (Numbers::Both, Some(relative)) => {
                push_number(relative.into(), out);
                out.push(b'(');
                push_number(absolute.into(), out);
                out.push(b')');
            }
        }
    }

    fn flags(&self, flags: TcpFlags, out: &mut Vec<u8>) {
        let colour = match flags {
            _ if flags.has(TcpFlags::RST) => Some("31"),
            _ if flags.has(TcpFlags::SYN) => Some("32"),
            _ if flags.has(TcpFlags::FIN) => Some("35"),
            _ => None,
        };
        if let Some(colour) = colour {
            self.mark(colour, out);
        }
        let start = out.len();
        // The usual ones need no search.
        match flags.0 {
            0x10 => out.extend_from_slice(b"ACK"),
            0x18 => out.extend_from_slice(b"PSH, ACK"),
            _ => {
                let _ = write!(out, "{flags}");
            }
        }
        let width = out.len() - start;
        if colour.is_some() {
            self.unmark(out);
        }
        const WIDTH: usize = "PSH, ACK".len() + 2;
        pad(WIDTH.saturating_sub(width).max(2), out);
    }

    /// The length and the beginning of what is no stream.
    fn payload(&self, sighting: &Sighting<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"  Len=");
        push_number(sighting.payload_len() as u64, out);
        excerpt::push(
            sighting.payload(),
            sighting.payload_len(),
            self.look.charset,
            out,
        );
    }

    /// Why it cannot be read.
    fn malformed(&self, sighting: &Sighting<'_>, out: &mut Vec<u8>) {
        self.mark("31", out);
        let text = detail::trouble(&dissect::dissect(&sighting.packet));
        let text = text.unwrap_or_else(|| "unknown".to_owned());
        let _ = write!(out, "{}", VisibleLine(&text));
        self.unmark(out);
    }
}

fn exported_end(address: Option<IpAddr>, port: Option<u32>, out: &mut Vec<u8>) {
    let port = port.and_then(|port| u16::try_from(port).ok());
    match (address, port) {
        (Some(address), Some(port)) => number::push_socket(address, port, out),
        (Some(address), None) => number::push_ip(address, out),
        (None, _) => out.push(b'-'),
    }
}

fn options(tcp: &Tcp, out: &mut Vec<u8>) {
    let options = &tcp.options;
    out.extend_from_slice(b" ");
    let start = out.len();
    if let Some(mss) = options.mss {
        let _ = write!(out, " MSS={mss}");
    }
    if let Some(bits) = options.window_scale {
        let _ = write!(out, " WS={bits}");
    }
    if options.is_sack_permitted {
        out.extend_from_slice(b" SACK_PERM");
    }
    if options.timestamps.is_some() {
        out.extend_from_slice(b" TS");
    }
    if out.len() == start {
        out.truncate(start.saturating_sub(1));
    }
}

fn arp_words(arp: &Arp, out: &mut Vec<u8>) {
    let Arp {
        operation,
        sender,
        target,
    } = arp;
    let _ = match operation {
        1 => write!(out, "  ARP  who has {target}? tell {sender}"),
        2 => write!(out, "  ARP  {sender} is here"),
        other => write!(out, "  ARP  operation {other}"),
    };
}

fn icmp_words(number: u8, icmp: &Icmp, out: &mut Vec<u8>) {
    let is_v6 = number == protocol::ICMPV6;
    let name = if is_v6 { "ICMPv6" } else { "ICMP" };
    let title = dissect::icmp_title(is_v6, icmp.kind, icmp.code);
    let _ = write!(out, "  {name}  {title}");
    if let Some(echo) = icmp.echo {
        let _ = write!(
            out,
            "  id={} seq={} Len={}",
            echo.id, echo.seq, icmp.payload_len
        );
    }
    if let Some(mtu) = icmp.mtu {
        let _ = write!(out, "  MTU={mtu}");
    }
    if let Some(inner) = &icmp.embedded {
        let name = match inner.protocol {
            protocol::TCP => "TCP".to_owned(),
            protocol::UDP => "UDP".to_owned(),
            protocol::ICMP => "ICMP".to_owned(),
            protocol::ICMPV6 => "ICMPv6".to_owned(),
            number => format!("IP protocol {number}"),
        };
        let _ = match inner.ports {
            Some((source, destination)) => write!(
                out,
                "  about {name} {} → {}",
                SocketAddr::new(inner.source, source),
                SocketAddr::new(inner.destination, destination)
            ),
            None => write!(
                out,
                "  about {name} {} → {}",
                inner.source, inner.destination
            ),
        };
    }
}

fn pad(columns: usize, out: &mut Vec<u8>) {
    out.extend(std::iter::repeat_n(b' ', columns));
}

#[cfg(test)]
mod tests;
