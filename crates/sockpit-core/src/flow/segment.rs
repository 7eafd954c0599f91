//! One TCP segment as a capture saw it: the headers, and as much payload as was kept.

use std::net::SocketAddr;

/// A TCP segment, and where and when it was seen.
///
/// Everything but `payload` is from the headers, so that a frame which was cut short is analysed as
/// well as a whole one.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The number of its frame in the capture; what refers to a segment does so by this number.
    pub frame: u64,
    /// In nanoseconds since any one moment. A capture's clock may run back a little.
    pub at: u64,
    /// Who sent it. An IPv6 address has the same scope and flow label, best 0, all along.
    pub src: SocketAddr,
    /// To whom.
    pub dst: SocketAddr,
    /// The sequence number, as in the header.
    pub seq: u32,
    /// The acknowledgement number, as in the header, with or without the flag.
    pub ack: u32,
    /// The flags.
    pub flags: Flags,
    /// The window, as in the header: not scaled.
    pub window: u16,
    /// Bytes of payload that the headers claim, of which `payload` may hold fewer.
    pub len: u32,
    /// The payload as far as it was captured.
    pub payload: &'a [u8],
    /// The options.
    pub options: Options,
    /// The size of the wire segments that the network card cuts it into, in bytes of payload, where
    /// the capture knows it.
    pub gso_size: Option<u16>,
    /// Whether the capture lost packets, of whichever conversation, just before this one.
    pub dropped_before: bool,
}

impl Segment<'_> {
    /// How much of the sequence space it takes: the payload, and one each for SYN and FIN.
    #[must_use]
    pub(super) fn span(&self) -> u32 {
        let marks = u32::from(self.flags.intersects(Flags::SYN | Flags::FIN));
        self.len.wrapping_add(marks)
    }

    /// The first sequence number after it.
    #[must_use]
    pub(super) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.span())
    }

    /// On how many wire segments it travels, where `mss` is what the other end takes at most.
    #[must_use]
    pub(super) fn wire_segments(&self, mss: Option<u32>) -> u64 {
        let size = match self.gso_size {
            Some(size) if size != 0 => u32::from(size),
            _ => mss.unwrap_or(u32::MAX).max(1),
        };
        u64::from(self.len.div_ceil(size).max(1))
    }
}

/// The flags of a TCP header, as its low eight bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// The sender has no more data.
    pub const FIN: Self = Self(0x01);
    /// Opens a conversation.
    pub const SYN: Self = Self(0x02);
    /// Breaks a conversation off.
    pub const RST: Self = Self(0x04);
    /// The receiver should hand on what it has.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x10);

    /// Whether any of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The options of a TCP header that the analysis reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The largest segment that the sender takes, in bytes of payload.
    pub mss: Option<u16>,
    /// By how many bits the sender's windows are to be shifted.
    pub window_scale: Option<u8>,
    /// Whether the sender understands selective acknowledgements.
    pub sack_permitted: bool,
    /// What the sender has received beyond a hole, as sequence numbers: first, and first after.
    pub sack: SackBlocks,
    /// The sender's clock, and the clock of the other end that it echoes.
    pub timestamps: Option<(u32, u32)>,
}

/// At most four ranges, as many as fit into a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [(u32, u32); 4],
    len: u8,
}

impl SackBlocks {
    /// Takes the first four of `blocks`.
    pub fn new(blocks: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut taken = Self::default();
        for (place, block) in taken.blocks.iter_mut().zip(blocks) {
            *place = block;
            taken.len += 1;
        }
        taken
    }

    /// The ranges.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.blocks.into_iter().take(usize::from(self.len))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}
