//! A bus without a workbench, for `benches/bus.rs`: what publishing costs is counted on one thread,
//! with nothing between.

use std::rc::Rc;

use sockpit_core::event::What;
use sockpit_core::time::Time;

use super::{Bus, Scope, Tap, TapLimit, View, ViewLimit};
use crate::clock::Clock;

/// A bus on which there are no sessions.
pub struct LoneBus(Rc<Bus>);

impl LoneBus {
    /// Begins without subscribers.
    #[must_use]
    pub fn start() -> Self {
        Self(Bus::new(Clock::start()))
    }

    /// Adds a tap of everything that is never full.
    #[must_use]
    pub fn tap(&self) -> Tap {
        let limit = TapLimit {
            bytes: usize::MAX,
            patience: None,
        };
        self.0.add_tap(limit, Scope::Everything)
    }

    /// Adds a view of everything that is never full.
    #[must_use]
    pub fn view(&self) -> View {
        let limit = ViewLimit {
            events: usize::MAX,
            bytes: usize::MAX,
        };
        self.0.add_view(limit, Scope::Everything)
    }

    /// Whether anybody wants events of this scope.
    #[must_use]
    pub fn wants(&self, scope: Scope) -> bool {
        self.0.wants(scope)
    }

    /// Publishes what happened with the first peer of the first session.
    pub fn publish(&self, time: Time, what: What) {
        self.0.publish(time, 1, 1, what);
    }
}
