//! pcapng: blocks that state their length before and after them (draft-ietf-opsawg-pcapng).
//!
//! ```text
//!  kind 4 │ length 4 │ body … │ options … │ length 4
//! ```

use super::block::{Captured, Names, Options, Order, Raw, gso_size, option, text};
use super::clock::Clock;
use super::{BLOCK_LIMIT, Error, Found, Interface, Item, Secrets, Section, Statistics, u64_of};
use crate::wire::{CaptureFacts, Direction, LinkType, Packet};

/// The section header's kind, which reads the same in both orders.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
/// Obsolete, and still in old files.
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
pub(super) const NAMES: u32 = 4;
pub(super) const STATISTICS: u32 = 5;
pub(super) const PACKET: u32 = 6;
pub(super) const SECRETS: u32 = 10;

pub(super) const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Kind, and length on both sides, in bytes.
const FRAME: usize = 12;
/// So many interfaces of a section are held: no host has more, and a hostile file may claim any.
pub(super) const INTERFACE_LIMIT: usize = 65_536;
/// So many remarks on a section are read and written.
pub(super) const COMMENT_LIMIT: usize = 100;

/// What the sections so far say.
#[derive(Debug)]
pub(super) struct Ng {
    order: Order,
    interfaces: Vec<Source>,
    /// How many interfaces the sections before told.
    first_interface: u32,
}

/// What packets of an interface need to be read.
#[derive(Clone, Copy, Debug)]
struct Source {
    link: LinkType,
    snap_len: usize,
    clock: Clock,
}

impl Default for Ng {
    fn default() -> Self {
        Self {
            order: Order::Little,
            interfaces: Vec::new(),
            first_interface: 0,
        }
    }
}

impl Ng {
    pub(super) fn next_item<'a>(
        &mut self,
        rest: &'a [u8],
        offset: u64,
    ) -> Result<Option<Found<'a>>, Error> {
        let Some(kind) = Raw::new(rest, self.order).u32(0) else {
            return Ok(None);
        };
        if kind == SECTION {
            let Some(order) = rest.get(8..).and_then(<[u8]>::first_chunk::<4>) else {
                return Ok(None);
            };
            self.order = match [Order::Big, Order::Little]
                .into_iter()
                .find(|guess| guess.u32(*order) == BYTE_ORDER)
            {
                Some(order) => order,
                None => return Err(Error::NotACapture { head: *order }),
            };
        }
        let raw = Raw::new(rest, self.order);
        let Some(before) = raw.u32(4) else {
            return Ok(None);
        };
        let stated = u64::from(before);
        let len = usize::try_from(before).unwrap_or(usize::MAX);
        if len < FRAME || !len.is_multiple_of(4) {
            let len = stated;
            return Err(Error::Length { offset, len });
        }
        if BLOCK_LIMIT < len {
            return match is_known(kind) {
                true => Err(Error::TooLong {
                    offset,
                    len: stated,
                }),
                false => Ok(Some(Found {
                    len: stated,
                    item: Item::Skipped { kind, len: stated },
                })),
            };
        }
        let Some(after) = raw.u32(len.saturating_sub(4)) else {
            return Ok(None);
        };
        if before != after {
            return Err(Error::Lengths {
                offset,
                before,
                after,
            });
        }
        let body = raw.get(8, len.saturating_sub(FRAME)).unwrap_or_default();
        let item = self.read(kind, Raw::new(body, self.order), offset)?;
        let item = item.ok_or(Error::Length {
            offset,
            len: stated,
        })?;
        Ok(Some(Found { len: stated, item }))
    }

    /// Reads a whole block; `None` where it is too short to be one of its kind.
    fn read<'a>(
        &mut self,
        kind: u32,
        body: Raw<'a>,
        offset: u64,
    ) -> Result<Option<Item<'a>>, Error> {
        let item = match kind {
            SECTION => return self.section(body, offset),
            INTERFACE => return self.interface(body, offset),
            PACKET => return self.packet(body, offset),
            OLD_PACKET => return self.old_packet(body, offset),
            SIMPLE_PACKET => return self.simple_packet(body, offset),
            STATISTICS => return self.statistics(body, offset),
            NAMES => Item::Names(Names(body)),
            SECRETS => return Ok(secrets(body)),
            kind => Item::Skipped {
                kind,
                len: u64_of(body.bytes.len().saturating_add(FRAME)),
            },
        };
        Ok(Some(item))
    }

    fn section<'a>(&mut self, body: Raw<'a>, offset: u64) -> Result<Option<Item<'a>>, Error> {
        let (Some(major), Some(minor), Some(_len)) = (body.u16(4), body.u16(6), body.u64(8)) else {
            return Ok(None);
        };
        if major != 1 {
            return Err(Error::Version {
                offset,
                major,
                minor,
            });
        }
        let told = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        self.first_interface = self.first_interface.saturating_add(told);
        self.interfaces.clear();
        let mut section = Section::default();
        for (code, value) in body.options(16) {
            let text = || text(value.bytes).into_owned();
            match code {
                option::HARDWARE => section.hardware = text(),
                option::OS => section.os = text(),
                option::APPLICATION => section.application = text(),
                option::COMMENT if section.comments.len() < COMMENT_LIMIT => {
                    section.comments.push(text());
                }
                _ => {}
            }
        }
        Ok(Some(Item::Section(section)))
    }

    fn interface<'a>(&mut self, body: Raw<'a>, offset: u64) -> Result<Option<Item<'a>>, Error> {
        let (Some(link), Some(snap_len)) = (body.u16(0), body.u32(4)) else {
            return Ok(None);
        };
        if INTERFACE_LIMIT <= self.interfaces.len() {
            return Err(Error::Interfaces { offset });
        }
        let mut clock = Clock::default();
        let mut interface = Interface::new(LinkType(link), "");
        interface.snap_len = snap_len;
        for (code, value) in body.options(8) {
            let text = || text(value.bytes).into_owned();
            match (code, value.bytes) {
                (option::INTERFACE_NAME, _) => interface.name = text(),
                (option::INTERFACE_DESCRIPTION, _) => interface.description = text(),
                (option::INTERFACE_OS, _) => interface.os = text(),
                // The first byte says that a text follows, and no program.
                (option::FILTER, [0, filter @ ..]) => {
                    interface.filter = self::text(filter).into_owned();
                }
                (option::RESOLUTION, [resolution]) => clock.resolution = *resolution,
                (option::TIME_OFFSET, _) => {
                    clock.offset = value.u64(0).map_or(0, u64::cast_signed);
                }
                _ => {}
            }
        }
        self.interfaces.push(Source {
            link: interface.link,
            snap_len: match usize::try_from(snap_len) {
                Ok(0) | Err(_) => usize::MAX,
                Ok(limit) => limit,
            },
            clock,
        });
        Ok(Some(Item::Interface(interface)))
    }

    /// Interface 4 │ time 4 + 4 │ captured length 4 │ full length 4 │ bytes, padded │ options.
    fn packet<'a>(&self, body: Raw<'a>, offset: u64) -> Result<Option<Item<'a>>, Error> {
        let Some(interface) = body.u32(0) else {
            return Ok(None);
        };
        self.timed_packet(interface, body, offset)
    }

    /// Interface 2 │ dropped before 2 │ as [`Self::packet`].
    fn old_packet<'a>(&self, body: Raw<'a>, offset: u64) -> Result<Option<Item<'a>>, Error> {
        let (Some(interface), Some(dropped)) = (body.u16(0), body.u16(2)) else {
            return Ok(None);
        };
        let mut item = self.timed_packet(interface.into(), body, offset)?;
        if let Some(Item::Packet(captured)) = &mut item {
            captured.packet.facts.dropped_before = match dropped {
                // All bits set: nobody knows.
                u16::MAX => 0,
                dropped => dropped.into(),
            };
        }
        Ok(item)
    }

    /// What both kinds have from offset 4 on.
    fn timed_packet<'a>(
        &self,
        interface: u32,
        body: Raw<'a>,
        offset: u64,
    ) -> Result<Option<Item<'a>>, Error> {
        let (Some(ticks), Some(len), Some(full_len)) =
            (body.halves(4), body.usize(12), body.usize(16))
        else {
            return Ok(None);
        };
        let source = self.source(interface, offset)?;
        let Some(bytes) = body.get(20, len) else {
            return Ok(None);
        };
        let options = body.options(len.next_multiple_of(4).saturating_add(20));
        let facts = CaptureFacts {
            interface: self.first_interface.saturating_add(interface),
            ..facts(options)
        };
        Ok(Some(Item::Packet(Captured {
            packet: Packet {
                at: source.clock.nanos(ticks),
                link: source.link,
                bytes,
                full_len: full_len.max(len),
                facts,
            },
            options,
        })))
    }

    /// Full length 4 │ bytes, padded. It is of the section's first interface, and has no time.
    fn simple_packet<'a>(&self, body: Raw<'a>, offset: u64) -> Result<Option<Item<'a>>, Error> {
        let Some(full_len) = body.usize(0) else {
            return Ok(None);
        };
        let source = self.source(0, offset)?;
        let Some(bytes) = body.get(4, full_len.min(source.snap_len)) else {
            return Ok(None);
        };
        Ok(Some(Item::Packet(Captured {
            packet: Packet {
                at: 0,
                link: source.link,
                bytes,
                full_len,
                facts: CaptureFacts {
                    interface: self.first_interface,
                    ..CaptureFacts::default()
                },
            },
            options: Options::none(),
        })))
    }

    fn statistics<'a>(&self, body: Raw<'a>, offset: u64) -> Result<Option<Item<'a>>, Error> {
        let (Some(interface), Some(ticks)) = (body.u32(0), body.halves(4)) else {
            return Ok(None);
        };
        let clock = self.source(interface, offset)?.clock;
        let mut statistics = Statistics {
            interface: self.first_interface.saturating_add(interface),
            at: clock.nanos(ticks),
            ..Statistics::default()
        };
        for (code, value) in body.options(12) {
            let time = || value.halves(0).map(|ticks| clock.nanos(ticks));
            match code {
                option::STARTED => statistics.started = time(),
                option::ENDED => statistics.ended = time(),
                option::RECEIVED => statistics.received = value.u64(0),
                option::DROPPED => statistics.dropped = value.u64(0),
                option::ACCEPTED => statistics.accepted = value.u64(0),
                option::OS_DROPPED => statistics.os_dropped = value.u64(0),
                option::DELIVERED => statistics.delivered = value.u64(0),
                _ => {}
            }
        }
        Ok(Some(Item::Statistics(statistics)))
    }

    fn source(&self, interface: u32, offset: u64) -> Result<Source, Error> {
        let index = usize::try_from(interface).unwrap_or(usize::MAX);
        let source = self.interfaces.get(index).copied();
        source.ok_or(Error::Interface { offset, interface })
    }
}

const fn is_known(kind: u32) -> bool {
    matches!(
        kind,
        SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | NAMES | STATISTICS | PACKET | SECRETS
    )
}

/// What the flags of a packet say: its lowest two bits are the direction.
pub(super) mod flag {
    pub(crate) const IN: u32 = 1;
    pub(crate) const OUT: u32 = 2;
    pub(crate) const CHECKSUM_NOT_READY: u32 = 1 << 9;
    pub(crate) const SEGMENTATION_OFFLOADED: u32 = 1 << 11;
}

fn facts(options: Options<'_>) -> CaptureFacts {
    let mut facts = CaptureFacts::default();
    for (code, value) in options {
        match code {
            option::FLAGS => {
                let flags = value.u32(0).unwrap_or_default();
                facts.direction = match flags & 3 {
                    flag::IN => Direction::In,
                    flag::OUT => Direction::Out,
                    _ => Direction::Unknown,
                };
                facts.is_checksum_unfilled = flags & flag::CHECKSUM_NOT_READY != 0;
            }
            option::DROP_COUNT => facts.dropped_before = value.u64(0).unwrap_or_default(),
            option::COMMENT => {
                if let Some(size) = gso_size(value.bytes) {
                    facts.gso_size = Some(size);
                }
            }
            _ => {}
        }
    }
    facts
}

fn secrets(body: Raw<'_>) -> Option<Item<'_>> {
    let (kind, len) = (body.u32(0)?, body.usize(4)?);
    let bytes = body.get(8, len)?;
    Some(Item::Secrets(Secrets { kind, bytes }))
}
