//! What became of a case, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::text::escape::VisibleLine;

/// What became of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseReport {
    /// The case.
    pub name: String,
    /// The steps that were begun.
    pub steps: Vec<StepReport>,
    /// How many steps it has.
    pub step_count: usize,
    /// From its beginning to its end.
    pub took: Duration,
    /// How it ended.
    pub verdict: Verdict,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// In words, such as ``client expects `OK` within 5s``.
    pub what: String,
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// From its beginning to its end.
    pub took: Duration,
    /// Whether it is done.
    pub is_done: bool,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every step was carried out, and every expectation met.
    Passed,
    /// One was not.
    Failed {
        /// In which way.
        lapse: Lapse,
        /// What was expected, and what came instead, or what went wrong.
        message: String,
        /// The exit code that goes with it.
        exit: u8,
    },
    /// It was not carried out.
    Skipped,
}

/// In which way a case failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// An expectation was not met.
    Unmet,
    /// The time of the case was over.
    TimedOut,
    /// A session could not be opened, or broke.
    Broken,
    /// Somebody ended it.
    Interrupted,
}

impl Lapse {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unmet => "unmet",
            Self::TimedOut => "timeout",
            Self::Broken => "broken",
            Self::Interrupted => "interrupted",
        }
    }
}

impl CaseReport {
    /// Whether it passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match &self.verdict {
            Verdict::Failed { exit, .. } => *exit,
            Verdict::Passed | Verdict::Skipped => 0,
        }
    }

    /// The step at which it ended; `None` where it was before the first one, or passed.
    #[must_use]
    pub fn failed_step(&self) -> Option<(usize, &StepReport)> {
        let step = self.steps.last().filter(|step| !step.is_done)?;
        Some((self.steps.len(), step))
    }

    /// Where and why it failed, such as ``step 3 of 5, line 12: client expects …``; empty where it
    /// did not.
    #[must_use]
    pub fn why(&self) -> String {
        let Verdict::Failed { message, .. } = &self.verdict else {
            return String::new();
        };
        match self.failed_step() {
            Some((number, step)) => format!(
                "step {number} of {}, line {}: {}: {message}",
                self.step_count, step.line, step.what
            ),
            None => format!("before its first step: {message}"),
        }
    }

    /// One object: the case with its steps, times in seconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            json!({
                "what": step.what,
                "line": step.line,
                "seconds": step.took.as_secs_f64(),
                "done": step.is_done,
            })
        });
        let mut object = json!({
            "case": self.name,
            "result": match &self.verdict {
                Verdict::Passed => "passed",
                Verdict::Failed { lapse, .. } => lapse.as_str(),
                Verdict::Skipped => "skipped",
            },
            "seconds": self.took.as_secs_f64(),
            "step_count": self.step_count,
            "steps": steps.collect::<Vec<_>>(),
        });
        if let (Verdict::Failed { message, exit, .. }, Some(fields)) =
            (&self.verdict, object.as_object_mut())
        {
            fields.insert("message".to_owned(), json!(message));
            fields.insert("exit".to_owned(), json!(exit));
        }
        object
    }
}

impl fmt::Display for CaseReport {
    /// A line, and a second one that says why it failed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match &self.verdict {
            Verdict::Passed => "ok",
            Verdict::Failed { .. } => "FAILED",
            Verdict::Skipped => "skipped",
        };
        write!(f, "{word:<8}{}", VisibleLine(&self.name))?;
        if self.verdict != Verdict::Skipped {
            write!(f, " ({})", Took(self.took))?;
        }
        if let Verdict::Failed { .. } = &self.verdict {
            write!(f, "\n        {}", VisibleLine(&self.why()))?;
        }
        Ok(())
    }
}

impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_done { "ok" } else { "FAILED" };
        write!(
            f,
            "{word:<8}{} ({})",
            VisibleLine(&self.what),
            Took(self.took)
        )
    }
}

/// A length of time as it was measured: three digits and a unit.
pub(super) struct Took(pub(super) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds >= 1.0 {
            write!(f, "{seconds:.2} s")
        } else if seconds >= 0.1 {
            write!(f, "{:.0} ms", seconds * 1e3)
        } else {
            write!(f, "{:.1} ms", seconds * 1e3)
        }
    }
}
