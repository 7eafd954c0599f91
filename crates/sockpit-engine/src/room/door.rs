//! How those come in who do not speak the line protocol over a socket of their own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::sync::{mpsc, watch};

/// In bytes: what may be under way in each direction between a member and whoever speaks for it.
const PIPE: usize = 16 * 1024;

/// A stream of bytes, whatever it is made of.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// Takes a connection that began with `GET `. What it gives runs on the room's own thread, beside
/// its members, until it is done; it is dropped a second after the room has closed.
pub type Web = Arc<dyn Fn(Visit) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A connection that began with `GET `.
pub struct Visit {
    /// The connection, of which nothing was consumed.
    pub stream: Box<dyn ByteStream>,
    /// The peer's address, such as `127.0.0.1:51234`.
    pub addr: String,
    /// The way into the room.
    pub door: Door,
    /// Tells when the room closes.
    pub closing: Closing,
}

/// The way into a room for whoever speaks for a member, such as a web socket.
#[derive(Clone)]
pub struct Door {
    arrivals: mpsc::Sender<(DuplexStream, String)>,
}

/// The room's end of what came through the door.
pub(crate) struct DoorLink {
    pub(crate) stream: DuplexStream,
    pub(crate) addr: String,
    /// As many as hold it, less the reception, are inside.
    pub(super) _pass: Arc<()>,
}

impl Door {
    pub(super) const fn new(arrivals: mpsc::Sender<(DuplexStream, String)>) -> Self {
        Self { arrivals }
    }

    /// A link of the line protocol into the room, for a member at `addr`: what is written to it are
    /// the member's lines, what is read from it are the room's. Its end is the member's.
    ///
    /// `None` where the room is over.
    pub async fn enter(&self, addr: &str) -> Option<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        self.arrivals.send((ours, addr.to_owned())).await.ok()?;
        Some(theirs)
    }
}

/// Tells when a room closes, so that connections end that have nothing to finish.
#[derive(Clone)]
pub struct Closing(pub(super) watch::Receiver<bool>);

impl Closing {
    /// Waits until the room closes. Cancel-safe.
    pub async fn rung(&mut self) {
        // A room that is gone has closed.
        let _ = self.0.wait_for(|is_closing| *is_closing).await;
    }
}
