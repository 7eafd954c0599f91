//! The desk over a real socket, with real peers on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::workbench::tests::caller::Caller;
use crate::workbench::tests::start;

mod changes;

/// What a test waits at most.
const DEADLINE: Duration = Duration::from_secs(20);

impl Caller {
    /// Makes a session and opens it; gives the port that it listens on, or 0.
    async fn open(&mut self, session: Value) -> (String, u16) {
        let key = self.ok("session.create", session).await["key"].clone();
        let opened = self.ok("session.open", json!({ "key": key })).await;
        let port = opened["local"][0]
            .as_str()
            .and_then(|local| local.rsplit(':').next());
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(0);
        (key.as_str().unwrap().to_owned(), port)
    }

    async fn server(&mut self, options: Value, rules: &str) -> (String, u16) {
        self.open(json!({
            "name": "plc", "role": "server", "endpoint": "tcp://127.0.0.1:0",
            "options": options, "rules": rules,
        }))
        .await
    }
}

async fn read(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    timeout(DEADLINE, stream.read_exact(&mut bytes))
        .await
        .expect("in time")
        .unwrap();
    bytes
}

/// A listener on an address whose ports nobody else takes, so that it can be closed for a while.
async fn lone_listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.87:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Ends a connection, and lets nobody in until [`listen_again`]: who tries to connect again goes on
/// trying for as long as that is looked at.
async fn hang_up(listener: TcpListener) {
    let (peer, _) = timeout(DEADLINE, listener.accept())
        .await
        .expect("in time")
        .unwrap();
    drop(listener);
    drop(peer);
}

/// Listens where a listener was closed, which the child of another test may hold a moment longer.
async fn listen_again(addr: SocketAddr) -> TcpListener {
    let listening = async {
        loop {
            if let Ok(listener) = TcpListener::bind(addr).await {
                return listener;
            }
            // sleep: polled, with a deadline
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, listening).await.expect("it is free")
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

#[tokio::test]
async fn a_server_speaks_to_whom_it_is_told() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let (key, port) = page.server(json!({ "frame": "lines" }), "").await;
    let mut peers = Vec::new();
    for count in 1..=3 {
        peers.push(connect(port).await);
        page.news("sessions", |all| all[0]["peers"] == count).await;
    }
    let mut send = async |target: Value, text: &str| {
        let with = json!({ "key": key, "target": target, "text": text });
        page.ok("send", with).await
    };
    assert_eq!(
        send(json!("all"), "a").await,
        json!({ "sent": 2, "peers": 3 })
    );
    assert_eq!(send(json!([1, 3]), "b").await["peers"], 2);
    assert_eq!(send(json!("latest"), "c").await["peers"], 1);
    for (peer, wanted) in peers.iter_mut().zip(["a\nb\n", "a\n", "a\nb\nc\n"]) {
        assert_eq!(read(peer, wanted.len()).await, wanted.as_bytes());
    }
    peers[1].write_all(b"hello\n").await.unwrap();
    let told = page
        .news("peers", |peers| peers[&key][1]["received"] == 6)
        .await;
    assert_eq!(told[&key][2]["sent"], 6);
    assert_eq!(
        told[&key][0]["addr"].as_str(),
        peers[0].local_addr().ok().map(|a| a.to_string()).as_deref()
    );
    page.ok("session.disconnect", json!({ "key": key, "peer": 2 }))
        .await;
    assert_eq!(peers[1].read(&mut [0]).await.unwrap(), 0, "it has ended");
    let left = page.news("sessions", |all| all[0]["peers"] == 2).await;
    assert_eq!(left[0]["received"], 6, "of the one that is gone too");
    assert_eq!(left[0]["sent"], 2 + 2 + 2 + 4 + 2);
    let gone = page
        .error("send", json!({ "key": key, "target": [2], "text": "x" }))
        .await;
    assert_eq!(gone["message"], "peer 2 is not there");
    page.ok("session.finish", json!({ "key": key, "target": [1] }))
        .await;
    assert_eq!(
        peers[0].read(&mut [0]).await.unwrap(),
        0,
        "our side is over"
    );
    page.ok("session.reset", json!({ "key": key })).await;
    let end = peers[2].read(&mut [0]).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let all = page
        .news("sessions", |all| all[0]["state"] == "closed")
        .await;
    assert_eq!(all[0]["sent"], 12);
}

#[tokio::test]
async fn a_rhythm_of_a_millisecond_is_kept_and_counted() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let (key, _) = page
        .open(json!({ "name": "c", "role": "client", "endpoint": endpoint }))
        .await;
    let (mut peer, _) = listener.accept().await.unwrap();
    let began = std::time::Instant::now();
    let with = json!({
        "key": key, "target": "latest", "hex": "01 02", "every_ns": 1_000_000, "count": 200,
    });
    page.ok("every.start", with).await;
    assert_eq!(read(&mut peer, 400).await, [1, 2].repeat(200));
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(190), "{took:?}");
    page.news("sessions", |all| all[0]["jobs"] == json!([]))
        .await;
    let with = json!({ "key": key, "target": "latest", "hex": "03", "every_ns": 2_000_000 });
    let job = page.ok("every.start", with).await["job"].clone();
    read(&mut peer, 5).await;
    page.news("sessions", |all| {
        all[0]["jobs"][0]["sent"].as_u64() >= Some(5)
    })
    .await;
    page.ok("job.stop", json!({ "key": key, "job": job })).await;
    page.news("sessions", |all| all[0]["jobs"] == json!([]))
        .await;
    let fast = json!({ "key": key, "target": "latest", "text": "x", "every_ns": 999_999 });
    let error = page.error("every.start", fast).await;
    assert_eq!(error["message"], "a rhythm is at least 1ms");
}

#[tokio::test]
async fn a_list_runs_in_its_order_and_rounds() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let rules = "[[list]]\nname = 'boot'\nitems = [\n  { send = 'a${counter}', delay = '2ms' },\n  { send_hex = '62' },\n]\n";
    let (key, port) = page.server(json!({ "frame": "lines" }), rules).await;
    let mut peer = connect(port).await;
    page.news("sessions", |all| all[0]["peers"] == 1).await;
    let with = json!({ "key": key, "target": "all", "list": "boot", "rounds": 3 });
    page.ok("list.run", with).await;
    let wanted = "a1\nb\na2\nb\na3\nb\n";
    assert_eq!(read(&mut peer, wanted.len()).await, wanted.as_bytes());
    let with = json!({ "key": key, "target": [1], "list": 0, "item": 1 });
    page.ok("list.send", with).await;
    assert_eq!(read(&mut peer, 2).await, b"b\n");
    let with = json!({ "key": key, "target": "all", "list": "x" });
    assert_eq!(page.error("list.run", with).await["field"], "list");
}

#[tokio::test]
async fn a_file_arrives_whole_however_slow_the_peer() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let (key, port) = page.server(json!({}), "").await;
    let mut peer = connect(port).await;
    page.news("sessions", |all| all[0]["peers"] == 1).await;
    let file: Vec<u8> = (0..5_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let with = json!({
        "key": key, "target": "latest", "name": "f.bin", "size": file.len(), "as": "bytes",
    });
    let begun = page.ok("send.file.begin", with).await;
    let (job, piece) = (
        begun["job"].as_u64().unwrap() as u32,
        begun["piece"].as_u64().unwrap(),
    );
    let wanted = file.clone();
    let reader = tokio::spawn(async move {
        let mut got = Vec::new();
        while got.len() < wanted.len() {
            let mut buffer = vec![0; 64 * 1024];
            let len = peer.read(&mut buffer).await.unwrap();
            assert!(len > 0);
            got.extend_from_slice(&buffer[..len]);
        }
        got == wanted
    });
    let mut taken = 0;
    for piece in file.chunks(piece as usize) {
        let mut frame = job.to_le_bytes().to_vec();
        frame.extend_from_slice(piece);
        page.socket.give(frame).await;
        let told = page.answered(0).await;
        assert!(told["ok"]["taken"].as_u64() > Some(taken), "{told}");
        taken = told["ok"]["taken"].as_u64().unwrap();
    }
    assert_eq!(taken, 5_000_000);
    assert!(
        timeout(DEADLINE, reader).await.expect("in time").unwrap(),
        "it is the same"
    );
    page.socket
        .give([&job.to_le_bytes()[..], b"x"].concat())
        .await;
    let more = page.answered(0).await;
    assert!(
        more["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("no file is being sent")
    );
}

#[tokio::test]
async fn the_lines_of_a_file_are_messages() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("udp://{}", peer.local_addr().unwrap());
    let session = json!({ "name": "u", "role": "client", "endpoint": endpoint, "options": { "text": "gbk" } });
    let (key, _) = page.open(session).await;
    let file = "你\r\n\nb";
    let with = json!({
        "key": key, "target": "latest", "name": "f", "size": file.len(), "as": "lines",
    });
    let job = page.ok("send.file.begin", with).await["job"]
        .as_u64()
        .unwrap() as u32;
    page.socket
        .give([&job.to_le_bytes()[..], file.as_bytes()].concat())
        .await;
    let mut buffer = [0; 10];
    for wanted in [&b"\xc4\xe3"[..], b"", b"b"] {
        let len = timeout(DEADLINE, peer.recv(&mut buffer))
            .await
            .expect("in time")
            .unwrap();
        assert_eq!(&buffer[..len], wanted);
    }
}

#[tokio::test]
async fn an_open_session_takes_up_framing_and_rules_and_counts_their_hits() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let rules = "[[rule]]\nname = 'ping'\nequals = 'PING'\nreply = 'PONG'\n\n[[rule]]\nany = true\ndiscard = true\n";
    let (key, port) = page.server(json!({ "frame": "lines" }), rules).await;
    let mut peer = connect(port).await;
    peer.write_all(b"PING\nx\nPING\n").await.unwrap();
    assert_eq!(read(&mut peer, 10).await, b"PONG\nPONG\n");
    let hits = json!([
        { "rule": 0, "name": "ping", "count": 2 },
        { "rule": 1, "name": null, "count": 1 },
    ]);
    page.news("sessions", |all| all[0]["hits"] == hits).await;
    let with = json!({
        "key": key, "options": { "frame": "len:u8", "backlog": "5" },
        "rules": "[[rule]]\nany = true\nreply = '<${message}>'\n",
    });
    let changed = page.ok("session.change", with).await;
    assert_eq!(changed, json!({ "adopted": true, "later": ["backlog"] }));
    peer.write_all(b"\x02ab").await.unwrap();
    assert_eq!(read(&mut peer, 5).await, b"\x04<ab>");
    page.news("sessions", |all| all[0]["hits"][0]["count"] == 1)
        .await;
    let wrong = json!({ "key": key, "rules": "[[rule]]\nequals = 'x'\nreply = '${who}'\n" });
    let error = page.error("session.change", wrong).await;
    assert_eq!(error["field"], "rules");
    assert_eq!(error["at"][0], 31, "{error}");
    let wrong = json!({ "key": key, "options": { "frame": "nonsense" } });
    assert_eq!(page.error("session.change", wrong).await["field"], "frame");
    peer.write_all(b"\x01z").await.unwrap();
    assert_eq!(read(&mut peer, 4).await, b"\x03<z>", "nothing has changed");
}

#[tokio::test]
async fn what_was_saved_is_there_again() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let session = json!({
        "name": "PLC 1", "role": "client", "endpoint": "tcp://127.0.0.1:9?frame=lines",
        "options": { "text": "gbk", "reconnect": "1" }, "rules": "[[rule]]\nany = true\necho = true\n",
    });
    let key = page.ok("session.create", session).await["key"].clone();
    assert_eq!(
        page.ok("session.save", json!({ "key": key })).await["file"],
        "PLC 1.toml"
    );
    let toml = page.ok("session.export", json!({ "key": key })).await["toml"].clone();
    let toml = toml.as_str().unwrap();
    assert!(
        toml.contains("frame = \"lines\"\ntext = \"gbk\"\nreconnect = true\n\n[[session.rule]]"),
        "{toml}"
    );
    let all = page.news("sessions", |all| all[0]["saved"] == true).await;
    assert_eq!(
        all[0]["options"],
        json!({ "frame": "lines", "text": "gbk", "reconnect": "1" })
    );
    page.ok("session.change", json!({ "key": key, "name": "other" }))
        .await;
    page.news("sessions", |all| all[0]["saved"] == false).await;
    let copy = page.ok("session.duplicate", json!({ "key": key })).await["key"].clone();
    assert_ne!(copy, key);
    let with = json!({ "name": "x.toml", "toml": format!("{toml}\n[[session]]\nname = 'b'\nlisten = ':0'\n") });
    assert_eq!(
        page.ok("session.import", with).await["keys"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    page.ok("session.remove", json!({ "key": key, "file": true }))
        .await;
    let all = page
        .news("sessions", |all| all.as_array().map(Vec::len) == Some(3))
        .await;
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .all(|one| one["file"].is_null())
    );
    let error = page
        .error(
            "session.create",
            json!({ "name": "peer", "role": "client", "endpoint": ":1" }),
        )
        .await;
    assert_eq!(error["field"], "name");
    let bad = json!({ "name": "x", "role": "client", "endpoint": "tcp://", "exec": "sh" });
    assert!(
        page.error("session.create", bad).await["message"]
            .as_str()
            .unwrap()
            .contains("exec")
    );
}

#[tokio::test]
async fn a_port_in_use_names_its_owner_and_a_lost_server_is_tried_again() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let (listener, addr) = lone_listener().await;
    let taken = json!({ "name": "s", "role": "server", "endpoint": format!("tcp://{addr}") });
    let key = page.ok("session.create", taken).await["key"].clone();
    let error = page.error("session.open", json!({ "key": key })).await;
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .ends_with("address already in use"),
        "{error}"
    );
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains(&format!("(pid {}", std::process::id())),
        "{error}"
    );
    page.ok("session.remove", json!({ "key": key })).await;
    let client = json!({
        "name": "c", "role": "client", "endpoint": format!("tcp://{addr}"), "options": { "reconnect": "1" },
    });
    let (key, _) = page.open(client).await;
    hang_up(listener).await;
    let lost = page
        .news("sessions", |all| {
            all[0]["state"] == "opening" && !all[0]["ended"].is_null()
        })
        .await;
    let message = lost[0]["ended"]["message"].as_str().unwrap().to_owned();
    let (why, pause) = message
        .rsplit_once("; connecting again in ")
        .expect(&message);
    // Where it was tried and refused before anybody looked, the pause is a later one.
    assert!(why.contains("refused") || pause == "500ms", "{message}");
    let listener = listen_again(addr).await;
    let (peer, _) = timeout(DEADLINE, listener.accept())
        .await
        .expect("again")
        .unwrap();
    page.news("sessions", |all| all[0]["state"] == "open").await;
    page.ok("session.close", json!({ "key": key })).await;
    page.news("sessions", |all| all[0]["state"] == "closed")
        .await;
    drop(peer);
}

#[tokio::test]
async fn the_composer_says_what_each_byte_is() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let with = json!({
        "options": { "frame": "len:u8", "text": "gbk" }, "text": "你\\r", "escapes": true, "checksum": "xor",
    });
    let told = page.ok("compose", with).await;
    assert_eq!(
        told,
        json!({
            "payload_hex": "c4e30d2a", "wire_hex": "04c4e30d2a", "text": "你\\r", "typed_hex": "c4e30d", "len": 5,
            "marks": [
                { "what": "frame", "from": 0, "to": 1 },
                { "what": "payload", "from": 1, "to": 4 },
                { "what": "checksum", "from": 4, "to": 5 },
            ],
        })
    );
    let with = json!({ "options": {}, "text": "𝄞\\q", "escapes": true });
    assert_eq!(page.error("compose", with).await["at"], json!([2, 4]));
    let with = json!({ "options": {}, "hex": "01 zz" });
    assert_eq!(page.error("compose", with).await["at"], json!([3, 4]));
    let session = json!({ "name": "c", "role": "client", "endpoint": "tcp://127.0.0.1:9" });
    let key = page.ok("session.create", session).await["key"].clone();
    let composer = json!({ "text": "it's", "eol": "crlf" });
    let told = page
        .ok(
            "session.command",
            json!({ "key": key, "composer": composer }),
        )
        .await;
    assert_eq!(
        told["sockpit"],
        "sockpit connect tcp://127.0.0.1:9 --eol crlf --send 'it'\\''s'"
    );
    assert_eq!(told["nc"], "printf 'it\\047s\\r\\n' | nc -N 127.0.0.1 9");
    assert!(
        told["python"]
            .as_str()
            .unwrap()
            .contains("SENT = b\"it's\\r\\n\"")
    );
}

#[tokio::test]
async fn rules_are_tried_taken_apart_and_written() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let toml =
        "[[rule]]\nname = 'ping'\nregex = '^PING (\\d+)$'\nreply = 'PONG ${1}'\ndelay = '20ms'\n";
    let with = json!({ "toml": toml, "text": "PING 7\nPING 8\n", "frame": "lines" });
    let told = page.ok("rules.try", with).await;
    assert_eq!(told["matched"], json!([0]));
    assert_eq!(told["steps"][1]["reply_text"], "PONG 8");
    assert_eq!(told["steps"][1]["at_ns"], 20_000_000);
    let structure = page.ok("rules.parse", json!({ "toml": toml })).await;
    assert_eq!(structure["rules"][0]["matcher"], "regex");
    let written = page
        .ok("rules.write", json!({ "structure": structure }))
        .await;
    let again = page
        .ok("rules.parse", json!({ "toml": written["toml"] }))
        .await;
    assert_eq!(again, structure);
    let error = page
        .error("rules.check", json!({ "toml": "[[rule]]\nequals = 1" }))
        .await;
    assert_eq!(error["at"][0], 18, "{error}");
    let error = page.error("rules.check", json!({ "toml": "[[rule" })).await;
    assert!(!error["at"].is_null(), "{error}");
}

#[tokio::test]
async fn peers_beyond_those_that_can_be_shown_are_only_counted() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let session = json!({ "name": "many", "role": "server", "endpoint": "udp://127.0.0.1:0" });
    let (key, port) = page.open(session).await;
    let speak = async |address: u32| {
        let from = format!("127.0.{}.{}:0", address / 200, address % 200 + 1);
        let peer = UdpSocket::bind(from).await.unwrap();
        peer.send_to(b"hello", ("127.0.0.1", port)).await.unwrap();
    };
    for address in 0..10 {
        speak(address).await;
    }
    page.news("peers", |peers| {
        peers[&key].as_array().is_some_and(|all| all.len() == 10)
    })
    .await;
    let mut address = 10;
    let counted = loop {
        for _ in 0..1000 {
            speak(address).await;
            address += 1;
        }
        // What is sent faster than it is read may be dropped.
        let all = page.ok("session.peers", json!({ "key": key })).await;
        let count = all.as_array().unwrap().len();
        if count > 5000 {
            break count as u64;
        }
    };
    page.news("sessions", |all| all[0]["peers"].as_u64() >= Some(counted))
        .await;
    page.news("peers", |peers| peers[&key] == json!([])).await;
}

#[tokio::test]
async fn sessions_with_more_rules_than_pages_can_be_told_are_refused() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let rules = format!(
        "# {}\n[[rule]]\nany = true\necho = true\n",
        "\"".repeat(1_040_000)
    );
    let session = |rules: &str| json!({ "name": "a", "role": "server", "endpoint": "tcp://127.0.0.1:0", "rules": rules });
    for _ in 0..4 {
        page.ok("session.create", session(&rules)).await;
    }
    let error = page.error("session.create", session(&rules)).await;
    assert_eq!(error["field"], "rules", "{error}");
    let key = page.ok("session.create", session("")).await["key"].clone();
    let more = json!({ "key": key, "rules": rules });
    assert_eq!(page.error("session.change", more).await["field"], "rules");
    let named = json!({ "key": key, "name": "b" });
    page.ok("session.change", named).await;
    page.news("sessions", |all| all[4]["name"] == "b").await;
}

#[tokio::test]
async fn a_session_that_ended_may_be_opened_at_once() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let session = json!({ "name": "short", "role": "client", "endpoint": endpoint });
    let (key, _) = page.open(session).await;
    for _ in 0..20 {
        page.news("sessions", |all| all[0]["state"] == "open").await;
        drop(listener.accept().await.unwrap());
        page.news("sessions", |all| all[0]["state"] == "ended")
            .await;
        page.ok("session.open", json!({ "key": key })).await;
    }
    // It is the one that was opened last: what is said is heard, and the end is its own.
    let (mut peer, _) = listener.accept().await.unwrap();
    page.ok(
        "send",
        json!({ "key": key, "target": "latest", "text": "hi" }),
    )
    .await;
    assert_eq!(read(&mut peer, 2).await, b"hi");
    page.ok("session.close", json!({ "key": key })).await;
    page.news("sessions", |all| all[0]["state"] == "closed")
        .await;
}
