//! A script that is repeated.

use super::*;

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
