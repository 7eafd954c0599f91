//! In which form a paste is, judged by its looks.

use super::Form;

/// In characters: a word shorter than this says nothing of base64.
const SHORTEST_BASE64: usize = 8;

/// The likeliest form. Hex comes before base64, and base64 before text, where a paste is both.
pub(super) fn guess(paste: &[u8]) -> Form {
    let Ok(text) = str::from_utf8(paste) else {
        return Form::Raw;
    };
    let text = text.trim();
    let reads = |form: Form| form.read(text.as_bytes()).is_ok();
    if text.is_empty() {
        return Form::Raw;
    }
    if is_literal(text) && reads(Form::CString) {
        return Form::CString;
    }
    if is_array(text) && reads(Form::C) {
        return Form::C;
    }
    if is_decimal(text) && reads(Form::Decimal) {
        return Form::Decimal;
    }
    if is_hex(text) && reads(Form::Hex) {
        return Form::Hex;
    }
    if text.contains('\\') && has_escape(text) && reads(Form::Escapes) {
        return Form::Escapes;
    }
    if is_base64(text) && reads(Form::Base64) {
        return Form::Base64;
    }
    Form::Raw
}

/// A string literal, by itself or given to a name.
fn is_literal(text: &str) -> bool {
    let value = text.rsplit_once("= ").map_or(text, |(_, value)| value);
    let head = value.trim_start_matches(['b', 'u', '8', 'L']);
    let end = text.trim_end_matches([';', ',', ')']);
    let is_quoted = |quote: char| head.starts_with(quote) && end.ends_with(quote);
    let is_python = value.starts_with('b') && is_quoted('\'');
    (is_quoted('"') || is_python) && text.contains('\\')
}

/// An array: its brackets, or numbers with `0x` and commas.
fn is_array(text: &str) -> bool {
    let end = text.trim_end_matches([';', ',', ' ', '\n']);
    let is_enclosed = text.contains(['{', '[', '(']) && end.ends_with(['}', ']', ')']);
    (is_enclosed || text.contains("0x")) && text.contains(',')
}

/// Several numbers below 256, of which some have three digits, or only one and a comma.
fn is_decimal(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
        .filter(|word| !word.is_empty())
        .collect();
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit()) && word.len() < 4;
    words.len() > 1
        && words.iter().all(is_number)
        && words
            .iter()
            .any(|word| word.len() == 3 || (word.len() == 1 && text.contains(',')))
}

/// Bytes of two digits each, or one word of an even number of digits.
fn is_hex(text: &str) -> bool {
    let groups: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';' | '-'))
        .filter(|group| !group.is_empty())
        .collect();
    let digits = |group: &str| {
        let bare = group
            .strip_prefix("0x")
            .or_else(|| group.strip_prefix("0X"));
        let digits = bare.unwrap_or(group);
        digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then_some(digits.len())
    };
    groups.iter().all(|group| {
        digits(group).is_some_and(|len| {
            len > 0 && (len % 2 == 0 || (groups.len() > 1 && len == 1) || group.len() > len)
        })
    })
}

/// Whether a backslash begins what is meant as an escape, and is no Windows path.
fn has_escape(text: &str) -> bool {
    ["\\x", "\\r", "\\n", "\\t", "\\u{", "\\0", "\\e"]
        .iter()
        .any(|escape| text.contains(escape))
}

/// Letters of both sizes, or digits, or padding: what words are not.
fn is_base64(text: &str) -> bool {
    let digits: String = text.split_ascii_whitespace().collect();
    let bare = digits.trim_end_matches('=');
    let is_alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let has = |class: fn(char) -> bool| bare.chars().any(class);
    // Lines of base64 are of one length; words are not.
    let lines: Vec<&str> = text.split_ascii_whitespace().collect();
    let is_block = lines.split_last().is_none_or(|(_, lines)| {
        lines.windows(2).all(|pair| pair[0].len() == pair[1].len())
            && lines.first().is_none_or(|line| line.len() % 4 == 0)
    });
    digits.len() >= SHORTEST_BASE64
        && digits.len().is_multiple_of(4)
        && is_block
        && bare.chars().all(is_alphabet)
        && (digits.ends_with('=')
            || (has(|c| c.is_ascii_uppercase())
                && has(|c| c.is_ascii_lowercase())
                && has(|c| c.is_ascii_digit() || matches!(c, '+' | '/'))))
}
