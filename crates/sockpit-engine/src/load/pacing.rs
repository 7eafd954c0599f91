//! Which connection sends next, and when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use sockpit_core::load::{Pace, Schedule};

use super::worker::Share;

/// The order in which the connections of one thread send. A connection is *offered* when it has room
/// for a message, and taken when one is due for it.
pub(super) struct Pacing {
    order: Order,
    /// Which connections are offered.
    offered: Vec<bool>,
}

enum Order {
    /// A connection sends when it has room; those with room for more than a burst take turns.
    Max { free: VecDeque<usize> },
    /// Each connection has a schedule, with the index of its next message.
    Paced {
        schedules: Vec<(Schedule, u64)>,
        free: BinaryHeap<Reverse<(u64, usize)>>,
    },
    /// All share one schedule; the connection that has had room the longest takes what is due.
    Open {
        schedule: Schedule,
        next: u64,
        free: VecDeque<usize>,
    },
}

impl Pacing {
    pub(super) fn new(pace: Pace, share: &Share, connections: u32) -> Self {
        let order = match pace {
            Pace::Max => Order::Max {
                free: VecDeque::new(),
            },
            Pace::Paced(rate) => {
                let schedule = |place| Schedule::new(rate, share.first + place, connections);
                Order::Paced {
                    schedules: (0..share.connections)
                        .map(|place| (schedule(place), 0))
                        .collect(),
                    free: BinaryHeap::new(),
                }
            }
            Pace::Open(rate) => Order::Open {
                schedule: Schedule::new(rate, share.thread, share.threads),
                next: 0,
                free: VecDeque::new(),
            },
        };
        Self {
            order,
            offered: vec![false; share.connections as usize],
        }
    }

    /// Takes a connection that has room; one that is offered already keeps its place.
    pub(super) fn offer(&mut self, place: usize) {
        match self.offered.get_mut(place) {
            Some(is_offered @ false) => *is_offered = true,
            _ => return,
        }
        match &mut self.order {
            Order::Max { free } | Order::Open { free, .. } => free.push_back(place),
            Order::Paced { schedules, free } => {
                if let Some((schedule, next)) = schedules.get(place) {
                    free.push(Reverse((schedule.intended(*next), place)));
                }
            }
        }
    }

    /// The connection that is to send now, and when its message was due.
    pub(super) fn take(&mut self, now: u64) -> Option<(usize, u64)> {
        let (place, due) = match &mut self.order {
            Order::Max { free } => (free.pop_front()?, now),
            Order::Paced { schedules, free } => {
                let Reverse((due, place)) = *free.peek().filter(|next| next.0.0 <= now)?;
                free.pop();
                if let Some((_, next)) = schedules.get_mut(place) {
                    *next += 1;
                }
                (place, due)
            }
            Order::Open {
                schedule,
                next,
                free,
            } => {
                let due = schedule.intended(*next);
                if now < due {
                    return None;
                }
                let place = free.pop_front()?;
                *next += 1;
                (place, due)
            }
        };
        self.offered[place] = false;
        Some((place, due))
    }

    /// Takes back the message of a connection that is gone, to be sent by the next one with room, or
    /// by the same when it is back.
    pub(super) fn put_back(&mut self, place: usize) {
        match &mut self.order {
            Order::Max { .. } => {}
            Order::Paced { schedules, .. } => {
                if let Some((_, next)) = schedules.get_mut(place) {
                    *next -= 1;
                }
            }
            Order::Open { next, .. } => *next -= 1,
        }
    }

    /// When the next message is due for a connection that has room; `u64::MAX` where none is.
    pub(super) fn next(&self) -> u64 {
        match &self.order {
            Order::Max { free } | Order::Open { free, .. } if free.is_empty() => u64::MAX,
            Order::Max { .. } => 0,
            Order::Paced { free, .. } => free.peek().map_or(u64::MAX, |next| next.0.0),
            Order::Open { schedule, next, .. } => schedule.intended(*next),
        }
    }

    /// Messages that are due and were not sent.
    pub(super) fn unsent(&self, now: u64) -> u64 {
        // What is due at the very end is not sent.
        let now = now.saturating_sub(1);
        match &self.order {
            Order::Max { .. } => 0,
            Order::Paced { schedules, .. } => {
                let each = schedules.iter();
                each.map(|(schedule, next)| schedule.due(now).saturating_sub(*next))
                    .sum()
            }
            Order::Open { schedule, next, .. } => schedule.due(now).saturating_sub(*next),
        }
    }

    /// In nanoseconds: how long the oldest message that is due has been so.
    pub(super) fn lag(&self, now: u64) -> u64 {
        match &self.order {
            Order::Max { .. } => 0,
            Order::Paced { schedules, .. } => {
                let due = schedules
                    .iter()
                    .map(|(schedule, next)| schedule.intended(*next));
                due.min().map_or(0, |due| now.saturating_sub(due))
            }
            Order::Open { schedule, next, .. } => now.saturating_sub(schedule.intended(*next)),
        }
    }
}

#[cfg(test)]
mod tests;
