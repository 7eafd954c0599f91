//! A case being carried out: what happens goes in, what is to be done comes out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::actor::{Actor, SERVER};
use super::ear::Ear;
use super::report::{CaseReport, Lapse, StepReport, Verdict};
use super::template::Caught;
use super::{Act, Case, Scenario, Sent, Step};
use crate::event::What;
use crate::machine::Reason;
use crate::plan::{Plan, Role};
use crate::rule::{Captures, Peer, Responder};
use crate::session::{Message, Progress, Step as ScriptStep};
use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;
use crate::time::{Time, TimeSpan};

/// What is to be done next.
#[derive(Clone, Debug)]
pub enum Demand {
    /// Open the session, and answer with [`Play::handle_opened`] or [`Play::fail`].
    Open {
        /// Its place in the scenario.
        session: usize,
        /// With everything decided.
        plan: Arc<Plan>,
    },
    /// Send this.
    Send {
        /// The session's place in the scenario.
        session: usize,
        /// The peer's number in it.
        peer: u32,
        /// What.
        message: Message,
    },
    /// End our side of a conversation.
    Finish {
        /// The session's place in the scenario.
        session: usize,
        /// The peer's number in it.
        peer: u32,
    },
    /// End a conversation.
    Close {
        /// The session's place in the scenario.
        session: usize,
        /// The peer's number in it.
        peer: u32,
    },
    /// Tell what happens, or call again at that time.
    Wait(Time),
    /// The case is over; close what is open.
    Over,
}

/// In what a case is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// When [`Time::ZERO`] was, in nanoseconds of Unix time.
    pub epoch: u64,
    /// Seeds what texts draw at random.
    pub seed: u64,
}

/// Why a case cannot go on.
#[derive(Clone, Debug)]
pub struct Failure {
    /// In which way it failed.
    pub lapse: Lapse,
    /// What went wrong.
    pub message: String,
    /// The exit code that goes with it.
    pub exit: u8,
}

/// The exit code of what broke: as of a network that fails.
const BROKEN: u8 = 1;
/// The exit code of a case whose time is over, as of any time that the user set.
const TIMED_OUT: u8 = 4;

/// Carries out one case.
pub struct Play {
    scenario: Arc<Scenario>,
    case: usize,
    setting: Setting,
    began: Time,
    deadline: Time,
    /// Sessions that are to be opened.
    unopened: VecDeque<usize>,
    /// The session that is being opened.
    opening: Option<usize>,
    actors: Vec<Actor>,
    /// Where the sessions that listen do so.
    addresses: Vec<Option<String>>,
    next: usize,
    /// When the step at hand began.
    step_began: Option<Time>,
    /// Whether the step at hand has asked for what it needs.
    is_asked: bool,
    caught: BTreeMap<usize, Caught>,
    steps: Vec<StepReport>,
    verdict: Option<(Time, Verdict)>,
}

impl Play {
    /// Begins the case at this place of the scenario; one that is not there is over at once.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, case: usize, setting: Setting, now: Time) -> Self {
        let sessions = scenario.sessions.iter().enumerate();
        let starts = sessions.filter(|(_, session)| session.starts);
        let unopened = starts.map(|(index, _)| index).collect();
        let count = scenario.sessions.len();
        let timeout = scenario.cases.get(case).map(|case| case.timeout);
        Self {
            case,
            setting,
            began: now,
            deadline: now + timeout.unwrap_or_default(),
            unopened,
            opening: None,
            actors: std::iter::repeat_with(Actor::default).take(count).collect(),
            addresses: vec![None; count],
            next: 0,
            step_began: None,
            is_asked: false,
            caught: BTreeMap::new(),
            steps: Vec::new(),
            verdict: None,
            scenario,
        }
    }

    /// Takes that a session is open; `local` are the addresses where it listens.
    pub fn handle_opened(&mut self, session: usize, local: &[String]) {
        self.opening = None;
        if let Some(address) = self.addresses.get_mut(session) {
            *address = local.first().cloned();
        }
    }

    /// Takes what happened in a session.
    pub fn handle_event(&mut self, session: usize, peer: u32, what: &What) {
        let Some(actor) = self.actors.get_mut(session) else {
            return;
        };
        if let (What::Opened { addr, .. }, Some(plan)) = (what, &actor.plan) {
            let ear = Ear::new(plan.clone(), addr.clone());
            actor.ears.insert(peer, ear);
        }
        if let Some(ear) = actor.ears.get_mut(&peer) {
            ear.hear(what);
        }
    }

    /// Takes that the case cannot go on.
    pub fn fail(&mut self, now: Time, failure: Failure) {
        let Failure {
            lapse,
            message,
            exit,
        } = failure;
        self.end(
            now,
            Verdict::Failed {
                lapse,
                message,
                exit,
            },
        );
    }

    /// Says what is to be done next.
    pub fn poll(&mut self, now: Time) -> Demand {
        if self.verdict.is_some() {
            return Demand::Over;
        }
        let scenario = self.scenario.clone();
        let Some(case) = scenario.cases.get(self.case) else {
            return Demand::Over;
        };
        if now >= self.deadline {
            self.time_out(now, case);
            return Demand::Over;
        }
        if self.opening.is_some() {
            return Demand::Wait(self.deadline);
        }
        if let Some(session) = self.unopened.pop_front() {
            return self.open(now, &scenario, session);
        }
        loop {
            let Some(step) = case.steps.get(self.next) else {
                self.end(now, Verdict::Passed);
                return Demand::Over;
            };
            let began = *self.step_began.get_or_insert_with(|| {
                self.steps.push(StepReport {
                    what: step.describe(&scenario),
                    line: step.line,
                    took: Default::default(),
                    is_done: false,
                });
                now
            });
            match self.carry_out(now, began, &scenario, step) {
                Turn::Done => self.pass(now, began),
                Turn::DoneAfter(demand) => {
                    self.pass(now, began);
                    return demand;
                }
                Turn::Ask(demand) => return demand,
                Turn::Wait(until) => return Demand::Wait(until.min(self.deadline)),
                Turn::Fail(failure) => {
                    self.fail(now, failure);
                    return Demand::Over;
                }
            }
        }
    }

    /// When the case is over at the latest.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.deadline
    }

    /// The steps that are done or were begun.
    #[must_use]
    pub fn steps(&self) -> &[StepReport] {
        &self.steps
    }

    /// What became of it; a case that is not over was interrupted.
    #[must_use]
    pub fn report(mut self, now: Time) -> CaseReport {
        let interrupted = Verdict::Failed {
            lapse: Lapse::Interrupted,
            message: "interrupted".to_owned(),
            exit: BROKEN,
        };
        self.end(now, interrupted);
        let case = self.scenario.cases.get(self.case);
        let (ended, verdict) = self.verdict.unwrap_or((now, Verdict::Skipped));
        CaseReport {
            name: case.map(|case| case.name.clone()).unwrap_or_default(),
            steps: self.steps,
            step_count: case.map_or(0, |case| case.steps.len()),
            took: ended - self.began,
            verdict,
        }
    }

    fn open(&mut self, now: Time, scenario: &Scenario, session: usize) -> Demand {
        let Some(spec) = scenario.sessions.get(session) else {
            return Demand::Wait(now);
        };
        match spec.resolve(&self.addresses) {
            Ok(plan) => {
                let plan = Arc::new(plan);
                let seed = self.setting.seed ^ session as u64;
                let charset = plan.text.unwrap_or(plan.text_out);
                let responder = Responder::new(Arc::default(), charset, seed);
                if let Some(actor) = self.actors.get_mut(session) {
                    actor.plan = Some(plan.clone());
                    actor.ears.clear();
                    actor.left.clear();
                    actor.responder = Some(responder.answering_in(plan.text_out));
                }
                self.opening = Some(session);
                Demand::Open { session, plan }
            }
            Err(message) => {
                self.fail(now, broken(message));
                Demand::Over
            }
        }
    }

    fn carry_out(&mut self, now: Time, began: Time, scenario: &Scenario, step: &Step) -> Turn {
        let session = step.session.unwrap_or_default();
        match &step.act {
            Act::Sleep(span) if now < began + *span => Turn::Wait(began + *span),
            Act::Sleep(_) => Turn::Done,
            Act::Open if self.is_asked => Turn::Done,
            Act::Open => {
                if self.actors.get(session).is_some_and(Actor::is_open) {
                    // What was closed takes a moment to be so.
                    if self.has_left(session, SERVER) && self.role(session) == Role::Client {
                        return Turn::Wait(self.deadline);
                    }
                    return Turn::Fail(broken("it is open already; close it first".to_owned()));
                }
                self.is_asked = true;
                Turn::Ask(self.open(now, scenario, session))
            }
            Act::Send { delay, .. } if now < began + *delay => Turn::Wait(began + *delay),
            Act::Send { what, .. } => match self.peer(step) {
                Err(turn) => turn,
                Ok(peer) if self.has_left(session, peer) => Turn::Fail(broken(
                    "our side was ended by a step before, and nothing more can be sent".to_owned(),
                )),
                Ok(peer) => match self.message(now, session, peer, what) {
                    Ok(message) => Turn::DoneAfter(Demand::Send {
                        session,
                        peer,
                        message,
                    }),
                    Err(message) => Turn::Fail(broken(message)),
                },
            },
            Act::Finish | Act::Close => match self.peer(step) {
                Err(turn) => turn,
                Ok(peer) => {
                    if let Some(actor) = self.actors.get_mut(session) {
                        actor.left.insert(peer);
                    }
                    Turn::DoneAfter(match step.act {
                        Act::Finish => Demand::Finish { session, peer },
                        _ => Demand::Close { session, peer },
                    })
                }
            },
            Act::Expect { .. } => self.expect(now, began, step),
            Act::Silence { span, exit } => {
                let due = began + *span;
                let ear = self.ear(step);
                match ear.and_then(Ear::unused) {
                    Some(came) => Turn::Fail(Failure {
                        lapse: Lapse::Unmet,
                        message: format!("came `{}`", VisibleLine(&came)),
                        exit: *exit,
                    }),
                    None if now >= due => Turn::Done,
                    None => Turn::Wait(due),
                }
            }
            Act::Ended {
                reason,
                within,
                exit,
            } => {
                let due = began + *within;
                let unmet = |message| {
                    Turn::Fail(Failure {
                        lapse: Lapse::Unmet,
                        message,
                        exit: *exit,
                    })
                };
                let Some(ear) = self.ear(step) else {
                    if now >= due {
                        return unmet("nobody came".to_owned());
                    }
                    return Turn::Wait(due);
                };
                match (ear.closed, *reason) {
                    (Some(_), None) => Turn::Done,
                    _ if ear.has_ended && matches!(reason, None | Some(Reason::Fin)) => Turn::Done,
                    (Some(closed), Some(reason)) if closed == reason => Turn::Done,
                    (Some(closed), Some(_)) => unmet(format!("it ended by `{}`", closed.as_str())),
                    (None, _) if now < due => Turn::Wait(due),
                    (None, _) if ear.has_ended => unmet("it ended by `fin`".to_owned()),
                    (None, _) => unmet("it is still open".to_owned()),
                }
            }
        }
    }

    fn expect(&mut self, now: Time, began: Time, step: &Step) -> Turn {
        let Act::Expect {
            pattern,
            within,
            label,
            exit,
        } = &step.act
        else {
            return Turn::Done;
        };
        let (due, place) = (began + *within, self.next);
        let unmet = |message| {
            Turn::Fail(Failure {
                lapse: Lapse::Unmet,
                message,
                exit: *exit,
            })
        };
        let session = step.session.unwrap_or_default();
        let role = self.role(session);
        let Some(ear) = self.ear_mut(step) else {
            if now < due {
                return Turn::Wait(due);
            }
            return unmet("nobody came".to_owned());
        };
        // A server's next peer may say it, where no peer is named.
        let waits_for_others = role == Role::Server && step.peer.is_none() && ear.is_over();
        let progress = ear.listen(now, place, || ScriptStep::Expect {
            pattern: pattern.clone(),
            within: due - now,
            label: label.clone(),
            exit: *exit,
        });
        match progress {
            Progress::Done { .. } => {
                let captures = ear.run.captures().clone();
                let charset = self.plan(session).and_then(|plan| plan.text);
                let caught = Caught {
                    captures,
                    charset: charset.unwrap_or(Charset::UTF_8),
                    is_text: pattern.needs_text() && charset.is_some(),
                };
                self.caught.insert(place, caught);
                Turn::Done
            }
            Progress::Unmet { .. } if waits_for_others && now < due => Turn::Wait(due),
            Progress::Unmet { .. } => {
                let fault = ear.fault.as_ref().map(|fault| format!("; {fault}"));
                let came = ear.run.came();
                let when = if ear.is_over() && now < due {
                    "the peer ended before; "
                } else {
                    ""
                };
                let fault = fault.unwrap_or_default();
                unmet(format!("{when}{came}{fault}"))
            }
            _ => Turn::Wait(due),
        }
    }

    /// What a step sends, framed.
    fn message(
        &mut self,
        now: Time,
        session: usize,
        peer: u32,
        what: &Sent,
    ) -> Result<Message, String> {
        let epoch = self.setting.epoch;
        let actor = self
            .actors
            .get_mut(session)
            .ok_or("there is no such session")?;
        let (Some(plan), Some(responder)) = (&actor.plan, &mut actor.responder) else {
            return Err("it is not open".to_owned());
        };
        let payload: Bytes = match what {
            Sent::File { bytes, .. } => bytes.clone(),
            Sent::Template(template) => {
                let payload = template
                    .payload(&self.caught, &self.addresses)
                    .map_err(|error| error.to_string())?;
                let addr = actor.ears.get(&peer).map_or("", |ear| ear.addr.as_str());
                let peer = Peer {
                    number: peer,
                    addr,
                    epoch,
                };
                responder
                    .render(now, &payload, &Captures::default(), &peer)
                    .map_err(|error| error.to_string())?
            }
        };
        plan.message(payload).map_err(|error| error.to_string())
    }

    /// To whom a step speaks; where nobody is there, what becomes of the step.
    fn peer(&self, step: &Step) -> Result<u32, Turn> {
        let session = step.session.unwrap_or_default();
        let actor = self.actors.get(session);
        if actor.is_none_or(|actor| actor.plan.is_none()) {
            return Err(Turn::Fail(broken(
                "it is not open; a session with `start = false` is opened by a step with `open = true`".to_owned(),
            )));
        }
        let found = actor.and_then(|actor| actor.find(step.peer));
        match found {
            Some((_, ear)) if ear.closed.is_some() => {
                let how = ear.closed.map_or("", Reason::as_str);
                let fault = ear.fault.as_ref().map(|fault| format!("; {fault}"));
                let fault = fault.unwrap_or_default();
                Err(Turn::Fail(broken(format!(
                    "the conversation is over, by `{how}`{fault}"
                ))))
            }
            Some((peer, _)) => Ok(peer),
            None if self.role(session) == Role::Client => Ok(SERVER),
            // Somebody may still come.
            None => Err(Turn::Wait(self.deadline)),
        }
    }

    fn has_left(&self, session: usize, peer: u32) -> bool {
        let actor = self.actors.get(session);
        actor.is_some_and(|actor| actor.left.contains(&peer))
    }

    fn ear(&self, step: &Step) -> Option<&Ear> {
        let actor = self.actors.get(step.session.unwrap_or_default())?;
        actor.find(step.peer).map(|(_, ear)| ear)
    }

    fn ear_mut(&mut self, step: &Step) -> Option<&mut Ear> {
        let actor = self.actors.get_mut(step.session.unwrap_or_default())?;
        let (peer, _) = actor.find(step.peer)?;
        actor.ears.get_mut(&peer)
    }

    fn plan(&self, session: usize) -> Option<&Plan> {
        self.actors.get(session)?.plan.as_deref()
    }

    fn role(&self, session: usize) -> Role {
        self.scenario
            .sessions
            .get(session)
            .map_or(Role::Client, |session| session.role)
    }

    fn pass(&mut self, now: Time, began: Time) {
        if let Some(report) = self.steps.last_mut() {
            report.took = now - began;
            report.is_done = true;
        }
        self.next += 1;
        self.step_began = None;
        self.is_asked = false;
    }

    fn time_out(&mut self, now: Time, case: &Case) {
        let what = match self.opening {
            Some(session) => format!(
                " while `{}` was being opened",
                self.scenario.session_name(session)
            ),
            None => String::new(),
        };
        self.fail(
            now,
            Failure {
                lapse: Lapse::TimedOut,
                message: format!("the case took longer than {}{what}", TimeSpan(case.timeout)),
                exit: TIMED_OUT,
            },
        );
    }

    /// The first verdict counts.
    fn end(&mut self, now: Time, verdict: Verdict) {
        if self.verdict.is_some() {
            return;
        }
        if let (Some(began), Some(report)) = (self.step_began, self.steps.last_mut()) {
            report.took = now - began;
        }
        self.verdict = Some((now, verdict));
    }
}

/// What becomes of a step.
enum Turn {
    Done,
    DoneAfter(Demand),
    Ask(Demand),
    Wait(Time),
    Fail(Failure),
}

fn broken(message: String) -> Failure {
    Failure {
        lapse: Lapse::Broken,
        message,
        exit: BROKEN,
    }
}
