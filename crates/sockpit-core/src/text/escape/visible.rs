//! What a peer may not do to a screen: controls and hidden characters become escapes.

use std::fmt;

/// Shows text of several lines with everything visible that a peer could use against a terminal or
/// its reader (rule D1).
///
/// C0 but `\n` and `\t`, and DEL, become `\xNN`; C1 and [hidden](is_hidden) characters become
/// `\u{..}`. A backslash stays as it is: this is for reading, and cannot be turned back.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(self.0, Style::Block, f)
    }
}

/// Shows text on one line: as [`Visible`], with `\n`, `\r` and `\t` escaped too. For names,
/// addresses and errors that a peer may have chosen (rule D2).
#[derive(Clone, Copy, Debug)]
pub struct VisibleLine<'a>(pub &'a str);

impl fmt::Display for VisibleLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(self.0, Style::Line, f)
    }
}

/// Shows text on one line so that [`unescape_bytes`](super::unescape_bytes) gives it back: as
/// [`VisibleLine`], with the backslash doubled.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(self.0, Style::Reversible, f)
    }
}

/// Appends text as [`Escaped`] shows it.
pub fn escape_text(text: &str, out: &mut String) {
    out.reserve(text.len());
    write_escaped(text, Style::Reversible, out).expect("a string takes everything");
}

/// Appends text as [`Visible`] shows it.
pub fn visible_text(text: &str, out: &mut String) {
    out.reserve(text.len());
    write_escaped(text, Style::Block, out).expect("a string takes everything");
}

/// Whether a character, other than a control, is there without being seen, or moves its neighbours:
/// bidirectional overrides, zero-width and other format characters (all of Unicode's category Cf),
/// line and paragraph separators, and fillers and selectors that show nothing.
///
/// Zero-width joiners are hidden too: a joined emoji falls into its parts, which says more of what
/// was sent. The selectors U+FE00 to U+FE0F are not: they follow ordinary emoji.
#[must_use]
pub const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// What besides controls and hidden characters is escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Nothing, and `\n` and `\t` stay.
    Block,
    /// Nothing.
    Line,
    /// The backslash.
    Reversible,
}

/// What the first byte of a character says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It is shown, or continues a character.
    Plain,
    /// C0 or DEL.
    Control,
    Backslash,
    /// It may be C1 or hidden; the character must be looked at.
    Suspect,
}

/// By the first byte in UTF-8. The ideographs of CJK (0xe4 to 0xe9) are plain, so that Chinese text
/// is copied as fast as ASCII.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte {
            0..0x20 | 0x7f => Class::Control,
            0x5c => Class::Backslash,
            0xc2..0xe4 | 0xef | 0xf0 | 0xf3 => Class::Suspect,
            _ => Class::Plain,
        };
        byte += 1;
    }
    classes
};

fn write_escaped(text: &str, style: Style, out: &mut impl fmt::Write) -> fmt::Result {
    let mut rest = text;
    while let Some((at, character)) = first_escaped(rest, style) {
        out.write_str(&rest[..at])?;
        write_escape(character, style, out)?;
        rest = &rest[at + character.len_utf8()..];
    }
    out.write_str(rest)
}

/// Finds the first control or hidden character, and its place in bytes.
pub(crate) fn first_invisible(text: &str) -> Option<(usize, char)> {
    first_escaped(text, Style::Line)
}

fn first_escaped(text: &str, style: Style) -> Option<(usize, char)> {
    // It always stands at the start of a character, or on a byte that continues a plain one.
    let mut at = 0;
    loop {
        let bytes = text.as_bytes().get(at..)?;
        at += bytes
            .iter()
            .position(|byte| CLASSES[usize::from(*byte)] != Class::Plain)?;
        let character = text[at..].chars().next()?;
        let is_shown = match CLASSES[usize::from(text.as_bytes()[at])] {
            Class::Plain => true,
            Class::Control => style == Style::Block && matches!(character, '\n' | '\t'),
            Class::Backslash => style != Style::Reversible,
            Class::Suspect => !character.is_control() && !is_hidden(character),
        };
        if !is_shown {
            return Some((at, character));
        }
        at += character.len_utf8();
    }
}

fn write_escape(character: char, style: Style, out: &mut impl fmt::Write) -> fmt::Result {
    match character {
        '\n' => out.write_str("\\n"),
        '\t' => out.write_str("\\t"),
        '\r' if style != Style::Block => out.write_str("\\r"),
        '\\' => out.write_str("\\\\"),
        '\0'..='\x7f' => write!(out, "\\x{:02x}", u32::from(character)),
        _ => write!(out, "\\u{{{:x}}}", u32::from(character)),
    }
}
