//! Who holds a port or a Unix socket: what a bind that failed wants to know.
//!
//! Everything here reads files of `/proc`, which takes some milliseconds where many descriptors are
//! open; a runtime calls it on a thread that may wait. Where there is no `/proc` nobody is found.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sockpit_core::text::escape::VisibleLine;

use self::process::{Holders, Host, Process};

#[cfg(target_os = "linux")]
mod bound;
mod process;

/// A protocol with ports of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
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
    /// The address held, which may be that of all interfaces; `None` for a Unix socket.
    pub local: Option<SocketAddr>,
    /// What the socket does.
    pub state: State,
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

/// Finds who holds `addr`, or an address that includes it or is included by it, such as
/// `0.0.0.0:7000` for `127.0.0.1:7000`.
///
/// The ones most in the way come first, and of those the ones at the very address. A process comes
/// once for each state and address, however many connections it has.
#[must_use]
pub fn owners(protocol: Protocol, addr: SocketAddr) -> Vec<Owner> {
    let name = match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let mut entries = Vec::new();
    for file in [name.to_owned(), format!("{name}6")] {
        let table = fs::read_to_string(Path::new("/proc/net").join(file)).unwrap_or_default();
        entries.extend(parse_inet(protocol, &table));
    }
    #[cfg(target_os = "linux")]
    if protocol == Protocol::Tcp {
        entries.extend(bound::entries());
    }
    entries.retain(|entry| entry.local.is_some_and(|local| overlaps(local, addr)));
    let holders = Holders::find(entries.iter().map(|entry| entry.inode));
    let mut owners = describe(&entries, &holders);
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
    let real = if is_abstract {
        None
    } else {
        fs::canonicalize(path).ok()
    };
    let mut named = parse_unix(&fs::read("/proc/net/unix").unwrap_or_default());
    named.retain(|(_, name)| {
        name == path || (real.is_some() && name.file_name() == path.file_name())
    });
    let holders = Holders::find(named.iter().map(|(entry, _)| entry.inode));
    named.retain(|(entry, name)| {
        if is_abstract || (name == path && name.is_absolute()) {
            return true;
        }
        // The path may go through links, or have been said from another directory than ours. One
        // that a hidden process said from where it is cannot be told apart.
        let mut holders = holders.of(entry.inode).peekable();
        if name.is_relative() && holders.peek().is_none() {
            return true;
        }
        let mut paths = holders.map(|pid| {
            let from = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            fs::canonicalize(from.join(name)).ok()
        });
        real.is_some()
            && if name.is_absolute() {
                fs::canonicalize(name).ok() == real
            } else {
                paths.any(|path| path == real)
            }
    });
    // The table does not say who made a socket, but its file does.
    let maker = real
        .and_then(|path| fs::metadata(path).ok())
        .map(|file| file.uid());
    let entries: Vec<_> = named
        .into_iter()
        .map(|(entry, _)| Entry {
            uid: maker,
            ..entry
        })
        .collect();
    describe(&entries, &holders)
}

/// Says in one sentence who is in the way, for the hint below an error; `None` without owners.
#[must_use]
pub fn explain(owners: &[Owner]) -> Option<String> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    explain_to(owners, is_root)
}

fn explain_to(owners: &[Owner], is_root: bool) -> Option<String> {
    let owner = owners.first()?;
    let left_over = match owner.state {
        State::TimeWait => Some("for up to 60 s after a connection has ended"),
        // A program that is left has a user, even where it is hidden.
        State::Closing if owner.uid.is_none() => Some("until a connection has ended"),
        State::Closing | State::Listening | State::Bound | State::Connected => None,
    };
    if let Some(how_long) = left_over {
        return Some(format!(
            "no program holds it; the system keeps it {how_long}"
        ));
    }
    let user = owner.user.as_deref().map(VisibleLine);
    let Some(pid) = owner.pid else {
        let whose = user.map_or_else(String::new, |user| format!(" of user `{user}`"));
        let way_out = if is_root {
            "it is outside of what can be seen from here, such as in a container"
        } else {
            "its name is hidden from you, `sudo` shows it"
        };
        return Some(format!("a process{whose} holds it; {way_out}"));
    };
    let program = owner.program.as_deref().unwrap_or("?");
    let whose = user.map_or_else(String::new, |user| format!(", user {user}"));
    let mut said = format!("`{}` (pid {pid}{whose})", VisibleLine(program));
    let pids: BTreeSet<_> = owners.iter().filter_map(|other| other.pid).collect();
    let more = pids.len().saturating_sub(1);
    match more {
        0 => {}
        1 => said.push_str(" and 1 more process"),
        _ => said.push_str(&format!(" and {more} more processes")),
    }
    let (holds, has_held) = if more == 0 {
        ("holds", "has held")
    } else {
        ("hold", "have held")
    };
    Some(match owner.since {
        Some(since) => format!("{said} {has_held} it for {}", rough(since)),
        None => format!("{said} {holds} it"),
    })
}

/// A length of time in its largest unit, rounded down.
fn rough(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A socket in a table of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    local: Option<SocketAddr>,
    state: State,
    uid: Option<u32>,
    /// 0 where no program has it.
    inode: u64,
}

/// Reads `/proc/net/tcp`, `udp` and their twins for IPv6 (proc(5)); a line that makes no sense is
/// none.
fn parse_inet(protocol: Protocol, table: &str) -> Vec<Entry> {
    let parse = |line: &str| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let local = parse_addr(fields.get(1)?)?;
        let state = match (protocol, u8::from_str_radix(fields.get(3)?, 16).ok()?) {
            (_, 0x01..=0x03 | 0x0c) => State::Connected,
            (Protocol::Udp, _) => State::Bound,
            (Protocol::Tcp, 0x06) => State::TimeWait,
            (Protocol::Tcp, 0x0a) => State::Listening,
            (Protocol::Tcp, _) => State::Closing,
        };
        let inode = fields.get(9)?.parse().ok()?;
        // A socket without a program has lost its user too, and says 0.
        let uid = if inode == 0 {
            None
        } else {
            fields.get(7)?.parse().ok()
        };
        Some(Entry {
            local: Some(local),
            state,
            uid,
            inode,
        })
    };
    table.lines().skip(1).filter_map(parse).collect()
}

/// Reads `0100007F:1B58`: words of an address as this machine keeps them, and a port.
fn parse_addr(text: &str) -> Option<SocketAddr> {
    let (words, port) = text.split_once(':')?;
    let word = |at: usize| {
        let digits = words.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match words.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut octets = [0; 16];
            for (at, place) in octets.chunks_exact_mut(4).enumerate() {
                place.copy_from_slice(&word(at)?);
            }
            IpAddr::from(octets)
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// Reads `/proc/net/unix` (proc(5)): the sockets that hold a name, and the name.
fn parse_unix(table: &[u8]) -> Vec<(Entry, PathBuf)> {
    let parse = |mut line: &[u8]| {
        let mut number = |radix| {
            let trimmed = line.trim_ascii_start();
            let end = trimmed.iter().position(|&byte| byte == b' ')?;
            let (field, rest) = trimmed.split_at(end);
            line = rest;
            u64::from_str_radix(std::str::from_utf8(field).ok()?, radix).ok()
        };
        // A pointer with a colon, the number of references, the protocol.
        let _ = number(16);
        let _ = (number(16)?, number(16)?);
        let (flags, _kind, state, inode) = (number(16)?, number(16)?, number(16)?, number(10)?);
        // The rest is the name, which may have spaces and bytes that are no text.
        let name = line.strip_prefix(b" ").filter(|name| !name.is_empty())?;
        // A connection that a server accepted bears the server's name but does not hold it.
        let state = match state {
            _ if flags & ACCEPTS != 0 => State::Listening,
            UNCONNECTED => State::Bound,
            _ => return None,
        };
        Some((
            Entry {
                local: None,
                state,
                uid: None,
                inode,
            },
            OsStr::from_bytes(name).into(),
        ))
    };
    table
        .split(|&byte| byte == b'\n')
        .skip(1)
        .filter_map(parse)
        .collect()
}

/// `__SO_ACCEPTCON` in `/proc/net/unix`.
const ACCEPTS: u64 = 1 << 16;

/// `SS_UNCONNECTED` in `/proc/net/unix`.
const UNCONNECTED: u64 = 1;

/// Whether a socket at `held` can be in the way of one at `wanted`. One at `[::]` may be for IPv6
/// alone; the table does not say so.
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

/// The owners of the entries, in their order, each once.
fn describe(entries: &[Entry], holders: &Holders) -> Vec<Owner> {
    let host = Host::read();
    let mut processes = BTreeMap::new();
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
            let process = pid.map_or_else(Process::default, |pid| {
                processes
                    .entry(pid)
                    .or_insert_with(|| host.process(pid))
                    .clone()
            });
            let uid = process.uid.or(entry.uid);
            let owner = Owner {
                program: process.program,
                pid,
                command: process.command,
                since: process.since,
                uid,
                user: uid.map(|uid| host.user(uid)),
                local: entry.local,
                state: entry.state,
            };
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests;
