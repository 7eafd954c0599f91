//! The real program, run against itself, against sockets of the test and against the programs that
//! people already have. Each test stands alone: its own ports, its own folder, a deadline.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod support;

mod charset;
mod chat;
mod chinese;
#[cfg(feature = "nats")]
mod cluster;
mod compose;
mod datagram;
mod doctor;
mod endings;
mod errors;
mod facts;
mod framing;
mod guide;
mod hostile;
mod import;
mod keyboard;
mod lens;
mod load;
mod multicast;
mod output;
mod packets;
mod peers;
mod pseudo_terminal;
mod record;
mod reference;
mod replay;
mod room;
mod room_join;
mod room_page;
mod rules;
mod saved;
mod scenario;
mod script;
mod stream;
mod tello_beside;
mod tello_fly;
mod tello_run;
mod tello_simulate;
mod terminal;
mod unix;
mod wire;
mod wire_live;
mod workbench;
mod workbench_attack;
mod workbench_hostile;
