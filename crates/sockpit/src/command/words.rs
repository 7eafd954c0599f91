//! The words that are offered where something is completed: at the keyboard and in a shell. Each is
//! the beginning of what may be written there, or all of it; none of these lists is the grammar.

/// How messages are cut.
pub(super) const FRAMINGS: &[&str] = &[
    "raw",
    "lines",
    "delim:",
    "delim:hex:",
    "fixed:",
    "len:u8",
    "len:u16be",
    "len:u16le",
    "len:u32be",
    "len:u32le",
    "len:varint",
    "slip",
    "cobs",
    "gap:50ms",
];

/// Charsets that people ask for.
pub(super) const CHARSETS: &[&str] = &[
    "utf-8",
    "gbk",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-kr",
    "utf-16le",
    "latin1",
];

/// Checksums that devices use.
pub(super) const CHECKSUMS: &[&str] = &["modbus", "crc32", "xmodem", "sum8", "xor", "lrc"];

/// What ends a typed line.
pub(super) const ENDS_OF_LINE: &[&str] = &["none", "lf", "crlf", "cr"];

/// What stdout gets.
pub(super) const FORMS: &[&str] = &["text", "hex", "both", "raw", "json", "none"];

/// What is answered without a rule file.
const REPLIES: &[&str] = &["echo", "upper", "discard", "fixed:"];

/// How bytes are written down.
const PASTES: &[&str] = &["hex", "c", "string", "base64", "escapes", "decimal", "raw"];

/// The words that a shell offers for an argument of a command; none where they cannot be known.
pub(super) fn of_argument(command: &str, argument: &str) -> Vec<&'static str> {
    let lists: &[&[&str]] = match (command, argument) {
        ("encode", "from" | "to") => &[PASTES],
        ("decode", "from") => &[&["auto"], PASTES, CHARSETS],
        ("decode", "to") => &[&["text"], PASTES],
        ("replay", "dir") | ("follow", "direction") => &[&["in", "out"]],
        ("replay", "side") => &[&["us", "peer"]],
        ("load", "mode") => &[&["request", "oneway", "churn"]],
        ("wire" | "open", "time") => &[&["relative", "delta", "clock", "date", "epoch"]],
        ("wire" | "open", "numbers") => &[&["relative", "absolute", "both"]],
        ("wire" | "open", "labels") => &[&["truth", "wireshark"]],
        ("follow", "form") => &[&["text", "hex", "both", "raw", "json"]],
        ("connect" | "listen" | "replay" | "wire" | "open" | "follow", "text") => {
            &[CHARSETS, &["none"]]
        }
        (_, "text" | "text_out") => &[CHARSETS],
        (_, "frame") => &[FRAMINGS],
        (_, "checksum") => &[CHECKSUMS],
        (_, "eol") => &[ENDS_OF_LINE],
        (_, "form") => &[FORMS],
        (_, "reply") => &[REPLIES],
        (_, "lang") => &[&["en", "zh"]],
        _ => &[],
    };
    lists.concat()
}

#[cfg(test)]
mod tests;
