//! The try-it box.

use super::{TrialAct, TrialStep};
use crate::rule::{Peer, Rules};
use crate::text::charset::Charset;
use crate::time::Time;

fn steps(rules: &str, messages: &[&str]) -> (Vec<(u64, usize, String)>, Vec<usize>, bool) {
    let rules = Rules::parse(rules, "r").expect("they are rules");
    let messages: Vec<&[u8]> = messages.iter().map(|message| message.as_bytes()).collect();
    let peer = Peer {
        number: 1,
        addr: "tcp://127.0.0.1:1",
        epoch: 0,
    };
    let trial = rules.try_on(&messages, [Charset::UTF_8; 2], &peer);
    let say = |step: TrialStep| {
        let said = match step.act {
            TrialAct::Send(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            TrialAct::Close => "(close)".to_owned(),
            TrialAct::Fault(why) => why,
        };
        let millis = (step.at - Time::ZERO).as_millis() as u64;
        (millis, step.rule, said)
    };
    let said = trial.steps.into_iter().map(say).collect();
    (said, trial.matched, trial.goes_on)
}

#[test]
fn each_answer_has_its_time_and_its_rule() {
    let rules = "
        [[rule]]
        starts = 'a'
        reply = 'late'
        delay = '30ms'
        continue = true
        [[rule]]
        equals = 'never'
        echo = true
        [[rule]]
        any = true
        reply = 'n${counter}'
        repeat = { every = '20ms', count = 3 }
        close = true";
    let (said, matched, goes_on) = steps(rules, &["abc"]);
    let wanted = [
        (0, 2, "n1"),
        (20, 2, "n2"),
        (30, 0, "late"),
        (40, 2, "n3"),
        (40, 2, "(close)"),
    ];
    assert_eq!(
        said,
        wanted.map(|(at, rule, text)| (at, rule, text.to_owned()))
    );
    assert_eq!(matched, [0, 2]);
    assert!(!goes_on);
}

#[test]
fn an_answer_without_end_is_shown_in_part() {
    let rules = "[[rule]]\nany = true\necho = true\nrepeat = { every = '1ms' }";
    let (said, _, goes_on) = steps(rules, &["x", "y"]);
    assert_eq!(said.len(), super::MOST_STEPS);
    assert!(goes_on);
    let (said, matched, goes_on) = steps("[[rule]]\nequals = 'x'\necho = true", &["z"]);
    assert_eq!((said.len(), matched.len(), goes_on), (0, 0, false));
}
