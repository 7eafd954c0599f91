//! A listener and its many peers.

use std::time::Instant;

use super::*;
use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::contains;

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
        "3s",
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
            asked.elapsed() < Duration::from_secs(10),
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

fn listen_with_stdin(args: &[&str]) -> Running {
    sockpit(&["listen"]).args(args).hold_stdin().start()
}
