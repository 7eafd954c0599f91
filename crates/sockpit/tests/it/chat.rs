//! `sockpit chat`: with the programs of beginners as they are, and between two Sockpits.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::datagram::{closed_port, receive};
use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::record::{of_event, records};
use crate::support::{
    DEADLINE, Program, Running, Signal, contains, folder, free_port, need, python, say, sockpit,
    stand_still,
};

/// A program of a tutorial: one socket, which answers what it hears.
const ONE_SOCKET: &str = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
while True:
    data, addr = s.recvfrom(1024)
    text = data.decode(sys.argv[1])
    print('<<', text, flush=True)
    s.sendto(('heard ' + text).encode(sys.argv[1]), addr)
    if text == 'exit': break
";

/// A program of a tutorial: one thread receives on a port, another one sends from a socket that was
/// never bound.
const TWO_SOCKETS: &str = "
import socket, sys, threading
listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listening.bind(('127.0.0.1', 0))
print(listening.getsockname()[1], flush=True)
def receive():
    while True:
        data, addr = listening.recvfrom(1024)
        print('<<', data.decode('utf-8'), flush=True)
threading.Thread(target=receive, daemon=True).start()
sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for line in sys.stdin:
    sending.sendto(line.strip().encode('utf-8'), ('127.0.0.1', int(sys.argv[1])))
";

fn chat(args: &[&str]) -> Program {
    sockpit(&[&["chat", "--bind", "127.0.0.1"], args].concat()).env("USER", "tester")
}

/// A socket and its address.
fn socket() -> (UdpSocket, SocketAddr) {
    let socket = crate::datagram::socket();
    let addr = socket.local_addr().expect("it is bound");
    (socket, addr)
}

/// The address of the chat's own port.
fn address(running: &Running) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], running.port()))
}

fn partner(port: u16) -> String {
    format!("udp://127.0.0.1:{port}")
}

/// The messages of a chat's records.
fn messages(records: &[Value], direction: &str) -> Vec<String> {
    of_event(records, "note")
        .into_iter()
        .filter(|note| note["kind"] == "chat.message" && note["data"]["dir"] == direction)
        .map(|note| note["data"]["text"].as_str().expect("a text").to_owned())
        .collect()
}

fn fates(records: &[Value]) -> Vec<String> {
    of_event(records, "note")
        .into_iter()
        .filter(|note| note["kind"] == "chat.fate")
        .map(|note| note["data"]["fate"].as_str().expect("a fate").to_owned())
        .collect()
}

#[test]
fn a_program_with_one_socket_is_talked_to_line_by_line() {
    let program = python(ONE_SOCKET, &["utf-8"]).start();
    let port = program.printed_port();
    chat(&[&partner(port), "--wait", "3s"])
        .stdin("hello\n你好\nexit\n")
        .run()
        .check_code(0)
        .check_stdout("heard hello\nheard 你好\nheard exit\n");
    let told = program.finish().check_code(0);
    let told = told.text().lines().skip(1).collect::<Vec<_>>().join("\n");
    assert_eq!(told, "<< hello\n<< 你好\n<< exit");
}

#[test]
fn a_program_that_speaks_gbk_is_understood() {
    let program = python(ONE_SOCKET, &["gbk"]).start();
    let port = program.printed_port();
    chat(&[&partner(port), "--text", "gbk", "--wait", "3s"])
        .stdin("你好，网络\nexit\n")
        .run()
        .check_code(0)
        .check_stdout("heard 你好，网络\nheard exit\n");
    program.finish().check_code(0);
}

#[test]
fn a_program_that_sends_from_another_port_is_answered_where_it_listens() {
    let port = free_port().to_string();
    let bind = format!("127.0.0.1:{port}");
    let mut program = python(TWO_SOCKETS, &[&port]).hold_stdin().start();
    let port = program.printed_port();
    let mut chat = sockpit(&["chat", "--bind", &bind, &partner(port), "--json"])
        .hold_stdin()
        .start();
    chat.wait_for_stderr("listening");
    program.feed("你好\n".as_bytes());
    chat.wait_for_stdout("你好".as_bytes());
    chat.feed(b"welcome\n");
    program.wait_for_stdout(b"<< welcome");
    program.feed(b"second\n");
    chat.wait_for_stdout(b"second");
    chat.end_stdin();
    let ended = chat.finish().check_code(0);
    let records = records(&ended.stdout);
    let heard: Vec<&Value> = of_event(&records, "note")
        .into_iter()
        .filter(|note| note["kind"] == "chat.message" && note["data"]["dir"] == "in")
        .collect();
    assert_eq!(heard.len(), 2, "{}", ended.told());
    for note in heard {
        // It is the partner that was named, although another port spoke.
        assert_eq!(note["data"]["from"], format!("127.0.0.1:{port}"));
        assert_ne!(note["data"]["addr"], format!("127.0.0.1:{port}"));
    }
    program.end_stdin();
    program.finish();
}

#[test]
fn a_stranger_gets_what_was_typed_and_nothing_else() {
    let (stranger, addr) = socket();
    let mut chat = chat(&[&partner(addr.port()), "--name", "Lily"])
        .hold_stdin()
        .start();
    chat.feed("one\n\ntwo 你好\n".as_bytes());
    for text in ["one", "", "two 你好"] {
        let (heard, from) = receive(&stranger);
        assert_eq!(heard, text.as_bytes());
        assert_eq!(from, address(&chat));
        // What looks like our own protocol is text from a stranger's mouth, and gets no answer.
        stranger
            .send_to(b"SPCH\x01\x01\0\0\0\0\0\0\0\x07", from)
            .expect("loopback takes it");
    }
    chat.end_stdin();
    chat.finish().check_code(0);
    stranger.set_nonblocking(true).expect("a socket can");
    assert!(
        stranger.recv_from(&mut [0; 2000]).is_err(),
        "something else came"
    );
}

#[test]
fn an_answer_that_came_in_time_is_heard_by_who_looks_late() {
    let (stranger, addr) = socket();
    let chat = chat(&[&partner(addr.port()), "--wait", "2s"])
        .stdin("anybody?\n")
        .start();
    let (_, from) = receive(&stranger);
    stand_still(&chat);
    stranger.send_to(b"yes", from).expect("loopback takes it");
    // sleep: the time that an answer has passes over this one
    thread::sleep(Duration::from_millis(2200));
    chat.signal(Signal::CONT);
    chat.finish().check_code(0).check_stdout("yes\n");
}

#[test]
fn who_speaks_first_is_adopted_and_answered() {
    let mut chat = chat(&["--plain"]).hold_stdin().start();
    let (first, _) = socket();
    let (second, _) = socket();
    first
        .send_to(b"", address(&chat))
        .expect("loopback takes it");
    chat.wait_for_stdout(b"\n");
    second
        .send_to(b"me too\r\n", address(&chat))
        .expect("loopback takes it");
    chat.wait_for_stdout(b"me too\n");
    chat.feed(b"hello first\n");
    assert_eq!(receive(&first).0, b"hello first");
    chat.end_stdin();
    chat.finish().check_code(0).check_stdout("\nme too\n");
}

#[test]
fn without_a_terminal_it_has_to_be_said_whom_to_talk_to() {
    sockpit(&["chat"])
        .run()
        .check_code(2)
        .check_stderr(&["nobody to talk to", "--bind :7853"]);
}

#[test]
fn what_is_no_chat_is_refused_by_name() {
    for (args, part) in [
        (&["chat", "tcp://127.0.0.1:7000"][..], "chat speaks udp"), // port: it is refused before it is used
        (&["chat", "udp://127.0.0.1:0"], "port 0"),
        (
            &["chat", "127.0.0.1:1", "--record", "a.pcapng"], // port: it is refused before it is used
            "`a.pcapng` would hold packets",
        ),
        (&["chat", "127.0.0.1:1", "--name", "a#b"], "a name has"), // port: it is refused before it is used
        (
            &["chat", "127.0.0.1:1", "--bind", "tcp://:1"], // port: it is refused before it is used
            "chat speaks udp",
        ),
        (
            &[
                "chat",
                "--bind",
                ":0",
                "--discover",
                "--interface",
                "nosuch",
            ],
            "nosuch",
        ),
    ] {
        sockpit(args).run().check_code(2).check_stderr(&[part]);
    }
}

#[test]
fn nobody_at_the_other_end_is_told_at_once() {
    let (_held, port) = closed_port("127.0.0.1");
    let addr = format!("127.0.0.1:{port}");
    chat(&[&partner(port), "--wait", "9s"])
        .stdin("hello\n")
        .run()
        .check_code(1)
        .check_stderr(&["nobody listens there", &addr]);
}

#[test]
fn who_refuses_is_told_by_address_once_with_what_would_help() {
    let (_held, port) = closed_port("127.0.0.1");
    let (other, other_addr) = socket();
    let finished = chat(&[&partner(port), &partner(other_addr.port()), "--quiet"])
        .args(&["--plain", "--wait", "300ms"])
        .stdin("one\ntwo\n")
        .run();
    drop(other);
    let error = format!("error: 127.0.0.1:{port}: nobody listens there (ICMP port unreachable)");
    let told: Vec<&str> = finished.stderr.lines().collect();
    assert!(told.iter().all(|line| *line == error), "{told:?}");
    // Where there is one partner, its refusal is all that is waited for.
    let finished = chat(&[&partner(port), "--wait", "9s"])
        .stdin("one\ntwo\n")
        .run();
    let told: Vec<&str> = finished.stderr.lines().collect();
    let place = told.iter().position(|line| *line == error).unwrap();
    assert!(told[place + 1].starts_with("hint: "), "{told:?}");
    assert_eq!(finished.stderr.matches("hint: ").count(), 1, "{told:?}");
}

#[test]
fn a_broadcast_address_is_spoken_to_and_not_knocked_at() {
    chat(&[
        "255.255.255.255:9",
        "--bind",
        "127.0.0.1:0",
        "--wait",
        "300ms",
    ])
    .stdin("hello\n")
    .run()
    .check_stdout("");
}

#[test]
fn what_no_datagram_holds_is_an_error_and_not_cut() {
    let (stranger, addr) = socket();
    let long = "x".repeat(65_508);
    chat(&[&partner(addr.port()), "--wait", "50ms"])
        .stdin(format!("{long}\nshort\n"))
        .run()
        .check_code(1)
        .check_stderr(&["65508 bytes do not fit into one datagram"]);
    assert_eq!(receive(&stranger).0, b"short");
}

#[test]
fn two_sockpits_know_their_names_and_that_it_arrived() {
    let mut tom = chat(&["--name", "Tom", "--json"]).hold_stdin().start();
    let mut lily = chat(&[&partner(tom.port()), "--name", "Lily", "--json"])
        .hold_stdin()
        .start();
    lily.wait_for_stdout(b"chat.met");
    tom.wait_for_stdout(b"chat.met");
    lily.feed("你好 Tom\n".as_bytes());
    tom.wait_for_stdout(b"chat.message");
    lily.wait_for_stdout(b"delivered");
    tom.feed(b"hi\n");
    lily.wait_for_stdout(b"\"text\":\"hi\"");
    tom.wait_for_stdout(b"delivered");
    lily.end_stdin();
    let lily = lily.finish().check_code(0);
    tom.wait_for_stdout(b"chat.left");
    tom.end_stdin();
    let tom = tom.finish().check_code(0);
    let (lily, tom) = (records(&lily.stdout), records(&tom.stdout));
    assert_eq!(messages(&tom, "in"), ["你好 Tom"]);
    assert_eq!(messages(&lily, "in"), ["hi"]);
    assert_eq!(fates(&lily), ["delivered"]);
    let from = of_event(&tom, "note")
        .into_iter()
        .find(|note| note["kind"] == "chat.message")
        .map(|note| note["data"]["from"].clone());
    assert_eq!(from, Some("Lily".into()));
}

#[test]
fn a_long_message_between_two_sockpits_arrives_whole() {
    let tom = chat(&["--json"]).hold_stdin().start();
    let long = "长".repeat(21_000);
    let mut lily = chat(&[&partner(tom.port()), "--json"]).hold_stdin().start();
    // Before that it may be taken for another program, which gets datagrams.
    lily.wait_for_stdout(b"chat.met");
    lily.feed(format!("{long}\nafter\n").as_bytes());
    lily.end_stdin();
    let lily = lily.finish().check_code(0);
    assert_eq!(fates(&records(&lily.stdout)), ["delivered", "delivered"]);
    tom.wait_for_stdout(b"\"text\":\"after\"");
    let tom = tom.interrupt().check_code(130);
    assert_eq!(
        messages(&records(&tom.stdout), "in"),
        [long.as_str(), "after"]
    );
}

#[test]
fn where_a_sockpit_was_and_a_stranger_is_only_text_comes() {
    let bind = format!("127.0.0.1:{}", free_port());
    let tom = sockpit(&["chat", "--bind", &bind, "--json"])
        .env("USER", "tester")
        .hold_stdin()
        .start();
    let addr = address(&tom);
    let mut lily = chat(&[&partner(addr.port()), "--json"])
        .hold_stdin()
        .start();
    lily.wait_for_stdout(b"chat.met");
    tom.signal(Signal::KILL);
    tom.finish();
    let stranger = UdpSocket::bind(addr).expect("its port is free");
    stranger
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket can");
    lily.feed(b"one\ntwo\n");
    assert_eq!(receive(&stranger).0, b"one");
    assert_eq!(receive(&stranger).0, b"two");
    lily.end_stdin();
    lily.finish().check_code(0);
}

#[test]
fn those_who_announce_themselves_find_each_other() {
    if !need("unshare") || !need("ip") {
        return;
    }
    // A network of its own: two machines on one cable, by both families.
    for (family, own) in [("-4", "10.77.0"), ("-6", "fe80")] {
        let script = format!(
            "set -e
            exe='{}'
            ip link set lo up
            unshare -n sleep 60 & other=$!
            # sleep: polled, by the deadline of the program that is run
            until [ \"$(readlink /proc/$other/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.05; done
            ip link add one type veth peer name two netns $other
            run() {{ nsenter -t $other -n \"$@\"; }}
            ip addr add 10.77.0.1/24 dev one; run ip addr add 10.77.0.2/24 dev two
            ip link set one up; run ip link set two up
            here() {{ ip -6 addr show dev one scope link -tentative | grep -q inet6; }}
            there() {{ run ip -6 addr show dev two scope link -tentative | grep -q inet6; }}
            # sleep: polled; an IPv6 address is tentative for a while
            until here && there; do sleep 0.05; done
            # sleep: polled, for less than a test may take
            wait_for() {{ for _ in $(seq 400); do grep -q \"$1\" $2 && return; sleep 0.05; done; }}
            (sleep 25) 2> /dev/null | run timeout 25 $exe chat --bind :0 {family} --discover --name Tom --json > two.json 2> two.err & tom=$!
            (wait_for 'Tom is on' one.json; wait_for 'Lily is on' two.json; echo found you; wait_for 'found you' two.json) | $exe chat --bind :0 {family} --discover --name Lily --json > one.json 2> one.err || true
            wait_for left two.json
            kill $tom $other 2>/dev/null || true
            cat one.json; echo ====; cat two.json one.err two.err",
            env!("CARGO_BIN_EXE_sockpit")
        );
        let folder = folder();
        let ended = Program::new("unshare", &["-Urnm", "sh", "-c", &script])
            .folder(&folder)
            .run();
        if ended.code != Some(0) && !contains(&ended.stdout, b"chat.") {
            return say(&format!("skipped: {}", ended.told()));
        }
        // It is told as bytes that both programs wrote.
        let text = ended.text();
        let (one, two) = text.split_once("====").expect("both have told");
        assert!(
            one.contains("Tom is on the local network"),
            "{family}: {text}"
        );
        assert!(
            two.contains("Lily is on the local network"),
            "{family}: {text}"
        );
        assert!(
            two.contains("found you") && two.contains(own),
            "{family}: {text}"
        );
        assert!(two.contains("left"), "{family}: {text}");
    }
}

#[test]
fn two_find_each_other_on_loopback() {
    // The port is of this test: others of this machine do not take part.
    let discover = format!("--discover={}", free_port());
    let args = [discover.as_str(), "--interface", "lo", "--json"];
    let tom = chat(&[&args[..], &["--name", "Tom"]].concat())
        .hold_stdin()
        .start();
    tom.wait_for_stderr("listening");
    // Tom may take so long to answer her knock.
    let lily = chat(&[&args[..], &["--name", "Lily", "--wait", "5s"]].concat())
        .stdin("found you\n")
        .run()
        .check_code(0);
    assert!(
        contains(&lily.stdout, b"Tom is on the local network"),
        "{}",
        lily.told()
    );
    tom.wait_for_stdout(b"found you");
    tom.wait_for_stdout(b"chat.left");
    tom.interrupt().check_code(130);
}

#[test]
fn on_a_terminal_it_asks_as_the_programs_of_tutorials_do() {
    let program = python(ONE_SOCKET, &["utf-8"]).start();
    let port = program.printed_port();
    let own = free_port();
    let state = folder();
    let mut terminal = sockpit_on_a_terminal(Size::USUAL, &["chat"])
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("XDG_STATE_HOME", state.path().to_str().expect("a path"))
        .hold_stdin()
        .start();
    terminal.wait_for_stdout(b"IP address [127.0.0.1]: ");
    terminal.feed(b"\r");
    terminal.wait_for_stdout(b"The other's port [");
    terminal.feed(b"nonsense\r");
    terminal.wait_for_stdout(b"`nonsense` is no port");
    terminal.feed(format!("{port}\r").as_bytes());
    terminal.wait_for_stdout(b"Your own port [");
    terminal.feed(format!("{own}\r").as_bytes());
    terminal.wait_for_stdout(b"> ");
    terminal.feed("你好\r".as_bytes());
    terminal.wait_for_stdout(">> ".as_bytes());
    terminal.wait_for_stdout("heard 你好".as_bytes());
    terminal.wait_for_stdout("<< ".as_bytes());
    terminal.feed(b"/nonsense\r");
    terminal.wait_for_stdout(b"there is no `/nonsense`");
    terminal.feed(b"exit\r");
    program.wait_for_stdout(b"<< exit");
    terminal.feed(b"/quit\r");
    terminal.finish().check_code(0);
    program.finish().check_code(0);
}

#[test]
fn nc_is_a_partner_like_any_other() {
    if !need("nc") {
        return;
    }
    let mut chat = chat(&[]).hold_stdin().start();
    let port = chat.port().to_string();
    let mut nc = Program::new("nc", &["-u", "127.0.0.1", &port])
        .hold_stdin()
        .start();
    nc.feed(b"from nc\n");
    chat.wait_for_stdout(b"from nc\n");
    chat.feed(b"to nc\n");
    nc.wait_for_stdout(b"to nc");
    nc.signal(Signal::TERM);
    nc.finish();
    chat.end_stdin();
    chat.finish();
}

#[test]
fn d1_what_a_partner_says_does_nothing_to_the_screen() {
    let state = folder();
    let mut terminal = sockpit_on_a_terminal(Size::USUAL, &["chat", "--bind", "127.0.0.1:0"])
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("XDG_STATE_HOME", state.path().to_str().expect("a path"))
        .hold_stdin()
        .start();
    terminal.wait_for_stdout(b"> ");
    let (hostile, _) = socket();
    let text = String::from_utf8_lossy(&terminal.stdout()).into_owned();
    let at = text.find("127.0.0.1:").expect("its address is told") + 10;
    let port: String = text[at..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let addr = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
    hostile
        .send_to(b"\x1b]52;c;aGk=\x07\x1b[2Jdone\xe2\x80\xae", addr)
        .expect("loopback takes it");
    terminal.wait_for_stdout(b"done");
    assert!(!contains(&terminal.stdout(), b"\x1b]52"));
    assert!(!contains(&terminal.stdout(), b"\x1b[2J"));
    terminal.feed(b"/quit\r");
    terminal.finish().check_code(0);
}
