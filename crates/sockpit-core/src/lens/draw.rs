//! Rows, headings and verdicts as lines.
//!
//! Everything that a peer chose is made visible here: bytes by [`preview`], addresses by
//! [`VisibleLine`] (rules D1 and D2).

use std::fmt::Write as _;

use super::cut::{Cut, Piece};
use super::{Options, Row};
use crate::event::Direction;
use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;
use crate::text::{hex, width};

/// Columns of the offset.
const OFFSET: usize = 8;

/// Columns of each cut, with the space after it.
const COLUMN: usize = 16;

/// Columns that the bytes have at least, on however narrow a screen.
const LEAST_PREVIEW: usize = 12;

/// In bytes: more of an interval is not looked at.
const MOST_SHOWN: usize = 512;

/// In bytes: no charset takes more for a character.
const CHARACTER: usize = 4;

/// A number of things, with the word for them.
pub(super) fn count(number: u64, name: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {name}{plural}")
}

/// Who sends, and to whom.
pub(super) fn title(peer: u32, direction: Direction, local: &str, addr: &str) -> String {
    let local = VisibleLine(local);
    match (direction, addr.is_empty()) {
        (Direction::Out, true) => format!("→ peer {peer}"),
        (Direction::In, true) => format!("← peer {peer}"),
        (Direction::Out, false) => format!("{local} → {}", VisibleLine(addr)),
        (Direction::In, false) => format!("{} → {local}", VisibleLine(addr)),
    }
}

pub(super) fn title_line(title: &str, options: &Options, out: &mut String) {
    line(&format!("── {title}"), "1", options, out);
}

/// The title, and a word over each column.
pub(super) fn heading(
    title: &str,
    both: bool,
    columns: &[Cut],
    options: &Options,
    out: &mut String,
) {
    let ends = if both { ", both ends" } else { "" };
    title_line(&format!("{title}{ends}"), options, out);
    let mut head = format!("{:>OFFSET$} ", "offset");
    for cut in columns {
        head.push_str(&width::pad(cut.title(), COLUMN));
    }
    head.push_str("bytes");
    line(&head, "2", options, out);
}

/// One row: where it begins, where each cut begins and ends, and its bytes.
pub(super) fn row(row: &Row, columns: &[Cut], unit: Cut, options: &Options, out: &mut String) {
    let mut head = format!("{:>OFFSET$} ", row.start);
    for cut in columns {
        let cell = row
            .piece(*cut)
            .map_or_else(String::new, |piece| cell(piece, row));
        let column = width::pad(&cell, COLUMN - 1);
        let _ = write!(head, "{column} ");
    }
    let room = options.width.saturating_sub(width::width(&head));
    let shown = preview(row, room.max(LEAST_PREVIEW), options.charset);
    let colour = match row.piece(unit).map(|piece| piece.number % 2) {
        Some(0) => "35",
        Some(_) => "36",
        None => "2",
    };
    if options.has_colour {
        let _ = writeln!(out, "{head}\x1b[{colour}m{shown}\x1b[0m");
    } else {
        let _ = writeln!(out, "{}", format!("{head}{shown}").trim_end());
    }
}

/// What is odd about the rows above.
pub(super) fn verdict(text: &str, options: &Options, out: &mut String) {
    line(&format!("{:OFFSET$} ↑ {text}", ""), "33", options, out);
}

/// What a flow came to.
pub(super) fn total(
    bytes: u64,
    counts: &[String],
    oddities: &[String],
    options: &Options,
    out: &mut String,
) {
    let mut text = format!(
        "{:>OFFSET$} {}",
        bytes,
        if bytes == 1 { "byte" } else { "bytes" }
    );
    if !counts.is_empty() {
        let _ = write!(text, ": {}", counts.join(", "));
    }
    if !oddities.is_empty() {
        let _ = write!(text, "; {}", oddities.join(", "));
    }
    line(&text, "1", options, out);
}

/// `code` is a number of ECMA-48's SGR.
fn line(text: &str, code: &str, options: &Options, out: &mut String) {
    let _ = if options.has_colour {
        writeln!(out, "\x1b[{code}m{text}\x1b[0m")
    } else {
        writeln!(out, "{}", text.trim_end())
    };
}

/// Where a piece begins, goes on and ends; in its first row its number and length.
fn cell(piece: Piece, row: &Row) -> String {
    let glyph = match (piece.start == row.start, piece.end == row.end) {
        (true, true) => '─',
        (true, false) => '┌',
        (false, false) => '│',
        (false, true) => '└',
    };
    if piece.start != row.start {
        return glyph.to_string();
    }
    let times = match piece.times() {
        0 | 1 => String::new(),
        times => format!(" ×{times}"),
    };
    format!("{glyph} {} {} B{times}", piece.number, piece.len)
}

/// As much of the bytes of a row as fits: in quotes where they are text, as digits otherwise.
fn preview(row: &Row, room: usize, charset: Option<Charset>) -> String {
    let len = match row.apart() {
        Some(piece) => piece.len,
        None => row.end - row.start,
    };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if row.bytes.is_empty() {
        return width::truncate("(not held)", room).into_owned();
    }
    let shown = row.bytes.get(..MOST_SHOWN).unwrap_or(&row.bytes);
    if let Some(text) = charset.and_then(|charset| as_text(shown, charset)) {
        let quoted = format!("\"{text}\"");
        if shown.len() == len {
            return width::truncate(&quoted, room).into_owned();
        }
        return width::truncate(&format!("\"{text}…"), room).into_owned();
    }
    let mut digits = String::new();
    hex::write(shown, &mut digits);
    if shown.len() < len {
        digits.push('…');
    }
    width::truncate(&digits, room).into_owned()
}

/// The bytes as text on one line, with what is cut off a character at either end as `\xNN`; `None`
/// where they are rather no text.
fn as_text(bytes: &[u8], charset: Charset) -> Option<String> {
    let most = CHARACTER.min(bytes.len());
    // A row may begin and end within a character.
    let cuts = (0..most).flat_map(|head| (0..most).map(move |tail| (head, tail)));
    let mut cuts: Vec<(usize, usize)> = cuts
        .filter(|(head, tail)| head + tail <= bytes.len())
        .collect();
    cuts.sort_by_key(|(head, tail)| head + tail);
    for (head, tail) in cuts {
        let middle = bytes.get(head..bytes.len() - tail)?;
        let decoded = charset.decode(middle);
        let (head, tail) = (bytes.get(..head)?, bytes.get(bytes.len() - tail..)?);
        // Only UTF-8 shows by itself where a character begins.
        let cut_off = match charset == Charset::UTF_8 {
            true if are_halves(head, tail) => 0,
            true => continue,
            false => head.len() + tail.len(),
        };
        if decoded.malformed_at.is_some() || !is_readable(&decoded.text, cut_off) {
            continue;
        }
        let mut text = String::new();
        push_escaped(head, &mut text);
        let _ = write!(text, "{}", VisibleLine(&decoded.text));
        push_escaped(tail, &mut text);
        return Some(text);
    }
    // Nothing but the end of one character and the beginning of the next.
    let is_end = |byte: &u8| (0x80..0xc0).contains(byte);
    let head = bytes.iter().take_while(|byte| is_end(byte)).count();
    let (head, tail) = bytes.split_at_checked(head)?;
    (charset == Charset::UTF_8 && are_halves(head, tail)).then(|| {
        let mut text = String::new();
        push_escaped(bytes, &mut text);
        text
    })
}

/// Whether bytes can be the end of one UTF-8 character and the beginning of another.
fn are_halves(head: &[u8], tail: &[u8]) -> bool {
    let goes_on = |byte: &u8| (0x80..0xc0).contains(byte);
    let begins = match tail {
        [lead, rest @ ..] => (0xc2..0xf5).contains(lead) && rest.iter().all(goes_on),
        [] => true,
    };
    begins && head.iter().all(goes_on) && head.len() < CHARACTER && tail.len() < CHARACTER
}

fn push_escaped(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// Whether a reader would take it for text: few controls, and something besides what was cut off.
fn is_readable(text: &str, cut_off: usize) -> bool {
    let odd = |c: &char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let characters = text.chars().count();
    let controls = text.chars().filter(odd).count();
    characters > 0 && controls * 4 <= characters && (cut_off == 0 || characters >= cut_off)
}
