use super::*;
use crate::text::escape::is_hidden;

/// Something that a member does.
#[derive(Clone, Debug)]
enum Act {
    Enter(u64),
    Type(u64, String),
    End(u64),
    Pass(u64),
    Kick(String),
}

fn lines() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[abAB你]{1,2}(@[rs])?",
        2 => "/nick [abAB]",
        2 => "/join [rs]",
        1 => "/leave( [rs])?",
        1 => "/msg [ab] \\PC{0,5}",
        1 => "/(json|echo) (on|off)",
        1 => "/(who|rooms|topic|history|help|ping|quit|frob)",
        1 => "/topic .{0,5}",
        1 => r#"\{"text":"[a-c]{1,3}"\}"#,
        2 => ".{0,12}",
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let member = || 1_u64..6;
    let act = prop_oneof![
        3 => member().prop_map(Act::Enter),
        12 => (member(), lines()).prop_map(|(member, line)| Act::Type(member, line)),
        1 => member().prop_map(Act::End),
        1 => (0_u64..90).prop_map(Act::Pass),
        1 => "[ab]".prop_map(Act::Kick),
    ];
    proptest::collection::vec(act, 0..60)
}

fn play(world: &mut World, act: Act) {
    match act {
        Act::Enter(number) => {
            if !world.visitors.contains_key(&Member(number)) {
                world.enter(number);
            }
        }
        Act::Type(number, line) => world.types(number, &line),
        Act::End(number) => world.ends(number),
        Act::Pass(secs) => world.passes(Duration::from_secs(secs)),
        Act::Kick(nick) => {
            let _ = world.hub.kick(world.now, &nick, "");
            world.settle();
        }
    }
}

/// What must hold of a hub at any time.
fn check(hub: &Hub) {
    let named = hub.people.iter().filter_map(|(member, person)| {
        let nick = person.nick.as_ref()?;
        Some((nick.key(), *member))
    });
    assert_eq!(named.collect::<BTreeMap<_, _>>(), hub.nicks);
    let have_nick = hub.people.values().filter(|person| person.nick.is_some());
    assert_eq!(have_nick.count(), hub.nicks.len());
    for (member, person) in &hub.people {
        for key in &person.rooms {
            assert!(hub.rooms[key].members.contains(member));
        }
    }
    for (key, place) in &hub.rooms {
        assert_eq!(*key, place.name.key());
        for member in &place.members {
            assert!(hub.people[member].is_in(key));
        }
    }
}

proptest! {
    #[test]
    fn no_two_are_called_the_same_and_everybody_is_where_they_think(acts in acts()) {
        let mut world = world();
        for act in acts {
            play(&mut world, act);
            check(&world.hub);
            prop_assert!(world.visitors.len() >= world.hub.people.len());
        }
    }

    #[test]
    fn d1_no_control_reaches_a_plain_client(acts in acts()) {
        let mut world = world();
        for act in acts {
            if !matches!(&act, Act::Type(_, line) if line.contains("/json")) {
                play(&mut world, act);
            }
        }
        for screen in world.screens.values() {
            let is_fit = |c: char| matches!(c, '\n' | '\t') || !c.is_control() && !is_hidden(c);
            prop_assert!(screen.chars().all(is_fit), "{screen:?}");
        }
    }

    #[test]
    fn what_is_said_is_heard_by_every_other_once_and_in_one_order(
        said in proptest::collection::vec((1_u64..5, 0_usize..2), 0..60),
    ) {
        const ROOMS: [&str; 2] = ["r", "s"];
        let mut world = World::new(Settings { flood: None, ..Settings::default() });
        for number in 1..5 {
            world.enter_named(number, &format!("n{number}@r"));
        }
        // The last one is in one room only.
        for number in 1..4 {
            world.types(number, "/join s");
        }
        for number in 1..5 {
            world.read(number);
        }
        let mut expected: BTreeMap<u64, String> = BTreeMap::new();
        for (turn, (speaker, room)) in said.into_iter().enumerate() {
            let room = if speaker == 4 { 0 } else { room };
            let room = ROOMS[room];
            world.types(speaker, &format!("/msg #{room} {turn}"));
            for number in (1..5).filter(|number| *number != speaker) {
                if room == "r" || number < 4 {
                    let heard = expected.entry(number).or_default();
                    heard.push_str(&format!("[{room}] n{speaker}: {turn}\n"));
                }
            }
        }
        for number in 1..5 {
            prop_assert_eq!(world.read(number), expected.remove(&number).unwrap_or_default());
        }
    }
}
