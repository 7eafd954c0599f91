//! A question that a person has to answer.

use std::io::{self, IsTerminal as _, Write as _};

use sockpit_core::text::escape::VisibleLine;

use super::Console;

impl Console {
    /// Whether somebody is there to be asked.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks on the terminal, and waits; anything but `y` and `yes` is a no.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        let mut terminal = io::stderr().lock();
        // Nobody can be told that stderr is closed, and its answer is then a no.
        let _ = write!(
            terminal,
            "{} [y/N] ",
            VisibleLine(&super::language::say(question))
        )
        .and_then(|()| terminal.flush());
        drop(terminal);
        let mut answer = String::new();
        let is_read = io::stdin().read_line(&mut answer).is_ok();
        let answer = answer.trim();
        is_read && (answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"))
    }

    /// Asks on the terminal, and waits; an empty answer is the usual one. `None` where stdin ended.
    pub(crate) fn ask(&self, question: &str, usual: &str) -> Option<String> {
        let question = super::language::say(question).into_owned();
        let mut terminal = io::stderr().lock();
        // Nobody can be told that stderr is closed.
        let _ = write!(terminal, "{} [{usual}]: ", VisibleLine(&question))
            .and_then(|()| terminal.flush());
        drop(terminal);
        let mut answer = String::new();
        match io::stdin().read_line(&mut answer) {
            Ok(1..) => {}
            _ => return None,
        }
        Some(match answer.trim() {
            "" => usual.to_owned(),
            answer => answer.to_owned(),
        })
    }
}
