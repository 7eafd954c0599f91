//! From a place to an interface, or to all of them.

use std::fs;
use std::net::IpAddr;

use sockpit_core::bpf::{ACCEPT_LEN, Layer, Wanted};
use sockpit_core::pcap::Interface;
use sockpit_core::wire::LinkType;
use sockpit_sys::route::{self, Link};

use super::{Place, Refusal};

/// Where a capture listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    One {
        index: u32,
        name: String,
        kind: Kind,
    },
    Any,
}

/// What an interface's packets begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ethernet,
    /// Ethernet's header without its meaning; each packet leaves and comes back.
    Loopback,
    Other,
}

/// What `any` is called by all tools.
const ANY: &str = "any";

impl Spot {
    pub(super) fn find(place: &Place) -> Result<Self, Refusal> {
        let links = route::links().map_err(|error| Refusal::failed(&error))?;
        let loopback = || links.iter().find(|link| link.is_loopback);
        match place {
            Place::Named(name) if name == ANY => Ok(Self::Any),
            Place::Named(name) => match links.iter().find(|link| link.name == *name) {
                Some(link) => Ok(Self::of(link)),
                None => Err(Refusal::no_interface(name, &links)),
            },
            Place::At(addresses) if addresses.iter().all(is_loopback) && !addresses.is_empty() => {
                Ok(loopback().map_or(Self::Any, Self::of))
            }
            Place::At(_) | Place::Any => Ok(Self::Any),
            Place::To(addresses) => {
                let mut ways: Vec<Option<u32>> = addresses.iter().map(interface_to).collect();
                ways.sort_unstable();
                ways.dedup();
                let only = match ways[..] {
                    [Some(index)] => links.iter().find(|link| link.index == index),
                    _ => None,
                };
                Ok(only.map_or(Self::Any, Self::of))
            }
        }
    }

    fn of(link: &Link) -> Self {
        Self::One {
            index: link.index,
            name: link.name.clone(),
            kind: match link.hardware {
                LOOPBACK => Kind::Loopback,
                ETHERNET => Kind::Ethernet,
                _ => Kind::Other,
            },
        }
    }

    /// The number of the interface, `None` for all.
    pub(super) fn index(&self) -> Option<u32> {
        match self {
            Self::One { index, .. } => Some(*index),
            Self::Any => None,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::One { name, .. } => name,
            Self::Any => ANY,
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        matches!(
            self,
            Self::One {
                kind: Kind::Loopback,
                ..
            }
        )
    }

    /// Where the filter's program begins to look.
    pub(super) fn layer(&self) -> Layer {
        match self {
            Self::One {
                kind: Kind::Other, ..
            } => Layer::Cooked,
            Self::One { .. } => Layer::Ethernet,
            Self::Any => Layer::CookedAny,
        }
    }

    /// What packets begin with, as we give them: where there is no Ethernet, the header that libpcap
    /// makes for such captures as well.
    pub(super) fn link(&self) -> LinkType {
        match self.layer() {
            Layer::Ethernet => LinkType::ETHERNET,
            Layer::Cooked | Layer::CookedAny => LinkType::SLL2,
        }
    }

    /// What a capture file tells of it.
    pub(super) fn interface(&self, wanted: &Wanted) -> Interface {
        Interface {
            snap_len: ACCEPT_LEN,
            filter: wanted.to_string(),
            os: system(),
            ..Interface::new(self.link(), self.name())
        }
    }
}

/// By which interface packets to an address leave, if there is a way.
fn interface_to(address: &IpAddr) -> Option<u32> {
    let address = address.to_canonical();
    // Whoever names all addresses of a machine means this one.
    let target = match address {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        other => other,
    };
    route::route_to(target, 0).ok()?.index
}

fn is_loopback(address: &IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The system and its version, such as `Linux 6.18.0`; empty where it does not say.
pub(super) fn system() -> String {
    let read = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim().to_owned()
    };
    format!("{} {}", read("ostype"), read("osrelease"))
        .trim()
        .to_owned()
}

/// Kinds of hardware by the numbers of ARP.
const ETHERNET: u16 = 1;
pub(super) const LOOPBACK: u16 = 772;
