//! Datagrams and the packets that carried them: a datagram has no number on the wire, so that they
//! are joined by their order and their bytes.

use std::collections::VecDeque;

use bytes::Bytes;

use super::cut::{End, Told, Track};

/// Datagrams, and packets, that wait for each other at most.
const MOST_WAITING: usize = 1024;

/// Packets in a row that nobody read of which each has a row; more are only told.
pub(super) const MOST_SHOWN: usize = 8;

/// A datagram as it was written or read.
#[derive(Clone)]
struct Datagram {
    start: u64,
    bytes: Bytes,
    /// Its whole length, in bytes, of which a read may have taken less.
    full_len: u64,
}

/// A datagram as it passed the tap.
#[derive(Clone)]
pub(super) struct Passed {
    pub(super) bytes: Bytes,
    /// Its length by the headers, of which less may have been captured.
    pub(super) len: u64,
    /// Whether it is only the beginning of a datagram.
    pub(super) is_fragment: bool,
    pub(super) told: Told,
}

/// Packets in a row whose datagrams nobody read.
#[derive(Clone)]
pub(super) struct Unread {
    /// Before which place they came.
    pub(super) place: u64,
    /// How many they are.
    pub(super) count: u64,
    /// The number of the last one.
    pub(super) last: u64,
    /// The first [`MOST_SHOWN`] of them, with their numbers; there is one.
    pub(super) shown: Vec<(u64, Passed)>,
}

/// What waits to be joined, in the order in which it came.
#[derive(Clone)]
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

    /// Takes a datagram, with the packet that fits it.
    pub(super) fn push_datagram(
        &mut self,
        start: u64,
        bytes: Bytes,
        full_len: Option<usize>,
        track: &mut Track,
    ) {
        let datagram = Datagram {
            start,
            full_len: full_len.unwrap_or(bytes.len()) as u64,
            bytes,
        };
        let mut packets = self.packets.iter();
        if let Some(index) = packets.position(|packet| fits(&datagram, packet)) {
            self.datagrams.clear();
            return self.join(&datagram, index, track);
        }
        if self.datagrams.len() == MOST_WAITING {
            self.datagrams.pop_front();
        }
        self.datagrams.push_back(datagram);
    }

    /// Takes a packet, with the datagram that fits it; the oldest of too many is one that nobody
    /// will read.
    pub(super) fn push_packet(&mut self, packet: Passed, place: u64, track: &mut Track) {
        if self.packets.len() == MOST_WAITING
            && let Some(oldest) = self.packets.pop_front()
        {
            self.leave(oldest, place, track);
        }
        let mut datagrams = self.datagrams.iter();
        let found = datagrams.position(|datagram| fits(datagram, &packet));
        self.packets.push_back(packet);
        let Some(index) = found else { return };
        self.datagrams.drain(..index);
        if let Some(datagram) = self.datagrams.pop_front() {
            self.join(&datagram, self.packets.len() - 1, track);
        }
    }

    /// Joins a datagram with a packet that waits. Both sides are in order, so that what was passed
    /// over is never joined: a datagram whose packet was not captured, or a packet that was not read.
    /// Nothing else that waits fits, as it would have been joined when the later of both came.
    fn join(&mut self, datagram: &Datagram, packet: usize, track: &mut Track) {
        for _ in 0..packet {
            if let Some(passed) = self.packets.pop_front() {
                self.leave(passed, datagram.start, track);
            }
        }
        if let Some(passed) = self.packets.pop_front() {
            let stop = datagram.start.saturating_add(datagram.bytes.len() as u64);
            let range = (datagram.start, stop);
            track.push_datagram((self.end, passed.told), range, passed.len);
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

    /// Rows of packets that nobody read, at most.
    pub(super) fn waiting(&self) -> usize {
        self.unread.len() * MOST_SHOWN
    }

    /// The next packets that nobody read, if they came before a place.
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
        match self.unread.back_mut() {
            Some(run) if run.place == place => {
                run.count += 1;
                run.last = number;
                if run.shown.len() < MOST_SHOWN {
                    run.shown.push((number, passed));
                }
            }
            _ => self.unread.push_back(Unread {
                place,
                count: 1,
                last: number,
                shown: vec![(number, passed)],
            }),
        }
    }
}

fn fits(datagram: &Datagram, packet: &Passed) -> bool {
    let is_long_enough = match packet.is_fragment {
        true => packet.len <= datagram.full_len,
        false => packet.len == datagram.full_len,
    };
    let len = datagram.bytes.len().min(packet.bytes.len());
    is_long_enough && datagram.bytes[..len] == packet.bytes[..len]
}
