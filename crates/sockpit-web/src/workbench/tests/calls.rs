//! A page's WebSocket: who is welcomed, and what is a call.

use super::caller::Caller;
use super::*;

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
