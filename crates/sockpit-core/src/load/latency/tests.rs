use proptest::prelude::*;

use super::*;

#[test]
fn none_come_to_nothing() {
    assert_eq!(Latencies::new().summary(), Summary::default());
}

#[test]
fn percentiles_are_those_of_the_values() {
    let mut latencies = Latencies::new();
    for micros in 1..=10_000_u64 {
        latencies.record(micros * 1000);
    }
    let summary = latencies.summary();
    let near = |value: u64, expected: u64| value.abs_diff(expected) * 1000 <= expected;
    assert_eq!((summary.count, summary.mean), (10_000, 5_000_500));
    for (value, expected) in [
        (summary.min, 1_000),
        (summary.p50, 5_000_000),
        (summary.p90, 9_000_000),
        (summary.p99, 9_900_000),
        (summary.p99_9, 9_990_000),
        (summary.p99_99, 9_999_000),
        (summary.max, 10_000_000),
    ] {
        assert!(near(value, expected), "{value} for {expected}");
    }
}

#[test]
fn more_than_an_hour_is_an_hour() {
    let mut latencies = Latencies::new();
    latencies.record(u64::MAX);
    let hour = MAX_DURATION.as_nanos() as u64;
    assert!(latencies.summary().max.abs_diff(hour) < hour / 1000);
}

proptest! {
    #[test]
    fn merged_is_as_if_all_had_been_recorded_in_one(
        first in prop::collection::vec(0..10_000_000_000_u64, 0..50),
        second in prop::collection::vec(0..10_000_000_000_u64, 0..50),
    ) {
        let fill = |values: &[u64]| {
            let mut latencies = Latencies::new();
            values.iter().for_each(|value| latencies.record(*value));
            latencies
        };
        let mut merged = fill(&first);
        merged.merge(&fill(&second));
        prop_assert_eq!(merged.summary(), fill(&[first, second].concat()).summary());
    }

    #[test]
    fn percentiles_rise(values in prop::collection::vec(0..u64::MAX, 1..200)) {
        let mut latencies = Latencies::new();
        values.iter().for_each(|value| latencies.record(*value));
        let s = latencies.summary();
        let rising = [s.min, s.p50, s.p90, s.p99, s.p99_9, s.p99_99, s.max];
        prop_assert!(rising.is_sorted(), "{rising:?}");
    }
}

#[test]
fn the_least_and_the_greatest_are_exact() {
    let mut latencies = Latencies::new();
    latencies.record(137_244);
    let summary = latencies.summary();
    assert_eq!(
        (summary.min, summary.mean, summary.max),
        (137_244, 137_244, 137_244)
    );
    latencies.clear();
    latencies.record(200_001);
    assert_eq!(latencies.summary().min, 200_001);
}
