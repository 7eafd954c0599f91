//! A file is sent in pieces, the next one when the one before was taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::json;
use sockpit_core::endpoint::Transport;
use sockpit_core::plan::{Plan, Shape};
use sockpit_core::session::Message;
use sockpit_core::text::charset::Charset;
use tokio::time::sleep;

use super::jobs::{self, Job};
use super::seat::Seat;
use super::sending::{Aim, Open, Target, is_over};
use crate::workbench::Shared;
use crate::workbench::bell::Topic;
use crate::workbench::bench::Bench;
use crate::workbench::call::{Answer, With};
use crate::workbench::complaint::Complaint;
use crate::workbench::page::Page;

/// In bytes: a piece as a page sends it.
const PIECE: usize = 256 * 1024;

/// In bytes: a file that is one message has to be held.
const MAX_MESSAGE: u64 = 64 << 20;

/// In bytes: a datagram of a file sent as bytes fits into one packet on most paths.
const UDP_PIECE: usize = 1400;
const UNIX_PIECE: usize = 8 * 1024;

/// How soon a file that is stopped stops.
const STOPPED_WITHIN: Duration = Duration::from_millis(50);

/// A file that is being sent.
pub(super) struct Filing {
    seat: Arc<Seat>,
    session: Open,
    plan: Arc<Plan>,
    aim: Aim,
    form: Form,
    size: u64,
    taken: u64,
    sent: Arc<AtomicU64>,
    /// What came and makes no message yet.
    held: BytesMut,
    /// Number of the page that sends it.
    page: u64,
}

/// What of the file makes a message.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Form {
    /// Nothing: the bytes go out as they are.
    Bytes,
    /// All of it.
    Message,
    /// Each line.
    Lines,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    key: String,
    target: Target,
    name: String,
    size: u64,
    r#as: Form,
}

pub(super) async fn begin(bench: &Shared, page: &Arc<Page>, with: With) -> Answer {
    let Begin {
        key,
        target,
        name,
        size,
        r#as: form,
    } = with.read()?;
    let seat = bench.desk.seat(&key)?;
    let (session, plan) = seat.open_session()?;
    if form == Form::Message {
        let most = plan
            .max_datagram()
            .and_then(|most| u64::try_from(most).ok());
        let most = most.unwrap_or(MAX_MESSAGE).min(MAX_MESSAGE);
        if size > most {
            let message =
                format!("one message holds at most {most} bytes, and the file has {size}");
            return Err(Complaint::new(message)
                .hint("send it as bytes or as lines")
                .field("as"));
        }
    }
    let aim = Aim::of(&session, &target).await?;
    let number = bench.desk.next_job();
    let sent = Arc::<AtomicU64>::default();
    let filing = Filing {
        seat: seat.clone(),
        session,
        plan,
        aim,
        form,
        size,
        taken: 0,
        sent: sent.clone(),
        held: BytesMut::new(),
        page: page.number,
    };
    {
        let mut state = seat.state();
        if !jobs::has_room(&state) {
            return Err(jobs::too_many());
        }
        let label = name.chars().take(100).collect();
        let job = Job::of_file(label, size, sent, bench.now());
        state.jobs.insert(number, job);
    }
    bench.desk.files().insert(number, filing);
    bench.changed(Topic::Sessions);
    if size == 0 {
        take(bench, number, Bytes::new()).await?;
    }
    Ok(json!({ "job": number, "piece": PIECE }))
}

/// Takes the next piece; answers once the peers have room for more.
pub(super) async fn take(bench: &Shared, job: u32, piece: Bytes) -> Answer {
    let filing = bench.desk.files().remove(&job);
    let Some(mut filing) = filing else {
        return Err(Complaint::new(format!("no file is being sent as {job}")));
    };
    let len = u64::try_from(piece.len()).unwrap_or(u64::MAX);
    let is_fitting = piece.len() <= PIECE && filing.taken.saturating_add(len) <= filing.size;
    if !is_fitting {
        filing.end(bench, job);
        return Err(Complaint::new("more came of the file than it was to have"));
    }
    filing.taken += len;
    let is_last = filing.taken == filing.size;
    let seat = filing.seat.clone();
    let result = tokio::select! {
        result = filing.pass_on(piece, is_last) => result,
        () = unwanted(&seat, job) => Err(Complaint::new("the file was stopped")),
    };
    if let Err(complaint) = result {
        filing.end(bench, job);
        return Err(complaint);
    }
    let taken = filing.taken;
    filing.sent.store(taken, Ordering::Relaxed);
    if is_last {
        filing.end(bench, job);
    } else {
        let state = seat.state();
        // One that was stopped meanwhile is forgotten; who stops it does so in this order, too.
        if state.jobs.contains_key(&job) {
            bench.desk.files().insert(job, filing);
        }
    }
    bench.changed(Topic::Sessions);
    Ok(json!({ "job": job, "taken": taken }))
}

/// Waits until somebody has stopped the job, however long a peer takes nothing.
async fn unwanted(seat: &Seat, job: u32) {
    while seat.state().jobs.contains_key(&job) {
        sleep(STOPPED_WITHIN).await;
    }
}

/// Forgets files whose page is gone, and those that ended with their session.
pub(super) fn tidy(bench: &Bench) {
    let known: Vec<(u32, Arc<Seat>, u64)> = bench
        .desk
        .files()
        .iter()
        .map(|(job, filing)| (*job, filing.seat.clone(), filing.page))
        .collect();
    for (job, seat, page) in known {
        if bench.page(page).is_some() && seat.state().jobs.contains_key(&job) {
            continue;
        }
        let filing = bench.desk.files().remove(&job);
        if let Some(filing) = filing {
            filing.end(bench, job);
        }
    }
}

impl Filing {
    fn end(&self, bench: &Bench, job: u32) {
        self.seat.state().jobs.remove(&job);
        bench.changed(Topic::Sessions);
    }

    async fn pass_on(&mut self, piece: Bytes, is_last: bool) -> Result<(), Complaint> {
        match self.form {
            Form::Bytes => {
                let most = match (self.plan.shape(), self.plan.transport) {
                    (Shape::Stream, _) => PIECE,
                    (Shape::Datagram, Transport::Udp) => UDP_PIECE,
                    (Shape::Datagram, _) => UNIX_PIECE,
                };
                let mut rest = piece;
                while !rest.is_empty() {
                    let wire = rest.split_to(rest.len().min(most));
                    let payload = wire.clone();
                    self.send(Message { wire, payload }).await?;
                }
                Ok(())
            }
            Form::Message => {
                self.held.extend_from_slice(&piece);
                match is_last {
                    true => {
                        let whole = self.held.split().freeze();
                        self.frame(whole).await
                    }
                    false => Ok(()),
                }
            }
            Form::Lines => {
                self.held.extend_from_slice(&piece);
                while let Some(end) = memchr::memchr(b'\n', &self.held) {
                    let line = self.held.split_to(end + 1).freeze();
                    self.line(line.slice(..end)).await?;
                }
                if self.held.len() > self.plan.max_frame {
                    let most = self.plan.max_frame;
                    let message = format!("the file has a line of more than {most} bytes");
                    return Err(Complaint::new(message));
                }
                if is_last && !self.held.is_empty() {
                    let line = self.held.split().freeze();
                    self.line(line).await?;
                }
                Ok(())
            }
        }
    }

    /// A line without its end. Text goes out in the session's charset, what is no UTF-8 as it is.
    async fn line(&self, line: Bytes) -> Result<(), Complaint> {
        let len = line.strip_suffix(b"\r").map_or(line.len(), <[u8]>::len);
        let line = line.slice(..len);
        let charset = self.plan.text_out;
        let text = std::str::from_utf8(&line).ok();
        let mut payload = match text.filter(|_| charset != Charset::UTF_8) {
            Some(text) => encoded(charset, text)?,
            None => line.to_vec(),
        };
        payload.extend_from_slice(&encoded(charset, self.plan.eol.as_str())?);
        self.frame(payload.into()).await
    }

    async fn frame(&self, payload: Bytes) -> Result<(), Complaint> {
        let message = self
            .plan
            .message(payload)
            .map_err(|error| Complaint::new(error.to_string()))?;
        self.send(message).await
    }

    async fn send(&self, message: Message) -> Result<(), Complaint> {
        match self.aim.send(&self.session, &message).await {
            true => Ok(()),
            false => Err(is_over()),
        }
    }
}

fn encoded(charset: Charset, text: &str) -> Result<Vec<u8>, Complaint> {
    charset
        .encode(text)
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| Complaint::new(error.to_string()))
}
