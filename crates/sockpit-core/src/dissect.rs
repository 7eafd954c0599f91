//! The detailed view of a packet: every field with its place and its value as text.
//!
//! ```text
//!  Internet Protocol Version 4   127.0.0.1 → 127.0.0.1             14..34
//!    Total Length                60                                16..18
//!    Header Checksum             0x3cba, good                      24..26
//!  Transmission Control Protocol 40000 → 7000, SYN                 34..74
//! ```
//!
//! Names are those of the RFCs. Nonsense is a node that says so, and the fields around it go on as
//! far as they can. A packet makes at most [`NODE_LIMIT`] nodes, [`DEPTH_LIMIT`] deep.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod exported;
mod icmp;
mod ip;
mod link;
mod tcp;
mod tree;

use std::borrow::Cow;
use std::fmt;

use crate::wire::checksum::Verdict;
use crate::wire::link::{ARP, Carries, IPV4, IPV6};
use crate::wire::{Direction, Packet, Span, Summary};
use tree::Tree;

/// So many nodes a packet makes at most.
pub const NODE_LIMIT: usize = 10_000;
/// So many nodes lie within one another at most.
pub const DEPTH_LIMIT: usize = 32;

/// A field, or a header with its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is, in the words of its standard.
    pub name: Cow<'static, str>,
    /// What it says, on one line, fit for a terminal.
    pub value: String,
    /// Where it lies in the captured bytes; what was computed has an empty place.
    pub span: Span,
    /// What is to be noticed about it.
    pub mark: Mark,
    /// Its parts.
    pub children: Vec<Self>,
}

/// What is to be noticed about a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Nothing.
    #[default]
    Plain,
    /// What follows was on the wire, but not captured, or is more than is shown.
    Cut,
    /// It is not what it should be, such as a wrong checksum.
    Wrong,
    /// It cannot be read as what it claims to be.
    Malformed,
}

impl fmt::Display for Node {
    /// The node and its parts, a line each, two spaces for each level.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(0, f)
    }
}

impl Node {
    fn write(&self, indent: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, value, span, ..
        } = self;
        let Span { start, end } = span;
        write!(f, "{:indent$}{name}", "")?;
        if !value.is_empty() {
            write!(f, ": {value}")?;
        }
        writeln!(f, " [{start}..{end}]")?;
        self.children
            .iter()
            .try_for_each(|child| child.write(indent.saturating_add(2), f))
    }
}

/// Takes a packet apart.
#[must_use]
pub fn dissect(packet: &Packet<'_>) -> Vec<Node> {
    let mut tree = Tree::new(packet);
    frame(&mut tree, packet);
    if let Some((carries, view)) = link::dissect(&mut tree, packet.link) {
        match carries {
            Carries::EtherType(IPV4) => ip::v4(&mut tree, view),
            Carries::EtherType(IPV6) => ip::v6(&mut tree, view),
            Carries::EtherType(ARP) => link::arp(&mut tree, view),
            Carries::Ip => ip::either(&mut tree, view),
            Carries::Exported => exported::dissect(&mut tree, view),
            Carries::EtherType(_) | Carries::Unknown => tree.data(view),
        };
    }
    tree.finish()
}

/// What an ICMP message says, in words: `Destination Unreachable: Port Unreachable`.
#[must_use]
pub fn icmp_title(is_v6: bool, kind: u8, code: u8) -> String {
    icmp::title(is_v6, kind, code)
}

/// What the tap says of the packet.
fn frame(tree: &mut Tree<'_>, packet: &Packet<'_>) {
    let Packet {
        at,
        link,
        bytes,
        full_len,
        facts,
    } = *packet;
    let len = bytes.len();
    let size = match len < full_len {
        true => format!("{link}, {len} bytes of {full_len} captured"),
        false => format!("{link}, {len} bytes"),
    };
    let view = tree.whole();
    tree.within("Frame", size, view, |tree| {
        let nowhere = view.limit(0);
        if at != 0 {
            let time = jiff::Timestamp::from_nanosecond(at.into());
            let time = time.map_or_else(|_| at.to_string(), |time| format!("{time:.9}"));
            tree.add("Arrival Time", time, nowhere);
        }
        tree.add("Interface", facts.interface.to_string(), nowhere);
        match facts.direction {
            Direction::Unknown => {}
            Direction::In => tree.add("Direction", "in", nowhere),
            Direction::Out => tree.add("Direction", "out", nowhere),
        }
        if facts.is_checksum_unfilled {
            tree.add("Checksum", "left to the network card", nowhere);
        }
        if let Some(size) = facts.gso_size {
            let payload = Summary::of(packet).tcp().map_or(0, |tcp| tcp.payload_len);
            let pieces = payload.div_ceil(usize::from(size).max(1));
            let value = match pieces {
                0 | 1 => format!("into pieces of {size} bytes"),
                _ => format!("{payload} bytes into {pieces} pieces of {size} bytes"),
            };
            tree.add("Segmentation left to the network card", value, nowhere);
        }
        if facts.dropped_before != 0 {
            let lost = facts.dropped_before.to_string();
            tree.add("Packets lost by the tap before", lost, nowhere);
        }
        Some(())
    });
}

/// A checksum with what is to be said of it.
fn checksum(stated: u16, verdict: Verdict) -> (String, Mark) {
    match verdict {
        Verdict::Good => (format!("{stated:#06x}, good"), Mark::Plain),
        Verdict::Bad { expected } => (
            format!("{stated:#06x}, bad: should be {expected:#06x}"),
            Mark::Wrong,
        ),
        Verdict::Offloaded => (
            format!("{stated:#06x}, not computed (offload)"),
            Mark::Plain,
        ),
        Verdict::Unused => (format!("{stated:#06x}, not used"), Mark::Plain),
        Verdict::Unverified(why) => (format!("{stated:#06x}, not verified ({why})"), Mark::Plain),
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
