//! From what is wanted to a program.
//!
//! X holds where the IP packet begins, so that one piece of program serves behind any number of
//! tags, and for the packet within an ICMP error. A load beyond the packet's end rejects it; that is
//! why what needs no port is accepted before a port is read.

use std::net::IpAddr;

use super::assemble::{Assembler, Goal, Label};
use super::judge::EXTENSIONS;
use super::prefix::{mask_v4, mask_v6};
use super::run::{beside, code};
use super::{ACCEPT_LEN, Instruction, Layer, Prefix, Protocols, Selection, Wanted};
use crate::wire::link::{IPV4, IPV6, LENGTH_LIMIT, TAGS};
use crate::wire::{FiveTuple, protocol};

/// How many ports, hosts and conversations a program compares, so that it stays below a thousand
/// instructions and is run fast; beyond these the judge in user space decides alone.
const PORT_LIMIT: usize = 24;
const HOST_LIMIT: usize = 8;
const TUPLE_LIMIT: usize = 4;

/// Tags of virtual networks that a program looks behind; a packet with more is let through.
const TAG_LIMIT: u32 = 2;

/// Linux' numbers for a loopback's kind, and for a packet that leaves.
const LOOPBACK: u32 = 772;
const OUTGOING: u32 = 4;

/// The cell of memory with the place of the IP packet that is judged.
const BASE: u32 = 0;

pub(super) fn generate(wanted: &Wanted, layer: Layer) -> Vec<Instruction> {
    let mut assembler = Assembler::default();
    let (accept, reject) = (assembler.label(), assembler.label());
    let mut generator = Generator {
        assembler,
        accept,
        reject,
        wanted: narrow(wanted),
    };
    generator.program(layer);
    generator.assembler.finish()
}

/// As much of what is wanted as a program compares.
fn narrow(wanted: &Wanted) -> Narrowed {
    match wanted {
        Wanted::Everything => Narrowed::Everything,
        Wanted::Conversations(tuples) if tuples.len() <= TUPLE_LIMIT => {
            Narrowed::Conversations(tuples.clone())
        }
        Wanted::Conversations(tuples) => {
            let is_only = |number| tuples.iter().all(|tuple| tuple.protocol == number);
            Narrowed::Selection(Selection {
                protocols: match (is_only(protocol::TCP), is_only(protocol::UDP)) {
                    (true, _) => Protocols::Tcp,
                    (_, true) => Protocols::Udp,
                    _ => Protocols::Any,
                },
                ..Selection::default()
            })
        }
        Wanted::Selection(selection) => {
            let mut selection = selection.clone();
            if PORT_LIMIT < selection.ports.len() {
                selection.ports.clear();
            }
            if HOST_LIMIT < selection.hosts.len() {
                selection.hosts.clear();
            }
            Narrowed::Selection(selection)
        }
    }
}

enum Narrowed {
    Everything,
    Selection(Selection),
    Conversations(Vec<FiveTuple>),
}

/// The version of an IP packet, and where its parts are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

impl Version {
    /// Of the byte that names the protocol.
    const fn protocol(self) -> u32 {
        match self {
            Self::V4 => 9,
            Self::V6 => 6,
        }
    }

    const fn source(self) -> u32 {
        match self {
            Self::V4 => 12,
            Self::V6 => 8,
        }
    }

    const fn destination(self) -> u32 {
        match self {
            Self::V4 => 16,
            Self::V6 => 24,
        }
    }

    const fn icmp(self) -> u8 {
        match self {
            Self::V4 => protocol::ICMP,
            Self::V6 => protocol::ICMPV6,
        }
    }

    const fn is_of(self, address: IpAddr) -> bool {
        matches!(
            (self, address),
            (Self::V4, IpAddr::V4(_)) | (Self::V6, IpAddr::V6(_))
        )
    }
}

/// Which packet is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Outer,
    /// The one that an ICMP error is about.
    Embedded,
}

struct Generator {
    assembler: Assembler,
    accept: Label,
    reject: Label,
    wanted: Narrowed,
}

impl Generator {
    fn program(&mut self, layer: Layer) {
        if layer == Layer::CookedAny {
            self.drop_leaving();
        }
        if matches!(self.wanted, Narrowed::Everything) {
            self.assembler.place(self.accept);
            self.assembler.push(code::RET, ACCEPT_LEN);
            self.assembler.place(self.reject);
            self.assembler.push(code::RET, 0);
            return;
        }
        let (v4, v6) = (self.assembler.label(), self.assembler.label());
        self.link(layer, v4, v6);
        for (label, version) in [(v4, Version::V4), (v6, Version::V6)] {
            self.assembler.place(label);
            self.assembler.push(code::STX, BASE);
            self.ip(version, Depth::Outer);
        }
        self.assembler.place(self.accept);
        self.assembler.push(code::RET, ACCEPT_LEN);
        self.assembler.place(self.reject);
        self.assembler.push(code::RET, 0);
    }

    /// Rejects the copies that leave by a loopback.
    fn drop_leaving(&mut self) {
        let other = self.assembler.label();
        self.load(code::W | code::ABS, beside::PACKET_TYPE);
        self.equal(OUTGOING, Goal::Next, Goal::To(other));
        self.load(code::W | code::ABS, beside::HARDWARE);
        self.equal(LOOPBACK, Goal::To(self.reject), Goal::Next);
        self.assembler.place(other);
    }

    /// Finds where the IP packet begins, and which version it has.
    fn link(&mut self, layer: Layer, v4: Label, v6: Label) {
        let (classify, snap) = (self.assembler.label(), self.assembler.label());
        match layer {
            Layer::Ethernet => self.tags(classify),
            Layer::Cooked | Layer::CookedAny => {
                self.load(code::W | code::ABS, beside::PROTOCOL);
                self.assembler.push(code::LDX | code::IMM, 0);
                // A tag that no hardware has taken off: kernels differ in whether the packet begins
                // with it or behind it.
                self.let_tags_through();
            }
        }
        self.assembler.place(classify);
        self.equal(IPV4.into(), Goal::To(v4), Goal::Next);
        self.equal(IPV6.into(), Goal::To(v6), Goal::Next);
        // A length, and no EtherType: SNAP may follow, which user space looks into.
        let limit = LENGTH_LIMIT.into();
        self.assembler
            .branch(code::JGT, limit, Goal::To(self.reject), Goal::To(snap));
        self.assembler.place(snap);
        self.load(code::H | code::IND, 0);
        self.equal(0xaaaa, Goal::To(self.accept), Goal::To(self.reject));
    }

    /// Goes behind tags of virtual networks: A is what the last one carries, X where that begins.
    fn tags(&mut self, classify: Label) {
        for tags in 0..=TAG_LIMIT {
            let behind = tags.saturating_mul(4);
            self.load(code::H | code::ABS, behind.saturating_add(12));
            self.assembler
                .push(code::LDX | code::IMM, behind.saturating_add(14));
            if tags == TAG_LIMIT {
                return self.let_tags_through();
            }
            let tagged = self.assembler.label();
            for tag in TAGS {
                self.equal(tag.into(), Goal::To(tagged), Goal::Next);
            }
            self.assembler.jump(classify);
            self.assembler.place(tagged);
        }
    }

    fn let_tags_through(&mut self) {
        for tag in TAGS {
            self.equal(tag.into(), Goal::To(self.accept), Goal::Next);
        }
    }

    /// Judges the packet that begins at X, which the cell `BASE` holds as well.
    fn ip(&mut self, version: Version, depth: Depth) {
        let any = matches!(
            &self.wanted,
            Narrowed::Selection(selection)
                if selection.protocols == Protocols::Any && selection.ports.is_empty()
        );
        if any {
            // Wanted by its hosts alone; only what an ICMP error is about may still make it so.
            let other = self.assembler.label();
            self.selected_hosts(version, other);
            self.assembler.jump(self.accept);
            self.assembler.place(other);
        }
        self.load(code::B | code::IND, version.protocol());
        for number in EXTENSIONS {
            if version == Version::V6 || number == protocol::AUTHENTICATION {
                self.equal(number.into(), Goal::To(self.accept), Goal::Next);
            }
        }
        let (icmp, fragment) = (self.assembler.label(), self.assembler.label());
        if depth == Depth::Outer {
            self.equal(version.icmp().into(), Goal::To(icmp), Goal::Next);
        }
        if version == Version::V6 {
            self.equal(protocol::FRAGMENT.into(), Goal::To(fragment), Goal::Next);
        }
        match &self.wanted {
            _ if any => self.assembler.jump(self.reject),
            Narrowed::Everything => self.assembler.jump(self.accept),
            Narrowed::Selection(selection) => {
                let selection = selection.clone();
                self.selected(&selection, version);
            }
            Narrowed::Conversations(tuples) => {
                let tuples = tuples.clone();
                self.conversations(&tuples, version);
            }
        }
        if version == Version::V6 {
            self.assembler.place(fragment);
            self.fragment();
        }
        if depth == Depth::Outer {
            self.assembler.place(icmp);
            self.icmp(version);
        }
    }

    /// Judges by a selection; A holds the protocol. Ends in a jump.
    fn selected(&mut self, selection: &Selection, version: Version) {
        let is_wanted = self.assembler.label();
        let has_ports = !selection.ports.is_empty();
        for number in [protocol::TCP, protocol::UDP] {
            if selection.protocols.contains(number) {
                self.equal(number.into(), Goal::To(is_wanted), Goal::Next);
            }
        }
        self.assembler.jump(self.reject);
        self.assembler.place(is_wanted);
        self.selected_hosts(version, self.reject);
        if !has_ports {
            self.assembler.jump(self.accept);
            return;
        }
        let base = self.transport(version, self.accept);
        for place in [0_u32, 2] {
            self.load(code::H | code::IND, base.saturating_add(place));
            for port in &selection.ports {
                self.equal((*port).into(), Goal::To(self.accept), Goal::Next);
            }
        }
        self.assembler.jump(self.reject);
    }

    /// Goes on where the hosts are wanted, else to `other`; X is left as it is.
    fn selected_hosts(&mut self, version: Version, other: Label) {
        let Narrowed::Selection(selection) = &self.wanted else {
            return;
        };
        if selection.hosts.is_empty() {
            return;
        }
        let hosts: Vec<Prefix> = selection
            .hosts
            .iter()
            .copied()
            .filter(|prefix| version.is_of(prefix.address()))
            .collect();
        let found = self.assembler.label();
        for place in [version.source(), version.destination()] {
            for prefix in &hosts {
                let next = self.assembler.label();
                self.prefix(place, *prefix, next);
                self.assembler.jump(found);
                self.assembler.place(next);
            }
        }
        self.assembler.jump(other);
        self.assembler.place(found);
    }

    /// Judges by conversations; A holds the protocol. Ends in a jump.
    fn conversations(&mut self, tuples: &[FiveTuple], version: Version) {
        for tuple in tuples {
            if !version.is_of(tuple.source) || !version.is_of(tuple.destination) {
                continue;
            }
            for tuple in [*tuple, tuple.reversed()] {
                let next = self.assembler.label();
                self.load(code::B | code::IND, version.protocol());
                self.equal(tuple.protocol.into(), Goal::Next, Goal::To(next));
                self.prefix(version.source(), tuple.source.into(), next);
                self.prefix(version.destination(), tuple.destination.into(), next);
                let base = self.transport(version, self.accept);
                self.load(code::W | code::IND, base);
                let (one, other) = tuple.ports;
                let ports = u32::from(one) << 16 | u32::from(other);
                self.equal(ports, Goal::To(self.accept), Goal::Next);
                self.assembler.place(next);
                self.assembler.push(code::LDX | code::MEM, BASE);
            }
        }
        self.assembler.jump(self.reject);
    }

    /// Goes on where the address at `place` is of a network, else to `other`.
    fn prefix(&mut self, place: u32, prefix: Prefix, other: Label) {
        let (value, mask, words) = match prefix.address() {
            IpAddr::V4(ip) => (
                u128::from(ip.to_bits()),
                u128::from(mask_v4(prefix.len())),
                1_u32,
            ),
            IpAddr::V6(ip) => (ip.to_bits(), mask_v6(prefix.len()), 4),
        };
        for word in 0..words {
            let shift = words
                .saturating_sub(word)
                .saturating_sub(1)
                .saturating_mul(32);
            let part = |number: u128| low(number.checked_shr(shift).unwrap_or_default());
            let mask = part(mask);
            if mask == 0 {
                // No bit of this word counts, nor of those behind it.
                return;
            }
            let at = place.saturating_add(word.saturating_mul(4));
            self.load(code::W | code::IND, at);
            if mask != u32::MAX {
                self.assembler.push(code::ALU | code::AND, mask);
            }
            self.equal(part(value), Goal::Next, Goal::To(other));
        }
    }

    /// Makes X such that the transport begins at X and the number that is given; jumps to `later`
    /// for a later fragment.
    fn transport(&mut self, version: Version, later: Label) -> u32 {
        if version == Version::V6 {
            return 40;
        }
        self.load(code::H | code::IND, 6);
        self.assembler
            .branch(code::JSET, 0x1fff, Goal::To(later), Goal::Next);
        self.skip_header();
        0
    }

    /// Moves X behind an IPv4 header.
    fn skip_header(&mut self) {
        self.load(code::B | code::IND, 0);
        self.assembler.push(code::ALU | code::AND, 0x0f);
        self.assembler.push(code::ALU | code::LSH, 2);
        self.assembler.push(code::ALU | code::ADD | code::X, 0);
        self.assembler.push(code::MISC | code::TAX, 0);
    }

    /// Judges a fragment of IPv6 by its hosts, and lets an ICMP error in one through. Ends in a jump.
    fn fragment(&mut self) {
        let other = self.assembler.label();
        match &self.wanted {
            Narrowed::Everything => {}
            Narrowed::Selection(_) => {
                self.selected_hosts(Version::V6, other);
                self.assembler.jump(self.accept);
            }
            Narrowed::Conversations(tuples) => {
                for tuple in tuples.clone() {
                    for tuple in [tuple, tuple.reversed()] {
                        if !Version::V6.is_of(tuple.source) || !Version::V6.is_of(tuple.destination)
                        {
                            continue;
                        }
                        let next = self.assembler.label();
                        self.prefix(Version::V6.source(), tuple.source.into(), next);
                        self.prefix(Version::V6.destination(), tuple.destination.into(), next);
                        self.assembler.jump(self.accept);
                        self.assembler.place(next);
                    }
                }
            }
        }
        self.assembler.place(other);
        self.load(code::B | code::IND, 40);
        self.equal(
            protocol::ICMPV6.into(),
            Goal::To(self.accept),
            Goal::To(self.reject),
        );
    }

    /// Judges the packet that an ICMP error is about. Ends in a jump.
    fn icmp(&mut self, version: Version) {
        let kinds: &[u32] = match version {
            Version::V4 => &[3, 4, 5, 11, 12],
            Version::V6 => &[1, 2, 3, 4],
        };
        let header = match version {
            Version::V4 => {
                self.skip_header();
                0
            }
            Version::V6 => 40,
        };
        self.load(code::B | code::IND, header);
        let is_error = self.assembler.label();
        for kind in kinds {
            self.equal(*kind, Goal::To(is_error), Goal::Next);
        }
        self.assembler.jump(self.reject);
        self.assembler.place(is_error);
        self.assembler.push(code::MISC | code::TXA, 0);
        let behind = header.saturating_add(8);
        self.assembler.push(code::ALU | code::ADD, behind);
        self.assembler.push(code::MISC | code::TAX, 0);
        self.assembler.push(code::STX, BASE);
        self.ip(version, Depth::Embedded);
    }

    fn load(&mut self, from: u16, k: u32) {
        self.assembler.push(code::LD | from, k);
    }

    fn equal(&mut self, k: u32, holds: Goal, fails: Goal) {
        self.assembler.branch(code::JEQ, k, holds, fails);
    }
}

/// The lowest 32 bits.
fn low(number: u128) -> u32 {
    let [.., a, b, c, d] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
