//! The console: the only one that writes to stdout and stderr.
//!
//! Stdout is data: where it is no terminal it is exact, and a reader that is slow slows the session
//! down. Stderr is talk.

mod aid;
mod ask;
mod beside;
mod board;
mod chat;
mod counts;
mod difference;
mod editor;
mod feed;
mod form;
mod language;
mod look;
mod output;
mod packets;
mod reader;
mod screen;
mod sink;
mod table;
mod tello;
mod timeline;

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;

use clap::error::ErrorKind;
use sockpit_core::strings::Language;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::width;
use sockpit_engine::{Target, stdio};

pub(crate) use aid::{Aid, Key, Pressed};
pub(crate) use beside::{Beside, Canvas, Drawing, Ladder, Lens, Packets, Picture, Telling};
pub(crate) use board::Board;
pub(crate) use chat::{ChatCommand, ChatLook, ChatScreen, Company, Fate, Manner, Said, Takes};
pub(crate) use difference::{Found, Item, Report};
pub(crate) use editor::{Completion, Editor, Typed, Words};
pub(crate) use form::Form;
pub(crate) use language::{catalogue, speak};
pub(crate) use look::Look;
pub(crate) use output::{Output, Playback, Remote, Subscription};
pub(crate) use packets::{PacketLines, PacketLook, TimeForm};
pub(crate) use reader::departure;
pub(crate) use sink::Sink;
pub(crate) use tello::{Instruments, STICK_ROWS, fit, status_line, sticks};

use crate::exit::Exit;

/// How much is told on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Talk {
    /// Only errors.
    Errors,
    /// That, and what was taken: addresses.
    Usual,
    /// That, and the coming and going of peers.
    Peers,
}

/// Writes for people, and knows whom their lines go to.
pub(crate) struct Console {
    has_colour: bool,
    target: Cell<Target>,
}

impl Console {
    pub(crate) fn new() -> Self {
        let has_colour = io::stderr().is_terminal() && wants_colour();
        Self {
            has_colour,
            target: Cell::new(Target::Latest),
        }
    }

    /// Whom typed lines go to.
    pub(crate) fn target(&self) -> Target {
        self.target.get()
    }

    pub(crate) fn set_target(&self, target: Target) {
        self.target.set(target);
    }

    /// How stdout may be marked up.
    pub(crate) fn style(&self) -> Style {
        Style {
            has_colour: io::stdout().is_terminal() && wants_colour(),
        }
    }

    /// What people are told things in.
    pub(crate) fn language(&self) -> Language {
        language::current()
    }

    /// Whether somebody looks at stderr.
    pub(crate) fn is_heard(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// In columns: how wide stdout is, where it is a terminal.
    pub(crate) fn columns(&self) -> Option<usize> {
        stdio::columns(io::stdout().as_fd())
    }

    /// Shows how far something is, in place of what it showed before; on a terminal only.
    pub(crate) fn progress(&self, text: &str) {
        if self.is_heard() {
            let text = VisibleLine(&language::say(text)).to_string();
            // A line that wraps could not be taken back.
            let columns = stdio::columns(io::stderr().as_fd()).unwrap_or(usize::MAX);
            let shown = width::truncate(&text, columns.saturating_sub(1));
            // Nobody can be told that stderr is closed.
            let _ = write!(io::stderr().lock(), "\r\x1b[K{shown}");
        }
    }

    /// Takes away what shows how far something is.
    pub(crate) fn end_progress(&self) {
        if self.is_heard() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }

    /// Data for stdout, such as a plan.
    pub(crate) fn print(&self, text: &str) {
        // A closed stdout ends output quietly (rule A5).
        let _ = io::stdout().lock().write_all(text.as_bytes());
    }

    /// Text for stdout that people read: lines and columns, said in their language.
    pub(crate) fn tell(&self, text: &str) {
        self.print(&language::lay_out(text));
    }

    /// The same with rows of bytes in it, which stay as they are.
    pub(crate) fn draw(&self, text: &str) {
        self.print(&language::around_rows(text));
    }

    /// Text in lines and columns in the language of who reads it, for whoever writes it.
    pub(crate) fn said<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        language::lay_out(text)
    }

    /// Bytes for stdout, exactly these.
    ///
    /// # Errors
    ///
    /// Returns why stdout took no more, unless its reader had left (rule A5).
    pub(crate) fn data(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// An address that was taken; told whatever else is not.
    pub(crate) fn announce(&self, text: &str) {
        self.line(text);
    }

    /// An answer to something typed.
    pub(crate) fn say(&self, text: &str) {
        self.line(text);
    }

    pub(crate) fn error(&self, text: &str) {
        self.labelled("error", "31", text);
    }

    pub(crate) fn hint(&self, text: &str) {
        self.labelled("hint", "36", text);
    }

    /// What the argument parser has to say: help and version are data, mistakes are talk.
    pub(crate) fn usage(&self, error: &clap::Error) -> Exit {
        let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        if !error.use_stderr() || is_help {
            // A closed stream ends output quietly.
            let _ = error.print();
        } else {
            // It repeats arguments, which may hold anything (rule D2).
            let text = error.render().to_string();
            let mut lines = text.lines();
            let first = lines.next().unwrap_or_default();
            self.error(first.strip_prefix("error: ").unwrap_or(first));
            lines.for_each(|line| self.line(line));
        }
        if error.use_stderr() {
            Exit::Usage
        } else {
            Exit::Done
        }
    }

    fn labelled(&self, label: &str, colour: &str, text: &str) {
        if self.has_colour {
            screen::write_line(&format!(
                "\x1b[1;{colour}m{label}:\x1b[0m {}",
                VisibleLine(text)
            ));
        } else {
            self.line(&format!("{label}: {text}"));
        }
    }

    /// What is told names paths, hosts and patterns, which may hold anything (rule D2).
    fn line(&self, text: &str) {
        screen::write_line(&VisibleLine(text).to_string());
    }
}

/// Marks up text for stdout, where it is a terminal that wants it.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    has_colour: bool,
}

impl Style {
    /// Whether there is any.
    pub(crate) const fn has_colour(self) -> bool {
        self.has_colour
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.colour("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.colour("2", text)
    }

    /// `code` is a number of ECMA-48's SGR, such as `32` for green.
    pub(crate) fn colour(self, code: &str, text: &str) -> String {
        if self.has_colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Whether colour is wanted at all (https://no-color.org).
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
