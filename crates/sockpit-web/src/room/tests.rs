#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;

const PEER: &str = "127.0.0.1:51234";

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let page = ask("GET / HTTP/1.1\r\nHost: desk:7000\r\n\r\n").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("data-max-line=\"4096\""), "{page}");
    let mut seen = vec!["/".to_owned()];
    let mut texts = vec![page];
    while let Some(text) = texts.pop() {
        for (start, end) in [("src=\"", '"'), ("href=\"", '"'), ("from \".", '"')] {
            for part in text.split(start).skip(1) {
                let path = part.split(end).next().unwrap().to_owned();
                assert!(path.starts_with('/'), "{path} is elsewhere");
                if !seen.contains(&path) {
                    let answer = ask(&format!("GET {path} HTTP/1.1\r\nHost: desk\r\n\r\n")).await;
                    assert!(
                        answer.starts_with("HTTP/1.1 200 OK\r\n"),
                        "{path}: {answer}"
                    );
                    seen.push(path);
                    texts.push(answer);
                }
            }
        }
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
}

#[tokio::test]
async fn f4_every_answer_forbids_what_the_page_does_not_need() {
    for request in [
        "GET / HTTP/1.1\r\nHost: desk\r\n\r\n",
        "GET /room.js HTTP/1.1\r\nHost: desk\r\n\r\n",
        "GET /none HTTP/1.1\r\nHost: desk\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: desk\r\n\r\n",
    ] {
        let answer = ask(request).await.to_ascii_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; ",
            "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "cross-origin-resource-policy: same-origin\r\n",
            "cross-origin-opener-policy: same-origin\r\n",
            "connection: close\r\n",
        ] {
            assert!(answer.contains(header), "no {header} in {answer}");
        }
        for header in ["\r\nset-cookie", "\r\naccess-control-"] {
            assert!(!answer.contains(header), "{header} in {answer}");
        }
    }
}

/// The policy would refuse it, and a reader of the page should not have to look for it.
#[test]
fn f4_the_page_makes_no_markup_of_text() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/room/page");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "DOMParser",
            "createContextualFragment",
            " style=\"",
            " onclick=",
        ] {
            assert!(!text.contains(word), "{word} in {}", path.display());
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    for (request, status) in [
        ("GET /none HTTP/1.1\r\nHost: desk\r\n\r\n", "404"),
        ("GET /ws/ HTTP/1.1\r\nHost: desk\r\n\r\n", "404"),
        ("GET /../src/room.rs HTTP/1.1\r\nHost: desk\r\n\r\n", "404"),
        ("GET //room.js HTTP/1.1\r\nHost: desk\r\n\r\n", "404"),
        ("GET /?a=b HTTP/1.1\r\nHost: desk\r\n\r\n", "200"),
        ("HEAD / HTTP/1.1\r\nHost: desk\r\n\r\n", "200"),
        ("GET / HTTP/1.0\r\nHost: desk\r\n\r\n", "200"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: \r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: evil.example:7000\r\n\r\n", "421"),
        (
            "POST / HTTP/1.1\r\nHost: desk\r\nContent-Length: 5\r\n\r\nhello",
            "405",
        ),
        ("HEAD /ws HTTP/1.1\r\nHost: desk\r\n\r\n", "405"),
        ("OPTIONS / HTTP/1.1\r\nHost: desk\r\n\r\n", "405"),
        ("GET /ws HTTP/1.1\r\nHost: desk\r\n\r\n", "426"),
        ("GET nonsense\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost desk\r\n\r\n", "400"),
    ] {
        let answer = ask(request).await;
        let found = answer.split(' ').nth(1);
        assert_eq!(found, Some(status), "{request:?}: {answer}");
        // An answer to HEAD has no body.
        if request.starts_with("HEAD") {
            assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        }
    }
}

#[tokio::test]
async fn f3_the_page_of_another_site_gets_no_socket() {
    for (origin, status) in [
        ("", "101"),
        ("Origin: http://desk:7000\r\n", "101"),
        ("Origin: http://desk:7001\r\n", "403"),
        ("Origin: null\r\n", "403"),
        ("Origin: http://evil.example\r\n", "403"),
        ("Sec-Fetch-Site: cross-site\r\n", "403"),
    ] {
        let request = upgrade_with(origin);
        let (mut client, mut rooms, _) = visit();
        client.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        client.read_exact(&mut head).await.unwrap();
        assert_eq!(&head[9..], status.as_bytes(), "{origin}");
        assert_eq!(rooms.try_recv().is_ok(), status == "101", "{origin}");
    }
}

#[tokio::test]
async fn a_room_that_takes_nobody_says_so() {
    let site = Site::new(Settings::default());
    let (mut client, server) = duplex(64 * 1024);
    client.write_all(upgrade_with("").as_bytes()).await.unwrap();
    let served = site.serve(server, PEER, || async { None }, std::future::pending());
    served.await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn b5_a_request_that_dribbles_is_cut() {
    let start = Instant::now();
    let (mut client, _rooms, served) = visit();
    let dribble = async {
        let request = "GET / HTTP/1.1\r\nHost: desk\r\nX-Slow: ".bytes();
        for byte in request.chain(std::iter::repeat(b'a')) {
            if client.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await; // sleep: the clock is paused
        }
    };
    dribble.await;
    served.await.unwrap();
    let took = start.elapsed();
    assert!((10..13).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn b5_a_reader_that_takes_no_answer_is_cut() {
    let start = Instant::now();
    let site = Arc::new(Site::new(Settings::default()));
    let (mut client, server) = duplex(64);
    let served = tokio::spawn(async move {
        let closing = std::future::pending();
        site.serve(server, PEER, || async { None }, closing).await;
    });
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n")
        .await
        .unwrap();
    served.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), ANSWER_WITHIN.as_secs());
}

#[tokio::test]
async fn a_header_without_an_end_is_refused() {
    let long = format!(
        "GET / HTTP/1.1\r\nHost: desk\r\nX: {}",
        "a".repeat(64 * 1024)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: desk\r\n{}\r\n",
        "X: a\r\n".repeat(100)
    );
    for request in [long, many] {
        let answer = ask(&request).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test]
async fn only_so_many_ask_at_once() {
    let site = Arc::new(Site::new(Settings::default()));
    let held: Vec<_> = (0..MAX_ASKING).map(|_| visit_to(&site)).collect();
    tokio::task::yield_now().await;
    let (mut client, ..) = visit_to(&site);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    // One goes, one may come.
    let mut held = held.into_iter();
    let (client, _, served) = held.next().unwrap();
    drop(client);
    served.await.unwrap();
    let answer = ask_at(&site, "GET / HTTP/1.1\r\nHost: desk\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_socket_does_not_count_among_those_who_ask() {
    let site = Arc::new(Site::new(Settings::default()));
    let _visitor = enter_at(&site).await;
    assert_eq!(site.asking.available_permits(), MAX_ASKING);
}

#[tokio::test]
async fn a_closing_room_waits_for_no_request() {
    let site = Site::new(Settings::default());
    let (_client, server) = duplex(1024);
    site.serve(server, PEER, || async { None }, async {}).await;
}

#[tokio::test]
async fn a_frame_is_a_line_both_ways() {
    let (mut socket, mut room, _) = enter().await;
    socket.send(Message::text("/json on")).await.unwrap();
    socket.send(Message::text("你好")).await.unwrap();
    assert_eq!(read(&mut room, 16).await, "/json on\n你好\n".as_bytes());
    room.write_all("[lobby] 小明: 你".as_bytes()).await.unwrap();
    tokio::task::yield_now().await;
    room.write_all("好\r\n* b\n\nc\u{ff}\n".as_bytes())
        .await
        .unwrap();
    for line in ["[lobby] 小明: 你好", "* b", "", "c\u{ff}"] {
        assert_eq!(next(&mut socket).await, Message::text(line));
    }
}

#[tokio::test]
async fn bytes_of_another_charset_become_visible_text() {
    let (mut socket, mut room, _) = enter().await;
    room.write_all(b"\xc4\xe3\n").await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("\u{fffd}\u{fffd}"));
}

#[tokio::test]
async fn a_line_in_fragments_is_one_line() {
    let (mut socket, mut room, _) = enter().await;
    for (code, text, is_final) in [
        (Data::Text, "he", false),
        (Data::Continue, "ll", false),
        (Data::Continue, "o", true),
    ] {
        let frame = Frame::message(text, OpCode::Data(code), is_final);
        socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(read(&mut room, 6).await, b"hello\n");
}

#[tokio::test]
async fn a_ping_is_answered() {
    let (mut socket, _room, _) = enter().await;
    socket.send(Message::Ping("x".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("x".into()));
}

#[tokio::test]
async fn what_is_no_line_ends_the_visit_with_the_reason() {
    let whole = |text: String| vec![Message::text(text)];
    let half = "a".repeat(3000);
    let fragments = vec![
        Message::Frame(Frame::message(
            half.clone(),
            OpCode::Data(Data::Text),
            false,
        )),
        Message::Frame(Frame::message(half, OpCode::Data(Data::Continue), true)),
    ];
    let text = FrameHeader {
        opcode: OpCode::Data(Data::Text),
        ..FrameHeader::default()
    };
    for (messages, code) in [
        (whole("a".repeat(4097)), CloseCode::Size),
        (whole("a".repeat(1 << 20)), CloseCode::Size),
        (fragments, CloseCode::Size),
        (vec![Message::binary(vec![1, 2])], CloseCode::Unsupported),
        (
            vec![Message::Frame(Frame::from_payload(
                text,
                vec![b'a', 0xff].into(),
            ))],
            CloseCode::Invalid,
        ),
    ] {
        let (mut socket, mut room, served) = enter().await;
        for message in messages {
            socket.send(message).await.unwrap();
        }
        match next(&mut socket).await {
            Message::Close(Some(frame)) => assert_eq!(frame.code, code),
            other => panic!("{other:?} where {code} should be"),
        }
        // The room hears that the visitor is gone, and nothing of what it sent.
        assert_eq!(room.read(&mut [0; 64]).await.unwrap(), 0);
        drop(socket);
        served.await.unwrap();
    }
    let (mut socket, mut room, _) = enter().await;
    socket.send(Message::text("a".repeat(4096))).await.unwrap();
    assert_eq!(read(&mut room, 4097).await.len(), 4097);
}

#[tokio::test(start_paused = true)]
async fn b1_a_length_that_is_claimed_allocates_nothing() {
    let (socket, mut room, served) = enter().await;
    let mut stream = socket.into_inner();
    // A text frame of 2^62 bytes, as it says.
    stream
        .write_all(&[0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    stream.write_all(&[0; 4]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    // 1009, too big.
    assert_eq!(answer[2..4], [0x03, 0xf1], "{answer:?}");
    assert_eq!(room.read(&mut [0; 8]).await.unwrap(), 0);
    drop(stream);
    served.await.unwrap();
}

#[tokio::test]
async fn a_visitor_that_leaves_is_gone() {
    let (mut socket, mut room, served) = enter().await;
    socket.send(Message::text("bye")).await.unwrap();
    socket.close(None).await.unwrap();
    let mut heard = String::new();
    room.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "bye\n");
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
    assert!(matches!(
        socket.next().await,
        None | Some(Err(Error::ConnectionClosed))
    ));
    drop(socket);
    served.await.unwrap();
    // One that goes without a word, too.
    let (socket, mut room, served) = enter().await;
    drop(socket);
    assert_eq!(room.read(&mut [0; 8]).await.unwrap(), 0);
    served.await.unwrap();
}

#[tokio::test]
async fn a1_last_words_of_the_room_arrive_before_the_end() {
    let (mut socket, mut room, served) = enter().await;
    room.write_all(b"! you were thrown out\n").await.unwrap();
    drop(room);
    // What is said then is heard by nobody, and does no harm.
    socket.send(Message::text("what?")).await.unwrap();
    assert_eq!(
        next(&mut socket).await,
        Message::text("! you were thrown out")
    );
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
    drop(socket);
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn b5_a_peer_that_answers_no_ping_is_dead() {
    let start = Instant::now();
    let (socket, mut room, served) = enter().await;
    assert_eq!(room.read(&mut [0; 8]).await.unwrap(), 0);
    let took = start.elapsed().as_secs();
    assert!((70..80).contains(&took), "{took} s");
    served.await.unwrap();
    drop(socket);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_stays() {
    let (mut socket, mut room, _) = enter().await;
    let mut pings = 0;
    while pings < 10 {
        // Reading answers it.
        pings += usize::from(matches!(next(&mut socket).await, Message::Ping(_)));
    }
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(read(&mut room, 11).await, b"still here\n");
}

#[tokio::test(start_paused = true)]
async fn f6_a_peer_that_reads_nothing_holds_the_room_back_and_is_cut() {
    let (socket, mut room, served) = enter().await;
    let line = format!("{}\n", "a".repeat(999));
    let mut taken = 0;
    while room.write_all(line.as_bytes()).await.is_ok() {
        taken += line.len();
        assert!(taken < 1 << 20, "{taken} bytes are held for nobody");
    }
    served.await.unwrap();
    drop(socket);
}

/// The connection of a test, the room's ends of the links that were made for it, and its task.
type Visited = (
    DuplexStream,
    mpsc::UnboundedReceiver<DuplexStream>,
    JoinHandle<()>,
);

fn visit() -> Visited {
    visit_to(&Arc::new(Site::new(Settings::default())))
}

fn visit_to(site: &Arc<Site>) -> Visited {
    let (client, server) = duplex(64 * 1024);
    let (links, rooms) = mpsc::unbounded_channel();
    let site = Arc::clone(site);
    let served = tokio::spawn(async move {
        let enter = || {
            let (ours, theirs) = duplex(16 * 1024);
            links.send(ours).unwrap();
            async { Some(theirs) }
        };
        site.serve(server, PEER, enter, std::future::pending())
            .await;
    });
    (client, rooms, served)
}

/// Everything that is answered to some bytes.
async fn ask(request: &str) -> String {
    ask_at(&Arc::new(Site::new(Settings::default())), request).await
}

async fn ask_at(site: &Arc<Site>, request: &str) -> String {
    let (mut client, _rooms, served) = visit_to(site);
    // What is refused is not read to its end.
    let _ = client.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    served.await.unwrap();
    String::from_utf8(answer).unwrap()
}

type Visitor = (WebSocketStream<DuplexStream>, DuplexStream, JoinHandle<()>);

async fn enter() -> Visitor {
    enter_at(&Arc::new(Site::new(Settings::default()))).await
}

async fn enter_at(site: &Arc<Site>) -> Visitor {
    let (client, mut rooms, served) = visit_to(site);
    let request = "ws://desk:7000/ws".into_client_request().unwrap();
    let (socket, _) = tokio_tungstenite::client_async(request, client)
        .await
        .unwrap();
    (socket, rooms.recv().await.unwrap(), served)
}

async fn next(socket: &mut WebSocketStream<DuplexStream>) -> Message {
    socket.next().await.unwrap().unwrap()
}

async fn read(room: &mut DuplexStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    room.read_exact(&mut bytes).await.unwrap();
    bytes
}

/// A request for a WebSocket, with one header more.
fn upgrade_with(header: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: desk:7000\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{header}\r\n"
    )
}
