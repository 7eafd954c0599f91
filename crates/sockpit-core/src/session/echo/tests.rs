use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::event::What;
use crate::machine::{Fault, Machine, Output};
use crate::plan::{Options, Plan, Role};
use crate::rule::Rules;
use crate::session::{Input, Peer, Session};
use crate::time::Time;

/// Endpoints and rules; only the first ones come to nothing but an echo.
const PLANS: [(&str, &str); 9] = [
    ("tcp://h:1", "any = true\necho = true"),
    ("tcp://h:1?text=gbk", "any = true\necho = true"),
    ("tcp://h:1?frame=lines", "any = true\necho = true"),
    ("tcp://h:1?checksum=crc32", "any = true\necho = true"),
    ("tcp://h:1", "any = true\nupper = true"),
    ("tcp://h:1", "any = true\necho = true\nclose = true"),
    ("tcp://h:1", "any = true\necho = true\ndelay = '1s'"),
    ("tcp://h:1", "equals = 'a'\necho = true"),
    (
        "tcp://h:1",
        "any = true\necho = true\ncontinue = true\n[[rule]]\nany = true\nreply = 'b'",
    ),
];

#[derive(Clone, Debug)]
enum Deed {
    Hear(Vec<u8>),
    Watch(bool),
    Adopt(usize),
    Say(Vec<u8>),
    Finish,
    End,
    Stop,
}

fn deed() -> impl Strategy<Value = Deed> {
    let bytes =
        || proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'\n'), any::<u8>()], 1..9);
    prop_oneof![
        9 => bytes().prop_map(Deed::Hear),
        2 => any::<bool>().prop_map(Deed::Watch),
        1 => (0..PLANS.len()).prop_map(Deed::Adopt),
        1 => bytes().prop_map(Deed::Say),
        1 => Just(Deed::Finish),
        1 => Just(Deed::End),
        1 => Just(Deed::Stop),
    ]
}

proptest! {
    /// What goes back without the session is what it would have sent, and it knows no less of it.
    #[test]
    fn an_echo_is_what_would_have_been_sent(
        first in 0..PLANS.len(),
        deeds in proptest::collection::vec(deed(), 0..40),
    ) {
        let mut whole = session(&plan(first));
        let mut short = session(&plan(first));
        let mut ended = false;
        prop_assert_eq!(drain(&mut whole), drain(&mut short));
        for (at, deed) in (1..).zip(deeds) {
            let now = Time::from_nanos(at);
            let mut expected = None;
            match &deed {
                Deed::Hear(_) | Deed::End if ended => continue,
                Deed::Hear(chunk) => {
                    whole.handle_input(now, chunk);
                    if short.handle_echo(chunk.len()) {
                        expected = Some(Output::Transmit(chunk.clone().into()));
                    } else {
                        short.handle_input(now, chunk);
                    }
                }
                deed => {
                    ended |= matches!(deed, Deed::End);
                    for session in [&mut whole, &mut short] {
                        do_to(session, now, deed);
                    }
                }
            }
            let (outputs, wait) = drain(&mut whole);
            let (rest, short_wait) = drain(&mut short);
            let short_outputs: Vec<_> = expected.into_iter().chain(rest).collect();
            prop_assert_eq!(&outputs, &short_outputs);
            prop_assert_eq!(wait, short_wait);
            prop_assert_eq!((whole.received, whole.sent), (short.received, short.sent));
            if matches!(outputs.last(), Some(Output::Close(_))) {
                break;
            }
        }
    }
}

#[test]
fn nothing_but_an_echo_that_nobody_watches_goes_without_the_session() {
    for (index, _) in PLANS.iter().enumerate() {
        let mut session = session(&plan(index));
        drain(&mut session);
        assert!(!session.handle_echo(1), "watched, plan {index}");
        session.handle_watch(false);
        assert_eq!(session.handle_echo(1), index < 2, "plan {index}");
    }
}

#[test]
fn silence_counts_from_when_it_is_first_asked_for() {
    let mut session = session(&plan(0));
    session.handle_watch(false);
    assert!(session.handle_echo(1));
    let mut idle = plan(0);
    idle.idle = Some(Duration::from_nanos(500));
    session.adopt(Time::from_nanos(2_000), Arc::new(idle));
    assert!(!session.handle_echo(1));
    assert_eq!(drain(&mut session).1, Some(Time::from_nanos(2_500)));
}

#[test]
fn a_datagram_that_only_goes_back_leaves_the_session_as_if_it_had_sent_it() {
    let rules = Rules::parse("[[rule]]\nany = true\necho = true", "rules.toml").unwrap();
    let endpoint = "udp://127.0.0.1:1".parse().unwrap();
    let mut plan = Plan::resolve(Role::Server, &endpoint, Options::default()).unwrap();
    plan.rules = Some(Arc::new(rules));
    assert!(plan.idle.is_some());
    let mut whole = session(&plan);
    let mut short = session(&plan);
    let longest = plan.max_datagram().unwrap();
    let lens = [3, 0, 1, longest, longest + 1, 5, 0, 9];
    for (at, len) in (1..).zip(lens) {
        let now = Time::from_nanos(at);
        let is_watched = at == 6 || at == 7;
        let datagram = vec![b'a'; len];
        for session in [&mut whole, &mut short] {
            session.handle_watch(is_watched);
        }
        whole.handle_input(now, &datagram);
        let goes_back = short.handle_datagram_echo(now, len);
        assert_eq!(goes_back, !is_watched && len <= longest, "{len} bytes");
        let mut expected = Vec::new();
        if goes_back {
            expected.push(Output::Transmit(datagram.into()));
        } else {
            short.handle_input(now, &datagram);
        }
        let (outputs, wait) = drain(&mut whole);
        let (rest, short_wait) = drain(&mut short);
        expected.extend(rest);
        assert_eq!((outputs, wait), (expected, short_wait), "{len} bytes");
        assert_eq!((whole.received, whole.sent), (short.received, short.sent));
    }
    // A stream is no datagram, and one that was cut is told of first.
    assert!(!short.handle_echo(1));
    short.handle_watch(false);
    short.handle_fault(Time::ZERO, Fault::Truncated { full_len: 9 });
    assert!(!short.handle_datagram_echo(Time::ZERO, 1));
}

fn plan(index: usize) -> Plan {
    let (endpoint, rule) = PLANS[index];
    let options = Options::default();
    let mut plan = Plan::resolve(Role::Server, &endpoint.parse().unwrap(), options).unwrap();
    let rules = Rules::parse(&format!("[[rule]]\n{rule}"), "rules.toml");
    plan.rules = Some(Arc::new(rules.unwrap()));
    plan
}

fn session(plan: &Plan) -> Session {
    let peer = Peer {
        number: 1,
        addr: String::new(),
        epoch: 0,
        seed: 1,
    };
    Session::new(Arc::new(plan.clone()), peer, Input::Open, Time::ZERO)
}

fn do_to(session: &mut Session, now: Time, deed: &Deed) {
    match deed {
        Deed::Hear(chunk) => session.handle_input(now, chunk),
        Deed::Watch(watched) => session.handle_watch(*watched),
        Deed::Adopt(index) => session.adopt(now, Arc::new(plan(*index))),
        Deed::Say(bytes) => {
            let message = session.plan.message(bytes.clone().into());
            if let Ok(message) = message {
                session.transmit(now, message);
            }
        }
        Deed::Finish => session.finish(now),
        Deed::End => session.handle_end(now),
        Deed::Stop => session.handle_stop(now),
    }
}

/// All that it wants, and when it wants to be woken.
fn drain(session: &mut Session) -> (Vec<Output<What>>, Option<Time>) {
    let mut outputs = Vec::new();
    loop {
        match session.poll_output() {
            Output::Wait(wake) => return (outputs, wake),
            output => {
                let closes = matches!(output, Output::Close(_));
                outputs.push(output);
                if closes {
                    return (outputs, None);
                }
            }
        }
    }
}
