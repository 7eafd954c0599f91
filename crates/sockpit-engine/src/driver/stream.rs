//! Drives one peer of a stream link.
//!
//! ```text
//!            ┌── changes (the user) ──┐            ┌── inline while the queue is empty
//!  link ── read ──▶ machine ──▶ outputs ──▶ outbox ──▶ write ── link
//!            └── timer ───────────────┘
//! ```
//!
//! One poll goes round until nothing moves. Reading stops while replies fill the outbox, while taps
//! are full, and once the conversation is closing; it never stops for what the user sends.

mod alone;
mod ending;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use rustix::event::epoll::EventFlags;
use sockpit_core::event::{Direction, FaultKind, What};
use sockpit_core::machine::{Machine, Output, Reason};
use sockpit_core::time::Time;
use tokio::io::ReadBuf;

use super::outbox::{Account, Outbox, Outgoing};
use super::timer::Timer;
use super::{Cause, Inbox, REPLY_LIMIT, let_others};
use crate::bus::Scope;
use crate::facts::Watch;
use crate::listen::start_program;
use crate::program::{Program, ProgramPlan};
use crate::session::{Change, Outcome, Scene, Traffic};
use crate::transport::StreamLink;
use ending::STALL_TIME;

/// In bytes: what a machine may hold back, or have let go and not written, before it is given more
/// to send.
const HELD_LIMIT: usize = 256 * 1024;

/// In bytes: what a machine with rules hears before its replies are counted.
const HEARD_AT_ONCE: usize = 1024;

/// In bytes: while so much waits to be written, a peer gets nothing more of what others have for it.
const POST_ROOM: usize = 16 * 1024;

/// How often a peer that has always more goes round, and is read from, before others have their turn.
const ROUNDS_AT_ONCE: usize = 16;

/// How long a machine's timer may wait for a peer that takes nothing.
const OVERDUE: Duration = Duration::from_secs(5);

/// One peer being driven.
pub(crate) struct Stream<M: Machine> {
    scene: Rc<Scene>,
    number: u32,
    link: StreamLink,
    machine: M,
    inbox: Rc<Inbox<M>>,
    outbox: Outbox,
    /// Boxed, as most peers have none.
    program: Option<Box<Program>>,
    program_plan: Option<Rc<ProgramPlan<M>>>,
    outcome: Outcome,
    /// What the kernel knows of it, where that is wanted.
    facts: Option<Box<Watch>>,
    /// Whether anybody gets what the machine tells; `None` until it was asked.
    is_watched: Option<bool>,
    /// Whether anybody gets chunks.
    shows_chunks: bool,
    /// For which pause of the bus it is registered.
    waits_for: u64,
    /// In bytes: what a broken link did not take, and nobody was told of.
    lost: usize,
    read_open: bool,
    /// What was read and is not heard yet, because replies fill the outbox.
    unheard: Bytes,
    write: WriteSide,
    closing: Option<Reason>,
    /// When the machine wants to be woken.
    wake: Option<Time>,
    /// When a closing peer is given up.
    give_up: Option<Time>,
    /// When it is asked again whether the peer's system has taken everything.
    recheck: Option<Time>,
    timer: Timer,
}

/// Nothing in it refers to itself.
impl<M: Machine> Unpin for Stream<M> {}

/// A future of its own rather than a function: that would hold everything twice, and idle peers are
/// many.
impl<M> Future for Stream<M>
where
    M: Machine,
    M::Event: Into<What>,
{
    /// The peer's number, and how it ended.
    type Output = (u32, Outcome);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stream = self.get_mut();
        // A machine that panics ends its own conversation and no other (rule B6).
        let round = std::panic::AssertUnwindSafe(|| stream.go_round(cx));
        match std::panic::catch_unwind(round) {
            Ok(round) => std::task::ready!(round),
            Err(_) => {
                let message = "the conversation's machine panicked".to_owned();
                stream.publish_fault(FaultKind::Program, message, None);
                stream.closing = Some(Reason::Error);
            }
        }
        let end = std::panic::AssertUnwindSafe(|| stream.end());
        let outcome = std::panic::catch_unwind(end);
        let outcome = outcome.unwrap_or_else(|_| Outcome::new(Reason::Error));
        Poll::Ready((stream.number, outcome))
    }
}

/// Our side of the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WriteSide {
    Open,
    /// It ends once the outbox is empty.
    Ending,
    Ended,
    /// The link takes nothing more.
    Broken,
}

impl<M> Stream<M>
where
    M: Machine,
    M::Event: Into<What>,
{
    pub(crate) fn new(
        scene: Rc<Scene>,
        number: u32,
        link: StreamLink,
        machine: M,
        inbox: Rc<Inbox<M>>,
        program: Option<Rc<ProgramPlan<M>>>,
    ) -> Self {
        Self {
            facts: Watch::open(&scene, number, &link),
            number,
            link,
            machine,
            inbox,
            program: start_program(&scene, number, program.as_ref()).map(Box::new),
            program_plan: program,
            outbox: Outbox::default(),
            outcome: Outcome::new(Reason::Local),
            is_watched: None,
            shows_chunks: true,
            waits_for: 0,
            lost: 0,
            read_open: true,
            unheard: Bytes::new(),
            write: WriteSide::Open,
            closing: None,
            wake: None,
            give_up: None,
            recheck: None,
            timer: Timer::default(),
            scene,
        }
    }

    /// Takes what a poll said that tells of its socket's changes.
    pub(crate) fn notice(&mut self, change: EventFlags) {
        self.link.notice(change);
    }

    /// Ready once the conversation is over.
    fn go_round(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inbox.register(cx);
        self.shows_chunks = self.scene.wants(Scope::Chunks);
        let is_watched = self.scene.wants(Scope::Everything);
        if self.is_watched != Some(is_watched) {
            self.is_watched = Some(is_watched);
            self.machine.handle_watch(is_watched);
            self.drain(cx, &Cause::Reply);
        }
        for _ in 0..ROUNDS_AT_ONCE {
            let may_publish = self
                .scene
                .shard
                .bus
                .poll_ready(cx, &mut self.waits_for)
                .is_ready();
            if may_publish && self.poll_alone(cx).is_pending() {
                return Poll::Pending;
            }
            let mut moved = false;
            if may_publish {
                moved |= self.poll_changes(cx);
                moved |= self.poll_post(cx);
            }
            if self.inbox.is_stopped() {
                moved |= self.poll_stop(cx);
            }
            moved |= self.poll_write(cx);
            if self.is_over(cx) {
                return Poll::Ready(());
            }
            if let Some(facts) = &mut self.facts
                && let Some(fd) = self.link.fd()
            {
                facts.look(&self.scene, fd, may_publish);
            }
            let mut is_heard = false;
            if may_publish {
                moved |= self.poll_program(cx);
                is_heard = self.poll_read(cx);
                moved |= is_heard;
            }
            // What came in time was in time, though we look at it late: it is read before the clock.
            if may_publish || self.closing.is_some() {
                moved |= self.poll_timer(cx);
            }
            if is_heard && self.inbox.post().is_some() {
                // What it said waits for others: they have their turn before it says more.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !moved {
                return Poll::Pending;
            }
        }
        let_others(cx);
        Poll::Pending
    }

    fn poll_changes(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.inbox.is_empty() && self.closing.is_none() && !self.is_held_up() {
            let Some(Change { apply, permit }) = self.inbox.pop() else {
                break;
            };
            apply(&mut self.machine, self.scene.now());
            self.drain(cx, &Cause::User(permit));
            moved = true;
        }
        moved
    }

    /// Takes of what others have for the peer, while it takes what it gets.
    fn poll_post(&mut self, cx: &mut Context<'_>) -> bool {
        if self.closing.is_some() || self.outbox.len() >= POST_ROOM {
            return false;
        }
        let Some(post) = self.inbox.post().filter(|post| post.waits()) else {
            return false;
        };
        post.give(&mut self.machine, self.scene.now(), false);
        self.drain(cx, &Cause::User(None));
        true
    }

    /// Whether so much of the user's waits for its time that more of it stays in the inbox.
    fn is_held_up(&self) -> bool {
        let held = self.machine.held();
        held.user.saturating_sub(held.gathered) + self.outbox.held_bytes() >= HELD_LIMIT
    }

    /// In bytes: what answers the peer and is not written.
    fn owed(&self) -> usize {
        let held = self.machine.held();
        self.outbox.reply_bytes() + held.replies.saturating_sub(held.gathered)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let has_room = self.owed() < REPLY_LIMIT
            && self
                .program
                .as_ref()
                .is_none_or(|program| program.has_room());
        if !self.read_open || self.closing.is_some() || !has_room {
            return false;
        }
        if !self.unheard.is_empty() {
            let mut rest = std::mem::take(&mut self.unheard);
            let heard = self.hear(cx, self.scene.now(), &rest);
            self.unheard = rest.split_off(heard);
            return true;
        }
        self.read_once(cx, Self::take_chunk)
    }

    /// Reads from the link once, and has `take` take what came; `false` if it has nothing.
    fn read_once(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Self, &mut Context<'_>, &[u8]),
    ) -> bool {
        let scene = self.scene.clone();
        let mut buffer = scene.shard.buffer.borrow_mut();
        let size = scene.plan.read_size.get();
        if buffer.len() < size {
            // Pages that the system has zeroed cost nothing until one is read into.
            *buffer = vec![0; size];
        }
        let mut into = ReadBuf::new(&mut buffer[..size]);
        match self.link.poll_read(cx, &mut into) {
            Poll::Pending => return false,
            Poll::Ready(Err(error)) => self.fail(cx, &error),
            Poll::Ready(Ok(())) if into.filled().is_empty() => {
                self.read_open = false;
                if let Some(program) = &mut self.program {
                    program.end();
                }
                self.machine.handle_end(scene.now());
                self.drain(cx, &Cause::Reply);
            }
            Poll::Ready(Ok(())) => take(self, cx, into.filled()),
        }
        true
    }

    fn take_chunk(&mut self, cx: &mut Context<'_>, chunk: &[u8]) {
        let now = self.scene.now();
        if self.shows_chunks {
            self.publish_chunk(now, Direction::In, Bytes::copy_from_slice(chunk));
        }
        self.outcome.received += chunk.len() as u64;
        self.tell_traffic();
        if let Some(facts) = &mut self.facts {
            facts.hear();
        }
        if let Some(program) = &mut self.program {
            program.push(Bytes::copy_from_slice(chunk));
        }
        let heard = self.hear(cx, now, chunk);
        if heard < chunk.len() {
            self.unheard = Bytes::copy_from_slice(&chunk[heard..]);
        }
    }

    /// Lets the machine hear a chunk. Many short messages may cause many long replies: they are
    /// heard a slice at a time, and no further while replies fill the outbox. Gives how many bytes
    /// were heard; all of them where the conversation is over.
    fn hear(&mut self, cx: &mut Context<'_>, now: Time, chunk: &[u8]) -> usize {
        let plan = &self.scene.plan;
        let has_rules = plan.rules.is_some() && !plan.is_raw_stream();
        let slice = if has_rules || self.inbox.post().is_some() {
            HEARD_AT_ONCE
        } else {
            usize::MAX
        };
        let mut rest = chunk;
        while !rest.is_empty() && self.closing.is_none() {
            if self.owed() >= REPLY_LIMIT {
                return chunk.len() - rest.len();
            }
            let (heard, later) = rest.split_at(rest.len().min(slice));
            self.machine.handle_input(now, heard);
            self.drain(cx, &Cause::Reply);
            rest = later;
        }
        chunk.len()
    }

    fn poll_program(&mut self, cx: &mut Context<'_>) -> bool {
        let is_full = self.owed() >= REPLY_LIMIT;
        let (Some(program), Some(plan)) = (&mut self.program, &self.program_plan) else {
            return false;
        };
        let moved = program.poll_feed(cx);
        if self.closing.is_some() || is_full {
            return moved;
        }
        let now = self.scene.now();
        match program.poll_output(cx) {
            Poll::Pending => return moved,
            Poll::Ready(Some(bytes)) => (plan.output)(&mut self.machine, now, bytes),
            Poll::Ready(None) => (plan.end)(&mut self.machine, now),
        }
        self.drain(cx, &Cause::Reply);
        true
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        // While replies fill the outbox, what the machine does by the clock may wait, so that a peer
        // that takes nothing does not pile it up; but not for ever, since silence counts too.
        let is_full = self.outbox.reply_bytes() >= REPLY_LIMIT;
        let due = self
            .wake
            .map(|wake| if is_full { wake + OVERDUE } else { wake });
        let looks = self.facts.as_ref().and_then(|facts| facts.wake());
        let closes = Time::first(self.give_up, self.recheck);
        let wake = Time::first(Time::first(due, looks), closes);
        if !self.timer.poll(cx, &self.scene, wake) {
            return false;
        }
        let now = self.scene.now();
        self.recheck = None;
        if self.closing.is_none() && due.is_some_and(|due| due <= now) {
            self.wake = None;
            self.machine.handle_timeout(now);
            self.drain(cx, &Cause::Reply);
        }
        true
    }

    /// Carries out what the machine wants.
    fn drain(&mut self, cx: &mut Context<'_>, cause: &Cause) {
        while self.closing.is_none() {
            let held = self.machine.held().user;
            match self.machine.poll_output() {
                Output::Event(event) => {
                    let what = event.into();
                    self.outcome.note(&what);
                    self.scene.publish(self.number, what);
                }
                Output::Transmit(bytes) => {
                    // What the user sent is no reply, whatever made its time come.
                    let is_released = self.machine.held().user < held;
                    self.transmit(cx, bytes, cause, is_released);
                }
                Output::Shutdown => {
                    if self.write == WriteSide::Open {
                        self.write = WriteSide::Ending;
                    }
                }
                Output::Close(reason) => self.close(reason),
                Output::Wait(wake) => {
                    self.wake = wake;
                    return;
                }
            }
        }
    }

    /// Writes at once where nothing waits before it; the rest joins the outbox.
    fn transmit(
        &mut self,
        cx: &mut Context<'_>,
        mut bytes: Bytes,
        cause: &Cause,
        is_released: bool,
    ) {
        match self.write {
            _ if bytes.is_empty() => return,
            WriteSide::Open | WriteSide::Ending => {}
            WriteSide::Ended => return,
            WriteSide::Broken => {
                self.lost += bytes.len();
                return;
            }
        }
        if self.outbox.is_empty() {
            let began = self.write_time();
            match write_once(cx, &mut self.link, &mut self.facts, &bytes) {
                Poll::Pending => {}
                Poll::Ready(Ok(written)) => {
                    let shown = self.shows_chunks.then(|| bytes.slice(..written));
                    bytes.advance(written);
                    self.take_written(began, written, shown);
                }
                Poll::Ready(Err(error)) => {
                    self.write = WriteSide::Broken;
                    self.lost += bytes.len();
                    return self.fail(cx, &error);
                }
            }
            if bytes.is_empty() {
                return;
            }
        }
        let (permit, account) = match cause {
            Cause::Reply if is_released => (None, Account::Held),
            Cause::Reply => (None, Account::Reply),
            Cause::User(permit) => (permit.clone(), Account::User),
        };
        self.outbox.push(Outgoing {
            bytes,
            _permit: permit,
            account,
        });
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.outbox.is_empty() && self.write_some(cx) {
            moved = true;
        }
        // Where the peer has ended too, closing says it all.
        let closes = self.closing.is_some() && !self.read_open;
        let wants_end = self.write == WriteSide::Ending && !closes;
        if wants_end && self.outbox.is_empty() && self.link.poll_shutdown(cx).is_ready() {
            // A peer that is gone already does not need to be told.
            self.write = WriteSide::Ended;
            moved = true;
        }
        moved
    }

    /// Writes the front of the outbox once; `false` if the link takes nothing.
    fn write_some(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(front) = self.outbox.front() else {
            return false;
        };
        let began = self.write_time();
        match write_once(cx, &mut self.link, &mut self.facts, front) {
            Poll::Pending => false,
            Poll::Ready(Ok(written)) => {
                let shown = self.shows_chunks.then(|| front.slice(..written));
                self.outbox.advance(written);
                self.take_written(began, written, shown);
                true
            }
            Poll::Ready(Err(error)) => {
                self.write = WriteSide::Broken;
                self.lost += self.outbox.clear();
                self.fail(cx, &error);
                true
            }
        }
    }

    /// When a write begins, where that is to be known: beside its packets it stands where it began,
    /// as they leave before it returns.
    fn write_time(&self) -> Option<Time> {
        self.facts.as_ref().map(|_| self.scene.now())
    }

    /// Takes that the link took bytes, which are `shown` to whoever gets chunks.
    fn take_written(&mut self, began: Option<Time>, written: usize, shown: Option<Bytes>) {
        if let Some(bytes) = shown {
            let time = began.unwrap_or_else(|| self.scene.now());
            self.publish_chunk(time, Direction::Out, bytes);
        }
        self.outcome.sent += written as u64;
        self.tell_traffic();
        if let Some(post) = self.inbox.post() {
            post.moved();
        }
        if let Some(give_up) = &mut self.give_up
            && !self.inbox.is_stopped()
        {
            *give_up = self.scene.now() + STALL_TIME;
        }
    }

    fn tell_traffic(&self) {
        self.inbox.tell_traffic(Traffic {
            received: self.outcome.received,
            sent: self.outcome.sent,
        });
    }

    fn publish_chunk(&self, now: Time, direction: Direction, bytes: Bytes) {
        let offset = match direction {
            Direction::In => self.outcome.received,
            Direction::Out => self.outcome.sent,
        };
        let chunk = What::Chunk {
            direction,
            offset,
            bytes,
            full_len: None,
        };
        self.scene.publish_at(now, self.number, chunk);
    }

    fn publish_fault(&mut self, kind: FaultKind, message: String, count: Option<u64>) {
        let fault = What::Fault {
            kind,
            message,
            count,
        };
        self.outcome.note(&fault);
        self.scene.publish(self.number, fault);
    }
}

/// Writes to the link once, and has it noted where the kernel is asked about the connection.
fn write_once(
    cx: &mut Context<'_>,
    link: &mut StreamLink,
    facts: &mut Option<Box<Watch>>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    match facts {
        None => link.poll_write(cx, bytes),
        Some(facts) => facts.poll_write(cx, link, bytes),
    }
}
