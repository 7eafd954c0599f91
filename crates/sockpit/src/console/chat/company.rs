//! What whoever types lines to others is helped with: commands, names, rooms, and what was missed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::width;

use crate::console::{Aid, Console, Key, Pressed, screen, wants_colour};

/// In columns: the place in a prompt that says how much was missed, such as `+12`.
const BADGE: usize = 4;

/// What ends a prompt, and what is drawn for it where nobody listens.
const PROMPT_END: &str = "> ";
const AWAY_END: &str = "? ";

/// A command that can be typed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChatCommand {
    /// With its slash.
    pub(crate) word: &'static str,
    /// What comes after it, such as `NICK TEXT`.
    pub(crate) usage: &'static str,
    /// One line for people.
    pub(crate) about: &'static str,
    pub(crate) takes: Takes,
}

impl ChatCommand {
    pub(crate) const fn new(
        word: &'static str,
        usage: &'static str,
        about: &'static str,
        takes: Takes,
    ) -> Self {
        Self {
            word,
            usage,
            about,
            takes,
        }
    }
}

/// What completes the first word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing is known.
    Anything,
    /// Somebody who is there.
    Name,
    /// A room.
    Room,
}

/// Those who talk, as a line editor knows them. Clones are the same company.
#[derive(Clone)]
pub(crate) struct Company {
    commands: &'static [ChatCommand],
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    names: Vec<String>,
    rooms: Vec<String>,
    /// How many messages were not shown.
    missed: usize,
    /// Whether there is no connection.
    is_away: bool,
    /// The place of the room that a key asked for, from 1.
    wanted: Option<u8>,
}

impl Company {
    pub(crate) fn new(commands: &'static [ChatCommand]) -> Self {
        let known = Arc::default();
        Self { commands, known }
    }

    /// Takes who is there.
    pub(crate) fn meet(&self, names: impl IntoIterator<Item = String>) {
        self.known().names = names.into_iter().filter(|name| is_plain(name)).collect();
    }

    /// Takes which rooms there are.
    pub(crate) fn visit(&self, rooms: impl IntoIterator<Item = String>) {
        self.known().rooms = rooms.into_iter().filter(|name| is_plain(name)).collect();
    }

    /// Takes how many messages were not shown, and shows that beside what is typed; `true` if it is
    /// news.
    pub(crate) fn miss(&self, count: usize) -> bool {
        let is_news = std::mem::replace(&mut self.known().missed, count) != count;
        if is_news {
            screen::redraw();
        }
        is_news
    }

    /// Takes whether what is typed has to wait for a connection.
    pub(crate) fn be_away(&self, is_away: bool) {
        if std::mem::replace(&mut self.known().is_away, is_away) != is_away {
            screen::redraw();
        }
    }

    /// A prompt, with a place for how much was missed where that can be.
    pub(crate) fn prompt(&self, place: &str, may_miss: bool) -> String {
        let place = VisibleLine(place);
        match may_miss {
            true => format!("{place} {:BADGE$}{PROMPT_END}", ""),
            false => format!("{place}{PROMPT_END}"),
        }
    }

    /// Lists the commands.
    pub(crate) fn help(&self, console: &Console) {
        let typed = |command: &ChatCommand| format!("{} {}", command.word, command.usage);
        let widest = self.commands.iter().map(|it| typed(it).len()).max();
        let widest = widest.unwrap_or(0) + 2;
        for command in self.commands {
            console.say(&format!("  {:widest$}{}", typed(command), command.about));
        }
    }

    /// Whether there is such a command.
    pub(crate) fn knows(&self, word: &str) -> bool {
        self.commands.iter().any(|command| command.word == word)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nobody panics between two changes of it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, line: &str) -> Option<(&ChatCommand, usize)> {
        let (word, _) = line.split_once(' ')?;
        let command = self.commands.iter().find(|it| it.word == word)?;
        Some((command, word.len() + 1))
    }
}

impl Aid for Company {
    fn complete(&self, typed: &str) -> (usize, Vec<String>) {
        let known = self.known();
        if typed.starts_with('/') && !typed.starts_with("//") {
            let Some((command, start)) = self.command(typed) else {
                let words = self.commands.iter().map(|it| it.word.to_owned());
                return (0, words.collect());
            };
            let rest = typed.get(start..).unwrap_or_default();
            let words = match command.takes {
                Takes::Anything => None,
                Takes::Name => Some(&known.names),
                Takes::Room => Some(&known.rooms),
            };
            if let Some(words) = words.filter(|_| !rest.contains(' ')) {
                return (start, words.clone());
            }
        }
        let start = typed.rfind(' ').map_or(0, |space| space + 1);
        let word = typed.get(start..).unwrap_or_default();
        let names = known.names.iter();
        let words = match word {
            "" => Vec::new(),
            _ if word.starts_with('@') => names.map(|name| format!("@{name}")).collect(),
            _ if start == 0 => names.map(|name| format!("{name}:")).collect(),
            _ => known.names.clone(),
        };
        (start, words)
    }

    /// What a command takes, as long as nothing of it is typed.
    fn hint(&self, line: &str) -> Option<String> {
        let (command, start) = self.command(line)?;
        (line.len() == start && !command.usage.is_empty()).then(|| command.usage.to_owned())
    }

    fn prompt(&self, prompt: &str) -> Option<String> {
        let (missed, is_away) = {
            let known = self.known();
            (known.missed, known.is_away)
        };
        let end = match is_away {
            true => AWAY_END,
            false => PROMPT_END,
        };
        let slot = format!(" {:BADGE$}{PROMPT_END}", "");
        let Some(place) = prompt.strip_suffix(&slot).filter(|_| missed > 0) else {
            let place = prompt.strip_suffix(PROMPT_END).filter(|_| is_away)?;
            return Some(format!("{place}{end}"));
        };
        let badge = match missed {
            1..=999 => format!("+{missed}"),
            _ => "+999".to_owned(),
        };
        let badge = width::pad(&badge, BADGE).into_owned();
        Some(match wants_colour() {
            true => format!("{place} \x1b[1;35m{badge}\x1b[0m{end}"),
            false => format!("{place} {badge}{end}"),
        })
    }

    fn mask(&self, _line: &str) -> Option<String> {
        None
    }

    /// F1 to F9 ask for a room.
    fn key(&self, key: Key) -> Pressed {
        match key {
            Key::F(number @ 1..=9) => {
                self.known().wanted = Some(number);
                Pressed::Ends
            }
            _ => Pressed::Left,
        }
    }

    fn instead(&self, _line: &str) -> Option<String> {
        let wanted = self.known().wanted.take()?;
        Some(format!("/room {wanted}"))
    }
}

/// Whether a name can stand in a line that is typed, and on a screen (rule D2).
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(' ') && VisibleLine(name).to_string() == name
}
