//! Datagrams: a send is a message, whoever sends it, and its boundaries hold.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::record::{of_event, records};
use crate::support::{
    DEADLINE, Program, Running, Signal, connect, contains, folder, listen, need, processor_time,
    python, say, sockpit, wait_until,
};

/// In bytes: the most that one datagram holds over IPv4 (65,535 less the IP and UDP headers).
const MOST_V4: usize = 65_507;

/// In bytes: the same over IPv6, whose length does not count its own header.
const MOST_V6: usize = 65_527;

/// In a network of its own, whose loopback is as slow as a modem.
#[test]
fn a_socket_that_is_full_after_an_icmp_message_costs_no_processor() {
    if !need("unshare") || !need("tc") || !need("ip") {
        return;
    }
    let lines = format!("{}\n", "x".repeat(1000)).repeat(400);
    let slow =
        "ip link set lo up && tc qdisc add dev lo root tbf rate 64kbit burst 1600 latency 20s";
    let client = format!(
        // port: nobody has it in a network that is new
        "{slow} && exec '{}' connect 'udp://127.0.0.1:9?sndbuf=8192'",
        env!("CARGO_BIN_EXE_sockpit")
    );
    let mut client = Program::new("unshare", &["-Urn", "sh", "-c", &client])
        .stdin(lines)
        .start();
    client.wait("the ICMP message, or why there is none", |client| {
        !client.stderr().is_empty()
    });
    if !client.stderr().contains("nobody listens") {
        say(&format!("skipped: {}", client.stderr().trim()));
        client.signal(Signal::KILL);
        client.finish();
        return;
    }
    let before = processor_time(client.pid());
    // sleep: what it spends while it waits is what is looked at
    thread::sleep(Duration::from_secs(1));
    assert!(!client.is_over(), "{}", client.stderr());
    let spent = processor_time(client.pid()) - before;
    assert!(spent < Duration::from_millis(300), "{spent:?}");
    client.interrupt();
}

#[test]
fn a_client_shows_each_reply_and_is_done_when_none_comes_any_more() {
    for (host, scheme) in [("127.0.0.1", "udp://127.0.0.1"), ("::1", "udp://[::1]")] {
        let (server, endpoint) = served(host, scheme, |server| {
            let (asked, from) = receive(server);
            assert_eq!(asked, b"hello");
            for reply in [&b"one"[..], b"two"] {
                server.send_to(reply, from).expect("loopback takes it");
            }
        });
        let ended = connect(&[
            &endpoint, "--send", "hello", "--wait", "300ms", "--as", "text",
        ])
        .run()
        .check_code(0)
        .check_stdout("one\ntwo\n")
        .check_silent();
        assert!(
            ended.took >= Duration::from_millis(300),
            "it did not wait: {:?}",
            ended.took
        );
        server.join().expect("the server heard what it should");
    }
}

#[test]
fn each_reply_starts_the_wait_anew() {
    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
        let (_, from) = receive(server);
        for _ in 0..6 {
            // sleep: the pace of the replies is what is tested
            thread::sleep(Duration::from_millis(250));
            server.send_to(b".", from).expect("loopback takes it");
        }
    });
    let ended = connect(&[&endpoint, "--send", "go", "--wait", "1s"])
        .run()
        .check_code(0);
    assert_eq!(ended.stdout, b"......");
    server.join().expect("the server heard what it should");
}

#[test]
fn a_closed_port_is_told_and_exits_with_1() {
    let (_held, port) = closed_port();
    for program in [
        connect(&[&format!("udp://127.0.0.1:{port}"), "--send", "anybody?"]),
        connect(&[&format!("udp://127.0.0.1:{port}")]).stdin("anybody?\n"),
    ] {
        program
            .run()
            .check_code(1)
            .check_stdout("")
            .check_stderr(&["nobody listens there"]);
    }
}

#[test]
fn b8_a_thousand_sends_to_a_closed_port_are_survived() {
    let (_held, port) = closed_port();
    let lines = "message\n".repeat(1000);
    let ended = connect(&[&format!("udp://127.0.0.1:{port}"), "--json"])
        .stdin(lines)
        .run()
        .check_code(1)
        .check_stderr(&["nobody listens there"]);
    let sent = of_event(&records(&ended.stdout), "frame").len();
    assert_eq!(
        sent, 1000,
        "a refusal ends nothing while there is something to send"
    );
}

#[test]
fn a_client_that_was_refused_is_heard_once_a_listener_came_up() {
    let (held, port) = closed_port();
    let mut client = connect(&[&format!("udp://127.0.0.1:{port}"), "--wait", "200ms"])
        .hold_stdin()
        .start();
    client.feed(b"too early\n");
    client.wait_for_stderr("nobody listens there");
    drop(held);
    let listener = listen(&[&format!("udp://127.0.0.1:{port}"), "--reply", "upper"]);
    listener.address();
    client.feed(b"in time\n");
    client.wait_for_stdout(b"IN TIME");
    client.end_stdin();
    // The first message was lost, and that is not hidden.
    client.finish().check_code(1);
}

#[test]
fn an_empty_datagram_is_a_message_to_a_client_and_never_an_end() {
    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
        let (asked, from) = receive(server);
        assert_eq!(asked, b"", "an empty line is an empty message");
        for reply in [&b""[..], b"after", b""] {
            server.send_to(reply, from).expect("loopback takes it");
        }
    });
    let ended = connect(&[&endpoint, "--json", "--wait", "300ms"])
        .stdin("\n")
        .run()
        .check_code(0);
    let records = records(&ended.stdout);
    let heard: Vec<&Value> = of_event(&records, "frame")
        .into_iter()
        .filter(|frame| frame["dir"] == "in")
        .collect();
    let lens: Vec<_> = heard
        .iter()
        .map(|frame| frame["len"].as_u64().unwrap())
        .collect();
    assert_eq!(lens, [0, 5, 0]);
    server.join().expect("the server heard what it should");
}

#[test]
fn an_empty_datagram_is_a_message_to_a_listener_and_never_an_end() {
    let listener = listen(&["udp://127.0.0.1:0", "--reply", "echo", "--as", "text"]);
    let peer = socket();
    let to = at(&listener);
    for message in [&b""[..], b"after", b""] {
        peer.send_to(message, to).expect("loopback takes it");
        assert_eq!(receive(&peer).0, message);
    }
    listener.wait_for_stdout(b"\nafter\n\n");
    listener
        .interrupt()
        .check_code(130)
        .check_stdout("\nafter\n\n");
}

#[test]
fn boundaries_are_kept_both_ways() {
    let long = "x".repeat(31);
    let listener = listen(&["udp://127.0.0.1:0", "--reply", "echo", "--as", "hex"]);
    let ended = connect(&[&listener.address(), "--wait", "300ms", "--as", "text"])
        .stdin(format!("{long}\ny\n{long}\n"))
        .run()
        .check_code(0);
    assert_eq!(ended.text(), format!("{long}\ny\n{long}\n"));
    let hex = ["78"; 31].join(" ");
    listener
        .interrupt()
        .check_code(130)
        .check_stdout(format!("{hex}\n79\n{hex}\n"));
}

#[test]
fn each_line_is_a_datagram_without_its_end_and_the_last_one_needs_none() {
    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
        let heard: Vec<Vec<u8>> = (0..4).map(|_| receive(server).0).collect();
        assert_eq!(heard, [&b"unix"[..], b"dos", b"", b"last"]);
    });
    connect(&[&endpoint, "--wait", "50ms"])
        .stdin("unix\ndos\r\n\r\nlast")
        .run()
        .check_code(0);
    server.join().expect("the server heard what it should");
}

#[test]
fn a_send_has_nothing_appended_unless_it_is_asked_for() {
    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
        assert_eq!(receive(server).0, b"plain");
        assert_eq!(receive(server).0, b"ended\r\n");
    });
    connect(&[&endpoint, "--wait", "50ms", "--send", "plain"])
        .run()
        .check_code(0);
    connect(&[
        &endpoint, "--wait", "50ms", "--send", "ended", "--eol", "crlf",
    ])
    .run()
    .check_code(0);
    server.join().expect("the server heard what it should");
}

#[test]
fn each_of_many_peers_gets_its_own_replies() {
    let listener = listen(&["udp://127.0.0.1:0", "--reply", "upper"]);
    let to = at(&listener);
    let peers: Vec<UdpSocket> = (0..32).map(|_| socket()).collect();
    for round in 0..5 {
        for (index, peer) in peers.iter().enumerate() {
            let message = format!("peer {index} round {round}");
            peer.send_to(message.as_bytes(), to)
                .expect("loopback takes it");
        }
        for (index, peer) in peers.iter().enumerate() {
            let (reply, from) = receive(peer);
            assert_eq!(reply, format!("PEER {index} ROUND {round}").into_bytes());
            assert_eq!(from, to);
        }
    }
    listener.interrupt().check_code(130);
}

#[test]
fn a_peer_that_is_idle_expires_and_is_a_new_one_when_it_comes_back() {
    let listener = listen(&[
        "udp://127.0.0.1:0",
        "--reply",
        "echo",
        "--idle",
        "200ms",
        "--json",
    ]);
    let peer = socket();
    let to = at(&listener);
    for number in 1..=2 {
        peer.send_to(b"here", to).expect("loopback takes it");
        assert_eq!(receive(&peer).0, b"here");
        listener.wait("the end of an idle peer", |listener| {
            let stdout = listener.stdout();
            records(&stdout).iter().any(|record| {
                record["event"] == "closed"
                    && record["peer"] == number
                    && record["reason"] == "idle"
            })
        });
    }
    listener.interrupt().check_code(130);
}

#[test]
fn once_serves_the_first_peer_until_it_is_idle() {
    let listener = listen(&[
        "udp://127.0.0.1:0",
        "--reply",
        "echo",
        "--once",
        "--idle",
        "1s",
    ]);
    let to = at(&listener);
    let (first, second) = (socket(), socket());
    first.send_to(b"first", to).expect("loopback takes it");
    assert_eq!(receive(&first).0, b"first");
    second.send_to(b"second", to).expect("loopback takes it");
    first.send_to(b"more", to).expect("loopback takes it");
    assert_eq!(receive(&first).0, b"more");
    second.set_nonblocking(true).expect("a socket of our own");
    let answer = second.recv(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(answer, Err(io::ErrorKind::WouldBlock), "there is one peer");
    listener.finish().check_code(0);
}

#[test]
fn what_stdin_held_goes_to_the_first_peer() {
    let mut listener = listen_with_stdin(&["udp://127.0.0.1:0"]);
    listener.feed(b"early\n");
    let to = at(&listener);
    let peer = socket();
    peer.send_to(b"hello", to).expect("loopback takes it");
    assert_eq!(receive(&peer).0, b"early");
    listener.feed(b"late\n");
    assert_eq!(receive(&peer).0, b"late");
    // The end of stdin ends no listener.
    listener.end_stdin();
    peer.send_to(b"still there?", to)
        .expect("loopback takes it");
    listener.wait_for_stdout(b"hellostill there?");
    listener.interrupt().check_code(130);
}

#[test]
fn truncation_is_told_with_both_lengths() {
    let listener = listen(&["udp://127.0.0.1:0", "--read-size", "8", "--as", "text"]);
    let peer = socket();
    let to = at(&listener);
    peer.send_to(b"0123456789", to).expect("loopback takes it");
    peer.send_to(b"12345678", to).expect("loopback takes it");
    listener.wait_for_stdout(b"01234567\n12345678\n");
    let ended = listener
        .interrupt()
        .check_code(130)
        .check_stderr(&["10 bytes", "cut to 8"]);
    assert_eq!(
        ended.stderr.matches("cut to").count(),
        1,
        "the second one fitted"
    );

    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
        let (_, from) = receive(server);
        server
            .send_to(b"0123456789", from)
            .expect("loopback takes it");
    });
    let ended = connect(&[
        &endpoint,
        "--read-size",
        "8",
        "--json",
        "--send",
        "go",
        "--wait",
        "200ms",
    ])
    .run();
    server.join().expect("the server heard what it should");
    let records = records(&ended.check_code(0).stdout);
    for event in ["chunk", "frame"] {
        let cut = of_event(&records, event)
            .into_iter()
            .find(|record| record["dir"] == "in");
        let cut = cut.unwrap_or_else(|| panic!("no {event}: {records:?}"));
        assert_eq!(
            (&cut["len"], &cut["full_len"]),
            (&Value::from(8), &Value::from(10))
        );
    }
    let fault = of_event(&records, "fault")[0];
    assert_eq!(
        (&fault["kind"], &fault["count"]),
        (&"truncated".into(), &10.into())
    );
}

#[test]
fn the_longest_datagram_goes_through_and_one_byte_more_is_refused_before_anything_is_sent() {
    let folder = folder();
    for (host, scheme, most) in [
        ("127.0.0.1", "udp://127.0.0.1", MOST_V4),
        ("::1", "udp://[::1]", MOST_V6),
    ] {
        let listener = listen(&[&format!("{scheme}:0"), "--reply", "echo"]);
        let address = listener.address();
        let path = folder.path().join("long");
        let path = path.to_str().expect("a plain name");
        std::fs::write(path, vec![b'a'; most]).unwrap();
        let ended = connect(&[&address, "--send-file", path, "--wait", "300ms"])
            .run()
            .check_code(0);
        assert_eq!(ended.stdout.len(), most, "{}", ended.stderr);
        listener.interrupt().check_code(130);

        let server = UdpSocket::bind((host, 0)).expect("a port of our own");
        let port = server.local_addr().expect("it is bound").port();
        let endpoint = format!("{scheme}:{port}");
        std::fs::write(path, vec![b'a'; most + 1]).unwrap();
        let line = "a".repeat(most + 1) + "\n";
        for program in [
            connect(&[&endpoint, "--send", "first", "--send-file", path]),
            connect(&[&endpoint]).stdin(line),
        ] {
            let length = (most + 1).to_string();
            let most = most.to_string();
            program.run().check_code(2).check_stderr(&[&length, &most]);
            server.set_nonblocking(true).expect("a socket of our own");
            let heard = server.recv(&mut [0; 16]).map_err(|error| error.kind());
            assert_eq!(heard, Err(io::ErrorKind::WouldBlock), "something was sent");
        }
    }
}

#[test]
fn large_datagrams_are_marked_where_that_is_wanted() {
    let listener = listen(&[
        "udp://127.0.0.1:0",
        "--reply",
        "echo",
        "--warn-size",
        "512",
        "--json",
    ]);
    let to = at(&listener);
    let peer = socket();
    for len in [512, 513] {
        peer.send_to(&vec![b'x'; len], to)
            .expect("loopback takes it");
        assert_eq!(receive(&peer).0.len(), len);
    }
    let ended = listener.interrupt().check_code(130);
    let records = records(&ended.stdout);
    let marks: Vec<_> = of_event(&records, "fault")
        .iter()
        .map(|fault| fault["kind"].clone())
        .collect();
    assert_eq!(marks, ["large", "large"], "the one received and its echo");
    assert_eq!(
        ended.stderr.matches("513 bytes").count(),
        2,
        "{}",
        ended.stderr
    );

    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
        assert_eq!(receive(server).0.len(), 600);
    });
    let long = "x".repeat(600);
    connect(&[
        &endpoint,
        "--send",
        &long,
        "--warn-size",
        "512",
        "--wait",
        "50ms",
    ])
    .run()
    .check_code(0)
    .check_stderr(&["warning", "600 bytes", "512"]);
    server.join().expect("the server heard what it should");
}

#[test]
fn a_client_leaves_from_the_address_it_is_bound_to() {
    // An address that no other test takes ports of.
    let free = UdpSocket::bind(("127.0.0.83", 0)).expect("a port of our own");
    let local = free.local_addr().expect("it is bound");
    drop(free);
    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", move |server| {
        assert_eq!(receive(server).1, local);
    });
    let bind = local.to_string();
    connect(&[&endpoint, "--bind", &bind, "--send", "x", "--wait", "50ms"])
        .run()
        .check_code(0);
    server.join().expect("the server heard what it should");
}

#[test]
fn a_client_hears_nobody_but_its_peer() {
    let server = socket();
    let endpoint = format!("udp://{}", server.local_addr().expect("it is bound"));
    let mut client = connect(&[&endpoint, "--wait", "100ms"])
        .hold_stdin()
        .start();
    client.feed(b"hello\n");
    let (_, from) = receive(&server);
    socket()
        .send_to(b"I am the server", from)
        .expect("loopback takes it");
    server
        .send_to(b"no, I am", from)
        .expect("loopback takes it");
    client.wait_for_stdout(b"no, I am");
    client.end_stdin();
    client.finish().check_code(0).check_stdout("no, I am");
}

#[test]
fn localhost_listens_on_both_families_with_one_port() {
    let listener = listen(&["udp://localhost:0", "--reply", "echo"]);
    let port = listener.port();
    for endpoint in [
        format!("udp://127.0.0.1:{port}"),
        format!("udp://[::1]:{port}"),
    ] {
        connect(&[&endpoint, "--send", "hi", "--expect", "hi"])
            .run()
            .check_code(0);
    }
    listener.interrupt().check_code(130);
}

#[test]
fn b11_two_responders_that_hear_each_other_settle_to_silence() {
    if !need("python3") {
        return;
    }
    let endpoint = "udp://127.0.0.1:0?reuseport=1";
    let pair = [(); 2].map(|()| listen(&[endpoint, "--reply", "echo", "--json"]));
    let ports = pair
        .each_ref()
        .map(|responder| responder.port().to_string());
    // A socket that shares the first one's port, but is connected elsewhere, hears nothing of it.
    python(
        "import socket, sys\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n\
         s.bind(('127.0.0.1', int(sys.argv[1])))\n\
         s.connect(('127.0.0.1', 1))\n\
         s.sendto(b'ping', ('127.0.0.1', int(sys.argv[2])))\n",
        &[&ports[0], &ports[1]],
    )
    .run()
    .check_code(0);
    wait_until("the end of the exchange", || {
        pair.iter()
            .any(|responder| contains(&responder.stdout(), br#""kind":"loop""#))
    });
    for responder in pair {
        let ended = responder.interrupt().check_code(130);
        let chunks = of_event(&records(&ended.stdout), "chunk").len();
        assert!((1..200).contains(&chunks), "{chunks} datagrams");
    }
}

#[test]
fn b11_the_ports_of_classic_echo_services_get_no_reply() {
    // Their ports belong to root, who alone may play one.
    let Ok(echo_service) = UdpSocket::bind("127.0.0.84:7") else {
        return;
    };
    let listener = listen(&["udp://127.0.0.1:0", "--reply", "echo", "--json"]);
    echo_service
        .send_to(b"ping", at(&listener))
        .expect("loopback takes it");
    listener.wait_for_stdout(br#""kind":"loop""#);
    listener.interrupt().check_code(130);
    echo_service
        .set_nonblocking(true)
        .expect("a socket of our own");
    let heard = echo_service
        .recv(&mut [0; 16])
        .map_err(|error| error.kind());
    assert_eq!(heard, Err(io::ErrorKind::WouldBlock));
}

#[test]
fn unixgram_talks_by_path_and_by_abstract_name() {
    let folder = folder();
    let path = format!("unixgram://{}/a.sock", folder.path().display());
    let name = format!("unixgram:@sockpit-test-{}", std::process::id());
    for endpoint in [path, name] {
        let listener = listen(&[&endpoint, "--reply", "upper", "--as", "text"]);
        assert_eq!(listener.address(), endpoint);
        connect(&[&endpoint, "--wait", "200ms", "--as", "text"])
            .stdin("one\n\nthree")
            .run()
            .check_code(0)
            .check_stdout("ONE\n\nTHREE\n");
        listener
            .interrupt()
            .check_code(130)
            .check_stdout("one\n\nthree\n");
    }
}

#[test]
fn a_unixgram_client_takes_the_path_it_is_bound_to_and_removes_it() {
    let folder = folder();
    let (server, own) = (folder.path().join("server"), folder.path().join("client"));
    let socket = UnixDatagram::bind(&server).expect("a path of our own");
    socket
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    let endpoint = format!("unixgram://{}", server.display());
    let bind = own.to_str().expect("a plain name");
    let mut client = connect(&[&endpoint, "--bind", bind, "--wait", "100ms"])
        .hold_stdin()
        .start();
    client.feed(b"hello\n");
    let mut buffer = [0; 16];
    let (len, from) = socket.recv_from(&mut buffer).expect("it is sent");
    assert_eq!(
        (&buffer[..len], from.as_pathname()),
        (&b"hello"[..], Some(own.as_path()))
    );
    socket
        .send_to(b"answer", &own)
        .expect("the client has the path");
    client.wait_for_stdout(b"answer");
    client.end_stdin();
    client.finish().check_code(0);
    assert!(!own.exists(), "the path is left behind");
}

#[test]
fn a_unixgram_peer_without_a_name_is_heard_and_cannot_be_answered() {
    let folder = folder();
    let path = folder.path().join("a.sock");
    let listener = listen(&[
        &format!("unixgram://{}", path.display()),
        "--reply",
        "echo",
        "--as",
        "text",
    ]);
    listener.address();
    let nameless = UnixDatagram::unbound().expect("a socket of our own");
    nameless
        .send_to(b"who am I", &path)
        .expect("the listener is there");
    listener.wait_for_stderr("no address");
    nameless
        .send_to(b"still here", &path)
        .expect("the listener is there");
    listener.wait_for_stdout(b"who am I\nstill here\n");
    listener.interrupt().check_code(130);
}

#[test]
fn a_unixgram_beyond_the_limit_of_the_system_is_an_error_and_never_sliced() {
    let folder = folder();
    let path = folder.path().join("a.sock");
    let server = UnixDatagram::bind(&path).expect("a path of our own");
    let file = folder.path().join("long");
    let file = file.to_str().expect("a plain name");
    std::fs::write(file, vec![b'a'; 16 * 1024 * 1024]).unwrap();
    let endpoint = format!("unixgram://{}", path.display());
    let ended = connect(&[&endpoint, "--send-file", file, "--wait", "100ms"]).run();
    assert!(matches!(ended.code, Some(1 | 2)), "{}", ended.told());
    assert!(ended.stderr.contains("16777216 bytes"), "{}", ended.told());
    server.set_nonblocking(true).expect("a socket of our own");
    let heard = server.recv(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(heard, Err(io::ErrorKind::WouldBlock), "something was sent");
}

#[test]
fn a_beginners_python_server_is_talked_to() {
    if !need("python3") {
        return;
    }
    let server = python(
        "import socket\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.bind(('127.0.0.1', 0))\n\
         print(s.getsockname()[1])\n\
         while True:\n\
         \x20   data, addr = s.recvfrom(1024)\n\
         \x20   print(data.decode())\n\
         \x20   if data == b'bye':\n\
         \x20       break\n\
         \x20   s.sendto(data.upper(), addr)\n",
        &[],
    )
    .start();
    let endpoint = format!("udp://127.0.0.1:{}", server.printed_port());
    connect(&[
        &endpoint, "--send", "hello", "--expect", "HELLO", "--send", "again", "--expect", "AGAIN",
    ])
    .run()
    .check_code(0);
    connect(&[&endpoint, "--wait", "300ms", "--as", "text"])
        .stdin("a\nb\nbye\n")
        .run()
        .check_code(0)
        .check_stdout("A\nB\n");
    server.finish().check_code(0);
}

#[test]
fn a_beginners_python_client_with_one_thread_is_answered() {
    if !need("python3") {
        return;
    }
    let listener = listen(&["udp://127.0.0.1:0", "--reply", "upper"]);
    python(
        "import socket, sys\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.settimeout(20)\n\
         for line in sys.stdin:\n\
         \x20   s.sendto(line.strip().encode(), ('127.0.0.1', int(sys.argv[1])))\n\
         \x20   data, addr = s.recvfrom(1024)\n\
         \x20   print(data.decode())\n",
        &[&listener.port().to_string()],
    )
    .stdin("hello\nworld\n")
    .run()
    .check_code(0)
    .check_stdout("HELLO\nWORLD\n");
    listener.interrupt().check_code(130);
}

#[test]
fn a_chat_with_a_python_program_of_two_threads_goes_both_ways_at_any_time() {
    if !need("python3") {
        return;
    }
    let mut peer = python(
        "import socket, sys, threading\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.bind(('127.0.0.1', 0))\n\
         print(s.getsockname()[1])\n\
         them = []\n\
         def hear():\n\
         \x20   while True:\n\
         \x20       data, addr = s.recvfrom(1024)\n\
         \x20       them[:] = [addr]\n\
         \x20       print('heard', data.decode())\n\
         threading.Thread(target=hear, daemon=True).start()\n\
         for line in sys.stdin:\n\
         \x20   s.sendto(line.strip().encode(), them[0])\n",
        &[],
    )
    .hold_stdin()
    .start();
    let endpoint = format!("udp://127.0.0.1:{}", peer.printed_port());
    let mut us = connect(&[&endpoint, "--as", "text", "--wait", "100ms"])
        .hold_stdin()
        .start();
    us.feed("在吗？\n".as_bytes());
    peer.wait_for_stdout("heard 在吗？\n".as_bytes());
    peer.feed("在\n第二句\n".as_bytes());
    us.wait_for_stdout("在\n第二句\n".as_bytes());
    us.feed(b"one\n");
    us.feed(b"two\n");
    peer.wait_for_stdout(b"heard one\nheard two\n");
    peer.feed(b"bye\n");
    us.wait_for_stdout(b"bye\n");
    us.end_stdin();
    us.finish().check_code(0);
    peer.end_stdin();
    peer.finish().check_code(0);
}

#[test]
fn other_programs_are_answered_as_clients() {
    for (name, args) in [
        ("nc", &["-u", "127.0.0.1"][..]),
        ("ncat", &["-u", "127.0.0.1"]),
        ("socat", &["-"]),
    ] {
        if !need(name) {
            continue;
        }
        let listener = listen(&["udp://127.0.0.1:0", "--reply", "upper", "--as", "text"]);
        let port = listener.port();
        let last = if name == "socat" {
            format!("UDP:127.0.0.1:{port}")
        } else {
            port.to_string()
        };
        // Some of them do not wait for an answer once their stdin has ended.
        let mut peer = Program::new(name, args).args(&[&last]).hold_stdin().start();
        peer.feed(b"hello\n");
        peer.wait_for_stdout(b"HELLO\n");
        listener
            .interrupt()
            .check_code(130)
            .check_stdout("hello\n\n");
    }
}

#[test]
fn other_programs_are_talked_to_as_servers() {
    for name in ["nc", "ncat", "socat"] {
        if !need(name) {
            continue;
        }
        let port = free_port();
        let number = port.to_string();
        let address = format!("UDP4-LISTEN:{port},bind=127.0.0.1");
        let args: &[&str] = match name {
            "socat" => &["-", &address],
            _ => &["-u", "-l", "127.0.0.1", &number],
        };
        let mut server = Program::new(name, args).hold_stdin().start();
        wait_until("the server's socket", || is_taken(port));
        let mut us = connect(&[&format!("udp://127.0.0.1:{port}"), "--as", "text"])
            .hold_stdin()
            .start();
        us.feed(b"hello from us\n");
        server.wait_for_stdout(b"hello from us");
        server.feed(b"hello from there\n");
        us.wait_for_stdout(b"hello from there\n");
        us.signal(Signal::TERM);
        us.finish().check_code(143);
    }
}

#[test]
fn every_and_count_send_datagrams_in_time() {
    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
        for _ in 0..5 {
            assert_eq!(receive(server).0, b"tick");
        }
    });
    let ended = connect(&[
        &endpoint, "--send", "tick", "--every", "50ms", "--count", "5",
    ])
    .args(&["--wait", "50ms"])
    .run()
    .check_code(0);
    assert!(
        ended.took >= Duration::from_millis(4 * 50 + 50),
        "{:?}",
        ended.took
    );
    server.join().expect("the server heard what it should");
}

#[test]
fn an_expectation_of_a_datagram_is_met_within_one_or_not_at_all() {
    for (expected, code) in [
        ("llo", 0),
        ("helloworld", 3),
        ("re:^wor", 0),
        ("hex:6C 6F", 0),
    ] {
        let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
            let (_, from) = receive(server);
            for reply in [&b"hello"[..], b"world"] {
                server.send_to(reply, from).expect("loopback takes it");
            }
        });
        connect(&[
            &endpoint, "--send", "go", "--expect", expected, "--within", "300ms",
        ])
        .run()
        .check_code(code);
        server.join().expect("the server heard what it should");
    }
    let (_held, port) = closed_port();
    let ended = connect(&[
        &format!("udp://127.0.0.1:{port}"),
        "--send",
        "x",
        "--expect",
        "y",
    ])
    .run();
    assert!(matches!(ended.code, Some(1 | 3)), "{}", ended.told());
    assert!(
        ended.stderr.contains("nobody listens there"),
        "{}",
        ended.told()
    );
}

#[test]
fn a_client_with_an_idle_time_ends_with_4_when_its_peer_is_silent_for_so_long() {
    let server = socket();
    let endpoint = format!("udp://{}", server.local_addr().expect("it is bound"));
    let client = connect(&[&endpoint, "--idle", "200ms"])
        .hold_stdin()
        .start();
    client.finish().check_code(4);
}

#[test]
fn addresses_beyond_max_peers_are_turned_away_and_told() {
    let listener = listen(&[
        "udp://127.0.0.1:0",
        "--reply",
        "echo",
        "--max-peers",
        "2",
        "--json",
    ]);
    let to = at(&listener);
    let peers = [socket(), socket(), socket()];
    for peer in &peers {
        peer.send_to(b"hi", to).expect("loopback takes it");
    }
    for peer in &peers[..2] {
        assert_eq!(receive(peer).0, b"hi");
    }
    listener.wait_for_stdout(br#""kind":"limit""#);
    let third = peers[2].local_addr().expect("it is bound").to_string();
    listener
        .interrupt()
        .check_code(130)
        .check_stderr(&[&third, "--max-peers"]);
}

#[test]
fn a5_a_session_whose_reader_left_ends_with_0() {
    let server = socket();
    let endpoint = format!("udp://{}", server.local_addr().expect("it is bound"));
    let mut client = connect(&[&endpoint, "--as", "text"]).hold_stdin().start();
    client.feed(b"hello\n");
    let (_, from) = receive(&server);
    server.send_to(b"first", from).expect("loopback takes it");
    client.wait_for_stdout(b"first\n");
    client.close_stdout();
    wait_until("the end of the client", || {
        // It may have gone, and its port with it.
        let _ = server.send_to(b"more", from);
        client.has_ended()
    });
    client.finish().check_code(0).check_silent();
}

#[test]
fn b7_a_listener_with_peers_ends_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let listener = listen(&["udp://127.0.0.1:0", "--reply", "echo", "--json"]);
        let to = at(&listener);
        let peers = [(); 10].map(|()| socket());
        for peer in &peers {
            peer.send_to(b"hi", to).expect("loopback takes it");
            receive(peer);
        }
        let asked = Instant::now();
        listener.signal(signal);
        let ended = listener.finish().check_code(code);
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "{:?}",
            asked.elapsed()
        );
        assert_eq!(
            of_event(&records(&ended.stdout), "closed").len(),
            11,
            "all and the session"
        );
    }
}

#[test]
fn typed_lines_go_to_the_latest_peer_until_they_are_told_where() {
    if !need("python3") {
        return;
    }
    let mut listener = sockpit_on_a_terminal(Size::UNKNOWN, &["listen", "udp://127.0.0.1:0"])
        .hold_stdin()
        .start();
    listener.wait_for_stdout(b"listening on udp://127.0.0.1:");
    let port = || {
        let shown = String::from_utf8_lossy(&listener.stdout()).into_owned();
        let rest = shown.split("127.0.0.1:").nth(1)?.to_owned();
        rest.split_once("\r\n")?.0.parse::<u16>().ok()
    };
    let mut to = None;
    wait_until("the port", || {
        to = port();
        to.is_some()
    });
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, to.expect("it was waited for")));
    let (first, second) = (socket(), socket());
    for (peer, hello) in [(&first, "I am one"), (&second, "I am two")] {
        peer.send_to(hello.as_bytes(), to)
            .expect("loopback takes it");
        listener.wait_for_stdout(hello.as_bytes());
    }
    listener.feed(b"to the latest\n");
    assert_eq!(receive(&second).0, b"to the latest");
    listener.feed(b"/to 1\nto the first\n//slash\n");
    assert_eq!(receive(&first).0, b"to the first");
    assert_eq!(receive(&first).0, b"/slash");
    listener.feed(b"/all\nto both\n");
    assert_eq!(receive(&first).0, b"to both");
    assert_eq!(receive(&second).0, b"to both");
    listener.signal(Signal::INT);
    listener.finish().check_code(130);
}

#[test]
fn options_of_the_endpoint_reach_the_wire() {
    if !need("python3") {
        return;
    }
    let peer = python(
        "import socket\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)\n\
         s.setsockopt(socket.IPPROTO_IP, 12, 1)\n\
         s.bind(('127.0.0.1', 0))\n\
         print(s.getsockname()[1])\n\
         data, facts, _, _ = s.recvmsg(1024, 1024)\n\
         print(data.decode(), sorted((kind, value[0]) for _, kind, value in facts))\n",
        &[],
    )
    .start();
    let port = peer.printed_port();
    connect(&[
        &format!("udp://127.0.0.1:{port}?ttl=9&tos=16"),
        "--send",
        "x",
        "--wait",
        "50ms",
    ])
    .run()
    .check_code(0);
    let ended = peer.finish().check_code(0);
    // IP_TOS is 1 and IP_TTL is 2 (ip(7)).
    assert!(
        ended.text().contains("x [(1, 16), (2, 9)]"),
        "{}",
        ended.told()
    );
    for wrong in [
        "ttl=300",
        "tos=x",
        "broadcast=maybe",
        "rcvbuf=-1",
        "nodelay=1",
        "backlog=5",
    ] {
        // port: refused or explained, never opened
        let endpoint = format!("udp://127.0.0.1:9?{wrong}");
        let name = wrong.split('=').next().expect("a name");
        connect(&[&endpoint, "--send", "x"])
            .run()
            .check_code(2)
            .check_stderr(&[name]);
    }
}

#[test]
fn the_plan_of_a_datagram_session_is_explained() {
    let ended = connect(&[
        // port: refused or explained, never opened
        "udp://127.0.0.1:9?ttl=9",
        "--explain",
        "--wait",
        "2s",
        "--frame",
        "lines",
    ])
    .run()
    .check_code(0)
    .check_silent();
    // port: refused or explained, never opened
    for part in ["udp://127.0.0.1:9", "datagram", "lines", "ttl 9", "2s"] {
        assert!(ended.text().contains(part), "no `{part}`: {}", ended.told());
    }
}

fn listen_with_stdin(args: &[&str]) -> Running {
    sockpit(&["listen"]).args(args).hold_stdin().start()
}

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
fn closed_port() -> (UdpSocket, u16) {
    let held = socket();
    // port: nothing is sent to it
    held.connect((Ipv4Addr::LOCALHOST, 1))
        .expect("connecting sends nothing");
    let port = held.local_addr().expect("it is bound").port();
    (held, port)
}

/// A port for a program that cannot choose one itself.
fn free_port() -> u16 {
    socket().local_addr().expect("it is bound").port()
}

/// Whether somebody has this UDP port (proc(5)).
fn is_taken(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/udp").expect("Linux has it");
    table.contains(&format!(":{port:04X} "))
}
