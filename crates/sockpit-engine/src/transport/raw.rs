//! Sockets that belong to no runtime: for whoever polls by themselves, and for listeners that get
//! theirs from here.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;

use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use sockpit_core::endpoint::Transport;
use sockpit_core::plan::Plan;

use super::unix::{self, BoundPath};
use super::{endpoint_text, options, resolve};
use crate::error::{Error, Operation};

/// How often several addresses are tried to be given one free port.
const PORT_TRIES: usize = 16;

/// Where to connect to, looked up.
#[derive(Clone, Debug)]
pub(crate) struct RawTarget {
    pub(crate) addr: SockAddr,
    /// As an endpoint.
    pub(crate) text: String,
    /// In the internet.
    pub(crate) inet: Option<SocketAddr>,
    /// In the internet: what it is connected from.
    pub(crate) bind: Option<SocketAddr>,
}

/// A socket to accept on, or to receive datagrams on.
pub(crate) struct RawListener {
    pub(crate) socket: Socket,
    /// As an endpoint.
    pub(crate) local: String,
    /// Removes its path when the server is over.
    pub(crate) bound: BoundPath,
}

/// Every address of the endpoint of `plan`, in the order in which they are tried; one at least.
pub(crate) async fn targets(plan: &Plan) -> Result<Vec<RawTarget>, Error> {
    if !plan.transport.is_net() {
        let text = unix::text_of(plan.transport, &plan.address);
        let fail = |error| Error::new(Operation::Connect, &text, error);
        let addr = unix::sock_addr(&plan.address).map_err(fail)?;
        return Ok(vec![RawTarget {
            addr,
            text,
            inet: None,
            bind: None,
        }]);
    }
    let mut targets = Vec::new();
    for addr in resolve::to_connect(&plan.address, plan.socket.family).await? {
        let bind = match &plan.socket.bind {
            Some(bind) => Some(resolve::to_bind(bind, addr).await?),
            None => None,
        };
        targets.push(RawTarget {
            addr: addr.into(),
            text: endpoint_text(plan.transport, addr),
            inet: Some(addr),
            bind,
        });
    }
    Ok(targets)
}

/// A socket that does not block, with the options of `plan`, which is connected to `target` or about
/// to be. What is sent back to a socket of datagrams comes as long as its path is kept.
///
/// # Errors
///
/// Returns an [`Error`], whose cause is [`io::ErrorKind::WouldBlock`] where a Unix server has no room
/// for a connection at the moment.
pub(crate) fn connect(plan: &Plan, target: &RawTarget) -> Result<(Socket, BoundPath), Error> {
    let fail = |error: io::Error| Error::new(Operation::Connect, &target.text, error);
    let (kind, protocol) = match plan.transport {
        Transport::Tcp => (Type::STREAM, Some(Protocol::TCP)),
        Transport::Udp => (Type::DGRAM, Some(Protocol::UDP)),
        Transport::Unix => (Type::STREAM, None),
        Transport::UnixDatagram => (Type::DGRAM, None),
    };
    let domain = target.inet.map_or(Domain::UNIX, Domain::for_address);
    let socket = Socket::new(domain, kind.nonblocking(), protocol).map_err(fail)?;
    match target.inet {
        Some(addr) => options::set_net(&socket, &plan.socket, addr.is_ipv6())?,
        None => options::set_common(&socket, &plan.socket)?,
    }
    if plan.transport == Transport::Tcp {
        options::set_tcp(&socket, &plan.socket)?;
    }
    let bound = match &plan.socket.bind {
        Some(bind) => bind_to(&socket, kind, plan, target)
            .map_err(|error| Error::new(Operation::Bind, bind, error))?,
        None => BoundPath::none(),
    };
    if plan.transport == Transport::UnixDatagram && plan.socket.bind.is_none() {
        // Without a name of its own it could not be answered; the system gives a free one.
        let unnamed = SockAddr::unix("").map_err(fail)?;
        socket.bind(&unnamed).map_err(fail)?;
    }
    match socket.connect(&target.addr) {
        Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => Err(fail(error)),
        _ if plan.transport.is_stream() => Ok((socket, BoundPath::none())),
        _ => Ok((socket, bound)),
    }
}

fn bind_to(socket: &Socket, kind: Type, plan: &Plan, target: &RawTarget) -> io::Result<BoundPath> {
    let Some(addr) = target.bind else {
        let text = plan.socket.bind.as_deref().unwrap_or_default();
        return unix::bind(socket, &unix::parse_bind(text), kind, plan.socket.mode);
    };
    if plan.transport == Transport::Tcp {
        // A fixed local port must be free again at once for the next try. Datagram sockets that share
        // one would take each other's answers.
        socket.set_reuse_address(true)?;
    }
    socket.bind(&addr.into())?;
    Ok(BoundPath::none())
}

/// Takes every address of the endpoint of `plan`: to accept on, or to receive datagrams on.
pub(crate) async fn listen(plan: &Plan) -> Result<Vec<RawListener>, Error> {
    if !plan.transport.is_net() {
        return Ok(vec![listen_unix(plan)?]);
    }
    let addrs = resolve::to_listen(&plan.address, plan.socket.family).await?;
    listen_at(plan, plan.transport, &addrs)
}

/// Takes every one of `addrs` as [`take_all`] does, by a transport of the internet.
pub(super) fn listen_at(
    plan: &Plan,
    transport: Transport,
    addrs: &[SocketAddr],
) -> Result<Vec<RawListener>, Error> {
    take_all(transport, addrs, |addr| listen_net(plan, transport, addr))
}

fn listen_net(
    plan: &Plan,
    transport: Transport,
    addr: SocketAddr,
) -> Result<(RawListener, SocketAddr), Error> {
    let target = endpoint_text(transport, addr);
    let fail = |error: io::Error| Error::new(Operation::Listen, &target, error);
    let (kind, protocol) = match transport {
        Transport::Udp => (Type::DGRAM, Protocol::UDP),
        _ => (Type::STREAM, Protocol::TCP),
    };
    let domain = Domain::for_address(addr);
    let socket = Socket::new(domain, kind.nonblocking(), Some(protocol)).map_err(fail)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true).map_err(fail)?;
    }
    options::set_net(&socket, &plan.socket, addr.is_ipv6())?;
    if transport == Transport::Tcp {
        // A port whose old connections are in TIME_WAIT is free; one with a listener is not.
        socket.set_reuse_address(true).map_err(fail)?;
        // Accepted connections inherit these.
        options::set_tcp(&socket, &plan.socket)?;
        if plan.wire {
            // A kernel that keeps no SYN has none to show.
            let _ = sockpit_sys::socket::save_syn(socket.as_fd());
        }
    }
    socket.bind(&addr.into()).map_err(fail)?;
    if transport == Transport::Tcp {
        socket.listen(backlog(plan)).map_err(fail)?;
    }
    let local = own_addr(&socket).map_err(fail)?;
    let listener = RawListener {
        socket,
        local: endpoint_text(transport, local),
        bound: BoundPath::none(),
    };
    Ok((listener, local))
}

fn listen_unix(plan: &Plan) -> Result<RawListener, Error> {
    let local = unix::text_of(plan.transport, &plan.address);
    let fail = |error: io::Error| Error::new(Operation::Listen, &local, error);
    let kind = match plan.transport {
        Transport::UnixDatagram => Type::DGRAM,
        _ => Type::STREAM,
    };
    let socket = Socket::new(Domain::UNIX, kind.nonblocking(), None).map_err(fail)?;
    options::set_common(&socket, &plan.socket)?;
    let bound = unix::bind(&socket, &plan.address, kind, plan.socket.mode).map_err(fail)?;
    if plan.transport == Transport::Unix {
        socket.listen(backlog(plan)).map_err(fail)?;
    }
    Ok(RawListener {
        socket,
        local,
        bound,
    })
}

fn backlog(plan: &Plan) -> i32 {
    i32::try_from(plan.socket.backlog).unwrap_or(i32::MAX)
}

/// Takes every one of `addrs`, all with one port number where the system chooses it. An address of
/// a family that this machine does not have is left out while another is taken.
pub(super) fn take_all<T>(
    transport: Transport,
    addrs: &[SocketAddr],
    mut take: impl FnMut(SocketAddr) -> Result<(T, SocketAddr), Error>,
) -> Result<Vec<T>, Error> {
    let mut tries = 0;
    'again: loop {
        tries += 1;
        let mut taken = Vec::new();
        let mut port = None;
        let mut missing = None;
        for addr in addrs {
            let mut addr = *addr;
            let is_chosen = addr.port() == 0 && port.is_some();
            if let (0, Some(port)) = (addr.port(), port) {
                addr.set_port(port);
            }
            match take(addr) {
                Ok((socket, local)) => {
                    port.get_or_insert(local.port());
                    taken.push(socket);
                }
                Err(error) if is_chosen && error.is_address_in_use() && tries < PORT_TRIES => {
                    continue 'again;
                }
                Err(error) if lacks_family(error.cause()) => missing = Some(error),
                Err(error) => return Err(error),
            }
        }
        return match (taken.is_empty(), missing) {
            (true, Some(error)) => Err(error),
            (true, None) => Err(Error::new(
                Operation::Listen,
                transport.scheme(),
                io::ErrorKind::AddrNotAvailable,
            )),
            (false, _) => Ok(taken),
        };
    }
}

/// `EAFNOSUPPORT` (97 on Linux) has no kind of its own.
fn lacks_family(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(97)
}

/// A socket's own address.
pub(super) fn own_addr(socket: &Socket) -> io::Result<SocketAddr> {
    let addr: SockAddr = socket.local_addr()?;
    addr.as_socket()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}
