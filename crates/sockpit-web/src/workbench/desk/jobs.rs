//! What goes on by itself: rhythms and lists. What it owes is sent late rather than not at all, within
//! bounds, and its beats are counted from its beginning, so that they do not drift.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use sockpit_core::rule::{List, Rules};
use sockpit_core::session::Message;
use sockpit_core::time::{Time, TimeSpan};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::seat::{Seat, State};
use super::sending::{Aim, Open, Target, is_over};
use super::{compose, done};
use crate::workbench::Shared;
use crate::workbench::bell::Topic;
use crate::workbench::call::{Answer, With};
use crate::workbench::complaint::Complaint;

/// The system's timers keep no faster beat.
const MIN_BEAT: Duration = Duration::from_millis(1);

/// Beats that are caught up with; a machine that slept for longer has missed the others.
const CATCH_UP: u32 = 1000;

/// Jobs of one session.
const MAX_JOBS: usize = 64;

/// In bytes: what an item costs beside its text.
const ITEM_COST: usize = 256;

/// Something that goes on by itself.
pub(super) struct Job {
    kind: Kind,
    label: String,
    sent: Arc<AtomicU64>,
    of: Option<u64>,
    every: Option<Duration>,
    started: Time,
    task: Option<AbortHandle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Every,
    List,
    File,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::List => "list",
            Self::File => "file",
        }
    }
}

impl Job {
    pub(super) fn of_file(label: String, size: u64, sent: Arc<AtomicU64>, started: Time) -> Self {
        Self {
            kind: Kind::File,
            label,
            sent,
            of: Some(size),
            every: None,
            started,
            task: None,
        }
    }

    pub(super) fn stop(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    pub(super) fn told(&self, number: u32) -> Value {
        json!({
            "job": number,
            "kind": self.kind.word(),
            "label": self.label,
            "sent": self.sent.load(Ordering::Relaxed),
            "of": self.of,
            "every_ns": self.every.map(|every| u64::try_from(every.as_nanos()).unwrap_or(u64::MAX)),
            "started": self.started.as_nanos(),
        })
    }
}

impl State {
    /// Stops the lists: their places mean others now.
    pub(super) fn stop_lists(&mut self) {
        self.jobs.retain(|_, job| {
            let is_list = job.kind == Kind::List;
            if is_list {
                job.stop();
            }
            !is_list
        });
    }
}

/// What a job does with each step that it takes.
#[derive(Clone)]
struct Count {
    bench: std::sync::Weak<crate::workbench::bench::Bench>,
    sent: Arc<AtomicU64>,
}

impl Count {
    fn add(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        if let Some(bench) = self.bench.upgrade() {
            bench.changed(Topic::Sessions);
        }
    }
}

/// Starts a job, unless there are too many.
fn start<W>(bench: &Shared, seat: &Arc<Seat>, mut job: Job, work: impl FnOnce(Count) -> W) -> Answer
where
    W: Future<Output = ()> + Send + 'static,
{
    let number = bench.desk.next_job();
    let count = Count {
        bench: Arc::downgrade(bench),
        sent: job.sent.clone(),
    };
    let (work, weak, theirs) = (work(count), Arc::downgrade(bench), seat.clone());
    {
        let mut state = seat.state();
        if state.jobs.len() >= MAX_JOBS {
            return Err(too_many());
        }
        let task = tokio::spawn(async move {
            work.await;
            theirs.state().jobs.remove(&number);
            if let Some(bench) = weak.upgrade() {
                bench.changed(Topic::Sessions);
            }
        });
        job.task = Some(task.abort_handle());
        state.jobs.insert(number, job);
    }
    bench.changed(Topic::Sessions);
    Ok(json!({ "job": number }))
}

pub(super) fn too_many() -> Complaint {
    Complaint::new(format!("{MAX_JOBS} things go on in this session already"))
        .hint("stop one first")
}

pub(super) fn has_room(state: &State) -> bool {
    state.jobs.len() < MAX_JOBS
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Every {
    key: String,
    target: Target,
    every_ns: u64,
    count: Option<u64>,
}

pub(super) fn every(bench: &Shared, with: With) -> Answer {
    let (written, rest) = compose::split(with)?;
    let Every {
        key,
        target,
        every_ns,
        count,
    } = rest.read()?;
    let every = Duration::from_nanos(every_ns);
    if every < MIN_BEAT {
        let message = format!("a rhythm is at least {}", TimeSpan(MIN_BEAT));
        return Err(Complaint::new(message).field("every_ns"));
    }
    if count == Some(0) {
        return Err(Complaint::new("something is sent at least once").field("count"));
    }
    let seat = bench.desk.seat(&key)?;
    let (session, plan) = seat.open_session()?;
    let (_, composed) = written.composed(&plan)?;
    let text = plan.text_out.decode(&composed.message.payload).text;
    let job = Job {
        kind: Kind::Every,
        label: text.chars().take(60).collect(),
        sent: Arc::default(),
        of: count,
        every: Some(every),
        started: bench.now(),
        task: None,
    };
    let message = composed.message;
    start(bench, &seat, job, |tally| async move {
        beat(&session, &target, &message, every, count, &tally).await;
    })
}

/// Sends in a rhythm. A beat without anybody there is passed over and not counted.
async fn beat(
    session: &Open,
    target: &Target,
    message: &Message,
    every: Duration,
    count: Option<u64>,
    tally: &Count,
) {
    let mut due = Instant::now();
    let mut sent = 0;
    while count.is_none_or(|count| sent < count) {
        sleep_until(due).await;
        if let Ok(aim) = Aim::of(session, target).await {
            if !aim.send(session, message).await {
                return;
            }
            sent += 1;
            tally.add();
        } else if session.traffic().await.is_none() {
            return;
        }
        due += every;
        let late = Instant::now().saturating_duration_since(due);
        if late > every.saturating_mul(CATCH_UP) {
            due = Instant::now();
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    key: String,
    job: u32,
}

pub(super) fn stop(bench: &Shared, with: With) -> Answer {
    let Stop { key, job } = with.read()?;
    let seat = bench.desk.seat(&key)?;
    let found = seat.state().jobs.remove(&job);
    if let Some(found) = found {
        found.stop();
    }
    bench.desk.files().remove(&job);
    bench.changed(Topic::Sessions);
    done()
}

/// A list by its place, or by its name.
#[derive(Deserialize)]
#[serde(untagged)]
enum ListName {
    Place(usize),
    Name(String),
}

impl ListName {
    fn find<'l>(&self, lists: &'l [List]) -> Result<(usize, &'l List), Complaint> {
        let found = match self {
            Self::Place(place) => lists.get(*place).map(|list| (*place, list)),
            Self::Name(name) => lists
                .iter()
                .enumerate()
                .find(|(_, list)| list.name == *name),
        };
        found.ok_or_else(|| {
            let name = match self {
                Self::Place(place) => (place + 1).to_string(),
                Self::Name(name) => name.clone(),
            };
            let message = format!("the open session has no list `{name}`");
            Complaint::new(message).field("list")
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunList {
    key: String,
    target: Target,
    list: ListName,
    /// `null` is without end; as the list says where it is missing.
    #[serde(default, deserialize_with = "told")]
    rounds: Option<Option<u32>>,
}

/// A value that is there, even where it is `null`.
fn told<'de, D>(from: D) -> Result<Option<Option<u32>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Option::deserialize(from).map(Some)
}

pub(super) fn run_list(bench: &Shared, with: With) -> Answer {
    let RunList {
        key,
        target,
        list,
        rounds,
    } = with.read()?;
    let seat = bench.desk.seat(&key)?;
    let (session, plan) = seat.open_session()?;
    let rules = plan.rules.clone();
    let lists = rules.as_deref().map(Rules::lists).unwrap_or_default();
    let (place, list) = list.find(lists)?;
    let rounds = rounds.unwrap_or(list.rounds.map(NonZeroU32::get));
    let length: Duration = list.items.iter().map(|item| item.delay).sum();
    if rounds.is_none_or(|rounds| rounds > 1) && length < MIN_BEAT {
        let message = format!("a round of `{}` takes no time", list.name);
        return Err(Complaint::new(message)
            .hint("give one of its items a delay of 1ms or more")
            .field("list"));
    }
    let items = u64::try_from(list.items.len()).unwrap_or(u64::MAX);
    let job = Job {
        kind: Kind::List,
        label: list.name.clone(),
        sent: Arc::default(),
        of: rounds.map(|rounds| u64::from(rounds).saturating_mul(items)),
        every: None,
        started: bench.now(),
        task: None,
    };
    let list = list.clone();
    start(bench, &seat, job, |tally| async move {
        run(&session, &target, (place, &list), rounds, &tally).await;
    })
}

/// Sends the items of a list in their time.
async fn run(
    session: &Open,
    target: &Target,
    (place, list): (usize, &List),
    rounds: Option<u32>,
    tally: &Count,
) {
    let mut due = Instant::now();
    let mut round: u64 = 1;
    while rounds.is_none_or(|rounds| round <= u64::from(rounds)) {
        for (number, item) in list.items.iter().enumerate() {
            due += item.delay;
            sleep_until(due).await;
            // Items that are late do not pile up, but keep their distances from here on; what the timer
            // is late is made good.
            let now = Instant::now();
            if now.saturating_duration_since(due) > MIN_BEAT {
                due = now;
            }
            let cost = item.payload.to_string().len().saturating_add(ITEM_COST);
            match Aim::of(session, target).await {
                Ok(aim) => {
                    if !send(session, &aim, cost, place, number, round).await {
                        return;
                    }
                    tally.add();
                }
                Err(_) if session.traffic().await.is_none() => return,
                Err(_) => {}
            }
        }
        round += 1;
    }
}

async fn send(
    session: &Open,
    aim: &Aim,
    cost: usize,
    list: usize,
    item: usize,
    round: u64,
) -> bool {
    for target in &aim.targets {
        let is_taken = session
            .change(*target, cost, move |machine, now| {
                machine.send_item_in_round(now, list, item, round);
            })
            .await;
        if !is_taken {
            return false;
        }
    }
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendItem {
    key: String,
    target: Target,
    list: ListName,
    item: usize,
}

pub(super) async fn send_item(bench: &Shared, with: With) -> Answer {
    let SendItem {
        key,
        target,
        list,
        item,
    } = with.read()?;
    let (session, plan) = bench.desk.seat(&key)?.open_session()?;
    let rules = plan.rules.clone();
    let lists = rules.as_deref().map(Rules::lists).unwrap_or_default();
    let (place, list) = list.find(lists)?;
    let Some(found) = list.items.get(item) else {
        let message = format!("the list `{}` has {} items", list.name, list.items.len());
        return Err(Complaint::new(message).field("item"));
    };
    let aim = Aim::of(&session, &target).await?;
    let cost = found.payload.to_string().len().saturating_add(ITEM_COST);
    match send(&session, &aim, cost, place, item, 1).await {
        true => Ok(json!({ "peers": aim.count })),
        false => Err(is_over()),
    }
}
