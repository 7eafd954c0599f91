//! What is listed, and which ports are free.

use super::*;

fn selection(port: u16, extent: Extent) -> Selection {
    Selection {
        kinds: vec![Kind::Tcp, Kind::Udp],
        ports: vec![port..=port],
        extent,
    }
}

#[test]
fn a_listener_is_listed_with_its_backlog_and_its_connections_on_demand() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let waiting = [
        TcpStream::connect(addr).unwrap(),
        TcpStream::connect(addr).unwrap(),
    ];
    let accepted = listener.accept().unwrap();
    let listed = |extent| {
        let mut owners = ours(list(&selection(addr.port(), extent)));
        // Another test may have the port elsewhere, or by datagrams.
        owners.retain(|owner| owner.kind == Kind::Tcp && owner.local == Some(addr));
        owners
    };
    let owners = listed(Extent::Holding);
    assert_eq!(owners.len(), 1);
    assert_eq!(
        is_us(&owners).backlog.map(|backlog| backlog.waiting),
        Some(1)
    );
    let owners = listed(Extent::Everything);
    let states: Vec<_> = owners
        .iter()
        .map(|owner| (owner.state, owner.sockets))
        .collect();
    assert_eq!(states, [(State::Listening, 1), (State::Connected, 1)]);
    drop((waiting, accepted));
}

#[test]
fn a_port_is_free_or_not() {
    // Another test may be given what is free here before it is looked at, but not each time.
    let is_free_by_udp = (0..10).any(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let held = listener.local_addr().unwrap().port();
        assert_eq!(
            free_port(&[Protocol::Tcp], Some(held..=held)).unwrap(),
            None
        );
        free_port(&[Protocol::Udp], Some(held..=held)).unwrap() == Some(held)
    });
    assert!(is_free_by_udp, "a listener takes the port from datagrams");
    let both = [Protocol::Tcp, Protocol::Udp];
    let is_free = (0..10).any(|_| {
        let free = free_port(&both, None).unwrap().unwrap();
        list(&selection(free, Extent::Everything)).is_empty()
    });
    assert!(is_free, "somebody holds what is found free");
    assert_eq!(free_port(&both, Some(0..=0)).unwrap(), None);
}
