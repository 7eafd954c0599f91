//! Words and bytes for a POSIX shell.

/// A word as a shell reads it back; as it is where nothing in it means anything else.
#[must_use]
pub fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Bytes as the word that `printf` writes them from.
pub(super) fn printf_word(bytes: &[u8]) -> String {
    let mut word = String::from("'");
    for byte in bytes {
        match byte {
            b'%' => word.push_str("%%"),
            b'\\' => word.push_str("\\\\"),
            b'\n' => word.push_str("\\n"),
            b'\r' => word.push_str("\\r"),
            b'\'' => word.push_str("\\047"),
            b' '..=b'~' => word.push(char::from(*byte)),
            other => word.push_str(&format!("\\{other:03o}")),
        }
    }
    word.push('\'');
    word
}
