use super::super::Settings;
use super::super::tests::Stage;
use super::*;
use crate::tello::sdk::Sdk;

fn sent(reporter: &mut Reporter) -> (usize, Time) {
    let mut count = 0;
    loop {
        match reporter.poll_output() {
            Output::Transmit(_) => count += 1,
            Output::Wait(wake) => return (count, wake.unwrap()),
            output => panic!("{output:?}"),
        }
    }
}

#[test]
fn the_state_leaves_ten_times_a_second() {
    let stage = Stage::of(Sdk::V2_0);
    let mut reporter = Reporter::new(stage.drone.clone(), stage.now);
    let mut states = 0;
    loop {
        let (count, wake) = sent(&mut reporter);
        states += count;
        if wake >= Time::ZERO + Duration::from_secs(1) {
            break;
        }
        reporter.handle_fault(wake, Fault::Refused);
        reporter.handle_timeout(wake);
    }
    assert_eq!(states, 10);
}

#[test]
fn after_a_pause_there_is_one_state() {
    let stage = Stage::of(Sdk::V2_0);
    let mut reporter = Reporter::new(stage.drone.clone(), stage.now);
    sent(&mut reporter);
    let late = Time::ZERO + Duration::from_secs(60);
    reporter.handle_timeout(late);
    assert_eq!(sent(&mut reporter), (1, late + INTERVAL));
}

#[test]
fn nothing_is_sent_before_command() {
    let stage = Stage::new(Settings::new(Sdk::V2_0));
    let mut reporter = Reporter::new(stage.drone.clone(), stage.now);
    assert_eq!(sent(&mut reporter).0, 0);
}
