//! Scenarios without a socket: read, carried out by hand, reported.

use std::sync::Arc;
use std::time::Duration;

use super::{CaseReport, Demand, Lapse, Play, Scenario, Setting, StepReport, Verdict, junit};
use crate::event::{Bytes, Direction, What};
use crate::machine::Reason;
use crate::time::Time;

const PAIR: &str = r#"
[[session]]
name = "server"
listen = "tcp://127.0.0.1:0?frame=lines"

[[session]]
name = "client"
connect = "tcp://127.0.0.1:${server.port}?frame=lines&text=gbk"
"#;

const STEPS: &str = r#"
[[step]]
session = "server"
expect = 're:^login (?<who>\S+)$'
name = "login"

[[step]]
session = "client"
send = "${login.who}, ${1} of $$1 at ${server.addr}"
"#;

fn read(source: &str) -> Result<Scenario, String> {
    let mut open = |name: &str| match name {
        "blob" => Ok(b"\x00\x01".to_vec()),
        "rules.toml" => Ok(b"[[rule]]\nany = true\necho = true\n".to_vec()),
        "script.toml" => Ok(b"[[script]]\nsend = 'x'\n".to_vec()),
        "bad.toml" => Ok(b"[[rule]]\nany = 1\n".to_vec()),
        _ => Err("no such file or directory".to_owned()),
    };
    Scenario::parse(source, "s.toml", &mut open).map_err(|error| error.to_string())
}

#[track_caller]
fn check_mistake(source: &str, mistake: &str) {
    match read(source) {
        Ok(_) => panic!("it was taken"),
        Err(error) => assert!(error.contains(mistake), "{error}"),
    }
}

fn at(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn opened() -> What {
    What::Opened {
        addr: "127.0.0.1:9".to_owned(),
        local: String::new(),
    }
}

fn frame(text: &str) -> What {
    What::Frame {
        direction: Direction::In,
        offset: 0,
        payload: Bytes::copy_from_slice(text.as_bytes()),
        text: Some(text.to_owned()),
        malformed: false,
        partial: false,
        full_len: None,
    }
}

/// A case whose sessions are open; each has its first peer.
fn play(source: &str) -> Play {
    let scenario = Arc::new(read(source).unwrap());
    let setting = Setting { epoch: 0, seed: 1 };
    let mut play = Play::new(scenario, 0, setting, Time::ZERO);
    while let Demand::Open { session, .. } = play.poll(Time::ZERO) {
        play.handle_opened(session, &["tcp://127.0.0.1:4711".to_owned()]);
        play.handle_event(session, 1, &opened());
    }
    play
}

#[test]
fn the_sample_of_the_documentation_is_read() {
    let doc = include_str!("../../../../docs/scenarios.md");
    let sample = doc.split("```toml\n").nth(1).unwrap();
    let sample = sample.split("```").next().unwrap();
    let scenario = read(sample).unwrap();
    assert_eq!(scenario.name, "login");
    assert_eq!(scenario.cases().len(), 3);
    for key in super::read::keys() {
        assert!(
            sample.contains(key) || ["send_file", "rules", "list"].contains(&key),
            "`{key}` is missing in the sample"
        );
    }
}

#[test]
fn what_one_session_heard_another_says_in_its_own_charset() {
    let mut play = play(&format!("{PAIR}{STEPS}"));
    assert!(matches!(play.poll(at(1)), Demand::Wait(_)));
    play.handle_event(0, 1, &frame("login 温$2"));
    match play.poll(at(2)) {
        Demand::Send { message, .. } => assert_eq!(
            message.wire,
            &b"\xCE\xC2$2, \xCE\xC2$2 of $1 at 127.0.0.1:4711\n"[..]
        ),
        other => panic!("{other:?}"),
    }
    assert!(matches!(play.poll(at(3)), Demand::Over));
    assert!(play.report(at(3)).passed());
}

#[test]
fn an_expectation_that_is_not_met_says_what_came_instead() {
    let mut play = play(&format!("{PAIR}{STEPS}"));
    play.handle_event(0, 1, &frame("hello"));
    assert!(matches!(play.poll(at(1)), Demand::Wait(until) if until == at(5000)));
    assert!(matches!(play.poll(at(5000)), Demand::Over));
    let report = play.report(at(5000));
    assert_eq!(report.exit(), 3);
    assert_eq!(
        report.why(),
        r"step 1 of 2, line 10: server expects `re:^login (?<who>\S+)$` (login) within 5s: instead came `hello`"
    );
}

#[test]
fn the_end_of_the_peer_ends_the_wait_for_what_it_can_no_longer_say() {
    let source = format!("{PAIR}[[step]]\nsession = 'client'\nexpect = 'x'\n");
    let mut play = play(&source);
    assert!(matches!(play.poll(at(1)), Demand::Wait(_)));
    let closed = What::Closed {
        reason: Reason::Reset,
        message: String::new(),
    };
    play.handle_event(1, 1, &closed);
    assert!(matches!(play.poll(at(2)), Demand::Over));
    assert_eq!(
        play.report(at(2)).why(),
        "step 1 of 1, line 9: client expects `x` within 5s: the peer ended before; nothing came"
    );
}

#[test]
fn a_case_ends_at_its_timeout_whatever_it_does() {
    let source = format!("timeout = '1s'\n{PAIR}[[step]]\nsleep = '1h'\n");
    let mut play = play(&source);
    assert!(matches!(play.poll(at(1)), Demand::Wait(until) if until == at(1000)));
    assert!(matches!(play.poll(at(1000)), Demand::Over));
    let report = play.report(at(1000));
    assert_eq!(report.exit(), 4);
    assert!(report.why().contains("longer than 1s"), "{}", report.why());
}

#[test]
fn silence_is_broken_by_what_comes_and_by_what_is_left_over() {
    let step = "[[step]]\nsession = 'client'\nexpect_silence = '10ms'\n";
    let source = format!("{PAIR}{step}");
    let mut quiet = play(&source);
    assert!(matches!(quiet.poll(at(1)), Demand::Wait(_)));
    assert!(matches!(quiet.poll(at(11)), Demand::Over));
    assert!(quiet.report(at(11)).passed());

    let mut noisy = play(&source);
    noisy.handle_event(1, 1, &frame("noise"));
    assert!(matches!(noisy.poll(at(1)), Demand::Over));
    assert!(noisy.report(at(1)).why().contains("came `noise`"));
}

#[test]
fn each_way_of_ending_is_told_from_the_others() {
    let case = |wanted: &str, reason: Reason| {
        let source = format!("{PAIR}[[step]]\nsession = 'client'\nexpect_closed = '{wanted}'\n");
        let mut play = play(&source);
        let closed = What::Closed {
            reason,
            message: String::new(),
        };
        play.handle_event(1, 1, &closed);
        assert!(matches!(play.poll(at(1)), Demand::Over));
        play.report(at(1)).exit()
    };
    assert_eq!(case("reset", Reason::Reset), 0);
    assert_eq!(case("any", Reason::Idle), 0);
    assert_eq!(case("fin", Reason::Fin), 0);
    assert_eq!(case("fin", Reason::Reset), 3);
}

#[test]
fn what_is_sent_after_an_expected_reset_says_that_all_is_over() {
    let step = |key: &str| format!("[[step]]\nsession = 'client'\n{key}\n");
    let (reset, send) = (step("expect_closed = 'reset'"), step("send = 'x'"));
    let mut play = play(&format!("{PAIR}{reset}{send}"));
    let closed = What::Closed {
        reason: Reason::Reset,
        message: String::new(),
    };
    play.handle_event(1, 1, &closed);
    assert!(matches!(play.poll(at(1)), Demand::Over));
    let why = play.report(at(1)).why();
    assert!(
        why.contains("the conversation is over, by `reset`"),
        "{why}"
    );
}

#[test]
fn a_mistake_names_its_place() {
    check_mistake("", "s.toml:1:1: the file has no `[[session]]`");
    check_mistake("x = 1", "s.toml:1:1: `x` is no key of a scenario");
    check_mistake(
        &format!("{PAIR}reconnect = true\n[[step]]\nsession = 'client'\nsend = 'x'"),
        "`reconnect` is for a file without steps",
    );
    let with = |step: &str| format!("{PAIR}{step}");
    check_mistake(
        &with("[[step]]\nsend = 'x'"),
        "s.toml:9:1: there are several sessions",
    );
    check_mistake(
        &with("[[step]]\nsession = 'x'\nsend = 'x'"),
        "s.toml:10:11: there is no session `x`",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'"),
        "the step does nothing",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nclose = false"),
        "the step does nothing",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend = 'x'\nexpect = 'x'"),
        "not both",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend = 'x'\nwithin = '1s'"),
        "`within` does not go with `send`",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend = 'a ${1}'"),
        "s.toml:11:11: `${1}` catches nothing",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend = '${login.1}'"),
        "`${login.1}` is not known",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend = '${client.port}'"),
        "does not listen",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend = '${server.name}'"),
        "`.port`, `.addr` and `.endpoint`",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend = '${message}'"),
        "`${message}` is for answers",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend_hex = '${server.port}'"),
        "text, among bytes",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend = 'é☃'"),
        "cannot be said in",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nsend_file = 'nothing'"),
        "cannot read `nothing`: no such file",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\nexpect_closed = 'bang'"),
        "`bang` is no end",
    );
    check_mistake(
        &with("[[step]]\nsession = 'client'\npeer = 2\nsend = 'x'"),
        "`peer` does not go with `connect`",
    );
    check_mistake(&with("[[case]]\nname = 'a'"), "nothing is done");
    let step = "[[case.step]]\nsession = 'client'\nsend = 'x'\n";
    check_mistake(
        &with(&format!(
            "[[case]]\nname = 'a'\n{step}[[case]]\nname = 'a'\n{step}"
        )),
        "there are two called `a`",
    );
}

#[test]
fn what_is_sent_after_our_end_is_told_and_not_lost() {
    let step = |key: &str| format!("[[step]]\nsession = 'client'\n{key}\n");
    for end in ["finish = true", "close = true"] {
        let mut play = play(&format!("{PAIR}{}{}", step(end), step("send = 'x'")));
        assert!(matches!(play.poll(at(2)), Demand::Over));
        let why = play.report(at(2)).why();
        assert!(why.contains("our side was ended by a step before"), "{why}");
    }
}

#[test]
fn a_session_with_a_mistake_is_refused() {
    let session = |keys: &str| format!("[[session]]\n{keys}\n[[step]]\nsleep = '1s'\n");
    check_mistake(&session("name = 'a'"), "needs `connect");
    check_mistake(
        &session("name = 'time'\nconnect = ':1'"),
        "cannot be called `time`",
    );
    check_mistake(&session("name = 'a'\nconnect = 'ftp://x'"), "s.toml:3:11");
    check_mistake(
        &session("name = 'a'\nconnect = ':1'\nframe = 'cubes'"),
        "s.toml:4:9",
    );
    check_mistake(
        &session("name = 'a'\nconnect = ':1'\nframes = 'lines'"),
        "did you mean `frame`",
    );
    check_mistake(
        &session("name = 'a'\nconnect = ':1'\nframe = ['lines']"),
        "`frame` is a text",
    );
    check_mistake(
        &session("name = 'a'\nconnect = ':1'\ntext-out = 'gbk'\ntext_out = 'big5'"),
        "s.toml:5:12: `text-out` and `text_out` are one option",
    );
    check_mistake(
        &session("name = 'a'\nconnect = ':1?frame=lines'\nframe = 'raw'"),
        "s.toml:4:9: `frame` stands in the endpoint as well",
    );
    check_mistake(&session("name = 'a'\nconnect = ':0'"), "port 0");
    check_mistake(
        &session("name = 'a'\nconnect = ':1'\nrules = 'script.toml'"),
        "has a `[[script]]`",
    );
    check_mistake(
        &session("name = 'a'\nconnect = ':1'\nrules = 'bad.toml'"),
        "bad.toml:2:7",
    );
    check_mistake(
        &session("name = 'a'\nconnect = ':${b.port}'"),
        "`${b.port}` is not known",
    );
    assert!(
        read(&session(
            "name = 'a'\nconnect = ':1'\nrules = 'rules.toml'\nmax_peers = 3\nonce = true"
        ))
        .is_ok()
    );
}

#[test]
fn junit_holds_whatever_a_peer_sent() {
    let report = CaseReport {
        name: "a \"b\" <c>".to_owned(),
        steps: vec![StepReport {
            what: "client expects `]]>`".to_owned(),
            line: 3,
            took: Duration::from_millis(7),
            is_done: false,
        }],
        step_count: 1,
        took: Duration::from_millis(1234),
        verdict: Verdict::Failed {
            lapse: Lapse::Unmet,
            message: "came `\u{1b}[31m\0&\r\n`".to_owned(),
            exit: 3,
        },
    };
    let skipped = CaseReport {
        verdict: Verdict::Skipped,
        ..report.clone()
    };
    let xml = junit::write("s", "s.toml", Duration::from_secs(2), &[report, skipped]);
    assert_eq!(
        xml,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="s" tests="2" failures="1" errors="0" skipped="1" time="2.000">
  <testsuite name="s" file="s.toml" tests="2" failures="1" errors="0" skipped="1" time="2.000">
    <testcase name="a &quot;b&quot; &lt;c&gt;" classname="s" file="s.toml" time="1.234">
      <failure message="came `�[31m�&amp;&#13;&#10;`" type="unmet">step 1 of 1, line 3: client expects `]]&gt;`: came `�[31m�&amp;&#13;
`</failure>
    </testcase>
    <testcase name="a &quot;b&quot; &lt;c&gt;" classname="s" file="s.toml" time="1.234">
      <skipped/>
    </testcase>
  </testsuite>
</testsuites>
"#
    );
}

proptest::proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(text in "(\\[\\[(session|step|case|case\\.step)\\]\\]\n|(name|send|expect|session|connect|listen|send_hex) = '[a-z$\\{\\}.:0-9é]{0,12}'\n){0,12}") {
        let _ = read(&text);
    }
}

#[test]
fn what_all_cases_share_may_be_all_that_one_does() {
    let file = "[[session]]\nname = 'client'\nconnect = 'tcp://127.0.0.1:1'\n\
        [[step]]\nsession = 'client'\nsend = 'x'\n\
        [[case]]\nname = 'a'\n";
    let mut read = |_: &str| Err("there is none".to_owned());
    let scenario = Scenario::parse(file, "s.toml", &mut read).unwrap();
    assert_eq!(scenario.cases().len(), 1);
}
