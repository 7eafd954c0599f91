use proptest::prelude::*;

use super::*;

#[test]
fn a_thousand_a_second_are_due_every_millisecond() {
    let schedule = Schedule::new(Rate(1000), 0, 1);
    let first: Vec<u64> = (0..4).map(|index| schedule.intended(index)).collect();
    assert_eq!(first, [0, 1_000_000, 2_000_000, 3_000_000]);
    assert_eq!(schedule.due(0), 1);
    assert_eq!(schedule.due(999_999), 1);
    assert_eq!(schedule.due(1_000_000), 2);
}

#[test]
fn an_hour_at_the_highest_rate_does_not_drift() {
    let schedule = Schedule::new(Rate(super::super::MAX_RATE), 0, 1);
    let hour = 3600 * super::super::MAX_RATE;
    assert_eq!(schedule.intended(hour), 3600 * SECOND);
}

#[test]
fn a_server_that_stands_still_delays_every_message_that_was_due() {
    // 100 a second; the server answers at once but for one second in the middle.
    let schedule = Schedule::new(Rate(100), 0, 1);
    let (stop, go) = (2 * SECOND, 3 * SECOND);
    let mut late = 0;
    let mut sum = 0;
    for index in 0..500 {
        let due = schedule.intended(index);
        let answered = if (stop..go).contains(&due) { go } else { due };
        late += u64::from(answered != due);
        sum += answered - due;
    }
    assert_eq!(late, 100);
    // 10 ms, 20 ms … 1 s.
    assert_eq!(sum, (1..=100).map(|n| n * SECOND / 100).sum::<u64>());
}

proptest! {
    #[test]
    fn moments_do_not_go_back(rate in 1..=10_000_000_u64, first in 0..100_u32, stride in 1..100_u32, index in 0..u64::MAX / 200) {
        let schedule = Schedule::new(Rate(rate), first, stride);
        prop_assert!(schedule.intended(index) <= schedule.intended(index + 1));
    }

    #[test]
    fn what_is_due_is_what_was_intended(rate in 1..=10_000_000_u64, first in 0..100_u32, stride in 1..100_u32, index in 0..36_000_000_000_u64) {
        let schedule = Schedule::new(Rate(rate), first, stride);
        let at = schedule.intended(index);
        prop_assert!(index < schedule.due(at));
        if let Some(before) = at.checked_sub(1) {
            prop_assert!(schedule.due(before) <= index);
        }
    }

    #[test]
    fn senders_together_send_each_message_once(rate in 1..=1_000_000_u64, stride in 1..64_u32, now in 0..10 * SECOND) {
        let whole = Schedule::new(Rate(rate), 0, 1).due(now);
        let parts: u64 = (0..stride).map(|first| Schedule::new(Rate(rate), first, stride).due(now)).sum();
        prop_assert_eq!(whole, parts);
    }
}
