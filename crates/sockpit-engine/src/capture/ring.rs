//! The kernel's ring, as packets.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use sockpit_core::bpf::{Layer, Program, Wanted};
use sockpit_core::wire::{CaptureFacts, Direction, LinkType, Packet};
use sockpit_sys::packet::{Config, Form, Frame, Instruction, Leaving, PacketType, Ring};
use sockpit_sys::poll::{self, Interest};

use super::place::{LOOPBACK, Spot};
use super::{Statistics, Stop};

/// A tap of our own.
#[derive(Debug)]
pub(super) struct Tap {
    ring: Ring,
    layer: Layer,
    /// How many frames the ring has given so far.
    given: u64,
    /// A packet that is put together from what the kernel has taken apart.
    scratch: Vec<u8>,
}

/// Blocks that are given in one go, so that a thread with other duties gets to them.
const BLOCKS_AT_ONCE: usize = 64;

/// Until when what the kernel has counted is waited for: a block that is not full is given after
/// milliseconds, or when the processor that is to give it has its turn.
const LAST_BLOCK: Duration = Duration::from_secs(1);

impl Tap {
    pub(super) fn open(spot: &Spot, wanted: &Wanted) -> io::Result<Self> {
        let layer = spot.layer();
        match Self::open_with(spot, &program(wanted, layer)) {
            // Old kernels have little room for programs: they take all, and the judge decides.
            Err(error) if is_too_long(&error) => {
                Self::open_with(spot, &program(&Wanted::Everything, layer))
            }
            done => done,
        }
    }

    fn open_with(spot: &Spot, program: &[Instruction]) -> io::Result<Self> {
        let layer = spot.layer();
        let form = match layer {
            Layer::Ethernet => Form::Raw,
            Layer::Cooked | Layer::CookedAny => Form::Cooked,
        };
        let mut config = Config::new(spot.index(), form, program);
        if spot.is_loopback() {
            config.leaving = Leaving::Ignored;
        }
        Ok(Self {
            ring: Ring::open(&config)?,
            layer,
            given: 0,
            scratch: Vec::new(),
        })
    }

    pub(super) fn narrow(&self, wanted: &Wanted) -> io::Result<()> {
        match self.ring.set_program(&program(wanted, self.layer)) {
            // The program in force lets more through, and the judge decides.
            Err(error) if is_too_long(&error) => Ok(()),
            done => done,
        }
    }

    pub(super) fn statistics(&mut self) -> io::Result<Statistics> {
        let counted = self.ring.statistics()?;
        Ok(Statistics {
            received: counted.received,
            dropped: counted.dropped,
        })
    }

    /// Gives what has come; tells whether that was the end.
    pub(super) fn next_batch(
        &mut self,
        stop: &Stop,
        timeout: Option<Duration>,
        take: &mut dyn FnMut(&mut Packet<'_>),
    ) -> io::Result<bool> {
        if stop.is_raised() {
            self.drain_to_end(take)?;
            return Ok(true);
        }
        if self.drain(take)? {
            return Ok(false);
        }
        let mut interests = [
            Interest::to_read(self.ring.as_fd()),
            Interest::to_read(stop.alarm.as_fd()),
        ];
        poll::wait(&mut interests, timeout)?;
        if interests[0].is_gone()
            && let Err(error) = self.ring.check()
        {
            // What passed before that is given.
            self.drain_to_end(take)?;
            return Err(error);
        }
        if stop.is_raised() {
            self.drain_to_end(take)?;
            return Ok(true);
        }
        self.drain(take)?;
        Ok(false)
    }

    /// Gives what passed until now: as much as the kernel has counted, though the last block is given
    /// a little later.
    fn drain_to_end(&mut self, take: &mut dyn FnMut(&mut Packet<'_>)) -> io::Result<()> {
        let passed = self.ring.statistics()?.received;
        let end = Instant::now() + LAST_BLOCK;
        loop {
            self.drain(take)?;
            let left = end.saturating_duration_since(Instant::now());
            if self.given >= passed || left.is_zero() {
                return Ok(());
            }
            poll::wait(&mut [Interest::to_read(self.ring.as_fd())], Some(left))?;
        }
    }

    /// Gives the blocks that are ready; tells whether there was one.
    fn drain(&mut self, take: &mut dyn FnMut(&mut Packet<'_>)) -> io::Result<bool> {
        let mut any = false;
        for _ in 0..BLOCKS_AT_ONCE {
            let Some(block) = self.ring.next_block()? else {
                break;
            };
            any = true;
            let mut dropped_before = block.dropped_before();
            for frame in block.frames() {
                self.given += 1;
                let is_copy = frame.hardware == LOOPBACK && frame.kind == PacketType::OUTGOING;
                if is_copy {
                    continue;
                }
                let mut packet = packet(&frame, self.layer, &mut self.scratch);
                packet.facts.dropped_before = std::mem::take(&mut dropped_before);
                take(&mut packet);
            }
        }
        Ok(any)
    }
}

/// A frame as a packet of a link type that capture files have.
fn packet<'a>(frame: &Frame<'a>, layer: Layer, scratch: &'a mut Vec<u8>) -> Packet<'a> {
    let facts = CaptureFacts {
        interface: 0,
        direction: match frame.kind {
            // On a loopback each packet both leaves and comes.
            _ if frame.hardware == LOOPBACK => Direction::Unknown,
            PacketType::OUTGOING => Direction::Out,
            _ => Direction::In,
        },
        is_checksum_unfilled: frame.is_checksum_unfilled,
        gso_size: frame.gso_size,
        dropped_before: 0,
    };
    let mut packet = Packet {
        at: frame.at,
        link: LinkType::ETHERNET,
        bytes: frame.bytes,
        full_len: frame.full_len,
        facts,
    };
    match (layer, frame.tag) {
        (Layer::Ethernet, None) => return packet,
        (Layer::Ethernet, Some(tag)) => tagged(frame, tag, scratch),
        (Layer::Cooked | Layer::CookedAny, _) => {
            packet.link = LinkType::SLL2;
            cooked(frame, scratch);
        }
    }
    packet.full_len += scratch.len() - frame.bytes.len();
    packet.bytes = scratch;
    packet
}

/// Puts a tag back where it was: behind the two addresses.
fn tagged(frame: &Frame<'_>, tag: (u16, u16), out: &mut Vec<u8>) {
    let (addresses, rest) = frame.bytes.split_at(frame.bytes.len().min(12));
    out.clear();
    out.extend_from_slice(addresses);
    out.extend_from_slice(&tag.0.to_be_bytes());
    out.extend_from_slice(&tag.1.to_be_bytes());
    out.extend_from_slice(rest);
}

/// Makes the header of link type SLL2, and puts a tag back:
///
/// ```text
///  protocol 2 | zero 2 | interface 4 | hardware 2 | packet type 1 | address's length 1 | address 8
/// ```
fn cooked(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let within = tag_within(frame);
    // What follows the header, and the tag that stands before that.
    let (protocol, before) = match (frame.tag, within) {
        (None, _) => (frame.protocol, None),
        // One tag, which the kernel both left in the packet and told.
        (Some((kind, value)), Some(left)) if value == left => (kind, None),
        // One that it took off, before one that it left.
        (Some((kind, value)), Some(_)) => (kind, Some((value, PLAIN_TAG))),
        (Some((kind, value)), None) => (kind, Some((value, frame.protocol))),
    };
    out.clear();
    out.extend_from_slice(&protocol.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&frame.interface.to_be_bytes());
    out.extend_from_slice(&frame.hardware.to_be_bytes());
    out.push(frame.kind.0);
    out.push(frame.address_len);
    out.extend_from_slice(&frame.address);
    if let Some((value, next)) = before {
        out.extend_from_slice(&value.to_be_bytes());
        out.extend_from_slice(&next.to_be_bytes());
    }
    out.extend_from_slice(frame.bytes);
}

/// The value of a tag that a cooked packet still begins with. Since Linux 6.11 the kernel tells the
/// protocol behind it, as if it were not there, and only the bytes say that it is.
fn tag_within(frame: &Frame<'_>) -> Option<u16> {
    let [v0, v1, n0, n1, first, ..] = *frame.bytes else {
        return None;
    };
    let next = u16::from_be_bytes([n0, n1]);
    let version = match frame.protocol {
        IPV4 => 4,
        IPV6 => 6,
        _ => return None,
    };
    // In an IPv4 packet without a tag its length stands there, which may look like a protocol.
    let is_length = v0 >> 4 == version && usize::from(next) == frame.full_len;
    let is_tag = next == frame.protocol && first >> 4 == version && !is_length;
    is_tag.then(|| u16::from_be_bytes([v0, v1]))
}

/// A program in the kernel's form.
fn program(wanted: &Wanted, layer: Layer) -> Vec<Instruction> {
    let program = Program::new(wanted, layer);
    let instruction = |from: &sockpit_core::bpf::Instruction| Instruction {
        code: from.code,
        jt: from.jt,
        jf: from.jf,
        k: from.k,
    };
    program.instructions().iter().map(instruction).collect()
}

/// EtherTypes of IPv4, of IPv6, and of a tag (IEEE 802.1Q).
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const PLAIN_TAG: u16 = 0x8100;

/// Whether a program was refused for its length.
fn is_too_long(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory
}

#[cfg(test)]
mod tests;
