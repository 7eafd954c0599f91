//! What others ask of one peer's driver.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Waker};

use crate::session::Change;

/// The changes that wait for a driver. Their bytes are bounded by the session's budget, which each
/// change holds a part of.
pub(crate) struct Inbox<M> {
    changes: RefCell<VecDeque<Change<M>>>,
    stopped: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl<M> Inbox<M> {
    pub(crate) fn new() -> Self {
        Self {
            changes: RefCell::default(),
            stopped: Cell::new(false),
            waker: RefCell::default(),
        }
    }

    pub(crate) fn push(&self, change: Change<M>) {
        self.changes.borrow_mut().push_back(change);
        self.wake();
    }

    /// Asks the driver to end the conversation after what is queued.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
        self.wake();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
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

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}
