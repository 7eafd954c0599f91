use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Action, Message, Peer, Responder};
use crate::rule::{Captures, Rules, Step};
use crate::text::charset::Charset;
use crate::time::Time;

const PEER: Peer<'_> = Peer {
    number: 1,
    addr: "127.0.0.1:7000",
    epoch: 0,
};

/// A conversation in virtual time, with all that was done and when, in milliseconds.
struct Talk {
    responder: Responder,
    now: Time,
    done: Vec<(u64, Action)>,
}

impl Talk {
    fn new(file: &str) -> Self {
        Self::in_charset(file, Charset::UTF_8)
    }

    fn in_charset(file: &str, charset: Charset) -> Self {
        let rules = Rules::parse(file, "rules.toml").unwrap_or_else(|error| panic!("{error}"));
        let mut talk = Self {
            responder: Responder::new(Arc::new(rules), charset, 1),
            now: Time::ZERO,
            done: Vec::new(),
        };
        let done = &mut talk.done;
        talk.responder
            .handle_open(Time::ZERO, &PEER, &mut |action| done.push((0, action)));
        talk
    }

    fn say(&mut self, bytes: &[u8]) {
        let (now, done) = (self.now, &mut self.done);
        let message = Message { bytes, text: None };
        let at = now.as_nanos() / 1_000_000;
        self.responder
            .handle_message(now, message, &PEER, &mut |action| done.push((at, action)));
    }

    /// Lets time pass as a driver does, waking the responder at each of its deadlines.
    fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.responder.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.wake();
            assert!(self.responder.deadline() > Some(due) || self.responder.deadline().is_none());
        }
        self.now = end;
    }

    fn wake(&mut self) {
        let (now, done) = (self.now, &mut self.done);
        let at = now.as_nanos() / 1_000_000;
        self.responder
            .handle_timeout(now, &PEER, &mut |action| done.push((at, action)));
    }

    fn check(&self, expected: &[(u64, &str)]) {
        let done: Vec<(u64, String)> = self
            .done
            .iter()
            .map(|(at, action)| (*at, show(action)))
            .collect();
        let done: Vec<(u64, &str)> = done.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(done, expected);
    }
}

fn show(action: &Action) -> String {
    match action {
        Action::Send(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Action::Echo => "(echo)".to_owned(),
        Action::Close => "(close)".to_owned(),
        Action::Fault(withheld) => format!("({withheld})"),
    }
}

#[test]
fn the_first_rule_that_fits_answers() {
    let mut talk = Talk::new(
        "[[rule]]\nequals = 'PING'\nreply = 'PONG'\n\
         [[rule]]\nstarts = 'P'\nreply = 'P?'\n\
         [[rule]]\ncontains = 'quiet'\ndiscard = true\n\
         [[rule]]\nany = true\necho = true\n",
    );
    for message in ["PING", "PINGS", "be quiet", "x"] {
        talk.say(message.as_bytes());
    }
    talk.check(&[(0, "PONG"), (0, "P?"), (0, "(echo)")]);
}

#[test]
fn continue_asks_the_next_rule_too() {
    let mut talk = Talk::new(
        "[[rule]]\nregex = '(\\d+)'\nreply = 'number ${1}'\ncontinue = true\n\
         [[rule]]\nany = true\nreply = 'seen ${counter}'\n",
    );
    talk.say(b"a 12");
    talk.say(b"b");
    talk.check(&[(0, "number 12"), (0, "seen 1"), (0, "seen 2")]);
}

#[test]
fn a_delayed_answer_comes_in_its_time_and_holds_nothing_up() {
    let mut talk = Talk::new(
        "[[rule]]\nstarts = 'slow'\nreply = '${0}: ${message}'\ndelay = '200ms'\n\
         [[rule]]\nany = true\necho = true\n",
    );
    talk.say(b"slow one");
    talk.wait(50);
    talk.say(b"fast");
    talk.say(b"slow two");
    talk.wait(1000);
    talk.check(&[
        (50, "(echo)"),
        (200, "slow: slow one"),
        (250, "slow: slow two"),
    ]);
    assert_eq!(talk.responder.deadline(), None);
}

#[test]
fn a_repeated_answer_keeps_its_rhythm_and_is_made_anew() {
    let mut talk = Talk::new(
        "[[rule]]\nregex = 'sub (.+)'\nreply = '${1} ${counter} at ${time.ms}'\ndelay = '10ms'\n\
         repeat = { every = '100ms', count = 3 }\n",
    );
    talk.say(b"sub temp");
    talk.wait(1000);
    talk.check(&[
        (10, "temp 1 at 10"),
        (110, "temp 2 at 110"),
        (210, "temp 3 at 210"),
    ]);
}

#[test]
fn who_asks_again_gets_the_repetition_from_its_beginning() {
    let mut talk =
        Talk::new("[[rule]]\nany = true\nreply = '${0}'\nrepeat = { every = '100ms' }\n");
    talk.say(b"a");
    talk.wait(150);
    talk.say(b"b");
    talk.wait(200);
    talk.check(&[(0, "a"), (100, "a"), (150, "b"), (250, "b"), (350, "b")]);
}

#[test]
fn beats_that_were_missed_are_left_out() {
    let mut talk =
        Talk::new("[[rule]]\nany = true\nreply = 'tick'\nrepeat = { every = '100ms' }\n");
    talk.say(b"a");
    talk.now = Time::ZERO + Duration::from_millis(1_050);
    talk.wake();
    talk.wait(100);
    talk.check(&[(0, "tick"), (1050, "tick"), (1100, "tick")]);
}

#[test]
fn close_comes_after_the_last_answer_and_ends_everything() {
    let mut talk = Talk::new(
        "[[rule]]\nequals = 'quit'\nreply = 'bye'\nrepeat = { every = '10ms', count = 2 }\nclose = true\n\
         [[rule]]\nequals = 'now'\nclose = true\n\
         [[rule]]\nany = true\nreply = 'late'\ndelay = '1s'\n",
    );
    talk.say(b"x");
    talk.say(b"quit");
    talk.wait(2000);
    talk.say(b"quit");
    talk.say(b"now");
    talk.check(&[(0, "bye"), (10, "bye"), (10, "(close)")]);
    assert_eq!(talk.responder.deadline(), None);
}

#[test]
fn a_peer_that_ended_gets_what_is_counted_and_nothing_without_end() {
    let mut talk = Talk::new(
        "[[rule]]\nequals = 'a'\nreply = 'a'\nrepeat = { every = '10ms' }\n\
         [[rule]]\nequals = 'b'\nreply = 'b'\nrepeat = { every = '10ms', count = 2 }\n\
         [[list]]\nname = 'l'\nstart = true\nloop = true\nitems = [{ send = 'l', delay = '1ms' }]\n",
    );
    talk.say(b"a");
    talk.say(b"b");
    talk.responder.handle_end();
    talk.wait(1000);
    talk.check(&[(0, "a"), (0, "b"), (10, "b")]);
    assert_eq!(talk.responder.deadline(), None);
}

#[test]
fn a_late_echo_is_a_copy_of_the_message() {
    let mut talk = Talk::new("[[rule]]\nany = true\necho = true\ndelay = '5ms'\nclose = true\n");
    talk.say(b"\xFFabc");
    talk.wait(10);
    let expected = [(5, Action::Send(b"\xFFabc"[..].into())), (5, Action::Close)];
    assert_eq!(talk.done, expected);
}

#[test]
fn a_list_runs_when_the_conversation_opens() {
    let mut talk = Talk::new(
        "[[list]]\nname = 'poll'\nstart = true\nloop = 2\nitems = [\n\
         { send = 'A${counter}' }, { send_hex = '42', delay = '1s' }, { send = 'C', delay = '500ms' }]\n\
         [[list]]\nname = 'idle'\nitems = [{ send = 'never' }]\n",
    );
    talk.wait(10_000);
    let expected = [
        (0, "A1"),
        (1000, "B"),
        (1500, "C"),
        (1500, "A2"),
        (2500, "B"),
        (3000, "C"),
    ];
    talk.check(&expected);
}

#[test]
fn a_list_is_started_and_stopped_by_hand() {
    let mut talk = Talk::new(
        "[[list]]\nname = 'beat'\nloop = true\nitems = [{ send = 'beat ${counter}', delay = '100ms' }]\n",
    );
    talk.wait(1000);
    let now = talk.now;
    talk.responder
        .start_list(now, 0, &PEER, &mut |_| panic!("nothing is due"));
    talk.responder
        .start_list(now, 7, &PEER, &mut |_| panic!("there is no such list"));
    talk.wait(250);
    talk.responder.stop_list(0);
    talk.wait(1000);
    talk.check(&[(1100, "beat 1"), (1200, "beat 2")]);
    assert_eq!(talk.responder.deadline(), None);
}

#[test]
fn gbk_is_matched_and_answered_as_what_it_means() {
    let gbk: Charset = "gbk".parse().unwrap();
    let file =
        "[[rule]]\nregex = '^温度(.)$'\nreply = '${1}℃'\n[[rule]]\nany = true\nupper = true\n";
    let mut talk = Talk::in_charset(file, gbk);
    talk.say(&gbk.encode("温度五").unwrap());
    talk.say(&gbk.encode("乤a").unwrap());
    let sent = |text: &str| {
        (
            0,
            Action::Send(gbk.encode(text).unwrap().into_owned().into()),
        )
    };
    assert_eq!(talk.done, [sent("五℃"), sent("乤A")]);
}

#[test]
fn what_the_charset_of_the_answer_lacks_is_a_fault_and_no_question_mark() {
    let rules = Rules::parse(
        "[[rule]]\nname = 'repeat'\nregex = 'say (.+)'\nreply = '${1}'\n",
        "rules.toml",
    );
    let mut responder = Responder::new(Arc::new(rules.unwrap()), Charset::UTF_8, 1)
        .answering_in("gbk".parse().unwrap());
    assert!(responder.needs_text());
    let mut done = Vec::new();
    for message in ["say 你好", "say 😀"] {
        let message = Message {
            bytes: message.as_bytes(),
            text: None,
        };
        responder.handle_message(Time::ZERO, message, &PEER, &mut |action| done.push(action));
    }
    assert_eq!(done[0], Action::Send(b"\xC4\xE3\xBA\xC3"[..].into()));
    assert_eq!(
        show(&done[1]),
        "(the rule `repeat` did not answer: `😀` at column 1 cannot be said in gbk; \
         a charset that has everything is `utf-8`)"
    );
}

#[test]
fn a_peer_cannot_make_answers_pile_up_without_end() {
    let mut talk = Talk::new("[[rule]]\nany = true\necho = true\ndelay = '1h'\n");
    for _ in 0..1030 {
        talk.say(b"x");
    }
    assert_eq!(talk.done.len(), 6);
    assert_eq!(
        show(&talk.done[0].1),
        "(rule 1 did not answer: more than 1024 answers or 16 MiB of them wait for their time)"
    );
    let mut talk = Talk::new("[[rule]]\nany = true\necho = true\ndelay = '1h'\n");
    let large = vec![0; 10 << 20];
    talk.say(&large);
    talk.say(&large);
    assert_eq!(talk.done.len(), 1);
    talk.wait(3_600_000);
    talk.say(&large);
    assert_eq!(talk.done.len(), 2, "what was sent makes room");
}

#[test]
fn a_script_fills_in_what_the_last_expectation_caught() {
    let file = "[[script]]\nexpect = 're:token=(\\w+)'\n[[script]]\nsend = 'use ${1}'\n";
    let rules = Arc::new(Rules::parse(file, "rules.toml").unwrap());
    let mut responder = Responder::new(Arc::clone(&rules), Charset::UTF_8, 1);
    let [Step::Expect { pattern, .. }, Step::Send { payload, .. }] = rules.script() else {
        panic!("the script has two steps");
    };
    let found = pattern
        .find(Message {
            bytes: b"your token=abc;",
            text: None,
        })
        .unwrap();
    assert_eq!(found.range.end, 14);
    let rendered = responder.render(Time::ZERO, payload, &found.captures, &PEER);
    assert_eq!(rendered.unwrap(), "use abc");
    assert_eq!(
        responder
            .render(Time::ZERO, payload, &Captures::default(), &PEER)
            .unwrap(),
        "use "
    );
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let file = "[[rule]]\nany = true\nreply = '${random} ${random.hex:32}'\n";
    let answers = || {
        let mut talk = Talk::new(file);
        talk.say(b"a");
        talk.say(b"b");
        talk.done
    };
    assert_eq!(answers(), answers());
    assert_ne!(answers()[0], answers()[1]);
}

proptest! {
    /// Whether somebody decoded the message before makes no difference to what is sent.
    #[test]
    fn a_text_that_is_handed_in_changes_nothing(message: Vec<u8>, name in "utf-8|gbk|shift_jis") {
        let charset: Charset = name.parse().unwrap();
        let file = "[[rule]]\nregex = '(.)$'\nreply = '<${1}>'\n[[rule]]\nany = true\nupper = true\n";
        let rules = Arc::new(Rules::parse(file, "rules.toml").unwrap());
        let decoded = charset.decode(&message).text;
        let given = [None, Some(decoded.as_str())].map(|text| {
            let mut done = Vec::new();
            let message = Message { bytes: &message, text };
            Responder::new(Arc::clone(&rules), charset, 1)
                .handle_message(Time::ZERO, message, &PEER, &mut |action| done.push(action));
            done
        });
        prop_assert_eq!(&given[0], &given[1]);
    }
}
