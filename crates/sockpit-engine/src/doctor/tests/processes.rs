//! What is known of a process, and how one is held.

use std::collections::BTreeMap;

use super::*;
use crate::doctor::process::{Host, parse_users, program_name};

#[test]
fn the_start_of_a_process_is_behind_a_name_that_may_hold_anything() {
    let host = Host {
        uptime: Some(Duration::from_secs(1000)),
        ticks_per_second: Some(100),
        users: BTreeMap::new(),
    };
    let stat = b"42 (a) 1 (b\n) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4000 20 21";
    assert_eq!(host.since(stat), Some(Duration::from_secs(960)));
    assert_eq!(host.since(b"42 (a) S 1 2 3"), None);
    assert_eq!(host.since(b"42"), None);
    assert_eq!(host.since(b""), None);
}

#[test]
fn a_name_that_the_system_cut_is_whole_again() {
    let name = |comm: &[u8], arguments: &[u8]| program_name(comm, arguments);
    assert_eq!(
        name(b"python3\n", b"/usr/bin/python3\0-m\0http.server\0"),
        "python3"
    );
    assert_eq!(
        name(b"a-rather-long-n\n", b"/opt/a-rather-long-name\0-v\0"),
        "a-rather-long-name"
    );
    assert_eq!(
        name(b"another-long-na\n", b"/opt/a-rather-long-name\0"),
        "another-long-na"
    );
    assert_eq!(name(b"renamed\n", b"/opt/program\0"), "renamed");
    assert_eq!(name(b"kworker", b""), "kworker");
}

#[test]
fn users_have_names_or_numbers() {
    let users = parse_users(b"root:x:0:0:root:/root:/bin/sh\nalso:x:0:0::/:\nww\xff:x:33:\nbad\n");
    let host = Host {
        uptime: None,
        ticks_per_second: None,
        users,
    };
    assert_eq!(host.user(0), "root");
    assert_eq!(host.user(33), "ww\u{fffd}");
    assert_eq!(host.user(7), "7");
}

#[test]
fn neither_the_first_process_nor_this_one_is_seized() {
    for pid in [0, 1, std::process::id()] {
        let error = Holder::seize(pid, Vec::new).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[test]
fn a_process_that_holds_nothing_of_it_is_let_go() {
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    assert!(Holder::seize(child.id(), Vec::new).unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}
