use super::*;

#[tokio::test]
async fn nobody_there_is_an_error() {
    // Held, so that nobody else gets them: one is bound and does not listen, the other one hears
    // somebody else only.
    let deaf = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    deaf.bind(&any.into()).unwrap();
    let stream = deaf.local_addr().unwrap().as_socket().unwrap();
    let closed = UdpSocket::bind(any).unwrap();
    let datagram = closed.local_addr().unwrap();
    let other = UdpSocket::bind(any).unwrap();
    closed.connect(other.local_addr().unwrap()).unwrap();
    for (scheme, mode, addr) in [
        ("tcp", Mode::Request, stream),
        ("tcp", Mode::Churn, stream),
        ("udp", Mode::Request, datagram),
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
            io::ErrorKind::ConnectionRefused,
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
async fn a_server_that_lets_nobody_in_is_timed_out() {
    let (listener, _first) = full_listener();
    let at = format!("tcp://{}", listener.local_addr().unwrap());
    for mode in [Mode::Request, Mode::Churn] {
        let asked = Options {
            count: None,
            duration: Some(TimeSpan(Duration::from_millis(500))),
            timeout: Some(TimeSpan(Duration::from_millis(100))),
            ..options(mode, 2, 1)
        };
        let failed = load_with(&at, plan::Options::default(), asked).await;
        let cause = failed.expect_err("nobody is let in");
        let cause = cause.cause();
        assert_eq!(cause.kind(), io::ErrorKind::TimedOut, "{mode}");
        assert_eq!(cause.to_string(), "no answer within 100ms", "{mode}");
    }
}

#[tokio::test]
async fn a_unix_backlog_that_stays_full_is_a_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let path = folder.path().join("s");
    socket
        .bind(&socket2::SockAddr::unix(&path).unwrap())
        .unwrap();
    socket.listen(0).unwrap();
    let asked = Options {
        count: None,
        duration: Some(TimeSpan(Duration::from_millis(500))),
        timeout: Some(TimeSpan(Duration::from_millis(100))),
        ..options(Mode::Churn, 3, 1)
    };
    let report = load(&unix_path(&folder), asked).await;
    // The first is let in and gets no answer.
    assert!(3 <= report.faults.timeout, "{}", report.to_json());
    assert_eq!(report.faults.timeout, report.faults.total());
    assert_eq!(report.sent.messages, report.unanswered);
}

#[tokio::test]
async fn a_load_that_is_stopped_while_it_connects_ends_at_once() {
    let (listener, _first) = full_listener();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost"] {
        let asked = Options {
            timeout: Some(TimeSpan(100 * DEADLINE)),
            ..options(Mode::Request, 2, 10)
        };
        let endpoint: Endpoint = format!("tcp://{host}:{port}").parse().unwrap();
        let plan = Plan::resolve(&endpoint, plan::Options::default(), asked).unwrap();
        let running = Load::resolve(plan).await.unwrap().start().unwrap();
        running.stop();
        let ended = tokio::time::timeout(DEADLINE, running.finish()).await;
        ended.expect("it ends").expect_err("it has not begun");
    }
}

#[tokio::test]
async fn a_group_and_everybody_are_never_loaded() {
    for endpoint in [
        "udp://[::ffff:239.1.1.1]:9",
        "udp://0xef.1.1.1:9",
        "udp://127.255.255.255:9",
        "tcp://255.255.255.255:9",
        "tcp://[::ffff:255.255.255.255]:9",
    ] {
        let plan = plan_of(endpoint);
        let error = Load::resolve(plan).await.expect_err(endpoint);
        assert_eq!(error.operation(), Operation::Load, "{endpoint}: {error}");
    }
}

#[tokio::test]
async fn what_leads_to_this_machine_is_this_machine() {
    for (host, is_local) in [
        ("0.0.0.0", true),
        ("[::]", true),
        ("[::ffff:127.0.0.1]", true),
        ("[::ffff:192.0.2.1]", false),
        ("192.0.2.1", false),
    ] {
        let plan = plan_of(&format!("tcp://{host}:9")); // port: nothing is ever opened there
        let load = Load::resolve(plan).await.unwrap();
        assert_eq!(load.is_local(), is_local, "{host}");
    }
}

#[tokio::test]
async fn a_local_address_that_is_not_ours_is_named() {
    for (scheme, bind) in [("tcp", "192.0.2.9"), ("tcp", "[::1]"), ("udp", "192.0.2.9")] {
        let endpoint = format!("{scheme}://127.0.0.1:9"); // port: nothing is ever opened there
        let failed = load_with(&endpoint, bound(bind), options(Mode::Request, 1, 1)).await;
        let error = failed.expect_err("it cannot be bound to");
        assert_eq!(error.to_string(), format!("cannot bind to {bind}"));
    }
}

#[tokio::test]
async fn what_a_stop_cuts_off_is_no_delay() {
    let server = serve("tcp://127.0.0.1:0", ServeOptions::default()).await;
    let asked = Options {
        pace: Pace::Open(Rate(100)),
        count: None,
        ..options(Mode::Request, 1, 1)
    };
    let endpoint: Endpoint = server.local()[0].parse().unwrap();
    let plan = Plan::resolve(&endpoint, plan::Options::default(), asked).unwrap();
    let mut running = Load::resolve(plan).await.unwrap().start().unwrap();
    let first = tokio::time::timeout(DEADLINE, running.progress()).await;
    first.expect("a second passes").expect("the load runs");
    running.stop();
    let report = tokio::time::timeout(DEADLINE, running.finish()).await;
    let report = report.expect("it ends").unwrap();
    assert_eq!(report.unsent, 0, "{}", report.to_json());
    end(server).await;
}

fn plan_of(endpoint: &str) -> Plan {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let asked = options(Mode::Request, 1, 1);
    Plan::resolve(&endpoint, plan::Options::default(), asked).unwrap()
}
