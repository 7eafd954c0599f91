//! Bytes as hexadecimal digits: read in every notation that people paste, written in one.

use std::fmt;

use crate::text::escape::VisibleLine;

/// Reads bytes from hexadecimal digits: `AA 0D 0a`, `0xAA, 0x0D`, `aa:0d`, `AA-0D` or `AA0D`.
///
/// White space, `,`, `:`, `;` and `-` separate groups, and `0x` begins one. A group with an odd
/// number of digits is filled with a zero on the left: `A B` is `0A 0B`, `ABC` is `0A BC`.
///
/// # Errors
///
/// Any other character is an error: a digit dropped in silence would be a wrong message.
pub fn parse(text: &str) -> Result<Vec<u8>, ParseHexError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if is_separator(*first) {
            rest = tail;
            continue;
        }
        if let [b'0', b'x' | b'X', digits @ ..] = rest {
            // What follows must be a digit; where it is not, the `x` is the stranger.
            rest = if digits.first().is_some_and(u8::is_ascii_hexdigit) {
                digits
            } else {
                tail
            };
        }
        let (group, after) = rest.split_at(group_len(rest));
        if group.is_empty() {
            return Err(ParseHexError::at(text, text.len() - rest.len()));
        }
        push_group(group, &mut bytes);
        rest = after;
    }
    Ok(bytes)
}

/// Why a text is not hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` at column {column} is no hexadecimal digit; write bytes such as `AA 0D 0A`, `0xAA,0x0D` or `AA0D`",
    VisibleLine(character.encode_utf8(&mut [0; 4]))
)]
pub struct ParseHexError {
    /// The first character that is neither a digit nor a separator.
    pub character: char,
    /// Its place, in characters from 1.
    pub column: usize,
}

impl ParseHexError {
    fn at(text: &str, offset: usize) -> Self {
        let (before, stranger) = text.split_at_checked(offset).unwrap_or((text, ""));
        let character = stranger.chars().next().unwrap_or_default();
        Self {
            character,
            column: before.chars().count() + 1,
        }
    }
}

/// Shows bytes as `AA BB CC`.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_to(self.0, f)
    }
}

/// Appends bytes as `AA BB CC`.
pub fn write(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len().saturating_mul(3));
    write_to(bytes, out).expect("a string takes everything");
}

/// In bytes: what is formatted at once, on the stack.
const BLOCK: usize = 64;

fn write_to(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut written = 0;
    for block in bytes.chunks(BLOCK) {
        let mut cells = [[b' '; 3]; BLOCK];
        for (cell, byte) in cells.iter_mut().zip(block) {
            *cell = [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
                b' ',
            ];
        }
        written += block.len();
        // The last byte of all has no space after it.
        let len = block.len() * 3 - usize::from(written == bytes.len());
        let text = str::from_utf8(&cells.as_flattened()[..len]).expect("digits are ASCII");
        out.write_str(text)?;
    }
    Ok(())
}

const fn is_separator(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | b'\x0b' | b'\x0c' | b',' | b':' | b';' | b'-'
    )
}

/// Counts the digits up to the end of the group, which the `0` of a next `0x` is no part of.
fn group_len(text: &[u8]) -> usize {
    let len = text
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    match text.get(len) {
        Some(b'x' | b'X') if len > 1 && text[len - 1] == b'0' => len - 1,
        _ => len,
    }
}

fn push_group(digits: &[u8], bytes: &mut Vec<u8>) {
    let (first, pairs) = digits.split_at(digits.len() % 2);
    bytes.extend(first.iter().map(|digit| value(*digit)));
    bytes.extend(
        pairs
            .chunks_exact(2)
            .map(|pair| value(pair[0]) << 4 | value(pair[1])),
    );
}

const fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests;
