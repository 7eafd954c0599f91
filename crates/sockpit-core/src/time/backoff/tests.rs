use super::*;

fn pauses(backoff: &mut Backoff, count: usize) -> Vec<u128> {
    let pauses = std::iter::repeat_with(|| backoff.next_pause().as_millis());
    pauses.take(count).collect()
}

#[test]
fn the_waits_double_up_to_the_longest() {
    let wanted = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
    assert_eq!(pauses(&mut Backoff::default(), 8), wanted);
}

#[test]
fn the_waits_begin_anew_after_a_good_connection() {
    let mut backoff = Backoff::default();
    assert_eq!(pauses(&mut backoff, 2), [500, 1000]);
    backoff.take_held(Duration::from_millis(9_999));
    assert_eq!(pauses(&mut backoff, 1), [2000]);
    backoff.take_held(Duration::from_secs(10));
    assert_eq!(pauses(&mut backoff, 2), [500, 1000]);
    backoff.reset();
    assert_eq!(pauses(&mut backoff, 1), [500]);
}
