//! A session is opened, waited for, and opened again where that is wanted.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::json;
use sockpit_core::machine::Reason;
use sockpit_core::plan::{Plan, Role};
use sockpit_core::session::Input;
use sockpit_core::time::TimeSpan;
use sockpit_engine::{Error, Operation, Outcome};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::seat::{Ended, Phase, Seat};
use super::{plan, watch};
use crate::workbench::Shared;
use crate::workbench::bell::Topic;
use crate::workbench::bench::Bench;
use crate::workbench::call::Answer;
use crate::workbench::complaint::Complaint;

/// The first wait before a client connects again; each later one is twice as long, as on the command
/// line.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A connection that held for so long was a good one: the waits begin anew.
const GOOD_CONNECTION: Duration = Duration::from_secs(10);

/// Opens a session; answers once it is open, or once it is known that it is not.
pub(super) async fn open(bench: &Shared, seat: &Arc<Seat>) -> Answer {
    let plan = {
        let mut state = seat.state();
        if matches!(state.phase, Phase::Opening | Phase::Open) {
            return Err(Complaint::new("the session is open already"));
        }
        let plan = Arc::new(plan::of(&state.saved)?);
        state.phase = Phase::Opening;
        seat.come();
        state.plan = Some(plan.clone());
        state.ended = None;
        state.number = None;
        state.local.clear();
        state.former = sockpit_engine::Traffic::default();
        state.traffic = sockpit_engine::Traffic::default();
        plan
    };
    bench.changed(Topic::Sessions);
    let (told, first) = oneshot::channel();
    let run = Run {
        bench: Arc::downgrade(bench),
        seat: seat.clone(),
        told: Some(told),
        pause: FIRST_PAUSE,
    };
    tokio::spawn(run.drive(plan));
    match first.await {
        Ok(answer) => answer,
        Err(_) => Err(Complaint::new("the session was closed before it was open")),
    }
}

/// One opening, with all connections that come of it.
struct Run {
    bench: Weak<Bench>,
    seat: Arc<Seat>,
    /// Who waits for the first of them.
    told: Option<oneshot::Sender<Answer>>,
    pause: Duration,
}

impl Run {
    async fn drive(mut self, mut plan: Arc<Plan>) {
        let mut refused = None;
        loop {
            let Some(bench) = self.bench.upgrade() else {
                return;
            };
            // A server's typed lines, and everything a page sends, need no input of the session's own.
            let input = match plan.role {
                Role::Client => Input::Open,
                Role::Server => Input::Closed,
            };
            let seat = self.seat.clone();
            let opened = tokio::select! {
                biased;
                () = seat.left() => None,
                opened = bench.handle.talk(plan.clone(), input, None) => Some(opened),
            };
            let is_tried_again = match opened {
                None => false,
                Some(Err(error)) => {
                    refused = self.fail(&plan, error).await;
                    refused.is_none()
                }
                Some(Ok(session)) => {
                    let session = Arc::new(session);
                    let (number, local) = (session.number(), session.local().to_vec());
                    {
                        let mut state = self.seat.state();
                        state.phase = Phase::Open;
                        state.number = Some(number);
                        state.local.clone_from(&local);
                        state.since = Some(bench.now());
                        state.session = Some(session.clone());
                        state.count = usize::from(plan.role == Role::Client);
                        state.ended = None;
                    }
                    // What it was told before there was a session counts too.
                    if self.seat.is_left() {
                        session.close();
                    }
                    self.answer(Ok(json!({ "number": number, "local": local })));
                    bench.changed(Topic::Sessions);
                    watch::begin(&bench);
                    drop(bench);
                    let opened_at = Instant::now();
                    let outcome = session.outcome().await;
                    if opened_at.elapsed() >= GOOD_CONNECTION {
                        self.pause = FIRST_PAUSE;
                    }
                    self.seat.take_outcome(&outcome);
                    self.conclude(&outcome)
                }
            };
            if !is_tried_again || !self.wait().await {
                break;
            }
            // What was changed meanwhile counts from here on.
            let told = self.seat.state().saved.clone();
            if let Ok(changed) = plan::of(&told) {
                plan = Arc::new(changed);
                self.seat.state().plan = Some(plan.clone());
            }
        }
        {
            // All at once: from here on it may be opened anew.
            let mut state = self.seat.state();
            state.phase = match self.seat.is_left() {
                true => Phase::Closed,
                false => Phase::Ended,
            };
            state.session = None;
            state.since = None;
        }
        if let Some(complaint) = refused {
            self.answer(Err(complaint));
        }
        self.ring();
    }

    /// Takes that it could not be opened; gives what is said of it where it is not tried again.
    async fn fail(&mut self, plan: &Arc<Plan>, error: Error) -> Option<Complaint> {
        let operation = error.operation();
        let may_pass = matches!(operation, Operation::Resolve | Operation::Connect);
        let is_tried_again = self.seat.state().saved.reconnects && may_pass;
        let complaint = Complaint::from(&error);
        let message = complaint.message().to_owned();
        let reason = reason_of(&error);
        let hint = {
            // Who holds a port is looked up in files of the system.
            let (find, plan) = (sockpit_engine::doctor::hint, plan.clone());
            tokio::task::spawn_blocking(move || find(&error, &plan)).await
        };
        let complaint = match hint {
            Ok(Some(hint)) => complaint.hint(hint),
            _ => complaint,
        };
        self.seat.state().ended = Some(Ended {
            reason,
            message,
            failures: Vec::new(),
        });
        if !is_tried_again {
            return Some(complaint);
        }
        self.answer(Ok(json!({ "number": null, "local": [] })));
        None
    }

    /// Takes how a connection ended; `true` where there is to be another.
    fn conclude(&self, outcome: &Outcome) -> bool {
        let mut state = self.seat.state();
        if self.seat.is_left() {
            state.ended = (!outcome.failures.is_empty()).then(|| Ended {
                reason: outcome.reason,
                message: String::new(),
                failures: outcome.failures.clone(),
            });
            return false;
        }
        state.ended = Some(Ended {
            reason: outcome.reason,
            message: message_of(outcome),
            failures: outcome.failures.clone(),
        });
        let is_over = matches!(
            outcome.reason,
            Reason::Local | Reason::Limit | Reason::Timeout
        );
        state.saved.reconnects && !is_over
    }

    /// Waits before the next connection; `false` where none is wanted any more.
    async fn wait(&mut self) -> bool {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        {
            let mut state = self.seat.state();
            state.phase = Phase::Opening;
            if let Some(ended) = &mut state.ended {
                let again = format!("connecting again in {}", TimeSpan(pause));
                ended.message = match ended.message.as_str() {
                    "" => again,
                    message => format!("{message}; {again}"),
                };
            }
        }
        self.ring();
        tokio::select! {
            biased;
            () = self.seat.left() => false,
            () = sleep(pause) => true,
        }
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(told) = self.told.take() {
            // Whoever asked may have left.
            let _ = told.send(answer);
        }
    }

    fn ring(&self) {
        if let Some(bench) = self.bench.upgrade() {
            bench.changed(Topic::Sessions);
            bench.changed(Topic::Peers);
        }
    }
}

/// What happened, in a sentence.
fn message_of(outcome: &Outcome) -> String {
    if let Some(failure) = outcome.failures.first() {
        return failure.message.clone();
    }
    match outcome.reason {
        Reason::Fin => "the peer has ended the connection",
        Reason::Reset => "the peer reset the connection",
        Reason::Idle => "the peer was silent for too long",
        Reason::Timeout => "the peer had not ended its side in time",
        _ => "",
    }
    .to_owned()
}

/// A failure to open as the reason of an end.
fn reason_of(error: &Error) -> Reason {
    use std::io::ErrorKind;
    match error.cause().kind() {
        ErrorKind::ConnectionRefused => Reason::Refused,
        ErrorKind::TimedOut => Reason::Timeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Reason::Unreachable,
        ErrorKind::ConnectionReset => Reason::Reset,
        _ => Reason::Error,
    }
}
