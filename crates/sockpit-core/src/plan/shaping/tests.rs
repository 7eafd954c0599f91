use proptest::prelude::*;

use super::*;
use crate::plan::{Plan, Role};

fn plan(endpoint: &str) -> Result<Plan, PlanError> {
    let endpoint = endpoint.parse().expect("the endpoint is well formed");
    Plan::resolve(Role::Client, &endpoint, Options::default())
}

fn check_error(endpoint: &str, message: &str) {
    let error = plan(endpoint).expect_err("the plan has a mistake");
    assert_eq!(error.to_string(), message);
}

fn writes(endpoint: &str) -> String {
    let plan = plan(endpoint).expect("the plan has no mistake").to_string();
    plan.lines()
        .find_map(|line| line.strip_prefix("writes      "))
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn the_plan_says_what_becomes_of_what_is_sent() {
    assert_eq!(writes("tcp://h:1"), "");
    assert_eq!(
        writes("tcp://h:1?split-every=1"),
        "the stream cut every 1B, 20ms between writes, which nodelay keeps apart"
    );
    assert_eq!(
        writes("tcp://h:1?split-at=3,-1&split-delay=0&nodelay=0"),
        "each message cut at 3,-1, 0s between writes, nodelay is off, so the system may join \
         them again"
    );
    assert_eq!(
        writes("unix:///s?coalesce=10ms&split-at=2"),
        "held for 10ms after the first byte, 1MiB at most, each message cut at 2, 20ms between \
         writes"
    );
    assert_eq!(
        writes("tcp://h:1?coalesce=64,5ms"),
        "held until 64B are there or 5ms after the first byte"
    );
    assert_eq!(writes("tcp://h:1?coalesce=2k"), "held until 2KiB are there");
}

#[test]
fn a_datagram_cannot_be_cut_and_the_error_says_why() {
    for key in ["split-at", "split-every", "split-delay", "coalesce"] {
        check_error(
            &format!("udp://h:1?{key}=1"),
            &format!(
                "`{key}` shapes the writes of a stream; on udp every send is one datagram, which \
                 is neither cut nor joined"
            ),
        );
    }
}

#[test]
fn what_cannot_be_meant_is_an_error() {
    check_error(
        "tcp://h:1?split-at=1&split-every=1",
        "`split-at` cuts each message and `split-every` the whole stream; choose one of them",
    );
    check_error(
        "tcp://h:1?split-delay=1",
        "`split-delay` is the pause between pieces; say with `split-at` or `split-every` where \
         they are cut",
    );
    check_error(
        "tcp://h:1?split-every=0",
        "option `split-every`: `0` is not a number of bytes from 1",
    );
    for text in ["0", "", "1,", "x", "99999999999999999999"] {
        assert!(text.parse::<SplitAt>().is_err(), "{text}");
    }
    for text in ["0", "", "1,2", "1s,2s", "x", "17MiB", "1,1s,1"] {
        assert!(text.parse::<Coalesce>().is_err(), "{text}");
    }
    for text in [
        "",
        "off at 1",
        "at",
        "every 0",
        "delay 1s",
        "at 1 every 1",
        "coalesce 1 delay 1s",
    ] {
        assert!(text.parse::<Shaping>().is_err(), "{text}");
    }
}

#[test]
fn offsets_count_from_either_end() {
    let places = |text: &str, len| text.parse::<SplitAt>().unwrap().places(len);
    assert_eq!(places("3,-1,3", 10), [3, 9]);
    assert_eq!(places("-3,1", 2), [1]);
    assert_eq!(places("5,-5", 5), [] as [usize; 0]);
    assert_eq!(places("1", 0), [] as [usize; 0]);
    assert_eq!(places("-9223372036854775808", 5), [] as [usize; 0]);
}

proptest! {
    #[test]
    fn a_shaping_survives_being_written(
        at in proptest::option::of(proptest::collection::vec(-50i64..50, 1..4)),
        every in 1usize..5000,
        bytes in proptest::option::of(1usize..5000),
        time in proptest::option::of(0u64..5000),
        delay in 0u64..5000,
    ) {
        let split = match at.map(|at| at.into_iter().filter(|at| *at != 0).collect::<Vec<_>>()) {
            Some(at) if !at.is_empty() => Some(Split::At(SplitAt(at))),
            Some(_) => NonZeroUsize::new(every).map(Split::Every),
            None => None,
        };
        let coalesce = (bytes.is_some() || time.is_some()).then(|| Coalesce {
            bytes: bytes.and_then(NonZeroUsize::new),
            time: time.map(Duration::from_millis),
        });
        let delay = match &split {
            Some(_) => Duration::from_millis(delay),
            None => Duration::ZERO,
        };
        let shaping = Shaping { coalesce, split, delay };
        prop_assert_eq!(shaping.to_string().parse(), Ok(shaping));
    }
}
