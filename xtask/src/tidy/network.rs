//! What a test that opens sockets must not rest on: hope, a number, or a name of somebody else's.
//!
//! A line is excused by a comment on it or just above it that says why: `// sleep: virtual time`,
//! `// sleep: polled until the deadline`, `// port: never opened`, `// name: never looked up`.

use super::source::{self, Line};
use super::{File, Finding};

/// Addresses that a test may use with port 0 only.
const OWN: [&str; 6] = [
    "127.0.0.1:",
    "localhost:",
    "[::1]:",
    "0.0.0.0:",
    "[::]:",
    "//:",
];

/// Ends of names that others own.
const PUBLIC: [&str; 3] = [".com", ".org", ".net"];

pub(super) fn check(file: &File, findings: &mut Vec<Finding>) {
    if !file.is_test() {
        return;
    }
    let lines = source::lines(&file.text);
    for (index, line) in lines.iter().enumerate() {
        let above = index.checked_sub(1).and_then(|above| lines.get(above));
        let is_excused =
            |word: &str| excuses(line, word) || above.is_some_and(|a| excuses(a, word));
        let mut refuse = |message| findings.push(file.finding(index + 1, message));
        if has_sleep(line) && !is_excused("sleep:") {
            refuse("sleeps and hopes; wait for what must happen, or say why in `// sleep: …`");
        }
        if !opens_sockets(file) {
            continue;
        }
        if has_port(line) && !is_excused("port:") {
            refuse("a fixed port; bind port 0 and ask for its number, or say why in `// port: …`");
        }
        if has_public_name(line) && !is_excused("name:") {
            refuse("a public name; use localhost or `.invalid`, or say why in `// name: …`");
        }
    }
}

/// The core and the arguments are pure: an address in their tests is only a text.
fn opens_sockets(file: &File) -> bool {
    let begins = |folder| file.path.starts_with(folder);
    !begins("crates/sockpit-core/src/")
        && (begins("crates/sockpit-engine/")
            || begins("crates/sockpit-sys/")
            || file.path.contains("/tests/"))
}

/// Whether a comment on the line gives a reason after `word`.
fn excuses(line: &Line, word: &str) -> bool {
    line.comment
        .split_once(word)
        .is_some_and(|(_, reason)| !reason.trim().is_empty())
}

/// A call of `sleep` or `sleep_until`, from whichever crate.
fn has_sleep(line: &Line) -> bool {
    ["sleep(", "sleep_until("].iter().any(|call| {
        line.code.match_indices(call).any(|(start, _)| {
            let before = &line.code[..start];
            !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
                && !before.trim_end().ends_with("fn")
        })
    })
}

/// An address of this machine with a port other than 0.
fn has_port(line: &Line) -> bool {
    let in_text = OWN
        .iter()
        .any(|address| followed_by_port(&line.text, address));
    in_text
        || followed_by_port(&line.code, "LOCALHOST, ")
        || followed_by_port(&line.code, "UNSPECIFIED, ")
}

fn followed_by_port(text: &str, address: &str) -> bool {
    text.match_indices(address).any(|(start, _)| {
        text[start + address.len()..].starts_with(|c: char| matches!(c, '1'..='9'))
    })
}

fn has_public_name(line: &Line) -> bool {
    PUBLIC.iter().any(|end| {
        line.text.match_indices(end).any(|(start, _)| {
            let after = &line.text[start + end.len()..];
            line.text[..start].ends_with(|c: char| c.is_ascii_alphanumeric())
                && !after.starts_with(|c: char| c.is_ascii_alphanumeric())
        })
    })
}
