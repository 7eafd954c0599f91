//! The only unsafe code of Sockpit: system calls that no safe crate offers, behind a safe interface
//! over borrowed descriptors.
//!
//! It knows nothing of Sockpit. Linux is complete; elsewhere on Unix a [`pump::Pump`] copies, and
//! the batches of datagrams are missing.

#![cfg(unix)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

#[cfg(target_os = "linux")]
mod addr;
#[cfg(target_os = "linux")]
pub mod datagram;
#[cfg(target_os = "linux")]
pub mod icmp;
pub mod limit;
#[cfg(target_os = "linux")]
mod netlink;
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
pub mod terminal;
pub mod window;
