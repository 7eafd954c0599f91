//! The rows of a ladder on a terminal.
//!
//! ```text
//!  time        since      #  10.0.0.1:40000                          10.0.0.2:7000
//!                                  CLOSED │                                │ LISTEN
//!  0.000000               1      SYN_SENT ├─ [SYN] Seq=0 Win=64240 ───────►│
//! ```
//!
//! A narrow screen has no margins: states and calls stand between the life lines.

use super::Options;
use super::packet;
use super::state::{Side, State};
use super::step::{Arrow, ArrowKind, Call, CallKind, Head, Step, What};
use super::words::{self, Words};
use crate::flow::Severity;
use crate::text::escape::VisibleLine;
use crate::text::width::{truncate, width};
use crate::time::Measured;

/// In columns: a narrower screen is taken for one of so many.
const NARROWEST: usize = 60;

/// In columns: from here on there is room for margins.
const WIDE: usize = 116;

/// In columns: the times, the longest of which are more seconds than a day has.
const TIME: usize = 12;
const SINCE: usize = 9;
const FRAME: usize = 7;

/// In columns: the longest name of a state and a space.
const MARGIN: usize = 14;

/// In columns: longer lines than these are hard to follow.
const MOST_LANE: usize = 110;

// Numbers of ECMA-48's SGR.
const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const MAGENTA: &str = "35";
const CYAN: &str = "36";

/// Where everything stands, in columns.
struct Layout {
    since: usize,
    margin: usize,
    /// Between the life lines.
    lane: usize,
}

impl Layout {
    fn of(options: &Options) -> Self {
        let width = options.width.max(NARROWEST);
        if width < WIDE {
            return Self {
                since: 0,
                margin: 0,
                lane: width - TIME - FRAME - 2,
            };
        }
        let lane = width - TIME - SINCE - FRAME - 2 * MARGIN - 2;
        let lane = lane.min(MOST_LANE);
        Self {
            since: SINCE,
            margin: MARGIN,
            lane,
        }
    }

    const fn is_wide(&self) -> bool {
        self.margin != 0
    }
}

/// A text in a colour.
#[derive(Clone, Debug)]
struct Cell {
    text: String,
    colour: Option<&'static str>,
}

impl Cell {
    fn new(text: impl Into<String>, colour: Option<&'static str>) -> Self {
        Self {
            text: text.into(),
            colour,
        }
    }
}

/// What stands to the left of the ladder.
#[derive(Default)]
struct Prefix {
    time: String,
    since: String,
    frame: String,
}

/// One row: margins, life lines and what is between them.
struct Row {
    prefix: Prefix,
    left: Cell,
    right: Cell,
    /// What stands in the place of the life lines.
    posts: [Cell; 2],
    lane: Vec<Cell>,
}

impl Row {
    fn blank() -> Self {
        let post = || Cell::new("│", Some(DIM));
        Self {
            prefix: Prefix::default(),
            left: Cell::new("", None),
            right: Cell::new("", None),
            posts: [post(), post()],
            lane: Vec::new(),
        }
    }

    fn draw(self, layout: &Layout, options: &Options, out: &mut String) {
        let mut line = Line::new(options.has_colour);
        // A long number takes what the times leave free before it.
        let wanted = width(&self.prefix.frame).saturating_sub(FRAME - 2);
        let free = match layout.since {
            0 => TIME.saturating_sub(width(&self.prefix.time)),
            since => since.saturating_sub(width(&self.prefix.since)),
        };
        let borrowed = wanted.min(free.saturating_sub(1));
        let from_time = if layout.since == 0 { borrowed } else { 0 };
        let room = TIME - from_time;
        let time = format!("{:>1$}", self.prefix.time, room);
        line.put(&truncate(&time, room), Some(DIM));
        if layout.since != 0 {
            line.put(
                &right(&self.prefix.since, layout.since - borrowed),
                Some(DIM),
            );
        }
        let frame = right(&self.prefix.frame, FRAME - 1 + borrowed);
        line.put(&format!("{frame} "), None);
        if layout.is_wide() {
            let room = layout.margin - 1;
            let text = right(&self.left.text, room);
            line.put(&format!("{text} "), self.left.colour);
        }
        let [left, right] = self.posts;
        line.put(&left.text, left.colour);
        let mut taken = 0;
        for cell in self.lane {
            let text = truncate(&cell.text, layout.lane.saturating_sub(taken));
            taken += width(&text);
            line.put(&text, cell.colour);
        }
        line.put(&" ".repeat(layout.lane.saturating_sub(taken)), None);
        line.put(&right.text, right.colour);
        if layout.is_wide() && !self.right.text.is_empty() {
            line.put(" ", None);
            line.put(
                &truncate(&self.right.text, layout.margin - 1),
                self.right.colour,
            );
        }
        line.end(out);
    }
}

/// Fills a text with spaces on the left, and cuts one that is too long.
fn right(text: &str, columns: usize) -> String {
    let text = truncate(text, columns);
    let missing = columns.saturating_sub(width(&text));
    format!("{:missing$}{text}", "")
}

/// A line being put together.
struct Line {
    text: String,
    has_colour: bool,
}

impl Line {
    const fn new(has_colour: bool) -> Self {
        Self {
            text: String::new(),
            has_colour,
        }
    }

    fn put(&mut self, text: &str, colour: Option<&str>) {
        match colour {
            Some(colour) if self.has_colour && !text.trim().is_empty() => {
                self.text.push_str(&format!("\x1b[{colour}m{text}\x1b[0m"));
            }
            _ => self.text.push_str(text),
        }
    }

    fn end(self, out: &mut String) {
        out.push_str(self.text.trim_end());
        out.push('\n');
    }
}

/// The names of both ends, over their life lines.
pub(super) fn heading(
    head: &Head,
    number: u64,
    (options, words): (&Options, &Words),
    out: &mut String,
) {
    let layout = Layout::of(options);
    let title = format!(
        "── {number} · {} {} ↔ {}",
        VisibleLine(&head.protocol),
        VisibleLine(&head.left),
        VisibleLine(&head.right),
    );
    let mut line = Line::new(options.has_colour);
    line.put(&truncate(&title, options.width.max(NARROWEST)), Some(BOLD));
    line.end(out);
    let mut line = Line::new(options.has_colour);
    line.put(&right(&words.say("seconds"), TIME), Some(DIM));
    if layout.since != 0 {
        line.put(&right(&words.say("since"), layout.since), Some(DIM));
    }
    line.put(&format!("{} ", right("#", FRAME - 1)), Some(DIM));
    // A name begins over its life line, and may hang over it on a wide screen.
    let room = layout.lane / 2;
    let left = VisibleLine(&head.left).to_string();
    let left = truncate(&left, room);
    line.put(&" ".repeat(layout.margin), None);
    line.put(&left, Some(BOLD));
    let name = VisibleLine(&head.right).to_string();
    let rest = layout.lane + 2 - width(&left);
    line.put(&right(&truncate(&name, room), rest), Some(BOLD));
    line.end(out);
}

/// Draws one step.
pub(super) fn step(step: &Step, (options, words): (&Options, &Words), out: &mut String) {
    let layout = Layout::of(options);
    match &step.what {
        What::Arrow(arrow) => draw_arrow(step, arrow, &layout, (options, words), out),
        What::Call(call) => draw_call(step, call, &layout, options, out),
    }
    for lesson in &step.lessons {
        for (index, text) in wrap(lesson, layout.lane.saturating_sub(4))
            .into_iter()
            .enumerate()
        {
            let mut row = Row::blank();
            let sign = if index == 0 { " » " } else { "   " };
            row.lane
                .push(Cell::new(format!("{sign}{text}"), Some(CYAN)));
            row.draw(&layout, options, out);
        }
    }
}

const fn colour_of(state: State) -> &'static str {
    match state {
        State::Established => GREEN,
        State::Listen | State::SynSent | State::SynReceived => YELLOW,
        State::Closed => DIM,
        _ => MAGENTA,
    }
}

fn draw_arrow(
    step: &Step,
    arrow: &Arrow,
    layout: &Layout,
    (options, words): (&Options, &Words),
    out: &mut String,
) {
    draw_states(arrow, true, layout, options, out);
    let (line, colour) = match arrow.kind {
        ArrowKind::Plain => ("─", None),
        ArrowKind::Again => ("╌", Some(RED)),
        ArrowKind::Broken => ("━", Some(RED)),
    };
    let mut row = Row::blank();
    row.prefix = Prefix {
        time: words::moment(step.since_first),
        since: step.since_last.map(since).unwrap_or_default(),
        frame: format!("#{}", arrow.frame),
    };
    // On the line stands what fits there with a bit of line to be seen.
    let room = layout.lane.saturating_sub(8);
    let mut text = String::new();
    let mut parts = arrow.parts.iter().peekable();
    while let Some(part) = parts.peek() {
        let more = if text.is_empty() { 0 } else { 1 };
        if !text.is_empty() && room < width(&text) + more + width(part) {
            break;
        }
        if more != 0 {
            text.push(' ');
        }
        text.push_str(part);
        parts.next();
    }
    let text = truncate(&text, room).into_owned();
    let rest = layout.lane.saturating_sub(width(&text) + 5);
    let (head, tail) = if arrow.is_leftward {
        (format!("◄{line}"), line)
    } else {
        (line.repeat(2), "►")
    };
    row.lane.push(Cell::new(format!("{head} "), colour));
    row.lane.push(Cell::new(text, colour.or(Some(BOLD))));
    row.lane.push(Cell::new(" ", None));
    row.lane
        .push(Cell::new(format!("{}{tail}", line.repeat(rest)), colour));
    if arrow.is_leftward {
        row.posts[1].text = "┤".to_owned();
    } else {
        row.posts[0].text = "├".to_owned();
    }
    if layout.is_wide() {
        row.left = final_state(arrow, Side::Left);
        row.right = final_state(arrow, Side::Right);
    }
    row.draw(layout, options, out);
    let mut more: Vec<Cell> = Vec::new();
    for remark in &arrow.remarks {
        let (sign, colour) = match remark.severity {
            Severity::Chat => ("·", DIM),
            Severity::Note => ("*", YELLOW),
            Severity::Warn => ("!", RED),
            Severity::Error => ("✗", RED),
        };
        more.push(Cell::new(format!("{sign} {}", remark.text), Some(colour)));
    }
    for part in parts {
        more.push(Cell::new(part.as_str(), None));
    }
    if let (false, Some(since_last)) = (layout.is_wide(), step.since_last) {
        more.push(Cell::new(since(since_last), Some(DIM)));
    }
    if let Some(writes) = arrow.writes {
        more.push(Cell::new(packet::writes(writes, words), Some(BOLD)));
    }
    if let Some(payload) = &arrow.payload {
        more.push(Cell::new(payload.as_str(), Some(MAGENTA)));
    }
    draw_cells(more, layout, options, out);
    if !layout.is_wide() {
        draw_states(arrow, false, layout, options, out);
    }
}

fn since(nanos: i64) -> String {
    let sign = if nanos < 0 { "" } else { "+" };
    format!("{sign}{:#}", Measured(nanos))
}

fn final_state(arrow: &Arrow, side: Side) -> Cell {
    match arrow.moves.of(side).last() {
        Some(state) => Cell::new(state.name(), Some(colour_of(*state))),
        None => Cell::new("", None),
    }
}

/// The states that both ends were in before the packet left or came, or those in which they are
/// after it.
fn draw_states(
    arrow: &Arrow,
    is_before: bool,
    layout: &Layout,
    options: &Options,
    out: &mut String,
) {
    let states = |side: Side| {
        let (last, before) = arrow.moves.of(side).split_last()?;
        if is_before {
            before.last().copied()
        } else {
            Some(*last)
        }
    };
    let (left, right) = (states(Side::Left), states(Side::Right));
    if left.is_none() && right.is_none() {
        return;
    }
    let mut row = Row::blank();
    let cell = |state: Option<State>| {
        state.map_or_else(
            || Cell::new("", None),
            |state| Cell::new(state.name(), Some(colour_of(state))),
        )
    };
    let (left, right) = (cell(left), cell(right));
    if layout.is_wide() {
        (row.left, row.right) = (left, right);
    } else {
        let gap = layout
            .lane
            .saturating_sub(width(&left.text) + width(&right.text));
        if !left.text.is_empty() {
            row.posts[0] = Cell::new("▌", left.colour);
        }
        if !right.text.is_empty() {
            row.posts[1] = Cell::new("▐", right.colour);
        }
        row.lane = vec![left, Cell::new(" ".repeat(gap), None), right];
    }
    row.draw(layout, options, out);
}

fn draw_call(step: &Step, call: &Call, layout: &Layout, options: &Options, out: &mut String) {
    let colour = match call.kind {
        CallKind::Write | CallKind::Read => BOLD,
        CallKind::Life => GREEN,
        CallKind::Told => DIM,
        CallKind::Fault => RED,
    };
    let mut row = Row::blank();
    row.prefix.time = words::moment(step.since_first);
    let text = packet::call(call);
    let name = Cell::new(call.name.as_str(), Some(colour));
    let post = Cell::new("◆", Some(colour));
    let is_left = call.side == Side::Left;
    let room = layout.lane.saturating_sub(2);
    let in_lane = if layout.is_wide() {
        text
    } else {
        format!("{} {text}", call.name)
    };
    if layout.is_wide() {
        if is_left {
            row.left = name;
        } else {
            row.right = name;
        }
    }
    row.posts[usize::from(!is_left)] = post;
    let mut lines = wrap(&in_lane, room).into_iter();
    let first = lines.next().unwrap_or_default();
    row.lane.push(call_cell(&first, is_left, room, colour));
    row.draw(layout, options, out);
    for line in lines {
        let mut row = Row::blank();
        row.lane.push(call_cell(&line, is_left, room, colour));
        row.draw(layout, options, out);
    }
}

fn call_cell(text: &str, is_left: bool, room: usize, colour: &'static str) -> Cell {
    let text = if is_left {
        format!(" {text}")
    } else {
        right(text, room + 1)
    };
    Cell::new(text, Some(colour))
}

/// Draws cells between the life lines, as many in a row as fit.
fn draw_cells(cells: Vec<Cell>, layout: &Layout, options: &Options, out: &mut String) {
    const INDENT: usize = 2;
    let room = layout.lane.saturating_sub(INDENT);
    let mut row: Vec<Cell> = Vec::new();
    let mut taken = 0;
    let mut flush = |cells: &mut Vec<Cell>| {
        let mut row = Row::blank();
        row.lane.push(Cell::new(" ".repeat(INDENT), None));
        row.lane.append(cells);
        row.draw(layout, options, out);
    };
    for cell in cells {
        let text = truncate(&cell.text, room).into_owned();
        let columns = width(&text);
        if !row.is_empty() && room < taken + 2 + columns {
            flush(&mut row);
            taken = 0;
        }
        if !row.is_empty() {
            row.push(Cell::new("  ", None));
            taken += 2;
        }
        taken += columns;
        row.push(Cell {
            text,
            colour: cell.colour,
        });
    }
    if !row.is_empty() {
        flush(&mut row);
    }
}

/// Breaks a text into lines of at most `columns`: between words, and between ideographs, but never
/// before a mark that ends something.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(4);
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        if columns < width(&line) + width(piece.trim_end()) && !line.trim().is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        let piece = if line.is_empty() {
            piece.trim_start()
        } else {
            piece
        };
        if width(piece.trim_end()) <= columns {
            line.push_str(piece);
            continue;
        }
        for c in piece.chars() {
            if columns < width(&line) + width(c.encode_utf8(&mut [0; 4])).max(1) {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.trim().is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Cuts a text where a line may end.
fn pieces(text: &str) -> Vec<&str> {
    let is_wide = |c: char| ('\u{2e80}'..='\u{ffef}').contains(&c);
    let is_end = |c: char| "，。；：、）”！？".contains(c);
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let may_break = match before {
            Some(' ') => c != ' ',
            Some(before) => {
                (is_wide(before) || is_wide(c)) && !is_end(c) && before != '（' && before != '“'
            }
            None => false,
        };
        if may_break && c != ' ' {
            pieces.push(text.get(start..at).unwrap_or_default());
            start = at;
        }
        before = Some(c);
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}
