//! Datagram sockets: connected for most clients, open to everybody for servers, broadcast and groups.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use sockpit_core::endpoint::{Address, Transport};
use sockpit_core::plan::{Plan, Role};
use sockpit_sys::datagram::PeerAddr;
use sockpit_sys::icmp;

use super::raw::{own_addr, take_all};
use super::unix::{self, BoundPath};
use super::{DatagramLink, addr_text, endpoint_of, endpoint_text, options, resolve};
use crate::error::{Error, Operation};

/// The sockets of one datagram session.
pub(crate) struct DatagramSockets {
    sockets: Vec<DatagramSocket>,
}

/// One datagram socket, bound and ready.
pub(crate) struct DatagramSocket {
    pub(crate) link: DatagramLink,
    /// Its own address as an endpoint; empty where it has none.
    pub(crate) local: String,
    /// Its own address in the internet.
    pub(crate) own: Option<SocketAddr>,
    /// Where a client sends to; `None` on a connected socket and on a server's.
    pub(crate) destination: Option<PeerAddr>,
    /// The address of a client's peer.
    pub(crate) peer_name: String,
    pub(crate) is_v6: bool,
    /// Removes its path when the session is over.
    pub(crate) bound: BoundPath,
}

impl DatagramSockets {
    /// What was taken, as endpoints.
    pub(crate) fn local(&self) -> Vec<String> {
        self.sockets
            .iter()
            .map(|socket| socket.local.clone())
            .collect()
    }

    /// The sockets, each after `prepare` has seen it.
    pub(crate) fn into_sockets(
        self,
        mut prepare: impl FnMut(BorrowedFd<'_>),
    ) -> Vec<DatagramSocket> {
        for socket in &self.sockets {
            prepare(socket.link.as_fd());
        }
        self.sockets
    }
}

/// Opens the sockets that `plan` needs.
pub(crate) async fn open(plan: &Plan) -> Result<DatagramSockets, Error> {
    let sockets = match (plan.transport, plan.role) {
        (Transport::UnixDatagram, Role::Server) => vec![listen_unix(plan)?],
        (Transport::UnixDatagram, Role::Client) => vec![connect_unix(plan)?],
        (_, Role::Server) => listen_udp(plan).await?,
        (_, Role::Client) => vec![connect_udp(plan).await?],
    };
    Ok(DatagramSockets { sockets })
}

async fn listen_udp(plan: &Plan) -> Result<Vec<DatagramSocket>, Error> {
    let mut addrs = resolve::to_listen(&plan.address, plan.socket.family).await?;
    let group = plan
        .socket
        .multicast
        .as_ref()
        .and_then(|multicast| multicast.group);
    if let Some(group) = group {
        // The other family could not hear the group.
        addrs.retain(|addr| addr.is_ipv6() == group.is_ipv6());
    }
    take_all(plan.transport, &addrs, |addr| {
        let target = endpoint_text(plan.transport, addr);
        let fail = |error: io::Error| Error::new(Operation::Listen, &target, error);
        let socket = new_udp(plan, addr)?;
        if group.is_some() || options::may_share(addr) {
            socket.set_reuse_address(true).map_err(fail)?;
        }
        socket.bind(&addr.into()).map_err(fail)?;
        if let Some(multicast) = &plan.socket.multicast {
            options::set_multicast(&socket, multicast, addr.is_ipv6())?;
        }
        if plan.socket.hears_icmp {
            icmp::enable(socket.as_fd()).map_err(fail)?;
        }
        let local = own_addr(&socket).map_err(fail)?;
        let ready = DatagramSocket {
            link: DatagramLink::new(socket, plan.transport).map_err(fail)?,
            local: endpoint_text(plan.transport, local),
            own: Some(local),
            destination: None,
            peer_name: String::new(),
            is_v6: addr.is_ipv6(),
            bound: BoundPath::none(),
        };
        Ok((ready, local))
    })
}

async fn connect_udp(plan: &Plan) -> Result<DatagramSocket, Error> {
    let mut last = None;
    for addr in resolve::to_connect(&plan.address, plan.socket.family).await? {
        match connect_udp_to(plan, addr).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("an endpoint resolves to at least one address"))
}

async fn connect_udp_to(plan: &Plan, addr: SocketAddr) -> Result<DatagramSocket, Error> {
    let target = endpoint_text(plan.transport, addr);
    let fail = |error: io::Error| Error::new(Operation::Connect, &target, error);
    let socket = new_udp(plan, addr)?;
    let is_shared = plan.has_many_answerers();
    if let Some(bind) = &plan.socket.bind {
        let local = resolve::to_bind(bind, addr).await?;
        socket
            .bind(&local.into())
            .map_err(|error| Error::new(Operation::Bind, bind, error))?;
    } else if is_shared {
        let any: SocketAddr = if addr.is_ipv6() {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        }
        .parse()
        .expect("both are addresses");
        socket.bind(&any.into()).map_err(fail)?;
    }
    if let Some(multicast) = &plan.socket.multicast {
        options::set_multicast(&socket, multicast, addr.is_ipv6())?;
    }
    if !is_shared {
        if plan.wire {
            // Who says that there is no way, or nobody at its end, joins the timeline, where the
            // system tells it.
            let _ = icmp::enable(socket.as_fd());
        }
        socket.connect(&addr.into()).map_err(fail)?;
    }
    let local = own_addr(&socket).map_err(fail)?;
    Ok(DatagramSocket {
        link: DatagramLink::new(socket, plan.transport).map_err(fail)?,
        local: endpoint_text(plan.transport, local),
        own: Some(local),
        destination: is_shared.then_some(PeerAddr::Inet(addr)),
        peer_name: addr.to_string(),
        is_v6: addr.is_ipv6(),
        bound: BoundPath::none(),
    })
}

fn new_udp(plan: &Plan, addr: SocketAddr) -> Result<Socket, Error> {
    let domain = Domain::for_address(addr);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))
        .and_then(|socket| {
            if addr.is_ipv6() {
                socket.set_only_v6(true)?;
            }
            Ok(socket)
        })
        .map_err(|error| Error::new(Operation::Listen, addr, error))?;
    options::set_net(&socket, &plan.socket, addr.is_ipv6())?;
    if plan.socket.broadcast {
        socket
            .set_broadcast(true)
            .map_err(|error| Error::new(Operation::Configure, "option `broadcast`", error))?;
    }
    Ok(socket)
}

fn listen_unix(plan: &Plan) -> Result<DatagramSocket, Error> {
    let target = unix::text_of(plan.transport, &plan.address);
    let fail = |error: io::Error| Error::new(Operation::Listen, &target, error);
    let socket = new_unix().map_err(fail)?;
    options::set_common(&socket, &plan.socket)?;
    let bound = unix::bind(&socket, &plan.address, Type::DGRAM, plan.socket.mode).map_err(fail)?;
    Ok(DatagramSocket {
        link: DatagramLink::new(socket, plan.transport).map_err(fail)?,
        local: target.clone(),
        own: None,
        destination: None,
        peer_name: String::new(),
        is_v6: false,
        bound,
    })
}

fn connect_unix(plan: &Plan) -> Result<DatagramSocket, Error> {
    let target = unix::text_of(plan.transport, &plan.address);
    let fail = |error: io::Error| Error::new(Operation::Connect, &target, error);
    let socket = new_unix().map_err(fail)?;
    options::set_common(&socket, &plan.socket)?;
    let bound = match &plan.socket.bind {
        Some(bind) => unix::bind(
            &socket,
            &unix::parse_bind(bind),
            Type::DGRAM,
            plan.socket.mode,
        )
        .map_err(|error| Error::new(Operation::Bind, bind, error))?,
        None => {
            // Without a name of its own it could not be answered; the system gives a free one.
            let unnamed = SockAddr::unix("").map_err(fail)?;
            socket.bind(&unnamed).map_err(fail)?;
            BoundPath::none()
        }
    };
    let addr = unix::sock_addr(&plan.address).map_err(fail)?;
    socket.connect(&addr).map_err(fail)?;
    let peer = match &plan.address {
        Address::Path(path) => path.clone(),
        Address::Abstract(name) => format!("@{name}"),
        Address::Net { .. } => String::new(),
    };
    let local = socket.local_addr().map_err(fail)?;
    Ok(DatagramSocket {
        link: DatagramLink::new(socket, plan.transport).map_err(fail)?,
        local: endpoint_of(plan.transport, &local_text(&local)),
        own: None,
        destination: None,
        peer_name: peer,
        is_v6: false,
        bound,
    })
}

fn new_unix() -> io::Result<Socket> {
    Socket::new(Domain::UNIX, Type::DGRAM.nonblocking(), None)
}

fn local_text(addr: &SockAddr) -> String {
    if let Some(path) = addr.as_pathname() {
        return addr_text(&PeerAddr::Path(path.into()));
    }
    addr.as_abstract_namespace()
        .map_or_else(String::new, |name| {
            addr_text(&PeerAddr::Abstract(name.into()))
        })
}
