//! Decoding: our summary of a frame says what tshark's fields say.

use sockpit_core::text::hex;
use sockpit_core::wire::{LinkType, Packet, Summary};

use crate::support::{self, Frame, golden, printed, put};

mod broken;
mod checksums;
mod fields;
mod live;

use fields::{FIRM, ours, tshark};

/// Checks every field of every frame, the fields of a packet within an ICMP error set apart.
#[track_caller]
fn check(frames: &[Frame]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "frames.pcapng", &support::write(frames));
    let Some(theirs) = tshark(&path) else { return };
    assert_eq!(theirs.len(), frames.len());
    for (number, (frame, mut theirs)) in frames.iter().zip(theirs).enumerate() {
        let mut ours = ours(frame);
        if ours.contains_key("icmp.type") || ours.contains_key("icmpv6.type") {
            for row in [&mut ours, &mut theirs] {
                row.retain(|field, _| {
                    FIRM.contains(field) && *field != "udp.length" && *field != "tcp.ack_raw"
                        || field.starts_with("icmp")
                });
            }
        }
        let head = &frame.bytes[..frame.bytes.len().min(100)];
        assert_eq!(ours, theirs, "frame {}: {head:02x?}", number + 1);
    }
}

fn golden_frames(name: &str) -> Vec<Frame> {
    let file = std::fs::read(golden(name)).expect("the capture is in the repository");
    support::read(&file, 4096).0
}

#[test]
fn recorded_frames_are_what_tshark_says() {
    for name in [
        "loopback.pcap",
        "loopback.pcapng",
        "cooked.pcap",
        "cooked2.pcap",
    ] {
        check(&golden_frames(name));
    }
}

/// The recorded frames with another link layer before their packets.
fn relinked(link: LinkType, header: impl Fn(bool) -> Vec<u8>) -> Vec<Frame> {
    let mut frames = golden_frames("loopback.pcap");
    for frame in &mut frames {
        let is_v6 = frame.bytes[12..14] == [0x86, 0xdd];
        let mut bytes = header(is_v6);
        bytes.extend_from_slice(&frame.bytes[14..]);
        frame.link = link;
        frame.full_len = bytes.len();
        frame.bytes = bytes;
    }
    frames
}

#[test]
fn every_link_type_leads_to_the_same_packet() {
    let ether_type = |is_v6| if is_v6 { [0x86, 0xdd] } else { [8, 0] };
    for v6 in [24_u32, 28, 30] {
        let family = |is_v6| if is_v6 { v6 } else { 2 };
        check(&relinked(LinkType::NULL, |is_v6| {
            family(is_v6).to_le_bytes().to_vec()
        }));
        check(&relinked(LinkType::LOOP, |is_v6| {
            family(is_v6).to_be_bytes().to_vec()
        }));
    }
    check(&relinked(LinkType::RAW, |_| Vec::new()));
    check(&relinked(LinkType::SLL, |is_v6| {
        let mut header = vec![0, 4, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
        header.extend(ether_type(is_v6));
        header
    }));
    check(&relinked(LinkType::SLL2, |is_v6| {
        let mut header = ether_type(is_v6).to_vec();
        header.extend([0, 0, 0, 0, 0, 7, 3, 4, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
        header
    }));
    check(&relinked(LinkType::ETHERNET, |is_v6| {
        let mut header = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x60, 42];
        header.extend(ether_type(is_v6));
        header
    }));
}

#[test]
fn rare_headers_are_what_tshark_says() {
    let syn = "9c40 1b58 01020304 00000000 a002 faf0 7d0a 0000 \
               020405b4 0402 080a 00000064 00000000 01 030307";
    let sack = "9c40 1b58 00000001 00000001 e010 faf0 0000 0000 0101 0522 \
                00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008";
    let v6 = "00000000000000000000000000000001 00000000000000000000000000000002";
    let udp = "9c40 1b58 000c 0000 61626364";
    let frames = [
        // IPv4 with a record route, then TCP; with a length of 0; with an authentication header.
        format!(
            "48 00 0048 0001 4000 40 06 0000 0a000001 0a000002 070b0400 00000000 00000000 {syn}"
        ),
        format!("45 00 0000 0001 4000 40 06 0000 0a000001 0a000002 {syn}"),
        format!(
            "45 00 0038 0001 4000 40 33 0000 0a000001 0a000002 11040000 00000001 00000002 \
                 000102030405060708090a0b {udp}"
        ),
        format!("45 00 0050 0000 4000 40 06 0000 0a000001 0a000002 {sack}"),
        // IPv6 with options, a routing header, a lone fragment header, one of a first fragment.
        format!("60000000 001c 00 40 {v6} 3c 00 0502 0000 0100 11 00 0104 00000000 {udp}"),
        format!("60000000 0024 2b 40 {v6} 11 02 02 00 00000000 {v6} {udp}"),
        format!("60000000 0014 2c 40 {v6} 11 00 0000 00000007 {udp}"),
        format!("60000000 0014 2c 40 {v6} 11 00 0001 00000007 {udp}"),
        // Something after it that nobody reads, and options of the wrong length.
        format!("45 00 0018 0000 4000 40 84 0000 0a000001 0a000002 {udp}"),
        "45 00 0030 0000 4000 40 06 0000 0a000001 0a000002 \
         9c40 1b58 00000000 00000000 7002 0000 0000 0000 0203 01 0304 0101 01"
            .to_owned(),
    ];
    let frame = |text: &String| {
        let bytes = hex::parse(text).expect("it is hex");
        Frame::of(&Packet::new(LinkType::RAW, &bytes))
    };
    check(&frames.iter().map(frame).collect::<Vec<_>>());
}
