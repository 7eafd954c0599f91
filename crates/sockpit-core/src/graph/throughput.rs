//! How much one end sends in a time, how much of it gets through, and how much is on the way.

use super::axis::{Axis, Measure};
use super::kernel::Window;
use super::paper::{Area, Key, Look, Paper};
use super::rates::{Interval, Rates};
use super::sequence::{curve, merged_note};
use super::series::{Series, Span};
use super::track::{Passage, Seen};
use super::{Part, Picture, pick};
use crate::flow::End;
use crate::svg::Path;
use crate::wire::TcpFlags;

/// In pixels: an interval is about so wide.
const INTERVAL: f64 = 8.0;

/// In pixels: what lies between the two parts of the picture.
const BETWEEN: f64 = 34.0;

const SENT: Key = Key::new(Look::Dashes, "#0969da", "sent, with what was sent again");
const ACKED: Key = Key::new(Look::Line, "#1a7f37", "acknowledged (goodput)");
const ON_THE_WAY: Key = Key::new(Look::Line, "#8250df", "bytes in flight");
const WINDOW: Key = Key::new(Look::Dashes, "#cf222e", "congestion window");
const THRESHOLD: Key = Key::new(Look::Dashes, "#9a6700", "end of slow start");
const FORTH: Key = Key::new(Look::Line, "#0969da", "sent");
const BACK: Key = Key::new(Look::Dashes, "#1a7f37", "sent by the other end");

/// The rates of one end's bytes.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    rates: Rates,
    on_the_way: Series,
    /// The place after the highest byte, SYN or FIN sent.
    top: u64,
    /// The place after the last byte, without a FIN.
    bytes_end: u64,
    /// Up to where it was acknowledged.
    acked: u64,
}

impl Throughput {
    pub(super) fn push(&mut self, seen: &Seen, part: Part) {
        match part {
            Part::Carries => self.carry(seen),
            Part::Answers => self.answer(seen),
        }
    }

    fn carry(&mut self, seen: &Seen) {
        if seen.passage == Passage::Probe || seen.flags.has(TcpFlags::RST) {
            return;
        }
        let is_syn = u64::from(seen.flags.has(TcpFlags::SYN));
        let bytes_end = seen.start.saturating_add(is_syn).saturating_add(seen.len);
        self.bytes_end = self.bytes_end.max(bytes_end);
        self.top = self.top.max(seen.end);
        // A datagram may be empty, and is one.
        if seen.len > 0 || seen.end == 0 {
            let sent = Interval {
                sent: seen.len,
                packets: 1,
                ..Interval::default()
            };
            self.rates.push(seen.at, &sent);
            self.tell_on_the_way(seen.at);
        }
    }

    fn answer(&mut self, seen: &Seen) {
        let Some(ack) = seen.ack.filter(|ack| self.acked < *ack) else {
            return;
        };
        // The first byte of a stream has the place 1.
        let known = self.acked.max(1);
        let acked = ack.min(self.bytes_end).saturating_sub(known);
        self.acked = ack;
        if acked > 0 {
            let interval = Interval {
                acked,
                ..Interval::default()
            };
            self.rates.push(seen.at, &interval);
        }
        self.tell_on_the_way(seen.at);
    }

    fn tell_on_the_way(&mut self, at: u64) {
        let on_the_way = self.top.saturating_sub(self.acked.max(1));
        self.on_the_way.push(Span::value(at, on_the_way));
    }

    pub(super) fn draw(&self, picture: Picture<'_>, window: Option<&Window>) -> String {
        let mut heading = picture.heading;
        let mut legend = vec![SENT, ACKED, ON_THE_WAY];
        if let Some(window) = window {
            legend.push(WINDOW);
            if window.threshold.last().is_some() {
                legend.push(THRESHOLD);
            }
        } else {
            heading.notes.push(
                "the congestion window is not known: the sender's kernel tells it, no packet does"
                    .to_owned(),
            );
        }
        if self.on_the_way.width() > 0 {
            heading.notes.push(merged_note(self.on_the_way.width()));
        }
        let room = picture.size.0 / INTERVAL;
        let (width, intervals) = self.rates.drawn(picture.until, room);
        heading.facts.push(interval_fact(width));
        let mut paper = Paper::new(picture.size, picture.words, &heading, &legend);
        let across = paper.time_axis(picture.until);
        let (upper, lower) = halves(&paper.area);
        let curves = [
            (
                SENT,
                bits_per_second(&intervals, width, |interval| interval.sent),
            ),
            (
                ACKED,
                bits_per_second(&intervals, width, |interval| interval.acked),
            ),
        ];
        let up = rates_axis(Measure::Rate, &upper, &curves);
        paper.axes(picture.words, &upper, (&across, &up), "throughput", false);
        for (key, values) in &curves {
            let path = staircase(values, width, (&across, &up), picture.until);
            curve(&mut paper, &path, *key);
        }
        tips(
            &mut paper,
            &upper,
            &across,
            (width, picture.until),
            &intervals,
            |interval, seconds| {
                let rate = |bytes: u64| Measure::Rate.tell(bytes as f64 * 8.0 / seconds);
                format!(
                    "{} → {} · ×{}",
                    rate(interval.sent),
                    rate(interval.acked),
                    interval.packets
                )
            },
        );
        let most = |series: &Series| series.extremes().map_or(0, |(_, high)| high);
        let mut top = most(&self.on_the_way);
        if let Some(window) = window {
            top = top.max(most(&window.size));
            let threshold = most(&window.threshold);
            // A slow start that is never to end is no height to draw.
            top = top.max(threshold.min(top.saturating_mul(2)));
        }
        let up = Axis::new(
            Measure::Bytes,
            (0, top.max(1)),
            (lower.bottom, lower.top),
            true,
        );
        let axes = (&across, &up);
        paper.axes(picture.words, &lower, axes, "in flight", true);
        let path = paper.steps(&self.on_the_way, axes, picture.until);
        curve(&mut paper, &path, ON_THE_WAY);
        if let Some(window) = window {
            for (series, key) in [(&window.threshold, THRESHOLD), (&window.size, WINDOW)] {
                let path = paper.steps(series, axes, picture.until);
                curve(&mut paper, &path, key);
            }
        }
        paper.svg.finish()
    }
}

/// Draws what both ends of a conversation without acknowledgements send.
pub(super) fn draw_datagrams(picture: Picture<'_>, both: &[Throughput; 2], way: End) -> String {
    let mut heading = picture.heading;
    let room = picture.size.0 / INTERVAL;
    let drawn = [way, way.other()].map(|end| pick(both, end).rates.drawn(picture.until, room));
    let [(width, forth), (other_width, back)] = drawn;
    heading.facts.push(interval_fact(width));
    let mut paper = Paper::new(picture.size, picture.words, &heading, &[FORTH, BACK]);
    let across = paper.time_axis(picture.until);
    let (upper, lower) = halves(&paper.area);
    let ends = [(FORTH, &forth, width), (BACK, &back, other_width)];
    let parts = [
        (Measure::Rate, upper, "throughput"),
        (Measure::Datagrams, lower, "datagrams"),
    ];
    for (measure, area, name) in parts {
        let curves = ends.map(|(key, intervals, width)| {
            let values = match measure {
                Measure::Datagrams => per_second(intervals, width, |interval| interval.packets),
                _ => bits_per_second(intervals, width, |interval| interval.sent),
            };
            (key, values)
        });
        let up = rates_axis(measure, &area, &curves);
        let is_lowest = measure == Measure::Datagrams;
        paper.axes(picture.words, &area, (&across, &up), name, is_lowest);
        for ((key, values), (_, _, width)) in curves.iter().zip(ends) {
            let path = staircase(values, width, (&across, &up), picture.until);
            curve(&mut paper, &path, *key);
        }
        tips(
            &mut paper,
            &area,
            &across,
            (width, picture.until),
            &forth,
            |interval, seconds| {
                let rate = Measure::Rate.tell(interval.sent as f64 * 8.0 / seconds);
                format!("{rate} · ×{}", interval.packets)
            },
        );
    }
    paper.svg.finish()
}

fn interval_fact(width: u64) -> String {
    format!("intervals of {}", Measure::Time.tell(width as f64))
}

fn bits_per_second(intervals: &[Interval], width: u64, bytes: fn(&Interval) -> u64) -> Vec<u64> {
    let bytes = per_second(intervals, width, bytes);
    bytes.iter().map(|rate| rate.saturating_mul(8)).collect()
}

/// How many a second, in each interval.
fn per_second(intervals: &[Interval], width: u64, count: fn(&Interval) -> u64) -> Vec<u64> {
    let rate = |interval: &Interval| {
        let rate = u128::from(count(interval)).saturating_mul(1_000_000_000);
        let rate = rate.checked_div(u128::from(width)).unwrap_or(0);
        u64::try_from(rate).unwrap_or(u64::MAX)
    };
    intervals.iter().map(rate).collect()
}

fn rates_axis(measure: Measure, area: &Area, curves: &[(Key, Vec<u64>)]) -> Axis {
    let highest = curves.iter().flat_map(|(_, values)| values).max();
    let top = highest.copied().unwrap_or(0).max(1);
    Axis::new(measure, (0, top), (area.bottom, area.top), true)
}

/// A line that is level within each interval.
fn staircase(values: &[u64], width: u64, axes: (&Axis, &Axis), until: u64) -> Path {
    let (across, up) = axes;
    let mut path = Path::new();
    let mut at = 0_u64;
    for value in values {
        if at > until {
            break;
        }
        let end = at.saturating_add(width).min(until);
        path.line_to((across.at(at), up.at(*value)));
        path.line_to((across.at(end), up.at(*value)));
        at = at.saturating_add(width);
    }
    // After the last interval there is nothing.
    if at < until {
        path.line_to((across.at(at), up.at(0)));
        path.line_to((across.at(until), up.at(0)));
    }
    path
}

/// Lays over each interval what is shown while somebody points at it.
fn tips(
    paper: &mut Paper,
    area: &Area,
    across: &Axis,
    (width, until): (u64, u64),
    intervals: &[Interval],
    tell: impl Fn(&Interval, f64) -> String,
) {
    let seconds = width as f64 / 1e9;
    let svg = &mut paper.svg;
    svg.element("g").word("fill-opacity", "0").open();
    let mut at = 0_u64;
    for interval in intervals {
        let end = at.saturating_add(width);
        if *interval != Interval::default() && at <= until {
            let (left, right) = (across.at(at), across.at(end.min(until)));
            let size = (right - left, area.bottom - area.top);
            let moment = Measure::Time.tell(at as f64);
            svg.rect((left, area.top), size)
                .tip(&format!("{moment} · {}", tell(interval, seconds)));
        }
        at = end;
    }
    svg.close();
}

/// The upper and the lower part.
pub(super) fn halves(area: &Area) -> (Area, Area) {
    let middle = f64::midpoint(area.top, area.bottom);
    let upper = Area {
        bottom: (middle - BETWEEN / 2.0).max(area.top + 1.0),
        ..*area
    };
    let lower = Area {
        top: (middle + BETWEEN / 2.0).min(area.bottom - 1.0),
        ..*area
    };
    (upper, lower)
}
