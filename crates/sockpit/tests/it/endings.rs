//! How a conversation on a stream ends: design.md, the table of situations.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    Running, Signal, accept, client, connect, folder, free_address, listen, narrow_server, pattern,
    read_exactly, read_to_end, reset, server, sockpit, wait_until, wait_until_full,
};

/// Later than the half second after which others stop listening.
const LATE: Duration = Duration::from_millis(700);

/// Half of what a quiet stdin is waited for: where a machine keeps the test itself from feeding for
/// longer, it is not known what the program saw.
const KEPT: Duration = Duration::from_millis(250);

#[test]
fn a1_a_reply_that_comes_long_after_the_end_of_stdin_is_not_lost() {
    late_reply(&[]);
}

#[test]
fn a1_a_late_reply_to_a_framed_client_is_not_lost() {
    late_reply(&["--frame", "lines", "--as", "text"]);
}

#[test]
fn a1_a_late_reply_to_a_client_that_records_is_not_lost() {
    let folder = folder();
    let file = folder.path().join("late.jsonl");
    late_reply(&["--record", file.to_str().unwrap()]);
}

fn late_reply(options: &[&str]) {
    let (listener, address) = server();
    let client = connect(&[&address])
        .args(options)
        .stdin("question\n")
        .start();
    let mut peer = accept(&listener);
    // The end of stdin is the end of our side, at once.
    assert_eq!(read_to_end(&mut peer), b"question\n");
    // sleep: the answer is to be late
    thread::sleep(LATE);
    peer.write_all(b"answer\n").unwrap();
    drop(peer);
    client
        .finish()
        .check_code(0)
        .check_stdout("answer\n")
        .check_silent();
}

#[test]
fn a1_a_late_reply_over_a_unix_path_is_not_lost() {
    let folder = folder();
    let path = folder.path().join("a.sock");
    late_reply_of_ours(&format!("unix://{}", path.display()));
}

#[test]
fn a1_a_late_reply_over_an_abstract_name_is_not_lost() {
    late_reply_of_ours(&format!("unix:@sockpit-late-{}", std::process::id()));
}

#[test]
fn a1_a_late_reply_of_a_listener_of_ours_is_not_lost() {
    late_reply_of_ours("127.0.0.1:0");
}

/// The program behind the listener speaks only after the client's side has ended.
fn late_reply_of_ours(endpoint: &str) {
    let listener = listen(&[endpoint, "--exec", "cat; sleep 0.7; echo late"]);
    connect(&[&listener.address()])
        .stdin("early\n")
        .run()
        .check_code(0)
        .check_stdout("early\nlate\n");
    listener.interrupt().check_code(130);
}

#[test]
fn a1_a_client_without_stdin_reads_to_the_end_of_the_peer() {
    let (listener, address) = server();
    let client = connect(&[&address]).start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"");
    peer.write_all(b"everything").unwrap();
    drop(peer);
    client.finish().check_code(0).check_stdout("everything");
}

#[test]
fn a1_linger_bounds_the_wait_for_the_peer_and_says_so() {
    // Long enough for half an answer, however busy the machine is.
    for options in [
        &["--linger", "2s"][..],
        &["--linger", "2s", "--frame", "lines"],
    ] {
        let (listener, address) = server();
        let client = connect(&[&address]).args(options).stdin("hello\n").start();
        let mut peer = accept(&listener);
        assert_eq!(read_to_end(&mut peer), b"hello\n");
        peer.write_all(b"half an ans").unwrap();
        // The peer has not ended, and never does.
        let client = client
            .finish()
            .check_code(4)
            .check_stdout("half an ans")
            .check_stderr(&["the peer had not ended its side"]);
        assert!(
            (Duration::from_secs(2)..Duration::from_secs(15)).contains(&client.took),
            "left after {:?}",
            client.took
        );
    }
}

#[test]
fn a1_a_peer_that_ends_within_the_linger_time_is_no_failure() {
    let (listener, address) = server();
    let client = connect(&[&address, "--linger", "20s"])
        .stdin("hello")
        .start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"hello");
    peer.write_all(b"bye").unwrap();
    drop(peer);
    client
        .finish()
        .check_code(0)
        .check_stdout("bye")
        .check_silent();
}

#[test]
fn when_the_peer_ends_first_a_quiet_stdin_is_left_after_half_a_second() {
    for options in [&[][..], &["--frame", "lines"]] {
        let (listener, address) = server();
        let client = connect(&[&address]).args(options).hold_stdin().start();
        let mut peer = accept(&listener);
        peer.write_all(b"bye\n").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let client = client.finish().check_code(0).check_stdout("bye\n");
        assert!(
            client.took >= Duration::from_millis(450),
            "left after {:?}",
            client.took
        );
        assert!(
            client.took < Duration::from_secs(15),
            "left after {:?}",
            client.took
        );
    }
}

#[test]
fn when_the_peer_ends_first_stdin_goes_on_being_sent_while_it_has_data() {
    for options in [&[][..], &["--frame", "lines"]] {
        let was_fed = (0..5).any(|_| is_sent_after_the_peers_end(options));
        assert!(was_fed, "every time the test was kept from feeding");
    }
}

/// Feeds a client whose peer has ended, in all for longer than a quiet stdin would be waited for.
/// `false` where the test was kept from feeding meanwhile.
fn is_sent_after_the_peers_end(options: &[&str]) -> bool {
    let (listener, address) = server();
    let mut client = connect(&[&address]).args(options).hold_stdin().start();
    let mut peer = accept(&listener);
    let mut fed = Instant::now();
    peer.shutdown(Shutdown::Write).unwrap();
    for number in 10..40 {
        let line = format!("{number}\n");
        if fed.elapsed() > KEPT {
            return false;
        }
        fed = Instant::now();
        client.feed(line.as_bytes());
        assert_eq!(read_exactly(&mut peer, 3), line.as_bytes());
        // sleep: the pace is what is tested
        thread::sleep(Duration::from_millis(25));
    }
    if fed.elapsed() > KEPT {
        return false;
    }
    client.feed(b"last\n");
    client.end_stdin();
    assert_eq!(read_to_end(&mut peer), b"last\n");
    client.finish().check_code(0);
    true
}

#[test]
fn when_the_peer_ends_first_megabytes_of_stdin_still_arrive() {
    for options in [&[][..], &["--read-size", "64KiB"]] {
        let bytes = pattern(8 << 20, 7);
        let (listener, address) = server();
        let client = connect(&[&address])
            .args(options)
            .stdin(bytes.clone())
            .start();
        let mut peer = accept(&listener);
        peer.write_all(b"bye").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        // sleep: the reader is to be slow, but it reads
        thread::sleep(LATE);
        assert!(read_to_end(&mut peer) == bytes, "stdin was cut short");
        client.finish().check_code(0).check_stdout("bye");
    }
}

#[test]
fn a_reset_is_a_failure_of_the_network_and_says_so() {
    for options in [&[][..], &["--frame", "lines"]] {
        let (listener, address) = server();
        let client = connect(&[&address]).args(options).hold_stdin().start();
        reset(accept(&listener));
        let client = client.finish().check_code(1);
        assert!(client.stderr.contains("reset"), "{}", client.told());
    }
}

#[test]
fn what_came_before_a_reset_is_shown() {
    let (listener, address) = server();
    let client = connect(&[&address]).hold_stdin().start();
    let mut peer = accept(&listener);
    peer.write_all(b"before").unwrap();
    client.wait_for_stdout(b"before");
    reset(peer);
    client
        .finish()
        .check_code(1)
        .check_stdout("before")
        .check_stderr(&["reset"]);
}

#[test]
fn a_peer_that_closes_without_having_read_makes_unsent_bytes_a_failure() {
    for options in [&[][..], &["--frame", "lines"]] {
        let (listener, address) = server();
        let line = [&vec![b'x'; 999][..], b"\n"].concat();
        let client = connect(&[&address])
            .args(options)
            .stdin(line.repeat(16 * 1024))
            .start();
        let mut peer = accept(&listener);
        assert_eq!(read_exactly(&mut peer, 10), b"xxxxxxxxxx");
        drop(peer);
        let client = client.finish().check_code(1);
        assert!(
            !client.stderr.is_empty(),
            "bytes were lost in silence\n{}",
            client.told()
        );
    }
}

#[test]
fn a_silent_peer_of_a_client_is_left_after_the_idle_time() {
    let (listener, address) = server();
    let client = connect(&[&address, "--idle", "300ms"]).hold_stdin().start();
    let _peer = accept(&listener);
    let client = client.finish().check_code(4);
    assert!(
        !client.stderr.is_empty(),
        "an end by `--idle` says so\n{}",
        client.told()
    );
}

#[test]
fn a_silent_peer_of_a_listener_is_closed_and_the_others_are_not() {
    let listener = listen(&["127.0.0.1:0", "--idle", "4s", "--reply", "echo"]);
    // Were it not for what it says, this one would be closed first.
    let mut busy = client(listener.port());
    let mut silent = client(listener.port());
    let silence = thread::spawn(move || silent.read(&mut [0; 8]));
    while !silence.is_finished() {
        busy.write_all(b"x").unwrap();
        assert_eq!(read_exactly(&mut busy, 1), b"x");
        // sleep: the pace is what is tested
        thread::sleep(Duration::from_millis(300));
    }
    // Whatever way it is closed, it is closed.
    match silence.join().unwrap() {
        Ok(len) => assert_eq!(len, 0),
        Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock, "it is still open"),
    }
    busy.write_all(b"y").unwrap();
    assert_eq!(read_exactly(&mut busy, 1), b"y");
}

#[test]
fn once_serves_one_peer_and_exits() {
    for options in [&[][..], &["--frame", "lines"]] {
        // Outside of what the system chooses from, so that nobody else listens there afterwards.
        let listener = sockpit(&["listen", &free_address(), "--once"])
            .args(options)
            .start();
        let port = listener.port();
        let mut peer = client(port);
        peer.write_all(b"only me\n").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        listener.finish().check_code(0).check_stdout("only me\n");
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}

#[test]
fn once_with_a_peer_that_resets_is_a_failure_of_the_network() {
    let listener = listen(&["127.0.0.1:0", "--once"]);
    let peer = client(listener.port());
    reset(peer);
    listener.finish().check_code(1).check_stderr(&["reset"]);
}

#[test]
fn a_listener_without_stdin_does_not_end_with_its_first_peer() {
    let listener = listen(&["127.0.0.1:0"]);
    for text in [&b"first"[..], b"second"] {
        let mut peer = client(listener.port());
        peer.write_all(text).unwrap();
        listener.wait_for_stdout(text);
    }
    listener
        .interrupt()
        .check_code(130)
        .check_stdout("firstsecond");
}

#[test]
fn a_peer_that_ended_still_gets_its_pending_replies() {
    let lines = "a line of some length\n".repeat(20_000);
    let upper = lines.to_uppercase();
    for (options, expected) in [
        (&["--reply", "upper", "--frame", "lines"][..], &upper),
        (&["--reply", "echo"][..], &lines),
    ] {
        let listener = sockpit(&["listen", "127.0.0.1:0"]).args(options).start();
        // The sockets of later peers are polled apart from the first one's.
        let peers = [client(listener.port()), client(listener.port())];
        for mut peer in peers {
            let mut writing = peer.try_clone().unwrap();
            let sent = lines.clone();
            let writer = thread::spawn(move || {
                writing.write_all(sent.as_bytes()).unwrap();
                writing.shutdown(Shutdown::Write).unwrap();
            });
            let replies = read_to_end(&mut peer);
            writer.join().unwrap();
            assert!(
                replies == expected.as_bytes(),
                "{} bytes came back",
                replies.len()
            );
        }
    }
}

#[test]
fn b6_a_peer_that_resets_ends_neither_the_listener_nor_other_peers() {
    let listener = listen(&["127.0.0.1:0", "--reply", "echo"]);
    let mut steady = client(listener.port());
    for _ in 0..50 {
        let mut peer = client(listener.port());
        peer.write_all(b"about to break").unwrap();
        reset(peer);
    }
    steady.write_all(b"still here").unwrap();
    assert_eq!(read_exactly(&mut steady, 10), b"still here");
    let mut later = client(listener.port());
    later.write_all(b"and I").unwrap();
    assert_eq!(read_exactly(&mut later, 5), b"and I");
}

#[test]
fn ctrl_c_ends_a_client_with_130() {
    ends_by(Signal::INT, 130, connected);
}

#[test]
fn sigterm_ends_a_client_with_143() {
    ends_by(Signal::TERM, 143, connected);
}

#[test]
fn ctrl_c_ends_a_listener_with_130() {
    ends_by(Signal::INT, 130, serving);
}

#[test]
fn sigterm_ends_a_listener_with_143() {
    ends_by(Signal::TERM, 143, serving);
}

fn ends_by(signal: Signal, code: i32, started: fn() -> (Running, std::net::TcpStream)) {
    let (program, mut peer) = started();
    program.signal(signal);
    let program = program.finish().check_code(code);
    assert!(
        program.took < Duration::from_secs(15),
        "it took {:?}",
        program.took
    );
    assert_eq!(read_to_end(&mut peer), b"", "the peer is told in order");
}

/// A client of ours that talks to the test.
fn connected() -> (Running, std::net::TcpStream) {
    let (listener, address) = server();
    let client = connect(&[&address]).hold_stdin().start();
    let mut peer = accept(&listener);
    peer.write_all(b"hello").unwrap();
    client.wait_for_stdout(b"hello");
    (client, peer)
}

/// A listener of ours that the test talks to.
fn serving() -> (Running, std::net::TcpStream) {
    let listener = listen(&["127.0.0.1:0"]);
    let mut peer = client(listener.port());
    peer.write_all(b"hello").unwrap();
    listener.wait_for_stdout(b"hello");
    (listener, peer)
}

#[test]
fn b7_replies_that_are_queued_are_delivered_after_ctrl_c() {
    let listener = listen(&["127.0.0.1:0", "--reply", "echo", "--as", "raw"]);
    let mut peer = client(listener.port());
    let mut writing = peer.try_clone().unwrap();
    let writer = thread::spawn(move || {
        let block = pattern(64 * 1024, 8);
        writing
            .set_write_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        // Until replies that nobody reads have filled every buffer on the way.
        while writing.write_all(&block).is_ok() {}
    });
    writer.join().unwrap();
    listener.signal(Signal::INT);
    let mut echo = Vec::new();
    // The rest of what we sent may be refused with a reset, once every reply is here.
    let _ = peer.read_to_end(&mut echo);
    let listener = listener.finish().check_code(130);
    assert!(!echo.is_empty());
    assert_eq!(
        echo.len(),
        listener.stdout.len(),
        "each byte that was read is answered"
    );
    assert!(echo == listener.stdout, "the echo is not what was read");
}

#[test]
fn b7_stdin_that_was_read_is_delivered_after_sigterm() {
    let (listener, address) = server();
    let mut client = connect(&[&address, "--frame", "lines"])
        .hold_stdin()
        .start();
    let mut peer = accept(&listener);
    client.feed(b"first\n");
    assert_eq!(read_exactly(&mut peer, 6), b"first\n");
    client.signal(Signal::TERM);
    assert_eq!(read_to_end(&mut peer), b"");
    client.finish().check_code(143);
}

#[test]
fn a_listener_that_was_ended_has_let_go_of_its_port() {
    let address = free_address();
    let listener = listen(&[&address]);
    let port = listener.port();
    let mut peer = client(port);
    peer.write_all(b"x").unwrap();
    listener.wait_for_stdout(b"x");
    listener.interrupt().check_code(130);
    // Connections that the listener closed are in TIME_WAIT, and the port is free all the same.
    let again = listen(&[&address]);
    assert_eq!(again.port(), port);
}

#[test]
fn once_is_over_when_its_peer_has_left_though_stdin_is_open() {
    for options in [&[][..], &["--frame", "lines"]] {
        let mut listener = sockpit(&["listen", "127.0.0.1:0", "--once"])
            .args(options)
            .hold_stdin()
            .start();
        let mut peer = client(listener.port());
        peer.write_all(b"and gone\n").unwrap();
        drop(peer);
        listener.wait_for_stdout(b"and gone");
        let left = Instant::now();
        wait_until("the end of the listener", || listener.has_ended());
        // Far from the time that a listener of many leaves a half-closed peer.
        assert!(left.elapsed() < Duration::from_secs(15));
        listener.finish().check_code(0);
    }
}

#[test]
fn b7_messages_that_the_peer_did_not_take_before_the_end_are_told() {
    let (listener, address) = narrow_server();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        // Long ones, as the way is full of them sooner.
        let lines = format!("{:1023}\n", "a line that nobody reads").repeat(1 << 14);
        let client = connect(&[&address, "--frame", "lines"])
            .stdin(lines)
            .start();
        let peer = accept(&listener);
        wait_until_full(&peer);
        client.signal(signal);
        let client = client
            .finish()
            .check_code(code)
            .check_stderr(&["bytes were not sent"]);
        assert!(!client.stderr.contains("interrupted"), "{}", client.told());
    }
}
