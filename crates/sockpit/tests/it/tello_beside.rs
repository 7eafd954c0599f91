//! What comes beside replies while drones are flown: state, video, packets, and what others send.

use std::net::UdpSocket;

use regex::Regex;

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{Program, Running, folder, need, say, wait_until};
use crate::tello_fly::{drone, fly, in_the_air, simulated, told};

/// The port on which a console that runs listens for state.
fn state_port(flight: &Running) -> u16 {
    flight.port()
}

/// Waits for a part of the line of state. How much is in the battery depends on how long it took
/// until then: a drone that flies ten times as fast needs ten times as much, on the ground too.
fn wait_for_shown(flight: &Running, part: &str) {
    let shown = Regex::new(part).expect("an expression of this file");
    flight.wait(part, |flight| {
        shown.is_match(&String::from_utf8_lossy(&flight.stdout()))
    });
}

#[test]
fn what_a_drone_says_of_itself_stands_above_the_line() {
    let (simulator, host) = simulated(&["--sdk", "3.0"]);
    let args = ["tello", "fly", "--state-port", "0", "--host", &host];
    let folder = folder();
    let mut flight = sockpit_on_a_terminal(Size::USUAL, &args)
        .env("TERM", "xterm")
        .env("XDG_STATE_HOME", folder.path().to_str().unwrap())
        .hold_stdin()
        .start();
    // Drones of SDK 3.0 are told of a port that is not the usual one.
    simulator.wait_for_stdout(b"drone 1: state goes to port ");
    wait_for_shown(
        &flight,
        r"battery \d+%  height 0 cm  tof 10 cm  pitch/roll/yaw 0/0/0°",
    );
    flight.feed(b"takeoff\r");
    flight.wait_for_stdout(b"height 80 cm");
    flight.feed(b"cw 90\r");
    flight.wait_for_stdout("/90°".as_bytes());
    flight.feed(b"/quit\r");
    flight.finish().check_code(0);
}

#[test]
fn the_screen_is_chinese_for_who_wants_that() {
    let (_simulator, host) = simulated(&["--sdk", "3.0"]);
    let args = [
        "--lang",
        "zh",
        "tello",
        "fly",
        "--state-port",
        "0",
        "--host",
        &host,
    ];
    let folder = folder();
    let mut flight = sockpit_on_a_terminal(Size::USUAL, &args)
        .env("TERM", "xterm")
        .env("XDG_STATE_HOME", folder.path().to_str().unwrap())
        .hold_stdin()
        .start();
    wait_for_shown(&flight, r"电量 \d+%");
    // A drone's words, and those that it is told, are of no language.
    flight.feed(b"/help\r");
    flight.wait_for_stdout(b"stop, up, down, left, right");
    flight.feed(b"speed 50\r");
    flight.wait_for_stdout(b" ok  \x1b[2mspeed 50, ");
    flight.feed(b"/stick\r");
    flight.wait_for_stdout("悬停".as_bytes());
    flight.feed(b"q");
    flight.feed(b"/quit\r");
    flight.finish().check_code(0);
}

#[test]
fn who_hears_no_state_is_told_what_may_be_wrong() {
    let (_drone, host) = drone(&[]);
    let folder = folder();
    let mut flight = in_the_air(&host, &folder);
    flight.wait_for_stdout(b"SDK 2.0 has no command for ports");
    flight.wait_for_stdout(b"no state has come from 127.0.0.1; a firewall may be in the way");
    flight.feed(b"/quit\r");
    flight.finish().check_code(0);
}

#[test]
fn states_of_strangers_are_told_once_and_never_shown() {
    let (_drone, host) = drone(&[]);
    let mut flight = fly(&[&host], &[]).hold_stdin().start();
    let port = state_port(&flight);
    let state = |h: i32| format!("pitch:0;roll:0;yaw:0;tof:10;h:{h};bat:66;time:1;");
    let stranger = UdpSocket::bind("127.0.0.9:0").unwrap();
    stranger
        .send_to(state(500).as_bytes(), ("127.0.0.1", port))
        .unwrap();
    flight.wait_for_stderr("a state came from 127.0.0.9, which is none of the drones; ignored");
    flight.feed(b"/status\n");
    flight.wait_for_stderr("1  no state");
    let own = UdpSocket::bind("127.0.0.1:0").unwrap();
    wait_until("the state of the drone", || {
        own.send_to(state(40).as_bytes(), ("127.0.0.1", port))
            .unwrap();
        flight.feed(b"/status\n");
        flight.stderr().contains("h:40;")
    });
    flight.end_stdin();
    let finished = flight.finish();
    assert!(!finished.stderr.contains("h:500"), "{}", finished.stderr);
    assert_eq!(finished.stderr.matches("none of the drones").count(), 1);
}

#[test]
fn a_flood_of_strange_datagrams_stops_nobody() {
    let (_drone, host) = drone(&[]);
    let mut flight = fly(&[&host], &[]).hold_stdin().start();
    let port = state_port(&flight);
    let own = UdpSocket::bind("127.0.0.1:0").unwrap();
    let giant = vec![b'h'; 60_000];
    let escapes = b"h:\x1b]0;owned\x07;bat:\x1b[2J;time:x;".as_slice();
    let odd = b"h:999999999999;bat:-5;time:-2147483648;yaw:nan;roll:inf;pitch:1e99;".as_slice();
    for last in 10..60 {
        let stranger = UdpSocket::bind((format!("127.0.1.{last}"), 0)).unwrap();
        for from in [&stranger, &own] {
            for datagram in [&giant, escapes, odd, b""] {
                from.send_to(datagram, ("127.0.0.1", port)).unwrap();
            }
        }
    }
    flight.feed(b"battery?\n");
    flight.wait_for_stdout(b"87\n");
    flight.end_stdin();
    let finished = flight.finish();
    assert!(!finished.stderr.contains('\x1b'), "{}", finished.stderr);
    let told = finished.stderr.matches("none of the drones").count();
    assert!(told <= 8, "{told} times: {}", finished.stderr);
}

/// A simulator and a console that takes its video until there is a key frame and a bit.
fn filmed(args: &[&str], folder: &tempfile::TempDir, file: &str) -> String {
    let (_simulator, host) = simulated(&["--sdk", "3.0"]);
    let mut flight = fly(&[&host], &["--video-port", "0"])
        .args(args)
        .folder(folder)
        .hold_stdin()
        .start();
    let path = folder.path().join(file);
    flight.wait("twenty frames", |flight| {
        let _ = flight;
        std::fs::metadata(&path).is_ok_and(|it| it.len() > 20_000)
    });
    flight.feed(b"battery?\n");
    flight.wait_for_stdout(b"\n");
    flight.end_stdin();
    flight.finish().check_code(0).stderr
}

#[test]
fn video_is_saved_and_counted_and_others_play_it() {
    let folder = folder();
    let told = filmed(&["--video", "flight.h264"], &folder, "flight.h264");
    let path = folder.path().join("flight.h264");
    let saved = std::fs::read(&path).unwrap();
    let (_, counts) = told
        .split_once("video of drone 1 to `flight.h264`: ")
        .unwrap();
    let numbers: Vec<usize> = counts
        .lines()
        .next()
        .unwrap()
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    let [frames, keys, flawed, bytes] = numbers[..] else {
        panic!("{told}")
    };
    assert!(frames >= 15 && keys >= 1, "{told}");
    assert_eq!((flawed, bytes), (0, saved.len()), "{told}");
    if !need("ffprobe") {
        return;
    }
    let asked = [
        "-v",
        "error",
        "-count_frames",
        "-show_entries",
        "stream=codec_name,width,height,nb_read_frames",
        "-of",
        "csv=p=0",
        path.to_str().unwrap(),
    ];
    let probed = Program::new("ffprobe", &asked).run().check_code(0);
    let found: Vec<&str> = probed.text().trim().split(',').collect();
    assert_eq!(found[..3], ["h264", "960", "720"], "{}", probed.told());
    // The last frame may have been cut off by the end of the flight.
    let decoded: usize = found[3].parse().unwrap();
    assert!(
        (frames - 1..=frames).contains(&decoded),
        "{decoded} of {frames}"
    );
}

#[test]
fn a_player_gets_the_video_on_its_stdin() {
    let folder = folder();
    let told = filmed(&["--player", "cat > seen.h264"], &folder, "seen.h264");
    assert!(told.contains("to `cat > seen.h264`: "), "{told}");
    let seen = std::fs::read(folder.path().join("seen.h264")).unwrap();
    // The parameters without which nothing can be decoded.
    assert!(seen.starts_with(&[0, 0, 0, 1, 0x67]));
}

#[test]
fn a_player_that_ends_does_not_end_the_flight() {
    let (_simulator, host) = simulated(&["--sdk", "3.0"]);
    fly(&[&host], &["--video-port", "0", "--player", "exit 1"])
        .stdin("takeoff\nforward 100\nland\n")
        .run()
        .check_code(0)
        .check_stdout("ok\nok\nok\n")
        .check_stderr(&["`exit 1` takes no more video"]);
}

#[test]
fn g3_packets_are_shown_without_passwords() {
    let (drone, host) = drone(&["sdk=30"]);
    let finished = fly(&[&host], &["--sdk", "rmtt", "--json", "--wire"])
        .stdin("ap home s3cret\nap?\nbattery?\n")
        .run();
    if finished.stderr.contains("not permitted") || finished.stderr.contains("permission") {
        return say(&format!("skipped: {}", finished.stderr.trim()));
    }
    let finished = finished.check_code(0);
    assert_eq!(told(&drone), ["ap home s3cret", "ap?"]);
    let packets: Vec<&str> = finished
        .text()
        .lines()
        .filter(|line| line.contains("\"packet\""))
        .collect();
    assert!(packets.len() >= 6, "{}", finished.text());
    // As text, and as hexadecimal.
    assert!(!finished.text().contains("s3cret"), "{}", finished.text());
    assert!(
        !finished.text().contains("733363726574"),
        "{}",
        finished.text()
    );
    // `ap home ******`
    assert!(
        packets
            .iter()
            .any(|line| line.contains("617020686f6d65202a2a2a2a2a2a")),
        "{packets:?}"
    );
}
