//! Words and bytes for a POSIX shell.

/// A word as a shell reads it back; as it is where nothing in it means anything else.
///
/// A terminal obeys the control characters of what is pasted into it, quoted or not: they stand as
/// octal digits in `$'…'` (POSIX.1-2024, XCU 2.2.4), as does what turns the direction of the others.
#[must_use]
pub fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if !word.chars().any(is_unsafe) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut quoted = String::from("$'");
    for character in word.chars() {
        match character {
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            character if is_unsafe(character) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    quoted.push_str(&format!("\\{byte:03o}"));
                }
            }
            character => quoted.push(character),
        }
    }
    quoted.push('\'');
    quoted
}

fn is_unsafe(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
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
