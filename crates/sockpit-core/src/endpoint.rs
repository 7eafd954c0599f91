//! The one endpoint grammar: what people write for the other end, or for their own.
//!
//! ```text
//! tcp://host:port   udp://host:port   host:port   :port   port      [::1]:port
//! unix:///abs/path  unix:rel/path     unix:@abstract   unixgram:…   *:port
//!                              … ?name=value&name=value
//! ```
//!
//! socat's addresses are understood too (`tcp:h:p`, `tcp-listen:p`, `udp4:h:p`, `unix-connect:/p`),
//! without their comma options. Schemes are read in any case; a path, an abstract name and options
//! may hold `%XX`; a `+` is a plus.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

mod mistake;
mod parse;
mod scheme;

use mistake::Mistake;

/// What the user wrote: how to reach the other end, where it is, and what else was asked for.
///
/// [`fmt::Display`] gives the canonical form, which parses to the same endpoint again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is reached.
    pub transport: Transport,
    /// Where it is; a [`Address::Net`] for TCP and UDP, one of the others for Unix sockets.
    pub address: Address,
    /// The query's pairs in order, percent-decoded; a name without `=` has an empty value.
    pub options: Vec<(String, String)>,
}

/// How an endpoint is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A stream over IP.
    Tcp,
    /// Datagrams over IP.
    Udp,
    /// A stream between processes of one machine.
    Unix,
    /// Datagrams between processes of one machine.
    UnixDatagram,
}

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host and a port; port 0 lets the system choose.
    Net {
        /// Which host.
        host: Host,
        /// Which port.
        port: u16,
    },
    /// A socket in the file system, absolute or relative; 107 bytes at most.
    Path(String),
    /// A socket in Linux's abstract namespace, without the leading NUL; 107 bytes at most.
    Abstract(String),
}

/// Which host an endpoint names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// None: every address of both families to listen on, localhost to connect to.
    Any,
    /// An address.
    Ip(IpAddr),
    /// An address that is unique on one interface only, and that interface's name or number.
    Scoped(Ipv6Addr, String),
    /// A name to look up.
    Name(String),
}

/// Why a text is not an endpoint, in one sentence that names the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {mistake}")]
pub struct ParseEndpointError {
    /// As typed, its control characters escaped.
    text: String,
    mistake: Mistake,
}

impl Endpoint {
    /// Parses the words of a command line: one endpoint, or a host and a port as two words.
    ///
    /// # Errors
    ///
    /// Returns an error that says so for no word, for more than two, and for two that are not a host
    /// and its port; otherwise as [`Endpoint::from_str`].
    pub fn from_words(words: &[String]) -> Result<Self, ParseEndpointError> {
        let typed = words.join(" ");
        parse::words(words).map_err(|mistake| ParseEndpointError::new(&typed, mistake))
    }
}

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::endpoint(text).map_err(|mistake| ParseEndpointError::new(text, mistake))
    }
}

impl ParseEndpointError {
    fn new(text: &str, mistake: Mistake) -> Self {
        let mut shown = String::with_capacity(text.len());
        for c in text.trim().chars() {
            if c.is_control() {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
        }
        Self {
            text: shown,
            mistake,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.transport.scheme();
        match &self.address {
            Address::Net { host, port } => write!(f, "{scheme}://{host}:{port}")?,
            Address::Path(path) if path.starts_with('/') => {
                write!(f, "{scheme}://{}", Encoded(path, "?"))?;
            }
            // The first `@` would make it an abstract name.
            Address::Path(path) => match path.strip_prefix('@') {
                Some(rest) => write!(f, "{scheme}:%40{}", Encoded(rest, "?"))?,
                None => write!(f, "{scheme}:{}", Encoded(path, "?"))?,
            },
            Address::Abstract(name) => write!(f, "{scheme}:@{}", Encoded(name, "?"))?,
        }
        for (index, (name, value)) in self.options.iter().enumerate() {
            f.write_char(if index == 0 { '?' } else { '&' })?;
            write!(f, "{}", Encoded(name, "&="))?;
            if !value.is_empty() {
                write!(f, "={}", Encoded(value, "&"))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Host {
    /// As it stands in an endpoint, IPv6 in brackets; [`Host::Any`] is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            // `%25` before a zone is a percent sign (RFC 6874), so a zone called 25… needs it.
            Self::Scoped(ip, zone) if zone.starts_with("25") => write!(f, "[{ip}%25{zone}]"),
            Self::Scoped(ip, zone) => write!(f, "[{ip}%{zone}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A text with `%`, white space, control characters and some more as `%XX`.
struct Encoded<'a>(&'a str, &'static str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, reserved) = *self;
        for c in text.chars() {
            if c == '%' || c.is_whitespace() || c.is_control() || reserved.contains(c) {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "%{byte:02X}")?;
                }
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Unix, Self::UnixDatagram];

    /// Its word in an endpoint.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unix => "unix",
            Self::UnixDatagram => "unixgram",
        }
    }

    /// Whether its link is a stream; otherwise it carries datagrams.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Unix)
    }

    /// Whether its addresses are a host and a port; otherwise they are paths and abstract names.
    #[must_use]
    pub const fn is_net(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }
}

#[cfg(test)]
mod tests;
