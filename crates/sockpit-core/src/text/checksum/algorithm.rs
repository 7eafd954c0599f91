//! The algorithms themselves: from bytes to a number of so many bits.

use std::fmt;
use std::str::FromStr;

use super::catalogue;
use crate::text::escape::VisibleLine;

/// A way to check bytes, such as CRC-16/MODBUS or sum8.
#[derive(Clone, Copy)]
pub struct Algorithm {
    pub(super) name: &'static str,
    pub(super) sum: Sum,
}

/// What is computed.
#[derive(Clone, Copy)]
pub(super) enum Sum {
    Crc8(&'static crc::Algorithm<u8>),
    Crc16(&'static crc::Algorithm<u16>),
    Crc32(&'static crc::Algorithm<u32>),
    Crc64(&'static crc::Algorithm<u64>),
    Crc128(&'static crc::Algorithm<u128>),
    /// The sum of the bytes, in so many bits.
    Sum8,
    Sum16,
    Sum32,
    /// Every byte exclusive-or the next: BCC.
    Xor,
    /// The sum's complement, so that all bytes and it sum up to zero (ISO 1155, Modbus ASCII).
    Lrc,
    /// Of blocks of so many bits: 4, 8 or 16, the latter with the low byte first.
    Fletcher(u32),
    /// RFC 1950 §8.2.
    Adler,
    /// RFC 1071, as in the headers of IP, TCP and UDP.
    Internet,
    /// `cksum` of POSIX: CRC-32/CKSUM of the bytes and of their number.
    Cksum,
}

/// Which byte of a field comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The high byte.
    Be,
    /// The low byte.
    Le,
}

impl Order {
    /// Its word in a spec.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Be => "be",
            Self::Le => "le",
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Be => "big-endian",
            Self::Le => "little-endian",
        }
    }
}

impl Algorithm {
    /// Every algorithm: the whole CRC catalogue, then the sums.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &catalogue::ALL
    }

    /// Those that messages mostly end in, the likeliest first.
    pub fn common() -> impl Iterator<Item = Self> {
        catalogue::COMMON.iter().filter_map(|name| named(name))
    }

    /// Its name, as in the catalogue.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// In bits, from 3 to 82.
    #[must_use]
    pub const fn width(self) -> usize {
        match self.sum {
            Sum::Crc8(of) => of.width as usize,
            Sum::Crc16(of) => of.width as usize,
            Sum::Crc32(of) => of.width as usize,
            Sum::Crc64(of) => of.width as usize,
            Sum::Crc128(of) => of.width as usize,
            Sum::Sum8 | Sum::Xor | Sum::Lrc => 8,
            Sum::Sum16 | Sum::Internet => 16,
            Sum::Sum32 | Sum::Adler | Sum::Cksum => 32,
            Sum::Fletcher(bits) => bits as usize * 2,
        }
    }

    /// In bytes: what its field takes. A width that is no whole number of bytes stands in the low
    /// bits of the number that the field is.
    #[must_use]
    pub const fn field_len(self) -> usize {
        self.width().div_ceil(8)
    }

    /// The order of its field where nothing is said: little-endian for CRC-16/MODBUS, big-endian for
    /// the others.
    #[must_use]
    pub fn natural_order(self) -> Order {
        catalogue::natural_order(self.name)
    }

    /// The number that belongs to `bytes`.
    #[must_use]
    pub fn compute(self, bytes: &[u8]) -> u128 {
        match self.sum {
            Sum::Crc8(of) => crc::Crc::<u8>::new(of).checksum(bytes).into(),
            Sum::Crc16(of) => crc::Crc::<u16>::new(of).checksum(bytes).into(),
            Sum::Crc32(of) => crc::Crc::<u32>::new(of).checksum(bytes).into(),
            Sum::Crc64(of) => crc::Crc::<u64>::new(of).checksum(bytes).into(),
            Sum::Crc128(of) => crc::Crc::<u128>::new(of).checksum(bytes),
            Sum::Sum8 => (total(bytes) & 0xff).into(),
            Sum::Sum16 => (total(bytes) & 0xffff).into(),
            Sum::Sum32 => (total(bytes) & 0xffff_ffff).into(),
            Sum::Xor => bytes.iter().fold(0, |sum, byte| sum ^ byte).into(),
            Sum::Lrc => (total(bytes).wrapping_neg() & 0xff).into(),
            Sum::Fletcher(bits) => fletcher(bits, bytes).into(),
            Sum::Adler => adler(bytes).into(),
            Sum::Internet => internet(bytes).into(),
            Sum::Cksum => cksum(bytes).into(),
        }
    }

    /// The field that belongs to `bytes`.
    #[must_use]
    pub fn field(self, order: Order, bytes: &[u8]) -> Vec<u8> {
        let number = self.compute(bytes).to_be_bytes();
        let mut field = number[number.len() - self.field_len()..].to_vec();
        if order == Order::Le {
            field.reverse();
        }
        field
    }
}

impl PartialEq for Algorithm {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Algorithm {}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Algorithm {
    /// The name of the catalogue.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for Algorithm {
    type Err = ParseAlgorithmError;

    /// Takes the name of the catalogue, with or without its `CRC-16/` where that leaves no doubt, and
    /// the names that people use; `-`, `_`, `/`, spaces and capitals make no difference.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = key(text);
        let alias = catalogue::ALIASES
            .iter()
            .find(|(alias, _)| *alias == wanted);
        if let Some((_, name)) = alias {
            return Ok(named(name).expect("an alias names an algorithm"));
        }
        let exact = |algorithm: &&Self| key(algorithm.name) == wanted;
        if let Some(algorithm) = Self::all().iter().find(exact) {
            return Ok(*algorithm);
        }
        let is_short = |algorithm: &&Self| {
            let short = algorithm.name.split_once('/').map(|(_, short)| key(short));
            short.is_some_and(|short| short == wanted)
        };
        let mut shorts = Self::all().iter().filter(is_short);
        match (shorts.next(), shorts.next()) {
            (Some(only), None) => Ok(*only),
            (Some(one), Some(other)) => Err(ParseAlgorithmError::Ambiguous {
                text: text.to_owned(),
                one: one.name,
                other: other.name,
            }),
            _ => Err(ParseAlgorithmError::Unknown {
                text: text.to_owned(),
                near: near(&wanted),
            }),
        }
    }
}

/// Why a text names no algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAlgorithmError {
    /// None has this name.
    #[error("`{}` is no checksum; {near}", VisibleLine(text))]
    Unknown {
        /// As typed.
        text: String,
        /// What there is, in words.
        near: String,
    },
    /// Several have this short name.
    #[error(
        "`{}` is `{one}` and `{other}`; write the whole name",
        VisibleLine(text)
    )]
    Ambiguous {
        /// As typed.
        text: String,
        /// One of them.
        one: &'static str,
        /// Another.
        other: &'static str,
    },
}

/// A name without what makes no difference.
pub(super) fn key(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | '/' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn named(name: &str) -> Option<Algorithm> {
    let is_it = |algorithm: &&Algorithm| algorithm.name == name;
    Algorithm::all().iter().find(is_it).copied()
}

/// The names that begin as the wanted one does, or those to begin with.
fn near(wanted: &str) -> String {
    let width: String = wanted
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .chain(wanted.chars().filter(char::is_ascii_digit).take(2))
        .collect();
    let of_width: Vec<&str> = Algorithm::all()
        .iter()
        .map(|algorithm| algorithm.name)
        .filter(|name| {
            let (head, _) = name.split_once('/').unwrap_or((name, ""));
            wanted.starts_with("crc") && key(head) == width
        })
        .collect();
    if of_width.is_empty() {
        return "there are `modbus`, `crc16`, `ccitt`, `xmodem`, `crc8`, `crc32`, `sum8`, `sum16`, \
                `xor`, `lrc`, `fletcher16`, `adler32`, `internet`, and the whole catalogue such as \
                `CRC-16/KERMIT`"
            .to_owned();
    }
    format!("of that width there are {}", of_width.join(", "))
}

fn total(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

/// Two running sums of blocks, modulo one less than a block can hold.
fn fletcher(bits: u32, bytes: &[u8]) -> u32 {
    let modulus = (1_u32 << bits) - 1;
    let mut sums = (0_u32, 0_u32);
    let mut add = |block: u32| {
        sums.0 = (sums.0 + block) % modulus;
        sums.1 = (sums.1 + sums.0) % modulus;
    };
    match bits {
        4 => bytes.iter().for_each(|byte| {
            add(u32::from(byte >> 4));
            add(u32::from(byte & 15));
        }),
        8 => bytes.iter().for_each(|byte| add(u32::from(*byte))),
        _ => bytes.chunks(2).for_each(|pair| {
            let high = pair.get(1).copied().unwrap_or_default();
            add(u32::from(u16::from_le_bytes([pair[0], high])));
        }),
    }
    sums.1 << bits | sums.0
}

fn adler(bytes: &[u8]) -> u32 {
    /// The largest prime below 65,536.
    const MODULUS: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    high << 16 | low
}

/// The complement of the one's complement sum of 16-bit words; an odd byte is followed by a zero.
fn internet(bytes: &[u8]) -> u16 {
    let mut sum: u64 = bytes
        .chunks(2)
        .map(|pair| {
            let low = pair.get(1).copied().unwrap_or_default();
            u64::from(u16::from_be_bytes([pair[0], low]))
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("it was folded")
}

fn cksum(bytes: &[u8]) -> u32 {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_CKSUM);
    let mut digest = crc.digest();
    digest.update(bytes);
    let mut len = bytes.len();
    while len > 0 {
        digest.update(&[(len & 0xff) as u8]);
        len >>= 8;
    }
    digest.finalize()
}
