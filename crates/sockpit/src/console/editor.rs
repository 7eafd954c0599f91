//! The line that is typed: edited, completed, remembered, and never torn by what arrives meanwhile.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc as blocking};
use std::thread;
use std::time::Duration;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Helper};
use sockpit_core::text::width;
use sockpit_engine::stdio::{self, Patient, TerminalMode};
use tokio::sync::mpsc;

use super::screen;

/// Lines that are remembered.
const REMEMBERED: usize = 1000;

/// What a typed line does may change the prompt; the next one waits for that, but no longer than
/// this.
const PROMPT_WAIT: Duration = Duration::from_millis(100);

/// Lines that wait to be dealt with.
const WAITING: usize = 4;

/// What somebody did at the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A line, without its end. Pasted text may hold several.
    Line(String),
    /// Ctrl-D in an empty line.
    End,
    /// No line can be read any more.
    Failed,
}

/// A command that can be typed, for completion and hints.
#[derive(Clone, Debug)]
pub(crate) struct Completion {
    /// With its slash.
    pub(crate) command: &'static str,
    /// What comes after it, such as `TIME TEXT`.
    pub(crate) usage: &'static str,
    /// What completes its first word.
    pub(crate) words: Words,
}

/// What completes the first word of a command.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    /// Nothing is known.
    Any,
    /// One of these.
    OneOf(Vec<String>),
    /// A path.
    Path,
}

/// The keyboard of somebody who types lines.
pub(crate) struct Editor {
    typed: mpsc::Receiver<Typed>,
    prompt: Arc<Mutex<String>>,
    /// Tells that the last line was dealt with.
    dealt_with: blocking::Sender<()>,
    /// Whether a line was taken and is not dealt with.
    is_taken: Cell<bool>,
    mode: Option<TerminalMode>,
}

impl Editor {
    /// Whether there is a terminal that can show a line being edited.
    pub(crate) fn is_possible() -> bool {
        let term = std::env::var_os("TERM");
        let is_dumb = term.is_none_or(|term| term == "dumb" || term == "cons25" || term == "emacs");
        io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb
    }

    /// Begins to read lines.
    ///
    /// # Errors
    ///
    /// Returns why the terminal cannot be used.
    pub(crate) fn start(completions: Vec<Completion>, prompt: &str) -> io::Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(REMEMBERED)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(io::Error::other)?
            .history_ignore_space(true)
            .build();
        let mode = TerminalMode::by_key();
        let mut editor = rustyline::Editor::<Guide, FileHistory>::with_config(config)
            .map_err(io::Error::other)?;
        editor.set_helper(Some(Guide {
            completions,
            files: FilenameCompleter::new(),
        }));
        let printer = editor.create_external_printer().map_err(io::Error::other)?;
        screen::attach(printer)?;
        let (sender, typed) = mpsc::channel(WAITING);
        let (dealt_with, waits) = blocking::channel();
        let prompt = Arc::new(Mutex::new(prompt.to_owned()));
        let keyboard = Keyboard {
            editor,
            typed: sender,
            prompt: prompt.clone(),
            waits,
            history: history_path(),
        };
        thread::Builder::new()
            .name("sockpit-keyboard".to_owned())
            .spawn(move || {
                let typed = keyboard.typed.clone();
                let run = std::panic::AssertUnwindSafe(|| keyboard.run());
                if std::panic::catch_unwind(run).is_err() {
                    screen::detach();
                    // The session may be over.
                    let _ = typed.blocking_send(Typed::Failed);
                }
            })?;
        Ok(Self {
            typed,
            prompt,
            dealt_with,
            is_taken: Cell::new(false),
            mode,
        })
    }

    /// The next thing that is typed. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Typed {
        match self.typed.recv().await {
            Some(typed) => {
                self.is_taken.set(true);
                typed
            }
            // After Ctrl-C, whose signal is on its way.
            None => std::future::pending().await,
        }
    }

    /// Says that the last line was dealt with, and what stands before the next one.
    pub(crate) fn ask(&self, prompt: impl FnOnce() -> String) {
        if self.is_taken.replace(false) {
            *self.prompt.lock().expect("no holder panics") = prompt();
            // A keyboard that has ended asks for nothing more.
            let _ = self.dealt_with.send(());
        }
    }
}

impl Editor {
    /// Takes nothing more that is typed; what is shown still goes above the line, until this is
    /// dropped.
    pub(crate) fn close(&mut self) {
        self.typed.close();
    }
}

impl Drop for Editor {
    /// Leaves the terminal as it was found, without a prompt.
    fn drop(&mut self) {
        let Ok(mut stdout) = Patient::stdout() else {
            return;
        };
        screen::detach_when_drawn();
        stdio::silence();
        self.mode = None;
        // No more bracketed paste, and the line of the prompt is empty. Nobody can be told of a
        // terminal that is gone.
        let _ = stdout.write_all(b"\x1b[?2004l\r\x1b[J");
    }
}

/// The thread that reads.
struct Keyboard {
    editor: rustyline::Editor<Guide, FileHistory>,
    typed: mpsc::Sender<Typed>,
    prompt: Arc<Mutex<String>>,
    waits: blocking::Receiver<()>,
    history: Option<PathBuf>,
}

impl Keyboard {
    fn run(mut self) {
        if let Some(path) = &self.history {
            // The first time there is none.
            let _ = self.editor.load_history(path);
        }
        loop {
            let prompt = self.prompt.lock().expect("no holder panics").clone();
            let read = self.editor.readline(&prompt);
            screen::end_line();
            let typed = match read {
                Ok(line) => {
                    self.erase(&prompt, &line);
                    self.remember(&line);
                    Typed::Line(line)
                }
                Err(ReadlineError::Interrupted) => {
                    self.erase(&prompt, "");
                    screen::detach();
                    return stdio::interrupt();
                }
                Err(ReadlineError::Signal(_)) => continue,
                // The end, or a terminal that is gone.
                Err(_) => {
                    self.erase(&prompt, "");
                    Typed::End
                }
            };
            let is_over = typed == Typed::End;
            if self.typed.blocking_send(typed).is_err() || is_over {
                return screen::detach();
            }
            // Either it was dealt with, or that takes longer than a prompt can wait.
            let _ = self.waits.recv_timeout(PROMPT_WAIT);
        }
    }

    /// Takes a line that was typed off the screen: the timeline shows what was sent.
    fn erase(&mut self, prompt: &str, line: &str) {
        let Some((columns, screen_rows)) = self.editor.dimensions() else {
            return;
        };
        let rows = rows(prompt, line, usize::from(columns));
        if rows < usize::from(screen_rows) {
            // Nothing else is drawn between two lines.
            let _ = io::stdout().write_all(format!("\x1b[{rows}A\r\x1b[J").as_bytes());
            let _ = io::stdout().flush();
        }
    }

    fn remember(&mut self, line: &str) {
        let is_new = self.editor.add_history_entry(line).unwrap_or(false);
        if let Some(path) = self.history.as_ref().filter(|_| is_new) {
            // A history that cannot be kept is no reason to stop.
            let _ = self.editor.append_history(path);
        }
    }
}

/// How many rows a prompt and a line take on a screen of so many columns.
fn rows(prompt: &str, line: &str, columns: usize) -> usize {
    let columns = columns.max(1);
    let mut rows = 1;
    let mut column = width::width(prompt);
    for character in line.chars() {
        if character == '\n' {
            rows += 1;
            column = 0;
            continue;
        }
        let width = width::width(character.encode_utf8(&mut [0; 4]));
        if column + width > columns {
            rows += 1;
            column = 0;
        }
        column += width;
    }
    // The cursor stands behind the last character, and has no room in a full row.
    rows + usize::from(column >= columns)
}

/// Where typed lines are kept between sessions, as the XDG base directory specification has it.
fn history_path() -> Option<PathBuf> {
    let state = match std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".local/state"),
    };
    let folder = state.join("sockpit");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Completes and hints.
struct Guide {
    completions: Vec<Completion>,
    files: FilenameCompleter,
}

impl Guide {
    /// The command that the line begins with, and the place of what comes after it.
    fn command(&self, line: &str) -> Option<(&Completion, usize)> {
        let (word, _) = line.split_once(' ')?;
        let command = self.completions.iter().find(|it| it.command == word)?;
        Some((command, word.len() + 1))
    }
}

impl Completer for Guide {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..at).unwrap_or_default();
        if !typed.starts_with('/') {
            return Ok((at, Vec::new()));
        }
        let Some((command, start)) = self.command(typed) else {
            let known = self.completions.iter().map(|it| it.command);
            return Ok((0, beginning_with(typed, known)));
        };
        match &command.words {
            Words::Any => Ok((at, Vec::new())),
            Words::Path => self.files.complete(line, at, context),
            Words::OneOf(words) => {
                let known = words.iter().map(String::as_str);
                Ok((start, beginning_with(&typed[start..], known)))
            }
        }
    }
}

/// Those words that begin as what is typed.
fn beginning_with<'a>(typed: &str, words: impl Iterator<Item = &'a str>) -> Vec<Pair> {
    words
        .filter(|word| word.starts_with(typed))
        .map(|word| Pair {
            display: word.to_owned(),
            replacement: format!("{word} "),
        })
        .collect()
}

impl Hinter for Guide {
    type Hint = String;

    /// What a command takes, as long as nothing of it is typed.
    fn hint(&self, line: &str, _at: usize, _context: &Context<'_>) -> Option<String> {
        // It is asked for whenever the line is drawn, the first time too.
        screen::begin_line();
        let (command, start) = self.command(line)?;
        (line.len() == start && !command.usage.is_empty()).then(|| command.usage.to_owned())
    }
}

impl Highlighter for Guide {
    fn highlight_hint<'h>(&self, hint: &'h str) -> std::borrow::Cow<'h, str> {
        if super::wants_colour() {
            format!("\x1b[2m{hint}\x1b[0m").into()
        } else {
            hint.into()
        }
    }
}

impl Validator for Guide {
    fn validate(
        &self,
        _context: &mut ValidationContext<'_>,
    ) -> rustyline::Result<ValidationResult> {
        // This is the last thing that is asked of a line.
        screen::end_line();
        Ok(ValidationResult::Valid(None))
    }
}

impl Helper for Guide {}

#[cfg(test)]
mod tests;
