//! One sender, many receivers: broadcast and multicast on the loopback interface, both ways.
//!
//! IPv6 multicast is not here: Linux gives `lo` no flag `MULTICAST` and no route for `ff00::/8`, so
//! that joining works and nothing ever arrives.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use crate::datagram::{receive, socket};
use crate::record::{of_event, records};
use crate::support::{DEADLINE, connect, listen, need, python};

/// The broadcast address of `lo`.
const EVERYBODY: &str = "127.255.255.255";

#[test]
fn a_broadcast_is_heard_by_a_listener_and_each_answer_comes_back() {
    let listener = listen(&[
        "udp://0.0.0.0:0?broadcast=1",
        "--reply",
        "upper",
        "--as",
        "text",
    ]);
    let port = listener.port();
    let endpoint = format!("udp://{EVERYBODY}:{port}?broadcast=1");
    let ended = connect(&[&endpoint, "--send", "anybody?", "--wait", "2s", "--json"])
        .run()
        .check_code(0);
    let records = records(&ended.stdout);
    let heard: Vec<_> = of_event(&records, "frame")
        .into_iter()
        .filter(|frame| frame["dir"] == "in")
        .collect();
    assert_eq!(heard.len(), 1, "{records:?}");
    assert_eq!(heard[0]["text"], "ANYBODY?");
    let answerer = of_event(&records, "note")
        .into_iter()
        .find(|note| note["kind"] == "answer");
    let answerer = answerer.expect("who answered a broadcast is told");
    assert_eq!(answerer["data"]["addr"], format!("127.0.0.1:{port}"));
    listener
        .interrupt()
        .check_code(130)
        .check_stdout("anybody?\n");
}

#[test]
fn a_client_hears_all_who_answer_a_broadcast() {
    // Two sockets share the port, as two devices of one kind on a network do.
    let (first, port) = sharing(0);
    let (second, _) = sharing(port);
    let endpoint = format!("udp://{EVERYBODY}:{port}?broadcast=1");
    let mut client = connect(&[&endpoint, "--as", "text", "--wait", "100ms"])
        .hold_stdin()
        .start();
    client.feed(b"who is there?\n");
    for (device, answer) in [(first, "one\n"), (second, "two\n")] {
        let (asked, from) = receive(&device);
        assert_eq!(asked, b"who is there?");
        device
            .send_to(answer.trim().as_bytes(), from)
            .expect("loopback takes it");
        client.wait_for_stdout(answer.as_bytes());
    }
    client.end_stdin();
    client.finish().check_code(0);
}

#[test]
fn without_the_option_a_broadcast_is_refused_by_name() {
    let endpoint = format!("udp://{EVERYBODY}:9");
    let ended = connect(&[&endpoint, "--send", "x", "--wait", "100ms"]).run();
    assert!(matches!(ended.code, Some(1 | 2)), "{}", ended.told());
    assert!(ended.stderr.contains("broadcast"), "{}", ended.told());
}

#[test]
fn a_group_hears_a_client_and_answers_it() {
    for interface in ["lo", "127.0.0.1"] {
        let group = group();
        let endpoint = format!("udp://{group}:0?interface={interface}");
        let listener = listen(&[&endpoint, "--reply", "upper", "--as", "text"]);
        let endpoint = format!("udp://{group}:{}?interface={interface}", listener.port());
        connect(&[
            &endpoint,
            "--send",
            "hello, group",
            "--wait",
            "2s",
            "--as",
            "text",
        ])
        .run()
        .check_code(0)
        .check_stdout("HELLO, GROUP\n");
        listener
            .interrupt()
            .check_code(130)
            .check_stdout("hello, group\n");
    }
}

#[test]
fn two_members_of_a_group_share_its_port() {
    let group = group();
    let first = listen(&[
        &format!("udp://{group}:0?interface=127.0.0.1"),
        "--as",
        "text",
    ]);
    let endpoint = format!("udp://{group}:{}?interface=127.0.0.1", first.port());
    let second = listen(&[&endpoint, "--as", "text"]);
    second.address();
    connect(&[&endpoint, "--send", "to all", "--wait", "50ms"])
        .run()
        .check_code(0);
    for member in [first, second] {
        member.wait_for_stdout(b"to all\n");
        member.interrupt().check_code(130).check_stdout("to all\n");
    }
}

#[test]
fn a_listener_joins_a_group_beside_its_own_address() {
    let group = group();
    let endpoint = format!("udp://0.0.0.0:0?join={group}&interface=127.0.0.1");
    let listener = listen(&[&endpoint, "--as", "text"]);
    let port = listener.port();
    let to_group = format!("udp://{group}:{port}?interface=127.0.0.1");
    connect(&[&to_group, "--send", "by group", "--wait", "50ms"])
        .run()
        .check_code(0);
    listener.wait_for_stdout(b"by group\n");
    socket()
        .send_to(b"by address", (Ipv4Addr::LOCALHOST, port))
        .expect("loopback takes it");
    listener.wait_for_stdout(b"by address\n");
    listener.interrupt().check_code(130);
}

#[test]
fn a_datagram_to_a_group_takes_as_many_hops_as_it_is_told() {
    if !need("python3") {
        return;
    }
    let group = group();
    let member = python(
        "import socket, sys\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.bind(('', 0))\n\
         s.setsockopt(socket.IPPROTO_IP, 12, 1)\n\
         s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,\n\
         \x20            socket.inet_aton(sys.argv[1]) + socket.inet_aton('127.0.0.1'))\n\
         print(s.getsockname()[1])\n\
         for _ in range(2):\n\
         \x20   data, facts, _, _ = s.recvmsg(1024, 1024)\n\
         \x20   print(data.decode(), facts[0][2][0])\n",
        &[&group.to_string()],
    )
    .start();
    // One hop is the system's default for groups (ip(7)); 12 is IP_RECVTTL.
    let endpoint = format!("udp://{group}:{}?interface=lo", member.printed_port());
    for (options, shown) in [("", "x 1\n"), ("&multicast-ttl=5", "x 5\n")] {
        let endpoint = format!("{endpoint}{options}");
        connect(&[&endpoint, "--send", "x", "--wait", "50ms"])
            .run()
            .check_code(0);
        member.wait_for_stdout(shown.as_bytes());
    }
    member.finish().check_code(0);
}

#[test]
fn a_python_member_of_a_group_is_talked_to_both_ways() {
    if !need("python3") {
        return;
    }
    let group = group();
    let member = python(
        "import socket, sys\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
         s.bind(('', 0))\n\
         s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,\n\
         \x20            socket.inet_aton(sys.argv[1]) + socket.inet_aton('127.0.0.1'))\n\
         print(s.getsockname()[1])\n\
         data, addr = s.recvfrom(1024)\n\
         s.sendto(b'member heard ' + data, addr)\n",
        &[&group.to_string()],
    )
    .start();
    let endpoint = format!(
        "udp://{group}:{}?interface=127.0.0.1",
        member.printed_port()
    );
    connect(&[
        &endpoint,
        "--send",
        "hello",
        "--expect",
        "member heard hello",
    ])
    .run()
    .check_code(0);
    member.finish().check_code(0);

    let listener = listen(&[
        &format!("udp://{group}:0?interface=127.0.0.1"),
        "--reply",
        "upper",
    ]);
    let port = listener.port().to_string();
    python(
        "import socket, sys\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.settimeout(20)\n\
         s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('127.0.0.1'))\n\
         s.sendto(b'hello', (sys.argv[1], int(sys.argv[2])))\n\
         print(s.recvfrom(1024)[0].decode())\n",
        &[&group.to_string(), &port],
    )
    .run()
    .check_code(0)
    .check_stdout("HELLO\n");
    listener.interrupt().check_code(130);
}

#[test]
fn multicast_over_a_stream_and_a_group_that_is_none_are_refused_by_name() {
    connect(&["tcp://239.1.2.3:9"])
        .run()
        .check_code(2)
        .check_stderr(&["239.1.2.3", "udp://"]);
    let endpoint = "udp://127.0.0.1:0?join=127.0.0.1";
    crate::support::sockpit(&["listen", endpoint])
        .run()
        .check_code(2)
        .check_stderr(&["127.0.0.1", "not a multicast address"]);
    crate::support::sockpit(&["listen", "udp://239.1.2.3:0?interface=nothing0"])
        .run()
        .check_code(2)
        .check_stderr(&["nothing0"]);
}

/// A group for one test alone: of those for local use (RFC 2365), by a port that only we have.
fn group() -> Ipv4Addr {
    let port = socket().local_addr().expect("it is bound").port();
    let [high, low] = port.to_be_bytes();
    Ipv4Addr::new(239, 255, high, low)
}

/// A socket that shares `port`, or a new one, with others, and hears broadcasts.
fn sharing(port: u16) -> (UdpSocket, u16) {
    use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};
    let shared = socket(AddressFamily::INET, SocketType::DGRAM, None).expect("a socket");
    sockopt::set_socket_reuseaddr(&shared, true).expect("UDP has it");
    bind(&shared, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).expect("it is shared");
    let shared = UdpSocket::from(shared);
    shared
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    let port = shared.local_addr().expect("it is bound").port();
    (shared, port)
}
