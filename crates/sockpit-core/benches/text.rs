//! Counts the instructions of decoding messages, and of making them harmless to look at.

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
use sockpit_core::text::charset::{Charset, Decoder};
use sockpit_core::text::escape::visible_text;

mod limit;
use limit::counted;

// A message of 32 KiB.
#[library_benchmark(setup = long)]
#[bench::utf_8_of_ascii(args = ("utf-8", ASCII), config = counted(17_853))]
#[bench::utf_8_of_chinese(args = ("utf-8", CHINESE), config = counted(344_964))]
#[bench::gbk_of_ascii(args = ("gbk", ASCII), config = counted(49_078))]
#[bench::gbk_of_chinese(args = ("gbk", CHINESE), config = counted(1_075_656))]
#[bench::gb18030_of_chinese(args = ("gb18030", CHINESE), config = counted(1_075_656))]
#[bench::big5_of_chinese(args = ("big5", TRADITIONAL), config = counted(1_004_530))]
#[bench::shift_jis_of_japanese(args = ("shift_jis", JAPANESE), config = counted(960_112))]
#[bench::euc_jp_of_japanese(args = ("euc-jp", JAPANESE), config = counted(990_325))]
#[bench::euc_kr_of_korean(args = ("euc-kr", KOREAN), config = counted(870_908))]
#[bench::utf_16le_of_chinese(args = ("utf-16le", CHINESE), config = counted(641_853))]
#[bench::utf_16be_of_chinese(args = ("utf-16be", CHINESE), config = counted(625_455))]
#[bench::latin1_of_german(args = ("latin1", GERMAN), config = counted(609_548))]
fn decode_long((charset, bytes): (Charset, Vec<u8>)) -> Vec<u8> {
    black_box(charset.decode(black_box(&bytes)));
    bytes
}

// 64 messages of 32 bytes.
#[library_benchmark(setup = short)]
#[bench::utf_8_of_ascii(args = ("utf-8", ASCII), config = counted(18_334))]
#[bench::utf_8_of_chinese(args = ("utf-8", CHINESE), config = counted(51_556))]
#[bench::gbk_of_chinese(args = ("gbk", CHINESE), config = counted(178_081))]
#[bench::utf_16le_of_chinese(args = ("utf-16le", CHINESE), config = counted(150_515))]
#[bench::latin1_of_german(args = ("latin1", GERMAN), config = counted(149_400))]
fn decode_short((charset, bytes): (Charset, Vec<u8>)) -> Vec<u8> {
    for _ in 0..64 {
        black_box(charset.decode(black_box(&bytes)));
    }
    bytes
}

// A message of nothing but bytes that are no text, at two lengths: see that it grows with them.
#[library_benchmark(setup = broken)]
#[bench::utf_8_16_kib(args = ("utf-8", 16), config = counted(1_131_423))]
#[bench::utf_8_64_kib(args = ("utf-8", 64), config = counted(4_529_362))]
#[bench::gbk_16_kib(args = ("gbk", 16), config = counted(4_328_779))]
#[bench::gbk_64_kib(args = ("gbk", 64), config = counted(17_311_358))]
#[bench::utf_16le_16_kib(args = ("utf-16le", 16), config = counted(2_092_462))]
#[bench::utf_16le_64_kib(args = ("utf-16le", 64), config = counted(8_365_796))]
fn decode_broken((charset, bytes): (Charset, Vec<u8>)) -> Vec<u8> {
    black_box(charset.decode(black_box(&bytes)));
    bytes
}

// A stream of 16 KiB, byte by byte.
#[library_benchmark(setup = bytewise)]
#[bench::utf_8(args = ("utf-8"), config = counted(8_567_390))]
#[bench::gbk(args = ("gbk"), config = counted(8_382_521))]
#[bench::utf_16le(args = ("utf-16le"), config = counted(8_095_960))]
fn decode_bytewise(
    (mut decoder, bytes, mut out): (Decoder, Vec<u8>, String),
) -> (Decoder, Vec<u8>, String) {
    for byte in bytes.chunks(1) {
        black_box(decoder.push(black_box(byte), &mut out));
    }
    (decoder, bytes, out)
}

// Text of 32 KiB for a terminal.
#[library_benchmark(setup = shown)]
#[bench::ascii(args = (ASCII), config = counted(677_669))]
#[bench::chinese(args = (CHINESE), config = counted(267_717))]
#[bench::controls(args = ("\u{1b}[2J\u{202e}"), config = counted(4_475_149))]
fn show((text, mut out): (String, String)) -> (String, String) {
    visible_text(black_box(&text), &mut out);
    (text, out)
}

const ASCII: &str = "temperature=21.5 humidity=40 ok\r\n";
const CHINESE: &str = "温度二十一度半,湿度百分之四十,正常。";
const TRADITIONAL: &str = "溫度二十一度半,濕度百分之四十,正常。";
const JAPANESE: &str = "温度は二十一度、湿度は四十パーセント。";
const KOREAN: &str = "온도는 이십일 도, 습도는 사십 퍼센트. ";
const GERMAN: &str = "Die Größe beträgt höchstens fünf Ölfässer. ";

fn long(charset: &str, text: &str) -> (Charset, Vec<u8>) {
    sample(charset, text, 32 * 1024)
}

fn short(charset: &str, text: &str) -> (Charset, Vec<u8>) {
    sample(charset, text, 32)
}

fn broken(charset: &str, len_kib: usize) -> (Charset, Vec<u8>) {
    // 0xFF begins nothing; in UTF-16, 0xD800 is half a character and has no other half.
    let broken = if charset == "utf-16le" {
        [0x00, 0xD8]
    } else {
        [0xFF; 2]
    };
    (known(charset), broken.repeat(len_kib * 512))
}

fn bytewise(charset: &str) -> (Decoder, Vec<u8>, String) {
    let (charset, bytes) = sample(charset, CHINESE, 16 * 1024);
    (charset.decoder(), bytes, String::with_capacity(64 * 1024))
}

fn shown(text: &str) -> (String, String) {
    let text = text.repeat(32 * 1024 / text.len());
    (text, String::with_capacity(512 * 1024))
}

/// As many times the text as fit into so many bytes; at least once.
fn sample(charset: &str, text: &str, len: usize) -> (Charset, Vec<u8>) {
    let charset = known(charset);
    let bytes = charset.encode(text).expect("the charset has it");
    (charset, bytes.repeat((len / bytes.len()).max(1)))
}

fn known(charset: &str) -> Charset {
    charset.parse().expect("it is a charset")
}

library_benchmark_group!(name = decoding, benchmarks = [decode_long, decode_short]);
library_benchmark_group!(name = growth, benchmarks = [decode_broken, decode_bytewise]);
library_benchmark_group!(name = showing, benchmarks = [show]);
main!(library_benchmark_groups = [decoding, growth, showing]);
