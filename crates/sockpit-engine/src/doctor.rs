//! Who holds a port or a Unix socket, what this machine's networks are, and whether an endpoint can
//! be reached: what somebody wants to know when a bind or a connection failed.
//!
//! Finding owners asks the system for its sockets and reads `/proc` for their processes, which takes
//! some milliseconds where many descriptors are open; a runtime does it on a thread that may wait.

use std::cmp::Reverse;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::process::Holders;
use self::socket::Entry;

mod end;
mod examine;
mod explain;
mod free;
mod hint;
mod nets;
mod process;
mod socket;
mod system;
mod table;
mod verdict;
mod words;

pub use self::end::{Holder, Signal};
pub use self::examine::{Answer, Destination, Examination, File, Reach, Step, Way, examine};
pub use self::explain::{explain, name_of, rough};
pub use self::free::free_port;
pub use self::hint::{hint, kill_command};
pub use self::nets::{DefaultRoute, Interface, LinkState, default_routes, interfaces};
pub use self::system::{
    client_ports, first_free_for_all, is_local, lists_bound_sockets, may_end, name_servers,
};
pub use self::verdict::Verdict;
pub use self::words::{answer_text, step_text};

/// A protocol with ports of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// The sort of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A stream over IP.
    Tcp,
    /// Datagrams over IP.
    Udp,
    /// A stream between processes of this machine.
    Unix,
    /// Datagrams between processes of this machine.
    UnixDatagram,
    /// Connected packets between processes of this machine, which no endpoint of ours speaks.
    UnixPackets,
}

impl From<Protocol> for Kind {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => Self::Tcp,
            Protocol::Udp => Self::Udp,
        }
    }
}

impl Kind {
    /// Its word, which is that of an endpoint where there is one.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unix => "unix",
            Self::UnixDatagram => "unixgram",
            Self::UnixPackets => "unixpacket",
        }
    }

    /// Whether it has connections.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Unix | Self::UnixPackets)
    }

    /// Whether its addresses are files and abstract names.
    #[must_use]
    pub const fn is_unix(self) -> bool {
        matches!(self, Self::Unix | Self::UnixDatagram | Self::UnixPackets)
    }
}

/// One process that holds an address, or the fact that somebody does who cannot be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The program's name, as the process itself says it: escape it before it is shown. `None`
    /// where the process is hidden, or where none is left (see [`State::TimeWait`]).
    pub program: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// Its command line, the arguments apart by spaces; escape it before it is shown.
    pub command: Option<String>,
    /// How long the process has run.
    pub since: Option<Duration>,
    /// Its user, or who made the socket where the process is hidden; `None` where nobody is left.
    pub uid: Option<u32>,
    /// The user's name, or number where it has no name.
    pub user: Option<String>,
    /// The sort of its socket.
    pub kind: Kind,
    /// The address held, which may be that of all interfaces; `None` for a Unix socket.
    pub local: Option<SocketAddr>,
    /// The path of a Unix socket as its program said it, or `@` and its abstract name; escape it
    /// before it is shown.
    pub path: Option<PathBuf>,
    /// What the socket does.
    pub state: State,
    /// How full the backlog of a listening socket is; `None` where the system does not say.
    pub backlog: Option<Backlog>,
    /// Whether an IPv6 socket leaves IPv4 to others; `None` where the system does not say.
    pub is_v6_only: Option<bool>,
    /// How many sockets in this state it has at this address, 1 or more.
    pub sockets: usize,
}

/// The connections that wait for a listening program to accept them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// How many wait.
    pub waiting: u32,
    /// How many may; one more than these is taken.
    pub limit: u32,
}

/// What the socket at an address does, the one most in the way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It accepts connections.
    Listening,
    /// It holds the address; datagrams reach it, connections do not.
    Bound,
    /// It is one end of a connection.
    Connected,
    /// It is a connection on its way to the end.
    Closing,
    /// No program has it: the system remembers a connection that ended, for a minute.
    TimeWait,
}

impl State {
    /// Its word.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Bound => "bound",
            Self::Connected => "connected",
            Self::Closing => "closing",
            Self::TimeWait => "time-wait",
        }
    }
}

/// What to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Sockets of these sorts.
    pub kinds: Vec<Kind>,
    /// Those at these ports, or at any where there are none; Unix sockets are not asked for theirs.
    pub ports: Vec<RangeInclusive<u16>>,
    /// How much of what is there.
    pub extent: Extent,
}

/// Which sockets are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// Those that take what comes to their address.
    Holding,
    /// Also connections, and what is left of them.
    Everything,
}

/// Lists who holds what: by port, then by protocol, the one most in the way first; Unix sockets
/// behind, by name.
#[must_use]
pub fn list(selection: &Selection) -> Vec<Owner> {
    let wants = |kind: Kind| selection.kinds.contains(&kind);
    let mut entries = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        if wants(protocol.into()) {
            entries.extend(socket::inet(protocol));
        }
    }
    let is_wanted = |port: u16| {
        // Port 0 is that of a socket without an address.
        port != 0
            && (selection.ports.is_empty()
                || selection.ports.iter().any(|range| range.contains(&port)))
    };
    entries.retain(|entry| entry.local.is_some_and(|local| is_wanted(local.port())));
    if selection.kinds.iter().any(|kind| kind.is_unix()) {
        entries.extend(socket::unix().into_iter().filter(|entry| wants(entry.kind)));
    }
    entries.retain(|entry| selection.extent == Extent::Everything || entry.is_holding());
    let holders = Holders::find(entries.iter().map(|entry| entry.inode));
    let mut owners = socket::describe(&entries, &holders);
    owners.sort_by(|one, other| {
        let key = |owner: &Owner| {
            let port = owner.local.map(|local| local.port());
            (
                port.is_none(),
                port,
                owner.kind,
                owner.state,
                owner.local,
                owner.pid,
            )
        };
        key(one)
            .cmp(&key(other))
            .then_with(|| one.path.cmp(&other.path))
    });
    owners
}

/// Finds who holds `addr`, or an address that includes it or is included by it, such as
/// `0.0.0.0:7000` for `127.0.0.1:7000`.
///
/// The ones most in the way come first, and of those the ones at the very address. A process comes
/// once for each state and address, however many connections it has.
#[must_use]
pub fn owners(protocol: Protocol, addr: SocketAddr) -> Vec<Owner> {
    let mut entries = socket::inet(protocol);
    entries.retain(|entry| {
        let is_for_others = entry.is_v6_only == Some(true) && addr.is_ipv4();
        !is_for_others && entry.local.is_some_and(|local| overlaps(local, addr))
    });
    let holders = Holders::find(entries.iter().map(|entry| entry.inode));
    let mut owners = socket::describe(&entries, &holders);
    let is_elsewhere = |owner: &Owner| owner.local.map(canonical) != Some(canonical(addr));
    owners.sort_by_key(|owner| (owner.state, is_elsewhere(owner), Reverse(owner.since)));
    owners
}

/// Finds who holds the Unix socket at `path`, or the abstract one whose name follows an `@`.
///
/// Nobody does where the path is left from a program that went without removing it.
#[must_use]
pub fn unix_owners(path: &Path) -> Vec<Owner> {
    let is_abstract = path.as_os_str().as_bytes().starts_with(b"@");
    let facts = if is_abstract {
        None
    } else {
        fs::metadata(path).ok()
    };
    let mut entries = socket::unix();
    // A connection that a server accepted bears the server's name but does not hold it; whoever has
    // a name in datagrams holds it.
    entries.retain(|entry| entry.is_holding() || entry.kind == Kind::UnixDatagram);
    let is_file = |entry: &Entry| match (entry.file, &facts) {
        // The system tells the lower half of the inode's number.
        (Some((inode, device)), Some(facts)) => {
            (inode, device) == (facts.ino() as u32, facts.dev())
        }
        _ => false,
    };
    let has_file = entries.iter().any(is_file);
    if has_file {
        entries.retain(is_file);
    } else {
        entries.retain(|entry| {
            let name = entry.path.as_deref().unwrap_or(Path::new(""));
            name == path || (!is_abstract && name.file_name() == path.file_name())
        });
    }
    let holders = Holders::find(entries.iter().map(|entry| entry.inode));
    if !has_file {
        let real = if is_abstract {
            None
        } else {
            fs::canonicalize(path).ok()
        };
        entries.retain(|entry| {
            let name = entry.path.as_deref().unwrap_or(Path::new(""));
            is_abstract || is_at(name, path, real.as_deref(), holders.of(entry.inode))
        });
    }
    for entry in &mut entries {
        // Where the system does not say who made a socket, its file does.
        entry.uid = entry.uid.or(facts.as_ref().map(fs::Metadata::uid));
    }
    socket::describe(&entries, &holders)
}

/// Whether a socket that its program, one of `holders`, called `name` is the one at `path`, whose
/// real place is `real`.
fn is_at(
    name: &Path,
    path: &Path,
    real: Option<&Path>,
    holders: impl Iterator<Item = u32>,
) -> bool {
    let Some(real) = real else {
        return false;
    };
    if name.is_absolute() {
        return name == path || fs::canonicalize(name).is_ok_and(|name| name == real);
    }
    // The name was said from another directory than ours. One that a hidden process said from where
    // it is cannot be told apart.
    let mut holders = holders.peekable();
    holders.peek().is_none()
        || holders.any(|pid| {
            let from = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            fs::canonicalize(from.join(name)).is_ok_and(|name| name == real)
        })
}

/// Whether a socket at `held` can be in the way of one at `wanted`. One at `[::]` may be for IPv6
/// alone, of which this knows nothing.
fn overlaps(held: SocketAddr, wanted: SocketAddr) -> bool {
    let (held, wanted) = (canonical(held), canonical(wanted));
    let includes = |all: IpAddr, one: IpAddr| match all {
        IpAddr::V4(all) => all == Ipv4Addr::UNSPECIFIED && one.is_ipv4(),
        IpAddr::V6(all) => all == Ipv6Addr::UNSPECIFIED,
    };
    held.port() == wanted.port()
        && (held.ip() == wanted.ip()
            || includes(held.ip(), wanted.ip())
            || includes(wanted.ip(), held.ip()))
}

/// The address without the disguise that IPv4 has on an IPv6 socket, and without its scope.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests;
