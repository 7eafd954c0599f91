use super::*;
use crate::chat::entry::Id;
use crate::chat::presence::Presence;

fn node(name: &str, seed: u64) -> World {
    World::new(Settings {
        node: name.to_owned(),
        seed,
        is_shared: true,
        ..Settings::default()
    })
}

/// Gives each server what the other shares, through JSON, and twice, as a store may.
fn exchange(one: &mut World, other: &mut World) {
    let (mine, theirs) = (
        std::mem::take(&mut one.shared),
        std::mem::take(&mut other.shared),
    );
    for (entries, to) in [(mine, other), (theirs, one)] {
        for entry in entries.iter().chain(&entries) {
            let entry = Entry::from_json(&entry.to_json()).unwrap();
            to.hub.hear_remote(to.now, entry);
            to.settle();
        }
    }
}

fn presence(from: &World, to: &mut World) {
    let presence = Presence::from_json(&from.hub.presence().to_json()).unwrap();
    to.hub.hear_presence(to.now, presence);
}

#[test]
fn what_is_said_on_one_server_is_heard_once_on_the_other() {
    let (mut berlin, mut lima) = (node("berlin", 1), node("lima", 2));
    berlin.enter_named(1, "anna");
    lima.enter_named(1, "bob");
    exchange(&mut berlin, &mut lima);
    berlin.reads(1, "* bob joined lobby\n");
    lima.reads(1, "* anna joined lobby\n");
    berlin.types(1, "hi");
    exchange(&mut berlin, &mut lima);
    lima.reads(1, "[lobby] anna: hi\n");
    berlin.reads(1, "");
    // It is in the history there, too.
    lima.types(1, "/history");
    lima.reads(1, "[lobby 01-01 00:00:00] anna: hi\n");
    // What came from there is not shared again.
    assert!(lima.shared.is_empty());
}

#[test]
fn who_is_elsewhere_is_known_for_a_while() {
    let (mut berlin, mut lima) = (node("berlin", 1), node("lima", 2));
    berlin.enter_named(1, "anna@dev");
    presence(&berlin, &mut lima);
    lima.enter_named(1, "bob@dev");
    lima.types(1, "/who");
    lima.reads(1, "* 2 are in dev: anna, bob\n");
    lima.types(1, "/nick ANNA");
    lima.reads(1, "* you are ANNA-2, because ANNA is somebody else\n");
    lima.types(1, "/msg anna psst");
    exchange(&mut berlin, &mut lima);
    let text = berlin.read(1);
    assert!(text.ends_with("-> ANNA-2: psst\n"), "{text}");
    lima.passes(Duration::from_secs(29));
    presence(&berlin, &mut lima);
    lima.passes(Duration::from_secs(29));
    assert_eq!(lima.hub.stat().remote, 1);
    lima.passes(Duration::from_secs(2));
    assert_eq!(lima.hub.stat().remote, 0);
    lima.read(1);
    lima.types(1, "/msg anna psst");
    lima.reads(1, "! nobody is called `anna`\n");
}

#[test]
fn comings_and_goings_between_heartbeats_count() {
    let (mut berlin, mut lima) = (node("berlin", 1), node("lima", 2));
    presence(&berlin, &mut lima);
    berlin.enter_named(1, "anna");
    exchange(&mut berlin, &mut lima);
    assert_eq!(lima.hub.members(Some("lobby")).len(), 1);
    berlin.types(1, "/nick ann");
    exchange(&mut berlin, &mut lima);
    assert_eq!(lima.hub.members(Some("lobby"))[0].nick, "ann");
    berlin.types(1, "/leave");
    exchange(&mut berlin, &mut lima);
    assert_eq!(lima.hub.members(Some("lobby")).len(), 0);
}

#[test]
fn two_of_one_name_are_told_apart() {
    let (mut berlin, mut lima) = (node("berlin", 1), node("lima", 2));
    berlin.enter_named(1, "anna");
    lima.enter_named(1, "anna");
    berlin.types(1, "hi");
    exchange(&mut berlin, &mut lima);
    let text = lima.read(1);
    assert!(text.ends_with("[lobby] anna@berlin: hi\n"), "{text}");
}

#[test]
fn what_no_server_would_send_is_passed_over() {
    let mut world = node("berlin", 1);
    world.enter_named(1, "anna");
    let good = Entry {
        id: Id(1),
        at: 0,
        kind: Kind::Text,
        node: "lima".into(),
        room: "lobby".into(),
        from: "bob".into(),
        to: "".into(),
        text: "hi".into(),
    };
    let bad = [
        Entry {
            from: "".into(),
            id: Id(2),
            ..good.clone()
        },
        Entry {
            from: "b b".into(),
            id: Id(3),
            ..good.clone()
        },
        Entry {
            room: "a b".into(),
            id: Id(4),
            ..good.clone()
        },
        Entry {
            room: "".into(),
            id: Id(5),
            ..good.clone()
        },
        Entry {
            text: "x".repeat(5000).into(),
            id: Id(6),
            ..good.clone()
        },
    ];
    for entry in bad {
        world.hub.hear_remote(world.now, entry);
    }
    world.settle();
    world.reads(1, "");
    world.hub.hear_remote(world.now, good);
    world.settle();
    world.reads(1, "[lobby] bob: hi\n");
}

#[test]
fn what_was_said_before_is_recalled_in_silence() {
    let mut world = node("berlin", 1);
    world.enter_named(1, "anna");
    let entry = Entry {
        id: Id(7),
        at: 0,
        kind: Kind::Text,
        node: "berlin".into(),
        room: "lobby".into(),
        from: "bob".into(),
        to: "".into(),
        text: "old".into(),
    };
    world.hub.recall(world.now, entry.clone());
    world.hub.hear_remote(world.now, entry);
    world.settle();
    world.reads(1, "");
    world.types(1, "/history");
    world.reads(1, "[lobby 01-01 00:00:00] bob: old\n");
}

/// What one member reads of an entry of another server.
#[track_caller]
fn reads_of(entry: Entry, expected: &str) {
    let mut world = node("berlin", 1);
    world.enter_named(1, "anna");
    world.hub.hear_remote(world.now, entry);
    world.settle();
    world.reads(1, expected);
}

fn of_bob(kind: Kind, text: &str) -> Entry {
    Entry {
        id: Id(1),
        at: 0,
        kind,
        node: "lima".into(),
        room: "lobby".into(),
        from: "bob".into(),
        to: "".into(),
        text: text.into(),
    }
}

#[test]
fn d2_names_of_another_server_are_written_as_ours() {
    let entry = of_bob(Kind::Text, "hi");
    let forged = Entry {
        room: "#notice".into(),
        ..entry.clone()
    };
    let mut world = node("berlin", 1);
    world.enter_named(1, "anna@notice");
    world.hub.hear_remote(world.now, forged);
    world.settle();
    world.reads(1, "[notice] bob: hi\n");

    let padded = Entry {
        room: " #lobby\t".into(),
        from: format!("bob{}", " ".repeat(1 << 16)).into(),
        ..entry.clone()
    };
    reads_of(padded, "[lobby] bob: hi\n");
    let decomposed = Entry {
        from: "rene\u{301}".into(),
        ..entry
    };
    reads_of(decomposed, "[lobby] ren\u{e9}: hi\n");
}

#[test]
fn d2_what_no_name_may_be_is_none_of_another_server_either() {
    let long = "x".repeat(1 << 20);
    reads_of(of_bob(Kind::Renamed, "anna: I owe bob 5"), "");
    reads_of(of_bob(Kind::Topic, &long[..251]), "");
    let kicked = |to: &str| Entry {
        to: to.into(),
        ..of_bob(Kind::Kicked, "")
    };
    reads_of(kicked("anna left lobby"), "");
    reads_of(kicked("cleo"), "* cleo was thrown out of lobby\n");
    for node in [&long, "a b", "x: y"] {
        let entry = Entry {
            node: node.into(),
            from: "anna".into(),
            ..of_bob(Kind::Text, "hi")
        };
        reads_of(entry, "");
    }
    let direct = |to: &str| Entry {
        to: to.into(),
        room: "".into(),
        ..of_bob(Kind::Direct, "psst")
    };
    reads_of(direct("anna@berlin"), "-> bob: psst\n");
    reads_of(direct("anna@lima"), "");
}

#[test]
fn a_name_that_grows_when_it_is_folded_is_taken_on_all_servers() {
    let (mut berlin, mut lima) = (node("berlin", 1), node("lima", 2));
    let long = "ß".repeat(32);
    berlin.enter_named(1, &long);
    presence(&berlin, &mut lima);
    lima.enter(1);
    lima.read(1);
    lima.types(1, &long);
    let text = lima.read(1);
    assert!(text.contains("is somebody else"), "{text}");
}

#[test]
fn b1_another_server_cannot_put_one_member_into_rooms_without_end() {
    let mut world = node("berlin", 1);
    let empty = Presence {
        node: "lima".to_owned(),
        seed: 2,
        members: Vec::new(),
    };
    world.hub.hear_presence(world.now, empty);
    for number in 0..1000 {
        let entry = Entry {
            id: Id(number),
            room: format!("r{number}").into(),
            ..of_bob(Kind::Joined, "")
        };
        world.hub.hear_remote(world.now, entry);
    }
    assert_eq!(world.hub.members(None)[0].rooms.len(), 20);
}

#[test]
fn a_room_where_only_others_talk_is_kept_while_they_do() {
    let mut world = node("berlin", 1);
    for number in 0..5 {
        let entry = Entry {
            id: Id(1 + number),
            room: "dev".into(),
            ..of_bob(Kind::Text, "hi")
        };
        world.hub.hear_remote(world.now, entry);
        world.settle();
        world.passes(Duration::from_secs(25 * 60));
    }
    assert_eq!(world.hub.rooms()[0].kept, 5);
    world.passes(Duration::from_secs(60 * 60));
    assert_eq!(world.hub.rooms().len(), 1);
}

#[test]
fn what_one_said_oneself_is_recalled_once_and_after_the_past() {
    let (mut berlin, mut lima) = (node("berlin", 1), node("lima", 2));
    berlin.enter_named(1, "anna");
    berlin.types(1, "before");
    berlin.types(1, "/topic trains");
    lima.enter_named(1, "bob");
    lima.types(1, "since");
    let shared = berlin.shared.iter().chain(&lima.shared);
    for entry in shared.cloned().collect::<Vec<_>>() {
        lima.hub.recall(lima.now, (*entry).clone());
        lima.settle();
    }
    lima.read(1);
    lima.types(1, "/history");
    let text = lima.read(1);
    let said: Vec<&str> = text
        .lines()
        .filter_map(|it| it.split("] ").nth(1))
        .collect();
    assert_eq!(said, ["anna: before", "bob: since"]);
    lima.types(1, "/topic");
    let text = lima.read(1);
    assert!(text.contains("trains"), "{text}");
}

#[test]
fn a_topic_that_was_given_since_is_not_undone_by_an_older_one() {
    let (mut berlin, mut lima) = (node("berlin", 1), node("lima", 2));
    berlin.enter_named(1, "anna");
    berlin.types(1, "/topic old");
    lima.enter_named(1, "bob");
    lima.types(1, "/topic new");
    for entry in std::mem::take(&mut berlin.shared) {
        lima.hub.recall(lima.now, (*entry).clone());
    }
    lima.read(1);
    lima.types(1, "/topic");
    let text = lima.read(1);
    assert!(text.contains("new") && !text.contains("old"), "{text}");
}

#[test]
fn a_heartbeat_says_whether_its_server_is_new_or_has_ones_own_name() {
    let (berlin, mut lima) = (node("berlin", 1), node("lima", 2));
    let other = node("lima", 3);
    let mut see = |from: &World| lima.hub.hear_presence(lima.now, from.hub.presence());
    assert_eq!(see(&berlin), Sighting::New);
    assert_eq!(see(&berlin), Sighting::Known);
    assert_eq!(see(&other), Sighting::Namesake(3));
    let own = lima.hub.presence();
    assert_eq!(lima.hub.hear_presence(lima.now, own), Sighting::Passed);
}
