//! The ladder of a session, kept up while pages look at it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sockpit_core::event::{Event, What};
use sockpit_core::filter::Filter;
use sockpit_core::ladder::state::Side;
use sockpit_core::ladder::step::{Head, Step};
use sockpit_core::ladder::{Gives, Ladder, Options};
use sockpit_core::record::Epoch;
use sockpit_core::strings::Language;
use sockpit_core::time::Time;
use sockpit_core::transcript::NOTE;
use sockpit_engine::history::{Keeper, Over};
use tokio::sync::watch;
use tokio::time::timeout;

use super::super::Shared;
use super::super::bell::Topic;
use super::super::call::waited;
use super::super::complaint::Complaint;
use super::super::page::Page;
use super::source::{Batch, Source};
use super::{FORGOTTEN, steps};

/// Steps that are kept.
const MOST_KEPT: usize = 20_000;

/// Conversations and peers whose ends are remembered.
const MOST_KNOWN: usize = 4096;

/// How long somebody who asks first waits for the first steps.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether what waits may be drawn.
const SOON: Duration = Duration::from_millis(60);

/// How often it is looked whether anybody still asks.
const LATER: Duration = Duration::from_secs(5);

/// A ladder.
pub(super) struct Drawing {
    asked: Mutex<Instant>,
    drawn: Mutex<Drawn>,
    begun: watch::Sender<bool>,
}

/// What is drawn so far.
#[derive(Default)]
struct Drawn {
    steps: VecDeque<Step>,
    /// Steps that were kept once.
    gone: u64,
    /// The steps of each peer, by their places among all.
    of_peer: BTreeMap<u32, VecDeque<u64>>,
    gone_of_peer: BTreeMap<u32, u64>,
    parties: BTreeMap<u64, Party>,
    peers: BTreeMap<u32, String>,
    packets: Option<(bool, String)>,
}

/// Who stands at both sides of a conversation.
struct Party {
    head: Arc<Head>,
    own: Option<Side>,
    peer: Option<u32>,
}

impl Drawing {
    /// Begins to draw the ladder of a session.
    pub(super) fn begin(bench: &Shared, session: u32, language: Language) -> Arc<Self> {
        let drawing = Arc::new(Self {
            asked: Mutex::new(Instant::now()),
            drawn: Mutex::default(),
            begun: watch::Sender::new(false),
        });
        let keeper = bench.timeline.keeper().clone();
        let (theirs, bench) = (drawing.clone(), Arc::downgrade(bench));
        tokio::spawn(async move {
            let ring = move || {
                if let Some(bench) = bench.upgrade() {
                    bench.changed(Topic::Ladder);
                }
            };
            // What is no longer kept is drawn no further.
            let _ = theirs.draw(&keeper, session, language, ring).await;
            theirs.begun.send_replace(true);
        });
        drawing
    }

    /// Notes that somebody asks.
    pub(super) fn ask(&self) {
        *self.asked.lock().expect("no holder panics") = Instant::now();
    }

    /// For how long nobody has asked.
    pub(super) fn unasked(&self) -> Duration {
        self.asked.lock().expect("no holder panics").elapsed()
    }

    /// How many steps there have been.
    pub(super) fn total(&self) -> u64 {
        let drawn = self.drawn.lock().expect("no holder panics");
        drawn.gone + drawn.steps.len() as u64
    }

    /// Waits for the first steps.
    pub(super) async fn begun(&self) {
        let mut begun = self.begun.subscribe();
        // What comes later is news.
        let _ = timeout(PATIENCE, begun.wait_for(|begun| *begun)).await;
    }

    async fn draw(
        &self,
        keeper: &Keeper,
        session: u32,
        language: Language,
        ring: impl Fn(),
    ) -> Result<(), Over> {
        let mut changes = keeper.changes();
        let mut source = Source::new(keeper, Some(session), None);
        source.reader().settled().await?;
        let mut options = Options {
            teach: Some(language),
            language,
            charset: keeper.plan(session).await?.and_then(|plan| plan.text),
            picture_rows: 0,
            gives: Gives::Steps,
            ..Options::default()
        };
        let mut ladder = Box::new(Ladder::new(options.clone()));
        let epoch = keeper.epoch();
        loop {
            let now = keeper.now();
            let batch = source.read(now).await?;
            if batch.is_void {
                options.charset = keeper.plan(session).await?.and_then(|plan| plan.text);
                *ladder = Ladder::new(options.clone());
                *self.drawn.lock().expect("no holder panics") = Drawn::default();
            }
            let (is_void, has_more, has_held) = (batch.is_void, batch.has_more, batch.has_held);
            let has_learnt = self.learn(&batch.events);
            let pushed = waited(move || {
                let steps = push(&mut ladder, &batch, epoch, now);
                (ladder, steps)
            });
            let steps;
            (ladder, steps) = pushed.await.map_err(|_| Over)?;
            let has_drawn = self.keep(steps);
            if has_drawn || has_learnt || is_void {
                ring();
            }
            // Whoever waits is shown what there is; the rest is news.
            if has_drawn || !has_more {
                self.begun.send_replace(true);
            }
            if has_more {
                continue;
            }
            // A packet may wait for its write in the ladder itself, too.
            let pause = match has_held {
                true => SOON,
                false => LATER,
            };
            if let Ok(false) = timeout(pause, changes.next()).await {
                return Ok(());
            }
            if self.unasked() > FORGOTTEN {
                return Ok(());
            }
        }
    }

    /// Learns who the peers are, and where packets come from; says whether anything was new.
    fn learn(&self, events: &[Event]) -> bool {
        let mut drawn = self.drawn.lock().expect("no holder panics");
        let mut has_learnt = false;
        for event in events {
            match &event.what {
                What::Opened { addr, .. } => {
                    if drawn.peers.len() == MOST_KNOWN {
                        drawn.peers.pop_first();
                    }
                    drawn.peers.insert(event.peer, addr.clone());
                }
                What::Note {
                    kind,
                    message,
                    data,
                } if kind == NOTE && data.get("level").is_some() => {
                    drawn.packets = Some((data["level"] != "none", message.clone()));
                }
                _ => continue,
            }
            has_learnt = true;
        }
        has_learnt
    }

    fn keep(&self, steps: Vec<Step>) -> bool {
        let mut drawn = self.drawn.lock().expect("no holder panics");
        let has_any = !steps.is_empty();
        for step in steps {
            drawn.keep(step);
        }
        has_any
    }

    /// A part of it for a page; `total` counts those before `first`, too.
    pub(super) fn told(
        &self,
        bench: &Shared,
        page: &Page,
        peer: Option<u32>,
        from: u64,
        count: usize,
    ) -> Value {
        let epoch = bench.epoch();
        let drawn = self.drawn.lock().expect("no holder panics");
        let (first, total, steps) = match peer {
            None => {
                let from = from.max(drawn.gone);
                let skipped = usize::try_from(from - drawn.gone).unwrap_or(usize::MAX);
                let steps = drawn
                    .steps
                    .iter()
                    .zip(drawn.gone..)
                    .skip(skipped)
                    .take(count);
                let steps: Vec<Value> = steps
                    .map(|(step, index)| steps::told(step, index, epoch, page))
                    .collect();
                (drawn.gone, drawn.gone + drawn.steps.len() as u64, steps)
            }
            Some(peer) => {
                let gone = drawn.gone_of_peer.get(&peer).copied().unwrap_or(0);
                let places = drawn.of_peer.get(&peer);
                let skipped = usize::try_from(from.max(gone) - gone).unwrap_or(usize::MAX);
                let places_told = places.into_iter().flatten().zip(gone..);
                let steps = places_told.skip(skipped).take(count);
                let steps = steps.filter_map(|(place, index)| {
                    let place = usize::try_from(place.checked_sub(drawn.gone)?).ok()?;
                    Some(steps::told(drawn.steps.get(place)?, index, epoch, page))
                });
                let steps = steps.collect();
                (gone, gone + places.map_or(0, VecDeque::len) as u64, steps)
            }
        };
        let parties = drawn.parties.iter();
        let parties = parties.filter(|(_, party)| peer.is_none() || party.peer == peer);
        let parties: Vec<Value> = parties.map(|(number, party)| party.told(*number)).collect();
        let peers = drawn.peers.iter();
        let peers = peers.map(|(number, addr)| json!({ "number": number, "addr": addr }));
        let packets = drawn.packets.as_ref();
        let packets = packets.map(|(may, text)| json!({ "may": may, "text": page.say(text) }));
        json!({
            "first": first,
            "total": total,
            "packets": packets,
            "parties": parties,
            "peers": peers.collect::<Vec<_>>(),
            "steps": steps,
        })
    }
}

impl Drawn {
    fn keep(&mut self, step: Step) {
        let place = self.gone + self.steps.len() as u64;
        let peer = step.told.map(|told| told.peer);
        if MOST_KNOWN <= self.parties.len() {
            self.parties.pop_first();
        }
        let party = self.parties.entry(step.conversation).or_insert(Party {
            head: step.head.clone(),
            own: None,
            peer: None,
        });
        party.head = step.head.clone();
        if let Some(told) = step.told {
            party.own = Some(told.own);
            party.peer = Some(told.peer);
        }
        if let Some(peer) = peer {
            self.of_peer.entry(peer).or_default().push_back(place);
        }
        self.steps.push_back(step);
        if MOST_KEPT < self.steps.len()
            && let Some(gone) = self.steps.pop_front()
        {
            self.gone += 1;
            if let Some(peer) = gone.told.map(|told| told.peer)
                && let Some(places) = self.of_peer.get_mut(&peer)
            {
                places.pop_front();
                *self.gone_of_peer.entry(peer).or_default() += 1;
                if places.is_empty() {
                    self.of_peer.remove(&peer);
                    self.gone_of_peer.remove(&peer);
                }
            }
        }
    }
}

impl Party {
    fn told(&self, number: u64) -> Value {
        let place = |side: Side| {
            let place = self.own.map(|own| match own == side {
                true => "local",
                false => "remote",
            });
            let addr = match side {
                Side::Left => &self.head.left,
                Side::Right => &self.head.right,
            };
            json!({ "side": place, "addr": addr })
        };
        json!({
            "k": number,
            "protocol": self.head.protocol,
            "left": place(Side::Left),
            "right": place(Side::Right),
            "p": self.peer,
        })
    }
}

/// Has a ladder take events; gives its steps.
fn push(ladder: &mut Ladder, batch: &Batch, epoch: Epoch, now: Time) -> Vec<Step> {
    for event in &batch.events {
        ladder.push_event(0, event, epoch);
    }
    ladder.settle(epoch.0.saturating_add(now.as_nanos()));
    ladder.take_steps()
}

/// The picture of the first steps of a session, or of its conversation with one peer.
pub(super) async fn svg(
    bench: &Shared,
    session: u32,
    peer: Option<u32>,
    language: Language,
) -> Result<String, Complaint> {
    let keeper = bench.timeline.keeper();
    let filter = peer.map(|peer| format!("peer 0,{peer}").parse::<Filter>());
    let filter = filter.transpose();
    let filter = filter.map_err(|error| Complaint::new(error.to_string()))?;
    let mut source = Source::new(keeper, Some(session), filter);
    source.reader().settled().await?;
    let options = Options {
        language,
        charset: keeper.plan(session).await?.and_then(|plan| plan.text),
        gives: Gives::Steps,
        ..Options::default()
    };
    let most = options.picture_rows;
    let mut ladder = Box::new(Ladder::new(options));
    let epoch = keeper.epoch();
    let mut count = 0;
    loop {
        // Everything that has happened is in the picture.
        let now = Time::from_nanos(u64::MAX);
        let batch = source.read(now).await?;
        let has_more = batch.has_more;
        let pushed = waited(move || {
            let steps = push(&mut ladder, &batch, epoch, now);
            (ladder, steps.len())
        });
        let steps;
        (ladder, steps) = pushed.await?;
        count += steps;
        if !has_more || most < count {
            return waited(move || {
                // Its rows are not wanted.
                let _ = ladder.finish();
                ladder.svg()
            })
            .await;
        }
    }
}
