//! Cutting lines, beside the least that finding their ends can cost: one sweep over the same bytes.

use std::hint::black_box;
use std::io;
use std::time::Instant;

use memchr::memchr_iter;
use sockpit_core::frame::Framing;
use sockpit_core::time::Time;

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::process;
use super::table::{Target, Unit};

/// In bytes.
const LINE: usize = 1024;

/// In bytes: one read of a session that nobody watches.
const CHUNK: usize = 256 * 1024;

/// How often the chunk is gone through in one run.
const TIMES: usize = 20_000;

pub(super) fn comparison(bench: &Bench) -> Comparison<'_> {
    let ours = || process::figures::<1>(&mut bench.load("scan-lines", 0, TIMES));
    let sweep = || process::figures::<1>(&mut bench.load("scan-sweep", 0, TIMES));
    Comparison::new(
        "scan: lines of 1 KiB found in memory, 256 KiB at a time",
        Unit::BytesPerSecond,
        vec![
            Contender::new("framing `lines`", ours),
            Contender::new("memchr alone", sweep).with_target(Target::RatioAtLeast(0.8)),
        ],
    )
}

/// Cuts lines, in bytes a second.
pub(super) fn lines(times: usize) -> io::Result<f64> {
    let mut decoder = Framing::Lines.decoder(CHUNK);
    measure(times, |chunk| {
        let mut count = 0;
        let pushed = decoder.push(Time::ZERO, chunk, |frame| {
            black_box(frame.payload);
            count += 1;
        });
        pushed.map_err(io::Error::other)?;
        Ok(count)
    })
}

/// Finds the ends of lines, in bytes a second.
pub(super) fn sweep(times: usize) -> io::Result<f64> {
    measure(times, |chunk| {
        let ends = memchr_iter(b'\n', chunk).inspect(|end| {
            black_box(end);
        });
        Ok(ends.fold(0, |count, _| count + 1))
    })
}

fn measure(times: usize, mut find: impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<f64> {
    let mut line = vec![b'x'; LINE];
    line[LINE - 1] = b'\n';
    let chunk = line.repeat(CHUNK / LINE);
    let began = Instant::now();
    for _ in 0..times {
        if find(black_box(&chunk))? != CHUNK / LINE {
            return Err(io::Error::other("not every line was found"));
        }
    }
    Ok((times * CHUNK) as f64 / began.elapsed().as_secs_f64())
}
