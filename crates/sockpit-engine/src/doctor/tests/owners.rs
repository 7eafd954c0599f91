//! Who holds an address or a path.

use std::os::unix::net::UnixStream;

use super::*;

#[test]
fn a_listener_of_this_process_is_found() {
    for addr in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
        let listener = TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        let owners = ours(owners(Protocol::Tcp, addr));
        let owner = is_us(&owners);
        assert_eq!((owner.local, owner.state), (Some(addr), State::Listening));
    }
}

#[test]
fn a_udp_socket_of_this_process_is_found() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let socket = UdpSocket::bind(addr).unwrap();
        let addr = socket.local_addr().unwrap();
        let owners = ours(owners(Protocol::Udp, addr));
        let owner = is_us(&owners);
        assert_eq!((owner.local, owner.state), (Some(addr), State::Bound));
    }
}

#[test]
fn a_listener_at_all_addresses_is_in_the_way_of_one() {
    for all in ["0.0.0.0:0", "[::]:0"] {
        let listener = TcpListener::bind(all).unwrap();
        let port = listener.local_addr().unwrap().port();
        let wanted = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let owners = ours(owners(Protocol::Tcp, wanted));
        assert_eq!(is_us(&owners).local, listener.local_addr().ok());
    }
}

#[test]
fn a_listener_at_one_address_is_in_the_way_of_all() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let wanted = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    let owners = ours(owners(Protocol::Tcp, wanted));
    assert_eq!(is_us(&owners).local, listener.local_addr().ok());
}

#[test]
fn connections_come_behind_their_listener_and_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..5).map(|_| TcpStream::connect(addr).unwrap()).collect();
    let accepted: Vec<_> = (0..5).map(|_| listener.accept().unwrap()).collect();
    let owners = ours(owners(Protocol::Tcp, addr));
    is_us(&owners);
    let states: Vec<_> = owners.iter().map(|owner| owner.state).collect();
    assert_eq!(states, [State::Listening, State::Connected]);
    drop((clients, accepted));
}

#[test]
fn a_connection_that_ended_is_held_by_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(addr).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop((server, listener));
    // The end has arrived, so that this side's end is the last of the connection.
    assert_eq!(std::io::Read::read(&mut client, &mut [0]).unwrap(), 0);
    drop(client);
    // The child of another test may have an end, too, until it is the program that it becomes.
    let until = Instant::now() + Duration::from_secs(10);
    let owners = loop {
        let found = owners(Protocol::Tcp, addr);
        let is_over = |owner: &Owner| owner.state == State::TimeWait;
        if found.first().is_some_and(is_over) || until < Instant::now() {
            break found;
        }
        std::thread::sleep(Duration::from_millis(5)); // sleep: polled, with a deadline
    };
    let owner = owners.first().expect("the system remembers the connection");
    assert_eq!(
        (owner.state, owner.pid, owner.uid),
        (State::TimeWait, None, None)
    );
    assert!(
        explain(&owners, None)
            .unwrap()
            .starts_with("no program holds it")
    );
}

/// The tables of `/proc` do not have it, and bind(2) fails all the same.
#[test]
fn a_socket_that_is_bound_and_does_not_listen_is_found() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let addr: SocketAddr = addr.parse().unwrap();
        let domain = socket2::Domain::for_address(addr);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
        socket.bind(&addr.into()).unwrap();
        let addr = socket.local_addr().unwrap().as_socket().unwrap();
        let owners = ours(owners(Protocol::Tcp, addr));
        if owners.is_empty() {
            assert!(
                !lists_bound_sockets(),
                "the system tells them, and this one was not found"
            );
            continue;
        }
        let owner = is_us(&owners);
        assert_eq!((owner.local, owner.state), (Some(addr), State::Bound));
    }
}

#[test]
fn a_free_port_has_no_owner() {
    // On an address whose ports nobody else takes.
    let socket = UdpSocket::bind("127.0.0.85:0").unwrap();
    let addr = socket.local_addr().unwrap();
    drop(socket);
    wait_for_nobody(|| owners(Protocol::Udp, addr));
    assert_eq!(explain(&[], None), None);
}

#[test]
fn a_unix_listener_is_found_by_any_path_that_leads_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("with space.sock");
    let listener = UnixListener::bind(&path).unwrap();
    // Connections bear the listener's name without holding it.
    let client = UnixStream::connect(&path).unwrap();
    let accepted = listener.accept().unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    for path in [
        path.clone(),
        dir.path().join("./with space.sock"),
        link.join("with space.sock"),
    ] {
        let owners = ours(unix_owners(&path));
        assert_eq!(is_us(&owners).state, State::Listening);
        assert_eq!(owners.len(), 1);
    }
    drop((client, accepted, listener));
    assert!(path.exists());
    wait_for_nobody(|| unix_owners(&path));
}

#[test]
fn an_abstract_name_and_a_datagram_socket_are_found() {
    use std::os::linux::net::SocketAddrExt;

    let name = format!("sockpit-doctor-test-{}", std::process::id());
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&addr).unwrap();
    let path = format!("@{name}");
    let owners = ours(unix_owners(Path::new(&path)));
    assert_eq!(is_us(&owners).state, State::Bound);
    drop(socket);
    wait_for_nobody(|| unix_owners(Path::new(&path)));
}

#[test]
fn a_datagram_socket_that_others_are_connected_to_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let server = UnixDatagram::bind(&path).unwrap();
    let client = UnixDatagram::unbound().unwrap();
    client.connect(&path).unwrap();
    let owners = ours(unix_owners(&path));
    assert_eq!(is_us(&owners).state, State::Bound);
    // One with a peer of its own holds its name too.
    let named = dir.path().join("c");
    let second = UnixDatagram::bind(&named).unwrap();
    second.connect(&path).unwrap();
    assert_eq!(ours(unix_owners(&named)).len(), 1);
    drop((server, client, second));
    wait_for_nobody(|| unix_owners(&path));
}

#[test]
fn addresses_are_in_each_other_s_way() {
    let check = |held: &str, wanted: &str, expected| {
        let (held, wanted) = (held.parse().unwrap(), wanted.parse().unwrap());
        assert_eq!(overlaps(held, wanted), expected, "{held} and {wanted}");
        assert_eq!(overlaps(wanted, held), expected, "{wanted} and {held}");
    };
    // port: only compared
    check("127.0.0.1:7", "127.0.0.1:7", true);
    // port: only compared
    check("127.0.0.1:7", "127.0.0.1:8", false);
    // port: only compared
    check("127.0.0.1:7", "127.0.0.2:7", false);
    // port: only compared
    check("0.0.0.0:7", "127.0.0.2:7", true);
    // port: only compared
    check("0.0.0.0:7", "[::]:7", true);
    // port: only compared
    check("[::]:7", "127.0.0.1:7", true);
    // port: only compared
    check("0.0.0.0:7", "[::1]:7", false);
    // port: only compared
    check("[::ffff:127.0.0.1]:7", "127.0.0.1:7", true);
    // port: only compared
    check("[::ffff:0.0.0.0]:7", "127.0.0.1:7", true);
    check("[fe80::1%3]:7", "[fe80::1]:7", true);
}

/// One that leaves IPv4 to others is not in its way.
#[test]
fn an_ipv6_listener_is_in_the_way_of_ipv4_where_it_takes_that() {
    for only in [true, false] {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
        socket.set_only_v6(only).unwrap();
        let any: SocketAddr = "[::]:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(1).unwrap();
        let local = socket.local_addr().unwrap().as_socket().unwrap();
        let wanted = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), local.port());
        let mut owners = ours(owners(Protocol::Tcp, wanted));
        // Another test may have the number with IPv4, where that is left to others.
        owners.retain(|owner| owner.local == Some(local));
        assert_eq!(owners.is_empty(), only);
        if let Some(said) = explain(&owners, Some(wanted)) {
            assert!(said.ends_with(", which takes IPv4 too"), "{said}");
        }
    }
}
