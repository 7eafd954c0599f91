use super::*;
use crate::load::{Fault, Options, Rate};
use crate::plan;

fn plan_of(endpoint: &str, options: Options) -> Plan {
    Plan::resolve(
        &endpoint.parse().unwrap(),
        plan::Options::default(),
        options,
    )
    .unwrap()
}

fn tally(sent: u64, received: u64) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..sent {
        tally.sent.count(64);
    }
    for index in 0..received {
        tally.received.count(64);
        tally.latency.record(1000 + index);
    }
    tally.connected = 2;
    tally
}

fn ending(elapsed: u64) -> Ending {
    Ending {
        target: "tcp://127.0.0.1:7000".to_owned(),
        elapsed,
        is_stopped: false,
        unsent: 0,
        sink: None,
    }
}

#[test]
fn seconds_add_up_to_the_total() {
    let mut gathering = Gathering::new();
    let first = gathering.second(1_000_000_000, &tally(100, 90));
    assert_eq!((first.second, first.sent, first.received), (1, 100, 90));
    let second = gathering.second(1_500_000_000, &tally(50, 55));
    assert_eq!((second.second, second.sent), (2, 50));
    gathering.rest(&tally(0, 5));
    let plan = plan_of("tcp://127.0.0.1:7000", Options::default());
    let report = gathering.report(&plan, ending(1_500_000_000));
    assert_eq!((report.sent.messages, report.received.messages), (150, 150));
    assert_eq!(report.sent_per_second, 100.0);
    assert_eq!(report.seconds.len(), 2);
    assert_eq!(report.seconds[1].span_ns, 500_000_000);
    assert!(report.is_clean());
}

#[test]
fn threads_are_added_and_their_lag_is_the_worst() {
    let mut sum = tally(1, 1);
    let mut other = tally(2, 2);
    other.lag = 7;
    other.faults.count(Fault::Reset);
    sum.merge(&other);
    assert_eq!((sum.sent.messages, sum.connected, sum.lag), (3, 4, 7));
    assert_eq!(sum.faults.total(), 1);
}

#[test]
fn a_datagram_without_an_answer_is_lost() {
    let plan = plan_of("udp://127.0.0.1:7000", Options::default());
    let mut gathering = Gathering::new();
    let mut counted = tally(10, 8);
    counted.order.unique = 8;
    counted.unanswered = 2;
    gathering.second(1_000_000_000, &counted);
    let report = gathering.report(&plan, ending(1_000_000_000));
    assert_eq!(report.lost(), Some(2));
    assert!(!report.is_clean());
}

#[test]
fn counts_that_cannot_be_are_a_malformed_answer() {
    let order = |unique| Order {
        unique,
        ..Order::default()
    };
    for (endpoint, counts) in [
        (
            "tcp://127.0.0.1:7000",
            Counts {
                bytes: u64::MAX,
                ..Counts::default()
            },
        ),
        (
            "udp://127.0.0.1:7000",
            Counts {
                messages: u64::MAX,
                order: order(u64::MAX),
                ..Counts::default()
            },
        ),
        (
            "udp://127.0.0.1:7000",
            Counts {
                messages: 3,
                order: order(4),
                ..Counts::default()
            },
        ),
        (
            "udp://127.0.0.1:7000",
            Counts {
                messages: 10,
                order: Order {
                    reordered: u64::MAX,
                    ..order(5)
                },
                ..Counts::default()
            },
        ),
    ] {
        let options = Options {
            mode: Mode::OneWay,
            ..Options::default()
        };
        let mut gathering = Gathering::new();
        gathering.second(1_000_000_000, &tally(10, 0));
        let ending = Ending {
            sink: Some(counts),
            ..ending(1_000_000_000)
        };
        let report = gathering.report(&plan_of(endpoint, options), ending);
        assert_eq!((report.sink, report.faults.malformed), (None, 1));
    }
}

#[test]
fn the_json_form_is_one_line_with_its_version() {
    let options = Options {
        pace: Pace::Open(Rate(100)),
        ..Options::default()
    };
    let report = Gathering::new().report(&plan_of("tcp://127.0.0.1:7000", options), ending(0));
    let json = report.to_json();
    assert!(!json.contains('\n'));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["v"], 1);
    assert_eq!(value["pace"]["open"], 100);
    assert_eq!(value["mode"], "request");
    assert_eq!(value["latency"]["p99_99"], 0);
}

#[test]
fn what_came_after_the_end_is_in_no_rate() {
    let plan = plan_of("tcp://127.0.0.1:7000", Options::default());
    let mut gathering = Gathering::new();
    gathering.second(1_000_000_000, &tally(150, 50));
    gathering.rest(&tally(0, 90));
    let mut report = gathering.report(&plan, ending(1_000_000_000));
    assert_eq!((report.received.messages, report.latency.count), (140, 140));
    assert_eq!(report.received_per_second, 50.0);
    assert_eq!(report.received_bytes_per_second, 50.0 * 64.0);
    assert_eq!(report.received_after.messages, 90);
    report.unanswered = report.sent.messages - report.received.messages;
    let rows = report.rows();
    let row = |name: &str| rows.iter().find(|row| row.name == name);
    let value = |name: &str| row(name).map(|row| row.value.as_str());
    assert_eq!(value("answers"), Some("140 (50.0/s)"));
    assert_eq!(value("of them after the end"), Some("90"));
    assert_eq!(value("unanswered"), Some("10"));
}

#[test]
fn the_few_that_are_under_way_at_any_end_have_no_row() {
    let plan = plan_of("tcp://127.0.0.1:7000", Options::default());
    let mut gathering = Gathering::new();
    gathering.second(1_000_000_000, &tally(1000, 995));
    gathering.rest(&tally(0, 5));
    let report = gathering.report(&plan, ending(1_000_000_000));
    assert_eq!(report.received_after.messages, 5);
    let is_after = |row: &crate::load::Row| row.name == "of them after the end";
    assert!(!report.rows().iter().any(is_after));
}
