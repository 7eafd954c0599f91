use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use super::*;

fn tcp_pair(addr: &str) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(addr).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// The systems of two ends need a moment even on loopback.
fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within ten seconds");
        std::thread::yield_now();
    }
}

#[test]
fn a_connected_socket_knows_the_mtu_of_its_path() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let (client, _server) = tcp_pair(addr);
        assert!(path_mtu(client.as_fd()).unwrap() >= 1280);
        let socket = UdpSocket::bind(addr).unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        assert!(path_mtu(socket.as_fd()).unwrap() >= 1280);
    }
}

#[test]
fn an_ipv6_socket_with_an_ipv4_peer_knows_the_mtu_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mapped: std::net::SocketAddr = format!("[::ffff:127.0.0.1]:{port}").parse().unwrap();
    socket.connect(&mapped.into()).unwrap();
    assert!(path_mtu(socket.as_fd()).unwrap() >= 576);
}

#[test]
fn a_unix_socket_has_no_mtu() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    assert_eq!(
        path_mtu(socket.as_fd()).unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
}

#[test]
fn what_was_not_read_is_counted_on_a_stream() {
    let (mut client, mut server) = tcp_pair("127.0.0.1:0");
    assert_eq!(unread(server.as_fd()).unwrap(), 0);
    client.write_all(&[7; 1000]).unwrap();
    until(|| unread(server.as_fd()).unwrap() == 1000);
    until(|| unsent(client.as_fd()).unwrap() == 0);
    server.read_exact(&mut [0; 300]).unwrap();
    assert_eq!(unread(server.as_fd()).unwrap(), 700);
}

#[test]
fn what_the_peer_has_no_room_for_is_unsent() {
    let (client, _server) = tcp_pair("127.0.0.1:0");
    client.set_nonblocking(true).unwrap();
    while (&client).write(&[0; 65_536]).is_ok() {}
    assert!(unsent(client.as_fd()).unwrap() > 0);
}

#[test]
fn only_the_next_datagram_counts_as_unread() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .send_to(b"four", socket.local_addr().unwrap())
        .unwrap();
    socket
        .send_to(b"sixsix", socket.local_addr().unwrap())
        .unwrap();
    until(|| unread(socket.as_fd()).unwrap() == 4);
}

#[test]
fn the_peer_of_a_unix_socket_is_this_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let client = UnixStream::connect(&path).unwrap();
    let (server, _) = listener.accept().unwrap();
    for socket in [client.as_fd(), server.as_fd()] {
        let credentials = peer_credentials(socket).unwrap();
        assert_eq!(credentials.pid, Some(std::process::id()));
    }
}

#[test]
fn a_socket_without_a_peer_has_no_credentials() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = peer_credentials(socket.as_fd()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
}

#[test]
fn a_file_is_no_socket() {
    let file = tempfile::tempfile().unwrap();
    assert!(domain(file.as_fd()).is_err());
    assert!(path_mtu(file.as_fd()).is_err());
}

#[test]
fn a_listener_keeps_the_syn_of_each_connection() {
    for (addr, version) in [("127.0.0.1:0", 4), ("[::1]:0", 6)] {
        let listener = TcpListener::bind(addr).unwrap();
        save_syn(listener.as_fd()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let syn = saved_syn(accepted.as_fd()).unwrap().unwrap();
        assert_eq!(syn[0] >> 4, version);
        let tcp = if version == 4 { 20 } else { 40 };
        let port = client.local_addr().unwrap().port().to_be_bytes();
        assert_eq!(syn[tcp..tcp + 2], port);
        assert_eq!(syn[tcp + 13], 2, "the flags of a SYN");
        assert_eq!(saved_syn(accepted.as_fd()).unwrap(), None);
    }
}

#[test]
fn a_listener_that_does_not_save_has_no_syn() {
    let (client, accepted) = tcp_pair("127.0.0.1:0");
    assert_eq!(saved_syn(accepted.as_fd()).unwrap(), None);
    assert_eq!(saved_syn(client.as_fd()).unwrap(), None);
}

#[test]
fn a_socket_knows_what_it_may_hold() {
    let (client, _accepted) = tcp_pair("127.0.0.1:0");
    let memory = Memory::of(client.as_fd()).unwrap();
    assert!(memory.receive_limit > 1000 && memory.send_limit > 1000);
    assert_eq!(memory.drops, 0);
}
