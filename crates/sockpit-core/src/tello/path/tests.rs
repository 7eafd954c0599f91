use super::*;
use crate::tello::script::Script;
use crate::tello::sdk::Sdk;

fn flight(text: &str, count: usize) -> Flight {
    let names: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    let plan = Script::parse(text)
        .unwrap()
        .check(Sdk::V3_0, &names)
        .unwrap();
    follow(&plan, &Options::default())
}

fn last(track: &Track) -> [f64; 3] {
    track.points.last().unwrap().place.map(f64::round)
}

#[test]
fn a_square_ends_where_it_began() {
    let side = "forward 100\ncw 90\n".repeat(4);
    let flight = flight(&format!("takeoff\n{side}land"), 1);
    assert_eq!(last(&flight.tracks[0]).map(f64::abs), [0.0; 3]);
    assert_eq!(flight.tracks[0].length_cm.round(), 560.0);
    assert!(flight.warnings.is_empty(), "{:?}", flight.warnings);
}

#[test]
fn a_drone_turns_before_it_flies() {
    let flight = flight(
        "takeoff\ncw 90\nforward 100\nleft 50\ncurve 100 100 0 0 200 0 20",
        1,
    );
    assert_eq!(last(&flight.tracks[0]), [250.0, -100.0, 80.0]);
    // Half of a circle of one metre.
    assert!((flight.tracks[0].length_cm - 80.0 - 150.0 - 314.0).abs() < 2.0);
}

#[test]
fn what_is_unwise_is_told() {
    let flight = flight(
        "up 50\ntakeoff\ntakeoff\ndown 100\nforward 500\nforward 500\nforward 50\ngo 0 0 50 20 m1",
        1,
    );
    assert_eq!(
        flight.warnings,
        [
            "line 1: the drone is on the ground, and does not do `up 50`",
            "line 3: the drone flies already",
            "line 4: the drone sinks 20 cm below the ground",
            "line 7: the drone goes more than 10 m from its start",
            "line 8: where the mission pad lies is not known; it is drawn below the drone",
            "the drone still flies at the end; a script ends with `land`",
        ]
    );
}

#[test]
fn drones_that_come_near_are_told() {
    let flight = flight("takeoff\nsync\n1>right 80\nsync\nland", 2);
    let nearest = flight.nearest.as_ref().unwrap();
    assert_eq!(
        (nearest.cm.round(), nearest.drones.clone()),
        (20.0, ["1".to_owned(), "2".to_owned()])
    );
    assert!(
        flight.warnings[0].starts_with("drones `1` and `2` come within 20 cm"),
        "{:?}",
        flight.warnings
    );
}

#[test]
fn sticks_carry_the_drone_while_it_waits() {
    let flight = flight("takeoff\nrc 0 50 0 0\ndelay 2\nrc 0 0 0 0\nland", 1);
    assert_eq!(last(&flight.tracks[0]), [100.0, 0.0, 0.0]);
}

#[test]
fn a_drawing_says_in_both_languages_what_it_shows() {
    let flight = flight("takeoff\nsync\n1>forward 100\n2>up 40\nsync\nland", 2);
    let drawing = flight.svg(&Options::default());
    assert!(drawing.contains("<title>the flight as it is expected to be</title>"));
    assert!(drawing.contains("from above: ahead is up"));
    let options = Options {
        language: Language::Chinese,
        ..Options::default()
    };
    assert_eq!(
        drawing.matches("<circle").count(),
        flight.svg(&options).matches("<circle").count()
    );
}

#[test]
fn a_drawing_is_what_it_was() {
    let flight = flight(
        "takeoff\nsync\n1>forward 100\n1>curve 50 50 0 100 0 0 30\n2>up 40\nsync\nland",
        2,
    );
    insta::assert_snapshot!("path", flight.svg(&Options::default()));
}

#[test]
fn an_empty_plan_is_drawn() {
    assert!(flight("", 1).svg(&Options::default()).ends_with("</svg>\n"));
    assert!(flight("", 0).svg(&Options::default()).ends_with("</svg>\n"));
}
