use super::*;
use crate::load::Rate;

fn plan(endpoint: &str, options: Options) -> Result<Plan, PlanError> {
    Plan::resolve(
        &endpoint.parse().unwrap(),
        plan::Options::default(),
        options,
    )
}

/// What is said of options that make no plan.
fn check(endpoint: &str, options: Options, said: &str) {
    let error = plan(endpoint, options).expect_err(said);
    assert_eq!(error.to_string(), said);
}

fn mode(mode: Mode) -> Options {
    Options {
        mode,
        ..Options::default()
    }
}

#[test]
fn what_nobody_told_is_decided() {
    let plan = plan("tcp://127.0.0.1:7000", Options::default()).unwrap();
    assert_eq!(
        (plan.connections, plan.threads, plan.size, plan.in_flight),
        (1, 1, 64, 1)
    );
    assert_eq!(
        plan.headline(),
        "tcp://127.0.0.1:7000: request, 1 connection, messages of 64B, as fast as it goes, for 10s"
    );
}

#[test]
fn a_one_way_load_has_larger_messages() {
    assert_eq!(
        plan("tcp://127.0.0.1:1", mode(Mode::OneWay)).unwrap().size,
        128 << 10
    );
    assert_eq!(
        plan("udp://127.0.0.1:1", mode(Mode::OneWay)).unwrap().size,
        1400
    );
    assert!(
        plan("tcp://127.0.0.1:1", mode(Mode::OneWay))
            .unwrap()
            .greets
    );
    assert!(!plan("tcp://127.0.0.1:1", mode(Mode::Churn)).unwrap().greets);
}

#[test]
fn an_open_load_has_many_under_way_but_not_more_than_fit() {
    let open = |connections| Options {
        pace: Pace::Open(Rate(1)),
        connections: Some(connections),
        ..Options::default()
    };
    assert_eq!(plan("tcp://127.0.0.1:1", open(10)).unwrap().in_flight, 256);
    let datagrams = |connections| {
        plan("udp://127.0.0.1:1", open(connections))
            .unwrap()
            .in_flight
    };
    assert_eq!((datagrams(1), datagrams(20_000)), (1_048_576, 52));
    assert_eq!(
        plan("tcp://127.0.0.1:1", open(20_000)).unwrap().in_flight,
        52
    );
}

#[test]
fn each_limit_names_the_value_and_itself() {
    let at = "tcp://127.0.0.1:1";
    let usual = Options::default;
    check(
        at,
        Options {
            connections: Some(30_000),
            ..usual()
        },
        "option `connections`: `30000` is not a number from 1 to 20000",
    );
    check(
        at,
        Options {
            pace: Pace::Paced(Rate(0)),
            ..usual()
        },
        "option `rate`: `0` is not a number from 1 to 10000000",
    );
    check(
        at,
        Options {
            duration: Some(TimeSpan(Duration::from_secs(7200))),
            ..usual()
        },
        "option `duration`: `2h` is not a time from 1ms to 1h",
    );
    check(
        at,
        Options {
            size: Some(ByteSize(17 << 20)),
            ..usual()
        },
        "option `size`: `17825792` is not a number from 1 to 16777216",
    );
    check(
        "udp://127.0.0.1:1",
        Options {
            size: Some(ByteSize(8)),
            ..usual()
        },
        "option `size`: `8` is not a number of bytes from 36, the header by which datagrams are \
         counted, to 65507",
    );
    check(
        at,
        Options {
            connections: Some(20_000),
            in_flight: Some(1024),
            ..usual()
        },
        "option `in-flight`: 20000 connections with 1024 messages each make 20480000, more than \
         1048576 under way",
    );
}

#[test]
fn what_does_not_fit_together_is_told() {
    check(
        "udp://127.0.0.1:1",
        mode(Mode::Churn),
        "`churn` has no meaning on udp; it belongs to tcp and unix",
    );
    check(
        "tcp://127.0.0.1:1",
        Options {
            in_flight: Some(2),
            ..mode(Mode::OneWay)
        },
        "`in-flight` has no meaning to `oneway`; it belongs to `request`",
    );
    check(
        "tcp://127.0.0.1:1?frame=len:u8",
        Options {
            size: Some(ByteSize(256)),
            ..Options::default()
        },
        "a message of 256 bytes cannot be sent: the message has 256 bytes, but its length field \
         can say 0 to 255; use a wider field, or another `adjust`",
    );
    check(
        "udp://239.1.2.3:1",
        Options::default(),
        "a load goes to one server, not to a group or to everybody",
    );
}

#[test]
fn a_framing_of_fixed_length_says_the_size() {
    assert_eq!(
        plan("tcp://127.0.0.1:1?frame=fixed:99", Options::default())
            .unwrap()
            .size,
        99
    );
}

#[test]
fn why_a_message_cannot_be_sent_is_told_once() {
    let asked = Options {
        size: Some(ByteSize(256)),
        ..Options::default()
    };
    let refused = plan("tcp://127.0.0.1:1?frame=len:u8", asked).unwrap_err();
    // Whoever prints an error prints its sources after it.
    assert!(std::error::Error::source(&refused).is_none());
}

#[test]
fn options_in_the_query_count_or_are_refused() {
    let timeout = |endpoint: &str| plan(endpoint, Options::default()).map(|plan| plan.timeout);
    assert_eq!(
        timeout("tcp://127.0.0.1:1?timeout=300ms"),
        Ok(Duration::from_millis(300))
    );
    let flag = Options {
        timeout: Some(TimeSpan(Duration::from_secs(1))),
        ..Options::default()
    };
    let told = plan("tcp://127.0.0.1:1?timeout=300ms", flag).unwrap();
    assert_eq!(told.timeout, Duration::from_secs(1));
    // What the server alone has is no mistake: both sides share an endpoint.
    assert!(timeout("tcp://127.0.0.1:1?backlog=9&max-peers=3&idle=9s").is_ok());
    for query in ["text=gbk", "split_every=3", "coalesce=1ms", "wire"] {
        let refused = timeout(&format!("tcp://127.0.0.1:1?{query}")).expect_err(query);
        let said = "has no meaning to a load; it belongs to `sockpit connect` and `sockpit listen`";
        assert!(refused.to_string().ends_with(said), "{refused}");
    }
}

#[test]
fn the_room_for_answers_is_shared() {
    let room = |endpoint: &str, answer, connections| {
        let asked = Options {
            answer,
            connections: Some(connections),
            ..Options::default()
        };
        plan(endpoint, asked).unwrap().session.max_frame
    };
    let at = "tcp://127.0.0.1:1?frame=lines";
    assert_eq!(room(at, Answer::Same, 1), 64 << 10);
    assert_eq!(room(at, Answer::Any, 1), 16 << 20);
    assert_eq!(room(at, Answer::Any, 1024), 1 << 20);
    assert_eq!(room(at, Answer::Any, 20_000), 64 << 10);
    let told = "tcp://127.0.0.1:1?frame=lines&max-frame=16MiB";
    assert_eq!(room(told, Answer::Same, 20_000), 16 << 20);
}

#[test]
fn what_was_decided_is_told_in_the_headline() {
    let asked = Options {
        connections: Some(4),
        threads: Some(2),
        pace: Pace::Open(Rate(50)),
        size: Some(ByteSize(9)),
        ..Options::default()
    };
    assert_eq!(
        plan("tcp://127.0.0.1:1?frame=lines", asked)
            .unwrap()
            .headline(),
        "tcp://127.0.0.1:1: request, 4 connections on 2 threads with 256 under way each, messages \
         of 9B framed as lines, 50/s on an open schedule, for 10s"
    );
}
