//! Rooms in a browser: a page, and a WebSocket on which every text frame is a line of the rooms'
//! line protocol.
//!
//! A connection carries one request. `/` is the page, which needs nothing from elsewhere; `/ws`
//! becomes a WebSocket, and from then on a visitor like any other: limits, charsets and what
//! happens to slow readers are the room's. No cookie is set and none is looked at, so there is
//! nothing that the page of another site could borrow; who sends an `Origin` must send our own.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::{self, OnUpgrade};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sockpit_engine::room::{Visit, Web};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::sync::{Semaphore, TryAcquireError};
use tokio::time::timeout;

use self::answer::{Files, Route};
use self::gate::{Gate, Place};
use crate::http;

mod answer;
mod gate;
mod lines;

/// How long a connection may live that is no WebSocket: the page fits into it many times.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How many connections may be asking at once; one that has become a WebSocket is a member of a
/// room and counts there.
const MAX_ASKING: usize = 256;

/// What the page and its WebSocket are told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// In bytes: how long a line may be, which is also the limit of a frame and of a message.
    pub max_line: usize,
    /// The names by which browsers of this machine and its networks may ask for the page, beside
    /// addresses, `localhost`, names without a dot and names in `.local`.
    pub hosts: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_line: 4096,
            hosts: Vec::new(),
        }
    }
}

/// Makes what takes a room's connections that begin with `GET `.
#[must_use]
pub fn web(settings: Settings) -> Web {
    let site = Arc::new(Site::new(settings));
    Arc::new(move |visit| {
        let site = Arc::clone(&site);
        Box::pin(async move {
            let Visit {
                stream,
                addr,
                door,
                mut closing,
            } = visit;
            let served = site.serve(stream, &addr, || door.enter(&addr), closing.rung());
            served.await;
        })
    })
}

/// What all connections to one room share.
struct Site {
    files: Files,
    gate: Gate,
    max_line: usize,
    asking: Semaphore,
}

/// A connection that is about to become a WebSocket, with its link into the room.
type Entered = Mutex<Option<(OnUpgrade, DuplexStream)>>;

impl Site {
    fn new(settings: Settings) -> Self {
        Self {
            files: Files::new(settings.max_line),
            gate: Gate::new(settings.hosts),
            max_line: settings.max_line,
            asking: Semaphore::new(MAX_ASKING),
        }
    }

    /// Serves one connection to its end. `enter` makes its link into the room, or `None` where
    /// the room takes nobody; once `closing` is done, nothing more is answered.
    async fn serve<S, E>(
        &self,
        stream: S,
        addr: &str,
        enter: impl Fn() -> E,
        closing: impl Future<Output = ()>,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        E: Future<Output = Option<DuplexStream>>,
    {
        let asking = match self.asking.try_acquire() {
            Ok(asking) => asking,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                http::refuse_busy(stream).await;
                return;
            }
        };
        let entered = Entered::default();
        let gate = self.gate.of(ip(addr));
        let answer = service_fn(|request: Request<Incoming>| {
            let (enter, entered) = (&enter, &entered);
            async move { Ok::<_, Infallible>(self.reply(request, gate, enter, entered).await) }
        });
        let connection = http::builder()
            .serve_connection(TokioIo::new(stream), answer)
            .with_upgrades();
        tokio::select! {
            // Whatever went wrong, it is this browser's affair, and it knows.
            _ = timeout(ANSWER_WITHIN, connection) => {}
            () = closing => return,
        }
        drop(asking);
        let entered = entered
            .into_inner()
            .expect("nobody panics while he holds it");
        if let Some((upgrade, link)) = entered
            && let Ok(upgraded) = upgrade.await
        {
            lines::carry(TokioIo::new(upgraded), link, self.max_line).await;
        }
    }

    /// Answers a request, and keeps what a WebSocket needs in `entered`.
    async fn reply<E>(
        &self,
        mut request: Request<Incoming>,
        place: Place<'_>,
        enter: impl Fn() -> E,
        entered: &Entered,
    ) -> Response<Full<Bytes>>
    where
        E: Future<Output = Option<DuplexStream>>,
    {
        let key = match self.files.route(&request, place) {
            Route::Answer(response) => return response,
            Route::WebSocket(key) => key,
        };
        let Some(link) = enter().await else {
            return answer::full();
        };
        let upgrade = upgrade::on(&mut request);
        *entered.lock().expect("nobody panics while he holds it") = Some((upgrade, link));
        http::switching(&key, Full::default())
    }
}

/// The address of a peer such as `127.0.0.1:51234` or `[::1]:5`; `None` for a path.
fn ip(addr: &str) -> Option<IpAddr> {
    let addr: std::net::SocketAddr = addr.parse().ok()?;
    Some(addr.ip().to_canonical())
}

#[cfg(test)]
mod tests;
