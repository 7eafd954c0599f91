//! A room of our own, served from the workbench.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sockpit_core::chat::nick::Name;
use sockpit_core::chat::{room, visitor};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role, Shape};
use sockpit_core::size::ByteSize;
use sockpit_core::strings::Language;
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::room::{Opening, Room};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::super::Shared;
use super::super::call::refusal;
use super::super::complaint::Complaint;
use super::book::{Book, State};

/// In bytes: what a member that takes nothing may make the system keep; without a limit of ours it
/// would be megabytes for each.
const SEND_BUFFER: ByteSize = ByteSize(128 * 1024);

/// In bytes: what one member may say before others have their turn.
const READ_SIZE: ByteSize = ByteSize(4 * 1024);

/// How often it is looked who is there.
const REFRESH: Duration = Duration::from_secs(1);

/// Members that are looked up by name, at most.
const MOST_NAMED: usize = 1000;

/// How long the goodbyes may take.
const FAREWELL: Duration = Duration::from_secs(4);

/// What a page wants served.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serve {
    endpoint: String,
    #[serde(default)]
    ws: bool,
    name: Option<String>,
    room: Option<String>,
    topic: Option<String>,
    welcome: Option<String>,
}

/// A room of our own.
pub(super) struct Host {
    pub(super) book: Arc<Book>,
    room: Arc<Room>,
}

impl Host {
    /// Opens a room.
    ///
    /// # Errors
    ///
    /// Says why its endpoint cannot be taken, and what would help.
    pub(super) async fn begin(
        bench: &Shared,
        language: Language,
        serve: Serve,
    ) -> Result<Self, Complaint> {
        let endpoint: Endpoint = (serve.endpoint.trim().parse())
            .map_err(|error| Complaint::new(format!("{error}")).field("endpoint"))?;
        let mut options = Options {
            read_size: Some(READ_SIZE),
            ..Options::default()
        };
        if !endpoint.options.iter().any(|(key, _)| key == "sndbuf") {
            options.sndbuf = Some(SEND_BUFFER);
        }
        let plan = Plan::resolve(Role::Server, &endpoint, options)
            .map_err(|error| Complaint::new(error.to_string()).field("endpoint"))?;
        if plan.shape() != Shape::Stream {
            let complaint = Complaint::new("a room is joined by tcp or unix");
            return Err(complaint.field("endpoint"));
        }
        for (name, field) in [(&serve.name, "name"), (&serve.room, "room")] {
            if let Some(name) = name {
                Name::new(name).map_err(|error| {
                    let name = VisibleLine(name);
                    Complaint::new(format!("the name `{name}`: {error}")).field(field)
                })?;
            }
        }
        let plan = Arc::new(plan);
        let opening = opening(bench, language, &serve)?;
        let opened = bench.handle.open_room(vec![plan.clone()], opening).await;
        let room = match opened {
            Ok(room) => Arc::new(room),
            Err(error) => return Err(refusal(error, plan).await),
        };
        let nick = serve.name.as_deref().unwrap_or_default();
        let book = Book::new(endpoint.to_string(), true, nick, Arc::downgrade(bench));
        let book = Arc::new(book);
        let mut urls = Vec::new();
        for local in room.local().iter().filter(|_| serve.ws) {
            let addr = local
                .strip_prefix("tcp://")
                .and_then(|addr| addr.parse().ok());
            let url = addr.map(page_at).filter(|url| !urls.contains(url));
            urls.extend(url);
        }
        book.place(room.local(), urls);
        tokio::spawn(look_after(room.clone(), book.clone()));
        Ok(Self { book, room })
    }

    /// Tells everybody something.
    pub(super) async fn say(&self, text: String) -> Result<(), Complaint> {
        let said = text.clone();
        let told = self.room.ask(move |hub, now| hub.notify(now, None, &text));
        match told.await {
            Some(Ok(_)) => {
                self.book.tell("notice", &said);
                Ok(())
            }
            Some(Err(error)) => Err(Complaint::new(error.to_string())),
            None => Err(Complaint::new("the room is closed")),
        }
    }

    /// Ends it in order.
    pub(super) async fn close(&self) {
        let ended = async {
            self.room.close().await;
            self.room.outcome().await;
        };
        // What is left then ends with its handle.
        let _ = timeout(FAREWELL, ended).await;
    }
}

/// Everything that a room is opened with.
fn opening(bench: &Shared, language: Language, serve: &Serve) -> Result<Opening, Complaint> {
    // Nobody is to guess the next message's name.
    let seed = getrandom::u64()
        .map_err(|error| Complaint::new(format!("the system gives no random number: {error}")))?;
    let defaults = room::Settings::default();
    let hub = room::Settings {
        node: serve.name.clone().unwrap_or_default(),
        seed,
        epoch: bench.epoch(),
        language,
        welcome: serve.welcome.clone().unwrap_or_default(),
        room: serve.room.clone().unwrap_or_else(|| defaults.room.clone()),
        topic: serve.topic.clone().unwrap_or_default(),
        ..defaults
    };
    let visitors = visitor::Settings {
        language,
        epoch: bench.epoch(),
        ..visitor::Settings::default()
    };
    let web = crate::room::Settings {
        max_line: visitors.max_line,
        hosts: Vec::new(),
    };
    Ok(Opening {
        web: serve.ws.then(|| crate::room::web(web)),
        ..Opening::new(hub, visitors)
    })
}

/// Looks who is there until the room is over.
async fn look_after(room: Arc<Room>, book: Arc<Book>) {
    let mut refresh = interval(REFRESH);
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            outcome = room.outcome() => {
                let why = format!("the room is over ({})", outcome.reason.as_str());
                return book.be(State::Ended, &why);
            }
            _ = refresh.tick() => {}
        }
        let members = room.ask(|hub, _| match hub.stat().members {
            0..=MOST_NAMED => hub.members(None),
            _ => Vec::new(),
        });
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for somebody in members.await.unwrap_or_default() {
            for room in somebody.rooms {
                names.entry(room).or_default().insert(somebody.nick.clone());
            }
        }
        book.members(names);
    }
}

/// Where a browser finds the page of who listens on `addr`: no address means all of them, this
/// machine's own among them.
fn page_at(addr: SocketAddr) -> String {
    match addr.ip().is_unspecified() {
        true => format!("http://localhost:{}/", addr.port()),
        false => format!("http://{addr}/"),
    }
}
