//! Rooms: whatever people have joins them, on one port, and nobody harms the others.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{
    DEADLINE, Program, Running, Signal, client, contains, folder, need, python, sockpit,
    wait_until_full,
};

/// A room on a port of its own.
fn room(options: &[&str]) -> Running {
    sockpit(&["room", "serve", "tcp://127.0.0.1:0"])
        .args(options)
        .start()
}

/// A member who reads and writes lines over a socket of the test.
pub(crate) struct Member<S> {
    stream: S,
    heard: Vec<u8>,
}

impl Member<TcpStream> {
    /// Comes in under a name, and waits until the room knows it.
    pub(crate) fn join(port: u16, nick: &str) -> Self {
        let mut member = Self::new(client(port));
        member.introduce(nick);
        member
    }

    /// One for whom little waits in its own system when it does not read.
    fn join_narrow(port: u16, nick: &str) -> Self {
        let stream = client(port);
        rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 64 * 1024)
            .expect("a socket of our own");
        let mut member = Self::new(stream);
        member.introduce(nick);
        member
    }
}

impl<S: Read + Write> Member<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            heard: Vec::new(),
        }
    }

    fn introduce(&mut self, nick: &str) {
        self.hear("nickname?");
        self.say(nick);
        self.hear("you are in ");
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the room reads");
    }

    /// Reads until `part` has come, and gives everything up to it; what was heard is not heard again.
    #[track_caller]
    pub(crate) fn hear(&mut self, part: &str) -> String {
        String::from_utf8_lossy(&self.hear_bytes(part.as_bytes())).into_owned()
    }

    #[track_caller]
    fn hear_bytes(&mut self, part: &[u8]) -> Vec<u8> {
        let until = Instant::now() + DEADLINE;
        let mut buffer = [0; 16 * 1024];
        // What was searched is not searched again.
        let mut searched = 0;
        loop {
            let from = self.heard.get(searched..).unwrap_or_default();
            if let Some(at) = from.windows(part.len()).position(|window| window == part) {
                return self.heard.drain(..searched + at + part.len()).collect();
            }
            searched = self.heard.len().saturating_sub(part.len());
            let read = match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                read => read.expect("the room goes on"),
            };
            if read == 0 || Instant::now() >= until {
                let end = &self.heard[self.heard.len().saturating_sub(2000)..];
                panic!("no `{}` in `{}`", part.escape_ascii(), end.escape_ascii());
            }
            self.heard.extend_from_slice(&buffer[..read]);
        }
    }

    /// Everything to the end.
    fn hear_out(mut self) -> String {
        // A room that was left in a hurry resets.
        let _ = self.stream.read_to_end(&mut self.heard);
        String::from_utf8_lossy(&self.heard).into_owned()
    }
}

#[test]
fn nc_ncat_telnet_and_python_talk_in_one_room() {
    if !(need("nc.openbsd") && need("ncat") && need("telnet")) {
        return;
    }
    let room = room(&[]);
    let port = room.port().to_string();
    let tools: [(&str, &[&str], &str); 3] = [
        ("nc.openbsd", &["127.0.0.1", &port], "nina"),
        ("ncat", &["127.0.0.1", &port], "nick"),
        ("telnet", &["127.0.0.1", &port], "tess"),
    ];
    let mut people = Vec::new();
    for (name, arguments, nick) in tools {
        let mut tool = Program::new(name, arguments).hold_stdin().start();
        tool.wait_for_stdout(b"nickname?");
        tool.feed(format!("{nick}\n").as_bytes());
        tool.wait_for_stdout(b"you are in lobby");
        people.push((tool, nick));
    }
    let script = "
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
f = s.makefile('rw', encoding='utf-8', newline='\\n')
f.write('pia\\n'); f.flush()
for line in f:
    if 'you are in' in line: break
f.write('hello from python, 你好\\n'); f.flush()
for line in f:
    if 'bye' in line: break
";
    let mut pia = python(script, &[&port]).start();
    for (tool, _) in &people {
        tool.wait_for_stdout("[lobby] pia: hello from python, 你好".as_bytes());
    }
    for index in 0..people.len() {
        let nick = people[index].1;
        people[index].0.feed(format!("this is {nick}\n").as_bytes());
        for (other, (tool, _)) in people.iter().enumerate() {
            if other != index {
                tool.wait_for_stdout(format!("[lobby] {nick}: this is {nick}\n").as_bytes());
            }
        }
    }
    people[0].0.feed(b"bye\n");
    pia.wait("its end", |_| true);
    people[1].0.wait_for_stdout(b"[lobby] nina: bye");
    people[2].0.wait_for_stdout(b"pia left lobby");
    room.wait_for_stdout(b"[lobby] tess: this is tess\n");
    assert!(!pia.has_ended() || pia.code() == Some(0));
    room.interrupt().check_code(130);
}

#[test]
fn a_gbk_member_and_a_utf_8_member_read_each_other() {
    let room = room(&["--text", "gbk"]);
    let port = room.port();
    let mut gbk = Member::join(port, "li");
    let mut utf8 = Member::join(port, "anna");
    utf8.say("/charset utf-8");
    utf8.hear("your charset is");
    gbk.send(b"\xc4\xe3\xba\xc3\n");
    utf8.hear("[lobby] li: 你好\n");
    utf8.say("再见 👋");
    // What GBK does not have is escaped.
    gbk.hear_bytes(b"[lobby] anna: \xd4\xd9\xbc\xfb ");
    room.wait_for_stdout("[lobby] li: 你好\n".as_bytes());
}

#[test]
fn several_endpoints_are_one_room() {
    let folder = folder();
    let path = folder.path().join("room.sock");
    let path = path.to_str().expect("a path");
    let room = room(&["--unix", path]);
    let mut far = Member::join(room.port(), "far");
    let stream = UnixStream::connect(path).expect("the room listens there");
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut near = Member::new(stream);
    near.introduce("near");
    far.hear("near joined lobby");
    near.say("by path");
    far.hear("[lobby] near: by path\n");
    far.say("by port");
    near.hear("[lobby] far: by port\n");
}

#[test]
fn lines_in_pieces_and_without_an_end_are_messages() {
    let room = room(&[]);
    let port = room.port();
    let mut anna = Member::join(port, "anna");
    let mut bob = Member::join(port, "bob");
    for byte in "über\r\nzwei\nd".bytes() {
        bob.send(&[byte]);
    }
    anna.hear("[lobby] bob: zwei\n");
    bob.stream.shutdown(Shutdown::Write).unwrap();
    anna.hear("bob left");
    room.wait_for_stdout("[lobby] bob: über\n[lobby] bob: zwei\n[lobby] bob: d\n".as_bytes());
}

#[test]
fn programs_talk_in_objects() {
    let room = room(&[]);
    let port = room.port();
    let mut anna = Member::join(port, "anna");
    let mut bot = Member::new(client(port));
    bot.hear("nickname?");
    bot.say("/json on");
    bot.say(r#"{"kind":"nick","text":"bot"}"#);
    bot.say(r#"{"text":"from a \"program\"","ref":7}"#);
    bot.hear(r#""kind":"entered""#);
    let said = bot.hear(r#""kind":"said""#) + &bot.hear("\n");
    assert!(said.contains(r#""ref":7"#), "{said}");
    anna.hear("[lobby] bot: from a \"program\"\n");
    anna.say("hi bot");
    let told = bot.hear("hi bot") + &bot.hear("\n");
    let line = told.lines().last().expect("a line");
    assert!(line.contains(r#""from":"anna""#), "{line}");
    assert!(line.contains(r#""room":"lobby""#), "{line}");
}

#[test]
fn a_member_who_reads_slowly_is_told_what_was_lost_and_holds_nobody_up() {
    let room = room(&["--backlog", "16KiB", "--as", "none"]);
    let port = room.port();
    let mut slow = Member::join_narrow(port, "slow");
    let mut anna = Member::join(port, "anna");
    let mut bob = Member::join(port, "bob");
    let text = "x".repeat(3000);
    for number in 0..3000 {
        bob.say(&format!("{number} {text}"));
        if number % 50 == 49 {
            anna.hear(&format!("bob: {number} "));
        }
    }
    wait_until_full(&slow.stream);
    slow.hear("were lost: you read too slowly");
    bob.say("the last one");
    slow.hear("bob: the last one");
}

#[test]
fn b5_a_member_who_takes_nothing_is_dismissed() {
    let room = room(&["--backlog", "16KiB", "--patience", "600ms", "--as", "none"]);
    let port = room.port();
    let slow = Member::join_narrow(port, "slow");
    let mut anna = Member::join(port, "anna");
    anna.say("/nick talker");
    let text = "x".repeat(3000);
    for number in 0..4000 {
        anna.say(&format!("{number} {text}"));
    }
    anna.hear("slow left lobby");
    drop(slow);
}

#[test]
fn a_flood_is_held_up_and_told() {
    let room = room(&["--flood", "2/1s,burst=3"]);
    let port = room.port();
    let mut anna = Member::join(port, "anna");
    let mut bob = Member::join(port, "bob");
    for number in 0..10 {
        bob.say(&format!("line {number}"));
    }
    bob.hear("not passed on: you send too fast");
    bob.say("/ping");
    anna.hear("[lobby] bob: line 0\n");
    // Who waits may go on.
    std::thread::sleep(Duration::from_millis(1200)); // sleep: the limit is one in time
    bob.say("calm again");
    let heard = anna.hear("bob: calm again");
    assert!(!heard.contains("line 9"), "{heard}");
}

#[test]
fn an_operator_kicks_bans_and_tells_everybody() {
    let state = folder();
    let mut operator = sockpit_on_a_terminal(
        Size::USUAL,
        &["room", "serve", "tcp://127.0.0.1:0", "--topic", "tests"],
    )
    .env("TERM", "xterm")
    .env("NO_COLOR", "1")
    .env("XDG_STATE_HOME", state.path().to_str().expect("a path"))
    .hold_stdin()
    .start();
    operator.wait_for_stdout(b"all> ");
    let port = port_on_screen(&operator);
    let mut anna = Member::join(port, "anna");
    let mut bob = Member::join(port, "bob");
    operator.wait_for_stdout(b"bob joined");
    anna.say("hi \x1b[2Jall");
    operator.wait_for_stdout(b"[lobby] anna: hi ");
    assert!(!contains(&operator.stdout(), b"hi \x1b[2J"));
    operator.feed(b"tea in five minutes\r");
    anna.hear("[#notice] tea in five minutes");
    bob.hear("tea in five minutes");
    operator.feed(b"/notice lobby only here\r");
    anna.hear("only here");
    operator.feed(b"/kick bob too loud\r");
    assert!(bob.hear_out().contains("you were thrown out: too loud"));
    anna.hear("bob");
    operator.feed(b"/ban bob\r");
    operator.wait_for_stdout(b"is not let in");
    let mut again = Member::new(client(port));
    again.hear("nickname?");
    again.say("bob");
    again.hear("!");
    operator.feed(b"/bans\r");
    operator.feed(b"/unban bob\r");
    operator.wait_for_stdout(b"may come in again");
    let mut bob = Member::join(port, "bob");
    bob.say("back");
    anna.hear("[lobby] bob: back\n");
    operator.feed(b"/who\r");
    operator.wait_for_stdout(b"bob  tcp://127.0.0.1:");
    operator.feed(b"/rooms\r");
    operator.wait_for_stdout(b"tests");
    operator.feed(b"/nonsense\r");
    operator.wait_for_stdout(b"no command `/nonsense`");
    operator.feed(b"/quit\r");
    assert!(anna.hear_out().contains("the server is closing; goodbye"));
    operator.finish().check_code(0);
}

/// The port that a room on a terminal announced.
fn port_on_screen(operator: &Running) -> u16 {
    const ANNOUNCED: &str = "listening on tcp://127.0.0.1:";
    operator.wait_for_stdout(ANNOUNCED.as_bytes());
    let mut port = None;
    operator.wait("the port", |operator| {
        let shown = String::from_utf8_lossy(&operator.stdout()).into_owned();
        port = shown
            .split_once(ANNOUNCED)
            .and_then(|(_, rest)| rest.split_once(['\r', '\n']))
            .and_then(|(port, _)| port.parse().ok());
        port.is_some()
    });
    port.expect("it was waited for")
}

#[test]
fn b7_sigterm_says_goodbye_and_flushes() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let folder = folder();
        let path = folder.path().join("room.jsonl");
        let room = room(&["--record", path.to_str().expect("a path")]);
        let port = room.port();
        let mut anna = Member::join(port, "anna");
        let mut bob = Member::join(port, "bob");
        bob.say("last words");
        anna.hear("last words");
        room.signal(signal);
        for member in [anna, bob] {
            let heard = member.hear_out();
            assert!(heard.ends_with("goodbye\n"), "{heard}");
        }
        let finished = room.finish().check_code(code);
        assert!(
            finished.took < Duration::from_secs(15),
            "{}",
            finished.told()
        );
        let recorded = std::fs::read_to_string(&path).expect("it was recorded");
        assert!(recorded.ends_with('\n'));
        assert!(recorded.contains(r#""kind":"room.text""#), "{recorded}");
        assert!(!recorded.contains(r#""event":"chunk""#), "{recorded}");
    }
}

#[test]
fn a_member_who_takes_nothing_does_not_hold_up_the_end() {
    let room = room(&["--as", "none"]);
    let port = room.port();
    let slow = Member::join_narrow(port, "slow");
    let mut anna = Member::join(port, "anna");
    let text = "x".repeat(3000);
    for number in 0..3000 {
        anna.say(&format!("{number} {text}"));
    }
    wait_until_full(&slow.stream);
    let asked = Instant::now();
    room.signal(Signal::TERM);
    room.finish().check_code(143);
    assert!(asked.elapsed() < Duration::from_secs(15));
}

#[test]
fn three_hundred_members_hear_one() {
    let room = room(&["--as", "none"]);
    let port = room.port();
    let mut members: Vec<_> = (0..300)
        .map(|number| Member::join(port, &format!("m{number}")))
        .collect();
    members[7].say("to all of you");
    for (number, member) in members.iter_mut().enumerate() {
        if number != 7 {
            member.hear("[lobby] m7: to all of you\n");
        }
    }
}

#[test]
fn d2_hostile_bytes_reach_nobody_as_they_are() {
    let room = room(&[]);
    let port = room.port();
    let mut anna = Member::join(port, "anna");
    let mut eve = Member::join(port, "eve");
    eve.send(b"a\x1b]0;owned\x07b\x9b31m\x00\xc0\x80\n");
    let heard = anna.hear("eve: a");
    let heard = heard + &anna.hear("\n");
    assert!(
        !heard.contains('\x1b') && !heard.contains('\x07'),
        "{heard:?}"
    );
    eve.send(&[b'x'; 100_000]);
    eve.send(b"\n/ping\n");
    eve.hear("your line was cut");
    anna.hear("xxxx");
    // A nickname that would draw something.
    let mut nobody = Member::new(client(port));
    nobody.hear("nickname?");
    nobody.send(b"\x1b[31mred\n");
    nobody.hear("!");
}

#[test]
fn piped_lines_are_told_to_everybody_and_their_end_ends_nothing() {
    let mut room = sockpit(&["room", "serve", "tcp://127.0.0.1:0"])
        .hold_stdin()
        .start();
    let port = room.port();
    let mut anna = Member::join(port, "anna");
    room.feed("down at noon, 中午\n/quit\n".as_bytes());
    anna.hear("[#notice] down at noon, 中午\n");
    anna.hear("[#notice] /quit\n");
    room.end_stdin();
    let mut bob = Member::join(port, "bob");
    bob.say("still here");
    anna.hear("still here");
}

#[test]
fn stdout_holds_a_line_a_message_or_records() {
    let shown = room(&[]);
    let mut anna = Member::join(shown.port(), "anna");
    anna.say("one");
    anna.say("/me waves");
    anna.say("/nick ann");
    anna.say("two");
    shown.wait_for_stdout(b"two\n");
    let finished = shown.interrupt();
    assert_eq!(
        finished.text(),
        "[lobby] anna: one\n[lobby] * anna waves\n[lobby] ann: two\n"
    );
    let records = room(&["--json"]);
    let mut anna = Member::join(records.port(), "anna");
    anna.say("one");
    records.wait_for_stdout(br#""kind":"room.text""#);
    let finished = records.interrupt();
    assert!(finished.text().lines().all(|line| line.starts_with('{')));
    assert!(finished.text().contains(r#""event":"opened""#));
}

#[test]
fn no_more_than_max_peers_are_let_in_and_the_next_one_waits() {
    let room = room(&["--max-peers", "2"]);
    let port = room.port();
    let anna = Member::join(port, "anna");
    let mut bob = Member::join(port, "bob");
    let mut eve = Member::new(client(port));
    bob.say("/ping");
    bob.hear("pong");
    eve.stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert!(eve.stream.read(&mut [0; 64]).is_err());
    eve.stream.set_read_timeout(Some(DEADLINE)).unwrap();
    drop(anna);
    eve.introduce("eve");
}

#[test]
fn where_browsers_are_let_in_who_keeps_silent_is_greeted() {
    let room = room(&["--ws"]);
    let port = room.port();
    let mut anna = Member::join(port, "anna");
    // Who talks first need not wait; nor is a word that begins like theirs taken for a browser's.
    let mut gert = Member::new(client(port));
    gert.send(b"GE");
    gert.send(b"RT\n");
    gert.hear("you are in lobby");
    anna.hear("GERT joined lobby");
    gert.say("GET / HTTP/1.1");
    anna.hear("[lobby] GERT: GET / HTTP/1.1\n");
}

#[test]
fn a_port_in_use_says_who_has_it() {
    let first = room(&[]);
    let address = first.address();
    sockpit(&["room", "serve", &address])
        .run()
        .check_code(2)
        .check_stderr(&[
            "error: cannot listen on tcp://127.0.0.1:",
            "in use",
            "sockpit",
        ]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cases: [(&[&str], &str); 5] = [
        (&["udp://127.0.0.1:0"], "a room is joined by tcp or unix"),
        (&[":0", "--as", "hex"], "text, json or none"),
        (&[":0", "--max-line", "3"], "--max-line"),
        (&[":0", "--flood", "fast"], "fast"),
        (&[], "required"),
    ];
    for (arguments, told) in cases {
        let finished = sockpit(&["room", "serve"]).args(arguments).run();
        finished.check_code(2).check_stderr(&[told]);
    }
}
