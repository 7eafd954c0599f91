//! Conversations: by what one is known, who stands at which side of it, and what it remembers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::join::Pieces;
use super::state::{self, Side, State};
use super::step::Head;
use super::words::Words;
use crate::flow;
use crate::wire::{Content, Direction, Ip, Summary, TcpFlags, Transport, protocol};

/// By what a conversation is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// By both addresses, the lower one first, and the protocol: that of IP, or an EtherType.
    Addresses {
        protocol: u16,
        low: SocketAddr,
        high: SocketAddr,
    },
    /// By the ports of a message that was never a packet, the lower one first.
    Ports { low: u32, high: u32 },
    /// By the source, session and peer that tell of it.
    Own(usize, u32, u32),
    /// Of packets that nobody is known to have sent.
    Nobody,
}

impl Key {
    pub(super) fn of(protocol: u16, one: SocketAddr, other: SocketAddr) -> Self {
        Self::Addresses {
            protocol,
            low: one.min(other),
            high: one.max(other),
        }
    }
}

/// One end of a conversation, as packets name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Addr(SocketAddr),
    Port(u32),
    Us,
    Them,
}

/// Who sent a packet to whom, in which conversation.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) key: Key,
    pub(super) from: Party,
    pub(super) to: Party,
    /// Whether it answers another one, where the addresses of both ends are the same.
    pub(super) is_answer: bool,
    /// The protocol, for people.
    pub(super) protocol: String,
}

/// An address as packets have it: an IPv4 one is never disguised, and scopes do not count.
pub(super) fn plain(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.to_canonical(), port)
}

/// The EtherType of ARP.
const ARP: u16 = 0x0806;

impl Route {
    /// Finds out of a packet whose it is. An ICMP error belongs to the packet that it is about.
    pub(super) fn of(summary: &Summary, bytes: &[u8]) -> Self {
        match &summary.content {
            Content::Ip(ip) => {
                let error = match ip.transport {
                    Transport::Icmp(icmp) => icmp.embedded,
                    _ => None,
                };
                if let Some(about) = error {
                    let ports = about.ports.unwrap_or_default();
                    let sender = plain(about.source, ports.0);
                    let receiver = plain(about.destination, ports.1);
                    return Self::between(about.protocol.into(), receiver, sender);
                }
                let ports = ip.ports().unwrap_or_default();
                let from = plain(ip.source, ports.0);
                let to = plain(ip.destination, ports.1);
                Self {
                    is_answer: from == to && is_echo_reply(ip),
                    ..Self::between(ip.protocol.into(), from, to)
                }
            }
            Content::Arp(arp) => {
                let from = plain(arp.sender.into(), 0);
                Self::between(ARP, from, plain(arp.target.into(), 0))
            }
            Content::Exported(exported) => {
                let name = exported.protocol.of(bytes);
                let name = String::from_utf8_lossy(name.get(..MOST_NAME).unwrap_or(name));
                let (from, to, key) = match (exported.source_port, exported.destination_port) {
                    (Some(from), Some(to)) if exported.direction == Direction::Unknown => {
                        let (low, high) = (from.min(to), from.max(to));
                        (Party::Port(from), Party::Port(to), Key::Ports { low, high })
                    }
                    (from, to) => {
                        let (from, to) = (from.unwrap_or(0), to.unwrap_or(0));
                        let (low, high) = (from.min(to), from.max(to));
                        let (from, to) = match exported.direction {
                            Direction::In => (Party::Them, Party::Us),
                            Direction::Out | Direction::Unknown => (Party::Us, Party::Them),
                        };
                        (from, to, Key::Ports { low, high })
                    }
                };
                Self {
                    key,
                    from,
                    to,
                    is_answer: false,
                    protocol: name.into_owned(),
                }
            }
            Content::Other(_) | Content::Unknown => Self {
                key: Key::Nobody,
                from: Party::Us,
                to: Party::Them,
                is_answer: false,
                protocol: String::new(),
            },
        }
    }

    fn between(protocol: u16, from: SocketAddr, to: SocketAddr) -> Self {
        Self {
            key: Key::of(protocol, from, to),
            from: Party::Addr(from),
            to: Party::Addr(to),
            is_answer: false,
            protocol: name(protocol),
        }
    }
}

const fn is_echo_reply(ip: &Ip) -> bool {
    match ip.transport {
        Transport::Icmp(icmp) => matches!(
            (ip.source, icmp.kind),
            (IpAddr::V4(_), 0) | (IpAddr::V6(_), 129)
        ),
        _ => false,
    }
}

/// In bytes: what is shown of a name that a file gives.
const MOST_NAME: usize = 32;

fn name(number: u16) -> String {
    const TCP: u16 = protocol::TCP as u16;
    const UDP: u16 = protocol::UDP as u16;
    const ICMP: u16 = protocol::ICMP as u16;
    const ICMPV6: u16 = protocol::ICMPV6 as u16;
    match number {
        TCP => "TCP".to_owned(),
        UDP => "UDP".to_owned(),
        ICMP => "ICMP".to_owned(),
        ICMPV6 => "ICMPv6".to_owned(),
        ARP => "ARP".to_owned(),
        number => format!("IP {number}"),
    }
}

/// What is remembered of a conversation.
pub(super) struct Conversation {
    /// Counted from 1 in the order in which they begin.
    pub(super) number: u64,
    /// When it was touched last, in the ladder's own count.
    pub(super) used: u64,
    pub(super) head: Arc<Head>,
    /// Who stands at the left.
    left: Party,
    /// Which it is for the analysis.
    pub(super) flow: Option<flow::Id>,
    /// Who tells its packets: one source, so that none is drawn twice.
    pub(super) teller: Option<(usize, u32)>,
    pub(super) states: state::Ends,
    /// When it began, in nanoseconds.
    pub(super) first: u64,
    /// When its last packet was seen.
    pub(super) last: Option<u64>,
    pub(super) left_end: Memory,
    pub(super) right_end: Memory,
}

/// What is remembered of an end.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Whether its program tells of its writes.
    pub(super) is_told: bool,
    /// What its program wrote.
    pub(super) writes: Pieces,
    /// What its program read.
    pub(super) reads: Pieces,
    /// The packets that it sent, by their frames.
    pub(super) packets: Pieces,
    /// The window that it told last, scaled.
    pub(super) window: Option<u32>,
    /// The largest segment that it takes.
    pub(super) mss: Option<u16>,
    /// Whether its SYN scaled windows.
    pub(super) scales: bool,
    /// Whether it has sent bytes again.
    pub(super) has_lost: bool,
    /// What it acknowledged last, and how often it did so once more.
    pub(super) duplicates: (u32, u32),
}

impl Conversation {
    /// Begins one with who stands at the left and at the right.
    pub(super) fn new(number: u64, route: &Route, left: Party, at: u64, words: &Words) -> Self {
        let right = if left == route.from {
            route.to
        } else {
            route.from
        };
        let is_one = route.from == route.to;
        Self {
            number,
            used: 0,
            head: Arc::new(Head {
                protocol: route.protocol.clone(),
                left: title(left, words),
                right: title(right, words),
            }),
            left,
            flow: None,
            teller: None,
            states: if is_one {
                state::Ends::of_one()
            } else {
                state::Ends::new()
            },
            first: at,
            last: None,
            left_end: Memory::default(),
            right_end: Memory::default(),
        }
    }

    pub(super) fn side(&self, party: Party) -> Side {
        if party == self.left {
            Side::Left
        } else {
            Side::Right
        }
    }

    /// At which side the sender of a packet stands.
    pub(super) fn sender(&self, route: &Route) -> Side {
        if route.is_answer {
            Side::Right
        } else {
            self.side(route.from)
        }
    }

    pub(super) const fn end(&self, side: Side) -> &Memory {
        match side {
            Side::Left => &self.left_end,
            Side::Right => &self.right_end,
        }
    }

    pub(super) const fn end_mut(&mut self, side: Side) -> &mut Memory {
        match side {
            Side::Left => &mut self.left_end,
            Side::Right => &mut self.right_end,
        }
    }

    /// What an end is called.
    pub(super) fn name(&self, side: Side) -> &str {
        match side {
            Side::Left => &self.head.left,
            Side::Right => &self.head.right,
        }
    }

    /// Whether both ends are done with each other, as far as is known.
    pub(super) fn is_over(&self) -> bool {
        let is_over = |side| {
            matches!(
                self.states.state(side),
                Some(State::Closed | State::TimeWait)
            )
        };
        is_over(Side::Left) && is_over(Side::Right)
    }
}

fn title(party: Party, words: &Words) -> String {
    match party {
        Party::Addr(addr) if addr.port() == 0 => addr.ip().to_string(),
        Party::Addr(addr) => addr.to_string(),
        Party::Port(port) => port.to_string(),
        Party::Us => words.say("this end"),
        Party::Them => words.say("the other end"),
    }
}

/// Who stands at the left of a conversation that begins with this packet: who called, or who speaks
/// first.
pub(super) fn leftmost(route: &Route, summary: &Summary) -> Party {
    let is_to = match (&summary.content, summary.tcp()) {
        (_, Some(tcp)) if tcp.flags.has(TcpFlags::SYN) => tcp.flags.has(TcpFlags::ACK),
        (_, Some(tcp)) => tcp.source_port < tcp.destination_port,
        // An error comes from the end that did not get the packet.
        (Content::Ip(ip), None) => match ip.transport {
            Transport::Icmp(icmp) => icmp.embedded.is_some(),
            _ => false,
        },
        (_, None) => false,
    };
    if is_to { route.to } else { route.from }
}
