//! Frames as kernels give them, put together again.

use sockpit_core::wire::Summary;

use super::*;

#[test]
fn a_tag_is_put_back_into_an_ethernet_frame() {
    let bytes = [&[2; 12][..], &[0x08, 0x00], &ip()].concat();
    let mut frame = frame(&bytes, Some((0x8100, 7)));
    let (put, summary) = put(&frame, Layer::Ethernet);
    assert_eq!(put.len(), bytes.len() + 4);
    assert_eq!(put[12..18], [0x81, 0, 0, 7, 0x08, 0]);
    assert_eq!(summary.vlan, Some(7));
    assert!(summary.udp().is_some());
    frame.tag = None;
    assert_eq!(self::put(&frame, Layer::Ethernet).0, bytes);
}

#[test]
fn a_cooked_packet_gets_its_tags_back_wherever_the_kernel_has_put_them() {
    let plain = ip();
    let left = [&[0, 7, 0x08, 0x00][..], &plain].concat();
    for (name, bytes, tag, protocol, vlan) in [
        ("none", &plain, None, IPV4, None),
        ("taken off", &plain, Some((0x8100, 7)), IPV4, Some(7)),
        ("left, before Linux 6.11", &left, None, 0x8100, Some(7)),
        ("left and told", &left, Some((0x8100, 7)), IPV4, Some(7)),
        (
            "two, before Linux 6.11",
            &left,
            Some((0x88a8, 5)),
            0x8100,
            Some(7),
        ),
        ("two", &left, Some((0x88a8, 5)), IPV4, Some(7)),
    ] {
        let mut frame = frame(bytes, tag);
        frame.protocol = protocol;
        for layer in [Layer::Cooked, Layer::CookedAny] {
            let (_, summary) = put(&frame, layer);
            assert_eq!(summary.vlan, vlan, "{name}");
            assert!(summary.udp().is_some(), "{name}");
            assert_eq!(summary.interface_number, Some(3), "{name}");
        }
    }
}

#[test]
fn a_packet_whose_length_looks_like_a_protocol_has_no_tag() {
    let mut bytes = ip();
    bytes.resize(0x0800, 0);
    bytes[2..5].copy_from_slice(&[0x08, 0x00, 0x4f]);
    let (_, summary) = put(&frame(&bytes, Some((0x8100, 0x4500))), Layer::Cooked);
    assert_eq!(summary.vlan, Some(0x0500));
    assert_eq!(summary.ip().map(|ip| ip.total_len), Some(0x0800));
}

#[test]
fn a_packet_of_the_loopback_goes_neither_way() {
    let bytes = ip();
    let mut frame = frame(&bytes, None);
    for (hardware, kind, direction) in [
        (LOOPBACK, PacketType::HOST, Direction::Unknown),
        (1, PacketType::HOST, Direction::In),
        (1, PacketType::MULTICAST, Direction::In),
        (1, PacketType::OUTGOING, Direction::Out),
    ] {
        (frame.hardware, frame.kind) = (hardware, kind);
        let mut scratch = Vec::new();
        let packet = packet(&frame, Layer::Cooked, &mut scratch);
        assert_eq!(packet.facts.direction, direction);
        assert_eq!(
            (packet.bytes.len(), packet.full_len),
            (bytes.len() + 20, bytes.len() + 20)
        );
    }
}

/// The bytes of a packet as we give it, and what they mean.
fn put(frame: &Frame<'_>, layer: Layer) -> (Vec<u8>, Summary) {
    let mut scratch = vec![0; 3];
    let packet = packet(frame, layer, &mut scratch);
    (packet.bytes.to_vec(), Summary::of(&packet))
}

fn frame(bytes: &[u8], tag: Option<(u16, u16)>) -> Frame<'_> {
    Frame {
        at: 0,
        bytes,
        full_len: bytes.len(),
        kind: PacketType::HOST,
        is_checksum_unfilled: false,
        gso_size: None,
        tag,
        interface: 3,
        hardware: 1,
        protocol: IPV4,
        address: [0; 8],
        address_len: 6,
        is_losing: false,
    }
}

/// A datagram over IPv4.
fn ip() -> Vec<u8> {
    let mut bytes = vec![
        0x45, 0, 0, 29, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    bytes.extend([0, 1, 0, 2, 0, 9, 0, 0, b'a']);
    bytes
}
