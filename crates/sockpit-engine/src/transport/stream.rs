//! Streams: connecting, and listening on every address of an endpoint.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::epoll::{self, EventData};
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, Socket, Type};
use sockpit_core::endpoint::Transport;
use sockpit_core::plan::Plan;
use sockpit_core::time::TimeSpan;
use sockpit_sys::icmp;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpSocket, TcpStream, UnixListener, UnixStream};

use super::polled::{EVERY_CHANGE, PolledTcp};
use super::raw::{self, RawListener};
use super::unix::{self, BoundPath};
use super::{StreamLink, endpoint_text, options, resolve};
use crate::doctor::is_local;
use crate::error::{Error, Operation, cause_text};

/// A Unix server whose backlog is full is asked again after this long.
const RETRY: Duration = Duration::from_millis(10);

/// Connects to the endpoint of `plan`, one address after the other.
///
/// `known` are the addresses of the endpoint, where somebody has looked them up before.
pub(crate) async fn connect(plan: &Plan, known: &[SocketAddr]) -> Result<StreamLink, Error> {
    let attempt = async {
        match plan.transport {
            Transport::Unix => connect_unix(plan).await,
            _ => connect_tcp(plan, known).await,
        }
    };
    match tokio::time::timeout(plan.timeout, attempt).await {
        Ok(result) => result,
        Err(_) => Err(Error::new(
            Operation::Connect,
            plan.endpoint(),
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {}", TimeSpan(plan.timeout)),
            ),
        )),
    }
}

async fn connect_tcp(plan: &Plan, known: &[SocketAddr]) -> Result<StreamLink, Error> {
    let mut last = None;
    let addresses = match known {
        [] => resolve::to_connect(&plan.address, plan.socket.family).await?,
        known => known.to_vec(),
    };
    for addr in addresses {
        match connect_tcp_to(plan, addr).await {
            Ok(stream) => return Ok(StreamLink::Tcp(stream)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("an endpoint resolves to at least one address"))
}

async fn connect_tcp_to(plan: &Plan, addr: SocketAddr) -> Result<TcpStream, Error> {
    let target = endpoint_text(plan.transport, addr);
    let fail = |error: io::Error| Error::new(Operation::Connect, &target, error);
    let socket = new_tcp(addr).map_err(fail)?;
    options::set_net(&socket, &plan.socket, addr.is_ipv6())?;
    options::set_tcp(&socket, &plan.socket)?;
    if let Some(bind) = &plan.socket.bind {
        let local = resolve::to_bind(bind, addr).await?;
        // A fixed local port must be free again at once for the next try.
        socket.set_reuse_address(true).map_err(fail)?;
        socket
            .bind(&local.into())
            .map_err(|error| Error::new(Operation::Bind, bind, error))?;
    }
    // Who says that there is no way is kept until the connection is open; after that, an ICMP
    // message must not end what it would have survived.
    icmp::enable(socket.as_fd()).map_err(fail)?;
    let kept = socket.try_clone().map_err(fail)?;
    let stream = TcpSocket::from_std_stream(socket.into())
        .connect(addr)
        .await
        .map_err(|error| fail(with_router(error, &kept)))?;
    icmp::disable(stream.as_fd()).map_err(fail)?;
    Ok(stream)
}

/// Names the router that said that there is no way, where it was one.
fn with_router(error: io::Error, socket: &Socket) -> io::Error {
    let is_way = [
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::NetworkUnreachable,
    ];
    let report = icmp::take(socket.as_fd()).ok().flatten();
    match report.and_then(|report| report.offender) {
        Some(router) if is_way.contains(&error.kind()) && !is_local(router) => {
            let why = cause_text(&error);
            io::Error::new(error.kind(), format!("{why}, says {router}"))
        }
        _ => error,
    }
}

async fn connect_unix(plan: &Plan) -> Result<StreamLink, Error> {
    let target = unix::text_of(plan.transport, &plan.address);
    let fail = |error: io::Error| Error::new(Operation::Connect, &target, error);
    let addr = unix::sock_addr(&plan.address).map_err(fail)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).map_err(fail)?;
    options::set_common(&socket, &plan.socket)?;
    // The name stays with the socket; its path is of no use to anybody once there is a connection, or
    // none, and would be in the way of the next one.
    let _bound = match &plan.socket.bind {
        Some(bind) => {
            let (local, mode) = (unix::parse_bind(bind), plan.socket.mode);
            unix::bind(&socket, &local, Type::STREAM, mode)
                .map_err(|error| Error::new(Operation::Bind, bind, error))?
        }
        None => BoundPath::none(),
    };
    loop {
        match socket.connect(&addr) {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(fail(error)),
        }
    }
    UnixStream::from_std(socket.into())
        .map(StreamLink::Unix)
        .map_err(fail)
}

/// The listening sockets of one endpoint.
pub(crate) struct StreamListeners {
    listeners: Vec<Listener>,
    /// Which one is asked first, so that none is starved.
    turn: usize,
}

enum Listener {
    Tcp(AsyncFd<net::TcpListener>),
    Unix {
        listener: UnixListener,
        text: String,
        _bound: BoundPath,
    },
}

impl StreamListeners {
    fn of(taken: Vec<RawListener>, transport: Transport) -> Result<Self, Error> {
        let listener = |taken: RawListener| {
            let local = taken.local.clone();
            Listener::of(taken, transport)
                .map_err(|error| Error::new(Operation::Listen, local, error))
        };
        Ok(Self {
            listeners: taken.into_iter().map(listener).collect::<Result<_, _>>()?,
            turn: 0,
        })
    }

    /// Those of several endpoints, as one.
    pub(crate) fn join(all: Vec<Self>) -> Self {
        let listeners = all.into_iter().flat_map(|each| each.listeners).collect();
        Self { listeners, turn: 0 }
    }

    /// What was taken, as endpoints.
    pub(crate) fn local(&self) -> Vec<String> {
        let text = |listener: &Listener| match listener {
            Listener::Tcp(listener) => listener.get_ref().local_addr().map_or_else(
                |_| String::new(),
                |addr| endpoint_text(Transport::Tcp, addr),
            ),
            Listener::Unix { text, .. } => text.clone(),
        };
        self.listeners.iter().map(text).collect()
    }

    /// The next connection, with the peer's address.
    pub(crate) fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Accepted, String)>> {
        let count = self.listeners.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            let accepted = match &self.listeners[index] {
                Listener::Tcp(listener) => poll_accept_tcp(listener, cx)
                    .map_ok(|(stream, addr)| (Accepted::Tcp(stream), addr.to_string())),
                Listener::Unix { listener, .. } => listener
                    .poll_accept(cx)
                    .map_ok(|(stream, addr)| (Accepted::Unix(stream), unix::addr_text(addr))),
            };
            if accepted.is_ready() {
                self.turn = index;
                return accepted;
            }
        }
        Poll::Pending
    }
}

impl Listener {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types that may name another descriptor; a listener owns its"
    )]
    fn of(taken: RawListener, transport: Transport) -> io::Result<Self> {
        let RawListener {
            socket,
            local,
            bound,
        } = taken;
        if transport == Transport::Unix {
            return Ok(Self::Unix {
                listener: UnixListener::from_std(socket.into())?,
                text: local,
                _bound: bound,
            });
        }
        AsyncFd::with_interest(socket.into(), Interest::READABLE).map(Self::Tcp)
    }
}

/// The runtime's own way to accept has it look after each connection, which costs two calls of the
/// system where another poll does that.
fn poll_accept_tcp(
    listener: &AsyncFd<net::TcpListener>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<(net::TcpStream, SocketAddr)>> {
    loop {
        let mut guard = ready!(listener.poll_read_ready(cx))?;
        let accepted = guard.try_io(|listener| {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            Ok(acceptfrom_with(listener, flags)?)
        });
        if let Ok(accepted) = accepted {
            let (socket, addr) = accepted?;
            let addr = addr.and_then(|addr| SocketAddr::try_from(addr).ok());
            let addr = addr.ok_or(io::ErrorKind::ConnectionAborted)?;
            return Poll::Ready(Ok((socket.into(), addr)));
        }
    }
}

/// A connection that was accepted.
pub(crate) enum Accepted {
    /// Of whose changes nobody tells yet.
    Tcp(net::TcpStream),
    Unix(UnixStream),
}

impl Accepted {
    /// Has the runtime tell of its changes.
    ///
    /// # Errors
    ///
    /// What the system says where the runtime cannot.
    pub(crate) fn into_link(self) -> io::Result<StreamLink> {
        match self {
            Self::Tcp(stream) => TcpStream::from_std(stream).map(StreamLink::Tcp),
            Self::Unix(stream) => Ok(StreamLink::Unix(stream)),
        }
    }

    /// Has `poll` tell of its changes with `place`, where that is a TCP socket and the system lets it;
    /// otherwise the runtime.
    ///
    /// # Errors
    ///
    /// What the system says where the runtime cannot.
    pub(crate) fn watched_by(self, poll: impl AsFd, place: EventData) -> io::Result<StreamLink> {
        match self {
            Self::Tcp(stream) if epoll::add(poll, &stream, place, EVERY_CHANGE).is_ok() => {
                Ok(StreamLink::Polled(PolledTcp::new(stream)))
            }
            accepted => accepted.into_link(),
        }
    }
}

/// Takes every address of the endpoint of `plan`.
pub(crate) async fn listen(plan: &Plan) -> Result<StreamListeners, Error> {
    StreamListeners::of(raw::listen(plan).await?, plan.transport)
}

/// Takes addresses of TCP, all with one port number where the system chooses it, whatever the
/// plan's own address is.
pub(crate) fn listen_at(plan: &Plan, addrs: &[SocketAddr]) -> Result<StreamListeners, Error> {
    let taken = raw::listen_at(plan, Transport::Tcp, addrs)?;
    StreamListeners::of(taken, Transport::Tcp)
}

fn new_tcp(addr: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(addr);
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}
