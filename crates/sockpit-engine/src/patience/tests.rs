use super::*;

fn tries_left(patience: &mut Patience) -> usize {
    std::iter::from_fn(|| patience.asks_again().then_some(())).count()
}

#[test]
fn a_conversation_is_waited_for_at_once() {
    let mut patience = Patience::default();
    assert_eq!(tries_left(&mut patience), 0);
    for _ in 0..1000 {
        patience.hear(64);
        assert_eq!(tries_left(&mut patience), 0);
    }
}

#[test]
fn a_transfer_is_asked_again_so_often_and_no_more() {
    let mut patience = Patience::default();
    patience.hear(BULK);
    assert_eq!(tries_left(&mut patience), TRIES as usize);
    assert_eq!(tries_left(&mut patience), 0);
    patience.hear(1);
    assert_eq!(tries_left(&mut patience), 0);
}

#[test]
fn whatever_comes_during_a_transfer_renews_it() {
    let mut patience = Patience::default();
    patience.hear(BULK);
    assert!(patience.asks_again());
    patience.hear(1);
    assert_eq!(tries_left(&mut patience), TRIES as usize);
}

#[test]
fn asking_in_vain_renews_nothing() {
    let mut patience = Patience::default();
    patience.hear(BULK);
    let asked = std::iter::from_fn(|| {
        let again = patience.asks_again();
        patience.hear(0);
        again.then_some(())
    });
    assert_eq!(asked.take(10 * TRIES as usize).count(), TRIES as usize);
}
