//! Unix sockets: unix_diag.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::{BY_FAMILY, Queue};
use crate::netlink::{self, Family, Request, attributes, u8_at, u32_at};

/// A Unix socket as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// What it was bound to; a connection that a server accepted bears the server's name. `None` for
    /// a socket without one.
    pub name: Option<UnixName>,
    /// Stream, datagrams or packets.
    pub kind: UnixKind,
    /// What it does.
    pub state: UnixState,
    /// The number of its inode, which is not that of its file.
    pub inode: u32,
    /// The file that is its name: the number of its inode, of which the kernel gives the lower 32
    /// bits, and of its device as `stat` gives it.
    pub file: Option<(u32, u64)>,
    /// The inode of the socket at the other end.
    pub peer: Option<u32>,
    /// How full it is.
    pub queue: Queue,
    /// The user who made it; `None` before Linux 5.3.
    pub uid: Option<u32>,
}

/// What a Unix socket is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnixName {
    /// A path as its program said it, which may be relative.
    Path(PathBuf),
    /// A name without a file, without its leading zero byte.
    Abstract(Vec<u8>),
}

/// The sort of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnixKind {
    /// `SOCK_STREAM`.
    Stream,
    /// `SOCK_DGRAM`.
    Datagram,
    /// `SOCK_SEQPACKET`.
    Packets,
}

/// What a Unix socket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnixState {
    /// It has a peer.
    Connected,
    /// It has none.
    Unconnected,
    /// It accepts connections.
    Listening,
}

/// All Unix sockets.
///
/// # Errors
///
/// What the kernel says; `NotFound` where it was built without this.
pub fn unix() -> io::Result<Vec<UnixSocket>> {
    let mut sockets = Vec::new();
    let mut request = [0; 24];
    // `struct unix_diag_req` (linux/unix_diag.h):
    // family 1 | protocol 1 | pad 2 | states 4 | inode 4 | show 4 | cookie 8
    request[0] = libc::AF_UNIX as u8;
    request[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
    request[12..16].copy_from_slice(&SHOW.to_ne_bytes());
    netlink::ask(
        Family::Sockets,
        Request::All(BY_FAMILY),
        &request,
        |kind, body| {
            if kind == BY_FAMILY {
                sockets.extend(parse(body));
            }
        },
    )?;
    Ok(sockets)
}

/// Reads a `struct unix_diag_msg`; `None` for what is too short or of another sort.
///
/// ```text
///  0  family 1 | type 1 | state 1 | pad 1 | inode 4 | cookie 8 | attributes …
/// ```
pub(super) fn parse(body: &[u8]) -> Option<UnixSocket> {
    if libc::c_int::from(u8_at(body, 0)?) != libc::AF_UNIX {
        return None;
    }
    let kind = match libc::c_int::from(u8_at(body, 1)?) {
        libc::SOCK_STREAM => UnixKind::Stream,
        libc::SOCK_DGRAM => UnixKind::Datagram,
        libc::SOCK_SEQPACKET => UnixKind::Packets,
        _ => return None,
    };
    // The states are those of TCP.
    let state = match u8_at(body, 2)? {
        10 => UnixState::Listening,
        1 => UnixState::Connected,
        _ => UnixState::Unconnected,
    };
    let mut socket = UnixSocket {
        name: None,
        kind,
        state,
        inode: u32_at(body, 4)?,
        file: None,
        peer: None,
        queue: Queue::default(),
        uid: None,
    };
    for (kind, value) in attributes(body.get(16..)?) {
        match kind {
            NAME => socket.name = name(value),
            VFS => socket.file = u32_at(value, 0).zip(u32_at(value, 4).map(device)),
            PEER => socket.peer = u32_at(value, 0),
            RQLEN => {
                socket.queue = Queue {
                    incoming: u32_at(value, 0).unwrap_or_default(),
                    outgoing: u32_at(value, 4).unwrap_or_default(),
                }
            }
            UID => socket.uid = u32_at(value, 0),
            _ => {}
        }
    }
    Some(socket)
}

fn name(value: &[u8]) -> Option<UnixName> {
    match value {
        [] => None,
        [0, name @ ..] => Some(UnixName::Abstract(name.to_vec())),
        path => {
            // Some kernels count the zero byte behind the path.
            let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
            Some(UnixName::Path(OsStr::from_bytes(path).into()))
        }
    }
}

/// From the kernel's own number of a device, twenty bits of which are the minor one, to that of
/// `stat`.
fn device(number: u32) -> u64 {
    libc::makedev(number >> 20, number & 0xf_ffff)
}

/// Types of attributes (linux/unix_diag.h).
const NAME: u16 = 0;
const VFS: u16 = 1;
const PEER: u16 = 2;
const RQLEN: u16 = 4;
const UID: u16 = 7;

/// `UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID`.
const SHOW: u32 = 0x57;
