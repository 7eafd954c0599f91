//! What the keeper promises of real sessions: everything is there or counted, and nobody waits long.

use std::io::{BufWriter, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockpit_core::endpoint::Endpoint;
use sockpit_core::event::{FaultKind, What};
use sockpit_core::frame::Framing;
use sockpit_core::history::{History, Kind, Limits, Look};
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::session::{Input, Session as Machine};

use super::{Keeper, Reader, Settings, State};
use crate::bus::ViewLimit;
use crate::session::Session;
use crate::workbench::{Handle, Workbench};

const DEADLINE: Duration = Duration::from_secs(30);

/// Index of what came in among totals.
const IN: usize = 0;

#[tokio::test]
async fn twenty_thousand_messages_are_all_there_and_counted() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    let reader = keeper.open(Look::default());
    let (_session, addr) = listen(bench.handle(), "frame=lines").await;
    let mut peer = TcpStream::connect(addr).unwrap();
    for number in 0..20_000 {
        writeln!(peer, "message {number}").unwrap();
    }
    let state = until(&keeper, &reader, |state| {
        state.totals.messages[IN] == 20_000
    })
    .await;
    assert_eq!(state.lost, 0);
    let last = state.next - 1;
    let row = reader
        .ask(move |view, history| view.row(history, last))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.kind, Kind::Frame);
    assert_eq!(row.text.as_deref(), Some("message 19999"));
}

#[tokio::test]
async fn b1_the_oldest_go_when_there_is_no_more_room_and_rows_keep_their_index() {
    let bench = Workbench::start().unwrap();
    let limits = Limits {
        memory: 4 * 1024 * 1024,
        shelf: 0,
    };
    let keeper = keep(&bench, limits).await;
    let reader = keeper.open(Look::default());
    let (_session, addr) = listen(bench.handle(), "frame=lines").await;
    let mut peer = BufWriter::new(TcpStream::connect(addr).unwrap());
    for number in 0..80_000 {
        writeln!(peer, "{number:0100}").unwrap();
    }
    writeln!(peer, "the end").unwrap();
    peer.flush().unwrap();
    let is_there = |state: &State| state.next > 80_000;
    let state = until(&keeper, &reader, is_there).await;
    assert!(state.first > 0, "nothing was forgotten");
    let (used, rows) = reader
        .ask(move |view, history| {
            let last = view.next() - 1;
            (history.used(), view.rows(history, last, 1))
        })
        .await
        .unwrap();
    assert!(used.evicted > 0);
    assert!(used.memory <= 2 * limits.memory, "{} bytes", used.memory);
    assert_eq!(rows[0].text.as_deref(), Some("the end"));
}

#[tokio::test]
async fn what_does_not_fit_into_memory_is_read_from_the_file() {
    let bench = Workbench::start().unwrap();
    let limits = Limits {
        memory: 4 * 1024 * 1024,
        shelf: 64 * 1024 * 1024,
    };
    let keeper = keep(&bench, limits).await;
    let reader = keeper.open(Look::default());
    let (_session, addr) = listen(bench.handle(), "frame=lines").await;
    let mut peer = TcpStream::connect(addr).unwrap();
    let long = |number: usize| format!("{number} {}", "x".repeat(100_000));
    for number in 0..100 {
        writeln!(peer, "{}", long(number)).unwrap();
    }
    let is_there = |state: &State| state.totals.messages[IN] == 100;
    let state = until(&keeper, &reader, is_there).await;
    assert_eq!(state.trouble, None);
    let first = reader
        .ask(|view, history| {
            let rows = view.rows(history, view.first(), 10);
            let first = rows.iter().find(|row| row.kind == Kind::Frame);
            let index = first.map(|row| row.index).unwrap_or_default();
            (history.used(), view.payload(history, index, 0, usize::MAX))
        })
        .await
        .unwrap();
    let (used, payload) = first;
    assert!(used.shelf > 0, "nothing was put into the file");
    assert_eq!(used.evicted, 0);
    assert_eq!(payload.unwrap(), long(0).into_bytes());
}

#[tokio::test]
async fn a4_a_keeper_that_is_held_up_misses_events_counts_them_and_holds_up_nobody() {
    let bench = Workbench::start().unwrap();
    let few = ViewLimit {
        events: 100,
        bytes: usize::MAX,
    };
    let keeper = Keeper::start_behind(bench.handle(), Settings::default(), few)
        .await
        .unwrap();
    let reader = keeper.open(Look::default());
    let (holds, is_held) = tokio::sync::oneshot::channel();
    let (go_on, held) = std::sync::mpsc::channel::<()>();
    let holding = tokio::spawn({
        let keeper = keeper.clone();
        let hold = move || holds.send(()).is_ok() && held.recv().is_ok();
        async move { keeper.ask(move |_| hold()).await }
    });
    let is_held = tokio::time::timeout(DEADLINE, is_held).await;
    is_held.expect("it is asked").unwrap();
    for number in 0..1000 {
        bench.handle().publish_first(1, 1, note(number)).await;
    }
    go_on.send(()).unwrap();
    holding.await.unwrap().unwrap();
    let is_told = |state: &State| state.lost > 0;
    let state = until(&keeper, &reader, is_told).await;
    let gaps = reader
        .ask(|view, history| {
            let rows = view.rows(history, view.first(), 2000);
            rows.iter().filter(|row| row.kind == Kind::Gap).count() as u64
        })
        .await
        .unwrap();
    assert!(gaps > 0);
    assert_eq!(state.next - state.first - gaps + state.lost, 1000);
}

#[tokio::test]
async fn a4_what_was_missed_is_seen_in_the_views_of_all_sessions() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    let reader = keeper.open(Look {
        session: Some(2),
        ..Look::default()
    });
    // The bus tells of it before the next event, of whatever session that is.
    let missed = What::Gap { count: 5 };
    bench.handle().publish_first(1, 1, missed).await;
    let state = until(&keeper, &reader, |state| state.lost == 5).await;
    assert_eq!(state.next, 1);
}

#[tokio::test]
async fn others_get_their_answers_while_one_looks_for_something_for_long() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    let reader = Arc::new(keeper.open(Look::default()));
    let endless = tokio::spawn({
        let reader = reader.clone();
        async move {
            reader
                .work(|_, _| {
                    let began = Instant::now();
                    while began.elapsed() < Duration::from_millis(2) {}
                    None::<()>
                })
                .await
        }
    });
    for _ in 0..20 {
        let asked = tokio::time::timeout(DEADLINE, reader.state()).await;
        assert!(asked.unwrap().is_ok());
    }
    // Who asked has gone: the work is given up with him.
    endless.abort();
    assert!(endless.await.unwrap_err().is_cancelled());
    assert!(reader.state().await.is_ok());
}

#[tokio::test]
async fn a_folder_that_takes_no_file_is_told_and_memory_keeps_what_happens() {
    let bench = Workbench::start().unwrap();
    let settings = Settings {
        limits: Limits::default(),
        folder: Some("/dev/null/history".into()),
    };
    let keeper = Keeper::start(bench.handle(), settings).await.unwrap();
    let reader = keeper.open(Look::default());
    bench.handle().publish_first(1, 1, note(7)).await;
    let state = until(&keeper, &reader, |state| state.next == 2).await;
    assert_eq!(state.first, 0);
    let row = reader.ask(|view, history| view.row(history, 0)).await;
    assert_eq!(row.unwrap().unwrap().kind, Kind::Fault);
}

#[tokio::test]
async fn a_view_is_closed_with_its_reader() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    let reader = keeper.open(Look::default());
    let number = reader.number();
    assert!(keeper.states(vec![number]).await.unwrap()[0].is_some());
    drop(reader);
    assert!(keeper.states(vec![number]).await.unwrap()[0].is_none());
}

#[tokio::test]
async fn a_question_that_panics_is_over_and_the_next_is_answered() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    let broken = keeper.ask(|_| panic!("this question was made to fall"));
    let broken: Result<(), _> = broken.await;
    assert!(broken.is_err());
    assert_eq!(keeper.ask(|history| history.used().lost).await, Ok(0));
}

#[tokio::test]
async fn the_plan_of_a_session_is_known_as_it_opens_and_whenever_it_changes() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    let (session, _) = listen(bench.handle(), "frame=lines").await;
    let framing = |keeper: &Keeper| {
        let keeper = keeper.clone();
        async move {
            let manner = keeper.ask(|history| history.manner(1).cloned());
            manner.await.unwrap().unwrap().framing
        }
    };
    assert_eq!(framing(&keeper).await, Framing::Lines);
    session.adopt(Arc::new(plan("frame=slip"))).await;
    // The change and what is asked here come by ways of their own.
    let mut changes = keeper.changes();
    while framing(&keeper).await != Framing::Slip {
        let _ = tokio::time::timeout(Duration::from_millis(5), changes.next()).await;
    }
    let plan = keeper.plan(1).await.unwrap().unwrap();
    assert_eq!(plan.framing, Framing::Slip);
    assert!(keeper.plan(2).await.unwrap().is_none());
}

#[tokio::test]
async fn no_question_overtakes_what_was_told_before_it() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    // Others who ask keep the thread among its questions, where one comes behind an event.
    let others: Vec<_> = (0..3)
        .map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { while keeper.ask(|_| ()).await.is_ok() {} })
        })
        .collect();
    for number in 1..=2000 {
        bench.handle().publish_first(1, 1, note(number)).await;
        assert_eq!(keeper.ask(History::next).await, Ok(number));
    }
    others.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn what_goes_wrong_in_framing_is_told_though_nobody_asks_for_messages() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    let reader = keeper.open(Look::default());
    let (_session, addr) = listen(bench.handle(), "frame=lines&max-frame=16").await;
    let mut peer = TcpStream::connect(addr).unwrap();
    writeln!(peer, "ok").unwrap();
    writeln!(peer, "{}", "x".repeat(100)).unwrap();
    let mut changes = keeper.changes();
    loop {
        reader.settled().await.unwrap();
        let rows = reader
            .ask(|view, history| view.rows(history, view.first(), 100))
            .await
            .unwrap();
        let is_told = rows.iter().any(|row| {
            row.event.as_ref().is_some_and(|event| {
                let kind = match &event.what {
                    What::Fault { kind, .. } => Some(*kind),
                    _ => None,
                };
                kind == Some(FaultKind::Frame)
            })
        });
        if is_told {
            return;
        }
        let told = tokio::time::timeout(DEADLINE, changes.next()).await;
        assert!(told.unwrap(), "the fault was not told: {rows:?}");
    }
}

#[tokio::test]
async fn news_are_told_some_thirty_times_a_second_however_much_happens() {
    let bench = Workbench::start().unwrap();
    let keeper = keep(&bench, Limits::default()).await;
    let mut changes = keeper.changes();
    let began = Instant::now();
    let mut told = 0_u32;
    while began.elapsed() < Duration::from_millis(500) {
        for number in 0..50 {
            bench.handle().publish(1, 1, note(number));
        }
        let soon = tokio::time::timeout(Duration::from_millis(5), changes.next()).await;
        told += u32::from(soon.is_ok());
    }
    let most = u32::try_from(began.elapsed().as_millis() / 33).unwrap() + 2;
    assert!((1..=most).contains(&told), "{told} times");
}

async fn keep(bench: &Workbench, limits: Limits) -> Keeper {
    let folder = (limits.shelf > 0).then(|| std::env::temp_dir().join("sockpit-history-tests"));
    let settings = Settings { limits, folder };
    Keeper::start(bench.handle(), settings).await.unwrap()
}

/// Waits until a view stands so.
async fn until(keeper: &Keeper, reader: &Reader, is_so: impl Fn(&State) -> bool) -> State {
    let mut changes = keeper.changes();
    let waiting = async {
        loop {
            let state = reader.settled().await.unwrap();
            if is_so(&state) {
                return state;
            }
            assert!(changes.next().await);
        }
    };
    let waited = tokio::time::timeout(DEADLINE, waiting).await;
    waited.expect("the view comes to stand so")
}

fn plan(query: &str) -> Plan {
    let endpoint: Endpoint = format!("tcp://127.0.0.1:0?{query}").parse().unwrap();
    Plan::resolve(Role::Server, &endpoint, Options::default()).unwrap()
}

async fn listen(handle: &Handle, query: &str) -> (Session<Machine>, SocketAddr) {
    let session = handle
        .talk(Arc::new(plan(query)), Input::Closed, None)
        .await
        .unwrap();
    let addr = session.local()[0].strip_prefix("tcp://").unwrap();
    let addr = addr.parse().unwrap();
    (session, addr)
}

fn note(number: u64) -> What {
    What::Note {
        kind: "test".to_owned(),
        message: String::new(),
        data: number.into(),
    }
}
