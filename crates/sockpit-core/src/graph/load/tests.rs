use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::load::wire::Counts;
use crate::load::{Ending, Gathering, Options, Plan, Tally};
use crate::time::TimeSpan;

/// A report of a load on an endpoint: what each second was like.
fn report(endpoint: &str, mode: Mode, seconds: &[(u64, Tally)]) -> Report {
    let endpoint = endpoint.parse().expect("an endpoint of this test");
    let ask = Options {
        mode,
        duration: Some(TimeSpan(Duration::from_secs(3))),
        ..Options::default()
    };
    let plan = Plan::resolve(&endpoint, crate::plan::Options::default(), ask);
    let plan = plan.expect("a plan of this test");
    let mut gathering = Gathering::new();
    for (until, tally) in seconds {
        gathering.second(*until, tally);
    }
    let ending = Ending {
        target: endpoint.to_string(),
        elapsed: seconds.last().map_or(0, |(until, _)| *until),
        is_stopped: false,
        unsent: 0,
        sink: None,
    };
    gathering.report(&plan, ending)
}

fn second(messages: u64, latencies: &[u64]) -> Tally {
    let mut tally = Tally::default();
    tally.sent.messages = messages;
    tally.sent.bytes = messages.saturating_mul(64);
    tally.received = tally.sent;
    for latency in latencies {
        tally.latency.record(*latency);
    }
    tally
}

const SECOND: u64 = 1_000_000_000;

/// Where the paths of the drawing go.
fn paths(drawing: &str) -> Vec<&str> {
    drawing
        .split(" d=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn latency_and_messages_are_drawn_over_time() {
    let seconds = [
        (SECOND, second(1000, &[90_000, 100_000, 4_000_000])),
        (2 * SECOND, second(2000, &[90_000, 100_000, 400_000])),
    ];
    let report = report("tcp://127.0.0.1:7000", Mode::Request, &seconds);
    let drawing = svg(&report, 960, 640, Language::English);
    for part in [
        "load  tcp://127.0.0.1:7000",
        "1 connection",
        "messages of 64B",
        "as fast as it goes",
        "p99.99 4.00 ms",
        "time since the start, s",
        ">100 µs<",
        ">10 ms<",
    ] {
        assert!(drawing.contains(part), "{part}\n{drawing}");
    }
    // Max, p99 and p50; sent and answered.
    assert_eq!(paths(&drawing).len(), 5, "{drawing}");
    let chinese = svg(&report, 960, 640, Language::Chinese);
    assert!(
        chinese.contains("延迟") && chinese.contains("负载"),
        "{chinese}"
    );
}

#[test]
fn a_load_one_way_has_throughput_in_the_place_of_latency() {
    let seconds = [(SECOND, second(1000, &[]))];
    let report = report("tcp://127.0.0.1:7000", Mode::OneWay, &seconds);
    let drawing = svg(&report, 640, 480, Language::English);
    assert!(drawing.contains("throughput, kB/s"), "{drawing}");
    assert_eq!(paths(&drawing).len(), 2, "{drawing}");
}

#[test]
fn what_went_wrong_is_in_the_heading() {
    let mut tally = second(1000, &[90_000]);
    tally.received.messages = 900;
    tally.unanswered = 100;
    tally.faults.count(crate::load::Fault::Reset);
    let report = report("tcp://127.0.0.1:7000", Mode::Request, &[(SECOND, tally)]);
    let drawing = svg(&report, 960, 640, Language::English);
    assert!(
        drawing.contains("1 connection · 100 unanswered · 1 faults"),
        "{drawing}"
    );
    let chinese = svg(&report, 960, 640, Language::Chinese);
    assert!(chinese.contains("无应答 100"), "{chinese}");
}

#[test]
fn what_is_lost_and_what_is_late_are_told_apart() {
    let mut tally = second(1000, &[90_000]);
    tally.received.messages = 900;
    tally.unanswered = 100;
    tally.late = 60;
    let mut report = report("udp://127.0.0.1:7000", Mode::Request, &[(SECOND, tally)]);
    let order = report.order.as_mut().expect("datagrams have an order");
    order.unique = 960;
    let drawing = svg(&report, 960, 640, Language::English);
    let told = "1 connection · 40 lost · 60 late answers · p50";
    assert!(drawing.contains(told), "{drawing}");
}

#[test]
fn a_stream_loses_bytes() {
    let seconds = [(SECOND, second(1000, &[]))];
    let mut report = report("tcp://127.0.0.1:7000", Mode::OneWay, &seconds);
    report.sink = Some(Counts {
        bytes: 63_000,
        ..Counts::default()
    });
    let drawing = svg(&report, 960, 640, Language::English);
    assert!(drawing.contains("1000 bytes lost"), "{drawing}");
}

#[test]
fn a_second_without_an_answer_is_a_gap() {
    let seconds = [
        (SECOND, second(1000, &[90_000])),
        (2 * SECOND, second(1000, &[])),
        (3 * SECOND, second(1000, &[90_000])),
    ];
    let report = report("tcp://127.0.0.1:7000", Mode::Request, &seconds);
    let drawing = svg(&report, 640, 480, Language::English);
    let moves = |path: &&str| path.matches('M').count();
    assert_eq!(paths(&drawing).iter().map(moves).max(), Some(2));
}

#[test]
fn a_rest_of_a_second_is_not_drawn_as_one() {
    let seconds = [
        (SECOND, second(1000, &[90_000])),
        (SECOND + 1_000_000, second(30, &[90_000])),
    ];
    let report = report("tcp://127.0.0.1:7000", Mode::Request, &seconds);
    assert_eq!(super::seconds(&report).len(), 1);
}

#[test]
fn a_load_without_a_second_says_so() {
    let report = report("tcp://127.0.0.1:7000", Mode::Request, &[]);
    let drawing = svg(&report, 640, 480, Language::English);
    assert!(drawing.contains("it was over before it began"), "{drawing}");
}

#[test]
fn an_address_is_escaped() {
    let seconds = [(SECOND, second(1, &[1]))];
    let report = report("unix:/tmp/%3Cb%3E&", Mode::Request, &seconds);
    let drawing = svg(&report, 640, 480, Language::English);
    assert!(
        !drawing.contains("<b>") && drawing.contains("&lt;b&gt;"),
        "{drawing}"
    );
}

proptest! {
    #[test]
    fn any_load_can_be_drawn(
        seconds in prop::collection::vec((1..10_000_000_000_u64, any::<u32>(), prop::collection::vec(any::<u64>(), 0..4)), 0..6),
        width in any::<u32>(),
        height in any::<u32>(),
        mode in prop::sample::select(Mode::ALL.as_slice()),
    ) {
        let mut until = 0;
        let seconds: Vec<_> = seconds
            .into_iter()
            .map(|(span, messages, latencies)| {
                until = span.saturating_add(until);
                (until, second(messages.into(), &latencies))
            })
            .collect();
        let report = report("tcp://127.0.0.1:7000", mode, &seconds);
        let drawing = svg(&report, width, height, Language::English);
        prop_assert!(drawing.ends_with("</svg>\n") && !drawing.contains("NaN"));
    }
}
