//! A plan: an endpoint with every default decided, before anything is opened.
//!
//! What the user told comes in as [`Options`], from the query of the endpoint and from flags; both
//! are the same keys with the same values, and flags win. [`Plan::resolve`] decides the rest, so that
//! everything after it can trust the plan, and `--explain` can show it.

mod explain;
mod options;
mod shaping;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

pub use options::{FileMode, OptionError, Options, ParseValueError, Switch, TextChoice, WarnSize};
pub use shaping::{Coalesce, ParseShapingError, Shaping, Split, SplitAt};

use crate::endpoint::{Address, Endpoint, Host, Transport};
use crate::frame::Framing;
use crate::rule::Rules;
use crate::session::Script;
use crate::text::charset::Charset;
use crate::text::checksum::ChecksumSpec;

/// In bytes: one read of a stream takes at most this much unless the plan says otherwise. Large
/// enough that a loopback transfer is not bound by system calls.
const STREAM_READ_SIZE: usize = 256 * 1024;

/// In bytes: room for the largest UDP datagram, and for what Linux lets through a Unix socket by
/// default.
const DATAGRAM_READ_SIZE: usize = 65_536;

/// In bytes: more than any socket's buffer holds.
const MAX_READ_SIZE: usize = 1 << 30;

/// In bytes: 65,535 less an IPv4 header of 20 and a UDP header of 8.
pub const MAX_UDP4_PAYLOAD: usize = 65_507;

/// In bytes: 65,535 less a UDP header of 8; the IPv6 header does not count.
pub const MAX_UDP6_PAYLOAD: usize = 65_527;

/// In bytes: rule B1's limit of a message that a peer may make us hold.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// In bytes: what a user may raise that limit to.
const MAX_MAX_FRAME: usize = 1 << 30;

/// A name or route that does not answer is given up after this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A datagram client whose input has ended leaves after this long without a datagram.
const DATAGRAM_WAIT: Duration = Duration::from_secs(1);

/// A datagram listener forgets a peer after this long without a datagram.
const DATAGRAM_IDLE: Duration = Duration::from_secs(60);

/// As many as Linux takes by default (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;

/// Datagram peers cost memory and no descriptor; this many are remembered.
const DATAGRAM_MAX_PEERS: usize = 65_536;

/// Permissions of a path: its owner's alone.
const OWNER_ONLY: u32 = 0o600;

/// Which side we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Connects, and has one peer.
    Client,
    /// Listens, and has as many peers as come.
    Server,
}

/// The shape of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Bytes without boundaries, with an end.
    Stream,
    /// Messages with boundaries, without an end.
    Datagram,
}

/// What is appended to a typed line and to `--send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Eol {
    /// Nothing.
    None,
    /// `\n`.
    Lf,
    /// `\r\n`.
    CrLf,
    /// `\r`.
    Cr,
}

impl Eol {
    /// The characters themselves.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

/// A multicast group and how to take part in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multicast {
    /// The group joined; a client that only sends joins none.
    pub group: Option<IpAddr>,
    /// The interface, by name or by one of its addresses; the system's choice if `None`.
    pub interface: Option<String>,
    /// Hops that what we send may take; the system's default is 1.
    pub ttl: Option<u8>,
    /// Whether members on this machine hear us; the system's default is yes.
    pub loops_back: Option<bool>,
}

/// What is set on the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPlan {
    /// Local address of a client, as `host:port`, `host` or `:port`; a path or `@name` on Unix.
    pub bind: Option<String>,
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// Whether small segments leave at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// Silence after which the system probes a TCP peer.
    pub keepalive: Option<Duration>,
    /// Hops that unicast packets may take.
    pub ttl: Option<u8>,
    /// The DSCP and ECN byte.
    pub tos: Option<u8>,
    /// Whether sending to a broadcast address is allowed.
    pub broadcast: bool,
    /// Multicast, where the endpoint or an option asks for it.
    pub multicast: Option<Multicast>,
    /// Receive buffer, in bytes.
    pub rcvbuf: Option<usize>,
    /// Send buffer, in bytes.
    pub sndbuf: Option<usize>,
    /// Whether other sockets may share the port (`SO_REUSEPORT`).
    pub reuseport: bool,
    /// Whether a datagram server is told which of its datagrams nobody took (ICMP).
    pub hears_icmp: bool,
    /// Only this family of addresses.
    pub family: Option<Family>,
    /// Permissions of a path that is made: by default nobody else's (rule G2).
    pub mode: u32,
}

/// A family of internet addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Whether `addr` is of this family.
    #[must_use]
    pub const fn holds(self, addr: IpAddr) -> bool {
        matches!(
            (self, addr),
            (Self::V4, IpAddr::V4(_)) | (Self::V6, IpAddr::V6(_))
        )
    }
}

/// An endpoint with every default decided.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which side we are.
    pub role: Role,
    /// How it is reached.
    pub transport: Transport,
    /// Where it is.
    pub address: Address,
    /// What is set on the socket.
    pub socket: SocketPlan,
    /// How messages are cut.
    pub framing: Framing,
    /// Charset of what comes in; `None` shows no text.
    pub text: Option<Charset>,
    /// Charset of what goes out.
    pub text_out: Charset,
    /// Appended to typed lines and `--send`.
    pub eol: Eol,
    /// Written into every message that the user, the rules or the script send, before it is framed.
    pub checksum: Option<ChecksumSpec>,
    /// Bytes that one read may take.
    pub read_size: NonZeroUsize,
    /// Bytes that one message may hold.
    pub max_frame: usize,
    /// From which length on a datagram is marked as one that may be lost or fragmented.
    pub warn_size: Option<WarnSize>,
    /// How long connecting may take.
    pub timeout: Duration,
    /// How long a datagram client stays without a datagram once its input has ended.
    pub wait: Duration,
    /// After how much silence a peer is ended.
    pub idle: Option<Duration>,
    /// How long the peer's end is waited for once ours is sent.
    pub linger: Option<Duration>,
    /// Whether a server ends with its first peer.
    pub once: bool,
    /// Peers served at once; `None` is as many as the system gives descriptors for.
    pub max_peers: Option<usize>,
    /// How what is sent becomes writes.
    pub shaping: Shaping,
    /// Whether the packets of the conversation, and what the kernel knows of it, join the timeline.
    pub wire: bool,
    /// What answers, if anything does.
    pub rules: Option<Arc<Rules>>,
    /// What is sent and expected, in order.
    pub script: Arc<Script>,
}

/// Why an endpoint with these options makes no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// An option of the query is unknown or has no sense.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// An option belongs to another transport.
    #[error("`{key}` has no meaning on {transport}; it belongs to {wants}")]
    Unfit {
        /// The option.
        key: &'static str,
        /// The transport's scheme.
        transport: &'static str,
        /// What it belongs to.
        wants: &'static str,
    },
    /// A read takes something, and not more than a machine can hold.
    #[error("option `read-size`: `{size}` is not a number of bytes from 1 to {MAX_READ_SIZE}")]
    ReadSize {
        /// The size that was told, in bytes.
        size: usize,
    },
    /// A message has room for something, and not more than a machine can hold.
    #[error("option `max-frame`: `{size}` is not a number of bytes from 1 to {MAX_MAX_FRAME}")]
    MaxFrame {
        /// The size that was told, in bytes.
        size: usize,
    },
    /// Datagrams are sent as they are.
    #[error(
        "`{key}` shapes the writes of a stream; on {transport} every send is one datagram, which \
         is neither cut nor joined"
    )]
    Whole {
        /// The option.
        key: &'static str,
        /// The transport's scheme.
        transport: &'static str,
    },
    /// Two ways of cutting exclude each other.
    #[error("`split-at` cuts each message and `split-every` the whole stream; choose one of them")]
    SplitTwice,
    /// A piece holds something.
    #[error("option `split-every`: `0` is not a number of bytes from 1")]
    SplitEvery,
    /// A pause between pieces where there are none.
    #[error(
        "`split-delay` is the pause between pieces; say with `split-at` or `split-every` where \
         they are cut"
    )]
    LoneDelay,
    /// A server serves somebody.
    #[error("option `max-peers`: `0` is not a number of peers from 1")]
    NoPeers,
    /// A client needs a peer to talk to.
    #[error("port 0 names no server; give the port that it listens on")]
    PortZero,
    /// Only UDP knows groups.
    #[error("`{addr}` is a multicast address, which TCP cannot reach; write `udp://`")]
    MulticastStream {
        /// The address.
        addr: IpAddr,
    },
    /// The group is no group.
    #[error("`{addr}` is not a multicast address; groups are 224.0.0.0/4 and ff00::/8")]
    NoGroup {
        /// The address.
        addr: IpAddr,
    },
}

impl Plan {
    /// Decides everything that `options` leave open. Options in the endpoint's query count where
    /// `options` say nothing. What belongs to the other side alone (`bind` and `timeout` to a client,
    /// `backlog` and `once` to a listener) is left out, so that both sides can share an endpoint.
    ///
    /// # Errors
    ///
    /// Returns a [`PlanError`] where an option is unknown, is malformed or does not fit the transport.
    pub fn resolve(role: Role, endpoint: &Endpoint, options: Options) -> Result<Self, PlanError> {
        let options = options.or(Options::from_pairs(&endpoint.options)?);
        let transport = endpoint.transport;
        let shape = shape_of(transport);
        options.check_fit(transport)?;
        let max_frame = options.max_frame.map_or(MAX_FRAME, |size| size.0);
        if max_frame == 0 || max_frame > MAX_MAX_FRAME {
            return Err(PlanError::MaxFrame { size: max_frame });
        }
        if options.max_peers == Some(0) {
            return Err(PlanError::NoPeers);
        }
        let multicast = plan_multicast(endpoint, &options, role)?;
        let shaping = Shaping::resolve(&options, transport)?;
        if role == Role::Client
            && let Address::Net { port: 0, .. } = endpoint.address
        {
            return Err(PlanError::PortZero);
        }
        let framing = options.frame.unwrap_or(Framing::Raw);
        let text = options.text.unwrap_or(TextChoice(Some(Charset::UTF_8))).0;
        let read_size = options.read_size.map_or(
            match shape {
                Shape::Stream => STREAM_READ_SIZE,
                Shape::Datagram => DATAGRAM_READ_SIZE,
            },
            |size| size.0,
        );
        let mut plan = Self {
            role,
            transport,
            address: endpoint.address.clone(),
            socket: SocketPlan {
                bind: options.bind,
                backlog: options.backlog.unwrap_or(BACKLOG),
                nodelay: options.nodelay.is_none_or(|switch| switch.0),
                keepalive: options.keepalive.map(Into::into),
                ttl: options.ttl,
                tos: options.tos,
                broadcast: options
                    .broadcast
                    .map_or_else(|| is_broadcast(&endpoint.address), |s| s.0),
                multicast,
                rcvbuf: options.rcvbuf.map(|size| size.0),
                sndbuf: options.sndbuf.map(|size| size.0),
                reuseport: options.reuseport.is_some_and(|switch| switch.0),
                hears_icmp: false,
                family: options.family,
                mode: options.mode.map_or(OWNER_ONLY, |mode| mode.0),
            },
            text,
            text_out: options.text_out.or(text).unwrap_or(Charset::UTF_8),
            eol: Eol::None,
            checksum: options.checksum,
            read_size: NonZeroUsize::new(read_size)
                .filter(|size| size.get() <= MAX_READ_SIZE)
                .ok_or(PlanError::ReadSize { size: read_size })?,
            max_frame,
            warn_size: options.warn_size,
            timeout: options.timeout.map_or(CONNECT_TIMEOUT, Into::into),
            wait: options.wait.map_or(DATAGRAM_WAIT, Into::into),
            idle: options.idle.map(Into::into).or(match (role, shape) {
                (Role::Server, Shape::Datagram) => Some(DATAGRAM_IDLE),
                _ => None,
            }),
            linger: options.linger.map(Into::into),
            once: options.once.is_some_and(|switch| switch.0),
            max_peers: options.max_peers.or(match shape {
                Shape::Stream => None,
                Shape::Datagram => Some(DATAGRAM_MAX_PEERS),
            }),
            framing,
            shaping,
            wire: options.wire.is_some_and(|switch| switch.0),
            rules: None,
            script: Arc::default(),
        };
        plan.eol = options.eol.unwrap_or(plan.usual_eol());
        Ok(plan)
    }

    /// What ends a typed line where nobody chose: a raw stream needs it, unless it would stand
    /// between a message and its checksum.
    #[must_use]
    pub fn usual_eol(&self) -> Eol {
        if self.is_raw_stream() && self.checksum.is_none() {
            Eol::Lf
        } else {
            Eol::None
        }
    }

    /// The shape of its links.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        shape_of(self.transport)
    }

    /// Whether its links are streams whose bytes are not cut into messages.
    #[must_use]
    pub fn is_raw_stream(&self) -> bool {
        self.shape() == Shape::Stream && self.framing.is_raw()
    }

    /// Whether what is sent goes to a group or to everybody, so that answers come from others.
    #[must_use]
    pub fn has_many_answerers(&self) -> bool {
        self.shape() == Shape::Datagram
            && (is_broadcast(&self.address)
                || self.socket.broadcast
                || literal_ip(&self.address).is_some_and(|ip| ip.is_multicast()))
    }

    /// The endpoint without its options, as `tcp://host:port`.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            transport: self.transport,
            address: self.address.clone(),
            options: Vec::new(),
        }
    }

    /// The longest datagram that can leave, in bytes; `None` where only the system knows.
    #[must_use]
    pub fn max_datagram(&self) -> Option<usize> {
        match (
            self.transport,
            literal_ip(&self.address),
            self.socket.family,
        ) {
            (Transport::Udp, Some(IpAddr::V4(_)), _) | (Transport::Udp, _, Some(Family::V4)) => {
                Some(MAX_UDP4_PAYLOAD)
            }
            (Transport::Udp, ..) => Some(MAX_UDP6_PAYLOAD),
            _ => None,
        }
    }
}

const fn shape_of(transport: Transport) -> Shape {
    if transport.is_stream() {
        Shape::Stream
    } else {
        Shape::Datagram
    }
}

fn literal_ip(address: &Address) -> Option<IpAddr> {
    match address {
        Address::Net {
            host: Host::Ip(ip), ..
        } => Some(*ip),
        Address::Net {
            host: Host::Scoped(ip, _),
            ..
        } => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

/// The limited broadcast address; whether another address is a network's broadcast depends on the
/// interface, and the user says `broadcast=1` for those.
fn is_broadcast(address: &Address) -> bool {
    matches!(literal_ip(address), Some(IpAddr::V4(ip)) if ip.is_broadcast())
}

fn plan_multicast(
    endpoint: &Endpoint,
    options: &Options,
    role: Role,
) -> Result<Option<Multicast>, PlanError> {
    let named = literal_ip(&endpoint.address).filter(IpAddr::is_multicast);
    if let Some(addr) = named
        && endpoint.transport != Transport::Udp
    {
        return Err(PlanError::MulticastStream { addr });
    }
    if let Some(addr) = options.join.filter(|addr| !addr.is_multicast()) {
        return Err(PlanError::NoGroup { addr });
    }
    let group = match role {
        Role::Server => options.join.or(named),
        Role::Client => options.join,
    };
    let told = options.interface.is_some()
        || options.multicast_ttl.is_some()
        || options.multicast_loop.is_some();
    if group.is_none() && named.is_none() && !told {
        return Ok(None);
    }
    Ok(Some(Multicast {
        group,
        interface: options.interface.clone(),
        ttl: options.multicast_ttl,
        loops_back: options.multicast_loop.map(|switch| switch.0),
    }))
}

#[cfg(test)]
mod tests;
