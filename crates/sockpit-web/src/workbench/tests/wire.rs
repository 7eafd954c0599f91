//! The page of the wire.

use std::sync::Arc;

use bytes::Bytes;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role, Switch};
use sockpit_core::session::{Input, Message as Said, Session as Talk};
use sockpit_engine::{Session, Target};

use super::caller::Caller;
use super::*;

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
    let same = async {
        // The last packets may come between two calls, and both are asked again.
        while page.ok("wire.ladder", of(1)).await["total"]
            != page.ok("wire.ladder", with.clone()).await["total"]
        {}
    };
    let same = timeout(DEADLINE, same).await;
    same.expect("one peer has as many steps as the session, of which it is the only one");
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
    see(&mut page, lens(server, "in"), |told| {
        !places(told, "reads").is_empty()
    })
    .await;
    pair.write(b"ee\n").await;
    // The third frame begins in the first piece, so that it may be there before the second is.
    let told = see(&mut page, lens(server, "in"), |told| {
        let counts = ["writes", "reads", "frames"].map(|name| places(told, name).len());
        told["end"] == 14 && counts == [2, 2, 3]
    })
    .await;
    assert_eq!(told["other"]["session"], pair.client.number(), "{told}");
    assert_eq!(told["hex"], "6f6e650a74776f0a74687265650a");
    assert_eq!(places(&told, "writes"), [(0, 11), (11, 3)]);
    assert_eq!(places(&told, "reads"), [(0, 11), (11, 3)]);
    assert_eq!(places(&told, "frames"), [(0, 4), (4, 4), (8, 6)]);
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
    see(&mut page, lens(server, "in"), |told| {
        places(told, "frames") == [(0, 7), (7, 7)]
    })
    .await;
}

/// Where the pieces of a kind are in a lens, and how long they are.
fn places(told: &Value, name: &str) -> Vec<(u64, u64)> {
    let pieces = told[name].as_array().into_iter().flatten();
    let places = pieces.map(|it| (it["off"].as_u64().unwrap(), it["len"].as_u64().unwrap()));
    places.collect()
}

/// Asks for a lens until what it shows fits; gives it.
async fn see(page: &mut Caller, lens: Value, fits: impl Fn(&Value) -> bool) -> Value {
    let mut told = Value::Null;
    let seen = timeout(DEADLINE, async {
        loop {
            told = page.ok("wire.lens", lens.clone()).await;
            if fits(&told) {
                return;
            }
            // sleep: nothing tells a page when the lens has more to show
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(seen.await.is_ok(), "{told}");
    told
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
