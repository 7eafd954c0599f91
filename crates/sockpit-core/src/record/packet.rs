//! What a record says of a packet beside its bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::read::ReadError;
use crate::flow::Analysis;
use crate::sighting::{Kept, Sighting};
use crate::wire::{CaptureFacts, Content, LinkType, Transport};

/// The fields of `data`. What its bytes say as well stands there for people, and is not read back.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    frame: u64,
    link: LinkType,
    #[serde(flatten)]
    facts: &'a CaptureFacts,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<String>,
    payload: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<&'a Analysis>,
}

impl<'a> Written<'a> {
    pub(super) fn of(packet: &'a Kept) -> Self {
        let sighting = packet.at(0);
        let between = sighting.summary.five_tuple();
        Self {
            frame: packet.frame,
            link: packet.link,
            facts: &packet.facts,
            protocol: protocol(&sighting),
            source: between.map(|it| SocketAddr::new(it.source, it.ports.0)),
            destination: between.map(|it| SocketAddr::new(it.destination, it.ports.1)),
            flags: sighting.summary.tcp().map(|tcp| tcp.flags.to_string()),
            payload: sighting.payload_len(),
            tcp: packet.analysis.as_ref(),
        }
    }
}

fn protocol(sighting: &Sighting<'_>) -> &'static str {
    match &sighting.summary.content {
        Content::Arp(_) => "arp",
        Content::Exported(_) => "message",
        Content::Unknown | Content::Other(_) => "other",
        Content::Ip(ip) => match ip.transport {
            Transport::Tcp(_) => "tcp",
            Transport::Udp(_) => "udp",
            Transport::Icmp(_) => "icmp",
            Transport::Other | Transport::Partial(_) => "ip",
        },
    }
}

/// The fields of `data` that are read.
#[derive(Deserialize)]
struct Read {
    frame: u64,
    link: LinkType,
    #[serde(flatten)]
    facts: CaptureFacts,
    tcp: Option<Analysis>,
}

pub(super) fn read(data: Value, bytes: Bytes, full_len: Option<usize>) -> Result<Kept, ReadError> {
    if data.is_null() {
        return Err(ReadError::Missing {
            event: "packet".to_owned(),
            field: "data",
        });
    }
    let read = serde_json::from_value::<Read>(data).map_err(ReadError::Packet)?;
    Ok(Kept {
        frame: read.frame,
        link: read.link,
        full_len: full_len.unwrap_or(bytes.len()),
        bytes,
        facts: read.facts,
        analysis: read.tcp,
    })
}
