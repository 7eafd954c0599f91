use super::*;

fn peer(port: u16) -> PeerAddr {
    PeerAddr::Inet(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn allowed(guard: &mut Guard, to: Option<&PeerAddr>, now: u64) -> usize {
    let most = 2 * FOREIGN_PER_SECOND;
    (0..most).filter(|_| guard.allows_foreign(to, now)).count()
}

#[test]
fn each_peer_gets_so_much_back_a_second() {
    let mut guard = Guard::default();
    // Four peers ask for twice as much as one may have, of which some are dropped.
    let most = FOREIGN_PER_SECOND as usize;
    let mut check = |port, now, expected: usize| {
        let count = allowed(&mut guard, Some(&peer(port)), now);
        assert!(expected.abs_diff(count) <= 3, "{count} at {now} to {port}");
    };
    check(1000, 0, most);
    check(1000, SECOND - 1, 0);
    check(1001, SECOND - 1, most);
    check(1000, SECOND, most);
}

#[test]
fn what_goes_round_slowly_is_dropped_too() {
    let mut guard = Guard::default();
    let hops = (0..).take_while(|hop| guard.allows_foreign(Some(&peer(1000)), hop * SECOND));
    assert_eq!(hops.count(), DROPPED_OF as usize - 1);
}

#[test]
fn any_number_of_peers_fills_no_memory() {
    let mut guard = Guard::default();
    for port in 1..20_000 {
        guard.allows_foreign(Some(&peer(port)), 0);
    }
    assert!(guard.answered.len() <= MOST_PEERS + 1);
}

#[test]
fn services_that_answer_anything_get_nothing() {
    assert!(!is_answerable(&peer(7)));
    assert!(is_answerable(&peer(7000)));
}
