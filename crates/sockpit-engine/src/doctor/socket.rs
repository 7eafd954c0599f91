//! What sockets there are: asked from the system, or read from its tables where it forbids to ask.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use sockpit_sys::sock_diag::{self, States, UnixKind, UnixName, UnixState};

use super::process::{Holders, Host, Process};
use super::{Backlog, Kind, Owner, Protocol, State, table};

/// A socket as the system lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) state: State,
    /// 0 where no program has it.
    pub(super) inode: u64,
    pub(super) local: Option<SocketAddr>,
    /// A Unix socket's path, or its abstract name behind an `@`.
    pub(super) path: Option<PathBuf>,
    /// The inode, of which the lower 32 bits are known, and the device of the path.
    pub(super) file: Option<(u32, u64)>,
    pub(super) uid: Option<u32>,
    pub(super) backlog: Option<Backlog>,
    pub(super) is_v6_only: Option<bool>,
}

impl Entry {
    pub(super) fn new(kind: Kind, state: State, inode: u64) -> Self {
        Self {
            kind,
            state,
            inode,
            local: None,
            path: None,
            file: None,
            uid: None,
            backlog: None,
            is_v6_only: None,
        }
    }

    /// Whether it takes what comes to its address, rather than being one end of something.
    pub(super) fn is_holding(&self) -> bool {
        matches!(self.state, State::Listening | State::Bound)
    }
}

/// The sockets of a protocol, of both families.
pub(super) fn inet(protocol: Protocol) -> Vec<Entry> {
    let asked = match protocol {
        Protocol::Tcp => sock_diag::Protocol::Tcp,
        Protocol::Udp => sock_diag::Protocol::Udp,
    };
    let Ok(sockets) = sock_diag::inet(asked, States::ALL) else {
        return table::inet(protocol);
    };
    let entry = |socket: sock_diag::InetSocket| {
        let state = match (socket.state, protocol) {
            (sock_diag::State::Listening, _) => State::Listening,
            (sock_diag::State::TimeWait, _) => State::TimeWait,
            (sock_diag::State::Closed, _) => State::Bound,
            (sock_diag::State::Closing, Protocol::Tcp) => State::Closing,
            _ => State::Connected,
        };
        let backlog = Backlog {
            waiting: socket.queue.incoming,
            limit: socket.queue.outgoing,
        };
        Entry {
            local: Some(socket.local),
            // A socket without a program has lost its user too, and says 0.
            uid: Some(socket.uid).filter(|_| socket.inode != 0),
            backlog: Some(backlog).filter(|_| state == State::Listening),
            is_v6_only: socket.is_v6_only,
            ..Entry::new(protocol.into(), state, socket.inode.into())
        }
    };
    sockets.into_iter().map(entry).collect()
}

/// The Unix sockets that have a name.
pub(super) fn unix() -> Vec<Entry> {
    let Ok(sockets) = sock_diag::unix() else {
        return table::unix();
    };
    let entry = |socket: sock_diag::UnixSocket| {
        let kind = match socket.kind {
            UnixKind::Stream => Kind::Unix,
            UnixKind::Datagram => Kind::UnixDatagram,
            UnixKind::Packets => Kind::UnixPackets,
        };
        let state = match socket.state {
            UnixState::Listening => State::Listening,
            UnixState::Unconnected => State::Bound,
            // A socket of datagrams to which others are connected, and which is to none itself.
            UnixState::Connected if socket.kind == UnixKind::Datagram && socket.peer.is_none() => {
                State::Bound
            }
            UnixState::Connected => State::Connected,
        };
        let path = match socket.name? {
            UnixName::Path(path) => path,
            UnixName::Abstract(name) => OsString::from_vec([b"@".to_vec(), name].concat()).into(),
        };
        let backlog = Backlog {
            waiting: socket.queue.incoming,
            limit: socket.queue.outgoing,
        };
        Some(Entry {
            path: Some(path),
            file: socket.file,
            uid: socket.uid,
            backlog: Some(backlog).filter(|_| state == State::Listening),
            ..Entry::new(kind, state, socket.inode.into())
        })
    };
    sockets.into_iter().filter_map(entry).collect()
}

/// The owners of the entries, in their order: a process comes once for each state and address, with
/// the number of its sockets there.
pub(super) fn describe(entries: &[Entry], holders: &Holders) -> Vec<Owner> {
    let host = Host::read();
    let mut processes = BTreeMap::new();
    let mut places = BTreeMap::new();
    let mut owners: Vec<Owner> = Vec::new();
    for entry in entries {
        // What has neither a program nor an end of its own in the table: half of a handshake, which
        // belongs to the listening socket.
        if entry.inode == 0 && !matches!(entry.state, State::TimeWait | State::Closing) {
            continue;
        }
        let mut pids: Vec<_> = holders.of(entry.inode).map(Some).collect();
        if pids.is_empty() {
            pids.push(None);
        }
        for pid in pids {
            let place = (
                entry.kind,
                entry.state,
                entry.local,
                &entry.path,
                pid,
                entry.uid,
            );
            let known = places
                .get(&place)
                .and_then(|&at: &usize| owners.get_mut(at));
            if let Some(owner) = known {
                owner.sockets += 1;
                continue;
            }
            places.insert(place, owners.len());
            let process = pid.map_or_else(Process::default, |pid| {
                processes
                    .entry(pid)
                    .or_insert_with(|| host.process(pid))
                    .clone()
            });
            let uid = process.uid.or(entry.uid);
            owners.push(Owner {
                program: process.program,
                pid,
                command: process.command,
                since: process.since,
                uid,
                user: uid.map(|uid| host.user(uid)),
                kind: entry.kind,
                local: entry.local,
                path: entry.path.clone(),
                state: entry.state,
                backlog: entry.backlog,
                is_v6_only: entry.is_v6_only,
                sockets: 1,
            });
        }
    }
    owners
}
