use proptest::prelude::*;

use super::*;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_program_with_two_sockets_is_one_partner() {
    let mut circle = Circle::default();
    let tom = circle.give(addr("192.0.2.1:7852"));
    assert_eq!(circle.hear(addr("192.0.2.1:40001")), Some((tom, false)));
    // One that takes a new socket for each message, too.
    assert_eq!(circle.hear(addr("192.0.2.1:40002")), Some((tom, false)));
    assert_eq!(circle.partner(tom).unwrap().addr, addr("192.0.2.1:7852"));
}

#[test]
fn a_program_with_one_socket_has_no_other_voice() {
    let mut circle = Circle::default();
    let tom = circle.give(addr("192.0.2.1:7852"));
    assert_eq!(circle.hear(addr("192.0.2.1:7852")), Some((tom, false)));
    assert_eq!(circle.hear(addr("192.0.2.1:40001")), Some((2, true)));
}

#[test]
fn where_two_programs_of_a_host_are_silent_a_voice_is_neither() {
    let mut circle = Circle::default();
    circle.give(addr("127.0.0.1:7852"));
    circle.give(addr("127.0.0.1:8752"));
    assert_eq!(circle.hear(addr("127.0.0.1:40001")), Some((3, true)));
    // One of them was heard from its own port, so the other voice is the other's.
    circle.hear(addr("127.0.0.1:8752"));
    assert_eq!(circle.hear(addr("127.0.0.1:40002")), Some((1, false)));
}

#[test]
fn who_speaks_first_is_adopted() {
    let mut circle = Circle::default();
    assert_eq!(circle.hear(addr("192.0.2.1:7852")), Some((1, true)));
    assert_eq!(circle.hear(addr("192.0.2.1:7852")), Some((1, false)));
    // It is given by the user afterwards: it stays the one it was.
    assert_eq!(circle.give(addr("192.0.2.1:7852")), 1);
    // And as an IPv6 socket says it, too.
    assert_eq!(
        circle.hear(addr("[::ffff:192.0.2.1]:7852")),
        Some((1, false))
    );
}

#[test]
fn b3_no_more_than_so_many_are_adopted() {
    let mut circle = Circle::default();
    for port in 1..2000 {
        circle.hear(SocketAddr::from(([192, 0, 2, 1], port)));
    }
    assert_eq!(circle.iter().count(), MAX_ADOPTED);
    // The user's own still have a place.
    assert_eq!(circle.give(addr("192.0.2.9:1")), MAX_ADOPTED as u32 + 1);
}

#[test]
fn b3_announcements_of_thousands_make_no_thousands_of_partners() {
    let mut circle = Circle::default();
    for port in 1..=2000 {
        circle.take_announced(SocketAddr::from(([192, 0, 2, 1], port)));
    }
    assert_eq!(circle.iter().count(), 2 * MAX_ADOPTED);
    assert_eq!(circle.take_announced(addr("192.0.2.1:1")), Some(1));
    assert_eq!(circle.take_announced(addr("192.0.2.2:1")), None);
}

#[test]
fn names_that_several_have_are_marked() {
    let mut circle = Circle::default();
    let one = circle.meet(addr("192.0.2.1:7853"), "Lily").unwrap().0;
    assert_eq!(circle.shown(one), "Lily");
    let other = circle.meet(addr("192.0.2.2:7853"), "lily").unwrap().0;
    assert_eq!(
        (circle.shown(one), circle.shown(other)),
        ("Lily#1".into(), "lily#2".into())
    );
    // Nobody gets another's mark.
    let forger = circle
        .meet(addr("192.0.2.3:7853"), "Lily#1\x1b[2J")
        .unwrap()
        .0;
    assert_eq!(circle.shown(forger), "Lily1[2J");
}

#[test]
fn partners_are_found_by_number_name_and_address() {
    let mut circle = Circle::default();
    circle.meet(addr("192.0.2.1:7853"), "Lily");
    circle.give(addr("192.0.2.2:7852"));
    for word in [
        "1",
        "#1",
        "lily",
        "Lily",
        "192.0.2.1:7853",
        "udp://192.0.2.1:7853",
        "192.0.2.1",
    ] {
        assert_eq!(circle.find(word), Ok(1), "{word}");
    }
    assert!(matches!(circle.find("Tom"), Err(FindError::Nobody { .. })));
    circle.meet(addr("192.0.2.3:7853"), "LILY");
    assert!(matches!(
        circle.find("lily"),
        Err(FindError::Several { .. })
    ));
    assert_eq!(circle.find("Lily#1"), Ok(1));
}

#[test]
fn a_program_that_has_a_side_port_as_its_own_is_not_knocked_at() {
    let mut circle = Circle::default();
    let tom = circle.give(addr("127.0.0.1:7852"));
    assert_eq!(circle.side(tom), Some(addr("127.0.0.1:17852")));
    circle.give(addr("127.0.0.1:17852"));
    assert_eq!(circle.side(tom), None);
}

#[derive(Clone, Debug)]
enum Step {
    Give(u16),
    Hear(u16),
    Meet(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let port = prop_oneof![
        Just(7852u16),
        Just(17_852),
        Just(27_852),
        Just(7853),
        Just(40_000)
    ];
    let step = (port, 0..3).prop_map(|(port, kind)| match kind {
        0 => Step::Give(port),
        1 => Step::Hear(port),
        _ => Step::Meet(port),
    });
    proptest::collection::vec(step, 0..12)
}

proptest! {
    /// The law: where a program is known to be, no byte of our protocol goes.
    #[test]
    fn a_stranger_never_gets_our_protocol(steps in steps()) {
        let mut circle = Circle::default();
        let mut strangers = BTreeSet::new();
        for step in steps {
            match step {
                Step::Give(port) => {
                    circle.give(SocketAddr::from(([127, 0, 0, 1], port)));
                    strangers.insert(port);
                }
                Step::Hear(port) => {
                    circle.hear(SocketAddr::from(([127, 0, 0, 1], port)));
                    strangers.insert(port);
                }
                Step::Meet(port) => {
                    circle.meet(SocketAddr::from(([127, 0, 0, 1], port)), "x");
                }
            }
            for partner in circle.iter() {
                if let Some(side) = circle.side(partner.number) {
                    prop_assert!(!strangers.contains(&side.port()));
                }
            }
        }
    }
}
