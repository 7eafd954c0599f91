//! One TCP segment as a capture saw it: the headers, and as much payload as was kept.

use std::net::SocketAddr;

use crate::wire::{Packet, Summary, TcpFlags, TcpOptions};

/// A TCP segment, and where and when it was seen.
///
/// Everything but `payload` is from the headers, so that a frame which was cut short is analysed as
/// well as a whole one.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The number of its frame in the capture; what refers to a segment does so by this number.
    pub frame: u64,
    /// In nanoseconds since any one moment. A capture's clock may run back a little.
    pub at: u64,
    /// Who sent it. An IPv6 address has the same scope and flow label, best 0, all along.
    pub src: SocketAddr,
    /// To whom.
    pub dst: SocketAddr,
    /// The sequence number, as in the header.
    pub seq: u32,
    /// The acknowledgement number, as in the header, with or without the flag.
    pub ack: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The window, as in the header: not scaled.
    pub window: u16,
    /// Bytes of payload that the headers claim, of which `payload` may hold fewer.
    pub len: u32,
    /// The payload as far as it was captured.
    pub payload: &'a [u8],
    /// The options.
    pub options: TcpOptions,
    /// The size of the wire segments that the network card cuts it into, in bytes of payload, where
    /// the capture knows it.
    pub gso_size: Option<u16>,
    /// Whether the capture lost packets, of whichever conversation, just before this one.
    pub dropped_before: bool,
}

impl<'a> Segment<'a> {
    /// Takes the segment out of a packet that holds a whole TCP header.
    #[must_use]
    pub fn of(frame: u64, packet: &Packet<'a>, summary: &Summary) -> Option<Self> {
        let (ip, tcp) = (summary.ip()?, summary.tcp()?);
        Some(Self {
            frame,
            at: packet.at,
            src: SocketAddr::new(ip.source, tcp.source_port),
            dst: SocketAddr::new(ip.destination, tcp.destination_port),
            seq: tcp.seq,
            ack: tcp.ack,
            flags: tcp.flags,
            window: tcp.window,
            len: u32::try_from(tcp.payload_len).unwrap_or(u32::MAX),
            payload: tcp.payload.of(packet.bytes),
            options: tcp.options,
            gso_size: packet.facts.gso_size,
            dropped_before: packet.facts.dropped_before != 0,
        })
    }

    /// How much of the sequence space it takes: the payload, and one each for SYN and FIN.
    #[must_use]
    pub(super) fn span(&self) -> u32 {
        let marks = u32::from(self.flags.has(TcpFlags::SYN | TcpFlags::FIN));
        self.len.wrapping_add(marks)
    }

    /// The first sequence number after it.
    #[must_use]
    pub(super) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.span())
    }

    /// On how many wire segments it travels, where `mss` is what the other end takes at most.
    #[must_use]
    pub(super) fn wire_segments(&self, mss: Option<u32>) -> u64 {
        let size = match self.gso_size {
            Some(size) if size != 0 => u32::from(size),
            _ => mss.unwrap_or(u32::MAX).max(1),
        };
        u64::from(self.len.div_ceil(size).max(1))
    }
}
