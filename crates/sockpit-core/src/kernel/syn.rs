//! The packet with which a peer asked for its connection.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fact, grouped};
use crate::wire::{LinkType, Packet, Summary, TcpFlags};

/// What a peer asked for, by the SYN that a listener kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Syn {
    /// The peer's first sequence number.
    pub seq: u32,
    /// Its window in bytes; windows of a SYN are not shifted.
    pub window: u16,
    /// The largest segment that it takes, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mss: Option<u16>,
    /// By how many bits its later windows are shifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_scale: Option<u8>,
    /// Whether it understands selective acknowledgements.
    pub sack: bool,
    /// Its clock, where it sends timestamps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u32>,
    /// Whether it offers explicit congestion notification (RFC 3168 §6.1.1).
    pub ecn: bool,
    /// Routers that the packet could still have passed.
    pub hop_limit: u8,
    /// The headers as they came: IP and TCP.
    pub hex: String,
}

impl Fact for Syn {
    const KIND: &'static str = "syn";
}

impl Syn {
    /// Reads the IP and TCP headers of a SYN; `None` for what is none.
    #[must_use]
    pub fn of_packet(bytes: &[u8]) -> Option<Self> {
        let packet = Packet::new(LinkType::RAW, bytes);
        let summary = Summary::of(&packet);
        let tcp = summary.tcp().filter(|tcp| tcp.flags.has(TcpFlags::SYN))?;
        let asks_ecn = tcp.flags.has(TcpFlags::ECE) && tcp.flags.has(TcpFlags::CWR);
        Some(Self {
            seq: tcp.seq,
            window: tcp.window,
            mss: tcp.options.mss,
            window_scale: tcp.options.window_scale,
            sack: tcp.options.is_sack_permitted,
            timestamp: tcp.options.timestamps.map(|timestamps| timestamps.value),
            ecn: asks_ecn,
            hop_limit: summary.ip()?.hop_limit,
            hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}

impl fmt::Display for Syn {
    /// Such as `the peer's SYN: window 65,495 bytes; MSS 65,495; window scale 7; SACK permitted`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = grouped(self.window.into());
        let parts = [
            format!("window {window} bytes"),
            match self.mss.map(|mss| grouped(mss.into())) {
                Some(mss) => format!("MSS {mss}"),
                None => "no MSS".to_owned(),
            },
            match self.window_scale {
                Some(scale) => format!("window scale {scale}"),
                None => "no window scale".to_owned(),
            },
            match self.sack {
                true => "SACK permitted".to_owned(),
                false => "no SACK".to_owned(),
            },
            match self.timestamp {
                Some(_) => "timestamps".to_owned(),
                None => "no timestamps".to_owned(),
            },
        ];
        write!(f, "the peer's SYN: {}", parts.join("; "))
    }
}
