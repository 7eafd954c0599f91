//! Checks what a reader would otherwise have to: the arrows between crates, the shape of files, and
//! the words that stand only where ARCHITECTURE.md allows them.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

mod arrow;
mod catalogue;
mod network;
mod shape;
mod source;
mod word;

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// From the root, with forward slashes.
    path: String,
    /// Counted from 1; 0 is the whole file.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

/// One text file of the repository.
struct File {
    /// From the root, with forward slashes.
    path: String,
    text: String,
}

/// Folders that hold what others wrote, what a tool made, or bytes that must stay as they are.
const SKIPPED: [&str; 8] = [
    "target",
    ".git",
    "node_modules",
    "dist",
    "testdata",
    "snapshots",
    "corpus",
    "artifacts",
];

/// Prints every finding; the exit code says whether there was one.
pub(crate) fn run(root: &Path) -> io::Result<ExitCode> {
    let files = files(root)?;
    let findings = check(&files, &root.to_string_lossy());
    let mut out = io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    writeln!(
        out,
        "tidy: {} files, {} findings",
        files.len(),
        findings.len()
    )?;
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Applies every rule to the files of a repository that lies at `root`.
fn check(files: &[File], root: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    arrow::check(files, &mut findings);
    catalogue::check(files, &mut findings);
    for file in files {
        shape::check(file, &mut findings);
        word::check(file, root, &mut findings);
        network::check(file, &mut findings);
    }
    findings.sort();
    findings
}

/// Every text file below `root`, in the order of their paths.
fn files(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                    folders.push(entry.path());
                }
            } else if kind.is_file()
                && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
            {
                let path = entry.path();
                let path = path.strip_prefix(root).expect("the walk began at the root");
                let path = path.to_string_lossy().replace('\\', "/");
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it holds tests only: `tests.rs`, or anything in a folder `tests`.
    fn is_test(&self) -> bool {
        self.is_rust() && (self.path.ends_with("/tests.rs") || self.path.contains("/tests/"))
    }

    fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            message,
        } = self;
        if *line == 0 {
            write!(f, "{path}: {message}")
        } else {
            write!(f, "{path}:{line}: {message}")
        }
    }
}

#[cfg(test)]
mod tests;
