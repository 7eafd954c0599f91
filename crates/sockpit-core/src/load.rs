//! Loads: what is asked of a server, when, and what comes of it, without a socket or a clock.
//!
//! ```text
//!  Endpoint + Options ──▶ Plan ──▶ Schedule   when each message is due
//!                              ──▶ Content    what each message holds
//!  datagrams ──▶ wire ──▶ Book                lost, reordered, duplicated
//!  Tally (a thread, a second) ──▶ Gathering ──▶ Progress, Report
//! ```
//!
//! A latency counts from the moment at which a message was *due*, not from the one at which it left:
//! a server that stands still for a second delays every message of that second, also those that
//! could not be sent while it stood still.

mod ask;
mod book;
mod content;
mod latency;
mod plan;
mod report;
mod schedule;
mod serve;
mod table;
mod tally;
pub mod wire;

pub use ask::{Answer, Mode, Pace, ParseModeError, ParseRateError, Rate, Service};
pub use book::{Book, Order, Verdict};
pub use content::Content;
pub use latency::{Latencies, Summary};
pub use plan::{Options, Plan, PlanError};
pub use report::{Ending, Gathering, Progress, Report, Second, VERSION};
pub use schedule::Schedule;
pub use serve::{ServeOptions, ServePlan, Served};
pub use table::{Row, bytes_per_second, number};
pub use tally::{Amount, Fault, Faults, Tally};

use std::time::Duration;

/// Connections at once: as many files as a process may have open, about.
pub const MAX_CONNECTIONS: u32 = 20_000;

/// Messages a second, of `churn` connections.
pub const MAX_RATE: u64 = 10_000_000;

/// How long a load may last.
pub const MAX_DURATION: Duration = Duration::from_secs(60 * 60);

/// In bytes: one message on a stream.
pub const MAX_SIZE: usize = 16 << 20;

/// In bytes: one datagram, the most that UDP over IPv4 carries.
pub const MAX_DATAGRAM: usize = 65_507;

/// In bytes: one datagram, which holds at least the header of [`wire`].
pub const MIN_DATAGRAM: usize = wire::DATAGRAM_HEADER;

/// Threads of one load.
pub const MAX_THREADS: u32 = 64;

/// Messages under way on one connection.
pub const MAX_IN_FLIGHT: u32 = 1024;

/// Messages under way on all connections: each costs some bytes of ours.
pub const MAX_IN_FLIGHT_TOTAL: u64 = 1 << 20;
