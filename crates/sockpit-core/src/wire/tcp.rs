//! TCP (RFC 9293) with the options that conversations use.

use std::fmt;

use super::cursor::View;
use super::tcp_option::{self as kind, RawOptions};
use super::{Partial, Span, Transport, ip};

/// Length of the header without options, in bytes.
pub(crate) const HEADER: usize = 20;

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// Number of the first byte, or of the SYN.
    pub seq: u32,
    /// Number of the next byte that the sender wants; of no meaning without [`TcpFlags::ACK`].
    pub ack: u32,
    /// What it does beside carrying bytes.
    pub flags: TcpFlags,
    /// As in the header: not yet scaled.
    pub window: u16,
    /// Where urgent data ends, counted from `seq`.
    pub urgent: u16,
    /// Length of the header with options, in bytes.
    pub header_len: usize,
    /// What the options say.
    pub options: TcpOptions,
    /// The segment's bytes, as far as they were captured.
    pub payload: Span,
    /// How many bytes the segment has, by the headers.
    pub payload_len: usize,
}

/// The flags of a TCP header, twelve bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TcpFlags(pub u16);

impl TcpFlags {
    /// The sender has no more bytes.
    pub const FIN: Self = Self(1);
    /// The sender begins, and tells its first number.
    pub const SYN: Self = Self(1 << 1);
    /// The conversation is torn down.
    pub const RST: Self = Self(1 << 2);
    /// The receiver shall not wait for more bytes.
    pub const PSH: Self = Self(1 << 3);
    /// The acknowledgment number counts.
    pub const ACK: Self = Self(1 << 4);
    /// The urgent pointer counts.
    pub const URG: Self = Self(1 << 5);
    /// Congestion was told to the sender (RFC 3168).
    pub const ECE: Self = Self(1 << 6);
    /// The sender has slowed down (RFC 3168).
    pub const CWR: Self = Self(1 << 7);
    /// Accurate ECN (RFC 9768), once the nonce sum.
    pub const AE: Self = Self(1 << 8);

    const NAMES: [(Self, &str); 9] = [
        (Self::FIN, "FIN"),
        (Self::SYN, "SYN"),
        (Self::RST, "RST"),
        (Self::PSH, "PSH"),
        (Self::ACK, "ACK"),
        (Self::URG, "URG"),
        (Self::ECE, "ECE"),
        (Self::CWR, "CWR"),
        (Self::AE, "AE"),
    ];

    /// Whether at least one of `others` is set.
    #[must_use]
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

impl std::ops::BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for TcpFlags {
    /// Names joined by a comma: `SYN, ACK`; `none` where none is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (flag, name) in Self::NAMES {
            if self.has(flag) {
                write!(f, "{between}{name}")?;
                between = ", ";
            }
        }
        if between.is_empty() {
            f.write_str("none")?;
        }
        Ok(())
    }
}

/// What the options of a segment say; the last of a kind counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// The largest segment that the sender takes, in bytes (RFC 6691).
    pub mss: Option<u16>,
    /// By how many bits the sender's later windows are shifted, as stated (RFC 7323 §2).
    pub window_scale: Option<u8>,
    /// Whether the sender understands selective acknowledgment (RFC 2018).
    pub is_sack_permitted: bool,
    /// The sender's clock and the echo of the receiver's (RFC 7323 §3).
    pub timestamps: Option<Timestamps>,
    /// What the sender has received beyond holes, in the order of the option (RFC 2018).
    pub sack: SackBlocks,
}

/// The values of a timestamps option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's clock.
    pub value: u32,
    /// What the sender last saw of the receiver's.
    pub echo: u32,
}

/// Bytes that arrived beyond a hole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlock {
    /// Number of the first byte.
    pub start: u32,
    /// Number after the last byte.
    pub end: u32,
}

/// At most four blocks: as many fit into 40 bytes of options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [SackBlock; 4],
    len: u8,
}

impl SackBlocks {
    /// Takes the first four of `blocks`.
    pub fn new(blocks: impl IntoIterator<Item = SackBlock>) -> Self {
        let mut taken = Self::default();
        for (place, block) in taken.blocks.iter_mut().zip(blocks) {
            *place = block;
            taken.len = taken.len.saturating_add(1);
        }
        taken
    }

    /// The blocks.
    pub fn iter(&self) -> impl Iterator<Item = SackBlock> {
        self.blocks.into_iter().take(usize::from(self.len))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl TcpOptions {
    /// An option of the wrong length is passed over.
    fn read(view: View<'_>) -> Self {
        let mut options = Self::default();
        for option in RawOptions(view) {
            let value = option.value;
            match (option.kind, value.len()) {
                (kind::MSS, 2) => options.mss = value.u16(0),
                (kind::WINDOW_SCALE, 1) => options.window_scale = value.u8(0),
                (kind::SACK_PERMITTED, 0) => options.is_sack_permitted = true,
                (kind::SACK, _) => options.sack = SackBlocks::read(value),
                (kind::TIMESTAMPS, 8) => {
                    if let (Some(value), Some(echo)) = (value.u32(0), value.u32(4)) {
                        options.timestamps = Some(Timestamps { value, echo });
                    }
                }
                _ => {}
            }
        }
        options
    }
}

impl SackBlocks {
    fn read(value: View<'_>) -> Self {
        let mut rest = value;
        Self::new(std::iter::from_fn(|| {
            let (start, end) = (rest.u32(0)?, rest.u32(4)?);
            rest = rest.skip(8);
            Some(SackBlock { start, end })
        }))
    }
}

pub(super) fn summarise(view: View<'_>) -> Transport {
    let Some(header) = view.array::<HEADER>(0) else {
        return partial(view);
    };
    let [
        s0,
        s1,
        d0,
        d1,
        q0,
        q1,
        q2,
        q3,
        a0,
        a1,
        a2,
        a3,
        offset,
        flags,
        w0,
        w1,
        _,
        _,
        u0,
        u1,
    ] = header;
    let header_len = usize::from(offset >> 4).saturating_mul(4);
    if header_len < HEADER {
        return partial(view);
    }
    let payload = view.skip(header_len);
    Transport::Tcp(Tcp {
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
        seq: u32::from_be_bytes([q0, q1, q2, q3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: TcpFlags(u16::from_be_bytes([offset & 0x0f, flags])),
        window: u16::from_be_bytes([w0, w1]),
        urgent: u16::from_be_bytes([u0, u1]),
        header_len,
        options: TcpOptions::read(view.limit(header_len).skip(HEADER)),
        payload: payload.span(),
        payload_len: payload.len(),
    })
}

fn partial(view: View<'_>) -> Transport {
    match ip::partial(view) {
        Transport::Partial(partial) => Transport::Partial(Partial {
            seq: view.u32(4),
            ..partial
        }),
        other => other,
    }
}
