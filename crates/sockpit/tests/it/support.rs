//! What tests need: programs and sockets beside them, bytes to send, and a deadline on everything.

mod finished;
mod program;
mod running;
mod socket;

use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use finished::Finished;
pub(crate) use program::{Program, connect, listen, python, sockpit};
pub(crate) use running::{Running, descriptors, processor_time};
pub(crate) use rustix::process::Signal;
pub(crate) use socket::{
    accept, client, free_address, free_port, narrow_server, read_exactly, read_to_end, reset,
    server, wait_until_full, wait_until_read,
};
pub(crate) use tempfile::TempDir;

/// How long anything may take before the test fails. Far more than it takes, as other work may have
/// the machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// An address for what is refused or explained before anything is opened.
// port: nothing is ever opened there
pub(crate) const NOBODY: &str = "127.0.0.1:7000";

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(3);

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < until, "{what}: not within {DEADLINE:?}");
        thread::sleep(POLL); // sleep: polled, with a deadline
    }
}

/// Has a program stand still until [`Signal::CONT`], as where others have the processor.
pub(crate) fn stand_still(program: &Running) {
    program.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", program.pid().as_raw_pid());
    wait_until("the program to stand still", || {
        std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "))
    });
}

/// Whether a program that others wrote is installed. Where it has to be (`SOCKPIT_REQUIRE_PEERS`),
/// its absence fails the test.
pub(crate) fn need(tool: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_installed = std::env::split_paths(&folders).any(|folder| folder.join(tool).is_file());
    if !is_installed {
        let is_required = std::env::var_os("SOCKPIT_REQUIRE_PEERS").is_some();
        assert!(
            !is_required,
            "{tool} is not installed, and SOCKPIT_REQUIRE_PEERS is set"
        );
        say(&format!("skipped: {tool} is not installed"));
    }
    is_installed
}

pub(crate) fn say(text: &str) {
    io::stdout()
        .write_all(format!("{text}\n").as_bytes())
        .expect("the test has a stdout");
}

/// A folder that goes with the test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder of our own")
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

/// 64 MiB, the same in every test: what is sent where all of it has to arrive.
pub(crate) fn bulk() -> &'static [u8] {
    static BULK: OnceLock<Vec<u8>> = OnceLock::new();
    BULK.get_or_init(|| pattern(64 << 20, 64))
}

/// Bytes without a period that a lost or doubled block could hide in. The same for the same seed.
pub(crate) fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
