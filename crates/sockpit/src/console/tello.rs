//! How flying is shown: lines about drones, the line of their state, the sticks.

use std::io::{self, Write as _};

use sockpit_core::tello::state::State;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::width;
use sockpit_engine::tello::Mark;

use super::{Console, language, screen, wants_colour};

/// SGR colours of drones, one after the other, each legible on black and on white.
const COLOURS: [&str; 6] = ["36", "35", "33", "32", "34", "31"];

impl Console {
    /// Tells of a drone, of which there may be several: then its number stands before the line.
    /// `what` are a drone's words or ours, of which only ours are translated; `aside` is less
    /// weighty.
    pub(crate) fn of_drone(&self, drone: Option<usize>, mark: Mark, what: &str, aside: &str) {
        let what = match mark {
            Mark::About | Mark::Wrong => language::say(what),
            Mark::Out | Mark::In | Mark::Refused => what.into(),
        };
        let (what, aside) = (
            VisibleLine(&what).to_string(),
            VisibleLine(aside).to_string(),
        );
        let sign = match mark {
            Mark::Out => "→",
            Mark::In => "←",
            Mark::About => "·",
            Mark::Wrong | Mark::Refused => "!",
        };
        let mut line = String::new();
        if let Some(drone) = drone {
            line.push_str(&self.of_colour(colour_of(drone), &(drone + 1).to_string()));
            line.push(' ');
        }
        let sign = match mark {
            Mark::Wrong | Mark::Refused => self.of_colour("1;31", sign),
            Mark::About => self.of_colour("2", sign),
            _ => self.of_colour(colour_of(drone.unwrap_or_default()), sign),
        };
        line.push_str(&sign);
        line.push(' ');
        line.push_str(&what);
        if !aside.is_empty() {
            line.push_str("  ");
            line.push_str(&self.of_colour("2", &aside));
        }
        line.push('\n');
        if !screen::show(&line) {
            // Nobody can be told that stderr is closed.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn of_colour(&self, code: &str, text: &str) -> String {
        match self.has_colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// The colour of a drone, by its place in the swarm.
fn colour_of(drone: usize) -> &'static str {
    COLOURS[drone % COLOURS.len()]
}

/// What the line of state says of one drone.
pub(crate) struct Instruments {
    /// Its number where there are several.
    pub(crate) number: Option<usize>,
    /// What it said last; nothing where that is old.
    pub(crate) state: Option<State>,
    /// What stands there without a state.
    pub(crate) silence: &'static str,
    /// A word for what it does.
    pub(crate) doing: String,
}

/// Battery charge, in percent, from which down it is shown as low.
const LOW_BATTERY: i32 = 20;

impl Instruments {
    /// The words of it, `is_short` where there is little room.
    fn words(&self, is_short: bool) -> String {
        let mut words = Vec::new();
        let doing = Some(self.doing.clone()).filter(|doing| !doing.is_empty());
        match &self.state {
            Some(state) if is_short => words.push(format!(
                "{}% {} cm {}°",
                state.battery_percent, state.height_cm, state.yaw_degrees
            )),
            Some(state) => {
                words.push(format!(
                    "{} {}%",
                    language::say("battery"),
                    state.battery_percent
                ));
                words.push(format!(
                    "{} {} cm",
                    language::say("height"),
                    state.height_cm
                ));
                words.push(format!("tof {} cm", state.tof_cm));
                words.push(format!(
                    "{} {}/{}/{}°",
                    language::say("pitch/roll/yaw"),
                    state.pitch_degrees,
                    state.roll_degrees,
                    state.yaw_degrees
                ));
                // What is last has no room on a narrow terminal.
                words.extend(doing.clone());
                words.push(format!(
                    "{} {}:{:02}",
                    language::say("motors"),
                    state.motor_s.max(0) / 60,
                    state.motor_s.max(0) % 60
                ));
            }
            None => words.push(language::say(self.silence).into_owned()),
        }
        if self.state.is_none() || is_short {
            words.extend(doing);
        }
        let separator = if is_short { " " } else { "  " };
        words.join(separator)
    }

    fn is_low(&self) -> bool {
        let state = self.state.as_ref();
        state.is_some_and(|state| state.battery_percent <= LOW_BATTERY)
    }
}

/// The line of state of all drones, without regard to how wide it may be.
pub(crate) fn status_line(drones: &[Instruments]) -> String {
    let has_colour = wants_colour();
    let parts = drones.iter().map(|drone| {
        let words = drone.words(drones.len() > 1);
        let words = match drone.number {
            Some(number) => format!("{} {words}", number + 1),
            None => words,
        };
        let words = VisibleLine(&words).to_string();
        let code = match (drone.is_low(), drone.number) {
            (true, _) => "1;31",
            (false, Some(number)) => colour_of(number),
            (false, None) => "2",
        };
        (words, has_colour.then_some(code))
    });
    let mut line = String::new();
    for (words, code) in parts {
        if !line.is_empty() {
            line.push_str(" │ ");
        }
        match code {
            Some(code) => line.push_str(&format!("\x1b[{code}m{words}\x1b[0m")),
            None => line.push_str(&words),
        }
    }
    line
}

/// Rows of the picture of the sticks.
pub(crate) const STICK_ROWS: usize = 4;

/// In columns: half a stick's field.
const FIELD: usize = 3;

/// The picture of both sticks: `position` is roll, pitch, throttle and yaw, each −100 to 100, and
/// `reach` how far a key moves them.
pub(crate) fn sticks(position: [i8; 4], reach: i8) -> [String; STICK_ROWS] {
    let [roll, pitch, throttle, yaw] = position;
    let left = field(yaw, throttle);
    let right = field(roll, pitch);
    let row = |index: usize, text: String| format!("[{}] [{}]  {text}", left[index], right[index]);
    let word = language::say;
    [
        row(
            0,
            format!(
                "{}  {}  {}  {}",
                word("W/S forward, back"),
                word("A/D left, right"),
                word("↑/↓ up, down"),
                word("←/→ turn")
            ),
        ),
        row(
            1,
            format!(
                "{}  {}  {}  {}  {}",
                word("space hover"),
                word("+/- reach"),
                word("T take off"),
                word("L land"),
                word("Esc back")
            ),
        ),
        row(
            2,
            format!(
                "rc {roll} {pitch} {throttle} {yaw}  ({} {reach} %)",
                word("reach")
            ),
        ),
        String::new(),
    ]
}

/// Three rows of a stick's field, with the stick where it stands.
fn field(across: i8, up: i8) -> [String; 3] {
    let column = match across.signum() {
        -1 => 0,
        1 => 2 * FIELD,
        _ => FIELD,
    };
    let row = match up.signum() {
        1 => 0,
        -1 => 2,
        _ => 1,
    };
    std::array::from_fn(|index| {
        let cells = (0..=2 * FIELD).map(|cell| match (index, cell) {
            _ if index == row && cell == column => 'O',
            (1, FIELD) => '+',
            (1, _) => '-',
            (_, FIELD) => '|',
            _ => ' ',
        });
        cells.collect()
    })
}

/// Some rows for a prompt, made as wide as it is and above its last row.
pub(crate) fn fit(prompt: &str, rows: &[String]) -> String {
    let count = prompt.matches('\n').count();
    let mut drawn = String::new();
    for (index, raw) in prompt.split('\n').enumerate() {
        if index == count {
            drawn.push_str(raw);
            break;
        }
        let columns = width::width(raw);
        let text = rows.get(index).map_or("", String::as_str);
        drawn.push_str(&cut(text, columns));
        drawn.push('\n');
    }
    drawn
}

/// A row that may be marked up, cut and filled to exactly so many columns.
fn cut(text: &str, columns: usize) -> String {
    let mut cut = String::new();
    let mut used = 0;
    let mut is_marked = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some((mark, after)) = rest
            .strip_prefix("\x1b[")
            .and_then(|after| after.split_once('m'))
        {
            is_marked = mark != "0";
            cut.push_str(&format!("\x1b[{mark}m"));
            rest = after;
            continue;
        }
        let wide = width::width(character.encode_utf8(&mut [0; 4]));
        if used + wide > columns {
            break;
        }
        cut.push(character);
        used += wide;
        rest = &rest[character.len_utf8()..];
    }
    if is_marked {
        cut.push_str("\x1b[0m");
    }
    cut.extend(std::iter::repeat_n(' ', columns - used));
    cut
}

#[cfg(test)]
mod tests;
