//! Ports that nobody has.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use socket2::{Domain, Socket, Type};

use super::Protocol;

/// How often the system is asked for a port that is free everywhere.
const TRIES: usize = 64;

/// Finds a port that can be taken by each of `protocols`, at every address of both families: the
/// first of `range`, or one of the system's choice. `None` where there is none.
///
/// Somebody else may take it before you do.
///
/// # Errors
///
/// What the system says, such as `PermissionDenied` where all of the range are root's.
pub fn free_port(
    protocols: &[Protocol],
    range: Option<RangeInclusive<u16>>,
) -> io::Result<Option<u16>> {
    let Some(range) = range else {
        for _ in 0..TRIES {
            let first = protocols.first().copied().unwrap_or(Protocol::Tcp);
            let chosen = take(first, Ipv4Addr::UNSPECIFIED.into(), 0)?;
            let port = chosen
                .local_addr()?
                .as_socket()
                .map_or(0, |addr| addr.port());
            drop(chosen);
            if is_free(protocols, port)? {
                return Ok(Some(port));
            }
        }
        return Ok(None);
    };
    let mut denied = None;
    let mut is_any_allowed = false;
    // Port 0 is the system's way to say that it chooses.
    for port in range.filter(|&port| port != 0) {
        match is_free(protocols, port) {
            Ok(true) => return Ok(Some(port)),
            Ok(false) => is_any_allowed = true,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied = Some(error),
            Err(error) => return Err(error),
        }
    }
    match denied {
        Some(error) if !is_any_allowed => Err(error),
        _ => Ok(None),
    }
}

fn is_free(protocols: &[Protocol], port: u16) -> io::Result<bool> {
    for &protocol in protocols {
        for ip in [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Ipv6Addr::UNSPECIFIED.into(),
        ] {
            match take(protocol, ip, port) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(false),
                // A machine without IPv6: EAFNOSUPPORT, 97 on Linux, has no kind of its own.
                Err(error)
                    if ip.is_ipv6()
                        && (error.kind() == io::ErrorKind::AddrNotAvailable
                            || error.raw_os_error() == Some(97)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(true)
}

/// Binds without the leniency that servers ask for, so that a port whose connections have not all
/// ended is not free.
fn take(protocol: Protocol, ip: IpAddr, port: u16) -> io::Result<Socket> {
    let addr = SocketAddr::new(ip, port);
    let kind = match protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
    };
    let socket = Socket::new(Domain::for_address(addr), kind, None)?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    Ok(socket)
}
