//! The script: what it sends, and what comes of its end.

use super::*;

#[test]
fn a_script_whose_expectations_are_met_closes_at_once() {
    client("tcp://h:1")
        .script(&[send("ping"), expect("pong"), send("bye"), expect("ok")])
        .check(
            &[(100, Hear(b"po")), (200, Hear(b"ng")), (300, Hear(b"ok"))],
            &["0 send ping", "200 send bye", "300 close local"],
        );
}

#[test]
fn an_expectation_that_is_not_met_in_time_says_what_came_instead() {
    client("tcp://h:1")
        .script(&[send("ping"), expect("pong")])
        .check(
            &[(4_000, Hear(b"pung"))],
            &[
                "0 send ping",
                "5000 fault expectation 3: expected `pong` within 5s; instead came `pung`",
                "5000 close local",
            ],
        );
    client("tcp://h:1").script(&[expect("pong")]).check(
        &[],
        &[
            "5000 fault expectation 3: expected `pong` within 5s; nothing came",
            "5000 close local",
        ],
    );
    client("tcp://h:1").script(&[expect("a"), expect("a")]).check(
        &[(10, Hear(b"a"))],
        &[
            "5010 fault expectation 3: expected `a` within 5s; 1 bytes came, none after the last \
             match",
            "5010 close local",
        ],
    );
}

#[test]
fn an_expectation_that_the_peers_end_cuts_off_is_not_met() {
    client("tcp://h:1")
        .script(&[send("a"), expect("pong"), send("b")])
        .check(
            &[(100, Hear(b"po")), (200, End)],
            &[
                "0 send a",
                "200 fault expectation 3: expected `pong` before the peer ended; instead came `po`",
                "200 close local",
            ],
        );
}

#[test]
fn a_script_without_expectations_ends_like_input() {
    client("tcp://h:1").script(&[send("a"), send("b")]).check(
        &[(300, Hear(b"reply")), (400, End)],
        &["0 send a", "0 send b", "0 shutdown", "400 close fin"],
    );
    client("udp://h:1").script(&[send("a")]).check(
        &[(300, Hear(b"reply"))],
        &[
            "0 send a",
            "0 out 0 a",
            "300 in 0 reply",
            "1300 close local",
        ],
    );
    server("tcp://h:1")
        .script(&[send("a")])
        .check(&[(400, End)], &["0 send a", "0 shutdown", "400 close fin"]);
}

#[test]
fn a_script_of_a_silent_rule_file_ends_like_input() {
    client("tcp://h:1")
        .rules("[[script]]\nsend = 'a'\n")
        .script(&[send("a")])
        .check(&[(400, End)], &["0 send a", "0 shutdown", "400 close fin"]);
}

#[test]
fn an_interactive_client_goes_on_when_its_expectations_are_met() {
    client("tcp://h:1")
        .script(&[send("a"), expect("b")])
        .reads(Input::Open)
        .check(
            &[
                (10, Hear(b"b")),
                (20, Say("typed")),
                (30, Finish),
                (40, End),
            ],
            &["0 send a", "20 send typed", "30 shutdown", "40 close fin"],
        );
}

#[test]
fn input_that_ends_before_the_script_does_not_cut_it_off() {
    client("tcp://h:1")
        .script(&[send("a"), expect("b")])
        .reads(Input::Open)
        .check(
            &[(10, Finish), (20, Hear(b"b"))],
            &["0 send a", "20 close local"],
        );
}

#[test]
fn a_step_waits_for_its_delay() {
    client("tcp://h:1")
        .script(&[after(200, "a"), send("b"), after(300, "c")])
        .check(
            &[(900, End)],
            &[
                "200 send a",
                "200 send b",
                "500 send c",
                "500 shutdown",
                "900 close fin",
            ],
        );
}

#[test]
fn what_is_still_to_be_sent_is_sent_after_the_peers_end() {
    client("tcp://h:1")
        .script(&[send("a"), after(300, "b")])
        .check(
            &[(100, End)],
            &["0 send a", "300 send b", "300 shutdown", "300 close fin"],
        );
}
