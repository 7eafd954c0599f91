//! Captures as lists of packets: reading them, writing them, and taking the segments out.

use std::net::SocketAddr;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TcpOptionElement, TransportSlice};
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapError};
use sockpit_core::flow::Segment;
use sockpit_core::wire::{SackBlock, SackBlocks, TcpFlags, TcpOptions, Timestamps};

/// A frame of Ethernet.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// In nanoseconds since 1970, whole microseconds.
    pub(crate) at: u64,
    /// How long it was on the wire.
    pub(crate) len: u32,
    /// As much of it as was kept.
    pub(crate) bytes: Vec<u8>,
}

/// Reads a pcap file of Ethernet frames.
pub(crate) fn read(file: &[u8]) -> Vec<Packet> {
    let mut reader = LegacyPcapReader::new(1 << 20, file).unwrap();
    let mut packets = Vec::new();
    loop {
        match reader.next() {
            Ok((taken, block)) => {
                if let PcapBlockOwned::Legacy(packet) = block {
                    packets.push(Packet {
                        at: u64::from(packet.ts_sec) * 1_000_000_000
                            + u64::from(packet.ts_usec) * 1_000,
                        len: packet.origlen,
                        bytes: packet.data.to_vec(),
                    });
                }
                reader.consume(taken);
            }
            Err(PcapError::Eof) => return packets,
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Writes a pcap file of Ethernet frames.
pub(crate) fn write(packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for packet in packets {
        let kept = u32::try_from(packet.bytes.len()).unwrap();
        let second = u32::try_from(packet.at / 1_000_000_000).unwrap();
        let micro = u32::try_from(packet.at % 1_000_000_000 / 1_000).unwrap();
        for word in [second, micro, kept, packet.len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(&packet.bytes);
    }
    file
}

/// The TCP segment in a frame.
pub(crate) fn segment(frame: u64, packet: &Packet) -> Option<Segment<'_>> {
    let sliced = LaxSlicedPacket::from_ethernet(&packet.bytes).ok()?;
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else {
        return None;
    };
    let (src, dst, carried) = match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let carried = header.total_len() - u16::from(header.ihl()) * 4;
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                carried,
            )
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.payload_length(),
            )
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let flags = packet.bytes.get(14 + header_len(&packet.bytes)? + 13)?;
    Some(Segment {
        frame,
        at: packet.at,
        src: SocketAddr::new(src, tcp.source_port()),
        dst: SocketAddr::new(dst, tcp.destination_port()),
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        flags: TcpFlags((*flags).into()),
        window: tcp.window_size(),
        len: u32::from(carried) - tcp.header_slice().len() as u32,
        payload: tcp.payload(),
        options: options(tcp),
        gso_size: None,
        dropped_before: false,
    })
}

/// How long the IP header is.
fn header_len(frame: &[u8]) -> Option<usize> {
    Some(match frame.get(14)? >> 4 {
        4 => usize::from(frame.get(14)? & 15) * 4,
        _ => 40,
    })
}

fn options(tcp: &etherparse::TcpSlice<'_>) -> TcpOptions {
    let mut options = TcpOptions::default();
    for option in tcp.options_iterator().flatten() {
        match option {
            TcpOptionElement::MaximumSegmentSize(size) => options.mss = Some(size),
            TcpOptionElement::WindowScale(bits) => options.window_scale = Some(bits),
            TcpOptionElement::SelectiveAcknowledgementPermitted => options.is_sack_permitted = true,
            TcpOptionElement::SelectiveAcknowledgement(first, rest) => {
                options.sack = SackBlocks::new(
                    std::iter::once(first)
                        .chain(rest.into_iter().flatten())
                        .map(|(start, end)| SackBlock { start, end }),
                );
            }
            TcpOptionElement::Timestamp(value, echo) => {
                options.timestamps = Some(Timestamps { value, echo });
            }
            TcpOptionElement::Noop => {}
        }
    }
    options
}
