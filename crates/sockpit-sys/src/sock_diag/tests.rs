use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use super::*;
use crate::netlink::attribute;

fn inode(socket: &impl AsRawFd) -> u32 {
    let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
    std::fs::metadata(link).unwrap().ino() as u32
}

fn find_inet(protocol: Protocol, states: States, inode: u32) -> Option<InetSocket> {
    let sockets = inet(protocol, states).unwrap();
    sockets.into_iter().find(|socket| socket.inode == inode)
}

#[test]
fn a_listener_has_an_address_a_user_and_a_backlog() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        let waiting = [
            TcpStream::connect(addr).unwrap(),
            TcpStream::connect(addr).unwrap(),
        ];
        let found = find_inet(Protocol::Tcp, States::HOLDING, inode(&listener)).unwrap();
        assert_eq!((found.local, found.state), (addr, State::Listening));
        assert_eq!(found.queue.incoming, 2);
        assert!(found.queue.outgoing > 2);
        assert_eq!(found.uid, std::fs::metadata("/proc/self").unwrap().uid());
        assert_eq!(found.is_v6_only.is_some(), addr.is_ipv6());
        drop(waiting);
    }
}

#[test]
fn an_ipv6_socket_says_whether_it_leaves_ipv4_to_others() {
    for only in [true, false] {
        let domain = socket2::Domain::IPV6;
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
        socket.set_only_v6(only).unwrap();
        socket
            .bind(&"[::]:0".parse::<SocketAddr>().unwrap().into())
            .unwrap();
        socket.listen(3).unwrap();
        let found = find_inet(Protocol::Tcp, States::HOLDING, inode(&socket)).unwrap();
        assert_eq!((found.is_v6_only, found.queue.outgoing), (Some(only), 3));
    }
}

#[test]
fn a_datagram_socket_is_found_connected_or_not() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let found = find_inet(Protocol::Udp, States::HOLDING, inode(&socket)).unwrap();
    assert_eq!(found.state, State::Closed);
    assert_eq!(found.local, socket.local_addr().unwrap());
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(peer.local_addr().unwrap()).unwrap();
    let found = find_inet(Protocol::Udp, States::ALL, inode(&socket)).unwrap();
    assert_eq!(found.state, State::Established);
    assert_eq!(found.peer, peer.local_addr().unwrap());
}

#[test]
fn the_two_ends_of_a_connection_are_found() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    std::io::Write::write_all(&mut &client, b"unread").unwrap();
    let found = find_inet(Protocol::Tcp, States::ALL, inode(&server)).unwrap();
    assert_eq!(found.state, State::Established);
    assert_eq!(found.peer, client.local_addr().unwrap());
    assert_eq!(found.queue.incoming, 6);
}

/// Both ends, and what TCP knows of each, whoever has the socket.
#[test]
fn the_other_end_of_a_connection_is_found_by_its_addresses() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(addr).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut &client, b"unread").unwrap();
        let (own, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let found = tcp_end(peer, own).unwrap().unwrap();
        assert_eq!(found.socket.inode, inode(&server));
        assert_eq!((found.socket.local, found.socket.peer), (peer, own));
        assert_eq!(found.socket.queue.incoming, 6);
        let info = found.info.unwrap();
        assert_eq!((info.state, info.bytes_received.unwrap_or(6)), (1, 6));
        assert!(!found.congestion.unwrap().is_empty());
        assert!(found.memory.unwrap().receive_limit > 1000);
        let found = tcp_end(own, peer).unwrap().unwrap();
        assert_eq!(found.socket.inode, inode(&client));
    }
}

#[test]
fn an_ipv6_listener_that_serves_ipv4_is_found_too() {
    let domain = socket2::Domain::IPV6;
    let listener = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
    listener.set_only_v6(false).unwrap();
    let any: SocketAddr = "[::]:0".parse().unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(3).unwrap();
    let port = listener.local_addr().unwrap().as_socket().unwrap().port();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (server, _) = listener.accept().unwrap();
    let (own, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let found = tcp_end(peer, own).unwrap().unwrap();
    assert_eq!(found.socket.inode, inode(&server));
}

#[test]
fn a_connection_that_is_not_here_is_no_error() {
    let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
    // port: never opened
    let (own, peer) = (addr("192.0.2.1:7"), addr("192.0.2.2:7"));
    assert_eq!(tcp_end(own, peer).unwrap(), None);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(
        tcp_end(listener.local_addr().unwrap(), peer).unwrap(),
        None,
        "its listener is another socket"
    );
}

/// What is too short or lies about its attributes gives less, and never panics.
#[test]
fn b1_an_answer_cut_anywhere_is_read_as_far_as_it_goes() {
    let mut body = vec![0; 72];
    body[0] = libc::AF_INET as u8;
    body[1] = 10;
    // port: never opened
    body[4..6].copy_from_slice(&7000u16.to_be_bytes());
    body[8..12].copy_from_slice(&[192, 0, 2, 1]);
    body[60..64].copy_from_slice(&128u32.to_ne_bytes());
    body.extend(attribute(11, &[1]));
    let whole = inet::parse(&body).unwrap();
    assert_eq!(whole.local, SocketAddr::from(([192, 0, 2, 1], 7000)));
    assert_eq!((whole.queue.outgoing, whole.is_v6_only), (128, Some(true)));
    for len in 0..72 {
        assert_eq!(inet::parse(&body[..len]), None, "of {len} bytes");
    }
    assert_eq!(inet::parse(&body[..72]).unwrap().is_v6_only, None);
    let mut end = body.clone();
    end.extend(attribute(4, b"cubic\0"));
    end.extend(attribute(7, &[1; 36]));
    end.extend(attribute(2, &[0; 103]));
    for len in 0..end.len() {
        assert_eq!(inet::parse_end(&end[..len]).is_some(), len >= 72);
    }
    let end = inet::parse_end(&end).unwrap();
    assert_eq!((end.congestion.as_deref(), end.info), (Some("cubic"), None));
    assert_eq!(end.memory.unwrap().drops, 0x0101_0101);
    body[0] = 99;
    assert_eq!(inet::parse(&body), None);
}

fn find_unix(inode: u32) -> Option<UnixSocket> {
    unix()
        .unwrap()
        .into_iter()
        .find(|socket| socket.inode == inode)
}

#[test]
fn a_unix_listener_has_its_file_its_user_and_its_backlog() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let client = UnixStream::connect(&path).unwrap();
    let found = find_unix(inode(&listener)).unwrap();
    assert_eq!(found.name, Some(UnixName::Path(path.clone())));
    assert_eq!(
        (found.kind, found.state),
        (UnixKind::Stream, UnixState::Listening)
    );
    assert_eq!(found.queue.incoming, 1);
    let facts = std::fs::metadata(&path).unwrap();
    assert_eq!(found.file, Some((facts.ino() as u32, facts.dev())));
    if let Some(uid) = found.uid {
        assert_eq!(uid, facts.uid());
    }
    let (accepted, _) = listener.accept().unwrap();
    let found = find_unix(inode(&accepted)).unwrap();
    assert_eq!(found.state, UnixState::Connected);
    assert_eq!(found.peer, Some(inode(&client)));
}

#[test]
fn an_abstract_name_is_found() {
    let name = format!("sockpit-sys-{}", std::process::id());
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&addr).unwrap();
    let found = find_unix(inode(&socket)).unwrap();
    assert_eq!(found.name, Some(UnixName::Abstract(name.into_bytes())));
    assert_eq!(
        (found.kind, found.state),
        (UnixKind::Datagram, UnixState::Unconnected)
    );
    assert_eq!(found.file, None);
}

#[test]
fn b1_a_unix_answer_cut_anywhere_is_read_as_far_as_it_goes() {
    let mut body = vec![libc::AF_UNIX as u8, 1, 10, 0, 42, 0, 0, 0];
    body.extend([0; 8]);
    body.extend(attribute(0, b"/run/a.sock\0"));
    body.extend(attribute(1, &[1, 0]));
    let whole = unix::parse(&body).unwrap();
    assert_eq!(whole.name, Some(UnixName::Path("/run/a.sock".into())));
    assert_eq!(whole.file, None);
    for len in 0..body.len() {
        assert_eq!(
            unix::parse(&body[..len]).is_some(),
            len >= 16,
            "of {len} bytes"
        );
    }
}
