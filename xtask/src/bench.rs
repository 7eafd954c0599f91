//! Measures Sockpit beside the programs people use instead, and beside the least that the same work
//! costs: ratios of interleaved runs, since absolute figures are a machine's.
//!
//! Client and server are processes of their own. The reference servers and the load generators are
//! this very program, started again as `bench-serve` and `bench-load`.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

mod arguments;
mod bulk;
mod capture;
mod checked;
mod comparison;
mod datagram;
mod echo;
mod growth;
mod history;
mod idle;
mod instrument;
mod latency;
mod load;
mod machine;
mod plot;
mod process;
mod read;
mod recorder;
mod reference;
mod report;
mod role;
mod room;
mod rules;
mod scan;
mod scratch;
mod start;
mod stream;
mod table;

use arguments::Arguments;
use comparison::Comparison;
pub(crate) use process::wait;
use report::Report;
pub(crate) use role::{load, serve};

/// Prepares a benchmark.
type Prepare = for<'a> fn(&'a Bench) -> io::Result<Comparison<'a>>;

/// The benchmarks, in the order in which they run.
const BENCHMARKS: &[(&str, Prepare)] = &[
    ("bulk", bulk::raw),
    ("bulk-lines", bulk::lines),
    ("memory", |bench| Ok(checked::memory(bench))),
    ("echo-1", |bench| Ok(echo::ping_pong(bench, 1, true))),
    ("echo-10", |bench| Ok(echo::ping_pong(bench, 10, false))),
    ("echo-50", |bench| Ok(echo::ping_pong(bench, 50, true))),
    ("echo-100", |bench| Ok(echo::ping_pong(bench, 100, false))),
    ("echo-1000", |bench| Ok(echo::ping_pong(bench, 1000, true))),
    ("echo-10000", |bench| {
        Ok(echo::ping_pong(bench, 10_000, true))
    }),
    ("churn", |bench| Ok(echo::churn(bench))),
    ("rules", rules::comparison),
    ("udp", |bench| Ok(datagram::echo(bench))),
    ("udp-trains", |bench| Ok(datagram::trains(bench))),
    ("udp-peers", |bench| Ok(datagram::peers(bench))),
    ("blast", |bench| Ok(checked::blast(bench))),
    ("idle", |bench| Ok(idle::comparison(bench))),
    ("recorder", |bench| Ok(recorder::comparison(bench))),
    ("history", |bench| Ok(history::comparison(bench))),
    ("start", start::version),
    ("start-one-shot", start::one_shot),
    ("size", |bench| Ok(start::size(bench))),
    ("stream-1000", |bench| Ok(growth::stream(bench, 1000))),
    ("stream-10000", |bench| Ok(growth::stream(bench, 10_000))),
    ("stream-100000", |bench| Ok(growth::stream(bench, 100_000))),
    ("stream-1000000", |bench| {
        Ok(growth::stream(bench, 1_000_000))
    }),
    ("stream-10000000", |bench| {
        Ok(growth::stream(bench, 10_000_000))
    }),
    ("stream-100000000", |bench| {
        Ok(growth::stream(bench, 100_000_000))
    }),
    ("stream-1000000000", |bench| {
        Ok(growth::stream(bench, 1_000_000_000))
    }),
    ("frame-16384", |bench| Ok(growth::frame(bench, 16 << 10))),
    ("frame-262144", |bench| Ok(growth::frame(bench, 256 << 10))),
    ("frame-4194304", |bench| Ok(growth::frame(bench, 4 << 20))),
    ("frame-16777216", |bench| Ok(growth::frame(bench, 16 << 20))),
    ("load-tcp", |bench| Ok(checked::tcp(bench))),
    ("load-udp", |bench| Ok(checked::udp(bench))),
    ("load-http", checked::http),
    ("scan", |bench| Ok(scan::comparison(bench))),
    ("wire", |bench| Ok(echo::watched(bench))),
    ("capture-64", |bench| Ok(capture::comparison(bench, 64))),
    ("capture-1400", |bench| Ok(capture::comparison(bench, 1400))),
    ("read", |bench| Ok(read::time(bench))),
    ("read-memory", |bench| Ok(read::memory(bench))),
    ("room-100", |bench| Ok(room::fan_out(bench, 100))),
    ("room-1000", |bench| Ok(room::fan_out(bench, 1000))),
    ("room-5000", |bench| Ok(room::fan_out(bench, 5000))),
    ("room-memory", |bench| Ok(room::memory(bench))),
];

/// What every benchmark needs to know.
struct Bench {
    size_mib: u64,
    /// Of a load that has no end of its own.
    time: Duration,
    /// The program that is measured.
    sockpit: PathBuf,
    /// This program, optimised.
    xtask: PathBuf,
}

/// Builds what is measured, measures it and prints a table a figure; the exit code says whether
/// every target was met.
pub(crate) fn run(root: &Path, words: &[String]) -> io::Result<ExitCode> {
    let names: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
    let arguments = match Arguments::parse(words, &names) {
        Ok(arguments) => arguments,
        Err(message) => {
            writeln!(io::stderr(), "error: {message}")?;
            return Ok(ExitCode::from(2));
        }
    };
    let wanted = |(name, _): &&(&str, Prepare)| arguments.wants(name);
    let wanted: Vec<_> = BENCHMARKS.iter().filter(wanted).collect();
    let mut report = match &arguments.from {
        Some(path) => Report::read(path)?,
        None => Report::default(),
    };
    if !wanted.is_empty() {
        let bench = Bench::build(root, &arguments)?;
        process::raise_open_files()?;
        report.begin(arguments.command(), &bench.sockpit);
        writeln!(io::stdout(), "{report}")?;
        for (name, prepare) in wanted {
            measure(&bench, name, *prepare, arguments.runs, &mut report)?;
            report.sort_by(&names);
            if let Some(path) = &arguments.json {
                report.save(path)?;
            }
        }
    }
    if let Some(folder) = &arguments.plot {
        report.draw(folder)?;
    }
    if arguments.is_written {
        report.write(root)?;
    }
    Ok(match report.is_met() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Measures one benchmark, whose failure is told and ends no other.
fn measure(
    bench: &Bench,
    name: &str,
    prepare: Prepare,
    runs: usize,
    report: &mut Report,
) -> io::Result<()> {
    let began = Instant::now();
    match prepare(bench) {
        Ok(comparison) => {
            for table in comparison.run(name, runs) {
                writeln!(io::stdout(), "### {}\n\n{table}", table.title)?;
                report.put(table);
            }
        }
        Err(error) => writeln!(io::stderr(), "error: {name}: {error}")?,
    }
    let seconds = began.elapsed().as_secs_f64();
    writeln!(io::stderr(), "{name}: {runs} runs in {seconds:.0} s")
}

impl Bench {
    /// Builds what is measured, if it is not there already.
    fn build(root: &Path, arguments: &Arguments) -> io::Result<Self> {
        let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
        // One after the other: built together they would share the features of their dependencies.
        let ours = arguments.program.is_none().then_some("sockpit");
        for package in ours.into_iter().chain(["xtask"]) {
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
        let folder = target.join("release");
        Ok(Self {
            size_mib: arguments.size_mib,
            time: arguments.time,
            sockpit: arguments.program.clone().unwrap_or(folder.join("sockpit")),
            xtask: folder.join("xtask"),
        })
    }

    /// `sockpit listen` with these arguments.
    fn listen(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.sockpit);
        command.arg("listen").args(arguments);
        command
    }

    /// A reference server of this program.
    fn reference(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.xtask);
        command.arg("bench-serve").args(words);
        command
    }

    /// A load generator of this program, against `port`, with `count` of what it has many of.
    fn load(&self, kind: &str, port: u16, count: usize) -> Command {
        let mut command = Command::new(&self.xtask);
        let numbers = [
            port.to_string(),
            count.to_string(),
            self.time.as_millis().to_string(),
        ];
        command.args(["bench-load", kind]).args(numbers);
        command
    }
}

#[cfg(test)]
mod tests;
