//! What is refused, and in which words.

use super::*;

#[test]
fn an_option_of_another_transport_is_refused_by_name() {
    let cases = [
        (
            "udp://h:1?nodelay=1",
            "`nodelay` has no meaning on udp; it belongs to tcp",
        ),
        (
            "unix:///s?keepalive=1s",
            "`keepalive` has no meaning on unix; it belongs to tcp",
        ),
        (
            "udp://h:1?backlog=5",
            "`backlog` has no meaning on udp; it belongs to tcp and unix",
        ),
        (
            "udp://h:1?linger=5s",
            "`linger` has no meaning on udp; it belongs to tcp and unix",
        ),
        (
            "tcp://h:1?wait=5s",
            "`wait` has no meaning on tcp; it belongs to udp and unixgram",
        ),
        (
            "tcp://h:1?warn-size=512",
            "`warn-size` has no meaning on tcp; it belongs to udp and unixgram",
        ),
        (
            "unix:///s?ttl=5",
            "`ttl` has no meaning on unix; it belongs to tcp and udp",
        ),
        (
            "unixgram:///s?tos=5",
            "`tos` has no meaning on unixgram; it belongs to tcp and udp",
        ),
        (
            "unix:///s?family=4",
            "`family` has no meaning on unix; it belongs to tcp and udp",
        ),
        (
            "unix:///s?reuseport=1",
            "`reuseport` has no meaning on unix; it belongs to tcp and udp",
        ),
        (
            "tcp://h:1?broadcast=1",
            "`broadcast` has no meaning on tcp; it belongs to udp",
        ),
        (
            "tcp://h:1?join=239.1.1.1",
            "`join` has no meaning on tcp; it belongs to udp",
        ),
        (
            "tcp://h:1?interface=lo",
            "`interface` has no meaning on tcp; it belongs to udp",
        ),
        (
            "unixgram:///s?interface=lo",
            "`interface` has no meaning on unixgram; it belongs to udp",
        ),
        (
            "tcp://h:1?multicast-ttl=1",
            "`multicast-ttl` has no meaning on tcp; it belongs to udp",
        ),
        (
            "tcp://h:1?multicast-loop=1",
            "`multicast-loop` has no meaning on tcp; it belongs to udp",
        ),
    ];
    for (endpoint, expected) in cases {
        check_refused(Role::Client, endpoint, expected);
        check_refused(Role::Server, endpoint, expected);
    }
}

#[test]
fn a_client_needs_a_port() {
    let told = "port 0 names no server; give the port that it listens on";
    check_refused(Role::Client, "tcp://h:0", told);
    check_refused(Role::Client, "udp://127.0.0.1:0", told);
    assert!(resolve(Role::Server, "tcp://h:0").is_ok());
}

#[test]
fn only_udp_reaches_groups_and_only_groups_are_joined() {
    check_refused(
        Role::Server,
        "tcp://239.1.2.3:7",
        "`239.1.2.3` is a multicast address, which TCP cannot reach; write `udp://`",
    );
    check_refused(
        Role::Client,
        "udp://h:7?join=10.0.0.1",
        "`10.0.0.1` is not a multicast address; groups are 224.0.0.0/4 and ff00::/8",
    );
}

#[test]
fn a_read_takes_a_byte_at_least_and_a_gibibyte_at_most() {
    for size in ["0", "1073741825", "100GiB"] {
        let error = resolve(Role::Client, &format!("tcp://h:1?read-size={size}")).expect_err(size);
        assert!(
            error.to_string().starts_with("option `read-size`: `"),
            "{error}"
        );
    }
    assert_eq!(client("tcp://h:1?read-size=1").read_size.get(), 1);
    assert_eq!(client("tcp://h:1?read-size=1GiB").read_size.get(), 1 << 30);
}

#[test]
fn both_sides_can_share_an_endpoint() {
    let endpoint = "tcp://h:1?bind=:9&timeout=1s&backlog=5&max-peers=3";
    assert_eq!(client(endpoint).endpoint(), server(endpoint).endpoint());
}

/// Checks why an endpoint makes no plan.
#[track_caller]
fn check_refused(role: Role, endpoint: &str, expected: &str) {
    let error = resolve(role, endpoint).expect_err(endpoint);
    assert_eq!(error.to_string(), expected);
}
