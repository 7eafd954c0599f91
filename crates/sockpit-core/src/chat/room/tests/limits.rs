//! What one visitor, or very many, may do to a room.

use super::*;

#[test]
fn b5_who_says_no_nickname_is_dismissed() {
    let mut world = world();
    world.enter(1);
    world.passes(Duration::from_secs(50));
    world.types(1, "bad nick");
    // A byte now and then is no line.
    for _ in 0..59 {
        world.types_bytes(1, b"x");
        world.passes(Duration::from_secs(1));
    }
    assert!(world.closed.is_empty());
    world.passes(Duration::from_secs(1));
    assert_eq!(world.closed[&Member(1)], Reason::Limit);
    assert!(world.read(1).ends_with("! no nickname came; goodbye\n"));
    assert_eq!(world.hub.stat().unnamed, 0);
}

#[test]
fn a_flood_is_cut_and_told_once() {
    let mut world = two();
    world.passes(Duration::from_secs(10));
    for number in 0..30 {
        world.types(1, &format!("{number}"));
    }
    assert_eq!(world.read(2).lines().count(), 20);
    world.reads(1, "");
    world.passes(Duration::from_secs(2));
    world.reads(1, "! 10 lines were not passed on: you send too fast\n");
    world.types(1, "slowly");
    world.reads(2, "[lobby] anna: slowly\n");
    for _ in 0..2000 {
        world.types(1, "x");
    }
    assert_eq!(world.closed[&Member(1)], Reason::Limit);
    assert!(
        world
            .read(1)
            .ends_with("! you sent too much for too long; goodbye\n")
    );
    assert_eq!(world.hub.stat().members, 1);
}

#[test]
fn a_program_is_told_which_of_its_lines_were_held_up() {
    let mut world = two();
    world.types(1, "/json on");
    world.passes(Duration::from_secs(10));
    world.read(1);
    for number in 0..21 {
        world.types(1, &format!("{{\"text\":\"x\",\"ref\":{number}}}"));
    }
    let text = world.read(1);
    let refused: Vec<&str> = text.lines().filter(|it| it.contains("flooded")).collect();
    assert_eq!(refused.len(), 1, "{text}");
    assert!(refused[0].contains("\"ref\":20"), "{text}");
    // It is told once.
    world.passes(Duration::from_secs(2));
    world.reads(1, "");
}

#[test]
fn empty_lines_are_a_flood_too() {
    for empty in ["", "  ", "\r"] {
        for json in [false, true] {
            let mut world = two();
            if json {
                world.types(1, "/json on");
            }
            for _ in 0..2000 {
                world.types(1, empty);
            }
            assert_eq!(
                world.closed.get(&Member(1)),
                Some(&Reason::Limit),
                "{empty:?}"
            );
        }
    }
}

#[test]
fn empty_lines_are_no_time_to_think_of_a_nickname() {
    let mut world = World::new(Settings::default());
    world.enter(1);
    for _ in 0..1000 {
        world.types(1, "");
        world.passes(Duration::from_secs(1));
    }
    assert!(world.closed.contains_key(&Member(1)));
}

#[test]
fn this_machine_may_send_as_much_as_it_likes() {
    let mut world = two();
    let facts = Facts {
        is_loopback: true,
        ..Facts::default()
    };
    world.enter_as(3, facts);
    world.types(3, "carl");
    world.read(2);
    for _ in 0..2000 {
        world.types(3, "x");
    }
    assert_eq!(world.read(2).lines().count(), 2000);
}

#[test]
fn b10_rooms_are_bounded_and_forgotten() {
    let mut world = World::new(Settings {
        max_rooms: 3,
        max_rooms_each: 2,
        ..Settings::default()
    });
    world.enter_named(1, "anna@a");
    world.types(1, "/join b");
    world.types(1, "/join c");
    assert!(world.read(1).ends_with("`/leave ROOM` leaves one\n"));
    world.enter_named(2, "bob@c");
    world.types(2, "/join c");
    assert!(world.read(2).contains("! there are 3 rooms already"));
    // Nothing was said in it.
    world.types(1, "/leave a");
    assert_eq!(world.hub.rooms().len(), 2);
    world.types(1, "hi");
    world.types(1, "/leave b");
    assert_eq!(world.hub.rooms().len(), 2);
    // One that has a history gives way where there is no space, and after an hour.
    world.types(2, "/join c");
    world.types(2, "/join d");
    assert_eq!(world.hub.rooms().len(), 3);
    world.types(2, "hi");
    world.types(2, "/leave d");
    world.passes(Duration::from_secs(3599));
    assert!(world.hub.rooms().iter().any(|room| room.name == "d"));
    world.passes(Duration::from_secs(2));
    let names: Vec<String> = world
        .hub
        .rooms()
        .into_iter()
        .map(|room| room.name)
        .collect();
    assert_eq!(names, ["c", "lobby"]);
}

#[test]
fn nobody_is_told_who_comes_into_a_large_room() {
    let mut world = World::new(Settings {
        quiet_above: 2,
        ..Settings::default()
    });
    world.enter_named(1, "anna");
    world.enter_named(2, "bob");
    world.reads(1, "* bob joined lobby\n");
    world.enter_named(3, "carl");
    world.reads(1, "");
    world.ends(3);
    world.reads(1, "* carl left lobby\n");
    assert_eq!(world.log.len(), 4);
}

#[test]
fn a_list_of_members_is_shared_until_somebody_comes() {
    let mut world = two();
    let list = |world: &mut World| {
        let key: Arc<str> = "lobby".into();
        world.hub.rooms.get_mut(&key).unwrap().list()
    };
    let before = list(&mut world);
    world.types(1, "hi");
    assert!(Arc::ptr_eq(&before, &list(&mut world)));
    world.enter_named(3, "carl");
    assert_eq!(list(&mut world).len(), 3);
}

#[test]
fn thousands_who_want_one_name_get_one_each() {
    let mut hub = Hub::new(Settings::default());
    for number in 0..5000 {
        hub.enter(Time::ZERO, Member(number), Facts::default());
        hub.hear(
            Time::ZERO,
            Member(number),
            Ask::Line("user".to_owned()).into(),
        );
    }
    let names: BTreeSet<String> = hub.members(None).into_iter().map(|it| it.nick).collect();
    assert_eq!(names.len(), 5000);
    assert!(names.contains("user-5000"));
    let deliveries = std::iter::from_fn(|| match hub.poll_output() {
        Output::Wait(_) => None,
        output => Some(output),
    });
    // Three to each who came, one told to others while the room was small.
    assert!(deliveries.count() < 5 * 5000);
}
