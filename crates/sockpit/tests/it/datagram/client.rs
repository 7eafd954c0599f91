//! A client: whom it hears, how long it waits, and a port where nobody is.

use super::*;
use crate::support::{processor_time, say};

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
        let ended = connect(&[&endpoint, "--send", "hello", "--wait", "2s", "--as", "text"])
            .run()
            .check_code(0)
            .check_stdout("one\ntwo\n")
            .check_silent();
        assert!(
            ended.took >= Duration::from_secs(2),
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
        for _ in 0..10 {
            // sleep: the pace of the replies is what is tested
            thread::sleep(Duration::from_millis(250));
            server.send_to(b".", from).expect("loopback takes it");
        }
    });
    let ended = connect(&[&endpoint, "--send", "go", "--wait", "2s"])
        .run()
        .check_code(0);
    assert_eq!(ended.stdout, b"..........");
    server.join().expect("the server heard what it should");
}

#[test]
fn a_closed_port_is_told_and_exits_with_1() {
    let (_held, port) = closed_port("127.0.0.1");
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
    let (_held, port) = closed_port("127.0.0.1");
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
    let port = free_port();
    let mut client = connect(&[&format!("udp://127.0.0.1:{port}"), "--wait", "200ms"])
        .hold_stdin()
        .start();
    client.feed(b"too early\n");
    client.wait_for_stderr("nobody listens there");
    let listener = listen(&[&format!("udp://127.0.0.1:{port}"), "--reply", "upper"]);
    listener.address();
    client.feed(b"in time\n");
    client.wait_for_stdout(b"IN TIME");
    client.end_stdin();
    // The first message was lost, and that is not hidden.
    client.finish().check_code(1);
}

#[test]
fn a_client_leaves_from_the_address_it_is_bound_to() {
    let local = SocketAddr::from(([127, 0, 0, 83], free_port()));
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
            &endpoint, "--send", "go", "--expect", expected, "--within", "2s",
        ])
        .run()
        .check_code(code);
        server.join().expect("the server heard what it should");
    }
    let (_held, port) = closed_port("127.0.0.1");
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
