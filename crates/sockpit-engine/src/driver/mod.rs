//! The drivers: the loops that give a machine its link and its clock, one for each shape of link.

mod bells;
mod datagram;
mod drivers;
mod inbox;
mod outbox;
mod stream;
mod timer;

pub(crate) use datagram::run as run_datagram;
pub(crate) use drivers::Drivers;
pub(crate) use inbox::{Inbox, Post};
pub(crate) use stream::Stream;

use std::future::Future as _;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Context;

use sockpit_core::machine::Fault;
use tokio::sync::OwnedSemaphorePermit;

/// In bytes: replies that may wait for a peer to take them before we stop reading from it.
const REPLY_LIMIT: usize = 256 * 1024;

/// Who caused what a machine wants.
enum Cause {
    /// The peer, or time.
    Reply,
    /// The user, whose budget is given back when it has left.
    User(Option<Arc<OwnedSemaphorePermit>>),
}

/// Has the task of `cx` polled again once everybody else had a turn, those too whom the runtime has
/// yet to look for.
fn let_others(cx: &mut Context<'_>) {
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}

/// What an error of the link means for its machine.
pub(crate) fn fault_of(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Fault::Reset,
        io::ErrorKind::BrokenPipe => Fault::BrokenPipe,
        io::ErrorKind::ConnectionRefused => Fault::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Fault::Unreachable,
        _ => Fault::Failed,
    }
}
