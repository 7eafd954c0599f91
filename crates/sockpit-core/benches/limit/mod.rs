//! The limits of the counts.

use gungraun::{Callgrind, EventKind, LibraryBenchmarkConfig};

/// Copies are made by loops of instructions, and not by the one that counts as many as it has bytes:
/// from which length on that is used is a matter of the machine.
const BY_LOOPS: &str =
    "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824";

/// Fails what takes 5 % more instructions than were counted when the figure was written.
pub(crate) fn counted(instructions: u64) -> LibraryBenchmarkConfig {
    let most = instructions + instructions / 20;
    let mut callgrind = Callgrind::with_args(["cache-sim=no"]);
    callgrind.hard_limits([(EventKind::Ir, most)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind).env("GLIBC_TUNABLES", BY_LOOPS);
    config
}
