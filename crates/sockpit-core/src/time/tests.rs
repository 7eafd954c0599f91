use std::time::Duration;

use proptest::prelude::*;

use super::{Measured, Time, TimeSpan};

fn check(text: &str, nanos: u64) {
    assert_eq!(
        text.parse(),
        Ok(TimeSpan(Duration::from_nanos(nanos))),
        "{text}"
    );
}

#[test]
fn the_first_of_two_moments_is_the_one_that_comes() {
    let at = |nanos| Some(Time::from_nanos(nanos));
    assert_eq!(Time::first(None, None), None);
    assert_eq!(Time::first(at(2), None), at(2));
    assert_eq!(Time::first(None, at(2)), at(2));
    assert_eq!(Time::first(at(1), at(2)), at(1));
    assert_eq!(Time::first(at(2), at(1)), at(1));
}

#[test]
fn reads_units_fractions_and_bare_seconds() {
    check("500ms", 500_000_000);
    check("5s", 5_000_000_000);
    check("5", 5_000_000_000);
    check("1m", 60_000_000_000);
    check("2h", 7_200_000_000_000);
    check("1.5s", 1_500_000_000);
    check(".5s", 500_000_000);
    check("0", 0);
    check("20 ms", 20_000_000);
    check("250us", 250_000);
}

#[test]
fn refuses_what_is_no_time() {
    for text in [
        "",
        "s",
        "-1s",
        "+1s",
        "1d",
        "1.2.3s",
        "1e3s",
        "five",
        "99999999999999999999h",
        "1 0s",
    ] {
        assert!(text.parse::<TimeSpan>().is_err(), "{text}");
    }
}

#[test]
fn a_sum_saturates_and_a_difference_never_goes_below_zero() {
    assert_eq!(
        Time::from_nanos(u64::MAX) + Duration::from_secs(1),
        Time::from_nanos(u64::MAX)
    );
    assert_eq!(Time::ZERO - Time::from_nanos(5), Duration::ZERO);
}

proptest! {
    #[test]
    fn what_is_shown_reads_back(nanos in 0..u64::MAX / 2) {
        let span = TimeSpan(Duration::from_nanos(nanos));
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }
}

#[test]
fn what_was_measured_has_three_digits_and_a_unit_of_its_size() {
    for (nanos, shown) in [
        (0, "0 ns"),
        (999, "999 ns"),
        (5_180, "5.18 µs"),
        (870_000, "870 µs"),
        (12_340_000, "12.3 ms"),
        (4_560_000_000, "4.56 s"),
        (-1_000_000, "-1.00 ms"),
        (i64::MIN, "-9223372036 s"),
    ] {
        assert_eq!(Measured(nanos).to_string(), shown);
        assert_eq!(format!("{:#}", Measured(nanos)), shown.replace(' ', ""));
    }
}
