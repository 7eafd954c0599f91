use std::time::Duration;

use proptest::prelude::*;

use super::super::Settings;
use super::super::tests::Stage;
use crate::tello::again::{Again, wrap};
use crate::tello::sdk::Sdk;

const SECOND: Duration = Duration::from_secs(1);

fn with(faults: &[&str]) -> Stage {
    let mut settings = Settings::new(Sdk::V2_0);
    settings.faults = faults.iter().map(|text| text.parse().unwrap()).collect();
    Stage::new(settings)
}

#[test]
fn a_lost_command_is_not_carried_out_and_a_lost_reply_is() {
    let mut stage = with(&["lose-command@2", "lose-reply@3"]);
    assert_eq!(stage.ask("command"), ["ok"]);
    assert!(stage.ask("takeoff").is_empty());
    assert_eq!(stage.drone.with(|drone| drone.executed().len()), 0);
    assert!(stage.ask("takeoff").is_empty());
    assert_eq!(stage.drone.with(|drone| drone.executed().len()), 1);
}

#[test]
fn a_late_reply_comes_later_than_what_was_asked_after_it() {
    let mut stage = with(&["late-reply=3s@battery?"]);
    stage.ask("command");
    stage.say("battery?");
    stage.say("sdk?");
    stage.wait(SECOND * 3 - Duration::from_nanos(1));
    assert_eq!(stage.take(), ["20\r\n"]);
    stage.wait(Duration::from_nanos(1));
    assert_eq!(stage.take(), ["87\r\n"]);
}

#[test]
fn a_doubled_reply_comes_twice() {
    let mut stage = with(&["double-reply@battery?"]);
    stage.ask("command");
    assert_eq!(stage.ask("battery?"), ["87\r\n", "87\r\n"]);
}

#[test]
fn junk_comes_before_the_first_reply() {
    let mut stage = with(&["junk-first"]);
    stage.say("command");
    let replies: Vec<_> = stage.replies.drain(..).map(|(_, bytes)| bytes).collect();
    assert_eq!(replies.len(), 2);
    assert_eq!((replies[0].len(), replies[0][0]), (32, 0xCC));
    assert_eq!(replies[1], b"ok");
}

#[test]
fn a_fault_of_the_flight_is_answered_in_its_place() {
    let mut stage = with(&["imu@takeoff", "joystick@4"]);
    stage.ask("command");
    assert_eq!(stage.ask("takeoff"), ["error No valid imu"]);
    assert_eq!(stage.drone.with(|drone| drone.executed().len()), 0);
}

#[test]
fn the_state_stops_for_a_while() {
    let mut stage = with(&["state-stop=5s@battery?"]);
    stage.ask("command");
    stage.ask("battery?");
    let now = stage.now;
    assert_eq!(stage.drone.with(|drone| drone.state_text(now)), None);
    stage.wait(SECOND * 5);
    let now = stage.now;
    assert!(stage.drone.with(|drone| drone.state_text(now)).is_some());
}

#[test]
fn a_drone_that_starts_anew_falls_and_never_answers() {
    let mut stage = with(&["reboot@3"]);
    stage.ask("command");
    stage.say("takeoff");
    stage.wait(SECOND * 2);
    stage.say("battery?");
    stage.wait(SECOND * 20);
    assert!(stage.take().is_empty());
    assert_eq!(stage.glance().pose.at[2], 0.0);
    assert_eq!(stage.glance().client, None);
}

#[test]
fn copies_of_a_command_are_carried_out_once_and_all_answered() {
    for form in [Again::Ascii, Again::Binary] {
        let mut stage = Stage::of(Sdk::V2_0);
        for attempt in 1..=5 {
            stage.send(&wrap(form, 7, attempt, b"takeoff"));
        }
        stage.wait(SECOND * 4);
        let replies: Vec<_> = stage.replies.drain(..).map(|(_, bytes)| bytes).collect();
        assert_eq!(replies, [wrap(form, 7, 1, b"ok")], "{form:?}");
        stage.send(&wrap(form, 7, 2, b"takeoff"));
        let replies: Vec<_> = stage.replies.drain(..).map(|(_, bytes)| bytes).collect();
        assert_eq!(replies, [wrap(form, 7, 2, b"ok")], "{form:?}");
        assert_eq!(stage.drone.with(|drone| drone.executed().len()), 1);
    }
}

#[test]
fn old_firmware_knows_no_copies() {
    let mut stage = Stage::of(Sdk::V1_3);
    stage.send(&wrap(Again::Ascii, 7, 1, b"takeoff"));
    assert_eq!(stage.take(), ["unknown command: Re0701"]);
}

#[test]
fn a_motion_that_another_client_ends_is_answered_to_who_began_it() {
    let mut stage = Stage::flying(Sdk::V2_0);
    stage.say("forward 500");
    stage.wait(SECOND);
    let mut other = Stage {
        drone: stage.drone.clone(),
        link: super::DroneLink::new(stage.drone.clone(), ([127, 0, 0, 9], 1).into()),
        now: stage.now,
        replies: Vec::new(),
        notes: Vec::new(),
    };
    other.say("stop");
    assert_eq!(other.take(), ["ok"]);
    stage.wait(super::LOOK);
    assert_eq!(stage.take(), ["forced stop"]);
}

#[test]
fn a_password_is_told_nobody() {
    let mut stage = Stage::of(Sdk::Rmtt);
    stage.ask("ap home secret99");
    stage.ask("ap?");
    stage.ask("wifi home secret99 and more");
    assert!(!stage.notes.is_empty());
    assert!(
        stage.notes.iter().all(|note| !note.contains("secret99")),
        "{:?}",
        stage.notes
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// No datagram brings it down, and what it tells of it stays on one line.
    #[test]
    fn any_datagram_is_survived(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..8),
        text in "(command|takeoff|go|curve|jump|Re0101 |EXT |rc|cw|port|wifi)[ -~]{0,40}",
    ) {
        for sdk in Sdk::ALL {
            let mut stage = Stage::of(sdk);
            stage.say("takeoff");
            for datagram in &datagrams {
                stage.send(datagram);
                stage.say(&text);
                stage.wait(SECOND);
            }
            prop_assert!(stage.notes.iter().all(|note| !note.contains(char::is_control)));
        }
    }
}
