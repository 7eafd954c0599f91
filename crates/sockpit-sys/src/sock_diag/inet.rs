//! Sockets of the internet: inet_diag.

use std::io;
use std::net::SocketAddr;

use super::BY_FAMILY;
use crate::netlink::{
    self, Family, Request, attributes, family_of, ip_of, octets, u8_at, u16_at, u32_at,
};
use crate::socket::Memory;
use crate::tcp_info::{self, TcpInfo};

/// A protocol with ports of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// What a socket does (linux/tcp_states.h); one of UDP is [`State::Established`] where it is
/// connected, otherwise [`State::Closed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A connection.
    Established,
    /// A connection that the peer has not answered yet.
    SynSent,
    /// A connection whose handshake is not finished.
    SynReceived,
    /// A connection on its way to the end, in any of the states that has.
    Closing,
    /// No socket any more: the kernel remembers a connection that ended.
    TimeWait,
    /// It holds an address, if anything.
    Closed,
    /// It accepts connections.
    Listening,
}

/// A set of states to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct States(u32);

impl States {
    /// Those that are in the way of whoever wants the address for itself.
    pub const HOLDING: Self = Self(1 << LISTEN | 1 << CLOSE | 1 << BOUND_INACTIVE);
    /// TCP sockets that are bound and neither listen nor connect; Linux lists them since 6.8, and an
    /// older one has none.
    pub const BOUND: Self = Self(1 << BOUND_INACTIVE);
    /// All.
    pub const ALL: Self = Self(u32::MAX);
}

/// A socket as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InetSocket {
    /// Its own address.
    pub local: SocketAddr,
    /// The peer's; unspecified with port 0 where it has none.
    pub peer: SocketAddr,
    /// What it does.
    pub state: State,
    /// How full it is.
    pub queue: Queue,
    /// The user whose it is; 0 also where nobody has it any more.
    pub uid: u32,
    /// The number of its inode; 0 where no program has it.
    pub inode: u32,
    /// The number of the one interface it is bound to; 0 for any.
    pub interface: u32,
    /// Whether an IPv6 socket leaves IPv4 to others; `None` where the kernel does not say, as for
    /// one of IPv4.
    pub is_v6_only: Option<bool>,
}

/// The two queues of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Bytes that were not read; of a listening socket, connections that were not accepted.
    pub incoming: u32,
    /// Bytes that were not acknowledged; of a listening socket, the limit of its backlog.
    pub outgoing: u32,
}

/// All sockets of a protocol that are in one of `states`, of both families.
///
/// # Errors
///
/// What the kernel says; `NotFound` where it was built without this.
pub fn inet(protocol: Protocol, states: States) -> io::Result<Vec<InetSocket>> {
    let mut sockets = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let asked = netlink::ask(
            Family::Sockets,
            Request::All(BY_FAMILY),
            &request(family as u8, protocol, states),
            |kind, body| {
                if kind == BY_FAMILY {
                    sockets.extend(parse(body));
                }
            },
        );
        // A machine without IPv6 has its IPv4.
        if let Err(error) = asked
            && family == libc::AF_INET
        {
            return Err(error);
        }
    }
    Ok(sockets)
}

/// One end of a TCP connection, with what TCP knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpEnd {
    /// The socket.
    pub socket: InetSocket,
    /// What TCP knows; `None` of a connection that the kernel merely remembers.
    pub info: Option<TcpInfo>,
    /// The algorithm that decides how fast it sends.
    pub congestion: Option<String>,
    /// What it may hold.
    pub memory: Option<Memory>,
}

/// The end of a TCP connection whose own address is `local`, whoever has it; `None` where it is not
/// on this machine, or in another namespace of it.
///
/// # Errors
///
/// What the kernel says; `NotFound` is none of it.
pub fn tcp_end(local: SocketAddr, peer: SocketAddr) -> io::Result<Option<TcpEnd>> {
    let mut found = None;
    let asked = netlink::ask(
        Family::Sockets,
        Request::One(BY_FAMILY),
        &request_end(local, peer),
        |kind, body| {
            if kind == BY_FAMILY {
                found = parse_end(body);
            }
        },
    );
    match asked {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        // Where the connection is gone, the kernel gives a listener of its address.
        Ok(()) => Ok(found.filter(|end| end.socket.is_between(local, peer))),
    }
}

impl InetSocket {
    fn is_between(&self, local: SocketAddr, peer: SocketAddr) -> bool {
        let same = |one: SocketAddr, other: SocketAddr| {
            (one.ip().to_canonical(), one.port()) == (other.ip().to_canonical(), other.port())
        };
        same(self.local, local) && same(self.peer, peer)
    }
}

/// A [`request`] with the addresses of one socket, and with [`INFO`], [`CONGESTION`] and [`MEMORY`].
///
/// ```text
///  8  port 2 | peer's port 2 | address 16 | peer's address 16 | interface 4 | any cookie 8
/// ```
fn request_end(local: SocketAddr, peer: SocketAddr) -> [u8; 56] {
    // An IPv6 socket with an IPv4 peer is found among those of IPv4.
    let (own, other) = (local.ip().to_canonical(), peer.ip().to_canonical());
    let mut request = request(family_of(own), Protocol::Tcp, States::ALL);
    request[2] = 1 << (INFO - 1) | 1 << (CONGESTION - 1) | 1 << (MEMORY - 1);
    request[8..10].copy_from_slice(&local.port().to_be_bytes());
    request[10..12].copy_from_slice(&peer.port().to_be_bytes());
    let (own, other) = (octets(own), octets(other));
    request[12..12 + own.len()].copy_from_slice(&own);
    request[28..28 + other.len()].copy_from_slice(&other);
    if let SocketAddr::V6(local) = local {
        request[44..48].copy_from_slice(&local.scope_id().to_ne_bytes());
    }
    request[48..56].fill(0xff);
    request
}

/// Reads the same as [`parse`], and the attributes that [`request_end`] asks for.
pub(super) fn parse_end(body: &[u8]) -> Option<TcpEnd> {
    let mut end = TcpEnd {
        socket: parse(body)?,
        info: None,
        congestion: None,
        memory: None,
    };
    for (kind, value) in attributes(body.get(72..)?) {
        match kind {
            INFO => end.info = tcp_info::parse(value),
            CONGESTION => end.congestion = Some(tcp_info::name(value)),
            MEMORY => end.memory = Memory::parse(value),
            _ => {}
        }
    }
    Some(end)
}

/// `struct inet_diag_req_v2` (linux/inet_diag.h):
///
/// ```text
///  0  family 1 | protocol 1 | extensions 1 | pad 1 | states 4 | addresses 48, of no account
/// ```
///
/// The bit of an extension, less one, asks for the attribute of that number.
fn request(family: u8, protocol: Protocol, states: States) -> [u8; 56] {
    let mut request = [0; 56];
    request[0] = family;
    request[1] = match protocol {
        Protocol::Tcp => libc::IPPROTO_TCP as u8,
        Protocol::Udp => libc::IPPROTO_UDP as u8,
    };
    request[4..8].copy_from_slice(&states.0.to_ne_bytes());
    request
}

/// Reads a `struct inet_diag_msg`; `None` for what is too short or of another family.
///
/// ```text
///  0  family 1 | state 1 | timer 1 | retransmissions 1
///  4  port 2 | peer's port 2 | address 16 | peer's address 16 | interface 4 | cookie 8
/// 52  expires 4 | incoming 4 | outgoing 4 | uid 4 | inode 4 | attributes …
/// ```
pub(super) fn parse(body: &[u8]) -> Option<InetSocket> {
    let family = u8_at(body, 0)?;
    let addr = |ip: usize, port: usize| {
        let ip = ip_of(family, body.get(ip..)?)?;
        Some(SocketAddr::new(ip, u16_at(body, port)?.to_be()))
    };
    let mut is_v6_only = None;
    for (kind, value) in attributes(body.get(72..)?) {
        if kind == SKV6ONLY {
            is_v6_only = u8_at(value, 0).map(|value| value != 0);
        }
    }
    Some(InetSocket {
        local: addr(8, 4)?,
        peer: addr(24, 6)?,
        state: state(u8_at(body, 1)?),
        queue: Queue {
            incoming: u32_at(body, 56)?,
            outgoing: u32_at(body, 60)?,
        },
        uid: u32_at(body, 64)?,
        inode: u32_at(body, 68)?,
        interface: u32_at(body, 40)?,
        is_v6_only,
    })
}

const fn state(number: u8) -> State {
    match number {
        1 => State::Established,
        2 => State::SynSent,
        3 | 12 => State::SynReceived,
        6 => State::TimeWait,
        CLOSE | BOUND_INACTIVE => State::Closed,
        LISTEN => State::Listening,
        _ => State::Closing,
    }
}

/// `TCP_CLOSE`, `TCP_LISTEN` and `TCP_BOUND_INACTIVE` (linux/tcp_states.h).
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;
const BOUND_INACTIVE: u8 = 13;

/// `INET_DIAG_INFO`, `INET_DIAG_CONG` and `INET_DIAG_SKMEMINFO`.
const INFO: u16 = 2;
const CONGESTION: u16 = 4;
const MEMORY: u16 = 7;

/// `INET_DIAG_SKV6ONLY`.
const SKV6ONLY: u16 = 11;
