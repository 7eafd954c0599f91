//! Groups and broadcast.

use super::*;

#[test]
fn a_listener_joins_the_group_that_it_is_told_or_listens_on() {
    let group: IpAddr = "239.1.2.3".parse().unwrap();
    let joined = Multicast {
        group: Some(group),
        interface: None,
        ttl: None,
        loops_back: None,
    };
    assert_eq!(
        server("udp://239.1.2.3:7").socket.multicast,
        Some(joined.clone())
    );
    assert_eq!(
        server("udp://:7?join=239.1.2.3").socket.multicast,
        Some(joined.clone())
    );
    // What is told wins over where it listens.
    assert_eq!(
        server("udp://239.9.9.9:7?join=239.1.2.3").socket.multicast,
        Some(joined)
    );
    let v6 = server("udp://[ff02::1]:7?interface=lo")
        .socket
        .multicast
        .unwrap();
    assert_eq!(v6.group, Some("ff02::1".parse().unwrap()));
    assert_eq!(v6.interface.as_deref(), Some("lo"));
}

#[test]
fn a_client_that_only_sends_to_a_group_joins_none() {
    let plan = client("udp://239.1.2.3:7?multicast-ttl=4&multicast-loop=0&interface=127.0.0.1");
    assert_eq!(
        plan.socket.multicast,
        Some(Multicast {
            group: None,
            interface: Some("127.0.0.1".into()),
            ttl: Some(4),
            loops_back: Some(false),
        })
    );
    let plan = client("udp://h:7?join=ff02::1");
    assert_eq!(
        plan.socket.multicast.unwrap().group,
        Some("ff02::1".parse().unwrap())
    );
    assert_eq!(client("udp://h:7").socket.multicast, None);
}

#[test]
fn the_limited_broadcast_address_allows_broadcast_by_itself() {
    assert!(client("udp://255.255.255.255:9").socket.broadcast);
    assert!(
        !client("udp://255.255.255.255:9?broadcast=0")
            .socket
            .broadcast
    );
    assert!(!client("udp://192.168.1.255:9").socket.broadcast);
}

#[test]
fn answers_come_from_many_where_many_are_asked() {
    let many = [
        "udp://255.255.255.255:9",
        "udp://10.0.0.255:9?broadcast=1",
        "udp://239.1.1.1:9",
    ];
    for endpoint in many {
        assert!(client(endpoint).has_many_answerers(), "{endpoint}");
    }
    for endpoint in ["udp://h:9", "tcp://h:9", "unixgram:///s"] {
        assert!(!client(endpoint).has_many_answerers(), "{endpoint}");
    }
}
