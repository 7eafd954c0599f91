//! What filters say of packets.

use std::fmt;

use super::{
    Clock, Comparison, Flag, Node, NumberField, NumberTest, Term, TextField, TextTest, WordField,
    WordTest,
};
use crate::bpf::Prefix;
use crate::event::Direction;
use crate::flow::{Label, Labels};
use crate::rule::pattern::Message;
use crate::sighting::Sighting;
use crate::wire::{Content, Icmp, Ip, TcpFlags, Transport, protocol};

/// A packet as a filter looks at it, whether an event brought it or a capture file.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// What was seen.
    pub sighting: &'a Sighting<'a>,
    /// Its place in the timeline, or in the capture.
    pub number: u64,
    /// When, in nanoseconds since the beginning that `clock` tells.
    pub time: i128,
    /// What its time is counted from.
    pub clock: Clock,
    /// The session that it belongs to.
    pub session: u32,
    /// The peer that it belongs to.
    pub peer: u32,
    /// Which way it went, where that is known.
    pub direction: Option<Direction>,
    /// The place of its first byte of payload in its direction's stream, where that is known.
    pub offset: Option<u64>,
    /// The number of its conversation among those of its protocol, where that is known.
    pub conversation: Option<u64>,
    /// What is noteworthy about it.
    pub labels: Labels,
    /// The address of its peer, where it is known.
    pub addr: Option<&'a str>,
    /// The text of its payload, where somebody decoded it.
    pub text: Option<&'a str>,
}

/// One statement about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PacketTerm {
    Protocol(Protocol),
    /// One of the flags of TCP.
    Flag(TcpFlags),
    /// The flags as they are shown.
    Flags(TextTest),
    Port(Side, NumberTest),
    Host(Side, HostTest),
}

/// Which packets a word such as `tcp` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Icmp6,
    Arp,
    Ip4,
    Ip6,
    Vlan,
    Fragment,
}

/// Which of the two ends of a packet is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Either,
    Source,
    Destination,
}

/// One of several networks, or none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostTest {
    pub(super) prefixes: Vec<Prefix>,
    pub(super) is_negative: bool,
}

/// Flags with their words; `ack` with a number after it is the number.
pub(super) const FLAGS: [(&str, TcpFlags); 9] = [
    ("syn", TcpFlags::SYN),
    ("fin", TcpFlags::FIN),
    ("rst", TcpFlags::RST),
    ("ack", TcpFlags::ACK),
    ("push", TcpFlags::PSH),
    ("urg", TcpFlags::URG),
    ("ece", TcpFlags::ECE),
    ("cwr", TcpFlags::CWR),
    ("psh", TcpFlags::PSH),
];

impl Node {
    /// Whether the packet is wanted.
    pub(super) fn holds_for(&self, packet: &Passing<'_>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds_for(packet)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds_for(packet)),
            Self::Not(node) => !node.holds_for(packet),
            Self::Term(term) => term.holds_for(packet),
        }
    }
}

impl Term {
    fn holds_for(&self, packet: &Passing<'_>) -> bool {
        match self {
            Self::Direction(wanted) => packet.direction == Some(*wanted),
            Self::Event(name) => *name == "packet",
            Self::Flag(flag) => packet.has(*flag),
            Self::Number(field, test) => packet
                .number_of(*field)
                .is_some_and(|number| test.holds(number)),
            Self::Text(TextField::Text, test) | Self::Said(test) => {
                packet.message().is_some_and(|message| test.holds(message))
            }
            Self::Text(TextField::Addr, test) => {
                packet.addr.is_some_and(|addr| test.holds_for(addr))
            }
            Self::Hex(test) => packet.message().is_some_and(|message| {
                test.holds(Message {
                    text: None,
                    ..message
                })
            }),
            Self::Word(WordField::Label, test) => {
                packet.sighting.analysis.is_some() && packet.has_label_of(test)
            }
            Self::Text(TextField::Local | TextField::Message, _)
            | Self::Word(WordField::Kind | WordField::Reason, _) => false,
            Self::At(test) => test.holds(packet.time, packet.clock),
            Self::Packet(term) => term.holds(packet),
        }
    }
}

impl Passing<'_> {
    fn has(&self, flag: Flag) -> bool {
        let seen = &self.sighting.packet;
        match flag {
            Flag::Partial => false,
            Flag::Truncated => seen.bytes.len() < seen.full_len,
            Flag::Malformed => match &self.sighting.summary.content {
                Content::Unknown => true,
                // What was not captured is not nonsense.
                Content::Ip(ip) => {
                    matches!(ip.transport, Transport::Partial(_))
                        && seen.bytes.len() == seen.full_len
                }
                _ => false,
            },
        }
    }

    fn has_label_of(&self, test: &WordTest) -> bool {
        let mut labels = self.labels.iter();
        let has_one = labels.any(|label| test.words.iter().any(|word| word == label.name()));
        has_one != test.is_negative
    }

    fn number_of(&self, field: NumberField) -> Option<u64> {
        let tcp = self.sighting.summary.tcp();
        let analysis = self.sighting.analysis.as_ref();
        match field {
            NumberField::Peer => Some(self.peer.into()),
            NumberField::Session => Some(self.session.into()),
            NumberField::Number => Some(self.number),
            NumberField::Len => {
                let has_payload = tcp.is_some()
                    || self.sighting.summary.udp().is_some()
                    || matches!(self.sighting.summary.content, Content::Exported(_));
                has_payload.then_some(self.sighting.payload_len() as u64)
            }
            NumberField::Offset => self.offset,
            NumberField::Conversation => self.conversation,
            NumberField::Seq => analysis.map(|it| it.seq.into()),
            NumberField::Ack => analysis
                .filter(|_| tcp.is_some_and(|tcp| tcp.flags.has(TcpFlags::ACK)))
                .map(|it| it.ack.into()),
            NumberField::Window => analysis.map(|it| it.window.into()),
            NumberField::Count => None,
        }
    }

    /// The payload, if there is any.
    fn message(&self) -> Option<Message<'_>> {
        let bytes = self.sighting.payload();
        (!bytes.is_empty()).then_some(Message {
            bytes,
            text: self.text,
        })
    }
}

impl PacketTerm {
    fn holds(&self, packet: &Passing<'_>) -> bool {
        let summary = &packet.sighting.summary;
        match self {
            Self::Protocol(Protocol::Arp) => matches!(summary.content, Content::Arp(_)),
            Self::Protocol(Protocol::Vlan) => summary.vlan.is_some(),
            Self::Protocol(wanted) => summary.ip().is_some_and(|ip| wanted.is_of(ip)),
            Self::Flag(flag) => summary.tcp().is_some_and(|tcp| tcp.flags.has(*flag)),
            Self::Flags(test) => summary
                .tcp()
                .is_some_and(|tcp| test.holds_for(&tcp.flags.to_string())),
            Self::Port(side, test) => summary.ip().is_some_and(|ip| {
                let outer = ip.ports();
                let inner = icmp_of(ip).and_then(|icmp| icmp.embedded?.ports);
                outer.or(inner).is_some_and(|ports| {
                    side.holds(ports, test.is_negative(), |port| test.holds(port.into()))
                })
            }),
            Self::Host(side, test) => {
                let holds = |pair| {
                    let is_in = |address| test.prefixes.iter().any(|it| it.contains(address));
                    let is_wanted = |address| is_in(address) != test.is_negative;
                    side.holds(pair, test.is_negative, is_wanted)
                };
                match &summary.content {
                    Content::Ip(ip) => {
                        let inner = icmp_of(ip).and_then(|icmp| icmp.embedded);
                        let inner = inner.map(|it| (it.source, it.destination));
                        let outer = holds((ip.source, ip.destination));
                        match inner {
                            Some(inner) if test.is_negative => outer && holds(inner),
                            Some(inner) => outer || holds(inner),
                            None => outer,
                        }
                    }
                    Content::Arp(arp) => holds((arp.sender.into(), arp.target.into())),
                    Content::Exported(it) => match (it.source, it.destination) {
                        (Some(source), Some(destination)) => holds((source, destination)),
                        _ => false,
                    },
                    Content::Unknown | Content::Other(_) => false,
                }
            }
        }
    }
}

fn icmp_of(ip: &Ip) -> Option<&Icmp> {
    match &ip.transport {
        Transport::Icmp(icmp) => Some(icmp),
        _ => None,
    }
}

impl Side {
    /// Whether what is said holds for the end that is meant. For either end it has to hold for one
    /// of them; where it says what an end is not, for both.
    fn holds<T>(
        self,
        (source, destination): (T, T),
        is_negative: bool,
        test: impl Fn(T) -> bool,
    ) -> bool {
        match self {
            Self::Source => test(source),
            Self::Destination => test(destination),
            Self::Either if is_negative => test(source) && test(destination),
            Self::Either => test(source) || test(destination),
        }
    }

    /// As it stands before `port` or `host`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Either => "",
            Self::Source => "src ",
            Self::Destination => "dst ",
        }
    }
}

impl NumberTest {
    pub(super) fn holds(&self, number: u64) -> bool {
        match self {
            Self::In(ranges) => ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&number)),
            Self::Compare(comparison, wanted) => comparison.holds(number, *wanted),
        }
    }

    const fn is_negative(&self) -> bool {
        matches!(self, Self::Compare(Comparison::Differs, _))
    }
}

impl Protocol {
    pub(super) const ALL: [Self; 9] = [
        Self::Tcp,
        Self::Udp,
        Self::Icmp,
        Self::Icmp6,
        Self::Arp,
        Self::Ip4,
        Self::Ip6,
        Self::Vlan,
        Self::Fragment,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmp6 => "icmp6",
            Self::Arp => "arp",
            Self::Ip4 => "ip4",
            Self::Ip6 => "ip6",
            Self::Vlan => "vlan",
            Self::Fragment => "fragment",
        }
    }

    const fn is_of(self, ip: &Ip) -> bool {
        match self {
            Self::Tcp => ip.protocol == protocol::TCP,
            Self::Udp => ip.protocol == protocol::UDP,
            Self::Icmp => matches!(ip.protocol, protocol::ICMP | protocol::ICMPV6),
            Self::Icmp6 => ip.protocol == protocol::ICMPV6,
            Self::Ip4 => ip.source.is_ipv4(),
            Self::Ip6 => ip.source.is_ipv6(),
            Self::Fragment => ip.fragment.is_some(),
            Self::Arp | Self::Vlan => false,
        }
    }
}

/// The label of that name.
pub(super) fn label(name: &str) -> Option<Label> {
    Label::ALL.into_iter().find(|label| label.name() == name)
}

impl fmt::Display for PacketTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(protocol) => f.write_str(protocol.as_str()),
            Self::Flag(flag) => {
                let word = FLAGS.iter().find(|(_, known)| known == flag);
                f.write_str(word.map_or("", |(word, _)| word))
            }
            Self::Flags(test) => write!(f, "flags {test}"),
            Self::Port(side, test) => {
                write!(f, "{}port ", side.as_str())?;
                match test {
                    NumberTest::In(ranges) => super::show::ranges(f, ranges),
                    NumberTest::Compare(comparison, number) => {
                        write!(f, "{} {number}", comparison.as_str())
                    }
                }
            }
            Self::Host(side, test) => {
                let sign = if test.is_negative { "!= " } else { "" };
                write!(f, "{}host {sign}", side.as_str())?;
                for (index, prefix) in test.prefixes.iter().enumerate() {
                    let between = if index > 0 { "," } else { "" };
                    write!(f, "{between}{prefix}")?;
                }
                Ok(())
            }
        }
    }
}
