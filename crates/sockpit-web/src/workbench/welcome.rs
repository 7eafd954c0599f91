//! What a page is told first: where it is, and what there is to choose from.

use serde_json::{Value, json};
use sockpit_core::endpoint::Transport;

use super::Shared;
use super::page::Page;

/// Calls of one page that are carried out at once.
pub(super) const MAX_CALLS: usize = 32;

/// In bytes: what one piece of a file may have.
pub(super) const MAX_PIECE: usize = 256 * 1024;

/// In bytes: what a payload may have that is composed in the page.
pub(super) const MAX_PAYLOAD: usize = 1024 * 1024;

/// Charsets that are offered; every other name of the web's is understood too.
const CHARSETS: [&str; 20] = [
    "utf-8",
    "gbk",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "euc-kr",
    "utf-16le",
    "utf-16be",
    "windows-1252",
    "windows-1250",
    "windows-1251",
    "koi8-r",
    "iso-8859-2",
    "iso-8859-15",
    "windows-1253",
    "windows-1254",
    "windows-1256",
    "windows-874",
];

/// Checksums that are offered; the whole catalogue is understood.
const CHECKSUMS: [&str; 24] = [
    "modbus",
    "crc16/ccitt-false",
    "xmodem",
    "kermit",
    "x25",
    "crc16/usb",
    "arc",
    "dnp",
    "crc8",
    "crc8/maxim",
    "crc8/rohc",
    "crc8/autosar",
    "crc32",
    "crc32c",
    "crc32/mpeg2",
    "crc64/xz",
    "sum8",
    "sum16",
    "xor",
    "lrc",
    "fletcher16",
    "adler32",
    "internet",
    "cksum",
];

/// Ways of cutting messages: the word, and an example of its form.
const FRAMINGS: [(&str, &str); 9] = [
    ("raw", "raw"),
    ("lines", "lines"),
    ("delim", "delim:hex:0d0a"),
    ("fixed", "fixed:16"),
    ("len", "len:u16be"),
    ("gap", "gap:50ms"),
    ("slip", "slip"),
    ("cobs", "cobs"),
    ("varint", "len:varint"),
];

/// What a page is welcomed with.
pub(super) async fn welcome(bench: &Shared, page: &Page) -> Value {
    let capture = bench.capture().await;
    let project = &bench.project;
    let framings: Vec<Value> = FRAMINGS
        .iter()
        .map(|(word, form)| json!({ "word": word, "form": form }))
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "page": page.number,
        "epoch_ms": milliseconds(bench.epoch().0),
        "project": {
            "path": project.path().to_string_lossy(),
            "name": project.name(),
            "is_writable": project.is_writable(),
        },
        "capture": {
            "may": capture.is_ok(),
            "why": capture.err().map(|why| page.say(&why)),
        },
        "charsets": CHARSETS,
        "checksums": CHECKSUMS,
        "framings": framings,
        "transports": Transport::ALL.map(Transport::scheme),
        "limits": {
            "calls": MAX_CALLS,
            "payload": MAX_PAYLOAD,
            "piece": MAX_PIECE,
        },
        "platform": std::env::consts::OS,
    })
}

/// Of nanoseconds, as pages count.
#[allow(
    clippy::cast_precision_loss,
    reason = "a page has no more than the microseconds that are left"
)]
fn milliseconds(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
mod tests;
