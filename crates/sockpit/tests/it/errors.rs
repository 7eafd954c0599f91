//! What went wrong, in one sentence, with the way out and the exit code.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::support::{
    Finished, NOBODY, Program, accept, client, connect, folder, listen, python, read_exactly,
    read_to_end, server, sockpit,
};

/// A port that nobody listens on: it is bound, but not listened on, for as long as it is held.
fn deaf_port() -> (OwnedFd, u16) {
    let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = SocketAddrV4::try_from(getsockname(&held).unwrap()).unwrap();
    (held, addr.port())
}

/// One sentence and, if there is one, one hint; no more.
fn is_one_sentence(finished: Finished) -> Finished {
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let is_short = match lines.as_slice() {
        [error] => error.starts_with("error: "),
        [error, hint] => error.starts_with("error: ") && hint.starts_with("hint: "),
        _ => false,
    };
    assert!(is_short, "one error, one hint\n{}", finished.told());
    let speaks_plainly =
        !finished.stderr.contains("os error") && !finished.stderr.contains("panic");
    assert!(speaks_plainly, "{}", finished.told());
    finished
}

#[test]
fn a_refused_connection_is_exit_1_with_one_sentence_and_a_hint() {
    let (_held, port) = deaf_port();
    let address = format!("tcp://127.0.0.1:{port}");
    for stdin in ["", "bytes that nobody takes"] {
        let finished = connect(&[&address])
            .stdin(stdin)
            .run()
            .check_code(1)
            .check_stdout("");
        is_one_sentence(finished).check_stderr(&[&address, "connection refused", "\nhint: "]);
    }
}

#[test]
fn a_refused_connection_is_told_though_only_errors_are() {
    let (_held, port) = deaf_port();
    let finished = connect(&["-q", &format!("127.0.0.1:{port}")])
        .run()
        .check_code(1);
    finished.check_stderr(&["connection refused"]);
}

#[test]
fn an_expectation_of_a_refused_connection_is_a_failure_of_the_network() {
    let (_held, port) = deaf_port();
    connect(&[&format!("127.0.0.1:{port}"), "--expect", "x"])
        .run()
        .check_code(1);
}

#[test]
fn a_name_that_means_nothing_is_exit_1_with_a_hint() {
    // Too long a label for any name server, so that none is asked.
    let name = "a".repeat(64);
    let finished = connect(&[&format!("tcp://{name}.invalid:80")])
        .run()
        .check_code(1);
    is_one_sentence(finished).check_stderr(&[&name, "\nhint: "]);
}

#[test]
fn a_connection_that_nobody_accepts_is_exit_4_after_the_timeout() {
    let script = "
import socket, time
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(0)
print(s.getsockname()[1], flush=True)
time.sleep(60)
";
    let full = python(script, &[]).start();
    let port = full.printed_port();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut waiting = Vec::new();
    // Connections fill its queue until one is not answered.
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
    }
    let client = connect(&[&format!("127.0.0.1:{port}"), "--timeout", "300ms"])
        .run()
        .check_code(4);
    assert!(
        client.took < Duration::from_secs(9),
        "it took {:?}",
        client.took
    );
    is_one_sentence(client).check_stderr(&["\nhint: "]);
}

#[test]
fn a_port_in_use_is_exit_2_and_names_the_program_and_its_pid() {
    let first = listen(&["127.0.0.1:0"]);
    let address = first.address();
    let pid = first.pid().as_raw_nonzero().to_string();
    let second = listen(&[&address]).finish().check_code(2).check_stdout("");
    is_one_sentence(second).check_stderr(&[&address, "in use", "`sockpit`", &pid]);
    // The one that has it goes on.
    assert!(TcpStream::connect(("127.0.0.1", first.port())).is_ok());
}

#[test]
fn a_port_in_use_by_a_program_of_others_names_that() {
    let script = "
import socket, time
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
print(s.getsockname()[1], flush=True)
time.sleep(60)
";
    let holder = python(script, &[]).start();
    let port = holder.printed_port();
    let pid = holder.pid().as_raw_nonzero().to_string();
    let finished = listen(&[&format!("127.0.0.1:{port}")])
        .finish()
        .check_code(2);
    is_one_sentence(finished).check_stderr(&["python", &pid]);
}

#[test]
fn a_local_port_in_use_is_exit_2_as_well() {
    let holder = listen(&["127.0.0.1:0"]);
    let (_listener, address) = server();
    let bind = format!("127.0.0.1:{}", holder.port());
    let finished = connect(&[&address, "--bind", &bind]).run().check_code(2);
    is_one_sentence(finished).check_stderr(&[&bind, "in use", "`sockpit`"]);
}

#[test]
fn an_address_that_this_machine_does_not_have_is_exit_2() {
    // TEST-NET-1 (RFC 5737) is nobody's; binding sends nothing.
    let finished = listen(&["192.0.2.1:0"]).finish().check_code(2);
    is_one_sentence(finished).check_stderr(&["192.0.2.1", "this machine"]);
}

#[test]
fn mistakes_on_the_command_line_are_exit_2_and_name_what_is_wrong() {
    mistake(&["connect"], "ENDPOINT");
    mistake(&["connect", NOBODY, "--no-such-option"], "--no-such-option");
    mistake(&["no-such-command"], "no-such-command");
    mistake(&["connect", "127.0.0.1"], "127.0.0.1");
    // port: refused before it is used
    mistake(&["connect", "127.0.0.1:70000"], "70000");
    mistake(&["connect", "127.0.0.1", "seven"], "seven");
    // port: refused before it is used
    mistake(&["connect", "gopher://127.0.0.1:70"], "gopher");
    // port: refused before it is used
    mistake(&["connect", "tcp://127.0.0.1:7000?colour=red"], "colour");
    mistake(&["connect", NOBODY, "--frame", "jumbo"], "jumbo");
    mistake(&["connect", NOBODY, "--frame", "fixed:0"], "fixed:0");
    mistake(&["connect", NOBODY, "--text", "klingon"], "klingon");
    mistake(&["connect", NOBODY, "--as", "poem"], "poem");
    mistake(&["connect", NOBODY, "--eol", "crcr"], "crcr");
    mistake(&["connect", NOBODY, "--send-hex", "AA GG"], "GG");
    mistake(&["connect", NOBODY, "--expect", "re:("], "re:(");
    mistake(&["connect", NOBODY, "--expect", "hex:ZZ"], "hex:ZZ");
    mistake(&["connect", NOBODY, "--within", "soon"], "soon");
    mistake(
        &["connect", NOBODY, "--send-file", "no such file"],
        "no such file",
    );
    mistake(&["connect", NOBODY, "--send", r"\q", "--escape"], r"\q");
    mistake(
        &["connect", NOBODY, "--send", "你", "--text-out", "latin1"],
        "你",
    );
    mistake(&["connect", NOBODY, "--every", "1s"], "--every");
    mistake(&["connect", NOBODY, "--once"], "once");
    mistake(&["connect", NOBODY, "--max-peers", "3"], "--max-peers");
    mistake(
        &["connect", NOBODY, "--rules", "no such rules.toml"],
        "no such rules.toml",
    );
    mistake(&["connect", NOBODY, "-v", "-q"], "quiet");
    mistake(&["connect", NOBODY, "-4", "-6"], "ipv");
    mistake(&["listen", "127.0.0.1:0", "--reply", "shout"], "shout");
    mistake(
        &["listen", "127.0.0.1:0", "--reply", "echo", "--exec", "cat"],
        "--exec",
    );
    mistake(
        &["listen", "127.0.0.1:0", "--as", "hex", "--json"],
        "--json",
    );
    mistake(&["listen", "127.0.0.1:0", "--max-peers", "0"], "0");
    mistake(&["listen", "127.0.0.1:0", "--read-size", "0"], "0");
}

fn mistake(args: &[&str], named: &str) {
    let finished = sockpit(args).run().check_code(2).check_stdout("");
    let finished = finished.check_stderr(&["error: ", named]);
    assert!(
        !finished.stderr.contains("listening on"),
        "{}",
        finished.told()
    );
}

#[test]
fn a_message_that_fits_no_frame_is_a_mistake_before_anything_is_sent() {
    mistake(
        &["connect", NOBODY, "--frame", "fixed:4", "--send", "hello"],
        "hello",
    );
    mistake(
        &[
            "connect",
            NOBODY,
            "--frame",
            "lines",
            "--send-hex",
            "61 0A 62",
        ],
        "61 0A 62",
    );
    let long = "x".repeat(256);
    mistake(
        &["connect", NOBODY, "--frame", "len:u8", "--send", &long],
        "256",
    );
}

#[test]
fn help_and_version_are_data() {
    for args in [
        &["--help"][..],
        &["connect", "--help"],
        &["listen", "-h"],
        &["--version"],
    ] {
        let finished = sockpit(args).run().check_code(0).check_silent();
        assert!(finished.text().contains("sockpit"), "{}", finished.told());
    }
}

#[test]
fn the_help_of_a_command_is_the_same_however_it_is_asked_for() {
    for command in ["connect", "listen", "load"] {
        let asked = sockpit(&["help", command])
            .run()
            .check_code(0)
            .check_silent();
        let option = sockpit(&[command, "--help"]).run().check_code(0);
        assert_eq!(asked.text(), option.text(), "{command}");
    }
}

#[test]
fn a_full_disk_behind_stdout_is_a_failure_of_this_machine() {
    let (listener, address) = server();
    let script = "exec \"$0\" connect \"$1\" > /dev/full";
    let shell = Program::new(
        "sh",
        &["-c", script, env!("CARGO_BIN_EXE_sockpit"), &address],
    )
    .start();
    let mut peer = accept(&listener);
    // The client may end in the middle of it.
    let _ = peer.write_all(&[b'x'; 64 * 1024]);
    drop(peer);
    shell
        .finish()
        .check_code(2)
        .check_stderr(&["error: ", "stdout", "no space left"]);
}

#[test]
fn b4_a_listener_without_descriptors_goes_on_when_it_has_some_again() {
    let script = "ulimit -n 40; exec \"$0\" listen 127.0.0.1:0 --reply echo";
    let listener = Program::new("sh", &["-c", script, env!("CARGO_BIN_EXE_sockpit")]).start();
    let port = listener.port();
    let mut crowd: Vec<TcpStream> = (0..200).map(|_| client(port)).collect();
    for peer in &mut crowd {
        // Most of them are in the backlog only.
        let _ = peer.write_all(b"x");
    }
    let mut first = crowd.remove(0);
    assert_eq!(read_exactly(&mut first, 1), b"x");
    drop(crowd);
    drop(first);
    let started = std::time::Instant::now();
    let mut later = client(port);
    later.write_all(b"anybody?").unwrap();
    assert_eq!(read_exactly(&mut later, 8), b"anybody?");
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        started.elapsed()
    );
    // Only at its end all that it told is there.
    let told = listener.interrupt().check_code(130).stderr;
    let lines = told
        .lines()
        .filter(|line| line.contains("cannot accept"))
        .count();
    assert!((1..=3).contains(&lines), "a line for all of them\n{told}");
}

#[test]
fn b4_peers_that_wait_for_a_descriptor_are_served_in_the_end() {
    let script = "ulimit -n 40; exec \"$0\" listen 127.0.0.1:0 --reply echo";
    let listener = Program::new("sh", &["-c", script, env!("CARGO_BIN_EXE_sockpit")]).start();
    let port = listener.port();
    let mut crowd: Vec<TcpStream> = (0..60).map(|_| client(port)).collect();
    // In the order in which they came, each leaving when it has been served.
    for mut peer in crowd.drain(..) {
        peer.write_all(b"x").unwrap();
        assert_eq!(read_exactly(&mut peer, 1), b"x");
    }
}

#[test]
fn a_file_name_that_cannot_be_recorded_to_is_exit_2() {
    let folder = folder();
    let path = folder.path().join("no such folder").join("a.jsonl");
    let path = path.to_str().unwrap();
    let finished = listen(&["127.0.0.1:0", "--record", path])
        .finish()
        .check_code(2);
    finished.check_stderr(&["error: ", "no such folder"]);
}

#[test]
fn a_stdin_that_cannot_be_read_is_a_failure_of_this_machine() {
    let (listener, address) = server();
    let script = "\"$0\" connect \"$@\" </";
    let program = env!("CARGO_BIN_EXE_sockpit");
    for options in [&[][..], &["--frame", "lines"], &["--as", "text"]] {
        let shell = Program::new("sh", &["-c", script, program, &address])
            .args(options)
            .start();
        // The peer waits for our end, as a server does.
        let mut peer = accept(&listener);
        assert_eq!(read_to_end(&mut peer), b"");
        let shell = shell
            .finish()
            .check_code(2)
            .check_stderr(&["cannot read stdin", "is a directory"]);
        assert!(!shell.stderr.contains("os error"), "{}", shell.told());
    }
}
