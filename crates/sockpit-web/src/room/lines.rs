//! A WebSocket as a link of the line protocol: a text frame is a line.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::web_socket::{self, DEAD_AFTER, PING_EVERY, closed};

/// How long one write may be stuck. The room drops what waits for a slow reader long before.
const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// In bytes: what one read of the room may give, and how much is gathered before it is written.
const BUFFER: usize = 16 * 1024;

/// In bytes: the longest line of a room, such as the list of its members.
const MAX_LINE_OUT: usize = 16 << 20;

/// Carries lines both ways until one of the two sides ends, and closes in order.
///
/// `max_line` is in bytes, and the limit of a frame and of a message.
pub(super) async fn carry<S>(stream: S, link: DuplexStream, max_line: usize)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(BUFFER + MAX_LINE_OUT)
        .max_message_size(Some(max_line))
        .max_frame_size(Some(max_line));
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let (mut sink, mut frames) = socket.split();
    let (from_room, to_room) = tokio::io::split(link);
    let close = tokio::select! {
        close = hear(&mut frames, to_room) => close,
        close = tell(from_room, &mut sink) => close,
    };
    let mut socket = sink
        .reunite(frames)
        .expect("they are the halves of one socket");
    web_socket::end(&mut socket, close).await;
}

/// Gives the room what the peer says, and returns how to close when there is no more.
async fn hear<S>(
    frames: &mut SplitStream<WebSocketStream<S>>,
    mut room: WriteHalf<DuplexStream>,
) -> Option<CloseFrame>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        // A pong counts as a sign of life, and so does nothing that is not whole.
        let Ok(frame) = timeout(DEAD_AFTER, frames.next()).await else {
            return Some(closed(CloseCode::Away, "nothing was heard for too long"));
        };
        match frame? {
            Ok(Message::Text(line)) => {
                let mut bytes = BytesMut::with_capacity(line.len() + 1);
                bytes.extend_from_slice(line.as_bytes());
                bytes.extend_from_slice(b"\n");
                // The room has ended this side, and tells why on the other.
                if room.write_all(&bytes).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            Ok(Message::Binary(_)) => {
                return Some(closed(CloseCode::Unsupported, "a line is a text frame"));
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {}
            Err(Error::Capacity(_)) => {
                return Some(closed(CloseCode::Size, "the line is too long"));
            }
            Err(Error::Utf8(_)) => {
                return Some(closed(CloseCode::Invalid, "a line is UTF-8"));
            }
            Err(Error::Protocol(_)) => {
                return Some(closed(CloseCode::Protocol, ""));
            }
            Err(_) => return None,
        }
    }
}

/// Tells the peer what the room says, and asks now and then whether it is there; returns how to
/// close when there is no more.
async fn tell<S>(
    mut room: ReadHalf<DuplexStream>,
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
) -> Option<CloseFrame>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lines = Lines::default();
    loop {
        lines.bytes.reserve(BUFFER);
        let read = tokio::select! {
            read = room.read_buf(&mut lines.bytes) => Some(read),
            _ = pings.tick() => None,
        };
        let written = match read {
            Some(Ok(1..)) => timeout(WRITE_WITHIN, write(&mut lines, sink)).await,
            Some(Ok(0) | Err(_)) => return Some(closed(CloseCode::Normal, "")),
            None => timeout(WRITE_WITHIN, sink.send(Message::Ping(Bytes::new()))).await,
        };
        if !matches!(written, Ok(Ok(()))) {
            return None;
        }
        if lines.bytes.len() > MAX_LINE_OUT {
            return Some(closed(CloseCode::Error, "the room's line is too long"));
        }
    }
}

/// Writes all whole lines, each as a frame, and then all of them at once.
async fn write<S>(
    lines: &mut Lines,
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(line) = lines.next() {
        sink.feed(Message::Text(text(&line))).await?;
    }
    sink.flush().await
}

/// A line as text. A visitor may have asked for another charset, which a text frame cannot carry.
fn text(line: &Bytes) -> Utf8Bytes {
    match Utf8Bytes::try_from(line.clone()) {
        Ok(text) => text,
        Err(_) => String::from_utf8_lossy(line).into_owned().into(),
    }
}

/// Bytes of the room that are cut into lines.
#[derive(Default)]
struct Lines {
    bytes: BytesMut,
    /// In bytes: how much of the front has no line's end in it, and is not looked at again.
    searched: usize,
}

impl Lines {
    /// The next whole line, without its end.
    fn next(&mut self) -> Option<Bytes> {
        let rest = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr::memchr(b'\n', rest) else {
            self.searched = self.bytes.len();
            return None;
        };
        let mut line = self.bytes.split_to(self.searched + found);
        self.bytes.advance(1);
        self.searched = 0;
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        Some(line.freeze())
    }
}
