//! What absolute figures depend on: the machine, and the versions of what was measured.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Programs and how each tells its version.
const PROGRAMS: [(&str, &str); 9] = [
    ("nc.openbsd", "-h"),
    ("ncat", "--version"),
    ("socat", "-V"),
    ("iperf3", "--version"),
    ("sockperf", "--version"),
    ("wrk", "-v"),
    ("tcpdump", "--version"),
    ("dumpcap", "--version"),
    ("tshark", "--version"),
];

/// Cores, processor and kernel.
pub(super) fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // What follows the number is the builder's own name for it.
    let kernel = release.trim().split('-').next().unwrap_or_default();
    format!("{cores} cores, {model}, Linux {kernel}")
}

/// Ours and all others that are there, each with its version.
pub(super) fn programs(sockpit: &Path) -> String {
    let ours = version(&mut Command::new(sockpit), "--version").map(|v| format!("Sockpit {v}"));
    let others = PROGRAMS.iter().filter_map(|(program, option)| {
        let version = version(&mut Command::new(program), option)?;
        Some(format!("{program} {version}"))
    });
    ours.into_iter()
        .chain(others)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The first word with a number of several parts in what a program says.
fn version(command: &mut Command, option: &str) -> Option<String> {
    let output = command.arg(option).stdin(Stdio::null()).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    said.split_whitespace().find_map(number).map(str::to_owned)
}

/// The number in `v4.1.0-3+b2`, or in `1.219-1),`.
fn number(word: &str) -> Option<&str> {
    let word = word.rsplit('/').next()?.trim_start_matches(['v', '(']);
    let end = word.find(|c: char| c != '.' && !c.is_ascii_digit());
    let number = word[..end.unwrap_or(word.len())].trim_end_matches('.');
    let has_parts = number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.');
    has_parts.then_some(number)
}

#[cfg(test)]
mod tests;
