//! Counts the instructions of looking at packets: reading a capture file, the summary, TCP's analysis,
//! and every field.

#![allow(
    missing_docs,
    unused_qualifications,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::exit,
    clippy::needless_pass_by_value,
    reason = "the macros make items of their own, and pass by value"
)]

use std::hint::black_box;

use gungraun::prelude::*;
use sockpit_core::dissect::dissect;
use sockpit_core::flow::Settings;
use sockpit_core::pcap::{Item, Reader};
use sockpit_core::sighting::Observer;
use sockpit_core::wire::{CaptureFacts, LinkType, Packet, Summary};

mod limit;
use limit::counted;

/// All that a loopback carries; 60 packets.
const MIXED: &[u8] = include_bytes!("../../../testdata/captures/loopback.pcapng");
/// One transfer of many segments, some of which are lost.
const BULK: &[u8] = include_bytes!("../../../testdata/captures/tcp/bulk_loss.pcap");

/// What a packet was captured as, without borrowing the file.
type Seen = (u64, LinkType, usize, CaptureFacts, Vec<u8>);

#[library_benchmark]
#[bench::mixed(args = (MIXED), config = counted(31_108))]
#[bench::bulk(args = (BULK), config = counted(64_315))]
fn read(file: &[u8]) -> usize {
    let mut reader = Reader::new();
    reader.feed(black_box(file));
    let mut count = 0;
    while let Ok(Some(item)) = reader.next_item() {
        count += usize::from(matches!(black_box(item), Item::Packet(_)));
    }
    count
}

#[library_benchmark(setup = packets)]
#[bench::mixed(args = (MIXED), config = counted(49_673))]
#[bench::bulk(args = (BULK), config = counted(291_995))]
fn summarise(packets: Vec<Seen>) -> Vec<Seen> {
    for seen in &packets {
        black_box(Summary::of(&packet(seen)));
    }
    packets
}

// With what TCP's conversations say of each.
#[library_benchmark(setup = observed)]
#[bench::mixed(args = (MIXED), config = counted(108_457))]
#[bench::bulk(args = (BULK), config = counted(833_723))]
fn observe((mut observer, packets): (Observer, Vec<Seen>)) -> (Observer, Vec<Seen>) {
    for seen in &packets {
        black_box(observer.observe(packet(seen)));
    }
    (observer, packets)
}

// Field by field.
#[library_benchmark(setup = packets)]
#[bench::mixed(args = (MIXED), config = counted(2_511_507))]
#[bench::bulk(args = (BULK), config = counted(14_045_763))]
fn take_apart(packets: Vec<Seen>) -> Vec<Seen> {
    for seen in &packets {
        black_box(dissect(&packet(seen)));
    }
    packets
}

fn packet((at, link, full_len, facts, bytes): &Seen) -> Packet<'_> {
    Packet {
        at: *at,
        link: *link,
        bytes,
        full_len: *full_len,
        facts: *facts,
    }
}

fn packets(file: &[u8]) -> Vec<Seen> {
    let mut reader = Reader::new();
    reader.feed(file);
    let mut packets = Vec::new();
    while let Some(item) = reader.next_item().expect("it is a capture file") {
        if let Item::Packet(captured) = item {
            let packet = captured.packet;
            let bytes = packet.bytes.to_vec();
            packets.push((packet.at, packet.link, packet.full_len, packet.facts, bytes));
        }
    }
    packets
}

fn observed(file: &[u8]) -> (Observer, Vec<Seen>) {
    (Observer::new(Settings::default()), packets(file))
}

library_benchmark_group!(
    name = packet_group,
    benchmarks = [read, summarise, observe, take_apart]
);
main!(library_benchmark_groups = [packet_group]);
