//! Who may not come in.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::Name;
use crate::text::escape::VisibleLine;

/// Whom the operator does not want: a nickname, an address, or a network such as `10.0.0.0/8`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ban {
    /// Everybody of this nickname.
    Nick(Name),
    /// Everybody of this address, or of the network that its first bits name.
    Addr {
        /// The address.
        ip: IpAddr,
        /// How many of its bits count.
        bits: u8,
    },
}

impl Ban {
    /// Everybody of one address.
    #[must_use]
    pub const fn of_ip(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        Self::Addr { ip, bits }
    }

    /// Whether it is of an address.
    pub(super) fn is_of(&self, other: Option<IpAddr>) -> bool {
        let (Self::Addr { ip, bits }, Some(other)) = (self, other) else {
            return false;
        };
        match (*ip, other.to_canonical()) {
            (IpAddr::V4(ip), IpAddr::V4(other)) => {
                let differing = u32::from(ip) ^ u32::from(other);
                u32::from(*bits) <= differing.leading_zeros()
            }
            (IpAddr::V6(ip), IpAddr::V6(other)) => {
                let differing = u128::from(ip) ^ u128::from(other);
                u32::from(*bits) <= differing.leading_zeros()
            }
            _ => false,
        }
    }

    /// Whether it is of a nickname.
    pub(super) fn is_name(&self, other: &Name) -> bool {
        matches!(self, Self::Nick(nick) if nick == other)
    }
}

impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nick(nick) => nick.fmt(f),
            Self::Addr { ip, bits } => match (ip, bits) {
                (IpAddr::V4(_), 32) | (IpAddr::V6(_), 128) => ip.fmt(f),
                (ip, bits) => write!(f, "{ip}/{bits}"),
            },
        }
    }
}

impl FromStr for Ban {
    type Err = ParseBanError;

    /// A nickname that reads as an address is taken for one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseBanError {
            text: text.chars().take(64).collect(),
        };
        let text = text.trim();
        if let Ok(ip) = text.parse() {
            return Ok(Self::of_ip(ip));
        }
        let Some((ip, bits)) = text.split_once('/') else {
            return Name::new(text).map(Self::Nick).map_err(|_| error());
        };
        let ip: IpAddr = ip.parse().map_err(|_| error())?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = is_number.then(|| bits.parse().ok()).flatten();
        let bits = bits.filter(|bits| *bits <= most).ok_or_else(error)?;
        Ok(Self::Addr { ip, bits })
    }
}

/// Why a text names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is neither a nickname nor an address; write `anna`, `10.1.2.3` or `10.0.0.0/8`",
    VisibleLine(text)
)]
pub struct ParseBanError {
    text: String,
}
