//! The peers of a session, and how what is asked of them gets there.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use sockpit_core::event::{FaultKind, What};

use sockpit_core::time::Time;

use super::{Change, Command, PeerFacts, Target, Traffic};
use crate::driver::Inbox;

/// One peer of a session.
struct Member<M> {
    addr: String,
    since: Time,
    /// The way to its driver.
    inbox: Rc<Inbox<M>>,
}

/// The number of the first peer of every session.
pub(crate) const FIRST_PEER: u32 = 1;

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obeyed {
    Done,
    /// The session shall be closed.
    Close,
    /// This peer is not there; what was meant for it is lost.
    Lost(u32),
}

/// What is told when something was meant for a peer that is not there.
pub(crate) fn lost_fault(number: u32) -> What {
    What::Fault {
        kind: FaultKind::Unsent,
        message: format!("peer {number} is not there, and what is meant for it is not sent"),
        count: None,
    }
}

/// The peers of a session, and what waits for the first one.
pub(crate) struct Members<M> {
    inboxes: RefCell<BTreeMap<u32, Member<M>>>,
    /// The last peer's number; 0 before the first.
    latest: Cell<u32>,
    held: RefCell<VecDeque<Change<M>>>,
    /// With the peers that are gone.
    former: Cell<Traffic>,
}

impl<M> Members<M> {
    pub(crate) fn new() -> Self {
        Self {
            inboxes: RefCell::default(),
            latest: Cell::new(0),
            held: RefCell::default(),
            former: Cell::default(),
        }
    }

    pub(crate) fn add(&self, number: u32, addr: String, since: Time, inbox: Rc<Inbox<M>>) {
        for change in self.held.take() {
            inbox.push(change);
        }
        self.latest.set(number);
        let member = Member { addr, since, inbox };
        self.inboxes.borrow_mut().insert(number, member);
    }

    pub(crate) fn remove(&self, number: u32) {
        if let Some(member) = self.inboxes.borrow_mut().remove(&number) {
            self.former.set(self.former.get() + member.inbox.traffic());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.inboxes.borrow().len()
    }

    /// Carries out what the handle asked.
    pub(crate) fn obey(&self, command: Command<M>) -> Obeyed {
        let inboxes = self.inboxes.borrow();
        match command {
            Command::Change(Target::First, change) => match inboxes.get(&FIRST_PEER) {
                Some(Member { inbox, .. }) => inbox.push(change),
                None if self.latest.get() < FIRST_PEER => self.held.borrow_mut().push_back(change),
                None if change.permit.is_some() => return Obeyed::Lost(FIRST_PEER),
                None => {}
            },
            Command::Change(Target::Latest, change) => match inboxes.last_key_value() {
                Some((_, Member { inbox, .. })) => inbox.push(change),
                None => self.held.borrow_mut().push_back(change),
            },
            Command::Change(Target::Peer(number), change) => match inboxes.get(&number) {
                Some(Member { inbox, .. }) => inbox.push(change),
                None if change.permit.is_some() => return Obeyed::Lost(number),
                None => {}
            },
            Command::Change(Target::All, change) => {
                for member in inboxes.values() {
                    member.inbox.push(change.clone());
                }
            }
            Command::Peers(reply) => {
                let facts = inboxes.iter().map(|(&number, member)| PeerFacts {
                    number,
                    addr: member.addr.clone(),
                    since: member.since,
                    traffic: member.inbox.traffic(),
                });
                // Whoever asked may have left.
                let _ = reply.send(facts.collect());
            }
            Command::Traffic(reply) => {
                let of_all = inboxes
                    .values()
                    .map(|member| member.inbox.traffic())
                    .fold(self.former.get(), std::ops::Add::add);
                // Whoever asked may have left.
                let _ = reply.send((inboxes.len(), of_all));
            }
            // A stream is reached by connecting.
            Command::Reach(_, reply) => drop(reply.send(None)),
            Command::Disconnect(number) => {
                if let Some(member) = inboxes.get(&number) {
                    member.inbox.stop();
                }
            }
            Command::Close => return Obeyed::Close,
            Command::Reset => {
                for member in inboxes.values() {
                    member.inbox.reset();
                }
                return Obeyed::Close;
            }
        }
        Obeyed::Done
    }

    /// Asks every peer's driver to end.
    pub(crate) fn stop_all(&self) {
        for member in self.inboxes.borrow().values() {
            member.inbox.stop();
        }
    }
}
