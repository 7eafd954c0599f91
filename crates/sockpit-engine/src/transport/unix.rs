//! Addresses of Unix sockets, and the paths that dead programs leave behind.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use sockpit_core::endpoint::{Address, Transport};

/// The system's form of a Unix endpoint.
pub(crate) fn sock_addr(address: &Address) -> io::Result<SockAddr> {
    match address {
        Address::Path(path) => SockAddr::unix(path),
        // An abstract name is a path that begins with a zero byte.
        Address::Abstract(name) => SockAddr::unix(format!("\0{name}")),
        Address::Net { .. } => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// A local Unix address as an option writes it: a path or `@name`.
pub(super) fn parse_bind(text: &str) -> Address {
    match text.strip_prefix('@') {
        Some(name) => Address::Abstract(name.to_owned()),
        None => Address::Path(text.to_owned()),
    }
}

/// An endpoint's address as people write it.
pub(super) fn text_of(transport: Transport, address: &Address) -> String {
    let addr = match address {
        Address::Path(path) => path.clone(),
        Address::Abstract(name) => format!("@{name}"),
        Address::Net { .. } => String::new(),
    };
    super::endpoint_of(transport, &addr)
}

/// A peer's address; empty where it has none.
pub(super) fn addr_text(addr: tokio::net::unix::SocketAddr) -> String {
    let addr: std::os::unix::net::SocketAddr = addr.into();
    if let Some(path) = addr.as_pathname() {
        return path.to_string_lossy().into_owned();
    }
    addr.as_abstract_name().map_or_else(String::new, |name| {
        format!("@{}", String::from_utf8_lossy(name))
    })
}

/// Binds, in place of a path that a dead program left behind; one that is alive is not touched, nor
/// is anything that is no socket (rule G2).
///
/// # Errors
///
/// Returns the system's error; [`io::ErrorKind::AddrInUse`] where somebody alive has the address.
pub(super) fn bind(
    socket: &Socket,
    address: &Address,
    kind: Type,
    mode: u32,
) -> io::Result<BoundPath> {
    let addr = sock_addr(address)?;
    // The path takes the permissions of the socket, so that there is no moment with others.
    File::from(socket.as_fd().try_clone_to_owned()?)
        .set_permissions(Permissions::from_mode(mode))?;
    match socket.bind(&addr) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let Address::Path(path) = address else {
                return Err(error);
            };
            if !is_socket(Path::new(path)) {
                let text = "something that is no socket has that path";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
            }
            if !is_stale(&addr, kind)? {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            socket.bind(&addr)?;
        }
        result => result?,
    }
    Ok(BoundPath::of(address))
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|facts| facts.file_type().is_socket())
}

/// Whether nobody answers at the address. Only asking tells: the file outlives its program.
fn is_stale(addr: &SockAddr, kind: Type) -> io::Result<bool> {
    let probe = Socket::new(Domain::UNIX, kind, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(addr) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
        // `EPROTOTYPE` says that somebody listens there with another kind of socket.
        _ => Ok(false),
    }
}

/// A path that is removed when we are done with it, unless it has become somebody else's.
#[derive(Debug)]
pub(crate) struct BoundPath {
    path: Option<(PathBuf, u64)>,
}

impl BoundPath {
    pub(super) fn none() -> Self {
        Self { path: None }
    }

    fn of(address: &Address) -> Self {
        let Address::Path(path) = address else {
            return Self::none();
        };
        let inode = std::fs::symlink_metadata(path).map(|facts| facts.ino());
        Self {
            path: inode.ok().map(|inode| (PathBuf::from(path), inode)),
        }
    }
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        if let Some((path, inode)) = &self.path
            && std::fs::symlink_metadata(path).is_ok_and(|facts| facts.ino() == *inode)
        {
            // If it cannot be removed, the next one to bind there finds it stale.
            let _ = std::fs::remove_file(path);
        }
    }
}
