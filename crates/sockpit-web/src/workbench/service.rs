//! The service: connections, and what each request leads to.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::service::service_fn;
use hyper::upgrade::{self, OnUpgrade};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Map, Value};
use sockpit_core::strings::{Catalogue, Language};
use sockpit_engine::porch::Porch;
use sockpit_engine::room::ByteStream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::body::{Body, Download};
use super::call::With;
use super::complaint::Complaint;
use super::gate::Gate;
use super::token::Token;
use super::{CLOSE_WITHIN, Shared, answer, assets, socket, timeline};
use crate::http;

/// How many connections there may be at once: pages, and what they load (rule F6).
const MAX_CONNECTIONS: usize = 64;

/// In bytes: what the body of a request may have (rule F6).
const MAX_BODY: u32 = 1024 * 1024;

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// How long nobody is let in where the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// What all connections share.
pub(super) struct Service {
    pub(super) bench: Shared,
    pub(super) token: Token,
    gate: Gate,
    closes: watch::Receiver<bool>,
    connections: Arc<Semaphore>,
}

/// A connection that is about to become a WebSocket.
type Upgrading = Mutex<Option<OnUpgrade>>;

/// What a call over HTTP says beside what it asks for.
#[derive(Deserialize)]
struct Asked {
    /// The number of the page that asks, as it was welcomed with.
    page: u64,
    #[serde(flatten)]
    with: Map<String, Value>,
}

impl Service {
    pub(super) fn new(
        bench: Shared,
        gate: Gate,
        token: Token,
        closes: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            bench,
            token,
            gate,
            closes,
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        })
    }

    /// Serves until the workbench closes, and ends what runs.
    pub(super) async fn run(self: Arc<Self>, mut porch: Porch) {
        let mut closing = self.closing();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = closing.done() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = porch.accept() => match accepted {
                    Ok((stream, _)) => self.take(stream, &mut connections),
                    // A connection that was over before it was taken, or no more descriptors.
                    Err(_) => sleep(PAUSE).await,
                },
            }
        }
        drop(porch);
        // Pages tell their browsers while what runs is ended.
        let told = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::join!(self.bench.close(), timeout(CLOSE_WITHIN, told));
    }

    /// Whether the workbench closes, for who waits for it.
    pub(super) fn closing(&self) -> Closing {
        Closing(self.closes.clone())
    }

    fn take(self: &Arc<Self>, stream: Box<dyn ByteStream>, connections: &mut JoinSet<()>) {
        match Arc::clone(&self.connections).try_acquire_owned() {
            Ok(permit) => {
                let service = Arc::clone(self);
                connections.spawn(async move { service.serve(stream, permit).await });
            }
            Err(_) if connections.len() < 2 * MAX_CONNECTIONS => {
                connections.spawn(http::refuse_busy(stream));
            }
            Err(_) => {}
        }
    }

    /// Serves one connection to its end.
    async fn serve(self: Arc<Self>, stream: Box<dyn ByteStream>, _permit: OwnedSemaphorePermit) {
        let upgrading = Upgrading::default();
        let reply = service_fn(|request: Request<Incoming>| {
            let (service, upgrading) = (&self, &upgrading);
            async move { Ok::<_, Infallible>(service.reply(request, upgrading).await) }
        });
        let connection = http::builder()
            .keep_alive(true)
            .serve_connection(TokioIo::new(stream), reply)
            .with_upgrades();
        tokio::select! {
            // Whatever went wrong, it is this browser's affair, and it knows.
            _ = connection => {}
            () = async { self.closing().done().await } => return,
        }
        if let Some(upgrade) = upgrading.into_inner()
            && let Ok(upgraded) = upgrade.await
        {
            socket::carry(&self, TokioIo::new(upgraded)).await;
        }
    }

    /// Answers a request, and keeps what a WebSocket needs in `upgrading`.
    async fn reply(&self, mut request: Request<Incoming>, upgrading: &Upgrading) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_entrance = is_read && path == "/";
        if let Err(refusal) = self
            .gate
            .check(request.uri(), request.headers(), is_entrance)
        {
            return answer::refused(refusal);
        }
        if path.starts_with("/api/") {
            return self.call(&path, request).await;
        }
        if path == "/ws" {
            if request.method() != Method::GET {
                return answer::not_so("GET");
            }
            let Some(key) = http::upgrade_key(&request) else {
                return answer::no_upgrade();
            };
            *upgrading.lock().await = Some(upgrade::on(&mut request));
            return answer::switching(&key);
        }
        match assets::find(&path) {
            Some(asset) if is_read => answer::file(asset),
            Some(_) => answer::not_so("GET, HEAD"),
            None => answer::nothing(),
        }
    }

    /// Carries out a call over HTTP, which gives a file.
    async fn call(&self, path: &str, request: Request<Incoming>) -> Response<Body> {
        if !self.is_known(&request) {
            return answer::unknown();
        }
        if !matches!(path, "/api/export" | "/api/bytes") {
            return answer::nothing();
        }
        if request.method() != Method::POST {
            return answer::not_so("POST");
        }
        // What is announced is believed, and what is not is counted.
        if u64::from(MAX_BODY) < request.body().size_hint().lower() {
            return answer::too_large();
        }
        let body = Limited::new(request.into_body(), MAX_BODY as usize).collect();
        let bytes = match timeout(BODY_WITHIN, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return answer::too_large();
            }
            Ok(Err(_)) | Err(_) => return answer::unreadable(),
        };
        let Ok(Asked { page, with }) = serde_json::from_slice(&bytes) else {
            return answer::unreadable();
        };
        match self
            .download(path, page, With::new(Some(with.into())))
            .await
        {
            Ok(download) => answer::download(download),
            Err(told) => answer::complaint(&told),
        }
    }

    /// What a page gets as a file, or why it does not, in its language.
    async fn download(&self, path: &str, page: u64, with: With) -> Result<Download, Value> {
        let Some(page) = self.bench.page(page) else {
            let english = Catalogue::new(Language::English);
            return Err(Complaint::new("that page is not connected").told(&english));
        };
        let given = match path {
            "/api/bytes" => timeline::bytes(&self.bench, &page, with).await,
            _ => timeline::export(&self.bench, &page, with).await,
        };
        given.map_err(|complaint| complaint.told(page.catalogue()))
    }

    fn is_known(&self, request: &Request<Incoming>) -> bool {
        let mut said = request.headers().get_all(AUTHORIZATION).iter();
        let token = said.next().and_then(|said| bearer(said));
        token.is_some_and(|token| self.token.is(token)) && said.next().is_none()
    }
}

fn bearer(said: &HeaderValue) -> Option<&str> {
    let (scheme, token) = said.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Tells when the workbench closes.
pub(super) struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Waits until it closes. Cancel-safe.
    pub(super) async fn done(&mut self) {
        // Whoever would say so has gone, and the workbench with it.
        let _ = self.0.wait_for(|is_closing| *is_closing).await;
    }
}
