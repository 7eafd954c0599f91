//! How the process ends: the one table of exit codes, and the words for what failed.

use std::io;
use std::process::ExitCode;

use sockpit_core::event::FaultKind;
use sockpit_core::machine::Reason;
use sockpit_core::plan::{Plan, Role, Shape};
use sockpit_core::rule::Step;
use sockpit_engine::{Error, Operation, Outcome, cause_text};

pub(crate) use crate::hint::{hint, hint_of};

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done: 0.
    Done,
    /// The network or the peer failed: 1.
    Network,
    /// Usage, or this machine: 2.
    Usage,
    /// An expectation was not met: 3, or as the rule file says.
    Unmet(u8),
    /// A time that the user set has passed: 4.
    TimedOut,
    /// Ctrl-C: 130.
    Interrupted,
    /// SIGTERM: 143.
    Terminated,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Network => 1,
            Exit::Usage => 2,
            Exit::Unmet(code) => code,
            Exit::TimedOut => 4,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        })
    }
}

impl Exit {
    /// What the end of a session comes to.
    pub(crate) fn of(outcome: &Outcome, plan: &Plan) -> Self {
        let unmet = outcome
            .failures
            .iter()
            .find(|failure| failure.kind == FaultKind::Expectation);
        if let Some(failure) = unmet {
            let code = failure.count.and_then(|count| u8::try_from(count).ok());
            return Self::Unmet(code.unwrap_or(Step::UNMET));
        }
        if outcome.has(FaultKind::Stdio) {
            return Self::Usage;
        }
        let broke = [
            FaultKind::Unsent,
            FaultKind::Refused,
            FaultKind::Unreachable,
        ];
        match outcome.reason {
            Reason::Reset
            | Reason::Refused
            | Reason::Unreachable
            | Reason::Limit
            | Reason::Error => Self::Network,
            // A datagram listener that serves one peer is done when that one is silent.
            Reason::Idle if plan.role == Role::Server && plan.shape() == Shape::Datagram => {
                Self::Done
            }
            Reason::Idle | Reason::Timeout => Self::TimedOut,
            Reason::Fin | Reason::Local if broke.iter().any(|kind| outcome.has(*kind)) => {
                Self::Network
            }
            Reason::Fin | Reason::Local => Self::Done,
        }
    }

    /// What a session that could not be opened comes to.
    pub(crate) fn of_error(error: &Error) -> Self {
        match error.operation() {
            Operation::Resolve | Operation::Connect => {
                if error.cause().kind() == io::ErrorKind::TimedOut {
                    Self::TimedOut
                } else {
                    Self::Network
                }
            }
            _ => Self::Usage,
        }
    }
}

/// What the engine said, where it is the cause.
pub(crate) fn engine_error(error: &anyhow::Error) -> Option<&Error> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// Whether connecting may succeed another time.
pub(crate) fn may_pass(error: &anyhow::Error) -> bool {
    engine_error(error).is_some_and(Error::may_pass)
}

/// An error with its causes, in one sentence.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let words = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<io::Error>()
    {
        Some(error) => cause_text(error),
        None => cause.to_string(),
    };
    error.chain().map(words).collect::<Vec<_>>().join(": ")
}

/// An error of the engine with its cause, in one sentence.
pub(crate) fn sentence_of(error: &Error) -> String {
    format!("{error}: {}", cause_text(error.cause()))
}
