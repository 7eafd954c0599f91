//! The language that people are told things in: chosen once, before anything is told.

use std::borrow::Cow;
use std::sync::OnceLock;

use sockpit_core::strings::{Catalogue, Language};

/// The console belongs to the process, and so does its language.
static LANGUAGE: OnceLock<Language> = OnceLock::new();

/// Read once something is said: most of what the program does says nothing.
static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();

/// What may stand before a sentence.
const LABELS: [&str; 3] = ["error", "hint", "warning"];

/// Chooses the language. The first choice counts.
pub(crate) fn speak(language: Language) {
    let _ = LANGUAGE.set(language);
}

/// What is said in the language of the console, where that is another than the program's own.
pub(crate) fn catalogue() -> Option<&'static Catalogue> {
    is_other().then(|| CATALOGUE.get_or_init(|| Catalogue::new(current())))
}

/// Whether it is another language than the program's own.
pub(super) fn is_other() -> bool {
    current() != Language::English
}

/// Which one it is.
pub(super) fn current() -> Language {
    LANGUAGE.get().copied().unwrap_or_default()
}

/// A sentence in the language of the console.
pub(crate) fn say(sentence: &str) -> Cow<'_, str> {
    match catalogue() {
        Some(catalogue) => catalogue.say(sentence),
        None => Cow::Borrowed(sentence),
    }
}

/// Text in lines and columns, each cell of which is a sentence.
pub(crate) fn lay_out(text: &str) -> Cow<'_, str> {
    match catalogue() {
        Some(catalogue) => catalogue.lay_out(text),
        None => Cow::Borrowed(text),
    }
}

/// One line of talk, which may begin with a label: `error: …`, with colour or without.
pub(super) fn line(line: &str) -> Cow<'_, str> {
    let Some(catalogue) = catalogue() else {
        return Cow::Borrowed(line);
    };
    for label in LABELS {
        let (before, rest) = match line.split_once(label) {
            Some((before, rest)) if before.is_empty() || before.starts_with('\x1b') => {
                (before, rest)
            }
            _ => continue,
        };
        let said = catalogue.say(label);
        if let Some(sentence) = rest.strip_prefix(": ") {
            return Cow::Owned(format!("{before}{said}：{}", of_peer(sentence, catalogue)));
        }
        if let Some(sentence) = rest.strip_prefix(":\x1b[0m ") {
            let sentence = of_peer(sentence, catalogue);
            return Cow::Owned(format!("{before}{said}：\x1b[0m{sentence}"));
        }
    }
    // What stands in columns is no one sentence.
    match catalogue.lay_out(line) {
        Cow::Borrowed(line) => catalogue.say(line),
        said => said,
    }
}

/// A sentence that may begin with whom it is about: `peer 2: …`.
fn of_peer<'s>(sentence: &'s str, catalogue: &Catalogue) -> Cow<'s, str> {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match sentence
        .strip_prefix("peer ")
        .and_then(|rest| rest.split_once(": "))
    {
        Some((number, rest)) if is_number(number) => {
            let peer = sentence.len() - rest.len() - ": ".len();
            let peer = catalogue.say(sentence.get(..peer).unwrap_or_default());
            Cow::Owned(format!("{peer}：{}", catalogue.say(rest)))
        }
        _ => catalogue.say(sentence),
    }
}

/// Text in which rows hold bytes of peers: those stay as they are, whatever they hold.
pub(super) fn around_rows(text: &str) -> Cow<'_, str> {
    if !is_other() {
        return Cow::Borrowed(text);
    }
    let mut said = String::new();
    for line in text.split_inclusive('\n') {
        if is_row(line) {
            said.push_str(line);
        } else {
            said.push_str(&lay_out(line));
        }
    }
    Cow::Owned(said)
}

/// Whether a line of a picture or of a comparison holds bytes.
fn is_row(line: &str) -> bool {
    const HEADS: [&str; 4] = ["@@", "↑", "──", "offset "];
    const BARS: [char; 4] = ['┌', '│', '└', '─'];
    let mut line = line;
    while let Some((_, rest)) = line
        .strip_prefix('\x1b')
        .and_then(|mark| mark.split_once('m'))
    {
        line = rest;
    }
    let start = line.trim_start();
    if HEADS.iter().any(|head| start.starts_with(head)) {
        return false;
    }
    let sums = [" bytes: ", "1 byte: "];
    let is_sum = sums.iter().any(|sum| start.contains(sum)) && !start.contains('"');
    line.contains(BARS) || line.starts_with(['-', '+', '"']) || line.starts_with(' ') && !is_sum
}
