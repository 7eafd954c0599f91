//! The pieces of blocks: numbers in either order, options, packets, names.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Name;
use crate::wire::Packet;

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

impl Order {
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }

    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    pub(super) const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Big => u64::from_be_bytes(bytes),
            Self::Little => u64::from_le_bytes(bytes),
        }
    }
}

/// Bytes whose numbers are of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raw<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) order: Order,
}

impl<'a> Raw<'a> {
    pub(super) const fn new(bytes: &'a [u8], order: Order) -> Self {
        Self { bytes, order }
    }

    pub(super) fn get(self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..at.checked_add(len)?)
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.get(at, N)?.first_chunk().copied()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(|bytes| self.order.u16(bytes))
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(|bytes| self.order.u32(bytes))
    }

    pub(super) fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(|bytes| self.order.u64(bytes))
    }

    /// A length that a file states.
    pub(super) fn usize(self, at: usize) -> Option<usize> {
        let stated = self.u32(at)?;
        Some(usize::try_from(stated).unwrap_or(usize::MAX))
    }

    /// What pcapng writes as two halves, the upper first whatever the order is.
    pub(super) fn halves(self, at: usize) -> Option<u64> {
        let upper = u64::from(self.u32(at)?);
        Some(upper << 32 | u64::from(self.u32(at.saturating_add(4))?))
    }

    /// Options that begin at `at`, to the end.
    pub(super) fn options(self, at: usize) -> Options<'a> {
        Options(Self {
            bytes: self.bytes.get(at..).unwrap_or_default(),
            ..self
        })
    }
}

/// Walks options: a number, a length and a value that is padded to a multiple of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options<'a>(Raw<'a>);

impl Options<'_> {
    pub(super) const fn none() -> Self {
        Self(Raw::new(&[], Order::Little))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, Raw<'a>);

    fn next(&mut self) -> Option<(u16, Raw<'a>)> {
        let raw = self.0;
        let (code, len) = (raw.u16(0)?, usize::from(raw.u16(2)?));
        if code == option::END {
            return None;
        }
        let value = raw.get(4, len)?;
        let padded = len.next_multiple_of(4).saturating_add(4);
        *self = raw.options(padded);
        Some((code, Raw::new(value, raw.order)))
    }
}

/// Numbers of options.
pub(super) mod option {
    pub(crate) const END: u16 = 0;
    pub(crate) const COMMENT: u16 = 1;

    pub(crate) const HARDWARE: u16 = 2;
    pub(crate) const OS: u16 = 3;
    pub(crate) const APPLICATION: u16 = 4;

    pub(crate) const INTERFACE_NAME: u16 = 2;
    pub(crate) const INTERFACE_DESCRIPTION: u16 = 3;
    pub(crate) const RESOLUTION: u16 = 9;
    pub(crate) const FILTER: u16 = 11;
    pub(crate) const INTERFACE_OS: u16 = 12;
    pub(crate) const TIME_OFFSET: u16 = 14;

    pub(crate) const FLAGS: u16 = 2;
    pub(crate) const DROP_COUNT: u16 = 4;

    pub(crate) const STARTED: u16 = 2;
    pub(crate) const ENDED: u16 = 3;
    pub(crate) const RECEIVED: u16 = 4;
    pub(crate) const DROPPED: u16 = 5;
    pub(crate) const ACCEPTED: u16 = 6;
    pub(crate) const OS_DROPPED: u16 = 7;
    pub(crate) const DELIVERED: u16 = 8;
}

/// The comment by which we keep [`CaptureFacts::gso_size`](crate::wire::CaptureFacts), for which
/// pcapng has no option.
pub(super) const GSO_COMMENT: &str = "gso_size ";

/// The size that a comment of ours tells.
pub(super) fn gso_size(comment: &[u8]) -> Option<u16> {
    let number = comment.strip_prefix(GSO_COMMENT.as_bytes())?;
    if number.first() == Some(&b'+') {
        return None;
    }
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// A packet in a file, with the remarks on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// The packet; its interface is counted from 0 over the whole file.
    pub packet: Packet<'a>,
    pub(super) options: Options<'a>,
}

impl<'a> Captured<'a> {
    /// The remarks on the packet, but the one by which a writer of ours keeps its GSO size.
    #[must_use]
    pub const fn comments(&self) -> Comments<'a> {
        Comments(self.options)
    }
}

/// Walks the remarks on a packet. Bytes that are not UTF-8 become U+FFFD; a file is somebody else's
/// text, so escape it before it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Comments<'a>(Options<'a>);

impl<'a> Iterator for Comments<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        self.0
            .find(|(code, value)| *code == option::COMMENT && gso_size(value.bytes).is_none())
            .map(|(_, value)| text(value.bytes))
    }
}

/// A text as a file has it; some writers count its zero.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    String::from_utf8_lossy(bytes)
}

/// Walks the names of addresses in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a>(pub(super) Raw<'a>);

impl Iterator for Names<'_> {
    type Item = Name;

    fn next(&mut self) -> Option<Name> {
        loop {
            let raw = self.0;
            let (kind, len) = (raw.u16(0)?, usize::from(raw.u16(2)?));
            let value = raw.get(4, len)?;
            if kind == 0 {
                return None;
            }
            let padded = len.next_multiple_of(4).saturating_add(4);
            self.0.bytes = raw.bytes.get(padded..).unwrap_or_default();
            let (address, names) = match kind {
                1 => value
                    .split_first_chunk::<4>()
                    .map(|(address, names)| (Ipv4Addr::from(*address).into(), names))?,
                2 => value
                    .split_first_chunk::<16>()
                    .map(|(address, names)| (Ipv6Addr::from(*address).into(), names))?,
                _ => continue,
            };
            let names = names
                .split(|byte| *byte == 0)
                .filter(|name| !name.is_empty())
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect();
            return Some(Name { address, names });
        }
    }
}
