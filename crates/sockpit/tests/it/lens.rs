//! Half and sticky packets, made on purpose and seen: what a program of others gets from its `recv`
//! calls, and what the lens draws of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::record::{of_event, records};
use crate::support::{
    NOBODY, Running, accept, client, connect, folder, listen, need, python, read_exactly,
    read_to_end, server, sockpit, wait_until,
};

/// Prints its port, takes one peer, and prints how many bytes each `recv` gave. With an argument it
/// answers each line by itself.
const RECEIVER: &str = "
import socket, sys
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1])
peer, _ = server.accept()
sizes = []
while True:
    data = peer.recv(65536)
    if not data: break
    sizes.append(len(data))
    if sys.argv[1:]: peer.sendall(data)
print('sizes', *sizes)
";

/// Long enough that a receiver on a busy machine has taken one piece before the next comes.
const PAUSE: &str = "2s";

fn receiver(arguments: &[&str]) -> (Running, String) {
    let receiver = python(RECEIVER, arguments).start();
    let address = format!("127.0.0.1:{}", receiver.printed_port());
    (receiver, address)
}

/// A client on a terminal whose lens somebody looks through, and its peer.
fn watched(options: &[&str]) -> (Running, TcpStream) {
    let (listener, address) = server();
    let args = ["connect", &address, "--frame", "lines", "--lens"];
    let args = [&args, ["--as", "none"].as_slice(), options].concat();
    let terminal = sockpit_on_a_terminal(Size::USUAL, &args)
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .hold_stdin()
        .start();
    (terminal, accept(&listener))
}

/// Checks what `recv` gave to a program that `sockpit connect` sent to.
fn check_sizes(options: &[&str], stdin: &str, sizes: &str) {
    if !need("python3") {
        return;
    }
    let (receiver, address) = receiver(&[]);
    let sent = connect(&[&address]).args(options).stdin(stdin).run();
    sent.check_code(0).check_silent();
    let received = receiver.finish().check_code(0);
    let told = format!("sizes {sizes}\n");
    assert!(received.text().ends_with(&told), "{}", received.told());
}

#[test]
fn every_byte_by_itself_is_a_recv_by_itself() {
    let options = ["--split-every", "1", "--split-delay", PAUSE];
    check_sizes(&options, "abc", "1 1 1");
}

#[test]
fn messages_are_cut_at_their_offsets() {
    let options = [
        "--frame",
        "lines",
        "--split-at",
        "2,-1",
        "--split-delay",
        PAUSE,
    ];
    check_sizes(&options, "hello\nx\n", "2 3 1 1 1");
}

#[test]
fn what_is_held_for_a_while_arrives_as_one() {
    let options = ["--frame", "lines", "--coalesce", "1s"];
    check_sizes(&options, "hello\nworld\nagain\n", "18");
}

#[test]
fn what_is_held_is_cut_as_a_whole_so_that_packets_are_sticky_and_half() {
    let options = [
        "--frame",
        "lines",
        "--coalesce",
        "1s",
        "--split-every",
        "8",
        "--split-delay",
        PAUSE,
    ];
    check_sizes(&options, "hello\nworld\n", "8 4");
}

#[test]
fn an_endpoint_may_say_how_what_is_sent_is_cut() {
    if !need("python3") {
        return;
    }
    let (receiver, address) = receiver(&[]);
    let endpoint = format!("{address}?split-every=2&split-delay={PAUSE}");
    connect(&[&endpoint]).stdin("abcd").run().check_code(0);
    let received = receiver.finish();
    assert!(
        received.text().ends_with("sizes 2 2\n"),
        "{}",
        received.told()
    );
}

#[test]
fn answers_are_cut_too() {
    let server = listen(&[
        "127.0.0.1:0",
        "--reply",
        "upper",
        "--split-at",
        "1",
        "--split-delay",
        PAUSE,
        "--once",
    ]);
    let mut peer = client(server.port());
    peer.write_all(b"abc").unwrap();
    let mut buffer = [0; 16];
    assert_eq!(peer.read(&mut buffer).unwrap(), 1);
    assert_eq!(peer.read(&mut buffer).unwrap(), 2);
    drop(peer);
    server.finish().check_code(0);
}

#[test]
fn a_cut_stream_loses_nothing_both_ways() {
    if !need("python3") {
        return;
    }
    let (receiver, address) = receiver(&["echo"]);
    let bytes: String = (0..20_000).map(|n| format!("{n} ")).collect();
    let options = ["--split-every", "999", "--split-delay", "1ms"];
    let sent = connect(&[&address])
        .args(&options)
        .stdin(bytes.as_str())
        .run();
    sent.check_code(0).check_stdout(&bytes);
    receiver.finish().check_code(0);
}

#[test]
fn each_piece_is_a_chunk_in_the_records() {
    let (listener, address) = server();
    let sender = connect(&[
        &address,
        "--json",
        "--split-every",
        "2",
        "--split-delay",
        "1ms",
    ])
    .stdin("abcde")
    .start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"abcde");
    drop(peer);
    let told = sender.finish().check_code(0);
    let records = records(&told.stdout);
    let chunks = of_event(&records, "chunk");
    let lens: Vec<_> = chunks
        .iter()
        .map(|chunk| chunk["len"].as_u64().unwrap())
        .collect();
    assert_eq!(lens, [2, 2, 1]);
}

#[test]
fn a_datagram_is_not_cut_and_the_error_says_why() {
    let endpoint = format!("udp://{NOBODY}");
    sockpit(&["connect", &endpoint, "--split-every", "1"])
        .run()
        .check_code(2)
        .check_stderr(&["on udp every send is one datagram, which is neither cut nor joined"]);
}

#[test]
fn the_plan_tells_what_becomes_of_nagle() {
    let explained = |endpoint: &str| connect(&[endpoint, "--explain"]).run().check_code(0);
    let plan = explained(&format!("{NOBODY}?split-every=1"));
    let line = "20ms between writes, which nodelay keeps apart\n";
    assert!(plan.text().contains(line), "{}", plan.told());
    let plan = explained(&format!("{NOBODY}?nodelay=0&split-at=-1"));
    let line = "nodelay is off, so the system may join them again\n";
    assert!(plan.text().contains(line), "{}", plan.told());
}

#[test]
fn the_lens_shows_what_a_read_took_of_each_message() {
    let (listener, address) = server();
    let reader = connect(&[&address, "--frame", "lines", "--read-size", "8", "--lens"]).start();
    let mut peer = accept(&listener);
    peer.write_all(b"hello\nworld\n").unwrap();
    reader.wait_for_stdout(b"world\n");
    drop(peer);
    let told = reader.finish().check_code(0).check_stdout("hello\nworld\n");
    let stderr = told.stderr.clone();
    let (_, picture) = stderr.split_once('\n').expect("a title and a picture");
    assert_eq!(
        picture,
        "  offset reads           messages        bytes
       0 ┌ 1 8 B         ─ 1 6 B         \"hello\\n\"
       6 └               ┌ 2 6 B         \"wo\"
         ↑ read 1 holds message 1 and the beginning of message 2 (sticky)
       8 ─ 2 4 B         └               \"rld\\n\"
         ↑ message 2 came in 2 reads, 1 and 2 (half)
      12 bytes: 2 reads, 2 messages; 1 read sticky, 1 message half
"
    );
}

#[test]
fn the_lens_goes_to_stdout_where_that_holds_nothing_else() {
    let (listener, address) = server();
    let sender = connect(&[&address, "--lens", "--as", "none"])
        .stdin("abc")
        .start();
    assert_eq!(read_to_end(&mut accept(&listener)), b"abc");
    let told = sender.finish();
    assert!(
        told.text().contains("3 bytes: 1 write\n"),
        "{}",
        told.told()
    );
    assert_eq!(told.stderr, "");
}

#[test]
fn rows_are_drawn_on_a_terminal_though_the_conversation_is_never_quiet() {
    let (terminal, mut peer) = watched(&[]);
    let mut lines = 0;
    let rows = |terminal: &Running| {
        let shown = String::from_utf8_lossy(&terminal.stdout()).into_owned();
        shown.matches("\"line\\n\"").count()
    };
    wait_until("some rows", || {
        peer.write_all(b"line\n").unwrap();
        lines += 1;
        rows(&terminal) > 10
    });
    assert!(lines < 8192 / 3, "more is drawn in any case");
    // The rest is drawn where it ends, and nothing twice.
    drop(peer);
    terminal.wait("the rest", |terminal| rows(terminal) == lines);
    let told = terminal.finish().check_code(0);
    let shown = String::from_utf8_lossy(&told.stdout);
    let total = format!("{} bytes: ", 5 * lines);
    assert!(shown.contains(&total), "{}", told.told());
    assert_eq!(shown.matches("\"line\\n\"").count(), lines);
}

#[test]
fn a_lens_is_whole_where_ctrl_c_ends_it() {
    let (mut terminal, mut peer) = watched(&["--reply", "upper"]);
    peer.write_all(b"one\n").unwrap();
    assert_eq!(read_exactly(&mut peer, 4), b"ONE\n");
    terminal.feed(b"\x03");
    let told = terminal.finish().check_code(130);
    let shown = String::from_utf8_lossy(&told.stdout);
    for row in [
        "\"one\\n\"",
        "\"ONE\\n\"",
        "4 bytes: 1 read, 1 message",
        "4 bytes: 1 write, 1 message",
    ] {
        assert_eq!(shown.matches(row).count(), 1, "{}", told.told());
    }
}

#[test]
fn each_peer_of_a_listener_is_drawn_when_it_ends() {
    let server = listen(&["127.0.0.1:0", "--frame", "lines", "--lens", "--as", "text"]);
    let port = server.port();
    for text in ["first", "second"] {
        let mut peer = client(port);
        peer.write_all(format!("{text}\n").as_bytes()).unwrap();
        drop(peer);
        server.wait_for_stderr(&format!("\"{text}\\n\""));
    }
    let told = server.interrupt();
    assert_eq!(told.stderr.matches("1 read, 1 message\n").count(), 2);
}

#[test]
fn d1_the_lens_escapes_what_a_peer_could_use_against_the_terminal() {
    let (listener, address) = server();
    let reader = connect(&[&address, "--lens", "--as", "none"]).start();
    let mut peer = accept(&listener);
    peer.write_all("\x1b]0;owned\x07\u{9b}2J\u{202e}tail".as_bytes())
        .unwrap();
    drop(peer);
    let told = reader.finish().check_code(0);
    let picture = told.text();
    assert!(
        picture.contains("tail") || picture.contains("74 61 69 6C"),
        "{picture}"
    );
    let harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert_eq!(picture.find(harmful), None, "{picture:?}");
}

#[test]
fn a_recording_is_made_beside_the_lens() {
    let place = folder();
    let (listener, address) = server();
    let sender = connect(&[&address, "--lens", "--as", "none", "--record", "a.jsonl"])
        .folder(&place)
        .stdin("abc")
        .start();
    assert_eq!(read_to_end(&mut accept(&listener)), b"abc");
    sender.finish().check_code(0);
    let recording = std::fs::read(place.path().join("a.jsonl")).unwrap();
    assert_eq!(of_event(&records(&recording), "chunk").len(), 1);
}

#[test]
fn two_recordings_of_one_conversation_are_a_picture_of_both_ends() {
    let place = folder();
    let server = sockpit(&["listen", "127.0.0.1:0", "--frame", "lines", "--once"])
        .args(&["--read-size", "4", "--as", "none", "--record", "b.jsonl"])
        .folder(&place)
        .start();
    connect(&[&server.address(), "--frame", "lines", "--send", "你好"])
        .args(&["--send", "x", "--coalesce", "1s", "--record", "a.jsonl"])
        .folder(&place)
        .run()
        .check_code(0);
    server.finish().check_code(0);
    let told = sockpit(&["replay", "a.jsonl", "b.jsonl", "--lens"])
        .folder(&place)
        .run()
        .check_code(0)
        .check_silent();
    let (title, picture) = told.text().split_once('\n').expect("a title and a picture");
    assert!(title.ends_with(", both ends"), "{title}");
    assert_eq!(
        picture,
        "  offset writes          reads           messages        bytes
       0 ┌ 1 9 B         ─ 1 4 B         ┌ 1 7 B         \"你\\xe5\"
       4 │               ┌ 2 4 B         └               \"\\xa5\\xbd\\n\"
         ↑ message 1 came in 2 reads, 1 and 2 (half: written as one, read in parts)
       7 │               └               ┌ 2 2 B         \"x\"
         ↑ read 2 holds the end of message 1 and the beginning of message 2 (sticky: written as one)
       8 └               ─ 3 1 B         └               \"\\n\"
         ↑ message 2 came in 2 reads, 2 and 3 (half: written as one, read in parts)
       9 bytes: 1 write, 3 reads, 2 messages; 1 read sticky, 2 messages half
"
    );
}

#[test]
fn a_recording_is_cut_by_the_framing_that_is_told() {
    let place = folder();
    let (listener, address) = server();
    let reader = connect(&[&address, "--as", "none", "--record", "a.jsonl"])
        .folder(&place)
        .start();
    let mut peer = accept(&listener);
    peer.write_all(b"a;b;").unwrap();
    drop(peer);
    reader.finish().check_code(0);
    let told = sockpit(&["replay", "a.jsonl", "--lens", "--frame", "delim:;"])
        .folder(&place)
        .run()
        .check_code(0);
    let line = "4 bytes: 1 read, 2 messages; 1 read sticky\n";
    assert!(told.text().contains(line), "{}", told.told());
}

#[test]
fn a5_a_reader_of_pictures_that_leaves_ends_the_session() {
    let (listener, address) = server();
    let mut running = connect(&[&address, "--lens", "--as", "none"]).start();
    let mut peer = accept(&listener);
    running.close_stdout();
    wait_until("the end", || {
        // Rows are drawn once much has come; the reader leaves with the first of them.
        let _ = peer.write_all(&[b'x'; 64 * 1024]);
        running.has_ended()
    });
    running.finish().check_code(0);
}
