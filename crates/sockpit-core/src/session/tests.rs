//! What a session promises, in virtual time: who ends when, what is told, what is sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Input, Message, Peer, Script, Session, Step};
use crate::event::{Direction, What};
use crate::machine::{Fault, Machine, Output, Reason};
use crate::plan::{Options, Plan, Role, Shape};
use crate::rule::{Pattern, Payload, Rules};
use crate::sim::{Faults, Pair, Side};
use crate::time::Time;

// Who ends when: the table of situations of the design.

#[test]
fn a_stream_client_whose_input_ends_shuts_down_and_reads_to_the_peers_end() {
    client("tcp://h:1").check(
        &[
            (0, Say("hello\n")),
            (100, Finish),
            (9_000, Hear(b"late reply")),
            (9_500, End),
        ],
        &["0 send hello\\n", "100 shutdown", "9500 close fin"],
    );
}

#[test]
fn what_the_user_says_after_the_end_of_input_is_not_sent() {
    client("tcp://h:1").check(
        &[(0, Finish), (1, Say("x")), (2, End)],
        &["0 shutdown", "2 close fin"],
    );
}

#[test]
fn linger_bounds_the_wait_for_the_peers_end() {
    client("tcp://h:1?linger=2s").check(
        &[(100, Finish), (1_000, Hear(b"still here"))],
        &["100 shutdown", "2100 close timeout"],
    );
    client("tcp://h:1?linger=2s").check(
        &[(100, Finish), (2_000, End)],
        &["100 shutdown", "2000 close fin"],
    );
}

#[test]
fn a_stream_client_goes_on_after_the_peers_end_while_its_input_does() {
    client("tcp://h:1").check(
        &[(0, End), (400, Say("a")), (800, Say("b"))],
        &["400 send a", "800 send b", "1300 close fin"],
    );
}

#[test]
fn a_stream_client_ends_500_ms_after_its_peer_if_its_input_is_quiet() {
    client("tcp://h:1").check(
        &[(0, Say("a")), (700, End)],
        &["0 send a", "1200 close fin"],
    );
}

#[test]
fn input_that_ends_after_the_peer_ends_the_conversation_at_once() {
    client("tcp://h:1").check(
        &[(0, End), (300, Say("a")), (300, Finish)],
        &["300 send a", "300 shutdown", "300 close fin"],
    );
}

#[test]
fn a_call_that_came_early_does_not_make_the_wait_longer() {
    client("tcp://h:1").check(&[(0, End), (300, Wake)], &["500 close fin"]);
    client("udp://h:1").check(&[(0, Finish), (300, Wake)], &["1000 close local"]);
    client("tcp://h:1?idle=1s").check(&[(300, Wake)], &["1000 close idle"]);
    client("tcp://h:1?linger=1s").check(
        &[(0, Finish), (300, Wake)],
        &["0 shutdown", "1000 close timeout"],
    );
}

#[test]
fn a_reset_is_told_and_ends_the_conversation() {
    let told = [
        "50 fault reset: the peer reset the connection before it had sent a byte",
        "50 close reset",
    ];
    client("tcp://h:1").check(&[(50, Fail(Fault::Reset))], &told);
    server("tcp://h:1").check(&[(50, Fail(Fault::Reset))], &told);
}

#[test]
fn a_broken_pipe_says_that_the_peer_had_not_read_everything() {
    client("tcp://h:1").check(
        &[(0, Say("a")), (50, Fail(Fault::BrokenPipe))],
        &[
            "0 send a",
            "50 fault reset: the peer closed the connection before it had read everything",
            "50 close reset",
        ],
    );
}

#[test]
fn a_datagram_client_whose_input_ended_waits_for_a_silence() {
    client("udp://h:1").check(
        &[
            (0, Say("ping")),
            (0, Finish),
            (900, Hear(b"pong")),
            (1_800, Hear(b"pong")),
        ],
        &[
            "0 send ping",
            "0 out 0 ping",
            "900 in 0 pong",
            "1800 in 4 pong",
            "2800 close local",
        ],
    );
}

#[test]
fn a_datagram_client_waits_as_long_as_it_is_told() {
    client("udp://h:1?wait=5s").check(&[(100, Finish)], &["5100 close local"]);
}

#[test]
fn a_datagram_never_shuts_down() {
    for told in [
        client("udp://h:1"),
        server("udp://h:1?idle=5s"),
        server("unixgram:///s?idle=5s"),
    ] {
        let outputs = told.run(&[(0, Hear(b"")), (1, Say("x")), (2, Finish)]);
        assert!(
            outputs.iter().all(|line| !line.contains("shutdown")),
            "{outputs:?}"
        );
    }
}

#[test]
fn an_unreachable_peer_ends_a_client_whose_input_ended_and_no_other() {
    let refused = "fault refused: nobody listens there (ICMP port unreachable)";
    client("udp://h:1").check(
        &[(0, Finish), (10, Fail(Fault::Refused))],
        &[&format!("10 {refused}"), "10 close refused"],
    );
    client("udp://h:1").check(
        &[(0, Finish), (10, Fail(Fault::Unreachable))],
        &[
            "10 fault unreachable: there is no way there",
            "10 close unreachable",
        ],
    );
    client("udp://h:1").check(
        &[(10, Fail(Fault::Refused)), (20, Say("again")), (30, Close)],
        &[
            &format!("10 {refused}"),
            "20 send again",
            "20 out 0 again",
            "30 close local",
        ],
    );
    server("udp://h:1").check(
        &[(0, Finish), (10, Fail(Fault::Refused)), (20, Close)],
        &[&format!("10 {refused}"), "20 close local"],
    );
}

#[test]
fn a_datagram_listener_forgets_a_silent_peer() {
    server("udp://h:1").reads(Input::Closed).check(
        &[(0, Hear(b"a")), (50_000, Hear(b""))],
        &["0 in 0 a", "50000 in 1 ", "110000 close idle"],
    );
}

#[test]
fn idle_counts_from_the_last_byte_that_came() {
    server("tcp://h:1?idle=3s").check(
        &[
            (2_000, Hear(b"a")),
            (4_000, Say("what we say does not count")),
        ],
        &["4000 send what we say does not count", "5000 close idle"],
    );
}

#[test]
fn a_stream_without_idle_waits_for_ever() {
    client("tcp://h:1").check(&[(0, Hear(b"a"))], &[]);
    server("tcp://h:1").check(&[(0, Hear(b"a"))], &[]);
}

#[test]
fn a_listener_without_input_serves_until_the_peer_ends() {
    server("tcp://h:1").reads(Input::Closed).check(
        &[(0, Finish), (60_000, Hear(b"hello")), (90_000, End)],
        &["90000 shutdown", "90000 close fin"],
    );
}

#[test]
fn a_listeners_input_that_ends_is_its_end_only_if_a_byte_came() {
    server("tcp://h:1").check(
        &[(0, Say("hi")), (10, Finish), (90, End)],
        &["0 send hi", "10 shutdown", "90 close fin"],
    );
    server("tcp://h:1").check(&[(10, Finish), (90, End)], &["90 shutdown", "90 close fin"]);
}

#[test]
fn a_listener_with_input_goes_on_after_the_peers_end() {
    server("tcp://h:1").check(
        &[(0, End), (9_000, Say("late")), (9_100, Finish)],
        &["9000 send late", "9100 shutdown", "9100 close fin"],
    );
}

#[test]
fn a2_a_peer_that_ended_keeps_its_place_no_longer_than_half_a_minute() {
    server("tcp://h:1").check(
        &[(0, End), (20_000, Say("late"))],
        &["20000 send late", "50000 close fin"],
    );
}

#[test]
fn a_program_has_the_word_until_it_closes() {
    server("tcp://h:1").reads(Input::Program).check(
        &[(0, End), (5_000, Say("result")), (5_000, Close)],
        &["5000 send result", "5000 close local"],
    );
}

// Rules.

#[test]
fn a_peer_that_ended_still_gets_its_pending_replies() {
    let slow = "[[rule]]\nany = true\nreply = 'done'\ndelay = '2s'\n";
    let told = ["2000 send done", "2000 shutdown", "2000 close fin"];
    server("tcp://h:1")
        .reads(Input::Closed)
        .rules(slow)
        .check(&[(0, Hear(b"job")), (0, End)], &told);
    client("tcp://h:1")
        .reads(Input::Closed)
        .rules(slow)
        .check(&[(0, Hear(b"job")), (0, End)], &told);
}

#[test]
fn quiet_input_does_not_cut_off_pending_replies() {
    let outputs = client("tcp://h:1")
        .rules("[[rule]]\nany = true\nreply = 'done'\ndelay = '2s'\n")
        .run(&[(0, Hear(b"job")), (0, End)]);
    assert!(
        outputs.contains(&"2000 send done".to_owned()),
        "{outputs:?}"
    );
    assert!(
        outputs
            .last()
            .is_some_and(|last| last.ends_with("close fin")),
        "{outputs:?}"
    );
}

#[test]
fn a_counted_repetition_is_finished_after_the_peers_end_and_an_endless_one_is_not() {
    let rules = "[[rule]]\nany = true\nreply = 'x'\nrepeat = { every = '1s', count = 3 }\n";
    server("tcp://h:1").reads(Input::Closed).rules(rules).check(
        &[(0, Hear(b"go")), (100, End)],
        &[
            "0 send x",
            "1000 send x",
            "2000 send x",
            "2000 shutdown",
            "2000 close fin",
        ],
    );
    let rules = "[[rule]]\nany = true\nreply = 'x'\nrepeat = { every = '1s' }\n";
    server("tcp://h:1").reads(Input::Closed).rules(rules).check(
        &[(0, Hear(b"go")), (1_500, End)],
        &["0 send x", "1000 send x", "1500 shutdown", "1500 close fin"],
    );
}

#[test]
fn who_answers_by_rules_keeps_its_side_open_when_its_input_ends() {
    client("tcp://h:1").reply("echo").check(
        &[(0, Finish), (9_000, Hear(b"late")), (9_100, End)],
        &["9000 send late", "9100 shutdown", "9100 close fin"],
    );
    client("udp://h:1").reply("upper").check(
        &[(0, Finish), (9_000, Hear(b"late")), (9_100, Close)],
        &[
            "9000 in 0 late",
            "9000 send LATE",
            "9000 out 0 LATE",
            "9100 close local",
        ],
    );
}

#[test]
fn rules_that_answer_nothing_do_not_keep_a_client_open() {
    client("tcp://h:1").reply("discard").check(
        &[(0, Finish), (100, Hear(b"x")), (200, End)],
        &["0 shutdown", "200 close fin"],
    );
    client("udp://h:1")
        .reply("discard")
        .check(&[(0, Finish)], &["1000 close local"]);
}

#[test]
fn a_rule_closes_after_its_answer_and_hears_nothing_more() {
    server("tcp://h:1?frame=lines")
        .rules("[[rule]]\nequals = 'quit'\nreply = 'bye'\nclose = true\n[[rule]]\nany = true\necho = true\n")
        .check(
            &[(0, Hear(b"a\nquit\nb\n"))],
            &[
                "0 in 0 a",
                "0 send a\\n",
                "0 out 0 a",
                "0 in 2 quit",
                "0 send bye\\n",
                "0 out 2 bye",
                "0 close local",
            ],
        );
}

#[test]
fn what_follows_the_last_message_in_its_chunk_is_no_fault() {
    server("tcp://h:1?frame=len:u8&max-frame=40")
        .rules("[[rule]]\nany = true\nreply = 'bye'\nclose = true\n")
        .check(
            &[(0, Hear(b"\x01q\xFF"))],
            &[
                "0 in 0 q",
                "0 send \\x03bye",
                "0 out 0 bye",
                "0 close local",
            ],
        );
}

#[test]
fn rules_answer_each_chunk_of_a_raw_stream_and_each_message_of_a_framed_one() {
    server("tcp://h:1").reply("echo").check(
        &[(0, Hear(b"a")), (1, Hear(b"b\nc"))],
        &["0 send a", "1 send b\\nc"],
    );
    server("tcp://h:1?frame=len:u8").reply("echo").check(
        &[(0, Hear(b"\x01a\x00\x02b"))],
        &[
            "0 in 0 a",
            "0 send \\x01a",
            "0 out 0 a",
            "0 in 2 ",
            "0 send \\x00",
            "0 out 2 ",
        ],
    );
}

#[test]
fn what_the_end_cut_off_is_shown_and_not_answered() {
    server("tcp://h:1?frame=lines")
        .reads(Input::Closed)
        .reply("echo")
        .check(
            &[(0, Hear(b"whole\nhal")), (1, End)],
            &[
                "0 in 0 whole",
                "0 send whole\\n",
                "0 out 0 whole",
                "1 in 6 hal partial",
                "1 shutdown",
                "1 close fin",
            ],
        );
}

#[test]
fn what_follows_the_last_delimiter_of_a_datagram_is_answered() {
    server("udp://h:1?frame=lines").reply("echo").check(
        &[(0, Hear(b"a\nb")), (1, Close)],
        &[
            "0 in 0 a",
            "0 send a\\n",
            "0 out 0 a",
            "0 in 2 b partial",
            "0 send b\\n",
            "0 out 2 b",
            "1 close local",
        ],
    );
}

#[test]
fn a_list_that_starts_by_itself_speaks_first() {
    server("tcp://h:1")
        .rules("[[list]]\nname = 'hello'\nstart = true\nitems = [{ send = 'hi' }, { send = 'ho', delay = '1s' }]\n")
        .check(&[], &["0 send hi", "1000 send ho"]);
}

#[test]
fn silence_ends_a_gap_message() {
    server("tcp://h:1?frame=gap:20ms").reply("echo").check(
        &[
            (0, Hear(b"a")),
            (19, Hear(b"b")),
            (39, Hear(b"c")),
            (40, Hear(b"d")),
            (50, End),
        ],
        &[
            "39 in 0 ab",
            "39 send ab",
            "39 out 0 ab",
            "50 in 2 cd",
            "50 send cd",
            "50 out 2 cd",
            "30050 close fin",
        ],
    );
}

#[test]
fn a_reply_that_the_framing_cannot_carry_is_a_fault_and_not_an_end() {
    server("tcp://h:1?frame=lines").rules("[[rule]]\nany = true\nreply = \"a\\nb\"\n").check(
        &[(0, Hear(b"x\n"))],
        &[
            "0 in 0 x",
            "0 fault frame: the message holds a line break at byte 1, so the peer would read more \
             than one; send the lines apart, or use a framing such as `len:u32be`",
        ],
    );
}

// The script.

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

#[test]
fn rounds_keep_their_beat() {
    client("tcp://h:1")
        .script(&[send("a")])
        .rounds(1_000, Some(3))
        .check(
            &[(2_500, End)],
            &[
                "0 send a",
                "1000 send a",
                "2000 send a",
                "2000 shutdown",
                "2500 close fin",
            ],
        );
    // The answer of the first round takes half of the second one's time.
    client("tcp://h:1")
        .script(&[send("a"), expect("b")])
        .rounds(1_000, Some(3))
        .check(
            &[
                (1_500, Hear(b"b")),
                (1_600, Hear(b"b")),
                (2_100, Hear(b"b")),
            ],
            &["0 send a", "1500 send a", "2000 send a", "2100 close local"],
        );
}

#[test]
fn rounds_that_a_slow_answer_made_impossible_are_not_made_up_for() {
    client("tcp://h:1")
        .script(&[send("a"), expect("b")])
        .rounds(1_000, Some(3))
        .check(
            &[
                (3_300, Hear(b"b")),
                (3_400, Hear(b"b")),
                (4_400, Hear(b"b")),
            ],
            &["0 send a", "3300 send a", "4300 send a", "4400 close local"],
        );
}

#[test]
fn endless_rounds_go_on_until_the_user_closes() {
    client("tcp://h:1")
        .script(&[send("a")])
        .rounds(1_000, None)
        .check(
            &[(2_900, Close)],
            &["0 send a", "1000 send a", "2000 send a", "2900 close local"],
        );
}

#[test]
fn rounds_without_a_beat_follow_one_another() {
    client("tcp://h:1")
        .script(&[send("a"), expect("b")])
        .times(2)
        .check(
            &[(100, Hear(b"b")), (300, Hear(b"b"))],
            &["0 send a", "100 send a", "300 close local"],
        );
}

#[test]
fn rounds_without_end_or_beat_leave_the_driver_its_turn() {
    let talk = client("tcp://h:1").script(&[send("a")]).rounds(0, None);
    let mut session = talk.session();
    let mut outputs = Vec::new();
    let wake = drain(&mut session, &mut outputs).unwrap();
    assert_eq!(wake, Some(Time::ZERO));
    assert!(!outputs.is_empty() && outputs.len() < 10_000);
    session.close();
    assert_eq!(drain(&mut session, &mut outputs), None);
}

#[test]
fn many_rounds_are_sent_in_full() {
    let outputs = client("tcp://h:1")
        .script(&[send("a")])
        .times(5_000)
        .run(&[(1, End)]);
    assert_eq!(
        outputs.iter().filter(|line| *line == "0 send a").count(),
        5_000
    );
    assert_eq!(outputs[5_000..], ["0 shutdown", "1 close fin"]);
}

#[test]
fn a_round_that_the_peers_end_makes_impossible_is_not_met() {
    let outputs = client("tcp://h:1")
        .script(&[send("a"), expect("b")])
        .rounds(1_000, Some(3))
        .run(&[(100, Hear(b"b")), (200, End)]);
    assert!(
        outputs
            .iter()
            .any(|line| line.starts_with("200 fault expectation 3:")),
        "{outputs:?}"
    );
}

#[test]
fn an_expectation_spans_chunks_of_a_raw_stream_and_no_frames() {
    let told = [expect("hello world")];
    client("tcp://h:1").script(&told).check(
        &[(0, Hear(b"hello w")), (10, Hear(b"orld"))],
        &["10 close local"],
    );
    client("tcp://h:1?frame=delim:w")
        .script(&[expect("hello orld")])
        .check(
            &[(0, Hear(b"hello worldw"))],
            &[
                "0 in 0 hello ",
                "0 in 7 orld",
                "5000 fault expectation 3: expected `hello orld` within 5s; instead came `orld`",
                "5000 close local",
            ],
        );
    client("tcp://h:1?frame=lines").script(&told).check(
        &[(0, Hear(b"hello w")), (10, Hear(b"orld\n"))],
        &["10 in 0 hello world", "10 close local"],
    );
}

#[test]
fn expectations_look_from_the_last_match_on() {
    client("tcp://h:1")
        .script(&[expect("a"), expect("b"), expect("a")])
        .check(
            &[(0, Hear(b"ba")), (10, Hear(b"b")), (20, Hear(b"xa"))],
            &["20 close local"],
        );
    client("tcp://h:1?frame=lines")
        .script(&[expect("a"), expect("b"), expect("c")])
        .check(
            &[(0, Hear(b"ab\nc\n"))],
            &["0 in 0 ab", "0 in 3 c", "0 close local"],
        );
}

#[test]
fn a_frame_that_came_while_a_step_waited_counts() {
    client("tcp://h:1?frame=lines")
        .script(&[expect("a"), after(100, "x"), expect("b")])
        .check(
            &[(0, Hear(b"a\nb\nc\n"))],
            &[
                "0 in 0 a",
                "0 in 2 b",
                "0 in 4 c",
                "100 send x\\n",
                "100 out 0 x",
                "100 close local",
            ],
        );
}

#[test]
fn what_came_of_an_unfinished_message_is_not_called_nothing() {
    let outputs = client("tcp://h:1?frame=lines")
        .script(&[expect("OK")])
        .run(&[(0, Hear(b"OK"))]);
    let fault = outputs
        .iter()
        .find(|line| line.contains("fault expectation"));
    assert!(
        fault.is_some_and(|line| !line.contains("nothing came")),
        "{outputs:?}"
    );
}

#[test]
fn what_is_left_when_this_side_ends_is_shown() {
    for endpoint in [
        "tcp://h:1?frame=lines&idle=1s",
        "tcp://h:1?frame=lines&linger=1s",
    ] {
        let outputs = client(endpoint).run(&[(0, Finish), (0, Hear(b"hel"))]);
        assert!(
            outputs
                .iter()
                .any(|line| line.ends_with("in 0 hel partial")),
            "{outputs:?}"
        );
    }
}

#[test]
fn a_gbk_expectation_is_met_across_every_cut() {
    let (bytes, _, _) = encoding_rs::GBK.encode("温度：你好");
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        let mut talk =
            client("tcp://h:1?text=gbk").script(&[expect("你好"), send("x"), expect("!")]);
        talk.plan.text_out = "gbk".parse().unwrap();
        talk.check(
            &[
                (0, HearAll(first.to_vec())),
                (10, HearAll(second.to_vec())),
                (20, Hear(b"!")),
            ],
            &[
                if cut == bytes.len() {
                    "0 send x"
                } else {
                    "10 send x"
                },
                "20 close local",
            ],
        );
    }
}

#[test]
fn hex_and_text_expectations_look_at_the_same_stream() {
    client("tcp://h:1?text=gbk")
        .script(&[expect("hex:C4 ?? BA"), expect("ok")])
        .check(
            &[(0, Hear(b"\xC4\xE3\xBA\xC3")), (10, Hear(b"ok"))],
            &["10 close local"],
        );
}

#[test]
fn a_step_names_what_the_last_expectation_caught() {
    let pattern = Pattern::parse_expectation(r"re:token=(\d+)").unwrap();
    let render = Step::Render {
        payload: Payload::template("use ${1}", Some(&pattern)).unwrap(),
        delay: Duration::ZERO,
    };
    let mut talk = client("tcp://h:1")
        .reply("discard")
        .script(&[expect(r"re:token=(\d+)")]);
    let mut script = Script::clone(&talk.plan.script);
    script.steps.push(render);
    talk.plan.script = Arc::new(script);
    talk.check(
        &[(5, Hear(b"token=42;"))],
        &["5 send use 42", "5 close local"],
    );
}

// What is told.

#[test]
fn frames_have_their_places_in_both_directions() {
    client("tcp://h:1?frame=len:u16be")
        .reads(Input::Open)
        .check(
            &[
                (0, Say("abc")),
                (1, Say("")),
                (2, Say("d")),
                (3, Hear(b"\0\x02hi\0\0\0\x01!")),
            ],
            &[
                "0 send \\x00\\x03abc",
                "0 out 0 abc",
                "1 send \\x00\\x00",
                "1 out 5 ",
                "2 send \\x00\\x01d",
                "2 out 7 d",
                "3 in 0 hi",
                "3 in 4 ",
                "3 in 6 !",
            ],
        );
}

#[test]
fn a_raw_stream_tells_no_frames() {
    client("tcp://h:1").check(
        &[(0, Say("a")), (1, Hear(b"b")), (2, Fail(Fault::Reset))],
        &[
            "0 send a",
            "2 fault reset: the peer reset the connection after 1 byte had come",
            "2 close reset",
        ],
    );
}

#[test]
fn a_frame_event_holds_bytes_and_text() {
    let events = client("tcp://h:1?frame=lines&text=gbk")
        .events(&[(0, Hear(b"\xC4\xE3\n\xFF\n")), (1, Say("ok"))]);
    assert_eq!(
        events,
        [
            frame(Direction::In, 0, b"\xC4\xE3", Some("你"), false),
            frame(Direction::In, 3, b"\xFF", Some("\u{FFFD}"), true),
            frame(Direction::Out, 0, b"ok", Some("ok"), false),
        ]
    );
}

#[test]
fn text_none_tells_bytes_only() {
    let events = client("udp://h:1?text=none").events(&[(0, Hear(b"\xFF")), (1, Say("ok"))]);
    assert_eq!(
        events,
        [
            frame(Direction::In, 0, b"\xFF", None, false),
            frame(Direction::Out, 0, b"ok", None, false),
        ]
    );
}

#[test]
fn what_goes_out_is_told_in_its_own_charset() {
    let mut talk = client("udp://h:1?text=utf-8");
    talk.plan.text_out = "gbk".parse().unwrap();
    let mut session = talk.session();
    let bytes = Bytes::from_static(b"\xC4\xE3");
    session.transmit(Time::ZERO, talk.plan.message(bytes.clone()).unwrap());
    let mut outputs = Vec::new();
    drain(&mut session, &mut outputs);
    let told = frame(Direction::Out, 0, &bytes, Some("你"), false);
    assert_eq!(outputs, [Output::Transmit(bytes), Output::Event(told)]);
}

#[test]
fn an_empty_datagram_is_a_message_and_no_end() {
    let mut talk = server("udp://h:1").reply("echo");
    talk.plan.idle = None;
    talk.check(
        &[(0, Hear(b"")), (1, Hear(b"a")), (2, Hear(b""))],
        &[
            "0 in 0 ",
            "0 send ",
            "0 out 0 ",
            "1 in 0 a",
            "1 send a",
            "1 out 0 a",
            "2 in 1 ",
            "2 send ",
            "2 out 1 ",
        ],
    );
}

#[test]
fn a_truncated_datagram_is_told_with_both_lengths() {
    let outputs = server("udp://h:1?read-size=4").run(&[
        (0, Fail(Fault::Truncated { full_len: 9 })),
        (0, Hear(b"abcd")),
        (1, Hear(b"xy")),
        (2, Close),
    ]);
    assert_eq!(
        outputs,
        [
            "0 fault truncated 9: a datagram of 9 bytes was cut to 4; `--read-size 9` takes it whole",
            "0 in 0 abcd of 9",
            "1 in 4 xy",
            "2 close local",
        ]
    );
}

#[test]
fn a_truncated_datagram_on_a_link_is_told_like_one_by_hand() {
    let faults = Faults {
        read_size: std::num::NonZeroUsize::new(4),
        ..Faults::default()
    };
    let talk = server("udp://h:1?read-size=4");
    let mut pair = Pair::new(talk.session(), Other::default(), faults, 1);
    pair.change_b(|other, _| {
        other.send(b"abcdefghi");
    });
    pair.run_for(Duration::from_secs(1));
    let full_lens: Vec<Option<usize>> = pair
        .events(Side::A)
        .filter_map(|what| match what {
            What::Frame { full_len, .. } => Some(*full_len),
            _ => None,
        })
        .collect();
    assert_eq!(full_lens, [Some(9)]);
}

#[test]
fn a_malformed_message_is_told_and_the_next_one_is_found() {
    server("tcp://h:1?frame=slip").check(
        &[(0, Hear(b"\xC0a\xDBb\xC0ok\xC0"))],
        &[
            "0 in 0 a\\xdbb",
            "0 fault frame: the message at offset 0 is not valid slip",
            "0 in 5 ok",
        ],
    );
}

#[test]
fn a_message_that_is_too_long_ends_the_conversation() {
    let outputs = server("tcp://h:1?frame=lines&max-frame=4").run(&[(0, Hear(b"ok\nabcdefgh\n"))]);
    assert_eq!(outputs.first().map(String::as_str), Some("0 in 0 ok"));
    assert!(
        outputs.iter().any(|line| line.starts_with("0 fault frame")),
        "{outputs:?}"
    );
    assert_eq!(outputs.last().map(String::as_str), Some("0 close limit"));
}

#[test]
fn what_is_left_when_the_link_breaks_is_shown() {
    for fault in [Fault::Reset, Fault::BrokenPipe, Fault::Failed] {
        let outputs = client("tcp://h:1?frame=lines").run(&[(0, Hear(b"hel")), (1, Fail(fault))]);
        assert_eq!(
            outputs.first().map(String::as_str),
            Some("1 in 0 hel partial"),
            "{fault:?}"
        );
    }
}

#[test]
fn a_message_over_the_limit_of_a_datagram_is_refused_before_it_is_sent() {
    let plan = client("udp://127.0.0.1:1").plan;
    assert!(plan.message(Bytes::from(vec![0; 65_507])).is_ok());
    let error = plan.message(Bytes::from(vec![0; 65_508])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "65508 bytes do not fit into one datagram, which holds at most 65507; send less at once, \
         or use a stream"
    );
    let plan = client("udp://[::1]:1").plan;
    assert!(plan.message(Bytes::from(vec![0; 65_527])).is_ok());
    assert!(plan.message(Bytes::from(vec![0; 65_528])).is_err());
}

#[test]
fn a_frame_counts_towards_the_limit_of_a_datagram() {
    let plan = client("udp://127.0.0.1:1?frame=len:u16be").plan;
    assert!(plan.message(Bytes::from(vec![0; 65_505])).is_ok());
    assert!(plan.message(Bytes::from(vec![0; 65_506])).is_err());
}

// Two sessions, one link.

#[test]
fn an_echo_comes_back_whole_under_every_cut_and_delay() {
    for seed in 0..50 {
        let faults = Faults {
            latency: Duration::from_millis(30),
            jitter: Duration::from_millis(20),
            cuts: crate::sim::Cuts::Random,
            ..Faults::default()
        };
        let client = client("tcp://h:1?frame=lines").script(&[
            send("第一行"),
            expect("第一行"),
            send("second"),
            expect("second"),
        ]);
        let server = server("tcp://h:1?frame=lines")
            .reads(Input::Closed)
            .reply("echo");
        let mut pair = Pair::stream(client.session(), server.session(), faults, seed);
        pair.run();
        assert_eq!(pair.reason(Side::A), Some(Reason::Local), "seed {seed}");
        assert_eq!(pair.reason(Side::B), Some(Reason::Fin), "seed {seed}");
        assert_eq!(
            pair.sent(Side::B).collect::<Vec<_>>(),
            ["第一行\n", "second\n"]
        );
    }
}

#[test]
fn a_half_close_is_answered_in_full() {
    let faults = Faults {
        latency: Duration::from_millis(30),
        ..Faults::default()
    };
    let client = client("tcp://h:1").script(&[send("job")]);
    let server = server("tcp://h:1")
        .reads(Input::Closed)
        .rules("[[rule]]\nany = true\nreply = 'done'\ndelay = '3s'\n");
    let mut pair = Pair::stream(client.session(), server.session(), faults, 1);
    pair.run();
    assert_eq!(pair.sent(Side::B).collect::<Vec<_>>(), ["done"]);
    assert_eq!(pair.reason(Side::A), Some(Reason::Fin));
    assert_eq!(pair.reason(Side::B), Some(Reason::Fin));
    assert_eq!(pair.now(), Time::ZERO + Duration::from_millis(3_060));
}

// Laws.

/// Framings whose frames depend on the bytes alone.
const FRAMINGS: [&str; 8] = [
    "lines",
    "delim:ab",
    "fixed:3",
    "len:u8",
    "len:u16le,keep",
    "len:varint",
    "slip",
    "cobs",
];

/// Rules that look at bytes and text, and answer with what they caught, at once and later.
const RULES: &str = r"
[[rule]]
regex = 'a(.)'
reply = '<${1}>'
continue = true

[[rule]]
hex = 'C4 ??'
reply_hex = '01 ${1} 02'
delay = '20ms'

[[rule]]
contains = '你'
upper = true

[[rule]]
ends = 'q'
reply = 'bye'
close = true

[[rule]]
any = true
echo = true
delay = '5ms'
";

/// Bytes that mean something to a framing, a rule or a charset.
const TELLING: &[u8] = b"\n\rabq\x00\x01\x02\x03\x80\xC0\xC4\xE3\xBD\xA0\xDB\xDC\xFF";

fn telling_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(TELLING), 0..60)
}

fn law(framing: &str, charset: &str, with_script: bool) -> Talk {
    let mut talk = server(&format!(
        "tcp://h:1?frame={framing}&text={charset}&max-frame=40"
    ))
    .rules(RULES);
    talk.input = Input::Closed;
    if with_script {
        talk = talk.script(&[expect("re:a."), expect("hex:01"), expect("re:b[^b]")]);
    }
    talk
}

#[test]
fn a_text_that_is_not_valid_is_expected_alike_with_and_without_watchers() {
    let play = |watched| {
        let talk = client("tcp://h:1?frame=lines").script(&[expect("re:caf. ok"), send("x")]);
        let mut session = talk.session();
        session.handle_watch(watched);
        deeds(&play(&mut session, [&b"caf\xE9 ok\n"[..]].into_iter()))
    };
    assert_eq!(play(true), play(false));
}

proptest! {
    /// Watching costs nothing and changes nothing (the contract of `handle_watch`).
    #[test]
    fn nobody_watching_changes_nothing_that_is_carried_out(
        bytes in telling_bytes(),
        framing in prop::sample::select(&FRAMINGS[..]),
        charset in prop::sample::select(&["utf-8", "gbk", "none"][..]),
        with_script: bool,
    ) {
        let talk = law(framing, charset, with_script);
        let play = |watched| {
            let mut session = talk.session();
            session.handle_watch(watched);
            deeds(&play(&mut session, [&bytes[..]].into_iter()))
        };
        prop_assert_eq!(play(true), play(false));
    }

    /// The law of framing, seen from above: events, replies and the end depend on the bytes alone.
    #[test]
    fn every_cut_gives_the_same_frames_and_replies(
        bytes in telling_bytes(),
        cuts in prop::collection::btree_set(1usize..60, 0..8),
        framing in prop::sample::select(&FRAMINGS[..]),
        charset in prop::sample::select(&["utf-8", "gbk", "none"][..]),
        with_script: bool,
    ) {
        let talk = law(framing, charset, with_script);
        let bounds: Vec<usize> = std::iter::once(0)
            .chain(cuts.into_iter().filter(|cut| *cut < bytes.len()))
            .chain([bytes.len()])
            .collect();
        let whole = play(&mut talk.session(), [&bytes[..]].into_iter());
        let single = play(&mut talk.session(), bytes.chunks(1));
        let chunks = bounds.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        let cut = play(&mut talk.session(), chunks);
        prop_assert_eq!(&single, &whole);
        prop_assert_eq!(&cut, &whole);
    }

    #[test]
    fn datagrams_of_any_bytes_are_survived(
        datagrams in prop::collection::vec(telling_bytes(), 0..8),
        framing in prop::sample::select(&FRAMINGS[..]),
        charset in prop::sample::select(&["utf-8", "gbk", "none"][..]),
    ) {
        let endpoint = format!("udp://h:1?frame={framing}&text={charset}&max-frame=40");
        let talk = server(&endpoint).rules(RULES);
        let mut session = talk.session();
        let mut outputs = Vec::new();
        for datagram in &datagrams {
            if drain(&mut session, &mut outputs).is_some_and(|wake| wake.is_none()) {
                break;
            }
            session.handle_input(Time::ZERO, datagram);
        }
        drain(&mut session, &mut outputs);
    }
}

// How it is told and written down.

use Do::{Close, End, Fail, Finish, Hear, HearAll, Say, Wake};

/// One thing that happens to a session.
#[derive(Clone, Debug)]
enum Do {
    /// The user sends a message.
    Say(&'static str),
    /// The user's input ends.
    Finish,
    /// The user closes.
    Close,
    /// The driver calls, though nothing is due.
    Wake,
    /// The peer sends.
    Hear(&'static [u8]),
    /// The peer sends.
    HearAll(Vec<u8>),
    /// The peer ends its side.
    End,
    /// The link fails.
    Fail(Fault),
}

/// A session to be.
struct Talk {
    plan: Plan,
    input: Input,
}

fn client(endpoint: &str) -> Talk {
    Talk {
        plan: plan(Role::Client, endpoint),
        input: Input::Open,
    }
}

fn server(endpoint: &str) -> Talk {
    Talk {
        plan: plan(Role::Server, endpoint),
        input: Input::Open,
    }
}

fn plan(role: Role, endpoint: &str) -> Plan {
    Plan::resolve(role, &endpoint.parse().unwrap(), Options::default()).unwrap()
}

impl Talk {
    fn reads(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    fn rules(mut self, file: &str) -> Self {
        self.plan.rules = Some(Arc::new(Rules::parse(file, "rules.toml").unwrap()));
        self
    }

    fn reply(mut self, reply: &str) -> Self {
        self.plan.rules = Some(Arc::new(Rules::from_reply(reply.parse().unwrap())));
        self
    }

    /// A session with a script reads nothing, unless `reads` comes after.
    fn script(mut self, steps: &[Step]) -> Self {
        self.input = Input::Closed;
        let framed = |step: &Step| match step {
            Step::Send { message, delay } => Step::Send {
                message: self.plan.message(message.payload.clone()).unwrap(),
                delay: *delay,
            },
            step => step.clone(),
        };
        let steps = steps.iter().map(framed).collect();
        self.plan.script = Arc::new(Script {
            steps,
            ..Script::default()
        });
        self
    }

    fn rounds(self, every_ms: u64, count: Option<u64>) -> Self {
        self.repeated(Some(Duration::from_millis(every_ms)), count)
    }

    fn times(self, count: u64) -> Self {
        self.repeated(None, Some(count))
    }

    fn repeated(mut self, every: Option<Duration>, count: Option<u64>) -> Self {
        let script = Script::clone(&self.plan.script);
        self.plan.script = Arc::new(Script {
            every,
            count,
            ..script
        });
        self
    }

    fn session(&self) -> Session {
        let peer = Peer {
            number: 1,
            addr: "tcp://h:1".to_owned(),
            epoch: 0,
            seed: 1,
        };
        Session::new(Arc::new(self.plan.clone()), peer, self.input, Time::ZERO)
    }

    /// Plays what happens, each at its time in milliseconds, and checks all that comes of it.
    #[track_caller]
    fn check(self, told: &[(u64, Do)], expected: &[&str]) {
        assert_eq!(self.run(told), expected);
    }

    /// What comes of it: `TIME WHAT`.
    fn run(self, told: &[(u64, Do)]) -> Vec<String> {
        let pair = self.play(told);
        pair.log()
            .iter()
            .filter(|entry| entry.side == Side::A)
            .map(|entry| {
                let time = Duration::from_nanos(entry.time.as_nanos()).as_millis();
                format!("{time} {}", words(&entry.output))
            })
            .collect()
    }

    fn events(self, told: &[(u64, Do)]) -> Vec<What> {
        self.play(told).events(Side::A).cloned().collect()
    }

    fn play(self, told: &[(u64, Do)]) -> Pair<Session, Other> {
        let session = self.session();
        let faults = Faults::default();
        let mut pair = match self.plan.shape() {
            Shape::Stream => Pair::stream(session, Other::default(), faults, 1),
            Shape::Datagram => Pair::new(session, Other::default(), faults, 1),
        };
        for (at, what) in told {
            let at = Time::ZERO + Duration::from_millis(*at);
            pair.run_for(at - pair.now());
            let plan = &self.plan;
            match what.clone() {
                Say(text) => {
                    let message = plan.message(Bytes::from_static(text.as_bytes())).unwrap();
                    pair.change_a(|session, now| session.transmit(now, message));
                }
                Finish => pair.change_a(Session::finish),
                Close => pair.change_a(|session, _| session.close()),
                Wake => pair.change_a(Session::handle_timeout),
                Hear(bytes) => pair.change_b(|other, _| other.send(bytes)),
                HearAll(bytes) => pair.change_b(|other, _| other.send(&bytes)),
                End => pair.change_b(|other, _| other.outputs.push(Output::Shutdown)),
                Fail(fault) => pair.inject(at, Side::A, fault),
            }
        }
        pair.run_for(Duration::from_secs(300));
        pair
    }
}

fn words(output: &Output<What>) -> String {
    match output {
        Output::Transmit(bytes) => format!("send {}", escape(bytes)),
        Output::Shutdown => "shutdown".to_owned(),
        Output::Close(reason) => format!("close {}", reason.as_str()),
        Output::Wait(_) => "wait".to_owned(),
        Output::Event(What::Fault {
            kind,
            message,
            count,
        }) => {
            let count = count.map(|count| format!(" {count}")).unwrap_or_default();
            format!("fault {}{count}: {message}", kind.as_str())
        }
        Output::Event(What::Frame {
            direction,
            offset,
            payload,
            partial,
            full_len,
            ..
        }) => {
            let partial = if *partial { " partial" } else { "" };
            let full_len = full_len.map(|len| format!(" of {len}")).unwrap_or_default();
            format!(
                "{} {offset} {}{partial}{full_len}",
                direction.as_str(),
                escape(payload)
            )
        }
        Output::Event(what) => format!("{what:?}"),
    }
}

fn escape(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control()) => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

fn send(text: &str) -> Step {
    after(0, text)
}

fn after(delay_ms: u64, text: &str) -> Step {
    let payload = Bytes::copy_from_slice(text.as_bytes());
    Step::Send {
        message: Message {
            wire: payload.clone(),
            payload,
        },
        delay: Duration::from_millis(delay_ms),
    }
}

fn expect(text: &str) -> Step {
    Step::Expect {
        pattern: Pattern::parse_expectation(text).unwrap(),
        within: Duration::from_secs(5),
        label: text.to_owned(),
        exit: 3,
    }
}

fn frame(
    direction: Direction,
    offset: u64,
    payload: &[u8],
    text: Option<&str>,
    malformed: bool,
) -> What {
    What::Frame {
        direction,
        offset,
        payload: Bytes::copy_from_slice(payload),
        text: text.map(str::to_owned),
        malformed,
        partial: false,
        full_len: None,
    }
}

/// Feeds a session chunks and the end, and then wakes it until it rests; gives all that it wants.
fn play<'a>(session: &mut Session, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Output<What>> {
    let mut outputs = Vec::new();
    for chunk in chunks {
        if drain(session, &mut outputs).is_none() {
            return outputs;
        }
        session.handle_input(Time::ZERO, chunk);
    }
    if drain(session, &mut outputs).is_none() {
        return outputs;
    }
    session.handle_end(Time::ZERO);
    while let Some(Some(wake)) = drain(session, &mut outputs) {
        session.handle_timeout(wake);
    }
    outputs
}

/// What is carried out.
fn deeds(outputs: &[Output<What>]) -> Vec<Output<What>> {
    let carried = |output: &&Output<What>| !matches!(output, Output::Event(_));
    outputs.iter().filter(carried).cloned().collect()
}

/// Takes all outputs; `None` once it has closed, else the time that it wants to be woken at.
fn drain(session: &mut Session, outputs: &mut Vec<Output<What>>) -> Option<Option<Time>> {
    if matches!(outputs.last(), Some(Output::Close(_))) {
        return None;
    }
    loop {
        match session.poll_output() {
            Output::Wait(wake) => return Some(wake),
            output => {
                let closes = matches!(output, Output::Close(_));
                outputs.push(output);
                if closes {
                    return None;
                }
            }
        }
    }
}

/// A peer that does what it is told.
#[derive(Default)]
struct Other {
    outputs: Vec<Output<What>>,
}

impl Other {
    fn send(&mut self, bytes: &[u8]) {
        self.outputs
            .push(Output::Transmit(Bytes::copy_from_slice(bytes)));
    }
}

impl Machine for Other {
    type Event = What;

    fn handle_input(&mut self, _now: Time, _chunk: &[u8]) {}

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<What> {
        if self.outputs.is_empty() {
            Output::Wait(None)
        } else {
            self.outputs.remove(0)
        }
    }
}

#[test]
fn b11_one_datagram_causes_no_more_answers_than_can_be_held() {
    let mut plan = Plan::resolve(
        Role::Server,
        &"udp://:9?frame=lines".parse().unwrap(),
        Options::default(),
    )
    .unwrap();
    let reply = format!("fixed:{}", "x".repeat(4000)).parse().unwrap();
    plan.rules = Some(Arc::new(Rules::from_reply(reply)));
    let peer = Peer {
        number: 1,
        addr: String::new(),
        epoch: 0,
        seed: 0,
    };
    let mut session = Session::new(Arc::new(plan), peer, Input::Closed, Time::ZERO);
    session.handle_watch(false);
    for _ in 0..2 {
        session.handle_input(Time::ZERO, &[b'\n'; 60_000]);
        let (mut sent, mut faults) = (0, 0);
        loop {
            match session.poll_output() {
                Output::Transmit(wire) => sent += wire.len(),
                Output::Event(What::Fault { .. }) => faults += 1,
                Output::Wait(_) => break,
                _ => {}
            }
        }
        assert!((16 << 20..17 << 20).contains(&sent), "{sent} bytes");
        assert_eq!(faults, 1);
    }
}
