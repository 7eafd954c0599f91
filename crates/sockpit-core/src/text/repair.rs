//! Text that reads as nonsense (乱码, mojibake): what the bytes may be, and what was meant.
//!
//! ```text
//!  C4 E3 BA C3  ──readings──▶  gb18030 `你好` · euc-kr `콱봤` …      bytes, and no charset known
//!  浣犲ソ        ──repairs───▶  `你好`: utf-8, read as gb18030        text that was decoded wrongly
//! ```
//!
//! A reading is judged by how its characters look together: [`plausibility`]. That is a guess, so all
//! that are possible are given, the likeliest first.

mod frequent;
mod loss;
mod mistake;
mod plausible;

use std::fmt;

use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;
use crate::text::width;

pub use loss::Loss;
pub use mistake::{Mistake, Repair, repairs};
pub use plausible::plausibility;

/// The charsets that are tried, the likelier first where two readings are as good.
const CHARSETS: [&str; 12] = [
    "utf-8",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "windows-1251",
    "koi8-r",
    "ibm866",
    "windows-1252",
    "utf-16le",
    "utf-16be",
];

/// In bytes: as much of the input is judged; it says enough.
const SAMPLE: usize = 4096;

/// A reading of this plausibility is worth telling somebody who did not ask.
const CONVINCING: i32 = 450;

/// In columns: what a sentence shows of a text.
const EXCERPT: usize = 40;

/// What bytes read as in one charset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The charset.
    pub charset: Charset,
    /// The text of the first 4 KiB, as much as is judged, with U+FFFD for what is not valid.
    pub text: String,
    /// Whether all of that is valid, but for a character that is cut at the end.
    pub is_valid: bool,
    /// How likely the text is one: about 1000 is common words, below 0 nonsense.
    pub score: i32,
}

/// Every reading of `bytes` in the charsets of the world's mail and terminals, the likeliest first.
#[must_use]
pub fn readings(bytes: &[u8]) -> Vec<Reading> {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let mut readings: Vec<Reading> = charsets()
        .filter_map(|charset| {
            let judged = judge(charset, sample)?;
            Some(Reading {
                charset,
                text: judged.text,
                is_valid: judged.is_valid,
                score: judged.score,
            })
        })
        .collect();
    readings.sort_by_key(|reading| std::cmp::Reverse(reading.score));
    readings
}

/// Why text is none of its charset, and what it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The charset that it was taken for.
    pub charset: Charset,
    /// The first byte that is not valid, from 0.
    pub at: u64,
    /// What it reads as in another charset, where that convinces.
    pub reading: Option<Reading>,
}

impl fmt::Display for Diagnosis {
    /// One sentence: "not utf-8 at byte 3; as gb18030 it reads `你好`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {} at byte {}; ", self.charset, self.at)?;
        match &self.reading {
            Some(reading) => write!(
                f,
                "as {} it reads `{}`",
                reading.charset,
                excerpt(&reading.text)
            ),
            None => f.write_str("no charset makes a text of it, so it may be no text"),
        }
    }
}

/// Says what bytes may be that are not valid in `charset`; `None` where they are.
#[must_use]
pub fn diagnose(bytes: &[u8], charset: Charset) -> Option<Diagnosis> {
    let at = charset.decode(bytes).malformed_at?;
    Some(Diagnosis {
        charset,
        at: at as u64,
        reading: better_reading(bytes, at, charset),
    })
}

/// What the bytes around the place `at`, which are none of `charset`, read as in another one; `None`
/// where nothing convinces.
#[must_use]
pub fn better_reading(bytes: &[u8], at: usize, charset: Charset) -> Option<Reading> {
    // Far behind the beginning, what came before is not worth showing.
    let start = if at < SAMPLE / 4 { 0 } else { at };
    let around = bytes.get(start..)?;
    let around = around.get(..SAMPLE).unwrap_or(around);
    readings(around)
        .into_iter()
        .find(|reading| reading.charset != charset && reading.is_valid)
        .filter(|reading| reading.score >= CONVINCING && has_evidence(&reading.text, around))
}

/// Whether there is enough of a text to say anything. Where a byte is a character, any bytes are
/// text: a few letters that are all the same, or alone, prove nothing.
fn has_evidence(text: &str, bytes: &[u8]) -> bool {
    /// Different letters, and letters of a word around a single one.
    const ENOUGH: (usize, usize) = (4, 3);
    if text.chars().count() < bytes.len() {
        return true;
    }
    let mut strange: Vec<char> = text.chars().filter(|c| !c.is_ascii()).collect();
    strange.sort_unstable();
    strange.dedup();
    let plain = text.chars().filter(char::is_ascii_alphabetic).count();
    strange.len() >= ENOUGH.0 || plain >= ENOUGH.1
}

/// The beginning of what is strange in a text, on one line, as wide as a sentence has room for.
#[must_use]
pub fn excerpt(text: &str) -> String {
    /// In characters: what stands before the first strange one.
    const LEAD: usize = 12;
    let line = text
        .lines()
        .find(|line| !line.is_ascii())
        .or_else(|| text.lines().next())
        .unwrap_or_default();
    let strange = line.chars().position(|c| !c.is_ascii()).unwrap_or(0);
    let shown: String = match strange.checked_sub(LEAD) {
        Some(skipped) if skipped > 0 => line.chars().skip(skipped).take(EXCERPT * 2).collect(),
        _ => line.chars().take(EXCERPT * 2).collect(),
    };
    let visible = VisibleLine(&shown).to_string();
    width::truncate(&visible, EXCERPT).into_owned()
}

fn charsets() -> impl Iterator<Item = Charset> {
    CHARSETS
        .iter()
        .map(|name| name.parse().expect("the list holds charsets"))
}

/// A sample of bytes as text.
struct Judged {
    text: String,
    is_valid: bool,
    score: i32,
}

/// How likely bytes are text in a charset; `None` where they are so far from it that it is not worth
/// showing.
fn judge(charset: Charset, sample: &[u8]) -> Option<Judged> {
    /// A character that is cut is lost, but proves nothing.
    const CUT: i32 = 100;
    /// Nothing but the character that is cut would tell the charset.
    const UNPROVEN: i32 = 300;
    let decoded = charset.decode(sample);
    let longest = if charset == Charset::UTF_8 { 3 } else { 4 };
    let cut = decoded
        .malformed_at
        .filter(|at| *at > 0 && at + longest >= sample.len())
        .filter(|_| decoded.text.matches(char::REPLACEMENT_CHARACTER).count() == 1)
        .is_some_and(|_| decoded.text.ends_with(char::REPLACEMENT_CHARACTER));
    let text = match cut {
        true => decoded.text.trim_end_matches(char::REPLACEMENT_CHARACTER),
        false => &decoded.text,
    };
    let lost = text.matches(char::REPLACEMENT_CHARACTER).count();
    if lost * 4 > text.chars().count() {
        return None;
    }
    let mut score = plausibility(text) + prior(charset, text);
    if cut && text.is_ascii() {
        score = UNPROVEN;
    } else if cut {
        score -= CUT;
    }
    Some(Judged {
        is_valid: lost == 0,
        score,
        // The end of the sample is no end of the text.
        text: match sample.len() {
            SAMPLE => text.to_owned(),
            _ => decoded.text.clone(),
        },
    })
}

/// What a charset says for or against its reading, beside the characters.
fn prior(charset: Charset, text: &str) -> i32 {
    let is_ascii = text.is_ascii();
    let has = |test: fn(char) -> bool| text.chars().any(test);
    let is_kana = |c: char| matches!(c, '\u{3041}'..='\u{30ff}');
    let is_hangul = |c: char| matches!(c, '\u{ac00}'..='\u{d7a3}');
    match charset.to_string().as_str() {
        // Text of another charset is almost never valid UTF-8.
        "utf-8" if is_ascii => 100,
        "utf-8" => 500,
        "shift_jis" | "euc-jp" if !is_ascii && !has(is_kana) => -250,
        "euc-kr" if !is_ascii && !has(is_hangul) => -400,
        "windows-1252" => -50,
        "ibm866" => -100,
        "utf-16le" | "utf-16be" => -150,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
