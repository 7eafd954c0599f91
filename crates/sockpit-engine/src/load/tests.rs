use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use sockpit_core::endpoint::Endpoint;
use sockpit_core::load::wire::{Datagram, Header};
use sockpit_core::load::{
    Answer, Mode, Options, Pace, Plan, Rate, Report, ServeOptions, ServePlan, Served, Service,
};
use sockpit_core::plan;
use sockpit_core::size::ByteSize;
use sockpit_core::time::TimeSpan;

use super::*;

/// A load that would last longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(30);

fn options(mode: Mode, connections: u32, count: u64) -> Options {
    Options {
        mode,
        connections: Some(connections),
        count: Some(count),
        duration: Some(TimeSpan(DEADLINE)),
        ..Options::default()
    }
}

fn framed(frame: &str) -> plan::Options {
    plan::Options {
        frame: Some(frame.parse().unwrap()),
        ..plan::Options::default()
    }
}

/// Runs a load to its end.
async fn load_with(
    endpoint: &str,
    session: plan::Options,
    options: Options,
) -> Result<Report, Error> {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let plan = Plan::resolve(&endpoint, session, options).unwrap();
    let running = Load::resolve(plan).await?.start()?;
    tokio::time::timeout(DEADLINE, running.finish())
        .await
        .expect("the load ends in time")
}

async fn load(endpoint: &str, options: Options) -> Report {
    load_with(endpoint, plan::Options::default(), options)
        .await
        .unwrap()
}

async fn serve(endpoint: &str, options: ServeOptions) -> Server {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let plan = ServePlan::resolve(&endpoint, plan::Options::default(), options).unwrap();
    Server::open(plan).await.unwrap()
}

async fn end(server: Server) -> Served {
    server.stop();
    tokio::time::timeout(DEADLINE, server.finish())
        .await
        .expect("the server ends in time")
}

/// Loads a server of ours, and gives what both say.
async fn pair(at: &str, options: Options) -> (Report, Served) {
    let server = serve(at, ServeOptions::default()).await;
    let report = load(&server.local()[0].clone(), options).await;
    (report, end(server).await)
}

fn unix_path(folder: &tempfile::TempDir) -> String {
    format!("unix://{}", folder.path().join("s").display())
}

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
async fn a_sink_that_discards_counts_the_same() {
    let discarding = ServeOptions {
        discard: true,
        ..ServeOptions::default()
    };
    let server = serve("tcp://127.0.0.1:0", discarding).await;
    let report = load(&server.local()[0].clone(), options(Mode::OneWay, 2, 200)).await;
    assert_eq!(
        report.sink.expect("the server tells").bytes,
        report.sent.bytes
    );
    end(server).await;
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
async fn datagrams_are_answered_and_counted() {
    let asked = Options {
        in_flight: Some(4),
        ..options(Mode::Request, 5, 2000)
    };
    let (report, _) = pair("udp://127.0.0.1:0", asked).await;
    let order = report.order.expect("datagrams have an order");
    assert_eq!(report.sent.messages, 2000);
    assert_eq!(order.unique + report.unanswered, 2000);
    assert_eq!(report.received.messages, order.unique);
    assert_eq!(
        (order.reordered, order.duplicates, report.corrupt),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn a_slow_blast_arrives_whole() {
    let asked = Options {
        pace: Pace::Paced(Rate(20_000)),
        ..options(Mode::OneWay, 2, 2000)
    };
    let (report, served) = pair("udp://127.0.0.1:0", asked).await;
    let sink = report.sink.expect("the server tells");
    assert_eq!(report.sent.messages, 2000);
    assert_eq!(sink.messages, sink.order.unique);
    assert_eq!(report.lost(), Some(2000 - sink.messages));
    assert!(sink.messages <= served.messages);
}

#[tokio::test]
async fn datagrams_of_a_unix_socket_go_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("unixgram://{}", folder.path().join("s").display());
    let (report, _) = pair(&at, options(Mode::OneWay, 1, 500)).await;
    assert_eq!(report.sent.messages, 500);
    assert_eq!(report.sink.expect("the server tells").order.unique, 500);
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    for (scheme, mode) in [
        ("tcp", Mode::Request),
        ("tcp", Mode::Churn),
        ("udp", Mode::Request),
    ] {
        let asked = Options {
            count: None,
            duration: Some(TimeSpan(Duration::from_millis(300))),
            timeout: Some(TimeSpan(Duration::from_millis(200))),
            ..options(mode, 2, 1)
        };
        let failed = load_with(
            &format!("{scheme}://{addr}"),
            plan::Options::default(),
            asked,
        )
        .await;
        let error = failed.expect_err("nobody is there");
        assert_eq!(
            error.cause().kind(),
            std::io::ErrorKind::ConnectionRefused,
            "{scheme} {mode}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_timed_out_and_not_fatal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let asked = Options {
        count: None,
        duration: Some(TimeSpan(Duration::from_millis(300))),
        timeout: Some(TimeSpan(Duration::from_millis(100))),
        ..options(Mode::Request, 2, 1)
    };
    let report = load(&format!("tcp://{addr}"), asked).await;
    assert_eq!(report.received.messages, 0);
    assert!(2 <= report.faults.timeout, "{}", report.to_json());
    assert_eq!(report.sent.messages, report.unanswered);
}

#[tokio::test]
async fn a_server_that_answers_otherwise_is_corrupt_unless_any_answer_will_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 64];
            while stream.read_exact(&mut bytes).is_ok() {
                if stream.write_all(&bytes.to_ascii_uppercase()).is_err() {
                    break;
                }
            }
        }
    });
    for (answer, corrupt) in [(Answer::Same, 10), (Answer::Any, 0)] {
        let asked = Options {
            answer,
            ..options(Mode::Request, 1, 10)
        };
        let report = load(&format!("tcp://{addr}"), asked).await;
        assert_eq!(report.received.messages, 10);
        assert_eq!(report.corrupt, corrupt);
    }
}

#[tokio::test]
async fn a_server_that_is_not_ours_tells_no_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let reader = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes.len()
    });
    let asked = Options {
        plain: true,
        size: Some(ByteSize(1000)),
        ..options(Mode::OneWay, 1, 100)
    };
    let report = load(&format!("tcp://{addr}"), asked).await;
    assert_eq!(report.sink, None);
    assert_eq!(report.sent.bytes, 100_000);
    assert_eq!(reader.join().unwrap(), 100_000);
    assert!(
        report
            .notes()
            .iter()
            .any(|note| note.contains("told no counts"))
    );
}

#[tokio::test]
async fn a_foreign_client_gets_an_echo() {
    let server = serve("tcp://127.0.0.1:0", ServeOptions::default()).await;
    let addr = server.local()[0].trim_start_matches("tcp://").to_owned();
    tokio::task::spawn_blocking(move || {
        // The first byte is one that a hello begins with.
        for said in [&b"hello"[..], &[0xa9, b'S', b'p', b'x']] {
            let mut stream = std::net::TcpStream::connect(&addr).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            stream.write_all(said).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).unwrap();
            assert_eq!(heard, said);
        }
    })
    .await
    .unwrap();
    end(server).await;
}

#[tokio::test]
async fn half_a_hello_and_silence_is_an_echo_in_the_end() {
    let server = serve("tcp://127.0.0.1:0", ServeOptions::default()).await;
    let addr = server.local()[0].trim_start_matches("tcp://").to_owned();
    tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(&addr).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(&[0xa9, b'S']).unwrap();
        let mut heard = [0; 2];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(heard, [0xa9, b'S']);
    })
    .await
    .unwrap();
    end(server).await;
}

#[tokio::test]
async fn nobody_is_served_beyond_the_limit() {
    let limited = ServeOptions {
        max_peers: Some(2),
        ..ServeOptions::default()
    };
    let server = serve("tcp://127.0.0.1:0", limited).await;
    let asked = Options {
        timeout: Some(TimeSpan(Duration::from_millis(500))),
        duration: Some(TimeSpan(Duration::from_millis(200))),
        count: None,
        ..options(Mode::Request, 4, 1)
    };
    let report = load(&server.local()[0].clone(), asked).await;
    assert!(0 < report.received.messages);
    let served = end(server).await;
    assert_eq!(served.accepted, 2);
    assert!(2 <= served.refused);
}

#[tokio::test]
async fn a_foreign_datagram_goes_back_and_an_ask_for_nothing_does_not() {
    let server = serve("udp://127.0.0.1:0", ServeOptions::default()).await;
    let addr = server.local()[0].trim_start_matches("udp://").to_owned();
    tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(&addr).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.send(&sockpit_core::load::wire::ask(7)).unwrap();
        for said in [&b""[..], b"x", &[0xa9; 80]] {
            socket.send(said).unwrap();
            let mut heard = [0; 100];
            let len = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..len], said);
        }
    })
    .await
    .unwrap();
    end(server).await;
}

#[tokio::test]
async fn a_sink_that_was_chosen_counts_what_begins_without_a_hello() {
    let sink = ServeOptions {
        service: Service::Sink,
        ..ServeOptions::default()
    };
    let server = serve("tcp://127.0.0.1:0", sink).await;
    let asked = Options {
        plain: true,
        ..options(Mode::OneWay, 1, 10)
    };
    let report = load(&server.local()[0].clone(), asked).await;
    let served = end(server).await;
    assert_eq!(served.received_bytes, report.sent.bytes);
    assert_eq!(served.sent_bytes, 0);
}

#[tokio::test]
async fn a_load_that_is_stopped_reports_what_it_has() {
    let server = serve("tcp://127.0.0.1:0", ServeOptions::default()).await;
    let endpoint: Endpoint = server.local()[0].parse().unwrap();
    let asked = Options {
        count: None,
        ..options(Mode::Request, 2, 1)
    };
    let plan = Plan::resolve(&endpoint, plan::Options::default(), asked).unwrap();
    let mut running = Load::resolve(plan).await.unwrap().start().unwrap();
    let first = tokio::time::timeout(DEADLINE, running.progress()).await;
    let first = first.expect("a second passes").expect("the load runs");
    assert_eq!((first.second, first.connected), (1, 2));
    running.stop();
    let report = tokio::time::timeout(DEADLINE, running.finish()).await;
    let report = report.expect("it ends").unwrap();
    assert!(report.is_stopped);
    assert!(first.received <= report.received.messages);
    end(server).await;
}

/// A server of datagrams that answers as `answer` says, until nothing has come for a while.
fn answering(
    mut answer: impl FnMut(&UdpSocket, &[u8], std::net::SocketAddr) + Send + 'static,
) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = format!("udp://{}", socket.local_addr().unwrap());
    thread::spawn(move || {
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut bytes = [0; 2048];
        while let Ok((len, from)) = socket.recv_from(&mut bytes) {
            answer(&socket, &bytes[..len], from);
        }
    });
    at
}

fn number_of(datagram: &[u8]) -> u64 {
    match Datagram::of(datagram) {
        Datagram::Numbered(header) => header.number,
        other => panic!("{other:?} is not numbered"),
    }
}

#[tokio::test]
async fn what_is_lost_keeps_an_open_load_from_nothing() {
    let at = answering(|socket, datagram, from| {
        if number_of(datagram) % 4 != 3 {
            socket.send_to(datagram, from).unwrap();
        }
    });
    for in_flight in [None, Some(16)] {
        let asked = Options {
            pace: Pace::Open(Rate(2000)),
            in_flight,
            duration: Some(TimeSpan(Duration::from_secs(1))),
            timeout: Some(TimeSpan(Duration::from_millis(1500))),
            count: None,
            ..options(Mode::Request, 1, 1)
        };
        let report = load(&at, asked).await;
        let sent = report.sent.messages;
        // A window would be full of lost ones after 64 messages.
        assert!(1000 < sent, "{in_flight:?}: {}", report.to_json());
        assert_eq!(sent, report.received.messages + report.unanswered);
        assert!(sent / 4 <= report.unanswered, "{}", report.to_json());
    }
}

#[tokio::test]
async fn an_answer_to_what_was_never_sent_is_malformed() {
    let at = answering(|socket, datagram, from| {
        socket.send_to(datagram, from).unwrap();
        if number_of(datagram) == 10 {
            let mut forged = datagram.to_vec();
            Header::renumber(&mut forged, 1 << 60, 0);
            socket.send_to(&forged, from).unwrap();
        }
    });
    let report = load(&at, options(Mode::Request, 1, 100)).await;
    let order = report.order.expect("datagrams have an order");
    assert_eq!(report.faults.malformed, 1, "{}", report.to_json());
    assert_eq!((order.unique, order.reordered), (100, 0));
    assert_eq!(report.received.messages, 100);
}

#[tokio::test]
async fn a_full_unix_socket_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        for number in 0..3000 {
            if number % 1000 == 0 {
                // sleep: what is sent meanwhile fills the socket
                thread::sleep(Duration::from_millis(100));
            }
            let (len, from) = socket.recv_from(&mut bytes).unwrap();
            socket.send_to_addr(&bytes[..len], &from).unwrap();
        }
    });
    let asked = Options {
        in_flight: Some(1000),
        ..options(Mode::Request, 1, 3000)
    };
    let report = load(&format!("unixgram://{}", path.display()), asked).await;
    assert_eq!(report.received.messages, 3000, "{}", report.to_json());
    assert!(report.is_clean(), "{}", report.to_json());
}

#[tokio::test]
async fn two_servers_that_hear_each_other_fall_silent() {
    for service in [Service::Auto, Service::Echo] {
        let options = ServeOptions {
            service,
            ..ServeOptions::default()
        };
        let server = serve("udp://127.0.0.1:0", options).await;
        let addr = server.local()[0].trim_start_matches("udp://").to_owned();
        tokio::task::spawn_blocking(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(&addr).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            let header = Header {
                is_counted: false,
                run: 1,
                connection: 2,
                number: 3,
                due: 4,
            };
            let mut datagram = [b'x'; 64];
            header.write(&mut datagram);
            socket.send(&datagram).unwrap();
            let mut heard = [0; 100];
            let len = socket.recv(&mut heard).unwrap();
            assert_eq!(Datagram::of(&heard[..len]), Datagram::Answer(header));
            assert_eq!(heard[36..64], datagram[36..]);
            // What a server sends back gets no answer from one like it; what follows does.
            socket.send(&heard[..len]).unwrap();
            socket.send(b"next").unwrap();
            let len = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..len], b"next");
        })
        .await
        .unwrap();
        end(server).await;
    }
}

#[tokio::test]
async fn a_load_that_waits_for_counts_hears_that_it_is_to_end() {
    for is_now in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        let plan = Plan::resolve(
            &endpoint.parse().unwrap(),
            plan::Options::default(),
            Options {
                size: Some(ByteSize(100)),
                timeout: Some(TimeSpan(2 * DEADLINE)),
                ..options(Mode::OneWay, 2, 10)
            },
        );
        let running = Load::resolve(plan.unwrap()).await.unwrap();
        let mut running = running.start().unwrap();
        // Sending is over when its last second is told; nobody ever tells counts.
        let mut peers = Vec::new();
        for _ in 0..2 {
            let (mut peer, _) = listener.accept().unwrap();
            peer.read_to_end(&mut Vec::new()).unwrap();
            peers.push(peer);
        }
        match is_now {
            true => running.stop_now(),
            false => running.stop(),
        }
        let ended = tokio::time::timeout(DEADLINE, async {
            while running.progress().await.is_some() {}
            running.finish().await
        });
        let report = ended.await.expect("it ends").unwrap();
        assert_eq!((report.sent.messages, report.sink), (10, None));
    }
}

#[tokio::test]
async fn what_goes_round_between_a_server_and_another_echo_ends() {
    let server = serve("udp://127.0.0.1:0", ServeOptions::default()).await;
    let addr = server.local()[0].trim_start_matches("udp://").to_owned();
    let hops = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(&addr).unwrap();
        let silence = Duration::from_secs(2);
        socket.set_read_timeout(Some(silence)).unwrap();
        socket.send(b"round").unwrap();
        let mut bytes = [0; 100];
        let mut hops = 0;
        while let Ok(len) = socket.recv(&mut bytes) {
            hops += 1;
            socket.send(&bytes[..len]).unwrap();
        }
        hops
    });
    let hops = tokio::time::timeout(DEADLINE, hops).await;
    let hops = hops.expect("it falls silent").unwrap();
    assert!((1..10_000).contains(&hops), "{hops}");
    end(server).await;
}
