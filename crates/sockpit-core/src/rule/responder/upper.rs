//! A message in capital letters.

use bytes::Bytes;

use crate::rule::pattern::Message;
use crate::rule::payload::Charsets;

/// Gives a message in the capital letters of its language; of bytes that are no text, the letters
/// of ASCII.
///
/// A letter whose capital the charset does not have stays as it is.
pub(super) fn upper(message: Message<'_>, charsets: Charsets) -> Bytes {
    let text = message.text.or_else(|| str::from_utf8(message.bytes).ok());
    text.filter(|text| message.text.is_none() || !text.contains(char::REPLACEMENT_CHARACTER))
        .and_then(|text| upper_text(text, charsets))
        .unwrap_or_else(|| message.bytes.to_ascii_uppercase().into())
}

/// Nothing where the charset cannot say even the text as it came.
fn upper_text(text: &str, Charsets { output, .. }: Charsets) -> Option<Bytes> {
    let whole = text.to_uppercase();
    if let Ok(bytes) = output.encode(&whole) {
        return Some(bytes.into_owned().into());
    }
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        let capital: String = character.to_uppercase().collect();
        if output.encode(&capital).is_ok() {
            kept.push_str(&capital);
        } else {
            kept.push(character);
        }
    }
    output
        .encode(&kept)
        .ok()
        .map(|bytes| bytes.into_owned().into())
}

#[cfg(test)]
mod tests;
