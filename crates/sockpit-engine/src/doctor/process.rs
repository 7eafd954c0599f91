//! What `/proc` tells of the processes that hold sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// Which processes have which sockets open, as far as they can be seen.
pub(super) struct Holders(BTreeMap<u64, Vec<u32>>);

impl Holders {
    pub(super) fn find(inodes: impl Iterator<Item = u64>) -> Self {
        let mut holders: BTreeMap<_, Vec<_>> = inodes
            .filter(|&inode| inode != 0)
            .map(|inode| (inode, Vec::new()))
            .collect();
        if holders.is_empty() {
            return Self(holders);
        }
        for pid in numbers_in("/proc") {
            let fds = format!("/proc/{pid}/fd");
            for fd in numbers_in(&fds) {
                let Ok(target) = fs::read_link(format!("{fds}/{fd}")) else {
                    continue;
                };
                let inode = target.to_str().and_then(|target| {
                    target
                        .strip_prefix("socket:[")?
                        .strip_suffix(']')?
                        .parse()
                        .ok()
                });
                let Some(pids) = inode.and_then(|inode: u64| holders.get_mut(&inode)) else {
                    continue;
                };
                if !pids.contains(&pid) {
                    pids.push(pid);
                }
            }
        }
        Self(holders)
    }

    pub(super) fn of(&self, inode: u64) -> impl Iterator<Item = u32> {
        self.0.get(&inode).into_iter().flatten().copied()
    }
}

/// The entries of a directory that are numbers, in order; none where it cannot be read.
fn numbers_in(directory: &str) -> BTreeSet<u32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// What descriptions of processes need to know of the machine.
pub(super) struct Host {
    pub(super) uptime: Option<Duration>,
    pub(super) ticks_per_second: Option<u64>,
    pub(super) users: BTreeMap<u32, String>,
}

/// What is known of a process.
#[derive(Clone, Default)]
pub(super) struct Process {
    pub(super) program: Option<String>,
    pub(super) command: Option<String>,
    pub(super) since: Option<Duration>,
    pub(super) uid: Option<u32>,
}

impl Host {
    pub(super) fn read() -> Self {
        Self {
            uptime: fs::read_to_string("/proc/uptime")
                .ok()
                .and_then(|text| parse_uptime(&text)),
            ticks_per_second: sockpit_sys::process::ticks_per_second().ok(),
            users: parse_users(&fs::read("/etc/passwd").unwrap_or_default()),
        }
    }

    pub(super) fn user(&self, uid: u32) -> String {
        self.users
            .get(&uid)
            .cloned()
            .unwrap_or_else(|| uid.to_string())
    }

    /// What can be learnt of a process, which may end while it is asked for.
    pub(super) fn process(&self, pid: u32) -> Process {
        let file = |name: &str| fs::read(format!("/proc/{pid}/{name}")).ok();
        let arguments = file("cmdline").unwrap_or_default();
        Process {
            program: file("comm").map(|comm| program_name(&comm, &arguments)),
            command: command_line(&arguments),
            since: file("stat").and_then(|stat| self.since(&stat)),
            uid: fs::metadata(format!("/proc/{pid}"))
                .ok()
                .map(|process| process.uid()),
        }
    }

    /// How long a process has run, from its `/proc/PID/stat`.
    pub(super) fn since(&self, stat: &[u8]) -> Option<Duration> {
        // The second field is the name in parentheses, which may hold anything; the 22nd is when
        // the process started, in ticks since the machine did.
        let behind_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
        let fields = std::str::from_utf8(stat.get(behind_name..)?).ok()?;
        let started: u64 = fields.split_ascii_whitespace().nth(19)?.parse().ok()?;
        let millis = started
            .checked_mul(1000)?
            .checked_div(self.ticks_per_second?)?;
        Some(self.uptime?.saturating_sub(Duration::from_millis(millis)))
    }
}

/// The program's name: what the process calls itself, of which the system keeps 15 bytes, or the
/// whole name from its command line where it begins so.
pub(super) fn program_name(comm: &[u8], arguments: &[u8]) -> String {
    let comm = comm.strip_suffix(b"\n").unwrap_or(comm);
    let first = arguments
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    let file = first
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or_default();
    let is_cut = comm.len() == 15 && file.starts_with(comm);
    String::from_utf8_lossy(if is_cut { file } else { comm }).into_owned()
}

/// The arguments, which end in zero bytes, apart by spaces; `None` where there are none.
fn command_line(arguments: &[u8]) -> Option<String> {
    let arguments = arguments.strip_suffix(b"\0").unwrap_or(arguments);
    let text = String::from_utf8_lossy(arguments).replace('\0', " ");
    if text.is_empty() { None } else { Some(text) }
}

/// Reads the first number of `/proc/uptime`, in seconds.
fn parse_uptime(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.split_ascii_whitespace().next()?.parse().ok()?).ok()
}

/// Reads the names of the users from `/etc/passwd` (passwd(5)); of two for one number the first.
pub(super) fn parse_users(table: &[u8]) -> BTreeMap<u32, String> {
    let mut users = BTreeMap::new();
    for line in String::from_utf8_lossy(table).lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(uid))) = (fields.next(), fields.nth(1).map(str::parse)) {
            users.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    users
}
