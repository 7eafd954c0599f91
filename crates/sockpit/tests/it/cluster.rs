//! Rooms of several servers are one through NATS: nothing is lost or doubled, come what may.

use std::net::TcpListener;
use std::path::Path;

use crate::room::Member;
use crate::support::{Program, Running, Signal, folder, need, sockpit};

/// A NATS server of the test's, which may be ended and started again at the same address.
struct Nats {
    port: u16,
    running: Option<Running>,
    store: tempfile::TempDir,
}

impl Nats {
    fn start() -> Self {
        let store = folder();
        // It has no way to tell a port that it chose; another may take this one meanwhile, and then
        // the next one is tried.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = free.local_addr().expect("an address").port();
            drop(free);
            if let Some(running) = run(port, store.path()) {
                return Self {
                    port,
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
        let running = run(self.port, self.store.path());
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
fn run(port: u16, store: &Path) -> Option<Running> {
    let store = store.to_str().expect("a path of letters");
    let port = port.to_string();
    let arguments = ["-a", "127.0.0.1", "-p", &port, "-js", "-sd", store];
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
    loop {
        bob.say("/who");
        if bob.hear("bob").contains("anna") || bob.hear("\n").contains("anna") {
            break;
        }
    }
    bob.say("/msg anna psst");
    anna.hear("-> bob: psst");
    anna.say("/msg bob psst yourself");
    bob.hear("-> anna: psst yourself");
    drop((north, south));
}

#[test]
fn a_room_goes_on_alone_while_nats_is_not_there() {
    if !need("nats-server") {
        return;
    }
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "nats://{}",
        nobody.local_addr().expect("an address of our own")
    );
    drop(nobody);
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
