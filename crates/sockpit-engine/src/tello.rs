//! Drones that speak the Tello text protocol: flown, and simulated.
//!
//! ```text
//!  Flight ─▶ Swarm ─▶ a session of a Pilot for each drone ─▶ drone
//!    │         └───── a session that hears their states ◀──────┘
//!    └─▶ Audience: a console, a page
//! ```
//!
//! A [`Flight`] keeps account of what was ordered and what became of it, and brings down what flies,
//! whoever it is told to. A [`Stand`] is a simulated drone with the sessions by which it is reached.

mod flight;
mod landing;
mod ports;
mod stand;
mod swarm;
mod telemetry;
mod veil;

use std::time::Duration;

use sockpit_core::event::Event;
use sockpit_core::plan::PlanError;
use sockpit_core::tello::reply::Verdict;

use crate::error::Error;

pub use flight::{End, Flight, Given, Heard, Origin, tap};
pub use landing::{Landed, Wish, Wishes};
pub use ports::Ports;
pub use stand::Stand;
pub use swarm::{Drone, Links, Swarm, server};
pub use telemetry::{Board, Crew, Telemetry, addr_of};
pub use veil::Veil;

/// What a line about a drone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A command leaves.
    Out,
    /// A reply came.
    In,
    /// A reply came that refuses a command.
    Refused,
    /// Something is told of it.
    About,
    /// Something went wrong with it.
    Wrong,
}

/// Whom a flight is told. Drones are told apart by their place in the swarm, from 0.
pub trait Audience {
    /// Tells something that is no error.
    fn say(&self, text: &str);

    /// Tells something that went wrong.
    fn error(&self, text: &str);

    /// Tells what would help.
    fn hint(&self, text: &str);

    /// Tells something about a drone: `what` are its words or ours, `aside` is less weighty.
    fn about(&self, drone: usize, mark: Mark, what: &str, aside: &str);

    /// Tells what a link beside those for commands tells.
    fn aside(&self, event: &Event);

    /// Tells an answer to a command.
    fn reply(&self, drone: usize, given: &Given, text: &str, took: Duration, verdict: &Verdict);

    /// Tells that so many drones are being landed.
    fn landing(&self, drones: usize);
}

/// Why a link could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There can be none like that.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The system did not let us.
    #[error(transparent)]
    Link(#[from] Error),
}
