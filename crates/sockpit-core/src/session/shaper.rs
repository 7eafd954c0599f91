//! How what is sent becomes writes, over time: gathered, cut, paced, and never reordered.
//!
//! ```text
//!  messages ──▶ gathered ── full, due or flushed ──▶ queue ── one write each pause ──▶ Transmit
//! ```

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::event::What;
use crate::machine::{Held, Output};
use crate::plan::{Shaping, Split};
use crate::time::Time;

/// Holds what is sent until it may leave.
///
/// What is not bytes (the event of a message, the end of our side) keeps its place among them: it
/// leaves after the write that holds the last byte before it.
pub(super) struct Shaper {
    shaping: Shaping,
    now: Time,
    gathered: Vec<Entry>,
    /// When what is gathered has been held long enough.
    due: Option<Time>,
    queue: VecDeque<Entry>,
    /// When the next write may leave.
    next_write: Time,
    /// Whether writes leave without a pause.
    is_hurried: bool,
    held: Held,
}

enum Entry {
    Bytes { bytes: Bytes, is_reply: bool },
    Mark(Output<What>),
}

impl Shaper {
    pub(super) fn new(shaping: Shaping, now: Time) -> Self {
        Self {
            shaping,
            now,
            gathered: Vec::new(),
            due: None,
            queue: VecDeque::new(),
            next_write: now,
            is_hurried: false,
            held: Held::default(),
        }
    }

    /// Takes the time.
    pub(super) fn tell(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Takes another way for what is held and for what comes.
    pub(super) fn reshape(&mut self, shaping: Shaping) {
        self.flush();
        self.shaping = shaping;
        self.next_write = self.now;
    }

    /// Takes one message as it is on the wire.
    pub(super) fn push(&mut self, bytes: Bytes, is_reply: bool) {
        if bytes.is_empty() {
            return;
        }
        *self.account(is_reply) += bytes.len();
        let Some(coalesce) = self.shaping.coalesce else {
            return self.enqueue(bytes, is_reply);
        };
        if self.held.gathered == 0 {
            self.due = coalesce.time.map(|time| self.now + time);
        }
        self.held.gathered += bytes.len();
        self.gathered.push(Entry::Bytes { bytes, is_reply });
        if self.held.gathered >= coalesce.enough() {
            self.flush();
        }
    }

    /// Takes what belongs after the bytes so far.
    pub(super) fn mark(&mut self, output: Output<What>) {
        if self.held.gathered == 0 {
            self.queue.push_back(Entry::Mark(output));
        } else {
            self.gathered.push(Entry::Mark(output));
        }
    }

    /// Lets go of what is gathered.
    pub(super) fn flush(&mut self) {
        let gathered = std::mem::take(&mut self.gathered);
        if gathered.is_empty() {
            return;
        }
        self.due = None;
        let mut joined = BytesMut::with_capacity(self.held.gathered);
        self.held.gathered = 0;
        let mut marks = Vec::new();
        let mut replies = 0;
        for entry in gathered {
            match entry {
                Entry::Bytes { bytes, is_reply } => {
                    joined.extend_from_slice(&bytes);
                    if is_reply {
                        replies += bytes.len();
                    }
                }
                Entry::Mark(_) => marks.push(entry),
            }
        }
        // One write is on one account: the user's, where any of it is.
        let is_reply = replies == joined.len();
        if !is_reply {
            self.held.replies -= replies;
            self.held.user += replies;
        }
        self.enqueue(joined.freeze(), is_reply);
        self.queue.extend(marks);
    }

    /// Lets go of everything as fast as it can be written: there is no time for more.
    pub(super) fn hurry(&mut self) {
        self.flush();
        self.is_hurried = true;
    }

    /// Takes that nothing can be written any more. What it holds is still counted.
    pub(super) fn abandon(&mut self) {
        self.flush();
        self.queue.clear();
        self.due = None;
    }

    /// The next thing whose time has come.
    pub(super) fn poll(&mut self) -> Option<Output<What>> {
        if self.due.is_some_and(|due| due <= self.now) {
            self.flush();
        }
        match self.queue.pop_front()? {
            Entry::Mark(output) => return Some(output),
            entry => self.queue.push_front(entry),
        }
        if self.now < self.next_write && !self.is_hurried {
            return None;
        }
        self.next_write = self.now + self.shaping.delay;
        Some(Output::Transmit(self.next_piece()))
    }

    /// When [`poll`](Self::poll) has something to give.
    pub(super) fn deadline(&self) -> Option<Time> {
        let write = (!self.queue.is_empty()).then_some(self.next_write);
        [write, self.due].into_iter().flatten().min()
    }

    pub(super) fn now(&self) -> Time {
        self.now
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.gathered.is_empty()
    }

    /// Whether what is gathered waits for more, however long that takes.
    pub(super) fn waits_for_more(&self) -> bool {
        self.held.gathered > 0 && self.due.is_none()
    }

    pub(super) fn held(&self) -> Held {
        self.held
    }

    /// Cuts what is known to be one message, or gathered, where that is wanted.
    fn enqueue(&mut self, mut bytes: Bytes, is_reply: bool) {
        if let Some(Split::At(at)) = &self.shaping.split {
            let mut taken = 0;
            for place in at.places(bytes.len()) {
                let piece = bytes.split_to(place - taken);
                taken = place;
                self.queue.push_back(Entry::Bytes {
                    bytes: piece,
                    is_reply,
                });
            }
        }
        self.queue.push_back(Entry::Bytes { bytes, is_reply });
    }

    /// Takes the bytes of one write off the queue, which begins with some.
    fn next_piece(&mut self) -> Bytes {
        let most = match &self.shaping.split {
            Some(Split::Every(size)) => size.get(),
            _ => return self.take_front(usize::MAX),
        };
        let first = self.take_front(most);
        if first.len() == most || self.queue.is_empty() {
            return first;
        }
        let mut piece = BytesMut::from(first);
        // What stands between the bytes of one write comes after it.
        let mut passed = Vec::new();
        while piece.len() < most {
            match self.queue.pop_front() {
                Some(Entry::Mark(output)) => passed.push(output),
                Some(entry) => {
                    self.queue.push_front(entry);
                    let more = self.take_front(most - piece.len());
                    piece.extend_from_slice(&more);
                }
                None => break,
            }
        }
        for output in passed.into_iter().rev() {
            self.queue.push_front(Entry::Mark(output));
        }
        piece.freeze()
    }

    /// Takes up to `most` bytes off the first entry.
    fn take_front(&mut self, most: usize) -> Bytes {
        let Some(Entry::Bytes {
            mut bytes,
            is_reply,
        }) = self.queue.pop_front()
        else {
            return Bytes::new();
        };
        let piece = bytes.split_to(most.min(bytes.len()));
        if !bytes.is_empty() {
            self.queue.push_front(Entry::Bytes { bytes, is_reply });
        }
        *self.account(is_reply) -= piece.len();
        piece
    }

    fn account(&mut self, is_reply: bool) -> &mut usize {
        if is_reply {
            &mut self.held.replies
        } else {
            &mut self.held.user
        }
    }
}

#[cfg(test)]
mod tests;
