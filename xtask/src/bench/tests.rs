use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use super::*;

#[test]
fn without_words_everything_is_measured_seven_times() {
    check("", Ok((&[], 7, 2048)));
}

#[test]
fn names_and_options_come_in_any_order() {
    check("echo --runs 3 udp --size 64", Ok((&["echo", "udp"], 3, 64)));
}

#[test]
fn an_unknown_name_is_told_the_known_ones() {
    check(
        "ehco",
        Err(
            "no benchmark is called `ehco`; there are bulk, echo, churn, udp, idle, start, wire, lost-64, \
             lost-1400, capture-64, capture-1400, read, read-memory, room-100, room-1000, room-5000, \
             room-memory",
        ),
    );
}

#[test]
fn an_option_without_a_number_is_a_mistake() {
    check("--runs", Err("`--runs` needs a number above 0"));
    check("--runs 0", Err("`--runs` needs a number above 0"));
    check("--size big", Err("`--size` needs a number above 0"));
}

#[test]
fn every_name_has_a_benchmark() {
    let bench = Bench {
        runs: 1,
        size_mib: 1,
        sockpit: "sockpit".into(),
        xtask: "xtask".into(),
    };
    for name in NAMES {
        assert!(bench.comparison(name).is_ok(), "{name}");
    }
}

#[test]
fn the_kernel_is_told_by_its_number_alone() {
    let machine = machine();
    let (_, kernel) = machine.rsplit_once(", Linux ").unwrap();
    assert!(
        kernel.chars().all(|c| c == '.' || c.is_ascii_digit()),
        "{kernel}"
    );
}

#[test]
fn a_command_carries_the_port_to_its_load() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = port.local_addr().unwrap().port();
    let bench = Bench {
        runs: 1,
        size_mib: 1,
        sockpit: "sockpit".into(),
        xtask: "xtask".into(),
    };
    let command: Command = bench.load("echo", port);
    let words: Vec<_> = command.get_args().collect();
    assert_eq!(words, ["bench-load", "echo", &port.to_string()]);
}

/// The names, runs and size that `words` ask for, or what is wrong with them.
fn check(words: &str, expected: Result<(&[&str], usize, u64), &str>) {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let expected = match expected {
        Ok((names, runs, size_mib)) => Ok(Arguments {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            runs,
            size_mib,
        }),
        Err(message) => Err(message.to_owned()),
    };
    assert_eq!(parse(&words), expected);
}
