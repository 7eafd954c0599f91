use super::*;

fn at(x: f64, y: f64, height: f64, yaw: f64) -> Pose {
    Pose {
        at: [x, y, height],
        yaw,
    }
}

#[test]
fn a_pad_survives_being_written() {
    for text in ["m1@100,50", "m8@-20.5,0,90", "m3@0,0"] {
        assert_eq!(text.parse::<Pad>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_pad_is_refused() {
    for text in [
        "",
        "m1",
        "m0@1,2",
        "m9@1,2",
        "1@1,2",
        "m1@1",
        "m1@1,2,3,4",
        "m1@a,2",
        "m1@1,nan",
        "m1@1e9,0",
    ] {
        assert!(text.parse::<Pad>().is_err(), "`{text}` was taken");
    }
}

#[test]
fn a_pad_is_seen_from_above_and_not_from_afar() {
    let pad: Pad = "m1@100,50".parse().unwrap();
    assert!(pad.fix(&at(100.0, 50.0, 80.0, 0.0)).is_some());
    assert!(pad.fix(&at(140.0, 50.0, 80.0, 0.0)).is_some());
    assert!(pad.fix(&at(160.0, 50.0, 80.0, 0.0)).is_none());
    assert!(pad.fix(&at(100.0, 50.0, 10.0, 0.0)).is_none());
    assert!(pad.fix(&at(100.0, 50.0, 400.0, 0.0)).is_none());
}

#[test]
fn a_turned_pad_has_a_frame_of_its_own() {
    // Its x axis points to the right of the room.
    let pad: Pad = "m1@0,0,90".parse().unwrap();
    let fix = pad.fix(&at(10.0, -20.0, 80.0, 90.0)).unwrap();
    assert_eq!(fix.at.map(f64::round), [20.0, 10.0, 80.0]);
    assert_eq!(fix.yaw, 0.0);
    let back = pad.place(fix.at);
    assert_eq!(back.map(f64::round), [10.0, -20.0, 80.0]);
}
