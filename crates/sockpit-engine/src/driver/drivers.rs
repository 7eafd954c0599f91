//! The peers of a server, which one task drives.
//!
//! ```text
//!  runtime ──▶ poll ── whose socket changed ──▶ drive ──▶ ended
//!              bells ── who was woken otherwise ──┘
//! ```
//!
//! A task for each, with a waker for each side of its socket, would cost more than most messages do.
//! So their sockets are in a poll of their own, and what that says goes straight to their drivers; but
//! for that of the first peer, which is mostly the only one.

use std::collections::VecDeque;
use std::future::Future as _;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData};
use rustix::io::Errno;
use sockpit_core::event::What;
use sockpit_core::machine::Machine;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::bells::Bells;
use super::{Stream, let_others};
use crate::session::Outcome;
use crate::transport::{Accepted, StreamLink};

/// How many sockets that are ready are driven until everything else of the server has its turn: what
/// is known of so many peers stays in the processor's cache.
const READY_AT_ONCE: usize = 64;

const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// The drivers of a server's peers.
pub(crate) struct Drivers<M: Machine> {
    seats: Vec<Option<Seat<M>>>,
    /// Places that are free.
    free: Vec<usize>,
    bells: Arc<Bells>,
    /// `None` where the system had none: the runtime's own does it too, and takes longer.
    poll: Option<AsyncFd<OwnedFd>>,
    ended: VecDeque<(u32, Outcome)>,
    /// Kept for its room.
    rung: Vec<usize>,
}

struct Seat<M: Machine> {
    stream: Box<Stream<M>>,
    /// Drives it again.
    waker: Waker,
}

impl<M> Drivers<M>
where
    M: Machine,
    M::Event: Into<What>,
{
    pub(crate) fn new() -> Self {
        Self {
            seats: Vec::new(),
            free: Vec::new(),
            bells: Arc::default(),
            poll: new_poll().ok(),
            ended: VecDeque::new(),
            rung: Vec::new(),
        }
    }

    /// Has the poll say when the socket of the next one that is added changes.
    ///
    /// Of whoever has the first place the runtime's own poll tells: what a single peer says then goes
    /// through one poll, and not through one behind the other.
    ///
    /// # Errors
    ///
    /// What the system says where nobody can tell of its changes; the socket is gone then.
    pub(crate) fn watch_next(&self, accepted: Accepted) -> io::Result<StreamLink> {
        match (self.next_place(), &self.poll) {
            (place @ 1.., Some(poll)) => accepted.watched_by(poll.get_ref(), key(place)),
            _ => accepted.into_link(),
        }
    }

    /// Takes one more, and drives it when asked for the next that has ended.
    pub(crate) fn add(&mut self, stream: Stream<M>) {
        let place = self.next_place();
        let seat = Some(Seat {
            stream: Box::new(stream),
            waker: self.bells.bell(place),
        });
        match self.free.pop() {
            Some(place) => self.seats[place] = seat,
            None => self.seats.push(seat),
        }
        self.bells.ring(place);
    }

    fn next_place(&self) -> usize {
        self.free.last().copied().unwrap_or(self.seats.len())
    }

    /// Ends all of them at once.
    pub(crate) fn abort_all(&mut self) {
        self.seats.clear();
        self.free.clear();
    }

    /// Whether none is left of whose end nobody was told.
    pub(crate) fn is_empty(&self) -> bool {
        self.seats.len() == self.free.len() && self.ended.is_empty()
    }

    /// Drives them until one has ended: its number, and how it did. Where there is none, that is
    /// never. Cancel-safe.
    pub(crate) async fn next_ended(&mut self) -> (u32, Outcome) {
        std::future::poll_fn(|cx| self.poll_ended(cx)).await
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<(u32, Outcome)> {
        if self.ended.is_empty() {
            self.bells.register(cx.waker());
            // In this order: whoever's time has come too is told first what its socket has.
            self.drive_ready(cx);
            self.drive_rung();
        }
        self.ended.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn drive_rung(&mut self) {
        let mut rung = std::mem::take(&mut self.rung);
        self.bells.take(&mut rung);
        for place in rung.drain(..) {
            self.drive(place);
        }
        self.rung = rung;
    }

    fn drive_ready(&mut self, cx: &mut Context<'_>) {
        let mut room = [MaybeUninit::<Event>::uninit(); READY_AT_ONCE];
        let mut left = READY_AT_ONCE;
        while let Some(poll) = &self.poll
            && let Poll::Ready(Ok(mut guard)) = poll.poll_read_ready(cx)
        {
            if left == 0 {
                return let_others(cx);
            }
            let events = match epoll::wait(poll.get_ref(), &mut room[..left], Some(&NOW)) {
                Ok((events, _)) => events,
                Err(Errno::INTR) => continue,
                Err(_) => &mut [],
            };
            // While peers were driven, others may have spoken: asking again costs less than the way
            // through the runtime's own poll, which would say that there is something to ask.
            if events.is_empty() {
                guard.clear_ready();
            }
            drop(guard);
            left -= events.len();
            // All are looked at before the first is driven: what is known of thousands of peers is in
            // no cache, and like this the processor fetches it for several of them at a time.
            for event in &*events {
                self.notice(event);
            }
            for event in &*events {
                self.drive(place_of(event));
            }
        }
    }

    /// Tells a peer what the poll said, and looks at what driving it needs.
    fn notice(&mut self, event: &Event) {
        // The structure is packed: a field is copied out before it is used.
        let change = event.flags;
        if let Some(Some(seat)) = self.seats.get_mut(place_of(event)) {
            seat.stream.notice(change);
            seat.stream.look_ahead();
        }
    }

    /// Drives the peer at a place.
    fn drive(&mut self, place: usize) {
        // A bell may ring for one that has ended.
        let Some(Some(seat)) = self.seats.get_mut(place) else {
            return;
        };
        let mut cx = Context::from_waker(&seat.waker);
        if let Poll::Ready(ended) = Pin::new(&mut *seat.stream).poll(&mut cx) {
            self.seats[place] = None;
            self.free.push(place);
            self.ended.push_back(ended);
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for types that may name another descriptor; ours owns its"
)]
fn new_poll() -> io::Result<AsyncFd<OwnedFd>> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    AsyncFd::with_interest(poll, Interest::READABLE)
}

/// A place as the poll tells it.
fn key(place: usize) -> EventData {
    EventData::new_u64(place as u64)
}

fn place_of(event: &Event) -> usize {
    let data = event.data;
    data.u64() as usize
}
