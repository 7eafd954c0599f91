//! What goes back as it came, straight from where it was received: nobody watches, and no machine
//! has more to say to it.

use bytes::Bytes;
use sockpit_core::event::{FaultKind, What};
use sockpit_core::machine::Machine;
use sockpit_core::plan::Role;
use sockpit_core::session::Peer as PeerSeed;
use sockpit_core::time::Time;
use sockpit_sys::datagram::{ReceiveBatch, Return, Run};

use super::Datagram;
use super::guard::Withheld;
use crate::driver::Cause;

impl<M, F> Datagram<M, F>
where
    M: Machine,
    M::Event: Into<What>,
    F: FnMut(PeerSeed, Time) -> M,
{
    /// Takes the first datagrams of a run that only go back; gives how many.
    pub(super) fn take_returns(
        &mut self,
        now: Time,
        index: usize,
        number: u32,
        place: usize,
        run: &Run<'_>,
    ) -> usize {
        let is_seen = self.shows_chunks || self.is_watched || run.is_truncated();
        if is_seen || self.program.is_some() || self.scene.plan.role == Role::Client {
            return 0;
        }
        let Some(most) = self.sockets[index].most_to_return() else {
            return 0;
        };
        let Some(peer) = self.peers.get_mut(number) else {
            return 0;
        };
        peer.guard.hear(run.ttl);
        let (mut taken, mut end, mut bytes, mut news) = (0, 0, 0, None);
        for datagram in run.datagrams() {
            let len = datagram.len();
            if most < len || !peer.machine.handle_datagram_echo(now, len) {
                break;
            }
            taken += 1;
            let start = end;
            end += len;
            match peer.guard.allow(|| now) {
                Ok(ttl) => {
                    bytes += len;
                    match self.returns.last_mut() {
                        Some(last)
                            if last.run == place && last.bytes.end == start && last.ttl == ttl =>
                        {
                            last.bytes.end = end;
                        }
                        _ => self.returns.push(Return {
                            run: place,
                            bytes: start..end,
                            segment: run.segment,
                            ttl,
                        }),
                    }
                }
                Err(Withheld { message }) => news = news.or(message),
            }
        }
        peer.received += end as u64;
        peer.sent += bytes as u64;
        self.outcome.received += end as u64;
        if let Some(message) = news {
            self.publish_fault(number, FaultKind::Loop, message, None);
        }
        taken
    }

    /// Sends what goes straight back. What the system does not take joins the queue.
    pub(super) fn send_back(&mut self, index: usize, batch: &ReceiveBatch) {
        if self.returns.is_empty() {
            return;
        }
        let mut returns = std::mem::take(&mut self.returns);
        let (left, done) = self.sockets[index].send_back(batch, &returns);
        let sent = returns.drain(..left).map(|back| back.bytes.len() as u64);
        self.outcome.sent += sent.sum::<u64>();
        if !returns.is_empty() {
            self.queue_returns(batch, &returns);
        }
        if let Err(error) = done
            && error.kind() != std::io::ErrorKind::WouldBlock
        {
            // It may be about something that was sent earlier; what is about these comes again.
            self.fail(index, &error);
        }
        returns.clear();
        self.returns = returns;
    }

    /// Queues what did not go straight back, behind nothing: only an empty queue is passed by.
    fn queue_returns(&mut self, batch: &ReceiveBatch, returns: &[Return]) {
        let runs: Vec<_> = batch.runs().collect();
        let number_of = |back: &Return| {
            let from = runs.get(back.run)?.from.as_ref()?;
            Some(self.by_addr.get(from)?.number)
        };
        let numbers: Vec<_> = returns.iter().map(number_of).collect();
        // They are counted again as they are queued.
        for (back, number) in returns.iter().zip(&numbers) {
            if let Some(peer) = number.and_then(|number| self.peers.get_mut(number)) {
                peer.sent -= back.bytes.len() as u64;
            }
        }
        for (back, number) in returns.iter().zip(numbers) {
            let bytes = runs
                .get(back.run)
                .and_then(|run| run.bytes.get(back.bytes.clone()));
            let (Some(number), Some(bytes)) = (number, bytes) else {
                continue;
            };
            let part = Run {
                bytes,
                segment: back.segment,
                full_len: bytes.len(),
                from: None,
                ttl: None,
            };
            for datagram in part.datagrams() {
                self.queue(
                    number,
                    Bytes::copy_from_slice(datagram),
                    back.ttl,
                    &Cause::Reply,
                );
            }
        }
    }
}
