//! The same work done by several programs in turn, and the table of what it took them.

use std::fmt;
use std::io;

/// One benchmark.
pub(super) struct Comparison<'a> {
    pub(super) title: String,
    pub(super) unit: Unit,
    /// Ours is the first; the others' ratios are to it.
    pub(super) contenders: Vec<Contender<'a>>,
}

/// One program doing the work.
pub(super) struct Contender<'a> {
    name: &'static str,
    target: Option<Target>,
    /// Does the work once and returns its figure in the comparison's unit.
    measure: Box<dyn FnMut() -> io::Result<f64> + 'a>,
}

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    BytesPerSecond,
    PerSecond,
    Bytes,
    Seconds,
    Packets,
}

/// What must hold for a program's line.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Our figure divided by the line's.
    RatioAtLeast(f64),
    /// Our figure divided by the line's.
    RatioAtMost(f64),
    /// The line's figure itself.
    Below(f64),
}

/// What was measured.
pub(super) struct Table {
    title: String,
    unit: Unit,
    lines: Vec<Line>,
}

/// One program's runs.
struct Line {
    name: &'static str,
    target: Option<Target>,
    runs: Runs,
    /// Ours divided by this program's, run by run.
    ratios: Vec<f64>,
}

/// How a program's runs went.
enum Runs {
    /// Their figures.
    Done(Vec<f64>),
    /// The program is not on this machine.
    Absent,
    /// One of them failed, for this reason.
    Failed(String),
}

impl<'a> Contender<'a> {
    pub(super) fn new(name: &'static str, measure: impl FnMut() -> io::Result<f64> + 'a) -> Self {
        Self {
            name,
            target: None,
            measure: Box::new(measure),
        }
    }

    pub(super) fn with_target(self, target: Target) -> Self {
        let target = Some(target);
        Self { target, ..self }
    }
}

impl Comparison<'_> {
    /// Lets every contender do the work `runs` times, taking turns.
    ///
    /// # Errors
    ///
    /// Fails when our own program does. Another's failure stands in its line of the table.
    pub(super) fn run(mut self, runs: usize) -> io::Result<Table> {
        let mut lines: Vec<Line> = self.contenders.iter().map(Line::new).collect();
        for run in 0..runs {
            let mut order: Vec<usize> = (0..lines.len()).collect();
            // Every other run goes backwards, so that no program always follows the same one.
            if run % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let Runs::Done(figures) = &mut lines[index].runs else {
                    continue;
                };
                match (self.contenders[index].measure)() {
                    Ok(figure) => figures.push(figure),
                    Err(error) if index == 0 => return Err(error),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        lines[index].runs = Runs::Absent;
                    }
                    Err(error) => lines[index].runs = Runs::Failed(error.to_string()),
                }
            }
        }
        let (ours, others) = lines.split_at_mut(1);
        // Sizes are of several states of a program, and each stands for itself; of what was lost,
        // which may be nothing, there is no ratio.
        if !matches!(self.unit, Unit::Bytes | Unit::Packets)
            && let Runs::Done(ours) = &ours[0].runs
        {
            for line in others {
                line.compare(ours);
            }
        }
        Ok(Table {
            title: self.title,
            unit: self.unit,
            lines,
        })
    }
}

impl Table {
    /// Whether no line misses its target; a program that is not there has none.
    pub(super) fn is_met(&self) -> bool {
        self.lines.iter().all(|line| line.is_met() != Some(false))
    }
}

impl Line {
    fn new(contender: &Contender<'_>) -> Self {
        Self {
            name: contender.name,
            target: contender.target,
            runs: Runs::Done(Vec::new()),
            ratios: Vec::new(),
        }
    }

    /// Sets our figures beside those of this program, run by run.
    fn compare(&mut self, ours: &[f64]) {
        if let Runs::Done(theirs) = &self.runs {
            self.ratios = ours.iter().zip(theirs).map(|(o, t)| o / t).collect();
        }
    }

    /// `None` where there is no target or no program to miss it.
    fn is_met(&self) -> Option<bool> {
        let target = self.target?;
        let figures = match &self.runs {
            Runs::Done(figures) => figures,
            Runs::Absent => return None,
            Runs::Failed(_) => return Some(false),
        };
        Some(match target {
            Target::RatioAtLeast(least) => least <= median(&self.ratios),
            Target::RatioAtMost(most) => median(&self.ratios) <= most,
            Target::Below(limit) => median(figures) < limit,
        })
    }
}

/// A table in Markdown, ready for docs/benchmarks.md.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit;
        writeln!(f, "### {}\n", self.title)?;
        writeln!(
            f,
            "| program | median | min | max | ours / its | target | met |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|---|---|")?;
        for line in &self.lines {
            write!(f, "| {} |", line.name)?;
            match &line.runs {
                Runs::Done(figures) => {
                    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
                    let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    for figure in [median(figures), least, most] {
                        write!(f, " {} |", unit.show(figure))?;
                    }
                }
                Runs::Absent => write!(f, " not installed | | |")?,
                Runs::Failed(reason) => write!(f, " {reason} | | |")?,
            }
            match &line.ratios[..] {
                [] => write!(f, " |")?,
                ratios => write!(f, " {:.2} |", median(ratios))?,
            }
            let target = match line.target {
                None => String::new(),
                Some(Target::RatioAtLeast(least)) => format!(" at least {least}"),
                Some(Target::RatioAtMost(most)) => format!(" at most {most}"),
                Some(Target::Below(limit)) => format!(" below {}", unit.show(limit)),
            };
            let met = match line.is_met() {
                None => "",
                Some(true) => " yes",
                Some(false) => " **no**",
            };
            writeln!(f, "{target} |{met} |")?;
        }
        Ok(())
    }
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::BytesPerSecond => format!("{:.2} GB/s", figure / 1e9),
            Self::PerSecond => format!("{figure:.0}/s"),
            Self::Bytes => format!("{figure:.0} B"),
            Self::Seconds => format!("{:.2} ms", figure * 1e3),
            Self::Packets => format!("{figure:.0}"),
        }
    }
}

/// The figure in the middle, or not a number where there is none.
fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

#[cfg(test)]
mod tests;
