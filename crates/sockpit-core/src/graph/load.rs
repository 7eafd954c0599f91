//! A load over time as SVG: how long answers took, and how much went through.

use super::axis::{Axis, Measure};
use super::paper::{self, Area, Heading, Key, Look, Paper, Upward, Words};
use super::sequence::curve;
use super::throughput::halves;
use crate::load::{Mode, Report, Second};
use crate::size::ByteSize;
use crate::strings::Language;
use crate::svg::Path;
use crate::time::Measured;

/// In nanoseconds: what is shorter at the end of a load says little of a second.
const SHORTEST: u64 = 200_000_000;

const MEDIAN: Key = Key::new(Look::Line, "#0969da", "p50");
const LATE: Key = Key::new(Look::Line, "#9a6700", "p99");
const LATEST: Key = Key::new(Look::Dashes, "#cf222e", "max");
const SENT: Key = Key::new(Look::Dashes, "#8250df", "sent");
const ANSWERED: Key = Key::new(Look::Line, "#1a7f37", "answers");

/// The drawing of a load. `width` is 320 to 8192 pixels, `height` 240 to 8192; others are brought
/// into that range.
#[must_use]
pub fn svg(report: &Report, width: u32, height: u32, language: Language) -> String {
    let words = Words::new(language);
    let size = (
        f64::from(width.clamp(320, 8192)),
        f64::from(height.clamp(240, 8192)),
    );
    let heading = heading(report);
    let seconds = seconds(report);
    let Some(until) = seconds.last().map(|second| second.until_ns) else {
        return paper::blank(size, &words, &heading, "it was over before it began");
    };
    let has_latency = report.latency.count > 0;
    let mut legend = match has_latency {
        true => vec![MEDIAN, LATE, LATEST],
        false => Vec::new(),
    };
    legend.push(SENT);
    if report.mode != Mode::OneWay {
        legend.push(ANSWERED);
    }
    let mut paper = Paper::new(size, &words, &heading, &legend);
    paper.across = "time since the start";
    let across = paper.time_axis(until);
    let (upper, lower) = halves(&paper.area);
    if has_latency {
        draw_latency(&mut paper, &words, &upper, &across, &seconds);
    } else {
        let curves = [(SENT, rates(&seconds, |second| second.sent.bytes))];
        let parts = (Measure::ByteRate, "throughput", false);
        draw_rates(&mut paper, &words, &upper, &across, parts, &curves);
    }
    let mut curves = vec![(SENT, rates(&seconds, |second| second.sent.messages))];
    if report.mode != Mode::OneWay {
        let answers = rates(&seconds, |second| second.received.messages);
        curves.push((ANSWERED, answers));
    }
    let parts = (Measure::Datagrams, "messages", true);
    draw_rates(&mut paper, &words, &lower, &across, parts, &curves);
    paper.svg.finish()
}

fn heading(report: &Report) -> Heading {
    let mut facts = vec![
        report.mode.to_string(),
        match report.connections {
            1 => "1 connection".to_owned(),
            count => format!("{count} connections"),
        },
    ];
    let faults = report.faults.total();
    // Where lost and late ones are told apart, they are all that had no answer in time.
    let unanswered = match report.lost() {
        Some(_) => 0,
        None => report.unanswered,
    };
    let lost = report.lost().unwrap_or(0);
    let (late, corrupt, unsent) = (report.late, report.corrupt, report.unsent);
    for (count, fact) in [
        (
            lost,
            match report.is_stream {
                true => format!("{lost} bytes lost"),
                false => format!("{lost} lost"),
            },
        ),
        (late, format!("{late} late answers")),
        (unanswered, format!("{unanswered} unanswered")),
        (corrupt, format!("{corrupt} corrupt")),
        (unsent, format!("{unsent} due and not sent")),
        (faults, format!("{faults} faults")),
    ] {
        if 0 < count {
            facts.push(fact);
        }
    }
    let latency = &report.latency;
    if latency.count > 0 {
        for (name, nanos) in [
            ("p50", latency.p50),
            ("p99", latency.p99),
            ("p99.9", latency.p99_9),
            ("p99.99", latency.p99_99),
            ("max", latency.max),
        ] {
            // With as many digits as the table has.
            let value = Measured(i64::try_from(nanos).unwrap_or(i64::MAX));
            facts.push(format!("{name} {value}"));
        }
    }
    // What is too long for the line is cut off at its end.
    facts.push(format!("messages of {}", ByteSize(report.size)));
    facts.push(report.pace.to_string());
    Heading {
        title: "load".to_owned(),
        ends: report.target.clone(),
        facts,
        notes: report.notes(),
    }
}

/// The seconds that are drawn: the last one is left out where it is hardly one.
fn seconds(report: &Report) -> Vec<&Second> {
    let is_whole = |second: &&Second| second.span_ns >= SHORTEST;
    let whole: Vec<_> = report.seconds.iter().filter(is_whole).collect();
    match whole.is_empty() {
        true => report.seconds.iter().collect(),
        false => whole,
    }
}

/// A value of each second, with its beginning and its end.
type Level = (u64, u64, u64);

/// How many a second, in each second.
fn rates(seconds: &[&Second], count: impl Fn(&Second) -> u64) -> Vec<Level> {
    let level = |second: &&Second| {
        let count = u128::from(count(second)).saturating_mul(1_000_000_000);
        let rate = count.checked_div(u128::from(second.span_ns)).unwrap_or(0);
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        (begin(second), second.until_ns, rate)
    };
    seconds.iter().map(level).collect()
}

fn begin(second: &Second) -> u64 {
    second.until_ns.saturating_sub(second.span_ns)
}

fn draw_rates(
    paper: &mut Paper,
    words: &Words,
    area: &Area,
    across: &Axis,
    (measure, name, is_lowest): (Measure, &str, bool),
    curves: &[(Key, Vec<Level>)],
) {
    let highest = curves
        .iter()
        .flat_map(|(_, levels)| levels)
        .map(|level| level.2);
    let top = highest.max().unwrap_or(0).max(1);
    let up = Axis::new(measure, (0, top), (area.bottom, area.top), true);
    paper.axes(words, area, (across, &up), name, is_lowest);
    for (key, levels) in curves {
        let path = staircase(levels, across, |value| up.at(value));
        curve(paper, &path, *key);
    }
}

fn draw_latency(paper: &mut Paper, words: &Words, area: &Area, across: &Axis, seconds: &[&Second]) {
    let measured = seconds.iter().filter(|second| second.latency.count > 0);
    let levels = |value: fn(&Second) -> u64| -> Vec<Level> {
        let level = |second: &&&Second| (begin(second), second.until_ns, value(second));
        measured.clone().map(|second| level(&second)).collect()
    };
    let curves = [
        (LATEST, levels(|second| second.latency.max)),
        (LATE, levels(|second| second.latency.p99)),
        (MEDIAN, levels(|second| second.latency.p50)),
    ];
    let values = || {
        curves
            .iter()
            .flat_map(|(_, levels)| levels)
            .map(|level| level.2)
    };
    let low = values().min().unwrap_or(1);
    let high = values().max().unwrap_or(1);
    let up = Decades::new(low, high, area);
    let upward = Upward::new(words.say("latency"), up.ticks());
    paper.frame(words, area, across, &upward, false);
    for (key, levels) in &curves {
        let path = staircase(levels, across, |value| up.at(value));
        curve(paper, &path, *key);
    }
}

/// A line that is level within each second, with a gap where there is nothing.
fn staircase(levels: &[Level], across: &Axis, up: impl Fn(u64) -> f64) -> Path {
    let mut path = Path::new();
    let mut held = None;
    for (from, to, value) in levels {
        let start = (across.at(*from), up(*value));
        match held == Some(*from) {
            true => path.line_to(start),
            false => path.move_to(start),
        }
        path.line_to((across.at(*to), up(*value)));
        held = Some(*to);
    }
    path
}

/// An axis of times on which each power of ten takes the same room.
struct Decades {
    /// The powers of ten, in nanoseconds, at its ends.
    from: u32,
    to: u32,
    bottom: f64,
    top: f64,
}

impl Decades {
    /// From one value to another, and on to the next powers at both ends.
    fn new(low: u64, high: u64, area: &Area) -> Self {
        let from = low.max(1).ilog10();
        let over = high.max(1).ilog10();
        let is_power = 10_u64.checked_pow(over) == Some(high);
        let to = if is_power {
            over
        } else {
            over.saturating_add(1)
        };
        Self {
            from,
            to: to.max(from.saturating_add(1)),
            bottom: area.bottom,
            top: area.top,
        }
    }

    fn at(&self, nanos: u64) -> f64 {
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        let share = (libm::log10(nanos.max(1) as f64) - from) / (to - from);
        self.bottom + share.clamp(0.0, 1.0) * (self.top - self.bottom)
    }

    /// The pixel and the name of each power.
    fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        (self.from..=self.to).filter_map(|power| {
            let nanos = 10_u64.checked_pow(power)?;
            Some((self.at(nanos), Measure::Time.tell(nanos as f64)))
        })
    }
}

#[cfg(test)]
#[allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has found something"
)]
mod tests;
