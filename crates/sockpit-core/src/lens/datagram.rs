//! Datagrams and the packets that carried them: a datagram has no number on the wire, so that they
//! are joined by their order and their bytes.

use std::collections::VecDeque;

use bytes::Bytes;

use super::cut::{End, Track};

/// Datagrams, and packets, that wait for each other at most.
const MOST_WAITING: usize = 1024;

/// A datagram as it was written or read.
struct Datagram {
    start: u64,
    bytes: Bytes,
    /// Its whole length, in bytes, of which a read may have taken less.
    full_len: u64,
}

/// A datagram as it passed the tap.
pub(super) struct Passed {
    pub(super) bytes: Bytes,
    /// Its length by the headers, of which less may have been captured.
    pub(super) len: u64,
    /// Whether it is only the beginning of a datagram.
    pub(super) is_fragment: bool,
}

/// A packet whose datagram nobody read.
pub(super) struct Unread {
    pub(super) number: u64,
    /// Before which place it came.
    pub(super) place: u64,
    pub(super) len: u64,
    pub(super) bytes: Bytes,
}

/// What waits to be joined, in the order in which it came.
pub(super) struct Joiner {
    /// Who tells of the datagrams.
    end: End,
    datagrams: VecDeque<Datagram>,
    packets: VecDeque<Passed>,
    unread: VecDeque<Unread>,
}

impl Joiner {
    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            datagrams: VecDeque::new(),
            packets: VecDeque::new(),
            unread: VecDeque::new(),
        }
    }

    pub(super) fn push_datagram(&mut self, start: u64, bytes: Bytes, full_len: Option<usize>) {
        let full_len = full_len.unwrap_or(bytes.len()) as u64;
        if self.datagrams.len() == MOST_WAITING {
            self.datagrams.pop_front();
        }
        self.datagrams.push_back(Datagram {
            start,
            bytes,
            full_len,
        });
    }

    /// Takes a packet; the oldest of too many is one that nobody will read.
    pub(super) fn push_packet(&mut self, packet: Passed, place: u64, track: &mut Track) {
        if self.packets.len() == MOST_WAITING
            && let Some(oldest) = self.packets.pop_front()
        {
            self.leave(oldest, place, track);
        }
        self.packets.push_back(packet);
    }

    /// Joins what fits. Both sides are in order, so that what was passed over is never joined: a
    /// datagram whose packet was not captured, or a packet that was not read.
    pub(super) fn join(&mut self, track: &mut Track) {
        if self.packets.is_empty() {
            return;
        }
        while let Some((datagram, packet)) = self.first_pair() {
            self.datagrams.drain(..datagram);
            let Some(datagram) = self.datagrams.pop_front() else {
                return;
            };
            for _ in 0..packet {
                if let Some(passed) = self.packets.pop_front() {
                    self.leave(passed, datagram.start, track);
                }
            }
            if let Some(passed) = self.packets.pop_front() {
                let stop = datagram.start.saturating_add(datagram.bytes.len() as u64);
                track.push_datagram(self.end, datagram.start, stop, passed.len);
            }
        }
    }

    /// What waits will not be joined: the conversation is over at a place.
    pub(super) fn finish(&mut self, place: u64, track: &mut Track) {
        self.datagrams.clear();
        for passed in std::mem::take(&mut self.packets) {
            self.leave(passed, place, track);
        }
    }

    /// Whether packets are known that nobody read.
    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// The next packet that nobody read, if it came before a place.
    pub(super) fn next_unread(&mut self, place: u64) -> Option<Unread> {
        let is_next = self.unread.front()?.place <= place;
        is_next.then(|| self.unread.pop_front())?
    }

    fn leave(&mut self, passed: Passed, place: u64, track: &mut Track) {
        let number = track.pass_over();
        // A packet that nobody wrote was on its way before anybody looked.
        if self.end == End::Writer {
            return;
        }
        self.unread.push_back(Unread {
            number,
            place,
            len: passed.len,
            bytes: passed.bytes,
        });
    }

    /// The first datagram that has a packet, and its packet.
    fn first_pair(&self) -> Option<(usize, usize)> {
        let mut datagrams = self.datagrams.iter().enumerate();
        datagrams.find_map(|(index, datagram)| {
            let packet = self
                .packets
                .iter()
                .position(|packet| fits(datagram, packet))?;
            Some((index, packet))
        })
    }
}

fn fits(datagram: &Datagram, packet: &Passed) -> bool {
    let is_long_enough = match packet.is_fragment {
        true => packet.len <= datagram.full_len,
        false => packet.len == datagram.full_len,
    };
    let mut pairs = datagram.bytes.iter().zip(&packet.bytes);
    is_long_enough && pairs.all(|(ours, theirs)| ours == theirs)
}
