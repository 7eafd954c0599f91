//! The way out of what failed: who is in the way, and the one thing to do next.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use sockpit_core::endpoint::{Address, Endpoint, Host, Transport};
use sockpit_core::plan::Plan;
use sockpit_core::text::escape::VisibleLine;

use super::{Extent, Kind, Owner, Protocol, Selection, State};
use crate::doctor;
use crate::error::{Error, Operation};

/// The way out of a session that could not be opened.
#[must_use]
pub fn hint(error: &Error, plan: &Plan) -> Option<String> {
    match error.operation() {
        Operation::Listen | Operation::Bind => of_local(error, plan),
        Operation::Connect => of_remote(error, plan),
        Operation::Resolve => Some(of_name(error)),
        _ => None,
    }
}

/// A local address that could not be taken.
fn of_local(error: &Error, plan: &Plan) -> Option<String> {
    let is_net = plan.transport.is_net();
    Some(match error.cause().kind() {
        io::ErrorKind::AddrInUse if is_net => port_in_use(error, plan),
        io::ErrorKind::AddrInUse => name_in_use(error, plan),
        io::ErrorKind::PermissionDenied if is_net => {
            let first = doctor::first_free_for_all();
            format!("ports below {first} belong to root; take a higher one")
        }
        io::ErrorKind::PermissionDenied => "its folder does not let you write to it".to_owned(),
        io::ErrorKind::NotFound if !is_net => "its folder does not exist; make it first".to_owned(),
        io::ErrorKind::AddrNotAvailable if is_net => {
            "`sockpit nets` shows the addresses it has; `:PORT` takes every one".to_owned()
        }
        _ => return None,
    })
}

fn port_in_use(error: &Error, plan: &Plan) -> String {
    let wanted = local_addr(error.target());
    let port = wanted.map_or(0, |addr| addr.port());
    let owners = wanted.map_or_else(Vec::new, |addr| owners_of(plan.transport, addr));
    let Some(said) = doctor::explain(&owners, wanted) else {
        return if plan.transport == Transport::Tcp && !doctor::lists_bound_sockets() {
            "the system lists nobody; a socket that is bound without listening is not listed before \
             Linux 6.8; `sockpit ports --free` finds another port"
                .to_owned()
        } else {
            format!("the system lists nobody who holds it; `sockpit ports {port}` looks again")
        };
    };
    let Some(owner) = owners.first() else {
        return said;
    };
    let is_shared = plan.socket.reuseport && owner.pid.is_some();
    if is_shared && !doctor::may_end(owner.uid) {
        return format!("{said}; a port is shared (`reuseport`) only within one user");
    }
    match (owner.pid, owner.state) {
        (Some(_), State::Connected | State::Closing) => {
            let clients = doctor::client_ports();
            if clients.contains(&port) {
                let (first, last) = (clients.start(), clients.end());
                format!("{said}; the system gives ports {first} to {last} to clients, take another")
            } else {
                format!("{said}; `sockpit ports --free` finds another port")
            }
        }
        (Some(_), _) => format!("{said}; {} ends it", kill_command(&port.to_string(), owner)),
        // The sentence names `sudo` already.
        (None, State::Listening | State::Bound | State::Connected) => said,
        (None, _) => format!("{said}; `sockpit ports --free` finds another port"),
    }
}

/// The command that ends whoever holds `target`, as this user has to type it.
#[must_use]
pub fn kill_command(target: &str, owner: &Owner) -> String {
    let sudo = if doctor::may_end(owner.uid) {
        ""
    } else {
        "sudo "
    };
    format!("`{sudo}sockpit ports {target} --kill`")
}

fn name_in_use(error: &Error, plan: &Plan) -> String {
    let name = match (error.operation(), &plan.address) {
        (Operation::Listen, Address::Path(path)) => path.clone(),
        (Operation::Listen, Address::Abstract(name)) => format!("@{name}"),
        _ => error.target().to_owned(),
    };
    let owners = doctor::unix_owners(Path::new(&name));
    let said = doctor::explain(&owners, None);
    match (said, owners.first()) {
        (Some(said), Some(owner)) if owner.pid.is_some() => {
            let kill = kill_command(&VisibleLine(&name).to_string(), owner);
            format!("{said}; {kill} ends it")
        }
        (Some(said), _) => said,
        (None, _) => "the system lists nobody who holds it; take another name".to_owned(),
    }
}

/// The address that was wanted, as far as it is one of numbers.
fn local_addr(target: &str) -> Option<SocketAddr> {
    let endpoint: Endpoint = target.parse().ok()?;
    match endpoint.address {
        Address::Net { host, port } => {
            let ip = match host {
                Host::Ip(ip) => ip,
                Host::Scoped(ip, _) => ip.into(),
                // Whoever holds it at any address is in the way.
                Host::Any | Host::Name(_) => Ipv4Addr::UNSPECIFIED.into(),
            };
            Some(SocketAddr::new(ip, port))
        }
        Address::Path(_) | Address::Abstract(_) => None,
    }
}

fn owners_of(transport: Transport, addr: SocketAddr) -> Vec<Owner> {
    let protocol = match transport {
        Transport::Udp => Protocol::Udp,
        _ => Protocol::Tcp,
    };
    let owners = doctor::owners(protocol, addr);
    if owners.is_empty() && addr.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), addr.port());
        return doctor::owners(protocol, any);
    }
    owners
}

/// A peer that could not be reached.
fn of_remote(error: &Error, plan: &Plan) -> Option<String> {
    let endpoint = plan.endpoint();
    Some(match error.cause().kind() {
        io::ErrorKind::PermissionDenied
            if plan.transport == Transport::Udp && !plan.socket.broadcast =>
        {
            format!("that is a broadcast address; write `{endpoint}?broadcast=1` to mean it")
        }
        io::ErrorKind::PermissionDenied if !plan.transport.is_net() => {
            "who connects has to be allowed to write to the socket, and to enter its folders"
                .to_owned()
        }
        // EPROTOTYPE, 91 on Linux, has no kind of its own.
        _ if error.cause().raw_os_error() == Some(91) => {
            let other = match plan.transport {
                Transport::Unix => "unixgram:",
                _ => "unix:",
            };
            format!("the socket there is of the other sort; write `{other}` for it")
        }
        _ if is_other_file(&plan.address) => "what has that path is no socket".to_owned(),
        io::ErrorKind::ConnectionRefused => refused(error, plan),
        io::ErrorKind::NotFound => {
            format!("nobody made that socket yet; `sockpit listen {endpoint}` would")
        }
        io::ErrorKind::TimedOut => silent(plan),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("`sockpit doctor {endpoint}` shows how far it gets")
        }
        _ => return None,
    })
}

fn refused(error: &Error, plan: &Plan) -> String {
    let endpoint = plan.endpoint();
    let would = format!("nobody listens there; `sockpit listen {endpoint}` would");
    if !plan.transport.is_net() {
        let left = "its program went without removing it";
        return match &plan.address {
            Address::Path(_) => format!("{left}; `sockpit listen {endpoint}` takes its place"),
            _ => would,
        };
    }
    let Some(addr) = local_addr(error.target()) else {
        return would;
    };
    if !doctor::is_local(addr.ip()) {
        return format!(
            "the host is there, and nobody listens; `sockpit doctor {endpoint}` looks closer"
        );
    }
    near(plan.transport, addr).unwrap_or(would)
}

/// Who holds the port of a local address that refused, where that is somebody else than was asked.
pub(super) fn near(transport: Transport, addr: SocketAddr) -> Option<String> {
    let wanted = match transport {
        Transport::Udp => Kind::Udp,
        _ => Kind::Tcp,
    };
    let owners = doctor::list(&Selection {
        kinds: vec![Kind::Tcp, Kind::Udp],
        ports: vec![addr.port()..=addr.port()],
        extent: Extent::Holding,
    });
    let takes = |owner: &&Owner| owner.state == State::Listening || owner.kind == Kind::Udp;
    let same = owners
        .iter()
        .filter(takes)
        .find(|owner| owner.kind == wanted);
    let found = same
        .or_else(|| owners.iter().find(takes))
        .or(owners.first())?;
    let (who, kind) = (doctor::name_of(found), found.kind.text());
    let local = found.local?;
    Some(if found.kind != wanted {
        let scheme = kind;
        format!(
            "nobody listens there, but {who} has the port for {kind}; write `{scheme}://{addr}`"
        )
    } else if found.state == State::Bound && wanted == Kind::Tcp {
        format!("{who} has bound {local} and does not listen")
    } else {
        format!("nobody listens there, but {who} does at {local}; connect to `{kind}://{local}`")
    })
}

fn silent(plan: &Plan) -> String {
    if let Address::Net { host, port } = &plan.address
        && let Some(full) = full_backlog(host, *port)
    {
        return full;
    }
    "the host is off, or a firewall drops packets; `--timeout` gives it more time".to_owned()
}

/// Who listens on this machine, and has more connections waiting than its backlog takes.
fn full_backlog(host: &Host, port: u16) -> Option<String> {
    let is_here = match host {
        Host::Any => true,
        Host::Ip(ip) => doctor::is_local(*ip),
        Host::Scoped(ip, _) => doctor::is_local((*ip).into()),
        Host::Name(name) => name == "localhost",
    };
    if !is_here {
        return None;
    }
    let owners = doctor::list(&Selection {
        kinds: vec![Kind::Tcp],
        ports: vec![port..=port],
        extent: Extent::Holding,
    });
    owners.iter().find_map(full)
}

/// Says that the backlog of an owner is full, if it is.
pub(super) fn full(owner: &Owner) -> Option<String> {
    let backlog = owner
        .backlog
        .filter(|backlog| backlog.waiting > backlog.limit)?;
    let who = doctor::name_of(owner);
    Some(format!(
        "{who} listens and does not accept: {} connections wait in a backlog of {}",
        backlog.waiting, backlog.limit
    ))
}

/// A name that could not be turned into addresses.
pub(super) fn of_name(error: &Error) -> String {
    if error.cause().to_string().contains("Temporary failure") {
        let servers = doctor::name_servers();
        if servers.is_empty() {
            return "this machine knows no name server; write the address in numbers".to_owned();
        }
        let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
        let servers = servers.join(", ");
        return format!(
            "asked were {servers}; write the address in numbers, or look at `sockpit nets`"
        );
    }
    "check the spelling, or write the address in numbers".to_owned()
}

fn is_other_file(address: &Address) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    let Address::Path(path) = address else {
        return false;
    };
    std::fs::metadata(path).is_ok_and(|facts| !facts.file_type().is_socket())
}
