//! A session is opened, waited for, and opened again where that is wanted.

use std::sync::{Arc, Weak};

use serde_json::json;
use sockpit_core::machine::Reason;
use sockpit_core::plan::{Plan, Role};
use sockpit_core::session::{Input, Session as Machine};
use sockpit_core::time::TimeSpan;
use sockpit_core::time::backoff::Backoff;
use sockpit_engine::{Error, Outcome, Session};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::seat::{Ended, Phase, Seat};
use super::watch;
use crate::workbench::Shared;
use crate::workbench::bell::Topic;
use crate::workbench::bench::Bench;
use crate::workbench::call::{Answer, refusal};
use crate::workbench::complaint::Complaint;

/// Opens a session; answers once it is open, or once it is known that it is not.
pub(super) async fn open(bench: &Shared, seat: &Arc<Seat>) -> Answer {
    let plan = {
        let mut state = seat.state();
        if matches!(state.phase, Phase::Opening | Phase::Open) {
            return Err(Complaint::new("the session is open already"));
        }
        let plan = state.begin()?;
        state.phase = Phase::Opening;
        seat.come();
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
        backoff: Backoff::default(),
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
    backoff: Backoff,
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
                    // So does what was changed meanwhile.
                    self.take_up(&session).await;
                    self.answer(Ok(json!({ "number": number, "local": local })));
                    bench.changed(Topic::Sessions);
                    watch::begin(&bench);
                    drop(bench);
                    let opened_at = Instant::now();
                    let outcome = self.outcome(&session).await;
                    self.backoff.take_held(opened_at.elapsed());
                    self.seat.take_outcome(&outcome);
                    self.conclude(&outcome)
                }
            };
            if !is_tried_again || !self.wait().await {
                break;
            }
            // What was changed meanwhile counts from here on.
            if let Ok(changed) = self.seat.state().begin() {
                plan = changed;
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
            state.known = None;
            state.since = None;
        }
        if let Some(complaint) = refused {
            self.answer(Err(complaint));
        }
        self.ring();
    }

    /// Waits for the end of a connection, which takes up what is changed meanwhile.
    async fn outcome(&self, session: &Session<Machine>) -> Outcome {
        loop {
            tokio::select! {
                biased;
                outcome = session.outcome() => return outcome,
                () = self.seat.changed.notified() => self.take_up(session).await,
            }
        }
    }

    /// Has an open session go on as it is told now.
    async fn take_up(&self, session: &Session<Machine>) {
        let (adopted, changes) = {
            let mut state = self.seat.state();
            (state.adopt(), state.changes)
        };
        if let Some(plan) = adopted {
            session.adopt(plan).await;
        }
        self.seat.take_up(changes);
    }

    /// Takes that it could not be opened; gives what is said of it where it is not tried again.
    async fn fail(&mut self, plan: &Arc<Plan>, error: Error) -> Option<Complaint> {
        let is_tried_again = self.seat.state().saved.reconnects && error.may_pass();
        let reason = reason_of(&error);
        let complaint = refusal(error, plan.clone()).await;
        self.seat.state().ended = Some(Ended {
            reason,
            message: complaint.message().to_owned(),
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
        let pause = self.backoff.next_pause();
        {
            let mut state = self.seat.state();
            state.phase = Phase::Opening;
            state.known = None;
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
