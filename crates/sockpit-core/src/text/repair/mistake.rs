//! A text that was decoded in a wrong charset, once or twice, and the way back.

use std::borrow::Cow;
use std::fmt;

use super::loss::Loss;
use super::{CONVINCING, SAMPLE, charsets, judge, plausibility};
use crate::text::charset::Charset;

/// What is valid UTF-8 and reads well was meant.
const CERTAIN: i32 = 1000;

/// Text that was repaired must be so much better than what it was made of.
const BETTER: i32 = 150;

/// How many texts that were repaired once are tried again, and how many repairs of a long text are
/// made.
const AGAIN: usize = 4;

/// What it says for a repair that UTF-8 was meant: bytes are that by design and hardly by chance.
const DESIGNED: i32 = 100;

/// What it says against a repair that few programs are wrong in that way.
const UNUSUAL: i32 = 200;

/// How a text went wrong: bytes of one charset were read as another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What the bytes were.
    pub meant: Charset,
    /// What they were read as.
    pub taken_for: Charset,
}

impl Mistake {
    /// The text that was meant; `None` where `text` cannot come from this mistake.
    fn undo(&self, text: &str) -> Option<String> {
        let bytes = encode_back(text, self.taken_for)?;
        Some(self.meant.decode(&as_meant(&bytes, self.meant)).text)
    }

    fn is_of_utf8(&self) -> bool {
        self.meant == Charset::UTF_8
    }
}

/// What a text was before it was read wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What happened to it, the first first; one mistake or two.
    pub mistakes: Vec<Mistake>,
    /// The text that was meant, with U+FFFD for what is lost.
    pub text: String,
    /// As a [`Reading`](super::Reading) has it.
    pub score: i32,
}

impl fmt::Display for Repair {
    /// "utf-8 read as gb18030".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let then = if index == 0 { "" } else { ", then " };
            write!(f, "{then}{} read as {}", mistake.meant, mistake.taken_for)?;
        }
        Ok(())
    }
}

/// What `text` may have been meant to be, the likeliest first: every pair of charsets is tried, and
/// twice where once does not convince. What is no better than the text itself is left out, and of what is all lost there is none.
#[must_use]
pub fn repairs(text: &str) -> Vec<Repair> {
    if Loss::is_all_of(text) {
        return Vec::new();
    }
    let head = head(text);
    let mut found = repairs_of_head(head);
    if head.len() < text.len() {
        // Each one is a pass over the whole text.
        found.truncate(AGAIN);
        for repair in &mut found {
            repair.text = undo(&repair.mistakes, text);
        }
    }
    found
}

/// The text before these mistakes. A line that cannot come from them is left as it is.
fn undo(mistakes: &[Mistake], text: &str) -> String {
    mistakes
        .iter()
        .rev()
        .fold(text.to_owned(), |text, mistake| {
            mistake.undo(&text).unwrap_or_else(|| {
                text.split_inclusive('\n')
                    .map(|line| mistake.undo(line).unwrap_or_else(|| line.to_owned()))
                    .collect()
            })
        })
}

fn repairs_of_head(text: &str) -> Vec<Repair> {
    let mut found = repair_once(text);
    let is_well = plausibility(text) >= CONVINCING;
    let is_certain = found.first().is_some_and(|best| best.score >= CERTAIN);
    if !is_well && !is_certain {
        found.extend(repair_twice(text));
    }
    found.sort_by_key(|repair| (std::cmp::Reverse(rank(repair)), repair.mistakes.len()));
    let mut seen = Vec::new();
    found.retain(|repair| {
        let is_new = repair.text != text && !seen.contains(&repair.text);
        seen.push(repair.text.clone());
        is_new
    });
    found
}

/// What decides which of several repairs comes first.
fn rank(repair: &Repair) -> i32 {
    match repair.mistakes.as_slice() {
        [mistake] if mistake.is_of_utf8() => repair.score + DESIGNED,
        _ => repair.score,
    }
}

/// UTF-8 that was read as something else, saved as UTF-8, and read so again.
fn repair_twice(text: &str) -> Vec<Repair> {
    let mut found = Vec::new();
    let mut firsts = attempts(text);
    firsts.retain(|first| first.mistakes.iter().all(Mistake::is_of_utf8));
    firsts.sort_by_key(|first| std::cmp::Reverse(first.score));
    for first in firsts.iter().take(AGAIN) {
        for mut second in repair_once(&first.text) {
            if second.score >= CONVINCING && second.mistakes.iter().all(Mistake::is_of_utf8) {
                second.mistakes.extend_from_slice(&first.mistakes);
                found.push(second);
            }
        }
    }
    found
}

fn repair_once(text: &str) -> Vec<Repair> {
    let least = plausibility(text).saturating_add(BETTER);
    let mut found = attempts(text);
    found.retain(|repair| repair.score >= least);
    found.sort_by_key(|repair| std::cmp::Reverse(repair.score));
    found
}

/// Every pair of charsets that can have made `text`.
fn attempts(text: &str) -> Vec<Repair> {
    let mut found = Vec::new();
    for taken_for in charsets() {
        let Some(bytes) = encode_back(text, taken_for) else {
            continue;
        };
        for meant in charsets().filter(|meant| *meant != taken_for) {
            let bytes = as_meant(&bytes, meant);
            let sample = bytes.get(..SAMPLE).unwrap_or(&bytes);
            if let Some(judged) = judge(meant, sample) {
                found.push(Repair {
                    mistakes: vec![Mistake { meant, taken_for }],
                    text: meant.decode(&bytes).text,
                    score: judged.score - if is_wide(taken_for) { UNUSUAL } else { 0 },
                });
            }
        }
    }
    found
}

/// The bytes that were read as `charset` to give `text`; U+FFFD becomes a byte that is valid nowhere.
fn encode_back(text: &str, charset: Charset) -> Option<Vec<u8>> {
    if charset == Charset::UTF_8 && !text.contains(char::REPLACEMENT_CHARACTER) {
        return Some(text.as_bytes().to_vec());
    }
    // Where GB18030 has four bytes, no program took two for them.
    let (encoder, is_latin, is_japanese) = match charset.to_string().as_str() {
        "gb18030" => ("gbk".parse().expect("it is a charset"), false, false),
        "windows-1252" => (charset, true, false),
        "shift_jis" => (charset, false, true),
        _ => (charset, false, false),
    };
    let is_wide = is_wide(charset);
    let mut bytes = Vec::with_capacity(text.len());
    let mut utf8 = [0; 4];
    // At the end it is a character that was cut, and whose beginning is still there.
    let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    for character in text.chars() {
        let one = character.encode_utf8(&mut utf8);
        match encoder.encode(one) {
            _ if character == char::REPLACEMENT_CHARACTER && is_wide => return None,
            _ if character == char::REPLACEMENT_CHARACTER => bytes.push(0xff),
            Ok(encoded) => bytes.extend_from_slice(&encoded),
            // ISO-8859-1 proper has controls where windows-1252 has letters.
            Err(_) if is_latin => bytes.push(u8::try_from(u32::from(character)).ok()?),
            Err(_) if is_japanese => bytes.extend_from_slice(&private_jis(character)?),
            Err(_) => return None,
        }
    }
    Some(bytes)
}

fn is_wide(charset: Charset) -> bool {
    charset.to_string().starts_with("utf-16")
}

/// The rows that Shift JIS leaves to its users are read as private characters, and written by nobody.
fn private_jis(character: char) -> Option<[u8; 2]> {
    /// Cells of one lead byte.
    const CELLS: u32 = 188;
    let index = u32::from(character).checked_sub(0xe000)?;
    let lead = u8::try_from(0xf0 + index / CELLS).ok()?;
    let cell = index % CELLS;
    // 0x7F is left out.
    let trail = cell + if cell < 0x3f { 0x40 } else { 0x41 };
    (lead <= 0xf9).then_some([lead, u8::try_from(trail).ok()?])
}

/// The bytes as they were before a text was made of them and copied.
fn as_meant(bytes: &[u8], meant: Charset) -> Cow<'_, [u8]> {
    match meant == Charset::UTF_8 {
        true => restore_spaces(bytes),
        false => Cow::Borrowed(bytes),
    }
}

/// A no-break space (0xA0) is often copied as a space: where UTF-8 needs a byte that continues, it was
/// one.
fn restore_spaces(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b' ') {
        return Cow::Borrowed(bytes);
    }
    let mut restored = bytes.to_vec();
    let mut missing = 0;
    for byte in &mut restored {
        match *byte {
            0xc2..=0xdf => missing = 1,
            0xe0..=0xef => missing = 2,
            0xf0..=0xf4 => missing = 3,
            0x80..=0xbf if missing > 0 => missing -= 1,
            b' ' if missing > 0 => {
                *byte = 0xa0;
                missing -= 1;
            }
            _ => missing = 0,
        }
    }
    Cow::Owned(restored)
}

/// As much of a text as is judged: whole lines, if they are not too long.
fn head(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(SAMPLE)
        .map_or(text.len(), |(at, _)| at);
    let head = &text[..end];
    match head.rfind('\n') {
        Some(line) if end < text.len() => &text[..=line],
        _ => head,
    }
}
