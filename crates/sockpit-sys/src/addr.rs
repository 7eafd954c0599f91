//! Addresses of datagram peers, as a small value, and in the form in which the kernel wants them.

use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::slice;

/// The address of a datagram peer, of any family. An internet address needs no allocation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerAddr {
    /// An internet address, as the socket's own family says it: an IPv6 socket that also serves
    /// IPv4 has peers such as `[::ffff:192.0.2.1]:7000`.
    Inet(SocketAddr),
    /// The path of a Unix socket.
    Path(Box<Path>),
    /// The name of a Unix socket without a file, without its leading zero byte.
    Abstract(Box<[u8]>),
    /// A Unix socket that was never bound; it cannot be answered.
    Unnamed,
}

impl Hash for PeerAddr {
    /// An IPv4 address is one number: it is looked up for every datagram.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Inet(SocketAddr::V4(addr)) => {
                let ip = u64::from(addr.ip().to_bits());
                state.write_u64(ip << 16 | u64::from(addr.port()));
            }
            Self::Inet(SocketAddr::V6(addr)) => {
                state.write_u128(addr.ip().to_bits());
                state.write_u64(u64::from(addr.scope_id()) << 16 | u64::from(addr.port()));
            }
            Self::Path(path) => path.hash(state),
            Self::Abstract(name) => name.hash(state),
            Self::Unnamed => state.write_u8(0),
        }
    }
}

impl From<SocketAddr> for PeerAddr {
    fn from(addr: SocketAddr) -> Self {
        Self::Inet(addr)
    }
}

impl PeerAddr {
    /// The internet address, if it is one.
    #[must_use]
    pub const fn inet(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(addr) => Some(*addr),
            Self::Path(_) | Self::Abstract(_) | Self::Unnamed => None,
        }
    }
}

/// An address as the kernel reads and writes it.
#[derive(Clone, Copy)]
pub(crate) struct RawAddr {
    bytes: Family,
    len: libc::socklen_t,
}

/// All the families share the place, and [`RawAddr`] keeps every byte of it initialised.
#[derive(Clone, Copy)]
#[repr(C)]
union Family {
    any: libc::sockaddr_storage,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
    unix: libc::sockaddr_un,
}

impl RawAddr {
    /// Room for any address, for the kernel to fill.
    pub(crate) const EMPTY: Self = Self {
        bytes: Family {
            // SAFETY: the structure is made of integers, for which zero bytes are a value.
            any: unsafe { mem::zeroed() },
        },
        len: 0,
    };

    /// In bytes: how much the kernel may write.
    pub(crate) const ROOM: libc::socklen_t = size_of::<Family>() as libc::socklen_t;

    /// The form of `addr` that the kernel reads.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a Unix address that has no name, or one that is too long or has a zero
    /// byte in its path.
    pub(crate) fn new(addr: &PeerAddr) -> io::Result<Self> {
        let mut raw = Self::EMPTY;
        let len = match addr {
            PeerAddr::Inet(SocketAddr::V4(addr)) => {
                raw.bytes.v4 = raw_v4(addr);
                size_of::<libc::sockaddr_in>()
            }
            PeerAddr::Inet(SocketAddr::V6(addr)) => {
                raw.bytes.v6 = raw_v6(addr);
                size_of::<libc::sockaddr_in6>()
            }
            PeerAddr::Path(path) => {
                let path = path.as_os_str().as_bytes();
                if path.is_empty() || path.contains(&0) {
                    return Err(invalid("a socket path is empty or has a zero byte"));
                }
                // The zero byte that ends a path counts.
                raw.set_unix(0, path)? + 1
            }
            PeerAddr::Abstract(name) => raw.set_unix(1, name)?,
            PeerAddr::Unnamed => return Err(invalid("the peer's socket has no name to send to")),
        };
        raw.len = len as libc::socklen_t;
        Ok(raw)
    }

    /// Reads what the kernel wrote, `len` bytes of it; `None` for a family that is not ours.
    pub(crate) fn decode(&self, len: libc::socklen_t) -> Option<PeerAddr> {
        let len = len.min(Self::ROOM) as usize;
        if len < size_of::<libc::sa_family_t>() {
            return Some(PeerAddr::Unnamed);
        }
        // SAFETY: all bytes of the union are initialised, and every family begins with this field.
        let family = unsafe { self.bytes.any.ss_family };
        match libc::c_int::from(family) {
            libc::AF_INET if len >= size_of::<libc::sockaddr_in>() => {
                // SAFETY: all bytes are initialised, and any bytes are a value of these integers.
                let raw = unsafe { self.bytes.v4 };
                let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
                Some(PeerAddr::Inet(
                    SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into(),
                ))
            }
            libc::AF_INET6 if len >= size_of::<libc::sockaddr_in6>() => {
                // SAFETY: as for `v4`.
                let raw = unsafe { self.bytes.v6 };
                let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
                let port = u16::from_be(raw.sin6_port);
                let addr = SocketAddrV6::new(ip, port, raw.sin6_flowinfo, raw.sin6_scope_id);
                Some(PeerAddr::Inet(addr.into()))
            }
            libc::AF_UNIX => Some(self.decode_unix(len)),
            _ => None,
        }
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        (&raw mut self.bytes).cast()
    }

    /// The same place of an address that only pointers lead to.
    ///
    /// # Safety
    ///
    /// `this` points at an address that is there.
    pub(crate) const unsafe fn place(this: *mut Self) -> *mut libc::c_void {
        // SAFETY: as the caller says; nothing is read.
        unsafe { (&raw mut (*this).bytes).cast() }
    }

    /// The first `len` bytes of it, as the kernel wrote them.
    pub(crate) fn as_bytes(&self, len: libc::socklen_t) -> &[u8] {
        let len = len.min(Self::ROOM) as usize;
        // SAFETY: all bytes of the union are initialised, and there are no more than it has.
        unsafe { slice::from_raw_parts((&raw const self.bytes).cast(), len) }
    }

    /// By which families' control messages what is sent there is described.
    pub(crate) fn families(&self) -> Families {
        // SAFETY: all bytes of the union are initialised, and every family begins with this field.
        match libc::c_int::from(unsafe { self.bytes.any.ss_family }) {
            libc::AF_INET => Families::V4,
            // SAFETY: all bytes are initialised, and any bytes are a value of these integers.
            libc::AF_INET6 => families_of(&unsafe { self.bytes.v6 }),
            _ => Families::Both,
        }
    }

    pub(crate) const fn len(&self) -> libc::socklen_t {
        self.len
    }

    /// Writes a Unix name behind `skip` zero bytes; gives the length of the address in bytes.
    fn set_unix(&mut self, skip: usize, name: &[u8]) -> io::Result<usize> {
        let mut unix = libc::sockaddr_un {
            sun_family: libc::AF_UNIX as libc::sa_family_t,
            sun_path: [0; PATH_ROOM],
        };
        // A path needs its zero byte behind it, an abstract name has one in front.
        if name.len() >= PATH_ROOM {
            return Err(invalid("a socket name is longer than 107 bytes"));
        }
        for (place, &byte) in unix.sun_path.iter_mut().skip(skip).zip(name) {
            *place = byte as libc::c_char;
        }
        self.bytes.unix = unix;
        Ok(PATH_OFFSET + skip + name.len())
    }

    fn decode_unix(&self, len: usize) -> PeerAddr {
        // SAFETY: all bytes are initialised, and any bytes are a value of these integers.
        let raw = unsafe { self.bytes.unix }.sun_path.map(|c| c as u8);
        let path = raw.get(..len.saturating_sub(PATH_OFFSET)).unwrap_or(&raw);
        match path {
            [] => PeerAddr::Unnamed,
            [0, name @ ..] => PeerAddr::Abstract(name.into()),
            path => {
                let end = path
                    .iter()
                    .position(|&byte| byte == 0)
                    .unwrap_or(path.len());
                PeerAddr::Path(Path::new(OsStr::from_bytes(&path[..end])).into())
            }
        }
    }
}

/// An address that waits for its datagram to be sent: those of the internet take a quarter of the
/// room that any address takes.
#[derive(Clone)]
pub(crate) enum Destination {
    /// A socket's own peer.
    Connected,
    V4(libc::sockaddr_in),
    V6(libc::sockaddr_in6),
    Unix(Box<RawAddr>),
}

/// By which families' control messages a datagram is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    V4,
    V6,
    /// Each ignores the messages of the other.
    Both,
}

impl Destination {
    /// The form of `addr` that the kernel reads; of `None`, the socket's own peer.
    ///
    /// # Errors
    ///
    /// As of [`RawAddr::new`].
    pub(crate) fn new(addr: Option<&PeerAddr>) -> io::Result<Self> {
        Ok(match addr {
            None => Self::Connected,
            Some(PeerAddr::Inet(SocketAddr::V4(addr))) => Self::V4(raw_v4(addr)),
            Some(PeerAddr::Inet(SocketAddr::V6(addr))) => Self::V6(raw_v6(addr)),
            Some(addr) => Self::Unix(Box::new(RawAddr::new(addr)?)),
        })
    }

    /// Its bytes as the kernel reads them; none for a socket's own peer.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Connected => &[],
            // SAFETY: all bytes of the structure are those of its integers.
            Self::V4(addr) => unsafe {
                slice::from_raw_parts((&raw const *addr).cast(), size_of_val(addr))
            },
            // SAFETY: as for `V4`.
            Self::V6(addr) => unsafe {
                slice::from_raw_parts((&raw const *addr).cast(), size_of_val(addr))
            },
            Self::Unix(addr) => addr.as_bytes(addr.len()),
        }
    }

    /// Whose control messages count; a socket's own peer does not show its family.
    pub(crate) fn families(&self) -> Families {
        match self {
            Self::Connected | Self::Unix(_) => Families::Both,
            Self::V4(_) => Families::V4,
            Self::V6(addr) => families_of(addr),
        }
    }
}

/// An IPv4 address on an IPv6 socket goes the way of IPv4.
fn families_of(addr: &libc::sockaddr_in6) -> Families {
    match Ipv6Addr::from(addr.sin6_addr.s6_addr).to_ipv4_mapped() {
        Some(_) => Families::V4,
        None => Families::V6,
    }
}

fn raw_v4(addr: &SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: addr.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(addr.ip().octets()),
        },
        sin_zero: [0; 8],
    }
}

fn raw_v6(addr: &SocketAddrV6) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: addr.port().to_be(),
        sin6_flowinfo: addr.flowinfo(),
        sin6_addr: libc::in6_addr {
            s6_addr: addr.ip().octets(),
        },
        sin6_scope_id: addr.scope_id(),
    }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// In bytes: the place for a Unix socket's name (unix(7)).
const PATH_ROOM: usize = 108;

const PATH_OFFSET: usize = mem::offset_of!(libc::sockaddr_un, sun_path);

#[cfg(test)]
mod tests;
