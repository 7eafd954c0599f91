//! TCP sockets that hold an address without listening at it: bind(2) fails because of them, and the
//! tables of `/proc` leave them out. The system tells them by sock_diag(7), since Linux 6.8; an
//! older one says that there are none.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::{Entry, State};

/// All of them, of both families; none where the system does not tell.
pub(super) fn entries() -> Vec<Entry> {
    let families = [AF_INET, AF_INET6].into_iter();
    families
        .filter_map(|family| ask(family).ok())
        .flatten()
        .collect()
}

fn ask(family: u8) -> io::Result<Vec<Entry>> {
    let mut socket = Socket::new(
        Domain::from(AF_NETLINK),
        Type::DGRAM,
        Some(Protocol::from(SOCK_DIAG)),
    )?;
    // The answer comes at once; a system that owes one must not hold up an error message.
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    socket.send(&request(family))?;
    let mut entries = Vec::new();
    let mut answer = vec![0; ANSWER_ROOM];
    loop {
        let len = socket.read(&mut answer)?;
        let mut rest = answer.get(..len).unwrap_or_default();
        if rest.is_empty() {
            return Ok(entries);
        }
        while let Some((kind, body, behind)) = next_message(rest) {
            match kind {
                DIAG_BY_FAMILY => entries.extend(parse(body)),
                DONE | ERROR => return Ok(entries),
                _ => {}
            }
            rest = behind;
        }
    }
}

/// `struct nlmsghdr`, then `struct inet_diag_req_v2` (linux/inet_diag.h):
///
/// ```text
///  0  length 4 | type 2 | flags 2 | sequence 4 | port 4
/// 16  family 1 | protocol 1 | extensions 1 | pad 1 | states 4 | addresses 48, of no account
/// ```
fn request(family: u8) -> [u8; 72] {
    let mut request = [0; 72];
    request[0..4].copy_from_slice(&72u32.to_ne_bytes());
    request[4..6].copy_from_slice(&DIAG_BY_FAMILY.to_ne_bytes());
    request[6..8].copy_from_slice(&REQUEST_ALL.to_ne_bytes());
    request[16] = family;
    request[17] = IPPROTO_TCP;
    request[20..24].copy_from_slice(&BOUND_INACTIVE.to_ne_bytes());
    request
}

/// The type and the body of the first message, and what follows it.
fn next_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let body = bytes.get(16..len)?;
    Some((
        kind,
        body,
        bytes.get(len.next_multiple_of(4)..).unwrap_or_default(),
    ))
}

/// Reads a `struct inet_diag_msg`:
///
/// ```text
///  0  family 1 | state 1 | timer 1 | retransmissions 1
///  4  port 2 | peer's port 2 | address 16 | peer's address 16 | interface 4 | cookie 8
/// 52  expires 4 | unread 4 | unsent 4 | uid 4 | inode 4
/// ```
fn parse(body: &[u8]) -> Option<Entry> {
    let port = u16::from_be_bytes(*body.get(4..)?.first_chunk()?);
    let ip = match *body.first()? {
        AF_INET => IpAddr::from(*body.get(8..)?.first_chunk::<4>()?),
        AF_INET6 => IpAddr::from(*body.get(8..)?.first_chunk::<16>()?),
        _ => return None,
    };
    let uid = u32::from_ne_bytes(*body.get(64..)?.first_chunk()?);
    let inode = u32::from_ne_bytes(*body.get(68..)?.first_chunk()?);
    Some(Entry {
        local: Some(SocketAddr::new(ip, port)),
        state: State::Bound,
        uid: Some(uid),
        inode: inode.into(),
    })
}

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_NETLINK: i32 = 16;
const IPPROTO_TCP: u8 = 6;

/// `NETLINK_SOCK_DIAG`.
const SOCK_DIAG: i32 = 4;

/// `SOCK_DIAG_BY_FAMILY`, `NLMSG_DONE` and `NLMSG_ERROR`: types of messages.
const DIAG_BY_FAMILY: u16 = 20;
const DONE: u16 = 3;
const ERROR: u16 = 2;

/// `NLM_F_REQUEST | NLM_F_DUMP`.
const REQUEST_ALL: u16 = 0x301;

/// The bit of `TCP_BOUND_INACTIVE` among the states asked for.
const BOUND_INACTIVE: u32 = 1 << 13;

/// In bytes: the system answers in pieces of at most this length.
const ANSWER_ROOM: usize = 32 * 1024;
