//! What one peer does ends no other, and nothing holds up an end (rules B6 and B7).

use std::os::unix::net::UnixStream;

use super::*;

#[test]
fn b6_what_happens_to_one_peer_ends_no_other() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "len:u16be",
        "--reply",
        "echo",
        "--json",
    ]);
    let port = listener.port();
    let mut calm = client(port);
    for round in 0..30 {
        let mut rude = client(port);
        rude.write_all(b"\0\x05hello\xff")
            .expect("the listener reads");
        if round % 2 == 0 {
            reset(rude);
        } else {
            drop(rude);
        }
        calm.write_all(b"\0\x02ok").expect("it is served");
        assert_eq!(read_exactly(&mut calm, 4), b"\0\x02ok");
    }
    let ended = listener.interrupt().check_code(130);
    check_schema(&ended.stdout);
}

#[test]
fn b6_a_program_that_crashes_ends_its_peer_alone() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--exec",
        "read line; [ \"$line\" = die ] && kill -SEGV $$; echo $line",
    ]);
    let port = listener.port();
    let (mut dying, mut living) = (client(port), client(port));
    dying.write_all(b"die\n").expect("it is served");
    assert_eq!(read_to_end(&mut dying), b"");
    living.write_all(b"hello\n").expect("it is served");
    assert_eq!(read_to_end(&mut living), b"hello\n");
    listener.interrupt().check_code(130);
}

#[test]
fn b7_sigterm_ends_in_time_whatever_the_peers_do() {
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
    let port = listener.port();
    let idle: Vec<TcpStream> = (0..20).map(|_| client(port)).collect();
    // This one sends and never reads what comes back, so that replies queue up.
    let mut stalled = client(port);
    stalled
        .set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a socket of our own");
    while stalled.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    let asked = Instant::now();
    listener.signal(Signal::TERM);
    listener.finish().check_code(143);
    assert!(
        asked.elapsed() < Duration::from_secs(15),
        "{:?}",
        asked.elapsed()
    );
    drop(idle);
}

#[test]
fn b7_a_second_signal_ends_at_once() {
    let listener = listen(&[&free_address(), "--reply", "echo"]);
    let mut stalled = client(listener.port());
    stalled
        .set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a socket of our own");
    while stalled.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    listener.signal(Signal::INT);
    // It drains; new peers are not taken any more.
    let port = listener.port();
    wait_until("the end of listening", || connected(port).is_none());
    let asked = Instant::now();
    listener.signal(Signal::INT);
    let ended = listener.finish();
    assert_eq!(ended.code, Some(130), "{}", ended.told());
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn b6_a_peer_that_leaves_before_it_has_read_is_told_of_once() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "len:u8",
        "--reply",
        "echo",
        "-v",
    ]);
    let port = listener.port();
    let mut rude = client(port);
    rude.set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a socket of our own");
    // Until the echoes that nobody reads have filled every buffer.
    while rude.write_all(&b"\x01x".repeat(50_000)).is_ok() {}
    drop(rude);
    listener.wait_for_stderr("peer 1 has ended");
    let ended = listener.interrupt().check_code(130);
    let told = ended.stderr.matches("error:").count();
    assert!(
        (1..=2).contains(&told),
        "that it left, and what was not sent: {}",
        ended.told()
    );
}

#[test]
fn b6_the_replies_that_a_peer_does_not_take_are_told_of_once() {
    let folder = folder();
    let path = folder.path().join("rude");
    let listener = listen(&[
        &format!("unix://{}", path.display()),
        "--frame",
        "len:u8",
        "--reply",
        "echo",
        "-v",
    ]);
    listener.wait_for_stderr("listening on");
    let mut rude = UnixStream::connect(&path).unwrap();
    // From here on each write to it fails.
    rude.shutdown(Shutdown::Read).unwrap();
    rude.write_all(&b"\x01x".repeat(1000)).unwrap();
    listener.wait_for_stderr("peer 1 has ended");
    let ended = listener.interrupt().check_code(130);
    let told = ended.stderr.matches("bytes were not sent").count();
    assert_eq!(told, 1, "{}", ended.told());
}

/// Ends a connection with a reset, in place of an orderly end.
fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("TCP has it");
    drop(stream);
}
