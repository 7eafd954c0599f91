//! The page of the rooms.

use super::caller::Caller;
use super::*;

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
