//! Datagrams: a send is a message, whoever sends it, and its boundaries hold.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::record::{of_event, records};
use crate::support::{
    DEADLINE, Program, Running, Signal, connect, folder, free_port, listen, need, python, sockpit,
    wait_until,
};

mod boundaries;
mod client;
mod listener;
mod options;
mod programs;
mod unixgram;

/// A server of one socket, played on a thread, and its endpoint.
fn served(
    host: &str,
    scheme: &str,
    play: impl FnOnce(&UdpSocket) + Send + 'static,
) -> (JoinHandle<()>, String) {
    let server = UdpSocket::bind((host, 0)).expect("a port of our own");
    server
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    let port = server.local_addr().expect("it is bound").port();
    (
        thread::spawn(move || play(&server)),
        format!("{scheme}:{port}"),
    )
}

/// A socket of the test, with a deadline on what it waits for.
pub(crate) fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of our own");
    socket
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    socket
}

/// The next datagram, and who sent it.
pub(crate) fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (len, from) = socket
        .recv_from(&mut buffer)
        .expect("a datagram comes in time");
    buffer.truncate(len);
    (buffer, from)
}

/// Where a listener of 127.0.0.1 is.
pub(crate) fn at(listener: &Running) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, listener.port()).into()
}

/// A port that refuses everybody for as long as the socket is held: it hears one peer only, which
/// never speaks.
pub(crate) fn closed_port(host: &str) -> (UdpSocket, u16) {
    let held = UdpSocket::bind((host, 0)).expect("a port of our own");
    // port: nothing is sent to it
    held.connect((host, 1)).expect("connecting sends nothing");
    let port = held.local_addr().expect("it is bound").port();
    (held, port)
}
