use sockpit_core::load::wire::{Counts, First, Hello};

use super::*;

#[tokio::test]
async fn every_request_has_its_answer() {
    let (report, served) = pair("tcp://127.0.0.1:0", options(Mode::Request, 10, 5000)).await;
    assert_eq!(report.sent.messages, 5000);
    assert_eq!(report.received.messages, 5000);
    assert_eq!(report.latency.count, 5000);
    assert_eq!(report.connect.count, 10);
    assert!(report.is_clean(), "{}", report.to_json());
    assert_eq!(served.accepted, 10);
    assert_eq!(
        (served.received_bytes, served.sent_bytes),
        (320_000, 320_000)
    );
}

#[tokio::test]
async fn large_messages_in_parts_are_whole_in_the_end() {
    let asked = Options {
        size: Some(ByteSize(3 << 20)),
        in_flight: Some(3),
        ..options(Mode::Request, 2, 20)
    };
    let (report, _) = pair("tcp://127.0.0.1:0", asked).await;
    assert_eq!(report.received.messages, 20);
    assert!(report.is_clean(), "{}", report.to_json());
}

#[tokio::test]
async fn threads_share_the_connections_and_the_count() {
    let asked = Options {
        threads: Some(3),
        in_flight: Some(8),
        ..options(Mode::Request, 10, 1001)
    };
    let (report, served) = pair("tcp://127.0.0.1:0", asked).await;
    assert_eq!(report.received.messages, 1001);
    assert!(report.is_clean());
    assert_eq!(served.accepted, 10);
}

#[tokio::test]
async fn framed_messages_are_answered_message_by_message() {
    for frame in [
        "lines",
        "len:u16be",
        "cobs",
        "slip",
        "fixed:100",
        "delim:;;",
    ] {
        let server = serve("tcp://127.0.0.1:0", ServeOptions::default()).await;
        let asked = Options {
            size: Some(ByteSize(100)),
            in_flight: Some(4),
            ..options(Mode::Request, 3, 300)
        };
        let report = load_with(&server.local()[0].clone(), framed(frame), asked).await;
        let report = report.unwrap();
        assert_eq!(report.received.messages, 300, "with {frame}");
        assert!(report.is_clean(), "with {frame}: {}", report.to_json());
        end(server).await;
    }
}

#[tokio::test]
async fn an_open_schedule_is_kept() {
    let asked = Options {
        pace: Pace::Open(Rate(20_000)),
        ..options(Mode::Request, 5, 4000)
    };
    let (report, _) = pair("tcp://127.0.0.1:0", asked).await;
    assert_eq!(report.received.messages, 4000);
    assert!(report.is_clean());
    // The last one is due after nearly 200 ms.
    assert!(199_000_000 <= report.elapsed_ns, "{} ns", report.elapsed_ns);
}

#[tokio::test]
async fn a_paced_load_ends_with_what_was_due() {
    let asked = Options {
        pace: Pace::Paced(Rate(1000)),
        duration: Some(TimeSpan(Duration::from_millis(300))),
        count: None,
        ..options(Mode::Request, 4, 1)
    };
    let (report, _) = pair("tcp://127.0.0.1:0", asked).await;
    assert!(report.sent.messages <= 300);
    assert!(report.sent.messages + report.unsent <= 301);
    assert_eq!(
        report.sent.messages,
        report.received.messages + report.unanswered
    );
}

#[tokio::test]
async fn churn_opens_a_connection_for_each_round_trip() {
    for reset in [false, true] {
        let asked = Options {
            reset,
            ..options(Mode::Churn, 4, 500)
        };
        let (report, served) = pair("tcp://127.0.0.1:0", asked).await;
        assert_eq!(report.received.messages, 500);
        assert_eq!(served.accepted, 500);
        assert!(report.is_clean(), "{}", report.to_json());
    }
}

#[tokio::test]
async fn a_sink_of_ours_tells_what_arrived() {
    let asked = options(Mode::OneWay, 3, 300);
    let (report, _) = pair("tcp://127.0.0.1:0", asked).await;
    let sink = report.sink.expect("the server tells");
    assert_eq!(report.sent.bytes, 300 * (128 << 10));
    assert_eq!(sink.bytes, report.sent.bytes);
    assert_eq!(report.lost(), Some(0));
    assert!(report.is_clean(), "{}", report.to_json());
}

#[tokio::test]
async fn unix_sockets_are_loaded_alike() {
    let folder = tempfile::tempdir().unwrap();
    for (mode, count) in [
        (Mode::Request, 1000),
        (Mode::Churn, 300),
        (Mode::OneWay, 100),
    ] {
        let (report, _) = pair(&unix_path(&folder), options(mode, 5, count)).await;
        assert_eq!(report.sent.messages, count, "{mode}");
        assert!(report.is_clean(), "{mode}: {}", report.to_json());
    }
}

#[tokio::test]
async fn a_window_is_filled_before_the_first_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut asked = vec![0; 1024 * 64];
        let mut peer = listener.accept().unwrap().0;
        peer.set_read_timeout(Some(DEADLINE)).unwrap();
        peer.read_exact(&mut asked)
            .expect("all that may be under way is");
        peer.write_all(&asked).unwrap();
        // It stays until the load has gone.
        let _ = peer.read(&mut asked);
    });
    let asked = Options {
        in_flight: Some(1024),
        ..options(Mode::Request, 1, 1024)
    };
    let report = load(&endpoint, asked).await;
    assert_eq!(report.received.messages, 1024);
    assert!(report.is_clean(), "{}", report.to_json());
    server.join().unwrap();
}

#[tokio::test]
async fn what_comes_after_the_end_is_in_no_rate() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut peer = listener.accept().unwrap().0;
        let mut asked = [0; 64];
        peer.read_exact(&mut asked).unwrap();
        // sleep: the answer comes after the end of sending, which may itself come late
        thread::sleep(Duration::from_secs(2));
        peer.write_all(&asked).unwrap();
        let _ = peer.read(&mut asked);
    });
    let asked = Options {
        duration: Some(TimeSpan(Duration::from_millis(50))),
        timeout: Some(TimeSpan(Duration::from_secs(5))),
        count: None,
        ..options(Mode::Request, 1, 1)
    };
    let report = load(&endpoint, asked).await;
    server.join().unwrap();
    assert_eq!(report.received.messages, 1);
    assert_eq!(report.received_after.messages, 1);
    assert_eq!(report.received_per_second, 0.0);
    assert_eq!(report.latency.count, 1);
}

#[tokio::test]
async fn a_whole_second_ends_with_what_was_due_in_it() {
    let asked = Options {
        pace: Pace::Paced(Rate(20_000)),
        duration: Some(TimeSpan(Duration::from_secs(1))),
        threads: Some(2),
        count: None,
        ..options(Mode::Request, 20, 1)
    };
    let (report, _) = pair("tcp://127.0.0.1:0", asked).await;
    let spans: Vec<_> = report.seconds.iter().map(|one| one.span_ns).collect();
    assert_eq!(spans, [1_000_000_000]);
    assert_eq!(report.seconds[0].sent, report.sent);
}

#[tokio::test]
async fn a_load_that_is_stopped_while_it_connects_sends_nothing() {
    let (listener, filler) = full_listener();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let asked = Options {
        timeout: Some(TimeSpan(DEADLINE)),
        ..options(Mode::Request, 4, 100)
    };
    let plan = Plan::resolve(&endpoint.parse().unwrap(), plan::Options::default(), asked);
    let load = Load::resolve(plan.unwrap()).await.unwrap();
    let begun = Arc::new(AtomicU8::new(0));
    let begins = begun.clone();
    let running = load
        .start_with(move || begins.store(1, Ordering::Relaxed))
        .unwrap();
    // The first is none of the load's. One has room, and the others wait for it.
    drop((filler, listener.accept().unwrap()));
    let (mut peer, _) = listener.accept().unwrap();
    running.stop();
    let ended = tokio::time::timeout(DEADLINE, running.finish()).await;
    assert!(ended.expect("it ends in time").is_err());
    assert_eq!(begun.load(Ordering::Relaxed), 0);
    peer.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!(peer.read(&mut [0; 64]).unwrap(), 0);
}

#[tokio::test]
async fn several_connections_share_no_local_port() {
    let local = "127.0.0.1:40405"; // port: nothing is opened
    for transport in ["tcp", "udp"] {
        let endpoint = format!("{transport}://127.0.0.1:7000"); // port: nothing is opened
        let plan = |connections| {
            let asked = options(Mode::Request, connections, 1);
            Plan::resolve(&endpoint.parse().unwrap(), bound(local), asked).unwrap()
        };
        let refused = Load::resolve(plan(2)).await.unwrap_err();
        let told = refused.cause().to_string();
        assert!(told.contains("2 connections cannot share"), "{told}");
        assert!(Load::resolve(plan(1)).await.is_ok());
    }
}

#[tokio::test]
async fn bytes_of_no_answer_are_in_no_figure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut peer = listener.accept().unwrap().0;
        let mut asked = [0; 65];
        peer.read_exact(&mut asked).unwrap();
        peer.write_all(&asked).unwrap();
        peer.read_exact(&mut asked).unwrap();
        // An answer without an end is given up long before it fills the memory.
        while peer.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let asked = options(Mode::Request, 1, 2);
    let report = load_with(&endpoint, framed("lines"), asked).await.unwrap();
    server.join().unwrap();
    assert_eq!(report.received.messages, 1);
    assert_eq!(report.received.bytes, 65);
    assert_eq!(report.faults.malformed, 1, "{}", report.to_json());
}

#[tokio::test]
async fn what_a_lost_connection_had_brought_is_not_told_as_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let first = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.read_exact(&mut [0; 4096]).unwrap();
        // What it has not read makes its end a reset.
        drop(peer);
        count(listener.accept().unwrap().0);
    });
    let asked = Options {
        pace: Pace::Paced(Rate(100)),
        duration: Some(TimeSpan(Duration::from_millis(600))),
        count: None,
        ..options(Mode::OneWay, 1, 1)
    };
    let report = load(&endpoint, asked).await;
    first.join().unwrap();
    assert!(0 < report.faults.total(), "{}", report.to_json());
    assert_eq!(report.lost(), None, "{}", report.to_json());
}

#[tokio::test]
async fn what_was_never_open_has_brought_nothing_that_could_be_lost() {
    let (listener, filler) = full_listener();
    // Now there is room for one of two.
    drop((filler, listener.accept().unwrap()));
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let asked = Options {
        pace: Pace::Paced(Rate(100)),
        duration: Some(TimeSpan(Duration::from_secs(4))),
        timeout: Some(TimeSpan(Duration::from_secs(1))),
        count: None,
        ..options(Mode::OneWay, 2, 1)
    };
    let plan = Plan::resolve(&endpoint.parse().unwrap(), plan::Options::default(), asked);
    let load = Load::resolve(plan.unwrap()).await.unwrap();
    let mut running = load.start().unwrap();
    // Sending begins once the second one was given up, and nobody is let in before.
    let first = tokio::time::timeout(DEADLINE, running.progress()).await;
    let first = first.expect("a second passes").expect("the load runs");
    assert_eq!(first.connected, 1);
    thread::spawn(move || {
        for peer in listener.incoming() {
            let peer = peer.unwrap();
            // One that was given up before it was open may be let in, and says nothing.
            thread::spawn(|| matches!(peer.peek(&mut [0]), Ok(1)).then(|| count(peer)));
        }
    });
    let ended = tokio::time::timeout(DEADLINE, async {
        let mut connected = 0;
        while let Some(second) = running.progress().await {
            connected = second.connected;
        }
        (connected, running.finish().await)
    });
    let (connected, report) = ended.await.expect("it ends");
    let report = report.unwrap();
    assert_eq!(connected, 2, "{}", report.to_json());
    assert!(0 < report.faults.total(), "{}", report.to_json());
    assert_eq!(report.lost(), Some(0), "{}", report.to_json());
}

/// Tells how many bytes of a load came after its hello.
fn count(mut peer: TcpStream) {
    let mut hello = [0; 24];
    peer.read_exact(&mut hello).unwrap();
    let mut bytes = 0;
    let mut room = vec![0; 1 << 16];
    while let Ok(len @ 1..) = peer.read(&mut room) {
        bytes += len as u64;
    }
    let First::Hello(hello) = Hello::find(&hello) else {
        panic!("a stream begins with a hello");
    };
    let counts = Counts {
        run: hello.run,
        bytes,
        elapsed_ns: 1,
        ..Counts::default()
    };
    let _ = peer.write_all(&counts.encode());
}
