use super::*;

#[test]
fn every_value_lies_in_a_bucket_that_is_hardly_wider_than_it() {
    let mut before = 0;
    for power in 0..37 {
        for nanos in [1_u64 << power, (1 << power) + (1 << power) / 3] {
            let place = bucket(nanos);
            assert!(before <= place, "{nanos}");
            assert!(nanos <= most(place), "{nanos} in {place}");
            assert!(most(place) as f64 <= nanos as f64 * 1.035, "{nanos}");
            before = place;
        }
    }
}

#[test]
fn buckets_follow_one_another_without_a_gap() {
    for place in 0..STEPS * 20 {
        assert_eq!(bucket(most(place)), place);
        assert_eq!(bucket(most(place) + 1), place + 1);
    }
}

#[test]
fn a_percentile_is_the_value_that_so_many_do_not_exceed() {
    let mut latency = Latency::new();
    assert_eq!(latency.percentile(99.0), Duration::ZERO);
    for nanos in 1..=50 {
        latency.record(Duration::from_nanos(nanos));
    }
    assert_eq!(latency.percentile(50.0), Duration::from_nanos(25));
    assert_eq!(latency.percentile(99.0), Duration::from_nanos(50));
    latency.record(Duration::from_secs(1_000_000));
    assert!(latency.percentile(100.0) > Duration::from_secs(60));
}
