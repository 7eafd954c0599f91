//! The bytes of one end by their places, over time; with what the other end has and has room for.

use super::axis::{Axis, Measure};
use super::paper::{self, Key, Look, Paper};
use super::series::{Series, Span};
use super::track::{Passage, Seen, Track};
use super::{Part, Picture};
use crate::svg::Path;
use crate::wire::TcpFlags;

/// Marks that are kept; further ones are counted.
const MOST_MARKS: usize = 2000;

/// The picture goes on to the window's edge, but not further than so many times its bytes.
const HIGHEST_EDGE: u64 = 2;

/// In pixels: a bar is at least so long that it is seen.
const SHORTEST: f64 = 2.0;

const SENT: Key = Key::new(Look::Bar, "#0969da", "segments");
const AGAIN: Key = Key::new(Look::Footed, "#cf222e", "segments sent again");
const LATE: Key = Key::new(Look::Footed, "#bf8700", "segments out of order");
const ACKED: Key = Key::new(Look::Line, "#1a7f37", "acknowledged");
const SELECTED: Key = Key::new(Look::Bar, "#8250df", "selectively acknowledged");
const EDGE: Key = Key::new(Look::Dashes, "#9a6700", "the window's edge");
const CLOSED: Key = Key::new(Look::Cross, "#cf222e", "window closed");
const FLAGS: Key = Key::new(Look::Diamond, "#24292f", "SYN, FIN, RST");
const PROBES: Key = Key::new(Look::Diamond, "#bf3989", "keep-alives and window probes");
const LOST: Key = Key::new(Look::Dashes, "#6e7781", "the tap lost packets");

/// What is drawn of one end's bytes.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    sent: Series,
    again: Series,
    late: Series,
    acked: Series,
    selected: Series,
    edge: Series,
    /// The place after the highest byte sent or acknowledged.
    top: u64,
    /// Whether the window is closed.
    is_closed: bool,
    marks: Vec<Mark>,
    /// Marks that are not kept.
    unmarked: u64,
}

/// Something at one moment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: u64,
    place: u64,
    sort: Sort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Flag(&'static str),
    Closed,
    Probe,
    Lost(u64),
}

impl Sequence {
    pub(super) fn push(&mut self, seen: &Seen, part: Part) {
        if seen.lost > 0 && part == Part::Carries {
            self.mark(seen.at, 0, Sort::Lost(seen.lost));
        }
        match part {
            Part::Carries => self.carry(seen),
            Part::Answers => self.answer(seen),
        }
    }

    fn carry(&mut self, seen: &Seen) {
        for (flag, name) in [
            (TcpFlags::SYN, "SYN"),
            (TcpFlags::FIN, "FIN"),
            (TcpFlags::RST, "RST"),
        ] {
            if seen.flags.has(flag) {
                let place = if flag == TcpFlags::FIN {
                    seen.end
                } else {
                    seen.start
                };
                self.mark(seen.at, offset(place), Sort::Flag(name));
            }
        }
        if seen.passage == Passage::Probe {
            return self.mark(seen.at, offset(seen.start), Sort::Probe);
        }
        if seen.len == 0 {
            return;
        }
        let is_syn = u64::from(seen.flags.has(TcpFlags::SYN));
        let low = offset(seen.start.saturating_add(is_syn));
        let high = low.saturating_add(seen.len);
        self.top = self.top.max(high);
        let series = match seen.passage {
            Passage::Again => &mut self.again,
            Passage::Late => &mut self.late,
            Passage::New | Passage::Probe => &mut self.sent,
        };
        series.push(Span::range(seen.at, low, high));
    }

    fn answer(&mut self, seen: &Seen) {
        let Some(ack) = seen.ack else { return };
        let acked = offset(ack);
        self.top = self.top.max(acked);
        self.acked.push(Span::value(seen.at, acked));
        let edge = acked.saturating_add(seen.window);
        self.edge.push(Span::value(seen.at, edge));
        for (low, high) in seen.sack.into_iter().flatten() {
            // What lies below the acknowledged bytes was received twice (RFC 2883).
            if high > ack {
                let (low, high) = (offset(low), offset(high));
                self.top = self.top.max(high);
                self.selected.push(Span::range(seen.at, low, high));
            }
        }
        let is_closed = seen.window == 0;
        if is_closed && !self.is_closed {
            self.mark(seen.at, edge, Sort::Closed);
        }
        self.is_closed = is_closed;
    }

    fn mark(&mut self, at: u64, place: u64, sort: Sort) {
        if self.marks.len() < MOST_MARKS {
            self.marks.push(Mark { at, place, sort });
        } else {
            self.unmarked = self.unmarked.saturating_add(1);
        }
    }

    /// `other` is the same of the other end's bytes.
    pub(super) fn draw(&self, picture: Picture<'_>, track: &Track, other: &Self) -> String {
        let mut heading = picture.heading;
        let has_edge = self.edge.last().is_some();
        let (_, edge) = self.edge.extremes().unwrap_or((0, 0));
        let top = self
            .top
            .max(edge.min(self.top.saturating_mul(HIGHEST_EDGE)));
        if edge > top && top > 0 {
            let most = Measure::Bytes.tell(edge as f64);
            heading.notes.push(format!(
                "the window's edge goes on above the picture, to {most}"
            ));
        }
        if has_edge && !track.is_scale_known() {
            heading.notes.push(
                "no SYN was seen: the window may be wider, as its scale is not known".to_owned(),
            );
        }
        let series = [
            &self.sent,
            &self.again,
            &self.late,
            &self.acked,
            &self.selected,
            &self.edge,
        ];
        let merged = series.iter().map(|series| series.width()).max();
        if let Some(width) = merged.filter(|width| *width > 0) {
            heading.notes.push(merged_note(width));
        }
        let unmarked = self.unmarked.max(other.unmarked);
        if unmarked > 0 {
            heading
                .notes
                .push(format!("{unmarked} marks more are not drawn"));
        }
        let mut paper = Paper::new(picture.size, picture.words, &heading, &self.legend());
        let area = paper.area;
        let across = paper.time_axis(picture.until);
        let up = Axis::new(
            Measure::Bytes,
            (0, top.max(1)),
            (area.bottom, area.top),
            true,
        );
        let axes = (&across, &up);
        paper.axes(picture.words, &area, axes, "place in the stream", true);
        let path = paper.steps(&self.edge, axes, picture.until);
        curve(&mut paper, &path, EDGE);
        let path = paper.steps(&self.acked, axes, picture.until);
        curve(&mut paper, &path, ACKED);
        bars(&mut paper, &self.selected, axes, SELECTED);
        bars(&mut paper, &self.sent, axes, SENT);
        bars(&mut paper, &self.late, axes, LATE);
        bars(&mut paper, &self.again, axes, AGAIN);
        for mark in &self.marks {
            draw_mark(&mut paper, mark, axes);
        }
        paper.svg.finish()
    }

    fn legend(&self) -> Vec<Key> {
        let is_marked = |wanted: fn(Sort) -> bool| self.marks.iter().any(|mark| wanted(mark.sort));
        let keys = [
            (self.sent.last().is_some(), SENT),
            (self.again.last().is_some(), AGAIN),
            (self.late.last().is_some(), LATE),
            (self.acked.last().is_some(), ACKED),
            (self.selected.last().is_some(), SELECTED),
            (self.edge.last().is_some(), EDGE),
            (is_marked(|sort| sort == Sort::Closed), CLOSED),
            (is_marked(|sort| matches!(sort, Sort::Flag(_))), FLAGS),
            (is_marked(|sort| sort == Sort::Probe), PROBES),
            (is_marked(|sort| matches!(sort, Sort::Lost(_))), LOST),
        ];
        let used = keys.into_iter().filter(|(is_used, _)| *is_used);
        used.map(|(_, key)| key).collect()
    }
}

/// What is said where neighbours were merged.
pub(super) fn merged_note(width: u64) -> String {
    let span = Measure::Time.tell(width as f64);
    format!("much has come: a mark stands for all within up to {span}")
}

/// Draws a line through points.
pub(super) fn curve(paper: &mut Paper, path: &Path, key: Key) {
    if path.is_empty() {
        return;
    }
    let line = paper
        .svg
        .path(path)
        .word("fill", "none")
        .word("stroke", key.colour)
        .word("stroke-width", "1.5");
    match key.look {
        Look::Dashes => line.word("stroke-dasharray", "4 3").end(),
        _ => line.end(),
    }
}

fn bars(paper: &mut Paper, series: &Series, axes: (&Axis, &Axis), key: Key) {
    if series.last().is_none() {
        return;
    }
    let (across, up) = axes;
    let svg = &mut paper.svg;
    svg.element("g")
        .word("stroke", key.colour)
        .word("stroke-width", "2")
        .open();
    for span in series.spans() {
        let x = across.at(span.from);
        let (low, high) = (up.at(span.low), up.at(span.high));
        let high = high.min(low - SHORTEST);
        let tip = tip(span);
        svg.line((x, low), (x, high)).tip(&tip);
        if key.look == Look::Footed {
            svg.line((x - 4.0, low), (x + 4.0, low)).tip(&tip);
        }
    }
    svg.close();
}

/// When, which bytes, how many and how often: numbers that need no words.
fn tip(span: &Span) -> String {
    let at = Measure::Time.tell(span.from as f64);
    let (low, high) = (span.low, span.high);
    let len = high.saturating_sub(low);
    let tip = format!("{at} · {low}–{high} · {len} B");
    match span.count {
        1 => tip,
        count => format!("{tip} · ×{count}"),
    }
}

fn draw_mark(paper: &mut Paper, mark: &Mark, axes: (&Axis, &Axis)) {
    let (across, up) = axes;
    let area = paper.area;
    let at = (across.at(mark.at), up.at(mark.place));
    let moment = Measure::Time.tell(mark.at as f64);
    let svg = &mut paper.svg;
    match mark.sort {
        Sort::Flag(name) => {
            svg.path(&paper::diamond(at))
                .word("fill", "none")
                .word("stroke", FLAGS.colour)
                .tip(&format!("{moment} · {name}"));
            // Beside it, on the side where there is room.
            let is_right = at.0 + 40.0 > area.right;
            let (x, anchor) = if is_right {
                (at.0 - 7.0, "end")
            } else {
                (at.0 + 7.0, "start")
            };
            svg.element("text")
                .number("x", x)
                .number("y", at.1 - 5.0)
                .word("font-size", "10")
                .word("text-anchor", anchor)
                .text(name);
        }
        Sort::Closed if up.holds(mark.place) => svg
            .path(&paper::cross(at))
            .word("stroke", CLOSED.colour)
            .word("stroke-width", "1.5")
            .tip(&format!("{moment} · 0 B")),
        Sort::Closed => {}
        Sort::Probe => svg
            .path(&paper::diamond(at))
            .word("fill", "none")
            .word("stroke", PROBES.colour)
            .tip(&moment),
        Sort::Lost(count) => svg
            .line((at.0, area.top), (at.0, area.bottom))
            .word("stroke", LOST.colour)
            .word("stroke-dasharray", "4 3")
            .tip(&format!("{moment} · ×{count}")),
    }
}

/// The offset in the stream of a place, which counts the SYN.
fn offset(place: u64) -> u64 {
    place.saturating_sub(1)
}
