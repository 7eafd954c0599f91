//! What a browser, or whoever plays one, may cost (rule F6).

use std::time::Instant;

use tokio::io::duplex;
use tokio::sync::watch;

use super::super::bench::Bench;
use super::super::gate::Gate;
use super::super::service::Service;
use super::super::socket;
use super::*;

#[tokio::test]
async fn f6_a_page_that_does_not_read_is_told_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Workbench::start().unwrap();
    let Settings {
        token,
        project,
        history,
        ..
    } = settings(Site::Loopback(0), &folder);
    let shared = Bench::new(bench.handle(), project, history).await.unwrap();
    let (_closing, closes) = watch::channel(false);
    let hello = json!({ "hello": { "token": token.reveal() } }).to_string();
    let service = Service::new(shared, Gate::new(&[], &[]), token, closes);
    // In bytes: so little that it is soon seen who does not read.
    let (near, far) = duplex(64);
    let carried = tokio::spawn(async move { socket::carry(&service, far).await });
    let mut page = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
    page.send(Message::text(hello)).await.unwrap();
    // What everybody is told first.
    while let Ok(told) = timeout(Duration::from_millis(300), page.next()).await {
        assert!(matches!(told, Some(Ok(Message::Text(_)))), "{told:?}");
    }
    tokio::time::pause();
    for id in 0..8 {
        let call = json!({ "id": id, "op": "x".repeat(1000) }).to_string();
        page.send(Message::text(call)).await.unwrap();
    }
    // Nobody waits but for the clock, which is the test's; what it rings is done before anything is
    // read.
    settle().await;
    tokio::time::advance(Duration::from_secs(16)).await;
    settle().await;
    let code = loop {
        match timeout(DEADLINE, page.next()).await.expect("a message") {
            Some(Ok(Message::Close(Some(close)))) => break u16::from(close.code),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 4408);
    drop(page);
    carried.await.unwrap();
}

/// Lets all other tasks do what they can.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn f6_a_request_that_never_ends_is_not_waited_for() {
    let site = start().await;
    let began = Instant::now();
    let mut stream = site.connect().await;
    let trickling = async {
        stream.write_all(b"GET / HTTP/1.1\r\nX: ").await?;
        loop {
            // sleep: always soon enough for a limit between two bytes
            tokio::time::sleep(Duration::from_millis(100)).await;
            stream.write_all(b"y").await?;
            let mut read = [0; 512];
            match stream.try_read(&mut read) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    };
    // It ends with an answer, or without one; it ends.
    let _ = timeout(DEADLINE, trickling).await.expect("an end");
    assert!(Duration::from_secs(5) < began.elapsed());
}

#[tokio::test]
async fn f6_a_body_that_says_no_length_is_counted() {
    let site = start().await;
    let headers = format!("{OURS}{KNOWN}Transfer-Encoding: chunked\r\n");
    let chunk = "x".repeat(64 * 1024);
    let body = format!("10000\r\n{chunk}\r\n").repeat(17) + "0\r\n\r\n";
    let text = request("POST /api/export", &headers) + &body;
    assert_eq!(site.ask(&text).await.status, 413);
}

#[tokio::test]
async fn f6_a_call_or_a_piece_that_is_too_long_ends_the_page() {
    let site = start().await;
    for message in [
        Message::text("x".repeat(4 * 1024 * 1024 + 1)),
        Message::binary(vec![0; 256 * 1024 + 5]),
    ] {
        let (mut page, _) = site.page().await;
        // It may be closed before it is whole.
        let _ = page.0.send(message).await;
        let closed = loop {
            match page.next().await {
                Ok(_) => {}
                Err(code) => break code,
            }
        };
        assert_eq!(closed, 1009);
    }
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
