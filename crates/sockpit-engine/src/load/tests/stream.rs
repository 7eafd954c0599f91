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
