//! A scenario: several sessions, and what is sent and must come, in order; with a result.
//!
//! A [`Scenario`] is what a file says. A [`Play`] carries one of its cases out: it is told what
//! happens in the sessions and asked what to do next, and ends with a [`CaseReport`].
//! `docs/scenarios.md` is the language's reference.
//!
//! ```text
//!            opened, events, time
//!  sessions ─────────────────────▶ Play ──▶ CaseReport ──▶ text, JSON, JUnit
//!           ◀─────────────────────
//!            open, send, finish, close
//! ```

mod actor;
mod ear;
pub mod junit;
mod mistake;
mod play;
mod read;
mod report;
mod saved;
mod template;
mod voice;
mod words;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use mistake::Mistake;
pub use play::{Demand, Failure, Play, Setting};
pub use report::{CaseReport, Lapse, StepReport, Verdict};
pub use saved::{Saved, SavedError};
pub use voice::Voice;

use crate::machine::Reason;
use crate::plan::{Options, Plan, Role};
use crate::rule::{Pattern, RuleError, Rules};
use crate::session::Script;
use template::Template;

/// What a scenario file says.
#[derive(Debug)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    sessions: Vec<SessionPlan>,
    cases: Vec<Case>,
}

/// A session that every case opens anew.
#[derive(Debug)]
struct SessionPlan {
    name: String,
    role: Role,
    /// An endpoint, which may name the port of a session above it.
    endpoint: Template,
    options: Options,
    rules: Option<Arc<Rules>>,
    /// Whether a case opens it at its beginning, and not by a step.
    starts: bool,
    /// Whether it connects again when its peer is gone.
    reconnects: bool,
}

/// A test case: steps in order, across the sessions.
#[derive(Debug)]
struct Case {
    name: String,
    /// How long all of it may take.
    timeout: Duration,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    /// Its place among the scenario's sessions; `None` where it concerns none.
    session: Option<usize>,
    /// With which peer of a server; the latest if `None`.
    peer: Option<u32>,
    act: Act,
    /// In the file, from 1.
    line: usize,
}

#[derive(Debug)]
enum Act {
    Open,
    Send {
        what: Sent,
        delay: Duration,
    },
    Expect {
        pattern: Pattern,
        within: Duration,
        label: String,
        exit: u8,
    },
    Silence {
        span: Duration,
        exit: u8,
    },
    Ended {
        /// In which way; in any if `None`.
        reason: Option<Reason>,
        within: Duration,
        exit: u8,
    },
    Sleep(Duration),
    Finish,
    Close,
}

#[derive(Debug)]
enum Sent {
    Template(Template),
    File { name: String, bytes: Bytes },
}

impl Scenario {
    /// Reads a scenario file; `file_name` is what errors call it, and `open` gives the contents of
    /// the files that it names, or says why they cannot be had.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line and column.
    pub fn parse(
        source: &str,
        file_name: &str,
        open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, RuleError> {
        read::parse(source, file_name, open)
    }

    /// The names of its cases, in the order of the file.
    pub fn cases(&self) -> impl ExactSizeIterator<Item = &str> {
        self.cases.iter().map(|case| case.name.as_str())
    }

    /// Whether there is nothing to carry out: its sessions are opened and served, each as its rules
    /// say, until somebody ends them.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.cases.is_empty()
    }

    /// How many sessions it has.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Whether a session is opened at the beginning.
    #[must_use]
    pub fn starts(&self, session: usize) -> bool {
        self.sessions.get(session).is_some_and(|plan| plan.starts)
    }

    /// Whether a session connects again when its peer is gone.
    #[must_use]
    pub fn reconnects(&self, session: usize) -> bool {
        self.sessions
            .get(session)
            .is_some_and(|plan| plan.reconnects)
    }

    /// What a session that is served is opened with; `addresses` are those at which the sessions
    /// before it listen.
    ///
    /// # Errors
    ///
    /// Says why the endpoint makes no plan, now that the addresses are known.
    pub fn plan(&self, session: usize, addresses: &[Option<String>]) -> Result<Plan, String> {
        let session = self
            .sessions
            .get(session)
            .ok_or_else(|| "there is no such session".to_owned())?;
        let mut plan = session.resolve(addresses)?;
        if let Some(rules) = &plan.rules {
            plan.script = Arc::new(Script::of_rules(rules));
        }
        Ok(plan)
    }

    /// The name of a session, by its place in the file from 0.
    #[must_use]
    pub fn session_name(&self, session: usize) -> &str {
        self.sessions
            .get(session)
            .map_or("", |session| session.name.as_str())
    }

    /// What the report of a case that is not carried out says.
    #[must_use]
    pub fn skipped(&self, case: usize) -> CaseReport {
        let case = self.cases.get(case);
        CaseReport {
            name: case.map(|case| case.name.clone()).unwrap_or_default(),
            steps: Vec::new(),
            step_count: case.map_or(0, |case| case.steps.len()),
            took: Duration::ZERO,
            verdict: Verdict::Skipped,
        }
    }
}

#[cfg(test)]
mod tests;
