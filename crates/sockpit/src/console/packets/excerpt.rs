//! The beginning of a payload, on a line: as text where it is some, in digits otherwise.

use std::io::Write as _;

use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::VisibleLine;

/// In bytes: so much of a text is shown.
const TEXT: usize = 40;

/// In bytes: so much of anything else is shown.
const DIGITS: usize = 16;

/// In bytes: what is as short as this is shown in digits in any case.
const SHORT: usize = 8;

/// Appends the beginning of a payload of `len` bytes, of which `bytes` were captured.
pub(super) fn push(bytes: &[u8], len: usize, charset: Option<Charset>, out: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let is_short = len <= SHORT;
    if is_short {
        push_hex(bytes, len, out);
    }
    let head = bytes.get(..TEXT).unwrap_or(bytes);
    let start = out.len();
    out.extend_from_slice(b"  \"");
    let is_text = match charset {
        None => false,
        Some(_) if head.iter().all(|byte| is_plain(*byte)) => {
            push_plain(head, out);
            true
        }
        Some(charset) => push_decoded(head, head.len() < bytes.len(), charset, out),
    };
    if is_text {
        out.push(b'"');
        if head.len() < len {
            out.extend_from_slice("…".as_bytes());
        }
        return;
    }
    out.truncate(start);
    if !is_short {
        push_hex(bytes, len, out);
    }
}

/// Whether a byte is text of every charset that has ASCII in it, UTF-8 among them.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')
}

fn push_plain(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            plain => out.push(plain),
        }
    }
}

/// Appends other text; `false` where it is none.
fn push_decoded(head: &[u8], is_cut: bool, charset: Charset, out: &mut Vec<u8>) -> bool {
    let decoded = charset.decode(head);
    let mut text = decoded.text.as_str();
    // The last character may be cut in two by us.
    let is_broken = decoded
        .malformed_at
        .is_some_and(|at| !is_cut || at.saturating_add(4) < head.len());
    if is_broken {
        return false;
    }
    if decoded.malformed_at.is_some() {
        text = text.trim_end_matches('\u{fffd}');
    }
    let controls = text
        .chars()
        .filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        .count();
    if controls * 4 > text.chars().count() {
        return false;
    }
    // Writing to a vector cannot fail.
    let _ = write!(out, "{}", VisibleLine(text));
    true
}

fn push_hex(bytes: &[u8], len: usize, out: &mut Vec<u8>) {
    const DIGIT: &[u8; 16] = b"0123456789ABCDEF";
    out.push(b' ');
    for byte in bytes.iter().take(DIGITS) {
        out.push(b' ');
        out.push(DIGIT[usize::from(byte >> 4)]);
        out.push(DIGIT[usize::from(byte & 15)]);
    }
    if DIGITS < len {
        out.extend_from_slice(" …".as_bytes());
    }
}
