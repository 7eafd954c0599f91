//! What an expectation looks at, and what it catches.

use super::*;
use crate::rule::Payload;

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
