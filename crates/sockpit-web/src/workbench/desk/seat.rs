//! One session: as it is told, as its file has it, and while it is open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value, json};
use sockpit_core::machine::Reason;
use sockpit_core::plan::Plan;
use sockpit_core::scenario::Saved;
use sockpit_core::session::Session as Machine;
use sockpit_core::time::Time;
use sockpit_engine::project::FileName;
use sockpit_engine::{Failure, Outcome, PeerFacts, Session, Traffic};
use tokio::sync::{Notify, watch};

use super::jobs::Job;
use super::plan::{self, role_word};
use crate::workbench::complaint::Complaint;

/// Peers of one session that pages are told of without asking: the latest.
pub(super) const PEERS_TOLD: usize = 500;

/// One session.
pub(super) struct Seat {
    /// What pages call it, whatever its name.
    pub(super) key: String,
    state: Mutex<State>,
    /// Whether its user wants it ended.
    left: watch::Sender<bool>,
    /// Rung when something was changed that an open session takes up.
    pub(super) changed: Notify,
    /// How many of the changes were taken up, or have nobody left to do so.
    taken_up: watch::Sender<u64>,
    /// Held by whoever writes its file.
    writing: Mutex<()>,
}

/// What a session is just now.
pub(super) struct State {
    /// As it is told now.
    pub(super) saved: Saved,
    pub(super) file: Option<FileName>,
    /// As its file has it.
    pub(super) written: Option<Saved>,
    pub(super) phase: Phase,
    pub(super) number: Option<u32>,
    pub(super) local: Vec<String>,
    pub(super) since: Option<Time>,
    pub(super) session: Option<Arc<Session<Machine>>>,
    /// By which it goes while it is open.
    pub(super) plan: Option<Arc<Plan>>,
    /// What of `saved` that plan knows, while there is a connection or one is being made.
    pub(super) known: Option<Saved>,
    /// Counts what was changed that an open session takes up.
    pub(super) changes: u64,
    pub(super) count: usize,
    pub(super) peers: Vec<PeerFacts>,
    pub(super) traffic: Traffic,
    /// Of the connections before this one.
    pub(super) former: Traffic,
    pub(super) ended: Option<Ended>,
    pub(super) jobs: BTreeMap<u32, Job>,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Never opened, or closed by its user.
    Closed,
    /// On its way, or waiting to be tried again.
    Opening,
    Open,
    /// It has ended by itself.
    Ended,
}

/// How it ended the last time.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) failures: Vec<Failure>,
}

impl Seat {
    pub(super) fn new(key: String, saved: Saved, file: Option<FileName>) -> Arc<Self> {
        let written = file.is_some().then(|| saved.clone());
        Arc::new(Self {
            key,
            state: Mutex::new(State {
                saved,
                file,
                written,
                phase: Phase::Closed,
                number: None,
                local: Vec::new(),
                since: None,
                session: None,
                plan: None,
                known: None,
                changes: 0,
                count: 0,
                peers: Vec::new(),
                traffic: Traffic::default(),
                former: Traffic::default(),
                ended: None,
                jobs: BTreeMap::new(),
            }),
            left: watch::channel(false).0,
            changed: Notify::new(),
            taken_up: watch::channel(0).0,
            writing: Mutex::new(()),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// Keeps others from writing its file; to be held on a thread that may wait.
    pub(super) fn write_alone(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().expect("no holder panics")
    }

    pub(super) fn is_open(&self) -> bool {
        self.state().phase == Phase::Open
    }

    pub(super) fn session(&self) -> Option<Arc<Session<Machine>>> {
        self.state().session.clone()
    }

    /// The session and its plan while it is open.
    pub(super) fn open_session(&self) -> Result<(Arc<Session<Machine>>, Arc<Plan>), Complaint> {
        let state = self.state();
        match (&state.session, &state.plan) {
            (Some(session), Some(plan)) => Ok((session.clone(), plan.clone())),
            _ => Err(Complaint::new("the session is not open").hint("open it first")),
        }
    }

    /// Has it end in order, and not be tried again.
    pub(super) fn leave(&self) {
        self.left.send_replace(true);
        let session = self.session();
        if let Some(session) = session {
            session.close();
        }
    }

    /// Has it end at once, and not be tried again.
    pub(super) fn reset(&self) {
        self.left.send_replace(true);
        if let Some(session) = self.session() {
            session.reset();
        }
    }

    /// Takes that it is wanted again.
    pub(super) fn come(&self) {
        self.left.send_replace(false);
    }

    pub(super) fn is_left(&self) -> bool {
        *self.left.borrow()
    }

    /// Waits until its user wants it ended. Cancel-safe.
    pub(super) async fn left(&self) {
        // Its sender lives as long as the seat.
        let _ = self.left.subscribe().wait_for(|is_left| *is_left).await;
    }

    /// Takes that so many of its changes were taken up.
    pub(super) fn take_up(&self, changes: u64) {
        self.taken_up.send_replace(changes);
    }

    /// Waits until so many of its changes were taken up, or the connection is over. Cancel-safe.
    pub(super) async fn taken_up(&self, changes: u64) {
        let mut taken_up = self.taken_up.subscribe();
        // Its sender lives as long as the seat.
        let _ = taken_up.wait_for(|count| changes <= *count).await;
    }

    /// What pages are told of it.
    pub(super) fn told(&self) -> Value {
        let state = self.state();
        let traffic = state.former + state.traffic;
        let mut options: Map<String, Value> = state
            .saved
            .options
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        if state.saved.reconnects {
            options.insert("reconnect".to_owned(), "1".into());
        }
        let ended = state.ended.as_ref().map(Ended::told);
        let jobs = state.jobs.iter().map(|(number, job)| job.told(*number));
        json!({
            "key": self.key,
            "name": state.saved.name,
            "role": role_word(state.saved.role),
            "endpoint": state.saved.endpoint,
            "options": options,
            "rules": state.saved.rules,
            "saved": state.written.as_ref() == Some(&state.saved),
            "file": state.file.as_ref().map(FileName::as_str),
            "state": state.phase.word(),
            "number": state.number,
            "local": state.local,
            "since": state.since.map(Time::as_nanos),
            "peers": state.count,
            "received": traffic.received,
            "sent": traffic.sent,
            "ended": ended,
            "jobs": jobs.collect::<Vec<_>>(),
            "hits": hits(state.plan.as_deref()),
        })
    }

    pub(super) fn peers_told(&self) -> Value {
        let state = self.state();
        let first = state.peers.len().saturating_sub(PEERS_TOLD);
        state.peers.iter().skip(first).map(peer_told).collect()
    }

    /// Takes what the engine says of a session, unless that has ended meanwhile; whether the numbers
    /// and the peers are others than before.
    pub(super) fn take_traffic(
        &self,
        session: &Arc<Session<Machine>>,
        count: usize,
        traffic: Traffic,
        peers: Vec<PeerFacts>,
    ) -> (bool, bool) {
        let mut state = self.state();
        let is_it = |open: &Arc<_>| Arc::ptr_eq(open, session);
        if !state.session.as_ref().is_some_and(is_it) {
            return (false, false);
        }
        let is_news = state.count != count || state.traffic != traffic;
        state.count = count;
        state.traffic = traffic;
        let has_peers = state.peers != peers;
        state.peers = peers;
        (is_news, has_peers)
    }

    /// Takes that a connection is over.
    pub(super) fn take_outcome(&self, outcome: &Outcome) {
        let mut state = self.state();
        let of_it = Traffic {
            received: outcome.received,
            sent: outcome.sent,
        };
        state.former = state.former + of_it;
        state.traffic = Traffic::default();
        state.session = None;
        // Who waits for a change saw the session, and so came before this.
        self.take_up(state.changes);
        state.count = 0;
        state.peers.clear();
        for (_, job) in std::mem::take(&mut state.jobs) {
            job.stop();
        }
    }
}

impl State {
    /// Makes the plan by which it goes from now on.
    pub(super) fn begin(&mut self) -> Result<Arc<Plan>, Complaint> {
        let plan = Arc::new(plan::of(&self.saved)?);
        self.plan = Some(plan.clone());
        self.known = Some(self.saved.clone());
        Ok(plan)
    }

    /// The plan by which an open session goes on, where something was changed that it takes up.
    pub(super) fn adopt(&mut self) -> Option<Arc<Plan>> {
        let (current, known) = (self.plan.as_ref()?, self.known.as_ref()?);
        if !plan::is_adopted(&plan::changed(known, &self.saved)) {
            return None;
        }
        // What is saved was checked before it was taken.
        let new = plan::of(&self.saved).ok()?;
        let is_same_text = current.text == new.text && current.text_out == new.text_out;
        let keeps_rules = is_same_text && current.rules == new.rules;
        let adopted = Arc::new(plan::adopted(current, &new, keeps_rules));
        self.plan = Some(adopted.clone());
        self.known = Some(self.saved.clone());
        if !keeps_rules {
            self.stop_lists();
        }
        Some(adopted)
    }
}

pub(super) fn peer_told(peer: &PeerFacts) -> Value {
    json!({
        "number": peer.number,
        "addr": peer.addr,
        "since": peer.since.as_nanos(),
        "received": peer.traffic.received,
        "sent": peer.traffic.sent,
    })
}

/// How often each rule has fitted; `None` without rules.
fn hits(plan: Option<&Plan>) -> Option<Value> {
    let rules = plan?.rules.as_ref()?;
    let counts = rules.hits()?.counts();
    let told = rules.names().zip(counts).enumerate();
    let told =
        told.map(|(rule, (name, count))| json!({ "rule": rule, "name": name, "count": count }));
    Some(told.collect())
}

impl Phase {
    const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Ended => "ended",
        }
    }
}

impl Ended {
    fn told(&self) -> Value {
        let failures = self.failures.iter();
        let failures = failures
            .map(|failure| json!({ "kind": failure.kind.as_str(), "message": failure.message }));
        json!({
            "reason": self.reason.as_str(),
            "message": self.message,
            "failures": failures.collect::<Vec<_>>(),
        })
    }
}
