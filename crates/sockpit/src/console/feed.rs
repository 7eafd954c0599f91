//! The events that a thread of the console draws, in an order that makes sense to who reads them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockpit_core::event::{Event, What};
use sockpit_core::time::Time;
use sockpit_engine::PACKETS_NOTE;
use sockpit_engine::bus::Tap;

/// Packets are told some milliseconds after they passed; so long an event waits for those that were
/// before it. The capture's ring gives them after 4 ms at most, and the rest is for a busy machine.
const LAG: Duration = Duration::from_millis(25);

/// The same where packets come by way of dumpcap, which gives them every 300 ms or so.
const LONG_LAG: Duration = Duration::from_millis(350);

/// Events that wait at most; the first ones are given before their time then.
const MOST_HELD: usize = 16_384;

/// In which order events are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As they were told.
    Told,
    /// As they happened, packets among them.
    Happened,
}

/// What a tap gives, in order.
pub(super) struct Feed {
    tap: Tap,
    held: Option<Held>,
    /// When what waits in the tap was taken last.
    now: Instant,
}

impl Feed {
    pub(super) fn new(tap: Tap, order: Order) -> Self {
        Self {
            tap,
            held: (order == Order::Happened).then(Held::default),
            now: Instant::now(),
        }
    }

    /// Waits for the next event; `None` when no more will come.
    pub(super) fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            if self.held.is_some()
                && let Some(event) = self.try_next()
            {
                return Some(event);
            }
            let Some(held) = &mut self.held else {
                return self.tap.blocking_next();
            };
            match held.due() {
                // What comes meanwhile waits in the tap.
                Some(due) => std::thread::sleep(due.saturating_duration_since(Instant::now())),
                None => held.push(self.tap.blocking_next()?, Instant::now()),
            }
        }
    }

    /// Waits for the next event until `deadline`: `None` when that is over, `Some(None)` when no more
    /// will come.
    pub(super) fn next_before(&mut self, deadline: Instant) -> Option<Option<Arc<Event>>> {
        loop {
            if let Some(event) = self.try_next() {
                return Some(Some(event));
            }
            if let Some(due) = self.held.as_ref().and_then(Held::due) {
                std::thread::sleep(due.min(deadline).saturating_duration_since(Instant::now()));
            } else {
                match (self.tap.blocking_next_before(deadline)?, &mut self.held) {
                    (Some(event), Some(held)) => held.push(event, Instant::now()),
                    (other, _) => return Some(other),
                }
            }
            if deadline <= Instant::now() {
                return None;
            }
        }
    }

    /// The next event if it is its turn.
    pub(super) fn try_next(&mut self) -> Option<Arc<Event>> {
        let Some(held) = &mut self.held else {
            return self.tap.try_next();
        };
        // What was due a moment ago is due still: the clock is asked once for all of it.
        if held.is_due(self.now) {
            return held.pop();
        }
        self.now = Instant::now();
        while let Some(event) = self.tap.try_next() {
            held.push(event, self.now);
        }
        if held.is_due(self.now) {
            held.pop()
        } else {
            None
        }
    }
}

/// Events that wait for earlier ones.
struct Held {
    events: BTreeMap<(Time, u64), (Arc<Event>, Instant)>,
    lag: Duration,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            events: BTreeMap::new(),
            lag: LAG,
        }
    }
}

impl Held {
    fn push(&mut self, event: Arc<Event>, now: Instant) {
        if let What::Note { kind, data, .. } = &event.what
            && kind == PACKETS_NOTE
            && data["level"] == "dumpcap"
        {
            self.lag = LONG_LAG;
        }
        let key = (event.time, event.number);
        self.events.insert(key, (event, now + self.lag));
    }

    /// When the first event may be given.
    fn due(&self) -> Option<Instant> {
        let (_, (_, due)) = self.events.first_key_value()?;
        let is_full = self.events.len() > MOST_HELD;
        Some(if is_full { *due - self.lag } else { *due })
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now)
    }

    fn pop(&mut self) -> Option<Arc<Event>> {
        self.events.pop_first().map(|(_, (event, _))| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64, millis: u64) -> Arc<Event> {
        Arc::new(Event {
            number,
            time: Time::from_nanos(millis * 1_000_000),
            session: 1,
            peer: 1,
            what: What::Gap { count: 1 },
        })
    }

    #[test]
    fn what_was_told_late_is_given_where_it_belongs() {
        let mut held = Held::default();
        let start = Instant::now();
        held.push(event(1, 10), start);
        held.push(event(2, 12), start);
        held.push(event(3, 11), start + Duration::from_millis(3));
        assert_eq!(held.due(), Some(start + LAG));
        let order: Vec<u64> = std::iter::from_fn(|| held.pop().map(|event| event.number)).collect();
        assert_eq!(order, [1, 3, 2]);
        assert_eq!(held.due(), None);
    }

    #[test]
    fn more_than_the_limit_does_not_wait() {
        let mut held = Held::default();
        let start = Instant::now();
        for number in 0..=MOST_HELD as u64 {
            held.push(event(number, number), start);
        }
        assert_eq!(held.due(), Some(start));
    }
}
