//! Where a page is played: its terminals, its files, its ports.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use regex::{Captures, Regex};

use super::page::{Action, Block, Page, Step};
use super::same;
use crate::pseudo_terminal::{Size, on_a_terminal};
use crate::support::{DEADLINE, Running, TempDir, folder, free_port};

/// More rows than any page shows, so that nothing scrolls; as wide as a page.
const ROWS: NonZeroU16 = NonZeroU16::new(400).expect("it is not zero");
const COLUMNS: NonZeroU16 = NonZeroU16::new(100).expect("it is not zero");

/// How long a terminal that nothing comes to is taken for settled, where the page is written.
const QUIET: Duration = Duration::from_millis(1500);

/// How often a terminal is looked at.
const POLL: Duration = Duration::from_millis(10);

/// How long a terminal is looked at.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Patience {
    /// Until it shows what the page says.
    UntilRight,
    /// Until nothing comes any more; the page gets what it shows.
    UntilQuiet,
}

/// Plays the blocks of a page, and says where it is wrong. What is shown is put into the page.
pub(super) fn play(page: &mut Page, patience: Patience) -> Vec<String> {
    let name = page.name();
    let mut stage = Stage {
        folder: folder(),
        ports: Ports::default(),
        terminals: BTreeMap::new(),
        patience,
    };
    // A capture that pages look at.
    let capture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/captures/loopback.pcapng"
    );
    fs::copy(capture, stage.folder.path().join("talk.pcapng")).unwrap();
    for block in page.played() {
        let lines = block.lines();
        lines.iter().for_each(|line| stage.ports.learn(line));
    }
    let before: Vec<_> = page.played().map(|block| block.clone()).collect();
    let mut complaints = Vec::new();
    for (number, block) in page.played().enumerate() {
        let key = block.name().map(str::to_owned);
        match block {
            Block::File { lines, .. } => {
                let path = stage.folder.path().join(key.expect("a file has a name"));
                let text = stage.ports.ours(&lines.join("\n"));
                fs::write(path, format!("{text}\n")).unwrap();
            }
            Block::Console { steps, .. } => {
                let key = key.unwrap_or_else(|| format!("block {number}"));
                let said = stage.play(&key, steps);
                complaints.extend(said.map(|said| format!("docs/{name}: {said}")));
            }
        }
        if !complaints.is_empty() && patience == Patience::UntilRight {
            // What comes after it is not worth a wait.
            break;
        }
    }
    if complaints.is_empty() {
        // Other times would be no better.
        page.played()
            .zip(before)
            .for_each(|(block, before)| *block = before);
    }
    complaints
}

struct Stage {
    folder: TempDir,
    ports: Ports,
    terminals: BTreeMap<String, Terminal>,
    patience: Patience,
}

impl Stage {
    fn play(&mut self, key: &str, steps: &mut [Step]) -> Option<String> {
        let is_named = !key.starts_with("block ");
        let mut said = None;
        // A command without a named terminal has ended before the next, or the end of the block.
        let runs: Vec<_> = steps
            .iter()
            .map(|step| matches!(step.action, Action::Run(_)))
            .collect();
        let ends = |number: usize| runs.get(number + 1).is_none_or(|is_run| *is_run);
        for (number, step) in steps.iter_mut().enumerate() {
            let to_its_end = !is_named && ends(number);
            self.act(key, &step.action);
            let shown = self.look(key, &step.shown, to_its_end);
            if !same::is_shown(&step.shown, &shown) {
                let difference = same::difference(&step.shown, &shown);
                let action = match &step.action {
                    Action::Run(lines) => lines.join("\n"),
                    other => format!("{other:?}"),
                };
                said.get_or_insert(format!("after `{action}` ({key})\n{difference}"));
                step.shown = shown;
            } else if !step.shown.iter().any(|line| line == "...") {
                step.shown = shown;
            }
        }
        said
    }

    fn act(&mut self, key: &str, action: &Action) {
        match action {
            Action::Look => {}
            Action::Run(lines) => {
                let mut command = lines.join("\n").split_off("$ ".len());
                // As in a shell that goes on, `$?` is the code of the command before.
                if command.contains("$?") {
                    let code = self.terminals.get_mut(key).map_or(0, Terminal::code);
                    command = format!("(exit {code}); {command}");
                } else if let Some(before) = self.terminals.get_mut(key) {
                    before.code();
                }
                let command = self.ports.ours(&command);
                let terminal = Terminal::start(&command, &self.folder);
                self.terminals.insert(key.to_owned(), terminal);
            }
            Action::Type(text) => {
                let text = format!("{}\r", self.ports.ours(text));
                let terminal = self.terminals.get_mut(key).expect("a block with a command");
                terminal.wait_for_prompt();
                terminal.running.feed(text.as_bytes());
            }
            Action::Key(letter) => {
                let terminal = self.terminals.get_mut(key).expect("a block with a command");
                let code = u8::try_from(*letter).expect("a letter of ASCII") & 0x1F;
                terminal.running.feed(&[code]);
            }
        }
    }

    /// What the terminal shows since it was looked at.
    fn look(&mut self, key: &str, expected: &[String], to_its_end: bool) -> Vec<String> {
        let until = Instant::now() + DEADLINE;
        let terminal = self.terminals.get_mut(key).expect("a block with a command");
        let mut seen = (0, Instant::now());
        loop {
            let is_over = terminal.running.is_over();
            let len = terminal.running.stdout().len();
            if len != seen.0 {
                seen = (len, Instant::now());
            }
            let shown = terminal.shown(&self.ports);
            let is_enough = match self.patience {
                Patience::UntilRight => !to_its_end && same::is_shown(expected, &shown),
                Patience::UntilQuiet => !to_its_end && seen.0 > 0 && seen.1.elapsed() > QUIET,
            };
            if is_enough || is_over || Instant::now() > until {
                terminal.given += shown.len();
                return shown;
            }
            thread::sleep(POLL); // sleep: polled, with a deadline
        }
    }
}

struct Terminal {
    running: Running,
    /// Rows that were looked at.
    given: usize,
}

impl Terminal {
    fn start(command: &str, folder: &TempDir) -> Self {
        let home = folder.path().to_str().expect("a folder of the tests");
        let program = Path::new(env!("CARGO_BIN_EXE_sockpit"));
        let program = program.parent().and_then(Path::to_str).expect("a path");
        let path = std::env::var("PATH").unwrap_or_default();
        let size = Size::new(ROWS.get(), COLUMNS.get());
        let running = on_a_terminal(size, &["/bin/sh", "-c", command])
            .env("PATH", &format!("{program}:{path}"))
            .env("HOME", home)
            .env("XDG_STATE_HOME", home)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env("SOCKPIT_LANG", "en")
            .env("PYTHONUNBUFFERED", "1")
            .folder(folder)
            .hold_stdin()
            .start();
        Self { running, given: 0 }
    }

    /// The exit code, once it has ended.
    fn code(&mut self) -> i32 {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            if let Some(code) = self.running.code() {
                return code;
            }
            thread::sleep(POLL); // sleep: polled, with a deadline
        }
        panic!("the command before it has not ended");
    }

    fn wait_for_prompt(&self) {
        self.running.wait("a prompt", |running| {
            let rows = rows(&running.stdout());
            rows.last().is_some_and(|row| is_prompt(row))
        });
    }

    fn shown(&self, ports: &Ports) -> Vec<String> {
        let mut rows = rows(&self.running.stdout());
        // The prompt, and how a terminal echoes the keys.
        rows.retain(|row| !is_prompt(row) && row != "^C" && row != "^D");
        let rows = rows.into_iter().skip(self.given);
        rows.map(|row| ports.theirs(row.trim_start_matches("^C")))
            .collect()
    }
}

/// What is on the screen, without empty rows at its end.
fn rows(written: &[u8]) -> Vec<String> {
    // The parser drops U+FFFD, which a terminal shows: another of its width stands in for it.
    const STAND_IN: &str = "\u{2426}";
    let written = String::from_utf8_lossy(written).replace('\u{FFFD}', STAND_IN);
    let mut parser = vt100::Parser::new(ROWS, COLUMNS, 0);
    parser.process(written.as_bytes());
    let contents = parser.screen().contents().replace(STAND_IN, "\u{FFFD}");
    let rows = contents.trim_end().lines();
    rows.map(|row| row.trim_end().to_owned()).collect()
}

/// Whether a row is the prompt with nothing typed, such as `>`, `all>`, `lobby >` or `lobby +3 >`.
fn is_prompt(row: &str) -> bool {
    let Some(aim) = row.trim_end().strip_suffix('>') else {
        return false;
    };
    let (place, missed) = aim.split_once(' ').unwrap_or((aim, ""));
    let missed = missed.trim().trim_start_matches('+');
    place.chars().all(char::is_alphanumeric) && missed.chars().all(|it| it.is_ascii_digit())
}

/// The ports of a page, and the free ones that are used in their place.
#[derive(Default)]
struct Ports {
    ours_of: BTreeMap<String, String>,
}

/// What may be a port: its pages have four digits.
static PORT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b([1-9]\d{3})\b").expect("it compiles"));

static AFTER_COLON: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r":([1-9]\d{3})\b").expect("it compiles"));

impl Ports {
    /// Finds the ports of a line: numbers after a colon.
    fn learn(&mut self, line: &str) {
        for found in AFTER_COLON.captures_iter(line) {
            let port = found[1].to_owned();
            self.ours_of
                .entry(port)
                .or_insert_with(|| free_port().to_string());
        }
    }

    /// What a page says, with free ports.
    fn ours(&self, text: &str) -> String {
        let replace = |found: &Captures<'_>| {
            let ours = self.ours_of.get(&found[1]);
            ours.cloned().unwrap_or_else(|| found[1].to_owned())
        };
        PORT.replace_all(text, replace).into_owned()
    }

    /// What a terminal shows, with the ports of the page.
    fn theirs(&self, text: &str) -> String {
        let replace = |found: &Captures<'_>| {
            let theirs = self.ours_of.iter().find(|(_, ours)| **ours == found[1]);
            theirs.map_or_else(|| found[1].to_owned(), |(theirs, _)| theirs.clone())
        };
        PORT.replace_all(text, replace).into_owned()
    }
}
