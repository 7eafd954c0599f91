//! Captures made worse on purpose, each in the way that its seed says.

#![allow(clippy::ptr_arg, reason = "all ways of mishap are of one type")]

use super::capture::Packet;

/// Numbers that only look random (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Frames that are taken out of a long capture.
const MOST: usize = 700;

/// The ways in which a capture gets worse.
const WAYS: [fn(&mut Vec<Packet>, &mut Dice); 12] = [
    drop_some,
    drop_a_run,
    duplicate,
    reorder,
    cut,
    scale_time,
    jitter,
    start_late,
    keep_one_direction,
    close_windows,
    shrink_to_a_byte,
    toggle_flags,
];

/// What remains of `packets` after one to four mishaps.
///
/// The addresses tell the seed, so that the captures of many seeds fit into one file.
pub(crate) fn mutate(packets: &[Packet], seed: u64) -> Vec<Packet> {
    let mut dice = Dice::new(seed);
    let begin = if packets.len() <= MOST {
        0
    } else {
        // The beginning of a conversation matters more than any other place.
        [0, dice.below(packets.len() - MOST)][dice.below(2)]
    };
    let mut packets: Vec<_> = packets.iter().skip(begin).take(MOST).cloned().collect();
    for _ in 0..=dice.below(4) {
        WAYS[dice.below(WAYS.len())](&mut packets, &mut dice);
    }
    if dice.one_in(3) {
        shift_numbers(&mut packets, &mut dice);
    }
    for packet in &mut packets {
        readdress(&mut packet.bytes, seed);
    }
    packets
}

fn drop_some(packets: &mut Vec<Packet>, dice: &mut Dice) {
    let times = 3 + dice.below(40);
    packets.retain(|_| !dice.one_in(times));
}

fn drop_a_run(packets: &mut Vec<Packet>, dice: &mut Dice) {
    let start = dice.below(packets.len());
    let end = packets.len().min(start + 1 + dice.below(20));
    packets.drain(start..end);
}

fn duplicate(packets: &mut Vec<Packet>, dice: &mut Dice) {
    for _ in 0..=dice.below(20) {
        let from = dice.below(packets.len());
        let to = packets.len().min(from + 1 + dice.below(30));
        if let Some(packet) = packets.get(from).cloned() {
            packets.insert(to, packet);
        }
    }
    in_order_of_time(packets);
}

/// A copy comes at a time of its own: that of its neighbour.
fn in_order_of_time(packets: &mut [Packet]) {
    let mut latest = 0;
    for packet in packets {
        latest = latest.max(packet.at);
        packet.at = latest;
    }
}

fn reorder(packets: &mut Vec<Packet>, dice: &mut Dice) {
    for _ in 0..=dice.below(30) {
        let from = dice.below(packets.len());
        let to = (from + 1 + dice.below(6)).min(packets.len().saturating_sub(1));
        if from < to {
            let times: Vec<_> = packets[from..=to].iter().map(|packet| packet.at).collect();
            packets[from..=to].rotate_left(1);
            for (packet, at) in packets[from..=to].iter_mut().zip(times) {
                packet.at = at;
            }
        }
    }
}

fn cut(packets: &mut Vec<Packet>, dice: &mut Dice) {
    let kept = 96 + dice.below(400);
    for packet in packets {
        packet.bytes.truncate(kept);
    }
}

fn scale_time(packets: &mut Vec<Packet>, dice: &mut Dice) {
    let (times, parts) = [(1, 50), (1, 5), (7, 1), (40, 1), (400, 1)][dice.below(5)];
    let Some(begin) = packets.first().map(|packet| packet.at) else {
        return;
    };
    for packet in packets {
        let span = packet.at.saturating_sub(begin) / 1_000 * times / parts;
        packet.at = begin + span * 1_000;
    }
}

/// The capture's clock runs back a little.
fn jitter(packets: &mut Vec<Packet>, dice: &mut Dice) {
    for packet in packets {
        if dice.one_in(10) {
            packet.at -= 1_000 * dice.below(200) as u64;
        }
    }
}

fn start_late(packets: &mut Vec<Packet>, dice: &mut Dice) {
    let late = dice.below(packets.len().min(200));
    packets.drain(..late);
}

fn keep_one_direction(packets: &mut Vec<Packet>, dice: &mut Dice) {
    let is_low = dice.one_in(2);
    let is_kept_from = dice.below(packets.len());
    let mut index = 0;
    packets.retain(|packet| {
        index += 1;
        let port = tcp_at(&packet.bytes).map(|at| (packet.bytes[at], packet.bytes[at + 2]));
        index < is_kept_from || port.is_none_or(|(src, dst)| (src < dst) == is_low)
    });
}

fn close_windows(packets: &mut Vec<Packet>, dice: &mut Dice) {
    let mut is_closed = false;
    for packet in packets {
        is_closed ^= dice.one_in(8);
        if let Some(at) = tcp_at(&packet.bytes).filter(|_| is_closed) {
            packet.bytes[at + 14..at + 16].fill(0);
        }
    }
}

/// Leaves one byte of the payload, as keep-alives and probes have it.
fn shrink_to_a_byte(packets: &mut Vec<Packet>, dice: &mut Dice) {
    for packet in packets {
        let Some(at) = tcp_at(&packet.bytes).filter(|_| dice.one_in(6)) else {
            continue;
        };
        let header = usize::from(packet.bytes[at + 12] >> 4) * 4;
        let end = at + header + 1;
        if end < packet.bytes.len() {
            packet.bytes.truncate(end);
            packet.len = end as u32;
            let (place, len) = if packet.bytes[14] >> 4 == 4 {
                (16, end - 14)
            } else {
                (18, end - 54)
            };
            packet.bytes[place..place + 2].copy_from_slice(&(len as u16).to_be_bytes());
        }
    }
}

fn toggle_flags(packets: &mut Vec<Packet>, dice: &mut Dice) {
    for packet in packets {
        if let Some(at) = tcp_at(&packet.bytes).filter(|_| dice.one_in(25)) {
            packet.bytes[at + 13] ^= 1 << dice.below(5);
        }
    }
}

/// Gives each end other sequence numbers, some of which begin anew after 2³² on the way.
fn shift_numbers(packets: &mut [Packet], dice: &mut Dice) {
    let Some((first, at)) = packets
        .first()
        .and_then(|packet| Some((packet, tcp_at(&packet.bytes)?)))
    else {
        return;
    };
    let near = dice.below(60_000) as u32;
    let own = 0u32
        .wrapping_sub(near)
        .wrapping_sub(number(&first.bytes, at + 4));
    let other = 0u32
        .wrapping_sub(near / 2)
        .wrapping_sub(number(&first.bytes, at + 8));
    let port = first.bytes[at..at + 2].to_vec();
    for packet in packets {
        let Some(at) = tcp_at(&packet.bytes) else {
            continue;
        };
        let (seq, ack) = if packet.bytes[at..at + 2] == port {
            (own, other)
        } else {
            (other, own)
        };
        add(&mut packet.bytes, at + 4, seq);
        if packet.bytes[at + 13] & 0x10 != 0 {
            add(&mut packet.bytes, at + 8, ack);
        }
        let mut option = at + 20;
        let end = (at + usize::from(packet.bytes[at + 12] >> 4) * 4).min(packet.bytes.len());
        while option + 1 < end {
            let len = match packet.bytes[option] {
                0 => break,
                1 => 1,
                _ => usize::from(packet.bytes[option + 1]).max(2),
            };
            if packet.bytes[option] == 5 {
                for place in (option + 2..option + len).step_by(4) {
                    add(&mut packet.bytes, place, ack);
                }
            }
            option += len;
        }
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn add(bytes: &mut [u8], at: usize, shift: u32) {
    if at + 4 <= bytes.len() {
        let sum = number(bytes, at).wrapping_add(shift);
        bytes[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Where the TCP header begins.
fn tcp_at(frame: &[u8]) -> Option<usize> {
    let at = match frame.get(14)? >> 4 {
        4 => 14 + usize::from(frame[14] & 15) * 4,
        _ => 54,
    };
    (at + 20 <= frame.len()).then_some(at)
}

/// Puts the seed into both addresses, where it changes neither their order nor the sort of network.
fn readdress(frame: &mut [u8], seed: u64) {
    let mark = (seed as u16).to_be_bytes();
    let places = if frame[14] >> 4 == 4 {
        [27, 31]
    } else {
        [24, 40]
    };
    for place in places {
        frame[place..place + 2].copy_from_slice(&mark);
    }
}
