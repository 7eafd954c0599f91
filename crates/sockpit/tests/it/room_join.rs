//! The comfortable way into a room: at a terminal, from a pipe, with rooms of ours and other chats.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{
    Program, Running, Signal, TempDir, accept, client, contains, folder, free_address, free_port,
    need, read_exactly, read_to_end, server, sockpit,
};

/// A room with nobody in it.
fn room() -> Running {
    room_at("127.0.0.1:0")
}

fn room_at(endpoint: &str) -> Running {
    sockpit(&["room", "serve", endpoint]).hold_stdin().start()
}

fn join(room: &Running, options: &[&str]) -> Program {
    sockpit(&["room", "join", &room.address()]).args(options)
}

/// Somebody at a terminal of 100 columns, with colours if wanted.
fn at_a_terminal(address: &str, options: &[&str], has_colour: bool, state: &TempDir) -> Running {
    let args = [&["room", "join", address], options].concat();
    sockpit_on_a_terminal(Size::new(40, 100), &args)
        .env("TERM", "xterm-256color")
        .env("NO_COLOR", if has_colour { "" } else { "1" })
        .env("XDG_STATE_HOME", state.path().to_str().expect("a path"))
        .hold_stdin()
        .start()
}

fn parsed(terminal: &Running) -> vt100::Parser {
    let rows = std::num::NonZeroU16::new(40).expect("it is not zero");
    let columns = std::num::NonZeroU16::new(100).expect("it is not zero");
    let mut parser = vt100::Parser::new(rows, columns, 0);
    parser.process(&terminal.stdout());
    parser
}

fn wait_for_screen(terminal: &Running, part: &str) {
    terminal.wait(&format!("`{part}` on the screen"), |terminal| {
        parsed(terminal).screen().contents().contains(part)
    });
}

/// Waits until what one said oneself is ticked: behind it or, where the room took longer than the
/// line is held back for, in a row of its own.
fn wait_for_tick(terminal: &Running, before: &str, text: &str) {
    let line = format!("<< {before}{text}");
    let at_once = format!("{line} ✓");
    let later = format!("<< ✓ {text}");
    terminal.wait(&format!("`{at_once}` on the screen"), |terminal| {
        let shown = parsed(terminal).screen().contents();
        shown.contains(&at_once) || (shown.contains(&line) && shown.contains(&later))
    });
}

/// Somebody in a room with a plain socket, past the greeting.
fn plain(room: &Running, nick: &str) -> (TcpStream, BufReader<TcpStream>) {
    let mut stream = client(room.port());
    stream.write_all(format!("{nick}\n").as_bytes()).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    wait_for_line(&mut lines, "you are in lobby");
    (stream, lines)
}

fn wait_for_line(lines: &mut impl std::io::BufRead, part: &str) -> String {
    loop {
        let mut line = String::new();
        let len = lines.read_line(&mut line).expect("the room says more");
        assert!(len > 0, "the room ended before `{part}`");
        if line.contains(part) {
            return line;
        }
    }
}

#[test]
fn one_line_of_a_pipe_is_said_and_that_is_all() {
    let room = room();
    let (_anna, mut heard) = plain(&room, "anna");
    let finished = join(&room, &["--nick", "bot"])
        .stdin("the build is green\n")
        .run();
    finished.check_code(0).check_stdout("").check_silent();
    assert_eq!(
        wait_for_line(&mut heard, "green"),
        "[lobby] bot: the build is green\n"
    );
    room.interrupt();
}

#[test]
fn a_pipe_is_said_whole_and_in_order_whatever_its_lines_begin_with() {
    let room = room();
    let (_anna, mut heard) = plain(&room, "anna");
    let mut said: Vec<String> = (0..500).map(|number| format!("line {number}")).collect();
    said.push("/quit".to_owned());
    said.push("//x 你好".to_owned());
    let stdin = format!("{}\n\nno end", said.join("\n"));
    join(&room, &["--nick", "bot"])
        .stdin(stdin)
        .run()
        .check_code(0);
    said.push("no end".to_owned());
    for text in &said {
        assert_eq!(
            wait_for_line(&mut heard, "bot: "),
            format!("[lobby] bot: {text}\n")
        );
    }
    room.interrupt();
}

#[test]
fn what_a_room_takes_slowly_is_said_whole_and_is_no_error() {
    let room = sockpit(&["room", "serve", "127.0.0.1:0"])
        .args(&["--flood", "20/1s,burst=5"])
        .hold_stdin()
        .start();
    let (_anna, mut heard) = plain(&room, "anna");
    let said: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
    let finished = join(&room, &["--nick", "bot"]).stdin(said.join("\n")).run();
    let told = "the room takes lines more slowly than you say them; the rest follows\n";
    assert_eq!(finished.check_code(0).stderr, told);
    for text in &said {
        let line = wait_for_line(&mut heard, "bot: ");
        assert_eq!(line, format!("[lobby] bot: {text}\n"));
    }
    room.interrupt();
}

#[test]
fn what_others_say_goes_to_stdout_as_lines_of_the_room() {
    let room = room();
    let mut bob = join(&room, &["--nick", "bob"]).hold_stdin().start();
    let (mut anna, mut heard) = plain(&room, "anna");
    anna.write_all(b"/who\n").unwrap();
    wait_for_line(&mut heard, "bob");
    anna.write_all("hello 你好\n/me waves\n/msg bob psst\nthat is all\n".as_bytes())
        .unwrap();
    bob.wait_for_stdout(b"that is all\n");
    bob.end_stdin();
    let said = "[lobby] anna: hello 你好\n[lobby] * anna waves\n-> anna: psst\n[lobby] anna: that is all\n";
    bob.finish().check_code(0).check_stdout(said);
    room.interrupt();
}

#[test]
fn a_mention_is_marked_and_names_are_completed() {
    let room = room();
    let state = folder();
    let mut bob = at_a_terminal(&room.address(), &["--nick", "bob"], true, &state);
    wait_for_screen(&bob, "lobby> ");
    let (mut anna, mut heard) = plain(&room, "anna-lena");
    anna.write_all(b"hello Bob, look\n").unwrap();
    wait_for_screen(&bob, ">> [lobby] anna-lena: hello Bob, look");
    let shown = bob.stdout();
    assert!(
        contains(&shown, b"\x1b[7mBob\x1b[0m"),
        "{}",
        shown.escape_ascii()
    );
    bob.feed(b"an\t");
    wait_for_screen(&bob, "lobby> anna-lena: ");
    bob.feed(b"I see\r");
    assert_eq!(
        wait_for_line(&mut heard, "bob:"),
        "[lobby] bob: anna-lena: I see\n"
    );
    wait_for_tick(&bob, "[lobby] bob: ", "anna-lena: I see");
    bob.feed(b"/w\t\r");
    wait_for_screen(&bob, "2 people:");
    bob.feed(b"/quit\r");
    bob.finish().check_code(0);
    let history = std::fs::read_to_string(state.path().join("sockpit/room-history")).unwrap();
    assert!(history.contains("I see"), "{history}");
    room.interrupt();
}

#[test]
fn rooms_one_does_not_look_at_are_counted_and_shown_when_one_turns_to_them() {
    let room = room();
    let state = folder();
    let options = ["--nick", "bob", "--room", "lobby", "--room", "dev"];
    let mut bob = at_a_terminal(&room.address(), &options, false, &state);
    wait_for_screen(&bob, "you are in dev");
    wait_for_screen(&bob, "lobby ");
    let (mut anna, mut heard) = plain(&room, "anna");
    anna.write_all(b"/join dev\none\ntwo\n").unwrap();
    wait_for_screen(&bob, "lobby +2 ");
    assert!(!parsed(&bob).screen().contents().contains("anna: one"));
    // F2; what is typed stays.
    bob.feed(b"half a line");
    wait_for_screen(&bob, "> half a line");
    bob.feed(b"\x1bOQ");
    wait_for_screen(&bob, ">> [dev] anna: two");
    wait_for_screen(&bob, "dev     > half a line");
    bob.feed(b" more\r/room lobby\r");
    assert_eq!(
        wait_for_line(&mut heard, "bob: "),
        "[dev] bob: half a line more\n"
    );
    wait_for_screen(&bob, "lobby     > ");
    bob.feed(b"/bogus\r");
    wait_for_screen(&bob, "no command `/bogus`");
    bob.feed(b"\x04");
    bob.finish().check_code(0);
    room.interrupt();
}

#[test]
fn a_server_that_comes_back_finds_everybody_where_they_were_and_nothing_is_lost() {
    let address = free_address();
    let first = room_at(&address);
    first.address();
    let state = folder();
    let options = ["--nick", "bob", "--room", "dev"];
    let mut bob = at_a_terminal(&address, &options, false, &state);
    wait_for_screen(&bob, "dev> ");
    first.signal(Signal::KILL);
    drop(first.finish());
    wait_for_screen(&bob, "connecting again in");
    wait_for_screen(&bob, "dev? ");
    bob.feed(b"said while nobody listened\r");
    let second = room_at(&address);
    let (mut anna, mut heard) = plain(&second, "anna");
    wait_for_screen(&bob, "connected again");
    wait_for_tick(&bob, "[dev] bob: ", "said while nobody listened");
    anna.write_all(b"/join dev\n").unwrap();
    let line = wait_for_line(&mut heard, "said while");
    assert!(line.starts_with("[dev"), "{line}");
    bob.feed(b"/quit\r");
    bob.finish().check_code(0);
    second.interrupt();
}

#[test]
fn d_a_hostile_room_does_nothing_to_a_terminal() {
    let (listener, address) = server();
    let state = folder();
    let mut bob = at_a_terminal(&address, &["--nick", "bob", "--bell"], true, &state);
    let mut peer = accept(&listener);
    peer.write_all(b"* welcome\n* what is your nickname? (`nick`, or `nick@room`)\n")
        .unwrap();
    let mut asked = BufReader::new(peer.try_clone().unwrap());
    wait_for_line(&mut asked, "\"ref\":\"ready\"");
    let bad = r"\u001b]0;owned\u0007\u001b[2J\u009b31m\u202eevil\u200b\u001b]52;c;aGk=\u0007";
    let lines = format!(
        "{{\"kind\":\"named\",\"from\":\"bob\"}}\n\
         {{\"kind\":\"entered\",\"room\":\"lobby\",\"members\":[\"{bad}\"],\"text\":\"{bad}\"}}\n\
         {{\"kind\":\"pong\",\"ref\":\"ready\"}}\n\
         {{\"kind\":\"text\",\"room\":\"{bad}\",\"from\":\"{bad}\",\"text\":\"{bad}\\r\\nforged\",\"id\":\"1\"}}\n\
         {{\"kind\":\"members\",\"room\":\"{bad}\",\"members\":[\"{bad}\"],\"count\":1}}\n\
         {{\"kind\":\"joined\",\"room\":\"lobby\",\"from\":\"{bad}\",\"id\":\"2\"}}\n\
         {{\"kind\":\"error\",\"text\":\"{bad}\"}}\n\
         \x1b[2J no JSON\n{{\"kind\":\"{bad}\",\"text\":\"{bad}\"}}\n\
         {{\"kind\":\"text\",\"room\":\"lobby\",\"from\":\"eve\",\"text\":\"the end\",\"id\":\"3\"}}\n"
    );
    peer.write_all(lines.as_bytes()).unwrap();
    wait_for_screen(&bob, "eve: the end");
    bob.feed(b"/who \t");
    wait_for_screen(&bob, "/who ");
    let shown = bob.stdout();
    for part in [
        &b"\x1b]"[..],
        b"\x07",
        b"\x1b[2J",
        "\u{9b}".as_bytes(),
        "\u{202e}".as_bytes(),
    ] {
        assert!(
            !contains(&shown, part),
            "{} in {}",
            part.escape_ascii(),
            shown.escape_ascii()
        );
    }
    assert!(parsed(&bob).screen().contents().contains("\\x1b]0;owned"));
    bob.feed(b"\x15/quit\r");
    wait_for_line(&mut asked, "quit");
    drop((peer, asked));
    bob.finish().check_code(0);
}

#[test]
fn a_stranger_hears_nothing_but_what_is_said() {
    let (listener, address) = server();
    let program = sockpit(&["room", "join", &address, "--nick", "bob", "--text", "gbk"]);
    let bob = program.stdin("你好\n").start();
    let mut peer = accept(&listener);
    peer.write_all(b"<announce> \xc4\xe3\xba\xc3\n").unwrap();
    assert_eq!(read_to_end(&mut peer), b"\xc4\xe3\xba\xc3\n");
    drop(peer);
    bob.finish().check_code(0).check_stdout("<announce> 你好\n");
}

#[test]
fn ncat_s_chat_is_joined_as_it_is() {
    if !need("ncat") {
        return;
    }
    let port = free_port().to_string();
    let address = format!("tcp://127.0.0.1:{port}");
    let chat = Program::new("ncat", &["--chat", "-l", "127.0.0.1", &port])
        .hold_stdin()
        .start();
    crate::support::wait_until("ncat listens", || {
        TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()
    });
    let listening = sockpit(&["room", "join", &address]).hold_stdin().start();
    listening.wait_for_stdout(b"announce");
    sockpit(&["room", "join", &address, "--nick", "x"])
        .stdin("hello from here\n")
        .run()
        .check_code(0);
    listening.wait_for_stdout(b"> hello from here");
    listening.interrupt().check_code(130);
    // How ncat takes a signal is its own affair.
    drop(chat);
}

#[test]
fn a_pipe_waits_for_a_server_that_is_away_for_a_moment() {
    let (listener, address) = server();
    let mut bob = sockpit(&["room", "join", &address, "--nick", "bob"])
        .hold_stdin()
        .start();
    let greeting = b"* what is your nickname? (`nick`, or `nick@room`)\n";
    let named =
        b"{\"kind\":\"named\",\"from\":\"bob\"}\n{\"kind\":\"entered\",\"room\":\"lobby\"}\n";
    let ready = b"{\"kind\":\"pong\",\"ref\":\"ready\"}\n";
    let mut peer = accept(&listener);
    peer.write_all(greeting).unwrap();
    let mut asked = BufReader::new(peer.try_clone().unwrap());
    wait_for_line(&mut asked, "ready");
    peer.write_all(&[&named[..], ready].concat()).unwrap();
    bob.feed(b"one\ntwo\n");
    wait_for_line(&mut asked, "one");
    // It is not acknowledged, but it will be found in the history.
    drop((peer, asked));
    let mut peer = accept(&listener);
    peer.write_all(greeting).unwrap();
    let mut asked = BufReader::new(peer.try_clone().unwrap());
    wait_for_line(&mut asked, "ready");
    peer.write_all(named).unwrap();
    peer.write_all(
        b"{\"kind\":\"text\",\"room\":\"lobby\",\"from\":\"bob\",\"text\":\"one\",\"id\":\"1\"}\n\
          {\"kind\":\"pong\",\"ref\":\"ready\"}\n",
    )
    .unwrap();
    let again = wait_for_line(&mut asked, "\"kind\":\"text\"");
    assert!(again.contains("\"two\""), "{again}");
    bob.end_stdin();
    peer.write_all(b"{\"kind\":\"said\",\"id\":\"2\",\"ref\":2}\n")
        .unwrap();
    wait_for_line(&mut asked, "quit");
    drop((peer, asked));
    bob.finish().check_code(0).check_stdout("");
}

#[test]
fn a_server_that_ends_at_once_is_not_asked_for_ever() {
    let (listener, address) = server();
    let joining = sockpit(&["room", "join", &address]).hold_stdin().start();
    drop(accept(&listener));
    let finished = joining.finish();
    finished
        .check_code(1)
        .check_stderr(&["the connection has ended (fin)"]);
}

#[test]
fn a_room_that_is_not_there_is_one_sentence_and_a_hint() {
    let address = free_address();
    let finished = sockpit(&["room", "join", &address]).run();
    finished
        .check_code(1)
        .check_stderr(&["connection refused", "sockpit room serve tcp://127.0.0.1"]);
    sockpit(&["room", "join", &address, "--nick", "a b"])
        .run()
        .check_code(2)
        .check_stderr(&["the nickname `a b`"]);
    sockpit(&["room", "join", "udp://127.0.0.1:9"]) // port: it is refused before it is used
        .run()
        .check_code(2)
        .check_stderr(&["sockpit chat"]);
}

#[test]
fn json_and_a_recording_hold_every_note() {
    let room = room();
    let folder = folder();
    let path = folder.path().join("stay.jsonl");
    let record = path.to_str().expect("a path");
    let finished = join(&room, &["--nick", "bob", "--json", "--record", record])
        .stdin("hi\n")
        .run()
        .check_code(0);
    for text in [finished.text(), &std::fs::read_to_string(&path).unwrap()] {
        for kind in [
            "room.named",
            "room.entered",
            "room.place",
            "room.own",
            "room.fate",
        ] {
            assert!(
                text.contains(&format!("\"kind\":\"{kind}\"")),
                "{kind} in {text}"
            );
        }
    }
    room.interrupt();
}

#[test]
fn a_kick_ends_the_stay() {
    let (listener, address) = server();
    let bob = sockpit(&["room", "join", &address]).hold_stdin().start();
    let mut peer = accept(&listener);
    peer.write_all(b"* what is your nickname? (`nick`, or `nick@room`)\n")
        .unwrap();
    read_exactly(&mut peer, 9);
    peer.write_all(b"{\"kind\":\"error\",\"code\":\"kicked\",\"text\":\"you were thrown out\"}\n")
        .unwrap();
    bob.finish()
        .check_code(1)
        .check_stderr(&["you were thrown out"]);
}
