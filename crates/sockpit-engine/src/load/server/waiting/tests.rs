use super::*;

const MILLISECOND: u64 = 1_000_000;

/// Tries every `step` from `from` on, as nobody takes anything; gives when something was lost.
fn lost_at(waiting: &mut Waiting, from: u64, step: u64) -> u64 {
    let mut now = from;
    while waiting.retry(now, |_, _| Err(io::ErrorKind::WouldBlock.into())) == 0 {
        now += step;
        assert!(now < from + 10 * PATIENCE, "it waits for ever");
    }
    now
}

fn one_since(now: u64) -> Waiting {
    let mut waiting = Waiting::default();
    waiting.push(&PeerAddr::Abstract((*b"peer").into()), b"answer", now);
    waiting
}

#[test]
fn who_takes_nothing_for_long_has_lost_its_answers() {
    let begin = 5 * PATIENCE;
    let mut waiting = one_since(begin);
    assert_eq!(lost_at(&mut waiting, begin, MILLISECOND), begin + PATIENCE);
    assert!(waiting.is_empty());
}

#[test]
fn a_peer_has_its_time_after_this_program_was_held_up() {
    let begin = 5 * PATIENCE;
    let mut waiting = one_since(begin);
    let later = begin + 2 * PATIENCE;
    assert_eq!(lost_at(&mut waiting, later, MILLISECOND), later + PATIENCE);
}
