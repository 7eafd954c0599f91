//! Rooms of several servers are one through NATS: nothing is lost or doubled, come what may.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;

use crate::room::Member;
use crate::support::{Program, Running, Signal, folder, free_port, need, sockpit, wait_until};

/// A NATS server of the test's, which may be ended and started again at the same address.
struct Nats {
    port: u16,
    options: Vec<&'static str>,
    running: Option<Running>,
    store: tempfile::TempDir,
}

impl Nats {
    fn start() -> Self {
        Self::start_with(&["-js"])
    }

    fn start_with(options: &[&'static str]) -> Self {
        let store = folder();
        // It has no way to tell a port that it chose; another program may take this one meanwhile,
        // and then the next one is tried.
        for _ in 0..10 {
            let port = free_port();
            if let Some(running) = run(port, options, store.path()) {
                return Self {
                    port,
                    options: options.to_vec(),
                    running: Some(running),
                    store,
                };
            }
        }
        panic!("no port for a NATS server");
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn stop(&mut self) {
        let running = self.running.take().expect("it runs");
        running.signal(Signal::KILL);
        running.finish();
    }

    fn start_again(&mut self) {
        let running = run(self.port, &self.options, self.store.path());
        self.running = Some(running.expect("its port is still free"));
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.stop();
        }
    }
}

/// `None` where the port is taken.
fn run(port: u16, options: &[&str], store: &Path) -> Option<Running> {
    let store = store.to_str().expect("a path of letters");
    let port = port.to_string();
    let mut arguments = vec!["-a", "127.0.0.1", "-p", &port, "-sd", store];
    arguments.extend(options);
    let mut running = Program::new("nats-server", &arguments).start();
    let mut is_ready = false;
    running.wait("a NATS server", |running| {
        is_ready = running.stderr().contains("Server is ready");
        is_ready || running.stderr().contains("address already in use")
    });
    if is_ready {
        return Some(running);
    }
    let _ = running.has_ended();
    running.finish();
    None
}

/// A server of rooms that takes part in a cluster.
fn node(nats: &Nats, name: &str) -> Running {
    let url = nats.url();
    let options = ["--cluster", &url, "--name", name, "--json"];
    let node = sockpit(&["room", "serve", "tcp://127.0.0.1:0"])
        .args(&options)
        .start();
    node.wait_for_stdout(b"is joined");
    node
}

#[test]
fn two_servers_are_one_room_and_a_restart_of_nats_loses_and_doubles_nothing() {
    if !need("nats-server") {
        return;
    }
    let mut nats = Nats::start();
    let (north, south) = (node(&nats, "north"), node(&nats, "south"));
    let mut anna = Member::join(north.port(), "anna");
    let mut bob = Member::join(south.port(), "bob");
    for number in 0..90 {
        if number == 30 {
            nats.stop();
            north.wait_for_stdout(b"out of reach");
            south.wait_for_stdout(b"out of reach");
        }
        if number == 60 {
            nats.start_again();
        }
        anna.say(&format!("a{number}."));
        bob.say(&format!("b{number}."));
    }
    anna.say("the end of anna");
    bob.say("the end of bob");
    let by_bob = anna.hear("the end of bob");
    let by_anna = bob.hear("the end of anna");
    assert_eq!(said(&by_bob, "bob"), numbered("b"));
    assert_eq!(said(&by_anna, "anna"), numbered("a"));
    for node in [north, south] {
        node.interrupt().check_code(130);
    }
}

#[test]
fn a_server_that_comes_later_has_the_history_and_knows_who_is_there() {
    if !need("nats-server") {
        return;
    }
    let nats = Nats::start();
    let north = node(&nats, "north");
    let mut anna = Member::join(north.port(), "anna");
    anna.say("said before there was a south");
    let south = node(&nats, "south");
    let mut bob = Member::join(south.port(), "bob");
    bob.hear("] anna: said before there was a south");
    // The heartbeat of north comes within ten seconds.
    wait_until("that anna is known in the south", || {
        bob.say("/who");
        bob.say("/ping a moment");
        bob.hear("a moment").contains("anna")
    });
    bob.say("/msg anna psst");
    anna.hear("-> bob: psst");
    anna.say("/msg bob psst yourself");
    bob.hear("-> anna: psst yourself");
    drop((north, south));
}

#[test]
fn the_history_is_there_after_both_servers_began_anew_under_their_names() {
    if !need("nats-server") {
        return;
    }
    let nats = Nats::start();
    let (north, south) = (node(&nats, "north"), node(&nats, "south"));
    let mut anna = Member::join(north.port(), "anna");
    let mut bob = Member::join(south.port(), "bob");
    anna.say("first of anna");
    bob.hear("first of anna");
    bob.say("second of bob");
    anna.hear("second of bob");
    anna.say("/topic trains");
    bob.hear("trains");
    for node in [north, south] {
        node.interrupt().check_code(130);
    }
    for name in ["south", "north"] {
        let node = node(&nats, name);
        let mut carl = Member::join(node.port(), "carl");
        // The past comes in a moment after the server has joined.
        wait_until("the topic, which is the last of the past", || {
            carl.say("/topic");
            carl.say("/ping a moment");
            carl.hear("a moment").contains("trains")
        });
        carl.say("/history");
        carl.say("/ping that was all");
        let heard = carl.hear("that was all");
        let said = |text: &str| heard.matches(text).count();
        let twice = (said("first of anna"), said("second of bob"));
        assert_eq!(twice, (1, 1), "{heard}");
        node.interrupt().check_code(130);
    }
}

#[test]
fn direct_messages_that_nats_was_not_there_for_arrive_afterwards_once() {
    if !need("nats-server") {
        return;
    }
    let mut nats = Nats::start();
    let (north, south) = (node(&nats, "north"), node(&nats, "south"));
    let mut anna = Member::join(north.port(), "anna");
    let mut bob = Member::join(south.port(), "bob");
    anna.say("hello");
    bob.hear("anna: hello");
    // That he came may have been told before the north was there to hear of it; the heartbeat of
    // the south comes within ten seconds.
    wait_until("that bob is known in the north", || {
        anna.say("/who");
        anna.say("/ping a moment");
        anna.hear("a moment").contains("anna, bob")
    });
    nats.stop();
    north.wait_for_stdout(b"out of reach");
    for number in 0..5 {
        anna.say(&format!("/msg bob psst {number}."));
    }
    anna.say("/ping all");
    anna.hear("all");
    nats.start_again();
    anna.say("/msg bob the end");
    let heard = bob.hear("the end");
    let direct = heard
        .lines()
        .filter_map(|line| line.strip_prefix("-> anna: psst "));
    let expected: Vec<String> = (0..5).map(|number| format!("{number}.")).collect();
    assert_eq!(direct.collect::<Vec<_>>(), expected, "{heard}");
    drop((north, south));
}

#[test]
fn g3_a_nats_that_wants_another_password_says_so_once_and_none_is_shown() {
    if !need("nats-server") {
        return;
    }
    let nats = Nats::start_with(&["-js", "--user", "anna", "--pass", "right-one"]);
    let url = format!("nats://anna:wrong-one@127.0.0.1:{}", nats.port);
    let alone = sockpit(&["room", "serve", "tcp://127.0.0.1:0", "--name", "alone"])
        .args(&["--cluster", &url])
        .start();
    alone.wait_for_stderr("does not do its part: authorization violation");
    let mut anna = Member::join(alone.port(), "anna");
    anna.say("/ping still");
    anna.hear("still");
    let ended = alone.interrupt().check_code(130);
    let stderr = &ended.stderr;
    assert_eq!(stderr.matches("the cluster at").count(), 1, "{stderr}");
    assert!(!stderr.contains("-one"), "{stderr}");
}

#[test]
fn a_nats_without_jetstream_is_told_once() {
    if !need("nats-server") {
        return;
    }
    let nats = Nats::start_with(&[]);
    let alone = sockpit(&["room", "serve", "tcp://127.0.0.1:0", "--name", "alone"])
        .args(&["--cluster", &nats.url()])
        .start();
    let mut anna = Member::join(alone.port(), "anna");
    anna.say("are you there");
    alone.wait_for_stderr("has no JetStream, which `nats-server -js` gives it");
    let ended = alone.interrupt().check_code(130);
    let stderr = &ended.stderr;
    assert_eq!(stderr.matches("JetStream").count(), 1, "{stderr}");
}

#[test]
fn two_servers_of_one_name_are_told_that_they_are() {
    if !need("nats-server") {
        return;
    }
    let nats = Nats::start();
    let (one, other) = (node(&nats, "north"), node(&nats, "north"));
    for node in [&one, &other] {
        node.wait_for_stdout(b"is called `north` too");
    }
    drop((one, other));
}

#[test]
fn b11_what_strangers_put_into_nats_harms_nobody() {
    if !need("nats-server") {
        return;
    }
    let nats = Nats::start();
    let (north, south) = (node(&nats, "north"), node(&nats, "south"));
    let mut anna = Member::join(north.port(), "anna");
    let mut bob = Member::join(south.port(), "bob");
    let mut stranger = TcpStream::connect(("127.0.0.1", nats.port)).expect("NATS");
    stranger
        .write_all(b"CONNECT {\"verbose\":false}\r\n")
        .expect("it reads");
    let giant = vec![b'['; 1_000_000];
    let deep = format!(
        "{{\"node\":\"x\",\"seed\":1,\"members\":{}}}",
        "[".repeat(100_000)
    );
    let payloads: [&[u8]; 6] = [
        b"",
        b"garbage \xff\xfe\x00",
        b"{\"id\":\"01\",\"at\":-1}",
        b"{\"id\":\"7ZZZZZZZZZZZZZZZZZZZZZZZZZ\",\"at\":18446744073709551615,\"kind\":\"text\",\
          \"room\":\"lobby\",\"from\":\"\\u001b[2J\",\"text\":\"x\"}",
        &giant,
        deep.as_bytes(),
    ];
    let subjects = ["room.lobby.msg", "room.lobby.evt", "direct", "presence.x"];
    for subject in subjects {
        for payload in payloads {
            let head = format!("PUB chat.v1.{subject} {}\r\n", payload.len());
            let message = [head.as_bytes(), payload, b"\r\n"].concat();
            stranger.write_all(&message).expect("it reads");
        }
    }
    anna.say("still here");
    bob.hear("[lobby] anna: still here");
    bob.say("so am I");
    anna.hear("[lobby] bob: so am I");
    drop((north, south, stranger));
}

#[test]
fn a_room_goes_on_alone_while_nats_is_not_there() {
    if !need("nats-server") {
        return;
    }
    let url = format!("nats://127.0.0.1:{}", free_port());
    let alone = sockpit(&["room", "serve", "tcp://127.0.0.1:0", "--name", "alone"])
        .args(&["--cluster", &url])
        .start();
    let mut anna = Member::join(alone.port(), "anna");
    let mut bob = Member::join(alone.port(), "bob");
    anna.say("are you there");
    bob.hear("[lobby] anna: are you there");
    alone.wait_for_stderr("is out of reach");
    alone
        .interrupt()
        .check_code(130)
        .check_stderr(&["lines were not passed on to the cluster"]);
}

/// What one member said, as another heard it.
fn said(heard: &str, who: &str) -> Vec<String> {
    let from = format!("[lobby] {who}: ");
    let texts = heard.lines().filter_map(|line| line.strip_prefix(&from));
    texts
        .filter(|text| !text.starts_with("the end"))
        .map(str::to_owned)
        .collect()
}

fn numbered(letter: &str) -> Vec<String> {
    (0..90).map(|number| format!("{letter}{number}.")).collect()
}
