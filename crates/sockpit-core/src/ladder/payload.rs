//! The beginning of what a packet or a call carries, on one line.

use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;
use crate::text::hex;

/// In bytes: what is shown of a payload.
const MOST_SHOWN: usize = 48;

/// In bytes: no character of a charset is longer.
const CHARACTER: usize = 4;

/// Text in quotes where it is readable, digits otherwise; `len` is how many bytes there are in all.
/// `None` where nothing was captured.
pub(super) fn show(bytes: &[u8], len: usize, charset: Option<Charset>) -> Option<String> {
    let shown = bytes.get(..MOST_SHOWN).unwrap_or(bytes);
    if shown.is_empty() {
        return None;
    }
    let more = if shown.len() < len { "…" } else { "" };
    if let Some(text) = charset.and_then(|charset| text(shown, shown.len() < len, charset)) {
        return Some(format!("\"{}\"{more}", VisibleLine(&text)));
    }
    Some(format!("{}{more}", digits(shown)))
}

/// Digits, and text in quotes beside them where it is readable.
pub(super) fn show_both(bytes: &[u8], len: usize, charset: Option<Charset>) -> Option<String> {
    let shown = bytes.get(..MOST_SHOWN / 2).unwrap_or(bytes);
    if shown.is_empty() {
        return None;
    }
    let more = if shown.len() < len { "…" } else { "" };
    let digits = digits(shown);
    let text = charset.and_then(|charset| text(shown, shown.len() < len, charset));
    Some(match text {
        Some(text) => format!("{digits}{more} \"{}\"{more}", VisibleLine(&text)),
        None => format!("{digits}{more}"),
    })
}

fn digits(bytes: &[u8]) -> String {
    let mut digits = String::new();
    hex::write(bytes, &mut digits);
    digits
}

/// The bytes as text, without what is left of a character that was cut off; `None` where they are
/// rather no text.
fn text(bytes: &[u8], is_cut: bool, charset: Charset) -> Option<String> {
    let most = if is_cut { CHARACTER } else { 1 };
    (0..most).find_map(|cut| {
        let whole = bytes.get(..bytes.len().checked_sub(cut)?)?;
        let decoded = charset.decode(whole);
        let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        let is_text = decoded.malformed_at.is_none() && !decoded.text.contains(odd);
        (is_text && !decoded.text.is_empty()).then_some(decoded.text)
    })
}
