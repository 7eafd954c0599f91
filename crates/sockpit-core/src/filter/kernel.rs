//! What of a filter the kernel can judge: addresses, ports and protocols.

use super::packet::{PacketTerm, Protocol};
use super::{Filter, Node, NumberField, NumberTest, Term, WordField};
use crate::bpf::{Prefix, Protocols, Selection, Wanted};

/// Ports that a program for the kernel lists at most; of more, it lets every one through.
const MAX_PORTS: u64 = 64;

impl Filter {
    /// Which packets a tap must give so that none is missing which the filter wants. It may give
    /// others too. All of a conversation are among them, as the analysis needs.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        match self.root.narrow() {
            Narrow {
                protocols: Protocols::Any,
                ports: None,
                hosts: None,
            } => Wanted::Everything,
            Narrow {
                protocols,
                ports,
                hosts,
            } => Wanted::Selection(Selection {
                protocols,
                ports: ports.unwrap_or_default(),
                hosts: hosts.unwrap_or_default(),
            }),
        }
    }
}

/// What every wanted packet has. Nothing is known of the others.
#[derive(Clone, Debug)]
struct Narrow {
    protocols: Protocols,
    ports: Option<Vec<u16>>,
    hosts: Option<Vec<Prefix>>,
}

impl Narrow {
    const ALL: Self = Self {
        protocols: Protocols::Any,
        ports: None,
        hosts: None,
    };

    const fn of(protocols: Protocols) -> Self {
        Self {
            protocols,
            ..Self::ALL
        }
    }

    /// What has both. Of two lists the shorter one is taken: a packet has two ends, of which each
    /// may be in another list.
    fn and(self, other: Self) -> Self {
        Self {
            protocols: match (self.protocols, other.protocols) {
                (Protocols::Any | Protocols::Both, it) if it != Protocols::Any => it,
                (it, _) => it,
            },
            ports: shorter(self.ports, other.ports),
            hosts: shorter(self.hosts, other.hosts),
        }
    }

    /// What has one of them.
    fn or(self, other: Self) -> Self {
        Self {
            protocols: match (self.protocols, other.protocols) {
                (Protocols::Any, _) | (_, Protocols::Any) => Protocols::Any,
                (one, other) if one == other => one,
                _ => Protocols::Both,
            },
            ports: both(self.ports, other.ports),
            hosts: both(self.hosts, other.hosts),
        }
    }
}

fn shorter<T>(one: Option<Vec<T>>, other: Option<Vec<T>>) -> Option<Vec<T>> {
    match (one, other) {
        (Some(one), Some(other)) if other.len() < one.len() => Some(other),
        (one, other) => one.or(other),
    }
}

fn both<T: Ord>(one: Option<Vec<T>>, other: Option<Vec<T>>) -> Option<Vec<T>> {
    let (mut one, other) = (one?, other?);
    one.extend(other);
    one.sort_unstable();
    one.dedup();
    Some(one)
}

impl Node {
    fn narrow(&self) -> Narrow {
        match self {
            Self::All(nodes) => nodes
                .iter()
                .map(Self::narrow)
                .fold(Narrow::ALL, Narrow::and),
            Self::Any(nodes) => nodes
                .iter()
                .map(Self::narrow)
                .reduce(Narrow::or)
                .unwrap_or(Narrow::ALL),
            Self::Not(_) => Narrow::ALL,
            Self::Term(term) => term.narrow(),
        }
    }
}

impl Term {
    fn narrow(&self) -> Narrow {
        match self {
            Self::Packet(
                PacketTerm::Protocol(Protocol::Tcp) | PacketTerm::Flag(_) | PacketTerm::Flags(_),
            )
            | Self::Number(NumberField::Seq | NumberField::Ack | NumberField::Window, _)
            | Self::Word(WordField::Label, _) => Narrow::of(Protocols::Tcp),
            Self::Packet(PacketTerm::Protocol(Protocol::Udp)) => Narrow::of(Protocols::Udp),
            Self::Packet(PacketTerm::Port(_, test)) => Narrow {
                ports: ports(test),
                ..Narrow::ALL
            },
            Self::Packet(PacketTerm::Host(_, test)) if !test.is_negative => Narrow {
                hosts: Some(test.prefixes.clone()),
                ..Narrow::ALL
            },
            _ => Narrow::ALL,
        }
    }
}

fn ports(test: &NumberTest) -> Option<Vec<u16>> {
    let NumberTest::In(ranges) = test else {
        return None;
    };
    let count = ranges.iter().fold(0_u64, |sum, (first, last)| {
        sum.saturating_add(last.saturating_sub(*first))
            .saturating_add(1)
    });
    if count > MAX_PORTS {
        return None;
    }
    let ports = ranges.iter().flat_map(|(first, last)| *first..=*last);
    ports.map(|port| u16::try_from(port).ok()).collect()
}
