use super::*;
use crate::load::wire::Counts;
use crate::load::{Ending, Gathering, Options, Order, Plan, Tally};
use crate::plan;

fn report(endpoint: &str, mode: Mode, sink: Option<Counts>) -> Report {
    let options = Options {
        mode,
        ..Options::default()
    };
    let plan = Plan::resolve(
        &endpoint.parse().unwrap(),
        plan::Options::default(),
        options,
    );
    let mut gathering = Gathering::new();
    let mut tally = Tally::default();
    for _ in 0..2000 {
        tally.sent.count(1400);
    }
    gathering.second(1_000_000_000, &tally);
    let ending = Ending {
        target: endpoint.to_owned(),
        elapsed: 1_000_000_000,
        is_stopped: false,
        unsent: 0,
        sink,
    };
    gathering.report(&plan.unwrap(), ending)
}

/// The table as lines.
fn lines(report: &Report) -> Vec<String> {
    let rows = report.rows().into_iter();
    rows.map(|row| format!("{}: {}", row.name, row.value))
        .collect()
}

#[test]
fn a_blast_tells_what_was_lost_on_the_way() {
    let sink = Counts {
        run: 0,
        messages: 1508,
        bytes: 1508 * 1400,
        order: Order {
            unique: 1500,
            reordered: 3,
            duplicates: 1,
            stale: 7,
        },
        elapsed_ns: 1_000_000_000,
    };
    let report = report("udp://127.0.0.1:1", Mode::OneWay, Some(sink));
    assert_eq!(
        lines(&report),
        [
            "time: 1.00 s",
            "sent: 2000 (2000/s)",
            "throughput: 2.80 MB/s",
            "received by the server: 1508 (1508/s)",
            "lost: 500 (25.0 %)",
            "reordered: 3",
            "duplicates: 1",
            "too late: 7",
        ]
    );
}

#[test]
fn what_came_all_at_once_has_no_rate() {
    for (endpoint, told) in [
        ("udp://127.0.0.1:1", "received by the server: 1"),
        ("tcp://127.0.0.1:1", "received by the server: 1400 bytes"),
    ] {
        let sink = Counts {
            messages: 1,
            bytes: 1400,
            order: Order {
                unique: 1,
                ..Order::default()
            },
            ..Counts::default()
        };
        let lines = lines(&report(endpoint, Mode::OneWay, Some(sink)));
        assert!(lines.iter().any(|line| line == told), "{lines:?}");
    }
}

#[test]
fn one_message_at_the_end_is_no_delay() {
    let mut report = report("tcp://127.0.0.1:1", Mode::Request, None);
    report.unsent = 1;
    report.sent.messages = 100;
    assert_eq!(report.notes(), [] as [&str; 0]);
    report.unsent = 2;
    assert!(report.notes()[0].starts_with("sending fell behind its schedule: 2 messages"));
}

#[test]
fn what_ran_out_is_told_with_the_way_out() {
    let mut report = report("tcp://127.0.0.1:1", Mode::Churn, None);
    report.faults.no_descriptor = 3;
    report.faults.no_port = 3;
    let notes = report.notes();
    assert!(notes[0].contains("`--reset`"), "{notes:?}");
    assert!(notes[1].contains("`ulimit -n`"), "{notes:?}");
    // Nothing was closed, which would keep a port.
    report.mode = Mode::Request;
    report.connections = 2;
    let notes = report.notes();
    assert!(
        notes[0].contains("`net.ipv4.ip_local_port_range`"),
        "{notes:?}"
    );
}

#[test]
fn why_answers_were_malformed_is_told_with_the_way_out() {
    let mut report = report("tcp://127.0.0.1:1", Mode::Request, None);
    assert_eq!(report.notes(), [] as [&str; 0]);
    report.faults.malformed = 1;
    assert!(report.notes()[0].ends_with("`--frame` says where an answer ends"));
    report.frame = "lines".to_owned();
    assert!(report.notes()[0].contains("does not fit `--frame`"));
    report.is_stream = false;
    assert!(report.notes()[0].ends_with("`--any-answer` takes any"));
    report.answer = Answer::Any;
    assert!(report.notes()[0].ends_with("no message waited for one"));
}

#[test]
fn datagrams_that_hold_their_connection_up_are_told() {
    let mut report = report("udp://127.0.0.1:1", Mode::Request, None);
    report.unanswered = 1;
    assert!(report.notes()[0].starts_with("1 datagram was not answered"));
    report.unanswered = 3;
    assert!(report.notes()[0].starts_with("3 datagrams were not answered"));
    report.is_stopped = true;
    assert_eq!(report.notes(), ["it was ended before its time"]);
    report.is_stopped = false;
    report.in_flight = 2;
    assert_eq!(report.notes(), [] as [&str; 0], "the other one goes on");
    report.in_flight = 1;
    report.pace = Pace::Open(crate::load::Rate(100));
    assert_eq!(report.notes(), [] as [&str; 0]);
}

#[test]
fn a_one_way_load_of_a_server_that_tells_nothing_says_so() {
    let report = report("tcp://127.0.0.1:1", Mode::OneWay, None);
    assert_eq!(report.lost(), None);
    assert_eq!(report.notes().len(), 1);
    assert!(report.notes()[0].starts_with("the server told no counts"));
}

#[test]
fn numbers_have_three_digits_that_count() {
    let check = |value: f64, expected: &str| assert_eq!(number(value), expected);
    check(0.0, "0");
    check(12.34, "12.3");
    check(1234.0, "1234");
    check(138_400.0, "138k");
    check(1_384_000.0, "1.38M");
    assert_eq!(bytes_per_second(4.6e9), "4.60 GB/s");
    assert_eq!(share(1, 3), "33.3 %");
    assert_eq!(share(1, 100_000), "0.001 %");
}
