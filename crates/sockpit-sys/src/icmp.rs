//! Why a packet came to nothing, and who said so: the error queue of a socket (ip(7), ipv6(7)).

use std::io;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use crate::datagram::PeerAddr;
use crate::error_queue::{self, Room};
use crate::netlink::{ip_of, u16_at, u32_at};
use crate::socket::{self, Domain};

/// A failure that the kernel queued for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The number of the system's error, such as that of "connection refused".
    pub errno: i32,
    /// Who found it.
    pub origin: Origin,
    /// The type and the code of the ICMP message, of the family of the socket.
    pub icmp: (u8, u8),
    /// Who sent the ICMP message: a router, or the host itself.
    pub offender: Option<IpAddr>,
}

/// Who found a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This machine, such as by a neighbour that does not answer.
    Local,
    /// An ICMP message.
    Icmp,
    /// Something else.
    Other,
}

/// Makes an internet socket keep what ICMP messages say, for [`take`].
///
/// A TCP socket keeps it only while it connects; a connection that is open fails by an ICMP message
/// that it would have survived, so [`disable`] it then.
///
/// # Errors
///
/// What the system says; `InvalidInput` for a socket that is not of the internet.
pub fn enable(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, 1)
}

/// Takes [`enable`] back.
///
/// # Errors
///
/// As [`enable`].
pub fn disable(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, 0)
}

fn set(fd: BorrowedFd<'_>, value: libc::c_int) -> io::Result<()> {
    match socket::domain(fd)? {
        Domain::V4 => socket::set_option(fd, libc::IPPROTO_IP, libc::IP_RECVERR, value),
        Domain::V6 => {
            // The messages of an IPv4 address on an IPv6 socket are of the other family.
            let _ = socket::set_option(fd, libc::IPPROTO_IP, libc::IP_RECVERR, value);
            socket::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, value)
        }
        Domain::Unix | Domain::Other => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Takes the next failure off the queue; `None` where there is none.
///
/// # Errors
///
/// What the system says.
pub fn take(fd: BorrowedFd<'_>) -> io::Result<Option<Report>> {
    let mut room = Room::new();
    Ok(room.take(fd)?.and_then(find))
}

/// The same, with the address that the packet was sent to, for a socket that sends to many.
///
/// # Errors
///
/// What the system says.
pub fn take_sent_to(fd: BorrowedFd<'_>) -> io::Result<Option<(Report, Option<PeerAddr>)>> {
    let mut room = Room::new();
    let taken = room.take_named(fd)?;
    Ok(taken.and_then(|(controls, to)| Some((find(controls)?, to))))
}

fn find(bytes: &[u8]) -> Option<Report> {
    let report = error_queue::controls(bytes).find(error_queue::is_report)?;
    parse(report.body)
}

/// Reads a `struct sock_extended_err` (linux/errqueue.h) and the address behind it:
///
/// ```text
///  0  errno 4 | origin 1 | type 1 | code 1 | pad 1 | info 4 | data 4
/// 16  family 2 | port 2 | IPv4 address 4      or: | flow 4 | IPv6 address 16 | scope 4
/// ```
fn parse(body: &[u8]) -> Option<Report> {
    let origin = match *body.get(4)? {
        1 => Origin::Local,
        2 | 3 => Origin::Icmp,
        _ => Origin::Other,
    };
    let family = u16_at(body, 16).and_then(|family| u8::try_from(family).ok());
    let offender = family.and_then(|family| {
        let at = if libc::c_int::from(family) == libc::AF_INET {
            20
        } else {
            24
        };
        ip_of(family, body.get(at..)?)
    });
    Some(Report {
        errno: u32_at(body, 0)?.cast_signed(),
        origin,
        icmp: (*body.get(5)?, *body.get(6)?),
        offender: offender
            .filter(|_| origin == Origin::Icmp)
            .map(|ip| ip.to_canonical()),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::os::fd::AsFd as _;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_refusal_says_who_refused() {
        for addr in ["127.0.0.1:0", "[::1]:0"] {
            let gone = UdpSocket::bind(addr).unwrap();
            let socket = UdpSocket::bind(addr).unwrap();
            enable(socket.as_fd()).unwrap();
            let target = gone.local_addr().unwrap();
            socket.connect(target).unwrap();
            assert_eq!(take(socket.as_fd()).unwrap(), None);
            refuse_all(&gone);
            socket.send(b"").unwrap();
            let until = Instant::now() + Duration::from_secs(10);
            let report = loop {
                match take(socket.as_fd()).unwrap() {
                    Some(report) => break report,
                    None => assert!(Instant::now() < until, "no report"),
                }
            };
            assert_eq!(
                (report.errno, report.origin),
                (libc::ECONNREFUSED, Origin::Icmp)
            );
            assert_eq!(report.offender, Some(target.ip()));
        }
    }

    #[test]
    fn a_socket_that_sends_to_many_learns_which_one_refused() {
        let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = gone.local_addr().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        enable(socket.as_fd()).unwrap();
        refuse_all(&gone);
        socket.send_to(b"x", target).unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        let (report, to) = loop {
            match take_sent_to(socket.as_fd()).unwrap() {
                Some(found) => break found,
                None => assert!(Instant::now() < until, "no report"),
            }
        };
        assert_eq!(report.errno, libc::ECONNREFUSED);
        assert_eq!(to, Some(PeerAddr::Inet(target)));
    }

    /// From here on it hears itself only, and nobody else gets its port.
    fn refuse_all(socket: &UdpSocket) {
        socket.connect(socket.local_addr().unwrap()).unwrap();
    }

    #[test]
    fn b1_what_is_cut_anywhere_is_no_report() {
        let mut body = vec![111, 0, 0, 0, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        body.extend((libc::AF_INET as u16).to_ne_bytes());
        body.extend([0, 0, 192, 0, 2, 1]);
        let whole = parse(&body).unwrap();
        assert_eq!(whole.offender, Some(Ipv4Addr::new(192, 0, 2, 1).into()));
        for len in 0..body.len() {
            let report = parse(&body[..len]);
            assert_eq!(report.is_some(), len >= 7, "of {len} bytes");
            assert!(report.is_none_or(|report| report.offender.is_none()));
            assert_eq!(find(&body[..len]), None);
        }
    }
}
