//! Rooms over real sockets, and by the door.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockpit_core::chat::room::Settings;
use sockpit_core::chat::visitor;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Opening, Room, Visit, Web};
use crate::workbench::Workbench;

const DEADLINE: Duration = Duration::from_secs(10);

/// As long as a room waits for one who says nothing.
const SILENCE: Duration = Duration::from_millis(300);

fn plan(endpoint: &str) -> Arc<Plan> {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    Arc::new(Plan::resolve(Role::Server, &endpoint, Options::default()).unwrap())
}

fn opening(web: Option<Web>) -> Opening {
    Opening {
        hub: Settings::default(),
        visitors: visitor::Settings::default(),
        web,
        post: Opening::POST,
        patience: Opening::PATIENCE,
        #[cfg(feature = "nats")]
        cluster: None,
    }
}

async fn open(bench: &Workbench, web: Option<Web>) -> (Room, String) {
    let plans = vec![plan("tcp://127.0.0.1:0")];
    let room = bench.handle().open_room(plans, opening(web)).await.unwrap();
    let addr = room.local()[0].trim_start_matches("tcp://").to_owned();
    (room, addr)
}

/// Hands every visit to the test.
fn handler() -> (Web, mpsc::UnboundedReceiver<Visit>) {
    let (sender, visits) = mpsc::unbounded_channel();
    let web: Web = Arc::new(move |visit| {
        sender.send(visit).unwrap();
        Box::pin(std::future::ready(()))
    });
    (web, visits)
}

/// Reads until `part` has come.
async fn hear(stream: &mut (impl AsyncRead + Unpin), part: &str) -> String {
    let mut heard = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&heard).contains(part) {
            let mut buffer = [0; 1024];
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "no `{part}` in `{}`", heard.escape_ascii());
            heard.extend_from_slice(&buffer[..read]);
        }
    };
    timeout(DEADLINE, reading).await.unwrap();
    String::from_utf8(heard).unwrap()
}

/// Comes as a browser does, in pieces. Who is held up until the room takes it for one that waits to be
/// greeted goes, and comes again.
async fn browse(addr: &str, pieces: &[&str]) -> TcpStream {
    loop {
        let begun = Instant::now();
        let mut browser = TcpStream::connect(addr).await.unwrap();
        for piece in pieces {
            browser.write_all(piece.as_bytes()).await.unwrap();
        }
        if begun.elapsed() < SILENCE {
            return browser;
        }
    }
}

async fn join(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), nick: &str) {
    hear(stream, "nickname?").await;
    stream
        .write_all(format!("{nick}\n").as_bytes())
        .await
        .unwrap();
    hear(stream, "you are in ").await;
}

#[tokio::test]
async fn what_begins_as_a_browser_does_goes_to_the_handler_untouched_and_comes_in_by_the_door() {
    let bench = Workbench::start().unwrap();
    let (web, mut visits) = handler();
    let (room, addr) = open(&bench, Some(web)).await;
    let mut anna = TcpStream::connect(&addr).await.unwrap();
    join(&mut anna, "anna").await;
    let browser = browse(&addr, &["G", "ET / HT", "TP/1.1\r\n"]).await;
    let own = browser.local_addr().unwrap().to_string();
    // One that was held up may have come all the same.
    let mut visit = loop {
        let visit = timeout(DEADLINE, visits.recv()).await.unwrap().unwrap();
        if visit.addr == own {
            break visit;
        }
    };
    assert_eq!(hear(&mut visit.stream, "\r\n").await, "GET / HTTP/1.1\r\n");
    let mut bea = visit.door.enter(&visit.addr).await.unwrap();
    join(&mut bea, "bea").await;
    let members = room.ask(|hub, _| hub.members(None)).await.unwrap();
    assert!(
        members
            .iter()
            .any(|it| it.addr == format!("ws://{}", visit.addr))
    );
    bea.write_all(b"hi\n").await.unwrap();
    hear(&mut anna, "[lobby] bea: hi\n").await;
    drop(bea);
    hear(&mut anna, "bea left lobby").await;
    let closing = tokio::spawn(async move { visit.closing.rung().await });
    room.close().await;
    timeout(DEADLINE, closing).await.unwrap().unwrap();
    hear(&mut anna, "goodbye").await;
    timeout(DEADLINE, room.outcome()).await.unwrap();
}

#[tokio::test]
async fn who_comes_by_the_door_counts_once() {
    const MOST: usize = 3;
    let bench = Workbench::start().unwrap();
    // Stays as long as its member, as one does who carries the lines of a browser.
    let web: Web = Arc::new(|visit: Visit| {
        Box::pin(async move {
            let Visit {
                mut stream,
                addr,
                door,
                ..
            } = visit;
            let mut link = door.enter(&addr).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut link).await;
        })
    });
    let endpoint: Endpoint = "tcp://127.0.0.1:0".parse().unwrap();
    let options = Options {
        max_peers: Some(MOST),
        ..Options::default()
    };
    let plan = Plan::resolve(Role::Server, &endpoint, options).unwrap();
    let opened = bench
        .handle()
        .open_room(vec![Arc::new(plan)], opening(Some(web)));
    let room = opened.await.unwrap();
    let addr = room.local()[0].trim_start_matches("tcp://");
    let mut members = Vec::new();
    for _ in 0..MOST {
        let mut browser = TcpStream::connect(addr).await.unwrap();
        browser.write_all(b"GET ").await.unwrap();
        hear(&mut browser, "nickname?").await;
        members.push(browser);
    }
}

#[tokio::test]
async fn b6_a_handler_that_panics_ends_its_own_visit() {
    let bench = Workbench::start().unwrap();
    let web: Web = Arc::new(|_| Box::pin(async { panic!("this handler was made to fall") }));
    let (_room, addr) = open(&bench, Some(web)).await;
    let mut browser = browse(&addr, &["GET / HTTP/1.1\r\n\r\n"]).await;
    let ended = timeout(DEADLINE, browser.read(&mut [0; 16])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)));
    let mut anna = TcpStream::connect(&addr).await.unwrap();
    join(&mut anna, "anna").await;
}

#[tokio::test]
async fn an_endpoint_that_is_taken_frees_the_others() {
    let bench = Workbench::start().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    // On an address of its own, whose ports nobody else takes.
    let free = TcpListener::bind("127.0.0.84:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let taken = taken.local_addr().unwrap();
    let plans = [free, taken].map(|addr| plan(&format!("tcp://{addr}")));
    let refused = bench.handle().open_room(plans.into(), opening(None)).await;
    let error = refused.err().expect("it is taken");
    assert!(error.is_address_in_use() && error.target().contains(&taken.to_string()));
    TcpListener::bind(free).unwrap();
}

#[tokio::test]
async fn a_room_whose_handle_is_dropped_is_over() {
    let bench = Workbench::start().unwrap();
    let (room, addr) = open(&bench, None).await;
    let mut anna = TcpStream::connect(&addr).await.unwrap();
    join(&mut anna, "anna").await;
    drop(room);
    let ended = timeout(DEADLINE, anna.read(&mut [0; 16])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}
