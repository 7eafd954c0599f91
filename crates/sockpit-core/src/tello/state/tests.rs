use proptest::prelude::*;

use super::*;

const FIRST: &str = "pitch:1;roll:5;yaw:0;vgx:0;vgy:0;vgz:0;templ:43;temph:46;tof:10;h:0;bat:83;baro:150.12;time:0;agx:15.00;agy:-97.00;agz:-988.00;\r\n";
const SECOND: &str = "mid:-1;x:0;y:0;z:0;mpry:0,0,0;pitch:3;roll:-1;yaw:0;vgx:0;vgy:0;vgz:0;templ:50;temph:54;tof:10;h:0;bat:51;baro:147.94;time:0;agx:54.00;agy:28.00;agz:-1004.00;\r\n";

#[test]
fn what_real_drones_said_is_read_and_written_as_they_did() {
    for text in [FIRST, SECOND] {
        let state = State::parse(text.as_bytes()).unwrap();
        assert_eq!(state.to_string(), text);
    }
    let state = State::parse(SECOND.as_bytes()).unwrap();
    assert_eq!((state.battery_percent, state.pad.unwrap().id), (51, -1));
}

#[test]
fn what_is_odd_is_passed_over() {
    assert_eq!(State::parse(b"ok"), None);
    assert_eq!(State::parse(b"a:1;b:2;c:3;d:4"), None);
    let state =
        State::parse(b"new:7;vgy1;bat:50;h:x;h:10.0;tof: 30 ;yaw:1;time:99999999999;\0\0").unwrap();
    assert_eq!(
        (
            state.battery_percent,
            state.height_cm,
            state.tof_cm,
            state.motor_s
        ),
        (50, 10, 30, 0)
    );
}

proptest! {
    #[test]
    fn a_written_state_is_read_again(whole in prop::collection::vec(any::<i32>(), 19), cents in prop::collection::vec(-100_000..100_000_i32, 4), has_pad in any::<bool>()) {
        let cent = |index: usize| f64::from(cents[index]) / 100.0;
        let pad = PadView {
            id: whole[12], x_cm: whole[13], y_cm: whole[14], z_cm: whole[15],
            pitch_degrees: whole[16], yaw_degrees: whole[17], roll_degrees: whole[18],
        };
        let state = State {
            pad: has_pad.then_some(pad),
            pitch_degrees: whole[0], roll_degrees: whole[1], yaw_degrees: whole[2],
            vx_dm_per_s: whole[3], vy_dm_per_s: whole[4], vz_dm_per_s: whole[5],
            low_celsius: whole[6], high_celsius: whole[7], tof_cm: whole[8],
            height_cm: whole[9], battery_percent: whole[10], baro_m: cent(0), motor_s: whole[11],
            ax_milli_g: cent(1), ay_milli_g: cent(2), az_milli_g: cent(3),
        };
        prop_assert_eq!(State::parse(state.to_string().as_bytes()), Some(state));
    }

    #[test]
    fn any_datagram_is_a_state_or_none(datagram in any::<Vec<u8>>(), text in "([a-z]{1,5}:[-0-9.,]{0,12};){0,20}") {
        let _ = State::parse(&datagram);
        let _ = State::parse(text.as_bytes());
    }
}
