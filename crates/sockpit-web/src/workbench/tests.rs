use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sockpit_engine::porch::Site;
use sockpit_engine::project::Project;
use sockpit_engine::{Workbench, history};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Served, Settings, Token, serve};

pub(super) mod caller;

mod calls;
mod drones;
mod files;
mod gate;
mod limits;
mod ports;
mod rooms;
mod site;
mod wire;

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

    /// The folder whose files its pages read and write.
    pub(super) fn project(&self) -> std::path::PathBuf {
        self.folder.path().join("project")
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
