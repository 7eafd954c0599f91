//! Who ends when: the table of situations of the design.

use super::*;

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
