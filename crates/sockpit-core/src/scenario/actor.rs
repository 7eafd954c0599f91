//! A session in a case: what it was opened with, and who is at its other end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::SessionPlan;
use super::ear::Ear;
use crate::endpoint::Endpoint;
use crate::plan::{Plan, Role};
use crate::rule::Responder;
use crate::text::escape::VisibleLine;

/// The number of a client's only peer.
pub(super) const SERVER: u32 = 1;

/// A session in a case.
#[derive(Default)]
pub(super) struct Actor {
    pub(super) plan: Option<Arc<Plan>>,
    pub(super) ears: BTreeMap<u32, Ear>,
    pub(super) responder: Option<Responder>,
    /// The peers to whom our side was ended.
    pub(super) left: BTreeSet<u32>,
}

impl Actor {
    /// Whether it was opened, and not all of it is over: a server goes on without peers.
    pub(super) fn is_open(&self) -> bool {
        let is_server = self
            .plan
            .as_ref()
            .is_some_and(|plan| plan.role == Role::Server);
        let is_closed = |ear: &Ear| ear.closed.is_some();
        self.plan.is_some() && (is_server || !self.ears.get(&SERVER).is_some_and(is_closed))
    }

    /// The peer with this number, or the one that came last.
    pub(super) fn find(&self, peer: Option<u32>) -> Option<(u32, &Ear)> {
        match peer {
            Some(peer) => self.ears.get(&peer).map(|ear| (peer, ear)),
            None => self.ears.last_key_value().map(|(peer, ear)| (*peer, ear)),
        }
    }
}

impl SessionPlan {
    pub(super) fn resolve(&self, addresses: &[Option<String>]) -> Result<Plan, String> {
        let text = self.endpoint.plain(addresses);
        let endpoint: Endpoint = text
            .parse()
            .map_err(|error| format!("`{}`: {error}", VisibleLine(&text)))?;
        let mut plan = Plan::resolve(self.role, &endpoint, self.options.clone())
            .map_err(|error| format!("`{}`: {error}", VisibleLine(&text)))?;
        plan.rules.clone_from(&self.rules);
        Ok(plan)
    }
}
