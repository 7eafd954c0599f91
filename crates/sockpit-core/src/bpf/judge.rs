//! Whether a packet is wanted, exactly.

use std::net::IpAddr;

use super::{Selection, Wanted};
use crate::wire::{Content, FiveTuple, Icmp, Ip, Summary, Transport, protocol};

/// What decides about a packet, or about one that an ICMP error is about.
struct Facts {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
    /// Whether it is a later fragment, which tells no ports.
    is_later: bool,
}

impl Wanted {
    /// Whether a packet is wanted.
    ///
    /// A later fragment of a packet tells no ports: where it is of a wanted protocol between wanted
    /// hosts, it is wanted.
    #[must_use]
    pub fn matches(&self, summary: &Summary) -> bool {
        if matches!(self, Self::Everything) {
            return true;
        }
        let Content::Ip(ip) = &summary.content else {
            return false;
        };
        self.wants(&Facts::of(ip)) || Facts::embedded(ip).is_some_and(|facts| self.wants(&facts))
    }

    fn wants(&self, facts: &Facts) -> bool {
        match self {
            Self::Everything => true,
            Self::Selection(selection) => selection.wants(facts),
            Self::Conversations(tuples) => tuples.iter().any(|tuple| {
                is_of(tuple, facts.source, facts.destination, facts)
                    || is_of(&tuple.reversed(), facts.source, facts.destination, facts)
            }),
        }
    }
}

impl Selection {
    fn wants(&self, facts: &Facts) -> bool {
        let has_host = |host: IpAddr| self.hosts.iter().any(|prefix| prefix.contains(host));
        let has_port = |(one, other)| self.ports.contains(&one) || self.ports.contains(&other);
        facts.is_protocol(|number| self.protocols.contains(number))
            && (self.hosts.is_empty() || has_host(facts.source) || has_host(facts.destination))
            && (self.ports.is_empty() || facts.ports.map_or(facts.may_have_ports(), has_port))
    }
}

impl Facts {
    fn of(ip: &Ip) -> Self {
        Self {
            source: ip.source,
            destination: ip.destination,
            protocol: ip.protocol,
            ports: ip.ports(),
            is_later: ip.fragment.is_some_and(|fragment| fragment.offset != 0),
        }
    }

    /// Of the packet that an ICMP error is about.
    fn embedded(ip: &Ip) -> Option<Self> {
        let Transport::Icmp(Icmp {
            embedded: Some(embedded),
            ..
        }) = &ip.transport
        else {
            return None;
        };
        Some(Self {
            source: embedded.source,
            destination: embedded.destination,
            protocol: embedded.protocol,
            ports: embedded.ports,
            is_later: false,
        })
    }

    /// Whether the protocol is a wanted one, or cannot be told: a later fragment of IPv6 has the
    /// number of the header that the first begins with.
    fn is_protocol(&self, is_wanted: impl Fn(u8) -> bool) -> bool {
        is_wanted(self.protocol) || self.is_later && self.hides_transport()
    }

    /// Whether there may be ports that are not told.
    fn may_have_ports(&self) -> bool {
        self.is_later
            && (matches!(self.protocol, protocol::TCP | protocol::UDP) || self.hides_transport())
    }

    /// Whether the protocol is a header that another follows.
    fn hides_transport(&self) -> bool {
        match self.source {
            IpAddr::V4(_) => self.protocol == protocol::AUTHENTICATION,
            IpAddr::V6(_) => {
                EXTENSIONS.contains(&self.protocol) || self.protocol == protocol::FRAGMENT
            }
        }
    }
}

/// Whether a packet goes in the direction of a conversation that `tuple` tells.
fn is_of(tuple: &FiveTuple, source: IpAddr, destination: IpAddr, facts: &Facts) -> bool {
    tuple.source == source
        && tuple.destination == destination
        && facts.is_protocol(|number| number == tuple.protocol)
        && facts
            .ports
            .map_or(facts.may_have_ports(), |ports| ports == tuple.ports)
}

/// Headers between IPv6, or IPv4, and the transport, but for that of fragments.
pub(super) const EXTENSIONS: [u8; 7] = [
    protocol::HOP_BY_HOP,
    protocol::ROUTING,
    protocol::AUTHENTICATION,
    protocol::DESTINATION,
    protocol::MOBILITY,
    protocol::HIP,
    protocol::SHIM6,
];
