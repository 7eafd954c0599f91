//! A block of the ring, and the frames in it.
//!
//! ```text
//!  block   version 4 | private 4 | status 4 | frames 4 | offset of the first 4 | length 4 | …
//!  frame   next 4 | seconds 4 | nanoseconds 4 | captured 4 | length 4 | status 4 | mac 2 | net 2
//!          hash 4 | tag 4 | tag's type 2 | … up to 48: family 2 | protocol 2 | interface 4
//!          hardware 2 | packet type 1 | address's length 1 | address 8
//!  … and at `mac`, before which an offload header of 10 bytes may stand, the packet.
//! ```

use super::Ring;
use crate::netlink::{u8_at, u16_at, u32_at};

/// A block that is ours. It is given back when it is dropped.
#[derive(Debug)]
pub struct Block<'a> {
    ring: &'a mut Ring,
    dropped_before: u64,
}

impl<'a> Block<'a> {
    pub(super) fn new(ring: &'a mut Ring, dropped_before: u64) -> Self {
        Self {
            ring,
            dropped_before,
        }
    }

    /// How many packets were lost between the block before and this one.
    #[must_use]
    pub const fn dropped_before(&self) -> u64 {
        self.dropped_before
    }

    /// The frames in it, in the order in which they came.
    #[must_use]
    pub fn frames(&self) -> Frames<'_> {
        let bytes = self.ring.map.block(self.ring.next);
        let first = u32_at(bytes, 16).unwrap_or_default() as usize;
        Frames {
            rest: bytes.get(first..).unwrap_or_default(),
            left: u32_at(bytes, 12).unwrap_or_default(),
            has_offload_header: self.ring.has_offload_header,
        }
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.ring.give_back();
    }
}

/// The frames of a block.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    /// From the next frame on.
    rest: &'a [u8],
    /// How many there are.
    left: u32,
    has_offload_header: bool,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        self.left = self.left.checked_sub(1)?;
        let frame = Frame::read(self.rest, self.has_offload_header)?;
        let next = u32_at(self.rest, 0)? as usize;
        self.rest = self.rest.get(next..).unwrap_or_default();
        Some(frame)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.left).ok())
    }
}

/// A packet in the ring, with what the kernel says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When it passed, in nanoseconds since 1970 by the system's clock.
    pub at: u64,
    /// As much of it as there is.
    pub bytes: &'a [u8],
    /// How long it was, in bytes.
    pub full_len: usize,
    /// For whom it is.
    pub kind: PacketType,
    /// Whether the transport's checksum was left to a network card.
    pub is_checksum_unfilled: bool,
    /// Into pieces of which length a network card would cut the payload, in bytes.
    pub gso_size: Option<u16>,
    /// The tag of a virtual network that was taken off it: its type and its value.
    pub tag: Option<(u16, u16)>,
    /// The number of its interface.
    pub interface: u32,
    /// The kind of the interface, by the numbers of ARP (`ARPHRD_`).
    pub hardware: u16,
    /// The EtherType of what the link layer carries.
    pub protocol: u16,
    /// The sender's address on the link, of which the length says how much is one.
    pub address: [u8; 8],
    /// How many bytes of it there are, as the kernel says.
    pub address_len: u8,
    /// Whether packets were lost before it, not yet counted when it came.
    pub is_losing: bool,
}

/// For whom a packet is, by the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketType(pub u8);

impl PacketType {
    /// This machine.
    pub const HOST: Self = Self(0);
    /// All of the link.
    pub const BROADCAST: Self = Self(1);
    /// A group.
    pub const MULTICAST: Self = Self(2);
    /// Another machine.
    pub const OTHER_HOST: Self = Self(3);
    /// Somebody else, and it comes from here.
    pub const OUTGOING: Self = Self(4);
}

impl<'a> Frame<'a> {
    fn read(bytes: &'a [u8], has_offload_header: bool) -> Option<Self> {
        let status = u32_at(bytes, 20)?;
        let has = |flag: u32| status & flag != 0;
        let start = usize::from(u16_at(bytes, 24)?);
        let len = u32_at(bytes, 12)? as usize;
        let (seconds, nanos) = (u32_at(bytes, 4)?, u32_at(bytes, 8)?);
        let tag_type = match has(libc::TP_STATUS_VLAN_TPID_VALID) {
            true => u16_at(bytes, 36)?,
            false => PLAIN_TAG,
        };
        let tag = has(libc::TP_STATUS_VLAN_VALID)
            .then(|| Some((tag_type, u16::try_from(u32_at(bytes, 32)?).ok()?)))
            .flatten();
        let offload = start
            .checked_sub(OFFLOAD_HEADER)
            .filter(|_| has_offload_header);
        let gso_size = offload.and_then(|place| {
            let (kind, size) = (u8_at(bytes, place + 1)?, u16_at(bytes, place + 4)?);
            (kind != 0 && size != 0).then_some(size)
        });
        Some(Self {
            at: u64::from(seconds) * 1_000_000_000 + u64::from(nanos),
            bytes: bytes.get(start..start.checked_add(len)?)?,
            full_len: u32_at(bytes, 16)? as usize,
            kind: PacketType(u8_at(bytes, 58)?),
            is_checksum_unfilled: has(libc::TP_STATUS_CSUMNOTREADY),
            gso_size,
            tag,
            interface: u32_at(bytes, 52)?,
            hardware: u16_at(bytes, 56)?,
            protocol: u16_at(bytes, 50)?.to_be(),
            address: *bytes.get(60..)?.first_chunk()?,
            address_len: u8_at(bytes, 59)?,
            is_losing: has(libc::TP_STATUS_LOSING),
        })
    }
}

/// The type of a tag where the kernel does not tell it (IEEE 802.1Q).
const PLAIN_TAG: u16 = 0x8100;

/// In bytes: `struct virtio_net_hdr`.
const OFFLOAD_HEADER: usize = 10;
