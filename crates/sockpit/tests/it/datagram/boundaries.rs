//! A send is a message, and what is too long for one is never sliced.

use serde_json::Value;

use super::*;

/// In bytes: the most that one datagram holds over IPv4 (65,535 less the IP and UDP headers).
const MOST_V4: usize = 65_507;

/// In bytes: the same over IPv6, whose length does not count its own header.
const MOST_V6: usize = 65_527;

#[test]
fn an_empty_datagram_is_a_message_to_a_client_and_never_an_end() {
    let (server, endpoint) = served("127.0.0.1", "udp://127.0.0.1", |server| {
        let (asked, from) = receive(server);
        assert_eq!(asked, b"", "an empty line is an empty message");
        for reply in [&b""[..], b"after", b""] {
            server.send_to(reply, from).expect("loopback takes it");
        }
    });
    let ended = connect(&[&endpoint, "--json", "--wait", "2s"])
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
    let ended = connect(&[&listener.address(), "--wait", "2s", "--as", "text"])
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
        "2s",
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
        let ended = connect(&[&address, "--send-file", path, "--wait", "2s"])
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
