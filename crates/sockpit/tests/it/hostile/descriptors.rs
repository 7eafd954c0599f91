//! A system that has no descriptors or buffers to give (rules B4 and B8).

use super::*;
use crate::support::{Running, descriptors, processor_time};

#[test]
fn b4_a_server_out_of_descriptors_waits_and_serves_again() {
    let line = format!(
        "ulimit -n 40; exec '{}' listen tcp://127.0.0.1:0 --reply echo",
        env!("CARGO_BIN_EXE_sockpit")
    );
    let listener = Program::new("sh", &["-c", &line]).start();
    let port = listener.port();
    // More than it has descriptors for; the system's queue takes the others.
    let mut peers: Vec<TcpStream> = (0..200).filter_map(|_| connected(port)).collect();
    assert!(peers.len() >= 64, "{} connections", peers.len());
    peers[0].write_all(b"first").expect("it is served");
    assert_eq!(read_exactly(&mut peers[0], 5), b"first");

    let (before, since) = (processor_time(listener.pid()), Instant::now());
    // sleep: the time over which the processor is measured
    thread::sleep(Duration::from_secs(1));
    let spent = processor_time(listener.pid()) - before;
    let busy = spent.as_secs_f64() / since.elapsed().as_secs_f64();
    assert!(busy < 0.1, "{busy} of a processor while it waits");

    drop(peers);
    let asked = Instant::now();
    let mut late = client(port);
    late.write_all(b"hello").expect("it is served");
    assert_eq!(read_exactly(&mut late, 5), b"hello");
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    listener.interrupt().check_code(130);
}

#[test]
fn b4_a_burst_without_descriptors_is_told_once() {
    let line = format!(
        "ulimit -n 40; exec '{}' listen tcp://127.0.0.1:0 --reply echo",
        env!("CARGO_BIN_EXE_sockpit")
    );
    // So many files of others are open that it has fewer than it counted on.
    let held = (10..24)
        .map(|fd| format!(" {fd}</dev/null"))
        .collect::<String>();
    let line = line + &held;
    let Some(listener) = started_by_bash(&line) else {
        return;
    };
    let port = listener.port();
    let mut peers: Vec<TcpStream> = (0..60).filter_map(|_| connected(port)).collect();
    listener.wait_for_stderr("cannot accept");
    // One that waits takes its place, and the last descriptor: that is no news.
    drop(peers.remove(0));
    // Several of its pauses.
    // sleep: nothing is to happen in it
    thread::sleep(Duration::from_secs(1));
    let told = listener.stderr();
    assert_eq!(told.matches("cannot accept").count(), 1, "{told}");
    assert!(!told.contains("os error"), "{told}");
    drop(peers);
    let mut late = client(port);
    late.write_all(b"hello").expect("it is served");
    assert_eq!(read_exactly(&mut late, 5), b"hello");
    listener.interrupt().check_code(130);
}

#[test]
fn b4_peers_take_no_descriptor_that_the_session_needs() {
    if !need("strace") {
        return;
    }
    // Descriptors are copied so late that the peers are there before, if they can be.
    let line = format!(
        "ulimit -n 40; exec strace -D -f -qq -o /dev/null -e inject=fcntl:delay_enter=50000 \
         '{}' listen tcp://127.0.0.1:0 --reply echo",
        env!("CARGO_BIN_EXE_sockpit")
    );
    let held = (10..24)
        .map(|fd| format!(" {fd}</dev/null"))
        .collect::<String>();
    let Some(mut listener) = started_by_bash(&(line + &held)) else {
        return;
    };
    let port = listener.port();
    let peers: Vec<TcpStream> = (0..60).filter_map(|_| connected(port)).collect();
    listener.wait_for_stderr("cannot accept");
    // Longer than it takes to copy stdin and stdout.
    // sleep: nothing is to happen in it
    thread::sleep(Duration::from_millis(300));
    assert!(!listener.has_ended(), "{}", listener.stderr());
    drop(peers);
    let mut late = client(port);
    late.write_all(b"hello").expect("it is served");
    assert_eq!(read_exactly(&mut late, 5), b"hello");
    let ended = listener.interrupt().check_code(130);
    assert!(!ended.stderr.contains("error:"), "{}", ended.told());
}

#[test]
fn b4_connections_that_come_to_nothing_leave_no_descriptor_behind() {
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
    let port = listener.port();
    let mut one = client(port);
    one.write_all(b"x").expect("it is served");
    read_exactly(&mut one, 1);
    let before = descriptors(listener.pid());
    for _ in 0..2000 {
        // Gone before it is accepted, often with a reset.
        drop(connected(port));
    }
    wait_until("the descriptors of peers that are gone", || {
        descriptors(listener.pid()) <= before
    });
    listener.interrupt().check_code(130);
}

#[test]
fn b4_an_error_of_accept_is_no_end() {
    if !need("strace") {
        return;
    }
    for error in ["ECONNABORTED", "EMFILE", "ENOBUFS", "EINTR"] {
        let inject = format!("inject=accept4,accept:error={error}:when=1..3");
        let listener = Program::new(
            "strace",
            &["-D", "-f", "-qq", "-o", "/dev/null", "-e", &inject],
        )
        .args(&[
            env!("CARGO_BIN_EXE_sockpit"),
            "listen",
            "tcp://127.0.0.1:0",
            "--reply",
            "echo",
        ])
        .start();
        // `-D` makes the listener, and not strace, the child that is signalled and killed.
        let mut peer = client(listener.port());
        peer.write_all(b"hello").expect("it is served");
        assert_eq!(read_exactly(&mut peer, 5), b"hello", "{error}");
        listener.interrupt().check_code(130);
    }
}

#[test]
fn b4_peers_that_end_are_let_go_whoever_stdin_was_for() {
    let mut listener = sockpit(&["listen", "tcp://127.0.0.1:0", "--frame", "lines", "--json"])
        .hold_stdin()
        .start();
    let port = listener.port();
    let peers = [client(port), client(port)];
    listener.wait("both peers", |listener| {
        of_event(&records(&listener.stdout()), "opened").len() == 2
    });
    // The end of stdin comes when the first peer is no longer the latest.
    listener.end_stdin();
    drop(peers);
    listener.wait("the end of both peers", |listener| {
        of_event(&records(&listener.stdout()), "closed").len() == 2
    });
    listener.interrupt().check_code(130);
}

#[test]
fn b8_a_system_without_buffers_is_asked_again() {
    if !need("strace") {
        return;
    }
    for error in ["ENOBUFS", "ENOMEM"] {
        let inject = format!("inject=sendto,sendmsg,sendmmsg:error={error}:when=1..3");
        let listener = listen(&["udp://127.0.0.1:0", "--reply", "upper"]);
        Program::new("strace", &["-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .args(&[
                env!("CARGO_BIN_EXE_sockpit"),
                "connect",
                &listener.address(),
            ])
            .args(&["--send", "hello", "--expect", "HELLO"])
            .run()
            .check_code(0);
        listener.interrupt().check_code(130);
    }
}

/// Bash, as sh need not know descriptors of two digits.
fn started_by_bash(line: &str) -> Option<Running> {
    need("bash").then(|| Program::new("bash", &["-c", line]).start())
}
