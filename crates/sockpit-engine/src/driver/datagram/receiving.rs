//! What comes: taken in batches, and given to whose it is.

use std::task::{Context, Poll};

use bytes::Bytes;
use sockpit_core::event::{Direction, FaultKind, What};
use sockpit_core::machine::{Fault, Machine};
use sockpit_core::session::Peer as PeerSeed;
use sockpit_core::time::Time;
use sockpit_sys::datagram::{MAX_BATCH, ReceiveBatch, Run};

use super::Datagram;
use crate::driver::{Cause, REPLY_LIMIT};

impl<M, F> Datagram<M, F>
where
    M: Machine,
    M::Event: Into<What>,
    F: FnMut(PeerSeed, Time) -> M,
{
    /// Takes what has arrived, and sends what that causes.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        for index in 0..self.sockets.len() {
            let has_room = self.sockets[index].reply_bytes < REPLY_LIMIT;
            if self.over.is_some() || !has_room {
                continue;
            }
            let mut batch = self.batch.take().expect("each turn puts it back");
            match self.sockets[index].poll_receive(cx, &mut batch) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    moved = true;
                    let now = self.scene.now();
                    for (place, run) in batch.runs().enumerate() {
                        self.take_run(now, index, &batch, place, &run);
                    }
                    self.send_back(index, &batch);
                    self.flush(index);
                }
                Poll::Ready(Err(error)) => {
                    moved = true;
                    self.fail(index, &error);
                }
            }
            self.batch = Some(batch);
        }
        moved
    }

    /// Takes what one read gave.
    fn take_run(
        &mut self,
        now: Time,
        index: usize,
        batch: &ReceiveBatch,
        place: usize,
        run: &Run<'_>,
    ) {
        let mut number = self.peer_of(now, index, run.from.as_ref());
        let returned = match number {
            Some(number) => self.take_returns(now, index, number, place, run),
            None => 0,
        };
        if returned == run.count() {
            return;
        }
        for (at, bytes) in run.datagrams().enumerate().skip(returned) {
            // What goes straight back came before.
            self.send_back(index, batch);
            // The one before may have ended the conversation, and then this begins another.
            if 0 < at && !number.is_some_and(|number| self.peers.contains(number)) {
                number = self.peer_of(now, index, run.from.as_ref());
            }
            let Some(number) = number else { continue };
            self.take_datagram(now, index, number, bytes, run);
            if MAX_BATCH <= self.sockets[index].queued() {
                self.flush(index);
            }
        }
    }

    fn take_datagram(&mut self, now: Time, index: usize, number: u32, bytes: &[u8], run: &Run<'_>) {
        let Some(peer) = self.peers.get_mut(number) else {
            return;
        };
        let offset = peer.received;
        peer.received += bytes.len() as u64;
        self.outcome.received += bytes.len() as u64;
        peer.guard.hear(run.ttl);
        let full_len = run.is_truncated().then_some(run.full_len);
        if self.shows_chunks {
            let bytes = Bytes::copy_from_slice(bytes);
            let chunk = What::Chunk {
                direction: Direction::In,
                offset,
                bytes,
                full_len,
            };
            self.scene.publish_at(now, number, chunk);
        }
        let mut dropped = None;
        if let Some(program) = &mut peer.program {
            if program.has_room() {
                program.push(Bytes::copy_from_slice(bytes));
            } else {
                // One peer of many cannot be paused; the first loss is told, then each power of two.
                peer.dropped += 1;
                dropped = peer.dropped.is_power_of_two().then_some(peer.dropped);
            }
        }
        if let Some(full_len) = full_len {
            peer.machine
                .handle_fault(now, Fault::Truncated { full_len });
            self.drain(number, &Cause::Reply);
        }
        if let Some(count) = dropped {
            let message = format!("the program does not read: {count} datagrams were dropped");
            self.publish_fault(number, FaultKind::Limit, message, Some(count));
        }
        let Some(peer) = self.peers.get_mut(number) else {
            return;
        };
        // A machine that panics ends its own conversation and no other (rule B6).
        let heard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            peer.machine.handle_input(now, bytes);
        }));
        if heard.is_err() {
            return self.fall(number);
        }
        let len = full_len.unwrap_or(bytes.len());
        self.warn_of_size(index, number, Direction::In, len);
        self.drain(number, &Cause::Reply);
    }
}
