//! The timeline: views of what happened, and what is taken out of them.
//!
//! A view belongs to a page and is gone with it. What is asked of one is answered by the thread that
//! keeps the history; here it is only put into the words of pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use sockpit_core::event::Direction;
use sockpit_core::history::{Extractor, Look, Totals, Values};
use sockpit_core::time::Time;
use sockpit_engine::Handle;
use sockpit_engine::history::{Keeper, Reader, Settings};

use super::Shared;
use super::bell::Topic;
use super::bench::Bench;
use super::body::Download;
use super::call::{Answer, With, told};
use super::complaint::Complaint;
use super::page::Page;
use look::Wanted;

mod detail;
mod export;
mod json_tree;
mod look;
mod row;
mod seek;
mod series;
mod words;

/// Views that one page may have.
const MOST_VIEWS: usize = 16;

/// Rows that are given at once.
const MOST_ROWS: usize = 500;

/// In bytes: what `view.bytes` gives at once.
const MOST_BYTES: usize = 256 * 1024;

/// Points of each column of `values`.
const MOST_POINTS: usize = 4000;

/// In bytes, as the history counts them: what a search looks at before others have their turn.
const BUDGET: usize = 4 * 1024 * 1024;

/// What all pages share of it.
pub(super) struct Timeline {
    keeper: Keeper,
}

impl Timeline {
    /// Begins to keep what happens.
    ///
    /// # Errors
    ///
    /// Returns the system's error where the history can have no thread or file.
    pub(super) async fn start(handle: &Handle, settings: Settings) -> std::io::Result<Self> {
        let keeper = Keeper::start(handle, settings).await?;
        Ok(Self { keeper })
    }

    /// Who keeps the history.
    pub(super) fn keeper(&self) -> &Keeper {
        &self.keeper
    }
}

/// Tells pages of what is new, as long as there is a bench.
pub(super) fn attend(bench: &Shared) {
    let mut changes = bench.timeline.keeper.changes();
    let bench = Arc::downgrade(bench);
    tokio::spawn(async move {
        while changes.next().await {
            let Some(bench) = bench.upgrade() else {
                return;
            };
            bench.changed(Topic::Views);
        }
    });
}

/// What a page has of its own.
#[derive(Default)]
pub(super) struct OfPage {
    views: Mutex<Views>,
}

#[derive(Default)]
struct Views {
    last: u32,
    open: BTreeMap<u32, Open>,
    /// Views of what the kernel and packets say, by session, for graphs.
    graphs: BTreeMap<Option<u32>, Arc<Reader>>,
}

/// A view of a page.
#[derive(Clone)]
struct Open {
    reader: Arc<Reader>,
    look: Look,
    /// What its rates are counted from.
    sample: Arc<Mutex<Option<Sample>>>,
}

impl OfPage {
    fn views(&self) -> MutexGuard<'_, Views> {
        self.views.lock().expect("no holder panics")
    }

    fn view(&self, number: u32) -> Result<Open, Complaint> {
        let views = self.views();
        let open = views.open.get(&number).cloned();
        open.ok_or_else(|| Complaint::new(format!("there is no view {number}")))
    }

    fn reader(&self, number: u32) -> Result<Arc<Reader>, Complaint> {
        Ok(self.view(number)?.reader)
    }
}

/// Carries out a call.
pub(super) async fn answer(bench: &Shared, page: &Arc<Page>, op: &str, with: With) -> Answer {
    match op {
        "view.open" => open(bench, page, &with.read()?),
        "view.change" => change(bench, page, &with.read()?),
        "view.close" => {
            let Named { view } = with.read()?;
            page.timeline.views().open.remove(&view);
            page.changed(Topic::Views);
            told(())
        }
        "view.rows" => rows(page, with.read()?).await,
        "view.detail" => detail(bench, page, with.read()?).await,
        "view.bytes" => some_bytes(page, with.read()?).await,
        "view.find" => seek::find(page, with.read()?).await,
        "view.locate" => seek::locate(page, with.read()?).await,
        "view.mark" => seek::mark(bench, page, with.read()?).await,
        "view.marks" => seek::marks(page, with.read()?).await,
        "view.clear" => clear(bench, with.read()?).await,
        "view.stats" => stats(bench, page, with.read()?).await,
        "filter.check" => {
            let Text { text } = with.read()?;
            look::filter(&text)?;
            told(json!({ "ok": true }))
        }
        "filter.words" => Ok(words::all(page)),
        "values" => values(page, with.read()?).await,
        "series" => graph(bench, page, with.read()?).await,
        _ => Err(Complaint::unknown(op)),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    view: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

/// A row of a view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    view: u32,
    i: u64,
}

fn open(bench: &Shared, page: &Arc<Page>, wanted: &Wanted) -> Answer {
    if wanted.view.is_some() {
        return Err(Complaint::new("a view gets its number as it is opened").field("view"));
    }
    let look = wanted.look(bench.epoch())?;
    let mut views = page.timeline.views();
    if views.open.len() >= MOST_VIEWS {
        return Err(Complaint::new(format!(
            "a page has at most {MOST_VIEWS} views"
        )));
    }
    views.last += 1;
    let number = views.last;
    let reader = Arc::new(bench.timeline.keeper.open(look.clone()));
    let open = Open {
        reader,
        look,
        sample: Arc::default(),
    };
    views.open.insert(number, open);
    drop(views);
    page.changed(Topic::Views);
    told(json!({ "view": number }))
}

fn change(bench: &Shared, page: &Arc<Page>, wanted: &Wanted) -> Answer {
    let Some(number) = wanted.view else {
        return Err(Complaint::new("say which view is to change").field("view"));
    };
    let look = wanted.look(bench.epoch())?;
    let mut views = page.timeline.views();
    let Some(open) = views.open.get_mut(&number) else {
        return Err(Complaint::new(format!("there is no view {number}")));
    };
    open.reader.change(look.clone());
    open.look = look;
    told(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    view: u32,
    from: u64,
    count: usize,
}

async fn rows(page: &Arc<Page>, asked: Window) -> Answer {
    let Window { view, from, count } = asked;
    let count = count.min(MOST_ROWS);
    let reader = page.timeline.reader(view)?;
    let (revision, first, next, rows, pending) = reader
        .ask(move |view, history| {
            let from = from.max(view.first());
            let rows = view.rows(history, from, count);
            let is_at_end = from + rows.len() as u64 >= view.next();
            let pending = match is_at_end && rows.len() < count {
                true => view.pending(history, count - rows.len()),
                false => Vec::new(),
            };
            (view.revision(), view.first(), view.next(), rows, pending)
        })
        .await?;
    let say = |rows: Vec<_>| -> Vec<row::Told> {
        rows.into_iter().map(|row| row::told(row, page)).collect()
    };
    told(json!({
        "revision": revision,
        "first": first,
        "total": next.saturating_sub(first),
        "rows": say(rows),
        "pending": say(pending),
    }))
}

async fn detail(bench: &Shared, page: &Arc<Page>, at: At) -> Answer {
    let reader = page.timeline.reader(at.view)?;
    let found = reader
        .ask(move |view, history| detail::find(view, history, at.i))
        .await?;
    let Some(found) = found else {
        return Err(no_row(at.i));
    };
    let plan = bench.timeline.keeper.plan(found.session()).await?;
    Ok(detail::told(found, plan.as_ref(), bench.epoch(), page))
}

fn no_row(index: u64) -> Complaint {
    Complaint::new(format!("the row {index} is not there any more"))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    view: u32,
    i: u64,
    from: u64,
    len: usize,
}

/// Some bytes of a row: of those that its detail shows.
async fn some_bytes(page: &Arc<Page>, asked: Piece) -> Answer {
    let Piece { view, i, from, len } = asked;
    let reader = page.timeline.reader(view)?;
    let bytes = reader
        .ask(move |view, history| detail::bytes(view, history, i, from, len.min(MOST_BYTES)))
        .await?;
    match bytes {
        Ok(bytes) => told(json!({ "base64": BASE64.encode(&bytes) })),
        Err(gone) => Err(Complaint::new(gone.to_string())),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cleared {
    session: Option<u32>,
}

async fn clear(bench: &Shared, Cleared { session }: Cleared) -> Answer {
    let keeper = &bench.timeline.keeper;
    keeper.alter(move |history| history.clear(session)).await?;
    told(())
}

/// How a view stood when its numbers were asked for.
#[derive(Clone, Copy)]
struct Sample {
    at: Time,
    revision: u32,
    totals: Totals,
}

async fn stats(bench: &Shared, page: &Arc<Page>, Named { view }: Named) -> Answer {
    let Open { reader, sample, .. } = page.timeline.view(view)?;
    let state = reader.state().await?;
    let now = Sample {
        at: bench.now(),
        revision: state.revision,
        totals: state.totals,
    };
    let before = sample.lock().expect("no holder panics").replace(now);
    let before = before.filter(|before| before.revision == now.revision);
    let of = |counts: [u64; 2]| {
        let count = |direction: Direction| counts.get(direction as usize).copied();
        json!({ "in": count(Direction::In), "out": count(Direction::Out) })
    };
    // Since the numbers were asked for last.
    let rates = before.map(|before| {
        let seconds = (now.at - before.at).as_secs_f64().max(0.001);
        let rate = |now: [u64; 2], before: [u64; 2]| {
            let rate = |direction: Direction| {
                let count = |of: [u64; 2]| of.get(direction as usize).copied().unwrap_or(0);
                count(now).saturating_sub(count(before)) as f64 / seconds
            };
            json!({ "in": rate(Direction::In), "out": rate(Direction::Out) })
        };
        json!({
            "messages": rate(now.totals.messages, before.totals.messages),
            "bytes": rate(now.totals.bytes, before.totals.bytes),
        })
    });
    told(json!({
        "messages": of(state.totals.messages),
        "bytes": of(state.totals.bytes),
        "rates": rates,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    view: u32,
    pattern: String,
    from: Option<u64>,
    to: Option<u64>,
    points: Option<usize>,
}

async fn values(page: &Arc<Page>, numbers: Numbers) -> Answer {
    let reader = page.timeline.reader(numbers.view)?;
    let extractor: Extractor = match numbers.pattern.parse() {
        Ok(extractor) => extractor,
        Err(error) => {
            let error: <Extractor as std::str::FromStr>::Err = error;
            return Err(Complaint::new(error.to_string()).field("pattern"));
        }
    };
    let points = numbers.points.unwrap_or(MOST_POINTS).clamp(1, MOST_POINTS);
    let from = numbers.from.map(Time::from_nanos);
    let to = numbers.to.map(Time::from_nanos);
    let mut values = Values::new(extractor, from, to, points);
    let extracted = reader
        .work(move |view, history| {
            let is_done = values.advance(view, history, BUDGET);
            is_done.then(|| values.finish())
        })
        .await?;
    let columns: Vec<Value> = extracted
        .columns
        .into_iter()
        .map(|column| {
            let times: Vec<u64> = column.points.iter().map(|(at, _)| at.as_nanos()).collect();
            let values: Vec<f64> = column.points.iter().map(|(_, value)| *value).collect();
            json!({ "name": column.name, "t": times, "v": values })
        })
        .collect();
    told(json!({ "columns": columns, "skipped": extracted.skipped }))
}

async fn graph(bench: &Shared, page: &Arc<Page>, asked: series::Asked) -> Answer {
    let stretch = asked.stretch()?;
    let keeper = &bench.timeline.keeper;
    if asked.is_of_kernel() {
        let reader = graph_reader(bench, page, asked.session)?;
        reader.settled().await?;
        let mut gathering = series::Gathering::new(&asked, stretch);
        let mut graph = reader
            .work(move |view, history| gathering.advance(view, history))
            .await?;
        if let Some(lines) = graph["lines"].as_array_mut() {
            for line in lines {
                let name = page.say(line["name"].as_str().unwrap_or_default());
                line["name"] = name.into();
            }
        }
        return Ok(graph);
    }
    let kind = asked.kind;
    let series::Stretch { from, to, buckets } = stretch;
    let counts = match asked.view {
        Some(view) => {
            let reader = page.timeline.reader(view)?;
            reader
                .ask(move |view, history| view.series(history, from, to, buckets))
                .await?
        }
        None => {
            keeper
                .ask(move |history| asked.of_history(history, stretch))
                .await?
        }
    };
    Ok(series::rates(&counts, kind, stretch))
}

/// The page's view of what the kernel and packets say of a session.
fn graph_reader(
    bench: &Shared,
    page: &Arc<Page>,
    session: Option<u32>,
) -> Result<Arc<Reader>, Complaint> {
    let mut views = page.timeline.views();
    if let Some(reader) = views.graphs.get(&session) {
        return Ok(reader.clone());
    }
    if views.graphs.len() >= MOST_VIEWS {
        // The one that comes first is made again when it is asked for.
        views.graphs.pop_first();
    }
    let look = Look {
        session,
        filter: look::filter(series::FILTER)?,
        packets: true,
        chunks: true,
        ..Look::default()
    };
    let reader = Arc::new(bench.timeline.keeper.open(look));
    views.graphs.insert(session, reader.clone());
    Ok(reader)
}

/// Gives a view as a file.
pub(super) async fn export(
    bench: &Shared,
    page: &Arc<Page>,
    with: With,
) -> Result<Download, Complaint> {
    let asked: export::Asked = with.read()?;
    let look = page.timeline.view(asked.view)?.look;
    export::export(bench, look, asked.format).await
}

/// Gives all bytes of a message.
pub(super) async fn bytes(
    _bench: &Shared,
    page: &Arc<Page>,
    with: With,
) -> Result<Download, Complaint> {
    let At { view, i } = with.read()?;
    export::bytes(page.timeline.reader(view)?, i).await
}

/// How long each view of the page is.
pub(super) async fn news(bench: &Shared, page: &Arc<Page>, topic: Topic) -> Option<Value> {
    if topic != Topic::Views {
        return None;
    }
    let (names, numbers): (Vec<u32>, Vec<u64>) = {
        let views = page.timeline.views();
        let open = views.open.iter();
        open.map(|(name, open)| (*name, open.reader.number()))
            .unzip()
    };
    let states = bench.timeline.keeper.states(numbers).await.ok()?;
    let views = names.iter().zip(states).filter_map(|(name, state)| {
        let state = state?;
        let progress = state.progress;
        let scanning =
            (!progress.is_done).then(|| progress.taken as f64 / (progress.of.max(1)) as f64);
        Some(json!({
            "view": name,
            "total": state.next.saturating_sub(state.first),
            "first": state.first,
            "at": state.at.as_nanos(),
            "scanning": scanning,
            "revision": state.revision,
            "lost": state.lost,
            "matched_bytes": state.totals.bytes.iter().sum::<u64>(),
            "trouble": state.trouble.map(|why| page.say(&why)),
        }))
    });
    Some(views.collect())
}

/// Ends what runs, in order.
pub(super) async fn close(_bench: &Bench) {}

/// Bytes as pages write them in small things: `0d0a`.
fn digits(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests;
