use super::*;

fn after(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

#[test]
fn keys_move_their_axis_and_no_other() {
    let now = Instant::now();
    for (key, position) in [
        (Key::Char('w'), [0, 40, 0, 0]),
        (Key::Char('S'), [0, -40, 0, 0]),
        (Key::Char('a'), [-40, 0, 0, 0]),
        (Key::Char('d'), [40, 0, 0, 0]),
        (Key::Up, [0, 0, 40, 0]),
        (Key::Down, [0, 0, -40, 0]),
        (Key::Left, [0, 0, 0, -40]),
        (Key::Right, [0, 0, 0, 40]),
    ] {
        let mut sticks = Sticks::default();
        assert_eq!(sticks.press(now, key), Move::Sticks);
        assert_eq!(sticks.position(now), position, "{key:?}");
    }
}

#[test]
fn a_stick_springs_back_when_its_key_is_not_heard_of() {
    let start = Instant::now();
    let mut sticks = Sticks::default();
    sticks.press(start, Key::Char('w'));
    sticks.press(after(start, 400), Key::Char('w'));
    assert_eq!(sticks.position(after(start, 899)), [0, 40, 0, 0]);
    assert_eq!(sticks.position(after(start, 900)), [0; 4]);
}

#[test]
fn two_axes_are_held_at_once_and_space_lets_go_of_all() {
    let now = Instant::now();
    let mut sticks = Sticks::default();
    sticks.press(now, Key::Char('w'));
    sticks.press(now, Key::Left);
    assert_eq!(sticks.position(now), [0, 40, 0, -40]);
    sticks.press(now, Key::Char(' '));
    assert_eq!(sticks.position(now), [0; 4]);
}

#[test]
fn the_reach_stays_between_ten_and_a_hundred() {
    let now = Instant::now();
    let mut sticks = Sticks::default();
    for _ in 0..20 {
        sticks.press(now, Key::Char('+'));
    }
    assert_eq!(sticks.reach(), 100);
    for _ in 0..20 {
        sticks.press(now, Key::Char('-'));
    }
    assert_eq!(sticks.reach(), 10);
}
