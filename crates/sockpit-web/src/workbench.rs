//! The workbench in a browser: sessions, their timeline and everything else, on this machine alone.
//!
//! ```text
//!  browser ──HTTP──▶ Gate (Host, Origin) ──▶ files of the page
//!     │                                  ──▶ /api (token) ──▶ area ──▶ a download
//!     └──WebSocket─▶ Gate ─▶ hello (token) ─▶ calls ──▶ area ──▶ answers
//!                                             news  ◀── area, asked when its bell rang
//! ```
//!
//! Whoever has the token may do what the user may do with sessions, and nothing else: no program is
//! run, and no file is touched outside the project folder. The token stands in the fragment of the
//! page's URL, so that no browser sends it by itself; there is no cookie, and nothing that the page
//! of another site could borrow.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sockpit_engine::porch::{self, Porch, Site};
use sockpit_engine::project::Project;
use sockpit_engine::{Error, Handle, history};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use self::token::{Token, TokenError};

use self::bench::Bench;
use self::gate::Gate;
use self::service::Service;

mod answer;
mod assets;
mod bell;
mod bench;
mod body;
mod call;
mod complaint;
mod desk;
mod drones;
mod farewell;
mod gate;
mod nets;
mod news;
mod page;
mod ports;
mod rooms;
mod service;
mod socket;
mod timeline;
mod token;
mod welcome;
mod wire;

/// How long sessions and rooms may take to end in order.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// How long drones may take to land: longer than the engine waits for one that refuses.
const LAND_WITHIN: Duration = Duration::from_secs(75);

/// What the workbench is told.
#[derive(Debug)]
pub struct Settings {
    /// Where browsers come in.
    pub site: Site,
    /// Whether a port that is taken is given up for one that the system chooses.
    pub or_any_port: bool,
    /// Names by which browsers may ask for it beside its own, such as `bench.lan` or
    /// `localhost:8080`; one without a port has that of the workbench.
    pub hosts: Vec<String>,
    /// What a browser has to know.
    pub token: Token,
    /// Whether the token was chosen for this workbench, which an address of others needs (rule F1).
    pub is_token_from_file: bool,
    /// Where sessions are saved.
    pub project: Project,
    /// How much of what happens is kept, and where.
    pub history: history::Settings,
}

/// Why a workbench cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Other machines would reach it, and nobody said with which token.
    #[error("{addr} is reached from other machines, which needs a token of its own")]
    Exposed {
        /// What was to be taken.
        addr: SocketAddr,
    },
    /// The address cannot be taken.
    #[error(transparent)]
    Listen(#[from] Error),
    /// What happens cannot be kept.
    #[error("cannot keep what happens")]
    History(#[source] std::io::Error),
}

/// A workbench that is being served.
#[derive(Debug)]
pub struct Served {
    url: String,
    socket: Option<PathBuf>,
    closing: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Begins to serve the workbench on the calling thread's runtime. The thread should have given up
/// capturing ([`porch::give_up_capturing`]).
///
/// # Errors
///
/// Returns a [`ServeError`] where the address is not to be taken or cannot be.
///
/// # Panics
///
/// Panics outside a runtime, and if the engine's workbench is gone.
pub async fn serve(handle: &Handle, settings: Settings) -> Result<Served, ServeError> {
    if let Site::At(addr) = settings.site
        && !porch::is_of_this_machine(addr.ip())
        && !settings.is_token_from_file
    {
        return Err(ServeError::Exposed { addr });
    }
    let porch = match (Porch::open(&settings.site).await, &settings.site) {
        (Err(error), Site::Loopback(1..)) if settings.or_any_port && error.is_address_in_use() => {
            Porch::open(&Site::Loopback(0)).await?
        }
        (porch, _) => porch?,
    };
    let socket = match &settings.site {
        Site::Path(path) => Some(PathBuf::from(path)),
        Site::Loopback(_) | Site::At(_) => None,
    };
    let local: Vec<SocketAddr> = porch
        .local()
        .iter()
        .filter_map(|local| local.strip_prefix("tcp://")?.parse().ok())
        .collect();
    let gate = Gate::new(&local, &settings.hosts);
    let url = url(local.first(), &settings.token);
    let bench = Bench::new(handle, settings.project, settings.history)
        .await
        .map_err(ServeError::History)?;
    let (closing, closes) = watch::channel(false);
    let service = Service::new(bench, gate, settings.token, closes);
    let task = tokio::spawn(service.run(porch));
    Ok(Served {
        url,
        socket,
        closing,
        task,
    })
}

/// Where the page is, as a browser of this machine is told it.
fn url(local: Option<&SocketAddr>, token: &Token) -> String {
    let place = match local {
        Some(addr) if addr.ip().is_unspecified() => format!("localhost:{}", addr.port()),
        Some(addr) => addr.to_string(),
        None => "localhost:PORT".to_owned(),
    };
    format!("http://{place}/#token={}", token.reveal())
}

impl Served {
    /// The page with its token: whoever knows it has the workbench. For a Unix socket the port stands
    /// for the one that somebody forwards to it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of the Unix socket, if it is one.
    #[must_use]
    pub fn socket(&self) -> Option<&std::path::Path> {
        self.socket.as_deref()
    }

    /// Tells the pages, ends what runs in order, and is done soon, unless a drone has to land first.
    pub async fn close(self) {
        self.closing.send_replace(true);
        // What does not end in time ends with the engine's workbench.
        let _ = timeout(LAND_WITHIN, self.task).await;
    }
}

/// All that pages share, for those who hold it.
type Shared = Arc<Bench>;

#[cfg(test)]
mod tests;
