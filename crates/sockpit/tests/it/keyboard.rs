//! The line that is typed: edited, never torn, remembered; and the commands of the keyboard.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU16;

use rustix::net::{Shutdown, shutdown};

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{
    Finished, Running, Signal, TempDir, accept, client, contains, folder, free_port, narrow_server,
    read_exactly, read_to_end, reset, server, wait_until_full,
};

const ROWS: NonZeroU16 = NonZeroU16::new(24).expect("it is not zero");
const COLUMNS: NonZeroU16 = NonZeroU16::new(80).expect("it is not zero");

/// The program under test on a terminal, with nobody at the keyboard yet.
fn terminal(args: &[&str], state: &TempDir) -> Running {
    sockpit_on_a_terminal(Size::new(ROWS.get(), COLUMNS.get()), args)
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("XDG_STATE_HOME", state.path().to_str().expect("a path"))
        .hold_stdin()
        .start()
}

/// A client on a terminal and its peer, past the first prompt.
fn talking(options: &[&str]) -> (Running, TcpStream) {
    let (listener, address) = narrow_server();
    let args = [&["connect", &address], options].concat();
    let terminal = terminal(&args, &folder());
    let peer = accept(&listener);
    terminal.wait_for_stdout(b"> ");
    (terminal, peer)
}

/// What is on the screen now, without empty rows at its end.
fn screen(terminal: &Running) -> String {
    let mut parser = vt100::Parser::new(ROWS, COLUMNS, 0);
    parser.process(&terminal.stdout());
    parser.screen().contents().trim_end().to_owned()
}

fn wait_for_screen(terminal: &Running, what: &str, condition: impl Fn(&str) -> bool) {
    terminal.wait(what, |terminal| condition(&screen(terminal)));
}

/// Ends the program by its keyboard; the terminal is as it was.
fn quit(mut terminal: Running) -> Finished {
    terminal.feed(b"/quit\r");
    restored(terminal.finish().check_code(0))
}

/// No prompt is left before what comes next.
#[track_caller]
fn restored(finished: Finished) -> Finished {
    let mut parser = vt100::Parser::new(ROWS, COLUMNS, 0);
    parser.process(&finished.stdout);
    let (row, column) = parser.screen().cursor_position();
    let left = parser.screen().rows(0, COLUMNS.get()).nth(row.into());
    assert_eq!(
        (column, left.as_deref()),
        (0, Some("")),
        "{}",
        finished.told()
    );
    finished
}

#[test]
fn what_arrives_does_not_tear_the_line_that_is_typed() {
    let (mut terminal, mut peer) = talking(&["--frame", "lines"]);
    terminal.feed("半 a li".as_bytes());
    wait_for_screen(&terminal, "the typed half", |screen| {
        screen.ends_with("> 半 a li")
    });
    for text in ["first of them", "第二", "third"] {
        peer.write_all(format!("{text}\n").as_bytes()).unwrap();
        wait_for_screen(&terminal, text, |screen| {
            let mut rows = screen.lines().rev();
            rows.next() == Some("> 半 a li") && rows.next().is_some_and(|row| row.contains(text))
        });
    }
    terminal.feed(b"ne\r");
    assert_eq!(read_exactly(&mut peer, 11), "半 a line\n".as_bytes());
    // The line is shown once: in the timeline.
    wait_for_screen(&terminal, "the sent line", |screen| {
        screen.contains("→ 半 a line") && !screen.contains("> 半")
    });
    quit(terminal);
}

#[test]
fn a_hundred_kilobytes_are_pasted_whole() {
    let (mut terminal, mut peer) = talking(&["--as", "none"]);
    let pasted = "0123456789".repeat(10_000);
    terminal.feed(format!("\x1b[200~{pasted}\x1b[201~\r").as_bytes());
    let came = read_exactly(&mut peer, pasted.len() + 1);
    assert!(
        came == format!("{pasted}\n").as_bytes(),
        "something else came"
    );
    quit(terminal);
}

#[test]
fn a_line_longer_than_a_terminal_holds_is_typed_whole() {
    let (mut terminal, mut peer) = talking(&["--as", "none"]);
    let typed = "0123456789".repeat(600);
    terminal.feed(format!("{typed}\r").as_bytes());
    let came = read_exactly(&mut peer, typed.len() + 1);
    assert!(
        came == format!("{typed}\n").as_bytes(),
        "something else came"
    );
    quit(terminal);
}

#[test]
fn pasted_lines_are_messages_whatever_they_begin_with() {
    let (mut terminal, mut peer) = talking(&["--frame", "lines"]);
    terminal.feed(b"\x1b[200~one\r\n/quit\r\n\r\nfour\x1b[201~\r");
    assert_eq!(read_exactly(&mut peer, 16), b"one\n/quit\n\nfour\n");
    quit(terminal);
}

#[test]
fn lines_are_remembered_and_come_back_in_the_next_session() {
    let state = folder();
    let (listener, address) = server();
    for typed in [&b"remember me\r"[..], b"\x1b[A\x1b[A\r"] {
        let mut terminal = terminal(&["connect", &address], &state);
        let mut peer = accept(&listener);
        terminal.wait_for_stdout(b"> ");
        terminal.feed(typed);
        assert_eq!(read_exactly(&mut peer, 12), b"remember me\n");
        quit(terminal);
    }
}

#[test]
fn commands_are_completed() {
    let (mut terminal, _peer) = talking(&[]);
    terminal.feed(b"/sta\t\r");
    terminal.wait_for_stdout(b"received 0 bytes");
    quit(terminal);
}

#[test]
fn d3_the_terminal_is_as_it_was_whatever_ends_the_session() {
    let (listener, address) = server();
    type End = fn(&mut Running, TcpStream);
    let ends: [(&str, i32, End); 4] = [
        ("ctrl-c", 130, |terminal, _| terminal.feed(b"\x03")),
        ("the peer", 0, |_, peer| drop(peer)),
        ("ctrl-d", 0, |terminal, mut peer| {
            terminal.feed(b"\x04");
            assert_eq!(read_to_end(&mut peer), b"");
        }),
        ("a peer that resets", 1, |_, peer| reset(peer)),
    ];
    for (what, code, end) in ends {
        let mut terminal = terminal(&["connect", &address], &folder());
        let peer = accept(&listener);
        terminal.wait_for_stdout(b"> ");
        end(&mut terminal, peer);
        let finished = restored(terminal.finish().check_code(code));
        assert!(finished.stdout.len() > 10, "{what}");
    }
}

#[test]
fn what_is_shown_changes_while_it_runs() {
    let (mut terminal, mut peer) = talking(&[]);
    peer.write_all("你".as_bytes()).unwrap();
    terminal.wait_for_stdout("← 你".as_bytes());
    terminal.feed(b"/as hex\r/stats\r");
    terminal.wait_for_stdout(b"received 3 bytes");
    peer.write_all(b"AB").unwrap();
    terminal.wait_for_stdout("← 41 42".as_bytes());
    terminal.feed(b"/as both\r/text gbk\r/filter not text ~ hidden\r/stats\r");
    terminal.wait_for_stdout(b"received 5 bytes");
    peer.write_all(b"\xc4\xe3").unwrap();
    terminal.wait_for_stdout("C4 E3  你".as_bytes());
    peer.write_all(b"hidden").unwrap();
    crate::support::wait_until_read(&peer);
    terminal.feed("好\r".as_bytes());
    assert_eq!(read_exactly(&mut peer, 3), b"\xba\xc3\n");
    let terminal = quit(terminal);
    assert!(
        !contains(&terminal.stdout, b"68 69 64"),
        "{}",
        terminal.told()
    );
}

#[test]
fn the_framing_changes_while_it_runs() {
    let (mut terminal, mut peer) = talking(&["--json"]);
    peer.write_all(b"raw").unwrap();
    terminal.wait_for_stdout(b"\"hex\":\"726177\"");
    terminal.feed(b"/frame lines\r/eol none\r/stats\r");
    terminal.wait_for_stdout(b"received 3 bytes");
    peer.write_all(b"one\ntwo\n").unwrap();
    // Offsets go on where the raw stream was.
    terminal.wait_for_stdout(b"\"offset\":7,");
    terminal.wait_for_stdout(b"\"text\":\"two\"");
    terminal.feed(b"three\r");
    assert_eq!(read_exactly(&mut peer, 6), b"three\n");
    quit(terminal);
}

#[test]
fn what_is_sent_is_composed_at_the_keyboard() {
    let folder = folder();
    let path = folder.path().join("data.bin");
    std::fs::write(&path, b"of a file").unwrap();
    let (mut terminal, mut peer) = talking(&[]);
    terminal.feed(b"/hex 41 42,0x43\r");
    assert_eq!(read_exactly(&mut peer, 3), b"ABC");
    terminal.feed(format!("/file {}\r", path.display()).as_bytes());
    assert_eq!(read_exactly(&mut peer, 9), b"of a file");
    terminal.feed(b"/eol crlf\rwith an end\r");
    assert_eq!(read_exactly(&mut peer, 13), b"with an end\r\n");
    terminal.feed(b"/eol none\r/escape on\ra\\x00b\r");
    assert_eq!(read_exactly(&mut peer, 3), b"a\0b");
    terminal.feed(b"/checksum modbus\r/hex 01 03 00 00 00 0A\r/checksum off\r");
    assert_eq!(read_exactly(&mut peer, 8), b"\x01\x03\0\0\0\x0a\xc5\xcd");
    terminal.feed(b"/every 10ms tick\r");
    assert_eq!(read_exactly(&mut peer, 16), b"ticktickticktick");
    terminal.feed(b"/stop\r");
    terminal.wait_for_stdout(b"stopped:");
    for (typed, told) in [
        ("/hex 4G", "`G`"),
        ("/file nothing-there", "no such file"),
        ("/every soon x", "soon"),
        ("/as loud", "loud"),
        ("/text klingon", "klingon"),
        ("/frame len:u7", "u7"),
        ("/filter len >", "at column 6"),
        ("/split every 0", "every 0"),
        ("/checksum crc99", "crc99"),
        ("/send nothing", "nothing is saved"),
        ("/reconnct", "no command"),
    ] {
        terminal.feed(format!("{typed}\r").as_bytes());
        terminal.wait(told, |terminal| {
            let shown = screen(terminal);
            let error = shown.lines().rev().find(|row| row.starts_with("error:"));
            error.is_some_and(|row| row.contains(told))
        });
    }
    quit(terminal);
}

#[test]
fn saved_messages_and_lists_are_sent_by_name() {
    let folder = folder();
    let rules = folder.path().join("rules.toml");
    let file = "[[list]]\nname = \"poll\"\nloop = true\nitems = [\n\
        { name = \"status\", send = \"S?${counter};\", delay = \"5ms\" },\n\
        { name = \"reset\", send_hex = \"00 FF\" },\n]\n";
    std::fs::write(&rules, file).unwrap();
    let rules = rules.to_str().expect("a path");
    let (mut terminal, mut peer) = talking(&["--rules", rules, "--as", "text"]);
    terminal.feed(b"/send poll.reset\r");
    assert_eq!(read_exactly(&mut peer, 2), b"\x00\xff");
    terminal.feed(b"/send poll\r");
    assert_eq!(read_exactly(&mut peer, 12), b"S?1;\x00\xffS?2;\x00\xff");
    terminal.feed(b"/stop\r");
    terminal.wait_for_stdout(b"stopped: `/every`, and lists");
    terminal.feed(b"/send sta\t\r/send stat\r");
    terminal.wait_for_stdout(b"is none of poll, poll.status, poll.reset");
    quit(terminal);
}

#[test]
fn a_recording_begins_and_ends_at_the_keyboard() {
    let folder = folder();
    let path = folder.path().join("later.jsonl");
    let (mut terminal, mut peer) = talking(&[]);
    peer.write_all(b"before").unwrap();
    terminal.wait_for_stdout(b"before");
    terminal.feed(format!("/record {}\r", path.display()).as_bytes());
    terminal.wait_for_stdout(b"recording to");
    peer.write_all(b"meanwhile").unwrap();
    terminal.wait_for_stdout(b"meanwhile");
    terminal.feed(b"/record off\r");
    terminal.wait_for_stdout(b"the recording is closed");
    let recorded = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = recorded.lines().collect();
    assert_eq!(lines.len(), 1, "{recorded}");
    assert!(lines[0].contains("6d65616e7768696c65"), "{recorded}");
    peer.write_all(b"after").unwrap();
    terminal.wait_for_stdout(b"after");
    quit(terminal);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), recorded);
}

#[test]
fn a_client_closes_and_connects_again_at_the_keyboard() {
    let (listener, address) = server();
    let mut terminal = terminal(&["connect", &address], &folder());
    let mut first = accept(&listener);
    terminal.wait_for_stdout(b"> ");
    terminal.feed(b"/reconnect\r");
    assert_eq!(read_to_end(&mut first), b"");
    let mut second = accept(&listener);
    terminal.feed(b"/close\r");
    assert_eq!(read_to_end(&mut second), b"");
    terminal.wait_for_stdout(b"`/reconnect` connects again");
    terminal.feed(b"into nowhere\r");
    terminal.wait_for_stdout(b"and nothing is sent");
    terminal.feed(b"/reconnect\r");
    let mut third = accept(&listener);
    terminal.feed(b"here\r");
    assert_eq!(read_exactly(&mut third, 5), b"here\n");
    quit(terminal);
}

#[test]
fn the_time_from_a_request_to_its_reply_is_shown() {
    let (mut terminal, mut peer) = talking(&["--frame", "lines"]);
    terminal.feed(b"ping\r");
    assert_eq!(read_exactly(&mut peer, 5), b"ping\n");
    peer.write_all(b"pong\n").unwrap();
    terminal.wait("the time", |terminal| {
        let shown = screen(terminal);
        let reply = shown.lines().find(|row| row.contains("← pong"));
        reply.is_some_and(|row| row.contains("  +") && row.ends_with('s'))
    });
    peer.write_all(b"unasked\n").unwrap();
    wait_for_screen(&terminal, "what was not asked for", |screen| {
        screen.lines().any(|row| row.ends_with("← unasked"))
    });
    quit(terminal);
}

#[test]
fn the_time_of_a_message_is_that_of_its_first_byte() {
    let (mut terminal, mut peer) = talking(&["--frame", "lines", "--json"]);
    peer.write_all(b"be").unwrap();
    terminal.wait_for_stdout(b"\"hex\":\"6265\"");
    terminal.feed(b"/as text\r");
    // sleep: the message takes longer than the clock's resolution
    std::thread::sleep(std::time::Duration::from_millis(1100));
    peer.write_all(b"gun\n").unwrap();
    terminal.wait_for_stdout("← begun".as_bytes());
    let shown = quit(terminal);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let seconds = |text: &str| text.get(..2).and_then(|digits| digits.parse::<u32>().ok());
    let (at, _) = text
        .split_once("\"hex\":\"6265\"")
        .expect("the first chunk");
    let (_, at) = at.rsplit_once("\"at\":\"").expect("its time");
    let came = seconds(at.rsplit_once(':').map_or("", |_| &at[17..])).expect("seconds");
    let (row, _) = text.split_once(" ← begun").expect("the message");
    let row = seconds(&row[row.len() - 6..]).expect("seconds");
    assert_eq!(row, came, "{text}");
}

#[test]
fn sigterm_ends_an_edited_line_in_order() {
    let (listener, address) = server();
    let state = folder();
    let terminal = terminal(&["connect", &address], &state);
    let mut peer = accept(&listener);
    terminal.wait_for_stdout(b"> ");
    let program = only_child(&terminal);
    rustix::process::kill_process(program, Signal::TERM).unwrap();
    assert_eq!(read_to_end(&mut peer), b"");
    restored(terminal.finish().check_code(143));
}

/// The program that runs on a terminal.
fn only_child(terminal: &Running) -> rustix::process::Pid {
    let parent = terminal.pid().as_raw_nonzero();
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(path).unwrap();
    let child = children.split_whitespace().next().expect("a child");
    rustix::process::Pid::from_raw(child.parse().unwrap()).expect("a number")
}

#[test]
fn reconnect_connects_again_and_repeats_its_hello() {
    let (listener, address) = server();
    let running = crate::support::connect(&[&address, "--reconnect", "--send", "hello"]).start();
    for _ in 0..2 {
        let mut peer = accept(&listener);
        assert_eq!(read_exactly(&mut peer, 6), b"hello\n");
        peer.write_all(b"and bye\n").unwrap();
    }
    let mut peer = accept(&listener);
    assert_eq!(read_exactly(&mut peer, 6), b"hello\n");
    running.wait_for_stdout(b"and bye\nand bye\n");
    running
        .interrupt()
        .check_code(130)
        .check_stderr(&["connecting again in 500ms"]);
}

#[test]
fn reconnect_waits_for_a_server_that_is_not_there_yet() {
    let address = format!("127.0.0.1:{}", free_port());
    let running = crate::support::connect(&[&address, "--reconnect"])
        .stdin("kept until then")
        .start();
    running.wait_for_stderr("connecting again in 500ms");
    let listener = TcpListener::bind(&address).unwrap();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"kept until then");
    drop(peer);
    running.finish().check_code(0);
}

#[test]
fn a_listener_says_whom_a_line_is_for() {
    let state = folder();
    let mut terminal = terminal(&["listen", "127.0.0.1:0"], &state);
    let mut port = None;
    terminal.wait("the port", |terminal| {
        let shown = screen(terminal);
        let line = shown
            .lines()
            .find_map(|row| row.strip_prefix("listening on tcp://127.0.0.1:"));
        port = line.and_then(|port| port.trim().parse::<u16>().ok());
        port.is_some() && shown.ends_with('>')
    });
    let mut peer = client(port.expect("it was waited for"));
    peer.write_all(b"hi").unwrap();
    terminal.wait_for_stdout("← hi".as_bytes());
    terminal.feed(b"/to 1\r");
    wait_for_screen(&terminal, "the prompt", |screen| screen.ends_with("1>"));
    terminal.feed(b"/all\r");
    wait_for_screen(&terminal, "the prompt", |screen| screen.ends_with("all>"));
    quit(terminal);
}

#[test]
fn the_lens_is_put_on_and_off_while_it_runs() {
    let (mut terminal, mut peer) = talking(&["--frame", "lines"]);
    terminal.feed(b"/lens on\r/stats\r");
    terminal.wait_for_stdout(b"received 0 bytes");
    peer.write_all(b"one\ntwo\n").unwrap();
    terminal.wait_for_stdout(b"reads");
    terminal.feed(b"/lens off\r/stats\r");
    terminal.wait_for_stdout(b"received 8 bytes");
    quit(terminal);
}

#[test]
fn the_lens_goes_on_when_the_framing_changes() {
    let (mut terminal, mut peer) = talking(&["--lens"]);
    peer.write_all(b"one\ntwo\n").unwrap();
    terminal.wait_for_stdout(b"\"one\\ntwo\\n\"");
    terminal.feed(b"/frame lines\r");
    terminal.wait_for_stdout(b"8 bytes: 1 read");
    terminal.feed(b"/stats\r");
    terminal.wait_for_stdout(b"received 8 bytes");
    peer.write_all(b"three\n").unwrap();
    let row = "─ 1 6 B         ─ 1 6 B         \"three\\n\"";
    terminal.wait_for_stdout(row.as_bytes());
    terminal.feed(b"/frame raw\r");
    terminal.wait_for_stdout(b"6 bytes: 1 read, 1 message");
    terminal.feed(b"/stats\r");
    terminal.wait_for_stdout(b"received 14 bytes");
    peer.write_all(b"four").unwrap();
    let row = "─ 1 4 B         \"four\"";
    terminal.wait_for_stdout(row.as_bytes());
    let nameless = "── ← peer 1".as_bytes();
    assert!(
        !contains(&terminal.stdout(), nameless),
        "who talks is known all along"
    );
    quit(terminal);
}

#[test]
fn somebody_at_a_keyboard_can_leave_a_peer_that_takes_nothing() {
    let folder = folder();
    let path = folder.path().join("large");
    std::fs::write(&path, vec![b'x'; 30_000_000]).unwrap();
    let (mut terminal, peer) = talking(&["--as", "none"]);
    terminal.feed(format!("/file {}\r", path.display()).as_bytes());
    wait_until_full(&peer);
    terminal.feed(b"typed behind it\r/stats\r");
    terminal.wait_for_stdout(b"received 0 bytes");
    terminal.feed(b"/stop\r");
    terminal.wait_for_stdout(b"2 things that waited");
    terminal.feed(b"/quit\r");
    let terminal = restored(terminal.finish().check_code(1));
    assert!(
        contains(&terminal.stdout, b"bytes were not sent"),
        "{}",
        terminal.told()
    );
}

#[test]
fn a_server_that_is_away_does_not_take_the_keyboard_away() {
    let address = format!("127.0.0.1:{}", free_port());
    let listener = TcpListener::bind(&address).unwrap();
    let mut terminal = terminal(&["connect", &address], &folder());
    let mut peer = accept(&listener);
    terminal.wait_for_stdout(b"> ");
    // The child of another test has it too until it is the program that it becomes.
    shutdown(&listener, Shutdown::Both).unwrap();
    drop(listener);
    terminal.feed(b"/reconnect\r");
    assert_eq!(read_to_end(&mut peer), b"");
    terminal.wait_for_stdout(b"connection refused");
    terminal.feed(b"/eol crlf\r/stats\r/hex 00\r");
    terminal.wait_for_stdout(b"error: not connected");
    let listener = TcpListener::bind(&address).unwrap();
    terminal.feed(b"/reconnect\r");
    let mut peer = accept(&listener);
    terminal.feed(b"back\r");
    assert_eq!(read_exactly(&mut peer, 6), b"back\r\n");
    quit(terminal);
}

#[test]
fn reconnect_ends_when_the_last_expectation_is_met_or_not() {
    for (expected, code) in [("hi", 0), ("something else", 3)] {
        let (listener, address) = server();
        let args = [&address, "--reconnect", "--expect", expected];
        let running = crate::support::connect(&args).start();
        let mut peer = accept(&listener);
        peer.write_all(b"hi\n").unwrap();
        drop(peer);
        running.finish().check_code(code);
    }
}

#[test]
fn reconnect_that_lost_what_was_piped_is_a_failure() {
    let (listener, address) = narrow_server();
    let running = crate::support::connect(&[&address, "--reconnect"])
        .stdin(vec![b'x'; 20_000_000])
        .start();
    let peer = accept(&listener);
    wait_until_full(&peer);
    reset(peer);
    running.wait_for_stderr("bytes were not sent");
    let mut peer = accept(&listener);
    // What stdin had not given yet comes by the second connection.
    assert!(!read_to_end(&mut peer).is_empty());
    drop(peer);
    running.finish().check_code(1);
}

#[test]
fn a_checksum_takes_the_usual_end_of_a_typed_line_away_and_gives_it_back() {
    let (mut terminal, mut peer) = talking(&[]);
    terminal.feed(b"plain\r/checksum sum8\rAB\r/checksum off\rplain\r");
    assert_eq!(read_exactly(&mut peer, 15), b"plain\nAB\x83plain\n");
    quit(terminal);
}

#[test]
fn the_end_is_told_however_much_waits_before_it() {
    let (mut terminal, mut peer) = talking(&["--as", "none"]);
    let folder = folder();
    let path = folder.path().join("large");
    std::fs::write(&path, vec![b'x'; 20_000_000]).unwrap();
    terminal.feed(format!("/file {}\r", path.display()).as_bytes());
    wait_until_full(&peer);
    let lines = "x\n".repeat(1100);
    terminal.feed(format!("\x1b[200~{lines}\x1b[201~\r").as_bytes());
    terminal.wait_for_stdout(b"too much waits");
    terminal.feed(b"\x04");
    // The file and the thousand things that had room, and then the end.
    assert!(read_to_end(&mut peer).len() > 20_000_000);
    drop(peer);
    terminal.finish().check_code(0);
}
