use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sockpit_engine::porch::Site;
use sockpit_engine::project::Project;
use sockpit_engine::{Workbench, history};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{ServeError, Served, Settings, Token, serve};

mod files;
mod limits;
mod pages;

/// What a test waits at most.
const DEADLINE: Duration = Duration::from_secs(20);

/// A test bed: a workbench that is served.
pub(super) struct Bed {
    _bench: Workbench,
    served: Option<Served>,
    port: u16,
    token: String,
    folder: TempDir,
}

pub(super) async fn start() -> Bed {
    start_at(|_| Site::Loopback(0), &[]).await
}

async fn start_at(site: impl FnOnce(&TempDir) -> Site, hosts: &[&str]) -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let bench = Workbench::start().unwrap();
    let token = Token::make().unwrap();
    let settings = Settings {
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        token: token.clone(),
        ..settings(site(&folder), &folder)
    };
    let served = serve(bench.handle(), settings).await.unwrap();
    let place = served.url().strip_prefix("http://").unwrap();
    let place = place.split('/').next().unwrap();
    let port = place.rsplit(':').next().unwrap().parse().unwrap_or(0);
    Bed {
        _bench: bench,
        served: Some(served),
        port,
        token: token.reveal().to_owned(),
        folder,
    }
}

fn settings(site: Site, folder: &TempDir) -> Settings {
    Settings {
        site,
        or_any_port: false,
        hosts: Vec::new(),
        token: Token::make().unwrap(),
        is_token_from_file: false,
        project: Project::open(&folder.path().join("project")).unwrap(),
        history: history::Settings {
            folder: Some(folder.path().join("history")),
            ..history::Settings::default()
        },
    }
}

/// An answer as it came over the wire.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Bed {
    /// Where an area opens sessions of its own.
    pub(super) fn handle(&self) -> &sockpit_engine::Handle {
        self._bench.handle()
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// A request with this workbench's own for `PORT` and `TOKEN`.
    pub(super) fn filled(&self, request: &str) -> String {
        request
            .replace("PORT", &self.port.to_string())
            .replace("TOKEN", &self.token)
    }

    /// Sends a request, in whose lines `PORT` and `TOKEN` stand for this workbench's, and reads what
    /// comes until the end.
    pub(super) async fn ask(&self, request: &str) -> Reply {
        let mut stream = self.connect().await;
        let request = self.filled(request);
        stream.write_all(request.as_bytes()).await.unwrap();
        let has_body = !request.starts_with("HEAD ");
        let mut read = Vec::new();
        let whole = async {
            // A reset says as well that there is no more.
            while !is_whole(&read, has_body) && matches!(stream.read_buf(&mut read).await, Ok(1..))
            {
            }
        };
        timeout(DEADLINE, whole).await.expect("an answer");
        reply_of(&read)
    }

    /// A socket that has said nothing yet.
    async fn socket(&self) -> Socket {
        let mut stream = self.connect().await;
        let request = WEB_SOCKET.replace("PORT", &self.port.to_string());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        Socket(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
    }

    /// A page that was welcomed, and the welcome.
    pub(super) async fn page(&self) -> (Socket, Value) {
        let mut socket = self.socket().await;
        let hello = json!({ "hello": { "token": self.token, "lang": "en" } });
        socket.say(&hello).await;
        let welcome = socket.next().await.unwrap();
        (socket, welcome["welcome"].clone())
    }
}

const WEB_SOCKET: &str = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(super) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    pub(super) async fn say(&mut self, value: &Value) {
        self.0.send(Message::text(value.to_string())).await.unwrap();
    }

    /// Sends a piece of a file.
    pub(super) async fn give(&mut self, piece: Vec<u8>) {
        self.0.send(Message::binary(piece)).await.unwrap();
    }

    /// The next message; the code of the close where there is none.
    pub(super) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(DEADLINE, self.0.next()).await.expect("a message") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(close)))) => return Err(close.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(0),
            }
        }
    }

    /// The answer to a call.
    pub(super) async fn call(&mut self, call: Value) -> Value {
        self.say(&call).await;
        loop {
            let told = self.next().await.unwrap();
            if told["id"] == call["id"] {
                return told;
            }
        }
    }
}

/// Whether all of an answer is there; the connection may stay.
fn is_whole(read: &[u8], has_body: bool) -> bool {
    let reply = reply_of(read);
    let length = reply
        .header("content-length")
        .and_then(|len| len.parse().ok());
    let is_headed = read.windows(4).any(|end| end == b"\r\n\r\n");
    is_headed && (!has_body || length.is_some_and(|length: usize| length <= reply.body.len()))
}

fn reply_of(read: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(read).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Reply {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// What is asked for, as a row of the table names it.
fn request(what: &str, headers: &str) -> String {
    let body = r#"{"page":1}"#;
    let line = match what {
        "/" => "GET / HTTP/1.1\r\n".to_owned(),
        "/assets" => "GET /icon.svg HTTP/1.1\r\n".to_owned(),
        "/api" => format!(
            "POST /api/export HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ),
        "/ws" => WEB_SOCKET
            .replace("Host: 127.0.0.1:PORT\r\n", "")
            .replace("Connection: Upgrade\r\n", "")
            .replace("\r\n\r\n", "\r\n"),
        other => format!("{other} HTTP/1.1\r\n"),
    };
    let connection = match what {
        "/ws" => "Connection: Upgrade\r\n",
        _ => "Connection: close\r\n",
    };
    let body = if what == "/api" { body } else { "" };
    format!("{line}{connection}{headers}\r\n{body}")
}

const OURS: &str = "Host: 127.0.0.1:PORT\r\n";
const KNOWN: &str = "Authorization: Bearer TOKEN\r\n";

#[tokio::test]
async fn f3_every_request_is_answered_as_the_table_says() {
    let site = start().await;
    let other_port = match site.port {
        u16::MAX => 1,
        port => port + 1,
    };
    let rows: Vec<(&str, String, u16)> = [
        // Our own names, and no others.
        ("/", "Host: 127.0.0.1:PORT", 200),
        ("/", "Host: localhost:PORT", 200),
        ("/", "Host: LOCALHOST:PORT", 200),
        ("/", "Host: [::1]:PORT", 200),
        ("/", "Host: 127.0.0.1", 421),
        ("/", "Host: localhost", 421),
        ("/", "Host: localhost:OTHER", 421),
        ("/", "Host: rebind.test:PORT", 421),
        ("/", "Host: 127.0.0.2:PORT", 421),
        ("/", "Host: localhost.:PORT", 421),
        ("/", "Host: localhost:PORT.evil.test", 421),
        ("/", "Host: evil.test@localhost:PORT", 421),
        ("/", "X: y", 400),
        ("/", "Host: localhost:PORT\r\nHost: evil.test", 400),
        ("/assets", "Host: 127.0.0.1:PORT", 200),
        ("/assets", "Host: rebind.test:PORT", 421),
        (
            "/api",
            "Host: rebind.test:PORT\r\nAuthorization: Bearer TOKEN",
            421,
        ),
        ("/ws", "Host: rebind.test:PORT", 421),
        ("/ws", "Host: 127.0.0.1:PORT", 101),
        ("GET http://evil.test/", "Host: 127.0.0.1:PORT", 421),
        ("GET /nothing", "Host: evil.test", 421),
        ("GET /nothing", "Host: 127.0.0.1:PORT", 404),
        // Whose page made the browser ask.
        (
            "/",
            "Host: localhost:PORT\r\nOrigin: http://localhost:PORT",
            200,
        ),
        (
            "/",
            "Host: localhost:PORT\r\nOrigin: http://localhost:OTHER",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://localhost:PORT",
            101,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://localhost",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://localhost:OTHER",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://127.0.0.2:PORT",
            403,
        ),
        ("/ws", "Host: localhost:PORT\r\nOrigin: null", 403),
        ("/ws", "Host: localhost:PORT\r\nOrigin: file://", 403),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://evil.test",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://localhost:PORT\r\nOrigin: http://evil.test",
            403,
        ),
        ("/assets", "Host: localhost:PORT\r\nOrigin: null", 403),
        (
            "/api",
            "Host: localhost:PORT\r\nOrigin: http://evil.test\r\nAuthorization: Bearer TOKEN",
            403,
        ),
        // What a browser says of it where it sends no Origin.
        ("/", "Host: localhost:PORT\r\nSec-Fetch-Site: none", 200),
        (
            "/",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-Fetch-Dest: document",
            200,
        ),
        (
            "/",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-Fetch-Dest: iframe",
            403,
        ),
        (
            "/",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors",
            403,
        ),
        (
            "/assets",
            "Host: localhost:PORT\r\nSec-Fetch-Site: same-origin",
            200,
        ),
        (
            "/assets",
            "Host: localhost:PORT\r\nSec-Fetch-Site: same-site",
            403,
        ),
        (
            "/assets",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nSec-Fetch-Site: same-site",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site",
            403,
        ),
        (
            "/api",
            "Host: localhost:PORT\r\nSec-Fetch-Site: same-site\r\nAuthorization: Bearer TOKEN",
            403,
        ),
        // The token; who has it and asks for a page that is not there is told so.
        ("/api", "Host: localhost:PORT", 401),
        ("/api", "Host: localhost:PORT\r\nAuthorization: Bearer", 401),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Bearer x",
            401,
        ),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Basic TOKEN",
            401,
        ),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKENx",
            401,
        ),
        ("/api", "Host: localhost:PORT\r\nCookie: token=TOKEN", 401),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKEN\r\nAuthorization: Bearer x",
            401,
        ),
        ("POST /api/export?token=TOKEN", "Host: localhost:PORT", 401),
        ("GET /api/other", "Host: localhost:PORT", 401),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKEN",
            422,
        ),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: bearer TOKEN",
            422,
        ),
        (
            "GET /api/export",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKEN",
            405,
        ),
        (
            "POST /api/other",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKEN",
            404,
        ),
        // Methods and ways in that there are not.
        ("POST /", "Host: localhost:PORT", 405),
        (
            "OPTIONS /",
            "Host: localhost:PORT\r\nOrigin: http://evil.test",
            403,
        ),
        ("OPTIONS /api/export", "Host: localhost:PORT", 401),
        ("POST /ws", "Host: localhost:PORT", 405),
        ("GET /ws", "Host: localhost:PORT", 426),
        ("GET /../Cargo.toml", "Host: localhost:PORT", 404),
        (
            "GET /assets/..%2f..%2fCargo.toml",
            "Host: localhost:PORT",
            404,
        ),
        ("GET //etc/passwd", "Host: localhost:PORT", 404),
    ]
    .into_iter()
    .map(|(what, headers, status)| {
        let headers = headers.replace("OTHER", &other_port.to_string());
        (what, format!("{headers}\r\n"), status)
    })
    .collect();
    assert!(60 <= rows.len());
    for (what, headers, status) in rows {
        let reply = match status {
            101 => {
                // What is accepted stays open; its first line says so.
                let mut stream = site.connect().await;
                let text = request(what, &headers).replace("PORT", &site.port.to_string());
                stream.write_all(text.as_bytes()).await.unwrap();
                let mut read = vec![0; 12];
                stream.read_exact(&mut read).await.unwrap();
                reply_of(&read)
            }
            _ => site.ask(&request(what, &headers)).await,
        };
        assert_eq!(reply.status, status, "{what} {headers:?}\n{}", reply.head);
        assert_eq!(reply.header("access-control-allow-origin"), None);
        assert_eq!(reply.header("set-cookie"), None);
        assert!(!reply.head.contains(&site.token) && !reply.body.contains(&site.token));
    }
}

#[tokio::test]
async fn f4_every_answer_protects_itself() {
    let site = start().await;
    for what in ["/", "/assets", "/api", "GET /nothing", "POST /"] {
        let reply = site.ask(&request(what, OURS)).await;
        let policy = reply.header("content-security-policy").unwrap();
        assert_eq!(
            policy,
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; \
             require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{what} {name}");
        }
    }
}

#[tokio::test]
async fn what_has_its_content_in_its_name_is_kept_and_the_entrance_is_not() {
    let site = start().await;
    let page = site.ask(&request("/", OURS)).await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let script = page.body.split("src=\"./").nth(1).unwrap();
    let script = script.split('"').next().unwrap();
    let reply = site.ask(&request(&format!("GET /{script}"), OURS)).await;
    assert_eq!(reply.status, 200, "{script}");
    assert_eq!(
        reply.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(
        reply.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let head = site.ask(&request("HEAD /", OURS)).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn f2_a_socket_without_the_token_is_closed() {
    let site = start().await;
    for (hello, code) in [
        (json!({ "hello": { "token": "x", "lang": "en" } }), 4401),
        (json!({ "hello": { "token": "", "lang": "en" } }), 4401),
        (json!({ "id": 1, "op": "nets.list" }), 4400),
        (json!({ "hello": { "lang": "en" } }), 4400),
        (json!("hello"), 4400),
    ] {
        let mut socket = site.socket().await;
        socket.say(&hello).await;
        assert_eq!(socket.next().await, Err(code), "{hello}");
    }
    let mut socket = site.socket().await;
    socket.0.send(Message::binary(vec![0; 8])).await.unwrap();
    assert_eq!(socket.next().await, Err(4400));
}

#[tokio::test]
async fn f2_a_socket_that_says_nothing_is_closed_after_five_seconds() {
    let site = start().await;
    let began = std::time::Instant::now();
    let mut socket = site.socket().await;
    assert_eq!(socket.next().await, Err(4401));
    assert!(Duration::from_secs(4) < began.elapsed());
}

#[tokio::test]
async fn whoever_knows_the_token_is_welcomed_and_answered() {
    let site = start().await;
    let (mut page, welcome) = site.page().await;
    assert_eq!(welcome["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(welcome["project"]["name"], "project");
    assert_eq!(welcome["project"]["is_writable"], true);
    assert!(!welcome.to_string().contains(&site.token));
    let told = page.call(json!({ "id": 7, "op": "no.such" })).await;
    assert_eq!(told["error"]["message"], "there is no call `no.such`");
    let told = page.call(json!({ "id": 8, "op": "page.language", "with": { "lang": "zh" } }));
    assert_eq!(told.await["ok"], Value::Null);
    let told = page.call(json!({ "id": 9, "op": "page.language", "with": { "lang": "fr" } }));
    assert_eq!(told.await["error"]["field"], "lang");
    let told = page.call(json!({ "id": 10, "op": "page.language", "with": { "x": 1 } }));
    assert!(
        told.await["error"]["message"]
            .as_str()
            .unwrap()
            .contains("x")
    );
}

#[tokio::test]
async fn what_is_no_call_ends_the_page_and_no_other() {
    let site = start().await;
    let (mut other, _) = site.page().await;
    for text in [
        "",
        "{}",
        "[]",
        "{\"id\":-1,\"op\":\"a\"}",
        &"[".repeat(100_000),
    ] {
        let (mut page, _) = site.page().await;
        page.0.send(Message::text(text)).await.unwrap();
        let closed = loop {
            match page.next().await {
                Ok(_) => {}
                Err(code) => break code,
            }
        };
        assert_eq!(closed, 4400, "{text:.20}");
    }
    let told = other.call(json!({ "id": 1, "op": "no.such" })).await;
    assert!(told["error"].is_object());
}

#[tokio::test]
async fn f6_a_body_that_is_too_large_is_refused() {
    let site = start().await;
    for length in [1024 * 1024 + 1, usize::MAX >> 8] {
        let headers = format!("{OURS}{KNOWN}Content-Length: {length}\r\n");
        let reply = site.ask(&request("POST /api/export", &headers)).await;
        assert_eq!(reply.status, 413);
    }
    let headers = format!("{OURS}{KNOWN}Content-Length: 1\r\n");
    let text = request("POST /api/export", &headers) + "x";
    assert_eq!(site.ask(&text).await.status, 400);
}

#[tokio::test]
async fn f6_more_connections_than_there_may_be_are_told_so() {
    let site = start().await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(site.socket().await);
    }
    let reply = site.ask(&request("/", OURS)).await;
    assert_eq!(reply.status, 503);
    held.pop();
    let until = tokio::time::Instant::now() + DEADLINE;
    while site.ask(&request("/", OURS)).await.status != 200 {
        assert!(
            tokio::time::Instant::now() < until,
            "a place that is free again"
        );
    }
}

#[tokio::test]
async fn f6_headers_without_an_end_are_refused() {
    let site = start().await;
    let many = "X: y\r\n".repeat(100);
    assert_eq!(
        site.ask(&request("/", &format!("{OURS}{many}")))
            .await
            .status,
        431
    );
    let long = format!("{OURS}X: {}\r\n", "y".repeat(20_000));
    assert_eq!(site.ask(&request("/", &long)).await.status, 431);
}

#[tokio::test]
async fn f1_an_address_of_others_needs_a_token_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Workbench::start().unwrap();
    let any: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = serve(bench.handle(), settings(Site::At(any), &folder)).await;
    assert!(matches!(refused, Err(ServeError::Exposed { addr }) if addr == any));
    let told = Settings {
        is_token_from_file: true,
        ..settings(Site::At(any), &folder)
    };
    let served = serve(bench.handle(), told).await.unwrap();
    assert!(served.url().starts_with("http://localhost:"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_given_up_only_where_nobody_chose_it() {
    let first = start().await;
    let folder = tempfile::tempdir().unwrap();
    let bench = Workbench::start().unwrap();
    let taken = || Site::Loopback(first.port);
    let refused = serve(bench.handle(), settings(taken(), &folder)).await;
    assert!(matches!(refused, Err(ServeError::Listen(error)) if error.is_address_in_use()));
    let told = Settings {
        or_any_port: true,
        ..settings(taken(), &folder)
    };
    let served = serve(bench.handle(), told).await.unwrap();
    assert!(!served.url().contains(&format!(":{}/", first.port)));
}

#[tokio::test]
async fn f3_further_names_are_those_that_were_allowed() {
    let site = start_at(|_| Site::Loopback(0), &["bench.lan", "localhost:8000"]).await;
    for (host, status) in [
        ("bench.lan:PORT", 200),
        ("BENCH.lan:PORT", 200),
        ("bench.lan", 421),
        ("localhost:8000", 200),
        ("127.0.0.1:8000", 421),
    ] {
        let reply = site.ask(&request("/", &format!("Host: {host}\r\n"))).await;
        assert_eq!(reply.status, status, "{host}");
    }
}

#[tokio::test]
async fn f1_a_unix_socket_takes_the_port_that_is_forwarded_to_it() {
    let place = |folder: &TempDir| {
        let path = folder.path().join("bench.sock");
        Site::Path(path.to_str().unwrap().to_owned())
    };
    let site = start_at(place, &[]).await;
    let path = site.folder.path().join("bench.sock");
    assert_eq!(site.served.as_ref().unwrap().socket(), Some(path.as_path()));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (headers, status) in [
        ("Host: localhost:8000", 200),
        ("Host: 127.0.0.1:1", 200),
        ("Host: localhost", 200),
        ("Host: evil.test:8000", 421),
        ("Host: localhost:8000\r\nOrigin: http://localhost:8001", 403),
        ("Host: localhost:8000\r\nOrigin: http://localhost:8000", 200),
    ] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let text = request("/", &format!("{headers}\r\n"));
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.unwrap();
        assert_eq!(reply_of(&read).status, status, "{headers}");
    }
}

#[tokio::test]
async fn a_workbench_that_ends_says_so_to_its_pages() {
    let mut site = start().await;
    let (mut page, _) = site.page().await;
    let closing = site.served.take().unwrap().close();
    let heard = async {
        loop {
            if let Err(code) = page.next().await {
                return code;
            }
        }
    };
    let (code, ()) = tokio::join!(heard, closing);
    assert_eq!(code, 1001);
    assert!(TcpStream::connect(("127.0.0.1", site.port)).await.is_err());
}

#[tokio::test]
async fn a_page_that_does_not_read_holds_up_nobody_else() {
    let site = start().await;
    let (mut stuck, _) = site.page().await;
    for id in 0..5_000 {
        let call = json!({ "id": id, "op": "x".repeat(500) }).to_string();
        let sent = timeout(
            Duration::from_millis(200),
            stuck.0.send(Message::text(call)),
        )
        .await;
        if sent.is_err() {
            break;
        }
    }
    let (mut page, _) = site.page().await;
    let told = page.call(json!({ "id": 1, "op": "no.such" })).await;
    assert!(told["error"].is_object());
}
