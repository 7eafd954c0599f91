//! Writing pcapng that Wireshark, tshark, capinfos and tcpdump read.

use std::net::IpAddr;

use super::block::{GSO_COMMENT, option};
use super::ng::{self, flag};
use super::{BLOCK_LIMIT, Interface, Name, Section, Statistics};
use crate::wire::{Direction, LinkType, Packet};

/// After so many bytes of names another block begins.
const NAMES_STEP: usize = 64 * 1024;
/// Nanoseconds, as `if_tsresol` states it.
const NANOSECONDS: u8 = 9;

/// Writes a pcapng file of one section into buffers of the caller.
///
/// Each call appends one whole block, so that writing the buffer out by whole calls leaves a file
/// that can be read, whenever it ends. All interfaces of a file have one link type, as tcpdump
/// reads no other files.
#[derive(Clone, Debug)]
pub struct Writer {
    link: Option<LinkType>,
    interfaces: u32,
}

/// Why something does not fit into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file's packets are of another link type.
    #[error("a file of packets of {file} takes none of {other}; write another file for them")]
    Link {
        /// The file's.
        file: LinkType,
        /// The one that does not fit.
        other: LinkType,
    },
    /// The file was not told of an interface.
    #[error("interface {interface} is not in the file, which has {count}")]
    Interface {
        /// Counted from 0.
        interface: u32,
        /// How many the file has.
        count: u32,
    },
    /// The block would be longer than readers take.
    #[error("a block of {len} bytes is too long, of {BLOCK_LIMIT} at most")]
    TooLong {
        /// In bytes.
        len: usize,
    },
}

impl Writer {
    /// Begins a file; of the remarks on it, the first 100 are written.
    #[must_use]
    pub fn begin(section: &Section, out: &mut Vec<u8>) -> Self {
        let mut block = Block::begin(ng::SECTION, out);
        block.u32(ng::BYTE_ORDER);
        block.u16(1);
        block.u16(0);
        // The section's length, which nobody knows while it is written.
        block.u64(u64::MAX);
        block.text(option::HARDWARE, &section.hardware);
        block.text(option::OS, &section.os);
        block.text(option::APPLICATION, &section.application);
        for comment in section.comments.iter().take(ng::COMMENT_LIMIT) {
            block.option(option::COMMENT, cut(comment).as_bytes());
        }
        block.end();
        Self {
            link: None,
            interfaces: 0,
        }
    }

    /// Tells of an interface, and gives its number.
    ///
    /// # Errors
    ///
    /// Returns [`WriteError::Link`] where the file's packets are of another link type.
    pub fn interface(
        &mut self,
        interface: &Interface,
        out: &mut Vec<u8>,
    ) -> Result<u32, WriteError> {
        let link = *self.link.get_or_insert(interface.link);
        self.check_link(interface.link)?;
        let mut block = Block::begin(ng::INTERFACE, out);
        block.u16(link.0);
        block.u16(0);
        block.u32(interface.snap_len);
        block.text(option::INTERFACE_NAME, &interface.name);
        block.text(option::INTERFACE_DESCRIPTION, &interface.description);
        block.option(option::RESOLUTION, &[NANOSECONDS]);
        if !interface.filter.is_empty() {
            // The zero says that a text follows, and no program.
            let mut filter = vec![0];
            filter.extend_from_slice(cut(&interface.filter).as_bytes());
            block.option(option::FILTER, &filter);
        }
        block.text(option::INTERFACE_OS, &interface.os);
        block.end();
        let number = self.interfaces;
        self.interfaces = self.interfaces.saturating_add(1);
        Ok(number)
    }

    /// Writes a packet with remarks on it, each of at most 65,534 bytes; longer ones are cut.
    ///
    /// # Errors
    ///
    /// Returns a [`WriteError`] where it is of an interface or a link type that the file has not, or
    /// is too long for readers.
    pub fn packet(
        &self,
        packet: &Packet<'_>,
        comments: &[&str],
        out: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        let Packet {
            at, bytes, facts, ..
        } = *packet;
        self.check_link(packet.link)?;
        self.check_interface(facts.interface)?;
        let remarks = comments
            .iter()
            .map(|comment| cut(comment).len().saturating_add(8))
            .fold(256, usize::saturating_add);
        let len = bytes.len().saturating_add(remarks);
        if BLOCK_LIMIT < len {
            return Err(WriteError::TooLong { len });
        }
        let mut block = Block::begin(ng::PACKET, out);
        block.u32(facts.interface);
        block.halves(at);
        block.u32(clamp(bytes.len()));
        block.u32(clamp(packet.full_len.max(bytes.len())));
        block.padded(bytes);
        for comment in comments {
            block.option(option::COMMENT, cut(comment).as_bytes());
        }
        let mut flags = match facts.direction {
            Direction::Unknown => 0,
            Direction::In => flag::IN,
            Direction::Out => flag::OUT,
        };
        if facts.is_checksum_unfilled {
            flags |= flag::CHECKSUM_NOT_READY;
        }
        if let Some(size) = facts.gso_size {
            flags |= flag::SEGMENTATION_OFFLOADED;
            block.option(option::COMMENT, format!("{GSO_COMMENT}{size}").as_bytes());
        }
        if flags != 0 {
            block.option(option::FLAGS, &flags.to_le_bytes());
        }
        if facts.dropped_before != 0 {
            block.option(option::DROP_COUNT, &facts.dropped_before.to_le_bytes());
        }
        block.end();
        Ok(())
    }

    /// Writes names of addresses. Empty names, and those with a zero in them, are left out.
    pub fn names(&self, names: &[Name], out: &mut Vec<u8>) {
        let mut rest = names.iter().peekable();
        while rest.peek().is_some() {
            let mut block = Block::begin(ng::NAMES, out);
            while block.len() < NAMES_STEP
                && let Some(name) = rest.next()
            {
                block.name(name);
            }
            // The end of the records; there are no options.
            block.u32(0);
            block.end();
        }
    }

    /// Writes what an interface counted.
    ///
    /// # Errors
    ///
    /// Returns [`WriteError::Interface`] where the file was not told of it.
    pub fn statistics(&self, statistics: &Statistics, out: &mut Vec<u8>) -> Result<(), WriteError> {
        self.check_interface(statistics.interface)?;
        let mut block = Block::begin(ng::STATISTICS, out);
        block.u32(statistics.interface);
        block.halves(statistics.at);
        let times = [
            (option::STARTED, statistics.started),
            (option::ENDED, statistics.ended),
        ];
        for (code, time) in times {
            if let Some(time) = time {
                block.option(code, &halves(time));
            }
        }
        let counts = [
            (option::RECEIVED, statistics.received),
            (option::DROPPED, statistics.dropped),
            (option::ACCEPTED, statistics.accepted),
            (option::OS_DROPPED, statistics.os_dropped),
            (option::DELIVERED, statistics.delivered),
        ];
        for (code, count) in counts {
            if let Some(count) = count {
                block.option(code, &count.to_le_bytes());
            }
        }
        block.end();
        Ok(())
    }

    /// Writes what decrypts packets, such as lines of a TLS key log, before the packets it is for.
    ///
    /// # Errors
    ///
    /// Returns [`WriteError::TooLong`] where readers would not take it.
    pub fn secrets(&self, kind: u32, secrets: &[u8], out: &mut Vec<u8>) -> Result<(), WriteError> {
        let len = secrets.len().saturating_add(256);
        if BLOCK_LIMIT < len {
            return Err(WriteError::TooLong { len });
        }
        let mut block = Block::begin(ng::SECRETS, out);
        block.u32(kind);
        block.u32(clamp(secrets.len()));
        block.padded(secrets);
        block.end();
        Ok(())
    }

    fn check_link(&self, other: LinkType) -> Result<(), WriteError> {
        match self.link {
            Some(file) if file != other => Err(WriteError::Link { file, other }),
            _ => Ok(()),
        }
    }

    fn check_interface(&self, interface: u32) -> Result<(), WriteError> {
        let count = self.interfaces;
        match interface < count {
            true => Ok(()),
            false => Err(WriteError::Interface { interface, count }),
        }
    }
}

/// A block that is being written, in little-endian order.
struct Block<'a> {
    out: &'a mut Vec<u8>,
    /// Where it begins in `out`.
    start: usize,
    has_options: bool,
}

impl<'a> Block<'a> {
    fn begin(kind: u32, out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        let mut block = Self {
            out,
            start,
            has_options: false,
        };
        block.u32(kind);
        block.u32(0);
        block
    }

    fn u16(&mut self, number: u16) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn halves(&mut self, number: u64) {
        self.out.extend_from_slice(&halves(number));
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        let zeros = bytes.len().next_multiple_of(4).saturating_sub(bytes.len());
        self.out.resize(self.out.len().saturating_add(zeros), 0);
    }

    /// Writes an option of at most 65,535 bytes.
    fn option(&mut self, code: u16, value: &[u8]) {
        self.has_options = true;
        self.u16(code);
        self.u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        self.padded(value);
    }

    /// Writes a text, if there is one.
    fn text(&mut self, code: u16, text: &str) {
        if !text.is_empty() {
            self.option(code, cut(text).as_bytes());
        }
    }

    /// Writes the names of an address, as many records as they need.
    fn name(&mut self, name: &Name) {
        let (kind, octets) = match name.address {
            IpAddr::V4(address) => (1, address.octets().to_vec()),
            IpAddr::V6(address) => (2, address.octets().to_vec()),
        };
        let mut names = name
            .names
            .iter()
            .filter(|name| !name.is_empty() && !name.contains('\0'))
            .map(|name| cut_to(name, 1024))
            .peekable();
        while names.peek().is_some() {
            let mut value = octets.clone();
            while value.len() < 32 * 1024
                && let Some(name) = names.next()
            {
                value.extend_from_slice(name.as_bytes());
                value.push(0);
            }
            self.u16(kind);
            self.u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
            self.padded(&value);
        }
    }

    /// In bytes, so far.
    fn len(&self) -> usize {
        self.out.len().saturating_sub(self.start)
    }

    fn end(mut self) {
        if self.has_options {
            self.u32(0);
        }
        let len = clamp(self.len().saturating_add(4));
        self.u32(len);
        let stated = self.start.saturating_add(4);
        if let Some(field) = self
            .out
            .get_mut(stated..)
            .and_then(<[u8]>::first_chunk_mut::<4>)
        {
            *field = len.to_le_bytes();
        }
    }
}

/// A time as pcapng has it: the upper half first, each half in the file's order.
fn halves(number: u64) -> [u8; 8] {
    number.rotate_left(32).to_le_bytes()
}

/// Lengths of blocks are checked before.
fn clamp(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// As much of a text as an option holds, with room for a zero before it.
fn cut(text: &str) -> &str {
    cut_to(text, 65_534)
}

fn cut_to(text: &str, limit: usize) -> &str {
    (0..=text.len().min(limit))
        .rev()
        .find_map(|end| text.get(..end))
        .unwrap_or_default()
}
