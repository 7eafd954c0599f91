//! The chat screen: who said what, when and where, with nothing in it that a screen would obey.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use sockpit_core::event::Direction;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::width;

use super::{Canvas, Style, language};

mod colour;
mod company;
mod mention;

pub(crate) use company::{ChatCommand, Company, Takes};
use mention::mentions;

/// So long a line of our own waits to be drawn with what became of it; nobody notices.
const PATIENCE: Duration = Duration::from_millis(300);

/// In columns: as much of a message as recalls it.
const EXCERPT: usize = 40;

/// In columns: where a list of names begins.
const NAMES_INDENT: usize = 12;

/// Messages whose fate may still be told after they were drawn; of older ones it is not.
const MOST_UNSETTLED: usize = 1000;

/// How a chat is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChatLook {
    /// Whether people read it, and not a program.
    pub(crate) is_terminal: bool,
    pub(crate) has_colour: bool,
    /// Whether a mention rings the terminal's bell.
    pub(crate) rings: bool,
}

impl ChatLook {
    /// As stdout is.
    pub(crate) fn of_stdout(rings: bool) -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            is_terminal,
            has_colour: is_terminal && super::wants_colour(),
            rings,
        }
    }
}

/// How something was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner<'a> {
    /// To everybody.
    Plain,
    /// As something that its sender does: `/me`.
    Action,
    /// To one alone.
    Direct {
        /// To whom, of what we say ourselves.
        to: Option<&'a str>,
    },
}

/// A message of somebody. Names and text may hold anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// In nanoseconds since 1970.
    pub(crate) at: u64,
    /// Outwards is our own.
    pub(crate) direction: Direction,
    /// Where; `None` between two.
    pub(crate) room: Option<&'a str>,
    /// Who: a name, or the address of one without; empty where nobody knows.
    pub(crate) from: &'a str,
    pub(crate) manner: Manner<'a>,
    pub(crate) text: &'a str,
}

/// What became of a message of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It has left; more will not be known.
    Sent,
    /// Who hands it on has it; more will not be known.
    Kept,
    /// It has arrived.
    Delivered,
    /// It will not arrive.
    Lost,
}

impl Fate {
    const fn tick(self) -> Option<&'static str> {
        match self {
            Self::Sent => None,
            Self::Kept => Some("✓"),
            Self::Delivered => Some("✓✓"),
            Self::Lost => Some("!"),
        }
    }
}

/// Draws what is said, line by line, in its order.
pub(crate) struct ChatScreen {
    look: ChatLook,
    style: Style,
    /// Who we are.
    nick: String,
    zone: TimeZone,
    /// The day of the line that was drawn last.
    day: Date,
    rows: VecDeque<Row>,
    /// Messages that were drawn before their fate was known: their beginnings.
    unsettled: BTreeMap<u64, String>,
}

/// A line that is to be drawn.
struct Row {
    line: String,
    /// What it waits for, and until when.
    waits: Option<Waits>,
}

struct Waits {
    key: u64,
    until: Instant,
    fate: Option<Fate>,
    excerpt: String,
}

impl ChatScreen {
    pub(crate) fn new(look: ChatLook) -> Self {
        let now = jiff::Zoned::now();
        Self {
            look,
            style: Style {
                has_colour: look.has_colour,
            },
            nick: String::new(),
            day: now.date(),
            zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
            rows: VecDeque::new(),
            unsettled: BTreeMap::new(),
        }
    }

    /// Takes what we are called; whoever writes that means us.
    pub(crate) fn call(&mut self, nick: &str) {
        nick.clone_into(&mut self.nick);
    }

    /// Takes a message.
    pub(crate) fn said(&mut self, said: &Said<'_>) {
        if !self.look.is_terminal {
            if said.direction == Direction::In {
                self.push(plain(said));
            }
            return;
        }
        let line = self.line(said);
        self.push(line);
    }

    /// Takes a message of our own, whose fate is told under `key`.
    pub(crate) fn sent(&mut self, said: &Said<'_>, key: u64) {
        if !self.look.is_terminal {
            return;
        }
        let line = self.line(said);
        let waits = Waits {
            key,
            until: Instant::now() + PATIENCE,
            fate: None,
            excerpt: width::truncate(&VisibleLine(said.text).to_string(), EXCERPT).into_owned(),
        };
        let waits = Some(waits);
        self.rows.push_back(Row { line, waits });
    }

    /// Takes what became of a message of our own.
    pub(crate) fn fate(&mut self, key: u64, fate: Fate) {
        let waiting = self.rows.iter_mut().filter_map(|row| row.waits.as_mut());
        if let Some(waits) = waiting.into_iter().find(|waits| waits.key == key) {
            waits.fate = waits.fate.max(Some(fate));
            return;
        }
        let Some(excerpt) = self.unsettled.remove(&key) else {
            return;
        };
        let Some(tick) = fate.tick() else {
            return;
        };
        let line = match fate {
            Fate::Lost => {
                let said = language::say("not delivered");
                let text = format!("<< {tick} {said}: {excerpt}");
                self.style.colour("31", &text)
            }
            _ => self.style.dim(&format!("<< {tick} {excerpt}")),
        };
        self.push(format!("{line}\n"));
    }

    /// Takes something that happened: who came, what was changed. In a pipe only what people say
    /// counts.
    pub(crate) fn notice(&mut self, at: u64, room: Option<&str>, text: &str) {
        if !self.look.is_terminal {
            return;
        }
        let mut line = String::new();
        let time = self.time(at, &mut line);
        let said = language::say(text);
        let room = room_mark(room);
        let text = format!("{time}  · {room}{}", VisibleLine(&said));
        let _ = writeln!(line, "{}", self.style.dim(&text));
        self.push(line);
    }

    /// Takes who is in a room: the first of so many.
    pub(crate) fn names(&mut self, at: u64, room: Option<&str>, count: u64, names: &[String]) {
        if !self.look.is_terminal {
            return;
        }
        let title = match count {
            1 => "1 person:".to_owned(),
            count => format!("{count} people:"),
        };
        self.notice(at, room, &title);
        let shown: Vec<_> = names.iter().map(|it| VisibleLine(it).to_string()).collect();
        let widest = shown
            .iter()
            .map(|name| width::width(name))
            .max()
            .unwrap_or(0);
        let columns = Canvas::stdout().width.saturating_sub(NAMES_INDENT);
        let in_a_row = (columns / (widest + 2)).max(1);
        for (names, shown) in names.chunks(in_a_row).zip(shown.chunks(in_a_row)) {
            let mut line = " ".repeat(NAMES_INDENT);
            for (name, shown) in names.iter().zip(shown) {
                let code = colour::of_name(name);
                let missing = (widest + 2).saturating_sub(width::width(shown));
                let _ = write!(line, "{}{:missing$}", self.style.colour(&code, shown), "");
            }
            self.push(format!("{}\n", line.trim_end()));
        }
        let untold = count.saturating_sub(names.len() as u64);
        if untold > 0 {
            self.notice(at, None, &format!("and {untold} more"));
        }
    }

    /// Whether a text of somebody else's mentions us.
    pub(crate) fn means_us(&self, text: &str) -> bool {
        !mentions(text, &self.nick).is_empty()
    }

    /// When a line that waits is to be drawn, whatever has become of it.
    pub(crate) fn due(&self) -> Option<Instant> {
        let waits = self.rows.front()?.waits.as_ref();
        Some(waits.map_or_else(Instant::now, |waits| waits.until))
    }

    /// The lines that wait no longer.
    pub(crate) fn take(&mut self, now: Instant) -> String {
        let mut out = String::new();
        while self.rows.front().is_some_and(|row| row.is_due(now))
            && let Some(row) = self.rows.pop_front()
        {
            self.draw(row, &mut out);
        }
        out
    }

    /// Every line.
    pub(crate) fn finish(&mut self) -> String {
        let mut out = String::new();
        for row in std::mem::take(&mut self.rows) {
            self.draw(row, &mut out);
        }
        out
    }

    fn push(&mut self, line: String) {
        self.rows.push_back(Row { line, waits: None });
    }

    fn draw(&mut self, row: Row, out: &mut String) {
        let Some(waits) = row.waits else {
            return out.push_str(&row.line);
        };
        out.push_str(row.line.trim_end_matches('\n'));
        if let Some(fate) = waits.fate
            && let Some(tick) = fate.tick()
        {
            let colour = match fate {
                Fate::Lost => "1;31",
                _ => "32",
            };
            let _ = write!(out, " {}", self.style.colour(colour, tick));
        }
        out.push('\n');
        if waits.fate.is_none() {
            self.unsettled.insert(waits.key, waits.excerpt);
            if self.unsettled.len() > MOST_UNSETTLED {
                self.unsettled.pop_first();
            }
        }
    }

    /// A message as people read it.
    fn line(&mut self, said: &Said<'_>) -> String {
        let mut line = String::new();
        let time = self.time(said.at, &mut line);
        let is_own = said.direction == Direction::Out;
        let found = match is_own {
            true => Vec::new(),
            false => mentions(said.text, &self.nick),
        };
        let is_direct = matches!(said.manner, Manner::Direct { .. });
        let means_us = !found.is_empty() || (is_direct && !is_own);
        let (arrow, colour) = match (is_own, means_us) {
            (true, _) => ("<<", "32"),
            (false, true) => (">>", "1;35"),
            (false, false) => (">>", "36"),
        };
        let _ = write!(line, "{} ", self.style.dim(&time));
        let _ = write!(line, "{} ", self.style.colour(colour, arrow));
        match said.manner {
            Manner::Direct { to } => {
                let mark = direct_mark(to);
                let _ = write!(line, "{} ", self.style.colour("1;35", &mark));
            }
            _ => line.push_str(&self.style.dim(&room_mark(said.room))),
        }
        let name = VisibleLine(said.from).to_string();
        let name = self.style.colour(&colour::of_name(said.from), &name);
        match said.manner {
            Manner::Action => {
                let _ = write!(line, "* {name} ");
            }
            // Where lines come without a name, it is part of them.
            _ if said.from.is_empty() => {}
            _ => {
                let _ = write!(line, "{name}: ");
            }
        }
        self.text(said.text, &found, &mut line);
        if self.look.rings && means_us {
            line.push('\x07');
        }
        line.push('\n');
        line
    }

    /// Text, in which the mentions of our nick stand out.
    fn text(&self, text: &str, found: &[std::ops::Range<usize>], line: &mut String) {
        let mut at = 0;
        for range in found {
            let before = text.get(at..range.start).unwrap_or_default();
            let nick = text.get(range.clone()).unwrap_or_default();
            let nick = self.style.colour("7", &VisibleLine(nick).to_string());
            let _ = write!(line, "{}{nick}", VisibleLine(before));
            at = range.end;
        }
        let rest = text.get(at..).unwrap_or_default();
        let _ = write!(line, "{}", VisibleLine(rest));
    }

    /// `14:03:22` in local time; a line that begins another day says which before it.
    fn time(&mut self, at: u64, out: &mut String) -> String {
        let Ok(moment) = jiff::Timestamp::from_nanosecond(i128::from(at)) else {
            return "--:--:--".to_owned();
        };
        let moment = moment.to_zoned(self.zone.clone());
        if moment.date() != self.day {
            self.day = moment.date();
            let _ = writeln!(out, "{}", self.style.dim(&format!("── {} ──", self.day)));
        }
        moment.strftime("%H:%M:%S").to_string()
    }
}

impl Row {
    fn is_due(&self, now: Instant) -> bool {
        self.waits
            .as_ref()
            .is_none_or(|waits| waits.fate.is_some() || waits.until <= now)
    }
}

/// `[lobby] `, or nothing.
fn room_mark(room: Option<&str>) -> String {
    room.map_or_else(String::new, |room| format!("[{}] ", VisibleLine(room)))
}

/// What marks a direct message.
fn direct_mark(to: Option<&str>) -> String {
    match to {
        Some(to) => format!("[{} {}]", language::say("direct to"), VisibleLine(to)),
        None => format!("[{}]", language::say("direct")),
    }
}

/// A message as programs read it: a line as rooms write it, where there is one, and its text exact.
fn plain(said: &Said<'_>) -> String {
    let from = VisibleLine(said.from);
    // One line is one message, whatever it holds.
    let text = said.text.replace('\r', "\\r").replace('\n', "\\n");
    match (said.manner, said.room) {
        (Manner::Direct { .. }, _) if !said.from.is_empty() => format!("-> {from}: {text}\n"),
        (Manner::Action, Some(room)) => format!("[{}] * {from} {text}\n", VisibleLine(room)),
        (_, Some(room)) => format!("[{}] {from}: {text}\n", VisibleLine(room)),
        (_, None) => format!("{text}\n"),
    }
}

#[cfg(test)]
mod tests;
