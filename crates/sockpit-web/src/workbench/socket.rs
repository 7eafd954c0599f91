//! The socket of a page: calls, answers, pieces of files, and news.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use sockpit_core::strings::Language;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::bell::{Rung, Topic};
use super::call::{Answer, Call};
use super::complaint::Complaint;
use super::page::Page;
use super::service::Service;
use super::welcome::{MAX_CALLS, MAX_PIECE, welcome};
use super::{Shared, desk, farewell, news};
use crate::web_socket::{self, DEAD_AFTER, PING_EVERY};

/// How long a page may take to say that it knows the token (rule F2).
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// How long one write may be stuck. Nothing is lost by it: the page comes again and asks again.
const WRITE_WITHIN: Duration = Duration::from_secs(15);

/// The least time between two news of one topic: 30 a second.
const NEWS_EVERY: Duration = Duration::from_millis(33);

/// What every byte of news adds to that: one topic is told at 8 MB a second at most.
const NEWS_BYTE: Duration = Duration::from_nanos(125);

/// In bytes: how long a call may be. A payload of 1 MiB has twice as many digits.
const MAX_CALL: usize = 4 * 1024 * 1024;

/// In bytes: what an answer may have; more than that is asked for in parts.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// In bytes: how much is gathered before it is written.
const BUFFER: usize = 64 * 1024;

/// In bytes: the number of a job stands before a piece.
const PIECE_HEADER: usize = 4;

type Sink<S> = SplitSink<WebSocketStream<S>, Message>;
type Frames<S> = SplitStream<WebSocketStream<S>>;

/// What a page says first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    hello: Hello,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hello {
    token: String,
    #[serde(default)]
    lang: String,
}

/// Serves a page to its end.
pub(super) async fn carry<S>(service: &Arc<Service>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(BUFFER + 2 * MAX_ANSWER)
        .max_message_size(Some(MAX_CALL))
        .max_frame_size(Some(MAX_CALL));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let mut closing = service.closing();
    let met = tokio::select! {
        met = timeout(HELLO_WITHIN, meet(service, &mut socket)) => met,
        () = closing.done() => Ok(Err(Some(farewell::leaving()))),
    };
    let close = match met {
        Ok(Ok(page)) => {
            let (mut sink, mut frames) = socket.split();
            let close = attend(service, &page, &mut sink, &mut frames).await;
            service.bench.dismiss(&page);
            socket = sink
                .reunite(frames)
                .expect("they are the halves of one socket");
            close
        }
        Ok(Err(close)) => close,
        Err(_) => Some(farewell::late()),
    };
    web_socket::end(&mut socket, close).await;
}

/// Hears who it is, and welcomes a page that knows the token.
async fn meet<S>(
    service: &Service,
    socket: &mut WebSocketStream<S>,
) -> Result<Arc<Page>, Option<CloseFrame>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let hello = loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => break serde_json::from_str::<First>(&text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(_)) => return Err(Some(farewell::no_hello())),
            Some(Err(_)) | None => return Err(None),
        }
    };
    let Ok(First { hello }) = hello else {
        return Err(Some(farewell::no_hello()));
    };
    if !service.token.is(&hello.token) {
        return Err(Some(farewell::unknown()));
    }
    let language: Language = hello.lang.parse().unwrap_or_default();
    let page = service.bench.admit(language);
    let welcome = json!({ "welcome": welcome(&service.bench, &page).await });
    let sent = socket.send(Message::text(welcome.to_string())).await;
    sent.map(|()| page).map_err(|_| None)
}

/// Hears and tells until one of the two sides ends, and says how to close.
async fn attend<S>(
    service: &Arc<Service>,
    page: &Arc<Page>,
    sink: &mut Sink<S>,
    frames: &mut Frames<S>,
) -> Option<CloseFrame>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (post, posted) = mpsc::channel(MAX_CALLS);
    let mut closing = service.closing();
    tokio::select! {
        close = hear(&service.bench, page, frames, post) => close,
        close = tell(&service.bench, page, sink, posted) => close,
        () = closing.done() => Some(farewell::leaving()),
    }
}

/// Has what the page asks for carried out, so many calls at once; more are not read.
async fn hear<S>(
    bench: &Shared,
    page: &Arc<Page>,
    frames: &mut Frames<S>,
    post: mpsc::Sender<String>,
) -> Option<CloseFrame>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let calls = Arc::new(Semaphore::new(MAX_CALLS));
    let (pieces, mut waiting) = mpsc::channel::<Bytes>(1);
    let carried = async {
        while let Some(piece) = waiting.recv().await {
            let answer = take_piece(bench, page, piece).await;
            if post.send(written(page, 0, answer)).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let heard = async {
        loop {
            // A pong counts as a sign of life.
            let Ok(frame) = timeout(DEAD_AFTER, frames.next()).await else {
                return Some(farewell::silent());
            };
            match frame? {
                Ok(Message::Text(text)) => {
                    let Ok(call) = serde_json::from_str::<Call>(&text) else {
                        return Some(farewell::no_call());
                    };
                    let permit = Arc::clone(&calls).acquire_owned().await;
                    let permit = permit.expect("nobody closes it");
                    let (bench, page, post) = (bench.clone(), page.clone(), post.clone());
                    // It is carried out to its end, though the page may leave.
                    tokio::spawn(async move {
                        let told = carry_out(call, &bench, &page).await;
                        // A page that has left is told nothing.
                        let _ = post.send(told).await;
                        drop(permit);
                    });
                }
                Ok(Message::Binary(piece)) if piece.len() <= PIECE_HEADER + MAX_PIECE => {
                    // The page waits for each answer; one that does not is not read further.
                    let _ = pieces.send(piece).await;
                }
                Ok(Message::Binary(_)) | Err(Error::Capacity(_)) => {
                    return Some(farewell::too_long());
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {
                }
                Err(Error::Utf8(_)) => return Some(farewell::no_text()),
                Err(Error::Protocol(_)) => return Some(farewell::no_protocol()),
                Err(_) => return None,
            }
        }
    };
    tokio::select! {
        close = heard => close,
        () = carried => None,
    }
}

/// Carries out a call. One that panics is answered, and harms no other.
async fn carry_out(call: Call, bench: &Shared, page: &Arc<Page>) -> String {
    let id = call.id;
    let (theirs, looks) = (bench.clone(), page.clone());
    let task = tokio::spawn(async move { call.carry_out(&theirs, &looks).await });
    let answer = task.await.unwrap_or_else(|_| Err(broke()));
    written(page, id, answer)
}

async fn take_piece(bench: &Shared, page: &Arc<Page>, mut piece: Bytes) -> Answer {
    if piece.len() < PIECE_HEADER {
        return Err(Complaint::new("a piece begins with the number of its job"));
    }
    let job = piece.get_u32_le();
    let (theirs, looks) = (bench.clone(), page.clone());
    let task = tokio::spawn(async move { desk::piece(&theirs, &looks, job, piece).await });
    task.await.unwrap_or_else(|_| Err(broke()))
}

fn broke() -> Complaint {
    Complaint::new("the workbench made a mistake with that; other things go on")
        .hint("stderr has the place; report it, with what you did")
}

fn written(page: &Page, id: u64, answer: Answer) -> String {
    let told = match answer {
        Ok(value) => {
            let told = json!({ "id": id, "ok": value }).to_string();
            if told.len() <= MAX_ANSWER {
                return told;
            }
            Complaint::new("the answer is too long; ask for less at once").told(page.catalogue())
        }
        Err(complaint) => complaint.told(page.catalogue()),
    };
    json!({ "id": id, "error": told }).to_string()
}

/// Tells the page answers and news, and asks now and then whether it is there; returns how to close
/// when there is no more.
async fn tell<S>(
    bench: &Shared,
    page: &Arc<Page>,
    sink: &mut Sink<S>,
    mut posted: mpsc::Receiver<String>,
) -> Option<CloseFrame>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut teller = Teller::default();
    loop {
        let due = teller.due();
        let mut messages = Vec::new();
        tokio::select! {
            Some(told) = posted.recv() => {
                messages.push(Message::text(told));
                // What has come meanwhile is written with it.
                while let Ok(told) = posted.try_recv() {
                    messages.push(Message::text(told));
                }
            }
            rung = page.bell.rung() => {
                teller.wanted.add(rung);
                continue;
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                let news = teller.news(bench, page).await;
                messages.extend(news.into_iter().map(Message::text));
            }
            _ = pings.tick() => messages.push(Message::Ping(Bytes::new())),
        }
        for message in messages {
            match timeout(WRITE_WITHIN, sink.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(farewell::too_slow()),
            }
        }
    }
}

/// What a page was told last of each topic, and which it has to be told again.
#[derive(Default)]
struct Teller {
    wanted: Rung,
    last: [Option<String>; Topic::ALL.len()],
    /// When each may be told again.
    due: [Option<Instant>; Topic::ALL.len()],
}

impl Teller {
    /// When the next news may be told; `None` where there are none.
    fn due(&self) -> Option<Instant> {
        let wanted = Topic::ALL
            .into_iter()
            .filter(|topic| self.wanted.has(*topic));
        wanted.map(|topic| self.due_of(topic)).min()
    }

    fn due_of(&self, topic: Topic) -> Instant {
        self.due[topic as usize].unwrap_or_else(Instant::now)
    }

    /// The news of every topic whose time has come, as far as they say something else than before.
    async fn news(&mut self, bench: &Shared, page: &Arc<Page>) -> Vec<String> {
        let now = Instant::now();
        let mut told = Vec::new();
        for topic in Topic::ALL {
            let is_early = self.due[topic as usize].is_some_and(|due| now < due);
            if !self.wanted.has(topic) || is_early {
                continue;
            }
            self.wanted.remove(topic);
            let (theirs, looks) = (bench.clone(), page.clone());
            // One that panics tells nothing.
            let task = tokio::spawn(async move { news::of(&theirs, &looks, topic).await });
            let is: Option<Value> = task.await.unwrap_or_default();
            told.extend(self.tell(topic, is));
        }
        told
    }

    /// What is told of a topic, if it is something else than before.
    fn tell(&mut self, topic: Topic, is: Option<Value>) -> Option<String> {
        let text = is.map(|is| json!({ "news": topic.word(), "is": is }).to_string());
        let len = text.as_ref().map_or(0, String::len);
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.due[topic as usize] = Some(Instant::now() + NEWS_EVERY + NEWS_BYTE * len);
        let last = &mut self.last[topic as usize];
        let text = text.filter(|text| last.as_ref() != Some(text) && text.len() <= MAX_ANSWER)?;
        Some(last.insert(text).clone())
    }
}

#[cfg(test)]
mod tests;
