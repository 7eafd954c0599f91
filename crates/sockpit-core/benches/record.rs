//! Counts the instructions of writing events as records, and of reading them back: 64 of each.

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
use sockpit_core::event::{Bytes, Direction, Event, FaultKind, Value, What};
use sockpit_core::flow::Settings;
use sockpit_core::machine::Reason;
use sockpit_core::pcap::{Item, Reader};
use sockpit_core::record::{self, Epoch};
use sockpit_core::sighting::Observer;
use sockpit_core::time::Time;

mod limit;
use limit::counted;

/// 2026-11-21T08:00:00Z.
const EPOCH: Epoch = Epoch(1_795_248_000_000_000_000);

/// One transfer of many segments, some of which are lost.
const BULK: &[u8] = include_bytes!("../../../testdata/captures/tcp/bulk_loss.pcap");

#[library_benchmark]
#[bench::chunk_of_64(args = (chunk(64)), config = counted(114_187))]
#[bench::chunk_of_1_kib(args = (chunk(1024)), config = counted(275_567))]
#[bench::text(args = (frame("temperature=21.5 humidity=40 ok; temperature=21.5 humidity=40 ok")), config = counted(160_907))]
#[bench::chinese(args = (frame("温度二十一度半,湿度百分之四十,正常。正常。")), config = counted(173_067))]
#[bench::controls(args = (frame("\u{1b}[2J\u{202e}\"\\\r\n\u{1b}[2J\u{202e}\"\\\r\n")), config = counted(205_515))]
#[bench::opened(args = (opened()), config = counted(128_331))]
#[bench::closed(args = (closed()), config = counted(76_811))]
#[bench::fault(args = (fault()), config = counted(145_227))]
#[bench::note(args = (note()), config = counted(154_251))]
#[bench::packet(args = (packet()), config = counted(880_722))]
fn write(event: Event) -> (Event, Vec<u8>) {
    let mut out = Vec::with_capacity(256 * 1024);
    for _ in 0..64 {
        record::write(black_box(&event), EPOCH, &mut out);
    }
    (event, out)
}

#[library_benchmark(setup = written)]
#[bench::chunk_of_64(args = (chunk(64)), config = counted(593_824))]
#[bench::chunk_of_1_kib(args = (chunk(1024)), config = counted(2_178_654))]
#[bench::text(args = (frame("temperature=21.5 humidity=40 ok; temperature=21.5 humidity=40 ok")), config = counted(504_542))]
fn read(record: Vec<u8>) -> Vec<u8> {
    for _ in 0..64 {
        black_box(record::read(black_box(&record), EPOCH).expect("it was written so"));
    }
    record
}

fn chunk(len: usize) -> Event {
    event(What::Chunk {
        direction: Direction::In,
        offset: 1_234_567,
        bytes: (0..=255).cycle().take(len).collect(),
        full_len: None,
    })
}

fn frame(text: &str) -> Event {
    event(What::Frame {
        direction: Direction::In,
        offset: 1_234_567,
        payload: Bytes::copy_from_slice(text.as_bytes()),
        text: Some(text.to_owned()),
        malformed: false,
        partial: false,
        full_len: None,
    })
}

fn opened() -> Event {
    event(What::Opened {
        addr: "tcp://127.0.0.1:54321".to_owned(),
        local: "tcp://127.0.0.1:7000".to_owned(),
    })
}

fn closed() -> Event {
    event(What::Closed {
        reason: Reason::Fin,
        message: String::new(),
    })
}

fn fault() -> Event {
    event(What::Fault {
        kind: FaultKind::Frame,
        message: "a message of 70000 bytes is longer than the limit of 65536".to_owned(),
        count: Some(70_000),
    })
}

fn note() -> Event {
    event(What::Note {
        kind: "state".to_owned(),
        message: "at 21.5 degrees".to_owned(),
        data: [("temperature".to_owned(), Value::from(21.5))]
            .into_iter()
            .collect(),
    })
}

/// The last packet of a capture file, with what is known of its conversation.
fn packet() -> Event {
    let mut reader = Reader::new();
    reader.feed(BULK);
    let mut observer = Observer::new(Settings::default());
    let mut last = None;
    while let Some(item) = reader.next_item().expect("it is a capture file") {
        if let Item::Packet(captured) = item {
            last = Some(observer.observe(captured.packet).keep());
        }
    }
    event(What::Packet {
        direction: Direction::In,
        offset: Some(1_234_567),
        packet: Box::new(last.expect("the file has packets")),
    })
}

fn event(what: What) -> Event {
    Event {
        number: 123_456,
        time: Time::from_nanos(3_723_123_456_789),
        session: 1,
        peer: 1,
        what,
    }
}

fn written(event: Event) -> Vec<u8> {
    let mut out = Vec::new();
    record::write(&event, EPOCH, &mut out);
    out
}

library_benchmark_group!(name = records, benchmarks = [write, read]);
main!(library_benchmark_groups = [records]);
