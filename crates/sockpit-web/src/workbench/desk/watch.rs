//! Looks at the sessions that are open, for pages that show their peers and their traffic.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::seat::Seat;
use crate::workbench::Shared;
use crate::workbench::bell::Topic;

/// Often enough that numbers seem to run.
const EVERY: Duration = Duration::from_millis(200);

/// The same where many are open, each of which is asked.
const EVERY_OF_MANY: u32 = 4;
const MANY: usize = 32;

/// Of a session with more peers than these, only their number is told.
const LISTED: usize = 5000;

/// Begins to look, unless somebody does; it ends when nothing is open.
pub(super) fn begin(bench: &Shared) {
    if bench.desk.is_watched.swap(true, Ordering::AcqRel) {
        return;
    }
    let bench = Arc::downgrade(bench);
    tokio::spawn(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turn: u32 = 0;
        let mut hits = Vec::new();
        loop {
            ticks.tick().await;
            let Some(bench) = bench.upgrade() else { return };
            let open: Vec<_> = bench
                .desk
                .all()
                .into_iter()
                .filter(|seat| seat.is_open())
                .collect();
            super::file::tidy(&bench);
            if open.is_empty() {
                bench.desk.is_watched.store(false, Ordering::Release);
                // One that was opened just now has seen somebody look.
                if !bench.desk.all().iter().any(|seat| seat.is_open())
                    || bench.desk.is_watched.swap(true, Ordering::AcqRel)
                {
                    return;
                }
                continue;
            }
            turn = turn.wrapping_add(1);
            if open.len() > MANY && !turn.is_multiple_of(EVERY_OF_MANY) {
                continue;
            }
            let mut news = (false, false);
            for seat in &open {
                let (numbers, peers) = look(seat).await;
                news = (news.0 | numbers, news.1 | peers);
            }
            let counted: Vec<_> = open.iter().map(|seat| counts(seat)).collect();
            if counted != hits {
                hits = counted;
                news.0 = true;
            }
            if news.0 {
                bench.changed(Topic::Sessions);
            }
            if news.1 {
                bench.changed(Topic::Peers);
            }
        }
    });
}

/// Asks the engine; whether the numbers and the peers of a session are others than before.
async fn look(seat: &Arc<Seat>) -> (bool, bool) {
    let Some(session) = seat.session() else {
        return (false, false);
    };
    let Some((count, traffic)) = session.traffic().await else {
        return (false, false);
    };
    let peers = match count {
        0..=LISTED => session.peers().await,
        _ => Vec::new(),
    };
    seat.take_traffic(&session, count, traffic, peers)
}

fn counts(seat: &Seat) -> Vec<u64> {
    let plan = seat.state().plan.clone();
    plan.and_then(|plan| Some(plan.rules.as_ref()?.hits()?.counts()))
        .unwrap_or_default()
}
