use proptest::prelude::*;

use super::*;
use crate::tello::pilot::{Event, Origin};
use crate::tello::reply::{Refusal, Value, Verdict};
use crate::time::Time;

const DANCE: &str = "// dance\n1=0TQDF6GBMB5SMF\nbattery_check 30\n*>takeoff # up\nsync 10\n1>forward 100\n2>back 100\ndelay 2.5\n*>Re land\n";

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|number| number.to_string()).collect()
}

#[test]
fn a_mark_of_the_encoding_is_no_part_of_a_script() {
    let script = Script::parse("\u{feff}takeoff\r\nland\r\n").unwrap();
    assert_eq!(script, Script::parse("takeoff\nland").unwrap());
}

#[test]
fn a_script_is_read_line_by_line() {
    let script = Script::parse(DANCE).unwrap();
    assert_eq!(
        script
            .lines
            .iter()
            .map(|line| line.number)
            .collect::<Vec<_>>(),
        [2, 3, 4, 5, 6, 7, 8, 9]
    );
    assert_eq!(script.drones(), ["1", "2"]);
    assert_eq!(
        script.serials().collect::<Vec<_>>(),
        [("1", "0TQDF6GBMB5SMF")]
    );
    assert!(script.wants_again());
    let plan = script.check(Sdk::V2_0, &names(2)).unwrap();
    assert_eq!(
        plan.programs.iter().map(Vec::len).collect::<Vec<_>>(),
        [6, 6]
    );
    assert_eq!(plan.programs[1][3].line, 7);
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let told = |text: &str| -> Vec<String> {
        let mistakes = match Script::parse(text) {
            Ok(script) => script.check(Sdk::V1_3, &names(1)).unwrap_err(),
            Err(mistakes) => mistakes,
        };
        mistakes.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        told("scan 2\n\ndelay x\n1>sync\nbattery_check 101\n1>"),
        [
            "line 1: `scan` would search the network, which is not done; name the drones with `--host`",
            "line 3: `x` is no time up to an hour; write seconds, such as `2.5`, or `500ms`",
            "line 4: `sync` is for all drones; leave out what stands before `>`",
            "line 5: `101` is no percentage from 0 to 100",
            "line 6: there is no command behind `>`",
        ]
    );
    assert_eq!(
        told("forward 5\n3>land\nRe up 50\nstop"),
        [
            "line 1: `forward` takes 20–500 cm; 5 is too little",
            "line 2: there is no drone `3`; there are `1`",
            "line 3: the `Re` prefix came with SDK 2.0; this drone speaks SDK 1.3",
            "line 4: `stop` came with SDK 2.0; this drone speaks SDK 1.3",
        ]
    );
}

#[test]
fn drones_wait_for_each_other_where_the_times_are_estimated() {
    let script = Script::parse("takeoff\n1>forward 500\nsync\nland").unwrap();
    let plan = script.check(Sdk::V2_0, &names(2)).unwrap();
    let timeline = plan.timeline(50.0);
    let lands: Vec<Duration> = timeline
        .iter()
        .map(|steps| steps.last().unwrap().begin)
        .collect();
    assert_eq!(lands[0], lands[1]);
    assert!(lands[0] > Duration::from_secs(16));
}

/// Flies a plan with pilots that answer at once as `answer` says; gives the outcome and what was
/// ordered.
fn fly(
    text: &str,
    count: usize,
    on_failure: OnFailure,
    answer: impl Fn(usize, &str) -> Verdict,
) -> (Outcome, Vec<String>) {
    let plan = Script::parse(text)
        .unwrap()
        .check(Sdk::V3_0, &names(count))
        .unwrap();
    let mut now = Time::ZERO;
    let mut runner = Runner::new(plan, on_failure, now);
    let (mut number, mut log) = (0, Vec::new());
    let mut under_way = Vec::new();
    for _ in 0..1000 {
        match runner.poll() {
            Do::Order { drone, command, .. } => {
                number += 1;
                log.push(format!("{}>{command}", drone + 1));
                runner.ordered(drone, number);
                let verdict = answer(drone, &command.to_string());
                under_way.push((
                    drone,
                    Event::Replied {
                        number,
                        text: command.to_string(),
                        reply: "as said".into(),
                        verdict,
                        took_ms: 5,
                        origin: Origin::User,
                    },
                ));
            }
            Do::Tell(text) => log.push(format!("! {text}")),
            Do::Wait(time) => match under_way.is_empty() {
                false => {
                    let (drone, event) = under_way.remove(0);
                    runner.hear(now, drone, &event);
                }
                true => {
                    now = time.expect("it waits for something");
                    runner.handle_timeout(now);
                }
            },
            Do::Finished(outcome) => return (outcome, log),
        }
    }
    panic!("it never ends: {log:?}");
}

fn obedient(_: usize, command: &str) -> Verdict {
    match command.ends_with('?') {
        true => Verdict::Value(Value {
            text: "50".into(),
            number: Some(50.0),
            unit: "%".into(),
        }),
        false => Verdict::Done,
    }
}

#[test]
fn a_flight_is_flown_in_order() {
    let (outcome, log) = fly(
        "battery_check 30\n*>takeoff\nsync 9\n1>up 50\ndelay 2\n*>rc 0 0 0 0\nland",
        2,
        OnFailure::Land,
        obedient,
    );
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(
        log,
        [
            "1>battery?",
            "2>battery?",
            "1>takeoff",
            "2>takeoff",
            "1>up 50",
            "1>rc 0 0 0 0",
            "1>land",
            "2>rc 0 0 0 0",
            "2>land"
        ]
        .map(str::to_owned),
        "{log:?}"
    );
}

#[test]
fn a_failure_lands_everybody_ends_or_goes_on() {
    let refuse = |drone: usize, command: &str| match (drone, command) {
        (1, "up 50") => Verdict::Refused(Refusal::NoValidImu),
        _ => obedient(drone, command),
    };
    let text = "takeoff\nsync\nup 50\nsync\ndown 50\nland";
    let (outcome, log) = fly(text, 2, OnFailure::Land, refuse);
    let Outcome::Failed(why) = outcome else {
        panic!("it failed")
    };
    assert!(
        why.starts_with("line 3: drone `2`: `up 50` refused"),
        "{why}"
    );
    assert_eq!(log[4..], ["1>land", "2>land"]);
    let (outcome, log) = fly(text, 2, OnFailure::End, refuse);
    assert!(matches!(outcome, Outcome::Failed(_)) && log.len() == 4);
    let (outcome, log) = fly(text, 2, OnFailure::Continue, refuse);
    assert_eq!((outcome, log.len()), (Outcome::Done, 9));
}

#[test]
fn a_low_battery_lets_nobody_take_off() {
    let (outcome, log) = fly("battery_check 60\ntakeoff", 1, OnFailure::End, obedient);
    assert_eq!(
        outcome,
        Outcome::Failed("line 1: the battery is at 50 %; the script wants 60 %".into())
    );
    assert_eq!(log, ["1>battery?"]);
}

/// A runner of a flight that goes on when something fails, and the events of its drones.
fn going_on(text: &str, drones: usize) -> Runner {
    let plan = Script::parse(text)
        .unwrap()
        .check(Sdk::V3_0, &names(drones))
        .unwrap();
    Runner::new(plan, OnFailure::Continue, Time::ZERO)
}

#[test]
fn a_drone_that_missed_a_meeting_is_awaited_at_the_next() {
    let mut runner = going_on("1>up 50\nsync 1\nsync\nland", 2);
    assert!(matches!(runner.poll(), Do::Order { drone: 0, .. }));
    runner.ordered(0, 1);
    let second = Time::ZERO + Duration::from_secs(1);
    assert_eq!(runner.poll(), Do::Wait(Some(second)));
    runner.handle_timeout(second);
    assert!(matches!(runner.poll(), Do::Tell(_)));
    assert_eq!(runner.poll(), Do::Wait(None));
    let event = Event::Unanswered {
        number: 1,
        text: "up 50".to_owned(),
    };
    runner.hear(second, 0, &event);
    for drone in 0..2 {
        let Do::Order { drone: it, .. } = runner.poll() else {
            panic!("both land")
        };
        assert_eq!(it, drone);
        runner.ordered(drone, 2);
    }
}

#[test]
fn nobody_waits_for_a_drone_whose_link_is_over() {
    let mut runner = going_on("takeoff\nsync\nland", 2);
    assert!(matches!(runner.poll(), Do::Order { drone: 0, .. }));
    runner.is_lost(Time::ZERO, 0);
    assert!(matches!(runner.poll(), Do::Tell(_)));
    for number in [1, 2] {
        assert!(matches!(runner.poll(), Do::Order { drone: 1, .. }));
        runner.ordered(1, number);
        let text = String::new();
        runner.hear(Time::ZERO, 1, &Event::Unanswered { number, text });
    }
    assert_eq!(runner.poll(), Do::Finished(Outcome::Done));
}

proptest! {
    #[test]
    fn a_written_script_is_read_again(lines in prop::collection::vec(prop_oneof![
        "[0-9]{1,2}>(takeoff|up 50|Re land|delay [1-9])",
        "\\*>[a-z]{1,6} [0-9]{1,3}", "sync( [1-9])?", "battery_check [1-9][0-9]", "delay 1\\.5", "[a-z]{1,3}=[A-Z0-9]{3}",
        "", "# [a-z]*",
    ], 0..20)) {
        let script = Script::parse(&lines.join("\n")).unwrap();
        let again = Script::parse(&script.to_string()).unwrap();
        let items = |script: &Script| script.lines.iter().map(|line| line.item.clone()).collect::<Vec<_>>();
        prop_assert_eq!(items(&again), items(&script));
    }

    #[test]
    fn any_text_is_a_script_or_is_not(text in any::<String>()) {
        if let Ok(script) = Script::parse(&text)
            && let Ok(plan) = script.check(Sdk::Rmtt, &names(2))
        {
            let _ = plan.timeline(0.0);
        }
    }
}
