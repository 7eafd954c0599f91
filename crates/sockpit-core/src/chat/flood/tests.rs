use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

#[test]
fn a_burst_passes_and_then_the_rate() {
    let flood = Flood::default();
    let mut bucket = Bucket::default();
    let passed = |bucket: &mut Bucket, now, lines: u32| {
        (0..lines)
            .filter(|_| bucket.take(now, flood) == Verdict::Passes)
            .count()
    };
    assert_eq!(passed(&mut bucket, at(5000), 100), 20);
    assert_eq!(passed(&mut bucket, at(6000), 100), 5);
    assert_eq!(passed(&mut bucket, at(6100), 100), 0);
    assert_eq!(passed(&mut bucket, at(6200), 100), 1);
    assert_eq!(passed(&mut bucket, at(60_000), 100), 20);
}

#[test]
fn a_burst_is_told_once_and_long_abuse_is_enough() {
    let flood: Flood = "1/1s,burst=1".parse().unwrap();
    let mut bucket = Bucket::default();
    assert_eq!(bucket.take(at(0), flood), Verdict::Passes);
    for is_first in [true, false] {
        assert_eq!(bucket.take(at(0), flood), Verdict::Dropped);
        assert_eq!(bucket.owe(), is_first);
    }
    assert_eq!((bucket.untold(), bucket.untold()), (2, 0));
    for _ in 0..ENOUGH - 3 {
        assert_ne!(bucket.take(at(1), flood), Verdict::Enough);
    }
    assert_eq!(bucket.take(at(2), flood), Verdict::Enough);
    // Calm for long enough, it begins anew.
    assert_eq!(bucket.take(at(20_000), flood), Verdict::Passes);
    assert_ne!(bucket.take(at(20_000), flood), Verdict::Enough);
}

#[test]
fn a_limit_reads_as_people_write_it() {
    let check = |text: &str, lines, millis, burst| {
        let per = Duration::from_millis(millis);
        assert_eq!(text.parse(), Ok(Flood { lines, per, burst }), "{text}");
    };
    check("5/1s,burst=20", 5, 1000, 20);
    check("5/s", 5, 1000, 20);
    check("3/3s, burst=3", 3, 3000, 3);
    check("100/1m,burst=7", 100, 60_000, 7);
    for text in [
        "",
        "5",
        "0/1s",
        "5/0s",
        "5/1s,burst=0",
        "5/1s,20",
        "-5/1s",
        "5/1y",
        "x/1s",
    ] {
        let error = text.parse::<Flood>().unwrap_err().to_string();
        assert!(error.contains("such as `5/1s`"), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn a_limit_survives_being_written(lines in 1u32.., millis in 1u64..1 << 40, burst in 1u32..) {
        let flood = Flood { lines, per: Duration::from_millis(millis), burst };
        prop_assert_eq!(flood.to_string().parse(), Ok(flood));
    }

    #[test]
    fn no_more_passes_than_the_limit_says(steps in proptest::collection::vec(0u64..400, 1..200)) {
        let flood = Flood::default();
        let mut bucket = Bucket::default();
        let (mut now, mut passed) = (0, 0);
        for step in steps {
            now += step;
            passed += u64::from(bucket.take(at(now), flood) == Verdict::Passes);
            prop_assert!(passed <= 20 + now / 200);
        }
    }
}
