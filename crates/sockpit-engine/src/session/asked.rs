//! What a session's handle asks of it.

use std::net::SocketAddr;
use std::sync::Arc;

use sockpit_core::time::Time;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{PeerFacts, Target, Traffic};
use crate::any_machine::AnyMachine;

/// What a change does to a machine.
type Apply<M> = Arc<dyn Fn(&mut M, Time) + Send + Sync>;

/// A change of a machine that somebody asked for.
pub(crate) struct Change<M> {
    pub(crate) apply: Apply<M>,
    /// Held until what the change transmits is sent.
    pub(crate) permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl<M> Clone for Change<M> {
    fn clone(&self) -> Self {
        Self {
            apply: self.apply.clone(),
            permit: self.permit.clone(),
        }
    }
}

/// What a session's handle asks of it.
pub(crate) enum Command<M> {
    Change(Target, Change<M>),
    Peers(oneshot::Sender<Vec<PeerFacts>>),
    /// How many peers there are, and the traffic of all that there were.
    Traffic(oneshot::Sender<(usize, Traffic)>),
    Reach(SocketAddr, oneshot::Sender<Option<u32>>),
    Disconnect(u32),
    Close,
    /// At once, and what is queued is dropped.
    Reset,
}

/// Where what is asked of a session goes.
pub(super) enum Commands<M> {
    /// To one whose machines are of this type.
    Own(mpsc::UnboundedSender<Command<M>>),
    /// To one whose machines are of any, and those of its own peers of this.
    Any(mpsc::UnboundedSender<Command<AnyMachine>>),
}

impl<M: 'static> Commands<M> {
    /// Returns `false` where the session is over.
    pub(super) fn send(&self, command: Command<M>) -> bool {
        match self {
            Self::Own(commands) => commands.send(command).is_ok(),
            Self::Any(commands) => commands.send(command.of_any()).is_ok(),
        }
    }
}

impl<M: 'static> Command<M> {
    /// The same for machines of any type that are of this.
    fn of_any(self) -> Command<AnyMachine> {
        match self {
            Self::Change(target, change) => {
                let Change { apply, permit } = change;
                let apply = Arc::new(move |machine: &mut AnyMachine, now: Time| {
                    let machine = machine.downcast_mut();
                    apply(machine.expect("the session makes no other machines"), now);
                });
                Command::Change(target, Change { apply, permit })
            }
            Self::Peers(reply) => Command::Peers(reply),
            Self::Traffic(reply) => Command::Traffic(reply),
            Self::Reach(addr, reply) => Command::Reach(addr, reply),
            Self::Disconnect(peer) => Command::Disconnect(peer),
            Self::Close => Command::Close,
            Self::Reset => Command::Reset,
        }
    }
}
