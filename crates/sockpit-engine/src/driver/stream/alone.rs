//! The short way of most peers most of the time: nobody watches, nothing waits, and only the socket
//! can have something to do.

use std::hint::black_box;
use std::task::{Context, Poll};

use bytes::Bytes;
use sockpit_core::event::What;
use sockpit_core::machine::Machine;

use super::{ROUNDS_AT_ONCE, Stream, WriteSide};
use crate::driver::let_others;
use crate::driver::outbox::{Account, Outgoing};

impl<M> Stream<M>
where
    M: Machine,
    M::Event: Into<What>,
{
    /// Looks at a field wherever the short way does, so that they are in the processor's cache a
    /// moment later. None of them waits for another, as they would in [`Self::is_alone`].
    pub(in crate::driver) fn look_ahead(&self) {
        let told = u64::from(self.read_open) + self.outcome.received + self.waits_for;
        let queued = self.unheard.len() + usize::from(self.outbox.is_empty());
        black_box((told, queued, self.wake.is_none()));
    }

    /// Reads while nothing else can have come of it; pending where the socket alone is waited for.
    pub(super) fn poll_alone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS_AT_ONCE {
            if !self.is_alone() {
                return Poll::Ready(());
            }
            if !self.read_once(cx, Self::take_alone) {
                return Poll::Pending;
            }
        }
        let_others(cx);
        Poll::Pending
    }

    /// Whether nothing but its socket can have something for it to do: nobody watches it, nothing
    /// waits to be heard or written, and it waits for no time.
    fn is_alone(&self) -> bool {
        let has_company =
            self.facts.is_some() || self.program.is_some() || self.inbox.post().is_some();
        !has_company
            && !self.shows_chunks
            && self.is_watched == Some(false)
            && self.read_open
            && self.unheard.is_empty()
            && self.outbox.is_empty()
            && self.write == WriteSide::Open
            && self.closing.is_none()
            && self.wake.is_none()
            && !self.inbox.is_stopped()
            && self.inbox.is_empty()
    }

    fn take_alone(&mut self, cx: &mut Context<'_>, chunk: &[u8]) {
        if self.machine.handle_echo(chunk.len()) {
            self.echo(cx, chunk);
        } else {
            self.take_chunk(cx, chunk);
        }
    }

    /// Writes what was read from where it was read to; what the link does not take joins the outbox.
    fn echo(&mut self, cx: &mut Context<'_>, chunk: &[u8]) {
        self.outcome.received += chunk.len() as u64;
        let written = match self.link.poll_write(cx, chunk) {
            Poll::Pending => 0,
            Poll::Ready(Ok(written)) => written,
            Poll::Ready(Err(error)) => {
                self.write = WriteSide::Broken;
                self.lost += chunk.len();
                return self.fail(cx, &error);
            }
        };
        self.outcome.sent += written as u64;
        if written < chunk.len() {
            self.outbox.push(Outgoing {
                bytes: Bytes::copy_from_slice(&chunk[written..]),
                _permit: None,
                account: Account::Reply,
            });
        }
        self.tell_traffic();
    }
}
