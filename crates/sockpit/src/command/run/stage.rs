//! The sessions of a case: opened, driven as the case demands, closed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sockpit_core::plan::Plan;
use sockpit_core::scenario::{CaseReport, Demand, Failure, Lapse, Play, Scenario, Setting, Voice};
use sockpit_core::time::Time;
use sockpit_engine::bus::{Scope, Tap, TapLimit};
use sockpit_engine::{Session, Target, Workbench};
use tokio::time::Instant;

use crate::console::Console;
use crate::exit::{Exit, hint, sentence};
use crate::signals::Signals;

/// Events may wait while a session is being opened; sessions pause beyond it.
const WAITING: TapLimit = TapLimit {
    bytes: 64 << 20,
    patience: None,
};

/// Events that are taken before the time and the signals have their turn: a peer that sends without
/// end must not keep a case from ending.
const BURST: usize = 1024;

/// In bytes: what a change costs beside its message.
const CHANGE_COST: usize = 256;

/// Sessions have five seconds to give their peers what is queued, and a moment to say so.
const DRAIN_TIME: Duration = Duration::from_millis(5500);

/// Where cases are carried out.
pub(super) struct Stage<'a> {
    scenario: Arc<Scenario>,
    console: &'a Console,
    is_quiet: bool,
    bench: Workbench,
    tap: Tap,
    /// When the stage's own time began.
    began: Instant,
    signals: Signals,
    cast: Cast,
}

/// The sessions that are open.
#[derive(Default)]
struct Cast {
    sessions: BTreeMap<usize, Session<Voice>>,
    /// By the number in the timeline: the place in the scenario.
    places: BTreeMap<u32, usize>,
    /// Those that a step opened again.
    former: Vec<Session<Voice>>,
}

impl<'a> Stage<'a> {
    pub(super) async fn set(
        scenario: Arc<Scenario>,
        console: &'a Console,
        is_quiet: bool,
    ) -> anyhow::Result<Self> {
        let signals = Signals::new()?;
        let bench = Workbench::start().context("cannot start")?;
        let tap = bench.handle().tap(WAITING, Scope::Everything).await;
        Ok(Self {
            scenario,
            console,
            is_quiet,
            bench,
            tap,
            began: Instant::now(),
            signals,
            cast: Cast::default(),
        })
    }

    /// Carries a case out; the signal that ended it comes with the report.
    pub(super) async fn play(&mut self, case: usize) -> (CaseReport, Option<Exit>) {
        let epoch = self.tap.epoch().0;
        let began = self.now();
        let setting = Setting {
            epoch,
            seed: epoch ^ began.as_nanos(),
        };
        let mut play = Play::new(self.scenario.clone(), case, setting, began);
        let mut signal = None;
        loop {
            for _ in 0..BURST {
                let Some(event) = self.tap.try_next() else {
                    break;
                };
                if let Some(place) = self.cast.places.get(&event.session) {
                    play.handle_event(*place, event.peer, &event.what);
                }
            }
            let demand = play.poll(self.now());
            if matches!(demand, Demand::Over) {
                break;
            }
            let deadline = self.began + (play.deadline() - Time::ZERO);
            tokio::select! {
                biased;
                came = self.signals.next() => {
                    signal = Some(came);
                    break;
                }
                () = obey(&self.bench, &mut self.tap, &mut self.cast, self.began, demand, &mut play, Says {
                    scenario: &self.scenario,
                    console: self.console,
                    is_quiet: self.is_quiet,
                }) => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
        let report = play.report(self.now());
        if let Some(came) = self.clear(signal.is_some()).await {
            signal = Some(came);
        }
        (report, signal)
    }

    /// Closes every session, and waits until what is queued is sent. A second signal ends the wait.
    async fn clear(&mut self, is_interrupted: bool) -> Option<Exit> {
        let cast = std::mem::take(&mut self.cast);
        let mut sessions: Vec<_> = cast.sessions.into_values().chain(cast.former).collect();
        for session in &sessions {
            session.close();
        }
        let drained = async {
            for session in &mut sessions {
                session.outcome().await;
            }
        };
        let limited = tokio::time::timeout(DRAIN_TIME, drained);
        tokio::select! {
            _ = limited => None,
            came = self.signals.next() => (!is_interrupted).then_some(came),
        }
    }

    fn now(&self) -> Time {
        since(self.began)
    }
}

fn since(began: Instant) -> Time {
    let nanos = began.elapsed().as_nanos();
    Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// What a case is told to people with.
struct Says<'a> {
    scenario: &'a Scenario,
    console: &'a Console,
    is_quiet: bool,
}

/// Does what the case demands. Dropped before it is done, the case is over or fails by its time.
async fn obey(
    bench: &Workbench,
    tap: &mut Tap,
    cast: &mut Cast,
    began: Instant,
    demand: Demand,
    play: &mut Play,
    says: Says<'_>,
) {
    match demand {
        Demand::Open { session, plan } => {
            let make = {
                let plan = plan.clone();
                move |peer, now| Voice::new(plan.clone(), peer, now)
            };
            match bench.handle().open(plan.clone(), make).await {
                Ok(opened) => {
                    let name = says.scenario.session_name(session);
                    for local in opened.local().iter().filter(|_| !says.is_quiet) {
                        says.console
                            .announce(&format!("`{name}` is listening on {local}"));
                    }
                    play.handle_opened(session, opened.local());
                    cast.places.insert(opened.number(), session);
                    cast.former.extend(cast.sessions.insert(session, opened));
                }
                Err(error) => {
                    let failure = failure(error, &plan, says.scenario.session_name(session));
                    play.fail(since(began), failure);
                }
            }
        }
        Demand::Send {
            session,
            peer,
            message,
        } => {
            if let Some(session) = cast.sessions.get(&session) {
                let cost = message.wire.len() + CHANGE_COST;
                let transmit = move |voice: &mut Voice, now| {
                    voice.transmit(now, message.wire.clone(), message.payload.clone());
                };
                // A session that is over has told so, and the next step finds it.
                session.change(target(peer), cost, transmit).await;
            }
        }
        Demand::Finish { session, peer } => {
            if let Some(session) = cast.sessions.get(&session) {
                session.change(target(peer), 0, Voice::finish).await;
            }
        }
        Demand::Close { session, peer } => {
            if let Some(session) = cast.sessions.get(&session) {
                session
                    .change(target(peer), 0, |voice: &mut Voice, _| voice.close())
                    .await;
            }
        }
        Demand::Wait(until) => {
            let until = began + (until - Time::ZERO);
            tokio::select! {
                event = tap.next() => {
                    if let Some(event) = event
                        && let Some(place) = cast.places.get(&event.session)
                    {
                        play.handle_event(*place, event.peer, &event.what);
                    }
                }
                () = tokio::time::sleep_until(until) => {}
            }
        }
        Demand::Over => {}
    }
}

/// What is said to the first peer before it is there is kept for it.
fn target(peer: u32) -> Target {
    match peer {
        1 => Target::First,
        number => Target::Peer(number),
    }
}

/// Why a session could not be opened, and what would help.
fn failure(error: sockpit_engine::Error, plan: &Plan, session: &str) -> Failure {
    let exit = match Exit::of_error(&error) {
        Exit::Usage => 2,
        Exit::TimedOut => 4,
        _ => 1,
    };
    let error = anyhow::Error::from(error);
    let hint = hint(&error, plan).map(|hint| format!(" (hint: {hint})"));
    Failure {
        lapse: Lapse::Broken,
        message: format!(
            "`{session}` {}{}",
            sentence(&error),
            hint.unwrap_or_default()
        ),
        exit,
    }
}
