//! Networks: an address and how many of its bits count.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// All addresses that begin with the same bits, such as `127.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

impl Prefix {
    /// The addresses that share `len` bits with `address`; a length beyond all of them means all.
    /// An address of IPv4 that is written as one of IPv6 is the former, if it is a single one.
    #[must_use]
    pub fn new(address: IpAddr, len: u8) -> Self {
        let (address, len) = match (address.to_canonical(), address, len) {
            (plain @ IpAddr::V4(_), IpAddr::V6(_), 96..) => (plain, len.saturating_sub(96)),
            _ => (address, len),
        };
        let len = len.min(width(address));
        let address = match address {
            IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() & mask_v4(len)).into()),
            IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & mask_v6(len)).into()),
        };
        Self { address, len }
    }

    /// The first of the addresses.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits the addresses share: 32 or 128 at most.
    #[must_use]
    // It is no collection that could be empty.
    #[allow(clippy::len_without_is_empty, reason = "a length in bits")]
    pub const fn len(&self) -> u8 {
        self.len
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => net.to_bits() == ip.to_bits() & mask_v4(self.len),
            (IpAddr::V6(net), IpAddr::V6(ip)) => net.to_bits() == ip.to_bits() & mask_v6(self.len),
            _ => false,
        }
    }
}

impl From<IpAddr> for Prefix {
    /// The address alone.
    fn from(address: IpAddr) -> Self {
        Self::new(address, u8::MAX)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.len < width(self.address) {
            write!(f, "/{}", self.len)?;
        }
        Ok(())
    }
}

impl FromStr for Prefix {
    type Err = ParsePrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParsePrefixError {
            text: text.to_owned(),
        };
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let Some(len) = len else {
            return Ok(address.into());
        };
        match len.parse() {
            Ok(len) if len <= width(address) => Ok(Self::new(address, len)),
            _ => Err(wrong()),
        }
    }
}

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is neither an address nor a network such as `127.0.0.0/8`")]
pub struct ParsePrefixError {
    text: String,
}

/// How many bits addresses of a family have.
const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The bits that count of an IPv4 address.
pub(super) fn mask_v4(len: u8) -> u32 {
    u32::MAX
        .checked_shl(32_u32.saturating_sub(len.into()))
        .unwrap_or_default()
}

/// The bits that count of an IPv6 address.
pub(super) fn mask_v6(len: u8) -> u128 {
    u128::MAX
        .checked_shl(128_u32.saturating_sub(len.into()))
        .unwrap_or_default()
}
