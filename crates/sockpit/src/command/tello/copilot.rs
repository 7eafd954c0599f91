//! What helps somebody who types commands for drones: completion, hints with units and ranges, the
//! line of state in the prompt, the keys of the sticks, and nobody sees a password.

use std::sync::Mutex;

use sockpit_core::tello::command::{self, Command, Mistake};
use sockpit_core::tello::sdk::Sdk;
use sockpit_core::text::width;
use tokio::sync::mpsc;

use super::aim;
use super::keyboard::COMMANDS;
use crate::console::{Aid, Key, Pressed, STICK_ROWS, fit};

/// Keys that wait; whoever types faster than they are taken does not steer with them.
const WAITING: usize = 32;

/// Shared between whoever flies and the thread that reads the keyboard.
pub(super) struct Copilot {
    panel: Mutex<Panel>,
    keys: mpsc::Sender<Key>,
}

struct Panel {
    /// What stands above the line that is typed.
    rows: Vec<String>,
    sdk: Sdk,
    is_at_sticks: bool,
}

impl Copilot {
    /// With the keys of the sticks, as they are pressed.
    pub(super) fn new(sdk: Sdk) -> (Self, mpsc::Receiver<Key>) {
        let (keys, pressed) = mpsc::channel(WAITING);
        let panel = Panel {
            rows: Vec::new(),
            sdk,
            is_at_sticks: false,
        };
        let copilot = Self {
            panel: Mutex::new(panel),
            keys,
        };
        (copilot, pressed)
    }

    /// Shows these rows above the line that is typed; whether they are others than before.
    pub(super) fn show(&self, rows: Vec<String>) -> bool {
        let mut panel = self.panel();
        let is_new = panel.rows != rows;
        panel.rows = rows;
        is_new
    }

    /// Takes which commands there are.
    pub(super) fn learn(&self, sdk: Sdk) {
        self.panel().sdk = sdk;
    }

    /// Gives the keys to the sticks, or back to the line.
    pub(super) fn take_sticks(&self, is_at_sticks: bool) {
        self.panel().is_at_sticks = is_at_sticks;
    }

    /// Whether the keys move the sticks.
    pub(super) fn is_at_sticks(&self) -> bool {
        self.panel().is_at_sticks
    }

    /// A prompt with room for what stands above it, on a terminal of so many columns.
    pub(super) fn prompt(&self, columns: Option<usize>, last: &str) -> String {
        // A terminal that does not know its width shows no rows that must fit.
        let Some(columns) = columns.filter(|columns| *columns > 1) else {
            return last.to_owned();
        };
        let rows = match self.is_at_sticks() {
            true => 1 + STICK_ROWS,
            false => 1,
        };
        let row = format!("{}\n", " ".repeat(columns - 1));
        row.repeat(rows) + last
    }

    fn panel(&self) -> std::sync::MutexGuard<'_, Panel> {
        self.panel.lock().expect("no holder panics")
    }
}

impl Aid for Copilot {
    fn complete(&self, typed: &str) -> (usize, Vec<String>) {
        if let Some(name) = typed.strip_prefix("/help ") {
            let forms = command::forms(self.panel().sdk);
            let mut known: Vec<String> = forms.map(|form| form.name.to_owned()).collect();
            known.dedup();
            return (typed.len() - name.len(), known);
        }
        if typed.starts_with('/') {
            let known = COMMANDS.iter().map(|it| it.word.to_owned());
            return (0, known.collect());
        }
        let start = typed.len() - aim::split(typed).1.len();
        let sdk = self.panel().sdk;
        let candidates = command::complete(&typed[start..], sdk);
        (start, candidates.into_iter().map(|it| it.text).collect())
    }

    fn hint(&self, line: &str) -> Option<String> {
        if line.starts_with('/') {
            let (word, rest) = line.split_once(' ')?;
            let known = COMMANDS.iter().find(|it| it.word == word)?;
            return (rest.is_empty() && !known.usage.is_empty()).then(|| known.usage.to_owned());
        }
        hint(aim::split(line).1, self.panel().sdk)
    }

    fn prompt(&self, prompt: &str) -> Option<String> {
        let panel = self.panel();
        prompt.contains('\n').then(|| fit(prompt, &panel.rows))
    }

    fn mask(&self, line: &str) -> Option<String> {
        mask(line)
    }

    fn is_forgotten(&self, line: &str) -> bool {
        mask(line).is_some() || is_riddle(line, self.panel().sdk)
    }

    fn key(&self, key: Key) -> Pressed {
        if !self.is_at_sticks() {
            return Pressed::Left;
        }
        // Whoever flies may be gone.
        let _ = self.keys.try_send(key);
        match key {
            Key::Escape | Key::Char('q' | 'Q') => {
                self.take_sticks(false);
                Pressed::Ends
            }
            _ => Pressed::Taken,
        }
    }
}

/// What a command still takes, as far as it is typed: `cm 20..500`.
fn hint(line: &str, sdk: Sdk) -> Option<String> {
    if !line.ends_with(' ') {
        return None;
    }
    let typed: Vec<&str> = line.split_whitespace().collect();
    let longest = command::forms(sdk)
        .filter(|form| {
            let name: Vec<&str> = form.name.split(' ').collect();
            typed.len() >= name.len() && name == typed[..name.len()]
        })
        .max_by_key(|form| {
            let words = form.name.split(' ').count();
            // Of two forms of one name, that which has room for all that is typed.
            let has_room = typed.len() - words <= form.parameters.len();
            (words, has_room, usize::MAX - form.parameters.len())
        })?;
    let given = typed.len() - longest.name.split(' ').count();
    let rest = longest.parameters.get(given..)?;
    let words = rest
        .iter()
        .map(|it| format!("{} {}", it.name, it.takes(sdk)));
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// A line with its password as stars, as wide as it is; `None` where none is in it.
pub(super) fn mask(line: &str) -> Option<String> {
    let text = aim::split(line).1;
    let text = text.trim_start().trim_start_matches('!');
    let mut rest = text;
    // Something that marks the command may stand before, such as `Re0101`.
    (0..2).find(|_| command::names_network(take_word(&mut rest)))?;
    // What follows the name of the network.
    take_word(&mut rest);
    let is_hidden = |c: char| !c.is_whitespace();
    let hidden: String = rest
        .chars()
        .map(|c| match is_hidden(c) {
            true => "*".repeat(width::width(c.encode_utf8(&mut [0; 4]))),
            false => c.to_string(),
        })
        .collect();
    let shown = &line[..line.len() - rest.len()];
    rest.contains(is_hidden).then(|| format!("{shown}{hidden}"))
}

/// Takes the next word off a text; the blanks behind it stay.
fn take_word<'a>(text: &mut &'a str) -> &'a str {
    let begun = text.trim_start();
    let end = begun.find(char::is_whitespace).unwrap_or(begun.len());
    let (word, rest) = begun.split_at(end);
    *text = rest;
    word
}

/// Whether a line is no command but may be one with a password that was mistyped.
fn is_riddle(line: &str, sdk: Sdk) -> bool {
    let text = aim::split(line).1;
    let is_unknown = matches!(
        Command::parse(text, sdk),
        Err(Mistake::Unknown { .. } | Mistake::Strange { .. })
    );
    is_unknown && !text.starts_with('/') && text.split_whitespace().count() > 2
}

#[cfg(test)]
mod tests;
