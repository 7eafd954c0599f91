//! Words that stand nowhere, or only where their layer is.

use super::source;
use super::{File, Finding};

/// A word that is refused.
struct Word {
    word: &'static str,
    part: Part,
    /// Beginnings of the paths in which it may stand.
    allowed: &'static [&'static str],
    message: &'static str,
}

/// Where a word is looked for.
#[derive(PartialEq)]
enum Part {
    /// In Rust code, neither in strings nor in comments.
    Code,
    /// Anywhere, in files of any sort.
    Line,
}

/// The console prints, and a build script speaks to Cargo; chores and examples are not the product.
const PRINTERS: &[&str] = &[
    "crates/sockpit/build.rs",
    "crates/sockpit/src/console",
    "crates/sockpit/examples/",
    "xtask/",
];
const PRINTED: &str = "only the console prints; give it the text";
const UNFINISHED: &str = "unfinished; finish it or leave it out";
const ONE_MACHINE: &str = "a path that exists on one machine only";

// Split, so that this file does not hold what it refuses.
const WORDS: [Word; 15] = [
    anywhere(concat!("TO", "DO"), UNFINISHED),
    anywhere(concat!("FIX", "ME"), UNFINISHED),
    anywhere(concat!("XX", "X"), UNFINISHED),
    anywhere(concat!("/ro", "ot/"), ONE_MACHINE),
    anywhere(concat!("/ho", "me/"), ONE_MACHINE),
    in_code("todo!", &[], UNFINISHED),
    in_code("unimplemented!", &[], UNFINISHED),
    in_code(
        "#[ignore",
        &[],
        "a test that does not run proves nothing; mend or remove it",
    ),
    in_code(
        "unsafe",
        &["crates/sockpit-sys/"],
        "unsafe code stands in sockpit-sys",
    ),
    in_code(
        "process::exit",
        &["crates/sockpit/src/main.rs"],
        "only main exits; return an `Exit`",
    ),
    in_code("print!", PRINTERS, PRINTED),
    in_code("println!", PRINTERS, PRINTED),
    in_code("eprint!", PRINTERS, PRINTED),
    in_code("eprintln!", PRINTERS, PRINTED),
    in_code("dbg!", &[], PRINTED),
];

const fn anywhere(word: &'static str, message: &'static str) -> Word {
    Word {
        word,
        part: Part::Line,
        allowed: &[],
        message,
    }
}

const fn in_code(
    word: &'static str,
    allowed: &'static [&'static str],
    message: &'static str,
) -> Word {
    Word {
        word,
        part: Part::Code,
        allowed,
        message,
    }
}

pub(super) fn check(file: &File, root: &str, findings: &mut Vec<Finding>) {
    let is_allowed = |word: &&Word| {
        !word
            .allowed
            .iter()
            .any(|start| file.path.starts_with(start))
    };
    let words: Vec<&Word> = WORDS.iter().filter(is_allowed).collect();
    let clone = format!("{root}/");
    // A folder such as `/src` is in many a path that is right.
    let is_telling = 3 <= clone.matches('/').count();
    for (index, line) in file.text.lines().enumerate() {
        for word in words.iter().filter(|word| word.part == Part::Line) {
            if holds(line, word.word) {
                findings
                    .push(file.finding(index + 1, format!("`{}`: {}", word.word, word.message)));
            }
        }
        if is_telling && line.contains(&clone) {
            findings.push(file.finding(index + 1, format!("`{clone}`: {ONE_MACHINE}")));
        }
    }
    if !file.is_rust() {
        return;
    }
    for (index, line) in source::lines(&file.text).iter().enumerate() {
        for word in words.iter().filter(|word| word.part == Part::Code) {
            if holds(&line.code, word.word) {
                findings
                    .push(file.finding(index + 1, format!("`{}`: {}", word.word, word.message)));
            }
        }
    }
}

/// Whether `word` stands in `line` as a word of its own, not within a longer one.
fn holds(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        !(before.ends_with(is_letter) && word.starts_with(is_letter)
            || after.starts_with(is_letter) && word.ends_with(is_letter))
    })
}
