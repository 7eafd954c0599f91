//! What becomes of what is sent, in virtual time; and the laws that hold whatever the shaping.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::Direction;
use crate::machine::{Fault, Machine, Reason};
use crate::plan::{Options, Plan, Role};
use crate::session::{Input, Peer, Session};
use crate::sim::{Cuts, Faults, Pair, Side};

/// What the user does to a client, and when in milliseconds.
enum Act {
    Say(&'static str),
    Finish,
    Close,
    Stop,
    Reshape(&'static str),
    Reset,
}

use Act::{Close, Finish, Reset, Reshape, Say, Stop};

fn plan(role: Role, endpoint: &str) -> Plan {
    let endpoint = endpoint.parse().expect("the endpoint is well formed");
    Plan::resolve(role, &endpoint, Options::default()).expect("the plan has no mistake")
}

fn session(plan: Plan, input: Input) -> Session {
    let peer = Peer {
        number: 1,
        addr: String::new(),
        epoch: 0,
        seed: 1,
    };
    Session::new(Arc::new(plan), peer, input, Time::ZERO)
}

/// Runs a client against a peer that only listens, and says what it did and when.
fn run(endpoint: &str, acts: &[(u64, Act)]) -> Vec<String> {
    let listener = session(plan(Role::Server, "tcp://h:1"), Input::Closed);
    let client = session(plan(Role::Client, endpoint), Input::Open);
    let mut pair = Pair::stream(client, listener, Faults::default(), 1);
    for (at, act) in acts {
        let at = Time::ZERO + Duration::from_millis(*at);
        pair.run_for(at - pair.now());
        match act {
            Say(text) => pair.change_a(|client, now| {
                let message = client.plan.message(text.as_bytes().into());
                client.transmit(now, message.expect("it can be framed"));
            }),
            Finish => pair.change_a(Session::finish),
            Close => pair.change_a(|client, _| client.close()),
            Stop => pair.change_a(Session::handle_stop),
            Reshape(words) => pair.change_a(|client, now| {
                client.set_shaping(now, words.parse().expect("it is a shaping"));
            }),
            Reset => pair.inject(at, Side::A, Fault::Reset),
        }
    }
    pair.run_for(Duration::from_secs(60));
    let told = pair.log().iter().filter(|entry| entry.side == Side::A);
    told.map(|entry| {
        let at = (entry.time - Time::ZERO).as_millis();
        match &entry.output {
            Output::Transmit(bytes) => format!("{at} {}", bytes.escape_ascii()),
            Output::Shutdown => format!("{at} shutdown"),
            Output::Close(reason) => format!("{at} close {}", reason.as_str()),
            Output::Event(What::Frame { offset, .. }) => format!("{at} message at {offset}"),
            Output::Event(event) => format!("{at} {}", event.name()),
            Output::Wait(_) => unreachable!("a log holds no waiting"),
        }
    })
    .collect()
}

fn check(endpoint: &str, acts: &[(u64, Act)], told: &[&str]) {
    assert_eq!(run(endpoint, acts), told, "{endpoint}");
}

#[test]
fn each_message_is_cut_at_its_offsets_from_either_end() {
    check(
        "tcp://h:1?split-at=1,-1",
        &[(0, Say("abcd")), (0, Say("xy")), (200, Say("z"))],
        &["0 a", "20 bc", "40 d", "60 x", "80 y", "200 z"],
    );
}

#[test]
fn the_stream_as_a_whole_is_cut_but_nothing_waits_to_fill_a_write() {
    check(
        "tcp://h:1?split-every=3&split-delay=10ms",
        &[
            (0, Say("abcd")),
            (0, Say("efg")),
            (500, Say("h")),
            (501, Say("i")),
        ],
        &["0 abc", "10 def", "20 g", "500 h", "510 i"],
    );
}

#[test]
fn without_a_pause_the_pieces_are_writes_of_their_own_all_the_same() {
    check(
        "tcp://h:1?split-every=2&split-delay=0",
        &[(5, Say("abcde"))],
        &["5 ab", "5 cd", "5 e"],
    );
}

#[test]
fn what_is_held_leaves_when_enough_is_there() {
    check(
        "tcp://h:1?coalesce=5",
        &[
            (0, Say("ab")),
            (100, Say("cd")),
            (900, Say("ef")),
            (950, Say("gh")),
        ],
        &["900 abcdef"],
    );
}

#[test]
fn what_is_held_leaves_in_time_counted_from_its_first_byte() {
    check(
        "tcp://h:1?coalesce=10ms",
        &[(0, Say("a")), (9, Say("b")), (10, Say("c")), (11, Say("d"))],
        &["10 ab", "20 cd"],
    );
    check(
        "tcp://h:1?coalesce=3,10ms",
        &[(0, Say("a")), (2, Say("bc")), (50, Say("d"))],
        &["2 abc", "60 d"],
    );
}

#[test]
fn what_was_gathered_is_cut_as_a_whole() {
    check(
        "tcp://h:1?frame=lines&coalesce=10ms&split-every=6",
        &[(0, Say("half")), (0, Say("sticky"))],
        &[
            "10 half\\ns",
            "30 ticky\\n",
            "30 message at 0",
            "30 message at 5",
        ],
    );
}

#[test]
fn a_message_is_told_when_its_last_byte_leaves() {
    check(
        "tcp://h:1?frame=lines&split-every=4",
        &[(0, Say("abcde")), (0, Say("fg"))],
        &[
            "0 abcd",
            "20 e\\nfg",
            "20 message at 0",
            "40 \\n",
            "40 message at 6",
        ],
    );
}

#[test]
fn the_end_of_input_lets_go_of_what_is_held_and_comes_after_the_last_piece() {
    check(
        "tcp://h:1?coalesce=100&split-every=2",
        &[(0, Say("abc")), (0, Say("d")), (5, Finish)],
        &["5 ab", "25 cd", "25 shutdown", "25 close fin"],
    );
}

#[test]
fn closing_waits_for_the_last_piece() {
    check(
        "tcp://h:1?split-every=2",
        &[(0, Say("abcde")), (1, Close)],
        &["0 ab", "20 cd", "40 e", "40 close local"],
    );
}

#[test]
fn what_must_stop_lets_go_of_everything_at_once() {
    check(
        "tcp://h:1?coalesce=100&split-every=2&split-delay=1h",
        &[(0, Say("abcde")), (7, Stop)],
        &["7 ab", "7 cd", "7 e"],
    );
}

#[test]
fn a_shaping_can_be_changed_while_pieces_wait() {
    check(
        "tcp://h:1?split-every=1&split-delay=1h",
        &[(0, Say("abcde")), (7, Reshape("every 2 delay 5ms"))],
        &["0 a", "7 bc", "12 de"],
    );
    check(
        "tcp://h:1?coalesce=1h",
        &[
            (0, Say("ab")),
            (1, Say("cd")),
            (7, Reshape("off")),
            (8, Say("e")),
        ],
        &["7 abcd", "8 e"],
    );
    check(
        "tcp://h:1",
        &[(0, Say("ab")), (7, Reshape("at 1")), (8, Say("cd"))],
        &["0 ab", "8 c", "28 d"],
    );
}

#[test]
fn a_reset_ends_the_conversation_with_what_it_held_counted() {
    let mut client = session(plan(Role::Client, "tcp://h:1?split-every=1"), Input::Open);
    let message = client.plan.message("abc".into()).expect("it can be framed");
    client.transmit(Time::ZERO, message);
    assert_eq!(client.poll_output(), Output::Transmit("a".into()));
    client.close();
    client.handle_fault(Time::ZERO, Fault::Reset);
    assert!(matches!(client.poll_output(), Output::Event(_)));
    assert_eq!(client.poll_output(), Output::Close(Reason::Reset));
    assert_eq!(client.held().total(), 2);
    let told = run(
        "tcp://h:1?split-every=1&split-delay=1h",
        &[(0, Say("abc")), (5, Reset)],
    );
    assert_eq!(told, ["0 a", "5 fault", "5 close reset"]);
}

#[test]
fn linger_begins_when_our_end_has_left() {
    let silent = session(plan(Role::Server, "tcp://h:1"), Input::Program);
    let plan = plan(
        Role::Client,
        "tcp://h:1?linger=1s&split-every=1&split-delay=1s",
    );
    let mut pair = Pair::stream(session(plan, Input::Open), silent, Faults::default(), 1);
    pair.change_a(|client, now| {
        let message = client.plan.message("abc".into());
        client.transmit(now, message.expect("it can be framed"));
        client.finish(now);
    });
    pair.run_for(Duration::from_secs(10));
    let end = pair.log().last().expect("it has ended");
    assert_eq!(end.output, Output::Close(Reason::Timeout));
    assert_eq!(end.time, Time::ZERO + Duration::from_secs(3));
}

#[test]
fn answers_are_shaped_too() {
    let mut server = plan(Role::Server, "tcp://h:1?split-every=2&split-delay=5ms");
    server.rules = Some(Arc::new(crate::rule::Rules::from_reply(
        "upper".parse().expect("it is a reply"),
    )));
    let client = session(plan(Role::Client, "tcp://h:1"), Input::Open);
    let mut pair = Pair::stream(client, session(server, Input::Closed), Faults::default(), 1);
    pair.change_a(|client, now| {
        let message = client.plan.message("abcde".into());
        client.transmit(now, message.expect("it can be framed"));
        client.finish(now);
    });
    pair.run();
    let sent: Vec<_> = pair.sent(Side::B).collect();
    assert_eq!(sent, ["AB", "CD", "E"]);
    assert_eq!(pair.reason(Side::A), Some(Reason::Fin));
}

#[test]
fn b1_a_script_without_end_does_not_pile_up_what_leaves_slowly() {
    let mut endless = plan(Role::Client, "tcp://h:1?split-every=1&split-delay=1s");
    let payload = Bytes::from(vec![b'x'; 1000]);
    let message = endless.message(payload).expect("it can be framed");
    endless.script = Arc::new(crate::session::Script {
        steps: vec![crate::session::Step::Send {
            message,
            delay: Duration::ZERO,
        }],
        every: Some(Duration::from_millis(1)),
        count: None,
    });
    let listener = session(plan(Role::Server, "tcp://h:1"), Input::Closed);
    let client = session(endless, Input::Closed);
    let mut pair = Pair::stream(client, listener, Faults::default(), 1);
    pair.run_for(Duration::from_secs(20));
    assert!(pair.a().held().total() < 300_000);
    assert_eq!(pair.sent(Side::A).count(), 21);
}

#[test]
fn a_script_that_waits_for_an_answer_has_sent_what_it_asks() {
    let mut asking = plan(Role::Client, "tcp://h:1?coalesce=1000");
    let step = |text: &'static str| crate::session::Step::Send {
        message: crate::session::Message {
            wire: text.into(),
            payload: text.into(),
        },
        delay: Duration::ZERO,
    };
    asking.script = Arc::new(crate::session::Script {
        steps: vec![
            step("a"),
            step("b"),
            crate::session::Step::Expect {
                pattern: crate::rule::Pattern::parse_expectation("AB").expect("it is a pattern"),
                within: Duration::from_secs(1),
                label: "AB".to_owned(),
                exit: 3,
            },
        ],
        every: None,
        count: None,
    });
    let mut server = plan(Role::Server, "tcp://h:1");
    server.rules = Some(Arc::new(crate::rule::Rules::from_reply(
        "upper".parse().expect("it is a reply"),
    )));
    let (client, server) = (
        session(asking, Input::Closed),
        session(server, Input::Closed),
    );
    let mut pair = Pair::stream(client, server, Faults::default(), 1);
    pair.run();
    assert_eq!(pair.reason(Side::A), Some(Reason::Local));
    assert_eq!(pair.sent(Side::A).collect::<Vec<_>>(), ["ab"]);
}

fn any_shaping() -> impl Strategy<Value = String> {
    let split = prop_oneof![
        Just(String::new()),
        proptest::collection::vec(prop_oneof![-6i64..0, 1i64..6], 1..4).prop_map(|at| {
            let at: Vec<_> = at.iter().map(ToString::to_string).collect();
            format!("&split-at={}", at.join(","))
        }),
        (1usize..6).prop_map(|every| format!("&split-every={every}")),
    ];
    let coalesce = prop_oneof![
        Just(String::new()),
        (1usize..12).prop_map(|bytes| format!("&coalesce={bytes}")),
        (0u64..30).prop_map(|time| format!("&coalesce={time}ms")),
        (1usize..12, 0u64..30).prop_map(|(bytes, time)| format!("&coalesce={bytes},{time}ms")),
    ];
    (split, coalesce, 0u64..30).prop_map(|(split, coalesce, delay)| {
        let delay = if split.is_empty() {
            String::new()
        } else {
            format!("&split-delay={delay}ms")
        };
        format!("tcp://h:1?frame=lines{split}{coalesce}{delay}")
    })
}

proptest! {
    /// Whatever the shaping, and whenever it is said, what arrives is what was sent.
    #[test]
    fn the_pieces_in_order_are_the_messages_in_order(
        endpoint in any_shaping(),
        messages in proptest::collection::vec(("[a-z]{0,8}", 0u64..40), 0..12),
        seed in 0u64..1000,
    ) {
        let listener = session(plan(Role::Server, "tcp://h:1?frame=lines"), Input::Closed);
        let client = session(plan(Role::Client, &endpoint), Input::Open);
        let faults = Faults { cuts: Cuts::Random, ..Faults::default() };
        let mut pair = Pair::stream(client, listener, faults, seed);
        let mut wire = Vec::new();
        for (text, pause) in &messages {
            pair.run_for(Duration::from_millis(*pause));
            pair.change_a(|client, now| {
                let message = client.plan.message(text.clone().into());
                client.transmit(now, message.expect("it can be framed"));
            });
            wire.extend_from_slice(text.as_bytes());
            wire.push(b'\n');
        }
        pair.change_a(Session::finish);
        pair.run();
        let sent: Vec<u8> = pair.sent(Side::A).flatten().copied().collect();
        prop_assert_eq!(sent, wire);
        prop_assert!(pair.sent(Side::A).all(|piece| !piece.is_empty()));
        prop_assert_eq!(pair.a().held().total(), 0);
        prop_assert_eq!(pair.reason(Side::A), Some(Reason::Fin));
        let heard: Vec<_> = pair.events(Side::B).filter_map(|event| match event {
            What::Frame { direction: Direction::In, text, .. } => text.clone(),
            _ => None,
        }).collect();
        let said: Vec<_> = messages.iter().map(|(text, _)| text.clone()).collect();
        prop_assert_eq!(heard, said);
    }

    /// No write holds more than it may, and all but the last are as long as they may be where all is
    /// said at once.
    #[test]
    fn every_write_of_what_is_said_at_once_is_full(
        messages in proptest::collection::vec("[a-z]{0,9}", 0..9),
        every in 1usize..7,
    ) {
        let mut shaper = Shaper::new(format!("every {every} delay 0s").parse().unwrap(), Time::ZERO);
        for text in &messages {
            shaper.push(text.clone().into(), false);
        }
        let mut lens = Vec::new();
        while let Some(Output::Transmit(piece)) = shaper.poll() {
            lens.push(piece.len());
        }
        let total: usize = messages.iter().map(String::len).sum();
        prop_assert_eq!(lens.len(), total.div_ceil(every));
        prop_assert!(lens.iter().rev().skip(1).all(|len| *len == every));
    }
}
