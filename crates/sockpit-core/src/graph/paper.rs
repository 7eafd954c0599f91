//! What stands around the curves: title, legend, axes, remarks.

use super::axis::{Axis, Measure};
use super::series::Series;
use crate::strings::{Catalogue, Language};
use crate::svg::{Path, Svg};
use crate::text::width;

/// In pixels: what lies left of the curves, for the numbers of the axis.
const LEFT: f64 = 64.0;

/// In pixels: what lies right of them.
pub(super) const RIGHT: f64 = 20.0;

/// In pixels: the height of a line of text.
const LINE: f64 = 17.0;

/// In pixels: the width that a column of text has about.
const COLUMN: f64 = 6.7;

/// In pixels: a sample of a mark in the legend, with the space after it.
const SAMPLE: f64 = 24.0;

const GRID: &str = "#d8dee4";
const FRAME: &str = "#8c959f";
const FAINT: &str = "#57606a";

/// The words of a graph in the language of who looks at it.
pub(super) struct Words(Catalogue);

impl Words {
    pub(super) fn new(language: Language) -> Self {
        Self(Catalogue::new(language))
    }

    pub(super) fn say(&self, sentence: &str) -> String {
        self.0.say(sentence).into_owned()
    }
}

/// What stands above and below the curves.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) title: String,
    /// Who sends, and to whom.
    pub(super) ends: String,
    /// Parts of the second line.
    pub(super) facts: Vec<String>,
    /// Sentences that the reader must know.
    pub(super) notes: Vec<String>,
}

/// How a mark looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// An upright bar.
    Bar,
    /// An upright bar with a foot, which is told without its colour.
    Footed,
    /// A line.
    Line,
    /// A line of dashes.
    Dashes,
    /// A round dot.
    Dot,
    /// A cross.
    Cross,
    /// A diamond.
    Diamond,
}

/// A line of the legend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) look: Look,
    pub(super) colour: &'static str,
    pub(super) text: &'static str,
}

impl Key {
    pub(super) const fn new(look: Look, colour: &'static str, text: &'static str) -> Self {
        Self { look, colour, text }
    }
}

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// What goes upwards in an area.
pub(super) struct Upward {
    name: String,
    /// The pixel and the value of each.
    ticks: Vec<(f64, String)>,
}

impl Upward {
    pub(super) fn new(name: String, ticks: impl Iterator<Item = (f64, String)>) -> Self {
        Self {
            name,
            ticks: ticks.collect(),
        }
    }
}

/// A drawing with its heading; the curves go into `area`.
pub(super) struct Paper {
    pub(super) svg: Svg,
    pub(super) area: Area,
    /// What goes sideways.
    pub(super) across: &'static str,
}

impl Paper {
    /// Draws all but the curves.
    pub(super) fn new(size: (f64, f64), words: &Words, heading: &Heading, legend: &[Key]) -> Self {
        let columns = ((size.0 - 2.0 * RIGHT) / COLUMN) as usize;
        let title = words.say(&heading.title);
        let separator = if heading.ends.is_empty() { "" } else { "  " };
        let title = format!("{title}{separator}{}", heading.ends);
        let mut svg = Svg::new(size.0, size.1, &title);
        svg.element("g")
            .word("font-size", "14")
            .word("font-weight", "600")
            .open();
        // Heavy letters are wider.
        let room = columns.saturating_mul(4) / 5;
        svg.text((RIGHT, 24.0), &width::truncate(&title, room));
        svg.close();
        let facts: Vec<String> = heading.facts.iter().map(|fact| words.say(fact)).collect();
        svg.element("g").word("fill", FAINT).open();
        let facts = facts.join(" · ");
        svg.text((RIGHT, 42.0), &width::truncate(&facts, columns));
        let notes = heading.notes.iter().map(|note| words.say(note));
        let notes: Vec<String> = notes.flat_map(|note| wrap(&note, columns)).collect();
        // However much is to be said, half of the picture is for the curves.
        let most = (size.1 / 3.0 / LINE) as usize;
        let from = notes.len().saturating_sub(most);
        let notes = notes.get(from..).unwrap_or_default();
        let mut bottom = size.1 - 8.0 - LINE * notes.len() as f64;
        let area_bottom = bottom - 2.5 * LINE;
        for note in notes {
            bottom += LINE;
            svg.text((RIGHT, bottom - 4.0), note);
        }
        svg.close();
        let mut at = (RIGHT, 62.0);
        for key in legend {
            let text = words.say(key.text);
            let taken = SAMPLE + COLUMN * (width::width(&text) as f64 + 2.0);
            if at.0 > RIGHT && at.0 + taken > size.0 - RIGHT {
                at = (RIGHT, at.1 + LINE);
            }
            svg.element("g").word("stroke", key.colour).open();
            sample(&mut svg, key.look, (at.0 + 8.0, at.1 - 4.0));
            svg.close();
            let room = columns.saturating_sub((SAMPLE / COLUMN) as usize);
            svg.text((at.0 + SAMPLE, at.1), &width::truncate(&text, room));
            at.0 += taken;
        }
        let top = at.1 + 2.0 * LINE;
        Self {
            svg,
            area: Area {
                left: LEFT,
                top: top.min(area_bottom - 20.0),
                right: size.0 - RIGHT,
                bottom: area_bottom,
            },
            across: "time since the first packet",
        }
    }

    /// Draws the axes of an area: `name` above it says what goes upwards; the name of what goes
    /// sideways stands below it where `is_lowest`.
    pub(super) fn axes(
        &mut self,
        words: &Words,
        area: &Area,
        axes: (&Axis, &Axis),
        name: &str,
        is_lowest: bool,
    ) {
        let (across, up) = axes;
        let name = format!("{}, {}", words.say(name), up.unit());
        self.frame(
            words,
            area,
            across,
            &Upward::new(name, up.ticks()),
            is_lowest,
        );
    }

    /// The same for whatever goes upwards.
    pub(super) fn frame(
        &mut self,
        words: &Words,
        area: &Area,
        across: &Axis,
        up: &Upward,
        is_lowest: bool,
    ) {
        let svg = &mut self.svg;
        svg.element("g").word("stroke", GRID).open();
        for (x, _) in across.ticks() {
            svg.line((x, area.top), (x, area.bottom)).end();
        }
        for (y, _) in &up.ticks {
            svg.line((area.left, *y), (area.right, *y)).end();
        }
        svg.close();
        let size = (area.right - area.left, area.bottom - area.top);
        svg.rect((area.left, area.top), size)
            .word("fill", "none")
            .word("stroke", FRAME)
            .end();
        svg.element("g").word("fill", FAINT).open();
        svg.element("g").word("text-anchor", "end").open();
        for (y, label) in &up.ticks {
            svg.text((area.left - 6.0, y + 4.0), label);
        }
        svg.close();
        svg.text((RIGHT, area.top - 9.0), &up.name);
        if is_lowest {
            svg.element("g").word("text-anchor", "middle").open();
            for (x, label) in across.ticks() {
                svg.text((x, area.bottom + 15.0), &label);
            }
            let name = words.say(self.across);
            let middle = f64::midpoint(area.left, area.right);
            svg.text(
                (middle, area.bottom + 15.0 + LINE),
                &format!("{name}, {}", across.unit()),
            );
            svg.close();
        }
        svg.close();
    }

    /// The axis of time, from the first packet to the last.
    pub(super) fn time_axis(&self, until: u64) -> Axis {
        Axis::new(
            Measure::Time,
            (0, until),
            (self.area.left, self.area.right),
            false,
        )
    }

    /// Draws a value that holds until the next one, from its first moment up to `until`.
    pub(super) fn steps(&mut self, series: &Series, axes: (&Axis, &Axis), until: u64) -> Path {
        let (across, up) = axes;
        let mut path = Path::new();
        let mut held = None;
        for span in series.spans() {
            let (from, to) = (across.at(span.from), across.at(span.to));
            if let Some(held) = held {
                path.line_to((from, up.at(held)));
            }
            if span.count > 1 {
                path.line_to((from, up.at(span.low)));
                path.line_to((from, up.at(span.high)));
                path.line_to((to, up.at(span.high)));
            }
            path.line_to((to, up.at(span.last)));
            held = Some(span.last);
        }
        if let Some(held) = held {
            path.line_to((across.at(until), up.at(held)));
        }
        path
    }
}

/// A drawing of nothing but the reason why.
pub(super) fn blank(size: (f64, f64), words: &Words, heading: &Heading, why: &str) -> String {
    let mut paper = Paper::new(size, words, heading, &[]);
    let area = paper.area;
    let columns = ((area.right - RIGHT) / COLUMN) as usize;
    for (index, line) in wrap(&words.say(why), columns).iter().enumerate() {
        paper
            .svg
            .text((RIGHT, area.top + LINE * index as f64), line);
    }
    paper.svg.finish()
}

/// Draws a mark with its middle at a point.
pub(super) fn sample(svg: &mut Svg, look: Look, (x, y): (f64, f64)) {
    match look {
        Look::Bar => svg
            .line((x, y - 6.0), (x, y + 6.0))
            .word("stroke-width", "2")
            .end(),
        Look::Footed => {
            svg.line((x, y - 6.0), (x, y + 6.0))
                .word("stroke-width", "2")
                .end();
            svg.line((x - 4.0, y + 6.0), (x + 4.0, y + 6.0))
                .word("stroke-width", "2")
                .end();
        }
        Look::Line => svg
            .line((x - 8.0, y), (x + 8.0, y))
            .word("stroke-width", "1.5")
            .end(),
        Look::Dashes => svg
            .line((x - 8.0, y), (x + 8.0, y))
            .word("stroke-width", "1.5")
            .word("stroke-dasharray", "4 3")
            .end(),
        Look::Dot => svg.circle((x, y), 2.5).end(),
        Look::Cross => svg.path(&cross((x, y))).word("stroke-width", "1.5").end(),
        Look::Diamond => svg.path(&diamond((x, y))).word("fill", "none").end(),
    }
}

/// A cross with its middle at a point.
pub(super) fn cross((x, y): (f64, f64)) -> Path {
    let mut path = Path::new();
    path.move_to((x - 4.0, y - 4.0));
    path.line_to((x + 4.0, y + 4.0));
    path.move_to((x - 4.0, y + 4.0));
    path.line_to((x + 4.0, y - 4.0));
    path
}

/// A diamond with its middle at a point.
pub(super) fn diamond((x, y): (f64, f64)) -> Path {
    let mut path = Path::new();
    path.move_to((x, y - 5.0));
    path.line_to((x + 5.0, y));
    path.line_to((x, y + 5.0));
    path.line_to((x - 5.0, y));
    path.line_to((x, y - 5.0));
    path
}

/// Cuts a sentence into lines of so many columns, at spaces where there are any.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        // Chinese has no spaces: a word may have to be cut.
        let mut pieces = vec![String::new()];
        for c in word.chars() {
            if let Some(piece) = pieces.last_mut() {
                piece.push(c);
                if width::width(piece) >= columns {
                    pieces.push(String::new());
                }
            }
        }
        for piece in pieces {
            let taken = width::width(piece.trim_end());
            let fits = |line: &&mut String| width::width(line).saturating_add(taken) <= columns;
            match lines.last_mut().filter(fits) {
                Some(line) => line.push_str(&piece),
                None => lines.push(piece),
            }
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}
