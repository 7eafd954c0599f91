//! Counts the instructions of cutting messages out of a stream, and of putting them in.
//!
//! The same message arrives byte by byte at two lengths: four times the bytes may take four times the
//! instructions, and what grew with the square of them would take sixteen.

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
use sockpit_core::frame::{Decoder, Framing, Scanner};
use sockpit_core::time::Time;

mod limit;
use limit::counted;

/// In bytes: the limit of a message.
const LIMIT: usize = 1 << 20;

// 64 KiB in one chunk: messages of 1 KiB.
#[library_benchmark(setup = long)]
#[bench::raw(args = ("raw"), config = counted(212))]
#[bench::lines(args = ("lines"), config = counted(15_530))]
#[bench::delim(args = ("delim:;"), config = counted(26_367))]
#[bench::delim_of_three(args = ("delim:;;;"), config = counted(39_326))]
#[bench::fixed(args = ("fixed:1024"), config = counted(10_492))]
#[bench::len_u16be(args = ("len:u16be"), config = counted(18_239))]
#[bench::len_u16le(args = ("len:u16le"), config = counted(18_751))]
#[bench::len_u32be(args = ("len:u32be"), config = counted(19_839))]
#[bench::len_u32le(args = ("len:u32le"), config = counted(20_799))]
#[bench::len_varint(args = ("len:varint"), config = counted(19_135))]
#[bench::len_behind_others(args = ("len:u16be,offset=2,adjust=-4"), config = counted(18_239))]
#[bench::len_kept(args = ("len:u16be,keep"), config = counted(18_239))]
#[bench::slip(args = ("slip"), config = counted(39_636))]
#[bench::cobs(args = ("cobs"), config = counted(45_708))]
#[bench::gap(args = ("gap:20ms"), config = counted(6_887))]
fn decode_long((mut decoder, stream): (Decoder, Vec<u8>)) -> (Decoder, Vec<u8>) {
    decode(&mut decoder, &stream, stream.len());
    (decoder, stream)
}

// 64 KiB in one chunk: messages of 16 bytes.
#[library_benchmark(setup = short)]
#[bench::lines(args = ("lines"), config = counted(381_233))]
#[bench::delim(args = ("delim:;"), config = counted(1_077_510))]
#[bench::delim_of_three(args = ("delim:;;;"), config = counted(1_188_136))]
#[bench::fixed(args = ("fixed:16"), config = counted(655_612))]
#[bench::len_u8(args = ("len:u8"), config = counted(1_097_983))]
#[bench::slip(args = ("slip"), config = counted(1_319_195))]
#[bench::cobs(args = ("cobs"), config = counted(966_915))]
fn decode_short((mut decoder, stream): (Decoder, Vec<u8>)) -> (Decoder, Vec<u8>) {
    decode(&mut decoder, &stream, stream.len());
    (decoder, stream)
}

// 64 KiB in one chunk: messages of every byte there is, so that many are escaped.
#[library_benchmark(setup = binary)]
#[bench::slip(args = ("slip"), config = counted(110_043))]
#[bench::cobs(args = ("cobs"), config = counted(58_164))]
fn decode_binary((mut decoder, stream): (Decoder, Vec<u8>)) -> (Decoder, Vec<u8>) {
    decode(&mut decoder, &stream, stream.len());
    (decoder, stream)
}

// One message, read byte by byte.
#[library_benchmark(setup = one)]
#[bench::lines_16_kib(args = ("lines", 16), config = counted(3_627_793))]
#[bench::lines_64_kib(args = ("lines", 64), config = counted(14_487_691))]
#[bench::delim_16_kib(args = ("delim:;", 16), config = counted(4_430_552))]
#[bench::delim_64_kib(args = ("delim:;", 64), config = counted(17_707_026))]
#[bench::fixed_16_kib(args = ("fixed:16384", 16), config = counted(2_806_235))]
#[bench::fixed_64_kib(args = ("fixed:65536", 64), config = counted(11_212_017))]
#[bench::len_16_kib(args = ("len:u32be", 16), config = counted(2_940_309))]
#[bench::len_64_kib(args = ("len:u32be", 64), config = counted(11_743_954))]
#[bench::slip_16_kib(args = ("slip", 16), config = counted(3_613_473))]
#[bench::slip_64_kib(args = ("slip", 64), config = counted(14_438_117))]
#[bench::cobs_16_kib(args = ("cobs", 16), config = counted(3_782_407))]
#[bench::cobs_64_kib(args = ("cobs", 64), config = counted(15_104_823))]
#[bench::gap_16_kib(args = ("gap:20ms", 16), config = counted(2_298_303))]
#[bench::gap_64_kib(args = ("gap:20ms", 64), config = counted(9_180_381))]
fn decode_bytewise((mut decoder, stream): (Decoder, Vec<u8>)) -> (Decoder, Vec<u8>) {
    decode(&mut decoder, &stream, 1);
    (decoder, stream)
}

// A delimiter of which every byte looks like its beginning, read byte by byte.
#[library_benchmark(setup = false_starts)]
#[bench::of_16_kib(args = (16), config = counted(3_677_439))]
#[bench::of_64_kib(args = (64), config = counted(14_700_940))]
fn decode_false_starts((mut decoder, stream): (Decoder, Vec<u8>)) -> (Decoder, Vec<u8>) {
    decode(&mut decoder, &stream, 1);
    (decoder, stream)
}

// As `decode_long`, keeping nothing: how a history finds messages.
#[library_benchmark(setup = scanned)]
#[bench::raw(args = ("raw"), config = counted(111))]
#[bench::lines(args = ("lines"), config = counted(23_572))]
#[bench::delim(args = ("delim:;"), config = counted(26_132))]
#[bench::fixed(args = ("fixed:1024"), config = counted(10_324))]
#[bench::len_u16be(args = ("len:u16be"), config = counted(18_196))]
#[bench::len_varint(args = ("len:varint"), config = counted(19_092))]
#[bench::slip(args = ("slip"), config = counted(44_204))]
#[bench::cobs(args = ("cobs"), config = counted(77_146))]
#[bench::gap(args = ("gap:20ms"), config = counted(183))]
fn scan((mut scanner, stream): (Scanner, Vec<u8>)) -> (Scanner, Vec<u8>) {
    let mut places = 0;
    scanner
        .push(Time::ZERO, &stream, |span| places += span.offset)
        .expect("the messages are within the limit");
    black_box(places);
    (scanner, stream)
}

// 64 messages of 1 KiB.
#[library_benchmark(setup = plain)]
#[bench::raw(args = ("raw"), config = counted(11_825))]
#[bench::lines(args = ("lines"), config = counted(25_546))]
#[bench::delim(args = ("delim:;"), config = counted(32_390))]
#[bench::fixed(args = ("fixed:1024"), config = counted(11_889))]
#[bench::len_u16be(args = ("len:u16be"), config = counted(15_793))]
#[bench::len_varint(args = ("len:varint"), config = counted(15_537))]
#[bench::slip(args = ("slip"), config = counted(33_681))]
#[bench::cobs(args = ("cobs"), config = counted(60_106))]
#[bench::gap(args = ("gap:20ms"), config = counted(11_953))]
fn encode((framing, payload, mut out): (Framing, Vec<u8>, Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    for _ in 0..64 {
        framing
            .encode(black_box(&payload), &mut out)
            .expect("the framing can say it");
    }
    (payload, out)
}

// The least that finding the ends of 64 lines of 1 KiB can cost.
#[library_benchmark(setup = long)]
#[bench::lines(args = ("lines"), config = counted(12_837))]
fn sweep((decoder, stream): (Decoder, Vec<u8>)) -> (Decoder, Vec<u8>) {
    for end in memchr::memchr_iter(b'\n', black_box(&stream)) {
        black_box(end);
    }
    (decoder, stream)
}

fn decode(decoder: &mut Decoder, stream: &[u8], cut: usize) {
    let mut bytes = 0;
    for chunk in stream.chunks(cut) {
        decoder
            .push(Time::ZERO, black_box(chunk), |frame| {
                bytes += black_box(frame.payload).len();
            })
            .expect("the messages are within the limit");
    }
    decoder.finish(|frame| bytes += frame.payload.len());
    black_box(bytes);
}

fn long(framing: &str) -> (Decoder, Vec<u8>) {
    stream(framing, &text(1024), 64)
}

fn short(framing: &str) -> (Decoder, Vec<u8>) {
    stream(framing, &text(16), 4096)
}

fn binary(framing: &str) -> (Decoder, Vec<u8>) {
    stream(framing, &(0..=255).collect::<Vec<u8>>().repeat(4), 64)
}

fn one(framing: &str, len_kib: usize) -> (Decoder, Vec<u8>) {
    stream(framing, &text(len_kib * 1024), 1)
}

fn false_starts(len_kib: usize) -> (Decoder, Vec<u8>) {
    let (decoder, _) = stream("delim:aaaaaaab", b"", 0);
    (decoder, b"aaaaaaac".repeat(len_kib * 128))
}

fn scanned(framing: &str) -> (Scanner, Vec<u8>) {
    let (_, stream) = long(framing);
    (Scanner::new(&known(framing), LIMIT), stream)
}

fn plain(framing: &str) -> (Framing, Vec<u8>, Vec<u8>) {
    (known(framing), text(1024), Vec::with_capacity(256 * 1024))
}

fn stream(framing: &str, payload: &[u8], count: usize) -> (Decoder, Vec<u8>) {
    // A header that is kept is the payload's own, so that the one of the stream is made without.
    let plain = known(framing.trim_end_matches(",keep"));
    let framing = known(framing);
    let mut stream = Vec::new();
    for _ in 0..count {
        plain
            .encode(payload, &mut stream)
            .expect("the framing can say it");
    }
    (framing.decoder(LIMIT), stream)
}

fn known(framing: &str) -> Framing {
    framing.parse().expect("it is a framing")
}

/// Letters, of which none is special to any framing.
fn text(len: usize) -> Vec<u8> {
    (b'A'..=b'Z').cycle().take(len).collect()
}

library_benchmark_group!(
    name = decoding,
    benchmarks = [decode_long, decode_short, decode_binary]
);
library_benchmark_group!(
    name = growth,
    benchmarks = [decode_bytewise, decode_false_starts]
);
library_benchmark_group!(name = others, benchmarks = [scan, encode, sweep]);
main!(library_benchmark_groups = [decoding, growth, others]);
