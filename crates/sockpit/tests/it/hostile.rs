//! What peers do who mean harm, or know no better: the rules of reliability, each by its name.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::record::{check_schema, of_event, records};
use crate::support::{
    DEADLINE, Program, Signal, accept, client, connect, folder, free_address, listen, need,
    read_exactly, read_to_end, server, sockpit, wait_until,
};

mod bytes;
mod descriptors;
mod peers;
mod processor;
mod terminal;

/// A connection, where the system gives one; without waiting for long.
fn connected(port: u16) -> Option<TcpStream> {
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect_timeout(&addr, Duration::from_millis(300)).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    Some(stream)
}
