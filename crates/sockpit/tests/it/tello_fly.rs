//! `sockpit tello fly`, against a small drone in Python and against our own simulator.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{Program, Running, Signal, TempDir, contains, python, sockpit};

/// A drone with a few faults: `key=value` words say which. It prints its port, its address and then
/// every command that it hears. The port for its state, 0 for none, is an option as well.
const DRONE: &str = "
import select, socket, sys, time
options = dict(pair.split('=', 1) for pair in sys.argv[1:])
drone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
drone.bind((options.get('at', '127.0.0.1'), 0))
print(drone.getsockname()[1])
print('at', drone.getsockname()[0])
takes, refused = float(options.get('takes', '0.05')), options.get('refuse', '').split(',')
mute, state_port = options.get('mute', '').split(','), int(options.get('state', '0'))
client, height, replies, next_state = None, 0, [], 0
values = {'sdk?': options.get('sdk', '20'), 'battery?': '87', 'speed?': '100.0', 'hardware?': 'TELLO', 'ap?': 'home s3cret', 'attitude?': 'pitch:0;roll:0;yaw:0;', 'sn?': options.get('sn', '0TQ')}
while True:
    ready, _, _ = select.select([drone], [], [], 0.01)
    now = time.time()
    if ready:
        datagram, who = drone.recvfrom(2048)
        text = datagram.decode('latin-1').strip()
        print('>', text)
        word = text.split()[0] if text else ''
        if word == 'command':
            if client is None and 'junk' in options: drone.sendto(bytes([0xcc]) + bytes(31), who)
            client = who
        if client is None or word in mute or word in ('rc', 'emergency'): continue
        if word in ('takeoff', 'land'): height = 80 if word == 'takeoff' else 0
        answer = 'error Motor stop' if word in refused else values.get(word, 'ok')
        moves = word in ('takeoff', 'land', 'forward', 'up')
        replies.append((now + (takes if moves else 0), answer, who))
    for reply in [reply for reply in replies if reply[0] <= now]:
        replies.remove(reply)
        drone.sendto(reply[1].encode(), reply[2])
    if client and state_port and now >= next_state:
        next_state = now + 0.1
        state = 'pitch:1;roll:-2;yaw:45;vgx:0;vgy:0;vgz:0;templ:50;temph:54;tof:%d;h:%d;bat:66;baro:1.50;time:7;agx:1.00;agy:2.00;agz:-3.00;'
        drone.sendto((state % (height + 10, height)).encode(), (client[0], state_port))
";

/// A drone, and where it takes commands.
pub(crate) fn drone(options: &[&str]) -> (Running, String) {
    let drone = python(DRONE, options).start();
    let at = options.iter().find_map(|it| it.strip_prefix("at="));
    let host = format!("{}:{}", at.unwrap_or("127.0.0.1"), drone.printed_port());
    (drone, host)
}

/// `sockpit tello fly` without state, which a test that looks at state asks for.
pub(crate) fn fly(hosts: &[&str], args: &[&str]) -> Program {
    let mut program = sockpit(&["tello", "fly", "--state-port", "0"]);
    for host in hosts {
        program = program.args(&["--host", host]);
    }
    program.args(args)
}

/// What a drone was told, without what gets to know it.
pub(crate) fn told(drone: &Running) -> Vec<String> {
    wait_until_heard(drone);
    let text = String::from_utf8_lossy(&drone.stdout()).into_owned();
    let commands = text.lines().filter_map(|line| line.strip_prefix("> "));
    let is_news = |text: &&str| {
        !["command", "speed?", "sdk?", "battery?", OVER].contains(text)
            && !text.starts_with("port ")
    };
    let mut commands: Vec<String> = commands.filter(is_news).map(str::to_owned).collect();
    // What does no harm twice may be said twice.
    commands.dedup();
    commands
}

/// No command of any drone.
const OVER: &str = "over?";

/// Waits until a drone has printed all that it was told: its one socket hears in order.
fn wait_until_heard(drone: &Running) {
    let text = String::from_utf8_lossy(&drone.stdout()).into_owned();
    let ip = text.lines().find_map(|line| line.strip_prefix("at "));
    let ip: IpAddr = ip.expect("it says where it is").parse().unwrap();
    let ours = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    ours.send_to(OVER.as_bytes(), (ip, drone.printed_port()))
        .unwrap();
    drone.wait_for_stdout(format!("> {OVER}\n").as_bytes());
}

#[test]
fn a_pipe_gets_the_replies_and_what_took_off_lands() {
    let (drone, host) = drone(&[]);
    fly(&[&host], &[])
        .stdin("battery?\ntakeoff\nforward 50\n")
        .run()
        .check_code(0)
        .check_stdout("87\nok\nok\n");
    assert_eq!(told(&drone), ["takeoff", "forward 50", "land"]);
}

#[test]
fn sticks_have_no_reply_and_are_not_waited_for() {
    let (drone, host) = drone(&[]);
    let finished = fly(&[&host], &[]).stdin("rc 0 10 0 0\nbattery?\n").run();
    finished.check_code(0).check_stdout("87\n");
    assert_eq!(told(&drone), ["rc 0 10 0 0"]);
}

#[test]
fn what_a_drone_refuses_is_explained_and_the_code_is_3() {
    let (_drone, host) = drone(&["refuse=takeoff"]);
    let finished = fly(&[&host], &[]).stdin("takeoff\n").run().check_code(3);
    assert_eq!(finished.text(), "error Motor stop\n");
    assert!(
        finished.stderr.contains("battery is too low"),
        "{}",
        finished.stderr
    );
}

#[test]
fn what_no_drone_takes_is_never_sent() {
    let (drone, host) = drone(&[]);
    let finished = fly(&[&host], &[])
        .stdin("forward 5\nup 50\n")
        .run()
        .check_code(2);
    assert!(finished.stderr.contains("20–500 cm"), "{}", finished.stderr);
    assert_eq!(told(&drone), [] as [&str; 0]);
}

#[test]
fn an_old_drone_is_known_by_its_answer_and_gets_no_new_command() {
    let (drone, host) = drone(&["sdk=unknown command: sdk?"]);
    let finished = fly(&[&host], &[]).stdin("mon\n").run().check_code(2);
    assert!(finished.stderr.contains("2.0"), "{}", finished.stderr);
    assert_eq!(told(&drone), [] as [&str; 0]);
}

#[test]
fn packets_of_the_app_are_no_reply() {
    let (_drone, host) = drone(&["junk=1"]);
    let finished = fly(&[&host], &[]).stdin("battery?\n").run();
    finished.check_code(0).check_stdout("87\n");
}

#[test]
fn each_drone_of_a_swarm_gets_its_own_commands() {
    let (one, first) = drone(&["at=127.0.0.2"]);
    let (two, second) = drone(&["at=127.0.0.3"]);
    let finished = fly(&[&first, &second], &[])
        .stdin("2>up 50\n*>battery?\n1>forward 30\n3>land\n")
        .run()
        .check_code(2);
    assert!(
        finished.stderr.contains("there is no drone 3"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.text().starts_with("2: ok\n"),
        "{}",
        finished.text()
    );
    assert_eq!(told(&one), ["forward 30", "land"]);
    assert_eq!(told(&two), ["up 50", "land"]);
}

#[test]
fn g3_no_password_is_in_any_record() {
    let (drone, host) = drone(&["sdk=30"]);
    let folder = TempDir::new().unwrap();
    let args = ["--sdk", "rmtt", "--json", "--record", "flight.jsonl"];
    let finished = fly(&[&host], &args)
        .folder(&folder)
        .stdin("ap home s3cret\nap?\n")
        .run()
        .check_code(0);
    assert_eq!(told(&drone), ["ap home s3cret", "ap?"], "the drone has it");
    let recorded = std::fs::read_to_string(folder.path().join("flight.jsonl")).unwrap();
    for text in [finished.text(), &recorded, &finished.stderr] {
        // As text, and as hexadecimal.
        assert!(
            !text.contains("s3cret") && !text.contains("733363726574"),
            "{text}"
        );
    }
    assert!(recorded.contains("ap home ***"), "{recorded}");
}

#[test]
fn nobody_there_is_told_with_what_may_be_wrong() {
    let (drone, host) = drone(&["mute=command"]);
    let finished = fly(&[&host], &[]).stdin("takeoff\n").run().check_code(1);
    assert!(
        finished.stderr.contains("no answer from"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("Wi-Fi"), "{}", finished.stderr);
    assert_eq!(told(&drone), [] as [&str; 0]);
}

#[test]
fn sigterm_lands_first() {
    let (drone, host) = drone(&[]);
    let mut flight = fly(&[&host], &[]).hold_stdin().start();
    flight.feed(b"takeoff\n");
    flight.wait_for_stdout(b"ok\n");
    flight.signal(Signal::TERM);
    flight.finish().check_code(143);
    assert_eq!(told(&drone), ["takeoff", "land"]);
}

/// A console on a terminal, ready, with `takeoff` typed and answered.
pub(crate) fn in_the_air(host: &str, folder: &TempDir) -> Running {
    let args = ["tello", "fly", "--state-port", "0", "--host", host];
    let state = folder.path().display().to_string();
    let mut flight = sockpit_on_a_terminal(Size::USUAL, &args)
        .env("TERM", "xterm")
        .env("XDG_STATE_HOME", &state)
        .hold_stdin()
        .start();
    flight.wait_for_stdout(b"ready: SDK 2.0, battery 87 %");
    flight.feed(b"takeoff\r");
    // The reply, with the command and its time behind it.
    flight.wait_for_stdout(b"takeoff, ");
    flight
}

#[test]
fn ctrl_c_lands_and_waits_for_it() {
    let (drone, host) = drone(&["takes=0.3"]);
    let folder = TempDir::new().unwrap();
    let mut flight = in_the_air(&host, &folder);
    flight.feed(b"\x03");
    flight.wait_for_stdout(b"landed");
    flight.finish().check_code(130);
    assert_eq!(told(&drone), ["takeoff", "land"]);
}

#[test]
fn ctrl_c_twice_stops_the_motors() {
    let (drone, host) = drone(&["mute=land"]);
    let folder = TempDir::new().unwrap();
    let mut flight = in_the_air(&host, &folder);
    flight.feed(b"\x03");
    flight.wait_for_stdout(b"landing");
    // A second one that comes with the first is the same. `land` is said each 0.3 s: by the third
    // there was time to press it twice.
    drone.wait("a third `land`", |drone| {
        String::from_utf8_lossy(&drone.stdout())
            .matches("> land")
            .count()
            >= 3
    });
    flight.feed(b"\x03");
    flight.finish().check_code(130);
    assert_eq!(told(&drone).last().unwrap(), "emergency");
}

#[test]
fn words_are_completed_and_hinted_and_passwords_are_not_remembered() {
    let (drone, host) = drone(&[]);
    let folder = TempDir::new().unwrap();
    let mut flight = in_the_air(&host, &folder);
    flight.feed(b"forw\t");
    flight.wait_for_stdout("x 20–500 cm".as_bytes());
    flight.feed(b"40\r");
    flight.wait_for_stdout("forward 40, ".as_bytes());
    flight.feed(b"ap home s3cret\r");
    // The reply; the line as it is typed has a star a letter.
    flight.wait_for_stdout(b"ap home ***, ");
    flight.feed(b"\x04");
    let finished = flight.finish().check_code(0);
    assert_eq!(
        told(&drone),
        ["takeoff", "forward 40", "ap home s3cret", "land"]
    );
    assert!(!String::from_utf8_lossy(&finished.stdout).contains("s3cret"));
    let history = std::fs::read_to_string(folder.path().join("sockpit/tello-history")).unwrap();
    assert!(
        history.contains("forward 40") && !history.contains("s3cret"),
        "{history}"
    );
}

#[test]
fn keys_move_the_sticks_which_spring_back() {
    let (drone, host) = drone(&[]);
    let folder = TempDir::new().unwrap();
    let mut flight = in_the_air(&host, &folder);
    flight.feed(b"/stick\r");
    flight.wait_for_stdout(b"sticks> ");
    flight.feed(b"w");
    drone.wait_for_stdout(b"> rc 0 40 0 0");
    drone.wait_for_stdout(b"> rc 0 0 0 0");
    flight.feed(b"q");
    flight.feed(b"/quit\r");
    flight.finish().check_code(0);
    assert_eq!(told(&drone).last().unwrap(), "land");
}

/// Our own simulator, ten times as fast, and where it takes commands.
pub(crate) fn simulated(args: &[&str]) -> (Running, String) {
    let simulator = sockpit(&["tello", "simulate", "--bind", "127.0.0.1:0"])
        .args(&["--speed-up", "10"])
        .args(args)
        .start();
    let host = simulator.address().replace("udp://", "");
    (simulator, host)
}

#[test]
fn a_key_without_a_meaning_ends_a_search_and_breaks_nothing() {
    let (drone, host) = drone(&[]);
    let folder = TempDir::new().unwrap();
    let mut flight = in_the_air(&host, &folder);
    flight.feed(b"forward 40\r");
    flight.wait_for_stdout(b"forward 40, ");
    // Alt-Ctrl-U, and F1.
    for key in [b"\x1b\x15".as_slice(), b"\x1bOP"] {
        flight.feed(b"\x12forw");
        flight.wait_for_stdout(b"(reverse-i-search)`forw': ");
        flight.feed(key);
        flight.feed(b"\x07\x05\x15");
    }
    flight.feed(b"up 40\r");
    flight.wait_for_stdout(b"up 40, ");
    flight.feed(b"/quit\r");
    let finished = flight.finish().check_code(0);
    assert!(!contains(&finished.stdout, b"panicked"));
    assert_eq!(told(&drone), ["takeoff", "forward 40", "up 40", "land"]);
}

#[test]
fn several_candidates_are_listed_above_the_line() {
    let (_drone, host) = drone(&[]);
    let folder = TempDir::new().unwrap();
    let mut flight = in_the_air(&host, &folder);
    flight.feed(b"f\t");
    flight.wait_for_stdout(b"forward  flip");
    flight.feed(b"l\t");
    flight.wait_for_stdout(b"l|r|f|b");
    flight.feed(b"f\r");
    flight.wait_for_stdout(b"flip f, ");
    flight.feed(b"/quit\r");
    flight.finish().check_code(0);
}

#[test]
fn a_landing_whose_reply_is_in_doubt_ends_when_the_drone_says_that_it_stands() {
    let (_simulator, host) = simulated(&["--sdk", "3.0", "--fault", "joystick@up"]);
    let began = Instant::now();
    fly(&[&host], &[])
        .stdin("takeoff\nup 50\nland\n")
        .run()
        .check_code(3)
        .check_stdout("ok\nerror Not joystick\nok\n");
    assert!(began.elapsed() < Duration::from_secs(12));
}

#[test]
fn a_drone_that_was_never_activated_says_so() {
    let (_simulator, host) = simulated(&["--sdk", "3.0", "--unactive"]);
    fly(&[&host], &[])
        .stdin("battery?\n")
        .run()
        .check_code(1)
        .check_stderr(&["`command`: unactive", "activated"]);
}

#[test]
fn a_drone_that_does_not_say_what_it_is_can_be_flown() {
    let (drone, host) = drone(&["mute=battery?"]);
    fly(&[&host], &[])
        .stdin("takeoff\nspeed?\n")
        .run()
        .check_code(0)
        .check_stdout("ok\n100.0\n");
    assert!(told(&drone).ends_with(&["takeoff".to_owned(), "land".to_owned()]));
}

#[test]
fn one_ctrl_c_that_comes_twice_lands() {
    // Well within the time in which a second one counts as the same.
    const TOGETHER: Duration = Duration::from_millis(100);
    loop {
        let (drone, host) = drone(&["takes=0.3"]);
        let mut flight = fly(&[&host], &[]).hold_stdin().start();
        flight.feed(b"takeoff\n");
        flight.wait_for_stdout(b"ok\n");
        let began = Instant::now();
        flight.signal(Signal::INT);
        flight.signal(Signal::INT);
        let apart = began.elapsed();
        flight.finish().check_code(130);
        // Those that the test was kept from sending together are two.
        if apart < TOGETHER {
            assert_eq!(told(&drone), ["takeoff", "land"]);
            return;
        }
    }
}
