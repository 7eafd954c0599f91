//! The only unsafe code of Sockpit: system calls that no safe crate offers, behind a safe interface
//! over borrowed descriptors.
//!
//! It knows nothing of Sockpit. Linux is complete; elsewhere on Unix a [`pump::Pump`] copies, and
//! the batches of datagrams are missing.

#![cfg(unix)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

// The unwinder stands in the program: a library of its own, which the loader has to find and to
// relocate, makes each start a tenth longer.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
// SAFETY: nothing is declared that could be called.
unsafe extern "C" {}

#[cfg(target_os = "linux")]
mod addr;
#[cfg(target_os = "linux")]
pub mod capability;
#[cfg(target_os = "linux")]
pub mod datagram;
#[cfg(target_os = "linux")]
mod error_queue;
#[cfg(target_os = "linux")]
pub mod icmp;
pub mod limit;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
pub mod packet;
#[cfg(target_os = "linux")]
pub mod pidfd;
pub mod poll;
pub mod process;
pub mod pump;
#[cfg(target_os = "linux")]
pub mod route;
#[cfg(target_os = "linux")]
pub mod sock_diag;
pub mod socket;
#[cfg(target_os = "linux")]
pub mod tcp_info;
pub mod terminal;
#[cfg(target_os = "linux")]
pub mod timestamping;
pub mod window;
