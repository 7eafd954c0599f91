use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::rule::random::Random;
use crate::sim::{Faults, Pair, Side};
use crate::tello::drone::{self, DroneLink, SharedDrone};

const LINK: Faults = Faults {
    latency: Duration::from_millis(20),
    jitter: Duration::from_millis(40),
    loss_ppm: 0,
    duplication_ppm: 0,
    cuts: crate::sim::Cuts::AsSent,
    read_size: None,
};

/// A console, its drone, and what is known of both.
struct Flight {
    pair: Pair<Pilot, DroneLink>,
    drone: SharedDrone,
}

impl Flight {
    fn new(settings: Settings, faults: Faults, mishaps: &[&str], seed: u64) -> Self {
        let mut drone = drone::Settings::new(settings.sdk);
        drone.seed = seed;
        drone.faults = mishaps.iter().map(|text| text.parse().unwrap()).collect();
        let drone = SharedDrone::new(drone, Time::ZERO);
        let link = DroneLink::new(drone.clone(), "127.0.0.1:9000".parse().unwrap());
        let pilot = Pilot::new(settings, Time::ZERO);
        let pair = Pair::new(pilot, link, faults, seed);
        Self { pair, drone }
    }

    /// Orders a command, and flies until it is over; gives how it ended.
    fn order(&mut self, line: &str) -> Event {
        let command = Command::parse(line, self.pair.a().settings.sdk).unwrap();
        let mut number = 0;
        self.pair
            .change_a(|pilot, now| number = pilot.order(now, command));
        let ends = |what: &What| Event::of(what).and_then(|event| event.ends()) == Some(number);
        let entry = self.pair.run_until(ends).expect("every command ends");
        match &entry.output {
            Output::Event(what) => Event::of(what).unwrap(),
            _ => unreachable!("it is an event"),
        }
    }

    fn events(&self) -> Vec<Event> {
        self.pair.events(Side::A).filter_map(Event::of).collect()
    }

    fn executed(&self) -> Vec<String> {
        self.drone
            .with(|drone| drone.executed().map(|it| it.command.clone()).collect())
    }

    fn sent(&self) -> Vec<String> {
        let sent = self.pair.sent(Side::A);
        sent.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }

    /// No motion was done twice, and whatever counts as answered was answered so by the drone.
    fn check(&self, seed: u64) {
        let mut done = BTreeMap::new();
        for command in self.executed() {
            *done.entry(command).or_insert(0) += 1;
        }
        for (command, count) in done {
            assert!(
                count == 1,
                "seed {seed}: `{command}` was flown {count} times"
            );
        }
        let mut said: BTreeMap<(String, String), u32> = BTreeMap::new();
        for entry in self.pair.log() {
            let Output::Event(what) = &entry.output else {
                continue;
            };
            if entry.side == Side::B {
                if let What::Note { kind, data, .. } = what
                    && kind == drone::ANSWERED
                {
                    let word = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
                    *said.entry((word("command"), word("reply"))).or_default() += 1;
                }
            } else if let Some(Event::Replied { text, reply, .. }) = Event::of(what) {
                let is_said = said.contains_key(&(text.clone(), reply.clone()));
                let at = entry.time;
                assert!(
                    is_said,
                    "seed {seed}: `{text}` never got `{reply}` at {at:?}"
                );
            }
        }
    }
}

/// A flight with motions that all differ, so that each can be told from the others.
fn fly(flight: &mut Flight, seed: u64, has_stop: bool) -> u32 {
    let mut random = Random::new(seed);
    let mut done = 0;
    let mut far = 20;
    for turn in 0..12 {
        far += 1;
        let line = match random.between(0, if has_stop { 9 } else { 8 }) {
            _ if turn == 0 => "takeoff".to_owned(),
            0 => "battery?".to_owned(),
            1 => format!("speed {}", 20 + far),
            2 => format!("cw {far}"),
            3 => "height?".to_owned(),
            4 => format!("forward {far}"),
            5 => format!("back {far}"),
            6 => format!("go {far} 0 0 50"),
            7 => format!("up {far}"),
            8 => format!("left {far}"),
            _ => "stop".to_owned(),
        };
        let ended = flight.order(&line);
        done += u32::from(matches!(
            ended,
            Event::Replied {
                verdict: Verdict::Done | Verdict::Value(_),
                ..
            }
        ));
        if random.between(0, 3) == 0 {
            flight
                .pair
                .run_for(Duration::from_millis(random.between(0, 4000)));
        }
    }
    done
}

#[test]
fn a_flight_goes_as_ordered() {
    let mut flight = Flight::new(Settings::new(Sdk::V2_0), LINK, &[], 1);
    for line in ["takeoff", "forward 100", "battery?", "land"] {
        let ended = flight.order(line);
        let Event::Replied { verdict, .. } = &ended else {
            panic!("{ended:?}")
        };
        assert!(
            matches!(verdict, Verdict::Done | Verdict::Value(_)),
            "{ended:?}"
        );
    }
    assert_eq!(flight.executed(), ["takeoff", "forward 100", "land"]);
    assert_eq!(flight.sent()[..3], ["command", "speed?", "takeoff"]);
}

#[test]
fn b11_nothing_is_flown_twice_and_no_reply_is_taken_for_anothers() {
    let faults = Faults {
        loss_ppm: 200_000,
        ..LINK
    };
    let mut done = 0;
    for seed in 0..1000 {
        let mut flight = Flight::new(Settings::new(Sdk::V2_0), faults, &[], seed);
        done += fly(&mut flight, seed, seed % 2 == 0);
        flight.check(seed);
    }
    // It would be easy to be safe by doing nothing.
    assert!(done > 6000, "{done} of 12,000 commands were answered");
}

#[test]
fn late_doubled_and_lost_replies_are_never_taken_for_anothers() {
    let faults = Faults {
        loss_ppm: 100_000,
        ..LINK
    };
    let mishaps = [
        "late-reply=2s",
        "double-reply=20%",
        "lose-reply=20%",
        "junk-first",
    ];
    for seed in 0..200 {
        let count = 1 + seed as usize % mishaps.len();
        let mut flight = Flight::new(
            Settings::new(Sdk::V2_0),
            faults,
            &mishaps[4 - count..],
            seed,
        );
        fly(&mut flight, seed, false);
        flight.check(seed);
    }
}

#[test]
fn with_the_prefix_a_flight_goes_on_whatever_the_link_does() {
    let faults = Faults {
        loss_ppm: 300_000,
        duplication_ppm: 300_000,
        ..LINK
    };
    for form in [Again::Ascii, Again::Binary] {
        for seed in 0..100 {
            let settings = Settings {
                again: Some(form),
                ..Settings::new(Sdk::V3_0)
            };
            let mut flight = Flight::new(settings, faults, &[], seed);
            for line in ["takeoff", "forward 100", "cw 90", "speed 70", "back 100"] {
                let ended = flight.order(line);
                let is_done = matches!(
                    ended,
                    Event::Replied {
                        verdict: Verdict::Done,
                        ..
                    }
                );
                assert!(is_done, "seed {seed}: {ended:?}");
            }
            assert_eq!(
                flight.executed(),
                ["takeoff", "forward 100", "cw 90", "back 100"]
            );
        }
    }
}

#[test]
fn a_motion_without_an_answer_is_not_sent_again() {
    let mut flight = Flight::new(
        Settings::new(Sdk::V2_0),
        LINK,
        &["lose-reply=100%@forward"],
        1,
    );
    flight.order("takeoff");
    assert!(matches!(flight.order("forward 50"), Event::TimedOut { .. }));
    assert_eq!(
        flight
            .sent()
            .iter()
            .filter(|text| *text == "forward 50")
            .count(),
        1
    );
    // The drone is asked, and then the next command goes.
    assert!(matches!(
        flight.order("back 50"),
        Event::Replied {
            verdict: Verdict::Done,
            ..
        }
    ));
    let events = flight.events();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Quarantined { .. }))
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Recovered { .. }))
    );
}

#[test]
fn the_first_packet_of_the_app_is_passed_over() {
    let mut flight = Flight::new(Settings::new(Sdk::V1_3), LINK, &["junk-first"], 1);
    assert!(matches!(flight.order("battery?"), Event::Replied { .. }));
    assert!(
        flight
            .events()
            .iter()
            .any(|event| matches!(event, Event::Junk { is_app: true, .. }))
    );
}

#[test]
fn a_drone_that_hovers_is_not_left_alone() {
    let mut flight = Flight::new(Settings::new(Sdk::V2_0), LINK, &[], 1);
    flight.order("takeoff");
    flight.pair.run_for(Duration::from_secs(60));
    assert!(matches!(
        flight.order("up 50"),
        Event::Replied {
            verdict: Verdict::Done,
            ..
        }
    ));
    let kept = flight
        .events()
        .into_iter()
        .filter(|event| matches!(event, Event::KeptAlive { .. }));
    assert!((5..=6).contains(&kept.count()));
    let settings = Settings {
        keep_alive: KeepAlive::Off,
        ..Settings::new(Sdk::V2_0)
    };
    let mut flight = Flight::new(settings, LINK, &[], 1);
    flight.order("takeoff");
    flight.pair.run_for(Duration::from_secs(60));
    assert!(!matches!(
        flight.order("up 50"),
        Event::Replied {
            verdict: Verdict::Done,
            ..
        }
    ));
}

#[test]
fn landing_jumps_the_queue_and_is_said_until_it_is_heard() {
    let faults = Faults {
        loss_ppm: 300_000,
        ..LINK
    };
    for seed in 0..100 {
        let mut flight = Flight::new(Settings::new(Sdk::V2_0), faults, &[], seed);
        flight.order("takeoff");
        let far = Command::parse("forward 200", Sdk::V2_0).unwrap();
        flight.pair.change_a(|pilot, now| {
            pilot.order(now, far.clone());
            pilot.order(now, far);
        });
        flight.pair.run_for(Duration::from_secs(1));
        flight.order("land");
        flight.pair.run_for(Duration::from_secs(5));
        let height = flight.drone.with(|drone| drone.glance().pose.at[2]);
        assert!(height < 1.0, "seed {seed}: {height}");
    }
}

#[test]
fn an_emergency_leaves_at_once() {
    let mut flight = Flight::new(Settings::new(Sdk::V2_0), LINK, &[], 1);
    flight.order("takeoff");
    let far = Command::parse("forward 400", Sdk::V2_0).unwrap();
    flight.pair.change_a(|pilot, now| _ = pilot.order(now, far));
    flight.pair.run_for(Duration::from_secs(1));
    // This firmware does not answer it.
    assert!(matches!(
        flight.order("emergency"),
        Event::Unanswered { .. }
    ));
    assert!(
        flight
            .sent()
            .iter()
            .filter(|text| *text == "emergency")
            .count()
            >= 3
    );
    assert!(matches!(flight.order("battery?"), Event::Replied { .. }));
}

#[test]
fn what_follows_a_failed_motion_is_not_flown() {
    let mut flight = Flight::new(Settings::new(Sdk::V2_0), LINK, &["imu@cw"], 1);
    flight.order("takeoff");
    let lines = ["cw 90", "forward 100", "battery?"];
    flight.pair.change_a(|pilot, now| {
        for line in lines {
            pilot.order(now, Command::parse(line, Sdk::V2_0).unwrap());
        }
    });
    flight.pair.run_for(Duration::from_secs(10));
    assert_eq!(flight.executed(), ["takeoff"]);
    let dropped = flight.events().into_iter().any(|event| {
        matches!(event, Event::Dropped { text, cause, .. } if text == "forward 100" && cause == "cw 90")
    });
    assert!(dropped);
    assert!(flight.sent().contains(&"battery?".to_owned()));
}

#[test]
fn sticks_leave_at_a_bounded_rate_and_the_latest_ones_count() {
    let mut flight = Flight::new(Settings::new(Sdk::V2_0), LINK, &[], 1);
    flight.order("takeoff");
    for stick in 0..1000 {
        flight
            .pair
            .change_a(|pilot, now| pilot.sticks(now, [stick % 100, 0, 0, 0]));
        flight.pair.run_for(Duration::from_millis(2));
    }
    flight.pair.run_for(Duration::from_millis(200));
    let sticks: Vec<String> = flight
        .sent()
        .into_iter()
        .filter(|text| text.starts_with("rc"))
        .collect();
    assert!((35..=42).contains(&sticks.len()), "{}", sticks.len());
    assert_eq!(sticks.last().map(String::as_str), Some("rc 99 0 0 0"));
    assert!(matches!(
        flight.order("up 50"),
        Event::Replied {
            verdict: Verdict::Done,
            ..
        }
    ));
}

#[test]
fn a_drone_that_comes_late_is_greeted_until_it_answers() {
    let mut pilot = Pilot::new(Settings::new(Sdk::V3_0), Time::ZERO);
    let mut sent = 0;
    let mut now = Time::ZERO;
    while now < Time::from_nanos(60_000_000_000) {
        match pilot.poll_output() {
            Output::Transmit(bytes) => {
                assert_eq!(bytes, "command");
                sent += 1;
            }
            Output::Wait(Some(time)) => {
                now = time;
                pilot.handle_timeout(now);
            }
            _ => {}
        }
    }
    assert!((20..40).contains(&sent), "{sent}");
}

#[test]
fn nothing_that_is_told_holds_a_password() {
    let mut flight = Flight::new(Settings::new(Sdk::Rmtt), LINK, &[], 1);
    flight.order("multiwifi home s3cret");
    flight.order("ap?");
    for what in flight.pair.events(Side::A) {
        assert!(!format!("{what:?}").contains("s3cret"), "{what:?}");
    }
}

#[test]
fn an_event_is_a_note_and_an_event_again() {
    let mut flight = Flight::new(Settings::new(Sdk::V2_0), LINK, &["junk-first"], 1);
    for line in ["takeoff", "temp?", "takeoff", "land"] {
        flight.order(line);
    }
    let mut count = 0;
    for what in flight.pair.events(Side::A) {
        let event = Event::of(what).unwrap();
        assert_eq!(&What::from(&event), what);
        count += 1;
    }
    assert!(count > 10);
}

proptest! {
    #[test]
    fn a_pilot_takes_any_datagram_at_any_time(
        steps in prop::collection::vec((prop_oneof![
            Just(b"ok".to_vec()), Just(b"error".to_vec()), Just(b"87".to_vec()), Just(b"Re0101 ok".to_vec()),
            Just(b"unknown command: x".to_vec()), any::<Vec<u8>>(),
        ], 0..5_000_u64, 0..FORMS_LEN), 0..60),
    ) {
        let mut pilot = Pilot::new(Settings::new(Sdk::Rmtt), Time::ZERO);
        let mut now = Time::ZERO;
        for (datagram, millis, form) in steps {
            now = now + Duration::from_millis(millis);
            pilot.handle_timeout(now);
            if let Ok(command) = Command::parse(super::super::command::FORMS[form].name, Sdk::Rmtt) {
                pilot.order(now, command);
            }
            pilot.handle_input(now, &datagram);
            for _ in 0..1000 {
                if let Output::Wait(_) = pilot.poll_output() { break; }
            }
        }
    }
}

const FORMS_LEN: usize = super::super::command::FORMS.len();
