//! When what is drawn beside a conversation is drawn, where somebody looks on.

use std::time::{Duration, Instant};

/// After so long without an event a conversation is quiet; and what came waits no longer than this
/// to be drawn.
const LAG: Duration = Duration::from_millis(200);

/// How a conversation is when it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nothing came for a while.
    Quiet,
    /// It goes on.
    Busy,
}

/// Watches events come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When the first one came that has not been drawn.
    first: Option<Instant>,
    /// When the last one came since the last quiet moment.
    last: Option<Instant>,
}

impl Pace {
    /// An event has come.
    pub(super) fn hear(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// When to draw, if nothing comes before that.
    pub(super) fn due(&self) -> Option<Instant> {
        // Of both, the first one came earlier.
        self.first.or(self.last).map(|at| at + LAG)
    }

    /// Whether to draw, and what to take for granted.
    pub(super) fn moment(&mut self, now: Instant) -> Option<Moment> {
        if self.due()? > now {
            return None;
        }
        self.first = None;
        if self.last.is_some_and(|last| last + LAG > now) {
            return Some(Moment::Busy);
        }
        self.last = None;
        Some(Moment::Quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it is drawn, in milliseconds, if events come at these.
    fn drawn(events: &[u64]) -> Vec<(u64, Moment)> {
        let start = Instant::now();
        let (mut pace, mut drawn) = (Pace::default(), Vec::new());
        for now in 0..=events.last().map_or(0, |last| last + 1000) {
            let at = start + Duration::from_millis(now);
            events
                .iter()
                .filter(|it| **it == now)
                .for_each(|_| pace.hear(at));
            drawn.extend(pace.moment(at).map(|moment| (now, moment)));
        }
        assert_eq!(pace.due(), None, "nobody wakes where nothing happens");
        drawn
    }

    #[test]
    fn an_event_is_drawn_when_it_was_quiet_for_a_while() {
        assert_eq!(drawn(&[]), []);
        assert_eq!(drawn(&[5]), [(205, Moment::Quiet)]);
        let quiet = [(205, Moment::Quiet), (900, Moment::Quiet)];
        assert_eq!(drawn(&[5, 700]), quiet);
    }

    #[test]
    fn a_conversation_that_is_never_quiet_is_drawn_as_it_goes() {
        let events: Vec<u64> = (0..=1000).step_by(50).collect();
        let moments = drawn(&events);
        let (last, before) = moments.split_last().expect("it is drawn");
        assert_eq!(*last, (1200, Moment::Quiet));
        assert!(before.iter().all(|(_, moment)| *moment == Moment::Busy));
        for event in events {
            let waited = moments.iter().find(|(at, _)| *at >= event);
            assert!(
                waited.is_some_and(|(at, _)| at - event <= 200),
                "{event}: {moments:?}"
            );
        }
    }
}
