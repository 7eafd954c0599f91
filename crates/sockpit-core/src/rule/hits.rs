//! How often rules fit, for whoever shows it while conversations run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How often each rule of a file has fitted a message.
#[derive(Debug)]
pub struct Hits {
    counts: Box<[AtomicU64]>,
    /// The rule that has the word.
    speaking: AtomicUsize,
}

impl Hits {
    /// The counts, in the order of the rules. They are told without stopping anybody: each is right,
    /// though one may be of a moment after another.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.counts.iter().map(read).collect()
    }

    pub(super) fn add(&self, rule: usize) {
        if let Some(count) = self.counts.get(rule) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.speak(rule);
    }

    pub(super) fn speak(&self, rule: usize) {
        self.speaking.store(rule, Ordering::Relaxed);
    }

    /// Of one conversation alone: the rule that acts.
    pub(super) fn speaking(&self) -> usize {
        self.speaking.load(Ordering::Relaxed)
    }
}

/// The counts of rules that are counted, which is no part of what they mean: all are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted(Option<Arc<Hits>>);

impl Counted {
    pub(super) fn of(rules: usize) -> Self {
        let zero = |_| AtomicU64::new(0);
        Self(Some(Arc::new(Hits {
            counts: (0..rules).map(zero).collect(),
            speaking: AtomicUsize::new(0),
        })))
    }

    pub(super) fn get(&self) -> Option<&Hits> {
        self.0.as_deref()
    }
}

impl PartialEq for Counted {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Counted {}
