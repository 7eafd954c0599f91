//! From what people write to the addresses that sockets take.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use sockpit_core::endpoint::{Address, Host};
use sockpit_core::plan::Family;

use crate::error::{Error, Operation};

/// Addresses to connect to, in the order in which they should be tried.
///
/// # Errors
///
/// Returns an [`Error`] where a name has no address, or none of the wanted family.
pub async fn to_connect(
    address: &Address,
    family: Option<Family>,
) -> Result<Vec<SocketAddr>, Error> {
    let (host, port) = net_parts(address);
    let found = match host {
        // Whoever names no host means this one.
        Host::Any => loopback(port),
        Host::Name(name) if is_localhost(name) => loopback(port),
        _ => lookup(host, port).await?,
    };
    keep_family(host, found, family)
}

/// Addresses to listen on: all of them are taken.
pub(super) async fn to_listen(
    address: &Address,
    family: Option<Family>,
) -> Result<Vec<SocketAddr>, Error> {
    let (host, port) = net_parts(address);
    let found = match host {
        Host::Any => vec![
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        ],
        Host::Name(name) if is_localhost(name) => loopback(port),
        _ => lookup(host, port).await?,
    };
    keep_family(host, found, family)
}

/// A local address as an option writes it: `host:port`, `host` or `:port`.
pub(super) async fn to_bind(text: &str, like: SocketAddr) -> Result<SocketAddr, Error> {
    let any = match like {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let wrong = || Error::new(Operation::Bind, text, io::ErrorKind::InvalidInput);
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Ok(addr);
    }
    if let Ok(ip) = text
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
    {
        return Ok(SocketAddr::new(ip, 0));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().map_err(|_| wrong())?),
        None => match text.parse::<u16>() {
            Ok(port) => ("", port),
            Err(_) => (text, 0),
        },
    };
    if host.is_empty() || host == "*" {
        return Ok(SocketAddr::new(any, port));
    }
    let found = lookup(&Host::Name(host.to_owned()), port).await?;
    let same = found.iter().find(|addr| addr.is_ipv4() == like.is_ipv4());
    same.copied().ok_or_else(wrong)
}

/// Both families, whatever the system's table of names says (RFC 6761 §6.3).
fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ]
}

async fn lookup(host: &Host, port: u16) -> Result<Vec<SocketAddr>, Error> {
    match host {
        Host::Ip(ip) => Ok(vec![SocketAddr::new(*ip, port)]),
        Host::Scoped(ip, zone) => {
            let scope = super::options::interface_index(zone)
                .map_err(|error| Error::new(Operation::Resolve, format!("`{ip}%{zone}`"), error))?;
            Ok(vec![SocketAddr::V6(SocketAddrV6::new(*ip, port, 0, scope))])
        }
        Host::Name(name) => {
            let fail =
                |error: io::Error| Error::new(Operation::Resolve, format!("`{name}`"), error);
            let found = tokio::net::lookup_host((name.as_str(), port))
                .await
                .map_err(fail)?;
            let mut addrs: Vec<SocketAddr> = Vec::new();
            for addr in found {
                if !addrs.contains(&addr) {
                    addrs.push(addr);
                }
            }
            if addrs.is_empty() {
                return Err(fail(io::ErrorKind::NotFound.into()));
            }
            Ok(addrs)
        }
        Host::Any => Ok(vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))]),
    }
}

fn keep_family(
    host: &Host,
    mut addrs: Vec<SocketAddr>,
    family: Option<Family>,
) -> Result<Vec<SocketAddr>, Error> {
    if let Some(family) = family {
        addrs.retain(|addr| family.holds(addr.ip()));
    }
    if addrs.is_empty() {
        let cause = io::Error::new(io::ErrorKind::NotFound, "it has no address of that family");
        return Err(Error::new(Operation::Resolve, host, cause));
    }
    Ok(addrs)
}

fn net_parts(address: &Address) -> (&Host, u16) {
    match address {
        Address::Net { host, port } => (host, *port),
        Address::Path(_) | Address::Abstract(_) => (&Host::Any, 0),
    }
}
