//! What the user told, option by option, before defaults.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Coalesce, Eol, Family, PlanError, SplitAt};
use crate::endpoint::Transport;
use crate::frame::Framing;
use crate::size::ByteSize;
use crate::text::charset::Charset;
use crate::text::checksum::ChecksumSpec;
use crate::text::escape::VisibleLine;
use crate::time::TimeSpan;

/// Declares [`Options`] with one line an option: its field, its type, and its key in a query.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $key:literal $(| $alias:literal)*,)*) => {
        /// What the user told; `None` where nothing was said.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Options {
            $($(#[$doc])* pub $name: Option<$kind>,)*
        }

        impl Options {
            /// Every key that a query may hold.
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            /// Takes `value` for `key`; the last one told wins.
            ///
            /// # Errors
            ///
            /// Returns an [`OptionError`] for an unknown key or a value that the key cannot take.
            pub fn set(&mut self, key: &str, value: &str) -> Result<(), OptionError> {
                match key.replace('_', "-").as_str() {
                    $($key $(| $alias)* => {
                        let value = <$kind>::from_str(value).map_err(|error| OptionError::Value {
                            key: $key,
                            message: match <$kind as Value>::WANTS {
                                Some(wants) => format!("`{}` is not {wants}", VisibleLine(value)),
                                None => error.to_string(),
                            },
                        })?;
                        self.$name = Some(value);
                        Ok(())
                    })*
                    _ => Err(OptionError::Unknown { key: key.to_owned() }),
                }
            }

            /// The key that `key` is another spelling of, if it is one at all.
            #[must_use]
            pub fn key_of(key: &str) -> Option<&'static str> {
                match key.replace('_', "-").as_str() {
                    $($key $(| $alias)* => Some($key),)*
                    _ => None,
                }
            }

            /// What these say, and `fallback` where they say nothing.
            #[must_use]
            pub fn or(self, fallback: Self) -> Self {
                Self { $($name: self.$name.or(fallback.$name),)* }
            }
        }
    };
}

/// What an option takes. Types of ours say themselves what is wrong with a text, naming it; those of
/// the standard library do not.
trait Value: FromStr {
    const WANTS: Option<&'static str>;
}

/// Says what the values of a type are; nothing where its own error does.
macro_rules! values {
    ($($kind:ty: $wants:expr,)*) => {
        $(impl Value for $kind {
            const WANTS: Option<&'static str> = $wants;
        })*
    };
}

values! {
    u8: Some("a whole number from 0 to 255"),
    u32: Some("a whole number"),
    usize: Some("a whole number"),
    IpAddr: Some("an IP address in numbers, such as `239.1.2.3`"),
    String: None,
    Framing: None,
    TextChoice: None,
    Charset: None,
    ChecksumSpec: None,
    Eol: None,
    Family: None,
    ByteSize: None,
    TimeSpan: None,
    WarnSize: None,
    SplitAt: None,
    Coalesce: None,
    FileMode: None,
    Switch: None,
}

options! {
    /// How messages are cut.
    frame: Framing = "frame",
    /// Charset of what comes in.
    text: TextChoice = "text",
    /// Charset of what goes out.
    text_out: Charset = "text-out",
    /// Appended to typed lines.
    eol: Eol = "eol",
    /// Written into what is sent.
    checksum: ChecksumSpec = "checksum",
    /// Bytes taken by one read.
    read_size: ByteSize = "read-size",
    /// Bytes of one message at most.
    max_frame: ByteSize = "max-frame",
    /// Length from which a datagram is marked.
    warn_size: WarnSize = "warn-size",
    /// Where each message is cut into writes.
    split_at: SplitAt = "split-at",
    /// After how many bytes the stream is cut into writes.
    split_every: ByteSize = "split-every",
    /// Pause between the pieces.
    split_delay: TimeSpan = "split-delay",
    /// How much, or how long, is held and written as one.
    coalesce: Coalesce = "coalesce",
    /// How long connecting may take.
    timeout: TimeSpan = "timeout",
    /// How long a datagram client waits for answers.
    wait: TimeSpan = "wait",
    /// Silence that ends a peer.
    idle: TimeSpan = "idle",
    /// How long the peer's end is waited for.
    linger: TimeSpan = "linger",
    /// One peer, then exit.
    once: Switch = "once",
    /// Peers at once.
    max_peers: usize = "max-peers",
    /// Local address.
    bind: String = "bind",
    /// Connections that may wait.
    backlog: u32 = "backlog",
    /// `TCP_NODELAY`.
    nodelay: Switch = "nodelay",
    /// `SO_KEEPALIVE` and its time.
    keepalive: TimeSpan = "keepalive",
    /// Hops of unicast packets.
    ttl: u8 = "ttl",
    /// DSCP and ECN.
    tos: u8 = "tos",
    /// `SO_BROADCAST`.
    broadcast: Switch = "broadcast",
    /// Multicast group to join.
    join: IpAddr = "join" | "multicast" | "multicast-join",
    /// Interface of the group.
    interface: String = "interface" | "multicast-interface",
    /// Hops of multicast packets.
    multicast_ttl: u8 = "multicast-ttl",
    /// Whether this machine hears its own multicast.
    multicast_loop: Switch = "multicast-loop",
    /// Receive buffer.
    rcvbuf: ByteSize = "rcvbuf",
    /// Send buffer.
    sndbuf: ByteSize = "sndbuf",
    /// `SO_REUSEPORT`.
    reuseport: Switch = "reuseport",
    /// Only IPv4 or only IPv6.
    family: Family = "family",
    /// Who may connect to a path.
    mode: FileMode = "mode",
    /// Packets and what the kernel knows, on the timeline.
    wire: Switch = "wire",
}

/// Why an option cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// There is no such option.
    #[error("unknown option `{key}`; there are {}", Options::KEYS.join(", "))]
    Unknown {
        /// The key as written.
        key: String,
    },
    /// The value does not fit.
    #[error("option `{key}`: {message}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with the value.
        message: String,
    },
}

impl Options {
    /// Takes the pairs of an endpoint's query.
    ///
    /// # Errors
    ///
    /// Returns the [`OptionError`] of the first pair that cannot be taken.
    pub fn from_pairs(pairs: &[(String, String)]) -> Result<Self, OptionError> {
        let mut options = Self::default();
        for (key, value) in pairs {
            options.set(key, value)?;
        }
        Ok(options)
    }

    /// Refuses what has no meaning on `transport`, on either side.
    pub(super) fn check_fit(&self, transport: Transport) -> Result<(), PlanError> {
        let net = "tcp and udp";
        let udp = transport == Transport::Udp;
        let rules: [(&'static str, bool, bool, &'static str); 16] = [
            (
                "nodelay",
                self.nodelay.is_some(),
                transport == Transport::Tcp,
                "tcp",
            ),
            (
                "keepalive",
                self.keepalive.is_some(),
                transport == Transport::Tcp,
                "tcp",
            ),
            (
                "backlog",
                self.backlog.is_some(),
                transport.is_stream(),
                "tcp and unix",
            ),
            (
                "linger",
                self.linger.is_some(),
                transport.is_stream(),
                "tcp and unix",
            ),
            (
                "wait",
                self.wait.is_some(),
                !transport.is_stream(),
                "udp and unixgram",
            ),
            (
                "warn-size",
                self.warn_size.is_some(),
                !transport.is_stream(),
                "udp and unixgram",
            ),
            ("ttl", self.ttl.is_some(), transport.is_net(), net),
            ("tos", self.tos.is_some(), transport.is_net(), net),
            ("family", self.family.is_some(), transport.is_net(), net),
            (
                "reuseport",
                self.reuseport.is_some(),
                transport.is_net(),
                net,
            ),
            ("interface", self.interface.is_some(), udp, "udp"),
            (
                "mode",
                self.mode.is_some(),
                !transport.is_net(),
                "unix and unixgram",
            ),
            (
                "broadcast",
                self.broadcast.is_some(),
                transport == Transport::Udp,
                "udp",
            ),
            (
                "join",
                self.join.is_some(),
                transport == Transport::Udp,
                "udp",
            ),
            (
                "multicast-ttl",
                self.multicast_ttl.is_some(),
                transport == Transport::Udp,
                "udp",
            ),
            (
                "multicast-loop",
                self.multicast_loop.is_some(),
                transport == Transport::Udp,
                "udp",
            ),
        ];
        match rules.iter().find(|(_, told, fits, _)| *told && !fits) {
            Some((key, _, _, wants)) => Err(PlanError::Unfit {
                key,
                transport: transport.scheme(),
                wants,
            }),
            None => Ok(()),
        }
    }
}

/// Why a value is none of those that an option takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not one of {wants}")]
pub struct ParseValueError {
    value: String,
    wants: &'static str,
}

/// On or off, as people write it: `1`, `0`, `on`, `off`, `yes`, `no`, `true`, `false`, or nothing
/// for on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch(pub bool);

impl FromStr for Switch {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "" | "1" | "on" | "yes" | "true" => Ok(Self(true)),
            "0" | "off" | "no" | "false" => Ok(Self(false)),
            _ => Err(ParseValueError {
                value: text.to_owned(),
                wants: "`1`, `0`, `on`, `off`",
            }),
        }
    }
}

/// A charset, or `none` for bytes that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextChoice(pub Option<Charset>);

impl FromStr for TextChoice {
    type Err = <Charset as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self(None));
        }
        text.parse().map(|charset| Self(Some(charset)))
    }
}

/// From which length on a datagram is marked as one that may be lost or fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarnSize {
    /// More than so many bytes.
    Bytes(usize),
    /// More than fits into one packet on the path, as the system knows it.
    PathMtu,
}

impl FromStr for WarnSize {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("mtu") {
            return Ok(Self::PathMtu);
        }
        text.parse::<ByteSize>()
            .map(|size| Self::Bytes(size.0))
            .map_err(|_| ParseValueError {
                value: text.to_owned(),
                wants: "a number of bytes, `mtu`",
            })
    }
}

impl fmt::Display for WarnSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::PathMtu => f.write_str("the path MTU"),
        }
    }
}

/// Permissions of a path, in octal as `chmod` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl FromStr for FileMode {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match u32::from_str_radix(text, 8) {
            Ok(mode) if mode <= 0o777 => Ok(Self(mode)),
            _ => Err(ParseValueError {
                value: text.to_owned(),
                wants: "`600` to `777`, in octal",
            }),
        }
    }
}

impl FromStr for Eol {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "lf" => Ok(Self::Lf),
            "crlf" => Ok(Self::CrLf),
            "cr" => Ok(Self::Cr),
            _ => Err(ParseValueError {
                value: text.to_owned(),
                wants: "`none`, `lf`, `crlf`, `cr`",
            }),
        }
    }
}

impl fmt::Display for Eol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Lf => "lf",
            Self::CrLf => "crlf",
            Self::Cr => "cr",
        })
    }
}

impl FromStr for Family {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "4" | "ipv4" => Ok(Self::V4),
            "6" | "ipv6" => Ok(Self::V6),
            _ => Err(ParseValueError {
                value: text.to_owned(),
                wants: "`4`, `6`",
            }),
        }
    }
}
