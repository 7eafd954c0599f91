//! Rooms of several servers, joined through NATS.
//!
//! A server of rooms is a *node*. What its members say goes into a stream of NATS, and what others
//! say comes out of it, with an order, a history and no doubles; who is where travels as heartbeats.
//!
//! ```text
//!  hub ── Share ──▶ outbox ──▶ publish, acknowledged ──▶ stream SOCKPIT_CHAT ──▶ read ──▶ hub
//!                                                    chat.v1.presence.<node> ──▶
//! ```
//!
//! While NATS is out of reach, what was said waits; once it is back it is given again under the same
//! id, so that the stream drops what it had already, and reading goes on behind the last entry read.

mod kept;
mod news;
mod outbox;
mod servers;
mod subject;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ClientError, ConnectErrorKind, ConnectOptions, Event};
use futures_util::StreamExt as _;
use sockpit_core::chat::entry::Entry;
use sockpit_core::chat::presence::Presence;
use sockpit_core::chat::room::{Hub, Sighting};
use sockpit_core::time::Time;
use tokio::sync::{Notify, OnceCell, mpsc, watch};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::room::{self, Asked};
use crate::session::Scene;
use kept::{Kept, Place};
use news::News;
use outbox::Outbox;
pub use servers::Servers;
use subject::Way;

/// How often a node says who is on it. The others forget it after three times as long.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long a stream may take to acknowledge an entry before it is given again.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);

/// How long NATS may take to be there at first, or to do what it must, before that is told: one that
/// begins says no for a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before what failed is tried again.
const RETRY: Duration = Duration::from_millis(300);

/// How long what waits may still be passed on when the room closes.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How much that hinders is told of one connection.
const MOST_TOLD: usize = 32;

/// How often it is asked who is here while people come and go: where they never cease, the next
/// heartbeat mends it.
const MOST_TRIES: u32 = 8;

/// How long to wait for NATS to take our last heartbeat.
const FAREWELL: Duration = Duration::from_millis(500);

/// Where a cluster is, and who we are in it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Servers of NATS, any of which will do.
    pub servers: Servers,
    /// This node's name, which no other node has.
    pub node: String,
}

/// A node's part in a cluster.
pub(crate) struct Cluster {
    node: Rc<Node>,
    sender: mpsc::UnboundedSender<Arc<Entry>>,
    task: JoinHandle<()>,
}

impl Cluster {
    /// Joins, and goes on trying while NATS is out of reach. To be called on the room's shard.
    pub(crate) fn start(
        settings: Settings,
        scene: Rc<Scene>,
        asked: mpsc::UnboundedSender<Asked>,
    ) -> Self {
        let (sender, entries) = mpsc::unbounded_channel();
        let node = Rc::new(Node {
            settings,
            scene,
            asked,
            outbox: Outbox::default(),
            client: OnceCell::new(),
            link: watch::Sender::default(),
            told: RefCell::default(),
            greeting: Notify::new(),
            moves: Cell::new(0),
        });
        let task = tokio::task::spawn_local(node.clone().run(entries));
        Self { node, sender, task }
    }

    /// Where what the hub shares goes.
    pub(crate) fn sender(&self) -> mpsc::UnboundedSender<Arc<Entry>> {
        self.sender.clone()
    }

    /// Leaves, after what waits has been passed on if that is soon.
    pub(crate) async fn finish(self) {
        // What the hub shared last is on its way to the outbox.
        yield_now().await;
        let by = Instant::now() + LAST_WORDS;
        while self.node.outbox.len() > 0 && Instant::now() < by {
            sleep(Duration::from_millis(5)).await;
        }
        self.task.abort();
        if let Some(client) = self.node.client.get() {
            let _ = timeout(FAREWELL, self.node.bid_farewell(client)).await;
        }
        let waiting = self.node.outbox.len() as u64 + self.node.outbox.take_lost();
        if waiting > 0 {
            self.node.tell(News::Dropped(waiting));
        }
    }
}

/// Whether NATS answers, and for which time it does so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Link {
    is_up: bool,
    /// Whether what was said before us has been read.
    is_recalled: bool,
    /// Whether we have our place among what is said to single members: before that, what is kept for
    /// them while NATS is away would count as past.
    is_placed: bool,
    /// Connections so far.
    count: u64,
}

impl Link {
    /// Whether nothing that is said from here on is missed.
    const fn is_joined(&self) -> bool {
        self.is_up && self.is_recalled && self.is_placed
    }
}

struct Node {
    settings: Settings,
    scene: Rc<Scene>,
    /// The way to the hub, which lives on the same shard.
    asked: mpsc::UnboundedSender<Asked>,
    outbox: Outbox,
    client: OnceCell<Client>,
    link: watch::Sender<Link>,
    /// What was told of this connection, so that it is told once.
    told: RefCell<Vec<News>>,
    /// Wanted where a server has come that does not know of ours.
    greeting: Notify,
    /// How often somebody came or went here, as far as that was taken to be passed on.
    moves: Cell<u64>,
}

impl Node {
    async fn run(self: Rc<Self>, mut entries: mpsc::UnboundedReceiver<Arc<Entry>>) {
        let link_sender = self.link.clone();
        let mut link = self.link.subscribe();
        let (refusal_sender, refusals) = watch::channel(String::new());
        let connected = ConnectOptions::new()
            .name(format!("sockpit {}", self.settings.node))
            .retry_on_initial_connect()
            .max_reconnects(None)
            .event_callback(move |event| {
                note_event(&link_sender, &refusal_sender, &event);
                std::future::ready(())
            })
            .connect(self.settings.servers.addresses())
            .await;
        let client = match connected {
            Ok(client) => client,
            Err(error) => return self.tell(News::Refused(error.to_string())),
        };
        // It is set once, by this task.
        let _ = self.client.set(client.clone());
        let context = jetstream::context::ContextBuilder::new()
            .ack_timeout(ACKNOWLEDGED_WITHIN)
            .build(client.clone());
        tokio::join!(
            self.gather(&mut entries),
            self.tell_of_link(link.clone(), &refusals),
            self.tell_of_refusals(refusals.clone()),
            self.read(&context, Kept::said(), link.clone()),
            self.read(&context, Kept::direct(), link.clone()),
            self.publish(&client, &context),
            self.listen(&client),
            self.beat(&client, &mut link),
        );
    }

    /// Takes what the hub shares as it comes: here it is bounded.
    async fn gather(&self, entries: &mut mpsc::UnboundedReceiver<Arc<Entry>>) {
        while let Some(entry) = entries.recv().await {
            if !entry.kind.is_kept() {
                self.moves.set(self.moves.get() + 1);
            }
            self.outbox.push(entry);
        }
    }

    /// Tells that NATS is there or away, when that has changed; and when it is not there at first.
    async fn tell_of_link(
        &self,
        mut link: watch::Receiver<Link>,
        refusals: &watch::Receiver<String>,
    ) {
        let joined = link.wait_for(Link::is_joined);
        let mut was_joined = timeout(PATIENCE, joined).await.is_ok();
        if was_joined {
            self.tell(News::Joined);
        } else if !link.borrow().is_up && refusals.borrow().is_empty() {
            // Where NATS says why not, that says it all.
            self.tell(News::Lost);
        }
        while link.changed().await.is_ok() {
            let is_joined = link.borrow_and_update().is_joined();
            if is_joined && !was_joined {
                self.told.take();
                self.tell(News::Joined);
            } else if was_joined && !is_joined {
                self.tell(News::Lost);
            }
            was_joined = is_joined;
        }
    }

    /// Tells why NATS does not take us, once for each reason.
    async fn tell_of_refusals(&self, mut refusals: watch::Receiver<String>) {
        while refusals.changed().await.is_ok() {
            let reason = refusals.borrow_and_update().clone();
            self.tell_once(News::Refused(reason));
        }
    }

    /// Passes on what waits, one entry after the other: each is in the stream before the next goes.
    async fn publish(&self, client: &Client, context: &jetstream::Context) {
        loop {
            let entry = self.outbox.next().await;
            let payload = entry.to_json();
            match subject::way_of(&entry) {
                Way::Kept(subject) => {
                    let id = entry.id.to_string();
                    let is_kept = self
                        .insist(|| kept::keep(context, &subject, &id, &payload))
                        .await;
                    if !is_kept {
                        self.tell(News::Dropped(1));
                    }
                }
                Way::Passing(subject) => {
                    // Presence mends what nobody got.
                    let _ = client.publish(subject, payload.into()).await;
                }
            }
            self.outbox.sent();
            let lost = self.outbox.take_lost();
            if lost > 0 {
                self.tell(News::Dropped(lost));
            }
        }
    }

    /// Does it until it succeeds; tells why it does not, once that has lasted.
    async fn insist<T, F: Future<Output = Result<T, String>>>(&self, attempt: impl Fn() -> F) -> T {
        let begun = Instant::now();
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(reason) => {
                    if is_refusal(&reason) && begun.elapsed() > PATIENCE {
                        self.tell_once(News::Refused(reason));
                    }
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Reads a stream for ever: from where it stood when we came, or from its beginning where the
    /// past is wanted; after an interruption, behind what was read last.
    async fn read(
        &self,
        context: &jetstream::Context,
        kept: Kept,
        mut link: watch::Receiver<Link>,
    ) {
        let mut place = Place::default();
        loop {
            // The sender lives as long as the client, which we hold.
            let _ = link.wait_for(|link| link.is_up).await;
            let count = link.borrow_and_update().count;
            let stream = self
                .insist(|| async {
                    let stream = context.get_or_create_stream(kept.config.clone()).await;
                    stream.map_err(|error| kept::reason_of(&error))
                })
                .await;
            place.take(stream.cached_info(), kept.has_history);
            self.note_place(&place, kept.has_history);
            let lost = async {
                let _ = link.wait_for(|link| link.count != count).await;
            };
            tokio::select! {
                // A consumer ends with its connection, and says so only half a minute later.
                () = lost => {}
                () = self.read_on(&stream, &mut place, kept.has_history) => sleep(RETRY).await,
            }
        }
    }

    async fn read_on(&self, stream: &stream::Stream, place: &mut Place, has_history: bool) {
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: place.next,
            },
            ..pull::OrderedConfig::default()
        };
        let Ok(consumer) = stream.create_consumer(config).await else {
            return;
        };
        let Ok(mut messages) = consumer.messages().await else {
            return;
        };
        while let Some(Ok(message)) = messages.next().await {
            let Ok(info) = message.info() else {
                continue;
            };
            let is_past = info.stream_sequence < place.live;
            place.next = info.stream_sequence + 1;
            // What another program put there is not ours to judge.
            let Some(entry) = entry_of(&message.payload) else {
                self.note_place(place, has_history);
                continue;
            };
            self.ask(move |hub, now| {
                if is_past {
                    hub.recall(now, entry);
                } else {
                    hub.hear_remote(now, entry);
                }
            })
            .await;
            self.note_place(place, has_history);
        }
    }

    /// Takes note when all that was said before us, and is wanted, has been read.
    fn note_place(&self, place: &Place, has_history: bool) {
        if place.live <= place.next {
            self.link.send_if_modified(|link| {
                let is_there = match has_history {
                    true => &mut link.is_recalled,
                    false => &mut link.is_placed,
                };
                !std::mem::replace(is_there, true)
            });
        }
    }

    /// Hears who comes and goes, and the heartbeats of the other nodes.
    async fn listen(&self, client: &Client) {
        let subscribe = |subject: &'static str| async move {
            let subscribed = client.subscribe(subject).await;
            subscribed.map_err(|error| error.to_string())
        };
        let mut events = self.insist(|| subscribe(subject::EVENTS)).await;
        let mut presences = self.insist(|| subscribe(subject::PRESENCES)).await;
        loop {
            tokio::select! {
                Some(message) = events.next() => {
                    if let Some(entry) = entry_of(&message.payload) {
                        self.ask(move |hub, now| hub.hear_remote(now, entry)).await;
                    }
                }
                Some(message) = presences.next() => {
                    let text = String::from_utf8_lossy(&message.payload);
                    if let Ok(presence) = Presence::from_json(&text) {
                        let sighting = self.ask(move |hub, now| hub.hear_presence(now, presence));
                        self.take_sighting(sighting.await);
                    }
                }
                else => return,
            }
        }
    }

    fn take_sighting(&self, sighting: Option<Sighting>) {
        match sighting {
            Some(Sighting::New) => self.greeting.notify_one(),
            Some(Sighting::Namesake(seed)) => self.tell_once(News::Namesake(seed)),
            Some(Sighting::Known | Sighting::Passed) | None => {}
        }
    }

    /// Says who is here: every ten seconds, and at once when NATS is back or somebody is new.
    async fn beat(&self, client: &Client, link: &mut watch::Receiver<Link>) {
        let mut beats = interval(HEARTBEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beats.tick() => {}
                () = self.greeting.notified() => {}
                changed = link.changed() => if changed.is_err() {
                    return;
                },
            }
            let is_up = link.borrow_and_update().is_up;
            if is_up && let Some(presence) = self.presence().await {
                self.show(client, &presence).await;
            }
        }
    }

    /// Who is here. Somebody whose coming was passed on meanwhile is asked for again, or the others
    /// would forget them until the next heartbeat.
    async fn presence(&self) -> Option<Presence> {
        let mut tries = 0;
        loop {
            let moves = self.moves.get();
            let presence = self.ask(|hub, _| hub.presence()).await?;
            tries += 1;
            if moves == self.moves.get() || tries == MOST_TRIES {
                return Some(presence);
            }
        }
    }

    /// Asks or changes the hub; `None` where the room is over.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Hub, Time) -> T + Send + 'static,
    ) -> Option<T> {
        room::ask(&self.asked, ask).await
    }

    /// Tells what hinders, unless it was told of this connection.
    fn tell_once(&self, news: News) {
        let mut told = self.told.borrow_mut();
        if !told.contains(&news) && told.len() < MOST_TOLD {
            told.push(news.clone());
            self.tell(news);
        }
    }

    fn tell(&self, news: News) {
        self.scene.publish(0, news.into_what(&self.settings));
    }

    async fn show(&self, client: &Client, presence: &Presence) {
        let subject = subject::presence_of(&self.settings.node);
        let published = client.publish(subject, presence.to_json().into()).await;
        if let Err(error) = published {
            // So many members that their list is longer than a message of NATS may be.
            self.tell_once(News::Refused(error.to_string()));
        }
    }

    /// Says that nobody is here any more.
    async fn bid_farewell(&self, client: &Client) {
        if let Some(mut presence) = self.ask(|hub, _| hub.presence()).await {
            presence.members.clear();
            self.show(client, &presence).await;
        }
        let _ = client.flush().await;
    }
}

/// Whether NATS answered, and said no. Whatever has to do with time is a matter of the connection,
/// and a stream that is not there one of whoever reads it, who makes it.
fn is_refusal(reason: &str) -> bool {
    let is_about_time = reason.contains("timed out") || reason.contains("timeout");
    !is_about_time && !reason.contains("broken pipe") && !reason.contains("no stream found")
}

/// Whether trying to connect failed in a way that is not mended by waiting.
fn refuses(error: &str) -> bool {
    let kinds = [
        ConnectErrorKind::Authentication,
        ConnectErrorKind::AuthorizationViolation,
        ConnectErrorKind::Dns,
        ConnectErrorKind::Tls,
    ];
    kinds
        .iter()
        .any(|kind| error.starts_with(&kind.to_string()))
}

fn entry_of(payload: &[u8]) -> Option<Entry> {
    Entry::from_json(std::str::from_utf8(payload).ok()?).ok()
}

fn note_event(link: &watch::Sender<Link>, refusals: &watch::Sender<String>, event: &Event) {
    match event {
        Event::Connected => link.send_modify(|link| {
            link.is_up = true;
            link.count += 1;
        }),
        Event::Disconnected | Event::Closed => {
            link.send_if_modified(|link| std::mem::take(&mut link.is_up));
        }
        Event::ServerError(error) => refusals.send_modify(|text| *text = error.to_string()),
        Event::ClientError(ClientError::Other(error)) if refuses(error) => {
            refusals.send_modify(|text| text.clone_from(error));
        }
        Event::ClientError(_) | Event::LameDuckMode | Event::Draining | Event::SlowConsumer(_) => {}
    }
}

#[cfg(test)]
mod tests;
