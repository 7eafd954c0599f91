//! Counts the instructions of keeping a timeline, and of cutting it into rows: 65,536 messages of 64
//! bytes, each a chunk of its own.

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
use std::io;

use gungraun::prelude::*;
use sockpit_core::event::{Bytes, Direction, Event, What};
use sockpit_core::history::{History, Limits, Look, Manner, Shelf, View};
use sockpit_core::time::Time;

mod limit;
use limit::counted;

/// In bytes: so much memory that everything stays there, and so little that most of it goes.
const AMPLE: usize = 256 << 20;
const SCARCE: usize = 2 << 20;

#[library_benchmark(setup = empty)]
#[bench::raw_that_stays(args = ("raw", AMPLE), config = counted(30_930_987))]
#[bench::raw_that_goes(args = ("raw", SCARCE), config = counted(40_506_490))]
#[bench::lines_that_stay(args = ("lines", AMPLE), config = counted(53_135_878))]
#[bench::lines_that_go(args = ("lines", SCARCE), config = counted(91_354_597))]
fn take((mut history, event): (History, Event)) -> (History, Event) {
    fill(&mut history, black_box(&event));
    (history, event)
}

#[library_benchmark(setup = filled)]
#[bench::raw(args = ("raw"), config = counted(21_321_242))]
#[bench::lines(args = ("lines"), config = counted(125_735_982))]
fn advance(history: History) -> (History, View) {
    let mut view = View::open(Look::default(), &history);
    while !view.advance(black_box(&history), 1 << 20).is_done {}
    (history, view)
}

fn fill(history: &mut History, event: &Event) {
    let mut event = event.clone();
    for number in 0..65_536 {
        event.number = number + 1;
        event.time = Time::from_nanos(number * 50_000);
        if let What::Chunk { offset, .. } = &mut event.what {
            *offset = number * 64;
        }
        history.take(&event);
    }
}

fn empty(framing: &str, memory: usize) -> (History, Event) {
    let limits = Limits {
        memory,
        ..Limits::default()
    };
    let mut line = [b'x'; 64];
    line[63] = b'\n';
    let mut history = History::new(limits, Some(Box::new(Alike::of(&line))));
    let manner = Manner {
        framing: framing.parse().expect("it is a framing"),
        ..Manner::default()
    };
    history.know(1, manner);
    let event = Event {
        number: 0,
        time: Time::ZERO,
        session: 1,
        peer: 1,
        what: What::Chunk {
            direction: Direction::In,
            offset: 0,
            bytes: Bytes::copy_from_slice(&line),
            full_len: None,
        },
    };
    (history, event)
}

fn filled(framing: &str) -> History {
    let (mut history, event) = empty(framing, AMPLE);
    fill(&mut history, &event);
    history
}

/// A shelf for lines that are all the same: it holds a few of them, and where it would put more.
struct Alike(Vec<u8>, u64);

impl Alike {
    fn of(line: &[u8; 64]) -> Self {
        Self(line.repeat(2 << 10), 0)
    }
}

impl Shelf for Alike {
    fn put(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let place = self.1;
        self.1 += bytes.len() as u64;
        Ok(place)
    }

    fn read(&self, place: u64, at: u64, into: &mut [u8]) -> io::Result<()> {
        let begin = ((place + at) % 64) as usize;
        into.copy_from_slice(&self.0[begin..][..into.len()]);
        Ok(())
    }

    fn free(&mut self, _: u64, _: u64) {}
}

library_benchmark_group!(name = keeping, benchmarks = [take, advance]);
main!(library_benchmark_groups = [keeping]);
