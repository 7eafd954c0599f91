//! The same work done by several programs in turn.

use std::io;

use super::table::{Line, Outcome, Table, Target, Unit};

/// In characters: what is kept of the reason of a failure.
const REASON: usize = 60;

/// One benchmark.
pub(super) struct Comparison<'a> {
    /// What each figure of a turn is, in their order; a table each.
    aspects: Vec<Aspect>,
    /// Ours is the first.
    contenders: Vec<Contender<'a>>,
    turns: Turns,
}

/// One program doing the work.
pub(super) struct Contender<'a> {
    name: String,
    /// By aspect.
    targets: Vec<Option<Target>>,
    /// Does the work once.
    measure: Box<dyn FnMut() -> io::Result<Figures> + 'a>,
}

/// How often every contender has its turn.
#[derive(Clone, Copy)]
pub(super) enum Turns {
    /// However many runs there are: the figure is the same each time, and takes long.
    Once,
    /// So often a run: the work is short.
    EachRun(usize),
}

/// What one turn gave: a figure for each aspect of the comparison, in its unit.
pub(super) struct Figures(Vec<f64>);

/// One of the figures that every turn gives.
struct Aspect {
    /// What follows the benchmark's name in the name of its table.
    suffix: &'static str,
    title: String,
    unit: Unit,
}

impl<'a> Comparison<'a> {
    /// Of one figure.
    pub(super) fn new(
        title: impl Into<String>,
        unit: Unit,
        contenders: Vec<Contender<'a>>,
    ) -> Self {
        Self {
            aspects: Vec::new(),
            contenders,
            turns: Turns::EachRun(1),
        }
        .with_aspect("", title, unit)
    }

    /// Of one figure more, whose table's name ends with `suffix`.
    pub(super) fn with_aspect(
        mut self,
        suffix: &'static str,
        title: impl Into<String>,
        unit: Unit,
    ) -> Self {
        self.aspects.push(Aspect {
            suffix,
            title: title.into(),
            unit,
        });
        self
    }

    /// Has one turn do, or takes more of them than one a run.
    pub(super) fn with_turns(self, turns: Turns) -> Self {
        Self { turns, ..self }
    }

    /// Lets every contender do the work `runs` times, taking turns; a table an aspect.
    ///
    /// Whoever fails is asked once more in its turn. A failure after that stands in its line, and
    /// the others go on.
    pub(super) fn run(mut self, name: &str, runs: usize) -> Vec<Table> {
        let mut outcomes: Vec<Result<Vec<Figures>, Outcome>> =
            self.contenders.iter().map(|_| Ok(Vec::new())).collect();
        let turns = match self.turns {
            Turns::Once => runs.min(1),
            Turns::EachRun(turns) => runs * turns,
        };
        for turn in 0..turns {
            let mut order: Vec<usize> = (0..outcomes.len()).collect();
            // Every other turn goes backwards, so that no program always follows the same one.
            if turn % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let Ok(done) = &mut outcomes[index] else {
                    continue;
                };
                match self.contenders[index].turn(self.aspects.len()) {
                    Ok(figures) => done.push(figures),
                    Err(error) if error.kind() == io::ErrorKind::NotFound && index != 0 => {
                        outcomes[index] = Err(Outcome::Absent);
                    }
                    Err(error) => outcomes[index] = Err(Outcome::Failed(reason(&error))),
                }
            }
        }
        let table = |(place, aspect): (usize, &Aspect)| Table {
            name: format!("{name}{}", aspect.suffix),
            title: aspect.title.clone(),
            unit: aspect.unit,
            lines: self
                .contenders
                .iter()
                .zip(&outcomes)
                .map(|(contender, outcome)| contender.line(outcome, place))
                .collect(),
        };
        self.aspects.iter().enumerate().map(table).collect()
    }
}

impl<'a> Contender<'a> {
    pub(super) fn new<F: Into<Figures>>(
        name: impl Into<String>,
        mut measure: impl FnMut() -> io::Result<F> + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            targets: Vec::new(),
            measure: Box::new(move || measure().map(Into::into)),
        }
    }

    /// Sets what the next aspect must be: the first time that of the first one, and so on.
    pub(super) fn with_target(mut self, target: impl Into<Option<Target>>) -> Self {
        self.targets.push(target.into());
        self
    }

    /// Does the work, once more if it fails.
    fn turn(&mut self, aspects: usize) -> io::Result<Figures> {
        let mut once = || {
            let figures = (self.measure)()?;
            let is_whole = figures.0.len() == aspects && figures.0.iter().all(|f| f.is_finite());
            match is_whole {
                true => Ok(figures),
                false => Err(io::Error::other(format!("it gave {:?}", figures.0))),
            }
        };
        match once() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => once(),
            done => done,
        }
    }

    /// What an aspect of its runs says.
    fn line(&self, outcome: &Result<Vec<Figures>, Outcome>, aspect: usize) -> Line {
        let target = self.targets.get(aspect).copied().flatten();
        let outcome = match outcome {
            Ok(runs) => Outcome::Done(runs.iter().map(|run| run.0[aspect]).collect()),
            Err(outcome) => outcome.clone(),
        };
        Line::new(&self.name, target, outcome)
    }
}

impl From<f64> for Figures {
    fn from(figure: f64) -> Self {
        Self(vec![figure])
    }
}

impl<const N: usize> From<[f64; N]> for Figures {
    fn from(figures: [f64; N]) -> Self {
        Self(figures.to_vec())
    }
}

/// What a failure says, so short and plain that it has a place in a table.
fn reason(error: &io::Error) -> String {
    let text = error.to_string().replace(['|', '\n'], " ");
    text.chars().take(REASON).collect()
}

#[cfg(test)]
mod tests;
