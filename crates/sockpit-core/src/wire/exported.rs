//! Messages that were never packets, such as those over a Unix socket, in the form that capture
//! files have for them: link type 252, tags before the message.
//!
//! ```text
//!  0            2            4
//! ├── tag ─────┼── length ──┼── value, padded to a multiple of 4 ─┤ … ├ 0 │ 0 ┤ message
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cursor::View;
use super::{Direction, Span};

/// Numbers of the tags, as Wireshark's documentation lists them.
pub(crate) mod tag {
    pub(crate) const END: u16 = 0;
    pub(crate) const DISSECTOR: u16 = 12;
    pub(crate) const IPV4_SOURCE: u16 = 20;
    pub(crate) const IPV4_DESTINATION: u16 = 21;
    pub(crate) const IPV6_SOURCE: u16 = 22;
    pub(crate) const IPV6_DESTINATION: u16 = 23;
    pub(crate) const PORT_TYPE: u16 = 24;
    pub(crate) const SOURCE_PORT: u16 = 25;
    pub(crate) const DESTINATION_PORT: u16 = 26;
    pub(crate) const PROTOCOL_TEXT: u16 = 33;
    pub(crate) const DIRECTION: u16 = 35;
}

/// What the ports of an exported message belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortType {
    /// To nothing that has a number.
    #[default]
    None,
    /// To TCP.
    Tcp,
    /// To UDP.
    Udp,
}

impl PortType {
    const fn number(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Tcp => 2,
            Self::Udp => 3,
        }
    }
}

/// A message with what its tags say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// What reads the message, as text: `data`, `http`.
    pub dissector: Span,
    /// What it is called in a list of packets.
    pub protocol: Span,
    /// Who sent it.
    pub source: Option<IpAddr>,
    /// Who shall get it.
    pub destination: Option<IpAddr>,
    /// The number of the kind of the ports: 2 is TCP, 3 UDP.
    pub port_type: Option<u32>,
    /// The sender's port.
    pub source_port: Option<u32>,
    /// The receiver's port.
    pub destination_port: Option<u32>,
    /// Which way it went.
    pub direction: Direction,
    /// The message, as far as it was captured.
    pub payload: Span,
    /// How long the message is, in bytes.
    pub payload_len: usize,
}

impl Exported {
    pub(super) fn read(view: View<'_>) -> Self {
        let mut exported = Self::default();
        let mut tags = Tags(view);
        for Tag { kind, value } in &mut tags {
            match kind {
                tag::DISSECTOR => exported.dissector = text(value),
                tag::PROTOCOL_TEXT => exported.protocol = text(value),
                tag::IPV4_SOURCE | tag::IPV6_SOURCE => exported.source = address(value),
                tag::IPV4_DESTINATION | tag::IPV6_DESTINATION => {
                    exported.destination = address(value);
                }
                tag::PORT_TYPE => exported.port_type = value.u32(0),
                tag::SOURCE_PORT => exported.source_port = value.u32(0),
                tag::DESTINATION_PORT => exported.destination_port = value.u32(0),
                tag::DIRECTION => exported.direction = direction(value),
                _ => {}
            }
        }
        exported.payload = tags.0.span();
        exported.payload_len = tags.0.len();
        exported
    }
}

pub(crate) fn address(value: View<'_>) -> Option<IpAddr> {
    match value.len() {
        4 => Some(Ipv4Addr::from(value.array::<4>(0)?).into()),
        16 => Some(Ipv6Addr::from(value.array::<16>(0)?).into()),
        _ => None,
    }
}

fn direction(value: View<'_>) -> Direction {
    match value.u32(0) {
        Some(0) => Direction::Out,
        Some(1) => Direction::In,
        _ => Direction::Unknown,
    }
}

/// Walks the tags; afterwards it holds the message.
pub(crate) struct Tags<'a>(pub(crate) View<'a>);

pub(crate) struct Tag<'a> {
    pub(crate) kind: u16,
    pub(crate) value: View<'a>,
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let view = self.0;
        let (Some(kind), Some(len)) = (view.u16(0), view.u16(2)) else {
            self.0 = view.skip(view.len());
            return None;
        };
        // Writers pad by stating the padded length, so that a value ends where it is stated to.
        let len = usize::from(len);
        self.0 = view.skip(len.saturating_add(4));
        if kind == tag::END {
            return None;
        }
        Some(Tag {
            kind,
            value: view.skip(4).limit(len),
        })
    }
}

/// Where a text ends that a writer padded with zeros.
fn text(value: View<'_>) -> Span {
    let Span { start, .. } = value.span();
    let bytes = value.captured();
    let len = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    Span {
        start,
        end: start.saturating_add(len),
    }
}

/// The longest text whose padded length fits into the field, in bytes.
const TEXT_LIMIT: usize = 65_532;

/// What is told of a message that was never a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation<'a> {
    /// What shall read the message; `data` shows bytes.
    pub dissector: &'a str,
    /// What it is called in a list of packets, such as `UNIX`; nothing where it is empty.
    pub protocol: &'a str,
    /// Sender and receiver, if they have addresses.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// The kind of the ports, and those of sender and receiver.
    pub ports: Option<(PortType, u32, u32)>,
    /// Which way it went.
    pub direction: Direction,
}

impl Default for Conversation<'_> {
    fn default() -> Self {
        Self {
            dissector: "data",
            protocol: "",
            addresses: None,
            ports: None,
            direction: Direction::Unknown,
        }
    }
}

impl Conversation<'_> {
    /// Writes the tags and the message: the bytes of a packet of [`LinkType::UPPER_PDU`].
    ///
    /// Names longer than 65,532 bytes are cut at a character's boundary.
    ///
    /// [`LinkType::UPPER_PDU`]: super::LinkType::UPPER_PDU
    #[must_use]
    pub fn packet(&self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(&mut out, tag::DISSECTOR, self.dissector);
        if !self.protocol.is_empty() {
            put_text(&mut out, tag::PROTOCOL_TEXT, self.protocol);
        }
        if let Some((source, destination)) = self.addresses {
            put_address(&mut out, (tag::IPV4_SOURCE, tag::IPV6_SOURCE), source);
            put_address(
                &mut out,
                (tag::IPV4_DESTINATION, tag::IPV6_DESTINATION),
                destination,
            );
        }
        if let Some((kind, source, destination)) = self.ports {
            put(&mut out, tag::PORT_TYPE, &kind.number().to_be_bytes());
            put(&mut out, tag::SOURCE_PORT, &source.to_be_bytes());
            put(&mut out, tag::DESTINATION_PORT, &destination.to_be_bytes());
        }
        match self.direction {
            Direction::Unknown => {}
            Direction::Out => put(&mut out, tag::DIRECTION, &0_u32.to_be_bytes()),
            Direction::In => put(&mut out, tag::DIRECTION, &1_u32.to_be_bytes()),
        }
        put(&mut out, tag::END, &[]);
        out.extend_from_slice(message);
        out
    }
}

fn put_text(out: &mut Vec<u8>, kind: u16, text: &str) {
    let end = (0..=text.len().min(TEXT_LIMIT)).rev();
    let text = end.into_iter().find_map(|end| text.get(..end));
    put(out, kind, text.unwrap_or_default().as_bytes());
}

fn put_address(out: &mut Vec<u8>, (v4, v6): (u16, u16), address: IpAddr) {
    match address {
        IpAddr::V4(address) => put(out, v4, &address.octets()),
        IpAddr::V6(address) => put(out, v6, &address.octets()),
    }
}

/// Writes a tag; the stated length counts the zeros that pad a text.
fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let padded = value.len().next_multiple_of(4);
    let stated = u16::try_from(padded).unwrap_or(u16::MAX);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&stated.to_be_bytes());
    out.extend_from_slice(value);
    out.resize(
        out.len().saturating_add(padded.saturating_sub(value.len())),
        0,
    );
}
