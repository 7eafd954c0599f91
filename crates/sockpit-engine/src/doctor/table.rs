//! The tables of sockets in `/proc`, for where the system forbids to ask it directly.

use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::socket::Entry;
use super::{Kind, Protocol, State};

/// The sockets of a protocol, of both families.
pub(super) fn inet(protocol: Protocol) -> Vec<Entry> {
    let name = match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    [name.to_owned(), format!("{name}6")]
        .iter()
        .flat_map(|file| {
            let table = fs::read_to_string(Path::new("/proc/net").join(file)).unwrap_or_default();
            parse_inet(protocol, &table)
        })
        .collect()
}

/// The Unix sockets that have a name.
pub(super) fn unix() -> Vec<Entry> {
    parse_unix(&fs::read("/proc/net/unix").unwrap_or_default())
}

/// Reads `/proc/net/tcp`, `udp` and their twins for IPv6 (proc(5)); a line that makes no sense is
/// none.
pub(super) fn parse_inet(protocol: Protocol, table: &str) -> Vec<Entry> {
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
            uid,
            ..Entry::new(protocol.into(), state, inode)
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

/// Reads `/proc/net/unix` (proc(5)): the sockets that have a name.
pub(super) fn parse_unix(table: &[u8]) -> Vec<Entry> {
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
        let (flags, kind, state, inode) = (number(16)?, number(16)?, number(16)?, number(10)?);
        // The rest is the name, which may have spaces and bytes that are no text.
        let name = line.strip_prefix(b" ").filter(|name| !name.is_empty())?;
        let kind = match kind {
            2 => Kind::UnixDatagram,
            5 => Kind::UnixPackets,
            _ => Kind::Unix,
        };
        let state = match state {
            _ if flags & ACCEPTS != 0 => State::Listening,
            UNCONNECTED => State::Bound,
            _ => State::Connected,
        };
        let path = Some(PathBuf::from(OsStr::from_bytes(name)));
        Some(Entry {
            path,
            ..Entry::new(kind, state, inode)
        })
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
