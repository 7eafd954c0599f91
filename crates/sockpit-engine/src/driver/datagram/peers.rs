//! Who the peers are: new addresses become peers, and peers leave.

use std::net::SocketAddr;

use sockpit_core::event::{FaultKind, What};
use sockpit_core::machine::{Machine, Reason};
use sockpit_core::plan::Role;
use sockpit_core::session::Peer as PeerSeed;
use sockpit_core::time::Time;
use sockpit_sys::datagram::PeerAddr;

use super::guard::Guard;
use super::socket::Socket;
use super::{Datagram, MAX_ANSWERERS, Peer};
use crate::bus::Scope;
use crate::driver::Cause;
use crate::listen::start_program;
use crate::session::{DRAIN_TIME, Target};
use crate::transport::{addr_text, endpoint_of};

/// Programs run at once for datagram peers: an address costs its sender nothing.
const MAX_PROGRAMS: usize = 256;

impl<M, F> Datagram<M, F>
where
    M: Machine,
    M::Event: Into<What>,
    F: FnMut(PeerSeed, Time) -> M,
{
    /// Whose datagram it is; a new address becomes a new peer.
    pub(super) fn peer_of(
        &mut self,
        now: Time,
        index: usize,
        from: Option<&PeerAddr>,
    ) -> Option<u32> {
        if self.scene.plan.role == Role::Client {
            if self.scene.plan.has_many_answerers() {
                self.announce_answerer(from?);
            }
            return Some(1);
        }
        let from = from?;
        if let Some(&place) = self.by_addr.get(from) {
            self.peers.recall(place);
            return Some(place.number);
        }
        let plan = &self.scene.plan;
        let most = if plan.once {
            1
        } else {
            let programs = if self.program.is_some() {
                MAX_PROGRAMS
            } else {
                usize::MAX
            };
            plan.max_peers.unwrap_or(usize::MAX).min(programs)
        };
        if self.peers.len() >= most {
            self.turn_away(from);
            return None;
        }
        let number = self.add_peer(now, index, Some(from.clone()), addr_text(from));
        // A machine may close as soon as it is made.
        let place = self.peers.place(number)?;
        self.by_addr.insert(from.clone(), place);
        Some(number)
    }

    /// The peer with this address, which need not have been heard of; `None` for a client, and where
    /// no socket of the session can reach it.
    pub(super) fn reach(&mut self, addr: SocketAddr) -> Option<u32> {
        let to = PeerAddr::Inet(addr);
        if self.scene.plan.role == Role::Client {
            return None;
        }
        if let Some(place) = self.by_addr.get(&to) {
            return Some(place.number);
        }
        let is_family = |socket: &Socket| socket.is_of_family(addr);
        let index = self.sockets.iter().position(is_family)?;
        let number = self.add_peer(self.scene.now(), index, Some(to.clone()), addr_text(&to));
        // A machine may close as soon as it is made.
        if let Some(place) = self.peers.place(number) {
            self.by_addr.insert(to, place);
        }
        Some(number)
    }

    pub(super) fn announce_answerer(&mut self, from: &PeerAddr) {
        if self.answerers.len() < MAX_ANSWERERS && self.answerers.insert(from.clone()) {
            let addr = addr_text(from);
            let note = What::Note {
                kind: "answer".to_owned(),
                message: format!("an answer from {addr}"),
                data: serde_json::json!({ "addr": addr }),
            };
            self.scene.publish(1, note);
        }
    }

    /// Says so once for each burst: at the first datagram, and then at each power of two.
    pub(super) fn turn_away(&mut self, from: &PeerAddr) {
        self.turned_away += 1;
        if self.turned_away.is_power_of_two() {
            let message = format!(
                "{} has no place among {} peers; `--max-peers` gives more",
                addr_text(from),
                self.peers.len()
            );
            let count = self.turned_away;
            self.publish_fault(0, FaultKind::Limit, message, Some(count));
        }
    }

    pub(super) fn add_peer(
        &mut self,
        now: Time,
        socket: usize,
        to: Option<PeerAddr>,
        name: String,
    ) -> u32 {
        self.count += 1;
        let number = self.count;
        let local = self.sockets[socket].local.clone();
        if self.scene.wants(Scope::Life) {
            let addr = endpoint_of(self.scene.plan.transport, &name);
            let opened = What::Opened { addr, local };
            self.scene.publish_at(now, number, opened);
        }
        let seed = self.scene.peer(number, name.clone());
        let mut machine = (self.make)(seed, now);
        machine.handle_watch(self.is_watched);
        let guard = Guard::new(&self.scene.plan, to.as_ref(), &self.sockets[socket]);
        let program = start_program(&self.scene, number, self.program.as_ref());
        let peer = Peer {
            machine,
            to,
            name,
            socket,
            since: now,
            received: 0,
            sent: 0,
            wake: None,
            armed: None,
            guard,
            program,
            dropped: 0,
            is_withheld: false,
        };
        self.peers.insert(number, peer);
        self.drain(number, &Cause::Reply);
        for change in std::mem::take(&mut self.held) {
            self.change(Target::Peer(number), change);
        }
        number
    }

    pub(super) fn remove_peer(&mut self, number: u32, reason: Reason) {
        let Some(peer) = self.peers.remove(number) else {
            return;
        };
        if let Some(to) = &peer.to {
            self.by_addr.remove(to);
        }
        // What it still has to get leaves first, so that its end is the last thing told of it.
        self.flush(peer.socket);
        let is_last = self.scene.plan.role == Role::Client || self.scene.plan.once;
        if self.scene.wants(Scope::Life) {
            self.scene.publish(
                number,
                What::Closed {
                    reason,
                    message: String::new(),
                },
            );
        }
        if is_last {
            self.finish(reason);
        }
    }

    pub(super) fn finish(&mut self, reason: Reason) {
        if self.over.is_none() {
            self.over = Some(reason);
            self.stop_by = Some(self.scene.now() + DRAIN_TIME);
        }
    }
}
