//! The load itself: announced, watched, and told.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use sockpit_core::graph;
use sockpit_core::load::{Plan, Report};
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::load::{Load, Running};

use super::processor::ProcessorTime;
use super::show;
use crate::command::talk::explain_for;
use crate::console::{Console, departure};
use crate::exit::Exit;
use crate::runtime::carry_out;
use crate::signals::Signals;

/// In pixels: how large the picture is.
const PICTURE: (u32, u32) = (960, 640);

const STDOUT: &str = "cannot write to stdout";

/// What is measured, and what is told of it.
pub(super) struct Settings {
    pub(super) load: Plan,
    pub(super) is_json: bool,
    pub(super) is_quiet: bool,
    /// Whether another machine may be loaded.
    pub(super) is_agreed: bool,
    pub(super) svg: Option<PathBuf>,
}

/// Carries the command out.
pub(super) fn run(settings: &Settings, console: &Console) -> Exit {
    match carry_out(live(settings, console)) {
        Ok(exit) => exit,
        Err(error) => explain(&error, settings, console),
    }
}

fn explain(error: &anyhow::Error, settings: &Settings, console: &Console) -> Exit {
    // A listener without a reply would leave a load without an answer.
    let server = "sockpit load --serve";
    match explain_for(server, error, &settings.load.session, console) {
        // How long an answer may take is a measure of what failed, and no time to end after.
        Exit::TimedOut => Exit::Network,
        exit => exit,
    }
}

async fn live(settings: &Settings, console: &Console) -> anyhow::Result<Exit> {
    // A picture that cannot be written is better told before than after. Opening a pipe waits for its
    // reader, which a signal has to end.
    let picture = settings.svg.as_deref().map(Picture::open).transpose()?;
    let mut signals = Signals::new().context("cannot start")?;
    let load = tokio::select! {
        biased;
        exit = signals.next() => return Ok(exit),
        load = Load::resolve(settings.load.clone()) => load?,
    };
    if !load.is_local() && !settings.is_agreed {
        console.error(&format!(
            "{} is another machine; `--yes` loads it, if it is yours to load",
            load.targets().join(", ")
        ));
        return Ok(Exit::Usage);
    }
    if !settings.is_quiet {
        console.announce(&settings.load.headline());
    }
    // Connecting is not in the time of a load, nor in what it takes of a processor.
    let before = Arc::new(OnceLock::new());
    let begun = before.clone();
    let mut running = load.start_with(move || {
        begun.get_or_init(ProcessorTime::now);
    })?;
    let ended = watch(settings, &mut running, &mut signals, console).await?;
    let report = match (running.finish().await, ended) {
        // It was still connecting.
        (Err(_), Some(exit)) => return Ok(exit),
        (report, _) => report?,
    };
    let before = before.get().copied().flatten();
    let taken = before.and_then(|before| Some(ProcessorTime::now()?.since(before)));
    tell(settings, &report, taken, console)?;
    if let Some(picture) = picture {
        let (width, height) = PICTURE;
        picture.write(&graph::load::svg(
            &report,
            width,
            height,
            console.language(),
        ))?;
    }
    Ok(match ended {
        Some(exit) => exit,
        None => of_report(&report),
    })
}

/// Tells how far it is until it is over; an exit where somebody has ended it.
async fn watch(
    settings: &Settings,
    running: &mut Running,
    signals: &mut Signals,
    console: &Console,
) -> anyhow::Result<Option<Exit>> {
    let gone = departure().context(STDOUT)?;
    let mut ended = None;
    loop {
        tokio::select! {
            biased;
            // The second one does not wait for answers that are still to come.
            exit = signals.next() => match ended {
                Some(_) => running.stop_now(),
                None => {
                    ended = Some(exit);
                    running.stop();
                }
            },
            () = gone.told(), if ended.is_none() => {
                ended = Some(Exit::Done);
                running.stop();
            }
            progress = running.progress() => {
                let Some(progress) = progress else { break };
                if settings.is_json {
                    let line = format!("{}\n", show::object(&progress));
                    console.data(line.as_bytes()).context(STDOUT)?;
                }
                if settings.is_quiet {
                    continue;
                }
                let line = show::line(settings.load.mode, &progress);
                if console.is_heard() {
                    console.progress(&console.said(&line));
                } else if !settings.is_json {
                    console.say(&line);
                }
            }
        }
    }
    if !settings.is_quiet {
        console.end_progress();
    }
    Ok(ended)
}

/// The report, for people or for programs.
fn tell(
    settings: &Settings,
    report: &Report,
    taken: Option<ProcessorTime>,
    console: &Console,
) -> anyhow::Result<()> {
    if settings.is_json {
        let line = format!("{}\n", show::report_object(report, taken));
        return console.data(line.as_bytes()).context(STDOUT);
    }
    let text = show::table(&show::rows(report, taken));
    let text = console.said(&text);
    console.data(text.as_bytes()).context(STDOUT)?;
    for note in report.notes().iter().filter(|_| !settings.is_quiet) {
        console.say(note);
    }
    Ok(())
}

/// What the figures come to. What is lost of datagrams is a figure; on a stream nothing is.
fn of_report(report: &Report) -> Exit {
    let is_lost = report.unanswered > 0 || report.lost().is_some_and(|lost| lost > 0);
    let has_failed = report.faults.total() > 0
        || report.corrupt > 0
        || report.received() == 0
        || report.is_stream && is_lost;
    match has_failed {
        true => Exit::Network,
        false => Exit::Done,
    }
}

/// A file for the picture. One that was made for it goes again where nothing is drawn.
struct Picture<'a> {
    file: File,
    path: &'a Path,
    is_new: bool,
}

impl<'a> Picture<'a> {
    /// Opens it; what it holds stays until there is a picture.
    fn open(path: &'a Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true);
        let (opened, is_new) = match options.open(path) {
            // A link may lead to a file that is not there yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (options.create(true).open(path), true)
            }
            opened => (opened, false),
        };
        let file = opened.with_context(|| cannot_write(path))?;
        Ok(Self { file, path, is_new })
    }

    fn write(mut self, drawn: &str) -> anyhow::Result<()> {
        self.overwrite(drawn)
            .with_context(|| cannot_write(self.path))?;
        self.is_new = false;
        Ok(())
    }

    fn overwrite(&mut self, drawn: &str) -> io::Result<()> {
        let is_file = self.file.metadata()?.is_file();
        self.file.write_all(drawn.as_bytes())?;
        // A longer picture may have been there before.
        if is_file {
            self.file.set_len(drawn.len() as u64)?;
        }
        Ok(())
    }
}

impl Drop for Picture<'_> {
    fn drop(&mut self) {
        // One that somebody has taken away is gone already; a link stays, and what it leads to goes.
        if self.is_new
            && let Ok(path) = fs::canonicalize(self.path)
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", VisibleLine(&path.display().to_string()))
}
