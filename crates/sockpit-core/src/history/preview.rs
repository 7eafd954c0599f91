//! The beginning of a message, as one line of text and as hexadecimal digits.

use std::fmt::Write as _;
use std::ops::Range;

use crate::rule::Pattern;
use crate::text::charset::Charset;
use crate::text::escape::is_hidden;

/// Characters of text at most.
pub(super) const MOST_CHARACTERS: usize = 512;

/// In bytes: what is shown in hexadecimal at most.
pub(super) const MOST_HEX: usize = 64;

/// In bytes: as many characters take at most that many, in any charset but for shifts.
pub(super) const MOST_BYTES: usize = MOST_CHARACTERS * 4;

/// Text as a list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) highlights: Vec<Range<usize>>,
    /// Whether some of the bytes are not valid.
    pub(super) is_malformed: bool,
    /// Whether these bytes have more characters.
    pub(super) is_cut: bool,
}

/// Shows the first bytes of a message; `is_whole` says that there are no more. `goes_on` says that
/// they follow others of a stream, so that the first ones may belong to a character before.
pub(super) fn line(
    bytes: &[u8],
    charset: Charset,
    is_whole: bool,
    goes_on: bool,
    patterns: &[Pattern],
) -> Line {
    let bytes = if goes_on && charset == Charset::UTF_8 {
        let rest_of_one = bytes
            .iter()
            .take(3)
            .take_while(|byte| **byte & 0xC0 == 0x80);
        &bytes[rest_of_one.count()..]
    } else {
        bytes
    };
    let mut decoded = String::new();
    let mut decoder = charset.decoder();
    let mut malformed_at = decoder.push(bytes, &mut decoded);
    if is_whole {
        malformed_at = malformed_at.or(decoder.finish(&mut decoded));
    }
    let end = decoded.char_indices().nth(MOST_CHARACTERS);
    let shown = &decoded[..end.map_or(decoded.len(), |(at, _)| at)];
    Line {
        text: shown.chars().map(pictured).collect(),
        highlights: highlights(shown, &decoded, bytes, patterns),
        is_malformed: malformed_at.is_some(),
        is_cut: end.is_some(),
    }
}

/// Bytes as digits: `0a1b`.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(MOST_HEX)
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes everything");
            hex
        })
}

/// A character that can be seen, in place of one that cannot: the pictures of Unicode for controls.
/// What moves its neighbours or shows nothing becomes U+2426, as do the controls of C1.
fn pictured(character: char) -> char {
    match character {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{2426}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' => '\u{2426}',
        _ if is_hidden(character) && character.len_utf16() == 1 => '\u{2426}',
        // As long as what it stands for, so that places stay the same.
        _ if is_hidden(character) => '\u{1fbc4}',
        _ => character,
    }
}

/// Where patterns are found in the text that is shown, in UTF-16 code units; what overlaps is one.
fn highlights(shown: &str, decoded: &str, bytes: &[u8], patterns: &[Pattern]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for pattern in patterns {
        if pattern.needs_text() {
            found.extend(pattern.ranges(decoded.as_bytes()));
        } else if pattern.key() == "hex" && decoded.as_bytes() == bytes {
            found.extend(pattern.ranges(bytes));
        }
    }
    found.retain(|range| range.start < shown.len());
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut units: Vec<Range<usize>> = Vec::new();
    let mut counted = (0, 0);
    let mut unit_at = |at: usize| {
        let at = at.min(shown.len());
        // Ends may lie before the next start; counting begins anew then.
        if at < counted.0 {
            counted = (0, 0);
        }
        let between = shown.get(counted.0..at).unwrap_or_default();
        counted = (at, counted.1 + between.encode_utf16().count());
        counted.1
    };
    for range in found {
        let range = unit_at(range.start)..unit_at(range.end);
        match units.last_mut() {
            Some(Range { end, .. }) if *end >= range.start => *end = (*end).max(range.end),
            _ => units.push(range),
        }
    }
    units
}
