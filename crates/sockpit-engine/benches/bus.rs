//! Counts the instructions of publishing on the bus: 64 chunks, as a driver does.

#![allow(
    missing_docs,
    unused_qualifications,
    clippy::exit,
    reason = "the macros make items of their own"
)]

use std::hint::black_box;

use gungraun::prelude::*;
use sockpit_core::event::{Bytes, Direction, What};
use sockpit_core::time::Time;
use sockpit_engine::bus::{LoneBus, Scope, Tap, View};

#[path = "../../sockpit-core/benches/limit/mod.rs"]
mod limit;
use limit::counted;

/// A bus, and those who listen to it.
type Listened = (LoneBus, Vec<Tap>, Vec<View>, Bytes);

#[library_benchmark]
#[bench::to_nobody(args = (listened(0, 0)), config = counted(676))]
#[bench::to_a_tap(args = (listened(1, 0)), config = counted(32_805))]
#[bench::to_a_tap_and_two_views(args = (listened(1, 2)), config = counted(53_009))]
fn publish(listened: Listened) -> Listened {
    let (bus, _, _, bytes) = &listened;
    for offset in 0..64 {
        if black_box(bus).wants(Scope::Chunks) {
            let chunk = What::Chunk {
                direction: Direction::In,
                offset,
                bytes: bytes.clone(),
                full_len: None,
            };
            bus.publish(Time::from_nanos(offset), chunk);
        }
    }
    listened
}

fn listened(taps: usize, views: usize) -> Listened {
    let bus = LoneBus::start();
    let taps = (0..taps).map(|_| bus.tap()).collect();
    let views = (0..views).map(|_| bus.view()).collect();
    (bus, taps, views, Bytes::from(vec![b'x'; 1024]))
}

library_benchmark_group!(name = publishing, benchmarks = [publish]);
main!(library_benchmark_groups = [publishing]);
