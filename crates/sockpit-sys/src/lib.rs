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
pub mod limit;
pub mod poll;
pub mod process;
pub mod pump;
pub mod socket;
