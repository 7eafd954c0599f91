//! `sockpit run`: scenarios, with a result for people, for programs and for build servers.

mod serve;
mod stage;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;
use sockpit_core::scenario::{CaseReport, Scenario, Verdict, junit};
use sockpit_core::text::escape::VisibleLine;

use crate::console::Console;
use crate::exit::{Exit, sentence};
use stage::Stage;

/// In bytes: what a rule file or a `send_file` may hold. It is read before anything begins.
const FILE_LIMIT: u64 = 64 << 20;

const STDOUT: &str = "cannot write to stdout";

/// What `sockpit run` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
A scenario opens sessions, sends, and says what must come, in order; docs/scenarios.md has it all:

  [[session]]
  name = \"server\"
  listen = \"tcp://127.0.0.1:0?frame=lines\"

  [[session]]
  name = \"client\"
  connect = \"tcp://127.0.0.1:${server.port}?frame=lines\"

  [[step]]
  session = \"client\"
  send = \"login ann\"

  [[step]]
  session = \"server\"
  expect = 're:^login (?<who>\\w+)$'
  within = \"2s\"

  [[step]]
  session = \"server\"
  send = \"welcome ${who}\"

A file with sessions and no step, such as the workbench saves, is opened and served until Ctrl-C.

Examples:
  sockpit run login.toml
  sockpit run plc.toml -v
  sockpit run login.toml --filter password -v
  sockpit run login.toml --junit report.xml --json

Exit codes: 0 all met, 1 network, 2 a mistake in the file, 3 an expectation not met (or as its
`exit` says), 4 the time of a case is over, 130 Ctrl-C; of several cases, the first that failed")]
pub(crate) struct Args {
    /// The scenario, a TOML file
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Carry out only the cases whose name contains this
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Print one JSON object for each case, and one for all
    #[arg(long)]
    json: bool,
    /// Write the results to this file as JUnit XML; `-` is stdout, which then gets nothing else
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Tell every step and the time that it took
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Tell only what failed
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

impl Args {
    /// Whether the JUnit XML takes stdout, which is no place for two forms.
    fn prints_junit(&self) -> bool {
        self.junit.as_deref() == Some(Path::new("-"))
    }
}

/// Carries the command out.
pub(crate) fn run(args: &Args, console: &Console) -> Exit {
    if args.json && args.prints_junit() {
        console.error("`--json` and `--junit -` both want stdout; give `--junit` a file");
        return Exit::Usage;
    }
    let scenario = match load(&args.file) {
        Ok(scenario) => scenario,
        Err(error) => {
            console.error(&sentence(&error));
            return Exit::Usage;
        }
    };
    if scenario.is_served() {
        return match serve::serve(args, &scenario, console) {
            Ok(exit) => exit,
            Err(error) => {
                console.error(&sentence(&error));
                Exit::Usage
            }
        };
    }
    let chosen: Vec<bool> = scenario
        .cases()
        .map(|name| {
            args.filter
                .as_ref()
                .is_none_or(|part| name.contains(part.as_str()))
        })
        .collect();
    if !chosen.contains(&true) {
        let names: Vec<_> = scenario.cases().map(|name| format!("`{name}`")).collect();
        console.error(&format!(
            "no case is called `{}`; there are {}",
            args.filter.as_deref().unwrap_or_default(),
            names.join(", ")
        ));
        return Exit::Usage;
    }
    match play(args, &Arc::new(scenario), &chosen, console) {
        Ok(exit) => exit,
        Err(error) => {
            console.error(&sentence(&error));
            Exit::Usage
        }
    }
}

/// Reads a scenario and the files that it names, which lie beside it.
fn load(path: &Path) -> anyhow::Result<Scenario> {
    let name = path.display().to_string();
    let bytes = read(path).with_context(|| format!("cannot read {name}"))?;
    let source =
        String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{name} is not UTF-8, as TOML is"))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut open =
        |name: &str| read(&folder.join(name)).map_err(|error| sockpit_engine::cause_text(&error));
    Ok(Scenario::parse(&source, &name, &mut open)?)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(io::Error::other("it is longer than 64 MiB"));
    }
    Ok(bytes)
}

fn play(
    args: &Args,
    scenario: &Arc<Scenario>,
    chosen: &[bool],
    console: &Console,
) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let file = args.file.display().to_string();
    // A report that cannot be written is better told before than after.
    let report = args.junit.as_ref().filter(|_| !args.prints_junit());
    if let Some(path) = report {
        std::fs::write(path, "").with_context(|| format!("cannot write {}", path.display()))?;
    }
    let began = Instant::now();
    let mut reports: Vec<CaseReport> = Vec::new();
    let mut signal = None;
    runtime.block_on(async {
        let mut stage = Stage::set(scenario.clone(), console, args.quiet).await?;
        for (case, is_chosen) in chosen.iter().enumerate() {
            if signal.is_some() || !is_chosen {
                reports.push(scenario.skipped(case));
                continue;
            }
            let (report, came) = stage.play(case).await;
            signal = came;
            tell(&report, args, console).context(STDOUT)?;
            reports.push(report);
        }
        anyhow::Ok(())
    })?;
    let took = began.elapsed();
    // What was filtered out was not part of the run; what a signal prevented was.
    let mut index = 0;
    reports.retain(|_| {
        index += 1;
        chosen.get(index - 1).copied().unwrap_or_default()
    });
    let xml = || junit::write(&scenario.name, &file, took, &reports);
    if let Some(path) = report {
        std::fs::write(path, xml()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let count =
        |fits: fn(&CaseReport) -> bool| reports.iter().filter(|report| fits(report)).count();
    let passed = count(CaseReport::passed);
    let skipped = count(|report| report.verdict == Verdict::Skipped);
    let failed = reports.len() - passed - skipped;
    let first = reports.iter().map(CaseReport::exit).find(|exit| *exit != 0);
    if args.prints_junit() {
        console.data(xml().as_bytes()).context(STDOUT)?;
    } else if args.json {
        let summary = json!({
            "scenario": scenario.name,
            "file": file,
            "passed": passed,
            "failed": failed,
            "skipped": skipped,
            "seconds": took.as_secs_f64(),
        });
        let line = format!("{summary}\n");
        console.data(line.as_bytes()).context(STDOUT)?;
    } else if !args.quiet || failed > 0 {
        let skipped = match skipped {
            0 => String::new(),
            count => format!(", {count} skipped"),
        };
        let line = format!(
            "{}: {passed} passed, {failed} failed{skipped} in {:.2} s\n",
            VisibleLine(&scenario.name),
            took.as_secs_f64()
        );
        console
            .data(console.said(&line).as_bytes())
            .context(STDOUT)?;
    }
    Ok(match (signal, first) {
        (Some(signal), _) => signal,
        (None, None) => Exit::Done,
        (None, Some(1)) => Exit::Network,
        (None, Some(2)) => Exit::Usage,
        (None, Some(4)) => Exit::TimedOut,
        (None, Some(code)) => Exit::Unmet(code),
    })
}

fn tell(report: &CaseReport, args: &Args, console: &Console) -> io::Result<()> {
    if args.json {
        return console.data(format!("{}\n", report.to_json()).as_bytes());
    }
    if args.prints_junit() || args.quiet && report.passed() {
        return Ok(());
    }
    let mut text = format!("{report}\n");
    if args.verbose > 0 {
        for step in &report.steps {
            text.push_str(&format!("        {step}\n"));
        }
    }
    console.data(console.said(&text).as_bytes())
}
