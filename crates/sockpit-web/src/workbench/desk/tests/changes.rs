//! What is changed and saved by several at once, or while something is under way.

use std::collections::BTreeSet;

use tokio::net::TcpSocket;

use super::*;

#[tokio::test]
async fn what_is_changed_while_a_session_opens_counts_once_it_is_open() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // One waits to be accepted, and whoever comes after it has to try again.
    let listener = socket.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    let _first = TcpStream::connect(addr).await.unwrap();
    let session = json!({
        "name": "c", "role": "client", "endpoint": format!("tcp://{addr}"),
        "options": { "frame": "lines" },
    });
    let key = page.ok("session.create", session).await["key"].clone();
    let opening = page.call("session.open", json!({ "key": key })).await;
    page.news("sessions", |all| all[0]["state"] == "opening")
        .await;
    let with = json!({
        "key": key, "name": "d", "options": { "frame": "len:u8", "timeout": "1m" },
        "rules": "[[rule]]\nany = true\nreply = '<${message}>'\n",
    });
    let changed = page.ok("session.change", with).await;
    assert_eq!(changed, json!({ "adopted": true, "later": ["timeout"] }));
    drop(listener.accept().await.unwrap());
    let (mut peer, _) = timeout(DEADLINE, listener.accept())
        .await
        .expect("in time")
        .unwrap();
    let opened = page.answered(opening).await;
    assert!(opened["error"].is_null(), "{opened}");
    peer.write_all(b"\x02ab").await.unwrap();
    assert_eq!(read(&mut peer, 5).await, b"\x04<ab>");
    let with = json!({ "key": key, "target": "latest", "text": "xyz" });
    page.ok("send", with).await;
    assert_eq!(read(&mut peer, 4).await, b"\x03xyz");
}

#[tokio::test]
async fn what_is_changed_between_two_connections_counts_for_the_next() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let (listener, addr) = lone_listener().await;
    let session = json!({
        "name": "c", "role": "client", "endpoint": format!("tcp://{addr}"), "options": { "reconnect": "1" },
    });
    let (key, _) = page.open(session).await;
    hang_up(listener).await;
    page.news("sessions", |all| {
        all[0]["state"] == "opening" && !all[0]["ended"].is_null()
    })
    .await;
    let with =
        json!({ "key": key, "options": { "frame": "len:u8", "reconnect": "1", "timeout": "1m" } });
    let changed = page.ok("session.change", with).await;
    assert_eq!(changed, json!({ "adopted": false, "later": [] }));
    let listener = listen_again(addr).await;
    let (mut peer, _) = timeout(DEADLINE, listener.accept())
        .await
        .expect("again")
        .unwrap();
    page.news("sessions", |all| all[0]["state"] == "open").await;
    let with = json!({ "key": key, "target": "latest", "text": "xyz" });
    page.ok("send", with).await;
    assert_eq!(read(&mut peer, 4).await, b"\x03xyz");
}

#[tokio::test]
async fn changes_by_several_pages_are_all_kept_and_the_latest_framing_is_what_counts() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let (key, port) = page.server(json!({}), "").await;
    let mut peer = connect(port).await;
    page.news("sessions", |all| all[0]["peers"] == 1).await;
    let mut other = Caller::new(&bed).await;
    for round in 0..20 {
        let named = json!({ "key": key, "name": format!("name {round}") });
        let framed = json!({ "key": key, "options": { "frame": "lines" } });
        let counted = json!({ "key": key, "options": { "frame": "len:u8" } });
        let calls = [
            page.call("session.change", framed).await,
            page.call("session.change", counted).await,
        ];
        other.ok("session.change", named).await;
        // Both are under way at once, and either may be answered first.
        let mut answers = 0;
        while answers < calls.len() {
            let told = page.next().await;
            assert!(told["error"].is_null(), "{told}");
            answers += usize::from(calls.iter().any(|id| told["id"] == *id));
        }
        let wanted = format!("name {round}");
        page.news("sessions", |all| all[0]["name"] == *wanted).await;
        // Such news may be of before the later one; those of what is changed after it are not.
        let after = json!({ "key": key, "name": "after" });
        other.ok("session.change", after).await;
        let all = page.news("sessions", |all| all[0]["name"] == "after").await;
        // Which of the two was the later one is for the program to say.
        let told: &[u8] = match all[0]["options"]["frame"].as_str() {
            Some("lines") => b"x\n",
            _ => b"\x01x",
        };
        let with = json!({ "key": key, "target": "all", "text": "x" });
        page.ok("send", with).await;
        assert_eq!(read(&mut peer, 2).await, told, "round {round}");
    }
}

#[tokio::test]
async fn sessions_of_one_name_are_saved_into_a_file_each() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let mut keys = Vec::new();
    for port in 1..=8 {
        let session = json!({
            "name": "same", "role": "client", "endpoint": format!("tcp://127.0.0.1:{port}"),
        });
        keys.push(page.ok("session.create", session).await["key"].clone());
    }
    let mut calls = 0;
    for key in &keys {
        // Twice each: one session has one file.
        for _ in 0..2 {
            page.call("session.save", json!({ "key": key })).await;
            calls += 1;
        }
    }
    while calls > 0 {
        let told = page.next().await;
        assert!(told["error"].is_null(), "{told}");
        calls -= u32::from(!told["id"].is_null());
    }
    let all = page
        .news("sessions", |all| {
            let all = all.as_array().unwrap();
            all.len() == 8 && all.iter().all(|one| one["saved"] == true)
        })
        .await;
    let all = all.as_array().unwrap().iter();
    let files: BTreeSet<_> = all.map(|one| one["file"].to_string()).collect();
    assert_eq!(files.len(), 8, "{files:?}");
    let written = std::fs::read_dir(bed.project()).unwrap().count();
    assert_eq!(written, 8);
}
