//! What rules answer, and what that keeps open.

use super::*;

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
