//! The line that is typed: edited, completed, remembered, and never torn by what arrives meanwhile.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc as blocking};
use std::thread;
use std::time::{Duration, Instant};

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Event, EventContext,
    EventHandler, Helper, KeyCode, KeyEvent, Modifiers, RepeatCount,
};
use sockpit_core::text::width;
use sockpit_engine::stdio::{self, Patient, TerminalMode};
use tokio::sync::mpsc;

use super::aid::{Aid, Key, Pressed};
use super::screen;

/// Lines that are remembered.
const REMEMBERED: usize = 1000;

/// What a typed line does may change the prompt; the next one waits for that, but no longer than
/// this, as there may be more to type.
const PROMPT_WAIT: Duration = Duration::from_secs(1);

/// How often a prompt that waits looks whether something else waits for it to be drawn.
const PROMPT_LOOK: Duration = Duration::from_millis(10);

/// Lines that wait to be dealt with.
const WAITING: usize = 4;

/// In milliseconds: a key of escape that nothing follows for so long is one, and no beginning of
/// another key.
const ESCAPE_WAIT: u16 = 100;

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
    /// Tells how many lines were dealt with.
    dealt_with: blocking::Sender<u64>,
    /// How many lines were taken.
    taken: Cell<u64>,
    /// Of how many it was told that they were dealt with.
    told: Cell<u64>,
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
        let guide = Guide {
            completions,
            files: FilenameCompleter::new(),
            aid: None,
        };
        Self::begin(guide, prompt, "history")
    }

    /// Begins to read lines for an application that helps with them, and has a history of its own.
    ///
    /// # Errors
    ///
    /// Returns why the terminal cannot be used.
    pub(crate) fn aided(aid: Arc<dyn Aid>, prompt: &str, history: &str) -> io::Result<Self> {
        let guide = Guide {
            completions: Vec::new(),
            files: FilenameCompleter::new(),
            aid: Some(aid),
        };
        Self::begin(guide, prompt, history)
    }

    fn begin(guide: Guide, prompt: &str, history: &str) -> io::Result<Self> {
        let mut config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(REMEMBERED)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(io::Error::other)?
            .history_ignore_space(true);
        if guide.aid.is_some() {
            // What an application draws in a prompt is more than colour, which it has to keep to
            // where none is wanted.
            config = config
                .keyseq_timeout(Some(ESCAPE_WAIT))
                .color_mode(ColorMode::Forced);
        }
        let mode = TerminalMode::by_key();
        let mut editor = rustyline::Editor::<Guide, FileHistory>::with_config(config.build())
            .map_err(io::Error::other)?;
        let keys = Keys {
            aid: guide.aid.clone(),
            is_searching: AtomicBool::new(false),
        };
        editor.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(keys)));
        editor.set_helper(Some(guide));
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
            history: history_path(history),
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
            taken: Cell::new(0),
            told: Cell::new(0),
            mode,
        })
    }

    /// The next thing that is typed; whoever asks for it has dealt with the last one. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Typed {
        self.ask_again();
        match self.typed.recv().await {
            Some(typed) => {
                self.taken.set(self.taken.get() + 1);
                typed
            }
            // After Ctrl-C, whose signal is on its way.
            None => std::future::pending().await,
        }
    }

    /// Says that the last line was dealt with, and what stands before the next one.
    pub(crate) fn ask(&self, prompt: impl FnOnce() -> String) {
        if self.told.get() < self.taken.get() {
            *self.prompt.lock().expect("no holder panics") = prompt();
            self.ask_again();
        }
    }

    fn ask_again(&self) {
        let taken = self.taken.get();
        if self.told.replace(taken) < taken {
            // A keyboard that has ended asks for nothing more.
            let _ = self.dealt_with.send(taken);
        }
    }
}

impl Editor {
    /// Draws the prompt again, unless something else is being drawn.
    pub(crate) fn redraw(&self) {
        screen::redraw();
    }

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
    waits: blocking::Receiver<u64>,
    history: Option<PathBuf>,
}

impl Keyboard {
    fn run(mut self) {
        if let Some(path) = &self.history {
            // The first time there is none.
            let _ = self.editor.load_history(path);
        }
        let mut draft = String::new();
        let mut typed_so_far = 0;
        while screen::may_begin_line() {
            let prompt = self.prompt.lock().expect("no holder panics").clone();
            let begun = std::mem::take(&mut draft);
            let read = self.editor.readline_with_initial(&prompt, (&begun, ""));
            screen::end_line();
            let typed = match read {
                Ok(line) => {
                    self.erase(&prompt, &line);
                    let aid = self.editor.helper().and_then(|guide| guide.aid.as_ref());
                    match aid.and_then(|aid| aid.instead(&line)) {
                        Some(typed) => {
                            draft = line;
                            Typed::Line(typed)
                        }
                        None => {
                            self.remember(&line);
                            Typed::Line(line)
                        }
                    }
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
            typed_so_far += 1;
            if !self.waits_for_prompt(typed_so_far) {
                // The terminal is as it was found, and stays so.
                return screen::detach();
            }
        }
    }

    /// Waits until so many lines were dealt with, or that takes longer than a prompt can wait: what
    /// they show is drawn above the next one, and there is no room for much before. `false` where
    /// nobody wants another line.
    fn waits_for_prompt(&self, typed: u64) -> bool {
        let until = Instant::now() + PROMPT_WAIT;
        while !screen::is_full() && Instant::now() < until {
            match self.waits.recv_timeout(PROMPT_LOOK) {
                Ok(dealt_with) if dealt_with >= typed => break,
                Ok(_) | Err(blocking::RecvTimeoutError::Timeout) => {}
                Err(blocking::RecvTimeoutError::Disconnected) => return false,
            }
        }
        true
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
        let aid = self.editor.helper().and_then(|guide| guide.aid.as_ref());
        if aid.is_some_and(|aid| aid.is_forgotten(line)) {
            return;
        }
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
    let (above, prompt) = prompt.rsplit_once('\n').unwrap_or(("", prompt));
    let mut rows = 1 + above.lines().count();
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
fn history_path(name: &str) -> Option<PathBuf> {
    let state = match std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".local/state"),
    };
    let folder = state.join("sockpit");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join(name))
}

/// Completes and hints.
struct Guide {
    completions: Vec<Completion>,
    files: FilenameCompleter,
    aid: Option<Arc<dyn Aid>>,
}

/// Gives each key to an application first, and lets no key leave a search of the history unseen: one
/// that means nothing would leave the prompt of the search in the editor's measure of the screen.
struct Keys {
    aid: Option<Arc<dyn Aid>>,
    is_searching: AtomicBool,
}

impl Keys {
    /// What a key does to a search that is under way, where it would not end it well.
    fn search(&self, code: KeyCode, modifiers: Modifiers) -> Option<Cmd> {
        let is_control = modifiers == Modifiers::CTRL;
        let is_start = is_control && matches!(code, KeyCode::Char('R' | 'S'));
        let goes_on = match code {
            KeyCode::Char('H') if is_control => true,
            KeyCode::Char(_) => (modifiers - Modifiers::SHIFT).is_empty(),
            KeyCode::Backspace => true,
            _ => is_start,
        };
        let was_searching = self.is_searching.load(Ordering::Relaxed);
        let is_searching = is_start || was_searching && goes_on;
        self.is_searching.store(is_searching, Ordering::Relaxed);
        let ends_well = match code {
            KeyCode::Char('C' | 'D' | 'G' | 'J' | 'M') => is_control,
            KeyCode::Enter | KeyCode::Esc | KeyCode::BracketedPasteStart => true,
            KeyCode::Left | KeyCode::Right | KeyCode::Home | KeyCode::End => modifiers.is_empty(),
            _ => false,
        };
        (was_searching && !is_searching && !ends_well).then_some(Cmd::Repaint)
    }
}

impl ConditionalEventHandler for Keys {
    fn handle(
        &self,
        event: &Event,
        _count: RepeatCount,
        _positive: bool,
        _context: &EventContext<'_>,
    ) -> Option<Cmd> {
        let KeyEvent(code, modifiers) = *event.get(0)?;
        if let Some(repaint) = self.search(code, modifiers) {
            return Some(repaint);
        }
        let aid = self.aid.as_ref()?;
        let key = match code {
            _ if !(modifiers - Modifiers::SHIFT).is_empty() => return None,
            KeyCode::Char(character) => Key::Char(character),
            KeyCode::Up => Key::Up,
            KeyCode::Down => Key::Down,
            KeyCode::Left => Key::Left,
            KeyCode::Right => Key::Right,
            KeyCode::Esc => Key::Escape,
            KeyCode::Enter => Key::Enter,
            KeyCode::F(number) => Key::F(number),
            _ => Key::Other,
        };
        match aid.key(key) {
            Pressed::Left => None,
            Pressed::Taken => Some(Cmd::Noop),
            Pressed::Ends => Some(Cmd::AcceptLine),
        }
    }
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
        if let Some(aid) = &self.aid {
            let (start, words) = aid.complete(typed);
            let known = words.iter().map(String::as_str);
            let found = beginning_with(&typed[start..], known);
            return Ok((start, unique(typed.len() - start, found)));
        }
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

/// What several candidates have in common, where that is longer than what is typed; otherwise none,
/// and they are listed above the line.
fn unique(typed_len: usize, mut found: Vec<Pair>) -> Vec<Pair> {
    if found.len() < 2 {
        return found;
    }
    let first = found[0].display.clone();
    let common = found.iter().skip(1).fold(first, |common, next| {
        let same = common.chars().zip(next.display.chars());
        same.take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    });
    if common.len() > typed_len {
        return vec![Pair {
            display: common.clone(),
            replacement: common,
        }];
    }
    let words: Vec<String> = found.drain(..).map(|it| it.display).collect();
    screen::offer(&format!("{}\n", words.join("  ")));
    found
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
        if let Some(aid) = &self.aid {
            return aid.hint(line);
        }
        let (command, start) = self.command(line)?;
        (line.len() == start && !command.usage.is_empty()).then(|| command.usage.to_owned())
    }
}

impl Highlighter for Guide {
    fn highlight<'l>(&self, line: &'l str, _at: usize) -> std::borrow::Cow<'l, str> {
        match self.aid.as_ref().and_then(|aid| aid.mask(line)) {
            Some(masked) => masked.into(),
            None => line.into(),
        }
    }

    fn highlight_char(&self, line: &str, _at: usize, _kind: CmdKind) -> bool {
        self.aid
            .as_ref()
            .is_some_and(|aid| aid.mask(line).is_some())
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> std::borrow::Cow<'b, str> {
        match self.aid.as_ref().and_then(|aid| aid.prompt(prompt)) {
            Some(drawn) => drawn.into(),
            None => prompt.into(),
        }
    }

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
