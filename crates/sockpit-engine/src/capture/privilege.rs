//! Why this user may not capture, and the one command that changes it.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sockpit_sys::capability;

use super::dumpcap::{PROGRAM, Refused};
use super::{Refusal, RefusalKind, command};

/// What decides about the advice.
#[derive(Clone, Debug, Default)]
struct Facts {
    /// This program's file, as it is said to a shell.
    program: PathBuf,
    /// Whether no process here can have the privilege: a container without it.
    is_out_of_reach: bool,
    /// Whether this is a user namespace whose root has no say over the network.
    is_foreign_network: bool,
    /// Whether no program that is started gets more than this one has.
    is_without_gain: bool,
    /// Whether the program's file system takes privileges from its files.
    is_nosuid: bool,
    /// Whether the program's file gives a privilege.
    has_capability: bool,
    dumpcap: Helper,
}

/// What became of `dumpcap`.
#[derive(Clone, Debug, Default)]
enum Helper {
    /// It is not there, or is as little allowed to capture as we are.
    #[default]
    NoHelp,
    /// Only a group may run it.
    ForGroup(String),
    /// It failed for another reason.
    Failed(String),
}

/// Why this user may not capture.
pub(super) fn refusal(refused: &Refused) -> Refusal {
    Facts::gather(refused).explain()
}

/// Whether this user may have a network of their own, `unshare -Urn`, in which everything can be
/// captured.
#[must_use]
pub fn allows_lab() -> bool {
    Command::new("unshare")
        .args(["-Urn", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Facts {
    fn gather(refused: &Refused) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let exe = env::current_exe().unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let users = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let bounding = capabilities(&status, "CapBnd:");
        let effective = capabilities(&status, "CapEff:");
        Self {
            program: as_typed(env::args_os().next().map(PathBuf::from), &exe),
            is_out_of_reach: bounding.is_some_and(|set| set & NET_RAW == 0),
            is_foreign_network: effective.is_some_and(|set| set & NET_RAW != 0)
                && !is_first_namespace(&users),
            is_without_gain: field(&status, "NoNewPrivs:") == Some("1"),
            is_nosuid: is_nosuid(&mounts, &exe),
            has_capability: capability::file_has_some(&exe).unwrap_or_default(),
            dumpcap: helper(refused),
        }
    }

    fn explain(&self) -> Refusal {
        let refuse = |sentence: String| Refusal::new(RefusalKind::Privilege, sentence);
        if self.is_out_of_reach {
            return refuse(
                "this container gives nobody the privilege to capture packets (NET_RAW)".to_owned(),
            )
            .with_command(command::RUN_CONTAINER);
        }
        if self.is_foreign_network {
            return refuse(
                "root of this user namespace has no say over the network, which is another's"
                    .to_owned(),
            )
            .with_command(command::ENTER_LAB);
        }
        if self.is_without_gain {
            return refuse(
                "capturing packets needs the privilege CAP_NET_RAW, and whatever started this \
                 program lets it gain none (no_new_privs)"
                    .to_owned(),
            );
        }
        if self.is_nosuid {
            let program = self.program.display();
            return refuse(format!(
                "capturing packets needs the privilege CAP_NET_RAW, and no program has one on the \
                 file system of `{program}`, which is mounted nosuid"
            ))
            .with_command(command::install(&self.program));
        }
        match &self.dumpcap {
            Helper::ForGroup(group) => {
                return refuse(format!(
                    "capturing packets needs the privilege CAP_NET_RAW; `dumpcap` has it for members \
                     of the group `{group}`, who are such from their next login on"
                ))
                .with_command(command::join_group(group));
            }
            Helper::Failed(said) => {
                return refuse(format!(
                    "capturing packets needs the privilege CAP_NET_RAW, and `dumpcap` is no help: \
                     {said}"
                ))
                .with_command(command::set_capability(&self.program));
            }
            Helper::NoHelp => {}
        }
        let sentence = match self.has_capability {
            true => {
                "capturing packets needs the privilege CAP_NET_RAW, which this program's file \
                     does not give, though it gives another"
            }
            false => {
                "capturing packets needs the privilege CAP_NET_RAW, which a program's file \
                      loses when it is copied or upgraded"
            }
        };
        refuse(sentence.to_owned()).with_command(command::set_capability(&self.program))
    }
}

/// The program as it was typed, if that names the file itself: `setcap` follows no links, and a
/// bare name is found by a shell only.
fn as_typed(typed: Option<PathBuf>, exe: &Path) -> PathBuf {
    let names_a_file = |path: &PathBuf| {
        path.components().count() > 1
            && fs::symlink_metadata(path).is_ok_and(|facts| facts.is_file())
    };
    typed
        .filter(names_a_file)
        .unwrap_or_else(|| exe.to_path_buf())
}

fn helper(refused: &Refused) -> Helper {
    match refused {
        Refused::Absent => Helper::NoHelp,
        Refused::Forbidden => group_of_dumpcap().map_or(Helper::NoHelp, Helper::ForGroup),
        Refused::Said(said) if is_about_privilege(said) => Helper::NoHelp,
        Refused::Said(said) => Helper::Failed(said.clone()),
        Refused::Failed(error) => Helper::Failed(crate::error::cause_text(error)),
    }
}

fn is_about_privilege(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains("permission") || said.contains("not permitted")
}

/// The group that may run `dumpcap`, by its name or its number.
fn group_of_dumpcap() -> Option<String> {
    let path = env::var_os("PATH")?;
    let number = env::split_paths(&path)
        .find_map(|folder| fs::metadata(folder.join(PROGRAM)).ok())?
        .gid();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    Some(group_name(&groups, number).unwrap_or_else(|| number.to_string()))
}

/// The name of a group in a file of lines as `wireshark:x:116:`.
fn group_name(groups: &str, number: u32) -> Option<String> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    })
}

/// The value of a line of `/proc/PID/status`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

fn capabilities(status: &str, name: &str) -> Option<u64> {
    u64::from_str_radix(field(status, name)?, 16).ok()
}

/// Whether a map of users is that of the namespace in which the system began: all, as they are.
fn is_first_namespace(users: &str) -> bool {
    let numbers: Vec<&str> = users.split_whitespace().collect();
    numbers.is_empty() || numbers == ["0", "0", "4294967295"]
}

/// Whether the file system of a path takes privileges from its files, by `/proc/self/mountinfo`:
/// id, parent, device, root, where it is mounted, options.
fn is_nosuid(mounts: &str, path: &Path) -> bool {
    let mount = |line: &str| {
        let mut fields = line.split(' ').skip(4);
        let place = PathBuf::from(fields.next()?.replace(r"\040", " "));
        let options = fields.next()?;
        let is_nosuid = options.split(',').any(|option| option == "nosuid");
        path.starts_with(&place)
            .then(|| (place.components().count(), is_nosuid))
    };
    // The last of those that are mounted in one place hides the others.
    mounts
        .lines()
        .filter_map(mount)
        .max_by_key(|(depth, _)| *depth)
        .is_some_and(|(_, is_nosuid)| is_nosuid)
}

/// The bit of `CAP_NET_RAW`.
const NET_RAW: u64 = 1 << 13;

#[cfg(test)]
mod tests;
