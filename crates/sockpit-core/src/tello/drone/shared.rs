//! One drone for the machines of its three links.

#[expect(
    clippy::disallowed_types,
    reason = "the links of one drone are sessions of their own; the lock is held for one look"
)]
use std::sync::Mutex;
use std::sync::{Arc, PoisonError};

use super::{Drone, Settings};
use crate::time::Time;

/// A drone that several machines look at and change, one at a time.
#[derive(Clone, Debug)]
#[expect(clippy::disallowed_types, reason = "as above")]
pub struct SharedDrone(Arc<Mutex<Drone>>);

impl SharedDrone {
    /// Makes a drone; see [`Drone::new`].
    #[must_use]
    #[expect(clippy::disallowed_types, reason = "as above")]
    pub fn new(settings: Settings, now: Time) -> Self {
        Self(Arc::new(Mutex::new(Drone::new(settings, now))))
    }

    /// Looks at it, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Drone) -> T) -> T {
        // A machine that panicked ends its own link; the drone is as it was left.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
