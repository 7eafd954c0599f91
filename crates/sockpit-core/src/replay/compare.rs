//! Where two sides of a conversation differ.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::Unit;
use crate::rule::{Pattern, PatternError};

/// One difference between what was expected and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Something else came.
    Changed {
        /// What was expected.
        expected: Unit,
        /// What came.
        came: Unit,
        /// The first byte that differs, in each; its length where one ends before the other.
        at: (usize, usize),
    },
    /// It did not come.
    Missing(Unit),
    /// It came without being expected.
    Extra(Unit),
    /// It came as expected, but at another time.
    Moved {
        /// What was expected.
        expected: Unit,
        /// What came.
        came: Unit,
    },
}

/// Parts of messages that change from one time to the next, such as times and counters.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

impl Ignore {
    /// Adds a pattern: a regular expression on the bytes as UTF-8, with `^` and `$` at each line, or
    /// `hex:` and bytes such as `AA ?? 0D`.
    ///
    /// # Errors
    ///
    /// Returns a [`PatternError`] where it is none.
    pub fn add(&mut self, text: &str) -> Result<(), PatternError> {
        let pattern = match text.strip_prefix("hex:") {
            Some(hex) => Pattern::hex(hex)?,
            None => {
                let text = text.strip_prefix("re:").unwrap_or(text);
                // It is read as it stands first, so that a mistake has its own place; `^` and `$`
                // are then the ends of each line.
                Pattern::regex(text).and_then(|_| Pattern::regex(&format!("(?mR){text}")))?
            }
        };
        self.patterns.push(pattern);
        Ok(())
    }

    /// Whether a pattern may lie across lines, so that a stream must not be cut into them.
    #[must_use]
    pub fn crosses_lines(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.key() == "hex")
    }

    /// What is ignored in `bytes`, in order and apart from each other.
    fn ranges(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let found = self
            .patterns
            .iter()
            .flat_map(|pattern| pattern.ranges(bytes));
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|range| range.start);
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match ranges.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        ranges
    }
}

/// Differences that take longer to find than this many comparisons are told pair by pair.
const MAX_CELLS: usize = 4_000_000;

/// Compares what was expected with what came, unit by unit, in order.
///
/// With a `tolerance`, units that came as expected must also have come at the same time, by that much.
#[must_use]
pub fn compare(
    expected: &[Unit],
    came: &[Unit],
    ignore: &Ignore,
    tolerance: Option<Duration>,
) -> Vec<Difference> {
    let mut numbers = BTreeMap::new();
    let left = number_all(expected, ignore, &mut numbers);
    let right = number_all(came, ignore, &mut numbers);
    let mut differences = Vec::new();
    let (mut at, mut to) = (0, 0);
    let pairs = common(&left, &right);
    for (left_next, right_next) in pairs.into_iter().chain([(left.len(), right.len())]) {
        let missing = expected.get(at..left_next).unwrap_or_default();
        let extra = came.get(to..right_next).unwrap_or_default();
        tell_gap(missing, extra, ignore, &mut differences);
        if let (Some(tolerance), Some(expected), Some(came)) =
            (tolerance, expected.get(left_next), came.get(right_next))
            && expected.time.abs_diff(came.time) > tolerance
        {
            differences.push(Difference::Moved {
                expected: expected.clone(),
                came: came.clone(),
            });
        }
        (at, to) = (left_next + 1, right_next + 1);
    }
    differences
}

/// Gives units that are the same the same number.
fn number_all<'a>(
    units: &'a [Unit],
    ignore: &Ignore,
    numbers: &mut BTreeMap<Cow<'a, [u8]>, usize>,
) -> Vec<usize> {
    let mut number = |unit: &'a Unit| {
        let next = numbers.len();
        *numbers.entry(key(unit, ignore)).or_insert(next)
    };
    units.iter().map(&mut number).collect()
}

/// Tells what differs between two units that both sides have.
fn tell_gap(missing: &[Unit], extra: &[Unit], ignore: &Ignore, out: &mut Vec<Difference>) {
    let paired = missing.len().min(extra.len());
    for (expected, came) in missing.iter().zip(extra) {
        out.push(Difference::Changed {
            at: first_difference(expected, came, ignore),
            expected: expected.clone(),
            came: came.clone(),
        });
    }
    let missing = missing.iter().skip(paired).cloned();
    out.extend(missing.map(Difference::Missing));
    let extra = extra.iter().skip(paired).cloned();
    out.extend(extra.map(Difference::Extra));
}

/// The places of what both have, in order and as many as there can be (a longest common
/// subsequence).
fn common(left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    let head = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (left_rest, right_rest) = (&left[head..], &right[head..]);
    let same_end = left_rest.iter().rev().zip(right_rest.iter().rev());
    let tail = same_end.take_while(|(a, b)| a == b).count();
    let left_middle = &left_rest[..left_rest.len() - tail];
    let right_middle = &right_rest[..right_rest.len() - tail];
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|index| (index, index)).collect();
    let middle = longest(left_middle, right_middle);
    pairs.extend(middle.into_iter().map(|(a, b)| (head + a, head + b)));
    let (left_tail, right_tail) = (left.len() - tail, right.len() - tail);
    pairs.extend((0..tail).map(|index| (left_tail + index, right_tail + index)));
    pairs
}

fn longest(left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    let cells = (left.len() + 1).checked_mul(width);
    if cells.is_none_or(|cells| cells > MAX_CELLS) {
        let pairs = left.iter().zip(right).enumerate();
        return pairs
            .filter(|(_, (a, b))| a == b)
            .map(|(index, _)| (index, index))
            .collect();
    }
    // How long it is for what follows each pair of places.
    let mut lengths = vec![0u32; (left.len() + 1) * width];
    for a in (0..left.len()).rev() {
        for b in (0..right.len()).rev() {
            lengths[a * width + b] = if left[a] == right[b] {
                lengths[(a + 1) * width + b + 1] + 1
            } else {
                lengths[(a + 1) * width + b].max(lengths[a * width + b + 1])
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut a, mut b) = (0, 0);
    while a < left.len() && b < right.len() {
        if left[a] == right[b] {
            pairs.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if lengths[(a + 1) * width + b] >= lengths[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    pairs
}

/// A byte that counts, or something ignored: above every byte.
const IGNORED: u16 = 0x100;

/// What counts of some bytes, with the place of each.
fn tokens(bytes: &[u8], ignored: Vec<Range<usize>>) -> impl Iterator<Item = (usize, u16)> {
    let mut ranges = ignored.into_iter().peekable();
    let mut at = 0;
    std::iter::from_fn(move || {
        if let Some(range) = ranges.next_if(|range| range.start <= at) {
            let start = at;
            at = range.end;
            return Some((start, IGNORED));
        }
        let byte = *bytes.get(at)?;
        at += 1;
        Some((at - 1, byte.into()))
    })
}

/// Units are the same whose keys are: their bytes, with a mark for what is ignored.
fn key<'a>(unit: &'a Unit, ignore: &Ignore) -> Cow<'a, [u8]> {
    if ignore.patterns.is_empty() {
        return Cow::Borrowed(&unit.bytes);
    }
    // FF begins a mark, so that a byte FF is written as one, too.
    let mut key = Vec::with_capacity(unit.bytes.len());
    for (_, token) in tokens(&unit.bytes, ignore.ranges(&unit.bytes)) {
        match u8::try_from(token) {
            Ok(0xFF) => key.extend_from_slice(&[0xFF, 0]),
            Ok(byte) => key.push(byte),
            Err(_) => key.extend_from_slice(&[0xFF, 1]),
        }
    }
    Cow::Owned(key)
}

fn first_difference(expected: &Unit, came: &Unit, ignore: &Ignore) -> (usize, usize) {
    let mut left = tokens(&expected.bytes, ignore.ranges(&expected.bytes));
    let mut right = tokens(&came.bytes, ignore.ranges(&came.bytes));
    loop {
        match (left.next(), right.next()) {
            (Some((_, a)), Some((_, b))) if a == b => {}
            (a, b) => {
                return (
                    a.map_or(expected.bytes.len(), |(at, _)| at),
                    b.map_or(came.bytes.len(), |(at, _)| at),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
