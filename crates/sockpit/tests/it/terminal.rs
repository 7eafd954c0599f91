//! Somebody at a keyboard: typed lines, commands, and what a terminal is shown.

use std::io::Write as _;
use std::net::TcpStream;

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{
    DEADLINE, Finished, Running, accept, client, contains, read_exactly, read_to_end, server,
};

/// The program under test on a terminal, with nobody at the keyboard yet.
fn terminal(args: &[&str], variables: &[(&str, &str)]) -> Running {
    let mut terminal = sockpit_on_a_terminal(Size::USUAL, args)
        .env("TERM", "xterm")
        // Nothing that a test types is remembered.
        .env("XDG_STATE_HOME", "/dev/null")
        .hold_stdin();
    for (name, value) in variables {
        terminal = terminal.env(name, value);
    }
    terminal.start()
}

/// A listener on a terminal, and its port.
fn listening(options: &[&str]) -> (Running, u16) {
    const ANNOUNCED: &str = "listening on tcp://127.0.0.1:";
    let args = [&["listen", "127.0.0.1:0"], options].concat();
    let terminal = terminal(&args, &[("NO_COLOR", "1")]);
    let mut port = None;
    terminal.wait("the port", |terminal| {
        let shown = String::from_utf8_lossy(&terminal.stdout()).into_owned();
        port = shown
            .split_once(ANNOUNCED)
            .and_then(|(_, rest)| rest.split_once('\r')?.0.parse().ok());
        port.is_some()
    });
    (terminal, port.expect("it was waited for"))
}

/// A peer that the listener on `terminal` has taken as number `number`.
fn peer(terminal: &Running, port: u16, number: usize) -> TcpStream {
    let mut peer = client(port);
    let hello = format!("hello of {number}\n");
    peer.write_all(hello.as_bytes()).unwrap();
    terminal.wait_for_stdout(hello.trim_end().as_bytes());
    peer
}

#[test]
fn typed_lines_go_to_the_latest_peer_or_to_whom_they_are_meant_for() {
    let (mut terminal, port) = listening(&["--frame", "lines"]);
    let mut first = peer(&terminal, port, 1);
    let mut second = peer(&terminal, port, 2);
    terminal.feed(b"for the latest\n");
    assert_eq!(read_exactly(&mut second, 15), b"for the latest\n");
    terminal.feed(b"/to 1\nfor the first\n");
    assert_eq!(read_exactly(&mut first, 14), b"for the first\n");
    terminal.feed(b"/all\nfor all\n");
    assert_eq!(read_exactly(&mut first, 8), b"for all\n");
    assert_eq!(read_exactly(&mut second, 8), b"for all\n");
    terminal.feed(b"//x\n");
    assert_eq!(read_exactly(&mut first, 3), b"/x\n");
    terminal.feed(b"/quit\n");
    terminal.finish().check_code(0);
    // Nothing else was sent to anybody.
    assert_eq!(read_to_end(&mut first), b"");
    assert_eq!(read_to_end(&mut second), b"/x\n");
}

#[test]
fn a_command_that_does_not_exist_is_told_and_not_sent() {
    let (mut terminal, port) = listening(&[]);
    let mut peer = peer(&terminal, port, 1);
    terminal.feed(b"/qiut\n");
    terminal.wait_for_stdout(b"no command `/qiut`");
    terminal.feed(b"sent\n");
    assert_eq!(read_exactly(&mut peer, 5), b"sent\n");
}

#[test]
fn the_end_of_the_keyboard_does_not_end_a_listener() {
    let (mut terminal, port) = listening(&["--reply", "upper"]);
    let mut first = client(port);
    // A Ctrl-D that is typed before the line editor has the terminal is a mark of the terminal's own.
    terminal.wait_for_stdout(b"> ");
    // Ctrl-D at the beginning of a line.
    terminal.feed(b"\x04");
    // The prompt is gone, and keys have their usual meaning.
    terminal.wait_for_stdout(b"\x1b[J");
    first.write_all(b"still here").unwrap();
    assert_eq!(read_exactly(&mut first, 10), b"STILL HERE");
    terminal.feed(b"\x03");
    terminal.finish().check_code(130);
}

#[test]
fn a1_ctrl_d_ends_a_clients_side_and_the_late_reply_is_shown() {
    let (listener, address) = server();
    let mut terminal = terminal(&["connect", &address], &[]);
    let mut peer = accept(&listener);
    terminal.wait_for_stdout(b"> ");
    terminal.feed(b"question\n\x04");
    assert_eq!(read_to_end(&mut peer), b"question\n");
    // sleep: the answer is to be late
    std::thread::sleep(std::time::Duration::from_millis(700));
    peer.write_all(b"late answer\n").unwrap();
    drop(peer);
    let terminal = terminal.finish().check_code(0);
    assert!(
        contains(&terminal.stdout, b"late answer"),
        "{}",
        terminal.told()
    );
}

#[test]
fn when_the_peer_ends_nobody_has_to_press_a_key() {
    let (listener, address) = server();
    let terminal = terminal(&["connect", &address], &[]);
    let mut peer = accept(&listener);
    peer.write_all(b"bye\n").unwrap();
    drop(peer);
    let terminal = terminal.finish().check_code(0);
    assert!(terminal.took < DEADLINE / 3, "it took {:?}", terminal.took);
}

#[test]
fn ctrl_c_at_the_keyboard_is_130() {
    let (listener, address) = server();
    let mut terminal = terminal(&["connect", &address], &[]);
    let mut peer = accept(&listener);
    peer.write_all(b"hello\n").unwrap();
    terminal.wait_for_stdout(b"hello");
    terminal.feed(b"\x03");
    terminal.finish().check_code(130);
    assert_eq!(read_to_end(&mut peer), b"");
}

#[test]
fn a_slip_of_the_fingers_does_not_end_the_conversation() {
    let (listener, address) = server();
    let args = ["connect", &address, "--text", "latin1"];
    let mut terminal = terminal(&args, &[]);
    let mut peer = accept(&listener);
    terminal.feed("你\n".as_bytes());
    terminal.wait_for_stdout(b"cannot be said");
    terminal.feed(b"fine\n");
    assert_eq!(read_exactly(&mut peer, 5), b"fine\n");
}

/// What a terminal gets of a client whose server sends `bytes`.
fn shown(bytes: &[u8], variables: &[(&str, &str)]) -> Finished {
    let (listener, address) = server();
    let terminal = terminal(&["connect", &address, "--frame", "lines"], variables);
    let mut peer = accept(&listener);
    peer.write_all(bytes).unwrap();
    drop(peer);
    terminal.finish().check_code(0)
}

#[test]
fn no_color_is_kept() {
    let coloured = shown(b"hello\n", &[]);
    assert!(
        has_colour(&coloured.stdout),
        "a terminal has colour\n{}",
        coloured.told()
    );
    let plain = shown(b"hello\n", &[("NO_COLOR", "1")]);
    assert!(contains(&plain.stdout, b"hello"), "{}", plain.told());
    // What moves the cursor of the line being edited is no colour.
    assert!(!has_colour(&plain.stdout), "{}", plain.told());
    let dumb = shown(b"hello\n", &[("TERM", "dumb")]);
    assert!(!contains(&dumb.stdout, b"\x1b"), "{}", dumb.told());
}

/// Whether there is a sequence that ends in `m` (ECMA-48's SGR).
fn has_colour(shown: &[u8]) -> bool {
    let mut parts = shown.split(|byte| *byte == 0x1b).skip(1);
    parts.any(|part| {
        let last = part.iter().find(|byte| byte.is_ascii_alphabetic());
        part.starts_with(b"[") && last == Some(&b'm')
    })
}
