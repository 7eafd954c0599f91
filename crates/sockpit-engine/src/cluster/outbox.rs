//! What waits to be passed on to the cluster.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use sockpit_core::chat::entry::Entry;
use tokio::sync::Notify;

/// Entries that wait while NATS is out of reach.
const MAX_ENTRIES: usize = 10_000;

/// In bytes: their texts and names.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// In order. When it is full the oldest entries are dropped and counted, except the one that is on
/// its way.
#[derive(Default)]
pub(super) struct Outbox {
    queue: RefCell<VecDeque<Arc<Entry>>>,
    bytes: Cell<usize>,
    lost: Cell<u64>,
    is_sending: Cell<bool>,
    changed: Notify,
}

impl Outbox {
    pub(super) fn push(&self, entry: Arc<Entry>) {
        let mut queue = self.queue.borrow_mut();
        self.bytes.set(self.bytes.get() + cost(&entry));
        queue.push_back(entry);
        let first = usize::from(self.is_sending.get());
        while (queue.len() > MAX_ENTRIES || self.bytes.get() > MAX_BYTES)
            && let Some(oldest) = queue.remove(first)
        {
            self.bytes.set(self.bytes.get() - cost(&oldest));
            self.lost.set(self.lost.get() + 1);
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Waits for the entry that goes next, which stays until [`sent`](Self::sent) takes it.
    /// Cancel-safe.
    pub(super) async fn next(&self) -> Arc<Entry> {
        loop {
            if let Some(entry) = self.queue.borrow().front() {
                self.is_sending.set(true);
                return entry.clone();
            }
            self.changed.notified().await;
        }
    }

    /// Takes that the entry that [`next`](Self::next) gave is in safe hands.
    pub(super) fn sent(&self) {
        self.is_sending.set(false);
        if let Some(entry) = self.queue.borrow_mut().pop_front() {
            self.bytes.set(self.bytes.get() - cost(&entry));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// How many were dropped since this was asked last.
    pub(super) fn take_lost(&self) -> u64 {
        self.lost.take()
    }
}

fn cost(entry: &Entry) -> usize {
    entry.text.len() + entry.room.len() + entry.from.len() + entry.to.len() + size_of::<Entry>()
}

#[cfg(test)]
mod tests;
