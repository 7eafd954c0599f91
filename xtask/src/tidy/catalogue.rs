//! What is told to people has an entry in the catalogue of strings, and each entry is told by
//! somebody: so nothing stays English where the rest is Chinese.

use std::collections::{BTreeMap, BTreeSet};

use super::source;
use super::{File, Finding};

/// Where the catalogue lies, beside its Chinese half.
const ENGLISH: &str = "crates/sockpit-core/src/strings/en.toml";

/// Tables of what others say: the argument parser, the system; of words that are put together; of
/// lines of rooms without their mark; and of what the lens puts together, whose own test finds what
/// has no entry and entries of nothing.
const FOREIGN: [&str; 5] = ["clap", "lens", "room", "system", "words"];

/// Whose literals are told to people.
const TOLD: [&str; 4] = [
    "crates/sockpit-core/src/",
    "crates/sockpit-engine/src/",
    "crates/sockpit-web/src/workbench",
    "crates/sockpit/src/",
];

/// What holds data and names, not sentences.
const NOT_TOLD: &[&str] = &[
    // What drones are told and answer.
    "crates/sockpit-core/src/tello/words.rs",
    // How requests are written.
    "crates/sockpit-core/src/chat/ask",
    // Sentences in both languages, and lines made of them.
    "crates/sockpit-core/src/chat/line/",
    "crates/sockpit-core/src/chat/notice/",
    "crates/sockpit-core/src/bpf/show.rs",
    "crates/sockpit-core/src/dissect",
    "crates/sockpit-engine/src/capture/command.rs",
    "crates/sockpit-core/src/scenario/junit.rs",
    "crates/sockpit-core/src/sim",
    "crates/sockpit-core/src/strings/",
    "crates/sockpit-core/src/rule/outline.rs",
    "crates/sockpit-core/src/snippet/python.rs",
    "crates/sockpit-core/src/text/checksum/catalogue.rs",
    "crates/sockpit-core/src/text/repair/frequent.rs",
    "crates/sockpit-core/src/rule/file/write.rs",
    "crates/sockpit/src/cli/",
    "crates/sockpit/src/console/ask.rs",
    "crates/sockpit/src/console/language.rs",
    "crates/sockpit/src/console/packets/mod.rs",
    "crates/sockpit/src/lib.rs",
    "crates/sockpit-core/src/lens/draw.rs",
    "crates/sockpit-core/src/lens/verdict.rs",
    // What a file of packets remarks on them.
    "crates/sockpit-core/src/transcript/remark.rs",
    // What stands in the tree of a packet's fields.
    "crates/sockpit-core/src/wire/checksum.rs",
    "crates/sockpit-core/src/filter/show.rs",
    // What programs are told over HTTP, and why a page was sent away, which it says by the code.
    "crates/sockpit-web/src/workbench/answer.rs",
    "crates/sockpit-web/src/workbench/farewell.rs",
];

/// What the console says apart from the sentence that follows.
const LABELS: [&str; 3] = ["error: ", "hint: ", "warning: "];

/// After these stands what no user sees.
const INNER: &[&str] = &[
    "contains(",
    "split(",
    "strip_prefix(",
    "expect(",
    "expect_err(",
    "panic!(",
    "unreachable!(",
    "assert!(",
    "reason =",
    "debug_assert!(",
    "concat!(",
    "FILTER: &str =",
];

pub(super) fn check(files: &[File], findings: &mut Vec<Finding>) {
    let Some(catalogue) = files.iter().find(|file| file.path == ENGLISH) else {
        return;
    };
    let Ok(tables) = catalogue.text.parse::<toml::Table>() else {
        findings.push(catalogue.finding(0, "is no TOML"));
        return;
    };
    let mut entries = BTreeMap::new();
    for (table, keys) in &tables {
        for (key, value) in keys.as_table().into_iter().flatten() {
            let name = format!("{table}.{key}");
            entries.insert(skeleton(value.as_str().unwrap_or_default()), name);
        }
    }
    let mut told = BTreeSet::new();
    for file in files.iter().filter(|file| is_told(file)) {
        for (line, text) in sentences(&file.text) {
            let skeleton = skeleton(&text);
            if !entries.contains_key(&skeleton) {
                if is_prose(&text) {
                    let message = format!("`{text}` has no entry in the catalogue of strings");
                    findings.push(file.finding(line, message));
                }
                continue;
            }
            told.insert(skeleton);
        }
    }
    for (skeleton, name) in &entries {
        let table = name.split('.').next().unwrap_or_default();
        if !told.contains(skeleton) && !FOREIGN.contains(&table) {
            findings.push(catalogue.finding(0, format!("`{name}` is told by nobody")));
        }
    }
}

fn is_told(file: &File) -> bool {
    let begins = |start: &&str| file.path.starts_with(*start);
    file.is_rust() && !file.is_test() && TOLD.iter().any(begins) && !NOT_TOLD.iter().any(begins)
}

/// The lines and columns of every literal that may be told, with their places.
fn sentences(text: &str) -> Vec<(usize, String)> {
    let (code, literals) = source::literals(text);
    let tests = code.find("#[cfg(test)]\nmod tests {").unwrap_or(code.len());
    let mut sentences = Vec::new();
    for literal in literals {
        if tests < literal.place {
            break;
        }
        let before = code[..literal.place].trim_end();
        let is_inner = INNER.iter().any(|inner| before.ends_with(inner));
        // What is looked for in the words of others.
        let is_pattern = code[literal.place + 2..].starts_with(") =>");
        // What stands in a table of words to be typed, less what follows them.
        let is_typed = literal.text.ends_with(' ') && is_first_cell(before);
        if is_inner
            || is_pattern
            || is_typed
            || attribute(before).is_some_and(|attribute| !attribute.starts_with("error"))
        {
            continue;
        }
        for line in literal.text.lines() {
            for cell in line.trim().split("  ") {
                let cell = cell.trim();
                let unlabelled = LABELS.iter().find_map(|label| cell.strip_prefix(label));
                let cell = unlabelled.unwrap_or(cell);
                if !cell.is_empty() && !cell.starts_with("sockpit ") && !cell.starts_with(".SH ") {
                    sentences.push((literal.line, cell.to_owned()));
                }
            }
        }
    }
    sentences
}

/// The attribute that `code` ends within, if it does.
fn attribute(code: &str) -> Option<&str> {
    let start = code.rfind("#[")?;
    let inside = &code[start + 2..];
    let mut depth = 1_usize;
    for c in inside.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return None;
        }
    }
    Some(inside)
}

/// Whether what comes after `code` is the first of several in a table.
fn is_first_cell(code: &str) -> bool {
    code.strip_suffix('(')
        .is_some_and(|before| before.trim_end().ends_with([',', '[']))
}

/// A template with nameless places.
fn skeleton(template: &str) -> String {
    let mut skeleton = String::new();
    let mut rest = template;
    while let Some(c) = rest.chars().next() {
        let len = if rest.starts_with("{{") || rest.starts_with("}}") {
            skeleton.push_str(&rest[..2]);
            2
        } else if c == '{' {
            skeleton.push_str("{}");
            rest.find('}').map_or(rest.len(), |end| end + 1)
        } else {
            skeleton.push(c);
            c.len_utf8()
        };
        rest = &rest[len..];
    }
    skeleton
}

/// Whether people are to read it: two words in a row, or two words around values; what stands in
/// backticks is none, and neither is what is to be filled in, such as `NICK TEXT`.
fn is_prose(text: &str) -> bool {
    let plain: String = text.split('`').step_by(2).collect::<Vec<_>>().join("{}");
    let is_word = |word: &str| {
        let word = word.trim_matches([',', ';', ':', '.', '(', ')', '?']);
        (word.len() > 1 || word == "a")
            && word.chars().any(|c| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_alphabetic() || c == '\'' || c == '-')
    };
    let skeleton = skeleton(&plain);
    let words: Vec<&str> = skeleton.split_whitespace().collect();
    let is_place = |word: &str| word.contains("{}");
    let is_pair = |pair: &[&str]| is_word(pair[0]) && is_word(pair[1]);
    let words_beside = words.windows(2).filter(|pair| is_pair(pair)).count();
    let words_and_places = words.iter().filter(|word| is_word(word)).count();
    0 < words_beside || 1 < words_and_places && words.iter().any(|word| is_place(word))
}

#[cfg(test)]
mod tests;
