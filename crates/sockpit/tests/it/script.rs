//! `--send` and `--expect`: a conversation as a test, and its exit code.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::{
    Finished, accept, client, connect, folder, listen, read_exactly, read_to_end, reset, server,
    wait_until_read,
};

/// Far less than [`GIVEN`], and more than a busy machine takes.
const AT_ONCE: Duration = Duration::from_secs(15);

/// What an expectation is given where it is to be over at once.
const GIVEN: [&str; 2] = ["--within", "60s"];

/// Runs a client with `args` against a server that sends `chunks` one after the other, each when the
/// one before was read, and then keeps the connection open until the client leaves.
fn run_against(chunks: &[&[u8]], args: &[&str]) -> Finished {
    let (listener, address) = server();
    let client = connect(&[&address]).args(args).start();
    let mut peer = accept(&listener);
    for chunk in chunks {
        // The client may have seen enough.
        let _ = peer.write_all(chunk);
        wait_until_read(&peer);
    }
    let client = client.finish();
    drop(peer);
    client
}

fn met(chunks: &[&[u8]], args: &[&str]) {
    let args = [args, &GIVEN].concat();
    let client = run_against(chunks, &args).check_code(0).check_silent();
    assert!(client.took < AT_ONCE, "it took {:?}", client.took);
}

fn unmet(chunks: &[&[u8]], args: &[&str]) {
    let args = [args, &["--within", "300ms"]].concat();
    let client = run_against(chunks, &args).check_code(3);
    assert!(
        !client.stderr.is_empty(),
        "what was not met is told\n{}",
        client.told()
    );
}

#[test]
fn an_expectation_that_is_met_ends_the_conversation_at_once() {
    met(&[b"hello world"], &["--expect", "world"]);
}

#[test]
fn an_expectation_that_is_not_met_in_time_is_exit_3() {
    unmet(&[b"hello world"], &["--expect", "moon"]);
    unmet(&[], &["--expect", "anything"]);
}

#[test]
fn what_was_not_met_is_named_with_the_time() {
    run_against(&[b"hello"], &["--expect", "moon", "--within", "2s"])
        .check_code(3)
        .check_stderr(&["moon", "2s"])
        .check_stdout("hello");
}

#[test]
fn a_peer_that_ends_leaves_an_expectation_unmet_at_once() {
    for framing in ["raw", "lines"] {
        let (listener, address) = server();
        let client = connect(&[&address, "--expect", "moon", "--frame", framing])
            .args(&GIVEN)
            .start();
        let mut peer = accept(&listener);
        peer.write_all(b"sun\n").unwrap();
        drop(peer);
        let client = client.finish().check_code(3).check_stderr(&["moon"]);
        assert!(client.took < AT_ONCE, "it took {:?}", client.took);
    }
}

#[test]
fn a_reset_is_a_failure_of_the_network_whatever_was_expected() {
    let (listener, address) = server();
    let client = connect(&[&address, "--expect", "moon"]).start();
    reset(accept(&listener));
    client.finish().check_code(1).check_stderr(&["reset"]);
}

#[test]
fn patterns_are_text_regular_expressions_or_hex_with_wildcards() {
    let bytes: &[&[u8]] = &[b"code=200 \xAA\x17\x0D"];
    met(bytes, &["--expect", "code=200"]);
    met(bytes, &["--expect", r"re:code=\d{3}"]);
    met(bytes, &["--expect", "hex:AA ?? 0D"]);
    unmet(bytes, &["--expect", r"re:code=\d{4}"]);
    unmet(bytes, &["--expect", "hex:AA ?? 0E"]);
    unmet(bytes, &["--expect", "hex:AA 0D"]);
}

#[test]
fn several_expectations_are_met_in_order_within_one_chunk() {
    met(
        &[b"one two three"],
        &["--expect", "one", "--expect", "two", "--expect", "three"],
    );
    unmet(&[b"one two three"], &["--expect", "two", "--expect", "one"]);
    unmet(&[b"one two"], &["--expect", "one", "--expect", "one"]);
    met(&[b"one one"], &["--expect", "one", "--expect", "one"]);
}

#[test]
fn a_raw_stream_is_looked_at_across_chunks() {
    met(&[b"hel", b"lo wo", b"rld"], &["--expect", "hello world"]);
    met(&[b"\xAA", b"\x01", b"\x0D"], &["--expect", "hex:AA ?? 0D"]);
    met(&[b"co", b"de=2", b"00"], &["--expect", "re:code=[0-9]{3}"]);
    met(
        &[b"on", b"e tw", b"o"],
        &["--expect", "one", "--expect", "two"],
    );
}

#[test]
fn a_character_that_two_chunks_share_is_whole() {
    met(
        &[b"\xC4", b"\xE3\xBA", b"\xC3"],
        &["--expect", "你好", "--text", "gbk"],
    );
}

#[test]
fn a_framed_stream_is_looked_at_one_message_at_a_time() {
    met(
        &[b"hel", b"lo\nworld\n"],
        &["--frame", "lines", "--expect", "hello"],
    );
    unmet(&[b"hel\nlo\n"], &["--frame", "lines", "--expect", "hello"]);
    unmet(
        &[b"hel\nlo\n"],
        &["--frame", "lines", "--expect", r"re:hel\s*lo"],
    );
    met(
        &[b"one\ntwo\n"],
        &["--frame", "lines", "--expect", "one", "--expect", "two"],
    );
}

#[test]
fn a_message_that_is_not_whole_meets_nothing() {
    unmet(&[b"hello"], &["--frame", "lines", "--expect", "hello"]);
}

#[test]
fn the_script_runs_in_the_order_of_the_command_line() {
    let (listener, address) = server();
    let script = [
        "--send",
        "first",
        "--expect",
        "1",
        "--send-hex",
        "AA 55",
        "--expect",
        "2",
    ];
    let client = connect(&[&address]).args(&script).start();
    let mut peer = accept(&listener);
    assert_eq!(read_exactly(&mut peer, 6), b"first\n");
    // The second message waits for the first answer.
    nothing_comes(&mut peer);
    peer.write_all(b"1").unwrap();
    assert_eq!(read_exactly(&mut peer, 2), b"\xAA\x55");
    peer.write_all(b"2").unwrap();
    client
        .finish()
        .check_code(0)
        .check_stdout("12")
        .check_silent();
}

#[test]
fn a1_the_write_side_stays_open_until_the_last_expectation() {
    let (listener, address) = server();
    let client = connect(&[&address, "--send", "ping", "--expect", "pong"]).start();
    let mut peer = accept(&listener);
    assert_eq!(read_exactly(&mut peer, 5), b"ping\n");
    nothing_comes(&mut peer);
    peer.write_all(b"pong").unwrap();
    client.finish().check_code(0);
    assert_eq!(read_to_end(&mut peer), b"");
}

/// Neither a byte nor the end of the stream.
fn nothing_comes(peer: &mut TcpStream) {
    peer.set_read_timeout(Some(Duration::from_millis(150)))
        .unwrap();
    let waits = peer.read(&mut [0; 8]).unwrap_err();
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
    peer.set_read_timeout(Some(crate::support::DEADLINE))
        .unwrap();
}

#[test]
fn a1_without_an_expectation_the_last_send_is_the_end_of_our_side() {
    let (listener, address) = server();
    let client = connect(&[&address, "--send", "question"]).start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"question\n");
    // sleep: the answer is to be late
    thread::sleep(Duration::from_millis(700));
    peer.write_all(b"late answer").unwrap();
    drop(peer);
    client.finish().check_code(0).check_stdout("late answer");
}

#[test]
fn what_is_sent_is_delivered_though_the_last_expectation_was_met_before() {
    let (listener, address) = server();
    let client = connect(&[&address, "--expect", "ready", "--send", "go"]).start();
    let mut peer = accept(&listener);
    peer.write_all(b"ready").unwrap();
    assert_eq!(read_to_end(&mut peer), b"go\n");
    drop(peer);
    client.finish().check_code(0);
}

/// What a server gets of a client with `args`, which end its side.
fn sent(args: &[&str]) -> Vec<u8> {
    let (listener, address) = server();
    let client = connect(&[&address]).args(args).start();
    let mut peer = accept(&listener);
    let bytes = read_to_end(&mut peer);
    drop(peer);
    client.finish().check_code(0);
    bytes
}

#[test]
fn lines_of_a_script_get_the_end_that_was_asked_for() {
    assert_eq!(sent(&["--send", "a"]), b"a\n");
    assert_eq!(sent(&["--send", "a", "--eol", "none"]), b"a");
    assert_eq!(sent(&["--send", "a", "--eol", "crlf"]), b"a\r\n");
    assert_eq!(sent(&["--send", "a", "--eol", "cr"]), b"a\r");
    assert_eq!(sent(&["--send", "a", "--frame", "lines"]), b"a\n");
    assert_eq!(sent(&["--send", "a", "--frame", "len:u16be"]), b"\x00\x01a");
    // Bytes are sent as they are.
    assert_eq!(sent(&["--send-hex", "61", "--eol", "crlf"]), b"a");
}

#[test]
fn escapes_are_understood_if_asked_for() {
    assert_eq!(
        sent(&["--send", r"a\tb\x00\u{4f60}", "--escape"]),
        "a\tb\0你\n".as_bytes()
    );
    assert_eq!(sent(&["--send", r"a\tb"]), b"a\\tb\n");
}

#[test]
fn hex_is_taken_however_it_is_written() {
    for hex in [
        "AA 55 0d",
        "aa550d",
        "0xAA,0x55,0x0D",
        "AA:55:0D",
        "AA;55;0D",
        "0xAA550D",
    ] {
        assert_eq!(sent(&["--send-hex", hex]), b"\xAA\x55\x0D", "{hex}");
    }
}

#[test]
fn a_file_is_sent_as_it_is() {
    let folder = folder();
    let path = folder.path().join("message");
    std::fs::write(&path, b"\x00line\nline\xFF").unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(sent(&["--send-file", path]), b"\x00line\nline\xFF");
    let framed = sent(&["--send-file", path, "--frame", "len:u8"]);
    assert_eq!(framed, b"\x0B\x00line\nline\xFF");
}

#[test]
fn what_begins_with_a_hyphen_is_text_all_the_same() {
    assert_eq!(sent(&["--send", "-v", "--eol", "none"]), b"-v");
}

#[test]
fn text_is_sent_in_the_charset() {
    assert_eq!(
        sent(&["--send", "你好", "--text", "gbk"]),
        b"\xC4\xE3\xBA\xC3\n"
    );
    assert_eq!(
        sent(&["--send", "你好", "--text-out", "gbk"]),
        b"\xC4\xE3\xBA\xC3\n"
    );
}

#[test]
fn count_repeats_the_sends() {
    assert_eq!(
        sent(&["--send", "x", "--every", "10ms", "--count", "4"]),
        b"x\nx\nx\nx\n"
    );
    let two = sent(&[
        "--send", "a", "--send", "b", "--every", "10ms", "--count", "2",
    ]);
    assert_eq!(two, b"a\nb\na\nb\n");
}

#[test]
fn every_keeps_the_time_between_rounds() {
    let started = std::time::Instant::now();
    assert_eq!(
        sent(&["--send", "x", "--every", "100ms", "--count", "4"]),
        b"x\nx\nx\nx\n"
    );
    assert!(
        started.elapsed() >= Duration::from_millis(300),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn every_without_a_count_goes_on_until_it_is_ended() {
    let (listener, address) = server();
    let client = connect(&[&address, "--send", "x", "--every", "5ms"]).start();
    let mut peer = accept(&listener);
    assert_eq!(read_exactly(&mut peer, 40), b"x\n".repeat(20));
    client.signal(crate::support::Signal::INT);
    client.finish().check_code(130);
}

#[test]
fn with_a_script_stdin_is_not_read() {
    let (listener, address) = server();
    let client = connect(&[&address, "--send", "script"])
        .stdin("stdin")
        .start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"script\n");
    drop(peer);
    client.finish().check_code(0);
}

#[test]
fn with_a_script_and_interactive_stdin_is_read_as_well() {
    let (listener, address) = server();
    let client = connect(&[&address, "--send", "script", "--interactive"])
        .stdin("stdin")
        .start();
    let mut peer = accept(&listener);
    let mut lines = read_to_end(&mut peer);
    lines.sort_unstable();
    let mut expected = b"script\nstdin".to_vec();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    drop(peer);
    client.finish().check_code(0);
}

#[test]
fn a_listener_runs_its_script_with_every_peer() {
    let listener = listen(&["127.0.0.1:0", "--send", "welcome"]);
    for _ in 0..3 {
        let mut peer = client(listener.port());
        assert_eq!(read_exactly(&mut peer, 8), b"welcome\n");
    }
}

#[test]
fn a_listener_that_serves_once_tells_by_its_exit_code_what_came() {
    for (word, code) in [("hello", 0), ("goodbye", 3)] {
        let listener = listen(&["127.0.0.1:0", "--once", "--expect", word, "--within", "2s"]);
        let mut peer = client(listener.port());
        peer.write_all(b"hello").unwrap();
        listener.finish().check_code(code);
    }
}

#[test]
fn the_time_of_an_expectation_begins_when_its_turn_comes() {
    let (listener, address) = server();
    let script = [
        "--expect", "1", "--expect", "2", "--expect", "3", "--within", "5s",
    ];
    let client = connect(&[&address]).args(&script).start();
    let mut peer = accept(&listener);
    for text in [b"1", b"2", b"3"] {
        // Together longer than one of them may take.
        // sleep: the pace is what is tested
        thread::sleep(Duration::from_millis(1800));
        peer.write_all(text).unwrap();
    }
    client.finish().check_code(0);
}

#[test]
fn a_client_of_ours_tests_a_listener_of_ours() {
    let listener = listen(&["127.0.0.1:0", "--reply", "upper", "--frame", "lines"]);
    let script = [
        "--frame", "lines", "--send", "ping", "--expect", "PING", "--as", "none",
    ];
    connect(&[&listener.address()])
        .args(&script)
        .run()
        .check_code(0)
        .check_stdout("");
}

#[test]
fn an_expectation_is_met_by_what_the_peer_said_as_it_ended() {
    let (listener, address): (TcpListener, String) = server();
    let client = connect(&[&address, "--expect", "bye"]).start();
    let mut peer = accept(&listener);
    peer.write_all(b"bye").unwrap();
    peer.shutdown(Shutdown::Both).unwrap();
    drop(peer);
    client.finish().check_code(0);
}
