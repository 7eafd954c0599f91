//! What is written reads back; what others may write is read; what lies is refused.

use std::net::IpAddr;

use proptest::prelude::*;

use super::clock::Clock;
use super::*;
use crate::wire::{CaptureFacts, Direction, Packet};

/// Everything in a file, as it would be told, and how it ended.
#[track_caller]
fn read(file: &[u8], step: usize) -> (Vec<String>, Result<Ending, Error>) {
    let mut reader = Reader::new();
    let mut told = Vec::new();
    for chunk in file.chunks(step.max(1)) {
        reader.feed(chunk);
        loop {
            match reader.next_item() {
                Ok(Some(item)) => told.push(tell(&item)),
                Ok(None) => break,
                Err(error) => return (told, Err(error)),
            }
        }
    }
    (told, Ok(reader.ending()))
}

fn tell(item: &Item<'_>) -> String {
    match item {
        Item::Packet(captured) => {
            let comments: Vec<String> = captured.comments().map(Into::into).collect();
            format!("{:?} {comments:?}", captured.packet)
        }
        Item::Names(names) => format!("{:?}", names.collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zé字→\n]{1,40}", "[^\0]{0,10}"]
}

fn facts() -> impl Strategy<Value = CaptureFacts> {
    let direction = prop_oneof![
        Just(Direction::Unknown),
        Just(Direction::In),
        Just(Direction::Out)
    ];
    let sizes = prop::option::of(any::<u16>());
    (0_u32..3, direction, any::<bool>(), sizes, any::<u64>()).prop_map(
        |(interface, direction, is_checksum_unfilled, gso_size, dropped_before)| CaptureFacts {
            interface,
            direction,
            is_checksum_unfilled,
            gso_size,
            dropped_before,
        },
    )
}

type OwnedPacket = (u64, Vec<u8>, u32, CaptureFacts, Vec<String>);

fn packets() -> impl Strategy<Value = Vec<OwnedPacket>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..80);
    let comments = prop::collection::vec(text(), 0..4);
    let packet = (any::<u64>(), bytes, any::<u32>(), facts(), comments);
    prop::collection::vec(packet, 0..8)
}

fn statistics() -> impl Strategy<Value = Statistics> {
    let count = || prop::option::of(any::<u64>());
    let times = (any::<u64>(), count(), count());
    (0_u32..3, times, count(), count(), count(), count(), count()).prop_map(
        |(interface, (at, started, ended), received, dropped, accepted, os_dropped, delivered)| {
            Statistics {
                interface,
                at,
                started,
                ended,
                received,
                dropped,
                accepted,
                os_dropped,
                delivered,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        (section, interface) in (
            (text(), text(), text(), prop::collection::vec(text(), 0..3)),
            (any::<u16>(), any::<u32>(), text(), text(), text(), text()),
        ),
        packets in packets(),
        names in prop::collection::vec(
            (any::<IpAddr>(), prop::collection::vec("[a-z.字]{1,30}", 1..5)), 0..5
        ),
        statistics in statistics(),
        secrets in prop::collection::vec(any::<u8>(), 0..60),
        step in 1_usize..200,
    ) {
        let (hardware, os, application, comments) = section;
        let section = Section { hardware, os, application, comments };
        let (link, snap_len, name, description, filter, os) = interface;
        let link = LinkType(link);
        let interface = Interface { link, snap_len, name, description, filter, os };
        let names: Vec<Name> = names
            .into_iter()
            .map(|(address, names)| Name { address, names })
            .collect();
        let mut file = Vec::new();
        let mut expected = vec![format!("{:?}", Item::Section(section.clone()))];
        let mut writer = Writer::begin(&section, &mut file);
        for number in 0..3 {
            prop_assert_eq!(writer.interface(&interface, &mut file), Ok(number));
            expected.push(format!("{:?}", Item::Interface(interface.clone())));
        }
        writer.names(&names, &mut file);
        if !names.is_empty() {
            expected.push(format!("{names:?}"));
        }
        writer.secrets(TLS_KEY_LOG, &secrets, &mut file).unwrap();
        let item = Item::Secrets(Secrets { kind: TLS_KEY_LOG, bytes: &secrets });
        expected.push(format!("{item:?}"));
        for (at, bytes, full_len, facts, comments) in &packets {
            let full_len = usize::try_from(*full_len).unwrap().max(bytes.len());
            let packet = Packet { at: *at, link, bytes, full_len, facts: *facts };
            let remarks: Vec<&str> = comments.iter().map(String::as_str).collect();
            writer.packet(&packet, &remarks, &mut file).unwrap();
            expected.push(format!("{packet:?} {comments:?}"));
        }
        writer.statistics(&statistics, &mut file).unwrap();
        expected.push(format!("{:?}", Item::Statistics(statistics)));
        let (told, ending) = read(&file, step);
        prop_assert_eq!(told, expected);
        prop_assert_eq!(ending, Ok(Ending::Whole));
        // Another crate's reader takes every block too.
        let mut rest = &file[..];
        while !rest.is_empty() {
            let (after, _) = pcap_parser::parse_block_le(rest).unwrap();
            rest = after;
        }
    }

    #[test]
    fn any_bytes_end(head in 0_usize..7, bytes in prop::collection::vec(any::<u8>(), 0..600), step in 1_usize..64) {
        let mut file = match head {
            0 => vec![],
            1 => vec![0xd4, 0xc3, 0xb2, 0xa1],
            2 => hex("a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001"),
            3 => hex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"),
            _ => sections(),
        };
        file.extend(bytes);
        let _ = read(&file, step);
    }

    #[test]
    fn any_change_of_a_file_ends(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut file = sections();
        for (place, value) in changes {
            let place = place.index(file.len());
            file[place] = value;
        }
        let _ = read(&file, 50);
    }
}

fn hex(text: &str) -> Vec<u8> {
    crate::text::hex::parse(text).unwrap()
}

/// Two sections, the first of big-endian order, with blocks that only others write.
fn sections() -> Vec<u8> {
    hex(concat!(
        // A section whose length is told.
        "0a0d0d0a 00000024 1a2b3c4d 0001 0000 00000000000000fc 0003 0002 6f730000 00000024",
        // Ethernet, a snap length of 4; a clock of 2^-10 s that begins at 1 s, named e0.
        "00000001 00000034 0001 0000 00000004 0002 0003 65300000",
        "0009 0001 8a000000 000e 0008 0000000000000001 0000 0000 00000034",
        // A packet at tick 1536: 1.5 s; captured 3 of 9; going out, and a remark.
        "00000006 00000038 00000000 00000000 00000600 00000003 00000009 01020300",
        "0002 0004 00000002 0001 0003 68657900 0000 0000 00000038",
        // A simple packet of 9, of which the snap length leaves 4.
        "00000003 00000014 00000009 01020304 00000014",
        // An old packet after 7 lost ones.
        "00000002 00000024 0000 0007 00000000 00000400 00000002 00000002 05060000 00000024",
        // A custom block, which is passed over.
        "00000bad 00000014 00007ed9 00000000 00000014",
        // Another order, and a count of interfaces that begins again: RAW, in microseconds.
        "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000",
        "01000000 14000000 6500 0000 00000000 14000000",
        "06000000 24000000 00000000 00000000 07000000 01000000 01000000 45000000 24000000",
    ))
}

#[test]
fn sections_of_both_orders_and_every_kind_of_packet_are_read() {
    let told = |step| {
        let mut reader = Reader::new();
        let (mut packets, mut others) = (Vec::new(), Vec::new());
        for chunk in sections().chunks(step) {
            reader.feed(chunk);
            while let Some(item) = reader.next_item().unwrap() {
                match item {
                    Item::Packet(Captured { packet, .. }) => packets.push((
                        packet.at,
                        packet.link,
                        packet.bytes.to_vec(),
                        packet.full_len,
                        packet.facts,
                    )),
                    other => others.push(tell(&other)),
                }
            }
        }
        assert_eq!(reader.ending(), Ending::Whole);
        (packets, others)
    };
    let facts = CaptureFacts::default();
    let outgoing = CaptureFacts {
        direction: Direction::Out,
        ..facts
    };
    let after_loss = CaptureFacts {
        dropped_before: 7,
        ..facts
    };
    let later = CaptureFacts {
        interface: 1,
        ..facts
    };
    let (packets, others) = told(1000);
    assert_eq!(
        packets,
        [
            (
                2_500_000_000,
                LinkType::ETHERNET,
                vec![1, 2, 3],
                9,
                outgoing
            ),
            (0, LinkType::ETHERNET, vec![1, 2, 3, 4], 9, facts),
            (2_000_000_000, LinkType::ETHERNET, vec![5, 6], 2, after_loss),
            (7000, LinkType::RAW, vec![0x45], 1, later),
        ]
    );
    assert_eq!(others[2], "Skipped { kind: 2989, len: 20 }");
    assert!(others[0].contains("os: \"os\""), "{}", others[0]);
    for step in 1..40 {
        assert_eq!(told(step), (packets.clone(), others.clone()), "{step}");
    }
}

#[test]
fn a_classic_file_is_read_in_both_orders_and_units() {
    for (head, at) in [
        (
            "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001",
            1_000_002_000,
        ),
        (
            "a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001",
            1_000_000_002,
        ),
    ] {
        let file = hex(&format!("{head} 00000001 00000002 00000002 00000005 aabb"));
        let mut reader = Reader::new();
        reader.feed(&file);
        assert!(matches!(reader.next_item(), Ok(Some(Item::Interface(_)))));
        let Ok(Some(Item::Packet(Captured { packet, .. }))) = reader.next_item() else {
            panic!("there is a packet");
        };
        assert_eq!((packet.at, packet.bytes.len(), packet.full_len), (at, 2, 5));
        assert_eq!(reader.ending(), Ending::Whole);
    }
    let file = hex("a1b2cd34 0002 0004 00000000 00000000 0000ffff 00000001 \
         00000001 00000002 00000002 00000005 00000003 0800 00 00 aabb \
         00000001 00000003 00000001 00000001 00000003 0800 00 00 cc");
    let (told, ending) = read(&file, 1);
    assert_eq!((told.len(), ending), (3, Ok(Ending::Whole)), "{told:?}");
    assert!(told[2].contains("1000003000"), "{told:?}");
    let file = hex(
        "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 65000010 01000000 02000000 00000000 07000000",
    );
    let (told, ending) = read(&file, 1);
    assert!(told[1].contains("LinkType(101)"), "{told:?}");
    assert!(told[1].contains("full_len: 7"), "{told:?}");
    assert_eq!(ending, Ok(Ending::Whole));
}

#[test]
fn a_clock_of_any_unit_gives_nanoseconds() {
    let nanos = |resolution, offset, ticks| Clock { resolution, offset }.nanos(ticks);
    assert_eq!(nanos(6, 0, 1_500_000), 1_500_000_000);
    assert_eq!(nanos(9, 0, u64::MAX), u64::MAX);
    assert_eq!(nanos(12, 0, 1_500_000_000_999), 1_500_000_000);
    assert_eq!(nanos(0, 0, 2), 2_000_000_000);
    assert_eq!(nanos(0x80, 0, 2), 2_000_000_000);
    assert_eq!(nanos(0x81, 0, 3), 1_500_000_000);
    assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    assert_eq!(nanos(0x7f, 0, u64::MAX), 0);
    assert_eq!(nanos(0, 0, u64::MAX), u64::MAX);
    assert_eq!(nanos(9, -1, 1_500_000_000), 500_000_000);
    assert_eq!(nanos(9, i64::MIN, 5), 0);
}

/// rule B1: a claim of 4 GiB costs what was fed, not what was claimed.
#[test]
fn b1_a_length_that_is_claimed_is_not_held() {
    let section = "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000";
    let claim = hex(&format!("{section} 06000000 fcffffff 00000000"));
    let (_, ending) = read(&claim, 10);
    let too_long = Error::TooLong {
        offset: 28,
        len: 0xffff_fffc,
    };
    assert_eq!(ending, Err(too_long));
    let mut reader = Reader::new();
    reader.feed(&hex(&format!("{section} 99000000 fcffffff 00000000")));
    while let Ok(Some(_)) = reader.next_item() {}
    for _ in 0..100 {
        reader.feed(&[0; 100_000]);
        assert_eq!(reader.next_item(), Ok(None));
        assert!(reader.buffer.capacity() < 1_000_000);
    }
    assert!(matches!(reader.ending(), Ending::Torn { .. }));
    let classic = "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001";
    let (_, ending) = read(
        &hex(&format!("{classic} 00000001 00000002 ffffffff ffffffff")),
        10,
    );
    assert!(matches!(ending, Err(Error::TooLong { offset: 24, .. })));
}

#[test]
fn what_passes_over_a_block_reads_the_next() {
    let section = "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000";
    let len = 18 * 1024 * 1024_u32;
    let mut file = hex(section);
    file.extend(0x99_u32.to_le_bytes());
    file.extend(len.to_le_bytes());
    file.resize(file.len() + usize::try_from(len).unwrap() - 8, 0);
    file.extend(hex(section));
    let (told, ending) = read(&file, 60_000);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(ending, Ok(Ending::Whole));
}

#[test]
fn what_is_no_capture_says_what_it_may_be() {
    for (file, part) in [
        ("1f8b0800", "compressed with gzip"),
        ("68656c6c6f", "68 65 6c 6c is neither pcap nor pcapng"),
        (
            "0a0d0d0a 1c000000 4d3c2b1a 0200 0000 ffffffffffffffff 1c000000",
            "version 2.0",
        ),
        (
            "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 20000000",
            "28 before it and of 32 after",
        ),
        ("0a0d0d0a 1d000000 4d3c2b1a", "a length of 29"),
        (
            "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000 \
             03000000 14000000 04000000 01020304 14000000",
            "interface 0, of which the section says nothing",
        ),
    ] {
        let error = read(&hex(file), 100).1.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(read(&[], 1).1, Ok(Ending::Empty));
    let torn = Ending::Torn { offset: 0, len: 3 };
    assert_eq!(read(&[0x0a, 0x0d, 0x0d], 1).1, Ok(torn));
}

#[test]
fn a_file_takes_one_link_type() {
    let mut file = Vec::new();
    let mut writer = Writer::begin(&Section::default(), &mut file);
    let packet = Packet::new(LinkType::ETHERNET, b"x");
    let nowhere = WriteError::Interface {
        interface: 0,
        count: 0,
    };
    assert_eq!(writer.packet(&packet, &[], &mut file), Err(nowhere));
    let ethernet = Interface::new(LinkType::ETHERNET, "e0");
    writer.interface(&ethernet, &mut file).unwrap();
    let raw = Interface::new(LinkType::RAW, "tun0");
    let error = writer.interface(&raw, &mut file).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a file of packets of Ethernet takes none of RAW; write another file for them"
    );
    let len = file.len();
    let packet = Packet::new(LinkType::RAW, b"x");
    assert!(writer.packet(&packet, &[], &mut file).is_err());
    assert_eq!(file.len(), len, "a refusal writes nothing");
}
