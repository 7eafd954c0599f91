use proptest::prelude::*;

use super::*;

#[test]
fn rates_are_read_as_people_write_them() {
    for (text, rate) in [
        ("500", 500),
        ("10k", 10_000),
        ("1.5M", 1_500_000),
        ("0.2K", 200),
    ] {
        assert_eq!(text.parse(), Ok(Rate(rate)), "{text}");
    }
    for text in [
        "",
        "k",
        "-1",
        "1.5",
        "1e3",
        "1.k",
        "99999999999999999999",
        "10 per second",
    ] {
        let error = text.parse::<Rate>().expect_err(text);
        assert!(error.to_string().contains("is not a rate"), "{error}");
    }
}

#[test]
fn a_mode_that_there_is_not_names_those_that_there_are() {
    let error = "fast".parse::<Mode>().expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "`fast` is no mode; there are `request`, `oneway` and `churn`"
    );
}

proptest! {
    #[test]
    fn a_rate_survives_being_written(rate: u64) {
        prop_assert_eq!(Rate(rate).to_string().parse(), Ok(Rate(rate)));
    }

    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = text.parse::<Rate>();
    }
}
