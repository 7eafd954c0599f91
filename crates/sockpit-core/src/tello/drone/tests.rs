//! What the drone does and says, in virtual time, through its command link.

use std::net::SocketAddr;

use super::*;
use crate::machine::{Machine, Output};
use crate::tello::sdk::Sdk;
use crate::tello::state::State;

/// A drone, a client, and a clock.
pub(super) struct Stage {
    pub(super) drone: SharedDrone,
    pub(super) link: DroneLink,
    pub(super) now: Time,
    /// What came, and when.
    pub(super) replies: Vec<(Time, Vec<u8>)>,
    pub(super) notes: Vec<String>,
}

impl Stage {
    pub(super) fn new(settings: Settings) -> Self {
        let client: SocketAddr = ([127, 0, 0, 1], 9000).into();
        let drone = SharedDrone::new(settings, Time::ZERO);
        Self {
            link: DroneLink::new(drone.clone(), client),
            drone,
            now: Time::ZERO,
            replies: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// In SDK mode already.
    pub(super) fn of(sdk: Sdk) -> Self {
        let mut stage = Self::new(Settings::new(sdk));
        stage.say("command");
        assert_eq!(stage.take(), ["ok"]);
        stage
    }

    /// In the air already.
    pub(super) fn flying(sdk: Sdk) -> Self {
        let mut stage = Self::of(sdk);
        assert_eq!(stage.ask("takeoff"), ["ok"]);
        stage
    }

    pub(super) fn send(&mut self, datagram: &[u8]) {
        self.link.handle_input(self.now, datagram);
        self.drain();
    }

    pub(super) fn say(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    /// Says something and waits for what is answered within ten seconds.
    pub(super) fn ask(&mut self, text: &str) -> Vec<String> {
        self.say(text);
        let until = self.now + Duration::from_secs(10);
        while self.replies.is_empty() && self.now < until {
            self.wait(Duration::from_millis(100));
        }
        self.take()
    }

    pub(super) fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            match self.drain() {
                Some(wake) if wake <= until => {
                    self.now = self.now.max(wake);
                    self.link.handle_timeout(self.now);
                }
                _ => break,
            }
        }
        self.now = until;
    }

    pub(super) fn take(&mut self) -> Vec<String> {
        let replies = std::mem::take(&mut self.replies);
        let text = |(_, bytes): (Time, Vec<u8>)| String::from_utf8(bytes).unwrap();
        replies.into_iter().map(text).collect()
    }

    pub(super) fn state(&mut self) -> State {
        let now = self.now;
        let text = self.drone.with(|drone| drone.state_text(now)).unwrap();
        State::parse(text.as_bytes()).unwrap()
    }

    pub(super) fn glance(&mut self) -> Glance {
        let now = self.now;
        self.drone.with(|drone| {
            drone.advance(now);
            drone.glance()
        })
    }

    fn at(&mut self) -> [i32; 3] {
        self.glance().pose.at.map(|cm| cm.round() as i32)
    }

    fn drain(&mut self) -> Option<Time> {
        loop {
            match self.link.poll_output() {
                Output::Transmit(bytes) => self.replies.push((self.now, bytes.to_vec())),
                Output::Event(crate::event::What::Note { message, .. }) => self.notes.push(message),
                Output::Wait(wake) => return wake,
                output => panic!("{output:?}"),
            }
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nothing_is_answered_before_command() {
    let mut stage = Stage::new(Settings::new(Sdk::V2_0));
    for text in ["battery?", "takeoff", "nonsense", "", "rc 0 0 0 0"] {
        assert_eq!(stage.ask(text), Vec::<String>::new(), "`{text}`");
    }
    let now = stage.now;
    assert_eq!(stage.drone.with(|drone| drone.state_text(now)), None);
    assert_eq!(stage.ask("command"), ["ok"]);
    assert!(stage.drone.with(|drone| drone.state_text(now)).is_some());
}

#[test]
fn takeoff_is_answered_once_it_hovers_at_eighty() {
    let mut stage = Stage::of(Sdk::V2_0);
    stage.say("takeoff");
    stage.wait(Duration::from_millis(3_999));
    assert!(stage.take().is_empty());
    assert!((0..=80).contains(&stage.state().height_cm));
    stage.wait(Duration::from_millis(1));
    assert_eq!(stage.take(), ["ok"]);
    let state = stage.state();
    assert_eq!(
        (state.height_cm, state.tof_cm, state.vz_dm_per_s),
        (80, 80, 0)
    );
    assert_eq!(stage.ask("height?"), ["8dm\r\n"]);
    assert_eq!(stage.ask("tof?"), ["800mm\r\n"]);
}

#[test]
fn a_square_ends_where_it_began() {
    let mut stage = Stage::flying(Sdk::V2_0);
    for _ in 0..4 {
        assert_eq!(stage.ask("forward 100"), ["ok"]);
        assert_eq!(stage.ask("cw 90"), ["ok"]);
    }
    assert_eq!(stage.at(), [0, 0, 80]);
    assert_eq!(stage.state().yaw_degrees, 0);
    assert_eq!(stage.ask("land"), ["ok"]);
    assert_eq!(stage.at(), [0, 0, 0]);
    let text = stage.ask("time?").concat();
    let seconds: i32 = text.trim_end().strip_suffix('s').unwrap().parse().unwrap();
    assert!((15..25).contains(&seconds), "{text}");
}

#[test]
fn each_motion_goes_its_way() {
    for (text, at, yaw) in [
        ("up 50", [0, 0, 130], 0),
        ("down 50", [0, 0, 30], 0),
        ("left 100", [0, 100, 80], 0),
        ("right 100", [0, -100, 80], 0),
        ("forward 100", [100, 0, 80], 0),
        ("back 100", [-100, 0, 80], 0),
        ("ccw 90", [0, 0, 80], -90),
        ("flip l", [0, 0, 80], 0),
        ("go 50 60 70 50", [50, 60, 150], 0),
        ("curve 100 100 0 200 0 0 60", [200, 0, 80], 0),
    ] {
        let mut stage = Stage::flying(Sdk::V2_0);
        assert_eq!(stage.ask(text), ["ok"], "`{text}`");
        assert_eq!(stage.at(), at, "`{text}`");
        assert_eq!(stage.state().yaw_degrees, yaw, "`{text}`");
    }
}

#[test]
fn a_reply_takes_as_long_as_the_way() {
    let mut stage = Stage::flying(Sdk::V2_0);
    assert_eq!(stage.ask("speed 10"), ["ok"]);
    assert_eq!(stage.ask("speed?"), ["10.0\r\n"]);
    let begin = stage.now;
    stage.say("forward 500");
    stage.wait(SECOND * 60);
    let (at, reply) = stage.replies.pop().unwrap();
    assert_eq!(reply, b"ok");
    assert_eq!(at - begin, Duration::from_millis(50_500));
}

#[test]
fn a_drone_that_flies_faster_is_elsewhere_sooner() {
    let mut settings = Settings::new(Sdk::V2_0);
    settings.speed_up = "10".parse().unwrap();
    let mut stage = Stage::new(settings);
    stage.say("command");
    stage.say("takeoff");
    stage.wait(Duration::from_millis(400));
    assert_eq!(stage.take(), ["ok", "ok"]);
    stage.say("forward 100");
    stage.wait(Duration::from_millis(150));
    assert_eq!(stage.take(), ["ok"]);
    assert_eq!(stage.at(), [100, 0, 80]);
}

#[test]
fn the_state_says_what_the_questions_say() {
    let mut stage = Stage::flying(Sdk::V2_0);
    stage.say("go 200 100 50 100");
    stage.wait(SECOND);
    let state = stage.state();
    assert!(state.vx_dm_per_s > 0 && state.vy_dm_per_s > 0 && state.vz_dm_per_s > 0);
    assert!(state.pitch_degrees < 0);
    let battery = state.battery_percent;
    for (question, answer) in [
        ("battery?", format!("{battery}\r\n")),
        (
            "temp?",
            format!("{}~{}C\r\n", state.low_celsius, state.high_celsius),
        ),
        (
            "attitude?",
            format!(
                "pitch:{};roll:{};yaw:0;\r\n",
                state.pitch_degrees, state.roll_degrees
            ),
        ),
        ("time?", format!("{}s\r\n", state.motor_s)),
        ("sdk?", "20\r\n".to_owned()),
        ("wifi?", "90\r\n".to_owned()),
        ("sn?", "0TQSIM00000001\r\n".to_owned()),
    ] {
        stage.say(question);
        assert_eq!(stage.take(), [answer], "`{question}`");
    }
    stage.say("baro?");
    let baro: f64 = stage.take().concat().trim_end().parse().unwrap();
    assert!((baro - state.baro_m).abs() < 0.01);
}

#[test]
fn on_the_floor_it_reads_as_the_field_does() {
    let mut stage = Stage::of(Sdk::V1_3);
    let now = stage.now;
    let text = stage.drone.with(|drone| drone.state_text(now)).unwrap();
    assert_eq!(
        text,
        "pitch:0;roll:0;yaw:0;vgx:0;vgy:0;vgz:0;templ:60;temph:63;tof:10;h:0;bat:87;baro:150.12;\
         time:0;agx:0.00;agy:0.00;agz:-999.00;\r\n"
    );
    for (question, answer) in [
        ("height?", "0dm\r\n"),
        ("time?", "0s\r\n"),
        ("speed?", "100.0\r\n"),
        ("acceleration?", "agx:0.00;agy:0.00;agz:-999.00;\r\n"),
        ("sdk?", "unknown command: sdk?"),
    ] {
        assert_eq!(stage.ask(question), [answer], "`{question}`");
    }
}

#[test]
fn each_firmware_refuses_in_its_own_words() {
    for (sdk, text, reply) in [
        (Sdk::V1_3, "forward 10", Some("error")),
        (Sdk::V2_0, "forward 10", Some("out of range")),
        (Sdk::V2_0, "forward 501", Some("out of range")),
        (Sdk::V2_0, "forward", Some("error")),
        (Sdk::V2_0, "forward x", Some("error")),
        (Sdk::V2_0, "keepalive", Some("unknown command: keepalive")),
        (Sdk::V3_0, "keepalive", Some("ok")),
        (Sdk::V1_3, "stop", Some("unknown command: stop")),
        (Sdk::V2_0, "stop", Some("ok")),
        (Sdk::V2_0, "fly away", Some("unknown command: fly")),
        (Sdk::V2_0, "!battery?", Some("unknown command: !battery?")),
        (Sdk::V2_0, "port 8891 11112", Some("unknown command: port")),
        (Sdk::V3_0, "port 8891 11112", Some("ok")),
        (Sdk::V3_0, "setfps low", Some("ok")),
        (Sdk::V3_0, "hardware?", Some("TELLO\r\n")),
        (Sdk::Rmtt, "hardware?", Some("RMTT\r\n")),
        (Sdk::V3_0, "EXT led 1 2 3", Some("unknown command: EXT")),
        (Sdk::Rmtt, "EXT led 1 2 3", Some("led ok")),
        (Sdk::Rmtt, "EXT led 1", Some("led error")),
        (Sdk::Rmtt, "EXT mled g rrbb", Some("matrix ok")),
        (Sdk::Rmtt, "EXT tof?", Some("tof 8192")),
        (Sdk::Rmtt, "EXT version?", Some("version esp32v1.0.0.11")),
        (Sdk::V1_3, "emergency", Some("ok")),
        (Sdk::V2_0, "emergency", None),
        (Sdk::V2_0, "rc 0 0 0 0", None),
        (Sdk::V2_0, "command\r\n", Some("ok")),
        (Sdk::V2_0, "mdirection 2", Some("error")),
    ] {
        let mut stage = Stage::of(sdk);
        let replies: Vec<String> = reply.into_iter().map(str::to_owned).collect();
        stage.say(text);
        assert_eq!(stage.take(), replies, "`{text}` with SDK {sdk}");
    }
}

#[test]
fn what_does_not_fit_the_moment_is_refused() {
    let mut stage = Stage::of(Sdk::V2_0);
    assert_eq!(stage.ask("forward 100"), ["error Motor stop"]);
    assert_eq!(stage.ask("land"), ["error"]);
    stage.say("takeoff");
    stage.wait(SECOND);
    stage.say("forward 100");
    stage.say("land");
    assert_eq!(stage.take(), ["error Not joystick", "error"]);
    stage.wait(SECOND * 3);
    assert_eq!(stage.take(), ["ok"]);
    assert_eq!(stage.ask("takeoff"), ["error"]);
    assert_eq!(
        stage.ask("curve 20 20 0 40 0 0 20"),
        ["error"],
        "a radius of 20 cm"
    );
}

#[test]
fn one_that_ignores_what_it_cannot_do_now_says_nothing() {
    let mut settings = Settings::new(Sdk::V2_0);
    settings.busy = Busy::Ignore;
    let mut stage = Stage::new(settings);
    stage.say("command");
    stage.say("takeoff");
    stage.say("forward 100");
    assert_eq!(stage.take(), ["ok"]);
    assert_eq!(stage.drone.with(|drone| drone.executed().len()), 1);
}

#[test]
fn stop_hovers_and_ends_what_was_begun() {
    let mut stage = Stage::flying(Sdk::V2_0);
    stage.say("forward 500");
    stage.wait(SECOND);
    stage.say("stop");
    let mut replies = stage.take();
    replies.sort();
    assert_eq!(replies, ["forced stop", "ok"]);
    assert_eq!(stage.at(), [100, 0, 80]);
    stage.wait(SECOND);
    assert_eq!(stage.at(), [100, 0, 80]);
}

#[test]
fn land_ends_what_was_begun() {
    let mut stage = Stage::flying(Sdk::V2_0);
    stage.say("forward 500");
    stage.wait(SECOND);
    stage.say("land");
    assert_eq!(stage.take(), ["forced stop"]);
    stage.wait(SECOND * 3);
    assert_eq!(stage.take(), ["ok"]);
    assert_eq!(stage.at(), [100, 0, 0]);
}

#[test]
fn emergency_lets_it_fall_at_once() {
    let mut stage = Stage::flying(Sdk::V1_3);
    stage.say("forward 500");
    stage.wait(SECOND);
    stage.say("emergency");
    let mut replies = stage.take();
    replies.sort();
    assert_eq!(replies, ["error Motor stop", "ok"]);
    assert_eq!(stage.at(), [100, 0, 0]);
    assert_eq!(stage.glance().phase, Phase::Ground);
}

#[test]
fn it_lands_after_fifteen_seconds_without_a_command() {
    let mut stage = Stage::flying(Sdk::V2_0);
    stage.wait(SECOND * 10);
    assert_eq!(stage.ask("battery?").len(), 1);
    let heard = stage.now;
    stage.wait(AUTO_LAND - Duration::from_nanos(1));
    assert_eq!(stage.glance().phase, Phase::Flying);
    stage.wait(Duration::from_nanos(1));
    assert_eq!(stage.now - heard, AUTO_LAND);
    assert_eq!(stage.glance().phase, Phase::Landing { by_itself: true });
    assert_eq!(stage.ask("up 50"), ["error Auto land"]);
    stage.wait(SECOND * 3);
    assert_eq!(stage.glance().phase, Phase::Ground);
    assert!(
        stage
            .notes
            .iter()
            .any(|note| note.contains("15 s without a command"))
    );
}

#[test]
fn a_long_motion_is_no_silence() {
    let mut stage = Stage::flying(Sdk::V2_0);
    stage.say("go 500 0 0 10");
    stage.wait(SECOND * 50 + SETTLE);
    assert_eq!(stage.take(), ["ok"]);
    stage.wait(AUTO_LAND - Duration::from_nanos(1));
    assert_eq!(stage.glance().phase, Phase::Flying);
}

#[test]
fn a_low_battery_keeps_it_on_the_floor_and_brings_it_back() {
    let mut settings = Settings::new(Sdk::V2_0);
    settings.battery = 9;
    let mut stage = Stage::new(settings.clone());
    stage.say("command");
    stage.say("takeoff");
    assert_eq!(stage.take(), ["ok", "error Motor stop"]);

    settings.battery = 10;
    let mut stage = Stage::new(settings);
    stage.say("command");
    stage.say("takeoff");
    stage.wait(SECOND * 4);
    assert_eq!(stage.take(), ["ok", "ok"]);
    // Five percent are 39 s of flight.
    for _ in 0..9 {
        stage.wait(SECOND * 4);
        stage.say("command");
    }
    stage.take();
    assert_eq!(stage.ask("go 500 0 0 10"), ["error Auto land"]);
    stage.wait(SECOND * 5);
    assert_eq!(stage.glance().phase, Phase::Ground);
    assert_eq!(stage.state().battery_percent, 5);
}

#[test]
fn sticks_move_it_until_they_are_let_go() {
    let mut stage = Stage::flying(Sdk::V2_0);
    stage.say("rc 0 50 0 0");
    stage.wait(SECOND * 2);
    assert_eq!(stage.at(), [100, 0, 80]);
    assert_eq!(stage.state().vx_dm_per_s, 5);
    stage.say("rc 50 0 0 0");
    stage.wait(SECOND);
    assert_eq!(stage.at(), [100, -50, 80]);
    stage.say("rc 0 0 0 0");
    stage.wait(SECOND);
    assert_eq!(stage.at(), [100, -50, 80]);
    assert!(stage.take().is_empty());
}

#[test]
fn pads_are_found_flown_to_and_missed() {
    let mut settings = Settings::new(Sdk::V2_0);
    settings.pads = vec!["m1@100,0".parse().unwrap(), "m2@300,0".parse().unwrap()];
    let mut stage = Stage::new(settings);
    stage.say("command");
    stage.wait(SECOND);
    assert_eq!(stage.state().pad.unwrap().id, -1);
    stage.take();
    assert_eq!(stage.ask("mon"), ["ok"]);
    assert_eq!(stage.ask("takeoff"), ["ok"]);
    assert_eq!(stage.ask("go 0 0 100 50 m1"), ["error No valid marker"]);
    assert_eq!(stage.ask("forward 90"), ["ok"]);
    let pad = stage.state().pad.unwrap();
    assert_eq!((pad.id, pad.x_cm, pad.y_cm, pad.z_cm), (1, -10, 0, 80));
    assert_eq!(stage.ask("go 0 0 100 50 m1"), ["ok"]);
    assert_eq!(stage.at(), [100, 0, 100]);
    assert_eq!(stage.ask("jump 200 0 100 100 90 m1 m2"), ["ok"]);
    assert_eq!(stage.at(), [300, 0, 100]);
    assert_eq!(stage.state().yaw_degrees, 90);
    assert_eq!(
        stage.ask("jump 200 0 100 100 0 m2 m1"),
        ["error No valid marker"]
    );
    assert_eq!(stage.ask("mdirection 1"), ["ok"]);
    assert_eq!(stage.state().pad.unwrap().id, -1);
}

#[test]
fn firmware_three_says_why_it_sees_no_pad() {
    let mut stage = Stage::of(Sdk::V3_0);
    let pad = stage.state().pad.unwrap();
    assert_eq!((pad.id, pad.x_cm), (-2, -200));
    assert_eq!(stage.ask("mon"), ["ok"]);
    let pad = stage.state().pad.unwrap();
    assert_eq!((pad.id, pad.x_cm), (-1, -100));
}

#[test]
fn one_that_was_not_activated_says_so() {
    let mut settings = Settings::new(Sdk::V3_0);
    settings.is_active = false;
    let mut stage = Stage::new(settings);
    assert_eq!(stage.ask("command"), ["unactive"]);
    assert_eq!(stage.ask("battery?"), Vec::<String>::new());
}

#[test]
fn a_reboot_is_silent_and_forgets() {
    let mut stage = Stage::of(Sdk::V3_0);
    stage.say("reboot");
    assert!(stage.take().is_empty());
    stage.say("command");
    assert!(stage.take().is_empty(), "it is off");
    stage.wait(BOOT);
    stage.say("battery?");
    assert!(stage.take().is_empty(), "it is not in SDK mode");
    assert_eq!(stage.ask("command"), ["ok"]);
}

#[test]
fn a_router_is_joined_by_starting_anew() {
    for (sdk, reply) in [
        (Sdk::V2_0, "OK,drone will reboot in 3s"),
        (Sdk::V3_0, "OK, drone will reboot in 3s"),
    ] {
        let mut stage = Stage::of(sdk);
        assert_eq!(stage.ask("ap home secret99"), [reply]);
        stage.wait(REBOOT_DELAY);
        assert!(matches!(stage.glance().phase, Phase::Off { .. }));
        assert!(stage.notes.iter().all(|note| !note.contains("secret99")));
    }
}

#[test]
fn state_and_video_go_to_whom_the_client_says() {
    let mut stage = Stage::of(Sdk::V3_0);
    let glance = stage.glance();
    assert_eq!((glance.state_port, glance.video_port), (8890, None));
    assert_eq!(glance.client, Some([127, 0, 0, 1].into()));
    stage.ask("streamon");
    stage.ask("port 9001 9002");
    let glance = stage.glance();
    assert_eq!((glance.state_port, glance.video_port), (9001, Some(9002)));
    stage.ask("streamoff");
    assert_eq!(stage.glance().video_port, None);
}

#[test]
fn b11_a_long_word_is_not_sent_back_whole() {
    let mut stage = Stage::of(Sdk::V2_0);
    stage.say(&"x".repeat(60_000));
    assert!(stage.take().concat().len() < 100);
}
