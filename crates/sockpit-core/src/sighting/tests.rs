use proptest::prelude::*;

use super::*;
use crate::flow::{Label, Mode};
use crate::wire::{Direction, TcpFlags};

/// A raw IPv4 packet with a TCP segment of client (port 40000) or server (port 7000), whose
/// checksums are left out.
fn tcp(is_client: bool, seq: u32, ack: u32, flags: TcpFlags, payload: &[u8]) -> Vec<u8> {
    let (client, server) = (40_000_u16.to_be_bytes(), 7000_u16.to_be_bytes());
    let (from, to) = if is_client {
        (client, server)
    } else {
        (server, client)
    };
    let total = u16::try_from(40 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    packet.extend(from);
    packet.extend(to);
    packet.extend(seq.to_be_bytes());
    packet.extend(ack.to_be_bytes());
    packet.extend((0x5000 | flags.0).to_be_bytes());
    packet.extend(1000_u16.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(payload);
    packet
}

fn conversation() -> Vec<Vec<u8>> {
    const SYN: TcpFlags = TcpFlags::SYN;
    const ACK: TcpFlags = TcpFlags::ACK;
    vec![
        tcp(true, 100, 0, SYN, b""),
        tcp(false, 900, 101, SYN | ACK, b""),
        tcp(true, 101, 901, ACK, b""),
        tcp(true, 101, 901, ACK | TcpFlags::PSH, b"hello"),
        tcp(false, 901, 106, ACK, b"HELLO, you"),
        tcp(true, 101, 901, ACK, b"hello"),
    ]
}

/// Six packets of a conversation, with what is to be said of them.
pub(crate) fn kept() -> Vec<Kept> {
    kept_of(&conversation())
}

fn kept_of(packets: &[Vec<u8>]) -> Vec<Kept> {
    let mut observer = Observer::new(Settings::default());
    let mut sight = |bytes| observer.observe(Packet::new(LinkType::RAW, bytes)).keep();
    packets.iter().map(|bytes| sight(bytes)).collect()
}

#[test]
fn a_sighting_has_its_place_in_the_stream_and_its_payload() {
    let kept = kept();
    let seen: Vec<_> = kept.iter().map(|kept| kept.at(5)).collect();
    let places: Vec<_> = seen.iter().map(Sighting::offset).collect();
    assert_eq!(
        places,
        [None, Some(0), Some(0), Some(0), Some(0), Some(0)],
        "an answer's place counts from its own beginning"
    );
    assert_eq!(seen[4].payload(), b"HELLO, you");
    assert_eq!(seen[4].payload_len(), 10);
    assert_eq!(seen[3].from(), Some(End::First));
    let labels = seen[5].analysis.unwrap().labels(Mode::Truth);
    assert!(
        labels.contains(Label::Retransmission) || labels.contains(Label::SpuriousRetransmission)
    );
}

#[test]
fn a_conversation_joined_late_has_no_places() {
    let kept = kept_of(&conversation()[3..]);
    assert_eq!(kept[0].at(0).offset(), None);
    assert_eq!(kept[0].at(0).payload(), b"hello");
}

#[test]
fn a_cut_packet_knows_how_much_payload_there_was() {
    let bytes = tcp(true, 1, 1, TcpFlags::ACK, b"hello");
    let packet = Packet {
        full_len: bytes.len(),
        bytes: &bytes[..bytes.len() - 3],
        ..Packet::new(LinkType::RAW, &bytes)
    };
    let sighting = Observer::new(Settings::default()).observe(packet);
    assert_eq!(sighting.payload(), b"he");
    assert_eq!(sighting.payload_len(), 5);
}

prop_compose! {
    /// Packets with what an observer says of them, the payload of some changed afterwards.
    pub(crate) fn any_kept()(
        which in 0..6_usize,
        direction in prop::sample::select(vec![Direction::Unknown, Direction::In, Direction::Out]),
        interface in 0..3_u32,
        gso_size in any::<Option<u16>>(),
        dropped_before in 0..3_u64,
        is_checksum_unfilled in any::<bool>(),
        is_known in any::<bool>(),
        more in 0..100_usize,
    ) -> Kept {
        let mut one = kept().swap_remove(which);
        one.full_len += more;
        one.facts = CaptureFacts { interface, direction, is_checksum_unfilled, gso_size, dropped_before };
        one.analysis = one.analysis.filter(|_| is_known);
        one
    }
}
