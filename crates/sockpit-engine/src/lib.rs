//! The sockets, files and clocks of Sockpit.
//!
//! The engine gives machines of the core their links and their time, and publishes what happens on
//! one bus. It prints nothing and decides nothing that a plan could decide.
//!
//! ```text
//!  Workbench ──▶ shard (a thread, a runtime)
//!                  ├─ session: client ─▶ driver ◀─▶ link
//!                  ├─ session: server ─▶ driver ◀─▶ link   (one a peer)
//!                  └─ bus ──▶ taps (everything), views (some, and how many were missed)
//! ```

#![forbid(unsafe_code)]

mod any_machine;
pub mod bus;
pub mod capture;
mod clock;
#[cfg(feature = "nats")]
pub mod cluster;
pub mod doctor;
mod driver;
mod error;
mod facts;
pub mod history;
mod listen;
pub mod load;
mod packets;
mod passthrough;
mod patience;
pub mod porch;
mod program;
pub mod project;
pub mod recorder;
pub mod recording;
pub mod room;
mod session;
mod shard;
pub mod stdio;
pub mod tello;
mod transport;
mod workbench;

pub use clock::{Clock, processor_time};
pub use error::{Error, Operation, cause_text};
pub use packets::NOTE as PACKETS_NOTE;
pub use session::{Failure, Outcome, PeerFacts, Session, Target, Traffic};
pub use transport::to_connect as addresses_to_connect;
pub use workbench::{Handle, Stdio, Workbench};
