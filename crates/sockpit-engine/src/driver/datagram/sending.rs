//! What leaves: queued by peer, sent in batches, told once it has left.

use std::task::Context;

use bytes::Bytes;
use sockpit_core::event::{Direction, FaultKind, What};
use sockpit_core::machine::{Fault, Machine};
use sockpit_core::plan::Role;
use sockpit_core::session::Peer as PeerSeed;
use sockpit_core::time::Time;
use sockpit_sys::icmp;

use super::Datagram;
use super::guard::Withheld;
use super::socket::{Parcel, Sending};
use crate::driver::{Cause, fault_of};
use crate::error::cause_text;
use crate::facts::tell_icmp;

/// In bytes: replies that may wait in one socket; further ones are dropped, as UDP drops.
const MOST_REPLIES: usize = 16 * 1024 * 1024;

impl<M, F> Datagram<M, F>
where
    M: Machine,
    M::Event: Into<What>,
    F: FnMut(PeerSeed, Time) -> M,
{
    pub(super) fn transmit(&mut self, number: u32, bytes: Bytes, cause: &Cause) {
        let Some(peer) = self.peers.get_mut(number) else {
            return;
        };
        let ttl = match cause {
            Cause::User(_) => None,
            Cause::Reply => match peer.guard.allow(|| self.scene.now()) {
                Ok(ttl) => ttl,
                Err(Withheld { message }) => {
                    peer.is_withheld = true;
                    if let Some(message) = message {
                        self.publish_fault(number, FaultKind::Loop, message, None);
                    }
                    return;
                }
            },
        };
        self.queue(number, bytes, ttl, cause);
    }

    /// Queues a datagram that may leave, with the hops that it may take.
    pub(super) fn queue(&mut self, number: u32, bytes: Bytes, ttl: Option<u8>, cause: &Cause) {
        let Some(peer) = self.peers.get_mut(number) else {
            return;
        };
        let permit = match cause {
            Cause::User(permit) => permit.clone(),
            Cause::Reply => None,
        };
        let len = bytes.len();
        let index = peer.socket;
        if matches!(cause, Cause::Reply) && self.sockets[index].reply_bytes >= MOST_REPLIES {
            // One datagram of many messages may cause any number of replies (rule B11).
            peer.is_withheld = true;
            peer.dropped += 1;
            if peer.dropped.is_power_of_two() {
                let count = Some(peer.dropped);
                let message = format!("replies wait to be sent; {} were dropped", peer.dropped);
                self.publish_fault(number, FaultKind::Limit, message, count);
            }
            return;
        }
        let parcel = Parcel {
            peer: number,
            offset: peer.sent,
            bytes,
            frame: None,
            _permit: permit,
            is_reply: matches!(cause, Cause::Reply),
        };
        peer.sent += len as u64;
        if let Err(error) = self.sockets[index].push(parcel, peer.to.as_ref(), ttl) {
            let message = if peer.name.is_empty() {
                "the peer has no address that could be answered".to_owned()
            } else {
                format!("{} cannot be sent to: {}", peer.name, cause_text(&error))
            };
            return self.publish_fault(number, FaultKind::Unsent, message, Some(len as u64));
        }
        self.warn_of_size(index, number, Direction::Out, len);
        if matches!(cause, Cause::User(_)) {
            self.flush(index);
        }
    }

    pub(super) fn warn_of_size(
        &mut self,
        index: usize,
        number: u32,
        direction: Direction,
        len: usize,
    ) {
        if let Some(most) = self.sockets[index].warn_size
            && len > most
        {
            let way = match direction {
                Direction::In => "received",
                Direction::Out => "sent",
            };
            let message = format!(
                "a datagram of {len} bytes was {way}: more than {most}, it may be fragmented or lost"
            );
            self.scene.publish(
                number,
                What::Fault {
                    kind: FaultKind::Large,
                    message,
                    count: Some(len as u64),
                },
            );
        }
    }

    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        for index in 0..self.sockets.len() {
            // A socket that turns out to be blocked is asked once more, which arranges the wake-up.
            while self.sockets[index].poll_sendable(cx) {
                moved |= self.flush(index);
            }
        }
        moved
    }

    /// Gives the system what is queued on one socket; tells whether something left the queue.
    pub(super) fn flush(&mut self, index: usize) -> bool {
        let mut moved = false;
        loop {
            match self.sockets[index].send(|| self.scene.now()) {
                Sending::Nothing => return moved,
                Sending::Sent(parcel) => {
                    moved = true;
                    self.outcome.sent += parcel.bytes.len() as u64;
                    if self.shows_chunks {
                        let Parcel {
                            peer,
                            offset,
                            bytes,
                            frame,
                            ..
                        } = parcel;
                        let direction = Direction::Out;
                        let chunk = What::Chunk {
                            direction,
                            offset,
                            bytes,
                            full_len: None,
                        };
                        // Beside its packets a write stands where it began.
                        let time = match self.scene.plan.wire {
                            true => self.sockets[index].sent_at,
                            false => self.scene.now(),
                        };
                        self.scene.publish_at(time, peer, chunk);
                        if let Some(frame) = frame {
                            self.scene.publish_at(time, peer, *frame);
                        }
                    }
                }
                Sending::Failed(parcel, error) => {
                    moved = true;
                    self.tell_of_failure(&parcel, &error);
                    self.fail(index, &error);
                }
                Sending::Earlier(error) => self.fail(index, &error),
            }
        }
    }

    /// A peer that does not read loses many datagrams: the first is told, then each power of two.
    fn tell_of_failure(&mut self, parcel: &Parcel, error: &std::io::Error) {
        if error.kind() == std::io::ErrorKind::WouldBlock
            && let Some(peer) = self.peers.get_mut(parcel.peer)
        {
            peer.dropped += 1;
            if !peer.dropped.is_power_of_two() {
                return;
            }
        }
        let len = parcel.bytes.len();
        let why = cause_text(error);
        let message = format!("a datagram of {len} bytes was not sent: {why}");
        self.publish_fault(parcel.peer, FaultKind::Unsent, message, Some(len as u64));
    }

    /// An error of the socket that belongs to something sent earlier: an event, not an end (B8).
    pub(super) fn fail(&mut self, index: usize, error: &std::io::Error) {
        if self.scene.plan.role == Role::Server {
            return self.take_reports(index);
        }
        let fault = fault_of(error);
        let is_news = matches!(fault, Fault::Refused | Fault::Unreachable);
        if is_news {
            let now = self.scene.now();
            if self.scene.plan.wire {
                // Reading the queue takes the error back, so it comes after it.
                tell_icmp(&self.scene, 1, self.sockets[0].as_fd());
            }
            if let Some(peer) = self.peers.get_mut(1) {
                peer.machine.handle_fault(now, fault);
                self.drain(1, &Cause::Reply);
            }
        }
    }

    /// Tells each peer of a server what became of what it was sent, where the plan asks for it.
    fn take_reports(&mut self, index: usize) {
        if !self.scene.plan.socket.hears_icmp {
            return;
        }
        // A queue that cannot be read has nothing to tell.
        while let Ok(Some((report, to))) = icmp::take_sent_to(self.sockets[index].as_fd()) {
            let fault = fault_of(&std::io::Error::from_raw_os_error(report.errno));
            let number = to.and_then(|to| Some(self.by_addr.get(&to)?.number));
            let is_news = matches!(fault, Fault::Refused | Fault::Unreachable);
            if let Some(number) = number.filter(|_| is_news)
                && let Some(peer) = self.peers.get_mut(number)
            {
                peer.machine.handle_fault(self.scene.now(), fault);
                self.drain(number, &Cause::Reply);
            }
        }
    }
}
