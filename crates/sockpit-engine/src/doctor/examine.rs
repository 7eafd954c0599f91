//! Whether an endpoint can be reached, step by step: name, route, answer, and who is there.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol as Number, Socket, Type};
use sockpit_core::endpoint::{Address, Endpoint, Host, Transport};
use sockpit_core::plan::Family;
use sockpit_sys::icmp::{self, Origin};
use sockpit_sys::route::{self, Fate};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::task::JoinSet;

use super::{Extent, Kind, Owner, Protocol, Selection, State, is_local, list, owners, unix_owners};
use crate::error::Error;
use crate::transport::{sock_addr, to_connect};

/// What to examine, and how.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The endpoint; its options have no say.
    pub endpoint: Endpoint,
    /// The one family to try, if not both.
    pub family: Option<Family>,
    /// How long a name or an answer may take.
    pub timeout: Duration,
}

/// One step, as it was found.
#[derive(Debug)]
pub enum Step {
    /// A name was looked up.
    Name {
        /// The name; `None` for this machine, which needs none.
        name: Option<String>,
        /// Its addresses, with the port, in the order in which they are tried.
        found: Result<Vec<SocketAddr>, Error>,
    },
    /// The system was asked for the way to an address.
    Way {
        /// The address.
        to: IpAddr,
        /// The way there.
        way: io::Result<Way>,
    },
    /// The path of a Unix socket was looked at.
    File {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: io::Result<File>,
    },
    /// Somebody was asked.
    Asked {
        /// Whom; `None` for the endpoint's Unix socket.
        addr: Option<SocketAddr>,
        /// What came of it.
        answer: Answer,
    },
    /// It was looked who holds the port, or the Unix socket, on this machine: whoever it was that
    /// answered, or whoever is near where nobody did.
    Holders(Vec<Owner>),
}

/// The way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The interface by which packets leave; escape it before it is shown.
    pub interface: Option<String>,
    /// The router that gets them, where it is not the address itself.
    pub gateway: Option<IpAddr>,
    /// Our own address that they leave from.
    pub source: Option<IpAddr>,
    /// Where they end.
    pub fate: Destination,
}

/// Where packets end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// At this machine.
    Here,
    /// At another.
    Elsewhere,
    /// At all of a network, or at a group.
    Many,
    /// A rule of this machine drops or refuses them.
    Nowhere,
}

/// What has the path of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Whether it is a socket.
    pub is_socket: bool,
    /// Its permissions, such as `0o755`; who connects has to be allowed to write.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
}

/// What came of asking.
#[derive(Debug)]
pub enum Answer {
    /// The connection was opened, and closed again without a byte.
    Open,
    /// A datagram came back.
    Heard,
    /// A program on this machine has the port and got the datagram; it did not answer at once.
    Taken,
    /// Nobody was asked: what is sent there goes to many, and nobody refuses it.
    Unasked,
    /// Nobody listens; so says the address itself, or who sent the ICMP message.
    Refused(Option<IpAddr>),
    /// There is no way there; so says this machine, or the router that sent the ICMP message.
    Unreachable(Option<IpAddr>, io::Error),
    /// Nothing came back in time.
    Silent,
    /// The backlog of a Unix listener is full.
    Full,
    /// The Unix socket is of the other sort: a stream instead of datagrams, or the reverse.
    OtherKind,
    /// The system did not let us ask.
    Failed(io::Error),
}

/// What an examination comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// It can be reached, at one address at least.
    Reachable,
    /// Somebody refused, or there is no way.
    Unreachable,
    /// Nothing came back.
    Silent,
}

impl Answer {
    /// What it says of the endpoint.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        match self {
            Self::Open | Self::Heard | Self::Taken | Self::Unasked => Reach::Reachable,
            Self::Silent | Self::Full => Reach::Silent,
            Self::Refused(_) | Self::Unreachable(..) | Self::OtherKind | Self::Failed(_) => {
                Reach::Unreachable
            }
        }
    }
}

/// Examines an endpoint; tells each step and how long it took, as it happens. All addresses of a
/// name are asked at once.
///
/// A TCP or Unix listener sees a connection that ends without a byte; a UDP peer gets one empty
/// datagram. Cancel-safe: it may be dropped at any moment.
pub async fn examine(examination: &Examination, mut tell: impl FnMut(Step, Duration)) -> Reach {
    let endpoint = &examination.endpoint;
    if !endpoint.transport.is_net() {
        return examine_unix(endpoint, &mut tell).await;
    }
    let began = Instant::now();
    let found = resolve(examination).await;
    let addrs = found.as_ref().map(Vec::clone).unwrap_or_default();
    let name = match &endpoint.address {
        Address::Net {
            host: Host::Name(name),
            ..
        } => Some(name.clone()),
        _ => None,
    };
    let is_late = matches!(&found, Err(error) if error.cause().kind() == io::ErrorKind::TimedOut);
    tell(Step::Name { name, found }, began.elapsed());
    if addrs.is_empty() {
        return if is_late {
            Reach::Silent
        } else {
            Reach::Unreachable
        };
    }
    let mut asked = JoinSet::new();
    let mut is_any_here = false;
    for addr in addrs {
        let began = Instant::now();
        let way = way_to(addr);
        let fate = way.as_ref().map_or(Destination::Elsewhere, |way| way.fate);
        is_any_here |= fate == Destination::Here;
        tell(Step::Way { to: addr.ip(), way }, began.elapsed());
        let (transport, timeout) = (endpoint.transport, examination.timeout);
        asked.spawn(async move {
            let began = Instant::now();
            let answer = match tokio::time::timeout(timeout, ask(transport, addr, fate)).await {
                Ok(answer) => answer,
                Err(_) => Answer::Silent,
            };
            (addr, answer, began.elapsed())
        });
    }
    let mut reaches = Vec::new();
    while let Some(done) = asked.join_next().await {
        let (addr, answer, took) = done.expect("a question does not panic");
        reaches.push(answer.reach());
        tell(
            Step::Asked {
                addr: Some(addr),
                answer,
            },
            took,
        );
    }
    if is_any_here && let Address::Net { port, .. } = endpoint.address {
        let began = Instant::now();
        let near = move || {
            list(&Selection {
                kinds: vec![Kind::Tcp, Kind::Udp],
                ports: vec![port..=port],
                extent: Extent::Holding,
            })
        };
        let near = tokio::task::spawn_blocking(near).await.unwrap_or_default();
        tell(Step::Holders(near), began.elapsed());
    }
    sum(&reaches)
}

/// One that is reachable is enough; silence counts where nobody refused.
fn sum(reaches: &[Reach]) -> Reach {
    [Reach::Reachable, Reach::Unreachable]
        .into_iter()
        .find(|reach| reaches.contains(reach))
        .unwrap_or(Reach::Silent)
}

async fn resolve(examination: &Examination) -> Result<Vec<SocketAddr>, Error> {
    let address = &examination.endpoint.address;
    let lookup = to_connect(address, examination.family);
    match tokio::time::timeout(examination.timeout, lookup).await {
        Ok(found) => found,
        Err(_) => {
            let host = match address {
                Address::Net { host, .. } => host.to_string(),
                Address::Path(name) | Address::Abstract(name) => name.clone(),
            };
            let cause = io::ErrorKind::TimedOut;
            Err(Error::new(
                crate::Operation::Resolve,
                format!("`{host}`"),
                cause,
            ))
        }
    }
}

fn way_to(addr: SocketAddr) -> io::Result<Way> {
    let scope = match addr {
        SocketAddr::V6(addr) => addr.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let route = match route::route_to(addr.ip(), scope) {
        Ok(route) => route,
        // EACCES and EINVAL: the routes called prohibit and blackhole (ip-route(8)).
        Err(error) if [Some(13), Some(22)].contains(&error.raw_os_error()) => {
            return Ok(Way {
                interface: None,
                gateway: None,
                source: None,
                fate: Destination::Nowhere,
            });
        }
        Err(error) => return Err(error),
    };
    let links = route::links().unwrap_or_default();
    let link = links
        .into_iter()
        .find(|link| Some(link.index) == route.index);
    Ok(Way {
        interface: link.map(|link| link.name),
        gateway: route.gateway,
        source: route.source,
        fate: match route.fate {
            Fate::Local => Destination::Here,
            Fate::Sent => Destination::Elsewhere,
            Fate::Many => Destination::Many,
            Fate::Refused => Destination::Nowhere,
        },
    })
}

async fn ask(transport: Transport, addr: SocketAddr, fate: Destination) -> Answer {
    let asked = match transport {
        Transport::Udp if fate == Destination::Many => Ok(Answer::Unasked),
        Transport::Udp => ask_udp(addr, fate).await,
        _ => ask_tcp(addr).await,
    };
    asked.unwrap_or_else(|error| answer_of(error, None))
}

async fn ask_tcp(addr: SocketAddr) -> io::Result<Answer> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(addr), kind, Some(Number::TCP))?;
    // Who sent an ICMP message is kept for whoever asks for it.
    icmp::enable(socket.as_fd())?;
    let kept = socket.try_clone()?;
    match TcpSocket::from_std_stream(socket.into())
        .connect(addr)
        .await
    {
        // A client that was given the very port that it wants to reach has reached itself.
        Ok(stream) if stream.local_addr()? == stream.peer_addr()? => {
            Ok(Answer::Refused(Some(addr.ip())))
        }
        Ok(_) => Ok(Answer::Open),
        Err(error) => Ok(answer_of(error, icmp::take(kept.as_fd()).ok().flatten())),
    }
}

async fn ask_udp(addr: SocketAddr, fate: Destination) -> io::Result<Answer> {
    let kind = Type::DGRAM.nonblocking();
    let socket = Socket::new(Domain::for_address(addr), kind, Some(Number::UDP))?;
    icmp::enable(socket.as_fd())?;
    socket.connect(&addr.into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    socket.send(&[]).await?;
    if fate == Destination::Here {
        // Within this machine a refusal is there before the call returns.
        if let Some(report) = icmp::take(socket.as_fd())? {
            return Ok(answer_of(
                io::Error::from_raw_os_error(report.errno),
                Some(report),
            ));
        }
        let found = move || owners(Protocol::Udp, addr);
        let found = tokio::task::spawn_blocking(found).await.unwrap_or_default();
        if found.iter().any(|owner| owner.state == State::Bound) {
            return Ok(Answer::Taken);
        }
    }
    match socket.recv(&mut [0; 1]).await {
        Ok(_) => Ok(Answer::Heard),
        Err(error) => Ok(answer_of(error, icmp::take(socket.as_fd()).ok().flatten())),
    }
}

fn answer_of(error: io::Error, report: Option<icmp::Report>) -> Answer {
    let by = report.filter(|report| report.origin == Origin::Icmp);
    let by = by.and_then(|report| report.offender);
    // Where a neighbour does not answer, this machine writes the message to itself.
    let router = by.filter(|ip| !is_local(*ip));
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Answer::Refused(by),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Answer::Unreachable(router, error)
        }
        io::ErrorKind::TimedOut => Answer::Silent,
        // EPROTOTYPE, 91 on Linux, has no kind of its own.
        _ if error.raw_os_error() == Some(91) => Answer::OtherKind,
        // A router that forbids (ICMP "administratively prohibited") is an error of permission.
        _ if router.is_some() => Answer::Unreachable(router, error),
        _ => Answer::Failed(error),
    }
}

async fn examine_unix(endpoint: &Endpoint, tell: &mut impl FnMut(Step, Duration)) -> Reach {
    let name = match &endpoint.address {
        Address::Path(path) => {
            let began = Instant::now();
            let path = PathBuf::from(path);
            let found = look_at(&path);
            let is_socket = found.as_ref().is_ok_and(|file| file.is_socket);
            tell(
                Step::File {
                    path: path.clone(),
                    found,
                },
                began.elapsed(),
            );
            if !is_socket {
                return Reach::Unreachable;
            }
            path
        }
        Address::Abstract(name) => PathBuf::from(format!("@{name}")),
        Address::Net { .. } => PathBuf::new(),
    };
    let began = Instant::now();
    let answer = match ask_unix(endpoint) {
        Ok(()) => Answer::Open,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Answer::Full,
        Err(error) => answer_of(error, None),
    };
    let reach = answer.reach();
    tell(Step::Asked { addr: None, answer }, began.elapsed());
    let began = Instant::now();
    let found = tokio::task::spawn_blocking(move || unix_owners(&name)).await;
    tell(Step::Holders(found.unwrap_or_default()), began.elapsed());
    reach
}

fn look_at(path: &Path) -> io::Result<File> {
    let facts = fs::metadata(path)?;
    Ok(File {
        is_socket: facts.file_type().is_socket(),
        mode: facts.mode() & 0o7777,
        uid: facts.uid(),
    })
}

fn ask_unix(endpoint: &Endpoint) -> io::Result<()> {
    let kind = match endpoint.transport {
        Transport::UnixDatagram => Type::DGRAM,
        _ => Type::STREAM,
    };
    let socket = Socket::new(Domain::UNIX, kind.nonblocking(), None)?;
    socket.connect(&sock_addr(&endpoint.address)?)
}
