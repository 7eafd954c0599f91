use std::collections::VecDeque;
use std::os::unix::net::UnixDatagram;

use super::*;

#[tokio::test]
async fn datagrams_are_answered_and_counted() {
    let asked = Options {
        in_flight: Some(4),
        ..options(Mode::Request, 5, 2000)
    };
    let (report, _) = pair("udp://127.0.0.1:0", asked).await;
    let order = report.order.expect("datagrams have an order");
    assert_eq!(report.sent.messages, 2000);
    assert_eq!(report.received.messages, 2000);
    assert_eq!(
        (order.unique, order.reordered, order.duplicates),
        (2000, 0, 0)
    );
    assert!(report.is_clean(), "{}", report.to_json());
}

#[tokio::test]
async fn a_slow_blast_arrives_whole() {
    // A socket has room for all of them, where the system gives it no more than it has to, so that
    // none is lost to a server that has no processor meanwhile.
    let asked = Options {
        pace: Pace::Paced(Rate(2000)),
        size: Some(ByteSize(100)),
        ..options(Mode::OneWay, 2, 300)
    };
    let (report, served) = pair("udp://127.0.0.1:0", asked).await;
    let sink = report.sink.expect("the server tells");
    assert_eq!(report.sent.messages, 300);
    assert_eq!((sink.messages, sink.order.unique), (300, 300));
    assert_eq!(report.lost(), Some(0));
    // It was asked for them besides.
    assert!(301 <= served.messages);
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
    let socket = UnixDatagram::bind(&path).unwrap();
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
async fn what_is_lost_doubled_and_late_adds_up() {
    let mut held = None;
    let at = answering(move |socket, datagram, from| {
        let number = number_of(datagram);
        match number {
            10 | 20 | 30 => {}
            40 | 50 => {
                socket.send_to(datagram, from).unwrap();
                socket.send_to(datagram, from).unwrap();
            }
            60 => held = Some(datagram.to_vec()),
            _ => {
                socket.send_to(datagram, from).unwrap();
                if let Some(held) = held.take() {
                    socket.send_to(&held, from).unwrap();
                }
            }
        }
    });
    let asked = Options {
        in_flight: Some(8),
        timeout: Some(TimeSpan(Duration::from_secs(1))),
        ..options(Mode::Request, 1, 100)
    };
    let report = load(&at, asked).await;
    let order = report.order.expect("datagrams have an order");
    assert_eq!(
        (order.unique, order.duplicates, order.reordered),
        (97, 2, 1),
        "{}",
        report.to_json()
    );
    assert_eq!((report.lost(), report.unanswered), (Some(3), 3));
    assert_eq!((report.received.messages, report.late), (97, 0));
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_late_and_not_lost() {
    let mut held = VecDeque::new();
    let at = answering(move |socket, datagram, from| {
        held.push_back(datagram.to_vec());
        if 100 < held.len() {
            let oldest = held.pop_front().unwrap();
            socket.send_to(&oldest, from).unwrap();
        }
    });
    // Each answer comes half a second after its message, and the last hundred never do.
    let asked = Options {
        pace: Pace::Open(Rate(200)),
        timeout: Some(TimeSpan(Duration::from_millis(50))),
        ..options(Mode::Request, 1, 200)
    };
    let report = load(&at, asked).await;
    assert!(0 < report.late, "{}", report.to_json());
    assert_eq!(report.sent.messages, 200);
    assert_eq!(report.received.messages + report.unanswered, 200);
    assert_eq!(report.lost(), Some(report.unanswered - report.late));
}

#[tokio::test]
async fn a_unix_server_that_comes_back_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let at = format!("unixgram://{}", path.display());
    let mut socket = UnixDatagram::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let mut bytes = [0; 2048];
        for _ in 0..2 {
            for _ in 0..20 {
                let (len, from) = socket.recv_from(&mut bytes).unwrap();
                socket.send_to_addr(&bytes[..len], &from).unwrap();
            }
            std::fs::remove_file(&path).unwrap();
            socket = UnixDatagram::bind(&path).unwrap();
        }
    });
    let asked = Options {
        pace: Pace::Paced(Rate(100)),
        duration: Some(TimeSpan(Duration::from_secs(3))),
        timeout: Some(TimeSpan(Duration::from_millis(500))),
        count: None,
        ..options(Mode::Request, 1, 1)
    };
    let report = load(&at, asked).await;
    assert_eq!(report.received.messages, 40, "{}", report.to_json());
    assert!(1 <= report.faults.refused, "{}", report.to_json());
    assert_eq!(report.faults.other, 0, "{}", report.to_json());
    server.join().unwrap();
}

#[tokio::test]
async fn a_unix_client_whose_queue_is_full_gets_its_answers_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("unixgram://{}", folder.path().join("s").display());
    let asked = Options {
        in_flight: Some(64),
        ..options(Mode::Request, 3, 3000)
    };
    let (report, served) = pair(&at, asked).await;
    assert_eq!(report.received.messages, 3000, "{}", report.to_json());
    assert!(report.is_clean(), "{}", report.to_json());
    assert_eq!(served.faults, 0);
}

#[tokio::test]
async fn a_path_that_was_bound_to_is_left_to_the_next_load() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("unixgram://{}", folder.path().join("s").display());
    let server = serve(&at, ServeOptions::default()).await;
    let client = folder.path().join("c");
    for _ in 0..2 {
        let asked = options(Mode::Request, 1, 10);
        let report = load_with(&at, bound(client.to_str().unwrap()), asked).await;
        assert!(report.unwrap().is_clean());
        assert!(!client.exists());
    }
    end(server).await;
}

#[tokio::test]
async fn a_local_port_that_somebody_has_is_told() {
    let server = serve("udp://127.0.0.1:0", ServeOptions::default()).await;
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = taken.local_addr().unwrap().to_string();
    let at = server.local()[0].clone();
    let asked = options(Mode::Request, 1, 10);
    let error = load_with(&at, bound(&local), asked)
        .await
        .expect_err("somebody has it");
    assert_eq!(error.operation(), Operation::Bind);
    assert_eq!(error.target(), local);
    end(server).await;
}

/// A server of datagrams that answers as `answer` says, until nothing has come for a while.
fn answering(mut answer: impl FnMut(&UdpSocket, &[u8], SocketAddr) + Send + 'static) -> String {
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
async fn a_window_of_datagrams_is_filled_before_the_first_answer() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let endpoint = format!("udp://{}", socket.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut bytes = [0; 2048];
        let asked: Vec<_> = (0..150)
            .map(|_| {
                let (len, peer) = socket.recv_from(&mut bytes).expect("all are under way");
                (bytes[..len].to_vec(), peer)
            })
            .collect();
        for (bytes, peer) in asked {
            socket.send_to(&bytes, peer).unwrap();
        }
    });
    let asked = Options {
        in_flight: Some(150),
        ..options(Mode::Request, 1, 150)
    };
    let report = load(&endpoint, asked).await;
    server.join().unwrap();
    assert_eq!(report.received.messages, 150, "{}", report.to_json());
}
