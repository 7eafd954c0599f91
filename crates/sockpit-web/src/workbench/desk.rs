//! The desk: sessions, what is saved of them, and what is sent.
//!
//! ```text
//!  call ──▶ Seat (a session as it is told, saved and open) ──▶ engine's Session
//!              ▲                └─ jobs: rhythms, lists, files
//!  news ◀──────┴── watch, five times a second, while something is open
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::Shared;
use super::bell::Topic;
use super::bench::Bench;
use super::call::{Answer, With};
use super::complaint::Complaint;
use super::page::Page;

use self::file::Filing;
use self::seat::Seat;

mod compose;
mod drive;
mod file;
mod jobs;
mod keep;
mod plan;
mod rules;
mod seat;
mod sending;
mod session;
mod watch;

/// Sessions that a workbench may have, open or not.
const MAX_SESSIONS: usize = 256;

/// In bytes: what is told of all sessions together may have, as every page is told it again and again.
const MAX_TOLD: usize = 4 * 1024 * 1024;

/// How long all sessions together may take to end in order.
const CLOSE_WITHIN: Duration = Duration::from_millis(4800);

/// What all pages share of it.
#[derive(Default)]
pub(super) struct Desk {
    /// In the order in which they came.
    seats: Mutex<Vec<Arc<Seat>>>,
    /// Files that are being sent, by their jobs.
    files: Mutex<BTreeMap<u32, Filing>>,
    /// Counts the jobs.
    count: AtomicU32,
    is_watched: AtomicBool,
    /// Set once the project's files are read.
    is_loaded: OnceCell<()>,
}

impl Desk {
    fn seats(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        self.seats.lock().expect("no holder panics")
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<u32, Filing>> {
        self.files.lock().expect("no holder panics")
    }

    fn all(&self) -> Vec<Arc<Seat>> {
        self.seats().clone()
    }

    fn seat(&self, key: &str) -> Result<Arc<Seat>, Complaint> {
        let found = self.seats().iter().find(|seat| seat.key == key).cloned();
        found.ok_or_else(|| Complaint::new(format!("there is no session `{key}`")).field("key"))
    }

    fn next_job(&self) -> u32 {
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A call that concerns a session and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfSession {
    key: String,
}

/// Carries out a call.
pub(super) async fn answer(bench: &Shared, page: &Arc<Page>, op: &str, with: With) -> Answer {
    keep::load(bench).await;
    match op {
        "compose" => compose::compose(bench, with),
        "send" => sending::send(bench, with).await,
        "send.file.begin" => file::begin(bench, page, with).await,
        "every.start" => jobs::every(bench, with),
        "job.stop" => jobs::stop(bench, with),
        "list.run" => jobs::run_list(bench, with),
        "list.send" => jobs::send_item(bench, with).await,
        "list.import" => rules::import(with),
        "rules.check" => rules::check(with),
        "rules.parse" => rules::parse(with),
        "rules.write" => rules::write(with),
        "rules.try" => rules::try_out(with),
        _ => session::answer(bench, op, with).await,
    }
}

/// Takes the next piece of a file that is being sent.
pub(super) async fn piece(bench: &Shared, _page: &Arc<Page>, job: u32, bytes: Bytes) -> Answer {
    file::take(bench, job, bytes).await
}

/// The whole state of a topic.
pub(super) async fn news(bench: &Shared, _page: &Arc<Page>, topic: Topic) -> Option<Value> {
    keep::load(bench).await;
    let seats = bench.desk.all();
    match topic {
        Topic::Sessions => Some(seats.iter().map(|seat| seat.told()).collect()),
        Topic::Peers => {
            let open = seats.iter().filter(|seat| seat.is_open());
            let peers = open.map(|seat| (seat.key.clone(), seat.peers_told()));
            Some(Value::Object(peers.collect()))
        }
        _ => None,
    }
}

/// Ends what runs, in order.
pub(super) async fn close(bench: &Bench) {
    let seats = bench.desk.all();
    for seat in &seats {
        seat.leave();
    }
    let ended = async {
        for session in seats.iter().filter_map(|seat| seat.session()) {
            session.outcome().await;
        }
    };
    // What is not taken by then is told as unsent by the engine.
    let _ = timeout(CLOSE_WITHIN, ended).await;
}

/// An answer that says nothing but that it is done.
fn done() -> Answer {
    Ok(json!({}))
}

#[cfg(test)]
mod tests;
