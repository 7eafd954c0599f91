//! pcap: a header of 24 bytes, then packets with 16 bytes before each.
//!
//! ```text
//!  magic 4 │ major 2 │ minor 2 │ 8 unused │ snap length 4 │ link type 4
//!  seconds 4 │ fraction 4 │ captured length 4 │ full length 4 │ bytes …
//! ```
//!
//! An old Linux dialect ("modified") has 8 further bytes before each packet: interface, protocol, way.

use super::block::{Captured, Options, Order, Raw};
use super::{BLOCK_LIMIT, Error, Found, Interface, Item, u64_of};
use crate::wire::{CaptureFacts, LinkType, Packet};

const HEADER: usize = 24;
const RECORD: usize = 16;
const MODIFIED_RECORD: usize = 24;
/// Of microseconds, of nanoseconds, and of the modified dialect.
const MAGIC: [u32; 3] = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34];

/// What a pcap file's magic number and header say.
#[derive(Debug)]
pub(super) struct Classic {
    order: Order,
    nanos_per_tick: u64,
    /// Bytes before each packet.
    record: usize,
    /// `None` until the header was read.
    link: Option<LinkType>,
}

impl Classic {
    pub(super) fn recognise(head: [u8; 4]) -> Option<Self> {
        [Order::Big, Order::Little].into_iter().find_map(|order| {
            let [micros, nanos, modified] = MAGIC;
            let (nanos_per_tick, record) = match order.u32(head) {
                magic if magic == micros => (1000, RECORD),
                magic if magic == nanos => (1, RECORD),
                magic if magic == modified => (1000, MODIFIED_RECORD),
                _ => return None,
            };
            Some(Self {
                order,
                nanos_per_tick,
                record,
                link: None,
            })
        })
    }

    pub(super) fn next_item<'a>(
        &mut self,
        rest: &'a [u8],
        offset: u64,
    ) -> Result<Option<Found<'a>>, Error> {
        let raw = Raw::new(rest, self.order);
        let Some(link) = self.link else {
            return self.header(raw, offset);
        };
        let (Some(seconds), Some(fraction), Some(len), Some(full_len)) =
            (raw.u32(0), raw.u32(4), raw.usize(8), raw.usize(12))
        else {
            return Ok(None);
        };
        if BLOCK_LIMIT < len {
            let len = u64_of(len);
            return Err(Error::TooLong { offset, len });
        }
        let Some(bytes) = raw.get(self.record, len) else {
            return Ok(None);
        };
        let fraction = u64::from(fraction).saturating_mul(self.nanos_per_tick);
        let packet = Packet {
            at: u64::from(seconds)
                .saturating_mul(1_000_000_000)
                .saturating_add(fraction),
            link,
            bytes,
            full_len: full_len.max(len),
            facts: CaptureFacts::default(),
        };
        Ok(Some(Found {
            len: u64_of(len.saturating_add(self.record)),
            item: Item::Packet(Captured {
                packet,
                options: Options::none(),
            }),
        }))
    }

    fn header<'a>(&mut self, raw: Raw<'a>, offset: u64) -> Result<Option<Found<'a>>, Error> {
        let (Some(major), Some(minor), Some(snap_len), Some(link)) =
            (raw.u16(4), raw.u16(6), raw.u32(16), raw.u32(20))
        else {
            return Ok(None);
        };
        if major != 2 {
            return Err(Error::Version {
                offset,
                major,
                minor,
            });
        }
        // The upper half tells of a check sequence behind each frame.
        let link = LinkType(u16::try_from(link & 0xffff).unwrap_or_default());
        self.link = Some(link);
        Ok(Some(Found {
            len: u64_of(HEADER),
            item: Item::Interface(Interface {
                snap_len,
                ..Interface::new(link, "")
            }),
        }))
    }
}
