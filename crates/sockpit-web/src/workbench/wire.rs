//! The wire: the ladder of a session, and the lens on its bytes.
//!
//! Both are made of the history, when a page first asks, and go on from there while one looks:
//!
//! ```text
//!  history ─▶ Source (events as they happened) ─▶ core ladder ─▶ steps ─┐
//!          └▶ chunks, packets, messages        ─▶ core lens   ─▶ rows ──┴▶ page
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sockpit_core::event::Direction;
use sockpit_core::strings::Language;

use super::Shared;
use super::bell::Topic;
use super::call::{Answer, With};
use super::complaint::Complaint;
use super::page::Page;

mod cuts;
mod drawing;
mod source;
mod steps;

use cuts::Glass;
use drawing::Drawing;

/// A ladder, or a lens, that no page asks for this long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Steps in one answer, at most.
const MOST_STEPS: usize = 500;

/// Bytes under the lens at once, at most.
const MOST_BYTES: u64 = 65_536;

/// Conversations under the lens at once, at most.
const MOST_GLASSES: usize = 16;

/// Ladders at once, at most.
const MOST_DRAWINGS: usize = 16;

/// What all pages share of it.
#[derive(Default)]
pub(super) struct Wire {
    /// By session, and whether it is in Chinese.
    drawings: Mutex<BTreeMap<(u32, bool), Arc<Drawing>>>,
    glasses: Mutex<BTreeMap<(u32, u32, Direction), Arc<Glass>>>,
}

/// What a page has of its own: the sessions whose ladders it has asked for, and when.
#[derive(Debug, Default)]
pub(super) struct OfPage {
    looked: Mutex<BTreeMap<u32, Instant>>,
}

impl Wire {
    fn drawing(&self, bench: &Shared, session: u32, language: Language) -> Arc<Drawing> {
        let key = (session, language == Language::Chinese);
        let mut drawings = self.drawings.lock().expect("no holder panics");
        drawings.retain(|_, drawing| drawing.unasked() < FORGOTTEN);
        if MOST_DRAWINGS <= drawings.len()
            && !drawings.contains_key(&key)
            && let Some(oldest) = drawings
                .iter()
                .max_by_key(|(_, drawing)| drawing.unasked())
                .map(|(key, _)| *key)
        {
            drawings.remove(&oldest);
        }
        let drawing = drawings
            .entry(key)
            .or_insert_with(|| Drawing::begin(bench, session, language));
        drawing.ask();
        drawing.clone()
    }

    fn glass(&self, key: (u32, u32, Direction)) -> Arc<Glass> {
        let mut glasses = self.glasses.lock().expect("no holder panics");
        glasses.retain(|_, glass| glass.unasked() < FORGOTTEN);
        if MOST_GLASSES <= glasses.len()
            && !glasses.contains_key(&key)
            && let Some(oldest) = glasses
                .iter()
                .max_by_key(|(_, glass)| glass.unasked())
                .map(|(key, _)| *key)
        {
            glasses.remove(&oldest);
        }
        let glass = glasses.entry(key).or_default();
        glass.ask();
        glass.clone()
    }
}

/// Carries out a call.
pub(super) async fn answer(bench: &Shared, page: &Arc<Page>, op: &str, with: With) -> Answer {
    match op {
        "wire.ladder" => {
            let Steps {
                session,
                peer,
                from,
                count,
            } = with.read()?;
            page.wire.look(session);
            let drawing = bench.wire.drawing(bench, session, page.language());
            drawing.begun().await;
            Ok(drawing.told(bench, page, peer, from, count.min(MOST_STEPS)))
        }
        "wire.svg" => {
            let Svg { session, peer } = with.read()?;
            let svg = drawing::svg(bench, session, peer, page.language()).await?;
            let name = match peer {
                Some(peer) => format!("ladder-{session}-{peer}.svg"),
                None => format!("ladder-{session}.svg"),
            };
            Ok(json!({ "svg": svg, "name": name }))
        }
        "wire.lens" => {
            let Window {
                session,
                peer,
                dir,
                from,
                len,
            } = with.read()?;
            let direction = match dir {
                Dir::In => Direction::In,
                Dir::Out => Direction::Out,
            };
            let glass = bench.wire.glass((session, peer, direction));
            let until = from.saturating_add(len.min(MOST_BYTES));
            glass
                .look(bench, page, (session, peer, direction), from..until)
                .await
        }
        _ => Err(Complaint::unknown(op)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steps {
    session: u32,
    #[serde(default)]
    peer: Option<u32>,
    #[serde(default)]
    from: u64,
    count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Svg {
    session: u32,
    #[serde(default)]
    peer: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    session: u32,
    peer: u32,
    dir: Dir,
    from: u64,
    len: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dir {
    In,
    Out,
}

impl OfPage {
    fn look(&self, session: u32) {
        let mut looked = self.looked.lock().expect("no holder panics");
        looked.retain(|_, at| at.elapsed() < FORGOTTEN);
        looked.insert(session, Instant::now());
    }
}

/// How many steps each ladder has that the page has asked for of late.
pub(super) async fn news(bench: &Shared, page: &Arc<Page>, _topic: Topic) -> Option<Value> {
    let is_chinese = page.language() == Language::Chinese;
    let looked = page.wire.looked.lock().expect("no holder panics").clone();
    let drawings = bench.wire.drawings.lock().expect("no holder panics");
    let mut told = Map::new();
    for (session, at) in looked {
        if at.elapsed() < FORGOTTEN
            && let Some(drawing) = drawings.get(&(session, is_chinese))
        {
            told.insert(session.to_string(), drawing.total().into());
        }
    }
    Some(told.into())
}
