use sockpit_core::rule::Rules;

use super::{COMMANDS, Saved, completions, find, names};

const FILE: &str = r#"
[[list]]
name = "poll"
items = [{ name = "status", send = "S?" }, { send = "T?" }]

[[list]]
name = "poll.more"
items = [{ name = "status", send = "M?" }, { name = "only here", send = "O?" }]
"#;

fn rules() -> Rules {
    Rules::parse(FILE, "rules.toml").unwrap()
}

#[test]
fn saved_messages_are_found_by_list_and_by_item() {
    let rules = rules();
    let place = |name| match find(Some(&rules), name)? {
        Saved::List(list) => Some((list, None)),
        Saved::Item(list, item) => Some((list, Some(item))),
    };
    assert_eq!(place("poll"), Some((0, None)));
    assert_eq!(place("poll.status"), Some((0, Some(0))));
    assert_eq!(place("poll.more"), Some((1, None)));
    assert_eq!(place("poll.more.status"), Some((1, Some(0))));
    assert_eq!(place("status"), Some((0, Some(0))));
    assert_eq!(place("only here"), Some((1, Some(1))));
    assert_eq!(place("nothing"), None);
    assert!(find(None, "poll").is_none());
}

#[test]
fn every_name_that_is_offered_is_found() {
    let rules = rules();
    for name in names(Some(&rules)) {
        assert!(find(Some(&rules), &name).is_some(), "{name}");
    }
}

#[test]
fn every_command_is_completed_once() {
    let mut words: Vec<&str> = completions(None).iter().map(|it| it.command).collect();
    assert_eq!(words.len(), COMMANDS.len());
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), COMMANDS.len());
}
