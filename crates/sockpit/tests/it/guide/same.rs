//! What counts as the same output: the rules for all that differs from run to run.

use std::sync::LazyLock;

use regex::Regex;

/// What differs from run to run, and what stands for it.
static DIFFERENT: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        // Times of day, in the timeline and in records.
        (
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}(Z|\+\d\d:\d\d)",
            "<date>",
        ),
        (r"\d{4}-\d\d-\d\d(T| )\d\d:\d\d:\d\d", "<date>"),
        (r"\b\d\d:\d\d:\d\d\.\d{3}\b", "<time>"),
        (r"\b\d\d:\d\d:\d\d\b", "<time>"),
        // How long an answer took; an answer in the same chunk as another has none.
        (r"  \+\d+(\.\d+)?(ns|µs|ms|s|m)$", ""),
        // What was measured has a space before its unit, or a fraction; what the page set has none.
        (
            r"\b\d+(\.\d+)? (ns|µs|us|ms|s|min|seconds|minutes)\b",
            "<measured>",
        ),
        (r"\b\d+\.\d+(µs|us|ms|s)\b", "<measured>"),
        // What a load came to, and how fast.
        (r"\b\d+ \(\d+(\.\d+)?[kMG]?/s\)", "<measured>"),
        (r"\b\d+(\.\d+)? [kMG]?B/s\b", "<measured>"),
        // Of little processor time it is not told where it was taken.
        (r" \(<{1,2}measured> program, <{1,2}measured> system\)", ""),
        (r"<?\b\d+ % of one processor", "<measured>"),
        // A busy machine adds a longer name to these rows, and their column becomes wider.
        (r"^(lost|reordered|duplicates) {2,}", "$1  "),
        // Ports that the system chose. Those of the pages are below its range.
        (
            r":(3[3-9]\d{3}|32[89]\d\d|3276[89]|327[7-9]\d|[4-6]\d{4})\b",
            ":<port>",
        ),
        (r#"time="[\d.]+""#, "<measured>"),
        // The doctor may see its own question wait.
        (r"\bbacklog \d+/", "backlog <measured>/"),
        (r"\bended after \d+m?s", "<measured>"),
        (r"\(\S+B/s in the last <measured>\)", "<measured>"),
        // Who runs the test: in sentences, and in the table of ports.
        (r"\bpid \d+(, user [^)\s]+)?", "<holder>"),
        (r"^PROTO +", "<holder>"),
        (
            r"(listening|bound|connected) +(\S+) +\d+ +\S+ +<measured> +(\S+).*",
            "$1 $2 <holder> $3",
        ),
    ];
    let compile = |(rule, name)| (Regex::new(rule).expect("a rule of this file"), name);
    rules.map(compile).into()
});

/// A table is aligned by what differs.
static GAP: LazyLock<Regex> = LazyLock::new(|| Regex::new(" {2,}").expect("a rule of this file"));

/// Whether a terminal shows what a page says, where `...` stands for any lines.
pub(super) fn is_shown(page: &[String], terminal: &[String]) -> bool {
    let Some((first, rest)) = page.split_first() else {
        return terminal.is_empty();
    };
    if first == "..." {
        return (0..=terminal.len()).any(|skipped| is_shown(rest, &terminal[skipped..]));
    }
    terminal.split_first().is_some_and(|(shown, others)| {
        without_differences(first) == without_differences(shown) && is_shown(rest, others)
    })
}

/// A line with a name in the place of each thing that differs from run to run.
fn without_differences(line: &str) -> String {
    let mut same = line.trim_end().to_owned();
    for (rule, name) in DIFFERENT.iter() {
        same = rule.replace_all(&same, *name).into_owned();
    }
    if same.contains("<holder>") || same.contains("<measured>") {
        same = GAP.replace_all(&same, "  ").into_owned();
    }
    same
}

/// The lines of both, those of the page that are missing with `-`, those too many with `+`.
pub(super) fn difference(page: &[String], terminal: &[String]) -> String {
    let mut lines = Vec::new();
    let (mut old, mut new) = (page, terminal);
    while let ([first, ..], [shown, ..]) = (old, new) {
        if without_differences(first) == without_differences(shown) {
            lines.push(format!("  {shown}"));
            (old, new) = (&old[1..], &new[1..]);
            continue;
        }
        let is_same = |line: &&String| without_differences(line) == without_differences(first);
        if new.iter().any(|line| is_same(&line)) {
            lines.push(format!("+ {shown}"));
            new = &new[1..];
        } else {
            lines.push(format!("- {first}"));
            old = &old[1..];
        }
    }
    lines.extend(old.iter().map(|line| format!("- {line}")));
    lines.extend(new.iter().map(|line| format!("+ {line}")));
    lines.join("\n")
}
