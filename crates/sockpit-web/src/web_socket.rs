//! How a WebSocket of ours stays alive, and how it is closed.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// How often the peer is asked whether it is there. Shorter than the minute after which proxies
/// give up on a silent connection.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(30);

/// A peer that answered two pings in no way is dead.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(75);

/// How long the peer may take to answer a close (reliability rule A1).
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// In bytes: what is left unread of a peer that broke a rule, before the connection is ended.
const MAX_REST: u64 = 1 << 20;

/// Closes, and reads what the peer has still sent, for a connection that is ended with something
/// unread is reset, and the reason lost with it.
pub(crate) async fn end<S>(socket: &mut WebSocketStream<S>, close: Option<CloseFrame>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ended = async {
        // Both fail where the peer has closed or gone.
        let _ = socket.close(close).await;
        while let Some(Ok(_)) = socket.next().await {}
        let stream = socket.get_mut();
        if stream.shutdown().await.is_ok() {
            let _ = tokio::io::copy(&mut stream.take(MAX_REST), &mut tokio::io::sink()).await;
        }
    };
    let _ = timeout(CLOSE_WITHIN, ended).await;
}

pub(crate) fn closed(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame {
        code,
        reason: Utf8Bytes::from_static(reason),
    }
}
