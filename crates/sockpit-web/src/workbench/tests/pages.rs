//! The pages beside the sessions: the wire, ports, networks, rooms, drones.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role, Switch};
use sockpit_core::session::{Input, Message as Said, Session as Talk};
use sockpit_engine::{Session, Target};

use super::*;

/// A page that calls by name, and remembers its news.
struct Caller {
    socket: Socket,
    calls: u64,
    latest: BTreeMap<String, Value>,
}

impl Caller {
    async fn new(bed: &Bed) -> Self {
        Self {
            socket: bed.page().await.0,
            calls: 0,
            latest: BTreeMap::new(),
        }
    }

    /// The next message; news are taken in.
    async fn next(&mut self) -> Value {
        let told = self.socket.next().await.unwrap();
        if let Some(topic) = told["news"].as_str() {
            self.latest.insert(topic.to_owned(), told["is"].clone());
        }
        told
    }

    async fn ask(&mut self, op: &str, with: Value) -> Value {
        self.calls += 1;
        let call = json!({ "id": self.calls, "op": op, "with": with });
        self.socket.say(&call).await;
        loop {
            let told = self.next().await;
            if told["id"] == self.calls {
                return told;
            }
        }
    }

    /// What a call gives that is carried out.
    async fn ok(&mut self, op: &str, with: Value) -> Value {
        let told = self.ask(op, with).await;
        assert!(told.get("ok").is_some(), "{op}: {told}");
        told["ok"].clone()
    }

    /// Why a call is refused.
    async fn refused(&mut self, op: &str, with: Value) -> String {
        let told = self.ask(op, with).await;
        let message = told["error"]["message"].as_str();
        message
            .unwrap_or_else(|| panic!("{op} was carried out: {told}"))
            .to_owned()
    }

    /// Waits until the news of a topic fit.
    async fn news(&mut self, topic: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let heard = async {
            loop {
                if let Some(is) = self.latest.get(topic).filter(|is| fits(is)) {
                    return is.clone();
                }
                self.next().await;
            }
        };
        let heard = timeout(DEADLINE / 2, heard).await;
        heard.unwrap_or_else(|_| panic!("no news of {topic} that fit: {:?}", self.latest))
    }
}

/// A program that listens until it is ended.
struct Listener {
    child: Child,
    port: u16,
}

impl Listener {
    fn start() -> Self {
        let code = "import socket, time\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\n\
            s.listen()\nprint(s.getsockname()[1], flush=True)\ntime.sleep(120)\n";
        let mut child = Command::new("python3")
            .args(["-c", code])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { child, port }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn our_own_listener_is_listed_and_not_ended() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let listed = page.ok("ports.list", json!({ "port": bed.port })).await;
    let row = &listed[0];
    assert_eq!(row["transport"], "tcp");
    assert_eq!(row["state"], "listening");
    assert_eq!(row["pid"], std::process::id());
    assert_eq!(row["mine"], true);
    assert_eq!(row["may_end"], false);
    let end = json!({ "pid": row["pid"], "started": row["started"], "port": bed.port });
    let refused = page.refused("ports.end", end).await;
    assert!(refused.contains("is not ended"), "{refused}");
    let free = page.ok("ports.free", json!({ "transport": "udp" })).await;
    assert!(free["port"].as_u64().is_some_and(|port| port > 0));
}

#[tokio::test]
async fn only_a_process_that_was_listed_is_ended() {
    let bed = start().await;
    let mut listener = Listener::start();
    let port = listener.port;
    let mut page = Caller::new(&bed).await;
    let pid = listener.child.id();
    let unseen = json!({ "pid": pid, "started": 0, "port": port });
    let refused = page.refused("ports.end", unseen).await;
    assert!(refused.contains("only what the list shows"), "{refused}");
    let listed = page.ok("ports.list", json!({ "port": port })).await;
    assert_eq!(listed[0]["pid"], pid);
    let started = listed[0]["started"].as_u64().unwrap();
    // Another page was not shown it.
    let mut other = Caller::new(&bed).await;
    let end = json!({ "pid": pid, "started": started, "port": port });
    other.refused("ports.end", end.clone()).await;
    // More than clocks may differ by.
    let wrong = json!({ "pid": pid, "started": started + 10_000, "port": port });
    page.refused("ports.end", wrong).await;
    let ended = page.ok("ports.end", end).await;
    assert_eq!(ended["ended"], true, "{ended}");
    let status = listener.child.wait().unwrap();
    assert!(!status.success());
    let listed = page.ok("ports.list", json!({ "port": port })).await;
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["pid"] != pid)
    );
}

#[tokio::test]
async fn networks_are_listed_and_endpoints_examined() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let nets = page.ok("nets.list", json!({})).await;
    let interfaces = nets["interfaces"].as_array().unwrap();
    let loopback = interfaces.iter().find(|it| it["loopback"] == true).unwrap();
    let addresses = loopback["addresses"].as_array().unwrap();
    assert!(addresses.iter().any(|it| it["address"] == "127.0.0.1"));
    let endpoint = format!("127.0.0.1:{}", bed.port);
    let found = page.ok("doctor", json!({ "endpoint": endpoint })).await;
    assert_eq!(found["reach"], "reachable", "{found}");
    let findings = found["findings"].as_array().unwrap();
    assert_eq!(findings.last().unwrap()["head"], "verdict");
    assert_eq!(findings.last().unwrap()["verdict"], "good");
    let port = page.ok("ports.free", json!({})).await["port"].clone();
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let found = page.ok("doctor", json!({ "endpoint": endpoint })).await;
    assert_eq!(found["reach"], "unreachable", "{found}");
    for wrong in ["", "tcp://", "127.0.0.1:0", "gopher://x:1"] {
        page.refused("doctor", json!({ "endpoint": wrong })).await;
    }
}

#[tokio::test]
async fn a_line_that_is_said_in_a_room_is_heard_by_the_others() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let serve = json!({ "endpoint": "tcp://127.0.0.1:0", "ws": true, "topic": "tests" });
    let served = page.ok("room.serve", serve).await;
    let endpoint = served["local"][0].as_str().unwrap().to_owned();
    assert!(
        served["urls"][0]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    let mut rooms = Vec::new();
    for nick in ["anna", "bert"] {
        let join = json!({ "endpoint": endpoint, "nick": nick });
        rooms.push(page.ok("room.join", join).await["room"].clone());
    }
    let is_in = |rooms: &Value| {
        let rooms = rooms.as_array().unwrap();
        let is_in = |it: &Value| {
            it["state"] == "in"
                && it["members"]["lobby"]
                    .as_array()
                    .is_some_and(|names| names.len() == 2)
        };
        rooms.iter().filter(|it| is_in(it)).count() == 3
    };
    page.news("rooms", is_in).await;
    let say = json!({ "room": rooms[0], "text": "hello <b>bert</b>", "in": "lobby" });
    page.ok("room.say", say).await;
    page.ok("room.say", json!({ "room": rooms[1], "text": "/me waves" }))
        .await;
    let mut lines = Vec::new();
    for _ in 0..200 {
        let told = page
            .ok(
                "room.lines",
                json!({ "room": rooms[1], "from": 0, "count": 100 }),
            )
            .await;
        lines = told["lines"].as_array().unwrap().clone();
        if lines.iter().any(|line| line["kind"] == "said")
            && lines.iter().any(|line| line["fate"] == "kept")
        {
            break;
        }
        page.next().await;
    }
    let said = lines.iter().find(|line| line["kind"] == "said").unwrap();
    assert_eq!(said["from"], "anna");
    assert_eq!(said["text"], "hello <b>bert</b>");
    assert_eq!(said["mine"], false);
    let own = lines.iter().find(|line| line["kind"] == "me").unwrap();
    assert_eq!(own["mine"], true);
    assert_eq!(own["fate"], "kept");
    for (wrong, field) in [
        (
            // port: never opened
            json!({ "endpoint": "udp://127.0.0.1:7", "nick": "x" }),
            "endpoint",
        ),
        (json!({ "endpoint": endpoint, "nick": "a b" }), "nick"),
        (
            json!({ "endpoint": endpoint, "nick": "x", "charset": "klingon" }),
            "charset",
        ),
    ] {
        let told = page.ask("room.join", wrong).await;
        assert_eq!(told["error"]["field"], field, "{told}");
    }
    for room in &rooms {
        page.ok("room.leave", json!({ "room": room })).await;
    }
    page.ok("room.leave", json!({ "room": served["room"] }))
        .await;
    page.refused(
        "room.lines",
        json!({ "room": rooms[0], "from": 0, "count": 1 }),
    )
    .await;
}

#[tokio::test]
async fn a_simulated_drone_is_flown_and_lands() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let simulate = json!({ "bind": "127.0.0.1:0", "sdk": "3.0", "speed_up": 20.0 });
    let simulated = page.ok("tello.simulate", simulate).await;
    let fly = json!({ "address": simulated["address"], "state_port": 0 });
    let flown = page.ok("tello.fly", fly).await["id"].clone();
    let is_ready = |drones: &Value| {
        let real = drones
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["kind"] == "real");
        real.is_some_and(|it| it["ready"] == true && it["state"]["bat"].as_i64() > Some(0))
    };
    page.news("drones", is_ready).await;
    let command = |text: &str| json!({ "id": flown, "command": text });
    let told = page.ask("tello.do", command("forward 5")).await;
    assert_eq!(told["error"]["field"], "command", "{told}");
    for text in ["takeoff", "forward 100", "cw 90"] {
        let done = page.ok("tello.do", command(text)).await;
        assert_eq!(done["end"], "done", "{text}: {done}");
        assert_eq!(done["reply"], "ok");
    }
    let battery = page.ok("tello.do", command("battery?")).await;
    assert!(
        battery["reply"]
            .as_str()
            .unwrap()
            .trim()
            .parse::<u8>()
            .is_ok()
    );
    let path = page.ok("tello.path", json!({ "id": flown })).await;
    let last = path.as_array().unwrap().last().unwrap();
    assert_eq!(last["x"], 100.0, "{path}");
    page.ok(
        "tello.sticks",
        json!({ "id": flown, "sticks": [0, 0, 0, 0] }),
    )
    .await;
    page.refused(
        "tello.sticks",
        json!({ "id": flown, "sticks": [0, 101, 0, 0] }),
    )
    .await;
    let words = page.ok("tello.words", json!({ "id": flown })).await;
    assert!(
        words
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["word"] == "takeoff")
    );
    // It is in the air, and lands before it is let go.
    let closed = page.ok("tello.close", json!({ "id": flown })).await;
    assert_eq!(closed["landed"], "all");
    page.news("drones", |drones| {
        let drones = drones.as_array().unwrap();
        drones.len() == 1 && drones[0]["flying"] == false
    })
    .await;
    page.refused(
        "tello.do",
        json!({ "id": simulated["id"], "command": "takeoff" }),
    )
    .await;
    page.ok("tello.close", json!({ "id": simulated["id"] }))
        .await;
}

/// A drone that takes off, and what it hears from then on; it says nothing when it is to land.
async fn flying(page: &mut Caller) -> tokio::net::UdpSocket {
    let drone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = drone.local_addr().unwrap().to_string();
    let fly = json!({ "address": address, "state_port": 0, "sdk": "2.0" });
    let id = page.ok("tello.fly", fly).await["id"].clone();
    let takeoff =
        json!({ "id": 901, "op": "tello.do", "with": { "id": id, "command": "takeoff" } });
    page.socket.say(&takeoff).await;
    loop {
        let (heard, from) = heard(&drone).await;
        let reply = if heard.ends_with('?') { "50" } else { "ok" };
        drone.send_to(reply.as_bytes(), from).await.unwrap();
        if heard == "takeoff" {
            break;
        }
    }
    while page.next().await["id"] != 901 {}
    drone
}

async fn heard(drone: &tokio::net::UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 200];
    let heard = timeout(DEADLINE, drone.recv_from(&mut buffer)).await;
    let (len, from) = heard.expect("it is spoken to").unwrap();
    (String::from_utf8_lossy(&buffer[..len]).into_owned(), from)
}

#[tokio::test]
async fn every_drone_is_told_to_land_when_the_workbench_ends_though_one_does_not_answer() {
    let mut bed = start().await;
    let mut page = Caller::new(&bed).await;
    let drones = [flying(&mut page).await, flying(&mut page).await];
    let served = bed.served.take().unwrap();
    let closing = tokio::spawn(served.close());
    let landing = async {
        for drone in &drones {
            while heard(drone).await.0 != "land" {}
        }
    };
    // A landing that nobody answers is waited for much longer.
    let told = timeout(Duration::from_secs(4), landing).await;
    assert!(told.is_ok(), "one of them was left in the air");
    closing.abort();
}

#[tokio::test]
async fn an_emergency_leaves_while_another_command_is_outstanding() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let simulate = json!({ "bind": "127.0.0.1:0", "sdk": "3.0" });
    let simulated = page.ok("tello.simulate", simulate).await;
    let fly = json!({ "address": simulated["address"], "state_port": 0, "sdk": "3.0" });
    let flown = page.ok("tello.fly", fly).await["id"].clone();
    let is_ready = |drones: &Value| {
        drones
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["kind"] == "real" && it["ready"] == true)
    };
    page.news("drones", is_ready).await;
    let takeoff =
        json!({ "id": 900, "op": "tello.do", "with": { "id": flown, "command": "takeoff" } });
    page.socket.say(&takeoff).await;
    page.news("drones", |drones| {
        drones
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["waiting"] == "takeoff")
    })
    .await;
    // Taking off takes four seconds.
    let stopped = timeout(
        Duration::from_secs(2),
        page.ok("tello.emergency", json!({ "id": flown })),
    );
    let stopped = stopped.await.expect("it does not wait");
    assert_eq!(stopped["end"], "done", "{stopped}");
    page.ok("tello.close", json!({ "id": flown })).await;
}

/// Two sessions that talk to each other.
struct Pair {
    server: Session<Talk>,
    client: Session<Talk>,
}

impl Pair {
    async fn open(bed: &Bed, options: Options) -> Self {
        let handle = bed._bench.handle();
        let plan = |role, endpoint: &str| {
            let endpoint: Endpoint = endpoint.parse().unwrap();
            Arc::new(Plan::resolve(role, &endpoint, options.clone()).unwrap())
        };
        let server = plan(Role::Server, "tcp://127.0.0.1:0");
        let server = handle.talk(server, Input::Open, None).await.unwrap();
        let client = plan(Role::Client, &server.local()[0]);
        let client = handle.talk(client, Input::Open, None).await.unwrap();
        Self { server, client }
    }

    /// One write of the client.
    async fn write(&self, bytes: &'static [u8]) {
        let bytes = Bytes::from_static(bytes);
        let said = Said {
            wire: bytes.clone(),
            payload: bytes,
        };
        assert!(self.client.send(Target::First, said).await);
    }
}

#[tokio::test]
async fn a_ladder_shows_a_session_from_its_beginning() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let options = Options {
        wire: Some(Switch(true)),
        ..Options::default()
    };
    let pair = Pair::open(&bed, options).await;
    pair.write(b"hello").await;
    pair.client.close();
    pair.client.outcome().await;
    let session = pair.client.number();
    let with = json!({ "session": session, "peer": null, "from": 0, "count": 500 });
    let mut told = Value::Null;
    for _ in 0..200 {
        told = page.ok("wire.ladder", with.clone()).await;
        let steps = told["steps"].as_array().unwrap();
        let is_closed = steps.iter().any(|step| {
            step["kind"] == "life" && step["title"].as_str().unwrap().starts_with("closed")
        });
        if is_closed {
            break;
        }
        let total = told["total"].as_u64().unwrap();
        let key = session.to_string();
        page.news("ladder", |ladder| ladder[&key].as_u64() > Some(total))
            .await;
    }
    let steps = told["steps"].as_array().unwrap();
    let kinds: Vec<&str> = steps
        .iter()
        .map(|step| step["kind"].as_str().unwrap())
        .collect();
    let write = steps.iter().find(|step| step["kind"] == "write").unwrap();
    assert_eq!(write["off"], 0);
    assert_eq!(write["len"], 5);
    assert_eq!(write["dir"], "out");
    assert_eq!(write["side"], "local");
    assert!(write["n"].as_u64().is_some());
    assert_eq!(told["parties"][0]["left"]["side"], "local");
    if told["packets"]["may"] == true {
        let packets = || steps.iter().filter(|step| step["kind"] == "packet");
        let first = packets().next().unwrap();
        assert_eq!(first["flags"], "SYN", "{kinds:?}");
        assert_eq!(first["dir"], "out");
        let data = packets().find(|step| step["len"] == 5).unwrap();
        assert_eq!(data["off"], 0);
        assert!(!first["lessons"].as_array().unwrap().is_empty());
        let svg = page
            .ok("wire.svg", json!({ "session": session, "peer": 1 }))
            .await;
        assert!(svg["svg"].as_str().unwrap().contains("[SYN]"));
    } else {
        // Without the right to capture it says so, and shows what needs none.
        assert_eq!(told["packets"]["may"], false, "{told}");
        assert_ne!(told["packets"]["text"], "");
        assert!(!kinds.contains(&"packet"));
    }
    // The same of one peer, and nothing of one that there is not.
    let of = |peer: u32| json!({ "session": session, "peer": peer, "from": 0, "count": 500 });
    let one = page.ok("wire.ladder", of(1)).await;
    assert_eq!(one["total"], told["total"]);
    let none = page.ok("wire.ladder", of(7)).await;
    assert_eq!(none["total"], 0);
}

#[tokio::test]
async fn a_lens_shows_both_ends_of_sticky_messages() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let options = Options {
        frame: Some("lines".parse().unwrap()),
        ..Options::default()
    };
    let pair = Pair::open(&bed, options).await;
    pair.write(b"one\ntwo\nthr").await;
    let lens = |session: u32, dir: &str| json!({ "session": session, "peer": 1, "dir": dir, "from": 0, "len": 4096 });
    let server = pair.server.number();
    let mut told = Value::Null;
    for _ in 0..100 {
        told = page.ok("wire.lens", lens(server, "in")).await;
        if told["reads"]
            .as_array()
            .is_some_and(|reads| !reads.is_empty())
        {
            break;
        }
        // sleep: nothing tells a page when the lens has more to show
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    pair.write(b"ee\n").await;
    for _ in 0..100 {
        told = page.ok("wire.lens", lens(server, "in")).await;
        if told["end"] == 14 && told["frames"].as_array().unwrap().len() == 3 {
            break;
        }
        // sleep: nothing tells a page when the lens has more to show
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(told["other"]["session"], pair.client.number(), "{told}");
    assert_eq!(told["hex"], "6f6e650a74776f0a74687265650a");
    let places = |name: &str| {
        let pieces = told[name].as_array().unwrap().iter();
        let places = pieces.map(|it| (it["off"].as_u64().unwrap(), it["len"].as_u64().unwrap()));
        places.collect::<Vec<_>>()
    };
    assert_eq!(places("writes"), [(0, 11), (11, 3)]);
    assert_eq!(places("reads"), [(0, 11), (11, 3)]);
    assert_eq!(places("frames"), [(0, 4), (4, 4), (8, 6)]);
    assert_eq!(told["writes"][0]["s"], pair.client.number());
    assert_eq!(told["reads"][0]["s"], server);
    let verdicts = told["verdicts"].to_string();
    assert!(verdicts.contains("sticky"), "{verdicts}");
    assert!(verdicts.contains("half"), "{verdicts}");
    // A window of it.
    let window = json!({ "session": server, "peer": 1, "dir": "in", "from": 4, "len": 4 });
    let told = page.ok("wire.lens", window).await;
    assert_eq!(told["hex"], "74776f0a");
    assert_eq!(told["frames"].as_array().unwrap().len(), 1);
    assert_eq!(told["frames"][0]["number"], 2);
    // Cut in another way, they are other messages.
    let endpoint: Endpoint = pair.server.local()[0].parse().unwrap();
    let options = Options {
        frame: Some("fixed:7".parse().unwrap()),
        ..Options::default()
    };
    let plan = Plan::resolve(Role::Server, &endpoint, options).unwrap();
    assert!(pair.server.adopt(Arc::new(plan)).await);
    let mut frames = Vec::new();
    for _ in 0..100 {
        let told = page.ok("wire.lens", lens(server, "in")).await;
        let pieces = told["frames"].as_array().unwrap().iter();
        frames = pieces
            .map(|it| (it["off"].as_u64().unwrap(), it["len"].as_u64().unwrap()))
            .collect();
        if frames == [(0, 7), (7, 7)] {
            break;
        }
        // sleep: nothing tells a page when the lens has more to show
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(frames, [(0, 7), (7, 7)]);
}

#[tokio::test]
async fn calls_that_do_not_fit_are_refused_and_break_nothing() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    for (op, with) in [
        ("wire.ladder", json!({})),
        (
            "wire.ladder",
            json!({ "session": -1, "from": 0, "count": 1 }),
        ),
        (
            "wire.lens",
            json!({ "session": 1, "peer": 1, "dir": "up", "from": 0, "len": 1 }),
        ),
        ("ports.list", json!({ "port": 70000 })),
        ("ports.end", json!({ "pid": 1, "started": 0 })),
        ("ports.free", json!({ "transport": "sctp" })),
        ("ports.kill", json!({})),
        ("nets.list", json!({ "x": 1 })),
        ("room.say", json!({ "room": 99, "text": "x" })),
        (
            "room.join",
            json!({ "endpoint": "tcp://127.0.0.1", "nick": "x" }),
        ),
        ("tello.do", json!({ "id": 99, "command": "land" })),
        ("tello.fly", json!({ "address": "a b" })),
        ("tello.simulate", json!({ "faults": ["nonsense"] })),
        ("tello.simulate", json!({ "bind": "nowhere" })),
    ] {
        page.refused(op, with).await;
    }
    // What is not there yet shows nothing, however much of it is asked for.
    let ladder = json!({ "session": 77, "peer": null, "from": u64::MAX, "count": usize::MAX });
    assert_eq!(page.ok("wire.ladder", ladder).await["total"], 0);
    for (from, len) in [(0, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX - 1, 1)] {
        let lens = json!({ "session": 77, "peer": 3, "dir": "in", "from": from, "len": len });
        assert_eq!(page.ok("wire.lens", lens).await["hex"], "");
    }
}
