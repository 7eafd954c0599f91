//! Who holds it, in a sentence.

use super::*;
use crate::doctor::explain::explain_to;

fn owner(pid: Option<u32>, state: State) -> Owner {
    Owner {
        program: pid.map(|_| "python3".to_owned()),
        pid,
        command: None,
        since: pid.map(|_| Duration::from_secs(12 * 60 + 59)),
        uid: Some(0),
        user: Some("root".to_owned()),
        // port: only compared
        local: Some("0.0.0.0:7000".parse().unwrap()),
        kind: Kind::Tcp,
        path: None,
        state,
        backlog: None,
        is_v6_only: None,
        sockets: 1,
    }
}

fn explained(owners: &[Owner]) -> String {
    explain_to(owners, None, false).unwrap()
}

#[test]
fn the_owner_is_explained_in_one_sentence() {
    let python = owner(Some(4121), State::Listening);
    let expected = "`python3` (pid 4121, user root) has held it for 12 min";
    assert_eq!(explained(std::slice::from_ref(&python)), expected);
    let connection = Owner {
        state: State::Connected,
        ..python.clone()
    };
    assert_eq!(explained(&[python.clone(), connection]), expected);

    let workers = [4121, 4122, 4123].map(|pid| owner(Some(pid), State::Listening));
    assert_eq!(
        explained(&workers[..2]),
        "`python3` (pid 4121, user root) and 1 more process have held it for 12 min"
    );
    assert_eq!(
        explained(&workers),
        "`python3` (pid 4121, user root) and 2 more processes have held it for 12 min"
    );
    let ageless = Owner {
        since: None,
        user: None,
        ..python
    };
    assert_eq!(explained(&[ageless]), "`python3` (pid 4121) holds it");
}

#[test]
fn an_owner_that_is_hidden_is_never_free() {
    let hidden = owner(None, State::Listening);
    assert_eq!(
        explained(std::slice::from_ref(&hidden)),
        "a process of user `root` holds it; its name is hidden from you, `sudo` shows it"
    );
    assert_eq!(
        explain_to(std::slice::from_ref(&hidden), None, true).unwrap(),
        "a process of user `root` holds it; it is outside of what can be seen from here, such as \
         in a container"
    );
    let nameless = Owner {
        user: None,
        uid: None,
        ..hidden
    };
    assert!(explained(&[nameless]).starts_with("a process holds it; "));
}

#[test]
fn what_the_system_keeps_is_explained() {
    let left = |state| Owner {
        user: None,
        uid: None,
        ..owner(None, state)
    };
    assert_eq!(
        explained(&[left(State::TimeWait)]),
        "no program holds it; the system keeps it for up to 60 s after a connection has ended"
    );
    assert_eq!(
        explained(&[left(State::Closing)]),
        "no program holds it; the system keeps it until a connection has ended"
    );
}

/// D2: a program chooses its own name.
#[test]
fn a_hostile_name_is_escaped() {
    let hostile = Owner {
        program: Some("\x1b[2J\n".to_owned()),
        user: Some("\u{202e}root".to_owned()),
        ..owner(Some(1), State::Listening)
    };
    let said = explained(&[hostile]);
    assert!(
        said.chars().all(|c| c.is_ascii_graphic() || c == ' '),
        "{said:?}"
    );
}

#[test]
fn spans_are_said_in_their_largest_unit() {
    let said = [0, 59, 60, 3599, 3600, 172_799, 172_800].map(|s| rough(Duration::from_secs(s)));
    assert_eq!(
        said,
        ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days"]
    );
}
