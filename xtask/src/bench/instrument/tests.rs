use super::*;

#[test]
fn what_iperf3_says_of_its_receiver_is_understood() {
    let text = r#"{"start": {}, "end": {"sum_sent": {"packets": 9}, "sum_received": {
        "start": 0, "seconds": 2.0, "bytes": 100, "bits_per_second": 80.0,
        "lost_packets": 2, "packets": 10, "sender": false}}}"#;
    let Iperf { end } = serde_json::from_str(text).unwrap();
    let sum = end.sum_received;
    assert_eq!(
        (sum.seconds, sum.packets, sum.lost_packets),
        (2.0, 10.0, 2.0)
    );
    // On TCP there are no packets.
    let text = r#"{"end": {"sum_received": {"seconds": 1.0, "bits_per_second": 8.0}}}"#;
    let Iperf { end } = serde_json::from_str(text).unwrap();
    assert_eq!(end.sum_received.packets, 0.0);
}

#[test]
fn what_our_own_load_says_is_understood() {
    let text = r#"{"v": 1, "event": "report", "elapsed_ns": 2000000000,
        "sent": {"messages": 10, "bytes": 640}, "received_per_second": 4.5,
        "latency": {"count": 9, "mean": 1000, "p50": 900, "p99": 2000},
        "sink": {"messages": 9, "bytes": 576, "elapsed_ns": 1}}"#;
    let loaded: Loaded = serde_json::from_str(text).unwrap();
    assert_eq!(loaded.sink.unwrap().messages, 9.0);
    assert_eq!(loaded.latency.p50, 900.0);
    let text = text.replace(r#"{"messages": 9, "bytes": 576, "elapsed_ns": 1}"#, "null");
    assert!(
        serde_json::from_str::<Loaded>(&text)
            .unwrap()
            .sink
            .is_none()
    );
}

#[test]
fn a_number_is_found_behind_its_mark() {
    let text = "sockperf: ---> percentile 50.000 =   13.510\nRequests/sec: 123456.78\n";
    assert_eq!(after(text, "percentile 50.000 ="), Some(13.51));
    assert_eq!(after(text, "Requests/sec:"), Some(123_456.78));
    assert_eq!(after(text, "percentile 99.000 ="), None);
}

#[test]
fn a_part_of_a_second_is_a_whole_one_elsewhere() {
    assert_eq!(whole_seconds(Duration::from_millis(300)), "1");
    assert_eq!(whole_seconds(Duration::from_millis(1500)), "2");
    assert_eq!(whole_seconds(Duration::from_secs(2)), "2");
}
