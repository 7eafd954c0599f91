//! The real program, run against itself, against sockets of the test and against the programs that
//! people already have. Each test stands alone: its own ports, its own folder, a deadline.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod charset;
mod datagram;
mod endings;
mod errors;
mod framing;
mod hostile;
mod multicast;
mod output;
mod peers;
mod record;
mod rules;
mod script;
mod stream;
mod terminal;
mod unix;
