//! The ladder as a picture: a file of its own, with its own background, without a script.
//!
//! ```text
//!  time  #   calls and states │ arrows, slanted as packets take time │ states and calls
//!            of the left end  │ what there is to be learnt           │ of the right end
//! ```
//!
//! Rows follow each other at even distances, not by their times, which stand beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::draw::wrap;
use super::join;
use super::packet;
use super::state::{Side, State};
use super::step::{Arrow, ArrowKind, Call, CallKind, Head, Step, What};
use super::words::{self, Words};
use crate::flow::Severity;
use crate::text::escape::VisibleLine;
use crate::text::width::{truncate, width};
use crate::time::Measured;

mod look;
mod paper;

use paper::{Anchor, Look, Paper};

// Where everything stands, in pixels.
const EDGE: f64 = 24.0;
const NUMBER: f64 = 158.0;
/// Between the life lines.
const LANE: f64 = 480.0;
/// Beside a life line: for states alone, and for the boxes of calls.
const SLIM: f64 = 112.0;
const BROAD: f64 = 236.0;
/// Half of a life line's bar.
const BAR: f64 = 4.0;
/// From one line of text to the next.
const LINE: f64 = 15.0;
/// By how much an arrow falls: a packet takes time, but nobody knows how much at either end.
const SLANT: f64 = 12.0;
const BOX_WIDTH: f64 = 204.0;

// How much text has room, in columns; twelve pixels of a fixed width font take 7.3 of width.
const LANE_COLUMNS: usize = 60;
const BOX_COLUMNS: usize = 28;
const LESSON_COLUMNS: usize = 64;
const NAME_COLUMNS: usize = 44;

/// Lines of text in the box of a call.
const BOX_LINES: usize = 4;

/// The steps that a picture shows.
pub(super) struct Picture {
    most: usize,
    steps: Vec<Step>,
    heads: BTreeMap<u64, Arc<Head>>,
    /// Those that had no room.
    further: u64,
}

impl Picture {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            steps: Vec::new(),
            heads: BTreeMap::new(),
            further: 0,
        }
    }

    /// Takes a step, or counts it where there is no room.
    pub(super) fn keep(&mut self, step: Step) {
        if self.most <= self.steps.len() {
            self.further = self.further.saturating_add(1);
            return;
        }
        self.heads
            .entry(step.conversation)
            .or_insert_with(|| step.head.clone());
        self.steps.push(step);
    }

    /// How many steps it shows.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn draw(&self, words: &Words) -> String {
        let is_call = |step: &Step| matches!(step.what, What::Call(_));
        let beside = if self.steps.iter().any(is_call) {
            BROAD
        } else {
            SLIM
        };
        let left = NUMBER + beside;
        let mut pen = Pen {
            paper: Paper::default(),
            words,
            left,
            width: left + LANE + beside + EDGE,
            y: EDGE,
        };
        for (number, head) in &self.heads {
            let of = |step: &&Step| step.conversation == *number;
            let mut steps: Vec<Step> = self.steps.iter().filter(of).cloned().collect();
            join_calls(&mut steps);
            pen.conversation(head, &steps);
        }
        if self.steps.is_empty() && self.most != 0 {
            let text = words.say("no packet and no call");
            pen.y += LINE;
            pen.paper
                .text((EDGE, pen.y), Anchor::Start, &text, look::NOTE);
            pen.y += LINE;
        }
        if self.further != 0 {
            let further = self.further;
            let text = words.say(&format!("… further steps that are not drawn: {further}"));
            pen.y += LINE;
            pen.paper
                .text((EDGE, pen.y), Anchor::Start, &text, look::NOTE);
            pen.y += LINE;
        }
        let states = self.steps.iter().flat_map(|step| match &step.what {
            What::Arrow(arrow) => {
                [arrow.moves.of(Side::Left), arrow.moves.of(Side::Right)].concat()
            }
            What::Call(_) => Vec::new(),
        });
        pen.legend(&states.collect());
        let size = (pen.width, pen.y + EDGE);
        let title = self.heads.values().next();
        let title = title.map_or_else(String::new, |head| {
            format!("{} {} ↔ {}", head.protocol, head.left, head.right)
        });
        pen.paper.finish(size, &title)
    }
}

/// Names at each call the packets that carried its bytes; what is read has come before.
fn join_calls(steps: &mut [Step]) {
    let arrows: Vec<(usize, Side, (u64, u64), u64)> = steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| match &step.what {
            What::Arrow(arrow) => Some((index, arrow.from(), arrow.bytes?, arrow.frame)),
            What::Call(_) => None,
        })
        .collect();
    for (index, step) in steps.iter_mut().enumerate() {
        let What::Call(call) = &mut step.what else {
            continue;
        };
        let (sender, until) = match call.kind {
            CallKind::Write => (call.side, usize::MAX),
            CallKind::Read => (call.side.other(), index),
            _ => continue,
        };
        let Some((start, end)) = call.bytes else {
            continue;
        };
        let carriers = arrows.iter().filter(|(at, side, bytes, _)| {
            *at < until && *side == sender && bytes.0 < end && start < bytes.1
        });
        let frames = carriers.map(|(.., frame)| *frame);
        call.frames = frames.take(join::MOST_NAMED + 1).collect();
    }
}

/// Draws from the top to the bottom.
struct Pen<'a> {
    paper: Paper,
    words: &'a Words,
    /// Where the left life line stands.
    left: f64,
    /// How wide the picture is.
    width: f64,
    y: f64,
}

/// A life line being drawn: in which state since where.
struct Life {
    side: Side,
    since: f64,
    state: Option<State>,
    is_told: bool,
}

impl Life {
    const fn new(side: Side, since: f64) -> Self {
        Self {
            side,
            since,
            state: None,
            is_told: false,
        }
    }
}

const fn outward(side: Side) -> f64 {
    match side {
        Side::Left => -1.0,
        Side::Right => 1.0,
    }
}

impl Pen<'_> {
    fn post(&self, side: Side) -> f64 {
        match side {
            Side::Left => self.left,
            Side::Right => self.left + LANE,
        }
    }

    fn middle(&self) -> f64 {
        self.left + LANE / 2.0
    }

    fn conversation(&mut self, head: &Head, steps: &[Step]) {
        self.y += 18.0;
        let middle = self.middle();
        let protocol = VisibleLine(&head.protocol).to_string();
        self.paper
            .text((middle, self.y), Anchor::Middle, &protocol, look::NAME);
        for (side, name) in [(Side::Left, &head.left), (Side::Right, &head.right)] {
            let name = VisibleLine(name).to_string();
            let name = truncate(&name, NAME_COLUMNS);
            let half = (width(&name) as f64).mul_add(4.0, 12.0);
            let x = self.post(side);
            self.paper
                .rect((x - half, self.y - 16.0), (half * 2.0, 24.0), look::HEAD);
            self.paper
                .text((x, self.y), Anchor::Middle, &name, look::NAME);
        }
        self.y += 8.0;
        let mut lives = [
            Life::new(Side::Left, self.y),
            Life::new(Side::Right, self.y),
        ];
        self.y += 16.0;
        for step in steps {
            match &step.what {
                What::Arrow(arrow) => self.arrow(step, arrow, &mut lives),
                What::Call(call) => self.call(step, call),
            }
            self.lessons(&step.lessons);
        }
        self.y += 10.0;
        for life in &lives {
            self.bar(life, self.y);
        }
        self.y += 14.0;
    }

    /// Draws a life line from its last change to `until`; it lies beneath what crosses it.
    fn bar(&mut self, life: &Life, until: f64) {
        let x = self.post(life.side);
        match life.state {
            Some(state) => {
                let size = (BAR * 2.0, until - life.since);
                let fill = look::colour(state);
                self.paper
                    .bar((x - BAR, life.since), size, fill, state.name());
            }
            None => self
                .paper
                .ground_line((x, life.since), (x, until), look::LIFE),
        }
    }

    fn times(&mut self, step: &Step, y: f64) {
        let moment = words::moment(step.since_first);
        self.paper
            .text((EDGE, y), Anchor::Start, &moment, look::TIME);
        if let Some(since) = step.since_last {
            let sign = if since < 0 { "" } else { "+" };
            let since = format!("{sign}{}", Measured(since));
            self.paper
                .text((EDGE, y + 13.0), Anchor::Start, &since, look::SMALL);
        }
    }

    fn arrow(&mut self, step: &Step, arrow: &Arrow, lives: &mut [Life; 2]) {
        let (on, below) = lines(arrow, self.words);
        let top = self.y;
        let begin = top + 18.0;
        let end = begin + SLANT;
        let class = match arrow.kind {
            ArrowKind::Plain => look::ARROW,
            ArrowKind::Again => look::AGAIN,
            ArrowKind::Broken => look::BROKEN,
        };
        self.paper.open(hover(step, arrow, self.words));
        self.times(step, begin);
        let number = format!("#{}", arrow.frame);
        self.paper
            .text((NUMBER, begin), Anchor::End, &number, look::TIME);
        let (from, to) = (arrow.from(), arrow.from().other());
        let inward = BAR + 1.0;
        let start = (outward(from).mul_add(-inward, self.post(from)), begin);
        let stop = (outward(to).mul_add(-inward, self.post(to)), end);
        self.paper.arrow(start, stop, class);
        let middle = (f64::midpoint(start.0, stop.0), f64::midpoint(begin, end));
        let angle = libm::atan(SLANT / LANE).to_degrees();
        let angle = if arrow.is_leftward { -angle } else { angle };
        let text_class = if arrow.kind == ArrowKind::Plain {
            look::LABEL
        } else {
            look::RED_LABEL
        };
        self.paper
            .turned_text((middle.0, middle.1 - 6.0), angle, &on, text_class);
        if arrow.kind == ArrowKind::Again {
            let x = outward(from).mul_add(-22.0, self.post(from));
            self.paper
                .text((x, begin + 16.0), Anchor::Middle, "↻", look::RED_LABEL);
        }
        let mut y = end + 5.0;
        for (text, class) in &below {
            y += LINE;
            self.paper
                .text((self.middle(), y), Anchor::Middle, text, class);
        }
        self.paper.close();
        self.states(arrow, (begin, end), lives);
        self.y = y + 12.0;
    }

    /// Draws the life lines up to where a packet changes their states, and tells the new ones.
    fn states(&mut self, arrow: &Arrow, (begin, end): (f64, f64), lives: &mut [Life; 2]) {
        for life in lives {
            let Some((last, before)) = arrow.moves.of(life.side).split_last() else {
                continue;
            };
            let at = if life.side == arrow.from() {
                begin
            } else {
                end
            };
            let x = outward(life.side).mul_add(BAR + 6.0, self.post(life.side));
            let anchor = match life.side {
                Side::Left => Anchor::End,
                Side::Right => Anchor::Start,
            };
            let mut earlier = life.state;
            if let Some(state) = before.last() {
                let class = look::SMALL;
                self.paper.text((x, at - 12.0), anchor, state.name(), class);
                if life.state.is_none() && !life.is_told {
                    earlier = Some(*state);
                }
            }
            let drawn = Life {
                side: life.side,
                since: life.since,
                state: earlier,
                is_told: true,
            };
            self.bar(&drawn, at);
            self.paper
                .text((x, at + 4.0), anchor, last.name(), look::STATE);
            life.since = at;
            life.state = Some(*last);
            life.is_told = true;
        }
    }

    fn call(&mut self, step: &Step, call: &Call) {
        let text = packet::call(call);
        let mut shown = wrap(&format!("{} {text}", call.name), BOX_COLUMNS);
        if BOX_LINES < shown.len() {
            shown.truncate(BOX_LINES);
            if let Some(last) = shown.last_mut() {
                *last = truncate(&format!("{last} …"), BOX_COLUMNS).into_owned();
            }
        }
        let height = (shown.len() as f64).mul_add(LINE, 8.0);
        let top = self.y + 4.0;
        let out = outward(call.side);
        let near = out.mul_add(BAR + 14.0, self.post(call.side));
        let x = if out < 0.0 { near - BOX_WIDTH } else { near };
        let class = match call.kind {
            CallKind::Write | CallKind::Read | CallKind::Life => look::CALL,
            CallKind::Told => look::TOLD,
            CallKind::Fault => look::FAULT,
        };
        self.paper.open(format!("{} {text}", call.name));
        let moment = words::moment(step.since_first);
        self.paper
            .text((EDGE, top + 15.0), Anchor::Start, &moment, look::TIME);
        self.paper.rect((x, top), (BOX_WIDTH, height), class);
        let middle = top + height / 2.0;
        let (edge, line) = (near, out.mul_add(BAR, self.post(call.side)));
        match call.kind {
            CallKind::Write => self
                .paper
                .arrow((edge, middle), (line, middle), look::ARROW),
            CallKind::Read => self
                .paper
                .arrow((line, middle), (edge, middle), look::ARROW),
            _ => self.paper.line((edge, middle), (line, middle), look::ARROW),
        }
        for (index, text) in shown.iter().enumerate() {
            let y = (index as f64).mul_add(LINE, top + 15.0);
            let class = if index == 0 {
                look::BOX_NAME
            } else {
                look::BOX_TEXT
            };
            self.paper.text((x + 8.0, y), Anchor::Start, text, class);
        }
        self.paper.close();
        self.y = top + height + 8.0;
    }

    fn lessons(&mut self, lessons: &[String]) {
        if lessons.is_empty() {
            return;
        }
        let mut lines: Vec<(bool, String)> = Vec::new();
        for lesson in lessons {
            let wrapped = wrap(lesson, LESSON_COLUMNS).into_iter().enumerate();
            lines.extend(wrapped.map(|(index, line)| (index == 0, line)));
        }
        let top = self.y - 2.0;
        let height = (lines.len() as f64).mul_add(LINE, 10.0);
        self.paper
            .rect((self.left + 16.0, top), (LANE - 32.0, height), look::LESSON);
        for (index, (is_first, line)) in lines.iter().enumerate() {
            let y = (index as f64).mul_add(LINE, top + 16.0);
            if *is_first {
                self.paper
                    .text((self.left + 22.0, y), Anchor::Start, "›", look::LESSON_TEXT);
            }
            self.paper.text(
                (self.left + 32.0, y),
                Anchor::Start,
                line,
                look::LESSON_TEXT,
            );
        }
        self.y = top + height + 10.0;
    }

    fn legend(&mut self, states: &BTreeSet<State>) {
        self.y += 18.0;
        let y = self.y;
        self.paper
            .line((EDGE, y - 16.0), (self.width - EDGE, y - 16.0), look::RULE);
        let mut x = EDGE;
        let samples = [
            (look::ARROW, "packet"),
            (look::AGAIN, "sent again"),
            (look::BROKEN, "reset or error"),
        ];
        for (class, text) in samples {
            let text = self.words.say(text);
            self.paper.arrow((x, y + 4.0), (x + 34.0, y + 4.0), class);
            self.paper
                .text((x + 42.0, y + 8.0), Anchor::Start, &text, look::NOTE);
            x += (width(&text) as f64).mul_add(7.0, 66.0);
        }
        let text = self.words.say("call of a program");
        self.paper.rect((x, y - 2.0), (20.0, 13.0), look::CALL);
        self.paper
            .text((x + 28.0, y + 8.0), Anchor::Start, &text, look::NOTE);
        self.y += 26.0;
        x = EDGE;
        for state in State::ALL
            .into_iter()
            .filter(|state| states.contains(state))
        {
            let fill = look::colour(state);
            let width = (state.name().len() as f64).mul_add(6.6, 24.0);
            if self.width - EDGE < x + width {
                x = EDGE;
                self.y += 18.0;
            }
            self.paper.swatch((x, self.y - 5.0), fill, state.name());
            self.paper.text(
                (x + 13.0, self.y + 4.0),
                Anchor::Start,
                state.name(),
                look::SMALL,
            );
            x += width;
        }
        self.y += 10.0;
    }
}

/// What stands on an arrow, and the lines beneath it with their classes.
fn lines(arrow: &Arrow, words: &Words) -> (String, Vec<(String, Look)>) {
    let mut on = String::new();
    let mut parts = arrow.parts.iter().peekable();
    while let Some(part) = parts.peek() {
        if !on.is_empty() && LANE_COLUMNS < width(&on) + 1 + width(part) {
            break;
        }
        if !on.is_empty() {
            on.push(' ');
        }
        on.push_str(part);
        parts.next();
    }
    let on = truncate(&on, LANE_COLUMNS).into_owned();
    let mut below: Vec<(String, Look)> = Vec::new();
    let mut put = |text: &str, class: Look| {
        let joined = below.last().map(|(last, _)| format!("{last}  {text}"));
        match (below.last_mut(), joined) {
            (Some((last, old)), Some(joined))
                if *old == class && width(&joined) <= LANE_COLUMNS =>
            {
                *last = joined;
            }
            _ => below.push((truncate(text, LANE_COLUMNS).into_owned(), class)),
        }
    };
    for remark in &arrow.remarks {
        let (sign, class) = match remark.severity {
            Severity::Chat => ("·", look::DETAIL),
            Severity::Note => ("*", look::AMBER),
            Severity::Warn => ("!", look::RED),
            Severity::Error => ("✗", look::RED),
        };
        put(&format!("{sign} {}", remark.text), class);
    }
    for part in parts {
        put(part, look::DETAIL);
    }
    if let Some(writes) = arrow.writes {
        put(&packet::writes(writes, words), look::DETAIL);
    }
    if let Some(payload) = &arrow.payload {
        put(payload, look::PAYLOAD);
    }
    (on, below)
}

/// All of a packet on one line, for who points at it.
fn hover(step: &Step, arrow: &Arrow, words: &Words) -> String {
    let mut text = format!("#{} {}", arrow.frame, words::moment(step.since_first));
    let remarks = arrow.remarks.iter().map(|remark| &remark.text);
    for part in arrow.parts.iter().chain(remarks) {
        text.push(' ');
        text.push_str(part);
    }
    if let Some(writes) = arrow.writes {
        let _ = write!(text, " {}", packet::writes(writes, words));
    }
    if let Some(payload) = &arrow.payload {
        let _ = write!(text, " {payload}");
    }
    text
}
