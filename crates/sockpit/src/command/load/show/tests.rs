use sockpit_core::load::{Ending, Gathering, Options, Plan, Summary};
use sockpit_core::plan;

use super::*;

fn progress() -> Progress {
    Progress {
        second: 3,
        elapsed: Duration::from_secs(3),
        span: Duration::from_secs(1),
        connected: 50,
        sent: 12_345,
        received: 12_300,
        sent_bytes: 790_080,
        received_bytes: 787_200,
        latency: Summary {
            count: 12_300,
            p50: 87_000,
            p99: 210_000,
            max: 1_230_000,
            ..Summary::default()
        },
        faults: 0,
        lag: Duration::from_millis(1),
    }
}

#[test]
fn a_second_is_one_line() {
    assert_eq!(
        line(Mode::Request, &progress()),
        "  3 s  12.3k/s  787 kB/s  p50 87.0 µs  p99 210 µs  max 1.23 ms  50 open"
    );
}

#[test]
fn one_way_has_what_was_sent_and_no_latency() {
    let progress = Progress {
        latency: Summary::default(),
        sent_bytes: 4_210_000_000,
        ..progress()
    };
    assert_eq!(
        line(Mode::OneWay, &progress),
        "  3 s  12.3k/s  4.21 GB/s  50 open"
    );
}

#[test]
fn half_a_second_has_the_rate_of_a_whole_one() {
    let progress = Progress {
        span: Duration::from_millis(500),
        latency: Summary::default(),
        ..progress()
    };
    assert_eq!(
        line(Mode::Request, &progress),
        "  3 s  24.6k/s  1.57 MB/s  50 open"
    );
}

#[test]
fn what_goes_wrong_is_told_at_the_end() {
    let progress = Progress {
        faults: 7,
        lag: Duration::from_millis(1500),
        ..progress()
    };
    let line = line(Mode::Request, &progress);
    assert!(
        line.ends_with("  50 open  7 faults  1.50 s behind"),
        "{line}"
    );
}

#[test]
fn values_stand_in_a_column() {
    let row = |name: &str, value: &str| Row {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let rows = [row("time", "10 s"), row("延迟 p50", "87 µs")];
    assert_eq!(table(&rows), "time      10 s\n延迟 p50  87 µs\n");
    assert_eq!(table(&[]), "");
}

#[test]
fn a_processor_that_was_hardly_used_is_not_said_to_be_unused() {
    let endpoint = "tcp://127.0.0.1:7000".parse().unwrap(); // port: nothing is opened
    let plan = Plan::resolve(&endpoint, plan::Options::default(), Options::default());
    let ending = Ending {
        target: String::new(),
        elapsed: 500_000_000,
        is_stopped: false,
        unsent: 0,
        sink: None,
    };
    let report = Gathering::new().report(&plan.unwrap(), ending);
    let told = |whole, user, system| {
        let [whole, user, system] = [whole, user, system].map(Duration::from_millis);
        let rows = rows(
            &report,
            Some(ProcessorTime {
                whole,
                user,
                system,
            }),
        );
        let last = rows.last().expect("it is the last");
        assert_eq!(last.name, "processor time");
        last.value.clone()
    };
    assert_eq!(told(4, 0, 0), "4.00 ms, <1 % of one processor");
    assert_eq!(told(99, 0, 90), "99.0 ms, 20 % of one processor");
    assert_eq!(
        told(410, 60, 350),
        "410 ms (60.0 ms program, 350 ms system), 82 % of one processor"
    );
    assert_eq!(
        told(250, 0, 250),
        "250 ms (<10.0 ms program, 250 ms system), 50 % of one processor"
    );
}
