//! What this machine decided about ports and names.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;

use socket2::{Domain, Socket, Type};
use sockpit_sys::route::{self, Fate};
use sockpit_sys::sock_diag::{self, States};

/// The first port that anybody may listen on; those below are root's (ip(7)).
#[must_use]
pub fn first_free_for_all() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024)
}

/// The ports that the system gives to clients (ip(7)).
#[must_use]
pub fn client_ports() -> RangeInclusive<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(last))) => first..=last,
        _ => 32_768..=60_999,
    }
}

/// Whether the system lists TCP sockets that are bound and do not listen: Linux does since 6.8.
#[must_use]
pub fn lists_bound_sockets() -> bool {
    let listed = || -> io::Result<bool> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let local = socket.local_addr()?.as_socket();
        let sockets = sock_diag::inet(sock_diag::Protocol::Tcp, States::BOUND)?;
        Ok(sockets.iter().any(|socket| Some(socket.local) == local))
    };
    listed().unwrap_or(false)
}

/// The servers that this machine asks for names (resolv.conf(5)).
#[must_use]
pub fn name_servers() -> Vec<IpAddr> {
    let text = fs::read("/etc/resolv.conf").unwrap_or_default();
    let parse = |line: &str| {
        let rest = line.trim().strip_prefix("nameserver")?;
        let word = rest.split_ascii_whitespace().next()?;
        word.split('%').next()?.parse().ok()
    };
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(parse)
        .collect()
}

/// Whether packets to the address stay on this machine.
#[must_use]
pub fn is_local(ip: IpAddr) -> bool {
    route::route_to(ip, 0).is_ok_and(|route| route.fate == Fate::Local)
}

/// Whether this process may end another of that user.
#[must_use]
pub fn may_end(uid: Option<u32>) -> bool {
    let own = fs::metadata("/proc/self").map(|process| process.uid());
    own.is_ok_and(|own| own == 0 || Some(own) == uid)
}
