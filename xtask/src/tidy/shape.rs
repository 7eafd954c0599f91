//! How a file looks: its length, its first line, its white space.

use super::{File, Finding};

/// In lines; past 400 there is usually a second subject.
const LINE_LIMIT: usize = 600;

pub(super) fn check(file: &File, findings: &mut Vec<Finding>) {
    if file.is_rust() && !file.is_test() {
        let lines = file.text.lines().count();
        if LINE_LIMIT < lines {
            findings.push(file.finding(
                0,
                format!("{lines} lines, of {LINE_LIMIT} at most; give its second subject a file"),
            ));
        }
        if !file.text.starts_with("//!") {
            findings.push(file.finding(1, "says nothing of itself; begin with a `//!` paragraph"));
        }
    }
    if file.path.ends_with(".lock") {
        return;
    }
    for (index, line) in file.text.split('\n').enumerate() {
        let wrong = if line.ends_with('\r') {
            "a line ends in CR LF"
        } else if line.ends_with([' ', '\t']) {
            "white space ends a line"
        } else if line.contains('\t') {
            "a tab; use spaces, or `\\t` in a string"
        } else {
            continue;
        };
        findings.push(file.finding(index + 1, wrong));
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(file.finding(0, "the last line has no end"));
    }
}
