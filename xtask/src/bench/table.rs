//! What was measured of one figure of one benchmark: the programs' runs, their ratios, and whether
//! the targets are met.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One figure of several programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    /// What its picture is called, such as `echo-50-p99`.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) unit: Unit,
    /// Ours is the first; the others' ratios are to it.
    pub(super) lines: Vec<Line>,
}

/// One program's runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) target: Option<Target>,
    pub(super) outcome: Outcome,
}

/// How a program's runs went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// Their figures.
    Done(Vec<f64>),
    /// The program is not on this machine.
    Absent,
    /// One of them failed, for this reason.
    Failed(String),
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Unit {
    BytesPerSecond,
    PerSecond,
    Bytes,
    Seconds,
    Packets,
    /// A part of a whole, 1 for all of it.
    Share,
}

/// What must hold for a program's line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Target {
    /// Our figure divided by the line's.
    RatioAtLeast(f64),
    /// Our figure divided by the line's.
    RatioAtMost(f64),
    /// Our figure divided by the line's is 1, with so much to either side.
    RatioWithin(f64),
    /// The line's figure itself.
    AtMost(f64),
}

/// The middle and the ends of a program's figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Table {
    /// Whether no line misses its target, and ours could be measured; a program that is not there
    /// misses nothing.
    pub(super) fn is_met(&self) -> bool {
        let is_ours_done = matches!(
            self.lines.first(),
            Some(Line {
                outcome: Outcome::Done(_),
                ..
            })
        );
        is_ours_done
            && self
                .lines
                .iter()
                .all(|line| self.verdict(line) != Some(false))
    }

    /// Whether a line's target is met; `None` where it has none, or no program to miss it.
    pub(super) fn verdict(&self, line: &Line) -> Option<bool> {
        let target = line.target?;
        let figures = match &line.outcome {
            Outcome::Done(figures) => figures,
            Outcome::Absent => return None,
            Outcome::Failed(_) => return Some(false),
        };
        // A ratio that there is not compares as false.
        let ratio = self.ratio(line).unwrap_or(f64::NAN);
        Some(match target {
            Target::RatioAtLeast(least) => least <= ratio,
            Target::RatioAtMost(most) => ratio <= most,
            Target::RatioWithin(room) => (ratio - 1.0).abs() <= room,
            Target::AtMost(limit) => median(figures) <= limit,
        })
    }

    /// The median of our figure divided by a line's, run by run; `None` for our own line.
    pub(super) fn ratio(&self, line: &Line) -> Option<f64> {
        let first = self.lines.first()?;
        let (Outcome::Done(ours), Outcome::Done(theirs)) = (&first.outcome, &line.outcome) else {
            return None;
        };
        if std::ptr::eq(first, line) || !self.unit.has_ratio() {
            return None;
        }
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(o, t)| o / t).collect();
        Some(median(&ratios))
    }
}

impl Line {
    pub(super) fn new(name: &str, target: Option<Target>, outcome: Outcome) -> Self {
        Self {
            name: name.to_owned(),
            target,
            outcome,
        }
    }

    /// `None` where nothing was measured.
    pub(super) fn spread(&self) -> Option<Spread> {
        match &self.outcome {
            Outcome::Done(figures) if !figures.is_empty() => Some(Spread {
                median: median(figures),
                least: figures.iter().copied().fold(f64::INFINITY, f64::min),
                most: figures.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            }),
            _ => None,
        }
    }
}

/// In Markdown.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit;
        writeln!(
            f,
            "| program | median | min | max | ours / its | target | met |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|---|---|")?;
        for line in &self.lines {
            write!(f, "| {} |", line.name)?;
            match (&line.outcome, line.spread()) {
                (_, Some(spread)) => {
                    for figure in [spread.median, spread.least, spread.most] {
                        write!(f, " {} |", unit.show(figure))?;
                    }
                }
                (Outcome::Failed(reason), None) => write!(f, " {reason} | | |")?,
                (_, None) => write!(f, " not installed | | |")?,
            }
            match self.ratio(line) {
                None => write!(f, " |")?,
                Some(ratio) => write!(f, " {ratio:.2} |")?,
            }
            match line.target {
                None => write!(f, " |")?,
                Some(target) => write!(f, " {} |", target.show(unit))?,
            }
            let met = match self.verdict(line) {
                None => "",
                Some(true) => " yes",
                Some(false) => " **no**",
            };
            writeln!(f, "{met} |")?;
        }
        Ok(())
    }
}

impl Target {
    /// In words, with its figure as `unit` says it.
    pub(super) fn show(self, unit: Unit) -> String {
        match self {
            Self::RatioAtLeast(least) => format!("at least {least}"),
            Self::RatioAtMost(most) => format!("at most {most}"),
            Self::RatioWithin(room) => format!("1 ± {room}"),
            Self::AtMost(limit) => format!("at most {}", unit.show(limit)),
        }
    }
}

impl Unit {
    /// Sizes and shares are of several states of a program, and each stands for itself; of what was
    /// lost, which may be nothing, there is no ratio.
    fn has_ratio(self) -> bool {
        !matches!(self, Self::Bytes | Self::Packets | Self::Share)
    }

    /// A figure as people read it.
    pub(super) fn show(self, figure: f64) -> String {
        match self {
            Self::BytesPerSecond => format!("{:.2} GB/s", figure / 1e9),
            Self::PerSecond => format!("{}/s", grouped(figure)),
            Self::Bytes => format!("{} B", grouped(figure)),
            Self::Seconds => seconds(figure),
            Self::Packets => grouped(figure),
            Self::Share => format!("{:.1} %", figure * 100.0),
        }
    }
}

/// The figure in the middle, or not a number where there is none.
pub(super) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// A whole number in groups of three digits.
pub(super) fn grouped(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place != 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    match figure <= -0.5 {
        true => format!("-{text}"),
        false => text,
    }
}

/// A time in the largest unit of which it is at least one.
fn seconds(figure: f64) -> String {
    let (factor, unit) = match figure.abs() {
        0.0 => return "0 s".to_owned(),
        1.0.. => (1.0, "s"),
        1e-3.. => (1e3, "ms"),
        1e-6.. => (1e6, "µs"),
        _ => (1e9, "ns"),
    };
    format!("{:.2} {unit}", figure * factor)
}

#[cfg(test)]
mod tests;
