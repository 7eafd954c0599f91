use proptest::prelude::*;

use super::*;
use crate::tello::command::{FORMS, forms};
use crate::tello::sdk::Sdk;

#[track_caller]
fn check(line: &str, text: &str, wanted: &str) {
    let command = Command::parse(line, Sdk::Rmtt).expect(line);
    let said = match judge(&command, text) {
        Verdict::Done => "done".to_owned(),
        Verdict::Value(value) => value.to_string(),
        Verdict::Refused(refusal) => format!("{refusal:?}"),
        Verdict::Stray => "stray".to_owned(),
    };
    assert_eq!(said, wanted, "{line} {text}");
}

#[test]
fn a_reply_is_what_the_command_makes_of_it() {
    check("takeoff", "ok", "done");
    check("takeoff", "OK", "done");
    check("ap a b", "OK,drone will reboot in 3s", "done");
    check("takeoff", "87", "stray");
    check("battery?", "87", "87 %");
    check("battery?", "ok", "stray");
    check("height?", "15dm", "15 dm");
    check("height?", "15s", "stray");
    check("time?", "11s", "11 s");
    check("speed?", "100.0", "100.0 cm/s");
    check("temp?", "83~88C", "83–88 °C");
    check("tof?", "875mm", "875 mm");
    check("baro?", "-102.865509", "-102.865509 m");
    check(
        "attitude?",
        "pitch:0;roll:-1;yaw:0;",
        "pitch:0;roll:-1;yaw:0;",
    );
    check("sn?", "0TQDF6GBMB5SMF", "0TQDF6GBMB5SMF");
    check("EXT tof?", "tof 801", "801 mm");
    check("EXT led 1 2 3", "led ok", "done");
    check("EXT led 1 2 3", "ok", "stray");
    check("EXT led 1 2 3", "led error", "Controller");
    check("takeoff", "led error", "stray");
    check("EXT mled sc", "matrix ok", "done");
    check("takeoff", "error Motor stop", "MotorStop");
    check("up 50", "error No valid imu", "NoValidImu");
    check(
        "go 0 0 50 20 m1",
        "Error. Not valid marker",
        "NoValidMarker",
    );
    check("up 50", "error Something new", "Other");
    check("keepalive", "unknown command: keepalive", "UnknownCommand");
    check("battery?", "unknown command: keepalive", "stray");
}

#[test]
fn what_is_no_text_is_junk() {
    let longest = [b'a'; LONGEST];
    assert!(matches!(read(&longest), Said::Text(_)));
    assert!(matches!(read(&[b'a'; LONGEST + 1]), Said::Junk { .. }));
    assert_eq!(read(b"ok\r\n"), Said::Text("ok"));
    assert_eq!(read(b"ok\0\0\0"), Said::Text("ok"));
    assert_eq!(read(b"\xcc\x58\x01\x7cok"), Said::Junk { is_app: true });
    assert_eq!(read(b""), Said::Junk { is_app: false });
    assert_eq!(read("电量".as_bytes()), Said::Junk { is_app: false });
    assert_eq!(read(b"o\x1b[2Jk"), Said::Junk { is_app: false });
}

#[test]
fn every_refusal_is_known_and_explained() {
    for refusal in Refusal::ALL {
        assert!(!refusal.explain().is_empty());
        if !refusal.as_str().is_empty() {
            assert_eq!(Refusal::of(refusal.as_str()), Some(*refusal));
        }
    }
}

#[test]
fn a_text_has_one_shape() {
    let texts = [
        "ok",
        "OK,drone will reboot in 3s",
        "87",
        "100.0",
        "11s",
        "15dm",
        "875mm",
        "83~88C",
        "pitch:0;roll:-1;yaw:0;",
        "agx:-5.00;agy:7.00;agz:-999.00;",
        "0TQDF6GBMB5SMF",
        "led ok",
        "matrix ok",
        "tof 801",
        "TELLO",
    ];
    for text in texts {
        let fitting = [
            Shape::Ok,
            Shape::Number,
            Shape::Temperature,
            Shape::Attitude,
            Shape::Acceleration,
            Shape::Word,
            Shape::Led,
            Shape::Matrix,
            Shape::Distance,
        ]
        .into_iter()
        .filter(|shape| shape.fits(text))
        .count();
        assert_eq!(fitting, 1, "{text}");
    }
    assert!(forms(Sdk::Rmtt).count() <= FORMS.len());
}

proptest! {
    #[test]
    fn any_datagram_can_be_read(datagram in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = read(&datagram);
        for form in FORMS.iter().filter(|form| form.parameters.is_empty()) {
            let command = Command::parse(form.name, Sdk::Rmtt).unwrap();
            let _ = judge(&command, &text);
        }
    }
}
