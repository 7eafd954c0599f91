//! Capture files: pcap and pcapng as others write them, pcapng as we write it.
//!
//! ```text
//!  chunks of a file ──Reader::feed──▶ Reader ──next_item──▶ Section │ Interface │ Packet │ …
//!  Section, Interface, Packet … ──▶ Writer ──▶ bytes for a file
//! ```
//!
//! A reader holds at most one block and one chunk, whatever lengths a file claims (rule B1). A
//! writer appends whole blocks, so that a file that was cut at any moment reads up to its last one.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod block;
mod classic;
mod clock;
mod ng;
mod writer;

use std::net::IpAddr;

pub use block::{Captured, Comments, Names};
pub use writer::{WriteError, Writer};

use crate::wire::LinkType;
use classic::Classic;
use ng::Ng;

/// The longest block that is held, in bytes: as long a packet as other tools take, and its options.
pub const BLOCK_LIMIT: usize = 17 * 1024 * 1024;

/// Which secrets a TLS key log is.
pub const TLS_KEY_LOG: u32 = 0x544c_534b;

/// One thing in a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A section of a pcapng file begins, and with it a new count of interfaces.
    Section(Section),
    /// Packets of a further interface may follow.
    Interface(Interface),
    /// A packet.
    Packet(Captured<'a>),
    /// Names of addresses.
    Names(Names<'a>),
    /// What an interface counted.
    Statistics(Statistics),
    /// What decrypts packets.
    Secrets(Secrets<'a>),
    /// A block of another kind, which was passed over.
    Skipped {
        /// Its number.
        kind: u32,
        /// Its length, in bytes.
        len: u64,
    },
}

/// What made a section; what is unknown is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The machine.
    pub hardware: String,
    /// Its system.
    pub os: String,
    /// The program.
    pub application: String,
    /// Remarks on the section; of a file, the first 100.
    pub comments: Vec<String>,
}

/// An interface whose packets a file holds; what is unknown is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What its packets begin with.
    pub link: LinkType,
    /// How much of a packet is captured at most, in bytes; 0 is no limit.
    pub snap_len: u32,
    /// Its name on the host.
    pub name: String,
    /// What it is in words.
    pub description: String,
    /// Which packets were wanted, as text.
    pub filter: String,
    /// The system of the host.
    pub os: String,
}

impl Interface {
    /// An interface of which only the link type and the name are known.
    #[must_use]
    pub fn new(link: LinkType, name: impl Into<String>) -> Self {
        Self {
            link,
            snap_len: 0,
            name: name.into(),
            description: String::new(),
            filter: String::new(),
            os: String::new(),
        }
    }
}

/// What an interface counted until a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Which, counted from 0 over the whole file.
    pub interface: u32,
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// When the capture began, in nanoseconds since 1970.
    pub started: Option<u64>,
    /// When it ended, in nanoseconds since 1970.
    pub ended: Option<u64>,
    /// Packets that the interface got.
    pub received: Option<u64>,
    /// Packets that the interface lost.
    pub dropped: Option<u64>,
    /// Packets that the filter let through.
    pub accepted: Option<u64>,
    /// Packets that the system lost before the tap read them.
    pub os_dropped: Option<u64>,
    /// Packets that the tap got.
    pub delivered: Option<u64>,
}

/// The names of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Whose they are.
    pub address: IpAddr,
    /// The first is the one to show.
    pub names: Vec<String>,
}

/// What decrypts packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secrets<'a> {
    /// What kind, such as [`TLS_KEY_LOG`].
    pub kind: u32,
    /// The secrets.
    pub bytes: &'a [u8],
}

/// Reads a capture file from its chunks, however they are cut.
///
/// Feed a chunk, take items until there is none, feed the next; at the end of the file ask for the
/// [`Ending`].
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
    /// Where in `buffer` the first unread byte is.
    start: usize,
    /// How many bytes to come are passed over.
    skip: u64,
    /// The place in the file of the first unread byte.
    offset: u64,
    format: Format,
    is_broken: bool,
}

#[derive(Debug, Default)]
enum Format {
    #[default]
    Unknown,
    Classic(Classic),
    Ng(Ng),
}

/// How a capture file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// There was no byte.
    Empty,
    /// After a whole block.
    Whole,
    /// Within a block: whoever wrote it was stopped.
    Torn {
        /// Where in the file that block begins.
        offset: u64,
        /// How many bytes of it there are.
        len: u64,
    },
}

/// Why a file cannot be read on. What was read before it stays true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file begins as no capture does.
    #[error(
        "a file that begins with the bytes {:02x} {:02x} {:02x} {:02x} is neither pcap nor pcapng{}",
        head[0], head[1], head[2], head[3], hint(*head)
    )]
    NotACapture {
        /// Its first bytes.
        head: [u8; 4],
    },
    /// The file's format is from another time.
    #[error(
        "version {major}.{minor} at byte {offset} is unknown; versions 2.x of pcap and 1.x of pcapng are read"
    )]
    Version {
        /// Where the block begins.
        offset: u64,
        /// As stated.
        major: u16,
        /// As stated.
        minor: u16,
    },
    /// A block states a length that it cannot have.
    #[error("the block at byte {offset} states a length of {len}, which no such block has")]
    Length {
        /// Where the block begins.
        offset: u64,
        /// As stated, in bytes.
        len: u64,
    },
    /// A block states a length that is not held.
    #[error("the block at byte {offset} states a length of {len}, of {BLOCK_LIMIT} at most")]
    TooLong {
        /// Where the block begins.
        offset: u64,
        /// As stated, in bytes.
        len: u64,
    },
    /// A block states one length before it and another after it.
    #[error(
        "the block at byte {offset} states a length of {before} before it and of {after} after it"
    )]
    Lengths {
        /// Where the block begins.
        offset: u64,
        /// At its beginning, in bytes.
        before: u32,
        /// At its end, in bytes.
        after: u32,
    },
    /// A packet is of an interface that the section did not tell.
    #[error(
        "the block at byte {offset} is of interface {interface}, of which the section says nothing"
    )]
    Interface {
        /// Where the block begins.
        offset: u64,
        /// As stated.
        interface: u32,
    },
    /// A section tells more interfaces than anybody has.
    #[error(
        "the block at byte {offset} tells one interface more than the {} that are held",
        ng::INTERFACE_LIMIT
    )]
    Interfaces {
        /// Where the block begins.
        offset: u64,
    },
}

/// What a file that is no capture may be.
fn hint(head: [u8; 4]) -> &'static str {
    match head {
        [0x1f, 0x8b, ..] => "; it is compressed with gzip, unpack it first",
        [0x28, 0xb5, 0x2f, 0xfd] => "; it is compressed with zstd, unpack it first",
        _ => "",
    }
}

impl Reader {
    /// A reader at the beginning of a file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.is_broken {
            return;
        }
        let passed = usize::try_from(self.skip).map_or(chunk.len(), |skip| skip.min(chunk.len()));
        self.skip = self.skip.saturating_sub(u64_of(passed));
        self.offset = self.offset.saturating_add(u64_of(passed));
        if 0 < self.start {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer
            .extend_from_slice(chunk.get(passed..).unwrap_or_default());
    }

    /// Reads the next thing, or `None` until more bytes are fed.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the file cannot be read on; it gives nothing after that.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, Error> {
        if self.is_broken {
            return Ok(None);
        }
        self.is_broken = true;
        if matches!(self.format, Format::Unknown) {
            match self.recognise()? {
                Some(format) => self.format = format,
                None => {
                    self.is_broken = false;
                    return Ok(None);
                }
            }
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let place = self.offset;
        let found = match &mut self.format {
            Format::Unknown => None,
            Format::Classic(classic) => classic.next_item(rest, place)?,
            Format::Ng(ng) => ng.next_item(rest, place)?,
        };
        self.is_broken = false;
        let Some(Found { len, item }) = found else {
            return Ok(None);
        };
        let held = usize::try_from(len).map_or(rest.len(), |len| len.min(rest.len()));
        self.start = self.start.saturating_add(held);
        self.offset = self.offset.saturating_add(u64_of(held));
        self.skip = len.saturating_sub(u64_of(held));
        Ok(Some(item))
    }

    /// How the file ended, once it has no more bytes and no more items.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let unread = self.buffer.len().saturating_sub(self.start);
        match (unread, self.skip) {
            (0, 0) if self.offset == 0 => Ending::Empty,
            (0, 0) => Ending::Whole,
            (len, _) => Ending::Torn {
                offset: self.offset,
                len: u64_of(len),
            },
        }
    }

    fn recognise(&self) -> Result<Option<Format>, Error> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let Some(head) = rest.first_chunk::<4>() else {
            return Ok(None);
        };
        if *head == ng::SECTION.to_be_bytes() {
            return Ok(Some(Format::Ng(Ng::default())));
        }
        match Classic::recognise(*head) {
            Some(classic) => Ok(Some(Format::Classic(classic))),
            None => Err(Error::NotACapture { head: *head }),
        }
    }
}

/// An item, and how long the block is from which it came.
struct Found<'a> {
    /// In bytes, which may be more than there are: the others are passed over.
    len: u64,
    item: Item<'a>,
}

/// Lengths in memory fit.
fn u64_of(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has found something"
)]
mod tests;
