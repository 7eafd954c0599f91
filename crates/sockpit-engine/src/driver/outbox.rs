//! What waits to be written to one peer.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::sync::OwnedSemaphorePermit;

/// Bytes to be written in one go, and on whose account.
pub(crate) struct Outgoing {
    pub(crate) bytes: Bytes,
    /// The user's budget that is given back when they are written.
    pub(crate) _permit: Option<Arc<OwnedSemaphorePermit>>,
    pub(crate) account: Account,
}

/// On whose account bytes wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// The peer caused them: only replies stop us from reading.
    Reply,
    /// The user's, whose budget they hold a part of.
    User,
    /// The user's too, let go by the machine when their time came; nothing more is taken from the
    /// user while they are many.
    Held,
}

/// The queue of one stream. Its replies are bounded by pausing the reads, what the user sends by the
/// session's budget.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Outgoing>,
    reply_bytes: usize,
    held_bytes: usize,
    bytes: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, outgoing: Outgoing) {
        self.bytes += outgoing.bytes.len();
        match outgoing.account {
            Account::Reply => self.reply_bytes += outgoing.bytes.len(),
            Account::Held => self.held_bytes += outgoing.bytes.len(),
            Account::User => {}
        }
        self.queue.push_back(outgoing);
    }

    /// What is written next.
    pub(crate) fn front(&self) -> Option<&Bytes> {
        self.queue.front().map(|outgoing| &outgoing.bytes)
    }

    /// Takes that `written` bytes of the front have left.
    pub(crate) fn advance(&mut self, written: usize) {
        let front = self
            .queue
            .front_mut()
            .expect("something was written, so something was queued");
        self.bytes -= written;
        match front.account {
            Account::Reply => self.reply_bytes -= written,
            Account::Held => self.held_bytes -= written,
            Account::User => {}
        }
        front.bytes.advance(written);
        if front.bytes.is_empty() {
            self.queue.pop_front();
            if self.queue.is_empty() {
                // An idle peer keeps no room for what it once had queued.
                self.queue = VecDeque::new();
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// In bytes: all that waits.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    pub(crate) fn reply_bytes(&self) -> usize {
        self.reply_bytes
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Drops everything; gives how many bytes that were.
    pub(crate) fn clear(&mut self) -> usize {
        self.queue.clear();
        self.reply_bytes = 0;
        self.held_bytes = 0;
        std::mem::take(&mut self.bytes)
    }
}
