//! Commands for a shell that help where a capture was refused.

use std::path::Path;

/// Starts a container in which packets can be captured.
pub(super) const RUN_CONTAINER: &str = "docker run --cap-add NET_RAW …";

/// Enters a network of one's own.
pub(super) const ENTER_LAB: &str = "unshare -Urn";

/// Loads what a kernel needs for packet sockets.
pub(super) const LOAD_MODULE: &str = "sudo modprobe af_packet";

/// Gives a program the privilege.
pub(super) fn set_capability(program: &Path) -> String {
    format!("sudo setcap cap_net_raw=ep {}", quoted(program))
}

/// Puts a program where its file can have a privilege, and gives it that.
pub(super) fn install(program: &Path) -> String {
    let name = program.file_name().map_or(Path::new("sockpit"), Path::new);
    let copy = Path::new("/usr/local/bin").join(name);
    let set = set_capability(&copy);
    format!(
        "sudo install {} {} && {set}",
        quoted(program),
        quoted(&copy)
    )
}

/// Makes the user a member of a group, from the next login on.
pub(super) fn join_group(group: &str) -> String {
    format!("sudo usermod -aG {group} \"$USER\"")
}

/// Switches an interface on.
pub(super) fn switch_on(interface: &str) -> String {
    format!("sudo ip link set {} up", quoted(Path::new(interface)))
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_./-+@%:,=".contains(letter);
    match text.chars().all(is_plain) && !text.is_empty() {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
