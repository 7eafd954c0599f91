//! A server of loads with every default decided, and what it has done.

use std::time::Duration;

use serde::Serialize;

use super::plan::{link, ranged, span};
use super::{MAX_CONNECTIONS, MAX_THREADS, PlanError, Row, Service};
use crate::endpoint::Endpoint;
use crate::plan::{self, Role};
use crate::time::TimeSpan;

const IDLE: Duration = Duration::from_secs(60);

/// What the user told of a server; `None` where nothing was said.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServeOptions {
    /// What it does.
    pub service: Service,
    /// Threads that share the connections; 1 without it. Of streams only, as are all below.
    pub threads: Option<u32>,
    /// Connections served at once; 20,000 without it. Further ones are closed.
    pub max_peers: Option<u32>,
    /// After how much silence a connection is closed; 60 s without it.
    pub idle: Option<TimeSpan>,
}

/// What a server of loads will do.
#[derive(Clone, Debug)]
pub struct ServePlan {
    /// The endpoint with the options of its sockets.
    pub session: plan::Plan,
    /// What it does.
    pub service: Service,
    /// Threads that share the connections.
    pub threads: u32,
    /// Connections served at once.
    pub max_peers: u32,
    /// After how much silence a connection is closed.
    pub idle: Duration,
}

impl ServePlan {
    /// Decides everything that the options leave open.
    ///
    /// # Errors
    ///
    /// Returns a [`PlanError`] where a number is beyond its limit or an option does not fit.
    pub fn resolve(
        endpoint: &Endpoint,
        session: plan::Options,
        asked: ServeOptions,
    ) -> Result<Self, PlanError> {
        let (told, session) = link(Role::Server, endpoint, session)?;
        let max_peers = told.max_peers.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let asked = ServeOptions {
            max_peers: asked.max_peers.or(max_peers),
            idle: asked.idle.or(told.idle),
            ..asked
        };
        if session.has_many_answerers() {
            return Err(PlanError::Everybody);
        }
        let of_connections = [
            ("threads", asked.threads.is_some()),
            ("max-peers", asked.max_peers.is_some()),
            ("idle", asked.idle.is_some()),
        ];
        for (key, _) in of_connections.iter().filter(|(_, is_asked)| *is_asked) {
            if !session.transport.is_stream() {
                return Err(PlanError::Transport {
                    key,
                    transport: session.transport.scheme(),
                    wants: "tcp and unix",
                });
            }
        }
        Ok(Self {
            service: asked.service,
            threads: ranged("threads", asked.threads, 1, MAX_THREADS)?,
            max_peers: ranged(
                "max-peers",
                asked.max_peers,
                MAX_CONNECTIONS,
                MAX_CONNECTIONS,
            )?,
            idle: span("idle", asked.idle, IDLE)?,
            session,
        })
    }

    /// The endpoint without its options.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.session.endpoint()
    }
}

/// What a server of loads has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Connections that were taken.
    pub accepted: u64,
    /// Connections that are open.
    pub open: u32,
    /// Connections that were closed at once, as there were too many.
    pub refused: u64,
    /// Datagrams that came; 0 on streams.
    pub messages: u64,
    /// In bytes: what came.
    pub received_bytes: u64,
    /// In bytes: what was sent back.
    pub sent_bytes: u64,
    /// Connections that failed, and datagrams that could not be sent back.
    pub faults: u64,
}

impl Served {
    /// All of it as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers under names are always JSON")
    }

    /// Adds what another thread did.
    pub fn merge(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.open += other.open;
        self.refused += other.refused;
        self.messages += other.messages;
        self.received_bytes += other.received_bytes;
        self.sent_bytes += other.sent_bytes;
        self.faults += other.faults;
    }

    /// The table of it.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut row = |name: &str, value: u64| rows.push(Row::new(name, value.to_string()));
        if 0 < self.accepted {
            row("connections", self.accepted);
        }
        if 0 < self.messages {
            row("datagrams", self.messages);
        }
        row("bytes received", self.received_bytes);
        row("bytes sent back", self.sent_bytes);
        if 0 < self.refused {
            row("refused", self.refused);
        }
        if 0 < self.faults {
            row("faults", self.faults);
        }
        rows
    }
}

#[cfg(test)]
mod tests;
