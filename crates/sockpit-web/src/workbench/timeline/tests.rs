//! What a page sees of real sessions, over its WebSocket.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::session::{Input, Message, Session as Machine};
use sockpit_engine::{Session, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::workbench::tests::{Bed, Socket, start};

const DEADLINE: Duration = Duration::from_secs(20);

/// A page that looks at a session of its own.
struct Look {
    bed: Bed,
    page: Socket,
    number: Value,
    session: Session<Machine>,
    peer: TcpStream,
    id: u64,
    view: Value,
}

#[tokio::test]
async fn a_view_has_a_row_for_each_message_and_one_for_what_happened() {
    let mut look = open("frame=lines", json!({})).await;
    look.say(b"one\ntwo \xff\n");
    look.await_rows(4).await;
    let told = look.rows(0, 100).await;
    let rows = told["rows"].as_array().unwrap();
    let kinds: Vec<&str> = rows
        .iter()
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["listening", "opened", "frame", "frame"]);
    assert!(
        rows[0]["label"]
            .as_str()
            .unwrap()
            .starts_with("listening on tcp://127.0.0.1:")
    );
    assert!(
        rows[1]["addr"]
            .as_str()
            .unwrap()
            .starts_with("tcp://127.0.0.1:")
    );
    assert_eq!(rows[2]["text"], "one");
    assert_eq!(rows[2]["dir"], "in");
    assert_eq!(rows[2]["len"], 3);
    assert_eq!(rows[2]["off"], 0);
    assert_eq!(rows[3]["bad"], true);
    assert_eq!(told["total"], 4);
    let first = rows[2]["i"].clone();
    let detail = look.call("view.detail", json!({ "i": first })).await;
    assert_eq!(detail["bytes"]["hex"], "6f6e650a");
    assert_eq!(detail["bytes"]["payload"], json!([0, 3]));
    let fields = detail["fields"].as_array().unwrap();
    assert_eq!(fields[0]["name"], "Payload");
    assert_eq!(
        (&fields[1]["name"], &fields[1]["value"]),
        (&json!("Delimiter"), &json!("0A"))
    );
    assert_eq!(detail["chunks"][0]["len"], 4);
    let bytes = look
        .call("view.bytes", json!({ "i": first, "from": 1, "len": 2 }))
        .await;
    assert_eq!(bytes["base64"], "bmU=");
}

#[tokio::test]
async fn framing_and_charset_are_chosen_after_the_fact() {
    let mut look = open("frame=lines", json!({})).await;
    look.say(b"\x00\x04\xc4\xe3\xba\xc3");
    // What has no end yet is no row.
    let told = look
        .await_told("six bytes", |told| told["pending"][0]["len"] == 6)
        .await;
    assert_eq!(told["pending"][0]["i"], Value::Null);
    assert_eq!(told["total"], 2);
    look.call(
        "view.change",
        json!({ "frame": "len:u16be", "text": "gbk" }),
    )
    .await;
    look.await_rows(3).await;
    let rows = look.rows(0, 10).await["rows"].clone();
    assert_eq!(rows[2]["text"], "你好");
    let detail = look.call("view.detail", json!({ "i": rows[2]["i"] })).await;
    assert_eq!(detail["fields"][0]["name"], "Header");
    assert_eq!(detail["fields"][0]["value"], "00 04: the length 4");
    assert_eq!(detail["text"], "你好");
    look.call("view.change", json!({ "frame": "len:u16be" }))
        .await;
    look.await_rows(3).await;
    let detail = look.call("view.detail", json!({ "i": 2 })).await;
    let charset = &detail["fields"][1]["children"][0];
    assert_eq!(charset["name"], "Charset");
    assert_eq!(charset["children"][0]["value"], "gb18030");
    assert_eq!(
        (&charset["from"], &charset["mark"]),
        (&json!(2), &json!("malformed"))
    );
}

#[tokio::test]
async fn json_and_checksums_are_fields_with_their_places() {
    let mut look = open("frame=lines&checksum=sum8", json!({})).await;
    // The sum of `{"t":5}` is 0x20D.
    look.say(b"{\"t\":5}\x0d\r\n{\"t\":5}\x00\n");
    look.await_rows(4).await;
    let sum = |detail: &Value| detail["fields"][0]["children"][0].clone();
    let right = look.call("view.detail", json!({ "i": 2 })).await;
    let wrong = look.call("view.detail", json!({ "i": 3 })).await;
    assert_eq!(sum(&wrong)["mark"], "wrong", "{wrong}");
    assert_eq!(sum(&wrong)["from"], 7);
    assert_eq!(sum(&right)["name"], "Checksum");
    look.say(b" {\"t\": [5]}\n");
    look.await_rows(5).await;
    let detail = look.call("view.detail", json!({ "i": 4 })).await;
    let children = detail["fields"][0]["children"].as_array().unwrap();
    let tree = children.iter().find(|node| node["name"] == "JSON").unwrap();
    assert_eq!((&tree["from"], &tree["to"]), (&json!(1), &json!(11)));
    assert_eq!(tree["children"][0]["children"][0]["value"], "5");
}

#[tokio::test]
async fn twenty_thousand_messages_are_found_marked_and_counted() {
    let mut look = open("frame=lines", json!({ "filter": "frame" })).await;
    let mut lines = Vec::new();
    for number in 0..20_000 {
        writeln!(lines, "message {number} v={}", number % 7).unwrap();
    }
    look.say(&lines);
    look.await_rows(20_000).await;
    let found = look
        .call("view.find", json!({ "from": 0, "text": "message 19998" }))
        .await;
    assert_eq!(found["i"], 19_998);
    let found = look
        .call(
            "view.find",
            json!({ "from": 19_999, "back": true, "re": "^MESSAGE 5 ", "any_case": true }),
        )
        .await;
    assert_eq!(found["i"], 5);
    let found = look
        .call(
            "view.find",
            json!({ "from": 6, "text": "MESSAGE (", "any_case": true }),
        )
        .await;
    assert_eq!(found["i"], Value::Null);
    look.call("view.mark", json!({ "i": 5, "note": "here" }))
        .await;
    let marks = look.call("view.marks", json!({})).await;
    assert_eq!(
        (&marks[0]["i"], &marks[0]["note"]),
        (&json!(5), &json!("here"))
    );
    let row = look.rows(5, 1).await["rows"][0].clone();
    assert_eq!(row["mark"], "here");
    let place = json!({ "session": row["s"], "peer": row["p"], "dir": "in", "off": row["off"] });
    assert_eq!(look.call("view.locate", place).await["i"], 5);
    let stats = look.call("view.stats", json!({})).await;
    assert_eq!(stats["messages"], json!({ "in": 20_000, "out": 0 }));
    let values = look
        .call_bare(
            "values",
            json!({ "view": look.view, "pattern": r"re:v=(?<v>\d+)", "points": 4000 }),
        )
        .await;
    assert_eq!(values["columns"][0]["name"], "v");
    assert_eq!(values["skipped"], 0);
    let points = values["columns"][0]["v"].as_array().unwrap().len();
    assert!((1..=4000).contains(&points), "{points} points");
    let until = look.now().await;
    let asked = json!({
        "session": null, "kind": "bytes", "from": 0, "to": until, "buckets": 4,
    });
    let series = look.call_bare("series", asked).await;
    let rates = series["lines"][0]["v"].as_array().unwrap();
    let sum: f64 = rates.iter().map(|rate| rate.as_f64().unwrap()).sum();
    let total = sum * until as f64 / 1e9 / 4.0;
    assert!((total - lines.len() as f64).abs() < 1.0, "{total} bytes");
    look.call("view.clear", json!({})).await;
    look.await_rows(0).await;
}

#[tokio::test]
async fn a_view_is_a_file_in_each_format() {
    let mut look = open("frame=lines", json!({})).await;
    look.say(b"one\n");
    look.await_rows(3).await;
    look.session.send(Target::Latest, message("two")).await;
    look.await_rows(4).await;
    let jsonl = look.export("jsonl").await;
    let frames: Vec<Value> = jsonl
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|record| record["event"] == "frame")
        .collect();
    assert_eq!(frames.len(), 2, "{jsonl}");
    assert!(
        frames
            .iter()
            .any(|frame| frame["text"] == "two" && frame["dir"] == "out")
    );
    let csv = look.export("csv").await;
    assert!(csv.starts_with("time,"), "{csv}");
    assert!(look.export("txt").await.contains("one"));
    let capture = look.export("pcapng").await;
    assert!(capture.contains("\n\r\r\n"), "no section header");
    assert!(capture.contains("one"));
    let bytes = look.post("/api/bytes", json!({ "i": 2 })).await;
    assert_eq!(bytes, "one\n");
}

#[tokio::test]
async fn a_file_of_what_is_forgotten_meanwhile_is_not_taken_for_whole() {
    for format in ["csv", "pcapng"] {
        let mut look = open("frame=lines", json!({})).await;
        let line = [&[b'x'; 9999][..], b"\n"].concat();
        // More than waits in sockets and queues, if nobody reads.
        for _ in 0..2000 {
            look.say(&line);
        }
        look.await_rows(2002).await;
        let request = look.request("/api/export", json!({ "format": format }));
        let mut stream = look.bed.connect().await;
        let request = look.bed.filled(&request);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = vec![0; 1024 * 1024];
        stream.read_exact(&mut read).await.unwrap();
        look.call_bare("view.clear", json!({ "session": null }))
            .await;
        look.await_rows(0).await;
        let ended = timeout(DEADLINE, stream.read_to_end(&mut read)).await;
        assert!(ended.is_ok(), "{format}: the file never ends");
        assert!(!read.ends_with(b"\r\n0\r\n\r\n"), "{format} looks whole");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_says_where() {
    let mut look = open("frame=lines", json!({})).await;
    let view = look.view.clone();
    for (op, with, message, field) in [
        (
            "view.rows",
            json!({ "view": 99, "from": 0, "count": 1 }),
            "no view 99",
            None,
        ),
        (
            "view.open",
            json!({ "frame": "nonsense" }),
            "nonsense",
            Some("frame"),
        ),
        (
            "view.open",
            json!({ "text": "nonsense" }),
            "nonsense",
            Some("text"),
        ),
        ("view.open", json!({ "colour": 1 }), "does not fit", None),
        (
            "view.find",
            json!({ "view": view, "from": 0, "re": "(" }),
            "",
            Some("re"),
        ),
        (
            "view.find",
            json!({ "view": view, "from": 0 }),
            "say one of",
            None,
        ),
        (
            "view.locate",
            json!({ "view": view, "n": 1, "at": 1 }),
            "say `n`",
            None,
        ),
        (
            "view.detail",
            json!({ "view": view, "i": 1_u64 << 40 }),
            "not there",
            None,
        ),
        (
            "values",
            json!({ "view": view, "pattern": "x" }),
            "",
            Some("pattern"),
        ),
        (
            "series",
            json!({ "kind": "bytes", "from": 2, "to": 1, "buckets": 1 }),
            "",
            Some("from"),
        ),
        (
            "series",
            json!({ "kind": "rtt", "from": 0, "to": 1, "buckets": 9999 }),
            "",
            Some("buckets"),
        ),
        ("view.nothing", json!({}), "no call", None),
    ] {
        let error = look.told(op, with).await["error"].clone();
        let said = error["message"].as_str().unwrap_or_default();
        assert!(said.contains(message) && !said.is_empty(), "{op}: {error}");
        assert_eq!(error["field"].as_str(), field, "{op}: {error}");
    }
    let error = look
        .told("filter.check", json!({ "text": "in and nonsence" }))
        .await;
    assert_eq!(error["error"]["at"], json!([7, 15]), "{error}");
    for _ in 0..15 {
        assert!(look.told("view.open", json!({})).await["ok"]["view"].is_u64());
    }
    let error = look.told("view.open", json!({})).await;
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("16 views")
    );
    look.call("view.close", json!({})).await;
    assert!(look.told("view.open", json!({})).await["ok"]["view"].is_u64());
}

#[tokio::test]
async fn the_graphs_of_a_session_without_packets_are_empty_and_no_error() {
    let mut look = open("frame=lines", json!({})).await;
    let asked = json!({ "session": 1, "kind": "rtt", "from": 0, "to": 1_000_000, "buckets": 10 });
    let graph = look.call_bare("series", asked).await;
    assert_eq!(graph["lines"], json!([]));
    assert_eq!(graph["units"], "ms");
}

async fn open(query: &str, view: Value) -> Look {
    let bed = start().await;
    let (mut page, welcome) = bed.page().await;
    let endpoint: Endpoint = format!("tcp://127.0.0.1:0?{query}").parse().unwrap();
    let plan = Plan::resolve(Role::Server, &endpoint, Options::default()).unwrap();
    let session = bed
        .handle()
        .talk(Arc::new(plan), Input::Open, None)
        .await
        .unwrap();
    let addr = session.local()[0].strip_prefix("tcp://").unwrap();
    let addr: SocketAddr = addr.parse().unwrap();
    let peer = TcpStream::connect(addr).unwrap();
    let opened = page
        .call(json!({ "id": 1, "op": "view.open", "with": view }))
        .await;
    let look = Look {
        bed,
        number: welcome["page"].clone(),
        view: opened["ok"]["view"].clone(),
        page,
        session,
        peer,
        id: 1,
    };
    assert!(look.view.is_u64(), "{opened}");
    look
}

fn message(text: &str) -> Message {
    Message {
        wire: format!("{text}\n").into(),
        payload: text.to_owned().into(),
    }
}

impl Look {
    fn say(&mut self, bytes: &[u8]) {
        self.peer.write_all(bytes).unwrap();
    }

    /// The whole answer to a call.
    async fn told(&mut self, op: &str, with: Value) -> Value {
        self.id += 1;
        let call = json!({ "id": self.id, "op": op, "with": with });
        self.page.call(call).await
    }

    async fn call_bare(&mut self, op: &str, with: Value) -> Value {
        let told = self.told(op, with).await;
        assert!(told["error"].is_null(), "{op}: {told}");
        told["ok"].clone()
    }

    /// What a call about the view gives.
    async fn call(&mut self, op: &str, mut with: Value) -> Value {
        if op != "view.clear" {
            with["view"] = self.view.clone();
        }
        self.call_bare(op, with).await
    }

    async fn rows(&mut self, from: u64, count: u64) -> Value {
        self.call("view.rows", json!({ "from": from, "count": count }))
            .await
    }

    /// Waits until the view has so many rows.
    async fn await_rows(&mut self, total: u64) {
        self.await_told("rows", |told| told["total"] == total).await;
    }

    /// Waits until what is told of the first rows fits; gives it.
    async fn await_told(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let told = self.rows(0, 10).await;
            if fits(&told) {
                return told;
            }
            assert!(began.elapsed() < DEADLINE, "no {what}: {told:#}");
            // News may have come while the call was answered.
            let _ = timeout(Duration::from_millis(50), self.news()).await;
        }
    }

    /// Waits for the next news of views.
    async fn news(&mut self) {
        while self.page.next().await.unwrap()["news"] != "views" {}
    }

    /// Now, as the timeline counts.
    async fn now(&mut self) -> u64 {
        let rows = self.rows(0, 1).await;
        let last = rows["first"].as_u64().unwrap() + rows["total"].as_u64().unwrap() - 1;
        let row = self.rows(last, 1).await["rows"][0].clone();
        row["at"].as_u64().unwrap() + 1
    }

    async fn export(&mut self, format: &str) -> String {
        self.post("/api/export", json!({ "format": format })).await
    }

    fn request(&self, path: &str, mut with: Value) -> String {
        with["page"] = self.number.clone();
        with["view"] = self.view.clone();
        let body = with.to_string();
        format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\
             Authorization: Bearer TOKEN\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    async fn post(&mut self, path: &str, with: Value) -> String {
        let reply = self.bed.ask(&self.request(path, with)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        unchunked(&reply.body)
    }
}

/// The body of an answer whose length is not known before.
fn unchunked(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((head, after)) = rest.split_once("\r\n") {
        let Ok(len) = usize::from_str_radix(head.trim(), 16) else {
            return body.to_owned();
        };
        if len == 0 {
            break;
        }
        let (piece, behind) = after.split_at_checked(len).unwrap_or((after, ""));
        text.push_str(piece);
        rest = behind.trim_start_matches("\r\n");
    }
    text
}
