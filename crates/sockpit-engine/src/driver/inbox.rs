//! What others ask of one peer's driver.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Waker};

use sockpit_core::time::Time;

use crate::session::{Change, Traffic};

/// What others have for a peer, kept elsewhere until its driver has room for it; whoever keeps it
/// sees to its limit, and wakes the driver when there is some.
pub(crate) trait Post<M> {
    /// Whether something waits.
    fn waits(&self) -> bool;

    /// Gives the machine a part of it, or `all` of it where the conversation is about to end.
    fn give(&self, machine: &mut M, now: Time, all: bool);

    /// Takes that the peer has taken something.
    fn moved(&self);
}

/// The changes that wait for a driver. Their bytes are bounded by the session's budget, which each
/// change holds a part of.
pub(crate) struct Inbox<M> {
    changes: RefCell<VecDeque<Change<M>>>,
    stopped: Cell<bool>,
    is_reset: Cell<bool>,
    /// What went to and fro, as the driver tells it, for whoever lists peers.
    traffic: Cell<Traffic>,
    post: OnceCell<Rc<dyn Post<M>>>,
    waker: RefCell<Option<Waker>>,
}

impl<M> Inbox<M> {
    pub(crate) fn new() -> Self {
        Self {
            changes: RefCell::default(),
            stopped: Cell::new(false),
            is_reset: Cell::new(false),
            traffic: Cell::default(),
            post: OnceCell::new(),
            waker: RefCell::default(),
        }
    }

    pub(crate) fn push(&self, change: Change<M>) {
        self.changes.borrow_mut().push_back(change);
        self.wake();
    }

    /// Has the driver take from `post` from here on. An inbox has one at most.
    pub(crate) fn attach(&self, post: Rc<dyn Post<M>>) {
        // A second one would be a second owner of the peer.
        let _ = self.post.set(post);
    }

    pub(crate) fn post(&self) -> Option<&Rc<dyn Post<M>>> {
        self.post.get()
    }

    /// Asks the driver to end the conversation after what is queued.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
        self.wake();
    }

    pub(crate) fn tell_traffic(&self, traffic: Traffic) {
        self.traffic.set(traffic);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic.get()
    }

    /// Asks the driver to end the conversation at once.
    pub(crate) fn reset(&self) {
        self.is_reset.set(true);
        self.stop();
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.is_reset.get()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Whether no change waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.borrow().is_empty()
    }

    pub(crate) fn pop(&self) -> Option<Change<M>> {
        self.changes.borrow_mut().pop_front()
    }

    /// The driver wants to be woken by the next push or stop.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &*waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
    }

    /// Has the driver look again.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}
