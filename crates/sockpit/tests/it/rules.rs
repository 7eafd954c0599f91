//! Rule files and `--reply`, as a peer meets them.

use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::datagram::{at, receive, socket};
use crate::record::{of_event, records};
use crate::support::{
    Running, TempDir, accept, client, connect, contains, folder, listen, read_exactly, read_to_end,
    server, sockpit,
};

/// The page that the sample stands in.
const PAGE: &str = include_str!("../../../../docs/rules.md");

#[test]
fn the_sample_of_the_documentation_answers_as_it_says() {
    let sample = PAGE.split("```toml\n").nth(1).expect("a sample");
    let (_folder, path) = file(sample.split("```").next().expect("its end"));
    let listener = listen(&["udp://127.0.0.1:0", "--text", "gbk", "--rules", &path]);
    let (peer, to) = (socket(), at(&listener));

    let asked = Instant::now();
    send(&peer, to, b"login anna 42");
    let mut heard = until(&peer, b"welcome anna, peer 1 of ");
    assert!(
        asked.elapsed() >= Duration::from_millis(200),
        "the answer was not delayed"
    );
    // The list has begun, the script has greeted, and the last rule has echoed; each in its time.
    for part in [&b"STATUS?\n"[..], b"HELLO\r\n", b"login anna 42"] {
        if !heard.iter().any(|datagram| datagram == part) {
            heard.extend(until(&peer, part));
        }
    }
    send(&peer, to, b"PING");
    until(&peer, b"PONG 1");
    send(&peer, to, b"PING");
    until(&peer, b"PONG 2");
    // `温度25`, and `收到 ` before it.
    send(&peer, to, b"\xce\xc2\xb6\xc825");
    until(&peer, b"\xca\xd5\xb5\xbd \xce\xc2\xb6\xc825");
    send(&peer, to, b"help!");
    until(&peer, b"HELP!");
    send(&peer, to, b"\xab\xcd\0\0\0\x06\x01\x03\0\0\0\x02");
    let reply = until(&peer, b"\xab\xcd\0\0\0\x05\x01\x03\x02")
        .pop()
        .expect("the reply");
    assert_eq!(reply.len(), 9 + 2, "four random digits");
    send(&peer, to, b"token=abc");
    until(&peer, b"\xaaabc\r");
    send(&peer, to, b"a secret");
    send(&peer, to, b"the end");
    let heard = until(&peer, b"the end");
    assert!(
        !heard.iter().any(|datagram| contains(datagram, b"secret")),
        "it was answered"
    );
    send(&peer, to, b"subscribe");
    for tick in [&b"tick 1 "[..], b"tick 2 ", b"tick 3 "] {
        until(&peer, tick);
    }
    // The conversation has ended, so this begins another one.
    send(&peer, to, b"PING");
    until(&peer, b"PONG 1");
    listener.interrupt().check_code(130);
}

#[test]
fn the_first_rule_that_fits_answers_and_continue_lets_the_next_one_too() {
    let listener = responder(
        "[[rule]]\nequals = \"a\"\nreply = \"equals\"\n\
         [[rule]]\nstarts = \"a\"\nreply = \"starts\"\ncontinue = true\n\
         [[rule]]\nends = \"z\"\nreply = \"ends\"\n\
         [[rule]]\ncontains = \"b\"\nreply = \"contains\"\n",
    );
    let (peer, to) = (socket(), at(&listener.0));
    for (asked, answers) in [
        (&b"a"[..], &[&b"equals"[..]][..]),
        (b"a..z", &[b"starts", b"ends"]),
        (b"abz", &[b"starts", b"ends"]),
        (b"xbx", &[b"contains"]),
    ] {
        send(&peer, to, asked);
        for answer in answers {
            assert_eq!(receive(&peer).0, *answer, "to `{}`", asked.escape_ascii());
        }
    }
    // Nothing fits this one: the next answer is that of the next message.
    send(&peer, to, b"unknown");
    send(&peer, to, b"a");
    assert_eq!(receive(&peer).0, b"equals");
}

#[test]
fn what_a_pattern_caught_is_filled_in() {
    let listener = responder(
        "[[rule]]\nregex = '^set (?<key>\\w+)=(\\d+)$'\nreply = \"${key} is ${2}, not ${0} $${1}\"\n\
         [[rule]]\nhex = \"AA ?? 0?\"\nreply_hex = \"BB ${1} ${0} ${hex:0D}\"\n\
         [[rule]]\nany = true\nreply = \"${counter} ${peer} ${peer.addr} ${message}\"\n",
    );
    let (peer, to) = (socket(), at(&listener.0));
    send(&peer, to, b"set speed=10");
    assert_eq!(receive(&peer).0, b"speed is 10, not set speed=10 ${1}");
    send(&peer, to, b"xx\xaa\x77\x05yy");
    let reply = receive(&peer).0;
    assert!(reply.starts_with(b"\xbb\x77"), "{}", reply.escape_ascii());
    assert!(
        reply.ends_with(b"\xaa\x77\x05\r"),
        "{}",
        reply.escape_ascii()
    );
    let own = peer.local_addr().expect("it is bound");
    for count in 1..=2 {
        send(&peer, to, b"hi");
        let expected = format!("{count} 1 {own} hi");
        assert_eq!(String::from_utf8(receive(&peer).0).unwrap(), expected);
    }
}

#[test]
fn time_and_chance_are_new_each_time() {
    let listener = responder(
        "[[rule]]\nany = true\nreply = \"${time.ms} ${random:1-6} ${random.hex:8} ${time}\"\n",
    );
    let (peer, to) = (socket(), at(&listener.0));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        send(&peer, to, b"?");
        let reply = String::from_utf8(receive(&peer).0).unwrap();
        let words: Vec<&str> = reply.split(' ').collect();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let millis: u64 = words[0].parse().unwrap();
        assert!(now.as_millis().abs_diff(millis.into()) < 60_000, "{reply}");
        assert!(
            (1..=6).contains(&words[1].parse::<u32>().unwrap()),
            "{reply}"
        );
        assert_eq!(words[2].len(), 8, "{reply}");
        assert!(
            words[3].starts_with("20") && words[3].ends_with('Z'),
            "{reply}"
        );
        seen.insert(words[2].to_owned());
    }
    assert_eq!(seen.len(), 3, "32 bits of chance three times alike");
}

#[test]
fn a_repetition_is_counted_and_close_comes_after_it() {
    let (_folder, path) = file(
        "[[rule]]\nequals = \"go\"\nreply = \"tick ${counter}\"\n\
         repeat = { every = \"50ms\", count = 3 }\nclose = true\n",
    );
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "lines",
        "--rules",
        &path,
        "--once",
    ]);
    let mut peer = client(listener.port());
    let asked = Instant::now();
    peer.write_all(b"go\n").expect("the listener reads");
    assert_eq!(read_to_end(&mut peer), b"tick 1\ntick 2\ntick 3\n");
    assert!(asked.elapsed() >= Duration::from_millis(100));
    listener.finish().check_code(0);
}

#[test]
fn a_peer_that_ended_its_side_still_gets_the_answers_it_is_owed() {
    let (_folder, path) =
        file("[[rule]]\nany = true\nreply = \"late ${message}\"\ndelay = \"300ms\"\n");
    let listener = listen(&["tcp://127.0.0.1:0", "--frame", "lines", "--rules", &path]);
    let mut peer = client(listener.port());
    peer.write_all(b"one\ntwo\n").expect("the listener reads");
    peer.shutdown(std::net::Shutdown::Write)
        .expect("it is open");
    assert_eq!(read_to_end(&mut peer), b"late one\nlate two\n");
    listener.interrupt().check_code(130);
}

#[test]
fn answers_that_wait_for_their_time_are_limited_and_the_limit_is_told() {
    let (_folder, path) = file("[[rule]]\nany = true\nreply = \"x\"\ndelay = \"1h\"\n");
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "lines",
        "--rules",
        &path,
        "--json",
    ]);
    let mut peer = client(listener.port());
    peer.write_all(&b"?\n".repeat(1100))
        .expect("the listener reads");
    listener.wait_for_stdout(br#""kind":"limit""#);
    listener.interrupt().check_code(130);
}

#[test]
fn a_list_runs_its_rounds_and_ends() {
    let (_folder, path) = file(
        "[[list]]\nname = \"poll\"\nstart = true\nloop = 2\n\
         items = [{ send = \"A${counter}\" }, { send_hex = \"0D\", delay = \"20ms\" }]\n",
    );
    let (listener, endpoint) = server();
    let program = connect(&[&endpoint, "--rules", &path]).start();
    let mut peer = accept(&listener);
    assert_eq!(read_exactly(&mut peer, 6), b"A1\rA2\r");
    drop(peer);
    program.finish().check_code(0);
}

#[test]
fn a_script_sends_what_its_expectation_caught() {
    let (_folder, path) = file(
        "[[script]]\nsend = \"HELLO\\n\"\n\
         [[script]]\nexpect = 're:token=(\\w+)'\n\
         [[script]]\nsend = \"USE ${1}\\n\"\ndelay = \"50ms\"\n\
         [[script]]\nexpect = { ends = \"bye\" }\n",
    );
    let (listener, endpoint) = server();
    let program = connect(&[&endpoint, "--rules", &path]).start();
    let mut peer = accept(&listener);
    assert_eq!(read_exactly(&mut peer, 6), b"HELLO\n");
    peer.write_all(b"token=abc;").expect("the client reads");
    assert_eq!(read_exactly(&mut peer, 8), b"USE abc\n");
    peer.write_all(b"good bye").expect("the client reads");
    program.finish().check_code(0);
}

#[test]
fn an_expectation_that_is_not_met_has_its_exit_code_and_its_name() {
    for (extra, code, name) in [
        ("", 3, "220"),
        ("name = \"the greeting\"\nexit = 10\n", 10, "the greeting"),
    ] {
        let (_folder, path) = file(&format!(
            "[[script]]\nexpect = \"220\"\nwithin = \"100ms\"\n{extra}"
        ));
        let (listener, endpoint) = server();
        let program = connect(&[&endpoint, "--rules", &path]).start();
        let _peer = accept(&listener);
        program.finish().check_code(code).check_stderr(&[name]);

        // The peer's end is the end of hope.
        let program = connect(&[&endpoint, "--rules", &path]).start();
        drop(accept(&listener));
        program.finish().check_code(code).check_stderr(&[name]);
    }
}

#[test]
fn mistakes_name_their_line_and_column_and_exit_with_2() {
    for (source, place, what) in [
        ("[[rule]]\nequals = \"a\"\nrepyl = \"b\"\n", "3:1", "reply"),
        (
            "[[rule]]\nregex = \"^get (\\\\w+)$\"\nreply = \"value of ${2}\"\n",
            "3:19",
            "${2}",
        ),
        (
            "[[rule]]\nregex = \"a(b\"\nreply = \"x\"\n",
            "2:",
            "regular expression",
        ),
        ("[[rule]]\nhex = \"AA ZZ\"\nreply = \"x\"\n", "2:", "Z"),
        ("[[rule]]\nany = true\nreply = \"${nope}\"\n", "3:", "nope"),
        ("[[rule]]\nreply = \"x\"\n", "1:", "pattern"),
        ("[[rule]]\nequals = \"a\"\n", "1:", "nothing"),
        (
            "[[rule]]\nequals = \"a\"\nstarts = \"b\"\nreply = \"x\"\n",
            "3:1",
            "starts",
        ),
        (
            "[[rule]]\nany = true\nreply = \"x\"\ndelay = \"soon\"\n",
            "4:",
            "soon",
        ),
        ("[[rule]]\nany = 1\nreply = \"x\"\n", "2:", "any"),
        ("[[script]]\nexpect = \"a\"\nexit = 200\n", "3:", "exit"),
        ("[[list]]\nname = \"a\"\n", "1:", "items"),
        ("[[rule]\nany = true\n", "1:", ""),
        ("[[rule]]\nany = true\nreply = \"温🦀\"\n", "3:", "🦀"),
        ("", "", "[[rule]]"),
    ] {
        let (_folder, path) = file(source);
        let ended = sockpit(&[
            "listen",
            "tcp://127.0.0.1:0",
            "--text",
            "gbk",
            "--rules",
            &path,
        ])
        .run();
        let ended = ended.check_code(2).check_stdout("").check_stderr(&[what]);
        let place = format!("{path}:{place}");
        assert!(
            ended.stderr.contains(&place),
            "`{place}` is missing\n{}",
            ended.told()
        );
        assert!(!ended.stderr.contains("listening"), "{}", ended.told());
    }
    sockpit(&[
        "listen",
        "tcp://127.0.0.1:0",
        "--rules",
        "/nowhere/rules.toml",
    ])
    .run()
    .check_code(2)
    .check_stderr(&["/nowhere/rules.toml", "no such file"]);
}

#[test]
fn replies_on_the_command_line_are_rules_too() {
    for (reply, asked, answer) in [
        ("echo", &b"\x00\xffHi"[..], &b"\x00\xffHi"[..]),
        ("upper", "hi é".as_bytes(), "HI É".as_bytes()),
        ("fixed:ok ${message}", b"hi", b"ok hi"),
        ("fixed:", b"hi", b""),
    ] {
        let listener = listen(&["udp://127.0.0.1:0", "--reply", reply]);
        let (peer, to) = (socket(), at(&listener));
        send(&peer, to, asked);
        assert_eq!(receive(&peer).0, answer, "{reply}");
        listener.interrupt().check_code(130).check_stdout("");
    }
    let listener = listen(&["udp://127.0.0.1:0", "--reply", "discard", "--json"]);
    let (peer, to) = (socket(), at(&listener));
    send(&peer, to, b"one");
    send(&peer, to, b"two");
    listener.wait_for_stdout(br#""text":"two""#);
    let ended = listener.interrupt().check_code(130);
    let records = records(&ended.stdout);
    assert!(
        of_event(&records, "chunk")
            .iter()
            .all(|chunk| chunk["dir"] == "in")
    );
    for wrong in [
        &["--reply", "shout"][..],
        &["--reply", "echo", "--rules", "x.toml"],
    ] {
        sockpit(&["listen", "tcp://127.0.0.1:0"])
            .args(wrong)
            .run()
            .check_code(2);
    }
}

#[test]
fn an_answer_that_the_charset_cannot_say_is_withheld_and_told() {
    let listener = listen(&[
        "udp://127.0.0.1:0",
        "--text",
        "utf-8",
        "--text-out",
        "gbk",
        "--reply",
        "fixed:${message}",
        "--json",
    ]);
    let (peer, to) = (socket(), at(&listener));
    send(&peer, to, "🦀".as_bytes());
    send(&peer, to, "好".as_bytes());
    assert_eq!(receive(&peer).0, b"\xba\xc3", "nothing is replaced by `?`");
    let ended = listener
        .interrupt()
        .check_code(130)
        .check_stderr(&["🦀", "gbk"]);
    let records = records(&ended.stdout);
    assert_eq!(of_event(&records, "fault")[0]["kind"], "text");
}

#[test]
fn rules_take_each_read_of_a_raw_stream_as_a_message() {
    let (_folder, path) = file("[[rule]]\nequals = \"PING\"\nreply = \"PONG\"\n");
    let listener = listen(&["tcp://127.0.0.1:0", "--rules", &path]);
    let mut peer = client(listener.port());
    for _ in 0..3 {
        peer.write_all(b"PING").expect("the listener reads");
        assert_eq!(read_exactly(&mut peer, 4), b"PONG");
    }
    listener.interrupt().check_code(130);
}

/// A listener of datagrams that answers by these rules.
fn responder(source: &str) -> (Running, TempDir) {
    let (folder, path) = file(source);
    (listen(&["udp://127.0.0.1:0", "--rules", &path]), folder)
}

/// A rule file, and the folder that it goes with.
fn file(source: &str) -> (TempDir, String) {
    let folder = folder();
    let path: PathBuf = folder.path().join("rules.toml");
    std::fs::write(&path, source).expect("a folder of our own");
    let path = path.to_str().expect("a plain name").to_owned();
    (folder, path)
}

fn send(peer: &UdpSocket, to: SocketAddr, message: &[u8]) {
    peer.send_to(message, to).expect("loopback takes it");
}

/// Every datagram up to the one that begins with `start`.
fn until(peer: &UdpSocket, start: &[u8]) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    loop {
        let datagram = receive(peer).0;
        let is_it = datagram.starts_with(start);
        heard.push(datagram);
        if is_it {
            return heard;
        }
        assert!(heard.len() < 1000, "no `{}`", start.escape_ascii());
    }
}
