//! A member, as the hub knows one.

use std::sync::Arc;

use super::Facts;
use crate::chat::flood::Bucket;
use crate::chat::nick::Name;
use crate::time::Time;

/// Somebody who is there.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) facts: Facts,
    /// `None` until it was said.
    pub(super) nick: Option<Name>,
    /// By their keys, in the order in which they were made current; the last one is.
    pub(super) rooms: Vec<Arc<str>>,
    /// Whether one's own lines are wanted too.
    pub(super) wants_own: bool,
    pub(super) bucket: Bucket,
    /// When something came last that was not dropped.
    pub(super) heard: Time,
}

impl Person {
    pub(super) fn new(facts: Facts, now: Time) -> Self {
        Self {
            facts,
            nick: None,
            rooms: Vec::new(),
            wants_own: false,
            bucket: Bucket::default(),
            heard: now,
        }
    }

    /// The room that what is said goes to.
    pub(super) fn current(&self) -> Option<Arc<str>> {
        self.rooms.last().cloned()
    }

    pub(super) fn is_in(&self, key: &str) -> bool {
        self.rooms.iter().any(|room| **room == *key)
    }

    /// Makes a room the current one, of which one may have been a member before.
    pub(super) fn turn_to(&mut self, key: &Arc<str>) {
        self.turn_from(key);
        self.rooms.push(Arc::clone(key));
    }

    pub(super) fn turn_from(&mut self, key: &str) {
        self.rooms.retain(|room| **room != *key);
    }
}
