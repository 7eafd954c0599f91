//! Which packets a tap wants: as a program for the kernel's socket filter, as an exact judge in user
//! space, and as a filter expression of libpcap.
//!
//! ```text
//!  Wanted ──Program::new──▶ instructions of classic BPF: the kernel throws most others away
//!     ├────matches────────▶ exactly, of a packet that came through
//!     └────Display────────▶ `(tcp and port 7000) or …`, for tools over libpcap
//! ```
//!
//! The law between the two: a program never rejects what the judge wants. It lets more through where
//! the truth is costly to find: behind extension headers, in the later fragments of a packet, and
//! where more is wanted than a small program can hold.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod assemble;
mod generate;
mod judge;
mod prefix;
mod run;
mod show;

use std::net::SocketAddr;

pub use prefix::{ParsePrefixError, Prefix};
pub use run::{Ancillary, run};

use crate::wire::{FiveTuple, protocol};

/// How much of a packet is accepted, in bytes: all of it, for none is so long.
pub const ACCEPT_LEN: u32 = 262_144;

/// Which packets are wanted.
///
/// Errors of ICMP and ICMPv6 are wanted with the packet that they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All of them, of whatever protocol.
    #[default]
    Everything,
    /// Those that a selection describes.
    Selection(Selection),
    /// Those of some conversations, in both directions. Addresses of IPv4 stand as such, not as
    /// IPv6.
    Conversations(Vec<FiveTuple>),
}

/// A description of packets; each part narrows it, and an empty one does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// What they carry.
    pub protocols: Protocols,
    /// One of them is at either end. Only TCP and UDP have ports.
    pub ports: Vec<u16>,
    /// One of them holds the address of either end. Addresses of IPv4 stand as such.
    pub hosts: Vec<Prefix>,
}

/// Which protocols are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocols {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// TCP and UDP.
    Both,
    /// Whatever IP carries.
    #[default]
    Any,
}

impl Protocols {
    /// Whether a protocol, by its number in IP, is among them.
    #[must_use]
    pub const fn contains(self, number: u8) -> bool {
        match self {
            Self::Tcp => number == protocol::TCP,
            Self::Udp => number == protocol::UDP,
            Self::Both => matches!(number, protocol::TCP | protocol::UDP),
            Self::Any => true,
        }
    }
}

impl Wanted {
    /// What goes to or comes from one of several addresses of a service. An address that stands for
    /// all of its machine narrows nothing but the port.
    #[must_use]
    pub fn service(protocols: Protocols, addresses: &[SocketAddr]) -> Self {
        let mut ports: Vec<u16> = addresses.iter().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports.dedup();
        let is_everywhere = addresses
            .iter()
            .any(|address| address.ip().to_canonical().is_unspecified());
        let hosts = match is_everywhere {
            true => Vec::new(),
            false => addresses
                .iter()
                .map(|address| address.ip().into())
                .collect(),
        };
        Self::Selection(Selection {
            protocols,
            ports,
            hosts,
        })
    }

    /// One conversation, in both directions; `number` is that of its protocol in IP.
    #[must_use]
    pub fn conversation(number: u8, one: SocketAddr, other: SocketAddr) -> Self {
        Self::Conversations(vec![FiveTuple {
            source: one.ip().to_canonical(),
            destination: other.ip().to_canonical(),
            protocol: number,
            ports: (one.port(), other.port()),
        }])
    }
}

/// What the bytes begin with that a program looks at, and where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Ethernet's header, with tags of virtual networks or without.
    Ethernet,
    /// What the link layer carries; the kernel tells which protocol that is.
    Cooked,
    /// As [`Layer::Cooked`], from all interfaces at once: of the two copies that a loopback shows of
    /// each packet, the one that leaves is not wanted.
    CookedAny,
}

/// An instruction of classic BPF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions are passed over where a condition holds.
    pub jt: u8,
    /// How many where it does not.
    pub jf: u8,
    /// A number for it.
    pub k: u32,
}

/// A program for the kernel's socket filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    instructions: Vec<Instruction>,
}

impl Program {
    /// A program that accepts what is wanted.
    #[must_use]
    pub fn new(wanted: &Wanted, layer: Layer) -> Self {
        Self {
            instructions: generate::generate(wanted, layer),
        }
    }

    /// Its instructions, 4,096 at most.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has found something"
)]
mod tests;
