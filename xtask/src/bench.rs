//! Measures Sockpit beside the programs people use instead, and beside the least that the same work
//! costs: ratios of interleaved runs, since absolute figures are a machine's.
//!
//! Client and server are processes of their own. The reference servers and the load generators are
//! this very program, started again as `bench-serve` and `bench-load`.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::thread;

mod bulk;
mod capture;
mod comparison;
mod echo;
mod idle;
mod load;
mod process;
mod read;
mod reference;
mod room;
mod start;

use capture::Aspect;
use comparison::Comparison;

/// The benchmarks, in the order in which they run.
const NAMES: [&str; 17] = [
    "bulk",
    "echo",
    "churn",
    "udp",
    "idle",
    "start",
    "wire",
    "lost-64",
    "lost-1400",
    "capture-64",
    "capture-1400",
    "read",
    "read-memory",
    "room-100",
    "room-1000",
    "room-5000",
    "room-memory",
];

/// What `cargo xtask bench` was told.
#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    /// None means all.
    names: Vec<String>,
    runs: usize,
    /// Of the file that `bulk` sends, in MiB.
    size_mib: u64,
}

/// What every benchmark needs to know.
struct Bench {
    runs: usize,
    size_mib: u64,
    /// The program that is measured.
    sockpit: PathBuf,
    /// This program, optimised.
    xtask: PathBuf,
}

/// Builds what is measured, measures it and prints a table a benchmark; the exit code says whether
/// every target was met.
pub(crate) fn run(root: &Path, arguments: &[String]) -> io::Result<ExitCode> {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            writeln!(io::stderr(), "error: {message}")?;
            return Ok(ExitCode::from(2));
        }
    };
    let folder = build(root)?;
    let bench = Bench {
        runs: arguments.runs,
        size_mib: arguments.size_mib,
        sockpit: folder.join("sockpit"),
        xtask: folder.join("xtask"),
    };
    process::raise_open_files()?;
    let mut out = io::stdout();
    writeln!(out, "{}\n", machine())?;
    let mut met = true;
    for name in NAMES {
        if !arguments.names.is_empty() && !arguments.names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let table = bench.comparison(name)?.run(bench.runs)?;
        writeln!(out, "{table}")?;
        met &= table.is_met();
    }
    Ok(if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs a reference server until it is killed.
pub(crate) fn serve(arguments: &[String]) -> io::Result<ExitCode> {
    match arguments {
        [kind] if kind == "epoll-echo" => reference::epoll_echo(),
        [kind] if kind == "udp-echo" => reference::udp_echo(),
        _ => Err(io::Error::other("usage: bench-serve epoll-echo|udp-echo")),
    }
}

/// Runs a load generator, which ends by itself, and prints its figure.
pub(crate) fn load(arguments: &[String]) -> io::Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [kind, port] = words[..] else {
        return Err(io::Error::other("usage: bench-load KIND PORT"));
    };
    let port = port.parse().map_err(io::Error::other)?;
    let figure = match kind {
        "echo" => load::ping_pong(port)?,
        "alone" => load::alone(port)?,
        "churn" => load::churn(port)?,
        "udp" => load::datagrams(port)?,
        "idle" => return load::idle(port, load::Greeting::None),
        "greeted" => return load::idle(port, load::Greeting::RoundTrip),
        "room-idle" => return room::idle_members(port),
        _ if kind.starts_with("room-") || kind.starts_with("chat-") => room::load(kind, port)?,
        _ => return Err(io::Error::other(format!("no load is called `{kind}`"))),
    };
    writeln!(io::stdout(), "{figure}")?;
    Ok(ExitCode::SUCCESS)
}

fn parse(words: &[String]) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        names: Vec::new(),
        runs: 7,
        size_mib: 2048,
    };
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--runs" => arguments.runs = number(word, words.next())?,
            "--size" => arguments.size_mib = number(word, words.next())?,
            name if NAMES.contains(&name) => arguments.names.push(name.to_owned()),
            _ => {
                return Err(format!(
                    "no benchmark is called `{word}`; there are {}",
                    NAMES.join(", ")
                ));
            }
        }
    }
    Ok(arguments)
}

fn number<N: FromStr + PartialOrd + Default>(
    option: &str,
    word: Option<&str>,
) -> Result<N, String> {
    word.and_then(|word| word.parse().ok())
        .filter(|number| *number > N::default())
        .ok_or_else(|| format!("`{option}` needs a number above 0"))
}

/// The folder in which the optimised programs lie.
fn build(root: &Path) -> io::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
    // One after the other: built together they would share the features of their dependencies.
    for package in ["sockpit", "xtask"] {
        let status = Command::new(&cargo)
            .args(["build", "--release", "-p", package])
            .current_dir(root)
            .status()?;
        if !status.success() {
            return Err(io::Error::other(format!("cannot build {package}")));
        }
    }
    // This program lies in a profile's folder below the target folder, wherever that is.
    let own = env::current_exe()?;
    let target = own.ancestors().nth(2).expect("cargo runs a built program");
    Ok(target.join("release"))
}

/// Cores, processor and kernel: what the absolute figures depend on.
fn machine() -> String {
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

impl Bench {
    fn comparison(&self, name: &str) -> io::Result<Comparison<'_>> {
        match name {
            "bulk" => bulk::comparison(self),
            "echo" => Ok(echo::ping_pong(self)),
            "churn" => Ok(echo::churn(self)),
            "udp" => Ok(echo::datagrams(self)),
            "idle" => Ok(idle::comparison(self)),
            "start" => Ok(start::comparison(self)),
            "wire" => Ok(echo::watched(self)),
            "lost-64" => Ok(capture::comparison(self, 64, Aspect::Lost)),
            "lost-1400" => Ok(capture::comparison(self, 1400, Aspect::Lost)),
            "capture-64" => Ok(capture::comparison(self, 64, Aspect::Cost)),
            "capture-1400" => Ok(capture::comparison(self, 1400, Aspect::Cost)),
            "read" => Ok(read::time(self)),
            "read-memory" => Ok(read::memory(self)),
            "room-100" => Ok(room::fan_out(self, 100)),
            "room-1000" => Ok(room::fan_out(self, 1000)),
            "room-5000" => Ok(room::fan_out(self, 5000)),
            "room-memory" => Ok(room::memory(self)),
            _ => Err(io::Error::other(format!("no benchmark is called `{name}`"))),
        }
    }

    /// `sockpit listen` with these arguments.
    fn listen(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.sockpit);
        command.arg("listen").args(arguments);
        command
    }

    /// A reference server of this program.
    fn reference(&self, kind: &str) -> Command {
        let mut command = Command::new(&self.xtask);
        command.args(["bench-serve", kind]);
        command
    }

    /// A load generator of this program, against `port`.
    fn load(&self, kind: &str, port: u16) -> Command {
        let mut command = Command::new(&self.xtask);
        command.args(["bench-load", kind, &port.to_string()]);
        command
    }
}

#[cfg(test)]
mod tests;
