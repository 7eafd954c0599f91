//! `sockpit tello run`: scripts, flown by one drone or several, or only drawn.

use crate::support::{Finished, folder, sockpit};
use crate::tello_fly::{drone, simulated, told};

const SQUARE: &str =
    "// A square.\nbattery_check 20\ntakeoff\nforward 100\ncw 90\nforward 100\nland\n";

#[test]
fn a_script_is_flown_with_our_own_simulator() {
    let (_simulator, host) = simulated(&[]);
    run(SQUARE, &[&host], &[])
        .check_code(0)
        .check_stderr(&["flown"]);
}

#[test]
fn a_step_that_fails_lands_and_the_code_is_3() {
    let (drone, host) = drone(&["refuse=forward"]);
    run(SQUARE, &[&host], &[]).check_code(3);
    assert_eq!(told(&drone), ["takeoff", "forward 100", "land"]);
}

#[test]
fn a_dry_run_says_the_times_and_draws_the_path() {
    let folder = folder();
    std::fs::write(folder.path().join("square.tello"), SQUARE).unwrap();
    let args = [
        "tello",
        "run",
        "square.tello",
        "--dry-run",
        "--svg",
        "square.svg",
    ];
    let finished = sockpit(&args).folder(&folder).run().check_code(0);
    assert!(
        finished.text().contains("line 4     forward 100"),
        "{}",
        finished.text()
    );
    let svg = std::fs::read_to_string(folder.path().join("square.svg")).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("from above"),
        "{svg}"
    );
}

#[test]
fn a_script_with_a_mistake_is_not_begun() {
    let folder = folder();
    std::fs::write(folder.path().join("bad.tello"), "takeoff\nforward 5\n").unwrap();
    let args = ["tello", "run", "bad.tello", "--dry-run"];
    let finished = sockpit(&args).folder(&folder).run().check_code(2);
    assert!(finished.stderr.contains("line 2"), "{}", finished.stderr);
}

/// Flies a script with drones.
fn run(script: &str, hosts: &[&str], args: &[&str]) -> Finished {
    let folder = folder();
    std::fs::write(folder.path().join("it.tello"), script).unwrap();
    let mut program = sockpit(&["tello", "run", "it.tello", "--yes", "--state-port", "0"]);
    for host in hosts {
        program = program.args(&["--host", host]);
    }
    program.args(args).folder(&folder).run()
}

#[test]
fn with_keep_going_the_rest_is_flown_and_the_code_is_still_3() {
    let (drone, host) = drone(&["refuse=forward"]);
    let finished = run(SQUARE, &[&host], &["--keep-going"]).check_code(3);
    assert_eq!(
        told(&drone),
        ["takeoff", "forward 100", "cw 90", "forward 100", "land"]
    );
    assert!(
        finished.stderr.contains("line 4: `forward 100` refused"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_serial_number_says_which_drone_is_which() {
    let (one, first) = drone(&["sn=0TQONE"]);
    let (two, second) = drone(&["sn=0TQTWO", "at=127.0.0.2"]);
    let script = "1=0TQTWO\n1>up 50\n2>down 30\n";
    run(script, &[&first, &second], &[]).check_code(0);
    let moves = |drone| -> Vec<String> {
        told(drone)
            .into_iter()
            .filter(|it| it != "sn?" && it != "land")
            .collect()
    };
    assert_eq!(
        (moves(&one), moves(&two)),
        (vec!["down 30".to_owned()], vec!["up 50".to_owned()])
    );
    run("1=NOBODY\n1>up 50\n", &[&first], &[])
        .check_code(2)
        .check_stderr(&["no drone has the serial number NOBODY"]);
}

#[test]
fn a_battery_that_is_too_low_lets_nobody_take_off() {
    let (drone, host) = drone(&[]);
    run("battery_check 90\ntakeoff\n", &[&host], &[])
        .check_code(3)
        .check_stderr(&["the battery is at 87 %; the script wants 90 %"]);
    assert!(!told(&drone).contains(&"takeoff".to_owned()));
}

#[test]
fn drones_wait_for_each_other_at_sync() {
    let (_one, first) = drone(&["takes=0.6"]);
    let (_two, second) = drone(&["at=127.0.0.2"]);
    let script = "takeoff\nsync\n1>forward 50\nsync 10\n2>up 50\nsync\nland\n";
    let finished = run(script, &[&first, &second], &["--json"]).check_code(0);
    let place = |kind: &str, text: &str| {
        let mut lines = finished.text().lines();
        let found = lines.position(|line| {
            line.contains(&format!("\"tello.{kind}\""))
                && line.contains(&format!("\"text\":\"{text}\""))
        });
        found.unwrap_or_else(|| panic!("no {kind} of {text}: {}", finished.text()))
    };
    assert!(place("replied", "forward 50") < place("sent", "up 50"));
    assert!(place("replied", "up 50") < place("sent", "land"));
}

#[test]
fn every_mistake_of_a_script_is_told_at_once_a_line_each() {
    let finished = run("takeoff\nforward 5\ndelay x\nbogus\n", &["127.0.0.1"], &[]);
    let finished = finished.check_code(2);
    let told: Vec<&str> = finished.stderr.lines().collect();
    let begins = ["error: line 2: ", "error: line 3: ", "error: line 4: "];
    assert_eq!(told.len(), begins.len(), "{told:?}");
    for (line, begin) in told.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[test]
fn what_never_took_off_is_not_landed() {
    let (drone, host) = drone(&["refuse=up"]);
    run("up 50\n", &[&host], &[]).check_code(3);
    assert_eq!(told(&drone), ["up 50"]);
}
