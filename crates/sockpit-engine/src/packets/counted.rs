//! What the kernel counted of our connections, beside what was seen of them on the wire.

use std::collections::BTreeMap;

use sockpit_core::event::What;
use sockpit_core::flow::{Analyser, Disagreement, End, KernelCounters};
use sockpit_core::kernel::{Fact as _, Moment, Snapshot};

use super::peers::Peers;

/// Connections that are compared at most.
const MOST: usize = 10_000;

/// The kernel's last word on each peer's connection.
#[derive(Default)]
pub(super) struct Counted {
    by_peer: BTreeMap<u32, KernelCounters>,
}

impl Counted {
    /// Takes note of what is told of a peer, if it is that word. While bytes are under way it is not
    /// the last one: they may have to be sent again.
    pub(super) fn learn(&mut self, peer: u32, what: &What) {
        let What::Note { kind, data, .. } = what else {
            return;
        };
        if kind != Snapshot::KIND || MOST <= self.by_peer.len() {
            return;
        }
        let last = Snapshot::read(data).filter(|it| it.when == Moment::Close);
        if let Some(snapshot) = last.filter(|it| it.own.unacked == Some(0)) {
            let counters = KernelCounters {
                // A SYN or a FIN counts, or does not, depending on the moment.
                bytes_acked: None,
                ..KernelCounters::from(&snapshot.own)
            };
            self.by_peer.insert(peer, counters);
        }
    }

    /// What the two count differently, of each peer.
    pub(super) fn compare(&self, peers: &Peers, analyser: &Analyser) -> Vec<(u32, Disagreement)> {
        let conversations = analyser.conversations();
        let mut found = Vec::new();
        for (&peer, counters) in &self.by_peer {
            let Some((number, local)) = peers.talk(peer) else {
                continue;
            };
            let place = conversations.binary_search_by_key(&number, |it| it.id().number());
            let Ok(place) = place else { continue };
            let conversation = conversations[place];
            let own = [End::First, End::Second].into_iter().find(|end| {
                let addr = conversation.addr(*end);
                (addr.ip().to_canonical(), addr.port()) == (local.ip(), local.port())
            });
            let told = own.map(|own| conversation.reconcile(own, counters));
            found.extend(told.unwrap_or_default().into_iter().map(|it| (peer, it)));
        }
        found
    }
}
