use sockpit_core::load::Rate;

use super::*;

fn share(connections: u32) -> Share {
    Share {
        thread: 0,
        threads: 1,
        first: 0,
        connections,
        count: u64::MAX,
    }
}

/// In nanoseconds.
const MILLI: u64 = 1_000_000;

#[test]
fn each_paced_connection_has_its_own_times() {
    let mut pacing = Pacing::new(Pace::Paced(Rate(1000)), &share(2), 2);
    pacing.offer(0);
    pacing.offer(1);
    assert_eq!(pacing.take(0), Some((0, 0)));
    assert_eq!(pacing.take(0), None);
    assert_eq!(pacing.next(), MILLI);
    assert_eq!(pacing.take(MILLI), Some((1, MILLI)));
    // The first one waits for its answer while two of its messages become due.
    assert_eq!(pacing.take(5 * MILLI), None);
    // What is due at that very moment is not late.
    assert_eq!(pacing.unsent(5 * MILLI), 3);
    pacing.offer(0);
    assert_eq!(pacing.take(5 * MILLI), Some((0, 2 * MILLI)));
}

#[test]
fn an_open_schedule_goes_to_whoever_has_room() {
    let mut pacing = Pacing::new(Pace::Open(Rate(1000)), &share(2), 2);
    pacing.offer(1);
    assert_eq!(pacing.take(0), Some((1, 0)));
    assert_eq!(pacing.next(), u64::MAX);
    pacing.offer(1);
    assert_eq!(pacing.next(), MILLI);
    assert_eq!(pacing.take(3 * MILLI), Some((1, MILLI)));
    assert_eq!(pacing.lag(3 * MILLI), MILLI);
    assert_eq!(pacing.unsent(3 * MILLI), 1);
}

#[test]
fn what_a_lost_connection_was_to_send_is_sent_by_another() {
    let mut pacing = Pacing::new(Pace::Open(Rate(1000)), &share(2), 2);
    pacing.offer(0);
    pacing.offer(1);
    assert_eq!(pacing.take(0), Some((0, 0)));
    pacing.put_back(0);
    assert_eq!(pacing.take(0), Some((1, 0)));
}

#[test]
fn who_has_room_for_more_than_a_burst_takes_turns() {
    let mut pacing = Pacing::new(Pace::Max, &share(2), 2);
    assert_eq!(pacing.next(), u64::MAX);
    pacing.offer(1);
    pacing.offer(0);
    pacing.offer(1);
    assert_eq!(pacing.next(), 0);
    assert_eq!(pacing.take(7), Some((1, 7)));
    pacing.offer(1);
    assert_eq!(pacing.take(8), Some((0, 8)));
    assert_eq!(pacing.take(9), Some((1, 9)));
    assert_eq!((pacing.take(9), pacing.next()), (None, u64::MAX));
    assert_eq!((pacing.unsent(9), pacing.lag(9)), (0, 0));
}
