//! What a responder has promised for later.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Ask;
use crate::rule::pattern::Captures;
use crate::rule::{Rule, Rules};
use crate::time::Time;

/// How many delayed answers of rules a conversation holds at most: a peer decides how many it asks
/// for.
pub(super) const PENDING_LIMIT: usize = 1024;

/// In bytes: how much of the peer's messages they hold at most, for the same reason.
pub(super) const PENDING_BYTES: usize = 16 << 20;

/// What waits for its time.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// By time, then by the order in which they were queued.
    jobs: BTreeMap<(Time, u64), Job>,
    /// How many were ever queued.
    queued: u64,
    /// In bytes: what the answers hold.
    held: usize,
}

#[derive(Debug)]
pub(super) enum Job {
    Answer(AnswerJob),
    Item(ItemJob),
}

/// An answer of a rule, with what it needs of the message.
#[derive(Debug)]
pub(super) struct AnswerJob {
    pub(super) rule: usize,
    pub(super) bytes: Bytes,
    pub(super) text: Option<String>,
    pub(super) captures: Captures,
    /// How often it is still sent; without end if `None`.
    pub(super) left: Option<u32>,
}

/// The next item of a list.
#[derive(Debug)]
pub(super) struct ItemJob {
    pub(super) list: usize,
    pub(super) item: usize,
    /// From 1.
    pub(super) round: u64,
}

impl AnswerJob {
    pub(super) fn new(index: usize, rule: &Rule, ask: &Ask<'_>, left: Option<u32>) -> Self {
        let message = rule.needs_message().then_some(ask.message);
        Self {
            rule: index,
            bytes: message
                .map(|message| Bytes::copy_from_slice(message.bytes))
                .unwrap_or_default(),
            text: message.and_then(|message| message.text).map(str::to_owned),
            captures: ask.captures.clone(),
            left,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() + self.text.as_ref().map_or(0, String::len) + self.captures.len()
    }
}

impl Pending {
    pub(super) fn push(&mut self, due: Time, job: Job) {
        self.held += job.len();
        self.queued += 1;
        self.jobs.insert((due, self.queued), job);
    }

    /// Takes the first job that is due.
    pub(super) fn pop(&mut self, now: Time) -> Option<(Time, Job)> {
        let entry = self
            .jobs
            .first_entry()
            .filter(|entry| entry.key().0 <= now)?;
        let ((due, _), job) = entry.remove_entry();
        self.held -= job.len();
        Some((due, job))
    }

    pub(super) fn start_list(&mut self, rules: &Rules, list: usize, now: Time) {
        self.stop_list(list);
        let first = rules.lists.get(list).and_then(|list| list.items.first());
        if let Some(item) = first {
            self.push(
                now + item.delay,
                Job::Item(ItemJob {
                    list,
                    item: 0,
                    round: 1,
                }),
            );
        }
    }

    pub(super) fn stop_list(&mut self, list: usize) {
        self.remove(|job| matches!(job, Job::Item(job) if job.list == list));
    }

    pub(super) fn stop_answer(&mut self, rule: usize) {
        self.remove(|job| matches!(job, Job::Answer(job) if job.rule == rule));
    }

    pub(super) fn stop_endless(&mut self, rules: &Rules) {
        self.remove(|job| match job {
            Job::Answer(job) => job.left.is_none(),
            Job::Item(job) => rules
                .lists
                .get(job.list)
                .is_none_or(|list| list.rounds.is_none()),
        });
    }

    fn remove(&mut self, is_gone: impl Fn(&Job) -> bool) {
        let mut held = self.held;
        self.jobs.retain(|_, job| {
            let gone = is_gone(job);
            if gone {
                held -= job.len();
            }
            !gone
        });
        self.held = held;
    }

    pub(super) fn has_room(&self, len: usize) -> bool {
        self.jobs.len() < PENDING_LIMIT && self.held.saturating_add(len) <= PENDING_BYTES
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.jobs.first_key_value().map(|((due, _), _)| *due)
    }
}

impl Job {
    fn len(&self) -> usize {
        match self {
            Self::Answer(job) => job.len(),
            Self::Item(_) => 0,
        }
    }
}
